//! Refused openings are logged, but nobody can fill the disk with them.

use std::collections::BTreeMap;

use vocabulary::{DoorId, StatementId};

/// Different refusals remembered one by one. Openings need signatures of the charter's persons, so more than this is
/// not people deciding.
const DIFFERENT_MAX: usize = 4096;

/// Counts repeated refusals. The first, second, fourth, eighth … time is worth an entry.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    times: BTreeMap<(StatementId, DoorId, String), u64>,
    unlisted: u64,
}

impl Refusals {
    /// Counts one refusal; the count, if it is to be logged.
    pub(super) fn count(&mut self, opening: StatementId, door: &DoorId, missing: &str) -> Option<u64> {
        let key = (opening, door.clone(), missing.to_owned());
        if self.times.len() >= DIFFERENT_MAX && !self.times.contains_key(&key) {
            self.unlisted = self.unlisted.saturating_add(1);
            return None;
        }
        let times = self.times.entry(key).or_insert(0);
        *times = times.saturating_add(1);
        if times.is_power_of_two() {
            Some(*times)
        } else {
            self.unlisted = self.unlisted.saturating_add(1);
            None
        }
    }

    /// Counts refusals the ledger did not take.
    pub(super) const fn not_recorded(&mut self, count: usize) {
        self.unlisted = self.unlisted.saturating_add(count as u64);
    }

    /// Refusals that were counted only.
    pub(super) const fn unlisted(&self) -> u64 {
        self.unlisted
    }
}
