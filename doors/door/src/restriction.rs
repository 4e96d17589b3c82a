//! What a door holds: restrictions, and grants on top of them.

use std::collections::BTreeSet;

use order::AgeRecipient;
use serde::{Deserialize, Serialize};
use vocabulary::{
    Class, Digest, EnvironmentId, Flow, FlowRules, RestrictionId, SignalId, StatementId, Timestamp,
};

/// The effect of one tightening at one door. Exists in memory only after it is in the ledger.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restriction {
    /// What it does to each flow here.
    pub rules: FlowRules,
    /// Why it stands; raised, never lowered.
    pub class: Class,
    /// Where it came from.
    pub origin: Origin,
    /// The signal it was ordered for: an explanation of that signal lifts it, and nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<SignalId>,
    /// A witnessed instant that is certainly not later than its beginning; absent where the door had never seen a
    /// witness. Windows measured from it end too early rather than too late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

impl Restriction {
    /// Two accounts of the same restriction become the tighter of both, so that delivery order never matters.
    #[must_use]
    pub fn merged(&self, other: &Self) -> Self {
        Self {
            rules: self.rules.join(other.rules),
            class: self.class.max(other.class),
            origin: self.origin.clone().min(other.origin.clone()),
            signal: self.signal.clone().min(other.signal.clone()),
            since: match (self.since, other.since) {
                (Some(mine), Some(theirs)) => Some(mine.min(theirs)),
                (None, _) | (_, None) => None,
            },
        }
    }
}

/// Where a restriction came from.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// A signed order.
    Order(StatementId),
    /// A withdrawn clearance, evidence or consent the door stood on.
    Withdrawal(StatementId),
    /// The door is new: nobody has ever stated that what lies behind it is clean.
    Enrolment,
    /// Others had seen a later state of this door's ledger than the door itself has.
    RolledBack,
    /// A named promise did not hold after a change.
    BrokenPromise,
}

/// What an opening stood on: the clearances and, through them, the evidence.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandsOn {
    /// Clearances.
    pub clearances: BTreeSet<StatementId>,
    /// Evidence roots and digests of what was examined.
    pub evidence: BTreeSet<Digest>,
    /// The insurer's consent, where it was for an emergency grant.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub consents: BTreeSet<StatementId>,
}

impl From<&clearance::StandsOn> for StandsOn {
    fn from(other: &clearance::StandsOn) -> Self {
        Self {
            clearances: other.clearances.clone(),
            evidence: other.evidence.clone(),
            consents: other.consents.clone(),
        }
    }
}

impl StandsOn {
    /// Whether it stands on nothing, as a lifted maintenance restriction does.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.clearances.is_empty() && self.evidence.is_empty() && self.consents.is_empty()
    }

    /// Whether both name something in common.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        !self.clearances.is_disjoint(&other.clearances)
            || !self.evidence.is_disjoint(&other.evidence)
            || !self.consents.is_disjoint(&other.consents)
    }

    /// Adds what another stands on.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.clearances.extend(other.clearances.iter().copied());
        self.evidence.extend(other.evidence.iter().copied());
        self.consents.extend(other.consents.iter().copied());
        self
    }

    /// Removes what another names.
    #[must_use]
    pub fn without(mut self, other: &Self) -> Self {
        self.clearances.retain(|id| !other.clearances.contains(id));
        self.evidence.retain(|digest| !other.evidence.contains(digest));
        self.consents.retain(|id| !other.consents.contains(id));
        self
    }
}

/// Which counterparts a limited grant admits.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Peers {
    /// All that the data plane knows.
    Any,
    /// Only these, by the name the data plane authenticated them under.
    Only(BTreeSet<String>),
}

impl Peers {
    /// Whether a peer is admitted.
    #[must_use]
    pub fn admit(&self, peer: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Only(names) => names.contains(peer),
        }
    }
}

/// Limited operation: named flows for named peers pass although restrictions stand, until an instant.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limited {
    /// The restrictions it was granted over. One it does not name stays in force.
    pub over: BTreeSet<RestrictionId>,
    /// The flows that pass.
    pub directions: BTreeSet<Flow>,
    /// For whom.
    pub peers: Peers,
    /// When it ends, in witnessed time.
    pub until: Timestamp,
}

/// Emergency operation on top of Held: nothing changes for outsiders; a named environment may read what is stored.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Emergency {
    /// The restrictions it was granted over.
    pub over: BTreeSet<RestrictionId>,
    /// The emergency environment that reads.
    pub environment: EnvironmentId,
    /// The decryption identity the insurer named.
    pub identity: AgeRecipient,
    /// When it ends, in witnessed time.
    pub until: Timestamp,
}

/// Permissions on top of restrictions. They end by themselves; the restrictions below them do not.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grants {
    /// Limited operation, if granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limited: Option<Limited>,
    /// Emergency operation, if granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emergency: Option<Emergency>,
}

impl Grants {
    /// No permission on top.
    pub const NONE: Self = Self {
        limited: None,
        emergency: None,
    };

    /// The earliest end of any grant.
    #[must_use]
    pub fn first_end(&self) -> Option<Timestamp> {
        let limited = self.limited.as_ref().map(|grant| grant.until);
        let emergency = self.emergency.as_ref().map(|grant| grant.until);
        limited.into_iter().chain(emergency).min()
    }

    /// Without those that end at or before an instant.
    #[must_use]
    pub fn after(self, instant: Timestamp) -> Self {
        Self {
            limited: self.limited.filter(|grant| grant.until > instant),
            emergency: self.emergency.filter(|grant| grant.until > instant),
        }
    }
}
