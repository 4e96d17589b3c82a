//! Instants as people in Germany read them, and the arithmetic of legal periods.
//!
//! The rule for Europe/Berlin is written out (EU Directive 2000/84/EC: last Sundays of March and October, 01:00 UTC), so
//! that no zone table on a disk can change what the page says. If the law on summer time changes, this rule changes.

use std::sync::LazyLock;

use jiff::{
    Span, Zoned,
    tz::{Offset, TimeZone},
};
use vocabulary::Timestamp;

use crate::words::Lang;

static BERLIN: LazyLock<TimeZone> = LazyLock::new(|| {
    // The text is a constant a test reads; were it refused, winter time is at most an hour off, and shown with its zone.
    TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap_or_else(|_| TimeZone::fixed(Offset::constant(1)))
});

fn zoned(at: Timestamp) -> Option<Zoned> {
    let instant = jiff::Timestamp::from_second(at.0).ok()?;
    Some(instant.to_zoned(BERLIN.clone()))
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Day and time of day in Berlin: `24.04.2023, 22:00 Uhr` or `24 April 2023, 22:00 (Berlin time)`.
#[must_use]
pub fn long(at: Timestamp, lang: Lang) -> String {
    let Some(there) = zoned(at) else {
        return at.to_string(); // beyond the years a calendar knows: still true, only less friendly
    };
    let (day, month, year) = (there.day(), there.month(), there.year());
    let (hour, minute) = (there.hour(), there.minute());
    // The one hour a year that exists twice is told apart; everywhere else the zone would be noise.
    let twice = BERLIN.to_ambiguous_zoned(there.datetime()).is_ambiguous();
    let summer = there.offset() == Offset::constant(2);
    match lang {
        Lang::De => {
            let zone = match (twice, summer) {
                (false, _) => "",
                (true, true) => " (Sommerzeit)",
                (true, false) => " (Winterzeit)",
            };
            format!("{day:02}.{month:02}.{year}, {hour:02}:{minute:02} Uhr{zone}")
        }
        Lang::En => {
            let zone = match (twice, summer) {
                (false, _) => "Berlin time",
                (true, true) => "Berlin summer time",
                (true, false) => "Berlin winter time",
            };
            let index = usize::try_from(month.saturating_sub(1)).unwrap_or_default();
            let month = MONTHS.get(index).copied().unwrap_or_default();
            format!("{day} {month} {year}, {hour:02}:{minute:02} ({zone})")
        }
    }
}

/// The end of a period of whole months that begins with an event at `start`: the last second, in Berlin, of the day
/// with the same number, or of the month's last day if it has no such day (§ 187 (1), § 188 (2) and (3) BGB). Weekends
/// and holidays do not extend it: the earlier end is the safe one.
#[must_use]
pub fn after_months(start: Timestamp, months: u8) -> Timestamp {
    end_of_day(start, Span::new().try_months(months).ok())
}

/// The end of a period of whole days, counted without the day of the event (§ 187 (1), § 188 (1) BGB).
#[must_use]
pub fn after_days(start: Timestamp, days: u16) -> Timestamp {
    end_of_day(start, Span::new().try_days(days).ok())
}

fn end_of_day(start: Timestamp, span: Option<Span>) -> Timestamp {
    let day = zoned(start)
        .zip(span)
        .and_then(|(there, span)| there.date().checked_add(span).ok());
    // 23:59:59 exists on every day in Berlin: clocks change at night.
    let last = day.and_then(|day| day.at(23, 59, 59, 0).to_zoned(BERLIN.clone()).ok());
    // Beyond the calendar nothing is due later than at once.
    last.map_or(start, |last| Timestamp(last.timestamp().as_second()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_second())
    }

    #[test]
    fn berlin_has_summer_and_winter() {
        assert_eq!(
            long(at("2023-04-24T20:00:00Z"), Lang::De),
            "24.04.2023, 22:00 Uhr"
        );
        assert_eq!(
            long(at("2023-12-24T20:00:00Z"), Lang::En),
            "24 December 2023, 21:00 (Berlin time)"
        );
        assert_eq!(
            long(at("2026-10-25T00:30:00Z"), Lang::De),
            "25.10.2026, 02:30 Uhr (Sommerzeit)"
        );
        assert_eq!(
            long(at("2026-10-25T01:30:00Z"), Lang::De),
            "25.10.2026, 02:30 Uhr (Winterzeit)"
        );
        assert_eq!(
            long(at("2026-10-25T01:30:00Z"), Lang::En),
            "25 October 2026, 02:30 (Berlin winter time)"
        );
    }

    #[test]
    fn a_month_ends_on_the_same_day_or_the_last() {
        for (start, end) in [
            ("2027-01-31T09:00:00Z", "2027-02-28T22:59:59Z"),
            ("2028-01-31T09:00:00Z", "2028-02-29T22:59:59Z"), // leap year
            ("2027-02-28T09:00:00Z", "2027-03-28T21:59:59Z"), // not the 31st; summer time has begun
            ("2026-10-05T09:00:00Z", "2026-11-05T22:59:59Z"), // winter time has begun
            ("2026-12-31T22:30:00Z", "2027-01-31T22:59:59Z"),
            ("2026-12-31T23:30:00Z", "2027-02-01T22:59:59Z"), // already the 1st in Berlin
            ("2000-01-30T12:00:00Z", "2000-02-29T22:59:59Z"),
            ("2100-01-30T12:00:00Z", "2100-02-28T22:59:59Z"), // 2100 is no leap year
        ] {
            assert_eq!(after_months(at(start), 1), at(end), "{start}");
        }
    }

    #[test]
    fn days_are_days_in_berlin() {
        assert_eq!(
            after_days(at("2026-03-20T12:00:00Z"), 14),
            at("2026-04-03T21:59:59Z")
        );
        assert_eq!(
            after_days(at("2026-11-21T23:30:00Z"), 1),
            at("2026-11-23T22:59:59Z")
        );
    }
}
