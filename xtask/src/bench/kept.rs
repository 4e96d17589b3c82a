//! What an earlier run measured, read back from the report: a run of some parts keeps the others' last numbers, and says
//! that they are not its own.

use std::collections::BTreeMap;

use super::{Goal, Part, Reached};

/// How a kept section begins to say where it is from.
const FROM: &str = "Kept from an earlier run";

/// The parts of an earlier report.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// Sections by title, heading and all.
    sections: BTreeMap<String, String>,
    /// Goals by what was measured and what was wanted.
    goals: BTreeMap<(String, String), (String, Reached)>,
    /// What the earlier report says about its run.
    run: String,
}

impl Kept {
    /// Reads a report, as far as it was written by machine.
    pub(crate) fn read(report: &str) -> Self {
        let mut kept = Self {
            run: run(report),
            ..Self::default()
        };
        for section in sections(report) {
            let title = section.lines().next().unwrap_or_default().trim();
            if title == "Goals" {
                kept.goals.extend(section.lines().filter_map(goal));
            } else {
                let text = format!("## {}\n", section.trim_end());
                kept.sections.insert(title.to_owned(), text);
            }
        }
        kept
    }

    /// A part that is not measured now, with the goals it would have.
    pub(crate) fn part(&self, title: &str, goals: Vec<Goal>) -> Part {
        let text = self.sections.get(title).map_or_else(
            || format!("## {title}\n\nNot run.\n"),
            |section| self.with_origin(title, section),
        );
        let goals = goals.into_iter().map(|goal| self.last(goal)).collect();
        Part { text, goals }
    }

    /// The section, with the run it is from. It says so once, however often it is kept.
    fn with_origin(&self, title: &str, section: &str) -> String {
        let is_said = section.lines().any(|line| line.starts_with(FROM));
        if is_said || section.lines().any(|line| line == "Not run.") {
            return section.to_owned();
        }
        let heading = format!("## {title}\n");
        let rest = section.strip_prefix(&heading).unwrap_or(section);
        format!("{heading}\n{FROM}: {}.\n{rest}", self.run)
    }

    fn last(&self, goal: Goal) -> Goal {
        let key = (goal.what.clone(), goal.goal.clone());
        let (measured, reached) = self
            .goals
            .get(&key)
            .cloned()
            .unwrap_or_else(|| ("not run".to_owned(), Reached::NotRun));
        Goal {
            measured,
            reached,
            ..goal
        }
    }
}

/// Sections of the second level, without their marks. Lines inside a fence are text, whatever they look like.
fn sections(report: &str) -> Vec<String> {
    let (mut sections, mut fenced): (Vec<String>, bool) = (Vec::new(), false);
    for line in report.lines() {
        fenced ^= line.starts_with("```");
        match line.strip_prefix("## ") {
            Some(title) if !fenced => sections.push(format!("{title}\n")),
            Some(_) | None => {
                if let Some(section) = sections.last_mut() {
                    section.push_str(line);
                    section.push('\n');
                }
            }
        }
    }
    sections
}

/// One row of the table of goals.
fn goal(line: &str) -> Option<((String, String), (String, Reached))> {
    let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
    let [what, goal, measured, word] = cells.as_slice() else {
        return None;
    };
    let reached = Reached::of_word(word)?;
    Some((
        ((*what).to_owned(), (*goal).to_owned()),
        ((*measured).to_owned(), reached),
    ))
}

/// What the report says of its own run: commit and load.
fn run(report: &str) -> String {
    let after = |begin: &str| {
        let line = report.lines().find_map(|line| line.split_once(begin));
        line.map_or("unknown", |(_, rest)| rest.trim())
    };
    format!(
        "commit {}, load average when it began {}",
        after("; commit "),
        after("load average when the run began:")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "# Benchmarks\n\n- load average when the run began: 3.17\n- compiler: rustc; commit abc-dirty\n\n\
        ## Goals\n\n| what | goal | measured | |\n|---|---|---|---|\n| speed | 10 x | 9 x | **missed** |\n\n\
        ## Room `door`\n\n```text\n## no heading\n41 ms\n```\n\n## Cold build\n\n306 s\n";

    fn wanted(what: &str, goal: &str) -> Goal {
        Goal {
            what: what.into(),
            goal: goal.into(),
            measured: "not measured".into(),
            reached: Reached::No,
        }
    }

    #[test]
    fn what_is_not_run_keeps_its_last_numbers_and_says_whose_they_are() {
        let kept = Kept::read(OLD);
        let part = kept.part("Room `door`", vec![wanted("speed", "10 x")]);
        assert!(
            part.text
                .contains("\nKept from an earlier run: commit abc-dirty, load average when it began 3.17.\n"),
            "{}",
            part.text
        );
        assert!(part.text.contains("## no heading\n41 ms") && !part.text.contains("306"));
        assert_eq!(
            (part.goals[0].measured.as_str(), part.goals[0].reached),
            ("9 x", Reached::No)
        );
        let newer = OLD
            .replace("3.17", "1.00")
            .replace("## Room `door`\n\n", &part.text[..part.text.find("```").unwrap()]);
        let again = Kept::read(&newer).part("Room `door`", Vec::new());
        assert_eq!(
            again.text, part.text,
            "a run that did not measure it is not its origin"
        );
    }

    #[test]
    fn a_number_for_another_goal_is_not_kept() {
        let part = Kept::read(OLD).part("Room `spool`", vec![wanted("speed", "20 x")]);
        assert!(part.text.ends_with("Not run.\n"));
        assert_eq!(part.goals[0].reached, Reached::NotRun);
    }
}
