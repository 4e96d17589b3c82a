//! One order over 4,000 doors in one process: verified once, decided for all, recorded with one sync, in force, reported.
//!
//! `cargo run --release -p door --example bench [DIR]`: prints milliseconds, median and spread of several runs, on the
//! disk that DIR (or the system's temporary directory) lies on. Next to it, on the same disk, the floor: one sync of as
//! many bytes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark stops at the first surprise"
)]

#[path = "../tests/estate/mod.rs"]
mod estate;

use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use door::{Effect, House};
use estate::{Outside, catch_up, enrolment, moment, places, scope_all};
use order::Stance;
use vocabulary::{Class, Flow, Holdable, Seconds};

const INSURERS: usize = 80;
const SERVICES: usize = 50;
const RUNS: usize = 15;

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn median(mut times: Vec<Duration>) -> (f64, f64, f64) {
    times.sort_unstable();
    let at = |n: usize| times.get(n).copied().map_or(0.0, millis);
    (at(times.len() / 2), at(0), at(times.len().saturating_sub(1)))
}

fn show(what: &str, times: Vec<Duration>) {
    let (median, least, most) = median(times);
    println!("{what:<58} {median:8.2} ms   ({least:.2} to {most:.2})");
}

fn main() {
    let base = std::env::args_os()
        .nth(1)
        .map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = tempfile::tempdir_in(base).unwrap();
    let mut outside = Outside::new(INSURERS);
    let services: Vec<String> = (0..SERVICES).map(|n| format!("dienst-{n:02}")).collect();
    // Half of the services can be held, as in an estate.
    let services: Vec<(&str, Holdable)> = services
        .iter()
        .zip([Holdable::Yes, Holdable::No].into_iter().cycle())
        .map(|(name, holdable)| (name.as_str(), holdable))
        .collect();
    let doors = places(&outside.insurers, &services);
    let store = enrolment(&outside, "bench", doors);
    let mut house = House::enrol(dir.path(), &store, moment(&outside)).unwrap();
    catch_up(&outside, &mut house);
    let (mut whole, mut floors, mut opened, mut bytes) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for _ in 0..RUNS {
        // Every door open, by clearance, commander and insurer, as it would be before a cut.
        let start = Instant::now();
        estate::open_all(&mut outside, &mut house);
        opened.push(start.elapsed());
        outside.time = outside.time.plus(Seconds(60));
        let closing = outside.closing(scope_all(), Stance::Contain, Class::Containment, None);
        let signed = outside.signed(&closing, &["commander-1"]);
        outside.publish(&signed);
        let first = house
            .doors()
            .all()
            .first()
            .map(|door| (*door.id).clone())
            .unwrap();
        let permit = house.gate(&first).unwrap().pass(Flow::Fetch);
        let before = segment_bytes(dir.path());
        let known = usize::try_from(house.authority().head().len).unwrap();
        let start = Instant::now();
        let effects = house.follow(&outside.log[known..], moment(&outside)).unwrap();
        let took = start.elapsed();
        bytes = segment_bytes(dir.path()) - before;
        let reports: usize = effects
            .iter()
            .map(|effect| {
                if let Effect::Doors(doors) = effect {
                    doors.len()
                } else {
                    0
                }
            })
            .sum();
        assert_eq!(reports, INSURERS * SERVICES);
        assert!(!permit.unwrap().still_valid());
        whole.push(took);
        let floor = Instant::now();
        let mut file = std::fs::File::create(dir.path().join("floor")).unwrap();
        file.write_all(&vec![1; usize::try_from(bytes).unwrap()]).unwrap();
        file.sync_data().unwrap();
        floors.push(floor.elapsed());
    }
    let (doors, kib) = (INSURERS * SERVICES, bytes / 1024);
    println!("{doors} doors in one process, one order, {RUNS} runs");
    show("order in, recorded with one sync, in force, reported", whole);
    show(
        &format!("floor: one file of {kib} KiB written and synced"),
        floors,
    );
    show(
        &format!("opening all: signing, {INSURERS} clearances and consents included"),
        opened,
    );
    let entries = house.head().len;
    drop(house);
    let start = Instant::now();
    let house = House::open(dir.path(), &store, moment(&outside)).unwrap();
    println!(
        "start: {entries} entries replayed, {} doors contained: {:.0} ms",
        house.doors().all().len(),
        millis(start.elapsed())
    );
}

fn segment_bytes(dir: &std::path::Path) -> u64 {
    std::fs::read_dir(dir.join("entries"))
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum()
}
