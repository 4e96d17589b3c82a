//! The end of an emergency: an index of every item, so that the insurer's regular system, which gets every original in
//! order, does not answer a second time; and the door's word that the index is whole.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use serde::Serialize;
use spool::ItemId;
use vocabulary::{CellId, Digest, EnvironmentId, Timestamp};

use super::{
    door::Door,
    grants_cell, is_final,
    store::{self, Found, Known, Store},
    work::Verdict,
};
use crate::{
    emergency_wire::{Grants, HandBack, IndexCall},
    files,
    report::Trouble,
};

/// One line of an index.
#[derive(Debug, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    /// The item's name; the regular server finds it as `X-Bulkhead-Item` on the mail.
    item: ItemId,
    /// Identifier of the document inside, where one was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    identifier: Option<String>,
    /// SHA-256 of the mail; absent where it could not be opened here.
    #[serde(skip_serializing_if = "Option::is_none")]
    mail: Option<Digest>,
    /// When it had come in at the door.
    arrived: Timestamp,
    /// What came of it.
    result: Verdict,
    /// The earlier item with the very same document: a repeat, to be noted only.
    #[serde(skip_serializing_if = "Option::is_none")]
    repeats: Option<ItemId>,
    /// The earlier item that used its identifier for another document: a misuse.
    #[serde(rename = "sameIdentifierAs", skip_serializing_if = "Option::is_none")]
    same_identifier_as: Option<ItemId>,
    /// The code of the error answer the rules ask for.
    #[serde(skip_serializing_if = "Option::is_none")]
    proposed: Option<u16>,
    /// The answer that left, if one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<String>,
}

/// An index of a cell.
#[derive(Debug, Serialize)]
#[serde(deny_unknown_fields)]
struct Index<'a> {
    environment: &'a EnvironmentId,
    cell: &'a CellId,
    spool: &'a str,
    items: Vec<Line>,
}

/// What is kept beside an index: the door's word, and where our own log stood, signed.
#[derive(Serialize)]
struct Covered {
    #[serde(rename = "handBack")]
    hand_back: HandBack,
    log: String,
    key: String,
}

/// Hands back every cell of a door that is no longer granted and has anything new since it was handed back last.
///
/// # Errors
/// [`Trouble`] when the store fails.
pub(super) async fn hand_back(
    door: &Door,
    store: &Arc<Store>,
    grants: &Grants,
    dir: &Path,
) -> Result<(), Trouble> {
    if !store.is_worked() {
        return Ok(());
    }
    for cell in store.unindexed() {
        if grants_cell(grants, &cell) {
            continue;
        }
        let known = store.of_cell(&cell, &grants.spool);
        if !known.is_empty() {
            one(door, store, (&cell, &grants.spool), known, dir).await?;
        }
    }
    Ok(())
}

async fn one(
    door: &Door,
    store: &Arc<Store>,
    (cell, spool): (&CellId, &str),
    known: Vec<Known>,
    dir: &Path,
) -> Result<(), Trouble> {
    let items: Vec<ItemId> = known.iter().map(|one| one.filed.item).collect();
    let (environment, text) = (
        door.environment(),
        write(door.environment(), cell, spool, store, known)?,
    );
    let index = Digest::of(&text);
    let name = format!("{}-{}", cell.insurer, cell.service);
    let unusable = |error: std::io::Error| store::broken(error.into());
    files::write_private(&dir.join(format!("{name}.json")), &text).map_err(unusable)?;
    let call = IndexCall {
        cell: cell.clone(),
        items,
        index,
    };
    match door.index(&call).await {
        Ok(hand_back) => {
            let note = store.handed_back(cell.clone(), hand_back.indexed, hand_back.items, index)?;
            tracing::info!(%cell, %environment, indexed = hand_back.indexed, not_indexed = hand_back.not_indexed, "handed back");
            let covered = Covered {
                hand_back,
                log: note.to_string(),
                key: store.verifier(),
            };
            let covered = serde_json::to_vec_pretty(&covered).map_err(|error| store::broken(error.into()))?;
            files::write_private(&dir.join(format!("{name}.covered.json")), &covered).map_err(unusable)
        }
        Err(error) if is_final(&error) => {
            tracing::error!(%cell, %error, "the door does not take the index; a person must look");
            Ok(())
        }
        Err(error) => {
            tracing::warn!(%cell, %error, "the index waits");
            Ok(())
        }
    }
}

fn write(
    environment: &EnvironmentId,
    cell: &CellId,
    spool: &str,
    store: &Store,
    known: Vec<Known>,
) -> Result<Vec<u8>, Trouble> {
    let mut items = Vec::with_capacity(known.len());
    let mut seen: BTreeMap<String, (ItemId, Option<Digest>)> = BTreeMap::new();
    for one in known {
        let found = match &one.outcome {
            Some(outcome) => store.found(outcome)?,
            None => Found::default(),
        };
        let (mut repeats, mut same_identifier_as) = (None, None);
        if let Some(identifier) = &found.identifier {
            // Letters of a UUID count the same in either case.
            match seen.get(&identifier.to_ascii_lowercase()) {
                None => {
                    seen.insert(identifier.to_ascii_lowercase(), (one.filed.item, found.document));
                }
                Some((earlier, document)) if *document == found.document => repeats = Some(*earlier),
                Some((earlier, _)) => same_identifier_as = Some(*earlier),
            }
        }
        items.push(Line {
            item: one.filed.item,
            identifier: found.identifier,
            repeats,
            same_identifier_as,
            proposed: found.proposed,
            mail: one.filed.mail.map(|mail| mail.digest),
            arrived: one.filed.received,
            result: one.outcome.map_or(Verdict::Unexamined, |outcome| outcome.verdict),
            answer: one.answer.map(|answer| answer.to_string()),
        });
    }
    let index = Index {
        environment,
        cell,
        spool,
        items,
    };
    serde_json::to_vec_pretty(&index).map_err(|error| store::broken(error.into()))
}
