//! What the insurers' consumers took out of their mailboxes: per message *retrieved*, and per message *deletion
//! committed*. Durable before the consumer is told; messages are known by salted digests only.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ledger::Ledger;
use record::{Draft, Kind, Origin};
use serde::{Deserialize, Serialize};
use spool::ItemId;
use vocabulary::{CellId, Digest, Hasher, Timestamp};

use crate::address::Mailbox;

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

impl Step {
    const ALL: [Self; 3] = [Self::Retrieved, Self::DeletionInDoubt, Self::DeletionCommitted];

    const fn kind(self) -> &'static str {
        match self {
            Self::Retrieved => "fetch.retrieved",
            Self::DeletionInDoubt => "fetch.deletion-in-doubt",
            Self::DeletionCommitted => "fetch.deletion-committed",
        }
    }
}

/// One message of a step, and the item it is, if our forwarder handed it over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Noted {
    pub(crate) mark: MessageMark,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) item: Option<ItemId>,
}

impl From<MessageMark> for Noted {
    fn from(mark: MessageMark) -> Self {
        Self { mark, item: None }
    }
}

/// The body of an entry, as JSON; its kind is that of the step.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    cell: CellId,
    messages: Vec<Noted>,
}

/// Messages in one entry: some 130 kilobytes at most.
const MESSAGES_MAX: usize = 1_000;
/// Entries in one append: far below what one commit of a ledger takes.
const ENTRIES_MAX: usize = 50;

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
pub(crate) enum Error {
    #[error("mail: the fetch records in {} cannot be {tried}", path.display())]
    Ledger {
        tried: &'static str,
        path: PathBuf,
        source: ledger::Error,
    },
    #[error("mail: entry {index} of the fetch records in {} is none that this program writes", path.display())]
    Foreign { path: PathBuf, index: u64 },
    #[error("mail: the fetch records cannot be named {name}")]
    Name { name: String },
    #[error("mail: the fetch records in {} could not be written to the end", path.display())]
    Fallen { path: PathBuf },
}

/// The records. Shared by all sessions; one writer at a time.
#[derive(Debug, Clone)]
pub(crate) struct Book(Arc<Mutex<Inside>>);

struct Inside {
    ledger: Ledger,
    fold: Fold,
}

impl std::fmt::Debug for Inside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.fold.fmt(f)
    }
}

/// What the entries add up to.
#[derive(Debug, Default)]
struct Fold {
    messages: HashMap<MessageMark, Known>,
    committed: BTreeMap<CellId, u64>,
}

#[derive(Debug)]
struct Known {
    cell: CellId,
    step: Step,
    item: Option<ItemId>,
}

impl Book {
    /// Opens or begins the records in a folder. A torn tail (power cut) is cut off: nobody was told.
    ///
    /// # Errors
    /// [`Error`] when they cannot be read or written, when an entry is not what it was, with its number, or when they
    /// are those of another spool.
    pub(crate) fn open(dir: &Path, name: &str) -> Result<Self, Error> {
        let failed = |tried| {
            let path = dir.to_owned();
            move |source| Error::Ledger { tried, path, source }
        };
        let origin = Origin::new(name).map_err(|_| Error::Name {
            name: name.to_owned(),
        })?;
        let ledger = match Ledger::open(dir, &origin) {
            Ok((ledger, recovered)) => {
                if recovered.cut_bytes > 0 {
                    tracing::warn!(name, "{recovered}");
                }
                ledger
            }
            Err(ledger::Error::NotALedger(_)) => Ledger::create(dir, &origin).map_err(failed("begun"))?,
            Err(error) => return Err(failed("opened")(error)),
        };
        let mut fold = Fold::default();
        for entry in ledger.read(0).map_err(failed("read"))? {
            let entry = entry.map_err(failed("read"))?;
            let step = Step::ALL
                .into_iter()
                .find(|step| step.kind() == entry.kind.as_str());
            match (step, serde_json::from_slice::<Body>(&entry.body)) {
                (Some(step), Ok(body)) => fold.add(step, &body.cell, &body.messages),
                (Some(_) | None, Ok(_) | Err(_)) => {
                    let (path, index) = (dir.to_owned(), entry.index);
                    return Err(Error::Foreign { path, index });
                }
            }
        }
        Ok(Self(Arc::new(Mutex::new(Inside { ledger, fold }))))
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        // The fold is changed only after the disk: a panic in between leaves it behind, never ahead.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a step of some messages of one cell; durable when this returns. Noting a step again changes nothing.
    /// May be dropped: what was begun is finished.
    ///
    /// # Errors
    /// [`Error`]: not all of it is noted, and nothing may be told.
    pub(crate) async fn note(
        &self,
        cell: CellId,
        step: Step,
        messages: Vec<Noted>,
        at: Timestamp,
    ) -> Result<(), Error> {
        if messages.is_empty() {
            return Ok(());
        }
        let book = self.clone();
        let done = tokio::task::spawn_blocking(move || book.inside().note(&cell, step, messages, at));
        match done.await {
            Ok(done) => done,
            Err(_) => Err(Error::Fallen {
                path: self.inside().ledger.dir().to_owned(),
            }),
        }
    }

    /// The counts of a cell.
    #[must_use]
    pub(crate) fn tally(&self, cell: &CellId) -> Tally {
        let inside = self.inside();
        let mut tally = Tally {
            deletion_committed: inside.fold.committed.get(cell).copied().unwrap_or(0),
            ..Tally::default()
        };
        for known in inside.fold.messages.values().filter(|known| known.cell == *cell) {
            match known.step {
                Step::Retrieved => tally.retrieved += 1,
                Step::DeletionInDoubt => tally.deletion_in_doubt += 1,
                Step::DeletionCommitted => {}
            }
        }
        tally
    }

    /// How far a message has gone, as far as it is still kept: committed deletions are only counted.
    #[must_use]
    pub(crate) fn step(&self, mark: &MessageMark) -> Option<Step> {
        self.inside().fold.messages.get(mark).map(|known| known.step)
    }

    /// Which of our items some messages are, as far as they were retrieved, in this session or an earlier one.
    #[must_use]
    pub(crate) fn items(&self, messages: &[Noted]) -> Vec<ItemId> {
        let inside = self.inside();
        messages
            .iter()
            .filter_map(|noted| inside.fold.messages.get(&noted.mark)?.item)
            .collect()
    }
}

impl Inside {
    fn note(
        &mut self,
        cell: &CellId,
        step: Step,
        mut messages: Vec<Noted>,
        at: Timestamp,
    ) -> Result<(), Error> {
        let path = self.ledger.dir().to_owned();
        messages.retain(|noted| self.fold.is_news(step, noted));
        for some in messages.chunks(MESSAGES_MAX * ENTRIES_MAX) {
            let drafts = some
                .chunks(MESSAGES_MAX)
                .map(|few| draft(cell, step, few, at))
                .collect::<Option<Vec<_>>>()
                .ok_or_else(|| Error::Fallen { path: path.clone() })?;
            let written = self.ledger.append(&drafts);
            written.map_err(|source| Error::Ledger {
                tried: "written",
                path: path.clone(),
                source,
            })?;
            self.fold.add(step, cell, some);
        }
        Ok(())
    }
}

fn draft(cell: &CellId, step: Step, messages: &[Noted], at: Timestamp) -> Option<Draft> {
    let body = Body {
        cell: cell.clone(),
        messages: messages.to_vec(),
    };
    Some(Draft {
        kind: Kind::new(step.kind()).ok()?,
        at,
        body: serde_json::to_vec(&body).ok()?,
    })
}

impl Fold {
    /// Whether noting this would change anything.
    fn is_news(&self, step: Step, noted: &Noted) -> bool {
        match self.messages.get(&noted.mark) {
            Some(known) => known.step < step || (known.item.is_none() && noted.item.is_some()),
            // A committed deletion ends what was known of a message; it follows one in doubt.
            None => step != Step::DeletionCommitted,
        }
    }

    fn add(&mut self, step: Step, cell: &CellId, messages: &[Noted]) {
        for noted in messages {
            match step {
                Step::DeletionCommitted => {
                    if self.messages.remove(&noted.mark).is_some() {
                        *self.committed.entry(cell.clone()).or_default() += 1;
                    }
                }
                Step::Retrieved | Step::DeletionInDoubt => {
                    let known = self.messages.entry(noted.mark).or_insert_with(|| Known {
                        cell: cell.clone(),
                        step,
                        item: None,
                    });
                    known.step = known.step.max(step);
                    known.item = known.item.or(noted.item);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::verify::Trust;

    const NAME: &str = "bulkhead/mail/test/fetched";
    const AT: Timestamp = Timestamp(1_682_366_400);

    fn cell() -> CellId {
        "k/kim".parse().unwrap()
    }

    fn mark(uidl: &str) -> MessageMark {
        let mailbox = Mailbox::new("kasse@x.kim").unwrap();
        MessageMark::new(&Salt([7; 32]), &mailbox, uidl.as_bytes())
    }

    fn item(sequence: u32) -> ItemId {
        format!("00000000000000aa{sequence:016x}").parse().unwrap()
    }

    async fn note(book: &Book, step: Step, messages: Vec<Noted>) {
        book.note(cell(), step, messages, AT).await.unwrap();
    }

    fn verified(dir: &Path) -> ledger::Verified {
        let origin = Origin::new(NAME).unwrap();
        ledger::verify(dir, &origin, &[], &Trust::default()).unwrap()
    }

    fn segment(dir: &Path) -> PathBuf {
        std::fs::read_dir(dir.join("entries"))
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path()
    }

    #[tokio::test]
    async fn steps_links_and_counts_survive_a_restart_and_a_torn_tail() {
        let dir = tempfile::tempdir().unwrap();
        {
            let book = Book::open(dir.path(), NAME).unwrap();
            let linked = Noted {
                mark: mark("a"),
                item: Some(item(1)),
            };
            for _ in 0..2 {
                note(
                    &book,
                    Step::Retrieved,
                    vec![linked.clone(), mark("b").into(), mark("c").into()],
                )
                .await;
            }
            for step in [
                Step::DeletionInDoubt,
                Step::DeletionCommitted,
                Step::DeletionCommitted,
            ] {
                note(&book, step, vec![mark("c").into()]).await;
            }
            // Of the seven notes above, three said something new.
            assert_eq!(book.inside().ledger.head().len, 3);
        }
        let path = segment(dir.path());
        let whole = std::fs::read(&path).unwrap();
        assert!(!String::from_utf8_lossy(&whole).contains("kasse@"));
        let mut torn = whole.clone();
        torn.extend_from_slice(b"half a commit");
        std::fs::write(&path, torn).unwrap();
        let book = Book::open(dir.path(), NAME).unwrap();
        let tally = book.tally(&cell());
        assert_eq!(
            (tally.retrieved, tally.deletion_in_doubt, tally.deletion_committed),
            (2, 0, 1)
        );
        assert_eq!(
            (book.step(&mark("b")), book.step(&mark("c"))),
            (Some(Step::Retrieved), None)
        );
        assert_eq!(
            book.items(&[mark("a").into(), mark("b").into(), mark("c").into()]),
            [item(1)]
        );
        note(&book, Step::DeletionInDoubt, vec![mark("b").into()]).await;
        drop(book);
        assert_eq!(
            Book::open(dir.path(), NAME)
                .unwrap()
                .tally(&cell())
                .deletion_in_doubt,
            1
        );
        assert!(verified(dir.path()).is_sound());
        assert!(matches!(
            Book::open(dir.path(), "bulkhead/mail/other/fetched"),
            Err(Error::Ledger {
                source: ledger::Error::OtherLog { .. },
                ..
            })
        ));
    }

    #[tokio::test]
    async fn very_many_deletions_become_few_bounded_entries() {
        let dir = tempfile::tempdir().unwrap();
        let book = Book::open(dir.path(), NAME).unwrap();
        let many = (0..51_001)
            .map(|n| mark(&n.to_string()).into())
            .collect::<Vec<_>>();
        note(&book, Step::DeletionInDoubt, many.clone()).await;
        note(&book, Step::DeletionCommitted, many).await;
        assert_eq!(book.inside().ledger.head().len, 2 * 52);
        drop(book);
        assert_eq!(
            Book::open(dir.path(), NAME)
                .unwrap()
                .tally(&cell())
                .deletion_committed,
            51_001
        );
    }

    #[tokio::test]
    async fn a_changed_byte_is_named_and_the_records_are_not_opened() {
        let dir = tempfile::tempdir().unwrap();
        {
            let book = Book::open(dir.path(), NAME).unwrap();
            for uidl in ["a", "b", "c"] {
                note(&book, Step::Retrieved, vec![mark(uidl).into()]).await;
            }
        }
        assert!(verified(dir.path()).is_sound());
        let path = segment(dir.path());
        let mut bytes = std::fs::read(&path).unwrap();
        let wanted = serde_json::to_string(&mark("b")).unwrap();
        let at = memchr::memmem::find(&bytes, wanted.as_bytes()).unwrap();
        bytes[at + 1] = if bytes[at + 1] == b'0' { b'1' } else { b'0' };
        std::fs::write(&path, bytes).unwrap();
        let found = verified(dir.path());
        assert!(!found.is_sound());
        assert_eq!(found.places.len(), 1, "{found}");
        let refused = Book::open(dir.path(), NAME).unwrap_err();
        assert!(
            matches!(
                refused,
                Error::Ledger {
                    source: ledger::Error::Damaged { index: 1, .. },
                    ..
                }
            ),
            "{refused:?}"
        );
    }
}
