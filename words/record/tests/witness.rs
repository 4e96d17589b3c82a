//! The witness: what it signs, what it refuses, and what it keeps as evidence.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the first surprise, in its helpers too"
)]

use record::{
    Checkpoint, ConsistencyProof, Cosigned, KeyName, LogKey, Note, Origin, Tree, WitnessKey, WitnessSet,
    tree::leaf_hash,
    witness::{AddCheckpoint, Logs, Refused, State, decide},
};
use vocabulary::{Timestamp, WitnessId};

struct World {
    origin: Origin,
    log: LogKey,
    key: WitnessKey,
    logs: Logs,
    state: State,
}

impl World {
    fn new() -> Self {
        let origin = Origin::new("bulkhead.example/essen/authority").unwrap();
        let log = LogKey::from_seed(&origin, &[1; 32]).unwrap();
        let key =
            WitnessKey::from_seed(KeyName::new("kasse-001.example/witness").unwrap(), &[2; 32]).unwrap();
        let logs = [(origin.clone(), vec![log.verifier().clone()])].into();
        Self {
            origin,
            log,
            key,
            logs,
            state: State::default(),
        }
    }

    fn note(&self, tree: &Tree, size: u64) -> Note {
        self.log
            .sign(&Checkpoint::new(
                self.origin.clone(),
                size,
                tree.root_at(size).unwrap(),
            ))
            .unwrap()
    }

    fn ask(&self, tree: &Tree, old: u64, size: u64) -> AddCheckpoint {
        let proof = ConsistencyProof::make(tree, old, size).unwrap();
        let ask = AddCheckpoint {
            old,
            proof,
            note: self.note(tree, size),
        };
        // What goes over the wire comes back the same.
        assert_eq!(ask.to_string().parse::<AddCheckpoint>().unwrap(), ask);
        ask
    }

    fn decide(&mut self, ask: &AddCheckpoint, now: i64) -> Result<Note, Refused> {
        let step = decide(&self.state, &self.logs, ask, Timestamp(now))?;
        self.state.keep(&step);
        // The shell writes the state here; a restart reads it back.
        self.state = serde_json::from_str(&serde_json::to_string(&self.state).unwrap()).unwrap();
        let mut note = ask.note.clone();
        note.add(step.cosign(&self.state, &self.key).unwrap()).unwrap();
        Ok(note)
    }
}

fn tree(salt: &str, count: u64) -> Tree {
    (0..count)
        .map(|n| leaf_hash(format!("{salt}{n}").as_bytes()))
        .collect()
}

#[test]
fn a_growing_log_is_signed_each_time() {
    let mut world = World::new();
    let tree = tree("a", 40);
    let set = WitnessSet::new(
        [(WitnessId::new("w").unwrap(), world.key.verifier().clone())].into(),
        1,
    )
    .unwrap();
    let mut old = 0;
    for (size, now) in [(1, 10), (1, 11), (7, 11), (8, 12), (40, 13)] {
        let ask = world.ask(&tree, old, size);
        let note = world.decide(&ask, now).unwrap();
        let proof = Cosigned::verify(&note, &world.origin, &set).unwrap();
        assert_eq!((proof.size(), proof.time().instant()), (size, Timestamp(now)));
        old = size;
    }
    assert_eq!(world.state.seen(&world.origin).unwrap().size, 40);
}

#[test]
fn a_signature_needs_the_kept_state() {
    let world = World::new();
    let tree = tree("a", 3);
    let step = decide(&world.state, &world.logs, &world.ask(&tree, 0, 3), Timestamp(1)).unwrap();
    assert_eq!(step.cosign(&world.state, &world.key), None, "not kept yet");
}

#[test]
fn it_never_goes_back() {
    let mut world = World::new();
    let tree = tree("a", 20);
    let first = world.ask(&tree, 0, 10);
    world.decide(&first, 100).unwrap();
    let before = world.state.clone();
    let refusals = [
        (world.ask(&tree, 0, 20), 200, Refused::Stale { size: 10 }, 409),
        (world.ask(&tree, 5, 9), 200, Refused::Stale { size: 10 }, 409),
        (
            AddCheckpoint {
                old: 10,
                proof: ConsistencyProof::default(),
                note: world.note(&tree, 9),
            },
            200,
            Refused::OldLarger { old: 10, size: 9 },
            400,
        ),
        (
            world.ask(&tree, 10, 20),
            99,
            Refused::ClockBehind {
                last: Timestamp(100),
                now: Timestamp(99),
            },
            503,
        ),
    ];
    for (ask, now, expected, status) in refusals {
        let refusal = world.decide(&ask, now).unwrap_err();
        assert_eq!(refusal, expected);
        assert_eq!(refusal.status(), status);
        assert_eq!(world.state, before, "a refusal changes nothing");
    }
}

#[test]
fn two_heads_of_one_size_are_a_fork_and_both_are_kept() {
    let mut world = World::new();
    let (honest, other) = (tree("a", 10), tree("b", 10));
    let first = world.ask(&honest, 0, 10);
    world.decide(&first, 1).unwrap();
    // Whatever old size it comes with.
    for old in [0, 10] {
        let ask = AddCheckpoint {
            old,
            proof: ConsistencyProof::default(),
            note: world.note(&other, 10),
        };
        let refusal = world.decide(&ask, 2).unwrap_err();
        assert!(matches!(refusal, Refused::Forked { size: 10, .. }));
        assert_eq!(refusal.status(), 409);
        let evidence = refusal.evidence().unwrap();
        assert_eq!((&evidence.held, &evidence.offered), (&first.note, &ask.note));
    }
}

#[test]
fn a_larger_head_that_does_not_continue_is_refused_with_evidence() {
    let mut world = World::new();
    let (honest, other) = (tree("a", 10), tree("b", 20));
    let first = world.ask(&honest, 0, 10);
    world.decide(&first, 1).unwrap();
    let ask = world.ask(&other, 10, 20);
    let refusal = world.decide(&ask, 2).unwrap_err();
    assert!(matches!(
        refusal,
        Refused::Unproven {
            old: 10,
            size: 20,
            ..
        }
    ));
    assert_eq!(refusal.status(), 422);
    assert_eq!(refusal.evidence().unwrap().offered, ask.note);
}

#[test]
fn strangers_are_refused() {
    let mut world = World::new();
    let tree = tree("a", 3);
    let foreign = Origin::new("elsewhere.example/log").unwrap();
    let foreign_key = LogKey::from_seed(&foreign, &[9; 32]).unwrap();
    let head = Checkpoint::new(foreign, 3, tree.root());
    let ask = AddCheckpoint {
        old: 0,
        proof: ConsistencyProof::default(),
        note: foreign_key.sign(&head).unwrap(),
    };
    assert_eq!(world.decide(&ask, 1).unwrap_err().status(), 404);
    let impostor = LogKey::from_seed(&world.origin, &[9; 32]).unwrap();
    let head = Checkpoint::new(world.origin.clone(), 3, tree.root());
    let ask = AddCheckpoint {
        old: 0,
        proof: ConsistencyProof::default(),
        note: impostor.sign(&head).unwrap(),
    };
    assert_eq!(world.decide(&ask, 1).unwrap_err().status(), 403);
    for bad in ["", "old 1\n", "old 01\n\nx", "old 1\nAAAA\n\nx", "new 1\n\nx"] {
        assert!(bad.parse::<AddCheckpoint>().is_err(), "{bad:?}");
    }
}
