//! Mail through real door processes: a practice's Postfix, sessions at the moment of a cut, and no personal data anywhere.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests and what they stand among may stop at the first surprise"
)]

mod common;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use common::{World, estate_text::INSURERS, mailbox, smtp, talk::Talk, until};
use vocabulary::{Position, Scope};

/// Invented persons, numbers shaped like KVNRs, an address, words of an illness.
const PLANTED: [&str; 9] = [
    "Adelheid Wackernagel",
    "Z987654321",
    "praxis.dr.quitzow",
    "Quitzow-Praxis",
    "Lungenembolie",
    "wackernagel.adelheid",
    "Birkenstieg 17b",
    "0151-55501234",
    "Q123987456",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_personal_data_lies_in_any_file() {
    let mut world = World::open().await;
    for word in PLANTED {
        world.plant(word);
    }
    let from = "praxis.dr.quitzow@praxis.test";
    let intake = world.intake();
    let mut number = 0;
    let mut send = |world: &World| {
        number += 1;
        let to = mailbox(number % INSURERS + 1);
        let mail = format!(
            "From: \"Quitzow-Praxis\" <{from}>\r\nTo: {to}\r\nMessage-ID: <Z987654321.{number}@praxis.dr.quitzow.test>\r\n\
             X-KIM-Dienstkennung: eAU;Lieferung;V1.2\r\nSubject: eAU Adelheid Wackernagel {number}\r\n\r\n\
             Adelheid Wackernagel, KVNR Z987654321, Birkenstieg 17b, 0151-55501234: Lungenembolie, Q123987456\r\n"
        );
        let reply = smtp::Session::new(intake)
            .unwrap()
            .mail(from, &to, &mail)
            .unwrap();
        world.acknowledged.lock().unwrap().push(smtp::item(&reply));
    };
    for _ in 0..6 {
        send(&world);
    }
    world.until_handed_over().await;
    // Refusals speak about somebody too: a mailbox that is not ours, a login that fails, a line that is none.
    let mut session = smtp::Session::new(intake).unwrap();
    session.ask(&format!("MAIL FROM:<{from}>"), "250").unwrap();
    session
        .ask("RCPT TO:<wackernagel.adelheid@elsewhere.test>", "550")
        .unwrap();
    session.ask("Adelheid Wackernagel", "5").unwrap();
    // The insurer fetches, and sends an answer.
    let address = mailbox(1);
    let mut pop = Talk::new(world.side.system.door["fetch"]);
    for line in [format!("USER {address}"), "PASS uebung".into(), "UIDL".into()] {
        assert!(pop.ask(&line).starts_with("+OK"), "{line}");
    }
    let mut out = smtp::Session::new(world.side.system.door["submission"]).unwrap();
    out.ask(
        &format!("AUTH PLAIN {}", STANDARD.encode(format!("\0{address}\0uebung"))),
        "235",
    )
    .unwrap();
    out.mail(
        &address,
        "praxis.dr.quitzow@praxis.test",
        "Subject: Adelheid Wackernagel\r\n\r\nZ987654321\r\n",
    )
    .unwrap();
    world.cut(Scope::everything()).await;
    for _ in 0..6 {
        send(&world);
    }
    world.side.system.crash_doors().unwrap();
    world
        .until_status("the view is fresh", |status| status.fresh)
        .await;
    let certificate = world.certificate().await;
    assert_eq!((certificate.held.count, certificate.handed_over.count), (6, 6));
    // What the door says about itself is written to a file like any other.
    let (door, tls) = (
        world.side.system.door["door"].to_string(),
        world.side.system.people_tls(),
    );
    for words in [["spool", "certificate"], ["spool", "status"]] {
        let said = common::run(&[
            words[0].as_ref(),
            words[1].as_ref(),
            "--door".as_ref(),
            door.as_ref(),
            "--tls".as_ref(),
            tls.as_os_str(),
        ]);
        let said = said.expect(0, &[]);
        std::fs::write(world.folder().join(words[1]), said.said()).unwrap();
    }
    assert!(
        world
            .regular
            .taken()
            .iter()
            .any(|mail| mail.data.contains("Lungenembolie")),
        "it was really there"
    );
    world.end().await;
}

#[test]
#[should_panic(expected = "deep/log:")]
fn a_planted_word_would_be_found_behind_base64() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("deep")).unwrap();
    let text = STANDARD.encode("xx Befund: Lungenembolie links");
    std::fs::write(dir.path().join("deep/log"), text).unwrap();
    common::assert_planted_nowhere(dir.path(), &["Lungenembolie".to_owned()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn held_cuts_fetch_and_submission_and_lets_the_sender_finish() {
    let mut world = World::open().await;
    let address = mailbox(1);
    let mut pop = Talk::new(world.side.system.door["fetch"]);
    assert!(pop.ask(&format!("USER {address}")).starts_with("+OK"));
    assert!(pop.ask("PASS uebung").starts_with("+OK"));
    let mut out = smtp::Session::new(world.side.system.door["submission"]).unwrap();
    out.ask(
        &format!("AUTH PLAIN {}", STANDARD.encode(format!("\0{address}\0uebung"))),
        "235",
    )
    .unwrap();
    let mut sender = smtp::Session::new(world.intake()).unwrap();
    sender.ask("MAIL FROM:<p1@praxis.test>", "250").unwrap();
    sender.ask(&format!("RCPT TO:<{address}>"), "250").unwrap();
    sender.ask("DATA", "354").unwrap();
    sender
        .say("Message-ID: <midway@praxis.test>\r\nX-KIM-Dienstkennung: eAU;Lieferung;V1.2\r\n\r\nfirst half")
        .unwrap();
    world.cut(Scope::everything()).await;
    let said = pop.hear();
    assert!(said.starts_with("-ERR [SYS/TEMP]") || said.is_empty(), "{said}");
    assert!(said.is_empty() || pop.hear().is_empty(), "the session is over");
    let last = out.hear();
    assert!(
        last.as_ref().map_or(true, |line| line.starts_with("421")),
        "{last:?}"
    );
    sender.say("second half").unwrap();
    let reply = sender.ask(".", "250").unwrap();
    world.acknowledged.lock().unwrap().push(smtp::item(&reply));
    let certificate = world.certificate().await;
    assert_eq!((certificate.held.count, world.regular.count()), (1, 0));
    world.clear_and_open().await;
    world.until_handed_over().await;
    assert_eq!(world.regular.taken()[0].id(), "<midway@praxis.test>");
    world.end().await;
}

/// Whether a counterpart is here; a missing one is a visible skip, and a failure where it was demanded.
fn counterpart(program: &str) -> Option<PathBuf> {
    let found = ["/usr/sbin", "/usr/bin", "/usr/local/sbin"]
        .iter()
        .map(|dir| Path::new(dir).join(program))
        .find(|path| path.exists());
    let root = Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|said| said.stdout == b"0\n");
    if found.is_some() && root {
        return found;
    }
    assert!(
        std::env::var_os("BULKHEAD_REQUIRE_COUNTERPARTS").is_none(),
        "{program}, or root for it, is missing"
    );
    // Past the capture of the test runner: a skip must be seen.
    let mut seen = std::io::stderr().lock();
    writeln!(seen, "SKIPPED: {program} is not installed, or we are not root").unwrap();
    None
}

/// A Postfix of its own: folders, queue and processes apart from any other on this machine. It relays everything to
/// the door and listens nowhere.
struct Postfix {
    dir: tempfile::TempDir,
    program: PathBuf,
}

impl Postfix {
    fn start(program: PathBuf, port: u16) -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::Builder::new()
            .prefix("bulkhead-postfix")
            .tempdir()
            .unwrap();
        let here = dir.path();
        // Its processes change to their own user and must get through.
        std::fs::set_permissions(here, std::fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["conf", "spool", "data"] {
            std::fs::create_dir(here.join(name)).unwrap();
        }
        assert!(
            Command::new("chown")
                .arg("postfix")
                .arg(here.join("data"))
                .status()
                .unwrap()
                .success()
        );
        let main = format!(
            "compatibility_level = 3.6\nqueue_directory = {0}/spool\ndata_directory = {0}/data\nmaillog_file = {0}/log\n\
             maillog_file_prefixes = /\nmyhostname = praxis.test\nmydestination =\nrelayhost = [127.0.0.1]:{port}\n\
             inet_interfaces = loopback-only\ninet_protocols = ipv4\nminimal_backoff_time = 1s\nmaximal_backoff_time = 2s\n\
             queue_run_delay = 1s\nsmtp_tls_security_level = none\nsmtp_destination_concurrency_limit = 1\n\
             smtp_destination_recipient_limit = 1\nsmtp_destination_concurrency_failed_cohort_limit = 0\nnotify_classes =\n\
             default_database_type = hash\nalias_maps =\nalias_database =\n",
            here.display()
        );
        let daemons = "pickup unix n - n 1 1 pickup\ncleanup unix n - n - 0 cleanup\nqmgr unix n - n 1 1 qmgr\n\
             rewrite unix - - n - - trivial-rewrite\nbounce unix - - n - 0 bounce\ndefer unix - - n - 0 bounce\n\
             trace unix - - n - 0 bounce\nflush unix n - n 1000? 0 flush\nsmtp unix - - n - - smtp\nrelay unix - - n - - smtp\n\
             error unix - - n - - error\nretry unix - - n - - error\nanvil unix - - n - 1 anvil\nscache unix - - n - 1 scache\n\
             postlog unix-dgram n - n - 1 postlogd\n";
        std::fs::write(here.join("conf/main.cf"), main).unwrap();
        std::fs::write(here.join("conf/master.cf"), daemons).unwrap();
        let postfix = Self { dir, program };
        let said = postfix.run("start");
        assert!(said.status.success(), "{said:?} {}", postfix.log());
        postfix
    }

    fn run(&self, word: &str) -> Output {
        Command::new(&self.program)
            .arg("-c")
            .arg(self.dir.path().join("conf"))
            .arg(word)
            .output()
            .unwrap()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// Hands a mail in as a program on the practice's machine does.
    fn submit(&self, from: &str, to: &str, message: &str) {
        let mut child = Command::new(self.program.with_file_name("sendmail"))
            .arg("-C")
            .arg(self.dir.path().join("conf"))
            .args(["-i", "-f", from, to])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(message.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    }

    /// Mails the door has taken from it.
    fn sent(&self) -> usize {
        self.log()
            .lines()
            .filter(|line| line.contains("status=sent"))
            .count()
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        // Only this instance: `postfix -c` reads the process id from its own folder.
        let _ended = self.run("abort");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postfix_hands_over_through_open_held_a_death_and_open() {
    let Some(program) = counterpart("postfix") else {
        return;
    };
    let mut world = World::open().await;
    let postfix = Postfix::start(program, world.intake().port());
    let mut number = 0;
    let mut submit = |count: usize| {
        for _ in 0..count {
            number += 1;
            let (from, to) = (format!("p{}@praxis.test", number % 3), mailbox(number % 2 + 1));
            postfix.submit(
                &from,
                &to,
                &smtp::letter(&format!("pf-{number:04}@praxis.test"), &from, &to, "ciphertext")
                    .replace("\r\n", "\n"),
            );
        }
        number
    };
    let open = submit(6);
    until("the open door passes", || world.regular.count() == open);
    world.cut(Scope::everything()).await;
    let held = submit(6);
    until("the practice has handed everything over", || {
        postfix.sent() == held
    });
    assert_eq!(
        (world.certificate().await.held.count, world.regular.count()),
        (6, open)
    );
    // While the door process is dead the practice queues, and tries again by itself.
    world.kill("door");
    let all = submit(6);
    until("the practice was not answered", || {
        postfix.log().contains("status=deferred")
    });
    assert_eq!(postfix.sent(), held);
    world.side.system.crash_doors().unwrap();
    until("the practice gets through again", || postfix.sent() == all);
    world
        .until_status("the view is fresh", |status| status.fresh)
        .await;
    assert!(world.is_all(Position::Held).await);
    assert_eq!(world.certificate().await.held.count, 12);
    world.clear_and_open().await;
    world.until_handed_over().await;
    let taken = world.regular.taken();
    let ids: BTreeSet<&str> = taken.iter().map(|mail| mail.id()).collect();
    assert_eq!(
        (taken.len(), ids.len(), world.regular.items().len()),
        (all, all, all)
    );
    let log = postfix.log();
    assert!(!log.contains("status=bounced"), "no error mail: {log}");
    // In the order in which the door acknowledged them, which is the order of their items.
    let mut lanes: BTreeMap<(&str, &[String]), Vec<&str>> = BTreeMap::new();
    for mail in &taken {
        lanes.entry((&mail.from, &mail.to)).or_default().push(mail.item());
    }
    assert_eq!(lanes.len(), 6);
    for (lane, items) in lanes {
        assert!(items.is_sorted(), "order broken in {lane:?}: {items:?}");
    }
    drop(postfix);
    world.end().await;
}
