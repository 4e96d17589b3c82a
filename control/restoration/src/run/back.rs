//! The way back during a run: what fell, what has to be shut again, what is announced.

use std::collections::{BTreeMap, BTreeSet};

use estate::Estate;
use vocabulary::{CellId, InsurerId, Position, ServiceId, StatementId};

use super::{Because, ClosingBecause, Effect, Progress};
use crate::{
    environment::State,
    plan::{Below, Plan, Starts, Under, environment},
    situation::{Items, Reach, RootId, Situation, Stage, Standing},
};

/// Notes what runs, what fell back and what failed.
pub(super) fn look(plan: &Plan, mut progress: Progress, facts: &Situation) -> Progress {
    let planned: BTreeSet<&CellId> = plan.steps().map(|(_, step)| &step.cell).collect();
    for cell in planned
        .into_iter()
        .chain(plan.up().keys())
        .chain(plan.waiting().keys())
    {
        match facts.cell(cell).stage {
            Stage::Started | Stage::Accepted => {
                progress.seen.insert(cell.clone());
            }
            Stage::Stopped => {
                if progress.seen.contains(cell) && !progress.set_aside.contains_key(cell) {
                    progress.fallen.insert(cell.clone());
                }
            }
            Stage::Failed { reason } => {
                progress.set_aside.entry(cell.clone()).or_insert(reason);
            }
        }
    }
    progress
}

/// Proposes to shut what must not run: asked for, out of its time, withdrawn, cut again, failed.
pub(super) fn close(
    plan: &Plan,
    progress: &Progress,
    facts: &Situation,
    fell: &Fell<'_>,
    effects: &mut Vec<Effect>,
) {
    let stands_on: BTreeMap<&CellId, &Under> =
        plan.steps().map(|(_, step)| (&step.cell, &step.under)).collect();
    let mut closings: Vec<(ClosingBecause, BTreeSet<CellId>)> = Vec::new();
    let ordered = progress.reshut.keys().chain(plan.waiting().keys());
    let all: BTreeSet<&CellId> = plan
        .up()
        .keys()
        .chain(stands_on.keys().copied())
        .chain(ordered)
        .collect();
    for cell in all {
        if !runs(facts, cell) {
            continue;
        }
        let because = if let Some(reason) = progress.reshut.get(cell) {
            ClosingBecause::Asked {
                reason: reason.clone(),
            }
        } else if let Some(reason) = progress.set_aside.get(cell) {
            ClosingBecause::Failed {
                reason: reason.clone(),
            }
        } else if let Some(because) = ground_lost(facts, cell, stands_on.get(cell).copied()) {
            because
        } else if let Some(root) = fell.below_of(plan, facts, cell) {
            ClosingBecause::RootFell { root }
        } else {
            continue;
        };
        match closings.iter_mut().find(|(known, _)| *known == because) {
            Some((_, cells)) => {
                cells.insert(cell.clone());
            }
            None => closings.push((because, BTreeSet::from([cell.clone()]))),
        }
    }
    effects.extend(
        closings
            .into_iter()
            .map(|(because, cells)| Effect::ProposeClosing { cells, because }),
    );
}

/// Whether a cell runs or its door still stands open.
pub(super) fn runs(facts: &Situation, cell: &CellId) -> bool {
    let facts = facts.cell(cell);
    let open = match facts.door {
        Reach::Reached { position } => position == Position::Open,
        Reach::Unreached { .. } => false,
    };
    let started = match facts.stage {
        Stage::Started | Stage::Accepted => true,
        Stage::Stopped | Stage::Failed { .. } => false,
    };
    open || started
}

/// Why a running cell has lost what it stood on; nothing if it has not.
fn ground_lost(facts: &Situation, cell: &CellId, under: Option<&Under>) -> Option<ClosingBecause> {
    let home = facts.environments.get(&environment(&cell.insurer))?;
    match &home.state {
        State::Contained | State::UnderExamination => {
            return Some(ClosingBecause::Contained {
                environment: environment(&cell.insurer),
            });
        }
        State::Provisional { until } if *until <= facts.now => {
            return Some(ClosingBecause::LimitOver { at: *until });
        }
        State::Provisional { .. }
        | State::Trusted
        | State::Suspect
        | State::Cleared
        | State::Restoring
        | State::Verifying
        | State::Accepted { .. }
        | State::Normal => {}
    }
    let (clearance, until) = match under? {
        Under::Full { clearance } => (clearance, None),
        Under::Limited { clearance, until } => (clearance, Some(*until)),
    };
    let withdrawn = home
        .clearances
        .iter()
        .any(|known| known.id == *clearance && known.standing == Standing::Withdrawn);
    if withdrawn {
        return Some(ClosingBecause::Withdrawn {
            clearance: *clearance,
        });
    }
    // A full clearance granted meanwhile carries the cell on; it takes an opening of its own.
    let full = stands_full(facts, cell, *clearance);
    until
        .filter(|until| *until <= facts.now && !full)
        .map(|at| ClosingBecause::LimitOver { at })
}

fn stands_full(facts: &Situation, cell: &CellId, but: StatementId) -> bool {
    let home = environment(&cell.insurer);
    facts
        .environments
        .get(&home)
        .is_some_and(|known| known.clearances.iter().any(|one| one.id != but))
        && crate::plan::cleared(facts, &home, facts.now)
}

/// Cells an effect proposes to shut.
fn closed(effect: &Effect) -> impl Iterator<Item = &CellId> {
    let cells = if let Effect::ProposeClosing { cells, .. } = effect {
        Some(cells)
    } else {
        None
    };
    cells.into_iter().flatten()
}

/// Insurers of whom everything is accepted and worked off.
pub(super) fn ask_end(estate: &Estate, facts: &Situation, effects: &mut Vec<Effect>) {
    for insurer in estate.insurers() {
        let home = facts.environments.get(&environment(&insurer.id));
        let accepted = home.is_some_and(|home| matches!(home.state, State::Accepted { .. }));
        let done = |service: &ServiceId| {
            let cell = facts.cell(&CellId {
                insurer: insurer.id.clone(),
                service: service.clone(),
            });
            cell.stage == Stage::Accepted && cell.backlog.items == Items(0)
        };
        if accepted && insurer.services.keys().all(done) {
            let insurer = insurer.id.clone();
            effects.push(Effect::AskEnd { insurer });
        }
    }
}

/// Roots that were up when the plan was made and are down now, with what stands on what.
pub(super) struct Fell<'a> {
    roots: BTreeSet<RootId>,
    below: &'a BTreeMap<ServiceId, Below>,
}

impl<'a> Fell<'a> {
    /// Roots the plan neither starts nor lists as waiting were up when it was made.
    pub(super) fn look(plan: &Plan, facts: &Situation, below: &'a BTreeMap<ServiceId, Below>) -> Self {
        let mut roots: BTreeSet<RootId> = facts
            .roots
            .keys()
            .filter(|root| !facts.is_up(root) && !plan.waiting_roots().contains_key(*root))
            .cloned()
            .collect();
        for wave in plan.waves() {
            match &wave.starts {
                Starts::Roots(starts) => roots.retain(|root| !starts.contains(root)),
                Starts::Cells(_) => {}
            }
        }
        Self { roots, below }
    }

    /// The stop condition: the fallen root under a running cell. A cell that is still coming back is shut with its root;
    /// one that was accepted only where the root's environment was cut off again, for the same fault measured in normal
    /// operation is a matter of the incident, not of the return.
    fn below_of(&self, plan: &Plan, facts: &Situation, cell: &CellId) -> Option<RootId> {
        let below = &self.below.get(&cell.service)?.roots;
        let coming_back =
            facts.cell(cell).stage == Stage::Started || plan.steps().any(|(_, step)| step.cell == *cell);
        let is_cut = |root: &RootId| {
            let home = facts.roots.get(root).map(|known| &known.environment);
            let home = home.and_then(|home| facts.environments.get(home));
            home.is_some_and(|home| match home.state {
                State::Contained | State::UnderExamination => true,
                State::Trusted
                | State::Suspect
                | State::Provisional { .. }
                | State::Cleared
                | State::Restoring
                | State::Verifying
                | State::Accepted { .. }
                | State::Normal => false,
            })
        };
        below
            .intersection(&self.roots)
            .find(|root| coming_back || is_cut(root))
            .cloned()
    }

    /// Later waves were planned on these roots.
    pub(super) fn replan(&self, effects: &mut Vec<Effect>) {
        if !self.roots.is_empty() {
            effects.push(Effect::Replan {
                because: Because::RootsFell {
                    roots: self.roots.clone(),
                },
            });
        }
    }
}

/// Asks for user tests of what runs, announces planned re-shutdowns that come near.
pub(super) fn ask(plan: &Plan, facts: &Situation, effects: &mut Vec<Effect>) {
    let mut tests: BTreeMap<InsurerId, BTreeSet<CellId>> = BTreeMap::new();
    let planned = plan.steps().map(|(_, step)| &step.cell);
    let closing: BTreeSet<CellId> = effects.iter().flat_map(closed).cloned().collect();
    for cell in plan.up().keys().chain(planned) {
        if facts.cell(cell).stage == Stage::Started && !closing.contains(cell) {
            tests
                .entry(cell.insurer.clone())
                .or_default()
                .insert(cell.clone());
        }
    }
    effects.extend(
        tests
            .into_iter()
            .map(|(insurer, cells)| Effect::AskUserTest { insurer, cells }),
    );
    for reshut in plan.reshuts() {
        let near = facts.now < reshut.at && reshut.at.since(facts.now) <= facts.assumptions.reshut_notice;
        let cells: BTreeSet<CellId> = reshut
            .cells
            .iter()
            .filter(|cell| runs(facts, cell))
            .cloned()
            .collect();
        if near && !cells.is_empty() {
            effects.push(Effect::AnnounceReshut {
                insurer: reshut.insurer.clone(),
                cells,
                at: reshut.at,
            });
        }
    }
}
