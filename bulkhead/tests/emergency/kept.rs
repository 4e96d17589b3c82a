//! The store of an emergency environment by itself: what is named is there, once; what was cut off was never named; what
//! is missing is refused.

use std::{
    fs::OpenOptions,
    io::{Seek as _, SeekFrom, Write as _},
    path::Path,
};

use bulkhead::emergency::store::{Batch, Filed, Known, Store};
use spool::{ItemId, KeyEpoch, Standing};
use vocabulary::{Digest, Timestamp};

use super::stage::{cell, environment};

const SPOOL: &str = "00000000000000aa";

fn item(number: u64) -> ItemId {
    format!("{SPOOL}{number:016x}").parse().unwrap()
}

fn filed(number: u64) -> Filed {
    Filed {
        item: item(number),
        cell: cell(1, "eau"),
        epoch: KeyEpoch(1),
        standing: Standing::Waiting,
        received: Timestamp(1_682_366_400),
        flagged: false,
        mail: None,
    }
}

fn mail(number: u64) -> Vec<u8> {
    format!("Message-ID: <{number}@x>\r\n\r\nbody {number}\r\n").into_bytes()
}

fn batch(numbers: impl IntoIterator<Item = u64>) -> Batch {
    let mut batch = Batch::default();
    for number in numbers {
        let bytes = mail(number);
        let digest = Digest::of(&bytes);
        batch.add(filed(number), &bytes, digest);
    }
    batch
}

fn open(dir: &Path) -> Store {
    Store::open(dir, &environment()).unwrap()
}

fn all(store: &Store) -> Vec<Known> {
    store.of_cell(&cell(1, "eau"), SPOOL)
}

fn assert_whole(store: &Store, numbers: &[u64]) {
    let known = all(store);
    let found: Vec<u64> = known.iter().map(|one| one.filed.item.sequence()).collect();
    assert_eq!(found, numbers);
    for one in known {
        let original = one.filed.mail.unwrap();
        let bytes = store.original(&original).unwrap();
        assert_eq!(bytes, mail(one.filed.item.sequence()));
        assert_eq!(original.digest, Digest::of(&bytes));
    }
}

#[test]
fn an_item_is_filed_once_however_often_it_comes() {
    let dir = tempfile::tempdir().unwrap();
    {
        let store = open(dir.path());
        assert_eq!(store.file(batch([1, 2, 2, 3])).unwrap(), 3);
        assert_eq!(store.file(batch([2, 3])).unwrap(), 0);
        assert_eq!(store.file(batch([3, 4])).unwrap(), 1);
        assert_eq!(store.file(Batch::default()).unwrap(), 0);
        assert_eq!(store.position(&cell(1, "eau"), KeyEpoch(1)), Some(item(4)));
        assert_whole(&store, &[1, 2, 3, 4]);
    }
    let store = open(dir.path());
    assert_whole(&store, &[1, 2, 3, 4]);
    let mut unreadable = Batch::default();
    unreadable.add_unreadable(filed(9));
    assert_eq!(store.file(unreadable).unwrap(), 1);
    assert_eq!(
        store.position(&cell(1, "eau"), KeyEpoch(1)),
        Some(item(9)),
        "it is not asked for again"
    );
    assert_eq!(store.position(&cell(1, "eau"), KeyEpoch(2)), None);
    assert!(Store::open(dir.path(), &environment()).is_err(), "one writer");
    drop(store);
    assert!(Store::open(dir.path(), &"notbetrieb-fremd".parse().unwrap()).is_err());
}

#[test]
fn what_a_death_left_behind_the_log_is_cut_and_what_is_missing_before_it_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).file(batch([1, 2])).unwrap();
    let pack = dir.path().join("packs/mails-000001.pack");
    let len = std::fs::metadata(&pack).unwrap().len();
    // A batch that was written and never named.
    let mut file = OpenOptions::new().append(true).open(&pack).unwrap();
    file.write_all(b"half a batch").unwrap();
    {
        let store = open(dir.path());
        assert_eq!(std::fs::metadata(&pack).unwrap().len(), len);
        store.file(batch([3])).unwrap();
        assert_whole(&store, &[1, 2, 3]);
    }
    // A torn entry of the log: its batch was never filed, and comes again.
    let log = std::fs::read_dir(dir.path().join("log/entries"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let bytes = std::fs::metadata(&log).unwrap().len();
    OpenOptions::new()
        .write(true)
        .open(&log)
        .unwrap()
        .set_len(bytes - 7)
        .unwrap();
    {
        let store = open(dir.path());
        assert_whole(&store, &[1, 2]);
        assert_eq!(store.file(batch([3])).unwrap(), 1);
        assert_whole(&store, &[1, 2, 3]);
    }
    // Originals that are gone, or a log that says something else, are nobody's to guess at.
    let shorter = OpenOptions::new().write(true).open(&pack).unwrap();
    shorter.set_len(len - 1).unwrap();
    assert!(Store::open(dir.path(), &environment()).is_err());
    shorter.set_len(len * 2).unwrap();
    let mut file = OpenOptions::new().write(true).open(&log).unwrap();
    file.seek(SeekFrom::Start(200)).unwrap();
    file.write_all(b"XXXX").unwrap();
    assert!(Store::open(dir.path(), &environment()).is_err());
}
