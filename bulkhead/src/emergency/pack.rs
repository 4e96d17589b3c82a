//! Files that only grow: bytes are written at the end and synced before anything refers to them.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::files;

/// A file is followed by the next one when it is so long.
const PACK_BYTES_MAX: u64 = 256 << 20;

/// Where something lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Place {
    /// In which file.
    pub(crate) pack: u32,
    /// From which byte on.
    pub(crate) at: u64,
    /// How many bytes.
    pub(crate) len: u64,
}

/// One family of files, `NAME-000001.pack` and so on.
pub(super) struct Packs {
    dir: PathBuf,
    name: &'static str,
    number: u32,
    file: File,
    end: u64,
    /// A write or sync failed: nobody knows what is on the disk, so nothing more is written.
    failed: bool,
}

impl Packs {
    /// Opens the files up to what is referred to; what lies behind it was never acknowledged and is cut off.
    pub(super) fn open(dir: &Path, name: &'static str, last: Option<Place>) -> io::Result<Self> {
        files::make_private_folder(dir)?;
        let (number, end) = last.map_or((1, 0), |place| (place.pack, place.at + place.len));
        let file = open_file(dir, name, number)?;
        if file.metadata()?.len() < end {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!(
                    "{} ist kürzer als sein Protokoll. / {0} is shorter than its log.",
                    path(dir, name, number).display()
                ),
            ));
        }
        file.set_len(end)?;
        file.sync_all()?;
        File::open(dir)?.sync_all()?;
        Ok(Self {
            dir: dir.to_owned(),
            name,
            number,
            file,
            end,
            failed: false,
        })
    }

    /// Writes bytes behind the last ones; on disk when it returns.
    pub(super) fn add(&mut self, bytes: &[u8]) -> io::Result<Place> {
        if self.failed {
            return Err(io::Error::other("an earlier write failed; start again"));
        }
        let added = self.try_add(bytes);
        self.failed = added.is_err();
        added
    }

    fn try_add(&mut self, bytes: &[u8]) -> io::Result<Place> {
        if self.end > 0 && self.end + bytes.len() as u64 > PACK_BYTES_MAX {
            let file = open_file(&self.dir, self.name, self.number + 1)?;
            file.set_len(0)?;
            File::open(&self.dir)?.sync_all()?;
            (self.number, self.file, self.end) = (self.number + 1, file, 0);
        }
        self.file.write_all_at(bytes, self.end)?;
        self.file.sync_data()?;
        let place = Place {
            pack: self.number,
            at: self.end,
            len: bytes.len() as u64,
        };
        self.end += place.len;
        Ok(place)
    }

    /// Reads something back.
    pub(super) fn read(&self, place: Place) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(place.len).unwrap_or(0)];
        if bytes.is_empty() {
            return Ok(bytes);
        }
        if place.pack == self.number {
            self.file.read_exact_at(&mut bytes, place.at)?;
        } else {
            File::open(path(&self.dir, self.name, place.pack))?.read_exact_at(&mut bytes, place.at)?;
        }
        Ok(bytes)
    }
}

fn path(dir: &Path, name: &str, number: u32) -> PathBuf {
    dir.join(format!("{name}-{number:06}.pack"))
}

fn open_file(dir: &Path, name: &str, number: u32) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path(dir, name, number))
}
