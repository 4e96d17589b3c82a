//! What this room seals it opens, and every way a mail can go wrong has its own word.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use common::{NOW, World, inner, open, order, world};
use smime::{
    CertificateId, Content, Decryption, Doubt, Finding, Hold, Integrity, KeyTrouble, Opened, Outcome,
    PathFault, PrivateKey, Refused, TrustStore, Unreadable,
    pki::{Authority, Purpose},
    promises::{Broken, answers_are_grounded, grounds, inner_is_unchanged},
};
use vocabulary::Timestamp;
use zeroize::Zeroizing;

fn opened(outcome: Outcome) -> Opened {
    let Outcome::Opened(opened) = outcome else {
        panic!("{outcome:?}")
    };
    *opened
}

/// The mail's header, and its body out of base64.
fn parts(mail: &[u8]) -> (String, Vec<u8>) {
    let at = mail.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let letters: Vec<u8> = mail[at..]
        .iter()
        .copied()
        .filter(|octet| !octet.is_ascii_whitespace())
        .collect();
    (
        String::from_utf8(mail[..at].to_vec()).unwrap(),
        STANDARD.decode(letters).unwrap(),
    )
}

fn joined(header: &str, body: &[u8]) -> Vec<u8> {
    format!("{header}{}\r\n", STANDARD.encode(body)).into_bytes()
}

#[test]
fn what_is_sealed_opens_for_every_recipient_and_is_intact() {
    let World {
        practice_receives,
        fund_receives,
        practice_signs,
        ..
    } = world();
    let inner = inner("Grüße\r\n.\r\nEnde");
    let mail = world().seal(&inner);
    for issued in [practice_receives, fund_receives] {
        let key = issued.key().unwrap();
        let outcome = open(&mail, &[&key], &world().trust_with_list());
        inner_is_unchanged(&inner, &outcome).unwrap();
        let opened = opened(outcome);
        assert_eq!(opened.findings, []);
        assert_eq!(opened.integrity(), Integrity::Intact);
        assert_eq!(&opened.decrypted_as, issued.certificate.id());
        let signer = opened.signer.unwrap();
        assert_eq!(signer.signing_time, Some(NOW));
        assert_eq!(signer.certificate.as_ref(), Some(&practice_signs.certificate));
        assert_eq!(signer.certificate.unwrap().professions(), ["1.2.276.0.76.4.50"]);
        assert_eq!(opened.recipients.len(), 2);
        assert_eq!(opened.recipients[0].address, "eau@kasse-001.kim.telematik-test");
    }
}

#[test]
fn the_outer_header_tells_what_kim_wants_told_and_nothing_else() {
    let (header, _) = parts(&world().seal(&inner("x")));
    for line in [
        "Date: Sun, 22 Nov 2026 00:00:00 +0000\r\n",
        "Reply-To: praxis@arzt.kim.telematik-test\r\n",
        "Message-ID: <42@arzt.kim.telematik-test>\r\n",
        "X-KIM-Dienstkennung: eAU;Lieferung;V1.2\r\n",
        "X-KIM-Sendersystem: Bulkhead;\r\n 1.0\r\n",
        "Subject: KOM-LE-Nachricht\r\n",
        "X-KOM-LE-Version: 1.5\r\n",
        "smime-type=authenticated-enveloped-data",
    ] {
        assert!(header.contains(line), "{line}\n{header}");
    }
    assert!(
        !header.contains("TEAU0_42") && !header.contains("text/plain"),
        "{header}"
    );
}

#[test]
fn a_changed_header_outside_is_08_and_changed_recipients_outside_are_09() {
    let key = world().fund_receives.key().unwrap();
    let trust = world().trust_with_list();
    let (header, body) = parts(&world().seal(&inner("x")));
    for (from, to, field) in [
        ("00:00:00 +0000", "00:00:01 +0000", "Date"),
        ("To: eau@", "To: eab@", "To"),
        ("<42@", "<43@", "Message-ID"),
        ("Reply-To: praxis@", "Reply-To: prexis@", "Reply-To"),
        ("From: \"Praxis\" <praxis@", "From: <boese@", "From"),
        ("MIME-Version", "Cc: x@y.kim.telematik\r\nMIME-Version", "Cc"),
    ] {
        let changed = header.replacen(from, to, 1);
        assert_ne!(changed, header);
        let opened = opened(open(&joined(&changed, &body), &[&key], &trust));
        assert_eq!(opened.findings, [Finding::HeaderDiffers(vec![field])]);
        assert_eq!(opened.integrity().code(), "08");
        assert!(matches!(opened.content, Content::Mail(_)));
    }
    let at = body.windows(4).rposition(|window| window == b"eau@").unwrap();
    let mut changed = body.clone();
    changed[at + 2] = b'b';
    let opened = opened(open(&joined(&header, &changed), &[&key], &trust));
    assert_eq!(opened.findings, [Finding::RecipientsDiffer]);
    assert_eq!(opened.integrity().code(), "09");
    assert_eq!(opened.recipients[0].address, "eau@kasse-001.kim.telematik-test"); // the signed word counts
}

#[test]
fn a_changed_byte_inside_gives_nothing_at_all() {
    let key = world().fund_receives.key().unwrap();
    let trust = world().trust();
    let (header, body) = parts(&world().seal(&inner("x")));
    let tail = body
        .windows(8)
        .rposition(|window| window == [0x2a, 0x82, 0x14, 0, 0x4c, 4, 0x81, 0x2d])
        .unwrap();
    for at in (tail - 1_500..tail - 12).step_by(13) {
        let mut changed = body.clone();
        changed[at] ^= 0x40;
        let outcome = open(&joined(&header, &changed), &[&key], &trust);
        assert!(matches!(outcome, Outcome::Unreadable(_)), "{at}: {outcome:?}");
        assert_eq!(outcome.decryption(), Some(Decryption::Format));
    }
}

/// A key that is in trouble, as a token can be.
struct Troubled(CertificateId, KeyTrouble);

impl PrivateKey for Troubled {
    fn recipient(&self) -> &CertificateId {
        &self.0
    }

    fn decrypt_oaep(&self, _wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyTrouble> {
        Err(self.1.clone())
    }
}

#[test]
fn a_missing_locked_or_unreachable_key_holds_the_mail_and_never_answers() {
    let mail = world().seal(&inner("x"));
    let id = world().fund_receives.certificate.id().clone();
    for (trouble, code) in [
        (KeyTrouble::Missing("slot 1".into()), "01"),
        (KeyTrouble::Locked("PIN".into()), "01"),
        (KeyTrouble::Unreachable("HSM".into()), "03"),
    ] {
        let outcome = open(&mail, &[&Troubled(id.clone(), trouble.clone())], &world().trust());
        assert!(
            matches!(&outcome, Outcome::Hold(Hold::Key(found)) if *found == trouble),
            "{outcome:?}"
        );
        assert_eq!(outcome.decryption().unwrap().code(), code);
        assert_eq!(answers_are_grounded(&outcome, true), Err(Broken::Ungrounded));
        assert_eq!(answers_are_grounded(&outcome, false), Ok(()));
    }
    // A token that says the bytes do not open speaks about the mail.
    let outcome = open(&mail, &[&Troubled(id, KeyTrouble::Failed)], &world().trust());
    assert!(matches!(outcome, Outcome::Unreadable(Unreadable::Undecryptable)));
    let stranger = world().practice_signs.key().unwrap();
    let outcome = open(&mail, &[&stranger], &world().trust());
    assert!(matches!(outcome, Outcome::Hold(Hold::NotForUs { recipients: 2 })));
    assert!(grounds(&outcome).is_empty());
}

/// Findings of the sealed mail under other lists and anchors.
fn findings(trust: &TrustStore) -> Vec<Finding> {
    let key = world().fund_receives.key().unwrap();
    opened(open(&world().seal(&inner("x")), &[&key], trust)).findings
}

#[test]
fn revocation_is_an_input_and_its_time_counts() {
    let World {
        authority,
        root,
        practice_signs,
        ..
    } = world();
    let id = practice_signs.certificate.id();
    let with = |since: i64, issued: i64, next: i64| {
        let mut trust = world().trust();
        let list = authority
            .list(&[(id, Timestamp(since))], Timestamp(issued), Timestamp(next))
            .unwrap();
        trust.add_list(&list).unwrap();
        trust
    };
    let day = 86_400;
    assert_eq!(
        findings(&world().trust()),
        [Finding::StatusUnknown(Doubt::NothingKnown)]
    );
    assert_eq!(findings(&world().trust_with_list()), []);
    let before = with(NOW.0 - 10, NOW.0 - 5, NOW.0 + day);
    assert_eq!(
        findings(&before),
        [Finding::Path(PathFault::Revoked(Timestamp(NOW.0 - 10)))]
    );
    let after = with(NOW.0 + 10, NOW.0 + 20, NOW.0 + day);
    assert_eq!(findings(&after), []);
    // Outdated when it signed: says nothing.
    let mut outdated = world().trust();
    outdated
        .add_list(
            &authority
                .list(&[], Timestamp(NOW.0 - 3 * day), Timestamp(NOW.0 - day))
                .unwrap(),
        )
        .unwrap();
    assert_eq!(findings(&outdated), [Finding::StatusUnknown(Doubt::Outdated)]);
    // Outdated or not, who stands on a list is revoked.
    let old = with(NOW.0 - 3 * day, NOW.0 - 2 * day, NOW.0 - day);
    assert_eq!(
        findings(&old),
        [Finding::Path(PathFault::Revoked(Timestamp(NOW.0 - 3 * day)))]
    );
    // Signed (it says) a minute before it was revoked, received a minute after.
    let key = world().fund_receives.key().unwrap();
    let meanwhile = with(NOW.0 + 60, NOW.0 + 120, NOW.0 + day);
    let mail = world().seal(&inner("x"));
    let checks = smime::Checks {
        trust: &meanwhile,
        received: Timestamp(NOW.0 + 120),
    };
    let late = opened(smime::open(mail.as_slice(), &[&key], &checks).unwrap());
    assert_eq!(
        late.findings,
        [Finding::StatusUnknown(Doubt::RevokedMeanwhile(Timestamp(
            NOW.0 + 60
        )))]
    );
    assert_eq!(late.integrity().code(), "07");
    assert!(grounds(&Outcome::Opened(Box::new(late))).is_empty());
    // The authority itself is revoked.
    let mut trust = world().trust_with_list();
    let list = root
        .list(
            &[(authority.certificate().id(), Timestamp(NOW.0 - day))],
            Timestamp(NOW.0 - 60),
            Timestamp(NOW.0 + day),
        )
        .unwrap();
    trust.add_list(&list).unwrap();
    assert_eq!(findings(&trust), [Finding::Path(PathFault::IssuerRevoked)]);
}

#[test]
fn a_list_somebody_else_signed_says_nothing() {
    // Same name, other key.
    let forger = Authority::root(&order("SMCB-CA", 2)).unwrap();
    let mut trust = world().trust();
    trust
        .add_list(
            &forger
                .list(&[], Timestamp(NOW.0 - 60), Timestamp(NOW.0 + 60))
                .unwrap(),
        )
        .unwrap();
    assert!(
        matches!(
            findings(&trust)[..],
            [Finding::StatusUnknown(Doubt::Uncheckable(_))]
        ),
        "{:?}",
        findings(&trust)
    );
}

#[test]
fn paths_are_judged_at_the_time_of_signing() {
    assert_eq!(
        findings(&TrustStore::default()),
        [Finding::Path(PathFault::Unknown)]
    );
    // The authority alone as anchor, as a trust list of the TI has it.
    let mut direct = TrustStore::default();
    direct.trust(world().authority.certificate().clone()).unwrap();
    assert_eq!(findings(&direct), [Finding::StatusUnknown(Doubt::NothingKnown)]);
    // The root without the authority below it.
    let mut gap = TrustStore::default();
    gap.trust(world().root.certificate().clone()).unwrap();
    assert_eq!(findings(&gap), [Finding::Path(PathFault::Unknown)]);
    // A root of the same name with another key.
    let mut other = TrustStore::default();
    other
        .trust(
            Authority::root(&order("Wurzel", 1))
                .unwrap()
                .certificate()
                .clone(),
        )
        .unwrap();
    other.help(world().authority.certificate().clone());
    assert!(matches!(findings(&other)[..], [Finding::Path(_)]));
}

/// Seals with another signing certificate.
fn signed_by(signer: &smime::pki::Issued, at: Timestamp) -> Vec<u8> {
    let mut out = Vec::new();
    let key = signer.key().unwrap();
    smime::seal(
        &inner("x"),
        &key,
        &world().recipients(),
        at,
        &mut |bytes| getrandom::fill(bytes).unwrap(),
        &mut out,
    )
    .unwrap();
    out
}

#[test]
fn certificates_out_of_their_time_or_purpose_are_named() {
    let key = world().fund_receives.key().unwrap();
    let trust = world().trust_with_list();
    let judged = |mail: &[u8]| opened(open(mail, &[&key], &trust)).findings;
    let mut short = order("Kurz", 77);
    short.validity = (Timestamp(NOW.0 - 100), Timestamp(NOW.0 - 50));
    let short = world().authority.issue(&short, Purpose::Sign).unwrap();
    assert_eq!(
        judged(&signed_by(&short, NOW)),
        [Finding::Path(PathFault::Validity(NOW))]
    );
    let then = Timestamp(NOW.0 - 70);
    for _ in 0..2 {
        assert_eq!(judged(&signed_by(&short, then)), [] as [Finding; 0]);
        // What was found out then does not carry over to a time when it was not valid any more.
        assert_eq!(
            judged(&signed_by(&short, NOW)),
            [Finding::Path(PathFault::Validity(NOW))]
        );
    }
    let ahead = Timestamp(NOW.0 + 3_600);
    assert_eq!(
        judged(&signed_by(&world().practice_signs, ahead)),
        [Finding::Path(PathFault::Future(ahead))]
    );
    assert_eq!(
        judged(&signed_by(&world().fund_receives, NOW)),
        [Finding::Path(PathFault::Usage)]
    );
}

#[test]
fn an_anchor_that_was_not_valid_then_does_not_carry() {
    let mut late = order("Wurzel spät", 9);
    late.validity = (Timestamp(NOW.0 + 10), Timestamp(NOW.0 + 1_000));
    let late = Authority::root(&late).unwrap();
    let signer = late.issue(&order("Praxis", 10), Purpose::Sign).unwrap();
    let mut trust = TrustStore::default();
    trust.trust(late.certificate().clone()).unwrap();
    let key = world().fund_receives.key().unwrap();
    let found = opened(open(&signed_by(&signer, NOW), &[&key], &trust)).findings;
    assert_eq!(found, [Finding::Path(PathFault::Issuer(NOW))]);
}

#[test]
fn what_cannot_become_a_kim_mail_is_refused() {
    let key = world().practice_signs.key().unwrap();
    let try_seal = |inner: &[u8], recipients: &[smime::Recipient]| {
        let mut out = Vec::new();
        let result = smime::seal(inner, &key, recipients, NOW, &mut |bytes| bytes.fill(7), &mut out);
        assert!(result.is_err() && out.is_empty());
        result.unwrap_err()
    };
    let whole = inner("x");
    let recipients = world().recipients();
    assert!(matches!(
        try_seal(&whole, &recipients[1..]),
        Refused::WithoutSender
    ));
    assert!(matches!(try_seal(&whole, &[]), Refused::Recipient(_)));
    assert!(matches!(
        try_seal(b"From: praxis@arzt.kim.telematik-test\r\n\r\nx", &recipients),
        Refused::Incomplete(missing) if missing == ["Date", "Message-ID"]
    ));
    let mut wrong = recipients.clone();
    wrong[1].certificate = world().practice_signs.certificate.clone();
    assert!(matches!(try_seal(&whole, &wrong), Refused::Recipient(_)));
    let mut wrong = recipients;
    wrong[1].address = "eäu@x".into();
    assert!(matches!(try_seal(&whole, &wrong), Refused::Address));
}

#[test]
fn key_and_certificate_that_do_not_belong_together_are_no_key() {
    let mixed = smime::FileKey::new(
        &world().practice_signs.pkcs8,
        world().fund_receives.certificate.clone(),
    );
    assert!(matches!(mixed, Err(smime::KeyUnreadable::OtherCertificate)));
    assert!(smime::FileKey::new(b"nonsense", world().fund_receives.certificate.clone()).is_err());
}

#[test]
fn ten_thousand_recipients_are_read_within_bounds() {
    let mut recipients = world().recipients();
    for number in 0..10_000 {
        recipients.push(smime::Recipient {
            address: format!("kasse-{number}@x.kim.telematik-test"),
            certificate: world().practice_receives.certificate.clone(),
        });
    }
    let mut out = Vec::new();
    let key = world().practice_signs.key().unwrap();
    let whole = inner("x");
    smime::seal(
        &whole,
        &key,
        &recipients,
        NOW,
        &mut |bytes| getrandom::fill(bytes).unwrap(),
        &mut out,
    )
    .unwrap();
    let outcome = open(
        &out,
        &[&world().fund_receives.key().unwrap()],
        &world().trust_with_list(),
    );
    inner_is_unchanged(&whole, &outcome).unwrap();
    let opened = opened(outcome);
    assert_eq!((opened.findings.len(), opened.recipients.len()), (0, 10_002));
}
