//! One insurer: each of its services, and what each audience should do.

use maud::{Markup, html};
use vocabulary::{CellId, InsurerId};

use super::{
    Page, page,
    told::{Told, of_cell},
};
use crate::{
    sheet::{CellFact, FactSheet},
    words::Lang,
};

pub(super) fn page(page: &Page, sheet: &FactSheet, lang: Lang, id: &InsurerId) -> String {
    let title = sheet.insurer_name(id);
    let main = html! {
        p { (page::common::CHANGED.text(lang)) ": " (page::time(sheet.as_of, lang)) }
        (page::incident(sheet, lang))
        (table(sheet, lang))
        @for (cell, fact) in &sheet.cells { (service(sheet, cell, fact, &of_cell(sheet, cell, fact), lang)) }
    };
    page::layout(page, sheet, lang, title, &main)
}

fn table(sheet: &FactSheet, lang: Lang) -> Markup {
    let caption = match lang {
        Lang::De => "Alle Dienste dieser Kasse",
        Lang::En => "All services of this insurer",
    };
    html! {
        div class="scroll" role="region" tabindex="0" aria-label=(caption) {
            table {
                caption { (caption) }
                thead { tr {
                    th scope="col" { (page::common::SERVICE.text(lang)) }
                    th scope="col" { (page::common::STATE.text(lang)) }
                    th scope="col" { (page::common::SINCE.text(lang)) }
                    th scope="col" { (page::common::NEXT.text(lang)) }
                } }
                tbody { @for (cell, fact) in &sheet.cells { tr {
                    th scope="row" {
                        a href={ "#dienst-" (cell.service) } { (sheet.service_name(&cell.service, lang)) }
                    }
                    td { (page::cell_state(cell, fact.state, lang)) }
                    td { (page::cell_time(cell, "since", fact.since, lang)) }
                    td {
                        @if let Some(at) = fact.next_update { (page::cell_time(cell, "next", at, lang)) } @else { "–" }
                    }
                } } }
            }
        }
    }
}

fn service(sheet: &FactSheet, cell: &CellId, fact: &CellFact, told: &Told, lang: Lang) -> Markup {
    let (what, proof_words, why_words) = match lang {
        Lang::De => ("Was Sie tun sollten", "Zuletzt nachgewiesen", "Grund"),
        Lang::En => ("What you should do", "Last proof", "Reason"),
    };
    html! {
        section aria-labelledby={ "dienst-" (cell.service) } {
            h2 id={ "dienst-" (cell.service) } { (told.name.text(lang)) }
            p { (page::cell_state(cell, fact.state, lang)) " " (page::common::SINCE.text(lang)) " "
                (page::cell_time(cell, "since", fact.since, lang)) "." }
            p data-cell=(cell) data-meaning=(fact.state.slug()) { (told.meaning.text(lang)) }
            dl {
                @if let (Some(class), Some(reason)) = (fact.reason_class, told.reason) {
                    dt { (why_words) }
                    dd { span data-cell=(cell) data-reason=(class) { (reason.text(lang)) } }
                }
                @if let Some(at) = told.next_update {
                    dt { (page::common::NEXT.text(lang)) }
                    dd { (page::cell_time(cell, "next", at, lang)) }
                }
                @if let Some((grade, at)) = told.proof {
                    dt { (proof_words) }
                    dd { (grade.text(lang)) ", " (page::cell_time(cell, "proof", at, lang)) }
                }
            }
            (page::overdue(sheet, cell, fact.next_update, lang))
            @if !told.to_do.is_empty() {
                h3 { (what) }
                dl { @for (audience, words) in &told.to_do {
                    dt { (audience.name().text(lang)) }
                    dd { span data-cell=(cell) data-state=(told.state.slug()) data-say=(audience.slug()) { (words.text(lang)) } }
                } }
            }
        }
    }
}
