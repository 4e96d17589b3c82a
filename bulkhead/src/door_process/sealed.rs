//! Telling the control room which wrapped keys lie here, so that an insurer's companion finds at the console what its
//! consent must carry. Nothing here waits for the control room, and nothing that is told opens anything without the
//! insurer's own identity.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use clearance::RewrappedKey;
use hyper::Method;
use order::AgeRecipient;
use vocabulary::{Digest, DoorId};

use super::store::Store;
use crate::{
    control_wire::{SealedKnown, SealedTold},
    house::Doors,
    http::{self, CallError, Endpoint},
};

/// How often the keys are looked at while items come and go; a key is exchanged at a cut and once in a while.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often they are looked at when nothing comes, and how often the control room is asked whether it still knows them.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// A look that took long is repeated no sooner than this many times as long.
const LOOK_SHARE: u32 = 20;
/// Wrapped bytes in one message, well below what the other side takes.
const PIECE_BYTES_MAX: usize = 2 * 1024 * 1024;
/// How long an answer may take.
const WAIT: Duration = Duration::from_secs(10);

type Keys = BTreeMap<DoorId, Vec<RewrappedKey>>;

/// Tells for as long as the process lives. Cancelling loses nothing: the control room says how much it knows.
pub(super) async fn tell_always(control: Endpoint, doors: Doors, store: Arc<Store>) {
    let mut activity = store.spool.activity();
    let mut told: BTreeMap<DoorId, (Digest, usize)> = BTreeMap::new();
    loop {
        activity.mark_unchanged();
        let began = Instant::now();
        match tell(&control, &doors, &store, &mut told).await {
            Ok(()) => {}
            Err(error) => {
                tracing::debug!(%error, "the control room does not hear of wrapped keys");
                told.clear();
            }
        }
        tokio::time::sleep(LOOK_EVERY.max(began.elapsed() * LOOK_SHARE)).await;
        if let Ok(Err(_spool_gone)) = tokio::time::timeout(LOOK_AGAIN, activity.changed()).await {
            return;
        }
    }
}

async fn tell(
    control: &Endpoint,
    doors: &Doors,
    store: &Arc<Store>,
    told: &mut BTreeMap<DoorId, (Digest, usize)>,
) -> Result<(), CallError> {
    let garbled = |what: String| CallError::Garbled {
        address: control.address,
        what,
    };
    store.settle().await;
    let looking = store.clone();
    let keys = tokio::task::spawn_blocking(move || looking.sealed())
        .await
        .map_err(|error| garbled(error.to_string()))?;
    let recipient: AgeRecipient = store
        .recipient()
        .parse()
        .map_err(|error: order::BadName| garbled(error.to_string()))?;
    let store = doors
        .status()
        .await
        .map_err(|gone| garbled(gone.to_string()))?
        .store;
    // Twice at most: once with what is new, and where the control room turns out to have begun anew, once with all of it.
    for _ in 0..2 {
        let mut news = Keys::new();
        for (door, own) in &keys {
            if told.get(door) != Some(&(digest(own), own.len())) {
                news.insert(door.clone(), own.clone());
            }
        }
        let mut known = SealedKnown { doors: 0, keys: 0 };
        for piece in pieces(news) {
            let marks: Vec<_> = piece
                .iter()
                .map(|(door, own)| (door.clone(), (digest(own), own.len())))
                .collect();
            let body = serde_json::to_vec(&SealedTold {
                store,
                recipient: recipient.clone(),
                doors: piece,
            })
            .map_err(|error| garbled(error.to_string()))?;
            known = http::call_json(control, Method::POST, "/sealed", body, WAIT).await?;
            told.extend(marks);
        }
        let all = told.values().map(|(_, count)| count).sum::<usize>();
        if (known.doors, known.keys) == (told.len(), all) {
            return Ok(());
        }
        told.clear();
    }
    Ok(())
}

/// In pieces that fit into a message; at least one, which asks.
fn pieces(keys: Keys) -> Vec<Keys> {
    let mut pieces = vec![Keys::new()];
    let mut bytes = 0;
    for (door, own) in keys {
        let more: usize = own.iter().map(|key| key.wrapped.len() + 128).sum();
        if bytes + more > PIECE_BYTES_MAX && bytes > 0 {
            pieces.push(Keys::new());
            bytes = 0;
        }
        bytes += more;
        if let Some(piece) = pieces.last_mut() {
            piece.insert(door, own);
        }
    }
    pieces
}

fn digest(keys: &[RewrappedKey]) -> Digest {
    let mut hasher = vocabulary::Hasher::new();
    for key in keys {
        hasher.update(key.segment.as_bytes());
        hasher.update(&(key.wrapped.len() as u64).to_be_bytes());
        hasher.update(key.wrapped.as_bytes());
    }
    hasher.finish()
}
