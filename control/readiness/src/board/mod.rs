//! The readiness board: per insurer and service, armed, or not armed and why.

mod facts;
mod judge;
mod lack;
pub mod limits;
mod steps;

use std::collections::BTreeMap;

use estate::Estate;
use vocabulary::{CellId, InsurerId, Place, Scope, Seconds, Timestamp};

pub use facts::{
    CellFacts, Fact, Facts, InsurerFacts, Level, Paper, ProviderFacts, SiteFacts, StandingConsent,
};
use judge::Judge;
pub use lack::{Doer, Item, Lack, Why};

use crate::words::Days;

/// Examiners with keys in use that are needed at least; the charter may ask for more.
const EXAMINERS_MIN: usize = 1;

/// Whether a cell can be cut tonight, kept going, and brought back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Arming {
    /// Nothing is lacking.
    Armed,
    /// Every single thing that is lacking; never empty.
    NotArmed(Vec<Lack>),
}

impl Arming {
    fn of(lacks: Vec<Lack>) -> Self {
        if lacks.is_empty() {
            Self::Armed
        } else {
            Self::NotArmed(lacks)
        }
    }

    /// What is lacking; nothing if it is armed.
    #[must_use]
    pub fn lacks(&self) -> &[Lack] {
        match self {
            Self::Armed => &[],
            Self::NotArmed(lacks) => lacks,
        }
    }
}

/// One cell of the board.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Where its door stands.
    pub place: Place,
    /// Armed or not.
    pub arming: Arming,
    /// What will be lacking within [`limits::SOON_DAYS`] if nobody acts, and is not lacking now.
    pub soon: Vec<Lack>,
}

/// How many cells are armed, and what is lacking how often. Never one number.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Cells that are armed.
    pub armed: usize,
    /// Cells that are not.
    pub not_armed: usize,
    /// Cells by the kind of thing they lack ([`Item::slug`]).
    pub lacking: BTreeMap<&'static str, usize>,
}

/// The board at one instant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Board {
    at: Timestamp,
    rows: BTreeMap<CellId, Row>,
    provider: Vec<Lack>,
}

impl Board {
    /// Judges every cell of an estate. A cell nobody said anything about lacks everything.
    #[must_use]
    pub fn of(estate: &Estate, facts: &Facts, examiners_needed: usize, now: Timestamp) -> Self {
        let soon = now.plus(days(limits::SOON_DAYS));
        let mut rows = BTreeMap::new();
        for (door, place, _) in estate.doors() {
            let lacks = lacks_of(estate, facts, &place, now);
            // Judged again as if nobody acted until then; what is new by its item is what lapses.
            let mut lapsing = lacks_of(estate, facts, &place, soon);
            lapsing.retain(|later| !lacks.iter().any(|lack| lack.item() == later.item()));
            let row = Row {
                place,
                arming: Arming::of(lacks),
                soon: lapsing,
            };
            rows.insert(door.cell().clone(), row);
        }
        let mut judge = Judge::at(now);
        judge.provider(&facts.provider, examiners_needed.max(EXAMINERS_MIN));
        Self {
            at: now,
            rows,
            provider: judge.finish(),
        }
    }

    /// The instant it was judged at.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// Every cell, by insurer and service.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = (&CellId, &Row)> {
        self.rows.iter()
    }

    /// One cell.
    #[must_use]
    pub fn row(&self, cell: &CellId) -> Option<&Row> {
        self.rows.get(cell)
    }

    /// One insurer's cells, and nothing of anybody else.
    pub fn insurer<'a>(&'a self, insurer: &'a InsurerId) -> impl Iterator<Item = (&'a CellId, &'a Row)> {
        self.rows.iter().filter(move |(cell, _)| cell.insurer == *insurer)
    }

    /// What the provider itself lacks. It concerns every cell and is shown above all of them.
    #[must_use]
    pub fn provider(&self) -> &[Lack] {
        &self.provider
    }

    /// What is not armed inside a scope: for the preview of a cut.
    #[must_use]
    pub fn not_armed_in(&self, scope: &Scope) -> BTreeMap<&CellId, &[Lack]> {
        self.rows
            .iter()
            .filter(|(_, row)| scope.covers(&row.place) && row.arming != Arming::Armed)
            .map(|(cell, row)| (cell, row.arming.lacks()))
            .collect()
    }

    /// Counts inside a scope, with every kind of lack beside the count of armed cells.
    #[must_use]
    pub fn tally(&self, scope: &Scope) -> Tally {
        let mut tally = Tally::default();
        for row in self.rows.values().filter(|row| scope.covers(&row.place)) {
            match &row.arming {
                Arming::Armed => tally.armed = tally.armed.saturating_add(1),
                Arming::NotArmed(_) => tally.not_armed = tally.not_armed.saturating_add(1),
            }
            let mut kinds: Vec<&str> = row.arming.lacks().iter().map(|lack| lack.item().slug()).collect();
            kinds.sort_unstable();
            kinds.dedup();
            for kind in kinds {
                let count = tally.lacking.entry(kind).or_default();
                *count = count.saturating_add(1);
            }
        }
        tally
    }
}

const fn days(days: Days) -> Seconds {
    Seconds(days.0.saturating_mul(86_400))
}

fn lacks_of(estate: &Estate, facts: &Facts, place: &Place, now: Timestamp) -> Vec<Lack> {
    let mut judge = Judge::at(now);
    let cell = CellId {
        insurer: place.insurer.clone(),
        service: place.service.clone(),
    };
    judge.cell(place, facts.cells.get(&cell).unwrap_or(&CellFacts::default()));
    judge.site(
        place,
        facts.sites.get(&place.site).unwrap_or(&SiteFacts::default()),
    );
    if let Some(insurer) = estate.insurer(&place.insurer) {
        let known = facts.insurers.get(&insurer.id);
        judge.insurer(insurer, known.unwrap_or(&InsurerFacts::default()));
    }
    judge.finish()
}
