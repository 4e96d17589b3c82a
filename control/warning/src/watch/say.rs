//! Signals, with the sentence each of them says.

use std::collections::BTreeSet;
use vocabulary::{BadId, CellId, Digest, Epoch, InsurerId, Timestamp};

use super::{
    Canary, Finding, Indicator, Kind, Measure, Sentence, Severity, Signal, SourceName, Touched, clean,
    name_signal,
};
use crate::{baseline::Side, import::Clock, sensor::Raised};

pub(super) fn measure(
    insurer: &InsurerId,
    measure: Measure,
    raised: &Raised,
    touched: BTreeSet<Touched>,
    now: Timestamp,
) -> Result<Signal, BadId> {
    let kind = measure.kind();
    let indicator = Indicator::new(
        kind,
        match raised.side {
            Side::Low => "low",
            Side::High => "high",
        },
    );
    let Raised {
        since,
        units,
        of,
        minutes,
        ..
    } = *raised;
    let severity = match (measure, raised.side) {
        // A crowd is no attack by itself; a practice that sends a week at once looks the same.
        (Measure::EauRate, Side::High) => Severity::Medium,
        (Measure::EauRate | Measure::PaymentVolume, Side::Low)
        | (Measure::ErrorShare | Measure::KeyErrorShare, Side::Low | Side::High)
        | (Measure::PaymentVolume, Side::High) => Severity::High,
    };
    let read = format!("{insurer} {} {} {minutes} {units} {of}", kind.slug(), since.0);
    Ok(Signal {
        id: name_signal(&indicator, &touched, since, "")?,
        kind,
        indicator,
        severity,
        since,
        seen: now,
        touched,
        hosts: BTreeSet::new(),
        unmatched: BTreeSet::new(),
        techniques: BTreeSet::new(),
        evidence: BTreeSet::from([Digest::of(read.as_bytes())]),
        sentence: counted(insurer, measure, raised),
    })
}

/// What was counted, and what is usual.
fn counted(insurer: &InsurerId, measure: Measure, raised: &Raised) -> Sentence {
    let Raised {
        since,
        score,
        units,
        of,
        minutes,
        expected_milli,
        ..
    } = *raised;
    let expected = format!("{}.{}", expected_milli / 1000, expected_milli % 1000 / 100);
    match measure {
        Measure::EauRate => Sentence::new(
            format!(
                "{insurer}: {units} eAU in {minutes} Minuten, üblich sind {expected} (Maß {score}), seit {since}."
            ),
            format!(
                "{insurer}: {units} eAU in {minutes} minutes, usual are {expected} (score {score}), since {since}."
            ),
        ),
        Measure::ErrorShare => Sentence::new(
            format!(
                "{insurer}: {units} von {of} Absendern bekamen auf eAU eine Fehlermail, üblich sind {expected} (Maß {score}), seit {since}."
            ),
            format!(
                "{insurer}: {units} of {of} senders of eAU were answered with an error mail, usual are {expected} (score {score}), since {since}."
            ),
        ),
        Measure::KeyErrorShare => Sentence::new(
            format!(
                "{insurer}: {units} von {of} Absendern bekamen „Schlüssel fehlt“ (313/314), üblich sind {expected} (Maß {score}), seit {since}."
            ),
            format!(
                "{insurer}: {units} of {of} senders were answered \"key not available\" (313/314), usual are {expected} (score {score}), since {since}."
            ),
        ),
        Measure::PaymentVolume => Sentence::new(
            format!(
                "{insurer}: {units} Zahlungen in {minutes} Minuten, üblich sind {expected} (Maß {score}), seit {since}."
            ),
            format!(
                "{insurer}: {units} payments in {minutes} minutes, usual are {expected} (score {score}), since {since}."
            ),
        ),
    }
}

pub(super) fn finding(finding: Finding, severity: Severity, now: Timestamp) -> Result<Signal, BadId> {
    let kind = finding.engine.kind();
    let (de, en) = severity.in_words();
    let places: Vec<String> = finding.touched.iter().map(ToString::to_string).collect();
    let unknown: Vec<&str> = finding.unmatched.iter().map(String::as_str).collect();
    let (clock_de, clock_en) = match finding.clock {
        Clock::Plausible => (String::new(), String::new()),
        Clock::NoOffset => (" Zeit ohne Zone.".into(), " Time without a zone.".into()),
        Clock::Ahead(by) => (
            format!(" Uhr des Sensors geht {} s vor.", by.0),
            format!(" The sensor's clock is {} s ahead.", by.0),
        ),
        Clock::Late(by) => (format!(" {} s verspätet.", by.0), format!(" {} s late.", by.0)),
        Clock::Missing => (" Ohne Zeitangabe.".into(), " Without a time.".into()),
    };
    let sentence = Sentence::new(
        format!(
            "{}: „{}“, Schwere {de}, betrifft [{}], unbekannt [{}].{clock_de}",
            finding.indicator,
            finding.title,
            places.join(", "),
            unknown.join(", "),
        ),
        format!(
            "{}: \"{}\", severity {en}, concerns [{}], unknown [{}].{clock_en}",
            finding.indicator,
            finding.title,
            places.join(", "),
            unknown.join(", "),
        ),
    );
    Ok(Signal {
        id: name_signal(
            &finding.indicator,
            &finding.touched,
            finding.at,
            &finding.evidence.to_string(),
        )?,
        kind,
        indicator: finding.indicator,
        severity,
        since: finding.at,
        seen: now,
        touched: finding.touched,
        hosts: finding.hosts,
        unmatched: finding.unmatched,
        techniques: finding.techniques,
        evidence: BTreeSet::from([finding.evidence]),
        sentence,
    })
}

pub(super) fn canary(
    canary: Canary,
    name: &str,
    touched: BTreeSet<Touched>,
    at: Timestamp,
    evidence: Digest,
    now: Timestamp,
) -> Result<Signal, BadId> {
    let name = clean(name, 64);
    let (de, en) = canary.in_words();
    let indicator = Indicator::new(Kind::Canary, &format!("{en}:{name}"));
    Ok(Signal {
        id: name_signal(&indicator, &touched, at, &evidence.to_string())?,
        kind: Kind::Canary,
        indicator,
        severity: canary.severity(),
        since: at,
        seen: now,
        touched,
        hosts: BTreeSet::new(),
        unmatched: BTreeSet::new(),
        techniques: BTreeSet::new(),
        evidence: BTreeSet::from([evidence]),
        sentence: Sentence::new(
            format!("{de} „{name}“ wurde berührt, {at}. Niemand hat einen Grund dafür."),
            format!("The {en} \"{name}\" was touched, {at}. Nobody has a reason to."),
        ),
    })
}

pub(super) fn silence(
    source: &SourceName,
    heard: Timestamp,
    touched: &BTreeSet<Touched>,
    now: Timestamp,
) -> Result<Signal, BadId> {
    let indicator = Indicator::new(Kind::Silence, &source.to_string());
    Ok(Signal {
        id: name_signal(&indicator, touched, heard, "")?,
        kind: Kind::Silence,
        indicator,
        // A switch that fails looks the same; but whoever hides begins here.
        severity: Severity::Medium,
        since: heard,
        seen: now,
        touched: touched.clone(),
        hosts: BTreeSet::new(),
        unmatched: BTreeSet::new(),
        techniques: BTreeSet::new(),
        evidence: BTreeSet::from([Digest::of(format!("{source} {}", heard.0).as_bytes())]),
        sentence: Sentence::new(
            format!("Die Quelle {source} schweigt seit {heard}. Was sie beobachtet, sieht gerade niemand."),
            format!("The source {source} has been silent since {heard}. What it watches, nobody sees now."),
        ),
    })
}

/// Ways of getting through that are named one by one.
const WHAT_MAX: usize = 4;
/// Characters of each.
const WHAT_CHARS: usize = 80;

pub(super) fn drift(
    cell: &CellId,
    epoch: Epoch,
    what: &[String],
    at: Timestamp,
    now: Timestamp,
) -> Result<Signal, BadId> {
    let indicator = Indicator::new(Kind::Drift, "behind a closed door");
    let touched = BTreeSet::from([Touched::Cell(cell.clone())]);
    let half = |half: fn(&String) -> String| -> String {
        let some: Vec<String> = what
            .iter()
            .take(WHAT_MAX)
            .map(|words| clean(&half(words), WHAT_CHARS))
            .collect();
        some.join("; ")
    };
    let (what_de, what_en) = (half(vocabulary::german), half(vocabulary::english));
    Ok(Signal {
        id: name_signal(&indicator, &touched, at, &epoch.0.to_string())?,
        kind: Kind::Drift,
        indicator,
        // A door that is open by order is no drift: nothing harmless is left to explain it.
        severity: Severity::Critical,
        since: at,
        seen: now,
        evidence: BTreeSet::from([Digest::of(
            format!("{cell} {} {} {what_en}", epoch.0, at.0).as_bytes(),
        )]),
        touched,
        hosts: BTreeSet::new(),
        unmatched: BTreeSet::new(),
        techniques: BTreeSet::new(),
        sentence: Sentence::new(
            format!(
                "Die Tür {cell} ist geschlossen (Stand {epoch}), und doch kommt etwas durch: {what_de}; gemessen {at}. Die Tür \
                 wendet ihre Sperren neu an; bleibt es dabei, führt ein Weg an ihr vorbei."
            ),
            format!(
                "Door {cell} is closed (epoch {epoch}), and yet something passes: {what_en}; measured {at}. The door applies \
                 its restrictions anew; if it stays so, a way leads around the door."
            ),
        ),
    })
}
