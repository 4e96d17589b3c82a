//! The refusals, one row each: everything as it should be, and one thing wrong. The door stays shut, and the refusal
//! says in two languages what is missing.

mod common;

use std::collections::BTreeSet;

use clearance::{
    After, Against, Basis, Clearance, Consent, DoorFacts, Grade, Permit, Refusal, Refused, StandingConsent,
    StandingFor, Withdrawal, Withdraws,
};
use common::{
    HOUR, T0, World, closing, consent, door_facts, estate, first_restriction, full_clearance, opening,
    signed, text,
};
use order::{Act, Becomes, Closing, Opening, Stance};
use vocabulary::{Class, Digest, Epoch, Flow, Seconds, Timestamp};

/// Everything that goes into one opening; the default is in order.
struct Plan {
    closing: Closing,
    clearance: Clearance,
    clearance_by: Vec<&'static str>,
    withdraw: Option<(fn(&Plan, vocabulary::StatementId) -> Withdraws, &'static str)>,
    raise_by: Option<&'static str>,
    opening: Opening,
    opening_by: Vec<&'static str>,
    consent: Option<Consent>,
    consent_by: Vec<&'static str>,
    standing: Option<StandingConsent>,
    refusal: Option<(Option<&'static str>, &'static str)>,
    name_clearance: bool,
    now: Timestamp,
    door: DoorFacts,
}

impl Plan {
    fn new() -> Self {
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

    fn class(mut self, class: Class) -> Self {
        let Act::Tighten { class: stored, .. } = &mut self.closing.act else {
            unreachable!()
        };
        *stored = class;
        let restriction = first_restriction(signed(&self.closing, &["leitung-1"]).id());
        self.door = door_facts(restriction, class);
        self.opening = opening(&[restriction], &[], Becomes::Open);
        self
    }

    fn limited(mut self, until_hours: u64) -> Self {
        self.clearance.grade = Grade::Limited {
            cells: BTreeSet::from([common::cell("kasse-001/kim")]),
            peers: None,
            directions: BTreeSet::from([Flow::Intake, Flow::Fetch]),
            until: T0.plus(Seconds(until_hours * HOUR)),
        };
        self
    }

    fn run(mut self) -> Result<Permit, Refused> {
        let mut world = World::new();
        world.must(&signed(&self.closing, &["leitung-1"]));
        if let Some(by) = self.raise_by {
            let raise = Closing {
                act: Act::Raise {
                    to: Class::Containment,
                    only: None,
                },
                signal: None,
                scope: vocabulary::Scope::insurer(common::insurer("kasse-001")),
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
            let insurer = common::insurer("kasse-001");
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
        world.authority.permit(order.id(), &self.door, &view)
    }
}

fn standing(to: StandingFor) -> StandingConsent {
    StandingConsent {
        estate: estate(),
        insurer: common::insurer("kasse-001"),
        services: BTreeSet::from(["kim".parse().unwrap()]),
        to,
        hours: None,
        issued: T0,
        expires: T0.plus(Seconds(30 * 24 * HOUR)),
    }
}

#[test]
fn everything_in_order_opens_the_door() {
    let permit = Plan::new().run().unwrap();
    assert_eq!(permit.epoch(), Epoch(7));
    assert_eq!(permit.becomes(), &After::Open);
    assert_eq!(permit.lifts().len(), 1);
    assert_eq!(permit.stands_on().clearances.len(), 1);
    assert!(
        permit
            .stands_on()
            .evidence
            .contains(&Digest::of(b"image of host 1"))
    );
    assert!(permit.consent().is_some());
}

type Row = (&'static str, fn(Plan) -> Plan, &'static str);

const CONTAINMENT: &[Row] = &[
    (
        "one examiner",
        |p| Plan {
            clearance_by: vec!["forensik-aussen-1"],
            ..p
        },
        "Freigabe",
    ),
    (
        "one examiner with two keys",
        |p| Plan {
            clearance_by: vec!["forensik-aussen-1", "forensik-aussen-1+2"],
            ..p
        },
        "nicht bekannt",
    ),
    (
        "no examiner from outside",
        |p| Plan {
            clearance_by: vec!["forensik-1", "forensik-2"],
            ..p
        },
        "nicht bekannt",
    ),
    (
        "foreign examiners",
        |p| Plan {
            clearance_by: vec!["fremder-1", "fremder-2"],
            ..p
        },
        "nicht bekannt",
    ),
    (
        "no clearance named",
        |p| Plan {
            name_clearance: false,
            ..p
        },
        "die Öffnung nennt keine",
    ),
    (
        "expired clearance",
        |p| Plan {
            now: T0.plus(Seconds(49 * HOUR)),
            opening: Opening {
                expires: T0.plus(Seconds(99 * HOUR)),
                ..p.opening.clone()
            },
            consent: p.consent.clone().map(|c| Consent {
                expires: T0.plus(Seconds(99 * HOUR)),
                ..c
            }),
            ..p
        },
        "abgelaufen",
    ),
    (
        "foreign clearance",
        |p| Plan {
            clearance: full_clearance("kasse-002"),
            ..p
        },
        "gilt für kasse-002",
    ),
    (
        "limited clearance for normal operation",
        |p| p.limited(8),
        "begrenzt und trägt keinen Regelbetrieb",
    ),
    (
        "clearance withdrawn by one examiner",
        |p| Plan {
            withdraw: Some((|_, id| Withdraws::Clearance(id), "forensik-2")),
            ..p
        },
        "zurückgezogen",
    ),
    (
        "clearance withdrawn by the insurer",
        |p| Plan {
            withdraw: Some((|_, id| Withdraws::Clearance(id), "kasse-001-nein")),
            ..p
        },
        "zurückgezogen",
    ),
    (
        "evidence withdrawn",
        |p| Plan {
            withdraw: Some((
                |_, _| Withdraws::Evidence(Digest::of(b"image of host 1")),
                "forensik-2",
            )),
            ..p
        },
        "zurückgezogen",
    ),
    (
        "evidence root withdrawn",
        |p| Plan {
            withdraw: Some((
                |p, _| Withdraws::Evidence(p.clearance.evidence_root),
                "forensik-2",
            )),
            ..p
        },
        "zurückgezogen",
    ),
    (
        "no commander",
        |p| Plan {
            opening_by: vec![],
            ..p
        },
        "nicht bekannt",
    ),
    (
        "an examiner is no commander",
        |p| Plan {
            opening_by: vec!["forensik-1"],
            ..p
        },
        "nicht bekannt",
    ),
    (
        "no consent",
        |p| Plan { consent: None, ..p },
        "Zustimmung der Kasse kasse-001",
    ),
    (
        "consent by another insurer",
        |p| Plan {
            consent_by: vec!["kasse-002-ja"],
            ..p
        },
        "Zustimmung der Kasse kasse-001",
    ),
    (
        "consent by who may only refuse",
        |p| Plan {
            consent_by: vec!["kasse-001-nein"],
            ..p
        },
        "Zustimmung der Kasse kasse-001",
    ),
    (
        "consent by the deputy",
        |p| Plan {
            consent_by: vec!["kasse-001-vertretung"],
            ..p
        },
        "Zustimmung der Kasse kasse-001",
    ),
    (
        "consent expired",
        |p| Plan {
            now: T0.plus(Seconds(20 * HOUR)),
            consent: p.consent.clone().map(|c| Consent {
                expires: T0.plus(Seconds(19 * HOUR)),
                ..c
            }),
            ..p
        },
        "Die Zustimmung der Kasse ist seit",
    ),
    (
        "refusal of this opening",
        |p| Plan {
            refusal: Some((None, "kasse-001-nein")),
            ..p
        },
        "hat abgelehnt",
    ),
    (
        "refusal of everything",
        |p| Plan {
            refusal: Some((Some("all"), "kasse-001-nein")),
            ..p
        },
        "hat abgelehnt",
    ),
    (
        "another epoch",
        |p| {
            let mut p = p;
            p.door.epoch = Epoch(8);
            p
        },
        "Stand 7 der Tür, sie ist bei 8",
    ),
    (
        "replay after the door moved on",
        |p| {
            let mut p = p;
            p.door.epoch = Epoch(8);
            p.door.active.clear();
            p
        },
        "Stand 7",
    ),
    (
        "restriction not active",
        |p| {
            let mut p = p;
            p.door.active.clear();
            p
        },
        "nicht aktiv",
    ),
    (
        "another door",
        |p| {
            let mut p = p;
            p.door.door = "kasse-001/eau".parse().unwrap();
            p.door.place.service = "eau".parse().unwrap();
            p
        },
        "nennt die Tür",
    ),
    (
        "place and name differ",
        |p| {
            let mut p = p;
            p.door.place.insurer = common::insurer("kasse-002");
            p
        },
        "nicht zu ihrem Namen",
    ),
    (
        "opening expired",
        |p| Plan {
            now: T0.plus(Seconds(25 * HOUR)),
            ..p
        },
        "Die Öffnung ist seit",
    ),
    (
        "one person commands and examines",
        |p| Plan {
            opening_by: vec!["alleskoenner"],
            clearance_by: vec!["alleskoenner", "forensik-1"],
            ..p
        },
        "alleskoenner kann nicht zwei Teile",
    ),
    (
        "standing consent for provisional operation only",
        |p| Plan {
            consent: None,
            standing: Some(standing(StandingFor::Limited { hours_max: 12 })),
            ..p
        },
        "Zustimmung der Kasse",
    ),
    (
        "standing consent expired",
        |p| Plan {
            consent: None,
            standing: Some(StandingConsent {
                expires: T0.plus(Seconds(HOUR / 2)),
                ..standing(StandingFor::Reopening)
            }),
            ..p
        },
        "Die Zustimmung der Kasse ist seit",
    ),
    (
        "standing consent for another service",
        |p| Plan {
            consent: None,
            standing: Some(StandingConsent {
                services: BTreeSet::from(["eau".parse().unwrap()]),
                ..standing(StandingFor::Reopening)
            }),
            ..p
        },
        "Zustimmung der Kasse",
    ),
    (
        "standing consent at other hours",
        |p| Plan {
            consent: None,
            standing: Some(StandingConsent {
                hours: Some((6, 20)),
                ..standing(StandingFor::Reopening)
            }),
            ..p
        },
        "Zustimmung der Kasse",
    ),
    (
        "explains another signal",
        |p| Plan {
            clearance: Clearance {
                basis: Basis::SignalExplained {
                    signal: "signal-2".parse().unwrap(),
                },
                ..p.clearance.clone()
            },
            ..p
        },
        "erklärt nur das Signal",
    ),
];

#[test]
fn one_thing_wrong_and_containment_stays() {
    for (name, change, fragment) in CONTAINMENT {
        let refused = change(Plan::new())
            .run()
            .err()
            .unwrap_or_else(|| panic!("{name}: a permit was given"));
        let words = refused.to_string();
        assert!(words.contains(fragment), "{name}: {words}");
        assert!(words.contains(" / "), "{name} speaks one language only: {words}");
    }
}

const FINE: &[Row] = &[
    (
        "two keys of the commander",
        |p| Plan {
            opening_by: vec!["leitung-1", "leitung-1+2"],
            ..p
        },
        "",
    ),
    (
        "standing consent",
        |p| Plan {
            consent: None,
            standing: Some(standing(StandingFor::Reopening)),
            ..p
        },
        "",
    ),
    (
        "standing consent over midnight",
        |p| Plan {
            consent: None,
            standing: Some(StandingConsent {
                hours: Some((20, 6)),
                ..standing(StandingFor::Reopening)
            }),
            ..p
        },
        "",
    ),
    (
        "not endangered",
        |p| Plan {
            clearance: Clearance {
                basis: Basis::NotEndangered {
                    because: text("eigenes Netz, nie verbunden"),
                },
                examined: BTreeSet::new(),
                checklist: vec![],
                ..p.clearance.clone()
            },
            ..p
        },
        "",
    ),
    (
        "its own signal explained",
        |p| Plan {
            clearance: Clearance {
                basis: Basis::SignalExplained {
                    signal: "signal-1".parse().unwrap(),
                },
                ..p.clearance.clone()
            },
            ..p
        },
        "",
    ),
    (
        "two roles, but enough others",
        |p| Plan {
            opening_by: vec!["alleskoenner"],
            clearance_by: vec!["alleskoenner", "forensik-1", "forensik-aussen-1"],
            ..p
        },
        "",
    ),
    (
        "another insurer withdraws somebody else's clearance",
        |p| Plan {
            withdraw: Some((|_, id| Withdraws::Clearance(id), "kasse-002-nein")),
            ..p
        },
        "",
    ),
    (
        "maintenance by one commander",
        |p| Plan {
            clearance_by: vec![],
            consent: None,
            ..p.class(Class::Maintenance)
        },
        "",
    ),
    (
        "precautionary by two commanders",
        |p| Plan {
            consent: None,
            opening_by: vec!["leitung-1", "leitung-2"],
            ..p.class(Class::Precautionary)
        },
        "",
    ),
    (
        "precautionary after the window, as containment",
        |p| Plan {
            now: T0.plus(Seconds(5 * HOUR)),
            ..p.class(Class::Precautionary)
        },
        "",
    ),
];

#[test]
fn what_is_enough_is_enough() {
    for (name, change, _) in FINE {
        change(Plan::new())
            .run()
            .unwrap_or_else(|refused| panic!("{name}: {refused}"));
    }
}

const LIGHTER: &[Row] = &[
    (
        "maintenance by nobody",
        |p| Plan {
            opening_by: vec![],
            ..p.class(Class::Maintenance)
        },
        "nicht bekannt",
    ),
    (
        "maintenance, but the insurer refused",
        |p| Plan {
            refusal: Some((Some("all"), "kasse-001-nein")),
            ..p.class(Class::Maintenance)
        },
        "hat abgelehnt",
    ),
    (
        "maintenance with containment at the door",
        |p| {
            let mut p = p.class(Class::Maintenance);
            let mut other = p.door.active[0].clone();
            other.id = first_restriction(vocabulary::StatementId(Digest::of(b"other")));
            other.class = Class::Containment;
            p.door.active.push(other);
            Plan {
                name_clearance: false,
                ..p
            }
        },
        "Freigabe",
    ),
    (
        "maintenance with precautionary at the door",
        |p| {
            let mut p = p.class(Class::Maintenance);
            let mut other = p.door.active[0].clone();
            other.id = first_restriction(vocabulary::StatementId(Digest::of(b"other")));
            other.class = Class::Precautionary;
            p.door.active.push(other);
            p
        },
        "1 von 2 Einsatzleitungs-Unterschriften",
    ),
    (
        "precautionary by one commander",
        |p| p.class(Class::Precautionary),
        "1 von 2 Einsatzleitungs-Unterschriften",
    ),
    (
        "precautionary by two keys of one commander",
        |p| Plan {
            opening_by: vec!["leitung-1", "leitung-1+2"],
            ..p.class(Class::Precautionary)
        },
        "1 von 2 Einsatzleitungs-Unterschriften",
    ),
    (
        "precautionary after the window",
        |p| Plan {
            opening_by: vec!["leitung-1", "leitung-2"],
            name_clearance: false,
            now: T0.plus(Seconds(5 * HOUR)),
            ..p.class(Class::Precautionary)
        },
        "Freigabe",
    ),
    (
        "precautionary at a door whose clock is a year ahead",
        |p| {
            let mut p = p.class(Class::Precautionary);
            p.closing.issued = T0.plus(Seconds(365 * 24 * HOUR));
            let p2 = p.class(Class::Precautionary);
            let mut p = p2;
            p.door.active[0].since = T0.plus(Seconds(365 * 24 * HOUR));
            Plan {
                opening_by: vec!["leitung-1", "leitung-2"],
                name_clearance: false,
                ..p
            }
        },
        "Freigabe",
    ),
    (
        "precautionary, raised by an examiner",
        |p| Plan {
            opening_by: vec!["leitung-1", "leitung-2"],
            name_clearance: false,
            raise_by: Some("forensik-1"),
            ..p.class(Class::Precautionary)
        },
        "Freigabe",
    ),
    (
        "precautionary, raised by the insurer",
        |p| Plan {
            opening_by: vec!["leitung-1", "leitung-2"],
            name_clearance: false,
            raise_by: Some("kasse-001-ja"),
            ..p.class(Class::Precautionary)
        },
        "Freigabe",
    ),
];

#[test]
fn lighter_classes_have_their_own_limits() {
    for (name, change, fragment) in LIGHTER {
        let refused = change(Plan::new())
            .run()
            .err()
            .unwrap_or_else(|| panic!("{name}: a permit was given"));
        assert!(refused.to_string().contains(fragment), "{name}: {refused}");
    }
}

fn provisional(until_hours: u64) -> Plan {
    let mut plan = Plan::new().limited(8);
    plan.opening.becomes = Becomes::Limited {
        until: T0.plus(Seconds(until_hours * HOUR)),
    };
    plan
}

#[test]
fn provisional_operation_stays_inside_its_clearance() {
    let permit = provisional(6).run().unwrap();
    let After::Limited { until, rules } = permit.becomes() else {
        panic!("{permit:?}")
    };
    assert_eq!(*until, T0.plus(Seconds(6 * HOUR)));
    assert_eq!(rules.flows, BTreeSet::from([Flow::Intake, Flow::Fetch]));

    let longer = provisional(9).run().unwrap_err();
    assert!(longer.to_string().contains("endet"), "{longer}");
    let mut other_cell = provisional(6);
    let Grade::Limited { cells, .. } = &mut other_cell.clearance.grade else {
        unreachable!()
    };
    *cells = BTreeSet::from([common::cell("kasse-001/eau")]);
    assert!(
        other_cell
            .run()
            .unwrap_err()
            .to_string()
            .contains("nennt die Zelle")
    );
    let mut full = provisional(6);
    full.clearance = full_clearance("kasse-001");
    assert!(full.run().unwrap_err().to_string().contains("keine Grenzen"));
    let over = Plan {
        now: T0.plus(Seconds(7 * HOUR)),
        ..provisional(6)
    };
    assert!(over.run().is_err(), "provisional operation that is already over");
    let agreed = |hours_max| Plan {
        consent: None,
        standing: Some(standing(StandingFor::Limited { hours_max })),
        ..provisional(6)
    };
    agreed(5).run().unwrap();
    assert!(agreed(4).run().is_err(), "five hours from now are more than four");
}

fn emergency(environment: &str) -> Plan {
    let mut plan = Plan::new();
    plan.clearance = full_clearance("notbetrieb-kim");
    plan.opening.doors[0].lifts.clear();
    plan.opening.becomes = Becomes::Emergency {
        environment: environment.parse().unwrap(),
        identity: "age1notbetrieb".parse().unwrap(),
        until: T0.plus(Seconds(12 * HOUR)),
    };
    plan.consent = plan.consent.map(|c| Consent {
        identity: Some("age1notbetrieb".parse().unwrap()),
        ..c
    });
    plan
}

#[test]
fn emergency_needs_its_own_clearance_and_the_named_identity() {
    let permit = emergency("notbetrieb-kim").run().unwrap();
    assert!(permit.lifts().is_empty() && matches!(permit.becomes(), After::Emergency { .. }));

    let silent = Plan {
        consent: emergency("notbetrieb-kim")
            .consent
            .map(|c| Consent { identity: None, ..c }),
        ..emergency("notbetrieb-kim")
    };
    assert!(
        silent
            .run()
            .unwrap_err()
            .to_string()
            .contains("Zustimmung der Kasse")
    );
    let other = Plan {
        clearance: full_clearance("notbetrieb-epa"),
        ..emergency("notbetrieb-kim")
    };
    assert!(
        other
            .run()
            .unwrap_err()
            .to_string()
            .contains("gilt für notbetrieb-epa")
    );
    let contained = Plan {
        clearance: full_clearance("kasse-002"),
        ..emergency("kasse-002")
    };
    assert!(
        contained
            .run()
            .unwrap_err()
            .to_string()
            .contains("keine Notumgebung")
    );
    let mut open = emergency("notbetrieb-kim");
    open.door.active.clear();
    assert!(open.run().unwrap_err().to_string().contains("gehaltene Tür"));
    let in_peace = StandingFor::Emergency {
        environment: "notbetrieb-kim".parse().unwrap(),
        identity: "age1notbetrieb".parse().unwrap(),
    };
    Plan {
        consent: None,
        standing: Some(standing(in_peace)),
        ..emergency("notbetrieb-kim")
    }
    .run()
    .unwrap();
    let other_key = StandingFor::Emergency {
        environment: "notbetrieb-kim".parse().unwrap(),
        identity: "age1andere".parse().unwrap(),
    };
    let refused = Plan {
        consent: None,
        standing: Some(standing(other_key)),
        ..emergency("notbetrieb-kim")
    }
    .run();
    assert!(refused.is_err(), "another identity than the one agreed in peace");
}

#[test]
fn the_stance_is_not_part_of_the_permission() {
    let mut plan = Plan::new();
    let Act::Tighten { stance, .. } = &mut plan.closing.act else {
        unreachable!()
    };
    *stance = Stance::Shut;
    let plan = plan.class(Class::Containment);
    assert!(
        Plan {
            consent: None,
            ..plan
        }
        .run()
        .is_err()
    );
}
