//! What we have said in public, on what it rests, and what corrects it.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use vocabulary::{Role, Timestamp};

use crate::{text::Sentence, words::Lang};

/// Names a claim: 1 to 64 of `a-z 0-9 -`, first a letter or digit.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ClaimId(String);

/// A claim's name that breaks the rule for names.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "Der Name einer Aussage besteht aus 1 bis 64 Zeichen a-z, 0-9, '-'. / A claim's name is 1 to 64 of a-z, 0-9, '-'."
)]
pub struct BadClaimId;

impl ClaimId {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClaimId {
    type Err = BadClaimId;
    fn from_str(text: &str) -> Result<Self, BadClaimId> {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let good = (1..=64).contains(&text.len()) && !text.starts_with('-') && text.bytes().all(fits);
        if good {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadClaimId)
        }
    }
}

impl fmt::Display for ClaimId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for ClaimId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ClaimId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// One public statement. It is never deleted; a later claim corrects it and both stay visible.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Its name.
    pub id: ClaimId,
    /// The sentence in German. For [`ClaimGrade::NotKnownYet`]: what we do not know.
    pub de: Sentence,
    /// The sentence in English.
    pub en: Sentence,
    /// On what it rests.
    pub grade: ClaimGrade,
    /// When it was said.
    pub said_at: Timestamp,
    /// In which role, never by which person.
    pub by_role: Role,
    /// When we look at it again at the latest.
    pub review_by: Timestamp,
    /// The claim it corrects, if any.
    #[serde(default)]
    pub corrects: Option<ClaimId>,
}

impl Claim {
    /// The sentence in one language.
    #[must_use]
    pub const fn text(&self, lang: Lang) -> &Sentence {
        match lang {
            Lang::De => &self.de,
            Lang::En => &self.en,
        }
    }
}

/// On what a claim rests.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClaimGrade {
    /// We saw or measured it.
    Observed,
    /// We conclude it from what we saw.
    Assessed,
    /// We take it to be so without having checked.
    Assumed,
    /// We do not know it yet, and say so.
    NotKnownYet,
}

/// How a claim stands at the time of the sheet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing<'a> {
    /// It holds.
    Current,
    /// It should have been looked at again and was not.
    Overdue,
    /// A later claim corrects it.
    Corrected(&'a Claim),
}
