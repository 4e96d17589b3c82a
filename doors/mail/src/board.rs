//! The positions of all cells of this machine's fronts, and one bell that rings at every change of any of them.

use std::{collections::BTreeMap, sync::Arc};

use door::{Gate, Intake, PassPermit, Refusal, StorePermit};
use tokio::{sync::watch, task::JoinSet};
use vocabulary::{CellId, Flow, Position, SessionRule};

/// The doors, by cell.
#[derive(Debug, Clone)]
pub(crate) struct Board {
    gates: Arc<BTreeMap<CellId, Gate>>,
    bell: watch::Sender<u64>,
}

impl Board {
    pub(crate) fn new(gates: BTreeMap<CellId, Gate>) -> Self {
        Self {
            gates: Arc::new(gates),
            bell: watch::Sender::new(0),
        }
    }

    /// Rings the bell at every change of a door. One small task per door; they end with the door's owner (whose last
    /// view is a contained one) or with the fronts.
    pub(crate) fn ring(&self, tasks: &mut JoinSet<()>) {
        for gate in self.gates.values() {
            let (mut view, bell) = (gate.watch(), self.bell.clone());
            tasks.spawn(async move {
                while view.changed().await.is_ok() {
                    bell.send_modify(|count| *count = count.wrapping_add(1));
                }
                bell.send_modify(|count| *count = count.wrapping_add(1));
            });
        }
    }

    /// Rings once, although nothing changed: whoever waits looks at its doors again.
    pub(crate) fn ring_once(&self) {
        self.bell.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// A bell to wait for. Changes after this call are heard.
    pub(crate) fn bell(&self) -> watch::Receiver<u64> {
        self.bell.subscribe()
    }

    pub(crate) fn gate(&self, cell: &CellId) -> Option<&Gate> {
        self.gates.get(cell)
    }

    /// Whether the cell stores now.
    pub(crate) fn stores(&self, cell: &CellId) -> Option<StorePermit> {
        match self.gates.get(cell)?.intake() {
            Intake::Store(permit) => Some(permit),
            Intake::Refuse(_) => None,
        }
    }

    /// Whether every one of these cells is Open.
    pub(crate) fn all_open<'a>(&self, mut cells: impl Iterator<Item = &'a CellId>) -> bool {
        cells.all(|cell| {
            self.gates
                .get(cell)
                .is_some_and(|gate| gate.view().position == Position::Open)
        })
    }

    /// The tightest position of any door here, in the order Open, Draining, Held, Shut. What is not decided by one
    /// cell alone is judged by this one.
    pub(crate) fn tightest(&self) -> Position {
        let rank = |position: Position| match position {
            Position::Open => 0,
            Position::Draining => 1,
            Position::Held => 2,
            Position::Shut => 3,
            Position::Islanded => 4,
        };
        self.gates
            .values()
            .map(|gate| gate.view().position)
            .max_by_key(|position| rank(*position))
            .unwrap_or(Position::Shut)
    }

    /// Whether every door here cuts sessions: then a session that belongs to none of them has nothing to wait for.
    pub(crate) fn cuts_everyone(&self) -> bool {
        !self.gates.is_empty()
            && self
                .gates
                .values()
                .all(|gate| gate.view().rules.sessions == SessionRule::Cut)
    }

    /// Whether no door here passes a flow to anyone.
    pub(crate) fn stops_everyone(&self, flow: Flow) -> bool {
        !self.gates.values().any(|gate| {
            let view = gate.view();
            match flow {
                Flow::Fetch => view.rules.fetch == vocabulary::TransitRule::Pass,
                Flow::Send => view.rules.send == vocabulary::TransitRule::Pass,
                Flow::Forward => view.rules.forward == vocabulary::TransitRule::Pass,
                Flow::Intake => view.stores(),
                Flow::Sessions => view.rules.sessions == SessionRule::Run,
            }
        })
    }

    /// The right to a flow at every one of these cells, or the first refusal. No cells, no right.
    pub(crate) fn pass_all(
        &self,
        cells: &[CellId],
        flow: Flow,
        peer: &str,
    ) -> Result<Passage, Option<Refusal>> {
        let mut permits = Vec::with_capacity(cells.len());
        for cell in cells {
            let gate = self.gates.get(cell).ok_or(None)?;
            permits.push(gate.pass_for(flow, peer).map_err(Some)?);
        }
        if permits.is_empty() {
            Err(None)
        } else {
            Ok(Passage(permits))
        }
    }
}

/// Permits of all cells a session touches.
#[derive(Debug)]
pub(crate) struct Passage(Vec<PassPermit>);

impl Passage {
    pub(crate) fn still_valid(&self) -> bool {
        self.0.iter().all(PassPermit::still_valid)
    }
}
