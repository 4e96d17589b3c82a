//! Sources and the journal.

use maud::{Markup, html};

use super::{Ctx, Live, Page, next, render, render_live};
use crate::{
    response::Response,
    route::Kind,
    view::{
        logs::{JournalPage, LineView, SourceView, Sources, page_len},
        tellers::{TellerView, VouchedView},
    },
};

/// Every log the picture rests on.
pub(crate) fn sources(ctx: &Ctx<'_>, view: &Sources) -> Response {
    let bad = view
        .sources
        .iter()
        .filter(|source| source.state != "heard")
        .count();
    let quiet = view
        .tellers
        .iter()
        .filter(|teller| teller.state != "heard")
        .count();
    let next_words = html! { ul {
        @if view.sources.is_empty() { li { (ctx.of("Noch liest der Leitstand kein Protokoll: Türprozesse starten und ihnen seine Adresse geben.", "The room reads no log yet: start door processes and give them its address.")) } }
        @else if bad > 0 { li { b { (bad) } (ctx.of(" Protokoll(e) schweigen oder haben Schaden; in der Zeile steht, was zu tun ist. Zwei Geschichten (Abzweig) sind ein Vorfall: Kopie sichern, nichts zurückspielen.", " log(s) are silent or harmed; their row says what to do. Two histories (a fork) are an incident: keep a copy, put nothing back.")) } }
        @if quiet > 0 { li { b { (quiet) } (ctx.of(" andere Quelle(n) brauchen jemanden: siehe unten.", " other source(s) need somebody: see below.")) } }
        @if short_of_witnesses(view) { li { b { (ctx.of("Es fehlen Zeugen: nichts öffnet, bis sie unterschreiben.", "Witnesses are missing: nothing opens until they sign.")) } } }
        @if bad == 0 && quiet == 0 && !view.sources.is_empty() && !short_of_witnesses(view) { li { (ctx.of("Alle Quellen werden gehört und sind lückenlos. Nichts zu tun.", "All sources are heard and whole. Nothing to do.")) } }
        @if view.pin == "first-seen" { li { (ctx.of("Die erste Verfassung wurde übernommen, wie sie kam: mit dem Papier vergleichen.", "The first charter was taken as it came: compare it with the paper.")) } }
        @if view.pin == "missing" { li { (ctx.of("Es ist keine Verfassung bekannt: ohne sie kann sich niemand anmelden und nichts öffnen.", "No charter is known: without it nobody can log in and nothing opens.")) } }
    } };
    let part = html! {
        h2 { (ctx.of("Protokolle", "Logs")) }
        @if view.sources.is_empty() { p { (ctx.of("Keine.", "None.")) } } @else {
            div.scroll role="region" tabindex="0" aria-label=(ctx.of("Protokolle", "Logs")) { table.blocks data-rows="1" {
                thead { tr { th scope="col" { (ctx.of("Quelle", "Source")) } th scope="col" { (ctx.of("Stand", "State")) } th scope="col" { (ctx.of("Einträge", "Entries")) } th scope="col" { (ctx.of("Zuletzt gehört", "Last heard")) } th scope="col" { (ctx.of("Was tun", "What to do")) } } }
                tbody { @for source in &view.sources { (source_row(ctx, source)) } }
            } }
        }
        h2 { (ctx.of("Wer sonst meldet", "Who else tells")) }
        div.scroll role="region" tabindex="0" aria-label=(ctx.of("Wer sonst meldet", "Who else tells")) { table.blocks data-rows="1" {
            thead { tr { th scope="col" { (ctx.of("Quelle", "Source")) } th scope="col" { (ctx.of("Stand", "State")) } th scope="col" { (ctx.of("Sagt", "Says")) } th scope="col" { (ctx.of("Zuletzt gehört", "Last heard")) } th scope="col" { (ctx.of("Was tun", "What to do")) } } }
            tbody { @for teller in &view.tellers { (teller_row(ctx, teller)) } }
        } }
        @if !view.vouched.is_empty() { h2 { (ctx.of("Zeugen", "Witnesses")) } @for log in &view.vouched { (vouched(ctx, log)) } }
    };
    render_live(
        ctx,
        Page {
            status: 200,
            title: ctx.of("Quellen", "Sources").into(),
            here: Some(Kind::Sources),
            next: next(ctx, next_words),
            body: html! {},
        },
        Live::picture(part),
    )
}

fn short_of_witnesses(view: &Sources) -> bool {
    let signed = |log: &VouchedView| log.witnesses.iter().filter(|one| one.signed.is_some()).count();
    view.vouched
        .iter()
        .any(|log| u64::try_from(signed(log)).unwrap_or(0) < log.quorum)
}

/// What a source is, in words.
fn kind(ctx: &Ctx<'_>, slug: &str) -> &'static str {
    match slug {
        "authority" => ctx.of("Weisungsprotokoll", "authority log"),
        "doors" => ctx.of("Türen", "doors"),
        "spool" => ctx.of("Spool", "spool"),
        "prober" => ctx.of("Prober", "prober"),
        _ => ctx.of("Leitstand", "control room"),
    }
}

fn state(ctx: &Ctx<'_>, slug: &str) -> Markup {
    let (shape, words) = match slug {
        "heard" => ("✓", ctx.of("gehört", "heard")),
        "silent" => ("?", ctx.of("schweigt", "silent")),
        "never" => ("?", ctx.of("nie gehört", "never heard")),
        "attention" => ("▲", ctx.of("ansehen", "to be looked at")),
        "gap" => ("!", ctx.of("Lücke", "gap")),
        "fork" => ("✗", ctx.of("ABZWEIG: zwei Geschichten", "FORK: two histories")),
        "damaged" => ("!", ctx.of("beschädigt", "damaged")),
        "shorter" => ("!", ctx.of("alte Kopie", "old copy")),
        "other-authority" => ("✗", ctx.of("anderes Weisungsprotokoll", "another authority log")),
        _ => ("!", ctx.of("unverstanden", "not understood")),
    };
    html! { b class=(if slug == "heard" { "word" } else { "word bad" }) { span.shape aria-hidden="true" { (shape) } " " (words) } }
}

fn source_row(ctx: &Ctx<'_>, source: &SourceView) -> Markup {
    let open: Vec<_> = source.troubles.iter().filter(|trouble| !trouble.over).collect();
    html! { tr {
        th scope="row" { (kind(ctx, source.kind)) small { code { (source.source) } @if source.branch > 0 { (ctx.of(" · neu begonnen ", " · begun anew ")) (source.branch) "×" } } }
        td {
            (state(ctx, source.state))
            @for trouble in &open { small.bad { (ctx.half(&trouble.what)) " " (ctx.clock.element(ctx.lang, trouble.at.0)) " " a href={ "/protokoll?nr=" (trouble.entry) } { (ctx.of("Eintrag ", "entry ")) (trouble.entry) } } }
        }
        td { (source.entries) (ctx.of(" Einträge", " entries")) @if source.claimed > source.entries { small { (ctx.of("nennt ", "says ")) (source.claimed) } } }
        td { (ctx.clock.element(ctx.lang, source.heard.0)) }
        td { (ctx.both(&source.next)) }
    } }
}

fn teller_row(ctx: &Ctx<'_>, teller: &TellerView) -> Markup {
    html! { tr {
        th scope="row" { (ctx.both(&teller.name)) }
        td { (state(ctx, teller.state)) }
        td { (ctx.both(&teller.says)) }
        td { @match teller.heard { Some(heard) => (ctx.clock.element(ctx.lang, heard.0)), None => "–" } @if let Some(entry) = teller.entry { small { a href={ "/protokoll?nr=" (entry) } { (ctx.of("Eintrag ", "entry ")) (entry) } } } }
        td { (ctx.both(&teller.next)) }
    } }
}

fn vouched(ctx: &Ctx<'_>, log: &VouchedView) -> Markup {
    html! { section {
        h3 { code { (log.log) } }
        p { @match log.size {
            Some(size) => { (ctx.of("Bezeugt bis Eintrag ", "Co-signed up to entry ")) b { (size) } (ctx.of(" von ", " of ")) (log.len) (ctx.of("; gebraucht werden ", "; needed are ")) (log.quorum) (ctx.of(" Zeugen.", " witnesses.")) },
            None => b.bad { "? " (ctx.of("Noch nie bezeugt.", "Never co-signed yet.")) },
        } }
        ul { @for witness in &log.witnesses { li { @match witness.signed {
            Some(at) => { "✓ " b { (witness.witness) } " " (ctx.clock.element(ctx.lang, at.0)) },
            None => { b.bad { "? " (witness.witness) } (ctx.of(" hat diesen Stand nicht unterschrieben", " did not sign this head")) },
        } } } }
        p { (ctx.both(&log.next)) }
    } }
}

/// The journal, page by page.
pub(crate) fn journal(ctx: &Ctx<'_>, view: &JournalPage) -> Response {
    let next_words = html! { p { (ctx.of("Zum Nachlesen und Beweisen. Prüfen ohne diesen Server: ", "For reading and proving. Checking without this server: ")) code { "bulkhead verify" } "." } };
    let body = html! {
        form.filter method="get" action="/protokoll" role="search" aria-label=(ctx.of("Eintrag suchen", "Find an entry")) {
            label { (ctx.of("Ab Nummer", "From number")) input id="suche" type="search" inputmode="numeric" name="ab" value=(view.from); }
            button type="submit" { (ctx.of("Zeigen", "Show")) }
        }
        (pager(ctx, view))
        div.scroll role="region" tabindex="0" aria-label=(ctx.of("Einträge", "Entries")) { table.blocks data-rows="1" {
            thead { tr { th scope="col" { "Nr." } th scope="col" { (ctx.of("Wann", "When")) } th scope="col" { (ctx.of("Art", "Kind")) } th scope="col" { (ctx.of("Inhalt", "Content")) } } }
            tbody { @for line in &view.lines { (journal_row(ctx, line)) } }
        } }
    };
    render(
        ctx,
        Page {
            status: 200,
            title: ctx.of("Protokoll", "Journal").into(),
            here: Some(Kind::Journal),
            next: next(ctx, next_words),
            body,
        },
    )
}

fn journal_row(ctx: &Ctx<'_>, line: &LineView) -> Markup {
    html! { tr id={ "e" (line.entry) } {
        th scope="row" { (line.entry) }
        td { (ctx.clock.full(ctx.lang, line.at.0)) }
        td { code { (line.kind) } @if !line.source.is_empty() { small { (line.source) } } }
        td { code.body { (line.body) } }
    } }
}

fn pager(ctx: &Ctx<'_>, view: &JournalPage) -> Markup {
    let older = view.from.saturating_sub(page_len());
    let newer = view.from.saturating_add(page_len());
    html! { nav.pager aria-label=(ctx.of("Blättern", "Pages")) {
        @if view.from > 0 { a href={ "/protokoll?ab=" (older) } { "← " (ctx.of("ältere", "older")) } }
        " " (view.from) "–" (view.from.saturating_add(u64::try_from(view.lines.len()).unwrap_or(0)).saturating_sub(1)) (ctx.of(" von ", " of ")) (view.entries) " "
        @if newer < view.entries { a href={ "/protokoll?ab=" (newer) } { (ctx.of("neuere", "newer")) " →" } }
    } }
}
