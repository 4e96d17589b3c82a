//! What goes out to gateways, and how their answers read. Requests and letters as values; the shell sends them.

pub mod hook;
pub mod seven;

use core::fmt;

/// A request to a gateway, complete but for the connection.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: &'static str,
    /// The host, always over TLS.
    pub host: &'static str,
    /// The path.
    pub path: &'static str,
    /// Headers, in order. One of them carries the key: never log them.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers carry the key, the body a person's number.
        write!(f, "{} https://{}{} (…)", self.method, self.host, self.path)
    }
}

/// A mail: the shell adds addresses, date and Message-ID, and hands it to the submission server outside the estate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Letter {
    /// One line, not folded or encoded.
    pub subject: String,
    /// Lines end in `\n`; UTF-8.
    pub body: String,
}

/// The key to a gateway. Never shown.
#[derive(Clone)]
pub struct ApiKey(String);

/// A text that cannot be a key in a header.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "Der Schlüssel des Versanddienstes hat 8 bis 256 druckbare Zeichen ohne Leerzeichen; Datei prüfen. / The gateway's key has 8 to 256 printable characters without blanks; check the file."
)]
pub struct BadApiKey;

impl ApiKey {
    /// Takes the content of the key file; blanks around it are dropped.
    ///
    /// # Errors
    /// [`BadApiKey`] when it could not stand in a header.
    pub fn new(text: &str) -> Result<Self, BadApiKey> {
        let text = text.trim();
        if (8..=256).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadApiKey)
        }
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(not shown)")
    }
}

/// Encodes pairs as `application/x-www-form-urlencoded` (WHATWG URL, section 5.2).
fn form(pairs: &[(&str, &str)]) -> String {
    let encoded: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", percent(name), percent(value)))
        .collect();
    encoded.join("&")
}

fn percent(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => {
                char::from(byte).to_string()
            }
            b' ' => String::from("+"),
            other => format!("%{other:02X}"),
        })
        .collect()
}
