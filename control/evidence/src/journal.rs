//! The journal on disk: a ledger of its own, and the fold of it in memory.

mod ingesting;
mod replay;

use std::path::{Path, PathBuf};

use ledger::{Ledger, Recovered, Verified};
use record::{Draft, Head, LogKey, Note, Origin};
use record::{
    tree::{ConsistencyProof, InclusionProof},
    verify::Trust,
};
use vocabulary::{Digest, EstateId, Seconds, Timestamp};

use crate::entry::{Begun, Content, JournalEntry};
use crate::error::Error;
use crate::fold::Fold;
use crate::picture::{Picture, Pin};
use crate::room::RoomEntry;
use crate::snapshot::{self, SnapshotUse};
use crate::source::{SourceId, SourceKind, Trouble};

/// Most sources one journal reads: every door process, spool and prober of an estate, several times over.
pub const SOURCES_MAX: u32 = 4096;
/// A source that is heard and has nothing new is written down so often; what a picture says about silence after a
/// restart is wrong by no more than this.
pub const HEARD_EVERY: Seconds = Seconds(60);
/// Bytes after which a commit ends; well below what one sync may carry.
const COMMIT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The name of an estate's journal.
///
/// # Errors
/// None in practice: an estate's name always fits into a log's name.
pub fn journal_origin(estate: &EstateId) -> Result<Origin, record::note::BadName> {
    Origin::new(&format!("bulkhead/{estate}/journal"))
}

/// Whose log a piece comes from.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Feed {
    /// The log.
    pub source: SourceId,
    /// What writes it.
    pub kind: SourceKind,
}

/// What came of ingesting a piece.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ingested {
    /// Entries taken.
    pub taken: u64,
    /// The number the journal needs next from this source: what to ask for.
    pub next: u64,
    /// What is wrong with the source now, as far as it was found by this piece: each is recorded in the journal once.
    pub troubles: Vec<Trouble>,
}

/// What opening a journal found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opened {
    /// What the ledger mended.
    pub recovered: Recovered,
    /// Whether a snapshot helped.
    pub snapshot: SnapshotUse,
    /// Entries folded.
    pub folded: u64,
}

/// The journal over all logs, and the right to write it.
pub struct Journal {
    pub(crate) ledger: Ledger,
    pub(crate) fold: Fold,
    /// Per source number: when the journal last said that it was heard.
    heard_written: Vec<Timestamp>,
}

impl Journal {
    /// Begins an empty journal.
    ///
    /// `first_charter` is the digest of the estate's first charter, from the paper it was installed with. Without it the
    /// room believes the first charter it is shown, and says so ([`Picture::pin`]).
    ///
    /// # Errors
    /// [`Error::Ledger`] where a journal lies already, or what the file system says.
    pub fn create(
        dir: &Path,
        estate: &EstateId,
        first_charter: Option<Digest>,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let ledger = Ledger::create(dir, &journal_origin(estate)?)?;
        let fold = Fold::empty(estate.clone(), ledger.head());
        let mut journal = Self {
            ledger,
            fold,
            heard_written: Vec::new(),
        };
        journal.begin(estate, first_charter, now)?;
        Ok(journal)
    }

    /// Opens a journal, or begins one where there is none: checks every entry, loads the snapshot if it is one of this
    /// journal, folds the rest. `first_charter` as in [`create`](Self::create); `now` is used only where it begins.
    ///
    /// # Errors
    /// [`Error::Ledger`], [`Error::NotAJournal`], [`Error::OtherEstate`], [`Error::OtherCharter`].
    pub fn open(
        dir: &Path,
        estate: &EstateId,
        first_charter: Option<Digest>,
        now: Timestamp,
    ) -> Result<(Self, Opened), Error> {
        let origin = journal_origin(estate)?;
        let (ledger, recovered) = match Ledger::open(dir, &origin) {
            Err(ledger::Error::NotALedger(_)) => (Ledger::create(dir, &origin)?, Recovered::default()),
            opened => opened?,
        };
        let mut journal = Self {
            fold: Fold::empty(estate.clone(), ledger.head()),
            ledger,
            heard_written: Vec::new(),
        };
        if journal.ledger.is_empty() {
            // New, or a crash came between making the ledger and its first entry.
            journal.begin(estate, first_charter, now)?;
        }
        journal.check_begin(dir, estate)?;
        let (snapshot, from) = journal.fold_all(estate)?;
        if let (Some(installed), Pin::Installed(known) | Pin::FirstSeen(known)) =
            (first_charter, journal.picture().pin())
            && installed != known
        {
            return Err(Error::OtherCharter { installed, known });
        }
        let folded = journal.ledger.len().saturating_sub(from);
        let opened = Opened {
            recovered,
            snapshot,
            folded,
        };
        Ok((journal, opened))
    }

    fn begin(
        &mut self,
        estate: &EstateId,
        first_charter: Option<Digest>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let begun = Begun {
            estate: estate.clone(),
            first_charter,
            program: env!("CARGO_PKG_VERSION").into(),
        };
        self.record(&[Content::Begun(begun)], now)
    }

    fn fold_all(&mut self, estate: &EstateId) -> Result<(SnapshotUse, u64), Error> {
        let (snapshot, from) = match snapshot::load(&mut self.ledger, estate)? {
            (used, Some((fold, len))) => {
                self.fold = *fold;
                (used, len)
            }
            (used, None) => {
                self.fold = Fold::empty(estate.clone(), self.ledger.head());
                (used, 0)
            }
        };
        replay::replay(self.ledger.read(from)?, &mut self.fold)?;
        self.fold.finish(self.ledger.head());
        self.heard_written = self.fold.lanes.iter().map(|lane| lane.source.heard).collect();
        Ok((snapshot, from))
    }

    fn check_begin(&self, dir: &Path, expected: &EstateId) -> Result<(), Error> {
        let first = self.ledger.entry(0)?;
        match JournalEntry::read(&first).content {
            Content::Begun(begun) if begun.estate == *expected => Ok(()),
            Content::Begun(begun) => Err(Error::OtherEstate {
                expected: expected.clone(),
                found: begun.estate,
            }),
            Content::Added(_)
            | Content::From { .. }
            | Content::Troubled(_)
            | Content::Heard(_)
            | Content::Branched(_)
            | Content::SnapshotTaken(_)
            | Content::Room(_)
            | Content::Unknown => Err(Error::NotAJournal(dir.to_path_buf())),
        }
    }

    /// Records what the room itself says: one sync for all. Tells the number of the first.
    ///
    /// # Errors
    /// [`Error::Entry`] or [`Error::Ledger`]: nothing was recorded.
    pub fn append(
        &mut self,
        entries: impl IntoIterator<Item = RoomEntry>,
        now: Timestamp,
    ) -> Result<u64, Error> {
        let contents: Vec<Content<'_>> = entries.into_iter().map(Content::Room).collect();
        let first = self.ledger.len();
        self.record(&contents, now)?;
        Ok(first)
    }

    /// Records, then shows. Nothing is in the picture that is not on disk.
    pub(crate) fn record(&mut self, contents: &[Content<'_>], now: Timestamp) -> Result<(), Error> {
        let mut rest = contents;
        while !rest.is_empty() {
            let mut drafts: Vec<Draft> = Vec::new();
            let mut bytes = 0_usize;
            for content in rest {
                let draft = content
                    .draft(now)?
                    .ok_or_else(|| crate::room::BadRoomEntry::UnknownKind("unknown".into()))?;
                if bytes > 0 && bytes.saturating_add(draft.body.len()) > COMMIT_BYTES_MAX {
                    break;
                }
                bytes = bytes.saturating_add(draft.body.len());
                drafts.push(draft);
            }
            let (step, after) = rest.split_at(drafts.len());
            let range = self.ledger.append(&drafts)?;
            for (index, content) in range.zip(step) {
                self.said_heard(content, now);
                self.fold.apply(&JournalEntry {
                    index,
                    at: now,
                    content: content.clone(),
                });
            }
            self.fold.finish(self.ledger.head());
            rest = after;
        }
        Ok(())
    }

    fn said_heard(&mut self, content: &Content<'_>, now: Timestamp) {
        let number = match content {
            Content::Added(added) => added.number,
            Content::Branched(branched) => branched.becomes,
            Content::From { number, .. } => *number,
            Content::Troubled(troubled) => troubled.number,
            Content::Heard(heard) => heard.number,
            Content::Begun(_) | Content::SnapshotTaken(_) | Content::Room(_) | Content::Unknown => return,
        } as usize;
        if self.heard_written.len() <= number {
            self.heard_written.resize(number.saturating_add(1), now);
        }
        if let Some(written) = self.heard_written.get_mut(number) {
            *written = now;
        }
    }

    /// Where everything stands. Cheap to clone.
    #[must_use]
    pub const fn picture(&self) -> &Picture {
        self.fold.picture()
    }

    /// The fold behind the picture.
    #[must_use]
    pub const fn fold(&self) -> &Fold {
        &self.fold
    }

    /// Where the journal stands on disk.
    #[must_use]
    pub fn head(&self) -> Head {
        self.ledger.head()
    }

    /// How far a source is known: the next number to ask it for.
    #[must_use]
    pub fn next_of(&self, source: &SourceId) -> u64 {
        self.fold.lane_of(source).map_or(0, |(_, lane)| lane.source.len)
    }

    /// Entries from a number on, as they are on disk.
    ///
    /// # Errors
    /// [`Error::Ledger`].
    pub fn read(&self, from: u64) -> Result<ledger::Entries, Error> {
        Ok(self.ledger.read(from)?)
    }

    /// Signs where the journal stands, for witnesses. From then on it can never be opened shorter or other.
    ///
    /// # Errors
    /// [`Error::Ledger`].
    pub fn checkpoint(&mut self, key: &LogKey) -> Result<Note, Error> {
        Ok(self.ledger.checkpoint(key)?)
    }

    /// Keeps a checkpoint of the journal with its cosignatures.
    ///
    /// # Errors
    /// [`Error::Ledger`] when it is none of this journal.
    pub fn keep_cosigned(&mut self, note: &Note) -> Result<(), Error> {
        Ok(self.ledger.keep_cosigned(note)?)
    }

    /// The last checkpoint kept with its cosignatures.
    #[must_use]
    pub fn latest_cosigned(&self) -> Option<Note> {
        self.ledger.latest_cosigned()
    }

    /// Proves that an entry is among the first `size`.
    ///
    /// # Errors
    /// [`Error::Ledger`].
    pub fn inclusion_proof(&mut self, index: u64, size: u64) -> Result<InclusionProof, Error> {
        Ok(self.ledger.inclusion_proof(index, size)?)
    }

    /// Proves that the first `old` entries begin the first `size`.
    ///
    /// # Errors
    /// [`Error::Ledger`].
    pub fn consistency_proof(&mut self, old: u64, size: u64) -> Result<ConsistencyProof, Error> {
        Ok(self.ledger.consistency_proof(old, size)?)
    }

    /// Writes a snapshot of the state beside the journal, and its digest into the journal. Losing it costs time, nothing
    /// else.
    ///
    /// # Errors
    /// [`Error::Ledger`]; [`Error::Snapshot`] when the file cannot be written.
    pub fn snapshot(&mut self, now: Timestamp) -> Result<(), Error> {
        let (file, taken) = snapshot::freeze(&self.fold, self.ledger.head())?;
        let index = self.ledger.len();
        self.record(&[Content::SnapshotTaken(taken)], now)?;
        let path = snapshot_path(self.ledger.dir());
        let file = snapshot::framed(index, &file);
        crate::disk::publish(&path, &file).map_err(|source| Error::Snapshot { path, source })
    }
}

/// Where a journal's snapshot lies.
pub(crate) fn snapshot_path(dir: &Path) -> PathBuf {
    dir.join("snapshot")
}

/// Verifies a copy of a journal with no server and no lock, by the verifier that stands alone.
///
/// # Errors
/// [`Error::Ledger`] when it cannot be read at all. What is wrong with the content is in the result.
pub fn verify(dir: &Path, estate: &EstateId, brought: &[Note], trust: &Trust) -> Result<Verified, Error> {
    Ok(ledger::verify(dir, &journal_origin(estate)?, brought, trust)?)
}
