//! All doors of one process on one ledger. The ledger is the state; the house is its fold, kept in memory.
//!
//! One thread owns a house and calls it with `&mut self`; data planes hold [`Gate`]s. Nothing here waits for anything
//! but the disk.

mod admitting;
mod carrying;
mod closing;
mod opening;
mod ready;
mod refusals;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use clearance::Authority;
use ledger::Ledger;
use record::{Head, LogKey, Note, Origin};
use tokio::sync::watch;
use vocabulary::{DoorId, Millis, Seconds, Timestamp};

pub use admitting::{Effect, Proven};
pub use opening::Outcome;
pub use ready::{Ready, Tried};

use crate::enrolment::Enrolment;
use crate::entry::{Body, GrantsEnded, Started};
use crate::error::{Error, Foreign};
use crate::fold::{Door, Doors};
use crate::gate::Gate;
use crate::report::{Applied, DoorStatus, Moment, Recording, Report, Signal, Status};
use crate::rules::Freshness;
use crate::view::{Drains, View};
use admitting::{Asked, Seen};
use ready::Waiting;
use refusals::Refusals;

/// Most signals kept until somebody takes them; further ones repeat what is known.
const SIGNALS_MAX: usize = 1024;

/// Witnesses' clocks differ by less than this: nobody keeps a window shut for a second's difference.
const WITNESS_SKEW_SECS: i64 = 60;

/// All doors of one process.
pub struct House {
    ledger: Ledger,
    doors: Doors,
    /// One per door, in the same order.
    slots: Vec<Slot>,
    authority: Authority,
    freshness: Freshness,
    /// The nonce this process drew last, until it is answered.
    asked: Option<Asked>,
    /// The answer to it, until it is too old to open anything.
    view: Option<Seen>,
    clock: Option<Clock>,
    /// Closings in force that could not be recorded yet: written before anything else, as soon as there is room.
    owed: Vec<Body>,
    /// More was owed than is kept: the ledger can no longer tell the whole story of this process.
    overrun: bool,
    refusals: Refusals,
    signals: Vec<Signal>,
    /// Openings that may still be tried, and those that were carried out: of this process, and so of its epochs only.
    waiting: Waiting,
}

/// What dies with the process, per door.
struct Slot {
    view: watch::Sender<View>,
    drains: Drains,
    changed: Timestamp,
}

/// Witnessed time, carried on by the monotonic clock.
#[derive(Clone, Copy)]
struct Clock {
    witnessed: Timestamp,
    at: Millis,
}

impl Clock {
    const fn now(self, mono: Millis) -> Timestamp {
        self.witnessed
            .plus(Seconds(mono.0.saturating_sub(self.at.0) / 1000))
    }
}

impl House {
    /// Enrols a new store in an empty directory. Every door of it is new, and so contained.
    ///
    /// # Errors
    /// [`Error::AlreadyEnrolled`] where a store lies already; [`Error::Ledger`].
    pub fn enrol(dir: &Path, enrolment: &Enrolment, now: Moment) -> Result<Self, Error> {
        let mut ledger = Ledger::create(dir, &origin(enrolment)?).map_err(|error| {
            if matches!(error, ledger::Error::Exists(_)) {
                Error::AlreadyEnrolled(dir.to_path_buf())
            } else {
                Error::Ledger(error)
            }
        })?;
        let draft = draft(&Body::Enrolled(enrolment.clone()), 0, now.wall)?;
        ledger.append(&[draft]).map_err(Error::Ledger)?;
        let doors = Doors::enrolled(enrolment.clone());
        Self::started(ledger, doors, authority_of(enrolment)?, now)
    }

    /// Opens an enrolled store. Whatever its ledger says, every door stands contained until a fresh view.
    ///
    /// `enrolment` is what the starter knows of its own, from outside the store: a copied, swapped or foreign store
    /// is refused.
    ///
    /// # Errors
    /// [`Error`] says what is wrong with the store; nothing is opened then.
    pub fn open(dir: &Path, enrolment: &Enrolment, now: Moment) -> Result<Self, Error> {
        let (ledger, torn) = carrying::open_ledger(dir, &origin(enrolment)?)?;
        let (doors, authority) = carrying::replay(&ledger, enrolment)?;
        let mut house = Self::started(ledger, doors, authority, now)?;
        if torn {
            house.raise_signal(Signal::TornTail);
        }
        Ok(house)
    }

    fn started(ledger: Ledger, doors: Doors, authority: Authority, now: Moment) -> Result<Self, Error> {
        let slots = doors
            .all()
            .iter()
            .map(|door| Slot {
                view: watch::Sender::new(view_of(door, Freshness::Stale, &Drains::new(), None)),
                drains: Drains::new(),
                changed: now.wall,
            })
            .collect();
        let mut house = Self {
            ledger,
            doors,
            slots,
            authority,
            freshness: Freshness::Stale,
            asked: None,
            view: None,
            clock: None,
            owed: Vec::new(),
            overrun: false,
            refusals: Refusals::default(),
            signals: Vec::new(),
            waiting: Waiting::default(),
        };
        let started = Body::Started(Started {
            program: env!("CARGO_PKG_VERSION").into(),
        });
        house.carry_out(&[started], carrying::Urgency::Ordinary, now)?;
        Ok(house)
    }

    /// A data plane's handle on a door.
    #[must_use]
    pub fn gate(&self, door: &DoorId) -> Option<Gate> {
        let index = self.doors.find(door)?;
        let id = Arc::clone(&self.doors.all().get(index)?.id);
        Some(Gate::new(id, self.slots.get(index)?.view.subscribe()))
    }

    /// The doors as the ledger tells them.
    #[must_use]
    pub const fn doors(&self) -> &Doors {
        &self.doors
    }

    /// The replica of the authority log: who may what.
    #[must_use]
    pub const fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The ledger's entries from an index on, for whoever keeps the journal. Reading goes on beside the doors: the reader
    /// may be given to another thread.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the index lies behind the end or the file cannot be read.
    pub fn entries(&self, from: u64) -> Result<ledger::Entries, Error> {
        self.ledger.read(from).map_err(Error::Ledger)
    }

    /// Where the doors' ledger stands; others should remember it.
    #[must_use]
    pub fn head(&self) -> Head {
        self.ledger.head()
    }

    /// Whether a fresh view was seen since the start.
    #[must_use]
    pub const fn freshness(&self) -> Freshness {
        self.freshness
    }

    /// Lets time pass: drains and grants end, and what could not be recorded is tried again. To be called at least once a second, and at every
    /// [`View::draining_until`].
    ///
    /// # Errors
    /// [`Error::ClosedUnrecorded`] when grants ended, but the ledger failed.
    pub fn tick(&mut self, now: Moment) -> Result<Vec<Report>, Error> {
        let settled = self.settle(now);
        let mut drained = BTreeSet::new();
        for (index, slot) in self.slots.iter_mut().enumerate() {
            let before = slot.drains.len();
            slot.drains.retain(|_, until| *until > now.mono);
            if slot.drains.len() != before {
                drained.insert(index);
            }
        }
        self.put_in_force(&drained, Vec::new(), now);
        let mut reports: Vec<Report> = drained
            .iter()
            .filter_map(|index| self.report(*index, Applied::Unconcerned))
            .collect();
        if let Some(clock) = self.clock
            && let Some(ended) = self.grants_ended(clock.now(now.mono))
        {
            let done = self.carry_out(&[Body::GrantsEnded(ended)], carrying::Urgency::Closing, now)?;
            reports.extend(self.reports_of(&done, now));
        }
        settled.map(|()| reports)
    }

    /// Which grants have ended at an instant.
    fn grants_ended(&self, at: Timestamp) -> Option<GrantsEnded> {
        let doors: BTreeSet<DoorId> = self
            .doors
            .all()
            .iter()
            .filter(|door| door.state.grants().first_end().is_some_and(|end| end <= at))
            .map(|door| (*door.id).clone())
            .collect();
        (!doors.is_empty()).then_some(GrantsEnded { at, doors })
    }

    /// Signals found since the last call.
    pub fn take_signals(&mut self) -> Vec<Signal> {
        std::mem::take(&mut self.signals)
    }

    fn raise_signal(&mut self, signal: Signal) {
        if self.signals.len() < SIGNALS_MAX && !self.signals.contains(&signal) {
            self.signals.push(signal);
        }
    }

    /// The latest witnessed instant that certainly was before now: where a restriction begins that begins now.
    fn begins(&self, now: Moment) -> Option<Timestamp> {
        self.witnessed(now)
            .map(|witnessed| Timestamp(witnessed.0.saturating_sub(WITNESS_SKEW_SECS)))
    }

    /// Witnessed time now: the last the ledger knows, carried on by the monotonic clock where this process saw it.
    #[must_use]
    pub fn witnessed(&self, now: Moment) -> Option<Timestamp> {
        self.clock
            .map(|clock| clock.now(now.mono))
            .max(self.doors.witnessed())
    }

    /// Whether the ledger tells everything that is in force.
    #[must_use]
    pub const fn recording(&self) -> Recording {
        if self.owed.is_empty() && !self.overrun {
            Recording::Works
        } else {
            Recording::Behind
        }
    }

    /// The doors' ledger, for reading.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Signs where the doors' ledger stands, for the journal and for witnesses. From then on the ledger can never be
    /// opened shorter or other.
    ///
    /// # Errors
    /// [`Error::Ledger`].
    pub fn sign_head(&mut self, key: &LogKey) -> Result<Note, Error> {
        self.ledger.checkpoint(key).map_err(Error::Ledger)
    }

    /// Everything the owner may show.
    #[must_use]
    pub fn status(&self, now: Moment) -> Status {
        let lines = self.doors.all().iter().zip(&self.slots);
        Status {
            store: self.doors.enrolment().store(),
            estate: self.doors.enrolment().estate().clone(),
            head: self.head(),
            authority: {
                let head = self.authority.head();
                crate::report::Authority {
                    size: head.len,
                    root: head.root,
                }
            },
            freshness: self.freshness,
            witnessed: self.witnessed(now),
            recording: self.recording(),
            refusals_unlisted: self.refusals.unlisted(),
            doors: lines.map(|(door, slot)| status_of(door, slot)).collect(),
        }
    }
}

impl Drop for House {
    /// Without an owner nobody ends drains and grants: every door is left contained.
    fn drop(&mut self) {
        for (door, slot) in self.doors.all().iter().zip(&self.slots) {
            slot.view.send_modify(|view| *view = view.orphaned(door.holdable));
        }
    }
}

fn status_of(door: &Door, slot: &Slot) -> DoorStatus {
    let view = slot.view.borrow();
    let restrictions = door.state.active().into_iter().flatten();
    DoorStatus {
        door: (*door.id).clone(),
        epoch: view.epoch,
        position: view.position,
        rules: view.rules,
        class: door.state.class(),
        since: slot.changed,
        restrictions: restrictions
            .map(|(id, restriction)| (*id, restriction.clone()))
            .collect(),
        grants: door.state.grants().clone(),
        stands_on: door.state.stands_on().clone(),
    }
}

fn view_of(door: &Door, freshness: Freshness, drains: &Drains, before: Option<&View>) -> View {
    View::of(&door.state, door.holdable, freshness, drains, before)
}

/// The name of a store's ledger: the store is part of it, so that no other store's entries chain to it.
fn origin(enrolment: &Enrolment) -> Result<Origin, Error> {
    let name = format!("{}/doors/{}", enrolment.estate(), enrolment.store().0);
    Origin::new(&name).map_err(|_| Error::Foreign(Foreign::Doors))
}

fn authority_of(enrolment: &Enrolment) -> Result<Authority, Error> {
    Authority::install(enrolment.estate().clone(), enrolment.charter())
        .map_err(|_| Error::Foreign(Foreign::Doors))
}

fn draft(body: &Body, index: u64, wall: Timestamp) -> Result<record::Draft, Error> {
    body.draft(wall)
        .map_err(|source| Error::Unreadable { index, source })
}
