//! Orders towards more open.

use alloc::{collections::BTreeSet, vec::Vec};
use serde::{Deserialize, Serialize};
use vocabulary::{
    DoorId, EnvironmentId, Epoch, EstateId, PayloadType, RestrictionId, StatementId, Timestamp,
};

use crate::{
    body::{BadBody, Body, at_most},
    charter::AgeRecipient,
    text::Text,
};

/// Most doors one opening names: every cell of an estate.
const DOORS_MAX: usize = 8192;
/// Most restrictions lifted at one door.
const LIFTS_MAX: usize = 256;
/// Most clearances one opening stands on.
const CLEARANCES_MAX: usize = 256;

/// Longest life of an opening that was not used: a week. The epoch usually ends it earlier.
const LIFE_SECS_MAX: u64 = 7 * 24 * 3600;

/// What an opening asks of one door.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DoorOpening {
    /// The door.
    pub door: DoorId,
    /// The door's exact epoch when the opening was written (compare and set).
    pub epoch: Epoch,
    /// The restrictions to lift; none for an emergency grant, which stands on top of Held.
    pub lifts: BTreeSet<RestrictionId>,
}

/// What the doors become.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Becomes {
    /// Normal operation, as far as the restrictions that remain allow.
    Open,
    /// Provisional operation inside a limited clearance.
    Limited {
        /// When the doors fall back to Held; announced with the grant.
        until: Timestamp,
    },
    /// An emergency environment reads on top of Held.
    Emergency {
        /// The emergency environment.
        environment: EnvironmentId,
        /// The decryption identity the insurer must have named.
        identity: AgeRecipient,
        /// When the grant ends.
        until: Timestamp,
    },
}

/// Payload of an `opening` statement.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Opening {
    /// The estate it is meant for.
    pub estate: EstateId,
    /// The doors, each with its epoch and what is lifted.
    pub doors: Vec<DoorOpening>,
    /// What they become.
    pub becomes: Becomes,
    /// The clearances it stands on.
    #[serde(default)]
    pub clearances: BTreeSet<StatementId>,
    /// Why.
    pub reason: Text,
    /// When it was written, by the signer's own clock.
    pub issued: Timestamp,
    /// Opens nothing after this instant.
    pub expires: Timestamp,
}

impl Opening {
    /// What it asks of one door, if it names it.
    #[must_use]
    pub fn at(&self, door: &DoorId) -> Option<&DoorOpening> {
        self.doors.iter().find(|entry| entry.door == *door)
    }
}

impl Body for Opening {
    const KIND: PayloadType = PayloadType::Opening;
    const BYTES_MAX: usize = 4 * 1024 * 1024;

    fn check(&self) -> Result<(), BadBody> {
        at_most("Türen", "doors", self.doors.len(), DOORS_MAX)?;
        at_most("Freigaben", "clearances", self.clearances.len(), CLEARANCES_MAX)?;
        if self.doors.is_empty() {
            return Err(BadBody::contradiction(
                "Es ist keine Tür genannt.",
                "No door is named.",
            ));
        }
        let mut seen = BTreeSet::new();
        for entry in &self.doors {
            if !seen.insert(&entry.door) {
                return Err(BadBody::contradiction(
                    alloc::format!("Die Tür {} ist zweimal genannt.", entry.door),
                    alloc::format!("Door {} is named twice.", entry.door),
                ));
            }
            at_most("Sperren", "restrictions", entry.lifts.len(), LIFTS_MAX)?;
            let emergency = matches!(self.becomes, Becomes::Emergency { .. });
            if emergency != entry.lifts.is_empty() {
                return Err(BadBody::contradiction(
                    alloc::format!(
                        "Tür {}: Notbetrieb hebt keine Sperre auf, jede andere Öffnung mindestens eine.",
                        entry.door
                    ),
                    alloc::format!(
                        "Door {}: emergency lifts no restriction, any other opening at least one.",
                        entry.door
                    ),
                ));
            }
        }
        if self.expires <= self.issued || self.expires.since(self.issued).0 > LIFE_SECS_MAX {
            return Err(BadBody::contradiction(
                alloc::format!("Eine Öffnung gilt länger als null und höchstens {LIFE_SECS_MAX} s."),
                alloc::format!("An opening is valid for more than zero and at most {LIFE_SECS_MAX} s."),
            ));
        }
        Ok(())
    }
}
