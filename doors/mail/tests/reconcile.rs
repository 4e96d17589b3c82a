//! What the reconciliation certificate says about mail that was handed over, fetched and deleted: with the real
//! forwarder, a regular server that takes it, and a store that gives it out again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "tests and what they stand among may stop at the first surprise"
)]

mod common;

use std::process::Stdio;

use common::{
    World, address, counterpart, letter,
    pop::{Kept, Store},
    sink::Sink,
    talk::Talk,
    until, upstream,
};
use mail::Running;
use serde_json::json;
use spool::About;
use vocabulary::Timestamp;

struct Scene {
    world: World,
    sink: Sink,
    store: Store,
}

impl Scene {
    /// So many mails came in, were handed over, and lie in the store, below the lines a regular server puts on top.
    async fn new(mails: usize) -> (Self, Running) {
        let (world, sink, store) = (World::open(), Sink::start(), Store::start(0));
        let scene = Self { world, sink, store };
        let running = scene.start().await;
        let mut talk = Talk::ehlo(running.addresses().intake[0]).await;
        for number in 0..mails {
            let letter = letter(&format!("mail-{number}"), Some("eAU;Lieferung;V1.2"));
            let heard = talk.mail("praxis@praxis.test", &[&address(1)], &letter).await;
            assert!(heard.starts_with("250 "), "{heard}");
        }
        until("all are handed over", || {
            running.events().counts().handed_over() == mails as u64
        })
        .await;
        for taken in scene.sink.taken() {
            scene.deliver(&taken.data);
        }
        assert_eq!(scene.certified(), (mails as u64, 0));
        (scene, running)
    }

    async fn start(&self) -> Running {
        let over = json!({
            "forward": [{ "cells": ["kasse-001/eau", "kasse-001/kim"], "upstream": upstream(self.sink.port) }],
            "fetch": [{
                "listener": { "listen": "127.0.0.1:0", "security": "loopback-plain" },
                "upstream": upstream(self.store.port),
            }],
        });
        self.world.start(over).await
    }

    fn deliver(&self, data: &str) {
        let mut mails = self.store.mails.lock().unwrap();
        let uidl = format!("uid{}", mails.len() + 1);
        let message = format!(
            "Return-Path: <praxis@praxis.test>\r\nReceived: by regular.test\r\n\tfor somebody\r\n{data}"
        );
        mails.push(Kept { uidl, message });
    }

    /// Handed over but not fetched; fetched but not deleted.
    fn certified(&self) -> (u64, u64) {
        let about = About {
            cell: Some(common::cell("kasse-001/eau")),
            ..About::default()
        };
        let certificate = self.world.spool.certificate(about, Timestamp(0)).unwrap();
        (certificate.not_fetched.count, certificate.not_deleted.count)
    }
}

async fn logged_in(running: &Running) -> Talk {
    let (mut talk, _) = Talk::new(running.addresses().fetch[0]).await;
    talk.say(&format!("USER {}", address(1))).await;
    assert!(talk.say("PASS secret").await.starts_with("+OK"));
    talk
}

/// Reads a multi-line answer, and asks for one more word: its answer comes after whatever the first one caused.
async fn read(talk: &mut Talk, command: &str) -> String {
    assert!(talk.say(command).await.starts_with("+OK"));
    let mut text = String::new();
    loop {
        let line = talk.line().await;
        assert!(!line.is_empty(), "closed inside an answer");
        if line == ".\r\n" {
            assert!(talk.say("NOOP").await.starts_with("+OK"));
            return text;
        }
        text.push_str(&line);
    }
}

async fn ok(talk: &mut Talk, command: &str) {
    let heard = talk.say(command).await;
    assert!(heard.starts_with("+OK"), "{command}: {heard}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_of_fetching_moves_the_certificate_and_nothing_else_does() {
    let (scene, running) = Scene::new(3).await;
    let mut talk = logged_in(&running).await;
    for number in 1..=3 {
        assert!(
            read(&mut talk, &format!("TOP {number} 0"))
                .await
                .contains("X-Bulkhead-Item")
        );
    }
    assert_eq!(scene.certified(), (3, 0), "TOP is no retrieval");
    let text = read(&mut talk, "RETR 1").await;
    assert!(text.ends_with("ciphertext of mail-0\r\n"), "{text}");
    read(&mut talk, "RETR 2").await;
    read(&mut talk, "RETR 2").await;
    assert_eq!(scene.certified(), (1, 2));
    ok(&mut talk, "DELE 1").await;
    // Deleted without having been fetched: nobody can say that it was.
    ok(&mut talk, "DELE 3").await;
    drop(talk);
    until("the session is over", || {
        running.events().counts().sessions_open(mail::event::Front::Fetch) == 0
    })
    .await;
    assert_eq!(
        (scene.certified(), scene.store.left().len()),
        ((1, 2), 3),
        "no QUIT, no deletion"
    );
    let mut talk = logged_in(&running).await;
    ok(&mut talk, "DELE 1").await;
    ok(&mut talk, "DELE 3").await;
    ok(&mut talk, "QUIT").await;
    assert_eq!(
        (scene.certified(), scene.store.left()),
        ((1, 1), vec!["uid2".to_owned()])
    );
    let events = running.events();
    let counts = events.counts();
    assert_eq!(
        (counts.fetched(), counts.deleted(), counts.traces_ignored()),
        (3, 1, 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_after_a_restart_is_linked_and_the_log_of_it_is_sound() {
    let (scene, running) = Scene::new(2).await;
    let mut talk = logged_in(&running).await;
    read(&mut talk, "RETR 1").await;
    read(&mut talk, "RETR 2").await;
    ok(&mut talk, "QUIT").await;
    assert_eq!(scene.certified(), (0, 2));
    drop(talk);
    assert_eq!(running.drain(common::LIMIT).await, mail::Drained::All);
    let running = scene.start().await;
    let mut talk = logged_in(&running).await;
    ok(&mut talk, "DELE 2").await;
    ok(&mut talk, "QUIT").await;
    assert_eq!((scene.certified(), scene.store.left().len()), ((0, 1), 1));
    let tally = running.fetched(&common::cell("kasse-001/kim"));
    assert_eq!((tally.retrieved, tally.deletion_committed), (1, 1));
    let dir = scene.world.dir.path().join("mail/fetched");
    let origin = ledger::origin_of(&dir).unwrap();
    assert_eq!(
        origin.as_str(),
        format!("bulkhead/mail/{}/fetched", scene.world.spool.id())
    );
    let verified = ledger::verify(&dir, &origin, &[], &record::verify::Trust::default()).unwrap();
    assert!(verified.is_sound(), "{verified}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_the_store_never_confirmed_is_not_certified() {
    let (scene, running) = Scene::new(1).await;
    *scene.store.answers_quit.lock().unwrap() = false;
    let mut talk = logged_in(&running).await;
    read(&mut talk, "RETR 1").await;
    ok(&mut talk, "DELE 1").await;
    assert!(talk.say("QUIT").await.starts_with("-ERR [SYS/TEMP] "));
    assert_eq!(scene.certified(), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_claims_to_be_an_item_without_proof_changes_nothing_for_anybody() {
    let (scene, running) = Scene::new(2).await;
    let taken = scene.sink.taken();
    let (one, two) = (taken[0].item().unwrap(), taken[1].item().unwrap());
    let proof = taken[0].header("X-Bulkhead-Proof").unwrap();
    let body = letter("forged", None);
    scene.store.mails.lock().unwrap().clear();
    // Straight to the regular server, past our forwarder.
    scene.deliver(&format!("X-Bulkhead-Item: {one}\r\n{body}"));
    scene.deliver(&format!(
        "X-Bulkhead-Item: {two}\r\nX-Bulkhead-Proof: {proof}\r\n{body}"
    ));
    scene.deliver(&format!(
        "X-Bulkhead-Item: {one}0\r\nX-Bulkhead-Proof: {proof}\r\n{body}"
    ));
    scene.deliver(&format!(
        "X-Bulkhead-Item: {}\r\nX-Bulkhead-Proof: {proof}\r\n{body}",
        "0".repeat(32)
    ));
    scene.deliver(&format!(
        "X-Bulkhead-Item: x\r\nX-Bulkhead-Item: {one}\r\nX-Bulkhead-Proof: {proof}\r\n{body}"
    ));
    // Only quoted in a body: not even a claim.
    scene.deliver(&format!(
        "{body}X-Bulkhead-Item: {one}\r\nX-Bulkhead-Proof: {proof}\r\n"
    ));
    let mut talk = logged_in(&running).await;
    for number in 1..=6 {
        assert!(
            read(&mut talk, &format!("RETR {number}"))
                .await
                .contains("ciphertext of forged")
        );
        ok(&mut talk, &format!("DELE {number}")).await;
    }
    ok(&mut talk, "QUIT").await;
    assert_eq!((scene.certified(), scene.store.left().len()), ((2, 0), 0));
    assert_eq!(running.events().counts().traces_ignored(), 5);
    assert_eq!(running.events().counts().fetched(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_who_brings_such_a_field_only_ever_speaks_for_his_own_mail() {
    let (scene, running) = Scene::new(1).await;
    let victim = scene.sink.taken()[0].item().unwrap().to_owned();
    let mut talk = Talk::ehlo(running.addresses().intake[0]).await;
    let body = format!(
        "X-Bulkhead-Item: {victim}\r\n{}",
        letter("forged", Some("eAU;V1"))
    );
    assert!(
        talk.mail("b@praxis.test", &[&address(1)], &body)
            .await
            .starts_with("250 ")
    );
    until("it is handed over", || scene.sink.count() == 2).await;
    until("that is settled", || running.events().counts().handed_over() == 2).await;
    let forged = scene.sink.taken()[1].clone();
    assert_ne!(forged.item().unwrap(), victim, "ours stands above his");
    assert!(
        forged.data.contains(&format!("X-Bulkhead-Item: {victim}\r\n")),
        "his stays as he signed it"
    );
    scene.deliver(&forged.data);
    let mut talk = logged_in(&running).await;
    read(&mut talk, "RETR 2").await;
    assert_eq!(scene.certified(), (1, 1));
    read(&mut talk, "RETR 1").await;
    assert_eq!(scene.certified(), (0, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn python_fetches_what_was_handed_over_and_the_certificate_balances() {
    let Some(python) = counterpart("python3") else {
        return;
    };
    let (scene, running) = Scene::new(4).await;
    let script = format!(
        "import poplib\n\
         p = poplib.POP3('127.0.0.1', {}, timeout=60)\n\
         p.user('{}'); p.pass_('secret')\n\
         p.top(4, 0)\n\
         for n in range(1, 4):\n\
         \x20   p.retr(n)\n\
         p.dele(1); p.rset(); p.dele(2); p.dele(3)\n\
         p.quit()\n",
        running.addresses().fetch[0].port(),
        address(1)
    );
    let done = tokio::process::Command::new(python)
        .args(["-c", &script])
        .stderr(Stdio::piped())
        .output()
        .await
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(scene.certified(), (1, 1));
}
