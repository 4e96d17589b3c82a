//! A drill of seconds through the command line: the whole system, its table, its promises.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests and what they stand among may stop at the first surprise"
)]

mod common;

use common::run;
use serde_json::{Value, json};

/// April's shape in six seconds: traffic, a cut of everything, openings, rest.
const SHORT: &str = r#"[script]
id = "kurz"
name = "Kurz"
zero = "2023-04-25T09:00:00+02:00"
seed = 11
[traffic]
practices = 12
letters = 120
body-bytes = 600
poll-ms = 200
retry-ms = 200
settle-ms = 60000
[[pace]]
at-hours = 0
drill-ms = 0
[[pace]]
at-hours = 6
drill-ms = 6000
[[step]]
at-hours = 0
action = "open-traffic"
assumed = true
because = "test"
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
action = "clear"
scope.all = true
assumed = true
because = "test"
[[step]]
at-hours = 4
action = "open"
scope.all = true
assumed = true
because = "test"
[[step]]
at-hours = 5
action = "close-traffic"
assumed = true
because = "test"
[[step]]
at-hours = 6
action = "certificate"
assumed = true
because = "test"
"#;

#[test]
fn a_short_script_is_played_and_every_promise_it_covers_holds() {
    let desk = tempfile::Builder::new()
        .prefix("bulkhead-short")
        .tempdir()
        .unwrap();
    let (script, folder) = (desk.path().join("kurz.toml"), desk.path().join("drill"));
    std::fs::write(&script, SHORT).unwrap();
    let ran = run(&[
        "drill".as_ref(),
        script.as_os_str(),
        "--json".as_ref(),
        "--dir".as_ref(),
        folder.as_os_str(),
    ]);
    let table: Value = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    let verdict = serde_json::to_string_pretty(&table["verdict"]).unwrap();
    assert_eq!(ran.code, 0, "{verdict}\n{}", ran.err);
    let promises = table["verdict"]["promises"].as_array().unwrap();
    let kept = |word: &str| promises.iter().filter(|promise| promise["kept"] == word).count();
    assert_eq!(kept("held") + kept("not-covered"), promises.len(), "{verdict}");
    for id in [
        "ORDER-1", "DOOR-1", "DOOR-2", "DOOR-3", "DOOR-4", "SPOOL-2", "LOG-1", "PLAN-1",
    ] {
        assert!(
            promises
                .iter()
                .any(|promise| promise["id"] == id && promise["kept"] == "held"),
            "{id}: {verdict}"
        );
    }
    let counts = &table["counts_with"];
    assert_eq!(counts["offered"], json!(120), "{counts}");
    for nothing in ["rejected", "lost", "duplicates", "order_violations"] {
        assert_eq!(counts[nothing], json!(0), "{nothing}: {counts}");
    }
    assert!(counts["held"].as_u64().unwrap() > 0, "{counts}");
    // What it left behind reads back sound, by the command a stranger would use.
    for log in ["control/log", "door/doors"] {
        let log = folder.join(log);
        run(&["verify".as_ref(), log.as_os_str()]).expect(0, &[]);
    }
}
