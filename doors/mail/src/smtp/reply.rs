//! SMTP replies: the ones this front gives, and reading the ones a server gives.

use std::borrow::Cow;

/// One reply of ours: code, and text that begins with its enhanced status code (RFC 2034) unless the code has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Three-digit code (RFC 5321 section 4.2).
    pub code: u16,
    /// Text; lines separated by `\n`, plain ASCII, never a foreign byte.
    pub text: Cow<'static, str>,
}

impl Reply {
    /// A reply with fixed words.
    #[must_use]
    pub const fn fixed(code: u16, text: &'static str) -> Self {
        Self {
            code,
            text: Cow::Borrowed(text),
        }
    }

    /// A reply with words made for the occasion.
    #[must_use]
    pub const fn made(code: u16, text: String) -> Self {
        Self {
            code,
            text: Cow::Owned(text),
        }
    }

    /// Whether the peer may try again later (4yz).
    #[must_use]
    pub const fn is_temporary(&self) -> bool {
        self.code / 100 == 4
    }

    /// Whether the peer is told never to try again (5yz): what makes its server write an error mail.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        self.code / 100 == 5
    }

    /// Writes the reply as it goes over the wire.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut lines = self.text.split('\n').peekable();
        while let Some(line) = lines.next() {
            let separator = if lines.peek().is_some() { b'-' } else { b' ' };
            out.extend_from_slice(&digits(self.code));
            out.push(separator);
            out.extend_from_slice(line.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
    }
}

fn digits(code: u16) -> [u8; 3] {
    let digit = |value: u16| b'0' + u8::try_from(value % 10).unwrap_or(0);
    [digit(code / 100), digit(code / 10), digit(code)]
}

/// A reply read from a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Three-digit code.
    pub code: u16,
    /// The text of each line, lossily as text, bounded. Foreign words: for a person, never for a log.
    pub lines: Vec<String>,
}

impl Heard {
    /// The enhanced status code at the front of the last line, as in `4.3.2`, if there is one (RFC 2034).
    #[must_use]
    pub fn enhanced(&self) -> Option<&str> {
        let word = self.lines.last()?.split(' ').next()?;
        let mut parts = word.split('.');
        let class = parts.next()?;
        let rest = [parts.next()?, parts.next()?];
        let numeric = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        (matches!(class, "2" | "4" | "5") && rest.into_iter().all(numeric) && parts.next().is_none())
            .then_some(word)
    }

    /// Code and enhanced code only: all of a foreign reply that may enter a log.
    #[must_use]
    pub fn brief(&self) -> String {
        match self.enhanced() {
            Some(enhanced) => format!("{} {enhanced}", self.code),
            None => self.code.to_string(),
        }
    }

    /// Whether an EHLO keyword is among the lines (RFC 5321 section 4.1.1.1).
    #[must_use]
    pub fn offers(&self, keyword: &str) -> bool {
        self.lines.iter().skip(1).any(|line| {
            line.split([' ', '='])
                .next()
                .is_some_and(|word| word.eq_ignore_ascii_case(keyword))
        })
    }
}

/// Why bytes from a server are no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadReply {
    /// Not three digits and a separator.
    #[error("the server's answer is not an SMTP reply")]
    Form,
    /// More lines or bytes than any reply needs.
    #[error("the server's answer is longer than {BYTES_MAX} bytes")]
    TooLong,
}

/// Longest accepted reply in bytes, all lines together.
const BYTES_MAX: usize = 16_384;

/// Reads one whole reply from the front of the bytes: the reply and how many bytes it took, or `None` when more is
/// needed. A bare LF is taken as a line end here: refusing to hear an old server's 250 would only make duplicates.
///
/// # Errors
/// [`BadReply`] when no more bytes could make it a reply.
pub fn hear(bytes: &[u8]) -> Result<Option<(Heard, usize)>, BadReply> {
    let mut lines = Vec::new();
    let mut used = 0;
    loop {
        let rest = bytes.get(used..).unwrap_or_default();
        let Some(end) = memchr::memchr(b'\n', rest) else {
            return if bytes.len() > BYTES_MAX {
                Err(BadReply::TooLong)
            } else {
                Ok(None)
            };
        };
        used += end + 1;
        if used > BYTES_MAX {
            return Err(BadReply::TooLong);
        }
        let line = rest.get(..end).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let (code, text) = line.split_first_chunk::<3>().ok_or(BadReply::Form)?;
        let code = core::str::from_utf8(code)
            .ok()
            .and_then(|code| code.parse::<u16>().ok())
            .ok_or(BadReply::Form)?;
        if !(200..600).contains(&code) {
            return Err(BadReply::Form);
        }
        let (separator, text) = text
            .split_first()
            .map_or((b' ', text), |(first, text)| (*first, text));
        lines.push(String::from_utf8_lossy(text).into_owned());
        match separator {
            b' ' => return Ok(Some((Heard { code, lines }, used))),
            b'-' => {}
            _ => return Err(BadReply::Form),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_written_line_by_line() {
        let mut out = Vec::new();
        Reply::fixed(250, "bulkhead\nSIZE 5\nDSN").write(&mut out);
        assert_eq!(out, b"250-bulkhead\r\n250-SIZE 5\r\n250 DSN\r\n");
    }

    #[test]
    fn replies_are_heard_whole() {
        let bytes = b"250-host\r\n250-SIZE 10\r\n250 DSN\r\n221 bye\r\n";
        let (heard, used) = hear(bytes).unwrap().unwrap();
        assert_eq!((heard.code, used), (250, 32));
        assert!(heard.offers("dsn") && heard.offers("SIZE") && !heard.offers("PIPELINING"));
        assert_eq!(hear(b"250-host\r\n250 D"), Ok(None));
        assert_eq!(hear(b"hello\r\n"), Err(BadReply::Form));
        let (heard, _) = hear(b"452 4.2.2 quota of praxis@x\r\n").unwrap().unwrap();
        assert_eq!(heard.brief(), "452 4.2.2");
        assert_eq!(hear(b"250\r\n").unwrap().unwrap().0.code, 250);
        assert_eq!(hear(&[b'2'; BYTES_MAX + 1]), Err(BadReply::TooLong));
    }
}
