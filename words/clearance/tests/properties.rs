//! Random orders of arrival, random sets of signers, and an oracle that only counts persons.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use clearance::{
    Authority, Clearance, Permit, Withdrawal, Withdraws,
    promises::{self, Now, Opened},
};
use common::{
    FIRST, HOUR, T0, World, closing, consent, door_facts, estate, first_restriction, full_clearance, insurer,
    opening, signed, text,
};
use order::{Act, Becomes, Closing, Stance};
use proptest::prelude::*;
use vocabulary::{Class, Envelope, Scope, Seconds};

/// Statements towards more shut, which may come in any order and any number of times.
fn tightenings() -> Vec<Envelope> {
    let scopes = [
        Scope::everything(),
        Scope::insurer(insurer("kasse-001")),
        Scope::cell(insurer("kasse-002"), "kim".parse().unwrap()),
    ];
    let mut all = Vec::new();
    for (n, scope) in scopes.iter().enumerate() {
        for (stance, class, by) in [
            (Stance::Contain, Class::Containment, "leitung-1"),
            (Stance::Shut, Class::Precautionary, "leitung-2"),
            (Stance::Held, Class::Maintenance, "alleskoenner"),
        ] {
            let act = Act::Tighten {
                stance,
                class,
                drain: None,
            };
            let issued = T0.plus(Seconds(n as u64));
            all.push(signed(
                &Closing {
                    scope: scope.clone(),
                    act,
                    issued,
                    ..closing(class)
                },
                &[by],
            ));
        }
        let act = Act::Raise {
            to: Class::Containment,
            only: None,
        };
        let issued = T0.plus(Seconds(n as u64));
        all.push(signed(
            &Closing {
                scope: scope.clone(),
                act,
                issued,
                ..closing(Class::Containment)
            },
            &["forensik-1"],
        ));
    }
    let clearance = signed(&full_clearance("kasse-001"), &["forensik-1", "forensik-aussen-1"]);
    for (withdraws, by) in [
        (Withdraws::Clearance(clearance.id()), "forensik-2"),
        (Withdraws::Clearance(clearance.id()), "kasse-001-nein"),
        (
            Withdraws::Evidence(full_clearance("kasse-001").evidence_root),
            "forensik-1",
        ),
    ] {
        let reason = text("Fund");
        all.push(signed(
            &Withdrawal {
                estate: estate(),
                withdraws,
                reason,
                issued: T0,
            },
            &[by],
        ));
    }
    all.push(clearance);
    all
}

fn fold(statements: &[Envelope], order: &[usize]) -> Authority {
    let mut authority = Authority::install(estate(), FIRST.id().0).unwrap();
    authority.admit(&FIRST, None).unwrap();
    for at in order {
        authority.admit(&statements[*at], None).unwrap();
    }
    authority
}

/// Persons by key, as a person would write them on a whiteboard.
fn whiteboard() -> BTreeMap<&'static str, &'static str> {
    [
        ("leitung-1", "L1"),
        ("leitung-1+2", "L1"),
        ("leitung-2", "L2"),
        ("alleskoenner", "A"),
        ("forensik-1", "F1"),
        ("forensik-2", "F2"),
        ("forensik-aussen-1", "X1"),
        ("forensik-aussen-1+2", "X1"),
        ("forensik-aussen-2", "X2"),
        ("kasse-001-ja", "K1"),
        ("kasse-001-ja+2", "K1"),
        ("kasse-001-ja-2", "K2"),
        ("kasse-001-nein", "N"),
        ("kasse-001-vertretung", "V"),
        ("kasse-002-ja", "B"),
        ("wurzel-1", "W"),
        ("niemand", "?"),
    ]
    .into()
}

fn persons<'a>(keys: &[&str], may: &[&'a str]) -> BTreeSet<&'a str> {
    let board = whiteboard();
    may.iter()
        .copied()
        .filter(|person| keys.iter().any(|key| board[key] == *person))
        .collect()
}

/// Four different persons: a commander, an examiner, an examiner from outside, somebody of the insurer.
fn oracle(order: &[&str], cleared: &[&str], agreed: &[&str]) -> bool {
    let commanders = persons(order, &["L1", "L2", "A"]);
    let examiners = persons(cleared, &["F1", "F2", "X1", "X2", "A"]);
    let outside = persons(cleared, &["X1", "X2", "A"]);
    let insurers = persons(agreed, &["K1", "K2"]);
    let mut found = false;
    for commander in &commanders {
        for examiner in &examiners {
            for outsider in &outside {
                for yes in &insurers {
                    found |= BTreeSet::from([commander, examiner, outsider, yes]).len() == 4;
                }
            }
        }
    }
    found
}

fn some_keys() -> impl Strategy<Value = Vec<&'static str>> {
    let all: Vec<&'static str> = whiteboard().into_keys().collect();
    proptest::sample::subsequence(all, 0..=8)
}

fn case(order: &[&str], cleared: &[&str], agreed: &[&str]) -> (World, Vec<Envelope>, Option<Permit>) {
    let mut world = World::new();
    let cut = signed(&closing(Class::Containment), &["leitung-1"]);
    let restriction = first_restriction(cut.id());
    let clearance = signed(&full_clearance("kasse-001"), cleared);
    let opening = signed(&opening(&[restriction], &[clearance.id()], Becomes::Open), order);
    let consent = signed(&consent(opening.id()), agreed);
    let log = vec![cut, clearance, opening.clone(), consent];
    for envelope in &log {
        world.append(envelope);
    }
    let view = world.fresh(T0.plus(Seconds(HOUR))).unwrap();
    let permit = world
        .authority
        .permit(opening.id(), &door_facts(restriction, Class::Containment), &view)
        .ok();
    (world, log, permit)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_closes_commutes_and_repeats(order in proptest::collection::vec(0..16_usize, 0..24)) {
        let statements = tightenings();
        prop_assert_eq!(statements.len(), 16);
        let whole: Vec<usize> = (0..16).collect();
        let shuffled = [&order[..], &whole[..]].concat();
        let mut backwards = shuffled.clone();
        backwards.reverse();
        prop_assert_eq!(&fold(&statements, &shuffled), &fold(&statements, &whole));
        prop_assert_eq!(&fold(&statements, &backwards), &fold(&statements, &whole));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_permit_is_given_exactly_when_enough_different_persons_signed(
        order in some_keys(), cleared in some_keys(), agreed in some_keys(),
    ) {
        let (world, log, permit) = case(&order, &cleared, &agreed);
        prop_assert_eq!(permit.is_some(), oracle(&order, &cleared, &agreed));
        if let Some(permit) = &permit {
            let charter = world.authority.charter().unwrap();
            promises::order_1(charter, &log, &[permit]).unwrap();
            promises::door_2(charter, &log, &[Opened { permit, reached: &[], now: Now::Open }]).unwrap();
        }
    }

    #[test]
    fn rubbish_changes_nothing(kind in 0..12_usize, payload in proptest::collection::vec(any::<u8>(), 0..200)) {
        let kinds = ["charter", "charter-section", "closing", "standing-order", "opening", "clearance", "withdrawal",
            "consent", "refusal", "standing-consent", "delegation", "freshness"];
        let json = format!(
            r#"{{"payloadType":"application/vnd.bulkhead.{}+json;v=1","payload":"","signatures":["x"]}}"#, kinds[kind]);
        let mut envelope: Envelope = serde_json::from_str(&json).unwrap();
        envelope.payload = payload;
        let mut authority = fold(&[], &[]);
        prop_assert!(authority.admit(&envelope, None).is_err());
        prop_assert_eq!(authority, fold(&[], &[]));
    }
}

#[test]
fn the_oracle_is_no_constant() {
    assert!(oracle(
        &["leitung-1"],
        &["forensik-1", "forensik-aussen-1"],
        &["kasse-001-ja"]
    ));
    assert!(!oracle(
        &["leitung-1"],
        &["forensik-1", "forensik-2"],
        &["kasse-001-ja"]
    ));
    assert!(!oracle(
        &["alleskoenner"],
        &["forensik-1", "alleskoenner"],
        &["kasse-001-ja"]
    ));
    let all: Vec<&str> = whiteboard().into_keys().collect();
    assert!(case(&all, &all, &all).2.is_some());
}

#[test]
fn the_promises_can_break() {
    let good = ["forensik-1", "forensik-aussen-1"];
    let (world, log, permit) = case(&["leitung-1"], &good, &["kasse-001-ja"]);
    let (charter, permit) = (world.authority.charter().unwrap(), permit.unwrap());
    let without = |skipped: usize| -> Vec<Envelope> {
        log.iter()
            .enumerate()
            .filter(|(at, _)| *at != skipped)
            .map(|(_, envelope)| envelope.clone())
            .collect()
    };
    for skipped in [1, 2, 3] {
        assert!(
            promises::order_1(charter, &without(skipped), &[&permit]).is_err(),
            "without statement {skipped}"
        );
    }
    let mut robbed = log.clone();
    robbed[1].signatures.pop();
    assert!(
        promises::order_1(charter, &robbed, &[&permit]).is_err(),
        "one examiner fewer"
    );

    let limited = Clearance {
        grade: clearance::Grade::Limited {
            cells: BTreeSet::from([common::cell("kasse-001/kim")]),
            peers: None,
            directions: BTreeSet::from([vocabulary::Flow::Intake]),
            until: T0.plus(Seconds(HOUR)),
        },
        ..full_clearance("kasse-001")
    };
    let mut swapped = log.clone();
    swapped[1] = signed(&limited, &good);
    let open = Opened {
        permit: &permit,
        reached: &[],
        now: Now::Open,
    };
    assert!(promises::door_2(charter, &swapped, &[open]).is_err());

    let withdraws = Withdraws::Clearance(log[1].id());
    let away = signed(
        &Withdrawal {
            estate: estate(),
            withdraws,
            reason: text("Fund"),
            issued: T0,
        },
        &["forensik-2"],
    );
    let hidden = [&log[..], std::slice::from_ref(&away)].concat();
    let open = Opened {
        permit: &permit,
        reached: &[],
        now: Now::Open,
    };
    assert!(
        promises::door_2(charter, &hidden, &[open]).is_err(),
        "opened on what was withdrawn"
    );
    let mut later = World::new();
    for envelope in &log {
        later.append(envelope);
    }
    let clearance::Followed::Admitted(clearance::Admitted::Withdraw(withdrawn)) = later.append(&away) else {
        panic!("not withdrawn");
    };
    let reached = [&withdrawn];
    let opened = |now| Opened {
        permit: &permit,
        reached: &reached,
        now,
    };
    assert!(
        promises::door_2(charter, &log, &[opened(Now::Open)]).is_err(),
        "stays open after a withdrawal"
    );
    promises::door_2(charter, &log, &[opened(Now::Fallen)]).unwrap();
}
