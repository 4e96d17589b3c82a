//! What is asked of the pointer cache beyond filling it: reclaiming, lanes at the start, rows of items.

use std::collections::{BTreeSet, HashMap};

use rusqlite::{Connection, OptionalExtension as _, params};
use vocabulary::{CellId, Digest};

use crate::{
    Error,
    cache::{Cache, Row, digest_of, sql, unsql},
    id::{KeyEpoch, LaneId},
    record::{CountRecord, Tally},
    state::State,
};

impl Cache {
    pub(crate) fn oldest_segment(&self) -> Result<Option<u64>, Error> {
        self.conn
            .query_row("SELECT min(number) FROM segments", [], |row| {
                row.get::<_, Option<i64>>(0)
            })
            .map(|number| number.map(unsql))
            .map_err(Error::cache("find the oldest segment"))
    }

    /// Whether nothing in a segment is needed any more. Items of a segment are a range of sequence numbers.
    pub(crate) fn is_done(&self, segment: u64) -> Result<bool, Error> {
        self.conn
            .query_row(
                "SELECT NOT EXISTS (SELECT 1 FROM items WHERE segment = ?1 AND state <> 4 AND seq >= \
                 (SELECT first_seq FROM segments WHERE number = ?1) AND seq < coalesce( \
                 (SELECT first_seq FROM segments WHERE number = ?1 + 1), 9223372036854775807))",
                [sql(segment)],
                |row| row.get(0),
            )
            .map_err(Error::cache("look whether a segment is done"))
    }

    /// What must be said before a segment goes: its own counts, and how many of its items were handed over.
    pub(crate) fn counts_to_carry(&self, segment: u64) -> Result<Vec<CountRecord>, Error> {
        let rows: Vec<(String, Vec<u8>, u8, i64)> = self
            .conn
            .prepare(
                "SELECT cell, peer, tally, sum(times) FROM ( \
                 SELECT cell, peer, tally, times FROM counts WHERE segment = ?1 UNION ALL \
                 SELECT l.cell, l.peer, 255, count(*) FROM items i JOIN lanes l ON l.id = i.lane \
                 WHERE i.segment = ?1 GROUP BY l.cell, l.peer) GROUP BY cell, peer, tally",
            )
            .and_then(|mut statement| {
                statement
                    .query_map([sql(segment)], |row| {
                        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                    })?
                    .collect()
            })
            .map_err(Error::cache("sum up a segment"))?;
        Ok(rows
            .into_iter()
            .filter_map(|(cell, peer, tally, times)| {
                Some(CountRecord {
                    cell: cell.parse().ok()?,
                    peer: digest_of(peer),
                    tally: Tally::read(tally),
                    times: unsql(times),
                })
            })
            .collect())
    }

    /// Items accepted after one, in order.
    pub(crate) fn items_after(&self, seq: u64, limit: u32) -> Result<Vec<Row>, Error> {
        self.conn
            .prepare_cached(
                "SELECT seq, lane, segment, offset, epoch, state, reason, attempts, since, bytes, marks FROM items \
                 WHERE seq > ? ORDER BY seq LIMIT ?",
            )
            .and_then(|mut statement| statement.query_map(params![sql(seq), limit], read_row)?.collect())
            .map_err(Error::cache("list new items"))
    }

    pub(crate) fn epochs_in_use(&self) -> Result<BTreeSet<KeyEpoch>, Error> {
        let rows: Vec<i64> = self
            .conn
            .prepare("SELECT DISTINCT epoch FROM items")
            .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
            .map_err(Error::cache("find key epochs in use"))?;
        Ok(rows.into_iter().map(|epoch| KeyEpoch(unsql(epoch))).collect())
    }

    pub(crate) fn forget_key(&self, epoch: KeyEpoch) -> Result<(), Error> {
        self.conn
            .execute("DELETE FROM keys WHERE epoch = ?", [sql(epoch.0)])
            .map(|_| ())
            .map_err(Error::cache("forget a key epoch"))
    }

    /// Items handed over before an instant and not confirmed.
    pub(crate) fn handed_over_before(&self, before: i64, limit: u32) -> Result<Vec<u64>, Error> {
        let rows: Vec<i64> = self
            .conn
            .prepare_cached("SELECT seq FROM items WHERE state = 2 AND since <= ? ORDER BY seq LIMIT ?")
            .and_then(|mut statement| {
                statement
                    .query_map(params![before, limit], |row| row.get(0))?
                    .collect()
            })
            .map_err(Error::cache("find items kept long enough"))?;
        Ok(rows.into_iter().map(unsql).collect())
    }
}

/// How many items are in doubt.
pub(crate) fn in_doubt(conn: &Connection) -> Result<u64, Error> {
    // Both conditions: the first lets SQLite use the index of waiting items.
    conn.query_row(
        "SELECT count(*) FROM items WHERE state < 2 AND state = 1",
        [],
        |row| row.get::<_, i64>(0),
    )
    .map(unsql)
    .map_err(Error::cache("count items in doubt"))
}

/// The row of an item.
pub(crate) fn row(conn: &Connection, seq: u64) -> Result<Option<Row>, Error> {
    conn.prepare_cached(
        "SELECT seq, lane, segment, offset, epoch, state, reason, attempts, since, bytes, marks FROM items WHERE seq = ?",
    )
    .and_then(|mut statement| statement.query_row([sql(seq)], read_row).optional())
    .map_err(Error::cache("find an item"))
}

/// The oldest item that waits in a lane.
pub(crate) fn first_waiting(conn: &Connection, lane: LaneId) -> Result<Option<Row>, Error> {
    conn.prepare_cached(
        "SELECT seq, lane, segment, offset, epoch, state, reason, attempts, since, bytes, marks FROM items \
         WHERE lane = ? AND state < 2 ORDER BY seq LIMIT 1",
    )
    .and_then(|mut statement| statement.query_row([sql(lane.0)], read_row).optional())
    .map_err(Error::cache("find the head of a lane"))
}

pub(crate) fn read_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        seq: unsql(row.get(0)?),
        lane: LaneId(unsql(row.get(1)?)),
        segment: unsql(row.get(2)?),
        offset: unsql(row.get(3)?),
        epoch: KeyEpoch(unsql(row.get(4)?)),
        state: State::read(row.get(5)?).ok_or(rusqlite::Error::IntegralValueOutOfRange(5, 0))?,
        reason: row.get(6)?,
        attempts: unsql(row.get(7)?),
        since: row.get(8)?,
        bytes: unsql(row.get(9)?),
        marks: row.get(10)?,
    })
}

/// A lane and what is in it, for the start.
pub(crate) struct LaneRow {
    pub(crate) id: LaneId,
    pub(crate) cell: CellId,
    pub(crate) peer: Digest,
    pub(crate) waiting: u64,
    pub(crate) bytes: u64,
}

/// Every lane, with the number of waiting items and the bytes not yet done. One walk through the items: a million of
/// them must not keep a start waiting.
pub(crate) fn lanes(conn: &Connection) -> Result<Vec<LaneRow>, Error> {
    let failed = || Error::cache("read lanes");
    let mut sums: HashMap<i64, (u64, u64)> = HashMap::new();
    {
        let mut statement = conn
            .prepare("SELECT lane, state < 2, bytes FROM items WHERE state < 4")
            .map_err(failed())?;
        let mut rows = statement.query([]).map_err(failed())?;
        while let Some(row) = rows.next().map_err(failed())? {
            let read =
                || -> rusqlite::Result<(i64, bool, i64)> { Ok((row.get(0)?, row.get(1)?, row.get(2)?)) };
            let (lane, waits, bytes) = read().map_err(failed())?;
            let sum = sums.entry(lane).or_default();
            sum.0 += u64::from(waits);
            sum.1 += unsql(bytes);
        }
    }
    let rows: Vec<(i64, String, Vec<u8>)> = conn
        .prepare("SELECT id, cell, peer FROM lanes")
        .and_then(|mut statement| {
            statement
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
                .collect()
        })
        .map_err(failed())?;
    Ok(rows
        .into_iter()
        .filter_map(|(id, cell, peer)| {
            let (waiting, bytes) = sums.get(&id).copied().unwrap_or_default();
            Some(LaneRow {
                id: LaneId(unsql(id)),
                cell: cell.parse().ok()?,
                peer: digest_of(peer),
                waiting,
                bytes,
            })
        })
        .collect())
}
