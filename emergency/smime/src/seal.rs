//! Making a KIM mail: wrap, sign, encrypt, and put the header fields of the inner mail outside.

use std::{
    collections::BTreeSet,
    io::{self, Write},
};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use vocabulary::Timestamp;
use zeroize::Zeroizing;

use crate::{
    Certificate, KeyTrouble, RecipientEmail, SigningKey,
    algorithm::{Hash, hash_identifier, oaep_identifier, pss_identifier},
    attributes::write_recipient_emails,
    ber, der,
    mime::{self, Header},
    oid,
};

/// The version of the profile that is written into `X-KOM-LE-Version`.
const PROFILE_VERSION: &str = "1.5";
/// What stands before the inner mail under the signature.
const WRAPPING: &[u8] = b"Content-Type: message/rfc822\r\n\r\n";
/// The header of the signed part.
const SIGNED_PART: &[u8] = b"MIME-Version: 1.0\r\n\
    Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\r\n\
    Content-Transfer-Encoding: binary\r\n\
    Content-Disposition: attachment; filename=smime.p7m\r\n\r\n";
/// Fields that say the same outside as inside; besides them every `X-KIM-*`.
const COPIED: [&str; 9] = [
    "Date",
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Bcc",
    "Message-ID",
    "Expires",
];

/// Somebody a mail is encrypted to.
#[derive(Clone, Debug)]
pub struct Recipient {
    /// The mail address the certificate was found under.
    pub address: String,
    /// The encryption certificate; its key must be RSA.
    pub certificate: Certificate,
}

/// Why a mail was not made.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The inner mail has no header that can be read, or lacks mandatory fields.
    #[error("innere Mail ohne {} / the inner mail has no {}", .0.join(", "), .0.join(", "))]
    Incomplete(Vec<&'static str>),
    /// KIM encrypts to the sender as well.
    #[error("der Absender ist nicht unter den Empfängern / the sender is not among the recipients")]
    WithoutSender,
    /// There is no recipient, or one whose certificate a key cannot be sent to.
    #[error(
        "Empfängerzertifikat {0} ist nicht für RSA-Verschlüsselung / recipient certificate {0} is not for RSA encryption"
    )]
    Recipient(String),
    /// The address is not plain ASCII or too long.
    #[error("Empfängeradresse nicht in ASCII / recipient address not in ASCII")]
    Address,
    /// The signing key did not do it.
    #[error("nicht signiert: {} / not signed: {}", vocabulary::german(.0), vocabulary::english(.0))]
    Key(#[source] KeyTrouble),
    /// The library refused to encrypt.
    #[error("nicht verschlüsselt / not encrypted")]
    Encryption,
    /// The mail could not be written.
    #[error("nicht geschrieben / not written")]
    Write(#[from] io::Error),
}

/// Writes the outer mail for an inner one: signed by `signer` at `now`, encrypted to every recipient.
///
/// `random` must be of cryptographic quality; content key and nonce are drawn from it. The salt of the signature and the
/// padding of the wrapped keys are drawn by the crypto library itself, which takes no source from outside.
///
/// # Errors
/// [`Refused`]. What was written before an error is not a mail.
pub fn seal(
    inner: &[u8],
    signer: &dyn SigningKey,
    recipients: &[Recipient],
    now: Timestamp,
    random: &mut dyn FnMut(&mut [u8]),
    out: &mut impl Write,
) -> Result<(), Refused> {
    let header_end = mime::body_at(inner).unwrap_or(inner.len());
    let header_bytes = inner.get(..header_end).unwrap_or_default();
    let header = Header::read(header_bytes).ok_or_else(|| Refused::Incomplete(vec!["Header"]))?;
    let missing = header.missing();
    if !missing.is_empty() {
        return Err(Refused::Incomplete(missing));
    }
    let emails = emails(recipients)?;
    let addresses: BTreeSet<String> = emails.iter().map(|entry| entry.address.clone()).collect();
    if !header.from().is_subset(&addresses) {
        return Err(Refused::WithoutSender);
    }
    let frame = sign(inner, signer, &emails, now)?;
    let sealed = encrypt(&frame, inner, recipients, &emails, random)?;
    write_header(header_bytes, out)?;
    let mut text = [0_u8; 76];
    for line in sealed.chunks(57) {
        let length = STANDARD
            .encode_slice(line, &mut text)
            .map_err(|_| Refused::Encryption)?;
        out.write_all(text.get(..length).unwrap_or_default())?;
        out.write_all(b"\r\n")?;
    }
    Ok(())
}

fn emails(recipients: &[Recipient]) -> Result<Vec<RecipientEmail>, Refused> {
    if recipients.is_empty() {
        return Err(Refused::Recipient("-".into()));
    }
    let mut emails = Vec::new();
    for recipient in recipients {
        if !recipient.certificate.is_rsa() || !recipient.certificate.may_receive() {
            return Err(Refused::Recipient(recipient.certificate.id().to_string()));
        }
        if !recipient.address.is_ascii() || recipient.address.is_empty() || recipient.address.len() > 320 {
            return Err(Refused::Address);
        }
        emails.push(RecipientEmail {
            address: recipient.address.to_ascii_lowercase(),
            certificate: recipient.certificate.id().clone(),
        });
    }
    emails.sort();
    emails.dedup();
    Ok(emails)
}

/// What stands before and after the inner mail in the signed part.
struct Frame {
    before: Vec<u8>,
    after: Vec<u8>,
}

/// Signs an inner mail, as opaque SignedData with one signer.
fn sign(
    inner: &[u8],
    signer: &dyn SigningKey,
    emails: &[RecipientEmail],
    now: Timestamp,
) -> Result<Frame, Refused> {
    let mut digest = Hash::Sha256.context();
    digest.update(WRAPPING);
    digest.update(inner);
    let certificate = signer.certificate();
    let attributes = signed_attributes(certificate, digest.finish().as_ref(), emails, now);
    let signature = signer.sign_pss(&attributes).map_err(Refused::Key)?;
    let mut implicit = attributes;
    if let Some(tag) = implicit.first_mut() {
        *tag = ber::context(0); // signed as SET, written as [0] (RFC 5652, 5.4)
    }
    let hash = hash_identifier(Hash::Sha256);
    let info = der::sequence(&[
        &der::small(1),
        &certificate.id().write(),
        &hash,
        &implicit,
        &pss_identifier(),
        &der::octets(&signature),
    ]);
    let after = [
        der::element(ber::context(0), &[certificate.der()]),
        der::set(vec![info]),
    ]
    .concat();
    // From the inside out, since each length counts what it holds.
    let string = der::head(ber::OCTET_STRING, WRAPPING.len() + inner.len());
    let content_length = string.len() + WRAPPING.len() + inner.len();
    let wrapper = der::head(ber::context(0), content_length);
    let data = der::oid(oid::DATA);
    let encapsulated = der::head(ber::SEQUENCE, data.len() + wrapper.len() + content_length);
    let front = [
        der::small(1),
        der::set(vec![hash]),
        encapsulated,
        data,
        wrapper,
        string,
    ]
    .concat();
    let data_length = front.len() + WRAPPING.len() + inner.len() + after.len();
    let signed_data = der::head(ber::SEQUENCE, data_length);
    let kind = der::oid(oid::SIGNED_DATA);
    let explicit = der::head(ber::context(0), signed_data.len() + data_length);
    let info = der::head(
        ber::SEQUENCE,
        kind.len() + explicit.len() + signed_data.len() + data_length,
    );
    Ok(Frame {
        before: [
            SIGNED_PART,
            &info,
            &kind,
            &explicit,
            &signed_data,
            &front,
            WRAPPING,
        ]
        .concat(),
        after,
    })
}

/// The signed attributes as SET in DER: what the signature is made over.
fn signed_attributes(
    certificate: &Certificate,
    digest: &[u8],
    emails: &[RecipientEmail],
    now: Timestamp,
) -> Vec<u8> {
    let attribute = |id: &[u8], value: Vec<u8>| der::sequence(&[&der::oid(id), &der::set(vec![value])]);
    let hash = hash_identifier(Hash::Sha256);
    let pss = pss_identifier();
    let pss = ber::single(&pss, ber::SEQUENCE, "PSS").map_or(&[][..], |element| element.content);
    let protection = der::sequence(&[&hash, &der::element(ber::context(1), &[pss])]);
    let certificate_hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, certificate.der());
    // IssuerSerial: GeneralNames { [4] Name }, then the number.
    let names = der::sequence(&[&der::element(ber::context(4), &[certificate.id().issuer()])]);
    let issuer = der::sequence(&[&names, &certificate.id().write_serial()]);
    let named = der::sequence(&[&der::octets(certificate_hash.as_ref()), &issuer]);
    let signing_certificate = der::sequence(&[&der::sequence(&[&named])]);
    der::set(vec![
        attribute(oid::CONTENT_TYPE, der::oid(oid::DATA)),
        attribute(oid::SIGNING_TIME, signing_time(now)),
        attribute(oid::MESSAGE_DIGEST, der::octets(digest)),
        attribute(oid::ALGORITHM_PROTECTION, protection),
        attribute(oid::SIGNING_CERTIFICATE_V2, signing_certificate),
        write_recipient_emails(emails),
    ])
}

/// UTCTime until 2049, GeneralizedTime after (RFC 5652, 11.3).
fn signing_time(now: Timestamp) -> Vec<u8> {
    let digits: String = now.to_string().chars().filter(char::is_ascii_digit).collect();
    let utc = (1950..2050).contains(&digits.get(..4).and_then(|year| year.parse().ok()).unwrap_or(0));
    let (tag, digits) = if utc {
        (ber::UTC_TIME, digits.get(2..).unwrap_or_default())
    } else {
        (ber::GENERALIZED_TIME, digits.as_str())
    };
    der::element(tag, &[digits.as_bytes(), b"Z"])
}

/// Encrypts the signed part as AuthEnvelopedData.
fn encrypt(
    frame: &Frame,
    inner: &[u8],
    recipients: &[Recipient],
    emails: &[RecipientEmail],
    random: &mut dyn FnMut(&mut [u8]),
) -> Result<Vec<u8>, Refused> {
    let mut secret = Zeroizing::new([0_u8; 32]);
    random(secret.as_mut_slice());
    let mut nonce = [0_u8; 12];
    random(&mut nonce);
    let infos = recipients
        .iter()
        .map(|recipient| recipient_info(&recipient.certificate, secret.as_slice()))
        .collect::<Result<Vec<_>, _>>()?;
    let infos = der::set(infos);
    let parameters = der::sequence(&[&der::octets(&nonce), &der::small(16)]);
    let algorithm = der::sequence(&[&der::oid(oid::AES_256_GCM), &parameters]);
    let data = der::oid(oid::DATA);
    let unauthenticated = der::element(ber::context(2), &[&write_recipient_emails(emails)]);
    let plain_length = frame.before.len() + inner.len() + frame.after.len();
    let content = der::head(ber::context_primitive(0), plain_length);
    let content_info_length = data.len() + algorithm.len() + content.len() + plain_length;
    let content_info = der::head(ber::SEQUENCE, content_info_length);
    let tag_head = der::head(ber::OCTET_STRING, AES_256_GCM.tag_len());
    let version = der::small(0);
    let length = version.len()
        + infos.len()
        + content_info.len()
        + content_info_length
        + tag_head.len()
        + AES_256_GCM.tag_len()
        + unauthenticated.len();
    let enveloped = der::head(ber::SEQUENCE, length);
    let kind = der::oid(oid::AUTH_ENVELOPED_DATA);
    let explicit = der::head(ber::context(0), enveloped.len() + length);
    let info = der::head(
        ber::SEQUENCE,
        kind.len() + explicit.len() + enveloped.len() + length,
    );
    let before = [
        &info,
        &kind,
        &explicit,
        &enveloped,
        &version,
        &infos,
        &content_info,
        &data,
        &algorithm,
        &content,
    ];
    let mut out = Vec::with_capacity(info.len() + kind.len() + explicit.len() + enveloped.len() + length);
    for part in before {
        out.extend_from_slice(part);
    }
    let begin = out.len();
    out.extend_from_slice(&frame.before);
    out.extend_from_slice(inner);
    out.extend_from_slice(&frame.after);
    let key = UnboundKey::new(&AES_256_GCM, secret.as_slice())
        .map(LessSafeKey::new)
        .map_err(|_| Refused::Encryption)?;
    let plain = out.get_mut(begin..).ok_or(Refused::Encryption)?;
    let tag = key
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), plain)
        .map_err(|_| Refused::Encryption)?;
    out.extend_from_slice(&tag_head);
    out.extend_from_slice(tag.as_ref());
    out.extend_from_slice(&unauthenticated);
    Ok(out)
}

/// KeyTransRecipientInfo by issuer and serial number.
fn recipient_info(certificate: &Certificate, secret: &[u8]) -> Result<Vec<u8>, Refused> {
    let refused = || Refused::Recipient(certificate.id().to_string());
    let key = PublicEncryptingKey::from_der(certificate.key())
        .map_err(|_| refused())
        .and_then(|key| OaepPublicEncryptingKey::new(key).map_err(|_| refused()))?;
    let mut wrapped = vec![0; key.ciphertext_size()];
    let wrapped = key
        .encrypt(&OAEP_SHA256_MGF1SHA256, secret, &mut wrapped, None)
        .map_err(|_| refused())?;
    Ok(der::sequence(&[
        &der::small(0),
        &certificate.id().write(),
        &oaep_identifier(),
        &der::octets(wrapped),
    ]))
}

/// The outer header: the inner mail's fields that must be equal, and what KIM adds.
fn write_header(inner: &[u8], out: &mut impl Write) -> io::Result<()> {
    for (name, field) in mime::fields(inner) {
        let copied = COPIED.iter().any(|known| name.eq_ignore_ascii_case(known))
            || name
                .get(..6)
                .is_some_and(|front| front.eq_ignore_ascii_case("X-KIM-"));
        if copied {
            out.write_all(field.trim_ascii_end())?;
            out.write_all(b"\r\n")?;
        }
    }
    write!(
        out,
        "Subject: KOM-LE-Nachricht\r\n\
         X-KOM-LE-Version: {PROFILE_VERSION}\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: application/pkcs7-mime;\r\n\tsmime-type=authenticated-enveloped-data; name=smime.p7m\r\n\
         Content-Transfer-Encoding: base64\r\n\
         Content-Disposition: attachment; filename=smime.p7m\r\n\r\n"
    )
}
