//! One cell's page.

use maud::{Markup, html};

use super::{Ctx, Live, Page, next, render_live, statement_link, words};
use crate::{
    lang,
    response::Response,
    route::Kind,
    view::cell::{CellDetail, Flows, Happening, RefusalView, RestrictionView},
};

/// One cell.
pub(crate) fn cell(ctx: &Ctx<'_>, view: &CellDetail) -> Response {
    let sign = words::of_slug(view.cell.position);
    let part = html! {
        p class={ "state s " (sign.slug) } {
            span.shape aria-hidden="true" { (sign.shape) } " " b { (lang::pick(ctx.lang, sign.words)) }
            @if let Some(grade) = view.cell.grade { " " span class={ "g " (grade) } { (lang::pick(ctx.lang, words::grade_at(view.cell.position, grade))) } }
        }
        (facts(ctx, view))
        (restrictions(ctx, &view.restrictions))
        (proof(ctx, view))
        @if let Some(flows) = &view.flows { (flows_table(ctx, flows)) }
        (refusals(ctx, &view.refusals))
        (history(ctx, &view.history))
    };
    let title = format!("{} · {}", view.insurer_name, view.service_name);
    render_live(
        ctx,
        Page {
            status: 200,
            title,
            here: Some(Kind::Matrix),
            next: next(ctx, what_next(ctx, view)),
            body: html! {},
        },
        Live::picture(part),
    )
}

fn what_next(ctx: &Ctx<'_>, view: &CellDetail) -> Markup {
    let cell = &view.cell;
    let draft = ctx.may(Kind::DraftNew, None) && ctx.may(Kind::IncidentNote, None);
    html! { ul {
        @if cell.grade.is_none() { li { (ctx.of("Von dieser Tür hat noch niemand gehört: läuft ihr Prozess, kennt der Leitstand ihr Protokoll? ", "Nobody has heard of this door yet: is its process running, does the room know its log? ")) @if ctx.may(Kind::Sources, None) { a href="/quellen" { (ctx.of("Quellen", "Sources")) } } } }
        @if cell.grade == Some("failed") && cell.position == "open" { li { b { (ctx.of("Offen, aber nicht alles geht durch. Ist ein anderer Dienst desselben Postfachs zu, geht es mit ihm wieder auf; sonst Prozess und Leitung prüfen.", "Open, but not everything passes. If another service of the same mailbox is shut, this comes back with it; otherwise check process and line.")) } } }
        @else if cell.grade == Some("failed") { li { b { (ctx.of("Es kommt etwas durch. Den Weg am Netz trennen (Firewall, Switch) und die Tür nachmessen lassen.", "Something gets through. Cut the path at the network (firewall, switch) and have the door measured again.")) } } }
        @if cell.grade == Some("ordered") { li { (ctx.of("Eine Anordnung ist unterwegs und noch nicht in Kraft: Verbindung der Tür prüfen oder die Datei von Hand hinbringen.", "An order is on its way and not in force: check the door's connection or carry the file there by hand.")) } }
        @if let Some(since) = cell.unreached_since { li { (ctx.of("Nicht gehört seit ", "Not heard since ")) (ctx.clock.element(ctx.lang, since.0)) (ctx.of(": ihr letzter bekannter Zustand steht unten.", ": its last known state is shown below.")) } }
        @for doubt in &view.doubts { li { b { (ctx.half(doubt)) } (ctx.of(" Was hier steht, ist der letzte sichere Stand.", " What is shown here is the last that was certain.")) } }
        @if cell.stale { li { (ctx.of("Die Tür wartet auf eine bezeugte Sicht: sind genug Zeugen erreichbar?", "The door waits for a co-signed view: are enough witnesses reachable?")) } }
        @if let Some(count) = cell.attention && count > 0 { li { (count) (ctx.of(" Stücke im Zweifel oder beiseitegelegt: bitte einzeln ansehen.", " items in doubt or set aside: please look at each.")) } }
        @if !view.restrictions.is_empty() { li { (ctx.of("Wieder öffnen: eine Öffnung muss alle Sperren unten nennen, mit Stand ", "To reopen: an opening must name every restriction below, at epoch ")) code { (cell.epoch.unwrap_or(0)) } "."
            @if draft { " " a href={ "/entwurf/neu?art=oeffnen&zelle=" (cell.insurer) "/" (cell.service) } { (ctx.of("Öffnung entwerfen", "Draft an opening")) } } } }
        @if view.restrictions.is_empty() && !cell.trouble { li { (ctx.of("In Ordnung. Nichts zu tun.", "In order. Nothing to do.")) } }
        @if draft { li { a href={ "/entwurf/neu?art=abtrennen&zelle=" (cell.insurer) "/" (cell.service) } { (ctx.of("Diese Zelle abtrennen", "Cut this cell")) } } }
        li { a href={ "/kasse/" (cell.insurer) } { (ctx.of("Sicht der Kasse", "The insurer's view")) } }
    } }
}

fn facts(ctx: &Ctx<'_>, view: &CellDetail) -> Markup {
    let cell = &view.cell;
    html! {
        dl.facts {
            dt { (ctx.of("Zelle", "Cell")) } dd { code { (cell.insurer) "/" (cell.service) } " · " (view.site) }
            @if let Some(level) = cell.level { dt { (ctx.of("Stufe", "Level")) } dd { (lang::pick(ctx.lang, words::level_of_slug(level))) } }
            @if let Some(since) = cell.since { dt { (ctx.of("So seit", "So since")) } dd { (ctx.clock.element(ctx.lang, since.0)) } }
            @if let Some(epoch) = cell.epoch { dt { (ctx.of("Stand der Tür (Epoche)", "Epoch")) } dd { code { (epoch) } } }
            @if let Some(state) = &view.environment { dt { (ctx.of("Umgebung", "Environment")) } dd { (state) } }
            dt { (ctx.of("Betroffene", "People hit")) } dd { (view.persons) (ctx.of(" Menschen; verkraftbar sind ", " people; tolerable for ")) (view.mtd_hours) " h" }
            dt { (ctx.of("Eingang kann warten", "Intake can wait")) } dd { (if view.holdable { ctx.of("ja", "yes") } else { ctx.of("nein", "no") }) }
            @if let Some(backlog) = &view.backlog {
                dt { (ctx.of("Rückstand", "Backlog")) }
                dd { (backlog.held) (ctx.of(" warten, ", " waiting, ")) (backlog.in_doubt) (ctx.of(" im Zweifel, ", " in doubt, ")) (backlog.parked) (ctx.of(" beiseitegelegt, ", " set aside, ")) (backlog.handed_over) (ctx.of(" übergeben; gezählt ", " handed over; counted ")) (ctx.clock.element(ctx.lang, backlog.counted.0))
                    @if let Some(oldest) = backlog.oldest { (ctx.of("; ältestes vom ", "; oldest from ")) (ctx.clock.element(ctx.lang, oldest.0)) } }
            }
            @for grant in &view.grants {
                dt { (if grant.kind == "emergency" { ctx.of("Notbetrieb", "Emergency operation") } else { ctx.of("Teilbetrieb", "Limited operation") }) }
                dd { (ctx.of("bis ", "until ")) (ctx.clock.element(ctx.lang, grant.until.0)) @if let Some(environment) = &grant.environment { " · " (environment) } }
            }
            @if let Some(slot) = &view.slot { dt { (ctx.of("Termin der Kasse", "Insurer's slot")) } dd { (ctx.clock.full(ctx.lang, slot.from.0)) " – " (ctx.clock.full(ctx.lang, slot.to.0)) } }
            @if let Some(test) = &view.test { dt { (ctx.of("Anwendertest", "User test")) } dd { (if test.result == "accepted" { ctx.of("bestanden", "accepted") } else { ctx.of("nicht bestanden", "rejected") }) @if let Some(words) = &test.words { ": " (words) } } }
            @if !view.ordered.is_empty() { dt { (ctx.of("Unterwegs", "On the way")) } dd { @for id in &view.ordered { (statement_link(ctx, id)) " " } } }
            @if !view.stands_on.is_empty() { dt { (ctx.of("Steht auf", "Stands on")) } dd { @for id in &view.stands_on { (statement_link(ctx, id)) " " } } }
            @if !view.evidence.is_empty() { dt { (ctx.of("Beweismittel", "Evidence")) } dd { @for id in &view.evidence { code title=(id) { (short(id)) } " " } } }
        }
    }
}

fn restrictions(ctx: &Ctx<'_>, restrictions: &[RestrictionView]) -> Markup {
    html! {
        h2 { (ctx.of("Sperren", "Restrictions")) }
        @if restrictions.is_empty() { p { (ctx.of("Keine.", "None.")) } }
        @else {
            div.scroll role="region" tabindex="0" aria-label=(ctx.of("Sperren", "Restrictions")) { table data-rows="1" {
                thead { tr { th scope="col" { (ctx.of("Klasse", "Class")) } th scope="col" { (ctx.of("Grund", "Reason")) } th scope="col" { (ctx.of("Von", "By")) } th scope="col" { (ctx.of("Seit", "Since")) } th scope="col" { (ctx.of("Kennung", "Id")) } } }
                tbody { @for restriction in restrictions { (restriction_row(ctx, restriction)) } }
            } }
        }
    }
}

fn restriction_row(ctx: &Ctx<'_>, restriction: &RestrictionView) -> Markup {
    let (class, lifts) = words::class_of_slug(restriction.class);
    html! { tr {
        td { b { (lang::pick(ctx.lang, class)) } small { (lang::pick(ctx.lang, lifts)) } }
        td { (restriction.reason) @if let Some(signal) = &restriction.signal { small { (ctx.of("Signal ", "signal ")) code { (signal) } } } }
        td { (lang::pick(ctx.lang, words::cause_of_slug(restriction.cause))) @if !restriction.signers.is_empty() { ": " (restriction.signers.join(", ")) } @if let Some(id) = &restriction.statement { " " (statement_link(ctx, id)) } }
        td { (ctx.clock.element(ctx.lang, restriction.since.0)) }
        td { code title=(restriction.id) { (short(&restriction.id)) } }
    } }
}

/// The first digits of a digest, for people.
pub(super) fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

fn proof(ctx: &Ctx<'_>, view: &CellDetail) -> Markup {
    html! {
        h2 { (ctx.of("Nachweis", "Proof")) }
        @match &view.proof {
            None => p { (ctx.of("Für den jetzigen Zustand ist nichts gemessen. Ein Grad, den niemand gemessen hat, wird nicht gezeigt.", "Nothing is measured for the present state. A grade nobody measured is not shown.")) },
            Some(proof) if proof.failures.is_empty() && view.cell.position == "open" => p { b { "✓✓ " (ctx.of("Alles geht durch", "Everything passes")) } ", " (ctx.clock.element(ctx.lang, proof.at.0)) "." },
            Some(proof) if proof.failures.is_empty() => p { b { "✓✓ " (ctx.of("Nichts kam durch", "Nothing got through")) } ", " (ctx.clock.element(ctx.lang, proof.at.0)) (ctx.of("; auch auf ", "; also on ")) (proof.old_sessions) (ctx.of(" schon offenen Verbindungen.", " connections that were open already.")) },
            Some(proof) => div { p.bad { b { "✗ " (if view.cell.position == "open" { ctx.of("Geht nicht", "Not working") } else { ctx.of("Nicht dicht", "Not tight") }) } ", " (ctx.clock.element(ctx.lang, proof.at.0)) } ul { @for failure in &proof.failures { li { (ctx.half(failure)) } } } },
        }
    }
}

fn flows_table(ctx: &Ctx<'_>, flows: &Flows) -> Markup {
    let rows = [
        (ctx.of("Eingang", "Intake"), flows.intake),
        (
            ctx.of(
                "Weitergabe an das Kassensystem",
                "Forward to the insurer's system",
            ),
            flows.forward,
        ),
        (ctx.of("Abholung", "Fetch"), flows.fetch),
        (ctx.of("Versand", "Send"), flows.send),
        (ctx.of("Offene Sitzungen", "Open sessions"), flows.sessions),
    ];
    html! {
        h2 { (ctx.of("Was die Tür tut", "What the door does")) }
        table { tbody { @for (what, slug) in rows { tr { th scope="row" { (what) } td { (lang::pick(ctx.lang, words::flow_of_slug(slug))) } } } } }
    }
}

fn refusals(ctx: &Ctx<'_>, refusals: &[RefusalView]) -> Markup {
    html! { @if !refusals.is_empty() {
        h2 { (ctx.of("Was die Tür abgelehnt hat", "What the door refused")) }
        ul { @for refusal in refusals { li { b { (ctx.half(&refusal.missing)) } " " (statement_link(ctx, &refusal.opening)) " " (ctx.clock.element(ctx.lang, refusal.at.0)) @if refusal.times > 1 { " · " (refusal.times) "×" } } } }
    } }
}

fn history(ctx: &Ctx<'_>, history: &[Happening]) -> Markup {
    html! { @if !history.is_empty() {
        h2 { (ctx.of("Was geschah", "What happened")) }
        ol.timeline { @for happening in history { li {
            (ctx.clock.element(ctx.lang, happening.at.0)) " " (ctx.half(&happening.what))
            @if !happening.by.is_empty() { " – " (happening.by.join(", ")) }
            @if let Some(id) = &happening.statement { " " (statement_link(ctx, id)) }
        } } }
    } }
}
