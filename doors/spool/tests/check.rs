//! The offline check finds nothing in a sound spool and names what is wrong in any other.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

mod common;
use common::*;
use spool::{Error, Finding, check};
use std::{
    fs,
    path::{Path, PathBuf},
};

const CELL: &str = "kasse-001/kim";

fn filled(dir: &Path) -> (PathBuf, PathBuf) {
    let (first, second) = (dir.join("first"), dir.join("second"));
    let mut config = config(&first);
    config.copies = vec![second.clone()];
    let (spool, _) = open(config);
    Insurer::new("kasse-001").enrol(&spool);
    // More than one segment of a megabyte.
    for number in 0..40 {
        let offer = offer_from(CELL, "a", &format!("<{number}>"));
        spool.offer_blocking(offer, vec![b'x'; 60_000]).unwrap();
    }
    let item = take(&spool, CELL).unwrap();
    hand_over(&spool, &item);
    assert!(
        matches!(check(&first, &[]), Err(Error::Foreign { .. })),
        "not under a running process"
    );
    drop(item);
    drop(spool);
    (first, second)
}

fn segment(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("segments/{number:010}.segment"))
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_sound_spool_has_no_findings_and_looking_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = filled(dir.path());
    let before = fs::read(segment(&first, 1)).unwrap();
    let report = check(&first, std::slice::from_ref(&second)).unwrap();
    assert!(report.is_sound(), "{report}");
    assert_eq!(report.stores.len(), 2);
    for store in &report.stores {
        assert_eq!((store.waiting, store.handed_over, store.parked), (39, 1, 0));
    }
    assert!(
        report
            .to_string()
            .ends_with("Der Speicher ist unversehrt. / The spool is sound.")
    );
    assert_eq!(fs::read(segment(&first, 1)).unwrap(), before);
    fs::remove_file(first.join("lock")).unwrap();
    assert!(check(&first, &[second]).unwrap().is_sound());
    assert!(!first.join("lock").exists());
}

#[test]
fn every_kind_of_loss_is_named_with_its_store() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = filled(dir.path());
    let copies = [second.clone()];

    let intact = fs::read(segment(&second, 1)).unwrap();
    flip(&segment(&second, 1), 200_000);
    let report = check(&first, &copies).unwrap();
    let damaged = |finding: &Finding| matches!(finding, Finding::Damaged { dir, .. } if *dir == second);
    let missing =
        |finding: &Finding| matches!(finding, Finding::ItemsMissing { dir, items: 1, .. } if *dir == second);
    assert!(report.findings.iter().any(damaged), "{report}");
    assert!(report.findings.iter().any(missing), "{report}");
    assert_eq!(report.findings.len(), 2, "{report}");
    fs::write(segment(&second, 1), intact).unwrap();

    fs::remove_file(segment(&first, 2)).unwrap();
    let report = check(&first, &copies).unwrap();
    let gone =
        |finding: &Finding| matches!(finding, Finding::SegmentMissing { dir, segment: 2 } if *dir == first);
    assert!(report.findings.iter().any(gone), "{report}");

    let (other, _) = filled(&dir.path().join("other"));
    let report = check(&second, &[other.clone(), dir.path().join("nowhere")]).unwrap();
    assert_eq!(
        report.findings,
        [
            Finding::Empty {
                dir: dir.path().join("nowhere")
            },
            Finding::OtherSpool { dir: other }
        ]
    );
}

#[test]
fn an_unfinished_end_is_told_from_damage() {
    let dir = tempfile::tempdir().unwrap();
    let (first, _) = filled(dir.path());
    let last = fs::read_dir(first.join("segments"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .max()
        .unwrap();
    let bytes = fs::read(&last).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    flip(&last, end);
    let report = check(&first, &[]).unwrap();
    assert!(
        matches!(report.findings[..], [Finding::UnfinishedEnd { .. }]),
        "{report}"
    );
}
