//! What the site says of one insurer, as data. The insurer's page is made of it, and whoever else shows the same to the
//! insurer's own people makes it of this too: there is no second wording.

use vocabulary::{CellId, InsurerId, ServiceId, Timestamp};

use super::page;
use crate::{
    sheet::{CellFact, FactSheet},
    text::Both,
    words::{self, Audience, Lang, Said, ServiceKind, State, what_to_do},
};

/// Everything the site says of one cell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// Which service.
    pub service: ServiceId,
    /// Its public name.
    pub name: Both<String>,
    /// The state people see.
    pub state: State,
    /// Since when.
    pub since: Timestamp,
    /// What the state means.
    pub meaning: Said,
    /// Why, in public words.
    pub reason: Option<Said>,
    /// When the site speaks again at the latest.
    pub next_update: Option<Timestamp>,
    /// That it is late with that.
    pub late: Option<Said>,
    /// What was last measured, and when.
    pub proof: Option<(Said, Timestamp)>,
    /// What each audience is told to do; empty while everything works.
    pub to_do: Vec<(Audience, Said)>,
}

/// Everything the site says of an insurer's cells, by service. A cell that no door guards is not spoken of.
#[must_use]
pub fn told(sheet: &FactSheet, insurer: &InsurerId) -> Vec<Told> {
    super::cut::cells_of(sheet, insurer)
        .iter()
        .map(|(cell, fact)| of_cell(sheet, cell, fact))
        .collect()
}

pub(super) fn of_cell(sheet: &FactSheet, cell: &CellId, fact: &CellFact) -> Told {
    let kind = ServiceKind::of(&cell.service);
    let name = |lang| sheet.service_name(&cell.service, lang).to_owned();
    let tells = |audience: Audience| Some((audience, what_to_do(audience, kind, fact.state)?));
    Told {
        service: cell.service.clone(),
        name: Both {
            de: name(Lang::De),
            en: name(Lang::En),
        },
        state: fact.state,
        since: fact.since,
        meaning: fact.state.meaning(),
        reason: fact.reason_class.map(words::reason),
        next_update: fact.next_update,
        late: fact
            .next_update
            .is_some_and(|at| at <= sheet.as_of)
            .then_some(page::common::OVERDUE),
        proof: fact.last_proof.map(|proof| (page::grade(proof.grade), proof.at)),
        to_do: match fact.state {
            State::Normal => Vec::new(),
            State::Restricted | State::Emergency | State::Held | State::OffDecided | State::OffFault => {
                Audience::ALL.into_iter().filter_map(tells).collect()
            }
        },
    }
}
