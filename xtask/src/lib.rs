//! The commands that test, check and measure the project, and nothing that the product contains.
//!
//! `cargo xtask test` is what a newcomer and the CI run: it sees to the counterparts (real programs the tests talk
//! to), then runs every test. `check` adds format, lints, licences. `walls` tests the arrows between rooms. `bench`
//! measures ratios against the counterparts on this machine and writes `docs/benchmarks.md`.
//!
//! It is compiled before anything else, so it stays small: the standard library and a JSON reader.

pub mod bench;
pub mod check;
pub mod counterparts;
mod failed;
pub mod run;
pub mod sources;
pub mod test;
pub mod workspace;

pub use failed::Failed;
