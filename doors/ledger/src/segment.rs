//! Reading one segment file, commit by commit, and telling a torn tail from damage.

use std::{
    fs::File,
    io::{BufReader, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use crate::{
    error::Error,
    frame::{COMMIT_HEADER_BYTES, COMMIT_MAGIC, CommitHeader, SEGMENT_HEADER_BYTES, SegmentHeader},
};

/// Disks persist sectors; what was never persisted reads as zeroes.
const SECTOR_BYTES: u64 = 512;

/// One segment, read from the front.
pub(crate) struct SegmentReader {
    path: PathBuf,
    file: BufReader<File>,
    at: u64,
    end: u64,
}

/// What stands at a place in a segment.
pub(crate) enum Found {
    /// A whole commit; its body is in the caller's buffer.
    Commit(CommitHeader),
    /// Nothing more.
    End,
    /// Something that is no whole commit.
    Fault(Option<CommitHeader>),
}

impl SegmentReader {
    /// Opens a segment and reads its header.
    pub(crate) fn open(path: &Path) -> Result<(Self, Option<SegmentHeader>), Error> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        let end = file.metadata().map_err(Error::io("open", path))?.len();
        let mut reader = Self {
            path: path.to_path_buf(),
            file: BufReader::with_capacity(256 * 1024, file),
            at: 0,
            end,
        };
        let mut header = [0; SEGMENT_HEADER_BYTES];
        if !reader.take(&mut header)? {
            return Ok((reader, None));
        }
        Ok((reader, SegmentHeader::decode(&header)))
    }

    /// Where the next commit begins.
    pub(crate) const fn at(&self) -> u64 {
        self.at
    }

    /// Goes to where a commit begins.
    pub(crate) fn seek(&mut self, at: u64) -> Result<(), Error> {
        self.file
            .seek(SeekFrom::Start(at))
            .map_err(Error::io("read", &self.path))?;
        self.at = at;
        Ok(())
    }

    /// Fills the buffer; `false` when the file ends before it is full (and then nothing is said about the buffer).
    fn take(&mut self, buffer: &mut [u8]) -> Result<bool, Error> {
        if self.end - self.at.min(self.end) < buffer.len() as u64 {
            return Ok(false);
        }
        self.file
            .read_exact(buffer)
            .map_err(Error::io("read", &self.path))?;
        self.at += buffer.len() as u64;
        Ok(true)
    }

    /// Reads the next commit into `body`. After a fault the position is unspecified.
    pub(crate) fn next_commit(&mut self, body: &mut Vec<u8>) -> Result<Found, Error> {
        body.clear();
        if self.at == self.end {
            return Ok(Found::End);
        }
        let mut header = [0; COMMIT_HEADER_BYTES];
        if !self.take(&mut header)? {
            return Ok(Found::Fault(None));
        }
        let Some(header) = CommitHeader::decode(&header) else {
            return Ok(Found::Fault(None));
        };
        if self.end - self.at < u64::from(header.body_len) {
            return Ok(Found::Fault(Some(header)));
        }
        body.resize(header.body_len as usize, 0);
        self.take(body)?;
        if crc32c::crc32c(body) == header.body_crc {
            Ok(Found::Commit(header))
        } else {
            Ok(Found::Fault(Some(header)))
        }
    }

    /// Whether what stands from `at` to the end can be a write that a crash interrupted, never a commit that was
    /// acknowledged: the file is too short for it, or a sector of it was never persisted; and nothing whole follows.
    pub(crate) fn is_torn_tail(&mut self, at: u64, header: Option<CommitHeader>) -> Result<bool, Error> {
        self.seek(at)?;
        let mut tail = Vec::new();
        self.file
            .read_to_end(&mut tail)
            .map_err(Error::io("read", &self.path))?;
        let claimed = header.map_or(COMMIT_HEADER_BYTES, |header| {
            COMMIT_HEADER_BYTES + header.body_len as usize
        });
        // A readable header says where its commit ends; what lies inside is body, whatever it looks like.
        let search_from = if header.is_some() { claimed } else { 1 };
        if next_header(tail.get(search_from..).unwrap_or_default()).is_some() {
            return Ok(false);
        }
        Ok(tail.len() < claimed || has_empty_sector(&tail, at))
    }

    /// Where the file ended when it was opened.
    pub(crate) const fn end(&self) -> u64 {
        self.end
    }

    /// Goes to the next place after the commit at `at` where a commit header stands, to read on behind damage. A commit
    /// whose own header is whole is skipped by its length. `false` when there is none.
    pub(crate) fn resync(&mut self, at: u64) -> Result<bool, Error> {
        self.seek(at)?;
        let mut tail = Vec::new();
        self.file
            .read_to_end(&mut tail)
            .map_err(Error::io("read", &self.path))?;
        let own = tail.first_chunk().and_then(CommitHeader::decode);
        let skipped = own.map_or(1, |header| COMMIT_HEADER_BYTES + header.body_len as usize);
        match next_header(tail.get(skipped..).unwrap_or_default()) {
            Some(offset) => {
                self.seek(at + (skipped + offset) as u64)?;
                Ok(true)
            }
            None => Ok(false),
        }
    }
}

fn next_header(bytes: &[u8]) -> Option<usize> {
    bytes.windows(COMMIT_HEADER_BYTES).position(|window| {
        window.starts_with(COMMIT_MAGIC)
            && <&[u8; COMMIT_HEADER_BYTES]>::try_from(window)
                .is_ok_and(|header| CommitHeader::decode(header).is_some())
    })
}

/// Whether a whole sector's share of these bytes, which begin at `at` in the file, is zero.
fn has_empty_sector(bytes: &[u8], at: u64) -> bool {
    let to_boundary = usize::try_from((SECTOR_BYTES - at % SECTOR_BYTES) % SECTOR_BYTES).unwrap_or(0);
    let (head, rest) = bytes.split_at_checked(to_boundary).unwrap_or((bytes, &[]));
    let empty = |piece: &[u8]| !piece.is_empty() && piece.iter().all(|byte| *byte == 0);
    empty(head) || rest.chunks(SECTOR_BYTES as usize).any(empty)
}
