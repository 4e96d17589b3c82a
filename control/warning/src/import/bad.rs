//! Lines that say nothing, and the count of all lines.

use core::fmt;

use super::{DEPTH_MAX, Imported, LINE_BYTES_MAX, TITLE_CHARS};
use crate::text::clean;

/// Why a line says nothing. Displays German first; the engine's operator must look.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BadLine {
    /// Longer than [`LINE_BYTES_MAX`].
    TooLong {
        /// Its length.
        bytes: u64,
    },
    /// Not UTF-8.
    NotUtf8 {
        /// The first byte that is not, counted from 0.
        at: usize,
    },
    /// Deeper than [`DEPTH_MAX`].
    TooDeep,
    /// It ends in the middle: the writer or the disk was cut off.
    Truncated,
    /// No JSON.
    NotJson {
        /// Where, counted from 1.
        column: usize,
        /// What the parser said.
        said: String,
    },
    /// JSON, but not of the engine's shape.
    WrongShape {
        /// What is missing or wrong.
        said: String,
    },
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { bytes } => write!(
                f,
                "Die Zeile hat {bytes} Bytes, gelesen werden höchstens {LINE_BYTES_MAX}. Ausgabe des Sensors kürzen. / The line has {bytes} bytes, at most {LINE_BYTES_MAX} are read. Shorten the sensor's output."
            ),
            Self::NotUtf8 { at } => write!(
                f,
                "Byte {at} der Zeile ist kein UTF-8. Datei oder Übertragung prüfen. / Byte {at} of the line is not UTF-8. Check file or transmission."
            ),
            Self::TooDeep => write!(
                f,
                "Die Zeile ist tiefer als {DEPTH_MAX} Ebenen verschachtelt; so schreibt der Sensor nicht. Quelle prüfen. / The line nests deeper than {DEPTH_MAX} levels; the sensor does not write so. Check the source."
            ),
            Self::Truncated => f.write_str(
                "Die Zeile bricht mittendrin ab. Platte und Verbindung des Sensors prüfen. / The line breaks off in the middle. Check the sensor's disk and connection.",
            ),
            Self::NotJson { column, said } => write!(
                f,
                "Die Zeile ist ab Spalte {column} kein JSON ({said}). Quelle prüfen. / The line is not JSON from column {column} ({said}). Check the source."
            ),
            Self::WrongShape { said } => write!(
                f,
                "Die Zeile hat nicht die Form des Sensors ({said}). Version und Quelle prüfen. / The line is not of the sensor's shape ({said}). Check version and source."
            ),
        }
    }
}

impl From<serde_json::Error> for BadLine {
    fn from(error: serde_json::Error) -> Self {
        // The parser quotes foreign text; "at line 1 column n" is said by us.
        let said = clean(&error.to_string(), TITLE_CHARS);
        let said = said.split(" at line ").next().unwrap_or_default().to_owned();
        match error.classify() {
            serde_json::error::Category::Eof => Self::Truncated,
            serde_json::error::Category::Data => Self::WrongShape { said },
            serde_json::error::Category::Syntax | serde_json::error::Category::Io => Self::NotJson {
                column: error.column(),
                said,
            },
        }
    }
}

/// What came of all lines so far. Every line is in exactly one count.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Alerts.
    pub findings: u64,
    /// Valid lines that are no alerts.
    pub ignored: u64,
    /// Repeats.
    pub repeats: u64,
    /// Too long.
    pub too_long: u64,
    /// Not UTF-8.
    pub not_utf8: u64,
    /// Too deep.
    pub too_deep: u64,
    /// Broken off.
    pub truncated: u64,
    /// No JSON.
    pub not_json: u64,
    /// Another shape.
    pub wrong_shape: u64,
}

impl Tally {
    /// Lines that said nothing because they were bad.
    #[must_use]
    pub fn bad(&self) -> u64 {
        [
            self.too_long,
            self.not_utf8,
            self.too_deep,
            self.truncated,
            self.not_json,
            self.wrong_shape,
        ]
        .into_iter()
        .fold(0, u64::saturating_add)
    }

    /// All lines.
    #[must_use]
    pub fn lines(&self) -> u64 {
        [self.findings, self.ignored, self.repeats, self.bad()]
            .into_iter()
            .fold(0, u64::saturating_add)
    }

    pub(super) fn count(&mut self, imported: &Imported) {
        let counter = match imported {
            Imported::Finding(_) => &mut self.findings,
            Imported::Ignored => &mut self.ignored,
            Imported::Repeat => &mut self.repeats,
            Imported::Bad(BadLine::TooLong { .. }) => &mut self.too_long,
            Imported::Bad(BadLine::NotUtf8 { .. }) => &mut self.not_utf8,
            Imported::Bad(BadLine::TooDeep) => &mut self.too_deep,
            Imported::Bad(BadLine::Truncated) => &mut self.truncated,
            Imported::Bad(BadLine::NotJson { .. }) => &mut self.not_json,
            Imported::Bad(BadLine::WrongShape { .. }) => &mut self.wrong_shape,
        };
        *counter = counter.saturating_add(1);
    }
}
