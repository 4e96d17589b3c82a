//! How many items of each cell are where: for whoever watches the backlog, not for the certificate.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use vocabulary::{CellId, Timestamp};

use crate::{
    Error, Spool,
    cache::{Cache, sql, unsql},
    id::ItemId,
    state::State,
};

/// One cell's items, each in exactly one class. Items whose space was given back are not counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Figures {
    /// Wait.
    pub held: u64,
    /// A hand-over began and its end is unknown.
    pub in_doubt: u64,
    /// Were handed over.
    pub handed_over: u64,
    /// Were set aside for a person.
    pub parked: u64,
    /// Since when the one that waits longest has been waiting.
    pub oldest: Option<Timestamp>,
}

impl Figures {
    fn add(&mut self, state: State, count: u64, since: Timestamp) {
        match state {
            State::Held => self.held += count,
            State::InDoubt => self.in_doubt += count,
            State::HandedOver | State::Done => self.handed_over += count,
            State::Parked => self.parked += count,
        }
        if state.waits() {
            self.oldest = Some(self.oldest.map_or(since, |oldest| oldest.min(since)));
        }
    }
}

impl Spool {
    /// Counts every cell that ever had an item. Reads the whole index on a connection of its own, so that nobody waits
    /// for it: about a third of a second for a million items.
    ///
    /// # Errors
    /// When the cache cannot be read.
    pub fn figures(&self) -> Result<BTreeMap<CellId, Figures>, Error> {
        let rows: Vec<(String, i64, i64, i64)> = Cache::reader(&self.shared.cache_path)?
            .prepare(
                "SELECT l.cell, i.state, count(*), min(i.since) FROM items i JOIN lanes l ON l.id = i.lane \
                 GROUP BY i.lane, i.state",
            )
            .and_then(|mut statement| {
                statement
                    .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
                    .collect()
            })
            .map_err(Error::cache("count items"))?;
        let mut cells: BTreeMap<CellId, Figures> = BTreeMap::new();
        for (cell, state, count, since) in rows {
            if let (Ok(cell), Some(state)) = (cell.parse(), State::read(state)) {
                cells
                    .entry(cell)
                    .or_default()
                    .add(state, unsql(count), Timestamp(since));
            }
        }
        Ok(cells)
    }

    /// Items after one, in the order of their acceptance, with where each is; at most `limit`. On a connection of its own,
    /// like [`figures`](Self::figures).
    ///
    /// # Errors
    /// When the cache cannot be read.
    pub fn states_after(&self, after: Option<ItemId>, limit: u32) -> Result<Vec<(ItemId, State)>, Error> {
        let rows: Vec<(i64, i64)> = Cache::reader(&self.shared.cache_path)?
            .prepare("SELECT seq, state FROM items WHERE seq > ?1 ORDER BY seq LIMIT ?2")
            .and_then(|mut statement| {
                let from = sql(after.map_or(0, |item| item.seq));
                statement
                    .query_map(rusqlite::params![from, limit], |row| {
                        Ok((row.get(0)?, row.get(1)?))
                    })?
                    .collect()
            })
            .map_err(Error::cache("list items"))?;
        let known = rows.into_iter().filter_map(|(seq, state)| {
            let item = self.shared.item_id(unsql(seq));
            State::read(state).map(|state| (item, state))
        });
        Ok(known.collect())
    }
}
