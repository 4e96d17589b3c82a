//! Which rules hold: the version a document claims, and the day of the mail that brought it.

use jiff::civil::{Date, date};
use serde::{Deserialize, Serialize};

/// A version of the rules.
///
/// Source: Technische Anlage eAU 1.26, P5-08; intervals of the reference validator. Decisive is the mail's `Date`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Version {
    /// Until the end of 2023. Only error messages of this version can still be read here.
    #[serde(rename = "1.0.2")]
    V1_0_2,
    /// Until 31 March 2026.
    #[serde(rename = "1.1.0")]
    V1_1_0,
    /// From 1 October 2025; documents say `|1.2`, as those of 1.2.1 do.
    #[serde(rename = "1.2.0")]
    V1_2_0,
    /// From 27 January 2026.
    #[serde(rename = "1.2.1")]
    V1_2_1,
}

/// How a document's claim and a day fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Accepted on that day.
    InForce(Version),
    /// Was accepted once.
    Retired(Version),
    /// Not yet accepted on that day.
    Early(Version),
}

impl Standing {
    pub(crate) fn version(self) -> Version {
        match self {
            Self::InForce(version) | Self::Retired(version) | Self::Early(version) => version,
        }
    }
}

impl Version {
    /// What documents write after the bar.
    #[must_use]
    pub fn claim(self) -> &'static str {
        match self {
            Self::V1_0_2 => "1.0.2",
            Self::V1_1_0 => "1.1.0",
            Self::V1_2_0 | Self::V1_2_1 => "1.2",
        }
    }

    /// First and last day on which mails of this version are accepted.
    #[must_use]
    pub fn days(self) -> (Date, Option<Date>) {
        match self {
            Self::V1_0_2 => (date(2021, 7, 1), Some(date(2023, 12, 31))),
            Self::V1_1_0 => (date(2023, 7, 1), Some(date(2026, 3, 31))),
            Self::V1_2_0 => (date(2025, 10, 1), Some(date(2026, 1, 26))),
            Self::V1_2_1 => (date(2026, 1, 27), None),
        }
    }

    /// The canonical address of a profile in this version, as documents claim it.
    #[must_use]
    pub fn profile(self, name: &str) -> String {
        format!("https://fhir.kbv.de/StructureDefinition/{name}|{}", self.claim())
    }

    /// The rules for a claim on a day; without a day, the newest that fit the claim.
    pub(crate) fn standing(claim: &str, on: Option<Date>) -> Option<Standing> {
        let versions: &[Self] = match claim {
            "1.0.2" => &[Self::V1_0_2],
            "1.1.0" => &[Self::V1_1_0],
            "1.2" => &[Self::V1_2_0, Self::V1_2_1],
            _ => return None,
        };
        let newest = versions.last().copied()?;
        let Some(on) = on else {
            return Some(Standing::InForce(newest));
        };
        let holds = |version: &Self| {
            let (from, until) = version.days();
            from <= on && until.is_none_or(|until| on <= until)
        };
        if let Some(version) = versions.iter().copied().find(holds) {
            return Some(Standing::InForce(version));
        }
        let first = versions.first().copied()?;
        Some(if on < first.days().0 {
            Standing::Early(first)
        } else {
            Standing::Retired(newest)
        })
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::V1_0_2 => "1.0.2",
            Self::V1_1_0 => "1.1.0",
            Self::V1_2_0 => "1.2.0",
            Self::V1_2_1 => "1.2.1",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mails_day_decides() {
        use Standing::{Early, InForce, Retired};
        let cases = [
            ("1.2", Some(date(2026, 1, 26)), Some(InForce(Version::V1_2_0))),
            ("1.2", Some(date(2026, 1, 27)), Some(InForce(Version::V1_2_1))),
            ("1.2", Some(date(2025, 9, 30)), Some(Early(Version::V1_2_0))),
            ("1.2", None, Some(InForce(Version::V1_2_1))),
            ("1.1.0", Some(date(2026, 3, 31)), Some(InForce(Version::V1_1_0))),
            ("1.1.0", Some(date(2026, 4, 1)), Some(Retired(Version::V1_1_0))),
            ("1.0.2", Some(date(2024, 1, 1)), Some(Retired(Version::V1_0_2))),
            ("1.2.1", Some(date(2026, 5, 1)), None),
            ("9", None, None),
        ];
        for (claim, on, expected) in cases {
            assert_eq!(Version::standing(claim, on), expected, "{claim} {on:?}");
        }
    }
}
