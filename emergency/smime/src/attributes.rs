//! Attributes: what the signer signed beside the content, and gematik's `recipient-emails`.

use vocabulary::Timestamp;

use crate::{
    ber::{self, Element, Fault, Reader},
    certificate::{CertificateId, time},
    der, oid,
};

/// Most recipients that are read. No real mail comes near; a hundred thousand entries still fit in a small buffer.
pub(crate) const RECIPIENTS_MAX: usize = 100_000;
/// Most attributes of one set.
const ATTRIBUTES_MAX: usize = 100;
/// Longest mail address (RFC 5321: 64 + 1 + 255, with room).
const ADDRESS_BYTES_MAX: usize = 512;

/// One entry of `recipient-emails` (OID 1.2.276.0.76.4.173): which certificate a mail was encrypted to, for which address.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct RecipientEmail {
    /// The address in lower case.
    pub address: String,
    /// The certificate the mail was encrypted to.
    pub certificate: CertificateId,
}

impl RecipientEmail {
    fn write(&self) -> Vec<u8> {
        let address = der::element(ber::IA5_STRING, &[self.address.as_bytes()]);
        der::sequence(&[&address, &self.certificate.write()])
    }
}

/// Reads the values of one `recipient-emails` attribute, sorted.
pub(crate) fn recipient_emails(values: &Element<'_>) -> Result<Vec<RecipientEmail>, Fault> {
    let mut entries = Vec::new();
    let mut reader = values.reader();
    while let Some(value) = reader.next()? {
        if entries.len() >= RECIPIENTS_MAX {
            return Err(Fault::TooLarge("recipient-emails"));
        }
        let mut pair = value.reader();
        let address = pair
            .expect(ber::IA5_STRING, "recipient-emails: IA5String")?
            .content;
        let id = pair.expect(ber::SEQUENCE, "recipient-emails: IssuerAndSerialNumber")?;
        pair.end("recipient-emails")?;
        if address.len() > ADDRESS_BYTES_MAX {
            return Err(Fault::TooLarge("recipient-emails"));
        }
        entries.push(RecipientEmail {
            address: String::from_utf8_lossy(address).to_ascii_lowercase(),
            certificate: CertificateId::read(&id)?,
        });
    }
    entries.sort();
    Ok(entries)
}

/// An attribute: its OID and the SET of its values.
pub(crate) fn attribute<'a>(element: &Element<'a>) -> Result<(&'a [u8], Element<'a>), Fault> {
    let mut reader = element.reader();
    let id = reader.expect(ber::OID, "attrType")?.content;
    let values = reader.expect(ber::SET, "attrValues")?;
    reader.end("Attribute")?;
    Ok((id, values))
}

/// Writes the attribute `recipient-emails`.
pub(crate) fn write_recipient_emails(entries: &[RecipientEmail]) -> Vec<u8> {
    let values = der::set(entries.iter().map(RecipientEmail::write).collect());
    der::sequence(&[&der::oid(oid::RECIPIENT_EMAILS), &values])
}

/// The hash of the signer's certificate that the signer signed (signing-certificate-v2, RFC 5035).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum CertificateHash {
    Sha256(Vec<u8>),
    Sha384(Vec<u8>),
    Sha512(Vec<u8>),
    /// SHA-1, of the first version of the attribute.
    Sha1(Vec<u8>),
    Unknown,
}

/// The signed attributes of one signer.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Signed {
    pub(crate) content_type: Option<Vec<u8>>,
    pub(crate) digest: Option<Vec<u8>>,
    pub(crate) signing_time: Option<Timestamp>,
    pub(crate) certificate: Option<CertificateHash>,
    /// digestAlgorithm and `[1]` signatureAlgorithm as repeated under the signature (RFC 6211), as they stand there.
    pub(crate) algorithms: Option<(Vec<u8>, Vec<u8>)>,
    pub(crate) recipients: Option<Vec<RecipientEmail>>,
}

impl Signed {
    /// Reads a SET OF Attribute in definite lengths. An attribute that stands there twice is refused (RFC 5652, 11).
    pub(crate) fn read(set: &Element<'_>) -> Result<Self, Fault> {
        let mut signed = Self::default();
        let mut seen: Vec<&[u8]> = Vec::new();
        let mut reader = set.reader();
        while let Some(element) = reader.next()? {
            let (id, values) = attribute(&element)?;
            if seen.contains(&id) {
                return Err(Fault::Trailing(
                    "signedAttrs: doppeltes Attribut / repeated attribute",
                ));
            }
            if seen.len() >= ATTRIBUTES_MAX {
                return Err(Fault::TooLarge("signedAttrs"));
            }
            seen.push(id);
            signed.take(id, &values)?;
        }
        Ok(signed)
    }

    fn take(&mut self, id: &[u8], values: &Element<'_>) -> Result<(), Fault> {
        match id {
            oid::CONTENT_TYPE => {
                self.content_type = Some(value(values, ber::OID, "contentType")?.content.to_vec());
            }
            oid::MESSAGE_DIGEST => {
                self.digest = Some(
                    value(values, ber::OCTET_STRING, "messageDigest")?
                        .content
                        .to_vec(),
                );
            }
            oid::SIGNING_TIME => {
                let mut reader = values.reader();
                self.signing_time = Some(time(&reader.any("signingTime")?)?);
                reader.end("signingTime")?;
            }
            oid::SIGNING_CERTIFICATE_V2 => {
                self.certificate = Some(certificate_hash(
                    &value(values, ber::SEQUENCE, "signingCertificateV2")?,
                    false,
                )?);
            }
            oid::SIGNING_CERTIFICATE if self.certificate.is_none() => {
                self.certificate = Some(certificate_hash(
                    &value(values, ber::SEQUENCE, "signingCertificate")?,
                    true,
                )?);
            }
            oid::ALGORITHM_PROTECTION => {
                let mut reader = value(values, ber::SEQUENCE, "CMSAlgorithmProtection")?.reader();
                let digest = reader.expect(ber::SEQUENCE, "digestAlgorithm")?.whole.to_vec();
                let signature = reader
                    .expect(ber::context(1), "signatureAlgorithm")?
                    .content
                    .to_vec();
                self.algorithms = Some((digest, signature));
            }
            oid::RECIPIENT_EMAILS => self.recipients = Some(recipient_emails(values)?),
            _ => {}
        }
        Ok(())
    }
}

/// The single value of an attribute.
fn value<'a>(values: &Element<'a>, tag: u8, what: &'static str) -> Result<Element<'a>, Fault> {
    let mut reader = values.reader();
    let value = reader.expect(tag, what)?;
    reader.end(what)?;
    Ok(value)
}

/// The first certificate's hash of a SigningCertificate or SigningCertificateV2.
fn certificate_hash(value: &Element<'_>, first_version: bool) -> Result<CertificateHash, Fault> {
    const WHAT: &str = "signingCertificate";
    let mut first = value
        .reader()
        .expect(ber::SEQUENCE, WHAT)?
        .reader()
        .expect(ber::SEQUENCE, WHAT)?
        .reader();
    let algorithm = if first_version {
        None
    } else {
        first.optional(ber::SEQUENCE)?
    };
    let hash = first.expect(ber::OCTET_STRING, WHAT)?.content.to_vec();
    if first_version {
        return Ok(CertificateHash::Sha1(hash));
    }
    let id = match algorithm {
        None => oid::SHA256, // its default
        Some(algorithm) => Reader::new(algorithm.content).expect(ber::OID, WHAT)?.content,
    };
    Ok(match id {
        oid::SHA256 => CertificateHash::Sha256(hash),
        oid::SHA384 => CertificateHash::Sha384(hash),
        oid::SHA512 => CertificateHash::Sha512(hash),
        _ => CertificateHash::Unknown,
    })
}
