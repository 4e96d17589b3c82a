//! Measures the spool on this machine.
//!
//! `cargo run --release -p spool --example bench -- DIR [ITEMS]` makes a spool in DIR, measures durable intake of 2 KB
//! items at 1, 16 and 64 writers, and, when ITEMS is given, fills the spool to that many held items and measures a
//! clean start (time and resident memory). DIR should be empty and on the disk that matters; a million items take
//! about 2.7 GB.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a measurement may stop at the first surprise"
)]

use spool::{Config, Entropy, Offer, Recipient, ReleaseRecipients, Spool};
use std::{path::Path, time::Instant};
use vocabulary::Timestamp;

fn entropy() -> Entropy {
    Entropy::new(|bytes| getrandom::fill(bytes).unwrap())
}

fn open(dir: &Path) -> Spool {
    let (spool, recovered) = Spool::open(Config::single(dir), entropy()).unwrap();
    println!(
        "  opened: {} waiting, {} records replayed",
        recovered.waiting, recovered.replayed
    );
    spool
}

fn recipient() -> Recipient {
    Recipient::new(&age::x25519::Identity::generate().to_public().to_string()).unwrap()
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    Timestamp(i64::try_from(since.as_secs()).unwrap())
}

/// What the disk alone allows: as many bytes as a commit of 64 items, written over zeros and synced, one after another.
fn bare_syncs(dir: &Path) {
    use std::os::unix::fs::FileExt as _;
    const LEN: usize = 64 * 2_600;
    let path = dir.join("bare");
    std::fs::write(&path, vec![0; 16 << 20]).unwrap();
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.sync_all().unwrap();
    let block = vec![1; LEN];
    let begin = Instant::now();
    let times = 300;
    for number in 0..times {
        file.write_all_at(&block, (number % 90) * LEN as u64).unwrap();
        file.sync_data().unwrap();
    }
    let each = begin.elapsed().as_micros() / u128::from(times);
    println!("bare write + fdatasync of {LEN} bytes: {each} us each");
    std::fs::remove_file(&path).unwrap();
}

fn offer(number: u64) -> Offer {
    Offer {
        cell: format!("kasse-{:03}/kim", number % 80).parse().unwrap(),
        peer: format!("CN=kim-provider-{}", number % 7),
        lane: format!("praxis-{}", number % 2_000),
        sender: format!("praxis-{}@kim.example", number % 2_000),
        recipients: vec!["eau@kasse.kim.example".to_owned()],
        message_id: Some(format!("<{number}@bench>")),
        envelope: Vec::new(),
        received: now(),
    }
}

fn intake(spool: &Spool, writers: u64, per_writer: u64, first: u64) {
    let begin = Instant::now();
    let mut waits: Vec<u128> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..writers)
            .map(|writer| {
                scope.spawn(move || {
                    let mut waits = Vec::new();
                    for number in 0..per_writer {
                        let asked = Instant::now();
                        let offer = offer(first + writer * per_writer + number);
                        spool.offer_blocking(offer, vec![b'x'; 2_048]).unwrap();
                        waits.push(asked.elapsed().as_micros());
                    }
                    waits
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    let seconds = begin.elapsed().as_secs_f64();
    waits.sort_unstable();
    let total = writers * per_writer;
    println!(
        "durable intake, {writers} writers x 2 KB: {:.0}/s, p50 {} us, p99 {} us",
        total as f64 / seconds,
        waits[waits.len() / 2],
        waits[waits.len() * 99 / 100]
    );
}

fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap_or_default();
    line.split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse::<u64>().ok())
        .unwrap_or(0)
        / 1_024
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let dir = Path::new(arguments.get(1).expect("usage: bench DIR [ITEMS]"));
    if arguments.get(2).is_some_and(|word| word == "start") {
        let begin = Instant::now();
        let spool = open(dir);
        println!(
            "clean start: {:.2} s, at most {} MiB resident",
            begin.elapsed().as_secs_f64(),
            resident_mib()
        );
        drop(spool);
        return;
    }
    let spool = open(dir);
    let to = ReleaseRecipients {
        active: recipient(),
        recovery: recipient(),
    };
    for number in 0..80 {
        spool
            .enrol(format!("kasse-{number:03}/kim").parse().unwrap(), to.clone())
            .wait()
            .unwrap();
    }
    bare_syncs(dir);
    let mut first = 0;
    for (writers, per_writer) in [(1, 3_000), (16, 2_000), (64, 1_000)] {
        intake(&spool, writers, per_writer, first);
        first += writers * per_writer;
    }
    let Some(items) = arguments.get(2).and_then(|text| text.parse::<u64>().ok()) else {
        return;
    };
    let begin = Instant::now();
    let mut waiting = std::collections::VecDeque::new();
    for number in first..items {
        if waiting.len() >= 1_500 {
            let answer: Option<spool::Pending> = waiting.pop_front();
            answer.unwrap().wait().unwrap();
        }
        waiting.push_back(spool.offer(offer(number), vec![b'x'; 2_048]));
    }
    waiting.into_iter().for_each(|answer| {
        answer.wait().unwrap();
    });
    println!(
        "filled to {items} items: {:.0}/s",
        (items - first) as f64 / begin.elapsed().as_secs_f64()
    );
    let begin = Instant::now();
    drop(spool);
    println!("closed in {:.2} s", begin.elapsed().as_secs_f64());
    // In a process of its own, so that its memory is its own.
    let own = std::env::current_exe().unwrap();
    std::process::Command::new(own)
        .arg(dir)
        .arg("start")
        .status()
        .unwrap();
}
