//! What a door would answer to an opening, as far as this replica and an unwitnessed clock can tell: for people who
//! prepare one. It is no right and cannot become one.

use alloc::{boxed::Box, collections::BTreeSet, vec::Vec};
use order::{Authenticated, Becomes, Missing, Opening, Part, Threshold};
use vocabulary::{Class, RestrictionId, Role, StatementId, Timestamp};

use super::agree::Case;
use crate::{
    authority::Authority,
    permit::{DoorFacts, StandsOn},
    refused::Refused,
    stand::not_yet,
};

/// What a door would answer. The door asks everything again, under a fresh view: only its own answer counts.
#[derive(Debug)]
pub struct Forecast {
    /// The class that counts at the door.
    pub class: Class,
    /// What the opening would stand on, where a clearance is needed and one carries it.
    pub stands_on: Option<StandsOn>,
    /// The insurer's consent that would count, where one is needed and given.
    pub consent: Option<StatementId>,
    /// Everything that is missing, in the words the door would use. Empty: nothing is known to be missing.
    pub missing: Vec<Refused>,
}

impl Authority {
    /// Asks about one opening at one door, in the log or not. `door` is what is reported of the door, `at` the clock of
    /// whoever asks. Unlike [`permit`](Self::permit) it names everything that is missing, not the first thing; nothing is
    /// missing exactly where `permit` would say yes under a view of this replica at `at`.
    #[must_use]
    pub fn forecast(&self, opening: &Authenticated<Opening>, door: &DoorFacts, at: Timestamp) -> Forecast {
        let mut answer = Forecast {
            class: self.class_that_counts(door, at),
            stands_on: None,
            consent: None,
            missing: Vec::new(),
        };
        // Signatures the log holds count with those of the copy at hand, whichever has more.
        let signed = match self.openings.get(&opening.id()) {
            Some(known) if known.keys().is_superset(opening.keys()) => known,
            Some(_) | None => opening,
        };
        let Some(asked) = signed.body().at(&door.door) else {
            answer.missing.push(Refused::OtherDoor(door.door.clone()));
            return answer;
        };
        let case = Case {
            opening: signed.id(),
            signed,
            door,
            lifts: &asked.lifts,
            now: at,
        };
        answer.missing.extend(form(&case, asked.epoch));
        answer
            .missing
            .extend(self.not_refused(&case, &BTreeSet::new()).err());
        let result = match (&signed.body().becomes, answer.class) {
            (Becomes::Open, Class::Maintenance) => self.commanders_missing(&case, 1),
            (Becomes::Open, Class::Precautionary) => self.caution_missing(&case, &mut answer),
            (Becomes::Open, Class::Containment)
            | (
                Becomes::Limited { .. } | Becomes::Emergency { .. },
                Class::Maintenance | Class::Precautionary | Class::Containment,
            ) => self.parts_missing(&case, &mut answer),
        };
        answer.missing.extend(result.err());
        // The door's own judgement has the last word: a list made for people must not promise more, nor less.
        match self.judge(signed, door, at) {
            Ok(granted) => {
                answer.missing.clear();
                answer.stands_on = Some(granted.stands_on).filter(|_| granted.consent.is_some());
                answer.consent = granted.consent;
            }
            Err(first) if answer.missing.is_empty() => answer.missing.push(first),
            Err(_) => {}
        }
        answer
    }

    /// As [`forecast`](Self::forecast), of an opening the log holds; nothing where it holds none of this name.
    #[must_use]
    pub fn forecast_of(&self, opening: StatementId, door: &DoorFacts, at: Timestamp) -> Option<Forecast> {
        let signed = self.openings.get(&opening)?;
        Some(self.forecast(signed, door, at))
    }

    /// The shorter way, unless the longer one is complete.
    fn caution_missing(&self, case: &Case<'_>, answer: &mut Forecast) -> Result<(), Refused> {
        let persons = self.in_force()?.thresholds().precautionary_commanders;
        let Err(few) = self.commanders_missing(case, persons) else {
            return Ok(());
        };
        let before = answer.missing.len();
        if self.parts_missing(case, answer).is_ok() && answer.missing.len() == before {
            return Ok(());
        }
        answer.missing.truncate(before);
        (answer.stands_on, answer.consent) = (None, None);
        Err(few)
    }

    fn commanders_missing(&self, case: &Case<'_>, persons: u32) -> Result<(), Refused> {
        let need = Threshold { persons, outside: 0 };
        self.in_force()?
            .met(Role::Commander, Part::Commander, need, case.signed)?;
        Ok(())
    }

    fn parts_missing(&self, case: &Case<'_>, answer: &mut Forecast) -> Result<(), Refused> {
        let charter = self.in_force()?;
        let environment = self.environment_to_clear(case)?;
        let carried = match self.weigh_all(case, &environment) {
            Ok(carried) => Some(carried),
            Err(faults) => {
                let lacks = faults.into_iter().flatten().map(|why| Refused::NoClearance {
                    environment: environment.clone(),
                    class: answer.class,
                    why: Box::new(why),
                });
                answer.missing.extend(lacks);
                None
            }
        };
        let commanders = charter.signers(Role::Commander, case.signed.keys());
        if commanders.is_empty() {
            let foreign = case.signed.keys().len();
            answer.missing.push(Missing::one(Part::Commander, foreign).into());
        }
        let agreed = match self.agreed(case) {
            Ok(agreed) => agreed,
            Err(over) => {
                answer.missing.push(over);
                return Ok(());
            }
        };
        if agreed.is_empty() {
            let consent = Part::Consent(case.door.place.insurer.clone());
            answer.missing.push(Missing::one(consent, 0).into());
        }
        if let Some(carried) = carried {
            if !commanders.is_empty() && !agreed.is_empty() {
                let consent = self.by_different_persons(case, &commanders, &carried.examiners, &agreed)?;
                answer.consent = Some(consent);
            }
            answer.stands_on = Some(carried.stands_on);
        }
        Ok(())
    }
}

/// What is wrong with the opening itself at this door.
fn form(case: &Case<'_>, ordered: vocabulary::Epoch) -> Vec<Refused> {
    let (door, body, now) = (case.door, case.signed.body(), case.now);
    let (cell, place) = (door.door.cell(), &door.place);
    let what = ("Die Öffnung", "The opening");
    let mut wrong = Vec::new();
    if cell.insurer != place.insurer || cell.service != place.service {
        wrong.push(Refused::OtherPlace(door.door.clone()));
    }
    if ordered != door.epoch {
        let actual = door.epoch;
        wrong.push(Refused::OtherEpoch { ordered, actual });
    }
    if not_yet(body.issued, now) {
        let issued = body.issued;
        wrong.push(Refused::NotYet { what, issued, now });
    }
    if now > body.expires {
        let at = body.expires;
        wrong.push(Refused::Expired { what, at, now });
    }
    let active: BTreeSet<RestrictionId> = door.active.iter().map(|fact| fact.id).collect();
    wrong.extend(
        case.lifts
            .iter()
            .filter(|id| !active.contains(id))
            .map(|id| Refused::NotActive(*id)),
    );
    wrong
}
