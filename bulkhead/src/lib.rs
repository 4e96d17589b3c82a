//! The one binary: configuration, clock, network, wiring. It decides nothing; the rooms do.
//!
//! It is a library only so that its own tests can start the same processes with the same people as the drill does.
//! Nothing else depends on it.

pub mod authority_wire;
pub mod callout;
pub mod clock;
pub mod command;
pub mod control;
pub mod control_wire;
pub mod door_process;
pub mod door_wire;
pub mod emergency;
pub mod emergency_wire;
pub mod endpoints;
pub mod exercise;
pub mod files;
pub mod house;
pub mod http;
pub mod keys;
pub mod log;
pub mod probe;
pub mod publish;
pub mod report;
pub mod tls;
pub mod warn;
pub mod web;
pub mod witness;
