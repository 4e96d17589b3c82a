//! The states of an item and the one function that moves them.

use serde::{Deserialize, Serialize};

use crate::record::Step;

/// Where an item is. Every item is in exactly one of these; [`Done`](Self::Done) counts as handed over.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Waits in its lane.
    Held,
    /// A hand-over began and did not end: the receiver may have it. It will be repeated under the same item id.
    InDoubt,
    /// The receiver took it; the sealed copy is kept until confirmation or the end of the keeping time.
    HandedOver,
    /// Set aside for a person; its lane goes on.
    Parked,
    /// Handed over and confirmed, or kept long enough: its space may be reclaimed.
    Done,
}

impl State {
    pub(crate) const ALL: [Self; 5] = [
        Self::Held,
        Self::InDoubt,
        Self::HandedOver,
        Self::Parked,
        Self::Done,
    ];

    pub(crate) fn number(self) -> i64 {
        match self {
            Self::Held => 0,
            Self::InDoubt => 1,
            Self::HandedOver => 2,
            Self::Parked => 3,
            Self::Done => 4,
        }
    }

    pub(crate) fn read(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.number() == number)
    }

    /// Whether the item still has to leave through its lane.
    pub(crate) fn waits(self) -> bool {
        match self {
            Self::Held | Self::InDoubt => true,
            Self::HandedOver | Self::Parked | Self::Done => false,
        }
    }

    /// The state as an adjective, for messages.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::InDoubt => "in doubt",
            Self::HandedOver => "handed over",
            Self::Parked => "parked",
            Self::Done => "handed over and done",
        }
    }
}

impl Step {
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Begun { .. } => "begun",
            Self::HandedOver { .. } => "handed over",
            Self::Returned => "returned to its lane",
            Self::Parked { .. } => "parked",
            Self::Unparked => "taken out of parking",
            Self::Confirmed => "confirmed",
            Self::Expired => "expired",
            Self::Fetched => "noted as fetched",
            Self::Deleted => "noted as deleted",
        }
    }
}

/// Moves an item; `None` when the step does not fit. Every step may be repeated without harm.
pub(crate) fn next(state: State, step: &Step) -> Option<State> {
    use State::{Done, HandedOver, Held, InDoubt, Parked};
    match (state, step) {
        (Held | InDoubt, Step::Begun { .. }) => Some(InDoubt),
        (HandedOver | Parked | Done, Step::Begun { .. }) => None,

        (InDoubt | HandedOver, Step::HandedOver { .. }) => Some(HandedOver),
        (Done, Step::HandedOver { .. }) => Some(Done),
        (Held | Parked, Step::HandedOver { .. }) => None,

        (Held | InDoubt, Step::Returned) => Some(Held),
        (HandedOver | Parked | Done, Step::Returned) => None,

        (Held | InDoubt | Parked, Step::Parked { .. }) => Some(Parked),
        (HandedOver | Done, Step::Parked { .. }) => None,

        (Parked | Held, Step::Unparked) => Some(Held),
        (InDoubt | HandedOver | Done, Step::Unparked) => None,

        // A receiver that confirms an item in doubt has ended the doubt.
        (InDoubt | HandedOver | Done, Step::Confirmed) => Some(Done),
        (Held | Parked, Step::Confirmed) => None,

        (HandedOver | Done, Step::Expired) => Some(Done),
        (Held | InDoubt | Parked, Step::Expired) => None,

        (_, Step::Fetched | Step::Deleted) => Some(state),
    }
}
