//! The warning process among the real others: what sensors write becomes an incident in the journal, a canary closes what
//! a commander signed for and nothing else, and nothing is lost while the control room is dead.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "tests and what they stand among may stop at the first surprise"
)]

#[path = "../common/mod.rs"]
mod common;

mod drift;
mod seat;
mod warner;

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU32,
    time::{Duration, Instant},
};

use bulkhead::{clock, endpoints, exercise, http, warn::Silence};
use common::{World, mailbox, smtp::Session};
use hyper::Method;
use order::{Rate, Stance, StandingOrder, StandingUse, Text, UseNumber};
use seat::Seat;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use vocabulary::{
    Class, DetectorId, DoorId, Epoch, InsurerId, Position, Scope, Seconds, ServiceId, StatementId, Timestamp,
};
use warner::{Warner, spawn};

const WAIT: Duration = Duration::from_secs(30);

fn insurer(number: usize) -> InsurerId {
    format!("kasse-{number:03}").parse().unwrap()
}

impl World {
    /// A commander signs in peace what a detector may do.
    fn standing(&mut self, scope_max: Scope, detector: &str, expires: Timestamp) -> StatementId {
        let order = StandingOrder {
            estate: self.estate.id().clone(),
            scope_max,
            stance: Stance::Contain,
            class: Class::Precautionary,
            drain: None,
            detectors: BTreeSet::from([detector.parse::<DetectorId>().unwrap()]),
            rate: Rate {
                uses: NonZeroU32::MIN,
                window: Seconds(86_400),
            },
            expires,
            reason: Text::new("Köder berührt / canary touched").unwrap(),
            issued: Timestamp(expires.0 - 1_000),
        };
        let signed = self.side.cast.sign(&order, &["leitung-1"]).unwrap();
        self.publish(&signed);
        signed.id()
    }

    /// Somebody names a canary as a recipient.
    fn touch(&self, number: usize, service: &str) {
        let address = mailbox(number);
        let domain = address.split_once('@').unwrap().1;
        let cell = format!("kasse-{number:03}/{service}").parse().unwrap();
        let canary = exercise::mail_text::canary(&cell, domain);
        let mut session = Session::new(self.intake()).unwrap();
        session.ask("MAIL FROM:<neugierig@praxis.test>", "250").unwrap();
        session.say(&format!("RCPT TO:<{canary}>")).unwrap();
        let said = session.hear().unwrap();
        assert!(said.starts_with('4') || said.starts_with('5'), "{said}");
    }

    /// Asks the doors for a use, as a stolen detector would; gives the words of the refusal.
    async fn refused(&self, asked: &StandingUse) -> String {
        let endpoint = self.side.system.door_endpoint().unwrap();
        let body = serde_json::to_vec(asked).unwrap();
        let answer = http::call(&endpoint, Method::POST, "/standing", body, WAIT).await;
        let Err(http::CallError::Refused {
            status: 403,
            sentence,
        }) = answer
        else {
            panic!("not refused: {answer:?}");
        };
        assert!(sentence.contains(" / "), "German and English: {sentence}");
        sentence
    }

    async fn stand(&self) -> Vec<(DoorId, Epoch, Position)> {
        let doors = self.status().await.doors.into_iter();
        doors.map(|line| (line.door, line.epoch, line.position)).collect()
    }
}

fn eau() -> ServiceId {
    "eau".parse().unwrap()
}

fn use_of(order: StatementId, number: u32, scope: Scope, detector: &str) -> StandingUse {
    StandingUse {
        order,
        number: UseNumber(number),
        scope,
        detector: detector.parse().unwrap(),
        signal: "s-0000000000000001".parse().unwrap(),
        at: clock::now(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_canary_closes_what_was_signed_for_it_and_warning_can_close_nothing_else() {
    let mut world = World::open().await;
    world.until_proven(|_| true).await;
    let later = clock::now().plus(Seconds(86_400));
    let order = world.standing(Scope::insurer(insurer(1)), "canary", later);
    let past = Timestamp(clock::now().0 - 60);
    let over = world.standing(Scope::insurer(insurer(2)), "canary", past);
    let mut warner = Warner::beside(&world);
    let seat = Seat::new(&world);
    warner
        .until(&world, "the order is known", |status| {
            status.orders == BTreeSet::from([order])
        })
        .await;

    // Suricata sees something at the first insurer: an incident about it and nobody else, and people must decide.
    let began = Instant::now();
    warner.eve(2_000_001, "10.1.2.3");
    let seen = seat.until("an incident", |seen| {
        seen["incidents"].as_array().is_some_and(|all| all.len() == 1)
    });
    let shown_after = began.elapsed();
    let incident = seen["incidents"][0]["incident"].as_str().unwrap().to_owned();
    assert_eq!(
        seen["incidents"][0]["cells"], 2,
        "both services of the first insurer: {seen:#}"
    );
    assert!(
        seen["incidents"][0]["place"].to_string().contains("kasse-001"),
        "{seen:#}"
    );
    assert!(shown_after < Duration::from_secs(10), "{shown_after:?}");
    seat.until_said(&incident, "Menschen müssen entscheiden");
    seat.until_said(&incident, "nennt diese Melder nicht");
    assert!(
        world.is_all(Position::Open).await,
        "a detector nobody signed for closes nothing"
    );

    // Somebody writes to a canary: its door is Held as signed, proven, and every other one stays open.
    world.touch(1, "eau");
    let held = |door: &DoorId| door.cell().insurer == insurer(1) && door.cell().service == eau();
    let status = world
        .until_status("the canary's door is held", |status| {
            status
                .doors
                .iter()
                .any(|line| held(&line.door) && line.position == Position::Held)
        })
        .await;
    for line in &status.doors {
        if held(&line.door) {
            assert_eq!(line.class, Some(Class::Precautionary));
        } else {
            assert_eq!(line.position, Position::Open, "{}", line.door);
        }
    }
    let proven = world.until_proven(held).await;
    assert_eq!((proven.len(), proven[0].1.position), (1, Position::Held));
    seat.until_said(&incident, "1 Türen geschlossen");
    // It is the same incident: the same insurer, minutes apart.
    let status = warner
        .until(&world, "all is told", |status| {
            status.waiting == 0 && status.uses == 0
        })
        .await;
    assert_eq!(status.incidents.len(), 1, "{status:?}");

    // Once a day was signed. The next canary is told, and the doors would refuse whoever asks.
    let before = world.stand().await;
    world.touch(1, "kim");
    seat.until_said(&incident, "ausgeschöpft");
    let beyond = use_of(
        order,
        2,
        Scope::cell(insurer(1), "kim".parse().unwrap()),
        "canary",
    );
    let cases = [
        (beyond, "mehr erlaubt er nicht"),
        (
            use_of(order, 1, Scope::everything(), "canary"),
            "überschreitet den des Dauerbefehls",
        ),
        (
            use_of(order, 2, Scope::insurer(insurer(2)), "canary"),
            "überschreitet den des Dauerbefehls",
        ),
        (
            use_of(order, 2, Scope::insurer(insurer(1)), "suricata"),
            "suricata",
        ),
        (
            use_of(over, 1, Scope::insurer(insurer(2)), "canary"),
            "abgelaufen",
        ),
        (
            use_of(
                world.side.cast.charter.id(),
                1,
                Scope::insurer(insurer(1)),
                "canary",
            ),
            "anderen Dauerbefehl",
        ),
    ];
    let mut said = BTreeSet::new();
    for (asked, word) in &cases {
        let sentence = world.refused(asked).await;
        assert!(sentence.contains(word), "{sentence}");
        said.insert(sentence);
    }
    // The same number again is the same use: it closes nothing new, whatever scope it names.
    let endpoint = world.side.system.door_endpoint().unwrap();
    let again = use_of(order, 1, Scope::insurer(insurer(1)), "canary");
    let body = serde_json::to_vec(&again).unwrap();
    http::call(&endpoint, Method::POST, "/standing", body, WAIT)
        .await
        .unwrap();
    assert_eq!(
        world.stand().await,
        before,
        "nothing that was refused or repeated moved a door"
    );
    let refusals = seat.until("the refusals are in the journal", |seen| {
        seen["looseSignals"].as_array().is_some_and(|loose| {
            let told = loose.iter().filter(|one| one["detector"] == "standing-refused");
            told.count() == said.len()
        })
    });
    assert!(refusals.to_string().contains("abgelehnt"));

    // Killed and started again: it knows what it knew, reads nothing twice and tells nothing twice.
    let known = warner
        .until(&world, "all is told", |status| status.waiting == 0)
        .await;
    let told = seat.get(&format!("/api/v1/incidents/{incident}"))["timeline"].clone();
    warner.start();
    warner.eve(2_000_002, "10.3.2.3");
    let status = warner
        .until(&world, "the new line is read", |status| {
            status.incidents.len() == 2 && status.waiting == 0
        })
        .await;
    assert!(known.incidents.is_subset(&status.incidents));
    assert_eq!(status.lines["eve"], 1, "the old line was not read again");
    assert_eq!(
        seat.get(&format!("/api/v1/incidents/{incident}"))["timeline"],
        told
    );

    // A false alarm: the commander closes it at the console, and warning takes that for the explanation.
    seat.close(
        &incident,
        "Fehlalarm: eigene Prüfung / false alarm: our own check",
    );
    warner
        .until(&world, "the incident is explained", |status| {
            !status.incidents.iter().any(|open| open.as_str() == incident)
        })
        .await;
    assert_eq!(world.stand().await, before, "an explanation opens nothing");
    drop(warner);
    world.end_after_trouble();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn warnings_wait_on_disk_while_the_control_room_is_dead() {
    let world = World::open().await;
    let mut warner = Warner::beside(&world);
    world.kill("control");
    // A sensor that connects, with its own certificate; without one nobody is heard.
    let sensor = world.side.system.endpoint(warner.at["wazuh"]);
    let stream = tokio::net::TcpStream::connect(sensor.address).await.unwrap();
    let mut stream = sensor.tls.unwrap().connect(stream).await.unwrap();
    let now = clock::now().to_string();
    let line = json!({
        "timestamp": format!("{}.000+0000", now.trim_end_matches('Z')),
        "rule": { "level": 13, "id": "100200", "description": "test", "groups": [] },
        "agent": { "id": "007", "name": "irgendwo", "ip": "10.2.0.9" }, "data": {},
    });
    stream.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    warner
        .until(&world, "it waits", |status| {
            status.waiting > 0 && status.incidents.len() == 1
        })
        .await;
    let mut naked = tokio::net::TcpStream::connect(sensor.address).await.unwrap();
    naked.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    warner.eve(2_000_003, "10.3.0.1");
    let waiting = warner
        .until(&world, "both wait", |status| status.incidents.len() == 2)
        .await;
    assert_eq!(
        waiting.lines,
        BTreeMap::from([("eve".into(), 1), ("wazuh".into(), 1)])
    );
    // Warning dies too. A control room comes back, at another address; everything is told, once.
    let config = world.folder().join("control.toml");
    let said = world.folder().join("control.endpoints.json");
    std::fs::remove_file(&said).unwrap();
    let control = spawn("control", &config);
    common::until("the control room listens", || endpoints::read(&said).is_ok());
    warner.config.control = endpoints::read(&said).unwrap()["control"];
    // From now on the second sensor must be heard, and it will not be.
    warner.config.sockets[0].silence = Some(Silence {
        after_secs: 2,
        watches: BTreeSet::from([warning::Touched::Site("munich".parse().unwrap())]),
    });
    warner.start();
    let seat = Seat::new(&world);
    let seen = seat.until("both incidents", |seen| {
        seen["incidents"].as_array().is_some_and(|all| all.len() == 2)
    });
    for name in &waiting.incidents {
        assert!(seen.to_string().contains(name.as_str()), "{seen:#}");
    }
    // Who is silent watches over the third insurer, of which there was news: it is one incident.
    let third = seen["incidents"].as_array().unwrap().iter();
    let mut third = third.filter(|one| one["place"].to_string().contains("kasse-003"));
    let third = third.next().unwrap()["incident"].as_str().unwrap();
    seat.until_said(third, "schweigt");
    let status = warner
        .until(&world, "nothing waits", |status| status.waiting == 0)
        .await;
    assert_eq!((status.incidents, status.refused), (waiting.incidents, 0));
    drop((warner, control));
    world.end_after_trouble();
}
