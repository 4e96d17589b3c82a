//! A cut is knowledge: whoever has a door shut for a reason knows that something is wrong, and legal clocks run from then.
//! Where nobody opened an incident for it, the room opens one, marked as opened by the cut.
//!
//! Planned work is no cut. An incident that was open when the cut was made, or was opened since, covers its places even if
//! somebody has closed it meanwhile. The name follows from the restriction, so the same cut opens the same incident once,
//! also after a restart and in a room that was put together again.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use evidence::{Cause, Door, Incident, Picture, RoomEntry, room::IncidentOpened};
use order::Text;
use tokio::time::timeout;
use vocabulary::{Class, IncidentId, RestrictionId, Scope, Selector, Timestamp};

use super::super::journal::Journaling;

/// People who cut and the detector that used a standing order open the incident themselves; they are given this long.
const GRACE: Duration = Duration::from_secs(5);
/// How often we look while something waits.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How the name of an incident begins that a cut opened.
const MARK: &str = "cut-";

/// What a cut opened says of itself.
const TITLE: &str = "Vom Leitstand eröffnet: Es wurde abgeschottet, und kein Vorfall war dafür offen. / \
                     Opened by the control room: a cut was made, and no incident was open for it.";

/// Incidents the room has to open: one for each cut that is in force and has none.
#[must_use]
pub fn unexplained(picture: &Picture) -> Vec<IncidentOpened> {
    let mut cuts: BTreeMap<RestrictionId, Vec<&Arc<Door>>> = BTreeMap::new();
    for door in picture.doors().values() {
        for (id, restriction) in &door.restrictions {
            if matches!(restriction.cause, Cause::Order(_)) && restriction.class != Class::Maintenance {
                cuts.entry(*id).or_default().push(door);
            }
        }
    }
    let incidents = &picture.people().incidents;
    cuts.iter()
        .filter_map(|(id, doors)| {
            let restrictions = doors.iter().filter_map(|door| door.restrictions.get(id));
            let since = restrictions.clone().map(|restriction| restriction.since).min()?;
            let is_covered = |door: &Door| {
                incidents
                    .values()
                    .any(|incident| covers(incident, &door.place, since))
            };
            if doors.iter().all(|door| is_covered(door)) {
                return None;
            }
            let name = name(*id)?;
            if incidents.contains_key(&name) {
                return None;
            }
            Some(IncidentOpened {
                by: None,
                incident: name,
                title: Text::new(TITLE).ok()?,
                scope: scope(picture, *id, doors),
                signals: restrictions
                    .filter_map(|restriction| restriction.signal.clone())
                    .collect(),
            })
        })
        .collect()
}

/// Whether an incident was there for a place at an instant or since.
fn covers(incident: &Incident, place: &vocabulary::Place, since: Timestamp) -> bool {
    let lasted = incident.closed.as_ref().is_none_or(|(at, ..)| *at >= since);
    lasted && incident.scope.covers(place)
}

fn name(id: RestrictionId) -> Option<IncidentId> {
    let hex = id.0.to_string();
    IncidentId::new(&format!("{MARK}{}", hex.get(..16)?)).ok()
}

/// As ordered; of a standing order, the cells its use closed.
fn scope(picture: &Picture, id: RestrictionId, doors: &[&Arc<Door>]) -> Scope {
    let cause = doors
        .iter()
        .find_map(|door| door.restrictions.get(&id))
        .map(|restriction| restriction.cause);
    if let Some(Cause::Order(order)) = cause
        && let Some(signed) = picture.statements().closings.get(&order)
    {
        return signed.body.scope.clone();
    }
    let cells = doors.iter().map(|door| Selector {
        sites: None,
        insurers: Some(BTreeSet::from([door.place.insurer.clone()])),
        services: Some(BTreeSet::from([door.place.service.clone()])),
    });
    Scope(cells.collect())
}

/// When a person made the cut that opened this incident: knowledge began then, not when the room found that nobody had
/// said so. Nothing for an incident that was opened otherwise, and nothing for a detector's use of a standing order, which
/// is nobody's knowledge yet.
pub(super) fn made(picture: &Picture, id: &IncidentId, incident: &Incident) -> Option<Timestamp> {
    if incident.opened.1.is_some() || !id.as_str().starts_with(MARK) {
        return None;
    }
    let closings = &picture.statements().closings;
    let is_it = |restriction: RestrictionId| name(restriction).as_ref() == Some(id);
    let signed = closings
        .iter()
        .filter(|(order, _)| is_it(order::restriction_of(**order, order::UseNumber::FIRST)))
        .map(|(_, signed)| signed.at);
    let in_force = picture.doors().values().flat_map(|door| &door.restrictions);
    let in_force = in_force
        .filter(|(restriction, _)| is_it(**restriction))
        .filter(|(_, restriction)| match &restriction.cause {
            Cause::Order(order) => closings.contains_key(order),
            Cause::Withdrawal(_) | Cause::Enrolment | Cause::RolledBack | Cause::BrokenPromise => false,
        })
        .map(|(_, restriction)| restriction.since);
    let made = signed.chain(in_force).min()?;
    Some(made.min(incident.opened.0))
}

/// Opens them. Ends with the process; what it had not opened then, the next one opens.
pub(in super::super) async fn open_always(journal: Arc<Journaling>) {
    let mut picture = journal.watch();
    let mut waiting: BTreeMap<IncidentId, Instant> = BTreeMap::new();
    loop {
        let found = unexplained(&picture.borrow_and_update());
        waiting.retain(|id, _| found.iter().any(|one| one.incident == *id));
        let due: Vec<RoomEntry> = found
            .into_iter()
            .filter(|one| {
                waiting
                    .entry(one.incident.clone())
                    .or_insert_with(Instant::now)
                    .elapsed()
                    >= GRACE
            })
            .map(RoomEntry::from)
            .collect();
        if !due.is_empty() {
            let journal = journal.clone();
            let written = tokio::task::spawn_blocking(move || journal.append(due)).await;
            match written {
                Ok(Ok(_)) => {
                    tracing::warn!("a cut had no incident; one was opened, so that legal clocks run")
                }
                Ok(Err(error)) => tracing::error!(%error, "an incident for a cut could not be written"),
                Err(_cancelled) => return,
            }
        }
        let news = picture.changed();
        let gone = if waiting.is_empty() {
            news.await.is_err()
        } else {
            matches!(timeout(LOOK_EVERY, news).await, Ok(Err(_)))
        };
        if gone {
            return;
        }
    }
}
