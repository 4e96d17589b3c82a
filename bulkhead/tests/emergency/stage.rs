//! People and parts of an emergency: who signs what, and the emergency environment as a process of its own.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use age::secrecy::ExposeSecret as _;
use bulkhead::{
    clock,
    door_wire::{DoorLine, Outcome, TryOpening},
    emergency::store::{Known, Progress, Store},
    exercise::system::EMERGENCY,
    http,
};
use clearance::{
    Basis, CheckResult, ChecklistItem, Clearance, Consent, Grade, RewrappedKey, Withdrawal, Withdraws,
};
use hyper::Method;
use order::{AgeRecipient, Becomes, Text};
use spool::ItemId;
use vocabulary::{Digest, EnvironmentId, InsurerId, Position, Seconds, StatementId, Timestamp};

use crate::common::{
    LIMIT, World, mailbox, program,
    smtp::{Session, item, letter},
};

pub(crate) const FROM: &str = "praxis@praxis.test";

pub(crate) fn environment() -> EnvironmentId {
    EMERGENCY.parse().unwrap()
}

pub(crate) fn text(words: &str) -> Text {
    Text::try_from(words.to_owned()).unwrap()
}

/// What was signed for one grant.
pub(crate) struct Grant {
    pub(crate) clearance: StatementId,
    pub(crate) consent: StatementId,
}

/// The emergency environment's decryption identity, in a file.
pub(crate) struct Identity {
    pub(crate) file: PathBuf,
    pub(crate) recipient: AgeRecipient,
}

impl Identity {
    pub(crate) fn make(folder: &Path) -> Self {
        let identity = age::x25519::Identity::generate();
        let file = folder.join("notbetrieb.age");
        bulkhead::files::write_private(&file, identity.to_string().expose_secret().as_bytes()).unwrap();
        Self {
            file,
            recipient: identity.to_public().to_string().parse().unwrap(),
        }
    }
}

/// A cell of insurer number 1, 2 or 3.
pub(crate) fn cell(number: usize, service: &str) -> vocabulary::CellId {
    format!("kasse-{number:03}/{service}").parse().unwrap()
}

impl World {
    /// A practice hands in a sick note; it is acknowledged.
    pub(crate) fn sick_note(&self, id: &str, to: usize) -> ItemId {
        let mail = letter(
            &format!("{id}@praxis.test"),
            FROM,
            &mailbox(to),
            &format!("ciphertext of {id}"),
        );
        let reply = Session::new(self.intake())
            .unwrap()
            .mail(FROM, &mailbox(to), &mail)
            .unwrap();
        let item = item(&reply);
        self.acknowledged.lock().unwrap().push(item);
        item
    }

    /// The doors of an insurer's sick notes as they stand.
    pub(crate) async fn lines_of(&self, number: usize, service: &str) -> Vec<DoorLine> {
        let mut lines = self.status().await.doors;
        lines.retain(|line| *line.door.cell() == cell(number, service));
        lines
    }

    /// The examiners clear the emergency environment.
    pub(crate) fn clear_emergency(&mut self) -> StatementId {
        let evidence = Digest::of(b"what was examined of the emergency environment");
        let now = clock::now();
        let clearance = Clearance {
            estate: self.estate.id().clone(),
            environment: environment(),
            grade: Grade::Full,
            basis: Basis::Examined,
            examined: BTreeSet::from([evidence]),
            evidence_root: evidence,
            checklist: vec![ChecklistItem {
                item: text("DER.2.3.A4: frisch aufgesetzt / freshly installed"),
                result: CheckResult::Passed,
                note: None,
            }],
            relies_on: BTreeSet::new(),
            issued: now,
            expires: now.plus(Seconds(24 * 3600)),
        };
        let signed = self
            .side
            .cast
            .sign(&clearance, &["forensik-1", "forensik-3"])
            .unwrap();
        self.publish(&signed);
        signed.id()
    }

    /// The keys to what a cell holds, wrapped again by the insurer's own people.
    pub(crate) async fn rewrapped(&self, insurer: &InsurerId, to: &AgeRecipient) -> Vec<RewrappedKey> {
        let door = self.side.system.door_endpoint().unwrap();
        let path = format!("/spool/keys?insurer={insurer}");
        let wrapped: Vec<RewrappedKey> =
            http::call_json(&door, Method::GET, &path, Vec::new(), Duration::from_secs(30))
                .await
                .unwrap();
        let companion = self.side.cast.release_identity(insurer).unwrap();
        companion.rewrap(&wrapped, to).unwrap()
    }

    /// Commander, examiners and insurer agree to emergency operation for the sick notes of one insurer, until an instant.
    pub(crate) async fn grant(&mut self, number: usize, identity: &AgeRecipient, until: Timestamp) -> Grant {
        let clearance = self.clear_emergency();
        self.grant_under(clearance, number, identity, until).await
    }

    pub(crate) async fn grant_under(
        &mut self,
        clearance: StatementId,
        number: usize,
        identity: &AgeRecipient,
        until: Timestamp,
    ) -> Grant {
        let mut lines = self.lines_of(number, "eau").await;
        lines.iter_mut().for_each(|line| line.restrictions.clear());
        let becomes = Becomes::Emergency {
            environment: environment(),
            identity: identity.clone(),
            until,
        };
        let opening = self
            .side
            .sign_opening(&lines, becomes, BTreeSet::from([clearance]))
            .unwrap();
        self.publish(&opening);
        let insurer: InsurerId = format!("kasse-{number:03}").parse().unwrap();
        let rewrapped = self.rewrapped(&insurer, identity).await;
        let now = clock::now();
        let consent = Consent {
            estate: self.estate.id().clone(),
            insurer: insurer.clone(),
            opening: opening.id(),
            identity: Some(identity.clone()),
            rewrapped,
            issued: now,
            expires: now.plus(Seconds(3600)),
        };
        let consent = self.side.cast.sign(&consent, &[&format!("{insurer}.a")]).unwrap();
        self.publish(&consent);
        let door = self.side.system.door_endpoint().unwrap();
        let asked = serde_json::to_vec(&TryOpening {
            opening: opening.id(),
            wait: Seconds(20),
        })
        .unwrap();
        let outcome: Outcome = http::call_json(&door, Method::POST, "/open", asked, Duration::from_secs(60))
            .await
            .unwrap();
        // The doors may have found out by themselves that nothing is missing any more.
        assert!(
            outcome.refused.is_empty() || self.has_grant(number).await,
            "{outcome}"
        );
        for line in self.lines_of(number, "eau").await {
            assert_eq!(line.position, Position::Held, "unchanged for senders");
        }
        Grant {
            clearance,
            consent: consent.id(),
        }
    }

    pub(crate) async fn has_grant(&self, number: usize) -> bool {
        self.lines_of(number, "eau")
            .await
            .iter()
            .all(|line| line.until.is_some())
    }

    /// Somebody takes something back.
    pub(crate) fn withdraw(&mut self, withdraws: Withdraws, signers: &[&str]) {
        let withdrawal = Withdrawal {
            estate: self.estate.id().clone(),
            withdraws,
            reason: text("zurückgenommen / taken back"),
            issued: clock::now(),
        };
        let signed = self.side.cast.sign(&withdrawal, signers).unwrap();
        self.publish(&signed);
    }

    pub(crate) fn emergency_door(&self) -> SocketAddr {
        self.side.system.door["emergency"]
    }
}

/// An instant so many seconds from now.
pub(crate) fn later(seconds: u64) -> Timestamp {
    clock::now().plus(Seconds(seconds))
}

/// The emergency environment as a process.
pub(crate) struct Environment {
    pub(crate) dir: PathBuf,
    config: PathBuf,
    child: Option<Child>,
}

impl Environment {
    /// Starts it outside the estate's folder.
    pub(crate) fn start(world: &World, identity: &Identity) -> Self {
        Self::start_as(world, identity, &world.side.system.emergency_tls())
    }

    pub(crate) fn start_as(world: &World, identity: &Identity, tls: &Path) -> Self {
        let dir = world.dir.path().join("notbetrieb");
        let config = world.dir.path().join("emergency.toml");
        let words = format!(
            "environment = \"{EMERGENCY}\"\ndir = {dir:?}\ntls = {tls:?}\nidentity = {:?}\ndoors = [\"{}\"]\n",
            identity.file,
            world.emergency_door(),
        );
        bulkhead::files::write_private(&config, words.as_bytes()).unwrap();
        let mut environment = Self {
            dir,
            config,
            child: None,
        };
        environment.again();
        environment
    }

    /// Starts it again, with another door address if that moved.
    pub(crate) fn again(&mut self) {
        bulkhead::files::make_private_folder(&self.dir).unwrap();
        let said = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.dir.join("said.log"))
            .unwrap();
        let child = Command::new(program())
            .arg("emergency")
            .arg("--config")
            .arg(&self.config)
            .stdin(Stdio::null())
            .stdout(said.try_clone().unwrap())
            .stderr(said)
            .spawn()
            .unwrap();
        self.child = Some(child);
    }

    /// SIGKILL; gone when it returns.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub(crate) fn index(&self, number: usize) -> PathBuf {
        self.dir.join(format!("index/kasse-{number:03}-eau.json"))
    }

    pub(crate) fn covered(&self, number: usize) -> PathBuf {
        self.dir.join(format!("index/kasse-{number:03}-eau.covered.json"))
    }

    /// Bytes of originals that are there, for waiting while it runs.
    pub(crate) fn bytes(&self) -> u64 {
        let files = std::fs::read_dir(self.dir.join("packs")).into_iter().flatten();
        files
            .filter_map(|file| file.ok())
            .filter(|file| file.file_name().to_string_lossy().starts_with("mails-"))
            .filter_map(|file| Some(file.metadata().ok()?.len()))
            .sum()
    }

    /// Kills it, and looks at what it filed of a cell, in order.
    pub(crate) fn filed(&mut self, number: usize, spool: &str) -> Vec<Known> {
        self.kill();
        let store = Store::open(&self.dir, &environment()).unwrap();
        store.of_cell(&cell(number, "eau"), spool)
    }

    /// Waits until it says that so many items are filed and worked on; kills it, and looks at those of a cell.
    pub(crate) fn until_filed(&mut self, number: usize, spool: &str, count: usize) -> Vec<Known> {
        let mut last = (0, Instant::now());
        loop {
            let status = std::fs::read(self.dir.join("status.json")).unwrap_or_default();
            let progress = serde_json::from_slice::<Progress>(&status);
            let (filed, worked) = progress.map_or((0, 0), |progress| (progress.filed, progress.worked));
            if filed >= count && worked == filed {
                break;
            }
            if filed + worked > last.0 {
                last = (filed + worked, Instant::now());
            }
            assert!(
                last.1.elapsed() < LIMIT,
                "stands at {filed} of {count}, {worked} worked on"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        self.filed(number, spool)
    }

    /// What it filed of an item.
    pub(crate) fn original(&self, known: &Known) -> String {
        let store = Store::open(&self.dir, &environment()).unwrap();
        String::from_utf8(store.original(&known.filed.mail.unwrap()).unwrap()).unwrap()
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A stream of sealed items, read as slowly as one likes.
pub(crate) struct Stream {
    body: hyper::body::Incoming,
    _connection: tokio::task::JoinHandle<hyper::Result<()>>,
    well: bool,
}

impl Stream {
    /// Some bytes; nothing when it ended, well or not.
    pub(crate) async fn some(&mut self) -> Option<Vec<u8>> {
        use http_body_util::BodyExt as _;
        match self.body.frame().await {
            None => {
                self.well = true;
                None
            }
            Some(Err(_)) => None,
            Some(Ok(frame)) => Some(frame.into_data().unwrap().to_vec()),
        }
    }

    pub(crate) fn ended_well(&self) -> bool {
        self.well
    }
}

/// Begins to read a key epoch of a cell as the emergency environment.
pub(crate) async fn open_stream(world: &World, cell: &vocabulary::CellId, epoch: spool::KeyEpoch) -> Stream {
    let tls = world.side.system.emergency_tls();
    let connector = bulkhead::command::identity(&tls).unwrap().connector().unwrap();
    // A reader with little room: what the door has sent and nobody took must not be the whole stream.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(64 << 10).unwrap();
    let stream = socket.connect(world.emergency_door()).await.unwrap();
    let stream = connector.connect(stream).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stream))
            .await
            .unwrap();
    let connection = tokio::spawn(connection);
    let name = environment();
    let request = hyper::Request::builder()
        .uri(format!(
            "/emergency/read?environment={name}&cell={cell}&epoch={}",
            epoch.0
        ))
        .header("host", "door")
        .body(http_body_util::Empty::<hyper::body::Bytes>::new())
        .unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.status(), 200);
    Stream {
        body: response.into_body(),
        _connection: connection,
        well: false,
    }
}

impl World {
    /// A large sick note.
    pub(crate) fn large_note(&self, id: &str, to: usize, body: &str) {
        // SMTP knows no line of a megabyte.
        let lines: Vec<&str> = body
            .as_bytes()
            .chunks(900)
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect();
        let head = letter(&format!("{id}@praxis.test"), FROM, &mailbox(to), "gross");
        let mail = format!("{head}{}\r\n", lines.join("\r\n"));
        let reply = Session::new(self.intake())
            .unwrap()
            .mail(FROM, &mailbox(to), &mail)
            .unwrap();
        self.acknowledged.lock().unwrap().push(item(&reply));
    }
}
