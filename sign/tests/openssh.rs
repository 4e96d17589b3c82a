//! Against the real OpenSSH: it accepts our signatures, we accept its, and a real agent signs for us.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod common;

use common::{counterpart, filled, keygen, nobody, public_line, run, show};
use order::PublicKey;
use sign::{Refused, Signer};
use std::{
    fs::{self, File},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use vocabulary::{Envelope, PayloadType};
use zeroize::Zeroizing;

fn signed(path: &Path, signer: &Signer) -> Envelope {
    let shown = show(path);
    let word = shown.word();
    sign::sign(shown.confirm(word).unwrap(), signer).unwrap();
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// `ssh-keygen -Y verify` over the last signature of an envelope; whether it accepts.
fn openssh_accepts(folder: &Path, envelope: &Envelope, key_line: &str) -> bool {
    let (allowed, signature, message) = (folder.join("allowed"), folder.join("sig"), folder.join("message"));
    fs::write(
        &allowed,
        format!("person@example namespaces=\"bulkhead\" {key_line}"),
    )
    .unwrap();
    fs::write(&signature, &envelope.signatures.last().unwrap().0).unwrap();
    fs::write(&message, envelope.signed_bytes()).unwrap();
    Command::new("ssh-keygen")
        .args(["-Y", "verify", "-I", "person@example", "-n", "bulkhead", "-f"])
        .arg(&allowed)
        .arg("-s")
        .arg(&signature)
        .stdin(File::open(&message).unwrap())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap()
        .success()
}

#[test]
fn openssh_accepts_what_key_files_sign() {
    if !counterpart("ssh-keygen") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (kind, passphrase) in [
        ("ed25519", ""),
        ("ed25519", "correct horse"),
        ("ecdsa", "battery"),
    ] {
        let folder = tempfile::tempdir_in(folder.path()).unwrap();
        let key = keygen(folder.path(), "key", kind, passphrase);
        let mut asked = 0;
        let signer = Signer::from_file(&key, &mut |_| {
            asked += 1;
            Some(Zeroizing::new(passphrase.to_owned()))
        })
        .unwrap();
        assert_eq!(asked, usize::from(!passphrase.is_empty()));
        let path = filled(folder.path(), PayloadType::Closing);
        let mut envelope = signed(&path, &signer);
        assert!(
            openssh_accepts(folder.path(), &envelope, &public_line(&key)),
            "{kind}"
        );
        // And not for other bytes, or this test could not fail.
        envelope.payload.push(b' ');
        assert!(
            !openssh_accepts(folder.path(), &envelope, &public_line(&key)),
            "{kind}"
        );
    }
}

#[test]
fn what_openssh_signs_offline_is_attached() {
    if !counterpart("ssh-keygen") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let key = keygen(folder.path(), "key", "ed25519", "");
    let path = filled(folder.path(), PayloadType::Opening);
    let pae = sign::export(&path).unwrap();
    run(Command::new("ssh-keygen")
        .args(["-q", "-Y", "sign", "-n", "bulkhead", "-f"])
        .arg(&key)
        .arg(&pae));
    let signature = PathBuf::from(format!("{}.sig", pae.display()));
    let attached = sign::attach(&path, &signature).unwrap();
    assert_eq!(attached.signatures, 1);
    let envelope: Envelope = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(envelope.id(), attached.id);
    let made_by = order::verify(&envelope.signatures[0], &envelope.signed_bytes()).unwrap();
    assert_eq!(
        made_by,
        PublicKey::from_openssh(&public_line(&key)).unwrap().id(),
        "doors accept it"
    );

    // The same key twice is still one signature, from either side.
    assert!(matches!(
        sign::attach(&path, &signature),
        Err(Refused::SignedAlready(_))
    ));
    let signer = Signer::from_file(&key, &mut nobody).unwrap();
    let shown = show(&path);
    let word = shown.word();
    let refused = sign::sign(shown.confirm(word).unwrap(), &signer).unwrap_err();
    assert!(matches!(refused, Refused::SignedAlready(_)), "{refused}");

    // A signature over another statement, and one in another namespace, do not fit.
    let other = filled(folder.path(), PayloadType::Closing);
    assert!(matches!(
        sign::attach(&other, &signature),
        Err(Refused::BadSignature(_))
    ));
    fs::remove_file(&signature).unwrap();
    run(Command::new("ssh-keygen")
        .args(["-q", "-Y", "sign", "-n", "file", "-f"])
        .arg(&key)
        .arg(&pae));
    assert!(matches!(
        sign::attach(&path, &signature),
        Err(Refused::BadSignature(_))
    ));
}

#[test]
fn a_key_that_cannot_be_used_is_refused_with_a_sentence() {
    if !counterpart("ssh-keygen") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let locked = keygen(folder.path(), "locked", "ed25519", "right");
    let wrong = Signer::from_file(&locked, &mut |_| Some(Zeroizing::new("wrong".to_owned()))).unwrap_err();
    assert!(matches!(wrong, Refused::Passphrase { .. }), "{wrong}");
    let none = Signer::from_file(&locked, &mut |_| None).unwrap_err();
    assert!(matches!(none, Refused::Passphrase { .. }), "{none}");

    let open = keygen(folder.path(), "open", "ed25519", "");
    fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).unwrap();
    let refused = Signer::from_file(&open, &mut nobody).unwrap_err();
    assert!(refused.to_string().contains("chmod 600"), "{refused}");

    let rsa = keygen(folder.path(), "rsa", "rsa", "");
    let refused = Signer::from_file(&rsa, &mut nobody).unwrap_err();
    assert!(refused.to_string().contains("rsa"), "{refused}");
}

/// A real ssh-agent, ended with the test.
struct RealAgent {
    child: Child,
    socket: PathBuf,
}

impl RealAgent {
    fn start(folder: &Path) -> Self {
        let socket = folder.join("agent.sock");
        let child = Command::new("ssh-agent")
            .arg("-D")
            .arg("-a")
            .arg(&socket)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let started = Instant::now();
        while std::os::unix::net::UnixStream::connect(&socket).is_err() {
            assert!(
                started.elapsed() < Duration::from_secs(30),
                "ssh-agent does not listen"
            );
            std::thread::yield_now();
        }
        Self { child, socket }
    }

    fn add(&self, words: &[&str], key: &Path) {
        run(Command::new("ssh-add")
            .env("SSH_AUTH_SOCK", &self.socket)
            .arg("-q")
            .args(words)
            .arg(key));
    }
}

impl Drop for RealAgent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_real_agent_signs_and_says_no() {
    if !(counterpart("ssh-agent") && counterpart("ssh-add") && counterpart("ssh-keygen")) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let agent = RealAgent::start(folder.path());
    for kind in ["ed25519", "ecdsa"] {
        let folder = tempfile::tempdir_in(folder.path()).unwrap();
        let key = keygen(folder.path(), "key", kind, "");
        let public = PublicKey::from_openssh(&public_line(&key)).unwrap();
        let absent = Signer::from_agent(&agent.socket, &public).unwrap_err();
        assert!(absent.to_string().contains("ssh-add"), "{absent}");

        agent.add(&[], &key);
        assert!(sign::agent_keys(&agent.socket).unwrap().contains(&public));
        let signer = Signer::from_agent(&agent.socket, &public).unwrap();
        let path = filled(folder.path(), PayloadType::Consent);
        let envelope = signed(&path, &signer);
        assert!(
            openssh_accepts(folder.path(), &envelope, &public_line(&key)),
            "{kind}"
        );

        // Removed between choosing and signing: the agent's refusal is told, nothing is written.
        agent.add(&["-d"], &key);
        let path = filled(folder.path(), PayloadType::Closing);
        let before = fs::read(&path).unwrap();
        let shown = show(&path);
        let word = shown.word();
        let refused = sign::sign(shown.confirm(word).unwrap(), &signer).unwrap_err();
        assert!(matches!(refused, Refused::Agent { .. }), "{refused}");
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}
