//! Towards more shut: one signature, no network, no witness; one entry for thousands of doors; safe to repeat.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests stop at the first surprise"
)]

mod estate;

use std::collections::BTreeSet;
use std::time::Duration;

use door::{Applied, Effect, House, Moment, Recording, Signal};
use estate::*;
use order::{Closing, Stance, UseNumber, Uses};
use vocabulary::{Class, DoorId, Flow, FlowRules, Holdable, IntakeRule, Millis, Position, Scope, Seconds};

fn kim() -> DoorId {
    door_id("kasse-001/kim")
}

fn position(house: &House, door: &DoorId) -> Position {
    house.gate(door).unwrap().view().position
}

#[test]
fn an_order_from_a_file_closes_with_everything_else_off() {
    let (dir, mut outside) = (tempfile::tempdir().unwrap(), Outside::new(1));
    let mut house = enrol(&outside, dir.path());
    open_all(&mut outside, &mut house);
    // Pre-signed for many uses; the control room, the log and every witness are gone.
    let order = Closing {
        uses: Uses::Many {
            until: outside.time.plus(Seconds(365 * 86_400)),
        },
        ..outside.closing(scope_all(), Stance::Contain, Class::Containment, None)
    };
    let paper = outside.signed(&order, &["commander-2"]);
    let effect = house.admit(&paper, moment(&outside)).unwrap();
    assert!(
        matches!(effect, Effect::Doors(ref reports) if reports.len() == 2),
        "{effect:?}"
    );
    assert_eq!(position(&house, &kim()), Position::Held);
    assert_eq!(position(&house, &door_id("kasse-001/epa")), Position::Shut);

    // The same paper again is the same restriction; a second use is a second one.
    assert!(matches!(
        house.admit(&paper, moment(&outside)).unwrap(),
        Effect::Repeat
    ));
    assert_eq!(restrictions(&house, &kim()).len(), 1);
    assert_eq!(house.next_use(&paper.id()), UseNumber(2));
    house
        .use_again(paper.id(), UseNumber(2), moment(&outside))
        .unwrap();
    house
        .use_again(paper.id(), UseNumber(2), moment(&outside))
        .unwrap();
    assert_eq!(restrictions(&house, &kim()).len(), 2);

    // It survives a restart, though it never was in the authority log.
    drop(house);
    let mut house = reopen(&outside, dir.path()).unwrap();
    assert_eq!(restrictions(&house, &kim()).len(), 2);
    freshen(&mut outside, &mut house);
    assert_eq!(position(&house, &kim()), Position::Held);

    // An unsigned or foreign one closes nothing.
    outside.time = outside.time.plus(Seconds(1));
    let by_nobody = outside.closing(scope_all(), Stance::Shut, Class::Containment, None);
    let by_examiner = outside.signed(&by_nobody, &["examiner-1"]);
    let refused = house
        .admit(&by_examiner, moment(&outside))
        .unwrap_err()
        .to_string();
    assert!(refused.contains("commander"), "{refused}");
}

#[test]
fn commanders_closing_at_once_never_conflict() {
    let outside = Outside::new(1);
    let body = |class, reason: &str| Closing {
        reason: text(reason),
        ..outside.closing(scope_all(), Stance::Contain, class, None)
    };
    let one = outside.signed(&body(Class::Precautionary, "a"), &["commander-1"]);
    let two = outside.signed(&body(Class::Containment, "b"), &["commander-2"]);
    let mut ends = Vec::new();
    for orders in [[&one, &two], [&two, &one]] {
        let dir = tempfile::tempdir().unwrap();
        let mut house = enrol(&outside, dir.path());
        catch_up(&outside, &mut house);
        for order in orders {
            assert!(matches!(
                house.admit(order, moment(&outside)).unwrap(),
                Effect::Doors(_)
            ));
            assert!(matches!(
                house.admit(order, moment(&outside)).unwrap(),
                Effect::Repeat
            ));
        }
        let states: Vec<_> = house
            .doors()
            .all()
            .iter()
            .map(|door| door.state.clone())
            .collect();
        ends.push(states);
    }
    assert_eq!(ends[0], ends[1]);
}

#[test]
fn an_order_is_one_decision_even_after_it_was_lifted() {
    let (dir, mut outside) = (tempfile::tempdir().unwrap(), Outside::new(1));
    let mut house = enrol(&outside, dir.path());
    open_all(&mut outside, &mut house);
    let (reports, id) = close(
        &mut outside,
        &mut house,
        scope_all(),
        Stance::Contain,
        Class::Containment,
    );
    assert_eq!(reports.len(), 2);
    let tightening = house.authority().tightening(id, UseNumber::FIRST, None).unwrap();
    let repeated = house.tighten(&tightening, moment(&outside)).unwrap();
    assert!(
        repeated
            .iter()
            .all(|report| matches!(report.applied, Applied::Before { .. }))
    );
    open_all(&mut outside, &mut house);
    let before = house.head();
    let replayed = house.tighten(&tightening, moment(&outside)).unwrap();
    assert!(
        replayed
            .iter()
            .all(|report| matches!(report.applied, Applied::LiftedSince { .. }))
    );
    assert_eq!((house.head(), position(&house, &kim())), (before, Position::Open));
}

#[test]
fn shut_beats_store_only_when_the_service_is_named() {
    let (dir, mut outside) = (tempfile::tempdir().unwrap(), Outside::new(1));
    let mut house = enrol(&outside, dir.path());
    open_all(&mut outside, &mut house);
    close(
        &mut outside,
        &mut house,
        scope_all(),
        Stance::Shut,
        Class::Precautionary,
    );
    assert_eq!(position(&house, &kim()), Position::Held);
    assert_eq!(position(&house, &door_id("kasse-001/epa")), Position::Shut);
    let store = house.gate(&kim()).unwrap();
    let door::Intake::Store(permit) = store.intake() else {
        panic!("Held stores")
    };
    outside.time = outside.time.plus(Seconds(1));
    let cell = kim().cell().clone();
    close(
        &mut outside,
        &mut house,
        Scope::cell(cell.insurer, cell.service),
        Stance::Shut,
        Class::Precautionary,
    );
    assert_eq!(position(&house, &kim()), Position::Shut);
    assert!(!permit.still_valid(), "Shut cuts a sender in mid-transfer");
}

#[tokio::test]
async fn a_drain_lets_sessions_finish_until_the_monotonic_deadline() {
    let (dir, mut outside) = (tempfile::tempdir().unwrap(), Outside::new(1));
    let mut house = enrol(&outside, dir.path());
    open_all(&mut outside, &mut house);
    let gate = house.gate(&kim()).unwrap();
    let mut fetching = gate.pass(Flow::Fetch).unwrap();
    let mut passing_in = gate.pass(Flow::Intake).unwrap();
    let door::Intake::Store(storing) = gate.intake() else {
        panic!("Open stores")
    };

    let closing = outside.closing(
        scope_all(),
        Stance::Contain,
        Class::Maintenance,
        Some(Seconds(30)),
    );
    let signed = outside.signed(&closing, &["commander-1"]);
    outside.publish(&signed);
    catch_up(&outside, &mut house);
    let view = gate.view();
    assert_eq!(
        (view.position, view.rules.intake),
        (Position::Draining, IntakeRule::Store)
    );
    let start = moment(&outside).mono.0;
    assert_eq!(view.draining_until, Some(Millis(start + 30_000)));
    assert!(fetching.still_valid() && storing.still_valid());
    let limit = Duration::from_secs(30);
    tokio::time::timeout(limit, passing_in.revoked())
        .await
        .expect("intake follows at once");

    let at = |millis| Moment {
        mono: Millis(start + millis),
        ..moment(&outside)
    };
    assert_eq!(house.tick(at(29_999)).unwrap(), vec![]);
    assert!(fetching.still_valid());
    let epoch = gate.view().epoch;
    assert_eq!(house.tick(at(30_000)).unwrap().len(), 2);
    tokio::time::timeout(limit, fetching.revoked())
        .await
        .expect("cut at the deadline");
    assert!(storing.still_valid(), "a sender may finish into the store");
    assert_eq!((gate.view().rules, gate.view().epoch), (FlowRules::HELD, epoch));

    // Opened and closed between two looks: the old permit stays dead.
    freshen(&mut outside, &mut house);
    let opening = outside.opening(vec![named(&house, &kim())], order::Becomes::Open, BTreeSet::new());
    let signed = outside.signed(&opening, &["commander-1"]);
    let id = outside.publish(&signed);
    freshen(&mut outside, &mut house);
    assert_eq!(
        house.open_doors(id, [kim()], moment(&outside)).unwrap().refused,
        vec![]
    );
    assert!(gate.pass(Flow::Fetch).is_ok() && !fetching.still_valid());
}

#[test]
fn a_restart_ends_a_drain() {
    let (dir, mut outside) = (tempfile::tempdir().unwrap(), Outside::new(1));
    let mut house = enrol(&outside, dir.path());
    open_all(&mut outside, &mut house);
    let closing = outside.closing(
        scope_all(),
        Stance::Contain,
        Class::Maintenance,
        Some(Seconds(3600)),
    );
    let signed = outside.signed(&closing, &["commander-1"]);
    outside.publish(&signed);
    catch_up(&outside, &mut house);
    drop(house);
    let mut house = reopen(&outside, dir.path()).unwrap();
    freshen(&mut outside, &mut house);
    assert_eq!(house.gate(&kim()).unwrap().view().rules, FlowRules::HELD);
}

#[test]
fn one_order_over_four_thousand_doors_is_one_entry() {
    let (dir, mut outside) = (tempfile::tempdir().unwrap(), Outside::new(2));
    let services: Vec<String> = (0..2000).map(|n| format!("s{n:04}")).collect();
    let services: Vec<(&str, Holdable)> = services
        .iter()
        .map(|name| (name.as_str(), Holdable::Yes))
        .collect();
    let doors = places(&outside.insurers, &services);
    let mut house = House::enrol(dir.path(), &enrolment(&outside, "big", doors), moment(&outside)).unwrap();
    catch_up(&outside, &mut house);
    let before = house.head().len;
    let (reports, _) = close(
        &mut outside,
        &mut house,
        scope_all(),
        Stance::Contain,
        Class::Containment,
    );
    assert_eq!(reports.len(), 4000);
    assert!(reports.iter().all(|report| report.position == Position::Held));
    assert_eq!(house.head().len - before, 2, "the statement and its effect");
    let status = serde_json::to_value(house.status(moment(&outside))).unwrap();
    assert_eq!(status["doors"].as_array().unwrap().len(), 4000);
}

#[test]
fn following_in_one_step_or_entry_by_entry_is_the_same() {
    let mut outside = Outside::new(2);
    let both = tempfile::tempdir().unwrap();
    let mut slow = enrol(&outside, &both.path().join("slow"));
    let mut fast = enrol(&outside, &both.path().join("fast"));
    for class in [Class::Maintenance, Class::Precautionary] {
        outside.time = outside.time.plus(Seconds(60));
        let closing = outside.closing(scope_all(), Stance::Contain, class, None);
        let signed = outside.signed(&closing, &["commander-1"]);
        outside.publish(&signed);
        // The same statement twice in one step, and one that nobody may sign.
        outside.publish(&signed);
        let signed = outside.signed(&closing, &["examiner-1"]);
        outside.publish(&signed);
        let raising = Closing {
            act: order::Act::Raise {
                to: Class::Containment,
                only: None,
            },
            ..closing
        };
        let signed = outside.signed(&raising, &["examiner-1"]);
        outside.publish(&signed);
    }
    for entry in &outside.log {
        slow.follow(std::slice::from_ref(entry), moment(&outside))
            .unwrap();
    }
    let before = fast.head().len;
    fast.follow(&outside.log, moment(&outside)).unwrap();
    let states = |house: &House| -> Vec<_> {
        house
            .doors()
            .all()
            .iter()
            .map(|door| door.state.clone())
            .collect()
    };
    assert_eq!(states(&slow), states(&fast));
    assert_eq!(restrictions(&fast, &kim()).len(), 3);
    assert_eq!(
        fast.doors().door(&kim()).unwrap().state.class(),
        Some(Class::Containment)
    );
    assert_eq!(slow.head().len, fast.head().len);
    // What was followed already may come again; what has a gap is refused and leaves no trace.
    fast.follow(&outside.log, moment(&outside)).unwrap();
    let head = fast.head();
    outside.publish(&outside.charter.clone());
    outside.publish(&outside.charter.clone());
    let last = outside.log.last().cloned().unwrap();
    let refused = fast.follow(&[last], moment(&outside)).unwrap_err().to_string();
    assert!(refused.contains("does not follow"), "{refused}");
    assert_eq!(fast.head(), head);
    assert!(head.len > before);
    // And the replay of either store is the same again.
    drop(slow);
    let again = reopen(&outside, &both.path().join("slow")).unwrap();
    let rules = |house: &House| -> Vec<_> {
        house
            .doors()
            .all()
            .iter()
            .map(|door| door.state.active().cloned())
            .collect()
    };
    assert_eq!(rules(&again), rules(&fast));
}

#[test]
fn a_detector_uses_a_standing_order_inside_scope_and_rate_even_across_a_restart() {
    let (dir, mut outside) = (tempfile::tempdir().unwrap(), Outside::new(2));
    let mut house = enrol(&outside, dir.path());
    open_all(&mut outside, &mut house);
    let order = order::StandingOrder {
        estate: outside.estate.clone(),
        scope_max: Scope::insurer(outside.insurers[0].clone()),
        stance: Stance::Contain,
        class: Class::Precautionary,
        drain: None,
        detectors: BTreeSet::from(["kanarie".parse().unwrap()]),
        rate: order::Rate {
            uses: std::num::NonZeroU32::new(2).unwrap(),
            window: Seconds(3600),
        },
        expires: outside.time.plus(Seconds(30 * 86_400)),
        reason: text("Kanarie / canary"),
        issued: outside.time,
    };
    let signed = outside.signed(&order, &["commander-1"]);
    let id = outside.publish(&signed);
    catch_up(&outside, &mut house);
    let asked = |number: u32, scope: Scope| order::StandingUse {
        order: id,
        number: UseNumber(number),
        scope,
        detector: "kanarie".parse().unwrap(),
        signal: format!("signal-{number}").parse().unwrap(),
        at: outside.time,
    };
    let inside = || Scope::insurer(outside.insurers[0].clone());
    let beyond = house
        .use_standing(&asked(1, scope_all()), moment(&outside))
        .unwrap_err();
    assert!(matches!(beyond, door::Error::NotAdmitted(_)), "{beyond}");
    let reports = house.use_standing(&asked(1, inside()), moment(&outside)).unwrap();
    assert_eq!(reports.len(), 2);
    assert_eq!(position(&house, &kim()), Position::Held);
    assert_eq!(
        position(&house, &door_id("kasse-002/kim")),
        Position::Open,
        "outside the scope"
    );
    drop(house);
    let mut house = reopen(&outside, dir.path()).unwrap();
    house.use_standing(&asked(1, inside()), moment(&outside)).unwrap();
    house.use_standing(&asked(2, inside()), moment(&outside)).unwrap();
    assert_eq!(
        restrictions(&house, &kim()).len(),
        2,
        "the same number is the same restriction"
    );
    let too_often = house
        .use_standing(&asked(3, inside()), moment(&outside))
        .unwrap_err();
    assert!(matches!(too_often, door::Error::NotAdmitted(_)), "{too_often}");
}

#[test]
fn gates_and_permits_go_to_any_thread_and_the_house_to_its_owner() {
    const fn anywhere<T: Send + Sync + 'static>() {}
    const fn owned<T: Send + 'static>() {}
    anywhere::<door::Gate>();
    anywhere::<door::PassPermit>();
    anywhere::<door::StorePermit>();
    anywhere::<door::EmergencyPermit>();
    owned::<House>();
}

/// The other half of [`a_disk_that_takes_nothing_keeps_no_door_open`], in a process whose files may not grow.
#[test]
#[ignore = "started by its other half"]
fn in_a_process_whose_files_may_not_grow() {
    let (dir, mut outside) = (tempfile::tempdir().unwrap(), Outside::new(1));
    let mut house = enrol(&outside, dir.path());
    open_all(&mut outside, &mut house);
    let mut closed = None;
    for _ in 0..100_000 {
        outside.time = outside.time.plus(Seconds(1));
        // Statements that change no door, until the disk takes no more.
        let statement = outside.clearance("kasse-001", clearance::Grade::Full);
        let signed = outside.signed(&statement, &["examiner-1", "examiner-2"]);
        if house.admit(&signed, moment(&outside)).is_err() {
            let closing = outside.closing(scope_all(), Stance::Contain, Class::Containment, None);
            let signed = outside.signed(&closing, &["commander-1"]);
            closed = Some(house.admit(&signed, moment(&outside)));
            break;
        }
    }
    let refused = closed.expect("the limit was reached").unwrap_err();
    assert!(matches!(refused, door::Error::ClosedUnrecorded(_)), "{refused}");
    assert_eq!(position(&house, &kim()), Position::Held, "closed all the same");
    assert_eq!(house.recording(), Recording::Behind);
    assert!(house.take_signals().contains(&Signal::LedgerFailed));
    let outcome = house
        .open_doors(signed_before(&outside), [kim()], moment(&outside))
        .ok();
    assert!(
        outcome.is_none_or(|outcome| outcome.applied.is_empty()),
        "nothing opens"
    );
    drop(house);
    println!("CLOSED ALL THE SAME");
}

fn signed_before(outside: &Outside) -> vocabulary::StatementId {
    outside.charter.id()
}

#[test]
fn a_disk_that_takes_nothing_keeps_no_door_open() {
    let this = std::env::current_exe().unwrap();
    // With SIGXFSZ ignored, a write beyond the limit is an error like a full disk. The unit is 512 bytes.
    let script = "trap '' XFSZ; ulimit -f 2048; exec \"$0\" --ignored --exact --nocapture \
                  in_a_process_whose_files_may_not_grow";
    let done = std::process::Command::new("sh")
        .arg("-c")
        .arg(script)
        .arg(this)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(
        done.status.success() && said.contains("CLOSED ALL THE SAME"),
        "{said}\n{}",
        String::from_utf8_lossy(&done.stderr)
    );
}
