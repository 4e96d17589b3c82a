//! What the end-to-end tests stand on: a small estate, its people, and the whole system as real processes of this
//! binary, with a regular server behind it that writes down what it took. When a test ends, the world is checked
//! without being asked: certificate, segments, ledgers, and no personal data in any file.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses its part, and nothing else can see it"
)]

pub mod estate_text;
pub mod planted;
pub mod regular;
pub mod smtp;
pub mod talk;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use bulkhead::{
    clock,
    door_wire::StatusReply,
    exercise::{
        cast::Cast,
        side::Bulkhead,
        story_clock::StoryClock,
        system::{self, System},
    },
    http,
    probe::{Proof, Proofs},
};
use drill::{
    facts::Facts,
    script::{Action, Script},
    side::{Outcome, Side as _},
};
use estate::Estate;
use hyper::Method;
use order::{Act, Closing, Stance, Text, Uses};
use record::verify::Trust;
use spool::{Certificate, ItemId, State, promises::Census};
use vocabulary::{Class, DoorId, Envelope, Position, Scope};

pub use estate_text::ESTATE;
use estate_text::STORY;
pub use planted::assert_planted_nowhere;
use regular::Regular;

/// Long enough for a loaded machine; reaching it is a failure.
pub const LIMIT: Duration = Duration::from_secs(90);

/// Waits for a condition.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < LIMIT, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The mailbox of insurer number 1, 2 or 3.
pub fn mailbox(number: usize) -> String {
    format!("eau@kasse-{number:03}.kim.telematik-test")
}

pub fn cell_of(number: usize, service: &str) -> Scope {
    Scope::cell(
        format!("kasse-{number:03}").parse().unwrap(),
        service.parse().unwrap(),
    )
}

/// How a run of the binary ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// Everything it said.
    pub fn said(&self) -> String {
        format!("{}{}", self.out, self.err)
    }

    /// It ended with this code and said all of this.
    #[track_caller]
    pub fn expect(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        for word in words {
            assert!(
                self.said().contains(word),
                "\"{word}\" is not in\n{}",
                self.said()
            );
        }
        self
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// The binary under test.
pub fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_bulkhead"))
}

/// Runs it as a user does.
pub fn run<S: AsRef<std::ffi::OsStr>>(words: &[S]) -> Ran {
    Command::new(program())
        .args(words)
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap()
        .into()
}

/// The system with its people and what is behind it.
pub struct World {
    pub dir: tempfile::TempDir,
    pub side: Bulkhead,
    pub estate: Estate,
    pub regular: Regular,
    /// Items that were acknowledged to a sender.
    pub acknowledged: Arc<Mutex<Vec<ItemId>>>,
    /// Words that may stand in no file.
    planted: Vec<String>,
    papers: usize,
}

impl World {
    /// Starts everything; every door stands contained, because it is new.
    pub fn closed() -> Self {
        Self::closed_in(ESTATE)
    }

    /// [`closed`](Self::closed) with another estate of the same name.
    pub fn closed_in(estate_text: &str) -> Self {
        let dir = tempfile::Builder::new().prefix("bulkhead-e2e").tempdir().unwrap();
        let folder = dir.path().join("drill");
        let estate =
            estate::check(estate_text, "estate.toml").unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let estate_file = folder.join("estate.toml");
        bulkhead::files::write_private(&estate_file, estate_text.as_bytes()).unwrap();
        let foundation = system::lay(&folder, &estate).unwrap();
        let cast = Cast::make(
            &folder.join("people"),
            &estate,
            &foundation.witnesses,
            clock::now(),
        )
        .unwrap();
        let regular = Regular::start();
        let mailboxes = estate
            .insurers()
            .map(|insurer| {
                (
                    insurer.id.clone(),
                    insurer.mailboxes.first().unwrap().as_str().to_owned(),
                )
            })
            .collect();
        let behind = system::Regular {
            intake: regular.intake,
            store: regular.store,
            mailboxes: &mailboxes,
            password: "uebung",
        };
        let system = System::start(
            program(),
            &folder,
            &estate,
            &estate_file,
            &foundation,
            &cast,
            &behind,
        )
        .unwrap_or_else(|trouble| panic!("{trouble}: {:?}", trouble.cause));
        let script = Script::read(STORY, "still.toml", &estate, &Facts::april_2023().unwrap())
            .unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let clock = Arc::new(StoryClock::waiting());
        clock.begin();
        let side = Bulkhead::new(system, cast, estate.clone(), clock, script.pace().clone());
        let acknowledged = Arc::default();
        Self {
            dir,
            side,
            estate,
            regular,
            acknowledged,
            planted: Vec::new(),
            papers: 0,
        }
    }

    /// [`closed`](Self::closed), and after the ceremony every door is Open.
    pub async fn open() -> Self {
        let mut world = Self::closed();
        world
            .side
            .open_in_peace()
            .await
            .unwrap_or_else(|trouble| panic!("{trouble}: {:?}", trouble.cause));
        world
    }

    /// Nothing with this in it may lie in a file when the test ends.
    pub fn plant(&mut self, word: &str) {
        self.planted.push(word.to_owned());
    }

    pub fn folder(&self) -> PathBuf {
        self.dir.path().join("drill")
    }

    pub fn intake(&self) -> std::net::SocketAddr {
        self.side.system.door["intake"]
    }

    pub async fn status(&self) -> StatusReply {
        self.side.status().await.unwrap()
    }

    /// Waits until the status is as wanted.
    pub async fn until_status(
        &self,
        what: &str,
        mut wanted: impl FnMut(&StatusReply) -> bool,
    ) -> StatusReply {
        let began = Instant::now();
        let mut last = None;
        loop {
            if let Ok(status) = self.side.status().await {
                if wanted(&status) {
                    return status;
                }
                last = Some(status);
            }
            assert!(began.elapsed() < LIMIT, "waited in vain until {what}: {last:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub async fn is_all(&self, position: Position) -> bool {
        self.status()
            .await
            .doors
            .iter()
            .all(|line| line.position == position)
    }

    /// A commander closes for containment.
    pub async fn cut(&mut self, scope: Scope) {
        let done = self
            .side
            .act(&Action::Cut {
                scope,
                class: Class::Containment,
            })
            .await;
        assert!(matches!(done, Outcome::Done { .. }), "{done:?}");
    }

    /// A commander shuts for containment what the scope names, as an order that was brought to the doors.
    pub fn shut(&mut self, scope: Scope) {
        let order = Closing {
            estate: self.estate.id().clone(),
            scope,
            act: Act::Tighten {
                stance: Stance::Shut,
                class: Class::Containment,
                drain: None,
            },
            uses: Uses::Once,
            signal: None,
            reason: Text::try_from("Verdacht / suspicion".to_owned()).unwrap(),
            issued: clock::now(),
        };
        let order = self.side.cast.sign(&order, &["leitung-1"]).unwrap();
        self.at_door("close", &order)
            .expect(0, &["0 abgelehnt / refused"]);
        self.publish(&order);
    }

    /// Waits until the prober has found nothing wrong at these doors, where they stand now.
    pub async fn until_proven(&self, wanted: impl Fn(&DoorId) -> bool) -> Vec<(DoorId, Proof)> {
        let began = Instant::now();
        loop {
            let proofs: Proofs =
                serde_json::from_slice(&get(self, self.side.system.probe, "/proofs").await).unwrap();
            let mut lines = self.status().await.doors;
            lines.retain(|line| wanted(&line.door));
            let proven: Vec<_> = lines
                .iter()
                .filter_map(|line| {
                    let proof = proofs.get(&line.door)?;
                    let now = (proof.epoch, proof.position) == (line.epoch, line.position);
                    (now && proof.failures.is_empty()).then(|| (line.door.clone(), proof.clone()))
                })
                .collect();
            if proven.len() == lines.len() {
                return proven;
            }
            assert!(began.elapsed() < LIMIT, "not proven: {proofs:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Examiners clear, a commander opens, insurers consent.
    pub async fn clear_and_open(&mut self) {
        for action in [
            Action::Clear {
                scope: Scope::everything(),
            },
            Action::Open {
                scope: Scope::everything(),
            },
        ] {
            let done = self.side.act(&action).await;
            assert!(matches!(done, Outcome::Done { .. }), "{done:?}");
        }
        assert!(self.is_all(Position::Open).await);
    }

    /// How many statements were brought so far.
    pub fn papers(&self) -> usize {
        self.papers
    }

    /// Writes a statement to a file, as somebody brings it on a stick.
    pub fn paper(&mut self, envelope: &Envelope) -> PathBuf {
        self.papers += 1;
        let path = self.dir.path().join(format!("stick/{}.json", self.papers));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, serde_json::to_vec(envelope).unwrap()).unwrap();
        path
    }

    /// `bulkhead order <what> FILE --door … --tls …`
    pub fn at_door(&mut self, what: &str, envelope: &Envelope) -> Ran {
        let (paper, door) = (self.paper(envelope), self.side.system.door["door"].to_string());
        let tls = self.side.system.people_tls();
        run(&[
            "order".as_ref(),
            what.as_ref(),
            paper.as_os_str(),
            "--door".as_ref(),
            door.as_ref(),
            "--tls".as_ref(),
            tls.as_os_str(),
        ])
    }

    /// `bulkhead order send FILE --control … --tls …`
    pub fn publish(&mut self, envelope: &Envelope) {
        let (paper, control) = (self.paper(envelope), self.side.system.control.to_string());
        let tls = self.side.system.people_tls();
        let words = [
            "order".as_ref(),
            "send".as_ref(),
            paper.as_os_str(),
            "--control".as_ref(),
            control.as_ref(),
            "--tls".as_ref(),
            tls.as_os_str(),
        ];
        run(&words).expect(0, &["index"]);
    }

    /// Kills a part with SIGKILL and waits until it is gone. The system reaps it when it ends.
    pub fn kill(&self, part: &str) {
        let pid = self.side.system.pid(part).unwrap();
        assert!(
            Command::new("kill")
                .args(["-9", &pid.to_string()])
                .status()
                .unwrap()
                .success()
        );
        until("the process is dead", || {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            // Its first thread can be gone before the others, which hold its files and listeners until they end.
            let threads = std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
            let ended = |rest: &str| rest.starts_with('Z') || rest.starts_with('X');
            stat.is_empty() || threads <= 1 && stat.rsplit(") ").next().is_some_and(ended)
        });
    }

    /// What the segment files of both stores say. Only while no door process writes.
    pub fn censuses(&self) -> [Census; 2] {
        ["door/spool", "door/spool-copy"].map(|store| Census::of(&self.folder().join(store)).unwrap())
    }

    /// What was acknowledged is on both stores; in no lane something overtook. Only while no door process writes.
    pub fn check_stores(&self) -> [Census; 2] {
        let stores = self.censuses();
        let acknowledged = self.acknowledged.lock().unwrap().clone();
        spool::promises::spool_1(&acknowledged, &stores, 2).unwrap_or_else(|broken| panic!("{broken:?}"));
        for store in &stores {
            spool::promises::spool_3(store).unwrap_or_else(|broken| panic!("{broken:?}"));
        }
        stores
    }

    /// The certificate about everything; it balances.
    pub async fn certificate(&self) -> Certificate {
        let certificate = self.side.spool_certificate().await.unwrap();
        spool::promises::spool_2(&certificate, None).unwrap_or_else(|broken| panic!("{broken:?}"));
        certificate
    }

    /// Waits until every item that was accepted is handed over.
    pub async fn until_handed_over(&self) -> Certificate {
        let began = Instant::now();
        loop {
            let certificate = self.certificate().await;
            if certificate.handed_over.count + certificate.reclaimed == certificate.accepted {
                return certificate;
            }
            assert!(
                began.elapsed() < LIMIT,
                "not everything was handed over: {certificate}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends the world and checks it. The test must have come to rest: nothing may be on its way.
    pub async fn end(self) {
        let certificate = self.certificate().await;
        assert_eq!(self.status().await.signals, Vec::<String>::new());
        let proofs = self.dir.path().join("drill");
        self.kill("door");
        let [first, copy] = self.check_stores();
        for store in [&first, &copy] {
            spool::promises::spool_2(&certificate, Some(store)).unwrap_or_else(|broken| panic!("{broken:?}"));
        }
        assert_eq!(first.count(State::InDoubt) + first.count(State::Parked), 0);
        self.end_after_trouble();
        drop(proofs);
    }

    /// For worlds whose door process does not answer any more, or has reason to signal.
    pub fn end_after_trouble(self) {
        let Self {
            dir, side, planted, ..
        } = self;
        drop(side);
        let folder = dir.path().join("drill");
        for log in ["control/log", "control/journal", "door/doors"] {
            let log = folder.join(log);
            let origin = ledger::origin_of(&log).unwrap();
            let verified = ledger::verify(&log, &origin, &[], &Trust::default()).unwrap();
            assert!(verified.is_sound(), "{}: {verified}", log.display());
        }
        assert_planted_nowhere(&folder, &planted);
    }
}

/// Doors by what they do.
pub fn positions(status: &StatusReply) -> Vec<(DoorId, Position)> {
    status
        .doors
        .iter()
        .map(|line| (line.door.clone(), line.position))
        .collect()
}

/// Reads from one of our parts over the people's TLS.
pub async fn get(world: &World, address: std::net::SocketAddr, path: &str) -> Vec<u8> {
    let endpoint = world.side.system.endpoint(address);
    http::call(&endpoint, Method::GET, path, Vec::new(), Duration::from_secs(30))
        .await
        .unwrap()
}
