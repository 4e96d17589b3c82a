//! A fold goes on from what a snapshot kept.

use std::sync::Arc;

use super::authority::{AuthorityLog, Shown};
use super::lane::Lane;
use super::{Fold, leaf_of};
use crate::picture::Pin;
use crate::snapshot::Handed;

impl Fold {
    /// Takes the root of authority as it was.
    pub(crate) fn pin(&mut self, pin: Pin) {
        self.log = AuthorityLog::new(self.picture.estate.clone(), None);
        self.log.pin = pin;
        self.picture.pin = pin;
    }

    /// Follows the authority log's next entry again; `None` when it is not the next.
    pub(crate) fn follow_again(&mut self, entry: &[u8]) -> Option<()> {
        if self.log.show(entry, leaf_of(entry)) != Shown::New {
            return None;
        }
        self.tell();
        Some(())
    }

    /// Puts the sources back, and what doors were handed.
    pub(crate) fn resume(&mut self, lanes: Vec<Lane>, handed: &[Handed]) {
        self.lanes = lanes;
        for one in handed {
            let statements = Arc::make_mut(&mut self.picture.statements);
            for door in &one.to {
                self.shelves.handed(statements, &one.envelope, door, one.at);
            }
        }
        for (place, lane) in self.lanes.iter_mut().enumerate() {
            self.changed.insert(place);
            let Some(store) = &mut lane.store else { continue };
            for (id, (statement, scope)) in &self.orders {
                if !store.seen.contains(id) && store.is_meant(scope) {
                    store.unseen.insert(*id, (*statement, scope.clone()));
                }
            }
            for (row, door) in store.doors.all().iter().enumerate() {
                let tellers = self.tellers.entry((*door.id).clone()).or_default();
                tellers.insert(place);
                self.dirty.insert((place, row));
            }
        }
    }
}
