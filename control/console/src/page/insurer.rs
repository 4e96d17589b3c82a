//! One insurer's own view: what it sees of itself, and its own decisions.

use maud::{Markup, html};
use vocabulary::InsurerId;

use super::{Ctx, Live, Page, clocks, form, next, render_live, statement_link, waiting, words};
use crate::{
    lang,
    response::Response,
    route::Kind,
    view::insurer::{InsurerView, OwnOpening, OwnService, PublicCell},
};

/// One insurer.
pub(crate) fn insurer(ctx: &Ctx<'_>, view: &InsurerView) -> Response {
    let id = InsurerId::new(&view.insurer).ok();
    let id = id.as_ref();
    let part = html! {
        (facts(ctx, view))
        h2 { (ctx.of("Dienste", "Services")) }
        (services(ctx, view))
        @if !view.drafts.is_empty() { h2 { (ctx.of("Eigene Entwürfe", "Own drafts")) } (waiting::drafts(ctx, &view.drafts)) }
        h2 id="fristen" { (ctx.of("Eigene Fristen", "Own clocks")) }
        @if view.clocks.is_empty() { p { (ctx.of("Keine läuft.", "None runs.")) } } @else { (clocks::table(ctx, &view.clocks)) }
        (given(ctx, view))
        (promises(ctx, view))
        (public(ctx, view))
    };
    let body = html! {
        @if ctx.may(Kind::Rank, id) { (rank_form(ctx, view)) }
        @if ctx.may(Kind::Slot, id) { (slot_form(ctx, view)) }
        @if ctx.may(Kind::TestRefuse, id) { (test_forms(ctx, view, id)) }
        @if ctx.may(Kind::StandingConsent, id) { (standing_form(ctx, view)) }
        @if ctx.may(Kind::Refuse, id) { (refuse_all_form(ctx, view)) }
    };
    let mut live = Live::rooms(part).marked(&mark(view));
    // Openings hold forms and so stay as they were loaded; they stand first, because they wait for a word.
    live.above = openings(ctx, view, id);
    render_live(
        ctx,
        Page {
            status: 200,
            title: view.name.clone(),
            here: None,
            next: next(ctx, what_next(ctx, view, id)),
            body,
        },
        live,
    )
}

/// What the forms depend on: openings, and what the insurer said to each.
fn mark(view: &InsurerView) -> String {
    let said = |opening: &OwnOpening| {
        let (yes, no) = (u8::from(opening.consented), u8::from(opening.refused));
        format!("{}{yes}{no}", super::cell::short(&opening.statement))
    };
    view.openings.iter().map(said).collect()
}

/// A number with the words for one or for many.
fn counted(ctx: &Ctx<'_>, number: usize, de: (&str, &str), en: (&str, &str)) -> String {
    let (one, many) = ctx.of(de, en);
    format!("{number} {}", if number == 1 { one } else { many })
}

fn what_next(ctx: &Ctx<'_>, view: &InsurerView, id: Option<&InsurerId>) -> Markup {
    let open = view
        .openings
        .iter()
        .filter(|opening| !opening.consented && !opening.refused)
        .count();
    let own = ctx.may(Kind::Rank, id);
    let to_test = view
        .services
        .iter()
        .any(|service| service.test.is_none() && view.environment.as_deref() == Some("verifying"));
    let overdue = view.clocks.iter().filter(|clock| clock.is_overdue()).count();
    let due = view.clocks.iter().filter(|clock| clock.is_open()).count();
    html! { ul {
        @if overdue > 0 { li { b { "✗ " (counted(ctx, overdue, ("eigene Frist ist", "eigene Fristen sind"), ("own clock is", "own clocks are"))) (ctx.of(" überfällig: jetzt melden.", " overdue: report now.")) } " " a href="#fristen" { (ctx.of("Ansehen", "Look")) } } }
        @else if due > 0 { li { (counted(ctx, due, ("eigene Frist läuft. ", "eigene Fristen laufen. "), ("own clock runs. ", "own clocks run. "))) a href="#fristen" { (ctx.of("Entwürfe lesen und selbst senden", "Read the drafts and send them yourself")) } } }
        @if open > 0 { li { b { (open) (ctx.of(" Öffnung(en) warten auf das Wort der Kasse.", " opening(s) wait for the insurer's word.")) } " " a href="#oeffnungen" { (ctx.of("Ansehen", "Look")) } } }
        @if !view.drafts.is_empty() { li { (ctx.of("Eigene Entwürfe warten auf Unterschrift.", "Own drafts wait for a signature.")) } }
        @if to_test { li { (ctx.of("Ein Dienst ist zurück und wartet auf den Anwendertest.", "A service is back and waits for the user test.")) } }
        @if own && !view.ranked { li { a href="#rang" { (ctx.of("Reihenfolge der Dienste festlegen", "Rank the services")) } (ctx.of(": der Wiederanlauf richtet sich danach.", ": the restoration follows it.")) } }
        @if view.consent.is_empty() { li { (ctx.of("Niemand darf für diese Kasse zustimmen: ihr Abschnitt der Verfassung fehlt. Ohne ihn öffnet nach einer Eindämmung nichts.", "Nobody may consent for this insurer: its section of the charter is missing. Without it nothing opens after a containment.")) } }
        @if open == 0 && overdue == 0 && due == 0 && view.drafts.is_empty() && !to_test && (view.ranked || !own) { li { (ctx.of("Im Augenblick nichts. ", "Nothing at the moment. ")) a href="/warten" { (ctx.of("Was auf wen wartet", "What waits for whom")) } } }
    } }
}

fn facts(ctx: &Ctx<'_>, view: &InsurerView) -> Markup {
    html! { dl.facts {
        dt { (ctx.of("Kennung", "Id")) } dd { code { (view.insurer) } " · " (view.site) " · " (view.insured) (ctx.of(" Versicherte", " insured")) }
        @if let Some(state) = &view.environment { dt { (ctx.of("Umgebung", "Environment")) } dd { b { (state) } @if let Some(since) = view.environment_since { (ctx.of(" seit ", " since ")) (ctx.clock.element(ctx.lang, since.0)) } } }
        dt { (ctx.of("Darf zustimmen", "May consent")) } dd { (view.consent.join(", ")) }
        dt { (ctx.of("Darf ablehnen", "May refuse")) } dd { (view.refuse.join(", ")) }
    } }
}

fn services(ctx: &Ctx<'_>, view: &InsurerView) -> Markup {
    html! { div.scroll role="region" tabindex="0" aria-label=(ctx.of("Dienste", "Services")) { table.blocks data-rows="1" {
        thead { tr { th scope="col" { (ctx.of("Dienst", "Service")) } th scope="col" { (ctx.of("Stellung", "Position")) } th scope="col" { (ctx.of("Rückstand", "Backlog")) } th scope="col" { (ctx.of("Termin", "Slot")) } th scope="col" { (ctx.of("Anwendertest", "User test")) } } }
        tbody { @for service in &view.services { (service_row(ctx, service)) } }
    } } }
}

fn service_row(ctx: &Ctx<'_>, service: &OwnService) -> Markup {
    let sign = words::of_slug(service.cell.position);
    html! { tr {
        th scope="row" { a href={ "/zelle/" (service.cell.insurer) "/" (service.cell.service) } { (service.name) } small { (service.cell.service) (ctx.of(" · verkraftbar ", " · tolerable ")) (service.mtd_hours) " h" } }
        td class={ "s " (sign.slug) } { span.shape aria-hidden="true" { (sign.shape) } " " b { (lang::pick(ctx.lang, sign.words)) }
            @if let Some(grade) = service.cell.grade { small { (lang::pick(ctx.lang, words::grade_at(service.cell.position, grade))) } }
            @if let Some(since) = service.cell.unreached_since { small.bad { (ctx.of("still seit ", "unreached since ")) (ctx.clock.short(since.0)) } }
            @if let Some(until) = service.cell.until { small { (ctx.of("bis ", "until ")) (ctx.clock.full(ctx.lang, until.0)) } }
        }
        td data-s=(ctx.of("Rückstand", "Backlog")) { @if let Some(backlog) = &service.backlog { (backlog.held) (ctx.of(" warten", " waiting")) @if backlog.parked > 0 { small.bad { (backlog.parked) (ctx.of(" beiseite", " set aside")) } } } @else { "–" } }
        td data-s=(ctx.of("Termin", "Slot")) { @if let Some(slot) = &service.slot { (ctx.clock.full(ctx.lang, slot.from.0)) " – " (ctx.clock.short(slot.to.0)) } @else { "–" } }
        td data-s=(ctx.of("Anwendertest", "User test")) { @match &service.test { Some(test) if test.result == "accepted" => { "✓ " (ctx.of("bestanden", "accepted")) }, Some(test) => { "✗ " (ctx.of("nicht bestanden", "rejected")) @if let Some(words) = &test.words { small { (words) } } }, None => "–" } }
    } }
}

fn openings(ctx: &Ctx<'_>, view: &InsurerView, id: Option<&InsurerId>) -> Markup {
    html! {
        @if !view.openings.is_empty() { h2 id="oeffnungen" { (ctx.of("Öffnungen, zu denen die Kasse spricht", "Openings the insurer speaks to")) } }
        @for opening in &view.openings { (one_opening(ctx, view, opening, id)) }
    }
}

fn one_opening(ctx: &Ctx<'_>, view: &InsurerView, opening: &OwnOpening, id: Option<&InsurerId>) -> Markup {
    let becomes = match opening.becomes {
        "open" => ctx.of("Regelbetrieb", "normal operation"),
        "limited" => ctx.of("Teilbetrieb", "limited operation"),
        _ => ctx.of("Notbetrieb", "emergency operation"),
    };
    html! { article {
        p { b { (becomes) ": " (opening.services.join(", ")) }
            @if let Some(until) = opening.until { (ctx.of(" bis ", " until ")) (ctx.clock.full(ctx.lang, until.0)) }
            " " (statement_link(ctx, &opening.statement)) }
        p { (opening.reason) }
        p { (ctx.of("Verfällt ", "Expires ")) (ctx.clock.element(ctx.lang, opening.expires.0)) }
        p { @if opening.refused { b { "✗ " (ctx.of("abgelehnt", "refused")) } } @else if opening.consented { b { "✓ " (ctx.of("zugestimmt", "consented")) } } @else { b { "▲ " (ctx.of("wartet auf das Wort der Kasse", "waits for the insurer's word")) } } }
        @if !opening.consented && ctx.may(Kind::Consent, id) { (form(ctx, &format!("/kasse/{}/zustimmung", view.insurer), html! {
            input type="hidden" name="opening" value=(opening.statement);
            button type="submit" { (ctx.of("Zustimmung entwerfen", "Draft a consent")) }
        })) }
        @if !opening.refused && ctx.may(Kind::Refuse, id) { (form(ctx, &format!("/kasse/{}/ablehnung", view.insurer), html! {
            input type="hidden" name="opening" value=(opening.statement);
            label { (ctx.of("Begründung", "Reason")) input type="text" name="why" required maxlength="500"; }
            button type="submit" { (ctx.of("Ablehnung entwerfen", "Draft a refusal")) }
        })) }
    } }
}

fn given(ctx: &Ctx<'_>, view: &InsurerView) -> Markup {
    html! {
        h2 { (ctx.of("Dauerzustimmungen", "Standing consents")) }
        @if view.standing.is_empty() { p { (ctx.of("Keine: nach einer Abtrennung muss für jede Öffnung jemand von der Kasse erreichbar sein.", "None: after a cut somebody of the insurer must be reachable for each opening.")) } }
        @else { ul { @for standing in &view.standing { li {
            (ctx.both(&standing.says)) small { (ctx.of("bis ", "until ")) (ctx.clock.element(ctx.lang, standing.expires.0)) @if standing.taken_back { b { (ctx.of(" · zurückgenommen", " · taken back")) } } } " " (statement_link(ctx, &standing.statement))
        } } } }
        @if !view.refusals.is_empty() { h2 { (ctx.of("Ablehnungen in Kraft", "Refusals in force")) } ul { @for refusal in &view.refusals { li {
            (ctx.both(&refusal.says)) " " (ctx.clock.element(ctx.lang, refusal.at.0)) " " (statement_link(ctx, &refusal.statement))
        } } } }
    }
}

/// What stands outside, word for word.
fn public(ctx: &Ctx<'_>, view: &InsurerView) -> Markup {
    html! {
        h2 id="draussen" { (ctx.of("Was die öffentliche Seite sagt", "What the public site says")) }
        @match &view.public {
            None => p.bad { "! " (ctx.of("Die Fakten lassen sich gerade nicht veröffentlichen; draußen steht der letzte Stand.", "The facts cannot be published just now; the last state stands outside.")) },
            Some(public) => {
                p.quiet { (ctx.of("Wörtlich, aus denselben Fakten. Fragen Versicherte oder Praxen an, gilt dieser Text.", "Word for word, from the same facts. When insured people or practices ask, this text counts.")) }
                @if let Some(incident) = &public.incident { div.told { h3 { (ctx.both(&incident.title)) } p { (ctx.both(&incident.summary)) } } }
                @for cell in &public.cells { (public_cell(ctx, cell)) }
                @if !public.silent.is_empty() { p.quiet { (ctx.of("Nicht gesprochen wird von Diensten ohne Tür: ", "Services without a door are not spoken of: ")) (public.silent.join(", ")) } }
            },
        }
    }
}

fn public_cell(ctx: &Ctx<'_>, cell: &PublicCell) -> Markup {
    html! { div.told {
        h3 { (ctx.both(&cell.name)) }
        p { b { (ctx.both(&cell.state)) } (ctx.of(" seit ", " since ")) (ctx.both(&cell.since)) }
        p { (ctx.both(&cell.meaning)) }
        @if let Some(late) = &cell.late { p.bad { "! " (ctx.both(late)) } }
        dl {
            @if let Some(reason) = &cell.reason { dt { (ctx.of("Grund", "Reason")) } dd { (ctx.both(reason)) } }
            @if let Some(at) = &cell.next_update { dt { (ctx.of("Nächste Meldung spätestens", "Next update at the latest")) } dd { (ctx.both(at)) } }
            @if let Some(proof) = &cell.proof { dt { (ctx.of("Zuletzt nachgewiesen", "Last proof")) } dd { (ctx.both(proof)) } }
        }
        @if !cell.to_do.is_empty() { details.paper id={ "rat-" (cell.service) } { summary { (ctx.of("Was Sie tun sollten (je Zielgruppe)", "What you should do (by audience)")) }
            dl { @for advice in &cell.to_do { dt { (ctx.both(&advice.who)) } dd { (ctx.both(&advice.what)) } } } } }
    } }
}

fn promises(ctx: &Ctx<'_>, view: &InsurerView) -> Markup {
    html! { @if !view.promises.is_empty() { h2 { (ctx.of("Was zugesagt wurde", "What was promised")) } ul { @for promise in &view.promises { li {
        b { (promise.service) } ": " (ctx.clock.full(ctx.lang, promise.from.0)) " – " (ctx.clock.full(ctx.lang, promise.to.0))
        @if let Some(condition) = &promise.condition { (ctx.of(", wenn ", ", if ")) (condition) }
        small { (ctx.of("gesagt ", "said ")) (ctx.clock.element(ctx.lang, promise.at.0)) }
    } } } } }
}

fn rank_form(ctx: &Ctx<'_>, view: &InsurerView) -> Markup {
    html! {
        h2 id="rang" { (ctx.of("Reihenfolge der Dienste", "Order of services")) }
        (form(ctx, &format!("/kasse/{}/rang", view.insurer), html! {
            p { (ctx.of("1 = zuerst zurück.", "1 = back first.")) }
            @for (at, service) in view.services.iter().enumerate() {
                label { (service.name) input type="number" name={ "rank-" (service.cell.service) } value=(at.saturating_add(1)) min="1" max="999" required; }
            }
            button type="submit" { (ctx.of("Festlegen", "Set")) }
        }))
    }
}

fn service_select(ctx: &Ctx<'_>, view: &InsurerView) -> Markup {
    html! { label { (ctx.of("Dienst", "Service")) select name="service" required { @for service in &view.services { option value=(service.cell.service) { (service.name) } } } } }
}

fn slot_form(ctx: &Ctx<'_>, view: &InsurerView) -> Markup {
    html! { details { summary { (ctx.of("Termin für die Rückkehr buchen", "Book a slot for the return")) }
    (form(ctx, &format!("/kasse/{}/termin", view.insurer), html! {
        (service_select(ctx, view))
        label { (ctx.of("Von (Berliner Zeit)", "From (Berlin time)")) input type="datetime-local" name="from" required; }
        label { (ctx.of("Bis (Berliner Zeit)", "Until (Berlin time)")) input type="datetime-local" name="to" required; }
        button type="submit" { (ctx.of("Buchen", "Book")) }
    })) } }
}

fn test_forms(ctx: &Ctx<'_>, view: &InsurerView, id: Option<&InsurerId>) -> Markup {
    html! { details { summary { (ctx.of("Anwendertest eintragen", "Record the user test")) }
        @if ctx.may(Kind::TestAccept, id) { (form(ctx, &format!("/kasse/{}/abnahme", view.insurer), html! {
            (service_select(ctx, view))
            label { (ctx.of("Bemerkung (freiwillig)", "Note (optional)")) input type="text" name="note" maxlength="500"; }
            button type="submit" { "✓ " (ctx.of("Bestanden", "Accept")) }
        })) }
        (form(ctx, &format!("/kasse/{}/mangel", view.insurer), html! {
            (service_select(ctx, view))
            label { (ctx.of("Was geht nicht? (ohne Patientendaten)", "What does not work? (no patient data)")) input type="text" name="why" required maxlength="500"; }
            button type="submit" { "✗ " (ctx.of("Nicht bestanden", "Reject")) }
        }))
    } }
}

fn standing_form(ctx: &Ctx<'_>, view: &InsurerView) -> Markup {
    html! { details { summary { (ctx.of("Dauerzustimmung entwerfen (im Frieden)", "Draft a standing consent (in peace)")) }
    (form(ctx, &format!("/kasse/{}/dauerzustimmung", view.insurer), html! {
        fieldset { legend { (ctx.of("Dienste", "Services")) } @for service in &view.services { label.check { input type="checkbox" name="services" value=(service.cell.service); (service.name) } } }
        label { (ctx.of("Wozu", "To what")) select name="to" {
            option value="reopening" { (ctx.of("Regelbetrieb nach voller Freigabe", "normal operation after a full clearance")) }
            option value="limited" { (ctx.of("Teilbetrieb nach begrenzter Freigabe", "limited operation after a limited clearance")) }
            option value="emergency" { (ctx.of("Notbetrieb", "emergency operation")) }
        } }
        label { (ctx.of("Höchstens Stunden (nur Teilbetrieb)", "At most hours (limited only)")) input type="number" name="hours" min="1" max="168"; }
        label { (ctx.of("Notumgebung (nur Notbetrieb)", "Emergency environment (emergency only)")) input type="text" name="environment"; }
        label { (ctx.of("Schlüssel age1… (nur Notbetrieb)", "Identity age1… (emergency only)")) input type="text" name="identity"; }
        label { (ctx.of("Gültig Tage", "Valid for days")) input type="number" name="days" min="1" max="730" value="365"; }
        button type="submit" { (ctx.of("Entwerfen", "Draft")) }
    })) } }
}

fn refuse_all_form(ctx: &Ctx<'_>, view: &InsurerView) -> Markup {
    html! { details { summary { (ctx.of("Alle Öffnungen ablehnen", "Refuse every opening")) }
    (form(ctx, &format!("/kasse/{}/ablehnung", view.insurer), html! {
        input type="hidden" name="opening" value="everything";
        label { (ctx.of("Begründung", "Reason")) input type="text" name="why" required maxlength="500"; }
        button type="submit" { (ctx.of("Entwerfen", "Draft")) }
        p.quiet { (ctx.of("Zurücknehmen kann das nur die Schwelle der Kasse selbst.", "Only the insurer's own threshold can take this back.")) }
    })) } }
}
