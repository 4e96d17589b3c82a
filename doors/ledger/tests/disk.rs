//! A disk that is full, and a disk that fails.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the first surprise, in its helpers too"
)]

use ledger::{Error, Ledger};
use record::{Draft, Kind, Origin};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use vocabulary::Timestamp;

/// Where the child of `a_failed_write_poisons` finds its ledger.
const CHILD_DIR: &str = "BULKHEAD_TEST_LEDGER_DIR";

fn origin() -> Origin {
    Origin::new("bulkhead.example/essen/spool").unwrap()
}

fn draft(bytes: usize) -> Draft {
    Draft {
        kind: Kind::new("test.entry").unwrap(),
        at: Timestamp(1),
        body: vec![b'x'; bytes],
    }
}

/// A small disk of its own, unmounted at the end.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` is a skip that has been said: mounting needs root.
    fn mount(at: &Path) -> Option<Self> {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=2m", "bulkhead-test"])
            .arg(at)
            .status()
            .is_ok_and(|status| status.success());
        if mounted {
            return Some(Self(at.to_path_buf()));
        }
        let sentence = "a small disk could not be mounted; this test needs root";
        let required = std::env::var_os("BULKHEAD_REQUIRE_COUNTERPARTS").is_some_and(|value| value == "1");
        assert!(!required, "{sentence}");
        let _told = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("SKIPPED: {sentence}\n"));
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _gone_with_the_namespace_otherwise = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_refuses_by_name_records_nothing_and_recovers() {
    let temp = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(temp.path()) else {
        return;
    };
    let dir = disk.0.join("log");
    let filler = disk.0.join("filler");
    fs::write(&filler, vec![1; 256 * 1024]).unwrap();
    let mut ledger = Ledger::create(&dir, &origin()).unwrap();
    let refusal = loop {
        match ledger.append(&[draft(50_000)]) {
            Ok(_) => assert!(ledger.len() < 100, "a disk of 2 MiB cannot hold this"),
            Err(error) => break error,
        }
    };
    assert!(matches!(refusal, Error::DiskFull { .. }), "{refusal}");
    assert!(refusal.to_string().contains("disk is full"), "{refusal}");
    let head = ledger.head();
    assert!(head.len > 10);
    assert!(matches!(
        ledger.append(&[draft(50_000)]),
        Err(Error::DiskFull { .. })
    ));
    assert_eq!(ledger.head(), head, "nothing half-acknowledged");
    // Somebody makes room: it goes on without a restart, and a smaller commit leaves nothing of the failed one behind.
    fs::remove_file(&filler).unwrap();
    ledger.append(&[draft(100)]).unwrap();
    let head = ledger.head();
    drop(ledger);
    let (ledger, recovered) = Ledger::open(&dir, &origin()).unwrap();
    assert_eq!((ledger.head(), recovered.cut_bytes), (head, 0));
    assert_eq!(
        ledger.read(0).unwrap().map(Result::unwrap).count() as u64,
        head.len
    );
}

#[test]
fn a_full_disk_does_not_keep_a_ledger_from_opening() {
    let temp = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(temp.path()) else {
        return;
    };
    let dir = disk.0.join("log");
    let mut ledger = Ledger::create(&dir, &origin()).unwrap();
    ledger.append(&[draft(1000)]).unwrap();
    let head = ledger.head();
    ledger.append(&[draft(60_000)]).unwrap();
    drop(ledger);
    // A crash cut the last commit in half, and meanwhile something else took all the room.
    let segment = dir.join("entries/00000001.log");
    let length = fs::metadata(&segment).unwrap().len();
    fs::OpenOptions::new()
        .write(true)
        .open(&segment)
        .unwrap()
        .set_len(length - 10)
        .unwrap();
    let filled = fs::write(disk.0.join("filler"), vec![1; 4 * 1024 * 1024]);
    assert!(filled.is_err(), "the disk must be full");
    let (ledger, recovered) = Ledger::open(&dir, &origin()).unwrap();
    assert_eq!((ledger.head(), recovered.kept_in), (head, None));
    assert!(recovered.cut_bytes > 60_000);
}

#[test]
fn a_failed_write_poisons_the_ledger_until_it_is_opened_again() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("log");
    drop(Ledger::create(&dir, &origin()).unwrap());
    // A limit on file sizes makes writing fail in the middle of a commit: not full, so nobody knows why.
    let child = Command::new("sh")
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f 600; exec \"$0\" --exact --ignored child_that_meets_a_failing_disk",
        ])
        .arg(std::env::current_exe().unwrap())
        .env(CHILD_DIR, &dir)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{said}");
    assert!(said.contains("1 passed"), "{said}");
    let (mut ledger, recovered) = Ledger::open(&dir, &origin()).unwrap();
    let acknowledged: u64 = fs::read_to_string(dir.join("acknowledged"))
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(ledger.len(), acknowledged);
    assert!(recovered.cut_bytes > 0, "the half-written commit");
    ledger.append(&[draft(50_000)]).unwrap();
}

#[test]
#[ignore = "run by a_failed_write_poisons_the_ledger_until_it_is_opened_again, under a limit"]
fn child_that_meets_a_failing_disk() {
    let dir = PathBuf::from(std::env::var_os(CHILD_DIR).unwrap());
    let (mut ledger, _) = Ledger::open(&dir, &origin()).unwrap();
    let failure = loop {
        match ledger.append(&[draft(50_000)]) {
            Ok(_) => assert!(ledger.len() < 100, "the limit must be met"),
            Err(error) => break error,
        }
    };
    assert!(matches!(failure, Error::Io { doing: "write", .. }), "{failure}");
    let head = ledger.head();
    for refusal in [
        ledger.append(&[draft(1)]).err(),
        ledger.sync().err(),
        ledger.stage(&[draft(1)]).err(),
    ] {
        let refusal = refusal.unwrap();
        assert!(matches!(refusal, Error::Poisoned { doing: "write", .. }));
        assert!(refusal.to_string().contains("no longer writes"), "{refusal}");
    }
    assert_eq!(ledger.head(), head);
    assert_eq!(
        ledger.read(0).unwrap().map(Result::unwrap).count() as u64,
        head.len,
        "reading still works"
    );
    fs::write(dir.join("acknowledged"), head.len.to_string()).unwrap();
}
