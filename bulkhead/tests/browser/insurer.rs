//! One insurer's people at the console: everything of their own, and nothing of anybody else.

use std::collections::BTreeSet;

use console::route::{Kind, TABLE};
use serde_json::json;

use crate::{
    chromium::{Chromium, Look},
    common::{ESTATE, World},
    plain::Api,
};

/// Names that stand nowhere but with the other insurers.
const PLANTED: [&str; 4] = [
    "Zweitkasse-Geheim",
    "Drittkasse-Geheim",
    "Fremdgrund",
    "Fremdvorfall",
];
/// And what the estate calls them.
const FOREIGN: [&str; 4] = ["kasse-002", "kasse-003", "990000022", "990000033"];

fn assert_nothing_foreign(whose: &str, text: &str) {
    for word in PLANTED.iter().chain(&FOREIGN) {
        assert!(!text.contains(word), "{word} at {whose}:\n{text}");
    }
}

/// A world in which the other insurers have names, a cut, a clearance draft and an incident of their own.
async fn world_with_secrets() -> World {
    let estate = ESTATE
        .replace("Kasse zwei (erfunden)", PLANTED[0])
        .replace("Kasse drei (erfunden)", PLANTED[1]);
    let mut world = World::closed_in(&estate);
    world.side.open_in_peace().await.unwrap();
    let commander = Api::log_in(&world, "leitung-1");
    commander.propose(&json!({
        "art": "closing", "insurers": "kasse-002", "class": "containment", "reason": PLANTED[2],
    }));
    world.sign_the_one("leitung-1");
    commander.propose(&json!({
        "art": "closing", "insurers": "kasse-003", "class": "containment", "reason": PLANTED[2],
    }));
    let incident = json!({ "title": PLANTED[3], "severity": "high", "insurers": "kasse-002" });
    assert_eq!(commander.post("/api/v1/incidents", &incident).status, 201);
    let secrets = commander.get("/api/v1/incidents").body + &commander.get("/api/v1/drafts").body;
    assert!(
        secrets.contains(PLANTED[2]) && secrets.contains(PLANTED[3]),
        "{secrets}"
    );
    world
}

/// Every way in, with the names of this insurer where the table has braces.
fn ways(of: &str, statement: &str) -> Vec<(Kind, &'static str, String)> {
    let fill = |pattern: &str| {
        pattern
            .replace("{insurer}", of)
            .replace("{service}", "kim")
            .replace("{incident}", "v-1")
            .replace("{statement}", statement)
            .replace("{session}", "0")
    };
    let mut all = Vec::new();
    for row in TABLE {
        let method = if row.method.is_unsafe() { "POST" } else { "GET" };
        for pattern in [row.page, row.api] {
            if !pattern.is_empty() && !matches!(row.kind, Kind::Events | Kind::Logout | Kind::OpenApi) {
                all.push((row.kind, method, fill(pattern)));
            }
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_in_shows_an_insurer_nothing_of_another() {
    let world = world_with_secrets().await;
    let central = Api::log_in(&world, "leitung-1");
    let drafts = central.get("/api/v1/drafts").json();
    let foreign_draft = drafts["drafts"][0]["id"].as_str().unwrap().to_owned();
    let own = Api::log_in(&world, "kasse-001.a");
    let before = central.get("/api/v1/journal").json()["entries"].as_u64().unwrap();
    for (kind, method, path) in ways("kasse-001", &foreign_draft) {
        let reply = match method {
            "GET" => own.get(&path),
            _ if path.starts_with("/api/") => own.post(&path, &json!({})),
            _ => continue,
        };
        assert_ne!(reply.status, 500, "{kind:?} {path}");
        assert_nothing_foreign(&format!("{method} {path}"), &reply.body);
    }
    // With the other's names in the path, nothing is there, not even a refusal that says it exists.
    for (kind, method, path) in ways("kasse-002", &foreign_draft) {
        if !path.contains("kasse-002") && !path.contains(&foreign_draft) {
            continue;
        }
        let reply = match method {
            "GET" => own.get(&path),
            _ if path.starts_with("/api/") => {
                own.post(&path, &json!({ "why": "x", "words": "x", "signature": "x" }))
            }
            _ => continue,
        };
        assert!(
            matches!(reply.status, 403 | 404),
            "{kind:?} {method} {path}: {reply:?}"
        );
        assert_nothing_foreign(&path, &reply.body.replace("kasse-002", ""));
    }
    let after = central.get(&format!("/api/v1/journal?ab={before}")).body;
    assert!(
        after.contains("\"lines\"") && !after.contains("kasse-001.a"),
        "something was carried out: {after}"
    );
    // By a filter, by a preview.
    for path in [
        "/?suche=kasse-002",
        "/api/v1/cells?insurer=kasse-002",
        "/api/v1/preview?art=abtrennen&everything=1&vorschau=1",
        "/api/v1/preview?art=abtrennen&insurers=kasse-002&vorschau=1",
        "/api/v1/journal",
        "/api/v1/sources",
    ] {
        let body = own.get(path).body;
        // The filter somebody typed is shown to them again.
        assert_nothing_foreign(path, &body.replace("value=\"kasse-002\"", ""));
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_link_an_insurer_can_follow_stays_with_its_own() {
    let Some(chromium) = Chromium::start("insurer") else {
        return;
    };
    let world = world_with_secrets().await;
    let origin = world.console();
    let screen = chromium.screen("kasse", Look::at(&origin));
    world.log_in(&screen, "kasse-001.a");
    let mut seen = BTreeSet::new();
    let mut ahead = vec![("/".to_owned(), String::new())];
    while let Some((path, on)) = ahead.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let status = screen.go(&path);
        assert!(status < 400, "{path} is linked on {on} and answers {status}");
        assert_nothing_foreign(&path, &screen.html());
        let links = screen.links();
        ahead.extend(links.into_iter().filter_map(|link| {
            let link = link.split('#').next()?.to_owned();
            let page = link.starts_with('/') && !link.contains('.') && !link.contains("lang=");
            page.then(|| (link, path.clone()))
        }));
    }
    for wanted in [
        "/kasse/kasse-001",
        "/zelle/kasse-001/kim",
        "/warten",
        "/hilfe",
        "/bereit",
    ] {
        assert!(seen.contains(wanted), "{wanted} is not reached: {seen:?}");
    }
    screen.see("/kasse/kasse-001");
    screen.keep("own");
    screen.follow(".account a", "English");
    screen.says(&["What to do next", "May consent"]);
    assert_nothing_foreign("own page in English", &screen.html());
    screen.keep("own-en");
    assert_eq!(screen.noise(), [""; 0]);
    drop(chromium);
    world.end().await;
}
