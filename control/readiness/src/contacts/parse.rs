//! Reading a contact book people wrote, with every mistake named.

use core::fmt;
use std::collections::{BTreeMap, BTreeSet};

use order::Text;
use serde::Deserialize;
use vocabulary::{EstateId, PersonId};

use super::{
    BYTES_MAX, CONTACTS_MAX, Contact, ContactBook, DEPUTIES_MAX, DUTIES_MAX, Duty, NAME_CHARS_MAX, WAYS_MAX,
    Way,
};

/// The book as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written<D> {
    pub(super) estate: EstateId,
    pub(super) issued: D,
    #[serde(default)]
    pub(super) contact: Vec<WrittenContact>,
}

/// A contact as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenContact {
    id: PersonId,
    name: String,
    #[serde(default)]
    duties: Vec<Duty>,
    #[serde(default)]
    ways: Vec<Way>,
    #[serde(default)]
    deputies: Vec<PersonId>,
}

/// One mistake in a contact book. Displays German first, then English.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Mistake {
    /// Longer than any book.
    #[error(
        "Das Kontaktbuch hat {0} Bytes, erlaubt sind {BYTES_MAX}. / The contact book has {0} bytes; {BYTES_MAX} are allowed."
    )]
    TooLong(usize),
    /// Cannot be read; the parser's own words, with line and column.
    #[error(
        "Nicht lesbar, bitte diese Stelle berichtigen: {0} / Not readable, please correct this place: {0}"
    )]
    Unreadable(String),
    /// More contacts than a book may have.
    #[error("{0} Personen, erlaubt sind {CONTACTS_MAX}. / {0} persons; {CONTACTS_MAX} are allowed.")]
    TooMany(usize),
    /// The same person twice.
    #[error(
        "{0} steht zweimal im Buch; einen Eintrag entfernen. / {0} is in the book twice; remove one entry."
    )]
    Twice(PersonId),
    /// A name nobody can read out.
    #[error(
        "{0}: der Name braucht 1 bis {NAME_CHARS_MAX} druckbare Zeichen. / {0}: the name needs 1 to {NAME_CHARS_MAX} printable characters."
    )]
    Name(PersonId),
    /// No way, the same way twice, or too many.
    #[error(
        "{0}: 1 bis {WAYS_MAX} verschiedene Wege eintragen. / {0}: enter 1 to {WAYS_MAX} different ways."
    )]
    Ways(PersonId),
    /// No duty, or too many.
    #[error(
        "{0}: 1 bis {DUTIES_MAX} Aufgaben eintragen, oder als Vertretung nennen. / {0}: enter 1 to {DUTIES_MAX} duties, or name the person as a deputy."
    )]
    Duties(PersonId),
    /// Too many deputies, one twice, or the person itself.
    #[error(
        "{0}: höchstens {DEPUTIES_MAX} verschiedene Vertretungen, nicht die Person selbst. / {0}: at most {DEPUTIES_MAX} different deputies, not the person itself."
    )]
    Deputies(PersonId),
    /// A deputy who is not in the book.
    #[error(
        "{0}: die Vertretung {1} steht nicht im Buch; eintragen oder streichen. / {0}: deputy {1} is not in the book; enter or remove."
    )]
    NoSuchDeputy(PersonId, PersonId),
    /// No date.
    #[error("issued: ein Datum JJJJ-MM-TT eintragen. / issued: enter a date YYYY-MM-DD.")]
    Issued,
}

/// Every mistake of a book; never empty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BookMistake(pub Vec<Mistake>);

impl fmt::Display for BookMistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, mistake) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            mistake.fmt(f)?;
        }
        Ok(())
    }
}

impl core::error::Error for BookMistake {}

impl ContactBook {
    /// Reads the TOML people write.
    ///
    /// # Errors
    /// Every mistake in it, or the first place that is no TOML, with its line.
    pub fn from_toml(text: &str) -> Result<Self, BookMistake> {
        short_enough(text.len())?;
        let written: Written<toml::value::Datetime> = toml::from_str(text).map_err(|error| {
            BookMistake(vec![Mistake::Unreadable(error.to_string().trim_end().to_owned())])
        })?;
        let issued = written.issued.date.filter(|_| written.issued.time.is_none());
        let issued = issued.map(|date| date.to_string());
        Self::check(written.estate, issued.unwrap_or_default(), written.contact)
    }

    /// Reads the same as JSON; `issued` is a text `YYYY-MM-DD`.
    ///
    /// # Errors
    /// Every mistake in it, or the first place that is no JSON, with its line.
    pub fn from_json(text: &str) -> Result<Self, BookMistake> {
        short_enough(text.len())?;
        let written: Written<String> = serde_json::from_str(text)
            .map_err(|error| BookMistake(vec![Mistake::Unreadable(error.to_string())]))?;
        Self::check(written.estate, written.issued, written.contact)
    }

    /// Checks what was read.
    pub(super) fn check(
        estate: EstateId,
        issued: String,
        written: Vec<WrittenContact>,
    ) -> Result<Self, BookMistake> {
        let mut mistakes = Vec::new();
        if !is_date(&issued) {
            mistakes.push(Mistake::Issued);
        }
        if written.len() > CONTACTS_MAX {
            return Err(BookMistake(vec![Mistake::TooMany(written.len())]));
        }
        let deputies: BTreeSet<PersonId> = written
            .iter()
            .flat_map(|one| one.deputies.iter().cloned())
            .collect();
        let known: BTreeSet<PersonId> = written.iter().map(|one| one.id.clone()).collect();
        let mut contacts = BTreeMap::new();
        for one in written {
            check_one(&one, &known, deputies.contains(&one.id), &mut mistakes);
            let contact = Contact {
                id: one.id.clone(),
                name: one.name,
                duties: one.duties.into_iter().collect(),
                ways: one.ways,
                deputies: one.deputies,
            };
            if contacts.insert(one.id.clone(), contact).is_some() {
                mistakes.push(Mistake::Twice(one.id));
            }
        }
        if mistakes.is_empty() {
            Ok(Self {
                estate,
                issued,
                contacts,
            })
        } else {
            Err(BookMistake(mistakes))
        }
    }
}

fn short_enough(bytes: usize) -> Result<(), BookMistake> {
    if bytes > BYTES_MAX {
        return Err(BookMistake(vec![Mistake::TooLong(bytes)]));
    }
    Ok(())
}

fn check_one(one: &WrittenContact, known: &BTreeSet<PersonId>, is_deputy: bool, mistakes: &mut Vec<Mistake>) {
    let id = || one.id.clone();
    if Text::new(&one.name).is_err() || one.name.chars().count() > NAME_CHARS_MAX {
        mistakes.push(Mistake::Name(id()));
    }
    let ways: BTreeSet<&Way> = one.ways.iter().collect();
    if ways.is_empty() || ways.len() != one.ways.len() || ways.len() > WAYS_MAX {
        mistakes.push(Mistake::Ways(id()));
    }
    if one.duties.len() > DUTIES_MAX || (one.duties.is_empty() && !is_deputy) {
        mistakes.push(Mistake::Duties(id()));
    }
    let deputies: BTreeSet<&PersonId> = one.deputies.iter().collect();
    if deputies.len() != one.deputies.len() || deputies.len() > DEPUTIES_MAX || deputies.contains(&one.id) {
        mistakes.push(Mistake::Deputies(id()));
    }
    for deputy in deputies {
        if !known.contains(deputy) {
            mistakes.push(Mistake::NoSuchDeputy(id(), deputy.clone()));
        }
    }
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else {
        return false;
    };
    let number = |part: &str, digits: usize, low: u32, high: u32| {
        part.len() == digits
            && part.bytes().all(|b| b.is_ascii_digit())
            && part.parse::<u32>().is_ok_and(|n| (low..=high).contains(&n))
    };
    number(year, 4, 2000, 9999) && number(month, 2, 1, 12) && number(day, 2, 1, 31)
}
