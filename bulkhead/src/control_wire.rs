//! What the other parts tell the control room, for its journal.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use spool::Figures;
use vocabulary::{CellId, DoorId};

use crate::probe::Proof;

/// How much of a ledger the journal has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// Entries.
    pub len: u64,
}

/// What lies in a spool.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backlogs {
    /// Cells whose figures changed.
    pub cells: BTreeMap<CellId, Figures>,
}

/// What a prober found.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proven {
    /// At which doors.
    pub doors: BTreeMap<DoorId, Proof>,
}

/// Wrapped keys of one door process. Nobody but the insurer can open them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedTold {
    /// Whose: the name of the doors' store.
    pub store: vocabulary::Digest,
    /// To whom the insurer's consent wraps them again, so that this process can read.
    pub recipient: order::AgeRecipient,
    /// Doors whose keys changed, each with all of its keys; a door whose keys are gone is there with none.
    pub doors: BTreeMap<DoorId, Vec<clearance::RewrappedKey>>,
}

/// What the control room remembers of it. Less than was told: it has begun anew, and is told all of it again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedKnown {
    /// Doors.
    pub doors: usize,
    /// Their keys.
    pub keys: usize,
}

/// The facts for the public, as they stand.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// Entries of the journal they were made from: what the next question calls `seen`.
    pub serial: u64,
    /// The facts.
    pub sheet: publication::FactSheet,
}

/// A site stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// The facts it was made from.
    pub serial: u64,
    /// Digest over all its files.
    pub digest: vocabulary::Digest,
    /// From the facts' arrival until it stood, in milliseconds.
    pub millis: u64,
}
