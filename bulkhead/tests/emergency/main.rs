//! Emergency operation end to end, with real processes: granted, read, ended at once, answered by release only, handed
//! back; and an emergency environment that is killed again and again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests and what they stand among may stop at the first surprise"
)]

#[path = "../common/mod.rs"]
mod common;

mod answers;
mod circle;
mod desk;
mod granted;
mod kept;
mod stage;
