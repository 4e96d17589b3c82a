//! What any statement says, as one plain sentence from its exact bytes.

use alloc::{format, string::String};
use order::{
    AnswerRelease, BadBody, Body, CharterDraft, CharterSection, Closing, Counts, Lang, Opening, Sentence,
    StandingOrder, sentence::names,
};
use vocabulary::{Envelope, PayloadType};

use crate::body::{
    Against, Basis, CheckResult, Clearance, Consent, Delegation, Grade, Refusal, StandingConsent,
    StandingFor, Withdrawal, Withdraws,
};

/// Reads the exact bytes of an envelope and says them. Says nothing about signatures.
///
/// # Errors
/// [`BadBody`] when the bytes are not a statement every door could read: then nobody should sign them.
pub fn of(envelope: &Envelope, lang: Lang, counts: &Counts) -> Result<String, BadBody> {
    fn say<T: Sentence>(envelope: &Envelope, lang: Lang, counts: &Counts) -> Result<String, BadBody> {
        Ok(T::read(envelope)?.sentence(lang, counts))
    }
    match envelope.payload_type {
        PayloadType::Charter => {
            let draft = CharterDraft::read(envelope)?;
            order::Charter::check(envelope.id(), draft.clone())?;
            Ok(draft.sentence(lang, counts))
        }
        PayloadType::CharterSection => say::<CharterSection>(envelope, lang, counts),
        PayloadType::Closing => say::<Closing>(envelope, lang, counts),
        PayloadType::StandingOrder => say::<StandingOrder>(envelope, lang, counts),
        PayloadType::Opening => say::<Opening>(envelope, lang, counts),
        PayloadType::Clearance => say::<Clearance>(envelope, lang, counts),
        PayloadType::Withdrawal => say::<Withdrawal>(envelope, lang, counts),
        PayloadType::Consent => say::<Consent>(envelope, lang, counts),
        PayloadType::Refusal => say::<Refusal>(envelope, lang, counts),
        PayloadType::StandingConsent => say::<StandingConsent>(envelope, lang, counts),
        PayloadType::Delegation => say::<Delegation>(envelope, lang, counts),
        PayloadType::AnswerRelease => say::<AnswerRelease>(envelope, lang, counts),
        PayloadType::Freshness => Err(BadBody::contradiction(
            "Eine Frische-Erklärung unterschreibt kein Mensch.",
            "No person signs a freshness statement.",
        )),
    }
}

impl Sentence for Clearance {
    fn sentence(&self, lang: Lang, counts: &Counts) -> String {
        let grade = match &self.grade {
            Grade::Full => String::from(lang.of(
                "VOLLE FREIGABE (Regelbetrieb)",
                "FULL CLEARANCE (normal operation)",
            )),
            Grade::Limited {
                cells,
                peers,
                directions,
                until,
            } => {
                let (cells, number) = (names(lang, cells), cells.len());
                let flows = names(
                    lang,
                    directions.iter().map(|flow| format!("{flow:?}").to_lowercase()),
                );
                let peers = peers.as_ref().map_or_else(
                    || String::from(lang.of("alle Gegenstellen", "any peer")),
                    |peers| {
                        lang.of(
                            format!("nur {}", names(lang, peers)),
                            format!("only {}", names(lang, peers)),
                        )
                    },
                );
                lang.of(
                    format!("BEGRENZTE FREIGABE bis {until}: {number} Zellen ({cells}), Richtungen {flows}, {peers}"),
                    format!("LIMITED CLEARANCE until {until}: {number} cells ({cells}), directions {flows}, {peers}"),
                )
            }
        };
        let basis = match &self.basis {
            Basis::Examined => {
                let (items, lines) = (self.examined.len(), self.checklist.len());
                let passed = self
                    .checklist
                    .iter()
                    .filter(|line| line.result == CheckResult::Passed)
                    .count();
                lang.of(
                    format!("untersucht: {items} Gegenstände, {passed} von {lines} Prüfpunkten bestanden"),
                    format!("examined: {items} items, {passed} of {lines} checks passed"),
                )
            }
            Basis::NotEndangered { because } => lang.of(
                format!("nicht gefährdet, weil „{because}“"),
                format!("not endangered, because \"{because}\""),
            ),
            Basis::SignalExplained { signal } => lang.of(
                format!("Signal {signal} ist erklärt; gilt nur für Sperren wegen dieses Signals"),
                format!("signal {signal} is explained; only for restrictions ordered for it"),
            ),
        };
        let (place, counts, until) = (&self.environment, counts.in_words(lang), self.expires);
        let (estate, relied, root) = (&self.estate, self.relies_on.len(), self.evidence_root);
        lang.of(
            format!("{grade} für die Umgebung {place}{counts} in {estate}: {basis}; Beweiswurzel {root}; stützt sich auf {relied} andere Freigaben; öffnet nichts nach {until}."),
            format!("{grade} for environment {place}{counts} in {estate}: {basis}; evidence root {root}; relies on {relied} other clearances; opens nothing after {until}."),
        )
    }
}

impl Sentence for Withdrawal {
    fn sentence(&self, lang: Lang, counts: &Counts) -> String {
        let what = match self.withdraws {
            Withdraws::Clearance(id) => lang.of(format!("die Freigabe {id}"), format!("clearance {id}")),
            Withdraws::Evidence(digest) => lang.of(
                format!("alle Freigaben, die auf {digest} beruhen"),
                format!("all clearances that stand on {digest}"),
            ),
            Withdraws::Delegation(id) => {
                lang.of(format!("die Beauftragung {id}"), format!("delegation {id}"))
            }
            Withdraws::Consent(id) => lang.of(format!("die Zustimmung {id}"), format!("consent {id}")),
            Withdraws::Refusal(id) => lang.of(format!("die Ablehnung {id}"), format!("refusal {id}")),
            Withdraws::StandingOrder(id) => {
                lang.of(format!("den Dauerbefehl {id}"), format!("standing order {id}"))
            }
        };
        let effect = match self.withdraws {
            Withdraws::Clearance(_) | Withdraws::Evidence(_) => lang.of(
                "; jede Tür, die darauf steht, geht auf Gehalten",
                "; every door that stands on it goes to Held",
            ),
            Withdraws::Delegation(_)
            | Withdraws::Consent(_)
            | Withdraws::Refusal(_)
            | Withdraws::StandingOrder(_) => "",
        };
        let (estate, reason, counts) = (&self.estate, &self.reason, counts.in_words(lang));
        lang.of(
            format!("ZURÜCKZIEHEN in {estate}: {what}{effect}{counts}. Grund: „{reason}“."),
            format!("WITHDRAW in {estate}: {what}{effect}{counts}. Reason: \"{reason}\"."),
        )
    }
}

impl Sentence for Consent {
    fn sentence(&self, lang: Lang, counts: &Counts) -> String {
        let identity = self.identity.as_ref().map_or_else(String::new, |identity| {
            lang.of(
                format!(", Entschlüsselung mit {identity}"),
                format!(", decryption with {identity}"),
            )
        });
        let (insurer, estate, opening) = (&self.insurer, &self.estate, self.opening);
        let (keys, until, counts) = (self.rewrapped.len(), self.expires, counts.in_words(lang));
        lang.of(
            format!("ZUSTIMMUNG der Kasse {insurer} in {estate} zur Öffnung {opening}{counts}{identity}, mit {keys} neu verpackten Schlüsseln; gilt bis {until}."),
            format!("CONSENT of insurer {insurer} in {estate} to opening {opening}{counts}{identity}, with {keys} re-wrapped keys; valid until {until}."),
        )
    }
}

impl Sentence for Refusal {
    fn sentence(&self, lang: Lang, counts: &Counts) -> String {
        let against = match self.against {
            Against::Statement(id) => lang.of(format!("zur Erklärung {id}"), format!("to statement {id}")),
            Against::Everything => {
                String::from(lang.of("zu jeder Öffnung seiner Türen", "to every opening of its doors"))
            }
        };
        let (insurer, estate, reason, counts) =
            (&self.insurer, &self.estate, &self.reason, counts.in_words(lang));
        lang.of(
            format!("ABLEHNUNG der Kasse {insurer} in {estate} {against}{counts}. Grund: „{reason}“."),
            format!("REFUSAL of insurer {insurer} in {estate} {against}{counts}. Reason: \"{reason}\"."),
        )
    }
}

impl Sentence for StandingConsent {
    fn sentence(&self, lang: Lang, counts: &Counts) -> String {
        let to = match &self.to {
            StandingFor::Reopening => String::from(lang.of(
                "zum Regelbetrieb nach voller Freigabe",
                "to normal operation after a full clearance",
            )),
            StandingFor::Limited { hours_max } => lang.of(
                format!("zu höchstens {hours_max} h Teilbetrieb nach begrenzter Freigabe"),
                format!("to at most {hours_max} h of provisional operation after a limited clearance"),
            ),
            StandingFor::Emergency {
                environment,
                identity,
            } => lang.of(
                format!("zum Notbetrieb in {environment}, Entschlüsselung mit {identity}"),
                format!("to emergency operation in {environment}, decryption with {identity}"),
            ),
        };
        let hours = self.hours.map_or_else(String::new, |(from, until)| {
            lang.of(
                format!(", von {from} bis {until} Uhr UTC"),
                format!(", from {from}:00 to {until}:00 UTC"),
            )
        });
        let (insurer, estate, until, counts) =
            (&self.insurer, &self.estate, self.expires, counts.in_words(lang));
        let services = names(lang, &self.services);
        lang.of(
            format!("DAUERZUSTIMMUNG der Kasse {insurer} in {estate} {to} für {services}{counts}{hours}, bis {until}, ohne weitere Rückfrage."),
            format!("STANDING CONSENT of insurer {insurer} in {estate} {to} for {services}{counts}{hours}, until {until}, without asking again."),
        )
    }
}

impl Sentence for Delegation {
    fn sentence(&self, lang: Lang, _: &Counts) -> String {
        let (estate, reason, until) = (&self.estate, &self.reason, self.expires);
        let (person, entity, keys) = (&self.person.id, &self.person.entity, self.person.keys.len());
        let (number, places) = (self.environments.len(), names(lang, &self.environments));
        lang.of(
            format!("BEAUFTRAGUNG in {estate}: {person} ({entity}, {keys} Schlüssel) darf bis {until} als Forensik von außen {number} Umgebungen beurteilen: {places}. Grund: „{reason}“."),
            format!("DELEGATION in {estate}: {person} ({entity}, {keys} keys) may until {until} judge {number} environments as outside examiner: {places}. Reason: \"{reason}\"."),
        )
    }
}
