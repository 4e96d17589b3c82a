//! Whatever is done to a log, the verifier finds it and names where.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the first surprise, in its helpers too"
)]

use proptest::prelude::*;
use record::{
    Chain, Checkpoint, Commitment, ConsistencyProof, Draft, Entry, InclusionProof, KeyName, Kind, LogKey,
    Note, Origin, Salt, Tree, WitnessKey, WitnessSet, batch_root, promises,
    verify::{Finding, Report, Trust, Word, verify},
};
use vocabulary::{Timestamp, WitnessId};

fn origin() -> Origin {
    Origin::new("bulkhead.example/essen/doors").unwrap()
}

fn key() -> LogKey {
    LogKey::from_seed(&origin(), &[3; 32]).unwrap()
}

fn trust() -> Trust {
    Trust {
        log: vec![key().verifier().clone()],
        witnesses: None,
    }
}

fn draft(n: u64) -> Draft {
    Draft {
        kind: Kind::new("test").unwrap(),
        at: Timestamp(1_700_000_000),
        body: format!("{{\"n\":{n}}}").into_bytes(),
    }
}

/// A log and a signed checkpoint at each of the sizes.
fn log_of(drafts: &[Draft], sizes: &[u64]) -> (Vec<Vec<u8>>, Vec<Note>) {
    let mut chain = Chain::new(&origin());
    let (mut entries, mut notes) = (Vec::new(), Vec::new());
    for draft in drafts {
        let mut bytes = Vec::new();
        chain.push(draft, &mut bytes, |_, _| ()).unwrap();
        entries.push(bytes);
        if sizes.contains(&chain.len()) {
            notes.push(
                key()
                    .sign(&Checkpoint::new(origin(), chain.len(), chain.head().root))
                    .unwrap(),
            );
        }
    }
    (entries, notes)
}

fn log(count: u64, sizes: &[u64]) -> (Vec<Vec<u8>>, Vec<Note>) {
    log_of(&(0..count).map(draft).collect::<Vec<_>>(), sizes)
}

fn check(entries: &[Vec<u8>], notes: &[Note]) -> Report {
    verify(&origin(), entries, notes, &trust())
}

#[test]
fn an_honest_log_is_sound_and_the_report_says_who_vouches() {
    let (entries, notes) = log(20, &[5, 20]);
    let report = promises::log_1(&origin(), &entries, &notes, &trust()).unwrap();
    assert_eq!(
        (
            report.entries,
            report.vouched(Word::Log),
            report.vouched(Word::Witnesses)
        ),
        (20, Some(20), None)
    );
    assert_eq!(report.head.unwrap().len, 20);
    assert!(report.to_string().contains("Without a witnessed checkpoint"));

    let witness = WitnessKey::from_seed(KeyName::new("w.example").unwrap(), &[4; 32]).unwrap();
    let set = WitnessSet::new(
        [(WitnessId::new("w").unwrap(), witness.verifier().clone())].into(),
        1,
    )
    .unwrap();
    let mut cosigned = notes[0].clone();
    cosigned
        .add(witness.cosign(cosigned.text(), Timestamp(7)))
        .unwrap();
    let trust = Trust {
        witnesses: Some(set),
        ..trust()
    };
    let report = verify(&origin(), &entries, &[cosigned, notes[1].clone()], &trust);
    assert!(report.is_sound(), "{report}");
    assert_eq!(
        (report.vouched(Word::Log), report.vouched(Word::Witnesses)),
        (Some(20), Some(5))
    );
}

#[test]
fn a_changed_entry_is_named() {
    for changed in 0..10_usize {
        let (mut entries, notes) = log(10, &[10]);
        let mut entry = Entry::decode(&entries[changed]).unwrap();
        entry.body = b"{\"n\":\"something else\"}".to_vec();
        entries[changed] = entry.encode().unwrap();
        let report = check(&entries, &notes);
        let index = changed as u64;
        let expected = match changed {
            // Nothing follows the last entry; the checkpoint finds it.
            9 => Finding::Rewritten { from: 0, to: 10 },
            // Only one entry follows, and nothing vouches for that one.
            8 => Finding::Changed { from: 8, to: 9 },
            _ => Finding::Changed {
                from: index,
                to: index,
            },
        };
        assert_eq!(report.findings, [expected]);
    }
}

#[test]
fn a_changed_link_is_named_within_two_entries() {
    let (mut entries, notes) = log(10, &[10]);
    let mut entry = Entry::decode(&entries[4]).unwrap();
    entry.previous = vocabulary::Digest::of(b"elsewhere");
    entries[4] = entry.encode().unwrap();
    assert_eq!(
        check(&entries, &notes).findings,
        [Finding::Changed { from: 3, to: 4 }]
    );
}

#[test]
fn a_renumbered_entry_is_named() {
    let (mut entries, notes) = log(10, &[10]);
    let mut entry = Entry::decode(&entries[4]).unwrap();
    entry.index = u64::MAX;
    entries[4] = entry.encode().unwrap();
    assert_eq!(
        check(&entries, &notes).findings,
        [Finding::Changed { from: 4, to: 4 }]
    );
}

#[test]
fn removed_entries_are_named() {
    let (entries, notes) = log(10, &[10]);
    for (from, to) in [(0, 1), (3, 4), (3, 7), (0, 9)] {
        let mut rest = entries.clone();
        rest.drain(from..to);
        let (from, to) = (from as u64, to as u64);
        assert_eq!(check(&rest, &notes).findings, [Finding::Removed { from, to }]);
    }
}

#[test]
fn reordered_and_repeated_entries_are_named() {
    let (mut entries, notes) = log(10, &[10]);
    entries.swap(3, 4);
    assert_eq!(
        check(&entries, &notes).findings,
        [Finding::Reordered { index: 3, after: 4 }]
    );
    let (mut entries, notes) = log(10, &[10]);
    let moved = entries.remove(2);
    entries.insert(7, moved);
    assert_eq!(
        check(&entries, &notes).findings,
        [Finding::Reordered { index: 2, after: 7 }]
    );
    let (mut entries, notes) = log(10, &[10]);
    entries.insert(6, entries[2].clone());
    assert_eq!(check(&entries, &notes).findings, [Finding::Repeated { index: 2 }]);
}

#[test]
fn a_cut_is_named_where_a_checkpoint_knows_more() {
    let (entries, notes) = log(10, &[4, 8]);
    for len in 0..8_usize {
        let report = check(&entries[..len], &notes);
        assert_eq!(
            report.findings,
            [Finding::Truncated {
                len: len as u64,
                size: 8
            }]
        );
    }
    assert!(check(&entries[..8], &notes).is_sound());
}

#[test]
fn a_rewritten_history_is_placed_between_checkpoints() {
    let (_, notes) = log(10, &[3, 6, 9]);
    let mut drafts: Vec<_> = (0..10).map(draft).collect();
    drafts[4].body = b"{}".to_vec();
    let (rewritten, _) = log_of(&drafts, &[]);
    let report = check(&rewritten, &notes);
    assert_eq!(
        report.findings.first(),
        Some(&Finding::Rewritten { from: 3, to: 6 })
    );
    // Dropping an entry and chaining the rest again is the same thing.
    let mut drafts: Vec<_> = (0..10).map(draft).collect();
    drafts.remove(4);
    let (closed, _) = log_of(&drafts, &[]);
    assert!(
        check(&closed, &notes)
            .findings
            .contains(&Finding::Rewritten { from: 3, to: 6 })
    );
}

#[test]
fn two_heads_of_one_size_are_a_fork() {
    let (entries, mut notes) = log(10, &[10]);
    let (_, other) = log_of(&(5..15).map(draft).collect::<Vec<_>>(), &[10]);
    notes.extend(other);
    let report = check(&entries, &notes);
    assert!(
        matches!(report.findings.as_slice(), [Finding::Forked { size: 10, .. }]),
        "{report}"
    );
}

#[test]
fn checkpoints_by_nobody_and_bytes_that_are_nothing_are_named() {
    let (mut entries, notes) = log(10, &[10]);
    let stranger = LogKey::from_seed(&origin(), &[8; 32]).unwrap();
    let forged = stranger
        .sign(&Checkpoint::new(origin(), 99, vocabulary::Digest::of(b"")))
        .unwrap();
    let report = check(&entries, &[notes[0].clone(), forged]);
    assert!(
        matches!(report.findings.as_slice(), [Finding::Untrusted { note: 1, .. }]),
        "{report}"
    );
    entries[3].truncate(20);
    assert_eq!(
        check(&entries, &notes).findings,
        [Finding::Unreadable { index: 3 }]
    );
}

#[test]
fn a_log_of_another_name_is_not_this_log() {
    let (entries, _) = log(3, &[]);
    let other = Origin::new("bulkhead.example/munich").unwrap();
    let report = verify(&other, &entries, &[], &Trust::default());
    assert_eq!(report.findings, [Finding::Changed { from: 0, to: 0 }]);
}

#[test]
fn a_flood_of_findings_is_counted_not_kept() {
    let (entries, _) = log(2000, &[]);
    let every_third: Vec<_> = entries.into_iter().step_by(3).collect();
    let report = check(&every_third, &[]);
    assert_eq!(report.findings.len(), 100);
    assert_eq!(report.unlisted, 566);
}

#[test]
fn commitments_open_only_with_their_salt_and_bytes() {
    let commitment = Commitment::to(&Salt::new([5; 32]), b"ein Befund");
    assert!(commitment.opens(&Salt::new([5; 32]), b"ein Befund"));
    assert!(!commitment.opens(&Salt::new([6; 32]), b"ein Befund"));
    assert!(!commitment.opens(&Salt::new([5; 32]), b"kein Befund"));
    let batch: Vec<_> = (0..9)
        .map(|n| Commitment::to(&Salt::new([n; 32]), &[n]))
        .collect();
    let tree: Tree = batch.iter().map(Commitment::leaf).collect();
    assert_eq!(batch_root(&batch), tree.root());
    let proof = InclusionProof::make(&tree, 4, 9).unwrap();
    proof.verify(&batch[4].leaf(), 4, 9, &batch_root(&batch)).unwrap();
    assert!(ConsistencyProof::make(&tree, 3, 9).is_ok());
}

proptest! {
    // Enough to meet every shape of tree and note; the cost is signatures and hashes without optimisation.
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_flipped_bit_is_found(
        count in 1..30_u64,
        entry in any::<prop::sample::Index>(),
        byte in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let (mut entries, notes) = log(count, &[count]);
        let at = entry.index(entries.len());
        let place = byte.index(entries[at].len());
        entries[at][place] ^= 1 << bit;
        let report = check(&entries, &notes);
        prop_assert!(!report.is_sound());
        // And the place is right to one entry, or the checkpoint's range holds it.
        let at = at as u64;
        let named = report.findings.iter().any(|finding| match finding {
            Finding::Unreadable { index } => *index == at,
            Finding::Changed { from, to } => *from <= at && at <= *to,
            Finding::Removed { from, to } => *from <= at && at < *to,
            Finding::Rewritten { from, to } => *from <= at && at < *to,
            Finding::Repeated { .. } | Finding::Reordered { .. } | Finding::Forked { .. }
            | Finding::Truncated { .. } | Finding::Untrusted { .. } => false,
        });
        prop_assert!(named, "{report}");
    }

    #[test]
    fn any_shuffle_is_found(count in 2..30_u64, seed in any::<u64>()) {
        let (entries, notes) = log(count, &[count]);
        let mut order: Vec<usize> = (0..entries.len()).collect();
        let mut random = seed;
        for n in (1..order.len()).rev() {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            order.swap(n, (random >> 33) as usize % (n + 1));
        }
        let shuffled: Vec<_> = order.iter().map(|n| entries[*n].clone()).collect();
        prop_assert_eq!(check(&shuffled, &notes).is_sound(), shuffled == entries);
    }

    #[test]
    fn an_entry_reads_back(index in any::<u64>(), at in any::<i64>(), body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let entry = Entry {
            index,
            previous: vocabulary::Digest::of(&body),
            kind: Kind::new("a.b-c_d9").unwrap(),
            at: Timestamp(at),
            body,
        };
        let bytes = entry.encode().unwrap();
        prop_assert_eq!(Entry::decode(&bytes).unwrap(), entry);
        prop_assert!(Entry::decode(&bytes[..bytes.len() - 1]).is_err());
    }
}
