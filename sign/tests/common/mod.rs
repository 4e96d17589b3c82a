//! What the tests of this room share: filled-in drafts of every kind, and the real programs they are checked with.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::explicit_write,
    reason = "a test stops at the first surprise, not every test uses every helper, and a skip must get around the runner's capture"
)]

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sign::{Census, Counts, Lang, Shown};
use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};
use vocabulary::{Digest, EstateId, PayloadType, Scope, Timestamp};

/// The night of 24 April 2023.
pub(crate) const NOW: Timestamp = Timestamp(1_682_366_400);

/// Every kind that can be signed.
pub(crate) const KINDS: [PayloadType; 12] = [
    PayloadType::Charter,
    PayloadType::CharterSection,
    PayloadType::Closing,
    PayloadType::StandingOrder,
    PayloadType::Opening,
    PayloadType::Clearance,
    PayloadType::Withdrawal,
    PayloadType::Consent,
    PayloadType::Refusal,
    PayloadType::StandingConsent,
    PayloadType::Delegation,
    PayloadType::AnswerRelease,
];

/// Whether a program of another's making is there. A missing one is a visible skip, and a failure where counterparts
/// are required. Writes around the test runner's capture, so that the skip is seen.
pub(crate) fn counterpart(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there = std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    let required = std::env::var("BULKHEAD_REQUIRE_COUNTERPARTS").is_ok_and(|value| value == "1");
    assert!(
        there || !required,
        "{program} is missing, and counterparts are required"
    );
    if !there {
        writeln!(std::io::stderr(), "SKIPPED: {program} is missing").unwrap();
    }
    there
}

/// Runs a program to its end and insists on success.
pub(crate) fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Makes a key pair with OpenSSH and gives back the private half's path.
pub(crate) fn keygen(folder: &Path, name: &str, kind: &str, passphrase: &str) -> PathBuf {
    let path = folder.join(name);
    run(Command::new("ssh-keygen")
        .args(["-q", "-t", kind, "-N", passphrase, "-C", name, "-f"])
        .arg(&path));
    path
}

/// The public half's line.
pub(crate) fn public_line(key: &Path) -> String {
    fs::read_to_string(key.with_extension("pub")).unwrap()
}

/// A passphrase prompt nobody should reach.
pub(crate) fn nobody(_: &Path) -> Option<zeroize::Zeroizing<String>> {
    panic!("no passphrase is needed here")
}

pub(crate) fn estate() -> EstateId {
    "verbund".parse().unwrap()
}

/// A sample estate of 80 insurers.
pub(crate) struct Eighty;

impl Census for Eighty {
    fn count(&self, _: &Scope) -> Counts {
        Counts {
            cells: Some(640),
            insurers: Some(80),
            persons: Some(25_000_000),
        }
    }
}

/// Writes the template of a kind and fills in what it leaves empty.
pub(crate) fn filled(folder: &Path, kind: PayloadType) -> PathBuf {
    let path = folder.join(format!("{}.json", kind.word()));
    sign::draft(&path, kind, &estate(), NOW).unwrap();
    let mut draft: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for (pointer, value) in fillings(kind) {
        *draft
            .pointer_mut(&format!("/body{pointer}"))
            .unwrap_or_else(|| panic!("the template of {} has no {pointer}", kind.word())) = value;
    }
    fs::write(&path, serde_json::to_vec_pretty(&draft).unwrap()).unwrap();
    path
}

const DIGEST: &str = "1111111111111111111111111111111111111111111111111111111111111111";

/// The public key of an invented person: from the person's name, so that everybody has their own.
fn key(person: &str) -> String {
    let seed = *Digest::of(person.as_bytes()).as_bytes();
    let pair = ssh_key::private::Ed25519Keypair::from_seed(&seed);
    ssh_key::PublicKey::from(pair.public).to_openssh().unwrap()
}

/// An age recipient nobody holds the identity of.
fn recipient() -> String {
    age::x25519::Identity::generate().to_public().to_string()
}

/// A witness verifier key (C2SP signed-note and tlog-cosignature: type 0x04, hash over name and key).
fn verifier(name: &str) -> String {
    let mut key = vec![0x04];
    let seed = *Digest::of(name.as_bytes()).as_bytes();
    key.extend_from_slice(&ssh_key::private::Ed25519Keypair::from_seed(&seed).public.0);
    let hash = Digest::of(&[name.as_bytes(), b"\n", &key].concat());
    format!("{name}+{}+{}", hash.short(), STANDARD.encode(&key))
}

fn person(id: &str, entity: &str, roles: &[&str]) -> Value {
    json!({ "id": id, "entity": entity, "keys": [key(id)], "roles": roles })
}

fn section() -> Value {
    let of = |id: &str| person(id, "kasse-001", &[]);
    json!({
        "insurer": "kasse-001", "persons": [of("anna"), of("bodo"), of("cem")],
        "consent": ["anna"], "refuse": ["bodo"], "threshold": 2, "deputy": "cem",
        "release": [recipient()], "recovery": recipient(),
    })
}

fn charter() -> Vec<(&'static str, Value)> {
    let (provider, court) = ("dienstleister", "aufsicht");
    vec![
        ("/provider", json!(provider)),
        (
            "/persons",
            json!([
                person("dora", provider, &["root", "commander"]),
                person("egon", court, &["root", "examiner"]),
                person("fini", court, &["root", "examiner"]),
                person("gero", provider, &["commander"]),
            ]),
        ),
        (
            "/witnesses",
            json!([
                { "id": "kasse-001", "entity": "kasse-001", "key": verifier("kasse-001") },
                { "id": "kasse-002", "entity": "kasse-002", "key": verifier("kasse-002") },
            ]),
        ),
        ("/sections", json!([section()])),
    ]
}

fn fillings(kind: PayloadType) -> Vec<(&'static str, Value)> {
    let reason = ("/reason", json!("Verdacht auf Ransomware"));
    match kind {
        PayloadType::Charter => charter(),
        PayloadType::CharterSection => vec![
            ("/charter", json!(DIGEST)),
            ("/replaces", json!(DIGEST)),
            ("/section", section()),
            reason,
        ],
        PayloadType::Closing => vec![("/scope", json!([{ "sites": ["essen"] }])), reason],
        PayloadType::StandingOrder => vec![
            ("/scopeMax", json!([{ "sites": ["essen"] }])),
            ("/detectors", json!(["canary"])),
            reason,
        ],
        PayloadType::Opening => vec![
            ("/doors/0/door", json!("kasse-001/kim")),
            ("/doors/0/epoch", json!(7)),
            ("/doors/0/lifts", json!([DIGEST])),
            ("/clearances", json!([DIGEST])),
            reason,
        ],
        PayloadType::Clearance => vec![
            ("/environment", json!("kasse-001")),
            ("/examined", json!([DIGEST])),
            ("/evidenceRoot", json!(DIGEST)),
            ("/checklist/0/item", json!("DER.2.3 A4: Konten geprüft")),
        ],
        PayloadType::Withdrawal => vec![("/withdraws/clearance", json!(DIGEST)), reason],
        PayloadType::Consent => vec![("/insurer", json!("kasse-001")), ("/opening", json!(DIGEST))],
        PayloadType::Refusal => vec![("/insurer", json!("kasse-001")), reason],
        PayloadType::StandingConsent => vec![("/insurer", json!("kasse-001")), ("/services", json!(["kim"]))],
        PayloadType::Delegation => vec![
            ("/person", person("hanno", "forensik", &[])),
            ("/environments", json!(["kasse-001"])),
            reason,
        ],
        PayloadType::AnswerRelease => vec![
            ("/insurer", json!("kasse-001")),
            ("/environment", json!("notbetrieb-kim")),
            ("/releases/policy/cells", json!(["kasse-001/eau"])),
            ("/releases/policy/answers", json!([{ "error": 105 }])),
            reason,
        ],
        PayloadType::Freshness => Vec::new(),
    }
}

/// Shows a file in German, without an estate.
pub(crate) fn show(path: &Path) -> Shown {
    sign::show(path, Lang::De, None, None).unwrap()
}
