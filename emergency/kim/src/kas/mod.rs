//! Large mails: the ticket a mail carries instead of its content, and the sealed content it stands for (CM 1.13.0 A_19359,
//! A_19372; AK samples and `AttachmentService.yaml` 2.4.0).
//!
//! The bytes in the store are the client mail under AES-256-GCM, the 12-byte nonce in front, the 16-byte tag behind. The
//! ticket travels inside the signed and encrypted mail, so key and digest are as good as that mail's signature.
//!
//! - A ticket never makes us fetch from where it wants: [`Stores::admit`] is the only way to an [`Admitted`] link, and the
//!   client takes nothing else.
//! - What arrives is counted while it arrives; more than the ticket says, or than we allow, ends it. There is no
//!   compression in the format, and an encoded HTTP body is refused, so nothing can swell.
//! - Content is opened in place in the one buffer it arrived in: the cost of a mail is its size, bounded by `bytes_max`, and
//!   nothing of it is used before tag and digest are right. The library offers no piecewise opening, and unverified
//!   pieces would be worth nothing to us.
//!
//! *Unverified*: the text of 1.16.0 on `hash` and `size`. 1.13.0 says both are of the content before sealing; a ticket that
//! means the sealed bytes is accepted as well, because the tag decides in any case. What lies inside the opened bytes (the
//! mail itself, or the mail signed once more) is for the caller to see.

mod link;
mod receive;

use core::fmt;
use serde::Deserialize;
use vocabulary::Digest;
use zeroize::{Zeroize as _, Zeroizing};

pub use link::{Admitted, BadLink, Link, NotAllowed, Store, Stores};
pub use receive::{NotOpened, Receiver, SEALING_BYTES, TooLong};

/// Longest ticket, in bytes. Real ones have some 300.
pub const TICKET_BYTES_MAX: usize = 16 * 1024;

/// A ticket, checked. `Debug` shows neither link nor key.
pub struct Ticket {
    link: Link,
    key: Zeroizing<[u8; 32]>,
    hash: Digest,
    bytes: u64,
}

/// Why a part is no usable ticket. The mail is then shown to a person; none of these is an error of the practice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadTicket {
    /// Longer than [`TICKET_BYTES_MAX`].
    #[error(
        "Der KAS-Verweis ist länger als {TICKET_BYTES_MAX} Bytes. / The KAS ticket is longer than {TICKET_BYTES_MAX} bytes."
    )]
    TooLong,
    /// Not the JSON object that is expected.
    #[error("Der KAS-Verweis ist kein lesbares JSON-Objekt. / The KAS ticket is no readable JSON object.")]
    Form,
    /// A ticket of KIM 1.0, for one attachment instead of the whole mail.
    #[error(
        "Der KAS-Verweis steht für einen einzelnen Anhang (KIM 1.0); eine Person muss ihn ansehen. / The KAS ticket stands for a single attachment (KIM 1.0); a person has to look at it."
    )]
    SingleAttachment,
    /// The key is not 32 bytes in base64.
    #[error(
        "Der Schlüssel im KAS-Verweis hat nicht 32 Bytes. / The key in the KAS ticket does not have 32 bytes."
    )]
    Key,
    /// The digest is not 32 bytes in base64.
    #[error(
        "Der Hashwert im KAS-Verweis hat nicht 32 Bytes. / The digest in the KAS ticket does not have 32 bytes."
    )]
    Hash,
    /// The link.
    #[error(transparent)]
    Link(#[from] BadLink),
    /// Larger than we take.
    #[error(
        "Die Nachricht im KAS hat {bytes} Bytes; höchstens {max} werden geholt. / The mail in the KAS has {bytes} bytes; at most {max} are fetched."
    )]
    TooLarge {
        /// Its size by the ticket.
        bytes: u64,
        /// The bound.
        max: u64,
    },
}

#[derive(Deserialize)]
struct Words {
    link: String,
    k: String,
    hash: String,
    size: u64,
    #[serde(default)]
    name: Option<serde::de::IgnoredAny>,
}

impl Ticket {
    /// Reads the content of an `x-kas` part. Unknown fields are ignored.
    ///
    /// # Errors
    /// [`BadTicket`] with the rule that was broken.
    pub fn read(json: &[u8], bytes_max: u64) -> Result<Self, BadTicket> {
        if json.len() > TICKET_BYTES_MAX {
            return Err(BadTicket::TooLong);
        }
        let mut words: Words = serde_json::from_slice(json.trim_ascii()).map_err(|_| BadTicket::Form)?;
        let key = decode(&words.k);
        words.k.zeroize();
        if words.name.is_some() {
            return Err(BadTicket::SingleAttachment);
        }
        let key = Zeroizing::new(key.ok_or(BadTicket::Key)?);
        let hash = Digest::from_bytes(decode(&words.hash).ok_or(BadTicket::Hash)?);
        let link = Link::read(&words.link)?;
        if words.size > bytes_max {
            return Err(BadTicket::TooLarge {
                bytes: words.size,
                max: bytes_max,
            });
        }
        Ok(Self {
            link,
            key,
            hash,
            bytes: words.size,
        })
    }

    /// Where the sealed bytes lie, as the ticket says.
    #[must_use]
    pub const fn link(&self) -> &Link {
        &self.link
    }

    /// The size, as the ticket says.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// 32 bytes from base64.
fn decode(text: &str) -> Option<[u8; 32]> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let bytes = Zeroizing::new(STANDARD.decode(text.trim()).ok()?);
    bytes.as_slice().try_into().ok()
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ticket for {} bytes", self.bytes)
    }
}

#[cfg(test)]
mod tests;
