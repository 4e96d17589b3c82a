//! A withdrawal before it is signed: everything that falls with it, through all that relies on it.

use std::collections::BTreeSet;

use clearance::{Authority, Grade, StandsOn, Withdraws};
use estate::{Estate, Persons};
use evidence::{Door, Statements};
use vocabulary::{
    Digest, DoorId, EnvironmentId, FlowRules, Holdable, InsurerId, Position, StatementId, Timestamp,
};

use super::{facts::Facts, persons_behind};

/// Why a clearance falls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Because {
    /// It is what is taken back.
    Named,
    /// It stands on the evidence that is taken back.
    Evidence(Digest),
    /// A delegate whose delegation is taken back signed it.
    Delegate,
    /// It relies on one that falls.
    Relies(StatementId),
}

/// A clearance that falls.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Toppled {
    /// Which.
    pub clearance: StatementId,
    /// The environment it speaks about; `None` when the log does not hold it (yet).
    pub environment: Option<EnvironmentId>,
    /// Whether it was for provisional operation only.
    pub limited: bool,
    /// Why it falls.
    pub because: Because,
}

/// A door that falls.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DoorFall {
    /// Which.
    pub door: DoorId,
    /// What it does now, as far as heard.
    pub now: Position,
    /// What it will do: Held, or Shut where its service cannot be held.
    pub then: Position,
    /// People behind it.
    pub persons: Persons,
    /// Since when its ledger has been silent: the withdrawal reaches it late.
    pub silent: Option<Timestamp>,
}

/// Everything to know before the signature.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WithdrawalPreview {
    /// What is taken back.
    pub withdraws: Withdraws,
    /// Clearances that fall, by the order in which one takes the next with it.
    pub topples: Vec<Toppled>,
    /// Doors that fall, by name. Each door decides by itself when the withdrawal reaches it.
    pub doors: Vec<DoorFall>,
    /// Insurers with at least one of them.
    pub insurers: BTreeSet<InsurerId>,
    /// People behind these doors, each counted once.
    pub persons: Persons,
    /// Openings in the log that name a clearance that falls: at doors where they were not carried out yet they open
    /// nothing any more.
    pub openings: BTreeSet<StatementId>,
}

/// Looks ahead at a withdrawal by examiners. One by an insurer reaches what is its own, and never more than this.
#[must_use]
pub fn withdrawal(
    estate: &Estate,
    facts: &Facts<'_>,
    authority: &Authority,
    statements: &Statements,
    withdraws: Withdraws,
) -> WithdrawalPreview {
    let closure = authority.closure(withdraws);
    let doors: Vec<DoorFall> = facts
        .doors
        .iter()
        .filter(|(_, door)| stands_on(door, &closure))
        .map(|(id, door)| DoorFall {
            door: id.clone(),
            now: door.position,
            then: door.rules.join(contained(door.holdable)).position(),
            persons: estate.persons(id.cell()).unwrap_or_default(),
            silent: facts.silent.get(id).copied(),
        })
        .collect();
    let openings = statements
        .openings
        .iter()
        .filter(|(_, signed)| !signed.body.clearances.is_disjoint(&closure.clearances))
        .map(|(id, _)| *id)
        .collect();
    WithdrawalPreview {
        withdraws,
        topples: in_order(authority, withdraws, &closure),
        insurers: doors
            .iter()
            .map(|fall| fall.door.cell().insurer.clone())
            .collect(),
        persons: persons_behind(estate, doors.iter().map(|fall| fall.door.cell())),
        doors,
        openings,
    }
}

fn stands_on(door: &Door, closure: &StandsOn) -> bool {
    !door.stands_on.clearances.is_disjoint(&closure.clearances)
        || !door.stands_on.evidence.is_disjoint(&closure.evidence)
}

const fn contained(holdable: Holdable) -> FlowRules {
    match holdable {
        Holdable::Yes => FlowRules::HELD,
        Holdable::No => FlowRules::SHUT,
    }
}

/// The clearances of a closure, each after the one that takes it along.
fn in_order(authority: &Authority, withdraws: Withdraws, closure: &StandsOn) -> Vec<Toppled> {
    let relied = |id: &StatementId| {
        authority
            .clearance(*id)
            .map(|body| &body.relies_on)
            .into_iter()
            .flatten()
            .find(|other| closure.clearances.contains(*other))
            .copied()
    };
    let first = |id: &StatementId| match withdraws {
        Withdraws::Clearance(named) => (named == *id).then_some(Because::Named),
        Withdraws::Evidence(digest) => authority
            .clearance(*id)
            .filter(|body| body.evidence().any(|known| *known == digest))
            .map(|_| Because::Evidence(digest)),
        Withdraws::Delegation(_) => relied(id).is_none().then_some(Because::Delegate),
        Withdraws::Consent(_) | Withdraws::Refusal(_) | Withdraws::StandingOrder(_) => None,
    };
    let (mut done, mut left) = (Vec::new(), closure.clearances.clone());
    let mut found: Vec<(StatementId, Because)> =
        left.iter().filter_map(|id| Some((*id, first(id)?))).collect();
    while !found.is_empty() {
        for (id, because) in found.drain(..) {
            left.remove(&id);
            done.push(toppled(authority, id, because));
        }
        let fallen: BTreeSet<StatementId> = done.iter().map(|one: &Toppled| one.clearance).collect();
        found = left
            .iter()
            .filter_map(|id| {
                let body = authority.clearance(*id)?;
                let base = body.relies_on.iter().find(|base| fallen.contains(*base))?;
                Some((*id, Because::Relies(*base)))
            })
            .collect();
    }
    // What a delegate signed and also relies on something that falls: no chain begins there.
    done.extend(left.iter().map(|id| toppled(authority, *id, Because::Delegate)));
    done
}

fn toppled(authority: &Authority, id: StatementId, because: Because) -> Toppled {
    let body = authority.clearance(id);
    Toppled {
        clearance: id,
        environment: body.map(|body| body.environment.clone()),
        limited: body.is_some_and(|body| matches!(body.grade, Grade::Limited { .. })),
        because,
    }
}
