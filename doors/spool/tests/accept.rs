//! From offer to hand-over, and again after a restart.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

mod common;
use common::*;
use spool::{Novelty, Refused, WhyParked};
use std::io::Read as _;
use vocabulary::Millis;

#[test]
fn what_was_accepted_comes_out_as_it_went_in_also_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let kasse = Insurer::new("kasse-001");
    let (spool, _) = open(config(dir.path()));
    assert_eq!(
        spool
            .offer(offer_from("kasse-001/kim", "a@x", "<1>"), b"x".to_vec())
            .wait(),
        Err(Refused::NotEnrolled)
    );
    kasse.enrol(&spool);
    let first = put(&spool, "kasse-001/kim", "a@praxis.example", 1);
    let second = put(&spool, "kasse-001/kim", "a@praxis.example", 2);
    assert!(first.item < second.item);
    drop(spool);

    let (spool, recovered) = open(config(dir.path()));
    assert_eq!(
        (recovered.waiting, recovered.replayed, recovered.rebuilt),
        (2, 0, false)
    );
    let item = take(&spool, "kasse-001/kim").unwrap();
    assert_eq!(item.id(), first.item);
    let sealed = item.sealed();
    assert_eq!(sealed.sender(), "a@praxis.example");
    assert_eq!(sealed.recipients(), ["eau@kasse.kim.example"]);
    assert_eq!(sealed.message_id(), Some("<1@a@praxis.example>"));
    assert_eq!(sealed.envelope(), b"DSN");
    assert_eq!(sealed.body_bytes().unwrap(), body(1));
    assert!(take(&spool, "kasse-001/kim").is_none(), "the lane is leased");
    hand_over(&spool, &item);
    let item = take(&spool, "kasse-001/kim").unwrap();
    assert_eq!(item.id(), second.item);
    hand_over(&spool, &item);
    assert!(take(&spool, "kasse-001/kim").is_none());
}

#[test]
fn a_repeat_is_told_the_first_id_and_other_bytes_are_stored_and_flagged() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, _) = open(config(dir.path()));
    Insurer::new("kasse-001").enrol(&spool);
    let first = put(&spool, "kasse-001/kim", "a", 1);
    let again = put(&spool, "kasse-001/kim", "a", 1);
    assert_eq!((again.item, again.novelty), (first.item, Novelty::Repeat));
    let other = spool
        .offer_blocking(offer_from("kasse-001/kim", "a", "<1@a>"), b"other".to_vec())
        .unwrap();
    assert_eq!(other.novelty, Novelty::SameIdOtherBytes);
    assert_ne!(other.item, first.item);
    assert_eq!(spool.backlog(&cell("kasse-001/kim")), 2);
    let mut nameless = offer_from("kasse-001/kim", "a", "");
    nameless.message_id = None;
    let one = spool.offer_blocking(nameless.clone(), b"same".to_vec()).unwrap();
    let two = spool.offer_blocking(nameless, b"same".to_vec()).unwrap();
    assert_ne!(one.item, two.item, "without a Message-ID nothing is a repeat");
}

#[test]
fn a_temporary_refusal_backs_off_one_lane_and_a_parked_item_lets_its_lane_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, _) = open(config(dir.path()));
    Insurer::new("kasse-001").enrol(&spool);
    let kim = cell("kasse-001/kim");
    let a1 = put(&spool, "kasse-001/kim", "a", 1).item;
    let a2 = put(&spool, "kasse-001/kim", "a", 2).item;
    let b1 = put(&spool, "kasse-001/kim", "b", 3).item;
    let item = take(&spool, "kasse-001/kim").unwrap();
    assert_eq!(item.id(), a1);
    spool.begin(a1, 1, NOW).wait().unwrap();
    spool.returned(a1, NOW, Millis(5_000)).wait().unwrap();
    drop(item);
    let item = take(&spool, "kasse-001/kim").unwrap();
    assert_eq!(item.id(), b1, "the other lane goes on");
    hand_over(&spool, &item);
    assert!(matches!(
        spool.next(&kim, Millis(5_999)).unwrap(),
        spool::Next::Later(Millis(6_000))
    ));
    let spool::Next::Item(item) = spool.next(&kim, Millis(6_000)).unwrap() else {
        panic!("the wait is over")
    };
    assert_eq!((item.id(), item.attempt()), (a1, 2));
    spool.begin(a1, 2, NOW).wait().unwrap();
    spool.park(a1, WhyParked::Refused(550), NOW).wait().unwrap();
    let spool::Next::Item(item) = spool.next(&kim, Millis(6_000)).unwrap() else {
        panic!("the lane goes on")
    };
    assert_eq!(item.id(), a2);
    hand_over(&spool, &item);
    assert!(
        spool
            .handed_over(a1, &spool::Receipt::new(""), NOW)
            .wait()
            .is_err(),
        "parked is not handed over"
    );
    spool.unpark(a1, NOW).wait().unwrap();
    assert_eq!(take(&spool, "kasse-001/kim").unwrap().id(), a1);
}

#[test]
fn a_large_body_is_staged_sealed_and_comes_out_whole() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path());
    config.limits.body_bytes_max = 1 << 20;
    let (spool, _) = open(config);
    Insurer::new("kasse-001").enrol(&spool);
    for (number, len) in [0, 1, 65_535, 65_536, 65_537, 131_072, 400_001]
        .into_iter()
        .enumerate()
    {
        let body: Vec<u8> = (0..len).map(|at: u32| (at % 251) as u8).collect();
        let mut writer = spool.writer(cell("kasse-001/kim"));
        body.chunks(7_001).for_each(|piece| writer.write(piece).unwrap());
        writer
            .finish(offer_from("kasse-001/kim", "a", &format!("<{number}>")))
            .wait()
            .unwrap();
        let item = take(&spool, "kasse-001/kim").unwrap();
        let mut read = Vec::new();
        item.sealed().body().read_to_end(&mut read).unwrap();
        assert!(read == body, "{len} bytes");
        hand_over(&spool, &item);
    }
    assert_eq!(
        std::fs::read_dir(dir.path().join("staging")).unwrap().count(),
        0,
        "nothing is left in staging"
    );
    let mut writer = spool.writer(cell("kasse-001/kim"));
    let chunk = vec![0; 1 << 18];
    let refused = (0..5).find_map(|_| writer.write(&chunk).err());
    assert_eq!(refused, Some(Refused::TooLarge));
}
