//! The POP3 server with readers nobody here wrote: Python's poplib, curl, fetchmail; and with nobody's manners.
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
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use common::{
    LONG, counterpart,
    mailbox::{Memory, PASSWORD, USER, accounts, config, plain},
    tls::Authority,
};
use kim_net::pop3::{NotStarted, Security, Server};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    process::Command,
    time::timeout,
};

/// A client that types.
struct Talk(BufReader<TcpStream>);

impl Talk {
    async fn new(address: SocketAddr) -> Self {
        let mut talk = Self(BufReader::new(TcpStream::connect(address).await.unwrap()));
        assert!(talk.line().await.starts_with("+OK "));
        talk
    }

    async fn inside(address: SocketAddr) -> Self {
        let mut talk = Self::new(address).await;
        assert_eq!(talk.say(&format!("USER {USER}")).await, "+OK\r\n");
        assert_eq!(talk.say(&format!("PASS {PASSWORD}")).await, "+OK\r\n");
        talk
    }

    async fn write(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).await.unwrap();
    }

    async fn say(&mut self, line: &str) -> String {
        self.write(format!("{line}\r\n").as_bytes()).await;
        self.line().await
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        timeout(LONG, self.0.read_line(&mut line)).await.unwrap().unwrap();
        line
    }

    /// What comes until the connection ends.
    async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        // A reset is an end as well.
        let _ = timeout(LONG, self.0.read_to_end(&mut rest)).await.unwrap();
        rest
    }
}

async fn python(script: &str) {
    let Some(python) = counterpart("python3") else {
        return;
    };
    let done = Command::new(python).args(["-c", script]).output().await.unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn python_reads_and_deletes() {
    let memory = Memory::with(5);
    let server = plain(&memory).await;
    python(&format!(
        "import poplib\n\
         p = poplib.POP3('127.0.0.1', {}, timeout=60)\n\
         caps = p.capa()\n\
         assert sorted(caps) == ['SASL', 'TOP', 'UIDL', 'USER'] and caps['SASL'] == ['PLAIN'], caps\n\
         p.user('{USER}'); p.pass_('{PASSWORD}')\n\
         assert p.stat()[0] == 5\n\
         assert len(p.uidl()[1]) == 5 and len(p.list()[1]) == 5\n\
         top = p.top(1, 7)[1]\n\
         assert any(b'eAU' in l for l in top) and not any(b'Text' in l for l in top), top\n\
         for n in range(1, 6):\n\
         \x20   lines = p.retr(n)[1]\n\
         \x20   assert lines[-1] == b'.dot' and lines[-2] == b'Text %d' % n, lines\n\
         p.dele(1); p.dele(2); p.rset(); p.dele(2); p.dele(3)\n\
         p.noop(); p.quit()\n",
        server.address().port()
    ))
    .await;
    if counterpart("python3").is_some() {
        assert_eq!(memory.left(), ["uid-1", "uid-4", "uid-5"]);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_reads_over_tls() {
    let (memory, authority) = (Memory::with(1), Authority::new());
    let large = ["Message-ID: <l@x>\r\n\r\n", &".line of text\r\n".repeat(400_000)].concat();
    memory.put("large", large.clone().into_bytes());
    let server = Server::start(
        config(Security::Tls(authority.server("localhost"))),
        accounts(&memory),
    )
    .await
    .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let roots = dir.path().join("ca.pem");
    authority.write_roots(&roots);
    python(&format!(
        "import poplib, ssl\n\
         c = ssl.create_default_context(cafile='{}')\n\
         p = poplib.POP3_SSL('localhost', {}, context=c, timeout=60)\n\
         p.user('{USER}'); p.pass_('{PASSWORD}')\n\
         body = b'\\r\\n'.join(p.retr(2)[1]) + b'\\r\\n'\n\
         assert len(body) == {}, len(body)\n\
         assert body.count(b'\\r\\n.line of text') == 400000\n\
         p.quit()\n",
        roots.display(),
        server.address().port(),
        large.len()
    ))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_and_fetchmail_read() {
    let memory = Memory::with(3);
    let server = plain(&memory).await;
    let port = server.address().port();
    if let Some(curl) = counterpart("curl") {
        let done = Command::new(curl)
            .args(["-s", "--max-time", "60", "-u", &format!("{USER}:{PASSWORD}")])
            .arg(format!("pop3://127.0.0.1:{port}/2"))
            .output()
            .await
            .unwrap();
        let text = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(text.contains("mail-2") && text.ends_with(".dot\r\n"), "{text}");
    }
    if let Some(fetchmail) = counterpart("fetchmail") {
        let home = tempfile::tempdir().unwrap();
        let (out, rc) = (home.path().join("got"), home.path().join("rc"));
        let text = format!(
            "poll 127.0.0.1 proto pop3 service {port} auth password user \"{USER}\" password \"{PASSWORD}\" sslproto '' fetchall nokeep mda \"cat >> {}\"\n",
            out.display()
        );
        std::fs::write(&rc, text).unwrap();
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&rc, std::fs::Permissions::from_mode(0o600)).unwrap();
        let done = Command::new(fetchmail)
            .env("FETCHMAILHOME", home.path())
            .env("HOME", home.path())
            .args(["-f", rc.to_str().unwrap(), "--nosyslog", "--timeout", "60"])
            .output()
            .await
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        assert_eq!(
            std::fs::read_to_string(out)
                .unwrap()
                .matches("Subject: mail-")
                .count(),
            3
        );
        assert!(memory.left().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_session_has_a_mailbox_and_gives_it_back() {
    let memory = Memory::with(1);
    let server = plain(&memory).await;
    let mut first = Talk::inside(server.address()).await;
    let mut second = Talk::new(server.address()).await;
    assert_eq!(second.say(&format!("USER {USER}")).await, "+OK\r\n");
    assert!(second.say(&format!("PASS {PASSWORD}")).await.contains("in use"));
    assert!(second.rest().await.is_empty());
    assert_eq!(first.say("QUIT").await, "+OK\r\n");
    assert!(first.rest().await.is_empty());
    // The claim is given back when the first session's task has ended.
    let mut third = Talk::new(server.address()).await;
    let deadline = tokio::time::Instant::now() + LONG;
    loop {
        assert_eq!(third.say(&format!("USER {USER}")).await, "+OK\r\n");
        if third.say(&format!("PASS {PASSWORD}")).await == "+OK\r\n" {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline);
        third = Talk::new(server.address()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_deletes_nothing() {
    let memory = Memory::with(2);
    let server = plain(&memory).await;
    let mut talk = Talk::inside(server.address()).await;
    assert_eq!(talk.say("DELE 1").await, "+OK\r\n");
    drop(talk);
    server.stop().await;
    assert_eq!(memory.left(), ["uid-1", "uid-2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_that_fails_is_never_quit_with_ok() {
    let memory = Memory::with(2);
    let server = plain(&memory).await;
    let mut talk = Talk::inside(server.address()).await;
    assert_eq!(talk.say("DELE 1").await, "+OK\r\n");
    memory.broken.store(true, Ordering::SeqCst);
    assert!(talk.say("RETR 2").await.starts_with("-ERR "));
    assert!(talk.say("QUIT").await.starts_with("-ERR "));
    assert_eq!(memory.left(), ["uid-1", "uid-2"]);
    let mut talk = Talk::new(server.address()).await;
    assert_eq!(talk.say(&format!("USER {USER}")).await, "+OK\r\n");
    assert!(
        talk.say(&format!("PASS {PASSWORD}"))
            .await
            .contains("not available")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn top_reads_no_more_than_the_header() {
    let memory = Memory::with(1);
    let server = plain(&memory).await;
    let mut talk = Talk::inside(server.address()).await;
    assert_eq!(talk.say("TOP 1 1000").await, "+OK\r\n");
    let mut text = String::new();
    loop {
        let line = talk.line().await;
        if line == ".\r\n" {
            break;
        }
        text += &line;
    }
    assert!(text.ends_with("Subject: mail-1\r\n\r\n"), "{text}");
    assert_eq!(memory.opened.lock().unwrap().len(), 1);
    assert_eq!(talk.say("NOOP").await, "+OK\r\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_cuts_every_session_at_once() {
    let memory = Memory::with(1);
    let server = plain(&memory).await;
    let address = server.address();
    let (mut inside, mut waiting) = (Talk::inside(address).await, Talk::new(address).await);
    assert_eq!(inside.say("DELE 1").await, "+OK\r\n");
    timeout(LONG, server.stop()).await.unwrap();
    assert!(inside.rest().await.is_empty() && waiting.rest().await.is_empty());
    assert!(TcpStream::connect(address).await.is_err());
    assert_eq!(memory.left(), ["uid-1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_drips_and_floods_end() {
    let memory = Memory::with(1);
    let mut short = config(Security::LoopbackPlain);
    short.wait = Duration::from_millis(300);
    let server = Server::start(short, accounts(&memory)).await.unwrap();
    let mut silent = Talk::new(server.address()).await;
    assert_eq!(silent.rest().await, b"-ERR timeout\r\n");
    let mut dripping = Talk::new(server.address()).await;
    dripping.write(b"US").await;
    assert_eq!(dripping.rest().await, b"-ERR timeout\r\n");

    let server = plain(&memory).await;
    let mut long = Talk::new(server.address()).await;
    let line = "X".repeat(3000);
    assert!(long.say(&line).await.starts_with("-ERR "));
    assert_eq!(long.say("CAPA").await, "+OK\r\n");
    let mut flood = Talk::new(server.address()).await;
    let mut written = 0;
    // Written until the server has had enough.
    while written < 10_000_000 && flood.0.get_mut().write_all(&[b'X'; 10_000]).await.is_ok() {
        written += 10_000;
    }
    let _ = flood.rest().await;
    let mut guess = Talk::new(server.address()).await;
    for round in 1..=3 {
        assert_eq!(
            guess.say(&format!("USER {USER}")).await,
            "+OK\r\n",
            "round {round}"
        );
        assert!(guess.say("PASS falsch").await.starts_with("-ERR "));
    }
    assert!(guess.rest().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_may_come_in_one_piece_or_byte_by_byte() {
    let memory = Memory::with(1);
    let server = plain(&memory).await;
    let mut talk = Talk::new(server.address()).await;
    talk.write(format!("USER {USER}\r\nPASS {PASSWORD}\r\nSTAT\r\nQUIT\r\n").as_bytes())
        .await;
    let answers = String::from_utf8(talk.rest().await).unwrap();
    assert!(
        answers.starts_with("+OK\r\n+OK\r\n+OK 1 ") && answers.ends_with("\r\n+OK\r\n"),
        "{answers}"
    );
    let mut talk = Talk::new(server.address()).await;
    for byte in b"CAPA\r\n" {
        talk.write(&[*byte]).await;
    }
    assert_eq!(talk.line().await, "+OK\r\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_room_for_so_many() {
    let memory = Memory::with(1);
    let mut small = config(Security::LoopbackPlain);
    small.sessions_max = 1;
    let server = Server::start(small, accounts(&memory)).await.unwrap();
    let _first = Talk::new(server.address()).await;
    let mut second = BufReader::new(TcpStream::connect(server.address()).await.unwrap());
    let mut line = String::new();
    timeout(LONG, second.read_line(&mut line)).await.unwrap().unwrap();
    assert!(line.starts_with("-ERR "), "{line}");
    let beyond = kim_net::pop3::Config::new("0.0.0.0:0".parse().unwrap(), Security::LoopbackPlain);
    let refused = Server::start(beyond, accounts(&memory)).await;
    assert!(matches!(refused, Err(NotStarted::PlainBeyondLoopback(_))));
    let _: &Arc<Memory> = &memory;
}
