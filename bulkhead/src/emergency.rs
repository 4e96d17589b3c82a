//! An emergency environment for sick notes: reads what doors hold for insurers that agreed, opens it with its own
//! identity, files every original durably and once, works on it, lets released answers out, and at the end hands back an
//! index of everything it did.
//!
//! - It stands outside the contained estate and is cleared by its own clearance; what it may read, a door says at each
//!   request. It never asks a door to move anything.
//! - **Once.** An item is filed when an entry of its own log names it; the position in a key epoch is the last item filed,
//!   so a death at any moment repeats what was not filed and nothing else.
//! - **Nothing is skipped.** A key epoch whose key is missing waits; other epochs go on, and the count of what waits is
//!   told. An item that cannot be opened is filed as such.
//! - Originals lie here as they came, which for KIM is encrypted to the insurer. What is logged names cells, items and
//!   digests, and nobody.

pub mod config;
mod door;
mod fetch;
mod hand_back;
pub mod outbox;
mod pack;
pub mod store;
pub mod work;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use age::x25519;
use spool::{ItemId, KeyEpoch, ReleasedKeys};
use tokio::{sync::watch, task::JoinSet};
use vocabulary::CellId;
use zeroize::Zeroizing;

pub use config::Config;

use self::{door::Door, fetch::Taken, store::Store};
use crate::{
    command,
    emergency_wire::{GrantedCell, Grants},
    files,
    http::CallError,
    report::{Code, Trouble},
};

/// Longest wait for news from a door.
const WAIT_SECS: u64 = 5;
/// Wait after a door could not be reached or refused.
const AGAIN: Duration = Duration::from_millis(500);
/// Shortest time between two words about how far it is.
const TELL_EVERY: Duration = Duration::from_millis(250);
/// Shortest time between two looks at a door that has news all the time.
const BREATH: Duration = Duration::from_millis(50);

/// Runs until a signal.
///
/// # Errors
/// [`Trouble`] when store, key or certificate cannot be used, and when the store fails while it runs: what cannot be filed
/// must not be taken.
pub async fn run(config: Config, mut stop: watch::Receiver<bool>) -> Result<(), Trouble> {
    let identity = Arc::new(read_identity(&config)?);
    let mut desks = BTreeMap::new();
    for desk in &config.desks {
        desks.insert(desk.cell.clone(), work::Desk::open(desk)?);
    }
    let store = Arc::new(Store::open(&config.dir, &config.environment)?.with_desks(desks));
    tracing::info!(filed = store.progress().filed, environment = %config.environment, "emergency environment");
    let connector = command::identity(&config.tls)?
        .connector()
        .map_err(command::tls_trouble)?;
    let mut tasks: JoinSet<Result<(), Trouble>> = JoinSet::new();
    let doors: Vec<Arc<Door>> = config
        .doors
        .iter()
        .map(|address| Arc::new(Door::new(*address, connector.clone(), config.environment.clone())))
        .collect();
    tasks.spawn(work_always(store.clone()));
    tasks.spawn(tell_always(config.dir.join("status.json"), store.clone()));
    tasks.spawn(outbox::hand_out_always(
        config.dir.join("outbox"),
        doors.clone(),
        store.clone(),
    ));
    for door in doors {
        let (store, identity) = (store.clone(), identity.clone());
        tasks.spawn(read_always(door, store, identity, config.dir.join("index")));
    }
    let ended = tokio::select! {
        ended = tasks.join_next() => ended,
        _ = stop.wait_for(|stop| *stop) => None,
    };
    // Whatever was filed is on disk; whatever was not is read again.
    tasks.shutdown().await;
    match ended {
        Some(Ok(Err(trouble))) => Err(trouble),
        Some(Err(error)) => Err(Trouble::because(
            Code::Files,
            "Ein Teil des Notbetriebs brach ab. / A part of the emergency environment broke down.",
            error,
        )),
        Some(Ok(Ok(()))) | None => Ok(()),
    }
}

/// The age identity the insurers' consents name.
fn read_identity(config: &Config) -> Result<Zeroizing<String>, Trouble> {
    let name = config.identity.display();
    let wrong = |error: Box<dyn std::error::Error + Send + Sync>| {
        Trouble::because(
            Code::Keys,
            format!(
                "Der Schlüssel der Notumgebung {name} ist nicht lesbar. / The emergency environment's key {name} cannot be read."
            ),
            error,
        )
    };
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(&config.identity)
        .map_err(|error| wrong(error.into()))?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        return Err(wrong(
            "andere dürfen ihn lesen (chmod 600) / others may read it (chmod 600)".into(),
        ));
    }
    let text =
        Zeroizing::new(std::fs::read_to_string(&config.identity).map_err(|error| wrong(error.into()))?);
    let line = text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with('#'))
        .ok_or_else(|| wrong("leer / empty".into()))?;
    let _checked: x25519::Identity = line.parse().map_err(|why: &str| wrong(why.into()))?;
    Ok(Zeroizing::new(line.to_owned()))
}

/// Works on what was filed, oldest first. Ends only when the store fails.
async fn work_always(store: Arc<Store>) -> Result<(), Trouble> {
    let mut filed = store.changes();
    loop {
        filed.borrow_and_update();
        let working = store.clone();
        let worked = tokio::task::spawn_blocking(move || working.work()).await;
        let more = worked.map_err(|error| store::broken(Box::new(error)))??;
        if !more && filed.changed().await.is_err() {
            return Ok(());
        }
    }
}

/// Says in a file how far it is, whenever that changed, at most once per breath. Ends only when the file cannot be written.
async fn tell_always(path: std::path::PathBuf, store: Arc<Store>) -> Result<(), Trouble> {
    let mut changes = store.changes();
    loop {
        changes.borrow_and_update();
        let text = serde_json::to_vec(&store.progress()).map_err(|error| store::broken(error.into()))?;
        files::write_private(&path, &text).map_err(|error| store::broken(error.into()))?;
        tokio::time::sleep(TELL_EVERY).await;
        if changes.changed().await.is_err() {
            return Ok(());
        }
    }
}

/// What is known of the key epochs at one door.
#[derive(Default)]
struct Epochs {
    /// Epochs that were read to their end after a younger one had begun: nothing is ever added to them.
    over: BTreeMap<CellId, Vec<KeyEpoch>>,
    /// How much waits for a key, as told last.
    locked: BTreeMap<CellId, u64>,
}

/// Reads whatever one door process grants. Ends only when the store fails.
async fn read_always(
    door: Arc<Door>,
    store: Arc<Store>,
    identity: Arc<Zeroizing<String>>,
    index: std::path::PathBuf,
) -> Result<(), Trouble> {
    let mut epochs = Epochs::default();
    let mut told = None;
    let mut wait = 0;
    loop {
        match door.grants(wait).await {
            Ok(grants) => {
                told = None;
                let mut taken = 0;
                for cell in &grants.cells {
                    taken += read_cell(&door, &store, &identity, cell, &mut epochs).await?;
                }
                hand_back::hand_back(&door, &store, &grants, &index).await?;
                wait = if taken > 0 { 0 } else { WAIT_SECS };
                tokio::time::sleep(BREATH).await;
            }
            Err(error) => {
                let said = error.to_string();
                if told.as_ref() != Some(&said) {
                    tracing::warn!(%error, "a door process does not let us read");
                    told = Some(said);
                }
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

/// Reads one cell as far as keys reach; says how many items were filed.
async fn read_cell(
    door: &Arc<Door>,
    store: &Arc<Store>,
    identity: &Arc<Zeroizing<String>>,
    granted: &GrantedCell,
    epochs: &mut Epochs,
) -> Result<u64, Trouble> {
    let cell = &granted.cell;
    let (wrapped, identity) = (granted.keys.clone(), identity.clone());
    let opened = tokio::task::spawn_blocking(move || ReleasedKeys::unwrap(&wrapped, &identity)).await;
    let keys = match opened {
        Ok(Ok(keys)) => Arc::new(keys),
        Ok(Err(error)) => {
            tracing::warn!(%cell, %error, "keys of a cell cannot be used");
            return Ok(0);
        }
        Err(error) => return Err(store::broken(Box::new(error))),
    };
    let has = keys.epochs();
    let mut taken = 0;
    for (number, epoch) in granted.epochs.iter().enumerate() {
        let over = epochs.over.entry(cell.clone()).or_default();
        if over.contains(epoch) || !has.contains(epoch) {
            continue;
        }
        let (count, ended) = read_epoch(door, store, &keys, cell, *epoch).await?;
        taken += count;
        let is_youngest = number + 1 == granted.epochs.len();
        if ended && !is_youngest {
            over.push(*epoch);
        }
    }
    tell_locked(door, granted, &has, epochs).await;
    Ok(taken)
}

/// Reads one key epoch to its present end. Says how many items were filed, and whether the end was reached.
async fn read_epoch(
    door: &Arc<Door>,
    store: &Arc<Store>,
    keys: &Arc<ReleasedKeys>,
    cell: &CellId,
    epoch: KeyEpoch,
) -> Result<(u64, bool), Trouble> {
    let mut count = 0;
    loop {
        let after: Option<ItemId> = store.position(cell, epoch);
        let answer = match door.read(cell, epoch, after).await {
            Ok(answer) => answer,
            Err(error) => {
                tracing::info!(%cell, %error, "a cell is not read now");
                return Ok((count, false));
            }
        };
        let (store, keys, cell) = (store.clone(), keys.clone(), cell.clone());
        let taking = move || fetch::take_in(answer, &store, &keys, &cell, epoch);
        let taken = tokio::task::spawn_blocking(taking)
            .await
            .map_err(|error| store::broken(Box::new(error)))??;
        match taken {
            Taken::Whole { filed: 0, seen: 0 } => return Ok((count, true)),
            Taken::Whole { filed, .. } => count += filed,
            Taken::BrokenOff { filed } => return Ok((count + filed, false)),
        }
    }
}

/// Says, once per change, how much waits for keys the insurer has not wrapped again.
async fn tell_locked(
    door: &Door,
    granted: &GrantedCell,
    has: &std::collections::BTreeSet<KeyEpoch>,
    epochs: &mut Epochs,
) {
    if granted.epochs.iter().all(|epoch| has.contains(epoch)) {
        epochs.locked.remove(&granted.cell);
        return;
    }
    let Ok(counts) = door.counts(&granted.cell).await else {
        return;
    };
    let locked = counts
        .epochs
        .iter()
        .filter(|(epoch, _)| !has.contains(epoch))
        .map(|(_, count)| count)
        .sum();
    if epochs.locked.insert(granted.cell.clone(), locked) != Some(locked) && locked > 0 {
        let cell = &granted.cell;
        tracing::warn!(%cell, locked, "items wait for keys that the insurer has not wrapped again");
    }
}

/// Whether a door grants anything at a cell.
fn grants_cell(grants: &Grants, cell: &CellId) -> bool {
    grants.cells.iter().any(|granted| granted.cell == *cell)
}

/// A call that somebody must look at, as opposed to one that works later.
fn is_final(error: &CallError) -> bool {
    match error {
        CallError::Refused { status, .. } => matches!(status, 400 | 404 | 413 | 422),
        CallError::Unreached { .. } | CallError::Garbled { .. } => false,
    }
}
