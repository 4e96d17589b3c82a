//! A way through a closed door: one signal for as long as it is there.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]
mod common;

use std::collections::BTreeSet;

use common::{NIGHT, Room, cells, insurer, roll};
use vocabulary::Timestamp;
use warning::{Effect, Event, Incident, IncidentState, Kind, Severity};

fn later(secs: i64) -> Timestamp {
    Timestamp(NIGHT.0 + secs)
}

fn only(room: &Room) -> &Incident {
    let incidents = room.incidents();
    assert_eq!(incidents.len(), 1);
    incidents[0]
}

fn drift(cell: &str, epoch: u64, at: Timestamp) -> Event {
    Event::Drift {
        cell: cell.parse().unwrap(),
        epoch: vocabulary::Epoch(epoch),
        what: vec!["neue Abholung gelingt / new fetch login succeeds".to_owned()],
        at,
    }
}

#[test]
fn a_way_through_a_closed_door_is_one_signal_for_as_long_as_it_is_there() {
    let mut room = Room::quiet();
    let effects = room.event(drift("kasse-001/eau", 4, NIGHT), NIGHT);
    assert!(
        matches!(effects.as_slice(), [Effect::Signal(_), Effect::Opened(_)]),
        "{effects:?}"
    );
    let signal = room.signals()[0].1.clone();
    assert_eq!((signal.kind, signal.severity), (Kind::Drift, Severity::Critical));
    assert!(
        signal.sentence.de.contains("neue Abholung gelingt;"),
        "{}",
        signal.sentence
    );
    assert!(
        signal.sentence.en.contains("new fetch login succeeds;"),
        "{}",
        signal.sentence
    );
    assert_eq!(
        only(&room).cells(&roll()),
        cells(&["kasse-001/eau"]),
        "it proposes the cell and no more"
    );
    // As long as it holds it is told again and again, and is no news; also not after a restart.
    assert_eq!(room.event(drift("kasse-001/eau", 4, later(30)), later(30)), []);
    let kept: Vec<Incident> = room.incidents().into_iter().cloned().collect();
    let watch = warning::Watch::new(roll(), BTreeSet::new()).resume(kept);
    let mut room = Room::new(watch);
    assert_eq!(room.event(drift("kasse-001/eau", 4, later(60)), later(60)), []);
    assert_eq!(room.watch().drifting().count(), 1);
    // Closed again: the symptom is gone, the incident stays for a person to explain.
    let over = || Event::DriftOver {
        cell: "kasse-001/eau".parse().unwrap(),
    };
    let effects = room.event(over(), later(90));
    assert_eq!(
        effects,
        [Effect::Settled {
            signal: signal.id.clone()
        }]
    );
    assert_eq!(room.event(over(), later(91)), []);
    assert_eq!(only(&room).state(), IncidentState::Open);
    // The same way, opened once more, is news, and belongs to the same incident.
    let effects = room.event(drift("kasse-001/eau", 4, later(120)), later(120));
    assert!(
        matches!(effects.as_slice(), [Effect::Signal(_), Effect::Updated(_)]),
        "{effects:?}"
    );
    // The same at another insurer, much later, is one incident with it. A cell nobody knows is refused.
    room.event(drift("kasse-002/eau", 9, later(20_000)), later(20_000));
    let both: BTreeSet<_> = only(&room)
        .cells(&roll())
        .into_iter()
        .map(|cell| cell.insurer)
        .collect();
    assert_eq!(both, BTreeSet::from([insurer("kasse-001"), insurer("kasse-002")]));
    let refused = room.event(drift("kasse-999/eau", 1, NIGHT), NIGHT);
    assert!(matches!(refused.as_slice(), [Effect::Refused(_)]), "{refused:?}");
}
