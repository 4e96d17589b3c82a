//! Old copies, and a control room that is not ours any more.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn yesterdays_folder_put_back_opens_nothing() {
    let mut world = World::open().await;
    let store = world.folder().join("door/doors");
    let old = world.dir.path().join("yesterday");
    // A copy of a ledger between two writes, as a backup takes it.
    copy(&store, &old);
    // A closing straight at the door: the authority log knows nothing of it, only the ledger that gets lost.
    let paper = world.closing(Class::Containment, Scope::everything(), Uses::Once);
    let paper = world.side.cast.sign(&paper, &["leitung-1"]).unwrap();
    world
        .at_door("close", &paper)
        .expect(0, &["6 ausgeführt / applied"]);
    let closed = world.status().await;
    let path = format!("/head?store={}", closed.store);
    let began = std::time::Instant::now();
    loop {
        let told: Option<record::Head> =
            serde_json::from_slice(&get(&world, world.side.system.control, &path).await).unwrap();
        if told.is_some_and(|told| told.len >= closed.ledger_len) {
            break;
        }
        assert!(
            began.elapsed() < crate::common::LIMIT,
            "nobody was told how far the ledger is: {told:?}"
        );
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    world.kill("door");
    std::fs::remove_dir_all(&store).unwrap();
    copy(&old, &store);
    world.side.system.crash_doors().unwrap();
    // At once, and also when the view is fresh again.
    assert!(
        world
            .status()
            .await
            .doors
            .iter()
            .all(|line| line.position != Position::Open)
    );
    let status = world
        .until_status("the view is fresh", |status| status.fresh)
        .await;
    assert!(
        status.doors.iter().all(|line| line.position == Position::Held),
        "{status}"
    );
    let said = status.signals.join("\n");
    assert!(
        said.contains("Der Türspeicher ist älter als bekannt")
            && said.contains("The door store is older than known"),
        "{said}"
    );
    let lines = world.lines().await;
    let refused = world.try_with(&lines, &[]).await;
    world
        .stays_shut(refused, &["Es fehlt eine gültige Freigabe", "A valid clearance"])
        .await;
    world.end_after_trouble();
}

fn copy(from: &Path, to: &Path) {
    assert!(
        Command::new("cp")
            .arg("-a")
            .args([from, to])
            .status()
            .unwrap()
            .success()
    );
}

/// A control room of somebody else's making, ended with the test.
struct Stolen(Child);

impl Drop for Stolen {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _waited = self.0.wait();
    }
}

impl Stolen {
    /// Starts a control room on a folder, at the address of the one that was killed.
    fn start(world: &World, log: &Path) -> Self {
        let config = std::fs::read_to_string(world.folder().join("control.toml")).unwrap();
        let mut config: toml::Table = config.parse().unwrap();
        config.insert("listen".into(), world.side.system.control.to_string().into());
        config.insert("dir".into(), log.to_str().unwrap().into());
        let endpoints = world.dir.path().join("stolen.endpoints.json");
        config.insert("endpoints".into(), endpoints.to_str().unwrap().into());
        let path = world.dir.path().join("stolen.toml");
        std::fs::write(&path, config.to_string()).unwrap();
        let child = Command::new(crate::common::program())
            .args(["control", "--config"])
            .arg(&path)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stolen = Self(child);
        until("the stolen control room listens", || endpoints.exists());
        stolen
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_control_room_that_hides_a_withdrawal_opens_nothing() {
    let mut world = World::open().await;
    world.cut(Scope::everything()).await;
    let lines = world.lines().await;
    let good = clearance(&world, 1);
    let good = world.bring(&good, &EXAMINERS);
    let opening = world
        .side
        .sign_opening(&lines, Becomes::Open, BTreeSet::from([good]))
        .unwrap();
    world.publish(&opening);
    world.consent(opening.id());
    // Everything the opening needs is there. The door dies before it sees that the clearance is withdrawn; the
    // witnesses have seen it.
    let before = world.status().await;
    let size = world
        .until_status("the doors know it", |status| {
            status.authority_size >= before.authority_size
        })
        .await;
    assert!(size.fresh);
    world.kill("door");
    let control = world.folder().join("control");
    let truncated = world.dir.path().join("truncated");
    copy(&control, &truncated);
    let withdrawal = withdrawal(&world, good);
    world.bring(&withdrawal, &["forensik-3"]);
    let witnessed = witnessed_size(&world, |_| true).await;
    world.kill("control");
    let stolen = Stolen::start(&world, &truncated);
    world.side.system.crash_doors().unwrap();
    let refused = world.at_door("open", &opening);
    world
        .stays_shut(
            refused,
            &[
                "Es fehlt ein frischer Nachweis der Zeugen",
                "A fresh proof by the witnesses",
            ],
        )
        .await;
    assert!(!world.status().await.fresh, "witnesses saw {witnessed} entries");
    drop(stolen);
    // The same people with the whole log: now the door says that it is withdrawn. Not opened in between.
    world.end_after_trouble();
}

/// Size of the newest checkpoint that the witnesses signed and that is wanted.
async fn witnessed_size(world: &World, wanted: impl Fn(u64) -> bool) -> u64 {
    let log = world.folder().join("control/log");
    let began = std::time::Instant::now();
    loop {
        let note = String::from_utf8(get(world, world.side.system.control, "/checkpoint").await).unwrap();
        let size: u64 = note.lines().nth(1).unwrap().parse().unwrap();
        let origin = ledger::origin_of(&log).unwrap();
        let entries = ledger::verify(&log, &origin, &[], &record::verify::Trust::default())
            .unwrap()
            .report
            .entries;
        if size == entries && wanted(size) {
            return size;
        }
        assert!(
            began.elapsed() < crate::common::LIMIT,
            "witnesses signed {size} of {entries} entries"
        );
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
