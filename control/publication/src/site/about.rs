//! Pages that explain: accessibility, how to ask by key, and what a missing page means.

use maud::{DOCTYPE, Markup, html};

use super::{Page, page};
use crate::{ask, sheet::FactSheet, words::Lang};

pub(super) fn accessibility(page: &Page, sheet: &FactSheet, lang: Lang) -> String {
    let main = match lang {
        Lang::De => html! {
            p { "Diese Seite soll für alle nutzbar sein. Maßstab sind die BITV 2.0 und die Norm EN 301 549." }
            h2 { "Was erfüllt sein soll" }
            ul {
                li { "Alle Inhalte sind ohne Skript, mit Tastatur und mit Vorleseprogramm nutzbar." }
                li { "Kein Zustand wird nur durch Farbe gezeigt: immer Zeichen und Wort." }
                li { "Tabellen haben Überschriften; die Sprache ist ausgezeichnet." }
                li { "Die Seite ist ab 320 Pixel Breite lesbar und lässt sich drucken." }
            }
            h2 { "Was noch fehlt" }
            ul {
                li { "Die Fassung in einfachen Sätzen wurde nicht von Testpersonen geprüft und gilt daher nicht als Leichte Sprache." }
                li { "Es gibt noch kein Video in Deutscher Gebärdensprache." }
                li { "Eine Prüfung durch eine unabhängige Stelle hat noch nicht stattgefunden." }
            }
            h2 { "Barriere melden" }
            (contact(sheet, lang))
            p { "Bleibt Ihre Meldung ohne Antwort, können Sie sich an die zuständige Schlichtungs- oder Durchsetzungsstelle wenden." }
        },
        Lang::En => html! {
            p { "Everybody should be able to use this site. The measure is BITV 2.0 and the standard EN 301 549." }
            h2 { "What should hold" }
            ul {
                li { "All content can be used without scripts, with a keyboard and with a screen reader." }
                li { "No state is shown by colour alone: always a symbol and a word." }
                li { "Tables have headers; the language is marked." }
                li { "The site is readable from a width of 320 pixels and can be printed." }
            }
            h2 { "What is missing" }
            ul {
                li { "The version in simple German sentences has not been tested by readers and so does not count as easy-to-read language." }
                li { "There is no video in German Sign Language yet." }
                li { "No independent body has examined the site yet." }
            }
            h2 { "Report a barrier" }
            (contact(sheet, lang))
            p { "If your report remains unanswered, you can turn to the competent conciliation or enforcement body." }
        },
    };
    page::layout(page, sheet, lang, page::common::ACCESS.text(lang), &main)
}

fn contact(sheet: &FactSheet, lang: Lang) -> Markup {
    let (reach, none) = match lang {
        Lang::De => (
            "Sie erreichen uns:",
            "Eine Kontaktmöglichkeit ist hier noch nicht hinterlegt.",
        ),
        Lang::En => ("You reach us:", "No way to contact us has been entered here yet."),
    };
    html! {
        @if let Some(contact) = &sheet.contact { p { (reach) " " (contact) } } @else { p { (none) } }
    }
}

pub(super) fn ask(page: &Page, sheet: &FactSheet, lang: Lang) -> String {
    let main = match lang {
        Lang::De => html! {
            p { "Als Absender können Sie nachsehen, was mit einer Nachricht geschah, ohne ihren Inhalt zu nennen." }
            ol {
                li { "Suchen Sie in Ihrer Empfangsquittung die Vorgangsnummer: 32 Zeichen nach „250 2.0.0“." }
                li { "Berechnen Sie den Schlüssel. Unter Linux und macOS, mit der Vorgangsnummer statt NUMMER:"
                    pre { code { (ask::command("NUMMER")) } } }
                li { "Rufen Sie auf dieser Website auf: " code { "frage/" } ", dann die ersten zwei Zeichen des Schlüssels, "
                    code { "/" } ", dann den ganzen Schlüssel, dann " code { ".html" } "." }
            }
            (answers(lang))
            p { "Gibt es zu Ihrem Schlüssel keine Seite, wissen wir dazu nichts zu sagen. Das heißt nicht, dass Ihre Nachricht fehlt. Prüfen Sie den Schlüssel und sehen Sie später noch einmal nach." }
            (key(sheet, lang))
        },
        Lang::En => html! {
            p { "As a sender you can look up what happened to a message without revealing its content." }
            ol {
                li { "Find the item number in your receipt: 32 characters after “250 2.0.0”." }
                li { "Compute the key. On Linux and macOS, with the item number in place of ITEM:"
                    pre { code { (ask::command("ITEM")) } } }
                li { "Open on this website: " code { "frage/" } ", then the first two characters of the key, "
                    code { "/" } ", then the whole key, then " code { ".html" } "." }
            }
            (answers(lang))
            p { "If there is no page for your key, we have nothing to say about it. That does not mean that your message is missing. Check the key and look again later." }
            (key(sheet, lang))
        },
    };
    page::layout(page, sheet, lang, page::common::ASK.text(lang), &main)
}

fn answers(lang: Lang) -> Markup {
    let heading = match lang {
        Lang::De => "Was die Antworten bedeuten",
        Lang::En => "What the answers mean",
    };
    html! {
        h2 { (heading) }
        dl { @for state in ask::Fate::ALL {
            dt data-fate=(state.slug()) { (state.name().text(lang)) }
            dd { (state.meaning().text(lang)) }
        } }
    }
}

fn key(sheet: &FactSheet, lang: Lang) -> Markup {
    let (heading, signed, none) = match lang {
        Lang::De => (
            "Echtheit",
            "Jede Antwort ist unterschrieben. Der öffentliche Schlüssel:",
            "Der öffentliche Schlüssel ist hier noch nicht hinterlegt.",
        ),
        Lang::En => (
            "Authenticity",
            "Every answer is signed. The public key:",
            "The public key has not been entered here yet.",
        ),
    };
    html! {
        h2 { (heading) }
        p { (signed) }
        @if let Some(key) = &sheet.answer_key { pre { code { (key) } } } @else { p { (none) } }
    }
}

/// Shown at any address, so its links are whole addresses where the site's own is known.
pub(super) fn not_found(sheet: &FactSheet) -> String {
    let base = sheet.address.as_ref().map_or("", |address| address.as_str());
    let link = |page: Page| format!("{base}{}", page.path());
    let markup = html! {
        (DOCTYPE)
        html lang="de" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(page::POLICY);
                meta name="referrer" content="no-referrer";
                title { "Hier ist keine Seite – " (sheet.name) }
                link rel="stylesheet" href=(link(Page::Style));
            }
            body { main {
                h1 { "Hier ist keine Seite" }
                p { "Zu dieser Adresse gibt es keine Seite. Bei einer Nachrichten-Abfrage heißt das: Wir wissen dazu nichts zu sagen. Es heißt nicht, dass Ihre Nachricht fehlt. Senden Sie sie deshalb nicht noch einmal." }
                p { a href=(link(Page::Start(Lang::De))) { (page::common::START.de) } " · "
                    a href=(link(Page::Ask(Lang::De))) { "Wie Sie eine Nachricht abfragen" } }
                div lang="en" {
                    h2 { "There is no page here" }
                    p { "If you asked about a message this means: we have nothing to say about it. It does not mean that your message is missing. Do not send it again for that reason." }
                    p { a href=(link(Page::Start(Lang::En))) { (page::common::START.en) } " · "
                        a href=(link(Page::Ask(Lang::En))) { "How to ask about a message" } }
                }
            } }
        }
    };
    markup.into_string()
}
