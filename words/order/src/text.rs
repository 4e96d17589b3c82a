//! Words people write into statements: bounded, and safe to print.

use alloc::string::String;
use core::fmt;
use serde::{Deserialize, Serialize};

/// Longest text in characters: a reason, not a report.
const CHARS_MAX: usize = 500;

/// A text that cannot stand in a statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a text needs 1 to {CHARS_MAX} characters without control or direction-changing characters; this one has {chars}"
)]
pub struct BadText {
    /// Length of the text in characters.
    pub chars: usize,
}

/// A short text by a person: 1 to 500 characters. Control characters and those that change the direction of writing
/// are refused, so that what a signer reads on the screen is what the bytes say.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Text(String);

impl Text {
    /// Takes a text.
    ///
    /// # Errors
    /// [`BadText`] when it is empty, too long or not printable as it stands.
    pub fn new(text: &str) -> Result<Self, BadText> {
        Self::try_from(String::from(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{61c}' | '\u{feff}')
}

impl TryFrom<String> for Text {
    type Error = BadText;
    fn try_from(text: String) -> Result<Self, BadText> {
        let chars = text.chars().count();
        if text.trim().is_empty() || chars > CHARS_MAX || text.chars().any(is_deceptive) {
            return Err(BadText { chars });
        }
        Ok(Self(text))
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_what_was_signed() {
        assert!(Text::new("Verdacht auf Ransomware, Standort Essen").is_ok());
        for bad in [
            "",
            "  ",
            "a\nb",
            "a\u{1b}[2Jb",
            "Essen \u{202e}nehcnüM",
            "a\u{200b}b",
        ] {
            assert!(Text::new(bad).is_err(), "{bad:?} must be refused");
        }
        assert!(Text::new(&"x".repeat(501)).is_err());
    }
}
