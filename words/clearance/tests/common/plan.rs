//! One opening with everything that belongs to it; the default is in order, and tests change one thing.

use std::collections::BTreeSet;

use clearance::{
    Against, Clearance, Consent, DoorFacts, Forecast, Grade, Permit, Refusal, Refused, StandingConsent,
    StandingFor, Withdrawal, Withdraws,
};
use order::{Act, Authenticated, Becomes, Closing, Opening};
use vocabulary::{Class, Flow, Scope, Seconds, StatementId, Timestamp};

use super::{
    HOUR, T0, World, cell, closing, consent, door_facts, estate, first_restriction, full_clearance, insurer,
    opening, signed, text,
};

/// What is taken back, given the plan and its clearance.
pub(crate) type Withdrawing = fn(&Plan, StatementId) -> Withdraws;

/// Everything that goes into one opening; the default is in order.
pub(crate) struct Plan {
    pub(crate) closing: Closing,
    pub(crate) clearance: Clearance,
    pub(crate) clearance_by: Vec<&'static str>,
    pub(crate) withdraw: Option<(Withdrawing, &'static str)>,
    pub(crate) raise_by: Option<&'static str>,
    pub(crate) opening: Opening,
    pub(crate) opening_by: Vec<&'static str>,
    pub(crate) consent: Option<Consent>,
    pub(crate) consent_by: Vec<&'static str>,
    pub(crate) standing: Option<StandingConsent>,
    pub(crate) refusal: Option<(Option<&'static str>, &'static str)>,
    pub(crate) name_clearance: bool,
    pub(crate) now: Timestamp,
    pub(crate) door: DoorFacts,
}

impl Plan {
    pub(crate) fn new() -> Self {
        let order = closing(Class::Containment);
        let restriction = first_restriction(signed(&order, &["leitung-1"]).id());
        let fine = opening(&[restriction], &[], Becomes::Open);
        Self {
            clearance: full_clearance("kasse-001"),
            clearance_by: vec!["forensik-1", "forensik-aussen-1"],
            withdraw: None,
            raise_by: None,
            consent: Some(consent(signed(&fine, &[]).id())),
            opening: fine,
            opening_by: vec!["leitung-1"],
            consent_by: vec!["kasse-001-ja"],
            standing: None,
            refusal: None,
            name_clearance: true,
            now: T0.plus(Seconds(HOUR)),
            door: door_facts(restriction, Class::Containment),
            closing: order,
        }
    }

    /// The closing was ordered so much later, after the clearance was written.
    pub(crate) fn ordered_after(mut self, seconds: u64) -> Self {
        let signal = self.door.active[0].signal.clone();
        self.closing.issued = T0.plus(Seconds(seconds));
        let Act::Tighten { class, .. } = self.closing.act else {
            unreachable!()
        };
        self = self.class(class);
        self.door.active[0].signal = signal;
        self
    }

    pub(crate) fn class(mut self, class: Class) -> Self {
        let Act::Tighten { class: stored, .. } = &mut self.closing.act else {
            unreachable!()
        };
        *stored = class;
        let restriction = first_restriction(signed(&self.closing, &["leitung-1"]).id());
        self.door = door_facts(restriction, class);
        self.opening = opening(&[restriction], &[], Becomes::Open);
        self
    }

    pub(crate) fn limited(mut self, until_hours: u64) -> Self {
        self.clearance.grade = Grade::Limited {
            cells: BTreeSet::from([cell("kasse-001/kim")]),
            peers: None,
            directions: BTreeSet::from([Flow::Intake, Flow::Fetch]),
            until: T0.plus(Seconds(until_hours * HOUR)),
        };
        self
    }

    pub(crate) fn run(self) -> Result<Permit, Refused> {
        self.run_both().0
    }

    /// What the door answers, and everything that was foretold to be missing.
    pub(crate) fn run_both(mut self) -> (Result<Permit, Refused>, Vec<String>) {
        let mut world = World::new();
        world.must(&signed(&self.closing, &["leitung-1"]));
        if let Some(by) = self.raise_by {
            let raise = Closing {
                act: Act::Raise {
                    to: Class::Containment,
                    only: None,
                },
                signal: None,
                scope: Scope::insurer(insurer("kasse-001")),
                ..closing(Class::Containment)
            };
            world.must(&signed(&raise, &[by]));
        }
        let clearance = signed(&self.clearance, &self.clearance_by);
        world.append(&clearance);
        if self.name_clearance {
            self.opening.clearances.insert(clearance.id());
        }
        if let Some((what, by)) = self.withdraw {
            let withdraws = what(&self, clearance.id());
            let reason = text("neuer Befund");
            world.must(&signed(
                &Withdrawal {
                    estate: estate(),
                    withdraws,
                    reason,
                    issued: T0,
                },
                &[by],
            ));
        }
        let order = signed(&self.opening, &self.opening_by);
        world.append(&order);
        if let Some(consent) = &mut self.consent {
            consent.opening = order.id();
            world.append(&signed(consent, &self.consent_by));
        }
        if let Some(standing) = &self.standing {
            world.append(&signed(standing, &self.consent_by));
        }
        if let Some((everything, by)) = self.refusal {
            let against = everything.map_or(Against::Statement(order.id()), |_| Against::Everything);
            let insurer = insurer("kasse-001");
            let reason = text("noch nicht");
            world.must(&signed(
                &Refusal {
                    estate: estate(),
                    insurer,
                    against,
                    reason,
                    issued: T0,
                },
                &[by],
            ));
        }
        let view = world.fresh(self.now).unwrap();
        let answer = world.authority.permit(order.id(), &self.door, &view);
        let asked = Authenticated::verify(&order).unwrap();
        let forecast = world.authority.forecast(&asked, &self.door, self.now);
        foretold(&answer, &forecast);
        let of_the_log = world.authority.forecast_of(order.id(), &self.door, self.now);
        let said = |forecast: &Forecast| forecast.missing.iter().map(ToString::to_string).collect();
        let lacks: Vec<String> = said(&forecast);
        assert_eq!(
            of_the_log.as_ref().map(said).unwrap_or_else(|| lacks.clone()),
            lacks
        );
        (answer, lacks)
    }
}

pub(crate) fn standing(to: StandingFor) -> StandingConsent {
    StandingConsent {
        estate: estate(),
        insurer: insurer("kasse-001"),
        services: BTreeSet::from(["kim".parse().unwrap()]),
        to,
        hours: None,
        issued: T0,
        expires: T0.plus(Seconds(30 * 24 * HOUR)),
    }
}

/// What is changed, how, and what the refusal must say.
pub(crate) type Row = (&'static str, fn(Plan) -> Plan, &'static str);

/// Whoever asks ahead hears what the door then says: nothing missing exactly where it opens, and its own refusal among
/// what is missing.
fn foretold(answer: &Result<Permit, Refused>, forecast: &Forecast) {
    let said: Vec<String> = forecast.missing.iter().map(ToString::to_string).collect();
    match answer {
        Ok(permit) => {
            assert!(said.is_empty(), "the door opens, and this was foretold: {said:?}");
            assert_eq!(forecast.consent, permit.consent());
            if permit.consent().is_some() {
                assert_eq!(forecast.stands_on.as_ref(), Some(permit.stands_on()));
            }
        }
        // A statement that is not in the log is not known at the door, whatever else is missing.
        Err(Refused::UnknownOpening(_)) => assert!(!said.is_empty()),
        Err(Refused::Several(parts)) => {
            for part in parts.parts() {
                let foretold = said.iter().any(|line| *line == part.to_string());
                let over = said.iter().any(|line| line.contains("abgelaufen"));
                assert!(foretold || over, "{part} was not foretold: {said:?}");
            }
        }
        Err(refused) => assert!(
            said.contains(&refused.to_string()),
            "{refused} was not foretold: {said:?}"
        ),
    }
}
