//! The spool's own log: what was done to keys and stores, and roots that an item can be proven against.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

mod common;
use common::*;
use record::{Origin, batch_root};
use spool::{Logged, Spool, commitment};
use std::path::Path;
use vocabulary::Timestamp;

const CELL: &str = "kasse-001/kim";

fn entries(dir: &Path, spool: spool::SpoolId) -> Vec<Logged> {
    let origin = Origin::new(&format!("bulkhead/spool/{spool}")).unwrap();
    let (ledger, _) = ledger::Ledger::open(&dir.join("ledger"), &origin).unwrap();
    let all = ledger
        .read(0)
        .unwrap()
        .map(|entry| serde_json::from_slice(&entry.unwrap().body).unwrap());
    all.collect()
}

fn second(number: i64) -> Timestamp {
    Timestamp(NOW.0 + number)
}

#[test]
fn roots_cover_every_item_once_at_most_once_per_second_and_an_item_can_be_proven() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, _) = open(config(dir.path()));
    let id = spool.id();
    Insurer::new("kasse-001").enrol(&spool);
    Insurer::new("kasse-002").enrol(&spool);
    (0..5).for_each(|number| {
        put(&spool, CELL, "a", number);
    });
    put(&spool, "kasse-002/kim", "a", 0);
    spool.log_roots(second(1)).wait().unwrap();
    put(&spool, CELL, "a", 5);
    spool.log_roots(second(1)).wait().unwrap();
    drop(spool);
    let (spool, _) = open(config(dir.path()));
    spool.log_roots(second(2)).wait().unwrap();
    spool.log_roots(second(3)).wait().unwrap();
    let proofs: Vec<_> = drain(&spool);
    drop(spool);
    let batches: Vec<_> = entries(dir.path(), id)
        .into_iter()
        .filter_map(|entry| match entry {
            Logged::Batch { to, roots } => Some((to, roots)),
            Logged::KeyEpoch { .. }
            | Logged::Hold { .. }
            | Logged::Release { .. }
            | Logged::Share { .. }
            | Logged::Unshare { .. }
            | Logged::StoresDown { .. }
            | Logged::Reclaim { .. } => None,
        })
        .collect();
    assert_eq!(batches.iter().map(|(to, _)| *to).collect::<Vec<_>>(), [6, 7]);
    let first = &batches[0].1[&cell(CELL)];
    assert_eq!(first.items, 5);
    assert_eq!(
        first.root,
        batch_root(&proofs[..5]),
        "the salt in the item opens its place in the root"
    );
    assert_eq!(batches[1].1[&cell(CELL)].root, batch_root(&proofs[5..]));
}

fn drain(spool: &Spool) -> Vec<record::Commitment> {
    std::iter::from_fn(|| {
        let item = take(spool, CELL)?;
        hand_over(spool, &item);
        Some(commitment(
            item.sealed().salt(),
            item.id(),
            &item.sealed().body_digest(),
        ))
    })
    .collect()
}

#[test]
fn key_changes_stand_in_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, _) = open(config(dir.path()));
    let id = spool.id();
    let kasse = Insurer::new("kasse-001");
    kasse.enrol(&spool);
    spool.hold(kasse.cell.clone()).wait().unwrap();
    let keys = spool::ReleasedKeys::unwrap(&spool.wrapped_keys(&kasse.cell), &kasse.active).unwrap();
    let epochs = keys.epochs();
    spool.release(kasse.cell.clone(), keys).wait().unwrap();
    drop(spool);
    let all = entries(dir.path(), id);
    let place = |wanted: &Logged| all.iter().position(|entry| entry == wanted);
    let hold = place(&Logged::Hold {
        cell: kasse.cell.clone(),
    });
    let release = place(&Logged::Release {
        cell: kasse.cell.clone(),
        epochs,
    });
    assert!(hold.is_some() && hold < release, "{all:?}");
}
