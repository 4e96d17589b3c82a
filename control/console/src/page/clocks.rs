//! Clocks of legal duties by legal person, and the page of one notice with its draft.

use maud::{Markup, html};
use order::Lang;

use super::{Ctx, Live, Page, form, next, render_live};
use crate::{
    lang,
    response::Response,
    route::Kind,
    view::{
        clocks::{ClockView, Clocks, PersonClocks},
        notice::NoticeView,
    },
};

/// So many legal persons are shown unfolded; of more, those with a clock that has run out.
const UNFOLDED_MAX: usize = 3;

/// Every clock.
pub(crate) fn clocks(ctx: &Ctx<'_>, view: &Clocks) -> Response {
    let part = html! {
        @if !view.persons.is_empty() { ul.counts aria-label=(ctx.of("Fristen je Stand", "Clocks by state")) {
            li { @if view.overdue > 0 { "✗ " } @else { "✓ " } b { (view.overdue) } (ctx.of(" überfällig", " overdue")) }
            li { "▲ " b { (view.open) } (ctx.of(" offen", " open")) }
            li { b { (view.persons.len()) } (ctx.of(" Rechtsträger", " legal persons")) }
        } }
        @for person in &view.persons {
            details.paper id={ "von-" (person.legal_person) } open[view.persons.len() <= UNFOLDED_MAX || person.overdue > 0] {
                summary { (person_words(ctx, person)) }
                (table(ctx, &person.clocks))
            }
        }
    };
    render_live(
        ctx,
        Page {
            status: 200,
            title: ctx.of("Fristen", "Clocks").into(),
            here: Some(Kind::Clocks),
            next: next(ctx, what_next(ctx, view)),
            body: html! {},
        },
        Live::rooms(part),
    )
}

fn what_next(ctx: &Ctx<'_>, view: &Clocks) -> Markup {
    html! {
        @if view.overdue > 0 { p { b { "✗ " (view.overdue) (ctx.of(" überfällig: jetzt melden, mit Grund der Verspätung. Die oberste öffnen, Entwurf lesen, selbst senden.", " overdue: report now, with the reason for the delay. Open the topmost, read the draft, send it yourself.")) } } }
        @else if view.open > 0 { p { b { (view.open) } (ctx.of(" laufen. Die oberste zuerst: Entwurf lesen, prüfen, selbst senden, hier vermerken. Der Leitstand sendet nichts.", " running. The topmost first: read the draft, check it, send it yourself, note it here. The room sends nothing.")) } }
        @else if view.persons.is_empty() { p { (ctx.of("Keine Frist läuft.", "No clock runs.")) } }
        @else { p { (ctx.of("Alles gesendet. Was danach beginnt, erscheint hier von selbst.", "Everything is sent. What begins afterwards appears here by itself.")) } }
    }
}

fn person_words(ctx: &Ctx<'_>, person: &PersonClocks) -> Markup {
    html! {
        @if person.overdue > 0 { "✗ " } @else if person.open > 0 { "▲ " } @else { "✓ " }
        @match &person.name { Some(name) => { (name) " " span.quiet { (person.legal_person) } }, None => { (ctx.of("Betreiber", "Provider")) " " span.quiet { (person.legal_person) } } }
        span.quiet { ": " @if person.overdue > 0 { (person.overdue) (ctx.of(" überfällig, ", " overdue, ")) } (person.open) (ctx.of(" offen", " open")) }
    }
}

/// Clocks as rows; each leads to its notice.
pub(super) fn table(ctx: &Ctx<'_>, clocks: &[ClockView]) -> Markup {
    html! { div.scroll role="region" tabindex="0" aria-label=(ctx.of("Fristen", "Clocks")) { table.blocks data-rows="1" {
        thead { tr { th scope="col" { (ctx.of("Pflicht", "Duty")) } th scope="col" { (ctx.of("Fällig", "Due")) } th scope="col" { (ctx.of("Stand", "State")) } th scope="col" { (ctx.of("Geprüft?", "Checked?")) } } }
        tbody { @for clock in clocks { (clock_row(ctx, clock)) } }
    } } }
}

fn clock_row(ctx: &Ctx<'_>, clock: &ClockView) -> Markup {
    html! { tr {
        th scope="row" { a href=(clock.page) { (ctx.both(&clock.title)) }
            small { (ctx.both(&clock.legal_basis)) @if !clock.recipient.de.is_empty() { " · " (ctx.of("an ", "to ")) (ctx.both(&clock.recipient)) } }
            small { (ctx.of("Vorfall ", "incident ")) a href={ "/vorfall/" (clock.incident) } { (clock.incident) } } }
        td { (due(ctx, clock)) small { (ctx.of("ab Kenntnis ", "from knowledge ")) (ctx.clock.full(ctx.lang, clock.starts.0)) } }
        td { (standing(ctx, clock)) }
        td { (checked(ctx, clock)) }
    } }
}

fn due(ctx: &Ctx<'_>, clock: &ClockView) -> Markup {
    let without = match clock.due_kind {
        "without-delay" => ("unverzüglich", "without delay"),
        "as-set" => ("wie die Behörde setzt", "as the authority sets"),
        "before" => ("vorher", "before it is done"),
        _ => ("ohne Frist", "no deadline"),
    };
    html! { @match clock.due { Some(due) => (ctx.clock.element(ctx.lang, due.0)), None => (lang::pick(ctx.lang, without)) } }
}

fn standing(ctx: &Ctx<'_>, clock: &ClockView) -> Markup {
    let words = match clock.standing {
        "running" => ("▲ läuft", "▲ running"),
        "overdue" => ("✗ ÜBERFÄLLIG", "✗ OVERDUE"),
        "open" => ("▲ offen", "▲ open"),
        "sent" => ("✓ gesendet", "✓ sent"),
        _ => ("✓ verspätet gesendet", "✓ sent late"),
    };
    html! {
        b class=(if clock.is_overdue() { "word bad" } else { "word" }) { (lang::pick(ctx.lang, words)) }
        @if let Some(sent) = clock.sent { " " (ctx.clock.element(ctx.lang, sent.0)) }
        @if clock.standing == "sent-late" { small { @match &clock.late_because { Some(because) => { (ctx.of("weil: ", "because: ")) (because) }, None => b.bad { (ctx.of("Grund der Verspätung fehlt", "reason for the delay is missing")) } } } }
    }
}

/// Whether the duty was read in the original, and what was not.
fn checked(ctx: &Ctx<'_>, clock: &ClockView) -> Markup {
    html! { @match &clock.unverified {
        Some(unverified) => { b { "? " (ctx.of("ungeprüft", "unverified")) } small { (ctx.both(unverified)) } },
        None => { "✓ " (ctx.of("an der Quelle gelesen", "read at the source")) },
    } }
}

/// One notice.
pub(crate) fn notice(ctx: &Ctx<'_>, view: &NoticeView) -> Response {
    let clock = &view.clock;
    let done = clock.sent.is_some();
    let part = html! {
        p.state { (standing(ctx, clock)) }
        (facts(ctx, view))
    };
    let body = html! {
        @if view.may_note && !done { (sent_form(ctx, view)) }
        @else if !done { p.quiet { (ctx.of("Den Versand vermerkt, wessen Pflicht es ist: beim Betreiber Einsatzleitung oder Wiederanlauf, bei einer Kasse ihre eigenen Leute.", "That it was sent is noted by whose duty it is: at the provider a commander or the restoration lead, at an insurer its own people.")) } }
        (drafts(ctx, view))
    };
    render_live(
        ctx,
        Page {
            status: 200,
            title: ctx.both(&clock.title).to_owned(),
            here: Some(Kind::Clocks),
            next: next(ctx, notice_next(ctx, view)),
            body,
        },
        Live::rooms(part).marked(if done { "gesendet" } else { "offen" }),
    )
}

fn notice_next(ctx: &Ctx<'_>, view: &NoticeView) -> Markup {
    let clock = &view.clock;
    html! {
        @if clock.sent.is_some() {
            p { (ctx.of("Gesendet und vermerkt. ", "Sent and noted. "))
                @if !clock.follow_up.is_empty() { (ctx.of("Jetzt läuft: ", "Now runs: ")) (clock.follow_up.iter().map(|duty| ctx.both(duty)).collect::<Vec<_>>().join(", ")) ". " }
                a href="/fristen" { (ctx.of("Alle Fristen", "All clocks")) } }
        } @else { ol {
            li { (ctx.of("Entwurf unten lesen und ergänzen, was dort fehlt.", "Read the draft below and add what is missing there.")) @if clock.unverified.is_some() { " " b { (ctx.of("Ungeprüftes vorher klären.", "Clarify first what is unverified.")) } } }
            li { b { (ctx.of("Ein Mensch sendet", "A human sends")) } @if !clock.recipient.de.is_empty() { (ctx.of(" an: ", " to: ")) (ctx.both(&clock.recipient)) } @if !view.channel.de.is_empty() && view.channel.de != "--" { " (" (ctx.both(&view.channel)) ")" } (ctx.of(". Der Leitstand sendet nichts.", ". The room sends nothing.")) }
            @if view.may_note { li { (ctx.of("Danach hier vermerken, wann es gesendet wurde: erst dann steht die Frist auf erledigt.", "Then note here when it was sent: only then the clock shows done.")) } }
        } }
    }
}

fn facts(ctx: &Ctx<'_>, view: &NoticeView) -> Markup {
    let clock = &view.clock;
    html! { dl.facts {
        dt { (ctx.of("Wessen Pflicht", "Whose duty")) } dd { (clock.legal_person) }
        dt { (ctx.of("Rechtsgrundlage", "Legal basis")) } dd { (ctx.both(&clock.legal_basis)) " · " (ctx.both(&view.status)) }
        dt { (ctx.of("Fällig", "Due")) } dd { (due(ctx, clock)) (ctx.of(" · ab Kenntnis ", " · from knowledge ")) (ctx.clock.full(ctx.lang, clock.starts.0)) }
        dt { (ctx.of("Vorfall", "Incident")) } dd { a href={ "/vorfall/" (clock.incident) } { (clock.incident) } }
        dt { (ctx.of("Geprüft?", "Checked?")) } dd { (checked(ctx, clock)) }
        dt { (ctx.of("Quelle", "Source")) } dd { code { (ctx.both(&clock.source)) } }
        @if clock.sent.is_none() && !clock.follow_up.is_empty() { dt { (ctx.of("Danach", "Then")) } dd { (clock.follow_up.iter().map(|duty| ctx.both(duty)).collect::<Vec<_>>().join(", ")) } }
    } }
}

/// German first whoever reads: most who receive it are German authorities.
fn drafts(ctx: &Ctx<'_>, view: &NoticeView) -> Markup {
    html! { @match &view.draft {
        Some(draft) => {
            h2 { (ctx.of("Entwurf auf Deutsch", "Draft in German")) }
            pre.letter tabindex="0" lang=(lang::tag(Lang::De)) { (draft.de) }
            h2 { (ctx.of("Entwurf auf Englisch", "Draft in English")) }
            pre.letter tabindex="0" lang=(lang::tag(Lang::En)) { (draft.en) }
        },
        None => p.bad { "! " (ctx.of("Die Fakten lassen sich gerade nicht veröffentlichen; der Entwurf fehlt deshalb. Die Pflicht bleibt: von Hand schreiben.", "The facts cannot be published just now, so there is no draft. The duty remains: write it by hand.")) },
    } }
}

fn sent_form(ctx: &Ctx<'_>, view: &NoticeView) -> Markup {
    let clock = &view.clock;
    let path = clock.page.split('?').next().unwrap_or_default();
    html! {
        h2 { (ctx.of("Versand vermerken", "Note that it was sent")) }
        (form(ctx, &format!("{path}/gesendet"), html! {
            @if let Some(request) = view.request { input type="hidden" name="request" value=(request); }
            label { (ctx.of("Gesendet um (Berliner Zeit; leer: jetzt)", "Sent at (Berlin time; empty: now)")) input type="datetime-local" name="sent"; }
            label { (ctx.of("Grund der Verspätung (nur wenn zu spät; ohne Patientendaten)", "Reason for the delay (only if late; no patient data)")) input type="text" name="because" maxlength="500" required[clock.is_overdue()]; }
            button type="submit" { "✓ " (ctx.of("Als gesendet vermerken", "Note as sent")) }
            p.quiet { (ctx.of("Steht danach mit Ihrem Namen im Protokoll und lässt sich nicht löschen.", "Stands in the journal with your name afterwards and cannot be deleted.")) }
        }))
    }
}
