//! Pieces of sources' logs come in.

use std::borrow::Cow;

use record::Head;
use vocabulary::{PersonId, Timestamp};

use super::{Feed, HEARD_EVERY, Ingested, Journal, SOURCES_MAX};
use crate::entry::{Added, Branched, Content, Heard, JournalEntry, Troubled};
use crate::error::Error;
use crate::fold::lane::{Lane, TROUBLES_MAX};
use crate::fold::leaf_of;
use crate::ingest::{Known, Piece, Plan, doubt};
use crate::source::{SourceId, Trouble};

/// Longest bytes kept as evidence of a fork or a damaged entry.
const SHOWN_BYTES_MAX: usize = 64 * 1024;

impl Journal {
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
        let piece = Piece::read(first, entries, claimed.as_ref());
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
        let over = |lane: &Lane, head: &Head| {
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
        let forked = |lane: &Lane| {
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
}
