//! One audience: per service and state what it should do, and for which insurers.

use std::collections::BTreeMap;

use maud::{Markup, html};
use vocabulary::{CellId, ServiceId};

use super::{Page, page};
use crate::{
    sheet::{CellFact, FactSheet},
    words::{Audience, Lang, ServiceKind, State, what_to_do},
};

type Cells<'a> = Vec<(&'a CellId, &'a CellFact)>;

pub(super) fn page(page: &Page, sheet: &FactSheet, lang: Lang, audience: Audience) -> String {
    let mut services: BTreeMap<&ServiceId, BTreeMap<State, Cells<'_>>> = BTreeMap::new();
    for (cell, fact) in &sheet.cells {
        services
            .entry(&cell.service)
            .or_default()
            .entry(fact.state)
            .or_default()
            .push((cell, fact));
    }
    let (title, none) = match lang {
        Lang::De => ("Hinweise für", "Für Sie ist zurzeit kein Dienst verzeichnet."),
        Lang::En => ("Advice for", "No service is listed for you at the moment."),
    };
    let title = format!("{title} {}", audience.name().text(lang));
    let main = html! {
        p { (page::common::CHANGED.text(lang)) ": " (page::time(sheet.as_of, lang)) }
        (page::incident(sheet, lang))
        @if services.is_empty() { p { (none) } }
        @for (service, by_state) in &services {
            section {
                h2 { (sheet.service_name(service, lang)) }
                // Worst first: who has something to do should not have to search.
                @for (state, cells) in by_state.iter().rev() {
                    (group(page, sheet, lang, audience, service, *state, cells))
                }
            }
        }
    };
    page::layout(page, sheet, lang, &title, &main)
}

fn group(
    page: &Page,
    sheet: &FactSheet,
    lang: Lang,
    audience: Audience,
    service: &ServiceId,
    state: State,
    cells: &Cells<'_>,
) -> Markup {
    let told = what_to_do(audience, ServiceKind::of(service), state);
    let list = html! {
        ul { @for (cell, fact) in cells { li {
            a href=(page.to(&Page::Insurer(lang, cell.insurer.clone()))) { (sheet.insurer_name(&cell.insurer)) }
            ": " (page::cell_state(cell, state, lang))
            @if let Some(at) = fact.next_update {
                ". " (page::common::NEXT.text(lang)) ": " (page::cell_time(cell, "next", at, lang))
                (page::overdue(sheet, cell, fact.next_update, lang))
            }
        } } }
    };
    let count = super::claims::insurers(cells.len(), lang);
    html! {
        h3 { (page::bare_state(state, lang)) }
        @if let Some(told) = told { p { span data-say=(audience.slug()) data-service=(service) data-advice=(state.slug()) { (told.text(lang)) } } }
        @if state == State::Normal { details { summary { (count) } (list) } } @else { p { (count) ":" } (list) }
    }
}
