//! A second reader of a cell: it walks through what is here, gets it as it lies sealed, and moves nothing. How an
//! emergency environment reads what a door holds; the door's own reader is not disturbed and neither knows the other.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt as _,
    sync::Arc,
};

use rusqlite::params;
use serde::{Deserialize, Serialize};
use vocabulary::CellId;

use crate::{
    Error, Spool,
    cache::{MARK_FETCHED, Row, sql, unsql},
    disk,
    durable::Durable,
    frame::{HEADER_LEN, Header, Kind, TRAILER_LEN},
    id::{ItemId, KeyEpoch},
    keys::{Recipient, WrappedKey},
    query,
    queue::{Command, KeyChange},
    record::ItemRecord,
    seal::sealed_len,
    spool::Shared,
    state::State,
};

/// What a second reader is to read: what waits, what was set aside, and what was handed over but has not left the
/// insurer's mailbox. Numbers of states as in [`State::number`]; 2 is the mark of a deletion.
const TO_READ: &str = "(i.state IN (0, 1, 3) OR i.state = 2 AND i.marks & 2 = 0)";

/// Where an item stands on its regular way, for whoever reads it beside that way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Waits here.
    Waiting,
    /// A hand-over began; the regular receiver may have it.
    InDoubt,
    /// Set aside for a person.
    Parked,
    /// Handed over; the insurer's consumer has not fetched it, as far as the door saw.
    NotFetched,
    /// Fetched, and not deleted since, as far as the door saw: the consumer may have processed it or not.
    NotDeleted,
}

impl Standing {
    fn of(state: State, marks: u32) -> Self {
        match state {
            State::Held => Self::Waiting,
            State::InDoubt => Self::InDoubt,
            State::Parked => Self::Parked,
            State::HandedOver | State::Done if marks & MARK_FETCHED != 0 => Self::NotDeleted,
            State::HandedOver | State::Done => Self::NotFetched,
        }
    }
}

/// One item a second reader may ask for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// Its name, and the position after it.
    pub item: ItemId,
    /// Where it stands on its regular way, at this moment.
    pub standing: Standing,
    /// Bytes it takes here.
    pub bytes: u64,
}

/// A second reader of one cell. Cheap; keeps no position: the caller does, by the id of the last item it made durable.
#[derive(Clone)]
pub struct Reader {
    shared: Arc<Shared>,
    cell: CellId,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reader({})", self.cell)
    }
}

impl Spool {
    /// A second reader of a cell.
    #[must_use]
    pub fn reader(&self, cell: CellId) -> Reader {
        Reader {
            shared: Arc::clone(&self.shared),
            cell,
        }
    }

    /// Wraps the keys of what comes in for a held cell from now on to an emergency environment's recipient too, by
    /// beginning a key epoch. What came in before is opened to it by the insurer, who re-wraps. The door can open neither.
    /// Where the door's own key is in place yet (a cut out of caution) the epoch begins with the next
    /// [`hold`](Self::hold). Safe to repeat; to be told again after a start.
    pub fn share(&self, cell: CellId, recipient: Recipient) -> Durable {
        self.ask(|reply| Command::Keys {
            change: KeyChange::Share(cell, recipient),
            reply,
        })
    }

    /// Ends what [`share`](Self::share) began. What came in meanwhile can still be opened by whoever it was wrapped to,
    /// if somebody hands it out. Safe to repeat.
    pub fn unshare(&self, cell: CellId) -> Durable {
        self.ask(|reply| Command::Keys {
            change: KeyChange::Unshare(cell),
            reply,
        })
    }
}

impl Reader {
    /// Keys of the cell that are wrapped to this recipient by [`Spool::share`], and those the door itself has (a cut out
    /// of caution leaves them in place), wrapped to it now. To be asked for a recipient the insurer consented to.
    ///
    /// # Errors
    /// When a key cannot be wrapped.
    pub fn shared_keys(&self, recipient: &Recipient) -> Result<Vec<WrappedKey>, Error> {
        self.shared.keys().shared_with(&self.cell, recipient)
    }

    /// How many items there are to read under each key epoch, oldest epoch first. An epoch is over when a younger one is
    /// listed, or it is no longer what comes in is sealed to.
    ///
    /// # Errors
    /// When the cache cannot be read.
    pub fn epochs(&self) -> Result<BTreeMap<KeyEpoch, u64>, Error> {
        let query = format!(
            "SELECT i.epoch, count(*) FROM items i JOIN lanes l ON l.id = i.lane \
             WHERE l.cell = ?1 AND {TO_READ} GROUP BY i.epoch"
        );
        let rows: Vec<(i64, i64)> = self
            .shared
            .pointers()
            .prepare_cached(&query)
            .and_then(|mut statement| {
                statement
                    .query_map([self.cell.to_string()], |row| Ok((row.get(0)?, row.get(1)?)))?
                    .collect()
            })
            .map_err(Error::cache("count items to read"))?;
        Ok(rows
            .into_iter()
            .map(|(epoch, count)| (KeyEpoch(unsql(epoch)), unsql(count)))
            .collect())
    }

    /// The next items to read that are sealed to one key epoch, in the order of their acceptance, after a position; at
    /// most `limit`. Within a lane that is the lane's order.
    ///
    /// # Errors
    /// When the cache cannot be read.
    pub fn next_after(
        &self,
        epoch: KeyEpoch,
        after: Option<ItemId>,
        limit: u32,
    ) -> Result<Vec<Listed>, Error> {
        let query = format!(
            "SELECT i.seq, i.state, i.marks, i.bytes FROM items i JOIN lanes l ON l.id = i.lane \
             WHERE l.cell = ?1 AND i.epoch = ?2 AND i.seq > ?3 AND {TO_READ} ORDER BY i.seq LIMIT ?4"
        );
        let rows: Vec<(i64, i64, u32, i64)> = self
            .shared
            .pointers()
            .prepare_cached(&query)
            .and_then(|mut statement| {
                let after = sql(after.map_or(0, |item| item.seq));
                statement
                    .query_map(
                        params![self.cell.to_string(), sql(epoch.0), after, limit],
                        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
                    )?
                    .collect()
            })
            .map_err(Error::cache("list items to read"))?;
        let listed = rows.into_iter().filter_map(|(seq, state, marks, bytes)| {
            Some(Listed {
                item: self.shared.item_id(unsql(seq)),
                standing: Standing::of(State::read(state)?, marks),
                bytes: unsql(bytes),
            })
        });
        Ok(listed.collect())
    }

    /// Whether an item of this cell is here, wherever it stands; one whose space was given back is not.
    ///
    /// # Errors
    /// When the cache cannot be read.
    pub fn has(&self, item: ItemId) -> Result<bool, Error> {
        if item.spool != self.shared.id {
            return Ok(false);
        }
        self.shared
            .pointers()
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM items i JOIN lanes l ON l.id = i.lane WHERE i.seq = ?1 AND l.cell = ?2)",
            )
            .and_then(|mut statement| {
                statement.query_row(params![sql(item.seq), self.cell.to_string()], |row| row.get(0))
            })
            .map_err(Error::cache("find an item"))
    }

    /// An item of this cell as it lies sealed, from the first store that has it undamaged. Whether it is still to be read
    /// is not asked again: it may have been handed over since it was listed.
    ///
    /// # Errors
    /// [`Error::NoSuchItem`] when it is not here, not of this cell, or its space was given back;
    /// [`Error::Damaged`] when no store has it whole.
    pub fn sealed(&self, item: ItemId) -> Result<SealedItem, Error> {
        let none = || Error::NoSuchItem { item };
        let row = query::row(&self.shared.pointers(), item.seq)?
            .filter(|_| item.spool == self.shared.id)
            .ok_or_else(none)?;
        let mut first = None;
        for store in 0..self.shared.read.dirs().len() {
            match sealed_from(&self.shared, store, &row) {
                Ok((record, sealed)) if record.meta.cell == self.cell => return Ok(sealed),
                Ok(_) => return Err(none()),
                Err(error) => first = first.or(Some(error)),
            }
        }
        Err(first.unwrap_or_else(none))
    }
}

/// An item as it lies sealed in the segments: a public part with what only its key opens in it, and the sealed body.
pub struct SealedItem {
    item: ItemId,
    front: Vec<u8>,
    file: Arc<File>,
    at: u64,
    left: u64,
}

impl std::fmt::Debug for SealedItem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealedItem({})", self.item)
    }
}

impl SealedItem {
    /// Its name.
    #[must_use]
    pub const fn item(&self) -> ItemId {
        self.item
    }

    /// The public part. It names a cell, times, sizes and keyed digests, and nobody.
    #[must_use]
    pub fn front(&self) -> &[u8] {
        &self.front
    }

    /// Bytes of the sealed body that were not read yet.
    #[must_use]
    pub const fn body_len(&self) -> u64 {
        self.left
    }
}

/// Reads the sealed body.
impl Read for SealedItem {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let len = usize::try_from(self.left).unwrap_or(usize::MAX).min(into.len());
        let read = self
            .file
            .read_at(into.get_mut(..len).unwrap_or_default(), self.at)?;
        if read == 0 && len > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}

/// Reads an item's public part and checks every byte of its record against the record's checksum.
fn sealed_from(shared: &Arc<Shared>, store: usize, row: &Row) -> Result<(ItemRecord, SealedItem), Error> {
    let file = shared.read.file_of(store, row.segment)?;
    let dir = shared.read.dirs().get(store).cloned().unwrap_or_default();
    let path = disk::segment_path(&dir, row.segment);
    let damaged = |what| Error::Damaged {
        what,
        path: path.clone(),
        offset: row.offset,
    };
    let mut head = [0; HEADER_LEN];
    file.read_exact_at(&mut head, row.offset)
        .map_err(|_| damaged("a record's header"))?;
    let header = Header::read(&head)
        .filter(|header| header.kind == Kind::Item)
        .ok_or_else(|| damaged("a record's header"))?;
    let front_at = row.offset + HEADER_LEN as u64;
    let mut front = vec![0; usize::try_from(header.front_len).unwrap_or(0)];
    file.read_exact_at(&mut front, front_at)
        .map_err(|_| damaged("an item's public part"))?;
    let record = ItemRecord::read(&front)
        .filter(|record| {
            record.meta.seq == row.seq && sealed_len(record.meta.body_len) == u64::from(header.payload_len)
        })
        .ok_or_else(|| damaged("an item's public part"))?;
    let at = front_at + u64::from(header.front_len);
    let crc = crc32c::crc32c_append(crc32c::crc32c(&head), &front);
    if !is_whole(&file, crc, at, u64::from(header.payload_len)).map_err(|_| damaged("an item's body"))? {
        return Err(damaged("an item's body"));
    }
    let sealed = SealedItem {
        item: shared.item_id(row.seq),
        front,
        file,
        at,
        left: u64::from(header.payload_len),
    };
    Ok((record, sealed))
}

/// Whether payload and trailer are those whose checksum the trailer carries.
fn is_whole(file: &File, mut crc: u32, payload_at: u64, payload_len: u64) -> io::Result<bool> {
    let mut piece = vec![0; 64 << 10];
    // The chain belongs to what is summed up; the last four bytes are the sum.
    let end = payload_at + payload_len + TRAILER_LEN as u64 - 4;
    let mut at = payload_at;
    while at < end {
        let len = usize::try_from(end - at).unwrap_or(usize::MAX).min(piece.len());
        let piece = piece.get_mut(..len).unwrap_or_default();
        file.read_exact_at(piece, at)?;
        crc = crc32c::crc32c_append(crc, piece);
        at += len as u64;
    }
    let mut sum = [0; 4];
    file.read_exact_at(&mut sum, end)?;
    Ok(u32::from_le_bytes(sum) == crc)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::MARK_DELETED;

    #[test]
    fn the_condition_for_reading_names_the_states_and_marks_it_means() {
        let numbers = |states: &[State]| states.iter().map(|state| state.number()).collect::<Vec<_>>();
        assert_eq!(numbers(&[State::Held, State::InDoubt, State::Parked]), [0, 1, 3]);
        assert_eq!((State::HandedOver.number(), MARK_DELETED), (2, 2));
    }
}
