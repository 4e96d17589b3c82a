//! The practice's side, written by others: Postfix that queues and retries, swaks, smtp-source.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "tests and what they stand among may stop at the first surprise"
)]

mod common;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Stdio,
};

use common::{World, address, counterpart, sink::Sink, until, upstream};
use serde_json::json;
use tokio::process::Command;

const CELLS: [&str; 4] = ["kasse-001/eau", "kasse-001/kim", "kasse-002/eau", "kasse-002/kim"];

/// A Postfix of its own: folders, ports and processes apart from any other on this machine.
struct Postfix {
    dir: tempfile::TempDir,
    program: PathBuf,
}

impl Postfix {
    /// Needs root, as Postfix does. Relays everything to `port`.
    async fn start(port: u16) -> Option<Self> {
        let program = counterpart("postfix")?;
        if !rustix::process::geteuid().is_root() {
            eprintln!("SKIP: postfix needs root");
            assert!(
                std::env::var_os("BULKHEAD_REQUIRE_COUNTERPARTS").is_none(),
                "root is missing"
            );
            return None;
        }
        let dir = tempfile::Builder::new()
            .prefix("bulkhead-postfix")
            .tempdir()
            .unwrap();
        set_mode(dir.path(), 0o755);
        let (conf, spool, data) = (
            dir.path().join("conf"),
            dir.path().join("spool"),
            dir.path().join("data"),
        );
        for one in [&conf, &spool, &data] {
            std::fs::create_dir(one).unwrap();
        }
        chown(&data);
        let main = format!(
            "compatibility_level = 3.6\nqueue_directory = {}\ndata_directory = {}\nmyhostname = praxis.test\n\
             mydestination =\nrelayhost = [127.0.0.1]:{port}\ninet_interfaces = loopback-only\ninet_protocols = ipv4\n\
             minimal_backoff_time = 1s\nmaximal_backoff_time = 2s\nqueue_run_delay = 1s\nsmtp_destination_concurrency_limit = 4\n\
             smtp_tls_security_level = none\nmaillog_file = {}\nmaillog_file_prefixes = /\nmultiline = no\nsmtp_destination_concurrency_failed_cohort_limit = 0\n\
             notify_classes =\nbounce_queue_lifetime = 1d\ndefault_database_type = hash\nalias_maps =\nalias_database =\n",
            spool.display(),
            data.display(),
            dir.path().join("log").display()
        );
        let main = main.replace("multiline = no\n", "");
        let master = "pickup unix n - n 1 1 pickup\ncleanup unix n - n - 0 cleanup\nqmgr unix n - n 1 1 qmgr\n\
             rewrite unix - - n - - trivial-rewrite\nbounce unix - - n - 0 bounce\ndefer unix - - n - 0 bounce\n\
             trace unix - - n - 0 bounce\nverify unix - - n - 1 verify\nflush unix n - n 1000? 0 flush\n\
             smtp unix - - n - - smtp\nrelay unix - - n - - smtp\nerror unix - - n - - error\nretry unix - - n - - error\n\
             discard unix - - n - - discard\nlocal unix - n n - - local\nanvil unix - - n - 1 anvil\n\
             scache unix - - n - 1 scache\npostlog unix-dgram n - n - 1 postlogd\n";
        std::fs::write(conf.join("main.cf"), main).unwrap();
        std::fs::write(conf.join("master.cf"), master).unwrap();
        let postfix = Self { dir, program };
        let said = postfix.run(&["start"]).await;
        assert!(
            said.status.success(),
            "{}{}",
            String::from_utf8_lossy(&said.stderr),
            postfix.log()
        );
        Some(postfix)
    }

    fn conf(&self) -> PathBuf {
        self.dir.path().join("conf")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    async fn run(&self, words: &[&str]) -> std::process::Output {
        Command::new(&self.program)
            .arg("-c")
            .arg(self.conf())
            .args(words)
            .output()
            .await
            .unwrap()
    }

    /// Hands a mail to Postfix as a program on the practice's machine does.
    async fn submit(&self, from: &str, to: &str, message: &str) {
        let sendmail = self.program.with_file_name("sendmail");
        let mut child = Command::new(sendmail)
            .arg("-C")
            .arg(self.conf())
            .args(["-i", "-f", from, "-N", "success,failure", to])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        use tokio::io::AsyncWriteExt as _;
        let mut stdin = child.stdin.take().unwrap();
        stdin
            .write_all(message.replace("\r\n", "\n").as_bytes())
            .await
            .unwrap();
        drop(stdin);
        assert!(child.wait().await.unwrap().success());
    }

    /// How many mails lie in its queues.
    fn queued(&self) -> usize {
        fn files(dir: &Path) -> usize {
            let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
            entries
                .map(|entry| {
                    if entry.path().is_dir() {
                        files(&entry.path())
                    } else {
                        1
                    }
                })
                .sum()
        }
        let spool = self.dir.path().join("spool");
        ["maildrop", "incoming", "active", "deferred"]
            .iter()
            .map(|queue| files(&spool.join(queue)))
            .sum()
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        // Only this instance: `postfix -c` reads the process id from its own folder.
        let _ = std::process::Command::new(&self.program)
            .arg("-c")
            .arg(self.conf())
            .arg("abort")
            .output();
    }
}

fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn chown(path: &Path) {
    assert!(
        std::process::Command::new("chown")
            .arg("postfix")
            .arg(path)
            .status()
            .unwrap()
            .success()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn postfix_queues_and_hands_over_through_open_held_shut_and_open() {
    let (world, sink) = (World::open(), Sink::start());
    let running = world
        .start(json!({ "forward": [{ "cells": CELLS, "upstream": upstream(sink.port) }] }))
        .await;
    let Some(postfix) = Postfix::start(running.addresses().intake[0].port()).await else {
        return;
    };
    let mut wanted = BTreeSet::new();
    let mut number = 0;
    let mut send = async |count: usize| {
        for _ in 0..count {
            number += 1;
            let (sender, to) = (number % 3, address(number % 2 + 1));
            let id = format!("<pf-{number}@praxis.test>");
            let mail = format!(
                "From: p{sender}@praxis.test\nMessage-ID: {id}\nX-KIM-Dienstkennung: eAU;Lieferung;V1.2\n\nciphertext {number}\n"
            );
            postfix
                .submit(&format!("p{sender}@praxis.test"), &to, &mail)
                .await;
            wanted.insert(id);
        }
        wanted.len()
    };
    let open = send(6).await;
    until("the open door passes", || sink.count() == open).await;
    world.hold_all();
    let held = send(6).await;
    until("the practice has handed everything over", || {
        postfix.queued() == 0
    })
    .await;
    assert_eq!((sink.count(), world.waiting()), (open, 6));
    world.shut_all();
    send(6).await;
    until("the practice was told to wait", || {
        postfix.log().contains("4.3.2")
    })
    .await;
    // A file on its way from one queue to the next may be seen in both for a moment.
    until("it keeps what it could not hand over", || {
        (postfix.queued(), world.waiting()) == (6, 6)
    })
    .await;
    world.open_all();
    until("everything has arrived", || {
        postfix.queued() == 0 && world.waiting() == 0 && sink.count() == 18
    })
    .await;
    let ids: BTreeSet<String> = sink
        .taken()
        .iter()
        .filter_map(|mail| mail.header("Message-ID"))
        .map(str::to_owned)
        .collect();
    assert_eq!((ids.len(), held, sink.items().len()), (18, 12, 18));
    let log = postfix.log();
    assert!(!log.contains("status=bounced"), "no error mail: {log}");
    assert!(
        sink.taken()
            .iter()
            .all(|mail| mail.rcpt[0].contains("NOTIFY=SUCCESS,FAILURE")),
        "the wish passes unchanged"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn swaks_hears_the_words_of_each_position() {
    let Some(swaks) = counterpart("swaks") else { return };
    let world = World::open();
    let running = world.start(json!({})).await;
    let server = running.addresses().intake[0].to_string();
    let run = async |to: &str, extra: &[&str]| {
        let mut command = Command::new(&swaks);
        command
            .args([
                "--server",
                &server,
                "--from",
                "praxis@praxis.test",
                "--to",
                to,
                "--timeout",
                "60",
            ])
            .args(extra);
        let done = command.output().await.unwrap();
        (
            done.status.code().unwrap(),
            String::from_utf8_lossy(&done.stdout).into_owned(),
        )
    };
    let (code, said) = run(&address(1), &["--header", "X-KIM-Dienstkennung: eAU;V1"]).await;
    assert!(
        code == 0 && said.contains("SIZE 36700160") && said.contains("DSN") && !said.contains("AUTH"),
        "{said}"
    );
    let (code, said) = run(&address(1), &["--pipeline"]).await;
    assert_eq!(code, 0, "{said}");
    let (code, said) = run("nobody@kasse.kim.telematik-test", &[]).await;
    assert!(code != 0 && said.contains("550 5.1.1"), "{said}");
    world.hold_all();
    assert_eq!(run(&address(1), &[]).await.0, 0);
    world.shut("kasse-001/eau");
    world.shut("kasse-001/kim");
    let (code, said) = run(&address(1), &[]).await;
    assert!(code != 0 && said.contains("451 4.3.2"), "{said}");
    let (code, said) = run(&format!("{},{}", address(1), address(2)), &[]).await;
    assert_eq!(code, 0, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn smtp_source_loads_the_front_and_every_mail_is_accounted_for() {
    let Some(source) = counterpart("smtp-source") else {
        return;
    };
    let world = World::open();
    world.hold_all();
    let running = world.start(json!({})).await;
    let server = running.addresses().intake[0].to_string();
    let mut sent = 0;
    for (bytes, sessions, count) in [
        (2_048, 1, 500),
        (2_048, 16, 2_000),
        (2_048, 64, 2_000),
        (65_536, 16, 300),
    ] {
        let begun = std::time::Instant::now();
        let done = Command::new(&source)
            .args([
                "-4",
                "-s",
                &format!("{sessions}"),
                "-m",
                &format!("{count}"),
                "-l",
                &format!("{bytes}"),
            ])
            .args(["-f", "praxis@praxis.test", "-t", &address(1), &server])
            .output()
            .await
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let rate = f64::from(count) / begun.elapsed().as_secs_f64();
        println!("{bytes} bytes, {sessions} sessions: {rate:.0} mails per second, all durable");
        sent += u64::try_from(count).unwrap();
    }
    assert_eq!(running.events().counts().accepted(), sent);
    assert_eq!(world.waiting(), sent);
}
