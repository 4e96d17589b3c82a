//! What the fold did with a statement.

use order::{Raising, Tightening, Version};
use vocabulary::{InsurerId, StatementId};

use crate::{body::Withdraws, permit::StandsOn};

/// What admitting a statement did. Nothing here opens a door: openings are proven door by door with
/// a [`Permit`](crate::Permit).
#[derive(PartialEq, Eq, Debug)]
pub enum Admitted {
    /// A charter came into force.
    Charter(Version),
    /// An insurer's section changed, or its recovery began to wait.
    Section(InsurerId),
    /// A restriction at every door of a scope.
    Tighten(Tightening),
    /// A higher class in a scope.
    Raise(Raising),
    /// A standing order can be used.
    StandingOrder(StatementId),
    /// An opening can be asked for, door by door.
    Opening(StatementId),
    /// A clearance can be relied on.
    Clearance(StatementId),
    /// Something was taken back.
    Withdraw(Withdrawn),
    /// An insurer said yes.
    Consent(StatementId),
    /// An insurer said no.
    Refusal(StatementId),
    /// An insurer said yes in peace.
    StandingConsent(StatementId),
    /// An examiner from outside joined.
    Delegation(StatementId),
    /// Known already; nothing changed.
    Repeat,
}

/// Proof: somebody who may has taken something back.
#[derive(PartialEq, Eq, Debug)]
pub struct Withdrawn {
    pub(crate) statement: StatementId,
    pub(crate) withdraws: Withdraws,
    pub(crate) closure: StandsOn,
}

impl Withdrawn {
    /// The signed statement behind it.
    #[must_use]
    pub const fn statement(&self) -> StatementId {
        self.statement
    }

    /// What was named.
    #[must_use]
    pub const fn withdraws(&self) -> Withdraws {
        self.withdraws
    }

    /// Everything that falls with it, as far as it is known: clearances, through all that relies on them, and the
    /// evidence digest or consent that was named.
    #[must_use]
    pub const fn closure(&self) -> &StandsOn {
        &self.closure
    }

    /// Whether a door that stands on this must go to Held.
    #[must_use]
    pub fn topples(&self, stands_on: &StandsOn) -> bool {
        !self.closure.clearances.is_disjoint(&stands_on.clearances)
            || !self.closure.evidence.is_disjoint(&stands_on.evidence)
            || !self.closure.consents.is_disjoint(&stands_on.consents)
    }
}
