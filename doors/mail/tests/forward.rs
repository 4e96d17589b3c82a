//! The forwarder between a real spool behind real doors and a regular server that behaves as told.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "tests and what they stand among may stop at the first surprise"
)]

mod common;

use std::collections::BTreeSet;

use common::{
    World, address, cell, letter,
    sink::{Mood, Sink},
    talk::Talk,
    until, upstream,
};
use mail::{Running, event::Event};
use serde_json::json;

const FROM: &str = "praxis@praxis.kim.telematik-test";

async fn start(world: &World, sink: &Sink, over: serde_json::Value) -> Running {
    let cells = ["kasse-001/eau", "kasse-001/kim", "kasse-002/eau", "kasse-002/kim"];
    let mut config = json!({ "forward": [{ "cells": cells, "upstream": upstream(sink.port) }] });
    for (key, value) in over.as_object().unwrap() {
        config[key] = value.clone();
    }
    world.start(config).await
}

async fn hand_in(running: &Running, from: &str, ids: impl IntoIterator<Item = String>) {
    let mut talk = Talk::ehlo(running.addresses().intake[0]).await;
    for id in ids {
        let heard = talk
            .mail(from, &[&address(1)], &letter(&id, Some("eAU;V1.2")))
            .await;
        assert!(heard.starts_with("250 "), "{heard}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_waits_and_leaves_in_order_when_the_door_opens() {
    let (world, sink) = (World::open(), Sink::start());
    let running = start(&world, &sink, json!({})).await;
    hand_in(&running, FROM, (0..5).map(|n| format!("open-{n}"))).await;
    until("the open door passes", || sink.count() == 5).await;
    world.hold_all();
    hand_in(&running, FROM, (0..20).map(|n| format!("held-{n}"))).await;
    hand_in(
        &running,
        "zweite@praxis.kim.telematik-test",
        (0..20).map(|n| format!("two-{n}")),
    )
    .await;
    assert_eq!((sink.count(), world.waiting()), (5, 40));
    world.open_all();
    until("everything has left", || world.waiting() == 0).await;
    let taken = sink.taken();
    assert_eq!(
        (taken.len(), sink.items().len()),
        (45, 45),
        "nothing lost, nothing twice"
    );
    for prefix in ["held", "two"] {
        let ids = taken.iter().filter_map(|mail| mail.header("Message-ID"));
        let order: Vec<String> = ids.filter(|id| id.contains(prefix)).map(str::to_owned).collect();
        let wanted: Vec<String> = (0..20).map(|n| format!("<{prefix}-{n}@praxis.test>")).collect();
        assert_eq!(order, wanted, "order per lane");
    }
    let first = &taken[0];
    assert!(
        first.data.ends_with("\r\n\r\nciphertext of open-0\r\n"),
        "{}",
        first.data
    );
    assert!(first.data.starts_with(&format!(
        "X-Bulkhead-Item: {}\r\nX-Bulkhead-Proof: ",
        first.item().unwrap()
    )));
    assert!(
        sink.state.lock().unwrap().sessions <= 8,
        "connections are used again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn later_backs_off_never_parks_and_nobody_is_bounced() {
    let (world, sink) = (World::open(), Sink::start());
    let running = start(&world, &sink, json!({})).await;
    let mut events = running.events().listen();
    sink.set(Mood::Later);
    hand_in(&running, FROM, ["a".to_owned()]).await;
    until("it was put off", || running.events().counts().put_off() >= 2).await;
    assert_eq!(world.waiting(), 1);
    sink.set(Mood::Never);
    until("it is parked", || running.events().counts().parked() == 1).await;
    assert_eq!(sink.count(), 0);
    sink.set(Mood::Takes);
    hand_in(&running, FROM, ["b".to_owned()]).await;
    until("the lane goes on", || sink.count() == 1).await;
    let mut told = Vec::new();
    while let Ok(event) = events.try_recv() {
        told.push(event);
    }
    let parked = told.iter().find_map(|event| match event {
        Event::Parked { answer, .. } => Some(answer.clone()),
        _ => None,
    });
    assert_eq!(parked.as_deref(), Some("550 5.1.1"));
    let words = format!("{told:?}");
    assert!(
        !words.contains("praxis") && !words.contains("kasse.kim"),
        "{words}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unanswered_dot_is_in_doubt_and_is_repeated_under_the_same_id() {
    let (world, sink) = (World::open(), Sink::start());
    let running = start(&world, &sink, json!({})).await;
    sink.set(Mood::Vanishes);
    hand_in(&running, FROM, ["a".to_owned()]).await;
    until("it is in doubt", || running.events().counts().in_doubt() >= 1).await;
    sink.set(Mood::Takes);
    until("it is handed over", || {
        running.events().counts().handed_over() == 1
    })
    .await;
    assert!(sink.count() >= 2, "at least once");
    assert_eq!(
        sink.items().len(),
        1,
        "exactly once for a receiver that looks at the id"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_costs_nothing_but_time() {
    let (world, sink) = (World::open(), Sink::start());
    let running = start(&world, &sink, json!({})).await;
    sink.set(Mood::Away);
    hand_in(&running, FROM, (0..3).map(|n| n.to_string())).await;
    until("it was tried", || running.events().counts().put_off() >= 1).await;
    sink.set(Mood::Takes);
    until("everything has left", || {
        sink.count() == 3 && world.waiting() == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_drains_no_faster_than_allowed() {
    let (world, sink) = (World::open(), Sink::start());
    world.hold_all();
    let cells = ["kasse-001/eau", "kasse-001/kim"];
    let forward = json!([{ "cells": cells, "upstream": upstream(sink.port), "items_per_second_max": 5 }]);
    let running = world.start(json!({ "forward": forward })).await;
    hand_in(&running, FROM, (0..11).map(|n| n.to_string())).await;
    let begun = std::time::Instant::now();
    world.open_all();
    until("everything has left", || sink.count() == 11).await;
    assert!(
        begun.elapsed().as_millis() >= 1_900,
        "11 at 5 per second need two seconds: {:?}",
        begun.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closing_door_stops_forwarding_and_what_follows_waits() {
    let (world, sink) = (World::open(), Sink::start());
    world.hold_all();
    let running = start(&world, &sink, json!({})).await;
    for sender in 0..8 {
        hand_in(
            &running,
            &format!("p{sender}@praxis.test"),
            (0..25).map(|n| format!("{sender}-{n}")),
        )
        .await;
    }
    for _ in 0..5 {
        let before = sink.count();
        world.open_all();
        until("something moves", || {
            sink.count() > before || world.waiting() == 0
        })
        .await;
        world.hold_all();
        let settled = sink.count();
        // What was past its final dot may still arrive; nothing new begins.
        until("what was under way has ended", || {
            sink.state.lock().unwrap().sessions == 0 || sink.count() >= settled
        })
        .await;
    }
    world.open_all();
    until("everything has left", || world.waiting() == 0).await;
    let ids: BTreeSet<String> = sink
        .taken()
        .iter()
        .filter_map(|mail| mail.header("Message-ID"))
        .map(str::to_owned)
        .collect();
    assert_eq!(ids.len(), 200, "nothing lost");
    assert_eq!(sink.items().len(), 200);
    let twice = sink.count() - 200;
    assert!(
        twice as u64 <= running.events().counts().in_doubt(),
        "{twice} repeats, each told as in doubt"
    );
}

fn wish(number: usize) -> String {
    format!(
        "RCPT TO:<{}> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Kasse+2B{number}@kasse.kim.telematik-test",
        address(1)
    )
}

async fn hand_in_with_wish(running: &Running, message: &str) {
    let mut talk = Talk::ehlo(running.addresses().intake[0]).await;
    assert!(
        talk.say(&format!("MAIL FROM:<{FROM}> RET=HDRS ENVID=QQ+2B7"))
            .await
            .starts_with("250")
    );
    assert!(talk.say(&wish(1)).await.starts_with("250"));
    assert!(talk.say("DATA").await.starts_with("354"));
    talk.send(message.as_bytes()).await;
    assert!(talk.say(".").await.starts_with("250 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_regular_server_with_dsn_gets_the_wish_unchanged_and_we_say_nothing() {
    let (world, sink, outlet) = (World::open(), Sink::start(), Sink::start());
    let running = start(&world, &sink, json!({ "notify_through": upstream(outlet.port) })).await;
    hand_in_with_wish(&running, &letter("a", Some("eAU;V1"))).await;
    until("it has left", || sink.count() == 1).await;
    let taken = &sink.taken()[0];
    assert!(taken.mail.ends_with(" RET=HDRS ENVID=QQ+2B7"), "{}", taken.mail);
    assert_eq!(taken.rcpt, [wish(1)]);
    assert_eq!((outlet.count(), running.notifications_waiting()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn standing_in_for_the_regular_server_we_notify_once_and_spend_the_wish() {
    let (world, sink, outlet) = (World::open(), Sink::start(), Sink::start());
    let over = json!({ "notify_through": upstream(outlet.port), "dsn_while_held": "bulkhead" });
    let running = start(&world, &sink, over).await;
    world.hold_all();
    let message = letter("a", Some("eAU;V1"));
    hand_in_with_wish(&running, &message).await;
    // The sender did not hear us and says it again: still one item, one notification.
    hand_in_with_wish(&running, &message).await;
    until("the notification is out", || {
        outlet.count() >= 1 && running.notifications_waiting() == 0
    })
    .await;
    // A notification itself is never notified about.
    let report =
        "Content-Type: multipart/report; report-type=delivery-status\r\nMessage-ID: <r@x>\r\n\r\nreport\r\n";
    hand_in_with_wish(&running, report).await;
    world.open_all();
    until("everything has left", || sink.count() == 2).await;
    let told = outlet.taken();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].mail, format!("MAIL FROM:<> SIZE={}", told[0].data.len()));
    for part in [
        "Action: delivered",
        "In-Reply-To: <a@praxis.test>",
        "Original-Envelope-Id: QQ+7",
        "Subject: Zustellbestaetigung",
    ] {
        assert!(told[0].data.contains(part), "{part} is missing: {}", told[0].data);
    }
    let rcpt = |id: &str| {
        sink.taken()
            .iter()
            .find(|mail| mail.data.contains(id))
            .unwrap()
            .rcpt
            .clone()
    };
    assert!(
        rcpt("<a@praxis.test>")[0].contains(" NOTIFY=FAILURE "),
        "the wish for success is spent"
    );
    assert!(
        rcpt("<r@x>")[0].contains(" NOTIFY=SUCCESS,FAILURE "),
        "a notification passes unchanged"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_regular_server_without_dsn_makes_the_relayed_notification_ours() {
    let (world, sink, outlet) = (World::open(), Sink::start(), Sink::start());
    sink.state.lock().unwrap().dsn = false;
    let running = start(&world, &sink, json!({ "notify_through": upstream(outlet.port) })).await;
    hand_in_with_wish(&running, &letter("a", Some("eAU;V1"))).await;
    until("the notification is out", || outlet.count() == 1).await;
    assert!(
        outlet.taken()[0]
            .data
            .contains("Action: relayed\r\nStatus: 2.1.9\r\n")
    );
    assert_eq!(sink.taken()[0].rcpt, [format!("RCPT TO:<{}>", address(1))]);
    assert_eq!(world.spool.backlog(&cell("kasse-001/eau")), 0);
    assert_eq!(running.events().counts().notified(), 1);
}
