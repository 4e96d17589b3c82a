//! Held means nobody here can read; released means in the same order as before; the recovery set is enough.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

mod common;
use common::*;
use spool::{Error, Next, ReleasedKeys};
use std::{fs, path::Path};
use vocabulary::Millis;

const CELL: &str = "kasse-001/kim";

fn key_files(dir: &Path) -> usize {
    fs::read_dir(dir.join("keys")).unwrap().count()
}

#[test]
fn on_hold_the_keys_are_gone_also_after_a_restart_and_release_keeps_the_order() {
    let dir = tempfile::tempdir().unwrap();
    let kasse = Insurer::new("kasse-001");
    let other = Insurer::new("kasse-002");
    let (spool, _) = open(config(dir.path()));
    kasse.enrol(&spool);
    other.enrol(&spool);
    kasse.enrol(&spool);
    assert_eq!(key_files(dir.path()), 2, "enrolling again changes nothing");
    let before = put(&spool, CELL, "a", 1).item;
    put(&spool, "kasse-002/kim", "a", 1);
    spool.hold(kasse.cell.clone()).wait().unwrap();
    spool.hold(kasse.cell.clone()).wait().unwrap();
    assert_eq!(key_files(dir.path()), 1);
    let during = put(&spool, CELL, "a", 2).item;
    let Next::Locked(epochs) = spool.next(&cell(CELL), Millis(0)).unwrap() else {
        panic!("it must be locked")
    };
    assert_eq!(epochs.len(), 1);
    assert!(
        take(&spool, "kasse-002/kim").is_some(),
        "the other insurer goes on"
    );
    drop(spool);

    let (spool, _) = open(config(dir.path()));
    assert!(!spool.is_open(&kasse.cell) && spool.is_open(&other.cell));
    assert!(matches!(
        spool.next(&cell(CELL), Millis(0)).unwrap(),
        Next::Locked(_)
    ));
    let wrapped = spool.wrapped_keys(&kasse.cell);
    assert_eq!(wrapped.len(), 2);

    // Keys of somebody else, and keys of another epoch, are refused.
    let stranger = Insurer::new("kasse-009");
    assert!(
        ReleasedKeys::unwrap(&wrapped, &stranger.active)
            .unwrap()
            .epochs()
            .is_empty()
    );
    let foreign = ReleasedKeys::unwrap(&spool.wrapped_keys(&other.cell), &other.active).unwrap();
    assert!(spool.release(kasse.cell.clone(), foreign).wait().is_err());

    // The consent re-wraps to exactly one process.
    let process = Insurer::new("process");
    let rewrapped: Vec<_> = wrapped
        .iter()
        .map(|key| rewrap(key, &kasse.active, &process.recipients.active))
        .collect();
    assert!(
        ReleasedKeys::unwrap(&rewrapped, &kasse.active)
            .unwrap()
            .epochs()
            .is_empty(),
        "to nobody else"
    );
    let keys = ReleasedKeys::unwrap(&rewrapped, &process.active).unwrap();

    // An emergency process reads with its own keys and moves nothing.
    assert_eq!(
        spool.open_with(during, &keys).unwrap().body_bytes().unwrap(),
        body(2)
    );
    assert_eq!(
        spool.waiting_after(&cell(CELL), None, 10).unwrap(),
        [before, during]
    );
    assert!(matches!(
        spool.next(&cell(CELL), Millis(0)).unwrap(),
        Next::Locked(_)
    ));

    spool.release(kasse.cell.clone(), keys).wait().unwrap();
    let after = put(&spool, CELL, "a", 3).item;
    for expected in [before, during, after] {
        let item = take(&spool, CELL).unwrap();
        assert_eq!(item.id(), expected);
        hand_over(&spool, &item);
    }
}

#[test]
fn holding_one_cell_leaves_another_of_the_same_insurer_readable_in_order_across_a_restart() {
    const EAU: &str = "kasse-001/eau";
    let dir = tempfile::tempdir().unwrap();
    let kasse = Insurer::new("kasse-001");
    let (spool, _) = open(config(dir.path()));
    kasse.enrol(&spool);
    kasse.enrol_cell(&spool, &cell(EAU));
    let mut kim = vec![put(&spool, CELL, "a", 1).item];
    let mut eau = vec![put(&spool, EAU, "a", 1).item];
    let before = ReleasedKeys::unwrap(&spool.wrapped_keys(&cell(EAU)), &kasse.active).unwrap();
    spool.hold(cell(EAU)).wait().unwrap();
    kim.push(put(&spool, CELL, "a", 2).item);
    eau.push(put(&spool, EAU, "a", 2).item);
    // In the same second, and yet not under what was in use before the hold.
    assert!(spool.open_with(eau[0], &before).is_ok());
    assert!(matches!(
        spool.open_with(eau[1], &before),
        Err(Error::Locked { .. })
    ));
    assert!(spool.is_open(&cell(CELL)) && !spool.is_open(&cell(EAU)));
    let first = take(&spool, CELL).unwrap();
    assert_eq!(first.id(), kim[0]);
    hand_over(&spool, &first);
    drop(first);
    drop(spool);

    let (spool, _) = open(config(dir.path()));
    assert!(spool.is_open(&cell(CELL)) && !spool.is_open(&cell(EAU)));
    kim.push(put(&spool, CELL, "a", 3).item);
    eau.push(put(&spool, EAU, "a", 3).item);
    for (expected, number) in kim[1..].iter().zip(2..) {
        let item = take(&spool, CELL).unwrap();
        assert_eq!(item.id(), *expected);
        assert_eq!(item.sealed().body_bytes().unwrap(), body(number));
        hand_over(&spool, &item);
    }
    let Next::Locked(epochs) = spool.next(&cell(EAU), Millis(0)).unwrap() else {
        panic!("it must be locked")
    };

    // Keys belong to one cell: neither lists nor takes the other's.
    let wrapped = spool.wrapped_keys(&cell(EAU));
    assert!(wrapped.iter().all(|key| key.cell == cell(EAU)));
    let keys = ReleasedKeys::unwrap(&wrapped, &kasse.active).unwrap();
    assert!(epochs.is_subset(&keys.epochs()));
    assert!(spool.release(cell(CELL), keys.clone()).wait().is_err());
    assert!(!spool.is_open(&cell(EAU)));
    spool.release(cell(EAU), keys).wait().unwrap();
    for (expected, number) in eau.iter().zip(1..) {
        let item = take(&spool, EAU).unwrap();
        assert_eq!(item.id(), *expected);
        assert_eq!(item.sealed().body_bytes().unwrap(), body(number));
        hand_over(&spool, &item);
    }
}

#[test]
fn with_the_active_key_lost_two_of_three_people_drain_the_spool() {
    let dir = tempfile::tempdir().unwrap();
    let kasse = Insurer::new("kasse-001");
    // As the companion does it: the identity's text, split 2 of 3 among people outside the estate.
    let shares: Vec<blahaj::Share> = blahaj::Sharks(2)
        .dealer(kasse.recovery.as_bytes())
        .take(3)
        .collect();
    let (spool, _) = open(config(dir.path()));
    kasse.enrol(&spool);
    let items: Vec<_> = (0..5).map(|number| put(&spool, CELL, "a", number).item).collect();
    spool.hold(kasse.cell.clone()).wait().unwrap();

    let combine = |chosen: &[usize]| {
        let chosen: Vec<&blahaj::Share> = chosen.iter().map(|index| &shares[*index]).collect();
        blahaj::Sharks(2)
            .recover(chosen)
            .map(|bytes| String::from_utf8(bytes).unwrap())
    };
    assert!(combine(&[0]).is_err(), "one person alone drains nothing");
    for pair in [[0, 1], [0, 2], [1, 2]] {
        assert_eq!(combine(&pair).unwrap(), kasse.recovery);
    }
    let identity = combine(&[2, 0]).unwrap();
    let keys = ReleasedKeys::unwrap(&spool.wrapped_keys(&kasse.cell), &identity).unwrap();
    spool.release(kasse.cell.clone(), keys).wait().unwrap();
    for expected in items {
        let item = take(&spool, CELL).unwrap();
        assert_eq!(item.id(), expected);
        hand_over(&spool, &item);
    }
}

#[test]
fn a_key_file_cut_short_by_a_crash_in_the_middle_of_a_hold_is_destroyed() {
    let dir = tempfile::tempdir().unwrap();
    let kasse = Insurer::new("kasse-001");
    let (spool, _) = open(config(dir.path()));
    kasse.enrol(&spool);
    put(&spool, CELL, "a", 1);
    drop(spool);
    let file = fs::read_dir(dir.path().join("keys"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    fs::write(&file, [0; 32]).unwrap();
    let (spool, _) = open(config(dir.path()));
    assert!(!spool.is_open(&kasse.cell));
    assert_eq!(key_files(dir.path()), 0);
    put(&spool, CELL, "a", 2);
    let keys = ReleasedKeys::unwrap(&spool.wrapped_keys(&kasse.cell), &kasse.recovery).unwrap();
    spool.release(kasse.cell.clone(), keys).wait().unwrap();
    assert_eq!(
        take(&spool, CELL).unwrap().sealed().body_bytes().unwrap(),
        body(1)
    );
}

#[test]
fn nothing_personal_lies_on_the_disk_in_clear_while_held() {
    let planted = [
        "Mustermann",
        "T123456789",
        "praxis.mustermann@kim.example",
        "4711-message-id",
        "CN=kim.provider",
    ];
    let dir = tempfile::tempdir().unwrap();
    let kasse = Insurer::new("kasse-001");
    let mut two = config(&dir.path().join("first"));
    two.copies = vec![dir.path().join("second")];
    let (spool, _) = open(two);
    kasse.enrol(&spool);
    let mut offer = offer_from(CELL, "praxis.mustermann@kim.example", "<4711-message-id@praxis>");
    offer.recipients = vec!["Mustermann@kasse".to_owned()];
    offer.envelope = b"ORCPT=rfc822;Mustermann".to_vec();
    let text = "Erika Mustermann T123456789\r\n".repeat(40);
    let item = spool
        .offer_blocking(offer.clone(), text.clone().into_bytes())
        .unwrap()
        .item;
    offer.message_id = Some("<4711-message-id.2@praxis>".to_owned());
    let mut large = spool.writer(cell(CELL));
    (0..200).for_each(|_| large.write(text.as_bytes()).unwrap());
    // The large body is in staging now, half way.
    let staged = grep(dir.path(), &planted);
    large.finish(offer).wait().unwrap();
    let head = take(&spool, CELL).unwrap();
    spool.begin(item, 1, NOW).wait().unwrap();
    spool
        .handed_over(item, &spool::Receipt::new("250 Ok Mustermann@kasse"), NOW)
        .wait()
        .unwrap();
    let shown = format!(
        "{head:?} {:?} {}",
        spool.status(),
        spool.certificate(spool::About::default(), NOW).unwrap()
    );
    let json = serde_json::to_string(&spool.certificate(spool::About::default(), NOW).unwrap()).unwrap();
    drop(head);
    drop(spool);
    assert_eq!(staged, Vec::<String>::new());
    assert_eq!(grep(dir.path(), &planted), Vec::<String>::new());
    for word in planted {
        assert!(!shown.contains(word) && !json.contains(word), "{word} is shown");
    }
    assert!(
        !grep(dir.path(), &["kasse-001/kim"]).is_empty(),
        "the search itself works"
    );
}

fn grep(dir: &Path, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(grep(&path, words));
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        for word in words {
            if bytes.windows(word.len()).any(|window| window == word.as_bytes()) {
                found.push(format!("{word} in {}", path.display()));
            }
        }
    }
    found
}
