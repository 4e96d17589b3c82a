//! Running a plan: compare what should be with what is, and say what to do next.
//!
//! [`decide`] is called on a timer and on every piece of news, by the same path. The same facts give the same effects,
//! so every step can be repeated and a lost effect comes again. The plan leaves no choice: what no longer fits it is
//! not improvised, but asks for a new plan. Nothing in here is a permission. To open a cell, people sign; the doors
//! check what they signed by themselves.

use std::collections::{BTreeMap, BTreeSet};

use estate::Estate;
use serde::{Deserialize, Serialize};
use vocabulary::{CellId, Digest, Timestamp};

use crate::{
    missing::{Missing, Waits},
    plan::{self, Below, Plan, Starts, Step, Under},
    situation::{Emergency, RootState, Situation, Stage},
};

mod back;
mod effect;

pub(crate) use effect::kind;
pub use effect::{Because, ClosingBecause, Effect};

/// For how long an offered start counts against the slots' capacity per hour.
const HOUR_SECS: u64 = 3_600;

/// How far a plan has come. A plain value; the wiring keeps it between calls.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Progress {
    /// The plan.
    plan: Digest,
    /// Starts that were offered for signature, and since when.
    offered: BTreeMap<CellId, Timestamp>,
    /// Cells that were seen running under this plan.
    seen: BTreeSet<CellId>,
    /// Cells that fell back after they ran: withdrawn, re-shut, cut again.
    fallen: BTreeSet<CellId>,
    /// Cells taken out of the run because they failed, with the reason.
    set_aside: BTreeMap<CellId, String>,
    /// Cells people ordered shut again, with the reason.
    reshut: BTreeMap<CellId, String>,
}

/// What people tell the run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(
    tag = "command",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Command {
    /// Shut these cells again.
    Reshut {
        /// Which.
        cells: BTreeSet<CellId>,
        /// Why.
        reason: String,
    },
    /// Shut everything this plan knows again.
    ReshutAll {
        /// Why.
        reason: String,
    },
    /// Take one cell out of the run.
    BackOff {
        /// Which.
        cell: CellId,
        /// Why.
        reason: String,
    },
}

impl Progress {
    /// Begins a plan. What runs when it begins has been seen.
    #[must_use]
    pub fn begin(plan: &Plan) -> Self {
        Self {
            plan: plan.id(),
            offered: BTreeMap::new(),
            seen: plan.up().keys().cloned().collect(),
            fallen: BTreeSet::new(),
            set_aside: BTreeMap::new(),
            reshut: BTreeMap::new(),
        }
    }

    /// Goes over to another plan: what fell or failed under the one before is planned anew, and what was offered lately
    /// still counts against the slots.
    #[must_use]
    pub fn carried_over(self, plan: &Plan) -> Self {
        Self {
            offered: self.offered,
            ..Self::begin(plan)
        }
    }

    /// The plan it belongs to.
    #[must_use]
    pub const fn plan(&self) -> Digest {
        self.plan
    }

    /// Cells taken out of the run, with the reason.
    #[must_use]
    pub const fn set_aside(&self) -> &BTreeMap<CellId, String> {
        &self.set_aside
    }

    /// Cells that ran and fell back.
    #[must_use]
    pub const fn fallen(&self) -> &BTreeSet<CellId> {
        &self.fallen
    }

    /// Takes a command. Possible at every point; saying it twice changes nothing.
    #[must_use]
    pub fn told(mut self, plan: &Plan, command: &Command) -> Self {
        match command {
            Command::Reshut { cells, reason } => {
                let new = cells.iter().map(|cell| (cell.clone(), reason.clone()));
                self.reshut.extend(new);
            }
            Command::ReshutAll { reason } => {
                let planned = plan.steps().map(|(_, step)| &step.cell);
                let all = plan.up().keys().chain(plan.waiting().keys()).chain(planned);
                self.reshut.extend(all.map(|cell| (cell.clone(), reason.clone())));
            }
            Command::BackOff { cell, reason } => {
                self.set_aside.insert(cell.clone(), reason.clone());
            }
        }
        self
    }

    /// The first wave something fell back from, or was ordered back from: later waves wait. Nothing if all went well.
    fn barrier(&self, plan: &Plan) -> Option<u32> {
        let back = |cell: &CellId| self.fallen.contains(cell) || self.reshut.contains_key(cell);
        if plan.up().keys().chain(plan.waiting().keys()).any(back) {
            return Some(0);
        }
        plan.steps()
            .find(|(_, step)| back(&step.cell))
            .map(|(wave, _)| wave.number.0)
    }
}

/// What is to be done now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision {
    /// To be kept for the next call.
    pub progress: Progress,
    /// To be carried out; all of them may be repeated.
    pub effects: Vec<Effect>,
    /// Planned cells that cannot be offered at this instant, and why.
    pub waits: BTreeMap<CellId, Waits>,
}

/// Says what to do next under a plan. `facts` carries the instant.
#[must_use]
pub fn decide(estate: &Estate, plan: &Plan, progress: Progress, facts: &Situation) -> Decision {
    let mut effects = Vec::new();
    let mut waits = BTreeMap::new();
    if progress.plan != plan.id() || plan.estate_digest() != estate.digest() {
        effects.push(Effect::Replan {
            because: Because::OtherPlan,
        });
        return Decision {
            progress,
            effects,
            waits,
        };
    }
    let mut progress = back::look(plan, progress, facts);
    let below = plan::below(estate, facts);
    let fell = back::Fell::look(plan, facts, &below);
    back::close(plan, &progress, facts, &fell, &mut effects);
    back::ask(plan, facts, &mut effects);
    back::ask_end(estate, facts, &mut effects);
    fell.replan(&mut effects);
    let barrier = progress.barrier(plan);
    if barrier.is_some() {
        let fallen = progress.fallen.iter().chain(progress.reshut.keys()).cloned();
        effects.push(Effect::Replan {
            because: Because::FellBack {
                cells: fallen.collect(),
            },
        });
    }
    let barrier = barrier.unwrap_or(u32::MAX);
    start_roots(plan, facts, barrier, &mut effects);
    offer(
        &Run {
            estate,
            plan,
            facts,
            below: &below,
        },
        &mut progress,
        barrier,
        &mut effects,
        &mut waits,
    );
    waiting(estate, plan, facts, &below, &mut effects);
    Decision {
        progress,
        effects,
        waits,
    }
}

struct Run<'a> {
    estate: &'a Estate,
    plan: &'a Plan,
    facts: &'a Situation,
    below: &'a BTreeMap<vocabulary::ServiceId, Below>,
}

fn start_roots(plan: &Plan, facts: &Situation, barrier: u32, effects: &mut Vec<Effect>) {
    for wave in plan.waves().iter().take_while(|wave| wave.number.0 <= barrier) {
        let Starts::Roots(roots) = &wave.starts else {
            continue;
        };
        for root in roots {
            let down = facts
                .roots
                .get(root)
                .is_some_and(|facts| facts.state == RootState::Down);
            if down && plan::root_missing_now(facts, root).is_empty() {
                effects.push(Effect::StartRoot {
                    wave: wave.number,
                    root: root.clone(),
                });
            }
        }
    }
}

/// Offers planned starts in the plan's order, as many new ones per hour as the slots allow. What was offered stays
/// offered as long as nothing is missing, without holding up those behind it for longer than an hour.
fn offer(
    run: &Run<'_>,
    progress: &mut Progress,
    barrier: u32,
    effects: &mut Vec<Effect>,
    waits: &mut BTreeMap<CellId, Waits>,
) {
    let now = run.facts.now;
    let fresh = |at: &&Timestamp| now.since(**at).0 < HOUR_SECS;
    let capacity = usize::try_from(run.facts.slots.per_hour.0.max(1)).unwrap_or(usize::MAX);
    let mut room = capacity.saturating_sub(progress.offered.values().filter(fresh).count());
    let mut offers: BTreeMap<(u32, vocabulary::InsurerId, Under), BTreeSet<CellId>> = BTreeMap::new();
    let mut changed = BTreeSet::new();
    for (wave, step) in run.plan.steps() {
        let out = progress.set_aside.contains_key(&step.cell)
            || progress.fallen.contains(&step.cell)
            || progress.reshut.contains_key(&step.cell);
        // A door that stands open already needs no opening; what failed needs a person first.
        let needs_start =
            run.facts.cell(&step.cell).stage == Stage::Stopped && !back::runs(run.facts, &step.cell);
        if wave.number.0 > barrier || out || !needs_start {
            continue;
        }
        match may_start(run, step) {
            Err(missing) => {
                progress.offered.remove(&step.cell);
                waits.insert(step.cell.clone(), Waits { missing });
            }
            Ok(May::SwitchBack(outage)) => effects.push(Effect::SwitchBack {
                cell: step.cell.clone(),
                outage,
            }),
            Ok(May::Otherwise) => {
                changed.insert(step.cell.clone());
            }
            Ok(May::Start) => {
                let known = progress.offered.contains_key(&step.cell);
                if !known && room == 0 {
                    continue;
                }
                if !known {
                    room = room.saturating_sub(1);
                    progress.offered.insert(step.cell.clone(), now);
                }
                let key = (wave.number.0, step.cell.insurer.clone(), step.under.clone());
                offers.entry(key).or_default().insert(step.cell.clone());
            }
        }
    }
    effects.extend(
        offers
            .into_iter()
            .map(|((wave, insurer, under), cells)| Effect::ProposeOpening {
                wave: crate::situation::Count(wave),
                insurer,
                cells,
                under,
            }),
    );
    if !changed.is_empty() {
        effects.push(Effect::Replan {
            because: Because::OtherGround { cells: changed },
        });
    }
}

enum May {
    /// As planned.
    Start,
    /// After its emergency operation has been switched back.
    SwitchBack(crate::situation::Span),
    /// On another clearance than the plan names.
    Otherwise,
}

fn may_start(run: &Run<'_>, step: &Step) -> Result<May, Vec<Missing>> {
    let nothing = Below::default();
    let below = run.below.get(&step.cell.service).unwrap_or(&nothing);
    let under = plan::missing_now(run.estate, run.facts, &step.cell, below)?;
    if under != step.under {
        return Ok(May::Otherwise);
    }
    match run.facts.cell(&step.cell).emergency {
        Emergency::Running => Ok(May::SwitchBack(run.facts.assumptions.switch_back)),
        Emergency::None => Ok(May::Start),
    }
}

/// What could be planned now and was not, and whose consent alone is missing.
fn waiting(
    estate: &Estate,
    plan: &Plan,
    facts: &Situation,
    below: &BTreeMap<vocabulary::ServiceId, Below>,
    effects: &mut Vec<Effect>,
) {
    let nothing = Below::default();
    let mut asks: BTreeMap<(vocabulary::InsurerId, Under), BTreeSet<CellId>> = BTreeMap::new();
    let mut ready = BTreeSet::new();
    for cell in plan.waiting().keys() {
        let below = below.get(&cell.service).unwrap_or(&nothing);
        match plan::missing_now(estate, facts, cell, below) {
            Ok(_) => {
                if facts.cell(cell).stage == Stage::Stopped {
                    ready.insert(cell.clone());
                }
            }
            Err(missing)
                if (Waits {
                    missing: missing.clone(),
                })
                .for_consent_only() =>
            {
                if let Some(under) = plan::ground(facts, cell) {
                    let key = (cell.insurer.clone(), under);
                    asks.entry(key).or_default().insert(cell.clone());
                }
            }
            Err(_) => {}
        }
    }
    effects.extend(
        asks.into_iter()
            .map(|((insurer, under), cells)| Effect::AskConsent {
                insurer,
                cells,
                under,
            }),
    );
    if !ready.is_empty() {
        effects.push(Effect::Replan {
            because: Because::MayStart { cells: ready },
        });
    }
}
