//! Drafts: the list, a new one, and one with its sentence, its preview and how to sign it.

use maud::{Markup, html};
use vocabulary::{IncidentId, Scope};

use super::{Ctx, Live, Page, form, next, render, render_live};
use crate::{
    Asked,
    response::Response,
    route::Kind,
    view::draft::{DraftDetail, DraftView, Drafts, Logged, Preview, PreviewLine},
};

/// Statements that wait for signatures.
pub(crate) fn drafts(ctx: &Ctx<'_>, view: &Drafts) -> Response {
    let next_words = html! { ul {
        @if view.drafts.is_empty() { li { (ctx.of("Kein Entwurf wartet. ", "No draft waits. ")) @if ctx.may(Kind::IncidentNote, None) { a href="/entwurf/neu?art=abtrennen" { (ctx.of("Abtrennen entwerfen", "Draft a cut")) } } } }
        @else { li { (ctx.of("Den eigenen Namen suchen, lesen, auf dem eigenen Rechner unterschreiben. ", "Look for your own name, read, sign on your own machine. ")) a href="/entwurf?mine=1" { (ctx.of("Nur meine", "Only mine")) } } }
        li { (ctx.of("Auf dem eigenen Rechner meldet jeden neuen Entwurf: ", "On your own machine, tells of each new draft: ")) code { "bulkhead sign --watch --console " (ctx.room.origin) " --key ~/.ssh/id_ed25519" } }
    } };
    let part = html! {
        @if !view.drafts.is_empty() { ul { @for draft in &view.drafts { li {
            a href={ "/entwurf/" (draft.id) } { (ctx.both(&draft.says)) }
            (progress(ctx, draft))
        } } } }
    };
    let mut live = Live::picture(part);
    if ctx.may(Kind::IncidentNote, None) {
        live.above = kinds(ctx);
    }
    render_live(
        ctx,
        Page {
            status: 200,
            title: ctx.of("Entwürfe", "Drafts").into(),
            here: Some(Kind::Drafts),
            next: next(ctx, next_words),
            body: html! {},
        },
        live,
    )
}

fn kinds(ctx: &Ctx<'_>) -> Markup {
    html! { p {
        (ctx.of("Neu: ", "New: "))
        a href="/entwurf/neu?art=abtrennen" { (ctx.of("Abtrennen", "Cut")) } " · "
        a href="/entwurf/neu?art=oeffnen" { (ctx.of("Öffnen", "Open")) } " · "
        a href="/entwurf/neu?art=freigeben" { (ctx.of("Freigeben (Forensik)", "Clear (examiners)")) } " · "
        a href="/entwurf/neu?art=zuruecknehmen" { (ctx.of("Zurücknehmen", "Take back")) }
    } }
}

fn progress(ctx: &Ctx<'_>, draft: &DraftView) -> Markup {
    html! {
        p.wait {
            @if draft.state == "complete" { "✓ " (ctx.of("vollständig", "complete")) }
            @else if draft.state == "expired" { "✗ " (ctx.of("verfallen", "expired")) }
            @else { "▲ " (draft.have) (ctx.of(" von ", " of ")) (draft.need) (ctx.of(" Personen haben unterschrieben", " persons have signed")) }
        }
        @if !draft.signed.is_empty() { p { (ctx.of("Unterschrieben: ", "Signed: ")) (draft.signed.join(", ")) } }
        @if !draft.open_to.is_empty() { p { (ctx.of("Kann noch unterschreiben: ", "Could still sign: ")) (draft.open_to.join(", ")) } }
        small { (ctx.clock.element(ctx.lang, draft.made_at.0)) @if let Some(by) = &draft.made_by { " – " (by) } (ctx.of(" · wartet bis ", " · waits until ")) (ctx.clock.full(ctx.lang, draft.expires_at.0)) }
    }
}

/// One statement, draft or logged.
pub(crate) fn draft(ctx: &Ctx<'_>, view: &DraftDetail) -> Response {
    let part = html! {
        p.sentence { (ctx.both(&view.says)) }
        @if let Some(dropped) = &view.dropped { p.state { "✗ " b { (ctx.of("verworfen", "dropped")) } } p { (ctx.clock.element(ctx.lang, dropped.at.0)) @if let Some(by) = &dropped.by { " – " (by) } ": " (dropped.why) } }
        @if let Some(draft) = &view.draft { (progress(ctx, draft)) }
        @if let Some(logged) = &view.logged { (in_the_log(ctx, view, logged)) }
        @if !view.stale.is_empty() { p.bad { "! " (ctx.of("Diese Türen haben sich seitdem bewegt und lehnen ab: ", "These doors have moved on and refuse it: ")) (view.stale.join(", ")) } }
        @if !view.preview.is_empty() { h2 { (ctx.of("Was das bewirken würde", "What this would do")) } (lines(ctx, &view.preview)) }
    };
    let body = html! {
        @if let Some(draft) = &view.draft { (how_to_sign(ctx, draft)) @if draft.may_drop { (drop_form(ctx, draft)) } }
        p.quiet { (ctx.of("Erklärung ", "Statement ")) code { (view.id) } " (" (view.kind) ")" }
    };
    let mark = view.draft.as_ref().map_or("fertig", |draft| draft.state);
    render_live(
        ctx,
        Page {
            status: 200,
            title: ctx.of("Entwurf", "Draft").into(),
            here: Some(Kind::Drafts),
            next: next(ctx, what_next(ctx, view)),
            body,
        },
        Live::picture(part).marked(mark),
    )
}

fn what_next(ctx: &Ctx<'_>, view: &DraftDetail) -> Markup {
    html! { ul {
        @match (&view.draft, &view.logged) {
            (_, Some(logged)) => {
                @if logged.refused.is_some() { li { b { (ctx.of("Diese Erklärung wurde abgelehnt und bewirkt nichts: ergänzen und neu entwerfen.", "This statement was refused and does nothing: complete it and draft it anew.")) } } }
                @else if moves_doors(view) { li { (ctx.of("Sie steht im Weisungsprotokoll. Unten steht, an wie vielen Türen sie gilt und nachgemessen ist; fehlt eine: ", "It stands in the authority log. Below is at how many doors it is in force and measured; if one is missing: ")) a href="/warten" { (ctx.of("Was auf wen wartet", "What waits for whom")) } } }
                @else { li { (ctx.of("Sie steht im Weisungsprotokoll und gilt. Wie es weitergeht: ", "It stands in the authority log and counts. How it goes on: ")) a href="/warten" { (ctx.of("Was auf wen wartet", "What waits for whom")) } } }
            },
            (Some(draft), None) => {
                @if draft.state == "expired" { li { (ctx.of("Verfallen: neu entwerfen, die Lage ist eine andere.", "Expired: draft it anew, the situation is another.")) } }
                @else if !view.stale.is_empty() { li { (ctx.of("Türen haben sich bewegt: neu entwerfen.", "Doors have moved on: draft it anew.")) } }
                @else { li { (ctx.of("Lesen, was es bewirkt. Dann auf dem eigenen Rechner unterschreiben: dort wird derselbe Satz aus denselben Bytes noch einmal gezeigt.", "Read what it does. Then sign on your own machine: there the same sentence is shown again from the same bytes.")) } }
            },
            (None, None) if view.dropped.is_some() => li { (ctx.of("Dieser Entwurf ist verworfen und kommt nicht wieder. Wird er doch gebraucht: neu entwerfen. ", "This draft is dropped and does not come back. If it is needed after all: draft it anew. ")) a href="/entwurf" { (ctx.of("Entwürfe", "Drafts")) } },
            (None, None) => li { a href="/entwurf" { (ctx.of("Entwürfe", "Drafts")) } },
        }
    } }
}

/// Whether doors move by a statement of this kind.
fn moves_doors(view: &DraftDetail) -> bool {
    ["closing", "opening", "withdrawal"].contains(&view.kind)
}

fn in_the_log(ctx: &Ctx<'_>, view: &DraftDetail, logged: &Logged) -> Markup {
    html! {
        p.state {
            @if logged.refused.is_some() { "✗ " b { (ctx.of("abgelehnt", "refused")) } } @else { "✓ " b { (ctx.of("im Protokoll", "in the log")) } }
        }
        @if let Some(refused) = &logged.refused { p.bad { (ctx.half(refused)) } }
        dl.facts {
            dt { (ctx.of("Aufgenommen", "Recorded")) } dd { (ctx.clock.element(ctx.lang, logged.at.0)) @if let Some(index) = logged.index { (ctx.of(" · Eintrag ", " · entry ")) (index) } @else { b { (ctx.of(" · nur von Hand an einer Tür", " · by hand at a door only")) } } }
            dt { (ctx.of("Unterschrieben", "Signed")) } dd { (logged.signers.join(", ")) }
            @if moves_doors(view) {
                dt { (ctx.of("In Kraft", "Applied")) } dd { b { (logged.applied) } (ctx.of(" Türen", " doors")) }
                dt { (ctx.of("Bewiesen", "Proven")) } dd { b { (logged.proven) } (ctx.of(" Türen", " doors")) }
            }
        }
    }
}

fn lines(ctx: &Ctx<'_>, lines: &[PreviewLine]) -> Markup {
    html! { ul { @for line in lines {
        li class=[line.warning.then_some("warning")] { @if line.warning { b { "▲ " (ctx.both(&line.text)) } } @else { (ctx.both(&line.text)) } }
    } } }
}

fn how_to_sign(ctx: &Ctx<'_>, draft: &DraftView) -> Markup {
    html! { @if draft.state == "waiting" {
        h2 { (ctx.of("Unterschreiben", "Sign")) }
        p { (ctx.of("Läuft ", "If ")) code { "bulkhead sign --watch --console " (ctx.room.origin) " --key ~/.ssh/id_ed25519" } (ctx.of(" auf Ihrem Rechner, zeigt er diesen Entwurf von selbst. Sonst die Unterschrift hier einfügen:", " runs on your machine, it shows this draft by itself. Otherwise paste the signature here:")) }
        (form(ctx, &format!("/entwurf/{}/unterschrift", draft.id), html! {
            label { (ctx.of("Unterschrift (-----BEGIN SSH SIGNATURE-----)", "Signature (-----BEGIN SSH SIGNATURE-----)")) textarea name="signature" rows="7" required spellcheck="false" autocomplete="off" {} }
            button type="submit" { (ctx.of("Abgeben", "Hand in")) }
        }))
        details { summary { (ctx.of("Die Bytes als Datei (für Rechner ohne Verbindung)", "The bytes as a file (for machines without connection)")) }
            pre tabindex="0" { code { (serde_json::to_string(&draft.envelope).unwrap_or_default()) } } }
    } }
}

fn drop_form(ctx: &Ctx<'_>, draft: &DraftView) -> Markup {
    html! { details { summary { (ctx.of("Entwurf verwerfen", "Drop the draft")) }
    (form(ctx, &format!("/entwurf/{}/verwerfen", draft.id), html! {
        label { (ctx.of("Warum wird er nicht mehr gebraucht?", "Why is it no longer wanted?")) input type="text" name="why" required maxlength="500"; }
        button type="submit" { (ctx.of("Verwerfen", "Drop")) }
        p.quiet { (ctx.of("Bleibt mit Namen und Grund im Protokoll. Derselbe Entwurf kommt nicht wieder.", "Stays in the journal with name and reason. The same draft does not come back.")) }
    })) } }
}

/// What a form is filled with to begin with.
#[derive(Default)]
struct Filled {
    insurers: String,
    services: String,
    sites: String,
    cells: String,
    signal: String,
    reason: String,
}

fn filled(asked: &Asked<'_>) -> Filled {
    let query = |name: &str| asked.request.query_field(name).unwrap_or_default();
    let mut filled = Filled {
        insurers: query("insurers"),
        services: query("services"),
        sites: query("sites"),
        cells: query("cells"),
        signal: query("signal"),
        reason: query("reason"),
    };
    if let Ok(cell) = query("zelle").parse::<vocabulary::CellId>() {
        filled.insurers = cell.insurer.to_string();
        filled.services = cell.service.to_string();
        filled.cells = cell.to_string();
    }
    if asked.sight.is_everything()
        && let Ok(id) = IncidentId::new(&query("vorfall"))
        && let Some(incident) = asked.ctx.room.picture.people().incidents.get(&id)
    {
        from_scope(&mut filled, &incident.scope);
        filled.signal = incident
            .signals
            .first()
            .map(ToString::to_string)
            .unwrap_or_default();
        filled.reason = incident.title.as_str().into();
    }
    filled
}

/// Only a scope of one selection fits into one form; of more, the first is proposed and the reader sees which.
fn from_scope(filled: &mut Filled, scope: &Scope) {
    fn joined<T: ToString>(set: Option<&std::collections::BTreeSet<T>>) -> String {
        let names = set.into_iter().flatten().map(ToString::to_string);
        names.collect::<Vec<_>>().join(" ")
    }
    if let Some(selector) = scope.0.first() {
        filled.insurers = joined(selector.insurers.as_ref());
        filled.services = joined(selector.services.as_ref());
        filled.sites = joined(selector.sites.as_ref());
    }
}

/// The form of one kind, with what the cut in it would do.
pub(crate) fn new_draft(asked: &Asked<'_>, view: &Preview) -> Response {
    let ctx = &asked.ctx;
    let filled = filled(asked);
    let art = asked.request.query_field("art").unwrap_or_default();
    let (title, fields) = match art.as_str() {
        "oeffnen" => (ctx.of("Öffnen", "Open"), open_form(ctx, &filled)),
        "freigeben" => (ctx.of("Freigeben", "Clear"), clear_form(ctx, &filled)),
        "zuruecknehmen" => (ctx.of("Zurücknehmen", "Take back"), take_back_form(ctx, &filled)),
        _ => (ctx.of("Abtrennen", "Cut"), cut_form(asked, &filled)),
    };
    let next_words = html! { p { (ctx.of(
        "Ausfüllen und entwerfen. Ein Entwurf bewirkt nichts: danach stehen Satz und Vorschau da, und erst Unterschriften bewegen Türen.",
        "Fill in and draft. A draft does nothing: then its sentence and preview are shown, and only signatures move doors.",
    )) } };
    let body = html! {
        (kinds(ctx))
        @if !view.lines.is_empty() { h2 { (ctx.of("Vorschau", "Preview")) } (lines(ctx, &view.lines)) }
        (fields)
    };
    render(
        ctx,
        Page {
            status: 200,
            title: title.into(),
            here: Some(Kind::Drafts),
            next: next(ctx, next_words),
            body,
        },
    )
}

fn reason_field(ctx: &Ctx<'_>, filled: &Filled) -> Markup {
    html! { label { (ctx.of("Begründung, für alle sichtbar (ohne Patientendaten)", "Reason, shown to everyone (no patient data)")) input type="text" name="reason" value=(filled.reason) required maxlength="500"; } }
}

fn text_field(label: &str, name: &str, value: &str) -> Markup {
    html! { label { (label) input type="text" name=(name) value=(value) autocomplete="off"; } }
}

fn cut_form(asked: &Asked<'_>, filled: &Filled) -> Markup {
    let ctx = &asked.ctx;
    let chosen = |name: &str, value: &str| asked.request.query_field(name).as_deref() == Some(value);
    form(
        ctx,
        "/entwurf",
        html! {
            input type="hidden" name="art" value="abtrennen";
            (text_field(ctx.of("Kassen (leer: alle)", "Insurers (empty: all)"), "insurers", &filled.insurers))
            (text_field(ctx.of("Dienste (leer: alle)", "Services (empty: all)"), "services", &filled.services))
            (text_field(ctx.of("Standorte (leer: alle)", "Sites (empty: all)"), "sites", &filled.sites))
            label.check { input type="checkbox" name="everything" value="1" checked[chosen("everything", "1")]; (ctx.of("Ja, ALLES (wenn oben nichts steht)", "Yes, EVERYTHING (if nothing is named above)")) }
            label { (ctx.of("Stellung", "Position")) select name="stance" {
                option value="contain" { (ctx.of("Abtrennen: halten, wo es geht, sonst schließen", "Contain: hold where possible, otherwise shut")) }
                option value="held" selected[chosen("stance", "held")] { (ctx.of("Halten: Eingang wird gespeichert", "Hold: intake is stored")) }
                option value="shut" selected[chosen("stance", "shut")] { (ctx.of("Schließen: Eingang wird abgewiesen (Dienst oben nennen)", "Shut: intake is refused (name the service above)")) }
            } }
            label { (ctx.of("Klasse: wer hebt es wieder auf?", "Class: who lifts it again?")) select name="class" {
                option value="precautionary" { (ctx.of("Vorsicht: in der Frist zwei Einsatzleitungen", "Precautionary: two commanders inside the window")) }
                option value="containment" selected[chosen("class", "containment")] { (ctx.of("Eindämmung: Freigabe, Einsatzleitung und Kasse", "Containment: clearance, commander and insurer")) }
                option value="maintenance" selected[chosen("class", "maintenance")] { (ctx.of("Wartung: eine Einsatzleitung", "Maintenance: one commander")) }
            } }
            label { (ctx.of("Sitzungen auslaufen lassen (Minuten, höchstens 60)", "Let sessions drain (minutes, at most 60)")) input type="number" name="drain" min="0" max="60" value="0"; }
            (text_field(ctx.of("Signal (falls es einem antwortet)", "Signal (if it answers one)"), "signal", &filled.signal))
            (reason_field(ctx, filled))
            button type="submit" name="vorschau" value="1" formmethod="get" formaction="/entwurf/neu" formnovalidate { (ctx.of("Vorschau", "Preview")) }
            " "
            button type="submit" { (ctx.of("Entwerfen", "Draft")) }
        },
    )
}

fn open_form(ctx: &Ctx<'_>, filled: &Filled) -> Markup {
    form(
        ctx,
        "/entwurf",
        html! {
            input type="hidden" name="art" value="oeffnen";
            (text_field(ctx.of("Zellen (Kasse/Dienst, durch Leerzeichen getrennt)", "Cells (insurer/service, parted by blanks)"), "cells", &filled.cells))
            label { (ctx.of("Wird zu", "Becomes")) select name="becomes" {
                option value="open" { (ctx.of("Regelbetrieb", "normal operation")) }
                option value="limited" { (ctx.of("Teilbetrieb bis zum geplanten Wiederabschalten", "limited operation until the planned re-shutdown")) }
                option value="emergency" { (ctx.of("Notbetrieb", "emergency operation")) }
            } }
            label { (ctx.of("Bis (Teil- und Notbetrieb, Berliner Zeit)", "Until (limited and emergency, Berlin time)")) input type="datetime-local" name="until"; }
            (text_field(ctx.of("Notumgebung (nur Notbetrieb)", "Emergency environment (emergency only)"), "environment", ""))
            (text_field(ctx.of("Schlüssel age1… (nur Notbetrieb)", "Identity age1… (emergency only)"), "identity", ""))
            (text_field(ctx.of("Freigaben (leer: die passenden)", "Clearances (empty: those that fit)"), "clearances", ""))
            (reason_field(ctx, filled))
            button type="submit" { (ctx.of("Entwerfen", "Draft")) }
            p.quiet { (ctx.of("Stand und Sperren jeder Tür nimmt der Leitstand aus der Lage. Bewegt sich eine Tür vorher, lehnt sie ab.", "Epoch and restrictions of each door are taken from the picture. If a door moves before, it refuses.")) }
        },
    )
}

fn clear_form(ctx: &Ctx<'_>, filled: &Filled) -> Markup {
    form(
        ctx,
        "/entwurf",
        html! {
            input type="hidden" name="art" value="freigeben";
            (text_field(ctx.of("Umgebung", "Environment"), "environment", &filled.insurers))
            label { (ctx.of("Umfang", "Grade")) select name="grade" {
                option value="full" { (ctx.of("voll: Regelbetrieb", "full: normal operation")) }
                option value="limited" { (ctx.of("begrenzt: genannte Zellen, Richtungen, Stunden", "limited: named cells, directions, hours")) }
            } }
            (text_field(ctx.of("Zellen (nur begrenzt)", "Cells (limited only)"), "cells", &filled.cells))
            fieldset { legend { (ctx.of("Was wieder geht (nur begrenzt)", "What works again (limited only)")) }
                @for (slug, says) in [("forward", ctx.of("Weitergabe an das Kassensystem", "Forward to the insurer's system")), ("fetch", ctx.of("Abholung", "Fetch")), ("send", ctx.of("Versand", "Send"))] {
                    label.check { input type="checkbox" name="directions" value=(slug); (says) }
                }
            }
            label { (ctx.of("Bis (nur begrenzt, Berliner Zeit)", "Until (limited only, Berlin time)")) input type="datetime-local" name="until"; }
            label { (ctx.of("Grundlage", "Basis")) select name="basis" {
                option value="examined" { (ctx.of("untersucht", "examined")) }
                option value="not-endangered" { (ctx.of("nicht gefährdet, weil (Begründung)", "not endangered, because (reason)")) }
                option value="signal-explained" { (ctx.of("Signal erklärt", "signal explained")) }
            } }
            (text_field(ctx.of("Begründung (nur „nicht gefährdet“)", "Reason (not endangered only)"), "reason", &filled.reason))
            (text_field(ctx.of("Signal (nur „Signal erklärt“)", "Signal (signal explained only)"), "signal", &filled.signal))
            (text_field(ctx.of("Beweiswurzel (64 Zeichen)", "Evidence root (64 digits)"), "evidence-root", ""))
            (text_field(ctx.of("Untersucht (Prüfsummen)", "Examined (digests)"), "examined", ""))
            label { (ctx.of("Prüfliste, eine Zeile je Punkt: + bestanden, - entfällt // warum, ~ hingenommen // warum", "Checklist, one line each: + passed, - does not apply // why, ~ accepted // why")) textarea name="checklist" rows="6" {} }
            (text_field(ctx.of("Stützt sich auf andere Freigaben", "Relies on other clearances"), "relies-on", ""))
            label { (ctx.of("Gültig Tage", "Good for days")) input type="number" name="days" min="1" max="90" value="30"; }
            button type="submit" { (ctx.of("Entwerfen", "Draft")) }
        },
    )
}

fn take_back_form(ctx: &Ctx<'_>, filled: &Filled) -> Markup {
    form(
        ctx,
        "/entwurf",
        html! {
            input type="hidden" name="art" value="zuruecknehmen";
            label { (ctx.of("Was", "What")) select name="what" {
                option value="clearance" { (ctx.of("eine Freigabe", "a clearance")) }
                option value="evidence" { (ctx.of("ein Beweismittel", "a piece of evidence")) }
                option value="delegation" { (ctx.of("eine Beauftragung", "a delegation")) }
                option value="consent" { (ctx.of("eine Zustimmung", "a consent")) }
                option value="refusal" { (ctx.of("eine Ablehnung (Schwelle der Kasse)", "a refusal (the insurer's threshold)")) }
                option value="standing-order" { (ctx.of("einen Dauerbefehl", "a standing order")) }
            } }
            (text_field(ctx.of("Kennung (64 Zeichen)", "Id (64 digits)"), "id", ""))
            (reason_field(ctx, filled))
            button type="submit" { (ctx.of("Entwerfen", "Draft")) }
        },
    )
}
