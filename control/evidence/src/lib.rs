//! The journal over all logs, and the one picture that is its fold.
//!
//! (Specification follows with the journal itself.)

mod disk;
mod door_view;
mod entry;
mod error;
mod fold;
mod ingest;
mod journal;
mod picture;
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
pub use room::{Backlog, BadRoomEntry, CalloutStep, RoomEntry};
pub use snapshot::{NotBelieved, SnapshotUse};
pub use source::{Noted, Source, SourceId, SourceKind, Trouble};
pub use statement::{Carried, Outcome, Shelf, Signed, Statement, Statements, TakenBack};
