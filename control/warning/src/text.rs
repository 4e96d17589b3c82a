//! Sentences in two languages, and foreign text made fit to be read by people.

use core::fmt;
use serde::{Deserialize, Serialize};

/// One sentence in German and English.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sentence {
    /// German.
    pub de: String,
    /// English.
    pub en: String,
}

impl Sentence {
    pub(crate) fn new(de: impl Into<String>, en: impl Into<String>) -> Self {
        Self {
            de: de.into(),
            en: en.into(),
        }
    }
}

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} / {}", self.de, self.en)
    }
}

/// Foreign text without control characters, without characters that reverse the direction of reading, without the mark
/// that parts our two languages, and no longer than a bound. What was cut is shown as `…`.
pub(crate) fn clean(foreign: &str, chars_max: usize) -> String {
    let mut out = String::new();
    let mut kept = 0_usize;
    for c in foreign.chars() {
        let c = match c {
            '\n' | '\t' | '\r' => ' ',
            c if c.is_control() || turns(c) => continue,
            c => c,
        };
        if kept == chars_max {
            out.push('…');
            break;
        }
        kept = kept.saturating_add(1);
        out.push(c);
    }
    // Each round shortens it; what two spaces on both sides leave behind is caught by the next.
    while out.contains(" / ") {
        out = out.replace(" / ", "/");
    }
    out
}

/// Marks that turn the direction of reading or hide (Unicode bidirectional controls, zero widths, BOM): a name made of
/// them reads as another.
const fn turns(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{061C}' | '\u{FEFF}')
}

/// Counts as the shell may write them: at most some of a list, then how many more.
pub(crate) fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>, most: usize, more: &str) -> String {
    let left = names.len().saturating_sub(most);
    let shown: Vec<&str> = names.take(most).collect();
    if left == 0 {
        shown.join(", ")
    } else {
        format!("{} {more} {left}", shown.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_cannot_turn_lines_or_languages() {
        assert_eq!(clean("a\u{202E}b\u{1b}[31m\nc / d", 20), "ab[31m c/d");
        assert_eq!(clean("c  /  d", 20), "c/d");
        assert_eq!(clean("xxxxx", 3), "xxx…");
        assert_eq!(listed(["a", "b", "c"].into_iter(), 2, "and"), "a, b and 1");
    }
}
