//! Towards more shut: needs no fresh view, no witness, no network, and takes effect even where the disk is full.

use std::collections::{BTreeMap, BTreeSet};

use clearance::Withdrawn as WithdrawnProof;
use order::{Raising, Tightening};
use record::Head;
use vocabulary::{Class, DoorId, FlowRules, Holdable, RestrictionId, Timestamp};

use super::House;
use super::carrying::Urgency;
use super::opening::in_parts;
use crate::enrolment::named;
use crate::entry::{Body, Effect, Raised, Tightened, Used, Withdrawn};
use crate::error::Error;
use crate::fold::{Door, Doors};
use crate::report::{Applied, Moment, Report};
use crate::restriction::{Origin, StandsOn};
use crate::rules::contained;

impl House {
    /// Carries out a closing at every door it means: one entry, one sync, then in force, then reported.
    ///
    /// Delivered again it changes nothing: an order is one decision.
    ///
    /// # Errors
    /// [`Error::ClosedUnrecorded`]: the doors are closed, but the ledger failed.
    pub fn tighten(&mut self, order: &Tightening, now: Moment) -> Result<Vec<Report>, Error> {
        match self.tightened_here(order, now) {
            None => {
                // Nobody is told that it is in force on record while it is not.
                self.settle(now)?;
                Ok(self.repeated(order))
            }
            Some(body) => {
                let done = self.carry_out(&[body], Urgency::Closing, now)?;
                Ok(self.reports_of(&done, now))
            }
        }
    }

    /// Raises the class of restrictions. Never lowers one.
    ///
    /// # Errors
    /// [`Error::ClosedUnrecorded`]: the classes are raised, but the ledger failed.
    pub fn raise(&mut self, order: &Raising, now: Moment) -> Result<Vec<Report>, Error> {
        let bodies = raised(&self.doors, order);
        if bodies.is_empty() {
            return Ok(Vec::new());
        }
        let done = self.carry_out(&bodies, Urgency::Closing, now)?;
        Ok(self.reports_of(&done, now))
    }

    /// Lets a withdrawal reach the doors: each that stands on what was withdrawn is contained.
    ///
    /// # Errors
    /// [`Error::ClosedUnrecorded`]: the doors are closed, but the ledger failed.
    pub fn withdrawn(&mut self, proof: &WithdrawnProof, now: Moment) -> Result<Vec<Report>, Error> {
        match withdrawal(&self.doors, proof, self.begins(now)) {
            None => Ok(Vec::new()),
            Some(body) => {
                let done = self.carry_out(&[body], Urgency::Closing, now)?;
                Ok(self.reports_of(&done, now))
            }
        }
    }

    fn tightened_here(&self, order: &Tightening, now: Moment) -> Option<Body> {
        tightened(&self.doors, order, self.begins(now), now.wall)
    }

    fn repeated(&self, order: &Tightening) -> Vec<Report> {
        let id = order.restriction();
        let Some(entry) = self.doors.seen(&id) else {
            return Vec::new();
        };
        let mut reports = Vec::new();
        for (index, door) in self.doors.all().iter().enumerate() {
            if order.applies_to(&door.place) {
                let applied = if door.state.restriction(&id).is_some() {
                    Applied::Before { entry }
                } else {
                    Applied::LiftedSince { entry }
                };
                reports.extend(self.report(index, applied));
            }
        }
        reports
    }

    /// Others saw a state of this store that it does not have: every door is contained anew.
    pub(super) fn rolled_back(&self, seen: &Head, now: Moment) -> Option<Body> {
        let restriction = named(b"rolled back", &[seen.chain]);
        self.doors.seen(&restriction).is_none().then(|| {
            Body::Tightened(Tightened {
                restriction,
                origin: Origin::RolledBack,
                class: Class::Containment,
                signal: None,
                since: self.begins(now),
                drain: None,
                used: None,
                reason: format!(
                    "Andere haben einen späteren oder anderen Stand dieses Speichers gesehen ({} Einträge, vorhanden {}). / \
                     Others saw a later or another state of this store ({} entries, {} here).",
                    seen.len,
                    self.head().len,
                    seen.len,
                    self.head().len
                ),
                on: effects(self.doors.all().iter(), |door| contained(door.holdable)),
            })
        })
    }
}

/// What a closing does here; nothing if it was carried out before or means no door of this store.
pub(super) fn tightened(
    doors: &Doors,
    order: &Tightening,
    since: Option<Timestamp>,
    wall: Timestamp,
) -> Option<Body> {
    if doors.seen(&order.restriction()).is_some() {
        return None;
    }
    let meant = doors.all().iter().filter(|door| order.applies_to(&door.place));
    let on = effects(meant, |door| {
        order.rules_at(&door.place, as_ordered(door.holdable))
    });
    (!on.is_empty()).then(|| {
        Body::Tightened(Tightened {
            restriction: order.restriction(),
            origin: Origin::Order(order.statement()),
            class: order.class(),
            signal: order.signal().cloned(),
            since,
            drain: order.drain(),
            used: Some(Used {
                number: order.number(),
                at: wall,
            }),
            reason: order.reason().to_string(),
            on,
        })
    })
}

/// Which restrictions a raising raises here.
pub(super) fn raised(doors: &Doors, order: &Raising) -> Vec<Body> {
    let mut on: BTreeMap<DoorId, BTreeSet<RestrictionId>> = BTreeMap::new();
    let mut class = Class::Maintenance;
    for door in doors.all() {
        for (id, restriction) in door.state.active().into_iter().flatten() {
            let raised = order.raise(&door.place, *id, restriction.class);
            if raised > restriction.class {
                class = class.max(raised);
                on.entry((*door.id).clone()).or_default().insert(*id);
            }
        }
    }
    in_parts(on)
        .map(|on| {
            Body::Raised(Raised {
                statement: order.statement(),
                class,
                on,
            })
        })
        .collect()
}

/// What a withdrawal does here. Recorded even where no door stands on it: what is withdrawn opens nothing later.
pub(super) fn withdrawal(doors: &Doors, proof: &WithdrawnProof, since: Option<Timestamp>) -> Option<Body> {
    let named_here = StandsOn::from(proof.closure());
    let known = doors.withdrawn();
    let new = !named_here.clearances.is_subset(&known.clearances)
        || !named_here.evidence.is_subset(&known.evidence)
        || !named_here.consents.is_subset(&known.consents);
    new.then(|| {
        let standing = doors
            .all()
            .iter()
            .filter(|door| door.state.stands_on().meets(&named_here));
        Body::Withdrawn(Withdrawn {
            statement: proof.statement(),
            restriction: named(b"withdrawal", &[proof.statement().0]),
            since,
            on: effects(standing, |door| contained(door.holdable)),
            named: named_here.clone(),
        })
    })
}

const fn as_ordered(holdable: Holdable) -> order::Holdable {
    match holdable {
        Holdable::Yes => order::Holdable::Yes,
        Holdable::No => order::Holdable::No,
    }
}

/// Doors grouped by what happens to them.
fn effects<'a>(doors: impl Iterator<Item = &'a Door>, rules: impl Fn(&Door) -> FlowRules) -> Vec<Effect> {
    let mut effects: Vec<Effect> = Vec::new();
    for door in doors {
        let rules = rules(door);
        match effects.iter_mut().find(|effect| effect.rules == rules) {
            Some(effect) => effect.doors.push((*door.id).clone()),
            None => effects.push(Effect {
                rules,
                doors: vec![(*door.id).clone()],
            }),
        }
    }
    effects
}
