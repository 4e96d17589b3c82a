//! The publisher as a process: the site follows the doors, senders find what became of their message, and the site gets
//! to a web host by SFTP.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests and what they stand among may stop at the first surprise"
)]

mod common;

use std::{
    path::Path,
    process::{Command, Stdio},
};

use common::{
    World, mailbox,
    smtp::{Session, item, letter},
    until,
};
use publication::ask::{self, File};
use serde_json::Value;
use spool::ItemId;
use vocabulary::{Digest, Scope};

/// Hands one mail in and gives the item of its receipt.
fn hand_in(world: &World, id: &str) -> ItemId {
    let (from, to) = ("p1@praxis.test", mailbox(1));
    let mut session = Session::new(world.intake()).unwrap();
    let mail = letter(id, from, &to, "ciphertext");
    let taken = item(&session.mail(from, &to, &mail).unwrap());
    world.acknowledged.lock().unwrap().push(taken);
    taken
}

/// Waits until the answer for an item says this.
fn until_answered(world: &World, item: ItemId, word: &str) -> File {
    let key = ask::key(&item.to_string()).to_string();
    let path = world
        .side
        .system
        .site()
        .join(format!("frage/{}/{key}.json", &key[..2]));
    let read = || -> Option<File> { serde_json::from_slice(&std::fs::read(&path).ok()?).ok() };
    let began = std::time::Instant::now();
    while read().is_none_or(|file| file.state.slug() != word) {
        assert!(
            began.elapsed() < common::LIMIT,
            "{} does not say {word}; the publisher said:\n{}",
            path.display(),
            std::fs::read_to_string(world.folder().join("publish.log")).unwrap_or_default()
        );
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    read().unwrap()
}

/// The signature, checked with the key the site publishes, by what a sender would use.
fn assert_signed(world: &World, file: &File) {
    let facts: Value =
        serde_json::from_slice(&std::fs::read(world.side.system.site().join("fakten.json")).unwrap())
            .unwrap();
    let key = facts["answer_key"]
        .as_str()
        .unwrap()
        .strip_prefix("ed25519:")
        .unwrap();
    let key: [u8; 32] = hex::decode(key).unwrap().try_into().unwrap();
    let key = ed25519_dalek::VerifyingKey::from_bytes(&key).unwrap();
    let signature = file.signature.strip_prefix("ed25519:").unwrap();
    let signature = ed25519_dalek::Signature::from_slice(&hex::decode(signature).unwrap()).unwrap();
    key.verify_strict(file.note.as_bytes(), &signature).unwrap();
    let mut changed = file.note.clone();
    changed.push(' ');
    assert!(key.verify_strict(changed.as_bytes(), &signature).is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn senders_find_what_became_of_their_message() {
    let mut world = World::open().await;
    let before = hand_in(&world, "vorher@praxis.test");
    let file = until_answered(&world, before, "handed-over");
    assert_signed(&world, &file);
    world.cut(Scope::everything()).await;
    let held = hand_in(&world, "gehalten@praxis.test");
    assert_signed(&world, &until_answered(&world, held, "held"));
    world.clear_and_open().await;
    world.until_handed_over().await;
    assert_signed(&world, &until_answered(&world, held, "handed-over"));
    // The number of a message that never was has no answer, and none is made up.
    let nobody = ask::key("00000000000000000000000000000000").to_string();
    assert!(
        !world
            .side
            .system
            .site()
            .join(format!("frage/{}/{nobody}.json", &nobody[..2]))
            .exists()
    );
    world.end().await;
}

/// Whether OpenSSH's server is here; a miss fails where counterparts are required.
fn sshd() -> bool {
    if Path::new("/usr/sbin/sshd").exists() {
        return true;
    }
    assert!(
        std::env::var_os("BULKHEAD_REQUIRE_COUNTERPARTS").is_none(),
        "openssh-server is missing"
    );
    let _ = std::io::Write::write_fmt(
        &mut std::io::stderr(),
        format_args!("SKIPPED: openssh-server is missing; the site is not pushed to a real host\n"),
    );
    false
}

fn keygen(path: &Path) -> String {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(path)
        .status()
        .unwrap();
    assert!(made.success());
    std::fs::read_to_string(path.with_extension("pub")).unwrap()
}

/// An SSH server without a port: the client's proxy command starts one for each connection.
fn web_host(dir: &Path) -> String {
    let host_key = keygen(&dir.join("host"));
    let user_key = keygen(&dir.join("publisher"));
    std::fs::write(dir.join("authorized"), user_key).unwrap();
    let words: Vec<&str> = host_key.split_whitespace().take(2).collect();
    std::fs::write(dir.join("known_hosts"), format!("webhost {}\n", words.join(" "))).unwrap();
    let config = format!(
        "HostKey {0}/host\nAuthorizedKeysFile {0}/authorized\nStrictModes no\nUsePAM no\nPidFile none\n\
         PasswordAuthentication no\nKbdInteractiveAuthentication no\nSubsystem sftp internal-sftp\n",
        dir.display()
    );
    std::fs::write(dir.join("sshd_config"), config).unwrap();
    let client = format!(
        "Host webhost\n  ProxyCommand /usr/sbin/sshd -i -e -f {0}/sshd_config 2>{0}/sshd.log\n",
        dir.display()
    );
    std::fs::write(dir.join("ssh_config"), client).unwrap();
    // Where nothing starts at boot nobody has made it; what it is for needs root anyway.
    let _there = std::fs::create_dir("/run/sshd");
    let user = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(user.stdout).unwrap().trim().to_owned()
}

/// Files below a folder with the digest of each, without what is only the directory's mark.
fn files(root: &Path) -> std::collections::BTreeMap<String, Digest> {
    let mut found = std::collections::BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().display().to_string();
                found.insert(name, Digest::of(&std::fs::read(&path).unwrap_or_default()));
            }
        }
    }
    found.remove(".bulkhead-site");
    found
}

/// A process that does not outlive its test.
struct Ended(std::process::Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _waited = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_site_gets_to_a_web_host_and_follows_the_doors_there() {
    if !sshd() {
        return;
    }
    let mut world = World::open().await;
    let dir = tempfile::tempdir().unwrap();
    let user = web_host(dir.path());
    std::fs::create_dir(dir.path().join("www")).unwrap();
    let here = dir.path().display();
    let config = format!(
        "control = \"{}\"\ntls = \"{}\"\ndir = \"{here}/site\"\nstate = \"{here}/state\"\n\n[push]\nhost = \"{user}@webhost\"\n\
         folder = \"{here}/www\"\nidentity = \"{here}/publisher\"\nknown_hosts = \"{here}/known_hosts\"\nssh_config = \
         \"{here}/ssh_config\"\n",
        world.side.system.control,
        world.side.system.people_tls().display(),
    );
    std::fs::write(dir.path().join("publish.toml"), config).unwrap();
    let publisher = Command::new(common::program())
        .arg("publish")
        .arg("--config")
        .arg(dir.path().join("publish.toml"))
        .stdin(Stdio::null())
        .stderr(std::fs::File::create(dir.path().join("publish.log")).unwrap())
        .spawn()
        .unwrap();
    let publisher = Ended(publisher);
    let (site, www) = (dir.path().join("site"), dir.path().join("www"));
    let is_there = || {
        let there = files(&www);
        !there.is_empty() && there == files(&site)
    };
    until("the site is at its host", is_there);
    world.cut(Scope::everything()).await;
    until("the host says that something is held", || {
        let summary = std::fs::read_to_string(www.join("api/v2/summary.json")).unwrap_or_default();
        summary.contains("\"bulkhead_state\":\"held\"") && is_there()
    });
    drop(publisher);
    world.end().await;
}
