//! The contact book: who is reached for what, on which ways, and who stands in.
//!
//! It lies sealed and offline: the exact plain text is [`ContactBook::to_bytes`], and whoever wires this room seals it with
//! age to the persons who may open it. It is written by people as TOML:
//!
//! ```toml
//! estate = "sample"
//! issued = 2026-11-01
//!
//! [[contact]]
//! id = "anna"                       # as in the charter
//! name = "Anna Berg"
//! duties = ["commander"]            # or "insurer:kasse-001"
//! ways = ["sms:+49 171 2345678", "mail:anna@notfall.example", "paper:Wohnung Beispielweg 1, Essen"]
//! deputies = ["bert"]               # in this order
//! ```

mod parse;
mod sealed;
mod tree;
mod way;

use core::{fmt, str::FromStr};
use std::collections::{BTreeMap, BTreeSet};

use estate::Estate;
use order::Lang;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use vocabulary::{Digest, EstateId, InsurerId, PersonId, Role};

pub use parse::{BookMistake, Mistake};
pub use sealed::{BYTES_MAX, BadBook};
pub use tree::{Call, calls, phone_tree};
pub use way::{BadWay, Carrier, Kind, MailAddress, Phone, Way};

/// Most contacts in a book: eight for each of 80 insurers, and the provider.
pub const CONTACTS_MAX: usize = 2_048;
/// Most ways of one person. More than this nobody keeps up to date.
pub const WAYS_MAX: usize = 6;
/// Most deputies of one person.
pub const DEPUTIES_MAX: usize = 4;
/// Most duties of one person.
pub const DUTIES_MAX: usize = 16;
/// Longest name in characters.
pub const NAME_CHARS_MAX: usize = 80;

/// What somebody is called for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Duty {
    /// A role at the provider or among the examiners, as in the charter.
    Role(Role),
    /// The crisis team of an insurer.
    Insurer(InsurerId),
}

/// A text that names no duty.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "„{0}“ ist keine Aufgabe; möglich sind commander, examiner, restoration-lead, root und insurer:NAME. / \"{0}\" is no duty; use commander, examiner, restoration-lead, root or insurer:NAME."
)]
pub struct BadDuty(pub String);

impl Duty {
    /// The duty, for people.
    #[must_use]
    pub fn in_words(&self, lang: Lang) -> String {
        match self {
            Self::Role(role) => {
                let (de, en) = role.in_words();
                lang.of(de, en).to_owned()
            }
            Self::Insurer(insurer) => format!("{} {insurer}", lang.of("Kasse", "insurer")),
        }
    }
}

impl fmt::Display for Duty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Role(Role::Commander) => "commander",
            Self::Role(Role::Examiner) => "examiner",
            Self::Role(Role::RestorationLead) => "restoration-lead",
            Self::Role(Role::Root) => "root",
            Self::Role(Role::InsurerConsent) => "insurer-consent",
            Self::Role(Role::InsurerRefuse) => "insurer-refuse",
            Self::Insurer(insurer) => return write!(f, "insurer:{insurer}"),
        })
    }
}

impl FromStr for Duty {
    type Err = BadDuty;
    fn from_str(text: &str) -> Result<Self, BadDuty> {
        let bad = || BadDuty(text.chars().filter(|c| !c.is_control()).take(80).collect());
        match text {
            "commander" => Ok(Self::Role(Role::Commander)),
            "examiner" => Ok(Self::Role(Role::Examiner)),
            "restoration-lead" => Ok(Self::Role(Role::RestorationLead)),
            "root" => Ok(Self::Role(Role::Root)),
            other => {
                let insurer = other.strip_prefix("insurer:").ok_or_else(bad)?;
                InsurerId::new(insurer).map(Self::Insurer).map_err(|_| bad())
            }
        }
    }
}

impl Serialize for Duty {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duty {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// One person of the book.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Contact {
    /// The person's name in the charter, or one of its own for somebody without a key.
    pub id: PersonId,
    /// The name people call.
    pub name: String,
    /// What the person is called for.
    pub duties: BTreeSet<Duty>,
    /// In the order of reach.
    pub ways: Vec<Way>,
    /// Who stands in, in this order.
    pub deputies: Vec<PersonId>,
}

impl Contact {
    /// The first two ways on different carriers that need no hands: the two independent ways a call-out begins with.
    /// Fewer where the book has no more.
    #[must_use]
    pub fn first_two(&self) -> Vec<usize> {
        let mut carriers = BTreeSet::new();
        self.ways
            .iter()
            .enumerate()
            .filter(|(_, way)| way.kind() != Kind::Paper && carriers.insert(way.carrier()))
            .map(|(at, _)| at)
            .take(2)
            .collect()
    }
}

/// What makes a person hard to reach. The book is good all the same; readiness shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Weakness {
    /// Nobody carries this duty.
    Uncovered(Duty),
    /// Not two independent ways that a machine can use.
    OneWay(PersonId),
    /// Nobody stands in.
    NoDeputy(PersonId),
    /// A duty names an insurer the estate does not have: most likely a spelling mistake.
    NoSuchInsurer(PersonId, InsurerId),
    /// The book is of another estate.
    OtherEstate(EstateId),
}

impl Weakness {
    /// What is weak and what to do.
    #[must_use]
    pub fn in_words(&self) -> crate::words::Words {
        use crate::words::Words;
        match self {
            Self::Uncovered(duty) => Words::new(
                format!(
                    "{}: niemand im Kontaktbuch. Person eintragen.",
                    duty.in_words(Lang::De)
                ),
                format!(
                    "{}: nobody in the contact book. Enter a person.",
                    duty.in_words(Lang::En)
                ),
            ),
            Self::OneWay(person) => Words::new(
                format!(
                    "{person}: keine zwei unabhängigen Wege. Zweite Rufnummer oder Mailadresse eintragen."
                ),
                format!("{person}: no two independent ways. Enter a second number or a mail address."),
            ),
            Self::NoDeputy(person) => Words::new(
                format!("{person}: keine Vertretung. Vertretung eintragen."),
                format!("{person}: no deputy. Enter one."),
            ),
            Self::NoSuchInsurer(person, insurer) => Words::new(
                format!("{person}: die Kasse {insurer} gibt es nicht. Schreibweise prüfen."),
                format!("{person}: there is no insurer {insurer}. Check the spelling."),
            ),
            Self::OtherEstate(estate) => Words::new(
                format!("Das Kontaktbuch ist für {estate}. Das richtige Buch öffnen."),
                format!("The contact book is for {estate}. Open the right one."),
            ),
        }
    }
}

/// The duties somebody must have in an estate: commander, examiner, restoration lead, and each insurer.
#[must_use]
pub fn required(estate: &Estate) -> Vec<Duty> {
    let central = [Role::Commander, Role::Examiner, Role::RestorationLead].map(Duty::Role);
    let insurers = estate.insurers().map(|one| Duty::Insurer(one.id.clone()));
    central.into_iter().chain(insurers).collect()
}

/// A contact book that is consistent in itself: every deputy is in it, every person once, all bounds hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ContactBook {
    estate: EstateId,
    issued: String,
    contacts: BTreeMap<PersonId, Contact>,
}

impl ContactBook {
    /// The estate it is for.
    #[must_use]
    pub const fn estate(&self) -> &EstateId {
        &self.estate
    }

    /// The day it was issued, as `YYYY-MM-DD`.
    #[must_use]
    pub fn issued(&self) -> &str {
        &self.issued
    }

    /// Everybody, by id.
    pub fn contacts(&self) -> impl ExactSizeIterator<Item = &Contact> {
        self.contacts.values()
    }

    /// One person.
    #[must_use]
    pub fn contact(&self, id: &PersonId) -> Option<&Contact> {
        self.contacts.get(id)
    }

    /// One way of a person, by its place in the order of reach.
    #[must_use]
    pub fn way(&self, id: &PersonId, at: usize) -> Option<&Way> {
        self.contacts.get(id)?.ways.get(at)
    }

    /// Everybody with a duty, by id.
    pub fn holders<'a>(&'a self, duty: &'a Duty) -> impl Iterator<Item = &'a Contact> {
        self.contacts
            .values()
            .filter(move |contact| contact.duties.contains(duty))
    }

    /// Only the part an insurer may see: its own people.
    #[must_use]
    pub fn of_insurer(&self, insurer: &InsurerId) -> Vec<&Contact> {
        let duty = Duty::Insurer(insurer.clone());
        self.contacts
            .values()
            .filter(|contact| contact.duties.contains(&duty))
            .collect()
    }

    /// What makes people hard to reach, for these duties.
    #[must_use]
    pub fn weaknesses<'a>(&self, duties: impl IntoIterator<Item = &'a Duty>) -> Vec<Weakness> {
        let mut found = Vec::new();
        for duty in duties {
            let mut holders = self.holders(duty).peekable();
            if holders.peek().is_none() {
                found.push(Weakness::Uncovered(duty.clone()));
            }
            for contact in holders {
                if contact.first_two().len() < 2 {
                    found.push(Weakness::OneWay(contact.id.clone()));
                }
                if contact.deputies.is_empty() {
                    found.push(Weakness::NoDeputy(contact.id.clone()));
                }
            }
        }
        found
    }

    /// Everything weak in this book for an estate: every duty that somebody must have, and every duty nobody asked for.
    #[must_use]
    pub fn weaknesses_for(&self, estate: &Estate) -> Vec<Weakness> {
        let mut found = Vec::new();
        if self.estate != *estate.id() {
            found.push(Weakness::OtherEstate(self.estate.clone()));
        }
        for contact in self.contacts.values() {
            for duty in &contact.duties {
                if let Duty::Insurer(insurer) = duty
                    && estate.insurer(insurer).is_none()
                {
                    found.push(Weakness::NoSuchInsurer(contact.id.clone(), insurer.clone()));
                }
            }
        }
        found.extend(self.weaknesses(&required(estate)));
        found
    }

    /// Names exactly this book, so that a call-out says which one it used.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.to_bytes())
    }
}
