//! The room through its public door: plans, runs and promises over invented estates.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod acting;
mod environment;
mod planning;
mod promise;
mod random;
mod ranking;
mod running;
mod world;
