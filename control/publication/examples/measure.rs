//! How long the site takes: 80 invented insurers in two languages, all of it, and one change.
//!
//! `cargo run --release -p publication --example measure [FOLDER]` prints the times, and writes the site there if a
//! folder is named, to be looked at.
#![allow(clippy::unwrap_used, reason = "a measurement stops at the first surprise")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::{
    collections::BTreeMap,
    io::{Write, stdout},
    path::PathBuf,
    time::Instant,
};

use common::{incident_in, quiet_80, set};
use publication::{
    FactSheet, State,
    ask::{self, Answer, Fate},
    promises::{public_1, public_1_change},
    site,
    text::{Both, Name},
};
use vocabulary::{CellId, Digest, Seconds, ServiceId};

/// The middle of some runs, in milliseconds.
fn middle(runs: usize, mut work: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..runs)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64() * 1_000.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times.get(runs / 2).copied().unwrap_or_default()
}

/// The same with 42 more services for each insurer: 4,000 cells.
fn many_services(sheet: &FactSheet) -> FactSheet {
    let mut sheet = sheet.clone();
    for number in 1..=42 {
        let service: ServiceId = format!("dienst-{number}").parse().unwrap();
        let name: Name = format!("Dienst {number}").parse().unwrap();
        sheet.services.insert(
            service.clone(),
            Both {
                de: name.clone(),
                en: name,
            },
        );
        for insurer in sheet.insurers.keys() {
            let cell = CellId {
                insurer: insurer.clone(),
                service: service.clone(),
            };
            let fact = sheet.cells.get(&CellId {
                insurer: insurer.clone(),
                service: "eau".parse().unwrap(),
            });
            sheet.cells.insert(cell, fact.unwrap().clone());
        }
    }
    sheet
}

fn main() -> std::io::Result<()> {
    let old = incident_in(&quiet_80());
    let mut new = old.clone();
    new.as_of = old.as_of.plus(Seconds(60));
    let now = new.as_of;
    set(&mut new, "kasse-070/payments", State::Emergency, now);
    let new = new.following(&old);
    let site = site::render(&old).unwrap();
    let bytes: usize = site.files.values().map(Vec::len).sum();
    let mut out = stdout().lock();
    writeln!(
        out,
        "cells {}, files {}, bytes {bytes}",
        old.cells.len(),
        site.files.len()
    )?;
    writeln!(
        out,
        "whole site            {:8.1} ms",
        middle(21, || drop(site::render(&old).unwrap()))
    )?;
    let changed = site::changed(&old, &new).unwrap();
    let written: usize = changed.written.values().map(Vec::len).sum();
    writeln!(
        out,
        "one change            {:8.1} ms ({} files, {written} bytes)",
        middle(21, || drop(site::changed(&old, &new).unwrap())),
        changed.written.len()
    )?;
    writeln!(
        out,
        "PUBLIC-1 over all     {:8.1} ms",
        middle(5, || public_1(&old, &site).unwrap())
    )?;
    writeln!(
        out,
        "PUBLIC-1 over change  {:8.1} ms",
        middle(5, || public_1_change(&new, &changed).unwrap())
    )?;
    let (large, larger) = (many_services(&old), many_services(&new));
    let whole = middle(5, || drop(site::render(&large).unwrap()));
    let one = middle(5, || drop(site::changed(&large, &larger).unwrap()));
    writeln!(
        out,
        "{} cells: whole {whole:.1} ms, one change {one:.1} ms",
        large.cells.len()
    )?;
    let answers: BTreeMap<Digest, Answer> = (0..10_000_u64)
        .map(|n| {
            (
                ask::key(&format!("{n:032x}")),
                Answer {
                    state: Fate::Held,
                    as_of: old.as_of,
                },
            )
        })
        .collect();
    let sign = |bytes: &[u8]| Digest::of(bytes).to_string();
    let all = middle(3, || drop(ask::render(&old.estate, &answers, &sign).unwrap()));
    writeln!(
        out,
        "10,000 answers        {all:8.1} ms (without real signatures)"
    )?;
    if let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) {
        for (path, bytes) in &site.files {
            let file = folder.join(path.as_str());
            std::fs::create_dir_all(file.parent().unwrap_or(&folder))?;
            std::fs::write(file, bytes)?;
        }
    }
    Ok(())
}
