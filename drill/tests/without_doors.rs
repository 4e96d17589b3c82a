//! The second column, end to end: real sockets, real sealing, a short story.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of a test may stop at the first surprise, like the test itself"
)]

use std::sync::Arc;

use drill::{chance::RealClock, facts::Facts, run::Played, script::Script, side::Outcome, without_doors};
use estate::{Estate, Seed};

fn estate() -> Estate {
    estate::check(&estate::sample(Seed(1)), "sample.toml").unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

const SHORT: &str = r#"
[script]
id = "short"
name = "Short"
zero = "2023-04-25T09:00:00+02:00"
seed = 7

[traffic]
practices = 12
letters = 90
body-bytes = 300
poll-ms = 100
retry-ms = 100
settle-ms = 60000

[[pace]]
at-hours = -1
drill-ms = 0

[[pace]]
at-hours = 3
drill-ms = 3000

[[step]]
at-hours = -1
action = "open-traffic"
assumed = true
because = "test"

KEYS
[[step]]
at-hours = 2
action = "close-traffic"
assumed = true
because = "test"
"#;

const KEYS: &str = r#"
[[step]]
at-hours = 0
action = "keys-gone"
assumed = true
because = "test"

[[step]]
at-hours = 0
action = "cut"
class = "containment"
scope.all = true
assumed = true
because = "nobody is there to obey"

[[step]]
at-hours = 1
action = "keys-back"
assumed = true
because = "test"
"#;

const SERVER: &str = r#"
[[step]]
at-hours = 0
action = "server-off"
assumed = true
because = "test"

[[step]]
at-hours = 1
action = "server-on"
assumed = true
because = "test"
"#;

async fn play(incident: &str) -> Played {
    let estate = estate();
    let facts = Facts::april_2023().unwrap();
    let text = SHORT.replace("KEYS", incident);
    let script =
        Script::read(&text, "short.toml", &estate, &facts).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let mut told = 0_u32;
    let played = without_doors::run(&estate, &script, Arc::new(RealClock::start()), |_| told += 1)
        .await
        .unwrap();
    assert!(told > 10, "progress is told");
    let count = played.count;
    assert_eq!(
        count.offered,
        count.rejected + count.handed_over + count.waiting + count.lost + count.not_accepted,
        "every letter in exactly one class: {count:?}"
    );
    assert_eq!(count.offered, 90);
    assert_eq!(
        (count.lost, count.duplicates, count.strangers),
        (0, 0, 0),
        "{count:?}"
    );
    assert_eq!(
        (count.notices_missing, count.notices_too_many),
        (0, 0),
        "{count:?}"
    );
    assert_eq!(count.order_violations, 0);
    assert!(played.settled, "{count:?}");
    played
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_keys_letters_come_back_as_faulty_and_nobody_obeys_the_cut() {
    let played = play(KEYS).await;
    assert!(played.count.rejected > 5, "{:?}", played.count);
    assert!(played.count.handed_over > 5, "{:?}", played.count);
    assert_eq!(played.count.held, 0, "without doors nothing is held");
    let (first, last) = played.rejected_between.unwrap();
    assert!(
        first.0 >= 0.0,
        "nothing comes back before the keys are gone: {first:?}"
    );
    assert!(last.0 > first.0);
    let cut = played.steps.iter().find(|step| step.action == "cut").unwrap();
    assert_eq!(cut.outcome, Outcome::NotBuilt);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_keys_everything_arrives() {
    let played = play("").await;
    assert_eq!((played.count.rejected, played.count.handed_over), (0, 90));
    assert_eq!(played.rejected_between, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_off_delays_and_loses_nothing() {
    let played = play(SERVER).await;
    assert!(played.count.deferred > 0, "{:?}", played.count);
    assert_eq!(
        (played.count.rejected, played.count.handed_over),
        (0, 90),
        "practices' servers try again"
    );
}
