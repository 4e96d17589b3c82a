//! How long a cut out of caution leaves the door's keys in place.

use spool::{Readable, Status};

use super::*;

/// Whether every cell that is known to the spool is readable as wanted.
async fn is_readable(world: &World, wanted: Readable) -> bool {
    let bytes = common::get(world, world.side.system.door["door"], "/spool/status").await;
    let status: Status = serde_json::from_slice(&bytes).unwrap();
    assert!(!status.cells.is_empty());
    status.cells.iter().all(|cell| cell.readable == wanted)
}

/// Waits until it is so.
async fn until_readable(world: &World, wanted: Readable) {
    let began = std::time::Instant::now();
    while !is_readable(world, wanted).await {
        assert!(began.elapsed() < common::LIMIT, "waited in vain: {wanted:?}");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn caution_keeps_the_keys_for_the_window_of_the_charter_and_no_longer() {
    let mut world = World::open().await;
    // The keys come with the consents, a little after the doors open.
    until_readable(&world, Readable::Here).await;
    let cut = world.closing(Class::Precautionary, Scope::everything(), Uses::Once);
    let cut = world.side.cast.sign(&cut, &["leitung-1"]).unwrap();
    world
        .at_door("close", &cut)
        .expect(0, &["6 ausgeführt / applied, 0 abgelehnt / refused"]);
    assert!(world.is_all(Position::Held).await);
    // Another charter that changes nothing here is followed, and the keys are still there.
    let mut charter = world.next_charter();
    let signers = ["wurzel-1", "wurzel-4", "wurzel-5"];
    let second = world.side.cast.sign(&charter, &signers).unwrap();
    let size = world.status().await.authority_size;
    world.publish(&second);
    world
        .until_status("the charter is followed", |status| status.authority_size > size)
        .await;
    assert!(
        is_readable(&world, Readable::Here).await,
        "four hours are not over"
    );
    // A charter with a window that is over already: whoever wrote it wants no key to outlast a second of caution.
    charter.previous = Some(second.id().0);
    charter.version = Version(3);
    charter.precautionary_window = Seconds(1);
    let third = world.side.cast.sign(&charter, &signers).unwrap();
    world.publish(&third);
    until_readable(&world, Readable::ByInsurerOnly).await;
    world.end().await;
}
