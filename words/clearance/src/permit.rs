//! The right to open one door at one epoch.

use alloc::{collections::BTreeSet, vec::Vec};
use order::AgeRecipient;
use serde::{Deserialize, Serialize};
use vocabulary::{
    Class, Digest, DoorId, EnvironmentId, Epoch, Flow, Place, RestrictionId, SignalId, StatementId, Timestamp,
};

use crate::body::Peer;

/// One active restriction as a door knows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RestrictionFacts {
    /// Its name.
    pub id: RestrictionId,
    /// Its class at this door, raisings included.
    pub class: Class,
    /// When the door applied it. A time that cannot be placed inside the precautionary window counts as outside.
    pub since: Timestamp,
    /// The signal it answers, if any.
    pub signal: Option<SignalId>,
}

/// What a door knows about itself when it asks for a permit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DoorFacts {
    /// The door.
    pub door: DoorId,
    /// Where it stands.
    pub place: Place,
    /// Its epoch now.
    pub epoch: Epoch,
    /// Every active restriction.
    pub active: Vec<RestrictionFacts>,
}

/// What provisional operation is confined to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitedRules {
    /// Peers that may be talked to; `None` means any.
    pub peers: Option<BTreeSet<Peer>>,
    /// Flows that may run; all others stay as under Held.
    pub flows: BTreeSet<Flow>,
}

/// What a door becomes by a permit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum After {
    /// The lifted restrictions are gone.
    Open,
    /// Provisional operation; the door falls back to Held at the end.
    Limited {
        /// When it ends.
        until: Timestamp,
        /// What it is confined to.
        rules: LimitedRules,
    },
    /// A grant on top of Held.
    Emergency {
        /// The emergency environment that reads.
        environment: EnvironmentId,
        /// The decryption identity the insurer named.
        identity: AgeRecipient,
        /// When the grant ends.
        until: Timestamp,
    },
}

/// What a permit stands on: if any of it is withdrawn, the door goes to Held.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandsOn {
    /// Clearances, with everything they rely on.
    pub clearances: BTreeSet<StatementId>,
    /// Evidence roots and digests of what was examined, of all of them.
    pub evidence: BTreeSet<Digest>,
    /// For an emergency grant: the insurer's consent. Who reads an insurer's mail in its place reads only as long as the
    /// insurer has not taken its yes back.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub consents: BTreeSet<StatementId>,
}

/// Proof: this door may, at this epoch, lift these restrictions.
#[derive(PartialEq, Eq, Debug)]
pub struct Permit {
    pub(crate) opening: StatementId,
    pub(crate) door: DoorId,
    pub(crate) epoch: Epoch,
    pub(crate) lifts: BTreeSet<RestrictionId>,
    pub(crate) becomes: After,
    pub(crate) stands_on: StandsOn,
    pub(crate) consent: Option<StatementId>,
    pub(crate) at: Timestamp,
}

impl Permit {
    /// The opening order behind it.
    #[must_use]
    pub const fn opening(&self) -> StatementId {
        self.opening
    }

    /// The door it is for.
    #[must_use]
    pub const fn door(&self) -> &DoorId {
        &self.door
    }

    /// The only epoch it is good for.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The restrictions it lifts; none for an emergency grant.
    #[must_use]
    pub const fn lifts(&self) -> &BTreeSet<RestrictionId> {
        &self.lifts
    }

    /// What the door becomes.
    #[must_use]
    pub const fn becomes(&self) -> &After {
        &self.becomes
    }

    /// What it stands on.
    #[must_use]
    pub const fn stands_on(&self) -> &StandsOn {
        &self.stands_on
    }

    /// The insurer's fresh or standing consent, where one was needed; a fresh one carries the re-wrapped keys.
    #[must_use]
    pub const fn consent(&self) -> Option<StatementId> {
        self.consent
    }

    /// Witnessed time when it was given.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }
}
