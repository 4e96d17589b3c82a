//! How entries lie in a segment file.
//!
//! A segment is a header and commits. A commit is everything that one sync made durable, under one checksum, so after
//! a crash it is there as a whole or not at all. All numbers are little-endian; checksums are CRC-32C.
//!
//! ```text
//! segment header   "BHLEDG1\n" | number u32 | first index u64 | chain before it 32 | genesis of the log 32 | crc u32
//! commit header    "BHC1" | body length u32 | entries u32 | first index u64 | crc of body u32 | crc of header u32
//! commit body      (length u32 | canonical entry) repeated
//! ```

use record::Origin;
use vocabulary::Digest;

/// Bytes of a segment header.
pub(crate) const SEGMENT_HEADER_BYTES: usize = 8 + 4 + 8 + 32 + 32 + 4;
/// Bytes of a commit header.
pub(crate) const COMMIT_HEADER_BYTES: usize = 4 + 4 + 4 + 8 + 4 + 4;
/// Longest commit body. Bounds what a reader must hold at once.
pub(crate) const COMMIT_BYTES_MAX: usize = 64 * 1024 * 1024;

const SEGMENT_MAGIC: &[u8; 8] = b"BHLEDG1\n";
pub(crate) const COMMIT_MAGIC: &[u8; 4] = b"BHC1";

/// The first bytes of a segment file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SegmentHeader {
    pub(crate) number: u32,
    pub(crate) first: u64,
    pub(crate) chain: Digest,
    pub(crate) genesis: Digest,
}

impl SegmentHeader {
    /// Where the first commit begins.
    pub(crate) const BYTES: u64 = SEGMENT_HEADER_BYTES as u64;

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(SEGMENT_HEADER_BYTES);
        bytes.extend_from_slice(SEGMENT_MAGIC);
        bytes.extend_from_slice(&self.number.to_le_bytes());
        bytes.extend_from_slice(&self.first.to_le_bytes());
        bytes.extend_from_slice(self.chain.as_bytes());
        bytes.extend_from_slice(self.genesis.as_bytes());
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8; SEGMENT_HEADER_BYTES]) -> Option<Self> {
        let (content, crc) = bytes.split_last_chunk::<4>()?;
        if u32::from_le_bytes(*crc) != crc32c::crc32c(content) {
            return None;
        }
        let rest = content.strip_prefix(SEGMENT_MAGIC)?;
        let (number, rest) = rest.split_first_chunk::<4>()?;
        let (first, rest) = rest.split_first_chunk::<8>()?;
        let (chain, rest) = rest.split_first_chunk::<32>()?;
        let (genesis, _) = rest.split_first_chunk::<32>()?;
        Some(Self {
            number: u32::from_le_bytes(*number),
            first: u64::from_le_bytes(*first),
            chain: Digest::from_bytes(*chain),
            genesis: Digest::from_bytes(*genesis),
        })
    }

    /// The name of this segment's file.
    pub(crate) fn file_name(number: u32) -> String {
        format!("{number:08}.log")
    }

    pub(crate) fn of(origin: &Origin, number: u32, first: u64, chain: Digest) -> Self {
        Self {
            number,
            first,
            chain,
            genesis: record::entry::genesis(origin),
        }
    }
}

/// What stands before a commit's entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct CommitHeader {
    pub(crate) body_len: u32,
    pub(crate) entries: u32,
    pub(crate) first: u64,
    pub(crate) body_crc: u32,
}

impl CommitHeader {
    pub(crate) fn encode(&self) -> [u8; COMMIT_HEADER_BYTES] {
        let mut bytes = [0; COMMIT_HEADER_BYTES];
        let mut content = Vec::with_capacity(COMMIT_HEADER_BYTES);
        content.extend_from_slice(COMMIT_MAGIC);
        content.extend_from_slice(&self.body_len.to_le_bytes());
        content.extend_from_slice(&self.entries.to_le_bytes());
        content.extend_from_slice(&self.first.to_le_bytes());
        content.extend_from_slice(&self.body_crc.to_le_bytes());
        content.extend_from_slice(&crc32c::crc32c(&content).to_le_bytes());
        for (to, from) in bytes.iter_mut().zip(content) {
            *to = from;
        }
        bytes
    }

    pub(crate) fn decode(bytes: &[u8; COMMIT_HEADER_BYTES]) -> Option<Self> {
        let (content, crc) = bytes.split_last_chunk::<4>()?;
        if u32::from_le_bytes(*crc) != crc32c::crc32c(content) {
            return None;
        }
        let rest = content.strip_prefix(COMMIT_MAGIC)?;
        let (body_len, rest) = rest.split_first_chunk::<4>()?;
        let (entries, rest) = rest.split_first_chunk::<4>()?;
        let (first, rest) = rest.split_first_chunk::<8>()?;
        let (body_crc, _) = rest.split_first_chunk::<4>()?;
        let header = Self {
            body_len: u32::from_le_bytes(*body_len),
            entries: u32::from_le_bytes(*entries),
            first: u64::from_le_bytes(*first),
            body_crc: u32::from_le_bytes(*body_crc),
        };
        (header.body_len as usize <= COMMIT_BYTES_MAX).then_some(header)
    }
}

/// The entries in a commit body, one after the other; ends with `Err` where the lengths do not add up.
pub(crate) struct EntriesIn<'a>(pub(crate) &'a [u8]);

impl<'a> Iterator for EntriesIn<'a> {
    type Item = Result<&'a [u8], ()>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let taken = self
            .0
            .split_first_chunk::<4>()
            .and_then(|(len, rest)| rest.split_at_checked(usize::try_from(u32::from_le_bytes(*len)).ok()?));
        match taken {
            Some((entry, rest)) => {
                self.0 = rest;
                Some(Ok(entry))
            }
            None => {
                self.0 = &[];
                Some(Err(()))
            }
        }
    }
}
