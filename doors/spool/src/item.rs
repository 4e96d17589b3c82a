//! Taking something out: the head of a lane, what is sealed in it, and its body in pieces.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt as _,
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use vocabulary::{CellId, Digest, Millis, Timestamp};
use zeroize::Zeroizing;

use crate::{
    Error, Spool,
    cache::{MARK_FLAGGED, Row},
    disk,
    frame::{HEADER_LEN, Header, Kind},
    id::{ItemId, KeyEpoch, LaneId, PeerCommitment},
    keys::ReleasedKeys,
    lanes::Turn,
    offer::Head,
    query,
    record::{ItemMeta, ItemRecord},
    seal::{CHUNK_LEN, ItemKey, TAG_LEN, sealed_len},
    spool::Shared,
    state::State,
};

/// What the receiver said when it took an item (for SMTP, the final reply). Only a keyed digest of it is kept,
/// because receivers like to repeat addresses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt(String);

impl Receipt {
    /// Takes the receiver's words.
    #[must_use]
    pub fn new(words: &str) -> Self {
        Self(words.to_owned())
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Why an item was set aside.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhyParked {
    /// The receiver refused for good, with this reply code (for SMTP, RFC 5321 section 4.2).
    Refused(u16),
    /// The stored bytes cannot be read.
    Unreadable,
    /// A person set it aside.
    ByPerson,
    /// Tried as often as is allowed.
    TooManyAttempts,
}

impl WhyParked {
    pub(crate) fn number(self) -> u32 {
        match self {
            Self::Refused(code) => 1_000_000 + u32::from(code),
            Self::Unreadable => 1,
            Self::ByPerson => 2,
            Self::TooManyAttempts => 3,
        }
    }

    pub(crate) fn read(number: u32) -> Self {
        match number {
            2 => Self::ByPerson,
            3 => Self::TooManyAttempts,
            code @ 1_000_000.. => Self::Refused(u16::try_from(code - 1_000_000).unwrap_or(0)),
            _ => Self::Unreadable,
        }
    }
}

/// What a reader finds in a cell.
#[derive(Debug)]
pub enum Next {
    /// The head of a lane.
    Item(Box<Item>),
    /// Every lane with mail waits after a failure; the first may be tried at this monotonic time.
    Later(Millis),
    /// The heads of all lanes with mail are sealed to keys that are not here. Nothing was skipped.
    Locked(BTreeSet<KeyEpoch>),
    /// Nothing waits.
    Empty,
}

/// The head of a lane, handed to one reader. Its lane gives nothing else until the item is settled by
/// [`Spool::handed_over`], [`Spool::returned`], [`Spool::park`] or [`Spool::confirm`], or this value is dropped, which
/// gives the item back untouched.
pub struct Item {
    shared: Arc<Shared>,
    lane: LaneId,
    id: ItemId,
    attempts: u64,
    state: State,
    flagged: bool,
    sealed: Sealed,
}

impl std::fmt::Debug for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Nothing sealed may reach a log line.
        write!(f, "{:?} ({})", self.id, self.state.word())
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        self.shared.lanes().settle(self.lane, self.id.seq);
    }
}

impl Item {
    /// Its name; goes with every hand-over, so that a receiver can tell a repeat.
    #[must_use]
    pub const fn id(&self) -> ItemId {
        self.id
    }

    /// The number of this attempt, from 1.
    #[must_use]
    pub const fn attempt(&self) -> u64 {
        self.attempts + 1
    }

    /// Whether an earlier hand-over began and its end is unknown: the receiver may have it already.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        self.state == State::InDoubt
    }

    /// Whether an earlier item has the same Message-ID, sender and recipients, but other bytes.
    #[must_use]
    pub const fn is_flagged(&self) -> bool {
        self.flagged
    }

    /// What was sealed, opened.
    #[must_use]
    pub const fn sealed(&self) -> &Sealed {
        &self.sealed
    }
}

/// What the sender handed in, as opened: personal data.
pub struct Sealed {
    meta: ItemMeta,
    head: Head,
    key: ItemKey,
    file: Arc<File>,
    payload_at: u64,
    shared: Arc<Shared>,
    segment: u64,
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealed")
    }
}

impl Sealed {
    /// Where it goes.
    #[must_use]
    pub const fn cell(&self) -> &CellId {
        &self.meta.cell
    }

    /// The sender as told by the peer.
    #[must_use]
    pub fn sender(&self) -> &str {
        &self.head.sender
    }

    /// The recipients of this cell.
    #[must_use]
    pub fn recipients(&self) -> &[String] {
        &self.head.recipients
    }

    /// The `Message-ID`, if there was one.
    #[must_use]
    pub fn message_id(&self) -> Option<&str> {
        self.head.message_id.as_deref()
    }

    /// What the room that offered it wanted back.
    #[must_use]
    pub fn envelope(&self) -> &[u8] {
        &self.head.envelope
    }

    /// When it came in: for people.
    #[must_use]
    pub const fn received(&self) -> Timestamp {
        self.meta.received
    }

    /// Stands for the authenticated peer.
    #[must_use]
    pub const fn peer(&self) -> PeerCommitment {
        PeerCommitment(self.meta.peer)
    }

    /// Length of the body in bytes.
    #[must_use]
    pub const fn body_len(&self) -> u64 {
        self.meta.body_len
    }

    /// SHA-256 of the body.
    #[must_use]
    pub const fn body_digest(&self) -> Digest {
        self.head.body_digest
    }

    /// The salt of the item's commitment in batch roots.
    #[must_use]
    pub const fn salt(&self) -> &[u8; 32] {
        &self.head.salt
    }

    /// Reads the body from its beginning, a chunk at a time; a changed or missing byte is an error, never a short
    /// body.
    #[must_use]
    pub fn body(&self) -> BodyReader<'_> {
        BodyReader {
            sealed: self,
            number: 0,
            chunk: Zeroizing::default(),
            taken: 0,
            left: sealed_len(self.meta.body_len),
        }
    }

    /// One chunk, from the first store that can give it whole.
    fn chunk(&self, number: u64, last: bool, bytes: &mut [u8], at: u64) -> io::Result<Zeroizing<Vec<u8>>> {
        let open = |file: &File, bytes: &mut [u8]| {
            file.read_exact_at(bytes, at)?;
            let opened = self.key.open_chunk(number, last, bytes);
            opened
                .map(Zeroizing::new)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
        };
        let first = open(&self.file, bytes);
        if first.is_ok() {
            return first;
        }
        // Records lie at the same place in every store.
        (0..self.shared.read.dirs().len())
            .filter_map(|store| self.shared.read.file_of(store, self.segment).ok())
            .find_map(|file| open(&file, bytes).ok())
            .map_or(first, Ok)
    }

    /// The whole body in memory.
    ///
    /// # Errors
    /// When the stored bytes cannot be read or were changed.
    pub fn body_bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(usize::try_from(self.meta.body_len).unwrap_or(0));
        self.body().read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// Reads a body.
pub struct BodyReader<'a> {
    sealed: &'a Sealed,
    number: u64,
    chunk: Zeroizing<Vec<u8>>,
    taken: usize,
    left: u64,
}

impl std::fmt::Debug for BodyReader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BodyReader({} sealed bytes left)", self.left)
    }
}

impl Read for BodyReader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.taken >= self.chunk.len() {
            if self.left == 0 {
                return Ok(0);
            }
            let len = self.left.min((CHUNK_LEN + TAG_LEN) as u64);
            let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
            let at = self.sealed.payload_at + self.number * (CHUNK_LEN + TAG_LEN) as u64;
            self.chunk = self.sealed.chunk(self.number, len == self.left, &mut bytes, at)?;
            self.number += 1;
            self.taken = 0;
            self.left -= len;
        }
        let rest = self.chunk.get(self.taken..).unwrap_or_default();
        let len = rest.len().min(into.len());
        for (to, from) in into.iter_mut().zip(rest) {
            *to = *from;
        }
        self.taken += len;
        Ok(len)
    }
}

impl Spool {
    /// The next item of a cell: the head of the lane whose turn it is. `now` is the reader's monotonic clock, the
    /// same one it passes to [`returned`](Self::returned). An item whose stored bytes cannot be read on any store is
    /// parked as unreadable, and the lane goes on.
    ///
    /// # Errors
    /// When the cache or a file cannot be read.
    pub fn next(&self, cell: &CellId, now: Millis) -> Result<Next, Error> {
        loop {
            let lane = match self.shared.lanes().turn(cell, now) {
                Turn::Lane(lane) => lane,
                Turn::Later(at) => return Ok(Next::Later(at)),
                Turn::Empty => return Ok(Next::Empty),
                Turn::Locked(lanes) => return self.locked(&lanes),
            };
            let Some(row) = self.take_head(lane)? else {
                continue;
            };
            if self.shared.keys().secret(row.epoch).is_none() {
                self.shared.lanes().lock(lane);
                self.shared.lanes().settle(lane, row.seq);
                continue;
            }
            match open(&self.shared, &row, None) {
                Ok(sealed) => {
                    return Ok(Next::Item(Box::new(Item {
                        shared: Arc::clone(&self.shared),
                        lane,
                        id: self.shared.item_id(row.seq),
                        attempts: row.attempts,
                        state: row.state,
                        flagged: row.marks & MARK_FLAGGED != 0,
                        sealed,
                    })));
                }
                Err(Error::Damaged { .. } | Error::Sealing { .. }) => {
                    let item = self.shared.item_id(row.seq);
                    // Not awaited, for readers may be asynchronous: the lane stays leased until it is parked.
                    drop(self.park(item, WhyParked::Unreadable, Timestamp(row.since)));
                }
                Err(error) => {
                    self.shared.lanes().settle(lane, row.seq);
                    return Err(error);
                }
            }
        }
    }

    /// Leases a lane's head. `None` when another reader was faster.
    fn take_head(&self, lane: LaneId) -> Result<Option<Row>, Error> {
        let mut lanes = self.shared.lanes();
        if self.shared.stale.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(Error::Stopped {
                why: "the pointer cache is behind the segments".to_owned(),
            });
        }
        if !lanes.is_ready(lane) {
            return Ok(None);
        }
        let Some(row) = query::first_waiting(&self.shared.pointers(), lane)? else {
            // Counted but not there: the cache was changed behind our back.
            lanes.correct(lane);
            return Ok(None);
        };
        lanes.lease(lane, row.seq);
        Ok(Some(row))
    }

    fn locked(&self, lanes: &[LaneId]) -> Result<Next, Error> {
        let mut epochs = BTreeSet::new();
        for lane in lanes {
            if let Some(row) = query::first_waiting(&self.shared.pointers(), *lane)? {
                epochs.insert(row.epoch);
            }
        }
        Ok(Next::Locked(epochs))
    }

    /// Opens any item with keys that are not the door's: what an emergency process does that the insurer released
    /// keys to. Changes nothing.
    ///
    /// # Errors
    /// [`Error::Locked`] when the keys do not open it, [`Error::NoSuchItem`] when it is not here.
    pub fn open_with(&self, item: ItemId, keys: &ReleasedKeys) -> Result<Sealed, Error> {
        let row = query::row(&self.shared.pointers(), item.seq)?.filter(|_| item.spool == self.shared.id);
        open(&self.shared, &row.ok_or(Error::NoSuchItem { item })?, Some(keys))
    }
}

/// Reads an item from the first store that can give it whole, and opens its head.
fn open(shared: &Arc<Shared>, row: &Row, keys: Option<&ReleasedKeys>) -> Result<Sealed, Error> {
    let mut first = None;
    for store in 0..shared.read.dirs().len() {
        match open_from(shared, store, row, keys) {
            Ok(sealed) => return Ok(sealed),
            Err(error @ Error::Locked { .. }) => return Err(error),
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(first.unwrap_or(Error::Sealing {
        tried: "open an item",
    }))
}

fn open_from(
    shared: &Arc<Shared>,
    store: usize,
    row: &Row,
    keys: Option<&ReleasedKeys>,
) -> Result<Sealed, Error> {
    let file = shared.read.file_of(store, row.segment)?;
    let dir = shared.read.dirs().get(store).cloned().unwrap_or_default();
    let path = disk::segment_path(&dir, row.segment);
    let damaged = |what| Error::Damaged {
        what,
        path: path.clone(),
        offset: row.offset,
    };
    let mut head = [0; HEADER_LEN];
    file.read_exact_at(&mut head, row.offset)
        .map_err(|_| damaged("a record's header"))?;
    let header = Header::read(&head)
        .filter(|header| header.kind == Kind::Item)
        .ok_or_else(|| damaged("a record's header"))?;
    let mut front = vec![0; usize::try_from(header.front_len).unwrap_or(0)];
    file.read_exact_at(&mut front, row.offset + HEADER_LEN as u64)
        .map_err(|_| damaged("an item's public part"))?;
    let record = ItemRecord::read(&front)
        .filter(|record| {
            record.meta.seq == row.seq && sealed_len(record.meta.body_len) == u64::from(header.payload_len)
        })
        .ok_or_else(|| damaged("an item's public part"))?;
    let epoch = record.meta.epoch;
    let ring = shared.keys();
    let secret = match keys {
        Some(keys) => keys.0.get(&epoch),
        None => ring.secret(epoch),
    };
    let secret = secret.ok_or(Error::Locked { epoch })?;
    let key = ItemKey::open(secret, epoch, &record.meta.encapsulated, record.meta.index)?;
    let opened = key.open_head(&record.head, &record.meta.write())?;
    let head = Head::read(&opened).ok_or_else(|| damaged("an item's head"))?;
    Ok(Sealed {
        meta: record.meta,
        head,
        key,
        file,
        payload_at: row.offset + HEADER_LEN as u64 + u64::from(header.front_len),
        shared: Arc::clone(shared),
        segment: row.segment,
    })
}
