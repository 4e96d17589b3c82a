//! The whole circle, with an emergency environment and a door process that die at any moment: practice, Held, emergency,
//! hand-back. `BULKHEAD_KILLS` says how often the environment dies, `BULKHEAD_CIRCLE` how many mails there are.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use bulkhead::emergency_wire::HandBack;
use serde_json::Value;
use spool::{Certificate, ItemId};

use super::stage::{Environment, FROM, Identity, later};
use crate::common::{
    LIMIT, World, assert_planted_nowhere, cell_of, mailbox,
    smtp::{Session, item, letter},
    until,
};

fn number(name: &str, otherwise: usize) -> usize {
    std::env::var(name).map_or(otherwise, |value| value.parse().unwrap())
}

/// Practices that send in parallel, each mail until it is acknowledged; the item of each Message-ID.
fn practise(world: &World, name: &'static str, mails: usize) -> BTreeMap<String, ItemId> {
    const PRACTICES: usize = 6;
    let intake = world.intake();
    let senders: Vec<_> = (0..PRACTICES)
        .map(|practice| {
            std::thread::spawn(move || {
                let mut session = Session::new(intake).unwrap();
                let mut sent = BTreeMap::new();
                for number in (practice..mails).step_by(PRACTICES) {
                    let id = format!("MUSTERFRAU-{name}-{number:06}@praxis.test");
                    let body = format!("ciphertext {number} {}", "x".repeat(number * 97 % 3000));
                    let mail = letter(&id, FROM, &mailbox(1), &body);
                    let reply = session.mail(FROM, &mailbox(1), &mail).unwrap();
                    sent.insert(format!("<{id}>"), item(&reply));
                }
                sent
            })
        })
        .collect();
    let sent: BTreeMap<String, ItemId> = senders
        .into_iter()
        .flat_map(|sender| sender.join().unwrap())
        .collect();
    world.acknowledged.lock().unwrap().extend(sent.values());
    sent
}

/// Waits until every item is handed over, however many there are, as long as it goes on.
async fn until_all_handed_over(world: &World) -> Certificate {
    let mut last = (0, Instant::now());
    loop {
        let certificate = world.certificate().await;
        let done = certificate.handed_over.count + certificate.reclaimed;
        if done == certificate.accepted {
            return certificate;
        }
        if done > last.0 {
            last = (done, Instant::now());
        }
        assert!(
            last.1.elapsed() < LIMIT,
            "nothing is handed over any more: {certificate}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_and_nothing_twice_from_practice_to_hand_back_under_kill() {
    let (kills, mails) = (number("BULKHEAD_KILLS", 6), number("BULKHEAD_CIRCLE", 600));
    let mut world = World::open().await;
    world.plant("MUSTERFRAU");
    let identity = Identity::make(world.dir.path());
    let mut sent = practise(&world, "davor", mails / 10);
    until_all_handed_over(&world).await;
    let before: BTreeSet<String> = world.regular.items();
    world.cut(cell_of(1, "eau")).await;
    sent.extend(practise(&world, "gehalten", mails / 2));
    world.grant(1, &identity.recipient, later(3000)).await;
    let mut emergency = Environment::start(&world, &identity);
    // It dies again and again while it reads, and the practices go on.
    let rest = mails - mails / 10 - mails / 2;
    for death in 0..kills {
        let some = rest / kills.max(1) + usize::from(death < rest % kills.max(1));
        let name: &'static str = format!("waehrend-{death}").leak();
        let bytes = emergency.bytes();
        if death == kills / 2 {
            // The door process dies too: the grant comes back with its fresh view, and the reader with the door.
            world.side.system.crash_doors().unwrap();
            world
                .until_status("the doors are fresh again", |status| status.fresh)
                .await;
        }
        sent.extend(practise(&world, name, some));
        // Somewhere in its work, at another moment each time.
        until("it has begun to file", || emergency.bytes() > bytes);
        std::thread::sleep(Duration::from_millis((death as u64 * 37) % 90));
        emergency.kill();
        emergency.again();
    }
    if kills == 0 {
        sent.extend(practise(&world, "waehrend", rest));
    }
    let spool = sent.values().next().unwrap().spool().to_string();
    let known = emergency.until_filed(1, &spool, sent.len());
    let items: Vec<ItemId> = known.iter().map(|one| one.filed.item).collect();
    let mut expected: Vec<ItemId> = sent.values().copied().collect();
    expected.sort();
    assert_eq!(items, expected, "every mail is filed once");
    for one in known.iter().step_by(known.len() / 50 + 1) {
        let original = emergency.original(one);
        let id = original
            .lines()
            .find_map(|line| line.strip_prefix("Message-ID: "))
            .unwrap();
        assert_eq!(sent[id], one.filed.item, "the right original");
    }
    emergency.again();

    // The way back: the regular system is clean again, its door opens, and it gets every original in order.
    world.clear_and_open().await;
    let after = practise(&world, "danach", 5);
    let certificate = until_all_handed_over(&world).await;
    until("the index is handed back", || emergency.covered(1).exists());
    emergency.kill();
    let taken = world.regular.taken();
    let delivered: BTreeSet<&str> = taken.iter().map(|mail| mail.item()).collect();
    assert_eq!(
        delivered.len(),
        sent.len() + after.len(),
        "every original arrived"
    );
    assert_eq!(taken.len(), delivered.len(), "and none twice");
    assert!(before.iter().all(|item| delivered.contains(item.as_str())));
    let order: Vec<&str> = taken
        .iter()
        .map(|mail| mail.id())
        .filter(|id| id.contains("danach"))
        .collect();
    assert_eq!(order.len(), after.len());
    let backlog = taken
        .iter()
        .rposition(|mail| !mail.id().contains("danach"))
        .unwrap();
    let new = taken
        .iter()
        .position(|mail| mail.id().contains("danach"))
        .unwrap();
    assert!(backlog < new, "new mail queues behind the backlog");

    // The index names every item once, and the door's word covers it.
    let text = std::fs::read(emergency.index(1)).unwrap();
    let index: Value = serde_json::from_slice(&text).unwrap();
    let indexed: Vec<ItemId> = index["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["item"].as_str().unwrap().parse().unwrap())
        .collect();
    assert_eq!(indexed, expected);
    let covered: Value = serde_json::from_slice(&std::fs::read(emergency.covered(1)).unwrap()).unwrap();
    let covered: HandBack = serde_json::from_value(covered["handBack"].clone()).unwrap();
    assert_eq!(covered.indexed, expected.len() as u64);
    assert_eq!(covered.index, vocabulary::Digest::of(&text));
    let held = covered.certificate;
    assert_eq!(
        held.accepted,
        held.held.count + held.in_doubt.count + held.handed_over.count + held.reclaimed + held.parked.count
    );
    assert_eq!(certificate.accepted, (sent.len() + after.len()) as u64);
    let words = ["MUSTERFRAU".to_owned()];
    for part in ["said.log", "log", "index"] {
        assert_planted_nowhere(&emergency.dir.join(part), &words);
    }
    drop(emergency);
    world.end().await;
}
