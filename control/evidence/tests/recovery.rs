//! The control room is lost; a new one puts itself together from the doors' ledgers and the witnesses' checkpoints.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests stop at the first surprise"
)]

mod common;

use clearance::{Grade, Withdraws};
use common::estate::*;
use common::world::second_store;
use common::*;
use door::House;
use evidence::{Brought, Contradiction, Feed, Rebuilt, SourceId, SourceKind, rebuild, recover_authority};
use ledger::Ledger;
use order::Stance;
use vocabulary::{Class, Holdable, Position, Seconds};

fn brought(house: &House) -> Brought {
    Brought {
        feed: house_feed(house),
        entries: raw(house.ledger()),
        claimed: Some(house.head()),
    }
}

struct Stage {
    dirs: Vec<tempfile::TempDir>,
    outside: Outside,
    one: House,
    two: House,
}

fn stage() -> Stage {
    let dirs: Vec<_> = (0..4).map(|_| tempfile::tempdir().unwrap()).collect();
    let mut outside = Outside::new(2);
    let mut one = enrol(&outside, dirs[0].path());
    let mut two = second_store(&outside, dirs[1].path());
    open_all(&mut outside, &mut one);
    open_all(&mut outside, &mut two);
    outside.time = outside.time.plus(Seconds(30));
    close(
        &mut outside,
        &mut one,
        scope_all(),
        Stance::Contain,
        Class::Containment,
    );
    freshen(&mut outside, &mut one);
    Stage {
        dirs,
        outside,
        one,
        two,
    }
}

impl Stage {
    fn charter(&self) -> vocabulary::Digest {
        self.outside.charter.id().0
    }
}

#[test]
fn everything_the_doors_knew_comes_back_and_the_log_goes_on() {
    let mut stage = stage();
    let before = {
        let mut journal = journal(&stage.outside, stage.dirs[2].path());
        bring(&stage.outside, &stage.one, &mut journal);
        bring_house(&stage.two, &mut journal, stage.outside.time);
        content(journal.picture())
    };
    // The second store is behind: the first one's longer replica counts, and both agree.
    let all = [brought(&stage.two), brought(&stage.one)];
    let note = stage.outside.checkpoint(2);
    let dir = tempfile::tempdir().unwrap();
    let estate = &stage.outside.estate;
    let Rebuilt {
        mut journal,
        recovery,
        ingested: taken,
    } = rebuild(
        &dir.path().join("journal"),
        estate,
        stage.charter(),
        &all,
        &[note],
        stage.outside.time,
    )
    .unwrap();
    assert_eq!(recovery.contradictions, vec![]);
    assert_eq!(recovery.entries, stage.outside.log, "to the byte");
    assert_eq!((recovery.unwitnessed, recovery.had.len()), (0, 2));
    assert_eq!(
        recovery.cosigned.as_ref().unwrap().size,
        stage.outside.log.len() as u64
    );
    assert!(taken.iter().all(|(_, taken)| taken.troubles.is_empty()));
    assert!(content(journal.picture()) == before);

    // The authority log is made anew, and is the same log.
    let log_dir = dir.path().join("log");
    let log = recovery.recreate(&log_dir, estate).unwrap();
    assert_eq!(raw(&log), stage.outside.log);
    assert_eq!(log.head(), recovery.head);
    let kept = log.latest_cosigned().unwrap().to_string();
    assert_eq!(kept, recovery.cosigned.as_ref().unwrap().note.to_string());
    assert!(
        recovery.recreate(&log_dir, estate).is_err(),
        "never over an existing one"
    );
    drop(log);
    let (mut log, _) = Ledger::open(&log_dir, &clearance::authority_origin(estate).unwrap()).unwrap();

    // Doors follow what is appended to it, and become fresh by it.
    freshen(&mut stage.outside, &mut stage.two);
    for bytes in &stage.outside.log[usize::try_from(log.len()).unwrap()..] {
        let record::Entry { kind, at, body, .. } = record::Entry::decode(bytes).unwrap();
        log.append(&[record::Draft { kind, at, body }]).unwrap();
    }
    assert_eq!(raw(&log), stage.outside.log);
    bring(&stage.outside, &stage.two, &mut journal);
    let lookup = door_id("kasse-001/lookup");
    assert_eq!(journal.picture().door(&lookup).unwrap().position, Position::Shut);
    assert!(journal.picture().door(&lookup).unwrap().fresh);
}

#[test]
fn the_doors_own_checkpoints_are_enough_where_no_witness_brings_any() {
    let stage = stage();
    let all = [brought(&stage.one), brought(&stage.two)];
    let recovery = recover_authority(&stage.outside.estate, stage.charter(), &all, &[]).unwrap();
    assert_eq!(recovery.entries, stage.outside.log);
    assert_eq!(recovery.contradictions, vec![]);
    let seen = recovery.cosigned.unwrap();
    assert_eq!(
        seen.size,
        stage.outside.log.len() as u64,
        "from the last fresh view"
    );
    assert_eq!(seen.witnesses.len(), 2);
}

#[test]
fn what_no_quorum_saw_is_counted_and_what_nobody_brought_is_named() {
    let mut stage = stage();
    close(
        &mut stage.outside,
        &mut stage.one,
        scope_all(),
        Stance::Contain,
        Class::Containment,
    );
    let recovery = recover_authority(
        &stage.outside.estate,
        stage.charter(),
        &[brought(&stage.one)],
        &[],
    )
    .unwrap();
    assert_eq!((recovery.unwitnessed, recovery.contradictions), (1, vec![]));

    // A withdrawal that the witnesses saw and no door has: the room must not go on as if it did not exist.
    let clearance = recovered_clearance(&stage);
    let withdrawal = stage.outside.withdrawal(Withdraws::Clearance(clearance));
    let signed = stage.outside.signed(&withdrawal, &["examiner-2"]);
    stage.outside.publish(&signed);
    let note = stage.outside.checkpoint(3);
    let all = [brought(&stage.one), brought(&stage.two)];
    let recovery = recover_authority(&stage.outside.estate, stage.charter(), &all, &[note]).unwrap();
    let (have, seen) = (stage.outside.log.len() as u64 - 1, stage.outside.log.len() as u64);
    assert_eq!(
        recovery.contradictions,
        vec![Contradiction::Missing { have, seen }]
    );
    let sentence = recovery.contradictions[0].to_string();
    assert!(
        sentence.contains("Rücknahme") && sentence.contains("withdrawal"),
        "{sentence}"
    );
    // One witness alone is no quorum and says nothing.
    let alone = stage.outside.checkpoint(1);
    let recovery = recover_authority(&stage.outside.estate, stage.charter(), &all, &[alone]).unwrap();
    assert_eq!(recovery.contradictions, vec![]);
}

fn recovered_clearance(stage: &Stage) -> vocabulary::StatementId {
    let dir = tempfile::tempdir().unwrap();
    let all = [brought(&stage.one)];
    let Rebuilt { journal, .. } = rebuild(
        dir.path(),
        &stage.outside.estate,
        stage.charter(),
        &all,
        &[],
        stage.outside.time,
    )
    .unwrap();
    *journal.picture().statements().clearances.keys().next().unwrap()
}

#[test]
fn a_history_the_witnesses_never_saw_loses_however_long_it_is() {
    let mut stage = stage();
    let estate = stage.outside.estate.clone();
    // A hostile control room showed a third store another log: the same charter, then something else, and much of it.
    let mut liar = Outside::new(2);
    let dir = tempfile::tempdir().unwrap();
    let doors = places(&liar.insurers, &[("exchange", Holdable::Yes)]);
    let mut deceived = House::enrol(dir.path(), &enrolment(&liar, "store-3", doors), moment(&liar)).unwrap();
    for _ in 0..stage.outside.log.len() + 5 {
        liar.time = liar.time.plus(Seconds(1));
        clear(&mut liar, "kasse-001", Grade::Full, &["examiner-1", "examiner-2"]);
    }
    catch_up(&liar, &mut deceived);
    let all = [brought(&deceived), brought(&stage.two), brought(&stage.one)];
    let recovery = recover_authority(&estate, stage.charter(), &all, &[]).unwrap();
    assert_eq!(recovery.entries, stage.outside.log);
    let source = house_feed(&deceived).source;
    let [
        Contradiction::OtherHistory {
            sources,
            from,
            len,
            cosigned,
        },
    ] = &recovery.contradictions[..]
    else {
        panic!("{:?}", recovery.contradictions);
    };
    assert!(sources.contains(&source) && sources.len() == 1);
    assert_eq!((*from, *len), (1, liar.log.len() as u64));
    assert_eq!(*cosigned, None);

    // Where the witnesses signed both, both are shown, each with what was signed.
    freshen(&mut liar, &mut deceived);
    freshen(&mut stage.outside, &mut stage.one);
    let all = [brought(&deceived), brought(&stage.one)];
    let recovery = recover_authority(&estate, stage.charter(), &all, &[]).unwrap();
    let signed = recovery.contradictions.iter().any(|one| {
        matches!(
            one,
            Contradiction::OtherHistory {
                cosigned: Some(_),
                ..
            }
        )
    });
    assert!(signed, "{:?}", recovery.contradictions);
}

#[test]
fn a_damaged_replica_helps_as_far_as_it_goes() {
    let stage = stage();
    let entries = raw(stage.one.ledger());
    let replica: Vec<usize> = (0..entries.len())
        .filter(|index| record::Entry::decode(&entries[*index]).unwrap().kind.as_str() == "authority")
        .collect();
    let behind = recover_authority(
        &stage.outside.estate,
        stage.charter(),
        &[brought(&stage.two)],
        &[],
    )
    .unwrap()
    .entries
    .len();
    for (nth, index) in replica.iter().enumerate() {
        let mut damaged = brought(&stage.one);
        let last = damaged.entries[*index].len() - 1;
        damaged.entries[*index][last] ^= 1;
        let all = [damaged, brought(&stage.two)];
        let recovery = recover_authority(&stage.outside.estate, stage.charter(), &all, &[]).unwrap();
        let len = recovery.entries.len();
        assert_eq!(
            len,
            nth.max(behind),
            "the damaged one and what follows is not believed"
        );
        assert_eq!(recovery.entries[..], stage.outside.log[..len]);
    }
    // Damage beside the replica costs nothing of it.
    let mut damaged = brought(&stage.one);
    let beside = (2..entries.len()).find(|index| !replica.contains(index)).unwrap();
    let last = damaged.entries[beside].len() - 1;
    damaged.entries[beside][last] ^= 1;
    let dir = tempfile::tempdir().unwrap();
    let Rebuilt {
        journal,
        recovery,
        ingested: taken,
    } = rebuild(
        dir.path(),
        &stage.outside.estate,
        stage.charter(),
        &[damaged.clone(), brought(&stage.two)],
        &[],
        stage.outside.time,
    )
    .unwrap();
    assert_eq!(recovery.entries, stage.outside.log);
    assert_eq!(
        taken
            .iter()
            .filter(|(_, taken)| !taken.troubles.is_empty())
            .count(),
        1
    );
    assert!(!journal.picture().sources()[&damaged.feed.source].is_sound());
    // Nothing brought at all: nothing recovered, nothing invented.
    let nothing = recover_authority(&stage.outside.estate, stage.charter(), &[], &[]).unwrap();
    assert!(nothing.entries.is_empty() && nothing.contradictions.is_empty());
    let own = Feed {
        source: SourceId(clearance::authority_origin(&stage.outside.estate).unwrap()),
        kind: SourceKind::Authority,
    };
    assert!(journal.picture().sources().contains_key(&own.source));
}
