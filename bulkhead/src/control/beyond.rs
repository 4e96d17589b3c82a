//! What the console looks up only for the pages that show it: what is said outside, and how far witnesses vouch for the
//! logs.

use std::{collections::BTreeMap, sync::PoisonError};

use clearance::authority_origin;
use console::{Beyond, Vouched};
use estate::Estate;
use evidence::{Picture, journal_origin};
use publication::FactSheet;
use record::{Cosigned, Note, Origin, WitnessSet};
use vocabulary::Timestamp;

use super::{authority::Room, facts, journal::Journaling};

/// The logs and the picture as they stand at one moment.
pub(super) struct Outside<'a> {
    pub(super) estate: &'a Estate,
    pub(super) picture: &'a Picture,
    pub(super) room: &'a Room,
    pub(super) journal: &'a Journaling,
    pub(super) now: Timestamp,
}

impl Beyond for Outside<'_> {
    fn sheet(&self) -> Option<FactSheet> {
        facts::sheet(self.estate, self.picture, self.now)
            .inspect_err(|bad| tracing::warn!(%bad, "the facts of this moment cannot be published"))
            .ok()
    }

    fn vouched(&self) -> Vec<Vouched> {
        let Some(charter) = self.picture.charter() else {
            return Vec::new();
        };
        let set = charter.witnesses();
        let (authority, authority_len) = {
            let ledger = self.room.ledger.lock().unwrap_or_else(PoisonError::into_inner);
            (ledger.latest_cosigned(), ledger.head().len)
        };
        let journal = self.journal.lock().latest_cosigned();
        let logs = [
            (
                authority_origin(self.picture.estate()).ok(),
                authority_len,
                authority,
            ),
            (
                journal_origin(self.picture.estate()).ok(),
                self.picture.head().len,
                journal,
            ),
        ];
        logs.into_iter()
            .filter_map(|(origin, len, note)| Some(vouched(&origin?, len, note.as_ref(), set)))
            .collect()
    }
}

/// Who signed a log's newest co-signed head. Fewer than the quorum are shown too: one missing witness is somebody's work.
fn vouched(origin: &Origin, len: u64, note: Option<&Note>, set: &WitnessSet) -> Vouched {
    let any = WitnessSet::new(set.witnesses().clone(), 1).ok();
    let cosigned = note
        .zip(any)
        .and_then(|(note, any)| Cosigned::verify(note, origin, &any).ok());
    let signed_at = |id| {
        let signed = cosigned.as_ref()?;
        signed.witnesses().get(id).copied()
    };
    let witnesses: BTreeMap<_, _> = set
        .witnesses()
        .keys()
        .map(|id| (id.clone(), signed_at(id)))
        .collect();
    Vouched {
        log: origin.to_string(),
        len,
        size: cosigned.as_ref().map(Cosigned::size),
        quorum: u64::try_from(set.quorum()).unwrap_or(u64::MAX),
        witnesses,
    }
}
