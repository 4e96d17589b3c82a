//! What waits for whom.

use maud::{Markup, html};

use super::{Ctx, Live, Page, next, render_live, statement_link};
use crate::{
    lang,
    response::Response,
    route::Kind,
    view::waiting::{Ending, Waiting, WaitingDoor, WaitingDraft, WaitingOpening},
};

/// The list to go through at night.
pub(crate) fn waiting(ctx: &Ctx<'_>, view: &Waiting) -> Response {
    let nothing =
        view.doors.is_empty() && view.drafts.is_empty() && view.openings.is_empty() && view.ending.is_empty();
    let next_words = html! {
        @if nothing { p { (ctx.of("Nichts wartet. ", "Nothing waits. ")) a href="/" { (ctx.of("Zur Lage", "To the picture")) } } }
        @else { p { (ctx.of("Von oben nach unten: erst Türen, die nicht tun was angeordnet ist, dann Unterschriften, dann Öffnungen, dann was bald endet.",
            "From top to bottom: first doors that do not do what was ordered, then signatures, then openings, then what ends soon.")) } }
    };
    let body = html! {
        @if !view.doors.is_empty() { h2 { (ctx.of("Türen", "Doors")) } ul { @for group in &view.doors { (doors(ctx, group)) } } }
        @if !view.drafts.is_empty() { h2 { (ctx.of("Warten auf Unterschrift", "Wait for signatures")) } (drafts(ctx, &view.drafts)) }
        @if !view.openings.is_empty() { h2 { (ctx.of("Öffnungen, die noch nicht überall gelten", "Openings not carried out everywhere")) } ul { @for opening in &view.openings { (one_opening(ctx, opening)) } } }
        @if !view.ending.is_empty() { h2 { (ctx.of("Endet bald", "Ends soon")) } ul { @for ends in &view.ending { (ending(ctx, ends)) } } }
    };
    render_live(
        ctx,
        Page {
            status: 200,
            title: ctx.of("Was auf wen wartet", "What waits for whom").into(),
            here: Some(Kind::Waiting),
            next: next(ctx, next_words),
            body: html! {},
        },
        Live::rooms(body),
    )
}

/// Most cells listed by name in one line.
const CELLS_SHOWN: usize = 24;

fn doors(ctx: &Ctx<'_>, group: &WaitingDoor) -> Markup {
    let why = match group.why {
        "failed" => (
            "✗ Durchlässig: am Netz trennen und nachmessen",
            "✗ Not tight: cut at the network and measure again",
        ),
        "broken" => (
            "✗ Offen, aber nicht alles geht durch: andere Dienste desselben Postfachs, Prozess und Leitung prüfen",
            "✗ Open, but not everything passes: check other services of the same mailbox, process and line",
        ),
        "unreached" => (
            "? Nicht erreicht: Prozess und Leitung prüfen, Anordnung von Hand hinbringen",
            "? Unreached: check process and line, carry the order there by hand",
        ),
        "doubtful" => (
            "! Quelle zweifelhaft: Protokoll der Tür prüfen",
            "! Source in doubt: check the door's log",
        ),
        "ordered" => ("… Angeordnet, noch nicht in Kraft", "… Ordered, not in force yet"),
        _ => (
            "… Ohne frische Sicht: Zeugen erreichen",
            "… No fresh view: reach the witnesses",
        ),
    };
    html! { li { b { (lang::pick(ctx.lang, why)) } " (" (group.cells.len()) "): "
        @for cell in group.cells.iter().take(CELLS_SHOWN) { a href={ "/zelle/" (cell) } { (cell) } " " }
        @if group.cells.len() > CELLS_SHOWN { "… " a href="/?nur=auffaellig" { (ctx.of("alle", "all")) } }
    } }
}

/// Statements that wait for signatures.
pub(super) fn drafts(ctx: &Ctx<'_>, drafts: &[WaitingDraft]) -> Markup {
    html! { ul { @for draft in drafts { li {
        a href={ "/entwurf/" (draft.statement) } { (ctx.both(&draft.says)) }
        small { (ctx.clock.element(ctx.lang, draft.at.0)) @if let Some(by) = &draft.by { " – " (by) } }
        @match &draft.missing {
            Some(missing) => p.wait { "▲ " (ctx.half(missing)) },
            None => p.wait { "✓ " (ctx.of("Vollständig unterschrieben, geht ins Weisungsprotokoll.", "Fully signed, on its way into the authority log.")) },
        }
    } } } }
}

fn one_opening(ctx: &Ctx<'_>, opening: &WaitingOpening) -> Markup {
    html! { li {
        (statement_link(ctx, &opening.statement)) " " (ctx.clock.element(ctx.lang, opening.at.0)) ": "
        b { (opening.applied) (ctx.of(" von ", " of ")) (opening.doors) (ctx.of(" Türen offen", " doors open")) }
        @if opening.missing.is_empty() { p.wait { "… " (ctx.of("Nichts bekannt, was fehlt: die Türen holen sich eine frische Sicht und öffnen von selbst. Tun sie es nicht: bulkhead order open DATEI --door ADRESSE sagt, warum.", "Nothing known to be missing: the doors ask for a fresh view and open by themselves. If they do not: bulkhead order open FILE --door ADDRESS says why.")) } }
        @for missing in &opening.missing { p.wait { "▲ " (ctx.half(&missing.what)) " (" (missing.doors) (ctx.of(" Türen)", " doors)")) } }
    } }
}

fn ending(ctx: &Ctx<'_>, ending: &Ending) -> Markup {
    let what = match ending.kind {
        "clearance" => ("Freigabe der Umgebung ", "clearance of environment "),
        "grant" => (
            "Teil- oder Notbetrieb der Zelle ",
            "limited or emergency operation of cell ",
        ),
        _ => ("Dauerzustimmung der Kasse ", "standing consent of insurer "),
    };
    html! { li { b { (ctx.clock.full(ctx.lang, ending.at.0)) } " (" (ctx.clock.relative(ctx.lang, ending.at.0)) "): "
        (lang::pick(ctx.lang, what)) (ending.about)
        @if let Some(id) = &ending.statement { " " (statement_link(ctx, id)) }
    } }
}
