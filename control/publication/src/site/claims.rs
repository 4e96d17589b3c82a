//! What we have said, with corrections beside it; and the log of what changed.

use std::collections::BTreeMap;

use maud::{Markup, html};
use vocabulary::{CellId, ServiceId};

use super::{Page, page};
use crate::{
    sheet::{Change, Claim, ClaimGrade, FactSheet, Standing, Update},
    words::{Lang, Said, State, said},
};

/// On what a claim rests, in words.
pub(crate) const fn grade(grade: ClaimGrade) -> Said {
    match grade {
        ClaimGrade::Observed => said("beobachtet", "observed"),
        ClaimGrade::Assessed => said("eingeschätzt", "assessed"),
        ClaimGrade::Assumed => said("vermutet, nicht geprüft", "assumed, not checked"),
        ClaimGrade::NotKnownYet => said("Das wissen wir noch nicht", "We do not know this yet"),
    }
}

pub(super) fn claims(page: &Page, sheet: &FactSheet, lang: Lang) -> String {
    let (title, intro, none) = match lang {
        Lang::De => (
            "Aussagen und Berichtigungen",
            "Jede öffentliche Aussage mit ihrer Grundlage. Berichtigte Aussagen bleiben stehen.",
            "Es gibt noch keine Aussagen.",
        ),
        Lang::En => (
            "Claims and corrections",
            "Every public claim with what it rests on. Corrected claims stay visible.",
            "There are no claims yet.",
        ),
    };
    let main = html! {
        p { (intro) }
        @if sheet.claims.is_empty() { p { (none) } }
        // Newest first: the last word is what people look for.
        @for one in sheet.claims.iter().rev() { (claim(page, sheet, one, lang)) }
    };
    page::layout(page, sheet, lang, title, &main)
}

/// One claim, with its correction if there is one.
pub(super) fn claim(page: &Page, sheet: &FactSheet, claim: &Claim, lang: Lang) -> Markup {
    let all = page.to(&Page::Claims(lang));
    let (said_words, review, overdue, corrected, corrects) = match lang {
        Lang::De => (
            "gesagt",
            "Wir prüfen erneut spätestens",
            "Die Überprüfung ist überfällig seit",
            "Berichtigt",
            "Berichtigt die Aussage",
        ),
        Lang::En => (
            "said",
            "We check again at the latest",
            "The check is overdue since",
            "Corrected",
            "Corrects the claim",
        ),
    };
    let role = match lang {
        Lang::De => claim.by_role.in_words().0,
        Lang::En => claim.by_role.in_words().1,
    };
    let standing = sheet.standing(claim);
    let slug = match standing {
        Standing::Current => "current",
        Standing::Overdue => "overdue",
        Standing::Corrected(_) => "corrected",
    };
    html! {
        article id={ "aussage-" (claim.id) } class=(slug) data-claim=(claim.id) data-standing=(slug) {
            @if let Some(old) = &claim.corrects {
                p { (corrects) " " a href={ (all) "#aussage-" (old) } { (old) } ":" }
            }
            p { strong { (grade(claim.grade).text(lang)) ": " } span data-text=(claim.id) { (claim.text(lang)) } }
            p { (said_words) " " (page::time(claim.said_at, lang)) ", " (role) }
            @match standing {
                Standing::Current => p { (review) ": " (page::time(claim.review_by, lang)) },
                Standing::Overdue => p class="late" { (overdue) " " (page::time(claim.review_by, lang)) },
                Standing::Corrected(later) => p class="late" {
                    (corrected) " " (page::time(later.said_at, lang)) ": "
                    a href={ (all) "#aussage-" (later.id) } { (later.text(lang)) }
                },
            }
        }
    }
}

pub(super) fn log(page: &Page, sheet: &FactSheet, lang: Lang) -> String {
    let (title, none) = match lang {
        Lang::De => ("Meldungen", "Es gibt noch keine Meldungen."),
        Lang::En => ("Updates", "There are no updates yet."),
    };
    let main = html! {
        @if sheet.updates.is_empty() { p { (none) } }
        @for (index, update) in sheet.updates.iter().enumerate().rev() { (entry(page, sheet, index, update, lang)) }
    };
    page::layout(page, sheet, lang, title, &main)
}

fn entry(page: &Page, sheet: &FactSheet, index: usize, update: &Update, lang: Lang) -> Markup {
    html! {
        article data-update=(index) {
            h2 { (page::time(update.at, lang)) }
            @match &update.change {
                Change::State { state, cells } => {
                    p { span class={ "state " (state.slug()) } data-update-state=(state.slug()) {
                        span class="symbol" aria-hidden="true" { (state.symbol()) } " " (state.name().text(lang))
                    } }
                    (cells_by_service(page, sheet, cells.iter(), lang))
                },
                Change::Claim { id } => {
                    @if let Some(one) = sheet.claims.iter().find(|claim| claim.id == *id) {
                        p { a href={ (page.to(&Page::Claims(lang))) "#aussage-" (id) } { (grade(one.grade).text(lang)) ": " (one.text(lang)) } }
                    }
                },
                Change::Incident { stage } => p { strong { (page::stage(*stage).text(lang)) } },
            }
        }
    }
}

fn cells_by_service<'a>(
    page: &Page,
    sheet: &FactSheet,
    cells: impl Iterator<Item = &'a CellId>,
    lang: Lang,
) -> Markup {
    let mut services: BTreeMap<&ServiceId, Vec<&CellId>> = BTreeMap::new();
    for cell in cells {
        services.entry(&cell.service).or_default().push(cell);
    }
    html! {
        @for (service, cells) in services {
            details {
                summary { (sheet.service_name(service, lang)) ": " (insurers(cells.len(), lang)) }
                ul { @for cell in cells { li data-update-cell=(cell) {
                    a href=(page.to(&Page::Insurer(lang, cell.insurer.clone()))) { (sheet.insurer_name(&cell.insurer)) }
                } } }
            }
        }
    }
}

/// How many insurers, in words.
pub(super) fn insurers(count: usize, lang: Lang) -> String {
    match (lang, count) {
        (Lang::De, 1) => "1 Kasse".to_owned(),
        (Lang::De, many) => format!("{many} Kassen"),
        (Lang::En, 1) => "1 insurer".to_owned(),
        (Lang::En, many) => format!("{many} insurers"),
    }
}

/// One update as a line of text, for the feed.
pub(super) fn headline(sheet: &FactSheet, update: &Update, lang: Lang) -> String {
    match &update.change {
        Change::State { state, cells } => {
            let mut services: BTreeMap<&ServiceId, usize> = BTreeMap::new();
            for cell in cells {
                let count = services.entry(&cell.service).or_default();
                *count = count.saturating_add(1);
            }
            let parts: Vec<String> = services
                .into_iter()
                .map(|(service, count)| {
                    format!(
                        "{} ({})",
                        sheet.service_name(service, lang),
                        insurers(count, lang)
                    )
                })
                .collect();
            format!("{}: {}", state_words(*state, lang), parts.join(", "))
        }
        Change::Claim { id } => sheet.claims.iter().find(|claim| claim.id == *id).map_or_else(
            || id.to_string(),
            |claim| format!("{}: {}", grade(claim.grade).text(lang), claim.text(lang)),
        ),
        Change::Incident { stage } => page::stage(*stage).text(lang).to_owned(),
    }
}

/// The all-clear is called so.
const fn state_words(state: State, lang: Lang) -> &'static str {
    match state {
        State::Normal => said("Entwarnung, in Betrieb", "All clear, operating normally").text(lang),
        State::Restricted | State::Emergency | State::Held | State::OffDecided | State::OffFault => {
            state.name().text(lang)
        }
    }
}
