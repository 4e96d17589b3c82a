//! The operator's web pages and HTTP API: what is, what waits for whom, and what to do next.
//!
//! # Specification
//!
//! - Pure: a [room] and a request go in, a response and effects come out. No clock, no disk, no socket, no randomness;
//!   the binary hands in the time and the chance, and carries out the effects before it answers.
//! - It never writes and never signs. What people decide leaves as a draft; the signature comes from their own machine.
//! - Who may do what is one table, asked at every request with the charter in force at that moment.
//! - An insurer's persons see their own insurer and nothing of any other.
//! - Every page works without script, says what to do next, and tells no state by colour alone.
//! - Everything that comes in is bounded; everything that goes out is escaped.
//!
//! [room]: self

pub mod draft;
pub mod preview;
