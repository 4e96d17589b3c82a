//! Call-out: an alarm reaches people on two independent ways, waits for their answer, calls their deputies, and says who
//! was not reached.
//!
//! One pure state machine. Drivers are effects ([`Effect::Send`], made ready by [`dispatch`]); what becomes of them comes
//! back as events. The journal keeps the events ([`Entry`]); [`replay`] gives the state back after any crash, and
//! [`resume`] says what to send again. A message in doubt may so be sent twice, under the same name; none is forgotten.
//!
//! Bounds: [`TRIES_MAX`] tries per message, one message per way, as many ways as the book has. Waiting is by the room's
//! wall clock, because it must survive restarts: a wrong clock makes a deputy ring earlier or later, never not at all.

mod decide;
mod event;
mod gsm;
mod report;
mod state;
mod text;

pub use decide::{
    AGAIN_SECS, DOUBT_SECS_MAX, Effect, Remark, SEATS_MAX, TRIES_MAX, WAYS_AT_ONCE, decide, resume,
};
pub use event::{
    Alarm, AlarmId, BadPatience, BadSender, Cause, Earnest, Entry, Event, Heard, MessageId, Patience, Reach,
    Reference, Said, Seat, Sender, WayRef, What, seats,
};
pub use gsm::{SEPTETS_MAX, septets};
pub use report::{Counts, Unanswered};
pub use state::{Answer, ByHand, Called, Calling, Filling, Sent, State};
pub use text::{
    Code, CodeKey, Dispatch, Message, Typed, WRONG_CODES_MAX, Whose, codes, dispatch, mail, read_answer, sms,
    voice, whose,
};

/// The state the journal's entries lead to. What they ordered then was done then; nothing is sent.
#[must_use]
pub fn replay<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> State {
    entries.into_iter().fold(State::Quiet, |state, entry| {
        decide(state, &entry.event, entry.at).0
    })
}
