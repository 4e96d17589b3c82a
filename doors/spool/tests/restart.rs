//! Large backlogs, reserves and shares, space given back.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

mod common;
use common::*;
use spool::{About, Limits, Offer, Refused, promises};

const CELL: &str = "kasse-001/kim";

fn small(number: u64) -> Offer {
    offer_from(CELL, &format!("s{}", number % 50), &format!("<{number}>"))
}

#[test]
fn a_restart_with_a_hundred_thousand_held_items_balances_with_and_without_the_cache() {
    const ITEMS: u64 = 100_000;
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path());
    config.limits.segment_bytes = 16 << 20;
    let (spool, _) = open(config.clone());
    Insurer::new("kasse-001").enrol(&spool);
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let spool = &spool;
            scope.spawn(move || {
                // Waves: a thousand offers wait together for one or two commits.
                for wave in 0..ITEMS / 2 / 1_000 {
                    let first = thread * (ITEMS / 2) + wave * 1_000;
                    let pending: Vec<_> = (first..first + 1_000)
                        .map(|number| spool.offer(small(number), b"eAU".to_vec()))
                        .collect();
                    for answer in pending {
                        answer.wait().unwrap();
                    }
                }
            });
        }
    });
    let before = spool.certificate(About::default(), NOW).unwrap();
    assert_eq!((before.accepted, before.held.count), (ITEMS, ITEMS));
    drop(spool);

    let (spool, recovered) = open(config.clone());
    assert_eq!((recovered.waiting, recovered.replayed), (ITEMS, 0));
    assert_eq!(spool.certificate(About::default(), NOW).unwrap(), before);
    drop(spool);

    std::fs::remove_file(dir.path().join("pointers.sqlite")).unwrap();
    let (spool, recovered) = open(config);
    assert!(recovered.rebuilt && recovered.damage.is_empty());
    let after = spool.certificate(About::default(), NOW).unwrap();
    assert_eq!(after, before);
    promises::spool_2(&after, Some(&promises::Census::of(dir.path()).unwrap())).unwrap();
}

#[test]
fn reserves_and_shares_hold_one_cell_and_one_peer_back_for_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path());
    config.limits = Limits {
        capacity_bytes: 100_000,
        cell_reserve_bytes: 30_000,
        peer_share_percent: 60,
        ..config.limits
    };
    let (spool, _) = open(config);
    Insurer::new("kasse-001").enrol(&spool);
    Insurer::new("kasse-002").enrol(&spool);
    spool.know_cell(&cell(CELL));
    spool.know_cell(&cell("kasse-002/kim"));
    let fill = |peer: &str, cell_name: &str| {
        (0..1_000).find_map(|number| {
            let mut offer = offer_from(cell_name, "a", &format!("<{peer}{number}>"));
            offer.peer = peer.to_owned();
            spool.offer_blocking(offer, vec![b'x'; 2_000]).err()
        })
    };
    assert_eq!(fill("p1", CELL), Some(Refused::PeerShare));
    assert_eq!(
        fill("p2", CELL),
        Some(Refused::DiskReserve),
        "the rest is reserved for the other cell"
    );
    assert_eq!(fill("p3", "kasse-002/kim"), Some(Refused::Full));
    assert!(
        spool.backlog(&cell("kasse-002/kim")) > 8,
        "which could use its reserve"
    );
    let certificate = spool.certificate(About::default(), NOW).unwrap();
    assert_eq!(certificate.refused_total(), 3);
    promises::spool_2(&certificate, None).unwrap();
    let about = About {
        peer: Some(spool.peer("p3")),
        ..About::default()
    };
    assert_eq!(spool.certificate(about, NOW).unwrap().refused_total(), 1);
    for reason in ["peer-share", "disk-reserve", "full"] {
        assert_eq!(certificate.refused.get(reason), Some(&1), "{reason}");
    }
}

#[test]
fn handed_over_items_keep_their_copy_until_confirmed_or_kept_long_enough() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path());
    config.limits.segment_bytes = 16 << 10;
    let (spool, _) = open(config.clone());
    Insurer::new("kasse-001").enrol(&spool);
    let items: Vec<_> = (0..100)
        .map(|number| put(&spool, CELL, "a", number).item)
        .collect();
    for _ in &items {
        let item = take(&spool, CELL).unwrap();
        hand_over(&spool, &item);
    }
    spool.note_fetched(items[0], NOW).wait().unwrap();
    let certificate = spool.certificate(About::default(), NOW).unwrap();
    assert_eq!(
        (certificate.not_fetched.count, certificate.not_deleted.count),
        (99, 1)
    );
    spool.note_deleted(items[0], NOW).wait().unwrap();
    assert_eq!(
        spool
            .certificate(About::default(), NOW)
            .unwrap()
            .not_deleted
            .count,
        0
    );

    let day = |days: i64| vocabulary::Timestamp(NOW.0 + days * 86_400);
    assert_eq!(spool.reclaim(day(13)).wait().unwrap(), 0, "kept for 14 days");
    for item in &items[..50] {
        spool.confirm(*item, day(1)).wait().unwrap();
    }
    let freed = spool.reclaim(day(13)).wait().unwrap();
    assert!(freed > 0, "what is confirmed need not be kept");
    assert!(spool.state_of(items[99]).is_ok());
    assert!(spool.reclaim(day(14)).wait().unwrap() > 0);
    put(&spool, CELL, "a", 1_000);
    let certificate = spool.certificate(About::default(), day(14)).unwrap();
    assert_eq!(certificate.accepted, 101);
    assert!(certificate.reclaimed > 80);
    drop(spool);

    std::fs::remove_file(dir.path().join("pointers.sqlite")).unwrap();
    let (spool, _) = open(config);
    assert_eq!(spool.certificate(About::default(), day(14)).unwrap(), certificate);
    promises::spool_2(&certificate, Some(&promises::Census::of(dir.path()).unwrap())).unwrap();
    let item = take(&spool, CELL).unwrap();
    assert_eq!(
        item.sealed().body_bytes().unwrap(),
        body(1_000),
        "its key outlived the segment it was written in"
    );
}
