//! Incidents: the list, and one with its timeline.

use maud::{Markup, html};

use super::{Ctx, Live, Page, form, next, render_live, statement_link};
use crate::{
    response::Response,
    route::Kind,
    view::incident::{Decision, Entry, IncidentDetail, IncidentView, Incidents, SignalView},
};

/// The list.
pub(crate) fn incidents(ctx: &Ctx<'_>, view: &Incidents) -> Response {
    let going_on = view
        .incidents
        .iter()
        .filter(|incident| incident.closed.is_none())
        .count();
    let next_words = html! {
        @if going_on > 0 { p { b { (going_on) } (ctx.of(" Vorfall/Vorfälle laufen. Den obersten öffnen und die Zeitleiste fortführen.", " incident(s) going on. Open the topmost and carry on its timeline.")) } }
        @else if !view.loose_signals.is_empty() { p { (ctx.of("Signale ohne Vorfall: ansehen und entscheiden, ob es einer ist.", "Signals without incident: look and decide whether it is one.")) } }
        @else { p { (ctx.of("Kein Vorfall. Wer etwas bemerkt, eröffnet hier einen.", "No incident. Whoever notices something opens one here.")) } }
    };
    let part = html! {
        (list(ctx, &view.incidents))
        @if !view.loose_signals.is_empty() { h2 { (ctx.of("Signale ohne Vorfall", "Signals without incident")) } (signals(ctx, &view.loose_signals)) }
    };
    let body = html! { @if ctx.may(Kind::IncidentOpen, None) { (open_form(ctx)) } };
    render_live(
        ctx,
        Page {
            status: 200,
            title: ctx.of("Vorfälle", "Incidents").into(),
            here: Some(Kind::Incidents),
            next: next(ctx, next_words),
            body,
        },
        Live::picture(part),
    )
}

fn list(ctx: &Ctx<'_>, incidents: &[IncidentView]) -> Markup {
    html! { @if !incidents.is_empty() {
        div.scroll role="region" tabindex="0" aria-label=(ctx.of("Vorfälle", "Incidents")) { table data-rows="1" {
            thead { tr { th scope="col" { (ctx.of("Vorfall", "Incident")) } th scope="col" { (ctx.of("Wo", "Where")) } th scope="col" { (ctx.of("Seit", "Since")) } th scope="col" { (ctx.of("Stand", "State")) } } }
            tbody { @for incident in incidents { tr {
                th scope="row" { a href={ "/vorfall/" (incident.incident) } { (title(incident)) } small { (incident.incident) } }
                td { (ctx.both(&incident.place)) small { (incident.cells) (ctx.of(" Zellen", " cells")) } }
                td { (ctx.clock.element(ctx.lang, incident.opened.0)) }
                td { (state(ctx, incident)) }
            } } }
        } }
    } }
}

/// What is believed, or for those who may not read it, the incident's name.
fn title(incident: &IncidentView) -> &str {
    incident.title.as_deref().unwrap_or(&incident.incident)
}

fn state(ctx: &Ctx<'_>, incident: &IncidentView) -> Markup {
    html! {
        @match incident.closed {
            Some(at) => { "✓ " (ctx.of("abgeschlossen ", "closed ")) (ctx.clock.element(ctx.lang, at.0)) },
            None => b { "▲ " (ctx.of("läuft", "going on")) },
        }
    }
}

fn signals(ctx: &Ctx<'_>, signals: &[SignalView]) -> Markup {
    html! { ul { @for signal in signals { li {
        (ctx.clock.element(ctx.lang, signal.at.0)) " " (ctx.half(&signal.what)) " " code { (signal.signal) } " (" (signal.detector) ")"
    } } } }
}

fn open_form(ctx: &Ctx<'_>) -> Markup {
    html! {
        h2 id="neu" { (ctx.of("Vorfall eröffnen", "Open an incident")) }
        (form(ctx, "/vorfall", html! {
            label { (ctx.of("Was geschieht? (ohne Patientendaten)", "What is happening? (no patient data)")) input type="text" name="title" required maxlength="500"; }
            label { (ctx.of("Kassen (leer: alle)", "Insurers (empty: all)")) input type="text" name="insurers"; }
            label { (ctx.of("Dienste (leer: alle)", "Services (empty: all)")) input type="text" name="services"; }
            label { (ctx.of("Standorte (leer: alle)", "Sites (empty: all)")) input type="text" name="sites"; }
            label { (ctx.of("Signale (Kennungen)", "Signals (ids)")) input type="text" name="signals"; }
            button type="submit" { (ctx.of("Eröffnen", "Open")) }
            p.quiet { (ctx.of("Schließt keine Tür. Gesetzliche Fristen zählen ab Kenntnis.", "Shuts no door. Legal clocks run from knowledge.")) }
        }))
    }
}

/// One incident.
pub(crate) fn incident(ctx: &Ctx<'_>, view: &IncidentDetail) -> Response {
    let id = &view.incident.incident;
    let open = view.incident.closed.is_none();
    let next_words = html! { ul {
        @if open && view.decisions.is_empty() { li { (ctx.of("Noch ist nichts abgetrennt. ", "Nothing is cut yet. ")) @if ctx.may(Kind::IncidentNote, None) { a href={ "/entwurf/neu?art=abtrennen&vorfall=" (id) } { (ctx.of("Abtrennen entwerfen", "Draft a cut")) } } } }
        @if open && !view.decisions.is_empty() { li { (ctx.of("Prüfen, ob jede Tür bewiesen ist: ", "Check that every door is proven: ")) a href="/?nur=auffaellig" { (ctx.of("Auffälliges", "Trouble")) } } }
        @if open && ctx.may(Kind::Clocks, None) { li { a href="/fristen" { (ctx.of("Fristen, die jetzt laufen", "Clocks that run now")) } } }
        @if !open { li { (ctx.of("Abgeschlossen. Freigaben und Wiederanlauf: ", "Closed. Clearances and restoration: ")) a href="/warten" { (ctx.of("Was auf wen wartet", "What waits for whom")) } } }
    } };
    let part = html! {
        p.state { (state(ctx, &view.incident)) }
        dl.facts {
            dt { (ctx.of("Kennung", "Id")) } dd { code { (id) } }
            dt { (ctx.of("Wo", "Where")) } dd { (ctx.both(&view.incident.place)) " · " (view.incident.cells) (ctx.of(" Zellen", " cells")) }
            dt { (ctx.of("Eröffnet", "Opened")) } dd { (ctx.clock.element(ctx.lang, view.incident.opened.0)) @if let Some(by) = &view.incident.opened_by { " – " (by) } }
        }
        h2 { (ctx.of("Anordnungen", "Orders")) }
        (decisions(ctx, &view.decisions))
        @if !view.signals.is_empty() { h2 { (ctx.of("Signale", "Signals")) } (signals(ctx, &view.signals)) }
        @if !view.timeline.is_empty() { h2 { (ctx.of("Zeitleiste", "Timeline")) } (timeline(ctx, &view.timeline)) }
    };
    let body = html! { @if open { (note_forms(ctx, id)) } };
    render_live(
        ctx,
        Page {
            status: 200,
            title: title(&view.incident).into(),
            here: Some(Kind::Incidents),
            next: next(ctx, next_words),
            body,
        },
        Live::picture(part).marked(if open { "offen" } else { "zu" }),
    )
}

fn decisions(ctx: &Ctx<'_>, decisions: &[Decision]) -> Markup {
    html! {
        @if decisions.is_empty() { p { (ctx.of("Keine.", "None.")) } }
        @else { ul { @for decision in decisions { li {
            (ctx.clock.element(ctx.lang, decision.at.0)) " " b { (decision.reason) } " – " (decision.by.join(", ")) ": "
            (decision.applied) (ctx.of(" von ", " of ")) (decision.doors) (ctx.of(" Türen in Kraft", " doors in force")) " " (statement_link(ctx, &decision.statement))
        } } } }
    }
}

fn timeline(ctx: &Ctx<'_>, entries: &[Entry]) -> Markup {
    html! { ol.timeline { @for entry in entries { li {
        (ctx.clock.element(ctx.lang, entry.at.0)) " " (ctx.both(&entry.text)) @if let Some(by) = &entry.by { " – " (by) }
    } } } }
}

fn note_forms(ctx: &Ctx<'_>, id: &str) -> Markup {
    html! {
        @if ctx.may(Kind::IncidentNote, None) {
            h2 { (ctx.of("Notiz", "Note")) }
            (form(ctx, &format!("/vorfall/{id}/notiz"), html! {
                label { (ctx.of("Was ist neu? (ohne Patientendaten)", "What is new? (no patient data)")) textarea name="text" rows="3" maxlength="500" required {} }
                button type="submit" { (ctx.of("Eintragen", "Record")) }
            }))
        }
        @if ctx.may(Kind::IncidentClose, None) {
            details { summary { (ctx.of("Vorfall abschließen", "Close the incident")) }
                (form(ctx, &format!("/vorfall/{id}/abschluss"), html! {
                    label { (ctx.of("Warum ist er vorbei?", "Why is it over?")) textarea name="why" rows="2" maxlength="500" required {} }
                    button type="submit" { (ctx.of("Abschließen", "Close")) }
                    p.quiet { (ctx.of("Öffnet keine Tür.", "Opens no door.")) }
                })) }
        }
    }
}
