//! The one way to a permit.

mod agree;
mod forecast;

use alloc::{boxed::Box, collections::BTreeSet, vec::Vec};
use order::{Becomes, Missing, Part, Threshold};
use vocabulary::{
    Class, EnvironmentId, InsurerId, PersonId, Place, RestrictionId, Role, SignalId, StatementId, Timestamp,
};

use agree::{Agreed, Case};
pub use forecast::Forecast;

use crate::{
    authority::Authority,
    body::{Basis, Clearance, Grade},
    permit::{After, DoorFacts, LimitedRules, Permit, RestrictionFacts, StandsOn},
    refused::{ClearanceFault, MissingParts, Refused},
    stand::{Examiners, Stands, not_yet},
    view::FreshView,
};

/// A clearance that carries what is asked.
struct Carried {
    examiners: Examiners,
    stands_on: StandsOn,
    becomes: After,
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
        let now = view.time().instant();
        let signed = self
            .openings
            .get(&opening)
            .ok_or(Refused::UnknownOpening(opening))?;
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

    fn by_commanders(&self, case: &Case<'_>, persons: u32) -> Result<Permit, Refused> {
        let need = Threshold { persons, outside: 0 };
        self.in_force()?
            .met(Role::Commander, Part::Commander, need, case.signed)?;
        Ok(case.permit(After::Open, StandsOn::default(), None))
    }

    /// A clearance, a commander and the insurer: different persons, no exception.
    fn by_three_parts(&self, case: &Case<'_>, class: Class) -> Result<Permit, Refused> {
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
        Ok(case.permit(carried.becomes, stands_on, Some(consent)))
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

    /// The first clearance named by the opening that carries what it asks; otherwise what is wrong with the one that
    /// came closest.
    fn carried(&self, case: &Case<'_>, environment: &EnvironmentId) -> Result<Carried, ClearanceFault> {
        let mut fault = ClearanceFault::NoneNamed;
        for id in &case.signed.body().clearances {
            let speaks_here = self.clearances.get(id).map(|known| &known.body().environment);
            let found = match speaks_here {
                None => Err(ClearanceFault::Unknown(*id)),
                Some(other) if other != environment => Err(ClearanceFault::OtherEnvironment {
                    id: *id,
                    found: other.clone(),
                }),
                Some(_) => self.carries(case, *id),
            };
            match found {
                Ok(carried) => return Ok(carried),
                // An opening of many doors names clearances of many environments: only those for this one matter.
                Err(ClearanceFault::OtherEnvironment { .. }) if fault != ClearanceFault::NoneNamed => {}
                Err(why) => fault = why,
            }
        }
        Err(fault)
    }

    fn carries(&self, case: &Case<'_>, id: StatementId) -> Result<Carried, ClearanceFault> {
        let (signed, examiners, stands_on) = self.standing_clearance(id, case.now)?;
        self.is_younger(case, id, signed.body())?;
        let becomes = match (&case.signed.body().becomes, &signed.body().grade) {
            (Becomes::Open, Grade::Full) => {
                self.explains(case, id, signed.body())?;
                After::Open
            }
            (
                Becomes::Emergency {
                    environment,
                    identity,
                    until,
                },
                Grade::Full,
            ) => {
                if let Basis::SignalExplained { signal } = &signed.body().basis {
                    return Err(explains_too_little(id, signal, case.door.active.first()));
                }
                within(id, *until, signed.body().expires, case.now)?;
                After::Emergency {
                    environment: environment.clone(),
                    identity: identity.clone(),
                    until: *until,
                }
            }
            (Becomes::Open | Becomes::Emergency { .. }, Grade::Limited { .. }) => {
                return Err(ClearanceFault::OnlyLimited(id));
            }
            (Becomes::Limited { .. }, Grade::Full) => return Err(ClearanceFault::NotLimited(id)),
            (
                Becomes::Limited { until },
                Grade::Limited {
                    cells,
                    peers,
                    directions,
                    until: ends,
                },
            ) => {
                let cell = case.door.door.cell();
                if !cells.contains(cell) {
                    return Err(ClearanceFault::OtherCell {
                        id,
                        cell: cell.clone(),
                    });
                }
                within(id, *until, (*ends).min(signed.body().expires), case.now)?;
                let rules = LimitedRules {
                    peers: peers.clone(),
                    flows: directions.clone(),
                };
                After::Limited { until: *until, rules }
            }
        };
        Ok(Carried {
            examiners,
            stands_on,
            becomes,
        })
    }

    /// Nobody has examined what happened after the examination: a clearance says nothing about a restriction that began
    /// later, however long it is good for. An emergency environment is another one than the one that is held.
    fn is_younger(
        &self,
        case: &Case<'_>,
        id: StatementId,
        clearance: &Clearance,
    ) -> Result<(), ClearanceFault> {
        let lifts_all = match &case.signed.body().becomes {
            Becomes::Open => false,
            Becomes::Limited { .. } => true,
            Becomes::Emergency { .. } => return Ok(()),
        };
        let meant = case.door.active.iter().filter(|fact| {
            (lifts_all || case.lifts.contains(&fact.id))
                && self.class_now(&case.door.place, fact) > Class::Maintenance
        });
        for fact in meant {
            let began = self.began(fact, case.now);
            if clearance.issued < began {
                let (restriction, issued) = (fact.id, clearance.issued);
                return Err(ClearanceFault::Older {
                    id,
                    issued,
                    restriction,
                    began,
                });
            }
        }
        Ok(())
    }

    /// When a restriction began: not before the door says, nor before its order was written, as far as that is not in the
    /// future of witnessed time.
    fn began(&self, fact: &RestrictionFacts, now: Timestamp) -> Timestamp {
        let ordered = self
            .restrictions
            .get(&fact.id)
            .and_then(|id| self.closings.get(id))
            .map_or(fact.since, |closing| closing.body().issued.min(now));
        fact.since.max(ordered)
    }

    /// "Signal explained" lifts only what was ordered for that signal, by the door's record and by the log's.
    fn explains(
        &self,
        case: &Case<'_>,
        id: StatementId,
        clearance: &Clearance,
    ) -> Result<(), ClearanceFault> {
        let Basis::SignalExplained { signal } = &clearance.basis else {
            return Ok(());
        };
        let unexplained = case
            .door
            .active
            .iter()
            .filter(|fact| case.lifts.contains(&fact.id))
            .find(|fact| {
                let known = self
                    .restrictions
                    .get(&fact.id)
                    .and_then(|id| self.closings.get(id));
                fact.signal.as_ref() != Some(signal)
                    || known.is_some_and(|closing| closing.body().signal.as_ref() != Some(signal))
            });
        match unexplained {
            Some(fact) => Err(explains_too_little(id, signal, Some(fact))),
            None => Ok(()),
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
    fn permit(&self, becomes: After, stands_on: StandsOn, consent: Option<StatementId>) -> Permit {
        Permit {
            opening: self.opening,
            door: self.door.door.clone(),
            epoch: self.door.epoch,
            lifts: self.lifts.clone(),
            becomes,
            stands_on,
            consent,
            at: self.now,
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

/// A grant ends in the future, and not after the clearance that carries it.
fn within(id: StatementId, asked: Timestamp, ends: Timestamp, now: Timestamp) -> Result<(), ClearanceFault> {
    if asked > ends || asked < now {
        return Err(ClearanceFault::Shorter { id, ends, asked });
    }
    Ok(())
}

fn explains_too_little(
    id: StatementId,
    signal: &SignalId,
    fact: Option<&RestrictionFacts>,
) -> ClearanceFault {
    match fact {
        Some(fact) => ClearanceFault::OtherSignal {
            id,
            signal: signal.clone(),
            restriction: fact.id,
        },
        None => ClearanceFault::OnlyLimited(id),
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
