//! What the fronts tell: counts that are always there, and a bounded stream of events. Neither names a person: item
//! ids, cells, counts and salted digests only.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use spool::ItemId;
use tokio::sync::broadcast;
use vocabulary::CellId;

/// Events kept for a slow listener. It is told how many it missed.
const EVENTS_KEPT: usize = 4_096;

/// Which front.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Front {
    /// Server to server.
    Intake,
    /// The insurer's own sending.
    Submission,
    /// The insurer's fetching by POP3.
    Fetch,
}

/// Why something was turned away. Every reason is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The door's position.
    Position,
    /// The store said no for now.
    Store,
    /// Larger than allowed.
    Oversized,
    /// Against the protocol, smuggling included.
    Protocol,
    /// No such mailbox.
    Unknown,
    /// Too many connections, or too many of this peer.
    Crowded,
    /// No TLS in time, or no acceptable certificate.
    Handshake,
    /// Too slow.
    Late,
    /// The regular server could not be reached, or refused a login.
    Upstream,
}

impl Reason {
    /// Every reason, in a fixed order.
    pub const ALL: [Self; 9] = [
        Self::Position,
        Self::Store,
        Self::Oversized,
        Self::Protocol,
        Self::Unknown,
        Self::Crowded,
        Self::Handshake,
        Self::Late,
        Self::Upstream,
    ];

    const fn place(self) -> usize {
        self as usize
    }
}

/// How full a watched mailbox is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fill {
    /// Below every alarm level.
    Fine,
    /// Over the first level: plan.
    Watch,
    /// Over the second level: act, mail will be refused soon by the regular server.
    Alarm,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// An item is durable and was acknowledged.
    Accepted {
        /// Where it lies.
        cell: CellId,
        /// Which.
        item: ItemId,
    },
    /// An item that was here already was acknowledged again; nothing was stored.
    Repeated {
        /// Where it lies.
        cell: CellId,
        /// Which.
        item: ItemId,
    },
    /// A mail or session was turned away.
    Refused {
        /// Where.
        front: Front,
        /// Why.
        reason: Reason,
    },
    /// An open session was cut by a position.
    Cut {
        /// Where.
        front: Front,
    },
    /// The regular server took an item.
    HandedOver {
        /// From which cell.
        cell: CellId,
        /// Which.
        item: ItemId,
    },
    /// The regular server said "later"; the lane waits.
    PutOff {
        /// From which cell.
        cell: CellId,
        /// Which.
        item: ItemId,
        /// Code and enhanced code, or what failed on the way.
        answer: String,
    },
    /// The regular server said "never"; a person must decide. Nobody was bounced.
    Parked {
        /// From which cell.
        cell: CellId,
        /// Which.
        item: ItemId,
        /// Code and enhanced code.
        answer: String,
    },
    /// The connection was lost after the final dot: the server may or may not have taken it.
    InDoubt {
        /// From which cell.
        cell: CellId,
        /// Which.
        item: ItemId,
    },
    /// A notification of success was issued by us.
    Notified {
        /// For which item.
        item: ItemId,
    },
    /// A mailbox of the regular store was copied.
    Copied {
        /// Into which cell.
        cell: CellId,
        /// As which item.
        item: ItemId,
    },
    /// The consumer was sent all of an item that was handed over, and the spool knows.
    Fetched {
        /// Which.
        item: ItemId,
    },
    /// The regular store has deleted such an item for its consumer, and the spool knows.
    Deleted {
        /// Which.
        item: ItemId,
    },
    /// A fetched message names an item without our proof, or one that is not here: ignored.
    TraceIgnored {
        /// The cell the records of its mailbox are kept under.
        cell: CellId,
    },
    /// How full a watched mailbox is, when that changed.
    Quota {
        /// Whose.
        cell: CellId,
        /// The level.
        fill: Fill,
        /// Octets in it.
        octets: u64,
    },
    /// A long-lived part failed and is tried again; words for the operator, without foreign text.
    Trouble {
        /// The part's name.
        part: String,
        /// What was tried and what went wrong.
        what: String,
    },
}

/// Counts since the start. Read at any time; each is exact, the set of them is not one instant.
#[derive(Debug, Default)]
pub struct Counts {
    /// Sessions open now, per front.
    sessions: [AtomicI64; 3],
    /// Sessions since the start, per front.
    begun: [AtomicU64; 3],
    /// Sessions cut by a position, per front.
    cut: [AtomicU64; 3],
    refused: [AtomicU64; Reason::ALL.len()],
    accepted: AtomicU64,
    repeated: AtomicU64,
    handed_over: AtomicU64,
    put_off: AtomicU64,
    parked: AtomicU64,
    in_doubt: AtomicU64,
    notified: AtomicU64,
    copied: AtomicU64,
    fetched: AtomicU64,
    deleted: AtomicU64,
    traces_ignored: AtomicU64,
    promises_broken: AtomicU64,
}

macro_rules! readers {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        impl Counts {$(
            $(#[$doc])*
            #[must_use]
            pub fn $name(&self) -> u64 {
                self.$name.load(Relaxed)
            }
        )*}
    };
}

readers! {
    /// Items stored and acknowledged.
    accepted;
    /// Items acknowledged again that were here already.
    repeated;
    /// Items the regular server took.
    handed_over;
    /// Attempts the regular server put off.
    put_off;
    /// Items parked.
    parked;
    /// Attempts that ended in doubt.
    in_doubt;
    /// Notifications of success issued.
    notified;
    /// Mails copied out of the regular store.
    copied;
    /// Items noted as fetched; a second retrieval counts again.
    fetched;
    /// Items noted as deleted.
    deleted;
    /// Fetched messages that named an item without our proof, or one that is not here.
    traces_ignored;
    /// Replies that would have broken MAIL-1 and were replaced by a temporary one. Not zero
    /// means a defect, or a door that closed between a decision and its word.
    promises_broken;
}

impl Counts {
    /// Sessions open now.
    #[must_use]
    pub fn sessions_open(&self, front: Front) -> i64 {
        self.sessions
            .get(front as usize)
            .map_or(0, |count| count.load(Relaxed))
    }

    /// Sessions since the start.
    #[must_use]
    pub fn sessions_begun(&self, front: Front) -> u64 {
        self.begun
            .get(front as usize)
            .map_or(0, |count| count.load(Relaxed))
    }

    /// Sessions that a position cut.
    #[must_use]
    pub fn cut(&self, front: Front) -> u64 {
        self.cut
            .get(front as usize)
            .map_or(0, |count| count.load(Relaxed))
    }

    /// What was turned away for this reason.
    #[must_use]
    pub fn refused(&self, reason: Reason) -> u64 {
        self.refused
            .get(reason.place())
            .map_or(0, |count| count.load(Relaxed))
    }
}

/// Counts and stream together; shared by all tasks of the fronts.
#[derive(Debug)]
pub struct Events {
    counts: Counts,
    stream: broadcast::Sender<Event>,
}

impl Default for Events {
    fn default() -> Self {
        Self {
            counts: Counts::default(),
            stream: broadcast::Sender::new(EVENTS_KEPT),
        }
    }
}

impl Events {
    /// The counts.
    #[must_use]
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Listens from now on. A listener slower than 4,096 events is told how many it missed.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<Event> {
        self.stream.subscribe()
    }

    /// Counts and tells. Called only after what it says is durable or done.
    pub(crate) fn tell(&self, event: Event) {
        let add = |count: &AtomicU64| {
            count.fetch_add(1, Relaxed);
        };
        match &event {
            Event::Accepted { .. } => add(&self.counts.accepted),
            Event::Repeated { .. } => add(&self.counts.repeated),
            Event::Refused { reason, .. } => {
                if let Some(count) = self.counts.refused.get(reason.place()) {
                    add(count);
                }
            }
            Event::Cut { front } => {
                if let Some(count) = self.counts.cut.get(*front as usize) {
                    add(count);
                }
            }
            Event::HandedOver { .. } => add(&self.counts.handed_over),
            Event::PutOff { .. } => add(&self.counts.put_off),
            Event::Parked { .. } => add(&self.counts.parked),
            Event::InDoubt { .. } => add(&self.counts.in_doubt),
            Event::Notified { .. } => add(&self.counts.notified),
            Event::Copied { .. } => add(&self.counts.copied),
            Event::Fetched { .. } => add(&self.counts.fetched),
            Event::Deleted { .. } => add(&self.counts.deleted),
            Event::TraceIgnored { .. } => add(&self.counts.traces_ignored),
            Event::Quota { .. } | Event::Trouble { .. } => {}
        }
        if self.stream.receiver_count() > 0 {
            // An error means that the last listener left in between: nobody missed anything.
            let _ = self.stream.send(event);
        }
    }

    pub(crate) fn promise_broken(&self) {
        self.counts.promises_broken.fetch_add(1, Relaxed);
    }

    /// Counts a session for as long as the returned value lives.
    pub(crate) fn session(self: &std::sync::Arc<Self>, front: Front) -> OpenSession {
        if let Some(count) = self.counts.sessions.get(front as usize) {
            count.fetch_add(1, Relaxed);
        }
        if let Some(count) = self.counts.begun.get(front as usize) {
            count.fetch_add(1, Relaxed);
        }
        OpenSession {
            events: std::sync::Arc::clone(self),
            front,
        }
    }
}

/// A session that is counted as open.
#[derive(Debug)]
pub(crate) struct OpenSession {
    events: std::sync::Arc<Events>,
    front: Front,
}

impl Drop for OpenSession {
    fn drop(&mut self) {
        if let Some(count) = self.events.counts.sessions.get(self.front as usize) {
            count.fetch_sub(1, Relaxed);
        }
    }
}
