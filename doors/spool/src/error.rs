//! What goes wrong: refusals that a sender hears, and errors that an operator reads.

use std::{fmt, path::PathBuf, sync::Arc};

use serde::{Deserialize, Serialize};
use vocabulary::CellId;

use crate::id::{ItemId, KeyEpoch};

/// Who has to act on a refusal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Blame {
    /// The sender.
    Peer,
    /// Whoever runs this spool.
    Operator,
    /// The machine, its disks or its load.
    Environment,
    /// A defect in this program.
    Us,
}

/// Why an offer was not accepted. Nothing of it is stored. Everything but [`TooLarge`](Self::TooLarge) is temporary:
/// the sender keeps the item and tries again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refused {
    /// The disk is full, or what is left is reserved for other cells.
    DiskReserve,
    /// The peer already holds its share of the spool.
    PeerShare,
    /// Not every declared copy can be written, and the declaration says to defer.
    CopyDown,
    /// The spool holds as many undelivered bytes as were declared.
    Full,
    /// Larger than any item may be.
    TooLarge,
    /// Too many offers wait for the disk at this moment.
    Busy,
    /// The cell has no release recipients yet, so nothing could be sealed for it.
    NotEnrolled,
    /// The spool is closing, or stopped after a disk error.
    Stopped,
}

impl Refused {
    /// Every reason, in a fixed order.
    pub const ALL: [Self; 8] = [
        Self::DiskReserve,
        Self::PeerShare,
        Self::CopyDown,
        Self::Full,
        Self::TooLarge,
        Self::Busy,
        Self::NotEnrolled,
        Self::Stopped,
    ];

    /// Who must act.
    #[must_use]
    pub const fn blame(&self) -> Blame {
        match self {
            Self::PeerShare | Self::TooLarge => Blame::Peer,
            Self::DiskReserve | Self::Full | Self::NotEnrolled => Blame::Operator,
            Self::CopyDown | Self::Busy | Self::Stopped => Blame::Environment,
        }
    }

    /// The short word, as in certificates.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::DiskReserve => "disk-reserve",
            Self::PeerShare => "peer-share",
            Self::CopyDown => "copy-down",
            Self::Full => "full",
            Self::TooLarge => "too-large",
            Self::Busy => "busy",
            Self::NotEnrolled => "not-enrolled",
            Self::Stopped => "stopped",
        }
    }

    pub(crate) fn number(&self) -> u8 {
        match self {
            Self::DiskReserve => 1,
            Self::PeerShare => 2,
            Self::CopyDown => 3,
            Self::Full => 4,
            Self::TooLarge => 5,
            Self::Busy => 6,
            Self::NotEnrolled => 7,
            Self::Stopped => 8,
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DiskReserve => {
                "Nicht angenommen: Der freie Plattenplatz ist für andere Zellen reserviert oder erschöpft; später erneut senden. / \
                 Not accepted: what is left of the disk is reserved for other cells or used up; send again later."
            }
            Self::PeerShare => {
                "Nicht angenommen: Der Anteil dieses Absendersystems am Speicher ist ausgeschöpft; später erneut senden. / \
                 Not accepted: this peer's share of the store is used up; send again later."
            }
            Self::CopyDown => {
                "Nicht angenommen: Eine der vereinbarten Kopien ist nicht beschreibbar; später erneut senden. / \
                 Not accepted: one of the declared copies cannot be written; send again later."
            }
            Self::Full => {
                "Nicht angenommen: Der Speicher ist voll; später erneut senden. / \
                 Not accepted: the store is full; send again later."
            }
            Self::TooLarge => {
                "Nicht angenommen: Die Nachricht ist größer als erlaubt. / \
                 Not accepted: the message is larger than allowed."
            }
            Self::Busy => {
                "Nicht angenommen: Zu viele Nachrichten warten gerade auf die Platte; gleich erneut senden. / \
                 Not accepted: too many messages wait for the disk right now; send again soon."
            }
            Self::NotEnrolled => {
                "Nicht angenommen: Für diese Zelle sind noch keine Freigabe-Empfänger hinterlegt; später erneut senden. / \
                 Not accepted: this cell has no release recipients yet; send again later."
            }
            Self::Stopped => {
                "Nicht angenommen: Der Speicher wird beendet oder hat nach einem Plattenfehler angehalten; später erneut senden. / \
                 Not accepted: the store is closing or stopped after a disk error; send again later."
            }
        })
    }
}

/// What an operator, or the program around the spool, must know about a failed call.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// A file operation failed. The environment is to blame.
    #[error("spool: cannot {tried} {path}")]
    Disk {
        /// What was tried, as a verb.
        tried: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: Arc<std::io::Error>,
    },
    /// The cache of pointers failed; it is rebuilt from the segments at the next start.
    #[error("spool: the pointer cache failed while trying to {tried}")]
    Cache {
        /// What was tried, as a verb.
        tried: &'static str,
        /// What SQLite said.
        source: Arc<rusqlite::Error>,
    },
    /// The spool's own log refused.
    #[error("spool: cannot write its log")]
    Log {
        /// What the log said.
        source: Arc<ledger::Error>,
    },
    /// Stored bytes are not what was written.
    #[error("spool: stored bytes are damaged: {what} in {path} at byte {offset}")]
    Damaged {
        /// What was being read.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// Where in it.
        offset: u64,
    },
    /// The directory belongs to another spool or another version.
    #[error("spool: {path} cannot be used: {why}")]
    Foreign {
        /// Which directory or file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The key that could open an item is not here.
    #[error("spool: {epoch} is locked; the insurer must release it")]
    Locked {
        /// The missing key.
        epoch: KeyEpoch,
    },
    /// Sealing or opening failed.
    #[error("spool: cannot {tried}: the key does not fit or the bytes were changed")]
    Sealing {
        /// What was tried, as a verb.
        tried: &'static str,
    },
    /// A key, recipient or share that cannot be read.
    #[error("spool: {what} cannot be used: {why}")]
    Key {
        /// Which key or recipient.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The cell has no release recipients.
    #[error("spool: {cell} has no release recipients; enrol it first")]
    NotEnrolled {
        /// Which cell.
        cell: CellId,
    },
    /// No such item here.
    #[error("spool: {item} is not in this spool, or its space was reclaimed")]
    NoSuchItem {
        /// Which.
        item: ItemId,
    },
    /// The item is in a state that does not allow the step.
    #[error("spool: {item} is {state}; it cannot be {step}")]
    NotNow {
        /// Which item.
        item: ItemId,
        /// Its state.
        state: &'static str,
        /// What was asked.
        step: &'static str,
    },
    /// Several insurers or lanes were asked for at once, or a bound was exceeded.
    #[error("spool: {what} is limited to {limit}")]
    Limit {
        /// What.
        what: &'static str,
        /// The bound.
        limit: u64,
    },
    /// The writer stopped: nothing is written any more until the spool is opened again.
    #[error("spool: stopped ({why}); open it again after the cause is removed")]
    Stopped {
        /// Why it stopped.
        why: String,
    },
}

impl Error {
    pub(crate) fn disk(tried: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Disk {
            tried,
            path,
            source: Arc::new(source),
        }
    }

    pub(crate) fn cache(tried: &'static str) -> impl FnOnce(rusqlite::Error) -> Self {
        move |source| Self::Cache {
            tried,
            source: Arc::new(source),
        }
    }

    /// Whether the system said that the disk is full.
    pub(crate) fn is_disk_full(&self) -> bool {
        match self {
            Self::Disk { source, .. } => matches!(
                source.kind(),
                std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded
            ),
            Self::Cache { source, .. } => source.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull),
            Self::Log { source } => matches!(**source, ledger::Error::DiskFull { .. }),
            Self::Damaged { .. }
            | Self::Foreign { .. }
            | Self::Locked { .. }
            | Self::Sealing { .. }
            | Self::Key { .. }
            | Self::NotEnrolled { .. }
            | Self::NoSuchItem { .. }
            | Self::NotNow { .. }
            | Self::Limit { .. }
            | Self::Stopped { .. } => false,
        }
    }
}

impl std::error::Error for Refused {}
