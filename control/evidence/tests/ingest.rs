//! What sources show is taken as it is or not at all; what does not fit is said, and said once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests stop at the first surprise"
)]

mod common;

use std::fs;

use common::estate::*;
use common::world::*;
use common::*;
use evidence::{Content, HEARD_EVERY, Journal, JournalEntry, SourceId, Trouble};
use proptest::prelude::*;
use record::verify::Trust;
use record::{LogKey, Origin};
use vocabulary::{Digest, Seconds, Timestamp};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// However the sources are cut, mixed, repeated and shown out of place: the same picture.
    #[test]
    fn any_interleaving_gives_the_same_picture(
        steps in proptest::collection::vec((0_usize..3, -4_isize..3, 0_usize..9), 0..60)
    ) {
        let world = world();
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut plain = world.journal(dir.path());
        world.bring_all(&mut plain);
        let mut mixed = world.journal(other.path());
        for (which, offset, len) in steps {
            let next = usize::try_from(mixed.next_of(&world.feeds[which].source)).unwrap();
            let from = next.saturating_add_signed(offset);
            let before = mixed.next_of(&world.feeds[which].source);
            let done = world.bring(&mut mixed, which, from, from + len);
            let gap = done.troubles.iter().any(|one| matches!(one, Trouble::Gap { .. }));
            prop_assert_eq!(gap, from > next && len > 0 && from < world.logs[which].len());
            prop_assert!(done.next >= before);
            prop_assert_eq!(done.next, mixed.next_of(&world.feeds[which].source));
        }
        world.bring_all(&mut mixed);
        let open: Vec<_> = mixed.picture().sources().values().flat_map(|one| one.open_troubles()).collect();
        prop_assert!(open.is_empty(), "what came later mends a gap: {:?}", open);
        prop_assert!(content(plain.picture()) == content(mixed.picture()));
        // And again from disk.
        drop(mixed);
        let estate = &world.outside.estate;
        let (again, _) = Journal::open(other.path(), estate, None, Timestamp(0)).unwrap();
        prop_assert!(content(plain.picture()) == content(again.picture()));
    }

    /// One changed byte anywhere in what a source shows never gets into the picture, and is always said.
    #[test]
    fn a_changed_byte_is_found(which in 0_usize..3, entry in 0_usize..1000, byte in 0_usize..100_000, known in 0_usize..1000) {
        let world = world();
        let dir = tempfile::tempdir().unwrap();
        let mut journal = world.journal(dir.path());
        let log = &world.logs[which];
        let (entry, known) = (entry % log.len(), known % (log.len() + 1));
        world.bring(&mut journal, which, 0, known);
        let mut shown = log.clone();
        let at = byte % shown[entry].len();
        shown[entry][at] ^= 1;
        let claimed = head_of(log);
        let done = journal.ingest(&world.feeds[which], 0, &shown, Some(claimed), world.outside.time).unwrap();
        prop_assert!(!done.troubles.is_empty());
        // What was changed is not taken; what comes before it is, but for the last where it may be either of two.
        prop_assert!(done.next <= entry.max(known) as u64);
        prop_assert!(done.next >= entry.saturating_sub(1).max(known) as u64);
        // The truth comes, and nothing of the rest has left a trace in the picture.
        world.bring_all(&mut journal);
        let other = tempfile::tempdir().unwrap();
        let mut plain = world.journal(other.path());
        world.bring_all(&mut plain);
        prop_assert!(content(plain.picture()) == content(journal.picture()));
    }
}

#[test]
fn the_same_again_changes_nothing_and_is_not_written() {
    let world = world();
    let dir = tempfile::tempdir().unwrap();
    let mut journal = world.journal(dir.path());
    world.bring_all(&mut journal);
    let len = journal.head().len;
    for (which, log) in world.logs.iter().enumerate() {
        for from in [0, 1, log.len() / 2, log.len() - 1] {
            let done = world.bring(&mut journal, which, from, log.len());
            assert_eq!((done.taken, done.troubles), (0, vec![]));
            let done = world.bring(&mut journal, which, from, log.len() - 1);
            assert_eq!((done.taken, done.troubles), (0, vec![]));
        }
    }
    assert_eq!(journal.head().len, len);
}

#[test]
fn a_gap_is_said_once_and_is_over_when_the_missing_come() {
    let world = world();
    let dir = tempfile::tempdir().unwrap();
    let mut journal = world.journal(dir.path());
    world.bring(&mut journal, 1, 0, 2);
    for _ in 0..3 {
        let done = world.bring(&mut journal, 1, 4, 9);
        assert_eq!(done.troubles, vec![Trouble::Gap { expected: 2, got: 4 }]);
        assert_eq!((done.taken, done.next), (0, 2), "asks for what is missing");
    }
    assert_eq!(troubled(&journal), 1);
    let source = &journal.picture().sources()[&world.feeds[1].source];
    assert_eq!((source.len, source.is_sound()), (2, false));
    let sentence = source.troubles[0].trouble.to_string();
    assert!(
        sentence.contains("fehlen") && sentence.contains("missing"),
        "{sentence}"
    );
    world.bring(&mut journal, 1, 2, usize::MAX);
    let source = &journal.picture().sources()[&world.feeds[1].source];
    assert!(
        source.is_sound() && source.troubles.len() == 1,
        "over, not forgotten"
    );
}

#[test]
fn damaged_bytes_stop_at_their_entry_and_are_kept_as_evidence() {
    let world = world();
    let dir = tempfile::tempdir().unwrap();
    let mut journal = world.journal(dir.path());
    let mut shown = world.logs[1].clone();
    let last = shown[5].len() - 1;
    shown[5][last] ^= 1;
    let done = journal
        .ingest(&world.feeds[1], 0, &shown, None, world.outside.time)
        .unwrap();
    // The changed entry itself still chains; the one after it names another.
    assert_eq!(done.taken, 5);
    assert!(matches!(done.troubles[..], [Trouble::Damaged { index: 5, .. }]));
    let entries = journal.read(0).unwrap().map(Result::unwrap);
    let kept: Vec<_> = entries
        .filter_map(|entry| match JournalEntry::read(&entry).content {
            Content::Troubled(troubled) => troubled.shown,
            Content::Begun(_)
            | Content::Added(_)
            | Content::From { .. }
            | Content::Heard(_)
            | Content::Branched(_)
            | Content::SnapshotTaken(_)
            | Content::Room(_)
            | Content::Unknown => None,
        })
        .collect();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0], hex::encode(&shown[5]));
    let done = world.bring(&mut journal, 1, 0, usize::MAX);
    assert_eq!(done.troubles, vec![]);
    let source = &journal.picture().sources()[&world.feeds[1].source];
    assert!(
        source.is_sound() && source.troubles.len() == 1,
        "over, not forgotten"
    );
}

#[test]
fn silence_is_visible_and_written_down_seldom() {
    let world = world();
    let dir = tempfile::tempdir().unwrap();
    let mut journal = world.journal(dir.path());
    world.bring_all(&mut journal);
    let (begin, limit) = (world.outside.time, Seconds(30));
    let len = journal.head().len;
    let feed = &world.feeds[1];
    for secs in 1..=120 {
        let now = begin.plus(Seconds(secs));
        let claimed = head_of(&world.logs[1]);
        journal.ingest(feed, 0, &[], Some(claimed), now).unwrap();
    }
    assert_eq!(journal.head().len - len, 120 / HEARD_EVERY.0);
    let now = begin.plus(Seconds(121));
    let silent: Vec<SourceId> = journal
        .picture()
        .silent(now, limit)
        .map(|(id, _)| id.clone())
        .collect();
    assert!(!silent.contains(&feed.source) && silent.contains(&world.feeds[2].source));
    let lookup = door_id("kasse-001/lookup");
    assert_eq!(journal.picture().unreached(&lookup, now, limit), Some(begin));
    assert_eq!(journal.picture().unreached(&kim(), now, limit), None);
    // After a restart it is known to within the interval.
    drop(journal);
    let (journal, _) = Journal::open(dir.path(), &world.outside.estate, None, now).unwrap();
    let heard = journal.picture().sources()[&feed.source].heard;
    assert!(begin.plus(Seconds(120)).since(heard) < HEARD_EVERY);
}

#[test]
fn the_pin_is_kept_and_compared() {
    let world = world();
    let dir = tempfile::tempdir().unwrap();
    let estate = &world.outside.estate;
    let charter = world.outside.charter.id().0;
    let (mut journal, _) = Journal::open(dir.path(), estate, None, Timestamp(1)).unwrap();
    assert_eq!(journal.picture().pin(), evidence::Pin::Missing);
    world.bring_all(&mut journal);
    assert_eq!(journal.picture().pin(), evidence::Pin::FirstSeen(charter));
    assert!(journal.picture().charter().is_some());
    drop(journal);
    assert!(Journal::open(dir.path(), estate, Some(charter), Timestamp(1)).is_ok());
    let other = Journal::open(dir.path(), estate, Some(Digest::of(b"x")), Timestamp(1));
    assert!(matches!(other, Err(evidence::Error::OtherCharter { .. })));
    let elsewhere = Journal::open(dir.path(), &"anders".parse().unwrap(), None, Timestamp(1));
    assert!(elsewhere.is_err());
}
#[test]
fn the_journal_proves_itself_and_a_changed_one_is_found() {
    let world = world();
    let dir = tempfile::tempdir().unwrap();
    let estate = world.outside.estate.clone();
    let mut journal = world.journal(dir.path());
    world.bring_all(&mut journal);
    let origin: Origin = evidence::journal_origin(&estate).unwrap();
    let key = LogKey::from_seed(&origin, &[9; 32]).unwrap();
    let note = journal.checkpoint(&key).unwrap();
    let head = journal.head();
    let entry = journal.read(7).unwrap().next().unwrap().unwrap();
    let leaf = record::tree::leaf_hash(&entry.encode().unwrap());
    let proof = journal.inclusion_proof(7, head.len).unwrap();
    proof.verify(&leaf, 7, head.len, &head.root).unwrap();
    journal.consistency_proof(5, head.len).unwrap();
    drop(journal);
    let trust = Trust {
        log: vec![key.verifier().clone()],
        witnesses: None,
    };
    assert!(
        evidence::verify(dir.path(), &estate, std::slice::from_ref(&note), &trust)
            .unwrap()
            .is_sound()
    );
    let segment = dir.path().join("entries/00000001.log");
    let mut bytes = fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let found = evidence::verify(dir.path(), &estate, &[note], &trust).unwrap();
    assert!(!found.is_sound());
    assert!(Journal::open(dir.path(), &estate, None, Timestamp(0)).is_err());
}
