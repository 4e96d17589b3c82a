//! A control room on a stage: a real charter, a real authority log, real doors, a journal over them, and people with
//! keys who log in and click.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "each test file uses its part, and stops at the first surprise"
)]

#[path = "../../../evidence/tests/common/mod.rs"]
pub mod common;
mod large;
mod planted;
pub mod walk;

use std::collections::BTreeSet;

use common::estate::{self as field, Outside};
use console::{
    Answer, Beyond, Effect, Journal, Line, Method, Others, Request, Response, Room, SILENCE_LIMIT, Sessions,
    Vouched,
};
use door::House;
use estate::Estate;
use evidence::RoomEntry;
use order::{
    Body, CharterDraft, LOGIN_NAMESPACE, Person, PublicKey, Text, Version,
    login::{Challenge, ConsoleOrigin},
};
pub use planted::Planted;
use publication::{
    FactSheet, State,
    obligations::{Clock, Entry, Knowledge, Law, PersonKind, Sent, Trigger, clocks},
    sheet::{CellFact, Head},
    text::Sentence,
};
use serde_json::{Value, json};
use ssh_key::{HashAlg, LineEnding, PrivateKey, private::Ed25519Keypair};
use vocabulary::{Digest, Envelope, Role, Seconds, Signature, StatementId, Timestamp};

pub const ORIGIN: &str = "https://leitstand.example";
pub const A: &str = "kasse-001";
pub const B: &str = "kasse-002";
/// Stands in everything that is B's and in nothing else.
pub const PLANTED: &str = "zwetschge";

/// The same key that the people of the field have.
pub fn key(name: &str) -> PrivateKey {
    let seed = *Digest::of(format!("test key of {name}").as_bytes()).as_bytes();
    PrivateKey::from(Ed25519Keypair::from_seed(&seed))
}

pub fn public(name: &str) -> PublicKey {
    PublicKey::from_openssh(&key(name).public_key().to_openssh().unwrap()).unwrap()
}

pub fn sign_in(namespace: &str, name: &str, bytes: &[u8]) -> Signature {
    let made = key(name).sign(namespace, HashAlg::Sha512, bytes).unwrap();
    Signature(made.to_pem(LineEnding::LF).unwrap())
}

pub fn text(words: &str) -> Text {
    Text::new(words).unwrap()
}

fn estate_text() -> String {
    let mut text = String::from(
        r#"[estate]
id = "probe"
name = "Probe (erfunden)"
telematik = "test"
synthetic = true
[[site]]
id = "essen"
name = "Essen"
[[service]]
id = "kim"
name = "KIM-Post"
holdable = true
mtd-hours = 72
rto-hours = 24
affected-percent = 2
livelihood = false
[[service]]
id = "epa"
name = "Patientenakte"
holdable = false
mtd-hours = 48
rto-hours = 24
affected-percent = 10
livelihood = false
"#,
    );
    let names = [
        (
            "kasse-001",
            "<script>alert(1)</script> & \\\"Kasse\\\" eins",
            "990000011",
        ),
        ("kasse-002", "Kasse zwetschge", "990000022"),
        ("kasse-003", "Kasse drei", "990000033"),
    ];
    for (id, name, ik) in names {
        text.push_str(&format!(
            "[[insurer]]\nid = \"{id}\"\nname = \"{name}\"\nik = \"{ik}\"\ninsured = 1000\nsite = \"essen\"\n\
             mailboxes = [\"eau@{id}.kim.telematik-test\"]\n"
        ));
    }
    text
}

pub struct Stage {
    pub outside: Outside,
    pub house: House,
    pub journal: evidence::Journal,
    pub estate: Estate,
    pub sessions: Sessions,
    pub origin: ConsoleOrigin,
    pub published: Vec<Envelope>,
    pub law: Law,
    draws: u64,
    _dirs: [tempfile::TempDir; 2],
}

/// A logged-in person.
#[derive(Clone)]
pub struct Person1 {
    pub name: String,
    pub token: String,
    pub form_token: String,
}

impl Default for Stage {
    fn default() -> Self {
        Self::new()
    }
}

impl Stage {
    /// Three insurers, all doors open, and a restoration lead in the charter.
    pub fn new() -> Self {
        let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let mut outside = Outside::new(3);
        let mut house = field::enrol(&outside, dirs[0].path());
        field::catch_up(&outside, &mut house);
        field::open_all(&mut outside, &mut house);
        let mut journal = common::journal(&outside, &dirs[1].path().join("journal"));
        common::bring(&outside, &house, &mut journal);
        let mut stage = Self {
            outside,
            house,
            journal,
            estate: estate::check(&estate_text(), "probe.toml").unwrap_or_else(|bad| panic!("{bad}")),
            sessions: Sessions::default(),
            origin: ORIGIN.parse().unwrap(),
            published: Vec::new(),
            law: Law::built_in().unwrap(),
            draws: 0,
            _dirs: dirs,
        };
        stage.change_charter(|charter| {
            charter.persons.push(Person {
                id: "lead-1".parse().unwrap(),
                entity: "provider".parse().unwrap(),
                keys: vec![public("lead-1")],
                roles: BTreeSet::from([Role::RestorationLead]),
            });
        });
        stage
    }

    pub fn now(&self) -> Timestamp {
        self.outside.time
    }

    /// The roots sign another charter.
    pub fn change_charter(&mut self, change: impl FnOnce(&mut CharterDraft)) {
        let newest = self
            .journal
            .picture()
            .statements()
            .all
            .values()
            .filter_map(|known| {
                CharterDraft::read(&known.envelope)
                    .ok()
                    .map(|draft| (known, draft))
            })
            .max_by_key(|(_, draft)| draft.version)
            .map(|(known, draft)| (known.envelope.id(), draft))
            .unwrap();
        let mut draft = newest.1;
        draft.previous = Some(newest.0.0);
        draft.version = Version(draft.version.0 + 1);
        change(&mut draft);
        let signed = self.outside.signed(&draft, &["root-1", "root-3", "root-4"]);
        self.publish(&signed);
    }

    pub fn publish(&mut self, envelope: &Envelope) -> StatementId {
        let id = self.outside.publish(envelope);
        field::catch_up(&self.outside, &mut self.house);
        common::bring(&self.outside, &self.house, &mut self.journal);
        id
    }

    pub fn append(&mut self, entry: impl Into<RoomEntry>) {
        self.journal.append([entry.into()], self.outside.time).unwrap();
    }

    /// Looks at the room as it stands.
    pub fn at_desk<T>(&self, others: Others<'_>, look: impl FnOnce(&Room<'_>) -> T) -> T {
        look(&Room {
            estate: &self.estate,
            authority: self.journal.picture().authority().unwrap(),
            picture: self.journal.picture(),
            sessions: &self.sessions,
            origin: &self.origin,
            secret: &[7; 32],
            journal: self,
            silence: SILENCE_LIMIT,
            others,
        })
    }

    /// Answers, and carries out what comes first.
    pub fn ask(&mut self, request: &Request) -> Response {
        let clocks = self.clocks();
        let others = Others {
            clocks: &clocks,
            law: Some(&self.law),
            beyond: Some(self),
            ..Others::default()
        };
        let answer = self.at_desk(others, |room| console::answer(room, request));
        self.carry_out(answer, request)
    }

    /// What the binary makes of the picture: the provider knows of every incident, an insurer of those that name it.
    pub fn clocks(&self) -> Vec<Clock> {
        let people = self.journal.picture().people();
        let mut known = Vec::new();
        for (id, incident) in &people.incidents {
            let mut knows = |person: &str, kind, trigger| {
                known.push(Knowledge {
                    incident: id.clone(),
                    legal_person: person.parse().unwrap(),
                    kinds: BTreeSet::from([kind]),
                    trigger,
                    known_at: incident.opened.0,
                    entry: Entry(1),
                    services: BTreeSet::new(),
                    set: None,
                });
            };
            knows("provider", PersonKind::Provider, Trigger::SignificantIncident);
            let named = incident.scope.0.iter().filter_map(|part| part.insurers.as_ref());
            for insurer in named.flatten() {
                knows(
                    insurer.as_str(),
                    PersonKind::StatutoryInsurer,
                    Trigger::PersonalDataBreach,
                );
            }
        }
        let sent: Vec<Sent> = people
            .obligations
            .iter()
            .map(|written| Sent {
                incident: written.body.incident.clone().unwrap(),
                legal_person: written.body.entity.clone(),
                obligation: written.body.obligation.parse().unwrap(),
                at: written.body.sent.unwrap_or(written.at),
                request: None,
                late_because: written
                    .body
                    .because
                    .as_ref()
                    .map(|why| Sentence::new(why.as_str()).unwrap()),
            })
            .collect();
        clocks(&known, &sent, &self.law, self.now())
    }

    fn carry_out(&mut self, answer: Answer, request: &Request) -> Response {
        for effect in answer.effects {
            match effect {
                Effect::Session(change) => {
                    if self.sessions.apply(change).is_err() {
                        return self.at_desk(Others::default(), |room| console::refused_late(room, request));
                    }
                }
                Effect::Append(entry) => self.append(*entry),
                Effect::Publish(envelope) => {
                    self.publish(&envelope);
                    self.published.push(*envelope);
                }
                Effect::Watch => {}
            }
        }
        answer.response
    }

    /// A request as a program without cookies sends it.
    pub fn request(&mut self, method: Method, path: &str, body: &str) -> Request {
        self.draws += 1;
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut headers = vec![(String::from("host"), String::from("leitstand.example"))];
        if method == Method::Post {
            let kind = if path.starts_with("/api/") {
                "application/json"
            } else {
                "application/x-www-form-urlencoded"
            };
            headers.push(("content-type".into(), kind.into()));
        }
        Request {
            method,
            path: path.into(),
            query: query.into(),
            headers,
            body: body.as_bytes().to_vec(),
            peer: "192.0.2.7".parse().unwrap(),
            now: self.outside.time,
            entropy: *Digest::of(&self.draws.to_be_bytes()).as_bytes(),
        }
    }

    /// The line a log-in signs.
    pub fn challenge(&mut self) -> String {
        let request = self.request(Method::Get, "/api/v1/login", "");
        let body: Value = serde_json::from_slice(&self.ask(&request).body).unwrap();
        body["challenge"].as_str().unwrap().to_owned()
    }

    /// Sends an answer to a challenge.
    pub fn answer_challenge(&mut self, line: &str, signature: &Signature) -> Response {
        let body = json!({ "challenge": line, "signature": signature.0 }).to_string();
        let request = self.request(Method::Post, "/api/v1/login", &body);
        self.ask(&request)
    }

    pub fn log_in(&mut self, name: &str) -> Person1 {
        let line = self.challenge();
        let challenge = Challenge::read(&line).unwrap();
        let signature = sign_in(LOGIN_NAMESPACE, name, challenge.text().as_bytes());
        let response = self.answer_challenge(&line, &signature);
        assert_eq!(
            response.status,
            200,
            "{}",
            String::from_utf8_lossy(&response.body)
        );
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(body["person"], name);
        Person1 {
            name: name.into(),
            token: body["token"].as_str().unwrap().into(),
            form_token: body["formToken"].as_str().unwrap().into(),
        }
    }

    /// As a browser of this person asks.
    pub fn browser(&mut self, person: &Person1, method: Method, path: &str, body: &str) -> Request {
        let mut request = self.request(method, path, body);
        request.headers.push((
            "cookie".into(),
            format!("__Host-bulkhead={}; sprache=de", person.token),
        ));
        if method == Method::Post {
            request.headers.push(("origin".into(), ORIGIN.into()));
            request
                .headers
                .push(("sec-fetch-site".into(), "same-origin".into()));
        }
        request
    }

    pub fn get(&mut self, person: &Person1, path: &str) -> Response {
        let request = self.browser(person, Method::Get, path, "");
        self.ask(&request)
    }

    /// Fills in a form of a page.
    pub fn post(&mut self, person: &Person1, path: &str, fields: &[(&str, &str)]) -> Response {
        let mut body = format!("_token={}", person.form_token);
        for (name, value) in fields {
            body.push_str(&format!("&{name}={}", escape(value)));
        }
        let request = self.browser(person, Method::Post, path, &body);
        self.ask(&request)
    }

    /// As a program with this person's token asks.
    pub fn api(&mut self, person: &Person1, method: Method, path: &str, body: &str) -> Response {
        let mut request = self.request(method, path, body);
        request
            .headers
            .push(("authorization".into(), format!("Bearer {}", person.token)));
        self.ask(&request)
    }
}

/// The facts as the binary makes them, as far as the pages need them: what is held is held.
impl Beyond for Stage {
    fn sheet(&self) -> Option<FactSheet> {
        let picture = self.journal.picture();
        let head = Head {
            len: picture.head().len,
            root: picture.head().root,
        };
        let mut sheet = FactSheet::quiet(&self.estate, self.now(), head).unwrap();
        sheet.cells = picture
            .doors()
            .iter()
            .map(|(id, door)| {
                let state = match door.position_at(self.now()) {
                    vocabulary::Position::Open => State::Normal,
                    vocabulary::Position::Held => State::Held,
                    vocabulary::Position::Draining
                    | vocabulary::Position::Shut
                    | vocabulary::Position::Islanded => State::OffDecided,
                };
                let fact = CellFact {
                    state,
                    since: door.since,
                    next_update: (state != State::Normal).then(|| self.now().plus(Seconds(3600))),
                    last_proof: None,
                    reason_class: door.class,
                };
                (id.cell().clone(), fact)
            })
            .filter(|(cell, _)| sheet.insurers.contains_key(&cell.insurer))
            .collect();
        Some(sheet)
    }

    fn vouched(&self) -> Vec<Vouched> {
        let log = |log: &str, last: Option<Timestamp>| Vouched {
            log: log.into(),
            len: 9,
            size: Some(9),
            witnesses: [
                ("zeuge-1".parse().unwrap(), Some(self.now())),
                ("zeuge-2".parse().unwrap(), last),
            ]
            .into(),
            quorum: 2,
        };
        vec![
            log("probe/authority", Some(self.now())),
            log("probe/journal", None),
        ]
    }
}

impl Journal for Stage {
    fn lines(&self, from: u64, most: usize) -> Vec<Line> {
        let entries = self.journal.read(from).unwrap();
        entries
            .take(most)
            .map(|entry| {
                let entry = entry.unwrap();
                Line {
                    index: entry.index,
                    at: entry.at,
                    kind: entry.kind.to_string(),
                    source: String::new(),
                    body: String::from_utf8_lossy(&entry.body).into_owned(),
                }
            })
            .collect()
    }
}

pub fn escape(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

pub fn page(response: &Response) -> String {
    String::from_utf8(response.body.clone()).unwrap()
}
