//! What the insurers' consumers took out of their mailboxes: per message *retrieved*, and per message *deletion
//! committed*. Durable before the consumer is told; messages are known by salted digests only.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{File, OpenOptions},
    io::{BufRead as _, BufReader, Seek as _, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};
use vocabulary::{CellId, Digest, Hasher};

use crate::{address::Mailbox, outbox::sync_dir};

/// Hides mailbox and message names in records; drawn once per installation and kept with the records.
#[derive(Clone)]
pub struct Salt(pub [u8; 32]);

impl std::fmt::Debug for Salt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("salt")
    }
}

/// One message of one mailbox, as a salted digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageMark(Digest);

impl MessageMark {
    /// The mark of a message by its mailbox and UIDL.
    #[must_use]
    pub fn new(salt: &Salt, mailbox: &Mailbox, uidl: &[u8]) -> Self {
        let mut hasher = Hasher::new();
        hasher.update(&salt.0);
        hasher.update(mailbox.as_str().as_bytes());
        hasher.update(&[0]);
        hasher.update(uidl);
        Self(hasher.finish())
    }
}

/// How far a message has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// The consumer has had all of it.
    Retrieved,
    /// The consumer asked to delete it and said QUIT; what the store did is not known yet.
    DeletionInDoubt,
    /// The store has confirmed its UPDATE state.
    DeletionCommitted,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    cell: CellId,
    step: Step,
    marks: Vec<MessageMark>,
}

/// Counts for one cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Tally {
    /// Retrieved, not deleted: *fetched but not deleted*.
    pub retrieved: u64,
    /// Deletion asked for, outcome unknown.
    pub deletion_in_doubt: u64,
    /// Deleted, counted since the records began.
    pub deletion_committed: u64,
}

/// What went wrong with the records.
#[derive(Debug, thiserror::Error)]
#[error("mail: cannot {tried} the fetch records {path}")]
pub(crate) struct Error {
    tried: &'static str,
    path: PathBuf,
    source: std::io::Error,
}

/// The records. Shared by all sessions; one writer at a time.
#[derive(Debug, Clone)]
pub(crate) struct Book(Arc<Mutex<Inside>>);

#[derive(Debug)]
struct Inside {
    path: PathBuf,
    file: File,
    steps: HashMap<MessageMark, (CellId, Step)>,
    committed: BTreeMap<CellId, u64>,
    /// After a failed sync nothing is written any more: what the file holds is unknown.
    failed: bool,
}

impl Book {
    /// Opens or begins the records in a folder. A torn last line (power cut) is cut off: nobody was told.
    ///
    /// # Errors
    /// [`Error`] when the file cannot be read or written.
    pub(crate) fn open(dir: &Path) -> Result<Self, Error> {
        let path = dir.join("fetch.log");
        let error = |tried| {
            let path = path.clone();
            move |source| Error { tried, path, source }
        };
        std::fs::create_dir_all(dir).map_err(error("make the folder of"))?;
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&path)
            .map_err(error("open"))?;
        sync_dir(dir).map_err(error("sync the folder of"))?;
        let (mut steps, mut committed, mut whole) = (HashMap::new(), BTreeMap::new(), 0);
        let mut reader = BufReader::new(&file);
        let mut text = String::new();
        loop {
            text.clear();
            let count = reader.read_line(&mut text).map_err(error("read"))?;
            if !text.ends_with('\n') {
                break;
            }
            let line: Line = serde_json::from_str(&text)
                .map_err(|bad| std::io::Error::new(std::io::ErrorKind::InvalidData, bad))
                .map_err(error("understand"))?;
            fold(&mut steps, &mut committed, &line);
            whole += count as u64;
        }
        if file.metadata().map_err(error("look at"))?.len() > whole {
            file.set_len(whole).map_err(error("repair"))?;
            file.sync_all().map_err(error("sync"))?;
        }
        file.seek(std::io::SeekFrom::End(0)).map_err(error("read"))?;
        Ok(Self(Arc::new(Mutex::new(Inside {
            path,
            file,
            steps,
            committed,
            failed: false,
        }))))
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        // The map is changed only after the file: a panic in between leaves it behind the file, never ahead.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a step of some messages of one cell; durable when this returns. Noting a step again changes nothing.
    ///
    /// # Errors
    /// [`Error`]: nothing is noted, and nothing may be told.
    pub(crate) async fn note(&self, cell: CellId, step: Step, marks: Vec<MessageMark>) -> Result<(), Error> {
        if marks.is_empty() {
            return Ok(());
        }
        let book = self.clone();
        let done = tokio::task::spawn_blocking(move || book.inside().note(&Line { cell, step, marks }));
        done.await.unwrap_or_else(|gone| {
            Err(Error {
                tried: "write",
                path: PathBuf::new(),
                source: std::io::Error::other(gone),
            })
        })
    }

    /// The counts of a cell.
    #[must_use]
    pub(crate) fn tally(&self, cell: &CellId) -> Tally {
        let inside = self.inside();
        let mut tally = Tally {
            deletion_committed: inside.committed.get(cell).copied().unwrap_or(0),
            ..Tally::default()
        };
        for (of, step) in inside.steps.values() {
            match step {
                Step::Retrieved if of == cell => tally.retrieved += 1,
                Step::DeletionInDoubt if of == cell => tally.deletion_in_doubt += 1,
                Step::Retrieved | Step::DeletionInDoubt | Step::DeletionCommitted => {}
            }
        }
        tally
    }

    /// How far a message has gone, as far as it is still kept: committed deletions are only counted.
    #[must_use]
    pub(crate) fn step(&self, mark: &MessageMark) -> Option<Step> {
        self.inside().steps.get(mark).map(|(_, step)| *step)
    }
}

impl Inside {
    fn note(&mut self, line: &Line) -> Result<(), Error> {
        let error = |tried, path: &Path| {
            let path = path.to_owned();
            move |source| Error { tried, path, source }
        };
        if self.failed {
            return Err(error("go on after a failed sync of", &self.path)(
                std::io::ErrorKind::Other.into(),
            ));
        }
        let new = line
            .marks
            .iter()
            .any(|mark| self.steps.get(mark).is_none_or(|(_, step)| *step < line.step));
        if !new {
            return Ok(());
        }
        let mut bytes = serde_json::to_vec(line)
            .map_err(std::io::Error::other)
            .map_err(error("write", &self.path))?;
        bytes.push(b'\n');
        let written = self.file.write_all(&bytes).and_then(|()| self.file.sync_data());
        if let Err(source) = written {
            self.failed = true;
            return Err(error("write", &self.path)(source));
        }
        fold(&mut self.steps, &mut self.committed, line);
        Ok(())
    }
}

fn fold(
    steps: &mut HashMap<MessageMark, (CellId, Step)>,
    committed: &mut BTreeMap<CellId, u64>,
    line: &Line,
) {
    for mark in &line.marks {
        match line.step {
            Step::DeletionCommitted => {
                steps.remove(mark);
                *committed.entry(line.cell.clone()).or_default() += 1;
            }
            Step::Retrieved | Step::DeletionInDoubt => {
                let entry = steps
                    .entry(*mark)
                    .or_insert_with(|| (line.cell.clone(), line.step));
                entry.1 = entry.1.max(line.step);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn steps_survive_a_restart_and_a_torn_line() {
        let dir = tempfile::tempdir().unwrap();
        let cell: CellId = "k/kim".parse().unwrap();
        let mailbox = Mailbox::new("kasse@x.kim").unwrap();
        let mark = |uidl: &str| MessageMark::new(&Salt([7; 32]), &mailbox, uidl.as_bytes());
        {
            let book = Book::open(dir.path()).unwrap();
            for _ in 0..2 {
                book.note(cell.clone(), Step::Retrieved, vec![mark("a"), mark("b")])
                    .await
                    .unwrap();
            }
            book.note(cell.clone(), Step::DeletionInDoubt, vec![mark("a")])
                .await
                .unwrap();
            book.note(cell.clone(), Step::DeletionCommitted, vec![mark("a")])
                .await
                .unwrap();
        }
        let path = dir.path().join("fetch.log");
        let before = std::fs::read(&path).unwrap();
        assert!(!String::from_utf8_lossy(&before).contains("kasse@"));
        let mut torn = before.clone();
        torn.extend_from_slice(b"{\"cell\":\"k/k");
        std::fs::write(&path, torn).unwrap();
        let book = Book::open(dir.path()).unwrap();
        assert_eq!(
            book.tally(&cell),
            Tally {
                retrieved: 1,
                deletion_in_doubt: 0,
                deletion_committed: 1
            }
        );
        assert_eq!(book.step(&mark("b")), Some(Step::Retrieved));
        assert_eq!(std::fs::read(&path).unwrap(), before);
        book.note(cell.clone(), Step::DeletionInDoubt, vec![mark("b")])
            .await
            .unwrap();
        assert_eq!(Book::open(dir.path()).unwrap().tally(&cell).deletion_in_doubt, 1);
    }
}
