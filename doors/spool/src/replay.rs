//! Filling the cache from the segments: at the start, and after the cache failed.

use std::fs::File;

use serde::{Deserialize, Serialize};
use vocabulary::Digest;

use crate::{
    Error,
    cache::{Cache, Position},
    disk,
    frame::Kind,
    record::{CarriedRecord, CountRecord, ItemRecord, KeyRecord, SegmentRecord, TransitionRecord, VERSION},
    scan::{self, At, Found},
    stores::ReadSide,
};

/// Bytes that are not what was written and durable.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Damage {
    /// In which segment.
    pub segment: u64,
    /// From which byte.
    pub offset: u64,
    /// To which byte (exclusive): where the next record reads, or the end.
    pub to: u64,
}

/// What a replay came to.
#[derive(Default, Debug)]
pub(crate) struct Replayed {
    pub(crate) records: u64,
    pub(crate) damage: Vec<Damage>,
    /// Bytes of a commit that was never finished, and so never acknowledged.
    pub(crate) torn_bytes: u64,
}

/// Applies one record to the cache.
pub(crate) fn apply(cache: &Cache, found: &Found, at: &mut Position) -> Result<(), Error> {
    let damaged = || Error::Damaged {
        what: "a record whose checksum fits but whose content does not read",
        path: format!("segment {}", found.spot.segment).into(),
        offset: found.spot.offset,
    };
    match found.kind {
        Kind::Segment => {
            let record = SegmentRecord::read(&found.front).ok_or_else(damaged)?;
            if record.version != VERSION {
                return Err(Error::Foreign {
                    path: format!("segment {}", found.spot.segment).into(),
                    why: "it was written by another version of this program",
                });
            }
            at.spool = record.spool;
            at.next_seq = at.next_seq.max(record.first_seq);
            at.next_epoch = at.next_epoch.max(record.next_epoch);
            cache.add_segment(&record)?;
        }
        Kind::Key => {
            let record = KeyRecord::read(&found.front).ok_or_else(damaged)?;
            at.next_epoch = at.next_epoch.max(record.epoch.0 + 1);
            cache.add_key(&record)?;
        }
        Kind::Item => {
            let record = ItemRecord::read(&found.front).ok_or_else(damaged)?;
            at.next_seq = at.next_seq.max(record.meta.seq + 1);
            cache.add_item(&record.meta, found.spot)?;
        }
        Kind::Transition => {
            let record = TransitionRecord::read(&found.front).ok_or_else(damaged)?;
            // An item that is not here was reclaimed, or its record is among the damage that is reported.
            cache.step(&record)?;
        }
        Kind::Count => {
            cache.count(
                found.spot.segment,
                &CountRecord::read(&found.front).ok_or_else(damaged)?,
            )?;
        }
        Kind::Carried => {
            cache.carry(
                found.spot.segment,
                &CarriedRecord::read(&found.front).ok_or_else(damaged)?,
            )?;
        }
    }
    at.segment = found.spot.segment;
    at.offset = found.spot.offset + found.spot.len;
    at.batch = found.batch;
    at.chain = found.chain;
    Ok(())
}

/// Applies everything behind a position, through all later segments, and leaves the position at the end.
///
/// # Errors
/// When a file cannot be read or the cache cannot be written; damaged bytes are no error, they are reported.
pub(crate) fn forward(cache: &Cache, read: &ReadSide, at: &mut Position) -> Result<Replayed, Error> {
    /// Records per SQLite transaction: bounds what is repeated when a start is interrupted.
    const GROUP: u64 = 20_000;
    let mut replayed = Replayed::default();
    let dir = read.dirs().first().cloned().unwrap_or_default();
    let segments = disk::segments(&dir)?;
    let known_end = at.clone();
    let first = at.segment.max(1);
    cache.begin()?;
    for (number, path) in segments.iter().filter(|(number, _)| *number >= first) {
        let file = File::open(path).map_err(Error::disk("open", path))?;
        let mut offset = if *number == at.segment { at.offset } else { 0 };
        let last = segments.last().is_some_and(|(last, _)| last == number);
        let mut trust: Option<Digest> = (at.segment > 0).then_some(at.chain);
        loop {
            let seen =
                scan::look(&file, *number, offset, trust.as_ref()).map_err(Error::disk("read", path))?;
            match seen {
                At::Frame(found) => {
                    apply(cache, &found, at)?;
                    trust = Some(at.chain);
                    offset = at.offset;
                    replayed.records += 1;
                    if replayed.records.is_multiple_of(GROUP) {
                        cache.set_position(at)?;
                        cache.commit()?;
                        cache.begin()?;
                    }
                }
                At::End => break,
                At::Bad { batch } => {
                    let next = scan::next_readable(&file, *number, offset + 1, at.batch)
                        .map_err(Error::disk("read", path))?;
                    let durable = !last
                        || (*number, offset) < (known_end.segment, known_end.offset)
                        || next
                            .as_ref()
                            .is_some_and(|next| next.batch > batch.unwrap_or(at.batch));
                    let len = file.metadata().map_err(Error::disk("read", path))?.len();
                    let to = next.as_ref().map_or(len, |next| next.spot.offset);
                    if !durable {
                        replayed.torn_bytes = cut(&dir, *number, offset, len)?;
                        break;
                    }
                    replayed.damage.push(Damage {
                        segment: *number,
                        offset,
                        to,
                    });
                    let Some(next) = next else { break };
                    offset = next.spot.offset;
                    trust = None;
                }
            }
        }
    }
    cache.set_position(at)?;
    cache.commit()?;
    Ok(replayed)
}

/// Overwrites the rest of an unfinished commit, so that no later reader stumbles over it. Returns how much there was.
fn cut(dir: &std::path::Path, segment: u64, from: u64, len: u64) -> Result<u64, Error> {
    use std::os::unix::fs::FileExt as _;
    let path = disk::segment_path(dir, segment);
    let wiped = (|| {
        let file = std::fs::OpenOptions::new().read(true).write(true).open(&path)?;
        let mut last = from;
        let mut at = from;
        let mut buffer = vec![0; 1 << 20];
        while at < len {
            let (part, _) = buffer.split_at_mut(usize::try_from((len - at).min(1 << 20)).unwrap_or(0));
            file.read_exact_at(part, at)?;
            if let Some(position) = part.iter().rposition(|byte| *byte != 0) {
                last = at + position as u64 + 1;
                part.fill(0);
                file.write_all_at(part, at)?;
            }
            at += part.len() as u64;
        }
        file.sync_data()?;
        Ok(last - from)
    })();
    wiped.map_err(Error::disk("cut the unfinished end of", path))
}

/// Brings a cache that failed up to what the writer knows to be durable.
pub(crate) fn catch_up(cache: &Cache, read: &ReadSide, to: &Position) -> Result<(), Error> {
    let mut at = cache.position()?.unwrap_or_else(|| start(to.spool));
    let replayed = forward(cache, read, &mut at)?;
    if (at.segment, at.offset) == (to.segment, to.offset) && replayed.damage.is_empty() {
        return Ok(());
    }
    Err(Error::Damaged {
        what: "segments that do not end where they were written to",
        path: format!("segment {}", at.segment).into(),
        offset: at.offset,
    })
}

/// Before the first record.
pub(crate) fn start(spool: u64) -> Position {
    Position {
        spool,
        segment: 0,
        offset: 0,
        batch: 0,
        chain: Digest::of(b"bulkhead spool"),
        next_seq: 1,
        next_epoch: 1,
    }
}
