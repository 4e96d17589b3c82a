//! Emergency environments at a door process: what they may read while a door grants it, and the way out for released
//! answers. A listener of its own, so that a night of reading does not stand before a commander's order.
//!
//! - Who asks is who its TLS certificate names; what it may read is what [`door::Gate::emergency`] says at this moment,
//!   cell by cell. Both are asked again at each request; while items stream, the grant is looked at before each piece, and
//!   its end cuts the connection.
//! - What goes out is sealed; the keys that go with it are wrapped to the identity the grant names. This process can open
//!   neither.
//! - Nothing of the spool moves. Every use is an entry in a log of its own before it happens, in batches, naming cells,
//!   key epochs and items, and nobody.
//! - What comes in is answers that somebody released, and at the end an index of what was worked on. An answer is handed
//!   on at most once as far as the regular server's words go; where they failed, the same mail may be handed in again.

mod answers;
mod index;
mod listen;
mod log;
mod stream;

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use clearance::RewrappedKey;
use door::{EmergencyPermit, Gate, Why};
use http_body_util::Full;
use hyper::{Method, body::Bytes};
use spool::{ItemId, KeyEpoch, Reader, Recipient, WrappedKey};
use tokio::{
    sync::{Mutex, Semaphore, watch},
    task::JoinSet,
    time::timeout,
};
use vocabulary::{CellId, DoorId, EnvironmentId};

use self::{log::Log, stream::Outflow};
use super::{Config, store::Store};
use crate::{
    emergency_wire::{Counts, GrantedCell, Grants},
    house::Doors,
    http::{Call, Reply},
    report::{Code, Trouble},
    tls,
};

/// Streams at once: each may hold a disk reader and a few pieces in memory.
const STREAMS_MAX: usize = 16;
/// Longest wait for news.
const WAIT_SECS_MAX: u64 = 15;

/// What emergency environments may do here.
pub(super) struct Service {
    gates: BTreeMap<CellId, Gate>,
    store: Arc<Store>,
    doors: Doors,
    log: Arc<Log>,
    way_out: Option<mail::WayOut>,
    /// One answer at a time: a policy's daily number must not be overrun by two at once.
    answering: Mutex<()>,
    streams: Arc<Semaphore>,
    /// Changes whenever a grant began or ended.
    grants: watch::Sender<u64>,
}

/// The listener, and the tasks that follow grants.
pub(super) struct Running {
    /// Where it really listens.
    pub(super) address: SocketAddr,
    tasks: JoinSet<()>,
}

impl Running {
    /// Ends the tasks. Nothing is lost: a reader asks again from the last item it made durable.
    pub(super) async fn end(mut self) {
        self.tasks.shutdown().await;
    }
}

/// Opens the listener, if one is configured, and begins to follow grants in any case: what comes in under a grant is
/// wrapped to its environment also while that cannot reach us.
///
/// # Errors
/// [`Trouble`] when the log, the way out or the listener cannot be opened.
pub(super) async fn start(
    config: &Config,
    identity: Option<&tls::Identity>,
    gates: &BTreeMap<DoorId, Gate>,
    store: Arc<Store>,
    doors: Doors,
    stop: watch::Receiver<bool>,
) -> Result<Option<Running>, Trouble> {
    let Some(section) = &config.emergency else {
        return Ok(None);
    };
    let identity = identity.ok_or_else(|| {
        Trouble::new(
            Code::Config,
            "Notumgebungen weisen sich durch ihr Zertifikat aus: [emergency] braucht tls. / \
             Emergency environments prove who they are by certificate: [emergency] needs tls.",
        )
    })?;
    let way_out = section
        .way_out
        .as_ref()
        .map(|upstream| mail::WayOut::new(&config.mail, upstream))
        .transpose()
        .map_err(|error| {
            Trouble::because(
                Code::Config,
                "Der Weg hinaus für Antworten ist falsch eingerichtet. / The way out for answers is set up wrongly.",
                error,
            )
        })?;
    let service = Arc::new(Service {
        gates: gates
            .iter()
            .map(|(door, gate)| (door.cell().clone(), gate.clone()))
            .collect(),
        log: Arc::new(Log::open(
            &config.dir.join("emergency"),
            &store.spool.id().to_string(),
        )?),
        store,
        doors,
        way_out,
        answering: Mutex::new(()),
        streams: Arc::new(Semaphore::new(STREAMS_MAX)),
        grants: watch::Sender::new(0),
    });
    let mut tasks = JoinSet::new();
    for (cell, gate) in service.gates.clone() {
        tasks.spawn(service.clone().follow(cell, gate));
    }
    let address = listen::start(section.listen, identity, service, &mut tasks, stop).await?;
    Ok(Some(Running { address, tasks }))
}

impl Service {
    /// Follows one door's grant: keys of what comes in are wrapped to the environment while it lasts. A door that has no
    /// fresh view yet changes nothing: nothing is handed out then, and what the insurer agreed to may still hold.
    async fn follow(self: Arc<Self>, cell: CellId, gate: Gate) {
        let mut view = gate.watch();
        let mut known = None;
        loop {
            let (grant, why) = {
                let view = view.borrow_and_update();
                (view.emergency.clone(), view.why)
            };
            let settled = match (&grant, why) {
                (Some(_), _) | (None, Why::Nothing | Why::Restricted(_)) => true,
                (None, Why::NotFresh | Why::OwnerGone) => false,
            };
            if settled && known.as_ref() != Some(&grant) {
                match &grant {
                    Some(grant) => self.begin(&cell, grant).await,
                    None => self.end(&cell, known.flatten().as_ref()).await,
                }
                known = Some(grant);
                self.grants.send_modify(|count| *count = count.wrapping_add(1));
            }
            if view.changed().await.is_err() {
                return;
            }
        }
    }

    async fn begin(&self, cell: &CellId, grant: &door::Emergency) {
        let began = log::Entry::Began {
            cell: cell.clone(),
            environment: grant.environment.clone(),
            until: grant.until,
        };
        if let Err(error) = self.log.write(began).await {
            tracing::error!(%cell, %error, "the beginning of an emergency grant could not be logged");
        }
        let shared = match Recipient::new(grant.identity.as_str()) {
            Ok(recipient) => self.store.spool.share(cell.clone(), recipient).await,
            Err(error) => Err(error),
        };
        if let Err(error) = shared {
            tracing::error!(%cell, %error, "what comes in is not wrapped to the emergency environment");
        }
    }

    async fn end(&self, cell: &CellId, before: Option<&door::Emergency>) {
        if self.store.spool.enrolled().contains(cell)
            && let Err(error) = self.store.spool.unshare(cell.clone()).await
        {
            tracing::error!(%cell, %error, "what comes in is still wrapped to an emergency environment");
        }
        let Some(before) = before else { return };
        let ended = log::Entry::Ended {
            cell: cell.clone(),
            environment: before.environment.clone(),
        };
        if let Err(error) = self.log.write(ended).await {
            tracing::error!(%cell, %error, "the end of an emergency grant could not be logged");
        }
    }

    /// Answers one call of an environment that proved its name.
    async fn answer(&self, environment: &EnvironmentId, call: Call, cut: &listen::Cut) -> Outflow {
        let replied = match (&call.method, call.path.as_str()) {
            (&Method::GET, "/emergency/grants") => self.grants(environment, &call).await,
            (&Method::GET, "/emergency/counts") => self.counts(environment, &call).await,
            (&Method::GET, "/emergency/read") => match self.read(environment, &call, cut).await {
                Ok(stream) => return Outflow::Stream(stream),
                Err(reply) => Err(reply),
            },
            (&Method::POST, "/emergency/answer") => self.let_out(environment, &call).await,
            (&Method::POST, "/emergency/index") => self.take_index(environment, &call).await,
            _ => Err(Reply::not_found(&call.path)),
        };
        let reply = replied.unwrap_or_else(|refused| refused);
        Outflow::Whole {
            status: reply.status,
            content_type: reply.content_type,
            body: Full::new(Bytes::from(reply.body)),
        }
    }

    /// The grant that lets this environment read this cell, now.
    fn permit(&self, environment: &EnvironmentId, cell: &CellId) -> Result<EmergencyPermit, Reply> {
        let gate = self.gates.get(cell).ok_or_else(|| no_such_cell(cell))?;
        let permit = gate
            .emergency()
            .map_err(|refusal| Reply::refuse(403, &refusal.to_string()))?;
        if permit.grant().environment != *environment {
            return Err(Reply::refuse(
                403,
                &format!(
                    "Die Erlaubnis zum Notbetrieb an {cell} ist für eine andere Umgebung. / \
                     The emergency grant at {cell} is for another environment."
                ),
            ));
        }
        Ok(permit)
    }

    fn cell_of(call: &Call) -> Result<CellId, Reply> {
        let named = call.query_value("cell").and_then(|cell| cell.parse().ok());
        named.ok_or_else(|| {
            Reply::refuse(
                400,
                "Welche Zelle? ?cell=kasse/dienst / Which cell? ?cell=insurer/service",
            )
        })
    }

    /// Where this environment may read, with the keys it may have. Waits for news if asked to.
    async fn grants(&self, environment: &EnvironmentId, call: &Call) -> Result<Reply, Reply> {
        let wait = call
            .query_value("wait")
            .and_then(|wait| wait.parse().ok())
            .unwrap_or(0);
        let wait = Duration::from_secs(wait.min(WAIT_SECS_MAX));
        if !wait.is_zero() {
            let (mut items, mut grants) = (self.store.spool.activity(), self.grants.subscribe());
            let news = async {
                tokio::select! {
                    _ = items.changed() => {}
                    _ = grants.changed() => {}
                }
            };
            // In time or not: what is now is told.
            let _in_time = timeout(wait, news).await;
        }
        let mut cells = Vec::new();
        for (cell, gate) in &self.gates {
            if let Ok(permit) = gate.emergency()
                && permit.grant().environment == *environment
            {
                cells.push(self.granted(cell, &permit).await?);
            }
        }
        Ok(Reply::json(&Grants {
            spool: self.store.spool.id().to_string(),
            cells,
        }))
    }

    async fn granted(&self, cell: &CellId, permit: &EmergencyPermit) -> Result<GrantedCell, Reply> {
        let grant = permit.grant();
        let identity = &grant.identity;
        let door = DoorId::of(cell.clone());
        let brought = self.doors.keys_for(door, identity.clone()).await;
        let brought = brought.map_err(|gone| Reply::refuse(503, &gone.to_string()))?;
        let recipient = Recipient::new(identity.as_str()).map_err(|error| unable(&error))?;
        let reader = self.reader(cell);
        let mut keys = blocking(move || reader.shared_keys(&recipient)).await?;
        keys.extend(brought.iter().filter_map(|key| self.named_by_epoch(cell, key)));
        Ok(GrantedCell {
            cell: cell.clone(),
            until: grant.until,
            epochs: self
                .store
                .epochs(cell)
                .into_iter()
                .map(|(_, epoch)| epoch)
                .collect(),
            keys,
        })
    }

    /// A key as a consent names it, under the number its spool gives it.
    fn named_by_epoch(&self, cell: &CellId, key: &RewrappedKey) -> Option<WrappedKey> {
        let epochs = self.store.epochs(cell);
        let (_, epoch) = epochs.into_iter().find(|(name, _)| *name == key.segment)?;
        Some(WrappedKey {
            epoch,
            cell: cell.clone(),
            wrapped: STANDARD.decode(&key.wrapped).ok()?,
        })
    }

    async fn counts(&self, environment: &EnvironmentId, call: &Call) -> Result<Reply, Reply> {
        let cell = Self::cell_of(call)?;
        let _permit = self.permit(environment, &cell)?;
        let reader = self.reader(&cell);
        let epochs = blocking(move || reader.epochs()).await?;
        Ok(Reply::json(&Counts {
            epochs: epochs.into_iter().collect(),
        }))
    }

    /// Items of one key epoch after a position, sealed.
    async fn read(
        &self,
        environment: &EnvironmentId,
        call: &Call,
        cut: &listen::Cut,
    ) -> Result<stream::Streamed, Reply> {
        let cell = Self::cell_of(call)?;
        let bad =
            |what: &str| Reply::refuse(400, &format!("{what} ist nicht lesbar. / {what} cannot be read."));
        let epoch = call
            .query_value("epoch")
            .and_then(|epoch| epoch.parse().ok())
            .map(KeyEpoch)
            .ok_or_else(|| bad("epoch"))?;
        let after: Option<ItemId> = match call.query_value("after") {
            None => None,
            Some(after) => Some(after.parse().map_err(|_| bad("after"))?),
        };
        let permit = self.permit(environment, &cell)?;
        let place = self.streams.clone().try_acquire_owned().map_err(|_| {
            Reply::refuse(
                503,
                "Es lesen schon so viele, wie dürfen; bitte gleich noch einmal. / \
                 As many read already as may; please try again.",
            )
        })?;
        let reader = self.reader(&cell);
        let listed = blocking(move || stream::list(&reader, epoch, after)).await?;
        if let (Some(first), Some(last)) = (listed.first(), listed.last()) {
            let entry = log::Entry::Read {
                cell: cell.clone(),
                environment: environment.clone(),
                epoch,
                first: first.item,
                last: last.item,
                count: listed.len() as u64,
            };
            self.log.write(entry).await.map_err(|error| unable(&error))?;
        }
        let watched = self.permit(environment, &cell)?;
        Ok(stream::start(
            self.reader(&cell),
            listed,
            permit,
            watched,
            cut,
            place,
        ))
    }

    fn reader(&self, cell: &CellId) -> Reader {
        self.store.spool.reader(cell.clone())
    }
}

fn no_such_cell(cell: &CellId) -> Reply {
    Reply::refuse(
        404,
        &format!(
            "Die Zelle {cell} steht nicht hinter diesem Prozess. / Cell {cell} is not behind this process."
        ),
    )
}

fn unable(error: &(dyn std::error::Error + 'static)) -> Reply {
    Reply::refuse(500, &error.to_string())
}

/// Asks the spool on a thread that may wait for a disk.
async fn blocking<T: Send + 'static>(
    ask: impl FnOnce() -> Result<T, spool::Error> + Send + 'static,
) -> Result<T, Reply> {
    match tokio::task::spawn_blocking(ask).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(unable(&error)),
        Err(error) => Err(unable(&error)),
    }
}
