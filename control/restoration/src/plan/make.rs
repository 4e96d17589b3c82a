//! Puts every cell in exactly one place.

use std::collections::{BTreeMap, BTreeSet};

use estate::Estate;
use vocabulary::{CellId, Seconds, ServiceId, Timestamp};

use super::{
    Below, CatchUp, Condition, Contents, Forecast, HOURS_MAX, Leave, Reshut, Starts, Step, Under, Up,
    UpStage, Wave, below, environment, examine, own,
    rank::{self, Ranked},
    roots::{self, Roots, hours_up},
    up_stage,
};
use crate::{
    environment::State,
    missing::{Missing, Waits},
    situation::{Count, Emergency, RootId, Situation, Span},
};

/// A cell that may be planned.
struct Open {
    ranked: Ranked,
    leave: Leave,
    /// Needed cells of the same insurer that are planned too, by their place in the list.
    needs: Vec<usize>,
    /// Needed services that run but are not accepted yet.
    unaccepted: BTreeSet<ServiceId>,
    /// Roots that come up by this plan.
    roots: BTreeSet<RootId>,
    /// First hour in which all of its roots and unaccepted services may be ready.
    ready: u64,
    /// The same in the worst case.
    ready_latest: Timestamp,
}

/// An hour in which cells start, most urgent first: their places in the list of open cells, and what each stands on.
struct Round {
    hour: u64,
    cells: Vec<(usize, Under)>,
}

pub(super) fn contents(estate: &Estate, situation: &Situation) -> Contents {
    let below = below(estate, situation);
    let roots = roots::plan(estate, situation);
    let cells: Vec<CellId> = estate.doors().map(|(door, ..)| door.cell().clone()).collect();
    let up = up(situation, &cells);
    let rest: Vec<CellId> = cells.into_iter().filter(|cell| !up.contains_key(cell)).collect();
    let (open, mut waiting) = sort_out(estate, situation, &rest, &below, &roots, &up);
    let (rounds, unplaced) = rounds(situation, &open);
    for at in unplaced {
        if let Some(one) = open.get(at) {
            let cell = one.ranked.cell.clone();
            waiting.insert(cell, no_hour(one, &open, &rounds));
        }
    }
    let mut waves = roots.waves;
    waves.extend(waves_of(situation, &open, &rounds, waves.len()));
    let reshuts = reshuts(situation, &waves, &up);
    let queue = examine::queue(estate, situation, &below, &waiting, &roots.waiting);
    Contents {
        estate: estate.id().clone(),
        estate_digest: estate.digest(),
        made: situation.now,
        slots: situation.slots,
        examiners: situation.examiners,
        assumptions: situation.assumptions,
        waves,
        up,
        waiting,
        waiting_roots: roots.waiting,
        queue,
        reshuts,
    }
}

fn up(situation: &Situation, cells: &[CellId]) -> BTreeMap<CellId, Up> {
    cells
        .iter()
        .filter_map(|cell| {
            let facts = situation.cells.get(cell)?;
            let up = Up {
                stage: up_stage(&facts.stage)?,
                catch_up: CatchUp::of(&facts.backlog, Seconds(0)),
            };
            Some((cell.clone(), up))
        })
        .collect()
}

/// Parts cells that may be planned from cells that wait. What needs a waiting cell waits too; services come after all
/// they need, so one pass in that order sees to it.
fn sort_out(
    estate: &Estate,
    situation: &Situation,
    cells: &[CellId],
    below: &BTreeMap<ServiceId, Below>,
    roots: &Roots,
    up: &BTreeMap<CellId, Up>,
) -> (Vec<Open>, BTreeMap<CellId, Waits>) {
    let place: BTreeMap<&str, usize> = estate
        .in_dependency_order()
        .iter()
        .enumerate()
        .map(|(at, node)| (node.as_str(), at))
        .collect();
    let mut ranked = rank::rank(estate, situation, cells, below);
    ranked.sort_by_key(|one| place.get(one.cell.service.as_str()).copied());
    let nothing = Below::default();
    let mut open: Vec<Open> = Vec::new();
    let mut index: BTreeMap<CellId, usize> = BTreeMap::new();
    let mut waiting: BTreeMap<CellId, Waits> = BTreeMap::new();
    for one in ranked {
        let below = below.get(&one.cell.service).unwrap_or(&nothing);
        let mut missing = Vec::new();
        let planned_roots = stand_on(situation, below, roots, &mut missing);
        let mut needs = Vec::new();
        let mut unaccepted = BTreeSet::new();
        for service in &below.services {
            let needed = CellId {
                insurer: one.cell.insurer.clone(),
                service: service.clone(),
            };
            match (up.get(&needed).map(|up| up.stage), index.get(&needed)) {
                (Some(UpStage::Accepted), _) => {}
                (Some(UpStage::Started), _) => {
                    unaccepted.insert(service.clone());
                }
                (None, Some(at)) => needs.push(*at),
                (None, None) if waiting.contains_key(&needed) => missing.push(Missing::Service {
                    service: service.clone(),
                }),
                // The insurer does not have this service; what lies below it is in the set as well.
                (None, None) => {}
            }
        }
        match own(situation, &one.cell) {
            Ok(leave) if missing.is_empty() => {
                index.insert(one.cell.clone(), open.len());
                open.push(opened(
                    situation,
                    one,
                    leave,
                    needs,
                    unaccepted,
                    planned_roots,
                    roots,
                ));
            }
            Ok(_) => {
                waiting.insert(one.cell, Waits { missing });
            }
            Err(more) => {
                missing.extend(more);
                waiting.insert(one.cell, Waits { missing });
            }
        }
    }
    (open, waiting)
}

/// Roots a cell stands on that this plan brings up; what it does not bring up is missing.
fn stand_on(
    situation: &Situation,
    below: &Below,
    roots: &Roots,
    missing: &mut Vec<Missing>,
) -> BTreeSet<RootId> {
    let mut planned = BTreeSet::new();
    for root in &below.roots {
        if situation.is_up(root) {
            continue;
        }
        if roots.up_by.contains_key(root) {
            planned.insert(root.clone());
        } else {
            missing.push(Missing::Root { root: root.clone() });
        }
    }
    planned
}

fn opened(
    situation: &Situation,
    ranked: Ranked,
    leave: Leave,
    needs: Vec<usize>,
    unaccepted: BTreeSet<ServiceId>,
    planned: BTreeSet<RootId>,
    roots: &Roots,
) -> Open {
    let (mut earliest, mut ready_latest) = (situation.now, situation.now);
    for (up, up_latest) in planned.iter().filter_map(|root| roots.up_by.get(root)) {
        earliest = earliest.max(*up);
        ready_latest = ready_latest.max(*up_latest);
    }
    if !unaccepted.is_empty() {
        earliest = earliest.max(situation.now.plus(situation.assumptions.user_test.least()));
        ready_latest = ready_latest.max(situation.now.plus(situation.assumptions.user_test.most()));
    }
    let ready = earliest.since(situation.now).0.div_ceil(3_600);
    Open {
        ranked,
        leave,
        needs,
        unaccepted,
        roots: planned,
        ready,
        ready_latest,
    }
}

/// Hour by hour: of the cells that may start, the most urgent, as many as the slots allow. Returns what found no hour.
fn rounds(situation: &Situation, open: &[Open]) -> (Vec<Round>, Vec<usize>) {
    let capacity = usize::try_from(situation.slots.per_hour.0.max(1)).unwrap_or(usize::MAX);
    let lag = hours_up(situation.assumptions.user_test.least());
    let mut left: Vec<usize> = (0..open.len()).collect();
    left.sort_by_key(|at| open.get(*at).map(|one| (one.ranked.key, &one.ranked.cell)));
    let mut started: Vec<Option<u64>> = vec![None; open.len()];
    let mut rounds = Vec::new();
    for hour in 0..HOURS_MAX {
        if left.is_empty() {
            break;
        }
        let at = hour_of(situation.now, hour);
        let mut cells = Vec::new();
        let accepted = |need: &usize| matches!(started.get(*need), Some(Some(start)) if start.saturating_add(lag) <= hour);
        left.retain(|place| {
            if cells.len() >= capacity {
                return true;
            }
            let under = open
                .get(*place)
                .filter(|one| one.ready <= hour && one.needs.iter().all(accepted))
                .and_then(|one| one.leave.at(at));
            if let Some(under) = under {
                cells.push((*place, under.clone()));
            }
            under.is_none()
        });
        for (place, _) in &cells {
            if let Some(start) = started.get_mut(*place) {
                *start = Some(hour);
            }
        }
        if !cells.is_empty() {
            rounds.push(Round { hour, cells });
        }
    }
    (rounds, left)
}

fn hour_of(now: Timestamp, hour: u64) -> Timestamp {
    now.plus(Seconds(hour.saturating_mul(3_600)))
}

fn no_hour(one: &Open, open: &[Open], rounds: &[Round]) -> Waits {
    let placed: BTreeSet<usize> = rounds
        .iter()
        .flat_map(|round| round.cells.iter().map(|(place, _)| *place))
        .collect();
    let mut missing: Vec<Missing> = one
        .needs
        .iter()
        .filter(|need| !placed.contains(*need))
        .filter_map(|need| open.get(*need))
        .map(|needed| Missing::Service {
            service: needed.ranked.cell.service.clone(),
        })
        .collect();
    if missing.is_empty() {
        missing.push(Missing::Hour {
            insurer: one.ranked.cell.insurer.clone(),
        });
    }
    Waits { missing }
}

fn waves_of(situation: &Situation, open: &[Open], rounds: &[Round], before: usize) -> Vec<Wave> {
    let mut latest_of: Vec<Timestamp> = vec![situation.now; open.len()];
    let mut waves: Vec<Wave> = Vec::new();
    let mut last: Option<Timestamp> = None;
    for round in rounds {
        let earliest = hour_of(situation.now, round.hour);
        let floor = last.map_or(earliest, |last| last.plus(Seconds(3_600)).max(earliest));
        let mut steps = Vec::new();
        for (place, under) in &round.cells {
            let Some(one) = open.get(*place) else {
                continue;
            };
            let start = start(situation, open, one, (earliest, floor), &latest_of);
            let step = step(situation, one, under.clone(), start);
            if let Some(latest) = latest_of.get_mut(*place) {
                *latest = step.start.latest;
            }
            steps.push(step);
        }
        let latest = steps.iter().map(|step| step.start.latest).max().unwrap_or(floor);
        last = Some(floor);
        let number = before.saturating_add(waves.len()).saturating_add(1);
        let conditions = if number == 1 {
            Vec::new()
        } else {
            vec![Condition::EarlierWaves]
        };
        waves.push(Wave {
            number: Count(u32::try_from(number).unwrap_or(u32::MAX)),
            start: Forecast {
                earliest,
                latest,
                conditions,
            },
            starts: Starts::Cells(steps),
        });
    }
    waves
}

/// When one cell starts. In the worst case everything it waits for takes as long as assumed, but not longer than what
/// allows its start: after that it takes a new plan.
fn start(
    situation: &Situation,
    open: &[Open],
    one: &Open,
    (earliest, floor): (Timestamp, Timestamp),
    latest_of: &[Timestamp],
) -> Forecast {
    let test = situation.assumptions.user_test.most();
    let slowest = one
        .needs
        .iter()
        .filter_map(|need| latest_of.get(*need))
        .map(|start| start.plus(test))
        .fold(floor.max(one.ready_latest), Timestamp::max);
    let outage = switch_back(situation, &one.ranked.cell);
    let slowest = outage.map_or(slowest, |outage| slowest.plus(outage.most()));
    let ends = one.leave.ends(earliest);
    let insurer = one.ranked.cell.insurer.clone();
    let environment = environment(&insurer);
    let mut conditions = vec![Condition::Cleared { environment }, Condition::Consent { insurer }];
    if !one.roots.is_empty() {
        let roots = one.roots.clone();
        conditions.push(Condition::RootsUp { roots });
    }
    let needed = one.needs.iter().filter_map(|need| open.get(*need));
    let needed = needed.map(|needed| needed.ranked.cell.service.clone());
    let services: BTreeSet<ServiceId> = one.unaccepted.iter().cloned().chain(needed).collect();
    if !services.is_empty() {
        conditions.push(Condition::Accepted { services });
    }
    if outage.is_some() {
        conditions.push(Condition::SwitchedBack);
    }
    if slowest >= ends || one.leave.slot(earliest).is_some() {
        conditions.push(Condition::Before { at: ends });
    }
    // What ends at an instant opens nothing at that instant any more.
    let last = Timestamp(ends.0.saturating_sub(1));
    Forecast {
        earliest,
        latest: slowest.min(last).max(earliest),
        conditions,
    }
}

fn switch_back(situation: &Situation, cell: &CellId) -> Option<Span> {
    match situation.cell(cell).emergency {
        Emergency::None => None,
        Emergency::Running => Some(situation.assumptions.switch_back),
    }
}

fn step(situation: &Situation, one: &Open, under: Under, start: Forecast) -> Step {
    let cell = one.ranked.cell.clone();
    let until_start = start.latest.since(situation.now);
    Step {
        under,
        rank: one.ranked.rank.clone(),
        catch_up: CatchUp::of(&situation.cell(&cell).backlog, until_start),
        switch_back: switch_back(situation, &cell),
        start,
        cell,
    }
}

/// Planned re-shutdowns: of cells planned under a limited clearance, and of those that already run under one.
fn reshuts(situation: &Situation, waves: &[Wave], up: &BTreeMap<CellId, Up>) -> Vec<Reshut> {
    let mut by: BTreeMap<(Timestamp, vocabulary::InsurerId), BTreeSet<CellId>> = BTreeMap::new();
    let mut add = |at: Timestamp, cell: &CellId| {
        let key = (at, cell.insurer.clone());
        by.entry(key).or_default().insert(cell.clone());
    };
    for wave in waves {
        let Starts::Cells(steps) = &wave.starts else {
            continue;
        };
        for step in steps {
            if let Under::Limited { until, .. } = step.under {
                add(until, &step.cell);
            }
        }
    }
    for cell in up.keys() {
        let home = situation.environments.get(&environment(&cell.insurer));
        if let Some(State::Provisional { until }) = home.map(|home| &home.state) {
            add(*until, cell);
        }
    }
    by.into_iter()
        .map(|((at, insurer), cells)| Reshut { insurer, at, cells })
        .collect()
}
