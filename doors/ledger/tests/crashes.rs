//! What a crash, a bad disk or an adversary leaves behind: a torn tail is cut and reported, everything else is refused
//! and named.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the first surprise, in its helpers too"
)]

use ledger::{Damage, Error, Ledger, Verified, verify};
use proptest::prelude::*;
use record::{
    Draft, Head, Kind, LogKey, Note, Origin,
    verify::{Finding, Trust},
};
use std::{fs, path::Path};
use vocabulary::Timestamp;

fn origin() -> Origin {
    Origin::new("bulkhead.example/essen/spool").unwrap()
}

fn key() -> LogKey {
    LogKey::from_seed(&origin(), &[5; 32]).unwrap()
}

fn trust() -> Trust {
    Trust {
        log: vec![key().verifier().clone()],
        witnesses: None,
    }
}

fn drafts(from: u64, count: u64) -> Vec<Draft> {
    (from..from + count)
        .map(|n| Draft {
            kind: Kind::new("test.entry").unwrap(),
            at: Timestamp(1_700_000_000),
            body: format!("{{\"n\":{n}}}").into_bytes(),
        })
        .collect()
}

/// A ledger of commits of these sizes; gives back the head and the file length after each.
fn ledger_of(dir: &Path, commits: &[u64]) -> Vec<(Head, u64)> {
    let mut ledger = Ledger::create(dir, &origin()).unwrap();
    let segment = dir.join("entries/00000001.log");
    let mut after = vec![(ledger.head(), fs::metadata(&segment).unwrap().len())];
    for count in commits {
        ledger.append(&drafts(ledger.len(), *count)).unwrap();
        after.push((ledger.head(), fs::metadata(&segment).unwrap().len()));
    }
    after
}

/// After whatever happened, the ledger must still be sound, take entries, and stay sound.
fn goes_on(dir: &Path, expected: Head) {
    let (mut ledger, recovered) = Ledger::open(dir, &origin()).unwrap();
    assert_eq!(
        (ledger.head(), recovered.cut_bytes),
        (expected, 0),
        "opening again finds nothing more to mend"
    );
    ledger.append(&drafts(ledger.len(), 2)).unwrap();
    assert_eq!(
        ledger.read(0).unwrap().map(Result::unwrap).count() as u64,
        expected.len + 2
    );
    drop(ledger);
    let verified = verify(dir, &origin(), &[], &trust()).unwrap();
    assert!(verified.is_sound(), "{verified}");
}

#[test]
fn a_crash_at_every_byte_of_the_last_commits_loses_nothing_acknowledged_before() {
    let temp = tempfile::tempdir().unwrap();
    let source = temp.path().join("source");
    let after = ledger_of(&source, &[2, 3, 1, 2]);
    let bytes = fs::read(source.join("entries/00000001.log")).unwrap();
    for cut in after[2].1..=bytes.len() as u64 {
        let dir = temp.path().join(format!("cut-{cut}"));
        let (expected, end) = *after.iter().rev().find(|(_, end)| *end <= cut).unwrap();
        copy_with(&source, &dir, &bytes[..cut as usize]);
        let verified = verify(&dir, &origin(), &[], &trust()).unwrap();
        assert!(verified.is_sound(), "a crash is no tampering: {verified}");
        assert_eq!(verified.torn_bytes, cut - end);
        let (ledger, recovered) = Ledger::open(&dir, &origin()).unwrap();
        assert_eq!(ledger.head(), expected, "cut at {cut}");
        assert_eq!(recovered.cut_bytes, cut - end);
        if cut > end {
            assert_eq!(
                fs::read(recovered.kept_in.unwrap()).unwrap(),
                bytes[end as usize..cut as usize]
            );
        }
        drop(ledger);
        goes_on(&dir, expected);
        fs::remove_dir_all(&dir).unwrap();
    }
}

#[test]
fn sectors_that_never_reached_the_disk_are_a_torn_tail_too() {
    let temp = tempfile::tempdir().unwrap();
    let source = temp.path().join("source");
    let after = ledger_of(&source, &[3, 60]);
    let bytes = fs::read(source.join("entries/00000001.log")).unwrap();
    let (expected, end) = after[1];
    for sector in (end as usize).div_ceil(512)..bytes.len() / 512 {
        let dir = temp.path().join(format!("sector-{sector}"));
        let mut holed = bytes.clone();
        holed[sector * 512..(sector + 1) * 512].fill(0);
        copy_with(&source, &dir, &holed);
        let (ledger, recovered) = Ledger::open(&dir, &origin()).unwrap();
        assert_eq!(ledger.head(), expected);
        assert_eq!(recovered.cut_bytes, bytes.len() as u64 - end);
        drop(ledger);
        goes_on(&dir, expected);
        fs::remove_dir_all(&dir).unwrap();
    }
}

#[test]
fn a_flipped_bit_anywhere_is_refused_and_named() {
    let temp = tempfile::tempdir().unwrap();
    let source = temp.path().join("source");
    let after = ledger_of(&source, &[1, 3, 1, 2]);
    let segment = source.join("entries/00000001.log");
    let bytes = fs::read(&segment).unwrap();
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::write(&segment, &flipped).unwrap();
        // The first entry of the commit in which the bit lies.
        let first = after
            .iter()
            .rev()
            .find(|(_, end)| *end <= at as u64)
            .map_or(0, |(head, _)| head.len);
        let refusal = Ledger::open(&source, &origin()).err().unwrap();
        assert!(
            matches!(&refusal, Error::Damaged { index, .. } if *index == first),
            "bit in byte {at}, commit of entry {first}: {refusal}"
        );
        assert!(
            refusal.to_string().contains(&format!("Entry {first} ")),
            "{refusal}"
        );
        let verified = verify(&source, &origin(), &[], &trust()).unwrap();
        assert!(!verified.is_sound(), "bit in byte {at}");
    }
    fs::write(&segment, &bytes).unwrap();
    goes_on(&source, after.last().unwrap().0);
}

#[test]
fn an_adversary_who_mends_the_checksums_is_found_by_the_chain() {
    let temp = tempfile::tempdir().unwrap();
    let (source, forged) = (temp.path().join("source"), temp.path().join("forged"));
    ledger_of(&source, &[1, 1, 1, 1, 1]);
    // The forger writes the same log with another third entry, then puts only that commit into the original.
    let mut other = Ledger::create(&forged, &origin()).unwrap();
    for n in 0..5 {
        let mut drafts = drafts(n, 1);
        if n == 2 {
            drafts[0].body = b"{\"n\":9}".to_vec();
        }
        other.append(&drafts).unwrap();
    }
    drop(other);
    let (path, header) = ("entries/00000001.log", 88);
    let honest = fs::read(source.join(path)).unwrap();
    let commit = (honest.len() - header) / 5;
    let third = header + 2 * commit..header + 3 * commit;
    let mut mixed = honest.clone();
    mixed[third.clone()].copy_from_slice(&fs::read(forged.join(path)).unwrap()[third.clone()]);
    fs::write(source.join(path), &mixed).unwrap();
    assert!(matches!(
        Ledger::open(&source, &origin()),
        Err(Error::Damaged {
            index: 2,
            what: Damage::Chain,
            ..
        })
    ));
    let found = |bytes: &[u8]| {
        fs::write(source.join(path), bytes).unwrap();
        assert!(Ledger::open(&source, &origin()).is_err());
        verify(&source, &origin(), &[], &trust()).unwrap().report.findings
    };
    assert_eq!(found(&mixed), [Finding::Changed { from: 2, to: 2 }]);
    let mut removed = honest.clone();
    removed.drain(third.clone());
    assert_eq!(found(&removed), [Finding::Removed { from: 2, to: 3 }]);
    let mut swapped = honest.clone();
    swapped[third.start..third.end + commit].rotate_left(commit);
    assert_eq!(found(&swapped), [Finding::Reordered { index: 2, after: 3 }]);
}

#[test]
fn a_rewritten_and_a_shortened_log_are_found_by_a_checkpoint_from_outside() {
    let temp = tempfile::tempdir().unwrap();
    let (honest, rewritten) = (temp.path().join("honest"), temp.path().join("rewritten"));
    let mut ledger = Ledger::create(&honest, &origin()).unwrap();
    ledger.append(&drafts(0, 5)).unwrap();
    let early = ledger.checkpoint(&key()).unwrap();
    ledger.append(&drafts(5, 5)).unwrap();
    let late = ledger.checkpoint(&key()).unwrap();
    drop(ledger);
    // The owner writes a new history from entry 7 on, with checkpoints of its own.
    let mut ledger = Ledger::create(&rewritten, &origin()).unwrap();
    ledger.append(&drafts(0, 7)).unwrap();
    ledger.append(&drafts(100, 3)).unwrap();
    ledger.checkpoint(&key()).unwrap();
    let refusal = ledger.keep_cosigned(&late).unwrap_err();
    assert!(matches!(refusal, Error::Forked { size: 10, .. }));
    drop(ledger);
    let with = |dir: &Path, notes: &[Note]| -> Verified { verify(dir, &origin(), notes, &trust()).unwrap() };
    assert!(with(&honest, &[early.clone(), late.clone()]).is_sound());
    assert!(
        with(&rewritten, std::slice::from_ref(&early)).is_sound(),
        "up to there nothing was touched"
    );
    let found = with(&rewritten, &[early.clone(), late.clone()]);
    assert!(
        matches!(
            found.report.findings.as_slice(),
            [Finding::Forked { size: 10, .. }]
        ),
        "{found}"
    );

    let short = temp.path().join("short");
    let mut ledger = Ledger::create(&short, &origin()).unwrap();
    ledger.append(&drafts(0, 7)).unwrap();
    drop(ledger);
    let found = with(&short, &[early, late]);
    assert_eq!(found.report.findings, [Finding::Truncated { len: 7, size: 10 }]);
}

/// A ledger of three segments: seven, seven and three entries.
fn three_segments(dir: &Path) -> Head {
    let mut ledger = Ledger::create(dir, &origin()).unwrap();
    let mut draft = drafts(0, 1);
    draft[0].body = vec![b'x'; 8 * 1024 * 1024];
    for _ in 0..17 {
        ledger.append(&draft).unwrap();
    }
    let head = ledger.head();
    drop(ledger);
    let (ledger, _) = Ledger::open(dir, &origin()).unwrap();
    assert_eq!(ledger.head(), head);
    assert_eq!(ledger.entry(16).unwrap().index, 16);
    assert!(dir.join("entries/00000003.log").exists());
    head
}

#[test]
fn a_missing_foreign_or_empty_segment_is_named() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("log");
    let head = three_segments(&dir);
    let refused = |expected: u64, damage: Damage| {
        let refusal = Ledger::open(&dir, &origin()).err().unwrap();
        let fits =
            matches!(&refusal, Error::Damaged { index, what, .. } if (*index, *what) == (expected, damage));
        assert!(fits, "{refusal}");
    };

    // A crash right after a segment was begun leaves one without a commit: nothing is missing.
    let third = dir.join("entries/00000003.log");
    let whole = fs::read(&third).unwrap();
    fs::write(&third, &whole[..88]).unwrap();
    let (ledger, recovered) = Ledger::open(&dir, &origin()).unwrap();
    assert_eq!((ledger.len(), recovered.cut_bytes), (14, 0));
    drop(ledger);
    fs::write(&third, &whole).unwrap();

    let second = dir.join("entries/00000002.log");
    let kept = temp.path().join("kept");
    fs::rename(&second, &kept).unwrap();
    refused(7, Damage::MissingFile);
    let verified = verify(&dir, &origin(), &[], &trust()).unwrap();
    assert_eq!(verified.report.findings, [Finding::Removed { from: 7, to: 14 }]);
    assert_eq!(verified.places[0].file, second);

    fs::copy(dir.join("entries/00000001.log"), &second).unwrap();
    refused(7, Damage::FileHeader);
    fs::rename(&kept, &second).unwrap();

    // A damaged tail of a segment that is not the last is damage, never a torn tail.
    let length = fs::metadata(&second).unwrap().len();
    let last_byte = fs::read(&second).unwrap().last().copied().unwrap();
    fs::OpenOptions::new()
        .write(true)
        .open(&second)
        .unwrap()
        .set_len(length - 1)
        .unwrap();
    refused(13, Damage::Checksum);
    let mut bytes = fs::read(&second).unwrap();
    bytes.push(last_byte);
    fs::write(&second, bytes).unwrap();
    assert_eq!(Ledger::open(&dir, &origin()).unwrap().0.head(), head);
}

#[test]
fn too_much_at_once_is_refused_and_harms_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::create(temp.path(), &origin()).unwrap();
    ledger.stage(&drafts(0, 1)).unwrap();
    let mut large = drafts(0, 1);
    large[0].body = vec![0; 8 * 1024 * 1024 + 1];
    assert!(matches!(ledger.stage(&large), Err(Error::Entry(_))));
    large[0].body.pop();
    let many = vec![large[0].clone(); 8];
    assert!(matches!(ledger.stage(&many), Err(Error::CommitTooLarge { .. })));
    assert_eq!(ledger.stage(&drafts(1, 1)).unwrap(), 1..2);
    assert_eq!(ledger.sync().unwrap().len, 2);
    drop(ledger);
    assert!(verify(temp.path(), &origin(), &[], &trust()).unwrap().is_sound());
}

fn copy_with(source: &Path, dir: &Path, segment: &[u8]) {
    fs::create_dir_all(dir.join("entries")).unwrap();
    fs::copy(source.join("origin"), dir.join("origin")).unwrap();
    fs::write(dir.join("entries/00000001.log"), segment).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_staged_synced_and_torn_the_acknowledged_part_comes_back(
        commits in proptest::collection::vec(1..5_u64, 1..8),
        torn in 0..200_usize,
    ) {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("log");
        let after = ledger_of(&dir, &commits);
        let segment = dir.join("entries/00000001.log");
        let bytes = fs::read(&segment).unwrap();
        let cut = bytes.len().saturating_sub(torn).max(88);
        fs::write(&segment, &bytes[..cut]).unwrap();
        let expected = after.iter().rev().find(|(_, end)| *end <= cut as u64).unwrap().0;
        let (ledger, _) = Ledger::open(&dir, &origin()).unwrap();
        prop_assert_eq!(ledger.head(), expected);
        drop(ledger);
        goes_on(&dir, expected);
    }
}
