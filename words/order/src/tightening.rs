//! Proofs that an order towards more shut was signed by somebody who may.

use alloc::collections::BTreeSet;
use serde::{Deserialize, Serialize};
use vocabulary::{
    Class, Digest, FlowRules, PersonId, Place, RestrictionId, Scope, Seconds, SignalId, StatementId,
    Timestamp,
};

use crate::{closing::Stance, text::Text};

/// The count of one use of a pre-signed order, from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UseNumber(pub u32);

impl UseNumber {
    /// The first use; the only one of an order that is used once.
    pub const FIRST: Self = Self(1);
}

/// Whether what arrives at a service can be stored while nothing moves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Holdable {
    /// It can (mail, file exchange).
    Yes,
    /// It cannot (a session whose ciphertext cannot be replayed): Held means Shut.
    No,
}

/// Proof: a restriction was ordered by somebody who may, at the doors of a scope.
#[derive(PartialEq, Eq, Debug)]
pub struct Tightening {
    pub(crate) statement: StatementId,
    pub(crate) number: UseNumber,
    pub(crate) scope: Scope,
    pub(crate) stance: Stance,
    pub(crate) class: Class,
    pub(crate) drain: Option<Seconds>,
    pub(crate) signal: Option<SignalId>,
    pub(crate) reason: Text,
    pub(crate) issued: Timestamp,
    pub(crate) signers: BTreeSet<PersonId>,
}

impl Tightening {
    /// The restriction it adds: named by statement and use, so delivering it twice adds one.
    #[must_use]
    pub fn restriction(&self) -> RestrictionId {
        restriction_of(self.statement, self.number)
    }

    /// The signed statement behind it.
    #[must_use]
    pub const fn statement(&self) -> StatementId {
        self.statement
    }

    /// The count of this use; [`UseNumber::FIRST`] unless it was pre-signed.
    #[must_use]
    pub const fn number(&self) -> UseNumber {
        self.number
    }

    /// Which doors.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// What was asked for; what a door does with it is [`rules_at`](Self::rules_at).
    #[must_use]
    pub const fn stance(&self) -> Stance {
        self.stance
    }

    /// Who may lift it.
    #[must_use]
    pub const fn class(&self) -> Class {
        self.class
    }

    /// Sessions may finish for this long, by the door's own monotonic clock.
    #[must_use]
    pub const fn drain(&self) -> Option<Seconds> {
        self.drain
    }

    /// The signal it answers.
    #[must_use]
    pub const fn signal(&self) -> Option<&SignalId> {
        self.signal.as_ref()
    }

    /// Why, in the signer's words.
    #[must_use]
    pub const fn reason(&self) -> &Text {
        &self.reason
    }

    /// When it was written (for a use of a standing order: triggered), by the writer's clock. For people.
    #[must_use]
    pub const fn issued(&self) -> Timestamp {
        self.issued
    }

    /// The persons who signed and may.
    #[must_use]
    pub const fn signers(&self) -> &BTreeSet<PersonId> {
        &self.signers
    }

    /// Whether a door at this place is meant.
    #[must_use]
    pub fn applies_to(&self, place: &Place) -> bool {
        self.scope.covers(place)
    }

    /// What it does to each flow of a door: [`FlowRules::OPEN`], the neutral element, where the scope does not reach.
    #[must_use]
    pub fn rules_at(&self, place: &Place, holdable: Holdable) -> FlowRules {
        rules_of(self.stance, &self.scope, place, holdable)
    }
}

/// What a stance over a scope does to each flow of a door, whoever signs it: [`FlowRules::OPEN`], the neutral element,
/// where the scope does not reach.
#[must_use]
pub fn rules_of(stance: Stance, scope: &Scope, place: &Place, holdable: Holdable) -> FlowRules {
    if !scope.covers(place) {
        return FlowRules::OPEN;
    }
    match (holdable, stance) {
        (Holdable::No, Stance::Contain | Stance::Held | Stance::Shut) => FlowRules::SHUT,
        (Holdable::Yes, Stance::Shut) if scope.names_service_of(place) => FlowRules::SHUT,
        (Holdable::Yes, Stance::Contain | Stance::Held | Stance::Shut) => FlowRules::HELD,
    }
}

/// Proof: somebody who may has raised the class of restrictions in a scope.
#[derive(PartialEq, Eq, Debug)]
pub struct Raising {
    pub(crate) statement: StatementId,
    pub(crate) scope: Scope,
    pub(crate) to: Class,
    pub(crate) only: Option<BTreeSet<RestrictionId>>,
    pub(crate) reason: Text,
    pub(crate) issued: Timestamp,
    pub(crate) signers: BTreeSet<PersonId>,
}

impl Raising {
    /// The signed statement behind it.
    #[must_use]
    pub const fn statement(&self) -> StatementId {
        self.statement
    }

    /// Which doors.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Only these restrictions; `None` means every one that is active in the scope.
    #[must_use]
    pub const fn only(&self) -> Option<&BTreeSet<RestrictionId>> {
        self.only.as_ref()
    }

    /// The class of a restriction of this door after the raising: never lower than before.
    #[must_use]
    pub fn raise(&self, place: &Place, restriction: RestrictionId, class: Class) -> Class {
        if self.scope.covers(place) && self.only.as_ref().is_none_or(|set| set.contains(&restriction)) {
            class.max(self.to)
        } else {
            class
        }
    }

    /// Why, in the signer's words.
    #[must_use]
    pub const fn reason(&self) -> &Text {
        &self.reason
    }

    /// When it was written, by the signer's clock.
    #[must_use]
    pub const fn issued(&self) -> Timestamp {
        self.issued
    }

    /// The persons who signed and may.
    #[must_use]
    pub const fn signers(&self) -> &BTreeSet<PersonId> {
        &self.signers
    }
}

/// The name of the restriction a statement makes at its n-th use.
#[must_use]
pub fn restriction_of(statement: StatementId, number: UseNumber) -> RestrictionId {
    let mut hasher = vocabulary::Hasher::new();
    hasher.update(b"bulkhead restriction v1\0");
    hasher.update(statement.0.as_bytes());
    hasher.update(&number.0.to_be_bytes());
    let digest: Digest = hasher.finish();
    RestrictionId(digest)
}
