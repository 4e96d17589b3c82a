//! Previews against numbers counted by hand on an estate with round figures.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod desk;

use std::collections::{BTreeMap, BTreeSet};

use console::preview::{Asked, ClockRule, CutPreview, Facts, Now, WayIn, Weight, Within, cut};
use desk::{HOUR, T0, World, after, door_id, facts, hold, restriction, services};
use estate::{Livelihood, Persons};
use evidence::Level;
use order::{Lang, Stance};
use serde_json::json;
use vocabulary::{Class, Position, Scope, Seconds};

fn asked(scope: Scope) -> Asked {
    Asked {
        scope,
        stance: Stance::Contain,
        class: Class::Containment,
        drain: None,
    }
}

fn preview(world: &World, asked: &Asked) -> CutPreview {
    cut(&world.estate, &facts(&world.doors), asked, T0)
}

fn said(preview: &CutPreview, lang: Lang) -> String {
    let lines = preview.lines();
    lines
        .iter()
        .map(|line| line.text(lang).to_owned())
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn a_cut_of_everything_counts_each_person_once() {
    let world = World::new();
    let found = preview(&world, &asked(Scope::everything()));
    // 3 insurers with 4 services; only the patient record cannot be held.
    assert_eq!(
        (found.cells.len(), found.insurers.len(), found.held_and_shut()),
        (12, 3, (9, 3))
    );
    // The record hits 10 per cent of 1,000, 2,000 and 3,000; all others hit fewer of the same people.
    assert_eq!(
        (found.persons, found.newly, found.already),
        (Persons(600), Persons(600), 0)
    );
    assert!(found.whole_estate);
    let losses: Vec<_> = found
        .losses
        .iter()
        .map(|loss| {
            (
                loss.service.as_str(),
                loss.persons.0,
                loss.mtd.0,
                loss.held,
                loss.shut,
            )
        })
        .collect();
    // Livelihood first, then the shortest time: 4 %, 10 %, 2 % and 0 % of 6,000.
    assert_eq!(
        losses,
        [
            ("eau", 240, 24, 3, 0),
            ("epa", 600, 48, 0, 3),
            ("kim", 120, 72, 3, 0),
            ("statistics", 0, 336, 3, 0)
        ]
    );
    assert_eq!(found.losses[0].livelihood, Livelihood::Yes);
    assert_eq!(found.losses[0].tolerable_until, after(24));
    let german = said(&found, Lang::De);
    assert!(
        german.starts_with("12 Zellen von 3 Kassen mit 600 Personen: danach 9 gehalten, 3 geschlossen."),
        "{german}"
    );
    assert!(german.contains("eAU: 3 Zellen: Eingang wird gespeichert und später bearbeitet. Betroffen: 240 Personen; tragbar höchstens 24 h. Menschen leben davon."), "{german}");
    assert!(german.contains("ganze Landschaft"), "{german}");
    let english = said(&found, Lang::En);
    assert!(
        english.starts_with("12 cells of 3 insurers with 600 persons: afterwards 9 held, 3 shut."),
        "{english}"
    );
}

#[test]
fn one_site_and_two_services_are_counted_by_the_largest_figure_of_each_insurer() {
    let world = World::new();
    let essen: Scope = serde_json::from_value(json!([{ "sites": ["essen"] }])).unwrap();
    let found = preview(&world, &asked(essen));
    assert_eq!(
        (found.cells.len(), found.persons, found.whole_estate),
        (8, Persons(300), false)
    );
    let found = preview(&world, &asked(services(&["kim", "eau"])));
    // Not 120 + 240: whoever waits for a sick note is among those who wait for mail.
    assert_eq!((found.cells.len(), found.persons), (6, Persons(240)));
}

#[test]
fn shut_is_only_by_name_and_held_wherever_it_can_be() {
    let world = World::new();
    let positions = |asked: &Asked| -> BTreeSet<(String, Position)> {
        let found = preview(&world, asked);
        found
            .cells
            .iter()
            .map(|cell| (cell.door.cell().service.to_string(), cell.then))
            .collect()
    };
    let shut = |scope| Asked {
        stance: Stance::Shut,
        ..asked(scope)
    };
    let everywhere = positions(&shut(Scope::everything()));
    assert!(
        everywhere.contains(&("kim".into(), Position::Held))
            && everywhere.contains(&("epa".into(), Position::Shut))
    );
    assert_eq!(
        positions(&shut(services(&["kim"]))),
        BTreeSet::from([("kim".into(), Position::Shut)])
    );
}

#[test]
fn what_is_as_tight_already_loses_nothing_more() {
    let mut world = World::new();
    world.change("kasse-001/kim", |door| {
        hold(door, restriction("old"), Class::Containment)
    });
    let found = preview(&world, &asked(services(&["kim"])));
    // 20 + 40 + 60 behind the three cells; the 20 of the first insurer are cut off already.
    assert_eq!(
        (found.persons, found.newly, found.already),
        (Persons(120), Persons(100), 1)
    );
    assert_eq!(found.losses[0].persons, Persons(100));
    let first = &found.cells[0];
    assert_eq!(
        (first.now, first.then, first.changes),
        (Now::Heard(Position::Held), Position::Held, false)
    );
    assert!(said(&found, Lang::De).contains("Bei 1 Zelle ändert sich nach außen nichts"));
}

#[test]
fn what_the_order_will_not_reach_is_named() {
    let mut world = World::new();
    world.doors.remove(&door_id("kasse-003/kim"));
    world.change("kasse-001/kim", |door| door["level"] = json!("observe"));
    world.change("kasse-002/kim", |door| door["level"] = json!("hold-ready"));
    let known = Facts {
        silent: BTreeMap::from([(door_id("kasse-001/eau"), T0)]),
        doubtful: BTreeSet::from([door_id("kasse-002/eau")]),
        ..facts(&world.doors)
    };
    let found = cut(&world.estate, &known, &asked(services(&["kim", "eau"])), after(1));
    let unreached: Vec<_> = found
        .unreached
        .iter()
        .map(|one| (one.door.to_string(), one.since, one.doubtful))
        .collect();
    assert_eq!(
        unreached,
        [
            ("kasse-001/eau".to_owned(), Some(T0), false),
            ("kasse-002/eau".to_owned(), None, true),
            ("kasse-003/kim".to_owned(), None, false)
        ]
    );
    let at = |name: &str| {
        found
            .cells
            .iter()
            .find(|cell| cell.door == door_id(name))
            .unwrap()
            .now
    };
    assert_eq!(
        (at("kasse-001/eau"), at("kasse-003/kim")),
        (Now::Last(Position::Open), Now::Unknown)
    );
    // Whoever was exercised to hold will hold; shutting by name was never tried there.
    assert_eq!(found.unarmed.len(), 1);
    assert_eq!(
        (found.unarmed[0].door.to_string(), found.unarmed[0].level),
        ("kasse-001/kim".into(), Level::Observe)
    );
    let by_name = Asked {
        stance: Stance::Shut,
        ..asked(services(&["kim"]))
    };
    assert_eq!(preview(&world, &by_name).unarmed.len(), 2);
    let german = said(&found, Lang::De);
    assert!(
        german.contains("Nicht erreichbar oder zweifelhaft: 3 Türen")
            && german.contains("Nicht scharf: 1 Tür (kasse-001/kim)"),
        "{german}"
    );
}

#[test]
fn dates_within_three_days_or_the_tolerable_downtime_are_hit() {
    let world = World::new();
    let found = preview(&world, &asked(Scope::everything()));
    let dates: Vec<_> = found
        .dates
        .iter()
        .map(|hit| (hit.on.to_string(), hit.within, hit.cells, hit.persons.0))
        .collect();
    // Today is not over. The 28th begins in 74 h: too late for mail, which may be down for 72. The statistics may be
    // down for two weeks, and the 1st of May lies inside them.
    assert_eq!(
        dates,
        [
            ("2023-04-24".to_owned(), Within::Days3, 2, 60),
            ("2023-04-26".to_owned(), Within::Days3, 3, 240),
            ("2023-05-01".to_owned(), Within::Mtd, 3, 0)
        ]
    );
    let german = said(&found, Lang::De);
    assert!(german.contains("Stichtag 26.04.2023 (in den nächsten drei Tagen): Beiträge fällig; betrifft 3 Zellen, 240 Personen."), "{german}");
    // A cut of something else hits none of them.
    assert_eq!(preview(&world, &asked(services(&["epa"]))).dates, []);
}

fn rule(id: &str, maintenance_exempt: bool, after: u64, deadline: Option<u64>) -> ClockRule {
    ClockRule {
        id: id.to_owned(),
        de: "Störung melden".to_owned(),
        en: "report the disturbance".to_owned(),
        services: Some(BTreeSet::from(["kim".parse().unwrap(), "epa".parse().unwrap()])),
        insurers: None,
        maintenance_exempt,
        after: Seconds(after),
        deadline: deadline.map(Seconds),
        verified: false,
    }
}

#[test]
fn a_cut_starts_the_clocks_it_starts() {
    let world = World::new();
    let rules = [
        rule("NIS2-72", true, 1800, Some(72 * HOUR)),
        rule("TI-329", false, 0, None),
    ];
    let known = Facts {
        clocks: &rules,
        ..facts(&world.doors)
    };
    let found = cut(&world.estate, &known, &asked(services(&["kim", "eau"])), T0);
    let clocks: Vec<_> = found
        .clocks
        .iter()
        .map(|clock| (clock.rule.id.as_str(), clock.starts, clock.due, clock.cells))
        .collect();
    let starts = T0.plus(Seconds(1800));
    assert_eq!(
        clocks,
        [
            ("NIS2-72", starts, Some(starts.plus(Seconds(72 * HOUR))), 3),
            ("TI-329", T0, None, 3)
        ]
    );
    let german = said(&found, Lang::De);
    assert!(
        german.contains("beginnt nach 30 min Ausfall, Frist 72 h; 3 Zellen. Ungeprüft"),
        "{german}"
    );
    assert!(
        german.contains("beginnt sofort, unverzüglich; 3 Zellen."),
        "{german}"
    );
    // Planned work is exempt where the rule says so; a service the rule is not about starts nothing.
    let work = Asked {
        class: Class::Maintenance,
        ..asked(services(&["kim"]))
    };
    assert_eq!(cut(&world.estate, &known, &work, T0).clocks.len(), 1);
    assert_eq!(
        cut(&world.estate, &known, &asked(services(&["eau"])), T0).clocks,
        []
    );
}

#[test]
fn the_way_in_of_responders_is_free_locked_or_not_known() {
    let world = World::new();
    let way = BTreeSet::from([door_id("kasse-001/epa")]);
    let known = Facts {
        way_in: Some(&way),
        ..facts(&world.doors)
    };
    let of = |scope| cut(&world.estate, &known, &asked(scope), T0);
    assert_eq!(of(services(&["kim"])).way_in, WayIn::Free);
    let locked = of(Scope::everything());
    assert_eq!(locked.way_in, WayIn::LockedOut(way.clone()));
    let line = locked
        .lines()
        .into_iter()
        .find(|line| line.de.contains("sperren sich aus"))
        .unwrap();
    assert_eq!(line.weight, Weight::Warning);
    assert_eq!(
        preview(&world, &asked(Scope::everything())).way_in,
        WayIn::NotKnown
    );
}

#[test]
fn responders_the_estate_declares_are_named_with_whom_to_ask() {
    let world = World::new();
    let declared = "\n[[responders]]\nname = \"Forensik\"\naddress = \"vpn.labor.example:443\"\n\
                    flow = \"fetch\"\nthrough = [\"kasse-001/kim\"]\nask = \"Bereitschaft\"\n\
                    [[responders]]\nname = \"Zustellung\"\naddress = \"192.0.2.7:25\"\n\
                    flow = \"intake\"\nthrough = [\"kasse-001/kim\"]\nask = \"Leitwarte\"\n";
    let text = format!("{}{declared}", desk::ESTATE);
    let estate = estate::check(&text, "estate.toml").unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let of = |scope| cut(&estate, &facts(&world.doors), &asked(scope), T0);
    // Nothing of their way is cut; and now somebody has written it down.
    assert_eq!(of(services(&["epa"])).way_in, WayIn::Free);
    let locked = of(services(&["kim"]));
    assert_eq!(
        locked.way_in,
        WayIn::LockedOut(BTreeSet::from([door_id("kasse-001/kim")]))
    );
    // What is held still takes in: only who fetches is cut off.
    let names: Vec<&str> = locked.cut_off.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["Forensik"]);
    let lines = locked.lines();
    let line = lines
        .iter()
        .find(|line| line.de.contains("schneidet ab"))
        .unwrap();
    assert_eq!(line.weight, Weight::Warning);
    for words in [
        "Forensik (vpn.labor.example:443)",
        "kasse-001/kim",
        "Vorher fragen: Bereitschaft",
    ] {
        assert!(line.de.contains(words), "{}", line.de);
    }
}

#[test]
fn running_drains_and_grants_are_told() {
    let mut world = World::new();
    world.change("kasse-001/kim", |door| {
        hold(door, restriction("drains"), Class::Precautionary);
        door["draining"] = json!({ restriction("drains").to_string(): T0.plus(Seconds(300)) });
    });
    world.change("kasse-002/kim", |door| {
        hold(door, restriction("stands"), Class::Containment);
        door["grants"] = json!({ "emergency": {
            "over": [restriction("stands")], "environment": "notbetrieb", "identity": "age1not", "until": after(10),
        }});
    });
    let found = preview(&world, &asked(services(&["kim"])));
    assert_eq!(found.cells[0].now, Now::Heard(Position::Draining));
    assert_eq!(
        found.drains.running,
        BTreeMap::from([(door_id("kasse-001/kim"), T0.plus(Seconds(300)))])
    );
    assert_eq!((found.drains.ended_at_once, found.drains.until), (1, None));
    // Emergency stands on top of Held.
    assert!(found.grants.emergency.is_empty());
    let gently = Asked {
        drain: Some(Seconds(600)),
        stance: Stance::Shut,
        ..asked(services(&["kim"]))
    };
    let found = preview(&world, &gently);
    assert_eq!(
        (found.drains.ended_at_once, found.drains.until),
        (0, Some(T0.plus(Seconds(600))))
    );
    assert_eq!(found.grants.emergency, BTreeSet::from([door_id("kasse-002/kim")]));
    assert!(said(&found, Lang::De).contains("dieser Schnitt verlängert sie nicht"));
    assert!(said(&found, Lang::En).contains("Emergency operation at 1 door ends"));
}

#[test]
fn a_scope_that_means_nothing_says_so() {
    let world = World::new();
    let found = preview(&world, &asked(services(&["payments"])));
    assert!(found.cells.is_empty() && !found.whole_estate);
    assert_eq!(found.lines()[0].weight, Weight::Warning);
}
