//! `cargo xtask bench`: ratios against the counterparts, in one run on one machine, written to `docs/benchmarks.md`.
//!
//! Numbers without a neighbour say little: every intake figure stands beside Postfix and beside the load generator's
//! own ceiling, taken in turn in the same minutes. A missed goal is written down like a reached one.

mod intake;
mod load;
mod machine;
mod postfix;
mod rooms;

use std::{fmt::Write as _, fs, path::Path, process::Command, time::Instant};

use crate::{Failed, run, workspace::Workspace};

/// What to measure besides the rooms and the intake.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ColdBuild {
    /// Also build the drill command from nothing, in a target folder of its own.
    Measure,
    /// Leave it out: it takes minutes.
    LeaveOut,
}

/// One goal of the project, and what came out.
#[derive(Debug)]
pub(crate) struct Goal {
    /// What was measured, with its unit.
    pub(crate) what: String,
    /// The goal in words.
    pub(crate) goal: String,
    /// What came out in words.
    pub(crate) measured: String,
    /// Whether it is enough.
    pub(crate) reached: Reached,
}

/// Whether a goal was reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reached {
    Yes,
    No,
}

impl Reached {
    pub(crate) const fn when(reached: bool) -> Self {
        if reached { Self::Yes } else { Self::No }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Yes => "reached",
            Self::No => "**missed**",
        }
    }
}

/// A part of the report.
#[derive(Debug, Default)]
pub(crate) struct Part {
    pub(crate) text: String,
    pub(crate) goals: Vec<Goal>,
}

/// Measures, and writes `docs/benchmarks.md`.
///
/// # Errors
/// When something cannot be built, started or written. A missed goal is no error.
pub fn bench(cold: ColdBuild) -> Result<(), Failed> {
    let workspace = Workspace::load()?;
    let folder = machine::folder()?;
    let mut parts = vec![intake::measure(&workspace, folder.path())?];
    parts.extend(rooms::measure(&workspace, folder.path())?);
    if cold == ColdBuild::Measure {
        parts.push(cold_build(&workspace, folder.path())?);
    }
    let text = report(&machine::facts(folder.path()), &parts);
    let path = workspace.root.join("docs").join("benchmarks.md");
    fs::write(&path, text)
        .map_err(|cause| Failed::because(&format!("cannot write {}", path.display()), &cause))?;
    for goal in parts.iter().flat_map(|part| &part.goals) {
        println!(
            "{}: {} (goal {}): {}",
            goal.what,
            goal.measured,
            goal.goal,
            goal.reached.word()
        );
    }
    println!("written to {}", path.display());
    Ok(())
}

fn report(facts: &str, parts: &[Part]) -> String {
    let mut text = String::from(
        "# Benchmarks\n\nMeasured by `cargo xtask bench` in one run on one machine; nothing here is typed by hand. Ratios\n\
         compare with the counterpart in the same minutes; absolute numbers hold for this machine only.\n\n",
    );
    text.push_str(facts);
    text.push_str("\n## Goals\n\n| what | goal | measured | |\n|---|---|---|---|\n");
    for goal in parts.iter().flat_map(|part| &part.goals) {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} |",
            goal.what,
            goal.goal,
            goal.measured,
            goal.reached.word()
        );
    }
    for part in parts {
        text.push('\n');
        text.push_str(&part.text);
    }
    text
}

/// Longest a newcomer should wait for the drill to be built, in seconds, on two cores.
const COLD_BUILD_SECS_MAX: u64 = 180;

/// Builds the drill command from nothing: packages are on the disk already, nothing is compiled.
fn cold_build(workspace: &Workspace, folder: &Path) -> Result<Part, Failed> {
    run::show(&mut run::cargo(&workspace.root, &["fetch", "--locked"]))?;
    let mut build = run::cargo(&workspace.root, &["build", "--release", "--locked", "--offline"]);
    build.env("CARGO_TARGET_DIR", folder.join("cold"));
    let started = Instant::now();
    run::show(&mut build)?;
    let seconds = started.elapsed().as_secs();
    let line = run::line(&build);
    Ok(Part {
        text: format!(
            "## Cold build\n\n`{line}` into an empty target folder, packages already fetched: {seconds} s. It builds what\n\
             `cargo run --release -- drill april-2023` runs.\n"
        ),
        goals: vec![Goal {
            what: "cold build of the drill command".into(),
            goal: format!("{COLD_BUILD_SECS_MAX} s"),
            measured: format!("{seconds} s"),
            reached: Reached::when(seconds <= COLD_BUILD_SECS_MAX),
        }],
    })
}

/// A version line of a program, or that it is not there.
fn version(command: &mut Command) -> String {
    run::read(command)
        .map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned())
        .unwrap_or_else(|_| "unknown".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_goal_is_written_like_a_reached_one() {
        let goal = |reached| Goal {
            what: "speed".into(),
            goal: "10 x".into(),
            measured: "9 x".into(),
            reached,
        };
        let part = Part {
            text: "## Speed\n".into(),
            goals: vec![goal(Reached::No), goal(Reached::Yes)],
        };
        let text = report("- cores: 2\n", &[part]);
        assert!(text.contains("| speed | 10 x | 9 x | **missed** |"), "{text}");
        assert!(text.contains("| reached |") && text.contains("cores: 2") && text.contains("## Speed"));
    }
}
