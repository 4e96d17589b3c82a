//! How the authority log travels between control room and doors: plain JSON over [`crate::http`].

use record::{Entry, entry::BadEntry};
use serde::{Deserialize, Serialize};
use vocabulary::Digest;

/// Part of the authority log, as a door follows it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Piece {
    /// Number of the first entry in `entries`.
    pub from: u64,
    /// Canonically encoded entries, hexadecimal.
    pub entries: Vec<String>,
    /// The newest checkpoint that witnesses co-signed, as signed-note text. It may speak of fewer entries than the log
    /// has by now.
    pub checkpoint: Option<String>,
    /// Number of that publication; 0 if there was none yet.
    pub serial: u64,
}

impl Piece {
    /// The encoded entries.
    ///
    /// # Errors
    /// [`BadEntry::Length`] when a line is not hexadecimal.
    pub fn encoded(&self) -> Result<Vec<Vec<u8>>, BadEntry> {
        self.entries
            .iter()
            .map(|line| hex::decode(line).map_err(|_| BadEntry::Length { bytes: line.len() }))
            .collect()
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// [`BadEntry`] when it is longer than an entry may be.
    pub fn push(&mut self, entry: &Entry) -> Result<(), BadEntry> {
        self.entries.push(hex::encode(entry.encode()?));
        Ok(())
    }
}

/// What the control room says after it appended something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Appended {
    /// Number of the entry.
    pub index: u64,
}

/// Where a door store's ledger stands, told to others so that an old copy is noticed when it comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreHead {
    /// The store.
    pub store: Digest,
    /// Its ledger.
    pub head: record::Head,
}
