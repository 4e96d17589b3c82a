//! Handing something in: the offer, its body in one piece or in many, and the answer.

use std::{
    fs::{File, OpenOptions},
    future::Future,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::PathBuf,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use vocabulary::{CellId, Digest, Hasher, Timestamp};
use zeroize::Zeroizing;

use crate::{
    Error, Refused,
    codec::{Put, Take},
    durable::block_on,
    frame::PayloadSum,
    id::{ItemId, KeyEpoch},
    seal::{CHUNK_LEN, ItemKey},
    spool::Shared,
};

/// What comes with a body. Everything here about people is sealed together with the body; on the disk it appears in
/// clear only as digests under the spool's own secret.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// Where it goes.
    pub cell: CellId,
    /// The authenticated peer, as its transport names it (for example the certificate's subject).
    pub peer: String,
    /// What orders it: items of one peer, cell and lane leave in the order of their durable acceptance. A mail room
    /// that orders per peer leaves it empty; one that orders per sender puts the envelope sender here.
    pub lane: String,
    /// The sender as told by the peer.
    pub sender: String,
    /// The recipients of this cell.
    pub recipients: Vec<String>,
    /// The `Message-ID`, if there is one. Without it nothing is ever taken for a repeat.
    pub message_id: Option<String>,
    /// Whatever else the room that offers wants back with the item; opaque here.
    pub envelope: Vec<u8>,
    /// When it came in: for people, never for order.
    pub received: Timestamp,
}

/// What is known about an accepted item that was offered before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Novelty {
    /// Never seen.
    New,
    /// Peer, sender, recipients, Message-ID and content all equal an item that is already here: nothing was stored,
    /// and the id is that item's.
    Repeat,
    /// Stored, and flagged: an earlier item has the same peer, sender, recipients and Message-ID, but other bytes.
    SameIdOtherBytes,
}

/// The item is durable on the declared number of stores.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Accepted {
    /// Its name.
    pub item: ItemId,
    /// Whether it was here before.
    pub novelty: Novelty,
}

/// The answer to an offer, once the disk has spoken. Await it, or [`wait`](Self::wait) on a thread of your own.
/// Dropping it does not withdraw the offer: the item may still be accepted.
#[derive(Debug)]
#[must_use = "an offer is answered only when this resolves"]
pub struct Pending(pub(crate) oneshot::Receiver<Result<Accepted, Refused>>);

impl Pending {
    pub(crate) fn refused(why: Refused) -> Self {
        let (sender, receiver) = oneshot::channel();
        // The receiver is right here, so this send cannot fail.
        let _ = sender.send(Err(why));
        Self(receiver)
    }

    /// Blocks until the answer is there. In asynchronous code await the value instead.
    ///
    /// # Errors
    /// [`Refused`]: nothing was stored.
    pub fn wait(self) -> Result<Accepted, Refused> {
        block_on(self)
    }
}

impl Future for Pending {
    type Output = Result<Accepted, Refused>;
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0)
            .poll(context)
            .map(|answer| answer.unwrap_or(Err(Refused::Stopped)))
    }
}

/// A body on its way to the segments.
pub(crate) enum Body {
    /// In clear, in memory only; sealed by the writer.
    Memory(Zeroizing<Vec<u8>>),
    /// Sealed already, in a file of the staging folder.
    Staged(Staged),
}

pub(crate) struct Staged {
    pub(crate) file: Arc<StagingFile>,
    pub(crate) key: ItemKey,
    pub(crate) epoch: KeyEpoch,
    pub(crate) encapsulated: [u8; 32],
    pub(crate) index: u32,
    pub(crate) sum: PayloadSum,
}

/// A staged file; removed when the last use of it ends. What a crash leaves is removed at the next start: it was
/// never acknowledged.
pub(crate) struct StagingFile {
    pub(crate) file: File,
    path: PathBuf,
}

impl Drop for StagingFile {
    fn drop(&mut self) {
        // A file that stays is sealed and unacknowledged; the next start removes it.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Takes a body in pieces. Small bodies stay in memory, larger ones are sealed chunk by chunk into a staging file, so
/// that memory stays bounded however many senders are in mid-transfer. Dropping it withdraws everything.
pub struct OfferWriter {
    shared: Arc<Shared>,
    cell: CellId,
    buffer: Zeroizing<Vec<u8>>,
    hasher: Hasher,
    len: u64,
    staged: Option<(Staged, u64)>,
}

impl std::fmt::Debug for OfferWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OfferWriter({}, {} bytes)", self.cell, self.len)
    }
}

impl OfferWriter {
    pub(crate) fn new(shared: Arc<Shared>, cell: CellId) -> Self {
        Self {
            shared,
            cell,
            buffer: Zeroizing::default(),
            hasher: Hasher::new(),
            len: 0,
            staged: None,
        }
    }

    /// Bytes taken so far.
    #[must_use]
    pub const fn taken(&self) -> u64 {
        self.len
    }

    /// Adds bytes. May write to the disk, briefly.
    ///
    /// # Errors
    /// [`Refused`] when the body grows too large or cannot be staged; the writer is of no use afterwards.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), Refused> {
        self.len += bytes.len() as u64;
        if self.len > self.shared.limits.body_bytes_max {
            return Err(Refused::TooLarge);
        }
        self.hasher.update(bytes);
        if self.staged.is_none() && self.buffer.len() + bytes.len() <= self.shared.limits.stage_over_bytes {
            self.buffer.extend_from_slice(bytes);
            return Ok(());
        }
        if self.staged.is_none() {
            self.staged = Some((self.shared.stage(&self.cell)?, 0));
        }
        while !bytes.is_empty() {
            // A full chunk is sealed only when more follows, because the last one carries a mark.
            if self.buffer.len() >= CHUNK_LEN {
                self.flush(false)?;
            }
            let room = CHUNK_LEN.saturating_sub(self.buffer.len()).min(bytes.len());
            let (now, later) = bytes.split_at(room);
            self.buffer.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    /// Seals what is buffered, whole chunks at a time.
    fn flush(&mut self, end: bool) -> Result<(), Refused> {
        let Some((staged, number)) = self.staged.as_mut() else {
            return Ok(());
        };
        let mut sealed_to = 0;
        let mut chunks = self.buffer.chunks(CHUNK_LEN).peekable();
        while let Some(chunk) = chunks.next() {
            // Only the last chunk of a body may be short.
            if !end && chunk.len() < CHUNK_LEN {
                break;
            }
            let last = end && chunks.peek().is_none();
            let sealed = staged
                .key
                .seal_chunk(*number, last, chunk)
                .map_err(|_| Refused::Stopped)?;
            staged
                .file
                .file
                .write_all_at(&sealed, staged.sum.len())
                .map_err(|_| Refused::DiskReserve)?;
            staged.sum.update(&sealed);
            sealed_to += chunk.len();
            *number += 1;
        }
        self.buffer.drain(..sealed_to);
        Ok(())
    }

    /// Ends the body and offers it. The offer must name the cell this writer was made for.
    pub fn finish(mut self, offer: Offer) -> Pending {
        if offer.cell != self.cell || self.flush(true).is_err() {
            return Pending::refused(Refused::Stopped);
        }
        let body = match self.staged.take() {
            Some((staged, _)) => Body::Staged(staged),
            None => Body::Memory(std::mem::take(&mut self.buffer)),
        };
        let prepared = Prepared::new(&self.shared, offer, body, self.hasher.clone().finish(), self.len);
        self.shared.submit_offer(prepared)
    }
}

impl Shared {
    fn stage(&self, cell: &CellId) -> Result<Staged, Refused> {
        let mut capsule = self.encapsulate(cell).map_err(|error| {
            if matches!(error, Error::NotEnrolled { .. }) {
                Refused::NotEnrolled
            } else {
                Refused::Stopped
            }
        })?;
        let (index, key) = capsule.item_key().map_err(|_| Refused::Stopped)?;
        let path = self.staging_path();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(|_| Refused::DiskReserve)?;
        Ok(Staged {
            file: Arc::new(StagingFile { file, path }),
            key,
            epoch: capsule.epoch,
            encapsulated: capsule.encapsulated,
            index,
            sum: PayloadSum::new(),
        })
    }
}

/// An offer with everything computed that needs no order.
pub(crate) struct Prepared {
    pub(crate) cell: CellId,
    pub(crate) received: Timestamp,
    pub(crate) peer: Digest,
    pub(crate) lane: Digest,
    pub(crate) same: Digest,
    pub(crate) content: Digest,
    pub(crate) can_repeat: bool,
    pub(crate) head: Zeroizing<Vec<u8>>,
    pub(crate) salt: [u8; 32],
    pub(crate) body_digest: Digest,
    pub(crate) body: Body,
    pub(crate) body_len: u64,
}

impl Prepared {
    pub(crate) fn new(shared: &Shared, offer: Offer, body: Body, body_digest: Digest, body_len: u64) -> Self {
        let commit = &shared.commit;
        let cell = offer.cell.to_string();
        let mut recipients: Vec<&str> = offer.recipients.iter().map(String::as_str).collect();
        recipients.sort_unstable();
        let mut who = Put::default();
        recipients.iter().for_each(|recipient| {
            who.text(recipient);
        });
        let message_id = offer.message_id.as_deref().unwrap_or("");
        let salt = shared.draw::<32>();
        Self {
            peer: commit.peer(&offer.peer).0,
            lane: commit.lane(&offer.cell, &offer.peer, &offer.lane),
            same: commit.commit(
                b"same",
                &[
                    cell.as_bytes(),
                    offer.peer.as_bytes(),
                    offer.sender.as_bytes(),
                    &who.0,
                    message_id.as_bytes(),
                ],
            ),
            content: commit.commit(b"content", &[body_digest.as_bytes()]),
            can_repeat: !message_id.is_empty(),
            head: Head::write(&offer, &salt, &body_digest),
            salt,
            body_digest,
            body,
            body_len,
            received: offer.received,
            cell: offer.cell,
        }
    }

    /// Bytes this offer holds in memory while it waits.
    pub(crate) fn memory(&self) -> usize {
        let body = match &self.body {
            Body::Memory(bytes) => bytes.len(),
            Body::Staged(_) => 0,
        };
        body + self.head.len() + 1_024
    }
}

/// What is sealed beside the body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Head {
    pub(crate) salt: [u8; 32],
    pub(crate) body_digest: Digest,
    pub(crate) sender: String,
    pub(crate) recipients: Vec<String>,
    pub(crate) message_id: Option<String>,
    pub(crate) envelope: Vec<u8>,
}

impl Head {
    fn write(offer: &Offer, salt: &[u8; 32], body_digest: &Digest) -> Zeroizing<Vec<u8>> {
        let mut put = Put::default();
        put.fixed(salt).digest(body_digest).text(&offer.sender);
        put.u32(u32::try_from(offer.recipients.len()).unwrap_or(u32::MAX));
        for recipient in &offer.recipients {
            put.text(recipient);
        }
        put.u8(u8::from(offer.message_id.is_some()))
            .text(offer.message_id.as_deref().unwrap_or(""));
        put.bytes(&offer.envelope);
        Zeroizing::new(put.0)
    }

    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut take = Take(bytes);
        let salt = take.array()?;
        let body_digest = take.digest()?;
        let sender = take.text()?.to_owned();
        let n = take.u32()?;
        let recipients = (0..n)
            .map(|_| take.text().map(str::to_owned))
            .collect::<Option<Vec<_>>>()?;
        let has_id = take.u8()? != 0;
        let message_id = take.text()?.to_owned();
        let envelope = take.bytes()?.to_vec();
        take.end()?;
        Some(Self {
            salt,
            body_digest,
            sender,
            recipients,
            message_id: has_id.then_some(message_id),
            envelope,
        })
    }
}
