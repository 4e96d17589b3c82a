//! Small pages: log-in, refusals, own sessions, help.

use maud::{Markup, html};
use order::{LOGIN_NAMESPACE, login::Challenge};

use super::{Ctx, Page, form, next, render};
use crate::{
    lang, login::NotLoggedIn, response::Response, route::Kind, session::TRIES_MAX, view::own::OwnSessions,
};

/// The log-in page.
pub(crate) fn login(
    ctx: &Ctx<'_>,
    status: u16,
    challenge: &Challenge,
    why: Option<&NotLoggedIn>,
    onward: &str,
) -> Response {
    let text = challenge.text();
    let line = text.trim_end();
    let next_words = html! {
        @if let Some(why) = why { p.bad role="alert" { b { "✗ " (ctx.half(why)) } } }
        ol {
            li { (ctx.of("Auf dem eigenen Rechner diese Zeile unterschreiben:", "Sign this line on your own machine:"))
                pre tabindex="0" { code { "echo '" (line) "' | bulkhead sign login - --console " (ctx.room.origin) " --key ~/.ssh/id_ed25519" } }
                details { summary { (ctx.of("Ohne bulkhead, mit ssh-keygen", "Without bulkhead, with ssh-keygen")) }
                    pre tabindex="0" { code { "echo '" (line) "' | ssh-keygen -Y sign -n " (LOGIN_NAMESPACE) " -f ~/.ssh/id_ed25519" } } } }
            li { (ctx.of("Die Unterschrift (-----BEGIN SSH SIGNATURE-----) hier einfügen und absenden. Die Aufforderung gilt fünf Minuten, einmal.", "Paste the signature (-----BEGIN SSH SIGNATURE-----) here and send it. The challenge is good for five minutes, once.")) }
        }
    };
    let body = html! {
        (form(ctx, "/anmelden", html! {
            input type="hidden" name="challenge" value=(text);
            input type="hidden" name="weiter" value=(onward);
            label { (ctx.of("Unterschrift", "Signature")) textarea name="signature" rows="8" required spellcheck="false" autocomplete="off" {} }
            button type="submit" { (ctx.of("Anmelden", "Log in")) }
        }))
        p.quiet { (ctx.of("Unterschreiben Sie nur, wenn die Adresse in der Zeile die in Ihrer Adressleiste ist. Kein Schlüssel und kein Passwort verlässt Ihren Rechner.", "Sign only if the address in the line is the one in your address bar. No key and no password leaves your machine.")) }
        p.quiet { (ctx.of("Höchstens ", "At most ")) (TRIES_MAX) (ctx.of(" Fehlversuche in fünf Minuten je Adresse.", " failed tries in five minutes per address.")) }
    };
    render(
        ctx,
        Page {
            status,
            title: ctx.of("Anmelden", "Log in").into(),
            here: None,
            next: next(ctx, next_words),
            body,
        },
    )
}

/// A refusal: what is not possible and why, and where to go from here.
pub(crate) fn refusal(ctx: &Ctx<'_>, status: u16, why: &dyn core::fmt::Display) -> Response {
    // Nothing of the path that led here is repeated: it may name what the reader does not see.
    let ctx = &Ctx {
        room: ctx.room,
        viewer: ctx.viewer,
        lang: ctx.lang,
        clock: ctx.clock.clone(),
        fragment: ctx.fragment,
        path: "/",
    };
    let title = match status {
        401 => ctx.of("Bitte anmelden", "Please log in"),
        403 => ctx.of("Nicht erlaubt", "Not allowed"),
        404 => ctx.of("Nicht gefunden", "Not found"),
        503 => ctx.of("Nicht ausgeführt", "Not carried out"),
        _ => ctx.of("Nicht angenommen", "Not accepted"),
    };
    let sentence = lang::half(ctx.lang, &why.to_string());
    let next_words = html! {
        p.bad role="alert" { b { "✗ " (sentence) } }
        p { @if ctx.viewer.is_some() { a href="/" { (ctx.of("Zur Lage", "To the picture")) } (ctx.of(" oder zurück und ändern.", " or go back and change it.")) }
            @else { a href="/anmelden" { (ctx.of("Anmelden", "Log in")) } } }
    };
    render(
        ctx,
        Page {
            status,
            title: title.into(),
            here: None,
            next: next(ctx, next_words),
            body: html! {},
        },
    )
}

/// The viewer's own sessions.
pub(crate) fn sessions(ctx: &Ctx<'_>, view: &OwnSessions) -> Response {
    let next_words = html! { p { (ctx.of("Eine Sitzung, die Sie nicht kennen: beenden, und den Schlüssel in der Verfassung ersetzen lassen.", "A session you do not know: end it, and have the key replaced in the charter.")) } };
    let body = html! {
        p { b { (view.person) } }
        ul { @for session in &view.sessions { li {
            (ctx.of("seit ", "since ")) (ctx.clock.element(ctx.lang, session.opened.0)) (ctx.of(", zuletzt ", ", last used ")) (ctx.clock.element(ctx.lang, session.seen.0))
            (ctx.of(", von ", ", from ")) code { (session.from) } (ctx.of(", endet spätestens ", ", ends at the latest ")) (ctx.clock.full(ctx.lang, session.ends.0))
            @if session.this { b { (ctx.of(" · diese hier", " · this one")) } }
            (form(ctx, &format!("/sitzungen/{}/ende", session.session), html! { button type="submit" aria-label={ (ctx.of("Sitzung beenden: ", "End session: ")) (session.session) } { (ctx.of("Beenden", "End")) } }))
        } } }
    };
    render(
        ctx,
        Page {
            status: 200,
            title: ctx.of("Eigene Sitzungen", "Own sessions").into(),
            here: Some(Kind::Sessions),
            next: next(ctx, next_words),
            body,
        },
    )
}

/// Help: what the words mean, and which keys there are.
pub(crate) fn help(ctx: &Ctx<'_>) -> Response {
    let next_words = html! { p { (ctx.of("Brennt es: ", "If it burns: ")) a href="/entwurf/neu?art=abtrennen" { (ctx.of("Abtrennen entwerfen", "Draft a cut")) }
    (ctx.of(", auf dem eigenen Rechner unterschreiben. Ist dieser Leitstand weg: den vorab unterschriebenen Notbefehl vom USB-Stift direkt zur Tür bringen.", ", sign it on your own machine. If this room is gone: carry the pre-signed emergency order from the USB stick straight to the door.")) } };
    let body = html! {
        h2 { (ctx.of("Stellungen", "Positions")) } (positions(ctx))
        h2 { (ctx.of("Wie sicher ist es?", "How sure is it?")) } (grades(ctx))
        h2 { (ctx.of("Wer öffnet?", "Who opens?")) }
        p { (ctx.of("Zu geht mit einer Unterschrift. Auf geht nach einer Eindämmung nur mit Freigabe der Forensik, Einsatzleitung und Kasse: verschiedene Personen, ohne Ausnahme.", "Shutting takes one signature. Opening after a containment takes the examiners' clearance, a commander and the insurer: different persons, no exception.")) }
        h2 { (ctx.of("Tasten", "Keys")) }
        dl.facts {
            dt { kbd { "/" } } dd { (ctx.of("zur Suche", "to the search")) }
            dt { kbd { "↑" } " " kbd { "↓" } } dd { (ctx.of("in Tabellen von Zeile zu Zeile", "in tables from row to row")) }
            dt { kbd { "←" } " " kbd { "→" } } dd { (ctx.of("von Zelle zu Zelle", "from cell to cell")) }
            dt { kbd { "Enter" } } dd { (ctx.of("öffnet", "opens")) }
        }
        p { (ctx.of("Alles geht auch ohne Skript und in jedem Textbrowser. Schnittstelle für Programme: ", "Everything works without script and in any text browser. Interface for programs: ")) a href="/api/openapi.json" { "/api/openapi.json" } }
    };
    render(
        ctx,
        Page {
            status: 200,
            title: ctx.of("Hilfe", "Help").into(),
            here: Some(Kind::Help),
            next: next(ctx, next_words),
            body,
        },
    )
}

fn positions(ctx: &Ctx<'_>) -> Markup {
    let says = [
        ("open", ctx.of("alles geht durch", "everything passes")),
        (
            "draining",
            ctx.of("offene Sitzungen dürfen noch enden", "open sessions may finish"),
        ),
        (
            "held",
            ctx.of(
                "Eingang wird gespeichert und wahrheitsgemäß bestätigt, sonst geht nichts",
                "intake is stored and truthfully acknowledged, nothing else moves",
            ),
        ),
        (
            "shut",
            ctx.of(
                "Eingang wird vorläufig abgewiesen, nichts geht",
                "intake is refused for now, nothing moves",
            ),
        ),
        (
            "islanded",
            ctx.of(
                "nur Helfer und Beweissicherung (Rechner)",
                "responders and evidence only (machines)",
            ),
        ),
        (
            "unknown",
            ctx.of(
                "von der Tür hat noch niemand gehört",
                "nobody has heard of the door yet",
            ),
        ),
    ];
    html! { dl.facts { @for (slug, what) in says {
        @let sign = super::words::of_slug(slug);
        dt class={ "s " (sign.slug) } { span.shape aria-hidden="true" { (sign.shape) } " " b { (lang::pick(ctx.lang, sign.words)) } } dd { (what) }
    } } }
}

fn grades(ctx: &Ctx<'_>) -> Markup {
    let says = [
        (
            "ordered",
            ctx.of("unterschrieben und unterwegs", "signed and on its way"),
        ),
        (
            "applied",
            ctx.of(
                "die Tür sagt: gespeichert und in Kraft",
                "the door says: stored and in force",
            ),
        ),
        (
            "proven",
            ctx.of(
                "ein Prüfer fand es genau so: zu ist zu, auf neuen und auf alten Verbindungen; offen ist offen",
                "a prober found exactly that: shut is shut, on new and on old connections; open is open",
            ),
        ),
        ("failed", ctx.of("ein Prüfer fand es anders: etwas kam durch, oder Offenes geht nicht", "a prober found otherwise: something got through, or what is open does not work")),
    ];
    html! { dl.facts { @for (slug, what) in says { dt { (lang::pick(ctx.lang, super::words::grade_of_slug(slug))) } dd { (what) } } } }
}
