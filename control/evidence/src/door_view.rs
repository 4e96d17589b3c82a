//! One door as the room sees it: what its own ledger says, what was ordered and has not reached it, what was measured.

use std::collections::{BTreeMap, BTreeSet};

use door::{Grants, StandsOn};
use serde::{Deserialize, Serialize};
use vocabulary::{
    Class, Epoch, FlowRules, Holdable, Place, Position, RestrictionId, SignalId, StatementId, Timestamp,
};

use crate::source::SourceId;

/// How far a door is trusted to act in peace.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Mirrors or logs; cannot break anything.
    Observe,
    /// Holds when ordered; proven in exercises.
    HoldReady,
    /// Enforces every order.
    Enforcing,
}

/// How well it is known that a door does what was ordered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// A closing is in the authority log and the door has not said yet that it is in force there.
    Ordered,
    /// The door's ledger says so.
    Applied,
    /// The prober failed to get through, at exactly this epoch and position.
    Proven,
    /// The prober tried exactly this epoch and position, and something got through or did not work.
    Failed,
}

/// What the prober found at one door. Speaks about one epoch and one position and about nothing else.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Proof {
    /// The epoch it was tried at.
    pub epoch: Epoch,
    /// The position it was tried for.
    pub position: Position,
    /// When, by the prober's clock.
    pub at: Timestamp,
    /// What got through although it must not, or does not work although it must. Empty: proven.
    pub failures: Vec<String>,
    /// How many connections were open before and tried too.
    pub old_sessions: u32,
}

/// Where a restriction came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// A signed closing or a use of a standing order.
    Order(StatementId),
    /// A withdrawal of what the door stood on.
    Withdrawal(StatementId),
    /// The door is new.
    Enrolment,
    /// The door's store was put back from an old copy.
    RolledBack,
    /// A named promise did not hold.
    BrokenPromise,
}

/// One restriction at one door.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Restriction {
    /// Who may lift it.
    pub class: Class,
    /// Where it came from.
    pub cause: Cause,
    /// Why, in the words of whoever ordered it; empty where nobody did.
    pub reason: String,
    /// When the door recorded it, by the door's clock.
    pub since: Timestamp,
    /// The signal it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<SignalId>,
    /// What it does to each flow.
    pub rules: FlowRules,
}

/// One door.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Door {
    /// Where it stands.
    pub place: Place,
    /// Whether its service can be held.
    pub holdable: Holdable,
    /// The ledger that tells about it.
    pub source: SourceId,
    /// Other ledgers that tell about a door of this name: it is enrolled twice, which is wrong.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub also: BTreeSet<SourceId>,
    /// Its count of state changes: what an opening must name.
    pub epoch: Epoch,
    /// How people name what it does once drains are over; see [`position_at`](Self::position_at).
    pub position: Position,
    /// What happens to each flow once drains are over.
    pub rules: FlowRules,
    /// Whether its process has seen a fresh view since it began. Without one it stands contained.
    pub fresh: bool,
    /// The heaviest class among its restrictions.
    pub class: Option<Class>,
    /// Its restrictions: what an opening must name.
    pub restrictions: BTreeMap<RestrictionId, Restriction>,
    /// Provisional or emergency operation on top.
    pub grants: Grants,
    /// What it was opened on.
    pub stands_on: StandsOn,
    /// Drains that matter, with their end by the door's wall clock. For people: the door counts by another clock.
    pub draining: BTreeMap<RestrictionId, Timestamp>,
    /// When the door last changed, by its own clock.
    pub since: Timestamp,
    /// Statements towards more shut in the authority log that mean this door and are not in its ledger yet.
    pub ordered: BTreeSet<StatementId>,
    /// What the prober found last, whatever it spoke about; [`proof`](Self::proof) is what counts.
    pub measured: Option<Proof>,
    /// How far it is trusted to act in peace.
    pub level: Level,
}

impl Door {
    /// When provisional or emergency operation ends.
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        self.grants.first_end()
    }

    /// How people name what it does at an instant: `Draining` while sessions may still finish.
    #[must_use]
    pub fn position_at(&self, now: Timestamp) -> Position {
        if self.draining.values().any(|until| *until > now) {
            Position::Draining
        } else {
            self.position
        }
    }

    /// What was measured for exactly what the door does now. A proof about anything else is not shown.
    #[must_use]
    pub fn proof(&self) -> Option<&Proof> {
        self.measured
            .as_ref()
            .filter(|proof| proof.epoch == self.epoch && proof.position == self.position)
    }

    /// How well it is known that the door does what was ordered. Only from what was recorded and measured.
    #[must_use]
    pub fn grade(&self) -> Grade {
        if !self.ordered.is_empty() {
            return Grade::Ordered;
        }
        match self.proof() {
            Some(proof) if proof.failures.is_empty() => Grade::Proven,
            Some(_) => Grade::Failed,
            None => Grade::Applied,
        }
    }
}
