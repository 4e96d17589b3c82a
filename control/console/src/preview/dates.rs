//! Dates of the estate's calendar that an outage would hit, in Berlin's civil time.

use estate::{CalendarEntry, CivilDate, Estate, Hours, Persons};
use jiff::{civil, tz::TimeZone};
use vocabulary::{CellId, Seconds, Timestamp};

use super::persons_behind;

/// Berlin's rule since 1996, written out so that no machine's zone table is asked.
const BERLIN: &str = "CET-1CEST,M3.5.0,M10.5.0/3";
/// Dates so near are always shown: what is due within three days can still be told to people.
pub(super) const SOON: Seconds = Seconds(72 * 3600);

/// How near a date is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Within {
    /// Within three days.
    Days3,
    /// Later, but before a hit cell's maximum tolerable downtime is over.
    Mtd,
}

/// One date that would be hit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DateHit {
    /// The day.
    pub on: CivilDate,
    /// When the day begins in Berlin.
    pub begins: Timestamp,
    /// What is due.
    pub what: String,
    /// How near it is.
    pub within: Within,
    /// Cells of the cut it is due for.
    pub cells: u64,
    /// People behind these cells, each counted once.
    pub persons: Persons,
}

/// The dates that fall between now and the later of three days and the cells' own maximum tolerable downtime.
pub(super) fn hit(estate: &Estate, cells: &[(&CellId, Hours)], now: Timestamp) -> Vec<DateHit> {
    estate
        .calendar()
        .filter_map(|entry| {
            let (begins, ends) = day(entry.on)?;
            if ends <= now {
                return None;
            }
            let meant: Vec<&(&CellId, Hours)> =
                cells.iter().filter(|(cell, _)| is_meant(entry, cell)).collect();
            let soon = begins < now.plus(SOON);
            let inside_mtd = |mtd: Hours| begins < now.plus(Seconds(mtd.0.saturating_mul(3600)));
            let touched: Vec<&CellId> = meant
                .iter()
                .filter(|(_, mtd)| soon || inside_mtd(*mtd))
                .map(|(cell, _)| *cell)
                .collect();
            if touched.is_empty() {
                return None;
            }
            Some(DateHit {
                on: entry.on,
                begins,
                what: entry.what.clone(),
                within: if soon { Within::Days3 } else { Within::Mtd },
                cells: u64::try_from(touched.len()).unwrap_or(u64::MAX),
                persons: persons_behind(estate, touched.into_iter()),
            })
        })
        .collect()
}

fn is_meant(entry: &CalendarEntry, cell: &CellId) -> bool {
    (entry.services.is_empty() || entry.services.contains(&cell.service))
        && (entry.insurers.is_empty() || entry.insurers.contains(&cell.insurer))
}

/// When a day begins and ends in Berlin; `None` for a date no calendar has.
fn day(on: CivilDate) -> Option<(Timestamp, Timestamp)> {
    let zone = TimeZone::posix(BERLIN).unwrap_or(TimeZone::UTC);
    let (year, month, day) = (
        on.year.try_into().ok()?,
        on.month.try_into().ok()?,
        on.day.try_into().ok()?,
    );
    let first = civil::Date::new(year, month, day).ok()?;
    let begin = |date: civil::Date| {
        let zoned = date.to_zoned(zone.clone()).ok()?;
        Some(Timestamp(zoned.timestamp().as_second()))
    };
    Some((begin(first)?, begin(first.tomorrow().ok()?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_in_berlin() {
        let on = |year, month, day| CivilDate { year, month, day };
        // 24 April 2023 00:00 MESZ is 23 April 22:00 UTC; clocks go back on 29 October 2023.
        assert_eq!(
            day(on(2023, 4, 24)),
            Some((Timestamp(1_682_287_200), Timestamp(1_682_373_600)))
        );
        let (begins, ends) = day(on(2023, 10, 29)).unwrap();
        assert_eq!(ends.since(begins), Seconds(25 * 3600));
        assert_eq!(day(on(2023, 2, 30)), None);
    }
}
