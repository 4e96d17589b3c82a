//! What the tests of this room stand among: real doors, a real spool, and small stand-ins for the outside world.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses its part, and nothing else can see it"
)]

#[path = "../../../door/tests/estate/mod.rs"]
pub mod estate;
pub mod pop;
pub mod sink;
pub mod talk;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use door::House;
use estate::{Outside, moment};
use mail::{Config, Fronts, Running, Salt, Surroundings};
use order::Stance;
use serde_json::{Value, json};
use spool::{Entropy, Limits, Recipient, ReleaseRecipients, Spool};
use vocabulary::{CellId, Class, DoorId, Holdable, Millis, Scope, Seconds, Timestamp};

/// Long enough for a loaded machine; reaching it is a failure.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Waits for a condition.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < LIMIT, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Whether a counterpart is here; a missing one is a visible skip, and a failure where it was demanded.
pub fn counterpart(program: &str) -> Option<PathBuf> {
    let dirs = ["/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin"];
    let path = std::env::var("PATH").unwrap_or_default();
    let found = path
        .split(':')
        .chain(dirs)
        .map(|dir| Path::new(dir).join(program))
        .find(|path| path.exists());
    if found.is_none() {
        assert!(
            std::env::var_os("BULKHEAD_REQUIRE_COUNTERPARTS").is_none(),
            "{program} is missing"
        );
        eprintln!("SKIP: {program} is not installed");
    }
    found
}

pub fn cell(text: &str) -> CellId {
    text.parse().unwrap()
}

/// Doors with keys and witnesses, a spool, a folder.
pub struct World {
    pub dir: tempfile::TempDir,
    pub outside: Mutex<(Outside, House)>,
    pub spool: Arc<Spool>,
    pub begun: Instant,
}

/// What is different from a plain world.
pub struct Shape {
    pub insurers: usize,
    pub limits: Limits,
}

impl Default for Shape {
    fn default() -> Self {
        let limits = Limits {
            disk_free_bytes_min: 0,
            segment_bytes: 4 << 20,
            ..Limits::default()
        };
        Self {
            insurers: 2,
            limits: Limits {
                backoff_millis_min: 20,
                backoff_millis_max: 200,
                ..limits
            },
        }
    }
}

impl World {
    /// `kasse-001` and on, each with a `kim` and an `eau` door; all contained, as new doors are.
    pub fn new(shape: Shape) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let outside = Outside::new(shape.insurers);
        let places = estate::places(
            &outside.insurers,
            &[("kim", Holdable::Yes), ("eau", Holdable::Yes)],
        );
        let enrolment = estate::enrolment(&outside, "mail-test", places);
        let house = House::enrol(&dir.path().join("doors"), &enrolment, moment(&outside)).unwrap();
        let config = spool::Config {
            limits: shape.limits,
            ..spool::Config::single(dir.path().join("spool"))
        };
        let (spool, _) = Spool::open(config, Entropy::new(|bytes| getrandom::fill(bytes).unwrap())).unwrap();
        for insurer in &outside.insurers {
            let recipient =
                || Recipient::new(&age::x25519::Identity::generate().to_public().to_string()).unwrap();
            let recipients = ReleaseRecipients {
                active: recipient(),
                recovery: recipient(),
            };
            for service in ["kim", "eau"] {
                let cell = format!("{insurer}/{service}").parse().unwrap();
                spool.enrol(cell, recipients.clone()).wait().unwrap();
            }
        }
        Self {
            dir,
            outside: Mutex::new((outside, house)),
            spool: Arc::new(spool),
            begun: Instant::now(),
        }
    }

    /// A plain world with everything open.
    pub fn open() -> Self {
        let world = Self::new(Shape::default());
        world.open_all();
        world
    }

    fn later(outside: &mut Outside) {
        outside.time = outside.time.plus(Seconds(1));
    }

    pub fn open_all(&self) {
        let (outside, house) = &mut *self.outside.lock().unwrap();
        Self::later(outside);
        let closed = house
            .doors()
            .all()
            .iter()
            .filter(|door| door.state.active().is_some());
        let closed: Vec<DoorId> = closed.map(|door| DoorId::clone(&door.id)).collect();
        let (outcome, _) = estate::open_fully(outside, house, &closed);
        assert_eq!((outcome.refused, outcome.applied.len()), (vec![], closed.len()));
    }

    fn close(&self, scope: Scope, stance: Stance) {
        let (outside, house) = &mut *self.outside.lock().unwrap();
        Self::later(outside);
        estate::close(outside, house, scope, stance, Class::Containment);
    }

    pub fn hold_all(&self) {
        self.close(Scope::everything(), Stance::Held);
    }

    fn scope(cell: &str) -> Scope {
        let cell: CellId = cell.parse().unwrap();
        Scope::cell(cell.insurer, cell.service)
    }

    pub fn hold(&self, cell: &str) {
        self.close(Self::scope(cell), Stance::Held);
    }

    pub fn shut(&self, cell: &str) {
        self.close(Self::scope(cell), Stance::Shut);
    }

    pub fn shut_all(&self) {
        let cells: Vec<String> = self.gates().keys().map(ToString::to_string).collect();
        cells.iter().for_each(|cell| self.shut(cell));
    }

    pub fn position(&self, cell: &str) -> vocabulary::Position {
        self.gates()[&self::cell(cell)].view().position
    }

    pub fn gates(&self) -> BTreeMap<CellId, door::Gate> {
        let (_, house) = &*self.outside.lock().unwrap();
        let doors = house.doors().all().iter().map(|door| DoorId::clone(&door.id));
        doors
            .map(|id| (id.cell().clone(), house.gate(&id).unwrap()))
            .collect()
    }

    /// The monotonic clock that the fronts are given.
    pub fn monotonic(&self) -> Arc<dyn Fn() -> Millis + Send + Sync> {
        let begun = self.begun;
        Arc::new(move || Millis(u64::try_from(begun.elapsed().as_millis()).unwrap()))
    }

    /// Starts fronts; what is given is put over a plain configuration.
    pub async fn start(&self, over: Value) -> Running {
        Fronts::start(self.config(over), self.surroundings())
            .await
            .unwrap()
    }

    pub fn surroundings(&self) -> Surroundings {
        Surroundings {
            gates: self.gates(),
            spool: Arc::clone(&self.spool),
            clock: Arc::new(|| {
                let now = std::time::SystemTime::now()
                    .duration_since(std::time::UNIX_EPOCH)
                    .unwrap();
                Timestamp(i64::try_from(now.as_secs()).unwrap())
            }),
            monotonic: self.monotonic(),
            salt: Salt([9; 32]),
        }
    }

    pub fn config(&self, over: Value) -> Config {
        let mut config = json!({
            "host": "front.kim.telematik-test",
            "dir": self.dir.path().join("mail"),
            "mailboxes": [
                mailbox(1), mailbox(2),
            ],
            "intake": [{ "listen": "127.0.0.1:0", "security": "loopback-plain" }],
        });
        for (key, value) in over.as_object().unwrap() {
            config[key] = value.clone();
        }
        serde_json::from_value(config).unwrap()
    }

    /// Items of every cell that wait.
    pub fn waiting(&self) -> u64 {
        self.gates().keys().map(|cell| self.spool.backlog(cell)).sum()
    }
}

/// `kasse-00N@kasse.kim.telematik-test`: mail goes to `kim`, sick notes to `eau`.
pub fn mailbox(number: usize) -> Value {
    json!({
        "address": address(number),
        "cell": format!("kasse-{number:03}/kim"),
        "marks": { "eAU": format!("kasse-{number:03}/eau") },
    })
}

pub fn address(number: usize) -> String {
    format!("kasse-{number:03}@kasse.kim.telematik-test")
}

pub fn upstream(port: u16) -> Value {
    json!({ "address": format!("127.0.0.1:{port}"), "name": "regular.test", "security": "loopback-plain" })
}

/// A small mail with a Message-ID and, perhaps, a mark.
pub fn letter(id: &str, mark: Option<&str>) -> String {
    let mark = mark
        .map(|mark| format!("X-KIM-Dienstkennung: {mark}\r\n"))
        .unwrap_or_default();
    format!("Message-ID: <{id}@praxis.test>\r\nSubject: KOM-LE-Nachricht\r\n{mark}\r\nciphertext of {id}\r\n")
}
