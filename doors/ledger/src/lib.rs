//! One writer's append-only log on disk: every entry chained, checksummed and durable before anybody is told.
//!
//! # States
//!
//! A ledger is *open* (it writes) or *poisoned* (a write or sync failed, nobody knows what is on disk, so it refuses to
//! go on until it is opened again). Staged entries are nobody's until [`Ledger::sync`] returns.
//!
//! # What holds
//!
//! - When [`Ledger::append`] or [`Ledger::sync`] returns `Ok`, the entries are on disk: one write, one `fdatasync`.
//!   What one sync carries is there as a whole after a crash, or not at all.
//! - A full disk refuses by name ([`Error::DiskFull`]), records nothing and leaves the ledger usable.
//! - [`Ledger::open`] reads everything. It cuts off a torn tail, keeps the bytes aside and reports it; it refuses, with
//!   the entry's number, when something that was acknowledged is damaged, or missing according to the ledger's own last
//!   checkpoint. A torn tail is a last commit for which the file is too short or a sector was never persisted; anything
//!   else is damage.
//! - A second writer is refused ([`Error::InUse`]).
//! - A new file is synced under another name, renamed, and its folder synced, before anything refers to it.
//! - Proofs are made from a cache of hashes that is never believed: each is checked against the ledger's own root.
//!
//! # Example
//!
//! ```
//! use ledger::Ledger;
//! use record::{Draft, Kind, LogKey, Origin};
//! use vocabulary::Timestamp;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let temp = tempfile::tempdir()?;
//! # let dir = temp.path();
//! let origin = Origin::new("bulkhead.example/essen/doors")?;
//! let mut ledger = Ledger::create(dir, &origin)?;
//! let draft = Draft {
//!     kind: Kind::new("door.tightened")?,
//!     at: Timestamp(1_682_366_400),
//!     body: br#"{"door":"kasse-001/kim"}"#.to_vec(),
//! };
//! assert_eq!(ledger.append(&[draft])?, 0..1); // on disk when this returns
//! let note = ledger.checkpoint(&LogKey::from_seed(&origin, &[7; 32])?)?;
//! assert!(note.text().starts_with("bulkhead.example/essen/doors\n1\n"));
//! # Ok(())
//! # }
//! ```
//!
//! # Directory
//!
//! `origin` (the log's name), `lock`, `entries/NNNNNNNN.log`, `checkpoint` and `cosigned` (latest notes, two slots
//! each), `nodes` (cache of hashes; may be deleted), `torn/` (bytes that were cut off).
//!
//! # Limits
//!
//! One sync carries at most 64 MiB. A tail of acknowledged entries that is cut off cleanly at a commit boundary is only
//! noticed by a checkpoint: the ledger's own if it still lies there, or the one a witness holds.
//!
//! This room must not know what entries mean.

mod disk;
mod error;
mod frame;
mod ledger;
mod nodes;
mod read;
mod scan;
mod segment;
mod slots;
mod verify;

pub use error::{Damage, Error};
pub use ledger::{Ledger, Recovered, origin_of};
pub use read::{Entries, Piece};
pub use verify::{Place, Verified, verify};
