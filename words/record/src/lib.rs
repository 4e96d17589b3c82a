//! Proof of what happened: log entries, the hash tree over them, checkpoints, witnesses, and the verifier that stands
//! alone.
//!
//! This room is pure: no clock, no disk, no socket, no randomness. It depends on `vocabulary` alone, so that the record
//! cannot be steered by those it records.
//!
//! # What holds
//!
//! - **Entries** have one canonical encoding and each names the hash of the one before it ([`entry`]). The same hash is
//!   the entry's leaf in an RFC 6962 tree ([`tree`]), so chain and tree cannot tell different stories.
//! - **A checkpoint** (C2SP `tlog-checkpoint`) is what a log says about itself; its signature says who is talking, not
//!   that it is true ([`SignedCheckpoint`]).
//! - **A cosignature** (C2SP `tlog-cosignature`, `cosignature/v1`) is what an outsider saw, and when. A quorum of them is
//!   the proof value [`Cosigned`], and their median time is [`WitnessedTime`]: the only clock a door believes. Both can
//!   be made by verification only; neither can be read from bytes.
//! - **A witness** ([`witness`]) never goes back and never signs two heads that contradict each other; when a log asks
//!   for that, both heads are kept as evidence.
//! - **The verifier** ([`verify`]) reads entries and checkpoints from anywhere and names what was changed, removed,
//!   reordered, forked or cut off, and at which index.
//! - **Commitments** ([`commitment`]) let a log speak about payload without holding it.
//!
//! # Limits
//!
//! One entry's body has at most [`entry::BODY_BYTES_MAX`] bytes, a note [`note::NOTE_BYTES_MAX`], a proof
//! [`tree::PROOF_HASHES_MAX`] hashes, a witness set [`cosigned::WITNESSES_MAX`] members. A log can rewrite what came
//! after the last head an outsider holds: that is what witnesses are for, and why they are asked often.
#![no_std]
extern crate alloc;

pub mod checkpoint;
pub mod commitment;
pub mod cosigned;
pub mod entry;
pub mod note;
pub mod promises;
pub mod tree;
pub mod verify;
pub mod witness;

pub use checkpoint::{Checkpoint, LogKey, NotSigned, Origin, SignedCheckpoint, WitnessKey};
pub use commitment::{Commitment, Salt, batch_root};
pub use cosigned::{Cosigned, NotCosigned, WitnessSet, WitnessedTime};
pub use entry::{Chain, Draft, Entry, EntryRef, Head, Kind};
pub use note::{KeyKind, KeyName, Note, SignatureLine, VerifierKey};
pub use tree::{ConsistencyProof, Frontier, InclusionProof, Tree};
