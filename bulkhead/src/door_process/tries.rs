//! Trying openings without being told to: a door that follows the authority log knows when nothing is missing any more.
//!
//! The rule (decision 0016): nothing is tried before the doors' own judgement says that only a fresh view is missing; one
//! view serves everything that waits for it; between two views some time passes; what was refused all the same waits
//! longer each time. Everything else is as for a try by a person, and recorded as one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::PoisonError,
    time::Duration,
};

use door::{Outcome, Ready};
use tokio::{sync::oneshot, time::timeout};
use vocabulary::{Digest, DoorId, Millis, StatementId};

use super::follow::Follower;
use crate::{clock, house::Opened};

/// How often we look without a nudge: hours of a standing consent begin with no entry of the log.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// What comes together is tried together.
const SETTLE: Duration = Duration::from_millis(250);
/// Longest wait for the witnesses.
const VIEW_WAIT: Duration = Duration::from_secs(20);
/// Least time between two views asked for here, in milliseconds: eighty consents within a minute cost a dozen.
const SPACING: Millis = Millis(5_000);
/// Longest wait after views that did not come.
const NO_VIEW_MAX: Millis = Millis(60_000);
/// First and longest wait after a refusal. Nothing but time lies between our judgement and the doors', so only time helps.
const REFUSED_MIN: Millis = Millis(30_000);
const REFUSED_MAX: Millis = Millis(3_600_000);

/// Openings that wait for the next fresh view, and who wants to know what came of them.
pub(super) type Waiting = std::sync::Mutex<Option<Waits>>;

/// What came of trying.
type Tried = Result<Opened, door::Error>;

/// One try that waits.
pub(super) struct Waits {
    tries: Vec<Ready>,
    tell: oneshot::Sender<Tried>,
}

/// When to try. Pure; the clock is told to it.
#[derive(Default)]
struct Rule {
    /// No view is asked for before this.
    not_before: Millis,
    /// Views in a row that did not come.
    without_view: u32,
    /// Doors that refused although nothing seemed to be missing: how often in a row, and until when they are left alone.
    refused: BTreeMap<(StatementId, DoorId), (u32, Millis)>,
}

impl Rule {
    /// What to try now, of what is ready. What is no longer ready is forgotten: if it comes back, something has changed.
    fn due(&mut self, ready: &[Ready], now: Millis) -> Vec<Ready> {
        let is_ready = |opening: StatementId, door: &DoorId| {
            ready
                .iter()
                .any(|one| one.opening == opening && one.doors.contains(door))
        };
        self.refused.retain(|(opening, door), _| is_ready(*opening, door));
        if now < self.not_before {
            return Vec::new();
        }
        let due = ready.iter().map(|one| Ready {
            opening: one.opening,
            doors: one
                .doors
                .iter()
                .filter(|door| {
                    let left_alone = self.refused.get(&(one.opening, (*door).clone()));
                    left_alone.is_none_or(|(_, until)| now >= *until)
                })
                .cloned()
                .collect(),
        });
        due.filter(|one| !one.doors.is_empty()).collect()
    }

    /// The doors answered.
    fn answered(&mut self, outcome: &Outcome, now: Millis) {
        self.without_view = 0;
        self.not_before = later(now, SPACING);
        for refused in &outcome.refused {
            let key = (refused.opening, refused.door.clone());
            let (times, until) = self.refused.entry(key).or_insert((0, now));
            *until = later(now, doubled(REFUSED_MIN, *times, REFUSED_MAX));
            *times = times.saturating_add(1);
        }
    }

    /// No fresh view came.
    fn no_view(&mut self, now: Millis) {
        self.not_before = later(now, doubled(SPACING, self.without_view, NO_VIEW_MAX));
        self.without_view = self.without_view.saturating_add(1);
    }
}

const fn later(now: Millis, span: Millis) -> Millis {
    Millis(now.0.saturating_add(span.0))
}

/// A span doubled so many times, and no longer than this.
fn doubled(first: Millis, times: u32, most: Millis) -> Millis {
    let factor = 1_u64.checked_shl(times).unwrap_or(u64::MAX);
    Millis(first.0.saturating_mul(factor)).min(most)
}

impl Follower {
    /// Looks after every piece of the log, and now and then without one. Ends with the process; what it had begun is begun
    /// anew by the next one, if the opening still fits.
    pub(super) async fn try_always(&self) {
        let (mut rule, mut brought) = (Rule::default(), BTreeSet::new());
        loop {
            let _timer_or_nudge = timeout(LOOK_EVERY, self.followed.notified()).await;
            self.look_and_try(&mut rule, &mut brought).await;
        }
    }

    async fn look_and_try(&self, rule: &mut Rule, brought: &mut BTreeSet<(DoorId, Digest)>) {
        let Ok(look) = self.doors().look().await else {
            return;
        };
        // A consent with keys may come after another consent has opened the door: what is held there waits for it.
        let named = |key: &clearance::RewrappedKey| (key.door.clone(), key.segment);
        let wanted: BTreeSet<_> = look.keys.iter().map(named).collect();
        let late: Vec<_> = look
            .keys
            .into_iter()
            .filter(|key| !brought.contains(&named(key)))
            .collect();
        if !late.is_empty() {
            self.store.take_keys(&late).await;
        }
        *brought = wanted;
        if rule.due(&look.ready, clock::monotonic()).is_empty() {
            return;
        }
        tokio::time::sleep(SETTLE).await;
        // A person who asks for an opening has the view to themselves, and so have we.
        let _alone = self.opening.lock().await;
        let Ok(look) = self.doors().look().await else {
            return;
        };
        let tries = rule.due(&look.ready, clock::monotonic());
        if !tries.is_empty() {
            self.try_now(rule, tries).await;
        }
    }

    async fn try_now(&self, rule: &mut Rule, tries: Vec<Ready>) {
        match self.under_a_fresh_view(&tries).await {
            Some(Ok(opened)) => {
                rule.answered(&opened.outcome, clock::monotonic());
                self.grown();
                self.store.take_keys(&opened.keys).await;
                for report in &opened.outcome.applied {
                    tracing::info!(door = %report.door, "opened: nothing was missing any more");
                }
                for refused in &opened.outcome.refused {
                    tracing::warn!(door = %refused.door, missing = refused.missing, "a try of our own was refused");
                }
            }
            Some(Err(error)) => {
                rule.no_view(clock::monotonic());
                tracing::error!(%error, "openings could not be tried");
            }
            None => {
                rule.no_view(clock::monotonic());
                tracing::info!(
                    openings = tries.len(),
                    "openings wait for a fresh view that did not come"
                );
                if self.doors().not_tried(tries).await.is_ok() {
                    self.grown();
                }
            }
        }
    }

    /// What waits for the view that is about to be proven.
    pub(super) fn take_waiting(&self) -> (Vec<Ready>, Option<oneshot::Sender<Tried>>) {
        let waits = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        waits.map_or_else(Default::default, |waits| (waits.tries, Some(waits.tell)))
    }

    /// What was not tried waits for the next checkpoint, as long as somebody waits for it.
    pub(super) fn give_back(&self, tries: Vec<Ready>, tell: Option<oneshot::Sender<Tried>>) {
        let Some(tell) = tell.filter(|tell| !tell.is_closed()) else {
            return;
        };
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = Some(Waits { tries, tell });
    }

    /// Leaves the tries where the next fresh view finds them, and asks for one. Nothing is tried under an older view.
    async fn under_a_fresh_view(&self, tries: &[Ready]) -> Option<Tried> {
        let (tell, told) = oneshot::channel();
        let leave = |waits: Option<Waits>| {
            *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = waits;
        };
        leave(Some(Waits {
            tries: tries.to_vec(),
            tell,
        }));
        let asked = self.ask_for_view().await;
        let answer = match asked {
            Ok(()) => timeout(VIEW_WAIT, told).await.ok().and_then(Result::ok),
            Err(error) => {
                tracing::debug!(%error, "no fresh view can be asked for");
                None
            }
        };
        leave(None);
        answer
    }
}

#[cfg(test)]
mod tests {
    use door::OpeningRefused;

    use super::*;

    fn door(number: u16) -> DoorId {
        format!("kasse-{number:03}/eau").parse().unwrap()
    }

    fn opening(name: &str) -> StatementId {
        StatementId(Digest::of(name.as_bytes()))
    }

    fn ready(name: &str, doors: impl IntoIterator<Item = u16>) -> Ready {
        Ready {
            opening: opening(name),
            doors: doors.into_iter().map(door).collect(),
        }
    }

    fn refused(one: &Ready) -> Outcome {
        let of = |door: &DoorId| OpeningRefused {
            opening: one.opening,
            door: door.clone(),
            missing: "?".into(),
        };
        Outcome {
            applied: Vec::new(),
            refused: one.doors.iter().map(of).collect(),
        }
    }

    #[test]
    fn what_is_refused_is_left_alone_longer_each_time_and_holds_up_nobody_else() {
        let (mut rule, bad) = (Rule::default(), ready("bad", [1]));
        let mut now = Millis(0);
        let mut waits = Vec::new();
        for _ in 0..10 {
            let began = now;
            while rule.due(std::slice::from_ref(&bad), now).is_empty() {
                now = later(now, Millis(1_000));
            }
            waits.push(now.0 - began.0);
            rule.answered(&refused(&bad), now);
        }
        assert_eq!(
            waits,
            [
                0, 30_000, 60_000, 120_000, 240_000, 480_000, 960_000, 1_920_000, 3_600_000, 3_600_000
            ]
        );
        let other = ready("good", [2]);
        let due = rule.due(&[bad.clone(), other.clone()], later(now, SPACING));
        assert_eq!(due, [other]);
        // Gone and back: something has changed, so it is tried at once.
        assert!(rule.due(&[], later(now, SPACING)).is_empty());
        let again = rule.due(std::slice::from_ref(&bad), later(now, SPACING));
        assert_eq!(again, [bad]);
    }

    #[test]
    fn without_a_view_the_witnesses_are_asked_more_and_more_rarely() {
        let (mut rule, one) = (Rule::default(), ready("one", [1]));
        let (mut now, mut asked) = (Millis(0), Vec::new());
        while now < Millis(600_000) {
            if !rule.due(std::slice::from_ref(&one), now).is_empty() {
                asked.push(now.0);
                rule.no_view(now);
            }
            now = later(now, Millis(1_000));
        }
        assert_eq!(asked[..5], [0, 5_000, 15_000, 35_000, 75_000]);
        assert!(asked.len() <= 14, "{asked:?}");
    }

    /// However eighty consents come within a minute, a dozen views do; and every door is opened within the spacing.
    #[test]
    fn eighty_consents_do_not_cost_eighty_views() {
        for scatter in 0..100_u64 {
            let at = |number: u64| {
                let digest = Digest::of(format!("{scatter} {number}").as_bytes());
                u64::from(digest.as_bytes()[0]) * 60_000 / 256
            };
            let at: Vec<u64> = (0..80).map(at).collect();
            let (mut rule, mut open, mut views) = (Rule::default(), BTreeSet::new(), 0);
            for second in 0..75_u64 {
                let now = Millis(second * 1_000);
                let come = (0_u16..).zip(&at).filter(|(_, at)| **at <= now.0);
                let all = ready(
                    "all",
                    come.map(|(number, _)| number)
                        .filter(|number| !open.contains(number)),
                );
                let due = rule.due(&[all], now);
                if due.is_empty() {
                    continue;
                }
                views += 1;
                rule.answered(&Outcome::default(), now);
                for door in due.iter().flat_map(|one| &one.doors) {
                    let number: u16 = door.cell().insurer.as_str()[6..].parse().unwrap();
                    assert!(now.0 <= at[usize::from(number)] + 6_000, "{door} waited too long");
                    open.insert(number);
                }
            }
            assert_eq!(open.len(), 80);
            assert!(views <= 13, "{views} views");
        }
    }
}
