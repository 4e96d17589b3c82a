//! What the tests of this room share: gematik's samples, a hierarchy of our own, and the real programs.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise, and not every test uses every helper"
)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

use smime::{
    Certificate, Checks, FileKey, Outcome, PrivateKey, Recipient, TrustStore,
    pki::{Authority, Issued, Order, Purpose},
};
use vocabulary::Timestamp;

/// 22 November 2026.
pub(crate) const NOW: Timestamp = Timestamp(1_795_305_600);
const YEAR: i64 = 365 * 86_400;

/// Says aloud that a test did not run; where counterparts are required, fails.
pub(crate) fn skipped(why: &str) {
    assert!(
        std::env::var("BULKHEAD_REQUIRE_COUNTERPARTS").as_deref() != Ok("1"),
        "{why}, and counterparts are required"
    );
    std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("SKIPPED: {why}\n")).unwrap();
}

/// A path in the shared folder: `BULKHEAD_SHARED`, or `../shared` beside the project root. None, said aloud, without it.
pub(crate) fn shared(inside: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let root = std::env::var_os("BULKHEAD_SHARED").map_or(beside, PathBuf::from);
    let path = root.join(inside);
    if path.exists() {
        return Some(path);
    }
    let why = format_args!("SKIPPED: no shared folder with {inside}\n");
    std::io::Write::write_fmt(&mut std::io::stderr(), why).unwrap();
    None
}

/// Whether a program of another's making is there.
pub(crate) fn counterpart(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there = std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    if !there {
        skipped(&format!("{program} is missing"));
    }
    there
}

/// Python with packages that `cargo xtask test` installs.
pub(crate) fn python(modules: &str) -> Option<PathBuf> {
    let python = PathBuf::from(std::env::var_os("BULKHEAD_PYTHON").unwrap_or_else(|| "python3".into()));
    let found = Command::new(&python)
        .args(["-c", &format!("import {modules}")])
        .output()
        .is_ok_and(|output| output.status.success());
    if !found {
        skipped(&format!(
            "Python with {modules} is missing (cargo xtask test installs it)"
        ));
    }
    found.then_some(python)
}

/// Runs a program to its end and insists on success.
pub(crate) fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Gematik's sample, unpacked: mails in all stages, and the keys of both recipients.
pub(crate) fn sample() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<tempfile::TempDir>> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let zip = shared("data/ti/kim/SMIME-Profil.zip")?;
        if !counterpart("python3") {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let unpack = |zip: &Path, into: &Path| {
            run(Command::new("python3")
                .args(["-m", "zipfile", "-e"])
                .arg(zip)
                .arg(into));
        };
        unpack(&zip, folder.path());
        for name in ["recipientAkeys", "recipientBkeys"] {
            unpack(
                &folder.path().join(name).with_extension("zip"),
                &folder.path().join(name),
            );
        }
        Some(folder)
    });
    folder.as_ref().map(tempfile::TempDir::path)
}

/// The key of one of the sample's recipients.
pub(crate) fn sample_key(folder: &Path, recipient: char, name: &str) -> FileKey {
    let folder = folder.join(format!("recipient{recipient}keys"));
    let certificate = Certificate::from_file(&fs::read(folder.join(format!("{name}.crt"))).unwrap()).unwrap();
    FileKey::new(
        &fs::read(folder.join(format!("{name}.prv"))).unwrap(),
        certificate[0].clone(),
    )
    .unwrap()
}

/// A small world: a root, an authority below it, a practice and a fund.
pub(crate) struct World {
    pub(crate) root: Authority,
    pub(crate) authority: Authority,
    pub(crate) practice_signs: Issued,
    pub(crate) practice_receives: Issued,
    pub(crate) fund_receives: Issued,
    pub(crate) answers: Issued,
}

pub(crate) fn order(name: &str, serial: u64) -> Order {
    Order {
        name: name.into(),
        serial,
        validity: (Timestamp(NOW.0 - 5 * YEAR), Timestamp(NOW.0 + 20 * YEAR)), // some tests run at today's date
        admission: None,
    }
}

/// Made once for each test program: keys take a while.
pub(crate) fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let root = Authority::root(&order("Wurzel", 1)).unwrap();
        let authority = root.authority(&order("SMCB-CA", 2)).unwrap();
        let mut practice = order("Praxis Signatur", 0x8f01);
        practice.admission = Some((vec![1, 2, 276, 0, 76, 4, 50], "1-UEBUNG-1".into()));
        let issue = |order: &Order, purpose| authority.issue(order, purpose).unwrap();
        World {
            practice_signs: issue(&practice, Purpose::Sign),
            practice_receives: issue(&order("Praxis Empfang", 0x7f02), Purpose::Receive),
            fund_receives: issue(&order("Kasse Empfang", 3), Purpose::Receive),
            answers: issue(&order("Auskunft", 4), Purpose::AnswerForRevocation),
            root,
            authority,
        }
    })
}

impl World {
    /// Trusts the root and knows the authority below it.
    pub(crate) fn trust(&self) -> TrustStore {
        let mut trust = TrustStore::default();
        trust.trust(self.root.certificate().clone()).unwrap();
        trust.help(self.authority.certificate().clone());
        trust
    }

    /// As [`Self::trust`], with a fresh list that revokes nobody.
    pub(crate) fn trust_with_list(&self) -> TrustStore {
        let mut trust = self.trust();
        let list = self
            .authority
            .list(&[], Timestamp(NOW.0 - 60), Timestamp(NOW.0 + 86_400))
            .unwrap();
        trust.add_list(&list).unwrap();
        trust
    }

    pub(crate) fn recipients(&self) -> Vec<Recipient> {
        vec![
            Recipient {
                address: "Praxis@arzt.kim.telematik-test".into(),
                certificate: self.practice_receives.certificate.clone(),
            },
            Recipient {
                address: "eau@kasse-001.kim.telematik-test".into(),
                certificate: self.fund_receives.certificate.clone(),
            },
        ]
    }

    /// Seals a mail as the practice does.
    pub(crate) fn seal(&self, inner: &[u8]) -> Vec<u8> {
        self.seal_at(inner, NOW)
    }

    pub(crate) fn seal_at(&self, inner: &[u8], now: Timestamp) -> Vec<u8> {
        let mut out = Vec::new();
        smime::seal(
            inner,
            &self.practice_signs.key().unwrap(),
            &self.recipients(),
            now,
            &mut |bytes| getrandom::fill(bytes).unwrap(),
            &mut out,
        )
        .unwrap();
        out
    }
}

/// An inner mail with a body of this text.
pub(crate) fn inner(body: &str) -> Vec<u8> {
    format!(
        "Date: Sun, 22 Nov 2026 00:00:00 +0000\r\n\
         From: \"Praxis\" <praxis@arzt.kim.telematik-test>\r\n\
         Reply-To: praxis@arzt.kim.telematik-test\r\n\
         To: eau@kasse-001.kim.telematik-test\r\n\
         Message-ID: <42@arzt.kim.telematik-test>\r\n\
         Subject: TEAU0_42\r\n\
         X-KIM-Dienstkennung: eAU;Lieferung;V1.2\r\n\
         X-KIM-Sendersystem: Bulkhead;\r\n 1.0\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\
         \r\n\
         {body}\r\n"
    )
    .into_bytes()
}

pub(crate) fn open(mail: &[u8], keys: &[&dyn PrivateKey], trust: &TrustStore) -> Outcome {
    smime::open(mail, keys, &Checks { trust, received: NOW }).unwrap()
}

/// A key that gives out one known content key: lets a test put anything inside an envelope.
pub(crate) struct KnownKey(pub(crate) smime::CertificateId);

const KNOWN: [u8; 32] = [0x4b; 32];

impl PrivateKey for KnownKey {
    fn recipient(&self) -> &smime::CertificateId {
        &self.0
    }

    fn decrypt_oaep(&self, _wrapped: &[u8]) -> Result<zeroize::Zeroizing<Vec<u8>>, smime::KeyTrouble> {
        Ok(zeroize::Zeroizing::new(KNOWN.to_vec()))
    }
}

/// An element in DER.
pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap();
    let mut out = vec![tag];
    if length < 0x80 {
        out.push(u8::try_from(length).unwrap());
    } else {
        out.push(0x84);
        out.extend(length.to_be_bytes());
    }
    out.extend_from_slice(content);
    out
}

/// An element of indefinite length.
pub(crate) fn open_ended(tag: u8, content: &[u8]) -> Vec<u8> {
    [&[tag, 0x80], content, &[0, 0]].concat()
}

/// A mail that holds anything, encrypted with the known key, written as real senders write: indefinite lengths, and the
/// content in pieces of `piece` bytes. Without `recipient-emails`.
pub(crate) fn envelope(
    plain: &[u8],
    piece: usize,
    to: &smime::CertificateId,
    certificate: &Certificate,
) -> Vec<u8> {
    use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
    assert_eq!(to, certificate.id());
    let oid = |octets: &[u8]| tlv(6, octets);
    let sha256 = tlv(
        0x30,
        &[oid(&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1]), vec![5, 0]].concat(),
    );
    let mgf = tlv(
        0x30,
        &[
            oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 8]),
            sha256.clone(),
        ]
        .concat(),
    );
    let oaep = tlv(
        0x30,
        &[
            oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 7]),
            tlv(0x30, &[tlv(0xa0, &sha256), tlv(0xa1, &mgf)].concat()),
        ]
        .concat(),
    );
    let recipient = tlv(
        0x30,
        &[
            vec![2, 1, 0],
            issuer_and_serial(certificate),
            oaep,
            tlv(4, &[9; 256]),
        ]
        .concat(),
    );
    let mut sealed = plain.to_vec();
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &KNOWN).unwrap());
    let tag = key
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key([1; 12]), Aad::empty(), &mut sealed)
        .unwrap();
    let gcm = tlv(
        0x30,
        &[
            oid(&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 0x2e]),
            tlv(0x30, &[tlv(4, &[1; 12]), vec![2, 1, 16]].concat()),
        ]
        .concat(),
    );
    let pieces: Vec<u8> = sealed
        .chunks(piece.max(1))
        .flat_map(|piece| tlv(4, piece))
        .collect();
    let data = oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1]);
    let content = open_ended(0x30, &[data, gcm, open_ended(0xa0, &pieces)].concat());
    let body = open_ended(
        0x30,
        &[
            vec![2, 1, 0],
            tlv(0x31, &recipient),
            content,
            tlv(4, tag.as_ref()),
        ]
        .concat(),
    );
    let kind = oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 0x10, 1, 0x17]);
    let cms = open_ended(0x30, &[kind, open_ended(0xa0, &body)].concat());
    let header = "Date: Sun, 22 Nov 2026 00:00:00 +0000\r\n\
        From: praxis@arzt.kim.telematik-test\r\nReply-To: praxis@arzt.kim.telematik-test\r\n\
        To: eau@kasse-001.kim.telematik-test\r\nMessage-ID: <42@arzt.kim.telematik-test>\r\n\
        Content-Type: application/pkcs7-mime; smime-type=authenticated-enveloped-data\r\n\
        Content-Transfer-Encoding: binary\r\n\r\n";
    [header.as_bytes(), &cms].concat()
}

/// IssuerAndSerialNumber out of a certificate.
fn issuer_and_serial(certificate: &Certificate) -> Vec<u8> {
    /// The bytes of the next element, and what follows it.
    fn split(bytes: &[u8]) -> (&[u8], &[u8], &[u8]) {
        let (head, length) = match bytes[1] {
            short @ 0..=0x7f => (2, usize::from(short)),
            0x81 => (3, usize::from(bytes[2])),
            _ => (4, usize::from(bytes[2]) << 8 | usize::from(bytes[3])),
        };
        (
            &bytes[..head + length],
            &bytes[head..head + length],
            &bytes[head + length..],
        )
    }
    let (_, outer, _) = split(certificate.der());
    let (_, body, _) = split(outer);
    let (_, _, rest) = split(body); // version
    let (serial, _, rest) = split(rest);
    let (_, _, rest) = split(rest); // algorithm
    let (issuer, _, _) = split(rest);
    tlv(0x30, &[issuer, serial].concat())
}
