//! Validations per second and core: `cargo run --release -p eau --example bench`.
//!
//! Time is what the core spent on this thread, so that neighbours on the machine do not count. Whole documents from bytes to
//! verdict, one thread, a mix of generated notes; the mean size and the result are printed, so that nobody measures an
//! early refusal.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement stops at the first surprise"
)]

use std::time::{Duration, Instant};

use eau::{Validator, Verdict, sample};
use jiff::civil::date;

fn main() {
    let validator = Validator::new().unwrap();
    let issued = date(2026, 10, 5);
    let notes: Vec<String> = (0..400).map(|seed| sample::any(seed, issued).xml).collect();
    let bytes: usize = notes.iter().map(String::len).sum();
    let mut rates = Vec::new();
    for _ in 0..5 {
        let (start, busy, mut count) = (Instant::now(), busy(), 0_u32);
        while start.elapsed() < Duration::from_secs(2) {
            for note in &notes {
                let checked = validator.check(note.as_bytes(), Some(issued)).unwrap();
                assert_eq!(checked.verdict(), Verdict::Valid);
                count = count.saturating_add(1);
            }
        }
        let spent = match (busy, self::busy()) {
            (Some(before), Some(after)) => after.saturating_sub(before).as_secs_f64(),
            _ => start.elapsed().as_secs_f64(),
        };
        let rate = f64::from(count) / spent;
        rates.push(rate);
    }
    rates.sort_by(f64::total_cmp);
    println!(
        "judged on one core: {:.0} documents/s, median of {} (slowest {:.0}, fastest {:.0}), mean size {} bytes, all valid",
        rates[rates.len() / 2],
        rates.len(),
        rates[0],
        rates[rates.len() - 1],
        bytes / notes.len()
    );
}

/// Time this thread spent on a core, where the system tells.
fn busy() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(
        text.split_whitespace().next()?.parse().ok()?,
    ))
}
