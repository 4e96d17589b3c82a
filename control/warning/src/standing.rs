//! Which order signed in peace may be used for an incident. This room proposes the use; doors verify signature, scope,
//! rate and expiry again.

use core::{fmt, num::NonZeroU32};
use std::collections::BTreeSet;

use vocabulary::{CellId, Class, DetectorId, Place, Scope, Seconds, SignalId, StatementId, Timestamp};

use crate::{
    incident::Incident,
    roll::Roll,
    signal::{Kind, Severity},
};

/// Below this an incident uses no order: people look first.
pub const SEVERITY_MIN: Severity = Severity::High;

/// What the doors do when an order is used, mildest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Stance {
    /// Held.
    Held,
    /// Held where the service can be held, else Shut.
    Contain,
    /// Shut.
    Shut,
}

/// What is known about a standing order, as plain facts; whoever fills them has verified the order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StandingFacts {
    /// The order.
    pub id: StatementId,
    /// The most a use may cover.
    pub scope: Scope,
    /// What the doors do.
    pub stance: Stance,
    /// Who may lift it later.
    pub class: Class,
    /// At most so many uses …
    pub uses_max: NonZeroU32,
    /// … in any span of this length.
    pub window: Seconds,
    /// Which detectors may use it.
    pub detectors: BTreeSet<DetectorId>,
    /// Not after this.
    pub expires: Timestamp,
    /// When it was used so far.
    pub used: Vec<Timestamp>,
}

/// What is proposed for an incident.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Proposal {
    /// Use this order, so far and no further.
    Use(Use),
    /// No order covers it (or what is left of it): a commander must decide.
    AskPeople {
        /// The cells nobody may close in advance.
        cells: BTreeSet<CellId>,
        /// Why, for every order that was looked at.
        why: Vec<Why>,
    },
}

/// One use of a standing order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Use {
    /// The order.
    pub order: StatementId,
    /// The cells of the incident that lie inside it, and nothing else.
    pub scope: Scope,
    /// The same, cell by cell.
    pub cells: BTreeSet<CellId>,
    /// The kind of detector that uses it.
    pub kind: Kind,
    /// The signal it answers.
    pub signal: SignalId,
}

/// Why an order is not used. Displays German first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Why {
    /// No standing order exists.
    NoOrder,
    /// The incident is not bad enough.
    TooMild(Severity),
    /// It names nothing that the estate knows.
    NothingKnown,
    /// The order names none of its detectors.
    OtherDetector(StatementId),
    /// It is over.
    Expired(StatementId, Timestamp),
    /// It was used as often as it may be.
    RateUsedUp {
        /// The order.
        order: StatementId,
        /// From when on it may be used again.
        free: Timestamp,
    },
    /// The cells lie outside it.
    Outside(StatementId),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoOrder => f.write_str("Es gibt keinen Dauerbefehl. / There is no standing order."),
            Self::TooMild(severity) => {
                let (de, en) = severity.in_words();
                let (min_de, min_en) = SEVERITY_MIN.in_words();
                write!(
                    f,
                    "Schwere {de}; Dauerbefehle greifen ab {min_de}. / Severity {en}; standing orders apply from {min_en}."
                )
            }
            Self::NothingKnown => f.write_str(
                "Die Signale nennen nichts, was die Landschaft kennt. / The signals name nothing the estate knows.",
            ),
            Self::OtherDetector(order) => {
                let id = order.0.short();
                write!(f, "Dauerbefehl {id} nennt diese Melder nicht. / Standing order {id} does not name these detectors.")
            }
            Self::Expired(order, at) => {
                let id = order.0.short();
                write!(f, "Dauerbefehl {id} ist seit {at} abgelaufen. / Standing order {id} expired at {at}.")
            }
            Self::RateUsedUp { order, free } => {
                let id = order.0.short();
                write!(
                    f,
                    "Dauerbefehl {id} ist ausgeschöpft bis {free}. / Standing order {id} is used up until {free}."
                )
            }
            Self::Outside(order) => {
                let id = order.0.short();
                write!(f, "Die Zellen liegen außerhalb von Dauerbefehl {id}. / The cells lie outside standing order {id}.")
            }
        }
    }
}

/// What may be done about an incident now. `restricted` are cells that stand at least as tight already: no use is spent
/// on them. The proposals together name every other cell of the incident exactly once; an incident that names no known
/// cell asks people too. Mild orders come first: precautionary before containment, held before shut.
///
/// Each order is proposed at most once per call. Whoever uses it adds the instant to `used` before asking again.
#[must_use]
pub fn propose(
    incident: &Incident,
    orders: &[StandingFacts],
    roll: &Roll,
    restricted: &BTreeSet<CellId>,
    now: Timestamp,
) -> Vec<Proposal> {
    let all = incident.cells(roll);
    let mut left: BTreeSet<CellId> = all.difference(restricted).cloned().collect();
    let mut why = general(incident, orders, &all);
    let mut proposals = Vec::new();
    if why.is_empty() {
        let mut sorted: Vec<&StandingFacts> = orders.iter().collect();
        sorted.sort_by_key(|order| (order.class, order.stance, order.id));
        for order in sorted {
            if left.is_empty() {
                break;
            }
            match usable(order, incident, roll, &left, now) {
                Ok(proposed) => {
                    left.retain(|cell| !proposed.cells.contains(cell));
                    proposals.push(Proposal::Use(proposed));
                }
                Err(reason) => why.push(reason),
            }
        }
        if why.is_empty() && !left.is_empty() {
            why.extend(orders.iter().map(|order| Why::Outside(order.id)));
        }
    }
    if !left.is_empty() || all.is_empty() {
        proposals.push(Proposal::AskPeople { cells: left, why });
    }
    proposals
}

/// Reasons that hold for every order.
fn general(incident: &Incident, orders: &[StandingFacts], cells: &BTreeSet<CellId>) -> Vec<Why> {
    let severity = incident.severity();
    if cells.is_empty() {
        vec![Why::NothingKnown]
    } else if severity < SEVERITY_MIN {
        vec![Why::TooMild(severity)]
    } else if orders.is_empty() {
        vec![Why::NoOrder]
    } else {
        Vec::new()
    }
}

fn usable(
    order: &StandingFacts,
    incident: &Incident,
    roll: &Roll,
    left: &BTreeSet<CellId>,
    now: Timestamp,
) -> Result<Use, Why> {
    if now > order.expires {
        return Err(Why::Expired(order.id, order.expires));
    }
    if let Some(free) = rate_used_up(order, now) {
        return Err(Why::RateUsedUp {
            order: order.id,
            free,
        });
    }
    let mut cells = BTreeSet::new();
    let mut worst: Option<(Severity, Kind, &SignalId)> = None;
    let mut named = false;
    for signal in incident.unexplained() {
        if !order
            .detectors
            .iter()
            .any(|detector| Kind::named(detector) == Some(signal.kind))
        {
            continue;
        }
        named = true;
        // Only where a signal of a kind the order names points; another detector's cells are not its business.
        let mine: BTreeSet<CellId> = signal
            .touched
            .iter()
            .flat_map(|touched| roll.cells(touched))
            .filter(|(cell, site)| left.contains(*cell) && order.scope.covers(&place(cell, site)))
            .map(|(cell, _)| cell.clone())
            .collect();
        if !mine.is_empty() && worst.is_none_or(|(severity, ..)| signal.severity > severity) {
            worst = Some((signal.severity, signal.kind, &signal.id));
        }
        cells.extend(mine);
    }
    let Some((_, kind, signal)) = worst else {
        return Err(if named {
            Why::Outside(order.id)
        } else {
            Why::OtherDetector(order.id)
        });
    };
    let (scope, cells) = inside(order, &cells, roll);
    if cells.is_empty() {
        return Err(Why::Outside(order.id));
    }
    Ok(Use {
        order: order.id,
        scope,
        cells,
        kind,
        signal: signal.clone(),
    })
}

/// The cells as a scope whose every selector lies inside one selector of the order, for so the doors compare.
fn inside(order: &StandingFacts, cells: &BTreeSet<CellId>, roll: &Roll) -> (Scope, BTreeSet<CellId>) {
    let mut left = cells.clone();
    let mut scope = Scope::default();
    for selector in &order.scope.0 {
        let part: BTreeSet<CellId> = roll
            .all_cells()
            .filter(|(cell, site)| left.contains(*cell) && selector.covers(&place(cell, site)))
            .map(|(cell, _)| cell.clone())
            .collect();
        left.retain(|cell| !part.contains(cell));
        scope.0.extend(roll.scope_of(&part).0);
    }
    let taken = cells.difference(&left).cloned().collect();
    (scope, taken)
}

fn place(cell: &CellId, site: &vocabulary::SiteId) -> Place {
    Place {
        site: site.clone(),
        insurer: cell.insurer.clone(),
        service: cell.service.clone(),
    }
}

/// From when on the order may be used again, if it may not now. A use in our future counts as recent: a clock set back
/// must not open the rate.
pub(crate) fn rate_used_up(order: &StandingFacts, now: Timestamp) -> Option<Timestamp> {
    let mut recent: Vec<Timestamp> = order
        .used
        .iter()
        .copied()
        .filter(|at| now.since(*at) < order.window)
        .collect();
    let allowed = usize::try_from(order.uses_max.get()).unwrap_or(usize::MAX);
    let over = recent.len().checked_sub(allowed)?;
    recent.sort_unstable();
    Some(recent.get(over).copied().unwrap_or(now).plus(order.window))
}
