//! What a statement says, as one plain sentence a signer reads before signing. Made from the parsed bytes alone, in the
//! same way on every machine.

use alloc::{collections::BTreeSet, format, string::String, vec::Vec};
use core::fmt::Display;
use vocabulary::{Class, Scope, Seconds, Selector};

use crate::{
    answer::{Answer, AnswerRelease, Releases},
    body::Body,
    charter::{CharterDraft, CharterSection, SectionChange, Threshold},
    closing::{Act, Closing, Stance, Uses},
    opening::{Becomes, Opening},
    standing::StandingOrder,
};

/// The language of a sentence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lang {
    /// German.
    De,
    /// English.
    En,
}

impl Lang {
    /// Chooses between two texts.
    #[must_use]
    pub fn of<T>(self, de: T, en: T) -> T {
        match self {
            Self::De => de,
            Self::En => en,
        }
    }
}

/// How much a scope covers, counted by the caller against its estate; what is not known is not said.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Cells in the scope.
    pub cells: Option<u64>,
    /// Insurers in the scope.
    pub insurers: Option<u64>,
    /// Insured persons behind them.
    pub persons: Option<u64>,
}

impl Counts {
    /// In parentheses with a leading space, or nothing.
    #[must_use]
    pub fn in_words(&self, lang: Lang) -> String {
        let parts = [
            (self.cells, lang.of("Zellen", "cells")),
            (self.insurers, lang.of("Kassen", "insurers")),
            (self.persons, lang.of("Versicherte", "insured persons")),
        ];
        let known: Vec<String> = parts
            .iter()
            .filter_map(|(count, word)| count.map(|count| format!("{} {word}", grouped(count, lang))))
            .collect();
        if known.is_empty() {
            String::new()
        } else {
            format!(" ({})", known.join(", "))
        }
    }
}

/// A statement that can say what it says.
pub trait Sentence: Body {
    /// One plain sentence, with everything the statement decides.
    fn sentence(&self, lang: Lang, counts: &Counts) -> String;
}

/// Digits in groups of three.
fn grouped(number: u64, lang: Lang) -> String {
    let digits = format!("{number}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(lang.of('.', ','));
        }
        text.push(digit);
    }
    text
}

/// At most this many names are spelled out; the count is always said.
const NAMES_SHOWN: usize = 12;

/// Names separated by commas; long lists are cut, and say how many there are.
pub fn names<T: Display>(lang: Lang, items: impl IntoIterator<Item = T>) -> String {
    let all: Vec<String> = items.into_iter().map(|item| format!("{item}")).collect();
    let shown = all
        .iter()
        .take(NAMES_SHOWN)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    match all.len().checked_sub(NAMES_SHOWN) {
        Some(more) if more > 0 => {
            format!(
                "{shown} {}",
                lang.of(format!("und {more} weitere"), format!("and {more} more"))
            )
        }
        Some(_) | None => shown,
    }
}

/// A span in the largest unit that fits without remainder.
#[must_use]
pub fn span(seconds: Seconds) -> String {
    match seconds.0 {
        0 => String::from("0 s"),
        s if s % 3600 == 0 => format!("{} h", s / 3600),
        s if s % 60 == 0 => format!("{} min", s / 60),
        s => format!("{s} s"),
    }
}

fn selector(lang: Lang, part: &Selector) -> String {
    let mut words = Vec::new();
    if let Some(services) = &part.services {
        words.push(format!(
            "{} {}",
            lang.of("Dienst", "service"),
            names(lang, services)
        ));
    }
    if let Some(insurers) = &part.insurers {
        words.push(format!(
            "{} {}",
            lang.of("Kasse", "insurer"),
            names(lang, insurers)
        ));
    }
    if let Some(sites) = &part.sites {
        words.push(format!("{} {}", lang.of("Standort", "site"), names(lang, sites)));
    }
    if words.is_empty() {
        return String::from(lang.of("ALLES (die ganze Landschaft)", "EVERYTHING (the whole estate)"));
    }
    words.join(lang.of(" bei ", " at "))
}

/// A scope in words.
#[must_use]
pub fn scope(lang: Lang, scope: &Scope) -> String {
    let parts: Vec<String> = scope
        .0
        .iter()
        .take(NAMES_SHOWN)
        .map(|part| selector(lang, part))
        .collect();
    let more = scope.0.len().saturating_sub(NAMES_SHOWN);
    let shown = parts.join(lang.of(" sowie ", " and also "));
    if more == 0 {
        return shown;
    }
    format!(
        "{shown} {}",
        lang.of(
            format!("sowie {more} weitere Auswahlen"),
            format!("and {more} more selections")
        )
    )
}

fn class(lang: Lang, class: Class) -> &'static str {
    match class {
        Class::Maintenance => lang.of("Wartung", "maintenance"),
        Class::Precautionary => lang.of("Vorsicht", "precautionary"),
        Class::Containment => lang.of("Eindämmung", "containment"),
    }
}

fn stance(lang: Lang, stance: Stance) -> &'static str {
    match stance {
        Stance::Contain => lang.of(
            "abtrennen (halten, wo es geht, sonst schließen)",
            "contain (hold where possible, otherwise shut)",
        ),
        Stance::Held => lang.of("halten (Eingang wird gespeichert)", "hold (intake is stored)"),
        Stance::Shut => lang.of(
            "schließen (Eingang wird abgewiesen, wo der Dienst genannt ist)",
            "shut (intake is refused where the service is named)",
        ),
    }
}

fn drain(lang: Lang, drain: Option<Seconds>) -> String {
    drain.map_or_else(String::new, |seconds| {
        let span = span(seconds);
        lang.of(
            format!(", Sitzungen laufen {span} aus"),
            format!(", sessions drain for {span}"),
        )
    })
}

impl Sentence for Closing {
    fn sentence(&self, lang: Lang, counts: &Counts) -> String {
        let (place, counts) = (scope(lang, &self.scope), counts.in_words(lang));
        let signal = self.signal.as_ref().map_or_else(String::new, |signal| {
            lang.of(
                format!(", wegen Signal {signal}"),
                format!(", because of signal {signal}"),
            )
        });
        let uses = match self.uses {
            Uses::Once => String::new(),
            Uses::Many { until } => lang.of(
                format!("; vorab unterschrieben, beliebig oft verwendbar bis {until}"),
                format!("; pre-signed, usable any number of times until {until}"),
            ),
        };
        let (estate, reason) = (&self.estate, &self.reason);
        match &self.act {
            Act::Tighten {
                stance: wanted,
                class: why,
                drain: wait,
            } => {
                let (what, why, wait) = (stance(lang, *wanted), class(lang, *why), drain(lang, *wait));
                lang.of(
                    format!("SCHLIESSEN in {estate}: {place}{counts} – {what}{wait}, Klasse {why}{signal}{uses}. Grund: „{reason}“."),
                    format!("CLOSE in {estate}: {place}{counts} – {what}{wait}, class {why}{signal}{uses}. Reason: \"{reason}\"."),
                )
            }
            Act::Raise { to, only } => {
                let to = class(lang, *to);
                let which = only.as_ref().map_or_else(
                    || String::from(lang.of("alle aktiven Sperren", "all active restrictions")),
                    |set| {
                        lang.of(
                            format!("{} Sperren", set.len()),
                            format!("{} restrictions", set.len()),
                        )
                    },
                );
                lang.of(
                    format!("ANHEBEN in {estate}: {which} in {place}{counts} auf Klasse {to}; danach hebt sie niemand mehr leichter auf. Grund: „{reason}“."),
                    format!("RAISE in {estate}: {which} in {place}{counts} to class {to}; nobody lifts them more easily afterwards. Reason: \"{reason}\"."),
                )
            }
        }
    }
}

impl Sentence for StandingOrder {
    fn sentence(&self, lang: Lang, counts: &Counts) -> String {
        let (place, counts) = (scope(lang, &self.scope_max), counts.in_words(lang));
        let (what, why) = (stance(lang, self.stance), class(lang, self.class));
        let (detectors, wait) = (names(lang, &self.detectors), drain(lang, self.drain));
        let (uses, window) = (self.rate.uses, span(self.rate.window));
        let (estate, until, reason) = (&self.estate, self.expires, &self.reason);
        lang.of(
            format!("DAUERBEFEHL in {estate} bis {until}: die Melder {detectors} dürfen ohne weitere Unterschrift {place}{counts} {what}{wait}, Klasse {why}, höchstens {uses}-mal in {window}. Grund: „{reason}“."),
            format!("STANDING ORDER in {estate} until {until}: detectors {detectors} may, without a further signature, at {place}{counts} {what}{wait}, class {why}, at most {uses} times in {window}. Reason: \"{reason}\"."),
        )
    }
}

impl Sentence for AnswerRelease {
    fn sentence(&self, lang: Lang, counts: &Counts) -> String {
        let cells = names(lang, self.cells());
        let what = match &self.releases {
            Releases::Mails(mails) => {
                let answers: BTreeSet<Answer> = mails.iter().map(|mail| mail.answer).collect();
                let (number, answers) = (mails.len(), names(lang, &answers));
                lang.of(
                    format!("genau {number} geprüfte Antworten mit den Kennziffern {answers}"),
                    format!("exactly {number} answers that were looked at, with codes {answers}"),
                )
            }
            Releases::Policy {
                answers, per_day_max, ..
            } => {
                let answers = names(lang, answers);
                lang.of(
                    format!("JEDE Antwort mit den Kennziffern {answers} ohne weitere Rückfrage, höchstens {per_day_max} am Tag"),
                    format!("EVERY answer with codes {answers} without asking again, at most {per_day_max} a day"),
                )
            }
        };
        let (estate, insurer, environment) = (&self.estate, &self.insurer, &self.environment);
        let (until, reason, counts) = (self.expires, &self.reason, counts.in_words(lang));
        lang.of(
            format!("ANTWORTEN der Kasse {insurer} in {estate} aus dem Notbetrieb {environment}{counts}: {what} dürfen an Praxen hinaus, für {cells}; gilt bis {until}. Grund: „{reason}“."),
            format!("ANSWERS of insurer {insurer} in {estate} from emergency environment {environment}{counts}: {what} may leave to practices, for {cells}; valid until {until}. Reason: \"{reason}\"."),
        )
    }
}

impl Sentence for Opening {
    fn sentence(&self, lang: Lang, counts: &Counts) -> String {
        let lifted: usize = self.doors.iter().map(|door| door.lifts.len()).sum();
        let doors = names(
            lang,
            self.doors
                .iter()
                .map(|door| format!("{} ({} {})", door.door, lang.of("Stand", "epoch"), door.epoch)),
        );
        let (number, counts, cleared) = (self.doors.len(), counts.in_words(lang), self.clearances.len());
        let what = match &self.becomes {
            Becomes::Open => lang.of(
                format!("ÖFFNEN: {lifted} Sperren werden aufgehoben, Regelbetrieb"),
                format!("OPEN: {lifted} restrictions are lifted, normal operation"),
            ),
            Becomes::Limited { until } => lang.of(
                format!("TEILBETRIEB bis {until} (dann wieder gehalten): {lifted} Sperren ruhen"),
                format!("PROVISIONAL OPERATION until {until} (then held again): {lifted} restrictions are suspended"),
            ),
            Becomes::Emergency { environment, identity, until } => lang.of(
                format!("NOTBETRIEB bis {until}: die Umgebung {environment} liest mit der Identität {identity}; die Türen bleiben gehalten"),
                format!("EMERGENCY OPERATION until {until}: environment {environment} reads with identity {identity}; the doors stay held"),
            ),
        };
        let (estate, until, reason) = (&self.estate, self.expires, &self.reason);
        lang.of(
            format!("{what}, in {estate} an {number} Türen{counts}: {doors}; gestützt auf {cleared} Freigaben; gilt bis {until}. Grund: „{reason}“."),
            format!("{what}, in {estate} at {number} doors{counts}: {doors}; resting on {cleared} clearances; valid until {until}. Reason: \"{reason}\"."),
        )
    }
}

fn threshold(lang: Lang, need: Threshold) -> String {
    let Threshold { persons, outside } = need;
    lang.of(
        format!("{persons} (davon {outside} außen)"),
        format!("{persons} ({outside} of them outside)"),
    )
}

impl Sentence for CharterDraft {
    fn sentence(&self, lang: Lang, _: &Counts) -> String {
        let (estate, version, provider) = (&self.estate, self.version, &self.provider);
        let (persons, insurers, witnesses) = (self.persons.len(), self.sections.len(), self.witnesses.len());
        let roots = threshold(lang, self.thresholds.roots);
        let examiners = threshold(lang, self.thresholds.examiners);
        let pair = self.thresholds.precautionary_commanders;
        let (window, quorum) = (span(self.precautionary_window), self.witness_quorum);
        let wait = span(self.recovery_delay);
        let before = self.previous.map_or_else(
            || String::from(lang.of("erste Urkunde", "first charter")),
            |digest| lang.of(format!("nach {digest}"), format!("after {digest}")),
        );
        let who = names(
            lang,
            self.persons
                .iter()
                .map(|person| format!("{} ({})", person.id, person.entity)),
        );
        lang.of(
            format!("URKUNDE {version} für {estate} ({before}), Betreiber {provider}: {persons} Personen ({who}), {insurers} Kassen, {witnesses} Zeugen (es genügen {quorum}); Wurzel {roots}, Forensik {examiners}, Einsatzleitung bei Vorsicht {pair} binnen {window}, Wiederherstellung nach {wait}."),
            format!("CHARTER {version} for {estate} ({before}), provider {provider}: {persons} persons ({who}), {insurers} insurers, {witnesses} witnesses ({quorum} suffice); roots {roots}, examiners {examiners}, commanders for precautionary {pair} within {window}, recovery after {wait}."),
        )
    }
}

impl Sentence for CharterSection {
    fn sentence(&self, lang: Lang, _: &Counts) -> String {
        let section = &self.section;
        let (insurer, estate, reason) = (&section.insurer, &self.estate, &self.reason);
        let (consent, refuse) = (names(lang, &section.consent), names(lang, &section.refuse));
        let (need, deputy, release) = (section.threshold, &section.deputy, section.release.len());
        let how = match self.change {
            SectionChange::ByInsurer => {
                lang.of("ÄNDERUNG durch die Kasse selbst", "CHANGE by the insurer itself")
            }
            SectionChange::Recovery => lang.of(
                "WIEDERHERSTELLUNG durch Wurzeln und Vertretung, gilt erst nach der Wartezeit",
                "RECOVERY by roots and deputy, in force only after the wait",
            ),
        };
        lang.of(
            format!("{how}: Abschnitt der Kasse {insurer} in {estate}: zustimmen dürfen {consent}; ablehnen dürfen {refuse}; Änderungen brauchen {need}; Vertretung {deputy}; {release} Empfänger und Wiederherstellung {}. Grund: „{reason}“.", section.recovery),
            format!("{how}: section of insurer {insurer} in {estate}: consent by {consent}; refusal by {refuse}; changes need {need}; deputy {deputy}; {release} recipients and recovery {}. Reason: \"{reason}\".", section.recovery),
        )
    }
}
