//! What hour it is for people in Germany, from an instant alone.
//!
//! Business follows local time: practices open at eight in winter and in summer. The room has no zone table; the rule
//! of the European Union (Directive 2000/84/EC, articles 2 to 4: last Sunday in March and in October, 01:00 UTC) is all
//! that an estate in Germany needs.

use core::fmt;
use estate::CivilDate;
use serde::{Deserialize, Serialize};
use vocabulary::Timestamp;

/// An hour of the week: 0 is Monday 00:00 to 00:59 local time, 167 Sunday 23:00.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub struct HourOfWeek(u8);

impl HourOfWeek {
    /// Hours in a week.
    pub const COUNT: usize = 168;

    /// From a weekday (0 is Monday) and an hour; each is taken modulo its range.
    #[must_use]
    pub const fn new(weekday: u8, hour: u8) -> Self {
        Self((weekday % 7) * 24 + hour % 24)
    }

    /// The same hour on a Sunday: what a holiday is compared with.
    #[must_use]
    pub const fn on_sunday(self) -> Self {
        Self(6 * 24 + self.0 % 24)
    }

    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

impl From<HourOfWeek> for u8 {
    fn from(hour: HourOfWeek) -> Self {
        hour.0
    }
}

impl TryFrom<u8> for HourOfWeek {
    type Error = String;
    fn try_from(hour: u8) -> Result<Self, String> {
        if usize::from(hour) < Self::COUNT {
            Ok(Self(hour))
        } else {
            Err(format!("{hour} is no hour of a week: 0 to 167"))
        }
    }
}

impl fmt::Display for HourOfWeek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = ["Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"]
            .get(usize::from(self.0 / 24))
            .copied()
            .unwrap_or_default();
        write!(f, "{day} {:02}:00", self.0 % 24)
    }
}

/// Local time in Germany.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Local {
    /// The civil date.
    pub date: CivilDate,
    /// Days since 1970-01-01, local.
    pub day: i64,
    /// Weekday and hour.
    pub hour: HourOfWeek,
}

/// Local time in Germany at an instant.
#[must_use]
pub fn local(at: Timestamp) -> Local {
    let offset = if is_summer(at.0) { 7200 } else { 3600 };
    let seconds = at.0.saturating_add(offset);
    let day = seconds.div_euclid(86_400);
    let hour = seconds.rem_euclid(86_400) / 3600;
    Local {
        date: civil(day),
        day,
        hour: HourOfWeek::new(small(weekday(day)), small(hour)),
    }
}

fn is_summer(seconds: i64) -> bool {
    let year = i64::from(civil(seconds.div_euclid(86_400)).year);
    let change = |month| {
        last_sunday(year, month)
            .saturating_mul(86_400)
            .saturating_add(3600)
    };
    (change(3)..change(10)).contains(&seconds)
}

/// Day count of the last Sunday of a month with 31 days.
fn last_sunday(year: i64, month: i64) -> i64 {
    let last = days(year, month, 31);
    last.saturating_sub(weekday(last).saturating_add(1) % 7)
}

/// 0 is Monday; 1970-01-01 was a Thursday.
const fn weekday(day: i64) -> i64 {
    day.saturating_add(3).rem_euclid(7)
}

fn small(number: i64) -> u8 {
    u8::try_from(number).unwrap_or(0)
}

/// Day count of a proleptic Gregorian date, by eras of 400 years.
pub(crate) const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The date of a day count; years outside 0 to 65535 are clamped, for no record reaches there.
fn civil(day: i64) -> CivilDate {
    let shifted = day.clamp(-719_468, 20_000_000).saturating_add(719_468);
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    CivilDate {
        year: u16::try_from(year).unwrap_or(u16::MAX),
        month: small(month),
        day: small(day_of_year - (153 * month_from_march + 2) / 5 + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_night_of_april_was_a_monday_at_22() {
        // 2023-04-24T20:00:00Z is 22:00 in Germany, in summer time.
        let night = local(Timestamp(1_682_366_400));
        assert_eq!(night.hour, HourOfWeek::new(0, 22));
        assert_eq!(night.date.to_string(), "2023-04-24");
    }

    #[test]
    fn clocks_change_on_the_last_sundays_at_one_utc() {
        for (utc, hour) in [
            (days(2023, 3, 26) * 86_400 + 3599, 1), // 00:59:59Z: still 01:59
            (days(2023, 3, 26) * 86_400 + 3600, 3), // 01:00Z: 03:00
            (days(2023, 10, 29) * 86_400 + 3599, 2),
            (days(2023, 10, 29) * 86_400 + 3600, 2), // the hour that comes twice
            (days(2023, 10, 29) * 86_400 + 7200, 3),
            (days(2024, 1, 1) * 86_400, 1),
        ] {
            assert_eq!(local(Timestamp(utc)).hour.index() % 24, hour, "{utc}");
        }
    }

    #[test]
    fn extreme_instants_have_an_hour_too() {
        for at in [i64::MIN, -1, 0, i64::MAX] {
            assert!(local(Timestamp(at)).hour.index() < HourOfWeek::COUNT);
        }
    }
}
