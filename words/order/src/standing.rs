//! Orders signed in peace that a detector may use in the night.

use alloc::collections::BTreeSet;
use core::num::NonZeroU32;
use serde::{Deserialize, Serialize};
use vocabulary::{
    Class, DetectorId, EstateId, PayloadType, Scope, Seconds, SignalId, StatementId, Timestamp,
};

use crate::{
    body::{BadBody, Body, at_most, bounded_scope},
    closing::{Stance, bounded_drain},
    text::Text,
    tightening::UseNumber,
};

/// Most kinds of detectors one standing order names.
const DETECTORS_MAX: usize = 64;
/// Most uses per window: beyond that it is no limit.
const USES_MAX: u32 = 1000;

/// How often a standing order may be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rate {
    /// At most so many uses …
    pub uses: NonZeroU32,
    /// … in any span of this length.
    pub window: Seconds,
}

/// Payload of a `standing-order` statement: one commander's closing, given in advance, that detectors of the named
/// kinds may use inside the maximum scope and rate.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StandingOrder {
    /// The estate it is meant for.
    pub estate: EstateId,
    /// The most it may ever cover; a use covers this or less.
    pub scope_max: Scope,
    /// What the doors do.
    pub stance: Stance,
    /// Precautionary or containment; never maintenance.
    pub class: Class,
    /// Sessions may finish for this long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain: Option<Seconds>,
    /// Which kinds of detectors may use it.
    pub detectors: BTreeSet<DetectorId>,
    /// How often.
    pub rate: Rate,
    /// Not valid after this instant.
    pub expires: Timestamp,
    /// Why it exists.
    pub reason: Text,
    /// When it was written, by the signer's own clock.
    pub issued: Timestamp,
}

impl Body for StandingOrder {
    const KIND: PayloadType = PayloadType::StandingOrder;
    const BYTES_MAX: usize = 512 * 1024;

    fn check(&self) -> Result<(), BadBody> {
        bounded_scope(&self.scope_max)?;
        bounded_drain(self.drain)?;
        at_most("Melder", "detectors", self.detectors.len(), DETECTORS_MAX)?;
        if self.detectors.is_empty() {
            return Err(BadBody::contradiction(
                "Es ist kein Melder genannt.",
                "No detector is named.",
            ));
        }
        if self.class == Class::Maintenance {
            return Err(BadBody::contradiction(
                "Ein Dauerbefehl ist precautionary oder containment, nie maintenance.",
                "A standing order is precautionary or containment, never maintenance.",
            ));
        }
        if self.rate.uses.get() > USES_MAX || self.rate.window.0 == 0 {
            return Err(BadBody::contradiction(
                "Die Rate begrenzt nichts.",
                "The rate limits nothing.",
            ));
        }
        if self.expires <= self.issued {
            return Err(BadBody::contradiction(
                "Der Dauerbefehl läuft ab, bevor er ausgestellt wurde.",
                "The standing order expires before it was issued.",
            ));
        }
        Ok(())
    }
}

/// One use of a standing order. It carries no signature: the order was signed in advance, and this can only close.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StandingUse {
    /// The order that is used.
    pub order: StatementId,
    /// The count of this use; the restriction is named by order and count.
    pub number: UseNumber,
    /// Which doors; inside the order's maximum.
    pub scope: Scope,
    /// The kind of detector that uses it.
    pub detector: DetectorId,
    /// The signal it answers.
    pub signal: SignalId,
    /// When, by the clock of whoever triggers it. For people and for the rate.
    pub at: Timestamp,
}
