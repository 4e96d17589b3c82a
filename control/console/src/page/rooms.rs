//! The plan of the return.

use maud::{Markup, html};

use super::{Ctx, Live, Page, form, next, render_live};
use crate::{
    response::Response,
    route::Kind,
    view::rooms::{PlanView, WaveView},
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
        @if !view.steps.is_empty() {
            h2 { (ctx.of("Nächste Schritte", "Next steps")) }
            ul { @for step in &view.steps { li { (ctx.both(&step.what)) @if step.signed { " " a href="/warten" { (ctx.of("Entwürfe zur Unterschrift", "Drafts to sign")) } } } } }
        }
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
    render_live(
        ctx,
        Page {
            status: 200,
            title: ctx.of("Wiederanlauf", "Restoration").into(),
            here: Some(Kind::Plan),
            next: next(ctx, next_words),
            body: html! { @if let Some(environment) = &view.roots_in { (roots_form(ctx, environment)) } },
        },
        Live::rooms(body),
    )
}

/// Whether the roots are up nobody can measure while every door is shut: somebody who knows says so.
fn roots_form(ctx: &Ctx<'_>, environment: &str) -> Markup {
    let states = [
        ("verifying", "läuft und ist geprüft", "up and checked"),
        ("restoring", "wird hochgefahren", "being brought up"),
        ("normal", "Regelbetrieb", "normal operation"),
        ("contained", "abgeschottet", "contained"),
    ];
    html! { @if ctx.may(Kind::EnvironmentMove, None) { details {
        summary { (ctx.of("Stand der Grundlagen festhalten", "Note where the roots stand")) }
        (form(ctx, "/plan/umgebung", html! {
            label { (ctx.of("Umgebung", "Environment")) input name="environment" value=(environment) maxlength="64" required; }
            label { (ctx.of("Stand", "State")) select name="state" { @for (value, de, en) in states { option value=(value) { (ctx.of(de, en)) } } } }
            button type="submit" { (ctx.of("Eintragen", "Record")) }
            p.quiet { (ctx.of("Öffnet keine Tür. Außer „abgeschottet“ braucht jeder Stand eine volle Freigabe dieser Umgebung.", "Opens no door. Every state but \"contained\" needs a full clearance of this environment.")) }
        }))
    } } }
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
