//! What a person may do.

use core::fmt;
use serde::{Deserialize, Serialize};

/// A role in the charter. What each may do is DESIGN section 5; thresholds are in the charter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// May change the charter.
    Root,
    /// May close alone, and open together with others.
    Commander,
    /// May state, with others, what was examined and found.
    Examiner,
    /// Leads the return; proposes openings, opens nothing alone.
    RestorationLead,
    /// May say yes for one insurer.
    InsurerConsent,
    /// May say no for one insurer.
    InsurerRefuse,
}

impl Role {
    /// The role in German and English, for screens.
    #[must_use]
    pub const fn in_words(self) -> (&'static str, &'static str) {
        match self {
            Self::Root => ("Wurzelschlüssel", "root"),
            Self::Commander => ("Einsatzleitung", "commander"),
            Self::Examiner => ("Forensik", "examiner"),
            Self::RestorationLead => ("Wiederanlauf", "restoration lead"),
            Self::InsurerConsent => ("Zustimmung der Kasse", "insurer's consent"),
            Self::InsurerRefuse => ("Ablehnung der Kasse", "insurer's refusal"),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.in_words().1)
    }
}
