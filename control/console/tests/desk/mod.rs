//! What the tests of previews and drafts stand on: a small estate with round numbers, people with real keys, a replica
//! of the authority log, and doors as a journal would show them.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "each test file uses its part, and stops at the first surprise"
)]

pub mod kinds;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use clearance::{Authority, Basis, CheckResult, ChecklistItem, Grade};
use console::{
    draft::{Clear, Cut, Desk, Draft, Event, Ground, Refused, next},
    preview::Facts,
};
use estate::Estate;
use evidence::Door;
use order::{
    Body, CharterDraft, Person, PublicKey, SectionDraft, Stance, Text, Threshold, Thresholds, Uses, Version,
    Witness,
};
use record::{WitnessKey, note::KeyName};
use serde_json::{Value, json};
use ssh_key::{HashAlg, LineEnding, PrivateKey, private::Ed25519Keypair};
use vocabulary::{
    Class, Digest, DoorId, Envelope, PersonId, RestrictionId, Role, Scope, Seconds, Signature, StatementId,
    Timestamp,
};

/// 24 April 2023, 22:00 in Berlin.
pub const T0: Timestamp = Timestamp(1_682_366_400);
pub const HOUR: u64 = 3600;
const PROVIDER: &str = "betreiber";

/// 1,000, 2,000 and 3,000 insured; 2, 4, 10 and 0 per cent of them are hit by kim, eau, epa and statistics.
pub const ESTATE: &str = r#"[estate]
id = "muster"
name = "Muster (erfunden)"
telematik = "test"
synthetic = true
[[site]]
id = "essen"
name = "Essen"
[[site]]
id = "munich"
name = "München"
[[service]]
id = "kim"
name = "KIM-Post"
holdable = true
mtd-hours = 72
rto-hours = 24
affected-percent = 2
livelihood = false
[[service]]
id = "eau"
name = "eAU"
holdable = true
mtd-hours = 24
rto-hours = 8
affected-percent = 4
livelihood = true
[[service]]
id = "epa"
name = "Patientenakte"
holdable = false
mtd-hours = 48
rto-hours = 24
affected-percent = 10
livelihood = false
[[service]]
id = "statistics"
name = "Monatsstatistik"
holdable = true
mtd-hours = 336
rto-hours = 240
affected-percent = 0
livelihood = false
[[calendar]]
on = 2023-04-24
what = "Beitragsnachweise fällig / contribution statements due"
services = ["kim"]
insurers = ["kasse-001", "kasse-002"]
[[calendar]]
on = 2023-04-26
what = "Beiträge fällig / contributions due"
services = ["eau"]
[[calendar]]
on = 2023-04-28
what = "Spät für KIM / late for KIM"
services = ["kim"]
[[calendar]]
on = 2023-05-01
what = "Monatsstatistik fällig / monthly statistics due"
services = ["statistics"]
[[insurer]]
id = "kasse-001"
name = "Kasse eins (erfunden)"
ik = "990000011"
insured = 1000
site = "essen"
mailboxes = ["eau@kasse-001.kim.telematik-test"]
[[insurer]]
id = "kasse-002"
name = "Kasse zwei (erfunden)"
ik = "990000022"
insured = 2000
site = "essen"
mailboxes = ["eau@kasse-002.kim.telematik-test"]
[[insurer]]
id = "kasse-003"
name = "Kasse drei (erfunden)"
ik = "990000033"
insured = 3000
site = "munich"
mailboxes = ["eau@kasse-003.kim.telematik-test"]
"#;

pub fn estate() -> Estate {
    estate::check(ESTATE, "muster.toml").unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

pub fn text(words: &str) -> Text {
    Text::new(words).unwrap()
}

pub fn after(hours: u64) -> Timestamp {
    T0.plus(Seconds(hours * HOUR))
}

pub fn door_id(name: &str) -> DoorId {
    name.parse().unwrap()
}

pub fn services(names: &[&str]) -> Scope {
    let part = json!([{ "services": names }]);
    serde_json::from_value(part).unwrap()
}

fn seed(name: &str) -> [u8; 32] {
    *Digest::of(name.as_bytes()).as_bytes()
}

pub fn private(name: &str) -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&seed(name)))
}

pub fn public(name: &str) -> PublicKey {
    PublicKey::from_openssh(&private(name).public_key().to_openssh().unwrap()).unwrap()
}

/// A signature in a namespace. A key is named like its person, a second key with `+2` behind it.
pub fn signature_in(namespace: &str, key: &str, bytes: &[u8]) -> Signature {
    let made = private(key).sign(namespace, HashAlg::Sha512, bytes).unwrap();
    Signature(made.to_pem(LineEnding::LF).unwrap())
}

pub fn signature(key: &str, envelope: &Envelope) -> Signature {
    signature_in(Signature::NAMESPACE, key, &envelope.signed_bytes())
}

pub fn person(id: &str, entity: &str, roles: &[Role]) -> Person {
    Person {
        id: id.parse().unwrap(),
        entity: entity.parse().unwrap(),
        keys: vec![public(id), public(&format!("{id}+2"))],
        roles: roles.iter().copied().collect(),
    }
}

fn section(insurer: &str) -> SectionDraft {
    let name = |suffix: &str| format!("{insurer}-{suffix}");
    let id = |suffix: &str| -> PersonId { name(suffix).parse().unwrap() };
    let of = |suffix: &str, entity: &str| person(&name(suffix), entity, &[]);
    SectionDraft {
        insurer: insurer.parse().unwrap(),
        persons: vec![
            of("ja", insurer),
            of("ja-2", insurer),
            of("nein", insurer),
            of("vertretung", "verband"),
        ],
        consent: BTreeSet::from([id("ja"), id("ja-2")]),
        refuse: BTreeSet::from([id("nein")]),
        threshold: 2,
        deputy: id("vertretung"),
        release: vec![format!("age1{}", insurer.replace('-', "")).parse().unwrap()],
        recovery: format!("age1{}wieder", insurer.replace('-', "")).parse().unwrap(),
    }
}

fn charter() -> CharterDraft {
    use Role::{Commander, Examiner, Root};
    CharterDraft {
        estate: "muster".parse().unwrap(),
        version: Version::FIRST,
        previous: None,
        provider: PROVIDER.parse().unwrap(),
        persons: vec![
            person("wurzel-1", PROVIDER, &[Root]),
            person("wurzel-2", "verband", &[Root]),
            person("wurzel-3", "pruefer-ag", &[Root]),
            person("leitung-1", PROVIDER, &[Commander]),
            person("leitung-2", PROVIDER, &[Commander]),
            person("forensik-1", PROVIDER, &[Examiner]),
            person("forensik-2", PROVIDER, &[Examiner]),
            person("forensik-aussen", "forensik-gmbh", &[Examiner]),
        ],
        thresholds: Thresholds {
            roots: Threshold {
                persons: 3,
                outside: 2,
            },
            examiners: Threshold {
                persons: 2,
                outside: 1,
            },
            precautionary_commanders: 2,
        },
        precautionary_window: Seconds(4 * HOUR),
        recovery_delay: Seconds(24 * HOUR),
        witnesses: ["zeuge-1", "zeuge-2", "zeuge-3"]
            .iter()
            .map(|name| Witness {
                id: name.parse().unwrap(),
                entity: format!("{name}-ag").parse().unwrap(),
                key: WitnessKey::from_seed(KeyName::new(name).unwrap(), &seed(name))
                    .unwrap()
                    .verifier()
                    .clone(),
            })
            .collect(),
        witness_quorum: 2,
        sections: vec![section("kasse-001"), section("kasse-002"), section("kasse-003")],
        issued: T0,
    }
}

pub fn signed<T: Body>(body: &T, keys: &[&str]) -> Envelope {
    let mut envelope = body.draft().unwrap();
    for key in keys {
        let made = signature(key, &envelope);
        envelope.signatures.push(made);
    }
    envelope
}

/// A replica in which the charter is in force.
pub fn authority() -> Authority {
    let first = signed(&charter(), &["wurzel-1", "wurzel-2", "wurzel-3"]);
    let mut authority = Authority::install("muster".parse().unwrap(), first.id().0).unwrap();
    authority.admit(&first, None).unwrap();
    authority
}

/// A door as the journal shows it: open, at epoch 7, heard and enforcing, until a test changes it.
pub fn door(estate: &Estate, id: &DoorId, change: impl FnOnce(&mut Value)) -> Arc<Door> {
    let holdable = estate.holdable(id.cell()).unwrap();
    let rules =
        json!({"intake": "pass", "forward": "pass", "fetch": "pass", "send": "pass", "sessions": "run"});
    let mut value = json!({
        "place": estate.place(id).unwrap(), "holdable": holdable, "source": "bulkhead/muster/doors-1",
        "epoch": 7, "position": "open", "rules": rules, "fresh": true, "class": null, "restrictions": {},
        "grants": {}, "standsOn": { "clearances": [], "evidence": [] }, "draining": {}, "since": T0,
        "ordered": [], "measured": null, "level": "enforcing",
    });
    change(&mut value);
    Arc::new(serde_json::from_value(value).unwrap())
}

pub fn held() -> Value {
    json!({"intake": "store", "forward": "stop", "fetch": "stop", "send": "stop", "sessions": "finish-intake"})
}

/// Makes a door Held by one restriction.
pub fn hold(value: &mut Value, restriction: RestrictionId, class: Class) {
    value["position"] = json!("held");
    value["rules"] = held();
    value["class"] = json!(class);
    value["restrictions"] = json!({ restriction.to_string(): {
        "class": class, "cause": "enrolment", "reason": "", "since": T0, "signal": "signal-1", "rules": held(),
    }});
}

pub type Doors = BTreeMap<DoorId, Arc<Door>>;

/// Every door of the estate, open.
pub fn all_open(estate: &Estate) -> Doors {
    estate
        .doors()
        .map(|(id, ..)| (id.clone(), door(estate, &id, |_| {})))
        .collect()
}

/// What a journal that heard all of them says.
pub fn facts(doors: &Doors) -> Facts<'_> {
    Facts {
        doors,
        silent: BTreeMap::new(),
        doubtful: BTreeSet::new(),
        clocks: &[],
        way_in: None,
    }
}

/// One desk, and the log behind it.
pub struct World {
    pub estate: Estate,
    pub authority: Authority,
    pub doors: Doors,
}

impl World {
    pub fn new() -> Self {
        let estate = estate();
        let doors = all_open(&estate);
        Self {
            estate,
            authority: authority(),
            doors,
        }
    }

    /// Runs something at a desk, at an instant.
    pub fn at<T>(&self, now: Timestamp, work: impl FnOnce(&Desk<'_>) -> T) -> T {
        let facts = facts(&self.doors);
        work(&Desk {
            ground: Ground {
                estate: &self.estate,
                authority: &self.authority,
                facts: Some(&facts),
                now,
            },
            by: "leitung-1".parse().unwrap(),
        })
    }

    /// Somebody signs.
    pub fn sign(&self, draft: &Draft, key: &str, now: Timestamp) -> Result<Draft, Refused> {
        let made = signature(key, draft.envelope());
        self.at(now, |desk| next(draft.clone(), Event::Signed(made), &desk.ground))
    }

    /// Everybody signs, and the log takes it.
    pub fn admit(&mut self, draft: &Draft, keys: &[&str], now: Timestamp) -> StatementId {
        let mut draft = draft.clone();
        for key in keys {
            draft = self.sign(&draft, key, now).unwrap();
        }
        self.authority.admit(draft.envelope(), None).unwrap();
        draft.id()
    }

    pub fn change(&mut self, id: &str, change: impl FnOnce(&mut Value)) {
        let id = door_id(id);
        let changed = door(&self.estate, &id, change);
        self.doors.insert(id, changed);
    }
}

pub fn cut_of(scope: Scope, class: Class) -> Cut {
    Cut {
        scope,
        stance: Stance::Contain,
        class,
        drain: None,
        uses: Uses::Once,
        signal: Some("signal-1".parse().unwrap()),
        reason: text("Verdacht auf Ransomware"),
    }
}

pub fn clear_of(environment: &str, relies_on: &[StatementId]) -> Clear {
    Clear {
        environment: environment.parse().unwrap(),
        grade: Grade::Full,
        basis: Basis::Examined,
        examined: BTreeSet::from([Digest::of(environment.as_bytes())]),
        evidence_root: Digest::of(b"evidence"),
        checklist: vec![ChecklistItem {
            item: text("Konten geprüft"),
            result: CheckResult::Passed,
            note: None,
        }],
        relies_on: relies_on.iter().copied().collect(),
        lasts: Seconds(48 * HOUR),
    }
}

pub fn restriction(name: &str) -> RestrictionId {
    RestrictionId(Digest::of(name.as_bytes()))
}
