//! What was found.

use maud::{Markup, html};

use super::{Ctx, Page, next, render};
use crate::{
    lang,
    response::Response,
    route::Kind,
    view::search::{Found, Hit},
};

/// The list of what was found, and the search again.
pub(crate) fn search(ctx: &Ctx<'_>, view: &Found, typed: &str) -> Response {
    let next_words = html! {
        @if !view.asked { p { (ctx.of("Eintippen, was Sie haben: Kasse, IK, Zelle (kasse/dienst), Vorfall, die ersten Ziffern einer Erklärung oder die Nummer eines Protokolleintrags.", "Type what you have: insurer, IK, cell (insurer/service), incident, the first digits of a statement, or the number of a journal entry.")) } }
        @else if view.hits.is_empty() { p { (ctx.of("Nichts gefunden, was Sie sehen können. Von einer Erklärung genügen die ersten vier Ziffern; ein Name darf ein Teil sein. ", "Nothing found that you can see. Of a statement the first four digits are enough; a name may be a part. ")) a href="/" { (ctx.of("Zur Lage", "To the picture")) } } }
        @else { p { b { (view.hits.len()) } (ctx.of(" Treffer. Den richtigen öffnen.", " hits. Open the right one.")) } }
    };
    let body = html! {
        form.filter method="get" action="/suche" role="search" aria-label=(ctx.of("Alles durchsuchen", "Search everything")) {
            label { (ctx.of("Suche", "Search")) input id="suche" type="search" name="was" value=(typed) autocomplete="off"; }
            button type="submit" { (ctx.of("Suchen", "Search")) }
        }
        @if !view.hits.is_empty() {
            div.scroll role="region" tabindex="0" aria-label=(ctx.of("Treffer", "Hits")) { table.blocks data-rows="1" {
                thead { tr { th scope="col" { (ctx.of("Was", "What")) } th scope="col" { (ctx.of("Name", "Name")) } th scope="col" { (ctx.of("Inhalt", "Content")) } } }
                tbody { @for hit in &view.hits { (row(ctx, hit)) } }
            } }
        }
    };
    render(
        ctx,
        Page {
            status: 200,
            title: ctx.of("Suche", "Search").into(),
            here: Some(Kind::Search),
            next: next(ctx, next_words),
            body,
        },
    )
}

fn row(ctx: &Ctx<'_>, hit: &Hit) -> Markup {
    let kind = match hit.kind {
        "insurer" => ("Kasse", "insurer"),
        "cell" => ("Zelle", "cell"),
        "incident" => ("Vorfall", "incident"),
        "draft" => ("Entwurf", "draft"),
        "statement" => ("Erklärung", "statement"),
        _ => ("Protokolleintrag", "journal entry"),
    };
    let shown = match hit.kind {
        "draft" | "statement" => super::cell::short(&hit.name),
        _ => hit.name.as_str(),
    };
    html! { tr {
        td { (lang::pick(ctx.lang, kind)) }
        th scope="row" { a href=(hit.page) title=(hit.name) { code { (shown) } } }
        td { (ctx.both(&hit.says)) }
    } }
}
