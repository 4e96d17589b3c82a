//! `cargo xtask …`: test, check, walls, bench.

use std::process::ExitCode;
use xtask::{
    Failed,
    bench::{self, Wanted},
    check, test,
};

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test [ARGS]   see to the counterparts, then run every test (ARGS go to `cargo test` instead of --workspace)
  check         format, lints, walls, licences and every test
  walls         the arrows between rooms, and the house rules
  bench [--cold-build] [--only PART]...
                ratios against the counterparts into docs/benchmarks.md; with a build of the drill from nothing;
                one part alone (intake, ledger, door, spool, evidence, publication, control, cold-build), the others
                keep their last numbers
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match words.split_first() {
        Some((word, rest)) => dispatch(word, rest),
        None => Err(Failed::new(USAGE)),
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(failed) => {
            eprintln!("xtask: {failed}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(word: &str, rest: &[String]) -> Result<u8, Failed> {
    match (word, rest) {
        ("test", rest) => test::test(rest),
        ("check", []) => check::check(),
        ("bench", rest) => bench::bench(&Wanted::read(rest)?).map(|()| 0),
        ("walls", []) => check::walls().map(|()| 0),
        _ => Err(Failed::new(format!(
            "this is no command of mine: {word} {}\n{USAGE}",
            rest.join(" ")
        ))),
    }
}
