//! Simple values: how FHIR R4 writes them.

use jiff::civil;

/// A simple type of FHIR R4, section 2.24.0.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Primitive {
    Id,
    Uri,
    Canonical,
    Code,
    Text,
    Boolean,
    Date,
    DateTime,
    Instant,
    PositiveInt,
}

impl Primitive {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "id" => Self::Id,
            "uri" => Self::Uri,
            "canonical" => Self::Canonical,
            "code" => Self::Code,
            "string" => Self::Text,
            "boolean" => Self::Boolean,
            "date" => Self::Date,
            "dateTime" => Self::DateTime,
            "instant" => Self::Instant,
            "positiveInt" | "unsignedInt" => Self::PositiveInt,
            _ => return None,
        })
    }

    /// What is expected, in German and English.
    pub(crate) fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Id => (
                "1 bis 64 Zeichen aus A–Z, a–z, 0–9, „-“ und „.“",
                "1 to 64 characters of A–Z, a–z, 0–9, “-” and “.”",
            ),
            Self::Uri | Self::Canonical => ("eine Adresse (URI) ohne Leerzeichen", "a URI without spaces"),
            Self::Code => (
                "ein Kode ohne Leerzeichen am Rand oder doppelt",
                "a code without outer or double spaces",
            ),
            Self::Text => ("ein nicht leerer Text", "a text that is not empty"),
            Self::Boolean => ("true oder false", "true or false"),
            Self::Date => (
                "ein Datum: JJJJ, JJJJ-MM oder JJJJ-MM-TT",
                "a date: YYYY, YYYY-MM or YYYY-MM-DD",
            ),
            Self::DateTime => (
                "ein Datum, mit Uhrzeit nur samt Zeitzone",
                "a date; with a time only together with its zone",
            ),
            Self::Instant => (
                "ein Zeitpunkt auf die Sekunde, mit Zeitzone",
                "an instant to the second, with its zone",
            ),
            Self::PositiveInt => ("eine ganze Zahl ohne Vorzeichen", "a whole number without a sign"),
        }
    }

    /// Whether a value is written as this type wants it.
    pub(crate) fn fits(self, value: &str) -> bool {
        match self {
            Self::Id => {
                (1..=64).contains(&value.len())
                    && value
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
            }
            Self::Uri | Self::Canonical => {
                !value.is_empty() && value.bytes().fold(true, |fits, byte| fits & (byte > b' '))
            }
            Self::Code => is_code(value),
            Self::Text => !value.is_empty(),
            Self::Boolean => matches!(value, "true" | "false"),
            Self::Date => date(value).is_some(),
            Self::DateTime => date_time(value),
            Self::Instant => value.len() > 10 && date_time(value),
            Self::PositiveInt => (1..=10).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit()),
        }
    }
}

/// Single spaces inside, nothing else that is white.
fn is_code(value: &str) -> bool {
    let mut before = b' ';
    for byte in value.bytes() {
        if byte < b' ' || (byte == b' ' && before == b' ') {
            return false;
        }
        before = byte;
    }
    before != b' '
}

/// Year, or month, or day; the day it begins with.
pub(crate) fn date(value: &str) -> Option<civil::Date> {
    let number = |from: usize, to: usize| -> Option<i16> {
        let digits = value.get(from..to)?;
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        digits.parse().ok()
    };
    let dash = |at: usize| value.as_bytes().get(at) == Some(&b'-');
    let month = || number(5, 7).and_then(|month| i8::try_from(month).ok());
    let day = || number(8, 10).and_then(|day| i8::try_from(day).ok());
    match value.len() {
        4 => civil::Date::new(number(0, 4)?, 1, 1).ok(),
        7 if dash(4) => civil::Date::new(number(0, 4)?, month()?, 1).ok(),
        10 if dash(4) && dash(7) => civil::Date::new(number(0, 4)?, month()?, day()?).ok(),
        _ => None,
    }
}

fn date_time(value: &str) -> bool {
    let Some((day, time)) = value.split_once('T') else {
        return date(value).is_some();
    };
    day.len() == 10 && date(day).is_some() && zoned_time(time)
}

/// `12:30:02Z`, `12:30:02.5+01:00`.
fn zoned_time(time: &str) -> bool {
    let clock = |text: &str, hours_max: u8| -> bool {
        let mut parts = text.split(':');
        let mut next = |max: u8| {
            parts.next().is_some_and(|part| {
                part.len() == 2 && digits(part) && part.parse::<u8>().is_ok_and(|n| n <= max)
            })
        };
        next(hours_max) && next(59)
    };
    let zone_at = time.find(['Z', '+']).or_else(|| time.rfind('-'));
    let Some((before, zone)) = zone_at.and_then(|at| time.split_at_checked(at)) else {
        return false;
    };
    let zone_fits = zone == "Z"
        || zone
            .get(1..)
            .is_some_and(|zone| zone.len() == 5 && clock(zone, 14));
    let (whole, fraction) = before
        .split_once('.')
        .map_or((before, None), |(whole, rest)| (whole, Some(rest)));
    let seconds = whole
        .get(6..)
        .is_some_and(|s| s.len() == 2 && digits(s) && s <= "60");
    zone_fits
        && whole.len() == 8
        && whole.get(..5).is_some_and(|minutes| clock(minutes, 23))
        && whole.as_bytes().get(5) == Some(&b':')
        && seconds
        && fraction.is_none_or(|rest| !rest.is_empty() && digits(rest))
}

pub(crate) fn digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_exist_in_the_calendar() {
        for good in ["2026", "2026-02", "2026-02-28", "2024-02-29", "0001"] {
            assert!(Primitive::Date.fits(good), "{good}");
        }
        for bad in [
            "",
            "26",
            "2026-13",
            "2026-02-30",
            "2025-02-29",
            "2026-2-3",
            "20260203",
            "2026-02-03T",
            "+026",
            "äää",
        ] {
            assert!(!Primitive::Date.fits(bad), "{bad}");
        }
    }

    #[test]
    fn times_carry_their_zone() {
        for good in [
            "2022-09-29T12:30:02Z",
            "2022-09-29T12:30:02+02:00",
            "2022-09-29T12:30:02.123-01:00",
        ] {
            assert!(Primitive::Instant.fits(good), "{good}");
            assert!(Primitive::DateTime.fits(good), "{good}");
        }
        for bad in [
            "2022-09-29T12:30:02",
            "2022-09-29T12:30Z",
            "2022-09-29T24:30:02Z",
            "2022-09T12:30:02Z",
            "2022-09-29T12:30:02.Z",
            "2022-09-29TÄÄ:30:02Z",
        ] {
            assert!(!Primitive::DateTime.fits(bad), "{bad}");
        }
        assert!(!Primitive::Instant.fits("2022-09-29"));
    }

    #[test]
    fn the_rest() {
        assert!(Primitive::Id.fits("a-1.B"));
        assert!(!Primitive::Id.fits("ä") && !Primitive::Id.fits("") && !Primitive::Id.fits(&"a".repeat(65)));
        assert!(Primitive::Code.fits("a b") && !Primitive::Code.fits(" a") && !Primitive::Code.fits("a  b"));
        assert!(!Primitive::Uri.fits("a b") && !Primitive::Text.fits(""));
        assert!(Primitive::Boolean.fits("true") && !Primitive::Boolean.fits("True"));
    }
}
