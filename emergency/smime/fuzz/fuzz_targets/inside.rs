//! Anything at all inside a well-made envelope: what a hostile sender with our certificate can put before the parsers.
#![no_main]

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use libfuzzer_sys::fuzz_target;
use smime::{
    Certificate, CertificateId, Checks, KeyTrouble, Outcome, PrivateKey, TrustStore,
    pki::{Authority, Order},
};
use std::sync::LazyLock;
use vocabulary::Timestamp;
use zeroize::Zeroizing;

const KEY: [u8; 32] = [0x4b; 32];

/// Whom every envelope here is for.
static RECIPIENT: LazyLock<Certificate> = LazyLock::new(|| {
    let order = Order {
        name: "Fuzz".into(),
        serial: 1,
        validity: (Timestamp(0), Timestamp(2_000_000_000)),
        admission: None,
    };
    Authority::root(&order)
        .expect("a certificate")
        .certificate()
        .clone()
});

/// The key every envelope here is sealed with.
struct Known(CertificateId);

impl PrivateKey for Known {
    fn recipient(&self) -> &CertificateId {
        &self.0
    }

    fn decrypt_oaep(&self, _wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyTrouble> {
        Ok(Zeroizing::new(KEY.to_vec()))
    }
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u32).to_be_bytes();
    [&[tag, 0x84], &length[..], content].concat()
}

/// The next element, its content, and what follows it.
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

fn issuer_and_serial(certificate: &[u8]) -> Vec<u8> {
    let (_, outer, _) = split(certificate);
    let (_, body, _) = split(outer);
    let (_, _, rest) = split(body); // version
    let (serial, _, rest) = split(rest);
    let (_, _, rest) = split(rest); // algorithm
    let (issuer, _, _) = split(rest);
    tlv(0x30, &[issuer, serial].concat())
}

fn mail(plain: &[u8], piece: usize) -> Vec<u8> {
    let oid = |octets: &[u8]| tlv(6, octets);
    let sha256 = tlv(0x30, &oid(&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1]));
    let mgf = tlv(
        0x30,
        &[
            oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 8]),
            sha256.clone(),
        ]
        .concat(),
    );
    let parameters = tlv(0x30, &[tlv(0xa0, &sha256), tlv(0xa1, &mgf)].concat());
    let oaep = tlv(
        0x30,
        &[oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 7]), parameters].concat(),
    );
    let id = issuer_and_serial(RECIPIENT.der());
    let recipient = tlv(0x30, &[vec![2, 1, 0], id, oaep, tlv(4, &[9; 256])].concat());
    let mut sealed = plain.to_vec();
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &KEY).expect("32 bytes"));
    let nonce = Nonce::assume_unique_for_key([1; 12]);
    let tag = key
        .seal_in_place_separate_tag(nonce, Aad::empty(), &mut sealed)
        .expect("short");
    let gcm = tlv(0x30, &[tlv(4, &[1; 12]), vec![2, 1, 16]].concat());
    let gcm = tlv(
        0x30,
        &[oid(&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 0x2e]), gcm].concat(),
    );
    let pieces: Vec<u8> = sealed.chunks(piece).flat_map(|piece| tlv(4, piece)).collect();
    let data = oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1]);
    let content = tlv(0x30, &[data, gcm, tlv(0xa0, &pieces)].concat());
    let body = tlv(
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
    let header: &[u8] = b"Content-Type: application/pkcs7-mime\r\n\r\n";
    [header, &tlv(0x30, &[kind, tlv(0xa0, &body)].concat())].concat()
}

fuzz_target!(|bytes: &[u8]| {
    let (piece, plain) = bytes
        .split_first()
        .map_or((1, bytes), |(first, rest)| (usize::from(*first) + 1, rest));
    let trust = TrustStore::default();
    let checks = Checks {
        trust: &trust,
        received: Timestamp(1_795_305_600),
    };
    let outcome = smime::open(
        mail(plain, piece).as_slice(),
        &[&Known(RECIPIENT.id().clone())],
        &checks,
    )
    .expect("memory can be read");
    let Outcome::Opened(opened) = outcome else {
        panic!("not opened: {outcome:?}")
    };
    assert!(!opened.findings.is_empty(), "nobody we trust signed this");
});
