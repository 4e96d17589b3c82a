//! A door's proof that it sees the whole authority log as it is now.

use core::fmt;
use serde::{Deserialize, Serialize};
use vocabulary::Digest;

pub use record::WitnessedTime;

/// 32 random bytes that the keeper of a replica (a house of doors) drew for one question and never uses again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Nonce(Digest);

impl Nonce {
    /// Takes random bytes; drawing them is the shell's work.
    #[must_use]
    pub const fn from_random(bytes: [u8; 32]) -> Self {
        Self(Digest::from_bytes(bytes))
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Body of a log entry of kind [`NONCE_KIND`]: somebody asks for a fresh view. Anyone may append one; it proves only
/// that the log was written after the nonce was drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NonceEntry {
    /// What was drawn.
    pub nonce: Nonce,
}

/// Kind of the log entries that carry statements; the body is the envelope as JSON.
pub const STATEMENT_KIND: &str = "statement";
/// Kind of the log entries that carry nonces; the body is a [`NonceEntry`] as JSON.
pub const NONCE_KIND: &str = "nonce";
/// Kind of the log entries that record a cosigned checkpoint of the log's own past; the body is the signed note. Only
/// such an entry lets the wait of a section's recovery begin and end.
pub const WITNESSED_KIND: &str = "witnessed";

/// Proof: when the witnesses signed, this replica held the whole log, and the log was written after the nonce was drawn.
/// Good for the doors that follow this replica, until the log grows.
#[derive(PartialEq, Eq, Debug)]
pub struct FreshView {
    pub(crate) nonce: Nonce,
    pub(crate) size: u64,
    pub(crate) root: Digest,
    pub(crate) time: WitnessedTime,
}

impl FreshView {
    /// The nonce it answers.
    #[must_use]
    pub const fn nonce(&self) -> Nonce {
        self.nonce
    }

    /// How many entries the log had.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root over them.
    #[must_use]
    pub const fn root(&self) -> Digest {
        self.root
    }

    /// When the witnesses signed.
    #[must_use]
    pub const fn time(&self) -> WitnessedTime {
        self.time
    }
}
