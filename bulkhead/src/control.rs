//! The control room's process: keeps the authority log, has its checkpoints co-signed by the witnesses, and lets doors
//! follow. It decides nothing: whatever it appends, each door judges for itself.

mod authority;
mod beyond;
mod cosign;
mod facts;
mod journal;
pub mod others;
pub mod screen;
mod sealed;
mod shrink;
mod warnings;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
    time::Duration,
};

use clearance::{Authority, NONCE_KIND, NonceEntry, STATEMENT_KIND, authority_origin};
use estate::Estate;
use evidence::{RoomEntry, room::CalloutEvent};
use hyper::Method;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use vocabulary::{Digest, Envelope, EstateId, WitnessId};

use self::{
    authority::{Room, append, follow, read_heads, remember_head},
    journal::Journaling,
};
use crate::{
    authority_wire::StoreHead,
    command, door_process,
    door_wire::LedgerPiece,
    endpoints,
    http::{self, Call, Endpoint, Reply},
    keys,
    report::{Code, Trouble},
    tls,
};

/// Wait after a witness was missing for the authority log: doors wait for it.
const COSIGN_AGAIN: Duration = Duration::from_secs(1);
/// Least time between two heads of the journal that witnesses sign: it grows all the time, and nobody waits for it.
const JOURNAL_REST: Duration = Duration::from_secs(5);
/// Wait after a witness was missing for the journal.
const JOURNAL_AGAIN: Duration = Duration::from_secs(60);

/// Most steps of a call-out told at once.
const STEPS_MAX: usize = 1_024;

/// `control.toml`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Which estate.
    pub estate: EstateId,
    /// Folder of the log and its key.
    pub dir: PathBuf,
    /// Where doors and people call; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Folder with `ca.pem`, `cert.pem`, `key.pem`; needed outside loopback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<PathBuf>,
    /// Witnesses by name, with the address of each.
    pub witnesses: BTreeMap<WitnessId, SocketAddr>,
    /// Digest of the estate's first charter, from the paper it was installed with. The console needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charter: Option<Digest>,
    /// The console for people, and the facts for the public. Without it this process keeps its logs and nothing more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub console: Option<screen::Config>,
    /// Where to write the addresses that were really opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<PathBuf>,
}

/// Runs until a signal.
///
/// # Errors
/// [`Trouble`] when the log or the listener cannot be opened.
pub async fn run(config: Config, stop: watch::Receiver<bool>) -> Result<(), Trouble> {
    let identity = config.tls.as_deref().map(command::identity).transpose()?;
    let (room, len_seen) = open_room(&config, identity.as_ref())?;
    let journal = Arc::new(Journaling::open(
        &config.dir.join("journal"),
        &config.estate,
        config.charter,
    )?);
    let sealing = Arc::new(sealed::Sealing::default());
    let screen = match &config.console {
        Some(console) => Some(open_screen(console, &config, &room, &journal, &sealing).await?),
        None => None,
    };
    let listener = command::listen(config.listen, identity.is_some()).await?;
    let mut listeners = vec![("control", &listener)];
    listeners.extend(screen.as_ref().map(|opened| ("console", &opened.listener)));
    endpoints::publish(config.endpoints.as_deref(), &listeners)?;
    let acceptor = identity
        .as_ref()
        .map(tls::Identity::acceptor)
        .transpose()
        .map_err(command::tls_trouble)?;
    let mut tasks = keep_logs(&room, &journal, len_seen);
    let estate = screen.as_ref().map(|opened| opened.estate.clone());
    if let Some(opened) = screen {
        tasks.spawn(others::keep(opened.base, journal.clone(), opened.known));
        tasks.spawn(opened.screen.clone().follow_authority(room.len.subscribe()));
        tasks.spawn(
            opened
                .screen
                .serve(opened.listener, opened.acceptor, stop.clone()),
        );
    }
    let rested = journal.clone();
    let parts = Arc::new(Parts {
        room,
        journal,
        estate,
        sealing,
    });
    let answerer: http::Answerer = Arc::new(move |call| {
        let parts = parts.clone();
        Box::pin(async move { answer(&parts, call).await })
    });
    http::serve(listener, acceptor, answerer, stop).await;
    tasks.shutdown().await;
    rested.rest();
    Ok(())
}

/// The authority log with everything kept beside it, and how long it is from now on.
fn open_room(
    config: &Config,
    identity: Option<&tls::Identity>,
) -> Result<(Arc<Room>, watch::Receiver<u64>), Trouble> {
    let origin = authority_origin(&config.estate).map_err(|error| {
        Trouble::because(
            Code::Config,
            "Der Verbund hat keinen brauchbaren Namen. / The estate's name is not usable.",
            error,
        )
    })?;
    let key = keys::log_key(&config.dir.join("log.key"), &origin)?;
    let ledger = command::open_or_create_ledger(&config.dir.join("log"), &origin)?;
    let connector = identity
        .map(tls::Identity::connector)
        .transpose()
        .map_err(command::tls_trouble)?;
    let witnesses = config
        .witnesses
        .iter()
        .map(|(id, address)| {
            (
                id.clone(),
                Endpoint {
                    address: *address,
                    tls: connector.clone(),
                },
            )
        })
        .collect();
    let (len, len_seen) = watch::channel(ledger.head().len);
    let heads_path = config.dir.join("heads.json");
    let room = Arc::new(Room {
        ledger: Mutex::new(ledger),
        key,
        len,
        cosigned: watch::Sender::new(None),
        witnesses,
        heads: Mutex::new(read_heads(&heads_path)?),
        heads_path,
        heads_told: AtomicU64::new(0),
        heads_kept: Mutex::new(0),
        told: Mutex::new(None),
    });
    Ok((room, len_seen))
}

/// What goes on as long as the process lives. None of it holds anything that is not in a log: it ends with the process.
fn keep_logs(
    room: &Arc<Room>,
    journal: &Arc<Journaling>,
    len_seen: watch::Receiver<u64>,
) -> tokio::task::JoinSet<()> {
    let mut tasks = tokio::task::JoinSet::new();
    let asking = |rest, again| cosign::Asking {
        witnesses: room.witnesses.clone(),
        rest,
        again,
    };
    tasks.spawn(cosign::cosign_always(
        room.clone(),
        asking(Duration::ZERO, COSIGN_AGAIN),
        len_seen,
    ));
    let (journaled, journal_len) = watch::channel(0);
    tasks.spawn(journal::measure(journal.clone(), journaled));
    tasks.spawn(cosign::cosign_always(
        journal.clone(),
        asking(JOURNAL_REST, JOURNAL_AGAIN),
        journal_len,
    ));
    tasks.spawn(cosign::witness_recoveries(room.clone()));
    tasks.spawn(journal::journal_authority(
        journal.clone(),
        room.clone(),
        room.len.subscribe(),
    ));
    tasks.spawn(others::cuts::open_always(journal.clone()));
    tasks
}

/// What answering other parts needs.
struct Parts {
    room: Arc<Room>,
    journal: Arc<Journaling>,
    estate: Option<Arc<Estate>>,
    sealing: Arc<sealed::Sealing>,
}

/// The console, ready to serve.
struct OpenedScreen {
    screen: Arc<screen::Screen>,
    estate: Arc<Estate>,
    base: Arc<others::Base>,
    known: watch::Sender<Option<Arc<others::Known>>>,
    listener: tokio::net::TcpListener,
    acceptor: Option<tls::Acceptor>,
}

async fn open_screen(
    console: &screen::Config,
    config: &Config,
    room: &Arc<Room>,
    journal: &Arc<Journaling>,
    sealing: &sealed::Sealing,
) -> Result<OpenedScreen, Trouble> {
    let estate = Arc::new(door_process::config::read_estate(&console.estate)?);
    let Some(charter) = config.charter else {
        return Err(Trouble::new(
            Code::Config,
            "Die Konsole braucht `charter`, den Fingerabdruck der ersten Verfassung. / The console needs `charter`, the digest \
             of the first charter.",
        ));
    };
    if *estate.id() != config.estate {
        return Err(Trouble::new(
            Code::Config,
            "Die Konsole nennt einen anderen Verbund. / The console names another estate.",
        ));
    }
    let authority = Authority::install(config.estate.clone(), charter).map_err(|error| {
        Trouble::because(
            Code::Config,
            "Der Verbund hat keinen brauchbaren Namen. / The estate's name is not usable.",
            error,
        )
    })?;
    let acceptor = console
        .tls
        .as_deref()
        .map(command::identity)
        .transpose()?
        .as_ref()
        .map(tls::Identity::acceptor_for_browsers)
        .transpose()
        .map_err(command::tls_trouble)?;
    let listener = command::listen(console.listen, acceptor.is_some()).await?;
    let base = Arc::new(others::Base::open(estate.clone(), console.readiness.as_deref())?);
    let known = watch::Sender::new(None);
    let desk = screen::Parts {
        estate: estate.clone(),
        room: room.clone(),
        journal: journal.clone(),
        known: known.subscribe(),
        sealed: sealing.shown(),
    };
    Ok(OpenedScreen {
        screen: Arc::new(screen::Screen::new(console, authority, desk)?),
        estate,
        base,
        known,
        listener,
        acceptor,
    })
}

async fn answer(parts: &Parts, call: Call) -> Reply {
    match (&call.method, call.path.as_str()) {
        (&Method::POST, "/journal" | "/backlog" | "/proofs" | "/callout" | "/published" | "/signals") => {
            told(parts.journal.clone(), call).await
        }
        (&Method::POST, "/sealed") => match call.json() {
            Ok(told) => parts.sealing.take(told),
            Err(refused) => refused,
        },
        (&Method::GET, "/standing") => warnings::in_force(&parts.journal),
        (&Method::GET, "/facts") => facts::answer(parts.estate.as_deref(), &parts.journal, &call).await,
        (&Method::POST, "/head") => told_head(parts.room.clone(), call).await,
        _ => answer_log(&parts.room, call).await,
    }
}

/// Remembers a door store's head, off the threads that answer: it waits for the disk.
async fn told_head(room: Arc<Room>, call: Call) -> Reply {
    let told = match call.json::<StoreHead>() {
        Ok(told) => told,
        Err(reply) => return reply,
    };
    match tokio::task::spawn_blocking(move || remember_head(&room, told)).await {
        Ok(reply) => reply,
        Err(error) => Reply::refuse(500, &error.to_string()),
    }
}

/// Takes what another part tells, off the threads that answer: it waits for the disk.
async fn told(journal: Arc<Journaling>, call: Call) -> Reply {
    let taking = tokio::task::spawn_blocking(move || take(&journal, &call));
    match taking.await {
        Ok(reply) => reply,
        Err(error) => Reply::refuse(500, &error.to_string()),
    }
}

fn take(journal: &Journaling, call: &Call) -> Reply {
    let done = |result: Result<(), evidence::Error>| match result {
        Ok(()) => Reply::json(&()),
        Err(error) => Reply::refuse(507, &error.to_string()),
    };
    let taken = match call.path.as_str() {
        "/journal" => call
            .json::<LedgerPiece>()
            .map(|piece| match journal.take_piece(piece) {
                Ok(known) => Reply::json(&known),
                Err(sentence) => Reply::refuse(422, &sentence),
            }),
        "/signals" => call.json().map(|told| match warnings::take(journal, told) {
            Ok(taken) => Reply::json(&taken),
            Err(refused) => refused,
        }),
        "/backlog" => call.json().map(|told| done(journal.take_backlog(told))),
        "/proofs" => call.json().map(|told| done(journal.take_proofs(told))),
        "/callout" => call.json::<Vec<CalloutEvent>>().map(|told| match told.len() {
            0..=STEPS_MAX => done(
                journal
                    .append(told.into_iter().map(RoomEntry::from).collect())
                    .map(drop),
            ),
            _ => Reply::refuse(413, "Zu viele Schritte auf einmal. / Too many steps at once."),
        }),
        "/published" => call.json().map(|told| done(journal.take_published(told))),
        other => Err(Reply::not_found(other)),
    };
    taken.unwrap_or_else(|refused| refused)
}

async fn answer_log(room: &Room, call: Call) -> Reply {
    match (&call.method, call.path.as_str()) {
        (&Method::POST, "/statement") => match call.json::<Envelope>() {
            Ok(envelope) => match envelope.check_limits() {
                Ok(()) => append(room, STATEMENT_KIND, &envelope),
                Err(error) => Reply::refuse(413, &error.to_string()),
            },
            Err(reply) => reply,
        },
        (&Method::POST, "/nonce") => match call.json::<NonceEntry>() {
            Ok(nonce) => append(room, NONCE_KIND, &nonce),
            Err(reply) => reply,
        },
        (&Method::GET, "/head") => match call
            .query_value("store")
            .and_then(|text| text.parse::<Digest>().ok())
        {
            Some(store) => Reply::json(
                &room
                    .heads
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .get(&store),
            ),
            None => Reply::refuse(400, "Welcher Speicher? ?store=… / Which store? ?store=…"),
        },
        (&Method::GET, "/log") => follow(room, &call).await,
        (&Method::GET, "/checkpoint") => match room.cosigned.borrow().clone() {
            Some(published) => Reply::text(200, published.note),
            None => Reply::refuse(503, "Noch kein bezeugter Stand. / No co-signed checkpoint yet."),
        },
        _ => Reply::not_found(&call.path),
    }
}
