//! Permissions on top of restrictions: limited operation and emergency. They end by themselves; what is below does not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests stop at the first surprise"
)]

mod estate;

use std::collections::BTreeSet;

use clearance::Grade;
use door::{House, Moment};
use estate::*;
use order::{Becomes, Stance};
use vocabulary::{Class, DoorId, Flow, FlowRules, Millis, Position, Scope, Seconds, Timestamp};

fn kim() -> DoorId {
    door_id("kasse-001/kim")
}

fn limited(outside: &mut Outside, house: &mut House, hours: u64) -> Timestamp {
    let until = outside.time.plus(Seconds(hours * 3600));
    let grade = Grade::Limited {
        cells: BTreeSet::from([kim().cell().clone()]),
        peers: Some(BTreeSet::from([String::from("praxis-1").try_into().unwrap()])),
        directions: BTreeSet::from([Flow::Fetch]),
        until,
    };
    let clearance = clear(outside, "kasse-001", grade, &["examiner-1", "examiner-2"]);
    catch_up(outside, house);
    let opening = outside.opening(
        vec![named(house, &kim())],
        Becomes::Limited { until },
        BTreeSet::from([clearance]),
    );
    let signed = outside.signed(&opening, &["commander-1"]);
    let id = outside.publish(&signed);
    say_yes(outside, id);
    freshen(outside, house);
    let outcome = house.open_doors(id, [kim()], moment(outside)).unwrap();
    assert_eq!(outcome.refused, vec![]);
    until
}

#[test]
fn limited_operation_passes_named_flows_for_named_peers_until_it_ends() {
    let (dir, mut outside) = (tempfile::tempdir().unwrap(), Outside::new(1));
    let mut house = enrol(&outside, dir.path());
    limited(&mut outside, &mut house, 2);
    let gate = house.gate(&kim()).unwrap();
    let permit = gate.pass_for(Flow::Fetch, "praxis-1").unwrap();
    assert!(
        gate.pass_for(Flow::Fetch, "praxis-2")
            .unwrap_err()
            .to_string()
            .contains("not released")
    );
    assert!(
        gate.pass(Flow::Fetch).is_err(),
        "nobody in particular is nobody named"
    );
    assert!(gate.pass_for(Flow::Forward, "praxis-1").is_err());
    assert_ne!(
        gate.view().position,
        Position::Open,
        "limited is never called open"
    );

    // A wall clock a year off changes nothing, either way; the monotonic clock ends it.
    let mono = |outside: &Outside, secs: u64| Millis(moment(outside).mono.0 + secs * 1000);
    for years in [-1_i64, 1] {
        let wall = Timestamp(outside.time.0 + years * 365 * 86_400);
        house
            .tick(Moment {
                wall,
                mono: mono(&outside, 7100),
            })
            .unwrap();
        assert!(permit.still_valid());
    }
    let reports = house
        .tick(Moment {
            wall: Timestamp(0),
            mono: mono(&outside, 7201),
        })
        .unwrap();
    assert_eq!(reports.len(), 1);
    assert!(!permit.still_valid());
    assert_eq!(gate.view().rules, FlowRules::HELD);
}

#[test]
fn a_grant_that_ended_while_the_door_was_off_does_not_come_back() {
    let (dir, mut outside) = (tempfile::tempdir().unwrap(), Outside::new(1));
    let mut house = enrol(&outside, dir.path());
    limited(&mut outside, &mut house, 2);
    drop(house);
    outside.time = outside.time.plus(Seconds(3 * 3600));
    let mut house = reopen(&outside, dir.path()).unwrap();
    assert_eq!(house.gate(&kim()).unwrap().view().rules, FlowRules::HELD);
    freshen(&mut outside, &mut house);
    assert_eq!(house.gate(&kim()).unwrap().view().rules, FlowRules::HELD);
    assert!(
        house
            .gate(&kim())
            .unwrap()
            .pass_for(Flow::Fetch, "praxis-1")
            .is_err()
    );
}

#[test]
fn emergency_lies_on_top_of_held() {
    let (dir, mut outside) = (tempfile::tempdir().unwrap(), Outside::new(1));
    let mut house = enrol(&outside, dir.path());
    let clearance = clear(
        &mut outside,
        "notbetrieb-1",
        Grade::Full,
        &["examiner-1", "examiner-2"],
    );
    catch_up(&outside, &mut house);
    let mut entry = named(&house, &kim());
    entry.lifts.clear();
    let identity: order::AgeRecipient = "age1notbetrieb".parse().unwrap();
    let becomes = Becomes::Emergency {
        environment: "notbetrieb-1".parse().unwrap(),
        identity: identity.clone(),
        until: outside.time.plus(Seconds(86_400)),
    };
    let opening = outside.opening(vec![entry], becomes, BTreeSet::from([clearance]));
    let signed = outside.signed(&opening, &["commander-1"]);
    let id = outside.publish(&signed);
    let mut consent = outside.consent(&outside.insurers[0].clone(), id);
    consent.identity = Some(identity);
    let signed = outside.signed(&consent, &["kasse-001-ja"]);
    outside.publish(&signed);
    freshen(&mut outside, &mut house);
    let gate = house.gate(&kim()).unwrap();
    assert!(gate.emergency().is_err());
    let outcome = house.open_doors(id, [kim()], moment(&outside)).unwrap();
    assert_eq!(outcome.refused, vec![]);
    let permit = gate.emergency().unwrap();
    assert_eq!(
        gate.view().rules,
        FlowRules::HELD,
        "unchanged for senders, the contained side stays cut"
    );

    // A cut that asks for no more than Held leaves the vital process running; a Shut by name stops it.
    close(
        &mut outside,
        &mut house,
        scope_all(),
        Stance::Shut,
        Class::Precautionary,
    );
    assert!(permit.still_valid());
    outside.time = outside.time.plus(Seconds(1));
    let cell = kim().cell().clone();
    close(
        &mut outside,
        &mut house,
        Scope::cell(cell.insurer, cell.service),
        Stance::Shut,
        Class::Precautionary,
    );
    assert!(!permit.still_valid() && gate.emergency().is_err());
}
