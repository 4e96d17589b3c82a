//! Weeks of invented business, and the Monday night of April 2023.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]
mod common;

use std::{collections::BTreeSet, num::NonZeroU32};

use common::{
    NIGHT, Room,
    business::{Business, Mood},
    cells, estate, insurer, roll,
};
use vocabulary::{Class, Digest, InsurerId, Seconds, StatementId, Timestamp};
use warning::{
    Effect, Event, HourOfWeek, Incident, IncidentState, Kind, Meaning, Measure, Roll, Severity, Watch,
    promises,
    standing::{Proposal, Stance, StandingFacts, propose},
};

const WEEK: i64 = 604_800;
/// Monday 2023-04-24 00:00 in Germany.
const MONDAY: i64 = NIGHT.0 - 22 * 3600;

/// A few insurers of the estate, from the largest to the smallest.
fn some_insurers() -> Vec<(InsurerId, u64)> {
    let estate = estate();
    ["kasse-001", "kasse-004", "kasse-005", "kasse-012", "kasse-080"]
        .iter()
        .map(|name| {
            let id = insurer(name);
            let insured = estate.insurer(&id).unwrap().insured.0;
            (id, insured)
        })
        .collect()
}

fn live(room: &mut Room, business: &mut [(InsurerId, Business)], from: i64, until: i64, mood: Mood) {
    for at in (from..until).step_by(60).map(Timestamp) {
        for (insurer, business) in business.iter_mut() {
            for (measure, minute) in business.minute(at, mood) {
                // A minute is told when it is over.
                let event = Event::Minute {
                    insurer: insurer.clone(),
                    measure,
                    minute,
                };
                let _effects = room.event(event, Timestamp(at.0 + 60));
            }
        }
    }
}

fn businesses(seed: u64) -> Vec<(InsurerId, Business)> {
    some_insurers()
        .into_iter()
        .zip(1_u64..)
        .map(|((id, insured), n)| (id, Business::of(insured, seed * 1000 + n)))
        .collect()
}

fn standing_order() -> StandingFacts {
    StandingFacts {
        id: StatementId(Digest::of(b"hold eau when answers turn to errors")),
        scope: serde_json::from_value(serde_json::json!([{ "sites": ["essen"], "services": ["eau"] }]))
            .unwrap(),
        stance: Stance::Held,
        class: Class::Precautionary,
        uses_max: NonZeroU32::new(3).unwrap(),
        window: Seconds(3600),
        detectors: BTreeSet::from([Kind::ErrorShare.detector().unwrap()]),
        expires: Timestamp(NIGHT.0 + 30 * 86_400),
        used: vec![],
    }
}

#[test]
fn the_april_night_is_seen_within_minutes_and_normal_weeks_are_silent() {
    let mut room = Room::quiet();
    let mut business = businesses(7);
    // Four weeks to learn; two more, and the Monday until 22:00, are judged as well.
    live(&mut room, &mut business, MONDAY - 6 * WEEK, NIGHT.0, Mood::Normal);
    let false_signals: Vec<String> = room
        .signals()
        .iter()
        .map(|(at, signal)| format!("{at} {}", signal.sentence))
        .collect();
    assert!(false_signals.is_empty(), "{false_signals:#?}");

    live(
        &mut room,
        &mut business,
        NIGHT.0,
        NIGHT.0 + 2 * 3600,
        Mood::AlmostAllRejected,
    );
    let (first, signal) = room.signals()[0];
    assert!(
        first.since(NIGHT).0 <= 15 * 60,
        "the first signal came {} s after 22:00: {}",
        first.since(NIGHT).0,
        signal.sentence
    );
    assert_eq!((signal.kind, signal.severity), (Kind::ErrorShare, Severity::High));
    assert!(signal.since >= NIGHT, "it says since when");

    let roll = roll();
    let incidents = room.incidents();
    assert_eq!(
        incidents.len(),
        1,
        "{:?}",
        incidents.iter().map(|i| i.sentence(&roll)).collect::<Vec<_>>()
    );
    is_one_wide_incident(incidents[0], &roll);

    // What was signed in peace may be used where it reaches; people are asked about the rest.
    let orders = [standing_order()];
    let now = Timestamp(NIGHT.0 + 7200);
    let proposals = propose(incidents[0], &orders, &roll, &BTreeSet::new(), now);
    promises::warn_1(&proposals, incidents[0], &orders, &roll, &BTreeSet::new(), now).unwrap();
    let Proposal::Use(used) = &proposals[0] else {
        panic!("{proposals:?}")
    };
    assert!(used.cells.contains(&"kasse-001/eau".parse().unwrap()));
}

/// Several insurers, one incident, worse than each alone, and no wider than where it was seen.
fn is_one_wide_incident(incident: &Incident, roll: &Roll) {
    assert_eq!(incident.severity(), Severity::Critical);
    let seen = incident.cells(roll);
    assert!(
        seen.is_superset(&cells(&["kasse-001/eau", "kasse-004/eau"])),
        "{seen:?}"
    );
    assert!(seen.iter().all(|cell| cell.service.as_str() == "eau"), "{seen:?}");
    promises::warn_2(incident, roll).unwrap();
    // Small insurers have no business at this hour; that they share site and service is said, and proposed to people.
    let suspects = incident.suspects(roll);
    let at = |site: &str| {
        let insurers = estate()
            .insurers()
            .filter(|i| i.site.as_str() == site)
            .map(|i| i.id.clone())
            .collect::<BTreeSet<_>>();
        let showing = seen
            .iter()
            .filter(|cell| insurers.contains(&cell.insurer))
            .count();
        (
            insurers.len(),
            showing,
            suspects
                .iter()
                .filter(|cell| insurers.contains(&cell.insurer))
                .count(),
        )
    };
    for (all, showing, quiet) in [at("essen"), at("munich")] {
        assert_eq!(
            quiet,
            if showing >= 3 { all - showing } else { 0 },
            "{showing} of {all} show it"
        );
    }
    assert!(!suspects.is_empty() && suspects.is_disjoint(&seen));
    let sentence = incident.sentence(roll).to_string();
    assert!(
        sentence.contains("kasse-001")
            && sentence.contains("Schwere kritisch")
            && sentence.contains("severity critical")
    );
}

#[test]
fn what_happens_under_an_incident_is_not_learned() {
    let mut room = Room::quiet();
    let mut business = businesses(8);
    business.truncate(1);
    live(&mut room, &mut business, MONDAY - 5 * WEEK, NIGHT.0, Mood::Normal);
    // 54 hours of rejections, then usual again; nobody has explained anything yet.
    live(
        &mut room,
        &mut business,
        NIGHT.0,
        NIGHT.0 + 54 * 3600,
        Mood::AlmostAllRejected,
    );
    live(
        &mut room,
        &mut business,
        NIGHT.0 + 54 * 3600,
        MONDAY + WEEK,
        Mood::Normal,
    );
    let weeks = |room: &Room, measure: Measure, hour: HourOfWeek| {
        let learned = room
            .watch()
            .learned()
            .find(|learned| learned.measure == measure)
            .unwrap();
        learned.baseline.weeks(hour)
    };
    let tuesday_ten = HourOfWeek::new(1, 10);
    assert_eq!(
        weeks(&room, Measure::ErrorShare, HourOfWeek::new(0, 10)),
        6,
        "Monday morning was normal"
    );
    assert_eq!(weeks(&room, Measure::ErrorShare, tuesday_ten), 5);
    assert_eq!(
        weeks(&room, Measure::EauRate, tuesday_ten),
        5,
        "the whole cell is under the incident"
    );
    assert_eq!(
        weeks(&room, Measure::PaymentVolume, tuesday_ten),
        6,
        "payments are another cell"
    );
    let settled = room
        .effects
        .iter()
        .any(|(_, effect)| matches!(effect, Effect::Settled { .. }));
    assert!(settled, "the symptom went away");
    assert_eq!(
        room.incidents()[0].state(),
        IncidentState::Open,
        "but nobody has explained it"
    );

    explain_everything(&mut room);
    live(
        &mut room,
        &mut business,
        MONDAY + WEEK,
        MONDAY + WEEK + 2 * 86_400,
        Mood::Normal,
    );
    assert_eq!(weeks(&room, Measure::EauRate, tuesday_ten), 6, "learning goes on");
}

/// A person explains it.
fn explain_everything(room: &mut Room) {
    let open: Vec<_> = room.incidents()[0]
        .unexplained()
        .map(|signal| signal.id.clone())
        .collect();
    for signal in open {
        let by = "anna".parse().unwrap();
        let because = "drill".to_owned();
        room.event(
            Event::Explained {
                signal,
                by,
                meaning: Meaning::PlannedWork,
                because,
            },
            Timestamp(MONDAY + WEEK),
        );
    }
    assert!(matches!(room.incidents()[0].state(), IncidentState::Closed(_)));
}

#[test]
fn a_new_normal_is_learned_anew() {
    let mut room = Room::quiet();
    let mut business = businesses(8);
    business.truncate(1);
    live(&mut room, &mut business, MONDAY - 5 * WEEK, NIGHT.0, Mood::Normal);
    live(
        &mut room,
        &mut business,
        NIGHT.0,
        NIGHT.0 + 3600,
        Mood::AlmostAllRejected,
    );
    let signal = room.signals()[0].1.id.clone();
    let by = "anna".parse().unwrap();
    let because = "all practices now send a format we do not take".to_owned();
    room.event(
        Event::Explained {
            signal,
            by,
            meaning: Meaning::NewNormal,
            because,
        },
        Timestamp(NIGHT.0 + 3600),
    );
    let weeks = |measure: Measure| {
        let learned = room
            .watch()
            .learned()
            .find(|learned| learned.measure == measure)
            .unwrap();
        learned.baseline.weeks(HourOfWeek::new(0, 10))
    };
    assert_eq!(
        (weeks(Measure::ErrorShare), weeks(Measure::EauRate)),
        (0, 6),
        "only what was explained"
    );
    live(
        &mut room,
        &mut business,
        NIGHT.0 + 3600,
        NIGHT.0 + 2 * 3600,
        Mood::AlmostAllRejected,
    );
    assert_eq!(room.signals().len(), 1, "not enough history: nothing is guessed");
}

#[test]
fn a_restart_loses_no_baseline_and_a_cold_start_raises_nothing() {
    let mut room = Room::quiet();
    let mut business = businesses(9);
    business.truncate(1);
    live(&mut room, &mut business, MONDAY - 5 * WEEK, NIGHT.0, Mood::Normal);
    let written = serde_json::to_string(&room.watch().learned().collect::<Vec<_>>()).unwrap();
    let read: Vec<warning::Learned> = serde_json::from_str(&written).unwrap();
    let mut warm = Room::new(Watch::new(roll(), BTreeSet::new()).remember(read));
    let mut cold = Room::quiet();
    for room in [&mut warm, &mut cold] {
        let mut business = businesses(9);
        business.truncate(1);
        live(
            room,
            &mut business,
            NIGHT.0,
            NIGHT.0 + 3600,
            Mood::AlmostAllRejected,
        );
    }
    assert_eq!(warm.signals().len(), 1);
    assert!(
        cold.signals().is_empty(),
        "four weeks are needed before anything is said"
    );
    let sight = cold.watch().sight(&insurer("kasse-001"), Measure::EauRate, NIGHT);
    assert!(matches!(sight, warning::baseline::Sight::Blind(_)));
}
