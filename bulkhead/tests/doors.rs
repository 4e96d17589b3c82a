//! Doors that stay shut, and orders that close them, through the command line and real processes.
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
    path::Path,
    process::{Child, Command, Stdio},
};

use bulkhead::{clock, door_wire::DoorLine, exercise::sign::read_and_sign, files};
use clearance::{
    Basis, CheckResult, ChecklistItem, Clearance, Consent, Grade, Withdrawal, Withdraws,
};
use common::{Ran, World, cell_of, get, positions, run, until};
use drill::{
    script::Action,
    side::{Outcome, Side as _},
};
use order::{Act, Becomes, Body, CharterDraft, Closing, PublicKey, Stance, Text, Uses, Version};
use ssh_key::{LineEnding, PrivateKey, private::Ed25519Keypair};
use vocabulary::{Class, Digest, Envelope, Flow, InsurerId, Position, RestrictionId, Scope, Seconds, StatementId, Timestamp};

fn text(words: &str) -> Text {
    Text::try_from(words.to_owned()).unwrap()
}

fn insurer(number: usize) -> InsurerId {
    format!("kasse-{number:03}").parse().unwrap()
}

fn ago(seconds: i64) -> Timestamp {
    Timestamp(clock::now().0 - seconds)
}

/// A full clearance of an insurer's environment, as yet unsigned.
fn clearance(world: &World, of: usize) -> Clearance {
    let now = clock::now();
    // Two clearances of one second must not be one and the same statement.
    let evidence = Digest::of(format!("evidence of examination {}", world.papers()).as_bytes());
    Clearance {
        estate: world.estate.id().clone(),
        environment: insurer(of).into(),
        grade: Grade::Full,
        basis: Basis::Examined,
        examined: BTreeSet::from([evidence]),
        evidence_root: evidence,
        checklist: vec![ChecklistItem { item: text("DER.2.3.A2"), result: CheckResult::Passed, note: None }],
        relies_on: BTreeSet::new(),
        issued: now,
        expires: now.plus(Seconds(3600)),
    }
}

const EXAMINERS: [&str; 2] = ["forensik-1", "forensik-3"];

impl World {
    /// The doors of the first insurer as they stand.
    async fn lines(&self) -> Vec<DoorLine> {
        let mut lines = self.status().await.doors;
        lines.retain(|line| line.door.cell().insurer == insurer(1));
        assert_eq!(lines.len(), 2);
        lines
    }

    /// Signs and publishes.
    fn bring<B: Body>(&mut self, body: &B, signers: &[&str]) -> StatementId {
        let envelope = self.side.cast.sign(body, signers).unwrap();
        self.publish(&envelope);
        envelope.id()
    }

    /// Publishes an opening with the insurer's consent and has the doors try it.
    async fn try_with(&mut self, lines: &[DoorLine], clearances: &[StatementId]) -> Ran {
        let opening = self.side.sign_opening(lines, Becomes::Open, clearances.iter().copied().collect()).unwrap();
        self.try_opening(&opening)
    }

    fn try_opening(&mut self, opening: &Envelope) -> Ran {
        self.publish(opening);
        self.consent(opening.id());
        self.at_door("open", opening)
    }

    fn consent(&mut self, opening: StatementId) {
        let now = clock::now();
        let consent = Consent {
            estate: self.estate.id().clone(),
            insurer: insurer(1),
            opening,
            identity: None,
            rewrapped: Vec::new(),
            issued: now,
            expires: now.plus(Seconds(3600)),
        };
        self.bring(&consent, &["kasse-001.a"]);
    }

    /// It was refused with these words, and no door moved.
    async fn stays_shut(&self, refused: Ran, words: &[&str]) {
        refused.expect(1, words);
        assert!(self.is_all(Position::Held).await);
    }

    fn closing(&self, class: Class, scope: Scope, uses: Uses) -> Closing {
        Closing {
            estate: self.estate.id().clone(),
            scope,
            act: Act::Tighten { stance: Stance::Contain, class, drain: None },
            uses,
            signal: None,
            reason: text("Verdacht / suspicion"),
            issued: clock::now(),
        }
    }

    /// The charter in force as its people would draft the next one from it.
    fn next_charter(&self) -> CharterDraft {
        let mut draft = CharterDraft::read(&self.side.cast.charter).unwrap();
        draft.previous = Some(self.side.cast.charter.id().0);
        draft.version = Version(2);
        draft.issued = clock::now();
        draft
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_door_says_what_is_missing_and_stays_shut() {
    let mut world = World::open().await;
    world.cut(Scope::everything()).await;
    let lines = world.lines().await;

    let refused = world.try_with(&lines, &[]).await;
    world.stays_shut(refused, &["Es fehlt eine gültige Freigabe für kasse-001", "die Öffnung nennt keine", "A valid clearance for kasse-001 is missing", "the opening names none"]).await;

    let one = clearance(&world, 1);
    let one = world.bring(&one, &["forensik-3"]);
    let refused = world.try_with(&lines, &[one]).await;
    world.stays_shut(refused, &["Es fehlt: 1 von 2 Forensik-Unterschriften", "Missing: 1 of 2 examiner signatures"]).await;

    let inside = clearance(&world, 1);
    let inside = world.bring(&inside, &["forensik-1", "forensik-2"]);
    let refused = world.try_with(&lines, &[inside]).await;
    world.stays_shut(refused, &["von außerhalb des Betreibers (2 liegen vor)", "from outside the provider (2 present)"]).await;

    let mut expired = clearance(&world, 1);
    (expired.issued, expired.expires) = (ago(7200), ago(3600));
    let expired = world.bring(&expired, &EXAMINERS);
    let refused = world.try_with(&lines, &[expired]).await;
    world.stays_shut(refused, &["abgelaufen (bezeugte Zeit", "expired at"]).await;

    let foreign = clearance(&world, 2);
    let foreign = world.bring(&foreign, &EXAMINERS);
    let refused = world.try_with(&lines, &[foreign]).await;
    world.stays_shut(refused, &["gilt für kasse-002", "is for kasse-002"]).await;

    let mut limited = clearance(&world, 1);
    limited.grade = Grade::Limited {
        cells: lines.iter().map(|line| line.door.cell().clone()).collect(),
        peers: None,
        directions: BTreeSet::from([Flow::Forward, Flow::Fetch, Flow::Send]),
        until: clock::now().plus(Seconds(600)),
    };
    let limited = world.bring(&limited, &EXAMINERS);
    let refused = world.try_with(&lines, &[limited]).await;
    world.stays_shut(refused, &["trägt keinen Regelbetrieb", "never permits normal operation"]).await;

    let withdrawn = clearance(&world, 1);
    let withdrawn = world.bring(&withdrawn, &EXAMINERS);
    let withdrawal = withdrawal(&world, withdrawn);
    world.bring(&withdrawal, &["forensik-1"]);
    let refused = world.try_with(&lines, &[withdrawn]).await;
    world.stays_shut(refused, &["ist zurückgezogen", "is withdrawn"]).await;

    let good = clearance(&world, 1);
    let good = world.bring(&good, &EXAMINERS);
    let mut other = lines.clone();
    for line in &mut other {
        line.epoch.0 += 1;
    }
    let refused = world.try_with(&other, &[good]).await;
    world.stays_shut(refused, &["Die Öffnung gilt für Stand", "bitte neu entscheiden", "The opening was made for epoch", "decide again"]).await;

    // Everything is there but the insurer.
    let opening = world.side.sign_opening(&lines, Becomes::Open, BTreeSet::from([good])).unwrap();
    world.publish(&opening);
    let refused = world.at_door("open", &opening);
    world.stays_shut(refused, &["Zustimmung der Kasse kasse-001", "consent of insurer kasse-001"]).await;

    // Signed by a commander, but never published: the door knows no such opening.
    let mut unpublished = lines.clone();
    unpublished.truncate(1);
    let unpublished = world.side.sign_opening(&unpublished, Becomes::Open, BTreeSet::from([good])).unwrap();
    let said = world.at_door("open", &unpublished);
    assert!(world.is_all(Position::Held).await, "{said:?}");

    // With the consent it opens, once; the same paper opens nothing a second time.
    world.consent(opening.id());
    world.at_door("open", &opening).expect(0, &["2 ausgeführt / applied, 0 abgelehnt / refused"]);
    assert!(world.lines().await.iter().all(|line| line.position == Position::Open));
    world.cut(Scope::insurer(insurer(1))).await;
    let refused = world.at_door("open", &opening);
    world.stays_shut(refused, &["Die Öffnung gilt für Stand", "The opening was made for epoch"]).await;
    world.end().await;
}

fn withdrawal(world: &World, of: StatementId) -> Withdrawal {
    Withdrawal {
        estate: world.estate.id().clone(),
        withdraws: Withdraws::Clearance(of),
        reason: text("neuer Fund / a new finding"),
        issued: clock::now(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_not_persons_and_an_older_charter_is_not_followed() {
    let mut world = World::open().await;
    world.cut(Scope::everything()).await;
    let lines = world.lines().await;
    // The second charter gives the outside examiner a second key and lets one inside examiner go.
    let key = PrivateKey::from(Ed25519Keypair::from_seed(&[7; 32]));
    let second = world.dir.path().join("second.key");
    files::write_private(&second, key.to_openssh(LineEnding::LF).unwrap().as_bytes()).unwrap();
    let mut draft = world.next_charter();
    let mut rival = draft.clone();
    draft.persons.retain(|person| person.id.as_str() != "forensik-1");
    let outside = draft.persons.iter_mut().find(|person| person.id.as_str() == "forensik-3").unwrap();
    outside.keys.push(PublicKey::from_openssh(&key.public_key().to_openssh().unwrap()).unwrap());
    let roots = ["wurzel-1", "wurzel-4", "wurzel-5"];
    world.bring(&draft, &roots);

    let twice = world.side.cast.sign(&clearance(&world, 1), &["forensik-3"]).unwrap();
    let paper = world.paper(&twice);
    read_and_sign(&paper, twice.id(), &second).unwrap();
    let twice: Envelope = serde_json::from_slice(&std::fs::read(&paper).unwrap()).unwrap();
    assert_eq!(twice.signatures.len(), 2);
    world.publish(&twice);
    let refused = world.try_with(&lines, &[twice.id()]).await;
    world.stays_shut(refused, &["Es fehlt: 1 von 2 Forensik-Unterschriften", "Missing: 1 of 2 examiner signatures"]).await;

    // The first charter brought again, and another second one, bring nobody back.
    let first = world.side.cast.charter.clone();
    world.publish(&first);
    rival.issued = clock::now().plus(Seconds(1));
    world.bring(&rival, &roots);
    let left = clearance(&world, 1);
    let left = world.bring(&left, &EXAMINERS);
    let refused = world.try_with(&lines, &[left]).await;
    world.stays_shut(refused, &["Es fehlt: 1 von 2 Forensik-Unterschriften", "1 Schlüssel gehören niemandem", "1 keys belong to nobody"]).await;
    let log = std::fs::read_to_string(world.folder().join("door.log")).unwrap();
    assert!(log.contains("folgt nicht auf die geltende Urkunde") || log.contains("andere Vorgängerin"), "{log}");

    let good = clearance(&world, 1);
    let good = world.bring(&good, &["forensik-2", "forensik-3"]);
    world.try_with(&lines, &[good]).await.expect(0, &["2 ausgeführt / applied"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn yesterdays_folder_put_back_opens_nothing() {
    let mut world = World::open().await;
    let store = world.folder().join("door/doors");
    let old = world.dir.path().join("yesterday");
    // A copy of a ledger between two writes, as a backup takes it.
    copy(&store, &old);
    // A closing straight at the door: the authority log knows nothing of it, only the ledger that gets lost.
    let paper = world.closing(Class::Containment, Scope::everything(), Uses::Once);
    let paper = world.side.cast.sign(&paper, &["leitung-1"]).unwrap();
    world.at_door("close", &paper).expect(0, &["6 ausgeführt / applied"]);
    let closed = world.status().await;
    let path = format!("/head?store={}", closed.store);
    let began = std::time::Instant::now();
    loop {
        let told: Option<record::Head> = serde_json::from_slice(&get(&world, world.side.system.control, &path).await).unwrap();
        if told.is_some_and(|told| told.len >= closed.ledger_len) {
            break;
        }
        assert!(began.elapsed() < common::LIMIT, "nobody was told how far the ledger is: {told:?}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    world.kill("door");
    std::fs::remove_dir_all(&store).unwrap();
    copy(&old, &store);
    world.side.system.crash_doors().unwrap();
    // At once, and also when the view is fresh again.
    assert!(world.status().await.doors.iter().all(|line| line.position != Position::Open));
    let status = world.until_status("the view is fresh", |status| status.fresh).await;
    assert!(status.doors.iter().all(|line| line.position == Position::Held), "{status}");
    let said = status.signals.join("\n");
    assert!(said.contains("Der Türspeicher ist älter als bekannt") && said.contains("The door store is older than known"), "{said}");
    let lines = world.lines().await;
    let refused = world.try_with(&lines, &[]).await;
    world.stays_shut(refused, &["Es fehlt eine gültige Freigabe", "A valid clearance"]).await;
    world.end_after_trouble();
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}

/// A control room of somebody else's making, ended with the test.
struct Stolen(Child);

impl Drop for Stolen {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _waited = self.0.wait();
    }
}

impl Stolen {
    /// Starts a control room on a folder, at the address of the one that was killed.
    fn start(world: &World, log: &Path) -> Self {
        let config = std::fs::read_to_string(world.folder().join("control.toml")).unwrap();
        let mut config: toml::Table = config.parse().unwrap();
        config.insert("listen".into(), world.side.system.control.to_string().into());
        config.insert("dir".into(), log.to_str().unwrap().into());
        let endpoints = world.dir.path().join("stolen.endpoints.json");
        config.insert("endpoints".into(), endpoints.to_str().unwrap().into());
        let path = world.dir.path().join("stolen.toml");
        std::fs::write(&path, config.to_string()).unwrap();
        let child = Command::new(common::program())
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
async fn a_control_room_that_hides_a_withdrawal_opens_nothing() {
    let mut world = World::open().await;
    world.cut(Scope::everything()).await;
    let lines = world.lines().await;
    let good = clearance(&world, 1);
    let good = world.bring(&good, &EXAMINERS);
    let opening = world.side.sign_opening(&lines, Becomes::Open, BTreeSet::from([good])).unwrap();
    world.publish(&opening);
    world.consent(opening.id());
    // Everything the opening needs is there. The door dies before it sees that the clearance is withdrawn; the
    // witnesses have seen it.
    let before = world.status().await;
    let size = world.until_status("the doors know it", |status| status.authority_size >= before.authority_size).await;
    assert!(size.fresh);
    world.kill("door");
    let control = world.folder().join("control");
    let truncated = world.dir.path().join("truncated");
    copy(&control, &truncated);
    let withdrawal = withdrawal(&world, good);
    world.bring(&withdrawal, &["forensik-3"]);
    let witnessed = witnessed_size(&world, |_| true).await;
    world.kill("control");
    let stolen = Stolen::start(&world, &truncated);
    world.side.system.crash_doors().unwrap();
    let refused = world.at_door("open", &opening);
    world.stays_shut(refused, &["Es fehlt ein frischer Nachweis der Zeugen", "A fresh proof by the witnesses"]).await;
    assert!(!world.status().await.fresh, "witnesses saw {witnessed} entries");
    drop(stolen);
    // The same people with the whole log: now the door says that it is withdrawn. Not opened in between.
    world.end_after_trouble();
}

/// Size of the newest checkpoint that the witnesses signed and that is wanted.
async fn witnessed_size(world: &World, wanted: impl Fn(u64) -> bool) -> u64 {
    let log = world.folder().join("control/log");
    let began = std::time::Instant::now();
    loop {
        let note = String::from_utf8(get(world, world.side.system.control, "/checkpoint").await).unwrap();
        let size: u64 = note.lines().nth(1).unwrap().parse().unwrap();
        let origin = ledger::origin_of(&log).unwrap();
        let entries = ledger::verify(&log, &origin, &[], &record::verify::Trust::default()).unwrap().report.entries;
        if size == entries && wanted(size) {
            return size;
        }
        assert!(began.elapsed() < common::LIMIT, "witnesses signed {size} of {entries} entries");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paper_from_the_drawer_closes_with_everything_else_off() {
    let mut world = World::open().await;
    let many = Uses::Many { until: clock::now().plus(Seconds(24 * 3600)) };
    let paper = world.closing(Class::Containment, Scope::everything(), many);
    let paper = world.side.cast.sign(&paper, &["leitung-1"]).unwrap();
    world.at_door("close", &paper).expect(0, &["6 ausgeführt / applied, 0 abgelehnt / refused"]);
    assert!(world.is_all(Position::Held).await);
    let first: BTreeSet<RestrictionId> =
        world.status().await.doors.into_iter().flat_map(|line| line.restrictions).collect();
    world.clear_and_open().await;
    for part in ["control", "probe", "zeuge-kasse-nord", "zeuge-kasse-sued", "zeuge-pruefer"] {
        world.kill(part);
    }
    world.at_door("close", &paper).expect(0, &["6 ausgeführt / applied, 0 abgelehnt / refused"]);
    assert!(world.is_all(Position::Held).await);
    let second: BTreeSet<RestrictionId> =
        world.status().await.doors.into_iter().flat_map(|line| line.restrictions).collect();
    assert!(first.is_disjoint(&second), "a second use is a second restriction");
    // It stays closed through a death, with nobody there to ask.
    world.side.system.crash_doors().unwrap();
    assert!(world.is_all(Position::Held).await);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_commanders_at_once_never_conflict() {
    let mut world = World::open().await;
    for round in 0..5 {
        let wide = world.closing(Class::Containment, Scope::everything(), Uses::Once);
        let narrow = world.closing(Class::Precautionary, cell_of(1, "eau"), Uses::Once);
        let wide = world.side.cast.sign(&wide, &["leitung-1"]).unwrap();
        let narrow = world.side.cast.sign(&narrow, &["leitung-2"]).unwrap();
        let papers = [world.paper(&wide), world.paper(&narrow)];
        let door = world.side.system.door["door"].to_string();
        let tls = world.side.system.people_tls();
        let close = |paper: &Path| {
            run(&["order".as_ref(), "close".as_ref(), paper.as_os_str(), "--door".as_ref(), door.as_ref(), "--tls".as_ref(), tls.as_os_str()])
        };
        let (first, second) = std::thread::scope(|scope| {
            let first = scope.spawn(|| close(&papers[0]));
            (close(&papers[1]), first.join().unwrap())
        });
        first.expect(0, &["1 ausgeführt / applied, 0 abgelehnt / refused"]);
        second.expect(0, &["6 ausgeführt / applied, 0 abgelehnt / refused"]);
        let status = world.status().await;
        assert!(status.doors.iter().all(|line| line.position == Position::Held), "{:?}", positions(&status));
        for line in &status.doors {
            let both = line.door.to_string() == "kasse-001/eau";
            assert_eq!(line.restrictions.len(), if both { 2 } else { 1 }, "round {round}: {status}");
            assert_eq!(line.class, Some(Class::Containment), "the heavier one counts");
        }
        world.clear_and_open().await;
    }
    let cut = world.side.act(&Action::Cut { scope: cell_of(2, "kim"), class: Class::Containment }).await;
    assert!(matches!(cut, Outcome::Done { applied: Some(_), proven: Some(_) }), "{cut:?}");
    world.end().await;
}
