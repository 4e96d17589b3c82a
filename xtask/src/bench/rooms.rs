//! The rooms' own benches: each is an example of its room, run as a release build, its words taken as they are. The last
//! one is the whole estate: an example of the binary, which starts everything as processes.

use std::{fs, path::Path, time::Duration};

use super::{Goal, Part, Reached};
use crate::{
    Failed,
    run::{self, Echo},
    workspace::Workspace,
};

/// A bench that is an example of a package.
struct Room {
    name: &'static str,
    title: &'static str,
    package: &'static str,
    example: &'static str,
    /// What it is told; `DIR` stands for a folder of its own.
    words: &'static [&'static str],
}

const fn room(
    name: &'static str,
    title: &'static str,
    example: &'static str,
    words: &'static [&'static str],
) -> Room {
    Room {
        name,
        title,
        package: name,
        example,
        words,
    }
}

const ROOMS: &[Room] = &[
    room("ledger", "Room `ledger`", "bench", &["DIR"]),
    room("door", "Room `door`", "bench", &["DIR"]),
    room("spool", "Room `spool`", "bench", &["DIR", "1000000"]),
    room(
        "evidence",
        "Room `evidence`: state from a million entries",
        "bench",
        &["--dir", "DIR/journal"],
    ),
    room("publication", "Room `publication`: the site", "measure", &["DIR"]),
    room("eau", "Room `eau`: judging sick notes", "bench", &[]),
    room("smime", "Room `smime`: opening KIM mails", "bench", &[]),
    Room {
        name: "control",
        title: "Control room: 4,000 cells in 80 door processes",
        package: "bulkhead",
        example: "estate_bench",
        // Shorter than we wait: it ends its processes itself.
        words: &["DIR", "--within", "290"],
    },
];

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
    Wanted {
        room: "evidence",
        line: "rebuild of state from 1000000 entries:",
        behind: "",
        what: "rebuild of the control room's state from 1 M journal entries",
        limit: Limit::AtMost(5.0),
        unit: "s",
    },
    Wanted {
        room: "evidence",
        line: "opening with the snapshot",
        behind: "",
        what: "the same with a snapshot",
        limit: Limit::AtMost(5.0),
        unit: "s",
    },
    Wanted {
        room: "publication",
        line: "whole site",
        behind: "",
        what: "site of 80 insurers in 2 languages",
        limit: Limit::AtMost(1_000.0),
        unit: "ms",
    },
    Wanted {
        room: "publication",
        line: "one change",
        behind: "",
        what: "one change of that site",
        limit: Limit::AtMost(100.0),
        unit: "ms",
    },
    Wanted {
        room: "eau",
        line: "judged on one core:",
        behind: "",
        what: "sick notes judged, from bytes to verdict, per second and core",
        limit: Limit::AtLeast(10_000.0),
        unit: "documents/s",
    },
    Wanted {
        room: "smime",
        line: "of what its RSA operations allow:",
        behind: "",
        what: "a mail opened and its document verified, of what `openssl speed` allows for the RSA operations",
        limit: Limit::AtLeast(70.0),
        unit: "%",
    },
    Wanted {
        room: "control",
        line: "journal entry on 50 screens of 4000 cells:",
        behind: "",
        what: "journal entry on the screens of all 50 watchers of 4,000 cells",
        limit: Limit::AtMost(300.0),
        unit: "ms",
    },
    Wanted {
        room: "control",
        line: "order to all 4000 cells of 80 processes applied:",
        behind: "",
        what: "cut of 4,000 cells, order signed to all applied in 80 door processes",
        limit: Limit::AtMost(500.0),
        unit: "ms",
    },
    Wanted {
        room: "control",
        line: "order to 4000 cells proven:",
        behind: "",
        what: "the same, to all proven",
        limit: Limit::AtMost(3_000.0),
        unit: "ms",
    },
];

/// Longest time for one bench; the longest is a spool filled with a million items.
const BENCH_WAIT: Duration = Duration::from_secs(900);

/// The benches by name, in the order they are run.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    ROOMS.iter().map(|room| room.name)
}

/// How the report calls one.
pub(crate) fn title(name: &str) -> String {
    find(name).map_or(name, |room| room.title).to_owned()
}

fn find(name: &str) -> Option<&'static Room> {
    ROOMS.iter().find(|room| room.name == name)
}

fn known(name: &str) -> Result<&'static Room, Failed> {
    find(name).ok_or_else(|| Failed::new(format!("there is no bench {name}")))
}

impl Room {
    const fn words(&self) -> [&str; 5] {
        ["--release", "-p", self.package, "--example", self.example]
    }
}

/// Builds a bench beforehand, so that what is bounded is the bench and not somebody else's build it waits for.
pub(crate) fn build(name: &str, workspace: &Workspace) -> Result<(), Failed> {
    let room = known(name)?;
    let mut build = run::cargo(&workspace.root, &["build"]);
    build.args(room.words());
    if room.package == "bulkhead" {
        build.args(["--bin", "bulkhead"]);
    }
    run::show(&mut build)
}

/// Runs one bench in a folder of its own, which is removed at once: a million held items take gigabytes.
pub(crate) fn measure(name: &str, workspace: &Workspace, folder: &Path) -> Result<Part, Failed> {
    let room = known(name)?;
    let own = folder.join(name);
    fs::create_dir(&own)
        .map_err(|cause| Failed::because(&format!("cannot make {}", own.display()), &cause))?;
    let place = own.display().to_string();
    let words = room.words.iter().map(|word| word.replace("DIR", &place));
    let mut command = run::cargo(&workspace.root, &["run", "--quiet"]);
    command.args(room.words()).arg("--").args(words);
    let said = run::read_within(&mut command, BENCH_WAIT, Echo::Lines);
    fs::remove_dir_all(&own)
        .map_err(|cause| Failed::because(&format!("cannot remove {}", own.display()), &cause))?;
    let said = String::from_utf8_lossy(&said?).into_owned();
    let line = format!("cargo run {} -- {}", room.words().join(" "), room.words.join(" "));
    Ok(Part {
        text: format!(
            "## {}\n\n`{line}`\n\n```text\n{}\n```\n",
            room.title,
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
