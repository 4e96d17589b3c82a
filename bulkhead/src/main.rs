//! `bulkhead`: reads what was typed, does it, and explains what did not work.

use std::process::ExitCode;

use bulkhead::{command::Cli, report};
use clap::Parser as _;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(code) => code,
        Err(trouble) => {
            report::trouble(&trouble);
            ExitCode::from(2)
        }
    }
}
