//! What emergency environments did here: a hash-chained log of its own, an entry before each effect. It names cells, key
//! epochs, items and digests of sealed mails, and nobody.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ledger::Ledger;
use order::Answer;
use record::{Draft, Kind, Origin};
use serde::{Deserialize, Serialize};
use spool::{ItemId, KeyEpoch};
use vocabulary::{CellId, Digest, EnvironmentId, StatementId, Timestamp};

use crate::{
    clock, command,
    report::{Code, Trouble},
};

/// How far back a policy's answers are counted.
const DAY_SECS: u64 = 24 * 3600;

/// What an entry says; its body is this as JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub(super) enum Entry {
    /// A grant came into force here.
    Began {
        /// Where.
        cell: CellId,
        /// For whom.
        environment: EnvironmentId,
        /// Until when at the latest.
        until: Timestamp,
    },
    /// A grant ended: over, taken back, or the door opened.
    Ended {
        /// Where.
        cell: CellId,
        /// For whom.
        environment: EnvironmentId,
    },
    /// Items are about to be handed out, sealed.
    Read {
        /// Of which cell.
        cell: CellId,
        /// To whom.
        environment: EnvironmentId,
        /// Sealed to which key epoch.
        epoch: KeyEpoch,
        /// The first of them.
        first: ItemId,
        /// The last of them.
        last: ItemId,
        /// How many.
        count: u64,
    },
    /// A released answer is about to be handed on; until it left it is in doubt.
    Leaving {
        /// In which cell's name.
        cell: CellId,
        /// From where.
        environment: EnvironmentId,
        /// By which release.
        release: StatementId,
        /// SHA-256 of the encrypted mail.
        mail: Digest,
        /// What kind of answer.
        answer: Answer,
    },
    /// What the regular server said to it.
    Left {
        /// SHA-256 of the encrypted mail.
        mail: Digest,
        /// How it ended.
        ended: Ended,
    },
    /// An index of what was worked on was taken.
    Index {
        /// Of which cell.
        cell: CellId,
        /// By whom.
        environment: EnvironmentId,
        /// How many items it has.
        indexed: u64,
        /// SHA-256 over their ids in order.
        items: Digest,
        /// SHA-256 of the index file.
        index: Digest,
        /// Items to be read that it does not have.
        not_indexed: u64,
    },
}

/// How handing on an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Ended {
    /// Taken.
    Sent,
    /// Refused for good.
    Refused,
    /// Not taken, or nobody knows.
    Open,
}

impl Entry {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Began { .. } => "emergency.began",
            Self::Ended { .. } => "emergency.ended",
            Self::Read { .. } => "emergency.read",
            Self::Leaving { .. } => "emergency.leaving",
            Self::Left { .. } => "emergency.left",
            Self::Index { .. } => "emergency.index",
        }
    }
}

/// What went wrong with the log.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// It cannot be written. Nothing happens that was not logged.
    #[error(
        "Das Protokoll des Notbetriebs kann nicht geschrieben werden. / The log of emergency operation cannot be written."
    )]
    Ledger(#[from] ledger::Error),
    /// An entry cannot be put into words, or the thread that writes ended.
    #[error(
        "Ein Eintrag des Notbetriebs ließ sich nicht schreiben. / An entry of emergency operation could not be written."
    )]
    Entry,
}

/// The log, with what it adds up to.
pub(super) struct Log(Mutex<Inside>);

struct Inside {
    ledger: Ledger,
    fold: Fold,
}

#[derive(Default)]
struct Fold {
    /// Who was ever granted reading where.
    granted: BTreeMap<CellId, BTreeSet<EnvironmentId>>,
    /// Answers that began to leave.
    answers: BTreeMap<Digest, Ended>,
    /// By release: each answer that began to leave, and when first.
    used: BTreeMap<StatementId, BTreeMap<Digest, Timestamp>>,
}

impl Fold {
    fn add(&mut self, entry: &Entry, at: Timestamp) {
        match entry {
            Entry::Began {
                cell, environment, ..
            } => {
                self.granted
                    .entry(cell.clone())
                    .or_default()
                    .insert(environment.clone());
            }
            Entry::Leaving { release, mail, .. } => {
                self.answers.entry(*mail).or_insert(Ended::Open);
                let of_release = self.used.entry(*release).or_default();
                of_release.entry(*mail).or_insert(at);
            }
            Entry::Left { mail, ended } => {
                self.answers.insert(*mail, *ended);
            }
            Entry::Ended { .. } | Entry::Read { .. } | Entry::Index { .. } => {}
        }
    }
}

impl Log {
    /// Opens or begins the log; it belongs to one spool.
    ///
    /// # Errors
    /// [`Trouble`] when it is damaged, foreign, or its disk is gone.
    pub(super) fn open(dir: &Path, spool: &str) -> Result<Self, Trouble> {
        let name = dir.display().to_string();
        let wrong = |error: Box<dyn std::error::Error + Send + Sync>| {
            Trouble::because(
                Code::Ledger,
                format!(
                    "Das Protokoll des Notbetriebs {name} ist nicht zu öffnen. / The log of emergency operation {name} cannot be opened."
                ),
                error,
            )
        };
        let origin =
            Origin::new(&format!("bulkhead/emergency/{spool}")).map_err(|error| wrong(error.into()))?;
        let ledger = command::open_or_create_ledger(dir, &origin)?;
        let mut fold = Fold::default();
        for entry in ledger.read(0).map_err(|error| wrong(error.into()))? {
            let entry = entry.map_err(|error| wrong(error.into()))?;
            let body: Entry = serde_json::from_slice(&entry.body).map_err(|error| wrong(error.into()))?;
            fold.add(&body, entry.at);
        }
        Ok(Self(Mutex::new(Inside { ledger, fold })))
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        // The fold is changed only after the disk: a panic in between leaves it behind, never ahead.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes an entry down; on disk when it returns. May be dropped: what was begun is finished.
    ///
    /// # Errors
    /// [`Error`]: it is not written, and what it announces must not happen.
    pub(super) async fn write(self: &Arc<Self>, entry: Entry) -> Result<(), Error> {
        let log = Arc::clone(self);
        tokio::task::spawn_blocking(move || log.write_blocking(&entry))
            .await
            .map_err(|_| Error::Entry)?
    }

    fn write_blocking(&self, entry: &Entry) -> Result<(), Error> {
        let at = clock::now();
        let draft = Draft {
            kind: Kind::new(entry.kind()).map_err(|_| Error::Entry)?,
            at,
            body: serde_json::to_vec(entry).map_err(|_| Error::Entry)?,
        };
        let mut inside = self.inside();
        inside.ledger.append(&[draft])?;
        inside.fold.add(entry, at);
        Ok(())
    }

    /// Whether an environment was ever granted reading at a cell.
    pub(super) fn was_granted(&self, cell: &CellId, environment: &EnvironmentId) -> bool {
        let inside = self.inside();
        let granted = inside.fold.granted.get(cell);
        granted.is_some_and(|known| known.contains(environment))
    }

    /// How an answer ended that began to leave before.
    pub(super) fn ended(&self, mail: &Digest) -> Option<Ended> {
        self.inside().fold.answers.get(mail).copied()
    }

    /// How many other answers left by a release within a day before now. What lies in the clock's future counts: a clock
    /// set back must not open the number.
    pub(super) fn used(&self, release: StatementId, besides: &Digest, now: Timestamp) -> u64 {
        let inside = self.inside();
        let Some(of_release) = inside.fold.used.get(&release) else {
            return 0;
        };
        let recent = |at: Timestamp| at > now || now.since(at).0 < DAY_SECS;
        of_release
            .iter()
            .filter(|(mail, at)| *mail != besides && recent(**at))
            .count() as u64
    }
}
