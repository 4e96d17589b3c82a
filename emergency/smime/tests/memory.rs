//! A mail of 25 MiB is opened in less than 64 MB. Alone in its program: it measures the whole process.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod common;

use std::fs;

use common::{NOW, inner, world};
use smime::{Checks, Content, Outcome};

/// Peak of resident memory since the last reset, in bytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1_024
}

#[test]
fn a_large_mail_streams_in_less_than_64_megabytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail");
    let mut whole = inner("");
    let line = [b"0123456789abcdef".repeat(4), b"\r\n".to_vec()].concat();
    while whole.len() < 25 << 20 {
        whole.extend_from_slice(&line);
    }
    let length = whole.len();
    fs::write(&path, world().seal(&whole)).unwrap();
    drop(whole);
    let key = world().fund_receives.key().unwrap();
    let trust = world().trust_with_list();
    fs::write("/proc/self/clear_refs", "5").unwrap(); // forget the peak of making it
    let outcome = smime::open(
        fs::File::open(&path).unwrap(),
        &[&key],
        &Checks {
            trust: &trust,
            received: NOW,
        },
    )
    .unwrap();
    let peak = peak();
    let Outcome::Opened(opened) = outcome else {
        panic!("{outcome:?}")
    };
    assert!(
        matches!(&opened.content, Content::Mail(bytes) if bytes.len() == length),
        "{:?}",
        opened.findings
    );
    assert_eq!(opened.findings, []);
    assert!(peak < 64_000_000, "peak {peak} bytes");
    println!("peak {peak} bytes for a mail of {length} bytes inside");
}
