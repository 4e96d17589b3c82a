//! In peace: what is armed, and what is not and why; whom to reach, and how.
//!
//! # Specification
//!
//! - [`board`]: facts in, for every cell `Armed` or `NotArmed` with every single lack. There is no score: a number would
//!   hide the one lack that matters at night. What is not known counts as a lack.
//! - [`onboarding`]: the guided list by which an insurer is made ready, as a value that survives any crash and any repeat.
//! - [`contacts`]: the contact book: persons, duties, ways in their order of reach, deputies. Plain text of the sealed form.
//! - [`callout`]: one call-out as one total function `decide(state, event, now) -> (state, effects)`. Nothing in its
//!   events and effects is an address, and no text can carry free words: the journal and the messages hold no data of
//!   patients, by what their types can say.
//! - [`gateway`]: the exact request of one real SMS and voice gateway, and how its answers read.
//! - [`booklet`]: the crisis booklet of an estate or of one insurer, as a PDF for paper.
//!
//! This room is pure: no clock, no disk, no socket, no randomness. It knows no doors and no logs; whoever wires it fills
//! its own plain types. It cannot sign, and it decides about no door.

pub mod board;
pub mod booklet;
pub mod callout;
pub mod contacts;
pub mod gateway;
pub mod onboarding;
pub mod words;
