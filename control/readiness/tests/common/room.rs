//! A call-out with its journal, as the wiring keeps it.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise, and each file uses its own part"
)]

use readiness::{
    callout::{
        Alarm, AlarmId, CodeKey, Counts, Earnest, Effect, Entry, Event, Filling, Heard, MessageId, Patience,
        Remark, Said, Sender, State, What, decide, seats,
    },
    contacts::Duty,
};
use vocabulary::{PersonId, Timestamp};

use crate::common::{T0, book};

pub(crate) fn key() -> CodeKey {
    CodeKey::new([7; 32])
}

pub(crate) fn alarm(what: What) -> Alarm {
    Alarm {
        id: AlarmId("alarm-1".parse().unwrap()),
        earnest: Earnest::Exercise,
        what,
        sender: Sender::of("Rechenzentrum Essen"),
        patience: Patience::USUAL,
    }
}

pub(crate) fn duties(names: &[&str]) -> Vec<Duty> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

pub(crate) fn person(name: &str) -> PersonId {
    name.parse().unwrap()
}

/// A call-out with its journal, as the wiring keeps it.
pub(crate) struct Room {
    pub(crate) state: State,
    pub(crate) journal: Vec<Entry>,
    pub(crate) now: Timestamp,
}

impl Room {
    /// Raises an alarm for these duties.
    pub(crate) fn raise(names: &[&str]) -> (Self, Vec<Effect>) {
        let book = book();
        let mut room = Self {
            state: State::Quiet,
            journal: Vec::new(),
            now: T0,
        };
        let raised = Event::Raised {
            alarm: alarm(What::AttackSuspected),
            seats: seats(&book, &duties(names)),
            book: book.digest(),
        };
        let effects = room.say(raised);
        (room, effects)
    }

    pub(crate) fn say(&mut self, event: Event) -> Vec<Effect> {
        let (state, effects) = decide(std::mem::take(&mut self.state), &event, self.now);
        self.state = state;
        self.journal.push(Entry { at: self.now, event });
        effects
    }

    pub(crate) fn later(&mut self, seconds: u64) -> Vec<Effect> {
        self.now = self.now.plus(vocabulary::Seconds(seconds));
        self.say(Event::Ticked)
    }

    pub(crate) fn answer(&mut self, name: &str, said: Said) -> Vec<Effect> {
        self.say(Event::Answered {
            person: person(name),
            said,
            heard: Heard::Sms,
        })
    }

    pub(crate) fn counts(&self) -> Counts {
        self.state.calling().unwrap().counts()
    }

    pub(crate) fn filling(&self, at: usize) -> &Filling {
        &self.state.calling().unwrap().seats[at].1
    }
}

/// Whom and how: `person kind`.
pub(crate) fn sends(effects: &[Effect]) -> Vec<String> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Send { id, way } => Some(format!("{} {:?}", id.person, way.kind)),
            Effect::CallByHand { .. }
            | Effect::Escalated { .. }
            | Effect::NotReached { .. }
            | Effect::WakeAt(_)
            | Effect::Remark(_) => None,
        })
        .collect()
}

pub(crate) fn why_nothing(effect: &Effect) -> Option<Remark> {
    if let Effect::Remark(why) = effect {
        Some(*why)
    } else {
        None
    }
}

pub(crate) fn sent_name(effect: &Effect) -> Option<MessageId> {
    if let Effect::Send { id, .. } = effect {
        Some(id.clone())
    } else {
        None
    }
}

pub(crate) fn wake_at(effect: &Effect) -> Option<Timestamp> {
    if let Effect::WakeAt(at) = effect {
        Some(*at)
    } else {
        None
    }
}

pub(crate) fn message(name: &str, way: u8) -> MessageId {
    MessageId {
        alarm: AlarmId("alarm-1".parse().unwrap()),
        person: person(name),
        way,
    }
}
