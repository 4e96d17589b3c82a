//! Mail to people, handed to a submission server outside the estate (RFC 6409, RFC 5321, RFC 4954): one session per
//! message, always over TLS, every reply and wait bounded.
//!
//! A client of our own: the usual crate for this brings 26 crates we do not have, most of them for names in other
//! scripts that our addresses cannot contain.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write},
    net::{SocketAddr, TcpStream, ToSocketAddrs as _},
    sync::Arc,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use readiness::{
    callout::{Cause, MessageId},
    contacts::MailAddress,
    gateway::Letter,
};
use rustls::{ClientConfig, ClientConnection, StreamOwned, pki_types::ServerName};
use vocabulary::Timestamp;

use super::config::MailTls;

/// Longest wait for one reply.
const WAIT: Duration = Duration::from_secs(20);
/// Longest reply line (RFC 5321, 4.5.3.1.5), with room for servers that talk much.
const LINE_BYTES_MAX: u64 = 2_048;
/// Most lines of one reply.
const LINES_MAX: usize = 64;
/// Bytes of a subject in one encoded word: 75 characters at most (RFC 2047), base64 of 45 bytes has 60.
const WORD_BYTES: usize = 45;
/// Bytes of a body in one line of base64: 76 characters (RFC 2045).
const ROW_BYTES: usize = 57;

/// A submission server, ready.
pub(super) struct Submission {
    pub(super) name: ServerName<'static>,
    pub(super) host: String,
    pub(super) address: Option<SocketAddr>,
    pub(super) port: u16,
    pub(super) tls: MailTls,
    pub(super) client: Arc<ClientConfig>,
    pub(super) user: String,
    pub(super) password: String,
    pub(super) from: MailAddress,
}

/// A session's trouble: what the journal keeps.
impl From<std::io::Error> for Failed {
    fn from(error: std::io::Error) -> Self {
        tracing::warn!(%error, "the mail server was not reached or broke off");
        Self(Cause::Unreached)
    }
}

struct Failed(Cause);

impl Submission {
    /// Hands one letter over. Blocks: not for a thread that serves others.
    ///
    /// # Errors
    /// Why it did not go out, as the journal keeps it.
    pub(super) fn submit(
        &self,
        to: &MailAddress,
        letter: &Letter,
        id: &MessageId,
        now: Timestamp,
    ) -> Result<(), Cause> {
        let message = self.message(to, letter, id, now).ok_or(Cause::Refused)?;
        self.session(to, &message).map_err(|Failed(cause)| cause)
    }

    fn session(&self, to: &MailAddress, message: &str) -> Result<(), Failed> {
        let stream = self.connect()?;
        stream.set_read_timeout(Some(WAIT))?;
        stream.set_write_timeout(Some(WAIT))?;
        let mut line = match self.tls {
            MailTls::Implicit => {
                let mut line = Line::over(self.secured(stream)?);
                line.hear(220)?;
                line
            }
            MailTls::Starttls => {
                let mut plain = Line::over(stream);
                plain.hear(220)?;
                plain.ask("EHLO bulkhead", 250)?;
                plain.ask("STARTTLS", 220)?;
                Line::over(self.secured(plain.into_inner()?)?)
            }
        };
        line.ask("EHLO bulkhead", 250)?;
        let secret = STANDARD.encode(format!("\0{}\0{}", self.user, self.password));
        line.ask(&format!("AUTH PLAIN {secret}"), 235)?;
        line.ask(&format!("MAIL FROM:<{}>", self.from.as_str()), 250)?;
        line.ask(&format!("RCPT TO:<{}>", to.as_str()), 250)?;
        line.ask("DATA", 354)?;
        line.write(message)?;
        line.ask(".", 250)?;
        // It is taken; how the server says good-bye changes nothing.
        let _said = line.ask("QUIT", 221);
        Ok(())
    }

    fn connect(&self) -> std::io::Result<TcpStream> {
        if let Some(address) = self.address {
            return TcpStream::connect_timeout(&address, WAIT);
        }
        let mut last = None;
        for address in (self.host.as_str(), self.port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, WAIT) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| std::io::Error::other("the name has no address")))
    }

    fn secured(&self, stream: TcpStream) -> std::io::Result<StreamOwned<ClientConnection, TcpStream>> {
        let connection =
            ClientConnection::new(self.client.clone(), self.name.clone()).map_err(std::io::Error::other)?;
        Ok(StreamOwned::new(connection, stream))
    }

    /// The message with its headers, lines ended by CRLF. Its body is base64, so no line begins with a dot or is too long.
    fn message(&self, to: &MailAddress, letter: &Letter, id: &MessageId, now: Timestamp) -> Option<String> {
        let date = jiff::Timestamp::from_second(now.0).ok()?;
        let date = date.to_zoned(jiff::tz::TimeZone::UTC);
        let date = jiff::fmt::rfc2822::to_string(&date).ok()?;
        let domain = self.from.as_str().rsplit('@').next()?;
        let body = letter.body.replace('\n', "\r\n");
        let rows: Vec<String> = body
            .as_bytes()
            .chunks(ROW_BYTES)
            .map(|row| STANDARD.encode(row))
            .collect();
        let headers = [
            format!("From: <{}>", self.from.as_str()),
            format!("To: <{}>", to.as_str()),
            format!("Subject: {}", subject(&letter.subject)),
            format!("Date: {date}"),
            format!("Message-ID: <{}@{domain}>", id.for_gateway()),
            "Auto-Submitted: auto-generated".to_owned(),
            "MIME-Version: 1.0".to_owned(),
            "Content-Type: text/plain; charset=utf-8".to_owned(),
            "Content-Transfer-Encoding: base64".to_owned(),
        ];
        Some(format!(
            "{}\r\n\r\n{}\r\n",
            headers.join("\r\n"),
            rows.join("\r\n")
        ))
    }
}

/// A subject in encoded words, none of which cuts a character.
fn subject(text: &str) -> String {
    let mut words = vec![String::new()];
    for c in text.chars().filter(|c| !c.is_control()) {
        match words.last_mut() {
            Some(word) if word.len() + c.len_utf8() <= WORD_BYTES => word.push(c),
            Some(_) | None => words.push(c.to_string()),
        }
    }
    let words: Vec<String> = words
        .iter()
        .map(|word| format!("=?utf-8?B?{}?=", STANDARD.encode(word)))
        .collect();
    words.join("\r\n ")
}

/// A conversation by lines.
struct Line<S: std::io::Read + Write>(BufReader<S>);

impl<S: std::io::Read + Write> Line<S> {
    fn over(stream: S) -> Self {
        Self(BufReader::new(stream))
    }

    /// The stream below, unless the server talked ahead of TLS: such words could be anybody's.
    fn into_inner(self) -> Result<S, Failed> {
        if self.0.buffer().is_empty() {
            Ok(self.0.into_inner())
        } else {
            Err(Failed(Cause::Garbled))
        }
    }

    fn write(&mut self, text: &str) -> std::io::Result<()> {
        self.0.get_mut().write_all(text.as_bytes())
    }

    fn ask(&mut self, line: &str, wanted: u16) -> Result<(), Failed> {
        self.write(&format!("{line}\r\n"))?;
        self.0.get_mut().flush()?;
        self.hear(wanted)
    }

    /// Reads one reply.
    fn hear(&mut self, wanted: u16) -> Result<(), Failed> {
        for _ in 0..LINES_MAX {
            let mut line = Vec::new();
            (&mut self.0).take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
            let code = line.get(..3).and_then(|code| std::str::from_utf8(code).ok());
            let Some(code) = code.and_then(|code| code.parse::<u16>().ok()) else {
                return Err(Failed(if line.is_empty() {
                    Cause::Unreached
                } else {
                    Cause::Garbled
                }));
            };
            match line.get(3) {
                Some(b'-') => {}
                Some(_) | None if code == wanted => return Ok(()),
                Some(_) | None => {
                    tracing::warn!(code, wanted, "the mail server did not take a message");
                    return Err(Failed(cause(code)));
                }
            }
        }
        Err(Failed(Cause::Garbled))
    }
}

/// What a refusing reply means (RFC 5321, 4.2.1; RFC 4954, 6).
const fn cause(code: u16) -> Cause {
    match code {
        530 | 534 | 535 | 538 => Cause::NotAdmitted,
        400..=499 => Cause::Unreached,
        500..=599 => Cause::Refused,
        _ => Cause::Garbled,
    }
}

#[cfg(test)]
mod tests {
    use super::{WORD_BYTES, subject};

    #[test]
    fn long_subjects_are_folded_and_no_character_is_cut() {
        let text = "ÜBUNG Beispiel IT: Türen werden geschlossen. Bitte in den Krisenraum";
        let folded = subject(text);
        assert!(folded.lines().all(|line| line.trim_end().len() <= 76), "{folded}");
        let plain: Vec<u8> = folded
            .split_whitespace()
            .flat_map(|word| {
                let inner = word
                    .strip_prefix("=?utf-8?B?")
                    .unwrap()
                    .strip_suffix("?=")
                    .unwrap();
                let bytes =
                    base64::Engine::decode(&base64::engine::general_purpose::STANDARD, inner).unwrap();
                assert!(bytes.len() <= WORD_BYTES && std::str::from_utf8(&bytes).is_ok());
                bytes
            })
            .collect();
        assert_eq!(plain, text.as_bytes());
    }
}
