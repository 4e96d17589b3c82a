//! When what happened was told: read where people read it, from the files of the status site.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use ::drill::side::{Kept, Promise};
use publication::{FactSheet, Site, promises::public_1, site};
use serde_json::Value;
use vocabulary::{CellId, DoorId, Millis};

use super::side::{millis, promise};

/// How long the page may take before the drill calls it silent.
const PAGE_WAIT: Duration = Duration::from_secs(10);
/// How often the page is read.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Waits until the public page says of every one of these cells that it is not in normal operation.
pub(super) async fn on_page(site: PathBuf, doors: &BTreeSet<DoorId>, began: Instant) -> Option<Millis> {
    let cells: BTreeSet<&CellId> = doors.iter().map(DoorId::cell).collect();
    let mut looks = tokio::time::interval(LOOK_EVERY);
    while began.elapsed() < PAGE_WAIT {
        looks.tick().await;
        if told(&site, &cells) {
            return Some(millis(began.elapsed()));
        }
    }
    None
}

fn told(site: &Path, cells: &BTreeSet<&CellId>) -> bool {
    let Ok(bytes) = std::fs::read(site.join("api/v2/summary.json")) else {
        return false;
    };
    let Ok(summary) = serde_json::from_slice::<Value>(&bytes) else {
        return false;
    };
    let said: BTreeSet<&str> = summary
        .get("components")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter(|component| {
            component
                .get("bulkhead_state")
                .is_some_and(|state| state != "normal")
        })
        .filter_map(|component| component.get("id")?.as_str())
        .collect();
    cells.iter().all(|cell| said.contains(cell.to_string().as_str()))
}

/// The site as it stands, read back from its files against the facts it was made from. While the publisher is replacing
/// it, files and facts are of two sites: then it is read again.
pub(super) async fn public(root: &Path, memory: &Path) -> Promise {
    let (began, mut looks) = (Instant::now(), tokio::time::interval(LOOK_EVERY));
    loop {
        looks.tick().await;
        let found = read_back(root, memory);
        if found.kept == Kept::Held || began.elapsed() > PAGE_WAIT {
            return found;
        }
    }
}

fn read_back(root: &Path, memory: &Path) -> Promise {
    let read = || -> Result<(FactSheet, Site), Box<dyn std::error::Error + Send + Sync>> {
        let sheet: FactSheet = serde_json::from_slice(&std::fs::read(memory)?)?;
        let mut standing = site::render(&sheet)?;
        for (path, bytes) in &mut standing.files {
            *bytes = std::fs::read(root.join(path.as_str()))?;
        }
        Ok((sheet, standing))
    };
    match read() {
        Err(error) => promise(
            "PUBLIC-1",
            Kept::Broken,
            format!("the site cannot be read: {error}"),
        ),
        Ok((sheet, standing)) => match public_1(&sheet, &standing) {
            Ok(()) => promise(
                "PUBLIC-1",
                Kept::Held,
                format!(
                    "{} files read back: every one says of {} cells what the facts say, no word of unknown origin",
                    standing.files.len(),
                    sheet.cells.len()
                ),
            ),
            Err(breaches) => promise(
                "PUBLIC-1",
                Kept::Broken,
                breaches.first().map(ToString::to_string).unwrap_or_default(),
            ),
        },
    }
}
