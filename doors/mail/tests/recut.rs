//! Sessions that wait for somebody else while their door closes: nobody in them looks at the door, so they are ended.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests and what they stand among may stop at the first surprise"
)]

mod common;

use std::time::Duration;

use common::{LIMIT, World, address, talk::Talk, until, upstream};
use mail::{Running, event::Front};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::timeout,
};

/// A regular server that takes a login and then is silent: up to `last`, it answers each line with the next word.
async fn silent(words: &'static [&'static str]) -> (u16, mpsc::UnboundedReceiver<BufReader<TcpStream>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (waiting, reached) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let waiting = waiting.clone();
            tokio::spawn(async move {
                let mut socket = BufReader::new(socket);
                for (step, word) in words.iter().enumerate() {
                    if step > 0 {
                        socket.read_line(&mut String::new()).await.unwrap();
                    }
                    socket.get_mut().write_all(word.as_bytes()).await.unwrap();
                }
                // The line it will never answer has come.
                socket.read_line(&mut String::new()).await.unwrap();
                let _test_over = waiting.send(socket);
            });
        }
    });
    (port, reached)
}

async fn fronts(world: &World, front: &str, port: u16) -> Running {
    let proxy = json!([{
        "listener": { "listen": "127.0.0.1:0", "security": "loopback-plain" }, "upstream": upstream(port),
    }]);
    // Nobody waits that long here: what ends a session sooner is not this.
    let connections = json!({ "upstream_secs_max": 3600, "idle_secs_max": 3600 });
    world
        .start(json!({ front: proxy, "connections": connections }))
        .await
}

/// Both connections of the session are over.
async fn is_over(mut talk: Talk, mut server: BufReader<TcpStream>) {
    assert_eq!(talk.rest().await, "", "it is cut, and nothing was let through");
    let mut rest = String::new();
    let read = timeout(LIMIT, server.read_line(&mut rest))
        .await
        .expect("an end in time");
    assert!(
        matches!(read, Ok(0) | Err(_)),
        "the regular server is let go too: {rest}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_the_store_does_not_answer_is_ended_when_its_door_has_closed() {
    let world = World::open();
    let (port, mut reached) = silent(&["+OK\r\n", "+OK\r\n"]).await;
    let running = fronts(&world, "fetch", port).await;
    let (mut talk, _) = Talk::new(running.addresses().fetch[0]).await;
    assert!(talk.say(&format!("USER {}", address(1))).await.starts_with("+OK"));
    talk.send(b"PASS secret\r\n").await;
    let server = reached.recv().await.unwrap();
    // Nothing is wrong while the door is open, however often it is asked.
    assert_eq!(running.restrictions().reapply(), 0);
    world.hold("kasse-001/kim");
    is_over(talk, server).await;
    until("no session is counted", || {
        running.events().counts().sessions_open(Front::Fetch) == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nudge_ends_what_had_time_to_end_and_leaves_others_alone() {
    let world = World::open();
    let (port, mut reached) = silent(&["220 x\r\n", "250-x\r\n250 AUTH PLAIN\r\n"]).await;
    let running = fronts(&world, "submission", port).await;
    let mut sessions = Vec::new();
    for number in [1, 2] {
        let mut talk = Talk::ehlo(running.addresses().submission[0]).await;
        let plain = base64(&format!("\0{}\0secret", address(number)));
        talk.send(format!("AUTH PLAIN {plain}\r\n").as_bytes()).await;
        sessions.push((talk, reached.recv().await.unwrap()));
    }
    let (mut other, _other_server) = sessions.pop().unwrap();
    let (talk, server) = sessions.pop().unwrap();
    world.hold("kasse-001/eau");
    let restrictions = running.restrictions();
    // The first look marks it, a later one finds that it had the time to end by itself.
    let mut ended = restrictions.reapply();
    let begun = std::time::Instant::now();
    while ended == 0 && begun.elapsed() < Duration::from_secs(4) {
        tokio::time::sleep(Duration::from_millis(20)).await;
        ended += restrictions.reapply();
    }
    assert!(begun.elapsed() < LIMIT);
    is_over(talk, server).await;
    assert!(other.is_quiet().await, "the door of the other is open");
    until("one session is left", || {
        running.events().counts().sessions_open(Front::Submission) == 1
    })
    .await;
    assert_eq!(restrictions.reapply(), 0, "what is ended is not ended again");
}

fn base64(text: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.encode(text)
}
