//! A ledger asks its witnesses, and what they saw holds it to its history.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the first surprise, in its helpers too"
)]

use ledger::{Error, Ledger, verify};
use record::{
    Cosigned, Draft, KeyName, Kind, LogKey, NotCosigned, Note, Origin, WitnessKey, WitnessSet,
    verify::{Finding, Trust, Word},
    witness::{AddCheckpoint, Logs, Refused, State, decide},
};
use std::path::Path;
use vocabulary::{Timestamp, WitnessId};

fn origin() -> Origin {
    Origin::new("bulkhead.example/essen/authority").unwrap()
}

fn log_key() -> LogKey {
    LogKey::from_seed(&origin(), &[1; 32]).unwrap()
}

struct Witness {
    id: WitnessId,
    key: WitnessKey,
    state: State,
}

impl Witness {
    fn new(n: u8) -> Self {
        let name = KeyName::new(&format!("kasse-{n:03}.example/witness")).unwrap();
        Self {
            id: WitnessId::new(&format!("kasse-{n:03}")).unwrap(),
            key: WitnessKey::from_seed(name, &[n + 10; 32]).unwrap(),
            state: State::default(),
        }
    }

    /// Asks this witness to sign where the ledger stands, and adds its line to the note.
    fn ask(&mut self, ledger: &mut Ledger, note: &mut Note, now: i64) -> Result<(), Refused> {
        let logs: Logs = [(origin(), vec![log_key().verifier().clone()])].into();
        let old = self.state.seen(&origin()).map_or(0, |seen| seen.size);
        let proof = ledger
            .consistency_proof(old.min(ledger.len()), ledger.len())
            .unwrap();
        let ask = AddCheckpoint {
            old,
            proof,
            note: note.clone(),
        };
        let step = decide(&self.state, &logs, &ask, Timestamp(now))?;
        self.state.keep(&step);
        note.add(step.cosign(&self.state, &self.key).unwrap()).unwrap();
        Ok(())
    }
}

fn grow(dir: &Path, bodies: &[&str]) -> Ledger {
    let mut ledger = match Ledger::create(dir, &origin()) {
        Err(Error::Exists(_)) => Ledger::open(dir, &origin()).unwrap().0,
        made => made.unwrap(),
    };
    let kind = Kind::new("authority.opening").unwrap();
    let drafts: Vec<_> = bodies
        .iter()
        .map(|body| Draft {
            kind: kind.clone(),
            at: Timestamp(1),
            body: body.as_bytes().to_vec(),
        })
        .collect();
    ledger.append(&drafts).unwrap();
    ledger
}

#[test]
fn what_a_quorum_saw_is_proven_kept_and_verified_from_a_copy() {
    let temp = tempfile::tempdir().unwrap();
    let mut witnesses: Vec<_> = (1..=3).map(Witness::new).collect();
    let set = WitnessSet::new(
        witnesses
            .iter()
            .map(|w| (w.id.clone(), w.key.verifier().clone()))
            .collect(),
        2,
    )
    .unwrap();
    for round in 0..5_i64 {
        let mut ledger = grow(temp.path(), &["one", "two", "three"]);
        let mut note = ledger.checkpoint(&log_key()).unwrap();
        witnesses[0]
            .ask(&mut ledger, &mut note, 1000 * round + 3)
            .unwrap();
        assert!(matches!(
            Cosigned::verify(&note, &origin(), &set),
            Err(NotCosigned::TooFew { quorum: 2, .. })
        ));
        // The third one is asked every other time only, and catches up.
        let second = if round % 2 == 0 { 2 } else { 1 };
        witnesses[second]
            .ask(&mut ledger, &mut note, 1000 * round + 5)
            .unwrap();
        let proof = Cosigned::verify(&note, &origin(), &set).unwrap();
        assert_eq!((proof.size(), proof.root()), (ledger.len(), ledger.head().root));
        assert_eq!(proof.time().instant(), Timestamp(1000 * round + 5));
        ledger.keep_cosigned(&note).unwrap();
    }
    let trust = Trust {
        log: vec![],
        witnesses: Some(set),
    };
    let verified = verify(temp.path(), &origin(), &[], &trust).unwrap();
    assert!(verified.is_sound(), "{verified}");
    assert_eq!(verified.report.vouched(Word::Witnesses), Some(15));
}

#[test]
fn yesterdays_directory_and_a_second_history_are_refused() {
    let temp = tempfile::tempdir().unwrap();
    let (today, other) = (temp.path().join("today"), temp.path().join("other"));
    let mut witness = Witness::new(1);
    let set = WitnessSet::new([(witness.id.clone(), witness.key.verifier().clone())].into(), 1).unwrap();
    let trust = Trust {
        log: vec![],
        witnesses: Some(set),
    };
    let mut ledger = grow(&today, &["closing", "opening", "withdrawal"]);
    let mut seen = ledger.checkpoint(&log_key()).unwrap();
    witness.ask(&mut ledger, &mut seen, 1).unwrap();
    drop(ledger);

    // Without the withdrawal, as it was yesterday.
    let mut yesterday = grow(&other, &["closing", "opening"]);
    let mut note = yesterday.checkpoint(&log_key()).unwrap();
    assert!(matches!(
        witness.ask(&mut yesterday, &mut note, 2),
        Err(Refused::OldLarger { .. })
    ));
    let found = verify(&other, &origin(), std::slice::from_ref(&seen), &trust).unwrap();
    assert_eq!(found.report.findings, [Finding::Truncated { len: 2, size: 3 }]);

    // With something else in the withdrawal's place.
    drop(yesterday);
    let mut forged = grow(&other, &["nothing"]);
    let mut note = forged.checkpoint(&log_key()).unwrap();
    let refusal = witness.ask(&mut forged, &mut note, 3).unwrap_err();
    let evidence = refusal.evidence().unwrap();
    assert_ne!(evidence.held, evidence.offered);
    assert!(matches!(refusal, Refused::Forked { size: 3, .. }));
    let found = verify(&other, &origin(), &[seen], &trust).unwrap();
    assert_eq!(found.report.findings, [Finding::Rewritten { from: 0, to: 3 }]);
}
