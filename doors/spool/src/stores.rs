//! The declared stores: the same segment files in every one of them, written and synced together.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use crate::{Error, disk, offer::StagingFile};

/// A piece of what one commit writes.
pub(crate) enum Piece {
    Bytes(Vec<u8>),
    Staged(Arc<StagingFile>, u64),
}

pub(crate) struct Store {
    pub(crate) dir: PathBuf,
    file: Option<File>,
    pub(crate) down: Option<String>,
}

impl Store {
    pub(crate) fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_path_buf(),
            file: None,
            down: None,
        }
    }

    /// After a failed write or sync nothing is written through the same handle again.
    fn fail(&mut self, error: &Error) {
        self.file = None;
        self.down = Some(chain_of(error));
    }

    fn append(&mut self, offset: u64, pieces: &[Piece]) -> Result<(), Error> {
        let failed = Error::disk("append to a segment in", &self.dir);
        let Some(file) = self.file.as_ref() else {
            return Err(failed(io::Error::other("no segment is open")));
        };
        write_pieces(file, offset, pieces)
            .and_then(|()| file.sync_data())
            .map_err(failed)
    }
}

fn write_pieces(file: &File, mut offset: u64, pieces: &[Piece]) -> io::Result<()> {
    // Small pieces are gathered, so that a commit of hundreds of items is a few large writes.
    let mut gathered: Vec<u8> = Vec::with_capacity(1 << 20);
    for piece in pieces {
        match piece {
            Piece::Bytes(bytes) => gathered.extend_from_slice(bytes),
            Piece::Staged(staged, len) => {
                file.write_all_at(&gathered, offset)?;
                offset += gathered.len() as u64;
                gathered.clear();
                copy_staged(file, offset, staged, *len)?;
                offset += len;
            }
        }
        if gathered.len() >= 1 << 20 {
            file.write_all_at(&gathered, offset)?;
            offset += gathered.len() as u64;
            gathered.clear();
        }
    }
    file.write_all_at(&gathered, offset)
}

fn copy_staged(file: &File, offset: u64, staged: &StagingFile, len: u64) -> io::Result<()> {
    let mut buffer = vec![0; 256 << 10];
    let mut done = 0;
    while done < len {
        let room = usize::try_from((len - done).min(buffer.len() as u64)).unwrap_or(0);
        let (part, _) = buffer.split_at_mut(room);
        staged.file.read_exact_at(part, done)?;
        file.write_all_at(part, offset + done)?;
        done += room as u64;
    }
    Ok(())
}

/// An error and its causes on one line, for a status.
pub(crate) fn chain_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}

pub(crate) struct Stores {
    pub(crate) list: Vec<Store>,
}

impl Stores {
    pub(crate) fn up(&self) -> usize {
        self.list.iter().filter(|store| store.down.is_none()).count()
    }

    /// Opens a segment for appending in every store that is up.
    pub(crate) fn open_segment(&mut self, number: u64) {
        for store in self.list.iter_mut().filter(|store| store.down.is_none()) {
            let path = disk::segment_path(&store.dir, number);
            match OpenOptions::new()
                .read(true)
                .write(true)
                .open(&path)
                .map_err(Error::disk("open", &path))
            {
                Ok(file) => store.file = Some(file),
                Err(error) => store.fail(&error),
            }
        }
    }

    /// Makes the next segment in every store that is up. A full disk in one of them undoes it in all: nothing has
    /// been promised yet. Any other failure takes that store down.
    pub(crate) fn begin_segment(&mut self, number: u64, len: u64) -> Result<(), Error> {
        let mut made: Vec<PathBuf> = Vec::new();
        let mut full = None;
        for store in self.list.iter_mut().filter(|store| store.down.is_none()) {
            let path = disk::segment_path(&store.dir, number);
            // A file of this number can only be what a commit that failed left behind.
            let result = match std::fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    Err(Error::disk("remove", &path)(error))
                }
                Ok(()) | Err(_) => disk::preallocate(&path, len),
            }
            .and_then(|file| disk::sync_dir(&disk::segment_dir(&store.dir)).map(|()| file));
            match result {
                Ok(file) => {
                    store.file = Some(file);
                    made.push(path);
                }
                Err(error) if error.is_disk_full() => {
                    full = Some(error);
                    break;
                }
                Err(error) => store.fail(&error),
            }
        }
        match full {
            None => Ok(()),
            Some(error) => {
                for path in made {
                    // Left-over files of this number are removed when the segment is begun again.
                    let _ = std::fs::remove_file(path);
                }
                Err(error)
            }
        }
    }

    /// Writes and syncs in every store that is up, all at once. Returns how many failed; those are down now.
    pub(crate) fn append(&mut self, offset: u64, pieces: &[Piece]) -> usize {
        let mut up: Vec<&mut Store> = self
            .list
            .iter_mut()
            .filter(|store| store.down.is_none())
            .collect();
        let Some((first, rest)) = up.split_first_mut() else {
            return 0;
        };
        let results: Vec<Result<(), Error>> = std::thread::scope(|scope| {
            let others: Vec<_> = rest
                .iter_mut()
                .map(|store| scope.spawn(move || store.append(offset, pieces)))
                .collect();
            let mut results = vec![first.append(offset, pieces)];
            for other in others {
                results.push(other.join().unwrap_or_else(|_| {
                    Err(Error::Stopped {
                        why: "a store's thread ended early".to_owned(),
                    })
                }));
            }
            results
        });
        let mut failed = 0;
        for (store, result) in up.into_iter().zip(results) {
            if let Err(error) = result {
                store.fail(&error);
                failed += 1;
            }
        }
        failed
    }

    /// Gives back what a full segment did not need. Not synced: readers ignore the rest anyway.
    pub(crate) fn trim(&self, number: u64, len: u64) {
        for store in self.list.iter().filter(|store| store.down.is_none()) {
            let path = disk::segment_path(&store.dir, number);
            // Only space is lost if this fails.
            let _ = OpenOptions::new()
                .write(true)
                .open(path)
                .and_then(|file| file.set_len(len));
        }
    }
}

/// Reads frames from whichever store can give them.
pub(crate) struct ReadSide {
    dirs: Vec<PathBuf>,
    last: Mutex<Option<(u64, Arc<File>)>>,
}

impl ReadSide {
    pub(crate) fn new(dirs: Vec<PathBuf>) -> Self {
        Self {
            dirs,
            last: Mutex::new(None),
        }
    }

    pub(crate) fn dirs(&self) -> &[PathBuf] {
        &self.dirs
    }

    /// A segment as one store has it.
    pub(crate) fn file_of(&self, store: usize, segment: u64) -> Result<Arc<File>, Error> {
        if store == 0
            && let Some((number, file)) = self.last.lock().unwrap_or_else(PoisonError::into_inner).as_ref()
            && *number == segment
        {
            return Ok(Arc::clone(file));
        }
        let dir = self
            .dirs
            .get(store)
            .map(PathBuf::as_path)
            .unwrap_or(Path::new("."));
        let path = disk::segment_path(dir, segment);
        let file = Arc::new(File::open(&path).map_err(Error::disk("open", path))?);
        if store == 0 {
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((segment, Arc::clone(&file)));
        }
        Ok(file)
    }

    /// Forgets open handles, after files were replaced or removed.
    pub(crate) fn forget(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
