//! What may leave an emergency environment: answers that a person released one by one, or that a signed policy
//! releases by their code.

use alloc::{collections::BTreeSet, format, string::String, vec::Vec};
use core::{fmt, num::NonZeroU32};
use serde::{Deserialize, Serialize};
use vocabulary::{CellId, Digest, EnvironmentId, EstateId, InsurerId, PayloadType, Timestamp};

use crate::{
    body::{BadBody, Body, at_most},
    text::Text,
};

/// Most mails one statement releases: what a person can look through before signing.
const MAILS_MAX: usize = 4_096;
/// Most cells of one policy: an insurer's services.
const CELLS_MAX: usize = 64;
/// Most kinds of answers of one policy: the codes there are, and some to come.
const ANSWERS_MAX: usize = 64;
/// Longest life of a release of single mails: they are sent within days.
const MAILS_LIFE_SECS_MAX: u64 = 7 * 24 * 3600;
/// Longest life of a policy: as long as the longest clearance of an emergency environment.
const POLICY_LIFE_SECS_MAX: u64 = 90 * 24 * 3600;

/// The code of an error mail of an insurer (eAU `Fehler-Kasse`, eEB `Fehler`): three digits.
///
/// 313 and 314 (the insurer cannot decrypt) are no values of this type: in April 2023 they told practices to send again
/// or on paper what had arrived whole, and a missing key of ours is never the sender's fault (MAIL-1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct AnswerCode(u16);

/// A number that is no code anybody may release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadAnswerCode {
    /// Not three digits.
    #[error("{0} ist kein Fehlercode (100 bis 999). / {0} is no error code (100 to 999).")]
    NoCode(u16),
    /// Caused by a key of ours.
    #[error(
        "{0} hieße, dass uns ein Schlüssel fehlt; diese Antwort kann niemand freigeben. / {0} would mean that a key of ours is missing; nobody can release this answer."
    )]
    MissingKey(u16),
}

impl TryFrom<u16> for AnswerCode {
    type Error = BadAnswerCode;
    fn try_from(code: u16) -> Result<Self, BadAnswerCode> {
        match code {
            313 | 314 => Err(BadAnswerCode::MissingKey(code)),
            100..=999 => Ok(Self(code)),
            _ => Err(BadAnswerCode::NoCode(code)),
        }
    }
}

impl From<AnswerCode> for u16 {
    fn from(code: AnswerCode) -> Self {
        code.0
    }
}

/// What kind of answer a mail is, as far as a door can see without reading it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Answer {
    /// An error mail with this code.
    Error(AnswerCode),
    /// A proof of insurance (eEB `Bescheinigung`).
    Certificate,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(code) => write!(f, "{}", code.0),
            Self::Certificate => f.write_str("eEB"),
        }
    }
}

/// One mail that may leave.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReleasedMail {
    /// The cell it answers for.
    pub cell: CellId,
    /// SHA-256 of the exact bytes that leave.
    pub mail: Digest,
    /// What it says.
    pub answer: Answer,
}

/// What is released.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Releases {
    /// Exactly these mails; somebody looked at each.
    Mails(Vec<ReleasedMail>),
    /// Every answer of these kinds, so many a day at each door process.
    Policy {
        /// The cells it answers for.
        cells: BTreeSet<CellId>,
        /// The kinds of answers.
        answers: BTreeSet<Answer>,
        /// Most mails within 24 hours: a fault in a rule must not answer every practice of a country.
        per_day_max: NonZeroU32,
    },
}

/// Payload of an `answer-release` statement, by one of the insurer's consent persons: what may leave the emergency
/// environment that reads its mail. It is taken back by a refusal of this statement.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AnswerRelease {
    /// The estate.
    pub estate: EstateId,
    /// In whose name is answered.
    pub insurer: InsurerId,
    /// The emergency environment the answers come from.
    pub environment: EnvironmentId,
    /// What is released.
    pub releases: Releases,
    /// Why.
    pub reason: Text,
    /// When it was written.
    pub issued: Timestamp,
    /// Releases nothing after this instant.
    pub expires: Timestamp,
}

impl AnswerRelease {
    /// The cells it speaks about.
    #[must_use]
    pub fn cells(&self) -> BTreeSet<&CellId> {
        match &self.releases {
            Releases::Mails(mails) => mails.iter().map(|mail| &mail.cell).collect(),
            Releases::Policy { cells, .. } => cells.iter().collect(),
        }
    }
}

impl Body for AnswerRelease {
    const KIND: PayloadType = PayloadType::AnswerRelease;
    const BYTES_MAX: usize = 1024 * 1024;

    fn check(&self) -> Result<(), BadBody> {
        let life_max = match &self.releases {
            Releases::Mails(mails) => {
                at_most("Antworten", "answers", mails.len(), MAILS_MAX)?;
                MAILS_LIFE_SECS_MAX
            }
            Releases::Policy { cells, answers, .. } => {
                at_most("Zellen", "cells", cells.len(), CELLS_MAX)?;
                at_most(
                    "Arten von Antworten",
                    "kinds of answers",
                    answers.len(),
                    ANSWERS_MAX,
                )?;
                if answers.is_empty() {
                    return Err(names_nothing());
                }
                POLICY_LIFE_SECS_MAX
            }
        };
        let cells = self.cells();
        if cells.is_empty() {
            return Err(names_nothing());
        }
        if let Some(other) = cells.iter().find(|cell| cell.insurer != self.insurer) {
            let insurer = &self.insurer;
            return Err(BadBody::contradiction(
                format!("Die Kasse {insurer} kann nicht für {other} antworten."),
                format!("Insurer {insurer} cannot answer for {other}."),
            ));
        }
        if self.expires <= self.issued || self.expires.since(self.issued).0 > life_max {
            return Err(BadBody::contradiction(
                format!("Eine solche Freigabe gilt höchstens {life_max} s."),
                format!("Such a release lasts {life_max} s at most."),
            ));
        }
        Ok(())
    }
}

fn names_nothing() -> BadBody {
    BadBody::contradiction(
        String::from("Die Freigabe nennt keine Antwort."),
        String::from("The release names no answer."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn release(releases: Releases) -> AnswerRelease {
        AnswerRelease {
            estate: "klein".parse().unwrap(),
            insurer: "kasse-001".parse().unwrap(),
            environment: "notbetrieb-kim".parse().unwrap(),
            releases,
            reason: Text::try_from(String::from("geprüft / looked at")).unwrap(),
            issued: Timestamp(1_000),
            expires: Timestamp(2_000),
        }
    }

    fn mail(cell: &str) -> ReleasedMail {
        ReleasedMail {
            cell: cell.parse().unwrap(),
            mail: Digest::of(b"mail"),
            answer: Answer::Error(AnswerCode::try_from(105).unwrap()),
        }
    }

    #[test]
    fn what_a_missing_key_would_say_cannot_even_be_written_down() {
        for code in [313, 314] {
            assert_eq!(AnswerCode::try_from(code), Err(BadAnswerCode::MissingKey(code)));
        }
        for code in [0, 99, 1000] {
            assert_eq!(AnswerCode::try_from(code), Err(BadAnswerCode::NoCode(code)));
        }
        let mut text = serde_json::to_string(&release(Releases::Mails(vec![mail("kasse-001/eau")]))).unwrap();
        assert!(serde_json::from_str::<AnswerRelease>(&text).is_ok());
        text = text.replace("105", "313");
        assert!(serde_json::from_str::<AnswerRelease>(&text).is_err(), "{text}");
    }

    #[test]
    fn a_release_names_something_of_its_own_insurer_and_ends_soon() {
        let policy = |cells: &[&str], answers: &[u16]| Releases::Policy {
            cells: cells.iter().map(|cell| cell.parse().unwrap()).collect(),
            answers: answers
                .iter()
                .map(|code| Answer::Error(AnswerCode::try_from(*code).unwrap()))
                .collect(),
            per_day_max: NonZeroU32::MIN,
        };
        assert!(
            release(Releases::Mails(vec![mail("kasse-001/eau")]))
                .draft()
                .is_ok()
        );
        assert!(release(policy(&["kasse-001/eau"], &[105])).draft().is_ok());
        for bad in [
            Releases::Mails(Vec::new()),
            Releases::Mails(vec![mail("kasse-002/eau")]),
            Releases::Mails(vec![mail("kasse-001/eau"); MAILS_MAX + 1]),
            policy(&[], &[105]),
            policy(&["kasse-001/eau"], &[]),
            policy(&["kasse-001/eau", "kasse-002/eau"], &[105]),
        ] {
            assert!(release(bad.clone()).draft().is_err(), "{bad:?}");
        }
        for expires in [1_000, 1_001 + 7 * 24 * 3600] {
            let mut long = release(Releases::Mails(vec![mail("kasse-001/eau")]));
            long.expires = Timestamp(expires);
            assert!(long.draft().is_err());
        }
    }
}
