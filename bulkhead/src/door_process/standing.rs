//! What the warning process asks of the doors: what came through, and uses of standing orders. The doors judge every use
//! themselves; what they refuse changes nothing and is told to the control room, whoever asked.

use std::time::{Duration, Instant};

use door::Applied;
use hyper::Method;
use order::{StandingUse, Text};
use tokio::sync::Semaphore;
use vocabulary::{Digest, SignalId, StatementId, Timestamp};

use super::follow::{Follower, outcome};
use crate::{
    clock,
    door_wire::Outcome,
    http::{self, Call, Endpoint, Reply},
    warn::wire::{Saying, Told, UsesReply, both},
};

/// How long the control room may take to hear of a refusal.
const TELL_WAIT: Duration = Duration::from_secs(10);
/// Refusals that are being told at once.
static TELLING: Semaphore = Semaphore::const_new(16);
/// The kind under which a refused use is told: no detector, but the doors.
const DETECTOR: &str = "standing-refused";

/// Answers `POST /standing`: one use of a standing order.
pub(super) async fn use_order(follower: &Follower, call: &Call) -> Reply {
    let asked: StandingUse = match call.json() {
        Ok(asked) => asked,
        Err(reply) => return reply,
    };
    let began = Instant::now();
    match follower.doors().use_standing(asked.clone()).await {
        Ok(Ok(reports)) => {
            follower.grown();
            let repeat = !reports.is_empty()
                && reports.iter().all(|report| match report.applied {
                    Applied::Before { .. } | Applied::LiftedSince { .. } => true,
                    Applied::Now { .. } | Applied::Unconcerned => false,
                });
            Reply::json(&Outcome {
                repeat,
                ..outcome(&reports, Vec::new(), began)
            })
        }
        Ok(Err(error)) => {
            let sentence = error.to_string();
            tracing::warn!(order = %asked.order, detector = %asked.detector, sentence, "use of a standing order refused");
            // Nobody waits for this: the doors work while the control room is dead. Whoever asks on and on is told of less
            // often, not served more.
            if let Ok(place) = TELLING.try_acquire() {
                let (control, sentence) = (follower.control().clone(), sentence.clone());
                tokio::spawn(async move {
                    let _place = place;
                    tell_refused(control, asked, sentence).await;
                });
            }
            Reply::refuse(403, &sentence)
        }
        Err(gone) => Reply::refuse(503, &gone.to_string()),
    }
}

/// Tells the control room, once; the same refusal again is the same signal there.
async fn tell_refused(control: Endpoint, asked: StandingUse, sentence: String) {
    let Some(signal) = refused(&asked, &sentence) else {
        return;
    };
    let body = serde_json::to_vec(&Told {
        sayings: vec![signal],
    })
    .unwrap_or_default();
    if let Err(error) = http::call(&control, Method::POST, "/signals", body, TELL_WAIT).await {
        tracing::debug!(%error, "the control room does not hear of a refused use");
    }
}

fn refused(asked: &StandingUse, sentence: &str) -> Option<Saying> {
    let said = format!("{} {} {} {sentence}", asked.order, asked.detector, asked.signal);
    let name = Digest::of(said.as_bytes()).to_string();
    let (de, en) = sentence.split_once(" / ").unwrap_or((sentence, sentence));
    let what: Text = both(
        &format!(
            "Die Türen haben eine Nutzung des Dauerbefehls {} durch „{}“ abgelehnt: {de}",
            asked.order.0.short(),
            asked.detector
        ),
        &format!(
            "The doors refused a use of the standing order {} by \"{}\": {en}",
            asked.order.0.short(),
            asked.detector
        ),
    )?;
    Some(Saying::Signal(evidence::room::SignalSeen {
        by: None,
        signal: SignalId::new(&format!("r-{}", name.get(..16)?)).ok()?,
        detector: DETECTOR.parse().ok()?,
        what,
        scope: asked.scope.clone(),
        incident: None,
    }))
}

/// Answers `GET /standing?order=…`: when it was used here.
pub(super) async fn uses(follower: &Follower, call: &Call) -> Reply {
    let Some(order) = call
        .query_value("order")
        .and_then(|text| text.parse::<Digest>().ok())
    else {
        return Reply::refuse(
            400,
            "Welcher Dauerbefehl? ?order=… / Which standing order? ?order=…",
        );
    };
    match follower.doors().uses_of(StatementId(order)).await {
        Ok(uses) => Reply::json(&UsesReply {
            uses: uses.into_iter().collect(),
        }),
        Err(gone) => Reply::refuse(503, &gone.to_string()),
    }
}

/// Answers `GET /minutes?since=S&after=T&touch=N`: whole minutes after T, and touches after the Nth of the process that
/// began to count at S.
pub(super) fn minutes(follower: &Follower, call: &Call) -> Reply {
    let number = |name: &str| call.query_value(name).and_then(|text| text.parse::<i64>().ok());
    let Some(minutes) = follower.minutes() else {
        return Reply::refuse(503, "Die Fronten starten noch. / The fronts are still starting.");
    };
    let after = Timestamp(number("after").unwrap_or(i64::MIN));
    let touch = number("touch")
        .and_then(|touch| u64::try_from(touch).ok())
        .unwrap_or(0);
    let touch = if number("since") == Some(minutes.since().0) {
        touch
    } else {
        0
    };
    Reply::json(&minutes.read(after, touch, clock::now()))
}
