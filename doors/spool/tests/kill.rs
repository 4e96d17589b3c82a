//! `kill -9` at random moments under load. The victim is this test binary itself, started again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

mod common;
use common::*;
use spool::{About, Certificate, Class, Config, ItemId, Receipt, promises};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
};
use vocabulary::Millis;

const CELLS: [&str; 2] = ["kasse-001/kim", "kasse-002/kim"];
const SENDERS: usize = 4;

fn victim_config(dir: &Path) -> Config {
    let mut config = config(&dir.join("first"));
    config.copies = vec![dir.join("second")];
    config.limits.segment_bytes = 256 << 10;
    config
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).and_then(|()| out.flush()).ok();
}

/// Offers and hands over until it is killed, and says so only after the spool said so.
#[test]
fn victim() {
    let Some(dir) = std::env::var_os("SPOOL_VICTIM") else {
        return;
    };
    let round = std::env::var("SPOOL_ROUND").unwrap();
    let (spool, _) = open(victim_config(Path::new(&dir)));
    for name in CELLS {
        if !spool.is_open(&cell(name)) {
            Insurer::new(name.split('/').next().unwrap()).enrol(&spool);
        }
    }
    // The harness has begun a line of its own; what we say first must not be glued to it.
    say("\n");
    std::thread::scope(|scope| {
        for cell in CELLS {
            for sender in 0..SENDERS {
                let (spool, round) = (&spool, &round);
                scope.spawn(move || {
                    for number in 0_u64.. {
                        let id = format!("<{round}.{number}@{sender}.{cell}>");
                        let offer = offer_from(cell, &format!("s{sender}"), &id);
                        let accepted = spool.offer_blocking(offer, body(number)).unwrap();
                        say(&format!("ack {} {cell} {sender}\n", accepted.item));
                    }
                });
            }
            let spool = &spool;
            scope.spawn(move || {
                loop {
                    let Some(item) = take_any(spool, cell) else {
                        std::thread::yield_now();
                        continue;
                    };
                    spool.begin(item.id(), item.attempt(), NOW).wait().unwrap();
                    // From here the receiver has it.
                    say(&format!("got {} {cell} {}\n", item.id(), item.sealed().sender()));
                    spool
                        .handed_over(item.id(), &Receipt::new("250"), NOW)
                        .wait()
                        .unwrap();
                }
            });
        }
    });
}

fn take_any(spool: &spool::Spool, cell_name: &str) -> Option<Box<spool::Item>> {
    match spool.next(&cell(cell_name), Millis(0)).unwrap() {
        spool::Next::Item(item) => Some(item),
        spool::Next::Empty | spool::Next::Later(_) | spool::Next::Locked(_) => None,
    }
}

/// Small and fast; the moments need not be secret.
fn random(below: u64) -> u64 {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).unwrap();
    u64::from_le_bytes(bytes) % below
}

#[derive(Default)]
struct Witness {
    acknowledged: BTreeSet<ItemId>,
    received: BTreeMap<(String, String), Vec<ItemId>>,
    doubted: BTreeSet<ItemId>,
}

impl Witness {
    fn hear(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["ack", item, ..] => {
                self.acknowledged.insert(item.parse().unwrap());
            }
            ["got", item, cell, sender] => {
                let lane = ((*cell).to_owned(), (*sender).to_owned());
                self.received.entry(lane).or_default().push(item.parse().unwrap());
            }
            // The test harness' own lines, or a line cut by the kill.
            _ => {}
        }
    }

    fn run_and_kill(&mut self, dir: &Path, round: usize) {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["victim", "--exact", "--nocapture", "--test-threads=1"])
            .env("SPOOL_VICTIM", dir)
            .env("SPOOL_ROUND", round.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).split(b'\n');
        for _ in 0..random(300) {
            let Some(Ok(line)) = lines.next() else { break };
            self.hear(&String::from_utf8_lossy(&line));
        }
        // A moment that has nothing to do with a line.
        (0..random(200_000)).for_each(|_| std::hint::spin_loop());
        child.kill().unwrap();
        // A last line without its end was never told.
        let rest: Vec<Vec<u8>> = lines.map_while(Result::ok).collect();
        rest.iter()
            .for_each(|line| self.hear(&String::from_utf8_lossy(line)));
        child.wait().unwrap();
    }

    fn check(&mut self, dir: &Path) {
        let censuses: Vec<_> = ["first", "second"]
            .iter()
            .map(|store| promises::Census::of(&dir.join(store)).unwrap())
            .collect();
        let acknowledged: Vec<_> = self.acknowledged.iter().collect();
        // A torn tail is not damage once the spool was opened; before, only presence counts.
        for item in &acknowledged {
            assert!(
                censuses.iter().all(|census| census.has(**item)),
                "acknowledged {item} is not on both stores"
            );
        }
        let (spool, recovered) = open(victim_config(dir));
        assert!(recovered.damage.is_empty(), "{recovered:?}");
        let certificate = spool.certificate(About::default(), NOW).unwrap();
        drop(spool);
        let stores: Vec<_> = ["first", "second"]
            .iter()
            .map(|store| promises::Census::of(&dir.join(store)).unwrap())
            .collect();
        promises::spool_1(self.acknowledged.iter(), &stores, 2).unwrap();
        for census in &stores {
            promises::spool_2(&certificate, Some(census)).unwrap();
            promises::spool_3(census).unwrap();
        }
        assert!(certificate.accepted >= self.acknowledged.len() as u64);
        self.doubted.extend(ids(&certificate.in_doubt));
        self.check_received(&certificate);
    }

    /// Repeats only of what was in doubt, first receipts in order, and nothing handed over that was not received.
    fn check_received(&self, certificate: &Certificate) {
        let mut all = BTreeSet::new();
        for items in self.received.values() {
            let mut newest = None;
            for item in items {
                if all.insert(*item) {
                    assert!(
                        newest < Some(*item),
                        "{item} came before an older one of its lane"
                    );
                    newest = Some(*item);
                } else {
                    assert!(
                        self.doubted.contains(item),
                        "{item} came twice and was never in doubt"
                    );
                }
            }
        }
        for item in ids(&certificate.handed_over) {
            assert!(
                all.contains(&item),
                "{item} is said to be handed over, and nobody got it"
            );
        }
    }
}

fn ids(class: &Class) -> Vec<ItemId> {
    class.items.clone().unwrap()
}

#[test]
fn nothing_acknowledged_is_lost_whenever_the_process_is_killed() {
    // A newcomer's run takes a few; CI, which requires every counterpart, takes all two hundred.
    let by_default = if std::env::var_os("BULKHEAD_REQUIRE_COUNTERPARTS").is_some() {
        200
    } else {
        16
    };
    let kills: usize = std::env::var("BULKHEAD_KILLS").map_or(by_default, |text| text.parse().unwrap());
    let mut done = 0;
    let mut acknowledged = 0;
    while done < kills {
        // A few kills on the same store, so that a recovered one is killed too.
        let dir = tempfile::tempdir().unwrap();
        let mut witness = Witness::default();
        for round in 0..4 {
            witness.run_and_kill(dir.path(), round);
            witness.check(dir.path());
            done += 1;
        }
        acknowledged += witness.acknowledged.len();
    }
    println!("{done} kills, {acknowledged} acknowledged items, none lost");
    assert!(acknowledged > 0);
}
