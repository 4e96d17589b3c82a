//! Opening what was read sealed: elsewhere, with keys the insurer released, without the spool it came from.

use std::io::{self, Read};

use vocabulary::{CellId, Digest, Hasher, Timestamp};
use zeroize::Zeroizing;

use crate::{
    Error,
    id::KeyEpoch,
    keys::ReleasedKeys,
    offer::Head,
    record::{ItemMeta, ItemRecord},
    seal::{CHUNK_LEN, ItemKey, TAG_LEN, sealed_len},
};

/// What was sealed, opened: personal data. Its body follows from a reader of the sealed body.
pub struct Unsealed {
    meta: ItemMeta,
    head: Head,
    key: ItemKey,
}

impl std::fmt::Debug for Unsealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Unsealed")
    }
}

/// Opens the public part of an item, as [`SealedItem::front`](crate::SealedItem::front) gave it.
///
/// # Errors
/// [`Error::Locked`] when the key epoch's key is not among `keys`; [`Error::Sealing`] when the bytes are no item's, were
/// changed, or the key is another epoch's.
pub fn unseal(front: &[u8], keys: &ReleasedKeys) -> Result<Unsealed, Error> {
    let no_item = || Error::Sealing {
        tried: "read an item that came sealed",
    };
    let ItemRecord { meta, head } = ItemRecord::read(front).ok_or_else(no_item)?;
    let epoch = meta.epoch;
    let secret = keys.0.get(&epoch).ok_or(Error::Locked { epoch })?;
    let key = ItemKey::open(secret, epoch, &meta.encapsulated, meta.index)?;
    let opened = key.open_head(&head, &meta.write())?;
    let head = Head::read(&opened).ok_or_else(no_item)?;
    Ok(Unsealed { meta, head, key })
}

impl Unsealed {
    /// The item's place in its spool's order of acceptance.
    #[must_use]
    pub const fn sequence(&self) -> u64 {
        self.meta.seq
    }

    /// Where it goes.
    #[must_use]
    pub const fn cell(&self) -> &CellId {
        &self.meta.cell
    }

    /// The key epoch it was sealed to.
    #[must_use]
    pub const fn epoch(&self) -> KeyEpoch {
        self.meta.epoch
    }

    /// The sender as told by the peer.
    #[must_use]
    pub fn sender(&self) -> &str {
        &self.head.sender
    }

    /// The recipients of this cell.
    #[must_use]
    pub fn recipients(&self) -> &[String] {
        &self.head.recipients
    }

    /// The `Message-ID`, if there was one.
    #[must_use]
    pub fn message_id(&self) -> Option<&str> {
        self.head.message_id.as_deref()
    }

    /// When it came in: for people.
    #[must_use]
    pub const fn received(&self) -> Timestamp {
        self.meta.received
    }

    /// Whether an earlier item had the same Message-ID, sender and recipients, but other bytes.
    #[must_use]
    pub const fn is_flagged(&self) -> bool {
        self.meta.flagged
    }

    /// Length of the body in bytes.
    #[must_use]
    pub const fn body_len(&self) -> u64 {
        self.meta.body_len
    }

    /// SHA-256 of the body.
    #[must_use]
    pub const fn body_digest(&self) -> Digest {
        self.head.body_digest
    }

    /// Opens the body while it is read from where it comes sealed. The end is reached only after everything was there and
    /// its digest was right: a body that ends is the whole body.
    pub fn body<R: Read>(self, sealed: R) -> UnsealedBody<R> {
        UnsealedBody {
            left: sealed_len(self.meta.body_len),
            unsealed: self,
            sealed,
            number: 0,
            chunk: Zeroizing::default(),
            taken: 0,
            hasher: Hasher::new(),
        }
    }
}

/// Reads the body of an item that came sealed, a chunk at a time.
pub struct UnsealedBody<R> {
    unsealed: Unsealed,
    sealed: R,
    number: u64,
    chunk: Zeroizing<Vec<u8>>,
    taken: usize,
    left: u64,
    hasher: Hasher,
}

impl<R> std::fmt::Debug for UnsealedBody<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "UnsealedBody({} sealed bytes left)", self.left)
    }
}

impl<R: Read> UnsealedBody<R> {
    fn next_chunk(&mut self) -> io::Result<()> {
        let len = self.left.min((CHUNK_LEN + TAG_LEN) as u64);
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        self.sealed.read_exact(&mut bytes)?;
        let opened = self
            .unsealed
            .key
            .open_chunk(self.number, len == self.left, &bytes)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        self.hasher.update(&opened);
        self.chunk = Zeroizing::new(opened);
        self.number += 1;
        self.taken = 0;
        self.left -= len;
        let hasher = self.hasher.clone();
        if self.left == 0 && hasher.finish() != self.unsealed.head.body_digest {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                Error::Sealing {
                    tried: "find the digest of a body that came sealed",
                },
            ));
        }
        Ok(())
    }
}

impl<R: Read> Read for UnsealedBody<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        // An empty body is one sealed chunk of nothing: it is checked like any other.
        while self.taken >= self.chunk.len() {
            if self.left == 0 {
                return Ok(0);
            }
            self.next_chunk()?;
        }
        let rest = self.chunk.get(self.taken..).unwrap_or_default();
        let len = rest.len().min(into.len());
        for (to, from) in into.iter_mut().zip(rest) {
            *to = *from;
        }
        self.taken += len;
        Ok(len)
    }
}
