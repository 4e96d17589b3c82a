//! Bringing an estate back: the life of an environment, the plan in waves, its run step by step, and what people
//! promised.
//!
//! # Specification
//!
//! - [`environment`] moves one environment from suspicion to normal operation by one total function; re-shutdown is a
//!   normal step from everywhere. "Normal" needs an accepted user test, an empty backlog, nothing temporary left and a
//!   complete checklist.
//! - [`Plan::make`](plan::Plan::make) turns an estate and a [`Situation`] into an immutable
//!   document: every cell is in exactly one place, running, in a wave, or waiting with everything that is missing.
//!   Instants are bounds under conditions, never dates. The order is published with its reasons.
//! - [`run::decide`] compares the plan with what is, and says what to do next. It can be called again at any time with
//!   the same answer. It issues no permission: its strongest effect is a draft for named people to sign.
//! - [`pledges`] keeps what people promised, and scores it.
//! - [`promises::plan_1`] is PLAN-1: no cell starts before its roots, its clearance and its insurer's consent. It counts
//!   from the facts by other code than the planner's.
//!
//! What is not known counts as closed: an unlisted root is down, an unlisted environment is not cleared, an insurer that
//! said nothing has not consented, an unlisted door was not reached.
//!
//! This room is pure: no clock, no disk, no socket, no randomness. It knows nothing of orders, keys, doors' logs and
//! spools; it takes facts as plain data, so that it cannot write its own permission. Dates of the calendar begin at
//! midnight UTC.

pub mod environment;
pub mod missing;
pub mod plan;
pub mod pledges;
pub mod promises;
mod render;
pub mod run;
pub mod situation;
mod words;

pub use missing::{Missing, Waits};
pub use plan::Plan;
pub use render::render;
pub use situation::Situation;
pub use words::{Lang, Words};
