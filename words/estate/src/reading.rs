//! Reads a TOML file so that every mistake in it is found, each with line, column and value. Used by every file format
//! of the project that people write by hand.
//!
//! A [`Reader`] holds the text and collects mistakes; a [`Section`] is one table of it. Each getter returns the value or
//! notes what is wrong; [`Section::finish`] notes every key nobody asked for.

use core::{cell::RefCell, ops::RangeInclusive, str::FromStr};
use std::collections::BTreeSet;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};
use vocabulary::BadId;

use crate::mistake::{Mistake, Mistakes, Trouble};

/// Longest value that is repeated in a mistake, in characters.
const SHOWN_MAX: usize = 80;

/// Longest text value, in characters.
const TEXT_CHARS_MAX: usize = 2_000;

/// A place in the text, as byte offsets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spot {
    start: usize,
    end: usize,
}

/// A value and where it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Spotted<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub spot: Spot,
}

/// The text of one file and the mistakes found in it so far.
pub struct Reader<'t> {
    file: &'t str,
    text: &'t str,
    line_starts: Vec<usize>,
    mistakes: RefCell<Vec<Mistake>>,
    broken: core::cell::Cell<bool>,
}

impl<'t> Reader<'t> {
    /// Begins to read a text; `file` is how mistakes name it.
    #[must_use]
    pub fn new(text: &'t str, file: &'t str) -> Self {
        let line_starts = core::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at.saturating_add(1)))
            .collect();
        Self {
            file,
            text,
            line_starts,
            mistakes: RefCell::new(Vec::new()),
            broken: core::cell::Cell::new(false),
        }
    }

    /// Reads the text as TOML. Syntax errors are noted and the rest is kept; from then on nothing is reported that the
    /// broken part may have caused.
    pub fn document(&self) -> Spanned<DeTable<'t>> {
        let (document, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            let said = error.message().replace('\n', "; ");
            self.note(Spot::from(span), "TOML", Trouble::Syntax(said));
            self.broken.set(true);
        }
        document
    }

    /// The whole document as a section.
    #[must_use]
    pub fn root<'r>(&'r self, document: &'r Spanned<DeTable<'t>>) -> Section<'r, 't> {
        Section {
            reader: self,
            table: document.get_ref(),
            spot: Spot { start: 0, end: 0 },
            path: String::new(),
            asked: RefCell::new(BTreeSet::new()),
        }
    }

    /// Notes a mistake at a place.
    pub fn note(&self, spot: Spot, at: impl Into<String>, trouble: Trouble) {
        let follows_from_syntax = matches!(
            trouble,
            Trouble::Missing
                | Trouble::UnknownKey { .. }
                | Trouble::Dangling { .. }
                | Trouble::Duplicate { .. }
        );
        if self.broken.get() && follows_from_syntax {
            return;
        }
        let (line, column) = self.line_and_column(spot);
        let value = if matches!(trouble, Trouble::Missing) {
            String::new()
        } else {
            self.shown(spot)
        };
        let mistake = Mistake {
            file: self.file.to_owned(),
            line,
            column,
            at: at.into(),
            value,
            trouble,
        };
        self.mistakes.borrow_mut().push(mistake);
    }

    /// The text being read.
    #[must_use]
    pub const fn text(&self) -> &'t str {
        self.text
    }

    /// The line of a place, counted from 1.
    #[must_use]
    pub fn line(&self, spot: Spot) -> usize {
        self.line_and_column(spot).0
    }

    /// Whether nothing was noted so far.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.mistakes.borrow().is_empty()
    }

    /// Ends reading.
    ///
    /// # Errors
    /// All mistakes noted, if any.
    pub fn finish(self) -> Result<(), Mistakes> {
        Mistakes::of(self.mistakes.into_inner()).map_or(Ok(()), Err)
    }

    fn line_and_column(&self, spot: Spot) -> (usize, usize) {
        let line = self
            .line_starts
            .partition_point(|start| *start <= spot.start)
            .max(1);
        let line_start = self.line_starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let before = self.text.get(line_start..spot.start).unwrap_or("");
        (line, before.chars().count().saturating_add(1))
    }

    fn shown(&self, spot: Spot) -> String {
        let raw = self.text.get(spot.start..spot.end).unwrap_or("");
        let line = raw.lines().next().unwrap_or("");
        let mut shown: String = line.chars().filter(|c| !c.is_control()).take(SHOWN_MAX).collect();
        if shown.len() < raw.trim_end().len() {
            shown.push('…');
        }
        shown
    }
}

impl From<core::ops::Range<usize>> for Spot {
    fn from(range: core::ops::Range<usize>) -> Self {
        Self {
            start: range.start,
            end: range.end,
        }
    }
}

/// One table of a file.
pub struct Section<'r, 't> {
    reader: &'r Reader<'t>,
    table: &'r DeTable<'t>,
    spot: Spot,
    path: String,
    asked: RefCell<BTreeSet<&'static str>>,
}

impl<'r, 't> Section<'r, 't> {
    /// Where the section begins.
    #[must_use]
    pub const fn spot(&self) -> Spot {
        self.spot
    }

    /// How mistakes name a key of this section.
    #[must_use]
    pub fn at(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// Notes a mistake about a key of this section.
    pub fn note(&self, spot: Spot, key: &str, trouble: Trouble) {
        self.reader.note(spot, self.at(key), trouble);
    }

    fn value(&self, key: &'static str) -> Option<(&'r DeValue<'t>, Spot)> {
        self.asked.borrow_mut().insert(key);
        self.table
            .get(key)
            .map(|spanned| (spanned.get_ref(), Spot::from(spanned.span())))
    }

    fn typed<T>(
        &self,
        key: &'static str,
        wanted: (&'static str, &'static str),
        read: impl FnOnce(&'r DeValue<'t>) -> Option<T>,
    ) -> Option<Spotted<T>> {
        let (value, spot) = self.value(key)?;
        let read = read(value);
        if read.is_none() {
            self.note(spot, key, Trouble::WrongType { wanted });
        }
        read.map(|value| Spotted { value, spot })
    }

    /// Passes a value on and notes when the key is missing.
    pub fn needed<T>(&self, key: &'static str, found: Option<Spotted<T>>) -> Option<Spotted<T>> {
        if found.is_none() && !self.table.contains_key(key) {
            self.note(self.spot, key, Trouble::Missing);
        }
        found
    }

    /// A text of 1 to 2,000 characters without control characters.
    pub fn text(&self, key: &'static str) -> Option<Spotted<String>> {
        let found = self.typed(
            key,
            ("ein Text in Anführungszeichen", "a text in quotes"),
            |value| value.as_str().map(str::to_owned),
        )?;
        let fits = !found.value.trim().is_empty()
            && found.value.chars().count() <= TEXT_CHARS_MAX
            && !found.value.chars().any(char::is_control);
        if !fits {
            self.note(
                found.spot,
                key,
                Trouble::BadText {
                    chars_max: TEXT_CHARS_MAX,
                },
            );
            return None;
        }
        Some(found)
    }

    /// A name.
    pub fn name<T: FromStr<Err = BadId>>(&self, key: &'static str) -> Option<Spotted<T>> {
        let text = self.text(key)?;
        self.read_name(key, text)
    }

    fn read_name<T: FromStr<Err = BadId>>(&self, key: &str, text: Spotted<String>) -> Option<Spotted<T>> {
        match text.value.parse() {
            Ok(value) => Some(Spotted {
                value,
                spot: text.spot,
            }),
            Err(bad) => {
                self.note(text.spot, key, Trouble::BadName(bad));
                None
            }
        }
    }

    /// One of some words; mistakes list them.
    pub fn word<T: Copy>(&self, key: &'static str, words: &[(&str, T)]) -> Option<Spotted<T>> {
        let text = self.text(key)?;
        let found = words
            .iter()
            .find(|(word, _)| *word == text.value)
            .map(|(_, value)| *value);
        if found.is_none() {
            let known = words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
            let trouble = Trouble::Rule {
                de: format!("Unbekanntes Wort. Eines von diesen schreiben: {known}."),
                en: format!("Unknown word. Write one of: {known}."),
            };
            self.note(text.spot, key, trouble);
        }
        found.map(|value| Spotted {
            value,
            spot: text.spot,
        })
    }

    /// A whole number within bounds.
    pub fn number(&self, key: &'static str, bounds: RangeInclusive<u64>) -> Option<Spotted<u64>> {
        let found = self.typed(key, ("eine ganze Zahl", "a whole number"), |value| {
            let integer = value.as_integer()?;
            // What does not fit is out of bounds, which is told below.
            Some(u64::from_str_radix(integer.as_str(), integer.radix()).ok())
        })?;
        match found.value.filter(|number| bounds.contains(number)) {
            Some(value) => Some(Spotted {
                value,
                spot: found.spot,
            }),
            None => {
                let bounds = (bounds.start().to_string(), bounds.end().to_string());
                self.note(found.spot, key, Trouble::OutOfRange { bounds });
                None
            }
        }
    }

    /// A number with or without fraction, within bounds.
    pub fn decimal(&self, key: &'static str, bounds: RangeInclusive<f64>) -> Option<Spotted<f64>> {
        let found = self.typed(key, ("eine Zahl", "a number"), |value| {
            let text = match (value.as_integer(), value.as_float()) {
                (Some(integer), _) if integer.radix() == 10 => integer.as_str(),
                (_, Some(float)) => float.as_str(),
                (_, None) => return None,
            };
            text.parse::<f64>().ok()
        })?;
        if bounds.contains(&found.value) {
            return Some(found);
        }
        let bounds = (bounds.start().to_string(), bounds.end().to_string());
        self.note(found.spot, key, Trouble::OutOfRange { bounds });
        None
    }

    /// `true` or `false`.
    pub fn flag(&self, key: &'static str) -> Option<Spotted<bool>> {
        self.typed(key, ("true oder false", "true or false"), DeValue::as_bool)
    }

    /// A civil date, as in `2023-04-26`: year, month, day.
    pub fn date(&self, key: &'static str) -> Option<Spotted<(u16, u8, u8)>> {
        self.typed(
            key,
            ("ein Datum wie 2023-04-26", "a date such as 2023-04-26"),
            |value| {
                let when = value.as_datetime()?;
                let date = when.date.filter(|_| when.time.is_none())?;
                Some((date.year, date.month, date.day))
            },
        )
    }

    /// A list of texts.
    pub fn texts(&self, key: &'static str, entries_max: usize) -> Option<Spotted<Vec<Spotted<String>>>> {
        let wanted = ("eine Liste von Texten", "a list of texts");
        let (value, spot) = self.value(key)?;
        let Some(array) = value.as_array() else {
            self.note(spot, key, Trouble::WrongType { wanted });
            return None;
        };
        if array.len() > entries_max {
            self.note(spot, key, Trouble::TooMany { entries_max });
        }
        let mut texts = Vec::new();
        for entry in array.iter().take(entries_max) {
            let spot = Spot::from(entry.span());
            match entry.get_ref().as_str() {
                Some(text) => texts.push(Spotted {
                    value: text.to_owned(),
                    spot,
                }),
                None => self.note(spot, key, Trouble::WrongType { wanted }),
            }
        }
        Some(Spotted { value: texts, spot })
    }

    /// A list of names.
    pub fn names<T: FromStr<Err = BadId>>(
        &self,
        key: &'static str,
        entries_max: usize,
    ) -> Option<Spotted<Vec<Spotted<T>>>> {
        let texts = self.texts(key, entries_max)?;
        let names = texts
            .value
            .into_iter()
            .filter_map(|text| self.read_name(key, text))
            .collect();
        Some(Spotted {
            value: names,
            spot: texts.spot,
        })
    }

    /// A table `[key]`.
    pub fn section(&self, key: &'static str) -> Option<Section<'r, 't>> {
        let wanted = ("ein Abschnitt [Name]", "a section [name]");
        let found = self.typed(key, wanted, DeValue::as_table)?;
        Some(self.below(found.value, found.spot, self.at(key)))
    }

    /// Tables `[[key]]`, in the order of the file.
    pub fn sections(&self, key: &'static str, entries_max: usize) -> Vec<Section<'r, 't>> {
        let wanted = ("Abschnitte [[Name]]", "sections [[name]]");
        let Some((value, spot)) = self.value(key) else {
            return Vec::new();
        };
        let Some(array) = value.as_array() else {
            self.note(spot, key, Trouble::WrongType { wanted });
            return Vec::new();
        };
        if array.len() > entries_max {
            let spot = array
                .get(entries_max)
                .map_or(spot, |entry| Spot::from(entry.span()));
            self.note(spot, key, Trouble::TooMany { entries_max });
        }
        let mut sections = Vec::new();
        for (index, entry) in array.iter().take(entries_max).enumerate() {
            let spot = Spot::from(entry.span());
            match entry.get_ref().as_table() {
                Some(table) => {
                    sections.push(self.below(table, spot, format!("{}[{}]", self.at(key), index + 1)))
                }
                None => self.note(spot, key, Trouble::WrongType { wanted }),
            }
        }
        sections
    }

    /// A table whose keys are names of somebody's choosing: each with its own section.
    pub fn named_sections(&self, key: &'static str) -> Vec<(Spotted<String>, Section<'r, 't>)> {
        let wanted = ("ein Abschnitt [Name]", "a section [name]");
        let Some(found) = self.typed(key, wanted, DeValue::as_table) else {
            return Vec::new();
        };
        let mut sections = Vec::new();
        for (name, value) in found.value {
            let at = format!("{}.{}", self.at(key), name.get_ref());
            let spot = Spot::from(name.span());
            match value.get_ref().as_table() {
                Some(table) => sections.push((
                    Spotted {
                        value: name.get_ref().to_string(),
                        spot,
                    },
                    self.below(table, spot, at),
                )),
                None => self
                    .reader
                    .note(Spot::from(value.span()), at, Trouble::WrongType { wanted }),
            }
        }
        sections
    }

    /// Notes every key nobody asked for.
    pub fn finish(self) {
        let asked = self.asked.borrow();
        let known = asked.iter().copied().collect::<Vec<_>>().join(", ");
        for (key, _) in self.table {
            if !asked.contains(key.get_ref().as_ref()) {
                let spot = Spot::from(key.span());
                self.note(spot, key.get_ref(), Trouble::UnknownKey { known: known.clone() });
            }
        }
    }

    fn below(&self, table: &'r DeTable<'t>, spot: Spot, path: String) -> Section<'r, 't> {
        Section {
            reader: self.reader,
            table,
            spot,
            path,
            asked: RefCell::new(BTreeSet::new()),
        }
    }
}
