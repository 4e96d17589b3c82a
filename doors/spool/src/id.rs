//! Names inside a spool: items, key epochs, lanes, and the commitments that stand for people.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use vocabulary::Digest;

/// Names one spool for good; drawn once, when its directory is made.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpoolId(pub(crate) u64);

impl fmt::Display for SpoolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for SpoolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spool:{self}")
    }
}

/// Names one accepted item for good: the spool and the item's place in its order of durable acceptance. Receivers
/// that confirm item ids get every item exactly once. Written as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemId {
    pub(crate) spool: SpoolId,
    pub(crate) seq: u64,
}

impl ItemId {
    /// The spool that accepted the item.
    #[must_use]
    pub const fn spool(&self) -> SpoolId {
        self.spool
    }

    /// The item's place in that spool's order of durable acceptance, from 1 without gaps.
    #[must_use]
    pub const fn sequence(&self) -> u64 {
        self.seq
    }
}

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.spool.0, self.seq)
    }
}

impl fmt::Debug for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "item:{self}")
    }
}

/// A text that is no item id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an item id is 32 hexadecimal digits")]
pub struct BadItemId;

impl FromStr for ItemId {
    type Err = BadItemId;
    fn from_str(text: &str) -> Result<Self, BadItemId> {
        if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(BadItemId);
        }
        let value = u128::from_str_radix(text, 16).map_err(|_| BadItemId)?;
        let spool = u64::try_from(value >> 64).map_err(|_| BadItemId)?;
        let seq = u64::try_from(value & u128::from(u64::MAX)).map_err(|_| BadItemId)?;
        Ok(Self {
            spool: SpoolId(spool),
            seq,
        })
    }
}

impl Serialize for ItemId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ItemId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

/// Names one segment key of one cell: the key pair whose public half items are sealed to from one `hold`,
/// `release` or change of recipients to the next.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyEpoch(pub u64);

impl fmt::Display for KeyEpoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key epoch {}", self.0)
    }
}

/// Stands for an authenticated peer without naming it: a keyed digest under this spool's secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PeerCommitment(pub Digest);

impl fmt::Display for PeerCommitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// One lane of one cell: what came in on it leaves in the order of durable acceptance. Valid while the spool is open.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LaneId(pub u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_id_reads_back_what_it_writes() {
        let id = ItemId {
            spool: SpoolId(0x00ab_cdef_0123_4567),
            seq: 42,
        };
        assert_eq!(id.to_string().parse::<ItemId>().unwrap(), id);
        for bad in ["", "12", &"+".repeat(32), &"0".repeat(33)] {
            assert!(bad.parse::<ItemId>().is_err(), "{bad:?} must be refused");
        }
    }
}
