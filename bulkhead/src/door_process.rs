//! The door process: doors, spool, the three mail fronts, and a control listener of its own thread.
//!
//! Order of starting: store and spool (everything contained), control listener, authority log, fronts. Order of
//! stopping: fronts drain, spool syncs, doors close, report.

pub mod api;
pub mod config;
mod emergency;
pub mod enrol;
pub mod follow;
mod journal;
pub mod refusals;
mod sealed;
mod standing;
pub mod store;
mod tell;
mod tries;

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use tokio::sync::watch;
use vocabulary::DoorId;

pub use config::Config;
pub use enrol::enrol;

use crate::{
    clock, command, endpoints, house, keys,
    report::{Code, Trouble},
};

/// How long running transfers may take to finish when the process is told to stop.
const DRAIN_WAIT: Duration = Duration::from_secs(10);

/// Runs until a signal.
///
/// # Errors
/// [`Trouble`] when a store, key or listener cannot be opened.
pub async fn run(config: Config, mut stop: watch::Receiver<bool>) -> Result<(), Trouble> {
    let opened = enrol::open(&config)?;
    let gates: BTreeMap<DoorId, door::Gate> = opened
        .enrolment
        .doors()
        .iter()
        .filter_map(|place| {
            opened
                .house
                .gate(&place.door)
                .map(|gate| (place.door.clone(), gate))
        })
        .collect();
    let (doors, owner) = house::start(opened.house).map_err(|error| {
        Trouble::because(
            Code::Store,
            "Der Türfaden startet nicht. / The doors' thread does not start.",
            error,
        )
    })?;
    let store = Arc::new(store::Store::open(&config, &gates)?);
    let identity = config.tls.as_deref().map(command::identity).transpose()?;
    let follower = Arc::new(follow::Follower::new(
        &config,
        identity.as_ref(),
        doors.clone(),
        store.clone(),
    )?);
    let control = api::start(&config, identity.as_ref(), follower.clone(), stop.clone())?;
    let following = tokio::spawn(follower.clone().follow_always());
    let telling = tokio::spawn(tell::tell_always(
        follower.control().clone(),
        doors.clone(),
        store.spool.clone(),
    ));
    let sealing = tokio::spawn(sealed::tell_always(
        follower.control().clone(),
        doors.clone(),
        store.clone(),
    ));
    let keeping = tokio::spawn(store.clone().keep_keys_with_positions(gates.clone()));
    let emergency = emergency::start(
        &config,
        identity.as_ref(),
        &gates,
        store.clone(),
        doors.clone(),
        stop.clone(),
    )
    .await?;
    let fronts = start_fronts(&config, gates, &store).await?;
    follower.counts(fronts.minutes(), fronts.restrictions());
    let reading = emergency.as_ref().map(|running| running.address);
    publish(&config, control.address, reading, fronts.addresses())?;
    // A closed channel means the process is ending anyway.
    let _stopped = stop.wait_for(|stop| *stop).await;
    if let mail::Drained::CutShort(parts) = fronts.drain(DRAIN_WAIT).await {
        tracing::warn!(
            parts,
            "ended before every transfer had finished; nothing acknowledged is lost"
        );
    }
    if let Some(emergency) = emergency {
        emergency.end().await;
    }
    following.abort();
    telling.abort();
    sealing.abort();
    keeping.abort();
    control.join();
    store.close();
    drop((follower, doors));
    owner.join();
    Ok(())
}

async fn start_fronts(
    config: &Config,
    gates: BTreeMap<DoorId, door::Gate>,
    store: &store::Store,
) -> Result<mail::Running, Trouble> {
    let surroundings = mail::Surroundings {
        gates: gates
            .into_iter()
            .map(|(door, gate)| (door.cell().clone(), gate))
            .collect(),
        spool: store.spool.clone(),
        clock: Arc::new(clock::now),
        monotonic: Arc::new(clock::monotonic),
        salt: mail::Salt(keys::salt(&config.dir.join("salt"))?),
    };
    mail::Fronts::start(config.mail.clone(), surroundings)
        .await
        .map_err(|error| {
            Trouble::because(
                Code::Listen,
                "Die Postfronten starten nicht. / The mail fronts do not start.",
                error,
            )
        })
}

fn publish(
    config: &Config,
    control: SocketAddr,
    emergency: Option<SocketAddr>,
    fronts: &mail::Addresses,
) -> Result<(), Trouble> {
    let mut addresses = BTreeMap::from([("door".to_owned(), control)]);
    addresses.extend(emergency.map(|address| ("emergency".to_owned(), address)));
    for (name, list) in [
        ("intake", &fronts.intake),
        ("submission", &fronts.submission),
        ("fetch", &fronts.fetch),
    ] {
        for (number, address) in list.iter().enumerate() {
            let name = if number == 0 {
                name.to_owned()
            } else {
                format!("{name}-{number}")
            };
            addresses.insert(name, *address);
        }
    }
    endpoints::publish_addresses(config.endpoints.as_deref(), &addresses)
}
