//! Two histories, old copies and strangers: seen, named, and nothing of them in the picture.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests stop at the first surprise"
)]

mod common;

use std::fs;
use std::path::Path;

use common::estate::*;
use common::world::*;
use common::*;
use door::Moment;
use evidence::{Feed, Grade, Journal, SourceKind, Trouble};
use order::Stance;
use record::{Draft, Entry, Kind};
use vocabulary::{Class, Digest, Millis, Position, Seconds, Timestamp};

#[test]
fn another_history_is_a_fork_wherever_it_begins() {
    let world = world();
    let log = &world.logs[1];
    let origin = world.feeds[1].source.0.clone();
    for differs in [1_usize, 3, log.len() - 1] {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = world.journal(dir.path());
        world.bring_all(&mut journal);
        let before = content(journal.picture());
        // The same log up to there, then another entry.
        let mut chain = record::Chain::new(&origin);
        let mut other: Vec<Vec<u8>> = Vec::new();
        for (index, bytes) in log.iter().enumerate() {
            let entry = Entry::decode(bytes).unwrap();
            let at = if index >= differs { Timestamp(7) } else { entry.at };
            let draft = Draft {
                kind: entry.kind,
                at,
                body: entry.body,
            };
            let mut bytes = Vec::new();
            chain.push(&draft, &mut bytes, |_, _| {}).unwrap();
            other.push(bytes);
        }
        let mut say = |first: usize, last: usize| {
            let piece = &other[first..last];
            journal
                .ingest(&world.feeds[1], first as u64, piece, None, world.outside.time)
                .unwrap()
                .troubles
        };
        let index = differs as u64;
        for (first, last) in [(0, log.len()), (differs, log.len()), (0, differs + 1)] {
            let found = say(first, last);
            assert!(
                matches!(found[..], [Trouble::Fork { index: at, .. }] if at == index),
                "{first}..{last}: {found:?}"
            );
        }
        assert_eq!(say(0, differs), vec![], "the common beginning is no fork");
        assert_eq!(troubled(&journal), 1);
        assert!(
            content(journal.picture()) == before,
            "the picture stays with what was known"
        );
        let doubts: Vec<_> = journal.picture().doubts(&kim()).collect();
        assert!(matches!(doubts[..], [Trouble::Fork { .. }]));
        assert_eq!(journal.picture().doubts(&door_id("kasse-001/lookup")).count(), 0);
    }
}

#[test]
fn a_head_that_is_shorter_or_other_is_an_old_or_forked_copy() {
    let world = world();
    let dir = tempfile::tempdir().unwrap();
    let mut journal = world.journal(dir.path());
    world.bring_all(&mut journal);
    let log = &world.logs[1];
    let feed = &world.feeds[1];
    let now = world.outside.time;
    let done = journal
        .ingest(feed, 0, &[], Some(head_of(&log[..3])), now)
        .unwrap();
    let len = log.len() as u64;
    assert_eq!(
        done.troubles,
        vec![Trouble::Shorter {
            known: len,
            claimed: 3
        }]
    );
    let mut other = head_of(log);
    let done = journal.ingest(feed, 0, &[], Some(other), now).unwrap();
    assert_eq!(done.troubles, vec![]);
    let source = &journal.picture().sources()[&feed.source];
    assert!(
        source.is_sound(),
        "it has everything again: {:?}",
        source.troubles
    );
    other.chain = Digest::of(b"other");
    let done = journal.ingest(feed, 0, &[], Some(other), now).unwrap();
    assert!(matches!(done.troubles[..], [Trouble::Fork { .. }]));
    // What it says it has and did not show yet is no trouble.
    let more = record::Head {
        len: len + 5,
        ..other
    };
    let done = journal.ingest(feed, 0, &[], Some(more), now).unwrap();
    assert_eq!(done.troubles, vec![]);
    assert_eq!(journal.picture().sources()[&feed.source].claimed, len + 5);
}

#[test]
fn nobody_passes_off_entries_as_anothers() {
    let world = world();
    let dir = tempfile::tempdir().unwrap();
    let mut journal = world.journal(dir.path());
    let done = journal
        .ingest(&world.feeds[2], 0, &world.logs[1], None, world.outside.time)
        .unwrap();
    assert_eq!(done.taken, 0);
    assert!(matches!(done.troubles[..], [Trouble::Fork { index: 0, .. }]));
    assert_eq!(journal.picture().doors().len(), 0);
    // And a source stays what it is.
    let as_spool = Feed {
        kind: SourceKind::Spool,
        ..world.feeds[2].clone()
    };
    let refused = journal.ingest(&as_spool, 0, &[], None, world.outside.time);
    assert!(matches!(refused, Err(evidence::Error::OtherKind(_))));
}

#[test]
fn a_store_put_back_from_an_old_copy_is_a_fork_and_goes_on_by_a_persons_word() {
    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let target = to.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                copy(&entry.path(), &target);
            } else {
                fs::copy(entry.path(), target).unwrap();
            }
        }
    }
    let dirs: Vec<_> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
    let mut outside = Outside::new(1);
    let mut house = enrol(&outside, dirs[0].path());
    open_all(&mut outside, &mut house);
    let mut journal = journal(&outside, dirs[1].path());
    copy(dirs[0].path(), dirs[2].path());
    close(
        &mut outside,
        &mut house,
        scope_all(),
        Stance::Contain,
        Class::Containment,
    );
    bring(&outside, &house, &mut journal);
    drop(house);
    outside.time = outside.time.plus(Seconds(60));
    let mut old = reopen(&outside, dirs[2].path()).unwrap();
    let source = house_feed(&old).source;
    let done = bring_house(&old, &mut journal, outside.time);
    assert!(
        matches!(done.troubles[..], [Trouble::Shorter { .. }]),
        "{:?}",
        done.troubles
    );
    // It lives on, and its other history becomes visible.
    catch_up(&outside, &mut old);
    freshen(&mut outside, &mut old);
    let all = raw(old.ledger());
    let done = journal
        .ingest(&house_feed(&old), 0, &all, Some(old.head()), outside.time)
        .unwrap();
    assert!(
        done.troubles
            .iter()
            .any(|one| matches!(one, Trouble::Fork { .. })),
        "{:?}",
        done.troubles
    );
    assert!(journal.picture().doubts(&kim()).count() > 0);

    let by = "commander-1".parse().unwrap();
    journal
        .follow_branch(&source, &by, "Platte getauscht / disk replaced", outside.time)
        .unwrap();
    assert_eq!(
        journal.picture().doors().len(),
        0,
        "nothing is known of the new history yet"
    );
    let done = bring(&outside, &old, &mut journal);
    assert_eq!(done.troubles, vec![]);
    let now = Moment {
        wall: outside.time,
        mono: Millis(0),
    };
    agrees(journal.picture(), &old.status(now), outside.time);
    assert_eq!(journal.picture().sources()[&source].branch, 1);
    assert_eq!(journal.picture().doubts(&kim()).count(), 0);
    let again = journal.follow_branch(&source, &by, "noch einmal", outside.time);
    assert!(matches!(again, Err(evidence::Error::NoFork(_))));
    // The other history is still there, and so is the word.
    drop(journal);
    let (journal, _) = Journal::open(dirs[1].path(), &outside.estate, None, outside.time).unwrap();
    agrees(journal.picture(), &old.status(now), outside.time);
}

#[test]
fn a_door_that_was_shown_another_authority_log_is_named() {
    let dirs: Vec<_> = (0..2).map(|_| tempfile::tempdir().unwrap()).collect();
    let (mut outside, mut liar) = (Outside::new(1), Outside::new(1));
    assert_eq!(outside.log, liar.log, "one estate, one charter");
    let mut house = enrol(&liar, dirs[0].path());
    close(
        &mut liar,
        &mut house,
        scope_all(),
        Stance::Contain,
        Class::Containment,
    );
    outside.time = outside.time.plus(Seconds(3));
    clear(
        &mut outside,
        "kasse-001",
        clearance::Grade::Full,
        &["examiner-1", "examiner-2"],
    );
    let mut journal = journal(&outside, dirs[1].path());
    bring(&outside, &house, &mut journal);
    let source = &journal.picture().sources()[&house_feed(&house).source];
    assert!(
        matches!(
            source.troubles[0].trouble,
            Trouble::OtherAuthority { index: 1, .. }
        ),
        "{:?}",
        source.troubles
    );
    // What the door did is what it did, all the same.
    assert_eq!(journal.picture().door(&kim()).unwrap().position, Position::Held);
}

#[test]
fn an_entry_nobody_understands_stops_its_source_and_no_other() {
    let world = world();
    let dir = tempfile::tempdir().unwrap();
    let mut journal = world.journal(dir.path());
    let mut chain = record::Chain::new(&world.feeds[1].source.0);
    let mut log: Vec<Vec<u8>> = world.logs[1][..4].to_vec();
    for bytes in &log {
        chain.follow(record::tree::leaf_hash(bytes), |_, _| {});
    }
    let mut add = |kind: &str| {
        let draft = Draft {
            kind: Kind::new(kind).unwrap(),
            at: world.outside.time,
            body: b"{}".to_vec(),
        };
        let mut bytes = Vec::new();
        chain.push(&draft, &mut bytes, |_, _| {}).unwrap();
        log.push(bytes);
    };
    add("door.dreamt");
    add("door.started");
    let done = journal
        .ingest(&world.feeds[1], 0, &log, None, world.outside.time)
        .unwrap();
    assert_eq!(
        (done.taken, done.troubles),
        (6, vec![]),
        "it chains, so it is kept"
    );
    let epoch = journal.picture().door(&kim()).unwrap().epoch;
    let doubts: Vec<_> = journal.picture().doubts(&kim()).collect();
    assert!(
        matches!(doubts[..], [Trouble::Unread { index: 4, .. }]),
        "{doubts:?}"
    );
    let sentence = doubts[0].to_string();
    assert!(
        sentence.contains("Unbekannter") && sentence.contains("Unknown"),
        "{sentence}"
    );
    world.bring(&mut journal, 0, 0, usize::MAX);
    world.bring(&mut journal, 2, 0, usize::MAX);
    assert_eq!(journal.picture().door(&kim()).unwrap().epoch, epoch);
    assert_eq!(journal.picture().door(&kim()).unwrap().grade(), Grade::Ordered);
    assert_eq!(
        journal.picture().doubts(&door_id("kasse-001/payments")).count(),
        0
    );
}
