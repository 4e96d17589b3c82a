//! A draft somebody dropped stays dropped: whoever signs it later, and however the journal is read again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests stop at the first surprise"
)]

mod common;

use common::estate::*;
use common::*;
use evidence::room::{DraftDropped, DraftProposed};
use evidence::{Journal, Picture, SnapshotUse};
use order::{Body, Stance};
use vocabulary::{Class, Envelope, StatementId};

fn proposed(draft: &Envelope) -> DraftProposed {
    DraftProposed {
        by: Some("commander-1".parse().unwrap()),
        draft: draft.clone(),
    }
}

fn dropped(draft: StatementId) -> DraftDropped {
    DraftDropped {
        by: Some("commander-2".parse().unwrap()),
        draft,
        why: text("falsche Kasse"),
    }
}

fn is_gone(picture: &Picture, draft: StatementId) {
    assert!(!picture.people().drafts.contains_key(&draft), "it came back");
    let why = &picture.people().dropped[&draft];
    assert_eq!(why.body.why, text("falsche Kasse"));
    assert_eq!(
        why.body.by.as_ref().map(ToString::to_string).as_deref(),
        Some("commander-2")
    );
}

#[test]
fn a_dropped_draft_does_not_come_back() {
    let dirs = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut outside = Outside::new(2);
    let mut house = enrol(&outside, dirs.0.path());
    open_all(&mut outside, &mut house);
    let mut journal = journal(&outside, dirs.1.path());
    bring(&outside, &house, &mut journal);
    let closing = outside.closing(scope_all(), Stance::Contain, Class::Containment, None);
    let other = outside.closing(scope_all(), Stance::Shut, Class::Maintenance, None);
    let (draft, kept) = (closing.draft().unwrap(), other.draft().unwrap());
    let now = outside.time;
    journal
        .append([proposed(&draft).into(), proposed(&kept).into()], now)
        .unwrap();
    assert!(journal.picture().people().drafts.contains_key(&draft.id()));
    journal.append([dropped(draft.id()).into()], now).unwrap();
    is_gone(journal.picture(), draft.id());
    // Somebody who had the page open signs it all the same; somebody drops it twice.
    let signed = outside.signed(&closing, &["commander-1"]);
    let second = DraftDropped {
        why: text("noch einmal"),
        ..dropped(draft.id())
    };
    journal
        .append([proposed(&signed).into(), second.into()], now)
        .unwrap();
    is_gone(journal.picture(), draft.id());
    assert!(
        journal.picture().people().drafts.contains_key(&kept.id()),
        "another draft went with it"
    );
    // The room is put together again: from the journal alone, and from a snapshot.
    drop(journal);
    let again = || Journal::open(dirs.1.path(), &outside.estate, None, now).unwrap();
    let (mut journal, opened) = again();
    assert_eq!(opened.snapshot, SnapshotUse::None);
    is_gone(journal.picture(), draft.id());
    let before = journal.picture().people().clone();
    journal.snapshot(now).unwrap();
    drop(journal);
    let (mut journal, opened) = again();
    assert!(matches!(opened.snapshot, SnapshotUse::Used { .. }));
    assert_eq!(journal.picture().people(), &before);
    journal.append([proposed(&draft).into()], now).unwrap();
    is_gone(journal.picture(), draft.id());
}
