//! What the control room itself writes into the journal: one body per kind, as JSON.
//!
//! None of this moves a door. Every body says `by` whom it was done; absent means the room itself, for example on a
//! sensor's or a prober's word. No body holds more about a person than its name in the charter.

use std::collections::{BTreeMap, BTreeSet};

use order::Text;
use record::Kind;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use vocabulary::{
    CellId, DetectorId, Digest, DoorId, Envelope, EnvironmentId, Epoch, IncidentId, InsurerId, LegalEntityId,
    PersonId, Position, Scope, ServiceId, SignalId, StatementId, Timestamp,
};

use crate::door_view::Level;

/// Longest body of a room entry, in bytes: a draft of an opening of every door fits.
pub const ROOM_BODY_BYTES_MAX: usize = 7 * 1024 * 1024;

macro_rules! bodies {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident : $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name {
            /// Who did it; absent means the room itself.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub by: Option<PersonId>,
            $($(#[$field_doc])* pub $field: $type,)*
        }
    )*};
}

bodies! {
    /// Somebody believes that something is going wrong.
    IncidentOpened {
        /// Its name.
        incident: IncidentId,
        /// What is believed.
        title: Text,
        /// Where.
        scope: Scope,
        /// What it rests on.
        #[serde(default)]
        signals: BTreeSet<SignalId>,
    }
    /// Something new is known about an incident.
    IncidentUpdated {
        /// Which.
        incident: IncidentId,
        /// What is new.
        text: Text,
        /// Where it is now believed to reach; absent means unchanged.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scope: Option<Scope>,
        /// Further signals.
        #[serde(default)]
        signals: BTreeSet<SignalId>,
    }
    /// An incident is over.
    IncidentClosed {
        /// Which.
        incident: IncidentId,
        /// Why.
        why: Text,
    }
    /// Something looked wrong.
    SignalSeen {
        /// Its name.
        signal: SignalId,
        /// What kind of detector saw it.
        detector: DetectorId,
        /// What was seen.
        what: Text,
        /// Where.
        scope: Scope,
        /// The incident it belongs to, if it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        incident: Option<IncidentId>,
    }
    /// An insurer ranks its services for the return, most important first.
    PlanRanked {
        /// Whose.
        insurer: InsurerId,
        /// In this order.
        services: Vec<ServiceId>,
    }
    /// An insurer books when it wants to be there for the return of a cell.
    PlanSlot {
        /// Which cell.
        cell: CellId,
        /// From when.
        from: Timestamp,
        /// Until when.
        to: Timestamp,
    }
    /// The insurer has tested a returned cell and says yes.
    TestAccepted {
        /// Which cell.
        cell: CellId,
        /// What to know about it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<Text>,
    }
    /// The insurer has tested a returned cell and says no.
    TestRefused {
        /// Which cell.
        cell: CellId,
        /// Why.
        why: Text,
    }
    /// Somebody was told when a cell is expected back.
    PromiseMade {
        /// Which cell.
        cell: CellId,
        /// Not before.
        from: Timestamp,
        /// Not after.
        to: Timestamp,
        /// Only if.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        condition: Option<Text>,
    }
    /// A sentence for the public, with what it rests on.
    ClaimMade {
        /// Which fact it is about; a later claim of the same name replaces it and leaves it visible.
        claim: String,
        /// In German.
        de: Text,
        /// In English.
        en: Text,
        /// How well it is known, as the publication room grades it.
        grade: String,
        /// When it is looked at again; how "not known yet" stays honest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        review: Option<Timestamp>,
    }
    /// A step of calling people out.
    CalloutEvent {
        /// For which incident.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        incident: Option<IncidentId>,
        /// Who is called.
        person: PersonId,
        /// Which way (`sms`, `voice`, `mail`, `tree`); never the number itself.
        way: String,
        /// What happened.
        step: CalloutStep,
    }
    /// A text went out.
    NoticePublished {
        /// Which.
        notice: String,
        /// Digest of its exact bytes.
        digest: Digest,
    }
    /// A person has sent what a law asks for.
    ObligationSent {
        /// Which obligation, as in the list of obligations.
        obligation: String,
        /// For which legal person.
        entity: LegalEntityId,
        /// In which incident; absent: the newest this legal person knew of.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        incident: Option<IncidentId>,
        /// The journal entry of an authority's request it answers, if it answers one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request: Option<u64>,
        /// When it was sent, where that was before it was noted here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sent: Option<Timestamp>,
        /// Why it was late, if it was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        because: Option<Text>,
        /// Digest of what was sent, if it is at hand.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        digest: Option<Digest>,
    }
    /// The prober has tried a door.
    ProofMeasured {
        /// Which door.
        door: DoorId,
        /// The epoch it was tried at.
        epoch: Epoch,
        /// The position it was tried for.
        position: Position,
        /// What got through although it must not, or does not work although it must. Empty: proven.
        failures: Vec<String>,
        /// How many connections were open before and tried too.
        old_sessions: u32,
        /// When, by the prober's clock.
        at: Timestamp,
    }
    /// A spool was counted.
    BacklogCounted {
        /// Each cell's figures; cells that are not named keep theirs.
        cells: BTreeMap<CellId, Backlog>,
    }
    /// Somebody logged in.
    SessionOpened {
        /// Digest of the session's secret.
        session: Digest,
        /// When it ends at the latest.
        until: Timestamp,
    }
    /// A statement waits for signatures.
    DraftProposed {
        /// The exact bytes to be signed, with the signatures that are there. A later one with the same bytes replaces it.
        draft: Envelope,
    }
    /// A draft is no longer wanted. It does not come back, whoever still signs the same bytes.
    DraftDropped {
        /// The statement it would have been.
        draft: StatementId,
        /// Why.
        why: Text,
    }
    /// An environment moved in the restoration's state machine.
    EnvironmentMoved {
        /// Which.
        environment: EnvironmentId,
        /// To what, as the restoration room names it.
        state: String,
    }
    /// What a door may do in peace was set.
    LevelSet {
        /// Which door.
        door: DoorId,
        /// To what.
        level: Level,
    }
}

/// What happened to one call.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CalloutStep {
    /// The call went out.
    Called,
    /// The person answered.
    Acknowledged,
    /// The call did not get through.
    Failed,
    /// Nobody answered in time; the next was called.
    Escalated,
}

/// What lies in a spool for one cell; every item is in exactly one class.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Backlog {
    /// Wait.
    pub held: u64,
    /// A hand-over began and its end is unknown.
    pub in_doubt: u64,
    /// Were handed over.
    pub handed_over: u64,
    /// Were set aside for a person.
    pub parked: u64,
    /// When the oldest of those that wait came in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<Timestamp>,
}

/// Why a room entry cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum BadRoomEntry {
    /// No kind this version knows.
    #[error("journal entry kind \"{0}\" is unknown to this version of the program")]
    UnknownKind(String),
    /// Not the JSON this version understands.
    #[error("the journal entry of kind \"{kind}\" cannot be read or written")]
    Json {
        /// Its kind.
        kind: String,
        /// What did not fit.
        #[source]
        source: serde_json::Error,
    },
    /// Longer than a room entry may be.
    #[error("the journal entry has {bytes} bytes; at most {ROOM_BODY_BYTES_MAX} are taken")]
    TooLong {
        /// How many.
        bytes: usize,
    },
}

macro_rules! kinds {
    ($($variant:ident = $kind:literal,)*) => {
        /// One entry by the room itself.
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub enum RoomEntry {
            $(#[doc = concat!("Kind `", $kind, "`.")] $variant($variant),)*
        }

        impl RoomEntry {
            /// Every kind, as in the journal.
            pub const KINDS: &'static [&'static str] = &[$($kind),*];

            /// The kind, as in the journal.
            #[must_use]
            pub const fn kind(&self) -> &'static str {
                match self { $(Self::$variant(_) => $kind,)* }
            }

            /// Who did it; absent means the room itself.
            #[must_use]
            pub const fn by(&self) -> Option<&PersonId> {
                match self { $(Self::$variant(body) => body.by.as_ref(),)* }
            }

            /// Reads an entry.
            ///
            /// # Errors
            /// [`BadRoomEntry`] when kind or content is unknown.
            pub fn read(kind: &str, bytes: &[u8]) -> Result<Self, BadRoomEntry> {
                fn json<T: DeserializeOwned>(kind: &str, bytes: &[u8]) -> Result<T, BadRoomEntry> {
                    serde_json::from_slice(bytes).map_err(|source| BadRoomEntry::Json { kind: kind.into(), source })
                }
                match kind {
                    $($kind => json(kind, bytes).map(Self::$variant),)*
                    other => Err(BadRoomEntry::UnknownKind(other.into())),
                }
            }

            /// The body as it is recorded.
            ///
            /// # Errors
            /// [`BadRoomEntry::TooLong`].
            pub fn body(&self) -> Result<Vec<u8>, BadRoomEntry> {
                let body = match self { $(Self::$variant(body) => serde_json::to_vec(body),)* }
                    .map_err(|source| BadRoomEntry::Json { kind: self.kind().into(), source })?;
                if body.len() > ROOM_BODY_BYTES_MAX {
                    return Err(BadRoomEntry::TooLong { bytes: body.len() });
                }
                Ok(body)
            }
        }

        $(impl From<$variant> for RoomEntry {
            fn from(body: $variant) -> Self {
                Self::$variant(body)
            }
        })*
    };
}

kinds! {
    IncidentOpened = "incident.opened",
    IncidentUpdated = "incident.updated",
    IncidentClosed = "incident.closed",
    SignalSeen = "signal.seen",
    PlanRanked = "plan.ranked",
    PlanSlot = "plan.slot",
    TestAccepted = "test.accepted",
    TestRefused = "test.refused",
    PromiseMade = "promise.made",
    ClaimMade = "claim.made",
    CalloutEvent = "callout.event",
    NoticePublished = "notice.published",
    ObligationSent = "obligation.sent",
    ProofMeasured = "proof.measured",
    BacklogCounted = "backlog.counted",
    SessionOpened = "session.opened",
    DraftProposed = "draft.proposed",
    DraftDropped = "draft.dropped",
    EnvironmentMoved = "environment.moved",
    LevelSet = "door.level",
}

impl RoomEntry {
    /// The kind as the ledger takes it.
    ///
    /// # Errors
    /// [`BadRoomEntry::UnknownKind`], which none of these is.
    pub fn ledger_kind(&self) -> Result<Kind, BadRoomEntry> {
        Kind::new(self.kind()).map_err(|_| BadRoomEntry::UnknownKind(self.kind().into()))
    }
}
