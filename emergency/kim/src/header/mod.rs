//! The header of a KIM mail, outer or inner (CM chapters on headers and on integrity; AK samples).
//!
//! Only the header is looked at: the caller cuts it off with [`end`]. A field that must stand once and stands twice makes
//! the header unreadable, because two readers could choose differently; of `X-KIM-*` fields the first counts, as at doors.

use core::fmt;
use jiff::civil::Date;
use mail_parser::{Address, HeaderValue, MessageParser};
use vocabulary::Timestamp;

use crate::{
    address::{BadAddress, KimAddress},
    result::{Decryption, ErrorNumber, Integrity},
};

mod compare;
mod mark;
mod scan;

pub use compare::{Difference, Field, compare};
pub use mark::{Service, ServiceMark, Version};
pub use scan::{end, first};

/// Longest header looked at, in bytes. KIM headers have a few kilobytes.
pub const HEADER_BYTES_MAX: usize = 256 * 1024;
/// Most addresses of one field.
pub const ADDRESSES_MAX: usize = 1000;
/// Longest `Message-ID`, in bytes.
const MESSAGE_ID_BYTES_MAX: usize = 998;
/// Longest text kept of any other field, in bytes.
const TEXT_BYTES_MAX: usize = 998;

/// What a header says. Values are unfolded, bounded, and never printed by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    /// `Message-ID`; mandatory.
    pub message_id: MessageId,
    /// `Date`. It decides which rules an eAU is judged by.
    pub sent: Option<Sent>,
    /// `From`.
    pub from: Vec<Mailbox>,
    /// `Sender`.
    pub sender: Vec<Mailbox>,
    /// `Reply-To`.
    pub reply_to: Vec<Mailbox>,
    /// `To`.
    pub to: Vec<Mailbox>,
    /// `Cc`.
    pub cc: Vec<Mailbox>,
    /// `Bcc`.
    pub bcc: Vec<Mailbox>,
    /// `Subject`, decoded.
    pub subject: Option<Box<str>>,
    /// `X-KIM-Dienstkennung`, or the default mark.
    pub mark: ServiceMark,
    /// `X-KIM-Sendersystem`.
    pub sender_system: Option<SenderSystem>,
    /// `X-KOM-LE-Version`. Its presence marks an encrypted KIM mail.
    pub kom_le: Option<KomLeVersion>,
    /// `X-KIM-KAS-Size`: bytes of the mail that lies in the attachment store.
    pub kas_bytes: Option<u64>,
    /// `Expires`.
    pub expires: Option<Timestamp>,
    /// `X-KIM-DecryptionResult`, written by a client module that already opened the mail.
    pub decryption: Option<Decryption>,
    /// `X-KIM-IntegrityCheckResult`, likewise.
    pub integrity: Option<Integrity>,
    /// `X-KIM-Fehlermeldung`, likewise.
    pub error: Option<ErrorNumber>,
}

/// A `Message-ID` without its angle brackets. `Debug` shows only its length.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(Box<str>);

/// An address as a header names it, folded to lower case; not yet known to lie inside KIM. `Debug` shows only its length.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mailbox(Box<str>);

/// `Date`: the instant, and the civil day where the sender was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sent {
    /// The instant.
    pub at: Timestamp,
    /// The day on the sender's own calendar.
    pub day: Date,
}

/// `X-KIM-Sendersystem`: `name;version`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SenderSystem {
    /// The product.
    pub name: Box<str>,
    /// Its version; empty when there is none.
    pub version: Box<str>,
}

/// `X-KOM-LE-Version`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KomLeVersion {
    /// 1.0: attachments one by one in the store.
    V1_0,
    /// 1.5: the whole mail in the store.
    V1_5,
    /// Anything else; later versions read like 1.5 (our reading).
    Other,
}

/// Why a header cannot be used. Names the field, never its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadHeader {
    /// Longer than [`HEADER_BYTES_MAX`].
    #[error(
        "Der Kopf der Nachricht hat {bytes} Bytes; höchstens {HEADER_BYTES_MAX} werden gelesen. / The header has {bytes} bytes; at most {HEADER_BYTES_MAX} are read."
    )]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// There is no `Message-ID`, or an unusable one. KIM demands it.
    #[error(
        "Der Nachricht fehlt eine brauchbare Message-ID; eine Person muss sie ansehen. / The mail has no usable Message-ID; a person has to look at it."
    )]
    NoMessageId,
    /// A field stands more than once.
    #[error(
        "Das Feld {0} steht mehrfach im Kopf; eine Person muss die Nachricht ansehen. / The field {0} stands more than once in the header; a person has to look at the mail."
    )]
    Repeated(Field),
    /// More addresses than anyone needs.
    #[error(
        "Das Feld {0} nennt mehr als {ADDRESSES_MAX} Adressen. / The field {0} names more than {ADDRESSES_MAX} addresses."
    )]
    TooManyAddresses(Field),
}

impl Header {
    /// Reads a header, with or without its empty line.
    ///
    /// # Errors
    /// [`BadHeader`]: the mail is then held for a person.
    pub fn read(bytes: &[u8]) -> Result<Self, BadHeader> {
        if bytes.len() > HEADER_BYTES_MAX {
            return Err(BadHeader::TooLong { bytes: bytes.len() });
        }
        for field in Field::ALL {
            if scan::count(bytes, field.name().as_bytes()) > 1 {
                return Err(BadHeader::Repeated(field));
            }
        }
        let parsed = MessageParser::default()
            .parse_headers(bytes)
            .ok_or(BadHeader::NoMessageId)?;
        let text = |name: &str| scan::text(bytes, name.as_bytes(), TEXT_BYTES_MAX);
        let message_id = scan::text(bytes, b"Message-ID", MESSAGE_ID_BYTES_MAX);
        let addresses = |field: Field| mailboxes(parsed.header(field.name()), field);
        Ok(Self {
            message_id: message_id
                .as_deref()
                .and_then(MessageId::new)
                .ok_or(BadHeader::NoMessageId)?,
            sent: parsed.header("Date").and_then(sent),
            from: addresses(Field::From)?,
            sender: addresses(Field::Sender)?,
            reply_to: addresses(Field::ReplyTo)?,
            to: addresses(Field::To)?,
            cc: addresses(Field::Cc)?,
            bcc: addresses(Field::Bcc)?,
            subject: parsed.subject().map(|subject| bounded(subject).into()),
            mark: text("X-KIM-Dienstkennung")
                .as_deref()
                .map_or_else(ServiceMark::default, ServiceMark::new),
            sender_system: text("X-KIM-Sendersystem").as_deref().and_then(SenderSystem::read),
            kom_le: text("X-KOM-LE-Version").as_deref().map(KomLeVersion::read),
            kas_bytes: text("X-KIM-KAS-Size").and_then(|size| size.parse().ok()),
            expires: text("Expires").and_then(|date| {
                let date = mail_parser::DateTime::parse_rfc822(&date)?;
                date.is_valid().then(|| Timestamp(date.to_timestamp()))
            }),
            decryption: text("X-KIM-DecryptionResult")
                .as_deref()
                .and_then(Decryption::read),
            integrity: text("X-KIM-IntegrityCheckResult")
                .as_deref()
                .and_then(Integrity::read),
            error: text("X-KIM-Fehlermeldung").as_deref().and_then(ErrorNumber::read),
        })
    }

    /// Whether the mail is an encrypted KIM mail: `X-KOM-LE-Version` is there.
    #[must_use]
    pub const fn is_encrypted(&self) -> bool {
        self.kom_le.is_some()
    }

    /// The first address of `From` inside KIM.
    #[must_use]
    pub fn from_kim(&self) -> Option<KimAddress> {
        self.from.iter().find_map(|mailbox| mailbox.kim().ok())
    }

    /// The first address of `Reply-To` inside KIM. One outside is never answered (A_23422).
    #[must_use]
    pub fn reply_to_kim(&self) -> Option<KimAddress> {
        self.reply_to.iter().find_map(|mailbox| mailbox.kim().ok())
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Header")
            .field("sent", &self.sent)
            .field("mark", &self.mark)
            .field("kom_le", &self.kom_le)
            .finish_non_exhaustive()
    }
}

fn bounded(text: &str) -> &str {
    text.get(..text.floor_char_boundary(TEXT_BYTES_MAX))
        .unwrap_or_default()
}

fn sent(value: &HeaderValue<'_>) -> Option<Sent> {
    let date = value.as_datetime().filter(|date| date.is_valid())?;
    let year = i16::try_from(date.year).ok()?;
    let day = Date::new(year, i8::try_from(date.month).ok()?, i8::try_from(date.day).ok()?).ok()?;
    Some(Sent {
        at: Timestamp(date.to_timestamp()),
        day,
    })
}

fn mailboxes(value: Option<&HeaderValue<'_>>, field: Field) -> Result<Vec<Mailbox>, BadHeader> {
    let Some(addresses) = value.and_then(HeaderValue::as_address) else {
        return Ok(Vec::new());
    };
    let count = match addresses {
        Address::List(list) => list.len(),
        Address::Group(groups) => groups.iter().map(|group| group.addresses.len()).sum(),
    };
    if count > ADDRESSES_MAX {
        return Err(BadHeader::TooManyAddresses(field));
    }
    let texts = addresses.iter().filter_map(|address| address.address());
    Ok(texts
        .map(|text| Mailbox(bounded(text).to_ascii_lowercase().into()))
        .collect())
}

impl MessageId {
    /// Reads an id, with or without angle brackets.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text
            .strip_prefix('<')
            .map_or(text, |rest| rest.strip_suffix('>').unwrap_or(rest));
        let fits = !text.is_empty()
            && text.len() <= MESSAGE_ID_BYTES_MAX
            && text
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>'));
        fits.then(|| Self(text.into()))
    }

    /// The id without angle brackets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "message-id:{} bytes", self.0.len())
    }
}

impl Mailbox {
    /// The address as folded text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address, if it is a KIM address.
    ///
    /// # Errors
    /// [`BadAddress`] with the rule that was broken.
    pub fn kim(&self) -> Result<KimAddress, BadAddress> {
        KimAddress::new(&self.0)
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mailbox:{} bytes", self.0.len())
    }
}

impl SenderSystem {
    fn read(text: &str) -> Option<Self> {
        let (name, version) = text.split_once(';').unwrap_or((text, ""));
        let (name, version) = (name.trim(), version.trim());
        (!name.is_empty()).then(|| Self {
            name: name.into(),
            version: version.into(),
        })
    }
}

impl KomLeVersion {
    fn read(text: &str) -> Self {
        match text {
            "1.0" => Self::V1_0,
            "1.5" | "1.5+" => Self::V1_5,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests;
