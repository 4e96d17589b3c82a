//! Why a cell or root waits: typed, and readable in both languages.

use core::fmt;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use vocabulary::{EnvironmentId, InsurerId, ServiceId, Timestamp};

use crate::{
    environment::State,
    situation::{Count, RootId},
    words::{Words, minute, says},
};

/// One thing that is missing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(
    tag = "missing",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Missing {
    /// A root it stands on is not up, and no wave of the plan brings it up.
    Root {
        /// The root.
        root: RootId,
    },
    /// A root's start failed.
    RootFailed {
        /// The root.
        root: RootId,
        /// Why.
        reason: String,
    },
    /// No clearance speaks for the environment.
    Clearance {
        /// The environment.
        environment: EnvironmentId,
        /// Examiners who signed.
        signed: Count,
        /// Examiners who must sign.
        threshold: Count,
    },
    /// The clearance was withdrawn.
    ClearanceWithdrawn {
        /// The environment.
        environment: EnvironmentId,
    },
    /// The clearance opens nothing any more.
    ClearanceOver {
        /// The environment.
        environment: EnvironmentId,
        /// Since when.
        at: Timestamp,
    },
    /// The limited clearance does not name this cell.
    NotCovered {
        /// The environment.
        environment: EnvironmentId,
    },
    /// There is a clearance, but the environment is where it opens nothing.
    Environment {
        /// The environment.
        environment: EnvironmentId,
        /// Where it stands; absent if nobody said.
        state: Option<State>,
    },
    /// The insurer has not consented.
    Consent {
        /// The insurer.
        insurer: InsurerId,
    },
    /// The insurer consented to something else: only normal, or only provisional operation.
    OtherConsent {
        /// The insurer.
        insurer: InsurerId,
    },
    /// The insurer refused.
    Refused {
        /// The insurer.
        insurer: InsurerId,
        /// Why.
        reason: String,
    },
    /// A service of the same insurer that it needs is not accepted, and no wave of the plan starts it.
    Service {
        /// The service.
        service: ServiceId,
    },
    /// The insurer booked no slot that is still to come.
    Slot {
        /// The insurer.
        insurer: InsurerId,
    },
    /// No hour fits the insurer's slot, its consent, the clearance and the capacity at once.
    Hour {
        /// The insurer.
        insurer: InsurerId,
    },
    /// It is not yet the insurer's slot, or not an hour its consent names.
    NotNow {
        /// The insurer.
        insurer: InsurerId,
    },
    /// Nobody reached its door.
    Door {
        /// Since when; absent if it never was heard.
        since: Option<Timestamp>,
    },
    /// It was started and failed; the restoration lead decides about another attempt.
    Failed {
        /// Why.
        reason: String,
    },
    /// An emergency operation still runs in its place.
    SwitchBack,
}

impl Missing {
    /// In both languages.
    #[must_use]
    pub fn words(&self) -> Words {
        match self {
            Self::Root { root } => says!("Grundlage „{root}“ läuft nicht.", "Root \"{root}\" is not up."),
            Self::RootFailed { root, reason } => says!(
                "Start der Grundlage „{root}“ ist fehlgeschlagen: {reason}.",
                "The start of root \"{root}\" failed: {reason}."
            ),
            Self::Clearance {
                environment,
                signed: Count(signed),
                threshold: Count(threshold),
            } => says!(
                "Freigabe für „{environment}“ fehlt ({signed} von {threshold} Unterschriften der Forensik).",
                "Clearance for \"{environment}\" is missing ({signed} of {threshold} examiners signed)."
            ),
            Self::ClearanceWithdrawn { environment } => says!(
                "Freigabe für „{environment}“ wurde zurückgezogen.",
                "Clearance for \"{environment}\" was withdrawn."
            ),
            Self::ClearanceOver { environment, at } => over(environment, &minute(*at)),
            Self::NotCovered { environment } => says!(
                "Die begrenzte Freigabe für „{environment}“ nennt diese Zelle nicht.",
                "The limited clearance for \"{environment}\" does not name this cell."
            ),
            Self::Environment { environment, state } => stands(environment, state.as_ref()),
            Self::Consent { insurer } => says!(
                "Zustimmung von „{insurer}“ fehlt.",
                "Consent of \"{insurer}\" is missing."
            ),
            Self::OtherConsent { insurer } => says!(
                "Zustimmung von „{insurer}“ deckt diese Betriebsart oder Dauer nicht.",
                "Consent of \"{insurer}\" does not cover this kind of operation or its length."
            ),
            Self::Refused { insurer, reason } => says!(
                "Abgelehnt von „{insurer}“, weil: {reason}.",
                "Refused by \"{insurer}\" because: {reason}."
            ),
            Self::Service { service } => says!(
                "Dienst „{service}“, den sie braucht, ist nicht abgenommen.",
                "Service \"{service}\", which it needs, is not accepted."
            ),
            Self::Slot { insurer } => says!(
                "„{insurer}“ hat keinen Termin gebucht.",
                "\"{insurer}\" has not booked a slot."
            ),
            Self::Hour { insurer } => says!(
                "Keine Stunde passt zu Termin und Zustimmung von „{insurer}“, Freigabe und Kapazität zugleich.",
                "No hour fits the slot and consent of \"{insurer}\", the clearance and free capacity at once."
            ),
            Self::NotNow { insurer } => says!(
                "Jetzt ist nicht der Termin oder keine zugestimmte Stunde von „{insurer}“.",
                "It is not the slot or not an hour \"{insurer}\" consented to."
            ),
            Self::Door { since } => unreached(*since),
            Self::Failed { reason } => says!(
                "Letzter Start fehlgeschlagen: {reason}. Der Wiederanlauf entscheidet über den nächsten Versuch.",
                "Last start failed: {reason}. The restoration lead decides about another attempt."
            ),
            Self::SwitchBack => says!(
                "Notbetrieb läuft noch und muss zuvor zurückgeschaltet werden.",
                "Emergency operation still runs and has to be switched back first."
            ),
        }
    }
}

fn over(environment: &EnvironmentId, at: &str) -> Words {
    says!(
        "Freigabe für „{environment}“ gilt seit {at} nicht mehr.",
        "Clearance for \"{environment}\" has been over since {at}."
    )
}

fn stands(environment: &EnvironmentId, state: Option<&State>) -> Words {
    let Words { de, en } = state.map_or_else(
        || says!("in unbekanntem Zustand", "in an unknown state"),
        State::words,
    );
    says!(
        "Umgebung „{environment}“ ist {de}.",
        "Environment \"{environment}\" is {en}."
    )
}

fn unreached(since: Option<Timestamp>) -> Words {
    let Some(since) = since.map(minute) else {
        return says!("Tür noch nie erreicht.", "Door never reached.");
    };
    says!(
        "Tür seit {since} nicht erreichbar.",
        "Door unreached since {since}."
    )
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.words(), f)
    }
}

/// A typed refusal: this waits, and for these things. Never empty.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waits {
    /// Everything that is missing, not only the first.
    pub missing: Vec<Missing>,
}

impl Waits {
    /// Whether the insurer's consent is all that is missing.
    #[must_use]
    pub fn for_consent_only(&self) -> bool {
        !self.missing.is_empty()
            && self
                .missing
                .iter()
                .all(|one| matches!(one, Missing::Consent { .. } | Missing::OtherConsent { .. }))
    }

    /// Environments whose clearance is missing.
    #[must_use]
    pub fn uncleared(&self) -> BTreeSet<&EnvironmentId> {
        self.missing
            .iter()
            .filter_map(|one| match one {
                Missing::Clearance { environment, .. }
                | Missing::ClearanceWithdrawn { environment }
                | Missing::ClearanceOver { environment, .. }
                | Missing::NotCovered { environment }
                | Missing::Environment { environment, .. } => Some(environment),
                Missing::Root { .. }
                | Missing::RootFailed { .. }
                | Missing::Consent { .. }
                | Missing::OtherConsent { .. }
                | Missing::Refused { .. }
                | Missing::Service { .. }
                | Missing::Slot { .. }
                | Missing::Hour { .. }
                | Missing::NotNow { .. }
                | Missing::Door { .. }
                | Missing::Failed { .. }
                | Missing::SwitchBack => None,
            })
            .collect()
    }
}

impl fmt::Display for Waits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<Words> = self.missing.iter().map(Missing::words).collect();
        let join = |pick: fn(&Words) -> &str| words.iter().map(pick).collect::<Vec<_>>().join(" ");
        write!(f, "{} / {}", join(|w| &w.de), join(|w| &w.en))
    }
}
