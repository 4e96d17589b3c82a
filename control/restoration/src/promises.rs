//! What this room promises, counted again from the facts by other code than the planner's. Tests, the drill and
//! production ask these functions.

use std::collections::{BTreeMap, BTreeSet};

use estate::{Estate, Node};
use vocabulary::{CellId, ServiceId, Timestamp};

use crate::{
    environment::State,
    plan::{Plan, Starts, Under},
    run::Effect,
    situation::{Against, ConsentTo, Grade, InsurerFacts, RootId, RootState, Situation, Stage, Standing},
};

/// A promise that did not hold.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("PLAN-1 does not hold for {what}: {why}")]
pub struct Broken {
    /// For which cell, root or wave.
    pub what: String,
    /// What was found.
    pub why: String,
}

fn broken(what: &impl core::fmt::Display, why: impl Into<String>) -> Broken {
    Broken {
        what: what.to_string(),
        why: why.into(),
    }
}

/// PLAN-1: no cell starts before its roots, its clearance and its insurer's consent; and every cell of the estate is in
/// exactly one place. `situation` is the one the plan is to be judged against.
///
/// # Errors
/// The first cell, root or wave for which it does not hold.
pub fn plan_1(estate: &Estate, situation: &Situation, plan: &Plan) -> Result<(), Broken> {
    one_place_each(estate, plan)?;
    let mut known = Known::at_first(situation);
    for cell in plan.up().keys() {
        if !known.accepted.contains(cell) && !known.started.contains(cell) {
            return Err(broken(cell, "the plan says it runs, the facts do not"));
        }
    }
    for (before, wave) in plan.waves().iter().enumerate() {
        if usize::try_from(wave.number.0).ok() != Some(before.saturating_add(1)) {
            return Err(broken(&"waves", "their numbers do not follow each other"));
        }
        let at = (wave.start.earliest, wave.start.latest);
        if at.1 < at.0 {
            return Err(broken(&wave.number.0, "the forecast ends before it begins"));
        }
        match &wave.starts {
            Starts::Roots(roots) => {
                for root in roots {
                    root_may_start(situation, root, &known, at.0)?;
                }
                known.up.extend(roots.iter().cloned());
            }
            Starts::Cells(steps) => {
                // Started cells are still being tested; the plan counts on their acceptance, the run waits for it.
                let ready: BTreeSet<&CellId> = known.accepted.iter().chain(&known.started).collect();
                for step in steps {
                    stands_on(estate, situation, &step.cell, &known.up, &ready)?;
                    let (at, last) = (step.start.earliest, step.start.latest);
                    may_open(
                        situation,
                        &step.cell,
                        &step.under,
                        at,
                        (Hours::Count, End::Planned),
                    )?;
                    may_open(
                        situation,
                        &step.cell,
                        &step.under,
                        last,
                        (Hours::DoNotCount, End::Planned),
                    )?;
                }
                known.accepted.extend(steps.iter().map(|step| step.cell.clone()));
            }
        }
    }
    Ok(())
}

/// PLAN-1 for what a run offers at this instant: nothing is lent to the future.
///
/// # Errors
/// The first cell or root for which it does not hold.
pub fn plan_1_now(estate: &Estate, situation: &Situation, effects: &[Effect]) -> Result<(), Broken> {
    let known = Known::at_first(situation);
    let ready: BTreeSet<&CellId> = known.accepted.iter().collect();
    for effect in effects {
        match effect {
            Effect::StartRoot { root, .. } => root_may_start(situation, root, &known, situation.now)?,
            Effect::ProposeOpening { cells, under, .. } => {
                for cell in cells {
                    stands_on(estate, situation, cell, &known.up, &ready)?;
                    may_open(
                        situation,
                        cell,
                        under,
                        situation.now,
                        (Hours::Count, End::Planned),
                    )?;
                }
            }
            Effect::AskConsent { .. }
            | Effect::AskUserTest { .. }
            | Effect::AnnounceReshut { .. }
            | Effect::ProposeClosing { .. }
            | Effect::SwitchBack { .. }
            | Effect::AskEnd { .. }
            | Effect::Replan { .. } => {}
        }
    }
    Ok(())
}

/// PLAN-1 for what really started: cells that one opening let run, on one clearance, held against what was known when
/// their doors opened. Every root below them was up; every service below them ran already or started with them, never
/// later; clearance and consent stood.
///
/// # Errors
/// The first cell for which it does not hold.
pub fn plan_1_started(
    estate: &Estate,
    situation: &Situation,
    started: &BTreeSet<CellId>,
    under: &Under,
) -> Result<(), Broken> {
    let known = Known::at_first(situation);
    let ready: BTreeSet<&CellId> = known
        .accepted
        .iter()
        .chain(&known.started)
        .chain(started)
        .collect();
    for cell in started {
        stands_on(estate, situation, cell, &known.up, &ready)?;
        let ordered = (Hours::Count, End::Ordered);
        may_open(situation, cell, under, situation.now, ordered)?;
    }
    Ok(())
}

struct Known {
    up: BTreeSet<RootId>,
    accepted: BTreeSet<CellId>,
    started: BTreeSet<CellId>,
}

impl Known {
    fn at_first(situation: &Situation) -> Self {
        let up = situation.roots.iter();
        let up = up.filter(|(_, facts)| facts.state == RootState::Up);
        let stage = |stage: &Stage| -> BTreeSet<CellId> {
            let cells = situation.cells.iter();
            cells
                .filter(|(_, facts)| facts.stage == *stage)
                .map(|(cell, _)| cell.clone())
                .collect()
        };
        Self {
            up: up.map(|(root, _)| root.clone()).collect(),
            accepted: stage(&Stage::Accepted),
            started: stage(&Stage::Started),
        }
    }
}

fn one_place_each(estate: &Estate, plan: &Plan) -> Result<(), Broken> {
    let mut places: BTreeMap<&CellId, u32> = BTreeMap::new();
    let planned = plan.steps().map(|(_, step)| &step.cell);
    for cell in plan.up().keys().chain(plan.waiting().keys()).chain(planned) {
        *places.entry(cell).or_default() += 1;
    }
    for (door, ..) in estate.doors() {
        match places.remove(door.cell()) {
            Some(1) => {}
            Some(more) => return Err(broken(&door, format!("it is in {more} places"))),
            None => return Err(broken(&door, "it is in no place")),
        }
    }
    if let Some(cell) = places.keys().next() {
        return Err(broken(cell, "the estate has no such cell"));
    }
    match plan.waiting().iter().find(|(_, waits)| waits.missing.is_empty()) {
        Some((cell, _)) => Err(broken(cell, "it waits and nothing is missing")),
        None => Ok(()),
    }
}

fn root_may_start(situation: &Situation, root: &RootId, known: &Known, at: Timestamp) -> Result<(), Broken> {
    let facts = situation
        .roots
        .get(root)
        .ok_or_else(|| broken(root, "nothing is known about it"))?;
    if let Some(need) = facts.needs.iter().find(|need| !known.up.contains(*need)) {
        return Err(broken(root, format!("it needs {need}, which is not up")));
    }
    let home = situation
        .environments
        .get(&facts.environment)
        .ok_or_else(|| broken(root, "nothing is known about its environment"))?;
    let clear = home.clearances.iter().any(|clearance| {
        clearance.grade == Grade::Full && clearance.standing == Standing::Stands && at < clearance.expires
    });
    if clear && is_out_of_containment(&home.state, Provisional::DoesNotCount) {
        Ok(())
    } else {
        Err(broken(root, "its environment is not cleared"))
    }
}

/// Everything below a cell, walked from the estate's own words.
fn stands_on(
    estate: &Estate,
    situation: &Situation,
    cell: &CellId,
    up: &BTreeSet<RootId>,
    ready: &BTreeSet<&CellId>,
) -> Result<(), Broken> {
    let service = estate
        .service(&cell.service)
        .ok_or_else(|| broken(cell, "the estate has no such service"))?;
    let mut open: Vec<String> = service.needs.iter().map(Node::to_string).collect();
    let mut visited = BTreeSet::new();
    while let Some(name) = open.pop() {
        if !visited.insert(name.clone()) {
            continue;
        }
        let needed = ServiceId::new(&name).ok().and_then(|id| estate.service(&id));
        let Some(needed) = needed else {
            let root = RootId(name);
            if !up.contains(&root) {
                return Err(broken(cell, format!("it stands on root {root}, which is not up")));
            }
            let needs = situation.roots.get(&root).map(|facts| &facts.needs);
            open.extend(needs.into_iter().flatten().map(ToString::to_string));
            continue;
        };
        open.extend(needed.needs.iter().map(Node::to_string));
        let other = CellId {
            insurer: cell.insurer.clone(),
            service: needed.id.clone(),
        };
        if estate.impact(&other).is_some() && !ready.contains(&other) {
            return Err(broken(cell, format!("it needs {other}, which is not accepted")));
        }
    }
    Ok(())
}

/// Clearance and consent of one cell at one instant.
fn may_open(
    situation: &Situation,
    cell: &CellId,
    under: &Under,
    at: Timestamp,
    (hours, end): (Hours, End),
) -> Result<(), Broken> {
    let home = vocabulary::EnvironmentId::from(cell.insurer.clone());
    let home = situation
        .environments
        .get(&home)
        .ok_or_else(|| broken(cell, "nothing is known about its environment"))?;
    let (id, until, provisional) = match under {
        Under::Full { clearance } => (clearance, None, Provisional::DoesNotCount),
        Under::Limited { clearance, until } => (clearance, Some(*until), Provisional::Counts),
    };
    if !is_out_of_containment(&home.state, provisional) {
        return Err(broken(cell, "its environment is contained"));
    }
    let clears = home.clearances.iter().any(|clearance| {
        let covers = match (&clearance.grade, until) {
            (Grade::Full, None) => true,
            (Grade::Limited { cells, until: real }, Some(until)) => {
                let ends = match end {
                    End::Planned => *real == until,
                    End::Ordered => until <= *real,
                };
                cells.contains(cell) && ends && at < until
            }
            (Grade::Full, Some(_)) | (Grade::Limited { .. }, None) => false,
        };
        clearance.id == *id && covers && clearance.standing == Standing::Stands && at < clearance.expires
    });
    if !clears {
        return Err(broken(cell, format!("no clearance stands for it at {at}")));
    }
    let said = situation
        .insurers
        .get(&cell.insurer)
        .ok_or_else(|| broken(cell, "its insurer said nothing"))?;
    consented(said, cell, until, at, hours)
}

/// Whether a planned end is the clearance's own, or one that was ordered: provisional operation may end before its clearance
/// does, never after.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Planned,
    Ordered,
}

/// Whether the hours a consent names count: at the earliest start and now, not at the bound of a range.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hours {
    Count,
    DoNotCount,
}

fn consented(
    said: &InsurerFacts,
    cell: &CellId,
    until: Option<Timestamp>,
    at: Timestamp,
    hours: Hours,
) -> Result<(), Broken> {
    let refused = said.refusals.iter().any(|refusal| match &refusal.against {
        Against::Everything => true,
        Against::Services(services) => services.contains(&cell.service),
    });
    if refused {
        return Err(broken(cell, "its insurer refused"));
    }
    let consents = said.consents.iter().any(|consent| {
        let fits = match (consent.to, until) {
            (ConsentTo::Reopening, None) => true,
            (ConsentTo::Limited { most }, Some(until)) => until.since(at) <= most,
            (ConsentTo::Reopening, Some(_)) | (ConsentTo::Limited { .. }, None) => false,
        };
        let hour = at.0.rem_euclid(86_400).div_euclid(3_600);
        let in_hours = consent.hours.is_none_or(|(from, to)| {
            let after = hour >= i64::from(from);
            let before = hour < i64::from(to);
            if from <= to {
                after && before
            } else {
                after || before
            }
        });
        fits && (in_hours || hours == Hours::DoNotCount)
            && consent.services.contains(&cell.service)
            && at < consent.expires
    });
    if consents {
        Ok(())
    } else {
        Err(broken(
            cell,
            format!("its insurer has not consented to it at {at}"),
        ))
    }
}

#[derive(Clone, Copy)]
enum Provisional {
    Counts,
    DoesNotCount,
}

const fn is_out_of_containment(state: &State, provisional: Provisional) -> bool {
    match (state, provisional) {
        (
            State::Cleared | State::Restoring | State::Verifying | State::Accepted { .. } | State::Normal,
            Provisional::Counts | Provisional::DoesNotCount,
        )
        | (State::Provisional { .. }, Provisional::Counts) => true,
        (State::Provisional { .. }, Provisional::DoesNotCount)
        | (
            State::Trusted | State::Suspect | State::Contained | State::UnderExamination,
            Provisional::Counts | Provisional::DoesNotCount,
        ) => false,
    }
}
