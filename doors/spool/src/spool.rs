//! The spool as its neighbours see it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
};

use rusqlite::Connection;
use tokio::sync::{oneshot, watch};
use vocabulary::{CellId, Digest, Hasher, Millis, Timestamp};
use zeroize::Zeroizing;

use crate::{
    Accepted, Entropy, Error, Limits, Offer, OfferWriter, Pending, Refused, WhenCopyDown,
    cache::Change,
    commit::Committer,
    durable::Durable,
    id::{ItemId, LaneId, PeerCommitment, SpoolId},
    item::{Receipt, WhyParked},
    keys::{KeyRing, ReleaseRecipients, ReleasedKeys, WrappedKey},
    lanes::Lanes,
    offer::{Body, Prepared},
    queue::{Command, KeyChange, Queue, Reply},
    record::{CountRecord, Step, Tally},
    seal::Encapsulation,
    status::{CellStatus, Readable, Status, StoreStatus},
    stores::{ReadSide, Stores},
};

/// What every thread of a spool shares.
pub(crate) struct Shared {
    pub(crate) id: SpoolId,
    pub(crate) limits: Limits,
    pub(crate) when_copy_down: WhenCopyDown,
    pub(crate) commit: Committer,
    pub(crate) entropy: Mutex<Entropy>,
    pub(crate) keys: RwLock<KeyRing>,
    pub(crate) lanes: Mutex<Lanes>,
    pub(crate) queue: Queue,
    pub(crate) read: ReadSide,
    pub(crate) pointers: Mutex<Connection>,
    /// Where the pointer cache lies.
    pub(crate) cache_path: PathBuf,
    pub(crate) staging: PathBuf,
    pub(crate) staged: AtomicU64,
    /// The cache lacks something that is durable: nobody may be handed an item by it.
    pub(crate) stale: AtomicBool,
    pub(crate) stores: Mutex<Vec<StoreStatus>>,
    pub(crate) activity: watch::Sender<u64>,
    pub(crate) refusals: Mutex<BTreeMap<(CellId, Digest, Tally), u64>>,
}

/// A hand-over that ended, for its lane.
pub(crate) struct Settled {
    pub(crate) lane: LaneId,
    pub(crate) seq: u64,
    pub(crate) back_off_from: Option<Millis>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is under these locks is rebuilt from disk at the next start; a panic while one was held ended its thread,
    // and going on with the last consistent value is better than ending every other thread too.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn keys(&self) -> RwLockReadGuard<'_, KeyRing> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn keys_mut(&self) -> RwLockWriteGuard<'_, KeyRing> {
        self.keys.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn lanes(&self) -> MutexGuard<'_, Lanes> {
        lock(&self.lanes)
    }

    pub(crate) fn pointers(&self) -> MutexGuard<'_, Connection> {
        lock(&self.pointers)
    }

    pub(crate) fn entropy(&self) -> MutexGuard<'_, Entropy> {
        lock(&self.entropy)
    }

    pub(crate) fn draw<const N: usize>(&self) -> [u8; N] {
        self.entropy().array()
    }

    pub(crate) fn encapsulate(&self, cell: &CellId) -> Result<Encapsulation, Error> {
        self.keys().encapsulate(cell, &mut self.entropy())
    }

    pub(crate) fn staging_path(&self) -> PathBuf {
        let number = self.staged.fetch_add(1, Ordering::Relaxed);
        self.staging.join(format!("{number:016x}.part"))
    }

    pub(crate) const fn item_id(&self, seq: u64) -> ItemId {
        ItemId { spool: self.id, seq }
    }

    /// Takes over what a commit changed.
    pub(crate) fn apply(&self, changes: &[Change], settled: &[Settled]) {
        let mut lanes = self.lanes();
        changes.iter().for_each(|change| lanes.apply(change));
        for settled in settled {
            match settled.back_off_from {
                Some(now) => {
                    lanes.back_off(settled.lane, now, &self.limits);
                }
                None => lanes.succeeded(settled.lane),
            }
            lanes.settle(settled.lane, settled.seq);
        }
    }

    pub(crate) fn nudge(&self) {
        self.activity.send_modify(|count| *count = count.wrapping_add(1));
    }

    pub(crate) fn set_stores(&self, stores: &Stores, behind: bool) {
        let mut status: Vec<StoreStatus> = stores
            .list
            .iter()
            .map(|store| StoreStatus {
                dir: store.dir.clone(),
                down: store.down.clone(),
            })
            .collect();
        if behind && let Some(first) = status.first_mut() {
            first
                .down
                .get_or_insert_with(|| "the pointer cache is behind the segments".to_owned());
        }
        *lock(&self.stores) = status;
    }

    /// Counts a refusal; it becomes durable with the next commit.
    pub(crate) fn note_refusal(&self, cell: &CellId, peer: Digest, why: Refused) {
        /// Beyond so many different ones, peers of a cell are counted together.
        const NOTED_MAX: usize = 10_000;
        let mut noted = lock(&self.refusals);
        let tally = Tally::Refused(why.number());
        let known = noted.contains_key(&(cell.clone(), peer, tally)) || noted.len() < NOTED_MAX;
        let peer = if known { peer } else { Digest::of(b"other peers") };
        *noted.entry((cell.clone(), peer, tally)).or_default() += 1;
    }

    /// Refusals that are not durable yet. Whoever takes them writes them or gives them back.
    pub(crate) fn take_refusals(&self) -> Vec<CountRecord> {
        let noted = std::mem::take(&mut *lock(&self.refusals));
        noted
            .into_iter()
            .map(|((cell, peer, tally), times)| CountRecord {
                cell,
                peer,
                tally,
                times,
            })
            .collect()
    }

    pub(crate) fn give_back_refusals(&self, counts: Vec<CountRecord>) {
        let mut noted = lock(&self.refusals);
        for count in counts {
            *noted.entry((count.cell, count.peer, count.tally)).or_default() += count.times;
        }
    }

    pub(crate) fn submit_offer(&self, offer: Prepared) -> Pending {
        let (reply, answer) = oneshot::channel();
        let (cell, peer) = (offer.cell.clone(), offer.peer);
        match self.queue.try_push(Command::Offer {
            offer: Box::new(offer),
            reply,
        }) {
            Ok(()) => Pending(answer),
            Err((_, why)) => {
                self.note_refusal(&cell, peer, why);
                Pending::refused(why)
            }
        }
    }
}

/// A durable store of sealed items in flight. Dropping it finishes what waits, syncs and closes.
pub struct Spool {
    pub(crate) shared: Arc<Shared>,
    pub(crate) writer: Mutex<Option<JoinHandle<()>>>,
    /// Held for as long as the spool is open, so that no second process writes.
    pub(crate) _lock: std::fs::File,
}

impl std::fmt::Debug for Spool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.shared.id)
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.shared.queue.close();
        if let Some(writer) = lock(&self.writer).take() {
            // A writer that panicked lost nothing: what it had acknowledged is in the segments.
            let _ = writer.join();
        }
    }
}

impl Spool {
    /// This spool's name.
    #[must_use]
    pub fn id(&self) -> SpoolId {
        self.shared.id
    }

    /// The commitment that stands for a peer in certificates.
    #[must_use]
    pub fn peer(&self, peer: &str) -> PeerCommitment {
        self.shared.commit.peer(peer)
    }

    /// Offers an item whose body is in memory. Returns at once; the answer comes when the disk has spoken. When too
    /// much waits already, the answer is [`Refused::Busy`].
    pub fn offer(&self, offer: Offer, body: Vec<u8>) -> Pending {
        match self.prepare(offer, body) {
            Ok(prepared) => self.shared.submit_offer(prepared),
            Err(why) => Pending::refused(why),
        }
    }

    /// Offers an item and blocks: first for room in the queue, then for the disk. Not for asynchronous code.
    ///
    /// # Errors
    /// [`Refused`]: nothing was stored.
    pub fn offer_blocking(&self, offer: Offer, body: Vec<u8>) -> Result<Accepted, Refused> {
        let prepared = self.prepare(offer, body)?;
        let (reply, answer) = oneshot::channel();
        let command = Command::Offer {
            offer: Box::new(prepared),
            reply,
        };
        self.shared
            .queue
            .push_blocking(command)
            .map_err(|_| Refused::Stopped)?;
        Pending(answer).wait()
    }

    fn prepare(&self, offer: Offer, body: Vec<u8>) -> Result<Prepared, Refused> {
        let body = Zeroizing::new(body);
        let len = body.len() as u64;
        if len > self.shared.limits.body_bytes_max {
            return Err(Refused::TooLarge);
        }
        let mut hasher = Hasher::new();
        hasher.update(&body);
        Ok(Prepared::new(
            &self.shared,
            offer,
            Body::Memory(body),
            hasher.finish(),
            len,
        ))
    }

    /// Begins a body that comes in pieces, for a cell.
    #[must_use]
    pub fn writer(&self, cell: CellId) -> OfferWriter {
        OfferWriter::new(Arc::clone(&self.shared), cell)
    }

    /// Whether an offer for this cell would be refused right now, whatever it is: what an intake asks before it lets
    /// a sender transfer megabytes. A `None` is no promise.
    #[must_use]
    pub fn would_refuse(&self, cell: &CellId, peer: &str, bytes: u64) -> Option<Refused> {
        if bytes > self.shared.limits.body_bytes_max {
            return Some(Refused::TooLarge);
        }
        if self.shared.keys().current(cell).is_err() {
            return Some(Refused::NotEnrolled);
        }
        let down = lock(&self.shared.stores).iter().any(|store| store.down.is_some());
        if down && self.shared.when_copy_down == WhenCopyDown::Defer {
            return Some(Refused::CopyDown);
        }
        let peer = self.shared.commit.peer(peer).0;
        self.shared
            .lanes()
            .fits(cell, &peer, bytes, &self.shared.limits)
            .err()
    }

    pub(crate) fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Durable<T> {
        let (reply, answer) = oneshot::channel();
        // A closed queue drops the reply, and the answer is "stopped".
        let _ = self.shared.queue.push_always(command(reply));
        Durable(answer)
    }

    fn step(&self, item: ItemId, at: Timestamp, step: Step, back_off_from: Option<Millis>) -> Durable {
        self.ask(|reply| Command::Step {
            item,
            at,
            step,
            back_off_from,
            reply,
        })
    }

    /// The hand-over of an item is about to pass the point where the receiver may have it. Durable before that point:
    /// from here until the outcome is recorded the item is *in doubt*, and a crash repeats it under the same id.
    pub fn begin(&self, item: ItemId, attempt: u64, at: Timestamp) -> Durable {
        self.step(item, at, Step::Begun { attempt }, None)
    }

    /// The receiver took the item. Its sealed copy is kept until [`confirm`](Self::confirm) or the keeping time.
    pub fn handed_over(&self, item: ItemId, receipt: &Receipt, at: Timestamp) -> Durable {
        let receipt = self.shared.commit.commit(b"receipt", &[receipt.as_bytes()]);
        self.step(item, at, Step::HandedOver { receipt }, None)
    }

    /// The receiver refused for now: the item goes back to the head of its lane and the lane waits, longer each time,
    /// counted from `now`.
    pub fn returned(&self, item: ItemId, at: Timestamp, now: Millis) -> Durable {
        self.step(item, at, Step::Returned, Some(now))
    }

    /// The item needs a person; its lane goes on.
    pub fn park(&self, item: ItemId, why: WhyParked, at: Timestamp) -> Durable {
        self.step(item, at, Step::Parked { reason: why.number() }, None)
    }

    /// A person sends a parked item back to its place in its lane.
    pub fn unpark(&self, item: ItemId, at: Timestamp) -> Durable {
        self.step(item, at, Step::Unparked, None)
    }

    /// The receiver confirms the item by its id: it has it, exactly once.
    pub fn confirm(&self, item: ItemId, at: Timestamp) -> Durable {
        self.step(item, at, Step::Confirmed, None)
    }

    /// The insurer's consumer fetched the item from where it was handed over to.
    pub fn note_fetched(&self, item: ItemId, at: Timestamp) -> Durable {
        self.step(item, at, Step::Fetched, None)
    }

    /// The insurer's consumer deleted the item where it was handed over to.
    pub fn note_deleted(&self, item: ItemId, at: Timestamp) -> Durable {
        self.step(item, at, Step::Deleted, None)
    }

    /// Declares a cell and to whom its keys are wrapped; begins a key epoch that the door can open. With other
    /// recipients than before it begins a new epoch; with the same ones nothing happens.
    pub fn enrol(&self, cell: CellId, recipients: ReleaseRecipients) -> Durable {
        self.ask(|reply| Command::Keys {
            change: KeyChange::Enrol(cell, recipients),
            reply,
        })
    }

    /// Destroys the door's keys of a cell, and of no other. What was accepted for it, and what will be, can from now
    /// on be read only with keys that its insurer releases. Safe to repeat.
    pub fn hold(&self, cell: CellId) -> Durable {
        self.ask(|reply| Command::Keys {
            change: KeyChange::Hold(cell),
            reply,
        })
    }

    /// Gives keys back to the door: what they open can be handed over again, and a new epoch begins that the door can
    /// open. Keys that do not fit are refused, and then none is taken.
    pub fn release(&self, cell: CellId, keys: ReleasedKeys) -> Durable {
        self.ask(|reply| Command::Keys {
            change: KeyChange::Release(cell, keys),
            reply,
        })
    }

    /// Whether the door can open what comes in for a cell now.
    #[must_use]
    pub fn is_open(&self, cell: &CellId) -> bool {
        self.shared.keys().is_open(cell)
    }

    /// The wrapped keys of a cell: what its insurer's consent re-wraps.
    #[must_use]
    pub fn wrapped_keys(&self, cell: &CellId) -> Vec<WrappedKey> {
        self.shared.keys().wrapped(cell)
    }

    /// The cells that are enrolled.
    #[must_use]
    pub fn enrolled(&self) -> Vec<CellId> {
        self.shared.keys().cells()
    }

    /// Counts a refusal that was told before anything was offered, for example because a body grew too large. It
    /// becomes durable with the next commit and appears in certificates.
    pub fn note_refused(&self, cell: &CellId, peer: &str, why: Refused) {
        self.shared
            .note_refusal(cell, self.shared.commit.peer(peer).0, why);
    }

    /// Makes the counts of refusals durable.
    pub(crate) fn flush_counts(&self) -> Durable {
        self.ask(|reply| Command::Count { reply })
    }

    /// Tries to bring stores that are down back in: copies what they miss and checks it. Safe to repeat.
    pub fn mend(&self) -> Durable {
        self.ask(|reply| Command::Mend { reply })
    }

    /// Ends the keeping of handed-over items whose time is over and gives back the space of segments in which nothing
    /// is needed any more. Returns how many segments were given back. Not to be called for a door that is not Open:
    /// nothing expires there.
    pub fn reclaim(&self, now: Timestamp) -> Durable<u64> {
        self.ask(|reply| Command::Reclaim { now, reply })
    }

    /// A cell is known from now on, and its reserve is kept free for it.
    pub fn know_cell(&self, cell: &CellId) {
        self.shared.lanes().know_cell(cell);
    }

    /// How many items wait in a cell, held or in doubt.
    #[must_use]
    pub fn backlog(&self, cell: &CellId) -> u64 {
        self.shared.lanes().backlog(cell)
    }

    /// Changes whenever something was committed: wakes readers that found nothing.
    #[must_use]
    pub fn activity(&self) -> watch::Receiver<u64> {
        self.shared.activity.subscribe()
    }

    /// Ends the waits of a cell's lanes: a door that just opened, or a person, wants to try now.
    pub fn retry_now(&self, cell: &CellId) {
        self.shared.lanes().retry_now(cell);
        self.shared.nudge();
    }

    /// How it is at this moment.
    #[must_use]
    pub fn status(&self) -> Status {
        let (queued_items, queued_bytes) = self.shared.queue.depth();
        let lanes = self.shared.lanes();
        let keys = self.shared.keys();
        Status {
            stores: lock(&self.shared.stores).clone(),
            queued_items: queued_items as u64,
            queued_bytes: queued_bytes as u64,
            bytes: lanes.bytes(),
            cells: lanes
                .cells()
                .into_iter()
                .map(|(cell, waiting, bytes)| CellStatus {
                    readable: if keys.is_open(&cell) {
                        Readable::Here
                    } else {
                        Readable::ByInsurerOnly
                    },
                    cell,
                    waiting,
                    bytes,
                })
                .collect(),
        }
    }

    /// The first store's directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.shared
            .read
            .dirs()
            .first()
            .map_or(Path::new("."), PathBuf::as_path)
    }
}
