//! What the store's log says, and what it adds up to.

use std::collections::{BTreeMap, BTreeSet};

use order::Answer;
use serde::{Deserialize, Serialize};
use spool::{ItemId, KeyEpoch, Standing};
use vocabulary::{CellId, Digest, Timestamp};

use super::{Place, Verdict};

/// One item as the log names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Filed {
    /// Its name.
    pub item: ItemId,
    /// Whose mail it is.
    pub cell: CellId,
    /// The key epoch it was sealed to.
    pub epoch: KeyEpoch,
    /// Where it stood on its regular way when it was read.
    pub standing: Standing,
    /// When it had come in.
    pub received: Timestamp,
    /// Whether an earlier one had the same Message-ID and other bytes.
    pub flagged: bool,
    /// The original; absent where it could not be opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<Original>,
}

/// An original.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Original {
    /// Where it lies.
    pub(crate) place: Place,
    /// SHA-256 of its bytes.
    pub digest: Digest,
}

/// What came of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// Which.
    pub item: ItemId,
    /// What came of it.
    pub verdict: Verdict,
    /// Where its record lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) record: Option<Place>,
}

/// What an entry of the log says; its body is this as JSON.
#[derive(Debug, Serialize, Deserialize)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub(super) enum Entry {
    /// Originals are here.
    Filed {
        /// Which.
        items: Vec<Filed>,
    },
    /// They were worked on.
    Worked {
        /// What came of each.
        items: Vec<Outcome>,
    },
    /// An answer to one left.
    Answered {
        /// To which.
        item: ItemId,
        /// What was answered.
        answer: Answer,
        /// SHA-256 of the encrypted answer.
        mail: Digest,
    },
    /// An index of a cell was handed back.
    Index {
        /// Whose.
        cell: CellId,
        /// How many items.
        indexed: u64,
        /// SHA-256 over their ids in order.
        items: Digest,
        /// SHA-256 of the file.
        index: Digest,
    },
}

impl Entry {
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Filed { .. } => "emergency.filed",
            Self::Worked { .. } => "emergency.worked",
            Self::Answered { .. } => "emergency.answered",
            Self::Index { .. } => "emergency.index",
        }
    }
}

/// Everything known of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// As it was filed.
    pub filed: Filed,
    /// What came of it, once it was worked on.
    pub outcome: Option<Outcome>,
    /// The answer that left.
    pub answer: Option<Answer>,
}

/// What the entries add up to.
#[derive(Default)]
pub(super) struct Fold {
    pub(super) items: BTreeMap<ItemId, Known>,
    /// The last item filed, per key epoch of a cell and spool.
    pub(super) positions: BTreeMap<(CellId, KeyEpoch), ItemId>,
    /// Filed and not worked on.
    pub(super) waiting: BTreeSet<ItemId>,
    pub(super) answered: u64,
    pub(super) last_mail: Option<Place>,
    pub(super) last_record: Option<Place>,
    /// Cells of which something is not in the index that was handed back last.
    pub(super) unindexed: BTreeSet<CellId>,
}

impl Fold {
    pub(super) fn add(&mut self, entry: Entry) {
        match entry {
            Entry::Filed { items } => items.into_iter().for_each(|filed| self.add_filed(filed)),
            Entry::Worked { items } => {
                for outcome in items {
                    self.last_record = self.last_record.max(outcome.record);
                    self.waiting.remove(&outcome.item);
                    if let Some(known) = self.items.get_mut(&outcome.item) {
                        self.unindexed.insert(known.filed.cell.clone());
                        known.outcome = Some(outcome);
                    }
                }
            }
            Entry::Answered { item, answer, .. } => {
                if let Some(known) = self.items.get_mut(&item) {
                    self.unindexed.insert(known.filed.cell.clone());
                    self.answered += u64::from(known.answer.is_none());
                    known.answer = Some(answer);
                }
            }
            Entry::Index { cell, .. } => {
                self.unindexed.remove(&cell);
            }
        }
    }

    fn add_filed(&mut self, filed: Filed) {
        let position = self
            .positions
            .entry((filed.cell.clone(), filed.epoch))
            .or_insert(filed.item);
        *position = (*position).max(filed.item);
        self.last_mail = self.last_mail.max(filed.mail.map(|mail| mail.place));
        self.waiting.insert(filed.item);
        self.unindexed.insert(filed.cell.clone());
        self.items.insert(
            filed.item,
            Known {
                filed,
                outcome: None,
                answer: None,
            },
        );
    }
}
