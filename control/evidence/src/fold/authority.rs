//! The authority log as the room follows it, whoever showed it first: the control room's own ledger or a door's replica.

use std::sync::Arc;

use clearance::{Authority, Followed, STATEMENT_KIND, authority_origin};
use record::{EntryRef, entry::genesis, tree::leaf_hash};
use vocabulary::{Digest, Envelope, EstateId, PayloadType};

use crate::picture::Pin;

/// Most replicas kept for readers that hold on to an older picture; beyond that one is made anew by replay.
const REPLICAS_MAX: usize = 4;

/// A fold of the log's beginning, perhaps still read by somebody.
struct Replica {
    authority: Arc<Authority>,
    len: usize,
}

/// The log's entries, and folds of them. The fold cannot be copied (it holds proofs), so readers share one while another
/// catches up.
pub(super) struct AuthorityLog {
    estate: EstateId,
    pub(super) pin: Pin,
    /// Every entry, exactly.
    raw: Vec<Arc<[u8]>>,
    /// Leaf hash of every entry.
    leaves: Vec<Digest>,
    tip: Digest,
    /// Entries whose effect was told.
    told: usize,
    replicas: Vec<Replica>,
}

/// What became of an entry that somebody showed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shown {
    /// It is the next; its effect is to be told.
    New,
    /// It is known.
    Known,
    /// Another one is known at this number.
    Other {
        /// Leaf hash of the one known.
        known: Digest,
    },
    /// It does not continue the log.
    Misplaced,
}

impl AuthorityLog {
    pub(super) fn new(estate: EstateId, first_charter: Option<Digest>) -> Self {
        // An estate's name always fits into a log's name; if not, no entry ever continues this log.
        let tip = authority_origin(&estate).map_or_else(|_| Digest::of(b""), |origin| genesis(&origin));
        Self {
            estate,
            pin: first_charter.map_or(Pin::Missing, Pin::Installed),
            raw: Vec::new(),
            leaves: Vec::new(),
            tip,
            told: 0,
            replicas: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> u64 {
        self.raw.len() as u64
    }

    pub(super) fn raw(&self) -> &[Arc<[u8]>] {
        &self.raw
    }

    /// Whether exactly this entry is known at its number. Most replicas say what is known, and need not be hashed for it.
    pub(super) fn knows(&self, index: u64, bytes: &[u8]) -> bool {
        usize::try_from(index)
            .ok()
            .and_then(|index| self.raw.get(index))
            .is_some_and(|known| **known == *bytes)
    }

    /// Takes an entry that somebody says stands in the log.
    pub(super) fn show(&mut self, bytes: &[u8], leaf: Digest) -> Shown {
        let Ok(entry) = EntryRef::decode(bytes) else {
            return Shown::Misplaced;
        };
        let known = usize::try_from(entry.index)
            .ok()
            .and_then(|index| self.leaves.get(index));
        match known {
            Some(known) if *known == leaf => return Shown::Known,
            Some(known) => return Shown::Other { known: *known },
            None => {}
        }
        if entry.index != self.len() {
            return Shown::Misplaced;
        }
        if entry.previous != self.tip {
            return Shown::Other { known: self.tip };
        }
        if self.pin == Pin::Missing
            && let Some(digest) = first_charter(&entry)
        {
            self.pin = Pin::FirstSeen(digest);
        }
        self.raw.push(bytes.into());
        self.leaves.push(leaf);
        self.tip = leaf;
        Shown::New
    }

    /// The effect of the next entry that was not told yet.
    pub(super) fn tell(&mut self) -> Option<(Arc<[u8]>, Followed)> {
        let pinned = match self.pin {
            Pin::Installed(digest) | Pin::FirstSeen(digest) => digest,
            Pin::Missing => return None,
        };
        let bytes = self.raw.get(self.told)?.clone();
        let place = self.free_replica(pinned)?;
        let Self { raw, replicas, .. } = self;
        let replica = replicas.get_mut(place)?;
        let authority = Arc::get_mut(&mut replica.authority)?;
        for missed in raw.get(replica.len..self.told).unwrap_or_default() {
            // Followed before by another replica; every replica of one log agrees.
            let _same_as_before = authority.follow(missed, None);
        }
        let followed = authority.follow(&bytes, None).ok()?;
        self.told += 1;
        replica.len = self.told;
        Some((bytes, followed))
    }

    /// A replica nobody reads, the most advanced one; made anew if there is none.
    fn free_replica(&mut self, pinned: Digest) -> Option<usize> {
        let free = self
            .replicas
            .iter_mut()
            .enumerate()
            .filter_map(|(place, replica)| Arc::get_mut(&mut replica.authority).map(|_| (replica.len, place)))
            .max();
        if let Some((_, place)) = free {
            return Some(place);
        }
        let fresh = Replica {
            authority: Arc::new(Authority::install(self.estate.clone(), pinned).ok()?),
            len: 0,
        };
        if self.replicas.len() < REPLICAS_MAX {
            self.replicas.push(fresh);
            return Some(self.replicas.len() - 1);
        }
        // All are held by readers: the least advanced is left to them.
        let place =
            (0..self.replicas.len()).min_by_key(|place| self.replicas.get(*place).map(|one| one.len))?;
        if let Some(one) = self.replicas.get_mut(place) {
            *one = fresh;
        }
        Some(place)
    }

    /// The fold of everything told, shared.
    pub(super) fn current(&self) -> Option<Arc<Authority>> {
        self.replicas
            .iter()
            .max_by_key(|replica| replica.len)
            .filter(|replica| replica.len == self.told)
            .map(|replica| replica.authority.clone())
    }

    /// The fold of everything told, for looking.
    pub(super) fn peek(&self) -> Option<&Authority> {
        self.replicas
            .iter()
            .max_by_key(|replica| replica.len)
            .filter(|replica| replica.len == self.told)
            .map(|replica| &*replica.authority)
    }
}

fn first_charter(entry: &EntryRef<'_>) -> Option<Digest> {
    if entry.kind != STATEMENT_KIND {
        return None;
    }
    let envelope: Envelope = serde_json::from_slice(entry.body).ok()?;
    (envelope.payload_type == PayloadType::Charter).then(|| envelope.id().0)
}

/// Leaf hash of an entry's bytes.
pub(crate) fn leaf_of(bytes: &[u8]) -> Digest {
    leaf_hash(bytes)
}
