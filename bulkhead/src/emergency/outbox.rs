//! The outbox: released answers wait in files until the door has let them out. Whoever prepares answers writes
//! `NAME.json` (whole or not at all); a file that is gone left, one that cannot leave becomes `NAME.refused` with the
//! reason in `NAME.why`.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use spool::ItemId;
use vocabulary::Digest;

use super::{
    door::Door,
    grants_cell, is_final,
    store::{self, Store},
};
use crate::{
    emergency_wire::{AnswerCall, Answered},
    files,
    http::CallError,
    report::Trouble,
};

/// How often the folder is looked through.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Longest file: the longest answer in base64, and a release.
const FILE_BYTES_MAX: u64 = 8 << 20;
/// Files looked at in one round.
const FILES_MAX: usize = 1_000;

/// One answer in the outbox.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outgoing {
    /// The item it answers.
    pub item: ItemId,
    /// What the door is asked.
    pub call: AnswerCall,
}

/// Hands out whatever waits, for as long as the process lives.
pub(super) async fn hand_out_always(
    dir: PathBuf,
    doors: Vec<Arc<Door>>,
    store: Arc<Store>,
) -> Result<(), Trouble> {
    files::make_private_folder(&dir).map_err(|error| store::broken(error.into()))?;
    let mut told = None;
    loop {
        for path in waiting(&dir).map_err(|error| store::broken(error.into()))? {
            if let Err(error) = hand_out(&path, &doors, &store).await? {
                let said = error.to_string();
                if told.as_ref() != Some(&said) {
                    tracing::warn!(%error, "an answer waits in the outbox");
                    told = Some(said);
                }
                match error {
                    // What one answer lacks another may have.
                    CallError::Refused { .. } => {}
                    CallError::Unreached { .. } | CallError::Garbled { .. } => break,
                }
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn waiting(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "json") {
            found.push(path);
        }
    }
    found.sort();
    found.truncate(FILES_MAX);
    Ok(found)
}

/// Hands out one file. The inner error says that it waits.
async fn hand_out(
    path: &Path,
    doors: &[Arc<Door>],
    store: &Arc<Store>,
) -> Result<Result<(), CallError>, Trouble> {
    let unusable = |error: io::Error| store::broken(error.into());
    if std::fs::metadata(path).map_err(unusable)?.len() > FILE_BYTES_MAX {
        return set_aside(path, "zu groß / too large").map(Ok);
    }
    let bytes = std::fs::read(path).map_err(unusable)?;
    let (outgoing, mail) = match read(&bytes) {
        Ok(read) => read,
        Err(why) => return set_aside(path, &why).map(Ok),
    };
    if !store.has(outgoing.item) {
        return set_aside(
            path,
            "antwortet auf keine abgelegte Sendung / answers no item that is filed",
        )
        .map(Ok);
    }
    let mut last = None;
    for door in doors {
        match door.grants(0).await {
            Ok(grants) if grants_cell(&grants, &outgoing.call.cell) => {}
            Ok(_) => continue,
            Err(error) => {
                last = Some(error);
                continue;
            }
        }
        match door.answer(&outgoing.call).await {
            Ok(Answered::Sent | Answered::Before) => {
                store.answered(outgoing.item, outgoing.call.answer, mail)?;
                std::fs::remove_file(path).map_err(unusable)?;
                return Ok(Ok(()));
            }
            Ok(Answered::Refused) => {
                return set_aside(path, "der Server nimmt sie nicht / the server does not take it").map(Ok);
            }
            // The next round asks again; the door knows what it has handed on.
            Ok(Answered::Again) => return Ok(Ok(())),
            Err(error) if is_final(&error) => return set_aside(path, &error.to_string()).map(Ok),
            Err(error) => last = Some(error),
        }
    }
    Ok(last.map_or(Ok(()), Err))
}

fn read(bytes: &[u8]) -> Result<(Outgoing, Digest), String> {
    let outgoing: Outgoing = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let mail = STANDARD
        .decode(&outgoing.call.mail)
        .map_err(|error| error.to_string())?;
    let digest = Digest::of(&mail);
    Ok((outgoing, digest))
}

fn set_aside(path: &Path, why: &str) -> Result<(), Trouble> {
    tracing::error!("an answer cannot leave; it was set aside with its reason");
    let unusable = |error: io::Error| store::broken(error.into());
    files::write_private(&path.with_extension("why"), why.as_bytes()).map_err(unusable)?;
    std::fs::rename(path, path.with_extension("refused")).map_err(unusable)
}
