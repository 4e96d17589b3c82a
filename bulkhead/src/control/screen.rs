//! The console's listener: hands requests to the console, carries out what it answers, and tells watching screens that
//! something changed. Nothing is answered before its effects are carried out.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use clearance::{Authority, STATEMENT_KIND};
use console::{
    Effect, Line, Others, Request, Response, Room as Desk, SILENCE_LIMIT, SealedBehind, Sessions, Shrink,
};
use estate::Estate;
use evidence::{Content, JournalEntry, RoomEntry};
use order::login::ConsoleOrigin;
use serde::{Deserialize, Serialize};
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
    time::{MissedTickBehavior, interval},
};
use vocabulary::{Digest, Envelope};

use super::{authority, beyond::Outside, journal::Journaling, others::Known, shrink::Shrinker};
use crate::{
    clock,
    report::{Code, Trouble},
    tls,
    web::{self, Answer, Answerer, Streams},
};

/// How often a watching screen hears that we are here, and is asked whether it still may watch.
const BEAT: Duration = Duration::from_secs(10);
/// Least time between two changes told to one screen: it fetches what it shows each time.
const REST: Duration = Duration::from_millis(100);
/// Longest content of a journal entry that is shown, in characters.
const SHOWN_CHARS_MAX: usize = 4_000;

/// `[console]` of `control.toml`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The estate file: names, services, dependencies, impact.
    pub estate: PathBuf,
    /// Where browsers connect; port 0 takes a free one, which suits tests only.
    pub listen: SocketAddr,
    /// What people type, as in `https://leitstand.example:8443`. Requests for another name are not answered.
    pub origin: ConsoleOrigin,
    /// Folder with `ca.pem`, `cert.pem`, `key.pem` that browsers trust; needed outside loopback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<PathBuf>,
    /// What people found out in peace (`readiness.toml`). Without it all of that is shown as not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readiness: Option<PathBuf>,
}

/// What answering looks at.
pub(super) struct Parts {
    pub(super) estate: Arc<Estate>,
    pub(super) room: Arc<authority::Room>,
    pub(super) journal: Arc<Journaling>,
    pub(super) known: watch::Receiver<Option<Arc<Known>>>,
    pub(super) sealed: watch::Receiver<Arc<Vec<Arc<SealedBehind>>>>,
}

/// What answering needs.
pub(super) struct Screen {
    estate: Arc<Estate>,
    origin: ConsoleOrigin,
    secret: [u8; 32],
    sessions: Mutex<Sessions>,
    authority: RwLock<Authority>,
    room: Arc<authority::Room>,
    journal: Arc<Journaling>,
    known: watch::Receiver<Option<Arc<Known>>>,
    sealed: watch::Receiver<Arc<Vec<Arc<SealedBehind>>>>,
    streams: Streams,
    shrinker: Shrinker,
    /// Held by whoever acts, from looking until everything is carried out: two signatures that come at once must each see
    /// the draft the other left.
    acting: Mutex<()>,
}

impl Screen {
    pub(super) fn new(config: &Config, authority: Authority, parts: Parts) -> Result<Self, Trouble> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|error| {
            Trouble::new(
                Code::Keys,
                format!(
                    "Das System gibt keinen Zufall: {error}. / The system yields no randomness: {error}."
                ),
            )
        })?;
        Ok(Self {
            estate: parts.estate,
            origin: config.origin.clone(),
            secret,
            sessions: Mutex::default(),
            authority: RwLock::new(authority),
            room: parts.room,
            journal: parts.journal,
            known: parts.known,
            sealed: parts.sealed,
            streams: Streams::default(),
            shrinker: Shrinker::default(),
            acting: Mutex::new(()),
        })
    }

    /// Looks at everything as it stands now.
    fn at_desk<T>(&self, look: impl FnOnce(&Desk<'_>) -> T) -> T {
        let picture = self.journal.picture();
        let sessions = self
            .sessions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let known = self.known.borrow().clone();
        let sealed = self.sealed.borrow().clone();
        let authority = self.authority.read().unwrap_or_else(PoisonError::into_inner);
        let outside = Outside {
            estate: &self.estate,
            picture: &picture,
            room: &self.room,
            journal: &self.journal,
            now: clock::now(),
        };
        look(&Desk {
            estate: &self.estate,
            authority: &authority,
            picture: &picture,
            sessions: &sessions,
            origin: &self.origin,
            secret: &self.secret,
            journal: &Pages(&self.journal),
            silence: SILENCE_LIMIT,
            others: Others {
                sealed: &sealed,
                beyond: Some(&outside),
                ..known.as_deref().map(Known::others).unwrap_or_default()
            },
        })
    }

    /// Answers one request, with its effects carried out first.
    fn answer(self: &Arc<Self>, request: Request) -> Answer {
        let _alone = request
            .method
            .is_unsafe()
            .then(|| self.acting.lock().unwrap_or_else(PoisonError::into_inner));
        let answer = self.at_desk(|desk| console::answer(desk, &request));
        let mut watches = false;
        for effect in answer.effects {
            let carried = match effect {
                Effect::Watch => {
                    watches = true;
                    Ok(())
                }
                Effect::Session(change) => {
                    let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
                    if sessions.apply(change).is_err() {
                        drop(sessions);
                        return Answer::Whole(self.at_desk(|desk| console::refused_late(desk, &request)));
                    }
                    Ok(())
                }
                Effect::Append(entry) => self.append(*entry),
                Effect::Publish(envelope) => self.publish(&envelope),
            };
            if let Err(why) = carried {
                tracing::error!(why, "a console answer was not carried out");
                return Answer::Whole(self.at_desk(|desk| console::not_carried_out(desk, &request, &why)));
            }
        }
        if watches {
            self.watch(request, answer.response)
        } else {
            Answer::Whole(answer.response)
        }
    }

    fn append(&self, entry: RoomEntry) -> Result<(), String> {
        self.journal
            .append(vec![entry])
            .map(drop)
            .map_err(|error| error.to_string())
    }

    fn publish(&self, envelope: &Envelope) -> Result<(), String> {
        authority::append_statement(&self.room, STATEMENT_KIND, envelope).map(drop)
    }

    /// Keeps the connection and tells it of every change, until its session ends.
    fn watch(self: &Arc<Self>, request: Request, mut response: Response) -> Answer {
        let Some(stream) = self.streams.take(request.peer) else {
            let why = "Zu viele offene Anzeigen von dieser Adresse; bitte andere schließen. / \
                       Too many open screens from this address; please close others.";
            return Answer::Whole(self.at_desk(|desk| console::not_carried_out(desk, &request, &why)));
        };
        let (lines, receiver) = web::events();
        let first = String::from_utf8_lossy(&std::mem::take(&mut response.body)).into_owned();
        let screen = self.clone();
        // Ends when the browser is gone, the session is over or the process ends; nothing depends on it.
        tokio::spawn(async move {
            let _stream = stream;
            screen.tell(request, first, lines).await;
        });
        Answer::Events(response, receiver)
    }

    async fn tell(&self, mut request: Request, first: String, lines: mpsc::Sender<String>) {
        if lines.send(first).await.is_err() {
            return;
        }
        let mut picture = self.journal.watch();
        let mut known = self.known.clone();
        known.mark_unchanged();
        let mut made = 0_u64;
        let mut beats = interval(BEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        beats.tick().await;
        loop {
            let line = tokio::select! {
                changed = picture.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    format!("event: stand\ndata: {}\n\n", picture.borrow_and_update().head().len)
                }
                // Plan, board and clocks come a moment after the entry they are made of.
                changed = known.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    known.mark_unchanged();
                    made += 1;
                    format!("event: raeume\ndata: {made}\n\n")
                }
                _ = beats.tick() => {
                    request.now = clock::now();
                    if !self.at_desk(|desk| console::still_welcome(desk, &request)) {
                        return;
                    }
                    ": hier / here\n\n".to_owned()
                }
            };
            // A screen that does not listen is cut; its browser comes back by itself.
            if lines.try_send(line).is_err() {
                return;
            }
            tokio::time::sleep(REST).await;
        }
    }

    /// Follows the authority log: who may do what is asked of it at every request.
    pub(super) async fn follow_authority(self: Arc<Self>, mut len: watch::Receiver<u64>) {
        loop {
            len.mark_unchanged();
            if let Err(error) = self.catch_up() {
                tracing::error!(error, "the console cannot follow the authority log");
            }
            if len.changed().await.is_err() {
                return;
            }
        }
    }

    fn catch_up(&self) -> Result<(), String> {
        let from = self
            .authority
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .head()
            .len;
        let entries = {
            let ledger = self.room.ledger.lock().unwrap_or_else(PoisonError::into_inner);
            ledger.read(from).map_err(|error| error.to_string())?
        };
        for entry in entries {
            let entry = entry.map_err(|error| error.to_string())?;
            let bytes = entry.encode().map_err(|error| error.to_string())?;
            let mut authority = self.authority.write().unwrap_or_else(PoisonError::into_inner);
            authority
                .follow(&bytes, None)
                .map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Serves browsers until `stop` turns true.
    pub(super) async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        acceptor: Option<tls::Acceptor>,
        stop: watch::Receiver<bool>,
    ) {
        let answerer: Answerer = Arc::new(move |request| {
            let screen = self.clone();
            // Rendering is work of milliseconds and effects wait for the disk: not on a thread that answers others.
            Box::pin(async move {
                let runtime = tokio::runtime::Handle::current();
                let answering = tokio::task::spawn_blocking(move || {
                    let _inside = runtime.enter();
                    let shrink = Shrink::of(&request);
                    match screen.answer(request) {
                        Answer::Whole(response) => Answer::Whole(screen.shrinker.shrunk(shrink, response)),
                        events @ Answer::Events(..) => events,
                    }
                });
                match answering.await {
                    Ok(answer) => answer,
                    Err(_panicked) => Answer::Whole(Response::new(
                        500,
                        "text/plain; charset=utf-8",
                        "Hier ging etwas schief; es wurde nichts getan. / Something went wrong here; nothing was done.\n"
                            .into(),
                    )),
                }
            })
        });
        web::serve(listener, acceptor, answerer, stop).await;
    }
}

/// The journal's entries for the pages that show them.
struct Pages<'a>(&'a Journaling);

impl console::Journal for Pages<'_> {
    fn lines(&self, from: u64, most: usize) -> Vec<Line> {
        let Ok(entries) = self.0.lock().read(from) else {
            return Vec::new();
        };
        entries
            .take(most)
            .filter_map(Result::ok)
            .map(|entry| {
                let read = JournalEntry::read(&entry);
                let source = match &read.content {
                    Content::From { number, .. } => number.to_string(),
                    Content::Begun(_)
                    | Content::Added(_)
                    | Content::Troubled(_)
                    | Content::Heard(_)
                    | Content::Branched(_)
                    | Content::SnapshotTaken(_)
                    | Content::Room(_)
                    | Content::Unknown => String::new(),
                };
                Line {
                    index: entry.index,
                    at: entry.at,
                    kind: entry.kind.to_string(),
                    source,
                    body: shown(&entry.body),
                }
            })
            .collect()
    }
}

fn shown(body: &[u8]) -> String {
    match core::str::from_utf8(body) {
        Ok(text) => text.chars().take(SHOWN_CHARS_MAX).collect(),
        Err(_) => format!("{} Bytes, {}", body.len(), Digest::of(body)),
    }
}
