//! The control room's process: keeps the authority log, has its checkpoints co-signed by the witnesses, and lets doors
//! follow. It decides nothing: whatever it appends, each door judges for itself.

mod authority;
mod cosign;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use clearance::{NONCE_KIND, NonceEntry, STATEMENT_KIND, authority_origin};
use hyper::Method;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use vocabulary::{Digest, Envelope, EstateId, WitnessId};

use self::authority::{Room, append, follow, read_heads, remember_head};
use crate::{
    authority_wire::StoreHead,
    command, endpoints,
    http::{self, Call, Endpoint, Reply},
    keys,
    report::{Code, Trouble},
    tls,
};

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
    /// Where to write the addresses that were really opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<PathBuf>,
}

/// Runs until a signal.
///
/// # Errors
/// [`Trouble`] when the log or the listener cannot be opened.
pub async fn run(config: Config, stop: watch::Receiver<bool>) -> Result<(), Trouble> {
    let identity = config.tls.as_deref().map(command::identity).transpose()?;
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
        .as_ref()
        .map(tls::Identity::connector)
        .transpose()
        .map_err(command::tls_trouble)?;
    let witnesses = config
        .witnesses
        .into_iter()
        .map(|(id, address)| {
            (
                id,
                Endpoint {
                    address,
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
    });
    let listener = command::listen(config.listen, identity.is_some()).await?;
    endpoints::publish(config.endpoints.as_deref(), &[("control", &listener)])?;
    let acceptor = identity
        .as_ref()
        .map(tls::Identity::acceptor)
        .transpose()
        .map_err(command::tls_trouble)?;
    let answering = room.clone();
    let answerer: http::Answerer = Arc::new(move |call| {
        let room = answering.clone();
        Box::pin(async move { answer(&room, call).await })
    });
    // The cosigner ends with the process: it holds nothing that is not in the log.
    let cosigner = tokio::spawn(cosign::cosign_always(room.clone(), len_seen));
    let recoveries = tokio::spawn(cosign::witness_recoveries(room));
    http::serve(listener, acceptor, answerer, stop).await;
    cosigner.abort();
    recoveries.abort();
    Ok(())
}

async fn answer(room: &Room, call: Call) -> Reply {
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
        (&Method::POST, "/head") => match call.json::<StoreHead>() {
            Ok(told) => remember_head(room, told),
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
