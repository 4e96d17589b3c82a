//! Logging in at the control room: what is signed, and the check of it.
//!
//! A log-in is no statement. It is signed over other bytes (one line that begins with [`Challenge::WORD`], where every
//! statement begins with `DSSEv1`) and in another SSHSIG namespace ([`LOGIN_NAMESPACE`]), so neither can ever be taken
//! for the other, whoever relays it.

use alloc::{
    format,
    string::{String, ToString as _},
    vec::Vec,
};
use core::{fmt, str::FromStr};
use serde::{Deserialize, Serialize};
use vocabulary::{BadId, Digest, EstateId, Signature, Timestamp};

use crate::{
    key::KeyId,
    sshsig::{BadSignature, LOGIN_NAMESPACE, verify_in},
};

/// Longest challenge in bytes.
const CHALLENGE_BYTES_MAX: usize = 512;
/// Longest origin in bytes: a host name and a port.
const ORIGIN_BYTES_MAX: usize = 270;

/// Why a text is no challenge.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadChallenge {
    /// Not the one line a console writes.
    #[error(
        "Das ist keine Anmelde-Aufforderung eines Leitstands; sie wird nicht unterschrieben. / This is no log-in challenge of a control room; it is not signed."
    )]
    Form,
    /// A name in it is none.
    #[error(
        "Die Aufforderung nennt keinen gültigen Verbund ({0}). / The challenge names no valid estate ({0})."
    )]
    Estate(#[from] BadId),
    /// Its origin is none.
    #[error(transparent)]
    Origin(#[from] BadOrigin),
}

/// A text that is no origin of a console.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "„{0}“ ist keine Adresse eines Leitstands; Form: https://name[:port], http:// nur auf diesem Rechner. / \"{0}\" is no address of a control room; form: https://name[:port], http:// on this machine only."
)]
pub struct BadOrigin(String);

/// Where a console is reached, as browsers name it: scheme, host and a port that is not the scheme's own. Plain HTTP is
/// an origin on loopback only.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ConsoleOrigin(String);

impl ConsoleOrigin {
    /// The origin as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host, without brackets and port.
    #[must_use]
    pub fn host(&self) -> &str {
        split(&self.0).map_or("", |(_, host, _)| host.trim_matches(['[', ']']))
    }

    /// The port, said or the scheme's own.
    #[must_use]
    pub fn port(&self) -> u16 {
        split(&self.0).map_or(0, |(scheme, _, port)| port.unwrap_or(scheme.port()))
    }

    /// Whether it is reached by TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.0.starts_with("https://")
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

impl Scheme {
    const fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Scheme, host and port. An IPv6 host keeps its brackets.
fn split(text: &str) -> Option<(Scheme, &str, Option<u16>)> {
    let (scheme, rest) = match text.strip_prefix("https://") {
        Some(rest) => (Scheme::Https, rest),
        None => (Scheme::Http, text.strip_prefix("http://")?),
    };
    let host_ends = rest.find(']').map_or(0, |at| at.saturating_add(1));
    match rest.get(host_ends..)?.split_once(':') {
        None => Some((scheme, rest, None)),
        Some((_, port)) => {
            let host = rest.strip_suffix(port)?.strip_suffix(':')?;
            let plain =
                !port.is_empty() && !port.starts_with('0') && port.bytes().all(|b| b.is_ascii_digit());
            let port = port.parse().ok().filter(|_| plain)?;
            Some((scheme, host, Some(port)))
        }
    }
}

fn is_host(host: &str) -> bool {
    match host.strip_prefix('[') {
        Some(rest) => rest
            .strip_suffix(']')
            .is_some_and(|address| address.parse::<core::net::Ipv6Addr>().is_ok()),
        None => {
            !host.is_empty()
                && host.split('.').all(|label| {
                    !label.is_empty()
                        && !label.starts_with('-')
                        && label
                            .bytes()
                            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
                })
        }
    }
}

impl FromStr for ConsoleOrigin {
    type Err = BadOrigin;
    fn from_str(text: &str) -> Result<Self, BadOrigin> {
        let bad = || BadOrigin(text.chars().filter(|c| !c.is_control()).take(80).collect());
        let bare = text.strip_suffix('/').unwrap_or(text);
        let (scheme, host, port) = split(bare).ok_or_else(bad)?;
        let here = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        if bare.len() > ORIGIN_BYTES_MAX || !is_host(host) || (scheme == Scheme::Http && !here) {
            return Err(bad());
        }
        let scheme_word = match scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        Ok(Self(match port.filter(|port| *port != scheme.port()) {
            Some(port) => format!("{scheme_word}://{host}:{port}"),
            None => format!("{scheme_word}://{host}"),
        }))
    }
}

impl TryFrom<String> for ConsoleOrigin {
    type Error = BadOrigin;
    fn try_from(text: String) -> Result<Self, BadOrigin> {
        text.parse()
    }
}

impl From<ConsoleOrigin> for String {
    fn from(origin: ConsoleOrigin) -> Self {
        origin.0
    }
}

impl fmt::Display for ConsoleOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a console asks a person to sign: which estate, which console, once, and when. One line of text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Challenge {
    /// The estate.
    pub estate: EstateId,
    /// The console that asks. A signer signs only for the console they were going to.
    pub origin: ConsoleOrigin,
    /// Drawn by the console for this question only.
    pub nonce: Digest,
    /// When it was asked, by the console's clock.
    pub issued: Timestamp,
}

impl Challenge {
    /// What the line begins with.
    pub const WORD: &'static str = "bulkhead-login";

    /// Reads the line. A missing or foreign line end is forgiven; everything else must be exactly as [`text`](Self::text)
    /// writes it.
    ///
    /// # Errors
    /// [`BadChallenge`]: then it is not signed.
    pub fn read(text: &str) -> Result<Self, BadChallenge> {
        let line = text.trim_end_matches(['\r', '\n']);
        let fields: Vec<&str> = line.split(' ').collect();
        let [Self::WORD, "v1", estate, origin, nonce, issued] = fields.as_slice() else {
            return Err(BadChallenge::Form);
        };
        let value = |field: &str, name: &str| {
            field
                .strip_prefix(name)
                .map(str::to_string)
                .ok_or(BadChallenge::Form)
        };
        let challenge = Self {
            estate: EstateId::new(&value(estate, "estate=")?)?,
            origin: value(origin, "origin=")?.parse()?,
            nonce: value(nonce, "nonce=")?.parse().map_err(|_| BadChallenge::Form)?,
            issued: Timestamp(
                value(issued, "issued=")?
                    .parse()
                    .map_err(|_| BadChallenge::Form)?,
            ),
        };
        if line.len() > CHALLENGE_BYTES_MAX || challenge.to_string() != line {
            return Err(BadChallenge::Form);
        }
        Ok(challenge)
    }

    /// Exactly the bytes that are signed: the line and one line feed, as `echo` and an editor write it.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{self}\n")
    }

    /// Verifies a signature over it and names the key. Whose key that is, the charter says.
    ///
    /// # Errors
    /// [`BadSignature`] says why it counts for nothing; a statement's signature is never one.
    pub fn verify(&self, signature: &Signature) -> Result<KeyId, BadSignature> {
        verify_in(LOGIN_NAMESPACE, signature, self.text().as_bytes())
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} v1 estate={} origin={} nonce={} issued={}",
            Self::WORD,
            self.estate,
            self.origin,
            self.nonce,
            self.issued.0
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge() -> Challenge {
        Challenge {
            estate: "muster".parse().unwrap(),
            origin: "https://leitstand.example:8443".parse().unwrap(),
            nonce: Digest::of(b"nonce"),
            issued: Timestamp(1_682_366_400),
        }
    }

    #[test]
    fn a_challenge_reads_back_exactly_and_nothing_else_does() {
        let line = challenge().text();
        assert_eq!(Challenge::read(&line), Ok(challenge()));
        assert_eq!(Challenge::read(&line.replace('\n', "\r\n")), Ok(challenge()));
        assert_eq!(Challenge::read(line.trim_end()), Ok(challenge()));
        for bad in [
            String::new(),
            format!(" {line}"),
            line.replace("v1", "v2"),
            line.replace(" origin", "  origin"),
            line.replace("issued=", "issued=+"),
            line.replace("nonce=", "nonce=A"),
            line.replace(":8443", ":443"),
            format!("{line}reason=x\n"),
            String::from("DSSEv1 41 application/vnd.bulkhead.closing+json;v=1 2 {}"),
        ] {
            assert!(Challenge::read(&bad).is_err(), "{bad:?} must be refused");
        }
    }

    #[test]
    fn origins_are_what_browsers_send() {
        for (text, origin, host, port) in [
            (
                "https://leitstand.example/",
                "https://leitstand.example",
                "leitstand.example",
                443,
            ),
            (
                "https://leitstand.example:443",
                "https://leitstand.example",
                "leitstand.example",
                443,
            ),
            (
                "http://127.0.0.1:8080",
                "http://127.0.0.1:8080",
                "127.0.0.1",
                8080,
            ),
            (
                "https://[2001:db8::1]:8443",
                "https://[2001:db8::1]:8443",
                "2001:db8::1",
                8443,
            ),
            ("http://[::1]", "http://[::1]", "::1", 80),
        ] {
            let read: ConsoleOrigin = text.parse().unwrap();
            assert_eq!((read.as_str(), read.host(), read.port()), (origin, host, port));
        }
        for bad in [
            "",
            "leitstand.example",
            "http://leitstand.example",
            "https://",
            "https://a b",
            "https://a/b",
            "https://a@b",
            "https://Leitstand.example",
            "https://a:0",
            "https://a:99999",
            "https://a:8443:1",
            "https://[::1",
            "ftp://a",
        ] {
            assert!(bad.parse::<ConsoleOrigin>().is_err(), "{bad:?} must be refused");
        }
    }
}
