//! What doors' ledgers say, and what the authority log asks of doors.

use std::sync::Arc;

use clearance::Admitted;
use door::entry::Body;
use order::Act;
use record::EntryRef;
use vocabulary::{DoorId, Envelope, Timestamp};

use super::lane::{Lane, RaiseAsked, Store, Toppled};
use super::{Fold, leaf_of, people};
use crate::door_view::Door;
use crate::picture::{Pin, Refused};

/// How doors' ledgers call an entry of their replica of the authority log ([`Body::Authority`]).
const REPLICA_KIND: &str = "authority";

/// An entry of a doors' ledger under way.
struct DoorEntry<'a> {
    lane: usize,
    journal: u64,
    at: Timestamp,
    index: u64,
    body: &'a Body,
}

impl Fold {
    /// Notes what an admitted statement asks of doors, until their own ledgers say it.
    pub(super) fn ordered(&mut self, index: u64, admitted: &Admitted) {
        match admitted {
            Admitted::Tighten(order) => {
                let (id, statement, scope) = (order.restriction(), order.statement(), order.scope().clone());
                for (place, lane) in self.lanes.iter_mut().enumerate() {
                    let Some(store) = &mut lane.store else { continue };
                    if store.seen.contains(&id) || !store.is_meant(&scope) {
                        continue;
                    }
                    self.dirty.extend(store.meant(&scope).map(|door| (place, door)));
                    store.unseen.insert(id, (statement, scope.clone()));
                }
                self.orders.insert(id, (statement, scope));
            }
            Admitted::Raise(order) => {
                let closing = self.picture.statements.closings.get(&order.statement());
                let Some(Act::Raise { to, .. }) = closing.map(|signed| &signed.body.act) else {
                    return;
                };
                let raise = RaiseAsked {
                    index,
                    statement: order.statement(),
                    scope: order.scope().clone(),
                    to: *to,
                    only: order.only().cloned(),
                };
                for (place, lane) in self.lanes.iter_mut().enumerate() {
                    if let Some(store) = &mut lane.store
                        && lane.replica_len <= index
                    {
                        self.dirty
                            .extend(store.meant(&raise.scope).map(|door| (place, door)));
                        store.raises.push(raise.clone());
                    }
                }
                self.raises.push(raise);
            }
            Admitted::Withdraw(proof) => {
                self.toppled.push(Toppled {
                    statement: proof.statement(),
                    closure: door::StandsOn::from(proof.closure()),
                });
                for (place, lane) in self.lanes.iter().enumerate() {
                    let doors = lane.store.as_ref().map_or(0..0, Store::all_places);
                    self.dirty.extend(doors.map(|door| (place, door)));
                }
            }
            Admitted::Charter(_)
            | Admitted::Section(_)
            | Admitted::StandingOrder(_)
            | Admitted::Opening(_)
            | Admitted::Clearance(_)
            | Admitted::Consent(_)
            | Admitted::Refusal(_)
            | Admitted::StandingConsent(_)
            | Admitted::Delegation(_)
            | Admitted::Repeat => {}
        }
    }

    pub(super) fn doors_entry(
        &mut self,
        lane: usize,
        (journal, at): (u64, Timestamp),
        entry: &EntryRef<'_>,
        read: Option<Body>,
    ) {
        if entry.kind == REPLICA_KIND {
            // Nearly every entry of a doors' ledger is one of these.
            return self.replica_entry(lane, (journal, entry.at), entry.body);
        }
        let body = match read.map_or_else(|| Body::read(entry.kind, entry.body), Ok) {
            Ok(body) => body,
            Err(error) => {
                let why = format!(
                    "Unbekannter Inhalt der Art „{}“. / Unknown content of kind \"{}\": {error}",
                    entry.kind, entry.kind
                );
                return self.unread(lane, journal, at, &why);
            }
        };
        let under_way = DoorEntry {
            lane,
            journal,
            at: entry.at,
            index: entry.index,
            body: &body,
        };
        match &body {
            Body::Enrolled(enrolment) => self.enrolled(&under_way, enrolment.clone()),
            Body::Authority(bytes) => self.replica_entry(lane, (journal, entry.at), bytes),
            Body::Statement(envelope) => self.handed(&under_way, envelope),
            Body::Refused(refused) => self.refused(&under_way, refused),
            Body::Opened(opened) => {
                if self.moved(&under_way) {
                    self.carried_out(opened);
                }
            }
            Body::Started(_)
            | Body::Tightened(_)
            | Body::Raised(_)
            | Body::Withdrawn(_)
            | Body::GrantsEnded(_)
            | Body::Fresh(_) => {
                self.moved(&under_way);
            }
        }
    }

    fn enrolled(&mut self, entry: &DoorEntry<'_>, enrolment: door::Enrolment) {
        let pinned = match self.log.pin {
            Pin::Installed(digest) | Pin::FirstSeen(digest) => Some(digest),
            Pin::Missing => None,
        };
        let own = *enrolment.estate() == self.picture.estate
            && pinned.is_none_or(|digest| digest == enrolment.charter());
        let taken = self.lanes.get(entry.lane).is_none_or(|lane| lane.store.is_some());
        if !own || taken {
            return self.unread(
                entry.lane,
                entry.journal,
                entry.at,
                "Der Türspeicher gehört zu einem anderen Verbund, einer anderen Urkunde, oder ist zweimal eingetragen. / \
                 The door store belongs to another estate, another charter, or is enrolled twice.",
            );
        }
        let mut store = Store::enrolled(enrolment, entry.at);
        for (id, (statement, scope)) in &self.orders {
            if store.is_meant(scope) {
                store.unseen.insert(*id, (*statement, scope.clone()));
            }
        }
        store.raises.clone_from(&self.raises);
        for (place, door) in store.doors.all().iter().enumerate() {
            self.tellers
                .entry((*door.id).clone())
                .or_default()
                .insert(entry.lane);
            self.dirty.insert((entry.lane, place));
        }
        if let Some(lane) = self.lanes.get_mut(entry.lane) {
            lane.store = Some(store);
        }
    }

    /// The replica followed the authority log by one entry.
    fn replica_entry(&mut self, lane: usize, (journal, at): (u64, Timestamp), bytes: &[u8]) {
        let known = self.lanes.get(lane).map_or(0, |lane| lane.replica_len);
        self.settle_raises(lane, known);
        let index = EntryRef::decode(bytes).map(|inner| inner.index);
        if index != Ok(known) {
            return self.unread(
                lane,
                journal,
                at,
                "Die Kopie des Weisungsprotokolls hat eine Lücke. / The replica of the authority log has a gap.",
            );
        }
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.replica_len = known.saturating_add(1);
        }
        if !self.log.knows(known, bytes) {
            self.authority_entry(lane, journal, at, bytes, leaf_of(bytes));
        }
    }

    fn settle_raises(&mut self, lane: usize, replica_len: u64) {
        if let Some(store) = self.lanes.get_mut(lane).and_then(|lane| lane.store.as_mut())
            && !store.raises.is_empty()
            && store.settle_raises(replica_len)
        {
            self.dirty.extend(store.all_places().map(|door| (lane, door)));
        }
    }

    fn handed(&mut self, entry: &DoorEntry<'_>, envelope: &Envelope) {
        if let Some(lane) = self.lanes.get(entry.lane) {
            let statements = Arc::make_mut(&mut self.picture.statements);
            self.shelves.handed(statements, envelope, &lane.id, entry.at);
        }
    }

    /// An entry that may change doors. Tells whether it could be carried out.
    fn moved(&mut self, entry: &DoorEntry<'_>) -> bool {
        let Some(lane) = self.lanes.get_mut(entry.lane) else {
            return false;
        };
        let replica_len = lane.replica_len;
        let Some(store) = &mut lane.store else {
            self.unread(
                entry.lane,
                entry.journal,
                entry.at,
                "Der Türspeicher beginnt nicht mit seiner Eintragung. / The door store does not begin with its enrolment.",
            );
            return false;
        };
        match store.apply(entry.index, entry.at, entry.body) {
            Ok(touched) => {
                self.dirty
                    .extend(touched.into_iter().map(|door| (entry.lane, door)));
                self.settle_raises(entry.lane, replica_len);
                true
            }
            Err(misfit) => {
                let why = format!(
                    "Der Eintrag folgt nicht aus den früheren. / The entry does not follow from those before it: {misfit}."
                );
                self.unread(entry.lane, entry.journal, entry.at, &why);
                false
            }
        }
    }

    fn carried_out(&mut self, opened: &door::entry::Opened) {
        let carried = Arc::make_mut(&mut self.picture.carried);
        let mut rest = opened.on.iter().peekable();
        while let Some(statement) = rest.peek().map(|(_, opening)| opening.statement) {
            // Doors are opened many at a time by one statement.
            let line = carried.entry(statement).or_default();
            while let Some((door, _)) = rest.next_if(|(_, opening)| opening.statement == statement) {
                line.applied.insert(door.clone());
                line.refused.remove(door);
            }
        }
    }

    fn refused(&mut self, entry: &DoorEntry<'_>, body: &door::entry::RefusedOpening) {
        self.settle_raises(
            entry.lane,
            self.lanes.get(entry.lane).map_or(0, |lane| lane.replica_len),
        );
        let carried = Arc::make_mut(&mut self.picture.carried);
        let line = carried.entry(body.statement).or_default();
        if !line.applied.contains(&body.door) {
            line.refused
                .insert(body.door.clone(), (body.missing.clone(), body.times));
        }
        let refused = Refused {
            door: body.door.clone(),
            opening: body.statement,
            missing: body.missing.clone(),
            at: entry.at,
            times: body.times,
        };
        people::push(Arc::make_mut(&mut self.picture.refusals), refused);
    }

    pub(super) fn finish_doors(&mut self) {
        let mut names = std::mem::take(&mut self.touched);
        for (lane, place) in std::mem::take(&mut self.dirty) {
            let store = self.lanes.get(lane).and_then(|lane| lane.store.as_ref());
            names.extend(store.and_then(|store| store.id_at(place)).cloned());
        }
        if names.is_empty() {
            return;
        }
        let rows: Vec<_> = names
            .into_iter()
            .map(|name| {
                let row = self.door_row(&name);
                (name, row)
            })
            .collect();
        let doors = Arc::make_mut(&mut self.picture.doors);
        for (name, row) in rows {
            match row {
                Some(row) => {
                    doors.insert(name, Arc::new(row));
                }
                None => {
                    doors.remove(&name);
                }
            }
        }
    }

    /// One door's row. Where two stores name it, the one enrolled last counts, and the row says so.
    fn door_row(&self, name: &DoorId) -> Option<Door> {
        let tellers = self.tellers.get(name)?;
        let mut telling: Vec<(&Lane, &Store)> = tellers
            .iter()
            .filter_map(|place| self.lanes.get(*place))
            .filter_map(|lane| Some((lane, lane.store.as_ref()?)))
            .collect();
        telling.sort_by_key(|(lane, store)| (store.enrolled, &lane.id));
        let (lane, store) = telling.pop()?;
        let mut row = store.row(store.doors.find(name)?, &lane.id, &self.toppled)?;
        row.also = telling.into_iter().map(|(lane, _)| lane.id.clone()).collect();
        row.measured = self.measured.get(name).cloned();
        if let Some(level) = self.picture.people.levels.get(name) {
            row.level = *level;
        }
        Some(row)
    }
}
