//! The Atom feed (RFC 4287): one entry per update, the all-clear included.

use maud::{PreEscaped, html};
use vocabulary::Timestamp;

use super::{Page, claims, page};
use crate::{
    sheet::{Change, FactSheet},
    words::{Lang, Said, said},
};

/// Entries in a feed: readers poll more often than this many things happen.
pub(super) const ENTRIES_MAX: usize = 100;

const TITLE: Said = said(
    "Meldungen zum Stand der Dienste",
    "Updates on the state of the services",
);

pub(super) fn feed(sheet: &FactSheet, lang: Lang) -> String {
    let own = Page::Feed(lang).path();
    let base = sheet.address.as_ref().map_or("", |address| address.as_str());
    // RFC 4151: a name for good that needs no address on the network.
    let tag = |rest: &str| format!("tag:{}.invalid,2026:{rest}", sheet.estate);
    let updated = sheet.updates.last().map_or(sheet.as_of, |update| update.at);
    let markup = html! {
        (PreEscaped("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"))
        feed xmlns="http://www.w3.org/2005/Atom" xml:lang=(lang.tag()) {
            id { (tag(lang.tag())) }
            title { (sheet.name) ": " (TITLE.text(lang)) }
            updated { (updated) }
            author { name { (sheet.name) } }
            link rel="self" type="application/atom+xml" href={ (base) (own) } {}
            link rel="alternate" type="text/html" href={ (base) (Page::Log(lang).path()) } {}
            @for update in sheet.updates.iter().rev() {
                @let title = claims::headline(sheet, update, lang);
                entry {
                    id { (tag(&entry_id(lang, update.at, &update.change))) }
                    title { (title) }
                    updated { (update.at) }
                    link rel="alternate" type="text/html" href={ (base) (Page::Log(lang).path()) } {}
                    @match &update.change {
                        Change::State { state, cells } => {
                            category scheme="state" term=(state.slug()) {}
                            @for cell in cells { category scheme="cell" term=(cell) {} }
                            content type="text" { (state.meaning().text(lang)) }
                        },
                        Change::Claim { id } => {
                            category scheme="claim" term=(id) {}
                            content type="text" { (title) }
                        },
                        Change::Incident { stage } => content type="text" { (page::stage(*stage).text(lang)) },
                    }
                }
            }
        }
    };
    markup.into_string()
}

/// The same update keeps its name in every later feed.
fn entry_id(lang: Lang, at: Timestamp, change: &Change) -> String {
    let what = match change {
        Change::State { state, .. } => state.slug().to_owned(),
        Change::Claim { id } => format!("claim/{id}"),
        Change::Incident { .. } => "incident".to_owned(),
    };
    format!("{}/{}/{what}", lang.tag(), at.0)
}
