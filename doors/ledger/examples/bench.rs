//! Measures the two goals of the ledger on this machine: appending with a durable checkpoint, and verifying.
//!
//! `cargo run --release -p ledger --example bench [DIR]` (a directory on the disk to measure; default: the current one)

use ledger::Ledger;
use record::{Draft, Kind, LogKey, Origin, verify::Trust};
use std::{
    error::Error,
    path::{Path, PathBuf},
    time::Instant,
};
use vocabulary::Timestamp;

const VERIFY_ENTRIES: u64 = 1_000_000;

fn drafts(from: u64, count: u64) -> Result<Vec<Draft>, Box<dyn Error>> {
    let kind = Kind::new("door.tightened")?;
    // About 200 bytes encoded, as a door's entries are.
    Ok((from..from + count)
        .map(|n| Draft {
            kind: kind.clone(),
            at: Timestamp(1_682_366_400),
            body: format!(
                "{{\"door\":\"kasse-{:03}/kim\",\"epoch\":{n},\"position\":\"Held\",\"filler\":\"{:050}\"}}",
                n % 80,
                n
            )
            .into_bytes(),
        })
        .collect())
}

fn main() -> Result<(), Box<dyn Error>> {
    let parent = std::env::args_os()
        .nth(1)
        .map_or_else(|| PathBuf::from("."), PathBuf::from);
    let temp = tempfile::tempdir_in(parent)?;
    let origin = Origin::new("bulkhead.example/bench")?;
    let key = LogKey::from_seed(&origin, &[1; 32])?;
    appending(temp.path(), &origin, &key)?;
    verifying(&temp.path().join("verify"), &origin, &key)
}

fn appending(dir: &Path, origin: &Origin, key: &LogKey) -> Result<(), Box<dyn Error>> {
    for (batch, rounds) in [(1_u64, 1_000_u64), (64, 500), (1_000, 200)] {
        let mut ledger = Ledger::create(&dir.join(format!("batch-{batch}")), origin)?;
        let start = Instant::now();
        for round in 0..rounds {
            ledger.append(&drafts(round * batch, batch)?)?;
            ledger.checkpoint(key)?;
        }
        let seconds = start.elapsed().as_secs_f64();
        println!(
            "append, batches of {batch:>4}, durable checkpoint after each: {:>9.0} entries/s",
            (batch * rounds) as f64 / seconds
        );
    }
    Ok(())
}

fn verifying(dir: &Path, origin: &Origin, key: &LogKey) -> Result<(), Box<dyn Error>> {
    let mut ledger = Ledger::create(dir, origin)?;
    for round in 0..VERIFY_ENTRIES / 1_000 {
        ledger.append(&drafts(round * 1_000, 1_000)?)?;
    }
    ledger.checkpoint(key)?;
    drop(ledger);
    let trust = Trust {
        log: vec![key.verifier().clone()],
        witnesses: None,
    };
    let start = Instant::now();
    let verified = ledger::verify(dir, origin, &[], &trust)?;
    println!(
        "verify, {VERIFY_ENTRIES} entries: {:.2} s, sound: {}",
        start.elapsed().as_secs_f64(),
        verified.is_sound()
    );
    let mut encoded = Vec::new();
    for entry in Ledger::open(dir, origin)?.0.read(0)? {
        encoded.push(entry?.encode()?);
    }
    let bytes: usize = encoded.iter().map(Vec::len).sum();
    let start = Instant::now();
    let report = record::verify::verify(origin, &encoded, &[], &trust);
    println!(
        "verify in memory, one thread, {} bytes each: {:.2} s, sound: {}",
        bytes / encoded.len(),
        start.elapsed().as_secs_f64(),
        report.is_sound()
    );
    drop(encoded);
    let start = Instant::now();
    let (mut ledger, _) = Ledger::open(dir, origin)?;
    println!(
        "open (reads and checks everything): {:.2} s",
        start.elapsed().as_secs_f64()
    );
    let start = Instant::now();
    let count = ledger.read(0)?.filter(Result::is_ok).count();
    println!(
        "read back {count} entries: {:.2} s",
        start.elapsed().as_secs_f64()
    );
    let start = Instant::now();
    ledger.consistency_proof(VERIFY_ENTRIES / 3, VERIFY_ENTRIES)?;
    println!("consistency proof: {:.4} s", start.elapsed().as_secs_f64());
    Ok(())
}
