//! The simulated servers against clients nobody here wrote, and against clients that break the rules.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of a test may stop at the first surprise, like the test itself"
)]

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
    process::Command,
    sync::Arc,
    time::Duration,
};

use drill::{
    chance::RealClock,
    facts::Facts,
    outside::{MAILBOX_PASSWORD, Outside},
    script::{APRIL_2023, Script},
};
use estate::Seed;

const TO: &str = "eau@kasse-001.kim.telematik-test";

async fn outside() -> Outside {
    let estate = estate::check(&estate::sample(Seed(1)), "s").unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let facts = Facts::april_2023().unwrap();
    let script =
        Script::read(APRIL_2023, "s", &estate, &facts).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    Outside::start(&estate, &script, Arc::new(RealClock::start()))
        .await
        .unwrap()
}

/// Whether a counterpart is here; a missing one is a visible skip, and a failure where it is demanded.
fn counterpart(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    let demanded = std::env::var("BULKHEAD_REQUIRE_COUNTERPARTS").is_ok_and(|value| value == "1");
    assert!(
        found || !demanded,
        "{program} is missing, and counterparts are required"
    );
    if !found {
        let _told = std::io::Write::write_fmt(
            &mut std::io::stderr(),
            format_args!("SKIPPED: {program} is not installed\n"),
        );
    }
    found
}

/// A line-by-line client that says what it likes.
struct Talk(BufReader<TcpStream>);

impl Talk {
    fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self(BufReader::new(stream))
    }

    fn say(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }

    /// The last line of the next reply; empty at the end of the connection.
    fn hear(&mut self) -> String {
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).unwrap();
            if line.as_bytes().get(3) != Some(&b'-') {
                return line.trim_end().to_owned();
            }
        }
    }

    fn ask(&mut self, text: &str) -> String {
        self.say(text);
        self.hear()
    }
}

fn pop3(address: SocketAddr) -> Talk {
    let mut talk = Talk::to(address);
    assert!(talk.hear().starts_with("+OK"));
    assert!(talk.ask(&format!("USER {TO}\r\n")).starts_with("+OK"));
    assert!(
        talk.ask(&format!("PASS {MAILBOX_PASSWORD}\r\n"))
            .starts_with("+OK")
    );
    talk
}

fn deliver(address: SocketAddr, data: &str) -> String {
    let mut talk = Talk::to(address);
    assert!(talk.hear().starts_with("220"));
    assert!(talk.ask("EHLO x\r\n").starts_with("250"));
    talk.say(&format!(
        "MAIL FROM:<a@praxis.kim.telematik-test>\r\nRCPT TO:<{TO}>\r\nDATA\r\n"
    ));
    assert!(
        talk.hear().starts_with("250") && talk.hear().starts_with("250"),
        "commands may be sent ahead"
    );
    assert!(talk.hear().starts_with("354"));
    talk.ask(data)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn swaks_hands_in_and_curl_fetches() {
    if !counterpart("swaks") || !counterpart("curl") {
        return;
    }
    let outside = outside().await;
    let (intake, store) = (outside.regular_intake(), outside.regular_store());
    let sent = tokio::task::spawn_blocking(move || {
        Command::new("swaks")
            .args([
                "--server",
                &intake.to_string(),
                "--to",
                TO,
                "--from",
                "a@praxis.kim.telematik-test",
            ])
            .args([
                "--header",
                "X-Bulkhead-Item: 4711",
                "--body",
                "one\n.two\n..three",
            ])
            .output()
    })
    .await
    .unwrap()
    .unwrap();
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stdout));
    assert_eq!(outside.confirmed_items(), [format!("{TO} 4711")]);
    let user = format!("{TO}:{MAILBOX_PASSWORD}");
    let fetched = tokio::task::spawn_blocking(move || {
        Command::new("curl")
            .args(["-sS", "--user", &user, &format!("pop3://{store}/1")])
            .output()
    })
    .await
    .unwrap()
    .unwrap();
    let mail = String::from_utf8_lossy(&fetched.stdout);
    assert!(
        mail.contains("one\r\n.two\r\n..three"),
        "dots survive both ways: {mail}{}",
        String::from_utf8_lossy(&fetched.stderr)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeat_of_an_item_is_recognised_and_another_item_is_not() {
    let outside = outside().await;
    let intake = outside.regular_intake();
    for item in ["1", "1", "2"] {
        let reply = deliver(
            intake,
            &format!("X-Bulkhead-Item: {item}\r\nMessage-ID: <x@y>\r\n\r\nhello\r\n.\r\n"),
        );
        assert!(reply.starts_with("250"), "{reply}");
    }
    assert!(
        pop3(outside.regular_store())
            .ask("STAT\r\n")
            .starts_with("+OK 2 ")
    );
    assert_eq!(outside.confirmed_items().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_is_deleted_only_by_quit() {
    let outside = outside().await;
    deliver(outside.regular_intake(), "Subject: a\r\n\r\nhello\r\n.\r\n");
    let store = outside.regular_store();
    let mut cut = pop3(store);
    assert!(cut.ask("DELE 1\r\n").starts_with("+OK"));
    assert!(
        cut.ask("RETR 1\r\n").starts_with("-ERR"),
        "deleted for this session"
    );
    drop(cut);
    let mut next = pop3(store);
    assert!(
        next.ask("STAT\r\n").starts_with("+OK 1 "),
        "a session that was cut deletes nothing"
    );
    assert!(next.ask("DELE 1\r\n").starts_with("+OK"));
    assert!(next.ask("QUIT\r\n").starts_with("+OK"));
    assert!(pop3(store).ask("STAT\r\n").starts_with("+OK 0 "));
    let mut wrong = Talk::to(store);
    wrong.hear();
    wrong.ask(&format!("USER {TO}\r\n"));
    assert!(wrong.ask("PASS wrong\r\n").starts_with("-ERR"));
    assert!(wrong.ask("LIST\r\n").starts_with("-ERR"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_lines_wrong_order_and_strangers_are_refused() {
    let outside = outside().await;
    let intake = outside.regular_intake();
    let mut talk = Talk::to(intake);
    talk.hear();
    assert!(talk.ask("DATA\r\n").starts_with("503"));
    assert!(talk.ask(&format!("RCPT TO:<{TO}>\r\n")).starts_with("503"));
    assert!(talk.ask("MAIL FROM:<>\r\n").starts_with("250"));
    assert!(talk.ask("MAIL FROM:<>\r\n").starts_with("503"));
    assert!(
        talk.ask("RCPT TO:<nobody@kasse-001.kim.telematik-test>\r\n")
            .starts_with("550")
    );
    assert!(talk.ask("RCPT nonsense\r\n").starts_with("501"));
    assert!(talk.ask("FOO\r\n").starts_with("502"));
    assert!(
        talk.ask("NOOP\n").starts_with("500"),
        "a bare LF ends the conversation"
    );
    assert_eq!(talk.hear(), "");

    // The smuggling of a second mail behind LF.LF: the data is refused as a whole, nothing is stored.
    let mut smuggler = Talk::to(intake);
    smuggler.hear();
    smuggler.say(&format!("MAIL FROM:<>\r\nRCPT TO:<{TO}>\r\nDATA\r\n"));
    for _ in 0..3 {
        smuggler.hear();
    }
    smuggler.say("Subject: a\r\n\r\nhello\n.\nMAIL FROM:<>\r\n.\r\n");
    assert_eq!(smuggler.hear(), "");
    assert!(
        pop3(outside.regular_store())
            .ask("STAT\r\n")
            .starts_with("+OK 0 ")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_off_says_so_also_on_open_connections() {
    let outside = outside().await;
    let mut open = Talk::to(outside.regular_intake());
    assert!(open.hear().starts_with("220"));
    let mut fetching = pop3(outside.regular_store());
    outside.server_off();
    assert!(open.ask("NOOP\r\n").starts_with("421"));
    assert!(fetching.ask("STAT\r\n").starts_with("-ERR"));
    assert!(Talk::to(outside.regular_intake()).hear().starts_with("421"));
    assert!(Talk::to(outside.regular_store()).hear().starts_with("-ERR"));
    outside.server_on();
    assert!(Talk::to(outside.regular_intake()).hear().starts_with("220"));
}
