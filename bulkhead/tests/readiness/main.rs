//! Readiness and call-out, as people use them: the command line, real servers on loopback, real doors behind the plan.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests and what they stand among may stop at the first surprise"
)]

#[path = "../common/mod.rs"]
mod common;

mod callout;
mod hook;
mod onboard;
mod picture;
mod servers;

use std::path::Path;

use bulkhead::files;

/// Two people who are called, each on two ways, and the deputy who stands in for both.
const BOOK: &str = r#"estate = "klein"
issued = 2026-11-01

[[contact]]
id = "anna"
name = "Anna Berg"
duties = ["commander"]
ways = ["sms:+49 171 2345678", "mail:anna@notfall.example", "paper:Beispielweg 1, Essen"]
deputies = ["bert"]

[[contact]]
id = "bert"
name = "Bert Tal"
duties = ["restoration-lead"]
ways = ["voice:+49 201 5550100", "mail:bert@anderswo.example"]
"#;

/// Writes a file for its owner alone; gives its path as text.
fn file(folder: &Path, name: &str, content: &str) -> String {
    let path = folder.join(name);
    files::write_private(&path, content.as_bytes()).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A new age key in a file, and what others seal to.
fn age_key(folder: &Path, name: &str) -> (String, String) {
    let key = age::x25519::Identity::generate();
    let secret = age::secrecy::ExposeSecret::expose_secret(&key.to_string()).to_owned();
    (
        file(folder, name, &format!("{secret}\n")),
        key.to_public().to_string(),
    )
}
