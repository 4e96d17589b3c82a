//! The fact sheet: everything the public may know, as one plain value.
//!
//! It is filled from the journal by the wiring and holds no person, no mail, no case. Public texts are
//! [`Name`] and [`Sentence`], which refuse what hides, reorders or looks like personal data. What no single field can
//! guarantee is read by [`FactSheet::check`]; nothing is rendered from a sheet that fails it.

mod check;
mod claim;

use std::collections::{BTreeMap, BTreeSet};

use estate::Estate;
use serde::{Deserialize, Serialize};
use vocabulary::{CellId, Class, Digest, EstateId, InsurerId, ServiceId, Timestamp};

use crate::{
    text::{Both, Name, Sentence},
    words::{Lang, ServiceKind, State},
};

pub use check::{BadSheet, LIMITS, Limits};
pub use claim::{BadClaimId, Claim, ClaimGrade, ClaimId, Standing};

/// Everything the public may know.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactSheet {
    /// Which estate.
    pub estate: EstateId,
    /// Its public name.
    pub name: Name,
    /// Where the site will stand (`https://…/`), if known: feeds need whole addresses.
    #[serde(default)]
    pub address: Option<Name>,
    /// How to reach the editors by telephone or letter.
    #[serde(default)]
    pub contact: Option<Name>,
    /// The key that signs answers, as its owner publishes it elsewhere too.
    #[serde(default)]
    pub answer_key: Option<Name>,
    /// When these facts were taken.
    pub as_of: Timestamp,
    /// The journal they were taken from.
    pub journal: Head,
    /// What is going on, if anything.
    #[serde(default)]
    pub incident: Option<Incident>,
    /// Public names of the insurers.
    pub insurers: BTreeMap<InsurerId, Name>,
    /// Public names of services that have no fixed one.
    #[serde(default)]
    pub services: BTreeMap<ServiceId, Both<Name>>,
    /// What is true of each cell.
    pub cells: BTreeMap<CellId, CellFact>,
    /// What we have said, oldest first.
    #[serde(default)]
    pub claims: Vec<Claim>,
    /// What has changed, oldest first.
    #[serde(default)]
    pub updates: Vec<Update>,
}

/// Where in the journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Entries.
    pub len: u64,
    /// Root of the tree over them.
    pub root: Digest,
}

/// The public side of an incident.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Incident {
    /// A few words.
    pub title: Both<Name>,
    /// A paragraph.
    pub summary: Both<Sentence>,
    /// When it began, as far as known.
    pub began: Timestamp,
    /// How far we are.
    pub stage: Stage,
    /// Since when we are that far.
    pub since: Timestamp,
}

/// How far we are with an incident; the words of Statuspage, so that existing monitors understand.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// We look for what it is.
    Investigating,
    /// We know what it is.
    Identified,
    /// Services are back, we watch.
    Monitoring,
    /// Over: the all-clear.
    Resolved,
}

/// What is true of one cell.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellFact {
    /// The state people see.
    pub state: State,
    /// Since when.
    pub since: Timestamp,
    /// When we speak again at the latest. Never a promise that it works by then.
    #[serde(default)]
    pub next_update: Option<Timestamp>,
    /// What was last measured at the door, and when.
    #[serde(default)]
    pub last_proof: Option<Proof>,
    /// Why, in public words.
    #[serde(default)]
    pub reason_class: Option<Class>,
}

/// A measurement at a door.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// How far.
    pub grade: Grade,
    /// When.
    pub at: Timestamp,
}

/// How far an order has come, as measured.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// Ordered, not yet confirmed by the door.
    Ordered,
    /// In force, says the door.
    Applied,
    /// A separate prober failed to get through.
    Proven,
    /// The prober got through, or could not measure.
    Failed,
}

/// Something changed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Update {
    /// When.
    pub at: Timestamp,
    /// What.
    pub change: Change,
}

impl Update {
    /// How many cells it names.
    fn cells(&self) -> usize {
        match &self.change {
            Change::State { cells, .. } => cells.len(),
            Change::Claim { .. } | Change::Incident { .. } => 0,
        }
    }
}

/// What changed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Change {
    /// Cells came into a state; the all-clear is [`State::Normal`].
    State {
        /// The state.
        state: State,
        /// The cells.
        cells: BTreeSet<CellId>,
    },
    /// Something was said.
    Claim {
        /// Which claim.
        id: ClaimId,
    },
    /// The incident went on.
    Incident {
        /// How far.
        stage: Stage,
    },
}

impl FactSheet {
    /// The sheet of a quiet day: every cell of the estate in normal operation since `as_of`.
    ///
    /// # Errors
    /// [`BadSheet`] when a name of the estate may not be published.
    pub fn quiet(estate: &Estate, as_of: Timestamp, journal: Head) -> Result<Self, BadSheet> {
        let mut insurers = BTreeMap::new();
        let mut cells = BTreeMap::new();
        for insurer in estate.insurers() {
            let name = Name::new(&insurer.name).map_err(|why| BadSheet::InsurerName {
                insurer: insurer.id.clone(),
                why,
            })?;
            insurers.insert(insurer.id.clone(), name);
            for service in insurer.services.keys() {
                let cell = CellId {
                    insurer: insurer.id.clone(),
                    service: service.clone(),
                };
                cells.insert(cell, CellFact::normal(as_of));
            }
        }
        let mut services = BTreeMap::new();
        for service in estate
            .services()
            .filter(|service| ServiceKind::of(&service.id).name().is_none())
        {
            let name = Name::new(&service.name).map_err(|why| BadSheet::ServiceName {
                service: service.id.clone(),
                why,
            })?;
            services.insert(
                service.id.clone(),
                Both {
                    de: name.clone(),
                    en: name,
                },
            );
        }
        let sheet = Self {
            estate: estate.id().clone(),
            name: Name::new(estate.name()).map_err(|why| BadSheet::EstateName { why })?,
            address: None,
            contact: None,
            answer_key: None,
            as_of,
            journal,
            incident: None,
            insurers,
            services,
            cells,
            claims: Vec::new(),
            updates: Vec::new(),
        };
        sheet.check()?;
        Ok(sheet)
    }

    /// This sheet with the log of updates continued from the one before: what differs is added, the oldest entries
    /// beyond the limit are left to the journal.
    #[must_use]
    pub fn following(mut self, before: &Self) -> Self {
        let mut states: BTreeMap<(Timestamp, State), BTreeSet<CellId>> = BTreeMap::new();
        for (cell, fact) in &self.cells {
            let was = before.cells.get(cell);
            if was.is_none_or(|was| (was.state, was.since) != (fact.state, fact.since)) {
                states
                    .entry((fact.since, fact.state))
                    .or_default()
                    .insert(cell.clone());
            }
        }
        let states = states.into_iter().map(|((at, state), cells)| Update {
            at,
            change: Change::State { state, cells },
        });
        let claims = self
            .claims
            .iter()
            .filter(|claim| before.claims.iter().all(|old| old.id != claim.id))
            .map(|claim| Update {
                at: claim.said_at,
                change: Change::Claim { id: claim.id.clone() },
            });
        let stage = |sheet: &Self| {
            sheet
                .incident
                .as_ref()
                .map(|incident| (incident.stage, incident.since))
        };
        let incident = stage(&self)
            .filter(|now| stage(before) != Some(*now))
            .map(|(stage, at)| Update {
                at,
                change: Change::Incident { stage },
            });
        let mut updates: Vec<Update> = before
            .updates
            .iter()
            .filter_map(|update| self.still_knows(update.clone()))
            .collect();
        updates.extend(states.chain(claims).chain(incident));
        updates.sort_by_key(|update| update.at); // stable: equal times keep their order
        let mut named = 0_usize;
        let fits = |update: &&Update| {
            named = named.saturating_add(update.cells());
            named <= LIMITS.update_cells_max
        };
        let kept = updates
            .iter()
            .rev()
            .take(LIMITS.updates_max)
            .take_while(fits)
            .count();
        updates.drain(..updates.len().saturating_sub(kept));
        self.updates = updates;
        self
    }

    /// An old update as far as this sheet still has what it names.
    fn still_knows(&self, mut update: Update) -> Option<Update> {
        let keep = match &mut update.change {
            Change::State { cells, .. } => {
                cells.retain(|cell| self.cells.contains_key(cell));
                !cells.is_empty()
            }
            Change::Claim { id } => self.claims.iter().any(|claim| claim.id == *id),
            Change::Incident { .. } => true,
        };
        keep.then_some(update)
    }

    /// How a claim stands at the time of this sheet.
    #[must_use]
    pub fn standing(&self, claim: &Claim) -> Standing<'_> {
        let correction = self
            .claims
            .iter()
            .find(|later| later.corrects.as_ref() == Some(&claim.id));
        match correction {
            Some(later) => Standing::Corrected(later),
            None if claim.review_by <= self.as_of => Standing::Overdue,
            None => Standing::Current,
        }
    }

    /// The same facts about one insurer alone, for its own notices.
    #[must_use]
    pub fn of_insurer(&self, insurer: &InsurerId) -> Self {
        let mut own = self.clone();
        own.insurers.retain(|id, _| id == insurer);
        own.cells.retain(|cell, _| cell.insurer == *insurer);
        own.updates.clear();
        own
    }

    /// The public name of an insurer.
    #[must_use]
    pub fn insurer_name<'a>(&'a self, id: &'a InsurerId) -> &'a str {
        self.insurers.get(id).map_or(id.as_str(), Name::as_str)
    }

    /// The public name of a service.
    #[must_use]
    pub fn service_name<'a>(&'a self, id: &'a ServiceId, lang: Lang) -> &'a str {
        if let Some(said) = ServiceKind::of(id).name() {
            return said.text(lang);
        }
        self.services.get(id).map_or(id.as_str(), |both| match lang {
            Lang::De => both.de.as_str(),
            Lang::En => both.en.as_str(),
        })
    }

    /// How many cells of a service are in each state.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<&ServiceId, BTreeMap<State, usize>> {
        let mut counts: BTreeMap<&ServiceId, BTreeMap<State, usize>> = BTreeMap::new();
        for (cell, fact) in &self.cells {
            let count = counts
                .entry(&cell.service)
                .or_default()
                .entry(fact.state)
                .or_default();
            *count = count.saturating_add(1);
        }
        counts
    }

    /// The worst state of each insurer's cells.
    #[must_use]
    pub fn worst(&self) -> BTreeMap<&InsurerId, State> {
        let mut worst: BTreeMap<&InsurerId, State> = self
            .insurers
            .keys()
            .map(|insurer| (insurer, State::Normal))
            .collect();
        for (cell, fact) in &self.cells {
            let state = worst.entry(&cell.insurer).or_insert(State::Normal);
            *state = (*state).max(fact.state);
        }
        worst
    }
}

impl CellFact {
    /// Normal operation since then.
    #[must_use]
    pub const fn normal(since: Timestamp) -> Self {
        Self {
            state: State::Normal,
            since,
            next_update: None,
            last_proof: None,
            reason_class: None,
        }
    }
}
