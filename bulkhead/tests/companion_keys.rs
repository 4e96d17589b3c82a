//! A consent that carries keys, from the console to the opened door: what was stored while the door was closed goes on only
//! because the insurer's companion wrapped its keys again, on the insurer's own machine.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests and what they stand among may stop at the first surprise"
)]

mod common;

use std::{
    collections::BTreeSet,
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use bulkhead::{clock, command::sign::console::Console, exercise};
use common::{
    LIMIT, Ran, World, cell_of, get, mailbox, program,
    smtp::{Session, item, letter},
};
use hyper::Method;
use order::{Becomes, login::ConsoleOrigin};
use serde_json::{Value, json};
use vocabulary::{Envelope, InsurerId, Position, StatementId};

const FROM: &str = "p1@praxis.test";

fn insurer() -> InsurerId {
    "kasse-001".parse().unwrap()
}

/// A person's session at the console.
struct Seat {
    origin: ConsoleOrigin,
    token: Option<String>,
}

impl Seat {
    fn new(world: &World, person: &str) -> Self {
        let origin: ConsoleOrigin = format!("http://{}", world.side.system.console).parse().unwrap();
        let mut seat = Self { origin, token: None };
        let asked = seat.ask(Method::GET, "/api/v1/login", None);
        let text = asked["challenge"].as_str().unwrap();
        let key = world.side.cast.key_of(person).unwrap();
        let signature = exercise::sign::answer_challenge(text, &seat.origin, &key).unwrap();
        let body = json!({ "challenge": text, "signature": signature.0 });
        let answer = seat.ask(Method::POST, "/api/v1/login", Some(body));
        seat.token = Some(answer["token"].as_str().unwrap().to_owned());
        seat
    }

    fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| {
                let mut console = Console::new(self.origin.clone(), None).unwrap();
                console.keep(self.token.clone());
                console
                    .ask(method, path, body.as_ref(), Duration::from_secs(30))
                    .unwrap_or_else(|error| panic!("{path}: {error:?}"))
            });
            asking.join().unwrap()
        })
    }

    /// Asks until the answer is as wanted.
    fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let seen = self.ask(Method::GET, path, None);
            if wanted(&seen) {
                return seen;
            }
            assert!(began.elapsed() < LIMIT, "waited in vain at {path}: {seen:#}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The machine of an insurer's person: signing key, release key, and the recipients they compared with the door.
struct Machine {
    key: PathBuf,
    release: PathBuf,
    list: PathBuf,
}

impl Machine {
    fn of(world: &World, person: &str, recipients: &[&str]) -> Self {
        let people = world.folder().join("people");
        let list = world.dir.path().join(format!("list-{}", recipients.len()));
        std::fs::write(&list, recipients.join("\n")).unwrap();
        Self {
            key: people.join("keys").join(person),
            release: people.join("release/kasse-001.aktiv.age"),
            list,
        }
    }

    /// `bulkhead sign --watch --once`, and yes to what is shown.
    fn watch(&self, world: &World, with_keys: bool) -> (Ran, Vec<Value>) {
        let console = format!("http://{}", world.side.system.console);
        let mut command = Command::new(program());
        command.args([
            "sign",
            "--watch",
            "--once",
            "--json",
            "--console",
            &console,
            "--key",
        ]);
        command.arg(&self.key);
        if with_keys {
            command.arg("--release-key").arg(&self.release);
            command.arg("--release-to").arg(&self.list);
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let _typed = child.stdin.take().unwrap().write_all(b"j\nj\nj\n");
        let ran = Ran::from(child.wait_with_output().unwrap());
        let events = ran.out.lines().map(|line| serde_json::from_str(line).unwrap());
        let events = events.collect();
        (ran, events)
    }
}

fn of<'a>(events: &'a [Value], name: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["event"] == name).collect()
}

/// The first insurer's eAU door is cut, a sick note lies behind it, examiners cleared it, a commander has ordered it open.
async fn opening_waits_for_consent(world: &mut World) -> Envelope {
    world.cut(cell_of(1, "eau")).await;
    let note = letter("note-1@praxis.test", FROM, &mailbox(1), "ciphertext");
    let reply = Session::new(world.intake())
        .unwrap()
        .mail(FROM, &mailbox(1), &note)
        .unwrap();
    world.acknowledged.lock().unwrap().push(item(&reply));
    let clearance = {
        let now = clock::now();
        let evidence = vocabulary::Digest::of(b"evidence of the examination");
        let body = clearance::Clearance {
            estate: world.estate.id().clone(),
            environment: insurer().into(),
            grade: clearance::Grade::Full,
            basis: clearance::Basis::Examined,
            examined: BTreeSet::from([evidence]),
            evidence_root: evidence,
            checklist: vec![clearance::ChecklistItem {
                item: order::Text::new("DER.2.3.A2").unwrap(),
                result: clearance::CheckResult::Passed,
                note: None,
            }],
            relies_on: BTreeSet::new(),
            issued: now,
            expires: now.plus(vocabulary::Seconds(3600)),
        };
        world
            .side
            .cast
            .sign(&body, &["forensik-1", "forensik-3"])
            .unwrap()
    };
    world.publish(&clearance);
    let closed: Vec<_> = world
        .status()
        .await
        .doors
        .into_iter()
        .filter(|line| line.position != Position::Open)
        .collect();
    assert_eq!(closed.len(), 1);
    let opening = world
        .side
        .sign_opening(&closed, Becomes::Open, BTreeSet::from([clearance.id()]))
        .unwrap();
    world.publish(&opening);
    opening
}

/// Drafts the insurer's consent at the console, as its form does.
fn draft_consent(seat: &Seat, opening: StatementId) {
    seat.until(&format!("/api/v1/drafts/{opening}"), |seen| {
        seen["logged"].is_object()
    });
    let body = json!({ "opening": opening, "days": 1 });
    seat.ask(Method::POST, "/api/v1/insurers/kasse-001/consent", Some(body));
}

async fn recipient(world: &World) -> String {
    let door = world.side.system.door["door"];
    let text = get(world, door, "/spool/recipient").await;
    String::from_utf8(text).unwrap().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_companion_wraps_the_keys_of_a_consent_and_what_was_stored_goes_on() {
    let mut world = World::open().await;
    let opening = opening_waits_for_consent(&mut world).await;
    let seat = Seat::new(&world, "kasse-001.a");
    draft_consent(&seat, opening.id());
    let drafts = seat.until("/api/v1/drafts?mine=1", |seen| {
        seen["drafts"].as_array().unwrap().len() == 1
    });
    let draft = drafts["drafts"][0]["id"].as_str().unwrap().to_owned();
    // The doors have told their keys; nobody but this insurer can open them.
    let keys = seat.until(&format!("/api/v1/drafts/{draft}/keys"), |seen| {
        // The key of before the cut, and the one the cut began: what lies here is sealed with that.
        seen["sealed"][0]["keys"]
            .as_array()
            .is_some_and(|keys| keys.len() > 1)
    });
    assert_eq!(keys["untold"], json!([]));
    assert_eq!(keys["sealed"][0]["recipient"], json!(recipient(&world).await));
    let count = keys["sealed"][0]["keys"].as_array().unwrap().len();

    // Whoever has not compared the door's recipient does not get that far: nothing is signed.
    let stranger = age_recipient(&world);
    let (ran, events) = Machine::of(&world, "kasse-001.a", &[&stranger]).watch(&world, true);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(
        (of(&events, "keys-refused").len(), of(&events, "signed").len()),
        (1, 0),
        "{events:#?}"
    );

    let own = recipient(&world).await;
    let machine = Machine::of(&world, "kasse-001.a", &[&own, &stranger]);
    let (ran, events) = machine.watch(&world, true);
    assert_eq!(ran.code, 0, "{ran:?}");
    let (shown, signed) = (of(&events, "draft"), of(&events, "signed"));
    assert_eq!((shown.len(), signed.len()), (1, 1), "{events:#?}");
    let said = shown[0]["keys"].as_str().unwrap();
    for words in [
        "NEU VERPACKT auf diesem Rechner",
        "der Kasse kasse-001",
        "kasse-001/eau",
        &own,
    ] {
        assert!(said.contains(words), "{said}");
    }
    // A minute may have begun since they were counted, and with it a key.
    let sentence = shown[0]["sentence"].as_str().unwrap();
    let number = sentence
        .split_once(" neu verpackten")
        .and_then(|(before, _)| before.rsplit(' ').next())
        .unwrap_or_else(|| panic!("{sentence}"));
    let wrapped: usize = number.parse().unwrap();
    assert!(wrapped >= count, "{sentence}");
    let count = wrapped;

    // It stands in the log with its keys, which the door alone can read; the draft without keys asks nobody any more.
    let id = signed[0]["statement"].as_str().unwrap();
    assert_ne!(id, draft);
    let logged = seat.until(&format!("/api/v1/drafts/{id}"), |seen| {
        seen["logged"]["index"].is_u64()
    });
    let says = logged["says"]["de"].as_str().unwrap();
    assert!(says.contains(&format!("mit {count} neu verpackten")), "{says}");
    seat.until("/api/v1/drafts?mine=1", |seen| seen["drafts"] == json!([]));

    // The door opens, and what was stored for weeks, if need be, is handed over.
    world
        .at_door("open", &opening)
        .expect(0, &["1 ausgeführt / applied"]);
    world.until_handed_over().await;
    assert_eq!(world.regular.count(), 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_release_keys_the_companion_says_what_stays_sealed() {
    let mut world = World::open().await;
    let opening = opening_waits_for_consent(&mut world).await;
    let seat = Seat::new(&world, "kasse-001.a");
    draft_consent(&seat, opening.id());
    let drafts = seat.until("/api/v1/drafts?mine=1", |seen| {
        seen["drafts"].as_array().unwrap().len() == 1
    });
    let draft = drafts["drafts"][0]["id"].as_str().unwrap().to_owned();
    seat.until(&format!("/api/v1/drafts/{draft}/keys"), |seen| {
        // The key of before the cut, and the one the cut began: what lies here is sealed with that.
        seen["sealed"][0]["keys"]
            .as_array()
            .is_some_and(|keys| keys.len() > 1)
    });
    // A control room that was lost hears the keys again.
    world.side.system.kill("control").unwrap();
    world.side.system.start_control().unwrap();
    let seat = Seat::new(&world, "kasse-001.a");
    seat.until(&format!("/api/v1/drafts/{draft}/keys"), |seen| {
        // The key of before the cut, and the one the cut began: what lies here is sealed with that.
        seen["sealed"][0]["keys"]
            .as_array()
            .is_some_and(|keys| keys.len() > 1)
    });
    // Another insurer sees neither the draft nor its keys.
    let other = Seat::new(&world, "kasse-002.a");
    let path = format!("/api/v1/drafts/{draft}/keys");
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut console = Console::new(other.origin.clone(), None).unwrap();
            console.keep(other.token.clone());
            console.ask(Method::GET, &path, None, Duration::from_secs(30))
        });
        asking.join().unwrap().unwrap_err();
    });
    let (ran, events) = Machine::of(&world, "kasse-001.a", &[]).watch(&world, false);
    assert_eq!(ran.code, 0, "{ran:?}");
    let shown = of(&events, "draft");
    let said = shown[0]["keys"].as_str().unwrap();
    assert!(
        said.contains("ACHTUNG") && said.contains("--release-key"),
        "{said}"
    );
    // A person may still decide so: the door opens, and the sick note stays sealed behind it.
    assert_eq!(of(&events, "signed").len(), 1);
    world
        .at_door("open", &opening)
        .expect(0, &["1 ausgeführt / applied"]);
    let certificate = world.certificate().await;
    assert_eq!((certificate.held.count, world.regular.count()), (1, 0));
    world.end_after_trouble();
}

fn age_recipient(world: &World) -> String {
    let path = world.dir.path().join("stranger.age");
    exercise::sign::release_key(&path, clock::now())
        .unwrap()
        .to_string()
}
