//! One door's state and the one function that moves it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use vocabulary::{Class, Epoch, RestrictionId, StatementId, Timestamp};

use crate::restriction::{Emergency, Grants, Limited, Restriction, StandsOn};

/// What one door's ledger says about it. Freshness and running drains are not in here: they die with the process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum State {
    /// No restriction is active.
    Open(Opened),
    /// At least one restriction is active.
    Restricted(Restricted),
}

/// A door without restrictions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opened {
    /// Count of state changes.
    pub epoch: Epoch,
    /// What it was opened on.
    pub stands_on: StandsOn,
}

/// A door with restrictions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Restricted {
    /// Count of state changes.
    pub epoch: Epoch,
    /// Never empty.
    pub active: BTreeMap<RestrictionId, Restriction>,
    /// Permissions on top.
    pub grants: Grants,
    /// What earlier openings stood on: a withdrawal must find the door even while something else closes it.
    pub stands_on: StandsOn,
}

/// What can happen to a door. Proofs were checked where these are made; in the ledger they are what happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// The process began. Moves the epoch, so that no opening made before a restart, or for the state an old copy of
    /// the store once had, fits afterwards.
    Started,
    /// A restriction is added.
    Tightened {
        /// Its name.
        id: RestrictionId,
        /// Its effect here.
        restriction: Restriction,
    },
    /// The class of active restrictions rises to at least this.
    Raised {
        /// Which; others stay as they are.
        ids: BTreeSet<RestrictionId>,
        /// To what.
        class: Class,
    },
    /// A valid opening is carried out.
    Opening(Opening),
    /// A clearance or evidence is withdrawn. A door that does not stand on it stays as it is.
    Withdrawn {
        /// What no longer counts.
        named: StandsOn,
        /// The restriction that follows.
        id: RestrictionId,
        /// Its effect here.
        restriction: Restriction,
    },
    /// Witnessed time has reached the end of grants.
    GrantsEnded {
        /// The instant that has passed.
        at: Timestamp,
    },
}

/// One opening at one door, as it was permitted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// The signed statement.
    pub statement: StatementId,
    /// The exact epoch it was made for.
    pub epoch: Epoch,
    /// The restrictions it names, no others.
    pub lifts: BTreeSet<RestrictionId>,
    /// Clearances and evidence.
    pub stands_on: StandsOn,
    /// What becomes of the named restrictions.
    pub becomes: Becomes,
}

/// What an opening makes of the restrictions it names.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Becomes {
    /// They are removed.
    Lifted,
    /// They stay, with limited operation on top.
    Limited(Limited),
    /// They stay, with emergency operation on top.
    Emergency(Emergency),
}

/// Why an event does not fit a state.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// Compare and set failed.
    #[error(
        "Die Öffnung gilt für Stand {asked}, die Tür hat inzwischen Stand {now}: bitte für den jetzigen Stand neu zeichnen. / \
         The opening was made for epoch {asked}, the door is at epoch {now} by now: sign one for the present epoch."
    )]
    OtherEpoch {
        /// The epoch in the opening.
        asked: Epoch,
        /// The door's.
        now: Epoch,
    },
    /// The opening names a restriction that is not active here.
    #[error(
        "Die Öffnung nennt die Sperre {0}, die an dieser Tür nicht gilt. / \
         The opening names restriction {0}, which is not active at this door."
    )]
    UnknownRestriction(RestrictionId),
    /// The opening names nothing.
    #[error(
        "Die Öffnung nennt keine Sperre, die sie aufheben soll. / The opening names no restriction to lift."
    )]
    NamesNothing,
    /// The door has no restriction.
    #[error(
        "An dieser Tür gilt keine Sperre; es gibt nichts zu öffnen. / \
         No restriction is active at this door; there is nothing to open."
    )]
    NotRestricted,
}

impl State {
    /// A newly enrolled door: contained until somebody proves that what lies behind it is clean.
    #[must_use]
    pub fn enrolled(id: RestrictionId, restriction: Restriction) -> Self {
        Self::Restricted(Restricted {
            epoch: Epoch(1),
            active: BTreeMap::from([(id, restriction)]),
            grants: Grants::NONE,
            stands_on: StandsOn::default(),
        })
    }

    /// Count of state changes.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        match self {
            Self::Open(open) => open.epoch,
            Self::Restricted(restricted) => restricted.epoch,
        }
    }

    /// Active restrictions by name.
    #[must_use]
    pub fn active(&self) -> Option<&BTreeMap<RestrictionId, Restriction>> {
        match self {
            Self::Open(_) => None,
            Self::Restricted(restricted) => Some(&restricted.active),
        }
    }

    /// An active restriction.
    #[must_use]
    pub fn restriction(&self, id: &RestrictionId) -> Option<&Restriction> {
        self.active().and_then(|active| active.get(id))
    }

    /// Permissions on top of the restrictions.
    #[must_use]
    pub const fn grants(&self) -> &Grants {
        match self {
            Self::Open(_) => &Grants::NONE,
            Self::Restricted(restricted) => &restricted.grants,
        }
    }

    /// What the door was opened on.
    #[must_use]
    pub const fn stands_on(&self) -> &StandsOn {
        match self {
            Self::Open(open) => &open.stands_on,
            Self::Restricted(restricted) => &restricted.stands_on,
        }
    }

    /// The heaviest class of any active restriction.
    #[must_use]
    pub fn class(&self) -> Option<Class> {
        self.active()?.values().map(|restriction| restriction.class).max()
    }

    /// The same at the next epoch.
    #[must_use]
    fn moved(self) -> Self {
        match self {
            Self::Open(open) => Self::Open(Opened {
                epoch: open.epoch.next(),
                ..open
            }),
            Self::Restricted(restricted) => Self::Restricted(Restricted {
                epoch: restricted.epoch.next(),
                ..restricted
            }),
        }
    }
}

/// Moves a door. An event that changes nothing returns the state as it was, with the same epoch, so that everything
/// may safely be repeated; every change moves the epoch by one.
///
/// # Errors
/// [`Refused`], only for openings: nothing else can be refused.
pub fn next(state: State, event: &Event) -> Result<State, Refused> {
    match (state, event) {
        (state @ (State::Open(_) | State::Restricted(_)), Event::Started) => Ok(state.moved()),

        (State::Open(open), Event::Tightened { id, restriction }) => Ok(State::Restricted(Restricted {
            epoch: open.epoch.next(),
            active: BTreeMap::from([(*id, restriction.clone())]),
            grants: Grants::NONE,
            stands_on: open.stands_on,
        })),
        (State::Restricted(restricted), Event::Tightened { id, restriction }) => {
            Ok(State::Restricted(tightened(restricted, *id, restriction)))
        }

        (State::Open(open), Event::Raised { .. }) => Ok(State::Open(open)),
        (State::Restricted(restricted), Event::Raised { ids, class }) => {
            Ok(State::Restricted(raised(restricted, ids, *class)))
        }

        (State::Open(open), Event::Opening(opening)) => {
            check_epoch(open.epoch, opening)?;
            Err(Refused::NotRestricted)
        }
        (State::Restricted(restricted), Event::Opening(opening)) => opened(restricted, opening),

        (
            State::Open(open),
            Event::Withdrawn {
                named,
                id,
                restriction,
            },
        ) => Ok(if open.stands_on.meets(named) {
            State::Restricted(Restricted {
                epoch: open.epoch.next(),
                active: BTreeMap::from([(*id, restriction.clone())]),
                grants: Grants::NONE,
                stands_on: open.stands_on.without(named),
            })
        } else {
            State::Open(open)
        }),
        (
            State::Restricted(restricted),
            Event::Withdrawn {
                named,
                id,
                restriction,
            },
        ) => Ok(State::Restricted(withdrawn(restricted, named, *id, restriction))),

        (State::Open(open), Event::GrantsEnded { .. }) => Ok(State::Open(open)),
        (State::Restricted(restricted), Event::GrantsEnded { at }) => {
            let grants = restricted.grants.clone().after(*at);
            let mut stands_on = restricted.stands_on.clone();
            if grants.emergency.is_none() {
                // A consent carries the emergency grant and nothing else: taken back later, it closes no open door.
                stands_on.consents.clear();
            }
            Ok(State::Restricted(if grants == restricted.grants {
                restricted
            } else {
                Restricted {
                    epoch: restricted.epoch.next(),
                    grants,
                    stands_on,
                    ..restricted
                }
            }))
        }
    }
}

fn check_epoch(now: Epoch, opening: &Opening) -> Result<(), Refused> {
    if opening.epoch == now {
        Ok(())
    } else {
        Err(Refused::OtherEpoch {
            asked: opening.epoch,
            now,
        })
    }
}

fn tightened(mut restricted: Restricted, id: RestrictionId, restriction: &Restriction) -> Restricted {
    let merged = restricted
        .active
        .get(&id)
        .map_or_else(|| restriction.clone(), |known| known.merged(restriction));
    if restricted.active.get(&id) == Some(&merged) {
        return restricted;
    }
    restricted.active.insert(id, merged);
    restricted.epoch = restricted.epoch.next();
    restricted
}

fn raised(mut restricted: Restricted, ids: &BTreeSet<RestrictionId>, class: Class) -> Restricted {
    let mut changed = false;
    for (id, restriction) in &mut restricted.active {
        if ids.contains(id) && restriction.class < class {
            restriction.class = class;
            changed = true;
        }
    }
    if changed {
        restricted.epoch = restricted.epoch.next();
    }
    restricted
}

fn opened(mut restricted: Restricted, opening: &Opening) -> Result<State, Refused> {
    check_epoch(restricted.epoch, opening)?;
    match &opening.becomes {
        Becomes::Lifted | Becomes::Limited(_) if opening.lifts.is_empty() => {
            return Err(Refused::NamesNothing);
        }
        Becomes::Lifted | Becomes::Limited(_) | Becomes::Emergency(_) => {}
    }
    if let Some(unknown) = opening
        .lifts
        .iter()
        .find(|id| !restricted.active.contains_key(id))
    {
        return Err(Refused::UnknownRestriction(*unknown));
    }
    let epoch = restricted.epoch.next();
    let mut stands_on = restricted.stands_on.and(&opening.stands_on);
    match &opening.becomes {
        Becomes::Lifted => restricted.active.retain(|id, _| !opening.lifts.contains(id)),
        // Whatever the permit's own list says, a grant never reaches past the restrictions the opening names.
        Becomes::Limited(limited) => {
            restricted.grants.limited = Some(Limited {
                over: opening.lifts.clone(),
                ..limited.clone()
            });
        }
        // An emergency opening lifts nothing. It was signed for this very epoch, so for these very restrictions.
        Becomes::Emergency(emergency) => {
            restricted.grants.emergency = Some(Emergency {
                over: restricted.active.keys().copied().collect(),
                ..emergency.clone()
            });
        }
    }
    if restricted.active.is_empty() || restricted.grants.emergency.is_none() {
        stands_on.consents.clear();
    }
    Ok(if restricted.active.is_empty() {
        State::Open(Opened { epoch, stands_on })
    } else {
        State::Restricted(Restricted {
            epoch,
            stands_on,
            ..restricted
        })
    })
}

fn withdrawn(
    restricted: Restricted,
    named: &StandsOn,
    id: RestrictionId,
    restriction: &Restriction,
) -> Restricted {
    if !restricted.stands_on.meets(named) {
        return restricted;
    }
    // Which grant stood on what is not told apart: all end. A door that fell is opened again on purpose.
    let epoch = restricted.epoch.next();
    let stands_on = restricted.stands_on.clone().without(named);
    let fallen = tightened(restricted, id, restriction);
    Restricted {
        epoch,
        active: fallen.active,
        grants: Grants::NONE,
        stands_on,
    }
}
