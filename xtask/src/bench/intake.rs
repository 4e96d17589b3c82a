//! Durable intake against Postfix: every message is on the disk before its sender reads 250.

use std::{fmt::Write as _, net::SocketAddr, path::Path};

use super::{
    Goal, Part, Reached,
    held::{self, Held, RECIPIENT, Stores},
    load::{self, LOADS, Load},
    postfix::{After, Postfix},
};
use crate::{Failed, workspace::Workspace};

/// Times each load is sent to each server. Servers take turns, so that a slow minute hits all of them.
const ROUNDS: usize = 5;
/// How many times faster than Postfix the intake should be.
const RATIO_GOAL: f64 = 10.0;
/// The name of our server with one store in the table: its ratio to the faster Postfix setting is the goal. Postfix
/// too writes to one disk.
const BULKHEAD: &str = "Bulkhead, held";

/// Somebody who takes mail.
struct Server<'a> {
    name: &'static str,
    address: SocketAddr,
    after: AfterRun<'a>,
}

/// What has to be seen to after a run, before the next server's.
enum AfterRun<'a> {
    /// Nothing is kept.
    Nothing,
    /// What was taken is delivered or thrown away, so that the next run is its own.
    Settle(&'a Postfix),
    /// What was acknowledged is there, every message once.
    Count(&'a Held),
}

/// Measures every load against every server.
pub(crate) fn measure(workspace: &Workspace, folder: &Path) -> Result<Part, Failed> {
    let program = held::program(workspace);
    let sink = load::sink()?;
    let discard = Postfix::start(folder, After::Discard)?;
    let hold = Postfix::start(folder, After::Hold)?;
    let one = Held::start(&program, folder, Stores::One)?;
    let two = Held::start(&program, folder, Stores::Two)?;
    let server = |name, address, after| Server { name, address, after };
    let servers = [
        server("smtp-sink, keeping nothing", sink.address, AfterRun::Nothing),
        server("Postfix, discarding", discard.address, AfterRun::Settle(&discard)),
        server("Postfix, on hold", hold.address, AfterRun::Settle(&hold)),
        server(BULKHEAD, one.address(), AfterRun::Count(&one)),
        server("Bulkhead, held, two stores", two.address(), AfterRun::Count(&two)),
    ];
    let mut rows = Vec::new();
    for load in LOADS {
        rows.push((*load, row(*load, &servers)?));
    }
    Ok(Part {
        text: text(&servers, &rows),
        goals: goals(&servers, &rows),
    })
}

/// Rates of one server at one load, slowest first.
struct Runs(Vec<f64>);

impl Runs {
    fn median(&self) -> f64 {
        load::median(&self.0)
    }

    /// `median (slowest–fastest)`.
    fn cell(&self) -> String {
        let (least, most) = (self.0.first(), self.0.last());
        let (least, most) = (least.copied().unwrap_or(0.0), most.copied().unwrap_or(0.0));
        format!("{:.0} ({least:.0}–{most:.0})", self.median())
    }
}

/// Messages per second, for each server.
fn row(load: Load, servers: &[Server<'_>]) -> Result<Vec<Runs>, Failed> {
    let mut runs = vec![Vec::new(); servers.len()];
    for round in 1..=ROUNDS {
        for (server, runs) in servers.iter().zip(&mut runs) {
            let rate = send(load, server)?;
            eprintln!(
                "xtask: round {round}/{ROUNDS}, {} bytes, {} sessions, {}: {rate:.0} messages/s",
                load.bytes, load.sessions, server.name
            );
            runs.push(rate);
        }
    }
    let sorted = |mut runs: Vec<f64>| {
        runs.sort_by(f64::total_cmp);
        Runs(runs)
    };
    Ok(runs.into_iter().map(sorted).collect())
}

/// One run, and what has to be seen to after it.
fn send(load: Load, server: &Server<'_>) -> Result<f64, Failed> {
    let run = || load::send(load, server.address, RECIPIENT);
    match server.after {
        AfterRun::Nothing => run(),
        AfterRun::Settle(postfix) => {
            let rate = run()?;
            postfix.settle()?;
            Ok(rate)
        }
        AfterRun::Count(held) => {
            let before = held.waiting()?;
            let rate = run()?;
            let more = held.waiting()?.saturating_sub(before);
            if more == u64::from(load.messages) {
                Ok(rate)
            } else {
                Err(Failed::new(format!(
                    "{} acknowledged {} messages and holds {more} more",
                    server.name, load.messages
                )))
            }
        }
    }
}

const INTRODUCTION: &str = "\
Messages per second: median (slowest–fastest) of FIVE runs, servers taking turns. Every answer 250 stands for a message
that was synced to the disk first, but for `smtp-sink`, which keeps nothing: what generator and simplest receiver reach
together on these cores, the ceiling of everything here. Postfix is measured with what it accepted thrown away at once
(`discard`) and kept in its hold queue, in both cases with `in_flow_delay = 0`, so that nothing but its work holds it
back. Bulkhead is one release `bulkhead door` process whose doors an order holds; it seals every message to its insurer.
After each of its runs its own count must have grown by exactly the messages sent, or the
benchmark fails. With two stores a message is on both before its sender reads 250; here both are on the same disk.

";

fn text(servers: &[Server<'_>], rows: &[(Load, Vec<Runs>)]) -> String {
    let mut text = String::from("## Durable intake over SMTP\n\n");
    text.push_str(&INTRODUCTION.replace("FIVE", &ROUNDS.to_string()));
    let names: Vec<&str> = servers.iter().map(|server| server.name).collect();
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "| payload | sessions | messages a run | {} | ratio |",
        names.join(" | ")
    );
    let _ = writeln!(text, "|---|---|---|{}---|", "---|".repeat(servers.len()));
    for (load, runs) in rows {
        let cells: Vec<String> = runs.iter().map(Runs::cell).collect();
        let _ = writeln!(
            text,
            "| {} B | {} | {} | {} | {} |",
            load.bytes,
            load.sessions,
            load.messages,
            cells.join(" | "),
            ratio(servers, runs).map_or_else(String::new, |ratio| format!("{ratio:.1} ×")),
        );
    }
    let _ = writeln!(
        text,
        "\nRatio: \u{201c}{BULKHEAD}\u{201d}, which has one store as Postfix has, to the faster Postfix."
    );
    if let (Some(load), Some(server)) = (LOADS.first(), servers.first()) {
        let line = crate::run::line(&load::command(*load, server.address, RECIPIENT));
        let line = line.rsplit_once("smtp-source").map_or("", |(_, rest)| rest);
        let line = line.replace(&server.address.to_string(), "ADDRESS");
        let _ = writeln!(
            text,
            "Each run is one `smtp-source{line}` with the payload, sessions and messages of its row."
        );
    }
    text
}

/// Our median to that of the faster Postfix.
fn ratio(servers: &[Server<'_>], runs: &[Runs]) -> Option<f64> {
    let fastest = |fits: fn(&str) -> bool| {
        let rates = servers.iter().zip(runs);
        let rates = rates.filter(|(server, _)| fits(server.name));
        rates.map(|(_, runs)| runs.median()).reduce(f64::max)
    };
    let ours = fastest(|name| name == BULKHEAD)?;
    let postfix = fastest(|name| name.starts_with("Postfix"))?;
    (postfix > 0.0).then_some(ours / postfix)
}

fn goals(servers: &[Server<'_>], rows: &[(Load, Vec<Runs>)]) -> Vec<Goal> {
    let goal = |load: &Load| {
        let row = rows.iter().find(|(measured, _)| measured == load);
        let ratio = row.and_then(|(_, runs)| ratio(servers, runs));
        Goal {
            what: format!(
                "durable intake, {} B, {} sessions, against Postfix",
                load.bytes, load.sessions
            ),
            goal: format!("≥ {RATIO_GOAL} ×"),
            measured: ratio.map_or_else(|| "not measured".to_owned(), |ratio| format!("{ratio:.1} ×")),
            reached: Reached::when(ratio.is_some_and(|ratio| ratio >= RATIO_GOAL)),
        }
    };
    LOADS.iter().map(goal).collect()
}

/// The goals when nothing could be measured: missed, not forgotten.
pub(crate) fn missed() -> Vec<Goal> {
    goals(&[], &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(name: &'static str) -> Server<'static> {
        Server {
            name,
            address: ([127, 0, 0, 1], 25).into(),
            after: AfterRun::Nothing,
        }
    }

    fn runs(medians: &[f64]) -> Vec<Runs> {
        medians.iter().map(|rate| Runs(vec![*rate])).collect()
    }

    #[test]
    fn the_ratio_is_to_the_faster_postfix() {
        let servers = [
            server("ceiling"),
            server("Postfix, a"),
            server("Postfix, b"),
            server(BULKHEAD),
            server("Bulkhead, held, two stores"),
        ];
        let rows = [
            (LOADS[0], runs(&[9e9, 100.0, 200.0, 2_000.0, 9e9])),
            (LOADS[1], runs(&[9e9, 100.0, 50.0, 990.0, 9e9])),
        ];
        let goals = goals(&servers, &rows);
        assert_eq!(goals.len(), LOADS.len());
        assert_eq!(
            (goals[0].measured.as_str(), goals[0].reached),
            ("10.0 ×", Reached::Yes)
        );
        assert_eq!(
            (goals[1].measured.as_str(), goals[1].reached),
            ("9.9 ×", Reached::No)
        );
        assert_eq!(goals[2].measured, "not measured");
        assert!(
            text(&servers, &rows).contains("| 990 (990–990) | 9000000000 (9000000000–9000000000) | 9.9 × |")
        );
    }

    #[test]
    fn an_intake_nobody_measured_is_missed() {
        let goals = goals(&[server("Postfix, a")], &[(LOADS[0], runs(&[100.0]))]);
        assert_eq!(
            (goals[0].measured.as_str(), goals[0].reached),
            ("not measured", Reached::No)
        );
        assert!(missed().iter().all(|goal| goal.reached == Reached::No));
    }
}
