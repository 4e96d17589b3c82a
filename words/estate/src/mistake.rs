//! What is wrong in a file, where, and what to do about it.

use core::fmt;

use crate::identifier::{BadIk, BadMailbox};

/// Most mistakes that are kept. More than this and the reader fixes these first; how many more there are is told.
const KEPT_MAX: usize = 10_000;

/// One mistake: where it is, what stands there and what to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mistake {
    /// The file as the caller named it.
    pub file: String,
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// Which entry and key, as in `insurer[3].ik`.
    pub at: String,
    /// What stands there, shortened; empty where something is missing.
    pub value: String,
    /// What is wrong.
    pub trouble: Trouble,
}

/// What is wrong with a value. Displays German first, then English, and says what to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// Not TOML; the parser's own words.
    Syntax(String),
    /// A key nobody asked for.
    UnknownKey {
        /// The keys this section knows.
        known: String,
    },
    /// A key that must be there.
    Missing,
    /// A value of another type.
    WrongType {
        /// What is wanted, in German and English.
        wanted: (&'static str, &'static str),
    },
    /// A number outside its bounds.
    OutOfRange {
        /// Lowest and highest value allowed, as text.
        bounds: (String, String),
    },
    /// More entries than the bound.
    TooMany {
        /// The bound.
        entries_max: usize,
    },
    /// Text that is empty, too long or carries control characters.
    BadText {
        /// The bound in characters.
        chars_max: usize,
    },
    /// A name that breaks the rule for names.
    BadName(vocabulary::BadId),
    /// An Institutionskennzeichen that cannot be one.
    BadIk(BadIk),
    /// A mail address that is no KIM address, or one of the other world.
    BadMailbox(BadMailbox),
    /// The same thing twice.
    Duplicate {
        /// Where it stood first.
        first_line: usize,
    },
    /// A reference to nothing.
    Dangling {
        /// What was looked for, in German and English.
        kind: (&'static str, &'static str),
        /// What there is, shortened.
        known: String,
    },
    /// Dependencies in a circle; the path, ending where it begins.
    Cycle(Vec<String>),
    /// Another rule of this file's own kind.
    Rule {
        /// German.
        de: String,
        /// English.
        en: String,
    },
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(said) => write!(
                f,
                "Kein gültiges TOML. Stelle berichtigen. / Not valid TOML. Correct this place. ({said})"
            ),
            Self::UnknownKey { known } => write!(
                f,
                "Unbekannter Schlüssel. Schreibweise prüfen oder entfernen; bekannt: {known}. / Unknown key. Check the \
                 spelling or remove it; known: {known}."
            ),
            Self::Missing => f.write_str("Fehlt. Schlüssel ergänzen. / Missing. Add this key."),
            Self::WrongType { wanted: (de, en) } => {
                write!(f, "Falsche Art Wert. Gebraucht wird {de}. / Wrong type. Write {en}.")
            }
            Self::OutOfRange { bounds: (low, high) } => write!(
                f,
                "Außerhalb der Grenzen. Erlaubt ist {low} bis {high}. / Out of bounds. Allowed is {low} to {high}."
            ),
            Self::TooMany { entries_max } => write!(
                f,
                "Zu viele Einträge. Höchstens {entries_max}; aufteilen. / Too many entries. At most {entries_max}; split them."
            ),
            Self::BadText { chars_max } => write!(
                f,
                "Kein brauchbarer Text. 1 bis {chars_max} Zeichen ohne Steuerzeichen schreiben. / Not usable text. \
                 Write 1 to {chars_max} characters without control characters."
            ),
            Self::BadName(_) => f.write_str(
                "Kein gültiger Name. 1 bis 64 Zeichen aus a-z 0-9 - _ . verwenden, vorn Buchstabe oder Ziffer. / Not a \
                 valid name. Use 1 to 64 of a-z 0-9 - _ . beginning with a letter or digit.",
            ),
            Self::BadIk(bad) => bad.fmt(f),
            Self::BadMailbox(bad) => bad.fmt(f),
            Self::Duplicate { first_line } => write!(
                f,
                "Doppelt, zuerst in Zeile {first_line}. Eines von beiden ändern oder entfernen. / Used twice, first in \
                 line {first_line}. Change or remove one of them."
            ),
            Self::Dangling { kind: (de, en), known } => write!(
                f,
                "Verweist auf nichts: {de} dieses Namens gibt es nicht. Anlegen oder verweisen auf: {known}. / Leads \
                 nowhere: there is no {en} of this name. Add it or refer to: {known}."
            ),
            Self::Cycle(path) => {
                let path = path.join(" → ");
                write!(
                    f,
                    "Abhängigkeit im Kreis: {path}. Eine davon entfernen. / Dependency in a circle: {path}. Remove one \
                     of them."
                )
            }
            Self::Rule { de, en } => write!(f, "{de} / {en}"),
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}  {}", self.file, self.line, self.column, self.at)?;
        if !self.value.is_empty() {
            write!(f, " = {}", self.value)?;
        }
        write!(f, "\n    {}", self.trouble)
    }
}

/// All mistakes of one file, in the order of the file. Never empty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mistakes {
    kept: Vec<Mistake>,
    more: usize,
}

impl Mistakes {
    /// Sorts by place. `None` when there is no mistake.
    #[must_use]
    pub fn of(mut all: Vec<Mistake>) -> Option<Self> {
        if all.is_empty() {
            return None;
        }
        all.sort_by_key(|mistake| (mistake.line, mistake.column));
        let more = all.len().saturating_sub(KEPT_MAX);
        all.truncate(KEPT_MAX);
        Some(Self { kept: all, more })
    }

    /// One mistake.
    #[must_use]
    pub fn from_one(mistake: Mistake) -> Self {
        Self {
            kept: vec![mistake],
            more: 0,
        }
    }

    /// Each mistake, by line.
    pub fn iter(&self) -> impl Iterator<Item = &Mistake> {
        self.kept.iter()
    }

    /// How many there are, counting those not kept.
    #[must_use]
    pub fn count(&self) -> usize {
        self.kept.len().saturating_add(self.more)
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for mistake in &self.kept {
            writeln!(f, "{mistake}")?;
        }
        let count = self.count();
        let (de, en) = if count == 1 {
            ("Fehler", "mistake")
        } else {
            ("Fehler", "mistakes")
        };
        write!(f, "{count} {de}. / {count} {en}.")?;
        if self.more > 0 {
            write!(f, " ({} nicht gezeigt / not shown)", self.more)?;
        }
        Ok(())
    }
}

impl core::error::Error for Mistakes {}
