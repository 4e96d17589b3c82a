//! The second reader: it gets everything that has not safely left, in order, sealed; and moves nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

mod common;
use std::io::{Read as _, Seek as _, Write as _};

use age::secrecy::ExposeSecret as _;
use common::*;
use proptest::prelude::*;
use spool::{
    Config, Error, ItemId, KeyEpoch, Recipient, ReleasedKeys, Spool, Standing, WhyParked, WrappedKey, unseal,
};
use vocabulary::{Hasher, Millis};

const CELL: &str = "kasse-001/kim";

/// An emergency environment's decryption identity.
struct Emergency {
    identity: String,
    recipient: Recipient,
}

impl Emergency {
    fn new() -> Self {
        let identity = age::x25519::Identity::generate();
        Self {
            recipient: Recipient::new(&identity.to_public().to_string()).unwrap(),
            identity: identity.to_string().expose_secret().to_owned(),
        }
    }

    /// Keys drawn for it, and those that a consent brought.
    fn keys(&self, spool: &Spool, brought: &[WrappedKey]) -> ReleasedKeys {
        let mut wrapped = spool.reader(cell(CELL)).shared_keys(&self.recipient).unwrap();
        wrapped.extend_from_slice(brought);
        ReleasedKeys::unwrap(&wrapped, &self.identity).unwrap()
    }
}

/// Everything a reader finds from a position in each key epoch, by name.
fn listed(spool: &Spool) -> Vec<(ItemId, Standing)> {
    let reader = spool.reader(cell(CELL));
    let mut found = Vec::new();
    for (epoch, count) in reader.epochs().unwrap() {
        let before = found.len() as u64;
        let mut after = None;
        loop {
            let page = reader.next_after(epoch, after, 2).unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.item);
            found.extend(page.iter().map(|one| (one.item, one.standing)));
        }
        assert_eq!(
            found.len() as u64 - before,
            count,
            "the count is what a walk finds"
        );
    }
    found
}

fn opened(spool: &Spool, item: ItemId, keys: &ReleasedKeys) -> Result<Vec<u8>, Error> {
    let sealed = spool.reader(cell(CELL)).sealed(item)?;
    let unsealed = unseal(sealed.front(), keys)?;
    assert_eq!(
        (unsealed.sequence(), unsealed.cell()),
        (item.sequence(), &cell(CELL))
    );
    let (digest, len) = (unsealed.body_digest(), unsealed.body_len());
    let mut body = Vec::new();
    unsealed.body(sealed).read_to_end(&mut body).unwrap();
    let mut hasher = Hasher::new();
    hasher.update(&body);
    assert_eq!((hasher.finish(), body.len() as u64), (digest, len));
    Ok(body)
}

#[test]
fn it_begins_with_what_had_passed_the_door_and_disturbs_no_one() {
    let dir = tempfile::tempdir().unwrap();
    let kasse = Insurer::new("kasse-001");
    let (spool, _) = open(config(dir.path()));
    kasse.enrol(&spool);
    kasse.enrol_cell(&spool, &cell("kasse-001/eau"));
    let items: Vec<ItemId> = (0..7).map(|n| put(&spool, CELL, "a", n).item).collect();
    put(&spool, "kasse-001/eau", "a", 1);
    for _ in 0..5 {
        let item = take(&spool, CELL).unwrap();
        hand_over(&spool, &item);
    }
    // 0 confirmed, 1 fetched and deleted, 2 fetched, 3 and 4 not fetched, 5 set aside, 6 waits.
    spool.confirm(items[0], NOW).wait().unwrap();
    for fetched in [1, 2] {
        spool.note_fetched(items[fetched], NOW).wait().unwrap();
    }
    spool.note_deleted(items[1], NOW).wait().unwrap();
    spool.park(items[5], WhyParked::ByPerson, NOW).wait().unwrap();
    let expected = vec![
        (items[2], Standing::NotDeleted),
        (items[3], Standing::NotFetched),
        (items[4], Standing::NotFetched),
        (items[5], Standing::Parked),
        (items[6], Standing::Waiting),
    ];
    assert_eq!(listed(&spool), expected);
    let before = spool.certificate(spool::About::default(), NOW).unwrap();
    assert_eq!(listed(&spool), expected, "reading moves nothing");
    assert_eq!(spool.certificate(spool::About::default(), NOW).unwrap(), before);
    // In doubt is read too: the regular receiver may have it, or not.
    let next = take(&spool, CELL).unwrap();
    spool.begin(next.id(), next.attempt(), NOW).wait().unwrap();
    drop(next);
    assert_eq!(listed(&spool)[4], (items[6], Standing::InDoubt));
    drop(spool);
    let (spool, _) = open(config(dir.path()));
    assert_eq!(listed(&spool).len(), 5, "nor does a restart");
}

#[test]
fn only_the_named_identity_opens_what_is_read_and_the_door_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let kasse = Insurer::new("kasse-001");
    let notfall = Emergency::new();
    let (spool, _) = open(config(dir.path()));
    kasse.enrol(&spool);
    let open_before = put(&spool, CELL, "a", 1).item;
    spool.hold(kasse.cell.clone()).wait().unwrap();
    let held = put(&spool, CELL, "a", 2).item;
    for _ in 0..2 {
        spool
            .share(kasse.cell.clone(), notfall.recipient.clone())
            .wait()
            .unwrap();
    }
    assert_eq!(
        spool.wrapped_keys(&kasse.cell).len(),
        3,
        "sharing again changes nothing"
    );
    let shared = put(&spool, CELL, "a", 3).item;
    // A hold during the grant leaves it: there is nothing of the door's to destroy.
    spool.hold(kasse.cell.clone()).wait().unwrap();
    assert_eq!(spool.wrapped_keys(&kasse.cell).len(), 3);
    assert!(!spool.is_open(&kasse.cell));
    assert!(matches!(
        spool.next(&cell(CELL), Millis(0)).unwrap(),
        spool::Next::Locked(_)
    ));

    let keys = notfall.keys(&spool, &[]);
    assert_eq!(opened(&spool, shared, &keys).unwrap(), body(3));
    for item in [open_before, held] {
        assert!(matches!(opened(&spool, item, &keys), Err(Error::Locked { .. })));
    }
    // The insurer's companion re-wraps what came before, and what came after stays the insurer's too.
    let all = spool.wrapped_keys(&kasse.cell);
    let brought: Vec<WrappedKey> = all
        .iter()
        .map(|key| rewrap(key, &kasse.active, &notfall.recipient))
        .collect();
    let keys = notfall.keys(&spool, &brought);
    for (item, number) in [(open_before, 1), (held, 2), (shared, 3)] {
        assert_eq!(opened(&spool, item, &keys).unwrap(), body(number));
    }
    let stranger = Emergency::new();
    assert!(
        ReleasedKeys::unwrap(&all, &stranger.identity)
            .unwrap()
            .epochs()
            .is_empty()
    );

    for _ in 0..2 {
        spool.unshare(kasse.cell.clone()).wait().unwrap();
    }
    assert_eq!(spool.wrapped_keys(&kasse.cell).len(), 4);
    let after = put(&spool, CELL, "a", 4).item;
    assert!(matches!(
        opened(&spool, after, &notfall.keys(&spool, &brought)),
        Err(Error::Locked { .. })
    ));
    drop(spool);
    // A restart knows which keys are whose, from the cache and, without it, from the segments.
    for lose_cache in [false, true] {
        if lose_cache {
            for file in std::fs::read_dir(dir.path()).unwrap() {
                let path = file.unwrap().path();
                if path.to_string_lossy().contains("pointers.sqlite") {
                    std::fs::remove_file(path).unwrap();
                }
            }
        }
        let (spool, _) = open(config(dir.path()));
        let reader = spool.reader(cell(CELL));
        assert_eq!(reader.shared_keys(&notfall.recipient).unwrap().len(), 1);
        assert!(reader.shared_keys(&stranger.recipient).unwrap().is_empty());
        assert_eq!(reader.epochs().unwrap().len(), 4);
        assert_eq!(
            opened(&spool, shared, &notfall.keys(&spool, &[])).unwrap(),
            body(3)
        );
    }
    // The regular way back: the insurer releases to the door, and everything leaves in order.
    let (spool, _) = open(config(dir.path()));
    let all = ReleasedKeys::unwrap(&spool.wrapped_keys(&kasse.cell), &kasse.recovery).unwrap();
    spool.release(kasse.cell.clone(), all).wait().unwrap();
    for expected in [open_before, held, shared, after] {
        let item = take(&spool, CELL).unwrap();
        assert_eq!(item.id(), expected);
        hand_over(&spool, &item);
    }
}

#[test]
fn a_cut_out_of_caution_leaves_the_doors_keys_and_lends_them() {
    let dir = tempfile::tempdir().unwrap();
    let kasse = Insurer::new("kasse-001");
    let notfall = Emergency::new();
    let (spool, _) = open(config(dir.path()));
    kasse.enrol(&spool);
    let before = put(&spool, CELL, "a", 1).item;
    spool
        .share(kasse.cell.clone(), notfall.recipient.clone())
        .wait()
        .unwrap();
    assert!(
        spool.is_open(&kasse.cell),
        "the false alarm can still be lifted without the insurer"
    );
    assert_eq!(spool.wrapped_keys(&kasse.cell).len(), 1);
    let lent = spool.reader(cell(CELL)).shared_keys(&notfall.recipient).unwrap();
    assert_eq!(
        opened(&spool, before, &notfall.keys(&spool, &[])).unwrap(),
        body(1)
    );
    // Caution becomes containment: the door's keys go, the environment's stay, and what comes in is for it too.
    spool.hold(kasse.cell.clone()).wait().unwrap();
    let during = put(&spool, CELL, "a", 2).item;
    assert!(!spool.is_open(&kasse.cell));
    for (item, number) in [(before, 1), (during, 2)] {
        assert_eq!(
            opened(&spool, item, &notfall.keys(&spool, &lent)).unwrap(),
            body(number)
        );
    }
}

#[test]
fn a_changed_byte_is_read_from_another_copy_or_named() {
    let (dir, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let kasse = Insurer::new("kasse-001");
    let settings = Config {
        copies: vec![copy.path().to_owned()],
        ..config(dir.path())
    };
    let (spool, _) = open(settings);
    kasse.enrol(&spool);
    let item = put(&spool, CELL, "a", 1).item;
    let keys = ReleasedKeys::unwrap(&spool.wrapped_keys(&kasse.cell), &kasse.active).unwrap();
    let spoil = |store: &std::path::Path| {
        let path = store.join("segments/0000000001.segment");
        let bytes = std::fs::read(&path).unwrap();
        // The end of what is written: inside the last record's body.
        let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
        let mut file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.seek(std::io::SeekFrom::Start(end as u64 - 60)).unwrap();
        file.write_all(&[!bytes[end - 60]]).unwrap();
    };
    spoil(dir.path());
    assert_eq!(opened(&spool, item, &keys).unwrap(), body(1));
    spoil(copy.path());
    assert!(matches!(opened(&spool, item, &keys), Err(Error::Damaged { .. })));
    let other = spool.reader(cell("kasse-001/eau"));
    assert!(matches!(
        other.sealed(item),
        Err(Error::NoSuchItem { .. } | Error::Damaged { .. })
    ));
}

#[derive(Clone, Debug)]
enum Happens {
    Put(u8),
    HandOver,
    Fetch(u8),
    Delete(u8),
    Confirm(u8),
    Hold,
    Release,
    Share,
    Unshare,
    Restart,
}

fn happenings() -> impl Strategy<Value = Vec<Happens>> {
    let one = prop_oneof![
        6 => (0_u8..3).prop_map(Happens::Put),
        3 => Just(Happens::HandOver),
        1 => any::<u8>().prop_map(Happens::Fetch),
        1 => any::<u8>().prop_map(Happens::Delete),
        1 => any::<u8>().prop_map(Happens::Confirm),
        1 => Just(Happens::Hold),
        1 => Just(Happens::Release),
        1 => Just(Happens::Share),
        1 => Just(Happens::Unshare),
        1 => Just(Happens::Restart),
    ];
    proptest::collection::vec(one, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever happens to the items and keys of a cell: what has not safely left is listed once, in order, each item
    /// under one key epoch, epochs one after the other, and with the insurer's keys every body comes out whole.
    #[test]
    fn nothing_that_has_not_left_is_missed_and_nothing_is_given_twice(happens in happenings()) {
        let dir = tempfile::tempdir().unwrap();
        let kasse = Insurer::new("kasse-001");
        let notfall = Emergency::new();
        let mut spool = open(config(dir.path())).0;
        kasse.enrol(&spool);
        let (mut items, mut left) = (Vec::new(), Vec::new());
        for happening in happens {
            let pick = |number: u8| items.get(usize::from(number) % items.len().max(1)).copied();
            match happening {
                Happens::Put(sender) => {
                    let number = items.len() as u64;
                    items.push(put(&spool, CELL, &format!("s{sender}"), number).item);
                }
                Happens::HandOver => {
                    if let spool::Next::Item(item) = spool.next(&cell(CELL), Millis(0)).unwrap() {
                        hand_over(&spool, &item);
                    }
                }
                Happens::Fetch(number) => {
                    if let Some(item) = pick(number) {
                        spool.note_fetched(item, NOW).wait().unwrap();
                    }
                }
                Happens::Delete(number) => {
                    if let Some(item) = pick(number)
                        && spool.state_of(item).unwrap().0 == spool::State::HandedOver
                    {
                        spool.note_deleted(item, NOW).wait().unwrap();
                        left.push(item);
                    }
                }
                Happens::Confirm(number) => {
                    if let Some(item) = pick(number)
                        && spool.confirm(item, NOW).wait().is_ok()
                    {
                        left.push(item);
                    }
                }
                Happens::Hold => spool.hold(kasse.cell.clone()).wait().unwrap(),
                Happens::Release => {
                    let all = ReleasedKeys::unwrap(&spool.wrapped_keys(&kasse.cell), &kasse.active).unwrap();
                    spool.release(kasse.cell.clone(), all).wait().unwrap();
                }
                Happens::Share => {
                    spool.share(kasse.cell.clone(), notfall.recipient.clone()).wait().unwrap();
                }
                Happens::Unshare => spool.unshare(kasse.cell.clone()).wait().unwrap(),
                Happens::Restart => {
                    drop(spool);
                    spool = open(config(dir.path())).0;
                }
            }
        }
        let found: Vec<ItemId> = listed(&spool).into_iter().map(|(item, _)| item).collect();
        let expected: Vec<ItemId> = items.iter().copied().filter(|item| !left.contains(item)).collect();
        prop_assert_eq!(&found, &expected);
        let all = spool.wrapped_keys(&kasse.cell);
        let keys = ReleasedKeys::unwrap(&all, &kasse.recovery).unwrap();
        let mut last = KeyEpoch(0);
        for item in &found {
            let number = items.iter().position(|known| known == item).unwrap() as u64;
            prop_assert_eq!(opened(&spool, *item, &keys).unwrap(), body(number));
            let sealed = spool.reader(cell(CELL)).sealed(*item).unwrap();
            let epoch = unseal(sealed.front(), &keys).unwrap().epoch();
            prop_assert!(epoch >= last);
            last = epoch;
        }
    }
}
