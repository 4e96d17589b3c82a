//! The one owner of what warning knows: inputs come in, the warning room decides, what follows is kept on disk and then
//! told or asked for. It holds no key; what closes a door is an order a commander signed, and the door that verifies it.

mod using;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use mail::minutes::Seen;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot, watch};
use vocabulary::{CellId, Digest, IncidentId, Position as DoorPosition, StatementId, Timestamp, service};
use warning::{
    Canary, Effect, Event, Finding, IncidentState, Meaning, Measure, Roll, Signal, SourceName, Touched,
    Watch, decide,
    sensor::{Minute, Seen as Counted, Senders},
};

use self::using::Using;
use super::{
    houses::{Facts, Guarded, House},
    keep::{Heard, Kept, Position, QUEUE_MAX, Store},
    probers::LEAKING_MIN,
    room::Front,
    say,
    wire::{ClosedBy, InForce, SAYINGS_MAX, Saying},
};
use crate::{clock, door_wire::Outcome, http::Endpoint, probe::Proofs};

/// Inputs taken together before what follows is kept with one sync.
const TOGETHER_MAX: usize = 64;
/// How often time passes.
const TICK: Duration = Duration::from_secs(1);
/// How often what was learned is kept.
const LEARNED_EVERY: Duration = Duration::from_secs(600);

/// What a door process said to a use.
#[derive(Debug)]
pub(super) enum Answer {
    /// Carried out, or known already.
    Done(Outcome),
    /// Refused, with its sentence.
    Refused(String),
}

/// What happened.
pub(super) enum Input {
    /// Lines of a sensor, and for a file how far it was read.
    Lines {
        source: String,
        findings: Vec<Finding>,
        lines: u64,
        position: Option<Position>,
    },
    /// A door process was heard.
    House {
        name: String,
        doors: Guarded,
        seen: Box<Seen>,
        heard: Option<Heard>,
    },
    /// What a prober found where.
    Proofs { name: String, proofs: Proofs },
    /// What the control room knows.
    InForce(Box<InForce>),
    /// The control room has taken the first sayings of an offer.
    Told { offer: u64, count: usize },
    /// What must be known before an order is used for an incident.
    Facts { incident: IncidentId, facts: Box<Facts> },
    /// Door processes answered to a use.
    Used {
        order: StatementId,
        number: order::UseNumber,
        answers: Vec<(String, Answer)>,
    },
    /// Somebody asks how it stands.
    Ask(oneshot::Sender<Status>),
}

/// How it stands, for people and scripts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Status {
    /// Open incidents.
    pub incidents: BTreeSet<IncidentId>,
    /// Sayings that wait for the control room.
    pub waiting: usize,
    /// Sayings that were refused because too many wait.
    pub refused: u64,
    /// Lines read since the process began, by source.
    pub lines: BTreeMap<String, u64>,
    /// The last whole minute heard, by door process.
    pub minutes: BTreeMap<String, Timestamp>,
    /// Measures with a history, by insurer: what a count can be compared with.
    pub learned: usize,
    /// Standing orders known to be in force.
    pub orders: BTreeSet<StatementId>,
    /// Uses not every door process has answered.
    pub uses: usize,
}

/// Everybody it talks to.
pub(super) struct Around {
    pub(super) roll: Arc<Roll>,
    pub(super) houses: Vec<House>,
    pub(super) control: Endpoint,
    pub(super) store: Store,
    pub(super) inputs: mpsc::Sender<Input>,
    pub(super) front: watch::Sender<Front>,
}

/// The owner.
pub(super) struct Brain {
    around: Around,
    /// Taken out only while it decides.
    watch: Option<Watch>,
    kept: Kept,
    is_dirty: bool,
    /// Sayings the control room has taken since we began.
    told: u64,
    lines: BTreeMap<String, u64>,
    using: Using,
    learned_at: Instant,
}

impl Brain {
    pub(super) fn new(around: Around, watch: Watch, kept: Kept) -> Self {
        Self {
            around,
            watch: Some(watch),
            kept,
            is_dirty: false,
            told: 0,
            lines: BTreeMap::new(),
            using: Using::default(),
            learned_at: Instant::now(),
        }
    }

    /// Lives until told to stop; then everything is kept.
    pub(super) async fn live(mut self, mut inputs: mpsc::Receiver<Input>, mut stop: watch::Receiver<bool>) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        self.offer();
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                input = inputs.recv() => match input {
                    Some(input) => self.take(input),
                    None => break,
                },
                _ = ticks.tick() => self.tick(),
            }
            for _ in 0..TOGETHER_MAX {
                match inputs.try_recv() {
                    Ok(input) => self.take(input),
                    Err(_) => break,
                }
            }
            self.keep();
        }
        self.is_dirty = true;
        self.keep();
        self.keep_learned();
    }

    fn take(&mut self, input: Input) {
        let now = clock::now();
        match input {
            Input::Lines {
                source,
                findings,
                lines,
                position,
            } => {
                self.heard(&source, now);
                for finding in findings {
                    self.decide(Event::Finding(Box::new(finding)), now);
                }
                let count = self.lines.entry(source.clone()).or_default();
                *count = count.saturating_add(lines);
                if let Some(position) = position {
                    self.kept.files.insert(source, position);
                    self.is_dirty = true;
                }
            }
            Input::House {
                name,
                doors,
                seen,
                heard,
            } => {
                self.heard(&name, now);
                self.counted(&name, &doors, &seen, now);
                if let Some(heard) = heard
                    && self.kept.houses.insert(name, heard) != Some(heard)
                {
                    self.is_dirty = true;
                }
            }
            Input::Proofs { name, proofs } => {
                self.heard(&name, now);
                self.proven(proofs, now);
            }
            Input::InForce(in_force) => {
                if self.kept.orders != in_force.orders {
                    self.kept.orders = in_force.orders;
                    self.is_dirty = true;
                }
                for closed in in_force.closed {
                    self.explained(&closed, now);
                }
            }
            Input::Told { offer, count } => {
                // An offer that was taken twice is one: the room knows what it has.
                if offer == self.told {
                    self.kept.queue.drain(..count.min(self.kept.queue.len()));
                    self.told = self.told.saturating_add(count as u64);
                    self.is_dirty = true;
                }
            }
            Input::Facts { incident, facts } => self.facts(&incident, &facts, now),
            Input::Used {
                order,
                number,
                answers,
            } => self.used(order, number, answers),
            Input::Ask(reply) => drop(reply.send(self.status())),
        }
    }

    fn tick(&mut self) {
        let now = clock::now();
        self.decide(Event::Tick, now);
        self.try_uses(now);
        if self.learned_at.elapsed() >= LEARNED_EVERY {
            self.keep_learned();
        }
    }

    fn watch(&self) -> Option<&Watch> {
        self.watch.as_ref()
    }

    /// Lets the room decide; gives what follows.
    fn effects(&mut self, event: Event, now: Timestamp) -> Vec<Effect> {
        let Some(watch) = self.watch.take() else {
            return Vec::new();
        };
        let (watch, effects) = decide(watch, event, now);
        self.watch = Some(watch);
        effects
    }

    fn decide(&mut self, event: Event, now: Timestamp) {
        let grown = self.follow(event, now);
        for incident in grown {
            self.ask_for_facts(incident);
        }
    }

    /// Tells what follows from an event; gives the incidents that changed.
    fn follow(&mut self, event: Event, now: Timestamp) -> BTreeSet<IncidentId> {
        let effects = self.effects(event, now);
        if effects.is_empty() {
            return BTreeSet::new();
        }
        let Some(watch) = self.watch() else {
            return BTreeSet::new();
        };
        let (said, grown) = say::sayings(watch, &self.around.roll, effects);
        self.is_dirty = true;
        for saying in said {
            self.say(saying);
        }
        grown
    }

    /// Puts a saying behind the others. What was said first is what explains the rest: a full queue refuses the new.
    fn say(&mut self, saying: Saying) {
        self.is_dirty = true;
        if self.kept.queue.len() < QUEUE_MAX {
            self.kept.queue.push_back(saying);
            return;
        }
        self.kept.refused = self.kept.refused.saturating_add(1);
        if self.kept.refused.is_power_of_two() {
            tracing::error!(
                refused = self.kept.refused,
                "{QUEUE_MAX} Meldungen warten auf den Leitstand; weitere werden nicht aufgehoben. / {QUEUE_MAX} sayings wait for the control room; further ones are not kept."
            );
        }
    }

    fn heard(&mut self, source: &str, now: Timestamp) {
        let source = SourceName::new(source);
        let _known_or_not = self.effects(Event::Heard { source }, now);
    }

    /// Minutes and touches of a door process.
    fn counted(&mut self, house: &str, doors: &Guarded, seen: &Seen, now: Timestamp) {
        for minute in &seen.minutes {
            for (cell, position) in doors {
                if cell.service.as_str() != service::EAU {
                    continue;
                }
                let counts = minute.cells.get(cell).copied().unwrap_or_default();
                let at = minute.at;
                // What a door of ours refuses is no silence of the practices.
                if stores(*position) {
                    let seen = Counted::Count(counts.accepted);
                    self.minute(cell, Measure::EauRate, Minute { at, seen }, now);
                }
                // Behind a door that is not open the insurer answers nobody.
                if *position == DoorPosition::Open {
                    let failed = senders(counts.answered.places());
                    let all = senders(counts.senders.places());
                    let seen = Counted::Share { failed, all };
                    self.minute(cell, Measure::ErrorShare, Minute { at, seen }, now);
                }
            }
        }
        for touch in &seen.touches {
            let told = format!("{house} {} {} {}", seen.since.0, touch.number, touch.name);
            let event = Event::CanaryTouched {
                canary: Canary::Mailbox,
                name: touch.name.clone(),
                touched: BTreeSet::from([Touched::Cell(touch.cell.clone())]),
                at: touch.at,
                evidence: Digest::of(told.as_bytes()),
            };
            self.decide(event, now);
        }
    }

    /// What passes doors that are closed for it, as long as it does.
    fn proven(&mut self, proofs: Proofs, now: Timestamp) {
        let drifting: BTreeSet<CellId> = self
            .watch()
            .into_iter()
            .flat_map(Watch::drifting)
            .cloned()
            .collect();
        for (door, proof) in proofs {
            let cell = door.cell().clone();
            if proof.leaking >= LEAKING_MIN {
                let event = Event::Drift {
                    cell,
                    epoch: proof.epoch,
                    what: proof.leaks,
                    at: proof.at,
                };
                self.decide(event, now);
            } else if proof.leaks.is_empty() && drifting.contains(&cell) {
                self.decide(Event::DriftOver { cell }, now);
            }
        }
    }

    fn minute(&mut self, cell: &CellId, measure: Measure, minute: Minute, now: Timestamp) {
        let event = Event::Minute {
            insurer: cell.insurer.clone(),
            measure,
            minute,
        };
        self.decide(event, now);
    }

    /// A person closed an incident in the journal: that explains every signal of it. What came after the decision was not
    /// seen by that person; the incident cannot be closed twice, so it is told anew, by itself.
    fn explained(&mut self, closed: &ClosedBy, now: Timestamp) {
        let open = self
            .watch()
            .and_then(|watch| watch.incident(&closed.incident))
            .filter(|incident| incident.state() == IncidentState::Open);
        let Some(incident) = open else { return };
        let signals: Vec<Signal> = incident.unexplained().cloned().collect();
        for signal in signals {
            let mut because = closed.why.as_str().to_owned();
            if signal.seen > closed.at {
                say::anew(&signal, &closed.incident)
                    .into_iter()
                    .for_each(|saying| self.say(saying));
                because = format!("Nach dem Abschluss gekommen und neu gemeldet. {because}");
            }
            let event = Event::Explained {
                signal: signal.id,
                by: closed.by.clone(),
                meaning: Meaning::FalseAlarm,
                because,
            };
            // It only shrinks: nothing is closed for what was just explained.
            let _shrunk = self.follow(event, now);
        }
    }

    fn keep(&mut self) {
        if !std::mem::take(&mut self.is_dirty) {
            return;
        }
        if self.kept.queue.is_empty() && self.kept.refused > 0 {
            tracing::warn!(
                refused = self.kept.refused,
                "the control room hears again; so many sayings were not kept"
            );
            self.kept.refused = 0;
        }
        if let Some(watch) = &self.watch {
            self.kept.incidents = watch.incidents().cloned().collect();
            self.kept.windows = watch.progress().collect();
        }
        let (store, kept) = (&self.around.store, &self.kept);
        if let Err(error) = tokio::task::block_in_place(|| store.keep(kept)) {
            // Everything goes on from memory; the next change tries again.
            self.is_dirty = true;
            tracing::error!(%error, "Vorfälle sind nicht gesichert. / Incidents are not kept.");
        }
        self.offer();
    }

    fn keep_learned(&mut self) {
        self.learned_at = Instant::now();
        let learned: Vec<_> = self.watch().into_iter().flat_map(Watch::learned).collect();
        let store = &self.around.store;
        if let Err(error) = tokio::task::block_in_place(|| store.keep_learned(&learned)) {
            tracing::error!(%error, "Gelerntes ist nicht gesichert. / What was learned is not kept.");
        }
    }

    /// Shows the teller what waits first.
    fn offer(&self) {
        let first = self.kept.queue.iter().take(SAYINGS_MAX).cloned().collect();
        self.around.front.send_replace((self.told, Arc::new(first)));
    }

    fn status(&self) -> Status {
        let open = |incident: &&warning::Incident| incident.state() == IncidentState::Open;
        let incidents = self.watch().into_iter().flat_map(Watch::incidents);
        Status {
            incidents: incidents.filter(open).map(|one| one.id().clone()).collect(),
            waiting: self.kept.queue.len(),
            refused: self.kept.refused,
            lines: self.lines.clone(),
            minutes: self
                .kept
                .houses
                .iter()
                .map(|(name, heard)| (name.clone(), heard.minute))
                .collect(),
            learned: self.watch().map_or(0, |watch| watch.learned().count()),
            orders: self.kept.orders.iter().map(|order| order.id).collect(),
            uses: self.kept.uses.len(),
        }
    }
}

/// Whether intake at this position takes mail.
const fn stores(position: DoorPosition) -> bool {
    match position {
        DoorPosition::Open | DoorPosition::Held | DoorPosition::Draining => true,
        DoorPosition::Shut | DoorPosition::Islanded => false,
    }
}

/// The doors tell marks; a mark is the first byte of a sender's salted digest.
fn senders(places: impl Iterator<Item = u8>) -> Senders {
    let mut senders = Senders::none();
    for place in places {
        senders.add(&Digest::from_bytes([place; 32]));
    }
    senders
}

#[cfg(test)]
mod tests;
