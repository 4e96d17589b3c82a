//! What the owner of the doors is told, and may show to everyone inside.

use serde::Serialize;
use vocabulary::{
    Class, Digest, DoorId, Epoch, EstateId, FlowRules, Millis, Position, RestrictionId, StatementId,
    Timestamp,
};

use crate::enrolment::StoreId;
use crate::restriction::{Grants, Restriction, StandsOn};
use crate::rules::Freshness;

/// The two readings of time every change is given: wall time for people, monotonic time for waiting. A wrong wall
/// clock changes what people read and nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moment {
    /// For people.
    pub wall: Timestamp,
    /// For deadlines; must not go back while the process lives.
    pub mono: Millis,
}

/// A door's answer to an order. Exists only after the entry is on disk and the new view is published: its existence
/// is the grade *applied*. *Proven* is a prober's word, not the door's.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The door.
    pub door: DoorId,
    /// Its epoch now.
    pub epoch: Epoch,
    /// Its position now.
    pub position: Position,
    /// What became of the order here.
    pub applied: Applied,
}

/// What became of an order at one door.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Applied {
    /// Recorded as this entry, and in force since.
    Now {
        /// Index of the entry in the doors' ledger.
        entry: u64,
        /// When, for people.
        at: Timestamp,
    },
    /// It was in force already; nothing changed.
    Before {
        /// Index of the entry that put it in force.
        entry: u64,
    },
    /// It had been in force and was lifted since. The same order is one decision: sign a new one to close again.
    LiftedSince {
        /// Index of the entry that had put it in force.
        entry: u64,
    },
    /// The order does not change this door.
    Unconcerned,
}

/// Something that looks wrong, found by the doors themselves.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signal {
    /// Others saw a later or another state of this store than the store itself has: it is an old or forked copy.
    RolledBack {
        /// Entries the store has.
        have: u64,
        /// Entries others saw.
        seen: u64,
    },
    /// The same name is enrolled in two stores, or one store runs twice.
    EnrolledTwice {
        /// One of the doors in both.
        door: DoorId,
    },
    /// A named promise did not hold; the door was shut.
    BrokenPromise {
        /// Which promise, for example `DOOR-1`.
        promise: String,
        /// At which door.
        door: DoorId,
    },
    /// The ledger takes no entries. Closings still take effect until the process ends; nothing opens.
    LedgerFailed,
    /// The end of the ledger was torn by a crash and cut off; nothing acknowledged was lost.
    TornTail,
}

/// Everything the owner may show about its doors.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Which store.
    pub store: StoreId,
    /// Which estate.
    pub estate: EstateId,
    /// How far its ledger goes, and the head others should remember for it.
    pub head: record::Head,
    /// Size and root of the authority replica.
    pub authority: Authority,
    /// Whether a fresh view was seen since the start.
    pub freshness: Freshness,
    /// The latest witnessed instant, carried on by the monotonic clock.
    pub witnessed: Option<Timestamp>,
    /// Whether the ledger tells everything that is in force.
    pub recording: Recording,
    /// Refusals that were counted and not logged one by one.
    pub refusals_unlisted: u64,
    /// Every door, by name.
    pub doors: Vec<DoorStatus>,
}

/// Whether the ledger tells everything that is in force.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recording {
    /// It does.
    Works,
    /// Closings are in force that it could not take yet; nothing opens until it has.
    Behind,
}

/// How far the authority replica goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Authority {
    /// How many statements.
    pub size: u64,
    /// Root over them.
    pub root: Digest,
}

/// One door's line in the status.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DoorStatus {
    /// The door.
    pub door: DoorId,
    /// Its epoch: what an opening must name.
    pub epoch: Epoch,
    /// How people name it.
    pub position: Position,
    /// What happens to each flow.
    pub rules: FlowRules,
    /// The heaviest class among its restrictions.
    pub class: Option<Class>,
    /// Wall time of its last change in this process, for people.
    pub since: Timestamp,
    /// Its restrictions: what an opening must name.
    pub restrictions: Vec<(RestrictionId, Restriction)>,
    /// Permissions on top.
    pub grants: Grants,
    /// What it was opened on.
    pub stands_on: StandsOn,
}

/// What became of an opening at one door.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OpeningRefused {
    /// The opening.
    pub opening: StatementId,
    /// The door, which stays as it is.
    pub door: DoorId,
    /// What is missing, in German and English.
    pub missing: String,
}

/// Compares two status reports: the same door name in two stores, or one store with two histories, is a signal.
#[must_use]
pub fn enrolled_twice(one: &Status, other: &Status) -> Option<Signal> {
    let forked =
        one.store == other.store && one.head.len == other.head.len && one.head.chain != other.head.chain;
    let shared = one.doors.iter().find(|line| {
        other
            .doors
            .binary_search_by(|theirs| theirs.door.cmp(&line.door))
            .is_ok()
    })?;
    (forked || one.store != other.store).then(|| Signal::EnrolledTwice {
        door: shared.door.clone(),
    })
}
