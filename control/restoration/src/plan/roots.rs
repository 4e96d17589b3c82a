//! Roots first: in the order they need each other.

use std::collections::{BTreeMap, BTreeSet};

use estate::Estate;
use vocabulary::{Seconds, Timestamp};

use super::{Condition, Forecast, Starts, Wave, cleared};
use crate::{
    missing::{Missing, Waits},
    situation::{Count, RootId, RootState, Situation},
};

/// What becomes of every root that is not up.
#[derive(Debug, Default)]
pub(crate) struct Roots {
    pub(crate) waves: Vec<Wave>,
    pub(crate) waiting: BTreeMap<RootId, Waits>,
    /// When each planned root is up: earliest, latest.
    pub(crate) up_by: BTreeMap<RootId, (Timestamp, Timestamp)>,
}

/// Every root of the estate, and every one the facts say another root needs.
fn all(estate: &Estate, situation: &Situation) -> BTreeSet<RootId> {
    let mut all: BTreeSet<RootId> = estate.roots().map(|root| RootId::from(&root.id)).collect();
    for facts in situation.roots.values() {
        all.extend(facts.needs.iter().cloned());
    }
    all
}

pub(crate) fn plan(estate: &Estate, situation: &Situation) -> Roots {
    let mut open: BTreeSet<RootId> = all(estate, situation)
        .into_iter()
        .filter(|root| !situation.is_up(root))
        .collect();
    let mut roots = Roots::default();
    let (least, most) = (
        situation.assumptions.root.least(),
        situation.assumptions.root.most(),
    );
    let (mut earliest, mut latest) = (situation.now, situation.now);
    loop {
        let starts: BTreeSet<RootId> = open
            .iter()
            .filter(|root| may_start(situation, root, &roots, earliest).is_empty())
            .cloned()
            .collect();
        if starts.is_empty() {
            break;
        }
        open.retain(|root| !starts.contains(root));
        let up = (earliest.plus(least), latest.plus(most));
        roots.up_by.extend(starts.iter().map(|root| (root.clone(), up)));
        let number = Count(u32::try_from(roots.waves.len().saturating_add(1)).unwrap_or(u32::MAX));
        let conditions = conditions(situation, &starts, number);
        roots.waves.push(Wave {
            number,
            start: Forecast {
                earliest,
                latest,
                conditions,
            },
            starts: Starts::Roots(starts),
        });
        (earliest, latest) = up;
    }
    for root in open {
        let mut missing = may_start(situation, &root, &roots, earliest);
        if missing.is_empty() {
            missing.push(Missing::Root { root: root.clone() });
        }
        roots.waiting.insert(root, Waits { missing });
    }
    roots
}

fn conditions(situation: &Situation, starts: &BTreeSet<RootId>, number: Count) -> Vec<Condition> {
    let mut conditions: Vec<Condition> = starts
        .iter()
        .filter_map(|root| situation.roots.get(root))
        .map(|facts| facts.environment.clone())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .map(|environment| Condition::Cleared { environment })
        .collect();
    if number > Count(1) {
        conditions.push(Condition::EarlierWaves);
    }
    conditions
}

/// What is missing for a root's start, were the roots planned so far up.
fn may_start(situation: &Situation, root: &RootId, so_far: &Roots, at: Timestamp) -> Vec<Missing> {
    let Some(facts) = situation.roots.get(root) else {
        return vec![Missing::Root { root: root.clone() }];
    };
    let mut missing = Vec::new();
    if let RootState::Failed { reason } = &facts.state {
        missing.push(Missing::RootFailed {
            root: root.clone(),
            reason: reason.trim_end_matches('.').to_owned(),
        });
    }
    for need in &facts.needs {
        if !situation.is_up(need) && !so_far.up_by.contains_key(need) {
            missing.push(Missing::Root { root: need.clone() });
        }
    }
    if !cleared(situation, &facts.environment, at) {
        missing.push(uncleared(situation, facts));
    }
    missing
}

fn uncleared(situation: &Situation, facts: &crate::situation::RootFacts) -> Missing {
    let environment = facts.environment.clone();
    match situation.environments.get(&environment) {
        // A clearance there is, but the environment was cut off again since.
        Some(home) if cleared_once(home, situation.now) => Missing::Environment {
            environment,
            state: Some(home.state.clone()),
        },
        home => Missing::Clearance {
            environment,
            signed: home.map(|home| home.signed).unwrap_or_default(),
            threshold: situation.examiners.threshold,
        },
    }
}

fn cleared_once(home: &crate::situation::EnvironmentFacts, now: Timestamp) -> bool {
    use crate::situation::{Grade, Standing};
    home.clearances.iter().any(|clearance| {
        clearance.grade == Grade::Full && clearance.standing == Standing::Stands && now < clearance.expires
    })
}

/// What keeps a root from starting at this very instant. Nothing means it may.
pub(crate) fn missing_now(situation: &Situation, root: &RootId) -> Vec<Missing> {
    may_start(situation, root, &Roots::default(), situation.now)
}

/// The span in whole hours, rounded up, at least one.
pub(crate) fn hours_up(span: Seconds) -> u64 {
    span.0.div_ceil(3_600).max(1)
}
