//! `cargo xtask test`: counterparts, then every test, then the runner's own closing lines.

use crate::{
    Failed, counterparts,
    run::{self, Ended},
    workspace::Workspace,
};

/// What a skipped test writes to its standard error (around the test runner's capture), before the reason.
pub const SKIPPED: &str = "SKIP";

/// Runs every test and gives back the runner's exit code.
///
/// In CI (`CI=true`) a missing counterpart is a failure. `narrow` replaces `--workspace`, as in `-p sign`.
///
/// # Errors
/// When counterparts are required and missing, or the runner cannot be started.
pub fn test(narrow: &[String]) -> Result<u8, Failed> {
    let workspace = Workspace::load()?;
    let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    counterparts::packages(in_ci)?;
    let python = counterparts::python(&workspace.target, in_ci)?;
    let browser = counterparts::browser(&workspace.root, &workspace.target, in_ci)?;

    let mut command = run::cargo(&workspace.root, &["test", "--no-fail-fast"]);
    if narrow.is_empty() {
        command.arg("--workspace");
    }
    command.args(narrow);
    if in_ci {
        command.env("BULKHEAD_REQUIRE_COUNTERPARTS", "1");
        // Nobody builds a second time in this folder: spare the disk.
        command.env("CARGO_INCREMENTAL", "0");
    }
    if let Some(python) = python {
        command.env("BULKHEAD_PYTHON", python);
    }
    if let Some(browser) = browser {
        command.env("BULKHEAD_BROWSER", browser);
    }
    let ended = run::stream(&mut command, is_closing)?;
    close(&ended);
    Ok(ended.code)
}

fn is_closing(line: &str) -> bool {
    line.starts_with("test result:") || line.starts_with(SKIPPED) || line.ends_with("FAILED")
}

fn close(ended: &Ended) {
    let said = |start: &str| {
        let start = start.to_owned();
        ended.kept.iter().filter(move |line| line.starts_with(&start))
    };
    println!("\nClosing lines of the test runner:");
    for line in said("test result:") {
        println!("{line}");
    }
    for line in ended.kept.iter().filter(|line| line.ends_with("FAILED")) {
        println!("{line}");
    }
    let skipped = said(SKIPPED).count();
    println!(
        "\nxtask: {} test programs, {} passed, {} failed, {} ignored, {skipped} skipped for a missing counterpart",
        said("test result:").count(),
        count(ended, " passed;"),
        count(ended, " failed;"),
        count(ended, " ignored;"),
    );
    for line in said(SKIPPED) {
        println!("{line}");
    }
}

/// The sum over all closing lines of the number before a word.
fn count(ended: &Ended, word: &str) -> usize {
    let number = |line: &String| -> Option<usize> {
        let (before, _) = line.split_once(word)?;
        before.rsplit(' ').next()?.parse().ok()
    };
    ended.kept.iter().filter_map(number).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_add_up() {
        let ended = Ended {
            code: 101,
            kept: vec![
                "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s".into(),
                "test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out".into(),
            ],
        };
        assert_eq!(
            (
                count(&ended, " passed;"),
                count(&ended, " failed;"),
                count(&ended, " ignored;")
            ),
            (7, 2, 1)
        );
    }
}
