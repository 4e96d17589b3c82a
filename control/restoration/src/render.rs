//! The plan as text people can read aloud, with every reason.

use core::fmt::Write as _;

use estate::Estate;

use crate::{
    environment::State,
    missing::Waits,
    plan::{Plan, Starts, UpStage, Wave},
    run::kind,
    words::{Lang, between, dative, grouped, minute, names, range, span},
};

/// Writes a plan in one language. Times are counted from the plan's own instant.
#[must_use]
pub fn render(plan: &Plan, estate: &Estate, lang: Lang) -> String {
    let mut out = String::new();
    head(&mut out, plan, estate, lang);
    for wave in plan.waves() {
        write_wave(&mut out, plan, wave, lang);
    }
    reshuts(&mut out, plan, lang);
    waiting(&mut out, plan, lang);
    queue(&mut out, plan, lang);
    up(&mut out, plan, lang);
    out
}

/// Adds a line. Writing to a `String` cannot fail.
fn line(out: &mut String, text: &str) {
    let _infallible = writeln!(out, "{text}");
}

fn title(out: &mut String, text: &str) {
    line(out, &format!("\n## {text}\n"));
}

fn head(out: &mut String, plan: &Plan, estate: &Estate, lang: Lang) {
    let (name, id, made) = (estate.name(), plan.id().short(), minute(plan.made()));
    line(
        out,
        &lang.of(
            format!("# Wiederanlaufplan {id} für {name}, Stand {made}"),
            format!("# Restoration plan {id} for {name}, as of {made}"),
        ),
    );
    let planned = plan.steps().count();
    let (waits, runs, waves) = (plan.waiting().len(), plan.up().len(), plan.waves().len());
    line(
        out,
        &lang.of(
            format!("\n{planned} Zellen in {waves} Wellen, {waits} warten, {runs} laufen."),
            format!("\n{planned} cells in {waves} waves, {waits} wait, {runs} run."),
        ),
    );
    let (assumed, slots, examiners) = plan.assumptions();
    let hours = |s: crate::situation::Span| between(s.least(), s.most(), lang);
    let (root, test, each) = (
        hours(assumed.root),
        hours(assumed.user_test),
        hours(examiners.each),
    );
    let (cells, at_once) = (slots.per_hour.0, examiners.at_once.0);
    line(
        out,
        &lang.of(
            format!(
                "Spannen und Bedingungen, keine Termine. Angenommen: Grundlage {root}, Start bis Abnahme {test}, \
                 {cells} Starts je Stunde, Untersuchung {each}, {at_once} zugleich."
            ),
            format!(
                "Ranges and conditions, not dates. Assumed: root {root}, start to acceptance {test}, \
                 {cells} starts per hour, examination {each}, {at_once} at once."
            ),
        ),
    );
}

fn write_wave(out: &mut String, plan: &Plan, wave: &Wave, lang: Lang) {
    let number = wave.number.0;
    let when = range(plan.made(), wave.start.earliest, wave.start.latest, lang);
    title(
        out,
        &lang.of(
            format!("Welle {number}: {when}"),
            format!("Wave {number}: {when}"),
        ),
    );
    match &wave.starts {
        Starts::Roots(roots) => {
            let roots = roots
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", ");
            let words = wave.start.words(plan.made());
            let (label, when) = (lang.of("Grundlagen", "Roots"), words.in_lang(lang));
            line(out, &format!("- {label}: {roots}; {when}"));
        }
        Starts::Cells(steps) => {
            for step in steps {
                let (rank, under) = (step.rank.words(), kind(&step.under));
                let (start, catch_up) = (step.start.words(plan.made()), step.catch_up.words());
                let mut text = format!(
                    "- {}: {}; {}; {}; {}",
                    step.cell,
                    rank.in_lang(lang),
                    under.in_lang(lang),
                    start.in_lang(lang),
                    catch_up.in_lang(lang)
                );
                if let Some(outage) = step.switch_back {
                    let most = span(outage.most(), lang);
                    text.push_str(&lang.of(
                        format!(
                            "; Rückschaltung aus dem Notbetrieb, Ausfall bis zu {} ankündigen",
                            dative(most.clone())
                        ),
                        format!("; switch back from emergency operation, announce an outage of up to {most}"),
                    ));
                }
                if let Some(risk) = step.mtd(plan.made()).words() {
                    text.push_str("; ");
                    text.push_str(risk.in_lang(lang));
                }
                line(out, &text);
            }
        }
    }
}

fn reshuts(out: &mut String, plan: &Plan, lang: Lang) {
    if plan.reshuts().is_empty() {
        return;
    }
    title(
        out,
        lang.of("Geplante erneute Abschaltungen", "Planned re-shutdowns"),
    );
    for reshut in plan.reshuts() {
        let (at, cells) = (minute(reshut.at), names(&reshut.cells, lang));
        line(out, &format!("- {at}, {}: {cells}", reshut.insurer));
    }
}

fn waiting(out: &mut String, plan: &Plan, lang: Lang) {
    if plan.waiting().is_empty() && plan.waiting_roots().is_empty() {
        return;
    }
    title(out, lang.of("Es wartet", "Waiting"));
    let reasons = |waits: &Waits| {
        let words: Vec<_> = waits.missing.iter().map(crate::Missing::words).collect();
        words
            .iter()
            .map(|w| w.in_lang(lang))
            .collect::<Vec<_>>()
            .join(" ")
    };
    for (root, waits) in plan.waiting_roots() {
        let label = lang.of("Grundlage", "Root");
        line(out, &format!("- {label} {root}: {}", reasons(waits)));
    }
    for (cell, waits) in plan.waiting() {
        line(out, &format!("- {cell}: {}", reasons(waits)));
    }
}

fn queue(out: &mut String, plan: &Plan, lang: Lang) {
    if plan.queue().is_empty() {
        return;
    }
    title(
        out,
        lang.of(
            "Untersuchung, zuerst was die meisten Menschen freimacht",
            "Examination, what unblocks most people first",
        ),
    );
    for (place, one) in plan.queue().iter().enumerate() {
        let (people, live) = (grouped(one.unblocks.0, lang), grouped(one.livelihood.0, lang));
        let (place, cells, environment) = (place.saturating_add(1), one.cells.0, &one.environment);
        let state = one.state.as_ref().map(State::words);
        let state = state
            .as_ref()
            .map_or(lang.of("unbekannt", "unknown"), |words| words.in_lang(lang));
        let done = one.done.words(plan.made());
        let done = done.in_lang(lang);
        line(
            out,
            &lang.of(
                format!(
                    "{place}. {environment} ({state}): {people} Betroffene, davon {live} mit Lebensunterhalt, {cells} Zellen; fertig {done}"
                ),
                format!(
                    "{place}. {environment} ({state}): {people} people, {live} of them with their livelihood, {cells} cells; done {done}"
                ),
            ),
        );
    }
}

fn up(out: &mut String, plan: &Plan, lang: Lang) {
    if plan.up().is_empty() {
        return;
    }
    title(out, lang.of("Läuft", "Running"));
    for (cell, up) in plan.up() {
        let stage = match up.stage {
            UpStage::Started => lang.of("gestartet, noch nicht abgenommen", "started, not accepted yet"),
            UpStage::Accepted => lang.of("abgenommen", "accepted"),
        };
        let catch_up = up.catch_up.words();
        line(out, &format!("- {cell}: {stage}; {}", catch_up.in_lang(lang)));
    }
}
