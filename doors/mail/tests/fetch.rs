//! The fetch and submission fronts and the copier, with readers and senders no one here wrote.
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
    World, address, cell, counterpart, letter,
    pop::Store,
    sink::{GOOD, Sink},
    talk::Talk,
    until, upstream,
};
use mail::{
    Running,
    event::{Event, Fill, Front},
};
use serde_json::json;
use tokio::process::Command;

fn loopback(port: u16) -> serde_json::Value {
    json!([{ "listener": { "listen": "127.0.0.1:0", "security": "loopback-plain" }, "upstream": upstream(port) }])
}

async fn fetching(world: &World, store: &Store) -> Running {
    world.start(json!({ "fetch": loopback(store.port) })).await
}

async fn logged_in(running: &Running) -> Talk {
    let (mut talk, greeting) = Talk::new(running.addresses().fetch[0]).await;
    assert!(greeting.starts_with("+OK"), "{greeting}");
    assert!(talk.say(&format!("USER {}", address(1))).await.starts_with("+OK"));
    assert!(talk.say("PASS secret").await.starts_with("+OK"));
    talk
}

async fn list(talk: &mut Talk, command: &str) -> Vec<String> {
    assert!(talk.say(command).await.starts_with("+OK"));
    let mut lines = Vec::new();
    loop {
        let line = talk.line().await;
        if line == ".\r\n" {
            return lines;
        }
        assert!(!line.is_empty(), "closed inside an answer");
        lines.push(line);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn python_fetches_and_deletes_and_both_are_recorded() {
    let Some(python) = counterpart("python3") else {
        return;
    };
    let (world, store) = (World::open(), Store::start(5));
    let running = fetching(&world, &store).await;
    let script = format!(
        "import poplib\n\
         p = poplib.POP3('127.0.0.1', {}, timeout=60)\n\
         caps = p.capa()\n\
         assert 'UIDL' in caps and 'TOP' in caps and caps['SASL'] == ['PLAIN'], caps\n\
         p.user('{}'); p.pass_('secret')\n\
         assert p.stat()[0] == 5\n\
         assert len(p.uidl()[1]) == 5 and len(p.list()[1]) == 5\n\
         assert any(b'eAU' in l for l in p.top(1, 0)[1])\n\
         for n in range(1, 5):\n\
         \x20   lines = p.retr(n)[1]\n\
         \x20   assert lines[-1] == b'.dot', lines\n\
         p.dele(1); p.dele(2); p.rset(); p.dele(2); p.dele(3)\n\
         p.noop(); p.quit()\n",
        running.addresses().fetch[0].port(),
        address(1)
    );
    let done = Command::new(python)
        .args(["-c", &script])
        .stderr(Stdio::piped())
        .output()
        .await
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(store.left(), ["uid1", "uid4", "uid5"]);
    let tally = running.fetched(&cell("kasse-001/kim"));
    assert_eq!(
        (tally.retrieved, tally.deletion_in_doubt, tally.deletion_committed),
        (2, 0, 2)
    );
    // The records name nobody.
    let segment = std::fs::read_dir(world.dir.path().join("mail/fetched/entries"))
        .unwrap()
        .next();
    let records = std::fs::read(segment.unwrap().unwrap().path()).unwrap();
    let records = String::from_utf8_lossy(&records);
    assert!(!records.contains("uid") && !records.contains("kasse.kim"));
    assert!(records.contains("kasse-001/kim"));
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_and_fetchmail_read_through_the_front() {
    let (world, store) = (World::open(), Store::start(3));
    let running = fetching(&world, &store).await;
    let port = running.addresses().fetch[0].port();
    if let Some(curl) = counterpart("curl") {
        let url = format!("pop3://127.0.0.1:{port}/2");
        let user = format!("{}:secret", address(1));
        let done = Command::new(curl)
            .args(["-s", "--max-time", "60", "-u", &user, &url])
            .output()
            .await
            .unwrap();
        let text = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(
            text.contains("ciphertext of mail-2") && text.ends_with(".dot\r\n"),
            "{text}"
        );
    }
    if let Some(fetchmail) = counterpart("fetchmail") {
        let home = tempfile::tempdir().unwrap();
        let out = home.path().join("got");
        let rc = home.path().join("rc");
        let text = format!(
            "poll 127.0.0.1 proto pop3 service {port} auth password user \"{}\" password \"secret\" sslproto '' fetchall nokeep mda \"cat >> {}\"\n",
            address(1),
            out.display()
        );
        std::fs::write(&rc, text).unwrap();
        set_mode(&rc, 0o600);
        let done = Command::new(fetchmail)
            .env("FETCHMAILHOME", home.path())
            .env("HOME", home.path())
            .args(["-f", rc.to_str().unwrap(), "--nosyslog", "--timeout", "60"])
            .output()
            .await
            .unwrap();
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&done.stdout),
            String::from_utf8_lossy(&done.stderr)
        );
        assert!(done.status.success(), "{said}");
        let got = std::fs::read_to_string(&out).unwrap();
        assert!(
            got.contains("ciphertext of mail-1") && got.contains("ciphertext of mail-3"),
            "{said}"
        );
        assert!(store.left().is_empty());
        assert_eq!(running.fetched(&cell("kasse-001/kim")).deletion_committed, 3);
    }
}

fn set_mode(path: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn held_cuts_an_idle_reader_and_nothing_is_deleted() {
    let (world, store) = (World::open(), Store::start(3));
    let running = fetching(&world, &store).await;
    let mut idle = logged_in(&running).await;
    assert_eq!(list(&mut idle, "UIDL").await.len(), 3);
    assert!(idle.say("DELE 1").await.starts_with("+OK"));
    let (mut nobody, _) = Talk::new(running.addresses().fetch[0]).await;
    // One cell of the mailbox is enough: its mail lies between the others'.
    world.hold("kasse-001/eau");
    let words = idle.rest().await;
    assert!(
        words.starts_with("-ERR [SYS/TEMP] ") && words.is_ascii(),
        "{words}"
    );
    assert_eq!(store.left().len(), 3, "without QUIT nothing is deleted");
    assert!(
        nobody.is_quiet().await,
        "somebody else's mailbox may still be meant"
    );
    nobody.say(&format!("USER {}", address(1))).await;
    let heard = nobody.say("PASS secret").await;
    assert!(heard.starts_with("-ERR [SYS/TEMP] "), "{heard}");
    assert_eq!(nobody.rest().await, "");
    world.hold_all();
    let (mut late, greeting) = Talk::new(running.addresses().fetch[0]).await;
    assert!(
        greeting.starts_with("-ERR [SYS/TEMP] ") && late.rest().await.is_empty(),
        "{greeting}"
    );
    world.open_all();
    let mut again = logged_in(&running).await;
    assert_eq!(list(&mut again, "RETR 1").await.last().unwrap(), "..dot\r\n");
    assert!(again.say("QUIT").await.starts_with("+OK"));
    assert_eq!(running.fetched(&cell("kasse-001/kim")).retrieved, 1);
    assert!(running.events().counts().cut(Front::Fetch) >= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quit_that_the_store_never_answered_leaves_the_deletion_in_doubt() {
    let (world, store) = (World::open(), Store::start(2));
    let running = fetching(&world, &store).await;
    *store.answers_quit.lock().unwrap() = false;
    let mut talk = logged_in(&running).await;
    list(&mut talk, "RETR 1").await;
    talk.say("DELE 1").await;
    assert!(talk.say("QUIT").await.starts_with("-ERR [SYS/TEMP] "));
    let tally = running.fetched(&cell("kasse-001/kim"));
    assert_eq!(
        (tally.retrieved, tally.deletion_in_doubt, tally.deletion_committed),
        (0, 1, 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_logins_and_bad_words_are_answered() {
    let (world, store) = (World::open(), Store::start(1));
    let running = fetching(&world, &store).await;
    let (mut talk, _) = Talk::new(running.addresses().fetch[0]).await;
    assert!(talk.say("RETR 1").await.starts_with("-ERR"));
    assert!(talk.say("AUTH CRAM-MD5").await.starts_with("-ERR"));
    assert!(talk.say("USER x").await.starts_with("+OK"));
    assert!(talk.say("PASS y").await.starts_with("-ERR [AUTH]"));
    talk.say(&format!("USER {}", address(1))).await;
    assert!(talk.say("PASS wrong").await.starts_with("-ERR [AUTH]"));
    assert!(talk.say("AUTH PLAIN").await.starts_with("+ "));
    assert!(talk.say(GOOD).await.starts_with("+OK"));
    assert!(talk.say("STAT").await.starts_with("+OK 1 "));
    assert!(talk.say("XYZZY").await.starts_with("-ERR"));
}

async fn submitting(world: &World, sink: &Sink) -> Running {
    world.start(json!({ "submission": loopback(sink.port) })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn submission_passes_through_and_held_cuts_it() {
    let (world, sink) = (World::open(), Sink::start());
    let running = submitting(&world, &sink).await;
    let to = running.addresses().submission[0];
    let mut talk = Talk::ehlo(to).await;
    assert!(talk.say("MAIL FROM:<a@b>").await.starts_with("530 5.7.0"));
    assert!(talk.say("AUTH XOAUTH2").await.starts_with("504 5.7.4"));
    assert!(
        talk.say("AUTH PLAIN AGthc3NlLTAwMUBrYXNzZS5raW0udGVsZW1hdGlrLXRlc3QAeA==")
            .await
            .starts_with("535 ")
    );
    assert!(talk.say(&format!("AUTH PLAIN {GOOD}")).await.starts_with("235 "));
    let heard = talk
        .mail(
            &address(1),
            &["praxis@praxis.test"],
            &letter("answer", Some("eAU;Fehler-Kasse;V1.2")),
        )
        .await;
    assert!(heard.starts_with("250 "), "{heard}");
    assert_eq!(sink.count(), 1);
    // In the middle of the next one the door closes.
    talk.say(&format!("MAIL FROM:<{}>", address(1))).await;
    talk.say("RCPT TO:<praxis@praxis.test>").await;
    assert!(talk.say("DATA").await.starts_with("354"));
    talk.send(b"Subject: half\r\n").await;
    world.hold("kasse-001/kim");
    assert!(talk.rest().await.starts_with("421 4.3.2 "));
    let mut late = Talk::ehlo(to).await;
    assert!(
        late.say(&format!("AUTH PLAIN {GOOD}"))
            .await
            .starts_with("421 4.3.2 ")
    );
    assert_eq!(sink.count(), 1, "nothing half reached the server");
    until("the server's side is closed", || {
        sink.state.lock().unwrap().sessions == 0
    })
    .await;
    assert_eq!(running.events().counts().cut(Front::Submission), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn swaks_submits_by_login() {
    let Some(swaks) = counterpart("swaks") else { return };
    let (world, sink) = (World::open(), Sink::start());
    let running = submitting(&world, &sink).await;
    let server = running.addresses().submission[0].to_string();
    for mechanism in ["PLAIN", "LOGIN"] {
        let done = Command::new(&swaks)
            .args([
                "--server",
                &server,
                "--auth",
                mechanism,
                "--auth-user",
                &address(1),
                "--auth-password",
                "secret",
            ])
            .args([
                "--from",
                &address(1),
                "--to",
                "praxis@praxis.test",
                "--timeout",
                "60",
            ])
            .output()
            .await
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
    }
    assert_eq!(sink.count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_copier_copies_each_mail_once_deletes_nothing_and_watches_the_quota() {
    let (world, store) = (World::open(), Store::start(4));
    let password = world.dir.path().join("password");
    std::fs::write(&password, "secret\n").unwrap();
    set_mode(&password, 0o600);
    let octets: usize = store
        .mails
        .lock()
        .unwrap()
        .iter()
        .map(|kept| kept.message.len())
        .sum();
    let copy = json!([{
        "mailbox": address(1), "password_file": password, "upstream": upstream(store.port),
        "every_secs": 1, "quota_octets": octets * 100 / 72,
    }]);
    let running = world.start(json!({ "copy": copy })).await;
    let mut events = running.events().listen();
    let eau = cell("kasse-001/eau");
    assert_eq!(
        world.spool.backlog(&eau),
        0,
        "an Open cell is fetched by its owner"
    );
    world.hold_all();
    until("all are copied", || running.events().counts().copied() == 4).await;
    assert_eq!((world.spool.backlog(&eau), store.left().len()), (4, 4));
    store.mails.lock().unwrap().push(common::pop::Kept {
        uidl: "new".into(),
        message: letter("new", Some("eAU;V1")),
    });
    until("the new one is copied", || {
        running.events().counts().copied() == 5
    })
    .await;
    assert_eq!(world.spool.backlog(&eau), 5, "none twice");
    let mut levels = Vec::new();
    until("the alarm is told", || {
        while let Ok(event) = events.try_recv() {
            if let Event::Quota { fill, .. } = event {
                levels.push(fill);
            }
        }
        levels.last() == Some(&Fill::Alarm)
    })
    .await;
    let spool::Next::Item(item) = world.spool.next(&eau, vocabulary::Millis(0)).unwrap() else {
        panic!("an item")
    };
    let body = item.sealed().body_bytes().unwrap();
    assert_eq!(
        body,
        (letter("mail-1", Some("eAU;Lieferung;V1.2")) + ".dot\r\n").as_bytes()
    );
    drop(item);
    // Another start finds its marks.
    assert_eq!(running.drain(common::LIMIT).await, mail::Drained::All);
    store.mails.lock().unwrap().push(common::pop::Kept {
        uidl: "six".into(),
        message: letter("six", Some("eAU;V1")),
    });
    let again = world.start(json!({ "copy": copy })).await;
    until("only the sixth is copied", || {
        again.events().counts().copied() == 1
    })
    .await;
    assert_eq!((world.spool.backlog(&eau), store.left().len()), (6, 6));
}
