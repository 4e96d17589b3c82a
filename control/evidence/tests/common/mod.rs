//! Real houses behind a journal: what a control room sees of doors that live their own lives.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests stop at the first surprise"
)]
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(unreachable_pub, missing_docs, reason = "included by path")]

#[path = "../../../../doors/door/tests/estate/mod.rs"]
pub mod estate;
pub mod world;

use std::collections::BTreeMap;
use std::path::Path;

use clearance::authority_origin;
use door::{House, Status};
use estate::*;
use evidence::{Feed, Ingested, Journal, Picture, SourceId, SourceKind};
use ledger::Ledger;
use record::Head;
use vocabulary::{Digest, DoorId, Timestamp};

/// A journal of the estate in a directory.
pub fn journal(outside: &Outside, dir: &Path) -> Journal {
    Journal::create(dir, &outside.estate, Some(outside.charter.id().0), outside.time).unwrap()
}

/// The estate's authority log, as the control room's own ledger feeds it.
pub fn authority_feed(outside: &Outside) -> Feed {
    Feed {
        source: SourceId(authority_origin(&outside.estate).unwrap()),
        kind: SourceKind::Authority,
    }
}

/// One house's ledger.
pub fn house_feed(house: &House) -> Feed {
    Feed {
        source: SourceId(house.ledger().origin().clone()),
        kind: SourceKind::Doors,
    }
}

/// Every entry of a ledger, exactly.
pub fn raw(ledger: &Ledger) -> Vec<Vec<u8>> {
    ledger
        .read(0)
        .unwrap()
        .map(|entry| entry.unwrap().encode().unwrap())
        .collect()
}

/// Brings what is new in the authority log and a house's ledger into the journal.
pub fn bring(outside: &Outside, house: &House, journal: &mut Journal) -> Ingested {
    bring_authority(outside, journal);
    bring_house(house, journal, outside.time)
}

pub fn bring_authority(outside: &Outside, journal: &mut Journal) -> Ingested {
    let feed = authority_feed(outside);
    let next = journal.next_of(&feed.source);
    let new = &outside.log[usize::try_from(next).unwrap()..];
    journal.ingest(&feed, next, new, None, outside.time).unwrap()
}

pub fn bring_house(house: &House, journal: &mut Journal, now: Timestamp) -> Ingested {
    let feed = house_feed(house);
    let next = journal.next_of(&feed.source);
    let all = raw(house.ledger());
    let new = all.get(usize::try_from(next).unwrap()..).unwrap_or_default();
    journal.ingest(&feed, next, new, Some(house.head()), now).unwrap()
}

/// A head in a log of so many entries.
pub fn head_of(entries: &[Vec<u8>]) -> Head {
    let last = entries.last().unwrap();
    Head {
        len: entries.len() as u64,
        chain: record::tree::leaf_hash(last),
        root: Digest::of(b"not asked"),
    }
}

/// What the picture says of every door is what the house says of itself.
pub fn agrees(picture: &Picture, status: &Status, now: Timestamp) {
    let mut told = 0;
    for line in &status.doors {
        let door = picture
            .door(&line.door)
            .unwrap_or_else(|| panic!("{} is not in the picture", line.door));
        told += 1;
        assert_eq!(door.epoch, line.epoch, "{}", line.door);
        assert_eq!(door.position_at(now), line.position, "{}", line.door);
        if door.draining.is_empty() {
            assert_eq!(door.rules, line.rules, "{}", line.door);
        }
        assert_eq!(door.class, line.class, "{}", line.door);
        assert_eq!(door.grants, line.grants, "{}", line.door);
        assert_eq!(door.stands_on, line.stands_on, "{}", line.door);
        // The end of a drain has no entry of its own.
        if door.draining.is_empty() {
            assert_eq!(door.since, line.since, "{}", line.door);
        }
        let restrictions: BTreeMap<_, _> = line.restrictions.iter().cloned().collect();
        assert_eq!(
            door.restrictions.keys().collect::<Vec<_>>(),
            restrictions.keys().collect::<Vec<_>>()
        );
        for (id, theirs) in &restrictions {
            let ours = &door.restrictions[id];
            assert_eq!((ours.class, ours.rules), (theirs.class, theirs.rules));
        }
        assert_eq!(door.fresh, status.freshness == door::Freshness::Fresh);
    }
    assert_eq!(told, picture.doors().len(), "doors nobody has");
}

/// What does not depend on the order in which sources were heard.
pub fn content(picture: &Picture) -> impl PartialEq + std::fmt::Debug + use<> {
    let mut refusals: Vec<_> = picture.refusals().iter().cloned().collect();
    refusals.sort_by_key(|one| (one.door.clone(), one.opening, one.times));
    let sources: Vec<_> = picture
        .sources()
        .iter()
        .map(|(id, source)| (id.clone(), source.kind, source.len, source.chain))
        .collect();
    (
        picture.doors().clone(),
        picture.statements().clone(),
        picture.charter().cloned(),
        picture.authority_len(),
        picture.authority().map(|authority| authority.head()),
        refusals,
        sources,
    )
}

pub fn kim() -> DoorId {
    door_id("kasse-001/kim")
}

pub fn epa() -> DoorId {
    door_id("kasse-001/epa")
}
