//! A request as the binary hands it in, and how its parts are read: bounded, strict, nothing guessed.

use std::{borrow::Cow, net::IpAddr};

use vocabulary::Timestamp;

/// Longest query string that is looked at, in bytes.
const QUERY_BYTES_MAX: usize = 4096;
/// Most fields of a form or query that are looked at.
const FIELDS_MAX: usize = 1024;
/// Longest path that can lead anywhere, in bytes: three names and the words between.
const PATH_BYTES_MAX: usize = 512;

/// What a caller wants with a path.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Method {
    /// Look.
    Get,
    /// Look at the headers only; answered like [`Get`](Self::Get) with the body left out by the binary.
    Head,
    /// Act.
    Post,
    /// Anything else; refused everywhere.
    Other,
}

impl Method {
    /// Reads the word of the request line.
    #[must_use]
    pub fn read(word: &str) -> Self {
        match word {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "POST" => Self::Post,
            _ => Self::Other,
        }
    }

    /// Whether it may change something.
    #[must_use]
    pub const fn is_unsafe(self) -> bool {
        match self {
            Self::Get | Self::Head => false,
            Self::Post | Self::Other => true,
        }
    }
}

/// One request, read whole by the binary.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is wanted.
    pub method: Method,
    /// The path as sent, still escaped, without query.
    pub path: String,
    /// The query as sent, without the question mark.
    pub query: String,
    /// Header names in lower case, with their values, in the order they came.
    pub headers: Vec<(String, String)>,
    /// The body, read whole. The binary stops reading at [`BODY_BYTES_MAX`](crate::BODY_BYTES_MAX).
    pub body: Vec<u8>,
    /// Who is at the other end of the connection.
    pub peer: IpAddr,
    /// The time, for people and for the life of sessions.
    pub now: Timestamp,
    /// 32 random bytes, drawn for this request only.
    pub entropy: [u8; 32],
}

impl Request {
    /// The value of a header, if it came exactly once. Two of the same are nobody's intention.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self
            .headers
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name));
        match (found.next(), found.next()) {
            (Some((_, value)), None) => Some(value),
            (Some(_), Some(_)) | (None, _) => None,
        }
    }

    /// Whether a header came at all.
    #[must_use]
    pub fn has_header(&self, name: &str) -> bool {
        self.headers
            .iter()
            .any(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    /// The value of a cookie, if it came exactly once.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let mut found = self
            .headers
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case("cookie"))
            .flat_map(|(_, value)| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(known, _)| *known == name);
        match (found.next(), found.next()) {
            (Some((_, value)), None) => Some(value),
            (Some(_), Some(_)) | (None, _) => None,
        }
    }

    /// One field of the query; unknown ones are nobody's business and are ignored.
    #[must_use]
    pub fn query_field(&self, name: &str) -> Option<String> {
        let query = self.query.get(..QUERY_BYTES_MAX.min(self.query.len()))?;
        fields(query)
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// The body as a form.
    #[must_use]
    pub fn form(&self) -> Form {
        let is_form = self.header("content-type").is_some_and(|kind| {
            kind.split(';')
                .next()
                .is_some_and(|kind| kind.trim() == "application/x-www-form-urlencoded")
        });
        let text = if is_form {
            core::str::from_utf8(&self.body).unwrap_or_default()
        } else {
            ""
        };
        Form(
            fields(text)
                .map(|(key, value)| (key.into_owned(), value.into_owned()))
                .collect(),
        )
    }

    /// 32 bytes for one purpose, derived from this request's randomness so that two purposes never share a secret.
    #[must_use]
    pub fn random(&self, purpose: &str) -> [u8; 32] {
        let mut hasher = vocabulary::Hasher::new();
        hasher.update(b"bulkhead console\0");
        hasher.update(purpose.as_bytes());
        hasher.update(b"\0");
        hasher.update(&self.entropy);
        *hasher.finish().as_bytes()
    }
}

/// The fields of a form, in the order they came.
#[derive(Clone, Debug, Default)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// Takes fields that were read elsewhere.
    #[must_use]
    pub(crate) const fn of(fields: Vec<(String, String)>) -> Self {
        Self(fields)
    }

    /// The first value of a field; absent and empty are the same to a person filling in a form.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, value)| key == name && !value.trim().is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// Every value of a field that is not empty.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(key, value)| key == name && !value.trim().is_empty())
            .map(|(_, value)| value.as_str())
    }
}

/// Splits `a=b&c=d`. What cannot be decoded stands for nothing.
fn fields(text: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    text.split('&').take(FIELDS_MAX).filter_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((decode(key)?, decode(value)?))
    })
}

/// Undoes the escaping of forms. `None` for a broken escape or what is not UTF-8.
fn decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains(['%', '+']) {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => nibble(rest.next()?)? << 4 | nibble(rest.next()?)?,
            other => other,
        });
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

/// A path as its names, or nothing if it is none of ours. Our paths need no escapes, so an escape, an empty name, a dot
/// name or any other trick leads nowhere instead of being tidied up.
#[must_use]
pub(crate) fn names_of_path(path: &str) -> Option<Vec<&str>> {
    let rest = path.strip_prefix('/')?;
    if rest.is_empty() {
        return Some(Vec::new());
    }
    let plain = |name: &str| {
        !name.is_empty()
            && name != "."
            && name != ".."
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.'))
    };
    let names: Vec<&str> = rest.split('/').collect();
    (path.len() <= PATH_BYTES_MAX && names.iter().all(|name| plain(name))).then_some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_decoded_and_rubbish_stands_for_nothing() {
        let pairs: Vec<_> = fields("a=1+2&b=%C3%A4&c=%zz&d=%ff&e")
            .map(|(key, value)| (key.into_owned(), value.into_owned()))
            .collect();
        let shown: Vec<(&str, &str)> = pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(shown, [("a", "1 2"), ("b", "ä"), ("e", "")]);
    }

    #[test]
    fn path_tricks_lead_nowhere() {
        for bad in [
            "",
            "plan",
            "//",
            "//evil.example",
            "/plan/",
            "/zelle/../kasse",
            "/./plan",
            "/%2e%2e/plan",
            "/plan%00",
            "/zelle\\kasse",
            "/Plan",
            "/plan;x=1",
            "/plan\r\nX: y",
        ] {
            assert_eq!(names_of_path(bad), None, "{bad:?}");
        }
        assert_eq!(names_of_path("/"), Some(Vec::new()));
        assert_eq!(
            names_of_path("/zelle/kasse-001/kim"),
            Some(vec!["zelle", "kasse-001", "kim"])
        );
    }
}
