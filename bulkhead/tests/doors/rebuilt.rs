//! The control room is lost with everything but its configuration and keys; a new one puts itself together from the doors.

use super::*;

/// `bulkhead rebuild` for this world's control room.
fn rebuild(world: &World) -> Ran {
    let config = world.folder().join("control.toml");
    let door = world.side.system.door["door"].to_string();
    run(&[
        "rebuild".as_ref(),
        "--config".as_ref(),
        config.as_os_str(),
        "--door".as_ref(),
        door.as_ref(),
    ])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_control_room_comes_back_from_the_doors_and_nothing_is_forgotten() {
    let mut world = World::open().await;
    world.cut(Scope::everything()).await;
    let before = world.status().await;
    // One that is there is not replaced.
    rebuild(&world).expect(2, &["BH-3001", "liegt schon da"]);
    world.side.system.kill("control").unwrap();
    for lost in ["log", "journal", "heads.json"] {
        let path = world.folder().join("control").join(lost);
        let _absent = std::fs::remove_file(&path).or_else(|_| std::fs::remove_dir_all(&path));
        assert!(!path.exists());
    }
    let size = before.authority_size.to_string();
    rebuild(&world).expect(
        0,
        &[
            "Weisungsprotokoll",
            &size,
            "6 Türen im Bild. / 6 doors in the picture.",
        ],
    );
    world.side.system.start_control().unwrap();
    // The doors go on from where they were: same log, same restrictions, and the witnesses sign on.
    world.clear_and_open().await;
    let after = world.status().await;
    assert!(after.authority_size > before.authority_size && after.fresh);
    world.end().await;
}
