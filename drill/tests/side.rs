//! The runner against a side that claims to hold: windows, certificates and the verdict follow what it says and what
//! the outside counts, not each other.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of a test may stop at the first surprise, like the test itself"
)]

use drill::{
    chance::RealClock,
    facts::Facts,
    outside::{Outside, Way},
    run::{self, Played},
    script::{Action, Script},
    side::{Certificate, Kept, Outcome, Promise, Side, Ways},
    table::Table,
};
use estate::Seed;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use vocabulary::Millis;

const STORY: &str = r#"
[script]
id = "claims"
name = "Claims"
zero = "2023-04-25T09:00:00+02:00"
seed = 3
[traffic]
practices = 8
letters = 60
body-bytes = 100
poll-ms = 80
retry-ms = 80
settle-ms = 60000
[[pace]]
at-hours = 0
drill-ms = 0
[[pace]]
at-hours = 4
drill-ms = 2000
[[step]]
at-hours = 0
action = "open-traffic"
assumed = true
because = "test"
KEYS
[[step]]
at-hours = 1
action = "cut"
class = "containment"
scope.all = true
assumed = true
because = "test"
[[step]]
at-hours = 2
action = "certificate"
assumed = true
because = "test"
[[step]]
at-hours = 3
action = "open"
scope.sites = ["essen", "munich"]
scope.services = ["eau"]
assumed = true
because = "test"
"#;

/// Says "done" to everything and moves nothing.
struct Claims {
    ways: Ways,
    acts: Vec<&'static str>,
    certificate: Certificate,
}

impl Side for Claims {
    fn guards(&self, _place: &vocabulary::Place) -> bool {
        true
    }

    fn ways(&self) -> Ways {
        self.ways.clone()
    }
    async fn act(&mut self, action: &Action) -> Outcome {
        self.acts.push(action.word());
        Outcome::Done {
            applied: Some(Millis(1)),
            proven: None,
        }
    }
    async fn certificate(&mut self) -> Option<Certificate> {
        Some(self.certificate)
    }
    async fn promises(&mut self) -> Vec<Promise> {
        vec![Promise {
            id: "DOOR-1".to_owned(),
            kept: Kept::Held,
            evidence: "says so".to_owned(),
        }]
    }
}

/// In front of the regular intake: every third connection is cut when the server has taken the mail and before the
/// sender hears of it.
async fn unreliable(listener: TcpListener, behind: SocketAddr) {
    for number in 0_u32.. {
        let (client, _) = listener.accept().await.unwrap();
        tokio::spawn(async move {
            let server = TcpStream::connect(behind).await.unwrap();
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = server.into_split();
            let up = tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
            let mut chunk = [0; 4_096];
            while let Ok(read @ 1..) = from_server.read(&mut chunk).await {
                let heard = chunk.get(..read).unwrap();
                let taken = heard.windows(6).any(|window| window == b"stored");
                if (taken && number % 3 == 2) || to_client.write_all(heard).await.is_err() {
                    break;
                }
            }
            up.abort();
        });
    }
}

async fn play(keys: &str, certificate: Certificate) -> (Played, Table) {
    play_over(keys, certificate, false).await
}

async fn play_over(keys: &str, certificate: Certificate, unreliably: bool) -> (Played, Table) {
    let estate = estate::check(&estate::sample(Seed(1)), "s").unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let facts = Facts::april_2023().unwrap();
    let story = STORY.replace("KEYS", keys);
    let script = Script::read(&story, "s", &estate, &facts).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let mut outside = Outside::start(&estate, &script, Arc::new(RealClock::start()))
        .await
        .unwrap();
    let intake = Way::plain(outside.regular_intake());
    let fetch = Way::plain(outside.regular_store());
    let mut ways = Ways {
        submission: intake.clone(),
        intake,
        fetch,
    };
    if unreliably {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        ways.intake = Way::plain(listener.local_addr().unwrap());
        tokio::spawn(unreliable(listener, outside.regular_intake()));
    }
    let mut side = Claims {
        ways,
        acts: Vec::new(),
        certificate,
    };
    let played = run::run(&estate, &script, &mut outside, &mut side, |_| {}).await;
    assert_eq!(
        side.acts,
        ["cut", "open"],
        "the side is asked for what only it can do"
    );
    let table = Table::of(&script, &facts, &played, Some(&played));
    (played, table)
}

fn broken(table: &Table) -> Vec<&str> {
    table
        .verdict
        .promises
        .iter()
        .filter(|p| p.kept == Kept::Broken)
        .map(|p| p.id.as_str())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_accepted_behind_closed_doors_counts_as_held() {
    let balanced = Certificate {
        offered: 60,
        accepted: 60,
        handed_over: 60,
        ..Certificate::default()
    };
    let (played, table) = play("", balanced).await;
    assert_eq!(played.count.handed_over, 60);
    assert!((1..60).contains(&played.count.held), "{:?}", played.count);
    assert_eq!(played.windows.len(), 80);
    assert!(
        played
            .windows
            .iter()
            .all(|w| w.until.is_some_and(|until| until > w.from))
    );
    assert_eq!(played.certificates.len(), 2, "one asked for, one at the end");
    let back: Vec<(&str, u64, f64)> = played
        .back
        .iter()
        .map(|b| (b.service.as_str(), b.cells, b.first.0))
        .collect();
    assert_eq!(back, [("eau", 80, 3.0)]);
    assert_eq!(broken(&table), Vec::<&str>::new());
    assert_eq!(table.verdict.exit_status(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_side_that_claims_to_hold_while_error_mails_leave_is_found_out() {
    let short = Certificate {
        offered: 59,
        accepted: 59,
        handed_over: 59,
        ..Certificate::default()
    };
    let gone = "[[step]]\nat-hours = 0.5\naction = \"keys-gone\"\nassumed = true\nbecause = \"test\"\n";
    let (played, table) = play(gone, short).await;
    assert!(played.rejected_behind_doors > 0);
    assert_eq!(
        broken(&table),
        ["SPOOL-2", "MAIL-1"],
        "the certificate misses a letter, and error mails left"
    );
    assert_eq!(table.verdict.exit_status(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_cut_after_the_dot_is_in_doubt_and_shows_as_a_duplicate() {
    let certificate = Certificate {
        offered: 60,
        accepted: 60,
        handed_over: 60,
        ..Certificate::default()
    };
    let (played, table) = play_over("", certificate, true).await;
    let count = played.count;
    assert!(count.in_doubt > 5, "{count:?}");
    assert!(
        count.duplicates >= count.in_doubt,
        "each was taken and came again: {count:?}"
    );
    assert_eq!((count.handed_over, count.lost), (60, 0), "{count:?}");
    assert_eq!(count.notices_too_many, count.duplicates, "{count:?}");
    assert_eq!(broken(&table), ["SPOOL-3"]);
}
