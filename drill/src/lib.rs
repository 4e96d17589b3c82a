//! Exercises: a real timeline played against live traffic, with what was reported, what happens without doors, and what
//! happens with them side by side.
//!
//! # Specification
//!
//! - [`facts`]: what was reported about April 2023, each fact with source, precision and confidence.
//! - [`script`]: steps of a story, reported or assumed, never anything else; hours of the story against milliseconds.
//! - [`outside`]: the world beyond our doors (practices, the regular KIM server, the insurers' consumers), small and
//!   honest: real sockets, real sealing, a book in which every letter is accounted for.
//! - [`side`]: what is put in between. [`without_doors`] puts nothing in between. The system itself is plugged in by the
//!   binary, because this room is the outside and must not know doors, spools or their formats.
//! - [`run`]: plays a script.
//! - [`table`]: the three columns; [`verdict`]: which promises held.
//!
//! Time and chance are arguments ([`chance::Clock`], [`chance::Seed`]), so that a deterministic simulator can come.
//! Everything sent is invented. What people decide is marked as assumed in the script and left out of the verdict.

pub mod chance;
pub mod facts;
pub mod outside;
pub mod run;
pub mod script;
pub mod side;
pub mod table;
pub mod verdict;
pub mod without_doors;
