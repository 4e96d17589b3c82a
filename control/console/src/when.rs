//! Instants for people: Berlin time with its zone, and how long ago.

use jiff::{Zoned, tz::TimeZone};
use maud::{Markup, html};
use order::Lang;
use vocabulary::{Seconds, Timestamp};

/// Berlin's rule since 1996, written out so that no machine's zone table is asked.
const BERLIN: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

/// The time of one answer, and how it is written.
#[derive(Clone, Debug)]
pub struct Clock {
    zone: TimeZone,
    now: Timestamp,
}

impl Clock {
    /// Berlin time at an instant.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self {
            zone: TimeZone::posix(BERLIN).unwrap_or(TimeZone::UTC),
            now,
        }
    }

    /// The instant it was made for.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    fn zoned(&self, at: Timestamp) -> Option<Zoned> {
        jiff::Timestamp::from_second(at.0)
            .ok()
            .map(|instant| instant.to_zoned(self.zone.clone()))
    }

    /// Date, time and zone, as in `Mo 24.04.2023 22:00 MESZ`.
    #[must_use]
    pub fn full(&self, lang: Lang, at: Timestamp) -> String {
        let Some(zoned) = self.zoned(at) else {
            return at.to_string();
        };
        let zone = self.zone_name(lang, &zoned);
        let day = match zoned.weekday() {
            jiff::civil::Weekday::Monday => lang.of("Mo", "Mon"),
            jiff::civil::Weekday::Tuesday => lang.of("Di", "Tue"),
            jiff::civil::Weekday::Wednesday => lang.of("Mi", "Wed"),
            jiff::civil::Weekday::Thursday => lang.of("Do", "Thu"),
            jiff::civil::Weekday::Friday => lang.of("Fr", "Fri"),
            jiff::civil::Weekday::Saturday => lang.of("Sa", "Sat"),
            jiff::civil::Weekday::Sunday => lang.of("So", "Sun"),
        };
        let (y, mo, d) = (zoned.year(), zoned.month(), zoned.day());
        let (h, mi) = (zoned.hour(), zoned.minute());
        lang.of(
            format!("{day} {d:02}.{mo:02}.{y} {h:02}:{mi:02} {zone}"),
            format!("{day} {y}-{mo:02}-{d:02} {h:02}:{mi:02} {zone}"),
        )
    }

    /// Time of day if it is today, else day and month too: for narrow columns. The zone stands in the page's header.
    #[must_use]
    pub fn short(&self, at: Timestamp) -> String {
        match (self.zoned(at), self.zoned(self.now)) {
            (Some(then), Some(now)) if then.date() == now.date() => {
                format!("{:02}:{:02}", then.hour(), then.minute())
            }
            (Some(then), _) => format!(
                "{:02}.{:02}. {:02}:{:02}",
                then.day(),
                then.month(),
                then.hour(),
                then.minute()
            ),
            (None, _) => at.to_string(),
        }
    }

    fn zone_name(&self, lang: Lang, zoned: &Zoned) -> &'static str {
        match (zoned.offset().seconds(), lang) {
            (7200, Lang::De) => "MESZ",
            (7200, Lang::En) => "CEST",
            (3600, Lang::De) => "MEZ",
            (3600, Lang::En) => "CET",
            (_, _) => "UTC",
        }
    }

    /// How far an instant is from now, in the largest unit that still says something.
    #[must_use]
    pub fn relative(&self, lang: Lang, at: Timestamp) -> String {
        if at > self.now {
            let ahead = rough(lang, at.since(self.now));
            lang.of(format!("in {ahead}"), format!("in {ahead}"))
        } else {
            let ago = rough(lang, self.now.since(at));
            lang.of(format!("vor {ago}"), format!("{ago} ago"))
        }
    }

    /// The instant as an element: full time to read and for machines, how long ago behind it.
    #[must_use]
    pub fn element(&self, lang: Lang, at: Timestamp) -> Markup {
        html! {
            time datetime=(at.to_string()) { (self.full(lang, at)) }
            " " span.rel { "(" (self.relative(lang, at)) ")" }
        }
    }

    /// Reads what a browser's date and time field sends (`2023-04-24T22:00`), as Berlin time.
    #[must_use]
    pub fn read_local(&self, text: &str) -> Option<Timestamp> {
        let civil: jiff::civil::DateTime = text.parse().ok()?;
        let zoned = civil.to_zoned(self.zone.clone()).ok()?;
        Some(Timestamp(zoned.timestamp().as_second()))
    }
}

/// A span in one unit, rounded down: nobody plans by the odd seconds of a day.
#[must_use]
pub(crate) fn rough(lang: Lang, span: Seconds) -> String {
    match span.0 {
        s if s < 120 => format!("{s} s"),
        s if s < 7200 => format!("{} min", s / 60),
        s if s < 172_800 => format!("{} h", s / 3600),
        s => format!("{} {}", s / 86_400, lang.of("Tagen", "days")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn berlin_time_knows_summer_and_winter() {
        let clock = Clock::new(Timestamp(1_682_366_460));
        assert_eq!(
            clock.full(Lang::De, Timestamp(1_682_366_400)),
            "Mo 24.04.2023 22:00 MESZ"
        );
        assert_eq!(
            clock.full(Lang::En, Timestamp(1_673_913_600)),
            "Tue 2023-01-17 01:00 CET"
        );
        assert_eq!(clock.relative(Lang::De, Timestamp(1_682_366_400)), "vor 60 s");
        assert_eq!(clock.relative(Lang::En, Timestamp(1_682_373_660)), "in 2 h");
        assert_eq!(clock.short(Timestamp(1_682_366_400)), "22:00");
        assert_eq!(
            clock.read_local("2023-04-24T22:00"),
            Some(Timestamp(1_682_366_400))
        );
    }
}
