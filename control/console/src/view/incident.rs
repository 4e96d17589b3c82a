//! Incidents: what is believed to be wrong, what it rests on, what people decided.

use evidence::Incident;
use vocabulary::{IncidentId, PersonId, Scope, Timestamp};

use super::{
    cells::concerns,
    shape::{At, Both, views},
};
use crate::Asked;

views! {
    /// Incidents the viewer sees, those that go on first, newest first.
    Incidents {
        /// They.
        incidents: Vec<IncidentView>,
        /// Signals that belong to no incident yet, newest first.
        loose_signals: Vec<SignalView>,
    }
    /// One incident.
    IncidentView {
        /// Its name.
        incident: String,
        /// What is believed; null for viewers who see only their own cells, for the words may name others.
        title: Option<String>,
        /// Where; for viewers who see only their own cells, these.
        place: Both,
        /// Cells in its scope that the viewer sees.
        cells: u64,
        /// Since when.
        opened: At,
        /// By whom.
        opened_by: Option<String>,
        /// When it ended; null while it goes on.
        closed: Option<At>,
    }
    /// One incident with its timeline.
    IncidentDetail {
        /// The incident.
        incident: IncidentView,
        /// What happened, oldest first.
        timeline: Vec<Entry>,
        /// What it rests on.
        signals: Vec<SignalView>,
        /// Orders that answer one of its signals or lie in its scope since it was opened.
        decisions: Vec<Decision>,
    }
    /// One line of a timeline.
    Entry {
        /// When.
        at: At,
        /// Who; null means the room itself.
        by: Option<String>,
        /// What.
        text: Both,
    }
    /// Something looked wrong.
    SignalView {
        /// Its name.
        signal: String,
        /// What kind of detector saw it.
        detector: String,
        /// What was seen.
        what: String,
        /// When.
        at: At,
        /// The incident it belongs to.
        incident: Option<String>,
    }
    /// A signed order.
    Decision {
        /// The statement.
        statement: String,
        /// When it was recorded.
        at: At,
        /// Who signed it.
        by: Vec<String>,
        /// Why, in the signer's words.
        reason: String,
        /// Doors of the scope.
        doors: u64,
        /// Doors of the scope whose ledgers have it in force.
        applied: u64,
    }
}

fn cells_seen(asked: &Asked<'_>, scope: &Scope) -> u64 {
    let doors = asked.ctx.room.estate.doors();
    let seen = doors.filter(|(_, place, _)| asked.sight.covers(&place.insurer) && scope.covers(place));
    u64::try_from(seen.count()).unwrap_or(u64::MAX)
}

fn name(person: Option<&PersonId>) -> Option<String> {
    person.map(ToString::to_string)
}

fn one(asked: &Asked<'_>, id: &IncidentId, incident: &Incident) -> IncidentView {
    let all = asked.sight.is_everything();
    let place = if all {
        Both {
            de: order::sentence::scope(order::Lang::De, &incident.scope),
            en: order::sentence::scope(order::Lang::En, &incident.scope),
        }
    } else {
        Both::halves(&"eigene Zellen / own cells")
    };
    IncidentView {
        incident: id.to_string(),
        title: all.then(|| incident.title.as_str().into()),
        place,
        cells: cells_seen(asked, &incident.scope),
        opened: At(incident.opened.0),
        opened_by: name(incident.opened.1.as_ref()).filter(|_| all),
        closed: incident.closed.as_ref().map(|(at, _, _)| At(*at)),
    }
}

fn signal(written: &evidence::Written<evidence::room::SignalSeen>) -> SignalView {
    SignalView {
        signal: written.body.signal.to_string(),
        detector: written.body.detector.to_string(),
        what: written.body.what.as_str().into(),
        at: At(written.at),
        incident: written.body.incident.as_ref().map(ToString::to_string),
    }
}

/// Most loose signals shown; the rest is in the journal.
const LOOSE_MAX: usize = 100;

/// All incidents that concern the viewer.
pub(crate) fn list(asked: &Asked<'_>) -> Incidents {
    let people = asked.ctx.room.picture.people();
    let mut incidents: Vec<IncidentView> = people
        .incidents
        .iter()
        .filter(|(_, incident)| concerns(asked, &incident.scope))
        .map(|(id, incident)| one(asked, id, incident))
        .collect();
    incidents.sort_by_key(|incident| (incident.closed.is_some(), core::cmp::Reverse(incident.opened)));
    let loose = people.signals.iter().rev().filter(|written| {
        let named = people
            .incidents
            .values()
            .any(|incident| incident.signals.contains(&written.body.signal));
        asked.sight.is_everything() && written.body.incident.is_none() && !named
    });
    Incidents {
        incidents,
        loose_signals: loose.take(LOOSE_MAX).map(signal).collect(),
    }
}

/// One incident, if it concerns the viewer.
pub(crate) fn detail(asked: &Asked<'_>, id: &IncidentId) -> Option<IncidentDetail> {
    let people = asked.ctx.room.picture.people();
    let incident = people.incidents.get(id)?;
    if !concerns(asked, &incident.scope) {
        return None;
    }
    let all = asked.sight.is_everything();
    let signals = people.signals.iter().filter(|written| {
        all && (incident.signals.contains(&written.body.signal) || written.body.incident.as_ref() == Some(id))
    });
    Some(IncidentDetail {
        incident: one(asked, id, incident),
        timeline: if all { timeline(incident) } else { Vec::new() },
        signals: signals.map(signal).collect(),
        decisions: decisions(asked, incident),
    })
}

fn timeline(incident: &Incident) -> Vec<Entry> {
    let entry = |at: Timestamp, by: Option<&PersonId>, text: Both| Entry {
        at: At(at),
        by: name(by),
        text,
    };
    let opened = entry(
        incident.opened.0,
        incident.opened.1.as_ref(),
        Both {
            de: format!("Eröffnet: {}", incident.title),
            en: format!("Opened: {}", incident.title),
        },
    );
    let updates = incident.updates.iter().map(|(at, by, text)| {
        // The room itself writes in both languages, people in theirs.
        let words = match by {
            Some(_) => Both::same(text.as_str()),
            None => Both::halves(text),
        };
        entry(*at, by.as_ref(), words)
    });
    let closed = incident.closed.iter().map(|(at, by, why)| {
        entry(
            *at,
            by.as_ref(),
            Both {
                de: format!("Abgeschlossen: {why}"),
                en: format!("Closed: {why}"),
            },
        )
    });
    core::iter::once(opened).chain(updates).chain(closed).collect()
}

/// Closings that answer the incident: by signal, or by time and place.
fn decisions(asked: &Asked<'_>, incident: &Incident) -> Vec<Decision> {
    let picture = asked.ctx.room.picture;
    let until = incident.closed.as_ref().map(|(at, _, _)| *at);
    let mut found = Vec::new();
    for (id, closing) in &picture.statements().closings {
        let by_signal = closing
            .body
            .signal
            .as_ref()
            .is_some_and(|signal| incident.signals.contains(signal));
        let in_time = closing.at >= incident.opened.0 && until.is_none_or(|until| closing.at <= until);
        let mut doors = 0_u64;
        let mut applied = 0_u64;
        let mut inside = false;
        for (door_id, place, _) in asked.ctx.room.estate.doors() {
            if !asked.sight.covers(&place.insurer) || !closing.body.scope.covers(&place) {
                continue;
            }
            doors = doors.saturating_add(1);
            inside = inside || incident.scope.covers(&place);
            let in_force = picture.door(&door_id).is_some_and(|door| {
                door.restrictions
                    .values()
                    .any(|restriction| restriction.cause == evidence::Cause::Order(*id))
            });
            applied = applied.saturating_add(u64::from(in_force));
        }
        if doors > 0 && (by_signal || (in_time && inside)) {
            found.push(Decision {
                statement: id.to_string(),
                at: At(closing.at),
                by: closing.signers.iter().map(ToString::to_string).collect(),
                reason: closing.body.reason.as_str().into(),
                doors,
                applied,
            });
        }
    }
    found.sort_by_key(|decision| decision.at);
    found
}
