//! Answers of OCSP responders (RFC 6960), given as bytes: read, and checked for who may say so.
//!
//! An answer counts if the certificate's issuer signed it, or a responder whose certificate the issuer itself issued for
//! that purpose, or a responder whose very certificate lies among our anchors (as in a trust list of the TI).

use rustls_pki_types::CertificateDer;
use vocabulary::{Seconds, Timestamp};
use webpki::{EndEntityCert, KeyUsage};

use crate::{
    Certificate,
    algorithm::{FOR_CERTIFICATES, Hash, Method},
    ber::{self, Element, Fault},
    certificate::time,
    oid,
    trust::unix,
};

/// Largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Most single answers and certificates in one.
const ENTRIES_MAX: usize = 256;
/// How long an answer holds that names no end.
const HOLDS: Seconds = Seconds(24 * 3600);

/// What an answer says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Status {
    Good,
    Revoked(Timestamp),
    Unknown,
}

/// Why an answer about the certificate does not count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unfit {
    Outdated,
    /// Not signed by anybody who may answer, or not checkable.
    Unsigned,
}

/// A response, read but not yet believed.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    body: Vec<u8>,
    method: Method,
    signature: Vec<u8>,
    certificates: Vec<Certificate>,
    produced: Timestamp,
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    hash: &'static aws_lc_rs::digest::Algorithm,
    issuer_name: Vec<u8>,
    issuer_key: Vec<u8>,
    serial: Vec<u8>,
    status: Status,
    holds_until: Timestamp,
}

impl Answer {
    /// Reads an OCSPResponse or a BasicOCSPResponse (DER).
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Fault> {
        if bytes.len() > ANSWER_BYTES_MAX {
            return Err(Fault::TooLarge("OCSPResponse"));
        }
        let mut outer = ber::single(bytes, ber::SEQUENCE, "OCSPResponse")?.reader();
        if outer.optional(ber::ENUMERATED)?.is_some() {
            let wrapper = outer.expect(ber::context(0), "responseBytes")?;
            let mut inner = ber::single(wrapper.content, ber::SEQUENCE, "responseBytes")?.reader();
            if inner.expect(ber::OID, "responseType")?.content != oid::OCSP_BASIC {
                return Err(Fault::Expected("id-pkix-ocsp-basic"));
            }
            return Self::basic(inner.expect(ber::OCTET_STRING, "response")?.content);
        }
        Self::basic(bytes)
    }

    fn basic(bytes: &[u8]) -> Result<Self, Fault> {
        let mut outer = ber::single(bytes, ber::SEQUENCE, "BasicOCSPResponse")?.reader();
        let body = outer.expect(ber::SEQUENCE, "tbsResponseData")?;
        let algorithm = outer.expect(ber::SEQUENCE, "signatureAlgorithm")?;
        let bits = outer.expect(ber::BIT_STRING, "signature")?.content;
        let mut certificates = Vec::new();
        if let Some(wrapper) = outer.optional(ber::context(0))? {
            let mut list = ber::single(wrapper.content, ber::SEQUENCE, "certs")?.reader();
            while let Some(certificate) = list.next()? {
                if certificates.len() >= ENTRIES_MAX {
                    return Err(Fault::TooLarge("certs"));
                }
                certificates.push(Certificate::from_der(certificate.whole)?);
            }
        }
        let mut fields = body.reader();
        fields.optional(ber::context(0))?;
        fields.any("responderID")?;
        let produced = time(&fields.any("producedAt")?)?;
        let mut list = fields.expect(ber::SEQUENCE, "responses")?.reader();
        let mut entries = Vec::new();
        while let Some(entry) = list.next()? {
            if entries.len() >= ENTRIES_MAX {
                return Err(Fault::TooLarge("responses"));
            }
            entries.extend(Entry::read(&entry)?);
        }
        Ok(Self {
            body: body.whole.to_vec(),
            method: method(&algorithm)?,
            signature: bits.get(1..).unwrap_or_default().to_vec(),
            certificates,
            produced,
            entries,
        })
    }

    /// What it says about a certificate; none if it does not speak about it.
    pub(crate) fn about(
        &self,
        certificate: &Certificate,
        issuer: &Certificate,
        anchors: &[Certificate],
        signed: Timestamp,
    ) -> Option<Result<Status, Unfit>> {
        let entry = self
            .entries
            .iter()
            .find(|entry| entry.names(certificate, issuer))?;
        if !self.is_signed(issuer, anchors) {
            return Some(Err(Unfit::Unsigned));
        }
        // A word of revocation stays true; a good one holds for its time.
        match entry.status {
            Status::Revoked(since) => Some(Ok(Status::Revoked(since))),
            Status::Good | Status::Unknown if entry.holds_until < signed => Some(Err(Unfit::Outdated)),
            Status::Good => Some(Ok(Status::Good)),
            Status::Unknown => Some(Ok(Status::Unknown)),
        }
    }

    fn is_signed(&self, issuer: &Certificate, anchors: &[Certificate]) -> bool {
        if self.signed_by(issuer) {
            return true;
        }
        self.certificates
            .iter()
            .filter(|responder| self.signed_by(responder))
            .any(|responder| anchors.contains(responder) || issued(responder, issuer, self.produced))
            || anchors
                .iter()
                .any(|anchor| anchor.may_answer_for_revocation() && self.signed_by(anchor))
    }

    fn signed_by(&self, certificate: &Certificate) -> bool {
        let Some(verifier) = self.method.verifier(certificate) else {
            return false;
        };
        certificate.key_parts().is_ok_and(|(_, key)| {
            verifier
                .verify_signature(key, &self.body, &self.signature)
                .is_ok()
        })
    }
}

/// Whether the issuer itself made this responder a responder, and it was valid when it answered.
fn issued(responder: &Certificate, issuer: &Certificate, produced: Timestamp) -> bool {
    let (responder_der, issuer_der) = (
        CertificateDer::from(responder.der()),
        CertificateDer::from(issuer.der()),
    );
    let (Ok(anchor), Ok(end)) = (
        webpki::anchor_from_trusted_cert(&issuer_der),
        EndEntityCert::try_from(&responder_der),
    ) else {
        return false;
    };
    end.verify_for_usage(
        FOR_CERTIFICATES,
        &[anchor],
        &[],
        unix(produced),
        KeyUsage::required(oid::OCSP_SIGNING),
        None,
        None,
    )
    .is_ok()
}

/// The signature's method; its hash is part of the algorithm's name or parameters.
fn method(algorithm: &Element<'_>) -> Result<Method, Fault> {
    for hash in [Hash::Sha256, Hash::Sha384, Hash::Sha512] {
        let method = Method::read(algorithm, Some(hash))?;
        if matches!(method, Method::Known(_, _)) {
            return Ok(method);
        }
    }
    Method::read(algorithm, None)
}

impl Entry {
    /// Reads a SingleResponse; none if it names the certificate by a hash we do not know.
    fn read(element: &Element<'_>) -> Result<Option<Self>, Fault> {
        let mut fields = element.reader();
        let mut id = fields.expect(ber::SEQUENCE, "certID")?.reader();
        let hash = id.expect(ber::SEQUENCE, "hashAlgorithm")?;
        let issuer_name = id.expect(ber::OCTET_STRING, "issuerNameHash")?.content.to_vec();
        let issuer_key = id.expect(ber::OCTET_STRING, "issuerKeyHash")?.content.to_vec();
        let serial = id.expect(ber::INTEGER, "serialNumber")?.content.to_vec();
        let status = fields.any("certStatus")?;
        let status = match status.tag {
            tag if tag == ber::context_primitive(0) => Status::Good,
            tag if tag == ber::context(1) => Status::Revoked(time(&status.reader().any("revocationTime")?)?),
            _ => Status::Unknown,
        };
        let issued = time(&fields.any("thisUpdate")?)?;
        let holds_until = match fields.optional(ber::context(0))? {
            Some(wrapper) => time(&wrapper.reader().any("nextUpdate")?)?,
            None => issued.plus(HOLDS),
        };
        let hash = match hash.reader().expect(ber::OID, "hashAlgorithm")?.content {
            oid::SHA1 => &aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY,
            oid::SHA256 => &aws_lc_rs::digest::SHA256,
            _ => return Ok(None),
        };
        Ok(Some(Self {
            hash,
            issuer_name,
            issuer_key,
            serial,
            status,
            holds_until,
        }))
    }

    fn names(&self, certificate: &Certificate, issuer: &Certificate) -> bool {
        let digest = |bytes: &[u8]| aws_lc_rs::digest::digest(self.hash, bytes);
        let Ok((_, key)) = issuer.key_parts() else {
            return false;
        };
        certificate.id().is_numbered(&self.serial)
            && digest(certificate.id().issuer()).as_ref() == self.issuer_name
            && digest(key).as_ref() == self.issuer_key
    }
}
