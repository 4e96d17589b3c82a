//! What the numbers were taken on.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use super::version;
use crate::Failed;

/// A folder for servers' data, removed at the end.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(cause) = fs::remove_dir_all(&self.0) {
            eprintln!("xtask: cannot remove {}: {cause}", self.0.display());
        }
    }
}

/// Makes the folder on a real disk: `/var/tmp` survives a restart by convention, `/tmp` may be memory. Mail servers
/// run as users of their own and must be able to enter it.
pub(crate) fn folder() -> Result<Folder, Failed> {
    let path = PathBuf::from("/var/tmp").join(format!("bulkhead-bench-{}", std::process::id()));
    let make = || {
        fs::create_dir(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
    };
    make().map_err(|cause| Failed::because(&format!("cannot make {}", path.display()), &cause))?;
    Ok(Folder(path))
}

/// Facts about the machine, as a list.
pub(crate) fn facts(folder: &Path) -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let processor = field("/proc/cpuinfo", "model name");
    let memory = field("/proc/meminfo", "MemTotal");
    let kernel = version(Command::new("uname").arg("-sr"));
    let disk = version(
        Command::new("findmnt")
            .args(["--noheadings", "--output", "FSTYPE,OPTIONS", "--target"])
            .arg(folder),
    );
    let commit = version(Command::new("git").args(["rev-parse", "--short", "HEAD"]));
    let postfix = version(Command::new("postconf").args(["-dh", "mail_version"]));
    let rustc = version(Command::new("rustc").arg("--version"));
    format!(
        "- machine: {cores} cores, {processor}, {memory} memory\n- kernel: {kernel}\n- file system of the data: {disk}\n\
         - compiler: {rustc}; commit {commit}\n- counterpart: Postfix {postfix}\n"
    )
}

fn field(path: &str, name: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .find(|line| line.starts_with(name))
        .and_then(|line| line.split_once(':'))
        .map_or_else(|| "unknown".to_owned(), |(_, value)| value.trim().to_owned())
}
