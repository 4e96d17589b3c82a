//! Business measures of one insurer: minutes in, alarms raised and settled out.
//!
//! Minutes are gathered into windows of [`SLOT_MINUTES`], aligned to the clock. Where a share is watched a window also
//! waits for [`SLOT_SENDERS_MIN`] senders, at most [`SLOT_MINUTES_MAX`] minutes: at night a single mail is no share.
//! [`ENTER_SLOTS`] unusual windows in a row on the same side raise the alarm, [`LEAVE_SLOTS`] calm ones settle it.

mod measure;
mod senders;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use estate::CivilDate;
use serde::{Deserialize, Serialize};
use vocabulary::Timestamp;

use crate::{
    baseline::{Baseline, Hour, Score, Side, Verdict},
    local::{HourOfWeek, Local, local},
};

pub use measure::{ErrorKind, Measure, error_kind};
pub use senders::Senders;

/// Shortest window.
pub const SLOT_MINUTES: u32 = 5;
/// Longest window, for shares with few senders.
pub const SLOT_MINUTES_MAX: u32 = 60;
/// Different senders a window of a share waits for.
pub const SLOT_SENDERS_MIN: u32 = 4;
/// Unusual windows in a row that raise an alarm.
pub const ENTER_SLOTS: u8 = 2;
/// Calm windows in a row that settle it.
pub const LEAVE_SLOTS: u8 = 6;
/// An hour with fewer minutes than this is not learned.
pub const HOUR_MINUTES_MIN: u32 = 50;

/// One complete minute. A minute in which nothing came is told as such; a minute that is not told is missing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Minute {
    /// When it began.
    pub at: Timestamp,
    /// What was seen in it.
    pub seen: Seen,
}

/// What was seen in a minute.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Seen {
    /// So many eAU or payments.
    Count(u32),
    /// Senders that were answered, and those of them whose answer was an error.
    Share {
        /// Answered with an error.
        failed: Senders,
        /// Answered at all.
        all: Senders,
    },
}

impl Seen {
    const fn nothing(measure: Measure) -> Self {
        if measure.is_share() {
            Self::Share {
                failed: Senders::none(),
                all: Senders::none(),
            }
        } else {
            Self::Count(0)
        }
    }

    /// Both together; nothing where they are not of one kind.
    fn with(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Count(a), Self::Count(b)) => Some(Self::Count(a.saturating_add(b))),
            (
                Self::Share { failed, all },
                Self::Share {
                    failed: more_failed,
                    all: more,
                },
            ) => Some(Self::Share {
                failed: failed.with(more_failed),
                all: all.with(more).with(more_failed),
            }),
            (Self::Count(_), Self::Share { .. }) | (Self::Share { .. }, Self::Count(_)) => None,
        }
    }

    /// Counted, and among how many where a share is watched.
    fn figures(self) -> (u32, u32) {
        match self {
            Self::Count(count) => (count, 0),
            Self::Share { failed, all } => (failed.count(), all.count()),
        }
    }
}

/// A change of the alarm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// Raised.
    Raised(Raised),
    /// Usual again.
    Settled,
}

/// What raised an alarm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Raised {
    /// When the first of the unusual windows began.
    pub since: Timestamp,
    /// On which side.
    pub side: Side,
    /// Of the last window.
    pub score: Score,
    /// Counted in the last window.
    pub units: u32,
    /// Among how many, for shares. Both are senders then.
    pub of: u32,
    /// Minutes of the last window.
    pub minutes: u32,
    /// Expected in the last window, in thousandths.
    pub expected_milli: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Alarm {
    Calm,
    /// One unusual window, or more than one on the way.
    Pending {
        slots: u8,
        since: Timestamp,
        side: Side,
    },
    Raised {
        calm: u8,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Slot {
    since: Timestamp,
    minutes: u32,
    seen: Seen,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Running {
    here: Local,
    minutes: u32,
    units: u32,
    of: u32,
    lesson: Lesson,
}

/// Whether a time may be learned.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lesson {
    /// Nothing speaks against it.
    Learn,
    /// An incident covers it.
    Skip,
}

/// How far a measure of one insurer has come since its last finished hour: the window and the hour that run, and the alarm.
/// To be kept with how far the source was read, so that a restart is no gap. Of senders it holds the window's marks only.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    last: Timestamp,
    slot: Option<Slot>,
    hour: Option<RunningHour>,
    alarm: Alarm,
}

/// The hour of a window's last minute, as far as it went.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RunningHour {
    minutes: u32,
    units: u32,
    of: u32,
    lesson: Lesson,
}

/// One measure of one insurer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Series {
    measure: Measure,
    baseline: Baseline,
    slot: Option<Slot>,
    running: Option<Running>,
    alarm: Alarm,
    last: Option<Timestamp>,
}

impl Series {
    /// Begins with what was learned before.
    #[must_use]
    pub const fn new(measure: Measure, baseline: Baseline) -> Self {
        Self {
            measure,
            baseline,
            slot: None,
            running: None,
            alarm: Alarm::Calm,
            last: None,
        }
    }

    /// What was learned.
    #[must_use]
    pub const fn baseline(&self) -> &Baseline {
        &self.baseline
    }

    /// How far it has come; nothing before the first minute.
    #[must_use]
    pub fn window(&self) -> Option<Window> {
        Some(Window {
            last: self.last?,
            slot: self.slot,
            hour: self.running.map(|running| RunningHour {
                minutes: running.minutes,
                units: running.units,
                of: running.of,
                lesson: running.lesson,
            }),
            alarm: self.alarm,
        })
    }

    /// Goes on where it was before a restart. A window of another kind than the measure is not taken.
    #[must_use]
    pub fn going_on(mut self, window: Window) -> Self {
        let fits = |slot: &Slot| Seen::nothing(self.measure).with(slot.seen).is_some();
        if window.slot.as_ref().is_some_and(|slot| !fits(slot)) {
            return self;
        }
        self.last = Some(window.last);
        self.slot = window.slot;
        // The running hour is that of the last minute.
        self.running = window.hour.map(|hour| Running {
            here: local(window.last),
            minutes: hour.minutes,
            units: hour.units,
            of: hour.of,
            lesson: hour.lesson,
        });
        self.alarm = window.alarm;
        self
    }

    /// Forgets what was learned: business has changed for good, a person said so.
    pub fn forget(&mut self) {
        *self = Self::new(self.measure, Baseline::new());
    }

    /// The newest minute taken.
    #[must_use]
    pub const fn last(&self) -> Option<Timestamp> {
        self.last
    }

    /// Takes one minute. Minutes must come in order; one that was taken already, or is of another kind than the
    /// measure, changes nothing.
    pub fn take(&mut self, minute: Minute, lesson: Lesson, holidays: &BTreeSet<CivilDate>) -> Option<Turn> {
        let at = Timestamp(minute.at.0.div_euclid(60).saturating_mul(60));
        if self.last.is_some_and(|last| at <= last) {
            return None;
        }
        Seen::nothing(self.measure).with(minute.seen)?;
        let gap = self.last.map(|last| at.since(last).0 / 60);
        self.last = Some(at);
        if gap.is_some_and(|minutes| minutes > u64::from(SLOT_MINUTES)) {
            // What lies on both sides of a hole is not one window, and two windows around it are not in a row.
            self.slot = None;
            if let Alarm::Pending { .. } = self.alarm {
                self.alarm = Alarm::Calm;
            }
        }
        let here = local(at);
        let compared = if holidays.contains(&here.date) {
            here.hour.on_sunday()
        } else {
            here.hour
        };
        self.begin_hour(here, lesson, holidays);
        let begun = self.slot.unwrap_or(Slot {
            since: at,
            minutes: 0,
            seen: Seen::nothing(self.measure),
        });
        let slot = Slot {
            since: begun.since,
            minutes: begun.minutes.saturating_add(1),
            seen: begun.seen.with(minute.seen)?,
        };
        self.slot = Some(slot);
        let (_, of) = slot.seen.figures();
        let boundary =
            at.0.div_euclid(60)
                .saturating_add(1)
                .rem_euclid(i64::from(SLOT_MINUTES))
                == 0;
        let enough = !self.measure.is_share() || of >= SLOT_SENDERS_MIN || slot.minutes >= SLOT_MINUTES_MAX;
        if !(boundary && enough) {
            return None;
        }
        self.slot = None;
        self.turn(slot, compared)
    }

    /// Counts a minute of the running hour; a finished hour is learned if it was complete and normal.
    fn begin_hour(&mut self, here: Local, lesson: Lesson, holidays: &BTreeSet<CivilDate>) {
        if let Some(done) = self.running
            && (done.here.day, done.here.hour) != (here.day, here.hour)
        {
            let normal = done.lesson == Lesson::Learn && !holidays.contains(&done.here.date);
            if normal && done.minutes >= HOUR_MINUTES_MIN {
                let counted = Hour {
                    day: done.here.day,
                    units: done.units,
                    of: done.of,
                };
                self.baseline.learn(done.here.hour, counted);
            }
            self.running = None;
        }
        let raised = matches!(self.alarm, Alarm::Raised { .. });
        let running = self.running.get_or_insert(Running {
            here,
            minutes: 0,
            units: 0,
            of: 0,
            lesson: Lesson::Learn,
        });
        running.minutes = running.minutes.saturating_add(1);
        if lesson == Lesson::Skip || raised {
            running.lesson = Lesson::Skip;
        }
    }

    fn turn(&mut self, slot: Slot, hour: HourOfWeek) -> Option<Turn> {
        let (units, of) = slot.seen.figures();
        if let Some(running) = &mut self.running {
            running.units = running.units.saturating_add(units);
            running.of = running.of.saturating_add(of);
        }
        let verdict = if self.measure.is_share() {
            self.baseline.judge_share(hour, units, of)
        } else {
            self.baseline.judge_count(hour, slot.minutes, units)
        };
        let (alarm, turn) = next(self.alarm, verdict, slot);
        self.alarm = alarm;
        turn
    }
}

/// Every pair of alarm and verdict.
fn next(alarm: Alarm, verdict: Verdict, slot: Slot) -> (Alarm, Option<Turn>) {
    match (alarm, verdict) {
        (Alarm::Calm | Alarm::Pending { .. }, Verdict::Usual(_) | Verdict::NotEnoughHistory(_)) => {
            (Alarm::Calm, None)
        }
        (Alarm::Calm, Verdict::Unusual { side, .. }) => (
            Alarm::Pending {
                slots: 1,
                since: slot.since,
                side,
            },
            None,
        ),
        (
            Alarm::Pending { slots, since, side },
            Verdict::Unusual {
                side: now,
                score,
                expected_milli,
            },
        ) => {
            if side != now {
                return (
                    Alarm::Pending {
                        slots: 1,
                        since: slot.since,
                        side: now,
                    },
                    None,
                );
            }
            let slots = slots.saturating_add(1);
            if slots < ENTER_SLOTS {
                return (Alarm::Pending { slots, since, side }, None);
            }
            let (units, of) = slot.seen.figures();
            let raised = Raised {
                since,
                side,
                score,
                units,
                of,
                minutes: slot.minutes,
                expected_milli,
            };
            (Alarm::Raised { calm: 0 }, Some(Turn::Raised(raised)))
        }
        (Alarm::Raised { .. }, Verdict::Unusual { .. }) => (Alarm::Raised { calm: 0 }, None),
        // Without history nothing is known to be usual again.
        (Alarm::Raised { calm }, Verdict::NotEnoughHistory(_)) => (Alarm::Raised { calm }, None),
        (Alarm::Raised { calm }, Verdict::Usual(_)) => {
            let calm = if verdict.is_calm() {
                calm.saturating_add(1)
            } else {
                0
            };
            if calm >= LEAVE_SLOTS {
                (Alarm::Calm, Some(Turn::Settled))
            } else {
                (Alarm::Raised { calm }, None)
            }
        }
    }
}
