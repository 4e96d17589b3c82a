//! Programs nobody here wrote read what we seal, and write what we read.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use common::{NOW, World, counterpart, inner, open, python, run, world};
use smime::{
    Certificate, Checks, Document, Doubt, Finding, Hold, Integrity, Outcome, PathFault, TrustStore,
    pki::Issued,
};
use vocabulary::Timestamp;

fn pem(label: &str, der: &[u8]) -> String {
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        STANDARD.encode(der)
    )
}

/// Writes certificate and key as files for OpenSSL.
fn files(folder: &Path, name: &str, issued: &Issued) -> (PathBuf, PathBuf) {
    let (certificate, key) = (
        folder.join(format!("{name}.pem")),
        folder.join(format!("{name}.key")),
    );
    fs::write(&certificate, pem("CERTIFICATE", issued.certificate.der())).unwrap();
    fs::write(&key, pem("PRIVATE KEY", &issued.pkcs8)).unwrap();
    (certificate, key)
}

fn openssl(folder: &Path, words: &str) -> std::process::Output {
    run(Command::new("openssl")
        .current_dir(folder)
        .args(words.split_whitespace()))
}

/// OpenSSL signs at the machine's own time.
fn today() -> Timestamp {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    Timestamp(i64::try_from(now.as_secs()).unwrap())
}

fn checked(bytes: &[u8], trust: &TrustStore) -> Document {
    smime::verify(
        bytes,
        &Checks {
            trust,
            received: today(),
        },
    )
    .unwrap()
}

const UNKNOWN_STATUS: Finding = Finding::StatusUnknown(Doubt::NothingKnown);

#[test]
fn python_and_openssl_read_what_we_seal() {
    let Some(python) = python("asn1crypto, cryptography") else {
        return;
    };
    let World {
        root,
        authority,
        fund_receives,
        practice_receives,
        ..
    } = world();
    let whole = inner("Grüße an alle\r\n\r\n.\r\n");
    for issued in [fund_receives, practice_receives] {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("mail"), world().seal(&whole)).unwrap();
        fs::write(at("key"), issued.pkcs8.as_slice()).unwrap();
        fs::write(at("certificate"), issued.certificate.der()).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/read_kim.py");
        run(Command::new(&python).arg(script).args([
            at("mail"),
            at("key"),
            at("certificate"),
            folder.path().to_path_buf(),
        ]));
        assert_eq!(fs::read(at("inner.eml")).unwrap(), whole);
        if !counterpart("openssl") {
            return;
        }
        let chain = [root, authority].map(|authority| pem("CERTIFICATE", authority.certificate().der()));
        fs::write(at("chain.pem"), chain.concat()).unwrap();
        let verified = openssl(
            folder.path(),
            &format!(
                "cms -verify -cades -binary -inform DER -in signed.der -CAfile chain.pem -purpose any -attime {}",
                NOW.0
            ),
        );
        assert_eq!(
            verified.stdout,
            [b"Content-Type: message/rfc822\r\n\r\n".as_slice(), &whole].concat()
        );
    }
}

#[test]
fn what_openssl_signs_verifies_in_every_form_and_algorithm() {
    if !counterpart("openssl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    files(folder.path(), "rsa", &world().practice_signs);
    let text: String = (0..5_000).map(|n| format!("<zeile nr=\"{n}\"/>\n")).collect();
    fs::write(folder.path().join("content"), &text).unwrap();
    let curve = |name: &str, curve: &str| {
        openssl(
            folder.path(),
            &format!("ecparam -name {curve} -genkey -noout -out {name}.key"),
        );
        openssl(
            folder.path(),
            &format!(
                "req -x509 -new -key {name}.key -subj /CN={name} -days 30 -sha256 -out {name}-self.pem -addext keyUsage=critical,keyCertSign,digitalSignature"
            ),
        );
        openssl(
            folder.path(),
            &format!("ecparam -name {curve} -genkey -noout -out {name}-leaf.key"),
        );
        openssl(
            folder.path(),
            &format!("req -new -key {name}-leaf.key -subj /CN={name}-leaf -out {name}.csr"),
        );
        fs::write(
            folder.path().join("ext"),
            "keyUsage=critical,nonRepudiation\nbasicConstraints=critical,CA:FALSE\n",
        )
        .unwrap();
        openssl(
            folder.path(),
            &format!(
                "x509 -req -in {name}.csr -CA {name}-self.pem -CAkey {name}.key -days 20 -sha256 -extfile ext -out {name}-leaf.pem"
            ),
        );
        let anchor = fs::read(folder.path().join(format!("{name}-self.pem"))).unwrap();
        Certificate::from_file(&anchor).unwrap().remove(0)
    };
    let mut trust = world().trust();
    trust.trust(curve("p256", "prime256v1")).unwrap();
    trust.trust(curve("brainpool", "brainpoolP256r1")).unwrap();
    for (signer, options) in [
        ("-signer rsa.pem -inkey rsa.key", "-md sha256"),
        (
            "-signer rsa.pem -inkey rsa.key",
            "-md sha256 -keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:32",
        ),
        (
            "-signer rsa.pem -inkey rsa.key",
            "-md sha512 -keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:64",
        ),
        ("-signer rsa.pem -inkey rsa.key", "-md sha384 -stream"),
        ("-signer p256-leaf.pem -inkey p256-leaf.key", "-md sha256 -stream"),
        (
            "-signer brainpool-leaf.pem -inkey brainpool-leaf.key",
            "-md sha256",
        ),
    ] {
        openssl(
            folder.path(),
            &format!(
                "cms -sign -cades -nodetach -binary -outform DER -in content -out signed {signer} {options}"
            ),
        );
        let bytes = fs::read(folder.path().join("signed")).unwrap();
        let document = checked(&bytes, &trust);
        assert_eq!(document.findings, [UNKNOWN_STATUS], "{signer} {options}");
        assert_eq!(document.content, text.as_bytes());
        let at = bytes.windows(6).position(|window| window == b"<zeile").unwrap();
        let mut changed = bytes;
        changed[at] ^= 1;
        assert_eq!(checked(&changed, &trust).findings, [Finding::ContentDiffers]);
    }
}

#[test]
fn what_nobody_here_can_check_is_left_to_a_person() {
    if !counterpart("openssl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("content"), "x").unwrap();
    openssl(folder.path(), "ecparam -name secp521r1 -genkey -noout -out key");
    openssl(
        folder.path(),
        "req -x509 -new -key key -subj /CN=x -days 30 -sha512 -out certificate",
    );
    openssl(
        folder.path(),
        "cms -sign -cades -nodetach -binary -outform DER -in content -out signed -signer certificate -inkey key -md sha512",
    );
    let document = checked(&fs::read(folder.path().join("signed")).unwrap(), &world().trust());
    assert!(
        document
            .findings
            .iter()
            .any(|finding| matches!(finding, Finding::NotCheckable(_))),
        "{document:?}"
    );
    assert_eq!(Integrity::of(&document.findings), Integrity::Other);
    // RSA with a salt of another length, and without the attribute CAdES asks for.
    files(folder.path(), "rsa", &world().practice_signs);
    let sign = "cms -sign -nodetach -binary -outform DER -in content -out signed -signer rsa.pem -inkey rsa.key -md sha256";
    openssl(
        folder.path(),
        &format!("{sign} -cades -keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:20"),
    );
    let document = checked(&fs::read(folder.path().join("signed")).unwrap(), &world().trust());
    assert!(
        matches!(document.findings[..], [Finding::NotCheckable(_), UNKNOWN_STATUS]),
        "{document:?}"
    );
    openssl(folder.path(), sign);
    let document = checked(&fs::read(folder.path().join("signed")).unwrap(), &world().trust());
    assert!(
        matches!(document.findings[..], [Finding::Format(_), UNKNOWN_STATUS]),
        "{document:?}"
    );
    openssl(folder.path(), &format!("{sign} -noattr"));
    let document = checked(&fs::read(folder.path().join("signed")).unwrap(), &world().trust());
    assert!(
        matches!(document.findings[..], [Finding::Format(_)]),
        "{document:?}"
    );
}

/// A mail whose body OpenSSL encrypted.
fn mail(body: &[u8]) -> Vec<u8> {
    let mut mail = b"From: a@b.kim.telematik\r\nX-KOM-LE-Version: 1.0\r\nContent-Type: application/pkcs7-mime; smime-type=authenticated-enveloped-data\r\nContent-Transfer-Encoding: binary\r\n\r\n".to_vec();
    mail.extend_from_slice(body);
    mail
}

#[test]
fn what_openssl_encrypts_opens_and_is_unsigned() {
    if !counterpart("openssl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    files(folder.path(), "fund", &world().fund_receives);
    let text = "Content-Type: text/plain\r\n\r\n".to_string() + &"Zeile\r\n".repeat(10_000);
    fs::write(folder.path().join("content"), &text).unwrap();
    let key = world().fund_receives.key().unwrap();
    let encrypt = "cms -encrypt -binary -outform DER -in content -out sealed -aes-256-gcm";
    for (options, opens) in [
        (
            "-recip fund.pem -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256",
            true,
        ),
        (
            "-stream -recip fund.pem -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256",
            true,
        ),
        ("-recip fund.pem", false),                               // PKCS#1 v1.5
        ("-recip fund.pem -keyopt rsa_padding_mode:oaep", false), // SHA-1
    ] {
        openssl(folder.path(), &format!("{encrypt} {options}"));
        let outcome = open(
            &mail(&fs::read(folder.path().join("sealed")).unwrap()),
            &[&key],
            &TrustStore::default(),
        );
        match (outcome, opens) {
            (Outcome::Opened(opened), true) => {
                assert_eq!(opened.content.bytes(), text.as_bytes());
                assert_eq!(opened.findings, [Finding::Unsigned]);
                assert_eq!(opened.integrity().code(), "03");
            }
            (Outcome::Unreadable(smime::Unreadable::OtherWrapping), false) => {}
            (other, _) => panic!("{options}: {other:?}"),
        }
    }
    // Without authentication: EnvelopedData is not opened at all.
    openssl(
        folder.path(),
        "cms -encrypt -binary -outform DER -in content -out sealed -aes-256-cbc -recip fund.pem -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256",
    );
    let outcome = open(
        &mail(&fs::read(folder.path().join("sealed")).unwrap()),
        &[&key],
        &TrustStore::default(),
    );
    assert!(
        matches!(outcome, Outcome::Unreadable(smime::Unreadable::Structure(_))),
        "{outcome:?}"
    );
}

#[test]
fn recipients_with_elliptic_curves_are_recognised_and_held() {
    if !counterpart("openssl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("content"), "x").unwrap();
    openssl(
        folder.path(),
        "ecparam -name brainpoolP256r1 -genkey -noout -out key",
    );
    openssl(
        folder.path(),
        "req -x509 -new -key key -subj /CN=x -days 30 -sha256 -out certificate",
    );
    openssl(
        folder.path(),
        "cms -encrypt -binary -outform DER -in content -out sealed -aes-256-gcm -recip certificate",
    );
    let key = world().fund_receives.key().unwrap();
    let outcome = open(
        &mail(&fs::read(folder.path().join("sealed")).unwrap()),
        &[&key],
        &TrustStore::default(),
    );
    assert!(
        matches!(
            outcome,
            Outcome::Hold(Hold::OtherRecipients { others: 1, all: 1 })
        ),
        "{outcome:?}"
    );
}

#[test]
fn answers_of_openssls_responder_count_when_somebody_may_give_them() {
    if !counterpart("openssl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let World {
        authority,
        practice_signs,
        answers,
        ..
    } = world();
    files(folder.path(), "responder", answers);
    files(folder.path(), "stranger", &world().fund_receives);
    files(folder.path(), "leaf", practice_signs);
    fs::write(
        folder.path().join("ca.pem"),
        pem("CERTIFICATE", authority.certificate().der()),
    )
    .unwrap();
    let serial = practice_signs.certificate.id().serial_hex().to_uppercase();
    let answer = |state: &str, responder: &str| {
        fs::write(
            folder.path().join("index"),
            format!("{state}\t{serial}\tunknown\t/CN=x\n"),
        )
        .unwrap();
        openssl(
            folder.path(),
            "ocsp -issuer ca.pem -cert leaf.pem -reqout request",
        );
        openssl(
            folder.path(),
            &format!(
                "ocsp -index index -CA ca.pem -rsigner {responder}.pem -rkey {responder}.key -reqin request -respout response -ndays 1"
            ),
        );
        let mut trust = world().trust();
        trust
            .add_answer(&fs::read(folder.path().join("response")).unwrap())
            .unwrap();
        trust
    };
    let judge = |trust: &TrustStore| {
        let key = world().fund_receives.key().unwrap();
        let checks = Checks {
            trust,
            received: today(),
        };
        let outcome =
            smime::open(world().seal_at(&inner("x"), today()).as_slice(), &[&key], &checks).unwrap();
        let Outcome::Opened(opened) = outcome else {
            panic!("{outcome:?}")
        };
        opened.findings
    };
    assert_eq!(judge(&answer("V\t301231000000Z\t", "responder")), []);
    assert_eq!(
        judge(&answer("R\t301231000000Z\t261101000000Z", "responder")),
        [Finding::Path(PathFault::Revoked(Timestamp(1_793_491_200)))]
    );
    // A certificate of the same issuer that is not for answering.
    assert_eq!(
        judge(&answer("V\t301231000000Z\t", "stranger")),
        [Finding::StatusUnknown(Doubt::Uncheckable("OCSP".into()))]
    );
}
