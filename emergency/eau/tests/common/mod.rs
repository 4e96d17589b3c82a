//! Where the shared material lies, if it is there.
#![allow(dead_code, reason = "each test uses its part")]

use std::{io::Write, path::PathBuf};

/// The folder of the sick note samples, or `None` with a visible word about it.
pub(crate) fn shared(below: &str) -> Option<PathBuf> {
    let root = std::env::var_os("BULKHEAD_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let folder = root.join("data/ti").join(below);
    if folder.exists() {
        return Some(folder);
    }
    let _ = writeln!(
        std::io::stderr(),
        "SKIPPED: {} is not there (set BULKHEAD_SHARED)",
        folder.display()
    );
    None
}

/// XML files of a folder, sorted.
pub(crate) fn files(folder: &PathBuf) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "xml"));
    files.sort();
    files
}

/// A text that says what was found, for failures.
pub(crate) fn words(checked: &eau::Checked) -> String {
    checked
        .findings
        .iter()
        .map(|finding| format!("  {finding} — {}\n", finding.found.reveal()))
        .collect()
}
