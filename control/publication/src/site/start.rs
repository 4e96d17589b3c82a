//! The overview: how many insurers are in which state, per service; and the same in plain German.

use std::collections::BTreeMap;

use maud::{Markup, html};
use vocabulary::ServiceId;

use super::{Page, page};
use crate::{
    sheet::{ClaimGrade, FactSheet},
    words::{Audience, Lang, ServiceKind, State},
};

pub(super) fn start(page: &Page, sheet: &FactSheet, lang: Lang) -> String {
    let (title, as_of, who, list, unknown) = match lang {
        Lang::De => (
            "Stand der Dienste",
            "Stand der Fakten:",
            "Was Sie jetzt tun sollten",
            "Alle Kassen",
            "Was wir noch nicht wissen",
        ),
        Lang::En => (
            "State of the services",
            "Facts as of:",
            "What you should do now",
            "All insurers",
            "What we do not know yet",
        ),
    };
    let not_known: Vec<_> = sheet
        .claims
        .iter()
        .filter(|claim| claim.grade == ClaimGrade::NotKnownYet)
        .collect();
    let main = html! {
        p { (as_of) " " strong { (page::time(sheet.as_of, lang)) } }
        (page::incident(sheet, lang))
        (matrix(sheet, lang))
        (legend(lang))
        section {
            h2 { (who) }
            ul { @for audience in Audience::ALL {
                li { a href=(page.to(&Page::Audience(lang, audience))) { (audience.name().text(lang)) } }
            } }
        }
        @if !not_known.is_empty() {
            section {
                h2 { (unknown) }
                @for claim in not_known { (super::claims::claim(page, sheet, claim, lang)) }
            }
        }
        section {
            h2 { (list) }
            (insurers(page, sheet, lang))
        }
        (sources(page, sheet, lang))
    };
    page::layout(page, sheet, lang, title, &main)
}

fn matrix(sheet: &FactSheet, lang: Lang) -> Markup {
    let counts = sheet.counts();
    let caption = match lang {
        Lang::De => "Anzahl der Kassen je Dienst und Stand",
        Lang::En => "Number of insurers by service and state",
    };
    html! {
        div class="scroll" role="region" tabindex="0" aria-label=(caption) {
            table {
                caption { (caption) }
                thead { tr {
                    th scope="col" { (page::common::SERVICE.text(lang)) }
                    @for state in State::ALL { th scope="col" { (page::bare_state(state, lang)) } }
                } }
                tbody { @for (service, by_state) in &counts { tr {
                    th scope="row" { (sheet.service_name(service, lang)) }
                    @for state in State::ALL {
                        td class="number" data-service=(service) data-count=(state.slug()) {
                            (by_state.get(&state).copied().unwrap_or_default())
                        }
                    }
                } } }
            }
        }
    }
}

fn legend(lang: Lang) -> Markup {
    let heading = match lang {
        Lang::De => "Was die Wörter bedeuten",
        Lang::En => "What the words mean",
    };
    html! {
        details {
            summary { (heading) }
            dl { @for state in State::ALL {
                dt { (page::bare_state(state, lang)) }
                dd data-legend=(state.slug()) { (state.meaning().text(lang)) }
            } }
        }
    }
}

fn insurers(page: &Page, sheet: &FactSheet, lang: Lang) -> Markup {
    let worst = sheet.worst();
    let caption = match lang {
        Lang::De => "Jede Kasse mit dem schlechtesten Stand ihrer Dienste",
        Lang::En => "Each insurer with the worst state of its services",
    };
    html! {
        table {
            caption { (caption) }
            thead { tr {
                th scope="col" { (page::common::INSURER.text(lang)) }
                th scope="col" { (page::common::STATE.text(lang)) }
            } }
            tbody { @for (insurer, state) in worst { tr {
                th scope="row" {
                    a href=(page.to(&Page::Insurer(lang, insurer.clone()))) { (sheet.insurer_name(insurer)) }
                }
                td { span class={ "state " (state.slug()) } data-insurer=(insurer) data-worst=(state.slug()) {
                    span class="symbol" aria-hidden="true" { (state.symbol()) } " " (state.name().text(lang))
                } }
            } } }
        }
    }
}

fn sources(page: &Page, sheet: &FactSheet, lang: Lang) -> Markup {
    let (heading, journal, root, machines, phone) = match lang {
        Lang::De => (
            "Woher diese Seite kommt",
            "Journal, Anzahl der Einträge:",
            "Wurzel:",
            "Für Maschinen:",
            "Text für Telefonauskunft",
        ),
        Lang::En => (
            "Where this page comes from",
            "Journal, number of entries:",
            "Root:",
            "For machines:",
            "Text for telephone information",
        ),
    };
    html! {
        section {
            h2 { (heading) }
            p { (journal) " " span data-journal="len" { (sheet.journal.len) } ". " (root) " " code data-journal="root" { (sheet.journal.root) } }
            p { (machines) " "
                a href=(page.to(&Page::Summary)) { "summary.json" } ", "
                a href=(page.to(&Page::Facts)) { "fakten.json" } ", "
                a href=(page.to(&Page::Feed(lang))) { "Atom" }
            }
            p { a href=(page.to(&Page::Phone(lang))) { (phone) } }
        }
    }
}

/// The overview in short German sentences. Marked as not yet tested by readers, because it is not.
pub(super) fn plain(page: &Page, sheet: &FactSheet) -> String {
    let counts = sheet.counts();
    let main = html! {
        p { "Diese Seite ist in einfachen Sätzen geschrieben." }
        p { strong { "Hinweis: Menschen mit Lernschwierigkeiten haben den Text noch nicht geprüft." } }
        p { "Die Seite zeigt: Was geht bei den Kranken-Kassen? Und was geht nicht?" }
        p { "Die Angaben sind von: " (page::time(sheet.as_of, Lang::De)) }
        @if sheet.incident.is_some() {
            p { "Es gibt gerade ein Problem mit den Computern. Viele Menschen arbeiten daran." }
        }
        @for (service, by_state) in &counts { (plain_service(service, by_state, sheet)) }
        h2 { "Wie ist es bei meiner Kasse?" }
        p { a href=(page.to(&Page::Start(Lang::De))) { "Hier sind alle Kassen." } " Suchen Sie den Namen Ihrer Kasse." }
        h2 { "Sie brauchen schnell Hilfe?" }
        p { "Rufen Sie Ihre Kasse an. Oder gehen Sie hin." }
        p { "Niemand von uns fragt nach Ihrem Pass-Wort. Sagen Sie es keinem." }
    };
    page::layout(page, sheet, Lang::De, "Was geht? Was geht nicht?", &main)
}

fn plain_service(service: &ServiceId, by_state: &BTreeMap<State, usize>, sheet: &FactSheet) -> Markup {
    let count = |state: State| by_state.get(&state).copied().unwrap_or_default();
    let sentence = |state: State| match state {
        State::Normal => "Das geht.",
        State::Restricted => "Das geht nur zum Teil.",
        State::Emergency => "Das geht. Aber anders als sonst. Es kann länger dauern.",
        State::Held => {
            "Ihre Nachricht kommt an. Sie geht nicht verloren. Sie wird später bearbeitet. Schicken Sie die Nachricht nicht noch einmal."
        }
        State::OffDecided => "Das geht gerade nicht. Wir haben es zum Schutz aus-geschaltet.",
        State::OffFault => "Das geht gerade nicht. Es ist kaputt.",
    };
    html! {
        h2 { (plain_name(service, sheet)) }
        ul { @for state in State::ALL.into_iter().filter(|state| count(*state) > 0) {
            li data-service=(service) data-plain=(state.slug()) data-count-of=(count(state)) {
                "Bei " (count(state)) @if count(state) == 1 { " Kasse: " } @else { " Kassen: " } (sentence(state))
            }
        } }
    }
}

fn plain_name<'a>(service: &'a ServiceId, sheet: &'a FactSheet) -> &'a str {
    match ServiceKind::of(service) {
        ServiceKind::Kim => "Nachrichten von Ärzten an die Kasse",
        ServiceKind::Eau => "Krank-Meldung vom Arzt an die Kasse",
        ServiceKind::Contact => "E-Mail an die Kasse",
        ServiceKind::Epa => "Elektronische Patienten-Akte",
        ServiceKind::Payments => "Geld von der Kasse",
        ServiceKind::Statistics => "Zahlen für die Ämter",
        ServiceKind::Exchange => "Nachrichten von Firmen an die Kasse",
        ServiceKind::Lookup => "Auskunft in der Apotheke",
        ServiceKind::Other => sheet.service_name(service, Lang::De),
    }
}
