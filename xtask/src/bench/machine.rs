//! What the numbers were taken on.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::mpsc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
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
    let commit = version(Command::new("git").args(["describe", "--always", "--dirty"]));
    let postfix = version(Command::new("postconf").args(["-dh", "mail_version"]));
    let rustc = version(Command::new("rustc").arg("--version"));
    let sync = sync_floor(folder).map_or_else(
        |cause| format!("not measured: {cause}"),
        |micros| format!("{micros} µs"),
    );
    let load = load_average();
    format!(
        "- load average when the run began: {load}\n- machine: {cores} cores, {processor}, {memory} memory\n- kernel: {kernel}\n- file system of the data: {disk}\n\
         - one write of 4 KiB with `fdatasync` there, median of {SYNCS}: {sync}\n\
         - compiler: {rustc}; commit {commit}\n- counterpart: Postfix {postfix}\n"
    )
}

/// Syncs measured for the floor.
const SYNCS: usize = 201;

/// What durability costs at least on this disk, in microseconds: every intake here waits for syncs, and a disk that
/// answers late makes group commit look better.
fn sync_floor(folder: &Path) -> std::io::Result<u128> {
    let path = folder.join("sync-floor");
    let mut file = fs::File::create(&path)?;
    let mut times = Vec::new();
    for _ in 0..SYNCS {
        let started = Instant::now();
        file.write_all(&[1; 4_096])?;
        file.sync_data()?;
        times.push(started.elapsed().as_micros());
    }
    fs::remove_file(&path)?;
    times.sort_unstable();
    Ok(times.get(SYNCS / 2).copied().unwrap_or(0))
}

/// Runnable tasks over the last minute.
pub(crate) fn load_average() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split_whitespace().next().unwrap_or("unknown").to_owned()
}

/// Looks, while something is measured, whether somebody compiles on the same machine: then the numbers are worse than
/// they should be, and the report says so.
#[derive(Debug)]
pub(crate) struct Watch {
    end: mpsc::Sender<()>,
    looks: JoinHandle<(usize, usize)>,
    before: String,
}

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);

impl Watch {
    /// Begins to look.
    pub(crate) fn begin() -> Self {
        let (end, ended) = mpsc::channel();
        let looks = thread::spawn(move || {
            let (mut all, mut busy) = (0, 0);
            while ended.recv_timeout(LOOK_EVERY) == Err(mpsc::RecvTimeoutError::Timeout) {
                all += 1;
                busy += usize::from(somebody_compiles());
            }
            (all, busy)
        });
        Self {
            end,
            looks,
            before: load_average(),
        }
    }

    /// What was seen, as a sentence.
    pub(crate) fn end(self) -> String {
        drop(self.end);
        let (all, busy) = self.looks.join().unwrap_or_default();
        let verdict = if busy == 0 { "" } else { ": **a busy machine**" };
        format!(
            "Load average before: {}, after: {}. Somebody compiled meanwhile in {busy} of {all} looks{verdict}.",
            self.before,
            load_average()
        )
    }
}

fn somebody_compiles() -> bool {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut names = entries.filter_map(|entry| fs::read_to_string(entry.path().join("comm")).ok());
    names.any(|name| matches!(name.trim(), "rustc" | "cc1" | "ld" | "ld.lld" | "rust-lld"))
}

fn field(path: &str, name: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .find(|line| line.starts_with(name))
        .and_then(|line| line.split_once(':'))
        .map_or_else(|| "unknown".to_owned(), |(_, value)| value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_says_what_it_saw() {
        let said = Watch::begin().end();
        assert!(
            said.contains("looks") && said.contains("Load average before"),
            "{said}"
        );
    }
}
