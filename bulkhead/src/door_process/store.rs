//! The spool of a door process and the keys to what it holds.
//!
//! While a door is closed for a reason, the keys of its cell are destroyed, and of no other cell: what is stored then
//! exists for nobody but the insurer. They come back with the insurer's consent, wrapped to this door's own age
//! identity.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use clearance::RewrappedKey;
use door::{Gate, View, Why};
use serde::Serialize;
use spool::{
    About, Entropy, ItemId, KeyEpoch, Recipient, ReleaseRecipients, ReleasedKeys, Spool, WrappedKey,
};
use tokio::{
    sync::{RwLock, watch},
    task::JoinSet,
    time::Instant,
};
use vocabulary::{CellId, Class, Digest, DoorId, Hasher, InsurerId, Position, TransitRule};
use zeroize::Zeroizing;

use super::Config;
use crate::{
    clock, files,
    http::{Call, Reply},
    report::{Code, Trouble},
};

/// How often what was accepted is committed to the spool's log.
const ROOTS: Duration = Duration::from_secs(1);
/// Items in one answer about where they are; the asker asks again from the last.
const STATES_MAX: u32 = 10_000;
/// How often kept copies of handed-over items are looked over, and stores that are down tried again.
const RECLAIM: Duration = Duration::from_secs(60);

/// The spool with the door's own identity.
pub struct Store {
    /// The spool.
    pub spool: Arc<Spool>,
    /// `AGE-SECRET-KEY-1…`: what an insurer's consent wraps keys to.
    identity: Zeroizing<String>,
    /// Its public half.
    recipient: String,
    gates: BTreeMap<DoorId, Gate>,
    /// How long a precautionary cut leaves the door's keys in place, so that a false alarm can be lifted without waking
    /// every insurer: the charter's window, as soon as the charter is known. A raised class ends it at once.
    caution: watch::Sender<Option<Duration>>,
    /// Shared while keys are destroyed, held alone while they are taken: whoever destroys looks at the door once more, and
    /// never at one that was opened, with its keys brought, in between.
    keys: RwLock<()>,
}

impl Store {
    /// Opens the spool and makes the door's own key where there is none yet.
    ///
    /// # Errors
    /// [`Trouble`] when the spool is damaged, in use, or its disk is gone.
    pub fn open(config: &Config, gates: &BTreeMap<DoorId, Gate>) -> Result<Self, Trouble> {
        let settings = spool::Config {
            dir: config.spool.dir.clone(),
            copies: config.spool.copies.clone(),
            when_copy_down: config.spool.when_copy_down,
            limits: config.spool.limits.clone(),
        };
        let wrong = |error: spool::Error| {
            let name = config.spool.dir.display();
            Trouble::because(
                Code::Spool,
                format!("Der Speicher {name} ist nicht zu öffnen. / The spool {name} cannot be opened."),
                error,
            )
        };
        let (spool, recovered) = Spool::open(settings, entropy()).map_err(wrong)?;
        tracing::info!(
            waiting = recovered.waiting,
            in_doubt = recovered.in_doubt,
            replayed = recovered.replayed,
            torn_bytes = recovered.torn_bytes,
            damaged = recovered.damage.len(),
            "spool open"
        );
        let identity = own_identity(&config.dir.join("door.age"))?;
        let recipient = recipient_of(&identity)?;
        for door in gates.keys() {
            spool.know_cell(door.cell());
        }
        Ok(Self {
            spool: Arc::new(spool),
            identity,
            recipient,
            gates: gates.clone(),
            caution: watch::Sender::new(None),
            keys: RwLock::new(()),
        })
    }

    /// Follows every door's view, each by itself: destroys the keys of its cell where a door is closed for a reason.
    /// Ends with the process; cancelling is safe, for a door that is contained at the next start destroys them then.
    pub async fn keep_keys_with_positions(self: Arc<Self>, gates: BTreeMap<DoorId, Gate>) {
        let mut watching = JoinSet::new();
        for (door, gate) in gates {
            watching.spawn(self.clone().keep_keys(door, gate));
        }
        let mut reclaim = tokio::time::interval(RECLAIM);
        let mut roots = tokio::time::interval(ROOTS);
        roots.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                ended = watching.join_next() => if ended.is_none() { return },
                _ = roots.tick() => self.log_roots().await,
                _ = reclaim.tick() => self.look_over().await,
            }
        }
    }

    /// Commits what was accepted to the spool's own log, at most one root per cell and second.
    async fn log_roots(&self) {
        if let Err(error) = self.spool.log_roots(clock::now()).await {
            tracing::error!(%error, "what was accepted could not be committed to the spool's log");
        }
    }

    /// Brings stores back that were down, and gives back the space of what was confirmed or kept long enough, but only
    /// while every door is Open: behind a closed door nothing expires.
    async fn look_over(&self) {
        if !self.spool.status().is_whole()
            && let Err(error) = self.spool.mend().await
        {
            tracing::error!(%error, "a copy of the spool is still down");
        }
        if self
            .gates
            .values()
            .any(|gate| gate.view().position != Position::Open)
        {
            return;
        }
        match self.spool.reclaim(clock::now()).await {
            Ok(0) => {}
            Ok(segments) => tracing::info!(segments, "space given back"),
            Err(error) => tracing::error!(%error, "space could not be given back"),
        }
    }

    async fn keep_keys(self: Arc<Self>, door: DoorId, gate: Gate) {
        let mut view = gate.watch();
        loop {
            let (why, handing_on) = {
                let view = view.borrow_and_update();
                (view.why, view.rules.forward == TransitRule::Pass)
            };
            match why {
                // Limited operation hands on what is stored; its keys go when it ends.
                Why::Restricted(_) if handing_on => {}
                Why::Restricted(Class::Containment) => self.destroy_if(&door, Class::Containment).await,
                Why::Restricted(Class::Precautionary) => {
                    if self.outlasts_caution(&mut view).await {
                        self.destroy_if(&door, Class::Precautionary).await;
                    } else if view.has_changed().is_err() {
                        return;
                    } else {
                        continue;
                    }
                }
                Why::Nothing => self.begin_own(&door).await,
                Why::NotFresh | Why::OwnerGone | Why::Restricted(Class::Maintenance) => {}
            }
            if view.changed().await.is_err() {
                return;
            }
        }
    }

    /// Waits until the window of a precautionary cut is over, or the door changes before. The window may become known,
    /// shorter or longer meanwhile; it is counted from when this process saw the cut.
    async fn outlasts_caution(&self, view: &mut watch::Receiver<View>) -> bool {
        let (began, mut caution) = (Instant::now(), self.caution.subscribe());
        loop {
            let end = caution.borrow_and_update().map(|window| began + window);
            let over = async {
                match end {
                    Some(end) => tokio::time::sleep_until(end).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                // Seen again by the caller, who also notices that the door is gone.
                _ = view.changed() => return false,
                _ = caution.changed() => {}
                () = over => return true,
            }
        }
    }

    /// How long a cut out of caution leaves keys in place, as the charter in force says.
    pub fn caution_lasts(&self, window: Duration) {
        self.caution
            .send_if_modified(|known| known.replace(window) != Some(window));
    }

    /// Destroys the keys of a door that is still closed for a reason of this class.
    async fn destroy_if(&self, door: &DoorId, class: Class) {
        let _none_brought = self.keys.read().await;
        let is_closed = self.gates.get(door).is_some_and(|gate| {
            let view = gate.view();
            view.why == Why::Restricted(class) && view.rules.forward == TransitRule::Stop
        });
        if is_closed {
            self.destroy(door.cell()).await;
        }
    }

    /// What comes in at an open door is the door's to hand on, also where no consent brought the keys to what lies here.
    async fn begin_own(&self, door: &DoorId) {
        let _alone = self.keys.write().await;
        let cell = door.cell();
        let is_open = self.gates.get(door).is_some_and(|gate| {
            let view = gate.view();
            view.why == Why::Nothing && view.rules.forward == TransitRule::Pass
        });
        if !is_open || self.spool.is_open(cell) || !self.spool.enrolled().contains(cell) {
            return;
        }
        let begun = match ReleasedKeys::unwrap(&[], &self.identity) {
            Ok(none) => self.spool.release(cell.clone(), none).await,
            Err(error) => Err(error),
        };
        if let Err(error) = begun {
            tracing::error!(%cell, %error, "no key of the door's own could be begun");
        }
    }

    /// Waits until no contained door of this process has its keys any more: each had its last key epoch begun then, so
    /// that whoever asks for the wrapped keys gets all of them.
    pub(super) async fn settle(&self) {
        for door in self.gates.keys().filter(|door| self.is_contained(door)) {
            if self.spool.is_open(door.cell()) {
                self.destroy_if(door, Class::Containment).await;
            }
        }
    }

    async fn destroy(&self, cell: &CellId) {
        if !self.spool.enrolled().contains(cell) {
            return;
        }
        if let Err(error) = self.spool.hold(cell.clone()).await {
            tracing::error!(%cell, %error, "the door's keys could not be destroyed");
        }
    }

    /// Doors of an insurer in this process.
    fn doors_of(&self, insurer: &InsurerId) -> impl Iterator<Item = &DoorId> {
        self.gates
            .keys()
            .filter(move |door| door.cell().insurer == *insurer)
    }

    /// Declares an insurer's release recipients for every cell it has here, as the charter in force names them.
    pub async fn enrol(&self, insurer: InsurerId, active: &str, recovery: &str) {
        let recipients = match (Recipient::new(active), Recipient::new(recovery)) {
            (Ok(active), Ok(recovery)) => ReleaseRecipients { active, recovery },
            (Err(error), _) | (_, Err(error)) => {
                tracing::error!(%insurer, %error, "release recipients of the charter are not usable");
                return;
            }
        };
        for door in self.doors_of(&insurer) {
            let cell = door.cell();
            if let Err(error) = self.spool.enrol(cell.clone(), recipients.clone()).await {
                tracing::error!(%cell, %error, "cell could not be declared to the spool");
            }
            // A new door stands contained before its cell is known to the spool: no view changes afterwards.
            if self.spool.is_open(cell) {
                self.destroy_if(door, Class::Containment).await;
            }
        }
    }

    /// Takes keys that consents brought, each for the cell of the door it names. Keys that are not for a door of this
    /// process are left alone, and so are those of a door that is contained after all.
    pub async fn take_keys(&self, keys: &[RewrappedKey]) {
        let mut by_door: BTreeMap<&DoorId, Vec<WrappedKey>> = BTreeMap::new();
        for key in keys.iter().filter(|key| self.gates.contains_key(&key.door)) {
            let cell = key.door.cell();
            let epoch = self
                .epochs(cell)
                .into_iter()
                .find(|(name, _)| *name == key.segment);
            if let (Some((_, epoch)), Ok(wrapped)) = (epoch, STANDARD.decode(&key.wrapped)) {
                by_door.entry(&key.door).or_default().push(WrappedKey {
                    epoch,
                    cell: cell.clone(),
                    wrapped,
                });
            }
        }
        let _alone = self.keys.write().await;
        for (door, wrapped) in by_door {
            let cell = door.cell();
            if self.is_contained(door) {
                continue;
            }
            let released = match ReleasedKeys::unwrap(&wrapped, &self.identity) {
                Ok(keys) => self.spool.release(cell.clone(), keys).await,
                Err(error) => Err(error),
            };
            if let Err(error) = released {
                tracing::error!(%cell, %error, "the insurer's keys could not be used");
            }
            // A cut that came while the keys were on their way destroyed nothing yet: there was nothing to destroy.
            if self.is_contained(door) {
                self.destroy(cell).await;
            }
        }
    }

    fn is_contained(&self, door: &DoorId) -> bool {
        self.gates.get(door).is_some_and(|gate| {
            let view = gate.view();
            view.why == Why::Restricted(Class::Containment) && view.rules.forward == TransitRule::Stop
        })
    }

    /// Key epochs of a cell under the names that statements use.
    pub(super) fn epochs(&self, cell: &CellId) -> Vec<(Digest, KeyEpoch)> {
        let named = |key: &WrappedKey| (self.segment(key.epoch), key.epoch);
        self.spool.wrapped_keys(cell).iter().map(named).collect()
    }

    /// The name of a key epoch in statements: unlike its number, unique across spools.
    fn segment(&self, epoch: KeyEpoch) -> Digest {
        let mut hasher = Hasher::new();
        hasher.update(b"bulkhead spool segment v1\0");
        hasher.update(self.spool.id().to_string().as_bytes());
        hasher.update(&epoch.0.to_be_bytes());
        hasher.finish()
    }

    /// Answers the questions about the spool: `/spool/status`, `/spool/states?after=ITEM`, `/spool/certificate`, `/spool/keys?insurer=…` (all its
    /// cells) or `/spool/keys?cell=insurer/service`, `/spool/recipient`.
    pub async fn answer(&self, call: &Call) -> Reply {
        match call.path.as_str() {
            "/spool/status" => Reply::json(&self.spool.status()),
            "/spool/states" => self.states(call.query_value("after")).await,
            "/spool/recipient" => Reply::text(200, format!("{}\n", self.recipient)),
            "/spool/certificate" => self.certificate(call.query_value("insurer")).await,
            "/spool/keys" => {
                self.settle().await;
                self.keys(call.query_value("insurer"), call.query_value("cell"))
            }
            _ => Reply::not_found(&call.path),
        }
    }

    /// Where items are, page by page: what the publisher answers senders from.
    async fn states(&self, after: Option<&str>) -> Reply {
        let after = match after.map(str::parse::<ItemId>).transpose() {
            Ok(after) => after,
            Err(error) => return Reply::refuse(400, &error.to_string()),
        };
        let spool = self.spool.clone();
        match tokio::task::spawn_blocking(move || spool.states_after(after, STATES_MAX)).await {
            Ok(Ok(states)) => Reply::json(&states),
            Ok(Err(error)) => Reply::refuse(500, &error.to_string()),
            Err(error) => Reply::refuse(500, &error.to_string()),
        }
    }

    async fn certificate(&self, insurer: Option<&str>) -> Reply {
        let about = match insurer.map(InsurerId::new).transpose() {
            Ok(None) => About::default(),
            Ok(Some(insurer)) => About {
                insurer: Some(insurer),
                ..About::default()
            },
            Err(error) => return Reply::refuse(400, &error.to_string()),
        };
        let spool = self.spool.clone();
        // Waits for a commit and reads the whole index: not on a thread that answers others.
        match tokio::task::spawn_blocking(move || spool.certificate(about, clock::now())).await {
            Ok(Ok(certificate)) => Reply::json(&certificate),
            Ok(Err(error)) => Reply::refuse(500, &error.to_string()),
            Err(error) => Reply::refuse(500, &error.to_string()),
        }
    }

    fn keys(&self, insurer: Option<&str>, cell: Option<&str>) -> Reply {
        match (insurer.map(InsurerId::new), cell.map(str::parse::<CellId>)) {
            (None, Some(Ok(cell))) => {
                let door = DoorId::of(cell);
                Reply::json(&self.keys_of(self.gates.keys().filter(|ours| **ours == door)))
            }
            (Some(Ok(insurer)), None) => Reply::json(&self.keys_of(self.doors_of(&insurer))),
            (Some(Err(error)), _) | (_, Some(Err(error))) => Reply::refuse(400, &error.to_string()),
            (None, None) | (Some(Ok(_)), Some(Ok(_))) => Reply::refuse(
                400,
                "Welche Zelle oder Kasse? ?cell=kasse/dienst oder ?insurer=kasse / \
                 Which cell or insurer? ?cell=insurer/service or ?insurer=insurer",
            ),
        }
    }

    /// The wrapped keys of cells as the insurer's companion takes them, each with the door of its own cell.
    fn keys_of<'a>(&self, doors: impl Iterator<Item = &'a DoorId>) -> Vec<RewrappedKey> {
        let of_door = |door: &DoorId| {
            let as_exported = |key: WrappedKey| RewrappedKey {
                door: door.clone(),
                segment: self.segment(key.epoch),
                wrapped: STANDARD.encode(&key.wrapped),
            };
            self.spool
                .wrapped_keys(door.cell())
                .into_iter()
                .map(as_exported)
                .collect::<Vec<_>>()
        };
        doors.flat_map(of_door).collect()
    }

    /// The wrapped keys of every door of this process.
    pub(super) fn sealed(&self) -> BTreeMap<DoorId, Vec<RewrappedKey>> {
        let of = |door: &DoorId| (door.clone(), self.keys_of(std::iter::once(door)));
        self.gates.keys().map(of).collect()
    }

    /// What consents wrap keys to, so that this process can read.
    pub(super) fn recipient(&self) -> &str {
        &self.recipient
    }

    /// Syncs and closes; called last, when nobody offers any more.
    pub fn close(&self) {
        tracing::info!(status = ?Brief::of(&self.spool.status()), "spool closed");
    }
}

#[derive(Debug, Serialize)]
struct Brief {
    waiting: u64,
    bytes: u64,
}

impl Brief {
    fn of(status: &spool::Status) -> Self {
        Self {
            waiting: status.cells.iter().map(|cell| cell.waiting).sum(),
            bytes: status.bytes,
        }
    }
}

/// Randomness from the operating system. Without it nothing may be sealed, so the process ends.
fn entropy() -> Entropy {
    Entropy::new(|bytes| {
        if getrandom::fill(bytes).is_err() {
            tracing::error!("no randomness; the process must not seal anything");
            std::process::exit(70);
        }
    })
}

/// Reads or makes the age identity of this door.
fn own_identity(path: &Path) -> Result<Zeroizing<String>, Trouble> {
    let name = path.display();
    let wrong = |error: std::io::Error| {
        Trouble::because(
            Code::Keys,
            format!("Der Schlüssel der Tür {name} ist nicht lesbar. / The door's key {name} cannot be read."),
            error,
        )
    };
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Zeroizing::new(text.trim().to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let fresh = age::x25519::Identity::generate();
            let fresh =
                Zeroizing::new(age::secrecy::ExposeSecret::expose_secret(&fresh.to_string()).to_owned());
            files::write_private(path, fresh.as_bytes()).map_err(wrong)?;
            Ok(fresh)
        }
        Err(error) => Err(wrong(error)),
    }
}

fn recipient_of(identity: &str) -> Result<String, Trouble> {
    let identity: age::x25519::Identity = identity.parse().map_err(|why: &str| {
        Trouble::new(
            Code::Keys,
            format!("Der Schlüssel der Tür ist unbrauchbar: {why}. / The door's key is not usable: {why}."),
        )
    })?;
    Ok(identity.to_public().to_string())
}
