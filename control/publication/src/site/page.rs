//! What every page has: head, navigation, footer; and the small pieces that tell a state or a time.

use maud::{DOCTYPE, Markup, html};
use vocabulary::{CellId, Timestamp};

use super::Page;
use crate::{
    sheet::{FactSheet, Grade, Stage},
    when,
    words::{Audience, Lang, Said, State, said},
};

/// What a page may load and do: its own stylesheet, nothing else. A server can add that nobody may frame it, which a
/// page cannot say of itself.
pub(crate) const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'";

/// The same words on every page.
pub(crate) mod common {
    use super::{Said, said};
    pub(crate) const SKIP: Said = said("Zum Inhalt springen", "Skip to content");
    pub(crate) const START: Said = said("Übersicht", "Overview");
    pub(crate) const CLAIMS: Said = said("Aussagen", "Claims");
    pub(crate) const LOG: Said = said("Meldungen", "Updates");
    pub(crate) const ASK: Said = said("Nachricht abfragen", "Ask about a message");
    pub(crate) const ACCESS: Said = said("Barrierefreiheit", "Accessibility");
    pub(crate) const SINCE: Said = said("seit", "since");
    pub(crate) const NEXT: Said = said("Nächste Meldung spätestens", "Next update at the latest");
    pub(crate) const OVERDUE: Said = said(
        "Diese Meldung ist überfällig: wir sind in Verzug.",
        "This update is overdue: we are late.",
    );
    pub(crate) const SERVICE: Said = said("Dienst", "Service");
    pub(crate) const INSURER: Said = said("Kasse", "Insurer");
    pub(crate) const STATE: Said = said("Stand", "State");
    pub(crate) const NAVIGATION: Said = said("Seiten", "Pages");
    pub(crate) const CHANGED: Said = said("Letzte Änderung auf dieser Seite", "Last change on this page");
}

impl Page {
    /// The same page in the other language, where there is one.
    fn twin(&self, lang: Lang) -> Self {
        match self {
            Self::Start(_) | Self::Plain | Self::NotFound => Self::Start(lang),
            Self::Insurer(_, id) => Self::Insurer(lang, id.clone()),
            Self::Audience(_, audience) => Self::Audience(lang, *audience),
            Self::Claims(_) => Self::Claims(lang),
            Self::Log(_) => Self::Log(lang),
            Self::Accessibility(_) => Self::Accessibility(lang),
            Self::Ask(_) => Self::Ask(lang),
            Self::Feed(_) => Self::Feed(lang),
            Self::Phone(_) => Self::Phone(lang),
            Self::Summary => Self::Summary,
            Self::Facts => Self::Facts,
            Self::Style => Self::Style,
        }
    }

    /// A link from this page to another.
    pub(crate) fn to(&self, other: &Self) -> String {
        format!("{}{}", self.up(), other.path())
    }
}

/// A whole page around its main part.
pub(crate) fn layout(page: &Page, sheet: &FactSheet, lang: Lang, title: &str, main: &Markup) -> String {
    let other = match lang {
        Lang::De => Lang::En,
        Lang::En => Lang::De,
    };
    let other_name = match other {
        Lang::De => "Deutsch",
        Lang::En => "English",
    };
    let markup = html! {
        (DOCTYPE)
        html lang=(lang.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="referrer" content="no-referrer";
                title { (title) " – " (sheet.name) }
                link rel="stylesheet" href=(page.to(&Page::Style));
                link rel="alternate" type="application/atom+xml" title=(common::LOG.text(lang)) href=(page.to(&Page::Feed(lang)));
            }
            body {
                a class="skip" href="#inhalt" { (common::SKIP.text(lang)) }
                header {
                    p class="brand" { (sheet.name) }
                    (navigation(page, lang))
                    p class="languages" {
                        a href=(page.to(&page.twin(other))) lang=(other.tag()) hreflang=(other.tag()) { (other_name) }
                        " · "
                        a href=(page.to(&Page::Plain)) lang="de" hreflang="de" { "Leichte Sprache" }
                    }
                }
                main id="inhalt" {
                    h1 { (title) }
                    (main)
                }
                footer { (footer(page, sheet, lang)) }
            }
        }
    };
    markup.into_string()
}

fn navigation(page: &Page, lang: Lang) -> Markup {
    let entry = |target: Page, name: &str| {
        html! {
            li {
                @if target == *page { a href=(page.to(&target)) aria-current="page" { (name) } }
                @else { a href=(page.to(&target)) { (name) } }
            }
        }
    };
    html! {
        nav aria-label=(common::NAVIGATION.text(lang)) {
            ul {
                (entry(Page::Start(lang), common::START.text(lang)))
                @for audience in Audience::ALL {
                    (entry(Page::Audience(lang, audience), audience.name().text(lang)))
                }
                (entry(Page::Claims(lang), common::CLAIMS.text(lang)))
                (entry(Page::Log(lang), common::LOG.text(lang)))
                (entry(Page::Ask(lang), common::ASK.text(lang)))
            }
        }
    }
}

fn footer(page: &Page, sheet: &FactSheet, lang: Lang) -> Markup {
    let [late, phishing, fresh] = match lang {
        Lang::De => [
            "Zeiten sind Zeiten unserer nächsten Meldung, keine Zusage, dass dann etwas wieder geht. Ist eine Zeit verstrichen und steht hier nichts Neues, sind wir in Verzug.",
            "Wir fragen Sie nie per E-Mail, SMS oder Anruf nach Passwörtern, PIN oder TAN.",
            "Wann die Fakten zuletzt geprüft wurden, steht auf der Übersicht.",
        ],
        Lang::En => [
            "Times are times of our next update, no promise that something works by then. If a time has passed and nothing new is here, we are late.",
            "We never ask you for passwords, PIN or TAN by e-mail, text message or telephone.",
            "When the facts were last checked is on the overview page.",
        ],
    };
    html! {
        p { (late) }
        p { (phishing) }
        p { (fresh) }
        @if let Some(contact) = &sheet.contact { p { (contact) } }
        p { a href=(page.to(&Page::Accessibility(lang))) { (common::ACCESS.text(lang)) } }
    }
}

/// A state of a cell: symbol and word, never a colour alone.
pub(crate) fn cell_state(cell: &CellId, state: State, lang: Lang) -> Markup {
    html! {
        span class={ "state " (state.slug()) } data-cell=(cell) data-state=(state.slug()) {
            span class="symbol" aria-hidden="true" { (state.symbol()) } " " (state.name().text(lang))
        }
    }
}

/// A state of no single cell.
pub(crate) fn bare_state(state: State, lang: Lang) -> Markup {
    html! {
        span class={ "state " (state.slug()) } {
            span class="symbol" aria-hidden="true" { (state.symbol()) } " " (state.name().text(lang))
        }
    }
}

/// An instant, readable by people and machines.
pub(crate) fn time(at: Timestamp, lang: Lang) -> Markup {
    html! { time datetime=(at) { (when::long(at, lang)) } }
}

/// An instant that belongs to a cell.
pub(crate) fn cell_time(cell: &CellId, field: &str, at: Timestamp, lang: Lang) -> Markup {
    html! { time datetime=(at) data-cell=(cell) data-field=(field) { (when::long(at, lang)) } }
}

/// That we are late with the next update of a cell, if we are.
pub(crate) fn overdue(sheet: &FactSheet, cell: &CellId, next: Option<Timestamp>, lang: Lang) -> Markup {
    html! {
        @if next.is_some_and(|at| at <= sheet.as_of) {
            " " strong class="late" data-cell=(cell) data-overdue="yes" { (common::OVERDUE.text(lang)) }
        }
    }
}

/// The incident, as it stands on top of pages.
pub(crate) fn incident(sheet: &FactSheet, lang: Lang) -> Markup {
    let Some(incident) = &sheet.incident else {
        return html! {};
    };
    let (title, summary) = match lang {
        Lang::De => (&incident.title.de, &incident.summary.de),
        Lang::En => (&incident.title.en, &incident.summary.en),
    };
    let (began, stage_of) = match lang {
        Lang::De => ("Beginn, soweit bekannt:", "Stand des Vorfalls:"),
        Lang::En => ("Began, as far as known:", "State of the incident:"),
    };
    html! {
        section class="incident" aria-labelledby="vorfall" {
            h2 id="vorfall" { (title) }
            p { (summary) }
            p { (began) " " (time(incident.began, lang)) }
            p { (stage_of) " " strong { (stage(incident.stage).text(lang)) } " " (common::SINCE.text(lang)) " " (time(incident.since, lang)) }
        }
    }
}

/// How far we are, in words.
pub(crate) const fn stage(stage: Stage) -> Said {
    match stage {
        Stage::Investigating => said("wir untersuchen", "investigating"),
        Stage::Identified => said("Ursache eingegrenzt", "identified"),
        Stage::Monitoring => said("wir beobachten", "monitoring"),
        Stage::Resolved => said("Entwarnung", "resolved: all clear"),
    }
}

/// How far a measurement came, in words.
pub(crate) const fn grade(grade: Grade) -> Said {
    match grade {
        Grade::Ordered => said("angeordnet, noch nicht bestätigt", "ordered, not yet confirmed"),
        Grade::Applied => said("am Zugang in Kraft gesetzt", "in force at the access point"),
        Grade::Proven => said("von außen nachgemessen", "measured from outside"),
        Grade::Failed => said(
            "Messung von außen nicht bestanden",
            "measurement from outside not passed",
        ),
    }
}
