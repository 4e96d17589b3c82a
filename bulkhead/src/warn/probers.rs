//! The probers as warning meets them: what they find behind closed doors is asked for, as the doors' figures are, and not
//! told by them: a prober that is dead or lies can so be heard to be silent, and nothing else.

use std::{net::SocketAddr, time::Duration};

use hyper::Method;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::{Silence, brain::Input};
use crate::{
    http::{self, Endpoint},
    probe::Proofs,
};

/// How long an answer may take.
const WAIT: Duration = Duration::from_secs(5);
/// Least time between two questions: an answer names every door.
const REST: Duration = Duration::from_secs(1);
/// Attempts in a row that must find something getting through: one may have met a door in the middle of closing.
pub(super) const LEAKING_MIN: u32 = 2;

/// A prober.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProberSource {
    /// Its name, used once.
    pub name: String,
    /// Where it tells what it found.
    pub address: SocketAddr,
    /// When silence is a signal; never, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence: Option<Silence>,
}

/// One prober.
pub(super) struct Prober {
    pub(super) name: String,
    pub(super) address: Endpoint,
}

/// Hears a prober for as long as somebody wants to know.
pub(super) async fn hear_always(prober: Prober, every: Duration, inputs: mpsc::Sender<Input>) {
    loop {
        let asked: Result<Proofs, _> =
            http::call_json(&prober.address, Method::GET, "/proofs", Vec::new(), WAIT).await;
        match asked {
            Ok(proofs) => {
                let name = prober.name.clone();
                if inputs.send(Input::Proofs { name, proofs }).await.is_err() {
                    return;
                }
            }
            Err(error) => tracing::debug!(prober = prober.name, %error, "prober not heard"),
        }
        tokio::time::sleep(every.max(REST)).await;
    }
}
