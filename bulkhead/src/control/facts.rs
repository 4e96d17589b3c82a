//! What of the picture the public may know: states, public names, and the claims people made for it. No title, reason or
//! name that somebody wrote for inside comes through here.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use estate::Estate;
use evidence::{Door, Grade, Picture, Written, room::ClaimMade};
use publication::{
    BadSheet, FactSheet, State,
    sheet::{CellFact, Claim, ClaimGrade, ClaimId, Head, Incident, Proof, Stage},
    text::{Both, Name, Sentence},
};
use vocabulary::{CellId, Class, Holdable, Position, Role, Seconds, Timestamp};

use super::journal::Journaling;
use crate::{
    clock,
    control_wire::Facts,
    http::{Call, Reply},
};

/// Longest wait of one long poll.
const POLL_SECS_MAX: u64 = 30;
/// When we speak again at the latest, counted from the last quarter of an hour.
const NEXT_WORD: Seconds = Seconds(3_600);
/// Pages change with the facts, not with every second: promised times fall on these.
const QUARTER_SECS: i64 = 900;

/// Answers `/facts?seen=N&wait=S`: the sheet of a journal with more than N entries; waits up to S seconds for one.
pub(super) async fn answer(estate: Option<&Estate>, journal: &Journaling, call: &Call) -> Reply {
    let number = |name: &str| call.query_value(name).and_then(|text| text.parse::<u64>().ok());
    let (seen, wait) = (
        number("seen").unwrap_or(0),
        number("wait").unwrap_or(0).min(POLL_SECS_MAX),
    );
    let Some(estate) = estate else {
        return Reply::refuse(
            404,
            "Dieser Leitstand hat keine Konsole und kennt keine Namen. / This control room has no console and knows no names.",
        );
    };
    let mut picture = journal.watch();
    drop(
        tokio::time::timeout(
            Duration::from_secs(wait),
            picture.wait_for(|picture| picture.head().len > seen),
        )
        .await,
    );
    let picture = journal.picture();
    match sheet(estate, &picture, clock::now()) {
        Ok(sheet) => Reply::json(&Facts {
            serial: picture.head().len,
            sheet,
        }),
        Err(bad) => Reply::refuse(422, &bad.to_string()),
    }
}

/// The fact sheet of the picture as it stands.
///
/// # Errors
/// [`BadSheet`] says what must not or cannot be published.
pub(super) fn sheet(estate: &Estate, picture: &Picture, now: Timestamp) -> Result<FactSheet, BadSheet> {
    let head = picture.head();
    let journal = Head {
        len: head.len,
        root: head.root,
    };
    let mut sheet = FactSheet::quiet(estate, now, journal)?;
    let next = Timestamp(now.0 - now.0.rem_euclid(QUARTER_SECS)).plus(NEXT_WORD);
    // Of a cell that no door guards nothing is measured, so nothing is said.
    sheet.cells = picture
        .doors()
        .iter()
        .map(|(id, door)| (id.cell().clone(), fact(picture, id.cell(), door, now, next)))
        .filter(|(cell, _)| sheet.insurers.contains_key(&cell.insurer))
        .collect();
    sheet.incident = incident(picture, &sheet.cells, now);
    sheet.claims = claims(picture, now);
    sheet.check()?;
    Ok(sheet)
}

/// What people see of a door.
fn state(picture: &Picture, cell: &CellId, door: &Door, now: Timestamp) -> State {
    let waiting = picture
        .backlog()
        .get(cell)
        .map_or(0, |written| written.body.held + written.body.in_doubt);
    let provisional = door.until().is_some();
    match (door.position_at(now), door.holdable) {
        (_, _) if door.grants.emergency.is_some() => State::Emergency,
        (Position::Open, _) if provisional || waiting > 0 => State::Restricted,
        (Position::Open, _) => State::Normal,
        (Position::Held | Position::Draining, Holdable::Yes) if provisional => State::Restricted,
        (Position::Held | Position::Draining, Holdable::Yes) => State::Held,
        // Nobody ordered it: the process has just begun and waits for the witnesses.
        (Position::Held | Position::Draining | Position::Shut | Position::Islanded, _)
            if door.restrictions.is_empty() =>
        {
            State::OffFault
        }
        (Position::Held | Position::Draining | Position::Shut | Position::Islanded, _) => State::OffDecided,
    }
}

fn fact(picture: &Picture, cell: &CellId, door: &Door, now: Timestamp, next: Timestamp) -> CellFact {
    let state = state(picture, cell, door, now);
    let grade = match door.grade() {
        Grade::Ordered => publication::sheet::Grade::Ordered,
        Grade::Applied => publication::sheet::Grade::Applied,
        Grade::Proven => publication::sheet::Grade::Proven,
        Grade::Failed => publication::sheet::Grade::Failed,
    };
    let measured = door.proof().map(|proof| proof.at.min(now));
    CellFact {
        state,
        since: door.since.min(now),
        next_update: (state != State::Normal).then_some(next),
        last_proof: measured.map(|at| Proof { grade, at }),
        reason_class: door.class,
    }
}

/// What is going on, in fixed words: what people inside wrote about it stays inside.
fn incident(picture: &Picture, cells: &BTreeMap<CellId, CellFact>, now: Timestamp) -> Option<Incident> {
    let cut: BTreeSet<&CellId> = cells
        .iter()
        .filter(|(_, fact)| {
            fact.state != State::Normal
                && matches!(fact.reason_class, Some(Class::Containment | Class::Precautionary))
        })
        .map(|(cell, _)| cell)
        .collect();
    let began = picture
        .doors()
        .iter()
        .filter(|(id, _)| cut.contains(id.cell()))
        .flat_map(|(_, door)| door.restrictions.values())
        .map(|restriction| restriction.since)
        .min()?
        .min(now);
    let insurers = cut
        .iter()
        .map(|cell| &cell.insurer)
        .collect::<BTreeSet<_>>()
        .len();
    let both = |de: &str, en: &str| -> Option<Both<Sentence>> {
        Some(Both {
            de: Sentence::new(de).ok()?,
            en: Sentence::new(en).ok()?,
        })
    };
    let mut clearances = picture.statements().clearances.values();
    let cleared = clearances.any(|signed| signed.at >= began && signed.taken_back.is_empty());
    let (stage, since) = match cleared {
        true => (Stage::Identified, began),
        false => (Stage::Investigating, began),
    };
    Some(Incident {
        title: Both {
            de: Name::new("Dienste aus Sicherheitsgründen getrennt").ok()?,
            en: Name::new("Services disconnected for security").ok()?,
        },
        summary: both(
            &format!(
                "Wir haben {} von {} selbst getrennt, um Schaden abzuwenden. Was angenommen wurde, ist gespeichert und wird \
                 nach der Prüfung weitergegeben. Wieder geöffnet wird nur, was geprüft ist.",
                counted(cut.len(), "einen Dienst", "Dienste"),
                counted(insurers, "einer Krankenkasse", "Krankenkassen"),
            ),
            &format!(
                "We disconnected {} of {} ourselves to avert damage. What was accepted is stored and is passed on after \
                 examination. Only what was examined is opened again.",
                counted(cut.len(), "one service", "services"),
                counted(insurers, "one health insurer", "health insurers"),
            ),
        )?,
        began,
        stage,
        since,
    })
}

/// A number with its noun.
fn counted(number: usize, one: &str, many: &str) -> String {
    if number == 1 {
        one.to_owned()
    } else {
        format!("{number} {many}")
    }
}

/// What people said for the public. A later claim of the same name corrects the one before.
fn claims(picture: &Picture, now: Timestamp) -> Vec<Claim> {
    let mut claims = Vec::new();
    for versions in picture.people().claims.values() {
        let mut before = None;
        for (number, written) in (1..).zip(versions) {
            match claim(picture, written, number, before.take(), now) {
                Some(claim) => {
                    before = Some(claim.id.clone());
                    claims.push(claim);
                }
                None => tracing::warn!(entry = written.entry, "a claim cannot be published"),
            }
        }
    }
    claims.sort_by_key(|claim| claim.said_at);
    claims
}

fn claim(
    picture: &Picture,
    written: &Written<ClaimMade>,
    number: u32,
    corrects: Option<ClaimId>,
    now: Timestamp,
) -> Option<Claim> {
    let body = &written.body;
    let id = match number {
        1 => body.claim.parse().ok()?,
        later => format!("{}-{later}", body.claim).parse().ok()?,
    };
    let grade = serde_json::from_value::<ClaimGrade>(body.grade.clone().into()).ok()?;
    let said_at = written.at.min(now);
    Some(Claim {
        id,
        de: Sentence::new(body.de.as_str()).ok()?,
        en: Sentence::new(body.en.as_str()).ok()?,
        grade,
        said_at,
        by_role: role(picture, body),
        review_by: body.review.unwrap_or(said_at.plus(NEXT_WORD)),
        corrects,
    })
}

/// The role a claim was made in: never the person.
fn role(picture: &Picture, body: &ClaimMade) -> Role {
    let Some((charter, person)) = picture.charter().zip(body.by.as_ref()) else {
        return Role::Commander;
    };
    [Role::Commander, Role::RestorationLead, Role::Examiner]
        .into_iter()
        .find(|role| charter.holders(*role).any(|holder| holder == person))
        .unwrap_or(Role::Commander)
}
