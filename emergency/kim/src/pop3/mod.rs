//! A POP3 server for one mailbox per session, without a socket (RFC 1939, 2449, 5034; CM chapter on the POP3 dialogue).
//!
//! [`Session::next`] takes an [`Event`] and returns [`Effect`]s; whoever has the socket carries them out and comes back with
//! what happened. Deletions are committed at QUIT only, and QUIT is answered `+OK` only after they are.
//!
//! `TOP n m` is answered as `TOP n 0`: clients of the field read the header to route by service mark, nothing else. User names
//! are KIM addresses; the `#host:port` syntax of practice client modules is not used by a Basis-Consumer.

mod command;
mod session;
mod stuffing;

use core::fmt;
use zeroize::Zeroizing;

use crate::address::KimAddress;

pub use command::{BadCommand, Command, plain};
pub use session::{Effect, Event, Limits, Session, What};
pub use stuffing::Stuffer;

/// Longest command line, in bytes, without its line end: an AUTH PLAIN response with a KIM address and a long password.
pub const LINE_BYTES_MAX: usize = 1024;

/// A password or SASL response. `Debug` shows nothing; the bytes are wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }

    /// The bytes, for comparing.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("secret")
    }
}

/// The name of a message in its mailbox (RFC 1939 section 7): 1 to 70 characters from 0x21 to 0x7E, never reused.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Uid(Box<str>);

impl Uid {
    /// Takes a name.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let fits = (1..=70).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(text.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A message as the list shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its name.
    pub uid: Uid,
    /// Its size in bytes.
    pub bytes: u64,
}

/// A mailbox: what lies in it, one message, deletions. Calls may block; the server makes them where that hurts nobody.
pub trait Mailbox: Send + Sync {
    /// What lies in it, oldest first. The session sees this list until it ends.
    ///
    /// # Errors
    /// [`Unavailable`]: the client is told to come back.
    fn list(&self) -> Result<Vec<Entry>, Unavailable>;

    /// The bytes of a message.
    ///
    /// # Errors
    /// [`Unavailable`], also for a message that is gone.
    fn open(&self, uid: &Uid) -> Result<Box<dyn std::io::Read + Send>, Unavailable>;

    /// Deletes messages, all of them durably or none. Deleting again changes nothing.
    ///
    /// # Errors
    /// [`Unavailable`]: nothing was deleted as far as anybody may believe.
    fn delete(&self, uids: &[Uid]) -> Result<(), Unavailable>;
}

/// A mailbox cannot be read or written now. The cause is reported where it happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Das Postfach ist derzeit nicht verfügbar. / The mailbox is not available now.")]
pub struct Unavailable;

/// A login as it came in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Login {
    /// The mailbox asked for.
    pub user: KimAddress,
    /// The password.
    pub password: Secret,
}

/// What became of a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// It was right, and this lies in the mailbox.
    Accepted(Vec<Entry>),
    /// It was wrong.
    Rejected,
    /// It was right, and another session has the mailbox.
    InUse,
    /// The mailbox cannot be opened now.
    Unavailable,
}

#[cfg(test)]
mod tests;
