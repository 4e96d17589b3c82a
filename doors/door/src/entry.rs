//! What the doors' ledger says: one body per kind, as JSON.
//!
//! An entry tells what happened in full; replaying it asks no scope, no charter and no clock again.

use std::collections::{BTreeMap, BTreeSet};

use clearance::Nonce;
use order::UseNumber;
use record::{Draft, Kind};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use vocabulary::{
    Class, Digest, DoorId, Envelope, FlowRules, RestrictionId, Seconds, SignalId, StatementId, Timestamp,
};

use crate::enrolment::Enrolment;
use crate::restriction::{Origin, StandsOn};
use crate::state::Opening;

/// One entry's content.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Body {
    /// First entry of every store.
    Enrolled(Enrolment),
    /// A process began to own the store.
    Started(Started),
    /// A restriction was added.
    Tightened(Tightened),
    /// Classes were raised.
    Raised(Raised),
    /// Openings were carried out.
    Opened(Opened),
    /// A clearance or evidence was withdrawn.
    Withdrawn(Withdrawn),
    /// Grants reached their end.
    GrantsEnded(GrantsEnded),
    /// A fresh view of the authority log was proven.
    Fresh(Fresh),
    /// The authority replica followed its log by one entry: the entry's exact bytes.
    Authority(Vec<u8>),
    /// A statement was admitted that came without the authority log, from a file for example.
    Statement(Envelope),
    /// An opening was refused.
    Refused(RefusedOpening),
}

/// A process began to own the store.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Started {
    /// Version of the program.
    pub program: String,
}

/// A restriction was added.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tightened {
    /// Its name.
    pub restriction: RestrictionId,
    /// Where it came from.
    pub origin: Origin,
    /// Its class.
    pub class: Class,
    /// The signal it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<SignalId>,
    /// A witnessed instant not later than its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// How long sessions may finish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain: Option<Seconds>,
    /// Which use of a pre-signed order it is, and when, by this door's own clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<Used>,
    /// Why, in the commander's words.
    pub reason: String,
    /// Its effect.
    pub on: Vec<Effect>,
}

/// One use of a pre-signed order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Used {
    /// Its count.
    pub number: UseNumber,
    /// When, by the clock of the door that counts.
    pub at: Timestamp,
}

/// What a restriction does at some doors.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effect {
    /// To each flow.
    pub rules: FlowRules,
    /// At these doors.
    pub doors: Vec<DoorId>,
}

/// Classes were raised.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Raised {
    /// The signed statement.
    pub statement: StatementId,
    /// To at least this.
    pub class: Class,
    /// Which restrictions at which doors.
    pub on: BTreeMap<DoorId, BTreeSet<RestrictionId>>,
}

/// Openings were carried out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opened {
    /// Size of the authority log the permits were given on.
    pub authority_size: u64,
    /// Each door's opening.
    pub on: BTreeMap<DoorId, Opening>,
}

/// A clearance or evidence was withdrawn.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Withdrawn {
    /// The signed statement.
    pub statement: StatementId,
    /// What no longer counts, with everything that relied on it.
    pub named: StandsOn,
    /// The restriction at every door that stood on it.
    pub restriction: RestrictionId,
    /// A witnessed instant not later than its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Its effect.
    pub on: Vec<Effect>,
}

/// Grants reached their end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantsEnded {
    /// The witnessed instant that has passed.
    pub at: Timestamp,
    /// Where a grant ended.
    pub doors: BTreeSet<DoorId>,
}

/// A fresh view of the authority log was proven.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fresh {
    /// The co-signed checkpoint, so that anybody can prove it again.
    pub note: String,
    /// The nonce this process drew.
    pub nonce: Nonce,
    /// Size of the authority log.
    pub size: u64,
    /// Root of the authority log.
    pub root: Digest,
    /// Median of the witnesses' times.
    pub witnessed: Timestamp,
}

/// An opening was refused; repetitions are counted, not logged one by one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefusedOpening {
    /// The opening.
    pub statement: StatementId,
    /// At which door.
    pub door: DoorId,
    /// What was missing, in German and English.
    pub missing: String,
    /// How often so far, this time included.
    pub times: u64,
}

/// Why an entry's content cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BadBody {
    /// No kind this version knows. An unknown effect must not be skipped: it could be a closing.
    #[error("entry kind \"{0}\" is unknown to this version of the program")]
    UnknownKind(String),
    /// Not the JSON this version understands.
    #[error("the entry of kind \"{kind}\" cannot be read")]
    Json {
        /// Its kind.
        kind: String,
        /// What did not fit.
        #[source]
        source: serde_json::Error,
    },
}

impl Body {
    /// The entry's kind, as in the ledger.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Enrolled(_) => "door.enrolled",
            Self::Started(_) => "door.started",
            Self::Tightened(_) => "door.tightened",
            Self::Raised(_) => "door.raised",
            Self::Opened(_) => "door.opened",
            Self::Withdrawn(_) => "door.withdrawn",
            Self::GrantsEnded(_) => "door.grants-ended",
            Self::Fresh(_) => "door.fresh",
            Self::Authority(_) => "authority",
            Self::Statement(_) => "statement",
            Self::Refused(_) => "door.refused",
        }
    }

    /// Reads an entry's content.
    ///
    /// # Errors
    /// [`BadBody`] when kind or content is unknown.
    pub fn read(kind: &str, bytes: &[u8]) -> Result<Self, BadBody> {
        fn json<T: DeserializeOwned>(kind: &str, bytes: &[u8]) -> Result<T, BadBody> {
            serde_json::from_slice(bytes).map_err(|source| BadBody::Json {
                kind: kind.into(),
                source,
            })
        }
        Ok(match kind {
            "door.enrolled" => Self::Enrolled(json(kind, bytes)?),
            "door.started" => Self::Started(json(kind, bytes)?),
            "door.tightened" => Self::Tightened(json(kind, bytes)?),
            "door.raised" => Self::Raised(json(kind, bytes)?),
            "door.opened" => Self::Opened(json(kind, bytes)?),
            "door.withdrawn" => Self::Withdrawn(json(kind, bytes)?),
            "door.grants-ended" => Self::GrantsEnded(json(kind, bytes)?),
            "door.fresh" => Self::Fresh(json(kind, bytes)?),
            "authority" => Self::Authority(bytes.to_vec()),
            "statement" => Self::Statement(json(kind, bytes)?),
            "door.refused" => Self::Refused(json(kind, bytes)?),
            other => return Err(BadBody::UnknownKind(other.into())),
        })
    }

    /// The draft to be recorded.
    ///
    /// # Errors
    /// [`BadBody`] when the content cannot be written as JSON, which none of these can.
    pub fn draft(&self, at: Timestamp) -> Result<Draft, BadBody> {
        let kind = self.kind();
        let body = match self {
            Self::Enrolled(body) => serde_json::to_vec(body),
            Self::Started(body) => serde_json::to_vec(body),
            Self::Tightened(body) => serde_json::to_vec(body),
            Self::Raised(body) => serde_json::to_vec(body),
            Self::Opened(body) => serde_json::to_vec(body),
            Self::Withdrawn(body) => serde_json::to_vec(body),
            Self::GrantsEnded(body) => serde_json::to_vec(body),
            Self::Fresh(body) => serde_json::to_vec(body),
            Self::Authority(bytes) => Ok(bytes.clone()),
            Self::Statement(body) => serde_json::to_vec(body),
            Self::Refused(body) => serde_json::to_vec(body),
        }
        .map_err(|source| BadBody::Json {
            kind: kind.into(),
            source,
        })?;
        let kind = Kind::new(kind).map_err(|_| BadBody::UnknownKind(kind.into()))?;
        Ok(Draft { kind, at, body })
    }
}
