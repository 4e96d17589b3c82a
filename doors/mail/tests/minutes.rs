//! What the fronts count for whoever watches the flow of business: at real fronts, by a clock of the test's own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests and what they stand among may stop at the first surprise"
)]

mod common;

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering::SeqCst},
};

use common::{World, address, cell, letter, sink::Sink, talk::Talk, upstream};
use mail::Fronts;
use serde_json::json;
use vocabulary::Timestamp;

/// PLAIN for the first mailbox, as the regular server of the tests takes it.
const GOOD: &str = "AGthc3NlLTAwMUBrYXNzZS5raW0udGVsZW1hdGlrLXRlc3QAc2VjcmV0";
const CANARY: &str = "koeder@kasse.kim.telematik-test";

#[tokio::test(flavor = "multi_thread")]
async fn mails_error_mails_and_canaries_are_counted_and_nobody_is_named() {
    let (world, sink) = (World::open(), Sink::start());
    let time = Arc::new(AtomicI64::new(6_000));
    let told = Arc::clone(&time);
    let mut around = world.surroundings();
    around.clock = Arc::new(move || Timestamp(told.load(SeqCst)));
    let config = world.config(json!({
        "submission": [{ "listener": { "listen": "127.0.0.1:0", "security": "loopback-plain" },
                         "upstream": upstream(sink.port) }],
        "canaries": [{ "address": CANARY, "name": "koeder-1", "cell": "kasse-001/eau" }],
    }));
    let running = Fronts::start(config, around).await.unwrap();
    let mut practice = Talk::ehlo(running.addresses().intake[0]).await;
    for (from, id, mark) in [
        ("a@praxis.test", "1", Some("eAU;Lieferung;V1.2")),
        ("A@praxis.test", "2", Some("eAU;Lieferung;V1.2")),
        ("b@praxis.test", "3", Some("eAU;Lieferung;V1.2")),
        ("b@praxis.test", "3", Some("eAU;Lieferung;V1.2")),
        ("c@praxis.test", "4", None),
    ] {
        let heard = practice.mail(from, &[&address(1)], &letter(id, mark)).await;
        assert!(heard.starts_with("250 "), "{heard}");
    }
    assert!(practice.say("MAIL FROM:<d@praxis.test>").await.starts_with("250"));
    assert!(
        practice
            .say(&format!("RCPT TO:<{CANARY}>"))
            .await
            .starts_with("550")
    );
    // The insurer answers one of them with an error mail; another mail of it is none.
    let mut insurer = Talk::ehlo(running.addresses().submission[0]).await;
    assert!(
        insurer
            .say(&format!("AUTH PLAIN {GOOD}"))
            .await
            .starts_with("235 ")
    );
    for mark in ["eAU;Fehler-Kasse;V1.2", "KIM-Mail;Default;V1.0"] {
        let mail = letter("answer", Some(mark));
        let heard = insurer.mail(&address(1), &["b@praxis.test"], &mail).await;
        assert!(heard.starts_with("250 "), "{heard}");
    }
    assert!(
        running
            .minutes()
            .read(Timestamp(0), 0, Timestamp(6_059))
            .minutes
            .is_empty()
    );
    let seen = running.minutes().read(Timestamp(0), 0, Timestamp(6_060));
    assert_eq!(seen.minutes.len(), 1);
    let eau = seen.minutes[0].cells[&cell("kasse-001/eau")];
    assert_eq!(
        (eau.accepted, eau.errors, eau.returned),
        (3, 1, 0),
        "a repeat is no second mail"
    );
    assert_eq!(
        (eau.senders.places().count(), eau.answered.places().count()),
        (2, 1)
    );
    let answered = eau.answered.places().next().unwrap();
    assert!(
        eau.senders.places().any(|place| place == answered),
        "the same mark for the same address"
    );
    assert_eq!(seen.minutes[0].cells[&cell("kasse-001/kim")].accepted, 1);
    assert_eq!(
        (seen.touches.len(), seen.touches[0].name.as_str()),
        (1, "koeder-1")
    );
    let text = serde_json::to_string(&seen).unwrap();
    assert!(!text.contains('@') && !text.contains("praxis"), "{text}");
}
