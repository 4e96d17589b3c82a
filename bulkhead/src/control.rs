//! The control room's process, as far as the spine needs it: keeps the authority log, has its checkpoints co-signed by
//! the witnesses, and lets doors follow. It decides nothing: whatever it appends, each door judges for itself.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use clearance::{NONCE_KIND, NonceEntry, STATEMENT_KIND, WITNESSED_KIND, authority_origin};
use hyper::Method;
use ledger::Ledger;
use record::{Draft, LogKey, Note, witness::AddCheckpoint};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use vocabulary::{Digest, Envelope, EstateId, PayloadType, Seconds, Timestamp, WitnessId};

use crate::{
    authority_wire::{Appended, Piece, StoreHead},
    clock, command, endpoints, files,
    http::{self, Call, Endpoint, Reply},
    keys,
    report::{Code, Trouble},
    tls, witness,
};

/// Most bytes of encoded entries in one answer; the caller asks again for the rest.
const PIECE_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Longest wait of one long poll.
const POLL_SECS_MAX: u64 = 20;
/// How long a witness may take before a checkpoint goes out without it.
const WITNESS_WAIT: Duration = Duration::from_secs(5);

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

struct Room {
    ledger: Mutex<Ledger>,
    key: LogKey,
    /// Length of the log; changes wake followers and the cosigner.
    len: watch::Sender<u64>,
    /// Newest co-signed checkpoint.
    cosigned: watch::Sender<Option<Published>>,
    witnesses: BTreeMap<WitnessId, Endpoint>,
    /// The latest head of each door store's ledger that it told us, kept on disk: a store that comes back with less was
    /// put back from an old copy.
    heads: Mutex<Heads>,
    heads_path: PathBuf,
}

/// Heads of door stores, by store.
type Heads = BTreeMap<Digest, record::Head>;

/// A co-signed checkpoint as it was published. One of the same size with more signatures is another publication.
#[derive(Clone)]
struct Published {
    serial: u64,
    size: u64,
    note: String,
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
    let cosigner = tokio::spawn(cosign_always(room.clone(), len_seen));
    let recoveries = tokio::spawn(witness_recoveries(room));
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

fn read_heads(path: &Path) -> Result<Heads, Trouble> {
    let name = path.display();
    let wrong = |error: Box<dyn std::error::Error + Send + Sync>| {
        Trouble::because(
            Code::Files,
            format!("{name} ist nicht lesbar. / Cannot read {name}."),
            error,
        )
    };
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| wrong(error.into())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Heads::new()),
        Err(error) => Err(wrong(error.into())),
    }
}

/// Keeps the longest head a store told. A shorter one is not kept: it may be the old copy we are here to notice.
fn remember_head(room: &Room, told: StoreHead) -> Reply {
    let mut heads = room.heads.lock().unwrap_or_else(PoisonError::into_inner);
    if heads
        .get(&told.store)
        .is_some_and(|known| known.len >= told.head.len)
    {
        return Reply::json(&());
    }
    heads.insert(told.store, told.head);
    let written = serde_json::to_vec(&*heads)
        .map_err(std::io::Error::other)
        .and_then(|bytes| files::write_private(&room.heads_path, &bytes));
    match written {
        Ok(()) => Reply::json(&()),
        Err(error) => Reply::refuse(507, &format!("Nicht gespeichert: {error}. / Not kept: {error}.")),
    }
}

/// Appends and answers only after the sync.
fn append<T: serde::Serialize>(room: &Room, kind: &str, content: &T) -> Reply {
    match serde_json::to_vec(content) {
        Ok(body) => append_raw(room, kind, body),
        Err(_) => Reply::refuse(500, "Nicht darstellbar. / Cannot be written."),
    }
}

fn append_raw(room: &Room, kind: &str, body: Vec<u8>) -> Reply {
    let Ok(kind) = kind.parse() else {
        return Reply::refuse(500, "Nicht darstellbar. / Cannot be written.");
    };
    let draft = Draft {
        kind,
        at: clock::now(),
        body,
    };
    let appended = room
        .ledger
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .append(&[draft]);
    match appended {
        Ok(range) => {
            room.len.send_replace(range.end);
            Reply::json(&Appended { index: range.start })
        }
        Err(error) => Reply::refuse(507, &error.to_string()),
    }
}

/// Answers `/log?from=N&seen=M&wait=S`: entries from N on and the newest co-signed checkpoint; waits up to S seconds
/// while there is neither an entry nor a publication after number M.
async fn follow(room: &Room, call: &Call) -> Reply {
    let number = |name: &str| call.query_value(name).and_then(|text| text.parse::<u64>().ok());
    let (from, seen) = (number("from").unwrap_or(0), number("seen").unwrap_or(0));
    let wait = Duration::from_secs(number("wait").unwrap_or(0).min(POLL_SECS_MAX));
    let (mut len, mut cosigned) = (room.len.subscribe(), room.cosigned.subscribe());
    let news = async {
        tokio::select! {
            _ = len.wait_for(|len| *len > from) => {}
            _ = cosigned.wait_for(|noted| noted.as_ref().is_some_and(|published| published.serial > seen)) => {}
        }
    };
    let _timed_out = tokio::time::timeout(wait, news).await;
    match piece(room, from) {
        Ok(piece) => Reply::json(&piece),
        Err(error) => Reply::refuse(500, &error.to_string()),
    }
}

fn piece(room: &Room, from: u64) -> Result<Piece, ledger::Error> {
    let published = room.cosigned.borrow().clone();
    let serial = published.as_ref().map_or(0, |published| published.serial);
    let mut piece = Piece {
        from,
        entries: Vec::new(),
        checkpoint: published.map(|published| published.note),
        serial,
    };
    let ledger = room.ledger.lock().unwrap_or_else(PoisonError::into_inner);
    if from >= ledger.head().len {
        return Ok(piece);
    }
    let mut bytes = 0;
    for entry in ledger.read(from)? {
        let entry = entry?;
        bytes += entry.body.len();
        piece.push(&entry)?;
        if bytes > PIECE_BYTES_MAX {
            break;
        }
    }
    Ok(piece)
}

/// Has every new length co-signed. A failed round is repeated on the next change or after a second, for ever: a
/// missing witness is somebody else's outage and must not end ours.
async fn cosign_always(room: Arc<Room>, mut len: watch::Receiver<u64>) {
    let mut known: BTreeMap<WitnessId, u64> = BTreeMap::new();
    loop {
        let size = *len.borrow_and_update();
        let done = size == 0 || cosign_once(&room, &mut known).await;
        let again = Duration::from_secs(1);
        tokio::select! {
            changed = len.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(again), if !done => {}
        }
    }
}

/// One round: true when every witness has signed the head.
async fn cosign_once(room: &Room, known: &mut BTreeMap<WitnessId, u64>) -> bool {
    let signed = {
        let mut ledger = room.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        // The log may have grown since we were woken; then this round signs the newer head.
        let size = ledger.head().len;
        ledger.checkpoint(&room.key).map(|note| (size, note))
    };
    let (size, mut note) = match signed {
        Ok(signed) => signed,
        Err(error) => {
            tracing::error!(%error, "checkpoint could not be written");
            return false;
        }
    };
    let mut asked = tokio::task::JoinSet::new();
    for (id, endpoint) in &room.witnesses {
        let old = known.get(id).copied().unwrap_or(0);
        let proof = room
            .ledger
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .consistency_proof(old, size);
        let Ok(proof) = proof else { continue };
        let request = AddCheckpoint {
            old,
            proof,
            note: note.clone(),
        };
        let (id, endpoint) = (id.clone(), endpoint.clone());
        asked.spawn(async move { (id, witness::ask(&endpoint, &request, WITNESS_WAIT).await) });
    }
    let mut signatures = 0;
    while let Some(answered) = asked.join_next().await {
        let Ok((id, answer)) = answered else { continue };
        match answer {
            Ok(witness::Answer::Cosigned(lines)) => {
                known.insert(id, size);
                if lines.into_iter().try_for_each(|line| note.add(line)).is_ok() {
                    signatures += 1;
                }
            }
            Ok(witness::Answer::KnowsSize(known_size)) => {
                known.insert(id, known_size);
            }
            Err(error) => tracing::warn!(witness = %id, %error, "witness did not cosign"),
        }
    }
    if signatures > 0 {
        if let Err(error) = room
            .ledger
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .keep_cosigned(&note)
        {
            tracing::error!(%error, "co-signed checkpoint could not be kept");
        }
        publish(room, size, &note);
    }
    signatures == room.witnesses.len()
}

/// How often the log is looked over for recoveries of an insurer's section, which wait for witnessed time.
const RECOVERY_LOOK: Duration = Duration::from_secs(60);
/// How long a recovery in the log is followed: the charter's waiting time and a day for late witnesses.
const RECOVERY_FOLLOWED: Seconds = Seconds(3 * 86_400);
/// How often a followed recovery gets a witnessed entry.
const RECOVERY_EVERY: Seconds = Seconds(3_600);

/// Records co-signed checkpoints as entries while a recovery waits: only such an entry lets its wait begin and end, and
/// lets every replica agree on when. Ends with the process; the next one looks the log over again.
async fn witness_recoveries(room: Arc<Room>) {
    let mut looked_at = 0;
    let mut waiting_until = Timestamp(i64::MIN);
    let mut last = Timestamp(i64::MIN);
    let mut looks = tokio::time::interval(RECOVERY_LOOK);
    loop {
        looks.tick().await;
        let now = clock::now();
        match newest_recovery(&room, looked_at) {
            Ok((len, found)) => {
                looked_at = len;
                waiting_until =
                    waiting_until.max(found.map_or(Timestamp(i64::MIN), |at| at.plus(RECOVERY_FOLLOWED)));
            }
            Err(error) => tracing::error!(%error, "the authority log cannot be looked over for recoveries"),
        }
        let note = room
            .cosigned
            .borrow()
            .as_ref()
            .map(|published| published.note.clone());
        if let Some(note) = note
            && now <= waiting_until
            && last.plus(RECOVERY_EVERY) <= now
        {
            last = now;
            append_raw(&room, WITNESSED_KIND, note.into_bytes());
        }
    }
}

/// Where the log ends, and when the newest section change in it from `from` on was appended.
fn newest_recovery(room: &Room, from: u64) -> Result<(u64, Option<Timestamp>), ledger::Error> {
    let ledger = room.ledger.lock().unwrap_or_else(PoisonError::into_inner);
    let mut newest = None;
    for entry in ledger.read(from)? {
        let entry = entry?;
        let is_section = entry.kind.as_str() == STATEMENT_KIND
            && serde_json::from_slice::<Envelope>(&entry.body)
                .is_ok_and(|envelope| envelope.payload_type == PayloadType::CharterSection);
        if is_section {
            newest = Some(entry.at);
        }
    }
    Ok((ledger.head().len, newest))
}

/// Keeps the newest checkpoint, and of two of one size the one that came later with more signatures.
fn publish(room: &Room, size: u64, note: &Note) {
    let text = note.to_string();
    room.cosigned.send_if_modified(|newest| {
        let better = newest
            .as_ref()
            .is_none_or(|old| old.size < size || (old.size == size && old.note.len() < text.len()));
        if better {
            let serial = newest.as_ref().map_or(1, |old| old.serial.saturating_add(1));
            *newest = Some(Published {
                serial,
                size,
                note: text,
            });
        }
        better
    });
}
