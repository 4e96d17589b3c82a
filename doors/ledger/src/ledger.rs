//! The one writer of a ledger directory.

mod proofs;
mod recover;

use record::{
    Chain, Checkpoint, Draft, Entry, Head, LogKey, Note, Origin,
    tree::{ConsistencyProof, Frontier, InclusionProof, NoProof, root_of},
};
use std::{
    fs::{self, File},
    ops::Range,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};
use vocabulary::Digest;

use crate::{
    disk,
    error::Error,
    frame::{COMMIT_BYTES_MAX, COMMIT_HEADER_BYTES, CommitHeader, SegmentHeader},
    nodes::NodeFile,
    read::Entries,
    scan::{Mark, Marks, Scanned, scan},
    slots::Slots,
};
use recover::cut_torn_tail;

/// A new segment begins when the current one would grow beyond this. Bounds what recovery must look at.
const SEGMENT_BYTES_MAX: u64 = 64 * 1024 * 1024;
const NAME_LINE: &str = "bulkhead ledger 1";

/// An append-only log directory and the right to write it. One writer per directory, enforced by a lock.
pub struct Ledger {
    dir: PathBuf,
    origin: Origin,
    _lock: disk::Lock,
    segment: File,
    segment_number: u32,
    /// Where the next commit begins in the segment.
    end: u64,
    /// What is on disk.
    durable: Chain,
    /// What is on disk and what is staged.
    ahead: Chain,
    /// Body of the next commit, after room for its header.
    staged: Vec<u8>,
    staged_hashes: Vec<u8>,
    marks: Marks,
    nodes: NodeFile,
    checkpoint: Slots,
    cosigned: Slots,
    /// The step that failed, after which nobody knows what is on disk.
    poisoned: Option<&'static str>,
}

/// What opening a ledger found and mended.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Recovered {
    /// Bytes cut off the end: a commit that a crash interrupted, never acknowledged.
    pub cut_bytes: u64,
    /// Where those bytes are kept, for whoever wants to look. `None` when nothing was cut or there was no room.
    pub kept_in: Option<PathBuf>,
}

impl std::fmt::Display for Recovered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.cut_bytes == 0 {
            return f.write_str("Das Protokoll ist vollständig. / The ledger is complete.");
        }
        write!(
            f,
            "{0} Bytes eines unterbrochenen, nie bestätigten Schreibvorgangs wurden abgeschnitten. / \
             {0} bytes of an interrupted write that was never acknowledged were cut off.",
            self.cut_bytes
        )
    }
}

/// The name of the ledger in a directory, if there is one.
///
/// # Errors
/// [`Error::NotALedger`] when there is none or its name cannot be read.
pub fn origin_of(dir: &Path) -> Result<Origin, Error> {
    let path = dir.join("origin");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::NotALedger(dir.to_path_buf()));
        }
        Err(error) => return Err(Error::io("read", &path)(error)),
    };
    text.strip_prefix(NAME_LINE)
        .and_then(|rest| rest.strip_prefix('\n')?.strip_suffix('\n'))
        .and_then(|name| Origin::new(name).ok())
        .ok_or_else(|| Error::NotALedger(dir.to_path_buf()))
}

impl Ledger {
    /// Makes an empty ledger. The directory is made if needed; everything is durable when this returns, and a crash on
    /// the way leaves a directory in which it can be made again.
    ///
    /// # Errors
    /// [`Error::Exists`] when there is one already, [`Error::InUse`], or what the file system says.
    pub fn create(dir: &Path, origin: &Origin) -> Result<Self, Error> {
        let entries = dir.join("entries");
        disk::make_dir(&entries)?;
        let lock = disk::lock(dir)?;
        let first = entries.join(SegmentHeader::file_name(1));
        let header = SegmentHeader::of(origin, 1, 0, Chain::new(origin).tip()).encode();
        // Before the name is written nothing can have been recorded, so only an empty first segment may lie here.
        let begun = fs::metadata(&first).is_ok_and(|found| found.len() > header.len() as u64);
        if begun || dir.join("origin").exists() {
            return Err(Error::Exists(dir.to_path_buf()));
        }
        disk::publish(&first, &header)?;
        disk::publish(&dir.join("origin"), format!("{NAME_LINE}\n{origin}\n").as_bytes())?;
        Self::load(dir, origin, lock).map(|(ledger, _)| ledger)
    }

    /// Opens a ledger: reads and checks every entry, cuts off what a crash left half written, and reports it.
    ///
    /// # Errors
    /// [`Error::Damaged`] with the entry, [`Error::Truncated`] or [`Error::Forked`] when the last checkpoint says
    /// otherwise, [`Error::InUse`], [`Error::NotALedger`], [`Error::OtherLog`], or what the file system says.
    pub fn open(dir: &Path, origin: &Origin) -> Result<(Self, Recovered), Error> {
        let found = origin_of(dir)?;
        if found != *origin {
            let (expected, found) = (origin.to_string(), found.to_string());
            return Err(Error::OtherLog {
                dir: dir.to_path_buf(),
                expected,
                found,
            });
        }
        let lock = disk::lock(dir)?;
        Self::load(dir, origin, lock)
    }

    fn load(dir: &Path, origin: &Origin, lock: disk::Lock) -> Result<(Self, Recovered), Error> {
        let checkpoint = Slots::open(&dir.join("checkpoint"))?;
        let cosigned = Slots::open(&dir.join("cosigned"))?;
        let mut claims = Vec::new();
        for text in [checkpoint.latest(), cosigned.latest()].into_iter().flatten() {
            claims.push(Checkpoint::parse(Note::parse(text.as_bytes())?.text())?);
        }
        let sizes: Vec<u64> = claims.iter().map(|claim| claim.size).collect();
        let scanned = scan(dir, origin, &sizes)?;
        for claim in claims {
            let (len, size, dir) = (scanned.chain.len(), claim.size, dir.to_path_buf());
            match scanned.roots.get(&size) {
                None => return Err(Error::Truncated { dir, len, size }),
                Some(root) if *root != claim.root => return Err(Error::Forked { dir, size }),
                Some(_) => {}
            }
        }
        let path = dir
            .join("entries")
            .join(SegmentHeader::file_name(scanned.segment));
        let segment = disk::open_for_writing(&path)?;
        let recovered = if scanned.torn {
            cut_torn_tail(dir, &path, &segment, &scanned)?
        } else {
            Recovered::default()
        };
        let nodes = NodeFile::open(&dir.join("nodes"), scanned.chain.len())?;
        let ledger = Self {
            dir: dir.to_path_buf(),
            origin: origin.clone(),
            _lock: lock,
            segment,
            segment_number: scanned.segment,
            end: scanned.end,
            ahead: scanned.chain.clone(),
            durable: scanned.chain,
            staged: Vec::new(),
            staged_hashes: Vec::new(),
            marks: scanned.marks,
            nodes,
            checkpoint,
            cosigned,
            poisoned: None,
        };
        Ok((ledger, recovered))
    }

    /// The log's name.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where the log stands on disk. What is only staged does not count.
    #[must_use]
    pub fn head(&self) -> Head {
        self.durable.head()
    }

    /// How many entries are on disk.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.durable.len()
    }

    /// Whether nothing is on disk yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.durable.is_empty()
    }

    /// The tree's right edge on disk.
    #[must_use]
    pub const fn frontier(&self) -> &Frontier {
        self.durable.frontier()
    }

    /// Records drafts, together with whatever is staged: one write, one sync, all or nothing. When this returns they
    /// are on disk.
    ///
    /// # Errors
    /// Nothing was acknowledged. A disk found full while writing ([`Error::DiskFull`]), [`Error::Entry`] and
    /// [`Error::CommitTooLarge`] leave the ledger usable; after any other failure, a disk found full only by the sync
    /// among them, it refuses to go on ([`Error::Poisoned`]).
    pub fn append(&mut self, drafts: &[Draft]) -> Result<Range<u64>, Error> {
        let range = self.stage(drafts)?;
        self.sync()?;
        Ok(range)
    }

    /// Numbers and chains drafts, for the next [`Self::sync`]. Nothing is on disk yet; nobody may be told.
    ///
    /// # Errors
    /// None of these drafts was staged; what was staged before still is. [`Error::CommitTooLarge`] means: sync first.
    pub fn stage(&mut self, drafts: &[Draft]) -> Result<Range<u64>, Error> {
        self.check_poison()?;
        let (first, staged, hashes) = (self.ahead.len(), self.staged.len(), self.staged_hashes.len());
        let before = self.ahead.clone();
        let result = drafts.iter().try_for_each(|draft| self.stage_one(draft));
        if let Err(error) = result {
            self.ahead = before;
            self.staged.truncate(staged);
            self.staged_hashes.truncate(hashes);
            return Err(error);
        }
        Ok(first..self.ahead.len())
    }

    fn stage_one(&mut self, draft: &Draft) -> Result<(), Error> {
        if self.staged.is_empty() {
            self.staged.resize(COMMIT_HEADER_BYTES, 0);
        }
        let length_at = self.staged.len();
        self.staged.extend_from_slice(&[0; 4]);
        let hashes = &mut self.staged_hashes;
        self.ahead.push(draft, &mut self.staged, |_, hash| {
            hashes.extend_from_slice(hash.as_bytes())
        })?;
        let bytes = self.staged.len() - COMMIT_HEADER_BYTES;
        if bytes > COMMIT_BYTES_MAX {
            return Err(Error::CommitTooLarge {
                bytes,
                max: COMMIT_BYTES_MAX,
            });
        }
        let length = u32::try_from(self.staged.len() - length_at - 4).unwrap_or(u32::MAX);
        if let Some(place) = self.staged.get_mut(length_at..length_at + 4) {
            place.copy_from_slice(&length.to_le_bytes());
        }
        Ok(())
    }

    /// Brings everything staged to disk: one write, one sync. When this returns it is durable.
    ///
    /// # Errors
    /// Everything staged is dropped and was not recorded; see [`Self::append`].
    pub fn sync(&mut self) -> Result<Head, Error> {
        self.check_poison()?;
        if self.ahead.len() == self.durable.len() {
            self.forget_staged();
            return Ok(self.head());
        }
        let mut frame = std::mem::take(&mut self.staged);
        let result = self.write_frame(&mut frame);
        frame.clear();
        match result {
            Ok(()) => {
                self.nodes.add(&self.staged_hashes);
                self.durable.clone_from(&self.ahead);
                self.staged = frame;
                self.staged_hashes.clear();
                Ok(self.head())
            }
            Err(error) => {
                self.forget_staged();
                Err(error)
            }
        }
    }

    fn write_frame(&mut self, frame: &mut [u8]) -> Result<(), Error> {
        let (header, body) = frame.split_at_mut(COMMIT_HEADER_BYTES);
        let first = self.durable.len();
        let count = self.ahead.len() - first;
        let encoded = CommitHeader {
            body_len: u32::try_from(body.len()).unwrap_or(u32::MAX),
            entries: u32::try_from(count).unwrap_or(u32::MAX),
            first,
            body_crc: crc32c::crc32c(body),
        };
        header.copy_from_slice(&encoded.encode());
        let bytes = frame.len() as u64;
        if self.end + bytes > SEGMENT_BYTES_MAX && self.end > SegmentHeader::BYTES {
            self.begin_segment()?;
        }
        let path = self.segment_path();
        if let Err(error) = self
            .segment
            .write_all_at(frame, self.end)
            .map_err(Error::io("write", &path))
        {
            return Err(self.after_failed_write(error));
        }
        if let Err(error) = self.segment.sync_data().map_err(Error::io("sync", &path)) {
            // After a failed sync the system may have dropped the pages: what is on disk is anybody's guess.
            self.poisoned = Some("sync");
            return Err(error);
        }
        self.marks.note(Mark {
            first,
            segment: self.segment_number,
            offset: self.end,
        });
        self.end += bytes;
        Ok(())
    }

    /// A full disk is a normal thing: the half-written commit is cut off and the ledger goes on. Anything else is not.
    fn after_failed_write(&mut self, error: Error) -> Error {
        let full = matches!(error, Error::DiskFull { .. });
        if !full
            || self
                .segment
                .set_len(self.end)
                .and_then(|()| self.segment.sync_all())
                .is_err()
        {
            self.poisoned = Some("write");
        }
        error
    }

    fn begin_segment(&mut self) -> Result<(), Error> {
        let number = self.segment_number + 1;
        let header = SegmentHeader::of(&self.origin, number, self.durable.len(), self.durable.tip()).encode();
        let path = self.dir.join("entries").join(SegmentHeader::file_name(number));
        let opened = disk::publish(&path, &header).and_then(|()| disk::open_for_writing(&path));
        match opened {
            Ok(segment) => {
                self.segment = segment;
                self.segment_number = number;
                self.end = SegmentHeader::BYTES;
                Ok(())
            }
            Err(error) => {
                if !matches!(error, Error::DiskFull { .. }) {
                    self.poisoned = Some("create");
                }
                Err(error)
            }
        }
    }

    fn segment_path(&self) -> PathBuf {
        self.dir
            .join("entries")
            .join(SegmentHeader::file_name(self.segment_number))
    }

    fn forget_staged(&mut self) {
        self.ahead.clone_from(&self.durable);
        self.staged.clear();
        self.staged_hashes.clear();
    }

    fn check_poison(&self) -> Result<(), Error> {
        match self.poisoned {
            None => Ok(()),
            Some(doing) => Err(Error::Poisoned {
                dir: self.dir.clone(),
                doing,
            }),
        }
    }

    /// A note that could not be written durably leaves the same doubt as an entry.
    const fn or_poisoned(&mut self, written: Result<(), Error>) -> Result<(), Error> {
        if written.is_err() {
            self.poisoned = Some("checkpoint");
        }
        written
    }

    /// Entries from an index to the end as it is on disk now.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when the index lies beyond the end. Each entry may bring its own error.
    pub fn read(&self, from: u64) -> Result<Entries, Error> {
        let len = self.len();
        if from > len {
            return Err(Error::OutOfRange { asked: from, len });
        }
        Ok(Entries::new(
            self.dir.join("entries"),
            self.marks.before(from),
            from,
            len,
        ))
    }

    /// One entry.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], or what reading says.
    pub fn entry(&self, index: u64) -> Result<Entry, Error> {
        let out_of_range = Error::OutOfRange {
            asked: index,
            len: self.len(),
        };
        self.read(index)?.next().unwrap_or(Err(out_of_range))
    }

    /// Signs where the log stands on disk, and keeps that durably: the log can never again be opened shorter or other.
    ///
    /// # Errors
    /// [`Error::Poisoned`], or what the file system says.
    pub fn checkpoint(&mut self, key: &LogKey) -> Result<Note, Error> {
        self.check_poison()?;
        let head = self.head();
        let note = key.sign(&Checkpoint::new(self.origin.clone(), head.len, head.root))?;
        let replaced = self.checkpoint.replace(&note.to_string());
        self.or_poisoned(replaced)?;
        Ok(note)
    }

    /// Keeps a checkpoint with its cosignatures durably, after checking that it is one of this log. One that is
    /// smaller than what is kept already changes nothing. Who signed is for [`record::Cosigned`] to say, not for this.
    ///
    /// # Errors
    /// [`Error::OtherLog`], [`Error::Truncated`] or [`Error::Forked`] when it is not; [`Error::Poisoned`], or what the
    /// file system says.
    pub fn keep_cosigned(&mut self, note: &Note) -> Result<(), Error> {
        self.check_poison()?;
        let claim = Checkpoint::parse(note.text())?;
        let dir = self.dir.clone();
        if claim.origin != self.origin {
            let (expected, found) = (self.origin.to_string(), claim.origin.to_string());
            return Err(Error::OtherLog { dir, expected, found });
        }
        if claim.size > self.len() {
            return Err(Error::Truncated {
                dir,
                len: self.len(),
                size: claim.size,
            });
        }
        if self.root_at(claim.size)? != claim.root {
            return Err(Error::Forked {
                dir,
                size: claim.size,
            });
        }
        let kept = self
            .latest_cosigned()
            .and_then(|kept| Checkpoint::parse(kept.text()).ok());
        if kept.is_some_and(|kept| kept.size > claim.size) {
            return Ok(());
        }
        let replaced = self.cosigned.replace(&note.to_string());
        self.or_poisoned(replaced)
    }

    /// The last checkpoint this log signed.
    #[must_use]
    pub fn latest_checkpoint(&self) -> Option<Note> {
        self.checkpoint.latest().and_then(|text| text.parse().ok())
    }

    /// The last checkpoint kept with its cosignatures.
    #[must_use]
    pub fn latest_cosigned(&self) -> Option<Note> {
        self.cosigned.latest().and_then(|text| text.parse().ok())
    }
}
