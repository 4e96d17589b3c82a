//! Reading entries back, in order.

use record::{Entry, EntryRef};
use std::path::PathBuf;

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

    fn read_one(&mut self) -> Result<Entry, Error> {
        loop {
            let rest = self.body.get(self.at..).unwrap_or_default();
            let Some(bytes) = EntriesIn(rest).next() else {
                self.advance()?;
                continue;
            };
            let bytes = bytes.map_err(|()| self.damaged(Damage::Encoding))?;
            let entry = EntryRef::decode(bytes).map_err(|_| self.damaged(Damage::Encoding))?;
            self.at += 4 + bytes.len();
            if entry.index < self.next {
                continue;
            }
            if entry.index != self.next {
                return Err(self.damaged(Damage::Number));
            }
            self.next += 1;
            return Ok(entry.to_entry());
        }
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
