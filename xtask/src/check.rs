//! `cargo xtask check`: everything a change must pass before it is shown to anyone.

use crate::{Failed, run, test, workspace};

/// Format, lints, walls and house rules, licences, tests; stops at the first that fails.
///
/// # Errors
/// The first step that failed.
pub fn check() -> Result<u8, Failed> {
    let root = workspace::root();
    run::show(&mut run::cargo(&root, &["fmt", "--all", "--check"]))?;
    run::show(&mut run::cargo(
        &root,
        &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"],
    ))?;
    // The limit on functions is for what a reader must follow; a test that lists thirty rows is a table.
    run::show(&mut run::cargo(
        &root,
        &[
            "clippy",
            "--workspace",
            "--lib",
            "--bins",
            "--",
            "-D",
            "warnings",
            "-D",
            "clippy::too_many_lines",
        ],
    ))?;
    walls()?;
    deny()?;
    test::test(&[])
}

/// The arrows between rooms, and the house rules: lengths, first sentences, error pages, reasons for dependencies.
///
/// # Errors
/// When a wall is broken; the test that says which has printed it.
pub fn walls() -> Result<(), Failed> {
    let root = workspace::root();
    run::show(&mut run::cargo(
        &root,
        &[
            "test", "--quiet", "-p", "xtask", "--test", "walls", "--test", "house",
        ],
    ))
}

/// Licences, advisories and sources, where `cargo-deny` is installed. CI does not build it: it takes longer than all
/// of the tests.
fn deny() -> Result<(), Failed> {
    if run::find("cargo-deny").is_none() {
        eprintln!("xtask: cargo-deny is not installed, licences are not checked. To install it:");
        eprintln!("\n    cargo install cargo-deny --locked\n");
        return Ok(());
    }
    let root = workspace::root();
    run::show(&mut run::cargo(
        &root,
        &["deny", "check", "bans", "licenses", "sources"],
    ))?;
    // Last, because it alone needs the network: it fetches the list of known weaknesses.
    run::show(&mut run::cargo(&root, &["deny", "check", "advisories"]))
}
