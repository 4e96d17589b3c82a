//! Command lines of a client.

use super::Secret;

/// One command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// CAPA.
    Capa,
    /// USER with a name.
    User(Box<str>),
    /// PASS.
    Pass(Secret),
    /// AUTH PLAIN, with its response if that came at once.
    AuthPlain(Option<Secret>),
    /// STAT.
    Stat,
    /// LIST of one message or all.
    List(Option<u32>),
    /// UIDL of one message or all.
    Uidl(Option<u32>),
    /// TOP of a message; the number of lines is read and not kept.
    Top(u32),
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

/// A line that is no command offered here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Kein POP3-Befehl, der hier angeboten wird. / Not a POP3 command that is offered here.")]
pub struct BadCommand;

/// Longest user name, in bytes: a KIM address.
const USER_BYTES_MAX: usize = 254;

impl Command {
    /// Reads one line, without its line end.
    ///
    /// # Errors
    /// [`BadCommand`] for anything unknown or malformed.
    pub fn read(line: &[u8]) -> Result<Self, BadCommand> {
        let (word, rest) = match line.iter().position(|byte| *byte == b' ') {
            Some(at) => (
                line.get(..at).unwrap_or_default(),
                line.get(at + 1..).unwrap_or_default(),
            ),
            None => (line, &[][..]),
        };
        if rest.iter().any(u8::is_ascii_control) {
            return Err(BadCommand);
        }
        match word.to_ascii_uppercase().as_slice() {
            b"CAPA" => bare(rest, Self::Capa),
            b"STAT" => bare(rest, Self::Stat),
            b"RSET" => bare(rest, Self::Rset),
            b"NOOP" => bare(rest, Self::Noop),
            b"QUIT" => bare(rest, Self::Quit),
            b"USER" => {
                let name = core::str::from_utf8(rest).map_err(|_| BadCommand)?.trim();
                let fits = !name.is_empty() && name.len() <= USER_BYTES_MAX;
                if fits {
                    Ok(Self::User(name.into()))
                } else {
                    Err(BadCommand)
                }
            }
            // Blanks belong to the password (RFC 1939 section 7).
            b"PASS" => Ok(Self::Pass(Secret::new(rest))),
            b"AUTH" => auth(rest),
            b"LIST" => optional(rest).map(Self::List),
            b"UIDL" => optional(rest).map(Self::Uidl),
            b"RETR" => number(rest).map(Self::Retr),
            b"DELE" => number(rest).map(Self::Dele),
            b"TOP" => {
                let rest = rest.trim_ascii();
                let at = rest.iter().position(|byte| *byte == b' ').ok_or(BadCommand)?;
                let (message, lines) = rest.split_at(at);
                count(lines)?;
                number(message).map(Self::Top)
            }
            _ => Err(BadCommand),
        }
    }
}

fn bare(rest: &[u8], command: Command) -> Result<Command, BadCommand> {
    if rest.trim_ascii().is_empty() {
        Ok(command)
    } else {
        Err(BadCommand)
    }
}

fn auth(rest: &[u8]) -> Result<Command, BadCommand> {
    let mut words = rest.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    match (words.next(), words.next(), words.next()) {
        (Some(mechanism), initial, None) if mechanism.eq_ignore_ascii_case(b"PLAIN") => {
            Ok(Command::AuthPlain(initial.map(Secret::new)))
        }
        _ => Err(BadCommand),
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

/// Takes a PLAIN response apart (RFC 4616): user and password. An authorization identity other than the user is refused.
#[must_use]
pub fn plain(encoded: &[u8]) -> Option<(Box<str>, Secret)> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let bytes = zeroize::Zeroizing::new(STANDARD.decode(encoded.trim_ascii()).ok()?);
    let mut parts = bytes.split(|byte| *byte == 0);
    let (identity, user, password) = (parts.next()?, parts.next()?, parts.next()?);
    let fits = parts.next().is_none()
        && (1..=USER_BYTES_MAX).contains(&user.len())
        && (identity.is_empty() || identity == user);
    let user = core::str::from_utf8(user).ok()?;
    fits.then(|| (user.into(), Secret::new(password)))
}
