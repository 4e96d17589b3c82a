//! The one thread that writes: takes what waits, puts it into one commit, syncs it on every store, fills the cache,
//! and only then answers.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

use tokio::sync::oneshot;
use vocabulary::CellId;

use crate::{
    Error, Refused, WhenCopyDown,
    batch::Batch,
    build::Draft,
    cache::{Cache, Position},
    disk,
    frame::Kind,
    keys::Recipient,
    log::Log,
    offer::Accepted,
    queue::Command,
    record::{CountRecord, SegmentRecord, VERSION},
    replay,
    seal::Capsules,
    spool::Shared,
    stores::Stores,
};

pub(crate) struct Writer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) cache: Cache,
    pub(crate) stores: Stores,
    pub(crate) at: Position,
    /// Length of the segment that is being filled.
    pub(crate) room: u64,
    /// The cache could not take a commit that is durable in the segments.
    pub(crate) behind: bool,
    pub(crate) log: Log,
    pub(crate) when_copy_down: WhenCopyDown,
    pub(crate) capsules: Capsules,
    /// Emergency environments that new key epochs of a cell are wrapped to as well. Told anew after each start.
    pub(crate) shares: BTreeMap<CellId, Recipient>,
}

/// What one command came to, told after the sync.
pub(crate) enum Outcome {
    Offer(Result<Accepted, Refused>),
    Step(Result<(), Error>),
}

/// A commit that was not made.
enum Failure {
    /// One of the stores failed while the declaration says to defer; others may have gone on.
    Store,
    /// No store is left.
    Stopped,
    /// Nothing was written.
    Before(Error),
}

impl Writer {
    /// Runs until the queue is closed and drained.
    pub(crate) fn run(mut self) {
        let limits = self.shared.limits.clone();
        loop {
            let commands = self
                .shared
                .queue
                .take(limits.batch_items_max, limits.batch_bytes_max);
            if commands.is_empty() {
                // A short log makes the next start fast; if this fails, the next start is only slower.
                let _ = self.cache.shorten();
                return;
            }
            let mut group = Vec::with_capacity(commands.len());
            for command in commands {
                match command {
                    Command::Offer { .. } | Command::Step { .. } | Command::Count { .. } => {
                        group.push(command)
                    }
                    Command::Keys { .. }
                    | Command::Mend { .. }
                    | Command::Reclaim { .. }
                    | Command::Roots { .. } => {
                        self.commit(std::mem::take(&mut group));
                        self.alone(command);
                    }
                }
            }
            self.commit(group);
            self.shared.set_stores(&self.stores, self.behind);
            self.log_stores();
        }
    }

    /// Commits a group and answers everyone in it.
    fn commit(&mut self, commands: Vec<Command>) {
        if commands.is_empty() {
            return;
        }
        for command in &commands {
            match command {
                Command::Offer { offer, .. } => {
                    self.log.latest = self.log.latest.max(offer.received);
                    self.capsules.at(offer.received);
                }
                Command::Step { at, .. } => self.log.latest = self.log.latest.max(*at),
                Command::Count { .. }
                | Command::Keys { .. }
                | Command::Mend { .. }
                | Command::Reclaim { .. }
                | Command::Roots { .. } => {}
            }
        }
        let mut refuse = self.reason_to_refuse();
        let outcomes = loop {
            match self.try_commit(&commands, refuse) {
                Ok(outcomes) => break outcomes,
                // Once more without the offers: steps of items that are here must not wait for a copy.
                Err(Failure::Store) => refuse = Some(Refused::CopyDown),
                Err(Failure::Before(error)) if error.is_disk_full() && refuse.is_none() => {
                    refuse = Some(Refused::DiskReserve);
                }
                // Steps of items that are here are what the ballast is for.
                Err(Failure::Before(error)) if error.is_disk_full() && disk::drop_ballast(self.dir()) => {
                    // Not fatal: a log that stays long only costs space.
                    let _ = self.cache.shorten();
                }
                Err(Failure::Before(error)) => {
                    break all(&commands, &error, refuse.unwrap_or(Refused::Stopped));
                }
                Err(Failure::Stopped) => {
                    let error = Error::Stopped {
                        why: "no store can be written".to_owned(),
                    };
                    break all(&commands, &error, Refused::CopyDown);
                }
            }
        };
        for (command, outcome) in commands.into_iter().zip(outcomes) {
            if let (Command::Offer { offer, .. }, Outcome::Offer(Err(why))) = (&command, &outcome) {
                self.shared.note_refusal(&offer.cell, offer.peer, *why);
            }
            answer(command, outcome);
        }
        self.shared.nudge();
    }

    /// Why offers are refused at this moment whatever they are.
    fn reason_to_refuse(&mut self) -> Option<Refused> {
        if self.behind && self.catch_up().is_err() {
            return Some(Refused::DiskReserve);
        }
        if !disk::take_ballast(self.dir(), self.shared.limits.ballast_bytes) {
            return Some(Refused::DiskReserve);
        }
        let down = self.stores.up() < self.stores.list.len();
        if self.stores.up() == 0 || (down && self.when_copy_down == WhenCopyDown::Defer) {
            return Some(Refused::CopyDown);
        }
        let min = self.shared.limits.disk_free_bytes_min;
        let short = self
            .stores
            .list
            .iter()
            .filter(|store| store.down.is_none())
            .any(|store| disk::free_bytes(&store.dir).is_ok_and(|free| free < min));
        short.then_some(Refused::DiskReserve)
    }

    fn dir(&self) -> &std::path::Path {
        self.shared
            .read
            .dirs()
            .first()
            .map_or(std::path::Path::new("."), std::path::PathBuf::as_path)
    }

    /// Fills the cache from the segments after it failed; on a full disk, with the help of the ballast.
    fn catch_up(&mut self) -> Result<(), Error> {
        match self.try_catch_up() {
            Err(error) if error.is_disk_full() && disk::drop_ballast(self.dir()) => self.try_catch_up(),
            other => other,
        }
    }

    fn try_catch_up(&mut self) -> Result<(), Error> {
        self.cache.rollback();
        self.cache.shorten()?;
        // The lanes in memory have these changes already.
        replay::catch_up(&self.cache, &self.shared.read, &self.at)?;
        self.behind = false;
        self.shared.stale.store(false, Ordering::SeqCst);
        Ok(())
    }

    fn try_commit(&mut self, commands: &[Command], refuse: Option<Refused>) -> Result<Vec<Outcome>, Failure> {
        if self.stores.up() == 0 {
            return Err(Failure::Stopped);
        }
        if self.behind {
            return Err(Failure::Before(Error::Stopped {
                why: "the pointer cache is behind the segments".to_owned(),
            }));
        }
        let refusals = self.shared.take_refusals();
        let done = self.try_commit_with(commands, refuse, &refusals);
        if done.is_err() {
            self.shared.give_back_refusals(refusals);
        }
        done
    }

    fn try_commit_with(
        &mut self,
        commands: &[Command],
        refuse: Option<Refused>,
        refusals: &[CountRecord],
    ) -> Result<Vec<Outcome>, Failure> {
        let weight = commands
            .iter()
            .filter(|command| refuse.is_none() || !matches!(command, Command::Offer { .. }))
            .map(Command::weight)
            .sum::<u64>()
            + refusals.len() as u64 * 512;
        let batch = self.place(weight, refuse.is_some()).map_err(Failure::Before)?;
        self.cache.begin().map_err(Failure::Before)?;
        let mut draft = Draft {
            batch,
            changes: Vec::new(),
            capsules: std::mem::take(&mut self.capsules),
            settled: Vec::new(),
            next_seq: self.at.next_seq,
        };
        let built = self.header(&mut draft).and_then(|()| {
            refusals
                .iter()
                .try_for_each(|count| self.build_count(&mut draft, count))?;
            commands
                .iter()
                .map(|command| self.build(&mut draft, command, refuse))
                .collect::<Result<Vec<_>, _>>()
        });
        // Also after a failure: an item key that was handed out is never handed out again.
        self.capsules = std::mem::take(&mut draft.capsules);
        match built {
            Ok(outcomes) => self.write(draft).map(|()| outcomes),
            Err(error) => {
                self.cache.rollback();
                Err(Failure::Before(error))
            }
        }
    }

    /// Finds room for a commit: in the segment that is open, or in a new one, which is a small one when space is short.
    pub(crate) fn place(&mut self, weight: u64, short: bool) -> Result<Batch, Error> {
        let number = self.at.batch + 1;
        if self.at.segment > 0 && self.at.offset + weight <= self.room {
            return Ok(Batch::new(number, self.at.segment, self.at.offset, self.at.chain));
        }
        let keys: u64 = self
            .shared
            .keys()
            .records()
            .map(|key| key.write().len() as u64 + 128)
            .sum();
        let usual = if short {
            64 << 10
        } else {
            self.shared.limits.segment_bytes
        };
        let room = usual.max(weight + keys + 4_096);
        let segment = self.at.segment + 1;
        self.stores.begin_segment(segment, room)?;
        if self.at.segment > 0 {
            self.stores.trim(self.at.segment, self.at.offset);
        }
        self.at.segment = segment;
        self.at.offset = 0;
        self.room = room;
        Ok(Batch::new(number, segment, 0, self.at.chain))
    }

    /// A segment begins with its own record and every key that is still needed.
    pub(crate) fn head_of_segment(&self, batch: &mut Batch) -> Result<(), Error> {
        if batch.start + batch.len > 0 {
            return Ok(());
        }
        let record = SegmentRecord {
            version: VERSION,
            spool: self.at.spool,
            segment: batch.segment,
            first_seq: self.at.next_seq,
            next_epoch: self.at.next_epoch,
            chain_before: batch.chain,
        };
        batch.push(Kind::Segment, record.write());
        self.cache.add_segment(&record)?;
        for key in self.shared.keys().records() {
            batch.push(Kind::Key, key.write());
        }
        Ok(())
    }

    fn write(&mut self, draft: Draft) -> Result<(), Failure> {
        let next_seq = draft.next_seq;
        self.write_batch(draft.batch, next_seq)?;
        if self.behind {
            // Durable, but not known yet; readers wait until it is.
            self.shared.stale.store(true, Ordering::SeqCst);
            let _ = self.catch_up();
        }
        // Settling comes after the cache has it: otherwise a reader could be handed the same item again.
        self.shared.apply(&draft.changes, &draft.settled);
        Ok(())
    }

    /// Writes, syncs, publishes. After this the commit is durable and known.
    fn write_batch(&mut self, batch: Batch, next_seq: u64) -> Result<(), Failure> {
        if batch.len == 0 {
            self.cache.rollback();
            return Ok(());
        }
        let failed = self.stores.append(batch.start, &batch.pieces);
        if self.stores.up() == 0 {
            self.cache.rollback();
            return Err(Failure::Stopped);
        }
        // The number is used up whatever happens, so that what a failed commit left behind is recognised.
        self.at.batch = batch.number;
        if failed > 0 && self.when_copy_down == WhenCopyDown::Defer {
            self.cache.rollback();
            return Err(Failure::Store);
        }
        self.at.offset = batch.start + batch.len;
        self.at.chain = batch.chain;
        self.at.next_seq = next_seq;
        if self
            .cache
            .set_position(&self.at)
            .and_then(|()| self.cache.commit())
            .is_err()
        {
            // Durable all the same; the cache is filled from the segments before anything else is accepted.
            self.behind = true;
        }
        Ok(())
    }

    /// Commits records that come from the spool itself.
    pub(crate) fn commit_own(
        &mut self,
        weight: u64,
        build: impl FnOnce(&Cache, &mut Batch) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let stopped = || Error::Stopped {
            why: "no store can be written".to_owned(),
        };
        if self.stores.up() == 0 {
            return Err(stopped());
        }
        let mut batch = match self.place(weight, false) {
            Err(error) if error.is_disk_full() => self.place(weight, true)?,
            other => other?,
        };
        self.cache.begin()?;
        let built = self
            .head_of_segment(&mut batch)
            .and_then(|()| build(&self.cache, &mut batch));
        if let Err(error) = built {
            self.cache.rollback();
            return Err(error);
        }
        let next_seq = self.at.next_seq;
        match self.write_batch(batch, next_seq) {
            Ok(()) => Ok(()),
            Err(Failure::Before(error)) => Err(error),
            Err(Failure::Store | Failure::Stopped) => Err(stopped()),
        }
    }
}

fn all(commands: &[Command], error: &Error, refused: Refused) -> Vec<Outcome> {
    commands
        .iter()
        .map(|command| match command {
            Command::Offer { .. } => Outcome::Offer(Err(refused)),
            Command::Step { .. }
            | Command::Count { .. }
            | Command::Keys { .. }
            | Command::Mend { .. }
            | Command::Reclaim { .. }
            | Command::Roots { .. } => Outcome::Step(Err(error.clone())),
        })
        .collect()
}

/// Tells the asker. One that stopped waiting is no failure: what was done stays done.
fn answer(command: Command, outcome: Outcome) {
    fn tell<T>(reply: oneshot::Sender<T>, what: T) {
        let _ = reply.send(what);
    }
    match (command, outcome) {
        (Command::Offer { reply, .. }, Outcome::Offer(result)) => tell(reply, result),
        (
            Command::Step { reply, .. }
            | Command::Count { reply }
            | Command::Keys { reply, .. }
            | Command::Mend { reply },
            Outcome::Step(result),
        ) => {
            tell(reply, result);
        }
        // Never built: each command makes its own kind of outcome. Dropping the reply tells the asker "stopped".
        (Command::Offer { .. }, Outcome::Step(_))
        | (
            Command::Step { .. } | Command::Count { .. } | Command::Keys { .. } | Command::Mend { .. },
            Outcome::Offer(_),
        )
        | (Command::Reclaim { .. } | Command::Roots { .. }, Outcome::Offer(_) | Outcome::Step(_)) => {}
    }
}
