//! How unusual a window is: whole numbers only, so that every machine says the same.
//!
//! A window of *m* minutes is compared with what *m* minutes of that hour usually bring. Its allowed spread joins two
//! independent causes: how far weeks stray (1.4826 × MAD, which estimates a standard deviation where weeks stray like a
//! normal distribution) and chance in counting (a Poisson or binomial variance), plus a floor so that quiet nights do
//! not divide by nothing:
//!
//! `score = (observed − expected) / sqrt(spread² + chance² + floor²)`
//!
//! A score of 6 therefore reads: six times as far from the usual as weeks and chance together explain. A window is
//! unusual only if it is also *large* in itself: a count under half, or over three times and thirty more than the expected, a
//! share at least 20 percentage points above the usual. Statistics alone would wake people for 3 % instead of 2 %.

use core::fmt;
use serde::{Deserialize, Serialize};

use super::WEEKS_MIN;

/// From here on a window is unusual.
const ENTER: Score = Score(600);
/// Below this a raised alarm may settle.
const LEAVE: Score = Score(300);
/// Milli-counts²: one count.
const COUNT_FLOOR: u128 = 1_000_000;
/// Milli-senders²: half a sender.
const SHARE_FLOOR: u128 = 250_000;
/// Parts per million that a share must lie above the usual.
const SHARE_EFFECT: u64 = 200_000;

/// How many allowed spreads a window lies from the usual, in hundredths: 600 is six. See the module for its meaning.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Score(pub i64);

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.0.unsigned_abs() / 100;
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{whole}.{:02}", self.0.unsigned_abs() % 100)
    }
}

/// On which side of the usual.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// Less than usual.
    Low,
    /// More than usual.
    High,
}

/// Not enough history to judge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Thin {
    /// Weeks that are known.
    pub weeks: usize,
}

impl fmt::Display for Thin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { weeks } = self;
        write!(
            f,
            "Noch nicht genug Vorgeschichte: {weeks} von {WEEKS_MIN} Wochen. / Not enough history yet: {weeks} of {WEEKS_MIN} weeks."
        )
    }
}

/// What a baseline can see at an hour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sight {
    /// Rises and falls.
    Both,
    /// So little is usual that even nothing at all would prove nothing.
    RisesOnly,
    /// Not enough history.
    Blind(Thin),
}

/// What a window says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Nothing is said.
    NotEnoughHistory(Thin),
    /// Explained by weeks and chance, or too small to matter.
    Usual(Score),
    /// Neither.
    Unusual {
        /// How far out.
        score: Score,
        /// On which side.
        side: Side,
        /// What was to be expected, in thousandths of a count.
        expected_milli: u64,
    },
}

impl Verdict {
    /// Whether a raised alarm may settle on such windows.
    #[must_use]
    pub fn is_calm(&self) -> bool {
        match self {
            Self::Usual(score) => score.0.abs() < LEAVE.0,
            Self::NotEnoughHistory(_) | Self::Unusual { .. } => false,
        }
    }
}

/// Median and MAD, in the caller's unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Usual {
    median: u64,
    mad: u64,
}

impl Usual {
    pub(super) fn of(mut values: Vec<u64>) -> Self {
        let median = median(&mut values);
        let mut away: Vec<u64> = values.iter().map(|value| value.abs_diff(median)).collect();
        Self {
            median,
            mad: self::median(&mut away),
        }
    }

    /// 1.4826 × MAD.
    fn spread(self) -> u128 {
        u128::from(self.mad).saturating_mul(14_826) / 10_000
    }
}

fn median(values: &mut [u64]) -> u64 {
    values.sort_unstable();
    let middle = values.len() / 2;
    let upper = values.get(middle).copied().unwrap_or(0);
    if values.len() % 2 == 1 {
        return upper;
    }
    let lower = middle
        .checked_sub(1)
        .and_then(|at| values.get(at))
        .copied()
        .unwrap_or(0);
    lower.midpoint(upper)
}

struct Window {
    expected: u128,
    deviation: u128,
}

fn window(usual: Usual, minutes: u32) -> Window {
    let minutes = u128::from(minutes.min(60));
    let expected = u128::from(usual.median).saturating_mul(minutes) / 60;
    let spread = usual.spread().saturating_mul(minutes) / 60;
    // The variance of a Poisson count is its mean; in milli-counts² that is a thousand times the milli-mean.
    let chance = expected.saturating_mul(1000);
    Window {
        expected,
        deviation: root(spread, chance, COUNT_FLOOR),
    }
}

pub(super) fn count(usual: Usual, minutes: u32, observed: u32) -> Verdict {
    let Window { expected, deviation } = window(usual, minutes);
    let observed = u128::from(observed).saturating_mul(1000);
    let score = score(observed, expected, deviation);
    let large = match observed.cmp(&expected) {
        core::cmp::Ordering::Less => observed.saturating_mul(2) <= expected,
        core::cmp::Ordering::Equal => false,
        core::cmp::Ordering::Greater => observed >= expected.saturating_mul(3).saturating_add(30_000),
    };
    verdict(score, large, expected)
}

pub(super) fn share(usual: Usual, failed: u32, all: u32) -> Verdict {
    let p = u128::from(usual.median.min(1_000_000));
    let n = u128::from(all);
    let expected = n.saturating_mul(p) / 1000;
    let spread = n.saturating_mul(usual.spread()) / 1000;
    // Binomial: n·p·(1 − p), here in milli-senders² (p in millionths).
    let chance = n.saturating_mul(p).saturating_mul(1_000_000 - p) / 1_000_000;
    let observed = u128::from(failed.min(all)).saturating_mul(1000);
    let score = score(observed, expected, root(spread, chance, SHARE_FLOOR));
    let found = u64::from(failed.min(all))
        .saturating_mul(1_000_000)
        .checked_div(u64::from(all));
    let large = found.is_some_and(|found| found >= usual.median.saturating_add(SHARE_EFFECT));
    // Fewer errors than usual are no alarm.
    verdict(Score(score.0.max(0)), large, expected)
}

/// Whether nothing at all in a window of some minutes would be seen.
pub(super) fn sight(usual: Usual, minutes: u32) -> Sight {
    let Window { expected, deviation } = window(usual, minutes);
    if score(0, expected, deviation).0 <= -ENTER.0 {
        Sight::Both
    } else {
        Sight::RisesOnly
    }
}

fn root(spread: u128, chance: u128, floor: u128) -> u128 {
    spread
        .saturating_mul(spread)
        .saturating_add(chance)
        .saturating_add(floor)
        .isqrt()
        .max(1)
}

fn score(observed: u128, expected: u128, deviation: u128) -> Score {
    let away = observed.abs_diff(expected).saturating_mul(100) / deviation;
    let away = i64::try_from(away).unwrap_or(i64::MAX);
    Score(if observed < expected { -away } else { away })
}

fn verdict(score: Score, large: bool, expected: u128) -> Verdict {
    if !large || score.0.abs() < ENTER.0 {
        return Verdict::Usual(score);
    }
    Verdict::Unusual {
        score,
        side: if score.0 < 0 { Side::Low } else { Side::High },
        expected_milli: u64::try_from(expected).unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_and_mad_by_hand() {
        assert_eq!(Usual::of(vec![1, 1, 2, 2, 4, 6, 9]), Usual { median: 2, mad: 1 });
        assert_eq!(Usual::of(vec![10, 20, 30, 40]), Usual { median: 25, mad: 10 });
        assert_eq!(Usual::of(vec![]), Usual { median: 0, mad: 0 });
    }

    #[test]
    fn a_score_by_hand() {
        // 600 per hour, no spread: 50 in five minutes, deviation sqrt(50 + 1) = 7.14; nothing came: -7.00.
        let usual = Usual {
            median: 600_000,
            mad: 0,
        };
        let Verdict::Unusual {
            score,
            side,
            expected_milli,
        } = count(usual, 5, 0)
        else {
            panic!("must be unusual")
        };
        assert_eq!(
            (score.to_string().as_str(), side, expected_milli),
            ("-7.00", Side::Low, 50_000)
        );
        // 2 %, ten senders, all with errors: (10 - 0.2) / sqrt(0.196 + 0.25) = 14.67.
        let usual = Usual {
            median: 20_000,
            mad: 0,
        };
        let Verdict::Unusual { score, .. } = share(usual, 10, 10) else {
            panic!("must be unusual")
        };
        assert_eq!(score.to_string(), "14.69");
    }
}
