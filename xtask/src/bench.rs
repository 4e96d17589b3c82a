//! `cargo xtask bench`: ratios against the counterparts, in one run on one machine, written to `docs/benchmarks.md`.
//!
//! Numbers without a neighbour say little: every intake figure stands beside Postfix and beside the load generator's
//! own ceiling, taken in turn in the same minutes. A missed goal is written down like a reached one.

mod held;
mod intake;
mod kept;
mod load;
mod machine;
mod postfix;
mod rooms;

use std::{fmt::Write as _, fs, path::Path, process::Command, time::Instant};

use crate::{Failed, run, workspace::Workspace};

use kept::Kept;

/// What to measure. What is left out keeps the numbers of the last report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wanted(Vec<Subject>);

impl Wanted {
    /// Reads what was typed: parts by name after `--only`, otherwise everything; the cold build takes minutes, so it
    /// must be named, or asked for by `--cold-build`.
    ///
    /// # Errors
    /// When a word is no part.
    pub fn read(words: &[String]) -> Result<Self, Failed> {
        let (mut only, mut cold) = (Vec::new(), false);
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            match (word.as_str(), rest.as_slice().first()) {
                ("--cold-build", _) => cold = true,
                ("--only", Some(name)) => {
                    only.push(Subject::of(name)?);
                    rest.next();
                }
                _ => return Err(Failed::new(format!("this is no word of bench: {word}"))),
            }
        }
        if only.is_empty() {
            only = all().filter(|one| *one != Subject::ColdBuild).collect();
        }
        if cold {
            only.push(Subject::ColdBuild);
        }
        Ok(Self(only))
    }
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
    /// Never measured, because nobody asked.
    NotRun,
}

impl Reached {
    pub(crate) const fn when(reached: bool) -> Self {
        if reached { Self::Yes } else { Self::No }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Yes => "reached",
            Self::No => "**missed**",
            Self::NotRun => "not run",
        }
    }

    fn of_word(word: &str) -> Option<Self> {
        [Self::Yes, Self::No, Self::NotRun]
            .into_iter()
            .find(|one| one.word() == word)
    }
}

/// A part of the report.
#[derive(Debug, Default)]
pub(crate) struct Part {
    pub(crate) text: String,
    pub(crate) goals: Vec<Goal>,
}

/// Measures, and writes `docs/benchmarks.md` after every part, so that a run cut short leaves what it has.
///
/// # Errors
/// When nothing can be measured or written at all. A part that could not be measured is written down as missed; so is
/// a missed goal.
pub fn bench(wanted: &Wanted) -> Result<(), Failed> {
    let workspace = Workspace::load()?;
    let folder = machine::folder()?;
    let path = workspace.root.join("docs").join("benchmarks.md");
    let old = fs::read_to_string(&path).unwrap_or_default();
    let by_hand = by_hand(&old);
    let kept = Kept::read(old.split(BY_HAND).next().unwrap_or_default());
    build(&workspace, wanted);
    let facts = machine::facts(folder.path());
    let mut parts: Vec<Part> = all().map(|subject| subject.kept(&kept)).collect();
    for (subject, part) in all().zip(0..).filter(|(subject, _)| wanted.0.contains(subject)) {
        let measured = subject.part(&workspace, folder.path());
        if let Some(place) = parts.get_mut::<usize>(part) {
            *place = measured;
        }
        let text = report(&facts, &parts, &by_hand);
        fs::write(&path, text)
            .map_err(|cause| Failed::because(&format!("cannot write {}", path.display()), &cause))?;
    }
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

/// Builds everything before anything is measured: afterwards, a compiler that runs is somebody else's. What does not
/// build is found missing when its part begins, and costs only that part.
fn build(workspace: &Workspace, wanted: &Wanted) {
    for subject in &wanted.0 {
        let built = match subject {
            Subject::Intake => held::build(workspace),
            Subject::Room(name) => rooms::build(name, workspace),
            Subject::ColdBuild => Ok(()),
        };
        if let Err(failed) = built {
            eprintln!("xtask: {failed}");
        }
    }
}

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Subject {
    Intake,
    Room(&'static str),
    ColdBuild,
}

/// Everything that can be measured, in order.
fn all() -> impl Iterator<Item = Subject> {
    let rooms = rooms::names().map(Subject::Room);
    std::iter::once(Subject::Intake)
        .chain(rooms)
        .chain([Subject::ColdBuild])
}

impl Subject {
    /// What people call it.
    const fn name(self) -> &'static str {
        match self {
            Self::Intake => "intake",
            Self::Room(name) => name,
            Self::ColdBuild => "cold-build",
        }
    }

    fn of(name: &str) -> Result<Self, Failed> {
        all().find(|subject| subject.name() == name).ok_or_else(|| {
            let names: Vec<_> = all().map(Self::name).collect();
            Failed::new(format!("bench has no part {name}; it has {}", names.join(", ")))
        })
    }

    fn title(self) -> String {
        match self {
            Self::Intake => "Durable intake over SMTP".to_owned(),
            Self::Room(name) => rooms::title(name),
            Self::ColdBuild => "Cold build".to_owned(),
        }
    }

    /// Its goals when nothing was measured.
    fn goals(self) -> Vec<Goal> {
        match self {
            Self::Intake => intake::missed(),
            Self::Room(name) => rooms::goals(name, ""),
            Self::ColdBuild => vec![cold_goal(None)],
        }
    }

    /// The part as the last report has it.
    fn kept(self, kept: &Kept) -> Part {
        kept.part(&self.title(), self.goals())
    }

    fn measure(self, workspace: &Workspace, folder: &Path) -> Result<Part, Failed> {
        match self {
            Self::Intake => intake::measure(workspace, folder),
            Self::Room(name) => rooms::measure(name, workspace, folder),
            Self::ColdBuild => cold_build(workspace, folder),
        }
    }

    /// Measures it, and notes what else the machine did meanwhile.
    fn part(self, workspace: &Workspace, folder: &Path) -> Part {
        let watch = machine::Watch::begin();
        let measured = self.measure(workspace, folder);
        let mut part = measured.unwrap_or_else(|failed| self.missed(&failed));
        let seen = watch.end();
        match self {
            // Writing to a String cannot fail.
            Self::Intake | Self::Room(_) => drop(writeln!(part.text, "\n{seen}")),
            // Its compilers are our own.
            Self::ColdBuild => {}
        }
        part
    }

    /// The part when measuring failed: its goals are missed, and it says why.
    fn missed(self, failed: &Failed) -> Part {
        eprintln!("xtask: {failed}");
        Part {
            text: format!("## {}\n\nNot measured: {failed}\n", self.title()),
            goals: self.goals(),
        }
    }
}

/// Above this line everything is written by `cargo xtask bench`, below it by people, and kept.
const BY_HAND: &str = "<!-- written by hand from here: kept by `cargo xtask bench` -->";

/// What people wrote into the report.
fn by_hand(old: &str) -> String {
    let kept = old.split_once(BY_HAND).map_or("\n", |(_, kept)| kept);
    kept.to_owned()
}

fn report(facts: &str, parts: &[Part], by_hand: &str) -> String {
    let mut text = String::from(
        "# Benchmarks\n\nMeasured by `cargo xtask bench` on one machine, in one run but for parts that say they are kept\n\
         from an earlier one; nothing above \u{201c}Read with care\u{201d} is typed by hand. Ratios compare with the counterpart in the same minutes; absolute numbers hold\n\
         for this machine only.\n\n",
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
    text.push('\n');
    text.push_str(BY_HAND);
    text.push_str(by_hand);
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
    Ok(Part {
        text: format!(
            "## Cold build\n\n`cargo build --release --locked --offline` into an empty target folder, packages already\n\
             fetched: {seconds} s. It builds what `cargo run --release -- drill april-2023` runs.\n"
        ),
        goals: vec![cold_goal(Some(seconds))],
    })
}

fn cold_goal(seconds: Option<u64>) -> Goal {
    Goal {
        what: "cold build of the drill command".into(),
        goal: format!("≤ {COLD_BUILD_SECS_MAX} s"),
        measured: seconds.map_or_else(|| "not measured".to_owned(), |seconds| format!("{seconds} s")),
        reached: Reached::when(seconds.is_some_and(|seconds| seconds <= COLD_BUILD_SECS_MAX)),
    }
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
        let text = report("- cores: 2\n", &[part], "\n");
        assert!(text.contains("| speed | 10 x | 9 x | **missed** |"), "{text}");
        assert!(text.contains("| reached |") && text.contains("cores: 2") && text.contains("## Speed"));
    }

    #[test]
    fn what_people_wrote_survives_a_new_run() {
        let first = report("", &[], "\nWhy: the disk.\n");
        let second = report("- cores: 4\n", &[], &by_hand(&first));
        assert!(
            second.contains("cores: 4") && second.ends_with(&format!("{BY_HAND}\nWhy: the disk.\n")),
            "{second}"
        );
        assert_eq!(by_hand("no line"), "\n");
    }

    #[test]
    fn what_is_asked_for_is_measured_and_nothing_else() {
        let read = |words: &[&str]| Wanted::read(&words.iter().map(ToString::to_string).collect::<Vec<_>>());
        let names = |wanted: Wanted| wanted.0.into_iter().map(Subject::name).collect::<Vec<_>>();
        assert_eq!(
            names(read(&["--only", "control", "--cold-build"]).unwrap()),
            ["control", "cold-build"]
        );
        assert!(!names(read(&[]).unwrap()).contains(&"cold-build"));
        assert!(read(&["--only"]).is_err() && read(&["--only", "nothing"]).is_err() && read(&["x"]).is_err());
    }

    #[test]
    fn what_could_not_be_measured_is_missed_and_says_why() {
        for subject in all() {
            let part = subject.missed(&Failed::new("no disk"));
            assert!(part.text.contains("no disk"));
            assert!(!part.goals.is_empty() && part.goals.iter().all(|goal| goal.reached == Reached::No));
        }
    }
}
