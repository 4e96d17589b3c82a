//! The few file operations a ledger uses, each durable when it returns.

use rustix::fs::{FlockOperation, flock};
use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    path::Path,
};

use crate::error::Error;

/// Makes a directory and its parents, and syncs the folder each new one appears in.
pub(crate) fn make_dir(dir: &Path) -> Result<(), Error> {
    if dir.is_dir() {
        return Ok(());
    }
    if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        make_dir(parent)?;
    }
    match fs::create_dir(dir) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(Error::io("create", dir)(error)),
    }
    sync_dir(dir.parent().unwrap_or(Path::new("/")))
}

/// Syncs a directory, so that names made in it survive.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), Error> {
    let dir = if dir.as_os_str().is_empty() {
        Path::new(".")
    } else {
        dir
    };
    File::open(dir)
        .and_then(|file| file.sync_all())
        .map_err(Error::io("sync", dir))
}

/// Makes a file with this content under its name in one step: written and synced under another name, renamed, folder
/// synced. Replaces an older file of that name.
pub(crate) fn publish(path: &Path, content: &[u8]) -> Result<(), Error> {
    let draft = path.with_extension("new");
    let mut file = File::create(&draft).map_err(Error::io("create", &draft))?;
    file.write_all(content).map_err(Error::io("write", &draft))?;
    file.sync_all().map_err(Error::io("sync", &draft))?;
    fs::rename(&draft, path).map_err(Error::io("rename", path))?;
    sync_dir(path.parent().unwrap_or(Path::new("/")))
}

/// Opens for reading and writing a file that is there.
pub(crate) fn open_for_writing(path: &Path) -> Result<File, Error> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .map_err(Error::io("open", path))
}

/// The right to write a directory. The system takes it back when a process dies.
#[derive(Debug)]
pub(crate) struct Lock(File);

impl Drop for Lock {
    /// Lets go by name: a child that another thread is just starting holds a copy of the file until it becomes its own
    /// program, and closing ours would leave the directory taken for that moment.
    fn drop(&mut self) {
        let _closing_lets_go_too = flock(&self.0, FlockOperation::Unlock);
    }
}

/// Takes the directory for one writer.
pub(crate) fn lock(dir: &Path) -> Result<Lock, Error> {
    let path = dir.join("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(Error::io("open", &path))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Lock(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(Error::InUse(dir.to_path_buf())),
        Err(errno) => Err(Error::io("lock", &path)(errno.into())),
    }
}
