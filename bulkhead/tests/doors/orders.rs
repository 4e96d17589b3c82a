//! Papers from the drawer, and commanders at the same time.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paper_from_the_drawer_closes_with_everything_else_off() {
    let mut world = World::open().await;
    let many = Uses::Many {
        until: clock::now().plus(Seconds(24 * 3600)),
    };
    let paper = world.closing(Class::Containment, Scope::everything(), many);
    let paper = world.side.cast.sign(&paper, &["leitung-1"]).unwrap();
    world
        .at_door("close", &paper)
        .expect(0, &["6 ausgeführt / applied, 0 abgelehnt / refused"]);
    assert!(world.is_all(Position::Held).await);
    let first: BTreeSet<RestrictionId> = world
        .status()
        .await
        .doors
        .into_iter()
        .flat_map(|line| line.restrictions)
        .collect();
    world.clear_and_open().await;
    for part in [
        "control",
        "probe",
        "zeuge-kasse-nord",
        "zeuge-kasse-sued",
        "zeuge-pruefer",
    ] {
        world.kill(part);
    }
    world
        .at_door("close", &paper)
        .expect(0, &["6 ausgeführt / applied, 0 abgelehnt / refused"]);
    assert!(world.is_all(Position::Held).await);
    let second: BTreeSet<RestrictionId> = world
        .status()
        .await
        .doors
        .into_iter()
        .flat_map(|line| line.restrictions)
        .collect();
    assert!(first.is_disjoint(&second), "a second use is a second restriction");
    // It stays closed through a death, with nobody there to ask.
    world.side.system.crash_doors().unwrap();
    assert!(world.is_all(Position::Held).await);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_commanders_at_once_never_conflict() {
    let mut world = World::open().await;
    for round in 0..5 {
        let mut wide = world.closing(Class::Containment, Scope::everything(), Uses::Once);
        let mut narrow = world.closing(Class::Precautionary, cell_of(1, "eau"), Uses::Once);
        // Two rounds may fall into one second; the same words in the same second would be the same order.
        wide.reason = order::Text::try_from(format!("Runde {round}, weit")).unwrap();
        narrow.reason = order::Text::try_from(format!("Runde {round}, eng")).unwrap();
        let wide = world.side.cast.sign(&wide, &["leitung-1"]).unwrap();
        let narrow = world.side.cast.sign(&narrow, &["leitung-2"]).unwrap();
        let papers = [world.paper(&wide), world.paper(&narrow)];
        let door = world.side.system.door["door"].to_string();
        let tls = world.side.system.people_tls();
        let close = |paper: &Path| {
            run(&[
                "order".as_ref(),
                "close".as_ref(),
                paper.as_os_str(),
                "--door".as_ref(),
                door.as_ref(),
                "--tls".as_ref(),
                tls.as_os_str(),
            ])
        };
        let (first, second) = std::thread::scope(|scope| {
            let first = scope.spawn(|| close(&papers[0]));
            (close(&papers[1]), first.join().unwrap())
        });
        first.expect(0, &["1 ausgeführt / applied, 0 abgelehnt / refused"]);
        second.expect(0, &["6 ausgeführt / applied, 0 abgelehnt / refused"]);
        let status = world.status().await;
        assert!(
            status.doors.iter().all(|line| line.position == Position::Held),
            "{:?}",
            positions(&status)
        );
        for line in &status.doors {
            let both = line.door.to_string() == "kasse-001/eau";
            assert_eq!(
                line.restrictions.len(),
                if both { 2 } else { 1 },
                "round {round}: {status}"
            );
            assert_eq!(line.class, Some(Class::Containment), "the heavier one counts");
        }
        world.clear_and_open().await;
    }
    let cut = world
        .side
        .act(&Action::Cut {
            scope: cell_of(2, "kim"),
            class: Class::Containment,
        })
        .await;
    assert!(
        matches!(
            cut,
            Outcome::Done {
                applied: Some(_),
                proven: Some(_)
            }
        ),
        "{cut:?}"
    );
    world.end().await;
}
