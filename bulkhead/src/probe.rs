//! The prober: a process of its own that tries to get through every door the way its users would, on new connections
//! and on ones that were open before. Only its failure makes a position *proven*; only what it measured is told.
//!
//! Per mailbox and door process it holds one logged-in fetch session and one logged-in submission session, and per door
//! one intake session, while the doors are Open, and asks them from time to time whether they live. When a door says it
//! is closed, the sessions of its mailbox must be dead, a new login on both fronts must be turned away, intake must
//! answer for this door as the position says, in the old session and on a new connection, and the responders' way in (the
//! control listener) must work on a new connection. Logins are tried once for all doors of a mailbox that closed
//! together, because the fronts decide them so: a mailbox passes only while every one of its doors does. Intake is tried
//! for each door, up to the end of a mail's header, which decides the cell, and never to the end of a mail: no probe
//! becomes an item. What it cannot see from outside, the forwarding of stored mail, it does not vouch for.

mod intake;
mod line;
mod round;
mod session;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hyper::Method;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use vocabulary::{DoorId, Epoch, Flow, Position, Timestamp};
use zeroize::Zeroizing;

use self::{
    round::{Known, Round},
    session::Fronts,
};
use crate::{
    command,
    control_wire::Proven,
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
    /// What of it got through although it must not.
    #[serde(default)]
    pub leaks: Vec<String>,
    /// Attempts in a row that found something getting through.
    #[serde(default)]
    pub leaking: u32,
    /// At a closed door: the flows that must not pass and were tried. A proof says nothing about others.
    #[serde(default)]
    pub covers: BTreeSet<Flow>,
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
