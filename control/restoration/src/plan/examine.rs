//! The examiners' queue: the environment that unblocks most people first.

use core::cmp::Reverse;
use std::collections::BTreeMap;

use estate::Estate;
use serde::{Deserialize, Serialize};
use vocabulary::{CellId, EnvironmentId, InsurerId, Seconds, ServiceId};

use super::{Below, Forecast, People, Urgency, forecast::Condition};
use crate::{
    environment::State,
    missing::Waits,
    situation::{Count, RootId, Situation},
};

/// One environment to be examined.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Examination {
    /// Which.
    pub environment: EnvironmentId,
    /// Where it stands; absent if nobody said.
    pub state: Option<State>,
    /// How many people it unblocks: per insurer its largest blocked cell, so that nobody counts twice.
    pub unblocks: People,
    /// How many of them live on what is blocked.
    pub livelihood: People,
    /// How many cells it unblocks, as far as they wait for it.
    pub cells: Count,
    /// Examiners who have signed already.
    pub signed: Count,
    /// When its examination may be done.
    pub done: Forecast,
}

#[derive(Default)]
struct Blocked {
    cells: u32,
    /// Per insurer: people, and people who live on it.
    people: BTreeMap<InsurerId, (u64, u64)>,
}

pub(crate) fn queue(
    estate: &Estate,
    situation: &Situation,
    below: &BTreeMap<ServiceId, Below>,
    waiting: &BTreeMap<CellId, Waits>,
    waiting_roots: &BTreeMap<RootId, Waits>,
) -> Vec<Examination> {
    let mut blocked: BTreeMap<EnvironmentId, Blocked> = BTreeMap::new();
    for (cell, waits) in waiting {
        for environment in waits.uncleared() {
            count(estate, cell, blocked.entry(environment.clone()).or_default());
        }
        let roots = below.get(&cell.service).map(|below| &below.roots);
        for environment in behind(roots.into_iter().flatten(), waiting_roots) {
            count(estate, cell, blocked.entry(environment.clone()).or_default());
        }
    }
    let mut queue: Vec<Examination> = blocked
        .into_iter()
        .map(|(environment, blocked)| examination(situation, environment, &blocked))
        .collect();
    queue.sort_by_key(|one| {
        (
            Reverse(one.unblocks),
            Reverse(one.livelihood),
            one.environment.clone(),
        )
    });
    let at_once = usize::try_from(situation.examiners.at_once.0.max(1)).unwrap_or(usize::MAX);
    for (place, one) in queue.iter_mut().enumerate() {
        let turns = u64::try_from(place / at_once)
            .unwrap_or(u64::MAX)
            .saturating_add(1);
        let after = |each: Seconds| situation.now.plus(Seconds(each.0.saturating_mul(turns)));
        one.done.earliest = after(situation.examiners.each.least());
        one.done.latest = after(situation.examiners.each.most());
    }
    queue
}

/// Environments whose clearance holds up one of these roots; each once.
fn behind<'a>(
    roots: impl Iterator<Item = &'a RootId>,
    waiting: &'a BTreeMap<RootId, Waits>,
) -> std::collections::BTreeSet<&'a EnvironmentId> {
    roots
        .filter_map(|root| waiting.get(root))
        .flat_map(Waits::uncleared)
        .collect()
}

fn count(estate: &Estate, cell: &CellId, blocked: &mut Blocked) {
    let Some(impact) = estate.impact(cell) else {
        return;
    };
    blocked.cells = blocked.cells.saturating_add(1);
    let (people, livelihood) = blocked.people.entry(cell.insurer.clone()).or_default();
    *people = impact.persons.0.max(*people);
    if urgency(impact.livelihood) == Urgency::Livelihood {
        *livelihood = impact.persons.0.max(*livelihood);
    }
}

const fn urgency(livelihood: estate::Livelihood) -> Urgency {
    match livelihood {
        estate::Livelihood::Yes => Urgency::Livelihood,
        estate::Livelihood::No => Urgency::Other,
    }
}

fn examination(situation: &Situation, environment: EnvironmentId, blocked: &Blocked) -> Examination {
    let facts = situation.environments.get(&environment);
    let sum = |pick: fn(&(u64, u64)) -> u64| {
        blocked
            .people
            .values()
            .fold(0_u64, |sum, one| sum.saturating_add(pick(one)))
    };
    Examination {
        state: facts.map(|facts| facts.state.clone()),
        unblocks: People(sum(|one| one.0)),
        livelihood: People(sum(|one| one.1)),
        cells: Count(blocked.cells),
        signed: facts.map(|facts| facts.signed).unwrap_or_default(),
        done: Forecast {
            earliest: situation.now,
            latest: situation.now,
            conditions: vec![Condition::Examiners],
        },
        environment,
    }
}
