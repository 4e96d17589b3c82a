//! A witness's process and how to ask one: C2SP `tlog-witness`, `POST /add-checkpoint`.
//!
//! A witness belongs to an insurer or another outsider and runs outside the estate. It signs a head only after it has
//! written down that it did, so that a power cut cannot make it sign two histories.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hyper::Method;
use record::{
    KeyName, Origin, SignatureLine, VerifierKey, WitnessKey,
    witness::{AddCheckpoint, Logs, Refused, State, decide},
};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::{
    clock, command, endpoints, files,
    http::{self, Call, CallError, Endpoint, Reply},
    keys,
    report::{Code, Trouble},
    tls,
};

/// `witness.toml`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The witness's name, as in its key.
    pub name: String,
    /// Folder of its key and of what it signed last.
    pub dir: PathBuf,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Folder with `ca.pem`, `cert.pem`, `key.pem`; needed outside loopback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<PathBuf>,
    /// The logs it watches, each with the keys it trusts to speak for it.
    pub logs: BTreeMap<Origin, Vec<String>>,
    /// Where to write the address that was really opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<PathBuf>,
}

struct Witness {
    key: WitnessKey,
    logs: Logs,
    state: Mutex<State>,
    dir: PathBuf,
}

/// Runs until a signal.
///
/// # Errors
/// [`Trouble`] when the key, the state or the listener cannot be opened.
pub async fn run(config: Config, stop: watch::Receiver<bool>) -> Result<(), Trouble> {
    let name = KeyName::new(&config.name).map_err(|error| {
        Trouble::because(
            Code::Config,
            "Der Name des Zeugen ist nicht brauchbar. / The witness's name is not usable.",
            error,
        )
    })?;
    let identity = config.tls.as_deref().map(command::identity).transpose()?;
    let witness = Arc::new(Witness {
        key: keys::witness_key(&config.dir.join("witness.key"), &name)?,
        logs: logs(&config.logs)?,
        state: Mutex::new(read_state(&config.dir)?),
        dir: config.dir,
    });
    let listener = command::listen(config.listen, identity.is_some()).await?;
    endpoints::publish(config.endpoints.as_deref(), &[("witness", &listener)])?;
    let acceptor = identity
        .as_ref()
        .map(tls::Identity::acceptor)
        .transpose()
        .map_err(command::tls_trouble)?;
    let answerer: http::Answerer = Arc::new(move |call| {
        let witness = witness.clone();
        Box::pin(async move { witness.answer(&call) })
    });
    http::serve(listener, acceptor, answerer, stop).await;
    Ok(())
}

fn logs(named: &BTreeMap<Origin, Vec<String>>) -> Result<Logs, Trouble> {
    let read = |text: &String| {
        text.parse::<VerifierKey>().map_err(|error| {
            Trouble::because(
                Code::Keys,
                "Ein Protokollschlüssel ist nicht lesbar. / A log's key cannot be read.",
                error,
            )
        })
    };
    named
        .iter()
        .map(|(origin, keys)| Ok((origin.clone(), keys.iter().map(read).collect::<Result<_, _>>()?)))
        .collect()
}

fn state_path(dir: &Path) -> PathBuf {
    dir.join("state.json")
}

fn read_state(dir: &Path) -> Result<State, Trouble> {
    let path = state_path(dir);
    let name = path.display();
    let wrong = |error: Box<dyn std::error::Error + Send + Sync>| {
        Trouble::because(
            Code::Files,
            format!(
                "{name} ist nicht lesbar; ohne sein Gedächtnis darf der Zeuge nicht unterschreiben. / Cannot read {name}; without its memory a witness must not sign."
            ),
            error,
        )
    };
    match std::fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| wrong(error.into())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(State::default()),
        Err(error) => Err(wrong(error.into())),
    }
}

impl Witness {
    fn answer(&self, call: &Call) -> Reply {
        match (&call.method, call.path.as_str()) {
            (&Method::POST, "/add-checkpoint") => match AddCheckpoint::parse(&call.body) {
                Ok(request) => self.cosign(&request),
                Err(error) => Reply::text(400, format!("{error}\n")),
            },
            (&Method::GET, "/key") => Reply::text(200, format!("{}\n", self.key.verifier())),
            _ => Reply::not_found(&call.path),
        }
    }

    /// Decides, writes down, then signs.
    fn cosign(&self, request: &AddCheckpoint) -> Reply {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let step = match decide(&state, &self.logs, request, clock::now()) {
            Ok(step) => step,
            Err(refused) => return self.refuse(&refused),
        };
        let mut kept = state.clone();
        kept.keep(&step);
        let written = serde_json::to_vec(&kept)
            .map_err(std::io::Error::other)
            .and_then(|bytes| files::write_private(&state_path(&self.dir), &bytes));
        if let Err(error) = written {
            return Reply::text(503, format!("the state cannot be written: {error}\n"));
        }
        *state = kept;
        match step.cosign(&state, &self.key) {
            Some(line) => Reply::text(200, format!("{line}\n")),
            None => Reply::text(500, "the state was not kept\n".to_owned()),
        }
    }

    fn refuse(&self, refused: &Refused) -> Reply {
        if let Some(evidence) = refused.evidence() {
            self.keep_evidence(evidence);
        }
        match refused {
            Refused::Stale { size } => Reply {
                status: 409,
                content_type: "text/x.tlog.size",
                body: format!("{size}\n").into_bytes(),
            },
            Refused::Checkpoint(_)
            | Refused::UnknownLog(_)
            | Refused::NotSigned(_)
            | Refused::OldLarger { .. }
            | Refused::Forked { .. }
            | Refused::Unproven { .. }
            | Refused::ClockBehind { .. } => Reply::text(refused.status(), format!("{refused}\n")),
        }
    }

    /// Two notes a log should never both have signed are kept for ever, under the digest of their content.
    fn keep_evidence(&self, evidence: &record::witness::Evidence) {
        let Ok(bytes) = serde_json::to_vec_pretty(evidence) else {
            return;
        };
        let path = self
            .dir
            .join("evidence")
            .join(format!("{}.json", vocabulary::Digest::of(&bytes)));
        if let Err(error) = files::write_private(&path, &bytes) {
            tracing::error!(%error, "evidence of a forked log could not be kept");
        }
    }
}

/// What a witness answered.
#[derive(Debug)]
pub enum Answer {
    /// It signed.
    Cosigned(Vec<SignatureLine>),
    /// It signed a head of this size last; ask again with a proof from there.
    KnowsSize(u64),
}

/// Asks a witness to sign a head. Safe to repeat and to cancel.
///
/// # Errors
/// [`CallError`] when it cannot be reached or refuses.
pub async fn ask(endpoint: &Endpoint, request: &AddCheckpoint, wait: Duration) -> Result<Answer, CallError> {
    let garbled = |what: String| CallError::Garbled {
        address: endpoint.address,
        what,
    };
    let body = request.to_string().into_bytes();
    match http::call(endpoint, Method::POST, "/add-checkpoint", body, wait).await {
        Ok(bytes) => {
            let text = String::from_utf8(bytes).map_err(|error| garbled(error.to_string()))?;
            let lines = text
                .lines()
                .map(str::parse)
                .collect::<Result<Vec<SignatureLine>, _>>();
            lines
                .map(Answer::Cosigned)
                .map_err(|error| garbled(error.to_string()))
        }
        Err(CallError::Refused {
            status: 409,
            sentence,
        }) => match sentence.trim().parse() {
            Ok(size) => Ok(Answer::KnowsSize(size)),
            Err(_) => Err(CallError::Refused {
                status: 409,
                sentence,
            }),
        },
        Err(error) => Err(error),
    }
}
