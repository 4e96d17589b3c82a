//! What nobody should send, over the wire to the real process: refused, bounded, and nobody else notices.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    common::{ESTATE, LIMIT, World},
    plain::{Api, ask, raw},
};

/// As many as the issue of somebody's grudge brings.
const SLOW: usize = 1_000;
/// More than one address may have.
const STREAMS: usize = 300;
const STREAMS_MAX: usize = 256;
/// A person waits this long without wondering, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(10);

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_site_makes_a_browser_send_is_not_carried_out() {
    let world = World::open().await;
    let to = world.side.system.console;
    let (own, other) = (Api::log_in(&world, "leitung-1"), Api::log_in(&world, "leitung-2"));
    let cookie = format!("bulkhead={}", own.token);
    let origin = world.console();
    let send = |origin: Option<&str>, token: &str| {
        let mut headers = vec![FORM, ("Cookie", cookie.as_str())];
        headers.extend(origin.map(|origin| ("Origin", origin)));
        let body = format!("_token={token}&art=abtrennen&everything=1&reason=fremd");
        ask(to, "POST", "/entwurf", &headers, body.as_bytes())
    };
    let drafts = || {
        own.get("/api/v1/drafts").json()["drafts"]
            .as_array()
            .unwrap()
            .len()
    };
    for (from, token) in [
        (Some(origin.as_str()), ""),
        (Some(origin.as_str()), other.form_token.as_str()),
        (Some("http://evil.example"), own.form_token.as_str()),
        (Some("null"), own.form_token.as_str()),
        (None, own.form_token.as_str()),
    ] {
        let reply = send(from, token);
        assert_eq!(reply.status, 403, "{from:?} {token}: {reply:?}");
        assert_eq!(drafts(), 0, "{from:?} {token}");
    }
    // Its own page may.
    let reply = send(Some(&origin), &own.form_token);
    assert_eq!((reply.status, drafts()), (303, 1), "{reply:?}");
    // A browser that was told that our address is somebody else's.
    let reply = raw(
        to,
        b"GET /anmelden HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    );
    assert_eq!(reply.status, 421, "{reply:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_carries_its_guards_and_tricks_with_paths_lead_nowhere() {
    let world = World::open().await;
    let to = world.side.system.console;
    let api = Api::log_in(&world, "leitung-1");
    let bearer = format!("Bearer {}", api.token);
    let get = |path: &str| ask(to, "GET", path, &[("Authorization", &bearer)], b"");
    for path in [
        "/",
        "/anmelden",
        "/hilfe",
        "/stil.css",
        "/api/v1/cells",
        "/gibt-es-nicht",
        "/api/v1/nichts",
    ] {
        let reply = get(path);
        let policy = reply.header("content-security-policy").unwrap_or_default();
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{path}: {reply:?}"
        );
        assert_eq!(reply.header("x-frame-options"), Some("DENY"), "{path}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
    }
    for path in [
        "/../control.toml",
        "/..%2f..%2fcontrol/log.key",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/kasse/..%2f..%2fcontrol",
        "/kasse/kasse-001%00.b",
        "/kasse/%3Cscript%3E",
        "/zelle/kasse-001/eau/../../protokoll",
        "/stil.css/../../control.toml",
        "/entwurf/%0d%0aSet-Cookie:%20a=b",
        "/vorfall/\u{1}",
    ] {
        let reply = get(path);
        assert!(
            matches!(reply.status, 400 | 404),
            "{path}: {} {}",
            reply.status,
            reply.body
        );
        assert!(
            reply.header("set-cookie").is_none() && !reply.body.contains("<script>"),
            "{path}"
        );
        assert!(
            !reply.body.contains("root:") && !reply.body.contains("BEGIN"),
            "{path}: {}",
            reply.body
        );
    }
    // Where to go after a log-in is one of our own pages.
    for onward in [
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
    ] {
        let reply = ask(to, "GET", &format!("/anmelden?weiter={onward}"), &[], b"");
        assert!(
            !reply.body.contains("evil.example") && !reply.body.contains("alert(1)"),
            "{onward}"
        );
    }
    // Too much of everything.
    let long = format!("/?suche={}", "a".repeat(64 * 1024));
    assert!(matches!(ask(to, "GET", &long, &[], b"").status, 400 | 414 | 431));
    let large = vec![b'a'; console::BODY_BYTES_MAX + 1];
    let reply = ask(
        to,
        "POST",
        "/api/v1/drafts",
        &[("Authorization", &bearer)],
        &large,
    );
    assert_eq!(reply.status, 413, "{reply:?}");
    let claimed = format!(
        "POST /api/v1/drafts HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n",
        large.len()
    );
    let mut chunked = claimed.into_bytes();
    chunked.extend(&large);
    chunked.extend(b"\r\n0\r\n\r\n");
    assert_eq!(raw(to, &chunked).status, 413);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_from_the_estate_are_text_on_every_page() {
    let evil = "<script>alert('kasse')</script>\\\"><img src=x onerror=alert(1)>";
    let estate = ESTATE
        .replace("Kasse eins (erfunden)", evil)
        .replace("\"KIM-Post\"", "\"<b>KIM</b>\"")
        .replace("\"Essen\"", "\"<i>Essen</i>\"");
    let mut world = World::closed_in(&estate);
    world.side.open_in_peace().await.unwrap();
    let api = Api::log_in(&world, "leitung-1");
    let evil_reason = "<script>alert('grund')</script>";
    let draft = api.propose(&json!({ "art": "closing", "insurers": "kasse-001", "reason": evil_reason }));
    world.sign_the_one("leitung-1");
    let incident = json!({ "title": evil_reason, "severity": "high", "insurers": "kasse-001" });
    assert_eq!(api.post("/api/v1/incidents", &incident).status, 201);
    let pages = [
        "/",
        "/?lang=en",
        "/warten",
        "/entwurf",
        "/vorfall",
        "/plan",
        "/fristen",
        "/bereit",
        "/quellen",
        "/protokoll",
        "/kasse/kasse-001",
        "/zelle/kasse-001/kim",
        "/sitzungen",
        "/hilfe",
        "/entwurf/neu?insurers=%3Cscript%3Ealert(2)",
        "/?suche=%3Cscript%3Ealert(3)",
    ];
    let mut named = 0;
    for path in pages.into_iter().chain([format!("/entwurf/{draft}").as_str()]) {
        let reply = api.get(path);
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        for raw in ["<script>alert", "<img", "<b>KIM</b>", "<i>Essen</i>"] {
            assert!(!reply.body.contains(raw), "{raw} on {path}");
        }
        named += usize::from(reply.body.contains("&lt;script&gt;alert"));
    }
    assert!(named > 5, "the name was shown on {named} pages");
    // And on the site.
    let site = world.side.system.site();
    crate::common::until("the site shows the cut", || {
        std::fs::read_to_string(site.join("kasse/kasse-001.html")).is_ok_and(|page| page.contains("held"))
    });
    for page in [
        "index.html",
        "en/index.html",
        "kasse/kasse-001.html",
        "en/insurer/kasse-001.html",
        "atom.xml",
    ] {
        let text = std::fs::read_to_string(site.join(page)).unwrap_or_default();
        assert!(!text.contains("<script") && !text.contains("<img"), "{page}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_slow_callers_and_too_many_screens_leave_room_for_people() {
    let world = World::open().await;
    let to = world.side.system.console;
    let api = Api::log_in(&world, "leitung-1");
    // Half say part of a head and stop, half promise a body that does not come.
    let slow: Vec<TcpStream> = (0..SLOW)
        .map(|number| {
            let mut stream = TcpStream::connect(to).unwrap();
            let words = if number % 2 == 0 {
                format!("GET / HTTP/1.1\r\nHost: {to}\r\nX-Slow")
            } else {
                format!("POST /anmelden HTTP/1.1\r\nHost: {to}\r\nContent-Length: 5000\r\n\r\nchall")
            };
            stream.write_all(words.as_bytes()).unwrap();
            stream
        })
        .collect();
    for path in ["/", "/warten", "/api/v1/cells"] {
        let began = Instant::now();
        assert_eq!(api.get(path).status, 200);
        assert!(began.elapsed() < PATIENCE, "{path} took {:?}", began.elapsed());
    }
    // They are cut, each of them, without a page about it being theirs to have.
    for mut stream in slow {
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let mut said = Vec::new();
        let _reset = stream.read_to_end(&mut said);
        let said = String::from_utf8_lossy(&said);
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 4"), "{said}");
    }
    // Screens that listen: so many from one address, and no more.
    let mut listening = Vec::new();
    let mut refused = 0;
    for _ in 0..STREAMS {
        let mut stream = TcpStream::connect(to).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let words = format!(
            "GET /ereignisse HTTP/1.1\r\nHost: {to}\r\nAuthorization: Bearer {}\r\n\r\n",
            api.token
        );
        stream.write_all(words.as_bytes()).unwrap();
        let mut head = [0; 12];
        stream.read_exact(&mut head).unwrap();
        match &head {
            b"HTTP/1.1 200" => listening.push(stream),
            b"HTTP/1.1 503" => refused += 1,
            other => panic!("{}", String::from_utf8_lossy(other)),
        }
    }
    assert_eq!((listening.len(), refused), (STREAMS_MAX, STREAMS - STREAMS_MAX));
    let began = Instant::now();
    assert_eq!(api.get("/").status, 200);
    assert!(began.elapsed() < PATIENCE);
    drop(listening);
    world.end().await;
}
