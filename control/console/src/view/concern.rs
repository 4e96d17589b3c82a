//! Whom a statement is about: what decides whether an insurer's person may see it.

use std::collections::BTreeSet;

use clearance::{
    Against, Clearance, Consent, Delegation, Grade, Refusal, StandingConsent, Withdrawal, Withdraws,
};
use order::{AnswerRelease, Body as _, CharterSection, Closing, Opening};
use vocabulary::{Digest, Envelope, EnvironmentId, InsurerId, PayloadType, StatementId};

use crate::{
    Asked,
    room::Room,
    view::{cells::concerns, waiting::is_for_all},
};

/// Whom a statement is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Concern {
    /// Everybody, or somebody who is no insurer: for the central people.
    Everybody,
    /// These insurers and nobody else.
    Insurers(BTreeSet<InsurerId>),
}

/// What somebody who sees only their own may know of a statement of the log that is about them and others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Glimpse {
    /// Nothing.
    None,
    /// That it exists and what it did at their own doors; its words name others.
    Outline,
    /// Everything: it names nobody.
    Whole,
}

/// Judges a statement of the log for somebody who does not see all of it.
pub(crate) fn glimpse(asked: &Asked<'_>, envelope: &Envelope) -> Glimpse {
    match envelope.payload_type {
        PayloadType::Closing => Closing::read(envelope).map_or(Glimpse::None, |body| {
            let names_nobody = body.scope.0.iter().all(|part| part.insurers.is_none());
            match (concerns(asked, &body.scope), names_nobody) {
                (false, _) => Glimpse::None,
                (true, true) => Glimpse::Whole,
                (true, false) => Glimpse::Outline,
            }
        }),
        PayloadType::Opening => Opening::read(envelope).map_or(Glimpse::None, |body| {
            let mut doors = body.doors.iter();
            if doors.any(|entry| asked.sight.covers(&entry.door.cell().insurer)) {
                Glimpse::Outline
            } else {
                Glimpse::None
            }
        }),
        PayloadType::Charter
        | PayloadType::CharterSection
        | PayloadType::StandingOrder
        | PayloadType::Clearance
        | PayloadType::Withdrawal
        | PayloadType::Consent
        | PayloadType::Refusal
        | PayloadType::StandingConsent
        | PayloadType::Delegation
        | PayloadType::Freshness
        | PayloadType::AnswerRelease => Glimpse::None,
    }
}

/// Reads whom an envelope's statement is about. What cannot be read is for the central people.
pub(crate) fn of_envelope(room: &Room<'_>, envelope: &Envelope) -> Concern {
    match envelope.payload_type {
        PayloadType::Closing => Closing::read(envelope).map_or(Concern::Everybody, |body| {
            if is_for_all(&body.scope) {
                return Concern::Everybody;
            }
            let named = body
                .scope
                .0
                .iter()
                .filter_map(|selector| selector.insurers.as_ref());
            Concern::Insurers(named.flatten().cloned().collect())
        }),
        PayloadType::Opening => Opening::read(envelope).map_or(Concern::Everybody, |body| {
            let doors = body.doors.iter();
            Concern::Insurers(doors.map(|entry| entry.door.cell().insurer.clone()).collect())
        }),
        PayloadType::Clearance => {
            Clearance::read(envelope).map_or(Concern::Everybody, |body| of_clearance(room, &body))
        }
        PayloadType::Consent => one(Consent::read(envelope).map(|body| body.insurer)),
        PayloadType::Refusal => one(Refusal::read(envelope).map(|body| match body.against {
            Against::Statement(_) | Against::Everything => body.insurer,
        })),
        PayloadType::StandingConsent => one(StandingConsent::read(envelope).map(|body| body.insurer)),
        PayloadType::CharterSection => one(CharterSection::read(envelope).map(|body| body.section.insurer)),
        PayloadType::Withdrawal => {
            Withdrawal::read(envelope).map_or(Concern::Everybody, |body| of_withdrawn(room, body.withdraws))
        }
        PayloadType::Delegation => Delegation::read(envelope).map_or(Concern::Everybody, |body| {
            environments(room, body.environments.iter())
        }),
        PayloadType::AnswerRelease => one(AnswerRelease::read(envelope).map(|body| body.insurer)),
        PayloadType::Charter | PayloadType::StandingOrder | PayloadType::Freshness => Concern::Everybody,
    }
}

fn one(insurer: Result<InsurerId, order::BadBody>) -> Concern {
    insurer.map_or(Concern::Everybody, |insurer| {
        Concern::Insurers(BTreeSet::from([insurer]))
    })
}

/// Environments that are all insurers' own; one that is nobody's makes it everybody's.
fn environments<'a>(room: &Room<'_>, names: impl Iterator<Item = &'a EnvironmentId>) -> Concern {
    let mut insurers = BTreeSet::new();
    for name in names {
        match InsurerId::new(name.as_str()) {
            Ok(insurer) if room.estate.insurer(&insurer).is_some() => {
                insurers.insert(insurer);
            }
            Ok(_) | Err(_) => return Concern::Everybody,
        }
    }
    Concern::Insurers(insurers)
}

fn of_clearance(room: &Room<'_>, body: &Clearance) -> Concern {
    let mut concern = environments(room, core::iter::once(&body.environment));
    if let (Concern::Insurers(insurers), Grade::Limited { cells, .. }) = (&mut concern, &body.grade) {
        insurers.extend(cells.iter().map(|cell| cell.insurer.clone()));
    }
    concern
}

fn of_withdrawn(room: &Room<'_>, withdraws: Withdraws) -> Concern {
    let statement = |id: StatementId| {
        let known = room.picture.statements().all.get(&id);
        // A withdrawal of a withdrawal does not exist; so this ends after one step.
        known
            .filter(|known| known.envelope.payload_type != PayloadType::Withdrawal)
            .map_or(Concern::Everybody, |known| of_envelope(room, &known.envelope))
    };
    match withdraws {
        Withdraws::Clearance(id)
        | Withdraws::Delegation(id)
        | Withdraws::Consent(id)
        | Withdraws::Refusal(id)
        | Withdraws::StandingOrder(id) => statement(id),
        Withdraws::Evidence(digest) => of_evidence(room, digest),
    }
}

fn of_evidence(room: &Room<'_>, digest: Digest) -> Concern {
    let clearances = room.picture.statements().clearances.values();
    let on_it = clearances.filter(|signed| signed.body.evidence().any(|known| *known == digest));
    let names: Vec<EnvironmentId> = on_it.map(|signed| signed.body.environment.clone()).collect();
    environments(room, names.iter())
}
