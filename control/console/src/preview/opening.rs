//! An opening before it is signed or used: door by door, what is still missing, in the doors' own words.

use std::collections::{BTreeMap, BTreeSet};

use clearance::{Authority, Refused};
use estate::{Estate, Persons};
use order::{Authenticated, Becomes, Opening};
use vocabulary::{Class, DoorId, FlowRules, InsurerId, Position, StatementId, Timestamp};

use super::{cut::count, facts::Facts, persons_behind};

/// What kind of thing is missing: who has to act.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum LackKind {
    /// The door changed since the opening was drafted: draft it again.
    Epoch,
    /// Signatures of people of the charter.
    Persons,
    /// A clearance by examiners.
    Clearance,
    /// The insurer's yes, or it said no.
    Insurer,
    /// The opening itself: its time, its doors, what it lifts.
    Form,
    /// The door has not been heard of lately, or is about to change.
    Door,
}

/// One thing that is missing at a door.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Lack {
    /// What kind of thing.
    pub kind: LackKind,
    /// What the door would say, German first, then English.
    pub sentence: String,
}

/// What a door would answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// Nothing is known to be missing.
    Nothing,
    /// These things are missing.
    Missing(Vec<Lack>),
}

/// One door of the opening.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DoorAnswer {
    /// Which.
    pub door: DoorId,
    /// What it does now, as far as heard.
    pub now: Option<Position>,
    /// What it would do afterwards.
    pub then: Option<Position>,
    /// The class that counts there.
    pub class: Option<Class>,
    /// People behind it.
    pub persons: Persons,
    /// The insurer's consent that would count.
    pub consent: Option<StatementId>,
    /// What it would answer.
    pub answer: Answer,
}

/// Everything to know before the signature. A preview: only a door's own answer under a fresh view counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpeningPreview {
    /// The statement.
    pub opening: StatementId,
    /// Door by door, as the opening names them.
    pub doors: Vec<DoorAnswer>,
    /// Doors at which nothing is known to be missing.
    pub ready: u64,
    /// Insurers with at least one of the doors.
    pub insurers: BTreeSet<InsurerId>,
    /// People behind the doors at which nothing is missing, each counted once.
    pub persons: Persons,
    /// What is missing, each sentence with how many doors it holds up, most first.
    pub missing: Vec<(Lack, u64)>,
}

/// Looks ahead at an opening: drafted, signed in part, or in the log.
#[must_use]
pub fn opening(
    estate: &Estate,
    facts: &Facts<'_>,
    authority: &Authority,
    asked: &Authenticated<Opening>,
    now: Timestamp,
) -> OpeningPreview {
    let body = asked.body();
    let doors: Vec<DoorAnswer> = body
        .doors
        .iter()
        .map(|entry| one(estate, facts, authority, asked, &entry.door, now))
        .collect();
    let ready: Vec<&DoorAnswer> = doors
        .iter()
        .filter(|door| door.answer == Answer::Nothing)
        .collect();
    let mut lacks: BTreeMap<&Lack, u64> = BTreeMap::new();
    for door in &doors {
        if let Answer::Missing(missing) = &door.answer {
            for lack in missing {
                let doors = lacks.entry(lack).or_default();
                *doors = doors.saturating_add(1);
            }
        }
    }
    let mut missing: Vec<(Lack, u64)> = lacks
        .into_iter()
        .map(|(lack, doors)| (lack.clone(), doors))
        .collect();
    missing.sort_by(|(one, doors), (other, more)| more.cmp(doors).then_with(|| one.cmp(other)));
    OpeningPreview {
        opening: asked.id(),
        ready: count(ready.len()),
        persons: persons_behind(estate, ready.iter().map(|door| door.door.cell())),
        insurers: doors
            .iter()
            .map(|door| door.door.cell().insurer.clone())
            .collect(),
        missing,
        doors,
    }
}

fn one(
    estate: &Estate,
    facts: &Facts<'_>,
    authority: &Authority,
    asked: &Authenticated<Opening>,
    id: &DoorId,
    now: Timestamp,
) -> DoorAnswer {
    let persons = estate.persons(id.cell()).unwrap_or_default();
    let Some(known) = facts.for_opening(id) else {
        return DoorAnswer {
            door: id.clone(),
            now: None,
            then: None,
            class: None,
            persons,
            consent: None,
            answer: Answer::Missing(vec![never_heard(id)]),
        };
    };
    let forecast = authority.forecast(asked, &known, now);
    let mut missing: Vec<Lack> = forecast.missing.iter().map(lack).collect();
    missing.extend(uncertain(facts, id));
    DoorAnswer {
        door: id.clone(),
        now: facts.door(id).map(|door| door.position_at(now)),
        then: afterwards(facts, asked.body(), id),
        class: Some(forecast.class),
        persons,
        consent: forecast.consent,
        answer: if missing.is_empty() {
            Answer::Nothing
        } else {
            Answer::Missing(missing)
        },
    }
}

/// What the door would do: as tight as the restrictions that stay. A grant leaves them all.
fn afterwards(facts: &Facts<'_>, opening: &Opening, id: &DoorId) -> Option<Position> {
    let door = facts.door(id)?;
    let lifted = &opening.at(id)?.lifts;
    match opening.becomes {
        Becomes::Open => {
            let stays = door.restrictions.iter().filter(|(id, _)| !lifted.contains(id));
            let rules = stays.fold(FlowRules::OPEN, |rules, (_, one)| rules.join(one.rules));
            Some(rules.position())
        }
        Becomes::Limited { .. } | Becomes::Emergency { .. } => Some(door.position),
    }
}

fn lack(refused: &Refused) -> Lack {
    Lack {
        kind: kind(refused),
        sentence: refused.to_string(),
    }
}

fn kind(refused: &Refused) -> LackKind {
    match refused {
        Refused::OtherEpoch { .. } => LackKind::Epoch,
        Refused::Missing(missing) => part(missing),
        Refused::Order(order::Refused::Missing(missing)) => part(missing),
        Refused::Several(parts) => parts.parts().first().map_or(LackKind::Persons, part),
        Refused::NoClearance { .. } => LackKind::Clearance,
        Refused::InsurerRefused { .. } => LackKind::Insurer,
        Refused::SamePerson(_) | Refused::Delegate(_) => LackKind::Persons,
        // The only thing besides the opening itself whose end is said in these words.
        Refused::Expired { what, .. } if what.0.starts_with("Die Zustimmung") => LackKind::Insurer,
        Refused::Order(_)
        | Refused::OtherEstate { .. }
        | Refused::OtherKind
        | Refused::Gap { .. }
        | Refused::Entry(_)
        | Refused::Expired { .. }
        | Refused::NotYet { .. }
        | Refused::RecoveryWaits(_)
        | Refused::StandingOrderWithdrawn(_)
        | Refused::OtherPlace(_)
        | Refused::View(_)
        | Refused::UnknownOpening(_)
        | Refused::OtherDoor(_)
        | Refused::NotActive(_)
        | Refused::NotHeld
        | Refused::NotReleased { .. }
        | Refused::NotAnEmergencyEnvironment(_) => LackKind::Form,
    }
}

fn part(missing: &order::Missing) -> LackKind {
    match missing.part {
        order::Part::Consent(_) | order::Part::Refuse(_) | order::Part::Insurer(_) => LackKind::Insurer,
        order::Part::Root
        | order::Part::Commander
        | order::Part::Examiner
        | order::Part::Deputy(_)
        | order::Part::CommanderExaminerOrInsurer
        | order::Part::ExaminerOrInsurer => LackKind::Persons,
    }
}

/// Why what is reported of a door may not be what the opening will meet there.
fn uncertain(facts: &Facts<'_>, id: &DoorId) -> Vec<Lack> {
    let mut lacks = Vec::new();
    if let Some(since) = facts.silent.get(id) {
        lacks.push(at_the_door(format!(
            "Die Tür {id} schweigt seit {since}; ihr Stand kann ein anderer sein. / Door {id} has been silent since {since}; its epoch may be another."
        )));
    }
    if facts.doubtful.contains(id) {
        lacks.push(at_the_door(format!(
            "Das Protokoll der Tür {id} ist in Zweifel; ihr Stand kann ein anderer sein. / The ledger of door {id} is in doubt; its epoch may be another."
        )));
    }
    let Some(door) = facts.door(id) else {
        return lacks;
    };
    if !door.fresh {
        lacks.push(at_the_door(format!(
            "Die Tür {id} hat seit ihrem Start keine frische Sicht; sobald sie sie hat, ändert sich ihr Stand. / Door {id} has had no fresh view since its start; its epoch changes when it gets one."
        )));
    }
    let ordered = door.ordered.len();
    if ordered > 0 {
        lacks.push(at_the_door(format!(
            "Zur Tür {id} sind noch {ordered} Befehle unterwegs; danach hat sie einen anderen Stand. / {ordered} orders are still on their way to door {id}; its epoch is another afterwards."
        )));
    }
    lacks
}

const fn at_the_door(sentence: String) -> Lack {
    let kind = LackKind::Door;
    Lack { kind, sentence }
}

fn never_heard(id: &DoorId) -> Lack {
    at_the_door(format!(
        "Von der Tür {id} ist nichts bekannt: ihr Protokoll kam nie an. / Nothing is known of door {id}: its ledger never arrived."
    ))
}
