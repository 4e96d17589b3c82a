//! Named promises of this room, as functions: used by tests, and by whoever wants to check a proposal before using it.

use std::collections::BTreeSet;
use vocabulary::{CellId, Place, Timestamp};

use crate::{
    incident::Incident,
    roll::Roll,
    signal::Kind,
    standing::{Proposal, StandingFacts, rate_used_up},
};

/// How a promise was broken.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{promise}: {how}")]
pub struct Broken {
    /// Its name.
    pub promise: &'static str,
    /// What was seen.
    pub how: String,
}

/// WARN-1: a proposed use lies inside its order's scope, names one of its detectors and an unexplained signal, and keeps
/// its expiry and rate; together the proposals name every cell of the incident that is not restricted exactly once, and
/// no other.
///
/// # Errors
/// [`Broken`] with what was seen.
pub fn warn_1(
    proposals: &[Proposal],
    incident: &Incident,
    orders: &[StandingFacts],
    roll: &Roll,
    restricted: &BTreeSet<CellId>,
    now: Timestamp,
) -> Result<(), Broken> {
    let broken = |how: String| {
        Err(Broken {
            promise: "WARN-1",
            how,
        })
    };
    let mut named: Vec<&CellId> = Vec::new();
    let mut orders_used = BTreeSet::new();
    for proposal in proposals {
        let used = match proposal {
            Proposal::AskPeople { cells, why } => {
                if why.is_empty() {
                    return broken("people are asked without a reason".to_owned());
                }
                named.extend(cells);
                continue;
            }
            Proposal::Use(used) => used,
        };
        let Some(order) = orders.iter().find(|order| order.id == used.order) else {
            return broken(format!("{:?} is no order", used.order));
        };
        if !orders_used.insert(used.order) {
            return broken(format!("{:?} is used twice at once", used.order));
        }
        if !used.scope.within(&order.scope) {
            return broken(format!("{:?} does not lie within {:?}", used.scope, order.scope));
        }
        if now > order.expires || rate_used_up(order, now).is_some() {
            return broken(format!("{:?} has expired or is used up", used.order));
        }
        let kinds: BTreeSet<Kind> = order.detectors.iter().filter_map(Kind::named).collect();
        let answers = incident
            .unexplained()
            .any(|signal| signal.id == used.signal && signal.kind == used.kind);
        if !kinds.contains(&used.kind) || !answers {
            return broken(format!("{:?} does not answer {}", used.order, used.signal));
        }
        let covered = roll.all_cells().filter(|(cell, site)| {
            let place = Place {
                site: (*site).clone(),
                insurer: cell.insurer.clone(),
                service: cell.service.clone(),
            };
            used.scope.covers(&place)
        });
        let covered: BTreeSet<&CellId> = covered.map(|(cell, _)| cell).collect();
        if covered != used.cells.iter().collect() {
            return broken(format!("{:?} covers other cells than it says", used.scope));
        }
        named.extend(&used.cells);
    }
    let cells = incident.cells(roll);
    let wanted: Vec<&CellId> = cells.difference(restricted).collect();
    named.sort_unstable();
    if named != wanted {
        return broken(format!("cells named {named:?}, cells of the incident {wanted:?}"));
    }
    Ok(())
}

/// WARN-2: whatever an incident's signals name, its scope covers nothing beyond cells of the estate they point at.
///
/// # Errors
/// [`Broken`] with the cell that is covered for no reason.
pub fn warn_2(incident: &Incident, roll: &Roll) -> Result<(), Broken> {
    let scope = incident.scope(roll);
    let touched = incident.touched();
    for (cell, site) in roll.all_cells() {
        let place = Place {
            site: site.clone(),
            insurer: cell.insurer.clone(),
            service: cell.service.clone(),
        };
        let pointed = touched
            .iter()
            .any(|touched| roll.cells(touched).any(|(one, _)| one == cell));
        if scope.covers(&place) != pointed {
            return Err(Broken {
                promise: "WARN-2",
                how: format!("{cell}: covered is {}, pointed at is {pointed}", !pointed),
            });
        }
    }
    Ok(())
}
