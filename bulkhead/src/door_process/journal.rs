//! What the doors' ledger says, for the control room's journal: a long poll that answers after the sync of an entry.

use std::time::Duration;

use crate::{
    door_wire::LedgerPiece,
    house::{Doors, Recorded},
    http::{Call, Reply},
};

/// Longest wait of one long poll; a reader asks again.
const POLL_SECS_MAX: u64 = 30;
/// An answer ends after the entry that takes it past this, so that it fits into a body together with its hexadecimal.
const PIECE_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Answers `/ledger?from=N&wait=S`: entries from N on, or from the end if N lies behind it; waits up to S
/// seconds while there is none.
pub(super) async fn ledger(doors: &Doors, call: &Call) -> Reply {
    let number = |name: &str| call.query_value(name).and_then(|text| text.parse::<u64>().ok());
    let from = number("from").unwrap_or(0);
    let wait = Duration::from_secs(number("wait").unwrap_or(0).min(POLL_SECS_MAX));
    let mut recorded = doors.recorded();
    drop(tokio::time::timeout(wait, recorded.wait_for(|len| *len > from)).await);
    match piece_from(doors, from).await {
        Ok(piece) => Reply::json(&piece),
        Err(what) => Reply::refuse(500, &what),
    }
}

/// Entries from one on, or from the end: a reader that knows more than there is hears how much there is, and notices
/// that this store is an old one.
pub(super) async fn piece_from(doors: &Doors, from: u64) -> Result<LedgerPiece, String> {
    let from = from.min(*doors.recorded().borrow());
    let read = match doors.entries(from).await {
        Ok(Ok(read)) => read,
        Ok(Err(error)) => return Err(error.to_string()),
        Err(gone) => return Err(gone.to_string()),
    };
    // Reading waits for the disk: not on a thread that answers others.
    match tokio::task::spawn_blocking(move || piece(from, read)).await {
        Ok(Ok(piece)) => Ok(piece),
        Ok(Err(error)) => Err(error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

fn piece(from: u64, read: Recorded) -> Result<LedgerPiece, Box<dyn std::error::Error + Send + Sync>> {
    let mut piece = LedgerPiece {
        store: read.store,
        from,
        entries: Vec::new(),
        head: read.head,
    };
    let mut bytes = 0;
    for entry in read.entries {
        let encoded = entry?.encode()?;
        bytes += encoded.len();
        piece.entries.push(hex::encode(encoded));
        if bytes > PIECE_BYTES_MAX {
            break;
        }
    }
    Ok(piece)
}
