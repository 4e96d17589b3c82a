//! Bytes that are not what was written: an unfinished end is cut, everything else is found and named.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

mod common;
use common::*;
use spool::{About, Next, State, promises};
use std::{
    fs::{self, OpenOptions},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};
use vocabulary::Millis;

const CELL: &str = "kasse-001/kim";

fn segment(dir: &Path, number: u32) -> PathBuf {
    dir.join("segments").join(format!("{number:010}.segment"))
}

/// A closed spool with a few items, and where its records end.
fn filled(dir: &Path, items: u64) -> u64 {
    let (spool, _) = open(config(dir));
    Insurer::new("kasse-001").enrol(&spool);
    for number in 0..items {
        put(&spool, CELL, "a", number);
    }
    drop(spool);
    let bytes = fs::read(segment(dir, 1)).unwrap();
    bytes.iter().rposition(|byte| *byte != 0).unwrap() as u64 + 1
}

fn copy_store(from: &Path, to: &Path, with_cache: bool) {
    for part in ["segments", "keys"] {
        fs::create_dir_all(to.join(part)).unwrap();
        for entry in fs::read_dir(from.join(part)).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, to.join(part).join(path.file_name().unwrap())).unwrap();
        }
    }
    fs::copy(from.join("secret"), to.join("secret")).unwrap();
    if with_cache {
        fs::copy(from.join("pointers.sqlite"), to.join("pointers.sqlite")).unwrap();
    }
}

#[test]
fn a_write_that_stopped_at_any_byte_of_the_last_records_costs_only_what_was_not_finished() {
    let dir = tempfile::tempdir().unwrap();
    let end = filled(dir.path(), 3);
    let bytes = fs::read(segment(dir.path(), 1)).unwrap();
    // Everywhere in the last item's record, which begins 96 bytes before the name of its cell.
    let name = bytes
        .windows(CELL.len())
        .rposition(|window| window == CELL.as_bytes())
        .unwrap();
    let from = name as u64 - 96;
    let mut seen = std::collections::BTreeSet::new();
    for cut in (from..end).step_by(7).chain(end - 3..=end) {
        let copy = tempfile::tempdir().unwrap();
        copy_store(dir.path(), copy.path(), false);
        let mut torn = bytes.clone();
        torn[usize::try_from(cut).unwrap()..].fill(0);
        fs::write(segment(copy.path(), 1), &torn).unwrap();
        let (spool, recovered) = open(config(copy.path()));
        assert!(recovered.damage.is_empty(), "cut at {cut}: {recovered:?}");
        assert!(recovered.rebuilt);
        let waiting = spool.backlog(&cell(CELL));
        assert_eq!(waiting, if cut == end { 3 } else { 2 }, "cut at {cut}");
        // What was cut can be offered again, and the order goes on.
        put(&spool, CELL, "a", 2);
        assert_eq!(spool.backlog(&cell(CELL)), 3);
        drop(spool);
        let census = promises::Census::of(copy.path()).unwrap();
        assert!(census.damage.is_empty(), "cut at {cut}: {:?}", census.damage);
        seen.insert(waiting);
    }
    assert_eq!(seen.len(), 2, "both sides of the edge were tried");
}

/// Where the first item names its cell; the key epoch before it names it too.
fn first_item(segment: &[u8]) -> usize {
    let cell = CELL.as_bytes();
    let names = segment.windows(cell.len()).enumerate();
    let mut found = names.filter(|(_, window)| *window == cell).map(|(at, _)| at);
    found.nth(1).unwrap()
}

#[test]
fn every_flipped_bit_in_a_durable_record_is_reported_and_costs_no_other_item() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 4);
    let intact = fs::read(segment(dir.path(), 1)).unwrap();
    let census = promises::Census::of(dir.path()).unwrap();
    assert!(census.damage.is_empty());
    let records = census.records;
    // Somewhere in the middle: behind the keys, before the last two items.
    let first_item = first_item(&intact);
    for at in (first_item - 90..first_item + 700).step_by(13) {
        let copy = tempfile::tempdir().unwrap();
        copy_store(dir.path(), copy.path(), false);
        let mut bytes = intact.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(segment(copy.path(), 1), &bytes).unwrap();
        let census = promises::Census::of(copy.path()).unwrap();
        assert_eq!(census.damage.len(), 1, "byte {at}");
        assert_eq!(census.records, records - 1, "byte {at}");
        assert!(promises::spool_1([], &[census], 1).is_err());
        let (spool, recovered) = open(config(copy.path()));
        assert_eq!(recovered.damage.len(), 1, "byte {at}");
        assert_eq!(spool.backlog(&cell(CELL)), 3, "byte {at}");
    }
}

#[test]
fn a_flipped_bit_that_a_clean_start_does_not_look_at_is_found_when_the_item_is_read() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 2);
    let bytes = fs::read(segment(dir.path(), 1)).unwrap();
    let first_item = first_item(&bytes) as u64;
    let file = OpenOptions::new()
        .write(true)
        .open(segment(dir.path(), 1))
        .unwrap();
    file.write_all_at(&[0xff], first_item + 20).unwrap();
    let (spool, recovered) = open(config(dir.path()));
    assert!(!recovered.rebuilt && recovered.damage.is_empty());
    // The damaged item is set aside for a person and the lane goes on.
    let mut activity = spool.activity();
    let item = loop {
        match spool.next(&cell(CELL), Millis(0)).unwrap() {
            Next::Item(item) => break item,
            Next::Empty => {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                runtime.block_on(activity.changed()).unwrap();
            }
            other @ (Next::Later(_) | Next::Locked(_)) => panic!("{other:?}"),
        }
    };
    assert_eq!(item.sealed().message_id(), Some("<1@a>"));
    let parked = spool.parked_after(&cell(CELL), None, 10).unwrap();
    assert_eq!(parked.len(), 1);
    assert_eq!(
        spool.state_of(parked[0]).unwrap(),
        (State::Parked, Some(spool::WhyParked::Unreadable))
    );
    let certificate = spool.certificate(About::default(), NOW).unwrap();
    promises::spool_2(&certificate, None).unwrap();
}

#[test]
fn a_lost_damaged_or_foreign_cache_is_rebuilt_from_the_segments() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 5);
    let cache = dir.path().join("pointers.sqlite");
    let before = {
        let (spool, recovered) = open(config(dir.path()));
        assert!(!recovered.rebuilt);
        let item = take(&spool, CELL).unwrap();
        hand_over(&spool, &item);
        let item = take(&spool, CELL).unwrap();
        spool.begin(item.id(), 1, NOW).wait().unwrap();
        spool.certificate(About::default(), NOW).unwrap()
    };
    assert_eq!(
        (before.held.count, before.in_doubt.count, before.handed_over.count),
        (3, 1, 1)
    );
    let wrecks: [fn(&Path); 4] = [
        |path| fs::remove_file(path).unwrap(),
        |path| fs::write(path, b"no database").unwrap(),
        |path| {
            let mut bytes = fs::read(path).unwrap();
            let half = bytes.len() / 2;
            bytes[100..half].fill(0x5a);
            fs::write(path, bytes).unwrap();
        },
        |path| {
            let other = tempfile::tempdir().unwrap();
            filled(other.path(), 2);
            fs::copy(other.path().join("pointers.sqlite"), path).unwrap();
        },
    ];
    for (number, wreck) in wrecks.into_iter().enumerate() {
        wreck(&cache);
        let (spool, recovered) = open(config(dir.path()));
        assert!(recovered.rebuilt, "wreck {number}");
        assert_eq!(recovered.in_doubt, 1);
        assert_eq!(
            spool.certificate(About::default(), NOW).unwrap(),
            before,
            "wreck {number}"
        );
        let item = take(&spool, CELL).unwrap();
        assert!(
            item.is_in_doubt() && item.attempt() == 2,
            "it will be repeated and says so"
        );
    }
}
