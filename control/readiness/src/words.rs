//! Sentences in two languages, and the few numbers and dates people read in them.

use core::fmt;

use order::Lang;
use vocabulary::Timestamp;

/// Seconds of a day.
const DAY_SECS: u64 = 86_400;

/// A sentence in German and English. Displays German first, then English.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Words {
    /// German.
    pub de: String,
    /// English.
    pub en: String,
}

impl Words {
    /// Both languages.
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

/// A span in whole days, rounded down.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Days(pub u64);

impl Days {
    /// Days from an instant to a later one; zero if it is not later.
    #[must_use]
    pub const fn between(earlier: Timestamp, later: Timestamp) -> Self {
        Self(later.since(earlier).0 / DAY_SECS)
    }

    /// With its unit.
    #[must_use]
    pub fn in_words(self, lang: Lang) -> String {
        match (self.0, lang) {
            (1, Lang::De) => String::from("1 Tag"),
            (1, Lang::En) => String::from("1 day"),
            (days, Lang::De) => format!("{days} Tage"),
            (days, Lang::En) => format!("{days} days"),
        }
    }
}

/// The date of an instant (UTC), as people write it.
#[must_use]
pub fn date(at: Timestamp, lang: Lang) -> String {
    let text = at.to_string();
    let day = text.split('T').next().unwrap_or_default();
    let mut parts = day.rsplitn(3, '-');
    match (lang, parts.next(), parts.next(), parts.next()) {
        (Lang::De, Some(day), Some(month), Some(year)) => format!("{day}.{month}.{year}"),
        (Lang::De | Lang::En, ..) => day.to_owned(),
    }
}

/// Date and minute of an instant (UTC), as people write it.
#[must_use]
pub fn minute(at: Timestamp, lang: Lang) -> String {
    let text = at.to_string();
    let clock: String = text
        .split('T')
        .nth(1)
        .unwrap_or_default()
        .chars()
        .take(5)
        .collect();
    format!("{} {clock} UTC", date(at, lang))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_read_as_people_write_them() {
        let at = Timestamp(1_682_366_400);
        assert_eq!(date(at, Lang::De), "24.04.2023");
        assert_eq!(date(at, Lang::En), "2023-04-24");
        assert_eq!(minute(at, Lang::De), "24.04.2023 20:00 UTC");
        assert_eq!(Days::between(at, Timestamp(at.0 + 3 * 86_400 - 1)), Days(2));
        assert_eq!(Days::between(at, Timestamp(at.0 - 5)), Days(0));
    }
}
