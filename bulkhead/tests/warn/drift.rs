//! A way behind a closed door: found by the prober, raised as a signal with a proposed scope, and raised for as long as a
//! person has not explained it. The way leads around the door, so the door cannot close it; it is asked to, and says so.

use std::{
    net::SocketAddr,
    path::PathBuf,
    time::{Duration, Instant},
};

use bulkhead::{endpoints, probe, warn::ProberSource};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};
use vocabulary::Position;

use crate::{
    common::{self, World, cell_of},
    seat::Seat,
    warner::{Process, Warner, spawn},
};

/// What somebody set up beside the door: passes connections to the door's front, or around it to the regular server. What
/// passes ends when the way is changed.
struct Bypass {
    address: SocketAddr,
    around: watch::Sender<bool>,
}

impl Bypass {
    async fn new(front: SocketAddr, regular: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, around) = (listener.local_addr().unwrap(), watch::Sender::new(false));
        let leads = around.subscribe();
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut leads = leads.clone();
                let to = if *leads.borrow_and_update() {
                    regular
                } else {
                    front
                };
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(to).await.unwrap();
                    tokio::select! {
                        _either_ended = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        _ = leads.changed() => {}
                    }
                });
            }
        });
        Self { address, around }
    }
}

/// A prober of its own, which comes in where the bypass stands.
struct Prober {
    _process: Process,
    address: SocketAddr,
    log: PathBuf,
}

impl Prober {
    fn beside(world: &World, fetch: SocketAddr) -> Self {
        let folder = world.folder();
        let text = std::fs::read_to_string(folder.join("probe.toml")).unwrap();
        let mut config: probe::Config = toml::from_str(&text).unwrap();
        config.listen = "127.0.0.1:0".parse().unwrap();
        config.endpoints = Some(folder.join("bypassed.endpoints.json"));
        // Only what warning hears: the journal has the word of the other one.
        config.control = None;
        config.houses[0].fetch = fetch;
        let path = folder.join("bypassed.toml");
        bulkhead::files::write_private(&path, toml::to_string(&config).unwrap().as_bytes()).unwrap();
        let process = spawn("probe", &path);
        let said = folder.join("bypassed.endpoints.json");
        common::until("the prober listens", || endpoints::read(&said).is_ok());
        Self {
            _process: process,
            address: endpoints::read(&said).unwrap()["probe"],
            log: folder.join("bypassed.log"),
        }
    }

    /// Waits until it has found the cut door closed.
    async fn until_proven(&self, world: &World) {
        let began = Instant::now();
        loop {
            let proofs: probe::Proofs =
                serde_json::from_slice(&common::get(world, self.address, "/proofs").await).unwrap();
            let proof = proofs.get(&"kasse-001/eau".parse().unwrap());
            if proof.is_some_and(|proof| proof.position == Position::Held && proof.failures.is_empty()) {
                return;
            }
            assert!(began.elapsed() < common::LIMIT, "not proven: {proofs:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn said(&self, words: &str) -> bool {
        std::fs::read_to_string(&self.log)
            .unwrap_or_default()
            .contains(words)
    }
}

/// The incident that a way through a closed door was told in; the cut itself may have one of its own.
fn ours(seen: &serde_json::Value) -> Option<String> {
    let all = seen["incidents"].as_array()?;
    let drift = all
        .iter()
        .find(|one| one["title"].to_string().contains("(drift)"))?;
    Some(drift["incident"].as_str()?.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_way_around_a_closed_door_is_a_signal_until_somebody_explains_it() {
    let mut world = World::open().await;
    let regular = world.regular.store;
    let bypass = Bypass::new(world.side.system.door["fetch"], regular).await;
    let prober = Prober::beside(&world, bypass.address);
    let mut warner = Warner::beside(&world);
    warner.config.probers = vec![ProberSource {
        name: "prober".to_owned(),
        address: prober.address,
        silence: None,
    }];
    warner.start();
    let seat = Seat::new(&world);
    world.cut(cell_of(1, "eau")).await;
    prober.until_proven(&world).await;
    assert!(ours(&seat.get("/api/v1/incidents")).is_none());

    // Somebody opens a way behind us.
    bypass.around.send_replace(true);
    let seen = seat.until("the way is an incident", |seen| ours(seen).is_some());
    let incident = ours(&seen).unwrap();
    let told = seat.until_said(&incident, "drift").to_string();
    assert!(told.contains("kasse-001"), "it proposes where: {told}");
    assert!(told.contains("neue Abholung gelingt"), "{told}");
    common::until("the door was asked to close again", || {
        prober.said("asked to close again what passes")
    });
    // It is closed, as far as it is the door's to close: nothing moved, and the way is still there.
    let line = world
        .status()
        .await
        .doors
        .into_iter()
        .find(|line| line.door.to_string() == "kasse-001/eau");
    assert_eq!(line.unwrap().position, Position::Held);
    warner
        .until(&world, "the incident is open", |status| {
            status.incidents.len() == 1
        })
        .await;
    // Told once, however often it is found, and not again after a restart.
    warner.start();
    let count = |text: &str| text.matches("neue Abholung gelingt").count();
    let before = count(&seat.get(&format!("/api/v1/incidents/{incident}")).to_string());

    // The way is gone: that is said, and explains nothing.
    bypass.around.send_replace(false);
    let told = seat.until_said(&incident, "nichts kommt mehr durch").to_string();
    assert_eq!(count(&told), before, "{told}");
    warner
        .until(&world, "the incident stays open", |status| {
            status.incidents.len() == 1
        })
        .await;
    seat.close(&incident, "Wartungszugang eines Technikers, abgebaut");
    warner
        .until(&world, "a person explained it", |status| {
            status.incidents.is_empty()
        })
        .await;
    world.end_after_trouble();
}
