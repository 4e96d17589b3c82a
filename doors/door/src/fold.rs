//! All doors of a store as the fold of its ledger. Pure: the same function replays a start and carries out an order.

use std::collections::BTreeMap;
use std::sync::Arc;

use order::EarlierUses;
use vocabulary::{Class, DoorId, FlowRules, Holdable, Place, RestrictionId, StatementId, Timestamp};

use crate::enrolment::Enrolment;
use crate::entry::{Body, Effect};
use crate::restriction::{Origin, Restriction, StandsOn};
use crate::rules::contained;
use crate::state::{Event, Refused, State, next};

/// All doors of one store.
#[derive(Clone, Debug)]
pub struct Doors {
    enrolment: Enrolment,
    doors: Vec<Door>,
    /// Every restriction that was ever ordered here, with the entry that said so: an order is one decision, and
    /// delivering it again after it was lifted decides nothing new.
    seen: BTreeMap<RestrictionId, u64>,
    withdrawn: StandsOn,
    witnessed: Option<Timestamp>,
    uses: BTreeMap<StatementId, EarlierUses>,
}

/// One door of a store.
#[derive(Clone, Debug)]
pub struct Door {
    /// Its name.
    pub id: Arc<DoorId>,
    /// Where it stands.
    pub place: Place,
    /// Whether its service can be held.
    pub holdable: Holdable,
    /// What the ledger says about it.
    pub state: State,
}

/// What one entry did to one door.
#[derive(Clone, Debug)]
pub struct Change {
    /// Which door, by its place in [`Doors::all`].
    pub index: usize,
    /// What happened to it.
    pub event: Event,
    /// Its state before.
    pub before: State,
}

/// Why an entry does not follow from those before it.
#[derive(Debug, thiserror::Error)]
pub enum Misfit {
    /// A second enrolment.
    #[error("the store is enrolled a second time")]
    SecondEnrolment,
    /// A door that was never enrolled.
    #[error("door {0} is not enrolled in this store")]
    UnknownDoor(DoorId),
    /// An event that the door's state refuses.
    #[error("door {door} could not take this")]
    Refused {
        /// The door.
        door: DoorId,
        /// Why.
        #[source]
        source: Refused,
    },
}

impl Doors {
    /// Newly enrolled doors: all contained.
    #[must_use]
    pub fn enrolled(enrolment: Enrolment) -> Self {
        let first = enrolment.first_restriction();
        let doors = enrolment
            .doors()
            .iter()
            .map(|entry| Door {
                id: Arc::new(entry.door.clone()),
                place: entry.place.clone(),
                holdable: entry.holdable,
                state: State::enrolled(
                    first,
                    Restriction {
                        rules: contained(entry.holdable),
                        class: Class::Containment,
                        origin: Origin::Enrolment,
                        signal: None,
                        since: None,
                    },
                ),
            })
            .collect();
        Self {
            enrolment,
            doors,
            seen: BTreeMap::from([(first, 0)]),
            withdrawn: StandsOn::default(),
            witnessed: None,
            uses: BTreeMap::new(),
        }
    }

    /// Doors whose states a reader of the ledger kept elsewhere, to go on reading from there: one state per door, in the
    /// order of [`all`](Self::all). What was seen, withdrawn and used before is not known here, so this is for looking;
    /// whoever owns doors replays the ledger.
    #[must_use]
    pub fn resumed(enrolment: Enrolment, states: Vec<State>) -> Option<Self> {
        let mut doors = Self::enrolled(enrolment);
        if states.len() != doors.doors.len() {
            return None;
        }
        for (door, state) in doors.doors.iter_mut().zip(states) {
            door.state = state;
        }
        Some(doors)
    }

    /// Who the store is.
    #[must_use]
    pub const fn enrolment(&self) -> &Enrolment {
        &self.enrolment
    }

    /// Every door, sorted by name.
    #[must_use]
    pub fn all(&self) -> &[Door] {
        &self.doors
    }

    /// One door's place in [`all`](Self::all).
    #[must_use]
    pub fn find(&self, id: &DoorId) -> Option<usize> {
        self.doors.binary_search_by(|door| (*door.id).cmp(id)).ok()
    }

    /// As [`find`](Self::find), for whoever names doors in their order: it is looked for at a place first.
    #[must_use]
    pub fn find_at(&self, place: usize, id: &DoorId) -> Option<usize> {
        let is_there = self.doors.get(place).is_some_and(|door| *door.id == *id);
        if is_there { Some(place) } else { self.find(id) }
    }

    /// One door.
    #[must_use]
    pub fn door(&self, id: &DoorId) -> Option<&Door> {
        self.doors.get(self.find(id)?)
    }

    /// The entry that first said so, if a restriction was ever ordered here.
    #[must_use]
    pub fn seen(&self, id: &RestrictionId) -> Option<u64> {
        self.seen.get(id).copied()
    }

    /// Everything that was withdrawn.
    #[must_use]
    pub const fn withdrawn(&self) -> &StandsOn {
        &self.withdrawn
    }

    /// The latest witnessed instant the ledger knows. Never goes back.
    #[must_use]
    pub const fn witnessed(&self) -> Option<Timestamp> {
        self.witnessed
    }

    /// When a pre-signed order was used here before.
    #[must_use]
    pub fn uses(&self, order: &StatementId) -> EarlierUses {
        self.uses.get(order).cloned().unwrap_or_default()
    }

    /// Carries out one entry and says what changed.
    ///
    /// # Errors
    /// [`Misfit`] when the entry does not follow from those before it; nothing was changed then.
    pub fn apply(&mut self, entry: u64, body: &Body) -> Result<Vec<Change>, Misfit> {
        let changes = self.decide(body)?;
        match body {
            Body::Tightened(tightened) => {
                self.seen.entry(tightened.restriction).or_insert(entry);
                if let (Origin::Order(statement), Some(used)) = (&tightened.origin, tightened.used) {
                    self.uses
                        .entry(*statement)
                        .or_default()
                        .insert(used.number, used.at);
                }
            }
            Body::Withdrawn(withdrawn) => {
                self.seen.entry(withdrawn.restriction).or_insert(entry);
                self.withdrawn = core::mem::take(&mut self.withdrawn).and(&withdrawn.named);
            }
            Body::Fresh(fresh) => self.witnessed = self.witnessed.max(Some(fresh.witnessed)),
            Body::Enrolled(_)
            | Body::Started(_)
            | Body::Raised(_)
            | Body::Opened(_)
            | Body::GrantsEnded(_)
            | Body::Authority(_)
            | Body::Statement(_)
            | Body::Refused(_) => {}
        }
        let mut done = Vec::with_capacity(changes.len());
        for (index, event, after) in changes {
            if let Some(door) = self.doors.get_mut(index) {
                let before = core::mem::replace(&mut door.state, after);
                done.push(Change { index, event, before });
            }
        }
        Ok(done)
    }

    /// Whether an entry would follow, without carrying it out.
    ///
    /// # Errors
    /// [`Misfit`] as [`apply`](Self::apply).
    pub fn check(&self, body: &Body) -> Result<(), Misfit> {
        match body {
            // Only an opening can be refused by a door's state.
            Body::Opened(_) => self.decide(body).map(|_| ()),
            Body::Tightened(tightened) => {
                self.all_known(tightened.on.iter().flat_map(|effect| &effect.doors))
            }
            Body::Withdrawn(withdrawn) => {
                self.all_known(withdrawn.on.iter().flat_map(|effect| &effect.doors))
            }
            Body::Raised(raised) => self.all_known(raised.on.keys()),
            Body::GrantsEnded(ended) => self.all_known(&ended.doors),
            Body::Enrolled(_) => Err(Misfit::SecondEnrolment),
            Body::Started(_)
            | Body::Fresh(_)
            | Body::Authority(_)
            | Body::Statement(_)
            | Body::Refused(_) => Ok(()),
        }
    }

    fn all_known<'a>(&self, doors: impl IntoIterator<Item = &'a DoorId>) -> Result<(), Misfit> {
        doors
            .into_iter()
            .try_for_each(|door| self.known(door).map(|_| ()))
    }

    /// What each concerned door becomes. Doors that stay as they are are left out.
    fn decide(&self, body: &Body) -> Result<Vec<(usize, Event, State)>, Misfit> {
        let mut changes = Vec::new();
        for (index, event) in self.events(body)? {
            let Some(door) = self.doors.get(index) else {
                continue;
            };
            let after = next(door.state.clone(), &event).map_err(|source| Misfit::Refused {
                door: (*door.id).clone(),
                source,
            })?;
            if after != door.state {
                changes.push((index, event, after));
            }
        }
        Ok(changes)
    }

    fn events(&self, body: &Body) -> Result<Vec<(usize, Event)>, Misfit> {
        match body {
            Body::Enrolled(_) => Err(Misfit::SecondEnrolment),
            Body::Started(_) => Ok((0..self.doors.len())
                .map(|index| (index, Event::Started))
                .collect()),
            Body::Tightened(body) => self.at_each(&body.on, |rules| Event::Tightened {
                id: body.restriction,
                restriction: Restriction {
                    rules,
                    class: body.class,
                    origin: body.origin.clone(),
                    signal: body.signal.clone(),
                    since: body.since,
                },
            }),
            Body::Raised(body) => body
                .on
                .iter()
                .map(|(door, ids)| {
                    let event = Event::Raised {
                        ids: ids.clone(),
                        class: body.class,
                    };
                    Ok((self.known(door)?, event))
                })
                .collect(),
            Body::Opened(body) => {
                let mut next = 0;
                let mut events = Vec::with_capacity(body.on.len());
                for (door, opening) in &body.on {
                    let place = self.known_at(next, door)?;
                    next = place.saturating_add(1);
                    events.push((place, Event::Opening(opening.clone())));
                }
                Ok(events)
            }
            Body::Withdrawn(body) => self.at_each(&body.on, |rules| Event::Withdrawn {
                named: body.named.clone(),
                id: body.restriction,
                restriction: Restriction {
                    rules,
                    class: Class::Containment,
                    origin: Origin::Withdrawal(body.statement),
                    signal: None,
                    since: body.since,
                },
            }),
            Body::GrantsEnded(body) => body
                .doors
                .iter()
                .map(|door| Ok((self.known(door)?, Event::GrantsEnded { at: body.at })))
                .collect(),
            Body::Fresh(_) | Body::Authority(_) | Body::Statement(_) | Body::Refused(_) => Ok(Vec::new()),
        }
    }

    fn at_each(
        &self,
        on: &[Effect],
        event: impl Fn(FlowRules) -> Event,
    ) -> Result<Vec<(usize, Event)>, Misfit> {
        let mut events = Vec::with_capacity(on.iter().map(|effect| effect.doors.len()).sum());
        for effect in on {
            let mut next = 0;
            for door in &effect.doors {
                let place = self.known_at(next, door)?;
                next = place.saturating_add(1);
                events.push((place, event(effect.rules)));
            }
        }
        Ok(events)
    }

    fn known(&self, id: &DoorId) -> Result<usize, Misfit> {
        self.known_at(usize::MAX, id)
    }

    fn known_at(&self, place: usize, id: &DoorId) -> Result<usize, Misfit> {
        self.find_at(place, id)
            .ok_or_else(|| Misfit::UnknownDoor(id.clone()))
    }
}
