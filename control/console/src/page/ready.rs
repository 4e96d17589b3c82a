//! The readiness board: counts first, then per insurer what is lacking, folded up so that it fits on a phone.

use maud::{Markup, html};

use super::{Ctx, Live, Page, next, render_live};
use crate::{
    response::Response,
    route::Kind,
    view::ready::{LackOf, LackView, ReadinessView, ReadyInsurer},
};

/// So few insurers are shown unfolded: an insurer's own people have one.
const UNFOLDED_MAX: usize = 2;

/// The board.
pub(crate) fn readiness(ctx: &Ctx<'_>, view: &ReadinessView) -> Response {
    let lacking = view.cells.saturating_sub(view.armed);
    let next_words = html! {
        @if view.at.is_none() { p { (ctx.of("Noch hat niemand geurteilt: Angaben zur Bereitschaft fehlen. Je Kasse: ", "Nobody has judged yet: facts about readiness are missing. Per insurer: ")) code { "bulkhead onboard" } } }
        @else if lacking > 0 { p { b { (lacking) } (ctx.of(" Zellen sind nicht scharf. Kasse aufklappen: dort steht, was zu tun ist und wer es tut.", " cells are not armed. Unfold an insurer: there stands what to do and who does it.")) } }
        @else if !view.provider.is_empty() { p { (ctx.of("Alle Zellen sind scharf; beim Betreiber fehlt noch etwas.", "All cells are armed; the provider still lacks something.")) } }
        @else { p { (ctx.of("Alles scharf. Nächste Übung planen.", "Everything armed. Plan the next drill.")) } }
    };
    let part = html! {
        @if let Some(at) = view.at { (counts(ctx, view)) p.quiet { (ctx.of("Beurteilt ", "Judged ")) (ctx.clock.element(ctx.lang, at.0)) } }
        @if !view.provider.is_empty() { details.paper id="betreiber" open { summary { "✗ " (ctx.of("Betreiber: ", "Provider: ")) (view.provider.len()) (ctx.of(" offen", " open")) } (lacks(ctx, &view.provider)) } }
        @if !view.insurers.is_empty() { h2 { (ctx.of("Kassen", "Insurers")) } }
        @for insurer in &view.insurers { (one(ctx, insurer, view.insurers.len() <= UNFOLDED_MAX)) }
    };
    render_live(
        ctx,
        Page {
            status: 200,
            title: ctx.of("Bereitschaft", "Readiness").into(),
            here: Some(Kind::Readiness),
            next: next(ctx, next_words),
            body: html! {},
        },
        Live::rooms(part),
    )
}

fn counts(ctx: &Ctx<'_>, view: &ReadinessView) -> Markup {
    let whole = |insurer: &&ReadyInsurer| insurer.cells.iter().all(|cell| cell.armed);
    html! { ul.counts aria-label=(ctx.of("Wie viel scharf ist", "How much is armed")) {
        li { "✗ " b { (view.cells.saturating_sub(view.armed)) } (ctx.of(" Zellen nicht scharf", " cells not armed")) }
        li { "✓ " b { (view.armed) } (ctx.of(" scharf", " armed")) }
        @if view.insurers.len() > UNFOLDED_MAX { li { b { (view.insurers.iter().filter(whole).count()) } (ctx.of(" von ", " of ")) (view.insurers.len()) (ctx.of(" Kassen ganz", " insurers wholly")) } }
    } }
}

fn one(ctx: &Ctx<'_>, insurer: &ReadyInsurer, unfolded: bool) -> Markup {
    let whole = insurer.cells.iter().all(|cell| cell.armed);
    html! { details.paper id={ "kasse-" (insurer.insurer) } open[unfolded] {
        summary {
            @if whole { "✓ " } @else { "✗ " }
            (insurer.name) " "
            span.quiet { (insurer.insurer) ": " (insurer.armed) (ctx.of(" von ", " of ")) (insurer.cells.len()) (ctx.of(" scharf", " armed")) @if !insurer.lacks.is_empty() { ", " (insurer.lacks.len()) (ctx.of(" zu tun", " to do")) } }
        }
        p { @for cell in &insurer.cells {
            a href={ "/zelle/" (insurer.insurer) "/" (cell.service) } { (cell.service) } " "
            @if cell.armed { (ctx.of("✓ scharf", "✓ armed")) } @else { b { (ctx.of("✗ nicht scharf", "✗ not armed")) } } "  "
        } }
        (lacks_of(ctx, &insurer.lacks))
        @if !insurer.soon.is_empty() { p.quiet { (ctx.of("Bald:", "Soon:")) } (lacks_of(ctx, &insurer.soon)) }
    } }
}

fn lacks_of(ctx: &Ctx<'_>, lacks: &[LackOf]) -> Markup {
    html! { @if !lacks.is_empty() { ul { @for one in lacks { li {
        (sentence(ctx, &one.lack)) @if !one.services.is_empty() { span.quiet { " (" (one.services.join(", ")) ")" } }
    } } } } }
}

fn lacks(ctx: &Ctx<'_>, lacks: &[LackView]) -> Markup {
    html! { ul { @for lack in lacks { li { (sentence(ctx, lack)) } } } }
}

fn sentence(ctx: &Ctx<'_>, lack: &LackView) -> Markup {
    html! { b { (ctx.both(&lack.finding)) } " " (ctx.both(&lack.next)) " " span.quiet { (ctx.of("Wer: ", "Who: ")) (ctx.both(&lack.doer)) } }
}
