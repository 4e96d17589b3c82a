//! Turning what was asked into the records of one commit.

use std::sync::Arc;

use vocabulary::Millis;

use crate::{
    Error, Refused,
    batch::Batch,
    cache::Change,
    frame::{Kind, PayloadSum},
    id::ItemId,
    log::commitment,
    offer::{Accepted, Body, Novelty, Prepared},
    queue::Command,
    record::{CountRecord, ItemMeta, ItemRecord, Step, TransitionRecord},
    seal::Capsules,
    spool::Settled,
    stores::Piece,
    writer::{Outcome, Writer},
};

/// What a commit is made from, while it is being put together.
pub(crate) struct Draft {
    pub(crate) batch: Batch,
    pub(crate) changes: Vec<Change>,
    pub(crate) capsules: Capsules,
    pub(crate) settled: Vec<Settled>,
    pub(crate) next_seq: u64,
}

impl Writer {
    pub(crate) fn header(&self, draft: &mut Draft) -> Result<(), Error> {
        self.head_of_segment(&mut draft.batch)
    }

    pub(crate) fn build(
        &self,
        draft: &mut Draft,
        command: &Command,
        refuse: Option<Refused>,
    ) -> Result<Outcome, Error> {
        match command {
            Command::Offer { offer, .. } => {
                if let Some(why) = refuse {
                    return Ok(Outcome::Offer(Err(why)));
                }
                self.build_item(draft, offer).map(Outcome::Offer)
            }
            Command::Step {
                item,
                at,
                step,
                back_off_from,
                ..
            } => {
                let record = TransitionRecord {
                    seq: item.seq,
                    at: *at,
                    step: step.clone(),
                };
                self.build_step(draft, *item, &record, *back_off_from)
                    .map(Outcome::Step)
            }
            Command::Count { .. }
            | Command::Keys { .. }
            | Command::Mend { .. }
            | Command::Reclaim { .. }
            | Command::Roots { .. } => Ok(Outcome::Step(Ok(()))),
        }
    }

    pub(crate) fn build_count(&self, draft: &mut Draft, count: &CountRecord) -> Result<(), Error> {
        let spot = draft.batch.push(Kind::Count, count.write());
        self.cache.count(spot.segment, count)
    }

    fn build_step(
        &self,
        draft: &mut Draft,
        item: ItemId,
        record: &TransitionRecord,
        back_off_from: Option<Millis>,
    ) -> Result<Result<(), Error>, Error> {
        let change = match self.cache.step(record)? {
            None => return Ok(Err(Error::NoSuchItem { item })),
            Some(Err(state)) => {
                return Ok(Err(Error::NotNow {
                    item,
                    state: state.word(),
                    step: record.step.word(),
                }));
            }
            Some(Ok(change)) => change,
        };
        if let Change::Moved { lane, to, .. } = &change
            && (!to.waits() || record.step == Step::Returned)
        {
            draft.settled.push(Settled {
                lane: *lane,
                seq: record.seq,
                back_off_from,
            });
        }
        draft.batch.push(Kind::Transition, record.write());
        draft.changes.push(change);
        Ok(Ok(()))
    }

    fn build_item(&self, draft: &mut Draft, offer: &Prepared) -> Result<Result<Accepted, Refused>, Error> {
        let (earlier, same_id) = match offer.can_repeat {
            true => self.cache.earlier(&offer.same, &offer.content)?,
            false => (None, false),
        };
        if let Some(seq) = earlier {
            self.build_count(draft, &CountRecord::repeat(offer))?;
            let item = self.shared.item_id(seq);
            return Ok(Ok(Accepted {
                item,
                novelty: Novelty::Repeat,
            }));
        }
        let coming: u64 = draft.batch.len + offer.body_len;
        if let Err(why) = self
            .shared
            .lanes()
            .fits(&offer.cell, &offer.peer, coming, &self.shared.limits)
        {
            return Ok(Err(why));
        }
        let seq = draft.next_seq;
        let (meta, head, payload, sum) = match self.seal(draft, offer, seq, same_id) {
            Ok(sealed) => sealed,
            Err(Error::NotEnrolled { .. }) => return Ok(Err(Refused::NotEnrolled)),
            Err(error) => return Err(error),
        };
        let front = ItemRecord::write(&meta.write(), &head);
        let spot = draft.batch.push_with(Kind::Item, front, Some(payload), &sum);
        draft.changes.push(self.cache.add_item(&meta, spot)?);
        draft.next_seq += 1;
        Ok(Ok(Accepted {
            item: self.shared.item_id(seq),
            novelty: if same_id {
                Novelty::SameIdOtherBytes
            } else {
                Novelty::New
            },
        }))
    }

    fn seal(
        &self,
        draft: &mut Draft,
        offer: &Prepared,
        seq: u64,
        flagged: bool,
    ) -> Result<(ItemMeta, Vec<u8>, Piece, PayloadSum), Error> {
        let meta = |epoch, encapsulated, index| ItemMeta {
            seq,
            epoch,
            encapsulated,
            index,
            received: offer.received,
            body_len: offer.body_len,
            cell: offer.cell.clone(),
            peer: offer.peer,
            lane: offer.lane,
            same: offer.same,
            content: offer.content,
            leaf: commitment(&offer.salt, self.shared.item_id(seq), &offer.body_digest).0,
            flagged,
        };
        match &offer.body {
            Body::Memory(body) => {
                let begin = || self.shared.encapsulate(&offer.cell);
                let capsule = draft.capsules.of(&offer.cell, begin)?;
                let (index, key) = capsule.item_key()?;
                let meta = meta(capsule.epoch, capsule.encapsulated, index);
                let head = key.seal_head(&offer.head, &meta.write())?;
                let sealed = key.seal_body(body)?;
                let sum = PayloadSum::of(&sealed);
                Ok((meta, head, Piece::Bytes(sealed), sum))
            }
            Body::Staged(staged) => {
                let meta = meta(staged.epoch, staged.encapsulated, staged.index);
                let head = staged.key.seal_head(&offer.head, &meta.write())?;
                let piece = Piece::Staged(Arc::clone(&staged.file), staged.sum.len());
                Ok((meta, head, piece, staged.sum.clone()))
            }
        }
    }
}
