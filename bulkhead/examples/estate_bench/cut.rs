//! Part two: one order over everything. It is signed, appended to the authority log by the control room, followed by
//! every door process over mutual TLS, and seen in the control room's picture: first applied, then proven.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant, SystemTime},
};

use hyper::Method;
use vocabulary::{DoorId, InsurerId};

use crate::{middle, people::People, say, screens::Screen};

/// Longest wait for a cut to be applied or proven.
const WAIT: Duration = Duration::from_secs(60);
/// How often one insurer's row is asked for. The whole picture of 4,000 cells costs the control room and us many
/// milliseconds each time, on the cores that work: it is asked once, when every row was seen to be done.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// How long the prober may take to find every open door open, before a cut.
const OPEN_WAIT: Duration = Duration::from_secs(180);

/// Cuts and opens again `runs` times; says the medians.
pub async fn measure(people: &People<'_>, screen: &mut Screen, tried: &BTreeSet<DoorId>, runs: usize) {
    let all: BTreeSet<DoorId> = people.ground.estate.doors().map(|(door, _, _)| door).collect();
    let cells = all.len();
    let (mut logged, mut recorded, mut applied, mut proven) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for run in 1..=runs {
        settle(screen, tried).await;
        let order = people.closing();
        let (began, wall) = (Instant::now(), SystemTime::now());
        people.publish(&order).await;
        logged.push(millis(began));
        let missing = until(screen, &all, "held", None, began).await;
        assert_eq!(missing, 0, "{missing} of {cells} cells are not applied");
        applied.push(millis(began));
        let written = people.system.last_written(people.ground);
        recorded.push(written.duration_since(wall).unwrap_or_default().as_secs_f64() * 1_000.0);
        let missing = until(screen, tried, "held", Some("proven"), began).await;
        let (count, took) = (tried.len() - missing, millis(began));
        if missing == 0 {
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
    loop {
        let missing = until(screen, tried, "open", Some("proven"), Instant::now()).await;
        let took = began.elapsed().as_secs_f64();
        if missing == 0 {
            let count = tried.len();
            return say(&format!(
                "  the prober holds sessions at {count} open doors after {took:.1} s"
            ));
        }
        if began.elapsed() > OPEN_WAIT {
            return say(&format!(
                "  the prober did not find {missing} doors open in {took:.1} s"
            ));
        }
    }
}

/// Waits until every one of these doors stands like this in the picture, with this grade if one is asked for; gives how
/// many do not when waiting is over.
async fn until(
    screen: &mut Screen,
    doors: &BTreeSet<DoorId>,
    position: &str,
    grade: Option<&str>,
    began: Instant,
) -> usize {
    let mut insurers: BTreeSet<&InsurerId> = doors.iter().map(|door| &door.cell().insurer).collect();
    let mut looks = tokio::time::interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while let Some(insurer) = insurers.first().copied() {
        let row = format!("stellung={position}&suche={insurer}");
        let found = cells_like(screen, &row, grade).await;
        let mut own = doors.iter().filter(|door| door.cell().insurer == *insurer);
        if own.all(|door| found.contains(&door.cell().to_string())) {
            insurers.remove(insurer);
        } else if began.elapsed() > WAIT {
            break;
        } else {
            looks.tick().await;
        }
    }
    // All at one moment, whatever the rows said one after the other.
    let found = cells_like(screen, &format!("stellung={position}"), grade).await;
    let is_missing = |door: &&DoorId| !found.contains(&door.cell().to_string());
    doors.iter().filter(is_missing).count()
}

/// Cells of the picture that this query shows, with this grade if one is asked for.
async fn cells_like(screen: &mut Screen, query: &str, grade: Option<&str>) -> BTreeSet<String> {
    let path = format!("/api/v1/cells?{query}");
    let picture = screen.json(Method::GET, &path, None).await;
    let rows = picture["rows"].as_array().cloned().unwrap_or_default();
    let cells = rows.iter().filter_map(|row| row["cells"].as_array()).flatten();
    let like = cells.filter(|cell| grade.is_none_or(|grade| cell["grade"] == grade));
    like.filter_map(|cell| {
        Some(format!(
            "{}/{}",
            cell["insurer"].as_str()?,
            cell["service"].as_str()?
        ))
    })
    .collect()
}
