//! A whole estate on one machine: 4,000 cells behind 80 door processes, the control room with its console, witnesses and
//! prober, all real processes of the release binary. How long a journal entry takes to 50 screens, and how long one order
//! takes to be applied and proven everywhere.
//!
//! `cargo run --release -p bulkhead --example estate_bench -- FOLDER`, with these words more: `--program PATH` of the
//! binary (default: beside the examples), `--sites N` (default 40: two insurers and two processes each), `--watchers N`,
//! `--changes N`, `--runs N` (cuts), `--tried N` (cells per insurer and process that the prober tries, at most 25),
//! `--within SECONDS`: when they are over, everything is ended.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a measurement stops at the first surprise"
)]

mod cut;
mod ground;
mod matrix;
mod people;
mod regular;
mod screens;
mod system;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use bulkhead::exercise::cast::Cast;
use tokio::signal::unix::{SignalKind, signal};

use ground::Ground;
use people::People;
use screens::Screen;
use system::System;

/// People who log in; each of them watches on several screens.
const LOGGED_IN: [&str; 5] = ["leitung-1", "leitung-2", "forensik-1", "forensik-2", "forensik-3"];

fn say(what: &str) {
    let mut out = std::io::stdout();
    let _nobody_reads = writeln!(out, "{what}").and_then(|()| out.flush());
}

/// The middle of some measurements.
fn middle(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// What was asked for.
struct Asked {
    folder: PathBuf,
    program: PathBuf,
    sites: usize,
    watchers: usize,
    changes: usize,
    runs: usize,
    tried: usize,
    within: Duration,
}

impl Asked {
    fn read() -> Self {
        let words: Vec<String> = std::env::args().collect();
        let after = |name: &str| words.iter().skip_while(|word| *word != name).nth(1).cloned();
        let number =
            |name: &str, otherwise: usize| after(name).map_or(otherwise, |text| text.parse().unwrap());
        let folder = words.get(1).expect("a folder for everything that is made");
        let beside = std::env::current_exe().unwrap();
        let beside = beside.parent().and_then(Path::parent).unwrap().join("bulkhead");
        Self {
            folder: std::path::absolute(folder).unwrap(),
            program: after("--program").map_or(beside, Into::into),
            sites: number("--sites", 40),
            watchers: number("--watchers", 50),
            changes: number("--changes", 11),
            runs: number("--runs", 3),
            tried: number("--tried", 25),
            within: Duration::from_secs(number("--within", 1_200) as u64),
        }
    }
}

fn main() -> ExitCode {
    let asked = Asked::read();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    // Whatever ends the measurement, the processes end with it.
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).unwrap();
        tokio::select! {
            () = measure(&asked) => ExitCode::SUCCESS,
            () = tokio::time::sleep(asked.within) => {
                say("not finished in time");
                ExitCode::FAILURE
            }
            _ = tokio::signal::ctrl_c() => ExitCode::FAILURE,
            _ = terminate.recv() => ExitCode::FAILURE,
        }
    })
}

async fn measure(asked: &Asked) {
    let ground = Ground::lay(asked.sites);
    let (mut system, cast) = timed(
        "witnesses and control room",
        System::start(&asked.program, &asked.folder, &ground),
    )
    .await;
    timed(
        "door processes, enrolled and listening",
        system.start_doors(&ground, &cast),
    )
    .await;
    say(&format!(
        "{} cells in {} processes",
        ground.cells(),
        system.doors.len()
    ));
    let people = People {
        system: &system,
        ground: &ground,
        cast: &cast,
    };
    people.publish(&cast.charter).await;
    timed(
        "ceremony: everything cleared, consented, open",
        people.open_everything(),
    )
    .await;
    let mut sessions = log_in(&system, &cast).await;
    if asked.changes > 0 {
        matrix::measure(&people, &sessions, asked.watchers, asked.changes).await;
    }
    if asked.runs > 0 {
        let tried = system.start_prober(&ground, asked.tried).await;
        let people = People {
            system: &system,
            ground: &ground,
            cast: &cast,
        };
        cut::measure(&people, &mut sessions[0], &tried, asked.runs).await;
    }
    let (all, largest) = system.memory();
    say(&format!(
        "most memory: all processes {all} MiB, the largest {largest} MiB"
    ));
    let killed = system.end();
    if !killed.is_empty() {
        say(&format!("had to be killed: {}", killed.join(", ")));
    }
}

async fn log_in(system: &System, cast: &Cast) -> Vec<Screen> {
    let mut sessions = Vec::new();
    for person in LOGGED_IN {
        sessions.push(Screen::log_in(system.console, &cast.key_of(person).unwrap()).await);
    }
    sessions
}

async fn timed<T>(what: &str, work: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let done = work.await;
    say(&format!("{what:<54} {:>8.1} s", began.elapsed().as_secs_f64()));
    done
}
