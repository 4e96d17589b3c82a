//! Telling the control room what happens here: every entry of the doors' ledger after its sync, and how much lies in the
//! spool. Nothing here waits for the control room: while it is dead the doors work, and it hears everything afterwards.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use hyper::Method;
use spool::Figures;
use tokio::task::JoinSet;
use vocabulary::CellId;

use super::journal;
use crate::{
    control_wire::{Backlogs, Known},
    door_wire::LedgerPiece,
    house::Doors,
    http::{self, CallError, Endpoint},
};

/// How often we say that we are here when there is nothing to tell: what the room calls silence is longer.
const HERE_EVERY: Duration = Duration::from_secs(2);
/// How often the spool is counted while items come and go.
const COUNT_EVERY: Duration = Duration::from_secs(1);
/// A count that took long is repeated no sooner than this many times as long.
const COUNT_SHARE: u32 = 20;
/// How long an answer may take.
const WAIT: Duration = Duration::from_secs(10);
/// Wait after the control room could not be reached.
const AGAIN: Duration = Duration::from_millis(500);

/// Tells the control room. Ends with the process; cancelling loses nothing, for the room says how much it knows.
pub(super) async fn tell_always(control: Endpoint, doors: Doors, spool: Arc<spool::Spool>) {
    let mut telling = JoinSet::new();
    telling.spawn(tell_ledger(control.clone(), doors));
    telling.spawn(tell_backlog(control, spool));
    // Neither ends by itself; dropping the set ends both.
    while telling.join_next().await.is_some() {}
}

async fn tell_ledger(control: Endpoint, doors: Doors) {
    let mut recorded = doors.recorded();
    let mut known = None;
    loop {
        let len = *recorded.borrow_and_update();
        // Without an answer we do not know what is known: a piece from the end asks.
        match tell_piece(&control, &doors, known.unwrap_or(len)).await {
            Ok(answer) => {
                let more = answer.len < len && known != Some(answer.len);
                known = Some(answer.len);
                if more {
                    continue;
                }
            }
            Err(error) => {
                tracing::debug!(%error, "the control room does not hear the ledger");
                known = None;
                tokio::time::sleep(AGAIN).await;
                continue;
            }
        }
        if let Ok(Err(_gone)) = tokio::time::timeout(HERE_EVERY, recorded.changed()).await {
            return;
        }
    }
}

async fn tell_piece(control: &Endpoint, doors: &Doors, from: u64) -> Result<Known, CallError> {
    let garbled = |what: String| CallError::Garbled {
        address: control.address,
        what,
    };
    let piece: LedgerPiece = journal::piece_from(doors, from).await.map_err(garbled)?;
    let body = serde_json::to_vec(&piece).map_err(|error| garbled(error.to_string()))?;
    http::call_json(control, Method::POST, "/journal", body, WAIT).await
}

async fn tell_backlog(control: Endpoint, spool: Arc<spool::Spool>) {
    let mut activity = spool.activity();
    let mut told: BTreeMap<CellId, Figures> = BTreeMap::new();
    loop {
        activity.mark_unchanged();
        let (counting, began) = (spool.clone(), Instant::now());
        let counted = tokio::task::spawn_blocking(move || counting.figures()).await;
        let pause = COUNT_EVERY.max(began.elapsed() * COUNT_SHARE);
        match counted {
            Ok(Ok(cells)) => {
                let news: BTreeMap<CellId, Figures> = cells
                    .into_iter()
                    .filter(|(cell, figures)| told.get(cell) != Some(figures))
                    .collect();
                if !news.is_empty() && tell_figures(&control, &news).await.is_ok() {
                    told.extend(news);
                }
            }
            Ok(Err(error)) => tracing::warn!(%error, "the spool cannot be counted"),
            Err(_cancelled) => return,
        }
        tokio::time::sleep(pause).await;
        if activity.changed().await.is_err() {
            return;
        }
    }
}

async fn tell_figures(control: &Endpoint, cells: &BTreeMap<CellId, Figures>) -> Result<(), CallError> {
    let body =
        serde_json::to_vec(&Backlogs { cells: cells.clone() }).map_err(|error| CallError::Garbled {
            address: control.address,
            what: error.to_string(),
        })?;
    http::call(control, Method::POST, "/backlog", body, WAIT)
        .await
        .map(drop)
}
