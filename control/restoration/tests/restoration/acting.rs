//! A world that carries out what a run asks for.

use std::collections::BTreeSet;

use estate::Estate;
use restoration::{
    Plan, Situation,
    promises::plan_1_now,
    run::{Because, ClosingBecause, Decision, Effect, Progress, decide},
    situation::{Emergency, Reach, RootState, Stage},
};
use vocabulary::{CellId, Position, Timestamp};

/// Carries out what the run asks for, at once, and moves the clock by an hour.
pub(crate) struct World<'a> {
    pub(crate) estate: &'a Estate,
    pub(crate) facts: Situation,
    /// Cells that fail when they are started.
    pub(crate) bad: BTreeSet<CellId>,
    /// Starts in the order they happened, with the hour.
    pub(crate) started: Vec<(CellId, Timestamp)>,
}

impl<'a> World<'a> {
    pub(crate) fn new(estate: &'a Estate, facts: Situation) -> Self {
        Self {
            estate,
            facts,
            bad: BTreeSet::new(),
            started: Vec::new(),
        }
    }

    pub(crate) fn decide(&self, plan: &Plan, progress: Progress) -> Decision {
        let decision = decide(self.estate, plan, progress, &self.facts);
        plan_1_now(self.estate, &self.facts, &decision.effects).unwrap();
        decision
    }

    pub(crate) fn carry_out(&mut self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::StartRoot { root, .. } => {
                    self.facts.roots.get_mut(root).unwrap().state = RootState::Up;
                }
                Effect::ProposeOpening { cells, .. } => {
                    for cell in cells {
                        self.started.push((cell.clone(), self.facts.now));
                        let facts = self.facts.cells.get_mut(cell).unwrap();
                        let position = Position::Open;
                        facts.door = Reach::Reached { position };
                        facts.stage = if self.bad.contains(cell) {
                            Stage::Failed {
                                reason: "Datenbank".to_owned(),
                            }
                        } else {
                            Stage::Started
                        };
                    }
                }
                Effect::AskUserTest { cells, .. } => {
                    for cell in cells {
                        self.facts.cells.get_mut(cell).unwrap().stage = Stage::Accepted;
                    }
                }
                Effect::ProposeClosing { cells, .. } => self.shut(cells),
                Effect::SwitchBack { cell, .. } => {
                    self.facts.cells.get_mut(cell).unwrap().emergency = Emergency::None;
                }
                Effect::AskConsent { .. }
                | Effect::AnnounceReshut { .. }
                | Effect::AskEnd { .. }
                | Effect::Replan { .. } => {}
            }
        }
    }

    pub(crate) fn shut(&mut self, cells: &BTreeSet<CellId>) {
        for cell in cells {
            let facts = self.facts.cells.get_mut(cell).unwrap();
            let position = Position::Held;
            facts.door = Reach::Reached { position };
            if matches!(facts.stage, Stage::Started | Stage::Accepted) {
                facts.stage = Stage::Stopped;
            }
        }
    }

    pub(crate) fn hour(&mut self) {
        self.facts.now = Timestamp(self.facts.now.0 + 3_600);
    }

    /// Runs until nothing is asked for any more, at most so many hours.
    pub(crate) fn run(&mut self, plan: &Plan, mut progress: Progress, most: usize) -> Decision {
        for _ in 0..most {
            let decision = self.decide(plan, progress.clone());
            if decision.effects.is_empty() {
                return decision;
            }
            self.carry_out(&decision.effects);
            // The room dies after every step and reads back what it kept.
            let kept = serde_json::to_string(&decision.progress).unwrap();
            progress = serde_json::from_str(&kept).unwrap();
            self.hour();
        }
        self.decide(plan, progress)
    }

    pub(crate) fn accepted(&self) -> usize {
        let stages = self.facts.cells.values();
        stages.filter(|facts| facts.stage == Stage::Accepted).count()
    }
}

pub(crate) fn openings(effects: &[Effect]) -> BTreeSet<CellId> {
    let mut all = BTreeSet::new();
    for effect in effects {
        if let Effect::ProposeOpening { cells, .. } = effect {
            all.extend(cells.iter().cloned());
        }
    }
    all
}

pub(crate) fn closings(effects: &[Effect]) -> Vec<(BTreeSet<CellId>, ClosingBecause)> {
    let mut all = Vec::new();
    for effect in effects {
        if let Effect::ProposeClosing { cells, because } = effect {
            all.push((cells.clone(), because.clone()));
        }
    }
    all
}

pub(crate) fn consents_asked(effects: &[Effect]) -> BTreeSet<CellId> {
    let mut all = BTreeSet::new();
    for effect in effects {
        if let Effect::AskConsent { cells, .. } = effect {
            all.extend(cells.iter().cloned());
        }
    }
    all
}

pub(crate) fn fell_back(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| {
        matches!(
            effect,
            Effect::Replan {
                because: Because::FellBack { .. }
            }
        )
    })
}
