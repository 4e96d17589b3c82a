//! One draft and its states.

use clearance::Authority;
use estate::Estate;
use order::{Body as _, Opening};
use serde::{Deserialize, Serialize};
use vocabulary::{
    DoorId, Envelope, Epoch, PayloadType, PersonId, Seconds, Signature, StatementId, Timestamp,
};

use super::{
    needs::{Progress, whose},
    refused::Refused,
    say,
};
use crate::preview::Facts;

/// How long a draft waits at most: what nobody signed within a day was decided about another situation.
const LIFE: Seconds = Seconds(24 * 3600);

/// What a draft is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    /// The estate.
    pub estate: &'a Estate,
    /// The fold of the authority log.
    pub authority: &'a Authority,
    /// What is known of the doors; without it nothing is called stale and every opening asks for one commander.
    pub facts: Option<&'a Facts<'a>>,
    /// The console's clock.
    pub now: Timestamp,
}

/// Where a draft is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum State {
    /// Persons are missing.
    Waiting {
        /// How many have signed.
        have: u32,
        /// How many it takes.
        need: u32,
    },
    /// Nothing is missing; it can go to the log.
    Complete {
        /// The statement it is.
        statement: StatementId,
    },
    /// It stands in the log.
    Published {
        /// Since when, for people.
        at: Timestamp,
    },
    /// Somebody dropped it.
    Withdrawn {
        /// Who.
        by: PersonId,
        /// When.
        at: Timestamp,
    },
    /// Nobody finished it in time.
    Expired {
        /// Since when.
        at: Timestamp,
    },
}

/// What can happen to a draft.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// Time passed, or the charter changed.
    Looked,
    /// A signature came in, from whomever.
    Signed(Signature),
    /// The log holds this statement.
    Published(StatementId),
    /// A person drops it.
    Dropped(PersonId),
}

/// A statement that waits for signatures.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Draft {
    envelope: Envelope,
    made_by: Option<PersonId>,
    made_at: Timestamp,
    expires: Timestamp,
    state: State,
}

impl Draft {
    /// Takes a draft as it was proposed or stored, and looks at it. Signatures that count for nothing are left out.
    ///
    /// # Errors
    /// [`Refused`] when no door would read it, or no person drafts such a thing.
    pub fn proposed(
        envelope: &Envelope,
        made_by: Option<PersonId>,
        made_at: Timestamp,
        ground: &Ground<'_>,
    ) -> Result<Self, Refused> {
        envelope.check_limits()?;
        let ends = say::check(envelope)?;
        let signed = envelope.signed_bytes();
        let mut envelope = envelope.clone();
        envelope
            .signatures
            .retain(|signature| order::verify(signature, &signed).is_ok());
        let day = made_at.plus(LIFE);
        let draft = Self {
            expires: ends.map_or(day, |ends| day.min(ends)),
            envelope,
            made_by,
            made_at,
            state: State::Waiting { have: 0, need: 0 },
        };
        look(draft, ground)
    }

    /// The name of the statement it will be.
    #[must_use]
    pub fn id(&self) -> StatementId {
        self.envelope.id()
    }

    /// What kind of statement.
    #[must_use]
    pub const fn kind(&self) -> PayloadType {
        self.envelope.payload_type
    }

    /// The exact bytes, with the signatures that count so far.
    #[must_use]
    pub const fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// Who drafted it; nobody where the room itself did.
    #[must_use]
    pub const fn made_by(&self) -> Option<&PersonId> {
        self.made_by.as_ref()
    }

    /// When it was drafted.
    #[must_use]
    pub const fn made_at(&self) -> Timestamp {
        self.made_at
    }

    /// Until when it waits.
    #[must_use]
    pub const fn expires(&self) -> Timestamp {
        self.expires
    }

    /// Where it is.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Who has signed and who could.
    ///
    /// # Errors
    /// [`Refused`] when a charter change left it without anybody who could sign.
    pub fn progress(&self, ground: &Ground<'_>) -> Result<Progress, Refused> {
        Progress::of(&self.envelope, ground)
    }

    /// Whether it waits for this person: they could sign, and have not.
    #[must_use]
    pub fn waits_for(&self, person: &PersonId, ground: &Ground<'_>) -> bool {
        matches!(self.state, State::Waiting { .. })
            && self
                .progress(ground)
                .is_ok_and(|progress| progress.open_to().contains(person))
    }
}

/// Brings a draft up to date with charter and clock.
///
/// # Errors
/// As [`next`].
pub fn look(draft: Draft, ground: &Ground<'_>) -> Result<Draft, Refused> {
    next(draft, Event::Looked, ground)
}

/// The one function that moves a draft.
///
/// # Errors
/// [`Refused`] with a sentence for whoever asked; the draft is then as it was.
pub fn next(draft: Draft, event: Event, ground: &Ground<'_>) -> Result<Draft, Refused> {
    let state = match (&draft.state, event) {
        (
            State::Waiting { .. }
            | State::Complete { .. }
            | State::Withdrawn { .. }
            | State::Expired { .. }
            | State::Published { .. },
            Event::Published(statement),
        ) => published(&draft, statement, ground.now)?,
        (State::Waiting { .. } | State::Complete { .. }, Event::Looked) => weigh(&draft, ground)?,
        (State::Waiting { .. }, Event::Signed(signature)) => return sign(draft, signature, ground),
        (State::Waiting { .. } | State::Complete { .. }, Event::Dropped(by)) => {
            State::Withdrawn { by, at: ground.now }
        }
        (State::Complete { .. }, Event::Signed(_)) => return Err(Refused::Complete),
        (State::Published { .. }, Event::Signed(_) | Event::Dropped(_)) => return Err(Refused::Published),
        (State::Withdrawn { by, at }, Event::Signed(_)) => {
            let (by, at) = (by.clone(), *at);
            return Err(Refused::Dropped { by, at });
        }
        (State::Expired { at }, Event::Signed(_) | Event::Dropped(_)) => return Err(Refused::Expired(*at)),
        (State::Published { .. } | State::Withdrawn { .. } | State::Expired { .. }, Event::Looked)
        | (State::Withdrawn { .. }, Event::Dropped(_)) => draft.state.clone(),
    };
    Ok(Draft { state, ..draft })
}

fn published(draft: &Draft, statement: StatementId, now: Timestamp) -> Result<State, Refused> {
    if statement != draft.id() {
        return Err(Refused::OtherStatement(statement));
    }
    Ok(match draft.state {
        State::Published { at } => State::Published { at },
        State::Waiting { .. } | State::Complete { .. } | State::Withdrawn { .. } | State::Expired { .. } => {
            State::Published { at: now }
        }
    })
}

/// Waiting or complete, by the charter in force; or over.
fn weigh(draft: &Draft, ground: &Ground<'_>) -> Result<State, Refused> {
    if ground.now > draft.expires {
        return Ok(State::Expired { at: draft.expires });
    }
    let progress = Progress::of(&draft.envelope, ground)?;
    let (have, need) = progress.have_and_need();
    Ok(if progress.is_complete() {
        State::Complete {
            statement: draft.id(),
        }
    } else {
        State::Waiting { have, need }
    })
}

fn sign(draft: Draft, signature: Signature, ground: &Ground<'_>) -> Result<Draft, Refused> {
    if ground.now > draft.expires {
        return Err(Refused::Expired(draft.expires));
    }
    let key = order::verify(&signature, &draft.envelope.signed_bytes())?;
    let person = whose(ground, key).ok_or(Refused::Stranger)?;
    let before = Progress::of(&draft.envelope, ground)?;
    if !before.may(&person) {
        return Err(Refused::NotYours(person));
    }
    if before.signed.contains(&person) {
        return Err(Refused::SignedAlready(person));
    }
    if let Some(doors) = all_stale(&draft, ground) {
        return Err(Refused::AllStale { doors });
    }
    let mut envelope = draft.envelope.clone();
    envelope.signatures.push(signature);
    envelope.check_limits()?;
    look(Draft { envelope, ..draft }, ground)
}

/// A door that moved on since an opening was drafted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stale {
    /// Which.
    pub door: DoorId,
    /// The epoch the opening names.
    pub drafted: Epoch,
    /// The epoch its ledger says now.
    pub now: Epoch,
}

/// The doors of an opening that have moved on: they refuse it whoever signs. Empty for every other kind.
#[must_use]
pub fn stale(draft: &Draft, facts: &Facts<'_>) -> Vec<Stale> {
    let Ok(body) = Opening::read(&draft.envelope) else {
        return Vec::new();
    };
    let moved = |entry: &order::DoorOpening| {
        let now = facts.door(&entry.door)?.epoch;
        (now != entry.epoch).then(|| Stale {
            door: entry.door.clone(),
            drafted: entry.epoch,
            now,
        })
    };
    body.doors.iter().filter_map(moved).collect()
}

fn all_stale(draft: &Draft, ground: &Ground<'_>) -> Option<usize> {
    let body = Opening::read(&draft.envelope).ok()?;
    let moved = stale(draft, ground.facts?).len();
    (moved == body.doors.len()).then_some(moved)
}
