//! The plan: an immutable document that says for every cell in which wave it starts, or for what it waits.
//!
//! Order: roots first, in the order they need each other. Then cells, as many per hour as the slots allow. A cell is
//! planned only if its roots are up or planned, its clearance and its insurer's consent stand, its door is reached and
//! every service it needs is accepted or starts in an earlier wave; all other cells wait, and say for what. Among cells
//! that may start, [`Rank`] decides: livelihood, then what is left of the maximum tolerable downtime, then persons, then
//! dates of the calendar. An insurer's own ranking decides how its cells use the places it has among each kind of cell.
//! What an urgent cell needs is as urgent as the cell itself.
//!
//! All instants are bounds under stated conditions, never dates: see [`Forecast`].

use std::collections::{BTreeMap, BTreeSet};

use estate::Estate;
use serde::{Deserialize, Serialize};
use vocabulary::{CellId, Digest, EnvironmentId, EstateId, InsurerId, StatementId, Timestamp};

use crate::{
    environment::State,
    missing::Waits,
    situation::{Assumptions, Count, Examiners, RootId, Situation, Slots, Span, Stage},
    words::Words,
};

mod examine;
mod forecast;
mod leave;
mod make;
mod needs;
mod rank;
mod roots;

pub use examine::Examination;
pub use forecast::{CatchUp, Condition, Forecast};
pub(crate) use leave::{Leave, cleared, ground, missing_now, own};
pub(crate) use needs::{Below, below};
pub use rank::{Due, MtdLeft, People, Rank, Urgency};
pub(crate) use roots::missing_now as root_missing_now;

/// How far ahead a plan looks: what finds no hour in a month waits, and says so.
pub const HOURS_MAX: u64 = 24 * 30;

/// Why a text is not a plan.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It has not the form of a plan.
    #[error("Das ist kein Wiederanlaufplan dieser Version. / This is no restoration plan of this version.")]
    Form(#[from] serde_json::Error),
    /// Its content is not what its id says.
    #[error(
        "Der Plan wurde verändert: seine Kennung wäre {found}, er trägt {claimed}. / The plan was changed: its id would be {found}, it carries {claimed}."
    )]
    Changed {
        /// The id it carries.
        claimed: Digest,
        /// The id of what it contains.
        found: Digest,
    },
}

/// A plan. Immutable; its id is the digest of everything in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    id: Digest,
    contents: Contents,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Contents {
    pub(crate) estate: EstateId,
    pub(crate) estate_digest: Digest,
    pub(crate) made: Timestamp,
    pub(crate) slots: Slots,
    pub(crate) examiners: Examiners,
    pub(crate) assumptions: Assumptions,
    pub(crate) waves: Vec<Wave>,
    pub(crate) up: BTreeMap<CellId, Up>,
    pub(crate) waiting: BTreeMap<CellId, Waits>,
    pub(crate) waiting_roots: BTreeMap<RootId, Waits>,
    pub(crate) queue: Vec<Examination>,
    pub(crate) reshuts: Vec<Reshut>,
}

/// What starts together.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Wave {
    /// Its number, from 1.
    pub number: Count,
    /// Its start.
    pub start: Forecast,
    /// What starts.
    pub starts: Starts,
}

/// What starts in a wave.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Starts {
    /// Roots.
    Roots(BTreeSet<RootId>),
    /// Cells, most urgent first.
    Cells(Vec<Step>),
}

/// The start of one cell.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Step {
    /// The cell.
    pub cell: CellId,
    /// What it stands on.
    pub under: Under,
    /// Why it has this place.
    pub rank: Rank,
    /// Its start.
    pub start: Forecast,
    /// From its start until its backlog is empty.
    pub catch_up: CatchUp,
    /// The outage of switching back from emergency operation before the start; absent if none runs.
    pub switch_back: Option<Span>,
}

/// What a start does to the maximum tolerable downtime.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mtd {
    /// It is kept even in the worst case.
    Kept,
    /// It may be exceeded.
    AtRisk,
    /// It is exceeded even in the best case: people need something else meanwhile.
    Exceeded,
}

impl Mtd {
    /// In both languages; nothing while it is kept.
    #[must_use]
    pub fn words(self) -> Option<Words> {
        match self {
            Self::Kept => None,
            Self::AtRisk => Some(Words::new(
                "tragbare Ausfallzeit im ungünstigsten Fall überschritten",
                "tolerable downtime exceeded in the worst case",
            )),
            Self::Exceeded => Some(Words::new(
                "tragbare Ausfallzeit in jedem Fall überschritten, Notbetrieb nötig",
                "tolerable downtime exceeded in any case, emergency operation needed",
            )),
        }
    }
}

impl Step {
    /// Whether the start comes within what is left of the maximum tolerable downtime, `made` being the plan's instant.
    #[must_use]
    pub fn mtd(&self, made: Timestamp) -> Mtd {
        let end = i128::from(made.0) + i128::from(self.rank.mtd_left.0) * 3_600;
        if i128::from(self.start.earliest.0) > end {
            Mtd::Exceeded
        } else if i128::from(self.start.latest.0) > end {
            Mtd::AtRisk
        } else {
            Mtd::Kept
        }
    }
}

/// What an opening would stand on.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(
    tag = "grade",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Under {
    /// A full clearance.
    Full {
        /// The clearance.
        clearance: StatementId,
    },
    /// A limited clearance.
    Limited {
        /// The clearance.
        clearance: StatementId,
        /// The planned re-shutdown.
        until: Timestamp,
    },
}

/// A cell that needs no start.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Up {
    /// Whether its insurer accepted it yet.
    pub stage: UpStage,
    /// From now until its backlog is empty.
    pub catch_up: CatchUp,
}

/// How far a started cell has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UpStage {
    /// It runs, the insurer's test is still to come: not "up" yet.
    Started,
    /// The insurer accepted it.
    Accepted,
}

/// A planned re-shutdown, announced with the plan.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Reshut {
    /// Whose cells.
    pub insurer: InsurerId,
    /// When provisional operation ends.
    pub at: Timestamp,
    /// Which cells.
    pub cells: BTreeSet<CellId>,
}

/// Where one cell is in a plan: exactly one of these.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place<'a> {
    /// It runs already.
    Up(&'a Up),
    /// It starts in a wave.
    Wave(&'a Wave, &'a Step),
    /// It waits.
    Waits(&'a Waits),
}

impl Plan {
    /// Makes the plan for an estate in a situation. The same input gives the same plan.
    #[must_use]
    pub fn make(estate: &Estate, situation: &Situation) -> Self {
        Self::of(make::contents(estate, situation))
    }

    pub(crate) fn of(contents: Contents) -> Self {
        let id = digest(&contents);
        Self { id, contents }
    }

    /// Its id: the digest of everything in it.
    #[must_use]
    pub const fn id(&self) -> Digest {
        self.id
    }

    /// The estate it is for.
    #[must_use]
    pub const fn estate(&self) -> &EstateId {
        &self.contents.estate
    }

    /// The digest of the estate's text it was made from.
    #[must_use]
    pub const fn estate_digest(&self) -> Digest {
        self.contents.estate_digest
    }

    /// The instant of the situation it was made from.
    #[must_use]
    pub const fn made(&self) -> Timestamp {
        self.contents.made
    }

    /// What it assumes.
    #[must_use]
    pub const fn assumptions(&self) -> (&Assumptions, &Slots, &Examiners) {
        (
            &self.contents.assumptions,
            &self.contents.slots,
            &self.contents.examiners,
        )
    }

    /// The waves, in order.
    #[must_use]
    pub fn waves(&self) -> &[Wave] {
        &self.contents.waves
    }

    /// Cells that need no start.
    #[must_use]
    pub const fn up(&self) -> &BTreeMap<CellId, Up> {
        &self.contents.up
    }

    /// Cells that wait, and for what.
    #[must_use]
    pub const fn waiting(&self) -> &BTreeMap<CellId, Waits> {
        &self.contents.waiting
    }

    /// Roots that wait, and for what.
    #[must_use]
    pub const fn waiting_roots(&self) -> &BTreeMap<RootId, Waits> {
        &self.contents.waiting_roots
    }

    /// Environments to be examined, the one that unblocks most people first.
    #[must_use]
    pub fn queue(&self) -> &[Examination] {
        &self.contents.queue
    }

    /// Planned re-shutdowns, next first.
    #[must_use]
    pub fn reshuts(&self) -> &[Reshut] {
        &self.contents.reshuts
    }

    /// Where one cell is; nothing if the estate has no such cell.
    #[must_use]
    pub fn place(&self, cell: &CellId) -> Option<Place<'_>> {
        if let Some(up) = self.contents.up.get(cell) {
            return Some(Place::Up(up));
        }
        if let Some(waits) = self.contents.waiting.get(cell) {
            return Some(Place::Waits(waits));
        }
        self.steps()
            .find(|(_, step)| step.cell == *cell)
            .map(|(wave, step)| Place::Wave(wave, step))
    }

    /// Where every cell is: for pages that show all of them.
    #[must_use]
    pub fn places(&self) -> BTreeMap<&CellId, Place<'_>> {
        let up = self.contents.up.iter().map(|(cell, up)| (cell, Place::Up(up)));
        let waits = self.contents.waiting.iter();
        let waits = waits.map(|(cell, waits)| (cell, Place::Waits(waits)));
        let steps = self.steps();
        let steps = steps.map(|(wave, step)| (&step.cell, Place::Wave(wave, step)));
        up.chain(waits).chain(steps).collect()
    }

    /// Every start of a cell with its wave, in order.
    pub fn steps(&self) -> impl Iterator<Item = (&Wave, &Step)> {
        self.waves().iter().flat_map(|wave| {
            let steps = match &wave.starts {
                Starts::Cells(steps) => steps.as_slice(),
                Starts::Roots(_) => &[],
            };
            steps.iter().map(move |step| (wave, step))
        })
    }

    /// The plan as JSON, with its id.
    ///
    /// # Errors
    /// Never for a plan made here; the type is `serde_json`'s.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(&Written {
            id: self.id,
            plan: &self.contents,
        })
    }

    /// Reads a plan back and checks that its content is what its id says. The id is what the journal holds: compare it.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn read(text: &str) -> Result<Self, Unreadable> {
        let Read { id, plan } = serde_json::from_str(text)?;
        let found = digest(&plan);
        if found != id {
            return Err(Unreadable::Changed { claimed: id, found });
        }
        Ok(Self { id, contents: plan })
    }
}

#[derive(Serialize)]
struct Written<'a> {
    id: Digest,
    plan: &'a Contents,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    id: Digest,
    plan: Contents,
}

fn digest(contents: &Contents) -> Digest {
    // Contents are maps with text keys, lists and numbers: writing them as JSON cannot fail. Were it to, the empty text
    // would make an id that no reader accepts, and so no plan.
    let bytes = serde_json::to_vec(contents).unwrap_or_default();
    Digest::of(&[b"bulkhead restoration plan v1\n".as_slice(), &bytes].concat())
}

/// States of an environment in which a clearance of its grade opens cells.
pub(crate) const fn opens(state: &State, full: bool) -> bool {
    match state {
        State::Cleared | State::Restoring | State::Verifying | State::Accepted { .. } | State::Normal => true,
        State::Provisional { .. } => !full,
        State::Trusted | State::Suspect | State::Contained | State::UnderExamination => false,
    }
}

/// Whether a cell needs a start.
pub(crate) const fn up_stage(stage: &Stage) -> Option<UpStage> {
    match stage {
        Stage::Started => Some(UpStage::Started),
        Stage::Accepted => Some(UpStage::Accepted),
        Stage::Stopped | Stage::Failed { .. } => None,
    }
}

/// The environment of an insurer.
pub(crate) fn environment(insurer: &InsurerId) -> EnvironmentId {
    EnvironmentId::from(insurer.clone())
}
