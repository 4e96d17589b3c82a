//! A snapshot saves time and is believed for nothing but that.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests stop at the first surprise"
)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::estate::*;
use common::*;
use door::House;
use evidence::room::{BacklogCounted, IncidentOpened, LevelSet, ProofMeasured, SignalSeen};
use evidence::{
    Backlog, Fold, Journal, JournalEntry, Level, NotBelieved, Opened, Picture, RoomEntry, SnapshotUse,
};
use order::Stance;
use proptest::prelude::*;
use vocabulary::{Class, Position, Seconds};

struct Stage {
    dirs: (tempfile::TempDir, tempfile::TempDir),
    outside: Outside,
    house: House,
}

/// A journal with everything in it that a picture can hold.
fn stage() -> (Stage, Journal) {
    let dirs = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut outside = Outside::new(2);
    let mut house = enrol(&outside, dirs.0.path());
    open_all(&mut outside, &mut house);
    let by_hand = outside.closing(
        scope_all(),
        Stance::Contain,
        Class::Precautionary,
        Some(Seconds(600)),
    );
    let by_hand = outside.signed(&by_hand, &["commander-2"]);
    house.admit(&by_hand, moment(&outside)).unwrap();
    let mut journal = journal(&outside, dirs.1.path());
    bring(&outside, &house, &mut journal);
    // In the log and not at the doors.
    let closing = outside.closing(scope_all(), Stance::Contain, Class::Containment, None);
    let signed = outside.signed(&closing, &["commander-1"]);
    outside.publish(&signed);
    bring_authority(&outside, &mut journal);
    let gap = raw(house.ledger());
    let feed = house_feed(&house);
    let beyond = journal.next_of(&feed.source) + 3;
    let last = gap.last().unwrap().clone();
    let moved = record::Entry {
        index: beyond,
        ..record::Entry::decode(&last).unwrap()
    };
    journal
        .ingest(&feed, beyond, &[moved.encode().unwrap()], None, outside.time)
        .unwrap();
    journal.append(said(&journal, &outside), outside.time).unwrap();
    let stage = Stage { dirs, outside, house };
    (stage, journal)
}

fn said(journal: &Journal, outside: &Outside) -> Vec<RoomEntry> {
    let door = journal.picture().door(&kim()).unwrap();
    vec![
        IncidentOpened {
            by: Some("commander-1".parse().unwrap()),
            incident: "vorfall-1".parse().unwrap(),
            title: text("<script>alert(1)</script>"),
            scope: scope_all(),
            signals: ["signal-1".parse().unwrap()].into(),
        }
        .into(),
        SignalSeen {
            by: None,
            signal: "signal-2".parse().unwrap(),
            detector: "kanarie".parse().unwrap(),
            what: text("Anmeldung am Köder / log-in at the canary"),
            scope: scope_all(),
            incident: Some("vorfall-1".parse().unwrap()),
        }
        .into(),
        ProofMeasured {
            by: None,
            door: kim(),
            epoch: door.epoch,
            position: door.position,
            failures: vec![],
            old_sessions: 2,
            at: outside.time,
        }
        .into(),
        BacklogCounted {
            by: None,
            cells: [(
                kim().cell().clone(),
                Backlog {
                    held: 7,
                    ..Backlog::default()
                },
            )]
            .into(),
        }
        .into(),
        LevelSet {
            by: Some("commander-1".parse().unwrap()),
            door: epa(),
            level: Level::HoldReady,
        }
        .into(),
    ]
}

impl Stage {
    fn file(&self) -> PathBuf {
        self.dirs.1.path().join("snapshot")
    }

    fn open(&self) -> (Journal, Opened) {
        Journal::open(self.dirs.1.path(), &self.outside.estate, None, self.outside.time).unwrap()
    }

    /// What folding everything gives.
    fn plain(&self) -> Picture {
        let kept = fs::read(self.file()).ok();
        if kept.is_some() {
            fs::remove_file(self.file()).unwrap();
        }
        let (journal, opened) = self.open();
        assert_eq!(opened.snapshot, SnapshotUse::None);
        if let Some(kept) = kept {
            fs::write(self.file(), kept).unwrap();
        }
        journal.picture().clone()
    }
}

#[test]
fn it_loads_to_exactly_what_folding_gives() {
    let (stage, mut journal) = stage();
    let live = journal.picture().clone();
    journal.snapshot(stage.outside.time).unwrap();
    let len = live.head().len;
    drop(journal);
    let (journal, opened) = stage.open();
    assert_eq!(opened.snapshot, SnapshotUse::Used { len });
    assert_eq!(opened.folded, 1, "only the entry that names the snapshot");
    let plain = stage.plain_after(journal);
    assert_eq!(live.doors(), plain.doors());
    assert_eq!(live.people(), plain.people());
}

impl Stage {
    /// Compares a journal's picture with what folding everything gives, to the last field.
    fn plain_after(&self, journal: Journal) -> Picture {
        let loaded = journal.picture().clone();
        drop(journal);
        let plain = self.plain();
        assert_eq!(loaded.sources(), plain.sources());
        assert_eq!(loaded.statements(), plain.statements());
        assert_eq!(loaded.doors(), plain.doors());
        assert_eq!(loaded.people(), plain.people());
        assert_eq!(loaded.refusals(), plain.refusals());
        assert_eq!(loaded.authority(), plain.authority());
        assert!(loaded == plain, "another field than those above");
        plain
    }
}

#[test]
fn many_hands_fold_to_exactly_what_one_by_one_gives() {
    let (mut stage, mut journal) = stage();
    // Several pieces for each hand, in which who said something last decides.
    for round in 0..40 {
        let nonce = stage.outside.draw();
        stage.outside.append_nonce(nonce);
        bring_authority(&stage.outside, &mut journal);
        let doors = [kim(), epa()].into_iter().cycle().take(60);
        let levels = doors.enumerate().map(|(number, door)| {
            let level = if (number + round) % 3 == 0 {
                Level::Observe
            } else {
                Level::Enforcing
            };
            LevelSet {
                by: None,
                door,
                level,
            }
            .into()
        });
        journal
            .append(levels.collect::<Vec<RoomEntry>>(), stage.outside.time)
            .unwrap();
    }
    let entries: Vec<_> = journal.read(0).unwrap().map(Result::unwrap).collect();
    assert!(entries.len() > 2_000);
    let mut fold = Fold::empty(stage.outside.estate.clone(), journal.head());
    fold.take(entries.iter().map(JournalEntry::read), journal.head());
    let one_by_one = fold.picture().clone();
    let plain = stage.plain_after(journal);
    assert!(one_by_one == plain);
}

#[test]
fn doors_move_on_from_a_snapshot_as_they_would_without() {
    let (mut stage, mut journal) = stage();
    journal.snapshot(stage.outside.time).unwrap();
    drop(journal);
    let (mut journal, opened) = stage.open();
    assert!(matches!(opened.snapshot, SnapshotUse::Used { .. }));
    stage.outside.time = stage.outside.time.plus(Seconds(5));
    let Stage { outside, house, .. } = &mut stage;
    catch_up(outside, house);
    bring(outside, house, &mut journal);
    agrees(journal.picture(), &house.status(moment(outside)), outside.time);
    outside.time = outside.time.plus(Seconds(700));
    house.tick(moment(outside)).unwrap();
    open_all(outside, house);
    bring(outside, house, &mut journal);
    agrees(journal.picture(), &house.status(moment(outside)), outside.time);
    assert_eq!(journal.picture().door(&kim()).unwrap().position, Position::Open);
    stage.plain_after(journal);
}

#[test]
fn a_crash_between_the_journals_word_and_the_file_leaves_the_older_one_good() {
    let (stage, mut journal) = stage();
    let first = journal.head().len;
    journal.snapshot(stage.outside.time).unwrap();
    let older = fs::read(stage.file()).unwrap();
    journal
        .append(said(&journal, &stage.outside), stage.outside.time)
        .unwrap();
    journal.snapshot(stage.outside.time).unwrap();
    drop(journal);
    // The journal names a newer one, the file never came; a half-written draft lies about.
    fs::write(stage.file().with_extension("new"), &older[..older.len() / 2]).unwrap();
    fs::write(stage.file(), &older).unwrap();
    let (journal, opened) = stage.open();
    assert_eq!(opened.snapshot, SnapshotUse::Used { len: first });
    stage.plain_after(journal);
    // No file at all.
    fs::remove_file(stage.file()).unwrap();
    let (_journal, opened) = stage.open();
    assert_eq!(opened.snapshot, SnapshotUse::None);
}

#[test]
fn a_snapshot_of_another_journal_or_of_entries_that_are_gone_is_refused() {
    fn take(from: &Path, to: &Path) {
        fs::copy(from.join("snapshot"), to.join("snapshot")).unwrap();
    }
    let ((one, mut journal), (two, mut other)) = (stage(), stage());
    journal
        .append(said(&journal, &one.outside), one.outside.time)
        .unwrap();
    journal.snapshot(one.outside.time).unwrap();
    other.snapshot(two.outside.time).unwrap();
    drop((journal, other));
    take(one.dirs.1.path(), two.dirs.1.path());
    let (journal, opened) = two.open();
    assert_eq!(opened.snapshot, SnapshotUse::Refused(NotBelieved::NotNamed));
    let said = opened.snapshot.to_string();
    assert!(said.contains("verworfen") && said.contains("refused"), "{said}");
    two.plain_after(journal);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Whatever is done to the file, the picture is the journal's.
    #[test]
    fn a_changed_or_cut_snapshot_is_refused(at in 0_usize..1_000_000, cut in proptest::bool::ANY) {
        let (stage, mut journal) = stage();
        journal.snapshot(stage.outside.time).unwrap();
        drop(journal);
        let mut file = fs::read(stage.file()).unwrap();
        let at = at % file.len();
        if cut { file.truncate(at) } else { file[at] ^= 0x20 }
        fs::write(stage.file(), file).unwrap();
        let (journal, opened) = stage.open();
        prop_assert!(matches!(opened.snapshot, SnapshotUse::Refused(_)), "{:?}", opened.snapshot);
        stage.plain_after(journal);
    }
}
