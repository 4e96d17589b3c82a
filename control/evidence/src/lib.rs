//! The journal over all logs, and the one picture that is its fold.
//!
//! (Specification follows with the journal itself.)

mod door_view;
mod picture;
pub mod room;
mod source;
mod statement;

pub use door_view::{Cause, Door, Grade, Level, Proof, Restriction};
pub use picture::{Environment, Incident, LIST_MAX, People, Picture, Pin, Refused, Test, Written};
pub use room::{Backlog, BadRoomEntry, CalloutStep, RoomEntry};
pub use source::{Noted, Source, SourceId, SourceKind, Trouble};
pub use statement::{Carried, Outcome, Shelf, Signed, Statement, Statements, TakenBack};
