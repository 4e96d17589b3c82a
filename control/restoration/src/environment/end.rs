//! When the end may be declared: criteria, backlog, and what was set up for the time of the incident only.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use vocabulary::PersonId;

use crate::{situation::Items, words::Words};

/// What must be nothing before an environment is normal again (R20: backlog is part of recovery).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Remains {
    /// Items held, in doubt or parked.
    pub backlog: Items,
    /// The register of temporary things: emergency routes, observation tools, extra accounts, private addresses.
    pub temporary: BTreeSet<Temporary>,
    /// The checklist.
    pub checklist: Checklist,
}

/// Something set up for the time of the incident, to be taken down before its end (DER.2.3.A6).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Temporary(pub String);

/// What has to be true before the end may be declared.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Criterion {
    /// The clean-up strategy rests on forensic results, backups were checked (DER.2.3.A2, RC.RP-03).
    Strategy,
    /// Credentials and keys were changed after isolation (DER.2.3.A4).
    Credentials,
    /// The way in was found and closed (DER.2.3.A5).
    EntryClosed,
    /// Systems were hardened and checked again (DER.2.3.A7).
    Hardened,
    /// The documents are complete (RC.RP-06).
    Documents,
}

impl Criterion {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Strategy,
        Self::Credentials,
        Self::EntryClosed,
        Self::Hardened,
        Self::Documents,
    ];

    /// In words, with its id.
    #[must_use]
    pub fn words(self) -> Words {
        match self {
            Self::Strategy => Words::new(
                "Strategie auf Forensik gestützt, Sicherungen geprüft (DER.2.3.A2)",
                "strategy based on forensic results, backups checked (DER.2.3.A2)",
            ),
            Self::Credentials => Words::new(
                "Zugangsdaten und Schlüssel geändert (DER.2.3.A4)",
                "credentials and keys changed (DER.2.3.A4)",
            ),
            Self::EntryClosed => Words::new(
                "Einbruchsweg geschlossen (DER.2.3.A5)",
                "way in closed (DER.2.3.A5)",
            ),
            Self::Hardened => Words::new(
                "Systeme gehärtet und nachgeprüft (DER.2.3.A7)",
                "systems hardened and checked again (DER.2.3.A7)",
            ),
            Self::Documents => Words::new(
                "Unterlagen vollständig (RC.RP-06)",
                "documents complete (RC.RP-06)",
            ),
        }
    }
}

/// How a criterion came out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Outcome {
    /// Met.
    Met {
        /// Who said so.
        by: PersonId,
    },
    /// Does not apply here.
    DoesNotApply {
        /// Who said so.
        by: PersonId,
        /// Why not.
        because: String,
    },
}

/// The criteria with an outcome; those without one are open.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Checklist(pub BTreeMap<Criterion, Outcome>);

impl Checklist {
    /// Criteria nobody answered.
    #[must_use]
    pub fn open(&self) -> BTreeSet<Criterion> {
        Criterion::ALL
            .into_iter()
            .filter(|criterion| !self.0.contains_key(criterion))
            .collect()
    }
}

impl Remains {
    /// What still remains, in words.
    pub(super) fn open(&self) -> Vec<Words> {
        let mut open = Vec::new();
        if self.backlog != Items(0) {
            open.push(Words::new(
                format!("Rückstand leer ({} offen)", self.backlog.0),
                format!("empty backlog ({} left)", self.backlog.0),
            ));
        }
        for thing in &self.temporary {
            open.push(Words::new(
                format!("Vorläufiges entfernen: {}", thing.0),
                format!("remove what is temporary: {}", thing.0),
            ));
        }
        open.extend(self.checklist.open().into_iter().map(Criterion::words));
        open
    }
}
