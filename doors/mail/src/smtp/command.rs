//! SMTP commands, read strictly from one line; parameters of RFC 3461 (DSN) kept exactly as they were written.
//!
//! The general parsers that exist decode `xtext` and take line ends leniently; a front that must hand ENVID and ORCPT
//! on unchanged, and must not disagree with anyone about where a line ends, reads for itself.

use crate::address::{Address, BadAddress};

/// One command of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// EHLO with a name.
    Ehlo,
    /// HELO with a name.
    Helo,
    /// MAIL FROM.
    Mail(Origin),
    /// RCPT TO.
    Rcpt(Recipient),
    /// DATA.
    Data,
    /// RSET.
    Rset,
    /// NOOP, with or without text.
    Noop,
    /// QUIT.
    Quit,
    /// VRFY, which is never answered with knowledge.
    Vrfy,
    /// AUTH with a mechanism and, perhaps, its initial response (still encoded).
    Auth(Mechanism, Option<Secret>),
}

/// Mechanisms of AUTH that KIM knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// RFC 4616.
    Plain,
    /// The two-prompt mechanism old clients use.
    Login,
    /// Any other.
    Unknown,
}

/// Bytes that must not be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub Box<[u8]>);

impl core::fmt::Debug for Secret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("secret")
    }
}

/// What MAIL FROM said.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The reverse path; `None` is the null path of notifications.
    pub from: Option<Address>,
    /// SIZE (RFC 1870), in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// BODY=8BITMIME (RFC 6152).
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub eight_bit: bool,
    /// RET (RFC 3461 section 4.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ret: Option<Ret>,
    /// ENVID as written, still xtext (RFC 3461 section 4.4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envid: Option<Box<str>>,
}

/// How much of a message a failure notification should return.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Ret {
    /// All of it.
    Full,
    /// Its headers.
    Hdrs,
}

/// What RCPT TO said.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipient {
    /// The forward path.
    pub to: Address,
    /// NOTIFY (RFC 3461 section 4.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<Notify>,
    /// ORCPT as written: type, `;`, xtext (RFC 3461 section 4.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orcpt: Option<Box<str>>,
}

/// When the sender wants to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Notify {
    /// Never.
    Never,
    /// On any of these.
    On {
        /// Delivered.
        success: bool,
        /// Given up.
        failure: bool,
        /// Late.
        delay: bool,
    },
}

impl Notify {
    /// Whether a notification of success is wanted.
    #[must_use]
    pub const fn wants_success(self) -> bool {
        matches!(self, Self::On { success: true, .. })
    }

    /// The same wish without the notification of success: for the hop after the one that issued it.
    #[must_use]
    pub const fn without_success(self) -> Self {
        match self {
            Self::Never
            | Self::On {
                failure: false,
                delay: false,
                ..
            } => Self::Never,
            Self::On { failure, delay, .. } => Self::On {
                success: false,
                failure,
                delay,
            },
        }
    }

    /// The parameter's value.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::Never => "NEVER".to_owned(),
            Self::On {
                success,
                failure,
                delay,
            } => {
                let words = [(success, "SUCCESS"), (failure, "FAILURE"), (delay, "DELAY")];
                words
                    .iter()
                    .filter(|(on, _)| *on)
                    .map(|(_, word)| *word)
                    .collect::<Vec<_>>()
                    .join(",")
            }
        }
    }
}

/// Why a line is no command this front takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadCommand {
    /// An unknown word.
    #[error("unknown command")]
    Unknown,
    /// A known command this front does not offer.
    #[error("command not offered")]
    NotOffered,
    /// Known, but not of the right form.
    #[error("syntax error in command")]
    Syntax,
    /// A parameter that is unknown or was not offered.
    #[error("unknown parameter")]
    Parameter,
    /// A parameter with a wrong value.
    #[error("wrong parameter value")]
    Value,
    /// The path is no address.
    #[error("bad address: {0}")]
    Path(#[from] BadAddress),
}

/// Longest ENVID (RFC 3461 section 5.4.1).
const ENVID_BYTES_MAX: usize = 100;
/// Longest ORCPT (RFC 3461 section 5.4.1).
const ORCPT_BYTES_MAX: usize = 500;

impl Command {
    /// Reads one line (without CRLF).
    ///
    /// # Errors
    /// [`BadCommand`] with what is wrong.
    pub fn read(line: &[u8]) -> Result<Self, BadCommand> {
        let text = core::str::from_utf8(line).map_err(|_| BadCommand::Syntax)?;
        if text.bytes().any(|byte| !(b' '..0x7f).contains(&byte)) {
            return Err(BadCommand::Syntax);
        }
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        let bare = |command| {
            if rest.trim().is_empty() {
                Ok(command)
            } else {
                Err(BadCommand::Syntax)
            }
        };
        let named = |command| {
            if rest.trim().is_empty() {
                Err(BadCommand::Syntax)
            } else {
                Ok(command)
            }
        };
        let word = Word::of(word).ok_or(BadCommand::Unknown)?;
        match word {
            Word::Mail => mail(rest).map(Self::Mail),
            Word::Rcpt => rcpt(rest).map(Self::Rcpt),
            Word::Data => bare(Self::Data),
            Word::Ehlo => named(Self::Ehlo),
            Word::Helo => named(Self::Helo),
            Word::Rset => bare(Self::Rset),
            Word::Noop => Ok(Self::Noop),
            Word::Quit => bare(Self::Quit),
            Word::Vrfy => Ok(Self::Vrfy),
            Word::Auth => auth(rest),
            Word::Other => Err(BadCommand::NotOffered),
        }
    }
}

#[derive(Clone, Copy)]
enum Word {
    Ehlo,
    Helo,
    Mail,
    Rcpt,
    Data,
    Rset,
    Noop,
    Quit,
    Vrfy,
    Auth,
    Other,
}

impl Word {
    fn of(text: &str) -> Option<Self> {
        const WORDS: [(&str, Word); 17] = [
            ("MAIL", Word::Mail),
            ("RCPT", Word::Rcpt),
            ("DATA", Word::Data),
            ("RSET", Word::Rset),
            ("NOOP", Word::Noop),
            ("QUIT", Word::Quit),
            ("EHLO", Word::Ehlo),
            ("HELO", Word::Helo),
            ("AUTH", Word::Auth),
            ("VRFY", Word::Vrfy),
            ("EXPN", Word::Other),
            ("HELP", Word::Other),
            ("BDAT", Word::Other),
            ("STARTTLS", Word::Other),
            ("ETRN", Word::Other),
            ("TURN", Word::Other),
            ("XCLIENT", Word::Other),
        ];
        WORDS
            .iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(text))
            .map(|(_, word)| *word)
    }
}

/// Splits `KEYWORD:<path> parameters`. A space before `<` is a common fault and harmless.
fn path<'a>(rest: &'a str, keyword: &str) -> Result<(&'a str, &'a str), BadCommand> {
    let (word, rest) = rest.split_at_checked(keyword.len()).ok_or(BadCommand::Syntax)?;
    if !word.eq_ignore_ascii_case(keyword) {
        return Err(BadCommand::Syntax);
    }
    let rest = rest.strip_prefix(':').ok_or(BadCommand::Syntax)?;
    let rest = rest
        .trim_start_matches(' ')
        .strip_prefix('<')
        .ok_or(BadCommand::Syntax)?;
    let (path, parameters) = rest.split_once('>').ok_or(BadCommand::Syntax)?;
    if !parameters.is_empty() && !parameters.starts_with(' ') {
        return Err(BadCommand::Syntax);
    }
    Ok((path, parameters))
}

/// The parameters as key and value; each key at most once.
fn parameters(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    text.split(' ')
        .filter(|word| !word.is_empty())
        .map(|word| match word.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (word, None),
        })
}

fn once<T>(slot: &mut Option<T>, value: T) -> Result<(), BadCommand> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(BadCommand::Value),
    }
}

fn mail(rest: &str) -> Result<Origin, BadCommand> {
    let (path, rest) = path(rest, "FROM")?;
    let from = if path.is_empty() {
        None
    } else {
        Some(Address::new(path)?)
    };
    let (mut size, mut eight_bit, mut ret, mut envid) = (None, None, None, None);
    for (key, value) in parameters(rest) {
        let value = value.ok_or(BadCommand::Parameter)?;
        if key.eq_ignore_ascii_case("SIZE") {
            let digits = (1..=20).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit());
            once(
                &mut size,
                if digits {
                    value.parse().unwrap_or(u64::MAX)
                } else {
                    return Err(BadCommand::Value);
                },
            )?;
        } else if key.eq_ignore_ascii_case("BODY") {
            once(
                &mut eight_bit,
                choose(value, [("7BIT", false), ("8BITMIME", true)])?,
            )?;
        } else if key.eq_ignore_ascii_case("RET") {
            once(
                &mut ret,
                choose(value, [("FULL", Ret::Full), ("HDRS", Ret::Hdrs)])?,
            )?;
        } else if key.eq_ignore_ascii_case("ENVID") {
            if value.len() > ENVID_BYTES_MAX || !is_xtext(value) {
                return Err(BadCommand::Value);
            }
            once(&mut envid, Box::from(value))?;
        } else {
            return Err(BadCommand::Parameter);
        }
    }
    Ok(Origin {
        from,
        size,
        eight_bit: eight_bit.unwrap_or(false),
        ret,
        envid,
    })
}

fn rcpt(rest: &str) -> Result<Recipient, BadCommand> {
    let (path, rest) = path(rest, "TO")?;
    let to = Address::new(path)?;
    let (mut notify, mut orcpt) = (None, None);
    for (key, value) in parameters(rest) {
        let value = value.ok_or(BadCommand::Parameter)?;
        if key.eq_ignore_ascii_case("NOTIFY") {
            once(&mut notify, read_notify(value)?)?;
        } else if key.eq_ignore_ascii_case("ORCPT") {
            let (kind, text) = value.split_once(';').ok_or(BadCommand::Value)?;
            let is_kind = !kind.is_empty()
                && kind
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            if value.len() > ORCPT_BYTES_MAX || !is_kind || !is_xtext(text) {
                return Err(BadCommand::Value);
            }
            once(&mut orcpt, Box::from(value))?;
        } else {
            return Err(BadCommand::Parameter);
        }
    }
    Ok(Recipient { to, notify, orcpt })
}

fn choose<T: Copy, const N: usize>(value: &str, words: [(&str, T); N]) -> Result<T, BadCommand> {
    let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(value));
    found.map(|(_, choice)| *choice).ok_or(BadCommand::Value)
}

fn read_notify(value: &str) -> Result<Notify, BadCommand> {
    if value.eq_ignore_ascii_case("NEVER") {
        return Ok(Notify::Never);
    }
    let (mut success, mut failure, mut delay) = (false, false, false);
    for word in value.split(',') {
        match choose(word, [("SUCCESS", 0), ("FAILURE", 1), ("DELAY", 2)])? {
            0 => success = true,
            1 => failure = true,
            _ => delay = true,
        }
    }
    Ok(Notify::On {
        success,
        failure,
        delay,
    })
}

/// RFC 3461 section 4: printable ASCII without `+` and `=`, which are written `+` and two upper-case hex digits.
fn is_xtext(text: &str) -> bool {
    let mut bytes = text.bytes();
    let hex =
        |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte));
    while let Some(byte) = bytes.next() {
        let fits = match byte {
            b'+' => hex(bytes.next()) && hex(bytes.next()),
            b'=' => false,
            _ => (b'!'..=b'~').contains(&byte),
        };
        if !fits {
            return false;
        }
    }
    !text.is_empty()
}

fn auth(rest: &str) -> Result<Command, BadCommand> {
    let (mechanism, initial) = rest.split_once(' ').unwrap_or((rest, ""));
    if mechanism.is_empty() {
        return Err(BadCommand::Syntax);
    }
    let mechanism = choose(
        mechanism,
        [("PLAIN", Mechanism::Plain), ("LOGIN", Mechanism::Login)],
    )
    .unwrap_or(Mechanism::Unknown);
    let initial = initial.trim();
    Ok(Command::Auth(
        mechanism,
        (!initial.is_empty()).then(|| Secret(initial.as_bytes().into())),
    ))
}

#[cfg(test)]
mod tests;
