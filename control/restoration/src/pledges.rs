//! What people promised about the return, kept and scored. A forecast is arithmetic; a pledge is somebody's word.
//!
//! "In the next few days" was wrong and remembered (2022, 2021): so a pledge is a range under a condition, carries who
//! gave it and when, is never deleted, and a later one does not unsay it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use vocabulary::{CellId, InsurerId, PersonId, Seconds, Timestamp};

use crate::words::{Lang, Words, dative, minute, says, span};

/// What a pledge is about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    /// One cell.
    Cell(CellId),
    /// Everything of one insurer.
    Insurer(InsurerId),
}

/// A person's word: this will be up, from then to then, if.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Said {
    written: Written,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    about: About,
    from: Timestamp,
    to: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    condition: Option<String>,
    by: PersonId,
    at: Timestamp,
}

/// Why words are no pledge.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoPledge {
    /// The range ends before it begins.
    #[error("Die Spanne endet vor ihrem Beginn. / The range ends before it begins.")]
    Backwards,
    /// It ends before it was said.
    #[error("Die Spanne liegt in der Vergangenheit. / The range lies in the past.")]
    Past,
    /// The condition is empty or longer than a sentence.
    #[error(
        "Die Bedingung ist leer oder länger als {CONDITION_CHARS_MAX} Zeichen. / The condition is empty or longer than {CONDITION_CHARS_MAX} characters."
    )]
    Condition,
}

/// Longest condition, in characters: a sentence somebody can check.
pub const CONDITION_CHARS_MAX: usize = 500;

impl Said {
    /// Takes somebody's word.
    ///
    /// # Errors
    /// [`NoPledge`] when it cannot be scored.
    pub fn new(
        about: About,
        (from, to): (Timestamp, Timestamp),
        condition: Option<String>,
        by: PersonId,
        at: Timestamp,
    ) -> Result<Self, NoPledge> {
        Self::try_from(Written {
            about,
            from,
            to,
            condition,
            by,
            at,
        })
    }

    /// What it is about.
    #[must_use]
    pub const fn about(&self) -> &About {
        &self.written.about
    }

    /// Not before, and not after.
    #[must_use]
    pub const fn range(&self) -> (Timestamp, Timestamp) {
        (self.written.from, self.written.to)
    }

    /// Under which condition, if any.
    #[must_use]
    pub fn condition(&self) -> Option<&str> {
        self.written.condition.as_deref()
    }

    /// Who said it.
    #[must_use]
    pub const fn by(&self) -> &PersonId {
        &self.written.by
    }

    /// When it was said.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.written.at
    }

    /// In both languages.
    #[must_use]
    pub fn words(&self) -> Words {
        let about = match self.about() {
            About::Cell(cell) => cell.to_string(),
            About::Insurer(insurer) => insurer.to_string(),
        };
        let (from, to) = (minute(self.written.from), minute(self.written.to));
        let (by, at) = (self.by(), minute(self.written.at));
        let (de, en) = self
            .condition()
            .map(|text| (format!(", wenn {text}"), format!(", if {text}")))
            .unwrap_or_default();
        says!(
            "{about}: zwischen {from} und {to}{de} (zugesagt von {by} am {at})",
            "{about}: between {from} and {to}{en} (said by {by} at {at})"
        )
    }
}

impl TryFrom<Written> for Said {
    type Error = NoPledge;
    fn try_from(written: Written) -> Result<Self, NoPledge> {
        if written.to < written.from {
            return Err(NoPledge::Backwards);
        }
        if written.to < written.at {
            return Err(NoPledge::Past);
        }
        let fits = written
            .condition
            .as_ref()
            .is_none_or(|text| !text.trim().is_empty() && text.chars().count() <= CONDITION_CHARS_MAX);
        if fits {
            Ok(Self { written })
        } else {
            Err(NoPledge::Condition)
        }
    }
}

impl From<Said> for Written {
    fn from(said: Said) -> Self {
        said.written
    }
}

/// What became of a pledge's condition.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Met {
    /// It held, there was none, or nobody has said otherwise.
    Yes,
    /// It did not hold.
    No,
}

/// How a pledge came out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Score {
    /// Its time is not over.
    Open,
    /// Accepted by the end of its range. Earlier than promised is kept.
    Kept,
    /// Accepted, but later.
    Late {
        /// By how much.
        by: Seconds,
    },
    /// Its time is over and nothing was accepted.
    Broken {
        /// For how long already.
        since: Seconds,
    },
    /// Its condition did not hold, so it neither was kept nor broken.
    ConditionNotMet,
}

impl Score {
    /// In both languages.
    #[must_use]
    pub fn words(self) -> Words {
        match self {
            Self::Open => says!("offen", "open"),
            Self::Kept => says!("gehalten", "kept"),
            Self::Late { by } => {
                let (de, en) = (span(by, Lang::De), span(by, Lang::En));
                says!("verspätet um {de}", "late by {en}")
            }
            Self::Broken { since } => {
                let (de, en) = (dative(span(since, Lang::De)), span(since, Lang::En));
                says!("gebrochen, überfällig seit {de}", "broken, overdue for {en}")
            }
            Self::ConditionNotMet => says!("Bedingung nicht eingetreten", "condition not met"),
        }
    }
}

/// Scores one pledge. `accepted` is when the insurer accepted what it is about (the last of its cells, for an insurer),
/// which is what "up" means.
#[must_use]
pub fn score(said: &Said, accepted: Option<Timestamp>, met: Met, now: Timestamp) -> Score {
    let to = said.written.to;
    match (accepted, met) {
        (Some(accepted), _) if accepted <= to => Score::Kept,
        (_, Met::No) => Score::ConditionNotMet,
        (Some(accepted), Met::Yes) => Score::Late {
            by: accepted.since(to),
        },
        (None, Met::Yes) if now <= to => Score::Open,
        (None, Met::Yes) => Score::Broken { since: now.since(to) },
    }
}

/// How many pledges came out how.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tally {
    /// Still open.
    pub open: u32,
    /// Kept.
    pub kept: u32,
    /// Late.
    pub late: u32,
    /// Broken.
    pub broken: u32,
    /// Condition not met.
    pub condition_not_met: u32,
    /// The longest delay of those that came late.
    pub worst: Seconds,
}

impl Tally {
    /// Adds one score.
    pub fn add(&mut self, score: Score) {
        let count = match score {
            Score::Open => &mut self.open,
            Score::Kept => &mut self.kept,
            Score::Late { by } => {
                self.worst = self.worst.max(by);
                &mut self.late
            }
            Score::Broken { .. } => &mut self.broken,
            Score::ConditionNotMet => &mut self.condition_not_met,
        };
        *count = count.saturating_add(1);
    }
}

/// Tallies by person: whose word stands how well.
#[must_use]
pub fn by_person<'a>(scored: impl IntoIterator<Item = (&'a Said, Score)>) -> BTreeMap<&'a PersonId, Tally> {
    let mut tallies: BTreeMap<&PersonId, Tally> = BTreeMap::new();
    for (said, score) in scored {
        tallies.entry(said.by()).or_default().add(score);
    }
    tallies
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(from: i64, to: i64) -> Result<Said, NoPledge> {
        Said::new(
            About::Cell("kasse-001/eau".parse().unwrap()),
            (Timestamp(from), Timestamp(to)),
            Some("die Freigabe bleibt".to_owned()),
            "ada".parse().unwrap(),
            Timestamp(100),
        )
    }

    #[test]
    fn every_outcome_is_told_apart() {
        let word = said(1_000, 2_000).unwrap();
        let at = |t| Some(Timestamp(t));
        for (accepted, met, now, expected) in [
            (None, Met::Yes, 2_000, Score::Open),
            (at(900), Met::Yes, 2_500, Score::Kept),
            (at(2_000), Met::No, 2_500, Score::Kept),
            (at(2_060), Met::Yes, 2_500, Score::Late { by: Seconds(60) }),
            (at(2_060), Met::No, 2_500, Score::ConditionNotMet),
            (None, Met::Yes, 2_001, Score::Broken { since: Seconds(1) }),
            (None, Met::No, 1_500, Score::ConditionNotMet),
        ] {
            assert_eq!(score(&word, accepted, met, Timestamp(now)), expected);
        }
    }

    #[test]
    fn what_cannot_be_scored_is_no_pledge() {
        assert_eq!(said(2_000, 1_000), Err(NoPledge::Backwards));
        assert_eq!(said(10, 99), Err(NoPledge::Past));
        let text = serde_json::to_string(&said(1_000, 2_000).unwrap()).unwrap();
        assert_eq!(
            serde_json::from_str::<Said>(&text).unwrap(),
            said(1_000, 2_000).unwrap()
        );
        let backwards = text.replace("2000", "200");
        assert!(serde_json::from_str::<Said>(&backwards).is_err(), "{backwards}");
    }

    #[test]
    fn tallies_are_kept_by_person() {
        let word = said(1_000, 2_000).unwrap();
        let scores = [
            Score::Kept,
            Score::Late { by: Seconds(5) },
            Score::Late { by: Seconds(9) },
        ];
        let tallies = by_person(scores.map(|score| (&word, score)));
        let tally = tallies.values().next().unwrap();
        assert_eq!(
            (tallies.len(), tally.kept, tally.late, tally.worst),
            (1, 1, 2, Seconds(9))
        );
    }
}
