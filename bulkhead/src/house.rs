//! The one thread that owns a process's doors. Everybody else sends it questions and gets answers; nobody waits for
//! anybody but the disk.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    thread::{self, JoinHandle},
    time::Duration,
};

use clearance::{AnswerRight, Leaving, Nonce, RewrappedKey};
use door::{
    DoorStatus, Effect, Freshness, House, Moment, Outcome, Peers, Ready, Recording, Report, Signal, Status,
    Tried,
};
use ledger::Entries;
use order::{AgeRecipient, Becomes, Body as _, Closing, EarlierUses, StandingUse, Uses};
use record::{Head, Note};
use tokio::sync::{oneshot, watch};
use vocabulary::{Digest, DoorId, Envelope, InsurerId, StatementId};

use crate::{
    clock,
    door_wire::{DoorLine, Granted, StatusReply},
};

/// Questions that may wait. The thread answers within a disk sync; a longer queue means the disk has stopped.
const QUEUE_MAX: usize = 256;
/// How often time passes for the doors when nobody asks anything.
const TICK: Duration = Duration::from_millis(200);
/// Signals that are kept for the status; older ones are in the ledger.
const SIGNALS_MAX: usize = 100;

/// A question to the doors.
enum Ask {
    Close(Box<Envelope>, oneshot::Sender<Result<Effect, door::Error>>),
    Follow(Vec<Vec<u8>>, oneshot::Sender<Result<Vec<Effect>, door::Error>>),
    Nonce(Nonce, oneshot::Sender<()>),
    Fresh(
        Box<Note>,
        Option<Head>,
        Vec<Ready>,
        oneshot::Sender<Result<Renewed, door::Error>>,
    ),
    Look(oneshot::Sender<Look>),
    NotTried(Vec<Ready>, oneshot::Sender<()>),
    Open(StatementId, oneshot::Sender<Result<Opened, door::Error>>),
    Status(oneshot::Sender<StatusReply>),
    InForce(oneshot::Sender<Option<InForce>>),
    Standing(
        Box<StandingUse>,
        oneshot::Sender<Result<Vec<Report>, door::Error>>,
    ),
    UsesOf(StatementId, oneshot::Sender<EarlierUses>),
    Entries(u64, oneshot::Sender<Result<Recorded, door::Error>>),
    KeysFor(DoorId, AgeRecipient, oneshot::Sender<Vec<RewrappedKey>>),
    AnswerRight(
        Box<Envelope>,
        Box<Leaving>,
        oneshot::Sender<Result<AnswerRight, String>>,
    ),
}

/// Part of the doors' ledger, to be read.
pub struct Recorded {
    /// Which store.
    pub store: Digest,
    /// Where its ledger stands.
    pub head: Head,
    /// From the entry that was asked for up to the head.
    pub entries: Entries,
}

/// What the charter in force says about the keys to what is stored.
pub struct InForce {
    /// To whom each insurer's keys are wrapped.
    pub releases: Vec<ReleaseTo>,
    /// How long a cut out of caution leaves the door's keys in place (decision 0008).
    pub precautionary_window: Duration,
}

/// To whom an insurer's keys are wrapped, as the charter in force says.
pub struct ReleaseTo {
    /// The insurer.
    pub insurer: InsurerId,
    /// The recipient it uses.
    pub active: String,
    /// The recipient whose private half is split among people.
    pub recovery: String,
}

/// What came of trying an opening, and the keys its consents bring.
pub struct Opened {
    /// Door by door.
    pub outcome: Outcome,
    /// Wrapped keys for doors of this process.
    pub keys: Vec<RewrappedKey>,
}

/// What a fresh view brought.
pub struct Renewed {
    /// What came of the openings that waited for it; absent where none did.
    pub tried: Option<Result<Opened, door::Error>>,
}

/// What openings wait for here.
pub struct Look {
    /// Those for which nothing but a fresh view is known to be missing.
    pub ready: Vec<Ready>,
    /// Keys that consents bring to doors which stand open by the very opening they agree to.
    pub keys: Vec<RewrappedKey>,
}

/// The doors' owner no longer answers.
#[derive(Debug, thiserror::Error)]
#[error(
    "Der Türfaden ist beendet; alle Türen sind geschlossen. / The doors' thread has ended; every door is closed."
)]
pub struct Gone;

/// Asks the doors' owner. Cheap to clone.
#[derive(Clone)]
pub struct Doors {
    asks: SyncSender<Ask>,
    /// Entries in the ledger; changes after the sync.
    recorded: watch::Receiver<u64>,
}

/// The owner's thread; ends when every [`Doors`] is dropped.
pub struct Owner(JoinHandle<()>);

impl Owner {
    /// Waits for the thread, so that the ledger is closed before the process ends.
    pub fn join(self) {
        if self.0.join().is_err() {
            tracing::error!("the doors' thread panicked; every door stands contained");
        }
    }
}

/// Gives the doors to their thread.
///
/// # Errors
/// What the system says when it cannot start a thread.
pub fn start(house: House) -> std::io::Result<(Doors, Owner)> {
    let (asks, questions) = sync_channel(QUEUE_MAX);
    let (grown, recorded) = watch::channel(house.head().len);
    let thread = thread::Builder::new()
        .name("doors".into())
        .spawn(move || own(house, &questions, &grown))?;
    Ok((Doors { asks, recorded }, Owner(thread)))
}

fn moment() -> Moment {
    Moment {
        wall: clock::now(),
        mono: clock::monotonic(),
    }
}

fn own(mut house: House, questions: &Receiver<Ask>, grown: &watch::Sender<u64>) {
    let mut signals: Vec<String> = Vec::new();
    loop {
        match questions.recv_timeout(TICK) {
            Ok(ask) => answer(&mut house, ask, &signals),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        // Also after a question: a busy queue must not stop time.
        if let Err(error) = house.tick(moment()) {
            tracing::error!(%error, "time passed, but the ledger failed");
        }
        let len = house.head().len;
        grown.send_if_modified(|known| std::mem::replace(known, len) != len);
        for signal in house.take_signals() {
            tracing::warn!(?signal, "signal");
            if signals.len() < SIGNALS_MAX {
                signals.push(in_words(&signal));
            }
        }
    }
}

fn answer(house: &mut House, ask: Ask, signals: &[String]) {
    // A caller who no longer waits for an answer has lost only the answer.
    match ask {
        Ask::Close(envelope, reply) => drop(reply.send(close(house, &envelope))),
        Ask::Follow(entries, reply) => drop(reply.send(house.follow(&entries, moment()))),
        Ask::Nonce(nonce, reply) => {
            house.ask(nonce, moment());
            let _nobody_waits = reply.send(());
        }
        Ask::Fresh(note, remembered, tries, reply) => {
            drop(reply.send(renew(house, &note, remembered.as_ref(), &tries)));
        }
        Ask::Look(reply) => drop(reply.send(look(house))),
        Ask::NotTried(tries, reply) => {
            house.not_tried(&tries, moment());
            let _nobody_waits = reply.send(());
        }
        Ask::Open(opening, reply) => {
            drop(reply.send(open(house, opening)));
        }
        Ask::Entries(from, reply) => drop(reply.send(house.entries(from).map(|entries| Recorded {
            store: house.doors().enrolment().store().0,
            head: house.head(),
            entries,
        }))),
        Ask::Standing(asked, reply) => drop(reply.send(house.use_standing(&asked, moment()))),
        Ask::UsesOf(order, reply) => drop(reply.send(house.doors().uses(&order))),
        Ask::InForce(reply) => drop(reply.send(in_force(house))),
        Ask::KeysFor(door, identity, reply) => {
            drop(reply.send(house.authority().keys_for(&door, &identity).cloned().collect()));
        }
        Ask::AnswerRight(release, leaving, reply) => {
            drop(reply.send(answer_right(house, &release, *leaving)))
        }
        Ask::Status(reply) => drop(reply.send(status(&house.status(moment()), signals))),
    }
}

/// Admits a closing. The same paper brought again by hand is a further use, if it was signed for many: whoever takes it
/// out of the drawer a second time wants the doors shut a second time.
fn close(house: &mut House, envelope: &Envelope) -> Result<Effect, door::Error> {
    let effect = house.admit(envelope, moment())?;
    let many = || Closing::read(envelope).is_ok_and(|closing| matches!(closing.uses, Uses::Many { .. }));
    if matches!(effect, Effect::Repeat) && many() {
        let number = house.next_use(&envelope.id());
        return house
            .use_again(envelope.id(), number, moment())
            .map(Effect::Doors);
    }
    Ok(effect)
}

/// Tries an opening at those of its doors that are ours. One that the log does not hold names no door.
fn open(house: &mut House, opening: StatementId) -> Result<Opened, door::Error> {
    let named: Vec<DoorId> = house
        .authority()
        .opening(opening)
        .map(|body| body.doors.iter().map(|entry| entry.door.clone()).collect())
        .unwrap_or_default();
    let ours: Vec<DoorId> = named
        .into_iter()
        .filter(|door| house.gate(door).is_some())
        .collect();
    let keys = keys_of(house, opening, |door| ours.contains(door));
    Ok(Opened {
        outcome: house.open_doors(opening, ours, moment())?,
        keys,
    })
}

/// Makes the view fresh and tries what waited for it, in one turn: no entry of the log comes in between.
fn renew(
    house: &mut House,
    note: &Note,
    remembered: Option<&Head>,
    tries: &[Ready],
) -> Result<Renewed, door::Error> {
    house.fresh(note, remembered, moment())?;
    if tries.is_empty() {
        return Ok(Renewed { tried: None });
    }
    let tried = match house.try_ready(tries, moment()) {
        Ok(Tried::NoView) => None,
        Ok(Tried::Answered(outcome)) => {
            let keys = tries
                .iter()
                .flat_map(|one| keys_of(house, one.opening, |door| one.doors.contains(door)))
                .collect();
            Some(Ok(Opened { outcome, keys }))
        }
        Err(error) => Some(Err(error)),
    };
    Ok(Renewed { tried })
}

fn look(house: &mut House) -> Look {
    let ready = house.ready(moment());
    let keys = house
        .carried()
        .flat_map(|(door, opening)| keys_of(house, opening, move |named| named == door))
        .collect();
    Look { ready, keys }
}

/// Keys that consents to an opening bring to some of its doors.
/// What a consent to an emergency brings is wrapped to the emergency environment, and is none of the door's.
fn keys_of(house: &House, opening: StatementId, wanted: impl Fn(&DoorId) -> bool) -> Vec<RewrappedKey> {
    let is_emergency = |body: &order::Opening| matches!(body.becomes, Becomes::Emergency { .. });
    if house.authority().opening(opening).is_none_or(is_emergency) {
        return Vec::new();
    }
    let consents = house.authority().consents_to(opening);
    let keys = consents.flat_map(|consent| consent.rewrapped.iter());
    keys.filter(|key| wanted(&key.door)).cloned().collect()
}

/// Whether an answer may leave, by the authority log as far as it is known here and by witnessed time.
fn answer_right(house: &House, release: &Envelope, leaving: Leaving) -> Result<AnswerRight, String> {
    let now = house.witnessed(moment()).ok_or(
        "Es gibt noch keine bezeugte Zeit; ohne sie ist keine Freigabe prüfbar. / There is no witnessed time yet; without it no release can be checked.",
    )?;
    house
        .authority()
        .answer_right(release, leaving, now)
        .map_err(|refused| refused.to_string())
}

fn in_force(house: &House) -> Option<InForce> {
    let charter = house.authority().charter()?;
    let named = charter.sections().iter().filter_map(|(insurer, section)| {
        let draft = section.draft();
        Some(ReleaseTo {
            insurer: insurer.clone(),
            active: draft.release.first()?.to_string(),
            recovery: draft.recovery.to_string(),
        })
    });
    Some(InForce {
        releases: named.collect(),
        precautionary_window: Duration::from_secs(charter.precautionary_window().0),
    })
}

fn status(status: &Status, signals: &[String]) -> StatusReply {
    let doors = status.doors.iter().map(|line| DoorLine {
        door: line.door.clone(),
        epoch: line.epoch,
        position: line.position,
        class: line.class,
        since: line.since,
        restrictions: line.restrictions.iter().map(|(id, _)| *id).collect(),
        until: line.grants.first_end(),
        granted: granted(line),
    });
    StatusReply {
        store: status.store.0,
        fresh: status.freshness == Freshness::Fresh,
        witnessed: status.witnessed,
        authority_size: status.authority.size,
        ledger_len: status.head.len,
        ledger_chain: status.head.chain,
        ledger_root: status.head.root,
        recording: status.recording == Recording::Works,
        doors: doors.collect(),
        signals: signals.to_vec(),
    }
}

fn granted(line: &DoorStatus) -> Option<Granted> {
    match (&line.grants.limited, &line.grants.emergency) {
        (Some(limited), _) => Some(Granted::Limited {
            rules: line.rules,
            peers: match &limited.peers {
                Peers::Any => None,
                Peers::Only(names) => Some(names.clone()),
            },
        }),
        (None, Some(_)) => Some(Granted::Emergency),
        (None, None) => None,
    }
}

fn in_words(signal: &Signal) -> String {
    match signal {
        Signal::RolledBack { have, seen } => format!(
            "Der Türspeicher ist älter als bekannt ({have} statt {seen} Einträge). / The door store is older than known ({have} instead of {seen} entries)."
        ),
        Signal::EnrolledTwice { door } => {
            format!("Die Tür {door} ist zweimal eingetragen. / Door {door} is enrolled twice.")
        }
        Signal::BrokenPromise { promise, door } => format!(
            "Zusage {promise} an Tür {door} verletzt; die Tür ist zu. / Promise {promise} broken at door {door}; the door is shut."
        ),
        Signal::LedgerFailed => {
            "Das Protokoll der Türen schreibt nicht. / The doors' ledger does not write.".into()
        }
        Signal::TornTail => {
            "Ein unterbrochener Schreibvorgang wurde abgeschnitten. / A torn write was cut off.".into()
        }
    }
}

impl Doors {
    async fn ask<T>(&self, make: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Result<T, Gone> {
        let (reply, answer) = oneshot::channel();
        let mut ask = make(reply);
        // The queue is bounded and the owner fast; a full queue is waited out in small steps rather than by blocking
        // a thread that also serves others.
        loop {
            match self.asks.try_send(ask) {
                Ok(()) => break,
                Err(std::sync::mpsc::TrySendError::Full(back)) => {
                    ask = back;
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                Err(std::sync::mpsc::TrySendError::Disconnected(_)) => return Err(Gone),
            }
        }
        answer.await.map_err(|_| Gone)
    }

    /// Admits a closing that came by itself, with everything else off.
    pub async fn close(&self, envelope: Envelope) -> Result<Result<Effect, door::Error>, Gone> {
        self.ask(|reply| Ask::Close(Box::new(envelope), reply)).await
    }

    /// Lets a detector use a standing order.
    pub async fn use_standing(&self, asked: StandingUse) -> Result<Result<Vec<Report>, door::Error>, Gone> {
        self.ask(|reply| Ask::Standing(Box::new(asked), reply)).await
    }

    /// When a pre-signed order was used here before.
    pub async fn uses_of(&self, order: StatementId) -> Result<EarlierUses, Gone> {
        self.ask(|reply| Ask::UsesOf(order, reply)).await
    }

    /// Follows the authority log by its next entries.
    pub async fn follow(&self, entries: Vec<Vec<u8>>) -> Result<Result<Vec<Effect>, door::Error>, Gone> {
        self.ask(|reply| Ask::Follow(entries, reply)).await
    }

    /// Begins to ask for a fresh view.
    pub async fn nonce(&self, nonce: Nonce) -> Result<(), Gone> {
        self.ask(|reply| Ask::Nonce(nonce, reply)).await
    }

    /// Takes the answer, and what others remember of this store's ledger; then tries what waited for it.
    pub async fn fresh(
        &self,
        note: Note,
        remembered: Option<Head>,
        tries: Vec<Ready>,
    ) -> Result<Result<Renewed, door::Error>, Gone> {
        self.ask(|reply| Ask::Fresh(Box::new(note), remembered, tries, reply))
            .await
    }

    /// What openings wait for.
    pub async fn look(&self) -> Result<Look, Gone> {
        self.ask(Ask::Look).await
    }

    /// Records that openings were not tried, for want of a fresh view.
    pub async fn not_tried(&self, tries: Vec<Ready>) -> Result<(), Gone> {
        self.ask(|reply| Ask::NotTried(tries, reply)).await
    }

    /// Tries an opening.
    pub async fn open(&self, opening: StatementId) -> Result<Result<Opened, door::Error>, Gone> {
        self.ask(|reply| Ask::Open(opening, reply)).await
    }

    /// The ledger's entries from an index on.
    pub async fn entries(&self, from: u64) -> Result<Result<Recorded, door::Error>, Gone> {
        self.ask(|reply| Ask::Entries(from, reply)).await
    }

    /// Keys to what a door holds, wrapped to an emergency environment's identity by consents that stand.
    pub async fn keys_for(&self, door: DoorId, identity: AgeRecipient) -> Result<Vec<RewrappedKey>, Gone> {
        self.ask(|reply| Ask::KeysFor(door, identity, reply)).await
    }

    /// Whether an answer may leave an emergency environment; the refusal is a sentence, German first.
    pub async fn answer_right(
        &self,
        release: Envelope,
        leaving: Leaving,
    ) -> Result<Result<AnswerRight, String>, Gone> {
        self.ask(|reply| Ask::AnswerRight(Box::new(release), Box::new(leaving), reply))
            .await
    }

    /// How many entries the ledger has; changes after each sync.
    pub fn recorded(&self) -> watch::Receiver<u64> {
        self.recorded.clone()
    }

    /// What the charter in force says about keys; nothing before there is one.
    pub async fn in_force(&self) -> Result<Option<InForce>, Gone> {
        self.ask(Ask::InForce).await
    }

    /// Where the doors stand.
    pub async fn status(&self) -> Result<StatusReply, Gone> {
        self.ask(Ask::Status).await
    }
}
