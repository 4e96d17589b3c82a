//! How a spool is, for people and machines.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use vocabulary::CellId;

/// How one declared store is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StoreStatus {
    /// Its directory.
    pub dir: PathBuf,
    /// Why it is not written to, if it is not.
    pub down: Option<String>,
}

/// What a spool is doing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Status {
    /// Every declared store.
    pub stores: Vec<StoreStatus>,
    /// Commands that wait for the disk.
    pub queued_items: u64,
    /// Bytes that wait for it in memory.
    pub queued_bytes: u64,
    /// Undelivered bytes on disk.
    pub bytes: u64,
    /// Every known cell.
    pub cells: Vec<CellStatus>,
}

impl Status {
    /// Whether every declared store is written to.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.stores.iter().all(|store| store.down.is_none())
    }
}

/// One cell of a spool.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CellStatus {
    /// Which.
    pub cell: CellId,
    /// Items that wait, held or in doubt.
    pub waiting: u64,
    /// Bytes not yet done with.
    pub bytes: u64,
    /// Who can read what is accepted now.
    pub readable: Readable,
}

/// Who can read what a cell stores.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Readable {
    /// The door too: its copy of the key is there.
    Here,
    /// Only the insurer: the door's copy is destroyed, or was never there.
    ByInsurerOnly,
}
