//! Previews of a withdrawal and of an opening, against numbers counted by hand.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod desk;

use std::collections::{BTreeMap, BTreeSet};

use clearance::Withdraws;
use console::preview::{Answer, Because, Facts, LackKind, opening, withdrawal};
use desk::{HOUR, T0, World, after, clear_of, cut_of, door_id, facts, hold, services, text};
use estate::Persons;
use evidence::Statements;
use order::{Authenticated, Becomes, Opening};
use serde_json::json;
use vocabulary::{Class, DoorId, Position, Seconds};

#[test]
fn a_withdrawal_takes_everything_that_relies_on_it() {
    let mut world = World::new();
    let examiners = ["forensik-1", "forensik-aussen"];
    let clear = |world: &World, environment: &str, relies: &[_]| {
        world
            .at(T0, |desk| desk.clear(clear_of(environment, relies)))
            .unwrap()
    };
    let base = clear(&world, "betreiber-ad", &[]);
    let base = world.admit(&base, &examiners, T0);
    let second = clear(&world, "kasse-002", &[base]);
    let second = world.admit(&second, &examiners, T0);
    let alone = clear(&world, "kasse-003", &[]);
    let alone = world.admit(&alone, &examiners, T0);
    for (door, clearance) in [
        ("kasse-002/kim", second),
        ("kasse-002/epa", second),
        ("kasse-003/kim", alone),
    ] {
        world.change(door, |value| value["standsOn"]["clearances"] = json!([clearance]));
    }
    let known = Facts {
        silent: BTreeMap::from([(door_id("kasse-002/epa"), T0)]),
        ..facts(&world.doors)
    };
    let of = |what| {
        withdrawal(
            &world.estate,
            &known,
            &world.authority,
            &Statements::default(),
            what,
        )
    };
    let found = of(Withdraws::Clearance(base));
    let topples: Vec<_> = found
        .topples
        .iter()
        .map(|one| {
            (
                one.clearance,
                one.because,
                one.environment.clone().unwrap().to_string(),
            )
        })
        .collect();
    assert_eq!(
        topples,
        [
            (base, Because::Named, "betreiber-ad".into()),
            (second, Because::Relies(base), "kasse-002".into())
        ]
    );
    let doors: Vec<_> = found
        .doors
        .iter()
        .map(|fall| (fall.door.to_string(), fall.then))
        .collect();
    assert_eq!(
        doors,
        [
            ("kasse-002/epa".to_owned(), Position::Shut),
            ("kasse-002/kim".to_owned(), Position::Held)
        ]
    );
    // 10 and 2 per cent of the same 2,000.
    assert_eq!((found.persons, found.insurers.len()), (Persons(200), 1));
    let german: Vec<String> = found.lines().into_iter().map(|line| line.de).collect();
    assert!(
        german[0].starts_with(
            "Hinfällig: 2 Freigaben. Auf Gehalten oder Geschlossen: 2 Türen von 1 Kasse mit 200 Personen."
        ),
        "{german:?}"
    );
    assert!(
        german[1].contains("Nicht zu hören: 1 Tür (kasse-002/epa)"),
        "{german:?}"
    );
    // All three stand on the same evidence root.
    let found = of(Withdraws::Evidence(vocabulary::Digest::of(b"evidence")));
    assert_eq!(
        (found.topples.len(), found.doors.len(), found.persons),
        (3, 3, Persons(260))
    );
    // An insurer's consent carries no door.
    assert_eq!(of(Withdraws::Consent(base)).doors, []);
}

#[test]
fn an_opening_names_everything_that_is_missing_door_by_door() {
    let mut world = World::new();
    let cut = world
        .at(T0, |desk| {
            desk.cut(cut_of(services(&["kim"]), Class::Containment))
        })
        .unwrap();
    let ordered = world.admit(&cut, &["leitung-1"], T0);
    let one = order::restriction_of(ordered, order::UseNumber::FIRST);
    for name in ["kasse-001/kim", "kasse-002/kim"] {
        world.change(name, |door| hold(door, one, Class::Containment));
    }
    let reopen = |world: &World, clearances: &[_]| {
        world
            .at(after(1), |desk| {
                desk.reopen(console::draft::Reopen {
                    doors: [door_id("kasse-001/kim"), door_id("kasse-002/kim")].into(),
                    becomes: Becomes::Open,
                    clearances: clearances.iter().copied().collect(),
                    lifts: BTreeMap::new(),
                    reason: text("Wiederanlauf"),
                    lasts: Seconds(HOUR),
                })
            })
            .unwrap()
    };
    let bare = reopen(&world, &[]);
    let look = |world: &World, draft: &console::draft::Draft| {
        let asked = Authenticated::<Opening>::verify(draft.envelope()).unwrap();
        opening(
            &world.estate,
            &facts(&world.doors),
            &world.authority,
            &asked,
            after(1),
        )
    };
    let found = look(&world, &bare);
    assert_eq!(
        (found.ready, found.persons, found.insurers.len()),
        (0, Persons(0), 2)
    );
    let kinds: BTreeSet<LackKind> = found.missing.iter().map(|(lack, _)| lack.kind).collect();
    assert_eq!(
        kinds,
        BTreeSet::from([LackKind::Persons, LackKind::Clearance, LackKind::Insurer])
    );
    let commander = found
        .missing
        .iter()
        .find(|(lack, _)| lack.kind == LackKind::Persons)
        .unwrap();
    assert_eq!(commander.1, 2, "both doors miss the commander");
    assert_eq!(
        commander.0.sentence,
        "Es fehlt: 1 von 1 Einsatzleitungs-Unterschrift. / Missing: 1 of 1 commander signature."
    );

    // One insurer has everything, the other has moved on and was never cleared.
    let cleared = world
        .at(T0, |desk| desk.clear(clear_of("kasse-001", &[])))
        .unwrap();
    let cleared = world.admit(&cleared, &["forensik-1", "forensik-aussen"], T0);
    let draft = reopen(&world, &[cleared]);
    let id = world.admit(&draft, &["leitung-2"], after(1));
    let yes = world
        .at(after(1), |desk| {
            desk.agree(console::draft::Agree {
                insurer: "kasse-001".parse().unwrap(),
                opening: id,
                rewrapped: Vec::new(),
                lasts: Seconds(HOUR),
            })
        })
        .unwrap();
    let yes = world.admit(&yes, &["kasse-001-ja"], after(1));
    world.change("kasse-002/kim", |door| {
        hold(door, one, Class::Containment);
        door["epoch"] = json!(8);
    });
    let found = look(&world, &draft);
    assert_eq!((found.ready, found.persons), (1, Persons(20)));
    let by: BTreeMap<DoorId, _> = found.doors.iter().map(|door| (door.door.clone(), door)).collect();
    let first = by[&door_id("kasse-001/kim")];
    assert_eq!(
        (&first.answer, first.consent, first.then),
        (&Answer::Nothing, Some(yes), Some(Position::Open))
    );
    let Answer::Missing(second) = &by[&door_id("kasse-002/kim")].answer else {
        panic!("the second door has moved on")
    };
    let kinds: BTreeSet<LackKind> = second.iter().map(|lack| lack.kind).collect();
    assert_eq!(
        kinds,
        BTreeSet::from([LackKind::Epoch, LackKind::Clearance, LackKind::Insurer])
    );
    let lines = found.lines();
    assert!(
        lines[0]
            .de
            .starts_with("An 1 von 2 Türen fehlt nach heutigem Stand nichts (20 Personen)."),
        "{lines:?}"
    );
    assert!(
        lines
            .iter()
            .any(|line| line.de.contains("für Stand 7 der Tür, sie ist bei 8")),
        "{lines:?}"
    );

    // What is about to change, or was not heard of, cannot be foretold.
    for (change, words) in [
        (json!({ "fresh": false }), "keine frische Sicht"),
        (json!({ "ordered": [cleared] }), "noch 1 Befehle unterwegs"),
    ] {
        world.change("kasse-001/kim", |door| {
            hold(door, one, Class::Containment);
            for (name, value) in change.as_object().unwrap() {
                door[name] = value.clone();
            }
        });
        let found = look(&world, &draft);
        assert_eq!(found.ready, 0, "{words}");
        assert!(
            found
                .missing
                .iter()
                .any(|(lack, _)| lack.sentence.contains(words)),
            "{words}"
        );
    }
    world.doors.remove(&door_id("kasse-001/kim"));
    let found = look(&world, &draft);
    assert_eq!(found.ready, 0);
    assert!(found.missing.iter().any(|(lack, _)| lack.kind == LackKind::Door));
}
