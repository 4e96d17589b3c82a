//! What the warning room found, as entries for the journal.

use evidence::room::{IncidentClosed, IncidentOpened, IncidentUpdated, SignalSeen};
use order::Text;
use std::collections::BTreeSet;
use vocabulary::{Digest, IncidentId, Scope, Selector, SignalId};
use warning::{Effect, Incident, Kind, Roll, Sentence, Signal, Touched, Watch};

use super::wire::{Saying, both};

/// The sayings of the effects of one event, and the incidents that grew. What was refused is logged, not told.
pub(super) fn sayings(
    watch: &Watch,
    roll: &Roll,
    effects: Vec<Effect>,
) -> (Vec<Saying>, BTreeSet<IncidentId>) {
    let mut said = Vec::new();
    let mut grown = BTreeSet::new();
    // A signal is told after the incident it belongs to, so that whoever reads along can put it there.
    let mut seen: Option<Signal> = None;
    for effect in effects {
        match effect {
            Effect::Signal(signal) => seen = Some(*signal),
            Effect::Opened(id) => {
                said.extend(watch.incident(&id).and_then(|incident| opened(incident, roll)));
                said.extend(seen.take().and_then(|signal| signal_seen(&signal, Some(&id))));
                grown.insert(id);
            }
            Effect::Updated(id) => {
                said.extend(watch.incident(&id).and_then(|incident| updated(incident, roll)));
                said.extend(seen.take().and_then(|signal| signal_seen(&signal, Some(&id))));
                grown.insert(id);
            }
            Effect::Again {
                incident,
                signal,
                again,
            } => said.extend(note(
                &incident,
                &format!("Signal {signal} zum {again}. Mal wieder gesehen."),
                &format!("Signal {signal} seen again, {again} times by now."),
            )),
            Effect::Settled { signal } => said.extend(settled(watch, &signal)),
            Effect::Joined { from, into } => said.extend(closed(
                &from,
                &format!("Aufgegangen in Vorfall {into}."),
                &format!("Became part of incident {into}."),
            )),
            Effect::Closed(id) => said.extend(closed(
                &id,
                "Alle Signale sind erklärt.",
                "Every signal is explained.",
            )),
            Effect::Refused(refusal) => tracing::debug!(%refusal, "an event changed nothing"),
        }
    }
    // It belongs to no incident: too many are open.
    said.extend(seen.and_then(|signal| signal_seen(&signal, None)));
    (said, grown)
}

/// The symptom is gone. The cause is not explained by that, and the words say so.
fn settled(watch: &Watch, signal: &SignalId) -> Option<Saying> {
    let incident = watch
        .incidents()
        .find(|incident| incident.signals().contains_key(signal))?;
    let (de, en) = match incident.signals().get(signal)?.signal.kind {
        Kind::Drift => ("nichts kommt mehr durch", "nothing passes any more"),
        Kind::EauRate
        | Kind::ErrorShare
        | Kind::KeyErrors
        | Kind::PaymentVolume
        | Kind::Canary
        | Kind::Silence
        | Kind::Suricata
        | Kind::Wazuh => ("die Werte sind wieder üblich", "the figures are usual again"),
    };
    note(
        incident.id(),
        &format!("Signal {signal}: {de}. Die Ursache ist damit nicht erklärt."),
        &format!("Signal {signal}: {en}. That does not explain the cause."),
    )
}

fn opened(incident: &Incident, roll: &Roll) -> Option<Saying> {
    Some(Saying::Opened(IncidentOpened {
        by: None,
        incident: incident.id().clone(),
        title: text(&incident.sentence(roll))?,
        scope: incident.scope(roll),
        signals: incident.signals().keys().cloned().collect(),
    }))
}

fn updated(incident: &Incident, roll: &Roll) -> Option<Saying> {
    Some(Saying::Updated(IncidentUpdated {
        by: None,
        incident: incident.id().clone(),
        text: text(&incident.sentence(roll))?,
        scope: Some(incident.scope(roll)),
        signals: incident.signals().keys().cloned().collect(),
    }))
}

fn signal_seen(signal: &Signal, incident: Option<&IncidentId>) -> Option<Saying> {
    Some(Saying::Signal(SignalSeen {
        by: None,
        signal: signal.id.clone(),
        detector: signal.kind.detector().ok()?,
        what: text(&signal.sentence)?,
        scope: Scope(signal.touched.iter().map(selector).collect()),
        incident: incident.cloned(),
    }))
}

/// A signal that came after its incident was closed, told by itself under a name of its own.
pub(super) fn anew(signal: &Signal, incident: &IncidentId) -> Option<Saying> {
    let Saying::Signal(mut body) = signal_seen(signal, None)? else {
        return None;
    };
    let name = Digest::of(format!("{} {incident}", signal.id).as_bytes()).to_string();
    body.signal = SignalId::new(&format!("n-{}", name.get(..16)?)).ok()?;
    body.what = both(
        &format!(
            "Nach dem Abschluss von Vorfall {incident} gekommen: {}",
            signal.sentence.de
        ),
        &format!(
            "Came after incident {incident} was closed: {}",
            signal.sentence.en
        ),
    )?;
    Some(Saying::Signal(body))
}

/// A word about an incident that changes nothing else.
pub(super) fn note(incident: &IncidentId, de: &str, en: &str) -> Option<Saying> {
    Some(Saying::Updated(IncidentUpdated {
        by: None,
        incident: incident.clone(),
        text: both(de, en)?,
        scope: None,
        signals: BTreeSet::new(),
    }))
}

fn closed(incident: &IncidentId, de: &str, en: &str) -> Option<Saying> {
    Some(Saying::Closed(IncidentClosed {
        by: None,
        incident: incident.clone(),
        why: both(de, en)?,
    }))
}

fn text(sentence: &Sentence) -> Option<Text> {
    both(&sentence.de, &sentence.en)
}

fn selector(touched: &Touched) -> Selector {
    match touched {
        Touched::Cell(cell) => Selector {
            sites: None,
            insurers: Some(BTreeSet::from([cell.insurer.clone()])),
            services: Some(BTreeSet::from([cell.service.clone()])),
        },
        Touched::Environment(insurer) => Selector {
            insurers: Some(BTreeSet::from([insurer.clone()])),
            ..Selector::default()
        },
        Touched::Service { site, service } => Selector {
            sites: Some(BTreeSet::from([site.clone()])),
            insurers: None,
            services: Some(BTreeSet::from([service.clone()])),
        },
        Touched::Site(site) => Selector {
            sites: Some(BTreeSet::from([site.clone()])),
            ..Selector::default()
        },
    }
}
