//! Sources and the journal.

use maud::{Markup, html};

use super::{Ctx, Page, next, render};
use crate::{
    response::Response,
    route::Kind,
    view::logs::{JournalPage, LineView, SourceView, Sources, page_len},
};

/// Every log the picture rests on.
pub(crate) fn sources(ctx: &Ctx<'_>, view: &Sources) -> Response {
    let bad = view
        .sources
        .iter()
        .filter(|source| source.silent_since.is_some() || source.troubles.iter().any(|trouble| !trouble.over))
        .count();
    let next_words = html! { ul {
        @if view.sources.is_empty() { li { (ctx.of("Noch liest der Leitstand kein Protokoll: Türen, Spool und Prober eintragen.", "The room reads no log yet: enter doors, spool and prober.")) } }
        @else if bad > 0 { li { b { (bad) } (ctx.of(" Quelle(n) schweigen oder haben Schaden. Zwei Geschichten (Abzweig) sind ein Vorfall: Kopie sichern, nichts zurückspielen.", " source(s) are silent or harmed. Two histories (a fork) are an incident: keep a copy, put nothing back.")) } }
        @else { li { (ctx.of("Alle Quellen werden gehört und sind lückenlos. Nichts zu tun.", "All sources are heard and whole. Nothing to do.")) } }
        @if view.pin == "first-seen" { li { (ctx.of("Die erste Verfassung wurde übernommen, wie sie kam: mit dem Papier vergleichen.", "The first charter was taken as it came: compare it with the paper.")) } }
        @if view.pin == "missing" { li { (ctx.of("Es ist keine Verfassung bekannt: ohne sie kann sich niemand anmelden und nichts öffnen.", "No charter is known: without it nobody can log in and nothing opens.")) } }
        @if view.unread > 0 { li { (view.unread) (ctx.of(" Einträge versteht diese Fassung nicht: Leitstand aktualisieren.", " entries this version does not understand: update the room.")) } }
    } };
    let body = html! {
        div.scroll role="region" tabindex="0" aria-label=(ctx.of("Quellen", "Sources")) { table data-rows="1" {
            thead { tr { th scope="col" { (ctx.of("Quelle", "Source")) } th scope="col" { (ctx.of("Stand", "State")) } th scope="col" { (ctx.of("Einträge", "Entries")) } th scope="col" { (ctx.of("Zuletzt gehört", "Last heard")) } } }
            tbody { @for source in &view.sources { (source_row(ctx, source)) } }
        } }
    };
    render(
        ctx,
        Page {
            status: 200,
            title: ctx.of("Quellen", "Sources").into(),
            here: Some(Kind::Sources),
            next: next(ctx, next_words),
            body,
        },
    )
}

fn source_row(ctx: &Ctx<'_>, source: &SourceView) -> Markup {
    let open: Vec<_> = source.troubles.iter().filter(|trouble| !trouble.over).collect();
    html! { tr {
        th scope="row" { code { (source.source) } small { (source.kind) @if source.branch > 0 { (ctx.of(" · neu begonnen ", " · begun anew ")) (source.branch) "×" } } }
        td {
            @if open.is_empty() && source.silent_since.is_none() { "✓ " (ctx.of("gehört", "heard")) }
            @if source.silent_since.is_some() { b.bad { "? " (ctx.of("schweigt", "silent")) } }
            @for trouble in &open { p.bad { "! " (ctx.half(&trouble.what)) " " (ctx.clock.element(ctx.lang, trouble.at.0)) " " a href={ "/protokoll?nr=" (trouble.entry) } { (ctx.of("Eintrag ", "entry ")) (trouble.entry) } } }
        }
        td { (source.entries) @if source.claimed > source.entries { small { (ctx.of("nennt ", "says ")) (source.claimed) } } }
        td { (ctx.clock.element(ctx.lang, source.heard.0)) }
    } }
}

/// The journal, page by page.
pub(crate) fn journal(ctx: &Ctx<'_>, view: &JournalPage) -> Response {
    let next_words = html! { p { (ctx.of("Zum Nachlesen und Beweisen. Prüfen ohne diesen Server: ", "For reading and proving. Checking without this server: ")) code { "bulkhead verify" } "." } };
    let body = html! {
        form.filter method="get" action="/protokoll" role="search" aria-label=(ctx.of("Eintrag suchen", "Find an entry")) {
            label { (ctx.of("Ab Nummer", "From number")) input id="suche" type="search" inputmode="numeric" name="ab" value=(view.from); }
            button type="submit" { (ctx.of("Zeigen", "Show")) }
        }
        (pager(ctx, view))
        div.scroll role="region" tabindex="0" aria-label=(ctx.of("Einträge", "Entries")) { table.blocks data-rows="1" {
            thead { tr { th scope="col" { "Nr." } th scope="col" { (ctx.of("Wann", "When")) } th scope="col" { (ctx.of("Art", "Kind")) } th scope="col" { (ctx.of("Inhalt", "Content")) } } }
            tbody { @for line in &view.lines { (journal_row(ctx, line)) } }
        } }
    };
    render(
        ctx,
        Page {
            status: 200,
            title: ctx.of("Protokoll", "Journal").into(),
            here: Some(Kind::Journal),
            next: next(ctx, next_words),
            body,
        },
    )
}

fn journal_row(ctx: &Ctx<'_>, line: &LineView) -> Markup {
    html! { tr id={ "e" (line.entry) } {
        th scope="row" { (line.entry) }
        td { (ctx.clock.full(ctx.lang, line.at.0)) }
        td { code { (line.kind) } @if !line.source.is_empty() { small { (line.source) } } }
        td { code.body { (line.body) } }
    } }
}

fn pager(ctx: &Ctx<'_>, view: &JournalPage) -> Markup {
    let older = view.from.saturating_sub(page_len());
    let newer = view.from.saturating_add(page_len());
    html! { nav.pager aria-label=(ctx.of("Blättern", "Pages")) {
        @if view.from > 0 { a href={ "/protokoll?ab=" (older) } { "← " (ctx.of("ältere", "older")) } }
        " " (view.from) "–" (view.from.saturating_add(u64::try_from(view.lines.len()).unwrap_or(0)).saturating_sub(1)) (ctx.of(" von ", " of ")) (view.entries) " "
        @if newer < view.entries { a href={ "/protokoll?ab=" (newer) } { (ctx.of("neuere", "newer")) " →" } }
    } }
}
