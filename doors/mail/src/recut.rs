//! Restrictions applied anew: ends sessions that outlived their right.
//!
//! Every session watches its door by itself and ends with a word that says why. What does not come to that, because it waits
//! for somebody else meanwhile, is ended here: by comparing what a session was let in for with what its doors say now, on a
//! timer and on a nudge, by the same code. It needs no authority, for it only takes away what the doors do not give.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{sync::watch, task::AbortHandle, time::Instant};
use vocabulary::Flow;

use crate::{
    board::{Board, Passage},
    event::{Event, Events, Front},
    intake::FAREWELL,
    listen::{Ending, ended},
};

/// How often sessions are compared with their doors.
const EVERY: Duration = Duration::from_secs(2);
/// A session that has no right any more has this long to say so and end by itself: last words, and a disk between them.
const PATIENCE: Duration = Duration::from_secs(5);

/// What one session was let in for.
#[derive(Debug)]
pub(crate) struct Badge {
    front: Front,
    passage: Mutex<Option<Arc<Passage>>>,
    /// Since when it has been seen without a right.
    wrong_since: Mutex<Option<Instant>>,
}

impl Badge {
    /// Says what the session goes by from now on.
    pub(crate) fn goes_by(&self, passage: &Arc<Passage>) {
        *lock(&self.passage) = Some(Arc::clone(passage));
    }

    /// Whether its doors let it be there.
    fn is_right(&self, board: &Board) -> bool {
        if let Some(passage) = &*lock(&self.passage) {
            return passage.still_valid();
        }
        match self.front {
            Front::Fetch => !board.stops_everyone(Flow::Fetch),
            Front::Submission => !board.stops_everyone(Flow::Send),
            // Where something is stored for anyone, a sender may finish.
            Front::Intake => !board.cuts_everyone(),
        }
    }

    /// How long it has been there without a right, as far as was seen.
    fn overdue(&self, board: &Board, now: Instant) -> Option<Duration> {
        let mut since = lock(&self.wrong_since);
        if self.is_right(board) {
            *since = None;
            return None;
        }
        Some(now.saturating_duration_since(*since.get_or_insert(now)))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each value is whole after every step, so a panic elsewhere cannot have left it half changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Row {
    badge: Arc<Badge>,
    /// Known a moment after the session began.
    session: Option<AbortHandle>,
}

/// The sessions of all fronts.
#[derive(Default)]
struct Rows {
    next: AtomicU64,
    rows: Mutex<BTreeMap<u64, Row>>,
}

/// Who is here, and by which right.
#[derive(Clone)]
pub(crate) struct Roll {
    board: Board,
    events: Arc<Events>,
    rows: Arc<Rows>,
}

/// A place on the roll, given back when it is dropped.
pub(crate) struct Place {
    rows: Arc<Rows>,
    number: u64,
    badge: Arc<Badge>,
}

impl Place {
    /// What the session was let in for.
    pub(crate) fn badge(&self) -> &Badge {
        &self.badge
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.rows.rows).remove(&self.number);
    }
}

impl Roll {
    pub(crate) fn new(board: Board, events: Arc<Events>) -> Self {
        Self {
            board,
            events,
            rows: Arc::default(),
        }
    }

    /// Enters a session that is about to begin.
    pub(crate) fn enter(&self, front: Front) -> (Place, u64) {
        let badge = Arc::new(Badge {
            front,
            passage: Mutex::default(),
            wrong_since: Mutex::default(),
        });
        let number = self.rows.next.fetch_add(1, Relaxed);
        let row = Row {
            badge: Arc::clone(&badge),
            session: None,
        };
        lock(&self.rows.rows).insert(number, row);
        let place = Place {
            rows: Arc::clone(&self.rows),
            number,
            badge,
        };
        (place, number)
    }

    /// From now on the session can be ended from here. One that is over already is not there any more.
    pub(crate) fn runs(&self, number: u64, session: AbortHandle) {
        if let Some(row) = lock(&self.rows.rows).get_mut(&number) {
            row.session = Some(session);
        }
    }

    /// Ends every session that has been without a right for so long; gives how many.
    fn sweep(&self, patience: Duration) -> usize {
        let now = Instant::now();
        let overdue: Vec<(Front, AbortHandle)> = lock(&self.rows.rows)
            .values()
            .filter(|row| {
                row.badge
                    .overdue(&self.board, now)
                    .is_some_and(|span| span >= patience)
            })
            .filter_map(|row| Some((row.badge.front, row.session.clone()?)))
            .collect();
        for (front, session) in &overdue {
            tracing::warn!(
                ?front,
                "a session that had no right any more did not end by itself"
            );
            self.events.tell(Event::Cut { front: *front });
            session.abort();
        }
        overdue.len()
    }

    /// Compares for as long as the fronts run.
    pub(crate) async fn sweep_always(self, mut ending: watch::Receiver<Ending>) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = ended(&mut ending) => return,
                _ = ticks.tick() => drop(self.sweep(PATIENCE)),
            }
        }
    }
}

/// The fronts' way to apply the doors' restrictions anew.
#[derive(Clone)]
pub struct Restrictions(pub(crate) Roll);

impl Restrictions {
    /// Wakes every session to look at its doors again, and ends those that had no right left and the time to say so. Safe to
    /// repeat; the second time finds what the first one only woke. Gives how many were ended.
    #[must_use]
    pub fn reapply(&self) -> usize {
        self.0.board.ring_once();
        self.0.sweep(FAREWELL)
    }
}

impl std::fmt::Debug for Restrictions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let here = lock(&self.0.rows.rows).len();
        write!(f, "restrictions over {here} sessions")
    }
}
