//! Shut and Held by name, end to end: what is cut, what is refused and how, what goes on, and what the prober says of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests and what they stand among may stop at the first surprise"
)]

mod common;

use std::{collections::BTreeSet, io::ErrorKind};

use bulkhead::{clock, door_wire::Granted};
use clearance::{Basis, CheckResult, ChecklistItem, Clearance, Consent, Grade};
use common::{
    World, cell_of,
    estate_text::INSURERS,
    mailbox, positions,
    smtp::{Session, item, letter},
    talk::Talk,
};
use order::{Becomes, Text};
use vocabulary::{Digest, DoorId, Flow, InsurerId, Position, Scope, Seconds, Selector};

const FROM: &str = "p1@praxis.test";

/// Sessions of the first insurer that were open before a cut, and a practice in the middle of a sick note.
struct Before {
    fetching: Talk,
    submitting: Session,
    sending: Session,
    idle: Session,
}

impl Before {
    fn open(world: &World) -> Self {
        let door = &world.side.system.door;
        let address = mailbox(1);
        let mut sending = Session::new(door["intake"]).unwrap();
        sending.ask(&format!("MAIL FROM:<{FROM}>"), "250").unwrap();
        sending.ask(&format!("RCPT TO:<{address}>"), "250").unwrap();
        sending.ask("DATA", "354").unwrap();
        sending.say(&sick_note("midway", 1)).unwrap();
        Self {
            fetching: Talk::logged_in(door["fetch"], &address),
            submitting: Session::logged_in(door["submission"], &address).unwrap(),
            sending,
            idle: Session::new(door["intake"]).unwrap(),
        }
    }
}

fn sick_note(id: &str, to: usize) -> String {
    letter(
        &format!("{id}@praxis.test"),
        FROM,
        &mailbox(to),
        &format!("ciphertext of {id}"),
    )
}

/// Mail of the same mailbox that is no sick note.
fn note(id: &str, to: usize) -> String {
    sick_note(id, to)
        .lines()
        .filter(|line| !line.starts_with("X-KIM"))
        .map(|line| format!("{line}\r\n"))
        .collect()
}

impl World {
    fn is(&self, door: &DoorId, number: usize, service: &str) -> bool {
        self.estate
            .place(door)
            .is_some_and(|place| cell_of(number, service).covers(&place))
    }

    /// Hands a mail in on a new connection; it must be acknowledged.
    fn acknowledge(&self, to: usize, mail: &str) {
        let reply = Session::new(self.intake())
            .unwrap()
            .mail(FROM, &mailbox(to), mail);
        self.acknowledged.lock().unwrap().push(item(&reply.unwrap()));
    }

    /// Hands a mail in on a new connection; gives the words with which it was put off.
    fn put_off(&self, to: usize, mail: &str) -> String {
        let refused = Session::new(self.intake())
            .and_then(|mut session| session.mail(FROM, &mailbox(to), mail))
            .unwrap_err()
            .to_string();
        assert!(refused.starts_with('4'), "for now, and never for good: {refused}");
        refused
    }
}

/// An old session was told why, or just ended.
fn assert_cut(last: std::io::Result<String>) {
    let cut = match &last {
        Ok(words) => words.starts_with("421"),
        Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    };
    assert!(cut, "{last:?}");
}

fn assert_fetching_is_cut(fetching: &mut Talk) {
    let said = fetching.hear();
    assert!(said.starts_with("-ERR [SYS/TEMP]") || said.is_empty(), "{said}");
    assert!(
        said.is_empty() || fetching.hear().is_empty(),
        "the session is over"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_service_shut_by_name_is_proven_and_everybody_else_goes_on() {
    let mut world = World::open().await;
    world.until_proven(|_| true).await;
    let mut before = Before::open(&world);
    world.shut(cell_of(1, "eau"));
    for (door, position) in positions(&world.status().await) {
        let wanted = if world.is(&door, 1, "eau") {
            Position::Shut
        } else {
            Position::Open
        };
        assert_eq!(position, wanted, "{door}");
    }
    // What was open is cut: the sender in the middle of its sick note too, and nothing of it is stored.
    assert_cut(before.sending.hear());
    before.sending.hear().unwrap_err();
    assert_fetching_is_cut(&mut before.fetching);
    assert_cut(before.submitting.hear());
    // The mailbox is still there for other mail. A sick note hears at its end that it must wait.
    assert!(world.put_off(1, &sick_note("note-1", 1)).starts_with("451 4.3.2"));
    let said = before.idle.mail(FROM, &mailbox(1), &sick_note("note-1", 1));
    assert!(said.unwrap_err().to_string().starts_with("451 4.3.2"));
    assert_eq!(world.certificate().await.accepted, 0);
    let found = world.until_proven(|door| world.is(door, 1, "eau")).await;
    assert_eq!(
        (found[0].1.position, found[0].1.old_sessions),
        (Position::Shut, 3)
    );
    // Everybody else: other mail of this mailbox, and all of the other insurers'.
    world.acknowledge(1, &note("other-1", 1));
    for number in 2..=INSURERS {
        world.acknowledge(number, &sick_note(&format!("note-{number}"), number));
        let door = &world.side.system.door;
        let mut fetching = Talk::logged_in(door["fetch"], &mailbox(number));
        assert!(fetching.ask("STAT").starts_with("+OK 1"));
        Session::logged_in(door["submission"], &mailbox(number)).unwrap();
    }
    let others = |door: &DoorId| !world.is(door, 1, "eau") && !world.is(door, 1, "kim");
    for (door, proof) in world.until_proven(others).await {
        assert_eq!(proof.position, Position::Open, "{door}");
    }
    // No probe has become an item.
    assert_eq!(
        world.until_handed_over().await.accepted,
        world.acknowledged.lock().unwrap().len() as u64
    );
    // It opens again, and the practice repeats what it was not acknowledged.
    world.clear_and_open().await;
    world.acknowledge(1, &sick_note("midway", 1));
    world.acknowledge(1, &sick_note("note-1", 1));
    world.until_handed_over().await;
    assert_arrived_once(&world, &["midway", "note-1", "note-2", "note-3", "other-1"]);
    world.until_proven(|_| true).await;
    world.end().await;
}

fn assert_arrived_once(world: &World, wanted: &[&str]) {
    let taken = world.regular.taken();
    let ids: BTreeSet<String> = taken.iter().map(|mail| mail.id().to_owned()).collect();
    let wanted: BTreeSet<String> = wanted.iter().map(|id| format!("<{id}@praxis.test>")).collect();
    assert_eq!((&ids, taken.len()), (&wanted, wanted.len()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_service_shut_by_name_is_proven_at_every_door_also_after_a_death() {
    let mut world = World::open().await;
    world.until_proven(|_| true).await;
    let mut before = Before::open(&world);
    let services = ["eau", "kim"].map(|service| service.parse().unwrap());
    world.shut(Scope(vec![Selector {
        sites: None,
        insurers: None,
        services: Some(BTreeSet::from(services)),
    }]));
    assert!(world.is_all(Position::Shut).await);
    assert_cut(before.sending.hear());
    assert_cut(before.idle.hear());
    assert_cut(before.submitting.hear());
    assert_fetching_is_cut(&mut before.fetching);
    // A practice's server hears why before it has said anything.
    assert!(world.put_off(1, &sick_note("note-1", 1)).starts_with("421 4.3.2"));
    let found = world.until_proven(|_| true).await;
    assert_eq!(found.len(), 2 * INSURERS);
    for (door, proof) in found {
        assert_eq!(
            (proof.position, proof.old_sessions),
            (Position::Shut, 3),
            "{door}"
        );
    }
    world.side.system.crash_doors().unwrap();
    world
        .until_status("the view is fresh", |status| status.fresh)
        .await;
    assert!(world.is_all(Position::Shut).await);
    assert!(world.put_off(2, &sick_note("note-2", 2)).starts_with("421 4.3.2"));
    world.until_proven(|_| true).await;
    assert_eq!(world.certificate().await.accepted, 0);
    world.clear_and_open().await;
    for (number, id) in [(1, "midway"), (1, "note-1"), (2, "note-2")] {
        world.acknowledge(number, &sick_note(id, number));
    }
    world.until_handed_over().await;
    assert_arrived_once(&world, &["midway", "note-1", "note-2"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_service_held_by_name_lets_the_sender_finish_into_the_store() {
    let mut world = World::open().await;
    world.until_proven(|_| true).await;
    let mut before = Before::open(&world);
    world.cut(cell_of(1, "eau")).await;
    assert_fetching_is_cut(&mut before.fetching);
    assert_cut(before.submitting.hear());
    let said = before.sending.ask(".", "250").unwrap();
    world.acknowledged.lock().unwrap().push(item(&said));
    // The idle practice goes on in its old session, and a new one is served as well.
    let said = before
        .idle
        .mail(FROM, &mailbox(1), &sick_note("note-1", 1))
        .unwrap();
    world.acknowledged.lock().unwrap().push(item(&said));
    world.acknowledge(1, &sick_note("note-2", 1));
    let found = world.until_proven(|door| world.is(door, 1, "eau")).await;
    assert_eq!(
        (found[0].1.position, found[0].1.old_sessions),
        (Position::Held, 3)
    );
    let certificate = world.certificate().await;
    assert_eq!((certificate.held.count, world.regular.count()), (3, 0));
    world.clear_and_open().await;
    world.until_handed_over().await;
    assert_arrived_once(&world, &["midway", "note-1", "note-2"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limited_operation_is_proven_for_what_its_grant_does_not_name() {
    let mut world = World::open().await;
    world.until_proven(|_| true).await;
    world.cut(cell_of(1, "eau")).await;
    let is_it = |door: &DoorId| door.to_string() == "kasse-001/eau";
    world.until_proven(is_it).await;
    let until = clock::now().plus(Seconds(3600));
    let grade = Grade::Limited {
        cells: BTreeSet::from(["kasse-001/eau".parse().unwrap()]),
        peers: None,
        directions: BTreeSet::from([Flow::Forward]),
        until,
    };
    let clearance = clearance(&world, grade);
    let clearance = world
        .side
        .cast
        .sign(&clearance, &["forensik-1", "forensik-3"])
        .unwrap();
    world.publish(&clearance);
    let mut closed = world.status().await.doors;
    closed.retain(|line| is_it(&line.door));
    let opening = world
        .side
        .sign_opening(
            &closed,
            Becomes::Limited { until },
            BTreeSet::from([clearance.id()]),
        )
        .unwrap();
    world.publish(&opening);
    let now = clock::now();
    let consent = Consent {
        estate: world.estate.id().clone(),
        insurer: "kasse-001".parse().unwrap(),
        opening: opening.id(),
        identity: None,
        rewrapped: Vec::new(),
        issued: now,
        expires: now.plus(Seconds(3600)),
    };
    let consent = world.side.cast.sign(&consent, &["kasse-001.a"]).unwrap();
    world.publish(&consent);
    world
        .at_door("open", &opening)
        .expect(0, &["1 ausgeführt / applied"]);
    let line = world
        .until_status("it is in limited operation", |status| {
            status
                .doors
                .iter()
                .any(|line| is_it(&line.door) && line.until.is_some())
        })
        .await
        .doors
        .into_iter()
        .find(|line| is_it(&line.door))
        .unwrap();
    assert!(matches!(line.granted, Some(Granted::Limited { .. })), "{line:?}");
    // What is not named is tried and does not pass; of what is named nothing is said.
    let found = world.until_proven(is_it).await;
    assert_eq!(found[0].1.covers, BTreeSet::from([Flow::Fetch, Flow::Send]));
    assert_eq!(found[0].1.epoch, line.epoch);
    world.end().await;
}

/// A clearance of the first insurer's environment, as yet unsigned.
fn clearance(world: &World, grade: Grade) -> Clearance {
    let (now, evidence) = (clock::now(), Digest::of(b"evidence of the examination"));
    Clearance {
        estate: world.estate.id().clone(),
        environment: InsurerId::new("kasse-001").unwrap().into(),
        grade,
        basis: Basis::Examined,
        examined: BTreeSet::from([evidence]),
        evidence_root: evidence,
        checklist: vec![ChecklistItem {
            item: Text::new("DER.2.3.A2").unwrap(),
            result: CheckResult::Passed,
            note: None,
        }],
        relies_on: BTreeSet::new(),
        issued: now,
        expires: now.plus(Seconds(3600)),
    }
}
