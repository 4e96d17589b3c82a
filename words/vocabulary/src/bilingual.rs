//! Sentences in two languages: German first, then English, parted by ` / `.

use alloc::string::{String, ToString};
use core::fmt::Display;

/// The German half of a sentence; all of it if it has one language only. Used where a sentence speaks inside another,
/// so that each language stays whole.
#[must_use]
pub fn german(sentence: &impl Display) -> String {
    let text = sentence.to_string();
    text.split_once(" / ")
        .map_or_else(|| text.clone(), |(german, _)| german.to_string())
}

/// The English half of a sentence; all of it if it has one language only.
#[must_use]
pub fn english(sentence: &impl Display) -> String {
    let text = sentence.to_string();
    text.split_once(" / ")
        .map_or_else(|| text.clone(), |(_, english)| english.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_half_stays_whole() {
        assert_eq!(
            (german(&"Zu. / Shut."), english(&"Zu. / Shut.")),
            ("Zu.".into(), "Shut.".into())
        );
        assert_eq!(
            (german(&"shut"), english(&"shut")),
            ("shut".into(), "shut".into())
        );
    }
}
