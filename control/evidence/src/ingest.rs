//! What of a piece of a source's log is taken, and what is wrong with it. Pure.

use record::{EntryRef, Head};
use vocabulary::Digest;

use crate::entry::FROM_BYTES_MAX;
use crate::fold::leaf_of;
use crate::source::Trouble;

/// How far a source is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Known {
    pub(crate) len: u64,
    pub(crate) chain: Digest,
}

/// A piece of a log, as it was shown: entries that chain to each other, up to the first that does not.
pub(crate) struct Piece<'a> {
    first: u64,
    entries: &'a [Vec<u8>],
    leaves: Vec<Digest>,
    /// What the first entry names as the one before it.
    previous: Option<Digest>,
    damaged: Option<Trouble>,
}

/// What is to be done with a piece.
pub(crate) enum Plan<'a> {
    /// Take these, the next ones of the log; perhaps none.
    Take(&'a [Vec<u8>]),
    /// It differs from what is known, at the latest at the last known entry: somebody must look where.
    Differs,
    /// Everything in it should be known: somebody must look whether it is the same.
    Old,
    /// Entries are missing before it.
    Gap(Trouble),
}

impl<'a> Piece<'a> {
    /// Reads a piece. An entry that the next one, or the head the source names, does not name rightly is not believed.
    pub(crate) fn read(first: u64, entries: &'a [Vec<u8>], claimed: Option<&Head>) -> Self {
        let mut piece = Self {
            first,
            entries,
            leaves: Vec::with_capacity(entries.len()),
            previous: None,
            damaged: None,
        };
        for (index, bytes) in (first..).zip(entries) {
            let fits = EntryRef::decode(bytes)
                .ok()
                .filter(|entry| entry.index == index && bytes.len() <= FROM_BYTES_MAX);
            let Some(entry) = fits else {
                piece.damaged_at(index);
                break;
            };
            if piece.leaves.last().is_some_and(|leaf| *leaf != entry.previous) {
                piece.drop_last();
                break;
            }
            piece.previous.get_or_insert(entry.previous);
            piece.leaves.push(leaf_of(bytes));
        }
        let whole = piece.damaged.is_none() && claimed.is_some_and(|head| head.len == piece.end());
        if whole && piece.leaves.last().copied() != claimed.map(|head| head.chain) {
            piece.drop_last();
        }
        piece
    }

    fn drop_last(&mut self) {
        if self.leaves.pop().is_some() {
            self.damaged_at(self.end());
        }
    }

    fn damaged_at(&mut self, index: u64) {
        let bytes = Digest::of(self.bytes_at(index).unwrap_or_default());
        self.damaged = Some(Trouble::Damaged { index, bytes });
    }

    const fn end(&self) -> u64 {
        self.first.saturating_add(self.leaves.len() as u64)
    }

    /// Leaf hashes of the entries that fit together, from [`first`](Self::first) on.
    pub(crate) fn leaves(&self) -> &[Digest] {
        &self.leaves
    }

    pub(crate) const fn first(&self) -> u64 {
        self.first
    }

    /// The bytes shown at a number.
    pub(crate) fn bytes_at(&self, index: u64) -> Option<&'a [u8]> {
        let place = usize::try_from(index.checked_sub(self.first)?).ok()?;
        self.entries.get(place).map(Vec::as_slice)
    }

    /// What is wrong with the piece itself.
    pub(crate) const fn damaged(&self) -> Option<&Trouble> {
        self.damaged.as_ref()
    }

    /// Compares with what is known of the source.
    pub(crate) fn plan(&self, known: Known) -> Plan<'a> {
        if self.leaves.is_empty() {
            return Plan::Take(&[]);
        }
        if self.first > known.len {
            return Plan::Gap(Trouble::Gap {
                expected: known.len,
                got: self.first,
            });
        }
        if self.end() < known.len {
            return Plan::Old;
        }
        // The last known entry names, through the chain, everything before it.
        let overlap = usize::try_from(known.len - self.first).unwrap_or(usize::MAX);
        let before = match overlap.checked_sub(1) {
            None => self.previous,
            Some(last) => self.leaves.get(last).copied(),
        };
        if before != Some(known.chain) {
            return Plan::Differs;
        }
        Plan::Take(self.entries.get(overlap..self.leaves.len()).unwrap_or_default())
    }
}

/// What is wrong with the head a source names, given how far it is known after ingestion.
pub(crate) fn doubt(claimed: &Head, known: Known) -> Option<Trouble> {
    if claimed.len < known.len {
        return Some(Trouble::Shorter {
            known: known.len,
            claimed: claimed.len,
        });
    }
    (claimed.len == known.len && claimed.chain != known.chain).then_some(Trouble::Fork {
        index: known.len.saturating_sub(1),
        known: known.chain,
        got: claimed.chain,
    })
}
