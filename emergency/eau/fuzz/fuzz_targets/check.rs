//! Any bytes, and any damage to a valid note: an answer, bounded, without a panic.
#![no_main]

use std::sync::LazyLock;

use eau::{FINDINGS_MAX, OlderMail, Register, Validator, sample};
use jiff::civil::date;
use libfuzzer_sys::fuzz_target;

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| Validator::new().expect("the tables are whole"));
static NOTES: LazyLock<Vec<Vec<u8>>> =
    LazyLock::new(|| (0..16).map(|seed| sample::any(seed, date(2026, 10, 5)).xml.into_bytes()).collect());

/// Where in a note the rest of the input goes, and how much it replaces.
fn damaged(data: &[u8]) -> Option<Vec<u8>> {
    let [which, place_high, place_low, length, with @ ..] = data else { return None };
    let mut note = NOTES[usize::from(*which) % NOTES.len()].clone();
    let start = usize::from(u16::from_be_bytes([*place_high, *place_low])) % note.len();
    let end = (start + usize::from(*length)).min(note.len());
    note.splice(start..end, with.iter().copied());
    Some(note)
}

fuzz_target!(|data: &[u8]| {
    for bytes in [Some(data.to_vec()), damaged(data)].into_iter().flatten() {
        for on in [None, Some(date(2026, 10, 5)), Some(date(2026, 1, 26))] {
            if let Ok(checked) = VALIDATOR.check(&bytes, on) {
                assert!(checked.findings.len() <= FINDINGS_MAX);
                Register::new().see(&checked, OlderMail::Unknown);
            }
        }
    }
});
