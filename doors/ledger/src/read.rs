//! Reading entries back, in order.

use record::{Entry, EntryRef};
use std::{ops::Range, path::PathBuf};

use crate::{
    error::{Damage, Error},
    frame::{EntriesIn, SegmentHeader},
    scan::Mark,
    segment::{Found, SegmentReader},
};

/// Entries from some index up to where the ledger ended when reading began. Independent of the ledger: it may go on
/// growing, and the reader may go to another thread.
pub struct Entries {
    dir: PathBuf,
    reader: Option<SegmentReader>,
    segment: u32,
    seek: u64,
    next: u64,
    end: u64,
    body: Vec<u8>,
    /// Where in `body` the next entry begins.
    at: usize,
}

impl Entries {
    pub(crate) fn new(dir: PathBuf, mark: Option<Mark>, from: u64, end: u64) -> Self {
        let (segment, seek) = mark.map_or((1, 0), |mark| (mark.segment, mark.offset));
        Self {
            dir,
            reader: None,
            segment,
            seek,
            next: from,
            end,
            body: Vec::new(),
            at: 0,
        }
    }

    fn path(&self) -> PathBuf {
        self.dir.join(SegmentHeader::file_name(self.segment))
    }

    fn damaged(&self, what: Damage) -> Error {
        Error::Damaged {
            file: self.path(),
            index: self.next,
            what,
        }
    }

    /// Fills the buffer with the next commit.
    fn advance(&mut self) -> Result<(), Error> {
        loop {
            let path = self.path();
            let reader = match &mut self.reader {
                Some(reader) => reader,
                none => {
                    let (mut reader, _) = SegmentReader::open(&path)?;
                    if self.seek != 0 {
                        reader.seek(self.seek)?;
                    }
                    none.insert(reader)
                }
            };
            match reader.next_commit(&mut self.body)? {
                Found::Commit(_) => {
                    self.at = 0;
                    return Ok(());
                }
                Found::Fault(_) => return Err(self.damaged(Damage::Checksum)),
                Found::End => {
                    self.reader = None;
                    self.segment += 1;
                    self.seek = 0;
                }
            }
        }
    }

    /// Reads on: many entries at once, as they lie on disk, for whoever reads a whole ledger. At least one, and no more
    /// after that many entries or bytes.
    ///
    /// # Errors
    /// Behind the entries that could be read; nothing comes after it.
    pub fn piece(&mut self, entries_max: usize, bytes_max: usize) -> Option<(Piece, Result<(), Error>)> {
        let mut piece = Piece(Vec::new());
        let mut count = 0;
        while self.next < self.end && count < entries_max && piece.0.len() < bytes_max {
            match self.next_raw() {
                Ok(range) => {
                    piece
                        .0
                        .extend_from_slice(self.body.get(range).unwrap_or_default());
                    count += 1;
                }
                Err(error) => {
                    self.end = self.next;
                    return Some((piece, Err(error)));
                }
            }
        }
        (count > 0).then_some((piece, Ok(())))
    }

    fn read_one(&mut self) -> Result<Entry, Error> {
        let range = self.next_raw()?;
        let bytes = self.body.get(range.start + 4..range.end).unwrap_or_default();
        let entry = EntryRef::decode(bytes).map_err(|_| self.damaged(Damage::Encoding))?;
        Ok(entry.to_entry())
    }

    /// Where in `body` the next entry lies, with its length before it.
    fn next_raw(&mut self) -> Result<Range<usize>, Error> {
        loop {
            let rest = self.body.get(self.at..).unwrap_or_default();
            let Some(bytes) = EntriesIn(rest).next() else {
                self.advance()?;
                continue;
            };
            let bytes = bytes.map_err(|()| self.damaged(Damage::Encoding))?;
            let index = EntryRef::decode(bytes)
                .map_err(|_| self.damaged(Damage::Encoding))?
                .index;
            let range = self.at..self.at + 4 + bytes.len();
            self.at = range.end;
            if index < self.next {
                continue;
            }
            if index != self.next {
                return Err(self.damaged(Damage::Number));
            }
            self.next += 1;
            return Ok(range);
        }
    }
}

/// Entries that follow each other, as they lie on disk.
pub struct Piece(Vec<u8>);

impl Piece {
    /// The entries, without copying them.
    pub fn entries(&self) -> impl Iterator<Item = EntryRef<'_>> {
        // Each was read once already.
        EntriesIn(&self.0).filter_map(|bytes| EntryRef::decode(bytes.ok()?).ok())
    }
}

impl Iterator for Entries {
    type Item = Result<Entry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.end {
            return None;
        }
        let read = self.read_one();
        if read.is_err() {
            self.end = self.next;
        }
        Some(read)
    }
}
