//! What a door says when something is missing.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_door_says_what_is_missing_and_stays_shut() {
    let mut world = World::open().await;
    world.cut(Scope::everything()).await;
    let lines = world.lines().await;

    let refused = world.try_with(&lines, &[]).await;
    world
        .stays_shut(
            refused,
            &[
                "Es fehlt eine gültige Freigabe für kasse-001",
                "die Öffnung nennt keine",
                "A valid clearance for kasse-001 is missing",
                "the opening names none",
            ],
        )
        .await;

    let one = clearance(&world, 1);
    let one = world.bring(&one, &["forensik-3"]);
    let refused = world.try_with(&lines, &[one]).await;
    world
        .stays_shut(
            refused,
            &[
                "Es fehlt: 1 von 2 Forensik-Unterschriften",
                "Missing: 1 of 2 examiner signatures",
            ],
        )
        .await;

    let inside = clearance(&world, 1);
    let inside = world.bring(&inside, &["forensik-1", "forensik-2"]);
    let refused = world.try_with(&lines, &[inside]).await;
    world
        .stays_shut(
            refused,
            &[
                "von außerhalb des Betreibers (2 liegen vor)",
                "from outside the provider (2 present)",
            ],
        )
        .await;

    let mut expired = clearance(&world, 1);
    (expired.issued, expired.expires) = (ago(7200), ago(3600));
    let expired = world.bring(&expired, &EXAMINERS);
    let refused = world.try_with(&lines, &[expired]).await;
    world
        .stays_shut(refused, &["abgelaufen (bezeugte Zeit", "expired at"])
        .await;

    let foreign = clearance(&world, 2);
    let foreign = world.bring(&foreign, &EXAMINERS);
    let refused = world.try_with(&lines, &[foreign]).await;
    world
        .stays_shut(refused, &["gilt für kasse-002", "is for kasse-002"])
        .await;

    let mut limited = clearance(&world, 1);
    limited.grade = Grade::Limited {
        cells: lines.iter().map(|line| line.door.cell().clone()).collect(),
        peers: None,
        directions: BTreeSet::from([Flow::Forward, Flow::Fetch, Flow::Send]),
        until: clock::now().plus(Seconds(600)),
    };
    let limited = world.bring(&limited, &EXAMINERS);
    let refused = world.try_with(&lines, &[limited]).await;
    world
        .stays_shut(
            refused,
            &["trägt keinen Regelbetrieb", "never permits normal operation"],
        )
        .await;

    let withdrawn = clearance(&world, 1);
    let withdrawn = world.bring(&withdrawn, &EXAMINERS);
    let withdrawal = withdrawal(&world, withdrawn);
    world.bring(&withdrawal, &["forensik-1"]);
    let refused = world.try_with(&lines, &[withdrawn]).await;
    world
        .stays_shut(refused, &["ist zurückgezogen", "is withdrawn"])
        .await;

    let good = clearance(&world, 1);
    let good = world.bring(&good, &EXAMINERS);
    let mut other = lines.clone();
    for line in &mut other {
        line.epoch.0 += 1;
    }
    let refused = world.try_with(&other, &[good]).await;
    world
        .stays_shut(
            refused,
            &[
                "Die Öffnung gilt für Stand",
                "bitte neu entscheiden",
                "The opening was made for epoch",
                "decide again",
            ],
        )
        .await;

    // Everything is there but the insurer.
    let opening = world
        .side
        .sign_opening(&lines, Becomes::Open, BTreeSet::from([good]))
        .unwrap();
    world.publish(&opening);
    let refused = world.at_door("open", &opening);
    world
        .stays_shut(
            refused,
            &["Zustimmung der Kasse kasse-001", "consent of insurer kasse-001"],
        )
        .await;

    // Signed by a commander, but never published: the door knows no such opening.
    let mut unpublished = lines.clone();
    unpublished.truncate(1);
    let unpublished = world
        .side
        .sign_opening(&unpublished, Becomes::Open, BTreeSet::from([good]))
        .unwrap();
    let said = world.at_door("open", &unpublished);
    assert!(world.is_all(Position::Held).await, "{said:?}");

    // With the consent it opens, once; the same paper opens nothing a second time.
    world.consent(opening.id());
    world
        .at_door("open", &opening)
        .expect(0, &["2 ausgeführt / applied, 0 abgelehnt / refused"]);
    assert!(
        world
            .lines()
            .await
            .iter()
            .all(|line| line.position == Position::Open)
    );
    world.cut(Scope::insurer(insurer(1))).await;
    let refused = world.at_door("open", &opening);
    world
        .stays_shut(
            refused,
            &["Die Öffnung gilt für Stand", "The opening was made for epoch"],
        )
        .await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_not_persons_and_an_older_charter_is_not_followed() {
    let mut world = World::open().await;
    world.cut(Scope::everything()).await;
    let lines = world.lines().await;
    // The second charter gives the outside examiner a second key and lets one inside examiner go.
    let key = PrivateKey::from(Ed25519Keypair::from_seed(&[7; 32]));
    let second = world.dir.path().join("second.key");
    files::write_private(&second, key.to_openssh(LineEnding::LF).unwrap().as_bytes()).unwrap();
    let mut draft = world.next_charter();
    let mut rival = draft.clone();
    draft.persons.retain(|person| person.id.as_str() != "forensik-1");
    let outside = draft
        .persons
        .iter_mut()
        .find(|person| person.id.as_str() == "forensik-3")
        .unwrap();
    outside
        .keys
        .push(PublicKey::from_openssh(&key.public_key().to_openssh().unwrap()).unwrap());
    let roots = ["wurzel-1", "wurzel-4", "wurzel-5"];
    world.bring(&draft, &roots);

    let twice = world
        .side
        .cast
        .sign(&clearance(&world, 1), &["forensik-3"])
        .unwrap();
    let paper = world.paper(&twice);
    read_and_sign(&paper, twice.id(), &second).unwrap();
    let twice: Envelope = serde_json::from_slice(&std::fs::read(&paper).unwrap()).unwrap();
    assert_eq!(twice.signatures.len(), 2);
    world.publish(&twice);
    let refused = world.try_with(&lines, &[twice.id()]).await;
    world
        .stays_shut(
            refused,
            &[
                "Es fehlt: 1 von 2 Forensik-Unterschriften",
                "Missing: 1 of 2 examiner signatures",
            ],
        )
        .await;

    // The first charter brought again, and another second one, bring nobody back.
    let first = world.side.cast.charter.clone();
    world.publish(&first);
    rival.issued = clock::now().plus(Seconds(1));
    world.bring(&rival, &roots);
    let left = clearance(&world, 1);
    let left = world.bring(&left, &EXAMINERS);
    let refused = world.try_with(&lines, &[left]).await;
    world
        .stays_shut(
            refused,
            &[
                "Es fehlt: 1 von 2 Forensik-Unterschriften",
                "1 Schlüssel gehören niemandem",
                "1 keys belong to nobody",
            ],
        )
        .await;
    let log = std::fs::read_to_string(world.folder().join("door.log")).unwrap();
    assert!(
        log.contains("folgt nicht auf die geltende Urkunde") || log.contains("andere Vorgängerin"),
        "{log}"
    );

    let good = clearance(&world, 1);
    let good = world.bring(&good, &["forensik-2", "forensik-3"]);
    world
        .try_with(&lines, &[good])
        .await
        .expect(0, &["2 ausgeführt / applied"]);
    world.end().await;
}
