//! The refusals, one row each: everything as it should be, and one thing wrong. The door stays shut, and the refusal
//! says in two languages what is missing.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

mod common;

use std::collections::BTreeSet;

use clearance::{After, Basis, Clearance, Consent, StandingConsent, StandingFor, Withdraws};
use common::{
    HOUR, T0, full_clearance,
    plan::{Plan, Row, standing},
};
use order::Opening;
use vocabulary::{Digest, Epoch, Seconds};

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

/// Nobody has to ask four times: one clearance is over, signed by too few, taken back and older than what it should lift;
/// the opening has no commander who counts, no consent, and another epoch.
#[test]
fn everything_that_is_missing_is_named_at_once() {
    let mut plan = Plan::new();
    plan.clearance.expires = T0.plus(Seconds(HOUR / 2));
    plan.withdraw = Some((|_, id| Withdraws::Clearance(id), "forensik-1"));
    plan.door.active[0].since = T0.plus(Seconds(1));
    plan.door.epoch = Epoch(8);
    plan.consent = None;
    let (answer, lacks) = plan.run_both();
    assert!(answer.is_err());
    for word in [
        "abgelaufen",
        "zurückgezogen",
        "was danach geschah, hat niemand untersucht",
        "Stand 7",
        "Zustimmung der Kasse kasse-001",
    ] {
        assert!(lacks.iter().any(|lack| lack.contains(word)), "{word}: {lacks:#?}");
    }
    assert_eq!(lacks.len(), 5, "{lacks:#?}");
}

const CONTAINMENT: &[Row] = &[
    (
        "clearance from before the containment",
        |p| p.ordered_after(1),
        "was danach geschah, hat niemand untersucht",
    ),
    (
        "clearance from before the door was closed, by the door's own record",
        |mut p| {
            p.door.active[0].since = T0.plus(Seconds(1));
            p
        },
        "nobody examined what happened after it",
    ),
    (
        "limited clearance from before the containment",
        |p| {
            let mut p = p.ordered_after(1).limited(3);
            p.opening.becomes = order::Becomes::Limited {
                until: T0.plus(Seconds(2 * HOUR)),
            };
            p
        },
        "was danach geschah, hat niemand untersucht",
    ),
    (
        "clearance dated into the future",
        |p| Plan {
            clearance: Clearance {
                issued: T0.plus(Seconds(500 * HOUR)),
                expires: T0.plus(Seconds(510 * HOUR)),
                ..p.clearance.clone()
            },
            ..p
        },
        "erst für",
    ),
    (
        "opening dated into the future",
        |p| Plan {
            opening: Opening {
                issued: T0.plus(Seconds(500 * HOUR)),
                expires: T0.plus(Seconds(510 * HOUR)),
                ..p.opening.clone()
            },
            ..p
        },
        "erst für",
    ),
    (
        "consent dated into the future",
        |p| Plan {
            consent: p.consent.clone().map(|c| Consent {
                issued: T0.plus(Seconds(500 * HOUR)),
                expires: T0.plus(Seconds(510 * HOUR)),
                ..c
            }),
            ..p
        },
        "Zustimmung der Kasse",
    ),
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
