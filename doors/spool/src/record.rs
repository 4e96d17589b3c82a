//! The records of a segment: what their public parts say.

use vocabulary::{CellId, Digest, Timestamp};

use crate::codec::{Put, Take};
use crate::id::KeyEpoch;

/// Begins every segment file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct SegmentRecord {
    pub(crate) version: u32,
    pub(crate) spool: u64,
    pub(crate) segment: u64,
    pub(crate) first_seq: u64,
    pub(crate) next_epoch: u64,
    /// The chain before this record, so that a check can begin at any segment.
    pub(crate) chain_before: Digest,
}

pub(crate) const VERSION: u32 = 2;

impl SegmentRecord {
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut put = Put::default();
        put.u32(self.version)
            .u64(self.spool)
            .u64(self.segment)
            .u64(self.first_seq)
            .u64(self.next_epoch);
        put.digest(&self.chain_before);
        put.0
    }

    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut take = Take(bytes);
        let record = Self {
            version: take.u32()?,
            spool: take.u64()?,
            segment: take.u64()?,
            first_seq: take.u64()?,
            next_epoch: take.u64()?,
            chain_before: take.digest()?,
        };
        take.end()?;
        Some(record)
    }
}

/// Who but the insurer can open a key epoch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Custody {
    /// The private half lies in the key store too.
    Door,
    /// The private half never touched a disk in clear.
    InsurerOnly,
    /// As [`InsurerOnly`](Self::InsurerOnly), but wrapped to an emergency environment's age recipient too.
    Emergency(String),
}

/// A key pair of one cell. Repeated at the head of every segment for as long as it is needed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct KeyRecord {
    pub(crate) epoch: KeyEpoch,
    pub(crate) cell: CellId,
    pub(crate) custody: Custody,
    pub(crate) public: [u8; 32],
    /// An age file with the private half, to the active and the recovery recipient.
    pub(crate) wrapped: Vec<u8>,
    pub(crate) active: String,
    pub(crate) recovery: String,
}

impl KeyRecord {
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut put = Put::default();
        put.u64(self.epoch.0).text(&self.cell.to_string());
        put.u8(match &self.custody {
            Custody::Door => 1,
            Custody::InsurerOnly => 2,
            Custody::Emergency(_) => 3,
        });
        put.fixed(&self.public)
            .bytes(&self.wrapped)
            .text(&self.active)
            .text(&self.recovery);
        if let Custody::Emergency(recipient) = &self.custody {
            put.text(recipient);
        }
        put.0
    }

    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut take = Take(bytes);
        let (epoch, cell) = (KeyEpoch(take.u64()?), take.text()?.parse().ok()?);
        let custody = take.u8()?;
        let mut record = Self {
            epoch,
            cell,
            custody: match custody {
                1 => Custody::Door,
                2 | 3 => Custody::InsurerOnly,
                _ => return None,
            },
            public: take.array()?,
            wrapped: take.bytes()?.to_vec(),
            active: take.text()?.to_owned(),
            recovery: take.text()?.to_owned(),
        };
        if custody == 3 {
            record.custody = Custody::Emergency(take.text()?.to_owned());
        }
        take.end()?;
        Some(record)
    }
}

/// The public part of an item. Everything about people is a keyed digest or sealed in `head`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ItemRecord {
    pub(crate) meta: ItemMeta,
    /// Sealed: sender, recipients, Message-ID, the mail room's own envelope, the salt.
    pub(crate) head: Vec<u8>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ItemMeta {
    pub(crate) seq: u64,
    pub(crate) epoch: KeyEpoch,
    /// HPKE encapsulated key of the cell's capsule, and which export of it is this item's key.
    pub(crate) encapsulated: [u8; 32],
    pub(crate) index: u32,
    pub(crate) received: Timestamp,
    pub(crate) body_len: u64,
    pub(crate) cell: CellId,
    pub(crate) peer: Digest,
    pub(crate) lane: Digest,
    /// Keyed digest of peer, sender, recipients and Message-ID.
    pub(crate) same: Digest,
    /// Keyed digest of the body.
    pub(crate) content: Digest,
    /// Salted commitment for batch roots; the salt is in `head`.
    pub(crate) leaf: Digest,
    /// Same Message-ID as an earlier item, other bytes.
    pub(crate) flagged: bool,
}

impl ItemMeta {
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut put = Put(Vec::with_capacity(320));
        put.u64(self.seq)
            .u64(self.epoch.0)
            .fixed(&self.encapsulated)
            .u32(self.index);
        put.i64(self.received.0)
            .u64(self.body_len)
            .text(&self.cell.to_string());
        put.digest(&self.peer)
            .digest(&self.lane)
            .digest(&self.same)
            .digest(&self.content)
            .digest(&self.leaf);
        put.u8(u8::from(self.flagged));
        put.0
    }

    fn read(take: &mut Take<'_>) -> Option<Self> {
        Some(Self {
            seq: take.u64()?,
            epoch: KeyEpoch(take.u64()?),
            encapsulated: take.array()?,
            index: take.u32()?,
            received: Timestamp(take.i64()?),
            body_len: take.u64()?,
            cell: take.text()?.parse().ok()?,
            peer: take.digest()?,
            lane: take.digest()?,
            same: take.digest()?,
            content: take.digest()?,
            leaf: take.digest()?,
            flagged: take.u8()? != 0,
        })
    }
}

impl ItemRecord {
    pub(crate) fn write(meta: &[u8], head: &[u8]) -> Vec<u8> {
        let mut put = Put(Vec::with_capacity(meta.len() + head.len() + 4));
        put.fixed(meta).bytes(head);
        put.0
    }

    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut take = Take(bytes);
        let record = Self {
            meta: ItemMeta::read(&mut take)?,
            head: take.bytes()?.to_vec(),
        };
        take.end()?;
        Some(record)
    }
}

/// What happened to an item after it was accepted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    Begun { attempt: u64 },
    HandedOver { receipt: Digest },
    Returned,
    Parked { reason: u32 },
    Unparked,
    Confirmed,
    Expired,
    Fetched,
    Deleted,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct TransitionRecord {
    pub(crate) seq: u64,
    pub(crate) at: Timestamp,
    pub(crate) step: Step,
}

impl TransitionRecord {
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut put = Put(Vec::with_capacity(64));
        put.u64(self.seq).i64(self.at.0);
        match &self.step {
            Step::Begun { attempt } => put.u8(1).u64(*attempt),
            Step::HandedOver { receipt } => put.u8(2).digest(receipt),
            Step::Returned => put.u8(3),
            Step::Parked { reason } => put.u8(4).u32(*reason),
            Step::Unparked => put.u8(5),
            Step::Confirmed => put.u8(6),
            Step::Expired => put.u8(7),
            Step::Fetched => put.u8(8),
            Step::Deleted => put.u8(9),
        };
        put.0
    }

    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut take = Take(bytes);
        let seq = take.u64()?;
        let at = Timestamp(take.i64()?);
        let step = match take.u8()? {
            1 => Step::Begun { attempt: take.u64()? },
            2 => Step::HandedOver {
                receipt: take.digest()?,
            },
            3 => Step::Returned,
            4 => Step::Parked { reason: take.u32()? },
            5 => Step::Unparked,
            6 => Step::Confirmed,
            7 => Step::Expired,
            8 => Step::Fetched,
            9 => Step::Deleted,
            _ => return None,
        };
        take.end()?;
        Some(Self { seq, at, step })
    }
}

/// What is counted but is no item: refusals by reason, repeats, and what left with a reclaimed segment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Tally {
    /// By [`crate::Refused::number`].
    Refused(u8),
    Repeat,
    /// Handed over, kept long enough, and its sealed copy reclaimed.
    Reclaimed,
}

impl Tally {
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Repeat => 0,
            Self::Refused(reason) => reason,
            Self::Reclaimed => 255,
        }
    }

    pub(crate) fn read(number: u8) -> Self {
        match number {
            0 => Self::Repeat,
            255 => Self::Reclaimed,
            reason => Self::Refused(reason),
        }
    }
}

/// How often, for one peer and cell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct CountRecord {
    pub(crate) cell: CellId,
    pub(crate) peer: Digest,
    pub(crate) tally: Tally,
    pub(crate) times: u64,
}

impl CountRecord {
    /// One more repeat of an item that is here.
    pub(crate) fn repeat(offer: &crate::offer::Prepared) -> Self {
        Self {
            cell: offer.cell.clone(),
            peer: offer.peer,
            tally: Tally::Repeat,
            times: 1,
        }
    }

    fn put(&self, put: &mut Put) {
        put.text(&self.cell.to_string())
            .digest(&self.peer)
            .u8(self.tally.number())
            .u64(self.times);
    }

    fn take(take: &mut Take<'_>) -> Option<Self> {
        Some(Self {
            cell: take.text()?.parse().ok()?,
            peer: take.digest()?,
            tally: Tally::read(take.u8()?),
            times: take.u64()?,
        })
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let mut put = Put::default();
        self.put(&mut put);
        put.0
    }

    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut take = Take(bytes);
        let record = Self::take(&mut take)?;
        take.end()?;
        Some(record)
    }
}

/// Written before a segment is deleted: the counts that would go with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct CarriedRecord {
    pub(crate) segment: u64,
    pub(crate) counts: Vec<CountRecord>,
}

impl CarriedRecord {
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut put = Put::default();
        put.u64(self.segment)
            .u32(u32::try_from(self.counts.len()).unwrap_or(u32::MAX));
        for count in &self.counts {
            count.put(&mut put);
        }
        put.0
    }

    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut take = Take(bytes);
        let segment = take.u64()?;
        let n = take.u32()?;
        let counts = (0..n)
            .map(|_| CountRecord::take(&mut take))
            .collect::<Option<Vec<_>>>()?;
        take.end()?;
        Some(Self { segment, counts })
    }
}
