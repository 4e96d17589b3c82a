//! Several stores: both have everything, either alone is enough, and one that is down is said so.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

mod common;
use common::*;
use spool::{About, Config, Refused, Spool, State, WhenCopyDown, promises};
use std::{fs, path::Path, process::Command};

const CELL: &str = "kasse-001/kim";

fn two(dir: &Path, when_copy_down: WhenCopyDown) -> Config {
    let mut config = config(&dir.join("first"));
    config.copies = vec![dir.join("second")];
    config.when_copy_down = when_copy_down;
    config.limits.segment_bytes = 64 << 10;
    config
}

#[test]
fn one_of_two_stores_lost_entirely_is_rebuilt_from_the_other() {
    for lost in ["first", "second"] {
        let dir = tempfile::tempdir().unwrap();
        let (spool, _) = open(two(dir.path(), WhenCopyDown::Defer));
        let kasse = Insurer::new("kasse-001");
        kasse.enrol(&spool);
        let accepted: Vec<_> = (0..200)
            .map(|number| put(&spool, CELL, "a", number).item)
            .collect();
        drop(spool);
        fs::remove_dir_all(dir.path().join(lost)).unwrap();

        let (spool, recovered) = open(two(dir.path(), WhenCopyDown::Defer));
        assert_eq!(recovered.mended, [dir.path().join(lost)]);
        assert_eq!(recovered.waiting, 200);
        // The door's keys lay in the first store only: without it the insurer must release them.
        assert_eq!(spool.is_open(&kasse.cell), lost == "second");
        if lost == "first" {
            let keys = spool::ReleasedKeys::unwrap(&spool.wrapped_keys(&kasse.cell), &kasse.active).unwrap();
            spool.release(kasse.cell.clone(), keys).wait().unwrap();
        }
        for item in &accepted {
            let next = take(&spool, CELL).unwrap();
            assert_eq!(next.id(), *item);
            hand_over(&spool, &next);
        }
        // Repeats are still known: the secret of the digests was in both stores.
        assert_eq!(put(&spool, CELL, "a", 7).item, accepted[7]);
        drop(spool);
        let stores = ["first", "second"].map(|store| promises::Census::of(&dir.path().join(store)).unwrap());
        promises::spool_1(&accepted, &stores, 2).unwrap();
    }
}

#[test]
fn an_item_damaged_in_one_store_is_read_from_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, _) = open(two(dir.path(), WhenCopyDown::Defer));
    Insurer::new("kasse-001").enrol(&spool);
    put(&spool, CELL, "a", 1);
    put(&spool, CELL, "a", 2);
    let path = dir.path().join("first/segments/0000000001.segment");
    let bytes = fs::read(&path).unwrap();
    let names: Vec<usize> = (0..bytes.len())
        .filter(|at| bytes[*at..].starts_with(CELL.as_bytes()))
        .collect();
    let mut damaged = bytes.clone();
    // The first item's public part, and the last bytes of the second one's body.
    damaged[names[0] + 40] ^= 1;
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    damaged[end - 60] ^= 1;
    fs::write(&path, damaged).unwrap();
    for number in [1, 2] {
        let item = take(&spool, CELL).unwrap();
        assert_eq!(item.sealed().body_bytes().unwrap(), body(number));
        hand_over(&spool, &item);
    }
}

/// Takes a store away under a running spool: its folder becomes a file, so that no new segment can be made in it.
fn break_second(dir: &Path) {
    let segments = dir.join("second/segments");
    fs::rename(&segments, dir.join("second/away")).unwrap();
    fs::write(&segments, b"").unwrap();
}

fn repair_second(dir: &Path) {
    let segments = dir.join("second/segments");
    fs::remove_file(&segments).unwrap();
    fs::rename(dir.join("second/away"), &segments).unwrap();
}

fn offer_until_refused(spool: &Spool) -> Option<Refused> {
    (1_000..2_000).find_map(|number| {
        let offer = offer_from(CELL, "a", &format!("<{number}@a>"));
        spool.offer_blocking(offer, body(number)).err()
    })
}

#[test]
fn while_a_store_is_down_intake_defers_but_handing_over_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, _) = open(two(dir.path(), WhenCopyDown::Defer));
    Insurer::new("kasse-001").enrol(&spool);
    put(&spool, CELL, "a", 1);
    break_second(dir.path());
    assert_eq!(offer_until_refused(&spool), Some(Refused::CopyDown));
    assert!(!spool.status().is_whole());
    assert_eq!(spool.would_refuse(&cell(CELL), "p", 1), Some(Refused::CopyDown));
    let item = take(&spool, CELL).unwrap();
    hand_over(&spool, &item);
    let certificate = spool.certificate(About::default(), NOW).unwrap();
    assert_eq!(certificate.refused.get("copy-down"), Some(&1));
    promises::spool_2(&certificate, None).unwrap();

    assert!(spool.mend().wait().is_err(), "it is still broken");
    repair_second(dir.path());
    spool.mend().wait().unwrap();
    assert!(spool.status().is_whole());
    let again = put(&spool, CELL, "a", 5_000);
    drop(spool);
    let stores = ["first", "second"].map(|store| promises::Census::of(&dir.path().join(store)).unwrap());
    promises::spool_1([&again.item, &item.id()], &stores, 2).unwrap();
    promises::spool_2(&certificate_of(dir.path()), Some(&stores[1])).unwrap();
}

fn certificate_of(dir: &Path) -> spool::Certificate {
    open(two(dir, WhenCopyDown::Defer))
        .0
        .certificate(About::default(), NOW)
        .unwrap()
}

#[test]
fn a_spool_declared_to_degrade_goes_on_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, _) = open(two(dir.path(), WhenCopyDown::Degrade));
    Insurer::new("kasse-001").enrol(&spool);
    break_second(dir.path());
    assert_eq!(offer_until_refused(&spool), None);
    assert!(!spool.status().is_whole());
    drop(spool);
    repair_second(dir.path());
    let (_, recovered) = open(two(dir.path(), WhenCopyDown::Degrade));
    assert_eq!((recovered.mended.len(), recovered.waiting), (1, 1_000));
    let stores = ["first", "second"].map(|store| promises::Census::of(&dir.path().join(store)).unwrap());
    assert_eq!(stores[0].count(State::Held), stores[1].count(State::Held));
    assert_eq!(stores[0].chain, stores[1].chain);
}

#[test]
fn a_second_process_cannot_open_it_and_a_copy_of_another_spool_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, _) = open(two(dir.path(), WhenCopyDown::Defer));
    assert!(
        Spool::open(two(dir.path(), WhenCopyDown::Defer), entropy()).is_err(),
        "it is open already"
    );
    drop(spool);
    let other = tempfile::tempdir().unwrap();
    drop(open(two(other.path(), WhenCopyDown::Defer)));
    let mut mixed = two(dir.path(), WhenCopyDown::Defer);
    mixed.copies = vec![other.path().join("second")];
    assert!(
        Spool::open(mixed, entropy()).is_err(),
        "the copy is of another spool"
    );
}

/// A tiny file system, if this machine lets us have one.
struct Tiny(tempfile::TempDir);

impl Tiny {
    fn new(kib: u32) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={kib}k"), "tmpfs"])
            .arg(dir.path())
            .output()
            .is_ok_and(|done| done.status.success());
        if mounted {
            return Some(Self(dir));
        }
        assert!(
            std::env::var("BULKHEAD_REQUIRE_COUNTERPARTS").as_deref() != Ok("1"),
            "a tiny tmpfs is required here and could not be mounted (needs root)"
        );
        let _told = std::io::Write::write_fmt(
            &mut std::io::stderr(),
            format_args!("SKIPPED: no tmpfs can be mounted here (needs root); the full disk was not tried\n"),
        );
        None
    }
}

impl Drop for Tiny {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(self.0.path()).status().ok();
    }
}

#[test]
fn a_full_disk_refuses_for_now_keeps_what_it_promised_and_goes_on_when_there_is_room() {
    let Some(disk) = Tiny::new(3_072) else { return };
    let dir = disk.0.path().join("spool");
    let mut small = config(&dir);
    small.limits.segment_bytes = 256 << 10;
    small.limits.keep_secs = 0;
    small.limits.ballast_bytes = 512 << 10;
    let (spool, _) = open(small.clone());
    Insurer::new("kasse-001").enrol(&spool);
    let mut accepted = Vec::new();
    let refused = (0..10_000).find_map(|number| {
        let offer = offer_from(CELL, "a", &format!("<{number}@a>"));
        match spool.offer_blocking(offer, vec![b'x'; 4_000]) {
            Ok(done) => {
                accepted.push(done.item);
                None
            }
            Err(why) => Some(why),
        }
    });
    assert_eq!(refused, Some(Refused::DiskReserve));
    assert!(accepted.len() > 50, "only {}", accepted.len());
    drop(spool);

    let (spool, recovered) = open(small.clone());
    assert!(recovered.damage.is_empty(), "{recovered:?}");
    let census = promises::Census::of(&dir).unwrap();
    promises::spool_1(&accepted, std::slice::from_ref(&census), 1).unwrap();
    for item in &accepted {
        let next = take(&spool, CELL).unwrap();
        assert_eq!(next.id(), *item);
        hand_over(&spool, &next);
    }
    assert!(
        spool.reclaim(NOW).wait().unwrap() > 0,
        "done segments give their space back"
    );
    let more = spool
        .offer_blocking(offer_from(CELL, "a", "<more@a>"), vec![b'y'; 4_000])
        .unwrap();
    let certificate = spool.certificate(About::default(), NOW).unwrap();
    assert_eq!(certificate.accepted, accepted.len() as u64 + 1);
    promises::spool_2(&certificate, Some(&promises::Census::of(&dir).unwrap())).unwrap();
    assert_eq!(take(&spool, CELL).unwrap().id(), more.item);
}
