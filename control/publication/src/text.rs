//! Texts that people outside may read: bounded, one line, Latin script, and nothing that looks like a person's number.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::words::Lang;

/// Longest public name (insurer, estate, title), in characters.
pub const NAME_CHARS_MAX: usize = 120;
/// Longest public sentence or paragraph (claim, summary), in characters.
pub const SENTENCE_CHARS_MAX: usize = 1_200;

/// Why a text may not be published. The text itself is not repeated: it may be what must not be seen.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadText {
    /// Nothing to read.
    #[error(
        "Der Text ist leer oder beginnt oder endet mit einem Leerzeichen. / The text is empty or begins or ends with a space."
    )]
    Blank,
    /// Longer than its place.
    #[error(
        "Der Text hat mehr als {chars_max} Zeichen; bitte kürzen. / The text has more than {chars_max} characters; shorten it."
    )]
    TooLong {
        /// The limit.
        chars_max: usize,
    },
    /// A character that hides or reorders text, or is not Latin script.
    #[error(
        "Das Zeichen U+{code:04X} ist in öffentlichen Texten nicht erlaubt. / The character U+{code:04X} is not allowed in public texts."
    )]
    Character {
        /// Its code point.
        code: u32,
    },
    /// Something that looks like a person's data.
    #[error(
        "Der Text enthält etwas wie {german}; personenbezogene Angaben gehören nicht auf die Seite. / The text contains what looks like {english}; personal data do not belong on the page."
    )]
    Personal {
        /// What it looks like, in German.
        german: &'static str,
        /// What it looks like, in English.
        english: &'static str,
    },
}

fn read(text: &str, chars_max: usize) -> Result<String, BadText> {
    if text.is_empty() || text.trim() != text {
        return Err(BadText::Blank);
    }
    // Bytes first, so that a huge text is not walked twice.
    if text.len() > chars_max.saturating_mul(4) || text.chars().count() > chars_max {
        return Err(BadText::TooLong { chars_max });
    }
    if let Some(bad) = text.chars().find(|c| !allowed(*c)) {
        return Err(BadText::Character { code: bad.into() });
    }
    match personal(text) {
        Some((german, english)) => Err(BadText::Personal { german, english }),
        None => Ok(text.to_owned()),
    }
}

/// Latin letters, digits, and the punctuation of German and English. A list of what is allowed, because the list of
/// what reorders, hides or imitates grows with every edition of Unicode.
const fn allowed(c: char) -> bool {
    match c {
        '\u{ad}' => false, // soft hyphen: invisible
        ' '..='~' | '\u{a1}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => true,
        '–' | '—' | '‘' | '’' | '‚' | '“' | '”' | '„' | '…' | '‹' | '›' | '€' => true,
        _ => false,
    }
}

/// What in a text looks like a person's data, in German and English.
fn personal(text: &str) -> Option<(&'static str, &'static str)> {
    // Numbers are written in groups; a space between two digits does not end one.
    let mut joined = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let inside = c == ' '
            && joined.ends_with(|c: char| c.is_ascii_digit())
            && chars.peek().is_some_and(char::is_ascii_digit);
        if !inside {
            joined.push(c);
        }
    }
    for token in joined.split(|c: char| !c.is_alphanumeric()) {
        let letters = token.chars().take_while(char::is_ascii_alphabetic).count();
        let digits = token
            .chars()
            .skip(letters)
            .take_while(char::is_ascii_digit)
            .count();
        let whole = letters.saturating_add(digits) == token.chars().count();
        if whole && letters == 1 && digits == 9 {
            return Some(("eine Versichertennummer", "an insured person's number"));
        }
        if whole && letters == 2 && digits >= 13 {
            return Some(("eine IBAN", "an IBAN"));
        }
    }
    let mail = text
        .split('@')
        .zip(text.split('@').skip(1))
        .any(|(before, after)| {
            before.ends_with(|c: char| c.is_alphanumeric())
                && after.starts_with(|c: char| c.is_alphanumeric())
        });
    mail.then_some(("eine Mail-Adresse", "a mail address"))
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident, $max:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(String);

        impl $name {
            /// Reads a public text.
            ///
            /// # Errors
            /// [`BadText`] says which rule it breaks.
            pub fn new(text: &str) -> Result<Self, BadText> {
                read(text, $max).map(Self)
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = BadText;
            fn from_str(text: &str) -> Result<Self, BadText> {
                Self::new(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::new(&text).map_err(serde::de::Error::custom)
            }
        }
    )*};
}

texts! {
    /// A name or title, at most [`NAME_CHARS_MAX`] characters.
    Name, NAME_CHARS_MAX;
    /// A sentence or short paragraph, at most [`SENTENCE_CHARS_MAX`] characters.
    Sentence, SENTENCE_CHARS_MAX;
}

/// The same text in both languages.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Both<T> {
    /// German.
    pub de: T,
    /// English.
    pub en: T,
}

impl<T> Both<T> {
    /// The text in one language.
    #[must_use]
    pub const fn text(&self, lang: Lang) -> &T {
        match lang {
            Lang::De => &self.de,
            Lang::En => &self.en,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_are_taken_and_markup_is_only_text() {
        for good in [
            "Musterkasse Ahorn (erfunden)",
            "BKK „Über & Söhne“ – Süd",
            "<script>alert(1)</script>",
            "a",
        ] {
            assert_eq!(Name::new(good).unwrap().as_str(), good);
        }
    }

    #[test]
    fn hidden_reordering_and_foreign_characters_are_refused() {
        for bad in [
            '\u{202e}', '\u{2066}', '\u{200b}', '\u{ad}', '\u{0}', '\n', '\u{7f}', '\u{301}', 'а', 'ש',
            '\u{feff}',
        ] {
            let text = format!("Kasse{bad}Nord");
            assert_eq!(
                Name::new(&text),
                Err(BadText::Character { code: bad.into() }),
                "{bad:?}"
            );
        }
        assert_eq!(Name::new(" x"), Err(BadText::Blank));
        assert_eq!(Name::new(""), Err(BadText::Blank));
        assert_eq!(
            Name::new(&"ü".repeat(121)),
            Err(BadText::TooLong { chars_max: 120 })
        );
        assert!(Name::new(&"ü".repeat(120)).is_ok());
    }

    #[test]
    fn what_looks_like_a_person_is_refused() {
        for bad in [
            "Nummer A123456789 betroffen",
            "A 123456789 und A123 456 789",
            "IBAN DE89 3704 0044 0532 0130 00",
            "schreiben Sie an erika@example.de",
        ] {
            assert!(
                matches!(Sentence::new(bad), Err(BadText::Personal { .. })),
                "{bad}"
            );
        }
        assert!(Sentence::new("Telefon 0800 1234567, Stand 24. April 2023").is_ok());
        assert!(Sentence::new("IK 990000016").is_ok());
    }
}
