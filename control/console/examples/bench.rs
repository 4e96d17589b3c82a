//! How long a picture of 4,000 cells takes from the picture to the bytes of the page, and how large it is.
//!
//! `cargo run --release -p console --example bench`
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a measurement stops at the first surprise and prints what it found"
)]

#[path = "../tests/stage/mod.rs"]
mod stage;

use std::time::Instant;

use console::{Method, Others};

/// Answers timed per row.
const ROUNDS: usize = 50;

fn main() {
    let mut stage = stage::Stage::large(500);
    let commander = stage.log_in("commander-1");
    let insurer = stage.log_in("kasse-001-ja");
    let rows = [
        ("whole page, commander", &commander, "/"),
        ("fragment, commander", &commander, "/?fragment=1"),
        (
            "only trouble, commander",
            &commander,
            "/?fragment=1&nur=auffaellig",
        ),
        ("fragment, one insurer", &insurer, "/?fragment=1"),
        ("JSON, commander", &commander, "/api/v1/cells"),
        ("waiting, commander", &commander, "/warten"),
        ("one cell, commander", &commander, "/zelle/kasse-001/kim"),
    ];
    println!(
        "{:<26} {:>10} {:>10} {:>10}",
        "answer", "median ms", "worst ms", "KiB"
    );
    for (name, person, path) in rows {
        let request = stage.browser(person, Method::Get, path, "");
        let mut times: Vec<f64> = Vec::new();
        let mut bytes = 0;
        for _ in 0..ROUNDS {
            let begun = Instant::now();
            let answer = stage.at_desk(Others::default(), |room| console::answer(room, &request));
            times.push(begun.elapsed().as_secs_f64() * 1000.0);
            assert_eq!(answer.response.status, 200, "{path}");
            bytes = answer.response.body.len();
        }
        times.sort_by(f64::total_cmp);
        println!(
            "{name:<26} {:>10.2} {:>10.2} {:>10}",
            times[ROUNDS / 2],
            times[ROUNDS - 1],
            bytes / 1024
        );
    }
}
