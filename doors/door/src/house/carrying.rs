//! Recording first, then putting in force, then telling.

use std::collections::BTreeSet;
use std::path::Path;

use clearance::Authority;
use ledger::Ledger;
use record::{Draft, Origin};
use vocabulary::{Class, FlowRules, Millis};

use super::admitting::Replay;
use super::{House, authority_of, draft, view_of};
use crate::enrolment::{Enrolment, named};
use crate::entry::{Body, Effect, Tightened};
use crate::error::{Error, Foreign};
use crate::fold::{Change, Doors};
use crate::promises::{self, Broken, Step};
use crate::report::{Applied, Moment, Report, Signal};
use crate::restriction::Origin as From;
use crate::state::Event;
use crate::view::View;

/// What to do when the ledger takes nothing any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Urgency {
    /// Take effect all the same: a full disk must not keep a door open.
    Closing,
    /// Do nothing.
    Ordinary,
}

/// Most bodies kept that could not be recorded: more closings than people give in one night.
const OWED_MAX: usize = 1024;

/// What was carried out.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// Index of the first entry.
    pub(super) entry: u64,
    /// Doors that changed.
    pub(super) changed: BTreeSet<usize>,
}

impl House {
    /// Records bodies with one sync, applies them, checks the promises, publishes the new views. In this order.
    pub(super) fn carry_out(
        &mut self,
        bodies: &[Body],
        urgency: Urgency,
        now: Moment,
    ) -> Result<Done, Error> {
        let recorded = self.record(bodies, now);
        let (entry, unrecorded) = match (recorded, urgency) {
            (Ok(entry), Urgency::Closing | Urgency::Ordinary) => (entry, None),
            (Err(Error::Ledger(error)), Urgency::Closing) => {
                self.owe(bodies);
                (self.ledger.head().len, Some(error))
            }
            (Err(Error::TooMuchOwed), Urgency::Closing) => {
                self.owe(bodies);
                (
                    self.ledger.head().len,
                    Some(ledger::Error::Poisoned {
                        dir: self.ledger.dir().to_path_buf(),
                        doing: "append",
                    }),
                )
            }
            (Err(error), Urgency::Closing | Urgency::Ordinary) => return Err(error),
        };
        let mut done = Done {
            entry,
            changed: BTreeSet::new(),
        };
        let mut broken = Vec::new();
        for (index, body) in (entry..).zip(bodies) {
            let changes = self
                .doors
                .apply(index, body)
                .map_err(|source| Error::Misfit { index, source })?;
            for change in changes {
                self.drain(&change, body, now);
                broken.extend(self.check_step(&change).err());
                done.changed.insert(change.index);
            }
        }
        self.put_in_force(&done.changed, broken, now);
        match unrecorded {
            None => Ok(done),
            Some(error) => Err(Error::ClosedUnrecorded(error)),
        }
    }

    /// Writes bodies to the ledger with one sync, after everything still owed. When this returns they are durable.
    fn record(&mut self, bodies: &[Body], now: Moment) -> Result<u64, Error> {
        if self.overrun {
            return Err(Error::TooMuchOwed);
        }
        let first = self.ledger.head().len;
        // Checked before anything is written: what does not fit is never recorded.
        for (index, body) in (first..).zip(bodies) {
            self.doors
                .check(body)
                .map_err(|source| Error::Misfit { index, source })?;
        }
        while let Some(owed) = self.owed.first() {
            let draft = draft(owed, self.ledger.head().len, now.wall)?;
            self.append(&[draft])?;
            self.owed.remove(0);
        }
        let first = self.ledger.head().len;
        let drafts = (first..)
            .zip(bodies)
            .map(|(index, body)| draft(body, index, now.wall))
            .collect::<Result<Vec<_>, _>>()?;
        self.append(&drafts)
    }

    fn append(&mut self, drafts: &[Draft]) -> Result<u64, Error> {
        match self.ledger.append(drafts) {
            Ok(range) => Ok(range.start),
            Err(error) => {
                self.raise_signal(Signal::LedgerFailed);
                Err(Error::Ledger(error))
            }
        }
    }

    /// Remembers what is in force without an entry. Beyond the bound only the process's end is left, which contains
    /// every door anyway.
    fn owe(&mut self, bodies: &[Body]) {
        if self.owed.len().saturating_add(bodies.len()) > OWED_MAX {
            self.overrun = true;
        } else {
            self.owed.extend_from_slice(bodies);
        }
    }

    /// Tries to record what is owed.
    pub(super) fn settle(&mut self, now: Moment) -> Result<(), Error> {
        if self.owed.is_empty() {
            return Ok(());
        }
        self.record(&[], now).map(|_| ()).map_err(|error| {
            if let Error::Ledger(error) = error {
                Error::ClosedUnrecorded(error)
            } else {
                error
            }
        })
    }

    /// Publishes what follows for these doors. A door at which a promise does not hold is shut before anyone sees it.
    pub(super) fn put_in_force(&mut self, changed: &BTreeSet<usize>, mut broken: Vec<Broken>, now: Moment) {
        let mut views = Vec::with_capacity(changed.len());
        for index in changed {
            let Some(view) = self.next_view(*index) else {
                continue;
            };
            broken.extend(self.check_in_force(*index, &view).err());
            views.push((*index, view));
        }
        if !broken.is_empty() {
            self.shut(&broken, now);
            views = changed
                .iter()
                .filter_map(|index| Some((*index, self.next_view(*index)?)))
                .collect();
        }
        for (index, view) in views {
            self.publish(index, view, now);
        }
    }

    /// What a door's data planes are to see, as the ledger, freshness and drains have it.
    fn next_view(&self, index: usize) -> Option<View> {
        let (door, slot) = (self.doors.all().get(index)?, self.slots.get(index)?);
        Some(view_of(
            door,
            self.freshness,
            &slot.drains,
            Some(&slot.view.borrow()),
        ))
    }

    fn publish(&mut self, index: usize, view: View, now: Moment) {
        if let Some(slot) = self.slots.get_mut(index) {
            let changed = slot.view.send_if_modified(|known| {
                let changed = *known != view;
                *known = view;
                changed
            });
            if changed {
                slot.changed = now.wall;
            }
        }
    }

    pub(super) fn publish_all(&mut self, now: Moment) {
        let all = (0..self.slots.len()).collect();
        self.put_in_force(&all, Vec::new(), now);
    }

    /// A drain begins when its restriction does, not when it is repeated.
    fn drain(&mut self, change: &Change, body: &Body, now: Moment) {
        if let (
            Event::Tightened { id, .. },
            Body::Tightened(Tightened {
                drain: Some(span), ..
            }),
        ) = (&change.event, body)
            && let Some(slot) = self.slots.get_mut(change.index)
        {
            let until = Millis(now.mono.0.saturating_add(span.0.saturating_mul(1000)));
            slot.drains.insert(*id, until);
        }
    }

    fn check_step(&self, change: &Change) -> Result<(), Broken> {
        let Some(door) = self.doors.all().get(change.index) else {
            return Ok(());
        };
        let step = Step {
            door: &door.id,
            before: &change.before,
            event: &change.event,
            after: &door.state,
            withdrawn: self.doors.withdrawn(),
        };
        promises::door_1(&step)?;
        promises::door_2(&step)
    }

    fn check_in_force(&self, index: usize, view: &View) -> Result<(), Broken> {
        let (Some(door), Some(slot)) = (self.doors.all().get(index), self.slots.get(index)) else {
            return Ok(());
        };
        let draining = slot.drains.keys().copied().collect();
        promises::door_1_in_force(&door.id, &door.state, &draining, view)?;
        promises::door_3(&door.id, door.holdable, self.freshness, view)
    }

    /// Shuts doors at which a promise did not hold. Recorded if possible, in force in any case.
    fn shut(&mut self, broken: &[Broken], now: Moment) {
        let head = self.ledger.head();
        let body = Body::Tightened(Tightened {
            restriction: named(b"broken promise", &[head.chain]),
            origin: From::BrokenPromise,
            class: Class::Containment,
            signal: None,
            since: self.begins(now),
            drain: None,
            used: None,
            reason: broken.first().map(ToString::to_string).unwrap_or_default(),
            on: vec![Effect {
                rules: FlowRules::SHUT,
                doors: broken.iter().map(|one| one.door.clone()).collect(),
            }],
        });
        for one in broken {
            self.raise_signal(Signal::BrokenPromise {
                promise: one.promise.to_string(),
                door: one.door.clone(),
            });
        }
        let recorded = self.record(std::slice::from_ref(&body), now);
        if recorded.is_err() {
            self.owe(std::slice::from_ref(&body));
        }
        let entry = recorded.unwrap_or(head.len);
        // A door unknown here cannot have broken a promise; there is nothing else that could be refused.
        let _ = self.doors.apply(entry, &body);
    }

    pub(super) fn report(&self, index: usize, applied: Applied) -> Option<Report> {
        let door = self.doors.all().get(index)?;
        let view = self.slots.get(index)?.view.borrow();
        Some(Report {
            door: (*door.id).clone(),
            epoch: view.epoch,
            position: view.position,
            applied,
        })
    }

    /// Every door, after something that concerned all.
    pub(super) fn reports_of_all(&self, done: &Done, now: Moment) -> Vec<Report> {
        let applied = Applied::Now {
            entry: done.entry,
            at: now.wall,
        };
        (0..self.slots.len())
            .filter_map(|index| self.report(index, applied.clone()))
            .collect()
    }

    pub(super) fn reports_of(&self, done: &Done, now: Moment) -> Vec<Report> {
        let applied = Applied::Now {
            entry: done.entry,
            at: now.wall,
        };
        done.changed
            .iter()
            .filter_map(|index| self.report(*index, applied.clone()))
            .collect()
    }
}

/// Opens the ledger of a store; tells whether a torn end was cut off.
pub(super) fn open_ledger(dir: &Path, origin: &Origin) -> Result<(Ledger, bool), Error> {
    let (ledger, recovered) = Ledger::open(dir, origin).map_err(|error| {
        if matches!(error, ledger::Error::NotALedger(_)) {
            Error::NotEnrolled(dir.to_path_buf())
        } else {
            Error::Ledger(error)
        }
    })?;
    Ok((ledger, recovered.cut_bytes > 0))
}

/// Folds a ledger into doors and authority.
pub(super) fn replay(ledger: &Ledger, enrolment: &Enrolment) -> Result<(Doors, Authority), Error> {
    let mut replica = Replay::new(authority_of(enrolment)?);
    let mut doors: Option<Doors> = None;
    for entry in ledger.read(0).map_err(Error::Ledger)? {
        let entry = entry.map_err(Error::Ledger)?;
        let index = entry.index;
        let body = Body::read(entry.kind.as_str(), &entry.body)
            .map_err(|source| Error::Unreadable { index, source })?;
        match (&mut doors, body) {
            (None, Body::Enrolled(found)) => {
                compare(enrolment, &found)?;
                doors = Some(Doors::enrolled(found));
            }
            (None, _) => return Err(Error::Foreign(Foreign::Doors)),
            (Some(doors), body) => {
                replica.replay(index, &body)?;
                doors
                    .apply(index, &body)
                    .map_err(|source| Error::Misfit { index, source })?;
            }
        }
    }
    let doors = doors.ok_or(Error::Foreign(Foreign::Doors))?;
    Ok((doors, replica.authority))
}

fn compare(expected: &Enrolment, found: &Enrolment) -> Result<(), Error> {
    let foreign = if expected.store() != found.store() {
        Foreign::Store {
            expected: expected.store().0,
            found: found.store().0,
        }
    } else if expected.estate() != found.estate() {
        Foreign::Estate {
            expected: expected.estate().clone(),
            found: found.estate().clone(),
        }
    } else if expected.charter() != found.charter() {
        Foreign::Charter {
            expected: expected.charter(),
            found: found.charter(),
        }
    } else if expected.doors() != found.doors() {
        Foreign::Doors
    } else {
        return Ok(());
    };
    Err(Error::Foreign(foreign))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enrolment::{DoorPlace, StoreId};
    use crate::promises::Promise;
    use vocabulary::{Digest, Holdable, Place, Position, Timestamp};

    #[test]
    fn a_broken_promise_shuts_the_door_and_stays_on_record() {
        let dir = tempfile::tempdir().unwrap();
        let door = DoorPlace {
            door: "kasse-001/kim".parse().unwrap(),
            place: Place {
                site: "essen".parse().unwrap(),
                insurer: "kasse-001".parse().unwrap(),
                service: "kim".parse().unwrap(),
            },
            holdable: Holdable::Yes,
        };
        let estate = "probe".parse().unwrap();
        let enrolment = Enrolment::new(
            StoreId(Digest::of(b"s")),
            estate,
            Digest::of(b"c"),
            vec![door.clone()],
        )
        .unwrap();
        let now = Moment {
            wall: Timestamp(0),
            mono: Millis(0),
        };
        let mut house = House::enrol(dir.path(), &enrolment, now).unwrap();
        assert_eq!(house.gate(&door.door).unwrap().view().position, Position::Held);
        let broken = Broken {
            promise: Promise::Door1,
            door: door.door.clone(),
            seen: "a test",
        };
        house.put_in_force(&BTreeSet::from([0]), vec![broken], now);
        assert_eq!(house.gate(&door.door).unwrap().view().position, Position::Shut);
        let signals = house.take_signals();
        assert!(matches!(signals.as_slice(), [Signal::BrokenPromise { promise, .. }] if promise == "DOOR-1"));
        drop(house);
        let house = House::open(dir.path(), &enrolment, now).unwrap();
        assert_eq!(house.gate(&door.door).unwrap().view().position, Position::Shut);
    }
}
