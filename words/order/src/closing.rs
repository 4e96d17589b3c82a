//! Orders towards more shut, and orders that raise a class.

use alloc::collections::BTreeSet;
use serde::{Deserialize, Serialize};
use vocabulary::{Class, EstateId, PayloadType, RestrictionId, Scope, Seconds, SignalId, Timestamp};

use crate::{
    body::{BadBody, Body, at_most, bounded_scope},
    text::Text,
};

/// Longest time sessions may be given to finish, in seconds: one hour. A cut that waits longer is no cut.
const DRAIN_SECS_MAX: u64 = 3600;
/// Most restrictions one raising names.
const RESTRICTIONS_MAX: usize = 4096;

/// What a tightening asks of the doors in its scope.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stance {
    /// Held where the service can be held, else Shut: the button nobody need be afraid of.
    Contain,
    /// Held; Shut where the service cannot be held.
    Held,
    /// Shut; on a service that can be held only where the scope names the service, otherwise Held.
    Shut,
}

/// What a closing does.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Act {
    /// Adds a restriction at every door of the scope.
    Tighten {
        /// What the doors do.
        stance: Stance,
        /// Who may lift it later.
        class: Class,
        /// Sessions may finish for this long before the rules apply to them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        drain: Option<Seconds>,
    },
    /// Raises the class of restrictions at the doors of the scope. Never lowers.
    Raise {
        /// The class they have at least from now on.
        to: Class,
        /// Only these restrictions; absent means every one that is active in the scope.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        only: Option<BTreeSet<RestrictionId>>,
    },
}

/// How often an order may be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Uses {
    /// Once: the same order delivered twice is the same restriction.
    Once,
    /// Pre-signed on paper or USB for the night when everything is off: any number of uses until it expires. It
    /// counts as expired only when witnessed time says so, for closing must not depend on a clock.
    Many {
        /// Not valid after this instant.
        until: Timestamp,
    },
}

/// Payload of a `closing` statement. One commander is enough for a tightening; a commander, an examiner or the
/// insurer whose environment it is for a raising.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Closing {
    /// The estate it is meant for.
    pub estate: EstateId,
    /// Which doors.
    pub scope: Scope,
    /// What happens there.
    pub act: Act,
    /// How often it may be used.
    pub uses: Uses,
    /// The signal it answers, if it answers one: a later "signal explained" lifts only what was ordered for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<SignalId>,
    /// Why, in the commander's words. Shown to everyone.
    pub reason: Text,
    /// When it was written, by the signer's own clock.
    pub issued: Timestamp,
}

impl Body for Closing {
    const KIND: PayloadType = PayloadType::Closing;
    const BYTES_MAX: usize = 512 * 1024;

    fn check(&self) -> Result<(), BadBody> {
        bounded_scope(&self.scope)?;
        match &self.act {
            Act::Tighten { drain, .. } => bounded_drain(*drain),
            Act::Raise {
                to: Class::Maintenance,
                ..
            } => Err(BadBody::contradiction(
                "Auf die Klasse maintenance kann nichts angehoben werden.",
                "Nothing can be raised to class maintenance.",
            )),
            Act::Raise { only, .. } => {
                if !matches!(self.uses, Uses::Once) {
                    return Err(BadBody::contradiction(
                        "Eine Anhebung gilt nur einmal.",
                        "A raising is used once.",
                    ));
                }
                at_most(
                    "Sperren",
                    "restrictions",
                    only.as_ref().map_or(0, BTreeSet::len),
                    RESTRICTIONS_MAX,
                )
            }
        }
    }
}

pub(crate) fn bounded_drain(drain: Option<Seconds>) -> Result<(), BadBody> {
    if drain.is_some_and(|span| span.0 > DRAIN_SECS_MAX) {
        return Err(BadBody::contradiction(
            alloc::format!("Sitzungen dürfen höchstens {DRAIN_SECS_MAX} s auslaufen."),
            alloc::format!("Sessions may drain for at most {DRAIN_SECS_MAX} s."),
        ));
    }
    Ok(())
}
