//! The table of duties.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use vocabulary::ServiceId;

use super::words::{Period, PersonKind, Trigger};
use crate::text::Both;

/// Largest table accepted, in bytes.
const LEN_MAX: usize = 256 * 1024;

/// Why a table of duties is not used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadLaw {
    /// Too large to be one.
    #[error(
        "Die Tabelle der Meldepflichten ist größer als {LEN_MAX} Byte. / The table of duties is larger than {LEN_MAX} bytes."
    )]
    TooLarge,
    /// Its first line does not say which version it is.
    #[error(
        "In der ersten Zeile fehlt \"# version JJJJ-MM-TT.N\". / The first line lacks \"# version YYYY-MM-DD.N\"."
    )]
    Version,
    /// Older than what is in force.
    #[error(
        "Die Tabelle {offered} ist älter als die geltende {current}. / Table {offered} is older than {current}, which is in force."
    )]
    Older {
        /// What was offered.
        offered: Version,
        /// What is in force.
        current: Version,
    },
    /// A row that cannot be read.
    #[error("Zeile {line} ist nicht lesbar: {why} / Line {line} cannot be read: {why}")]
    Row {
        /// Which line of the file.
        line: u64,
        /// What is wrong.
        why: String,
    },
    /// A duty that follows a duty that is not there.
    #[error(
        "Die Pflicht {id} folgt auf {missing}, das fehlt. / Duty {id} follows {missing}, which is missing."
    )]
    Follows {
        /// Which.
        id: ObligationId,
        /// On what.
        missing: ObligationId,
    },
}

/// Which edition of the table: a date and a count.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Version {
    date: jiff::civil::Date,
    count: u16,
}

impl FromStr for Version {
    type Err = BadLaw;
    fn from_str(text: &str) -> Result<Self, BadLaw> {
        let (date, count) = text.split_once('.').ok_or(BadLaw::Version)?;
        let date = date.parse().map_err(|_| BadLaw::Version)?;
        let count = count.parse().map_err(|_| BadLaw::Version)?;
        Ok(Self { date, count })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.date, self.count)
    }
}

/// Names a duty: 1 to 32 of `A-Z 0-9 -`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ObligationId(String);

impl ObligationId {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ObligationId {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let fits = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-';
        if (1..=32).contains(&text.len()) && text.bytes().all(fits) {
            Ok(Self(text.to_owned()))
        } else {
            Err("a duty's name is 1 to 32 of A-Z, 0-9, '-'".to_owned())
        }
    }
}

impl fmt::Display for ObligationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for ObligationId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ObligationId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// What starts a duty's clock.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Start {
    Known(Trigger),
    Sent(ObligationId),
}

/// For which services a duty holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Regime {
    /// For all.
    All,
    /// For these only.
    Only(BTreeSet<ServiceId>),
    /// For all but these.
    Except(BTreeSet<ServiceId>),
}

impl Regime {
    /// The services among some for which the duty holds; `None` if it holds for none of them. No services named means
    /// that it is not known which, and then the duty holds.
    #[must_use]
    pub fn among(&self, services: &BTreeSet<ServiceId>) -> Option<BTreeSet<ServiceId>> {
        let hit: BTreeSet<ServiceId> = match self {
            Self::All => services.clone(),
            Self::Only(these) => services.intersection(these).cloned().collect(),
            Self::Except(these) => services.difference(these).cloned().collect(),
        };
        (services.is_empty() || !hit.is_empty()).then_some(hit)
    }
}

/// One duty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Obligation {
    /// Its name.
    pub id: ObligationId,
    /// The duty it is part of.
    pub of: ObligationId,
    /// Whose.
    pub who: BTreeSet<PersonKind>,
    pub(super) starts: BTreeSet<Start>,
    /// For which services.
    pub regime: Regime,
    /// How long.
    pub period: Period,
    /// What was not read in the original.
    pub unverified: Option<Both<String>>,
    /// What people call it.
    pub title: Both<String>,
    /// Which law.
    pub legal_basis: Both<String>,
    /// To whom.
    pub recipient: Both<String>,
    /// By which way.
    pub channel: Both<String>,
    /// What must be in it.
    pub content: Both<String>,
    /// Whether it is in force.
    pub status: Both<String>,
    /// Where this was read.
    pub source: Both<String>,
    /// What the source says, as noted when it was read: for whom, when, from when, until when, what comes after.
    pub noted: Noted,
}

/// Notes from reading a source, in the words of whoever read it. For checking the table, not for people in a hurry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Noted {
    /// For whom.
    pub applies_to: String,
    /// When.
    pub trigger: String,
    /// From when.
    pub clock_start: String,
    /// Until when.
    pub deadline: String,
    /// What comes after.
    pub follow_up: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: String,
    of: String,
    who: String,
    on: String,
    services: String,
    due: String,
    unverified: String,
    unverified_de: String,
    title: String,
    title_de: String,
    legal_basis: String,
    legal_basis_de: String,
    recipient: String,
    recipient_de: String,
    channel: String,
    channel_de: String,
    content: String,
    content_de: String,
    status: String,
    status_de: String,
    source: String,
    source_de: String,
    applies_to: String,
    trigger: String,
    clock_start: String,
    deadline: String,
    follow_up: String,
}

/// All duties of one edition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Law {
    version: Version,
    obligations: BTreeMap<ObligationId, Obligation>,
}

impl Law {
    /// The edition built in.
    ///
    /// # Errors
    /// [`BadLaw`] if it cannot be read, which a test excludes.
    pub fn built_in() -> Result<Self, BadLaw> {
        Self::parse(include_str!("../../data/obligations.csv"))
    }

    /// Reads an edition.
    ///
    /// # Errors
    /// [`BadLaw`] names the line.
    pub fn parse(text: &str) -> Result<Self, BadLaw> {
        if text.len() > LEN_MAX {
            return Err(BadLaw::TooLarge);
        }
        let first = text
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("# version "))
            .ok_or(BadLaw::Version)?;
        let version = first.trim().parse()?;
        let mut reader = csv::ReaderBuilder::new()
            .comment(Some(b'#'))
            .from_reader(text.as_bytes());
        let mut obligations = BTreeMap::new();
        for row in reader.deserialize::<Row>() {
            let row = row.map_err(|why| BadLaw::Row {
                line: why.position().map_or(0, csv::Position::line),
                why: why.to_string(),
            })?;
            let line = u64::try_from(obligations.len())
                .unwrap_or(u64::MAX)
                .saturating_add(1);
            let obligation = obligation(row).map_err(|why| BadLaw::Row { line, why })?;
            let id = obligation.id.clone();
            if obligations.insert(id.clone(), obligation).is_some() {
                return Err(BadLaw::Row {
                    line,
                    why: format!("{id} twice"),
                });
            }
        }
        let law = Self { version, obligations };
        law.follows_what_is_there()?;
        Ok(law)
    }

    /// This edition, or a newer one.
    ///
    /// # Errors
    /// [`BadLaw::Older`] when the text is not newer, or why it cannot be read.
    pub fn or_newer(&self, text: &str) -> Result<Self, BadLaw> {
        let offered = Self::parse(text)?;
        if offered.version < self.version {
            return Err(BadLaw::Older {
                offered: offered.version,
                current: self.version,
            });
        }
        Ok(offered)
    }

    fn follows_what_is_there(&self) -> Result<(), BadLaw> {
        for obligation in self.obligations.values() {
            for start in &obligation.starts {
                if let Start::Sent(missing) = start
                    && !self.obligations.contains_key(missing)
                {
                    return Err(BadLaw::Follows {
                        id: obligation.id.clone(),
                        missing: missing.clone(),
                    });
                }
            }
        }
        Ok(())
    }

    /// Which edition.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// All duties, by name.
    pub fn obligations(&self) -> impl ExactSizeIterator<Item = &Obligation> {
        self.obligations.values()
    }

    /// One duty.
    #[must_use]
    pub fn get(&self, id: &ObligationId) -> Option<&Obligation> {
        self.obligations.get(id)
    }

    /// Duties whose clock starts when this one is sent.
    #[must_use]
    pub fn following(&self, id: &ObligationId) -> Vec<ObligationId> {
        let starts = |obligation: &&Obligation| obligation.starts.contains(&Start::Sent(id.clone()));
        self.obligations
            .values()
            .filter(starts)
            .map(|obligation| obligation.id.clone())
            .collect()
    }
}

fn set<T: FromStr<Err = impl fmt::Display> + Ord>(text: &str) -> Result<BTreeSet<T>, String> {
    text.split(';')
        .filter(|word| !word.is_empty())
        .map(|word| word.parse().map_err(|why| format!("{why}")))
        .collect()
}

/// What stands in one language only is refused: somebody would read it in the other.
fn both(id: &str, column: &str, de: String, en: String) -> Result<Both<String>, String> {
    if de.is_empty() == en.is_empty() {
        Ok(Both { de, en })
    } else {
        Err(format!("{id}: {column} stands in one language only"))
    }
}

fn obligation(row: Row) -> Result<Obligation, String> {
    let starts = row
        .on
        .split(';')
        .filter(|word| !word.is_empty())
        .map(|word| match word.strip_prefix("sent:") {
            Some(id) => id.parse().map(Start::Sent),
            None => word.parse().map(Start::Known),
        })
        .collect::<Result<BTreeSet<Start>, String>>()?;
    let regime = match row.services.strip_prefix('!') {
        Some(rest) => Regime::Except(set(rest)?),
        None if row.services.is_empty() => Regime::All,
        None => Regime::Only(set(&row.services)?),
    };
    let period: Period = row.due.parse()?;
    let timeless = matches!(period, Period::Rule | Period::Permanent | Period::Calendar);
    if timeless != starts.is_empty() {
        return Err(format!(
            "{}: a clock needs both a start and a period, what is no clock neither",
            row.id
        ));
    }
    let who: BTreeSet<PersonKind> = set(&row.who)?;
    if who.is_empty() {
        return Err(format!("{}: nobody's duty", row.id));
    }
    let id = row.id.clone();
    let both = |column, de, en| both(&id, column, de, en);
    let unverified = both("unverified", row.unverified_de, row.unverified)?;
    Ok(Obligation {
        id: row.id.parse()?,
        of: row.of.parse()?,
        who,
        starts,
        regime,
        period,
        unverified: Some(unverified).filter(|both| !both.de.is_empty()),
        title: both("title", row.title_de, row.title)?,
        legal_basis: both("legal_basis", row.legal_basis_de, row.legal_basis)?,
        recipient: both("recipient", row.recipient_de, row.recipient)?,
        channel: both("channel", row.channel_de, row.channel)?,
        content: both("content", row.content_de, row.content)?,
        status: both("status", row.status_de, row.status)?,
        source: both("source", row.source_de, row.source)?,
        noted: Noted {
            applies_to: row.applies_to,
            trigger: row.trigger,
            clock_start: row.clock_start,
            deadline: row.deadline,
            follow_up: row.follow_up,
        },
    })
}
