//! The bounded queue before the disk.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;
use vocabulary::{CellId, Millis, Timestamp};

use crate::{
    Error, Refused,
    id::ItemId,
    keys::{Recipient, ReleaseRecipients, ReleasedKeys},
    offer::{Accepted, Prepared},
    record::Step,
    seal::sealed_len,
};

pub(crate) type Reply<T> = oneshot::Sender<Result<T, Error>>;

/// What the writer is asked to do.
pub(crate) enum Command {
    Offer {
        offer: Box<Prepared>,
        reply: oneshot::Sender<Result<Accepted, Refused>>,
    },
    Step {
        item: ItemId,
        at: Timestamp,
        step: Step,
        /// For a temporary failure: the monotonic time the lane's wait counts from.
        back_off_from: Option<Millis>,
        reply: Reply<()>,
    },
    /// Makes the counts of refusals durable.
    Count {
        reply: Reply<()>,
    },
    Keys {
        change: KeyChange,
        reply: Reply<()>,
    },
    /// Brings stores that are down back in.
    Mend {
        reply: Reply<()>,
    },
    Reclaim {
        now: Timestamp,
        reply: Reply<u64>,
    },
    Roots {
        now: Timestamp,
        reply: Reply<()>,
    },
}

pub(crate) enum KeyChange {
    Enrol(CellId, ReleaseRecipients),
    Hold(CellId),
    Release(CellId, ReleasedKeys),
    Share(CellId, Recipient),
    Unshare(CellId),
}

impl Command {
    /// Bytes this will write, roughly and never too low.
    pub(crate) fn weight(&self) -> u64 {
        match self {
            Self::Offer { offer, .. } => sealed_len(offer.body_len) + offer.head.len() as u64 + 1_024,
            Self::Step { .. } => 256,
            Self::Keys { .. } | Self::Reclaim { .. } => 16 << 10,
            Self::Count { .. } | Self::Mend { .. } | Self::Roots { .. } => 0,
        }
    }

    fn memory(&self) -> usize {
        match self {
            Self::Offer { offer, .. } => offer.memory(),
            Self::Step { .. }
            | Self::Count { .. }
            | Self::Keys { .. }
            | Self::Mend { .. }
            | Self::Reclaim { .. }
            | Self::Roots { .. } => 256,
        }
    }
}

struct Inside {
    waiting: VecDeque<Command>,
    bytes: usize,
    closed: bool,
}

pub(crate) struct Queue {
    inside: Mutex<Inside>,
    filled: Condvar,
    drained: Condvar,
    items_max: usize,
    bytes_max: usize,
}

impl Queue {
    pub(crate) fn new(items_max: usize, bytes_max: usize) -> Self {
        Self {
            inside: Mutex::new(Inside {
                waiting: VecDeque::new(),
                bytes: 0,
                closed: false,
            }),
            filled: Condvar::new(),
            drained: Condvar::new(),
            items_max,
            bytes_max,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        // A panic elsewhere cannot leave this state half-changed: every change under the lock is one push or pop.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_room(&self, inside: &Inside, bytes: usize) -> bool {
        inside.waiting.is_empty()
            || (inside.waiting.len() < self.items_max && inside.bytes + bytes <= self.bytes_max)
    }

    /// Hands the command back when there is no room.
    pub(crate) fn try_push(&self, command: Command) -> Result<(), (Command, Refused)> {
        let mut inside = self.lock();
        if inside.closed {
            return Err((command, Refused::Stopped));
        }
        if !self.has_room(&inside, command.memory()) {
            return Err((command, Refused::Busy));
        }
        self.push(&mut inside, command);
        Ok(())
    }

    fn push(&self, inside: &mut Inside, command: Command) {
        inside.bytes += command.memory();
        inside.waiting.push_back(command);
        self.filled.notify_one();
    }

    /// Steps of items that are already here go in whatever waits: their number is bounded by the items handed out.
    pub(crate) fn push_always(&self, command: Command) -> Result<(), Command> {
        let mut inside = self.lock();
        if inside.closed {
            return Err(command);
        }
        self.push(&mut inside, command);
        Ok(())
    }

    /// Waits for room.
    pub(crate) fn push_blocking(&self, command: Command) -> Result<(), Command> {
        let mut inside = self.lock();
        while !inside.closed && !self.has_room(&inside, command.memory()) {
            inside = self.drained.wait(inside).unwrap_or_else(PoisonError::into_inner);
        }
        if inside.closed {
            return Err(command);
        }
        self.push(&mut inside, command);
        Ok(())
    }

    /// Waits for commands and takes what is there, up to the bounds of one commit. Empty means closed and drained.
    pub(crate) fn take(&self, items_max: usize, bytes_max: u64) -> Vec<Command> {
        let mut inside = self.lock();
        while inside.waiting.is_empty() && !inside.closed {
            inside = self.filled.wait(inside).unwrap_or_else(PoisonError::into_inner);
        }
        let mut taken = Vec::new();
        let mut bytes = 0;
        while let Some(next) = inside.waiting.front() {
            let weight = next.weight();
            if !taken.is_empty() && (taken.len() >= items_max || bytes + weight > bytes_max) {
                break;
            }
            bytes += weight;
            inside.bytes = inside.bytes.saturating_sub(next.memory());
            taken.extend(inside.waiting.pop_front());
        }
        self.drained.notify_all();
        taken
    }

    pub(crate) fn depth(&self) -> (usize, usize) {
        let inside = self.lock();
        (inside.waiting.len(), inside.bytes)
    }

    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
        self.drained.notify_all();
    }
}
