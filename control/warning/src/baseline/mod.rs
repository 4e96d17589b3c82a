//! What is usual: per hour of the week, the median over the last weeks and how far weeks stray from it (MAD, the median
//! of the absolute deviations). Both ignore a minority of strange weeks, which is why no mean is used.

mod memory;
mod score;

use serde::{Deserialize, Serialize};

pub use memory::BadMemory;
pub use score::{Score, Side, Sight, Thin, Verdict};

use crate::local::HourOfWeek;
use memory::Memory;
use score::Usual;

/// Weeks kept per hour of the week. Older ones are forgotten, so that the baseline follows the business.
pub const WEEKS_MAX: usize = 8;
/// Fewer weeks than this are not enough history.
pub const WEEKS_MIN: usize = 4;
/// An hour with fewer senders than this says nothing about the share of errors.
pub const SHARE_SENDERS_MIN: u32 = 20;

/// What was counted in one hour of one week.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hour {
    /// Which local day, in days since 1970-01-01. One hour per day and hour of the week is kept.
    pub day: i64,
    /// What is counted: eAU, payments, senders answered with an error.
    pub units: u32,
    /// Of how many, where a share is watched; otherwise zero.
    pub of: u32,
}

/// The history of one measure of one insurer. At most 168 × [`WEEKS_MAX`] hours.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(into = "Memory", try_from = "Memory")]
pub struct Baseline {
    /// One list per hour of the week, oldest first.
    hours: Vec<Vec<Hour>>,
}

impl Default for Baseline {
    fn default() -> Self {
        Self {
            hours: vec![Vec::new(); HourOfWeek::COUNT],
        }
    }
}

impl Baseline {
    /// Without history.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one complete, normal hour. The same day again is ignored, as is a day older than the newest known: the
    /// hour that comes twice in October counts once.
    pub fn learn(&mut self, hour: HourOfWeek, counted: Hour) {
        let Some(weeks) = self.hours.get_mut(hour.index()) else {
            return;
        };
        if weeks.last().is_some_and(|last| last.day >= counted.day) {
            return;
        }
        if weeks.len() >= WEEKS_MAX {
            weeks.remove(0);
        }
        weeks.push(counted);
    }

    /// How many weeks are known for an hour of the week.
    #[must_use]
    pub fn weeks(&self, hour: HourOfWeek) -> usize {
        self.weeks_of(hour).len()
    }

    /// Judges a count over some minutes of an hour.
    #[must_use]
    pub fn judge_count(&self, hour: HourOfWeek, minutes: u32, observed: u32) -> Verdict {
        match self.usual_count(hour) {
            Ok(usual) => score::count(usual, minutes, observed),
            Err(thin) => Verdict::NotEnoughHistory(thin),
        }
    }

    /// Judges how many of the senders of an hour were answered with an error.
    #[must_use]
    pub fn judge_share(&self, hour: HourOfWeek, failed: u32, all: u32) -> Verdict {
        match self.usual_share(hour) {
            Ok(usual) => score::share(usual, failed, all),
            Err(thin) => Verdict::NotEnoughHistory(thin),
        }
    }

    /// What this baseline can see at an hour, in windows of some minutes: so that nobody takes silence for health.
    #[must_use]
    pub fn sight(&self, hour: HourOfWeek, minutes: u32) -> Sight {
        match self.usual_count(hour) {
            Ok(usual) => score::sight(usual, minutes),
            Err(thin) => Sight::Blind(thin),
        }
    }

    fn weeks_of(&self, hour: HourOfWeek) -> &[Hour] {
        self.hours.get(hour.index()).map_or(&[], Vec::as_slice)
    }

    /// Milli-units per hour.
    fn usual_count(&self, hour: HourOfWeek) -> Result<Usual, Thin> {
        let weeks = self.weeks_of(hour);
        enough(weeks.len())?;
        Ok(Usual::of(
            weeks
                .iter()
                .map(|week| u64::from(week.units).saturating_mul(1000))
                .collect(),
        ))
    }

    /// Parts per million. An hour of the week whose weeks are too thin (nights) borrows from all hours: the share of
    /// errors depends on senders' software more than on the hour.
    fn usual_share(&self, hour: HourOfWeek) -> Result<Usual, Thin> {
        let shares = |weeks: &[Hour]| -> Vec<u64> {
            weeks
                .iter()
                .filter(|week| week.of >= SHARE_SENDERS_MIN)
                .map(|week| u64::from(week.units).saturating_mul(1_000_000) / u64::from(week.of))
                .collect()
        };
        let here = shares(self.weeks_of(hour));
        if here.len() >= WEEKS_MIN {
            return Ok(Usual::of(here));
        }
        // Weeks, not hours, are asked for: one busy week of 40 hours is still one week.
        let all: Vec<Hour> = self
            .hours
            .iter()
            .flatten()
            .filter(|week| week.of >= SHARE_SENDERS_MIN)
            .copied()
            .collect();
        let known: std::collections::BTreeSet<i64> = all.iter().map(|week| week.day.div_euclid(7)).collect();
        enough(known.len())?;
        Ok(Usual::of(shares(&all)))
    }
}

fn enough(weeks: usize) -> Result<(), Thin> {
    if weeks >= WEEKS_MIN {
        Ok(())
    } else {
        Err(Thin { weeks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MONDAY_TEN: HourOfWeek = HourOfWeek::new(0, 10);

    fn learned(counts: &[(u32, u32)]) -> Baseline {
        let mut baseline = Baseline::new();
        for (week, (units, of)) in counts.iter().enumerate() {
            let day = i64::try_from(week).unwrap() * 7;
            baseline.learn(
                MONDAY_TEN,
                Hour {
                    day,
                    units: *units,
                    of: *of,
                },
            );
        }
        baseline
    }

    #[test]
    fn without_four_weeks_nothing_is_guessed() {
        let baseline = learned(&[(600, 0), (610, 0), (590, 0)]);
        let verdict = baseline.judge_count(MONDAY_TEN, 5, 0);
        assert_eq!(verdict, Verdict::NotEnoughHistory(Thin { weeks: 3 }));
        assert_eq!(
            baseline.judge_share(MONDAY_TEN, 9, 9),
            Verdict::NotEnoughHistory(Thin { weeks: 0 })
        );
        assert_eq!(baseline.sight(MONDAY_TEN, 5), Sight::Blind(Thin { weeks: 3 }));
        assert!(Thin { weeks: 3 }.to_string().contains("3"));
    }

    #[test]
    fn one_mad_week_moves_nothing() {
        let calm = learned(&[(600, 0), (610, 0), (590, 0), (605, 0), (595, 0)]);
        let with_attack = learned(&[(600, 0), (0, 0), (590, 0), (605, 0), (595, 0)]);
        for baseline in [calm, with_attack] {
            assert!(matches!(
                baseline.judge_count(MONDAY_TEN, 5, 50),
                Verdict::Usual(_)
            ));
            assert!(
                matches!(
                    baseline.judge_count(MONDAY_TEN, 5, 0),
                    Verdict::Unusual { side: Side::Low, .. }
                ),
                "50 expected, none came"
            );
            assert!(matches!(
                baseline.judge_count(MONDAY_TEN, 5, 200),
                Verdict::Unusual { side: Side::High, .. }
            ));
        }
    }

    #[test]
    fn a_night_of_zeros_neither_alarms_nor_pretends_to_see() {
        let night = learned(&[(0, 0), (0, 0), (1, 0), (0, 0), (0, 0)]);
        for count in 0..4 {
            assert!(
                matches!(night.judge_count(MONDAY_TEN, 5, count), Verdict::Usual(_)),
                "{count}"
            );
        }
        assert_eq!(night.sight(MONDAY_TEN, 5), Sight::RisesOnly);
        assert_eq!(
            learned(&[(6000, 0); 4]).sight(MONDAY_TEN, 5),
            Sight::Both,
            "500 expected in five minutes"
        );
    }

    #[test]
    fn a_share_needs_senders_before_it_means_anything() {
        let baseline = learned(&[(4, 200), (5, 210), (3, 190), (4, 205)]);
        for (errors, mails) in [(0, 0), (1, 1), (2, 2), (3, 100)] {
            assert!(
                matches!(baseline.judge_share(MONDAY_TEN, errors, mails), Verdict::Usual(_)),
                "{errors} of {mails}"
            );
        }
        assert!(matches!(
            baseline.judge_share(MONDAY_TEN, 12, 12),
            Verdict::Unusual { side: Side::High, .. }
        ));
        // A night that is too thin itself borrows from the day.
        assert!(matches!(
            baseline.judge_share(HourOfWeek::new(6, 3), 12, 12),
            Verdict::Unusual { .. }
        ));
    }

    #[test]
    fn memory_is_bounded_and_reads_back() {
        let mut baseline = Baseline::new();
        for week in 0..1000 {
            for hour in 0..168 {
                let hour = HourOfWeek::try_from(hour).unwrap();
                baseline.learn(
                    hour,
                    Hour {
                        day: week * 7,
                        units: u32::MAX,
                        of: u32::MAX,
                    },
                );
            }
        }
        assert_eq!(
            baseline.hours.iter().map(Vec::len).sum::<usize>(),
            168 * WEEKS_MAX
        );
        let text = serde_json::to_string(&baseline).unwrap();
        assert_eq!(serde_json::from_str::<Baseline>(&text).unwrap(), baseline);
        // The largest numbers are judged without overflow.
        assert!(matches!(
            baseline.judge_count(MONDAY_TEN, 60, u32::MAX),
            Verdict::Usual(_)
        ));
        assert!(matches!(
            baseline.judge_share(MONDAY_TEN, u32::MAX, u32::MAX),
            Verdict::Usual(_)
        ));
    }

    #[test]
    fn a_damaged_memory_is_refused() {
        let good = serde_json::to_value(learned(&[(1, 2)])).unwrap();
        for (what, text) in [
            (
                "hour 168",
                good.to_string().replace("\"hour\":10", "\"hour\":168"),
            ),
            ("unknown key", good.to_string().replace("\"units\"", "\"unit\"")),
        ] {
            assert!(serde_json::from_str::<Baseline>(&text).is_err(), "{what}: {text}");
        }
        let too_many: Vec<_> = (0..=WEEKS_MAX)
            .map(|day| serde_json::json!({"day": day, "units": 1, "of": 0}))
            .collect();
        let text = serde_json::json!({"version": 1, "hours": [{"hour": 10, "weeks": too_many}]}).to_string();
        assert!(serde_json::from_str::<Baseline>(&text).is_err());
        let twice = serde_json::json!({"version": 1, "hours": [{"hour": 10, "weeks": [{"day": 7, "units": 1, "of": 0}, {"day": 7, "units": 1, "of": 0}]}]});
        assert!(serde_json::from_value::<Baseline>(twice).is_err());
    }
}
