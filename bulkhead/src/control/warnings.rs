//! Signals and incidents for the journal, and what the warning process must know: standing orders in force, and incidents
//! that persons closed. A detector speaks here for itself, never for a person, and what it repeats is not written again.

use std::sync::{Mutex, PoisonError};

use evidence::{Picture, RoomEntry};
use vocabulary::{Seconds, Timestamp};

use super::journal::Journaling;
use crate::{
    clock,
    http::Reply,
    warn::wire::{ClosedBy, InForce, Order, SAYINGS_MAX, Saying, Taken, Told},
};

/// Closings by persons older than this are not told again.
const CLOSED_SECS: Seconds = Seconds(7 * 86_400);

/// One at a time: what was compared with the journal must still be true when it is written.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Writes what is news.
///
/// # Errors
/// A refusal with its sentence; nothing was written.
pub(super) fn take(journal: &Journaling, told: Told) -> Result<Taken, Reply> {
    if told.sayings.len() > SAYINGS_MAX {
        let sentence =
            format!("Höchstens {SAYINGS_MAX} Meldungen auf einmal. / At most {SAYINGS_MAX} sayings at once.");
        return Err(Reply::refuse(413, &sentence));
    }
    if told.sayings.iter().any(|saying| saying.by().is_some()) {
        return Err(Reply::refuse(
            422,
            "Ein Melder spricht für keine Person. / A detector speaks for no person.",
        ));
    }
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let picture = journal.picture();
    let all = told.sayings.len();
    let mut news: Vec<Saying> = Vec::new();
    for saying in told.sayings {
        if !is_known(&picture, &saying) && !news.contains(&saying) {
            news.push(saying);
        }
    }
    let written = news.len();
    if written > 0 {
        journal
            .append(news.into_iter().map(RoomEntry::from).collect())
            .map_err(|error| Reply::refuse(507, &error.to_string()))?;
    }
    Ok(Taken {
        written,
        known: all - written,
    })
}

/// Whether the journal says it already.
fn is_known(picture: &Picture, saying: &Saying) -> bool {
    let people = picture.people();
    match saying {
        Saying::Signal(body) => people
            .signals
            .iter()
            .any(|known| known.body.signal == body.signal),
        Saying::Opened(body) => people.incidents.contains_key(&body.incident),
        Saying::Updated(body) => people.incidents.get(&body.incident).is_some_and(|known| {
            let said = known.updates.iter().any(|(_, _, text)| *text == body.text);
            let covered = body.scope.as_ref().is_none_or(|scope| *scope == known.scope);
            said && covered && body.signals.is_subset(&known.signals)
        }),
        Saying::Closed(body) => people
            .incidents
            .get(&body.incident)
            .is_some_and(|known| known.closed.is_some()),
    }
}

/// Answers `GET /standing`.
pub(super) fn in_force(journal: &Journaling) -> Reply {
    let (picture, now) = (journal.picture(), clock::now());
    let orders = picture
        .statements()
        .standing_orders
        .iter()
        .filter(|(_, signed)| signed.taken_back.is_empty() && now <= signed.body.expires)
        .map(|(id, signed)| Order {
            id: *id,
            body: (*signed.body).clone(),
        });
    let recent = |at: &Timestamp| now.since(*at) <= CLOSED_SECS;
    let closed = picture.people().incidents.iter().filter_map(|(id, incident)| {
        let (at, by, why) = incident.closed.as_ref()?;
        recent(at).then_some(ClosedBy {
            incident: id.clone(),
            by: by.clone()?,
            at: *at,
            why: why.clone(),
        })
    });
    Reply::json(&InForce {
        orders: orders.collect(),
        closed: closed.collect(),
    })
}
