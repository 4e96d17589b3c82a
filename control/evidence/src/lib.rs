//! The journal over all logs, and the one picture that is its fold.
//!
//! # Specification
//!
//! - **Every log** of the estate (authority log, doors' ledgers, spools, probers) is a [`Source`], named by its log's
//!   name. [`Journal::ingest`] records its entries byte for byte in an own ledger, in the source's order, each once. What
//!   does not continue the log as it is known is recorded as a [`Trouble`] and not taken: a gap, a fork, damaged bytes, a
//!   log that became shorter. Nothing is skipped in silence, and the same piece again changes nothing. An entry that the
//!   one after it, or the head its source names, does not name rightly is not believed.
//! - **The room's own words** are [`RoomEntry`]s: incidents, signals, plans, promises, call-outs, drafts, what the prober
//!   measured, what the spools counted. They move no door, here or anywhere.
//! - **The picture** ([`Picture`]) is the fold of the journal and of nothing else, but for when a source was heard, which
//!   the journal says again at least every [`HEARD_EVERY`]. Whatever the order in which sources were heard, it is the
//!   same. It is a plain value that is cheap to copy; who holds one keeps what it was.
//! - **Doors** are folded by the door room's own functions, so the picture says of a door what the door's house says:
//!   without a fresh view since its process began it stands contained. **Grades** come from what was recorded and measured
//!   only: *ordered* is in the authority log and not in the door's ledger, *applied* is in the door's ledger, *proven* (or
//!   *failed*) is what a prober measured at exactly this epoch and position. A stale proof is not shown. A door whose
//!   ledger is silent is *unreached since*; one whose ledger is in trouble is shown as last known, with the trouble.
//! - **The authority log** is followed by `clearance::Authority`, from whoever shows its entries first; a replica that
//!   differs is named. What the room makes of it proves nothing to a door.
//! - **Snapshots** ([`Journal::snapshot`]) are caches. One is believed only if the journal holds its digest and the head it
//!   names is the journal's own; everything else is folded anew, and [`Opened`] says so.
//! - **Lost**: [`rebuild`] puts a new journal together from what doors and witnesses have, [`recover_authority`] the
//!   authority log from the doors' replicas, as far as co-signed checkpoints agree; what contradicts or is missing is
//!   named. The room's own words are lost with the journal, unless a copy of it is brought.
//!
//! # States
//!
//! A source is *sound* or has open troubles; gaps, damage and shortness are over when the missing comes, a fork only when
//! a person decides which history goes on ([`Journal::follow_branch`]). The journal writes, or its ledger is poisoned and
//! it refuses.
//!
//! # Limits
//!
//! [`SOURCES_MAX`] sources; 100 troubles kept per source; lists that only grow keep [`LIST_MAX`] entries at hand; a commit
//! carries 16 MiB; bytes kept as evidence of a trouble are at most 64 KiB. In memory: the authority log's entries and the
//! picture, nothing per entry of other sources.
//!
//! # What it must not know
//!
//! Clock, network and randomness; mails and patients (no entry of any source holds them, and the room adds nothing
//! personal but names of the charter); how anything is signed. It moves no door.

mod disk;
mod door_view;
mod entry;
mod error;
mod fold;
mod ingest;
mod journal;
mod picture;
pub mod promises;
mod recovery;
pub mod room;
mod snapshot;
mod source;
mod statement;

pub use door_view::{Cause, Door, Grade, Level, Proof, Restriction};
pub use entry::{Added, Begun, Branched, Content, Heard, JournalEntry, SnapshotTaken, Troubled};
pub use error::Error;
pub use fold::{Fold, refuses};
pub use journal::{Feed, HEARD_EVERY, Ingested, Journal, Opened, SOURCES_MAX, journal_origin, verify};
pub use picture::{Environment, Incident, LIST_MAX, People, Picture, Pin, Refused, Test, Written};
pub use recovery::{Brought, Contradiction, Rebuilt, Recovery, Seen, rebuild, recover_authority};
pub use room::{Backlog, BadRoomEntry, CalloutStep, RoomEntry};
pub use snapshot::{NotBelieved, SnapshotUse};
pub use source::{Noted, Source, SourceId, SourceKind, Trouble};
pub use statement::{Carried, Outcome, Shelf, Signed, Statement, Statements, TakenBack};
