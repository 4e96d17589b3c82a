//! Granted, read, ended at once.

use std::{io::Read as _, time::Duration};

use bulkhead::{
    command,
    emergency_wire::{Counts, Grants, ItemHead},
    http::{self, CallError},
};
use clearance::Withdraws;
use hyper::Method;
use spool::{ReleasedKeys, Standing, unseal};
use vocabulary::Scope;

use super::stage::{Environment, Identity, cell, environment, later};
use crate::common::{World, assert_planted_nowhere, cell_of, until};

/// Asks a door as whoever holds these TLS files.
async fn ask(world: &World, tls: &std::path::Path, query: &str) -> Result<Vec<u8>, CallError> {
    let endpoint = http::Endpoint {
        address: world.emergency_door(),
        tls: Some(command::identity(tls).unwrap().connector().unwrap()),
    };
    let path = format!("/emergency/{query}");
    http::call(&endpoint, Method::GET, &path, Vec::new(), Duration::from_secs(30)).await
}

fn refused(answer: Result<Vec<u8>, CallError>) -> (u16, String) {
    match answer {
        Err(CallError::Refused { status, sentence }) => (status, sentence),
        other => panic!("it must be refused: {other:?}"),
    }
}

async fn grants(world: &World) -> Grants {
    let name = environment();
    let tls = world.side.system.emergency_tls();
    let answer = ask(world, &tls, &format!("grants?environment={name}")).await;
    serde_json::from_slice(&answer.unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_who_is_granted_reads_and_only_as_long_as_it_is() {
    let mut world = World::open().await;
    world.plant("ciphertext of");
    let identity = Identity::make(world.dir.path());
    let tls = world.side.system.emergency_tls();
    let name = environment();
    // Before the night: handed over, and nobody fetched it as far as the door saw.
    let handed_over = world.sick_note("davor", 1);
    world.until_handed_over().await;
    world.cut(cell_of(1, "eau")).await;
    world.cut(cell_of(2, "eau")).await;
    let held = world.sick_note("gehalten-1", 1);
    let others = world.sick_note("gehalten-2", 2);

    let read =
        |cell: &vocabulary::CellId, epoch: u64| format!("read?environment={name}&cell={cell}&epoch={epoch}");
    let (ours, theirs) = (cell(1, "eau"), cell(2, "eau"));
    assert!(grants(&world).await.cells.is_empty(), "nothing is granted yet");
    let (status, sentence) = refused(ask(&world, &tls, &read(&ours, 1)).await);
    assert!(
        status == 403 && sentence.contains("keine gültige Erlaubnis"),
        "{sentence}"
    );

    let grant = world.grant(1, &identity.recipient, later(3600)).await;
    let during = world.sick_note("gehalten-3", 1);
    let granted = grants(&world).await;
    assert_eq!(granted.cells.len(), 1, "the other insurer did not agree");
    let line = &granted.cells[0];
    assert_eq!(line.cell, ours);
    let secret = std::fs::read_to_string(&identity.file).unwrap();
    let keys = ReleasedKeys::unwrap(&line.keys, secret.trim()).unwrap();
    assert_eq!(
        keys.epochs().into_iter().collect::<Vec<_>>(),
        line.epochs,
        "every key epoch is wrapped to the identity: before, held, and since the grant"
    );
    let mut seen = Vec::new();
    for epoch in &line.epochs {
        let stream = ask(&world, &tls, &read(&ours, epoch.0)).await.unwrap();
        assert!(
            !String::from_utf8_lossy(&stream).contains("ciphertext of"),
            "sealed on the way"
        );
        let mut from = stream.as_slice();
        while let Some(head) = ItemHead::read(&mut from).unwrap() {
            let mut front = vec![0; head.front_len as usize];
            from.read_exact(&mut front).unwrap();
            let unsealed = unseal(&front, &keys).unwrap();
            let mut sealed = from.take(head.body_len);
            let mut body = String::new();
            unsealed.body(&mut sealed).read_to_string(&mut body).unwrap();
            from = sealed.into_inner();
            assert!(body.contains("ciphertext of"));
            seen.push((head.item, head.standing));
        }
    }
    assert_eq!(
        seen,
        [
            (handed_over, Standing::NotFetched),
            (held, Standing::Waiting),
            (during, Standing::Waiting),
        ]
    );
    // Nobody else: another cell, another name, another certificate.
    assert_eq!(refused(ask(&world, &tls, &read(&theirs, 1)).await).0, 403);
    let as_another = read(&ours, 1).replace(name.as_str(), "notbetrieb-fremd");
    let (status, sentence) = refused(ask(&world, &tls, &as_another).await);
    assert!(status == 403 && sentence.contains("Zertifikat"), "{sentence}");
    let people = world.side.system.people_tls();
    assert_eq!(refused(ask(&world, &people, &read(&ours, 1)).await).0, 403);
    // Nothing moved.
    let certificate = world.certificate().await;
    assert_eq!((certificate.held.count, certificate.not_fetched.count), (3, 1));
    assert!(certificate.held.items.unwrap().contains(&others));

    // The insurer takes its yes back: at once nothing is read any more, and the door stands as it stood.
    world.withdraw(Withdraws::Consent(grant.consent), &["kasse-001.b"]);
    world
        .until_status("the grant is gone", |status| {
            status.doors.iter().all(|line| line.until.is_none())
        })
        .await;
    assert!(grants(&world).await.cells.is_empty());
    assert_eq!(refused(ask(&world, &tls, &read(&ours, 1)).await).0, 403);
    // What comes in from now on is not for the environment any more, also if it is granted again one day.
    let after = world.sick_note("danach", 1);
    world
        .grant_under(grant.clearance, 1, &identity.recipient, later(3600))
        .await;
    let again = grants(&world).await;
    let keys = ReleasedKeys::unwrap(&again.cells[0].keys, secret.trim()).unwrap();
    assert!(
        again.cells[0]
            .epochs
            .iter()
            .all(|epoch| keys.epochs().contains(epoch))
    );
    let stands = [handed_over, held, during, after];
    assert_eq!(world.certificate().await.accepted, stands.len() as u64 + 1);
    world.withdraw(Withdraws::Clearance(grant.clearance), &["forensik-2"]);
    world
        .until_status("an examiner ended it", |status| {
            status.doors.iter().all(|line| line.until.is_none())
        })
        .await;
    assert_eq!(refused(ask(&world, &tls, &read(&ours, 1)).await).0, 403);
    world.end_after_trouble();
}

impl World {
    async fn fullest_epoch(&self) -> spool::KeyEpoch {
        let tls = self.side.system.emergency_tls();
        let query = format!("counts?environment={}&cell={}", environment(), cell(1, "eau"));
        let answer = ask(self, &tls, &query).await.unwrap();
        let counts: Counts = serde_json::from_slice(&answer).unwrap();
        let (epoch, items) = counts.epochs.into_iter().max_by_key(|(_, items)| *items).unwrap();
        assert!(items >= 20, "{items}");
        epoch
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_cut_in_the_middle_when_the_grant_ends() {
    let mut world = World::open().await;
    let identity = Identity::make(world.dir.path());
    world.cut(cell_of(1, "eau")).await;
    // More than fits into the buffers between door and reader.
    let large = "x".repeat(1 << 20);
    for number in 0..24 {
        world.large_note(&format!("gross-{number}"), 1, &large);
    }
    let grant = world.grant(1, &identity.recipient, later(3600)).await;
    // The epoch most of it is sealed to: the cut may have reached the keys a mail or two later.
    let epoch = world.fullest_epoch().await;
    let mut stream = super::stage::open_stream(&world, &cell(1, "eau"), epoch).await;
    // A reader that has begun and is slow.
    let first = stream.some().await.expect("the stream has begun");
    assert!(!first.is_empty());
    world.withdraw(Withdraws::Clearance(grant.clearance), &["forensik-2"]);
    world
        .until_status("the grant is gone", |status| {
            status.doors.iter().all(|line| line.until.is_none())
        })
        .await;
    // What had left the door already arrives; the rest never does.
    let mut arrived = first.len();
    while let Some(piece) = stream.some().await {
        arrived += piece.len();
    }
    assert!(
        arrived < 18 << 20,
        "{arrived} bytes came of a stream whose grant had ended"
    );
    assert!(!stream.ended_well());
    drop(stream);
    world.end_after_trouble();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_granted_is_filed_once_and_an_old_grant_ends_by_itself() {
    let mut world = World::open().await;
    let marks = ["MUSTERFRAU", "praxis@praxis.test"];
    marks.iter().for_each(|word| world.plant(word));
    let identity = Identity::make(world.dir.path());
    let before = world.sick_note("MUSTERFRAU-davor", 1);
    world.until_handed_over().await;
    world.cut(Scope::everything()).await;
    let held: Vec<_> = (0..5)
        .map(|n| world.sick_note(&format!("MUSTERFRAU-{n}"), 1))
        .collect();
    world.sick_note("MUSTERFRAU-fremd", 2);
    let mut emergency = Environment::start(&world, &identity);
    world.grant(1, &identity.recipient, later(15)).await;
    let spool = grants(&world).await.spool;
    let during = world.sick_note("MUSTERFRAU-waehrend", 1);
    let known = emergency.until_filed(1, &spool, 7);
    let items: Vec<_> = known.iter().map(|one| one.filed.item).collect();
    let expected: Vec<_> = [before].into_iter().chain(held).chain([during]).collect();
    assert_eq!(
        items, expected,
        "all of it, once, in order; nothing of the insurer that did not agree"
    );
    assert_eq!(known[0].filed.standing, Standing::NotFetched);
    assert!(
        emergency
            .original(&known[6])
            .contains("ciphertext of MUSTERFRAU-waehrend")
    );
    emergency.again();
    // The grant runs out by witnessed time; nobody has to remember it.
    world
        .until_status("the grant is over", |status| {
            status.doors.iter().all(|line| line.until.is_none())
        })
        .await;
    world.sick_note("MUSTERFRAU-danach", 1);
    until("the index is handed back", || emergency.covered(1).exists());
    assert_eq!(emergency.filed(1, &spool).len(), 7, "nothing more was read");
    // Nobody's name in what the environment says, logs or certifies; originals are where they belong.
    let words: Vec<String> = marks.iter().map(|word| (*word).to_owned()).collect();
    for part in ["said.log", "log", "index"] {
        assert_planted_nowhere(&emergency.dir.join(part), &words);
    }
    drop(emergency);
    world.end_after_trouble();
}
