//! Restart, old disk, wrong clock, lost or hostile control room never open a door (DOOR-3).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests stop at the first surprise"
)]

mod estate;

use std::fs;
use std::path::{Path, PathBuf};

use door::promises::door_3_restart;
use door::{DoorPlace, Error, Foreign, Freshness, House, Moment, Signal, View, enrolled_twice};
use estate::*;
use order::Stance;
use vocabulary::{Class, DoorId, Flow, FlowRules, Holdable, Millis, Position, Scope, Seconds, Timestamp};

fn kim() -> DoorId {
    door_id("kasse-001/kim")
}

fn views(house: &House) -> Vec<(DoorId, View)> {
    let doors = house.doors().all().iter();
    doors
        .map(|door| ((*door.id).clone(), house.gate(&door.id).unwrap().view()))
        .collect()
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn after_a_restart_every_door_is_contained_until_a_fresh_view() {
    let (dir, mut outside) = (tempfile::tempdir().unwrap(), Outside::new(1));
    let mut house = enrol(&outside, dir.path());
    open_all(&mut outside, &mut house);
    let before = views(&house);
    let epoch = named(&house, &kim()).epoch;
    let gate = house.gate(&kim()).unwrap();
    let permit = gate.pass(Flow::Fetch).unwrap();
    drop(house);
    assert!(!permit.still_valid(), "without an owner nothing passes");
    assert!(gate.pass(Flow::Fetch).unwrap_err().to_string().contains("ended"));

    let mut house = reopen(&outside, dir.path()).unwrap();
    assert_eq!(house.freshness(), Freshness::Stale);
    for ((door, before), (_, after)) in before.iter().zip(views(&house)) {
        door_3_restart(door, before, &after).unwrap();
        assert_ne!(after.position, Position::Open);
    }
    freshen(&mut outside, &mut house);
    for (_, view) in views(&house) {
        assert_eq!(
            view.rules,
            FlowRules::OPEN,
            "an open door stays open under its clearance"
        );
    }
    assert_eq!(
        named(&house, &kim()).epoch,
        epoch.next(),
        "no opening made before the restart fits"
    );
}

#[test]
fn a_view_counts_only_with_own_nonce_quorum_whole_log_and_in_time() {
    let (dir, mut outside) = (tempfile::tempdir().unwrap(), Outside::new(1));
    let mut house = enrol(&outside, dir.path());
    open_all(&mut outside, &mut house);
    let yesterday = outside.checkpoint(3);
    drop(house);
    let mut house = reopen(&outside, dir.path()).unwrap();
    let now = |outside: &Outside| moment(outside);

    // Nobody asked.
    let refused = house.fresh(&yesterday, None, now(&outside)).unwrap_err();
    assert!(matches!(refused, Error::NotAsked { .. }), "{refused}");
    // Yesterday's answer: whole and co-signed, but without today's nonce.
    let nonce = outside.draw();
    house.ask(nonce, now(&outside));
    let refused = house
        .fresh(&yesterday, None, now(&outside))
        .unwrap_err()
        .to_string();
    assert!(refused.contains("nonce"), "{refused}");
    // A control room that hides what came after: the witnesses saw more than the door was given.
    outside.append_nonce(nonce);
    catch_up(&outside, &mut house);
    let closing = outside.closing(scope_all(), Stance::Contain, Class::Containment, None);
    let signed = outside.signed(&closing, &["commander-1"]);
    outside.publish(&signed);
    let refused = house
        .fresh(&outside.checkpoint(3), None, now(&outside))
        .unwrap_err()
        .to_string();
    assert!(refused.contains("something is missing"), "{refused}");
    // Too few witnesses: the control room's own signature does not count.
    catch_up(&outside, &mut house);
    let refused = house
        .fresh(&outside.checkpoint(1), None, now(&outside))
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("zeuge-3"),
        "names who could still sign: {refused}"
    );
    // An answer that took too long may hide what came since.
    let late = Moment {
        mono: Millis(now(&outside).mono.0 + 3_601_000),
        ..now(&outside)
    };
    assert!(matches!(
        house.fresh(&outside.checkpoint(2), None, late),
        Err(Error::NotAsked { .. })
    ));
    assert_eq!(house.freshness(), Freshness::Stale);
    assert!(
        views(&house)
            .iter()
            .all(|(_, view)| view.position != Position::Open)
    );

    house.fresh(&outside.checkpoint(2), None, now(&outside)).unwrap();
    // What was hidden is in force: a fresh view opens nothing that is closed.
    assert_eq!(house.gate(&kim()).unwrap().view().position, Position::Held);
}

#[test]
fn a_wrong_wall_clock_changes_nothing() {
    let (dir, mut outside) = (tempfile::tempdir().unwrap(), Outside::new(1));
    let mut house = enrol(&outside, dir.path());
    open_all(&mut outside, &mut house);
    drop(house);
    let doors = places(
        &outside.insurers,
        &[("kim", Holdable::Yes), ("epa", Holdable::No)],
    );
    for years in [-1_i64, 1] {
        let wall = Timestamp(outside.time.0 + years * 365 * 86_400);
        let now = Moment {
            wall,
            ..moment(&outside)
        };
        let house = House::open(dir.path(), &enrolment(&outside, "store-1", doors.clone()), now).unwrap();
        assert!(
            views(&house)
                .iter()
                .all(|(_, view)| view.position != Position::Open)
        );
        assert_eq!(house.doors().witnessed(), Some(outside.time));
    }
}

#[test]
fn yesterdays_directory_stands_contained_catches_up_and_is_reported() {
    let (dir, mut outside) = (tempfile::tempdir().unwrap(), Outside::new(2));
    let store = dir.path().join("store");
    let mut house = enrol(&outside, &store);
    open_all(&mut outside, &mut house);
    let old = dir.path().join("old");
    copy_dir(&store, &old);
    // Since then: a containment through the log, and one from a file the log never saw.
    outside.time = outside.time.plus(Seconds(86_400));
    let scopes = [0, 1].map(|n| Scope::insurer(outside.insurers[n].clone()));
    let [first, second] = scopes;
    close(
        &mut outside,
        &mut house,
        first,
        Stance::Contain,
        Class::Containment,
    );
    let by_file = outside.closing(second, Stance::Contain, Class::Containment, None);
    let signed = outside.signed(&by_file, &["commander-2"]);
    house.admit(&signed, moment(&outside)).unwrap();
    let head = house.head();
    drop(house);

    fs::remove_dir_all(&store).unwrap();
    copy_dir(&old, &store);
    let mut house = reopen(&outside, &store).unwrap();
    assert!(
        views(&house)
            .iter()
            .all(|(_, view)| view.position != Position::Open)
    );
    let nonce = outside.draw();
    house.ask(nonce, moment(&outside));
    outside.append_nonce(nonce);
    // Before it has caught up, no view is fresh.
    assert!(
        house
            .fresh(&outside.checkpoint(2), Some(&head), moment(&outside))
            .is_err()
    );
    catch_up(&outside, &mut house);
    house
        .fresh(&outside.checkpoint(2), Some(&head), moment(&outside))
        .unwrap();
    let signals = house.take_signals();
    assert!(
        signals
            .iter()
            .any(|signal| matches!(signal, Signal::RolledBack { seen, .. } if *seen == head.len)),
        "{signals:?}"
    );
    // Not even the door whose closing only the lost ledger knew.
    assert!(
        views(&house)
            .iter()
            .all(|(_, view)| view.position != Position::Open),
        "rolled back is contained"
    );
}

/// Proves the view fresh while somebody remembers `known` for this store; what the house signals.
fn freshen_against(outside: &mut Outside, house: &mut House, known: &record::Head) -> Vec<Signal> {
    let nonce = outside.draw();
    house.ask(nonce, moment(outside));
    outside.append_nonce(nonce);
    catch_up(outside, house);
    house
        .fresh(&outside.checkpoint(2), Some(known), moment(outside))
        .unwrap();
    house.take_signals()
}

#[test]
fn another_story_of_equal_length_is_a_signal_and_the_own_earlier_head_is_none() {
    let (dir, mut outside) = (tempfile::tempdir().unwrap(), Outside::new(1));
    let mut house = enrol(&outside, dir.path());
    open_all(&mut outside, &mut house);
    let own = house.head();
    freshen(&mut outside, &mut house);
    assert_eq!(freshen_against(&mut outside, &mut house, &own), vec![]);
    assert_eq!(house.gate(&kim()).unwrap().view().position, Position::Open);
    let now = house.head();
    assert_eq!(freshen_against(&mut outside, &mut house, &now), vec![]);
    let forked = record::Head {
        chain: vocabulary::Digest::of(b"other"),
        ..own
    };
    assert!(!freshen_against(&mut outside, &mut house, &forked).is_empty());
    assert_eq!(house.gate(&kim()).unwrap().view().position, Position::Held);
}

#[test]
fn missing_foreign_and_copied_stores_are_refused() {
    let (dir, outside) = (tempfile::tempdir().unwrap(), Outside::new(1));
    let store = dir.path().join("store");
    assert!(matches!(reopen(&outside, &store), Err(Error::NotEnrolled(_))));
    drop(enrol(&outside, &store));
    let doors = || {
        places(
            &outside.insurers,
            &[("kim", Holdable::Yes), ("epa", Holdable::No)],
        )
    };
    let again = House::enrol(&store, &enrolment(&outside, "store-1", doors()), moment(&outside));
    assert!(matches!(again, Err(Error::AlreadyEnrolled(_))));
    // Another store's directory.
    let other = House::open(&store, &enrolment(&outside, "store-2", doors()), moment(&outside));
    assert!(matches!(other, Err(Error::Ledger(_) | Error::Foreign(_))));
    // Other doors, or a door that can suddenly be held.
    let changed: Vec<DoorPlace> = doors()
        .into_iter()
        .map(|place| DoorPlace {
            holdable: Holdable::Yes,
            ..place
        })
        .collect();
    let changed = House::open(&store, &enrolment(&outside, "store-1", changed), moment(&outside));
    assert!(matches!(changed, Err(Error::Foreign(Foreign::Doors))));
    // Another root of authority.
    let stranger = Outside::new(2);
    let charter = House::open(
        &store,
        &enrolment(&stranger, "store-1", doors()),
        moment(&outside),
    );
    assert!(matches!(charter, Err(Error::Foreign(Foreign::Charter { .. }))));
    // The same name in two stores, or one store running twice with two stories.
    let one = reopen(&outside, &store).unwrap();
    let second = dir.path().join("second");
    let two = House::enrol(
        &second,
        &enrolment(&outside, "store-2", doors()),
        moment(&outside),
    )
    .unwrap();
    let now = moment(&outside);
    assert!(matches!(
        enrolled_twice(&one.status(now), &two.status(now)),
        Some(Signal::EnrolledTwice { .. })
    ));
    assert_eq!(enrolled_twice(&one.status(now), &one.status(now)), None);
    // A store in use cannot be opened a second time.
    assert!(matches!(reopen(&outside, &store), Err(Error::Ledger(_))));
}

/// The file the entries lie in.
fn segment(store: &Path) -> PathBuf {
    let mut files: Vec<PathBuf> = fs::read_dir(store.join("entries"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert_eq!(files.len(), 1);
    files.remove(0)
}

#[test]
fn a_crash_after_any_byte_never_leaves_a_door_more_open() {
    let (dir, mut outside) = (tempfile::tempdir().unwrap(), Outside::new(1));
    let store = dir.path().join("store");
    let mut house = enrol(&outside, &store);
    // After each step: how long the file is, and what each door may do at most.
    let mut steps = vec![(fs::metadata(segment(&store)).unwrap().len(), views(&house))];
    let note = |house: &House, steps: &mut Vec<(u64, Vec<(DoorId, View)>)>| {
        steps.push((fs::metadata(segment(&store)).unwrap().len(), views(house)));
    };
    catch_up(&outside, &mut house);
    note(&house, &mut steps);
    open_all(&mut outside, &mut house);
    note(&house, &mut steps);
    outside.time = outside.time.plus(Seconds(10));
    close(
        &mut outside,
        &mut house,
        scope_all(),
        Stance::Contain,
        Class::Precautionary,
    );
    note(&house, &mut steps);
    drop(house);

    let whole = fs::read(segment(&store)).unwrap();
    let first = usize::try_from(steps[0].0).unwrap();
    let mut lengths: Vec<usize> = steps
        .iter()
        .map(|(len, _)| usize::try_from(*len).unwrap())
        .collect();
    // Each step's end and its neighbourhood, and a walk over everything in between.
    lengths.extend((first..whole.len()).step_by(997));
    lengths.extend(
        lengths
            .clone()
            .into_iter()
            .flat_map(|len| [len.saturating_sub(1), len + 1, len + 21]),
    );
    for len in lengths
        .into_iter()
        .filter(|len| (first..=whole.len()).contains(len))
    {
        let crashed = dir.path().join("crashed");
        let _ = fs::remove_dir_all(&crashed);
        copy_dir(&store, &crashed);
        fs::write(segment(&crashed), &whole[..len]).unwrap();
        let house = reopen(&outside, &crashed).unwrap_or_else(|error| panic!("cut at {len}: {error}"));
        // What the process had acknowledged at that moment.
        let acknowledged = steps.iter().rev().find(|(end, _)| *end <= len as u64).unwrap();
        for ((door, before), (_, after)) in acknowledged.1.iter().zip(views(&house)) {
            door_3_restart(door, before, &after).unwrap();
            assert_ne!(after.position, Position::Open, "cut at {len}");
        }
        // And its restrictions are those that were acknowledged: nothing lost.
        if acknowledged.0 == whole.len() as u64 {
            assert_eq!(restrictions(&house, &kim()).len(), 1);
        }
    }
}

#[test]
fn a_changed_or_invented_entry_is_found() {
    let (dir, mut outside) = (tempfile::tempdir().unwrap(), Outside::new(1));
    let store = dir.path().join("store");
    let mut house = enrol(&outside, &store);
    open_all(&mut outside, &mut house);
    drop(house);
    let mut bytes = fs::read(segment(&store)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(segment(&store), &bytes).unwrap();
    assert!(matches!(reopen(&outside, &store), Err(Error::Ledger(_))));
    bytes[middle] ^= 1;
    fs::write(segment(&store), &bytes).unwrap();

    // Somebody who can write the disk appends a well-formed opening: no signed order stands behind it.
    let house = reopen(&outside, &store).unwrap();
    let epoch = named(&house, &kim()).epoch;
    let origin = house.ledger().origin().clone();
    drop(house);
    let forged = door::entry::Body::Opened(door::entry::Opened {
        authority_size: 1,
        on: [(
            kim(),
            door::Opening {
                statement: vocabulary::StatementId(vocabulary::Digest::of(b"forged")),
                epoch,
                lifts: std::iter::once(vocabulary::RestrictionId(vocabulary::Digest::of(b"x"))).collect(),
                stands_on: door::StandsOn::default(),
                becomes: door::Becomes::Lifted,
            },
        )]
        .into(),
    });
    let (mut ledger, _) = ledger::Ledger::open(&store, &origin).unwrap();
    ledger.append(&[forged.draft(outside.time).unwrap()]).unwrap();
    drop(ledger);
    assert!(matches!(
        reopen(&outside, &store),
        Err(Error::OpeningWithoutOrder { .. })
    ));
}
