//! What a run asks for. Data; the shell carries it out, people sign it.

use core::fmt;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use vocabulary::{CellId, EnvironmentId, InsurerId, Role, StatementId, Timestamp};

use crate::{
    plan::Under,
    situation::{Count, RootId, Span},
    words::{Lang, Words, dative, minute, names, says, span},
};

/// One thing to do. Each may be carried out again without harm: the same draft is the same draft.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(
    tag = "effect",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Effect {
    /// Tell the restoration lead to start a root.
    StartRoot {
        /// In which wave.
        wave: Count,
        /// Which.
        root: RootId,
    },
    /// Offer a draft of an opening to those who must sign it ([`signers`](Self::signers)). No permission.
    ProposeOpening {
        /// In which wave.
        wave: Count,
        /// Whose cells.
        insurer: InsurerId,
        /// Which.
        cells: BTreeSet<CellId>,
        /// On which clearance.
        under: Under,
    },
    /// Show the insurer what waits for its consent alone, with the opening it would consent to. No permission either.
    AskConsent {
        /// Whose consent.
        insurer: InsurerId,
        /// For which cells.
        cells: BTreeSet<CellId>,
        /// On which clearance.
        under: Under,
    },
    /// Ask the insurer's people to test what runs.
    AskUserTest {
        /// Whose people.
        insurer: InsurerId,
        /// Which cells.
        cells: BTreeSet<CellId>,
    },
    /// Announce the planned end of provisional operation.
    AnnounceReshut {
        /// Whose cells.
        insurer: InsurerId,
        /// Which.
        cells: BTreeSet<CellId>,
        /// When they are shut again.
        at: Timestamp,
    },
    /// Offer a draft of a closing to a commander. Doors whose clearance is gone close without it.
    ProposeClosing {
        /// Which cells.
        cells: BTreeSet<CellId>,
        /// Why.
        because: ClosingBecause,
    },
    /// Announce the outage and end the emergency operation of a cell; its opening is offered afterwards.
    SwitchBack {
        /// Which.
        cell: CellId,
        /// How long it is away.
        outage: Span,
    },
    /// Ask for the declaration of the end: everything of the insurer is accepted and worked off.
    AskEnd {
        /// Whose environment.
        insurer: InsurerId,
    },
    /// Make a new plan: this one no longer says what to do.
    Replan {
        /// Why.
        because: Because,
    },
}

/// Why cells have to be shut.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(
    tag = "because",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum ClosingBecause {
    /// People asked for it.
    Asked {
        /// Why.
        reason: String,
    },
    /// Its start failed, or the insurer refused its test.
    Failed {
        /// Why.
        reason: String,
    },
    /// The planned end of provisional operation has come.
    LimitOver {
        /// When it came.
        at: Timestamp,
    },
    /// The clearance it stands on was withdrawn.
    Withdrawn {
        /// Which.
        clearance: StatementId,
    },
    /// Its environment was cut off again.
    Contained {
        /// Which.
        environment: EnvironmentId,
    },
    /// A root it stands on fell back.
    RootFell {
        /// Which.
        root: RootId,
    },
}

/// Why it takes a new plan.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(
    tag = "because",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Because {
    /// The progress or the estate belongs to another plan.
    OtherPlan,
    /// Cells that ran fell back or were ordered back; later waves wait.
    FellBack {
        /// Which.
        cells: BTreeSet<CellId>,
    },
    /// Roots the plan counts on are down.
    RootsFell {
        /// Which.
        roots: BTreeSet<RootId>,
    },
    /// Cells could start, but on another clearance than the plan names.
    OtherGround {
        /// Which.
        cells: BTreeSet<CellId>,
    },
    /// Cells the plan left waiting could start.
    MayStart {
        /// Which.
        cells: BTreeSet<CellId>,
    },
}

impl Effect {
    /// The roles that sign what the effect proposes; empty where nothing is signed.
    #[must_use]
    pub const fn signers(&self) -> &'static [Role] {
        match self {
            Self::ProposeOpening { .. } => &[Role::Commander, Role::InsurerConsent],
            Self::AskConsent { .. } => &[Role::InsurerConsent],
            Self::ProposeClosing { .. } => &[Role::Commander],
            Self::StartRoot { .. }
            | Self::AskUserTest { .. }
            | Self::AnnounceReshut { .. }
            | Self::SwitchBack { .. }
            | Self::AskEnd { .. }
            | Self::Replan { .. } => &[],
        }
    }

    /// In both languages.
    #[must_use]
    pub fn words(&self) -> Words {
        match self {
            Self::StartRoot {
                wave: Count(wave),
                root,
            } => says!(
                "Welle {wave}: Grundlage „{root}“ starten.",
                "Wave {wave}: start root \"{root}\"."
            ),
            Self::ProposeOpening {
                wave: Count(wave),
                insurer,
                cells,
                under,
            } => {
                let (de, en) = both(cells);
                let kind = kind(under);
                let (kind_de, kind_en) = (kind.de, kind.en);
                says!(
                    "Welle {wave}, „{insurer}“: Öffnung zur Unterschrift vorlegen ({kind_de}): {de}.",
                    "Wave {wave}, \"{insurer}\": offer opening for signature ({kind_en}): {en}."
                )
            }
            Self::AskConsent { insurer, cells, .. } => {
                let (de, en) = both(cells);
                says!(
                    "„{insurer}“ um Zustimmung bitten, nur sie fehlt noch: {de}.",
                    "Ask \"{insurer}\" for consent, nothing else is missing: {en}."
                )
            }
            Self::AskUserTest { insurer, cells } => {
                let (de, en) = both(cells);
                says!(
                    "„{insurer}“ um den Anwendertest bitten: {de}.",
                    "Ask \"{insurer}\" for the user test: {en}."
                )
            }
            Self::AnnounceReshut { insurer, cells, at } => {
                let ((de, en), at) = (both(cells), minute(*at));
                says!(
                    "„{insurer}“ an die geplante erneute Abschaltung um {at} erinnern: {de}.",
                    "Remind \"{insurer}\" of the planned re-shutdown at {at}: {en}."
                )
            }
            Self::ProposeClosing { cells, because } => {
                let (de, en) = both(cells);
                let Words { de: why, en: why_en } = because.words();
                says!(
                    "Schließen vorschlagen, {why}: {de}.",
                    "Propose closing, {why_en}: {en}."
                )
            }
            Self::SwitchBack { cell, outage } => {
                let (de, en) = (
                    dative(span(outage.most(), Lang::De)),
                    span(outage.most(), Lang::En),
                );
                says!(
                    "Notbetrieb von {cell} zurückschalten; Ausfall bis zu {de} ankündigen.",
                    "Switch back the emergency operation of {cell}; announce an outage of up to {en}."
                )
            }
            Self::AskEnd { insurer } => says!(
                "„{insurer}“: alles abgenommen, kein Rückstand. Checkliste und Vorläufiges prüfen, Ende erklären.",
                "\"{insurer}\": everything accepted, no backlog. Check the list and what is temporary, declare the end."
            ),
            Self::Replan { because } => because.words(),
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.words(), f)
    }
}

impl ClosingBecause {
    /// In both languages.
    #[must_use]
    pub fn words(&self) -> Words {
        match self {
            Self::Asked { reason } => says!("angeordnet ({reason})", "as ordered ({reason})"),
            Self::Failed { reason } => says!("Start fehlgeschlagen ({reason})", "start failed ({reason})"),
            Self::LimitOver { at } => {
                let at = minute(*at);
                says!(
                    "begrenzter Betrieb endete um {at}",
                    "limited operation ended at {at}"
                )
            }
            Self::Withdrawn { clearance } => {
                let short = clearance.0.short();
                says!("Freigabe {short} zurückgezogen", "clearance {short} withdrawn")
            }
            Self::Contained { environment } => says!(
                "Umgebung „{environment}“ wieder abgeschottet",
                "environment \"{environment}\" contained again"
            ),
            Self::RootFell { root } => {
                says!("Grundlage „{root}“ zurückgefallen", "root \"{root}\" fell back")
            }
        }
    }
}

impl Because {
    /// In both languages.
    #[must_use]
    pub fn words(&self) -> Words {
        match self {
            Self::OtherPlan => says!(
                "Neu planen: der Stand gehört zu einem anderen Plan.",
                "Make a new plan: this progress belongs to another one."
            ),
            Self::FellBack { cells } => {
                let (de, en) = both(cells);
                says!(
                    "Neu planen, spätere Wellen warten: zurückgefallen oder zurückgenommen {de}.",
                    "Make a new plan, later waves wait: fallen or taken back {en}."
                )
            }
            Self::RootsFell { roots } => {
                let (de, en) = (names(roots, Lang::De), names(roots, Lang::En));
                says!(
                    "Neu planen: ausgefallene Grundlagen {de}.",
                    "Make a new plan: roots that fell {en}."
                )
            }
            Self::OtherGround { cells } => {
                let (de, en) = both(cells);
                says!(
                    "Neu planen: andere Freigabe als im Plan für {de}.",
                    "Make a new plan: another clearance than planned for {en}."
                )
            }
            Self::MayStart { cells } => {
                let (de, en) = both(cells);
                says!(
                    "Neu planen: wartende Zellen könnten starten: {de}.",
                    "Make a new plan: waiting cells could start: {en}."
                )
            }
        }
    }
}

fn both(cells: &BTreeSet<CellId>) -> (String, String) {
    (names(cells, Lang::De), names(cells, Lang::En))
}

pub(crate) fn kind(under: &Under) -> Words {
    match under {
        Under::Full { .. } => says!("volle Freigabe", "full clearance"),
        Under::Limited { until, .. } => {
            let at = minute(*until);
            says!(
                "begrenzte Freigabe, geplante erneute Abschaltung {at}",
                "limited clearance, planned re-shutdown {at}"
            )
        }
    }
}
