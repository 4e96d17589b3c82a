//! POP3 (RFC 1939, 2449, 5034) as words: commands, answers and where a multi-line answer ends, without a socket.

use crate::smtp::command::Secret;

pub(crate) mod client;
mod reconcile;
pub(crate) mod session;
mod transaction;

/// One command of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// CAPA.
    Capa,
    /// USER with a name.
    User(String),
    /// PASS.
    Pass(Secret),
    /// AUTH PLAIN with an initial response, if it came at once.
    AuthPlain(Option<Secret>),
    /// AUTH without a mechanism: a question for the list.
    AuthList,
    /// Any other mechanism.
    AuthOther,
    /// STAT.
    Stat,
    /// LIST, of one message or all.
    List(Option<u32>),
    /// UIDL, of one message or all.
    Uidl(Option<u32>),
    /// TOP: message, lines.
    Top(u32, u32),
    /// RETR.
    Retr(u32),
    /// DELE.
    Dele(u32),
    /// RSET.
    Rset,
    /// NOOP.
    Noop,
    /// QUIT.
    Quit,
}

/// A line that is no command this front takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a POP3 command that is offered here")]
pub struct BadCommand;

/// Longest user name passed on; KIM user names carry an address and up to six fields.
const USER_BYTES_MAX: usize = 512;

impl Command {
    /// Reads one line (without CRLF).
    ///
    /// # Errors
    /// [`BadCommand`] for anything unknown or malformed.
    pub fn read(line: &[u8]) -> Result<Self, BadCommand> {
        let (word, rest) = match memchr::memchr(b' ', line) {
            Some(at) => (
                line.get(..at).unwrap_or_default(),
                line.get(at + 1..).unwrap_or_default(),
            ),
            None => (line, &b""[..]),
        };
        if rest.iter().any(|byte| *byte < b' ' || *byte == 0x7f) {
            return Err(BadCommand);
        }
        let word = word.to_ascii_uppercase();
        let bare = |command| {
            if rest.trim_ascii().is_empty() {
                Ok(command)
            } else {
                Err(BadCommand)
            }
        };
        match word.as_slice() {
            b"CAPA" => bare(Self::Capa),
            b"STAT" => bare(Self::Stat),
            b"RSET" => bare(Self::Rset),
            b"NOOP" => bare(Self::Noop),
            b"QUIT" => bare(Self::Quit),
            b"USER" => {
                let name = core::str::from_utf8(rest).map_err(|_| BadCommand)?.trim();
                let fits = !name.is_empty() && name.len() <= USER_BYTES_MAX;
                if fits {
                    Ok(Self::User(name.to_owned()))
                } else {
                    Err(BadCommand)
                }
            }
            // Blanks belong to the password (RFC 1939 section 7).
            b"PASS" => Ok(Self::Pass(Secret(rest.into()))),
            b"AUTH" => Ok(auth(rest)),
            b"LIST" => optional(rest).map(Self::List),
            b"UIDL" => optional(rest).map(Self::Uidl),
            b"RETR" => number(rest).map(Self::Retr),
            b"DELE" => number(rest).map(Self::Dele),
            b"TOP" => {
                let rest = rest.trim_ascii();
                let at = memchr::memchr(b' ', rest).ok_or(BadCommand)?;
                let (message, lines) = rest.split_at(at);
                Ok(Self::Top(number(message)?, count(lines)?))
            }
            _ => Err(BadCommand),
        }
    }
}

fn auth(rest: &[u8]) -> Command {
    let mut words = rest.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    match (words.next(), words.next()) {
        (None, _) => Command::AuthList,
        (Some(word), initial) if word.eq_ignore_ascii_case(b"PLAIN") => {
            Command::AuthPlain(initial.map(|bytes| Secret(bytes.into())))
        }
        (Some(_), _) => Command::AuthOther,
    }
}

fn optional(rest: &[u8]) -> Result<Option<u32>, BadCommand> {
    if rest.trim_ascii().is_empty() {
        Ok(None)
    } else {
        number(rest).map(Some)
    }
}

fn number(text: &[u8]) -> Result<u32, BadCommand> {
    match count(text)? {
        0 => Err(BadCommand),
        number => Ok(number),
    }
}

fn count(text: &[u8]) -> Result<u32, BadCommand> {
    let text = text.trim_ascii();
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return Err(BadCommand);
    }
    core::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or(BadCommand)
}

/// The first line of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// `+OK`.
    Ok,
    /// `-ERR`.
    Err,
}

/// Reads a status line (without CRLF); `None` when it is neither.
#[must_use]
pub fn status(line: &[u8]) -> Option<Status> {
    let word = line.split(|byte| *byte == b' ').next().unwrap_or_default();
    match word {
        b"+OK" => Some(Status::Ok),
        b"-ERR" => Some(Status::Err),
        _ => None,
    }
}

/// Finds the end of a multi-line answer (RFC 1939 section 3): CRLF, dot, CRLF. Passing through changes nothing, so a
/// bare line end inside a stored mail is just a byte; it never makes a dot the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Multi {
    /// At the start of a line.
    Start,
    /// After a dot there.
    Dot,
    /// After dot and CR there.
    DotCr,
    /// Inside a line.
    Inside,
    /// After a CR.
    Cr,
}

impl Multi {
    /// Feeds bytes; when the answer ends, how many of them belong to it.
    pub fn feed(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            at += 1;
            *self = match (*self, byte) {
                (Self::DotCr, b'\n') => {
                    *self = Self::Start;
                    return Some(at);
                }
                (Self::Cr, b'\n') => Self::Start,
                (Self::Start, b'.') => Self::Dot,
                (Self::Dot, b'\r') => Self::DotCr,
                (Self::Start | Self::Inside | Self::Cr | Self::DotCr, b'\r') => Self::Cr,
                (Self::Start | Self::Dot | Self::DotCr | Self::Inside | Self::Cr, _) => {
                    let rest = bytes.get(at..).unwrap_or_default();
                    at += memchr::memchr(b'\r', rest).unwrap_or(rest.len());
                    Self::Inside
                }
            };
        }
        None
    }
}

/// Takes the stuffed dots out of a multi-line answer, piece by piece, and its last line.
#[derive(Debug, Clone, Copy)]
pub struct Unstuffer(Multi);

impl Default for Unstuffer {
    fn default() -> Self {
        Self(Multi::Start)
    }
}

impl Unstuffer {
    /// Feeds a piece of one answer, at most up to its end.
    pub fn feed(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let mut rest = piece;
        while let Some((&byte, after)) = rest.split_first() {
            match (self.0, byte) {
                (Multi::Start, b'.') => {
                    self.0 = Multi::Dot;
                    rest = after;
                }
                (Multi::Dot, b'\r') => {
                    // Either the last line, or a stuffed dot before a bare CR: known with the next byte.
                    self.0 = Multi::DotCr;
                    rest = after;
                }
                (Multi::DotCr, b'\n') => {
                    self.0 = Multi::Start;
                    rest = after;
                }
                (Multi::DotCr, _) => {
                    out.push(b'\r');
                    self.0 = Multi::Cr;
                }
                (Multi::Cr, b'\n') => {
                    out.push(byte);
                    self.0 = Multi::Start;
                    rest = after;
                }
                (Multi::Start | Multi::Inside | Multi::Cr, b'\r') => {
                    out.push(byte);
                    self.0 = Multi::Cr;
                    rest = after;
                }
                (Multi::Start | Multi::Dot | Multi::Inside | Multi::Cr, _) => {
                    let end = memchr::memchr(b'\r', rest).unwrap_or(rest.len());
                    let (run, after) = rest.split_at(end);
                    out.extend_from_slice(run);
                    self.0 = Multi::Inside;
                    rest = after;
                }
            }
        }
    }
}

/// One line of a UIDL list: number and name.
#[must_use]
pub fn listed(line: &[u8]) -> Option<(u32, &[u8])> {
    let line = line.trim_ascii();
    let at = memchr::memchr(b' ', line)?;
    let (message, name) = line.split_at(at);
    let name = name.trim_ascii();
    // RFC 1939 section 7: 1 to 70 characters from 0x21 to 0x7E.
    let fits = (1..=70).contains(&name.len()) && name.iter().all(u8::is_ascii_graphic);
    Some((number(message).ok()?, fits.then_some(name)?))
}

/// Splits an AUTH PLAIN response (RFC 4616): authorization identity, user, password.
#[must_use]
pub fn plain(encoded: &[u8]) -> Option<(String, Secret)> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let bytes = STANDARD.decode(encoded.trim_ascii()).ok()?;
    let mut parts = bytes.split(|byte| *byte == 0);
    let (_, user, password) = (parts.next()?, parts.next()?, parts.next()?);
    let user = core::str::from_utf8(user).ok()?;
    let fits = parts.next().is_none()
        && (1..=USER_BYTES_MAX).contains(&user.len())
        && !user.bytes().any(|byte| byte < b' ' || byte == 0x7f)
        && !password.iter().any(|byte| matches!(byte, b'\r' | b'\n'));
    fits.then(|| (user.to_owned(), Secret(password.into())))
}

/// The address inside a user name: KIM user names may carry `#host:port#…` behind it.
#[must_use]
pub fn address_of(user: &str) -> &str {
    user.split('#').next().unwrap_or(user)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn commands_are_read() {
        assert_eq!(
            Command::read(b"user kasse@x.kim"),
            Ok(Command::User("kasse@x.kim".to_owned()))
        );
        assert_eq!(
            Command::read(b"PASS a b "),
            Ok(Command::Pass(Secret((*b"a b ").into())))
        );
        assert_eq!(Command::read(b"TOP 3 0"), Ok(Command::Top(3, 0)));
        assert_eq!(Command::read(b"LIST"), Ok(Command::List(None)));
        assert_eq!(Command::read(b"UIDL 7"), Ok(Command::Uidl(Some(7))));
        for bad in [
            &b"RETR"[..],
            b"RETR 0",
            b"RETR -1",
            b"DELE 99999999999",
            b"XTND",
            b"USER",
            b"RETR 1\x00",
        ] {
            assert_eq!(Command::read(bad), Err(BadCommand), "{bad:?}");
        }
    }

    #[test]
    fn plain_is_taken_apart() {
        let (user, password) = plain(b"AGthc3NlQHgAc2VjcmV0").unwrap();
        assert_eq!((user.as_str(), &*password.0), ("kasse@x", &b"secret"[..]));
        assert!(plain(b"AGEAYgBj").is_none() && plain(b"!").is_none() && plain(b"").is_none());
        assert_eq!(address_of("kasse@x#host:995#m#c#w"), "kasse@x");
    }

    #[test]
    fn a_list_line_has_a_number_and_a_name() {
        assert_eq!(listed(b"3 abc!x"), Some((3, &b"abc!x"[..])));
        assert_eq!(listed(b"3 "), None);
        assert_eq!(listed(b"x abc"), None);
        assert_eq!(listed(b"3 a b"), None);
    }

    proptest! {
        #[test]
        fn the_end_is_found_wherever_the_answer_is_cut(body in "[.a\r\n]{0,24}", at in 0usize..40) {
            let mut wire = Vec::new();
            let lines = body.replace('\r', "").replace('\n', "\r\n");
            crate::smtp::body::stuff(lines.as_bytes(), &mut wire);
            let end = wire.len();
            wire.extend_from_slice(b"+OK next\r\n");
            let (head, rest) = wire.split_at(at.min(wire.len()));
            let mut multi = Multi::Start;
            let found = multi.feed(head).or_else(|| multi.feed(rest).map(|used| head.len() + used));
            prop_assert_eq!(found, Some(end));
            let (mut unstuffer, mut read) = (Unstuffer::default(), Vec::new());
            let (one, two) = wire[..end].split_at(at.min(end));
            unstuffer.feed(one, &mut read);
            unstuffer.feed(two, &mut read);
            let ended = if lines.is_empty() || lines.ends_with("\r\n") { lines } else { lines + "\r\n" };
            prop_assert_eq!(String::from_utf8(read).unwrap(), ended);
        }

        #[test]
        fn a_bare_line_end_never_ends_an_answer(pieces in prop::collection::vec(0usize..4, 0..12)) {
            let parts = ["\n.\r\n", "\r.\r\n", "\n.\n", "x"];
            let wire = pieces.iter().map(|at| parts[*at]).collect::<String>();
            // Only CRLF dot CRLF may end it, and "x" keeps the start from being one.
            let wire = format!("x{}", wire.replace("\r\n.\r\n", "x"));
            prop_assume!(!wire.contains("\r\n.\r\n"));
            prop_assert_eq!(Multi::Start.feed(wire.as_bytes()), None);
        }
    }
}
