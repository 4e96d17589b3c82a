//! One source: how far it is followed, and the doors it tells about.

use std::collections::{BTreeMap, BTreeSet};

use door::entry::{Body, Tightened};
use door::{Change, Doors, Enrolment, Event, Freshness, Misfit, Origin, flow_rules};
use serde::{Deserialize, Serialize};
use vocabulary::{Class, DoorId, RestrictionId, Scope, StatementId, Timestamp};

use crate::door_view::{Cause, Door, Restriction};
use crate::source::{Noted, Source, SourceId, Trouble};

/// Every so many entries of a source the journal's number is remembered, to find one again.
pub(crate) const MARK_EVERY: u64 = 1024;
/// Most troubles of one source that are kept; a hostile source cannot fill the journal with its own.
pub(crate) const TROUBLES_MAX: usize = 100;

/// One source as the fold follows it.
pub(crate) struct Lane {
    pub(crate) id: SourceId,
    pub(crate) source: Source,
    /// Whether it moves anything: false once another branch of it goes on.
    pub(crate) active: bool,
    /// Every [`MARK_EVERY`]th entry's number here and in the journal.
    pub(crate) marks: Vec<(u64, u64)>,
    /// The doors, once enrolled.
    pub(crate) store: Option<Store>,
    /// Entries of the authority log in its replica.
    pub(crate) replica_len: u64,
    /// Whether it no longer says anything certain about doors.
    pub(crate) stuck: bool,
    /// When it was heard and how many entries it named, as far as the journal does not say so yet.
    pub(crate) live: Option<(Timestamp, u64)>,
}

/// A raising the doors of a store have not been seen to carry out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct RaiseAsked {
    pub(crate) index: u64,
    pub(crate) statement: StatementId,
    pub(crate) scope: Scope,
    pub(crate) to: Class,
    pub(crate) only: Option<BTreeSet<RestrictionId>>,
}

/// What one doors' ledger says.
pub(crate) struct Store {
    pub(crate) doors: Doors,
    pub(crate) fresh: Freshness,
    /// Why each restriction was ordered, and when it was recorded here.
    pub(crate) reasons: BTreeMap<RestrictionId, (String, Timestamp)>,
    /// Per door, in the order of [`Doors::all`]: last change, and drains with their end.
    pub(crate) since: Vec<Timestamp>,
    pub(crate) drains: Vec<BTreeMap<RestrictionId, Timestamp>>,
    /// Restrictions that were ever recorded here.
    pub(crate) seen: BTreeSet<RestrictionId>,
    /// Closings that mean a door here and were not recorded yet.
    pub(crate) unseen: BTreeMap<RestrictionId, (StatementId, Scope)>,
    /// Raisings it has not passed yet.
    pub(crate) raises: Vec<RaiseAsked>,
    /// When it was enrolled: where two stores name one door, the later counts.
    pub(crate) enrolled: Timestamp,
}

impl Lane {
    pub(crate) fn new(id: SourceId, source: Source) -> Self {
        Self {
            id,
            source,
            active: true,
            marks: Vec::new(),
            store: None,
            replica_len: 0,
            stuck: false,
            live: None,
        }
    }

    /// The source as the picture shows it: with what was heard since the journal's last word.
    pub(crate) fn shown(&self) -> Source {
        let mut source = self.source.clone();
        if let Some((heard, claimed)) = self.live {
            source.heard = source.heard.max(heard);
            source.claimed = claimed;
        }
        source.claimed = source.claimed.max(source.len);
        source
    }

    /// Notes a trouble, unless it is known and not over.
    pub(crate) fn trouble(&mut self, trouble: Trouble, entry: u64, at: Timestamp) {
        if self.knows(&trouble) || self.source.troubles.len() >= TROUBLES_MAX {
            return;
        }
        self.source.troubles.push(Noted {
            trouble,
            entry,
            at,
            over: None,
        });
    }

    /// Whether a trouble is noted and not over.
    pub(crate) fn knows(&self, trouble: &Trouble) -> bool {
        self.source.open_troubles().any(|noted| noted.trouble == *trouble)
    }

    /// What was missing or damaged came: those troubles are over.
    pub(crate) fn mended_up_to(&mut self, len: u64, entry: u64) {
        for noted in &mut self.source.troubles {
            let over = match &noted.trouble {
                Trouble::Gap { got, .. } => len >= *got,
                Trouble::Damaged { index, .. } => len > *index,
                Trouble::Fork { .. }
                | Trouble::Shorter { .. }
                | Trouble::Unread { .. }
                | Trouble::OtherAuthority { .. } => false,
            };
            if over && noted.over.is_none() {
                noted.over = Some(entry);
            }
        }
    }

    /// The source names a head that is no shorter than what was seen: it has caught up again.
    pub(crate) fn long_again(&mut self, claimed: u64, entry: u64) {
        for noted in &mut self.source.troubles {
            if let Trouble::Shorter { known, .. } = &noted.trouble
                && claimed >= *known
                && noted.over.is_none()
            {
                noted.over = Some(entry);
            }
        }
    }
}

impl Store {
    pub(crate) fn enrolled(enrolment: Enrolment, at: Timestamp) -> Self {
        let first = enrolment.first_restriction();
        let doors = Doors::enrolled(enrolment);
        let count = doors.all().len();
        Self {
            doors,
            fresh: Freshness::Stale,
            reasons: BTreeMap::from([(first, (String::new(), at))]),
            since: vec![at; count],
            drains: vec![BTreeMap::new(); count],
            seen: BTreeSet::from([first]),
            unseen: BTreeMap::new(),
            raises: Vec::new(),
            enrolled: at,
        }
    }

    /// Carries out one entry; tells which doors look different now.
    pub(crate) fn apply(
        &mut self,
        index: u64,
        at: Timestamp,
        body: &Body,
    ) -> Result<BTreeSet<usize>, Misfit> {
        let changes = self.doors.apply(index, body)?;
        let mut touched: BTreeSet<usize> = changes.iter().map(|change| change.index).collect();
        for place in &touched {
            if let Some(since) = self.since.get_mut(*place) {
                *since = at;
            }
        }
        match body {
            Body::Tightened(tightened) => {
                self.order_recorded(tightened.restriction, &tightened.reason, at);
                self.begin_drains(tightened, &changes, at);
                // Also doors it did not change: what was ordered there is recorded now.
                let mut next = 0;
                for door in tightened.on.iter().flat_map(|effect| &effect.doors) {
                    if let Some(place) = self.doors.find_at(next, door) {
                        next = place.saturating_add(1);
                        touched.insert(place);
                    }
                }
            }
            Body::Withdrawn(withdrawn) => self.order_recorded(withdrawn.restriction, "", at),
            Body::Started(_) => {
                self.fresh = Freshness::Stale;
                self.drains.iter_mut().for_each(BTreeMap::clear);
                touched.extend(self.all_places());
                self.since.iter_mut().for_each(|since| *since = at);
            }
            Body::Fresh(_) => {
                if self.fresh == Freshness::Stale {
                    self.fresh = Freshness::Fresh;
                    self.since.iter_mut().for_each(|since| *since = at);
                    touched.extend(self.all_places());
                }
            }
            Body::Enrolled(_)
            | Body::Raised(_)
            | Body::Opened(_)
            | Body::GrantsEnded(_)
            | Body::Authority(_)
            | Body::Statement(_)
            | Body::Refused(_) => {}
        }
        Ok(touched)
    }

    pub(crate) fn all_places(&self) -> std::ops::Range<usize> {
        0..self.doors.all().len()
    }

    fn order_recorded(&mut self, id: RestrictionId, reason: &str, at: Timestamp) {
        self.reasons.entry(id).or_insert_with(|| (reason.to_owned(), at));
        self.seen.insert(id);
        self.unseen.remove(&id);
    }

    /// A drain begins when its restriction does, not when it is repeated.
    fn begin_drains(&mut self, body: &Tightened, changes: &[Change], at: Timestamp) {
        let Some(span) = body.drain else { return };
        for change in changes {
            if let (Event::Tightened { id, .. }, Some(drains)) =
                (&change.event, self.drains.get_mut(change.index))
            {
                drains.insert(*id, at.plus(span));
            }
        }
    }

    /// Whether a scope means any door here.
    pub(crate) fn is_meant(&self, scope: &Scope) -> bool {
        self.doors.all().iter().any(|door| scope.covers(&door.place))
    }

    /// Doors a scope means.
    pub(crate) fn meant(&self, scope: &Scope) -> impl Iterator<Item = usize> {
        let all = self.doors.all().iter().enumerate();
        all.filter(|(_, door)| scope.covers(&door.place))
            .map(|(place, _)| place)
    }

    /// Raisings whose entry the replica has passed are carried out, or changed nothing here.
    pub(crate) fn settle_raises(&mut self, replica_len: u64) -> bool {
        let before = self.raises.len();
        self.raises.retain(|raise| raise.index >= replica_len);
        self.raises.len() != before
    }

    pub(crate) fn id_at(&self, place: usize) -> Option<&DoorId> {
        self.doors.all().get(place).map(|door| &*door.id)
    }

    /// One door's row, but for what others say about it.
    pub(crate) fn row(&self, place: usize, source: &SourceId, withdrawn: &[Toppled]) -> Option<Door> {
        let (door, since) = (self.doors.all().get(place)?, self.since.get(place)?);
        let none = BTreeSet::new();
        let rules = flow_rules(&door.state, door.holdable, self.fresh, &none);
        let mut draining: BTreeMap<RestrictionId, Timestamp> = self.drains.get(place)?.clone();
        draining.retain(|id, _| door.state.restriction(id).is_some());
        let loose = draining.keys().copied().collect();
        // A drain that loosens nothing (another restriction already stands in full) is no Draining door.
        if flow_rules(&door.state, door.holdable, self.fresh, &loose) == rules {
            draining.clear();
        }
        let active = door.state.active().into_iter().flatten();
        Some(Door {
            place: door.place.clone(),
            holdable: door.holdable,
            source: source.clone(),
            also: BTreeSet::new(),
            epoch: door.state.epoch(),
            position: rules.position(),
            rules,
            fresh: self.fresh == Freshness::Fresh,
            class: door.state.class(),
            restrictions: active
                .map(|(id, restriction)| (*id, self.restriction(id, restriction)))
                .collect(),
            grants: door.state.grants().clone(),
            stands_on: door.state.stands_on().clone(),
            draining,
            since: *since,
            ordered: self.ordered(door, withdrawn),
            measured: None,
            level: crate::door_view::Level::Enforcing,
        })
    }

    fn restriction(&self, id: &RestrictionId, restriction: &door::Restriction) -> Restriction {
        let (reason, since) = self
            .reasons
            .get(id)
            .map_or((String::new(), Timestamp(0)), |(reason, since)| {
                (reason.clone(), *since)
            });
        Restriction {
            class: restriction.class,
            cause: match &restriction.origin {
                Origin::Order(statement) => Cause::Order(*statement),
                Origin::Withdrawal(statement) => Cause::Withdrawal(*statement),
                Origin::Enrolment => Cause::Enrolment,
                Origin::RolledBack => Cause::RolledBack,
                Origin::BrokenPromise => Cause::BrokenPromise,
            },
            reason,
            since,
            signal: restriction.signal.clone(),
            rules: restriction.rules,
        }
    }

    /// What was ordered towards more shut and is not in this ledger yet.
    fn ordered(&self, door: &door::Door, withdrawn: &[Toppled]) -> BTreeSet<StatementId> {
        let closings = self
            .unseen
            .values()
            .filter(|(_, scope)| scope.covers(&door.place))
            .map(|(statement, _)| *statement);
        let raises = self.raises.iter().filter(|raise| {
            let lower = |(id, restriction): (&RestrictionId, &door::Restriction)| {
                restriction.class < raise.to && raise.only.as_ref().is_none_or(|only| only.contains(id))
            };
            raise.scope.covers(&door.place) && door.state.active().into_iter().flatten().any(lower)
        });
        let stands_on = door.state.stands_on();
        let fallen = withdrawn
            .iter()
            .filter(|one| !stands_on.is_empty() && stands_on.meets(&one.closure));
        closings
            .chain(raises.map(|raise| raise.statement))
            .chain(fallen.map(|one| one.statement))
            .collect()
    }
}

/// What a withdrawal in the authority log takes with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Toppled {
    pub(crate) statement: StatementId,
    pub(crate) closure: door::StandsOn,
}
