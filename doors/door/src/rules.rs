//! From restrictions, grants, freshness and running drains to what happens to each flow: one total function.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use vocabulary::Holdable;
use vocabulary::{Flow, FlowRules, IntakeRule, Position, RestrictionId, SessionRule, TransitRule};

use crate::restriction::{Emergency, Grants, Restriction};
use crate::state::State;

/// What a closed door of this kind does when nobody ordered more: Held where it can be, Shut where not.
#[must_use]
pub const fn contained(holdable: Holdable) -> FlowRules {
    match holdable {
        Holdable::Yes => FlowRules::HELD,
        Holdable::No => FlowRules::SHUT,
    }
}

/// Whether the door has proof that it knows every order and withdrawal there is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Freshness {
    /// Not since this process began: stands contained, whatever its state says.
    Stale,
    /// A checkpoint with the door's own nonce, co-signed by the witnesses' quorum, was seen since this process began.
    Fresh,
}

/// What a door does to each flow. The only place where this is decided.
///
/// Per flow the tightest of: every active restriction, loosened only by a limited grant that names both the
/// restriction and the flow, or by a drain that still runs; and the contained position while the door is stale.
#[must_use]
pub fn flow_rules(
    state: &State,
    holdable: Holdable,
    freshness: Freshness,
    draining: &BTreeSet<RestrictionId>,
) -> FlowRules {
    let base = match freshness {
        Freshness::Fresh => FlowRules::OPEN,
        Freshness::Stale => contained(holdable),
    };
    match state {
        State::Open(_) => base,
        State::Restricted(restricted) => restricted.active.iter().fold(base, |joined, (id, restriction)| {
            joined.join(contribution(
                *id,
                restriction,
                &restricted.grants,
                freshness,
                draining.contains(id),
            ))
        }),
    }
}

/// What one restriction contributes to the join.
fn contribution(
    id: RestrictionId,
    restriction: &Restriction,
    grants: &Grants,
    freshness: Freshness,
    draining: bool,
) -> FlowRules {
    let full = restriction.rules;
    let granted = match (&grants.limited, freshness) {
        (Some(limited), Freshness::Fresh) if limited.over.contains(&id) => {
            loosened(full, &limited.directions)
        }
        (Some(_), Freshness::Fresh | Freshness::Stale) | (None, Freshness::Fresh | Freshness::Stale) => full,
    };
    if draining { drained_loose(granted) } else { granted }
}

/// The rules with the named flows passing.
fn loosened(rules: FlowRules, directions: &BTreeSet<Flow>) -> FlowRules {
    directions.iter().fold(rules, |rules, flow| match flow {
        Flow::Intake => FlowRules {
            intake: IntakeRule::Pass,
            ..rules
        },
        Flow::Forward => FlowRules {
            forward: TransitRule::Pass,
            ..rules
        },
        Flow::Fetch => FlowRules {
            fetch: TransitRule::Pass,
            ..rules
        },
        Flow::Send => FlowRules {
            send: TransitRule::Pass,
            ..rules
        },
        Flow::Sessions => FlowRules {
            sessions: SessionRule::Run,
            ..rules
        },
    })
}

/// While a drain runs: intake already follows the restriction, what is under way may finish.
const fn drained_loose(rules: FlowRules) -> FlowRules {
    FlowRules {
        intake: rules.intake,
        forward: TransitRule::Pass,
        fetch: TransitRule::Pass,
        send: TransitRule::Pass,
        sessions: SessionRule::Run,
    }
}

/// How people name what the door does now.
#[must_use]
pub(crate) fn position(
    rules: FlowRules,
    draining: &BTreeSet<RestrictionId>,
    rules_after: FlowRules,
) -> Position {
    // A drain that loosens nothing (another restriction already stands in full) is no Draining door.
    if draining.is_empty() || rules == rules_after {
        rules.position()
    } else {
        Position::Draining
    }
}

/// The emergency grant that is in force, if any.
///
/// Emergency lies on top of Held, so a restriction that asks for no more than Held leaves it standing; one that asks
/// for more (a Shut by name) stops it unless the grant was given over that very restriction. A stale door grants none.
#[must_use]
pub fn emergency(state: &State, freshness: Freshness) -> Option<&Emergency> {
    match (state, freshness) {
        (State::Open(_), Freshness::Fresh | Freshness::Stale) | (State::Restricted(_), Freshness::Stale) => {
            None
        }
        (State::Restricted(restricted), Freshness::Fresh) => {
            restricted.grants.emergency.as_ref().filter(|grant| {
                restricted.active.iter().all(|(id, restriction)| {
                    grant.over.contains(id) || FlowRules::HELD.at_least_as_tight_as(restriction.rules)
                })
            })
        }
    }
}

/// Whether a flow is let through by some rules: intake only when it passes, not when it is stored.
#[must_use]
pub(crate) fn passes(rules: FlowRules, flow: Flow) -> bool {
    match flow {
        Flow::Intake => rules.intake == IntakeRule::Pass,
        Flow::Forward => rules.forward == TransitRule::Pass,
        Flow::Fetch => rules.fetch == TransitRule::Pass,
        Flow::Send => rules.send == TransitRule::Pass,
        Flow::Sessions => rules.sessions == SessionRule::Run,
    }
}
