//! Directions through a door, what a restriction does to each, and how restrictions join.

use core::fmt;
use serde::{Deserialize, Serialize};

/// One direction through a door.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flow {
    /// What outsiders hand in.
    Intake,
    /// What we hand on to the insurer's regular system.
    Forward,
    /// What the insurer's consumer takes out.
    Fetch,
    /// What the insurer's systems send to the outside.
    Send,
    /// Sessions that are already open.
    Sessions,
}

/// How people name a door's state. `Draining` is on the way, never the goal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Position {
    /// Everything passes.
    Open,
    /// Sessions may finish until a deadline; then the position that follows.
    Draining,
    /// Intake is stored and acknowledged; nothing else moves.
    Held,
    /// Intake is refused temporarily; nothing moves.
    Shut,
    /// Hosts only: responders and evidence collection, nothing else.
    Islanded,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "Open",
            Self::Draining => "Draining",
            Self::Held => "Held",
            Self::Shut => "Shut",
            Self::Islanded => "Islanded",
        })
    }
}

/// Why a restriction stands, and so who may lift it. Raised but never lowered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Planned work: one commander may lift it.
    Maintenance,
    /// A cut out of caution: two commanders may lift it inside the charter's window.
    Precautionary,
    /// Something is wrong: only a clearance, a commander and the insurer together.
    Containment,
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Maintenance => "maintenance",
            Self::Precautionary => "precautionary",
            Self::Containment => "containment",
        })
    }
}

/// A door's own count of its state changes. An opening names the exact epoch it was made for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

impl Epoch {
    /// The epoch after one more state change.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Whether intake for a cell can wait behind a closed door, or somebody stands at a counter (DESIGN section 7).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Holdable {
    /// It can be stored and handed over later.
    Yes,
    /// Storing it is impossible or useless: the door can only be open or shut.
    No,
}

/// What happens to intake. Ordered from open to shut; the join is the maximum.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IntakeRule {
    /// Passes on.
    Pass,
    /// Stored durably and truthfully acknowledged.
    Store,
    /// Refused, temporarily, in the protocol's own words.
    Refuse,
}

/// What happens to forward, fetch and send. Ordered from open to shut; the join is the maximum.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TransitRule {
    /// Passes.
    Pass,
    /// Nothing passes.
    Stop,
}

/// What happens to sessions that are already open. Ordered from open to shut; the join is the maximum.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionRule {
    /// Sessions run.
    Run,
    /// A sender in mid-transfer may finish, for what it hands in is stored anyway; all others are cut.
    FinishIntake,
    /// All are cut at once.
    Cut,
}

/// What a door does to each flow.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlowRules {
    /// See [`Flow::Intake`].
    pub intake: IntakeRule,
    /// See [`Flow::Forward`].
    pub forward: TransitRule,
    /// See [`Flow::Fetch`].
    pub fetch: TransitRule,
    /// See [`Flow::Send`].
    pub send: TransitRule,
    /// See [`Flow::Sessions`].
    pub sessions: SessionRule,
}

impl FlowRules {
    /// Everything passes: the neutral element of [`join`](Self::join).
    pub const OPEN: Self = Self {
        intake: IntakeRule::Pass,
        forward: TransitRule::Pass,
        fetch: TransitRule::Pass,
        send: TransitRule::Pass,
        sessions: SessionRule::Run,
    };

    /// Intake is stored, nothing else moves.
    pub const HELD: Self = Self {
        intake: IntakeRule::Store,
        forward: TransitRule::Stop,
        fetch: TransitRule::Stop,
        send: TransitRule::Stop,
        sessions: SessionRule::FinishIntake,
    };

    /// Nothing moves, intake is refused temporarily.
    pub const SHUT: Self = Self {
        intake: IntakeRule::Refuse,
        forward: TransitRule::Stop,
        fetch: TransitRule::Stop,
        send: TransitRule::Stop,
        sessions: SessionRule::Cut,
    };

    /// Both restrictions at once: per flow, the tighter rule. Commutative, associative, idempotent.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        Self {
            intake: self.intake.max(other.intake),
            forward: self.forward.max(other.forward),
            fetch: self.fetch.max(other.fetch),
            send: self.send.max(other.send),
            sessions: self.sessions.max(other.sessions),
        }
    }

    /// Whether every flow is at least as tight as in `other`.
    #[must_use]
    pub fn at_least_as_tight_as(self, other: Self) -> bool {
        self.join(other) == self
    }

    /// How people name these rules: the name of the loosest position that is at least as tight on intake.
    #[must_use]
    pub fn position(self) -> Position {
        match self.intake {
            IntakeRule::Refuse => Position::Shut,
            IntakeRule::Store => Position::Held,
            IntakeRule::Pass if self == Self::OPEN => Position::Open,
            // Something is stopped although intake passes: no better than Held in people's words, never "Open".
            IntakeRule::Pass => Position::Held,
        }
    }
}
