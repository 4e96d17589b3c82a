//! Where a call-out stands.

use std::collections::BTreeMap;

use vocabulary::{Digest, PersonId, Timestamp};

use super::event::{Alarm, Cause, Heard, Reach, Reference, Said, Seat, WayRef};

/// One call-out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum State {
    /// Nobody has raised an alarm.
    #[default]
    Quiet,
    /// People are being called.
    Calling(Calling),
    /// The alarm is over; what was reached stays readable.
    Over {
        /// How it stood at the end.
        calling: Calling,
        /// When it ended.
        at: Timestamp,
        /// Who ended it.
        by: PersonId,
    },
}

/// A call-out under way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Calling {
    /// The alarm.
    pub alarm: Alarm,
    /// When it was raised.
    pub raised: Timestamp,
    /// The book in use.
    pub book: Digest,
    /// Every seat and where it stands, in the order given.
    pub seats: Vec<(Seat, Filling)>,
    /// Everybody called so far.
    pub called: BTreeMap<PersonId, Called>,
    /// Answers with a code that is nobody's.
    pub wrong_codes: u32,
}

/// Where one seat stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Filling {
    /// Waiting for the person at this place of the chain.
    Waiting {
        /// Place in the chain: 0 is the person, then the deputies.
        at: usize,
        /// Since when.
        since: Timestamp,
    },
    /// Somebody comes.
    Filled {
        /// Who.
        by: PersonId,
        /// Since when it is known.
        at: Timestamp,
    },
    /// The chain is at its end. A late answer still fills the seat.
    NotReached {
        /// Since when.
        since: Timestamp,
    },
}

/// A person who was called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Called {
    /// Ways by which machines can call, best first.
    pub reach: Reach,
    /// Since when.
    pub since: Timestamp,
    /// What was sent, by way.
    pub messages: BTreeMap<WayRef, Sent>,
    /// The answer, if there is one. The newest counts.
    pub answer: Option<Answer>,
    /// Whether people were asked to call by hand.
    pub by_hand: ByHand,
}

/// Whether machines can still do something for a person.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ByHand {
    /// Machines are still trying.
    NotYet,
    /// No way is left that a machine could use.
    Asked,
}

/// What a person answered, and when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// What.
    pub said: Said,
    /// When.
    pub at: Timestamp,
    /// How we heard it.
    pub heard: Heard,
}

/// Where one message stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Sent {
    /// Given to the driver; its outcome is not known yet.
    InDoubt {
        /// Which try, from 1.
        tries: u8,
        /// Since when.
        at: Timestamp,
    },
    /// Taken by the gateway or mail server.
    Accepted {
        /// Which try.
        tries: u8,
        /// When.
        at: Timestamp,
        /// The gateway's own name for it.
        reference: Option<Reference>,
    },
    /// On the person's device, says the network.
    Delivered {
        /// When.
        at: Timestamp,
    },
    /// Failed, and tried again at an instant.
    Failed {
        /// Which try failed.
        tries: u8,
        /// Why.
        cause: Cause,
        /// When it is tried again.
        again: Timestamp,
    },
    /// Failed for good.
    GivenUp {
        /// When.
        at: Timestamp,
        /// Why.
        cause: Cause,
    },
}

impl State {
    /// The call-out, under way or over.
    #[must_use]
    pub const fn calling(&self) -> Option<&Calling> {
        match self {
            Self::Quiet => None,
            Self::Calling(calling) | Self::Over { calling, .. } => Some(calling),
        }
    }
}

impl Calling {
    /// Everybody who could be called, whether called yet or not.
    pub fn everybody(&self) -> impl Iterator<Item = &Reach> {
        self.seats.iter().flat_map(|(seat, _)| &seat.0)
    }

    /// The way and message a gateway's reference belongs to.
    #[must_use]
    pub fn by_reference(&self, wanted: &Reference) -> Option<(&PersonId, WayRef)> {
        self.called.iter().find_map(|(person, called)| {
            let way = called.messages.iter().find_map(|(way, sent)| match sent {
                Sent::Accepted {
                    reference: Some(reference),
                    ..
                } if reference == wanted => Some(*way),
                Sent::Accepted { .. }
                | Sent::InDoubt { .. }
                | Sent::Delivered { .. }
                | Sent::Failed { .. }
                | Sent::GivenUp { .. } => None,
            })?;
            Some((person, way))
        })
    }
}
