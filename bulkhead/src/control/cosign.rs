//! Has the checkpoints of authority log and journal co-signed by the witnesses, and records what they saw where the
//! authority log must know it.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
    time::Duration,
};

use clearance::{STATEMENT_KIND, WITNESSED_KIND};
use record::{Note, tree::ConsistencyProof, witness::AddCheckpoint};
use tokio::sync::watch;
use vocabulary::{Envelope, PayloadType, Seconds, Timestamp, WitnessId};

use super::authority::{Published, Room, append_raw};
use crate::{clock, http::Endpoint, witness};

/// How long a witness may take before a checkpoint goes out without it.
const WITNESS_WAIT: Duration = Duration::from_secs(5);

/// A log whose heads witnesses sign.
pub(super) trait Witnessed: Send + Sync + 'static {
    /// The newest head, signed by the log's own key, with its size.
    ///
    /// # Errors
    /// A sentence; nothing may be published.
    fn checkpoint(&self) -> Result<(u64, Note), String>;
    /// Proves that the head a witness saw last begins this one.
    fn consistency(&self, old: u64, size: u64) -> Option<ConsistencyProof>;
    /// Keeps what was co-signed, and lets it be known.
    fn keep(&self, size: u64, note: &Note);
}

impl Witnessed for Room {
    fn checkpoint(&self) -> Result<(u64, Note), String> {
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        // The log may have grown since we were woken; then this round signs the newer head.
        let size = ledger.head().len;
        let note = ledger.checkpoint(&self.key).map_err(|error| error.to_string())?;
        Ok((size, note))
    }

    fn consistency(&self, old: u64, size: u64) -> Option<ConsistencyProof> {
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        ledger.consistency_proof(old, size).ok()
    }

    fn keep(&self, size: u64, note: &Note) {
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = ledger.keep_cosigned(note) {
            tracing::error!(%error, "co-signed checkpoint could not be kept");
        }
        drop(ledger);
        publish(self, size, note);
    }
}

/// Whom to ask, and how patiently.
pub(super) struct Asking {
    /// Witnesses by name.
    pub(super) witnesses: BTreeMap<WitnessId, Endpoint>,
    /// Least time between two rounds.
    pub(super) rest: Duration,
    /// Wait after a round in which one was missing.
    pub(super) again: Duration,
}

/// Has every new length co-signed. A failed round is repeated, for ever: a missing witness is somebody else's outage and
/// must not end ours.
pub(super) async fn cosign_always<L: Witnessed>(log: Arc<L>, asking: Asking, mut len: watch::Receiver<u64>) {
    let mut known: BTreeMap<WitnessId, u64> = BTreeMap::new();
    loop {
        let size = *len.borrow_and_update();
        let done = size == 0 || cosign_once(&*log, &asking.witnesses, &mut known).await;
        tokio::select! {
            changed = len.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(asking.again), if !done => {}
        }
        tokio::time::sleep(asking.rest).await;
    }
}

/// One round: true when every witness has signed the head.
async fn cosign_once<L: Witnessed>(
    log: &L,
    witnesses: &BTreeMap<WitnessId, Endpoint>,
    known: &mut BTreeMap<WitnessId, u64>,
) -> bool {
    let (size, mut note) = match log.checkpoint() {
        Ok(signed) => signed,
        Err(error) => {
            tracing::error!(error, "checkpoint could not be written");
            return false;
        }
    };
    let mut asked = tokio::task::JoinSet::new();
    for (id, endpoint) in witnesses {
        let old = known.get(id).copied().unwrap_or(0);
        let Some(proof) = log.consistency(old, size) else {
            continue;
        };
        let request = AddCheckpoint {
            old,
            proof,
            note: note.clone(),
        };
        let (id, endpoint) = (id.clone(), endpoint.clone());
        asked.spawn(async move { (id, witness::ask(&endpoint, &request, WITNESS_WAIT).await) });
    }
    let mut signatures = 0;
    while let Some(answered) = asked.join_next().await {
        let Ok((id, answer)) = answered else { continue };
        match answer {
            Ok(witness::Answer::Cosigned(lines)) => {
                known.insert(id, size);
                if lines.into_iter().try_for_each(|line| note.add(line)).is_ok() {
                    signatures += 1;
                }
            }
            Ok(witness::Answer::KnowsSize(known_size)) => {
                known.insert(id, known_size);
            }
            Err(error) => tracing::warn!(witness = %id, %error, "witness did not cosign"),
        }
    }
    if signatures > 0 {
        log.keep(size, &note);
    }
    signatures == witnesses.len()
}

/// How often the log is looked over for recoveries of an insurer's section, which wait for witnessed time.
const RECOVERY_LOOK: Duration = Duration::from_secs(60);
/// How long a recovery in the log is followed: the charter's waiting time and a day for late witnesses.
const RECOVERY_FOLLOWED: Seconds = Seconds(3 * 86_400);
/// How often a followed recovery gets a witnessed entry.
const RECOVERY_EVERY: Seconds = Seconds(3_600);

/// Records co-signed checkpoints as entries while a recovery waits: only such an entry lets its wait begin and end, and
/// lets every replica agree on when. Ends with the process; the next one looks the log over again.
pub(super) async fn witness_recoveries(room: Arc<Room>) {
    let mut looked_at = 0;
    let mut waiting_until = Timestamp(i64::MIN);
    let mut last = Timestamp(i64::MIN);
    let mut looks = tokio::time::interval(RECOVERY_LOOK);
    loop {
        looks.tick().await;
        let now = clock::now();
        match newest_recovery(&room, looked_at) {
            Ok((len, found)) => {
                looked_at = len;
                waiting_until =
                    waiting_until.max(found.map_or(Timestamp(i64::MIN), |at| at.plus(RECOVERY_FOLLOWED)));
            }
            Err(error) => tracing::error!(%error, "the authority log cannot be looked over for recoveries"),
        }
        let note = room
            .cosigned
            .borrow()
            .as_ref()
            .map(|published| published.note.clone());
        if let Some(note) = note
            && now <= waiting_until
            && last.plus(RECOVERY_EVERY) <= now
        {
            last = now;
            append_raw(&room, WITNESSED_KIND, note.into_bytes());
        }
    }
}

/// Where the log ends, and when the newest section change in it from `from` on was appended.
fn newest_recovery(room: &Room, from: u64) -> Result<(u64, Option<Timestamp>), ledger::Error> {
    let ledger = room.ledger.lock().unwrap_or_else(PoisonError::into_inner);
    let mut newest = None;
    for entry in ledger.read(from)? {
        let entry = entry?;
        let is_section = entry.kind.as_str() == STATEMENT_KIND
            && serde_json::from_slice::<Envelope>(&entry.body)
                .is_ok_and(|envelope| envelope.payload_type == PayloadType::CharterSection);
        if is_section {
            newest = Some(entry.at);
        }
    }
    Ok((ledger.head().len, newest))
}

/// Keeps the newest checkpoint, and of two of one size the one that came later with more signatures.
fn publish(room: &Room, size: u64, note: &Note) {
    let text = note.to_string();
    room.cosigned.send_if_modified(|newest| {
        let better = newest
            .as_ref()
            .is_none_or(|old| old.size < size || (old.size == size && old.note.len() < text.len()));
        if better {
            let serial = newest.as_ref().map_or(1, |old| old.serial.saturating_add(1));
            *newest = Some(Published {
                serial,
                size,
                note: text,
            });
        }
        better
    });
}
