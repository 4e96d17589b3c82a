//! The door processes as warning meets them: what came through them, where they stand, how often a standing order was
//! used there, and a use of one. They judge each use themselves.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use hyper::Method;
use mail::minutes::Seen;
use order::{StandingUse, UseNumber};
use tokio::sync::mpsc;
use vocabulary::{CellId, Position, StatementId, Timestamp};

use super::{
    brain::{Answer, Input},
    keep::Heard,
    wire::{InForce, Order, UsesReply},
};
use crate::{
    door_wire::{Outcome, StatusReply},
    http::{self, CallError, Endpoint},
};

/// How long a door process or the control room may take to answer.
const WAIT: Duration = Duration::from_secs(5);

/// One door process.
#[derive(Clone)]
pub(super) struct House {
    pub(super) name: String,
    pub(super) control: Endpoint,
}

/// Where the doors of a process stand.
pub(super) type Guarded = BTreeMap<CellId, Position>;

fn guarded(status: &StatusReply) -> Guarded {
    let doors = status.doors.iter();
    doors
        .map(|line| (line.door.cell().clone(), line.position))
        .collect()
}

async fn status(house: &House) -> Result<StatusReply, CallError> {
    http::call_json(&house.control, Method::GET, "/status", Vec::new(), WAIT).await
}

/// Hears a door process for as long as somebody wants to know.
pub(super) async fn hear_always(
    house: House,
    mut heard: Option<Heard>,
    every: Duration,
    inputs: mpsc::Sender<Input>,
) {
    loop {
        match hear(&house, heard).await {
            Ok((doors, seen)) => {
                let before = heard.filter(|heard| heard.since == seen.since);
                let minute = seen.minutes.last().map(|minute| minute.at);
                let touch = seen.touches.last().map(|touch| touch.number);
                heard = Some(Heard {
                    since: seen.since,
                    minute: minute.or(heard.map(|heard| heard.minute)).unwrap_or(Timestamp(0)),
                    touch: touch.or(before.map(|heard| heard.touch)).unwrap_or(0),
                });
                let more = seen.more;
                let input = Input::House {
                    name: house.name.clone(),
                    doors,
                    seen: Box::new(seen),
                    heard,
                };
                if inputs.send(input).await.is_err() {
                    return;
                }
                if more {
                    continue;
                }
            }
            Err(error) => tracing::debug!(house = house.name, %error, "door process not heard"),
        }
        tokio::time::sleep(every).await;
    }
}

async fn hear(house: &House, heard: Option<Heard>) -> Result<(Guarded, Seen), CallError> {
    let doors = guarded(&status(house).await?);
    let heard = heard.unwrap_or(Heard {
        since: Timestamp(0),
        minute: Timestamp(0),
        touch: 0,
    });
    let path = format!(
        "/minutes?since={}&after={}&touch={}",
        heard.since.0, heard.minute.0, heard.touch
    );
    let seen = http::call_json(&house.control, Method::GET, &path, Vec::new(), WAIT).await?;
    Ok((doors, seen))
}

/// What must be known before an order is used.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// Orders in force, as the control room says now or said last.
    pub(super) orders: Vec<Order>,
    /// Uses so far, over all door processes that answered.
    pub(super) uses: BTreeMap<StatementId, BTreeMap<UseNumber, Timestamp>>,
    /// What each of them guards.
    pub(super) guarded: BTreeMap<String, Guarded>,
    /// Those that did not answer: what they guard is not known now.
    pub(super) silent: BTreeSet<String>,
}

/// Asks everybody.
pub(super) async fn gather(houses: &[House], control: &Endpoint, last_known: Vec<Order>) -> Facts {
    let asked: Result<InForce, _> =
        http::call_json(control, Method::GET, "/standing", Vec::new(), WAIT).await;
    let mut facts = Facts {
        orders: asked.map_or(last_known, |in_force| in_force.orders),
        ..Facts::default()
    };
    for house in houses {
        let answered = async {
            let guarded = guarded(&status(house).await?);
            let mut uses = Vec::new();
            for order in &facts.orders {
                let path = format!("/standing?order={}", order.id);
                let reply: UsesReply =
                    http::call_json(&house.control, Method::GET, &path, Vec::new(), WAIT).await?;
                uses.push((order.id, reply.uses));
            }
            Ok::<_, CallError>((guarded, uses))
        };
        match answered.await {
            Ok((guarded, uses)) => {
                facts.guarded.insert(house.name.clone(), guarded);
                for (order, used) in uses {
                    facts.uses.entry(order).or_default().extend(used);
                }
            }
            Err(error) => {
                tracing::warn!(house = house.name, %error, "door process not reached");
                facts.silent.insert(house.name.clone());
            }
        }
    }
    facts
}

/// Asks doors to use a standing order; gives the answers of those that answered.
pub(super) async fn use_order(houses: Vec<House>, asked: StandingUse) -> Vec<(String, Answer)> {
    let body = serde_json::to_vec(&asked).unwrap_or_default();
    let mut answers = Vec::new();
    for house in houses {
        let answer: Result<Outcome, CallError> =
            http::call_json(&house.control, Method::POST, "/standing", body.clone(), WAIT).await;
        match answer {
            Ok(outcome) => answers.push((house.name, Answer::Done(outcome))),
            Err(CallError::Refused { status, sentence }) if status < 500 => {
                answers.push((house.name, Answer::Refused(sentence)));
            }
            Err(error) => tracing::warn!(house = house.name, %error, "a use has not reached the doors"),
        }
    }
    answers
}
