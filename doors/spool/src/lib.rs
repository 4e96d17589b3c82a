//! The spool: nothing in flight is lost.
//!
//! It takes sealed items in, acknowledges each only when it is durable on every declared store, hands them out in
//! order, and can prove where every one of them is. It holds sealed bytes and knows no mail format.
//!
//! # Files
//!
//! Each declared store (`Config::dir` and `Config::copies`) has the same `segments/NNNNNNNNNN.segment` and the same
//! `secret`. The first store also has `pointers.sqlite` (a cache), `keys/` (the door's key store), `staging/` (sealed
//! bodies on their way in), `ledger/` (the spool's own log), `ballast` and `lock`.
//!
//! **Segments are the truth.** One append-only stream for the whole spool, cut into preallocated files; records carry
//! length, CRC-32C and a SHA-256 chain over everything before. Records are: the head of a segment, key epochs, items,
//! transitions of items, counts (refusals, repeats) and what a reclaimed segment leaves behind. There is one stream
//! and not one per cell or insurer because then one commit is one `fdatasync` per store however many of 4,000 cells
//! are in it, and open files and preallocated space do not grow with them. What DESIGN calls a segment's data key is
//! here a *key epoch* of one cell, so that containing one cell never stalls another of the same insurer; the head of
//! every segment file repeats the epochs that are still needed (about 800 bytes per cell and epoch).
//!
//! **The cache** (SQLite) holds pointers and states. It is filled after the sync, with its position in the same
//! transaction, and filled again from the segments where it is behind, lost, damaged or of another spool.
//!
//! # Accepting
//!
//! One writer thread takes what waits (bounded in items and bytes), seals it, appends it to every store at once, syncs
//! every store, commits the cache, and only then answers. Everything that waited shares that sync. A refusal
//! ([`Refused`]) leaves nothing behind. While a store is down, intake defers or degrades as declared; steps of items
//! that are here go on either way. A store whose write or sync failed is not written to again until
//! [`Spool::mend`] or a new start has made it equal to a good one.
//!
//! At the start, an unfinished commit at the end (never acknowledged) is cut; any other unreadable byte is *damage*:
//! named, stepped over, and never silently dropped. When the process dies between syncing and answering, the sender
//! offers again and is told the first id ([`Novelty::Repeat`]).
//!
//! # States of an item
//!
//! ```text
//! held ──begin──▶ in doubt ──handed_over──▶ handed over ──confirm, or kept 14 days──▶ done
//!   ▲ ◀─returned──┘  │
//!   └──unpark── parked ◀──park── (held or in doubt)
//! ```
//! A lane (peer × cell × what the mail room orders by) gives only its head; it goes on when the head is handed over or
//! parked, and waits, longer each time, when it is returned. `begin` is durable before the receiver can have the item,
//! so after a crash exactly the begun ones are in doubt and are repeated under their ids.
//!
//! # Sealing
//!
//! Items are sealed to the current key epoch of their cell (see `seal`). Its private half lies in `keys/` while the
//! door is open, and always wrapped (age) in the segments, to its insurer's active and recovery recipients.
//! [`Spool::hold`] wipes and destroys the private halves of one cell and begins an epoch whose private half never
//! touched a disk in clear; [`Spool::release`] takes keys back that the insurer re-wrapped (with its companion, the room `sign`). An item whose
//! key is missing is locked; its lane keeps its order. In clear on the disk stand cells, times, sizes and digests under the spool's
//! own secret: nobody's name, address or message id. The secret is not destroyed on hold: who steals a whole store can
//! test guesses about senders, not read bodies. Losing the first store loses the door's keys, and then release by the
//! insurer is needed as after a hold.
//!
//! An encapsulation serves the items of its cell that are received within one second, at most 1,024, and not one commit
//! only. The cost: until the next second is told by an offer or by [`Spool::log_roots`], the memory of this process
//! could open what came in for a cell during that second, also while the cell is held. A change of keys wipes it at
//! once. On the disk nothing changes.
//!
//! # A second reader
//!
//! [`Spool::reader`] walks through a cell without moving anything: what waits, what was set aside, and what was handed
//! over and has not left the insurer's mailbox as far as the door saw. It gives out what is sealed as it lies in the
//! segments; [`unseal`] opens it elsewhere, with keys that this spool may not have. A position is an item's id within one
//! key epoch of one cell: epochs follow each other, so an epoch whose key is missing keeps no other from being read.
//! [`Spool::share`] begins an epoch that is wrapped to the reader's recipient too.
//!
//! # Giving back space
//!
//! Oldest segment first, whole segments, when every item in it is done. One item that stays (parked for weeks) keeps
//! all younger segments; nothing is compacted.
//!
//! # Promises
//!
//! [`promises`]: SPOOL-1, SPOOL-2, SPOOL-3, computed from the segments alone. [`check`] looks a spool over that no
//! process has open.
//!
//! This room reads no clock and draws no randomness of its own ([`Entropy`]), except that the `age` crate draws file
//! keys from the operating system.

mod batch;
mod build;
mod cache;
mod certificate;
mod check;
mod codec;
mod commit;
mod config;
mod copies;
mod disk;
mod durable;
mod error;
mod figures;
mod frame;
mod id;
mod item;
mod keys;
mod lanes;
mod log;
mod offer;
mod open;
mod own;
pub mod promises;
mod query;
mod queue;
mod reader;
mod record;
mod replay;
mod scan;
mod seal;
mod spool;
mod state;
mod status;
mod stores;
mod unseal;
mod writer;

pub use certificate::{About, Certificate, Class};
pub use check::{Finding, Report, StoreReport, check};
pub use config::{Config, Entropy, Limits, WhenCopyDown};
pub use durable::Durable;
pub use error::{Blame, Error, Refused};
pub use figures::Figures;
pub use id::{BadItemId, ItemId, KeyEpoch, LaneId, PeerCommitment, SpoolId};
pub use item::{BodyReader, Item, Next, Receipt, Sealed, WhyParked};
pub use keys::{Recipient, ReleaseRecipients, ReleasedKeys, WrappedKey};
pub use log::{BatchRoot, Logged, commitment};
pub use offer::{Accepted, Novelty, Offer, OfferWriter, Pending};
pub use open::Recovered;
pub use reader::{Listed, Reader, SealedItem, Standing};
pub use replay::Damage;
pub use spool::Spool;
pub use state::State;
pub use status::{CellStatus, Readable, Status, StoreStatus};
pub use unseal::{Unsealed, UnsealedBody, unseal};
