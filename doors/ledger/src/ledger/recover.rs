//! Cutting off what a crash left half written.

use std::{
    fs::{self, File},
    io::{Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use super::{Recovered, Scanned};
use crate::{disk, error::Error};

/// Keeps the torn bytes aside (best effort: a full disk must not keep a door from starting), then cuts them off.
pub(super) fn cut_torn_tail(
    dir: &Path,
    path: &Path,
    segment: &File,
    scanned: &Scanned,
) -> Result<Recovered, Error> {
    let mut tail = Vec::new();
    let mut reading = segment;
    reading
        .seek(SeekFrom::Start(scanned.end))
        .and_then(|_| reading.read_to_end(&mut tail))
        .map_err(Error::io("read", path))?;
    let kept_in = keep(dir, scanned.chain.len(), &tail).ok();
    segment
        .set_len(scanned.end)
        .and_then(|()| segment.sync_all())
        .map_err(Error::io("cut", path))?;
    Ok(Recovered {
        cut_bytes: tail.len() as u64,
        kept_in,
    })
}

fn keep(dir: &Path, index: u64, tail: &[u8]) -> Result<PathBuf, Error> {
    let dir = dir.join("torn");
    disk::make_dir(&dir)?;
    let path = dir.join(format!("{index:020}.bin"));
    disk::publish(&path, tail).inspect_err(|_| {
        // Half a copy helps nobody and takes the room that is missing.
        let _nothing_to_save = fs::remove_file(path.with_extension("new"));
    })?;
    Ok(path)
}
