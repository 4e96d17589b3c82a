//! Tells the control room each step of a call-out, in the order of the file, as soon as it listens. How much it was told
//! lies beside the file, so that the next start goes on there. A step may so be told twice, none is left out.

use std::{path::PathBuf, time::Duration};

use evidence::{CalloutStep, room::CalloutEvent};
use hyper::Method;
use readiness::{
    callout::{AlarmId, Effect, Entry, Event, MessageId, State, decide},
    contacts::Kind,
};
use vocabulary::PersonId;

use super::{config::Config, log::Log};
use crate::{
    files,
    http::{self, Endpoint},
    report::Trouble,
};

/// Steps in one telling.
const AT_ONCE: usize = 256;
/// How long the control room is waited for; people are called meanwhile or after, never later because of it.
const WAIT: Duration = Duration::from_secs(2);
/// After it did not answer, it is left alone for this long.
const REST: Duration = Duration::from_secs(10);

/// The control room, as far as it was told.
pub(super) struct Relay {
    control: Option<Endpoint>,
    path: PathBuf,
    told: usize,
    rest_until: Option<std::time::Instant>,
}

impl Relay {
    /// Reads how much it was told.
    ///
    /// # Errors
    /// [`Trouble`] when its TLS files cannot be read.
    pub(super) fn open(config: &Config, alarm: &AlarmId) -> Result<Self, Trouble> {
        let path = config.journal(alarm).with_extension("told");
        let told = std::fs::read_to_string(&path).ok();
        Ok(Self {
            control: config
                .control
                .as_ref()
                .map(super::config::Control::endpoint)
                .transpose()?,
            told: told.and_then(|text| text.trim().parse().ok()).unwrap_or(0),
            path,
            rest_until: None,
        })
    }

    /// Tells what it was not told yet. A control room that does not answer is no trouble here.
    pub(super) async fn tell(&mut self, log: &Log) {
        let Some(control) = &self.control else {
            return;
        };
        let steps = steps(log.entries());
        let resting = self
            .rest_until
            .is_some_and(|until| std::time::Instant::now() < until);
        if self.told >= steps.len() || resting {
            return;
        }
        for piece in steps.get(self.told..).unwrap_or_default().chunks(AT_ONCE) {
            let Ok(body) = serde_json::to_vec(piece) else {
                return;
            };
            if let Err(error) = http::call(control, Method::POST, "/callout", body, WAIT).await {
                tracing::warn!(%error, "the control room was not told; the file has it");
                self.rest_until = Some(std::time::Instant::now() + REST);
                return;
            }
            self.told += piece.len();
            if files::write_private(&self.path, self.told.to_string().as_bytes()).is_err() {
                tracing::warn!(path = %self.path.display(), "cannot note what the control room was told");
            }
        }
    }
}

/// The steps the control room's journal keeps, from the events of the file: the same events give the same steps.
#[must_use]
pub fn steps(entries: &[Entry]) -> Vec<CalloutEvent> {
    let mut steps = Vec::new();
    let mut state = State::Quiet;
    for entry in entries {
        let said = match &entry.event {
            Event::Answered { person, .. } => Some((person.clone(), "answer", CalloutStep::Acknowledged)),
            Event::Failed { message, .. } => {
                Some((message.person.clone(), way(&state, message), CalloutStep::Failed))
            }
            Event::Raised { .. }
            | Event::Accepted { .. }
            | Event::Delivered { .. }
            | Event::WrongCode
            | Event::Ticked
            | Event::Ended { .. } => None,
        };
        let (next, effects) = decide(state, &entry.event, entry.at);
        state = next;
        let Some(calling) = state.calling() else {
            continue;
        };
        let mut push = |person: PersonId, way: &str, step| {
            steps.push(CalloutEvent {
                by: None,
                incident: Some(calling.alarm.id.0.clone()),
                person,
                way: way.to_owned(),
                step,
            });
        };
        if let Some((person, way, step)) = said {
            push(person, way, step);
        }
        for effect in effects {
            match effect {
                Effect::Send { id, way } => push(id.person, word(way.kind), CalloutStep::Called),
                Effect::CallByHand { person } => push(person, "tree", CalloutStep::Called),
                Effect::Escalated { from, .. } => push(from, "deputy", CalloutStep::Escalated),
                Effect::NotReached { person } => push(person, "tree", CalloutStep::Failed),
                Effect::WakeAt(_) | Effect::Remark(_) => {}
            }
        }
    }
    steps
}

/// By which way a message went.
fn way(state: &State, message: &MessageId) -> &'static str {
    let called = state
        .calling()
        .and_then(|calling| calling.called.get(&message.person));
    let way = called.and_then(|called| called.messages.keys().find(|way| way.at == message.way));
    way.map_or("tree", |way| word(way.kind))
}

const fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Sms => "sms",
        Kind::Voice => "voice",
        Kind::Mail => "mail",
        Kind::Paper => "tree",
    }
}
