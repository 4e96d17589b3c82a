//! The Merkle tree of RFC 6962 section 2.1 over SHA-256: roots, inclusion proofs, consistency proofs.
//!
//! Sizes and indexes count entries from zero. Proofs come from outside, so every verification is bounded by the length
//! a proof of that size must have and answers with a [`BadProof`] that says what did not fit.

use alloc::vec::Vec;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use vocabulary::Digest;

/// Longest proof that can exist: a tree has at most 2^63 leaves.
pub const PROOF_HASHES_MAX: usize = 63;

/// The root of the tree with no entries: the digest of nothing (RFC 6962 section 2.1).
#[must_use]
pub fn empty_root() -> Digest {
    Digest::of(b"")
}

/// The hash of one entry's bytes: `SHA-256(0x00 || bytes)` (RFC 6962 section 2.1).
#[must_use]
pub fn leaf_hash(bytes: &[u8]) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update([0]);
    hasher.update(bytes);
    Digest::from_bytes(hasher.finalize().into())
}

/// The hash of two subtrees: `SHA-256(0x01 || left || right)` (RFC 6962 section 2.1).
#[must_use]
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update([1]);
    hasher.update(left.as_bytes());
    hasher.update(right.as_bytes());
    Digest::from_bytes(hasher.finalize().into())
}

/// Where a subtree with 2^`level` leaves stands: it covers leaves `index << level` up to `(index + 1) << level`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NodeAt {
    /// Zero for leaves.
    pub level: u32,
    /// Counted from the left within the level.
    pub index: u64,
}

/// The right edge of a growing tree: enough to append and to know the root, in O(log n) space.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Frontier {
    size: u64,
    /// Roots of the complete subtrees, largest (leftmost) first: one per bit set in `size`.
    peaks: Vec<Digest>,
}

impl Frontier {
    /// The empty tree.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            size: 0,
            peaks: Vec::new(),
        }
    }

    /// How many leaves.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Roots of the complete subtrees, largest first.
    #[must_use]
    pub fn peaks(&self) -> &[Digest] {
        &self.peaks
    }

    /// Puts an edge together again from what [`Self::size`] and [`Self::peaks`] said; `None` when they cannot belong
    /// together. The caller must check the root against one it trusts.
    #[must_use]
    pub fn from_parts(size: u64, peaks: Vec<Digest>) -> Option<Self> {
        (peaks.len() == size.count_ones() as usize).then_some(Self { size, peaks })
    }

    /// Appends one leaf.
    pub fn append(&mut self, leaf: Digest) {
        self.append_noting(leaf, |_, _| ());
    }

    /// Appends one leaf and tells every subtree that it completes, the leaf first and the largest last.
    pub fn append_noting(&mut self, leaf: Digest, mut completed: impl FnMut(NodeAt, Digest)) {
        let mut at = NodeAt {
            level: 0,
            index: self.size,
        };
        let mut hash = leaf;
        completed(at, hash);
        while at.index & 1 == 1 {
            let Some(left) = self.peaks.pop() else { break };
            hash = node_hash(&left, &hash);
            at = NodeAt {
                level: at.level + 1,
                index: at.index >> 1,
            };
            completed(at, hash);
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// The root of the tree as it stands.
    #[must_use]
    pub fn root(&self) -> Digest {
        join_right_to_left(&self.peaks)
    }
}

/// The root over subtrees given from left to right, each larger than the next.
fn join_right_to_left(subtrees: &[Digest]) -> Digest {
    let mut from_right = subtrees.iter().rev();
    match from_right.next() {
        None => empty_root(),
        Some(last) => from_right.fold(*last, |right, left| node_hash(left, &right)),
    }
}

/// Where hashes of complete subtrees can be looked up: memory, or a file.
pub trait Nodes {
    /// Why a hash could not be had.
    type Error;
    /// The root of the complete subtree at a place. Asked only for subtrees that lie wholly inside the tree.
    ///
    /// # Errors
    /// Whatever the store says when the hash cannot be had.
    fn node(&self, at: NodeAt) -> Result<Digest, Self::Error>;
}

/// All hashes of a tree, in memory: for tests, small logs and proofs over batches.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tree {
    levels: Vec<Vec<Digest>>,
    frontier: Frontier,
}

/// A hash that should be there is not: the tree is shorter than was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the tree has {size} leaves; the question needs a hash beyond them")]
pub struct Missing {
    /// How many leaves there are.
    pub size: u64,
}

impl Tree {
    /// The empty tree.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends one leaf hash.
    pub fn append(&mut self, leaf: Digest) {
        let levels = &mut self.levels;
        self.frontier.append_noting(leaf, |at, hash| {
            let level = at.level as usize;
            while levels.len() <= level {
                levels.push(Vec::new());
            }
            if let Some(row) = levels.get_mut(level) {
                row.push(hash);
            }
        });
    }

    /// How many leaves.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The root as it stands.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.frontier.root()
    }

    /// The root the tree had when it was shorter.
    ///
    /// # Errors
    /// [`Missing`] when it never had that size.
    pub fn root_at(&self, size: u64) -> Result<Digest, Missing> {
        root_of(self, size)
    }
}

impl Nodes for Tree {
    type Error = Missing;
    fn node(&self, at: NodeAt) -> Result<Digest, Missing> {
        usize::try_from(at.index)
            .ok()
            .and_then(|index| self.levels.get(at.level as usize)?.get(index))
            .copied()
            .ok_or(Missing { size: self.size() })
    }
}

impl FromIterator<Digest> for Tree {
    fn from_iter<I: IntoIterator<Item = Digest>>(leaves: I) -> Self {
        let mut tree = Self::new();
        for leaf in leaves {
            tree.append(leaf);
        }
        tree
    }
}

/// The root of the first `size` leaves.
///
/// # Errors
/// What the store says.
pub fn root_of<N: Nodes + ?Sized>(nodes: &N, size: u64) -> Result<Digest, N::Error> {
    range_root(nodes, 0, size)
}

/// The root of leaves `from..to`, where `from` is where RFC 6962 splits a tree (a multiple of the largest power of two
/// that is not larger than the length).
fn range_root<N: Nodes + ?Sized>(nodes: &N, from: u64, to: u64) -> Result<Digest, N::Error> {
    let mut subtrees = Vec::new();
    let mut at = from;
    while at < to {
        let level = (to - at).ilog2();
        subtrees.push(nodes.node(NodeAt {
            level,
            index: at >> level,
        })?);
        at += 1 << level;
    }
    Ok(join_right_to_left(&subtrees))
}

/// Largest power of two smaller than `length`, which must be at least two.
const fn split(length: u64) -> u64 {
    1 << (length - 1).ilog2()
}

/// Why a proof could not be made.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoProof<E> {
    /// The question itself is wrong.
    #[error("asked about {asked} of a tree with {size} leaves")]
    OutOfRange {
        /// The index or older size that was asked about.
        asked: u64,
        /// The size of the tree.
        size: u64,
    },
    /// A hash could not be had.
    #[error("a hash of the tree could not be read")]
    Store(#[source] E),
}

/// Proves that a leaf is in a tree (RFC 6962 section 2.1.1): sibling hashes from the leaf upwards.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InclusionProof(pub Vec<Digest>);

/// Proves that a tree is the beginning of a larger one (RFC 6962 section 2.1.2).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConsistencyProof(pub Vec<Digest>);

/// Why a proof proves nothing. Foreign input is to blame, never the reader.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadProof {
    /// The index lies outside the tree, or the older tree is larger than the newer.
    #[error("{asked} lies outside a tree of {size} leaves")]
    OutOfRange {
        /// Index or older size.
        asked: u64,
        /// Size of the (newer) tree.
        size: u64,
    },
    /// A proof for these sizes has another number of hashes.
    #[error("the proof has {hashes} hashes, which is not what these sizes need")]
    WrongLength {
        /// How many came in.
        hashes: usize,
    },
    /// The hashes lead to another root.
    #[error("the proof leads to another root")]
    OtherRoot,
}

impl InclusionProof {
    /// Makes the proof for leaf `index` of the first `size` leaves.
    ///
    /// # Errors
    /// [`NoProof`] when the index is outside or a hash cannot be had.
    pub fn make<N: Nodes + ?Sized>(nodes: &N, index: u64, size: u64) -> Result<Self, NoProof<N::Error>> {
        if index >= size {
            return Err(NoProof::OutOfRange { asked: index, size });
        }
        let mut path = Vec::new();
        let (mut from, mut to) = (0, size);
        while to - from > 1 {
            let middle = from + split(to - from);
            if index < middle {
                path.push(range_root(nodes, middle, to).map_err(NoProof::Store)?);
                to = middle;
            } else {
                path.push(range_root(nodes, from, middle).map_err(NoProof::Store)?);
                from = middle;
            }
        }
        path.reverse();
        Ok(Self(path))
    }

    /// Checks that `leaf` (its hash) stands at `index` of the tree with `size` leaves and this root, by the algorithm
    /// of RFC 9162 section 2.1.3.2.
    ///
    /// # Errors
    /// [`BadProof`] says what does not fit.
    pub fn verify(&self, leaf: &Digest, index: u64, size: u64, root: &Digest) -> Result<(), BadProof> {
        if index >= size {
            return Err(BadProof::OutOfRange { asked: index, size });
        }
        let wrong_length = BadProof::WrongLength { hashes: self.0.len() };
        let (mut at, mut last) = (index, size - 1);
        let mut hash = *leaf;
        for sibling in &self.0 {
            if last == 0 {
                return Err(wrong_length);
            }
            if at & 1 == 1 || at == last {
                hash = node_hash(sibling, &hash);
                // A right edge without a sibling of its own climbs until it has one.
                while at & 1 == 0 && at != 0 {
                    at >>= 1;
                    last >>= 1;
                }
            } else {
                hash = node_hash(&hash, sibling);
            }
            at >>= 1;
            last >>= 1;
        }
        if last != 0 {
            return Err(wrong_length);
        }
        if hash == *root {
            Ok(())
        } else {
            Err(BadProof::OtherRoot)
        }
    }
}

impl ConsistencyProof {
    /// Makes the proof that the first `old` leaves begin the first `new` leaves. Empty for `old` zero or equal sizes.
    ///
    /// # Errors
    /// [`NoProof`] when `old` is larger than `new` or a hash cannot be had.
    pub fn make<N: Nodes + ?Sized>(nodes: &N, old: u64, new: u64) -> Result<Self, NoProof<N::Error>> {
        if old > new {
            return Err(NoProof::OutOfRange {
                asked: old,
                size: new,
            });
        }
        if old == 0 {
            return Ok(Self::default());
        }
        let mut path = Vec::new();
        let (mut from, mut to, mut left_edge) = (0, new, true);
        while to != old {
            let middle = from + split(to - from);
            if old <= middle {
                path.push(range_root(nodes, middle, to).map_err(NoProof::Store)?);
                to = middle;
            } else {
                path.push(range_root(nodes, from, middle).map_err(NoProof::Store)?);
                from = middle;
                left_edge = false;
            }
        }
        if !left_edge {
            path.push(range_root(nodes, from, to).map_err(NoProof::Store)?);
        }
        path.reverse();
        Ok(Self(path))
    }

    /// Checks that the tree with `old` leaves and `old_root` is the beginning of the one with `new` leaves and
    /// `new_root`, by the algorithm of RFC 9162 section 2.1.4.2. From the empty tree only the empty root and an empty
    /// proof are accepted.
    ///
    /// # Errors
    /// [`BadProof`] says what does not fit.
    pub fn verify(&self, old: u64, old_root: &Digest, new: u64, new_root: &Digest) -> Result<(), BadProof> {
        if old > new {
            return Err(BadProof::OutOfRange {
                asked: old,
                size: new,
            });
        }
        let wrong_length = BadProof::WrongLength { hashes: self.0.len() };
        if old == 0 || old == new {
            let fits = if old == new { old_root == new_root } else { true };
            let empty_fits = old != 0 || *old_root == empty_root();
            return match (self.0.is_empty(), fits && empty_fits) {
                (false, _) => Err(wrong_length),
                (true, false) => Err(BadProof::OtherRoot),
                (true, true) => Ok(()),
            };
        }
        self.climb(old, old_root, new, new_root)
    }

    fn climb(&self, old: u64, old_root: &Digest, new: u64, new_root: &Digest) -> Result<(), BadProof> {
        let wrong_length = BadProof::WrongLength { hashes: self.0.len() };
        let mut hashes = self.0.iter();
        let (mut at, mut last) = (old - 1, new - 1);
        let shift = at.trailing_ones();
        at >>= shift;
        last >>= shift;
        // A complete older tree is itself the first node; otherwise the proof brings it.
        let first = if old.is_power_of_two() {
            old_root
        } else {
            hashes.next().ok_or(wrong_length)?
        };
        let (mut old_hash, mut new_hash) = (*first, *first);
        for sibling in hashes {
            if last == 0 {
                return Err(wrong_length);
            }
            if at & 1 == 1 || at == last {
                old_hash = node_hash(sibling, &old_hash);
                new_hash = node_hash(sibling, &new_hash);
                while at & 1 == 0 && at != 0 {
                    at >>= 1;
                    last >>= 1;
                }
            } else {
                new_hash = node_hash(&new_hash, sibling);
            }
            at >>= 1;
            last >>= 1;
        }
        if last != 0 {
            return Err(wrong_length);
        }
        if old_hash == *old_root && new_hash == *new_root {
            Ok(())
        } else {
            Err(BadProof::OtherRoot)
        }
    }
}
