//! The book of the outside: every letter, and what happened to it at every place.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;
use vocabulary::{InsurerId, Millis};

use crate::script::{Planned, PracticeNumber};

/// A letter, counted from 0 in the order of the plan.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(transparent)]
pub struct LetterNumber(pub u32);

/// What is known about one letter.
#[derive(Clone, Debug, Default)]
struct Fate {
    offered: Option<Millis>,
    accepted: Option<(Millis, u64)>,
    later: u32,
    in_doubt: u32,
    refused: Option<Millis>,
    error_mails: Vec<Millis>,
    notices: u32,
    notices_failed: u32,
    stored: Vec<u64>,
    handed_over: Vec<Millis>,
}

struct Entry {
    planned: Planned,
    fate: Fate,
}

#[derive(Default)]
struct Pages {
    letters: Vec<Entry>,
    acceptances: u64,
    storings: u64,
    repeats_dropped: u64,
    strangers: u64,
    writings: u64,
}

/// What happened to every letter, written by practices, server and consumers as it happens to them.
pub struct Book(Mutex<Pages>);

/// A span of the exercise in which the doors of some insurer's mail were not open.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Window {
    /// Whose.
    pub insurer: InsurerId,
    /// Since when: the order was applied.
    pub from: Millis,
    /// Until when; open-ended while `None`.
    pub until: Option<Millis>,
}

impl Window {
    fn covers(&self, insurer: &InsurerId, at: Millis) -> bool {
        self.insurer == *insurer && self.from <= at && self.until.is_none_or(|until| at < until)
    }
}

/// What happened to one letter.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Record {
    /// Which.
    pub number: LetterNumber,
    /// By whom.
    pub practice: PracticeNumber,
    /// To whom.
    pub insurer: InsurerId,
    /// When the practice's server first tried.
    pub offered: Option<Millis>,
    /// When somebody took responsibility.
    pub accepted: Option<Millis>,
    /// How often somebody asked for later, or nobody answered.
    pub deferred: u32,
    /// How often the connection broke between the last byte and the reply.
    pub in_doubt: u32,
    /// When it was refused for good.
    pub refused: Option<Millis>,
    /// When error mails about it came.
    pub error_mails: Vec<Millis>,
    /// Notices of success.
    pub notices: u32,
    /// Copies in the regular mailbox, over all time.
    pub copies: usize,
    /// When the insurer opened it.
    pub handed_over: Vec<Millis>,
}

/// The sums of a book. Each letter is in exactly one of `rejected`, `handed_over`, `waiting`, `lost`, `not_accepted`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Count {
    /// Letters practices wanted to send.
    pub offered: u64,
    /// Letters somebody took responsibility for.
    pub accepted: u64,
    /// Letters that came back as faulty: an error mail, a failure notice or a 5xx.
    pub rejected: u64,
    /// Letters accepted while their door was not open, and not rejected.
    pub held: u64,
    /// Letters the insurer opened and read.
    pub handed_over: u64,
    /// Letters somebody asked to send later at least once (4xx, or nobody answered).
    pub deferred: u64,
    /// Letters whose transaction broke between the last byte and the reply at least once.
    pub in_doubt: u64,
    /// Letters that lie somewhere known: in the regular mailbox.
    pub waiting: u64,
    /// Letters accepted, not rejected, and nowhere to be found.
    pub lost: u64,
    /// Letters never accepted nor rejected: still with the practice.
    pub not_accepted: u64,
    /// Further copies of letters in the regular mailboxes.
    pub duplicates: u64,
    /// Copies the regular server recognised by item id and dropped.
    pub repeats_dropped: u64,
    /// Letters in a lane that arrived before one accepted earlier.
    pub order_violations: u64,
    /// Letters accepted for which no success notice arrived though one was asked for.
    pub notices_missing: u64,
    /// Success notices beyond one per letter.
    pub notices_too_many: u64,
    /// Mails to practices that belong to no letter.
    pub strangers: u64,
}

impl Book {
    pub(crate) fn new(planned: Vec<Planned>) -> Self {
        let letters = planned
            .into_iter()
            .map(|planned| Entry {
                planned,
                fate: Fate::default(),
            })
            .collect();
        Self(Mutex::new(Pages {
            letters,
            ..Pages::default()
        }))
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        // A writer that died leaves whole entries behind: each write is one assignment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, number: LetterNumber, write: impl FnOnce(&mut Fate)) {
        let mut pages = self.pages();
        pages.writings = pages.writings.saturating_add(1);
        let index = usize::try_from(number.0).unwrap_or(usize::MAX);
        match pages.letters.get_mut(index) {
            Some(entry) => write(&mut entry.fate),
            None => pages.strangers = pages.strangers.saturating_add(1),
        }
    }

    pub(super) fn by_practice(&self) -> BTreeMap<PracticeNumber, Vec<(LetterNumber, Planned)>> {
        let mut by_practice: BTreeMap<PracticeNumber, Vec<_>> = BTreeMap::new();
        for (number, entry) in (0..).zip(&self.pages().letters) {
            by_practice
                .entry(entry.planned.practice)
                .or_default()
                .push((LetterNumber(number), entry.planned.clone()));
        }
        by_practice
    }

    pub(super) fn offered(&self, number: LetterNumber, at: Millis) {
        self.write(number, |fate| fate.offered = fate.offered.or(Some(at)));
    }

    pub(super) fn accepted(&self, number: LetterNumber, at: Millis) {
        let index = {
            let mut pages = self.pages();
            pages.acceptances = pages.acceptances.saturating_add(1);
            pages.acceptances
        };
        self.write(number, |fate| fate.accepted = Some((at, index)));
    }

    pub(super) fn later(&self, number: LetterNumber) {
        self.write(number, |fate| fate.later = fate.later.saturating_add(1));
    }

    pub(super) fn in_doubt(&self, number: LetterNumber) {
        self.write(number, |fate| fate.in_doubt = fate.in_doubt.saturating_add(1));
    }

    pub(super) fn refused(&self, number: LetterNumber, at: Millis) {
        self.write(number, |fate| fate.refused = fate.refused.or(Some(at)));
    }

    pub(super) fn error_mail(&self, number: LetterNumber, at: Millis) {
        self.write(number, |fate| fate.error_mails.push(at));
    }

    pub(super) fn notice(&self, number: LetterNumber) {
        self.write(number, |fate| fate.notices = fate.notices.saturating_add(1));
    }

    pub(super) fn failure_notice(&self, number: LetterNumber, at: Millis) {
        self.write(number, |fate| {
            fate.notices_failed = fate.notices_failed.saturating_add(1);
            fate.refused = fate.refused.or(Some(at));
        });
    }

    pub(super) fn stranger(&self) {
        let mut pages = self.pages();
        pages.strangers = pages.strangers.saturating_add(1);
    }

    pub(super) fn stored(&self, number: LetterNumber) {
        let index = {
            let mut pages = self.pages();
            pages.storings = pages.storings.saturating_add(1);
            pages.storings
        };
        self.write(number, |fate| fate.stored.push(index));
    }

    pub(super) fn repeat_dropped(&self) {
        let mut pages = self.pages();
        pages.repeats_dropped = pages.repeats_dropped.saturating_add(1);
    }

    pub(super) fn handed_over(&self, number: LetterNumber, at: Millis) {
        self.write(number, |fate| fate.handed_over.push(at));
    }

    /// What happened to each letter, in the order of the plan.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        let record = |(number, Entry { planned, fate }): (u32, &Entry)| Record {
            number: LetterNumber(number),
            practice: planned.practice,
            insurer: planned.insurer.clone(),
            offered: fate.offered,
            accepted: fate.accepted.map(|(at, _)| at),
            deferred: fate.later,
            in_doubt: fate.in_doubt,
            refused: fate.refused,
            error_mails: fate.error_mails.clone(),
            notices: fate.notices,
            copies: fate.stored.len(),
            handed_over: fate.handed_over.clone(),
        };
        (0..).zip(&self.pages().letters).map(record).collect()
    }

    /// Instants at which letters came back as faulty, in order.
    #[must_use]
    pub fn rejections(&self) -> Vec<Millis> {
        let mut all: Vec<Millis> = self
            .pages()
            .letters
            .iter()
            .flat_map(|entry| entry.fate.error_mails.iter().chain(entry.fate.refused.iter()))
            .copied()
            .collect();
        all.sort_unstable();
        all
    }

    /// How many letters came back as faulty while their insurer's door was not open.
    #[must_use]
    pub fn rejected_behind(&self, windows: &[Window]) -> u64 {
        let pages = self.pages();
        let behind = |entry: &&Entry| {
            let when = entry.fate.error_mails.iter().chain(entry.fate.refused.iter());
            let insurer = &entry.planned.insurer;
            when.into_iter()
                .any(|at| windows.iter().any(|window| window.covers(insurer, *at)))
        };
        count(pages.letters.iter().filter(behind))
    }

    /// How often something was written about a letter: unchanged means that nothing happened.
    pub(crate) fn writings(&self) -> u64 {
        self.pages().writings
    }

    /// Whether every planned letter has been offered and handed over or rejected, and every accepted one has its notice.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        let pages = self.pages();
        pages.letters.iter().all(|Entry { fate, .. }| {
            let ended = !fate.handed_over.is_empty() || is_rejected(fate);
            let told = fate.accepted.is_none() || fate.notices > 0 || fate.notices_failed > 0;
            ended && told
        })
    }

    /// Letters that were offered and have neither been handed over nor rejected yet.
    #[must_use]
    pub fn under_way(&self) -> u64 {
        let pages = self.pages();
        let under_way = |entry: &&Entry| {
            entry.fate.offered.is_some() && entry.fate.handed_over.is_empty() && !is_rejected(&entry.fate)
        };
        count(pages.letters.iter().filter(under_way))
    }

    /// Letters handed over and rejected so far: what a progress line shows.
    #[must_use]
    pub fn so_far(&self) -> (u64, u64) {
        let pages = self.pages();
        let handed_over = count(
            pages
                .letters
                .iter()
                .filter(|entry| !entry.fate.handed_over.is_empty()),
        );
        (
            handed_over,
            count(pages.letters.iter().filter(|entry| is_rejected(&entry.fate))),
        )
    }

    /// The sums. `windows` are the spans in which doors were not open; `in_mailbox` names the letters that lie in the
    /// regular server's mailboxes now.
    #[must_use]
    pub fn count(&self, windows: &[Window], in_mailbox: &BTreeSet<LetterNumber>) -> Count {
        let pages = self.pages();
        let mut sums = Count {
            repeats_dropped: pages.repeats_dropped,
            strangers: pages.strangers,
            order_violations: order_violations(&pages.letters),
            ..Count::default()
        };
        for (number, entry) in (0..).zip(&pages.letters) {
            let fate = &entry.fate;
            if fate.offered.is_none() {
                continue;
            }
            let rejected = is_rejected(fate);
            let handed_over = !fate.handed_over.is_empty();
            let waiting = in_mailbox.contains(&LetterNumber(number));
            let held = fate.accepted.is_some_and(|(at, _)| {
                !rejected
                    && windows
                        .iter()
                        .any(|window| window.covers(&entry.planned.insurer, at))
            });
            sums.offered += 1;
            sums.accepted += u64::from(fate.accepted.is_some());
            sums.deferred += u64::from(fate.later > 0);
            sums.in_doubt += u64::from(fate.in_doubt > 0);
            sums.held += u64::from(held);
            sums.duplicates += count(fate.stored.iter().skip(1));
            sums.notices_missing +=
                u64::from(fate.accepted.is_some() && fate.notices == 0 && fate.notices_failed == 0);
            sums.notices_too_many += u64::from(fate.notices.saturating_sub(1));
            match (rejected, handed_over, waiting, fate.accepted.is_some()) {
                (true, _, _, _) => sums.rejected += 1,
                (false, true, _, _) => sums.handed_over += 1,
                (false, false, true, _) => sums.waiting += 1,
                (false, false, false, true) => sums.lost += 1,
                (false, false, false, false) => sums.not_accepted += 1,
            }
        }
        sums
    }
}

fn count<T>(items: impl Iterator<Item = T>) -> u64 {
    u64::try_from(items.count()).unwrap_or(u64::MAX)
}

fn is_rejected(fate: &Fate) -> bool {
    fate.refused.is_some() || !fate.error_mails.is_empty()
}

/// Per lane (practice × insurer): letters in the order of acceptance must be stored in that order. A letter that was
/// ever in doubt has no known instant of acceptance and is left out.
fn order_violations(letters: &[Entry]) -> u64 {
    let mut lanes: BTreeMap<(PracticeNumber, &InsurerId), Vec<(u64, u64)>> = BTreeMap::new();
    for entry in letters {
        let fate = &entry.fate;
        if let (Some((_, accepted)), Some(stored), 0) = (fate.accepted, fate.stored.first(), fate.in_doubt) {
            lanes
                .entry((entry.planned.practice, &entry.planned.insurer))
                .or_default()
                .push((accepted, *stored));
        }
    }
    let mut violations = 0;
    for lane in lanes.values_mut() {
        lane.sort_unstable();
        let mut latest = 0;
        for (_, stored) in lane {
            violations += u64::from(*stored < latest);
            latest = latest.max(*stored);
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(letters: u32) -> Book {
        let insurer: InsurerId = "kasse-001".parse().unwrap();
        Book::new(
            (0..letters)
                .map(|n| Planned {
                    at: Millis(n.into()),
                    practice: PracticeNumber(0),
                    insurer: insurer.clone(),
                })
                .collect(),
        )
    }

    #[test]
    fn every_offered_letter_is_in_exactly_one_class() {
        let book = book(8);
        for number in 0..6 {
            book.offered(LetterNumber(number), Millis(1));
        }
        for number in 0..5 {
            book.accepted(LetterNumber(number), Millis(10));
            book.stored(LetterNumber(number));
        }
        book.handed_over(LetterNumber(0), Millis(20));
        book.handed_over(LetterNumber(0), Millis(21));
        book.error_mail(LetterNumber(1), Millis(22));
        book.stored(LetterNumber(2));
        book.in_doubt(LetterNumber(2));
        let window = Window {
            insurer: "kasse-001".parse().unwrap(),
            from: Millis(5),
            until: Some(Millis(15)),
        };
        let count = book.count(&[window], &BTreeSet::from([LetterNumber(2), LetterNumber(3)]));
        assert_eq!((count.offered, count.accepted), (6, 5));
        assert_eq!(
            (
                count.rejected,
                count.handed_over,
                count.waiting,
                count.lost,
                count.not_accepted
            ),
            (1, 1, 2, 1, 1)
        );
        assert_eq!((count.held, count.in_doubt, count.duplicates), (4, 1, 1));
        assert_eq!(
            count.offered,
            count.rejected + count.handed_over + count.waiting + count.lost + count.not_accepted
        );
        assert_eq!(book.rejections(), [Millis(22)]);
        assert_eq!(book.under_way(), 4);
    }

    #[test]
    fn a_letter_that_overtakes_an_earlier_one_is_seen() {
        let book = book(3);
        for number in [0, 1, 2] {
            book.offered(LetterNumber(number), Millis(0));
            book.accepted(LetterNumber(number), Millis(0));
        }
        for number in [0, 2, 1] {
            book.stored(LetterNumber(number));
        }
        assert_eq!(book.count(&[], &BTreeSet::new()).order_violations, 1);
        book.in_doubt(LetterNumber(1));
        assert_eq!(
            book.count(&[], &BTreeSet::new()).order_violations,
            0,
            "its acceptance is not known"
        );
    }
}
