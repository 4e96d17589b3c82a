//! The decrypted inner mail as parts, bounded before it is parsed (TA chapters 3 to 5; CM).
//!
//! Client modules append marker sentences to the text of a mail; nothing is stripped, because nothing here reads text.

use core::fmt;
use mail_parser::{Message, MessageParser, MimeHeaders as _, PartType};

use crate::header::{self, BadHeader, Header};

mod bound;
pub mod finding;

pub use finding::{Examined, Finding, Payload, examine};

/// What a mail may cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Most bytes of the whole mail.
    pub bytes_max: usize,
    /// Most lines that begin like a boundary: an upper bound of the parts.
    pub parts_max: usize,
    /// Most header fields of all parts together.
    pub fields_max: usize,
    /// Most bytes of all headers together: a parser makes objects of what stands in them.
    pub header_bytes_max: usize,
    /// Deepest nesting of multiparts.
    pub depth_max: usize,
    /// Most mails inside the mail.
    pub inner_mails_max: usize,
}

impl Default for Limits {
    /// A mail that travels without an attachment store, in base64, with room; an eAU has two parts.
    fn default() -> Self {
        Self {
            bytes_max: 36 * 1024 * 1024,
            parts_max: 1000,
            fields_max: 4000,
            header_bytes_max: 1024 * 1024,
            depth_max: 8,
            inner_mails_max: 4,
        }
    }
}

/// Why a decrypted mail cannot be taken apart. Names bounds, never content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadMail {
    /// The header.
    #[error(transparent)]
    Header(#[from] BadHeader),
    /// Too long as a whole.
    #[error(
        "Die Nachricht hat {bytes} Bytes; höchstens {max} werden gelesen. / The mail has {bytes} bytes; at most {max} are read."
    )]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The bound.
        max: usize,
    },
    /// Too many parts.
    #[error("Die Nachricht kann mehr als {max} Teile haben. / The mail may have more than {max} parts.")]
    TooManyParts {
        /// The bound.
        max: usize,
    },
    /// Too many header fields.
    #[error(
        "Die Teile der Nachricht haben mehr als {max} Kopffelder. / The mail's parts have more than {max} header fields."
    )]
    TooManyFields {
        /// The bound.
        max: usize,
    },
    /// Headers too long together.
    #[error(
        "Die Kopffelder der Nachricht haben zusammen mehr als {max} Bytes. / The mail's header fields have more than {max} bytes together."
    )]
    HeadersTooLong {
        /// The bound.
        max: usize,
    },
    /// Nested too deeply.
    #[error(
        "Die Nachricht ist tiefer als {max} Ebenen verschachtelt. / The mail is nested deeper than {max} levels."
    )]
    TooDeep {
        /// The bound.
        max: usize,
    },
    /// Too many mails inside.
    #[error("Die Nachricht enthält mehr als {max} Nachrichten. / The mail contains more than {max} mails.")]
    TooManyMails {
        /// The bound.
        max: usize,
    },
}

/// A decrypted mail.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// Its own header.
    pub header: Header,
    /// Its parts in order, multiparts resolved. A mail inside is one part and not looked into.
    pub parts: Vec<Part>,
}

/// One part.
#[derive(Clone, PartialEq, Eq)]
pub struct Part {
    /// Type and subtype, lower case; `text/plain` when the part names none.
    pub kind: Box<str>,
    /// File name, decoded.
    pub name: Option<Box<str>>,
    /// `Content-Description`.
    pub description: Option<Box<str>>,
    /// `Content-Disposition`.
    pub disposition: Disposition,
    /// Whether its transfer encoding could be undone.
    pub condition: Condition,
    /// The bytes with the transfer encoding undone. Text is UTF-8.
    pub content: Vec<u8>,
}

/// `Content-Disposition`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Disposition {
    /// Nothing, `inline` or anything unknown.
    Inline,
    /// `attachment`.
    Attachment,
    /// `x-kas`: the ticket of a mail in the attachment store.
    Kas,
}

/// Whether a part's transfer encoding could be undone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Condition {
    /// Yes.
    Sound,
    /// No: its base64 or quoted-printable is damaged.
    Damaged,
}

/// Longest name or description kept, in bytes.
const NAME_BYTES_MAX: usize = 255;

impl Mail {
    /// Takes a decrypted mail apart.
    ///
    /// # Errors
    /// [`BadMail`] with the bound that was exceeded.
    pub fn read(bytes: &[u8], limits: &Limits) -> Result<Self, BadMail> {
        bound::check(bytes, limits)?;
        let cut = header::end(bytes).unwrap_or(bytes.len());
        let header = Header::read(bytes.get(..cut).unwrap_or_default())?;
        let parsed = MessageParser::default()
            .parse(bytes)
            .ok_or(BadHeader::NoMessageId)?;
        check_depth(&parsed, limits.depth_max)?;
        let parts = parsed
            .parts
            .iter()
            .filter_map(|part| Part::of(part, bytes))
            .collect();
        Ok(Self { header, parts })
    }

    /// The first text for people.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        let readable = |part: &&Part| &*part.kind == "text/plain" && part.disposition == Disposition::Inline;
        self.parts
            .iter()
            .find(readable)
            .and_then(|part| core::str::from_utf8(&part.content).ok())
    }

    /// The tickets of mails in the attachment store.
    pub fn tickets(&self) -> impl Iterator<Item = &Part> {
        self.parts
            .iter()
            .filter(|part| part.disposition == Disposition::Kas)
    }
}

/// Walks the multiparts level by level: the parser itself does not bound them.
fn check_depth(message: &Message<'_>, max: usize) -> Result<(), BadMail> {
    let mut level = vec![0u32];
    for _ in 0..=max {
        let below = level.iter().filter_map(|id| match &message.part(*id)?.body {
            PartType::Multipart(children) => Some(children.iter().copied()),
            PartType::Text(_)
            | PartType::Html(_)
            | PartType::Binary(_)
            | PartType::InlineBinary(_)
            | PartType::Message(_) => None,
        });
        level = below.flatten().collect();
        if level.is_empty() {
            return Ok(());
        }
    }
    Err(BadMail::TooDeep { max })
}

impl Part {
    fn of(part: &mail_parser::MessagePart<'_>, raw: &[u8]) -> Option<Self> {
        let content = match &part.body {
            PartType::Text(text) | PartType::Html(text) => text.as_bytes().to_vec(),
            PartType::Binary(bytes) | PartType::InlineBinary(bytes) => bytes.to_vec(),
            PartType::Message(_) => {
                let (from, to) = (part.offset_body as usize, part.offset_end as usize);
                raw.get(from..to).unwrap_or_default().to_vec()
            }
            PartType::Multipart(_) => return None,
        };
        let kind = part.content_type().map_or_else(
            || "text/plain".to_owned(),
            |kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default()).to_ascii_lowercase(),
        );
        let disposition = part
            .content_disposition()
            .map(|disposition| disposition.ctype().to_ascii_lowercase());
        Some(Self {
            kind: bounded(&kind),
            name: part.attachment_name().map(bounded),
            description: part.content_description().map(bounded),
            disposition: match disposition.as_deref() {
                Some("attachment") => Disposition::Attachment,
                Some("x-kas") => Disposition::Kas,
                _ => Disposition::Inline,
            },
            condition: if part.is_encoding_problem {
                Condition::Damaged
            } else {
                Condition::Sound
            },
            content,
        })
    }
}

fn bounded(text: &str) -> Box<str> {
    text.get(..text.floor_char_boundary(NAME_BYTES_MAX))
        .unwrap_or_default()
        .into()
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail")
            .field("header", &self.header)
            .field("parts", &self.parts)
            .finish()
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {:?} {} bytes",
            self.kind,
            self.disposition,
            self.content.len()
        )
    }
}

#[cfg(test)]
mod tests;
