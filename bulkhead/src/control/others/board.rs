//! From picture, charter and what was found out in peace to the facts of the readiness board.

use std::collections::BTreeMap;

use estate::Estate;
use evidence::{Level, Picture};
use readiness::board::{
    Board, CellFacts, Fact, Facts, InsurerFacts, Paper, ProviderFacts, SiteFacts, StandingConsent,
};
use vocabulary::{CellId, DoorId, InsurerId, PersonId, Position, Role, Timestamp};

use super::peace::{Filed, Peace, Told, fact};

/// The board as it stands.
#[must_use]
pub fn board(estate: &Estate, picture: &Picture, peace: &Peace, now: Timestamp) -> Board {
    let needed = picture
        .charter()
        .map_or(0, |charter| charter.thresholds().examiners.persons);
    let needed = usize::try_from(needed).unwrap_or(usize::MAX);
    Board::of(estate, &facts(estate, picture, peace), needed, now)
}

/// What is known. What is absent here nobody has said.
#[must_use]
pub fn facts(estate: &Estate, picture: &Picture, peace: &Peace) -> Facts {
    let used = last_used(picture);
    let consents = standing_consents(picture);
    let cells = estate.doors().map(|(door, ..)| {
        let facts = cell(picture, peace, &consents, &door);
        (door.cell().clone(), facts)
    });
    let insurers = estate
        .insurers()
        .map(|one| (one.id.clone(), insurer(picture, peace, &used, &one.id)));
    let sites = peace.site.iter().map(|(site, told)| {
        let facts = SiteFacts {
            way_in_tested: fact(told.way_in_tested),
        };
        (site.clone(), facts)
    });
    let holders = |role| {
        let charter = picture.charter();
        let persons = charter.into_iter().flat_map(|charter| charter.holders(role));
        persons
            .map(|person| (person.clone(), key(peace, &used, person)))
            .collect()
    };
    Facts {
        cells: cells.collect(),
        insurers: insurers.collect(),
        sites: sites.collect(),
        provider: ProviderFacts {
            commander_keys: holders(Role::Commander),
            examiner_keys: holders(Role::Examiner),
            presigned_exercised: fact(peace.provider.presigned_exercised),
            contacts_tested: fact(peace.provider.contacts_tested),
        },
    }
}

/// When each person's key was seen at work last: a counted signature, or a log-in.
fn last_used(picture: &Picture) -> BTreeMap<PersonId, Timestamp> {
    let mut used: BTreeMap<PersonId, Timestamp> = BTreeMap::new();
    let mut seen = |person: &PersonId, at: Timestamp| {
        let last = used.entry(person.clone()).or_insert(at);
        *last = at.max(*last);
    };
    for statement in picture.statements().all.values() {
        for person in &statement.signers {
            seen(person, statement.at);
        }
    }
    used
}

/// A person's key, by the logs or by what was written down in peace.
fn key(peace: &Peace, used: &BTreeMap<PersonId, Timestamp>, person: &PersonId) -> Fact {
    let told = peace.key_used.get(person).map(|day| day.0);
    match used.get(person).copied().max(told) {
        Some(at) => Fact::Known { at },
        None => Fact::NotKnown,
    }
}

/// The latest end of a yes given in peace, by cell.
fn standing_consents(picture: &Picture) -> BTreeMap<CellId, Timestamp> {
    let mut ends: BTreeMap<CellId, Timestamp> = BTreeMap::new();
    let standing = picture.statements().standing_consents.values();
    for signed in standing.filter(|signed| signed.taken_back.is_empty()) {
        for service in &signed.body.services {
            let cell = CellId {
                insurer: signed.body.insurer.clone(),
                service: service.clone(),
            };
            let end = ends.entry(cell).or_insert(signed.body.expires);
            *end = signed.body.expires.max(*end);
        }
    }
    ends
}

fn cell(
    picture: &Picture,
    peace: &Peace,
    consents: &BTreeMap<CellId, Timestamp>,
    door: &DoorId,
) -> CellFacts {
    let cell = door.cell();
    let told = peace.insurer.get(&cell.insurer);
    let told = told.and_then(|insurer| insurer.service.get(&cell.service));
    let standing_consent = match consents.get(cell) {
        Some(at) => StandingConsent::Until { at: *at },
        None if told.is_some_and(|told| told.ask_each_time) => StandingConsent::AskEachTime,
        None => StandingConsent::NotKnown,
    };
    let level = match picture.people().levels.get(door) {
        None => readiness::board::Level::NotKnown,
        Some(Level::Observe) => readiness::board::Level::Observe,
        Some(Level::HoldReady) => readiness::board::Level::HoldReady,
        Some(Level::Enforcing) => readiness::board::Level::Enforcing,
    };
    CellFacts {
        standing_consent,
        emergency_key_tested: fact(told.and_then(|told| told.emergency_key_tested)),
        sealed_copy: fact(told.and_then(|told| told.sealed_copy)),
        level,
        proven: proven(
            picture,
            door,
            told.and_then(|told| told.door_proven).map(|day| day.0),
        ),
    }
}

/// When the prober failed last at the closed door. A proof of the open door says nothing about it.
fn proven(picture: &Picture, door: &DoorId, told: Option<Timestamp>) -> Fact {
    let measured = picture.door(door).and_then(|door| door.measured.as_ref());
    let measured = measured
        .filter(|proof| proof.position != Position::Open && proof.failures.is_empty())
        .map(|proof| proof.at);
    match measured.max(told) {
        Some(at) => Fact::Known { at },
        None => Fact::NotKnown,
    }
}

fn insurer(
    picture: &Picture,
    peace: &Peace,
    used: &BTreeMap<PersonId, Timestamp>,
    id: &InsurerId,
) -> InsurerFacts {
    let section = picture.charter().and_then(|charter| charter.section(id));
    let keys = |persons: Option<&std::collections::BTreeSet<PersonId>>| {
        let persons = persons.into_iter().flatten();
        persons
            .map(|person| (person.clone(), key(peace, used, person)))
            .collect()
    };
    let told = peace.insurer.get(id);
    let paper = |filed: Option<Filed>| -> Paper { Told::<Paper>::from(filed).0 };
    InsurerFacts {
        consent_keys: keys(section.map(|section| &section.draft().consent)),
        refusal_keys: keys(section.map(|section| &section.draft().refuse)),
        contacts_tested: fact(told.and_then(|told| told.contacts_tested)),
        processing_notice: paper(told.and_then(|told| told.processing_notice)),
        cloud_attestation: paper(told.and_then(|told| told.cloud_attestation)),
        release_exercised: fact(told.and_then(|told| told.release_exercised)),
        recovery_exercised: fact(told.and_then(|told| told.recovery_exercised)),
        last_drill: fact(told.and_then(|told| told.last_drill)),
    }
}
