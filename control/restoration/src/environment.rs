//! The life of an environment, moved by one total function. Re-shutdown is a normal step: `Contained` is reachable from
//! every state by [`Event::Contained`], and nothing leaves it but the examiners' word.

use core::fmt;

use serde::{Deserialize, Serialize};
use vocabulary::{PersonId, Timestamp};

use crate::words::{Lang, Words, minute};

mod end;
mod step;

pub use end::{Checklist, Criterion, Outcome, Remains, Temporary};
pub use step::next;

/// Where an environment stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(
    tag = "state",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum State {
    /// Nothing is held against it.
    Trusted,
    /// A signal speaks against it; it still runs.
    Suspect,
    /// Cut off.
    Contained,
    /// Cut off, and examiners are at work.
    UnderExamination,
    /// Running in part under a limited clearance, until its planned re-shutdown.
    Provisional {
        /// The planned re-shutdown, announced when it was granted.
        until: Timestamp,
    },
    /// Examiners stated that it is clean; nothing runs yet.
    Cleared,
    /// Services are being started.
    Restoring,
    /// Everything runs; the insurer's people test it.
    Verifying,
    /// The insurer's user test was accepted: this is what "up" means.
    Accepted {
        /// Who accepted.
        by: PersonId,
        /// When.
        at: Timestamp,
    },
    /// Back for good: accepted, backlog empty, nothing temporary left, criteria met.
    Normal,
}

/// Why examiners cleared a whole environment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grounds {
    /// It was examined.
    Examined,
    /// It was never touched: the short path, without an examination of its own.
    NotEndangered,
}

/// What moves an environment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(
    tag = "event",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Event {
    /// A signal speaks against it.
    Suspected,
    /// The signal that spoke against it has been explained by clearance.
    Explained,
    /// Two commanders lifted a cut made out of caution, inside its window.
    CautionLifted,
    /// It was cut off, for the first time or again.
    Contained,
    /// Examiners took it up.
    ExaminationBegun,
    /// A limited clearance was granted.
    ClearedInPart {
        /// Its planned re-shutdown.
        until: Timestamp,
    },
    /// A full clearance was granted.
    Cleared {
        /// On what grounds.
        grounds: Grounds,
    },
    /// The clearance it stands on was withdrawn.
    ClearanceWithdrawn,
    /// The clearance it stands on has expired: it opens nothing any more.
    ClearanceExpired,
    /// The planned end of provisional operation was reached.
    PlannedReshut,
    /// The first of its services was started.
    RestoringBegun,
    /// The last of its services was started.
    Restored,
    /// The insurer accepted its user test.
    TestAccepted {
        /// Who.
        by: PersonId,
        /// When.
        at: Timestamp,
    },
    /// The insurer refused its user test.
    TestRefused,
    /// Someone declares the end of the incident for it, and says what still remains.
    EndDeclared(Remains),
}

/// Ids of the standards a state answers to: NIST CSF 2.0 subcategories and BSI DER.2.3 requirements.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Standards {
    /// NIST CSF 2.0.
    pub csf: &'static [&'static str],
    /// BSI IT-Grundschutz, DER.2.3.
    pub der: &'static [&'static str],
}

impl State {
    /// Which standards the step into this state answers to.
    #[must_use]
    pub const fn standards(&self) -> Standards {
        let (csf, der): (&[&str], &[&str]) = match self {
            Self::Trusted => (&["DE.AE-02"], &["DER.2.3.A1"]),
            Self::Suspect => (&["DE.AE-02", "DE.AE-08"], &["DER.2.3.A1"]),
            Self::Contained => (&["RS.MI-01"], &["DER.2.3.A3"]),
            Self::UnderExamination => (&["RS.AN-03", "RS.AN-07"], &["DER.2.3.A2"]),
            Self::Provisional { .. } => (&["RC.RP-04"], &["DER.2.3.A6"]),
            Self::Cleared => (
                &["RS.MI-02", "RC.RP-03"],
                &["DER.2.3.A2", "DER.2.3.A4", "DER.2.3.A5"],
            ),
            Self::Restoring => (&["RC.RP-01", "RC.RP-02"], &["DER.2.3.A6"]),
            Self::Verifying => (&["RC.RP-05"], &["DER.2.3.A7"]),
            Self::Accepted { .. } => (&["RC.RP-05"], &["DER.2.3.A6"]),
            Self::Normal => (&["RC.RP-06"], &["DER.2.3.A6"]),
        };
        Standards { csf, der }
    }

    /// Its name in files and addresses.
    #[must_use]
    pub const fn slug(&self) -> &'static str {
        match self {
            Self::Trusted => "trusted",
            Self::Suspect => "suspect",
            Self::Contained => "contained",
            Self::UnderExamination => "under-examination",
            Self::Provisional { .. } => "provisional",
            Self::Cleared => "cleared",
            Self::Restoring => "restoring",
            Self::Verifying => "verifying",
            Self::Accepted { .. } => "accepted",
            Self::Normal => "normal",
        }
    }

    /// Its name for people.
    #[must_use]
    pub fn words(&self) -> Words {
        match self {
            Self::Trusted => Words::new("unverdächtig", "trusted"),
            Self::Suspect => Words::new("verdächtig", "suspect"),
            Self::Contained => Words::new("abgeschottet", "contained"),
            Self::UnderExamination => Words::new("in Untersuchung", "under examination"),
            Self::Provisional { until } => Words::new(
                format!("vorläufiger Betrieb bis {}", minute(*until)),
                format!("provisional operation until {}", minute(*until)),
            ),
            Self::Cleared => Words::new("freigegeben", "cleared"),
            Self::Restoring => Words::new("im Wiederanlauf", "restoring"),
            Self::Verifying => Words::new("im Anwendertest", "being verified"),
            Self::Accepted { by, at } => Words::new(
                format!("abgenommen von {by} am {}", minute(*at)),
                format!("accepted by {by} at {}", minute(*at)),
            ),
            Self::Normal => Words::new("Normalbetrieb", "normal operation"),
        }
    }
}

/// Why an event does not move an environment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Why {
    /// It already runs, or nothing was cut.
    NothingToClear,
    /// Examiners have not begun, and "not endangered" was not said either.
    NotExamined,
    /// There is no clearance that could end.
    NoClearance,
    /// Cut off: only the examiners' word leads out.
    NeedsClearance,
    /// It runs provisionally: the planned re-shutdown comes before the examination.
    ReshutFirst,
    /// It is not cut off, so there is nothing to examine behind a closed door.
    CutFirst,
    /// On the way back a new suspicion needs a decision: contain again, or explain the signal.
    ContainOrExplain,
    /// There is nothing suspicious to explain or lift.
    NothingSuspected,
    /// The step before is not done.
    StepBefore,
    /// The end cannot be declared yet.
    NotTheEnd(Vec<Words>),
}

impl Why {
    fn words(&self) -> Words {
        match self {
            Self::NothingToClear => Words::new("Nichts ist abgeschottet.", "Nothing is contained."),
            Self::NotExamined => Words::new(
                "Noch nicht untersucht: erst Untersuchung beginnen, oder die Forensik erklärt mit Begründung „nicht gefährdet“.",
                "Not examined yet: begin the examination, or examiners state \"not endangered\" with a reason.",
            ),
            Self::NoClearance => Words::new(
                "Es gibt keine Freigabe, die enden könnte.",
                "There is no clearance that could end.",
            ),
            Self::NeedsClearance => Words::new(
                "Es fehlt die Freigabe der Forensik.",
                "The examiners' clearance is missing.",
            ),
            Self::ReshutFirst => Words::new(
                "Erst die geplante erneute Abschaltung, dann die Untersuchung.",
                "First the planned re-shutdown, then the examination.",
            ),
            Self::CutFirst => Words::new(
                "Erst abschotten, dann untersuchen.",
                "Contain first, then examine.",
            ),
            Self::ContainOrExplain => Words::new(
                "Neuer Verdacht im Wiederanlauf: erneut abschotten oder das Signal erklären.",
                "New suspicion on the way back: contain again or explain the signal.",
            ),
            Self::NothingSuspected => Words::new(
                "Kein Verdacht und keine Vorsichtsabschaltung steht.",
                "No suspicion and no precautionary cut stands.",
            ),
            Self::StepBefore => Words::new(
                "Der Schritt davor ist noch nicht getan.",
                "The step before is not done yet.",
            ),
            Self::NotTheEnd(open) => {
                let list = |lang| {
                    open.iter()
                        .map(|w| w.in_lang(lang))
                        .collect::<Vec<_>>()
                        .join("; ")
                };
                Words::new(
                    format!("Es fehlt noch: {}.", list(Lang::De)),
                    format!("Still missing: {}.", list(Lang::En)),
                )
            }
        }
    }
}

/// A step that is not possible, and why.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub struct Refused {
    /// The state, unchanged.
    pub state: State,
    /// Why.
    pub why: Why,
}

impl Refused {
    /// In both languages.
    #[must_use]
    pub fn words(&self) -> Words {
        let (state, why) = (self.state.words(), self.why.words());
        Words::new(
            format!("Die Umgebung bleibt „{}“. {}", state.de, why.de),
            format!("The environment stays \"{}\". {}", state.en, why.en),
        )
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.words(), f)
    }
}
