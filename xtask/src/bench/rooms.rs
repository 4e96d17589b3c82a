//! The rooms' own benches: each is an example of its room, run as a release build, its words taken as they are.

use std::{fs, path::Path, time::Duration};

use super::{Goal, Part, Reached};
use crate::{
    Failed,
    run::{self, Echo},
    workspace::Workspace,
};

/// Rooms with an `examples/bench.rs`, and what each is told besides its folder.
const ROOMS: &[(&str, &[&str])] = &[("ledger", &[]), ("door", &[]), ("spool", &["1000000"])];

/// A goal of the project, found in what a bench says.
struct Wanted {
    room: &'static str,
    /// The line that begins like this; the first number behind it is the measured one.
    line: &'static str,
    /// Only what stands behind these words on that line; empty for all of it.
    behind: &'static str,
    what: &'static str,
    limit: Limit,
    unit: &'static str,
}

/// On which side of the number the goal lies.
#[derive(Clone, Copy)]
enum Limit {
    AtLeast(f64),
    AtMost(f64),
}

const WANTED: &[Wanted] = &[
    Wanted {
        room: "ledger",
        line: "append, batches of 1000,",
        behind: "",
        what: "log append, batches of 1,000, durable checkpoint after each",
        limit: Limit::AtLeast(10_000.0),
        unit: "entries/s",
    },
    Wanted {
        room: "ledger",
        line: "verify, 1000000 entries",
        behind: "",
        what: "verifying 1 M entries",
        limit: Limit::AtMost(2.0),
        unit: "s",
    },
    Wanted {
        room: "door",
        line: "order in, recorded with one sync, in force, reported",
        behind: "",
        what: "one order over 4,000 doors in one process, one verification, one sync",
        limit: Limit::AtMost(100.0),
        unit: "ms",
    },
    Wanted {
        room: "spool",
        line: "clean start:",
        behind: "",
        what: "start with 1 M held items of 2 KB",
        limit: Limit::AtMost(2.0),
        unit: "s",
    },
    Wanted {
        room: "spool",
        line: "clean start:",
        behind: "at most",
        what: "memory after that start",
        limit: Limit::AtMost(200.0),
        unit: "MiB",
    },
];

/// Longest time for one bench; the longest is a spool filled with a million items.
const BENCH_WAIT: Duration = Duration::from_secs(900);

/// The rooms with a bench, in the order they are measured.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    ROOMS.iter().map(|(name, _)| *name)
}

const fn words(name: &str) -> [&str; 5] {
    ["--release", "-p", name, "--example", "bench"]
}

/// Builds a bench beforehand, so that what is bounded is the bench and not somebody else's build it waits for.
pub(crate) fn build(name: &str, workspace: &Workspace) -> Result<(), Failed> {
    run::show(run::cargo(&workspace.root, &["build"]).args(words(name)))
}

/// Runs one bench in a folder of its own, which is removed at once: a million held items take gigabytes.
pub(crate) fn measure(name: &str, workspace: &Workspace, folder: &Path) -> Result<Part, Failed> {
    let more = ROOMS.iter().find(|(room, _)| *room == name);
    let more = more.map_or(&[][..], |(_, more)| more);
    let words = words(name);
    let own = folder.join(name);
    fs::create_dir(&own)
        .map_err(|cause| Failed::because(&format!("cannot make {}", own.display()), &cause))?;
    let mut command = run::cargo(&workspace.root, &["run", "--quiet"]);
    command.args(words).arg("--").arg(&own).args(more);
    let said = run::read_within(&mut command, BENCH_WAIT, Echo::Lines);
    fs::remove_dir_all(&own)
        .map_err(|cause| Failed::because(&format!("cannot remove {}", own.display()), &cause))?;
    let said = String::from_utf8_lossy(&said?).into_owned();
    let line = format!("cargo run {} -- DIR {}", words.join(" "), more.join(" "));
    Ok(Part {
        text: format!(
            "## Room `{name}`\n\n`{}`\n\n```text\n{}\n```\n",
            line.trim_end(),
            said.trim_end()
        ),
        goals: goals(name, &said),
    })
}

/// The goals of a room. A line the bench no longer writes is a goal that was missed, not one that is forgotten.
pub(crate) fn goals(room: &str, said: &str) -> Vec<Goal> {
    let wanted = WANTED.iter().filter(|wanted| wanted.room == room);
    wanted
        .map(|wanted| {
            let measured = said
                .lines()
                .find_map(|line| line.strip_prefix(wanted.line))
                .and_then(|rest| number(rest.split_once(wanted.behind)?.1));
            let (goal, reached) = match wanted.limit {
                Limit::AtLeast(limit) => (
                    format!("≥ {limit} {}", wanted.unit),
                    measured.is_some_and(|n| n >= limit),
                ),
                Limit::AtMost(limit) => (
                    format!("≤ {limit} {}", wanted.unit),
                    measured.is_some_and(|n| n <= limit),
                ),
            };
            Goal {
                what: wanted.what.to_owned(),
                goal,
                measured: measured
                    .map_or_else(|| "not measured".to_owned(), |n| format!("{n} {}", wanted.unit)),
                reached: Reached::when(reached),
            }
        })
        .collect()
}

/// The first number in the rest of a line.
fn number(rest: &str) -> Option<f64> {
    rest.split_whitespace().find_map(|word| word.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_are_read_from_what_a_bench_says() {
        let said = "append, batches of 1000, durable checkpoint after each:     9999 entries/s\n\
                    verify, 1000000 entries: 1.93 s, sound: true\n";
        let goals = goals("ledger", said);
        let read: Vec<_> = goals
            .iter()
            .map(|goal| (goal.measured.as_str(), goal.reached))
            .collect();
        assert_eq!(read, [("9999 entries/s", Reached::No), ("1.93 s", Reached::Yes)]);
    }

    #[test]
    fn two_numbers_of_one_line_are_two_goals() {
        let goals = goals("spool", "clean start: 1.20 s, at most 310 MiB resident\n");
        let read: Vec<_> = goals
            .iter()
            .map(|goal| (goal.measured.as_str(), goal.reached))
            .collect();
        assert_eq!(read, [("1.2 s", Reached::Yes), ("310 MiB", Reached::No)]);
    }

    #[test]
    fn a_median_in_a_table_is_read_too() {
        let said =
            "order in, recorded with one sync, in force, reported            41.50 ms   (40.10 to 60.00)\n";
        let goals = goals("door", said);
        assert_eq!(
            (goals[0].measured.as_str(), goals[0].reached),
            ("41.5 ms", Reached::Yes)
        );
    }

    #[test]
    fn a_goal_nobody_measured_is_missed() {
        assert!(goals("ledger", "").iter().all(|goal| goal.reached == Reached::No));
    }
}
