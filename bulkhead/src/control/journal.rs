//! The journal of this process: everything others tell, the authority log itself, and what the room says, each written
//! before it is shown. Whoever watches sees the picture change after the sync, never before.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{SyncSender, sync_channel},
    },
};

use clearance::authority_origin;
use evidence::{
    Feed, Ingested, Journal, Picture, RoomEntry, SourceId, SourceKind, journal_origin,
    room::{Backlog, BacklogCounted, NoticePublished, ProofMeasured},
};
use record::{LogKey, Note, Origin, tree::ConsistencyProof};
use tokio::sync::watch;
use vocabulary::{Digest, EstateId, Seconds};

use super::{authority::Room, cosign::Witnessed};
use crate::{
    clock,
    control_wire::{Backlogs, Known, Proven, Published},
    door_wire::LedgerPiece,
    keys,
    report::{Code, Trouble},
};

/// Entries of the authority log that are journaled with one sync.
const ENTRIES_MAX: usize = 4096;

/// A door that is tried again and again with the same result is written down so often.
const PROOF_EVERY: Seconds = Seconds(60);

/// The journal, and the picture it folds to.
pub(super) struct Journaling {
    estate: EstateId,
    journal: Mutex<Journal>,
    key: LogKey,
    picture: watch::Sender<Picture>,
    /// Pieces of door ledgers that wait for the journal: as many as there are callers who wait with them.
    waiting: Mutex<Vec<Waiting>>,
}

/// A piece of a door process's ledger, and who wants to know what became of it.
type Waiting = (LedgerPiece, SyncSender<Result<Known, String>>);

impl Journaling {
    /// Opens the journal, or begins it.
    ///
    /// # Errors
    /// [`Trouble`] when it is damaged, another estate's, or the disk refuses.
    pub(super) fn open(
        dir: &Path,
        estate: &EstateId,
        first_charter: Option<Digest>,
    ) -> Result<Self, Trouble> {
        let (journal, opened) = Journal::open(dir, estate, first_charter, clock::now()).map_err(|error| {
            let name = dir.display();
            Trouble::because(
                Code::Ledger,
                format!("Das Journal {name} ist nicht zu öffnen. / The journal {name} cannot be opened."),
                error,
            )
        })?;
        tracing::info!(folded = opened.folded, snapshot = ?opened.snapshot, "journal open");
        let origin = journal_origin(estate).map_err(|error| {
            Trouble::because(
                Code::Config,
                "Der Verbund hat keinen brauchbaren Namen. / The estate's name is not usable.",
                error,
            )
        })?;
        let key = keys::log_key(&dir.with_extension("key"), &origin)?;
        tracing::info!(key = %key.verifier(), "the journal's key, for witnesses");
        Ok(Self {
            key,
            estate: estate.clone(),
            picture: watch::Sender::new(journal.picture().clone()),
            journal: Mutex::new(journal),
            waiting: Mutex::default(),
        })
    }

    /// The picture; changes after each sync.
    pub(super) fn watch(&self) -> watch::Receiver<Picture> {
        self.picture.subscribe()
    }

    /// The picture as it stands.
    pub(super) fn picture(&self) -> Picture {
        self.picture.borrow().clone()
    }

    /// The journal itself, for reading. Held for as long as its caller needs: never across a wait.
    pub(super) fn lock(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves a snapshot behind, so that the next start folds little. Without one it only takes longer.
    pub(super) fn rest(&self) {
        if let Err(error) = self.change(|journal| journal.snapshot(clock::now())) {
            tracing::warn!(%error, "no snapshot of the journal; the next start folds all of it");
        }
    }

    /// Changes the journal and shows what became of the picture.
    fn change<T>(&self, change: impl FnOnce(&mut Journal) -> T) -> T {
        let mut journal = self.lock();
        let done = change(&mut journal);
        self.show(&journal);
        done
    }

    /// Shows what became of the picture; also after a failure, for what was recorded before it stands.
    fn show(&self, journal: &Journal) {
        let picture = journal.picture().clone();
        self.picture.send_if_modified(|shown| {
            let is_new = shown.head() != picture.head();
            *shown = picture;
            is_new
        });
    }

    /// Records what the room says.
    ///
    /// # Errors
    /// What the journal says; nothing was recorded.
    pub(super) fn append(&self, entries: Vec<RoomEntry>) -> Result<u64, evidence::Error> {
        self.change(|journal| journal.append(entries, clock::now()))
    }

    /// Takes a piece of a door process's ledger. After an order all of them tell at once: whoever gets hold of the journal
    /// takes what everybody told, and the picture is shown, and copied, once.
    ///
    /// # Errors
    /// A sentence for the one who told it.
    pub(super) fn take_piece(&self, piece: LedgerPiece) -> Result<Known, String> {
        let (tell, told) = sync_channel(1);
        let waiting = || self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting().push((piece, tell));
        let mut journal = self.lock();
        let all = std::mem::take(&mut *waiting());
        if !all.is_empty() {
            let taken: Vec<_> = all
                .into_iter()
                .map(|(piece, tell)| (tell, self.ingest(&mut journal, &piece)))
                .collect();
            self.show(&journal);
            for (tell, taken) in taken {
                // Each of them waits.
                let _told = tell.send(taken);
            }
        }
        drop(journal);
        told.recv().map_err(|error| error.to_string())?
    }

    fn ingest(&self, journal: &mut Journal, piece: &LedgerPiece) -> Result<Known, String> {
        let name = format!("{}/doors/{}", self.estate, piece.store);
        let source = Origin::new(&name).map_err(|error| error.to_string())?;
        let entries = piece
            .entries
            .iter()
            .map(hex::decode)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| format!("Keine Einträge: {error}. / No entries: {error}."))?;
        let feed = Feed {
            source: SourceId(source),
            kind: SourceKind::Doors,
        };
        let ingested = journal
            .ingest(&feed, piece.from, &entries, Some(piece.head), clock::now())
            .map_err(|error| error.to_string())?;
        report(&feed, &ingested);
        Ok(Known { len: ingested.next })
    }

    /// Takes what lies in a spool.
    ///
    /// # Errors
    /// What the journal says.
    pub(super) fn take_backlog(&self, told: Backlogs) -> Result<(), evidence::Error> {
        let figures = told.cells.into_iter().map(|(cell, figures)| {
            let backlog = Backlog {
                held: figures.held,
                in_doubt: figures.in_doubt,
                handed_over: figures.handed_over,
                parked: figures.parked,
                oldest: figures.oldest,
            };
            (cell, backlog)
        });
        let counted = BacklogCounted {
            by: None,
            cells: figures.collect(),
        };
        self.append(vec![counted.into()]).map(drop)
    }

    /// Takes what a prober found; what is known already is not written again.
    ///
    /// # Errors
    /// What the journal says.
    pub(super) fn take_proofs(&self, told: Proven) -> Result<(), evidence::Error> {
        let picture = self.picture();
        let news: Vec<RoomEntry> = told
            .doors
            .into_iter()
            .map(|(door, proof)| ProofMeasured {
                by: None,
                door,
                epoch: proof.epoch,
                position: proof.position,
                failures: proof.failures,
                old_sessions: proof.old_sessions,
                at: proof.at,
            })
            .filter(|proof| {
                let known = picture.door(&proof.door).and_then(|door| door.measured.as_ref());
                known.is_none_or(|known| {
                    let is_old = proof.at.since(known.at) >= PROOF_EVERY;
                    is_old
                        || (known.epoch, known.position, &known.failures, known.old_sessions)
                            != (proof.epoch, proof.position, &proof.failures, proof.old_sessions)
                })
            })
            .map(RoomEntry::from)
            .collect();
        if news.is_empty() {
            return Ok(());
        }
        self.append(news).map(drop)
    }

    /// Notes that a site stands.
    ///
    /// # Errors
    /// What the journal says.
    pub(super) fn take_published(&self, told: Published) -> Result<(), evidence::Error> {
        let notice = NoticePublished {
            by: None,
            notice: "site".into(),
            digest: told.digest,
        };
        self.append(vec![notice.into()]).map(drop)
    }

    /// Journals what the authority log has and the journal does not know yet.
    fn catch_up(&self, room: &Room, feed: &Feed) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        loop {
            let from = self.lock().next_of(&feed.source);
            let (head, entries) = {
                let ledger = room.ledger.lock().unwrap_or_else(PoisonError::into_inner);
                let head = ledger.head();
                if from > head.len {
                    // Shorter than known: the journal must say so.
                    (head, Vec::new())
                } else {
                    let entries = ledger.read(from)?.take(ENTRIES_MAX);
                    let encoded: Result<Vec<Vec<u8>>, Box<dyn std::error::Error + Send + Sync>> =
                        entries.map(|entry| Ok(entry?.encode()?)).collect();
                    (head, encoded?)
                }
            };
            let ingested =
                self.change(|journal| journal.ingest(feed, from, &entries, Some(head), clock::now()))?;
            report(feed, &ingested);
            if ingested.taken == 0 || ingested.next >= head.len {
                return Ok(());
            }
        }
    }
}

impl Witnessed for Journaling {
    fn checkpoint(&self) -> Result<(u64, Note), String> {
        let mut journal = self.lock();
        let size = journal.head().len;
        let note = journal.checkpoint(&self.key).map_err(|error| error.to_string())?;
        Ok((size, note))
    }

    fn consistency(&self, old: u64, size: u64) -> Option<ConsistencyProof> {
        self.lock().consistency_proof(old, size).ok()
    }

    fn keep(&self, _size: u64, note: &Note) {
        if let Err(error) = self.lock().keep_cosigned(note) {
            tracing::error!(%error, "the journal's co-signed checkpoint could not be kept");
        }
    }
}

/// Tells how long the journal is, for those who wait for that alone. Ends with the process.
pub(super) async fn measure(journaling: Arc<Journaling>, len: watch::Sender<u64>) {
    let mut picture = journaling.watch();
    loop {
        len.send_replace(picture.borrow_and_update().head().len);
        if picture.changed().await.is_err() {
            return;
        }
    }
}

fn report(feed: &Feed, ingested: &Ingested) {
    for trouble in &ingested.troubles {
        tracing::error!(source = %feed.source, %trouble, "a log is not what it was");
    }
}

/// Journals the authority log as it grows. Ends with the process; the next one goes on where this one stopped.
pub(super) async fn journal_authority(
    journaling: Arc<Journaling>,
    room: Arc<Room>,
    mut len: watch::Receiver<u64>,
) {
    let Ok(origin) = authority_origin(&journaling.estate) else {
        return;
    };
    let feed = Feed {
        source: SourceId(origin),
        kind: SourceKind::Authority,
    };
    loop {
        len.mark_unchanged();
        let (journaling, room, feed) = (journaling.clone(), room.clone(), feed.clone());
        let done =
            tokio::task::spawn_blocking(move || journaling.catch_up(&room, &feed).map_err(|e| e.to_string()));
        match done.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(error, "the authority log cannot be journaled"),
            Err(_cancelled) => return,
        }
        if len.changed().await.is_err() {
            return;
        }
    }
}
