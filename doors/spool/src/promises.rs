//! SPOOL-1, SPOOL-2 and SPOOL-3 as functions. Tests, the drill and production (`bulkhead spool check`) call these same
//! functions; they read the segment files from scratch and trust neither the cache nor the process that wrote them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    path::Path,
};

use serde::{Deserialize, Serialize};
use vocabulary::Digest;

use crate::{
    Certificate, Damage, Error, disk,
    frame::Kind,
    id::{ItemId, SpoolId},
    record::{
        CarriedRecord, CountRecord, ItemRecord, KeyRecord, SegmentRecord, Tally, TransitionRecord, VERSION,
    },
    scan::{self, At, Found},
    state::{self, State},
};

/// A promise that does not hold, in words for an operator.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, thiserror::Error)]
#[error("{promise}: {what}")]
pub struct Broken {
    /// Which promise.
    pub promise: String,
    /// What was found.
    pub what: String,
}

fn broken(promise: &str, what: String) -> Broken {
    Broken {
        promise: promise.to_owned(),
        what,
    }
}

/// Everything the segment files of one store say.
#[derive(Default, Debug)]
pub struct Census {
    pub(crate) spool: u64,
    pub(crate) items: BTreeMap<u64, (Digest, State)>,
    /// Items that left with reclaimed segments, and other counts.
    tallies: BTreeMap<Tally, u64>,
    reclaimed_segments: BTreeSet<u64>,
    first_seq: u64,
    /// Items that were handed over while an older one of their lane still waited.
    pub(crate) overtaken: Vec<(u64, u64)>,
    /// Bytes that do not read.
    pub damage: Vec<Damage>,
    /// Records that read.
    pub records: u64,
    /// Of these: what another version of this program wrote.
    pub(crate) not_understood: u64,
    /// The chain at the end.
    pub chain: Option<Digest>,
    waiting: BTreeMap<Digest, BTreeSet<u64>>,
}

impl Census {
    /// Reads every segment of a store, checking every checksum and every link of the chain.
    ///
    /// # Errors
    /// When a file cannot be read. Damage is no error; it is counted.
    pub fn of(dir: &Path) -> Result<Self, Error> {
        let mut census = Self::default();
        let mut chain = None;
        for (number, path) in disk::segments(dir)? {
            let file = File::open(&path).map_err(Error::disk("open", &path))?;
            census
                .segment(&file, number, &mut chain)
                .map_err(Error::disk("read", &path))?;
        }
        census.chain = chain;
        Ok(census)
    }

    fn segment(&mut self, file: &File, number: u64, chain: &mut Option<Digest>) -> std::io::Result<()> {
        let mut offset = 0;
        let mut batch = 0;
        loop {
            match scan::look(file, number, offset, chain.as_ref())? {
                At::Frame(found) => {
                    self.take(&found);
                    *chain = Some(found.chain);
                    batch = found.batch;
                    offset = found.spot.offset + found.spot.len;
                }
                At::End => return Ok(()),
                At::Bad { .. } => {
                    let next = scan::next_readable(file, number, offset + 1, batch)?;
                    let to = match &next {
                        Some(next) => next.spot.offset,
                        None => file.metadata()?.len(),
                    };
                    self.damage.push(Damage {
                        segment: number,
                        offset,
                        to,
                    });
                    *chain = None;
                    let Some(next) = next else { return Ok(()) };
                    offset = next.spot.offset;
                }
            }
        }
    }

    fn take(&mut self, found: &Found) {
        self.records += 1;
        if self.understand(found).is_none() {
            self.not_understood += 1;
        }
    }

    /// `None` when the record's content does not read.
    fn understand(&mut self, found: &Found) -> Option<()> {
        match found.kind {
            Kind::Segment => {
                let record = SegmentRecord::read(&found.front).filter(|record| record.version == VERSION)?;
                self.spool = record.spool;
                if self.first_seq == 0 {
                    self.first_seq = record.first_seq;
                }
            }
            Kind::Key => {
                KeyRecord::read(&found.front)?;
            }
            Kind::Item => {
                let ItemRecord { meta, .. } = ItemRecord::read(&found.front)?;
                self.items.insert(meta.seq, (meta.lane, State::Held));
                self.waiting.entry(meta.lane).or_default().insert(meta.seq);
            }
            Kind::Transition => self.step(&TransitionRecord::read(&found.front)?),
            Kind::Count => {
                let record = CountRecord::read(&found.front)?;
                *self.tallies.entry(record.tally).or_default() += record.times;
            }
            Kind::Carried => self.carry(&CarriedRecord::read(&found.front)?, found.spot.segment),
        }
        Some(())
    }

    fn step(&mut self, record: &TransitionRecord) {
        let Some((lane, state)) = self.items.get_mut(&record.seq) else {
            return;
        };
        let Some(to) = state::next(*state, &record.step) else {
            return;
        };
        let waiting = self.waiting.entry(*lane).or_default();
        if state.waits()
            && matches!(to, State::HandedOver | State::Done)
            && let Some(older) = waiting.first().filter(|older| **older < record.seq)
        {
            self.overtaken.push((*older, record.seq));
        }
        if to.waits() {
            waiting.insert(record.seq);
        } else {
            waiting.remove(&record.seq);
        }
        *state = to;
    }

    fn carry(&mut self, record: &CarriedRecord, _into: u64) {
        self.reclaimed_segments.insert(record.segment);
        for count in &record.counts {
            *self.tallies.entry(count.tally).or_default() += count.times;
        }
    }

    /// Whether an item is durable here: its record reads, or it was reclaimed after its end.
    #[must_use]
    pub fn has(&self, item: ItemId) -> bool {
        SpoolId(self.spool) == item.spool() && self.has_seq(item.seq)
    }

    pub(crate) fn has_seq(&self, seq: u64) -> bool {
        self.items.contains_key(&seq) || seq < self.first_seq
    }

    /// How many items are in a state.
    #[must_use]
    pub fn count(&self, state: State) -> u64 {
        self.items.values().filter(|(_, at)| *at == state).count() as u64
    }

    fn ids(&self, wanted: &[State]) -> Vec<ItemId> {
        let spool = SpoolId(self.spool);
        self.items
            .iter()
            .filter(|(_, (_, state))| wanted.contains(state))
            .map(|(seq, _)| ItemId { spool, seq: *seq })
            .collect()
    }
}

/// SPOOL-1: what was acknowledged is durable on the declared number of stores.
///
/// # Errors
/// One [`Broken`] per acknowledged item that is on fewer stores, and per damaged place.
pub fn spool_1<'a>(
    acknowledged: impl IntoIterator<Item = &'a ItemId>,
    stores: &[Census],
    declared: usize,
) -> Result<(), Vec<Broken>> {
    let mut all: Vec<Broken> = Vec::new();
    for item in acknowledged {
        let on = stores.iter().filter(|census| census.has(*item)).count();
        if on < declared {
            all.push(broken(
                "SPOOL-1",
                format!("acknowledged {item} is on {on} of {declared} stores"),
            ));
        }
    }
    for (index, census) in stores.iter().enumerate() {
        for Damage { segment, offset, to } in &census.damage {
            let what = format!("store {index}: segment {segment} does not read from byte {offset} to {to}");
            all.push(broken("SPOOL-1", what));
        }
    }
    if all.is_empty() { Ok(()) } else { Err(all) }
}

/// SPOOL-2: offered = accepted + refused-with-reason; accepted = held + in doubt + handed over + parked; every id in
/// exactly one class. With the census of a store, the certificate (about everything) is also held against the
/// segments themselves.
///
/// # Errors
/// One [`Broken`] per sum that does not balance and per id in no class or in two.
pub fn spool_2(certificate: &Certificate, census: Option<&Census>) -> Result<(), Vec<Broken>> {
    let mut all = Vec::new();
    let mut balance = |what: &str, left: u64, right: u64| {
        if left != right {
            all.push(broken("SPOOL-2", format!("{what}: {left} is not {right}")));
        }
    };
    let c = certificate;
    balance("offered", c.offered, c.accepted + c.repeats + c.refused_total());
    let classes = [
        ("held", &c.held),
        ("in doubt", &c.in_doubt),
        ("handed over", &c.handed_over),
        ("parked", &c.parked),
    ];
    let sum: u64 = classes.iter().map(|(_, class)| class.count).sum();
    balance("accepted", c.accepted, sum + c.reclaimed);
    for (name, class) in classes {
        if let Some(items) = &class.items {
            balance(name, class.count, items.len() as u64);
        }
    }
    let mut seen = BTreeSet::new();
    for item in classes
        .iter()
        .filter_map(|(_, class)| class.items.as_ref())
        .flatten()
    {
        if !seen.insert(item) {
            all.push(broken("SPOOL-2", format!("{item} is in two classes")));
        }
    }
    if let Some(census) = census {
        let wanted = [
            ("held", &c.held, &[State::Held][..]),
            ("in doubt", &c.in_doubt, &[State::InDoubt]),
            ("handed over", &c.handed_over, &[State::HandedOver, State::Done]),
            ("parked", &c.parked, &[State::Parked]),
        ];
        for (name, class, states) in wanted {
            let ids = census.ids(states);
            if ids.len() as u64 != class.count || class.items.as_ref().is_some_and(|items| *items != ids) {
                let what = format!(
                    "{name}: the certificate says {}, the segments say {}",
                    class.count,
                    ids.len()
                );
                all.push(broken("SPOOL-2", what));
            }
        }
        let reclaimed = census.tallies.get(&Tally::Reclaimed).copied().unwrap_or(0);
        if reclaimed != c.reclaimed {
            let what = format!(
                "reclaimed: the certificate says {}, the segments say {reclaimed}",
                c.reclaimed
            );
            all.push(broken("SPOOL-2", what));
        }
    }
    if all.is_empty() { Ok(()) } else { Err(all) }
}

/// SPOOL-3: per lane, order is the order of durable acceptance. An item is handed over only when no older item of its
/// lane waits any more: each of those was handed over or set aside for a person before.
///
/// # Errors
/// One [`Broken`] per item that overtook another.
pub fn spool_3(census: &Census) -> Result<(), Vec<Broken>> {
    let spool = SpoolId(census.spool);
    let all: Vec<Broken> = census
        .overtaken
        .iter()
        .map(|(older, newer)| {
            let (older, newer) = (ItemId { spool, seq: *older }, ItemId { spool, seq: *newer });
            broken(
                "SPOOL-3",
                format!("{newer} was handed over while {older} of the same lane waited"),
            )
        })
        .collect();
    if all.is_empty() { Ok(()) } else { Err(all) }
}
