//! Trust and keys out of folders.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod common;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use common::{NOW, inner, open, world};
use smime::{FileKey, FileTrouble, Outcome, PrivateKey as _, TrustStore, promises::inner_is_unchanged};
use vocabulary::Timestamp;

fn write(path: PathBuf, bytes: &[u8], mode: u32) -> PathBuf {
    fs::write(&path, bytes).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path
}

/// A folder as an operator makes it.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["intermediates", "lists", "answers"] {
        fs::create_dir(at(name)).unwrap();
    }
    write(at("root.crt"), world().root.certificate().der(), 0o644);
    write(
        at("intermediates/between.der"),
        world().authority.certificate().der(),
        0o644,
    );
    write(at("README"), b"who may write here decides whom we trust", 0o644);
    let list = world()
        .authority
        .list(&[], Timestamp(NOW.0 - 60), Timestamp(NOW.0 + 60))
        .unwrap();
    write(at("lists/between.crl"), &list, 0o644);
    folder
}

fn key(folder: &Path, mode: u32) -> Result<FileKey, FileTrouble> {
    let key = write(folder.join("key.p8"), &world().fund_receives.pkcs8, mode);
    let certificate = write(
        folder.join("key.crt.txt"),
        world().fund_receives.certificate.der(),
        0o644,
    );
    FileKey::read(&key, &certificate)
}

#[test]
fn a_folder_of_trust_and_a_key_file_open_a_mail() {
    let folder = folder();
    let trust = TrustStore::read(folder.path()).unwrap();
    assert_eq!(trust.anchors(), 1);
    let key = key(folder.path(), 0o600).unwrap();
    assert_eq!(key.recipient(), world().fund_receives.certificate.id());
    assert!(!format!("{key:?}").contains("unwrap"));
    let whole = inner("x");
    let outcome = open(&world().seal(&whole), &[&key], &trust);
    inner_is_unchanged(&whole, &outcome).unwrap();
    let Outcome::Opened(opened) = outcome else {
        panic!()
    };
    assert_eq!(opened.findings, []);
}

#[test]
fn a_key_others_may_read_is_refused() {
    for mode in [0o640, 0o604, 0o644] {
        let folder = folder();
        let refused = key(folder.path(), mode);
        assert!(matches!(refused, Err(FileTrouble::Permissions(_))), "{mode:o}");
    }
    let folder = folder();
    let missing = FileKey::read(&folder.path().join("none"), &folder.path().join("root.crt"));
    assert!(matches!(missing, Err(FileTrouble::Read { .. })));
}

#[test]
fn one_file_that_cannot_be_used_stops_the_whole_folder_and_is_named() {
    for name in [
        "odd.pem",
        "intermediates/odd.crt",
        "lists/odd.crl",
        "answers/odd.ocsp",
    ] {
        let folder = folder();
        write(folder.path().join(name), b"nonsense", 0o644);
        let refused = TrustStore::read(folder.path()).unwrap_err();
        assert!(
            matches!(&refused, FileTrouble::Unusable { path, .. } if path.ends_with(name)),
            "{refused}"
        );
    }
    assert!(matches!(
        TrustStore::read(Path::new("/nowhere/at/all")),
        Err(FileTrouble::Read { .. })
    ));
}
