//! The spool's own hash-chained log: key changes, stores that went down or came back, space given back, and at most
//! one batch of roots per second. Mails never get entries of their own.

use std::{
    collections::{BTreeMap, BTreeSet},
    os::unix::fs::FileExt as _,
    path::Path,
    sync::Arc,
};

use ledger::Ledger;
use record::{Commitment, Draft, Kind, Origin, batch_root};
use serde::{Deserialize, Serialize};
use vocabulary::{CellId, Digest, Timestamp};

use crate::{
    Error, Spool,
    durable::Durable,
    frame::{HEADER_LEN, Header},
    id::{ItemId, KeyEpoch, SpoolId},
    queue::Command,
    record::ItemRecord,
    writer::Writer,
};

/// What an entry of the spool's log says; its body is this as JSON, its kind the name of the variant.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Logged {
    /// A key epoch begins. `door`: whether the door's key store can open it.
    KeyEpoch {
        /// Whose.
        cell: CellId,
        /// Which.
        epoch: KeyEpoch,
        /// Whether the private half lies in the door's key store.
        door: bool,
    },
    /// The door's keys of a cell are destroyed.
    Hold {
        /// Whose.
        cell: CellId,
    },
    /// Keys come back from the insurer.
    Release {
        /// Whose.
        cell: CellId,
        /// Which.
        epochs: BTreeSet<KeyEpoch>,
    },
    /// From here on keys of a cell are wrapped to an emergency environment too.
    Share {
        /// Whose.
        cell: CellId,
    },
    /// From here on they no longer are.
    Unshare {
        /// Whose.
        cell: CellId,
    },
    /// Stores that are not written to at this moment, by their place in the declaration.
    StoresDown {
        /// Which; empty when all are back.
        stores: Vec<usize>,
    },
    /// A segment's space is given back.
    Reclaim {
        /// Which.
        segment: u64,
    },
    /// What was accepted since the last such entry.
    Batch {
        /// The last item it covers; the first is the one after the previous entry's last.
        to: u64,
        /// Per cell: how many items, and the root over their commitments in order.
        roots: BTreeMap<CellId, BatchRoot>,
    },
}

/// The root over a cell's items of one batch: each item's commitment is [`commitment`], each leaf
/// [`Commitment::leaf`], the root that of RFC 6962.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchRoot {
    /// How many items.
    pub items: u64,
    /// The root.
    pub root: Digest,
}

/// The commitment that stands for an item in batch roots: over its id and the digest of its body, under a salt that
/// is sealed with the item and dies with it.
#[must_use]
pub fn commitment(salt: &[u8; 32], item: ItemId, body: &Digest) -> Commitment {
    let mut bytes = item.to_string().into_bytes();
    bytes.extend_from_slice(body.as_bytes());
    Commitment::to(&record::Salt::new(*salt), &bytes)
}

impl Logged {
    const fn kind(&self) -> &'static str {
        match self {
            Self::KeyEpoch { .. } => "spool.key-epoch",
            Self::Hold { .. } => "spool.hold",
            Self::Release { .. } => "spool.release",
            Self::Share { .. } => "spool.share",
            Self::Unshare { .. } => "spool.unshare",
            Self::StoresDown { .. } => "spool.stores-down",
            Self::Reclaim { .. } => "spool.reclaim",
            Self::Batch { .. } => "spool.batch",
        }
    }
}

pub(crate) struct Log {
    ledger: Ledger,
    covered: u64,
    last_batch: Option<Timestamp>,
    /// The latest time anyone told the writer: for people, on entries whose cause brings no time of its own.
    pub(crate) latest: Timestamp,
    down: Vec<usize>,
}

fn failed(error: ledger::Error) -> Error {
    Error::Log {
        source: Arc::new(error),
    }
}

impl Log {
    pub(crate) fn open(dir: &Path, spool: SpoolId) -> Result<Self, Error> {
        let dir = dir.join("ledger");
        let bad = |_| Error::Foreign {
            path: dir.clone(),
            why: "its log cannot be named",
        };
        let origin = Origin::new(&format!("bulkhead/spool/{spool}")).map_err(bad)?;
        let ledger = match Ledger::open(&dir, &origin) {
            Ok((ledger, _)) => ledger,
            Err(ledger::Error::NotALedger(_)) => Ledger::create(&dir, &origin).map_err(failed)?,
            Err(error) => return Err(failed(error)),
        };
        let mut log = Self {
            ledger,
            covered: 0,
            last_batch: None,
            latest: Timestamp(0),
            down: Vec::new(),
        };
        log.recall()?;
        Ok(log)
    }

    /// Where the last batch ended; looks at the newest entries first.
    fn recall(&mut self) -> Result<(), Error> {
        let len = self.ledger.head().len;
        for index in (0..len).rev() {
            let entry = self.ledger.entry(index).map_err(failed)?;
            self.latest = self.latest.max(entry.at);
            if let Ok(Logged::Batch { to, .. }) = serde_json::from_slice(&entry.body) {
                self.covered = to;
                self.last_batch = Some(entry.at);
                return Ok(());
            }
        }
        Ok(())
    }

    /// Durable when it returns.
    pub(crate) fn write(&mut self, logged: &Logged) -> Result<(), Error> {
        let unwritable = |_| Error::Sealing {
            tried: "write down a log entry",
        };
        let draft = Draft {
            kind: Kind::new(logged.kind()).map_err(|_| Error::Sealing {
                tried: "name a log entry",
            })?,
            at: self.latest,
            body: serde_json::to_vec(logged).map_err(unwritable)?,
        };
        self.ledger.append(&[draft]).map(|_| ()).map_err(failed)
    }
}

impl Writer {
    pub(crate) fn log(&mut self, logged: &Logged) -> Result<(), Error> {
        self.log.write(logged)
    }

    /// Says once which stores are down.
    pub(crate) fn log_stores(&mut self) {
        let down: Vec<usize> = self
            .stores
            .list
            .iter()
            .enumerate()
            .filter(|(_, store)| store.down.is_some())
            .map(|(index, _)| index)
            .collect();
        if down != self.log.down
            && self
                .log
                .write(&Logged::StoresDown { stores: down.clone() })
                .is_ok()
        {
            self.log.down = down;
        }
    }

    /// Logs the roots of what was accepted since the last time; at most once per second.
    pub(crate) fn roots(&mut self, now: Timestamp) -> Result<(), Error> {
        /// Bounds the reading and the memory of one entry; the rest follows a second later.
        const ITEMS_MAX: u32 = 50_000;
        self.log.latest = self.log.latest.max(now);
        if self.log.last_batch.is_some_and(|last| last >= now) {
            return Ok(());
        }
        let rows = self.cache.items_after(self.log.covered, ITEMS_MAX)?;
        let Some(to) = rows.last().map(|row| row.seq) else {
            return Ok(());
        };
        let mut cells: BTreeMap<CellId, Vec<Commitment>> = BTreeMap::new();
        for row in rows {
            let file = self.shared.read.file_of(0, row.segment)?;
            let front = (|| {
                let mut head = [0; HEADER_LEN];
                file.read_exact_at(&mut head, row.offset).ok()?;
                let len = Header::read(&head)?.front_len;
                let mut front = vec![0; usize::try_from(len).ok()?];
                file.read_exact_at(&mut front, row.offset + HEADER_LEN as u64)
                    .ok()?;
                ItemRecord::read(&front)
            })();
            // A record that no longer reads is reported where it is missed; its place in the root stays empty.
            if let Some(record) = front {
                cells
                    .entry(record.meta.cell)
                    .or_default()
                    .push(Commitment(record.meta.leaf));
            }
        }
        let roots = cells
            .into_iter()
            .map(|(cell, commitments)| {
                let root = BatchRoot {
                    items: commitments.len() as u64,
                    root: batch_root(&commitments),
                };
                (cell, root)
            })
            .collect();
        self.log.write(&Logged::Batch { to, roots })?;
        self.log.covered = to;
        self.log.last_batch = Some(now);
        Ok(())
    }
}

impl Spool {
    /// Logs one root per cell over what was accepted since the last time. Called about once per second; within the
    /// same second it does nothing.
    pub fn log_roots(&self, now: Timestamp) -> Durable {
        self.ask(|reply| Command::Roots { now, reply })
    }
}
