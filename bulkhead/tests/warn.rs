//! The warning process among the real others: what sensors write becomes an incident in the journal, a canary closes what
//! a commander signed for and nothing else, and nothing is lost while the control room is dead.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests and what they stand among may stop at the first surprise"
)]

mod common;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    net::SocketAddr,
    num::NonZeroU32,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use bulkhead::{
    clock,
    command::sign::console::Console,
    endpoints, exercise, http,
    warn::{self, AddressLine, Begin, Config, EngineName, FileSource, HouseSource, Silence, SocketSource},
};
use common::{LIMIT, World, get, mailbox, program, smtp::Session};
use hyper::Method;
use order::{Rate, Stance, StandingOrder, StandingUse, Text, UseNumber, login::ConsoleOrigin};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use vocabulary::{
    Class, DetectorId, DoorId, Epoch, InsurerId, Position, Scope, Seconds, ServiceId, StatementId, Timestamp,
};

const WAIT: Duration = Duration::from_secs(30);

/// A process of ours that ends with its value.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _waited = self.0.wait();
    }
}

fn spawn(job: &str, config: &std::path::Path) -> Process {
    let log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(config.with_extension("log"))
        .unwrap();
    let child = Command::new(program())
        .args([job, "--config"])
        .arg(config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn();
    Process(child.unwrap())
}

/// The warning process beside a world.
struct Warner {
    process: Option<Process>,
    config: Config,
    folder: PathBuf,
    at: BTreeMap<String, SocketAddr>,
}

impl Warner {
    fn beside(world: &World) -> Self {
        let folder = world.folder();
        let address = |range: &str, number: usize| AddressLine {
            range: range.into(),
            host: None,
            insurer: Some(insurer(number)),
            site: None,
        };
        let loopback: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let config = Config {
            estate: folder.join("estate.toml"),
            dir: folder.join("warn"),
            listen: loopback,
            tls: Some(world.side.system.people_tls()),
            endpoints: Some(folder.join("warn.endpoints.json")),
            control: world.side.system.control,
            every_millis: 50,
            holidays: BTreeSet::new(),
            files: vec![FileSource {
                name: "eve".into(),
                engine: EngineName::Suricata,
                path: folder.join("eve.json"),
                begin: Begin::Beginning,
                silence: None,
            }],
            sockets: vec![SocketSource {
                name: "wazuh".into(),
                engine: EngineName::Wazuh,
                listen: loopback,
                connections_max: 2,
                silence: None,
            }],
            houses: vec![HouseSource {
                name: "tueren".into(),
                control: world.side.system.door["door"],
                silence: None,
            }],
            addresses: vec![
                address("10.1.0.0/16", 1),
                address("10.2.0.0/16", 2),
                address("10.3.0.0/16", 3),
            ],
        };
        let mut warner = Self {
            process: None,
            config,
            folder,
            at: BTreeMap::new(),
        };
        warner.start();
        warner
    }

    /// Starts it, after an end without warning if it runs.
    fn start(&mut self) {
        drop(self.process.take());
        let path = self.folder.join("warn.toml");
        bulkhead::files::write_private(&path, toml::to_string(&self.config).unwrap().as_bytes()).unwrap();
        let said = self.folder.join("warn.endpoints.json");
        let _absent = std::fs::remove_file(&said);
        self.process = Some(spawn("warn", &path));
        common::until("warn listens", || endpoints::read(&said).is_ok());
        self.at = endpoints::read(&said).unwrap();
    }

    /// Waits until its own word is as wanted.
    async fn until(&self, world: &World, what: &str, wanted: impl Fn(&warn::Status) -> bool) -> warn::Status {
        let began = Instant::now();
        loop {
            let status: warn::Status =
                serde_json::from_slice(&get(world, self.at["warn"], "/status").await).unwrap();
            if wanted(&status) {
                return status;
            }
            assert!(
                began.elapsed() < LIMIT,
                "waited in vain until {what}: {status:#?}\n{}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("warn.log")).unwrap_or_default()
    }

    /// Suricata sees something bad come from an address.
    fn eve(&self, rule: u32, from: &str) {
        let now = clock::now().to_string();
        let now = now.trim_end_matches('Z');
        let line = json!({
            "timestamp": format!("{now}.000000+0000"), "event_type": "alert", "src_ip": from, "dest_ip": "192.0.2.1",
            "alert": { "action": "allowed", "gid": 1, "signature_id": rule, "signature": "ET TEST bad", "severity": 1 },
        });
        let path = self.folder.join("eve.json");
        let mut file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(path)
            .unwrap();
        writeln!(file, "{line}").unwrap();
    }
}

fn insurer(number: usize) -> InsurerId {
    format!("kasse-{number:03}").parse().unwrap()
}

/// A commander at the console; asks on a thread of its own, as a program of theirs would.
struct Seat {
    origin: ConsoleOrigin,
    token: String,
}

impl Seat {
    fn new(world: &World) -> Self {
        let origin: ConsoleOrigin = format!("http://{}", world.side.system.console).parse().unwrap();
        let asked = ask(&origin, None, Method::GET, "/api/v1/login", None);
        let text = asked["challenge"].as_str().unwrap();
        let key = world.side.cast.key_of("leitung-1").unwrap();
        let signature = exercise::sign::answer_challenge(text, &origin, &key).unwrap();
        let body = json!({ "challenge": text, "signature": signature.0 });
        let answer = ask(&origin, None, Method::POST, "/api/v1/login", Some(body));
        Self {
            origin,
            token: answer["token"].as_str().unwrap().to_owned(),
        }
    }

    fn get(&self, path: &str) -> Value {
        ask(&self.origin, Some(&self.token), Method::GET, path, None)
    }

    /// Waits until the incidents, as the console shows them, are as wanted.
    fn until(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut seen = Value::Null;
        let began = Instant::now();
        while began.elapsed() < LIMIT {
            seen = self.get("/api/v1/incidents");
            if wanted(&seen) {
                return seen;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("waited in vain until {what}: {seen:#}");
    }

    /// Waits until the journal says this about an incident.
    fn until_said(&self, incident: &str, words: &str) -> Value {
        let path = format!("/api/v1/incidents/{incident}");
        let mut seen = Value::Null;
        let began = Instant::now();
        while began.elapsed() < LIMIT {
            seen = self.get(&path);
            if seen.to_string().contains(words) {
                return seen;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("nobody said \"{words}\": {seen:#}");
    }
}

fn ask(
    origin: &ConsoleOrigin,
    token: Option<&str>,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> Value {
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut console = Console::new(origin.clone(), None).unwrap();
            console.keep(token.map(str::to_owned));
            console
                .ask(method, path, body.as_ref(), WAIT)
                .unwrap_or_else(|error| panic!("{path}: {error:?}"))
        });
        asking.join().unwrap()
    })
}

impl World {
    /// A commander signs in peace what a detector may do.
    fn standing(&mut self, scope_max: Scope, detector: &str, expires: Timestamp) -> StatementId {
        let order = StandingOrder {
            estate: self.estate.id().clone(),
            scope_max,
            stance: Stance::Contain,
            class: Class::Precautionary,
            drain: None,
            detectors: BTreeSet::from([detector.parse::<DetectorId>().unwrap()]),
            rate: Rate {
                uses: NonZeroU32::MIN,
                window: Seconds(86_400),
            },
            expires,
            reason: Text::new("Köder berührt / canary touched").unwrap(),
            issued: Timestamp(expires.0 - 1_000),
        };
        let signed = self.side.cast.sign(&order, &["leitung-1"]).unwrap();
        self.publish(&signed);
        signed.id()
    }

    /// Somebody names a canary as a recipient.
    fn touch(&self, number: usize, service: &str) {
        let address = mailbox(number);
        let domain = address.split_once('@').unwrap().1;
        let cell = format!("kasse-{number:03}/{service}").parse().unwrap();
        let canary = exercise::mail_text::canary(&cell, domain);
        let mut session = Session::new(self.intake()).unwrap();
        session.ask("MAIL FROM:<neugierig@praxis.test>", "250").unwrap();
        session.say(&format!("RCPT TO:<{canary}>")).unwrap();
        let said = session.hear().unwrap();
        assert!(said.starts_with('4') || said.starts_with('5'), "{said}");
    }

    /// Asks the doors for a use, as a stolen detector would; gives the words of the refusal.
    async fn refused(&self, asked: &StandingUse) -> String {
        let endpoint = self.side.system.door_endpoint().unwrap();
        let body = serde_json::to_vec(asked).unwrap();
        let answer = http::call(&endpoint, Method::POST, "/standing", body, WAIT).await;
        let Err(http::CallError::Refused {
            status: 403,
            sentence,
        }) = answer
        else {
            panic!("not refused: {answer:?}");
        };
        assert!(sentence.contains(" / "), "German and English: {sentence}");
        sentence
    }

    async fn stand(&self) -> Vec<(DoorId, Epoch, Position)> {
        let doors = self.status().await.doors.into_iter();
        doors.map(|line| (line.door, line.epoch, line.position)).collect()
    }
}

fn eau() -> ServiceId {
    "eau".parse().unwrap()
}

fn use_of(order: StatementId, number: u32, scope: Scope, detector: &str) -> StandingUse {
    StandingUse {
        order,
        number: UseNumber(number),
        scope,
        detector: detector.parse().unwrap(),
        signal: "s-0000000000000001".parse().unwrap(),
        at: clock::now(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_canary_closes_what_was_signed_for_it_and_warning_can_close_nothing_else() {
    let mut world = World::open().await;
    world.until_proven(|_| true).await;
    let later = clock::now().plus(Seconds(86_400));
    let order = world.standing(Scope::insurer(insurer(1)), "canary", later);
    let past = Timestamp(clock::now().0 - 60);
    let over = world.standing(Scope::insurer(insurer(2)), "canary", past);
    let mut warner = Warner::beside(&world);
    let seat = Seat::new(&world);
    warner
        .until(&world, "the order is known", |status| {
            status.orders == BTreeSet::from([order])
        })
        .await;

    // Suricata sees something at the first insurer: an incident about it and nobody else, and people must decide.
    let began = Instant::now();
    warner.eve(2_000_001, "10.1.2.3");
    let seen = seat.until("an incident", |seen| {
        seen["incidents"].as_array().is_some_and(|all| all.len() == 1)
    });
    let shown_after = began.elapsed();
    let incident = seen["incidents"][0]["incident"].as_str().unwrap().to_owned();
    assert_eq!(
        seen["incidents"][0]["cells"], 2,
        "both services of the first insurer: {seen:#}"
    );
    assert!(
        seen["incidents"][0]["place"].to_string().contains("kasse-001"),
        "{seen:#}"
    );
    assert!(shown_after < Duration::from_secs(10), "{shown_after:?}");
    seat.until_said(&incident, "Menschen müssen entscheiden");
    seat.until_said(&incident, "nennt diese Melder nicht");
    assert!(
        world.is_all(Position::Open).await,
        "a detector nobody signed for closes nothing"
    );

    // Somebody writes to a canary: its door is Held as signed, proven, and every other one stays open.
    world.touch(1, "eau");
    let held = |door: &DoorId| door.cell().insurer == insurer(1) && door.cell().service == eau();
    let status = world
        .until_status("the canary's door is held", |status| {
            status
                .doors
                .iter()
                .any(|line| held(&line.door) && line.position == Position::Held)
        })
        .await;
    for line in &status.doors {
        if held(&line.door) {
            assert_eq!(line.class, Some(Class::Precautionary));
        } else {
            assert_eq!(line.position, Position::Open, "{}", line.door);
        }
    }
    let proven = world.until_proven(held).await;
    assert_eq!((proven.len(), proven[0].1.position), (1, Position::Held));
    seat.until_said(&incident, "1 Türen geschlossen");
    // It is the same incident: the same insurer, minutes apart.
    let status = warner
        .until(&world, "all is told", |status| {
            status.waiting == 0 && status.uses == 0
        })
        .await;
    assert_eq!(status.incidents.len(), 1, "{status:?}");

    // Once a day was signed. The next canary is told, and the doors would refuse whoever asks.
    let before = world.stand().await;
    world.touch(1, "kim");
    seat.until_said(&incident, "ausgeschöpft");
    let beyond = use_of(
        order,
        2,
        Scope::cell(insurer(1), "kim".parse().unwrap()),
        "canary",
    );
    let cases = [
        (beyond, "mehr erlaubt er nicht"),
        (
            use_of(order, 1, Scope::everything(), "canary"),
            "überschreitet den des Dauerbefehls",
        ),
        (
            use_of(order, 2, Scope::insurer(insurer(2)), "canary"),
            "überschreitet den des Dauerbefehls",
        ),
        (
            use_of(order, 2, Scope::insurer(insurer(1)), "suricata"),
            "suricata",
        ),
        (
            use_of(over, 1, Scope::insurer(insurer(2)), "canary"),
            "abgelaufen",
        ),
        (
            use_of(
                world.side.cast.charter.id(),
                1,
                Scope::insurer(insurer(1)),
                "canary",
            ),
            "anderen Dauerbefehl",
        ),
    ];
    let mut said = BTreeSet::new();
    for (asked, word) in &cases {
        let sentence = world.refused(asked).await;
        assert!(sentence.contains(word), "{sentence}");
        said.insert(sentence);
    }
    // The same number again is the same use: it closes nothing new, whatever scope it names.
    let endpoint = world.side.system.door_endpoint().unwrap();
    let again = use_of(order, 1, Scope::insurer(insurer(1)), "canary");
    let body = serde_json::to_vec(&again).unwrap();
    http::call(&endpoint, Method::POST, "/standing", body, WAIT)
        .await
        .unwrap();
    assert_eq!(
        world.stand().await,
        before,
        "nothing that was refused or repeated moved a door"
    );
    let refusals = seat.until("the refusals are in the journal", |seen| {
        seen["looseSignals"].as_array().is_some_and(|loose| {
            let told = loose.iter().filter(|one| one["detector"] == "standing-refused");
            told.count() == said.len()
        })
    });
    assert!(refusals.to_string().contains("abgelehnt"));

    // Killed and started again: it knows what it knew, reads nothing twice and tells nothing twice.
    let told = seat.get(&format!("/api/v1/incidents/{incident}"))["timeline"].clone();
    let known = warner
        .until(&world, "all is told", |status| status.waiting == 0)
        .await;
    warner.start();
    warner.eve(2_000_002, "10.3.2.3");
    let status = warner
        .until(&world, "the new line is read", |status| {
            status.incidents.len() == 2 && status.waiting == 0
        })
        .await;
    assert!(known.incidents.is_subset(&status.incidents));
    assert_eq!(status.lines["eve"], 1, "the old line was not read again");
    assert_eq!(
        seat.get(&format!("/api/v1/incidents/{incident}"))["timeline"],
        told
    );

    // A false alarm: the commander closes it at the console, and warning takes that for the explanation.
    let why = json!({ "why": "Fehlalarm: eigene Prüfung / false alarm: our own check" });
    let path = format!("/api/v1/incidents/{incident}/close");
    ask(&seat.origin, Some(&seat.token), Method::POST, &path, Some(why));
    warner
        .until(&world, "the incident is explained", |status| {
            !status.incidents.iter().any(|open| open.as_str() == incident)
        })
        .await;
    assert_eq!(world.stand().await, before, "an explanation opens nothing");
    drop(warner);
    world.end_after_trouble();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn warnings_wait_on_disk_while_the_control_room_is_dead() {
    let world = World::open().await;
    let mut warner = Warner::beside(&world);
    world.kill("control");
    // A sensor that connects, with its own certificate; without one nobody is heard.
    let sensor = world.side.system.endpoint(warner.at["wazuh"]);
    let stream = tokio::net::TcpStream::connect(sensor.address).await.unwrap();
    let mut stream = sensor.tls.unwrap().connect(stream).await.unwrap();
    let now = clock::now().to_string();
    let line = json!({
        "timestamp": format!("{}.000+0000", now.trim_end_matches('Z')),
        "rule": { "level": 13, "id": "100200", "description": "test", "groups": [] },
        "agent": { "id": "007", "name": "irgendwo", "ip": "10.2.0.9" }, "data": {},
    });
    stream.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    warner
        .until(&world, "it waits", |status| {
            status.waiting > 0 && status.incidents.len() == 1
        })
        .await;
    let mut naked = tokio::net::TcpStream::connect(sensor.address).await.unwrap();
    naked.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    warner.eve(2_000_003, "10.3.0.1");
    let waiting = warner
        .until(&world, "both wait", |status| status.incidents.len() == 2)
        .await;
    assert_eq!(
        waiting.lines,
        BTreeMap::from([("eve".into(), 1), ("wazuh".into(), 1)])
    );
    // Warning dies too. A control room comes back, at another address; everything is told, once.
    let config = world.folder().join("control.toml");
    let said = world.folder().join("control.endpoints.json");
    std::fs::remove_file(&said).unwrap();
    let control = spawn("control", &config);
    common::until("the control room listens", || endpoints::read(&said).is_ok());
    warner.config.control = endpoints::read(&said).unwrap()["control"];
    // From now on the second sensor must be heard, and it will not be.
    warner.config.sockets[0].silence = Some(Silence {
        after_secs: 2,
        watches: BTreeSet::from([warning::Touched::Site("munich".parse().unwrap())]),
    });
    warner.start();
    let seat = Seat::new(&world);
    let seen = seat.until("both incidents", |seen| {
        seen["incidents"].as_array().is_some_and(|all| all.len() == 2)
    });
    for name in &waiting.incidents {
        assert!(seen.to_string().contains(name.as_str()), "{seen:#}");
    }
    // Who is silent watches over the third insurer, of which there was news: it is one incident.
    let third = seen["incidents"].as_array().unwrap().iter();
    let mut third = third.filter(|one| one["place"].to_string().contains("kasse-003"));
    let third = third.next().unwrap()["incident"].as_str().unwrap();
    seat.until_said(third, "schweigt");
    let status = warner
        .until(&world, "nothing waits", |status| status.waiting == 0)
        .await;
    assert_eq!((status.incidents, status.refused), (waiting.incidents, 0));
    drop((warner, control));
    world.end_after_trouble();
}
