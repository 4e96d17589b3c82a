//! The one way to a permit.

mod agree;
mod forecast;
mod weigh;

use alloc::{boxed::Box, collections::BTreeSet, vec::Vec};
use order::{Authenticated, Becomes, Missing, Opening, Part, Threshold};
use vocabulary::{
    Class, EnvironmentId, InsurerId, PersonId, Place, RestrictionId, Role, StatementId, Timestamp,
};

use agree::{Agreed, Case};
pub use forecast::Forecast;

use crate::{
    authority::Authority,
    permit::{After, DoorFacts, Permit, RestrictionFacts, StandsOn},
    refused::{MissingParts, Refused},
    stand::{Examiners, Stands, not_yet},
    view::FreshView,
};

/// What a permit would say. No right: it is not asked under a view, and nothing outside this room can hold one.
struct Granted {
    lifts: BTreeSet<RestrictionId>,
    becomes: After,
    stands_on: StandsOn,
    consent: Option<StatementId>,
}

impl Authority {
    /// Answers whether an opening permits something at one door, now, by everything in the log. Every condition is
    /// looked at again with the charter in force: who signed, for what, until when, and whether it was taken back.
    ///
    /// The class that counts is the highest of any restriction active at the door, raisings included; a precautionary
    /// one outside its window counts as containment.
    ///
    /// # Errors
    /// [`Refused`] says what is missing.
    pub fn permit(
        &self,
        opening: StatementId,
        door: &DoorFacts,
        view: &FreshView,
    ) -> Result<Permit, Refused> {
        self.is_whole(view)?;
        let at = view.time().instant();
        let signed = self
            .openings
            .get(&opening)
            .ok_or(Refused::UnknownOpening(opening))?;
        let granted = self.judge(signed, door, at)?;
        Ok(Permit {
            opening,
            door: door.door.clone(),
            epoch: door.epoch,
            lifts: granted.lifts,
            becomes: granted.becomes,
            stands_on: granted.stands_on,
            consent: granted.consent,
            at,
        })
    }

    /// Everything a permit asks for but the view: what [`permit`](Self::permit) and [`forecast`](Self::forecast) both
    /// answer by, so that the two cannot disagree.
    fn judge(
        &self,
        signed: &Authenticated<Opening>,
        door: &DoorFacts,
        now: Timestamp,
    ) -> Result<Granted, Refused> {
        let opening = signed.id();
        let asked = signed
            .body()
            .at(&door.door)
            .ok_or_else(|| Refused::OtherDoor(door.door.clone()))?;
        let cell = door.door.cell();
        if cell.insurer != door.place.insurer || cell.service != door.place.service {
            return Err(Refused::OtherPlace(door.door.clone()));
        }
        if asked.epoch != door.epoch {
            return Err(Refused::OtherEpoch {
                ordered: asked.epoch,
                actual: door.epoch,
            });
        }
        if not_yet(signed.body().issued, now) {
            let (what, issued) = (("Die Öffnung", "The opening"), signed.body().issued);
            return Err(Refused::NotYet { what, issued, now });
        }
        if now > signed.body().expires {
            let (what, at) = (("Die Öffnung", "The opening"), signed.body().expires);
            return Err(Refused::Expired { what, at, now });
        }
        let active: BTreeSet<RestrictionId> = door.active.iter().map(|fact| fact.id).collect();
        if let Some(unknown) = asked.lifts.iter().find(|id| !active.contains(id)) {
            return Err(Refused::NotActive(*unknown));
        }
        let case = Case {
            opening,
            signed,
            door,
            lifts: &asked.lifts,
            now,
        };
        self.not_refused(&case, &BTreeSet::new())?;
        let class = self.class_that_counts(door, now);
        match (&signed.body().becomes, class) {
            (Becomes::Open, Class::Maintenance) => self.by_commanders(&case, 1),
            (Becomes::Open, Class::Precautionary) => {
                let persons = self.in_force()?.thresholds().precautionary_commanders;
                // What lifts a containment lifts caution too; whoever lacks both hears of the shorter way.
                self.by_commanders(&case, persons)
                    .or_else(|few| self.by_three_parts(&case, class).map_err(|_| few))
            }
            (Becomes::Open, Class::Containment)
            | (
                Becomes::Limited { .. } | Becomes::Emergency { .. },
                Class::Maintenance | Class::Precautionary | Class::Containment,
            ) => self.by_three_parts(&case, class),
        }
    }

    /// The class of one restriction now: the door's, raised by every raising in the log that means it.
    fn class_now(&self, place: &Place, fact: &RestrictionFacts) -> Class {
        let issued = self
            .restrictions
            .get(&fact.id)
            .and_then(|id| self.closings.get(id))
            .map_or(fact.since, |closing| closing.body().issued);
        self.raisings.values().fold(fact.class, |class, raising| {
            let means_it = raising.only().is_some() || issued <= raising.issued();
            if means_it {
                raising.raise(place, fact.id, class)
            } else {
                class
            }
        })
    }

    /// The highest class of anything active at a door; precautionary only while it is provably inside its window. What
    /// lies in the future of witnessed time is no proof: a door's clock may be a year off.
    #[must_use]
    pub fn class_that_counts(&self, door: &DoorFacts, now: Timestamp) -> Class {
        let window = self.charter.as_ref().map(order::Charter::precautionary_window);
        let of = |fact: &RestrictionFacts| match self.class_now(&door.place, fact) {
            Class::Precautionary => {
                let issued = self
                    .restrictions
                    .get(&fact.id)
                    .and_then(|id| self.closings.get(id));
                let since = issued.map_or(fact.since, |closing| closing.body().issued.min(fact.since));
                let inside = window.is_some_and(|window| since <= now && now <= since.plus(window));
                if inside {
                    Class::Precautionary
                } else {
                    Class::Containment
                }
            }
            class @ (Class::Maintenance | Class::Containment) => class,
        };
        door.active.iter().map(of).max().unwrap_or(Class::Maintenance)
    }

    fn by_commanders(&self, case: &Case<'_>, persons: u32) -> Result<Granted, Refused> {
        let need = Threshold { persons, outside: 0 };
        self.in_force()?
            .met(Role::Commander, Part::Commander, need, case.signed)?;
        Ok(case.granted(After::Open, StandsOn::default(), None))
    }

    /// A clearance, a commander and the insurer: different persons, no exception.
    fn by_three_parts(&self, case: &Case<'_>, class: Class) -> Result<Granted, Refused> {
        let charter = self.in_force()?;
        let environment = self.environment_to_clear(case)?;
        let carried = self
            .carried(case, &environment)
            .map_err(|why| Refused::NoClearance {
                environment,
                class,
                why: Box::new(why),
            })?;
        let insurer = &case.door.place.insurer;
        let commanders = charter.signers(Role::Commander, case.signed.keys());
        let agreed = self.agreed(case);
        let mut missing = Vec::new();
        if commanders.is_empty() {
            missing.push(Missing::one(Part::Commander, case.signed.keys().len()));
        }
        let agreed = match agreed {
            Ok(agreed) if agreed.is_empty() => {
                missing.push(Missing::one(Part::Consent(insurer.clone()), 0));
                agreed
            }
            Ok(agreed) => agreed,
            Err(over) if missing.is_empty() => return Err(over),
            Err(_) => {
                missing.push(Missing::one(Part::Consent(insurer.clone()), 0));
                Vec::new()
            }
        };
        if !missing.is_empty() {
            return Err(MissingParts(missing).into());
        }
        let consent = self.by_different_persons(case, &commanders, &carried.examiners, &agreed)?;
        let mut stands_on = carried.stands_on;
        if let After::Emergency { .. } = carried.becomes {
            stands_on.consents.insert(consent);
        }
        Ok(case.granted(carried.becomes, stands_on, Some(consent)))
    }

    /// The first consent with which commander, examiners and insurer can be three different persons.
    fn by_different_persons(
        &self,
        case: &Case<'_>,
        commanders: &BTreeSet<PersonId>,
        examiners: &Examiners,
        agreed: &[Agreed],
    ) -> Result<StatementId, Refused> {
        let need = self.in_force()?.thresholds().examiners;
        for consent in agreed {
            if different_persons(commanders, examiners, need, &consent.persons) {
                self.not_refused(case, &BTreeSet::from([consent.statement]))?;
                return Ok(consent.statement);
            }
        }
        let twice = commanders
            .iter()
            .chain(agreed.iter().flat_map(|consent| &consent.persons))
            .find(|id| {
                examiners.contains_key(*id)
                    || (commanders.contains(*id)
                        && agreed.iter().any(|consent| consent.persons.contains(*id)))
            });
        match twice {
            Some(person) => Err(Refused::SamePerson(person.clone())),
            None => Err(Missing::one(Part::Consent(case.door.place.insurer.clone()), 0).into()),
        }
    }

    fn environment_to_clear(&self, case: &Case<'_>) -> Result<EnvironmentId, Refused> {
        match &case.signed.body().becomes {
            Becomes::Open | Becomes::Limited { .. } => Ok(case.door.place.insurer.clone().into()),
            Becomes::Emergency {
                environment, until, ..
            } => {
                let insurers = self.in_force()?.sections().keys();
                if insurers
                    .cloned()
                    .map(EnvironmentId::from)
                    .any(|known| known == *environment)
                {
                    return Err(Refused::NotAnEmergencyEnvironment(environment.clone()));
                }
                if case.door.active.is_empty() {
                    return Err(Refused::NotHeld);
                }
                case.not_over(("Der Notbetrieb", "The emergency grant"), *until)?;
                Ok(environment.clone())
            }
        }
    }

    fn not_refused(&self, case: &Case<'_>, consents: &BTreeSet<StatementId>) -> Result<(), Refused> {
        let insurer = &case.door.place.insurer;
        let against = |id: StatementId| {
            id == case.opening || case.signed.body().clearances.contains(&id) || consents.contains(&id)
        };
        match self.refusal_of(insurer, &|_| true, &against) {
            Some(refusal) => Err(Refused::InsurerRefused {
                insurer: InsurerId::clone(insurer),
                refusal,
            }),
            None => Ok(()),
        }
    }
}

impl Case<'_> {
    fn granted(&self, becomes: After, stands_on: StandsOn, consent: Option<StatementId>) -> Granted {
        Granted {
            lifts: self.lifts.clone(),
            becomes,
            stands_on,
            consent,
        }
    }

    fn not_over(&self, what: (&'static str, &'static str), at: Timestamp) -> Result<(), Refused> {
        if self.now > at {
            return Err(Refused::Expired {
                what,
                at,
                now: self.now,
            });
        }
        Ok(())
    }
}

/// Whether a commander, enough examiners (with enough from outside) and somebody of the insurer can be chosen so that
/// nobody is chosen twice.
fn different_persons(
    commanders: &BTreeSet<PersonId>,
    examiners: &Examiners,
    need: Threshold,
    insurers: &BTreeSet<PersonId>,
) -> bool {
    let at_least = |count: usize, need: u32| usize::try_from(need).is_ok_and(|need| count >= need);
    commanders.iter().any(|commander| {
        insurers
            .iter()
            .filter(|insurer| *insurer != commander)
            .any(|insurer| {
                let left = || {
                    examiners
                        .iter()
                        .filter(|(id, _)| *id != commander && *id != insurer)
                };
                let outside = left().filter(|(_, stands)| **stands == Stands::Outside).count();
                at_least(left().count(), need.persons) && at_least(outside, need.outside)
            })
    })
}
