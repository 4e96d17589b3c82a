//! The control room as people meet it: real Chromium at the console and the status site of a whole system of real
//! processes, with signatures by the companion; and what happens to it when somebody means harm.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "tests and what they stand among may stop at the first surprise"
)]

#[path = "../common/mod.rs"]
mod common;

mod chromium;
mod insurer;
mod login;
mod night;
mod pages;
mod people;
mod plain;
mod rough;
mod screens;
mod site;
mod stolen;
