//! What came through, minute by minute, for whoever watches the flow of business, and touches of canary addresses.
//!
//! Only what SMTP and the outer header say is seen here: that a mail was taken, for which cell, that its service mark
//! calls it an error mail, that it is a delivery report. What an error mail *says* (its code) lies inside the encrypted
//! mail; no door can read it. Senders are marks in a field of 256, by salted digest: enough to count them, too little to
//! find one again. All of it is bounded and lost with the process; a lost minute is a missing one, never a quiet one.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};
use vocabulary::{CellId, Hasher, Timestamp};

use crate::{address::Mailbox, book::Salt, header::Outer};

/// Minutes kept for a reader that was away.
pub const MINUTES_KEPT: usize = 180;
/// Minutes in one answer.
pub const MINUTES_TOLD: usize = 30;
/// Touches kept; older ones are gone.
pub const TOUCHES_KEPT: usize = 1_000;
/// Touches in one answer.
pub const TOUCHES_TOLD: usize = 200;

/// A field of marks, one of 256 per sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Marks([u64; 4]);

impl Marks {
    fn add(&mut self, place: u8) {
        if let Some(word) = self.0.get_mut(usize::from(place / 64)) {
            *word |= 1 << (place % 64);
        }
    }

    /// The places that are marked.
    pub fn places(self) -> impl Iterator<Item = u8> {
        (0..=u8::MAX).filter(move |place| {
            let word = self.0.get(usize::from(place / 64)).copied().unwrap_or(0);
            word & (1 << (place % 64)) != 0
        })
    }
}

/// What one cell saw in one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CellMinute {
    /// Mails taken at intake; repeats are not counted.
    pub accepted: u32,
    /// Of them: delivery reports and error mails of others.
    pub returned: u32,
    /// Who sent the other ones.
    pub senders: Marks,
    /// Error mails this insurer sent, as their outer mark says.
    pub errors: u32,
    /// To whom.
    pub answered: Marks,
}

/// A whole minute. Cells that saw nothing are not named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Minute {
    /// When it began.
    pub at: Timestamp,
    /// What was seen.
    pub cells: BTreeMap<CellId, CellMinute>,
}

/// Somebody sent to an address nobody has a reason to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Touch {
    /// Its count since this process began, from 1.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// The canary's name in the operator's list; never its address.
    pub name: String,
    /// Where it stands.
    pub cell: CellId,
}

/// Part of what was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// When this process began to count: another value is another count of touches.
    pub since: Timestamp,
    /// Whole minutes, oldest first.
    pub minutes: Vec<Minute>,
    /// Touches, oldest first.
    pub touches: Vec<Touch>,
    /// Whether there is more to ask for.
    pub more: bool,
}

struct Inside {
    running: Minute,
    /// The minute in which we began is not whole.
    is_whole: bool,
    done: VecDeque<Minute>,
    touches: VecDeque<Touch>,
    touched: u64,
}

/// Counts of all fronts.
pub struct Minutes {
    salt: Salt,
    since: Timestamp,
    canaries: BTreeMap<Mailbox, (String, CellId)>,
    inside: Mutex<Inside>,
}

impl std::fmt::Debug for Minutes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Minutes").finish_non_exhaustive()
    }
}

const fn minute_of(at: Timestamp) -> Timestamp {
    Timestamp(at.0.div_euclid(60).saturating_mul(60))
}

impl Minutes {
    pub(crate) fn new(salt: Salt, canaries: BTreeMap<Mailbox, (String, CellId)>, now: Timestamp) -> Self {
        Self {
            salt,
            since: now,
            canaries,
            inside: Mutex::new(Inside {
                running: Minute {
                    at: minute_of(now),
                    cells: BTreeMap::new(),
                },
                is_whole: now == minute_of(now),
                done: VecDeque::new(),
                touches: VecDeque::new(),
                touched: 0,
            }),
        }
    }

    /// When it began to count.
    #[must_use]
    pub const fn since(&self) -> Timestamp {
        self.since
    }

    /// A mail was taken for a cell.
    pub(crate) fn accepted(&self, cell: &CellId, sender: &str, outer: &Outer, now: Timestamp) {
        let place = self.place(sender);
        let mut inside = self.at(now);
        let counts = inside.running.cells.entry(cell.clone()).or_default();
        counts.accepted = counts.accepted.saturating_add(1);
        if outer.is_report || outer.is_error_mail() {
            counts.returned = counts.returned.saturating_add(1);
        } else {
            counts.senders.add(place);
        }
    }

    /// The regular server took an error mail of a cell's insurer to these addresses.
    pub(crate) fn answered(&self, cell: &CellId, to: &[u8], now: Timestamp) {
        let mut inside = self.at(now);
        let counts = inside.running.cells.entry(cell.clone()).or_default();
        counts.errors = counts.errors.saturating_add(1);
        for place in to {
            counts.answered.add(*place);
        }
    }

    /// Somebody names a recipient at intake.
    pub(crate) fn named(&self, mailbox: &Mailbox, now: Timestamp) {
        let Some((name, cell)) = self.canaries.get(mailbox) else {
            return;
        };
        let mut inside = self.at(now);
        inside.touched = inside.touched.saturating_add(1);
        if inside.touches.len() >= TOUCHES_KEPT {
            inside.touches.pop_front();
        }
        let touch = Touch {
            number: inside.touched,
            at: now,
            name: name.clone(),
            cell: cell.clone(),
        };
        inside.touches.push_back(touch);
    }

    /// Where an address leaves its mark.
    pub(crate) fn place(&self, address: &str) -> u8 {
        let mut hasher = Hasher::new();
        hasher.update(&self.salt.0);
        hasher.update(b"sender\0");
        hasher.update(address.to_ascii_lowercase().as_bytes());
        let [first, ..] = *hasher.finish().as_bytes();
        first
    }

    /// What was seen after a minute and a touch, as far as it fits into one answer.
    #[must_use]
    pub fn read(&self, after: Timestamp, touch: u64, now: Timestamp) -> Seen {
        let inside = self.at(now);
        let new = inside.done.iter().filter(|minute| minute.at > after);
        let touches = inside.touches.iter().filter(|one| one.number > touch);
        let more = new.clone().nth(MINUTES_TOLD).is_some() || touches.clone().nth(TOUCHES_TOLD).is_some();
        Seen {
            since: self.since,
            minutes: new.take(MINUTES_TOLD).cloned().collect(),
            touches: touches.take(TOUCHES_TOLD).cloned().collect(),
            more,
        }
    }

    /// The counts with the minute of `now` running. A clock that was set back goes on counting into the same minute.
    fn at(&self, now: Timestamp) -> MutexGuard<'_, Inside> {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let here = minute_of(now);
        // A clock that jumps far tells no minutes it did not see.
        let most = Timestamp(
            here.0
                .saturating_sub(60 * i64::try_from(MINUTES_KEPT).unwrap_or(0)),
        );
        while inside.running.at < here {
            let next = Timestamp(inside.running.at.0.saturating_add(60)).max(most);
            let fresh = Minute {
                at: next,
                cells: BTreeMap::new(),
            };
            let whole = std::mem::replace(&mut inside.running, fresh);
            if std::mem::replace(&mut inside.is_whole, true) {
                if inside.done.len() >= MINUTES_KEPT {
                    inside.done.pop_front();
                }
                inside.done.push_back(whole);
            }
        }
        inside
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(now: i64) -> Minutes {
        let canary = Mailbox::new("koeder@x.kim").unwrap();
        let canaries = BTreeMap::from([(canary, ("koeder-1".to_owned(), cell()))]);
        Minutes::new(Salt([7; 32]), canaries, Timestamp(now))
    }

    fn cell() -> CellId {
        "kasse-001/eau".parse().unwrap()
    }

    #[test]
    fn only_whole_minutes_are_told_and_empty_ones_too() {
        let minutes = minutes(90);
        let plain = Outer::default();
        minutes.accepted(&cell(), "a@b", &plain, Timestamp(100));
        minutes.accepted(&cell(), "a@b", &plain, Timestamp(130));
        minutes.accepted(&cell(), "A@B", &plain, Timestamp(131));
        let error = Outer {
            service_mark: Some("eAU;Fehler-Kasse;V1.2".to_owned()),
            ..Outer::default()
        };
        minutes.accepted(&cell(), "c@d", &error, Timestamp(132));
        minutes.answered(&cell(), &[minutes.place("a@b")], Timestamp(133));
        let seen = minutes.read(Timestamp(0), 0, Timestamp(250));
        let at: Vec<i64> = seen.minutes.iter().map(|minute| minute.at.0).collect();
        assert_eq!(
            at,
            [120, 180],
            "the first was begun in the middle, the last is running"
        );
        let counts = seen.minutes[0].cells[&cell()];
        assert_eq!((counts.accepted, counts.returned, counts.errors), (3, 1, 1));
        assert_eq!(counts.senders, counts.answered);
        assert_eq!(counts.senders.places().count(), 1);
        assert!(seen.minutes[1].cells.is_empty());
        assert!(minutes.read(Timestamp(180), 0, Timestamp(250)).minutes.is_empty());
    }

    #[test]
    fn a_jump_of_the_clock_costs_little_and_a_step_back_nothing() {
        let minutes = minutes(60);
        minutes.accepted(&cell(), "a@b", &Outer::default(), Timestamp(61));
        let seen = minutes.read(Timestamp(0), 0, Timestamp(1_700_000_000));
        assert_eq!(seen.minutes.len(), MINUTES_TOLD);
        assert!(seen.more);
        minutes.accepted(&cell(), "a@b", &Outer::default(), Timestamp(61));
        let seen = minutes.read(Timestamp(1_700_000_000 - 60), 0, Timestamp(1_700_000_100));
        assert_eq!(seen.minutes.iter().map(|one| one.cells.len()).sum::<usize>(), 1);
    }

    #[test]
    fn whoever_names_a_canary_is_seen_and_nobody_else() {
        let minutes = minutes(60);
        minutes.named(&Mailbox::new("eau@x.kim").unwrap(), Timestamp(61));
        assert!(minutes.read(Timestamp(0), 0, Timestamp(62)).touches.is_empty());
        for _ in 0..=TOUCHES_KEPT {
            minutes.named(&Mailbox::new("Koeder@x.kim").unwrap(), Timestamp(62));
        }
        let seen = minutes.read(Timestamp(0), 0, Timestamp(63));
        assert_eq!((seen.touches[0].number, seen.touches.len()), (2, TOUCHES_TOLD));
        assert_eq!(seen.touches[0].name, "koeder-1");
        let last = minutes.read(Timestamp(0), TOUCHES_KEPT as u64, Timestamp(63));
        assert_eq!((last.touches.len(), last.more), (1, false));
    }
}
