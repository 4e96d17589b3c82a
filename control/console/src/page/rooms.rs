//! Plan, clocks and readiness.

use maud::{Markup, html};

use super::{Ctx, Page, next, render};
use crate::{
    lang,
    response::Response,
    route::Kind,
    view::rooms::{ClockView, Clocks, LackView, PlanView, ReadinessView, ReadyCell, WaveView},
};

/// The restoration plan.
pub(crate) fn plan(ctx: &Ctx<'_>, view: &PlanView) -> Response {
    let next_words = html! {
        @match (&view.plan, view.waiting.is_empty()) {
            (None, _) => p { (ctx.of("Es gibt keinen Plan: nichts ist wiederanzufahren, oder noch niemand hat ihn gerechnet.", "There is no plan: nothing is to be restarted, or nobody has made it yet.")) },
            (Some(_), false) => p { (ctx.of("Was wartet, steht unten mit allem, was fehlt: von oben abarbeiten. Spannen gelten unter Bedingungen und sind keine Zusagen.", "What waits is below with everything that is missing: work from the top. Ranges hold under conditions and are no promises.")) },
            (Some(_), true) => p { (ctx.of("Nichts wartet mehr: Wellen der Reihe nach öffnen, jede mit Anwendertest abnehmen lassen.", "Nothing waits any more: open the waves in order, have each accepted by user test.")) },
        }
    };
    let body = html! {
        @if let (Some(plan), Some(made)) = (&view.plan, view.made) { p.quiet { (ctx.of("Plan ", "Plan ")) code { (super::cell::short(plan)) } ", " (ctx.clock.element(ctx.lang, made.0)) } }
        @for wave in &view.waves { (wave_section(ctx, wave)) }
        @if !view.waiting_roots.is_empty() || !view.waiting.is_empty() {
            h2 { (ctx.of("Wartet", "Waits")) }
            div.scroll role="region" tabindex="0" aria-label=(ctx.of("Wartet", "Waits")) { table data-rows="1" { tbody {
                @for waits in &view.waiting_roots { tr { th scope="row" { (waits.what) } td { @for missing in &waits.missing { p.wait { "▲ " (ctx.both(missing)) } } } } }
                @for waits in &view.waiting { tr { th scope="row" { a href={ "/zelle/" (waits.what) } { (waits.what) } } td { @for missing in &waits.missing { p.wait { "▲ " (ctx.both(missing)) } } } } }
            } } }
        }
        @if !view.reshuts.is_empty() { h2 { (ctx.of("Geplantes Wiederabschalten", "Planned re-shutdowns")) } ul { @for reshut in &view.reshuts { li { (ctx.clock.element(ctx.lang, reshut.at.0)) " " (reshut.insurer) ": " (reshut.cells.join(", ")) } } } }
        @if !view.examinations.is_empty() { h2 { (ctx.of("Untersuchungen", "Examinations")) } ol { @for next in &view.examinations { li { b { (next.environment) } ": " (next.cells) (ctx.of(" Zellen; fertig zwischen ", " cells; done between ")) (ctx.clock.full(ctx.lang, next.earliest.0)) (ctx.of(" und ", " and ")) (ctx.clock.full(ctx.lang, next.latest.0)) } } } }
        @if !view.up.is_empty() { h2 { (ctx.of("Läuft", "Runs")) " (" (view.up.len()) ")" } p { (view.up.join(", ")) } }
    };
    render(
        ctx,
        Page {
            status: 200,
            title: ctx.of("Wiederanlauf", "Restoration").into(),
            here: Some(Kind::Plan),
            next: next(ctx, next_words),
            body,
        },
    )
}

fn wave_section(ctx: &Ctx<'_>, wave: &WaveView) -> Markup {
    html! {
        h2 { (ctx.of("Welle ", "Wave ")) (wave.number) }
        p { (ctx.of("zwischen ", "between ")) b { (ctx.clock.full(ctx.lang, wave.earliest.0)) } (ctx.of(" und ", " and ")) b { (ctx.clock.full(ctx.lang, wave.latest.0)) }
            @if !wave.conditions.is_empty() { (ctx.of(", wenn ", ", if ")) (wave.conditions.iter().map(|condition| ctx.both(condition)).collect::<Vec<_>>().join("; ")) } }
        @if !wave.roots.is_empty() { p { b { (ctx.of("Grundlagen: ", "Roots: ")) } (wave.roots.join(", ")) } }
        @if !wave.cells.is_empty() { ol { @for step in &wave.cells { li { a href={ "/zelle/" (step.cell) } { (step.cell) } " · " (ctx.both(&step.why)) } } } }
    }
}

/// Legal clocks.
pub(crate) fn clocks(ctx: &Ctx<'_>, view: &Clocks) -> Response {
    let overdue = view
        .clocks
        .iter()
        .filter(|clock| clock.standing == "overdue")
        .count();
    let open = view
        .clocks
        .iter()
        .filter(|clock| clock.standing == "running" || clock.standing == "open")
        .count();
    let next_words = html! {
        @if overdue > 0 { p { b { "✗ " (overdue) (ctx.of(" überfällig: jetzt melden, mit Grund der Verspätung.", " overdue: report now, with the reason for the delay.")) } } }
        @else if open > 0 { p { b { (open) } (ctx.of(" laufen. Die oberste zuerst: Entwurf lesen, prüfen, selbst senden. Der Leitstand sendet nichts.", " running. The topmost first: read the draft, check it, send it yourself. The room sends nothing.")) } }
        @else { p { (ctx.of("Keine Frist läuft.", "No clock runs.")) } }
    };
    let body = html! { @if !view.clocks.is_empty() {
        div.scroll role="region" tabindex="0" aria-label=(ctx.of("Fristen", "Clocks")) { table data-rows="1" {
            thead { tr { th scope="col" { (ctx.of("Pflicht", "Duty")) } th scope="col" { (ctx.of("Wer", "Who")) } th scope="col" { (ctx.of("Fällig", "Due")) } th scope="col" { (ctx.of("Stand", "State")) } } }
            tbody { @for clock in &view.clocks { (clock_row(ctx, clock)) } }
        } }
    } };
    render(
        ctx,
        Page {
            status: 200,
            title: ctx.of("Fristen", "Clocks").into(),
            here: Some(Kind::Clocks),
            next: next(ctx, next_words),
            body,
        },
    )
}

fn clock_row(ctx: &Ctx<'_>, clock: &ClockView) -> Markup {
    let standing = match clock.standing {
        "running" => ("▲ läuft", "▲ running"),
        "overdue" => ("✗ ÜBERFÄLLIG", "✗ OVERDUE"),
        "open" => ("▲ offen", "▲ open"),
        "sent" => ("✓ gesendet", "✓ sent"),
        _ => ("✓ verspätet gesendet", "✓ sent late"),
    };
    let without = match clock.due_kind {
        "without-delay" => ("unverzüglich", "without delay"),
        "as-set" => ("wie die Behörde setzt", "as the authority sets"),
        "before" => ("vorher", "before it is done"),
        _ => ("ohne Frist", "no deadline"),
    };
    html! { tr {
        th scope="row" { (clock.obligation) small { a href={ "/vorfall/" (clock.incident) } { (clock.incident) } }
            @if let Some(unverified) = &clock.unverified { small.bad { (ctx.of("nicht am Original geprüft: ", "not checked against the original: ")) (unverified) } }
            @if !clock.follow_up.is_empty() { small { (ctx.of("danach: ", "then: ")) (clock.follow_up.join(", ")) } } }
        td { (clock.legal_person) }
        td { @match clock.due { Some(due) => (ctx.clock.element(ctx.lang, due.0)), None => (lang::pick(ctx.lang, without)) } small { (ctx.of("ab Kenntnis ", "from knowledge ")) (ctx.clock.full(ctx.lang, clock.starts.0)) } }
        td { b { (lang::pick(ctx.lang, standing)) } @if let Some(sent) = clock.sent { " " (ctx.clock.element(ctx.lang, sent.0)) } }
    } }
}

/// The readiness board.
pub(crate) fn readiness(ctx: &Ctx<'_>, view: &ReadinessView) -> Response {
    let lacking = view.cells.iter().filter(|cell| !cell.armed).count();
    let next_words = html! {
        @if view.at.is_none() { p { (ctx.of("Noch hat niemand geurteilt: Angaben zur Bereitschaft fehlen. Je Kasse: ", "Nobody has judged yet: facts about readiness are missing. Per insurer: ")) code { "bulkhead onboard" } } }
        @else if lacking > 0 || !view.provider.is_empty() { p { b { (lacking) } (ctx.of(" Zellen sind nicht scharf. Unter jeder steht, was zu tun ist und wer es tut.", " cells are not armed. Below each stands what to do and who does it.")) } }
        @else { p { (ctx.of("Alles scharf. Nächste Übung planen.", "Everything armed. Plan the next drill.")) } }
    };
    let body = html! {
        @if let Some(at) = view.at { p { b { (view.armed) } (ctx.of(" von ", " of ")) (view.cells.len()) (ctx.of(" Zellen scharf, ", " cells armed, ")) (ctx.clock.element(ctx.lang, at.0)) } }
        @if !view.provider.is_empty() { h2 { (ctx.of("Betreiber", "Provider")) } (lacks(ctx, &view.provider)) }
        @if !view.cells.is_empty() { div.scroll role="region" tabindex="0" aria-label=(ctx.of("Bereitschaft", "Readiness")) { table data-rows="1" { tbody { @for cell in &view.cells { (ready_row(ctx, cell)) } } } } }
    };
    render(
        ctx,
        Page {
            status: 200,
            title: ctx.of("Bereitschaft", "Readiness").into(),
            here: Some(Kind::Readiness),
            next: next(ctx, next_words),
            body,
        },
    )
}

fn ready_row(ctx: &Ctx<'_>, cell: &ReadyCell) -> Markup {
    html! { tr {
        th scope="row" { a href={ "/zelle/" (cell.cell) } { (cell.cell) } }
        td { @if cell.armed { "✓ " b { (ctx.of("scharf", "armed")) } } @else { "✗ " b { (ctx.of("nicht scharf", "not armed")) } } }
        td { (lacks(ctx, &cell.lacks)) @if !cell.soon.is_empty() { p.quiet { (ctx.of("Bald:", "Soon:")) } (lacks(ctx, &cell.soon)) } }
    } }
}

fn lacks(ctx: &Ctx<'_>, lacks: &[LackView]) -> Markup {
    html! { @if !lacks.is_empty() { ul { @for lack in lacks { li { b { (ctx.both(&lack.finding)) } " " (ctx.both(&lack.doer)) ": " (ctx.both(&lack.next)) } } } } }
}
