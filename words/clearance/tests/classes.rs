//! What each class and each kind of operation needs: no less, and no more.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

mod common;

use std::collections::BTreeSet;

use clearance::{After, Basis, Clearance, Consent, Grade, StandingConsent, StandingFor, Withdraws};
use common::{
    HOUR, T0, first_restriction, full_clearance,
    plan::{Plan, Row, standing},
    text,
};
use order::{Act, Becomes, Stance};
use vocabulary::{Class, Digest, Flow, Seconds};

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
        "precautionary by one commander with a clearance and the insurer",
        |p| p.class(Class::Precautionary),
        "",
    ),
    (
        "ordered in the very second of the clearance",
        |p| p.ordered_after(0),
        "",
    ),
    (
        "maintenance after the clearance",
        |p| p.class(Class::Maintenance).ordered_after(60),
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
            Plan { consent: None, ..p }
        },
        "1 von 2 Einsatzleitungs-Unterschriften",
    ),
    (
        "precautionary by one commander",
        |p| Plan {
            consent: None,
            ..p.class(Class::Precautionary)
        },
        "1 von 2 Einsatzleitungs-Unterschriften",
    ),
    (
        "precautionary by two keys of one commander",
        |p| Plan {
            opening_by: vec!["leitung-1", "leitung-1+2"],
            consent: None,
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
    let mut ends_earlier = provisional(6);
    ends_earlier.clearance.expires = T0.plus(Seconds(5 * HOUR));
    assert!(
        ends_earlier.run().unwrap_err().to_string().contains("endet"),
        "not beyond the clearance itself"
    );
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
