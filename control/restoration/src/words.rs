//! Sentences people read: German first, then English, each whole.

use core::fmt;

use serde::{Deserialize, Serialize};
use vocabulary::{Seconds, Timestamp};

/// The language of a sentence.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lang {
    /// German.
    De,
    /// English.
    En,
}

impl Lang {
    /// Chooses between two texts.
    #[must_use]
    pub fn of<T>(self, de: T, en: T) -> T {
        match self {
            Self::De => de,
            Self::En => en,
        }
    }
}

/// One sentence in both languages. Displayed as `Deutsch. / English.`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// German.
    pub de: String,
    /// English.
    pub en: String,
}

impl Words {
    /// A sentence in both languages.
    #[must_use]
    pub fn new(de: impl Into<String>, en: impl Into<String>) -> Self {
        Self {
            de: de.into(),
            en: en.into(),
        }
    }

    /// The sentence in one language.
    #[must_use]
    pub fn in_lang(&self, lang: Lang) -> &str {
        lang.of(&self.de, &self.en)
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} / {}", self.de, self.en)
    }
}

/// One sentence twice, with the same names filled in.
macro_rules! says {
    ($de:literal, $en:literal $(,)?) => {
        $crate::words::Words::new(format!($de), format!($en))
    };
}
pub(crate) use says;

/// An instant as people read it, to the minute, UTC.
pub(crate) fn minute(at: Timestamp) -> String {
    let text = at.to_string();
    match text.split_once('T') {
        Some((day, time)) => format!("{day} {} UTC", time.get(..5).unwrap_or(time)),
        None => text,
    }
}

/// A number of the unit people would use, rounded up.
fn parts(span: Seconds) -> (u64, usize) {
    match span.0 {
        0..3_600 => (span.0.div_ceil(60), 0),
        3_600..=259_200 => (span.0.div_ceil(3_600), 1),
        _ => (span.0.div_ceil(86_400), 2),
    }
}

fn unit(number: u64, unit: usize, lang: Lang) -> &'static str {
    match (unit, number, lang) {
        (0, 1, Lang::De) => "Minute",
        (0, _, Lang::De) => "Minuten",
        (0, 1, Lang::En) => "minute",
        (0, _, Lang::En) => "minutes",
        (1, 1, Lang::De) => "Stunde",
        (1, _, Lang::De) => "Stunden",
        (1, 1, Lang::En) => "hour",
        (1, _, Lang::En) => "hours",
        (_, 1, Lang::De) => "Tag",
        (_, _, Lang::De) => "Tage",
        (_, 1, Lang::En) => "day",
        (_, _, Lang::En) => "days",
    }
}

/// A span, rounded up to the unit people would use.
pub(crate) fn span(span: Seconds, lang: Lang) -> String {
    let (number, of) = parts(span);
    format!("{number} {}", unit(number, of, lang))
}

/// The German dative of a span: after `in`, `seit`, `bis zu`.
pub(crate) fn dative(mut span: String) -> String {
    if span.ends_with("Tage") {
        span.push('n');
    }
    span
}

/// From one span to another, the unit said once if it is the same.
pub(crate) fn between(least: Seconds, most: Seconds, lang: Lang) -> String {
    let ((low, low_unit), (high, high_unit)) = (parts(least), parts(most));
    let to = lang.of("bis", "to");
    if (low, low_unit) == (high, high_unit) {
        return span(most, lang);
    }
    if low_unit == high_unit {
        return format!("{low} {to} {}", span(most, lang));
    }
    format!("{} {to} {}", span(least, lang), span(most, lang))
}

/// A range of spans counted from one instant.
pub(crate) fn range(from: Timestamp, earliest: Timestamp, latest: Timestamp, lang: Lang) -> String {
    let (least, most) = (earliest.since(from), latest.since(from));
    if most.0 == 0 {
        return lang.of("sofort", "now").to_owned();
    }
    if least.0 == 0 {
        let until = span(most, lang);
        return lang.of(
            format!("sofort, spätestens in {}", dative(until.clone())),
            format!("now, in {until} at the latest"),
        );
    }
    let between = between(least, most, lang);
    lang.of(format!("in {}", dative(between.clone())), format!("in {between}"))
}

/// Digits in groups of three.
pub(crate) fn grouped(number: u64, lang: Lang) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(lang.of('.', ','));
        }
        text.push(digit);
    }
    text
}

/// Names joined by commas; long lists are cut and say how many more there are.
pub(crate) fn names<T: fmt::Display>(items: impl IntoIterator<Item = T>, lang: Lang) -> String {
    const SHOWN: usize = 8;
    let all: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    let shown = all.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(SHOWN) {
        0 => shown,
        more => lang.of(
            format!("{shown} und {more} weitere"),
            format!("{shown} and {more} more"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_round_up_so_that_nobody_is_told_too_little() {
        assert_eq!(span(Seconds(60), Lang::De), "1 Minute");
        assert_eq!(span(Seconds(3_601), Lang::En), "2 hours");
        assert_eq!(dative(span(Seconds(259_201), Lang::De)), "4 Tagen");
        assert_eq!(
            between(Seconds(3_600), Seconds(21_600), Lang::De),
            "1 bis 6 Stunden"
        );
        assert_eq!(
            between(Seconds(60), Seconds(3_600), Lang::En),
            "1 minute to 1 hour"
        );
        let (now, soon, late) = (Timestamp(0), Timestamp(7_200), Timestamp(900_000));
        assert_eq!(range(now, now, now, Lang::De), "sofort");
        assert_eq!(range(now, soon, late, Lang::De), "in 2 Stunden bis 11 Tagen");
        assert_eq!(range(now, now, soon, Lang::En), "now, in 2 hours at the latest");
        assert_eq!(grouped(1_234_567, Lang::De), "1.234.567");
        assert_eq!(minute(Timestamp(1_682_366_400)), "2023-04-24 20:00 UTC");
    }
}
