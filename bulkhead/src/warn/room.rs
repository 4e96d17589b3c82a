//! The control room as warning meets it: it is told, and asked for standing orders and for what persons closed. While it
//! is dead, what waits for it lies on disk.

use std::{sync::Arc, time::Duration};

use hyper::Method;
use tokio::sync::{mpsc, watch};

use super::{
    brain::Input,
    wire::{InForce, Saying, Told},
};
use crate::http::{self, CallError, Endpoint};

/// How long an answer may take.
const WAIT: Duration = Duration::from_secs(10);
/// Wait after the control room could not be reached.
const AGAIN: Duration = Duration::from_millis(500);
/// How often it is asked what is in force.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// What waits first, and which offer this is.
pub(super) type Front = (u64, Arc<Vec<Saying>>);

/// Tells what waits, in order.
pub(super) async fn tell_always(
    control: Endpoint,
    mut front: watch::Receiver<Front>,
    inputs: mpsc::Sender<Input>,
) {
    // After a refusal one by one, so that what is refused is known.
    let mut at_once = usize::MAX;
    loop {
        let (offer, sayings) = front.borrow_and_update().clone();
        let some: Vec<Saying> = sayings.iter().take(at_once).cloned().collect();
        let count = some.len();
        if count > 0 {
            let body = serde_json::to_vec(&Told { sayings: some }).unwrap_or_default();
            match http::call(&control, Method::POST, "/signals", body, WAIT).await {
                Ok(_) => at_once = usize::MAX,
                Err(CallError::Refused { status, sentence }) if status < 500 => {
                    if count > 1 {
                        at_once = 1;
                        continue;
                    }
                    tracing::error!(sentence, "the control room refuses a saying; it is left out");
                }
                Err(error) => {
                    tracing::warn!(%error, waiting = sayings.len(), "the control room does not hear warnings; they wait on disk");
                    tokio::time::sleep(AGAIN).await;
                    continue;
                }
            }
            if inputs.send(Input::Told { offer, count }).await.is_err() {
                return;
            }
        }
        if front.changed().await.is_err() {
            return;
        }
    }
}

/// Asks again and again what is in force.
pub(super) async fn ask_always(control: Endpoint, inputs: mpsc::Sender<Input>) {
    loop {
        let asked: Result<InForce, _> =
            http::call_json(&control, Method::GET, "/standing", Vec::new(), WAIT).await;
        match asked {
            Ok(in_force) => {
                if inputs.send(Input::InForce(Box::new(in_force))).await.is_err() {
                    return;
                }
            }
            Err(error) => tracing::debug!(%error, "the control room was not asked"),
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}
