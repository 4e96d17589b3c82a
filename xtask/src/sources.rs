//! The project's own files, read for the house rules.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::Failed;

/// One Rust file of the project.
#[derive(Debug)]
pub struct Source {
    /// Relative to the root.
    pub path: PathBuf,
    /// What is in it.
    pub text: String,
}

/// Every Rust file of the project, sorted by path.
///
/// # Errors
/// When a folder or file cannot be read.
pub fn rust(root: &Path) -> Result<Vec<Source>, Failed> {
    let mut paths = Vec::new();
    collect(root, &mut paths)?;
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path)
                .map_err(|cause| Failed::because(&format!("cannot read {}", path.display()), &cause))?;
            let path = path.strip_prefix(root).map(Path::to_path_buf).unwrap_or(path);
            Ok(Source { path, text })
        })
        .collect()
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) -> Result<(), Failed> {
    let tried = format!("cannot list {}", folder.display());
    let entries = fs::read_dir(folder).map_err(|cause| Failed::because(&tried, &cause))?;
    for entry in entries {
        let path = entry.map_err(|cause| Failed::because(&tried, &cause))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            // A folder that begins with a dot is a tool's; `target` is cargo's.
            if !name.starts_with('.') && name != "target" {
                collect(&path, into)?;
            }
        } else if name.ends_with(".rs") {
            into.push(path);
        }
    }
    Ok(())
}

/// Error codes named in a text: `BH-` and four digits, as in `BH-1001`.
#[must_use]
pub fn codes(text: &str) -> BTreeSet<String> {
    let starts = text.match_indices("BH-").map(|(at, _)| at);
    starts.filter_map(|at| code(text.get(at..)?)).collect()
}

fn code(text: &str) -> Option<String> {
    let digits: String = text.get(3..)?.chars().take_while(char::is_ascii_digit).collect();
    (digits.len() == 4).then(|| format!("BH-{digits}"))
}

/// Names that `deny.toml` gives a reason for: its lines `# name: reason` between the two marks.
#[must_use]
pub fn reasons(deny: &str) -> BTreeSet<&str> {
    deny.lines()
        .skip_while(|line| line.trim() != REASONS_BEGIN)
        .take_while(|line| line.trim() != REASONS_END)
        .filter_map(|line| line.strip_prefix("# ")?.split_once(": "))
        .filter(|(name, reason)| !name.contains(' ') && !reason.trim().is_empty())
        .map(|(name, _)| name)
        .collect()
}

const REASONS_BEGIN: &str = "# -- direct dependencies and why --";
const REASONS_END: &str = "# -- end --";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_wherever_they_stand() {
        let found = codes("say \"BH-1001\" and BH-2002, not BH-nnnn, BH-12, BH-, ABH");
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["BH-1001", "BH-2002"]);
    }

    #[test]
    fn a_reason_needs_words_and_a_place_between_the_marks() {
        let deny = "# early: no\n# -- direct dependencies and why --\n# serde: reads JSON\n# empty: \n# -- end --\n# late: no\n";
        assert_eq!(reasons(deny).into_iter().collect::<Vec<_>>(), ["serde"]);
    }
}
