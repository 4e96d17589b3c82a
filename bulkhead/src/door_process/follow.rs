//! Following the authority log, proving the view fresh, and trying openings.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use clearance::{Nonce, NonceEntry};
use door::{Effect, Report};
use hyper::Method;
use record::Head;
use tokio::sync::{Mutex, Notify, watch};
use vocabulary::{Envelope, StatementId};

use super::{Config, journal, refusals::Refusals, standing, store::Store, tries::Waiting};
use crate::{
    authority_wire::{Piece, StoreHead},
    command,
    door_wire::{AppliedLine, Outcome, Reapplied, RefusedLine, StatusReply},
    house::{Doors, Gone},
    http::{self, Call, CallError, Endpoint},
    report::Trouble,
    tls,
};

/// Longest wait of one long poll, in seconds, and the wait for its answer.
const POLL_SECS: u64 = 15;
const POLL_WAIT: Duration = Duration::from_secs(POLL_SECS + 10);
/// Wait after the control room could not be reached. It may be dead for weeks; the doors stay as they are.
const AGAIN: Duration = Duration::from_millis(500);
/// Longest wait for what is useful but not needed.
const HEAD_WAIT: Duration = Duration::from_secs(2);
/// How often we compare how far our ledger is with what we told of it, if nothing nudges us before.
const TELL_EVERY: Duration = Duration::from_secs(5);
/// Entries handed to the doors with one sync.
const ENTRIES_MAX: usize = 1024;

/// Follows the authority log for the doors of this process.
pub struct Follower {
    control: Endpoint,
    doors: Doors,
    pub(super) store: Arc<Store>,
    /// Entries replayed so far.
    size: watch::Sender<u64>,
    /// Size of the newest checkpoint that made the view fresh.
    fresh_at: watch::Sender<u64>,
    /// Number of the newest publication looked at, useful or not: the next poll waits for a newer one.
    looked_at: AtomicU64,
    /// The newest checkpoint looked at. It may answer a nonce whose place in the log we learn only afterwards.
    newest: std::sync::Mutex<Option<String>>,
    /// Size the log must have before the nonce asked last is in it.
    asked_at: AtomicU64,
    /// Nonces drawn, and how many of them were drawn when the view was last made fresh. While they differ, one is on its way
    /// into the log or waits there for its checkpoint. Otherwise nobody here waits for checkpoints, and the control room
    /// need not wake 80 processes with each.
    asks: AtomicU64,
    answered: AtomicU64,
    /// One opening at a time: each asks for a view of its own.
    pub(super) opening: Mutex<()>,
    /// Openings that are tried with the next fresh view.
    pub(super) waiting: Waiting,
    /// The doors followed something: what waited may be complete now.
    pub(super) followed: Notify,
    /// Why statements of the log have no effect.
    refusals: Refusals,
    /// The ledger grew by something that did not come with the authority log.
    grew: Notify,
    /// What comes through the fronts; they start after the control listener.
    minutes: OnceLock<Arc<mail::minutes::Minutes>>,
    /// The fronts' way to apply the doors' restrictions anew.
    restrictions: OnceLock<mail::Restrictions>,
}

impl Follower {
    /// A follower that has seen nothing since the process began.
    ///
    /// # Errors
    /// [`Trouble`] when TLS is not set up.
    pub fn new(
        config: &Config,
        identity: Option<&tls::Identity>,
        doors: Doors,
        store: Arc<Store>,
    ) -> Result<Self, Trouble> {
        let tls = identity
            .map(tls::Identity::connector)
            .transpose()
            .map_err(command::tls_trouble)?;
        Ok(Self {
            control: Endpoint {
                address: config.control,
                tls,
            },
            doors,
            store,
            size: watch::Sender::new(0),
            fresh_at: watch::Sender::new(0),
            looked_at: AtomicU64::new(0),
            newest: std::sync::Mutex::new(None),
            asked_at: AtomicU64::new(u64::MAX),
            asks: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            opening: Mutex::new(()),
            waiting: Waiting::default(),
            followed: Notify::new(),
            refusals: Refusals::default(),
            grew: Notify::new(),
            minutes: OnceLock::new(),
            restrictions: OnceLock::new(),
        })
    }

    /// Whom it follows.
    pub const fn control(&self) -> &Endpoint {
        &self.control
    }

    /// The doors.
    pub(super) const fn doors(&self) -> &Doors {
        &self.doors
    }

    /// The fronts run: this is what they count, and how they are told to look at their doors again.
    pub fn counts(&self, minutes: Arc<mail::minutes::Minutes>, restrictions: mail::Restrictions) {
        // Set once, when the process starts; a second time would change nothing.
        let _first = (self.minutes.set(minutes), self.restrictions.set(restrictions));
    }

    /// Applies the doors' restrictions to open sessions anew. Whoever asks needs no authority: nothing is closed that the doors
    /// have not closed already.
    fn reapply(&self) -> Reapplied {
        Reapplied {
            sessions: self.restrictions.get().map_or(0, mail::Restrictions::reapply),
        }
    }

    /// What comes through, once the fronts run.
    pub(super) fn minutes(&self) -> Option<&mail::minutes::Minutes> {
        self.minutes.get().map(Arc::as_ref)
    }

    /// Something was recorded that did not come with the authority log.
    pub(super) fn grown(&self) {
        self.grew.notify_one();
    }

    /// Where the doors stand.
    pub async fn status(&self) -> Result<StatusReply, Gone> {
        self.doors.status().await
    }

    /// Follows for as long as the process lives. Cancelling loses nothing: what was not followed is asked for again.
    pub async fn follow_always(self: Arc<Self>) {
        if let Ok(status) = self.doors.status().await {
            self.size.send_replace(status.authority_size);
        }
        self.declare_insurers().await;
        // None ends; all are cancelled together.
        tokio::join!(self.poll_always(), self.tell_always(), self.try_always());
    }

    /// Tells how far the ledger is whenever that changed. What a door learned past the authority log, such as a
    /// closing handed straight to it, would otherwise be known to nobody else, and an old copy could hide it.
    async fn tell_always(&self) {
        let mut told = 0;
        loop {
            let _timer_or_nudge = tokio::time::timeout(TELL_EVERY, self.grew.notified()).await;
            if let Ok(status) = self.doors.status().await
                && status.ledger_len != told
                && self.tell_head(&status).await.is_ok()
            {
                told = status.ledger_len;
            }
        }
    }

    async fn poll_always(&self) {
        let mut asked = false;
        loop {
            if !asked {
                asked = self.ask_for_view().await.is_ok();
            }
            match self.follow_once().await {
                Ok(()) => {}
                Err(error) => {
                    tracing::debug!(%error, "control room not reached");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }

    /// Draws a nonce and brings it into the authority log.
    pub(super) async fn ask_for_view(&self) -> Result<(), CallError> {
        let mut bytes = [0; 32];
        let unable = |what: String| CallError::Garbled {
            address: self.control.address,
            what,
        };
        getrandom::fill(&mut bytes).map_err(|error| unable(error.to_string()))?;
        let nonce = Nonce::from_random(bytes);
        self.doors
            .nonce(nonce)
            .await
            .map_err(|gone| unable(gone.to_string()))?;
        let body = serde_json::to_vec(&NonceEntry { nonce }).map_err(|error| unable(error.to_string()))?;
        // Before the nonce is in the log: its entry ends the poll under way, and the next one waits for checkpoints too.
        self.asks.fetch_add(1, Ordering::SeqCst);
        let appended: crate::authority_wire::Appended =
            http::call_json(&self.control, Method::POST, "/nonce", body, POLL_WAIT).await?;
        self.asked_at
            .store(appended.index.saturating_add(1), Ordering::SeqCst);
        // The answer may have been here before we knew that it is one.
        let newest = self
            .newest
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone();
        let size = *self.size.borrow();
        self.take_checkpoint(newest.as_deref(), size).await;
        Ok(())
    }

    async fn follow_once(&self) -> Result<(), CallError> {
        let seen = if self.asks.load(Ordering::SeqCst) == self.answered.load(Ordering::SeqCst) {
            u64::MAX
        } else {
            self.looked_at.load(Ordering::SeqCst)
        };
        let from = *self.size.borrow();
        let path = format!("/log?from={from}&seen={seen}&wait={POLL_SECS}");
        let piece: Piece = http::call_json(&self.control, Method::GET, &path, Vec::new(), POLL_WAIT).await?;
        let unable = |what: String| CallError::Garbled {
            address: self.control.address,
            what,
        };
        let entries = piece.encoded().map_err(|error| unable(error.to_string()))?;
        let mut size = from;
        for batch in entries.chunks(ENTRIES_MAX) {
            let effects = self
                .doors
                .follow(batch.to_vec())
                .await
                .map_err(|gone| unable(gone.to_string()))?;
            match effects {
                Ok(effects) => self.note(batch, &effects),
                Err(error) => return Err(unable(error.to_string())),
            }
            size += batch.len() as u64;
            self.size.send_replace(size);
        }
        if !piece.entries.is_empty() {
            self.declare_insurers().await;
        }
        if size > from {
            self.grew.notify_one();
            self.followed.notify_one();
        }
        self.looked_at.store(piece.serial, Ordering::SeqCst);
        self.newest
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone_from(&piece.checkpoint);
        self.take_checkpoint(piece.checkpoint.as_deref(), size).await;
        Ok(())
    }

    /// Tells the spool to whom keys are wrapped and how long caution may last, as the charter in force says. Repeating
    /// it changes nothing.
    async fn declare_insurers(&self) {
        let Ok(Some(in_force)) = self.doors.in_force().await else {
            return;
        };
        self.store.caution_lasts(in_force.precautionary_window);
        for to in in_force.releases {
            self.store.enrol(to.insurer, &to.active, &to.recovery).await;
        }
    }

    fn note(&self, entries: &[Vec<u8>], effects: &[Effect]) {
        for (entry, effect) in entries.iter().zip(effects) {
            if let Effect::Refused(refused) = effect {
                self.refusals.remember(entry, refused);
                tracing::warn!(%refused, "statement in the authority log refused");
            }
        }
    }

    /// Offers a checkpoint to the doors once it can contain the nonce they wait for.
    async fn take_checkpoint(&self, note: Option<&str>, size: u64) {
        let Some(note) = note.and_then(|text| text.parse::<record::Note>().ok()) else {
            return;
        };
        let Ok(checkpoint) = record::Checkpoint::parse(note.text()) else {
            return;
        };
        // Somebody may ask anew while this is looked at; what answers the earlier nonce does not answer the later one.
        let (asks, asked_at) = (
            self.asks.load(Ordering::SeqCst),
            self.asked_at.load(Ordering::SeqCst),
        );
        if checkpoint.size != size || checkpoint.size < asked_at {
            return;
        }
        let remembered = self.remembered_head().await;
        let (tries, tell) = self.take_waiting();
        match self.doors.fresh(note, remembered, tries.clone()).await {
            Ok(Ok(renewed)) => {
                if let (Some(tried), Some(tell)) = (renewed.tried, tell) {
                    // Who no longer waits finds the doors as they are.
                    let _gone = tell.send(tried);
                }
                self.grew.notify_one();
                let _asked_anew =
                    self.asked_at
                        .compare_exchange(asked_at, u64::MAX, Ordering::SeqCst, Ordering::SeqCst);
                self.answered.store(asks, Ordering::SeqCst);
                self.fresh_at.send_replace(checkpoint.size);
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "checkpoint does not make the view fresh");
                self.give_back(tries, tell);
            }
            Err(gone) => tracing::error!(%gone, "doors"),
        }
    }

    /// What the control room remembers of our ledger. A hostile one can forget, which hides an old copy, or invent,
    /// which closes doors; neither opens one.
    async fn remembered_head(&self) -> Option<Head> {
        let store = self.doors.status().await.ok()?.store;
        let path = format!("/head?store={store}");
        http::call_json(&self.control, Method::GET, &path, Vec::new(), HEAD_WAIT)
            .await
            .ok()
            .flatten()
    }

    /// Tells the control room where our ledger stands. Not before the view is fresh: a store that was put back must not
    /// outgrow what others remember of it before it was compared with that.
    async fn tell_head(&self, status: &StatusReply) -> Result<(), CallError> {
        let garbled = |what: &str| CallError::Garbled {
            address: self.control.address,
            what: what.to_owned(),
        };
        if !status.fresh {
            return Err(garbled("not fresh yet"));
        }
        let head = Head {
            len: status.ledger_len,
            chain: status.ledger_chain,
            root: status.ledger_root,
        };
        let body = serde_json::to_vec(&StoreHead {
            store: status.store,
            head,
        })
        .map_err(|error| garbled(&error.to_string()))?;
        http::call(&self.control, Method::POST, "/head", body, HEAD_WAIT)
            .await
            .map(drop)
    }

    /// Hands a closing straight to the doors.
    pub async fn close(&self, envelope: Envelope) -> Result<Outcome, String> {
        let began = Instant::now();
        match self.doors.close(envelope).await {
            Ok(Ok(Effect::Doors(reports))) => {
                self.grew.notify_one();
                Ok(outcome(&reports, Vec::new(), began))
            }
            Ok(Ok(Effect::Admitted | Effect::Nothing)) => Ok(outcome(&[], Vec::new(), began)),
            Ok(Ok(Effect::Repeat)) => Ok(Outcome {
                repeat: true,
                ..outcome(&[], Vec::new(), began)
            }),
            Ok(Ok(Effect::Refused(refused))) => Err(refused.to_string()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(gone) => Err(gone.to_string()),
        }
    }

    /// Tries an opening that stands in the authority log: proves the view fresh, then asks the doors.
    pub async fn open(&self, opening: StatementId, wait: Duration) -> Result<Outcome, String> {
        let began = Instant::now();
        let _alone = self.opening.lock().await;
        let mut fresh_at = self.fresh_at.subscribe();
        if let Err(error) = self.ask_for_view().await {
            tracing::info!(%error, "no nonce in the authority log; the doors decide by the view they have");
        } else {
            let since = self.asked_at.load(Ordering::SeqCst);
            // Whether it came or not, the doors are asked: they say what is missing better than we could.
            let _in_time = tokio::time::timeout(wait, fresh_at.wait_for(|size| *size >= since)).await;
        }
        match self.doors.open(opening).await {
            Ok(Ok(opened)) => {
                self.grew.notify_one();
                self.store.take_keys(&opened.keys).await;
                let refused = opened.outcome.refused.into_iter();
                let refused = refused
                    .map(|one| RefusedLine {
                        door: one.door,
                        missing: self.refusals.explain(one.missing),
                    })
                    .collect();
                Ok(outcome(&opened.outcome.applied, refused, began))
            }
            Ok(Err(error)) => Err(error.to_string()),
            Err(gone) => Err(gone.to_string()),
        }
    }
}

pub(super) fn outcome(reports: &[Report], refused: Vec<RefusedLine>, began: Instant) -> Outcome {
    let applied = reports.iter().map(|report| AppliedLine {
        door: report.door.clone(),
        epoch: report.epoch,
        position: report.position,
    });
    Outcome {
        applied: applied.collect(),
        refused,
        millis: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        repeat: false,
    }
}

/// Longest wait for a change of the ledger, in milliseconds.
const STATUS_MILLIS_MAX: u64 = 20_000;

/// Answers `/status`, and `/status?seen=N&millis=M` up to M milliseconds later, as soon as the ledger has not N entries:
/// whoever tries doors looks when something happened, and not every moment.
async fn status(follower: &Follower, call: &Call) -> http::Reply {
    let number = |name: &str| call.query_value(name).and_then(|text| text.parse::<u64>().ok());
    if let Some(seen) = number("seen") {
        let wait = Duration::from_millis(number("millis").unwrap_or(0).min(STATUS_MILLIS_MAX));
        let mut recorded = follower.doors.recorded();
        drop(tokio::time::timeout(wait, recorded.wait_for(|len| *len != seen)).await);
    }
    match follower.status().await {
        Ok(status) => http::Reply::json(&status),
        Err(gone) => http::Reply::refuse(503, &gone.to_string()),
    }
}

/// Answers one call on the control listener.
pub async fn answer(follower: &Follower, call: Call) -> http::Reply {
    use crate::door_wire::TryOpening;
    use http::Reply;
    match (&call.method, call.path.as_str()) {
        (&Method::POST, "/close") => match call.json::<Envelope>() {
            Err(reply) => reply,
            Ok(envelope) => match follower.close(envelope).await {
                Ok(outcome) => Reply::json(&outcome),
                Err(sentence) => Reply::refuse(403, &sentence),
            },
        },
        (&Method::POST, "/open") => match call.json::<TryOpening>() {
            Err(reply) => reply,
            Ok(asked) => {
                let wait = Duration::from_secs(asked.wait.0.min(20));
                match follower.open(asked.opening, wait).await {
                    Ok(outcome) => Reply::json(&outcome),
                    Err(sentence) => Reply::refuse(403, &sentence),
                }
            }
        },
        (&Method::GET, "/status") => status(follower, &call).await,
        (&Method::POST, "/standing") => standing::use_order(follower, &call).await,
        (&Method::GET, "/standing") => standing::uses(follower, &call).await,
        (&Method::POST, "/reapply") => http::Reply::json(&follower.reapply()),
        (&Method::GET, "/minutes") => standing::minutes(follower, &call),
        (&Method::GET, "/ledger") => journal::ledger(&follower.doors, &call).await,
        (&Method::GET, path) if path.starts_with("/spool/") => follower.store.answer(&call).await,
        _ => Reply::not_found(&call.path),
    }
}
