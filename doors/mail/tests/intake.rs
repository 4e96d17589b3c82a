//! The intake front behind real doors and a real spool.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "tests and what they stand among may stop at the first surprise"
)]

mod common;

use common::{LIMIT, Shape, World, address, cell, letter, talk::Talk, until};
use mail::{
    event::{Front, Reason},
    promises::{Said, mail_1},
};
use serde_json::json;
use spool::{Next, Refused};
use vocabulary::{Millis, Position};

const FROM: &str = "praxis@praxis.kim.telematik-test";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_lies_in_the_spool_under_the_id_that_was_told() {
    let world = World::open();
    let running = world.start(json!({})).await;
    let mut talk = Talk::ehlo(running.addresses().intake[0]).await;
    let heard = talk
        .mail(FROM, &[&address(1)], &letter("a", Some("eAU;Lieferung;V1.2")))
        .await;
    assert!(
        heard.starts_with("250 2.0.0 ") && heard.ends_with(" stored\r\n"),
        "{heard}"
    );
    let Next::Item(item) = world.spool.next(&cell("kasse-001/eau"), Millis(0)).unwrap() else {
        panic!("an item")
    };
    assert_eq!(heard.split(' ').nth(2), Some(item.id().to_string().as_str()));
    assert_eq!(
        item.sealed().body_bytes().unwrap(),
        letter("a", Some("eAU;Lieferung;V1.2")).as_bytes()
    );
    assert_eq!(item.sealed().message_id(), Some("<a@praxis.test>"));
    drop(item);
    // The same mail again is the same item; another mark is another cell.
    let again = talk
        .mail(FROM, &[&address(1)], &letter("a", Some("eAU;Lieferung;V1.2")))
        .await;
    assert_eq!(again, heard);
    assert_eq!(
        (
            running.events().counts().accepted(),
            running.events().counts().repeated()
        ),
        (1, 1)
    );
    talk.mail(FROM, &[&address(1)], &letter("b", None)).await;
    assert_eq!(world.spool.backlog(&cell("kasse-001/eau")), 1);
    assert_eq!(world.spool.backlog(&cell("kasse-001/kim")), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn held_lets_the_sender_finish_and_shut_cuts_it_in_data() {
    let world = World::open();
    let running = world.start(json!({})).await;
    let begin = async || {
        let mut talk = Talk::ehlo(running.addresses().intake[0]).await;
        talk.say(&format!("MAIL FROM:<{FROM}>")).await;
        talk.say(&format!("RCPT TO:<{}>", address(1))).await;
        assert!(talk.say("DATA").await.starts_with("354"));
        talk.send(letter("x", Some("eAU;Lieferung;V1.2")).as_bytes())
            .await;
        talk
    };
    let mut finishing = begin().await;
    world.hold_all();
    assert_eq!(world.position("kasse-001/eau"), Position::Held);
    assert!(finishing.is_quiet().await, "Held leaves a sender alone");
    assert!(finishing.say(".").await.starts_with("250 2.0.0 "));
    // Now Shut, for this insurer's cells only: the other one's are still held.
    let mut cut = begin().await;
    let mut idle = Talk::ehlo(running.addresses().intake[0]).await;
    world.shut("kasse-001/eau");
    world.shut("kasse-001/kim");
    let words = cut.rest().await;
    assert!(words.starts_with("421 4.3.2 "), "{words}");
    assert_eq!(world.spool.backlog(&cell("kasse-001/eau")), 1);
    // An idle session waits for nothing of that cell; it is told at DATA, and for now only.
    let heard = idle
        .mail(FROM, &[&address(1)], &letter("y", Some("eAU;V1")))
        .await;
    assert!(heard.starts_with("451 4.3.2 "), "{heard}");
    let heard = idle
        .mail(FROM, &[&address(2)], &letter("y", Some("eAU;V1")))
        .await;
    assert!(heard.starts_with("250 "), "{heard}");
    // If any recipient's cell stores, the mail is accepted, and the copy of the Shut cell is held too.
    let heard = idle
        .mail(FROM, &[&address(1), &address(2)], &letter("z", Some("eAU;V1")))
        .await;
    assert!(heard.starts_with("250 "), "{heard}");
    assert_eq!(world.spool.backlog(&cell("kasse-001/eau")), 2);
    world.shut_all();
    assert!(idle.rest().await.starts_with("421 4.3.2 "));
    let (_, greeting) = Talk::new(running.addresses().intake[0]).await;
    assert!(greeting.starts_with("421 4.3.2 "), "a peer hears why: {greeting}");
    assert_eq!(running.events().counts().cut(Front::Intake), 3);
    assert_eq!(running.events().counts().promises_broken(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_may_send_a_mail_to_a_shut_cell_and_nothing_is_final() {
    let world = World::open();
    let running = world.start(json!({})).await;
    world.shut("kasse-001/eau");
    let mut talk = Talk::ehlo(running.addresses().intake[0]).await;
    let heard = talk
        .mail(FROM, &[&address(1)], &letter("a", Some("eAU;V1")))
        .await;
    assert!(heard.starts_with("451 4.3.2 "), "{heard}");
    let heard = talk.mail(FROM, &[&address(1)], &letter("a", None)).await;
    assert!(heard.starts_with("250 "), "{heard}");
    // Unknown is final only when everything is open.
    talk.say(&format!("MAIL FROM:<{FROM}>")).await;
    let heard = talk.say("RCPT TO:<nobody@kasse.kim.telematik-test>").await;
    assert!(heard.starts_with("450 4.1.1"), "{heard}");
    assert!(talk.say("DATA").await.starts_with("451 "));
    world.open_all();
    talk.say(&format!("MAIL FROM:<{FROM}>")).await;
    assert!(
        talk.say("RCPT TO:<nobody@kasse.kim.telematik-test>")
            .await
            .starts_with("550 5.1.1")
    );
}

/// What a prober may rely on: up to the end of the header it learns which cells would store, and leaves nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_stops_behind_the_header_hears_only_that_its_cell_is_shut() {
    let world = World::open();
    let running = world.start(json!({})).await;
    world.hold("kasse-001/kim");
    world.shut("kasse-001/eau");
    for (header, words) in [
        ("X-KIM-Dienstkennung: eAU\r\n\r\n", "421 4.3.2 "),
        ("\r\n", ""),
        // The header did not end: nobody knows the cell, and nothing is said.
        ("X-KIM-Dienstkennung: eAU\r\n", ""),
    ] {
        let mut talk = Talk::ehlo(running.addresses().intake[0]).await;
        talk.say(&format!("MAIL FROM:<{FROM}>")).await;
        talk.say(&format!("RCPT TO:<{}>", address(1))).await;
        assert!(talk.say("DATA").await.starts_with("354"));
        talk.send(header.as_bytes()).await;
        talk.end_sending().await;
        let rest = talk.rest().await;
        assert!(
            rest.starts_with(words) && rest.is_empty() == words.is_empty(),
            "{header:?}: {rest}"
        );
    }
    assert_eq!(world.waiting(), 0);
    assert_eq!(running.events().counts().promises_broken(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_gets_a_clear_answer_and_leaves_nothing() {
    let world = World::open();
    let running = world.start(json!({})).await;
    let to = running.addresses().intake[0];
    let data = async || {
        let mut talk = Talk::ehlo(to).await;
        talk.say(&format!("MAIL FROM:<{FROM}>")).await;
        talk.say(&format!("RCPT TO:<{}>", address(1))).await;
        assert!(talk.say("DATA").await.starts_with("354"));
        talk
    };
    for smuggled in [
        "a\r\n\n.\r\nMAIL FROM:<x@y>\r\n",
        "a\n.\n",
        "a\r.\r\n",
        "a\r\n.\r\r\n",
    ] {
        let mut talk = data().await;
        talk.send(smuggled.as_bytes()).await;
        let words = talk.rest().await;
        assert!(
            words.starts_with("521 5.5.2 ") && words.lines().count() == 1,
            "{smuggled:?}: {words}"
        );
    }
    // Bytes before 354.
    let mut talk = Talk::ehlo(to).await;
    let early = format!(
        "MAIL FROM:<{FROM}>\r\nRCPT TO:<{}>\r\nDATA\r\nSubject: early\r\n",
        address(1)
    );
    talk.send(early.as_bytes()).await;
    assert!(talk.rest().await.starts_with("503 5.5.1 "));
    // Pipelined garbage ends after a bounded number of faults.
    let mut talk = Talk::ehlo(to).await;
    talk.send("\0\u{1}garbage\r\n".repeat(5_000).as_bytes()).await;
    let words = talk.rest().await;
    assert!(
        words.lines().count() <= 22 && words.contains("421 4.7.0"),
        "{} lines",
        words.lines().count()
    );
    // A line without end.
    let mut talk = Talk::ehlo(to).await;
    talk.send(&[b'x'; 20_000]).await;
    assert!(talk.rest().await.starts_with("500 5.5.2 "));
    // Too large: by declaration, and in fact.
    let mut talk = Talk::ehlo(to).await;
    assert!(
        talk.say(&format!("MAIL FROM:<{FROM}> SIZE=40000000"))
            .await
            .starts_with("552 5.3.4")
    );
    let mut talk = data().await;
    talk.send(b"Subject: large\r\n\r\n").await;
    let line = format!("{}\r\n", "x".repeat(998)).repeat(100);
    for _ in 0..370 {
        talk.send(line.as_bytes()).await;
    }
    assert!(talk.say(".").await.starts_with("552 5.3.4"));
    assert!(talk.say("NOOP").await.starts_with("250"), "the session goes on");
    assert_eq!(world.waiting(), 0);
    assert!(running.events().counts().refused(Reason::Protocol) >= 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelined_commands_are_answered_in_one_go_and_in_order() {
    let world = World::open();
    let running = world.start(json!({})).await;
    let mut talk = Talk::ehlo(running.addresses().intake[0]).await;
    let batch = format!(
        "MAIL FROM:<{FROM}>\r\nRCPT TO:<{}>\r\nRCPT TO:<{}>\r\nDATA\r\n",
        address(1),
        address(2)
    );
    for number in 0..3 {
        talk.send(batch.as_bytes()).await;
        for code in ["250 2.1.0", "250 2.1.5", "250 2.1.5", "354"] {
            let line = talk.line().await;
            assert!(line.starts_with(code), "{line}");
        }
        talk.send(letter(&format!("p{number}"), None).as_bytes()).await;
        // The final dot and the next group may come together.
        let heard = talk.say(".\r\nNOOP").await;
        assert!(
            heard.starts_with("250 2.0.0 ") && talk.line().await.starts_with("250 2.0.0 OK"),
            "{heard}"
        );
    }
    assert_eq!(world.waiting(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_mail_streams_through_to_the_store_unchanged() {
    let world = World::open();
    let running = world.start(json!({})).await;
    let mut talk = Talk::ehlo(running.addresses().intake[0]).await;
    let body = "..base64base64base64base64base64base64base64base64base64base64base64\r\n".repeat(40_000);
    let heard = talk
        .mail(
            FROM,
            &[&address(1)],
            &format!("{}{body}", letter("big", None)).replace("\r\n..", "\r\n..."),
        )
        .await;
    assert!(heard.starts_with("250 "), "{heard}");
    let Next::Item(item) = world.spool.next(&cell("kasse-001/kim"), Millis(0)).unwrap() else {
        panic!("an item")
    };
    assert_eq!(
        item.sealed().body_bytes().unwrap(),
        format!("{}{body}", letter("big", None)).as_bytes()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_full_says_later_and_never_no() {
    let shape = Shape::default();
    let limits = spool::Limits {
        capacity_bytes: 3_000,
        ..shape.limits.clone()
    };
    let world = World::new(Shape { limits, ..shape });
    let running = world.start(json!({})).await;
    let mut talk = Talk::ehlo(running.addresses().intake[0]).await;
    let mut full = None;
    for number in 0..100 {
        let heard = talk
            .mail(FROM, &[&address(1)], &letter(&number.to_string(), None))
            .await;
        if !heard.starts_with("250") {
            full = Some(heard);
            break;
        }
    }
    let heard = full.expect("the store fills");
    assert!(heard.starts_with("452 4.3.1 ") && heard.is_ascii(), "{heard}");
    assert_eq!(running.events().counts().refused(Reason::Store), 1);
    assert_eq!(Refused::Full.word(), "full");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_reply_ever_breaks_the_promise_whatever_the_positions() {
    let world = World::open();
    let running = world.start(json!({})).await;
    let to = running.addresses().intake[0];
    let mut transcript = Vec::new();
    let steps: [(&str, &dyn Fn()); 5] = [
        ("open", &|| {}),
        ("held", &|| world.hold_all()),
        ("half", &|| world.shut("kasse-001/eau")),
        ("shut", &|| world.shut_all()),
        ("open again", &|| world.open_all()),
    ];
    for (name, step) in steps {
        step();
        let tightest = [1, 2]
            .iter()
            .flat_map(|n| ["kim", "eau"].map(|service| world.position(&format!("kasse-{n:03}/{service}"))))
            .max_by_key(|position| {
                matches!(position, Position::Held) as u8 + 2 * matches!(position, Position::Shut) as u8
            })
            .unwrap();
        for (rcpt, mark) in [
            (address(1), Some("eAU;V1")),
            (address(2), None),
            ("nobody@kasse.kim.telematik-test".into(), None),
        ] {
            let (mut talk, greeting) = Talk::new(to).await;
            let mut heard = vec![greeting];
            if heard[0].starts_with("220") {
                heard.push(talk.say("EHLO x").await);
                heard.push(
                    talk.mail(FROM, &[&rcpt], &letter(&format!("{name}-{rcpt}"), mark))
                        .await,
                );
                heard.push(talk.say("RSET").await);
            }
            for line in heard.iter().filter(|line| line.len() > 3) {
                let enhanced = line[4..].split(' ').next().unwrap_or_default().to_owned();
                transcript.push((
                    Said::Smtp {
                        code: line[..3].parse().unwrap(),
                        enhanced,
                    },
                    tightest,
                ));
            }
        }
    }
    for (said, tightest) in &transcript {
        mail_1(said, *tightest).unwrap();
    }
    assert!(transcript.len() > 40);
    assert_eq!(running.events().counts().promises_broken(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_and_slowness_have_an_end_and_crowds_a_bound() {
    let world = World::open();
    let connections = json!({ "idle_secs_max": 1, "per_front_max": 4, "per_peer_percent": 50 });
    let running = world.start(json!({ "connections": connections })).await;
    let to = running.addresses().intake[0];
    let mut slow = Talk::ehlo(to).await;
    let (mut second, _) = Talk::new(to).await;
    let mut third = Talk::new(to).await;
    assert_eq!(third.1, "", "the third of one peer is turned away");
    assert_eq!(third.0.rest().await, "");
    assert!(slow.rest().await.starts_with("421 4.4.2 "));
    assert!(second.rest().await.starts_with("421 4.4.2 "));
    until("the sessions are counted out", || {
        running.events().counts().sessions_open(Front::Intake) == 0
    })
    .await;
    assert_eq!(running.events().counts().refused(Reason::Crowded), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn draining_lets_a_transfer_finish_and_sends_the_idle_away() {
    let world = World::open();
    let running = world.start(json!({})).await;
    let to = running.addresses().intake[0];
    let mut idle = Talk::ehlo(to).await;
    let mut busy = Talk::ehlo(to).await;
    busy.say(&format!("MAIL FROM:<{FROM}>")).await;
    busy.say(&format!("RCPT TO:<{}>", address(1))).await;
    busy.say("DATA").await;
    let drained = tokio::spawn(running.drain(LIMIT));
    assert!(idle.rest().await.starts_with("421 4.3.2 "));
    busy.send(letter("last", None).as_bytes()).await;
    assert!(busy.say(".").await.starts_with("250 2.0.0 "));
    assert_eq!(drained.await.unwrap(), mail::Drained::All);
    assert_eq!(world.waiting(), 1);
}

/// Every file below a folder.
fn files(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn planted_names_appear_in_no_file_and_no_event() {
    let world = World::open();
    let running = world.start(json!({})).await;
    let mut events = running.events().listen();
    world.hold_all();
    let mut talk = Talk::ehlo(running.addresses().intake[0]).await;
    let message = "Message-ID: <Geheim4711@praxis.test>\r\nFrom: Erika Mustermann <mustermann@praxis.test>\r\n\r\nX234567891\r\n";
    let heard = talk.mail("mustermann@praxis.test", &[&address(1)], message).await;
    assert!(heard.starts_with("250 "), "{heard}");
    talk.mail(
        "mustermann@praxis.test",
        &["mustermann@kasse.kim.telematik-test"],
        message,
    )
    .await;
    talk.say("X234567891 MUSTERMANN").await;
    let mut told = String::new();
    while let Ok(event) = events.try_recv() {
        told.push_str(&format!("{event:?}"));
    }
    assert!(told.contains("Accepted"));
    let mut looked_at = 0;
    let texts = files(world.dir.path()).into_iter().map(|path| {
        looked_at += 1;
        std::fs::read(path).unwrap()
    });
    for text in texts.chain([told.into_bytes(), heard.into_bytes()]) {
        let text = String::from_utf8_lossy(&text).to_lowercase();
        for planted in ["mustermann", "geheim4711", "x234567891", "kasse-001@kasse"] {
            assert!(!text.contains(planted), "{planted} was written");
        }
    }
    assert!(looked_at > 3);
}
