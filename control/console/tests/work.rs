//! A night's work from a browser: incident, cut, preview, signature, what waits for whom, the insurer's own word.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod stage;

use console::Method;
use serde_json::Value;
use stage::{Person1, Stage, page, sign_in};
use vocabulary::{Class, DoorId, Envelope, Position, Signature, StatementId};

fn door(stage: &Stage, name: &str) -> Position {
    let id: DoorId = name.parse().unwrap();
    stage
        .journal
        .picture()
        .door(&id)
        .unwrap()
        .position_at(stage.now())
}

fn newest_draft(stage: &Stage) -> (StatementId, Envelope) {
    let drafts = &stage.journal.picture().people().drafts;
    let (id, written) = drafts.iter().max_by_key(|(_, written)| written.entry).unwrap();
    (*id, written.body.draft.clone())
}

/// The person's own machine signs the exact bytes, and the signature is pasted into the page.
fn sign(stage: &mut Stage, person: &Person1, key: &str, id: StatementId) -> u16 {
    let envelope = stage.journal.picture().people().drafts[&id].body.draft.clone();
    let signature = sign_in(Signature::NAMESPACE, key, &envelope.signed_bytes());
    stage
        .post(
            person,
            &format!("/entwurf/{id}/unterschrift"),
            &[("signature", &signature.0)],
        )
        .status
}

#[test]
fn a_cut_is_drafted_previewed_signed_and_in_force() {
    let mut stage = Stage::new();
    let commander = stage.log_in("commander-1");
    assert_eq!(door(&stage, "kasse-001/kim"), Position::Open);
    let form = page(&stage.get(&commander, "/entwurf/neu?art=abtrennen&zelle=kasse-001/kim"));
    assert!(form.contains("value=\"kasse-001\"") && form.contains("value=\"kim\""));
    let preview = page(&stage.get(
        &commander,
        "/entwurf/neu?art=abtrennen&insurers=kasse-001&services=kim&vorschau=1",
    ));
    assert!(preview.contains("Vorschau</h2>"), "{preview}");
    let fields = [
        ("art", "abtrennen"),
        ("insurers", "kasse-001"),
        ("services", "kim"),
        ("class", "containment"),
        ("reason", "Verdacht"),
    ];
    let made = stage.post(&commander, "/entwurf", &fields);
    assert_eq!(made.status, 303);
    let (id, _) = newest_draft(&stage);
    assert_eq!(made.header("location"), Some(format!("/entwurf/{id}").as_str()));
    let shown = page(&stage.get(&commander, &format!("/entwurf/{id}")));
    assert!(
        shown.contains("kasse-001") && shown.contains("0 von 1 Personen"),
        "{shown}"
    );
    assert!(shown.contains("Was das bewirken würde"), "{shown}");
    assert_eq!(
        door(&stage, "kasse-001/kim"),
        Position::Open,
        "a draft moves nothing"
    );
    assert_eq!(sign(&mut stage, &commander, "commander-1", id), 303);
    assert_eq!(stage.published.len(), 1);
    assert_eq!(door(&stage, "kasse-001/kim"), Position::Held);
    let shown = page(&stage.get(&commander, &format!("/entwurf/{id}")));
    assert!(
        shown.contains("im Protokoll") && shown.contains("<b>1</b> Türen"),
        "{shown}"
    );
    let cell = page(&stage.get(&commander, "/zelle/kasse-001/kim"));
    assert!(
        cell.contains("Gehalten") && cell.contains("Verdacht") && cell.contains("commander-1"),
        "{cell}"
    );
}

#[test]
fn a_reason_with_the_mark_between_languages_is_shown_whole() {
    let mut stage = Stage::new();
    let commander = stage.log_in("commander-1");
    let reason = "Verdacht / bitte nicht weiterlesen / Ende";
    let fields = [
        ("art", "abtrennen"),
        ("insurers", "kasse-001"),
        ("reason", reason),
    ];
    stage.post(&commander, "/entwurf", &fields);
    let (id, _) = newest_draft(&stage);
    for path in [
        format!("/entwurf/{id}"),
        format!("/entwurf/{id}?lang=en"),
        "/warten".into(),
        "/entwurf".into(),
    ] {
        let text = page(&stage.get(&commander, &path));
        assert!(text.contains(reason), "{path}");
    }
}

#[test]
fn a_cut_of_everything_must_be_said_by_name() {
    let mut stage = Stage::new();
    let commander = stage.log_in("commander-1");
    let fields = [("art", "abtrennen"), ("reason", "Verdacht")];
    assert_eq!(stage.post(&commander, "/entwurf", &fields).status, 422);
    let fields = [("art", "abtrennen"), ("reason", "Verdacht"), ("everything", "1")];
    assert_eq!(stage.post(&commander, "/entwurf", &fields).status, 303);
}

#[test]
fn a_stranger_signature_and_the_wrong_persons_are_refused_with_a_sentence() {
    let mut stage = Stage::new();
    let commander = stage.log_in("commander-1");
    stage.post(
        &commander,
        "/entwurf",
        &[
            ("art", "abtrennen"),
            ("insurers", "kasse-001"),
            ("reason", "Verdacht"),
        ],
    );
    let (id, _) = newest_draft(&stage);
    assert_eq!(sign(&mut stage, &commander, "stranger", id), 422);
    assert_eq!(sign(&mut stage, &commander, "examiner-1", id), 422);
    assert!(stage.published.is_empty());
}

#[test]
fn reopening_waits_for_clearance_commander_and_insurer_and_says_so() {
    let mut stage = Stage::new();
    stage.cut(&["kasse-001"], Class::Containment, "Verdacht");
    let commander = stage.log_in("commander-1");
    let fields = [
        ("art", "oeffnen"),
        ("cells", "kasse-001/kim"),
        ("reason", "sauber"),
    ];
    assert_eq!(stage.post(&commander, "/entwurf", &fields).status, 303);
    let (id, _) = newest_draft(&stage);
    assert_eq!(sign(&mut stage, &commander, "commander-1", id), 303);
    let waiting = page(&stage.get(&commander, "/warten"));
    assert!(waiting.contains("Zustimmung der Kasse kasse-001"), "{waiting}");
    assert!(waiting.contains("0 von 1 Türen offen"), "{waiting}");
    assert_eq!(door(&stage, "kasse-001/kim"), Position::Held);
    // The insurer sees it as its own turn, and drafts its yes.
    let insurer = stage.log_in("kasse-001-ja");
    let own = page(&stage.get(&insurer, "/kasse/kasse-001"));
    assert!(own.contains("wartet auf das Wort der Kasse"), "{own}");
    let opening = id.to_string();
    assert_eq!(
        stage
            .post(&insurer, "/kasse/kasse-001/zustimmung", &[("opening", &opening)])
            .status,
        303
    );
    let (consent, _) = newest_draft(&stage);
    assert_eq!(sign(&mut stage, &insurer, "kasse-001-ja", consent), 303);
    let own = page(&stage.get(&insurer, "/kasse/kasse-001"));
    assert!(own.contains("✓ zugestimmt"), "{own}");
    let waiting = page(&stage.get(&commander, "/warten"));
    assert!(
        !waiting.contains("Zustimmung der Kasse kasse-001 fehlt"),
        "{waiting}"
    );
}

#[test]
fn an_insurer_ranks_books_tests_and_refuses_for_itself_only() {
    let mut stage = Stage::new();
    let yes = stage.log_in("kasse-001-ja");
    let no = stage.log_in("kasse-001-nein");
    assert_eq!(
        stage
            .post(
                &yes,
                "/kasse/kasse-001/rang",
                &[("rank-kim", "2"), ("rank-epa", "1")]
            )
            .status,
        303
    );
    let picture = stage.journal.picture();
    let ranks = &picture.people().ranks[&"kasse-001".parse().unwrap()].body;
    assert_eq!(
        ranks.iter().map(|service| service.as_str()).collect::<Vec<_>>(),
        ["epa", "kim"]
    );
    let slot = [
        ("service", "kim"),
        ("from", "2026-11-02T08:00"),
        ("to", "2026-11-02T10:00"),
    ];
    assert_eq!(stage.post(&yes, "/kasse/kasse-001/termin", &slot).status, 303);
    let slot = [
        ("service", "kim"),
        ("from", "2026-11-02T10:00"),
        ("to", "2026-11-02T08:00"),
    ];
    assert_eq!(stage.post(&yes, "/kasse/kasse-001/termin", &slot).status, 422);
    assert_eq!(
        stage
            .post(&no, "/kasse/kasse-001/abnahme", &[("service", "kim")])
            .status,
        403
    );
    assert_eq!(
        stage
            .post(&yes, "/kasse/kasse-001/abnahme", &[("service", "kim")])
            .status,
        303
    );
    assert_eq!(
        stage
            .post(
                &no,
                "/kasse/kasse-001/mangel",
                &[("service", "kim"), ("why", "geht nicht")]
            )
            .status,
        303
    );
    assert!(page(&stage.get(&yes, "/kasse/kasse-001")).contains("geht nicht"));
    assert_eq!(
        stage
            .post(&no, "/kasse/kasse-001/ablehnung", &[("why", "noch nicht")])
            .status,
        303
    );
    let (refusal, _) = newest_draft(&stage);
    assert_eq!(sign(&mut stage, &no, "kasse-001-nein", refusal), 303);
    assert!(page(&stage.get(&yes, "/kasse/kasse-001")).contains("Ablehnungen in Kraft"));
    for (path, field) in [
        ("rang", ("rank-kim", "1")),
        ("termin", ("service", "kim")),
        ("mangel", ("service", "kim")),
    ] {
        assert_eq!(
            stage
                .post(&yes, &format!("/kasse/kasse-002/{path}"), &[field])
                .status,
            404
        );
    }
    // An insurer cannot propose what is about others.
    let fields = [("art", "abtrennen"), ("insurers", "kasse-002"), ("reason", "x")];
    assert_eq!(stage.post(&yes, "/entwurf", &fields).status, 403);
}

#[test]
fn an_incident_is_opened_noted_and_closed() {
    let mut stage = Stage::new();
    let commander = stage.log_in("commander-1");
    let examiner = stage.log_in("examiner-2");
    let opened = stage.post(
        &commander,
        "/vorfall",
        &[("title", "Seltsame Post"), ("insurers", "kasse-001")],
    );
    let path = opened.header("location").unwrap().to_owned();
    assert_eq!(
        stage
            .post(&examiner, &format!("{path}/notiz"), &[("text", "Spur gefunden")])
            .status,
        303
    );
    assert_eq!(
        stage
            .post(&examiner, &format!("{path}/abschluss"), &[("why", "x")])
            .status,
        403
    );
    assert_eq!(
        stage
            .post(&commander, &format!("{path}/abschluss"), &[("why", "erklärt")])
            .status,
        303
    );
    let text = page(&stage.get(&commander, &path));
    for words in ["Seltsame Post", "Spur gefunden", "erklärt", "examiner-2"] {
        assert!(text.contains(words), "{words}");
    }
    assert_eq!(
        stage
            .post(&examiner, &format!("{path}/notiz"), &[("text", "spät")])
            .status,
        409
    );
}

#[test]
fn the_companion_finds_its_drafts_and_hands_in_its_signature() {
    let mut stage = Stage::new();
    let commander = stage.log_in("commander-1");
    let examiner = stage.log_in("examiner-1");
    stage.post(
        &commander,
        "/entwurf",
        &[
            ("art", "abtrennen"),
            ("insurers", "kasse-001"),
            ("reason", "Verdacht"),
        ],
    );
    let list = |stage: &mut Stage, person: &Person1| -> Value {
        serde_json::from_slice(&stage.api(person, Method::Get, "/api/v1/drafts?mine=1", "").body).unwrap()
    };
    assert_eq!(list(&mut stage, &examiner)["drafts"].as_array().unwrap().len(), 0);
    let drafts = list(&mut stage, &commander);
    let draft = &drafts["drafts"][0];
    let envelope: Envelope = serde_json::from_value(draft["envelope"].clone()).unwrap();
    assert_eq!(draft["id"], envelope.id().to_string());
    let signature = sign_in(Signature::NAMESPACE, "commander-1", &envelope.signed_bytes());
    let body = serde_json::json!({ "signature": signature.0 }).to_string();
    let path = format!("/api/v1/drafts/{}/signatures", envelope.id());
    let answer = stage.api(&commander, Method::Post, &path, &body);
    let said: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((answer.status, &said["state"]), (200, &Value::from("complete")));
    assert_eq!(stage.published.len(), 1);
}

#[test]
fn pages_come_in_english_on_request_and_remember_it() {
    let mut stage = Stage::new();
    let commander = stage.log_in("commander-1");
    let response = stage.get(&commander, "/warten?lang=en");
    let text = page(&response);
    assert!(text.contains("<html lang=\"en\">") && text.contains("What waits for whom"));
    let remembered = response
        .headers
        .iter()
        .any(|(name, value)| *name == "set-cookie" && value.starts_with("sprache=en"));
    assert!(remembered);
    let mut request = stage.browser(&commander, Method::Get, "/warten", "");
    for (name, value) in &mut request.headers {
        if name == "cookie" {
            *value = value.replace("sprache=de", "sprache=en");
        }
    }
    assert!(page(&stage.ask(&request)).contains("<html lang=\"en\">"));
}
