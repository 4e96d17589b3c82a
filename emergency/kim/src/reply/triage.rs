//! The view before a release: which codes, how many, how old, and what answering now does to practices (TA KP5-09, P5).

use std::collections::BTreeMap;
use vocabulary::{Seconds, Timestamp};

use super::{After, Code, Proposed};

/// Upper ends of the age classes; the last class is older.
pub const AGES: [Seconds; 4] = [
    Seconds(3_600),
    Seconds(86_400),
    Seconds(3 * 86_400),
    Seconds(14 * 86_400),
];
/// A practice's system that heard nothing for a day has long counted the mail as delivered.
const LATE: Seconds = Seconds(86_400);

/// One code's share.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// The code.
    pub code: Code,
    /// How many answers are proposed.
    pub count: usize,
    /// How many of them in each class of [`AGES`], the older ones last.
    pub ages: [usize; 5],
    /// How long the oldest mail has waited.
    pub oldest: Seconds,
    /// What practices would have to do; `None` for codes that are never answered.
    pub after: Option<After>,
}

/// All rows, by number of the code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Triage {
    /// The rows.
    pub rows: Vec<Row>,
}

/// Counts proposals.
#[must_use]
pub fn triage<'a>(proposed: impl IntoIterator<Item = &'a Proposed>, now: Timestamp) -> Triage {
    let mut rows = BTreeMap::<u16, Row>::new();
    for proposal in proposed {
        let age = now.since(proposal.arrived);
        let row = rows.entry(proposal.code.number()).or_insert_with(|| Row {
            code: proposal.code,
            count: 0,
            ages: [0; 5],
            oldest: Seconds(0),
            after: proposal.code.releasable().ok().map(super::Releasable::after),
        });
        row.count += 1;
        row.oldest = row.oldest.max(age);
        let class = AGES.iter().position(|end| age <= *end).unwrap_or(AGES.len());
        if let Some(count) = row.ages.get_mut(class) {
            *count += 1;
        }
    }
    Triage {
        rows: rows.into_values().collect(),
    }
}

impl Triage {
    /// How many answers would leave if everything that may be released were.
    #[must_use]
    pub fn answers(&self) -> usize {
        self.rows
            .iter()
            .filter(|row| row.after.is_some())
            .map(|row| row.count)
            .sum()
    }

    /// How many are never answered: our key was missing.
    #[must_use]
    pub fn never(&self) -> usize {
        self.rows
            .iter()
            .filter(|row| row.after.is_none())
            .map(|row| row.count)
            .sum()
    }
}

impl Row {
    /// What releasing this row would do, German first.
    #[must_use]
    pub fn effect(&self) -> &'static str {
        match (self.after, self.oldest > LATE) {
            (None, _) => {
                "Wird nie beantwortet: uns fehlte der Schlüssel. Die Nachrichten bleiben liegen und werden später gelesen. / Never answered: our key was missing. The mails are held and read later."
            }
            (Some(After::IssueAgain), false) => {
                "Praxen müssen neu ausstellen und neu signieren. / Practices have to issue and sign again."
            }
            (Some(After::IssueAgain), true) => {
                "Praxen müssen neu ausstellen und neu signieren, obwohl sie die Bescheinigung seit mehr als einem Tag für zugestellt halten; Patienten müssen vielleicht wiederkommen. / Practices have to issue and sign again, although they have counted the note as delivered for more than a day; patients may have to come back."
            }
            (Some(After::SendAgain), false) => {
                "Praxen senden dieselbe Datei erneut. / Practices send the same file again."
            }
            (Some(After::SendAgain), true) => {
                "Praxen senden dieselbe Datei erneut; sie halten sie seit mehr als einem Tag für zugestellt. / Practices send the same file again; they have counted it as delivered for more than a day."
            }
        }
    }
}
