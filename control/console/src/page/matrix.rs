//! The picture: insurers down, services across, each cell with its state in a word.

use maud::{Markup, html};

use super::{Ctx, Live, Page, next, render_live, words};
use crate::{
    lang,
    response::Response,
    route::Kind,
    view::cells::{Cell, Count, Filter, Matrix},
};

/// The whole page.
pub(crate) fn matrix(ctx: &Ctx<'_>, view: &Matrix, filter: &Filter) -> Response {
    let page = Page {
        status: 200,
        title: ctx.of("Lage", "Picture").into(),
        here: Some(Kind::Matrix),
        next: next(ctx, what_next(ctx, view)),
        body: html! {},
    };
    let mut live = Live::picture(table(ctx, view));
    live.above = filters(ctx, filter);
    render_live(ctx, page, live)
}

fn what_next(ctx: &Ctx<'_>, view: &Matrix) -> Markup {
    html! {
        @if view.total == 0 {
            p { (ctx.of("Für Sie ist keine Zelle sichtbar. Ihre Kasse steht nicht in der Landschaft: bitte den Betreiber rufen.",
                        "No cell is visible to you. Your insurer is not in the estate: please call the provider.")) }
        } @else if view.shown == 0 {
            p { (ctx.of("Der Filter lässt nichts übrig. ", "The filter leaves nothing. ")) a href="/" { (ctx.of("Alles zeigen", "Show everything")) } }
        } @else if view.trouble == 0 {
            p { (ctx.of("Alles offen, gehört und in Ordnung. Nichts zu tun. ", "Everything open, heard and in order. Nothing to do. "))
                @if ctx.may(Kind::Readiness, None) { a href="/bereit" { (ctx.of("Bereitschaft prüfen", "Check readiness")) } } }
        } @else {
            p { b { (view.trouble) } (ctx.of(" von ", " of ")) (view.shown)
                (ctx.of(" Zellen brauchen jemanden. ", " cells need somebody. "))
                a href="/warten" { (ctx.of("Wer ist dran?", "Whose turn is it?")) }
                " · " a href="/?nur=auffaellig" { (ctx.of("Nur diese zeigen", "Show only these")) }
                @if ctx.may(Kind::IncidentOpen, None) {
                    " · " a href="/vorfall" { (ctx.of("Vorfall eröffnen", "Open an incident")) }
                    " · " a href="/entwurf/neu" { (ctx.of("Abtrennen entwerfen", "Draft a cut")) }
                }
            }
        }
    }
}

fn filters(ctx: &Ctx<'_>, filter: &Filter) -> Markup {
    let room = ctx.room;
    let option = |value: &str, name: &str, chosen: &Option<String>| {
        html! { option value=(value) selected[chosen.as_deref() == Some(value)] { (name) } }
    };
    let positions = ["open", "draining", "held", "shut", "islanded", "unknown"];
    html! {
        form.filter method="get" action="/" role="search" aria-label=(ctx.of("Zellen filtern", "Filter cells")) {
            label { (ctx.of("Suche", "Search")) input id="suche" type="search" name="suche" value=[filter.text.as_deref()] placeholder=(ctx.of("Kasse, IK", "insurer, IK")) autocomplete="off"; }
            label { (ctx.of("Standort", "Site")) select name="standort" {
                option value="" { (ctx.of("alle", "all")) }
                @for site in room.estate.sites() { (option(site.id.as_str(), &site.name, &filter.site)) }
            } }
            label { (ctx.of("Dienst", "Service")) select name="dienst" {
                option value="" { (ctx.of("alle", "all")) }
                @for service in room.estate.services() { (option(service.id.as_str(), &service.name, &filter.service)) }
            } }
            label { (ctx.of("Stellung", "Position")) select name="stellung" {
                option value="" { (ctx.of("alle", "all")) }
                @for slug in positions { (option(slug, lang::pick(ctx.lang, words::of_slug(slug).words), &filter.position)) }
            } }
            label.check { input type="checkbox" name="nur" value="auffaellig" checked[filter.only_trouble]; (ctx.of("nur Auffälliges", "only trouble")) }
            button type="submit" { (ctx.of("Zeigen", "Show")) }
        }
    }
}

fn summary(ctx: &Ctx<'_>, view: &Matrix) -> Markup {
    let one = |count: &Count| {
        let sign = words::of_slug(count.position);
        html! { li class={ "s " (sign.slug) } { span.shape aria-hidden="true" { (sign.shape) } " " b { (count.cells) } " " (lang::pick(ctx.lang, sign.words)) } }
    };
    html! {
        ul.counts aria-label=(ctx.of("Zellen je Stellung", "Cells by position")) {
            @for count in &view.counts { (one(count)) }
        }
    }
}

fn table(ctx: &Ctx<'_>, view: &Matrix) -> Markup {
    html! {
        (summary(ctx, view))
        div.scroll.tall role="region" tabindex="0" aria-label=(ctx.of("Zellen", "Cells")) {
            table.matrix data-rows="1" {
                caption.quiet { (ctx.of("Kassen und Dienste. △: die Tür setzt noch nicht durch.", "Insurers and services. △: the door does not enforce yet.")) }
                thead { tr {
                    th scope="col" { (ctx.of("Kasse", "Insurer")) }
                    @for service in &view.services { th scope="col" title=(service.name) { (service.service) } }
                } }
                tbody {
                    @for row in &view.rows {
                        tr {
                            th scope="row" {
                                a href={ "/kasse/" (row.insurer) } { (row.name) }
                                small { (row.insurer) " · " (row.site) @if let Some(state) = &row.environment { " · " (state) } }
                            }
                            @for (cell, service) in row.cells.iter().zip(&view.services) {
                                @match cell {
                                    Some(cell) => (one_cell(ctx, cell, &service.service)),
                                    None => td.none { span.quiet { "–" } },
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// One cell: the state in a big word with its shape; then how well it is known; then only what is out of order.
fn one_cell(ctx: &Ctx<'_>, cell: &Cell, service: &str) -> Markup {
    let sign = words::of_slug(cell.position);
    let de = ctx.lang == order::Lang::De;
    html! {
        td class={ "s " (sign.slug) } data-s=(service) {
            a href={ "/zelle/" (cell.insurer) "/" (cell.service) } {
                span.shape aria-hidden="true" { (sign.shape) } " " b { (lang::pick(ctx.lang, sign.words)) }
            }
            @if let Some(grade) = cell.grade {
                small class={ "g " (grade) } { (lang::pick(ctx.lang, words::grade_at(cell.position, grade))) }
            }
            // What enforces is the rule and says nothing; what does not yet must be seen.
            @if let Some(level) = cell.level && level != "enforcing" {
                small { "△ " (lang::pick(ctx.lang, words::level_of_slug(level))) }
            }
            @if let Some(waiting) = cell.waiting && waiting > 0 { small { (waiting) (if de { " warten" } else { " waiting" }) } }
            @if let Some(attention) = cell.attention && attention > 0 { small.bad { (attention) (if de { " prüfen" } else { " to check" }) } }
            @if let Some(since) = cell.unreached_since { small.bad { (if de { "still seit " } else { "unreached since " }) (ctx.clock.short(since.0)) } }
            @if cell.doubtful { small.bad { (if de { "Quelle zweifelhaft" } else { "source in doubt" }) } }
            @if cell.stale { small.bad { (if de { "ohne frische Sicht" } else { "no fresh view" }) } }
            @if let Some(until) = cell.until {
                @let emergency = cell.grant == Some("emergency");
                small { b { (match (de, emergency) { (true, true) => "Notbetrieb", (true, false) => "Teilbetrieb", (false, true) => "emergency", (false, false) => "limited" }) }
                    (if de { " bis " } else { " until " }) (ctx.clock.short(until.0)) }
            }
        }
    }
}
