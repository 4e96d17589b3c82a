//! Salted commitments: a log can hold "this is what it was" without holding what it was.
//!
//! `commitment = SHA-256("bulkhead commitment v1" || 0x0A || salt || bytes)` with a salt of 32 random bytes, drawn by
//! the shell. The salt lies with the payload and dies with it; what stays in the log then tells nothing any more.

use alloc::string::String;
use core::fmt;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use vocabulary::{Digest, Hasher};

use crate::tree::{Frontier, leaf_hash};

/// 32 random bytes that keep a commitment from being guessed. Used once.
#[derive(Clone, PartialEq, Eq)]
pub struct Salt([u8; 32]);

impl Salt {
    /// Takes 32 fresh random bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, to be stored with the payload.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(not shown)")
    }
}

impl Serialize for Salt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(self.0))
    }
}

impl<'de> Deserialize<'de> for Salt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(String::deserialize(deserializer)?, &mut bytes)
            .map_err(|_| serde::de::Error::custom("a salt is 64 hexadecimal digits"))?;
        Ok(Self(bytes))
    }
}

/// What stands in the log for some bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Commitment(pub Digest);

impl Commitment {
    /// Commits to some bytes.
    #[must_use]
    pub fn to(salt: &Salt, bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new();
        hasher.update(b"bulkhead commitment v1\n");
        hasher.update(&salt.0);
        hasher.update(bytes);
        Self(hasher.finish())
    }

    /// Whether salt and bytes are what was committed to.
    #[must_use]
    pub fn opens(&self, salt: &Salt, bytes: &[u8]) -> bool {
        *self == Self::to(salt, bytes)
    }

    /// The leaf that stands for this commitment in a batch.
    #[must_use]
    pub fn leaf(&self) -> Digest {
        leaf_hash(self.0.as_bytes())
    }
}

/// One root over many commitments, so that a cell logs one entry per batch and each item can still be proven with a
/// [`crate::tree::InclusionProof`] for [`Commitment::leaf`].
#[must_use]
pub fn batch_root(commitments: &[Commitment]) -> Digest {
    let mut frontier = Frontier::new();
    for commitment in commitments {
        frontier.append(commitment.leaf());
    }
    frontier.root()
}
