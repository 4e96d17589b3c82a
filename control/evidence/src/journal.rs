//! The journal on disk: a ledger of its own, and the fold of it in memory.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use ledger::{Ledger, Recovered, Verified};
use record::{Draft, Head, LogKey, Note, Origin};
use record::{
    tree::{ConsistencyProof, InclusionProof},
    verify::Trust,
};
use vocabulary::{Digest, EstateId, PersonId, Seconds, Timestamp};

use crate::entry::{Added, Begun, Branched, Content, Heard, JournalEntry, Troubled};
use crate::error::Error;
use crate::fold::lane::TROUBLES_MAX;
use crate::fold::{Fold, leaf_of};
use crate::ingest::{Known, Piece, Plan, doubt};
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
/// Longest bytes kept as evidence of a fork or a damaged entry.
const SHOWN_BYTES_MAX: usize = 64 * 1024;

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
        for entry in self.ledger.read(from)? {
            let entry = entry?;
            self.fold.apply(&JournalEntry::read(&entry));
        }
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

    /// Takes a piece of a source's log: `entries` are the source's exact bytes, numbered from `first`; `claimed` is the
    /// head the source names, if it names one.
    ///
    /// What continues the known log is recorded with one sync (several where it is very long). What does not is recorded
    /// as a [`Trouble`] and not taken: a gap, a fork, damaged bytes, a log that has become shorter. The same piece again
    /// changes nothing.
    ///
    /// # Errors
    /// [`Error::Ledger`]: nothing after what [`picture`](Self::picture) shows was recorded. [`Error::OtherKind`],
    /// [`Error::TooManySources`].
    pub fn ingest(
        &mut self,
        feed: &Feed,
        first: u64,
        entries: &[Vec<u8>],
        claimed: Option<Head>,
        now: Timestamp,
    ) -> Result<Ingested, Error> {
        let (number, known, mut contents) = self.lane_for(feed)?;
        let piece = Piece::read(first, entries);
        let (taken, mut troubles) = match piece.plan(known) {
            Plan::Take(taken) => (taken, Vec::new()),
            Plan::Gap(gap) => (&[][..], vec![gap]),
            Plan::Differs | Plan::Old => (&[][..], self.difference(number, known, &piece)?),
        };
        troubles.extend(piece.damaged().cloned());
        contents.extend(taken.iter().map(|bytes| Content::From {
            number,
            bytes: Cow::Borrowed(bytes),
        }));
        let known = Known {
            len: known.len.saturating_add(taken.len() as u64),
            chain: taken.last().map_or(known.chain, |bytes| leaf_of(bytes)),
        };
        troubles.extend(claimed.as_ref().and_then(|claimed| doubt(claimed, known)));
        contents.extend(self.new_troubles(number, &troubles, &piece));
        if contents.is_empty() && self.must_say_heard(number, claimed.as_ref(), now) {
            contents.push(Content::Heard(Heard { number, claimed }));
        }
        self.record(&contents, now)?;
        let claims = claimed.map_or(known.len, |head| head.len);
        self.fold.heard_live(number, now, claims);
        self.fold.finish(self.ledger.head());
        Ok(Ingested {
            taken: taken.len() as u64,
            next: known.len,
            troubles,
        })
    }

    /// The number and state of a source; one that is new is announced.
    fn lane_for<'c>(&self, feed: &Feed) -> Result<(u32, Known, Vec<Content<'c>>), Error> {
        if let Some((number, lane)) = self.fold.lane_of(&feed.source) {
            if lane.source.kind != feed.kind {
                return Err(Error::OtherKind(feed.source.clone()));
            }
            let known = Known {
                len: lane.source.len,
                chain: lane.source.chain,
            };
            return Ok((number, known, Vec::new()));
        }
        let number = self.next_number()?;
        let known = Known {
            len: 0,
            chain: record::entry::genesis(&feed.source.0),
        };
        let added = Content::Added(Added {
            source: feed.source.clone(),
            kind: feed.kind,
            number,
        });
        Ok((number, known, vec![added]))
    }

    fn next_number(&self) -> Result<u32, Error> {
        u32::try_from(self.fold.lanes.len())
            .ok()
            .filter(|number| *number < SOURCES_MAX)
            .ok_or(Error::TooManySources { max: SOURCES_MAX })
    }

    /// Where a piece differs from what is known: by reading the journal.
    fn difference(&self, number: u32, known: Known, piece: &Piece<'_>) -> Result<Vec<Trouble>, Error> {
        if piece.first() == known.len {
            // It begins right after what is known, and names another entry before it.
            let shown = piece
                .bytes_at(piece.first())
                .and_then(|bytes| record::EntryRef::decode(bytes).ok());
            return Ok(vec![Trouble::Fork {
                index: known.len.saturating_sub(1),
                known: known.chain,
                got: shown.map_or(known.chain, |entry| entry.previous),
            }]);
        }
        let marks = self.fold.lanes.get(number as usize).map(|lane| &lane.marks);
        let from = marks.and_then(|marks| {
            let after = marks.partition_point(|(index, _)| *index <= piece.first());
            marks.get(after.checked_sub(1)?).map(|(_, journal)| *journal)
        });
        let last = piece.first().saturating_add(piece.leaves().len() as u64);
        for entry in self.ledger.read(from.unwrap_or(0))? {
            let entry = entry?;
            let Content::From { number: other, bytes } = JournalEntry::read(&entry).content else {
                continue;
            };
            let Some(index) = Some(other)
                .filter(|other| *other == number)
                .and_then(|_| record::EntryRef::decode(&bytes).ok())
                .map(|entry| entry.index)
            else {
                continue;
            };
            if index >= last {
                break;
            }
            let place = index
                .checked_sub(piece.first())
                .and_then(|n| usize::try_from(n).ok());
            let Some(got) = place.and_then(|place| piece.leaves().get(place)) else {
                continue;
            };
            let known = leaf_of(&bytes);
            if known != *got {
                let got = *got;
                return Ok(vec![Trouble::Fork { index, known, got }]);
            }
        }
        Ok(Vec::new())
    }

    /// Troubles the journal does not say yet, with the bytes shown as evidence.
    fn new_troubles<'c>(&self, number: u32, troubles: &[Trouble], piece: &Piece<'_>) -> Vec<Content<'c>> {
        let lane = self.fold.lanes.get(number as usize);
        let full = lane.is_some_and(|lane| lane.source.troubles.len() >= TROUBLES_MAX);
        let new = troubles
            .iter()
            .filter(|trouble| !full && lane.is_none_or(|lane| !lane.knows(trouble)));
        new.map(|trouble| {
            let index = match trouble {
                Trouble::Fork { index, .. } | Trouble::Damaged { index, .. } => Some(*index),
                Trouble::Gap { .. }
                | Trouble::Shorter { .. }
                | Trouble::Unread { .. }
                | Trouble::OtherAuthority { .. } => None,
            };
            let shown = index
                .and_then(|index| piece.bytes_at(index))
                .filter(|bytes| bytes.len() <= SHOWN_BYTES_MAX)
                .map(hex::encode);
            Content::Troubled(Troubled {
                number,
                trouble: trouble.clone(),
                shown,
            })
        })
        .collect()
    }

    /// Whether a source that has nothing new must be mentioned all the same.
    fn must_say_heard(&self, number: u32, claimed: Option<&Head>, now: Timestamp) -> bool {
        let written = self.heard_written.get(number as usize);
        let long_ago = written.is_none_or(|at| now.since(*at) >= HEARD_EVERY);
        let over = |lane: &crate::fold::lane::Lane, head: &Head| {
            lane.source
                .open_troubles()
                .any(|noted| matches!(&noted.trouble, Trouble::Shorter { known, .. } if head.len >= *known))
        };
        let caught_up = self
            .fold
            .lanes
            .get(number as usize)
            .zip(claimed)
            .is_some_and(|(lane, head)| over(lane, head));
        long_ago || caught_up
    }

    /// Goes on with a source's other history after a fork: a store that was put back from an old copy and lives on. A
    /// person decides; both histories stay in the journal. The source is read anew from its first entry.
    ///
    /// # Errors
    /// [`Error::NoFork`] where there is none, [`Error::Ledger`].
    pub fn follow_branch(
        &mut self,
        source: &SourceId,
        by: &PersonId,
        why: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        let forked = |lane: &crate::fold::lane::Lane| {
            lane.source
                .open_troubles()
                .any(|noted| matches!(noted.trouble, Trouble::Fork { .. } | Trouble::Shorter { .. }))
        };
        let Some((number, _)) = self.fold.lane_of(source).filter(|(_, lane)| forked(lane)) else {
            return Err(Error::NoFork(source.clone()));
        };
        let branched = Branched {
            number,
            becomes: self.next_number()?,
            by: by.clone(),
            why: why.to_owned(),
        };
        self.record(&[Content::Branched(branched)], now)
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
