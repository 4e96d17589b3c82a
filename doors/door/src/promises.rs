//! The named promises DOOR-1, DOOR-2 and DOOR-3 (DESIGN section 10) as functions: called after each change in
//! production, by the tests and by the drill.
//!
//! They are written against the meaning of a restriction, not with the functions that decide, so that both would have
//! to be wrong in the same way.

use std::{collections::BTreeSet, fmt};

use vocabulary::{Class, DoorId, Flow, Holdable, IntakeRule, RestrictionId, SessionRule, TransitRule};

use crate::restriction::{Grants, Restriction, StandsOn};
use crate::rules::{Freshness, contained, passes};
use crate::state::{Becomes, Event, State};
use crate::view::View;

/// A promise that did not hold. The door is shut, and this is reported.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Broken {
    /// Which promise.
    pub promise: Promise,
    /// At which door.
    pub door: DoorId,
    /// What was seen.
    pub seen: &'static str,
}

/// A named promise of this room.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Promise {
    /// Per flow, no door passes what an active restriction forbids; only a valid opening for this epoch removes one.
    Door1,
    /// No contained door is more open than a clearance valid and not withdrawn when it was opened, and none stays
    /// open after a withdrawal reached it.
    Door2,
    /// Restart, old disk, wrong clock, lost or hostile control room never open a door.
    Door3,
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Door1 => "DOOR-1",
            Self::Door2 => "DOOR-2",
            Self::Door3 => "DOOR-3",
        })
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { promise, door, seen } = self;
        write!(
            f,
            "Zusage {promise} an Tür {door} verletzt, die Tür ist geschlossen; bitte den Hersteller rufen. / \
             Promise {promise} does not hold at door {door} ({seen}); the door is shut, call the maker."
        )
    }
}

impl std::error::Error for Broken {}

/// One change at one door, as the promises look at it.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// The door.
    pub door: &'a DoorId,
    /// Its state before.
    pub before: &'a State,
    /// What happened.
    pub event: &'a Event,
    /// Its state after.
    pub after: &'a State,
    /// Everything withdrawn so far.
    pub withdrawn: &'a StandsOn,
}

impl Step<'_> {
    fn hold(&self, promise: Promise, holds: bool, seen: &'static str) -> Result<(), Broken> {
        hold(self.door, promise, holds, seen)
    }
}

fn hold(door: &DoorId, promise: Promise, holds: bool, seen: &'static str) -> Result<(), Broken> {
    if holds {
        Ok(())
    } else {
        Err(Broken {
            promise,
            door: door.clone(),
            seen,
        })
    }
}

/// DOOR-1 over a change of state: only an opening for exactly this epoch removes a restriction, and only one it names;
/// no class falls; every change moves the epoch by one.
///
/// # Errors
/// [`Broken`].
pub fn door_1(step: &Step<'_>) -> Result<(), Broken> {
    let promise = Promise::Door1;
    let moved = step.after.epoch() == step.before.epoch().next();
    let same = step.after == step.before;
    step.hold(
        promise,
        moved || same,
        "a change that does not move the epoch by one",
    )?;
    for (id, old) in step.before.active().into_iter().flatten() {
        match (step.after.restriction(id), step.event) {
            (Some(new), _) => {
                step.hold(promise, new.class >= old.class, "a class that fell")?;
                let tight = new.rules.at_least_as_tight_as(old.rules);
                step.hold(promise, tight, "a restriction that became looser")?;
            }
            (None, Event::Opening(opening)) => {
                let fits = opening.epoch == step.before.epoch()
                    && opening.lifts.contains(id)
                    && opening.becomes == Becomes::Lifted;
                step.hold(
                    promise,
                    fits,
                    "a restriction lifted that the opening does not lift",
                )?;
            }
            (
                None,
                Event::Started
                | Event::Tightened { .. }
                | Event::Raised { .. }
                | Event::Withdrawn { .. }
                | Event::GrantsEnded { .. },
            ) => step.hold(promise, false, "a restriction removed without an opening")?,
        }
    }
    Ok(())
}

/// DOOR-1 over what is in force: no flow passes that an active restriction forbids, unless a limited grant over that
/// restriction names the flow, or its drain still runs.
///
/// # Errors
/// [`Broken`].
pub fn door_1_in_force(
    door: &DoorId,
    state: &State,
    draining: &BTreeSet<RestrictionId>,
    view: &View,
) -> Result<(), Broken> {
    const FLOWS: [Flow; 5] = [
        Flow::Intake,
        Flow::Forward,
        Flow::Fetch,
        Flow::Send,
        Flow::Sessions,
    ];
    let limited = state.grants().limited.as_ref();
    for (id, restriction) in state.active().into_iter().flatten() {
        for flow in FLOWS {
            let granted =
                limited.is_some_and(|grant| grant.over.contains(id) && grant.directions.contains(&flow));
            let draining = draining.contains(id) && flow != Flow::Intake;
            let passes = passes(view.rules, flow);
            let holds = !forbids(restriction, flow) || !passes || granted || draining;
            hold(
                door,
                Promise::Door1,
                holds,
                "a flow that passes although a restriction forbids it",
            )?;
        }
        let refuses = restriction.rules.intake == IntakeRule::Refuse;
        let granted =
            limited.is_some_and(|grant| grant.over.contains(id) && grant.directions.contains(&Flow::Intake));
        let holds = !refuses || !view.stores() || granted;
        hold(
            door,
            Promise::Door1,
            holds,
            "intake that is stored although a restriction refuses it",
        )?;
    }
    Ok(())
}

fn forbids(restriction: &Restriction, flow: Flow) -> bool {
    let rules = restriction.rules;
    match flow {
        Flow::Intake => rules.intake != IntakeRule::Pass,
        Flow::Forward => rules.forward != TransitRule::Pass,
        Flow::Fetch => rules.fetch != TransitRule::Pass,
        Flow::Send => rules.send != TransitRule::Pass,
        Flow::Sessions => rules.sessions != SessionRule::Run,
    }
}

/// DOOR-2: containment gives way only to an opening that stands on a clearance nobody had withdrawn, and a door that
/// stands on something withdrawn is contained and grants nothing.
///
/// # Errors
/// [`Broken`].
pub fn door_2(step: &Step<'_>) -> Result<(), Broken> {
    let promise = Promise::Door2;
    match step.event {
        Event::Opening(opening) => {
            let contained = match &opening.becomes {
                Becomes::Lifted | Becomes::Limited(_) => opening
                    .lifts
                    .iter()
                    .any(|id| is_containment(step.before.restriction(id))),
                // An emergency environment reads only by the clearance of that environment, whatever is below it.
                Becomes::Emergency(_) => true,
            };
            let stands = !contained || !opening.stands_on.clearances.is_empty();
            step.hold(promise, stands, "containment opened without a clearance")?;
            let valid = !opening.stands_on.meets(step.withdrawn);
            step.hold(promise, valid, "opened on something that was withdrawn")?;
        }
        Event::Withdrawn { named, id, .. } => {
            let stood = step.before.stands_on().meets(named);
            let fell = is_containment(step.after.restriction(id)) && step.after.grants() == &Grants::NONE;
            step.hold(
                promise,
                !stood || fell,
                "a door that stays open after a withdrawal reached it",
            )?;
        }
        Event::Started | Event::Tightened { .. } | Event::Raised { .. } | Event::GrantsEnded { .. } => {}
    }
    let clean = !step.after.stands_on().meets(step.withdrawn);
    step.hold(promise, clean, "a door that still stands on something withdrawn")
}

fn is_containment(restriction: Option<&Restriction>) -> bool {
    restriction.is_some_and(|restriction| restriction.class == Class::Containment)
}

/// DOOR-3 over what is in force: a door without a fresh view stands contained and grants nothing.
///
/// # Errors
/// [`Broken`].
pub fn door_3(door: &DoorId, holdable: Holdable, freshness: Freshness, view: &View) -> Result<(), Broken> {
    match freshness {
        Freshness::Fresh => Ok(()),
        Freshness::Stale => {
            let closed = view.rules.at_least_as_tight_as(contained(holdable)) && view.emergency.is_none();
            hold(
                door,
                Promise::Door3,
                closed,
                "a door that opened without a fresh view",
            )
        }
    }
}

/// DOOR-3 over a restart or any other loss: afterwards the door is at least as tight as it was.
///
/// # Errors
/// [`Broken`].
pub fn door_3_restart(door: &DoorId, before: &View, after: &View) -> Result<(), Broken> {
    let tight = after.rules.at_least_as_tight_as(before.rules) || before.draining_until.is_some();
    hold(
        door,
        Promise::Door3,
        tight,
        "a door that is more open after a restart than before",
    )
}
