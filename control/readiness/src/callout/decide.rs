//! The one function that moves a call-out.

use std::collections::BTreeMap;

use vocabulary::{PersonId, Seconds, Timestamp};

use super::{
    event::{AlarmId, Cause, Event, MessageId, Reach, Reference, Said, Seat, WayRef},
    state::{Answer, ByHand, Called, Calling, Filling, Sent, State},
};

/// Tries of one message on one way. A gateway that fails three times in a row is down; the other way counts then.
pub const TRIES_MAX: u8 = 3;
/// Wait before a failed message is tried again: long enough for a gateway to restart.
pub const AGAIN_SECS: Seconds = Seconds(60);
/// How long a driver may leave a message in doubt before it counts as unreached.
pub const DOUBT_SECS_MAX: Seconds = Seconds(120);
/// Ways that are used at the same time (DESIGN section 11: two independent ways).
pub const WAYS_AT_ONCE: usize = 2;
/// Most seats of one alarm: everybody of a full contact book.
pub const SEATS_MAX: usize = crate::contacts::CONTACTS_MAX;

/// What is to be done. Carried out by the drivers; each comes back as an event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Send this message on this way. [`dispatch`](super::dispatch) gives address and text.
    Send {
        /// Its name.
        id: MessageId,
        /// On which way.
        way: WayRef,
    },
    /// No way is left that a machine could use: a person must dial or go.
    CallByHand {
        /// To whom.
        person: PersonId,
    },
    /// A deputy is called now.
    Escalated {
        /// Who did not answer, or cannot come.
        from: PersonId,
        /// Who is called.
        to: PersonId,
    },
    /// Nobody of a seat was reached. It stays listed.
    NotReached {
        /// Whose seat.
        person: PersonId,
    },
    /// Tick again at this instant.
    WakeAt(Timestamp),
    /// The event changed nothing, and why.
    Remark(Remark),
}

/// Why an event changed nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Remark {
    /// The alarm is already raised.
    AlreadyRaised,
    /// Another alarm is being called by this call-out.
    OtherAlarm,
    /// No alarm is raised.
    NoAlarm,
    /// The alarm is over.
    Over,
    /// The message is not one of this call-out.
    NoSuchMessage,
    /// The person is not one of this call-out.
    NoSuchPerson,
    /// There is nobody to call, or more than a book can hold.
    NoSeats,
}

/// Moves a call-out by one event. Total: every pair of state and event has an outcome, and repeating an event does not
/// repeat a message.
#[must_use]
pub fn decide(state: State, event: &Event, now: Timestamp) -> (State, Vec<Effect>) {
    let remark = |state, remark| (state, vec![Effect::Remark(remark)]);
    match (state, event) {
        (State::Quiet, Event::Raised { alarm, seats, book }) => {
            let seats: Vec<Seat> = seats.iter().filter(|seat| !seat.0.is_empty()).cloned().collect();
            if seats.is_empty() || seats.len() > SEATS_MAX {
                return remark(State::Quiet, Remark::NoSeats);
            }
            let waiting = Filling::Waiting { at: 0, since: now };
            let mut calling = Calling {
                alarm: alarm.clone(),
                raised: now,
                book: *book,
                seats: seats.into_iter().map(|seat| (seat, waiting.clone())).collect(),
                called: BTreeMap::new(),
                wrong_codes: 0,
            };
            let effects = advance(&mut calling, now);
            (State::Calling(calling), effects)
        }
        (
            State::Quiet,
            Event::Accepted { .. }
            | Event::Failed { .. }
            | Event::Delivered { .. }
            | Event::Answered { .. }
            | Event::WrongCode
            | Event::Ticked
            | Event::Ended { .. },
        ) => remark(State::Quiet, Remark::NoAlarm),
        (State::Calling(calling), Event::Ended { by }) => {
            let by = by.clone();
            (State::Over { calling, at: now, by }, Vec::new())
        }
        (State::Calling(mut calling), event) => {
            let effects = match heard(&mut calling, event, now) {
                Ok(()) => advance(&mut calling, now),
                Err(why) => vec![Effect::Remark(why)],
            };
            (State::Calling(calling), effects)
        }
        (over @ State::Over { .. }, _) => remark(over, Remark::Over),
    }
}

/// What to do after a restart: everything in doubt is sent again, under its old name.
#[must_use]
pub fn resume(state: &State) -> Vec<Effect> {
    let State::Calling(calling) = state else {
        return Vec::new();
    };
    let mut effects = Vec::new();
    for (person, called) in &calling.called {
        for (way, sent) in &called.messages {
            if matches!(sent, Sent::InDoubt { .. }) && called.answer.is_none() {
                effects.push(send(&calling.alarm.id, person, *way));
            }
        }
    }
    effects.extend(wake(calling).map(Effect::WakeAt));
    effects
}

/// Takes an event in, without looking at what is due.
fn heard(calling: &mut Calling, event: &Event, now: Timestamp) -> Result<(), Remark> {
    match event {
        Event::Raised { alarm, .. } if alarm.id == calling.alarm.id => Err(Remark::AlreadyRaised),
        Event::Raised { .. } => Err(Remark::OtherAlarm),
        Event::Accepted { message, reference } => {
            let sent = message_mut(calling, message)?;
            accepted(sent, reference.as_ref(), now);
            Ok(())
        }
        Event::Failed { message, cause } => {
            failed(message_mut(calling, message)?, *cause, now);
            Ok(())
        }
        Event::Delivered { message } => {
            let sent = message_mut(calling, message)?;
            match sent {
                Sent::Delivered { .. } => {}
                Sent::InDoubt { .. } | Sent::Accepted { .. } | Sent::Failed { .. } | Sent::GivenUp { .. } => {
                    *sent = Sent::Delivered { at: now };
                }
            }
            Ok(())
        }
        Event::Answered { person, said, heard } => {
            let reach = calling.everybody().find(|reach| reach.person == *person).cloned();
            let reach = reach.ok_or(Remark::NoSuchPerson)?;
            // Somebody may answer before being called: the deputy who stood beside the person.
            let called = calling
                .called
                .entry(person.clone())
                .or_insert_with(|| new_called(reach, now));
            if called.answer.as_ref().is_none_or(|answer| answer.said != *said) {
                called.answer = Some(Answer {
                    said: *said,
                    at: now,
                    heard: heard.clone(),
                });
            }
            Ok(())
        }
        Event::WrongCode => {
            calling.wrong_codes = calling.wrong_codes.saturating_add(1);
            Ok(())
        }
        Event::Ticked | Event::Ended { .. } => Ok(()),
    }
}

const fn new_called(reach: Reach, now: Timestamp) -> Called {
    Called {
        reach,
        since: now,
        messages: BTreeMap::new(),
        answer: None,
        by_hand: ByHand::NotYet,
    }
}

fn message_mut<'a>(calling: &'a mut Calling, id: &MessageId) -> Result<&'a mut Sent, Remark> {
    if id.alarm != calling.alarm.id {
        return Err(Remark::OtherAlarm);
    }
    calling
        .called
        .get_mut(&id.person)
        .and_then(|called| called.messages.iter_mut().find(|(way, _)| way.at == id.way))
        .map(|(_, sent)| sent)
        .ok_or(Remark::NoSuchMessage)
}

fn accepted(sent: &mut Sent, reference: Option<&Reference>, now: Timestamp) {
    match sent {
        Sent::InDoubt { tries, .. } | Sent::Failed { tries, .. } => {
            *sent = Sent::Accepted {
                tries: *tries,
                at: now,
                reference: reference.cloned(),
            };
        }
        // A late yes after giving up is good news, but no reason to wait for it.
        Sent::GivenUp { .. } => {
            *sent = Sent::Accepted {
                tries: TRIES_MAX,
                at: now,
                reference: reference.cloned(),
            };
        }
        Sent::Accepted { .. } | Sent::Delivered { .. } => {}
    }
}

fn failed(sent: &mut Sent, cause: Cause, now: Timestamp) {
    match sent {
        Sent::InDoubt { tries, .. } | Sent::Accepted { tries, .. } => {
            *sent = if cause.may_pass() && *tries < TRIES_MAX {
                Sent::Failed {
                    tries: *tries,
                    cause,
                    again: now.plus(AGAIN_SECS),
                }
            } else {
                Sent::GivenUp { at: now, cause }
            };
        }
        // What arrived stays arrived; what failed is already being tried again.
        Sent::Delivered { .. } | Sent::Failed { .. } | Sent::GivenUp { .. } => {}
    }
}

/// Does everything that is due.
fn advance(calling: &mut Calling, now: Timestamp) -> Vec<Effect> {
    let mut effects = Vec::new();
    for at in 0..calling.seats.len() {
        advance_seat(calling, at, now, &mut effects);
    }
    let alarm = calling.alarm.id.clone();
    for (person, called) in &mut calling.called {
        if called.answer.is_none() {
            advance_person(&alarm, person, called, now, &mut effects);
        }
    }
    effects.extend(wake(calling).map(Effect::WakeAt));
    effects
}

fn advance_seat(calling: &mut Calling, index: usize, now: Timestamp, effects: &mut Vec<Effect>) {
    let Some((seat, mut filling)) = calling.seats.get(index).cloned() else {
        return;
    };
    // Each turn but the first moves one place along the chain, so this ends.
    for _ in 0..=seat.0.len().saturating_add(1) {
        let (at, since) = match &filling {
            Filling::Filled { by, at } => match seat.0.iter().position(|reach| reach.person == *by) {
                // Who was coming may say later that it is not possible; then the seat is open again.
                Some(place) if said(calling, by) == Some(Said::Cannot) => (place, *at),
                Some(_) | None => break,
            },
            Filling::Waiting { at, since } => (*at, *since),
            Filling::NotReached { since } => (seat.0.len(), *since),
        };
        if let Some((by, when)) = coming(calling, &seat, at) {
            filling = Filling::Filled { by, at: when };
            break;
        }
        let Some(reach) = seat.0.get(at) else {
            break;
        };
        let patience = calling.alarm.patience.seconds();
        let called = calling
            .called
            .entry(reach.person.clone())
            .or_insert_with(|| new_called(reach.clone(), now));
        let cannot = called
            .answer
            .as_ref()
            .is_some_and(|answer| answer.said == Said::Cannot);
        if !cannot && now < since.plus(patience) {
            break;
        }
        // Time is up for this one: it gets its next way, the deputy gets a call.
        if !cannot {
            open_next(&calling.alarm.id, called, now, effects);
        }
        let next = at.saturating_add(1);
        filling = match (seat.0.get(next), seat.0.first()) {
            (Some(to), _) => {
                effects.push(Effect::Escalated {
                    from: reach.person.clone(),
                    to: to.person.clone(),
                });
                Filling::Waiting { at: next, since: now }
            }
            (None, first) => {
                effects.extend(first.map(|one| Effect::NotReached {
                    person: one.person.clone(),
                }));
                Filling::NotReached { since: now }
            }
        };
    }
    if let Some(entry) = calling.seats.get_mut(index) {
        entry.1 = filling;
    }
}

fn said(calling: &Calling, person: &PersonId) -> Option<Said> {
    calling
        .called
        .get(person)?
        .answer
        .as_ref()
        .map(|answer| answer.said)
}

/// Whoever of the chain, up to this place, said they are coming.
fn coming(calling: &Calling, seat: &Seat, at: usize) -> Option<(PersonId, Timestamp)> {
    seat.0.iter().take(at.saturating_add(1)).find_map(|reach| {
        let answer = calling.called.get(&reach.person)?.answer.as_ref()?;
        (answer.said == Said::Coming).then(|| (reach.person.clone(), answer.at))
    })
}

/// Begins the person's next way, if one is left.
fn open_next(alarm: &AlarmId, called: &mut Called, now: Timestamp, effects: &mut Vec<Effect>) {
    let next = called
        .reach
        .ways
        .iter()
        .find(|way| !called.messages.contains_key(way))
        .copied();
    if let Some(way) = next {
        called.messages.insert(way, Sent::InDoubt { tries: 1, at: now });
        effects.push(send(alarm, &called.reach.person, way));
    }
}

fn advance_person(
    alarm: &AlarmId,
    person: &PersonId,
    called: &mut Called,
    now: Timestamp,
    effects: &mut Vec<Effect>,
) {
    for sent in called.messages.values_mut() {
        if let Sent::InDoubt { at, .. } = sent
            && now >= at.plus(DOUBT_SECS_MAX)
        {
            failed(sent, Cause::Unreached, now);
        }
    }
    // Two independent ways from the start, and another one for each that failed for good.
    for _ in 0..WAYS_AT_ONCE {
        let alive = called
            .messages
            .values()
            .filter(|sent| !matches!(sent, Sent::GivenUp { .. }))
            .count();
        if alive < WAYS_AT_ONCE {
            open_next(alarm, called, now, effects);
        }
    }
    for (way, sent) in &mut called.messages {
        if let Sent::Failed { tries, again, .. } = sent
            && now >= *again
        {
            *sent = Sent::InDoubt {
                tries: tries.saturating_add(1),
                at: now,
            };
            effects.push(send(alarm, person, *way));
        }
    }
    let hopeless = called
        .messages
        .values()
        .all(|sent| matches!(sent, Sent::GivenUp { .. }));
    if hopeless && called.by_hand == ByHand::NotYet {
        called.by_hand = ByHand::Asked;
        effects.push(Effect::CallByHand {
            person: person.clone(),
        });
    }
}

fn send(alarm: &AlarmId, person: &PersonId, way: WayRef) -> Effect {
    let id = MessageId {
        alarm: alarm.clone(),
        person: person.clone(),
        way: way.at,
    };
    Effect::Send { id, way }
}

/// The next instant at which something is due.
fn wake(calling: &Calling) -> Option<Timestamp> {
    let seats = calling.seats.iter().filter_map(|(_, filling)| match filling {
        Filling::Waiting { since, .. } => Some(since.plus(calling.alarm.patience.seconds())),
        Filling::Filled { .. } | Filling::NotReached { .. } => None,
    });
    let unanswered = calling.called.values().filter(|called| called.answer.is_none());
    let messages = unanswered
        .flat_map(|called| called.messages.values())
        .filter_map(|sent| match sent {
            Sent::InDoubt { at, .. } => Some(at.plus(DOUBT_SECS_MAX)),
            Sent::Failed { again, .. } => Some(*again),
            Sent::Accepted { .. } | Sent::Delivered { .. } | Sent::GivenUp { .. } => None,
        });
    seats.chain(messages).min()
}
