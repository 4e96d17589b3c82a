//! Ranges and conditions instead of dates.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use vocabulary::{EnvironmentId, InsurerId, Seconds, ServiceId, Timestamp};

use crate::{
    situation::{Backlog, Items, RootId},
    words::{Lang, Words, minute, names, range, says},
};

/// When something is to be expected, as long as its conditions hold. Not a promise: promises are made by people, see
/// [`pledges`](crate::pledges).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Forecast {
    /// Not before.
    pub earliest: Timestamp,
    /// Not after, as long as the conditions hold.
    pub latest: Timestamp,
    /// All of these must hold; empty only for what happens now.
    pub conditions: Vec<Condition>,
}

/// What a forecast depends on.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(
    tag = "if",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Condition {
    /// These roots come up as assumed.
    RootsUp {
        /// The roots.
        roots: BTreeSet<RootId>,
    },
    /// These services of the same insurer are accepted as assumed.
    Accepted {
        /// The services.
        services: BTreeSet<ServiceId>,
    },
    /// The clearance stands, for a start before it ends.
    Cleared {
        /// The environment.
        environment: EnvironmentId,
    },
    /// The insurer keeps to its consent.
    Consent {
        /// The insurer.
        insurer: InsurerId,
    },
    /// What allows the start ends here; afterwards it takes a new plan.
    Before {
        /// The end of the slot, the clearance or the consent.
        at: Timestamp,
    },
    /// Examiners keep their pace and find nothing.
    Examiners,
    /// Emergency operation was switched back.
    SwitchedBack,
    /// Earlier waves went as assumed.
    EarlierWaves,
}

impl Condition {
    /// In both languages, to stand after "if".
    #[must_use]
    pub fn words(&self) -> Words {
        match self {
            Self::RootsUp { roots } => {
                let (de, en) = (names(roots, Lang::De), names(roots, Lang::En));
                says!("die Grundlagen laufen ({de})", "roots are up ({en})")
            }
            Self::Accepted { services } => {
                let (de, en) = (names(services, Lang::De), names(services, Lang::En));
                says!("vorher abgenommen ist: {de}", "accepted before: {en}")
            }
            Self::Cleared { environment } => says!(
                "die Freigabe für „{environment}“ bestehen bleibt",
                "the clearance for \"{environment}\" stands"
            ),
            Self::Consent { insurer } => says!(
                "„{insurer}“ bei der Zustimmung bleibt",
                "\"{insurer}\" keeps to its consent"
            ),
            Self::Before { at } => {
                let at = minute(*at);
                says!("der Start vor {at} gelingt", "it starts before {at}")
            }
            Self::Examiners => says!(
                "die Forensik ihr Tempo hält und nichts findet",
                "examiners keep their pace and find nothing"
            ),
            Self::SwitchedBack => says!(
                "der Notbetrieb zurückgeschaltet ist",
                "emergency operation has been switched back"
            ),
            Self::EarlierWaves => says!(
                "frühere Wellen wie angenommen verlaufen",
                "earlier waves go as assumed"
            ),
        }
    }
}

impl Forecast {
    /// As a range counted from `from`, with its conditions.
    #[must_use]
    pub fn words(&self, from: Timestamp) -> Words {
        let when = |lang| range(from, self.earliest, self.latest, lang);
        let conditions: Vec<Words> = self.conditions.iter().map(Condition::words).collect();
        let join = |lang: Lang, and: &str| {
            conditions
                .iter()
                .map(|w| w.in_lang(lang))
                .collect::<Vec<_>>()
                .join(and)
        };
        let (de, en) = (when(Lang::De), when(Lang::En));
        if conditions.is_empty() {
            return Words::new(de, en);
        }
        let (if_de, if_en) = (join(Lang::De, " und "), join(Lang::En, " and "));
        says!("{de}, wenn {if_de}", "{en}, if {if_en}")
    }
}

/// How long from a start until the backlog is empty. "Up" is not the end: backlog counts (R20).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum CatchUp {
    /// Nothing waits.
    Empty,
    /// Between two spans, from measured rates.
    Between {
        /// At the fastest rate measured.
        least: Seconds,
        /// At the slowest; absent where that rate does not exceed what comes in.
        most: Option<Seconds>,
    },
    /// Even the fastest measured rate does not exceed what comes in.
    Never {
        /// How many wait.
        items: Items,
    },
    /// Nobody has measured a rate yet, so nothing is said.
    Unmeasured {
        /// How many wait.
        items: Items,
    },
}

impl CatchUp {
    /// From what waits, what keeps coming until the start, and the measured rates.
    #[must_use]
    pub fn of(backlog: &Backlog, until_start: Seconds) -> Self {
        let more = u128::from(backlog.inflow.0) * u128::from(until_start.0) / 3_600;
        let items = u128::from(backlog.items.0) + more;
        let shown = Items(u64::try_from(items).unwrap_or(u64::MAX));
        if items == 0 {
            return Self::Empty;
        }
        let Some((one, other)) = backlog.measured else {
            return Self::Unmeasured { items: shown };
        };
        let at = |rate: Items| {
            let net = u128::from(rate.0.checked_sub(backlog.inflow.0).filter(|net| *net > 0)?);
            u64::try_from(items.saturating_mul(3_600).div_ceil(net))
                .ok()
                .map(Seconds)
        };
        match at(one.max(other)) {
            Some(least) => Self::Between {
                least,
                most: at(one.min(other)),
            },
            None => Self::Never { items: shown },
        }
    }

    /// In both languages.
    #[must_use]
    pub fn words(&self) -> Words {
        use crate::words::{between, grouped, span};
        match self {
            Self::Empty => says!("kein Rückstand", "no backlog"),
            Self::Between {
                least,
                most: Some(most),
            } => {
                let (a, c) = (between(*least, *most, Lang::De), between(*least, *most, Lang::En));
                says!(
                    "Rückstand abgearbeitet {a} nach dem Start",
                    "backlog empty {c} after the start"
                )
            }
            Self::Between { least, most: None } => {
                let (a, c) = (span(*least, Lang::De), span(*least, Lang::En));
                says!(
                    "Rückstand frühestens {a} nach dem Start abgearbeitet, bei langsamstem Tempo gar nicht",
                    "backlog empty {c} after the start at the earliest, never at the slowest rate"
                )
            }
            Self::Never { items } => {
                let (a, c) = (grouped(items.0, Lang::De), grouped(items.0, Lang::En));
                says!(
                    "Rückstand {a}: kommt schneller nach, als abgearbeitet wird",
                    "backlog {c}: more comes in than is worked off"
                )
            }
            Self::Unmeasured { items } => {
                let (a, c) = (grouped(items.0, Lang::De), grouped(items.0, Lang::En));
                says!(
                    "Rückstand {a}, Tempo noch nicht gemessen",
                    "backlog {c}, rate not measured yet"
                )
            }
        }
    }
}
