//! Part two: one order over everything. It is signed, appended to the authority log by the control room, followed by
//! every door process over mutual TLS, and seen in the control room's picture: first applied, then proven.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant, SystemTime},
};

use hyper::Method;
use vocabulary::DoorId;

use crate::{middle, people::People, say, screens::Screen};

/// Longest wait for a cut to be applied or proven.
const WAIT: Duration = Duration::from_secs(60);
/// How often the picture is asked. Asking costs the control room a few milliseconds each time, on the cores that work.
const LOOK_EVERY: Duration = Duration::from_millis(25);
/// How often the whole picture is asked, once everything is applied.
const LOOK_AT_ALL_EVERY: Duration = Duration::from_millis(100);
/// How long the prober may take to find every open door open, before a cut.
const OPEN_WAIT: Duration = Duration::from_secs(180);

/// Cuts and opens again `runs` times; says the medians.
pub async fn measure(people: &People<'_>, screen: &mut Screen, tried: &BTreeSet<DoorId>, runs: usize) {
    let cells = people.ground.cells();
    let (mut logged, mut recorded, mut applied, mut proven) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for run in 1..=runs {
        settle(screen, tried).await;
        let order = people.closing();
        let (began, wall) = (Instant::now(), SystemTime::now());
        people.publish(&order).await;
        logged.push(millis(began));
        until_applied(screen, cells, began).await;
        applied.push(millis(began));
        let written = people.system.last_written(people.ground);
        recorded.push(written.duration_since(wall).unwrap_or_default().as_secs_f64() * 1_000.0);
        let (count, took) = until_proven(screen, tried, began).await;
        if count == tried.len() {
            proven.push(took);
        }
        say(&format!(
            "  run {run}: in the log {:.1} ms, last door ledger written {:.1} ms, picture shows all applied {:.1} ms, {count} of {} tried doors proven after {took:.1} ms",
            logged[run - 1],
            recorded[run - 1],
            applied[run - 1],
            tried.len()
        ));
        let began = Instant::now();
        if run < runs {
            people.open_everything().await;
            say(&format!(
                "  opened again in {:.1} s",
                began.elapsed().as_secs_f64()
            ));
        }
    }
    say(&format!(
        "order in the ledger of the last door process           {:>8.1} ms, median of {runs} runs",
        middle(&mut recorded)
    ));
    let processes = people.system.doors.len();
    say(&format!(
        "order in the authority log                             {:>8.1} ms, median of {runs} runs",
        middle(&mut logged)
    ));
    say(&format!(
        "order to all {cells} cells of {processes} processes applied: {:.1} ms, median of {runs} runs, as the picture shows it",
        middle(&mut applied)
    ));
    if proven.len() == runs {
        let tried = tried.len();
        say(&format!(
            "order to {tried} cells proven: {:.1} ms, median of {runs} runs",
            middle(&mut proven)
        ));
    } else {
        say(&format!(
            "order to cells proven: not in {} s in every run",
            WAIT.as_secs()
        ));
    }
}

fn millis(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1_000.0
}

/// Waits until the prober has found every door it tries open, with sessions that will be old when the cut comes.
async fn settle(screen: &mut Screen, tried: &BTreeSet<DoorId>) {
    let began = Instant::now();
    let mut looks = tokio::time::interval(Duration::from_millis(500));
    loop {
        looks.tick().await;
        let found = proven_cells(screen, "open").await;
        let count = tried
            .iter()
            .filter(|door| found.contains(&door.cell().to_string()))
            .count();
        if count == tried.len() {
            say(&format!(
                "  the prober holds sessions at {count} open doors after {:.1} s",
                began.elapsed().as_secs_f64()
            ));
            return;
        }
        if began.elapsed() > OPEN_WAIT {
            say(&format!(
                "  the prober found only {count} of {} doors open",
                tried.len()
            ));
            return;
        }
    }
}

/// Waits until no cell of the picture is open any more.
async fn until_applied(screen: &mut Screen, cells: usize, began: Instant) {
    let mut looks = tokio::time::interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let picture = screen
            .json(Method::GET, "/api/v1/cells?stellung=held", None)
            .await;
        if picture["shown"].as_u64() == Some(cells as u64) {
            return;
        }
        let shown = &picture["shown"];
        assert!(
            began.elapsed() < WAIT,
            "only {shown} of {cells} cells are applied"
        );
    }
}

/// Waits until every cell that is tried is proven closed; gives how many were, and when the last look began.
async fn until_proven(screen: &mut Screen, tried: &BTreeSet<DoorId>, began: Instant) -> (usize, f64) {
    let mut looks = tokio::time::interval(LOOK_AT_ALL_EVERY);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let found = proven_cells(screen, "held").await;
        let count = tried
            .iter()
            .filter(|door| found.contains(&door.cell().to_string()))
            .count();
        if count == tried.len() || began.elapsed() > WAIT {
            return (count, millis(began));
        }
    }
}

/// Cells in this position whose position is proven.
async fn proven_cells(screen: &mut Screen, position: &str) -> BTreeSet<String> {
    let picture = screen
        .json(Method::GET, &format!("/api/v1/cells?stellung={position}"), None)
        .await;
    let rows = picture["rows"].as_array().cloned().unwrap_or_default();
    let cells = rows.iter().filter_map(|row| row["cells"].as_array()).flatten();
    let proven = cells.filter(|cell| cell["grade"] == "proven");
    proven
        .filter_map(|cell| {
            Some(format!(
                "{}/{}",
                cell["insurer"].as_str()?,
                cell["service"].as_str()?
            ))
        })
        .collect()
}
