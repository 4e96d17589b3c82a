//! Which openings wait for nothing but a fresh view. A door process looks here before it asks the witnesses anything, so
//! that eighty consents do not cost eighty views.
//!
//! Only openings that came while this process lived are looked at: a start moves every epoch, so one that was known
//! before fits no door any more. One that once did not fit a door's epoch is never looked at again for that door. Nothing
//! in here permits anything; [`House::try_ready`] asks the same question as every other try.

use std::collections::{BTreeMap, BTreeSet};

use clearance::{Admitted, DoorFacts, RestrictionFacts};
use vocabulary::{DoorId, Epoch, StatementId, Timestamp};

use super::House;
use crate::error::Error;
use crate::fold::Door;
use crate::house::Outcome;
use crate::report::{Moment, OpeningRefused, Recording};
use crate::restriction::StandsOn;

/// Most openings that are looked at; each was signed by a commander. Beyond that the oldest is left to people, who can
/// still ask for it by name.
const AWAITED_MAX: usize = 1024;

/// An opening at doors for which nothing but a fresh view is known to be missing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ready {
    /// The opening.
    pub opening: StatementId,
    /// The doors, all at the exact epoch it names.
    pub doors: BTreeSet<DoorId>,
}

/// What came of trying.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Tried {
    /// There is no fresh view of the whole authority log; no door was asked, and nothing is recorded.
    NoView,
    /// The doors answered; recorded as every try is.
    Answered(Outcome),
}

/// What a house remembers of openings, for as long as its process lives.
#[derive(Default)]
pub(super) struct Waiting {
    /// Openings in the order they came, with the doors whose epoch they have matched ever since.
    openings: Vec<Ready>,
    /// By which opening a door was opened last, the epoch that followed, and the entry that says so.
    carried: BTreeMap<DoorId, (StatementId, Epoch, u64)>,
}

impl House {
    /// Openings for which, by everything this house knows, nothing but a fresh view is missing. By the judgement that
    /// permits (`clearance::Authority::forecast_of`), at witnessed time carried on; none before there is such a time.
    #[must_use]
    pub fn ready(&mut self, now: Moment) -> Vec<Ready> {
        let Some(at) = self.witnessed(now) else {
            return Vec::new();
        };
        let mut openings = std::mem::take(&mut self.waiting.openings);
        openings.retain_mut(|one| {
            let Some(body) = self
                .authority
                .opening(one.opening)
                .filter(|body| at <= body.expires)
            else {
                return false;
            };
            one.doors.retain(|door| {
                let epoch = self.doors.door(door).map(|door| door.state.epoch());
                body.at(door).map(|named| named.epoch) == epoch
            });
            !one.doors.is_empty()
        });
        self.waiting.openings = openings;
        if self.recording() == Recording::Behind {
            return Vec::new();
        }
        let of = |one: &Ready| Ready {
            opening: one.opening,
            doors: one
                .doors
                .iter()
                .filter(|door| self.lacks_only_the_view(one.opening, door, at))
                .cloned()
                .collect(),
        };
        let ready = self.waiting.openings.iter().map(of);
        ready.filter(|one| !one.doors.is_empty()).collect()
    }

    fn lacks_only_the_view(&self, opening: StatementId, door: &DoorId, at: Timestamp) -> bool {
        let Some(known) = self.doors.door(door) else {
            return false;
        };
        let forecast = self.authority.forecast_of(opening, &facts(known), at);
        forecast.is_some_and(|forecast| {
            let stands_on = forecast.stands_on.unwrap_or_default();
            forecast.missing.is_empty() && !StandsOn::from(&stands_on).meets(self.doors.withdrawn())
        })
    }

    /// Tries openings at these doors, each as [`open_doors`](Self::open_doors) does, under a fresh view of the whole log
    /// that is there already. To be called in one turn with [`fresh`](Self::fresh): any later entry outgrows the view.
    ///
    /// # Errors
    /// As [`open_doors`](Self::open_doors); openings after the one that failed were not tried.
    pub fn try_ready(&mut self, tries: &[Ready], now: Moment) -> Result<Tried, Error> {
        let len = self.authority.head().len;
        let is_whole = self
            .view
            .as_ref()
            .is_some_and(|seen| seen.is_recent(now.mono) && seen.view.size() == len);
        if !is_whole {
            return Ok(Tried::NoView);
        }
        let mut all = Outcome::default();
        for one in tries {
            let outcome = self.open_doors(one.opening, one.doors.iter().cloned(), now)?;
            all.applied.extend(outcome.applied);
            all.refused.extend(outcome.refused);
        }
        Ok(Tried::Answered(all))
    }

    /// Records that openings wait because no fresh view could be had. Repetitions are counted, not listed one by one.
    pub fn not_tried(&mut self, tries: &[Ready], now: Moment) {
        let of = |one: &Ready| {
            let opening = one.opening;
            let refused = move |door: &DoorId| {
                OpeningRefused {
                opening,
                door: door.clone(),
                missing: "Alles ist da, nur der frische Nachweis der Zeugen kam nicht; die Tür versucht es von selbst wieder. / \
                          Everything is there, only the witnesses' fresh proof did not come; the door tries again by itself."
                    .into(),
            }
            };
            one.doors.iter().map(refused).collect::<Vec<_>>()
        };
        let refused: Vec<OpeningRefused> = tries.iter().flat_map(of).collect();
        self.record_refusals(&refused, now);
    }

    /// Doors that stand as an opening left them, with that opening: keys its consents bring later are still theirs.
    pub fn carried(&self) -> impl Iterator<Item = (&DoorId, StatementId)> {
        let stands = |door: &DoorId, epoch: Epoch| {
            let known = self.doors.door(door);
            known.is_some_and(|known| known.state.epoch() == epoch)
        };
        self.waiting
            .carried
            .iter()
            .filter(move |(door, (_, epoch, _))| stands(door, *epoch))
            .map(|(door, (opening, ..))| (door, *opening))
    }

    /// The entry by which this very opening made the door what it still is.
    pub(super) fn carried_out(&self, opening: StatementId, door: &DoorId) -> Option<u64> {
        let (by, epoch, entry) = self.waiting.carried.get(door)?;
        let now = self.doors.door(door)?.state.epoch();
        (*by == opening && *epoch == now).then_some(*entry)
    }

    pub(super) fn note_carried_out(&mut self, opening: StatementId, door: DoorId, epoch: Epoch, entry: u64) {
        self.waiting.carried.insert(door, (opening, epoch, entry));
    }

    /// Notes a statement that was just admitted; of an opening, the doors here it names at the epoch they have.
    pub(super) fn note_admitted(&mut self, admitted: &Admitted) {
        if let Admitted::Opening(id) = admitted {
            self.await_opening(*id);
        }
    }

    fn await_opening(&mut self, opening: StatementId) {
        let named = self
            .authority
            .opening(opening)
            .into_iter()
            .flat_map(|body| &body.doors);
        let doors: BTreeSet<DoorId> = named
            .filter(|entry| {
                let known = self.doors.door(&entry.door);
                known.is_some_and(|known| known.state.epoch() == entry.epoch)
            })
            .map(|entry| entry.door.clone())
            .collect();
        let openings = &mut self.waiting.openings;
        openings.retain(|one| one.opening != opening);
        if doors.is_empty() {
            return;
        }
        if openings.len() >= AWAITED_MAX {
            openings.remove(0);
        }
        openings.push(Ready { opening, doors });
    }
}

/// What a door knows about itself when it asks.
pub(super) fn facts(known: &Door) -> DoorFacts {
    DoorFacts {
        door: (*known.id).clone(),
        place: known.place.clone(),
        epoch: known.state.epoch(),
        active: known
            .state
            .active()
            .into_iter()
            .flatten()
            .map(|(id, restriction)| RestrictionFacts {
                id: *id,
                class: restriction.class,
                // A beginning nobody witnessed lies outside every window.
                since: restriction.since.unwrap_or(Timestamp(i64::MIN)),
                signal: restriction.signal.clone(),
            })
            .collect(),
    }
}
