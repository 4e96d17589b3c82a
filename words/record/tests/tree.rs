//! The tree against a second, plain reading of RFC 6962 section 2.1, and against tampering.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the first surprise, in its helpers too"
)]

use proptest::prelude::*;
use record::tree::{
    BadProof, ConsistencyProof, Frontier, InclusionProof, NoProof, Tree, empty_root, leaf_hash, node_hash,
};
use vocabulary::Digest;

/// The definition in RFC 6962, word for word: slow and obviously right.
fn root_by_definition(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        more => {
            let mut split = 1;
            while split * 2 < more.len() {
                split *= 2;
            }
            node_hash(
                &root_by_definition(&more[..split]),
                &root_by_definition(&more[split..]),
            )
        }
    }
}

fn leaves(count: u64) -> Vec<Digest> {
    (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
}

#[test]
fn known_values_of_rfc_6962() {
    assert_eq!(
        empty_root().to_string(),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    assert_eq!(
        leaf_hash(b"").to_string(),
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    );
}

#[test]
fn every_size_has_the_root_of_the_definition_and_every_proof_fits() {
    let leaves = leaves(65);
    let tree: Tree = leaves.iter().copied().collect();
    let mut frontier = Frontier::new();
    for size in 0..=65_u64 {
        let root = root_by_definition(&leaves[..size as usize]);
        assert_eq!(frontier.root(), root);
        assert_eq!(tree.root_at(size).unwrap(), root);
        let again = Frontier::from_parts(frontier.size(), frontier.peaks().to_vec()).unwrap();
        assert_eq!(again, frontier);
        for index in 0..size {
            let proof = InclusionProof::make(&tree, index, size).unwrap();
            proof.verify(&leaves[index as usize], index, size, &root).unwrap();
        }
        for old in 0..=size {
            let proof = ConsistencyProof::make(&tree, old, size).unwrap();
            proof
                .verify(old, &tree.root_at(old).unwrap(), size, &root)
                .unwrap();
        }
        if let Some(leaf) = leaves.get(size as usize) {
            frontier.append(*leaf);
        }
    }
}

#[test]
fn wrong_questions_are_refused() {
    let tree: Tree = leaves(5).into_iter().collect();
    assert_eq!(
        InclusionProof::make(&tree, 5, 5),
        Err(NoProof::OutOfRange { asked: 5, size: 5 })
    );
    assert_eq!(
        ConsistencyProof::make(&tree, 6, 5),
        Err(NoProof::OutOfRange { asked: 6, size: 5 })
    );
    assert!(matches!(
        InclusionProof::make(&tree, 0, 9),
        Err(NoProof::Store(_))
    ));
    assert_eq!(Frontier::from_parts(5, vec![]), None);
    let none = ConsistencyProof::default();
    assert!(
        none.verify(0, &leaf_hash(b"x"), 5, &tree.root()).is_err(),
        "only the empty root begins every tree"
    );
    assert!(none.verify(0, &leaf_hash(b"x"), 0, &leaf_hash(b"x")).is_err());
    assert!(
        none.verify(3, &tree.root_at(3).unwrap(), 5, &tree.root())
            .is_err()
    );
    let huge = InclusionProof(vec![leaf_hash(b"x"); 200]);
    assert_eq!(
        huge.verify(&leaf_hash(b"y"), 0, u64::MAX, &tree.root()),
        Err(BadProof::WrongLength { hashes: 200 })
    );
}

fn flip(digest: &mut Digest, bit: usize) {
    let mut bytes = *digest.as_bytes();
    bytes[bit / 8 % 32] ^= 1 << (bit % 8);
    *digest = Digest::from_bytes(bytes);
}

proptest! {
    // Enough to meet every shape of tree and note; the cost is signatures and hashes without optimisation.
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn inclusion_of_random_sizes_and_nothing_else(size in 1..700_u64, at in any::<u64>(), bit in 0..256_usize) {
        let index = at % size;
        let leaves = leaves(size);
        let tree: Tree = leaves.iter().copied().collect();
        let root = tree.root();
        let leaf = leaves[index as usize];
        let proof = InclusionProof::make(&tree, index, size).unwrap();
        proof.verify(&leaf, index, size, &root).unwrap();

        let mut other = leaf;
        flip(&mut other, bit);
        prop_assert!(proof.verify(&other, index, size, &root).is_err());
        for n in 0..proof.0.len() {
            let mut tampered = proof.clone();
            flip(&mut tampered.0[n], bit);
            prop_assert!(tampered.verify(&leaf, index, size, &root).is_err());
            let mut shorter = proof.clone();
            shorter.0.remove(n);
            prop_assert!(shorter.verify(&leaf, index, size, &root).is_err());
        }
        let mut longer = proof.clone();
        longer.0.push(leaf);
        prop_assert!(longer.verify(&leaf, index, size, &root).is_err());
        if size > 1 {
            prop_assert!(proof.verify(&leaf, (index + 1) % size, size, &root).is_err());
        }
    }

    #[test]
    fn consistency_of_random_sizes_and_nothing_else(new in 1..700_u64, at in any::<u64>(), bit in 0..256_usize) {
        let old = at % (new + 1);
        let tree: Tree = leaves(new).into_iter().collect();
        let (old_root, new_root) = (tree.root_at(old).unwrap(), tree.root());
        let proof = ConsistencyProof::make(&tree, old, new).unwrap();
        proof.verify(old, &old_root, new, &new_root).unwrap();

        let mut other = old_root;
        flip(&mut other, bit);
        prop_assert!(proof.verify(old, &other, new, &new_root).is_err());
        if old != 0 {
            let mut other = new_root;
            flip(&mut other, bit);
            prop_assert!(proof.verify(old, &old_root, new, &other).is_err());
        }
        for n in 0..proof.0.len() {
            let mut tampered = proof.clone();
            flip(&mut tampered.0[n], bit);
            prop_assert!(tampered.verify(old, &old_root, new, &new_root).is_err());
            let mut shorter = proof.clone();
            shorter.0.remove(n);
            prop_assert!(shorter.verify(old, &old_root, new, &new_root).is_err());
        }
        let mut longer = proof;
        longer.0.push(new_root);
        prop_assert!(longer.verify(old, &old_root, new, &new_root).is_err());
    }

    #[test]
    fn foreign_proofs_never_panic(
        hashes in proptest::collection::vec(any::<[u8; 32]>(), 0..80),
        at in any::<u64>(),
        size in any::<u64>(),
    ) {
        let hashes: Vec<Digest> = hashes.into_iter().map(Digest::from_bytes).collect();
        let leaf = leaf_hash(b"");
        prop_assert!(InclusionProof(hashes.clone()).verify(&leaf, at, size, &leaf).is_err() || size == 1);
        let _ = ConsistencyProof(hashes).verify(at, &leaf, size, &leaf);
    }
}
