//! Mails nobody should write: cut, changed, nested, endless, or put together wrongly. Each gets a verdict.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use std::{fs, process::Command, sync::OnceLock, time::Instant};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use common::{KnownKey, NOW, counterpart, envelope, inner, open, open_ended, run, tlv, world};
use proptest::prelude::*;
use smime::{
    Checks, Content, Fault, Finding, Integrity, Opened, Outcome, TrustStore, promises::inner_is_unchanged,
};

const SIGNED_PART: &str = "MIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime; smime-type=signed-data\r\nContent-Transfer-Encoding: binary\r\n\r\n";

/// Puts anything inside an encrypted mail and opens it.
fn open_with_inside(plain: &[u8], piece: usize) -> Outcome {
    let certificate = &world().fund_receives.certificate;
    let mail = envelope(plain, piece, certificate.id(), certificate);
    open(&mail, &[&KnownKey(certificate.id().clone())], &world().trust())
}

fn opened(outcome: Outcome) -> Opened {
    let Outcome::Opened(opened) = outcome else {
        panic!("{outcome:?}")
    };
    *opened
}

/// What OpenSSL signs, as BER with indefinite lengths.
fn signed_by_openssl(content: &[u8], signers: usize) -> Option<Vec<u8>> {
    if !counterpart("openssl") {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let pem = |label: &str, der: &[u8]| {
        format!(
            "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
            STANDARD.encode(der)
        )
    };
    fs::write(folder.path().join("content"), content).unwrap();
    let mut command = Command::new("openssl");
    command.current_dir(folder.path());
    command.args(
        "cms -sign -cades -nodetach -binary -stream -outform DER -in content -out signed -md sha256"
            .split(' '),
    );
    for (number, issued) in [&world().practice_signs, &world().answers]
        .into_iter()
        .enumerate()
        .take(signers)
    {
        let (certificate, key) = (format!("certificate-{number}"), format!("key-{number}"));
        fs::write(
            folder.path().join(&certificate),
            pem("CERTIFICATE", issued.certificate.der()),
        )
        .unwrap();
        fs::write(folder.path().join(&key), pem("PRIVATE KEY", &issued.pkcs8)).unwrap();
        command.args(["-signer", &certificate, "-inkey", &key]);
    }
    run(&mut command);
    Some(fs::read(folder.path().join("signed")).unwrap())
}

fn wrapped(inner: &[u8]) -> Vec<u8> {
    [b"Content-Type: message/rfc822\r\n\r\n", inner].concat()
}

/// One signed document for all properties.
fn document() -> Option<&'static [u8]> {
    static DOCUMENT: OnceLock<Option<Vec<u8>>> = OnceLock::new();
    DOCUMENT
        .get_or_init(|| signed_by_openssl(b"<Bundle/>", 1))
        .as_deref()
}

#[test]
fn real_senders_way_of_writing_opens_whatever_the_pieces() {
    let whole = inner(&"Zeile\r\n".repeat(2_000));
    let Some(signed) = signed_by_openssl(&wrapped(&whole), 1) else {
        return;
    };
    for piece in [1, 7, 1_000, 1 << 20] {
        let outcome = open_with_inside(&[SIGNED_PART.as_bytes(), &signed].concat(), piece);
        inner_is_unchanged(&whole, &outcome).unwrap();
        // OpenSSL signs at its own time, in the future of NOW or not; what matters here is that everything was read.
        let found = opened(outcome).findings;
        assert!(found.contains(&Finding::RecipientsDiffer), "{found:?}");
        assert!(
            !found
                .iter()
                .any(|finding| matches!(finding.integrity(), Integrity::Violated | Integrity::Format)),
            "{found:?}"
        );
    }
}

#[test]
fn a_signed_part_in_base64_and_with_a_line_end_behind_it_is_read() {
    let whole = inner("x");
    let Some(signed) = signed_by_openssl(&wrapped(&whole), 1) else {
        return;
    };
    let text = format!(
        "{}{}\r\n",
        SIGNED_PART.replace("binary", "base64"),
        STANDARD.encode(&signed)
    );
    inner_is_unchanged(&whole, &open_with_inside(text.as_bytes(), 1_000)).unwrap();
    let padded = [SIGNED_PART.as_bytes(), &signed, b"\r\n"].concat();
    inner_is_unchanged(&whole, &open_with_inside(&padded, 1_000)).unwrap();
}

#[test]
fn what_is_put_together_wrongly_is_named() {
    let whole = inner("x");
    let plain = opened(open_with_inside(&whole, 1_000));
    assert_eq!(plain.findings, [Finding::Unsigned]);
    assert_eq!(plain.content, Content::Other(whole.clone()));
    assert_eq!(opened(open_with_inside(b"", 1_000)).findings, [Finding::Unsigned]);
    let broken = [SIGNED_PART.as_bytes(), b"0\x03nonsense"].concat();
    assert!(matches!(
        opened(open_with_inside(&broken, 1_000)).findings[..],
        [Finding::Format(_)]
    ));
    let Some(two) = signed_by_openssl(&wrapped(&whole), 2) else {
        return;
    };
    let found = opened(open_with_inside(&[SIGNED_PART.as_bytes(), &two].concat(), 1_000)).findings;
    assert!(found.contains(&Finding::SignerCount(2)), "{found:?}");
    let Some(bare) = signed_by_openssl(&whole, 1) else {
        return;
    };
    let opened = opened(open_with_inside(&[SIGNED_PART.as_bytes(), &bare].concat(), 1_000));
    assert!(
        opened
            .findings
            .contains(&Finding::Format(Fault::Expected("message/rfc822"))),
        "{:?}",
        opened.findings
    );
    assert_eq!(opened.content, Content::Other(whole));
}

#[test]
fn a_document_cut_at_every_byte_is_refused() {
    let Some(document) = document() else { return };
    let trust = TrustStore::default();
    let checks = Checks {
        trust: &trust,
        received: NOW,
    };
    assert!(smime::verify(document, &checks).is_ok());
    for length in 0..document.len() {
        assert!(
            smime::verify(&document[..length], &checks).is_err(),
            "{length} bytes"
        );
    }
}

#[test]
fn bombs_cost_little_and_are_refused() {
    let trust = TrustStore::default();
    let checks = Checks {
        trust: &trust,
        received: NOW,
    };
    let begin = Instant::now();
    let kind = tlv(6, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2]);
    let info = |content: &[u8]| open_ended(0x30, &[kind.clone(), open_ended(0xa0, content)].concat());
    let endless: Vec<u8> = [0x30, 0x80].repeat(8 << 20);
    assert_eq!(smime::verify(&endless, &checks), Err(Fault::Depth));
    assert!(smime::verify(&info(&endless), &checks).is_err());
    // Octet strings inside octet strings.
    let nested = (0..100).fold(tlv(4, b"x"), |inside, _| open_ended(0x24, &inside));
    let data = tlv(6, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1]);
    let signed = |content: &[u8]| {
        let inner = open_ended(0x30, &[data.clone(), open_ended(0xa0, content)].concat());
        info(&open_ended(
            0x30,
            &[vec![2, 1, 1], tlv(0x31, &[]), inner, tlv(0x31, &[])].concat(),
        ))
    };
    assert_eq!(smime::verify(&signed(&nested), &checks), Err(Fault::Depth));
    // Ten million empty and one-byte pieces: read, and nothing more.
    let crumbs: Vec<u8> = [4, 0, 4, 1, b'x'].repeat(2_000_000);
    let document = smime::verify(&signed(&open_ended(0x24, &crumbs)), &checks).unwrap();
    assert_eq!(document.findings, [Finding::Unsigned]);
    assert_eq!(document.content.len(), 2_000_000);
    // Lengths beyond everything.
    for length in [
        &[0x84, 0xff, 0xff, 0xff, 0xff][..],
        &[0x88, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    ] {
        assert!(smime::verify(&[&[0x30], length].concat(), &checks).is_err());
    }
    // More certificates, signers and recipients than anybody has.
    let certificate = world().root.certificate().der().to_vec();
    let many = tlv(0xa0, &certificate.repeat(65));
    let inner = open_ended(0x30, &[data.clone(), open_ended(0xa0, &tlv(4, b"x"))].concat());
    let crowded = info(&open_ended(
        0x30,
        &[vec![2, 1, 1], tlv(0x31, &[]), inner, many, tlv(0x31, &[])].concat(),
    ));
    assert_eq!(
        smime::verify(&crowded, &checks),
        Err(Fault::TooLarge("certificates"))
    );
    assert!(begin.elapsed().as_secs() < 60, "{:?}", begin.elapsed());
}

#[test]
fn a_mail_without_end_is_refused_at_the_limit() {
    use std::io::Read as _;
    let trust = TrustStore::default();
    let checks = Checks {
        trust: &trust,
        received: NOW,
    };
    let header = b"Content-Type: application/pkcs7-mime; smime-type=authenticated-enveloped-data\r\nContent-Transfer-Encoding: base64\r\n\r\n";
    let outcome = smime::open(header.chain(std::io::repeat(b'A')), &[], &checks).unwrap();
    assert!(
        matches!(
            outcome,
            Outcome::Unreadable(smime::Unreadable::Mail(Fault::TooLarge(_)))
        ),
        "{outcome:?}"
    );
    let outcome = smime::open(std::io::repeat(b'A'), &[], &checks).unwrap();
    assert!(
        matches!(
            outcome,
            Outcome::Unreadable(smime::Unreadable::Mail(Fault::TooLarge(_)))
        ),
        "{outcome:?}"
    );
    let outcome = smime::open((b"Subject: x\r\n\r\n").chain(std::io::repeat(b'A')), &[], &checks).unwrap();
    assert!(
        matches!(
            outcome,
            Outcome::Unreadable(smime::Unreadable::Mail(Fault::TooLarge(_)))
        ),
        "{outcome:?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn changed_documents_are_never_intact(changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4)) {
        let Some(document) = document() else { return Ok(()) };
        let mut changed = document.to_vec();
        for (index, value) in changes {
            let at = index.index(changed.len());
            changed[at] = value;
        }
        let trust = world().trust();
        let checks = Checks { trust: &trust, received: NOW };
        if let Ok(read) = smime::verify(&changed, &checks)
            && changed != document
            && read.content != b"<Bundle/>"
        {
            prop_assert!(Integrity::of(&read.findings) != Integrity::Intact && !read.findings.is_empty());
            prop_assert!(read.findings.iter().any(|finding| {
                matches!(finding.integrity(), Integrity::Violated | Integrity::Format | Integrity::Unsigned | Integrity::Other)
            }), "{:?}", read.findings);
        }
    }

    #[test]
    fn random_insides_get_a_verdict(plain in proptest::collection::vec(any::<u8>(), 0..600), signed in any::<bool>(), piece in 1_usize..200) {
        let plain = if signed { [SIGNED_PART.as_bytes(), &plain].concat() } else { plain };
        let opened = opened(open_with_inside(&plain, piece));
        prop_assert!(!opened.findings.is_empty());
    }

    #[test]
    fn random_mails_get_a_verdict(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        let trust = TrustStore::default();
        let checks = Checks { trust: &trust, received: NOW };
        let _ = smime::open(bytes.as_slice(), &[], &checks).unwrap();
        let _ = smime::verify(&bytes, &checks);
        let _ = smime::Certificate::from_der(&bytes);
        let _ = smime::Certificate::from_file(&bytes);
        let mut store = TrustStore::default();
        let _ = store.add_list(&bytes);
        let _ = store.add_answer(&bytes);
    }
}
