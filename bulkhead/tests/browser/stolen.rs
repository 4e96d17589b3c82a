//! A control room in somebody else's hands, with its keys, its certificates, its logs and its console; and a control room
//! that is gone.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use bulkhead::{
    clock,
    door_wire::{Outcome, TryOpening},
    http,
};
use clearance::Consent;
use ledger::Ledger;
use order::{Act, Becomes, Closing, Stance, Text, Uses};
use record::Draft;
use serde_json::json;
use vocabulary::{Class, Envelope, InsurerId, Position, Scope, Seconds};

use crate::{
    common::{
        World, mailbox, positions, program, run,
        smtp::{Session, item, letter},
        until,
    },
    plain::{Api, ask},
};

const FROM: &str = "p1@praxis.test";

fn insurer() -> InsurerId {
    "kasse-001".parse().unwrap()
}

fn closing(world: &World, scope: Scope, uses: Uses) -> Closing {
    Closing {
        estate: world.estate.id().clone(),
        scope,
        act: Act::Tighten {
            stance: Stance::Contain,
            class: Class::Containment,
            drain: None,
        },
        uses,
        signal: None,
        reason: Text::try_from("Verdacht / suspicion".to_owned()).unwrap(),
        issued: clock::now(),
    }
}

/// Asks the doors to try an opening, over the control room's own certificate.
async fn try_at_doors(world: &World, opening: &Envelope) -> Outcome {
    let asked = TryOpening {
        opening: opening.id(),
        wait: Seconds(5),
    };
    let door = world.side.system.door_endpoint().unwrap();
    let body = serde_json::to_vec(&asked).unwrap();
    http::call_json(
        &door,
        hyper::Method::POST,
        "/open",
        body,
        std::time::Duration::from_secs(30),
    )
    .await
    .unwrap()
}

/// The control room's process, begun anew by whoever holds its folder; ended with the test.
struct Stolen(Child);

impl Drop for Stolen {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _waited = self.0.wait();
    }
}

impl Stolen {
    /// Writes statements into the authority log by hand, where no control room of ours asks for a signature, and starts
    /// the control room again: same folder, same keys, same address. Its witnesses sign what it has.
    fn start(world: &World, statements: &[&Envelope]) -> Self {
        let log = world.folder().join("control/log");
        let origin = ledger::origin_of(&log).unwrap();
        let (mut ledger, _) = Ledger::open(&log, &origin).unwrap();
        let drafts: Vec<Draft> = statements
            .iter()
            .map(|envelope| Draft {
                kind: clearance::STATEMENT_KIND.parse().unwrap(),
                at: clock::now(),
                body: serde_json::to_vec(envelope).unwrap(),
            })
            .collect();
        ledger.append(&drafts).unwrap();
        drop(ledger);
        let config = std::fs::read_to_string(world.folder().join("control.toml")).unwrap();
        let mut config: toml::Table = config.parse().unwrap();
        config.insert("listen".into(), world.side.system.control.to_string().into());
        let endpoints = world.dir.path().join("stolen.endpoints.json");
        config.insert("endpoints".into(), endpoints.to_str().unwrap().into());
        let path = world.dir.path().join("stolen.toml");
        std::fs::write(&path, config.to_string()).unwrap();
        let child = Command::new(program())
            .args(["control", "--config"])
            .arg(&path)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stolen = Self(child);
        until("the stolen control room listens", || endpoints.exists());
        stolen
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_holds_the_control_room_opens_nothing_and_sends_nothing_back() {
    let mut world = World::open().await;
    world.cut(Scope::everything()).await;
    let lines = world.status().await.doors;
    let sick_note = letter("note@praxis.test", FROM, &mailbox(1), "ciphertext");
    let reply = Session::new(world.intake())
        .unwrap()
        .mail(FROM, &mailbox(1), &sick_note);
    world.acknowledged.lock().unwrap().push(item(&reply.unwrap()));
    let taken = world.regular.count();
    // Statements it can make: signatures of nobody, of the keys it holds, of the wrong people, and changed afterwards.
    let opening = |world: &World| {
        world
            .side
            .sign_opening(&lines, Becomes::Open, BTreeSet::new())
            .unwrap()
    };
    let mut unsigned = opening(&world);
    unsigned.signatures.clear();
    let by_examiner = {
        let consent = Consent {
            estate: world.estate.id().clone(),
            insurer: insurer(),
            opening: opening(&world).id(),
            identity: None,
            rewrapped: Vec::new(),
            issued: clock::now(),
            expires: clock::now().plus(Seconds(3600)),
        };
        world.side.cast.sign(&consent, &["forensik-3"]).unwrap()
    };
    let mut borrowed = opening(&world);
    borrowed.signatures.clone_from(&by_examiner.signatures);
    let mut changed = opening(&world);
    let text = String::from_utf8(changed.payload.clone()).unwrap();
    changed.payload = text.replace("nach Freigabe", "ohne Freigabe").into_bytes();
    assert_ne!(changed.payload, opening(&world).payload, "the reason was changed");
    let real = opening(&world);
    // And an order to close that nobody signed, on a door that is open again: there is none, so it is told by its refusal.
    let mut unsigned_order = world
        .side
        .cast
        .sign(&closing(&world, Scope::everything(), Uses::Once), &["leitung-1"])
        .unwrap();
    unsigned_order.signatures.clear();
    world.kill("control");
    let before = world.status().await.authority_size;
    let forged = [
        &unsigned,
        &borrowed,
        &changed,
        &by_examiner,
        &real,
        &unsigned_order,
    ];
    let stolen = Stolen::start(&world, &forged);
    let wanted = before + u64::try_from(forged.len()).unwrap();
    world
        .until_status("the doors have read all of it", |status| {
            status.authority_size >= wanted && status.fresh
        })
        .await;
    for opening in [&unsigned, &borrowed, &changed, &real] {
        let outcome = try_at_doors(&world, opening).await;
        assert!(outcome.applied.is_empty(), "{outcome}");
    }
    let outcome = try_at_doors(&world, &real).await;
    assert_eq!(outcome.refused.len(), lines.len(), "{outcome}");
    assert!(world.is_all(Position::Held).await);
    // No held mail went on, and nobody heard an error mail.
    assert_eq!(world.regular.count(), taken);
    let certificate = world.certificate().await;
    assert_eq!(
        (certificate.held.count, certificate.handed_over.count),
        (1, 0),
        "{certificate}"
    );
    // What was written by hand is in the log for everyone to see, and the rest of it is as it was.
    verify(&world.folder().join("control/log")).expect(0, &[]);
    drop(stolen);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_holds_the_control_room_closes_with_a_commanders_order_only() {
    let world = World::open().await;
    let order = |reason: Class| {
        let mut body = closing(&world, Scope::everything(), Uses::Once);
        if let Act::Tighten { class, .. } = &mut body.act {
            *class = reason;
        }
        world.side.cast.sign(&body, &["leitung-1"]).unwrap()
    };
    let mut unsigned = order(Class::Precautionary);
    unsigned.signatures.clear();
    let before = world.status().await.authority_size;
    world.kill("control");
    let stolen = Stolen::start(&world, &[&unsigned]);
    world
        .until_status("the doors have read it", |status| {
            status.authority_size > before && status.fresh
        })
        .await;
    assert!(
        world.is_all(Position::Open).await,
        "an order that nobody signed closes nothing"
    );
    drop(stolen);
    std::fs::remove_file(world.dir.path().join("stolen.endpoints.json")).unwrap();
    let real = order(Class::Containment);
    let stolen = Stolen::start(&world, &[&real]);
    world
        .until_status("the doors follow the commander", |status| {
            status.doors.iter().all(|line| line.position == Position::Held)
        })
        .await;
    drop(stolen);
    world.end_after_trouble();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_that_was_changed_is_found_and_moves_no_door() {
    let world = World::open().await;
    let api = Api::log_in(&world, "leitung-1");
    assert_eq!(api.get("/quellen").status, 200);
    let journal = world.folder().join("control/journal");
    world.kill("control");
    verify(&journal).expect(0, &[]);
    // One byte of one entry, as somebody who wants that something was never said.
    let file = file_with(&journal, "session.opened");
    let mut bytes = std::fs::read(&file).unwrap();
    let at = find(&bytes, b"session.opened").expect("the log-in is in the journal");
    bytes[at] = b'S';
    std::fs::write(&file, bytes).unwrap();
    let found = verify(&journal);
    assert_ne!(found.code, 0, "{found:?}");
    // The doors stand where they stood.
    assert!(world.is_all(Position::Open).await);
}

fn verify(log: &Path) -> crate::common::Ran {
    run(&["verify".as_ref(), log.as_os_str()])
}

fn find(bytes: &[u8], word: &[u8]) -> Option<usize> {
    bytes.windows(word.len()).position(|window| window == word)
}

/// The file of a ledger that has the word.
fn file_with(log: &Path, word: &str) -> PathBuf {
    let found = Command::new("grep")
        .args(["-rlaF", word])
        .arg(log)
        .output()
        .unwrap();
    let names = String::from_utf8(found.stdout).unwrap();
    names.lines().next().expect("a file has it").into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_control_room_doors_stay_orders_close_and_everything_verifies() {
    let mut world = World::open().await;
    world.until_proven(|_| true).await;
    let site = world.side.system.site();
    until("the site is there", || site.join("fakten.json").is_file());
    // Signed in peace, kept on paper.
    let paper = closing(
        &world,
        Scope::everything(),
        Uses::Many {
            until: clock::now().plus(Seconds(3600)),
        },
    );
    let paper = world.side.cast.sign(&paper, &["leitung-1"]).unwrap();
    let before = positions(&world.status().await);
    world.kill("control");
    assert_eq!(positions(&world.status().await), before, "doors keep their state");
    until("the console is gone", || {
        std::net::TcpStream::connect(world.side.system.console).is_err()
    });
    world
        .at_door("close", &paper)
        .expect(0, &["6 ausgeführt / applied", "0 abgelehnt / refused"]);
    assert!(world.is_all(Position::Held).await);
    for log in ["control/log", "control/journal"] {
        verify(&world.folder().join(log)).expect(0, &[]);
    }
    // The site is files: it is still there, and says when it was last right.
    let start = std::fs::read_to_string(site.join("index.html")).unwrap();
    assert!(start.contains("Stand der Fakten") && !start.contains("<script"));
    let facts = std::fs::read_to_string(site.join("fakten.json")).unwrap();
    assert!(serde_json::from_str::<serde_json::Value>(&facts).is_ok());
    world.end_after_trouble();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_console_in_wrong_hands_is_told_from_ours_by_the_companion() {
    let world = World::open().await;
    let to = world.side.system.console;
    // A session of somebody who may sign, in the hands of whoever holds the process: drafts, and no signature.
    let stolen = Api::log_in(&world, "leitung-1");
    let draft = stolen.propose(&json!({
        "art": "closing", "everything": "1", "class": "containment", "reason": "niemand hat das gewollt",
    }));
    let signature =
        json!({ "signature": "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n" });
    let reply = stolen.post(&format!("/api/v1/drafts/{draft}/signatures"), &signature);
    assert_eq!(reply.status, 422, "{reply:?}");
    assert!(world.is_all(Position::Open).await);
    // A log-in signature is no order: the namespaces differ, so what was signed for a console opens and closes nothing.
    let challenge = ask(to, "GET", "/api/v1/login", &[], b"").json();
    let login = world.sign_login(
        challenge["challenge"].as_str().unwrap(),
        &world.key_of("leitung-1"),
    );
    let reply = stolen.post(
        &format!("/api/v1/drafts/{draft}/signatures"),
        &json!({ "signature": login.expect(0, &[]).out }),
    );
    assert_eq!(reply.status, 422, "{reply:?}");
    assert!(world.is_all(Position::Open).await);
    world.end().await;
}
