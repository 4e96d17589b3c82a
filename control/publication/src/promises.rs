//! PUBLIC-1: no public byte derives from personal data; no two texts contradict each other.
//!
//! The finished files are read back by a reader of their own (not by the code that wrote them) and every statement in
//! them is compared with the sheet: states, times, counts, advice, claims, updates, in HTML, Atom, JSON and the phone
//! scripts. Then every word is looked up: it must come from the fixed sentences or from the sheet's own public names,
//! claims and ids. The word test finds what should not be there; it cannot judge a claim that a person wrote, which is
//! why [`Sentence`](crate::text::Sentence) refuses what looks like personal data.

mod answers;
mod machine;
mod page;
mod scan;
mod vocabulary_of_page;

use std::collections::{BTreeMap, BTreeSet};

use vocabulary::{CellId, Digest, EstateId};

use crate::{
    ask::Answer,
    sheet::{BadSheet, FactSheet},
    site::{self, Changed, Site, SitePath},
    words::Lang,
};

/// Something in the files that the sheet does not bear out.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Breach {
    /// The sheet itself contradicts itself.
    #[error(
        "Das Faktenblatt ist nicht stimmig: {} / The fact sheet is not consistent: {}",
        vocabulary::german(why),
        vocabulary::english(why)
    )]
    Sheet {
        /// Why.
        why: BadSheet,
    },
    /// A file nobody asked for.
    #[error("Datei {path} gehört nicht zur Seite. / File {path} does not belong to the site.")]
    ForeignFile {
        /// Which.
        path: String,
    },
    /// A file that must be there.
    #[error("Datei {path} fehlt. / File {path} is missing.")]
    MissingFile {
        /// Which.
        path: String,
    },
    /// A file that cannot be read back.
    #[error("Datei {path} ist nicht lesbar: {why} / File {path} cannot be read: {why}")]
    Unreadable {
        /// Which.
        path: String,
        /// Why.
        why: String,
    },
    /// A statement the sheet contradicts.
    #[error(
        "{path} sagt zu {about}: {says}; im Faktenblatt steht {sheet}. / {path} says of {about}: {says}; the fact sheet says {sheet}."
    )]
    Contradiction {
        /// In which file.
        path: String,
        /// About what.
        about: String,
        /// What the file says.
        says: String,
        /// What the sheet says.
        sheet: String,
    },
    /// Nothing is said where something must be.
    #[error("{path} sagt nichts zu {about}. / {path} says nothing about {about}.")]
    Missing {
        /// In which file.
        path: String,
        /// About what.
        about: String,
    },
    /// A word for a state that stands where no reader of machines would find it.
    #[error(
        "{path} nennt einen Stand außerhalb einer prüfbaren Angabe: {text} / {path} names a state outside a checkable statement: {text}"
    )]
    StrayState {
        /// In which file.
        path: String,
        /// The text around it.
        text: String,
    },
    /// A word that comes neither from the fixed sentences nor from the sheet.
    #[error(
        "{path} enthält ein Wort unbekannter Herkunft: {word} / {path} contains a word of unknown origin: {word}"
    )]
    ForeignWord {
        /// In which file.
        path: String,
        /// The word.
        word: String,
    },
}

/// PUBLIC-1 over the finished site: everything that contradicts the sheet or has no source in it.
///
/// # Errors
/// All breaches found, in order of files.
pub fn public_1(sheet: &FactSheet, site: &Site) -> Result<(), Vec<Breach>> {
    let expected = expected(sheet);
    let missing = expected.keys().filter(|path| site.get(path).is_none());
    let missing = missing
        .map(|path| Breach::MissingFile { path: path.clone() })
        .collect();
    read_back(sheet, &expected, &site.files, missing)
}

/// PUBLIC-1 over what one change writes. Together with the promise held before the change, and since a file is written
/// exactly when what it may say differs, it covers the site; the whole is read back now and then.
///
/// # Errors
/// All breaches found, in order of files.
pub fn public_1_change(sheet: &FactSheet, changed: &Changed) -> Result<(), Vec<Breach>> {
    let expected = expected(sheet);
    let lost = changed
        .gone
        .iter()
        .filter(|path| expected.contains_key(path.as_str()));
    let lost = lost
        .map(|path| Breach::MissingFile {
            path: path.to_string(),
        })
        .collect();
    read_back(sheet, &expected, &changed.written, lost)
}

fn expected(sheet: &FactSheet) -> BTreeMap<String, site::Page> {
    site::pages(sheet)
        .into_iter()
        .map(|page| (page.path().to_string(), page))
        .collect()
}

fn read_back(
    sheet: &FactSheet,
    expected: &BTreeMap<String, site::Page>,
    files: &BTreeMap<SitePath, Vec<u8>>,
    mut breaches: Vec<Breach>,
) -> Result<(), Vec<Breach>> {
    if let Err(why) = sheet.check() {
        breaches.push(Breach::Sheet { why });
    }
    let words = vocabulary_of_page::allowed(sheet);
    for (path, bytes) in files {
        let path = path.as_str();
        let Some(page) = expected.get(path) else {
            breaches.push(Breach::ForeignFile {
                path: path.to_owned(),
            });
            continue;
        };
        let mut file = File {
            path,
            sheet,
            words: &words,
            breaches: &mut breaches,
        };
        match std::str::from_utf8(bytes) {
            Ok(text) => file.read(page, text),
            Err(why) => file.unreadable(&why.to_string()),
        }
    }
    if breaches.is_empty() {
        Ok(())
    } else {
        Err(breaches)
    }
}

/// PUBLIC-1 over the answers by key: each says what was put in, nothing else, under the right key.
///
/// # Errors
/// All breaches found.
pub fn public_1_answers(
    estate: &EstateId,
    answers: &BTreeMap<Digest, Answer>,
    site: &Site,
) -> Result<(), Vec<Breach>> {
    answers::read(estate, answers, site)
}

/// One file while it is read back.
struct File<'a> {
    path: &'a str,
    sheet: &'a FactSheet,
    words: &'a BTreeSet<String>,
    breaches: &'a mut Vec<Breach>,
}

impl File<'_> {
    fn read(&mut self, page: &site::Page, text: &str) {
        match page {
            site::Page::Style => self.same("stylesheet", text, site::STYLE),
            site::Page::Summary => self.summary(text),
            site::Page::Facts => self.facts(text),
            site::Page::Phone(lang) => self.phone(text, *lang),
            site::Page::Feed(lang) => self.feed(text, *lang),
            site::Page::Start(lang) => self.start(text, *lang),
            site::Page::Insurer(lang, _)
            | site::Page::Audience(lang, _)
            | site::Page::Claims(lang)
            | site::Page::Log(lang)
            | site::Page::Accessibility(lang)
            | site::Page::Ask(lang) => self.html(page, text, *lang),
            site::Page::Plain | site::Page::NotFound => self.html(page, text, Lang::De),
        }
    }

    fn unreadable(&mut self, why: &str) {
        self.breaches.push(Breach::Unreadable {
            path: self.path.to_owned(),
            why: why.to_owned(),
        });
    }

    fn missing(&mut self, about: &str) {
        self.breaches.push(Breach::Missing {
            path: self.path.to_owned(),
            about: about.to_owned(),
        });
    }

    /// A statement and what the sheet makes of it must be the same.
    fn same(&mut self, about: &str, says: &str, sheet: &str) {
        if says != sheet {
            let short = |text: &str| text.chars().take(200).collect();
            self.breaches.push(Breach::Contradiction {
                path: self.path.to_owned(),
                about: about.to_owned(),
                says: short(says),
                sheet: short(sheet),
            });
        }
    }

    /// Every cell in `expected` must have been spoken of.
    fn all_said<'c>(&mut self, expected: impl Iterator<Item = &'c CellId>, said: &BTreeSet<CellId>) {
        for cell in expected.filter(|cell| !said.contains(cell)) {
            self.missing(&cell.to_string());
        }
    }

    /// Every word must have a source.
    fn words_in(&mut self, text: &str) {
        for word in vocabulary_of_page::words(text) {
            if !self.words.contains(word) {
                self.breaches.push(Breach::ForeignWord {
                    path: self.path.to_owned(),
                    word: word.to_owned(),
                });
            }
        }
    }
}
