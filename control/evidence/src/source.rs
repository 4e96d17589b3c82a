//! Whose log the journal reads, how far it knows it, and what is wrong with it.

use core::{fmt, str::FromStr};

use record::{Origin, note::BadName};
use serde::{Deserialize, Serialize};
use vocabulary::{Digest, Seconds, Timestamp};

/// Names a source for good: the name of its log. Every entry of a log is chained to that name, so no source can pass
/// off its entries as another's.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SourceId(pub Origin);

impl fmt::Display for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for SourceId {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        Origin::new(text).map(Self)
    }
}

/// What writes a log, and so what its entries mean.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// The estate's authority log: charters, orders, clearances.
    Authority,
    /// The ledger of one process's doors.
    Doors,
    /// The log of one spool.
    Spool,
    /// The log of a prober.
    Prober,
    /// The journal of another or an earlier control room. It is kept; its entries move nothing here.
    Room,
}

/// What is wrong with a source. Recorded in the journal, never mended in silence.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Trouble {
    /// Entries are missing in between: nothing after them is taken until they come.
    Gap {
        /// The next number that is known to be missing.
        expected: u64,
        /// The number that came.
        got: u64,
    },
    /// Two histories: another entry at a number that is known already.
    Fork {
        /// The first number known to differ.
        index: u64,
        /// Leaf hash (or chain) of what is known there.
        known: Digest,
        /// Leaf hash (or chain) of what was shown.
        got: Digest,
    },
    /// Bytes that are no entry, or one that does not chain to the one shown before it.
    Damaged {
        /// At which number.
        index: u64,
        /// Digest of the bytes.
        bytes: Digest,
    },
    /// The source says it has fewer entries than it was seen to have: an old copy was put back.
    Shorter {
        /// Entries known.
        known: u64,
        /// Entries it says it has.
        claimed: u64,
    },
    /// An entry that chains rightly, but means nothing this version knows or does not follow from those before it.
    /// What the source shows from here on is not certain.
    Unread {
        /// At which number.
        index: u64,
        /// Why, in German and English.
        why: String,
    },
    /// A replica of the authority log in this source differs from the authority log known here: somebody was shown
    /// another one.
    OtherAuthority {
        /// Number in the authority log.
        index: u64,
        /// Leaf hash of the entry known here.
        known: Digest,
        /// Leaf hash of the entry in the replica.
        got: Digest,
    },
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gap { expected, got } => write!(
                f,
                "Einträge {expected} bis {} fehlen. / Entries {expected} to {} are missing.",
                got.saturating_sub(1),
                got.saturating_sub(1)
            ),
            Self::Fork { index, .. } => write!(
                f,
                "Zwei Geschichten ab Eintrag {index}: der Speicher wurde zurückgespielt oder verändert. / \
                 Two histories from entry {index} on: the store was put back or changed."
            ),
            Self::Damaged { index, .. } => write!(
                f,
                "Eintrag {index} ist beschädigt oder verändert. / Entry {index} is damaged or changed."
            ),
            Self::Shorter { known, claimed } => write!(
                f,
                "Die Quelle nennt {claimed} Einträge, gesehen wurden {known}: eine alte Kopie. / \
                 The source says {claimed} entries, {known} were seen: an old copy."
            ),
            Self::Unread { index, why } => {
                write!(
                    f,
                    "Eintrag {index}: {} / Entry {index}: {}",
                    vocabulary::german(why),
                    vocabulary::english(why)
                )
            }
            Self::OtherAuthority { index, .. } => write!(
                f,
                "Die Quelle hat ein anderes Weisungsprotokoll bekommen (ab Eintrag {index}). / \
                 The source was given another authority log (from entry {index} on)."
            ),
        }
    }
}

/// A trouble, and where the journal says so.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Noted {
    /// What is wrong.
    pub trouble: Trouble,
    /// Number of the journal entry.
    pub entry: u64,
    /// When, for people.
    pub at: Timestamp,
    /// The journal entry since which it is over: what was missing came. A fork is never over.
    pub over: Option<u64>,
}

/// One log as the journal knows it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Source {
    /// What writes it.
    pub kind: SourceKind,
    /// How often its history was begun anew by a person's decision after a fork; 0 for nearly all.
    pub branch: u32,
    /// Entries ingested.
    pub len: u64,
    /// Leaf hash of the last of them: what the next one must name.
    pub chain: Digest,
    /// Entries it says it has: those ingested, or more.
    pub claimed: u64,
    /// When it was heard last, for people.
    pub heard: Timestamp,
    /// What is or was wrong with it, oldest first.
    pub troubles: Vec<Noted>,
}

impl Source {
    /// Since when it has been silent, if it is silent for longer than a limit.
    #[must_use]
    pub fn silent(&self, now: Timestamp, limit: Seconds) -> Option<Timestamp> {
        (now.since(self.heard) > limit).then_some(self.heard)
    }

    /// What is wrong with it now.
    pub fn open_troubles(&self) -> impl Iterator<Item = &Noted> {
        self.troubles.iter().filter(|noted| noted.over.is_none())
    }

    /// Whether what it shows can be relied on.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.open_troubles().next().is_none()
    }
}
