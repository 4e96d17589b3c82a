//! What the writer does alone, between commits: key changes, mending stores, reclaiming space.

use std::path::Path;

use vocabulary::{CellId, Timestamp};

use crate::{
    Error, Limits,
    batch::Batch,
    cache::{Cache, Change},
    copies, disk,
    frame::Kind,
    id::KeyEpoch,
    keys::{KeyRing, Recipient, ReleaseRecipients, ReleasedKeys},
    log::Logged,
    queue::{Command, KeyChange},
    record::{CarriedRecord, Custody, Step, TransitionRecord},
    seal::Secret,
    writer::Writer,
};

impl Writer {
    /// Carries out a command that is a commit of its own, and answers it.
    pub(crate) fn alone(&mut self, command: Command) {
        match command {
            Command::Keys { change, reply } => {
                self.capsules.clear();
                let done = match change {
                    KeyChange::Enrol(cell, recipients) => self.enrol(&cell, &recipients),
                    KeyChange::Hold(cell) => self.hold(&cell),
                    KeyChange::Release(cell, keys) => self.release(&cell, keys),
                    KeyChange::Share(cell, recipient) => self.share(&cell, &recipient),
                    KeyChange::Unshare(cell) => self.unshare(&cell),
                };
                let _ = reply.send(done);
            }
            Command::Mend { reply } => {
                let done = self.mend();
                let _ = reply.send(done);
            }
            Command::Reclaim { now, reply } => {
                let done = self.reclaim(now);
                let _ = reply.send(done);
            }
            Command::Roots { now, reply } => {
                self.capsules.at(now);
                let done = self.roots(now);
                let _ = reply.send(done);
            }
            Command::Offer { .. } | Command::Step { .. } | Command::Count { .. } => {}
        }
        self.shared.nudge();
    }

    /// Begins a key epoch: the record is durable on every store before anything is sealed to it, and before its
    /// private half goes into the key store.
    fn new_epoch(
        &mut self,
        cell: &CellId,
        recipients: &ReleaseRecipients,
        custody: Custody,
    ) -> Result<(KeyEpoch, Option<Secret>), Error> {
        let epoch = KeyEpoch(self.at.next_epoch);
        let door = custody == Custody::Door;
        let (record, secret) = KeyRing::draw(epoch, cell, recipients, custody, &mut self.shared.entropy())?;
        self.log(&Logged::KeyEpoch {
            cell: cell.clone(),
            epoch,
            door,
        })?;
        self.at.next_epoch += 1;
        let written = record.clone();
        self.commit_own(4_096, move |cache, batch| {
            batch.push(Kind::Key, written.write());
            cache.add_key(&written)
        })?;
        self.shared.keys_mut().insert(record);
        Ok((epoch, secret))
    }

    fn open_epoch(&mut self, cell: &CellId, recipients: &ReleaseRecipients) -> Result<(), Error> {
        let (epoch, secret) = self.new_epoch(cell, recipients, Custody::Door)?;
        match secret {
            Some(secret) => self.shared.keys_mut().keep(epoch, secret),
            None => Ok(()),
        }
    }

    fn enrol(&mut self, cell: &CellId, recipients: &ReleaseRecipients) -> Result<(), Error> {
        let known = self.shared.keys().recipients(cell).ok();
        let open = self.shared.keys().is_open(cell);
        match known {
            Some(known) if known == *recipients => Ok(()),
            // Other recipients for a held cell: the new epoch is not the door's either.
            Some(_) if !open => self
                .new_epoch(cell, recipients, self.custody_of_held(cell))
                .map(|_| ()),
            Some(_) | None => self.open_epoch(cell, recipients),
        }
    }

    fn hold(&mut self, cell: &CellId) -> Result<(), Error> {
        let recipients = self.shared.keys().recipients(cell)?;
        let is_doors = self.shared.keys().current(cell)?.custody == Custody::Door;
        if !is_doors && !self.shared.keys().holds_any(cell) {
            return Ok(());
        }
        // Closing does not wait for a log that cannot be written; the failure is told afterwards.
        let logged = self.log(&Logged::Hold { cell: cell.clone() });
        // Destroy first: should the rest fail, what comes in is sealed to a key nobody here can open any more.
        self.shared.keys_mut().destroy(cell)?;
        logged?;
        let custody = self.custody_of_held(cell);
        self.new_epoch(cell, &recipients, custody).map(|_| ())
    }

    /// Who but the insurer may open what comes in for a cell that is held.
    fn custody_of_held(&self, cell: &CellId) -> Custody {
        self.shares.get(cell).map_or(Custody::InsurerOnly, |recipient| {
            Custody::Emergency(recipient.as_str().to_owned())
        })
    }

    /// What comes in from now on is for the emergency environment too. While the door's own key is here (a cut out of
    /// caution) nothing begins: the key is wrapped for the environment when it asks, and the next hold sees to the rest.
    fn share(&mut self, cell: &CellId, recipient: &Recipient) -> Result<(), Error> {
        let recipients = self.shared.keys().recipients(cell)?;
        let custody = self.shared.keys().current(cell)?.custody.clone();
        self.shares.insert(cell.clone(), recipient.clone());
        let is_doors = custody == Custody::Door && self.shared.keys().is_open(cell);
        let custody_then = Custody::Emergency(recipient.as_str().to_owned());
        if is_doors || custody == custody_then {
            return Ok(());
        }
        self.log(&Logged::Share { cell: cell.clone() })?;
        self.new_epoch(cell, &recipients, custody_then).map(|_| ())
    }

    /// What comes in from now on is for the insurer alone again. An epoch that is the door's is left alone.
    fn unshare(&mut self, cell: &CellId) -> Result<(), Error> {
        self.shares.remove(cell);
        let recipients = self.shared.keys().recipients(cell)?;
        match &self.shared.keys().current(cell)?.custody {
            Custody::Door | Custody::InsurerOnly => return Ok(()),
            Custody::Emergency(_) => {}
        }
        let logged = self.log(&Logged::Unshare { cell: cell.clone() });
        self.new_epoch(cell, &recipients, Custody::InsurerOnly)?;
        logged
    }

    fn release(&mut self, cell: &CellId, keys: ReleasedKeys) -> Result<(), Error> {
        let recipients = self.shared.keys().recipients(cell)?;
        self.shared.keys().check(cell, &keys)?;
        self.log(&Logged::Release {
            cell: cell.clone(),
            epochs: keys.epochs(),
        })?;
        for (epoch, secret) in keys.0 {
            self.shared.keys_mut().keep(epoch, secret)?;
        }
        if !self.shared.keys().is_open(cell) || self.shared.keys().current(cell)?.custody != Custody::Door {
            self.open_epoch(cell, &recipients)?;
        }
        self.shared.lanes().unlock(cell);
        Ok(())
    }

    fn mend(&mut self) -> Result<(), Error> {
        let Some(good) = self
            .stores
            .list
            .iter()
            .find(|store| store.down.is_none())
            .map(|store| store.dir.clone())
        else {
            return Err(Error::Stopped {
                why: "no store is left to mend from".to_owned(),
            });
        };
        let mut failure = None;
        let last = self.at.segment;
        for store in self.stores.list.iter_mut().filter(|store| store.down.is_some()) {
            match mend_store(&good, &store.dir, last) {
                Ok(()) => store.down = None,
                Err(error) => failure = Some(error),
            }
        }
        self.shared.read.forget();
        if last > 0 {
            self.stores.open_segment(last);
        }
        self.shared.set_stores(&self.stores, self.behind);
        failure.map_or(Ok(()), Err)
    }

    fn reclaim(&mut self, now: Timestamp) -> Result<u64, Error> {
        self.expire(now)?;
        let mut freed = 0;
        while let Some(segment) = self.cache.oldest_segment()? {
            if segment >= self.at.segment || !self.cache.is_done(segment)? {
                break;
            }
            let record = CarriedRecord {
                segment,
                counts: self.cache.counts_to_carry(segment)?,
            };
            self.log.latest = self.log.latest.max(now);
            self.log(&Logged::Reclaim { segment })?;
            let weight = record.counts.len() as u64 * 512 + 1_024;
            // Durable first, then the file goes; a crash between leaves a file that the next reclaim removes.
            self.commit_own(weight, move |cache, batch: &mut Batch| {
                batch.push(Kind::Carried, record.write());
                cache.carry(batch.segment, &record)
            })?;
            self.shared.read.forget();
            for store in self.stores.list.iter().filter(|store| store.down.is_none()) {
                remove_segment(&store.dir, segment)?;
            }
            freed += 1;
        }
        if freed > 0 {
            self.forget_keys()?;
        }
        Ok(freed)
    }

    /// Key epochs that nothing here is sealed to any more, other than the current ones.
    fn forget_keys(&mut self) -> Result<(), Error> {
        let used = self.cache.epochs_in_use()?;
        let shared = std::sync::Arc::clone(&self.shared);
        let mut keys = shared.keys_mut();
        let unused: Vec<KeyEpoch> = keys
            .records()
            .filter(|key| !used.contains(&key.epoch))
            .filter(|key| {
                keys.current(&key.cell)
                    .is_ok_and(|current| current.epoch != key.epoch)
            })
            .map(|key| key.epoch)
            .collect();
        for epoch in unused {
            keys.forget(epoch)?;
            self.cache.forget_key(epoch)?;
        }
        Ok(())
    }

    /// Handed-over items whose keeping time is over.
    fn expire(&mut self, now: Timestamp) -> Result<(), Error> {
        /// Per commit: bounds its size.
        const GROUP: u32 = 5_000;
        let Limits { keep_secs, .. } = self.shared.limits;
        loop {
            let before = now.0.saturating_sub_unsigned(keep_secs);
            let due = self.cache.handed_over_before(before, GROUP)?;
            if due.is_empty() {
                return Ok(());
            }
            let mut changes: Vec<Change> = Vec::with_capacity(due.len());
            let gathered = &mut changes;
            self.commit_own(due.len() as u64 * 256, move |cache: &Cache, batch| {
                for seq in due {
                    let record = TransitionRecord {
                        seq,
                        at: now,
                        step: Step::Expired,
                    };
                    batch.push(Kind::Transition, record.write());
                    if let Some(Ok(change)) = cache.step(&record)? {
                        gathered.push(change);
                    }
                }
                Ok(())
            })?;
            self.shared.apply(&changes, &[]);
        }
    }
}

fn mend_store(good: &Path, dir: &Path, last: u64) -> Result<(), Error> {
    disk::make_dir(&disk::segment_dir(dir))?;
    crate::commit::Committer::hand_on(good, dir)?;
    copies::bring_up(good, dir, last).map(|_| ())
}

fn remove_segment(dir: &Path, number: u64) -> Result<(), Error> {
    let path = disk::segment_path(dir, number);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::disk("remove", path)(error)),
        Ok(()) | Err(_) => disk::sync_dir(&disk::segment_dir(dir)),
    }
}
