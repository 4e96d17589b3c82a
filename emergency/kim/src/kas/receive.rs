//! Receiving sealed bytes piece by piece, and opening them in place.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use vocabulary::{Digest, Hasher};

use super::Ticket;

/// What sealing adds: nonce in front, tag behind.
pub const SEALING_BYTES: u64 = 12 + 16;

/// Sealed bytes on their way in.
pub struct Receiver<'a> {
    ticket: &'a Ticket,
    sealed: Vec<u8>,
    hasher: Hasher,
}

/// More arrived than the ticket says: a store that does not end, or another file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "Der Anhangsdienst liefert mehr als die {expected} Bytes, die die Nachricht nennt; das Holen wurde beendet. / The attachment store delivers more than the {expected} bytes the mail names; fetching was ended."
)]
pub struct TooLong {
    /// Most bytes that could have been right.
    pub expected: u64,
}

/// Why received bytes were not opened. The mail is held; nobody is told anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotOpened {
    /// Another number of bytes than the ticket says.
    #[error(
        "Vom Anhangsdienst kamen {received} Bytes; zur Nachricht gehören {expected}. / The attachment store sent {received} bytes; the mail names {expected}."
    )]
    Size {
        /// What came.
        received: u64,
        /// What the ticket says.
        expected: u64,
    },
    /// The tag does not fit: other bytes, or another key.
    #[error(
        "Der Inhalt im Anhangsdienst passt nicht zum Schlüssel der Nachricht. / The content in the attachment store does not fit the mail's key."
    )]
    Tag,
    /// The digest does not fit, although the tag does.
    #[error(
        "Der Inhalt im Anhangsdienst hat nicht den Hashwert der Nachricht. / The content in the attachment store does not have the mail's digest."
    )]
    Hash,
}

impl<'a> Receiver<'a> {
    /// Waits for the bytes of a ticket. Nothing is reserved on the ticket's word.
    #[must_use]
    pub fn new(ticket: &'a Ticket) -> Self {
        Self {
            ticket,
            sealed: Vec::new(),
            hasher: Hasher::new(),
        }
    }

    /// Takes a piece.
    ///
    /// # Errors
    /// [`TooLong`]: nothing that may follow can make it right.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), TooLong> {
        let expected = self.ticket.bytes.saturating_add(SEALING_BYTES);
        let length = self.sealed.len().saturating_add(piece.len());
        if u64::try_from(length).unwrap_or(u64::MAX) > expected {
            return Err(TooLong { expected });
        }
        self.hasher.update(piece);
        self.sealed.extend_from_slice(piece);
        Ok(())
    }

    /// Opens what arrived, in place.
    ///
    /// # Errors
    /// [`NotOpened`] with the first thing that does not fit.
    pub fn open(mut self) -> Result<Vec<u8>, NotOpened> {
        let received = u64::try_from(self.sealed.len()).unwrap_or(u64::MAX);
        let expected = self.ticket.bytes;
        if received != expected && received != expected.saturating_add(SEALING_BYTES) {
            return Err(NotOpened::Size { received, expected });
        }
        let (nonce, content) = self
            .sealed
            .split_at_mut_checked(NONCE_LEN)
            .ok_or(NotOpened::Tag)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| NotOpened::Tag)?;
        let key = UnboundKey::new(&AES_256_GCM, self.ticket.key.as_slice()).map_err(|_| NotOpened::Tag)?;
        let opened = LessSafeKey::new(key).open_in_place(nonce, Aad::empty(), content);
        let (length, digest) = opened
            .map(|plain| (plain.len(), Digest::of(plain)))
            .map_err(|_| NotOpened::Tag)?;
        if digest != self.ticket.hash && self.hasher.finish() != self.ticket.hash {
            return Err(NotOpened::Hash);
        }
        self.sealed.copy_within(NONCE_LEN..NONCE_LEN + length, 0);
        self.sealed.truncate(length);
        Ok(self.sealed)
    }
}
