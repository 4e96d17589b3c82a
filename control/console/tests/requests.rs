//! Requests nobody should send: foreign forms, foreign pages, injected names, path tricks, oversize bodies, replays.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod stage;

use console::{Method, Response};
use order::{LOGIN_NAMESPACE, login::Challenge};
use stage::{ORIGIN, Stage, page, sign_in};
use vocabulary::{Seconds, Signature};

fn without(headers: &mut Vec<(String, String)>, name: &str) {
    headers.retain(|(known, _)| known != name);
}

fn set(headers: &mut Vec<(String, String)>, name: &str, value: &str) {
    without(headers, name);
    headers.push((name.into(), value.into()));
}

#[test]
fn a_form_needs_its_own_sessions_token() {
    let mut stage = Stage::new();
    let commander = stage.log_in("commander-1");
    let other = stage.log_in("commander-2");
    for token in ["", "x", other.form_token.as_str()] {
        let body = format!("_token={token}&title=Verdacht");
        let request = stage.browser(&commander, Method::Post, "/vorfall", &body);
        assert_eq!(stage.ask(&request).status, 403, "{token:?}");
    }
    assert!(stage.journal.picture().people().incidents.is_empty());
    assert_eq!(
        stage
            .post(&commander, "/vorfall", &[("title", "Verdacht")])
            .status,
        303
    );
    assert_eq!(stage.journal.picture().people().incidents.len(), 1);
}

#[test]
fn a_program_with_a_cookie_repeats_the_token_in_a_header() {
    let mut stage = Stage::new();
    let commander = stage.log_in("commander-1");
    let body = r#"{"title":"Verdacht"}"#;
    let mut request = stage.browser(&commander, Method::Post, "/api/v1/incidents", body);
    assert_eq!(stage.ask(&request).status, 403);
    request
        .headers
        .push(("x-bulkhead-token".into(), commander.form_token.clone()));
    assert_eq!(stage.ask(&request).status, 201);
}

#[test]
fn what_acts_must_come_from_our_own_pages() {
    let mut stage = Stage::new();
    let commander = stage.log_in("commander-1");
    let body = format!("_token={}&title=Verdacht", commander.form_token);
    let tricks: [(&str, Option<&str>); 7] = [
        ("origin", None),
        ("origin", Some("null")),
        ("origin", Some("https://evil.example")),
        ("origin", Some("http://leitstand.example")),
        ("origin", Some("https://leitstand.example.evil.example")),
        ("sec-fetch-site", Some("cross-site")),
        ("sec-fetch-site", Some("same-site")),
    ];
    for (name, value) in tricks {
        let mut request = stage.browser(&commander, Method::Post, "/vorfall", &body);
        match value {
            Some(value) => set(&mut request.headers, name, value),
            None => without(&mut request.headers, name),
        }
        assert_eq!(stage.ask(&request).status, 403, "{name}: {value:?}");
    }
    let mut twice = stage.browser(&commander, Method::Post, "/vorfall", &body);
    twice
        .headers
        .push(("origin".into(), "https://evil.example".into()));
    assert_eq!(stage.ask(&twice).status, 403, "two origins");
    assert!(stage.journal.picture().people().incidents.is_empty());
}

#[test]
fn a_name_that_is_not_ours_is_not_answered() {
    let mut stage = Stage::new();
    let commander = stage.log_in("commander-1");
    for host in ["evil.example", "leitstand.example:8443", "127.0.0.1"] {
        let mut request = stage.browser(&commander, Method::Get, "/", "");
        set(&mut request.headers, "host", host);
        assert_eq!(stage.ask(&request).status, 421, "{host}");
    }
}

#[test]
fn injected_names_are_shown_as_text() {
    let mut stage = Stage::new();
    let commander = stage.log_in("commander-1");
    let evil = "<img src=x onerror=alert(1)>\"'&";
    assert_eq!(
        stage
            .post(&commander, "/vorfall", &[("title", evil), ("incident", "v-1")])
            .status,
        303
    );
    assert_eq!(
        stage
            .post(&commander, "/vorfall/v-1/notiz", &[("text", evil)])
            .status,
        303
    );
    stage.cut(&["kasse-001"], vocabulary::Class::Containment, evil);
    for path in [
        "/",
        "/zelle/kasse-001/kim",
        "/vorfall",
        "/vorfall/v-1",
        "/kasse/kasse-001",
        "/protokoll",
        "/warten",
    ] {
        let text = page(&stage.get(&commander, path));
        assert!(!text.contains("<script>alert"), "{path}");
        assert!(!text.contains("<img src=x"), "{path}");
    }
    let shown = page(&stage.get(&commander, "/"));
    assert!(shown.contains("&lt;script&gt;alert(1)"));
    let typed = page(&stage.get(&commander, "/?suche=%22%3E%3Cscript%3E"));
    assert!(!typed.contains("\"><script>"));
}

#[test]
fn path_tricks_and_other_methods_lead_nowhere() {
    let mut stage = Stage::new();
    let commander = stage.log_in("commander-1");
    for path in [
        "//evil.example/",
        "/..",
        "/zelle/../kasse/kasse-001",
        "/zelle/kasse-001/%6bim",
        "/stil.css/",
        "/kasse/kasse-001/",
        "/KASSE/kasse-001",
        "/kasse/<script>",
        "/api/v1/cells/kasse-001",
    ] {
        let response = stage.get(&commander, path);
        assert_eq!(response.status, 404, "{path}");
        assert!(!page(&response).contains("evil.example"), "{path}");
    }
    let request = stage.browser(&commander, Method::Other, "/", "");
    let response = stage.ask(&request);
    assert_eq!(
        (response.status, response.header("allow")),
        (403, None),
        "acts without token"
    );
    let mut request = stage.request(Method::Other, "/", "");
    request
        .headers
        .push(("authorization".into(), format!("Bearer {}", commander.token)));
    let response = stage.ask(&request);
    assert_eq!(
        (response.status, response.header("allow")),
        (405, Some("GET, HEAD"))
    );
}

#[test]
fn oversize_bodies_are_refused() {
    let mut stage = Stage::new();
    let commander = stage.log_in("commander-1");
    let long = "x".repeat(65 * 1024);
    assert_eq!(
        stage.post(&commander, "/vorfall", &[("title", &long)]).status,
        413
    );
    let huge = "x".repeat(console::BODY_BYTES_MAX + 1);
    let response = stage.api(&commander, Method::Post, "/api/v1/incidents", &huge);
    assert_eq!(response.status, 413);
    let words = "x".repeat(501);
    assert_eq!(
        stage.post(&commander, "/vorfall", &[("title", &words)]).status,
        422
    );
}

#[test]
fn nothing_that_was_sent_gets_into_a_header() {
    let mut stage = Stage::new();
    let commander = stage.log_in("commander-1");
    let tricks = [
        "/anmelden?weiter=//evil.example",
        "/anmelden?weiter=https://evil.example",
        "/anmelden?weiter=/plan%0d%0aset-cookie:%20a=b",
        "/?lang=de%0d%0aset-cookie:a=b",
    ];
    for path in tricks {
        let response = stage.get(&commander, path);
        for (name, value) in &response.headers {
            assert!(
                !value.contains("evil") && !value.contains("a=b"),
                "{path} {name}: {value}"
            );
        }
        assert!(!page(&response).contains("evil.example"), "{path}");
    }
    let mut request = stage.request(Method::Get, "/vorfall/v-1", "");
    request.query = "x=\r\nset-cookie: a=b".into();
    let response = stage.ask(&request);
    assert_eq!(response.header("location"), Some("/anmelden?weiter=/vorfall/v-1"));
}

fn sealed(response: &Response) {
    for (name, part) in [
        ("content-security-policy", "frame-ancestors 'none'"),
        ("content-security-policy", "default-src 'none'"),
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cache-control", "no-"),
    ] {
        assert!(
            response.header(name).is_some_and(|value| value.contains(part)),
            "{name}"
        );
    }
}

#[test]
fn every_answer_carries_the_same_seals() {
    let mut stage = Stage::new();
    let commander = stage.log_in("commander-1");
    for path in [
        "/",
        "/nichts",
        "/stil.css",
        "/skript.js",
        "/anmelden",
        "/api/v1/cells",
        "/api/openapi.json",
        "/ereignisse",
    ] {
        sealed(&stage.get(&commander, path));
    }
    let request = stage.request(Method::Post, "/vorfall", "");
    sealed(&stage.ask(&request));
}

#[test]
fn no_page_has_inline_style_or_script() {
    let mut stage = Stage::new();
    let commander = stage.log_in("commander-1");
    stage.plant();
    for (row, path) in stage::walk::ways()
        .filter(|(row, path)| !stage::walk::is_post(row) && !path.contains('{') && !path.starts_with("/api"))
    {
        if matches!(
            row.kind,
            console::route::Kind::Script
                | console::route::Kind::Style
                | console::route::Kind::Icon
                | console::route::Kind::Events
        ) {
            continue;
        }
        let text = page(&stage.get(&commander, path));
        assert!(
            !text.contains(" style=") && !text.contains("<style") && !text.contains(" onclick"),
            "{path}"
        );
        assert_eq!(text.matches("<script").count(), 1, "{path}");
        assert_eq!(text.matches("<h1").count(), 1, "{path}");
        assert!(
            text.contains("id=\"weiter\""),
            "{path} does not say what to do next"
        );
        assert!(text.starts_with("<!DOCTYPE html><html lang=\"de\">"), "{path}");
    }
}

#[test]
fn a_challenge_is_answered_once_in_time_and_in_its_own_namespace() {
    let mut stage = Stage::new();
    let line = stage.challenge();
    let bytes = Challenge::read(&line).unwrap().text();
    let good = sign_in(LOGIN_NAMESPACE, "commander-1", bytes.as_bytes());
    let refused = |stage: &mut Stage, line: &str, signature: &Signature| {
        let response = stage.answer_challenge(line, signature);
        assert_eq!(response.status, 403);
        assert_eq!(response.header("set-cookie"), None);
    };
    refused(
        &mut stage,
        &line,
        &sign_in("bulkhead", "commander-1", bytes.as_bytes()),
    );
    refused(
        &mut stage,
        &line,
        &sign_in(LOGIN_NAMESPACE, "commander-1", b"other"),
    );
    refused(
        &mut stage,
        &line,
        &sign_in(LOGIN_NAMESPACE, "stranger", bytes.as_bytes()),
    );
    let forged = line.replace("issued=1", "issued=2");
    let signature = sign_in(
        LOGIN_NAMESPACE,
        "commander-1",
        Challenge::read(&forged).unwrap().text().as_bytes(),
    );
    refused(&mut stage, &forged, &signature);
    let elsewhere = line.replace("leitstand.example", "evil.example");
    let signature = sign_in(
        LOGIN_NAMESPACE,
        "commander-1",
        Challenge::read(&elsewhere).unwrap().text().as_bytes(),
    );
    refused(&mut stage, &elsewhere, &signature);
    assert_eq!(stage.answer_challenge(&line, &good).status, 200);
    refused(&mut stage, &line, &good);
    let late = stage.challenge();
    let signature = sign_in(
        LOGIN_NAMESPACE,
        "commander-1",
        Challenge::read(&late).unwrap().text().as_bytes(),
    );
    let body = serde_json::json!({ "challenge": late, "signature": signature.0 }).to_string();
    let mut request = stage.request(Method::Post, "/api/v1/login", &body);
    request.now = stage.now().plus(Seconds(301));
    assert_eq!(stage.ask(&request).status, 403);
}

#[test]
fn tries_are_limited_per_place() {
    let mut stage = Stage::new();
    let line = stage.challenge();
    for _ in 0..10 {
        assert_eq!(
            stage.answer_challenge(&line, &Signature("rubbish".into())).status,
            403
        );
    }
    let response = stage.answer_challenge(&line, &Signature("rubbish".into()));
    assert_eq!(response.status, 429);
    assert!(response.header("retry-after").is_some());
}

#[test]
fn two_answers_to_one_challenge_that_race_open_one_session() {
    let mut stage = Stage::new();
    let line = stage.challenge();
    let bytes = Challenge::read(&line).unwrap().text();
    let signature = sign_in(LOGIN_NAMESPACE, "commander-1", bytes.as_bytes());
    let body = serde_json::json!({ "challenge": line, "signature": signature.0 }).to_string();
    let (one, two) = (
        stage.request(Method::Post, "/api/v1/login", &body),
        stage.request(Method::Post, "/api/v1/login", &body),
    );
    // Both were answered before either was carried out.
    let answers = stage.at_desk(console::Others::default(), |room| {
        [console::answer(room, &one), console::answer(room, &two)]
    });
    let mut opened = 0;
    for effect in answers.into_iter().flat_map(|answer| answer.effects) {
        if let console::Effect::Session(change) = effect {
            opened += usize::from(stage.sessions.apply(change).is_ok());
        }
    }
    assert_eq!(opened, 1);
}

#[test]
fn a_session_ends_by_idleness_by_age_and_by_its_owner() {
    let mut stage = Stage::new();
    let commander = stage.log_in("commander-1");
    let at = |stage: &mut Stage, secs: u64, path: &str| {
        let mut request = stage.browser(&commander, Method::Get, path, "");
        request.now = stage.now().plus(Seconds(secs));
        stage.ask(&request).status
    };
    assert_eq!(at(&mut stage, 1799, "/"), 200);
    assert_eq!(at(&mut stage, 1799 + 1801, "/"), 303, "idle");
    // What the script fetches by itself does not keep a session alive.
    let mut stage = Stage::new();
    let commander = stage.log_in("commander-1");
    for minute in (0..40).step_by(5) {
        let mut request = stage.browser(&commander, Method::Get, "/?fragment=1", "");
        request.now = stage.now().plus(Seconds(minute * 60));
        assert_eq!(
            stage.ask(&request).status,
            if minute < 30 { 200 } else { 401 },
            "minute {minute}"
        );
    }
    let mut stage = Stage::new();
    let (here, there) = (stage.log_in("commander-1"), stage.log_in("commander-1"));
    let list = stage.api(&here, Method::Get, "/api/v1/sessions", "");
    let list: serde_json::Value = serde_json::from_slice(&list.body).unwrap();
    let other = list["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["this"] == false)
        .unwrap();
    let name = other["session"].as_str().unwrap();
    let stranger = stage.log_in("commander-2");
    assert_eq!(
        stage
            .post(&stranger, &format!("/sitzungen/{name}/ende"), &[])
            .status,
        404
    );
    assert_eq!(
        stage.post(&here, &format!("/sitzungen/{name}/ende"), &[]).status,
        303
    );
    assert_eq!(stage.get(&there, "/").status, 303);
    let out = stage.post(&here, "/abmelden", &[]);
    assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(stage.get(&here, "/").status, 303);
}

#[test]
fn the_cookie_is_for_this_host_only_and_out_of_reach_of_scripts() {
    let mut stage = Stage::new();
    let line = stage.challenge();
    let bytes = Challenge::read(&line).unwrap().text();
    let signature = sign_in(LOGIN_NAMESPACE, "commander-1", bytes.as_bytes());
    let body = format!(
        "challenge={}&signature={}&weiter=/warten",
        stage::escape(&line),
        stage::escape(&signature.0)
    );
    let mut request = stage.request(Method::Post, "/anmelden", &body);
    request.headers.push(("origin".into(), ORIGIN.into()));
    let response = stage.ask(&request);
    assert_eq!(
        (response.status, response.header("location")),
        (303, Some("/warten"))
    );
    let cookie = response.header("set-cookie").unwrap();
    for part in [
        "__Host-bulkhead=",
        "Path=/",
        "HttpOnly",
        "SameSite=Strict",
        "Secure",
    ] {
        assert!(cookie.contains(part), "{cookie}");
    }
}
