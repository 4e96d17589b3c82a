//! What an answer is made of, and what the binary carries out before it is sent.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use clearance::{Authority, RewrappedKey};
use estate::Estate;
use evidence::{Picture, RoomEntry};
use order::{AgeRecipient, login::ConsoleOrigin};
use publication::{
    FactSheet,
    obligations::{Clock, Law},
};
use readiness::board::Board;
use restoration::Plan;
use vocabulary::{DoorId, Envelope, Seconds, Timestamp, WitnessId};

use crate::{
    preview::ClockRule,
    response::Response,
    session::{SessionEffect, Sessions},
};

/// A source that says nothing for so long is shown as silent, unless the estate is told otherwise.
pub const SILENCE_LIMIT: Seconds = Seconds(120);

/// Everything an answer may look at, as it stands at one moment. Borrowed: the console keeps nothing.
///
/// Answers to requests that act, and their effects, are made one after the other: two signatures that came in at once
/// must both be in the draft that is stored, and one challenge opens one session.
#[derive(Clone, Copy)]
pub struct Room<'a> {
    /// What is operated.
    pub estate: &'a Estate,
    /// The fold of the authority log: who may do what, asked at every request.
    pub authority: &'a Authority,
    /// Where everything stands.
    pub picture: &'a Picture,
    /// Who is logged in.
    pub sessions: &'a Sessions,
    /// Where browsers reach this console. Requests for another name are not answered.
    pub origin: &'a ConsoleOrigin,
    /// Drawn when the process began and kept in memory only: seals log-in challenges, so that asking for one costs
    /// no memory here.
    pub secret: &'a [u8; 32],
    /// The journal itself, for the pages that show its entries.
    pub journal: &'a dyn Journal,
    /// After how long a source counts as silent.
    pub silence: Seconds,
    /// What other rooms know; nothing by default.
    pub others: Others<'a>,
}

/// What other rooms know, made by the binary from the picture and its own files. What is absent is shown as not known.
#[derive(Clone, Copy, Default)]
pub struct Others<'a> {
    /// The plan of the return.
    pub plan: Option<&'a Plan>,
    /// What the return asks for next, as the restoration room decided. Nothing of it is a permission.
    pub steps: &'a [restoration::run::Effect],
    /// What is armed in peace.
    pub board: Option<&'a Board>,
    /// Legal clocks, the most urgent first.
    pub clocks: &'a [Clock],
    /// Legal clocks a cut can start, for previews.
    pub clock_rules: &'a [ClockRule],
    /// Doors the responders' own way in leads through, where somebody wrote it down in peace.
    pub way_in: Option<&'a BTreeSet<DoorId>>,
    /// The duties behind the clocks, for those who write the notices.
    pub law: Option<&'a Law>,
    /// What is said outside, and who vouches for the logs.
    pub beyond: Option<&'a dyn Beyond>,
    /// What door processes hold sealed, as each told it.
    pub sealed: &'a [Arc<SealedBehind>],
}

/// What one door process holds sealed to insurers, as it told it. Nobody here can open it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SealedBehind {
    /// To whom the insurer's consent wraps the keys again, so that this process can read.
    pub recipient: AgeRecipient,
    /// The keys, wrapped to the insurer's release recipients, by door; a door without any is there with none.
    pub doors: BTreeMap<DoorId, Vec<RewrappedKey>>,
}

/// One journal entry, as far as it is shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// Its number in the journal.
    pub index: u64,
    /// When it was recorded, for people.
    pub at: Timestamp,
    /// Its kind, as written.
    pub kind: String,
    /// Whose log it came from; empty for the room's own.
    pub source: String,
    /// Its content, as JSON where it is JSON, shortened by the binary to what a screen can show.
    pub body: String,
}

/// What lies beyond the picture and is looked up only for the pages that show it.
pub trait Beyond {
    /// The facts the public site is made from, of this very picture; nothing where they cannot be published.
    fn sheet(&self) -> Option<FactSheet>;
    /// Which witnesses signed which log's newest co-signed head.
    fn vouched(&self) -> Vec<Vouched>;
}

/// How far the witnesses vouch for one log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Vouched {
    /// The log.
    pub log: String,
    /// Entries it has.
    pub len: u64,
    /// Entries the newest co-signed head covers; nothing if none was ever co-signed.
    pub size: Option<u64>,
    /// When each witness of the charter signed it, by the witness's clock; nothing for those that did not.
    pub witnesses: BTreeMap<WitnessId, Option<Timestamp>>,
    /// How many of them the charter asks for.
    pub quorum: u64,
}

/// Reads the journal. The console asks for bounded pages only.
pub trait Journal {
    /// Entries from a number on, oldest first, at most so many.
    fn lines(&self, from: u64, most: usize) -> Vec<Line>;
}

/// What must happen before the response is sent. If one fails, the response is not sent; the answer is then
/// [`not_carried_out`](crate::not_carried_out), or [`refused_late`](crate::refused_late) for a log-in that raced.
#[derive(Clone, PartialEq, Debug)]
pub enum Effect {
    /// Change who is logged in: [`Sessions::apply`].
    Session(SessionEffect),
    /// Append this entry to the journal and sync.
    Append(Box<RoomEntry>),
    /// Append this statement to the authority log; every door judges it for itself.
    Publish(Box<Envelope>),
    /// Keep the connection and send `event: stand` after each journal entry, until this session ends.
    Watch,
}

/// A response, and what must happen before it is sent.
#[derive(Clone, PartialEq, Debug)]
pub struct Answer {
    /// What is sent.
    pub response: Response,
    /// What happens first, in this order.
    pub effects: Vec<Effect>,
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Self {
            response,
            effects: Vec::new(),
        }
    }
}

impl Answer {
    /// The same answer, with something that happens before it is sent.
    #[must_use]
    pub fn after(mut self, effect: Effect) -> Self {
        self.effects.push(effect);
        self
    }
}
