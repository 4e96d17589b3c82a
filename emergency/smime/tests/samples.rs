//! Gematik's own samples: the S/MIME profile with its keys, and seven signed documents of a test card.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use std::{fs, process::Command};

use common::{NOW, counterpart, open, run, sample, sample_key, shared};
use smime::{
    Certificate, Checks, Content, Decryption, Fault, Finding, Integrity, Outcome, PathFault, TrustStore,
    promises::grounds,
};
use vocabulary::Timestamp;

/// What gematik's sample really encrypts: its signed stage, whose binary part went through a conversion of line ends.
fn plaintext(folder: &std::path::Path) -> Vec<u8> {
    fs::read(folder.join("inputEmail.txt.03.signedwrap")).unwrap()
}

#[test]
fn the_profile_sample_decrypts_byte_exactly_for_both_recipients() {
    let Some(folder) = sample() else { return };
    let mail = fs::read(folder.join("inputEmail.txt.05.encryptedwrap")).unwrap();
    for (recipient, name) in [('A', "hci-enc-2-kim-bsp"), ('B', "hci-enc-3-kim-bsp")] {
        let key = sample_key(folder, recipient, name);
        let outcome = open(&mail, &[&key], &TrustStore::default());
        assert_eq!(outcome.decryption(), Some(Decryption::Done));
        let Outcome::Opened(opened) = outcome else {
            panic!()
        };
        assert_eq!(opened.content, Content::Other(plaintext(folder)));
        // Between signing and encrypting, every CR and LF of the binary structure became CR LF: nobody can read it.
        assert_eq!(opened.findings, [Finding::Format(Fault::LineEnds)]);
        assert_eq!(opened.integrity().code(), "04");
        let addresses: Vec<&str> = opened
            .recipients
            .iter()
            .map(|entry| entry.address.as_str())
            .collect();
        assert_eq!(addresses, ["musterempfaenger@komle.de", "mustersender@komle.de"]);
    }
}

#[test]
fn the_samples_signed_stage_verifies_before_it_was_damaged() {
    let Some(folder) = sample() else { return };
    let signed = fs::read(folder.join("inputEmail.txt.02.signedcms")).unwrap();
    let wrapped = fs::read(folder.join("inputEmail.txt.01.rfc822wrap")).unwrap();
    let trust = TrustStore::default();
    let document = smime::verify(
        &signed,
        &Checks {
            trust: &trust,
            received: NOW,
        },
    )
    .unwrap();
    assert_eq!(document.content, wrapped);
    // Everything fits; only the signer's issuer is not part of the sample.
    assert_eq!(document.findings, [Finding::Path(PathFault::Unknown)]);
    assert_eq!(Integrity::of(&document.findings).code(), "05");
    let signer = &document.signers[0];
    assert_eq!(signer.signing_time.unwrap().to_string(), "2020-12-14T07:17:05Z");
    assert_eq!(
        signer.certificate.as_ref().unwrap().professions(),
        ["1.2.276.0.76.4.54"]
    );
}

#[test]
fn every_changed_byte_of_the_samples_ciphertext_is_noticed() {
    let Some(folder) = sample() else { return };
    let mail = fs::read(folder.join("inputEmail.txt.05.encryptedwrap")).unwrap();
    let cms = fs::read(folder.join("inputEmail.txt.04.encryptedcms")).unwrap();
    let header_end = mail.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let header = String::from_utf8(mail[..header_end].to_vec())
        .unwrap()
        .replace("base64", "binary");
    let key = sample_key(folder, 'B', "hci-enc-3-kim-bsp");
    let trust = TrustStore::default();
    let open_with = |cms: &[u8]| open(&[header.as_bytes(), cms].concat(), &[&key], &trust);
    let whole = open_with(&cms);
    assert!(
        matches!(&whole, Outcome::Opened(opened) if opened.content.bytes() == plaintext(folder)),
        "{whole:?}"
    );
    // From the nonce to the end of the tag: nothing may come out. Behind it stand attributes nobody authenticated.
    for at in (1_006..4_430).step_by(7) {
        let mut changed = cms.clone();
        changed[at] ^= 1;
        let outcome = open_with(&changed);
        assert!(
            matches!(outcome, Outcome::Unreadable(_)),
            "byte {at}: {outcome:?}"
        );
    }
}

#[test]
fn the_sample_cut_at_every_byte_never_opens() {
    let Some(folder) = sample() else { return };
    let mail = fs::read(folder.join("inputEmail.txt.05.encryptedwrap")).unwrap();
    let key = sample_key(folder, 'A', "hci-enc-2-kim-bsp");
    let trust = TrustStore::default();
    let whole = open(&mail, &[&key], &trust);
    assert!(matches!(whole, Outcome::Opened(_)));
    for length in 0..mail.len() - 8 {
        let outcome = open(&mail[..length], &[&key], &trust);
        assert!(!matches!(outcome, Outcome::Opened(_)), "{length} bytes");
    }
}

#[test]
fn the_seven_signed_documents_verify_and_say_the_same_as_openssl() {
    let Some(folder) = shared("data/ti/eeb") else {
        return;
    };
    let openssl = counterpart("openssl");
    let trust = TrustStore::default();
    let mut seen = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "p7s") {
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let document = smime::verify(
            &bytes,
            &Checks {
                trust: &trust,
                received: NOW,
            },
        )
        .unwrap();
        // The card's issuer is not in the sample: everything but the path is in order.
        assert_eq!(
            document.findings,
            [Finding::Path(PathFault::Unknown)],
            "{}",
            path.display()
        );
        assert_eq!(document.signers.len(), 1);
        if openssl {
            let theirs = run(Command::new("openssl")
                .args(["cms", "-verify", "-noverify", "-binary", "-inform", "DER", "-in"])
                .arg(&path));
            assert_eq!(theirs.stdout, document.content);
        }
        // One changed byte of the content.
        let at = bytes.windows(7).position(|window| window == b"<Bundle").unwrap();
        let mut changed = bytes.clone();
        changed[at + 1] ^= 0x20;
        let document = smime::verify(
            &changed,
            &Checks {
                trust: &trust,
                received: NOW,
            },
        )
        .unwrap();
        assert_eq!(document.findings, [Finding::ContentDiffers]);
        assert_eq!(Integrity::of(&document.findings).code(), "02");
        // One changed byte of the signature.
        let mut changed = bytes.clone();
        let last = changed.len() - 20;
        changed[last] ^= 1;
        let document = smime::verify(
            &changed,
            &Checks {
                trust: &trust,
                received: NOW,
            },
        )
        .unwrap();
        assert_eq!(document.findings, [Finding::SignatureWrong]);
        seen += 1;
    }
    assert_eq!(seen, 7);
}

#[test]
fn a_key_of_the_sample_that_is_not_at_hand_holds_the_mail() {
    let Some(folder) = sample() else { return };
    let mail = fs::read(folder.join("inputEmail.txt.05.encryptedwrap")).unwrap();
    let outcome = open(&mail, &[], &TrustStore::default());
    assert!(
        matches!(outcome, Outcome::Hold(smime::Hold::NotForUs { recipients: 2 })),
        "{outcome:?}"
    );
    assert_eq!(outcome.decryption().map(Decryption::code), Some("01"));
    assert!(grounds(&outcome).is_empty());
}

#[test]
fn the_sample_chains_to_gematiks_test_root_at_its_time() {
    let Some(folder) = sample() else { return };
    // The encryption certificates have their issuers beside them: read them, and look at the dates.
    let keys = folder.join("recipientAkeys");
    let read = |name: &str| {
        Certificate::from_file(&fs::read(keys.join(name)).unwrap())
            .unwrap()
            .remove(0)
    };
    let root = read("GEM.RCA2-TEST-ONLY.crt");
    let recipient = read("hci-enc-2-kim-bsp.pem");
    assert_eq!(recipient.der(), read("hci-enc-2-kim-bsp.crt").der());
    assert!(recipient.may_receive() && !recipient.may_sign() && recipient.is_rsa());
    assert!(root.validity().1 < Timestamp(1_795_305_600));
    assert_eq!(
        recipient.id().to_string(),
        "GEM.KOMP-CA24 TEST-ONLY / ff22a88ffd24"
    );
}

#[test]
fn a_plain_mail_is_handed_through_as_it_is() {
    let mail = b"From: a@b.kim.telematik\r\nSubject: Zustellbestaetigung\r\n\r\nText\r\n";
    let outcome = open(mail, &[], &TrustStore::default());
    let Outcome::Plain(bytes) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(bytes, mail);
    let says_kim = b"X-KOM-LE-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nText\r\n";
    assert!(matches!(
        open(says_kim, &[], &TrustStore::default()),
        Outcome::Unreadable(_)
    ));
    assert!(matches!(Content::Other(vec![]).bytes(), []));
}
