//! When what happened was told: read where people read it, from the console and from the files of the status site.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use ::drill::side::{Kept, Promise};
use hyper::Method;
use order::login::ConsoleOrigin;
use publication::{FactSheet, Site, promises::public_1, site};
use serde_json::{Value, json};
use vocabulary::{CellId, DoorId, Millis};

use super::side::{millis, promise, wrong};
use super::sign;
use crate::{
    command::sign::console::{CallError, Console},
    report::Trouble,
};

/// How long the page may take before the drill calls it silent.
const PAGE_WAIT: Duration = Duration::from_secs(10);
/// How long the picture may take.
const SCREEN_WAIT: Duration = Duration::from_secs(20);
/// Longest wait for one answer of the console.
const ASK_WAIT: Duration = Duration::from_secs(10);
/// How often page and picture are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A person at the console, logged in, who looks at the picture again and again.
pub(super) struct Watcher {
    console: Console,
    cells: BTreeSet<String>,
    began: Instant,
}

impl Watcher {
    /// Logs in with a person's key.
    ///
    /// # Errors
    /// What kept it from logging in.
    pub(super) fn log_in(
        origin: &ConsoleOrigin,
        key: &Path,
        doors: &BTreeSet<DoorId>,
        began: Instant,
    ) -> Result<Self, Trouble> {
        Ok(Self {
            console: log_in(origin, key)?,
            cells: doors.iter().map(|door| door.cell().to_string()).collect(),
            began,
        })
    }

    /// Waits until the picture shows every cell closed and proven. Blocks.
    pub(super) fn until_proven(self) -> Option<Millis> {
        while self.began.elapsed() < SCREEN_WAIT {
            let picture = self
                .console
                .ask(Method::GET, "/api/v1/cells", None, ASK_WAIT)
                .ok()?;
            if self.shows(&picture) {
                return Some(millis(self.began.elapsed()));
            }
            std::thread::sleep(LOOK_EVERY);
        }
        None
    }

    fn shows(&self, picture: &Value) -> bool {
        let rows = picture.get("rows").and_then(Value::as_array);
        let cells = rows
            .into_iter()
            .flatten()
            .filter_map(|row| row.get("cells")?.as_array())
            .flatten();
        let proven: BTreeSet<String> = cells
            .filter(|cell| {
                cell.get("grade").is_some_and(|grade| grade == "proven")
                    && cell.get("position").is_some_and(|position| position != "open")
            })
            .filter_map(|cell| {
                Some(format!(
                    "{}/{}",
                    cell.get("insurer")?.as_str()?,
                    cell.get("service")?.as_str()?
                ))
            })
            .collect();
        self.cells.is_subset(&proven)
    }
}

/// A session at the console, with a person's key.
///
/// # Errors
/// What kept it from logging in.
pub(super) fn log_in(origin: &ConsoleOrigin, key: &Path) -> Result<Console, Trouble> {
    let mut console = Console::new(origin.clone(), None)?;
    let asked = console
        .ask(Method::GET, "/api/v1/login", None, ASK_WAIT)
        .map_err(refused)?;
    let text = asked.get("challenge").and_then(Value::as_str).unwrap_or_default();
    let signature = sign::answer_challenge(text, origin, key).map_err(|error| wrong(error.to_string()))?;
    let body = json!({ "challenge": text, "signature": signature.0 });
    let answer = console
        .ask(Method::POST, "/api/v1/login", Some(&body), ASK_WAIT)
        .map_err(refused)?;
    console.keep(answer.get("token").and_then(Value::as_str).map(str::to_owned));
    Ok(console)
}

/// What the console said, as trouble of the drill.
pub(super) fn refused(error: CallError) -> Trouble {
    match error {
        CallError::Unreached(trouble) => trouble,
        CallError::NotLoggedIn => wrong("not logged in"),
        CallError::Refused(sentence) => wrong(sentence),
    }
}

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
