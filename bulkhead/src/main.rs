//! The one binary: configuration, clock, network, wiring. It decides nothing; the rooms do.
#![forbid(unsafe_code)]
#![expect(unreachable_pub, reason = "a binary has no outside; pub marks what other modules use")]

mod authority_wire;
mod clock;
mod command;
mod control;
mod door_process;
mod door_wire;
mod endpoints;
mod exercise;
mod files;
mod house;
mod http;
mod keys;
mod log;
mod probe;
mod report;
mod tls;
mod witness;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match command::Cli::parse().run() {
        Ok(code) => code,
        Err(trouble) => {
            report::trouble(&trouble);
            ExitCode::from(2)
        }
    }
}
