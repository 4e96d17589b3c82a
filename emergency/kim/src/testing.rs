//! What tests share: where the folder with samples of the field lies, if it is there.

use std::{io::Write as _, path::PathBuf};

/// A path in the shared folder: `BULKHEAD_SHARED`, or `../shared` beside the project root. `None`, said aloud, without it.
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let root = std::env::var_os("BULKHEAD_SHARED").map_or(beside, PathBuf::from);
    let found = Some(root.join(path)).filter(|path| path.exists());
    // Samples are no program that could be installed: a clone without them is whole, also in CI.
    if found.is_none() {
        let said =
            std::io::stderr().write_fmt(format_args!("SKIPPED: the shared samples {path} are not here\n"));
        said.unwrap();
    }
    found
}

/// What a program of somebody else says, fed by its arguments. `None`, said aloud, when it is not installed.
pub(crate) fn counterpart(
    program: &str,
    arguments: impl FnOnce(&mut std::process::Command),
) -> Option<Vec<u8>> {
    let mut command = std::process::Command::new(program);
    arguments(&mut command);
    match command.output() {
        Ok(output) => {
            assert!(
                output.status.success(),
                "{program}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
            Some(output.stdout)
        }
        Err(_) => {
            assert!(
                std::env::var_os("BULKHEAD_REQUIRE_COUNTERPARTS").is_none_or(|value| value != "1"),
                "{program} is missing"
            );
            let said = std::io::stderr().write_fmt(format_args!("SKIPPED: {program} is not installed\n"));
            said.unwrap();
            None
        }
    }
}
