//! A log-in is no statement and a statement is no log-in, judged by the code that lets people in and by the doors'.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod common;

use common::{NOW, counterpart, filled, keygen, nobody, public_line, run};
use order::{BadSignature, PublicKey, login::Challenge};
use sign::{Lang, LogIn, Refused, Sheet, Signer};
use std::{fs, path::Path, process::Command};
use vocabulary::{Digest, Envelope, PayloadType, Signature};

fn challenge(origin: &str) -> Challenge {
    Challenge {
        estate: common::estate(),
        origin: origin.parse().unwrap(),
        nonce: Digest::of(b"nonce"),
        issued: NOW,
    }
}

const HERE: &str = "https://leitstand.example:8443";

/// What `ssh-keygen -Y sign` makes of some bytes.
fn openssh(folder: &Path, key: &Path, namespace: &str, bytes: &[u8]) -> Signature {
    let path = folder.join(namespace);
    fs::write(&path, bytes).unwrap();
    let out = path.with_extension("sig");
    if out.exists() {
        fs::remove_file(&out).unwrap();
    }
    run(Command::new("ssh-keygen")
        .args(["-q", "-Y", "sign", "-n", namespace, "-f"])
        .arg(key)
        .arg(&path));
    Signature(fs::read_to_string(out).unwrap())
}

fn closing(folder: &Path, signer: &Signer) -> (Envelope, Signature) {
    let path = filled(folder, PayloadType::Closing);
    let pae = sign::export(&path).unwrap();
    assert!(pae.exists());
    let envelope: Envelope = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let sheet = Sheet::read(envelope.clone(), Lang::De, None).unwrap();
    let signature = sheet.confirm("j").unwrap().sign(signer).unwrap();
    (envelope, signature)
}

#[test]
fn a_log_in_is_signed_for_the_console_one_went_to() {
    if !counterpart("ssh-keygen") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let key = keygen(folder.path(), "key", "ed25519", "");
    let signer = Signer::from_file(&key, &mut nobody).unwrap();
    let asked = challenge(HERE);
    let here = HERE.parse().unwrap();
    let read = LogIn::read(&asked.text(), &here).unwrap();
    assert!(read.sentence(Lang::De).contains(HERE) && read.sentence(Lang::De).contains("keine Erklärung"));
    assert!(read.sentence(Lang::En).starts_with("LOG-IN"));
    let signature = read.sign(&signer).unwrap();
    let own = PublicKey::from_openssh(&public_line(&key)).unwrap().id();
    assert_eq!(asked.verify(&signature), Ok(own));
    // Not for a later challenge, and not by OpenSSH in another way: it makes the same kind.
    let later = Challenge {
        nonce: Digest::of(b"later"),
        ..asked.clone()
    };
    assert_eq!(later.verify(&signature), Err(BadSignature::False));
    let theirs = openssh(folder.path(), &key, "bulkhead-login", asked.text().as_bytes());
    assert_eq!(asked.verify(&theirs), Ok(own));

    let elsewhere = challenge("https://leitstand.example.evil");
    let refused = LogIn::read(&elsewhere.text(), &here).unwrap_err();
    assert!(matches!(refused, Refused::OtherConsole { .. }), "{refused}");
    assert!(
        refused.to_string().contains("womöglich reicht sie jemand weiter"),
        "{refused}"
    );
}

#[test]
fn neither_can_be_taken_for_the_other() {
    if !counterpart("ssh-keygen") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let key = keygen(folder.path(), "key", "ed25519", "");
    let signer = Signer::from_file(&key, &mut nobody).unwrap();
    let (envelope, statement) = closing(folder.path(), &signer);
    let pae = envelope.signed_bytes();
    let asked = challenge(HERE);
    let here = HERE.parse().unwrap();

    // The companion signs no statement as a log-in …
    let text = String::from_utf8(pae.clone()).unwrap();
    assert!(matches!(LogIn::read(&text, &here), Err(Refused::Challenge(_))));
    // … and no challenge as a statement: it is no envelope, and no kind of statement has such a payload.
    let disguised = Envelope {
        payload: asked.text().into_bytes(),
        signatures: Vec::new(),
        ..envelope.clone()
    };
    assert!(Sheet::read(disguised, Lang::De, None).is_err());
    let paper = folder.path().join("challenge");
    fs::write(&paper, asked.text()).unwrap();
    assert!(matches!(
        sign::show(&paper, Lang::De, None, None),
        Err(Refused::NoStatement { .. })
    ));

    // Even where somebody else's tool signs the exact bytes, the namespace decides, both ways.
    let as_login = openssh(folder.path(), &key, "bulkhead-login", &pae);
    assert!(matches!(
        order::verify(&as_login, &pae),
        Err(BadSignature::Namespace { .. })
    ));
    let as_statement = openssh(folder.path(), &key, "bulkhead", asked.text().as_bytes());
    assert!(matches!(
        asked.verify(&as_statement),
        Err(BadSignature::Namespace { .. })
    ));
    // And what was made properly does not move over either.
    assert!(matches!(
        asked.verify(&statement),
        Err(BadSignature::Namespace { .. })
    ));
    let login = LogIn::read(&asked.text(), &here).unwrap().sign(&signer).unwrap();
    assert!(matches!(
        order::verify(&login, &pae),
        Err(BadSignature::Namespace { .. })
    ));
    // The proper ones count, or nothing here could fail.
    assert!(order::verify(&statement, &pae).is_ok() && asked.verify(&login).is_ok());
}

#[test]
fn a_sheet_is_signed_after_a_yes_and_once() {
    if !counterpart("ssh-keygen") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let key = keygen(folder.path(), "key", "ed25519", "");
    let signer = Signer::from_file(&key, &mut nobody).unwrap();
    let (mut envelope, signature) = closing(folder.path(), &signer);
    let read = |envelope: &Envelope| Sheet::read(envelope.clone(), Lang::De, Some(&common::Eighty));
    let sheet = read(&envelope).unwrap();
    assert!(
        sheet.sentence().contains("640 Zellen, 80 Kassen"),
        "{}",
        sheet.sentence()
    );
    assert_eq!(
        (sheet.word(), sheet.kind(), sheet.id()),
        ("schliessen", PayloadType::Closing, envelope.id())
    );
    for no in ["", "n", "nein", "no", "jn", "J A"] {
        assert!(
            matches!(
                read(&envelope).unwrap().confirm(no),
                Err(Refused::NotConfirmed { .. })
            ),
            "{no:?}"
        );
    }
    for yes in ["j", "JA\n", "y", "Yes"] {
        assert!(read(&envelope).unwrap().confirm(yes).is_ok(), "{yes:?}");
    }
    envelope.signatures.push(signature);
    let again = read(&envelope).unwrap();
    assert_eq!(again.keys().len(), 1);
    assert!(matches!(
        again.confirm("j").unwrap().sign(&signer),
        Err(Refused::SignedAlready(_))
    ));
    // What holds more than its sentence shows is not shown at all.
    envelope.payload.push(b' ');
    assert!(matches!(read(&envelope), Err(Refused::OtherBytes)));
}
