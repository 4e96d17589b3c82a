//! Signals become incidents; incidents grow, join, shrink and close.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]
mod common;

use common::{NIGHT, Room, cells, roll};
use std::collections::BTreeSet;
use vocabulary::{CellId, Digest, Seconds, SignalId, Timestamp};
use warning::{
    CORRELATION_SECS, Canary, Effect, Engine, Event, Imported, Importer, Incident, IncidentState, Kind, Line,
    Meaning, Measure, Refusal, Severity, SourceName, Touched, promises,
    sensor::{Minute, Seen, Senders},
};

fn later(secs: i64) -> Timestamp {
    Timestamp(NIGHT.0 + secs)
}

fn alert(rule: u32, severity: u8, host: &str, now: Timestamp) -> Event {
    // The flow id makes each line another line.
    let line = format!(
        r#"{{"flow_id":{},"event_type":"alert","src_ip":"203.0.113.7","dest_ip":"{host}","alert":{{"signature_id":{rule},"signature":"INVENTED","severity":{severity}}}}}"#,
        now.0
    );
    let imported = Importer::new(Engine::Suricata, roll()).line(Line::Whole(line.as_bytes()), now);
    let Imported::Finding(finding) = imported else {
        panic!("{imported:?}")
    };
    Event::Finding(finding)
}

fn canary(touched: &[Touched], name: &str) -> Event {
    canary_at(touched, name, NIGHT)
}

fn canary_at(touched: &[Touched], name: &str, at: Timestamp) -> Event {
    Event::CanaryTouched {
        canary: Canary::Record,
        name: name.to_owned(),
        touched: touched.iter().cloned().collect(),
        at,
        evidence: Digest::of(format!("{name} {at}").as_bytes()),
    }
}

fn environment(insurer: &str) -> Touched {
    Touched::Environment(insurer.parse().unwrap())
}

fn explain(signal: &SignalId, meaning: Meaning) -> Event {
    Event::Explained {
        signal: signal.clone(),
        by: "anna".parse().unwrap(),
        meaning,
        because: "a practice tested its new software".to_owned(),
    }
}

fn only(room: &Room) -> &Incident {
    let incidents = room.incidents();
    assert_eq!(incidents.len(), 1, "{incidents:#?}");
    promises::warn_2(incidents[0], &roll()).unwrap();
    incidents[0]
}

fn insurers_of(incident: &Incident) -> BTreeSet<String> {
    incident
        .cells(&roll())
        .iter()
        .map(|cell: &CellId| cell.insurer.to_string())
        .collect()
}

#[test]
fn any_touch_of_a_canary_is_a_signal_at_once() {
    let mut room = Room::quiet();
    let effects = room.event(canary(&[environment("kasse-005")], "person-0"), NIGHT);
    assert!(
        matches!(effects.as_slice(), [Effect::Signal(_), Effect::Opened(_)]),
        "{effects:?}"
    );
    assert_eq!(only(&room).severity(), Severity::High);
    assert_eq!(insurers_of(only(&room)), BTreeSet::from(["kasse-005".to_owned()]));
    assert_eq!(Canary::Account.severity(), Severity::Critical);
    // The same touch again is told at the 1st, 2nd, 4th time, and opens nothing.
    let told: Vec<usize> = (0..5)
        .map(|_| {
            room.event(canary(&[environment("kasse-005")], "person-0"), later(60))
                .len()
        })
        .collect();
    assert_eq!(told, [1, 1, 0, 1, 0]);
    assert_eq!(only(&room).signals().values().next().unwrap().again, 5);
}

#[test]
fn the_same_indicator_at_a_second_insurer_is_worse_and_widens_the_scope() {
    let mut room = Room::quiet();
    // Medium alone is remembered, not told.
    assert!(room.event(alert(7, 2, "10.1.0.1", NIGHT), NIGHT).is_empty());
    assert!(
        room.event(alert(7, 2, "10.1.0.2", later(1)), later(1)).is_empty(),
        "the same insurer"
    );
    assert!(
        room.event(alert(8, 2, "10.2.0.1", later(2)), later(2)).is_empty(),
        "another rule"
    );
    let effects = room.event(alert(7, 2, "10.2.0.1", later(3)), later(3));
    assert!(
        matches!(effects.as_slice(), [Effect::Signal(signal), Effect::Opened(_)] if signal.severity == Severity::High)
    );

    room.event(alert(7, 2, "10.1.0.1", later(4)), later(4));
    assert_eq!(
        only(&room).severity(),
        Severity::Critical,
        "one indicator at two insurers"
    );
    assert_eq!(
        insurers_of(only(&room)),
        BTreeSet::from(["kasse-001".to_owned(), "kasse-002".to_owned()])
    );
    // Long after, a single medium alert stands alone again.
    let mut quiet = Room::quiet();
    quiet.event(alert(7, 2, "10.1.0.1", NIGHT), NIGHT);
    let long_after = later(2 * 3600 + 10);
    assert!(
        quiet
            .event(alert(7, 2, "10.2.0.1", long_after), long_after)
            .is_empty()
    );
}

#[test]
fn low_findings_never_wake_anybody() {
    let mut room = Room::quiet();
    for (n, host) in ["10.1.0.1", "10.2.0.1", "10.3.0.1", "10.99.0.1"]
        .iter()
        .cycle()
        .take(100)
        .enumerate()
    {
        let now = later(n as i64);
        assert!(room.event(alert(9, 3, host, now), now).is_empty());
    }
}

#[test]
fn what_the_estate_does_not_know_is_shown_and_widens_nothing() {
    let mut room = Room::quiet();
    room.event(alert(7, 1, "192.0.2.55", NIGHT), NIGHT);
    let incident = only(&room);
    assert!(incident.cells(&roll()).is_empty() && incident.scope(&roll()).0.is_empty());
    assert_eq!(
        incident.unmatched(),
        BTreeSet::from(["192.0.2.55", "203.0.113.7"])
    );
    // A storm of strangers is one signal with a count, not a storm of signals.
    for n in 0..200 {
        let now = later(n);
        room.event(alert(7, 1, &format!("192.0.2.{n}"), now), now);
    }
    assert_eq!(only(&room).signals().len(), 1);
    assert_eq!(only(&room).signals().values().next().unwrap().again, 200);
    assert!(only(&room).unmatched().len() <= 32 && only(&room).evidence().len() <= 32);
}

#[test]
fn one_insurer_within_two_hours_is_one_incident() {
    let mut room = Room::quiet();
    room.event(canary(&[environment("kasse-001")], "a"), NIGHT);
    let soon = later(CORRELATION_SECS as i64);
    room.event(alert(7, 1, "10.1.0.1", soon), soon);
    assert_eq!(only(&room).signals().len(), 2);
    let late = later(2 * CORRELATION_SECS as i64 + 1);
    room.event(canary(&[environment("kasse-001")], "b"), late);
    assert_eq!(room.incidents().len(), 2, "another indicator, long after");
    // But the same indicator belongs to what is still open, however late.
    room.event(alert(7, 1, "10.3.0.1", later(90_000)), later(90_000));
    assert_eq!(room.incidents().len(), 2);
}

#[test]
fn a_signal_that_belongs_to_two_incidents_joins_them() {
    let mut room = Room::quiet();
    room.event(canary(&[environment("kasse-001")], "a"), NIGHT);
    room.event(canary(&[environment("kasse-002")], "b"), later(60));
    assert_eq!(room.incidents().len(), 2);
    let effects = room.event(
        canary(&[environment("kasse-001"), environment("kasse-002")], "c"),
        later(120),
    );
    assert!(
        matches!(
            effects.as_slice(),
            [Effect::Signal(_), Effect::Joined { .. }, Effect::Updated(_)]
        ),
        "{effects:?}"
    );
    assert_eq!((only(&room).signals().len(), only(&room).opened()), (3, NIGHT));
}

#[test]
fn explaining_shrinks_and_the_last_explanation_closes() {
    let mut room = Room::quiet();
    room.event(canary(&[environment("kasse-001")], "a"), NIGHT);
    room.event(
        canary(&[environment("kasse-001"), environment("kasse-002")], "b"),
        later(60),
    );
    let ids: Vec<SignalId> = room
        .signals()
        .iter()
        .map(|(_, signal)| signal.id.clone())
        .collect();
    assert_eq!(insurers_of(only(&room)).len(), 2);

    let nobody = Event::Explained {
        signal: ids[1].clone(),
        by: "anna".parse().unwrap(),
        meaning: Meaning::FalseAlarm,
        because: " \u{1b} ".into(),
    };
    assert_eq!(
        room.event(nobody, later(90)),
        [Effect::Refused(Refusal::NoReason)]
    );
    let stranger: SignalId = "s-0000000000000000".parse().unwrap();
    let effects = room.event(explain(&stranger, Meaning::FalseAlarm), later(90));
    assert_eq!(effects, [Effect::Refused(Refusal::UnknownSignal(stranger))]);

    let effects = room.event(explain(&ids[1], Meaning::FalseAlarm), later(100));
    assert!(matches!(effects.as_slice(), [Effect::Updated(_)]));
    assert_eq!(
        insurers_of(only(&room)),
        BTreeSet::from(["kasse-001".to_owned()]),
        "it shrinks"
    );
    assert!(
        room.event(explain(&ids[1], Meaning::PlannedWork), later(110))
            .is_empty(),
        "said before"
    );
    let effects = room.event(explain(&ids[0], Meaning::FalseAlarm), later(120));
    assert!(matches!(effects.as_slice(), [Effect::Closed(_)]));
    assert_eq!(only(&room).state(), IncidentState::Closed(later(120)));
    assert!(only(&room).scope(&roll()).0.is_empty());
    assert!(only(&room).sentence(&roll()).to_string().contains("geschlossen"));
    // The same message delivered again is no news; a new touch of the same canary is.
    let effects = room.event(canary(&[environment("kasse-001")], "a"), later(130));
    assert!(
        matches!(effects.as_slice(), [Effect::Again { again: 1, .. }]),
        "{effects:?}"
    );
    let effects = room.event(
        canary_at(&[environment("kasse-001")], "a", later(140)),
        later(140),
    );
    assert!(
        matches!(effects.as_slice(), [Effect::Signal(_), Effect::Opened(_)]),
        "{effects:?}"
    );
}

#[test]
fn an_engine_that_goes_on_about_something_explained_is_counted_for_a_day() {
    let mut room = Room::quiet();
    room.event(alert(7, 1, "10.1.0.1", NIGHT), NIGHT);
    let id = room.signals()[0].1.id.clone();
    room.event(explain(&id, Meaning::FalseAlarm), later(60));
    let effects = room.event(alert(7, 1, "10.1.0.1", later(120)), later(120));
    assert!(
        matches!(effects.as_slice(), [Effect::Again { again: 1, .. }]),
        "{effects:?}"
    );
    let effects = room.event(alert(7, 1, "10.2.0.1", later(180)), later(180));
    assert!(
        matches!(effects.as_slice(), [Effect::Signal(_), Effect::Opened(_)]),
        "elsewhere it is news"
    );
    let next_day = later(60 + 86_401);
    room.event(Event::Tick, next_day);
    let effects = room.event(alert(7, 1, "10.1.0.1", next_day), next_day);
    assert!(matches!(effects.first(), Some(Effect::Signal(_))), "{effects:?}");
}

#[test]
fn a_silent_source_is_told_once_until_it_is_heard() {
    let mut room = Room::quiet();
    let source = SourceName::new("suricata essen 1");
    let heard = |source: &SourceName| Event::Heard {
        source: source.clone(),
    };
    assert!(matches!(
        room.event(heard(&source), NIGHT).as_slice(),
        [Effect::Refused(Refusal::UnknownSource(_))]
    ));
    let touched = BTreeSet::from([environment("kasse-001")]);
    room.event(
        Event::Expect {
            source: source.clone(),
            within: Seconds(300),
            touched,
        },
        NIGHT,
    );
    assert!(room.event(Event::Tick, later(300)).is_empty());
    let effects = room.event(Event::Tick, later(301));
    let [Effect::Signal(signal), Effect::Opened(_)] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    assert_eq!(
        (signal.kind, signal.severity, signal.since),
        (Kind::Silence, Severity::Medium, NIGHT)
    );
    assert!(room.event(Event::Tick, later(4000)).is_empty(), "told once");
    room.event(heard(&source), later(4001));
    assert!(room.event(Event::Tick, later(4301)).is_empty());
    assert!(!room.event(Event::Tick, later(4302)).is_empty(), "silent again");
}

#[test]
fn readings_nobody_can_place_are_refused() {
    let mut room = Room::quiet();
    let minute = |insurer: &str, measure, at, seen| Event::Minute {
        insurer: insurer.parse().unwrap(),
        measure,
        minute: Minute { at, seen },
    };
    let refused = |effects: Vec<Effect>| match effects.as_slice() {
        [Effect::Refused(refusal)] => refusal.clone(),
        other => panic!("{other:?}"),
    };
    let effects = room.event(
        minute("kasse-999", Measure::EauRate, NIGHT, Seen::Count(1)),
        NIGHT,
    );
    assert_eq!(
        refused(effects),
        Refusal::UnknownCell("kasse-999/eau".parse().unwrap())
    );
    let effects = room.event(
        minute("kasse-001", Measure::EauRate, later(61), Seen::Count(1)),
        NIGHT,
    );
    assert!(matches!(refused(effects), Refusal::FutureMinute { .. }));
    let share = Seen::Share {
        failed: Senders::none(),
        all: Senders::none(),
    };
    let effects = room.event(minute("kasse-001", Measure::EauRate, NIGHT, share), NIGHT);
    assert!(matches!(refused(effects), Refusal::OtherMeasure { .. }));
    assert!(
        room.event(
            minute("kasse-001", Measure::EauRate, NIGHT, Seen::Count(1)),
            NIGHT
        )
        .is_empty()
    );
    let again = refused(room.event(
        minute("kasse-001", Measure::EauRate, NIGHT, Seen::Count(1)),
        NIGHT,
    ));
    assert!(matches!(again, Refusal::OldMinute { .. }));
    let text = again.to_string();
    assert!(text.contains(" / ") && text.contains("kasse-001"), "{text}");
}

#[test]
fn nobody_can_flood_the_room() {
    let mut room = Room::quiet();
    for n in 0..1000 {
        room.event(canary(&[], &format!("canary {n}")), later(n));
    }
    let refused = room
        .effects
        .iter()
        .filter(|(_, effect)| matches!(effect, Effect::Refused(Refusal::TooManyIncidents(_))))
        .count();
    assert_eq!((room.incidents().len(), refused), (128, 872));
    assert_eq!(
        room.signals().len(),
        1000,
        "every signal is told, even without an incident"
    );

    // One incident of many signals keeps a bounded number and still points everywhere.
    let mut room = Room::quiet();
    for n in 0..1000 {
        let insurer = format!("kasse-{:03}", n % 80 + 1);
        room.event(
            canary(
                &[environment("kasse-001"), environment(&insurer)],
                &format!("canary {n}"),
            ),
            later(n),
        );
    }
    let incident = only(&room);
    assert_eq!(incident.signals().len() as u64 + incident.more(), 1000);
    assert_eq!(insurers_of(incident).len(), 80);
    let all: Vec<SignalId> = incident.signals().keys().cloned().collect();
    for id in all {
        room.event(explain(&id, Meaning::FalseAlarm), later(2000));
    }
    assert_eq!(
        only(&room).state(),
        IncidentState::Open,
        "what nobody could explain one by one keeps it open"
    );
}

#[test]
fn incidents_read_back_after_a_restart_and_a_replay_gives_the_same_names() {
    let play = || {
        let mut room = Room::quiet();
        room.event(canary(&[environment("kasse-001")], "a"), NIGHT);
        room.event(alert(7, 1, "10.1.7.7", later(5)), later(5));
        room
    };
    let (room, again) = (play(), play());
    assert_eq!(room.effects, again.effects);
    let written = serde_json::to_string(only(&room)).unwrap();
    let read: Incident = serde_json::from_str(&written).unwrap();
    assert_eq!(&read, only(&room));
    assert!(!written.contains("flow_id"), "no raw line is kept");
    let watch = warning::Watch::new(roll(), BTreeSet::new()).resume([read]);
    let mut resumed = Room::new(watch);
    let effects = resumed.event(alert(7, 1, "10.1.7.7", later(60)), later(60));
    assert!(
        matches!(effects.as_slice(), [Effect::Again { .. }]),
        "{effects:?}"
    );
    assert!(
        only(&resumed)
            .cells(&roll())
            .is_superset(&cells(&["kasse-001/eau", "kasse-001/payments"]))
    );
}
