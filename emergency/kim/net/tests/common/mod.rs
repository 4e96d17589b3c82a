//! What the tests of these sockets stand among: certificates, a mailbox in memory, an attachment store.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses its part, and nothing else can see it"
)]

pub mod attachments;
pub mod mailbox;
pub mod tls;

use std::{io::Write as _, time::Duration};

/// Longest wait for anything.
pub const LONG: Duration = Duration::from_secs(60);

/// A program of somebody else. `None`, said aloud, when it is not installed.
pub fn counterpart(program: &str) -> Option<&str> {
    let found = std::process::Command::new(program)
        .arg("--version")
        .output()
        .is_ok();
    if !found {
        assert!(
            std::env::var_os("BULKHEAD_REQUIRE_COUNTERPARTS").is_none_or(|value| value != "1"),
            "{program} is missing"
        );
        let said = std::io::stderr().write_fmt(format_args!("SKIPPED: {program} is not installed\n"));
        said.unwrap();
    }
    found.then_some(program)
}
