//! Towards more open: by permit, at the exact epoch, or not at all.

use std::collections::BTreeMap;

use clearance::{After, Permit};
use vocabulary::{DoorId, StatementId};

use super::House;
use super::admitting::VIEW_MINUTES_MAX;
use super::carrying::Urgency;
use super::ready::facts;
use crate::entry::{Body, Opened, RefusedOpening};
use crate::error::Error;
use crate::report::{Applied, Moment, OpeningRefused, Recording, Report};
use crate::restriction::{Emergency, Limited, Peers, StandsOn};
use crate::state::{Becomes, Opening};

/// Most doors one opening entry speaks about: about a megabyte.
const DOORS_PER_ENTRY_MAX: usize = 1024;

/// What an opening did, door by door.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outcome {
    /// Doors at which it was carried out.
    pub applied: Vec<Report>,
    /// Doors that stay as they are, and what is missing.
    pub refused: Vec<OpeningRefused>,
}

impl House {
    /// Carries out an opening at those of these doors where it is permitted now; all of them with one sync. Needs a fresh view whose nonce was drawn within the last hour, so ask right before.
    ///
    /// A door that stands as this very opening left it, in this process, has carried it out: it is told so and stays.
    ///
    /// # Errors
    /// [`Error::Ledger`], [`Error::TooMuchOwed`]: no door opened. That a door is not permitted is no error but part of
    /// the [`Outcome`].
    pub fn open_doors(
        &mut self,
        opening: StatementId,
        doors: impl IntoIterator<Item = DoorId>,
        now: Moment,
    ) -> Result<Outcome, Error> {
        let settled = self.settle(now);
        let mut permitted: BTreeMap<DoorId, Opening> = BTreeMap::new();
        let mut outcome = Outcome::default();
        for door in doors {
            if let Some(entry) = self.carried_out(opening, &door) {
                let index = self.doors.find(&door);
                let report = index.and_then(|index| self.report(index, Applied::Before { entry }));
                outcome.applied.extend(report);
                continue;
            }
            match self.permit(opening, &door, now) {
                Ok(permit) => {
                    let (door, opening) = used_up(permit);
                    permitted.insert(door, opening);
                }
                Err(missing) => outcome.refused.push(OpeningRefused {
                    opening,
                    door,
                    missing,
                }),
            }
        }
        self.record_refusals(&outcome.refused, now);
        settled?;
        let authority_size = self.authority.head().len;
        let opened: Vec<(DoorId, vocabulary::Epoch)> = permitted
            .iter()
            .map(|(door, opening)| (door.clone(), opening.epoch.next()))
            .collect();
        let bodies: Vec<Body> = in_parts(permitted)
            .map(|on| Body::Opened(Opened { authority_size, on }))
            .collect();
        if !bodies.is_empty() {
            let done = self.carry_out(&bodies, Urgency::Ordinary, now)?;
            for (door, epoch) in opened {
                self.note_carried_out(opening, door, epoch, done.entry);
            }
            outcome.applied.extend(self.reports_of(&done, now));
        }
        Ok(outcome)
    }

    /// Asks for the permit, and looks again at everything the door knows by itself.
    fn permit(&self, opening: StatementId, door: &DoorId, now: Moment) -> Result<Permit, String> {
        if self.recording() == Recording::Behind {
            return Err(
                "Das Protokoll der Tür schreibt nicht; bis dahin wird nichts geöffnet. / \
                 The door's ledger does not write; until it does nothing opens."
                    .into(),
            );
        }
        let known = self
            .doors
            .door(door)
            .ok_or_else(|| Error::NoSuchDoor(door.clone()).to_string())?;
        let seen = self.view.as_ref().filter(|seen| seen.is_recent(now.mono)).ok_or_else(|| {
            format!(
                "Es fehlt ein frischer Nachweis der Zeugen (nicht älter als {VIEW_MINUTES_MAX} Minuten), dass alle \
                 Befehle und Rücknahmen bekannt sind. / \
                 A fresh proof by the witnesses (not older than {VIEW_MINUTES_MAX} minutes) that every order and \
                 withdrawal is known is missing."
            )
        })?;
        let facts = facts(known);
        let permit = self
            .authority
            .permit(opening, &facts, &seen.view)
            .map_err(|refused| refused.to_string())?;
        if StandsOn::from(permit.stands_on()).meets(self.doors.withdrawn()) {
            return Err(
                "Die Öffnung stützt sich auf eine zurückgezogene Freigabe oder Spur. / \
                 The opening stands on a clearance or evidence that was withdrawn."
                    .into(),
            );
        }
        Ok(permit)
    }

    /// Refusals are recorded, but a full disk does not make them errors: the door stays as it is either way.
    pub(super) fn record_refusals(&mut self, refused: &[OpeningRefused], now: Moment) {
        let bodies: Vec<Body> = refused
            .iter()
            .filter_map(|one| {
                let times = self.refusals.count(one.opening, &one.door, &one.missing)?;
                Some(Body::Refused(RefusedOpening {
                    statement: one.opening,
                    door: one.door.clone(),
                    missing: one.missing.clone(),
                    times,
                }))
            })
            .collect();
        if !bodies.is_empty() && self.carry_out(&bodies, Urgency::Ordinary, now).is_err() {
            self.refusals.not_recorded(bodies.len());
        }
    }
}

/// Splits what happens at many doors into entries of bounded size.
pub(super) fn in_parts<T>(on: BTreeMap<DoorId, T>) -> impl Iterator<Item = BTreeMap<DoorId, T>> {
    let mut rest = on.into_iter();
    std::iter::from_fn(move || {
        let part: BTreeMap<DoorId, T> = rest.by_ref().take(DOORS_PER_ENTRY_MAX).collect();
        (!part.is_empty()).then_some(part)
    })
}

/// A permit becomes what the ledger will say about it, and is gone.
fn used_up(permit: Permit) -> (DoorId, Opening) {
    let becomes = match permit.becomes() {
        After::Open => Becomes::Lifted,
        After::Limited { until, rules } => Becomes::Limited(Limited {
            over: permit.lifts().clone(),
            directions: rules.flows.clone(),
            peers: rules.peers.as_ref().map_or(Peers::Any, |peers| {
                Peers::Only(peers.iter().cloned().map(String::from).collect())
            }),
            until: *until,
        }),
        After::Emergency {
            environment,
            identity,
            until,
        } => Becomes::Emergency(Emergency {
            over: permit.lifts().clone(),
            environment: environment.clone(),
            identity: identity.clone(),
            until: *until,
        }),
    };
    let opening = Opening {
        statement: permit.opening(),
        epoch: permit.epoch(),
        lifts: permit.lifts().clone(),
        stands_on: permit.stands_on().into(),
        becomes,
    };
    (permit.door().clone(), opening)
}
