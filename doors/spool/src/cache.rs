//! The pointer cache: SQLite, filled after the segments are synced and thrown away whenever it is doubted.
//!
//! It holds nothing that the segments do not say. The position up to which it was filled is part of the same SQLite
//! transaction as the rows, so a crash leaves it behind, never ahead.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};
use vocabulary::{CellId, Digest};

use crate::{
    Error,
    id::{KeyEpoch, LaneId},
    record::{CarriedRecord, CountRecord, ItemMeta, KeyRecord, SegmentRecord, Step, TransitionRecord},
    state::{self, State},
};

/// Where the segments end, as far as the cache knows them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Position {
    pub(crate) spool: u64,
    pub(crate) segment: u64,
    pub(crate) offset: u64,
    pub(crate) batch: u64,
    pub(crate) chain: Digest,
    pub(crate) next_seq: u64,
    pub(crate) next_epoch: u64,
}

/// A row of an item.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Row {
    pub(crate) seq: u64,
    pub(crate) lane: LaneId,
    pub(crate) segment: u64,
    pub(crate) offset: u64,
    pub(crate) epoch: KeyEpoch,
    pub(crate) state: State,
    pub(crate) reason: u32,
    pub(crate) attempts: u64,
    pub(crate) since: i64,
    pub(crate) bytes: u64,
    pub(crate) marks: u32,
}

pub(crate) const MARK_FETCHED: u32 = 1;
pub(crate) const MARK_DELETED: u32 = 2;
pub(crate) const MARK_FLAGGED: u32 = 4;

/// What a record changed, for the lanes in memory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Change {
    Added {
        lane: LaneId,
        cell: CellId,
        peer: Digest,
        bytes: u64,
    },
    Moved {
        lane: LaneId,
        from: State,
        to: State,
        bytes: u64,
    },
}

/// Where a frame lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Spot {
    pub(crate) segment: u64,
    pub(crate) offset: u64,
    pub(crate) len: u64,
}

pub(crate) struct Cache {
    pub(crate) conn: Connection,
}

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS place (
  one INTEGER PRIMARY KEY CHECK (one = 1), spool INTEGER, segment INTEGER, offset INTEGER, batch INTEGER, chain BLOB,
  next_seq INTEGER, next_epoch INTEGER);
CREATE TABLE IF NOT EXISTS segments (number INTEGER PRIMARY KEY, first_seq INTEGER);
CREATE TABLE IF NOT EXISTS keys (epoch INTEGER PRIMARY KEY, record BLOB);
CREATE TABLE IF NOT EXISTS lanes (id INTEGER PRIMARY KEY, cell TEXT, peer BLOB, lane BLOB UNIQUE);
CREATE TABLE IF NOT EXISTS items (
  seq INTEGER PRIMARY KEY, lane INTEGER, segment INTEGER, offset INTEGER, bytes INTEGER, epoch INTEGER,
  state INTEGER, reason INTEGER, attempts INTEGER, since INTEGER, same INTEGER, content BLOB, marks INTEGER);
CREATE INDEX IF NOT EXISTS same ON items (same);
CREATE INDEX IF NOT EXISTS waiting ON items (lane, seq) WHERE state < 2;
CREATE TABLE IF NOT EXISTS counts (
  segment INTEGER, cell TEXT, peer BLOB, tally INTEGER, times INTEGER, PRIMARY KEY (segment, cell, peer, tally));
PRAGMA user_version = 1;
";

/// Numbers are stored bit for bit; SQLite knows signed ones only.
pub(crate) fn sql(value: u64) -> i64 {
    i64::from_ne_bytes(value.to_ne_bytes())
}

pub(crate) fn unsql(value: i64) -> u64 {
    u64::from_ne_bytes(value.to_ne_bytes())
}

fn prefix(digest: &Digest) -> i64 {
    digest
        .as_bytes()
        .first_chunk()
        .map_or(0, |chunk| i64::from_le_bytes(*chunk))
}

pub(crate) fn digest_of(blob: Vec<u8>) -> Digest {
    <[u8; 32]>::try_from(blob).map_or_else(|_| Digest::of(b""), Digest::from_bytes)
}

impl Cache {
    /// Opens or makes the cache.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let conn = Connection::open(path).map_err(Error::cache("open"))?;
        let cache = Self { conn };
        cache
            .conn
            // The segments are the truth: a transaction lost in a power cut is replayed, so no sync per commit.
            .execute_batch(
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-32768; \
                 PRAGMA wal_autocheckpoint=4000; PRAGMA temp_store=MEMORY;",
            )
            .and_then(|()| {
                cache
                    .conn
                    .query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0))
            })
            .and_then(|version| {
                if version == 0 {
                    cache.conn.execute_batch(SCHEMA)?;
                }
                Ok(())
            })
            .map_err(Error::cache("open"))?;
        cache.conn.set_prepared_statement_cache_capacity(64);
        Ok(cache)
    }

    /// A second connection that only reads.
    pub(crate) fn reader(path: &Path) -> Result<Connection, Error> {
        let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
            .map_err(Error::cache("open for reading"))?;
        conn.execute_batch("PRAGMA cache_size=-8192; PRAGMA temp_store=MEMORY;")
            .map_err(Error::cache("open for reading"))?;
        conn.set_prepared_statement_cache_capacity(32);
        Ok(conn)
    }

    /// Removes the cache's files.
    pub(crate) fn remove(path: &Path) -> Result<(), Error> {
        for suffix in ["", "-wal", "-shm"] {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            match std::fs::remove_file(&name) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::disk("remove", std::path::PathBuf::from(name))(error)),
            }
        }
        Ok(())
    }

    pub(crate) fn begin(&self) -> Result<(), Error> {
        self.conn
            .execute_batch("BEGIN IMMEDIATE")
            .map_err(Error::cache("begin"))
    }

    pub(crate) fn commit(&self) -> Result<(), Error> {
        self.conn.execute_batch("COMMIT").map_err(Error::cache("commit"))
    }

    pub(crate) fn rollback(&self) {
        // Nothing to roll back is fine: that is what was wanted.
        let _ = self.conn.execute_batch("ROLLBACK");
    }

    /// Writes the log of recent transactions into the database and cuts it off.
    pub(crate) fn shorten(&self) -> Result<(), Error> {
        self.conn
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .map_err(Error::cache("shorten its log"))
    }

    pub(crate) fn position(&self) -> Result<Option<Position>, Error> {
        self.conn
            .query_row(
                "SELECT spool, segment, offset, batch, chain, next_seq, next_epoch FROM place",
                [],
                |row| {
                    Ok(Position {
                        spool: unsql(row.get(0)?),
                        segment: unsql(row.get(1)?),
                        offset: unsql(row.get(2)?),
                        batch: unsql(row.get(3)?),
                        chain: digest_of(row.get(4)?),
                        next_seq: unsql(row.get(5)?),
                        next_epoch: unsql(row.get(6)?),
                    })
                },
            )
            .optional()
            .map_err(Error::cache("read its position"))
    }

    pub(crate) fn set_position(&self, at: &Position) -> Result<(), Error> {
        self.conn
            .prepare_cached("INSERT OR REPLACE INTO place VALUES (1, ?, ?, ?, ?, ?, ?, ?)")
            .and_then(|mut statement| {
                statement.execute(params![
                    sql(at.spool),
                    sql(at.segment),
                    sql(at.offset),
                    sql(at.batch),
                    at.chain.as_bytes().as_slice(),
                    sql(at.next_seq),
                    sql(at.next_epoch)
                ])
            })
            .map(|_| ())
            .map_err(Error::cache("write its position"))
    }

    pub(crate) fn add_segment(&self, record: &SegmentRecord) -> Result<(), Error> {
        self.conn
            .execute(
                "INSERT OR REPLACE INTO segments VALUES (?, ?)",
                params![sql(record.segment), sql(record.first_seq)],
            )
            .map(|_| ())
            .map_err(Error::cache("add a segment"))
    }

    pub(crate) fn add_key(&self, record: &KeyRecord) -> Result<(), Error> {
        self.conn
            .execute(
                "INSERT OR REPLACE INTO keys VALUES (?, ?)",
                params![sql(record.epoch.0), record.write()],
            )
            .map(|_| ())
            .map_err(Error::cache("add a key epoch"))
    }

    pub(crate) fn keys(&self) -> Result<Vec<KeyRecord>, Error> {
        let rows: Vec<Vec<u8>> = self
            .conn
            .prepare("SELECT record FROM keys ORDER BY epoch")
            .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
            .map_err(Error::cache("read key epochs"))?;
        Ok(rows.iter().filter_map(|bytes| KeyRecord::read(bytes)).collect())
    }

    pub(crate) fn lane(&self, cell: &CellId, peer: &Digest, lane: &Digest) -> Result<LaneId, Error> {
        let known: Option<i64> = self
            .conn
            .prepare_cached("SELECT id FROM lanes WHERE lane = ?")
            .and_then(|mut statement| {
                statement
                    .query_row([lane.as_bytes().as_slice()], |row| row.get(0))
                    .optional()
            })
            .map_err(Error::cache("find a lane"))?;
        if let Some(id) = known {
            return Ok(LaneId(unsql(id)));
        }
        self.conn
            .prepare_cached("INSERT INTO lanes (cell, peer, lane) VALUES (?, ?, ?)")
            .and_then(|mut statement| {
                statement.insert(params![
                    cell.to_string(),
                    peer.as_bytes().as_slice(),
                    lane.as_bytes().as_slice()
                ])
            })
            .map(|id| LaneId(unsql(id)))
            .map_err(Error::cache("add a lane"))
    }

    pub(crate) fn add_item(&self, meta: &ItemMeta, spot: Spot) -> Result<Change, Error> {
        let lane = self.lane(&meta.cell, &meta.peer, &meta.lane)?;
        let content = meta
            .content
            .as_bytes()
            .first_chunk::<16>()
            .map_or(&[][..], |chunk| &chunk[..]);
        self.conn
            .prepare_cached("INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?, ?, ?, 0, 0, 0, ?, ?, ?, ?)")
            .and_then(|mut statement| {
                statement.execute(params![
                    sql(meta.seq),
                    sql(lane.0),
                    sql(spot.segment),
                    sql(spot.offset),
                    sql(spot.len),
                    sql(meta.epoch.0),
                    meta.received.0,
                    prefix(&meta.same),
                    content,
                    if meta.flagged { MARK_FLAGGED } else { 0 }
                ])
            })
            .map_err(Error::cache("add an item"))?;
        Ok(Change::Added {
            lane,
            cell: meta.cell.clone(),
            peer: meta.peer,
            bytes: spot.len,
        })
    }

    /// The item this offer repeats, or whether only its bytes differ from an earlier one.
    pub(crate) fn earlier(&self, same: &Digest, content: &Digest) -> Result<(Option<u64>, bool), Error> {
        let wanted = content
            .as_bytes()
            .first_chunk::<16>()
            .map_or(&[][..], |chunk| &chunk[..]);
        let rows: Vec<(i64, Vec<u8>)> = self
            .conn
            .prepare_cached("SELECT seq, content FROM items WHERE same = ? ORDER BY seq")
            .and_then(|mut statement| {
                statement
                    .query_map([prefix(same)], |row| Ok((row.get(0)?, row.get(1)?)))?
                    .collect()
            })
            .map_err(Error::cache("look for a repeat"))?;
        let found = rows
            .iter()
            .find(|(_, content)| content == wanted)
            .map(|(seq, _)| unsql(*seq));
        Ok((found, !rows.is_empty()))
    }

    /// Moves an item. `Ok(None)`: there is no such item. `Ok(Some(Err(state)))`: the step does not fit that state.
    pub(crate) fn step(&self, record: &TransitionRecord) -> Result<Option<Result<Change, State>>, Error> {
        let Some(row) = crate::query::row(&self.conn, record.seq)? else {
            return Ok(None);
        };
        let Some(to) = state::next(row.state, &record.step) else {
            return Ok(Some(Err(row.state)));
        };
        let (mut reason, mut attempts, mut marks) = (row.reason, row.attempts, row.marks);
        match &record.step {
            Step::Begun { attempt } => attempts = *attempt,
            Step::Parked { reason: why } => reason = *why,
            Step::Fetched => marks |= MARK_FETCHED,
            Step::Deleted => marks |= MARK_DELETED,
            Step::HandedOver { .. } | Step::Returned | Step::Unparked | Step::Confirmed | Step::Expired => {}
        }
        let since = if to == row.state { row.since } else { record.at.0 };
        self.conn
            .prepare_cached(
                "UPDATE items SET state = ?, reason = ?, attempts = ?, since = ?, marks = ? WHERE seq = ?",
            )
            .and_then(|mut statement| {
                statement.execute(params![
                    to.number(),
                    reason,
                    sql(attempts),
                    since,
                    marks,
                    sql(record.seq)
                ])
            })
            .map_err(Error::cache("move an item"))?;
        Ok(Some(Ok(Change::Moved {
            lane: row.lane,
            from: row.state,
            to,
            bytes: row.bytes,
        })))
    }

    pub(crate) fn count(&self, segment: u64, record: &CountRecord) -> Result<(), Error> {
        self.conn
            .prepare_cached(
                "INSERT INTO counts VALUES (?, ?, ?, ?, ?) \
                 ON CONFLICT DO UPDATE SET times = times + excluded.times",
            )
            .and_then(|mut statement| {
                statement.execute(params![
                    sql(segment),
                    record.cell.to_string(),
                    record.peer.as_bytes().as_slice(),
                    record.tally.number(),
                    sql(record.times)
                ])
            })
            .map(|_| ())
            .map_err(Error::cache("count"))
    }

    /// Takes over the counts of a segment that is gone, into the segment that says so.
    pub(crate) fn carry(&self, into: u64, record: &CarriedRecord) -> Result<(), Error> {
        let gone = sql(record.segment);
        let removed = [
            "DELETE FROM items WHERE segment = ?",
            "DELETE FROM counts WHERE segment = ?",
            "DELETE FROM segments WHERE number = ?",
        ];
        for statement in removed {
            self.conn
                .execute(statement, [gone])
                .map_err(Error::cache("forget a segment"))?;
        }
        record.counts.iter().try_for_each(|count| self.count(into, count))
    }
}
