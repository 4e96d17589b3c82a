//! The house rules that a machine can check: lengths, first sentences, error pages, reasons for dependencies.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

use std::{collections::BTreeSet, fs};
use xtask::{
    sources::{self, Source},
    workspace::Workspace,
};

/// A file has fewer lines than this: it is read in one sitting.
const FILE_LINES: usize = 500;

#[test]
fn files_are_short_enough_to_read() {
    let root = xtask::workspace::root();
    let long: Vec<String> = sources::rust(&root)
        .unwrap()
        .iter()
        .map(|source| (source.path.display().to_string(), source.text.lines().count()))
        .filter(|(_, lines)| *lines >= FILE_LINES)
        .map(|(path, lines)| format!("{path} has {lines} lines; split it below {FILE_LINES}"))
        .collect();
    assert!(long.is_empty(), "\n{}\n", long.join("\n"));
}

#[test]
fn every_room_begins_with_its_purpose() {
    let workspace = Workspace::load().unwrap();
    for room in workspace.rooms.values() {
        let folder = workspace.root.join(&room.folder).join("src");
        let first = ["lib.rs", "main.rs"]
            .map(|name| folder.join(name))
            .into_iter()
            .find(|path| path.exists())
            .unwrap_or_else(|| panic!("{} has neither lib.rs nor main.rs", room.name));
        let text = fs::read_to_string(&first).unwrap();
        let doc: String = text
            .lines()
            .map_while(|line| line.strip_prefix("//!"))
            .collect::<Vec<_>>()
            .join(" ");
        assert!(
            doc.trim().len() > 20 && doc.contains('.'),
            "{} must begin with one sentence of purpose (//! …)",
            first.display()
        );
    }
}

#[test]
fn every_error_code_has_a_page_and_every_page_a_code() {
    let root = xtask::workspace::root();
    let product = |source: &&Source| !source.path.starts_with("xtask");
    let used: BTreeSet<String> = sources::rust(&root)
        .unwrap()
        .iter()
        .filter(product)
        .flat_map(|source| sources::codes(&source.text))
        .collect();
    let mut pages = BTreeSet::new();
    for entry in fs::read_dir(root.join("docs/errors")).into_iter().flatten() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        if let Some(code) = name.strip_suffix(".md")
            && code.starts_with("BH-")
        {
            pages.insert(code.to_owned());
        }
    }
    let unexplained: Vec<_> = used.difference(&pages).collect();
    assert!(
        unexplained.is_empty(),
        "error codes without a page docs/errors/CODE.md: {unexplained:?}"
    );
    let unused: Vec<_> = pages.difference(&used).collect();
    assert!(
        unused.is_empty(),
        "pages in docs/errors/ that no code leads to: {unused:?}"
    );
}

#[test]
fn every_direct_dependency_has_its_reason() {
    let workspace = Workspace::load().unwrap();
    let deny = fs::read_to_string(workspace.root.join("deny.toml")).unwrap();
    let reasons = sources::reasons(&deny);
    let mut missing = BTreeSet::new();
    for room in workspace.rooms.values() {
        for (name, _) in &room.foreign {
            if !reasons.contains(name.as_str()) {
                missing.insert(format!("{name} (used by {})", room.name));
            }
        }
    }
    assert!(
        missing.is_empty(),
        "deny.toml gives no reason for: {}",
        missing.into_iter().collect::<Vec<_>>().join(", ")
    );
}

#[test]
fn ci_runs_the_command_newcomers_run() {
    let root = xtask::workspace::root();
    let script = fs::read_to_string(root.join(".ci/run")).unwrap();
    assert!(
        script.contains("cargo xtask test"),
        ".ci/run must call the README's test command"
    );
    assert!(
        script.contains("CI=true"),
        ".ci/run must make a missing counterpart a failure"
    );
}
