use std::collections::BTreeMap;

use estate::Seed;
use mail::minutes::{Marks, Minute as Told, Touch};
use vocabulary::SignalId;
use warning::Kind;

use super::*;

/// Monday 2023-01-02, 09:00 in Germany.
const MONDAY: i64 = 1_672_646_400;
const WEEK: i64 = 7 * 86_400;

struct Bench {
    brain: Brain,
    _dir: tempfile::TempDir,
    _front: watch::Receiver<Front>,
    _inputs: mpsc::Receiver<Input>,
}

fn bench() -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let estate = estate::check(&estate::sample(Seed(1)), "sample.toml").unwrap();
    let roll = Arc::new(Roll::of(&estate, Vec::new()).0);
    let store = Store::new(dir.path());
    let (kept, _) = store.open(estate.id()).unwrap();
    let (inputs, taken) = mpsc::channel(8);
    let (front, seen) = watch::channel((0, Arc::default()));
    let around = Around {
        roll: roll.clone(),
        houses: Vec::new(),
        control: Endpoint {
            address: "127.0.0.1:9".parse().unwrap(),
            tls: None,
        },
        store,
        inputs,
        front,
    };
    Bench {
        brain: Brain::new(around, Watch::new(roll, BTreeSet::new()), kept),
        _dir: dir,
        _front: seen,
        _inputs: taken,
    }
}

fn cell() -> CellId {
    "kasse-001/eau".parse().unwrap()
}

fn marks(places: impl Iterator<Item = u8>) -> Marks {
    let mut words = [0_u64; 4];
    for place in places {
        words[usize::from(place / 64)] |= 1 << (place % 64);
    }
    serde_json::from_value(serde_json::json!(words)).unwrap()
}

impl Bench {
    /// Minutes from an instant on, as a door process tells them: six practices send in each; of ten minutes' practices
    /// each gets an error mail once where `failing` says so.
    fn minutes(&mut self, position: DoorPosition, from: i64, count: i64, accepted: u32, failing: bool) {
        for minute in 0..count {
            let first = u8::try_from(minute * 6 % 240).unwrap();
            let senders = marks(first..first + 6);
            let counts = mail::minutes::CellMinute {
                accepted,
                senders: if accepted > 0 { senders } else { Marks::default() },
                errors: u32::from(failing),
                answered: if failing { senders } else { Marks::default() },
                ..mail::minutes::CellMinute::default()
            };
            let at = Timestamp(from + minute * 60);
            let seen = Seen {
                since: Timestamp(0),
                minutes: vec![Told {
                    at,
                    cells: BTreeMap::from([(cell(), counts)]),
                }],
                touches: Vec::new(),
                more: false,
            };
            let doors = BTreeMap::from([(cell(), position)]);
            self.brain
                .counted("tueren", &doors, &seen, at.plus(vocabulary::Seconds(60)));
        }
    }

    fn kinds(&self) -> BTreeSet<Kind> {
        let incidents = self.brain.watch().unwrap().incidents();
        incidents
            .flat_map(|incident| incident.signals().values())
            .map(|sighting| sighting.signal.kind)
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_doors_count_becomes_signals_of_the_business() {
    let mut learned = bench();
    for week in 0..6 {
        learned.minutes(DoorPosition::Open, MONDAY + week * WEEK, 181, 60, false);
    }
    let now = MONDAY + 6 * WEEK + 3_600;
    learned.minutes(DoorPosition::Open, now - 1_800, 30, 60, false);
    assert!(
        learned.kinds().is_empty(),
        "a usual morning: {:?}",
        learned.kinds()
    );
    // The insurer answers everybody with an error mail.
    learned.minutes(DoorPosition::Open, now, 15, 60, true);
    assert_eq!(learned.kinds(), BTreeSet::from([Kind::ErrorShare]));
    // Nothing comes any more, at a door that would take it.
    learned.minutes(DoorPosition::Held, now + 900, 30, 0, false);
    assert_eq!(learned.kinds(), BTreeSet::from([Kind::ErrorShare, Kind::EauRate]));
    let told = learned.brain.kept.queue.iter();
    let signals: Vec<_> = told
        .filter_map(|saying| match saying {
            Saying::Signal(signal) => Some(signal.detector.to_string()),
            Saying::Opened(_) | Saying::Updated(_) | Saying::Closed(_) => None,
        })
        .collect();
    assert_eq!(signals, ["error-share", "eau-rate"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_door_we_shut_ourselves_is_no_silence_of_the_practices() {
    let mut learned = bench();
    for week in 0..6 {
        learned.minutes(DoorPosition::Open, MONDAY + week * WEEK, 181, 60, false);
    }
    learned.minutes(DoorPosition::Shut, MONDAY + 6 * WEEK + 3_600, 60, 0, false);
    assert!(learned.kinds().is_empty(), "{:?}", learned.kinds());
}

fn saying(number: usize) -> Saying {
    Saying::Signal(evidence::room::SignalSeen {
        by: None,
        signal: SignalId::new(&format!("s-{number}")).unwrap(),
        detector: "canary".parse().unwrap(),
        what: order::Text::new("x").unwrap(),
        scope: vocabulary::Scope::default(),
        incident: None,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_full_queue_keeps_the_oldest_and_a_stale_word_of_the_teller_changes_nothing() {
    let mut bench = bench();
    for number in 0..QUEUE_MAX + 5 {
        bench.brain.say(saying(number));
    }
    assert_eq!(
        (bench.brain.kept.queue.len(), bench.brain.kept.refused),
        (QUEUE_MAX, 5)
    );
    assert_eq!(bench.brain.kept.queue.front(), Some(&saying(0)));
    bench.brain.keep();
    let (kept, _) = bench.brain.around.store.open(&bench.brain.kept.estate).unwrap();
    assert_eq!(kept, bench.brain.kept, "it reads back");
    bench.brain.take(Input::Told { offer: 0, count: 2 });
    bench.brain.take(Input::Told { offer: 0, count: 2 });
    assert_eq!(bench.brain.kept.queue.front(), Some(&saying(2)));
    bench.brain.take(Input::Told {
        offer: 2,
        count: usize::MAX,
    });
    bench.brain.keep();
    assert_eq!((bench.brain.kept.queue.len(), bench.brain.kept.refused), (0, 0));
    let other = "anderer".parse().unwrap();
    assert!(
        bench.brain.around.store.open(&other).is_err(),
        "another estate's incidents"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_a_person_closes_is_explained_and_what_came_later_is_told_anew() {
    let mut bench = bench();
    let touch = |number: u64, at: i64| Touch {
        number,
        at: Timestamp(at),
        name: format!("koeder-{number}"),
        cell: cell(),
    };
    let doors = BTreeMap::from([(cell(), DoorPosition::Open)]);
    for (number, at) in [(1, MONDAY), (2, MONDAY + 100)] {
        let seen = Seen {
            since: Timestamp(0),
            minutes: Vec::new(),
            touches: vec![touch(number, at)],
            more: false,
        };
        bench.brain.counted("tueren", &doors, &seen, Timestamp(at));
    }
    let open = |brain: &Brain| brain.status().incidents;
    let before = open(&bench.brain);
    assert_eq!(before.len(), 1, "both are about one insurer");
    bench.brain.kept.queue.clear();
    let closed = ClosedBy {
        incident: before.first().unwrap().clone(),
        by: "leitung-1".parse().unwrap(),
        at: Timestamp(MONDAY + 50),
        why: order::Text::new("eigene Prüfung").unwrap(),
    };
    for _ in 0..2 {
        bench.brain.explained(&closed, Timestamp(MONDAY + 101));
    }
    assert!(open(&bench.brain).is_empty());
    let told = bench.brain.kept.queue.iter();
    let anew: Vec<_> = told
        .filter_map(|saying| match saying {
            Saying::Signal(signal) => Some((signal.incident.clone(), signal.what.as_str().to_owned())),
            Saying::Opened(_) | Saying::Updated(_) | Saying::Closed(_) => None,
        })
        .collect();
    assert_eq!(anew.len(), 1, "{anew:?}");
    assert!(anew[0].0.is_none() && anew[0].1.contains("koeder-2"), "{anew:?}");
}
