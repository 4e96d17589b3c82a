//! The authority log on the control room's disk: appended after checks of form only, followed by doors, and with it the
//! heads that door stores told of themselves.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use ledger::Ledger;
use record::{Draft, LogKey};
use tokio::sync::watch;
use vocabulary::{Digest, WitnessId};

use crate::{
    authority_wire::{Appended, Piece, StoreHead},
    clock, files,
    http::{Call, Endpoint, Reply},
    report::{Code, Trouble},
};

/// Most bytes of encoded entries in one answer; the caller asks again for the rest.
const PIECE_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Longest wait of one long poll.
const POLL_SECS_MAX: u64 = 20;

pub(super) struct Room {
    pub(super) ledger: Mutex<Ledger>,
    pub(super) key: LogKey,
    /// Length of the log; changes wake followers and the cosigner.
    pub(super) len: watch::Sender<u64>,
    /// Newest co-signed checkpoint.
    pub(super) cosigned: watch::Sender<Option<Published>>,
    pub(super) witnesses: BTreeMap<WitnessId, Endpoint>,
    /// The latest head of each door store's ledger that it told us, kept on disk: a store that comes back with less was
    /// put back from an old copy.
    pub(super) heads: Mutex<Heads>,
    pub(super) heads_path: PathBuf,
    /// How often a head was told, and how many of these tellings are on disk: 80 processes tell at once after an order, and
    /// one write serves all who wait.
    pub(super) heads_told: AtomicU64,
    pub(super) heads_kept: Mutex<u64>,
    /// The piece of the log that was told last: after an order, all followers ask for the same one.
    pub(super) told: Mutex<Option<Told>>,
}

/// A piece of the log as it went out, and what it was made of.
pub(super) struct Told {
    from: u64,
    len: u64,
    serial: u64,
    body: Arc<[u8]>,
}

/// Heads of door stores, by store.
pub(super) type Heads = BTreeMap<Digest, record::Head>;

/// A co-signed checkpoint as it was published. One of the same size with more signatures is another publication.
#[derive(Clone)]
pub(super) struct Published {
    pub(super) serial: u64,
    pub(super) size: u64,
    pub(super) note: String,
}

pub(super) fn read_heads(path: &Path) -> Result<Heads, Trouble> {
    let name = path.display();
    let wrong = |error: Box<dyn std::error::Error + Send + Sync>| {
        Trouble::because(
            Code::Files,
            format!("{name} ist nicht lesbar. / Cannot read {name}."),
            error,
        )
    };
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| wrong(error.into())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Heads::new()),
        Err(error) => Err(wrong(error.into())),
    }
}

/// Keeps the longest head a store told, and answers when it is on disk. A shorter one is not kept: it may be the old copy
/// we are here to notice. Waits for the disk: not for a thread that answers others.
pub(super) fn remember_head(room: &Room, told: StoreHead) -> Reply {
    let telling = {
        let mut heads = room.heads.lock().unwrap_or_else(PoisonError::into_inner);
        let is_longer = heads
            .get(&told.store)
            .is_none_or(|known| known.len < told.head.len);
        if is_longer {
            heads.insert(told.store, told.head);
            room.heads_told.fetch_add(1, Ordering::SeqCst);
        }
        // What is known already may still be on its way to the disk.
        room.heads_told.load(Ordering::SeqCst)
    };
    let mut kept = room.heads_kept.lock().unwrap_or_else(PoisonError::into_inner);
    if *kept >= telling {
        return Reply::json(&());
    }
    let (bytes, all) = {
        let heads = room.heads.lock().unwrap_or_else(PoisonError::into_inner);
        (
            serde_json::to_vec(&*heads),
            room.heads_told.load(Ordering::SeqCst),
        )
    };
    let written = bytes
        .map_err(std::io::Error::other)
        .and_then(|bytes| files::write_private(&room.heads_path, &bytes));
    match written {
        Ok(()) => {
            *kept = all;
            Reply::json(&())
        }
        Err(error) => Reply::refuse(507, &format!("Nicht gespeichert: {error}. / Not kept: {error}.")),
    }
}

/// Appends and answers only after the sync.
pub(super) fn append<T: serde::Serialize>(room: &Room, kind: &str, content: &T) -> Reply {
    match serde_json::to_vec(content) {
        Ok(body) => append_raw(room, kind, body),
        Err(_) => Reply::refuse(500, "Nicht darstellbar. / Cannot be written."),
    }
}

/// As [`append`], told as the number of the entry.
///
/// # Errors
/// A sentence; nothing was appended.
pub(super) fn append_statement<T: serde::Serialize>(
    room: &Room,
    kind: &str,
    content: &T,
) -> Result<u64, String> {
    let body = serde_json::to_vec(content).map_err(|error| error.to_string())?;
    append_entry(room, kind, body).map_err(|(_, sentence)| sentence)
}

pub(super) fn append_raw(room: &Room, kind: &str, body: Vec<u8>) -> Reply {
    match append_entry(room, kind, body) {
        Ok(index) => Reply::json(&Appended { index }),
        Err((status, sentence)) => Reply::refuse(status, &sentence),
    }
}

fn append_entry(room: &Room, kind: &str, body: Vec<u8>) -> Result<u64, (u16, String)> {
    let Ok(kind) = kind.parse() else {
        return Err((500, "Nicht darstellbar. / Cannot be written.".to_owned()));
    };
    let draft = Draft {
        kind,
        at: clock::now(),
        body,
    };
    let appended = room
        .ledger
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .append(&[draft]);
    match appended {
        Ok(range) => {
            room.len.send_replace(range.end);
            Ok(range.start)
        }
        Err(error) => Err((507, error.to_string())),
    }
}

/// Answers `/log?from=N&seen=M&wait=S`: entries from N on and the newest co-signed checkpoint; waits up to S seconds
/// while there is neither an entry nor a publication after number M.
pub(super) async fn follow(room: &Room, call: &Call) -> Reply {
    let number = |name: &str| call.query_value(name).and_then(|text| text.parse::<u64>().ok());
    let (from, seen) = (number("from").unwrap_or(0), number("seen").unwrap_or(0));
    let wait = Duration::from_secs(number("wait").unwrap_or(0).min(POLL_SECS_MAX));
    let (mut len, mut cosigned) = (room.len.subscribe(), room.cosigned.subscribe());
    let news = async {
        tokio::select! {
            _ = len.wait_for(|len| *len > from) => {}
            _ = cosigned.wait_for(|noted| noted.as_ref().is_some_and(|published| published.serial > seen)) => {}
        }
    };
    let _timed_out = tokio::time::timeout(wait, news).await;
    match told_piece(room, from) {
        Ok(body) => Reply {
            status: 200,
            content_type: "application/json",
            body: body.to_vec(),
        },
        Err(error) => Reply::refuse(500, &error.to_string()),
    }
}

/// The piece from an entry on, made once for all who ask for the same one.
fn told_piece(room: &Room, from: u64) -> Result<Arc<[u8]>, Box<dyn std::error::Error + Send + Sync>> {
    let mut told = room.told.lock().unwrap_or_else(PoisonError::into_inner);
    let published = room.cosigned.borrow().clone();
    let serial = published.as_ref().map_or(0, |published| published.serial);
    let len = *room.len.borrow();
    if let Some(told) = told.as_ref()
        && (told.from, told.len, told.serial) == (from, len, serial)
    {
        return Ok(told.body.clone());
    }
    let body: Arc<[u8]> = serde_json::to_vec(&piece(room, from, published)?)?.into();
    *told = Some(Told {
        from,
        len,
        serial,
        body: body.clone(),
    });
    Ok(body)
}

fn piece(room: &Room, from: u64, published: Option<Published>) -> Result<Piece, ledger::Error> {
    let serial = published.as_ref().map_or(0, |published| published.serial);
    let mut piece = Piece {
        from,
        entries: Vec::new(),
        checkpoint: published.map(|published| published.note),
        serial,
    };
    let ledger = room.ledger.lock().unwrap_or_else(PoisonError::into_inner);
    if from >= ledger.head().len {
        return Ok(piece);
    }
    let mut bytes = 0;
    for entry in ledger.read(from)? {
        let entry = entry?;
        bytes += entry.body.len();
        piece.push(&entry)?;
        if bytes > PIECE_BYTES_MAX {
            break;
        }
    }
    Ok(piece)
}
