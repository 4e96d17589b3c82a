//! The prober: a process of its own that tries to get through every door the way its users would, on new connections
//! and on ones that were open before. Only its failure makes a position *proven*; only what it measured is told.
//!
//! Per door it holds one logged-in fetch session, one logged-in submission session and one intake session while the door
//! is Open, and asks them from time to time whether they live. When the door says it is closed, the first two must be
//! dead, a new login on both fronts must be turned away, intake must answer as the position says, in the old session and
//! on a new connection, and the responders' way in (the control listener) must work. Intake is tried up to the end of a
//! mail's header, which decides the cell, and never to the end of a mail: no probe becomes an item. What it cannot see
//! from outside, the forwarding of stored mail, it does not vouch for.

mod intake;
mod line;
mod session;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use hyper::Method;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use vocabulary::{DoorId, Epoch, Position, Timestamp};
use zeroize::Zeroizing;

use self::session::{Attempt, Fronts, Standing};
use crate::{
    clock, command,
    control_wire::Proven,
    door_wire::{DoorLine, StatusReply},
    endpoints, http,
    http::{Call, Endpoint, Reply},
    report::{Code, Trouble},
    tls,
};

/// `probe.toml`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where results are asked for; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Folder with `ca.pem`, `cert.pem`, `key.pem`; needed outside loopback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<PathBuf>,
    /// Where to write the address that was really opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<PathBuf>,
    /// The control room, which is told every result for its journal; absent where there is none to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<SocketAddr>,
    /// Milliseconds between two looks at a door process.
    #[serde(default = "every_default")]
    pub every_millis: u64,
    /// Door processes.
    pub houses: Vec<House>,
    /// Accounts to try with, by door.
    pub accounts: BTreeMap<DoorId, Account>,
}

/// How long the control room may take to note results, and the wait after it could not be reached.
const TELL_WAIT: Duration = Duration::from_secs(10);
const TELL_AGAIN: Duration = Duration::from_secs(1);

const fn every_default() -> u64 {
    1_000
}

/// One door process and its fronts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct House {
    /// Control listener.
    pub control: SocketAddr,
    /// Fetch front.
    pub fetch: SocketAddr,
    /// Submission front.
    pub submission: SocketAddr,
    /// Intake front.
    pub intake: SocketAddr,
    /// The fronts speak plain text; only on loopback, where they may.
    #[serde(default)]
    pub plain_fronts: bool,
}

/// An account at the regular server.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// The mailbox.
    pub mailbox: String,
    /// File with its password, one line, readable by its owner only.
    pub password_file: PathBuf,
    /// The service mark (`X-KIM-Dienstkennung`) that makes a mail to this mailbox a mail of this door, as in the routing
    /// of the mail front. None where a mail without a mark is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<Mark>,
}

/// A service mark that can stand on one header line: printable ASCII, at most 200 characters.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mark(String);

/// A mark that would not be one header line.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} ist keine Dienstkennung. / {0:?} is no service mark: 1 to 200 printable ASCII characters.")]
pub struct BadMark(String);

impl TryFrom<String> for Mark {
    type Error = BadMark;

    fn try_from(text: String) -> Result<Self, BadMark> {
        let printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if printable && (1..=200).contains(&text.len()) {
            Ok(Self(text))
        } else {
            Err(BadMark(text))
        }
    }
}

impl From<Mark> for String {
    fn from(mark: Mark) -> Self {
        mark.0
    }
}

/// What the prober found at one door.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Proof {
    /// The epoch it speaks about.
    pub epoch: Epoch,
    /// The position it tested.
    pub position: Position,
    /// When, for people.
    pub at: Timestamp,
    /// What got through although it must not, or does not work although it must. Empty: *proven*.
    pub failures: Vec<String>,
    /// Whether old sessions were there to be tested. Without them a proof covers new connections only and says so.
    pub old_sessions: u32,
    /// Milliseconds the attempts took.
    pub millis: u64,
}

/// Results by door.
pub type Proofs = BTreeMap<DoorId, Proof>;

struct Shared {
    proofs: Mutex<Proofs>,
    /// Rounds that brought results; whoever tells them waits for the next.
    rounds: watch::Sender<u64>,
}

/// Runs until a signal.
///
/// # Errors
/// [`Trouble`] when a password file or the listener cannot be opened.
pub async fn run(config: Config, stop: watch::Receiver<bool>) -> Result<(), Trouble> {
    let identity = config.tls.as_deref().map(command::identity).transpose()?;
    let connector = identity
        .as_ref()
        .map(tls::Identity::connector)
        .transpose()
        .map_err(command::tls_trouble)?;
    let shared = Arc::new(Shared {
        proofs: Mutex::new(Proofs::new()),
        rounds: watch::Sender::new(0),
    });
    let mut accounts = BTreeMap::new();
    for (door, account) in &config.accounts {
        let password = command::read_text(&account.password_file, Code::Keys)?;
        let password = Zeroizing::new(password.trim_end().to_owned());
        let known = Known {
            mailbox: account.mailbox.clone(),
            password,
            mark: account.mark.clone().map(String::from),
        };
        accounts.insert(door.clone(), known);
    }
    let accounts = Arc::new(accounts);
    let mut rounds = tokio::task::JoinSet::new();
    for house in config.houses {
        let round = Round {
            control: Endpoint {
                address: house.control,
                tls: connector.clone(),
            },
            fronts: Fronts {
                fetch: house.fetch,
                submission: house.submission,
                intake: house.intake,
                tls: connector.clone().filter(|_| !house.plain_fronts),
            },
            accounts: accounts.clone(),
            shared: shared.clone(),
            every: Duration::from_millis(config.every_millis.max(10)),
        };
        rounds.spawn(round.go_always());
    }
    if let Some(address) = config.control {
        let control = Endpoint {
            address,
            tls: connector.clone(),
        };
        rounds.spawn(tell_always(control, shared.clone()));
    }
    let listener = command::listen(config.listen, identity.is_some()).await?;
    endpoints::publish(config.endpoints.as_deref(), &[("probe", &listener)])?;
    let acceptor = identity
        .as_ref()
        .map(tls::Identity::acceptor)
        .transpose()
        .map_err(command::tls_trouble)?;
    let answerer: http::Answerer = Arc::new(move |call: Call| {
        let shared = shared.clone();
        Box::pin(async move {
            match (&call.method, call.path.as_str()) {
                (&Method::GET, "/proofs") => {
                    Reply::json(&*shared.proofs.lock().unwrap_or_else(PoisonError::into_inner))
                }
                _ => Reply::not_found(&call.path),
            }
        })
    });
    http::serve(listener, acceptor, answerer, stop).await;
    rounds.shutdown().await;
    Ok(())
}

/// Tells the control room what is new. Ends with the process; a room that was not reached hears everything later.
async fn tell_always(control: Endpoint, shared: Arc<Shared>) {
    let mut rounds = shared.rounds.subscribe();
    let mut told: BTreeMap<DoorId, (Epoch, Position, Timestamp)> = BTreeMap::new();
    loop {
        rounds.mark_unchanged();
        let doors: Proofs = {
            let proofs = shared.proofs.lock().unwrap_or_else(PoisonError::into_inner);
            let news = proofs
                .iter()
                .filter(|(door, proof)| told.get(*door) != Some(&(proof.epoch, proof.position, proof.at)));
            news.map(|(door, proof)| (door.clone(), proof.clone())).collect()
        };
        if !doors.is_empty() {
            let body = serde_json::to_vec(&Proven { doors: doors.clone() }).unwrap_or_default();
            match http::call(&control, Method::POST, "/proofs", body, TELL_WAIT).await {
                Ok(_) => told.extend(
                    doors
                        .into_iter()
                        .map(|(door, proof)| (door, (proof.epoch, proof.position, proof.at))),
                ),
                Err(error) => {
                    tracing::debug!(%error, "the control room does not hear the prober");
                    tokio::time::sleep(TELL_AGAIN).await;
                    continue;
                }
            }
        }
        if rounds.changed().await.is_err() {
            return;
        }
    }
}

/// What is needed to try a door.
struct Known {
    mailbox: String,
    password: Zeroizing<String>,
    mark: Option<String>,
}

/// The rounds at one door process.
struct Round {
    control: Endpoint,
    fronts: Fronts,
    accounts: Arc<BTreeMap<DoorId, Known>>,
    shared: Arc<Shared>,
    every: Duration,
}

impl Round {
    /// Looks, tries, tells, for as long as the process lives. Cancelling closes the sessions and nothing else.
    async fn go_always(self) {
        let mut standing: BTreeMap<DoorId, Standing> = BTreeMap::new();
        let mut rounds = tokio::time::interval(self.every);
        rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            rounds.tick().await;
            let status: Result<StatusReply, _> = http::call_json(
                &self.control,
                Method::GET,
                "/status",
                Vec::new(),
                Duration::from_secs(5),
            )
            .await;
            match status {
                Ok(status) => self.look(&status.doors, &mut standing, Instant::now()).await,
                Err(error) => tracing::warn!(%error, "door process not reached"),
            }
        }
    }

    /// Tries every door that changed since it was tried last or was left alone long enough, all at once.
    async fn look(&self, doors: &[DoorLine], standing: &mut BTreeMap<DoorId, Standing>, now: Instant) {
        let mut tries = tokio::task::JoinSet::new();
        for line in doors {
            let Some(account) = self.accounts.get(&line.door) else {
                continue;
            };
            if line.until.is_some() {
                // Limited or emergency operation: which flows it grants is not told here, so nothing can be said to leak.
                // Not measured is not proven, and not failed either.
                standing.remove(&line.door);
                continue;
            }
            let known = self
                .shared
                .proofs
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get(&line.door)
                .filter(|proof| proof.epoch == line.epoch && proof.position == line.position)
                .cloned();
            let proven = known.as_ref().is_some_and(|proof| proof.failures.is_empty());
            // What old sessions showed at this epoch stays shown when the door is tried again.
            let shown = known.map_or(0, |proof| proof.old_sessions);
            let old = standing.remove(&line.door).unwrap_or_default();
            if proven && old.is_settled(line.position, now) {
                standing.insert(line.door.clone(), old);
                continue;
            }
            let attempt = Attempt {
                fronts: self.fronts.clone(),
                mailbox: account.mailbox.clone(),
                password: account.password.clone(),
                mark: account.mark.clone(),
                position: line.position,
            };
            let line = line.clone();
            tries.spawn(async move {
                let began = Instant::now();
                let (failures, old_sessions, kept) = attempt.make(old).await;
                let proof = Proof {
                    epoch: line.epoch,
                    position: line.position,
                    at: clock::now(),
                    failures,
                    old_sessions: old_sessions.max(shown),
                    millis: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
                };
                (line.door, proof, kept)
            });
        }
        while let Some(done) = tries.join_next().await {
            let Ok((door, proof, kept)) = done else { continue };
            if proof.position != Position::Open && !proof.failures.is_empty() {
                tracing::error!(%door, failures = ?proof.failures, "a closed door is not proven");
            }
            standing.insert(door.clone(), kept);
            self.shared
                .proofs
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(door, proof);
            self.shared
                .rounds
                .send_modify(|rounds| *rounds = rounds.wrapping_add(1));
        }
    }
}

#[cfg(test)]
mod tests;
