//! Cross-checks against an implementation nobody here wrote: `aics-tlog` and `aics-witness` from PyPI, in both
//! directions.
//!
//! `cargo xtask test` installs them and names the interpreter in `BULKHEAD_PYTHON`; without it `python3` is tried. Where
//! they are missing the tests are skipped, visibly, and fail when `BULKHEAD_REQUIRE_COUNTERPARTS=1`.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the first surprise, in its helpers too"
)]

use record::{
    Checkpoint, ConsistencyProof, Cosigned, InclusionProof, KeyName, LogKey, Note, Origin, SignatureLine,
    SignedCheckpoint, Tree, VerifierKey, WitnessKey, WitnessSet,
    tree::leaf_hash,
    witness::{AddCheckpoint, Logs, State, decide},
};
use serde_json::{Value, json};
use std::{
    io::Write as _,
    process::{Command, Stdio},
};
use vocabulary::{Digest, Timestamp, WitnessId};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/independent.py");
const LOG_SEED: [u8; 32] = [0x11; 32];

/// Asks the other implementation; `None` is a skip that has been said.
fn ask(question: &Value) -> Option<Value> {
    let python = std::env::var_os("BULKHEAD_PYTHON").unwrap_or_else(|| "python3".into());
    let there = Command::new(&python)
        .args(["-c", "import aics_tlog, aics_witness"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !there {
        let sentence = "aics-tlog and aics-witness are not installed (cargo xtask test installs them)";
        let required = std::env::var_os("BULKHEAD_REQUIRE_COUNTERPARTS").is_some_and(|value| value == "1");
        assert!(!required, "{sentence}");
        let _told = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("SKIPPED: {sentence}\n"));
        return None;
    }
    let mut child = Command::new(&python)
        .arg(SCRIPT)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(question.to_string().as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the other implementation failed");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

fn origin() -> Origin {
    Origin::new("bulkhead.example/essen/authority").unwrap()
}

fn bodies(count: u64) -> Vec<Vec<u8>> {
    (0..count).map(|n| format!("entry {n}\n").into_bytes()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hashes(value: &Value) -> Vec<Digest> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|hash| hash.as_str().unwrap().parse().unwrap())
        .collect()
}

fn proof(at: u64, size: u64, proof: &[Digest]) -> Value {
    json!({"at": at, "size": size, "proof": proof.iter().map(Digest::to_string).collect::<Vec<_>>()})
}

#[test]
fn roots_and_proofs_agree_in_both_directions() {
    let bodies = bodies(40);
    let tree: Tree = bodies.iter().map(|body| leaf_hash(body)).collect();
    let roots: Vec<_> = (0..=40).map(|size| tree.root_at(size).unwrap()).collect();
    let (mut inclusion, mut consistency) = (Vec::new(), Vec::new());
    for size in 0..=40 {
        for index in 0..size {
            inclusion.push(proof(
                index,
                size,
                &InclusionProof::make(&tree, index, size).unwrap().0,
            ));
        }
        for old in 0..=size {
            consistency.push(proof(
                old,
                size,
                &ConsistencyProof::make(&tree, old, size).unwrap().0,
            ));
        }
    }
    let question = json!({
        "about": "trees",
        "leaves": bodies.iter().map(|body| hex(body)).collect::<Vec<_>>(),
        "roots": roots.iter().map(Digest::to_string).collect::<Vec<_>>(),
        "inclusion": inclusion,
        "consistency": consistency,
    });
    let Some(answer) = ask(&question) else { return };
    assert_eq!(answer["refused"], json!([]), "what we made, they refuse");
    let theirs = answer["inclusion"].as_array().unwrap();
    assert_eq!(theirs.len(), 820);
    for made in theirs {
        let (at, size) = (made["at"].as_u64().unwrap(), made["size"].as_u64().unwrap());
        let leaf = leaf_hash(&bodies[at as usize]);
        InclusionProof(hashes(&made["proof"]))
            .verify(&leaf, at, size, &roots[size as usize])
            .unwrap();
    }
    for made in answer["consistency"].as_array().unwrap() {
        let (old, size) = (made["at"].as_u64().unwrap(), made["size"].as_u64().unwrap());
        let made = ConsistencyProof(hashes(&made["proof"]));
        made.verify(old, &roots[old as usize], size, &roots[size as usize])
            .unwrap();
        assert_eq!(made, ConsistencyProof::make(&tree, old, size).unwrap());
    }
}

#[test]
fn checkpoints_and_cosignatures_agree_in_both_directions() {
    let log = LogKey::from_seed(&origin(), &LOG_SEED).unwrap();
    let witnesses: Vec<_> = (0..3_u8)
        .map(|n| {
            let name = KeyName::new(&format!("kasse-{n:03}.example/witness")).unwrap();
            (
                WitnessKey::from_seed(name, &[0x20 + n; 32]).unwrap(),
                [0x20 + n; 32],
                1_767_000_000 + i64::from(n),
            )
        })
        .collect();
    for extensions in [
        vec![],
        vec!["an extension line".to_string(), "another".to_string()],
    ] {
        let checkpoint = Checkpoint {
            extensions,
            ..Checkpoint::new(origin(), 20_852_163, leaf_hash(b"root"))
        };
        let mut note = log.sign(&checkpoint).unwrap();
        for (key, _, time) in &witnesses {
            note.add(key.cosign(note.text(), Timestamp(*time))).unwrap();
        }
        let question = json!({
            "about": "notes",
            "origin": origin().as_str(),
            "note": note.to_string(),
            "log": log.verifier().to_string(),
            "log_seed": hex(&LOG_SEED),
            "witnesses": witnesses.iter().map(|(key, ..)| key.verifier().to_string()).collect::<Vec<_>>(),
            "witness_keys": witnesses.iter().map(|(key, seed, time)| json!({
                "name": key.verifier().name().as_str(), "seed": hex(seed), "time": time,
            })).collect::<Vec<_>>(),
        });
        let Some(answer) = ask(&question) else { return };
        assert_eq!(answer["ok"], json!(true), "what we signed, they refuse");

        let theirs: Note = answer["note"].as_str().unwrap().parse().unwrap();
        // Ed25519 is deterministic, so the same keys make the same note to the last byte.
        assert_eq!(theirs.to_string(), note.to_string());
        let their_log: VerifierKey = answer["log"].as_str().unwrap().parse().unwrap();
        assert_eq!(their_log, *log.verifier());
        let signed = SignedCheckpoint::verify(&theirs, &origin(), &[their_log]).unwrap();
        assert_eq!(*signed.checkpoint(), checkpoint);
        let set = answer["witnesses"]
            .as_array()
            .unwrap()
            .iter()
            .zip(0..)
            .map(|(key, n)| {
                (
                    WitnessId::new(&format!("w{n}")).unwrap(),
                    key.as_str().unwrap().parse().unwrap(),
                )
            })
            .collect();
        let proof = Cosigned::verify(&theirs, &origin(), &WitnessSet::new(set, 3).unwrap()).unwrap();
        assert_eq!(proof.time().instant(), Timestamp(1_767_000_001));
    }
}

fn request(log: &LogKey, tree: &Tree, old: u64, size: u64) -> String {
    let note = log
        .sign(&Checkpoint::new(origin(), size, tree.root_at(size).unwrap()))
        .unwrap();
    AddCheckpoint {
        old,
        proof: ConsistencyProof::make(tree, old, size).unwrap(),
        note,
    }
    .to_string()
}

#[test]
fn their_witness_signs_our_log_and_refuses_what_ours_would_refuse() {
    let log = LogKey::from_seed(&origin(), &LOG_SEED).unwrap();
    let tree: Tree = bodies(40).iter().map(|body| leaf_hash(body)).collect();
    let forked: Tree = (0..40_u64).map(|n| leaf_hash(&n.to_be_bytes())).collect();
    let asks = [
        (request(&log, &tree, 0, 7), 200),
        (request(&log, &tree, 7, 7), 200),
        (request(&log, &tree, 7, 33), 200),
        (request(&log, &tree, 7, 40), 409),
        (request(&log, &forked, 33, 40), 422),
        (request(&log, &tree, 33, 40), 200),
    ];
    let question = json!({
        "about": "witness",
        "origin": origin().as_str(),
        "log": log.verifier().to_string(),
        "name": "kasse-001.example/witness",
        "seed": hex(&[0x33; 32]),
        "requests": asks.iter().zip(1_767_000_000..).map(|((body, _), now)| json!({"body": body, "now": now}))
            .collect::<Vec<_>>(),
    });
    let Some(answer) = ask(&question) else { return };
    let vkey: VerifierKey = answer["vkey"].as_str().unwrap().parse().unwrap();
    let set = WitnessSet::new([(WitnessId::new("w").unwrap(), vkey)].into(), 1).unwrap();
    let logs: Logs = [(origin(), vec![log.verifier().clone()])].into();
    let mut ours = State::default();
    for ((body, status), (theirs, now)) in asks
        .iter()
        .zip(answer["answers"].as_array().unwrap().iter().zip(1_767_000_000..))
    {
        assert_eq!(theirs["status"], json!(status), "{body}");
        let ask: AddCheckpoint = body.parse().unwrap();
        match decide(&ours, &logs, &ask, Timestamp(now)) {
            Ok(step) => {
                assert_eq!(*status, 200);
                ours.keep(&step);
                let line: SignatureLine = theirs["body"].as_str().unwrap().trim_end().parse().unwrap();
                let mut note = ask.note;
                note.add(line).unwrap();
                let proof = Cosigned::verify(&note, &origin(), &set).unwrap();
                assert_eq!(proof.size(), step.seen().size);
            }
            Err(refusal) => assert_eq!(refusal.status(), *status),
        }
    }
}

#[test]
fn our_witness_signs_their_log() {
    let steps = [(0, 5), (5, 5), (5, 16), (16, 31)];
    let question = json!({
        "about": "requests",
        "origin": origin().as_str(),
        "log_seed": hex(&LOG_SEED),
        "leaves": bodies(31).iter().map(|body| hex(body)).collect::<Vec<_>>(),
        "steps": steps.iter().map(|(old, size)| json!({"old": old, "size": size})).collect::<Vec<_>>(),
    });
    let Some(answer) = ask(&question) else { return };
    let log = LogKey::from_seed(&origin(), &LOG_SEED).unwrap();
    let logs: Logs = [(origin(), vec![log.verifier().clone()])].into();
    let mut state = State::default();
    for (body, (_, size)) in answer["bodies"].as_array().unwrap().iter().zip(steps) {
        let ask: AddCheckpoint = body.as_str().unwrap().parse().unwrap();
        let step = decide(&state, &logs, &ask, Timestamp(1)).unwrap();
        state.keep(&step);
        assert_eq!(state.seen(&origin()).unwrap().size, size);
    }
}
