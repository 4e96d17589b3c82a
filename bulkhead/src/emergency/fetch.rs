//! Taking in what a door hands out: opened, checked against what was asked for, filed in batches.

use std::io::{self, Read};

use spool::{KeyEpoch, ReleasedKeys, Unsealed, unseal};
use vocabulary::{CellId, Digest};

use super::store::{Batch, Filed, Store};
use crate::{emergency_wire::ItemHead, report::Trouble};

/// How a stream ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// At its end.
    Whole {
        /// Items that are new here.
        filed: u64,
        /// Items on the stream.
        seen: u64,
    },
    /// In the middle: the grant ended, or the connection. What was whole is filed.
    BrokenOff {
        /// Items that are new here.
        filed: u64,
    },
}

/// Takes in a stream. Blocks for network and disk.
///
/// # Errors
/// [`Trouble`] when the store fails.
pub(super) fn take_in(
    mut from: impl Read,
    store: &Store,
    keys: &ReleasedKeys,
    cell: &CellId,
    epoch: KeyEpoch,
) -> Result<Taken, Trouble> {
    let (mut filed, mut seen) = (0, 0);
    let mut batch = Batch::default();
    loop {
        let next = ItemHead::read(&mut from).and_then(|head| match head {
            None => Ok(None),
            Some(head) => take_one(&mut from, &mut batch, store, keys, (cell, epoch), head).map(Some),
        });
        match next {
            Ok(Some(())) => seen += 1,
            Ok(None) => {
                filed += store.file(batch)?;
                return Ok(Taken::Whole { filed, seen });
            }
            Err(error) => {
                tracing::info!(%cell, %error, "reading broke off");
                filed += store.file(batch)?;
                return Ok(Taken::BrokenOff { filed });
            }
        }
        if batch.is_full() {
            filed += store.file(std::mem::take(&mut batch))?;
        }
    }
}

/// Takes one item into the batch: opened, or as one that cannot be. An error means that the stream is over.
fn take_one(
    from: &mut impl Read,
    batch: &mut Batch,
    store: &Store,
    keys: &ReleasedKeys,
    (cell, epoch): (&CellId, KeyEpoch),
    head: ItemHead,
) -> io::Result<()> {
    let mut front = Vec::new();
    from.take(u64::from(head.front_len)).read_to_end(&mut front)?;
    if front.len() as u64 != u64::from(head.front_len) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut body = from.take(head.body_len);
    if store.has(head.item) {
        return drain(&mut body);
    }
    let mut filed = Filed {
        item: head.item,
        cell: cell.clone(),
        epoch,
        standing: head.standing,
        received: vocabulary::Timestamp(0),
        flagged: false,
        mail: None,
    };
    let opened = unseal(&front, keys);
    let unsealed = opened
        .ok()
        .filter(|unsealed| is_what_was_asked(unsealed, &head, cell, epoch));
    match unsealed {
        None => {
            tracing::error!(item = %head.item, "an item cannot be opened");
            drain(&mut body)?;
            batch.add_unreadable(filed);
        }
        Some(unsealed) => {
            filed.received = unsealed.received();
            filed.flagged = unsealed.is_flagged();
            let digest: Digest = unsealed.body_digest();
            let mut mail = Vec::with_capacity(usize::try_from(unsealed.body_len()).unwrap_or(0));
            let read = unsealed.body(&mut body).read_to_end(&mut mail);
            match read {
                Ok(_) => batch.add(filed, &mail, digest),
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    tracing::error!(item = %head.item, "the body of an item cannot be opened");
                    drain(&mut body)?;
                    batch.add_unreadable(filed);
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

/// A door that hands out another item under this name is not believed.
fn is_what_was_asked(unsealed: &Unsealed, head: &ItemHead, cell: &CellId, epoch: KeyEpoch) -> bool {
    unsealed.sequence() == head.item.sequence() && unsealed.cell() == cell && unsealed.epoch() == epoch
}

fn drain<R: Read>(body: &mut io::Take<R>) -> io::Result<()> {
    let left = body.limit();
    let drained = io::copy(body, &mut io::sink())?;
    if drained < left {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}
