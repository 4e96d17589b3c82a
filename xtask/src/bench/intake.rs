//! Durable intake against Postfix: every message is on the disk before its sender reads 250.

use std::{fmt::Write as _, net::SocketAddr, path::Path};

use super::{
    Goal, Part, Reached,
    load::{self, LOADS, Load},
    postfix::{After, Postfix},
};
use crate::{Failed, workspace::Workspace};

/// Times each load is sent to each server. Servers take turns, so that a slow minute hits all of them.
const ROUNDS: usize = 5;
/// How many times faster than Postfix the intake should be.
const RATIO_GOAL: f64 = 10.0;
/// To whom the load is sent.
const RECIPIENT: &str = "eau@kasse-001.example";

/// Somebody who takes mail.
struct Server<'a> {
    name: &'static str,
    address: SocketAddr,
    /// What still works after its run, and must be waited for before the next.
    busy: Option<&'a Postfix>,
}

/// Measures every load against every server.
pub(crate) fn measure(_workspace: &Workspace, folder: &Path) -> Result<Part, Failed> {
    let sink = load::sink()?;
    let discard = Postfix::start(folder, After::Discard)?;
    let hold = Postfix::start(folder, After::Hold)?;
    let servers = [
        Server {
            name: "smtp-sink (the generator's ceiling)",
            address: sink.address,
            busy: None,
        },
        Server {
            name: "Postfix, delivered to discard",
            address: discard.address,
            busy: Some(&discard),
        },
        Server {
            name: "Postfix, on hold",
            address: hold.address,
            busy: Some(&hold),
        },
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

/// Medians of messages per second, one for each server.
fn row(load: Load, servers: &[Server<'_>]) -> Result<Vec<f64>, Failed> {
    let mut runs = vec![Vec::new(); servers.len()];
    for round in 1..=ROUNDS {
        for (server, runs) in servers.iter().zip(&mut runs) {
            let rate = load::send(load, server.address, RECIPIENT)?;
            eprintln!(
                "xtask: round {round}/{ROUNDS}, {} bytes, {} sessions, {}: {rate:.0} messages/s",
                load.bytes, load.sessions, server.name
            );
            runs.push(rate);
            if let Some(postfix) = server.busy {
                postfix.settle()?;
            }
        }
    }
    Ok(runs.into_iter().map(load::median).collect())
}

fn text(servers: &[Server<'_>], rows: &[(Load, Vec<f64>)]) -> String {
    let mut text = String::from("## Durable intake over SMTP\n\nMessages per second, median of ");
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{ROUNDS} runs; servers take turns.\n");
    let names: Vec<&str> = servers.iter().map(|server| server.name).collect();
    let _ = writeln!(text, "| payload | sessions | {} |", names.join(" | "));
    let _ = writeln!(text, "|---|---|{}", "---|".repeat(servers.len()));
    for (load, medians) in rows {
        let cells: Vec<String> = medians.iter().map(|rate| format!("{rate:.0}")).collect();
        let _ = writeln!(
            text,
            "| {} B | {} | {} |",
            load.bytes,
            load.sessions,
            cells.join(" | ")
        );
    }
    if let (Some(load), Some(server)) = (LOADS.first(), servers.first()) {
        let line = crate::run::line(&load::command(*load, server.address, RECIPIENT));
        let line = line.rsplit_once('/').map_or(line.as_str(), |(_, line)| line);
        let _ = writeln!(
            text,
            "\nEach run is one `{line}` with the payload, sessions and messages of its row."
        );
    }
    text
}

/// The name of the intake in the table; its ratio to the faster of the two Postfix settings is the goal.
const BULKHEAD: &str = "Bulkhead, held";

fn goals(servers: &[Server<'_>], rows: &[(Load, Vec<f64>)]) -> Vec<Goal> {
    let rate = |medians: &[f64], fits: fn(&str) -> bool| {
        let rates = servers
            .iter()
            .zip(medians)
            .filter(|(server, _)| fits(server.name));
        rates.map(|(_, rate)| *rate).reduce(f64::max)
    };
    let goal = |(load, medians): &(Load, Vec<f64>)| {
        let ours = rate(medians, |name| name == BULKHEAD);
        let postfix = rate(medians, |name| name.starts_with("Postfix"));
        let ratio = ours.zip(postfix).map(|(ours, postfix)| ours / postfix);
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
    rows.iter().map(goal).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(name: &'static str) -> Server<'static> {
        Server {
            name,
            address: ([127, 0, 0, 1], 25).into(),
            busy: None,
        }
    }

    #[test]
    fn the_ratio_is_to_the_faster_postfix() {
        let servers = [
            server("smtp-sink"),
            server("Postfix, a"),
            server("Postfix, b"),
            server(BULKHEAD),
        ];
        let rows = [
            (LOADS[0], vec![9e9, 100.0, 200.0, 2_000.0]),
            (LOADS[1], vec![9e9, 100.0, 50.0, 990.0]),
        ];
        let goals = goals(&servers, &rows);
        assert_eq!(
            (goals[0].measured.as_str(), goals[0].reached),
            ("10.0 ×", Reached::Yes)
        );
        assert_eq!(
            (goals[1].measured.as_str(), goals[1].reached),
            ("9.9 ×", Reached::No)
        );
    }

    #[test]
    fn an_intake_nobody_measured_is_missed() {
        let goals = goals(&[server("Postfix, a")], &[(LOADS[0], vec![100.0])]);
        assert_eq!(
            (goals[0].measured.as_str(), goals[0].reached),
            ("not measured", Reached::No)
        );
    }
}
