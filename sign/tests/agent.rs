//! Hardware keys through an agent. The key here is software behind the agent's protocol, since no token is at hand;
//! what it makes is judged by the real `ssh-keygen -Y verify`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use common::{counterpart, filled, show};
use ed25519_dalek::{Signer as _, SigningKey};
use order::PublicKey;
use sign::{Refused, Signer};
use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    os::unix::{
        fs::PermissionsExt as _,
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};
use vocabulary::{Digest, Envelope, PayloadType};

/// What the token does when it is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Touched,
    NotTouched,
    SignsSomethingElse,
    Babbles,
}

const KIND: &[u8] = b"sk-ssh-ed25519@openssh.com";
const APPLICATION: &[u8] = b"ssh:";

fn seed() -> SigningKey {
    SigningKey::from_bytes(&[42; 32])
}

fn put(into: &mut Vec<u8>, part: &[u8]) {
    into.extend_from_slice(&u32::try_from(part.len()).unwrap().to_be_bytes());
    into.extend_from_slice(part);
}

/// The public key in SSH's wire form (OpenSSH `PROTOCOL.u2f`).
fn public_blob() -> Vec<u8> {
    let mut blob = Vec::new();
    put(&mut blob, KIND);
    put(&mut blob, seed().verifying_key().as_bytes());
    put(&mut blob, APPLICATION);
    blob
}

fn public_line() -> String {
    ssh_key::PublicKey::from_bytes(&public_blob())
        .unwrap()
        .to_openssh()
        .unwrap()
}

/// Signs as a token does: over digest of the application, flags, counter, digest of the message.
fn sign_as_token(message: &[u8], flags: u8) -> Vec<u8> {
    let mut signed = Digest::of(APPLICATION).as_bytes().to_vec();
    signed.push(flags);
    signed.extend_from_slice(&7_u32.to_be_bytes());
    signed.extend_from_slice(Digest::of(message).as_bytes());
    let mut blob = Vec::new();
    put(&mut blob, KIND);
    put(&mut blob, &seed().sign(&signed).to_bytes());
    blob.push(flags);
    blob.extend_from_slice(&7_u32.to_be_bytes());
    blob
}

fn field<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let length = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
    let (part, tail) = rest[4..].split_at(length);
    *rest = tail;
    part
}

fn answer(request: &[u8], token: Token) -> Vec<u8> {
    match request[0] {
        11 => {
            let mut answer = vec![12, 0, 0, 0, 1];
            put(&mut answer, &public_blob());
            put(&mut answer, b"token");
            answer
        }
        13 => {
            let mut rest = &request[1..];
            assert_eq!(field(&mut rest), public_blob());
            let message = field(&mut rest);
            let signature = match token {
                Token::Touched => sign_as_token(message, 1),
                Token::NotTouched => sign_as_token(message, 0),
                Token::SignsSomethingElse => sign_as_token(b"something else", 1),
                Token::Babbles => b"\xff\xff\xff\xffbabble".to_vec(),
            };
            let mut answer = vec![14];
            put(&mut answer, &signature);
            answer
        }
        _ => vec![5],
    }
}

fn serve(mut socket: UnixStream, token: Token) {
    let mut length = [0; 4];
    while socket.read_exact(&mut length).is_ok() {
        let mut request = vec![0; u32::from_be_bytes(length) as usize];
        socket.read_exact(&mut request).unwrap();
        let mut message = Vec::new();
        put(&mut message, &answer(&request, token));
        socket.write_all(&message).unwrap();
    }
}

/// An agent that holds the token, for one connection.
fn agent(folder: &Path, token: Token) -> PathBuf {
    let path = folder.join("agent.sock");
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || serve(listener.accept().unwrap().0, token));
    path
}

fn attempt(folder: &Path, token: Token) -> (PathBuf, Result<sign::Signed, Refused>) {
    let path = filled(folder, PayloadType::Clearance);
    let key = PublicKey::from_openssh(&public_line()).unwrap();
    let signer = Signer::from_agent(&agent(folder, token), &key).unwrap();
    let shown = show(&path);
    let word = shown.word();
    let signed = sign::sign(shown.confirm(word).unwrap(), &signer);
    (path, signed)
}

#[test]
fn a_touched_hardware_key_signs_and_openssh_accepts_it() {
    if !counterpart("ssh-keygen") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (path, signed) = attempt(folder.path(), Token::Touched);
    assert_eq!(signed.unwrap().signatures, 1);
    let envelope: Envelope = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let (allowed, signature, message) = (
        folder.path().join("a"),
        folder.path().join("s"),
        folder.path().join("m"),
    );
    fs::write(&allowed, format!("person@example {}\n", public_line())).unwrap();
    fs::write(&signature, &envelope.signatures[0].0).unwrap();
    fs::write(&message, envelope.signed_bytes()).unwrap();
    let accepted = Command::new("ssh-keygen")
        .args(["-Y", "verify", "-I", "person@example", "-n", "bulkhead", "-f"])
        .arg(&allowed)
        .arg("-s")
        .arg(&signature)
        .stdin(File::open(&message).unwrap())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(accepted.success());
}

#[test]
fn what_doors_would_not_accept_is_never_written() {
    for token in [Token::NotTouched, Token::SignsSomethingElse, Token::Babbles] {
        let folder = tempfile::tempdir().unwrap();
        let (path, signed) = attempt(folder.path(), token);
        let refused = signed.unwrap_err();
        let expected = match token {
            Token::Touched => false,
            Token::NotTouched => refused.to_string().contains("was not touched"),
            Token::SignsSomethingElse => matches!(refused, Refused::BadSignature(_)),
            Token::Babbles => matches!(refused, Refused::Agent { .. }),
        };
        assert!(expected, "{refused}");
        assert!(!fs::read_to_string(&path).unwrap().contains("SSH SIGNATURE"));
    }
}

#[test]
fn a_file_that_only_points_to_a_token_names_the_way_to_sign_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("id_ed25519_sk");
    let public = ssh_key::public::SkEd25519::new(
        ssh_key::public::Ed25519PublicKey(seed().verifying_key().to_bytes()),
        "ssh:",
    );
    let pair = ssh_key::private::SkEd25519::new(public, 1, b"handle".to_vec()).unwrap();
    let key = ssh_key::PrivateKey::new(pair.into(), "token").unwrap();
    let text = key.to_openssh(ssh_key::LineEnding::LF).unwrap();
    fs::write(&path, text.as_bytes()).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let refused = Signer::from_file(&path, &mut common::nobody).unwrap_err();
    assert!(matches!(refused, Refused::InHardware { .. }), "{refused}");
    assert!(refused.to_string().contains("ssh-add"), "{refused}");
}
