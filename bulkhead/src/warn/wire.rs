//! What the warning process, the control room and the doors say to each other about signals and standing orders.

use evidence::room::{IncidentClosed, IncidentOpened, IncidentUpdated, RoomEntry, SignalSeen};
use order::{StandingOrder, Text, UseNumber};
use serde::{Deserialize, Serialize};
use vocabulary::{IncidentId, PersonId, StatementId, Timestamp};

/// Most sayings in one message.
pub const SAYINGS_MAX: usize = 200;
/// Characters of one half of a text in two languages, so that both together fit into a [`Text`].
const HALF_CHARS: usize = 246;

/// One thing for the journal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Saying {
    /// Something looked wrong.
    Signal(SignalSeen),
    /// A new incident.
    Opened(IncidentOpened),
    /// Something new about one.
    Updated(IncidentUpdated),
    /// It is over.
    Closed(IncidentClosed),
}

impl Saying {
    /// Whose word it claims to be. Nothing that is said here is a person's.
    #[must_use]
    pub const fn by(&self) -> Option<&PersonId> {
        match self {
            Self::Signal(body) => body.by.as_ref(),
            Self::Opened(body) => body.by.as_ref(),
            Self::Updated(body) => body.by.as_ref(),
            Self::Closed(body) => body.by.as_ref(),
        }
    }
}

impl From<Saying> for RoomEntry {
    fn from(saying: Saying) -> Self {
        match saying {
            Saying::Signal(body) => body.into(),
            Saying::Opened(body) => body.into(),
            Saying::Updated(body) => body.into(),
            Saying::Closed(body) => body.into(),
        }
    }
}

/// What the warning process tells. Safe to repeat: what the journal has is not written again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Told {
    /// In this order; at most [`SAYINGS_MAX`].
    pub sayings: Vec<Saying>,
}

/// What became of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Taken {
    /// Written now.
    pub written: usize,
    /// Known already.
    pub known: usize,
}

/// A standing order in force.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// The statement.
    pub id: StatementId,
    /// What it says.
    pub body: StandingOrder,
}

/// An incident that a person closed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClosedBy {
    /// Which.
    pub incident: IncidentId,
    /// Who.
    pub by: PersonId,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub why: Text,
}

/// What the control room knows that warning needs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InForce {
    /// Standing orders that were admitted, not withdrawn, and have not expired by the room's clock.
    pub orders: Vec<Order>,
    /// Incidents persons closed within the last days.
    pub closed: Vec<ClosedBy>,
}

/// When a pre-signed order was used at the doors of one process.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsesReply {
    /// The count of each use, and when, by the doors' clock.
    pub uses: Vec<(UseNumber, Timestamp)>,
}

/// A text in both languages, each cut to fit; none where nothing printable is left.
#[must_use]
pub fn both(de: &str, en: &str) -> Option<Text> {
    Text::new(&format!("{} / {}", half(de), half(en))).ok()
}

/// As [`both`], for a text in one language, as a person wrote it.
#[must_use]
pub fn one(text: &str) -> Option<Text> {
    Text::new(&cut(text, 2 * HALF_CHARS)).ok()
}

fn half(text: &str) -> String {
    cut(text, HALF_CHARS)
}

fn cut(text: &str, most: usize) -> String {
    // Beside a letter, for a space alone is no text.
    let printable = |c: char| Text::new(&format!("a{c}a")).is_ok();
    let mut kept: String = text.chars().filter(|c| printable(*c)).take(most + 1).collect();
    if let Some((at, _)) = kept.char_indices().nth(most) {
        kept.truncate(at);
        kept.pop();
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_fits_and_keeps_both_languages() {
        let long = "ä".repeat(1000);
        let text = both(&long, "a\u{202e} b\nc").unwrap();
        assert!(text.as_str().ends_with("… / a bc"), "{}", text.as_str());
        assert!(text.as_str().chars().count() <= 500);
        assert!(one("\n").is_none());
    }
}
