//! How long a control room takes to know where everything stands: `cargo run --release -p evidence --example bench`.
//!
//! `--dir PATH` keeps the journal there, and uses one that lies there already. `--entries N` (default 1,000,000) journal entries: 80 door processes with 50 doors each, their replicas of the authority
//! log, their fresh views, and closings over all of them; what a prober measured and what spools counted.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a measurement stops at the first surprise"
)]

use std::io::Write as _;
use std::time::{Duration, Instant};

#[path = "../../../doors/door/tests/estate/mod.rs"]
mod estate;

use door::entry::{Body, Effect, Fresh, GrantsEnded, Opened, Started, Tightened};
use door::{Becomes, Doors, Enrolment, Opening, Origin as Cause, StandsOn, StoreId};
use estate::{Outside, START, places};
use evidence::room::{BacklogCounted, ProofMeasured};
use evidence::{Backlog, Feed, Journal, RoomEntry, SourceId, SourceKind};
use order::{Stance, UseNumber, restriction_of};
use record::{Chain, Origin};
use vocabulary::{Class, Digest, FlowRules, Holdable, Position, Scope, Seconds, Timestamp};

const STORES: usize = 80;
const SERVICES: [(&str, Holdable); 8] = [
    ("kim", Holdable::Yes),
    ("eau", Holdable::Yes),
    ("contact", Holdable::Yes),
    ("epa", Holdable::No),
    ("payments", Holdable::Yes),
    ("statistics", Holdable::Yes),
    ("exchange", Holdable::Yes),
    ("lookup", Holdable::No),
];
/// Doors per store: 50 is 4,000 cells in 80 processes.
const DOORS: usize = 50;

fn say(what: &str) {
    let mut out = std::io::stdout();
    let _nobody_reads = writeln!(out, "{what}");
}

fn timed<T>(what: &str, run: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    let done = run();
    let took = began.elapsed();
    say(&format!("{what:<58} {:>8.2} s", took.as_secs_f64()));
    (done, took)
}

/// One door process's ledger, written entry by entry.
struct Store {
    feed: Feed,
    doors: Doors,
    chain: Chain,
    pending: Vec<Vec<u8>>,
    sent: u64,
    replica: usize,
}

impl Store {
    fn new(outside: &Outside, number: usize) -> Self {
        let doors: Vec<_> = (0..DOORS.div_ceil(SERVICES.len()))
            .flat_map(|part| {
                let insurer = format!("kasse-{number:03}-{part}").parse().unwrap();
                places(&[insurer], &SERVICES)
            })
            .take(DOORS)
            .collect();
        let id = StoreId(Digest::of(&number.to_be_bytes()));
        let enrolment = Enrolment::new(id, outside.estate.clone(), outside.charter.id().0, doors).unwrap();
        let origin = Origin::new(&format!("{}/doors/{}", outside.estate, id.0)).unwrap();
        let mut store = Self {
            feed: Feed {
                source: SourceId(origin.clone()),
                kind: SourceKind::Doors,
            },
            chain: Chain::new(&origin),
            doors: Doors::enrolled(enrolment.clone()),
            pending: Vec::new(),
            sent: 0,
            replica: 0,
        };
        store.write(&Body::Enrolled(enrolment));
        store.write(&Body::Started(Started {
            program: "bench".into(),
        }));
        store
    }

    fn write(&mut self, body: &Body) {
        let at = Timestamp(START + i64::try_from(self.chain.len()).unwrap());
        let mut bytes = Vec::new();
        self.chain
            .push(&body.draft(at).unwrap(), &mut bytes, |_, _| {})
            .unwrap();
        self.pending.push(bytes);
        if !matches!(body, Body::Enrolled(_)) {
            self.doors.apply(self.chain.len() - 1, body).unwrap();
        }
    }

    /// Follows the authority log as a door does: each entry, and what it does here.
    fn follow(&mut self, outside: &Outside, closings: &[Option<vocabulary::StatementId>]) {
        while let Some(bytes) = outside.log.get(self.replica) {
            self.write(&Body::Authority(bytes.clone()));
            if let Some(statement) = closings[self.replica] {
                let doors = self.doors.enrolment().doors().iter();
                self.write(&Body::Tightened(Tightened {
                    restriction: restriction_of(statement, UseNumber::FIRST),
                    origin: Cause::Order(statement),
                    class: Class::Precautionary,
                    signal: None,
                    since: None,
                    drain: Some(Seconds(30)),
                    used: None,
                    reason: "Verdacht / suspicion".into(),
                    on: vec![Effect {
                        rules: FlowRules::HELD,
                        doors: doors.map(|one| one.door.clone()).collect(),
                    }],
                }));
            }
            self.replica += 1;
        }
    }

    /// Lifts everything, as a valid opening would.
    fn open(&mut self, outside: &Outside, opening: vocabulary::StatementId) {
        let on = self.doors.all().iter().filter_map(|door| {
            let opening = Opening {
                statement: opening,
                epoch: door.state.epoch(),
                lifts: door.state.active()?.keys().copied().collect(),
                stands_on: StandsOn::default(),
                becomes: Becomes::Lifted,
            };
            Some(((*door.id).clone(), opening))
        });
        let on = on.collect();
        self.write(&Body::Opened(Opened {
            authority_size: outside.log.len() as u64,
            on,
        }));
    }

    fn fresh(&mut self, outside: &Outside, note: &str, nonce: clearance::Nonce) {
        self.write(&Body::Fresh(Fresh {
            note: note.to_owned(),
            nonce,
            size: outside.log.len() as u64,
            root: Digest::of(b"bench"),
            witnessed: outside.time,
        }));
    }
}

struct Sizes {
    entries: u64,
    dir: Option<std::path::PathBuf>,
}

fn sizes() -> Sizes {
    let words: Vec<String> = std::env::args().collect();
    let after = |name: &str| {
        let at = words.iter().position(|word| word == name)?;
        words.get(at + 1).cloned()
    };
    Sizes {
        entries: after("--entries").map_or(1_000_000, |text| text.parse().unwrap()),
        dir: after("--dir").map(Into::into),
    }
}

/// Brings everything pending to the journal; tells how many entries it has then.
fn bring(journal: &mut Journal, outside: &Outside, authority: &Feed, stores: &mut [Store]) -> u64 {
    let next = journal.next_of(&authority.source);
    let new = &outside.log[usize::try_from(next).unwrap()..];
    let done = journal.ingest(authority, next, new, None, outside.time).unwrap();
    assert_eq!(done.troubles, vec![]);
    for store in stores {
        let new = std::mem::take(&mut store.pending);
        let head = store.chain.head();
        let done = journal
            .ingest(&store.feed, store.sent, &new, Some(head), outside.time)
            .unwrap();
        assert_eq!((done.taken, done.troubles), (new.len() as u64, vec![]));
        store.sent += done.taken;
    }
    journal.head().len
}

/// What the room itself writes meanwhile: proofs and counts.
fn room(journal: &mut Journal, outside: &Outside, stores: &[Store]) {
    let mut said: Vec<RoomEntry> = Vec::new();
    for store in stores {
        for door in store.doors.enrolment().doors().iter().take(2) {
            let known = journal.picture().door(&door.door).unwrap();
            said.push(
                ProofMeasured {
                    by: None,
                    door: door.door.clone(),
                    epoch: known.epoch,
                    position: Position::Held,
                    failures: Vec::new(),
                    old_sessions: 2,
                    at: outside.time,
                }
                .into(),
            );
        }
        let cells = store.doors.enrolment().doors().iter().take(5);
        let cells = cells.map(|door| (door.door.cell().clone(), Backlog::default()));
        said.push(
            BacklogCounted {
                by: None,
                cells: cells.collect(),
            }
            .into(),
        );
    }
    journal.append(said, outside.time).unwrap();
}

/// An opening statement in the log. What it names is not asked here: the doors' own entries say what they did.
fn opening(outside: &mut Outside, store: &Store) -> vocabulary::StatementId {
    let named = store.doors.all().iter().take(8);
    let named = named.filter_map(|door| {
        Some(order::DoorOpening {
            door: (*door.id).clone(),
            epoch: door.state.epoch(),
            lifts: door.state.active()?.keys().copied().collect(),
        })
    });
    let body = outside.opening(
        named.collect(),
        order::Becomes::Open,
        std::collections::BTreeSet::new(),
    );
    let signed = outside.signed(&body, &["commander-1"]);
    outside.publish(&signed)
}

fn write(dir: &std::path::Path, sizes: &Sizes) -> (Outside, Duration) {
    let mut outside = Outside::new(80);
    let authority = Feed {
        source: SourceId(clearance::authority_origin(&outside.estate).unwrap()),
        kind: SourceKind::Authority,
    };
    let mut stores: Vec<Store> = (0..STORES).map(|number| Store::new(&outside, number)).collect();
    let pin = Some(outside.charter.id().0);
    let mut journal = Journal::create(dir, &outside.estate, pin, outside.time).unwrap();
    let mut closings = vec![None];
    let mut spent = Duration::ZERO;
    for round in 0_usize.. {
        outside.time = outside.time.plus(Seconds(60));
        // Every round one process asks for a view; every fiftieth somebody closes everything, and everything is opened again.
        let nonce = outside.draw();
        outside.append_nonce(nonce);
        closings.push(None);
        if round % 50 == 0 {
            let closing = outside.closing(Scope::everything(), Stance::Held, Class::Precautionary, None);
            let signed = outside.signed(&closing, &["commander-1"]);
            closings.push(Some(outside.publish(&signed)));
        }
        let opening = (round % 50 == 25).then(|| opening(&mut outside, &stores[0]));
        closings.resize(outside.log.len(), None);
        let note = outside.checkpoint(3).to_string();
        for (number, store) in stores.iter_mut().enumerate() {
            store.follow(&outside, &closings);
            if let Some(opening) = opening {
                store.open(&outside, opening);
            }
            if number == round % STORES {
                store.fresh(&outside, &note, nonce);
                store.write(&Body::GrantsEnded(GrantsEnded {
                    at: outside.time,
                    doors: std::collections::BTreeSet::new(),
                }));
            }
        }
        if round % 25 != 0 {
            continue;
        }
        let began = Instant::now();
        let len = bring(&mut journal, &outside, &authority, &mut stores);
        spent += began.elapsed();
        if round % 50 == 0 {
            room(&mut journal, &outside, &stores);
        }
        if len >= sizes.entries {
            break;
        }
    }
    let kinds = journal.head().len;
    let statements = journal.picture().statements().all.len();
    say(&format!(
        "{kinds} entries; authority log {} of which {statements} statements; {} doors",
        outside.log.len(),
        journal.picture().doors().len()
    ));
    (outside, spent)
}

fn main() {
    let sizes = sizes();
    let dir = tempfile::tempdir().unwrap();
    let place = sizes.dir.clone().unwrap_or_else(|| dir.path().join("journal"));
    let outside = if place.exists() {
        Outside::new(80)
    } else {
        let ((outside, spent), _) = timed("writing (with the doors' own work)", || write(&place, &sizes));
        say(&format!(
            "{:<58} {:>8.0} /s",
            "  of it ingestion, one sync per source and 25 rounds",
            sizes.entries as f64 / spent.as_secs_f64()
        ));
        outside
    };
    let open = || Journal::open(&place, &outside.estate, None, outside.time).unwrap();
    let mut best = Duration::MAX;
    for _ in 0..3 {
        let ((journal, opened), took) = timed("rebuild of the state from the journal alone", open);
        say(&format!("  {} {} entries folded", opened.snapshot, opened.folded));
        best = best.min(took);
        drop(journal);
    }
    let (mut journal, _) = open();
    let ((), _) = timed("snapshot", || journal.snapshot(outside.time).unwrap());
    let size = std::fs::metadata(place.join("snapshot")).unwrap().len();
    say(&format!("  {} KiB", size / 1024));
    drop(journal);
    let ((mut journal, opened), _) = timed("opening with the snapshot", open);
    say(&format!("  {} {} entries folded", opened.snapshot, opened.folded));
    let picture = journal.picture().clone();
    let (_, _) = timed("1,000 copies of the picture", || {
        (0..1000).map(|_| picture.clone()).collect::<Vec<_>>()
    });
    let door = picture.doors().keys().next().unwrap().clone();
    let (_, _) = timed("one entry on disk and in the picture while it is held", || {
        let level = evidence::room::LevelSet {
            by: None,
            door,
            level: evidence::Level::HoldReady,
        };
        journal.append([level.into()], outside.time).unwrap()
    });
    let rss = std::fs::read_to_string("/proc/self/status").unwrap();
    let rss = rss
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap_or_default();
    say(&format!(
        "most memory: {}",
        rss.trim_start_matches("VmHWM:").trim()
    ));
    say(&format!(
        "rebuild of state from {} entries: {:.2} s (goal for 1 M: under 5 s)",
        sizes.entries,
        best.as_secs_f64()
    ));
}
