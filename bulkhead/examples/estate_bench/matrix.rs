//! Part one: a matrix of 4,000 cells with 50 watchers. One journal entry changes one cell; the time until the last of
//! the watchers has received the fragment that shows it.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use bulkhead::{clock, control_wire::Proven, door_wire::DoorLine, probe::Proof};
use vocabulary::{DoorId, Position};

use crate::{
    middle,
    people::People,
    say,
    screens::{Screen, Seen, Watchers},
};

/// Longest wait for one change to be everywhere.
const WAIT: Duration = Duration::from_secs(30);
/// The screens rest when nothing came for so long: what ran before must not be counted.
const QUIET: Duration = Duration::from_millis(400);

/// Measures, and says the median over the changes.
pub async fn measure(people: &People<'_>, sessions: &[Screen], watchers: usize, changes: usize) {
    let insurer = &people.ground.parts[people.ground.parts.len() / 2].insurers[0].0;
    let door = DoorId::of(format!("{insurer}/eau").parse().unwrap());
    let line = people.status_of(&door).await;
    assert_eq!(line.position, Position::Open);
    let mut seats = Watchers::seat(sessions, watchers, &door.cell().to_string()).await;
    let mut screens: BTreeMap<usize, Seen> = BTreeMap::new();
    let (mut all, mut first) = (Vec::new(), Vec::new());
    // The first changes warm both sides and are not counted.
    for number in 0..changes + 2 {
        quiet(&mut seats, &mut screens, watchers).await;
        let before = screens[&0].cell.clone();
        let began = Instant::now();
        tell(people, &line, number % 2 == 0).await;
        let told = began.elapsed();
        let mut arrived = Vec::new();
        while arrived.len() < watchers {
            let seen = tokio::time::timeout(WAIT, seats.seen.recv()).await;
            let Ok(Some(seen)) = seen else {
                panic!("{} of {watchers} screens show the change", arrived.len());
            };
            let shown_before = screens.get(&seen.watcher).is_some_and(|last| last.cell != before);
            if seen.cell != before && !shown_before {
                arrived.push(seen.at.duration_since(began));
            }
            screens.insert(seen.watcher, seen);
        }
        if number >= 2 {
            all.push(millis(arrived.iter().max().unwrap()));
            first.push(millis(arrived.iter().min().unwrap()));
        } else {
            say(&format!(
                "  a change on disk in {:.1} ms; a fragment has {} KiB",
                millis(&told),
                screens[&0].bytes / 1024
            ));
        }
    }
    let cells = people.ground.cells();
    say(&format!(
        "first screen shows a journal entry                     {:>8.1} ms, median of {changes} changes",
        middle(&mut first)
    ));
    let all = middle(&mut all);
    say(&format!(
        "journal entry on {watchers} screens of {cells} cells: {all:.1} ms, median of {changes} changes"
    ));
}

fn millis(time: &Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// Waits until every screen shows the same and nothing more comes.
async fn quiet(seats: &mut Watchers, screens: &mut BTreeMap<usize, Seen>, watchers: usize) {
    let began = Instant::now();
    loop {
        match tokio::time::timeout(QUIET, seats.seen.recv()).await {
            Ok(Some(seen)) => drop(screens.insert(seen.watcher, seen)),
            Ok(None) => panic!("nobody watches any more"),
            Err(_quiet) if screens.len() == watchers => {
                let first = &screens[&0].cell;
                if screens.values().all(|seen| seen.cell == *first) {
                    return;
                }
            }
            Err(_quiet) => {}
        }
        // A room in which something happens all the time never rests; then the measurement begins in the middle of it.
        if began.elapsed() > WAIT && screens.len() == watchers {
            return;
        }
    }
}

/// One journal entry: what a prober found at a door, now good, now bad.
async fn tell(people: &People<'_>, line: &DoorLine, good: bool) {
    let proof = Proof {
        epoch: line.epoch,
        position: line.position,
        at: clock::now(),
        failures: if good {
            Vec::new()
        } else {
            vec!["Messung / measurement".to_owned()]
        },
        leaks: Vec::new(),
        leaking: 0,
        covers: std::collections::BTreeSet::new(),
        old_sessions: 1,
        millis: 1,
    };
    let told = Proven {
        doors: BTreeMap::from([(line.door.clone(), proof)]),
    };
    let body = serde_json::to_vec(&told).unwrap();
    people.tell("/proofs", body).await;
}
