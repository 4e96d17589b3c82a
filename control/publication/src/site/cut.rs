//! What each file may say: a cut of the sheet. Two sheets with the same cut give the same file.

use std::collections::BTreeMap;

use vocabulary::{CellId, Digest, InsurerId, ServiceId, Timestamp};

use super::{Page, feed};
use crate::{
    sheet::{CellFact, Change, ClaimGrade, FactSheet, Head, Standing},
    words::{ServiceKind, what_to_do},
};

impl Page {
    /// What of the sheet this file may say.
    pub(crate) fn cut(&self, sheet: &FactSheet) -> FactSheet {
        let mut cut = bare(sheet);
        match self {
            Self::Start(_) => {
                whole_state(&mut cut, sheet);
                cut.claims = sheet
                    .claims
                    .iter()
                    .filter(|claim| claim.grade == ClaimGrade::NotKnownYet)
                    .filter(|claim| !matches!(sheet.standing(claim), Standing::Corrected(_)))
                    .cloned()
                    .collect();
                cut
            }
            Self::Plain => {
                whole_state(&mut cut, sheet);
                cut
            }
            Self::Phone(_) => {
                whole_state(&mut cut, sheet);
                cut.claims.clone_from(&sheet.claims);
                cut
            }
            Self::Summary => {
                whole_state(&mut cut, sheet);
                cut.updates = sheet
                    .updates
                    .iter()
                    .filter(|update| matches!(update.change, Change::Incident { .. }))
                    .cloned()
                    .collect();
                cut
            }
            Self::Facts => sheet.clone(),
            Self::Insurer(_, id) => {
                cut.insurers.extend(
                    sheet
                        .insurers
                        .get_key_value(id)
                        .map(|(id, name)| (id.clone(), name.clone())),
                );
                cut.cells = cells_of(sheet, id);
                rounded(cut, sheet)
            }
            Self::Audience(_, audience) => {
                cut.insurers.clone_from(&sheet.insurers);
                cut.cells = cells(sheet, |cell| {
                    what_to_do(*audience, ServiceKind::of(&cell.service), crate::State::Normal).is_some()
                });
                rounded(cut, sheet)
            }
            Self::Claims(_) => {
                cut.claims.clone_from(&sheet.claims);
                rounded(cut, sheet)
            }
            Self::Log(_) | Self::Feed(_) => {
                cut.insurers.clone_from(&sheet.insurers);
                cut.claims.clone_from(&sheet.claims);
                cut.updates.clone_from(&sheet.updates);
                if matches!(self, Self::Feed(_)) {
                    let beyond = cut.updates.len().saturating_sub(feed::ENTRIES_MAX);
                    cut.updates.drain(..beyond);
                }
                rounded(cut, sheet)
            }
            Self::Accessibility(_) | Self::Ask(_) | Self::NotFound => {
                cut.incident = None;
                rounded(cut, sheet)
            }
            Self::Style => {
                let mut nothing = cut;
                nothing.incident = None;
                nothing.services.clear();
                rounded(nothing, sheet)
            }
        }
    }
}

/// Names and the incident, which stand on every page; no state, no claim, no update.
fn bare(sheet: &FactSheet) -> FactSheet {
    FactSheet {
        estate: sheet.estate.clone(),
        name: sheet.name.clone(),
        address: sheet.address.clone(),
        contact: sheet.contact.clone(),
        answer_key: sheet.answer_key.clone(),
        as_of: sheet.as_of,
        journal: Head {
            len: 0,
            root: Digest::from_bytes([0; 32]),
        },
        incident: sheet.incident.clone(),
        insurers: BTreeMap::new(),
        services: sheet.services.clone(),
        cells: BTreeMap::new(),
        claims: Vec::new(),
        updates: Vec::new(),
    }
}

fn whole_state(cut: &mut FactSheet, sheet: &FactSheet) {
    cut.journal = sheet.journal;
    cut.insurers.clone_from(&sheet.insurers);
    cut.cells.clone_from(&sheet.cells);
}

fn cells(sheet: &FactSheet, keep: impl Fn(&CellId) -> bool) -> BTreeMap<CellId, CellFact> {
    sheet
        .cells
        .iter()
        .filter(|(cell, _)| keep(cell))
        .map(|(cell, fact)| (cell.clone(), fact.clone()))
        .collect()
}

/// The cells of one insurer. They lie together in the map, and there are many insurers: searching all cells for each
/// would cost more than writing the pages.
pub(super) fn cells_of(sheet: &FactSheet, insurer: &InsurerId) -> BTreeMap<CellId, CellFact> {
    // "0" is the first of all valid names.
    let Ok(service) = ServiceId::new("0") else {
        return cells(sheet, |cell| cell.insurer == *insurer);
    };
    let first = CellId {
        insurer: insurer.clone(),
        service,
    };
    let own = sheet
        .cells
        .range(first..)
        .take_while(|(cell, _)| cell.insurer == *insurer);
    own.map(|(cell, fact)| (cell.clone(), fact.clone())).collect()
}

/// The time of the sheet, rounded down to the last instant this page speaks of: what is due or overdue stays the same,
/// and a page that has nothing new is not written again.
fn rounded(mut cut: FactSheet, sheet: &FactSheet) -> FactSheet {
    let cells = cut.cells.values().flat_map(|fact| {
        [
            Some(fact.since),
            fact.next_update,
            fact.last_proof.map(|proof| proof.at),
        ]
        .into_iter()
        .flatten()
    });
    let claims = cut
        .claims
        .iter()
        .flat_map(|claim| [claim.said_at, claim.review_by]);
    let updates = cut.updates.iter().map(|update| update.at);
    let incident = cut
        .incident
        .iter()
        .flat_map(|incident| [incident.began, incident.since]);
    let last = cells
        .chain(claims)
        .chain(updates)
        .chain(incident)
        .filter(|at| *at <= sheet.as_of)
        .max();
    cut.as_of = last.unwrap_or(Timestamp(0));
    cut
}
