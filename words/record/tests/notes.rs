//! Notes, checkpoints and what a quorum of witnesses makes of them.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the first surprise, in its helpers too"
)]

use proptest::prelude::*;
use record::{
    Checkpoint, Cosigned, KeyKind, KeyName, LogKey, NotCosigned, NotSigned, Note, Origin, SignedCheckpoint,
    VerifierKey, WitnessKey, WitnessSet, cosigned::BadWitnessSet, note::BadNote, tree::leaf_hash,
};
use std::collections::{BTreeMap, BTreeSet};
use vocabulary::{Timestamp, WitnessId};

fn origin() -> Origin {
    Origin::new("bulkhead.example/essen/authority").unwrap()
}

fn log_key() -> LogKey {
    LogKey::from_seed(&origin(), &[1; 32]).unwrap()
}

fn witness_key(n: u8) -> WitnessKey {
    WitnessKey::from_seed(
        KeyName::new(&format!("witness.example/w{n}")).unwrap(),
        &[100 + n; 32],
    )
    .unwrap()
}

fn id(n: u8) -> WitnessId {
    WitnessId::new(&format!("w{n}")).unwrap()
}

fn set(count: u8, quorum: usize) -> WitnessSet {
    WitnessSet::new(
        (0..count)
            .map(|n| (id(n), witness_key(n).verifier().clone()))
            .collect(),
        quorum,
    )
    .unwrap()
}

fn checkpoint() -> Checkpoint {
    Checkpoint::new(origin(), 42, leaf_hash(b"root"))
}

fn note_by(times: &[(u8, i64)]) -> Note {
    let mut note = log_key().sign(&checkpoint()).unwrap();
    for (n, time) in times {
        note.add(witness_key(*n).cosign(note.text(), Timestamp(*time)))
            .unwrap();
    }
    note
}

#[test]
fn a_note_reads_back_byte_for_byte() {
    let text = note_by(&[(0, 100), (1, 200)]).to_string();
    let note: Note = text.parse().unwrap();
    assert_eq!(note.to_string(), text);
    let mut extended = checkpoint();
    extended.extensions = vec!["ext one".into(), "ext two".into()];
    let note = log_key().sign(&extended).unwrap();
    assert_eq!(Checkpoint::parse(note.text()).unwrap(), extended);
}

#[test]
fn keys_read_back_and_wrong_ones_are_refused() {
    for key in [log_key().verifier().clone(), witness_key(1).verifier().clone()] {
        let text = key.to_string();
        assert_eq!(text.parse::<VerifierKey>().unwrap(), key);
        let (name, rest) = text.split_once('+').unwrap();
        assert!(
            format!("other+{rest}").parse::<VerifierKey>().is_err(),
            "the id binds the name"
        );
        assert!(format!("{name} x+{rest}").parse::<VerifierKey>().is_err());
        assert!(text[..text.len() - 4].parse::<VerifierKey>().is_err());
    }
    // The identity point: anybody can sign under it.
    let mut weak = [0; 32];
    weak[0] = 1;
    assert!(VerifierKey::new(KeyName::new("weak").unwrap(), KeyKind::Witness, &weak).is_err());
}

#[test]
fn a_published_cosignature_verifies() {
    // The example in C2SP tlog-cosignature and tlog-witness shows these lines; its keys are not published, so only the
    // form can be read here. Real counterparts are in `independent.rs`.
    let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
        — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";
    let note: Note = text.parse().unwrap();
    let read = Checkpoint::parse(note.text()).unwrap();
    assert_eq!(
        (read.origin.as_str(), read.size),
        ("example.com/behind-the-sofa", 20_852_163)
    );
    assert_eq!(note.to_string(), text);
}

#[test]
fn a_log_speaks_only_for_itself() {
    let note = note_by(&[]);
    let trusted = [log_key().verifier().clone()];
    let signed = SignedCheckpoint::verify(&note, &origin(), &trusted).unwrap();
    assert_eq!(*signed.checkpoint(), checkpoint());
    let other = Origin::new("bulkhead.example/munich").unwrap();
    assert!(matches!(
        SignedCheckpoint::verify(&note, &other, &trusted),
        Err(NotSigned::OtherLog { .. })
    ));
    assert!(matches!(
        SignedCheckpoint::verify(&note, &origin(), &[]),
        Err(NotSigned::Unsigned { .. })
    ));
    let forged: Note = note.to_string().replacen("\n42\n", "\n43\n", 1).parse().unwrap();
    assert!(matches!(
        SignedCheckpoint::verify(&forged, &origin(), &trusted),
        Err(NotSigned::FalseSignature { .. })
    ));
}

#[test]
fn a_quorum_of_distinct_witnesses_makes_a_proof_and_a_clock() {
    let proof = Cosigned::verify(&note_by(&[(0, 100), (1, 300), (2, 200)]), &origin(), &set(5, 3)).unwrap();
    assert_eq!((proof.size(), proof.root()), (42, leaf_hash(b"root")));
    assert_eq!(proof.time().instant(), Timestamp(200), "the median");
    assert_eq!(proof.witnesses().len(), 3);
    let even = Cosigned::verify(&note_by(&[(0, 100), (1, 300)]), &origin(), &set(5, 2)).unwrap();
    assert_eq!(
        even.time().instant(),
        Timestamp(300),
        "of two middle ones the later: rights end with time"
    );
}

#[test]
fn the_logs_own_key_does_not_count() {
    let refusal = Cosigned::verify(&note_by(&[]), &origin(), &set(3, 1)).unwrap_err();
    assert!(matches!(&refusal, NotCosigned::TooFew { signed, quorum: 1, .. } if signed.is_empty()));
    assert!(refusal.to_string().contains("w0, w1, w2"), "{refusal}");
}

#[test]
fn too_few_unknown_repeated_and_false_lines_are_told_apart() {
    let two = note_by(&[(0, 100), (1, 300)]);
    let missing: BTreeSet<_> = [id(2)].into();
    assert_eq!(
        Cosigned::verify(&two, &origin(), &set(3, 3)),
        Err(NotCosigned::TooFew {
            signed: [id(0), id(1)].into(),
            quorum: 3,
            missing
        })
    );
    // Witnesses outside the set do not help, however many.
    let strangers = note_by(&[(0, 100), (7, 1), (8, 2), (9, 3)]);
    assert!(matches!(
        Cosigned::verify(&strangers, &origin(), &set(3, 2)),
        Err(NotCosigned::TooFew { quorum: 2, .. })
    ));
    // The same witness twice, at two times.
    let mut lines = two.signatures().to_vec();
    lines.push(witness_key(0).cosign(two.text(), Timestamp(900)));
    let repeated = Note::new(two.text().into(), lines).unwrap();
    assert_eq!(
        Cosigned::verify(&repeated, &origin(), &set(3, 2)),
        Err(NotCosigned::Repeated(id(0)))
    );
    // A line moved from another checkpoint.
    let mut lines = two.signatures().to_vec();
    lines.push(witness_key(2).cosign("other\n", Timestamp(900)));
    let moved = Note::new(two.text().into(), lines).unwrap();
    assert_eq!(
        Cosigned::verify(&moved, &origin(), &set(3, 2)),
        Err(NotCosigned::FalseSignature(id(2)))
    );
    // Asking a witness again replaces its line.
    let mut asked_again = two.clone();
    asked_again
        .add(witness_key(0).cosign(two.text(), Timestamp(900)))
        .unwrap();
    let proof = Cosigned::verify(&asked_again, &origin(), &set(3, 2)).unwrap();
    assert_eq!(proof.time().instant(), Timestamp(900));
}

#[test]
fn a_set_that_could_never_be_met_or_counts_one_party_twice_is_refused() {
    let key = |n: u8| witness_key(n).verifier().clone();
    let one: BTreeMap<_, _> = [(id(0), key(0))].into();
    assert!(matches!(
        WitnessSet::new(one.clone(), 0),
        Err(BadWitnessSet::Quorum { .. })
    ));
    assert!(matches!(
        WitnessSet::new(one, 2),
        Err(BadWitnessSet::Quorum { .. })
    ));
    assert!(matches!(
        WitnessSet::new(BTreeMap::new(), 0),
        Err(BadWitnessSet::Quorum { .. })
    ));
    let other_name = WitnessKey::from_seed(KeyName::new("second.example/name").unwrap(), &[100; 32]).unwrap();
    let twice = [(id(0), key(0)), (id(1), other_name.verifier().clone())].into();
    assert!(matches!(
        WitnessSet::new(twice, 2),
        Err(BadWitnessSet::SameKey(..))
    ));
    let log = [(id(0), log_key().verifier().clone())].into();
    assert!(matches!(WitnessSet::new(log, 1), Err(BadWitnessSet::Kind(..))));
    let many = (0..=200_u16)
        .map(|n| {
            let mut seed = [9; 32];
            seed[..2].copy_from_slice(&n.to_be_bytes());
            let key = WitnessKey::from_seed(KeyName::new(&format!("w{n}")).unwrap(), &seed).unwrap();
            (WitnessId::new(&format!("w{n}")).unwrap(), key.verifier().clone())
        })
        .collect();
    assert!(matches!(
        WitnessSet::new(many, 100),
        Err(BadWitnessSet::TooMany(201))
    ));
    let json = serde_json::to_string(&set(3, 2)).unwrap();
    assert_eq!(serde_json::from_str::<WitnessSet>(&json).unwrap(), set(3, 2));
    assert!(serde_json::from_str::<WitnessSet>(&json.replace("\"quorum\":2", "\"quorum\":4")).is_err());
}

#[test]
fn bytes_that_are_no_note_are_refused() {
    let good = note_by(&[]).to_string();
    for bad in [
        "".to_string(),
        "\n".into(),
        "text only\n".into(),
        good.trim_end().into(),
        good.replace("— ", "- "),
        good.replace("\n\n", "\n"),
        good.replace('4', "\t"),
    ] {
        assert!(Note::parse(bad.as_bytes()).is_err(), "{bad:?}");
    }
    assert_eq!(Note::parse(&[0xff, b'\n']), Err(BadNote::NotText));
    let long = "x".repeat(70_000);
    assert!(matches!(
        Note::parse(long.as_bytes()),
        Err(BadNote::TooLong { .. })
    ));
    let line = note_by(&[]).signatures()[0].to_string();
    let many = format!("text\n\n{}", format!("{line}\n").repeat(300));
    assert_eq!(Note::parse(many.as_bytes()), Err(BadNote::TooManySignatures));
    for bad in [
        "a\n1\n",
        "a\n01\nAAAA\n",
        "a\n-1\nAAAA\n",
        "a\n1\nAAAA\n",
        "\n1\nAAAA\n",
        "a b\n1\nAAAA\n",
        "",
    ] {
        assert!(Checkpoint::parse(bad).is_err(), "{bad:?}");
    }
    let empty_extension = format!("{}\n", checkpoint().text());
    assert!(Checkpoint::parse(&empty_extension).is_err());
}

proptest! {
    // Enough to meet every shape of tree and note; the cost is signatures and hashes without optimisation.
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_changed_byte_of_a_cosigned_note_is_found(at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let note = note_by(&[(0, 100), (1, 200)]);
        let mut bytes = note.to_string().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let both = set(2, 2);
        if let Ok(read) = Note::parse(&bytes)
            && let Ok(proof) = Cosigned::verify(&read, &origin(), &both)
        {
            // Only the log's own line, which does not count here, can differ.
            prop_assert_eq!(proof.checkpoint(), &checkpoint());
            prop_assert!(SignedCheckpoint::verify(&read, &origin(), &[log_key().verifier().clone()]).is_err());
        }
    }

    #[test]
    fn foreign_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = Note::parse(&bytes);
        let _ = record::witness::AddCheckpoint::parse(&bytes);
        let _ = record::EntryRef::decode(&bytes);
        if let Ok(text) = String::from_utf8(bytes) {
            let _ = Checkpoint::parse(&text);
            let _ = text.parse::<VerifierKey>();
        }
    }
}
