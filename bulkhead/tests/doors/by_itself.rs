//! Doors that open without being told to: when the last thing comes, once, and never by what no longer fits.

use super::*;

fn are_open(lines: &[DoorLine]) -> bool {
    lines
        .iter()
        .filter(|line| line.door.cell().insurer == insurer(1))
        .all(|line| line.position == Position::Open)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_door_opens_by_itself_when_nothing_is_missing_and_asks_for_one_view() {
    let mut world = World::open().await;
    world.cut(Scope::everything()).await;
    let lines = world.lines().await;
    let good = clearance(&world, 1);
    let good = world.bring(&good, &EXAMINERS);
    // Several openings lie in the log, and none of them is complete: nobody asks for a view.
    let other = world
        .side
        .sign_opening(&lines[..1], Becomes::Open, BTreeSet::new())
        .unwrap();
    world.publish(&other);
    world.consent(other.id());
    let opening = world
        .side
        .sign_opening(&lines, Becomes::Open, BTreeSet::from([good]))
        .unwrap();
    let before = world.status().await.authority_size;
    world.publish(&opening);
    world
        .until_status("the opening is followed", |status| status.authority_size > before)
        .await;
    assert!(world.is_all(Position::Held).await, "the consent is missing");
    world.consent(opening.id());
    world
        .until_status("the doors open by themselves", |status| are_open(&status.doors))
        .await;
    let status = world.status().await;
    assert_eq!(
        status.authority_size,
        before + 3,
        "the opening, the consent, and one nonce"
    );
    // Whoever asks by hand, as before, hears that it was carried out.
    world
        .at_door("open", &opening)
        .expect(0, &["2 ausgeführt / applied, 0 abgelehnt / refused"]);

    // Cut again: what was carried out once is shown again and tried no more; what fits the doors as they stand now is.
    world.cut(Scope::insurer(insurer(1))).await;
    let cut = world.status().await.authority_size;
    world.publish(&opening);
    world.consent(opening.id());
    let examined = clearance(&world, 1);
    let examined = world.bring(&examined, &EXAMINERS);
    let again = world
        .side
        .sign_opening(&world.lines().await, Becomes::Open, BTreeSet::from([examined]))
        .unwrap();
    world.publish(&again);
    world.consent(again.id());
    world
        .until_status("the doors open by the new opening", |status| {
            are_open(&status.doors)
        })
        .await;
    let status = world.status().await;
    assert_eq!(status.authority_size, cut + 6, "five statements, and one nonce");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_witnesses_it_stays_shut_and_says_so() {
    let mut world = World::open().await;
    world.cut(Scope::everything()).await;
    let lines = world.lines().await;
    let good = clearance(&world, 1);
    let good = world.bring(&good, &EXAMINERS);
    for witness in ["zeuge-kasse-nord", "zeuge-kasse-sued"] {
        world.kill(witness);
    }
    let opening = world
        .side
        .sign_opening(&lines, Becomes::Open, BTreeSet::from([good]))
        .unwrap();
    world.publish(&opening);
    world.consent(opening.id());
    let log = world.folder().join("door.log");
    until("the door says that it waits", || {
        std::fs::read_to_string(&log).is_ok_and(|log| log.contains("openings wait for a fresh view"))
    });
    assert!(world.is_all(Position::Held).await);
    world.end().await;
}
