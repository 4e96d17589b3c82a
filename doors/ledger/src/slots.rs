//! One small text, replaced durably with a single sync: two slots in a file of fixed size, the older one is overwritten.
//!
//! A crash in the middle leaves the other slot whole. Slot: `"BHS1" | sequence u64 | length u32 | crc of all u32 | text`,
//! little-endian, CRC-32C.

use record::note::NOTE_BYTES_MAX;
use std::{
    fs::{self, File},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use crate::{disk, error::Error};

const MAGIC: &[u8; 4] = b"BHS1";
const HEADER_BYTES: usize = 4 + 8 + 4 + 4;
const SLOT_BYTES: usize = 4096 + NOTE_BYTES_MAX;

/// A file that holds the latest of something.
pub(crate) struct Slots {
    path: PathBuf,
    file: File,
    /// Sequence number of the latest text; zero when there is none.
    sequence: u64,
    latest: Option<String>,
}

impl Slots {
    /// Opens the file, or makes it. Real zeroes are written, so that a later replacement changes no metadata.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        if !path.exists() {
            disk::publish(path, &vec![0; 2 * SLOT_BYTES])?;
        }
        let file = disk::open_for_writing(path)?;
        let (sequence, latest) = read(path)?.map_or((0, None), |(sequence, text)| (sequence, Some(text)));
        Ok(Self {
            path: path.to_path_buf(),
            file,
            sequence,
            latest,
        })
    }

    pub(crate) fn latest(&self) -> Option<&str> {
        self.latest.as_deref()
    }

    /// Replaces the text. When this returns, the new one is durable.
    pub(crate) fn replace(&mut self, text: &str) -> Result<(), Error> {
        let sequence = self.sequence + 1;
        let mut slot = Vec::with_capacity(HEADER_BYTES + text.len());
        slot.extend_from_slice(MAGIC);
        slot.extend_from_slice(&sequence.to_le_bytes());
        slot.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
        let crc = crc32c::crc32c_append(crc32c::crc32c(&slot), text.as_bytes());
        slot.extend_from_slice(&crc.to_le_bytes());
        slot.extend_from_slice(text.as_bytes());
        let offset = (sequence % 2) * SLOT_BYTES as u64;
        self.file
            .write_all_at(&slot, offset)
            .map_err(Error::io("write", &self.path))?;
        self.file.sync_data().map_err(Error::io("sync", &self.path))?;
        self.sequence = sequence;
        self.latest = Some(text.to_owned());
        Ok(())
    }
}

/// The latest text in a file of slots, if there is one.
pub(crate) fn read(path: &Path) -> Result<Option<(u64, String)>, Error> {
    let bytes = fs::read(path).map_err(Error::io("read", path))?;
    Ok(bytes
        .chunks(SLOT_BYTES)
        .take(2)
        .filter_map(decode)
        .max_by_key(|(sequence, _)| *sequence))
}

fn decode(slot: &[u8]) -> Option<(u64, String)> {
    let (start, rest) = slot.split_at_checked(HEADER_BYTES - 4)?;
    let (crc, rest) = rest.split_first_chunk::<4>()?;
    let (sequence, length) = start.strip_prefix(MAGIC)?.split_first_chunk::<8>()?;
    let length = u32::from_le_bytes(length.try_into().ok()?);
    let text = rest.get(..usize::try_from(length).ok()?)?;
    let right = crc32c::crc32c_append(crc32c::crc32c(start), text) == u32::from_le_bytes(*crc);
    let text = core::str::from_utf8(text).ok().filter(|_| right)?;
    Some((u64::from_le_bytes(*sequence), text.to_owned()))
}
