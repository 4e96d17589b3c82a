//! Signatures against the counterpart people really use: OpenSSH's `ssh-keygen -Y`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use ed25519_dalek::Signer as _;
use order::{Act, Authenticated, BadKey, BadSignature, Body, Closing, PublicKey, Stance, Text, Uses, verify};
use sha2::{Digest as _, Sha256};
use ssh_key::{
    Algorithm, HashAlg, LineEnding, PrivateKey, SshSig,
    private::Ed25519Keypair,
    public::{Ed25519PublicKey, KeyData, SkEd25519},
};
use vocabulary::{Class, Envelope, PayloadType, Scope, Signature, Timestamp};

fn closing() -> Envelope {
    let body = Closing {
        estate: "muster".parse().unwrap(),
        scope: Scope::everything(),
        act: Act::Tighten {
            stance: Stance::Contain,
            class: Class::Containment,
            drain: None,
        },
        uses: Uses::Once,
        signal: None,
        reason: Text::new("Verdacht").unwrap(),
        issued: Timestamp(1_682_366_400),
    };
    body.draft().unwrap()
}

/// `ssh-keygen`, or a visible skip; where counterparts are required, its absence is a failure.
fn ssh_keygen() -> Option<Command> {
    let found = Command::new("ssh-keygen")
        .arg("-?")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    if found {
        return Some(Command::new("ssh-keygen"));
    }
    assert!(
        std::env::var_os("BULKHEAD_REQUIRE_COUNTERPARTS").is_none_or(|value| value != "1"),
        "ssh-keygen is required here and missing: install openssh-client"
    );
    let _told = std::io::Write::write_fmt(
        &mut std::io::stderr(),
        format_args!("SKIPPED: ssh-keygen is missing (Debian package openssh-client)\n"),
    );
    None
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn new_key(dir: &Path, kind: &[&str]) -> Option<(PathBuf, PublicKey, String)> {
    let path = dir.join(kind.join("-"));
    run(ssh_keygen()?
        .args(["-q", "-N", "", "-C", "jemand@irgendwo", "-t"])
        .args(kind)
        .arg("-f")
        .arg(&path));
    let line = fs::read_to_string(path.with_extension("pub")).unwrap();
    PublicKey::from_openssh(&line).ok().map(|key| (path, key, line))
}

fn sign(key: &Path, namespace: &str, extra: &[&str], bytes: &[u8]) -> Signature {
    let file = key.with_extension(format!("{namespace}{}", extra.join("")));
    fs::write(&file, bytes).unwrap();
    run(Command::new("ssh-keygen")
        .args(["-Y", "sign", "-n", namespace])
        .args(extra)
        .arg("-f")
        .arg(key)
        .arg(&file));
    let mut armoured = file.into_os_string();
    armoured.push(".sig");
    Signature(fs::read_to_string(armoured).unwrap())
}

#[test]
fn what_ssh_keygen_signs_is_accepted() {
    let dir = tempfile::tempdir().unwrap();
    for kind in [&["ed25519"][..], &["ecdsa", "-b", "256"]] {
        let Some((path, key, _)) = new_key(dir.path(), kind) else {
            return;
        };
        let mut envelope = closing();
        let bytes = envelope.signed_bytes();
        for extra in [&[][..], &["-O", "hashalg=sha256"], &["-O", "hashalg=sha512"]] {
            let signature = sign(&path, "bulkhead", extra, &bytes);
            assert_eq!(verify(&signature, &bytes), Ok(key.id()), "{kind:?} {extra:?}");
            assert_eq!(verify(&signature, b"other bytes"), Err(BadSignature::False));
            envelope.signatures.push(signature);
        }
        let elsewhere = sign(&path, "file", &[], &bytes);
        assert_eq!(
            verify(&elsewhere, &bytes),
            Err(BadSignature::Namespace {
                found: "file".into(),
                expected: "bulkhead"
            })
        );
        envelope.signatures.push(elsewhere);
        envelope.signatures.push(Signature("rubbish".into()));
        let signed = Authenticated::<Closing>::verify(&envelope).unwrap();
        assert_eq!(signed.keys().len(), 1, "three signatures by one key are one key");
        assert_eq!(signed.ignored().len(), 2);
    }
}

#[test]
fn other_kinds_of_keys_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut command) = ssh_keygen() else { return };
    let path = dir.path().join("rsa");
    run(command
        .args(["-q", "-N", "", "-t", "rsa", "-b", "2048", "-f"])
        .arg(&path));
    let line = fs::read_to_string(path.with_extension("pub")).unwrap();
    assert!(matches!(PublicKey::from_openssh(&line), Err(BadKey::Kind(_))));
    let bytes = closing().signed_bytes();
    let refused = verify(&sign(&path, "bulkhead", &[], &bytes), &bytes);
    assert!(
        matches!(
            refused,
            Err(BadSignature::Key(BadKey::Kind(_)) | BadSignature::Unreadable(_))
        ),
        "{refused:?}"
    );
}

/// What `ssh-keygen -Y verify` says about a signature by a key.
fn openssh_accepts(public: &str, signature: &Signature, bytes: &[u8]) -> Option<bool> {
    ssh_keygen()?;
    let dir = tempfile::tempdir().unwrap();
    let (allowed, sig, message) = (
        dir.path().join("allowed"),
        dir.path().join("sig"),
        dir.path().join("message"),
    );
    fs::write(&allowed, format!("jemand {public}\n")).unwrap();
    fs::write(&sig, &signature.0).unwrap();
    fs::write(&message, bytes).unwrap();
    let status = Command::new("ssh-keygen")
        .args(["-Y", "verify", "-n", "bulkhead", "-I", "jemand", "-f"])
        .arg(&allowed)
        .arg("-s")
        .arg(&sig)
        .stdin(fs::File::open(&message).unwrap())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    Some(status.success())
}

#[test]
fn openssh_accepts_what_we_accept() {
    let key = PrivateKey::from(Ed25519Keypair::from_seed(&[3; 32]));
    let bytes = closing().signed_bytes();
    let made = key.sign("bulkhead", HashAlg::Sha512, &bytes).unwrap();
    let signature = Signature(made.to_pem(LineEnding::LF).unwrap());
    let public = key.public_key().to_openssh().unwrap();
    assert_eq!(
        verify(&signature, &bytes),
        Ok(PublicKey::from_openssh(&public).unwrap().id())
    );
    let Some(accepted) = openssh_accepts(&public, &signature, &bytes) else {
        return;
    };
    assert!(accepted);
    assert_eq!(openssh_accepts(&public, &signature, b"other bytes"), Some(false));
}

/// A hardware key in software: OpenSSH `PROTOCOL.u2f`, "SSH U2F Signatures".
fn sk_signature(seed: [u8; 32], application: &str, flags: u8, bytes: &[u8]) -> (Signature, String) {
    let signing = ed25519_dalek::SigningKey::from_bytes(&seed);
    let public = KeyData::SkEd25519(SkEd25519::new(
        Ed25519PublicKey(signing.verifying_key().to_bytes()),
        application,
    ));
    let counter = 41_u32.to_be_bytes();
    let wrapped = SshSig::signed_data("bulkhead", HashAlg::Sha512, bytes).unwrap();
    let mut message = Sha256::digest(application).to_vec();
    message.push(flags);
    message.extend(counter);
    message.extend(Sha256::digest(&wrapped));
    let mut blob = signing.sign(&message).to_bytes().to_vec();
    blob.push(flags);
    blob.extend(counter);
    let raw = ssh_key::Signature::new(Algorithm::SkEd25519, blob).unwrap();
    let sig = SshSig::new(public.clone(), "bulkhead", HashAlg::Sha512, raw).unwrap();
    let line = ssh_key::PublicKey::from(public).to_openssh().unwrap();
    (Signature(sig.to_pem(LineEnding::LF).unwrap()), line)
}

#[test]
fn a_hardware_key_counts_only_when_touched() {
    let bytes = closing().signed_bytes();
    for flags in [0x01, 0x05] {
        let (signature, public) = sk_signature([5; 32], "ssh:", flags, &bytes);
        assert_eq!(
            verify(&signature, &bytes),
            Ok(PublicKey::from_openssh(&public).unwrap().id())
        );
        assert_eq!(verify(&signature, b"other bytes"), Err(BadSignature::False));
        let Some(accepted) = openssh_accepts(&public, &signature, &bytes) else {
            continue;
        };
        assert!(accepted, "OpenSSH reads the blob as we do");
    }
    let (untouched, _) = sk_signature([5; 32], "ssh:", 0x04, &bytes);
    assert_eq!(verify(&untouched, &bytes), Err(BadSignature::NotTouched));
    let (other_application, public) = sk_signature([5; 32], "ssh:other", 0x01, &bytes);
    let other = verify(&other_application, &bytes).unwrap();
    let (_, usual) = sk_signature([5; 32], "ssh:", 0x01, &bytes);
    assert_eq!(other, PublicKey::from_openssh(&public).unwrap().id());
    assert_ne!(
        other,
        PublicKey::from_openssh(&usual).unwrap().id(),
        "the application is part of the key"
    );
}

#[test]
fn a_software_signature_is_no_touch() {
    let signing = Ed25519Keypair::from_seed(&[5; 32]);
    let public = KeyData::SkEd25519(SkEd25519::new(signing.public, "ssh:"));
    let bytes = closing().signed_bytes();
    let plain = PrivateKey::from(signing)
        .sign("bulkhead", HashAlg::Sha512, &bytes)
        .unwrap();
    let disguised = SshSig::new(public, "bulkhead", HashAlg::Sha512, plain.signature().clone()).unwrap();
    let refused = verify(&Signature(disguised.to_pem(LineEnding::LF).unwrap()), &bytes);
    assert_eq!(refused, Err(BadSignature::Form));
}

#[test]
fn a_signature_does_not_move_to_another_kind_of_statement() {
    let key = PrivateKey::from(Ed25519Keypair::from_seed(&[3; 32]));
    let mut envelope = closing();
    let made = key
        .sign("bulkhead", HashAlg::Sha512, &envelope.signed_bytes())
        .unwrap();
    envelope
        .signatures
        .push(Signature(made.to_pem(LineEnding::LF).unwrap()));
    assert_eq!(
        Authenticated::<Closing>::verify(&envelope).unwrap().keys().len(),
        1
    );
    let other = Envelope {
        payload_type: PayloadType::Opening,
        ..envelope.clone()
    };
    assert!(verify(&envelope.signatures[0], &other.signed_bytes()).is_err());
    let mut changed = envelope;
    changed.payload.push(b' ');
    assert!(
        Authenticated::<Closing>::verify(&changed)
            .unwrap()
            .keys()
            .is_empty()
    );
}

#[test]
fn weak_keys_and_endless_signatures_are_refused() {
    let mut identity = [0_u8; 32];
    identity[0] = 1;
    let weak = ssh_key::PublicKey::from(KeyData::Ed25519(Ed25519PublicKey(identity)))
        .to_openssh()
        .unwrap();
    assert_eq!(PublicKey::from_openssh(&weak), Err(BadKey::Weak));
    let long = Signature("x".repeat(100_000));
    assert!(matches!(verify(&long, b""), Err(BadSignature::Unreadable(_))));
    let mut envelope = closing();
    envelope.signatures = vec![Signature("x".into()); 65];
    assert!(Authenticated::<Closing>::verify(&envelope).is_err());
}
