//! What is known at one instant, as plain data. The wiring fills it from the picture; nothing in here is a permission,
//! and what is not listed counts as closed, unknown or missing.

use std::collections::{BTreeMap, BTreeSet};

use estate::Node;
use serde::{Deserialize, Serialize};
use vocabulary::{CellId, EnvironmentId, InsurerId, Position, Seconds, ServiceId, StatementId, Timestamp};

use crate::environment::State;

/// A root, by its name in the estate. Unlike [`estate::Node`] it can be read back from the journal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RootId(pub String);

impl From<&Node> for RootId {
    fn from(node: &Node) -> Self {
        Self(node.as_str().to_owned())
    }
}

impl core::fmt::Display for RootId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A number of items in a spool.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Items(pub u64);

/// A number of people, cells or environments at once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Count(pub u32);

/// A span that is known only between two bounds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(from = "(Seconds, Seconds)", into = "(Seconds, Seconds)")]
pub struct Span {
    least: Seconds,
    most: Seconds,
}

impl Span {
    /// Between two bounds, in either order.
    #[must_use]
    pub fn between(one: Seconds, other: Seconds) -> Self {
        Self {
            least: one.min(other),
            most: one.max(other),
        }
    }

    /// Between two numbers of hours.
    #[must_use]
    pub fn hours(one: u64, other: u64) -> Self {
        Self::between(
            Seconds(one.saturating_mul(3_600)),
            Seconds(other.saturating_mul(3_600)),
        )
    }

    /// The lower bound.
    #[must_use]
    pub const fn least(self) -> Seconds {
        self.least
    }

    /// The upper bound.
    #[must_use]
    pub const fn most(self) -> Seconds {
        self.most
    }
}

impl From<(Seconds, Seconds)> for Span {
    fn from((one, other): (Seconds, Seconds)) -> Self {
        Self::between(one, other)
    }
}

impl From<Span> for (Seconds, Seconds) {
    fn from(span: Span) -> Self {
        (span.least, span.most)
    }
}

/// Everything a plan is made from, beside the estate.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Situation {
    /// The instant it describes.
    pub now: Timestamp,
    /// Roots by name. One that is not listed is down, uncleared, and its environment unknown.
    pub roots: BTreeMap<RootId, RootFacts>,
    /// Environments, insurers' and the provider's. One that is not listed is contained and not cleared.
    pub environments: BTreeMap<EnvironmentId, EnvironmentFacts>,
    /// What insurers said. One that is not listed said nothing.
    pub insurers: BTreeMap<InsurerId, InsurerFacts>,
    /// Cells. One that is not listed is stopped, behind a door nobody reached.
    pub cells: BTreeMap<CellId, CellFacts>,
    /// How many cells may start when.
    pub slots: Slots,
    /// How much examiners can do.
    pub examiners: Examiners,
    /// What is assumed where nothing was measured.
    pub assumptions: Assumptions,
}

/// One root: identity, name service, mail relay, keys.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RootFacts {
    /// Whether it is up.
    pub state: RootState,
    /// The environment it stands in, whose clearance it needs before it may start.
    pub environment: EnvironmentId,
    /// The roots it needs itself.
    pub needs: BTreeSet<RootId>,
}

/// Whether a root is up.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum RootState {
    /// Down.
    Down,
    /// Up and checked.
    Up,
    /// Its start failed.
    Failed {
        /// Why.
        reason: String,
    },
}

/// One environment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvironmentFacts {
    /// Where it stands.
    pub state: State,
    /// Clearances of it, with what became of them.
    pub clearances: Vec<ClearanceFacts>,
    /// Examiners who have signed a clearance that is not complete yet.
    pub signed: Count,
}

/// One clearance, as the doors would see it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClearanceFacts {
    /// The statement.
    pub id: StatementId,
    /// How far it reaches.
    pub grade: Grade,
    /// Opens nothing from this instant on.
    pub expires: Timestamp,
    /// Whether it still stands.
    pub standing: Standing,
}

/// How far a clearance reaches.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Grade {
    /// The whole environment.
    Full,
    /// Provisional operation of named cells.
    Limited {
        /// These cells.
        cells: BTreeSet<CellId>,
        /// The planned re-shutdown.
        until: Timestamp,
    },
}

/// Whether a statement still stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It does.
    Stands,
    /// It was withdrawn.
    Withdrawn,
}

/// What one insurer said.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InsurerFacts {
    /// Its consents, fresh and standing.
    pub consents: Vec<ConsentFacts>,
    /// Its refusals that stand.
    pub refusals: Vec<RefusalFacts>,
    /// Its own order of its services, first comes first.
    pub ranking: Vec<ServiceId>,
    /// Slots it booked.
    pub booked: Vec<Window>,
}

/// A consent that was not withdrawn.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConsentFacts {
    /// For which of its services.
    pub services: BTreeSet<ServiceId>,
    /// To what.
    pub to: ConsentTo,
    /// At which hours, UTC, from the first up to but not including the second; over midnight when the first is later.
    pub hours: Option<(u8, u8)>,
    /// Good for nothing from this instant on.
    pub expires: Timestamp,
}

/// What a consent agrees to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum ConsentTo {
    /// Normal operation under a full clearance.
    Reopening,
    /// Provisional operation under a limited clearance, at most so long.
    Limited {
        /// Longest provisional operation.
        most: Seconds,
    },
}

/// A refusal that stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RefusalFacts {
    /// Which of its services.
    pub against: Against,
    /// Why.
    pub reason: String,
}

/// What a refusal is against.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Against {
    /// Every opening of its doors.
    Everything,
    /// These services.
    Services(BTreeSet<ServiceId>),
}

/// From one instant up to but not including another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Window {
    /// Begins.
    pub from: Timestamp,
    /// Ends.
    pub to: Timestamp,
}

impl Window {
    /// Whether an instant lies in it.
    #[must_use]
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }
}

/// One cell.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CellFacts {
    /// How far it has come.
    pub stage: Stage,
    /// Its door, as last heard.
    pub door: Reach,
    /// Since when its people go without it; absent while they do not.
    pub down_since: Option<Timestamp>,
    /// What waits in its spool.
    pub backlog: Backlog,
    /// Whether an emergency operation runs in its place.
    pub emergency: Emergency,
}

/// How far a cell has come.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Stage {
    /// Not running.
    Stopped,
    /// Its door is open and it runs; the insurer has not accepted it yet.
    Started,
    /// The insurer accepted it.
    Accepted,
    /// Its start failed, or the insurer refused its test.
    Failed {
        /// Why.
        reason: String,
    },
}

/// Whether a door was reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Reach {
    /// It answered.
    Reached {
        /// Its position.
        position: Position,
    },
    /// Nobody has heard it.
    Unreached {
        /// Since when; absent if it never was heard.
        since: Option<Timestamp>,
    },
}

/// What waits in a cell's spool.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Backlog {
    /// Items held, in doubt or parked.
    pub items: Items,
    /// New items per hour.
    pub inflow: Items,
    /// Items handed over per hour, slowest and fastest that was measured; absent if nothing was.
    pub measured: Option<(Items, Items)>,
}

/// Whether an emergency operation runs in a cell's place.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Emergency {
    /// None.
    None,
    /// It runs and has to be switched back before the cell starts.
    Running,
}

impl Default for CellFacts {
    /// What nobody reported: stopped, behind a door nobody has heard.
    fn default() -> Self {
        Self {
            stage: Stage::Stopped,
            door: Reach::Unreached { since: None },
            down_since: None,
            backlog: Backlog::default(),
            emergency: Emergency::None,
        }
    }
}

/// How many cells may start when.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Slots {
    /// Cells that may start per hour; at least one is assumed.
    pub per_hour: Count,
    /// Whether insurers book.
    pub booking: Booking,
}

/// Whether a cell may start only inside a slot its insurer booked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Booking {
    /// Only then: the rule where insurers' own people stand by for their return.
    Required,
    /// At any time: a rehearsal, or an estate without bookings.
    Free,
}

/// How much examiners can do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Examiners {
    /// Examiners who must sign a clearance, by the charter.
    pub threshold: Count,
    /// Environments they examine at the same time; at least one is assumed.
    pub at_once: Count,
    /// How long one environment takes.
    pub each: Span,
}

/// What is assumed where nothing was measured; stated in the plan.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Assumptions {
    /// From the start of a root until it is up and checked.
    pub root: Span,
    /// From the start of a cell until its insurer accepted it.
    pub user_test: Span,
    /// The outage of a switch back from emergency operation.
    pub switch_back: Span,
    /// How long before a planned re-shutdown the insurer is reminded.
    pub reshut_notice: Seconds,
}

impl Default for Assumptions {
    /// Working figures for a first plan, to be replaced by what is measured on the way.
    fn default() -> Self {
        Self {
            root: Span::hours(1, 6),
            user_test: Span::hours(1, 8),
            switch_back: Span::between(Seconds(600), Seconds(3_600)),
            reshut_notice: Seconds(4 * 3_600),
        }
    }
}

impl Situation {
    /// What is known about a cell; the closed default if nothing is.
    #[must_use]
    pub fn cell(&self, cell: &CellId) -> CellFacts {
        self.cells.get(cell).cloned().unwrap_or_default()
    }

    /// Whether a root is up.
    #[must_use]
    pub fn is_up(&self, root: &RootId) -> bool {
        self.roots
            .get(root)
            .is_some_and(|facts| facts.state == RootState::Up)
    }
}
