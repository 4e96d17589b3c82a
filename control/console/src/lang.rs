//! German first, English by choice.

pub(crate) use order::Lang;

use crate::request::Request;

/// The cookie that remembers the choice.
pub(crate) const COOKIE: &str = "sprache";

/// A text in both languages, for tables of words.
pub(crate) type Words = (&'static str, &'static str);

/// Chooses from a pair.
#[must_use]
pub(crate) fn pick(lang: Lang, words: Words) -> &'static str {
    lang.of(words.0, words.1)
}

/// What `lang` attributes and links say.
#[must_use]
pub(crate) fn tag(lang: Lang) -> &'static str {
    lang.of("de", "en")
}

fn read(text: &str) -> Option<Lang> {
    match text {
        "de" => Some(Lang::De),
        "en" => Some(Lang::En),
        _ => None,
    }
}

/// The language chosen in this very request, to be remembered.
#[must_use]
pub(crate) fn chosen_now(request: &Request) -> Option<Lang> {
    request.query_field("lang").and_then(|text| read(&text))
}

/// The language of an answer: chosen now, chosen before, or German.
#[must_use]
pub(crate) fn of(request: &Request) -> Lang {
    chosen_now(request)
        .or_else(|| request.cookie(COOKIE).and_then(read))
        .unwrap_or(Lang::De)
}

/// A sentence written `Deutsch. / English.`, in one language.
#[must_use]
pub(crate) fn half(lang: Lang, sentence: &impl core::fmt::Display) -> String {
    match lang {
        Lang::De => vocabulary::german(sentence),
        Lang::En => vocabulary::english(sentence),
    }
}
