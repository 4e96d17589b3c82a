//! The plain text that is sealed, byte for byte, and its way back.

use serde::Serialize;
use vocabulary::{EstateId, PersonId};

use super::{
    ContactBook, Duty, Way,
    parse::{BookMistake, Written},
};

/// Longest book in bytes: two thousand persons with all their ways.
pub const BYTES_MAX: usize = 2 * 1024 * 1024;
/// First line of the plain text. Says to somebody who opened the file with `age` alone what they hold.
const FIRST_LINE: &str = "bulkhead contact book 1\n";

/// Why opened bytes are no contact book.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadBook {
    /// Another file.
    #[error(
        "Das ist kein Kontaktbuch dieser Fassung (erste Zeile fehlt); die richtige Datei öffnen. / This is no contact book of this version (first line missing); open the right file."
    )]
    Foreign,
    /// Not UTF-8, longer than any book, or not what was sealed.
    #[error("Das Kontaktbuch ist beschädigt. {0} / The contact book is damaged. {0}")]
    Damaged(BookMistake),
    /// Not readable as text.
    #[error("Das Kontaktbuch ist kein Text. / The contact book is no text.")]
    NotText,
}

#[derive(Serialize)]
struct Plain<'a> {
    estate: &'a EstateId,
    issued: &'a str,
    contact: Vec<PlainContact<'a>>,
}

#[derive(Serialize)]
struct PlainContact<'a> {
    id: &'a PersonId,
    name: &'a str,
    duties: Vec<&'a Duty>,
    ways: &'a [Way],
    deputies: &'a [PersonId],
}

impl ContactBook {
    /// The exact bytes that are sealed: a first line, then JSON with persons by id. The same book gives the same bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let plain = Plain {
            estate: &self.estate,
            issued: &self.issued,
            contact: self
                .contacts
                .values()
                .map(|one| PlainContact {
                    id: &one.id,
                    name: &one.name,
                    duties: one.duties.iter().collect(),
                    ways: &one.ways,
                    deputies: &one.deputies,
                })
                .collect(),
        };
        let mut bytes = FIRST_LINE.as_bytes().to_vec();
        // A book that was checked can be written; an empty rest would be refused by the reader.
        bytes.extend(serde_json::to_vec_pretty(&plain).unwrap_or_default());
        bytes.push(b'\n');
        bytes
    }

    /// Reads the opened bytes back.
    ///
    /// # Errors
    /// [`BadBook`] when they are another file, or damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadBook> {
        let text = core::str::from_utf8(bytes).map_err(|_| BadBook::NotText)?;
        let rest = text.strip_prefix(FIRST_LINE).ok_or(BadBook::Foreign)?;
        if rest.len() > BYTES_MAX {
            return Err(BadBook::Damaged(BookMistake(vec![super::Mistake::TooLong(
                rest.len(),
            )])));
        }
        let written: Written<String> = serde_json::from_str(rest).map_err(|error| {
            BadBook::Damaged(BookMistake(vec![super::Mistake::Unreadable(error.to_string())]))
        })?;
        Self::check(written.estate, written.issued, written.contact).map_err(BadBook::Damaged)
    }
}
