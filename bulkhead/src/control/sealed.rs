//! What door processes tell of the wrapped keys they hold: kept in memory for the companions of insurers, and nowhere else.
//! Nobody here can open them. Lost with the process, for the doors tell them again.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use console::SealedBehind;
use tokio::sync::watch;
use vocabulary::Digest;

use crate::{
    control_wire::{SealedKnown, SealedTold},
    http::Reply,
};

/// Door processes that are remembered: one per insurer and site, with room.
const PROCESSES_MAX: usize = 1_024;
/// Bytes of wrapped keys remembered over all of them: a hundred keys for each of 4,000 cells.
const BYTES_MAX: usize = 256 * 1024 * 1024;

/// What every process holds, by the name of its store.
pub(super) struct Sealing {
    by_store: Mutex<BTreeMap<Digest, Arc<SealedBehind>>>,
    shown: watch::Sender<Arc<Vec<Arc<SealedBehind>>>>,
}

impl Default for Sealing {
    fn default() -> Self {
        Self {
            by_store: Mutex::default(),
            shown: watch::Sender::new(Arc::default()),
        }
    }
}

fn bytes(behind: &SealedBehind) -> usize {
    behind.doors.values().flatten().map(|key| key.wrapped.len()).sum()
}

impl Sealing {
    /// What the console shows, as it stands.
    pub(super) fn shown(&self) -> watch::Receiver<Arc<Vec<Arc<SealedBehind>>>> {
        self.shown.subscribe()
    }

    /// Takes news of one process: doors it names replace what was known of them, doors it does not name stay.
    pub(super) fn take(&self, told: SealedTold) -> Reply {
        let mut by_store = self.by_store.lock().unwrap_or_else(PoisonError::into_inner);
        let known = by_store.get(&told.store);
        if known.is_none() && by_store.len() >= PROCESSES_MAX {
            return Reply::refuse(
                507,
                "Zu viele Türprozesse melden Schlüssel. / Too many door processes tell keys.",
            );
        }
        let news = known.is_none_or(|known| known.recipient != told.recipient) || !told.doors.is_empty();
        // Another recipient is another process on the same store: what the old one told is told again by the new one.
        let mut behind = match known {
            Some(known) if known.recipient == told.recipient => (**known).clone(),
            Some(_) | None => SealedBehind {
                recipient: told.recipient,
                doors: BTreeMap::new(),
            },
        };
        behind.doors.extend(told.doors);
        let others: usize = by_store
            .iter()
            .filter(|(store, _)| **store != told.store)
            .map(|(_, other)| bytes(other))
            .sum();
        if others + bytes(&behind) > BYTES_MAX {
            return Reply::refuse(
                507,
                "Zu viele verpackte Schlüssel; mit „bulkhead spool keys“ an der Tür holen. / Too many wrapped keys; fetch them with \
                 \"bulkhead spool keys\" at the door.",
            );
        }
        let answer = SealedKnown {
            doors: behind.doors.len(),
            keys: behind.doors.values().map(Vec::len).sum(),
        };
        if news {
            by_store.insert(told.store, Arc::new(behind));
            self.shown
                .send_replace(Arc::new(by_store.values().cloned().collect()));
        }
        Reply::json(&answer)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use clearance::RewrappedKey;
    use vocabulary::{Digest, DoorId};

    use super::*;

    fn told(store: &str, recipient: &str, doors: &[(&str, usize)]) -> SealedTold {
        let keys = |door: &DoorId, count: usize| {
            (0..count)
                .map(|number| RewrappedKey {
                    door: door.clone(),
                    segment: Digest::of(&[u8::try_from(number).unwrap()]),
                    wrapped: "YWdl".to_owned(),
                })
                .collect::<Vec<_>>()
        };
        let doors: BTreeMap<DoorId, Vec<RewrappedKey>> = doors
            .iter()
            .map(|(door, count)| {
                let door: DoorId = door.parse().unwrap();
                (door.clone(), keys(&door, *count))
            })
            .collect();
        SealedTold {
            store: Digest::of(store.as_bytes()),
            recipient: recipient.parse().unwrap(),
            doors,
        }
    }

    fn known(sealing: &Sealing, told: SealedTold) -> (usize, usize) {
        let reply = sealing.take(told);
        let known: SealedKnown = serde_json::from_slice(&reply.body).unwrap();
        (known.doors, known.keys)
    }

    #[test]
    fn news_replace_what_was_known_of_a_door_and_leave_the_others() {
        let one = age::x25519::Identity::generate().to_public().to_string();
        let two = age::x25519::Identity::generate().to_public().to_string();
        let sealing = Sealing::default();
        assert_eq!(
            known(&sealing, told("a", &one, &[("k/kim", 2), ("k/eau", 1)])),
            (2, 3)
        );
        assert_eq!(known(&sealing, told("a", &one, &[("k/kim", 3)])), (2, 4));
        // Asked without news: what is known, and nothing is shown anew.
        let mut shown = sealing.shown();
        shown.mark_unchanged();
        assert_eq!(known(&sealing, told("a", &one, &[])), (2, 4));
        assert!(!shown.has_changed().unwrap());
        // Another process, and one that took the place of the first.
        assert_eq!(known(&sealing, told("b", &two, &[("l/kim", 1)])), (1, 1));
        assert_eq!(known(&sealing, told("a", &two, &[])), (0, 0));
        assert_eq!(shown.borrow().len(), 2);
    }
}
