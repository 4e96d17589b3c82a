//! What waits for whom: the one list to go through at night.

use std::collections::BTreeMap;

use clearance::{DoorFacts, RestrictionFacts};
use order::{Authenticated, Opening};
use vocabulary::{Envelope, Scope, StatementId, Timestamp};

use super::{
    concern::{Concern, of_envelope},
    shape::{At, Both, views},
};
use crate::Asked;

/// Most doors of one opening that are asked about one by one; more wait for the same things.
const DOORS_ASKED_MAX: usize = 256;
/// Most lines of each kind.
const LINES_MAX: usize = 200;
/// A clearance, consent or grant that ends within this is worth a line.
const SOON_SECS: u64 = 6 * 3600;

views! {
    /// What waits, most urgent kind first.
    Waiting {
        /// Doors that do not do what was ordered, or are not heard.
        doors: Vec<WaitingDoor>,
        /// Statements that wait for signatures.
        drafts: Vec<WaitingDraft>,
        /// Openings in the log that are not carried out everywhere, with what is missing.
        openings: Vec<WaitingOpening>,
        /// What ends soon.
        ending: Vec<Ending>,
    }
    /// Doors that wait for somebody, grouped by why.
    WaitingDoor {
        /// `failed`, `unreached`, `doubtful`, `ordered` or `stale`.
        why: &'static str,
        /// Cells.
        cells: Vec<String>,
    }
    /// A statement that waits for signatures.
    WaitingDraft {
        /// The statement it will be.
        statement: String,
        /// What kind of statement.
        kind: &'static str,
        /// What it says.
        says: Both,
        /// Who proposed it.
        by: Option<String>,
        /// Since when.
        at: At,
        /// What is missing, German first; null when nothing is and it only has to be handed in.
        missing: Option<String>,
    }
    /// An opening that is not carried out everywhere.
    WaitingOpening {
        /// The statement.
        statement: String,
        /// Since when.
        at: At,
        /// Doors it names.
        doors: u64,
        /// Doors that carried it out.
        applied: u64,
        /// What is missing, each with the number of doors that miss it.
        missing: Vec<MissingPart>,
    }
    /// Something that is missing.
    MissingPart {
        /// What, German first.
        what: String,
        /// At how many doors.
        doors: u64,
    }
    /// Something that ends soon.
    Ending {
        /// `clearance`, `grant` or `standing-consent`.
        kind: &'static str,
        /// What it is about: an environment, a cell or an insurer.
        about: String,
        /// When.
        at: At,
        /// The statement, if it is one.
        statement: Option<String>,
    }
}

/// Everything that waits and that the viewer sees.
pub(crate) fn waiting(asked: &Asked<'_>) -> Waiting {
    Waiting {
        doors: doors(asked),
        drafts: drafts(asked),
        openings: openings(asked),
        ending: ending(asked),
    }
}

fn doors(asked: &Asked<'_>) -> Vec<WaitingDoor> {
    let (picture, now) = (asked.ctx.room.picture, asked.request.now);
    let mut groups: [(&'static str, Vec<String>); 6] = [
        ("failed", Vec::new()),
        ("broken", Vec::new()),
        ("unreached", Vec::new()),
        ("doubtful", Vec::new()),
        ("ordered", Vec::new()),
        ("stale", Vec::new()),
    ];
    for (id, door) in picture.doors() {
        if !asked.sight.covers(&id.cell().insurer) {
            continue;
        }
        let unreached = picture.unreached(id, now, asked.ctx.room.silence).is_some();
        let grade = door.grade();
        let is_open = door.position_at(now) == vocabulary::Position::Open;
        let holds = [
            grade == evidence::Grade::Failed && !is_open,
            grade == evidence::Grade::Failed && is_open,
            unreached,
            picture.doubts(id).next().is_some(),
            grade == evidence::Grade::Ordered,
            !door.fresh,
        ];
        for ((_, cells), _) in groups.iter_mut().zip(holds).filter(|(_, holds)| *holds) {
            cells.push(id.to_string());
        }
    }
    groups
        .into_iter()
        .filter(|(_, cells)| !cells.is_empty())
        .map(|(why, cells)| WaitingDoor { why, cells })
        .collect()
}

/// What a statement says; a note where its bytes cannot be read. A person's own words are in it, so the languages are
/// never joined and parted again.
pub(crate) fn says(envelope: &Envelope) -> Both {
    let counts = order::Counts::default();
    let de = clearance::sentence::of(envelope, order::Lang::De, &counts);
    let en = clearance::sentence::of(envelope, order::Lang::En, &counts);
    match (de, en) {
        (Ok(de), Ok(en)) => Both { de, en },
        (Err(bad), _) | (_, Err(bad)) => Both::halves(&bad),
    }
}

/// Whether the viewer may see a statement: everything of it must be about what they see.
pub(crate) fn seen(asked: &Asked<'_>, envelope: &Envelope) -> bool {
    match of_envelope(asked.ctx.room, envelope) {
        _ if asked.sight.is_everything() => true,
        Concern::Everybody => false,
        Concern::Insurers(insurers) => {
            !insurers.is_empty() && insurers.iter().all(|insurer| asked.sight.covers(insurer))
        }
    }
}

/// Statements that wait for signatures and that the viewer may see.
pub(crate) fn drafts(asked: &Asked<'_>) -> Vec<WaitingDraft> {
    let room = asked.ctx.room;
    let drafts = room.picture.people().drafts.iter();
    drafts
        .filter(|(_, written)| seen(asked, &written.body.draft))
        .take(LINES_MAX)
        .map(|(id, written)| WaitingDraft {
            statement: id.to_string(),
            kind: written.body.draft.payload_type.word(),
            says: says(&written.body.draft),
            by: written.body.by.as_ref().map(ToString::to_string),
            at: At(written.at),
            missing: room
                .authority
                .lacks(&written.body.draft, Some(asked.request.now))
                .err()
                .map(|refused| refused.to_string()),
        })
        .collect()
}

fn openings(asked: &Asked<'_>) -> Vec<WaitingOpening> {
    let picture = asked.ctx.room.picture;
    let statements = picture.statements();
    statements
        .openings
        .iter()
        .filter(|(_, opening)| opening.body.expires >= asked.request.now)
        .filter_map(|(id, _)| opening(asked, *id))
        .take(LINES_MAX)
        .collect()
}

fn opening(asked: &Asked<'_>, id: StatementId) -> Option<WaitingOpening> {
    let (room, now) = (asked.ctx.room, asked.request.now);
    let picture = room.picture;
    let known = picture.statements().all.get(&id)?;
    let signed = Authenticated::<Opening>::verify(&known.envelope).ok()?;
    let carried = picture.carried(id);
    let own: Vec<&order::DoorOpening> = signed
        .body()
        .doors
        .iter()
        .filter(|entry| asked.sight.covers(&entry.door.cell().insurer))
        .collect();
    let is_applied =
        |entry: &order::DoorOpening| carried.is_some_and(|carried| carried.applied.contains(&entry.door));
    let applied = own.iter().filter(|entry| is_applied(entry)).count();
    if own.is_empty() || applied == own.len() {
        return None;
    }
    let mut missing: BTreeMap<String, u64> = BTreeMap::new();
    for entry in own
        .iter()
        .filter(|entry| !is_applied(entry))
        .take(DOORS_ASKED_MAX)
    {
        let reasons = match facts(asked, entry) {
            Some(facts) => {
                let forecast = room.authority.forecast(&signed, &facts, now);
                forecast.missing.iter().map(ToString::to_string).collect()
            }
            None => vec![String::from(
                "Die Tür ist nicht bekannt. / The door is not known.",
            )],
        };
        for reason in reasons {
            let count = missing.entry(reason).or_default();
            *count = count.saturating_add(1);
        }
    }
    Some(WaitingOpening {
        statement: id.to_string(),
        at: At(known.at),
        doors: u64::try_from(own.len()).unwrap_or(u64::MAX),
        applied: u64::try_from(applied).unwrap_or(u64::MAX),
        missing: missing
            .into_iter()
            .map(|(what, doors)| MissingPart { what, doors })
            .collect(),
    })
}

/// What is reported of a door, for asking what it would answer.
fn facts(asked: &Asked<'_>, entry: &order::DoorOpening) -> Option<DoorFacts> {
    let door = asked.ctx.room.picture.door(&entry.door)?;
    Some(DoorFacts {
        door: entry.door.clone(),
        place: door.place.clone(),
        epoch: door.epoch,
        active: door
            .restrictions
            .iter()
            .map(|(id, restriction)| RestrictionFacts {
                id: *id,
                class: restriction.class,
                since: restriction.since,
                signal: restriction.signal.clone(),
            })
            .collect(),
    })
}

fn ending(asked: &Asked<'_>) -> Vec<Ending> {
    let (picture, now) = (asked.ctx.room.picture, asked.request.now);
    let soon = |at: Timestamp| at >= now && at.since(now).0 <= SOON_SECS;
    let statements = picture.statements();
    let mut ending = Vec::new();
    for (id, clearance) in &statements.clearances {
        let environment = clearance.body.environment.as_str();
        let seen = asked.sight.is_everything()
            || environment
                .parse()
                .is_ok_and(|insurer| asked.sight.covers(&insurer));
        if seen && soon(clearance.body.expires) && !statements.fallen(*id) {
            ending.push(Ending {
                kind: "clearance",
                about: String::from(environment),
                at: At(clearance.body.expires),
                statement: Some(id.to_string()),
            });
        }
    }
    for (id, consent) in &statements.standing_consents {
        let live = consent.taken_back.is_empty() && soon(consent.body.expires);
        if live && asked.sight.covers(&consent.body.insurer) {
            ending.push(Ending {
                kind: "standing-consent",
                about: consent.body.insurer.to_string(),
                at: At(consent.body.expires),
                statement: Some(id.to_string()),
            });
        }
    }
    for (id, door) in picture.doors() {
        if let Some(until) = door.until().filter(|until| soon(*until))
            && asked.sight.covers(&id.cell().insurer)
        {
            ending.push(Ending {
                kind: "grant",
                about: id.to_string(),
                at: At(until),
                statement: None,
            });
        }
    }
    ending.sort_by_key(|ending| ending.at);
    ending.truncate(LINES_MAX);
    ending
}

/// A scope that names nobody in particular concerns everybody.
pub(crate) fn is_for_all(scope: &Scope) -> bool {
    scope.0.iter().any(|selector| selector.insurers.is_none())
}
