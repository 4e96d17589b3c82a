//! A ledger grows, is read back, proves itself, and is opened again.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the first surprise, in its helpers too"
)]

use ledger::{Error, Ledger};
use record::{Draft, Kind, LogKey, Note, Origin, SignedCheckpoint, Tree, tree::leaf_hash};
use vocabulary::Timestamp;

fn origin() -> Origin {
    Origin::new("bulkhead.example/essen/doors").unwrap()
}

fn draft(body: &str) -> Draft {
    Draft {
        kind: Kind::new("test.entry").unwrap(),
        at: Timestamp(1_682_366_400),
        body: body.into(),
    }
}

fn drafts(from: u64, count: u64) -> Vec<Draft> {
    (from..from + count)
        .map(|n| draft(&format!("{{\"n\":{n}}}")))
        .collect()
}

#[test]
fn what_was_appended_is_read_back_after_opening_again() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("log");
    let mut ledger = Ledger::create(&dir, &origin()).unwrap();
    assert_eq!(ledger.append(&drafts(0, 3)).unwrap(), 0..3);
    assert_eq!(ledger.stage(&drafts(3, 2)).unwrap(), 3..5);
    assert_eq!(ledger.len(), 3, "what is staged does not count");
    assert_eq!(ledger.stage(&drafts(5, 1)).unwrap(), 5..6);
    let head = ledger.sync().unwrap();
    assert_eq!(head.len, 6);
    drop(ledger);

    let (ledger, recovered) = Ledger::open(&dir, &origin()).unwrap();
    assert_eq!(recovered.cut_bytes, 0);
    assert_eq!(ledger.head(), head);
    for from in 0..=6 {
        let bodies: Vec<_> = ledger.read(from).unwrap().map(|entry| entry.unwrap()).collect();
        assert_eq!(bodies.len() as u64, 6 - from);
        for (entry, n) in bodies.iter().zip(from..) {
            assert_eq!(entry.index, n);
            assert_eq!(entry.body, format!("{{\"n\":{n}}}").into_bytes());
        }
    }
    assert!(matches!(
        ledger.read(7),
        Err(Error::OutOfRange { asked: 7, len: 6 })
    ));
}

#[test]
fn staged_entries_are_nobodys_until_they_are_synced() {
    let temp = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::create(temp.path(), &origin()).unwrap();
    ledger.stage(&drafts(0, 3)).unwrap();
    drop(ledger);
    let (ledger, _) = Ledger::open(temp.path(), &origin()).unwrap();
    assert!(ledger.is_empty());
}

/// Where the child of `a_second_writer_is_refused_with_a_clear_sentence` finds its ledger.
const CHILD_DIR: &str = "BULKHEAD_TEST_LEDGER_DIR";

#[test]
fn a_second_writer_is_refused_with_a_clear_sentence() {
    let temp = tempfile::tempdir().unwrap();
    let first = Ledger::create(temp.path(), &origin()).unwrap();
    let refusal = Ledger::open(temp.path(), &origin()).err().unwrap();
    assert!(matches!(refusal, Error::InUse(_)));
    assert!(refusal.to_string().contains("exactly one writer"), "{refusal}");
    let other_process = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "child_that_is_the_second_writer"])
        .env(CHILD_DIR, temp.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&other_process.stdout);
    assert!(
        other_process.status.success() && said.contains("1 passed"),
        "{said}"
    );
    drop(first);
    assert!(Ledger::open(temp.path(), &origin()).is_ok());
}

#[test]
#[ignore = "run by a_second_writer_is_refused_with_a_clear_sentence"]
fn child_that_is_the_second_writer() {
    let dir = std::path::PathBuf::from(std::env::var_os(CHILD_DIR).unwrap());
    assert!(matches!(Ledger::open(&dir, &origin()), Err(Error::InUse(_))));
}

#[test]
fn the_largest_cosigned_checkpoint_is_kept() {
    let temp = tempfile::tempdir().unwrap();
    let key = LogKey::from_seed(&origin(), &[7; 32]).unwrap();
    let mut ledger = Ledger::create(temp.path(), &origin()).unwrap();
    ledger.append(&drafts(0, 3)).unwrap();
    let small = ledger.checkpoint(&key).unwrap();
    ledger.append(&drafts(3, 3)).unwrap();
    let large = ledger.checkpoint(&key).unwrap();
    for note in [&small, &large, &small] {
        ledger.keep_cosigned(note).unwrap();
    }
    drop(ledger);
    let (ledger, _) = Ledger::open(temp.path(), &origin()).unwrap();
    assert_eq!(ledger.latest_cosigned(), Some(large));
}

#[test]
fn a_ledger_is_not_made_twice_and_not_opened_under_another_name() {
    let temp = tempfile::tempdir().unwrap();
    assert!(matches!(
        Ledger::open(temp.path(), &origin()),
        Err(Error::NotALedger(_))
    ));
    Ledger::create(temp.path(), &origin())
        .unwrap()
        .append(&drafts(0, 1))
        .unwrap();
    assert!(matches!(
        Ledger::create(temp.path(), &origin()),
        Err(Error::Exists(_))
    ));
    let other = Origin::new("bulkhead.example/other").unwrap();
    assert!(matches!(
        Ledger::open(temp.path(), &other),
        Err(Error::OtherLog { .. })
    ));
}

#[test]
fn a_creation_that_was_interrupted_can_be_repeated() {
    let temp = tempfile::tempdir().unwrap();
    drop(Ledger::create(temp.path(), &origin()).unwrap());
    std::fs::remove_file(temp.path().join("origin")).unwrap();
    assert!(Ledger::create(temp.path(), &origin()).is_ok());
}

#[test]
fn proofs_from_disk_are_those_of_the_tree() {
    let temp = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::create(temp.path(), &origin()).unwrap();
    let mut tree = Tree::new();
    for size in 1..=70_u64 {
        ledger.append(&drafts(size - 1, 1)).unwrap();
        let entry = ledger.entry(size - 1).unwrap();
        tree.append(leaf_hash(&entry.encode().unwrap()));
        assert_eq!(ledger.head().root, tree.root());
        for old in 0..=size {
            let proof = ledger.consistency_proof(old, size).unwrap();
            proof
                .verify(old, &tree.root_at(old).unwrap(), size, &tree.root())
                .unwrap();
        }
    }
    for index in 0..66 {
        let proof = ledger.inclusion_proof(index, 66).unwrap();
        let leaf = leaf_hash(&ledger.entry(index).unwrap().encode().unwrap());
        proof
            .verify(&leaf, index, 66, &tree.root_at(66).unwrap())
            .unwrap();
    }
    assert!(matches!(
        ledger.inclusion_proof(66, 66),
        Err(Error::OutOfRange { .. })
    ));
    assert!(matches!(
        ledger.consistency_proof(3, 71),
        Err(Error::OutOfRange { .. })
    ));
}

#[test]
fn a_cache_that_lies_is_made_anew() {
    let temp = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::create(temp.path(), &origin()).unwrap();
    ledger.append(&drafts(0, 33)).unwrap();
    let honest = ledger.consistency_proof(17, 33).unwrap();
    drop(ledger);
    let cache = temp.path().join("nodes");
    let mut bytes = std::fs::read(&cache).unwrap();
    assert!(!bytes.is_empty());
    bytes.iter_mut().for_each(|byte| *byte ^= 1);
    for lie in [bytes, vec![], vec![0; 4096]] {
        std::fs::write(&cache, lie).unwrap();
        let (mut ledger, _) = Ledger::open(temp.path(), &origin()).unwrap();
        assert_eq!(ledger.consistency_proof(17, 33).unwrap(), honest);
    }
}

#[test]
fn a_checkpoint_is_kept_and_holds_the_ledger_to_it() {
    let temp = tempfile::tempdir().unwrap();
    let key = LogKey::from_seed(&origin(), &[7; 32]).unwrap();
    let mut ledger = Ledger::create(temp.path(), &origin()).unwrap();
    let mut notes: Vec<Note> = Vec::new();
    for n in 0..5 {
        ledger.append(&drafts(n, 1)).unwrap();
        notes.push(ledger.checkpoint(&key).unwrap());
    }
    let segment = temp.path().join("entries/00000001.log");
    let whole = std::fs::read(&segment).unwrap();
    let last = ledger.latest_checkpoint().unwrap();
    assert_eq!(&last, notes.last().unwrap());
    let signed = SignedCheckpoint::verify(&last, &origin(), &[key.verifier().clone()]).unwrap();
    assert_eq!(
        (signed.checkpoint().size, signed.checkpoint().root),
        (5, ledger.head().root)
    );
    drop(ledger);

    // A cut that is clean for the checksums is still seen.
    std::fs::write(&segment, &whole[..whole.len() - 40]).unwrap();
    let refusal = Ledger::open(temp.path(), &origin()).err().unwrap();
    assert!(
        matches!(refusal, Error::Truncated { len: 4, size: 5, .. }),
        "{refusal}"
    );
    assert!(refusal.to_string().contains("entry 4"), "{refusal}");
    std::fs::write(&segment, &whole).unwrap();
    assert!(Ledger::open(temp.path(), &origin()).is_ok());
}
