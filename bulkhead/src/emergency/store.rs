//! What an emergency environment keeps: originals and records in files that only grow, and a hash-chained log that says
//! what is there. The log is the truth: bytes it does not name were never filed.

mod fold;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use ledger::Ledger;
use order::Answer;
use record::{Draft, Kind, LogKey, Origin};
use serde::{Deserialize, Serialize};
use spool::{ItemId, KeyEpoch};
use tokio::sync::watch;
use vocabulary::{CellId, Digest, EnvironmentId};

use self::fold::{Entry, Fold};
pub use self::fold::{Filed, Known, Original, Outcome};

pub(crate) use super::pack::Place;
use super::{
    pack::Packs,
    work::{Desk, Verdict, work},
};
use crate::{
    clock, command, keys,
    report::{Code, Trouble},
};

/// Items of one batch: one entry of the log, one sync of each file.
const BATCH_ITEMS_MAX: usize = 500;
/// Bytes of originals of one batch, but at least one.
const BATCH_BYTES_MAX: usize = 8 << 20;
/// Items one environment keeps: four times what a bad week of a country would bring.
const ITEMS_MAX: usize = 4_000_000;

/// The store.
pub struct Store {
    inside: Mutex<Inside>,
    /// Changes with every entry.
    changes: watch::Sender<u64>,
    key: LogKey,
    /// By what mails are worked on.
    desks: BTreeMap<CellId, Desk>,
}

struct Inside {
    ledger: Ledger,
    mails: Packs,
    records: Packs,
    fold: Fold,
}

/// Items on their way into the store.
#[derive(Default)]
pub struct Batch {
    bytes: Vec<u8>,
    items: Vec<(Filed, Option<Within>)>,
}

/// Where an original lies within a batch.
struct Within {
    at: u64,
    len: u64,
    digest: Digest,
}

impl Batch {
    /// Adds an original.
    pub fn add(&mut self, filed: Filed, mail: &[u8], digest: Digest) {
        let at = self.bytes.len() as u64;
        self.bytes.extend_from_slice(mail);
        let len = mail.len() as u64;
        self.items.push((filed, Some(Within { at, len, digest })));
    }

    /// Adds an item that could not be opened.
    pub fn add_unreadable(&mut self, filed: Filed) {
        self.items.push((filed, None));
    }

    /// Whether it should be filed before more is added.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.items.len() >= BATCH_ITEMS_MAX || self.bytes.len() >= BATCH_BYTES_MAX
    }
}

/// How far an environment is, for people who wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Items filed.
    pub filed: usize,
    /// Of them worked on.
    pub worked: usize,
    /// Answers that left.
    pub answered: u64,
}

/// The store failed. What cannot be filed must not be taken, so the process ends.
pub(super) fn broken(error: Box<dyn std::error::Error + Send + Sync>) -> Trouble {
    Trouble::because(
        Code::Files,
        "Die Ablage des Notbetriebs schreibt nicht. Nichts ist verloren; Platte prüfen, neu starten. / \
         The emergency environment's store does not write. Nothing is lost; check the disk, start again.",
        error,
    )
}

impl Store {
    /// Opens or begins the store of one environment.
    ///
    /// # Errors
    /// [`Trouble`] when it is damaged, another environment's, in use, or its disk is gone.
    pub fn open(dir: &Path, environment: &EnvironmentId) -> Result<Self, Trouble> {
        let name = dir.display().to_string();
        let wrong = |error: Box<dyn std::error::Error + Send + Sync>| {
            Trouble::because(
                Code::Files,
                format!(
                    "Die Ablage des Notbetriebs {name} ist nicht zu öffnen. / The emergency environment's store {name} cannot be opened."
                ),
                error,
            )
        };
        let origin = Origin::new(&format!("bulkhead/emergency-environment/{environment}"))
            .map_err(|error| wrong(error.into()))?;
        let ledger = command::open_or_create_ledger(&dir.join("log"), &origin)?;
        let mut fold = Fold::default();
        for entry in ledger.read(0).map_err(|error| wrong(error.into()))? {
            let entry = entry.map_err(|error| wrong(error.into()))?;
            fold.add(serde_json::from_slice(&entry.body).map_err(|error| wrong(error.into()))?);
        }
        let packs = dir.join("packs");
        let mails = Packs::open(&packs, "mails", fold.last_mail).map_err(|error| wrong(error.into()))?;
        let records =
            Packs::open(&packs, "records", fold.last_record).map_err(|error| wrong(error.into()))?;
        let key = keys::log_key(&dir.join("log.key"), &origin)?;
        Ok(Self {
            inside: Mutex::new(Inside {
                ledger,
                mails,
                records,
                fold,
            }),
            changes: watch::Sender::new(0),
            key,
            desks: BTreeMap::new(),
        })
    }

    /// Works by these desks from now on. What was held, or not looked into for want of a desk, is worked on again.
    #[must_use]
    pub fn with_desks(mut self, desks: BTreeMap<CellId, Desk>) -> Self {
        self.desks = desks;
        let mut inside = self.inside();
        let again: Vec<ItemId> = inside
            .fold
            .items
            .values()
            .filter(|known| self.desks.contains_key(&known.filed.cell))
            .filter(|known| {
                let verdict = known.outcome.as_ref().map(|outcome| outcome.verdict);
                matches!(verdict, Some(Verdict::Held | Verdict::Unexamined))
            })
            .map(|known| known.filed.item)
            .collect();
        inside.fold.waiting.extend(again);
        drop(inside);
        self
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        // The fold is changed only after the disk: a panic in between leaves it behind, never ahead.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far it is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let inside = self.inside();
        let (filed, waiting) = (inside.fold.items.len(), inside.fold.waiting.len());
        Progress {
            filed,
            worked: filed - waiting.min(filed),
            answered: inside.fold.answered,
        }
    }

    /// Changes with every entry of the log.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Whether an item is filed.
    #[must_use]
    pub fn has(&self, item: ItemId) -> bool {
        self.inside().fold.items.contains_key(&item)
    }

    /// The last item filed of a key epoch.
    #[must_use]
    pub fn position(&self, cell: &CellId, epoch: KeyEpoch) -> Option<ItemId> {
        self.inside().fold.positions.get(&(cell.clone(), epoch)).copied()
    }

    /// Files what is new in a batch; says how many. On disk when it returns.
    ///
    /// # Errors
    /// [`Trouble`]: nothing of the batch is filed.
    pub fn file(&self, batch: Batch) -> Result<u64, Trouble> {
        let mut inside = self.inside();
        let known = &inside.fold.items;
        if known.len() + batch.items.len() > ITEMS_MAX {
            return Err(broken(
                format!("mehr als {ITEMS_MAX} Sendungen / more than {ITEMS_MAX} items").into(),
            ));
        }
        let mut once = BTreeSet::new();
        let new: Vec<_> = batch
            .items
            .into_iter()
            .filter(|(filed, _)| !known.contains_key(&filed.item) && once.insert(filed.item))
            .collect();
        if new.is_empty() {
            return Ok(0);
        }
        let written = if batch.bytes.is_empty() {
            None
        } else {
            Some(
                inside
                    .mails
                    .add(&batch.bytes)
                    .map_err(|error| broken(error.into()))?,
            )
        };
        let items: Vec<Filed> = new
            .into_iter()
            .map(|(filed, mail)| {
                let placed = |Within { at, len, digest }| {
                    let all = written.unwrap_or(Place {
                        pack: 0,
                        at: 0,
                        len: 0,
                    });
                    let place = Place {
                        at: all.at + at,
                        len,
                        ..all
                    };
                    Original { place, digest }
                };
                Filed {
                    mail: mail.map(placed),
                    ..filed
                }
            })
            .collect();
        let count = items.len() as u64;
        inside.write(Entry::Filed { items })?;
        drop(inside);
        self.changed();
        Ok(count)
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Works on the oldest items that wait, one batch; says whether more wait.
    ///
    /// # Errors
    /// [`Trouble`] when the store fails. Nothing of the batch counts as worked on then.
    pub fn work(&self) -> Result<bool, Trouble> {
        let waiting: Vec<Filed> = {
            let inside = self.inside();
            let first = inside.fold.waiting.iter().take(BATCH_ITEMS_MAX);
            first
                .filter_map(|item| Some(inside.fold.items.get(item)?.filed.clone()))
                .collect()
        };
        if waiting.is_empty() {
            return Ok(false);
        }
        let (mut records, mut outcomes) = (Vec::new(), Vec::new());
        for filed in waiting {
            let (verdict, record) = match filed.mail {
                None => (Verdict::Unreadable, None),
                Some(original) => {
                    let raw = self.inside().mails.read(original.place);
                    let raw = raw.map_err(|error| broken(error.into()))?;
                    let worked = work(&raw, filed.received, self.desks.get(&filed.cell));
                    let line = Line {
                        item: filed.item,
                        found: Found {
                            identifier: worked.identifier,
                            document: worked.document,
                            proposed: worked.proposed,
                        },
                        record: worked.record,
                    };
                    let bytes = serde_json::to_vec(&line).map_err(|error| broken(error.into()))?;
                    let at = records.len() as u64;
                    records.extend_from_slice(&bytes);
                    (worked.verdict, Some((at, bytes.len() as u64)))
                }
            };
            outcomes.push((filed.item, verdict, record));
        }
        let mut inside = self.inside();
        let written = if records.is_empty() {
            None
        } else {
            Some(
                inside
                    .records
                    .add(&records)
                    .map_err(|error| broken(error.into()))?,
            )
        };
        let items = outcomes
            .into_iter()
            .map(|(item, verdict, record)| Outcome {
                item,
                verdict,
                record: record.zip(written).map(|((at, len), all)| Place {
                    at: all.at + at,
                    len,
                    ..all
                }),
            })
            .collect();
        inside.write(Entry::Worked { items })?;
        let more = !inside.fold.waiting.is_empty();
        drop(inside);
        self.changed();
        Ok(more)
    }

    /// Notes that an answer left.
    ///
    /// # Errors
    /// [`Trouble`] when the store fails; the answer left all the same, and asking again says so.
    pub(super) fn answered(&self, item: ItemId, answer: Answer, mail: Digest) -> Result<(), Trouble> {
        self.inside().write(Entry::Answered { item, answer, mail })?;
        self.changed();
        Ok(())
    }

    /// Everything known of a cell's items in one spool, in order.
    #[must_use]
    pub fn of_cell(&self, cell: &CellId, spool: &str) -> Vec<Known> {
        let inside = self.inside();
        let here = inside
            .fold
            .items
            .values()
            .filter(|known| known.filed.cell == *cell && known.filed.item.spool().to_string() == spool);
        here.cloned().collect()
    }

    /// Whether everything filed was worked on.
    pub(super) fn is_worked(&self) -> bool {
        self.inside().fold.waiting.is_empty()
    }

    /// An original, as it came.
    ///
    /// # Errors
    /// [`Trouble`] when it cannot be read.
    pub fn original(&self, original: &Original) -> Result<Vec<u8>, Trouble> {
        self.inside()
            .mails
            .read(original.place)
            .map_err(|error| broken(error.into()))
    }

    /// What was found in an item.
    ///
    /// # Errors
    /// [`Trouble`] when its record cannot be read.
    pub fn found(&self, outcome: &Outcome) -> Result<Found, Trouble> {
        let Some(place) = outcome.record else {
            return Ok(Found::default());
        };
        let bytes = self
            .inside()
            .records
            .read(place)
            .map_err(|error| broken(error.into()))?;
        let line: Line = serde_json::from_slice(&bytes).map_err(|error| broken(error.into()))?;
        Ok(line.found)
    }

    /// Cells of which something is not in the index that was handed back last.
    pub(super) fn unindexed(&self) -> BTreeSet<CellId> {
        self.inside().fold.unindexed.clone()
    }

    /// The key that signs where the log stands, for whoever checks it.
    pub(super) fn verifier(&self) -> String {
        self.key.verifier().to_string()
    }

    /// Notes that an index was handed back, and signs where the log stands with it.
    ///
    /// # Errors
    /// [`Trouble`] when the store fails.
    pub(super) fn handed_back(
        &self,
        cell: CellId,
        indexed: u64,
        items: Digest,
        index: Digest,
    ) -> Result<record::Note, Trouble> {
        let mut inside = self.inside();
        inside.write(Entry::Index {
            cell,
            indexed,
            items,
            index,
        })?;
        let note = inside.ledger.checkpoint(&self.key);
        note.map_err(|error| broken(error.into()))
    }
}

/// What was found in a mail, for the index.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// Identifier of the document inside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
    /// SHA-256 of the document inside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<Digest>,
    /// The code of the error answer the rules ask for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposed: Option<u16>,
}

/// A record as it lies in its file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    item: ItemId,
    found: Found,
    #[serde(with = "hex::serde")]
    record: Vec<u8>,
}

impl Inside {
    fn write(&mut self, entry: Entry) -> Result<(), Trouble> {
        let draft = Draft {
            kind: Kind::new(entry.kind()).map_err(|error| broken(error.into()))?,
            at: clock::now(),
            body: serde_json::to_vec(&entry).map_err(|error| broken(error.into()))?,
        };
        self.ledger
            .append(&[draft])
            .map_err(|error| broken(error.into()))?;
        self.fold.add(entry);
        Ok(())
    }
}
