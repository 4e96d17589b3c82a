//! What this room promises, counted again from the raw statements by other code than the code that decided. Tests, the
//! drill and production ask these functions.

use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString},
    vec::Vec,
};
use order::{
    Act, Authenticated, Body, Charter, Closing, KeyId, Opening, UseNumber, Uses, restriction_of, tighten,
};
use vocabulary::{
    Class, Envelope, EnvironmentId, InsurerId, PayloadType, PersonId, RestrictionId, Role, StatementId,
    Timestamp,
};

use crate::{
    admitted::Withdrawn,
    body::{Clearance, Consent, Delegation, Grade, StandingConsent, Withdrawal, Withdraws},
    permit::{After, Permit},
};

/// Most uses of a pre-signed order that are looked for when a restriction is traced to its statement.
const USES_TRACED: u32 = 64;

/// A promise that did not hold.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{promise} does not hold for {statement}: {why}")]
pub struct Broken {
    /// Which promise.
    pub promise: &'static str,
    /// At which statement.
    pub statement: StatementId,
    /// What was found.
    pub why: String,
}

/// What became of a door that was opened by a permit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Now {
    /// Still as the permit made it.
    Open,
    /// Back to Held or tighter.
    Fallen,
}

/// A door that was opened by a permit.
#[derive(Debug)]
pub struct Opened<'a> {
    /// By which permit.
    pub permit: &'a Permit,
    /// Withdrawals that have reached the door since.
    pub reached: &'a [&'a Withdrawn],
    /// What it is now.
    pub now: Now,
}

/// ORDER-1: towards shut one signature is enough; towards open never fewer persons than the charter says. `log` is
/// every statement as far as the permits' view reached, `charter` the charter then in force.
///
/// # Errors
/// The first statement for which it does not hold.
pub fn order_1(charter: &Charter, log: &[Envelope], permits: &[&Permit]) -> Result<(), Broken> {
    for envelope in log
        .iter()
        .filter(|envelope| envelope.payload_type == PayloadType::Closing)
    {
        let Ok(signed) = Authenticated::<Closing>::verify(envelope) else {
            continue;
        };
        let shuts = matches!(signed.body().act, Act::Tighten { .. });
        let by_commander = !charter.signers(Role::Commander, signed.keys()).is_empty();
        if shuts && by_commander && signed.body().estate == *charter.estate() {
            tighten(&signed, charter, UseNumber::FIRST, None).map_err(|refused| Broken {
                promise: "ORDER-1",
                statement: signed.id(),
                why: format!("a commander signed and it was refused: {refused}"),
            })?;
        }
    }
    permits
        .iter()
        .try_for_each(|permit| persons_suffice(charter, log, permit))
}

fn persons_suffice(charter: &Charter, log: &[Envelope], permit: &Permit) -> Result<(), Broken> {
    let broken = |why: &str| Broken {
        promise: "ORDER-1",
        statement: permit.opening(),
        why: why.to_string(),
    };
    let opening = find::<Opening>(log, permit.opening()).ok_or_else(|| broken("there is no such opening"))?;
    let commanders = charter.signers(Role::Commander, opening.keys());
    let class = permit
        .lifts()
        .iter()
        .map(|id| class_of(charter, log, *id, permit.at()))
        .max();
    let pair = usize::try_from(charter.thresholds().precautionary_commanders).unwrap_or(usize::MAX);
    match (permit.becomes(), class) {
        (After::Open, Some(Class::Maintenance)) if !commanders.is_empty() => return Ok(()),
        (After::Open, Some(Class::Precautionary)) if commanders.len() >= pair => return Ok(()),
        (After::Open | After::Limited { .. } | After::Emergency { .. }, _) => {}
    }
    let insurer = &permit.door().cell().insurer;
    let environment = environment_of(permit);
    let consenting = permit
        .consent()
        .map(|id| consenting(charter, log, id, insurer))
        .unwrap_or_default();
    let need = charter.thresholds().examiners;
    let enough = permit.stands_on().clearances.iter().any(|id| {
        let Some(signed) = find::<Clearance>(log, *id) else {
            return false;
        };
        if signed.body().environment != environment {
            return false;
        }
        let (inside, outside) = examiners(charter, log, &signed, permit.at());
        parts_by_different_persons(&commanders, &consenting, &inside, &outside, need)
    });
    if enough {
        Ok(())
    } else {
        Err(broken("fewer persons than the charter says"))
    }
}

/// Tries every commander with every consenting person and counts who is left among the examiners.
fn parts_by_different_persons(
    commanders: &BTreeSet<PersonId>,
    consenting: &BTreeSet<PersonId>,
    inside: &BTreeSet<PersonId>,
    outside: &BTreeSet<PersonId>,
    need: order::Threshold,
) -> bool {
    for commander in commanders {
        for yes in consenting {
            let taken = BTreeSet::from([commander.clone(), yes.clone()]);
            let left_outside = outside.difference(&taken).count();
            let left = inside.difference(&taken).count() + left_outside;
            let reach = |have: usize, need: u32| have >= usize::try_from(need).unwrap_or(usize::MAX);
            if taken.len() == 2 && reach(left, need.persons) && reach(left_outside, need.outside) {
                return true;
            }
        }
    }
    false
}

/// DOOR-2, the part of authority: no door was opened further than the grade and scope of a clearance that was neither
/// over nor withdrawn then, and none stays open after a withdrawal of what it stands on has reached it. `log` is every
/// statement as far as the permits' view reached.
///
/// # Errors
/// The first door for which it does not hold.
pub fn door_2(charter: &Charter, log: &[Envelope], doors: &[Opened<'_>]) -> Result<(), Broken> {
    for door in doors {
        let permit = door.permit;
        let broken = |why: &str| Broken {
            promise: "DOOR-2",
            statement: permit.opening(),
            why: why.to_string(),
        };
        if door.now == Now::Open
            && door
                .reached
                .iter()
                .any(|withdrawn| withdrawn.topples(permit.stands_on()))
        {
            return Err(broken("still open after a withdrawal reached it"));
        }
        let needs_none = permit.stands_on().clearances.is_empty();
        if needs_none && *permit.becomes() == After::Open {
            let contained =
                |id: &RestrictionId| class_of(charter, log, *id, permit.at()) == Class::Containment;
            if permit.lifts().iter().any(contained) {
                return Err(broken("containment was lifted without a clearance"));
            }
            continue;
        }
        if !permit
            .stands_on()
            .clearances
            .iter()
            .any(|id| carries(log, *id, permit))
        {
            return Err(broken("no clearance reaches as far"));
        }
        for id in &permit.stands_on().clearances {
            let signed =
                find::<Clearance>(log, *id).ok_or_else(|| broken("a clearance is not in the log"))?;
            if signed.body().expires < permit.at() {
                return Err(broken("a clearance was over"));
            }
            if log
                .iter()
                .any(|envelope| takes_back(charter, envelope, *id, signed.body()))
            {
                return Err(broken("a clearance was withdrawn"));
            }
        }
    }
    Ok(())
}

fn carries(log: &[Envelope], id: StatementId, permit: &Permit) -> bool {
    let Some(signed) = find::<Clearance>(log, id) else {
        return false;
    };
    let body = signed.body();
    let reaches = match (permit.becomes(), &body.grade) {
        (After::Open | After::Emergency { .. }, Grade::Full) => true,
        (
            After::Limited { until, rules },
            Grade::Limited {
                cells,
                peers,
                directions,
                until: ends,
            },
        ) => {
            until <= ends
                && cells.contains(permit.door().cell())
                && rules.flows.is_subset(directions)
                && rules.peers == *peers
        }
        (After::Open | After::Emergency { .. }, Grade::Limited { .. })
        | (After::Limited { .. }, Grade::Full) => false,
    };
    reaches && body.environment == environment_of(permit) && is_younger(log, body, permit)
}

fn environment_of(permit: &Permit) -> EnvironmentId {
    match permit.becomes() {
        After::Open | After::Limited { .. } => permit.door().cell().insurer.clone().into(),
        After::Emergency { environment, .. } => environment.clone(),
    }
}

fn takes_back(charter: &Charter, envelope: &Envelope, id: StatementId, clearance: &Clearance) -> bool {
    let Some(signed) = read::<Withdrawal>(envelope) else {
        return false;
    };
    let named = match signed.body().withdraws {
        Withdraws::Clearance(named) => named == id,
        Withdraws::Evidence(digest) => {
            clearance.examined.contains(&digest) || clearance.evidence_root == digest
        }
        Withdraws::Delegation(_)
        | Withdraws::Consent(_)
        | Withdraws::Refusal(_)
        | Withdraws::StandingOrder(_) => false,
    };
    let own = charter
        .sections()
        .iter()
        .find(|(insurer, _)| EnvironmentId::from((*insurer).clone()) == clearance.environment)
        .is_some_and(|(_, section)| !section.voting(signed.keys()).is_empty());
    named && (own || !charter.signers(Role::Examiner, signed.keys()).is_empty())
}

/// The class and the date of the closing that made a restriction.
fn made_by(closings: &[Authenticated<Closing>], id: RestrictionId) -> Option<(Class, Timestamp)> {
    closings.iter().find_map(|signed| {
        let Act::Tighten { class, .. } = signed.body().act else {
            return None;
        };
        let uses = match signed.body().uses {
            Uses::Once => 1,
            Uses::Many { .. } => USES_TRACED,
        };
        let matches = (1..=uses).any(|number| restriction_of(signed.id(), UseNumber(number)) == id);
        matches.then_some((class, signed.body().issued))
    })
}

/// Whether a clearance was written after everything it helped to lift was ordered. An emergency environment is another
/// one than the one that is held.
fn is_younger(log: &[Envelope], clearance: &Clearance, permit: &Permit) -> bool {
    if matches!(permit.becomes(), After::Emergency { .. }) {
        return true;
    }
    let closings: Vec<Authenticated<Closing>> = log.iter().filter_map(read::<Closing>).collect();
    permit.lifts().iter().all(|id| match made_by(&closings, *id) {
        Some((Class::Precautionary | Class::Containment, ordered)) => {
            clearance.issued >= ordered.min(permit.at())
        }
        Some((Class::Maintenance, _)) | None => true,
    })
}

/// The class of a restriction by the log alone. What no statement explains was made by a standing order, or by a use
/// too late to trace: at least precautionary.
fn class_of(charter: &Charter, log: &[Envelope], id: RestrictionId, at: Timestamp) -> Class {
    let closings: Vec<Authenticated<Closing>> = log.iter().filter_map(read::<Closing>).collect();
    let made_it = made_by(&closings, id);
    let raised = closings.iter().filter_map(|signed| match &signed.body().act {
        Act::Raise { to, only: Some(only) } if only.contains(&id) => Some(*to),
        Act::Raise { .. } | Act::Tighten { .. } => None,
    });
    let own = match made_it {
        Some((Class::Precautionary, issued)) if at > issued.plus(charter.precautionary_window()) => {
            Class::Containment
        }
        Some((class, _)) => class,
        None => Class::Precautionary,
    };
    raised.fold(own, Class::max)
}

fn examiners(
    charter: &Charter,
    log: &[Envelope],
    signed: &Authenticated<Clearance>,
    at: Timestamp,
) -> (BTreeSet<PersonId>, BTreeSet<PersonId>) {
    let all = charter.signers(Role::Examiner, signed.keys());
    let (mut outside, inside): (BTreeSet<_>, BTreeSet<_>) =
        all.into_iter().partition(|id| charter.is_outside(id));
    for delegation in log.iter().filter_map(read::<Delegation>) {
        let body = delegation.body();
        let lasts = at <= body.expires && body.environments.contains(&signed.body().environment);
        let used = body
            .person
            .keys
            .iter()
            .any(|key| signed.keys().contains(&key.id()));
        let commander = !charter.signers(Role::Commander, delegation.keys()).is_empty();
        let examiner = charter
            .signers(Role::Examiner, delegation.keys())
            .iter()
            .any(|id| charter.is_outside(id));
        let roots = charter.signers(Role::Root, delegation.keys()).len();
        let by_roots = roots >= usize::try_from(charter.thresholds().roots.persons).unwrap_or(usize::MAX);
        if lasts && used && ((commander && examiner) || by_roots) {
            outside.insert(body.person.id.clone());
        }
    }
    (inside, outside)
}

fn consenting(
    charter: &Charter,
    log: &[Envelope],
    id: StatementId,
    insurer: &InsurerId,
) -> BTreeSet<PersonId> {
    let keys: Option<BTreeSet<KeyId>> = find::<Consent>(log, id)
        .filter(|signed| signed.body().insurer == *insurer)
        .map(|signed| signed.keys().clone())
        .or_else(|| {
            find::<StandingConsent>(log, id)
                .filter(|signed| signed.body().insurer == *insurer)
                .map(|signed| signed.keys().clone())
        });
    match (keys, charter.section(insurer)) {
        (Some(keys), Some(section)) => section.consenting(&keys),
        (Some(_) | None, _) => BTreeSet::new(),
    }
}

fn read<T: Body>(envelope: &Envelope) -> Option<Authenticated<T>> {
    if envelope.payload_type == T::KIND {
        Authenticated::verify(envelope).ok()
    } else {
        None
    }
}

fn find<T: Body>(log: &[Envelope], id: StatementId) -> Option<Authenticated<T>> {
    log.iter()
        .filter(|envelope| envelope.id() == id)
        .find_map(read::<T>)
}
