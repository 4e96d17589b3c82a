//! The handful of file operations of this room. Everything that must survive goes through here.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use rustix::fs::{FallocateFlags, fallocate};

use crate::Error;

/// Makes a directory (and its parents) readable by its owner only, and syncs the folder above it.
pub(crate) fn make_dir(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::DirBuilderExt as _;
    if path.is_dir() {
        return Ok(());
    }
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(Error::disk("make", path))?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// Syncs a folder, so that names made or removed in it survive.
pub(crate) fn sync_dir(path: &Path) -> Result<(), Error> {
    let path = if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    };
    File::open(path)
        .and_then(|dir| dir.sync_all())
        .map_err(Error::disk("sync folder", path))
}

/// Makes a file of a fixed size whose space is taken from the disk now, so that writing into it later cannot fail
/// for lack of space. The file must not exist. On failure nothing is left behind.
pub(crate) fn preallocate(path: &Path, len: u64) -> Result<File, Error> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(Error::disk("make", path))?;
    let taken = match fallocate(&file, FallocateFlags::empty(), 0, len) {
        // A file system without preallocation: writing takes the space as well.
        Err(rustix::io::Errno::OPNOTSUPP) => Ok(()),
        other => other.map_err(io::Error::from),
    };
    // Written once, so that a later sync of records has no extents to convert in the file system's journal: that
    // costs every commit several times what this costs once.
    let result = taken.and_then(|()| zeros(&file, len));
    match result.and_then(|()| file.sync_all()) {
        Ok(()) => Ok(file),
        Err(error) => {
            // The half-made file holds nothing; if it cannot be removed the next start finds and removes it.
            let _ = fs::remove_file(path);
            Err(Error::disk("preallocate", path)(error))
        }
    }
}

fn zeros(mut file: &File, len: u64) -> io::Result<()> {
    let block = vec![0; 1 << 20];
    let mut left = len;
    while left > 0 {
        let (part, _) = block.split_at(usize::try_from(left.min(1 << 20)).unwrap_or(0));
        file.write_all(part)?;
        left -= part.len() as u64;
    }
    Ok(())
}

/// Writes a small file so that it is there whole or not at all, readable by its owner only.
pub(crate) fn write_secret(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let parent = path.parent().unwrap_or(Path::new("."));
    let temporary = path.with_extension("new");
    let written = (|| {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    })();
    written.map_err(Error::disk("write", path))?;
    sync_dir(parent)
}

/// Overwrites a file, syncs, removes it and syncs its folder. The overwriting is the best a file system allows; on
/// copy-on-write and flash media old blocks may live on, which is why a key that must never be read from a disk is
/// never put there.
pub(crate) fn destroy(path: &Path) -> Result<(), Error> {
    let overwritten = (|| {
        let file = match OpenOptions::new().write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let len = usize::try_from(file.metadata()?.len())
            .unwrap_or(usize::MAX)
            .min(1 << 16);
        file.write_all_at(&vec![0; len], 0)?;
        file.sync_all()?;
        fs::remove_file(path)
    })();
    overwritten.map_err(Error::disk("destroy", path))?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// Free bytes on the file system of a path.
pub(crate) fn free_bytes(path: &Path) -> Result<u64, Error> {
    let stat = rustix::fs::statvfs(path).map_err(|error| Error::disk("measure", path)(error.into()))?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// The file that only takes space, in the first store.
pub(crate) fn ballast_path(dir: &Path) -> PathBuf {
    dir.join("ballast")
}

/// Whether the ballast is there; makes it when there is room for it twice.
pub(crate) fn take_ballast(dir: &Path, len: u64) -> bool {
    let path = ballast_path(dir);
    if len == 0 || path.exists() {
        return true;
    }
    free_bytes(dir).is_ok_and(|free| free / 2 >= len) && preallocate(&path, len).is_ok()
}

/// Gives the ballast's space to what must be recorded now. Returns whether there was any.
pub(crate) fn drop_ballast(dir: &Path) -> bool {
    let path = ballast_path(dir);
    path.exists() && fs::remove_file(path).is_ok()
}

/// The segment files of a store, by number.
pub(crate) fn segments(dir: &Path) -> Result<Vec<(u64, PathBuf)>, Error> {
    let dir = segment_dir(dir);
    let mut found = Vec::new();
    let entries = match fs::read_dir(&dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(Error::disk("list", dir)(error)),
    };
    for entry in entries {
        let path = entry.map_err(Error::disk("list", &dir))?.path();
        let number = path
            .file_name()
            .and_then(|name| name.to_str())
            .and_then(|name| name.strip_suffix(".segment"))
            .and_then(|number| number.parse().ok());
        if let Some(number) = number {
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found)
}

pub(crate) fn segment_dir(dir: &Path) -> PathBuf {
    dir.join("segments")
}

pub(crate) fn segment_path(dir: &Path, number: u64) -> PathBuf {
    segment_dir(dir).join(format!("{number:010}.segment"))
}
