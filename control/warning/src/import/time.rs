//! Instants as engines write them.
//!
//! Suricata: `2017-04-07T22:24:37.251547+0100` (Suricata User Guide 7.0, "Eve JSON Format"), in older versions also
//! without an offset (guide of 6.0, same section). Wazuh: the same with milliseconds, `…37.251+0000` (Wazuh
//! documentation, "Alert management": `alerts.json`). RFC 3339's `Z` and `+01:00` are taken too: relays rewrite.

use vocabulary::Timestamp;

use crate::local::days;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Offset {
    Given,
    /// Read as UTC, and said so.
    Missing,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stated {
    pub(super) at: Timestamp,
    pub(super) offset: Offset,
}

/// Reads an instant; parts of seconds are cut off.
pub(super) fn read(text: &str) -> Option<Stated> {
    let (head, tail) = text.split_at_checked(19)?;
    let [
        y1,
        y2,
        y3,
        y4,
        b'-',
        mo1,
        mo2,
        b'-',
        d1,
        d2,
        b'T' | b' ',
        h1,
        h2,
        b':',
        mi1,
        mi2,
        b':',
        s1,
        s2,
    ] = *<&[u8; 19]>::try_from(head.as_bytes()).ok()?
    else {
        return None;
    };
    let year = number(&[y1, y2, y3, y4])?;
    let (month, day) = (number(&[mo1, mo2])?, number(&[d1, d2])?);
    let (hour, minute, second) = (number(&[h1, h2])?, number(&[mi1, mi2])?, number(&[s1, s2])?);
    let in_range = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=month_days(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60; // a leap second
    if !in_range {
        return None;
    }
    let (shift, offset) = offset(without_fraction(tail)?)?;
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - shift;
    Some(Stated {
        at: Timestamp(seconds),
        offset,
    })
}

fn without_fraction(tail: &str) -> Option<&str> {
    let Some(fraction) = tail.strip_prefix('.') else {
        return Some(tail);
    };
    let rest = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = fraction.len().saturating_sub(rest.len());
    (1..=9).contains(&digits).then_some(rest)
}

fn offset(text: &str) -> Option<(i64, Offset)> {
    let (sign, hours, minutes) = match *text.as_bytes() {
        [] => return Some((0, Offset::Missing)),
        [b'Z' | b'z'] => return Some((0, Offset::Given)),
        [sign, h1, h2, m1, m2] | [sign, h1, h2, b':', m1, m2] => {
            (sign, number(&[h1, h2])?, number(&[m1, m2])?)
        }
        _ => return None,
    };
    if hours > 15 || minutes > 59 {
        return None;
    }
    let seconds = hours * 3600 + minutes * 60;
    match sign {
        b'+' => Some((seconds, Offset::Given)),
        b'-' => Some((-seconds, Offset::Given)),
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0_i64, |number, digit| {
        digit
            .is_ascii_digit()
            .then(|| number * 10 + i64::from(digit - b'0'))
    })
}

const fn month_days(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_of_both_engines_are_read() {
        for (text, utc, offset) in [
            ("2023-04-24T22:00:00.251547+0200", 1_682_366_400, Offset::Given),
            ("2023-04-24T20:00:00.251+0000", 1_682_366_400, Offset::Given),
            ("2023-04-24T20:00:00Z", 1_682_366_400, Offset::Given),
            ("2023-04-24T12:30:00.5-07:30", 1_682_366_400, Offset::Given),
            ("2023-04-24T20:00:00.534255", 1_682_366_400, Offset::Missing),
            ("2000-02-29 23:59:60Z", 951_868_800, Offset::Given),
        ] {
            assert_eq!(
                read(text),
                Some(Stated {
                    at: Timestamp(utc),
                    offset
                }),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_instant_is_not_guessed() {
        for bad in [
            "",
            "now",
            "1682366400",
            "2023-04-24",
            "2023-02-29T00:00:00Z",
            "2023-13-01T00:00:00Z",
            "2023-04-24T24:00:00Z",
            "2023-04-24T20:00:00.Z",
            "2023-04-24T20:00:00+2",
            "2023-04-24T20:00:00+9900",
            "2023-04-24T20:00:00Zx",
            "0000-01-01T00:00:00Z",
            "２０２３-04-24T20:00:00Z",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
