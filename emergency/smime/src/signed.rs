//! SignedData (RFC 5652) as CAdES uses it: read, and checked against what it signs.

use vocabulary::Timestamp;

use crate::{
    Certificate, CertificateId, Checks, Finding, PathFault,
    algorithm::{Hash, Method},
    attributes::{CertificateHash, Signed, attribute},
    ber::{self, Element, Fault, Pieces, Reader},
    enveloped::content,
    oid,
};

/// Most signatures that are checked on one document.
const SIGNERS_MAX: usize = 16;
/// Most certificates that are read from one document.
const CERTIFICATES_MAX: usize = 64;
/// Most revocation answers that are taken from one document.
const ANSWERS_MAX: usize = 64;
/// Largest SignerInfo, in bytes; `recipient-emails` for ten thousand recipients fits.
const SIGNER_BYTES_MAX: usize = 8 << 20;

/// Whoever signed, and what is to say about the signature.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signer {
    /// The signer's certificate; none if it is not in the message.
    pub certificate: Option<Certificate>,
    /// When the signer says it signed.
    pub signing_time: Option<Timestamp>,
    /// What is not as it should be. Empty: intact, trusted, status known.
    pub findings: Vec<Finding>,
}

/// A signed document, read.
#[derive(Debug)]
pub(crate) struct SignedData {
    content_type: Vec<u8>,
    /// The pieces of the content; none if it is not inside.
    pub(crate) content: Option<Pieces>,
    certificates: Vec<Certificate>,
    /// OCSP responses that came with it (DER).
    answers: Vec<Vec<u8>>,
    infos: Vec<Info>,
}

#[derive(Debug)]
struct Info {
    id: Option<CertificateId>,
    digest: Option<Hash>,
    /// digestAlgorithm, whole, and the content of signatureAlgorithm, as they stand there.
    algorithms: (Vec<u8>, Vec<u8>),
    method: Method,
    /// The signed attributes as SET, and what they say; none if there are none.
    signed: Option<(Vec<u8>, Signed)>,
    signature: Vec<u8>,
}

impl SignedData {
    /// Reads `bytes`, which are one ContentInfo.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let mut reader = content(bytes, oid::SIGNED_DATA, "signedData")?;
        reader.expect(ber::INTEGER, "version")?;
        reader.expect(ber::SET, "digestAlgorithms")?;
        let mut inner = reader.expect(ber::SEQUENCE, "encapContentInfo")?.reader();
        let content_type = inner.expect(ber::OID, "eContentType")?.content.to_vec();
        let content = match inner.optional(ber::context(0))? {
            None => None,
            Some(wrapper) => {
                let mut wrapper = wrapper.reader();
                let string = wrapper.any("eContent")?;
                if string.tag & !ber::CONSTRUCTED != ber::OCTET_STRING {
                    return Err(Fault::Expected("eContent"));
                }
                wrapper.end("eContent")?;
                Some(Pieces::of(&string))
            }
        };
        let mut data = Self {
            content_type,
            content,
            certificates: Vec::new(),
            answers: Vec::new(),
            infos: Vec::new(),
        };
        if let Some(set) = reader.optional(ber::context(0))? {
            data.certificates(&set)?;
        }
        if let Some(set) = reader.optional(ber::context(1))? {
            data.revocation(&set)?;
        }
        let mut infos = reader.expect(ber::SET, "signerInfos")?.reader();
        reader.end("SignedData")?;
        while let Some(info) = infos.next()? {
            if data.infos.len() >= SIGNERS_MAX {
                return Err(Fault::TooLarge("signerInfos"));
            }
            let info = data.info(&info)?;
            data.infos.push(info);
        }
        Ok(data)
    }

    fn certificates(&mut self, set: &Element<'_>) -> Result<(), Fault> {
        let mut reader = set.reader();
        while let Some(certificate) = reader.next()? {
            if certificate.tag != ber::SEQUENCE {
                continue; // attribute certificates and other forms speak about nobody here
            }
            if self.certificates.len() >= CERTIFICATES_MAX {
                return Err(Fault::TooLarge("certificates"));
            }
            self.certificates.push(Certificate::from_der(certificate.whole)?);
        }
        Ok(())
    }

    /// `crls`: OCSP responses as RFC 5940 puts them there (`[1]`, id-ri-ocsp-response). Lists are taken from our own store.
    fn revocation(&mut self, set: &Element<'_>) -> Result<(), Fault> {
        let mut reader = set.reader();
        while let Some(other) = reader.next()? {
            if other.tag != ber::context(1) || self.answers.len() >= ANSWERS_MAX {
                continue;
            }
            let mut other = other.reader();
            if other.expect(ber::OID, "otherRevInfoFormat")?.content == oid::OCSP_RESPONSE {
                self.answers.push(other.any("otherRevInfo")?.whole.to_vec());
            }
        }
        Ok(())
    }

    fn info(&mut self, element: &Element<'_>) -> Result<Info, Fault> {
        let bytes = ber::definite(element.whole, "SignerInfo", SIGNER_BYTES_MAX)?;
        let mut reader = ber::single(&bytes, ber::SEQUENCE, "SignerInfo")?.reader();
        reader.expect(ber::INTEGER, "version")?;
        let sid = reader.any("sid")?;
        let id = (sid.tag == ber::SEQUENCE)
            .then(|| CertificateId::read(&sid))
            .transpose()?;
        let digest_algorithm = reader.expect(ber::SEQUENCE, "digestAlgorithm")?;
        let signed = match reader.optional(ber::context(0))? {
            None => None,
            Some(set) => {
                let mut bytes = set.whole.to_vec();
                if let Some(tag) = bytes.first_mut() {
                    *tag = ber::SET; // signed is the SET, not the [0] (RFC 5652, 5.4)
                }
                let signed = Signed::read(&set)?;
                Some((bytes, signed))
            }
        };
        let signature_algorithm = reader.expect(ber::SEQUENCE, "signatureAlgorithm")?;
        let signature = reader.expect(ber::OCTET_STRING, "signature")?.content.to_vec();
        if let Some(unsigned) = reader.optional(ber::context(1))? {
            self.unsigned(&unsigned)?;
        }
        reader.end("SignerInfo")?;
        let digest = Hash::read(&digest_algorithm)?;
        Ok(Info {
            id,
            digest,
            algorithms: (
                digest_algorithm.whole.to_vec(),
                signature_algorithm.content.to_vec(),
            ),
            method: Method::read(&signature_algorithm, digest)?,
            signed,
            signature,
        })
    }

    /// Unsigned attributes: BasicOCSPResponses among the revocation values of CAdES. What cannot be read is left out,
    /// since nobody signed it.
    fn unsigned(&mut self, set: &Element<'_>) -> Result<(), Fault> {
        let mut reader = set.reader();
        while let Some(element) = reader.next()? {
            let Ok((oid::REVOCATION_VALUES, values)) = attribute(&element) else {
                continue;
            };
            let mut values = values.reader();
            while let Some(value) = values.next()? {
                let mut fields = value.reader();
                fields.optional(ber::context(0))?;
                let Some(list) = fields.optional(ber::context(1))? else {
                    continue;
                };
                let mut list = ber::single(list.content, ber::SEQUENCE, "ocspVals")?.reader();
                while let Some(answer) = list.next()? {
                    if self.answers.len() < ANSWERS_MAX {
                        self.answers.push(answer.whole.to_vec());
                    }
                }
            }
        }
        Ok(())
    }

    /// Checks every signature over the content, which lies in `bytes`, the ones given to [`SignedData::read`].
    ///
    /// # Errors
    /// If the content is not inside or its pieces cannot be read.
    pub(crate) fn check(&self, bytes: &[u8], checks: &Checks<'_>) -> Result<Vec<(Signer, Signed)>, Fault> {
        let content = self.content.as_ref().ok_or(Fault::Expected("eContent"))?;
        let mut digests: Vec<(Hash, aws_lc_rs::digest::Digest)> = Vec::new();
        let mut signers = Vec::new();
        for info in &self.infos {
            if let Some(hash) = info.digest
                && digests.iter().all(|(known, _)| *known != hash)
            {
                let mut context = hash.context();
                let mut pieces = content.clone();
                while let Some(piece) = pieces.next(bytes)? {
                    context.update(bytes.get(piece).ok_or(Fault::Truncated)?);
                }
                digests.push((hash, context.finish()));
            }
            let digest = digests
                .iter()
                .find(|(hash, _)| Some(*hash) == info.digest)
                .map(|(_, digest)| digest.as_ref());
            signers.push(self.judge(info, digest, checks));
        }
        Ok(signers)
    }

    fn judge(&self, info: &Info, digest: Option<&[u8]>, checks: &Checks<'_>) -> (Signer, Signed) {
        let certificate = info.id.as_ref().and_then(|id| {
            self.certificates
                .iter()
                .find(|certificate| certificate.id() == id)
        });
        let mut signer = Signer {
            certificate: certificate.cloned(),
            signing_time: info.signed.as_ref().and_then(|(_, signed)| signed.signing_time),
            findings: Vec::new(),
        };
        let Some((attributes, signed)) = &info.signed else {
            signer
                .findings
                .push(Finding::Format(Fault::Expected("signedAttrs")));
            return (signer, Signed::default());
        };
        let findings = &mut signer.findings;
        let Some(certificate) = certificate else {
            findings.push(Finding::Format(Fault::Expected(
                "Zertifikat des Unterzeichners / the signer's certificate",
            )));
            return (signer, signed.clone());
        };
        let mut fits = true;
        if digest.is_some() && signed.digest.as_deref() != digest {
            findings.push(Finding::ContentDiffers);
            fits = false;
        }
        if signed.content_type.as_deref() != Some(&self.content_type) {
            findings.push(Finding::Format(Fault::Expected("contentType")));
        }
        findings.extend(named_certificate(signed, certificate));
        if signed
            .algorithms
            .as_ref()
            .is_some_and(|algorithms| *algorithms != info.algorithms)
        {
            findings.push(Finding::AlgorithmsDiffer);
        }
        match info.method.verifier(certificate) {
            Some(verifier) => {
                let (_, key) = certificate.key_parts().unwrap_or_default();
                let right = |message: &[u8]| verifier.verify_signature(key, message, &info.signature).is_ok();
                if !right(attributes) && !sorted(attributes).is_ok_and(|set| right(&set)) {
                    findings.push(Finding::SignatureWrong);
                    fits = false;
                }
            }
            None => findings.push(Finding::NotCheckable(in_words(&info.method, certificate))),
        }
        if !certificate.may_sign() {
            findings.push(Finding::Path(PathFault::Usage));
        }
        if fits {
            let signing_time = signed.signing_time.unwrap_or(checks.received);
            findings.extend(
                checks
                    .trust
                    .judge(certificate, signing_time, checks.received, &self.answers),
            );
        }
        (signer, signed.clone())
    }
}

/// Whether the certificate is the one the signer named under the signature (CAdES: it must be named).
fn named_certificate(signed: &Signed, certificate: &Certificate) -> Option<Finding> {
    use aws_lc_rs::digest;
    let (algorithm, expected) = match &signed.certificate {
        None => return Some(Finding::Format(Fault::Expected("signingCertificateV2"))),
        Some(CertificateHash::Unknown) => {
            return Some(Finding::NotCheckable("signingCertificateV2".into()));
        }
        Some(CertificateHash::Sha1(hash)) => (&digest::SHA1_FOR_LEGACY_USE_ONLY, hash),
        Some(CertificateHash::Sha256(hash)) => (&digest::SHA256, hash),
        Some(CertificateHash::Sha384(hash)) => (&digest::SHA384, hash),
        Some(CertificateHash::Sha512(hash)) => (&digest::SHA512, hash),
    };
    (digest::digest(algorithm, certificate.der()).as_ref() != expected).then_some(Finding::CertificateDiffers)
}

/// The attributes in DER's order: some signers sign that order and write another.
fn sorted(set: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut reader = Reader::new(set).any("signedAttrs")?.reader();
    let mut parts = Vec::new();
    while let Some(part) = reader.next()? {
        parts.push(part.whole.to_vec());
    }
    Ok(crate::der::set(parts))
}

fn in_words(method: &Method, certificate: &Certificate) -> String {
    let key = certificate
        .key_parts()
        .ok()
        .and_then(|(algorithm, _)| {
            let mut reader = Reader::new(algorithm);
            let mut ids = Vec::new();
            while let Ok(Some(element)) = reader.next() {
                if element.tag == ber::OID {
                    ids.push(oid::text(element.content));
                }
            }
            (!ids.is_empty()).then(|| ids.join(" "))
        })
        .unwrap_or_else(|| "?".into());
    match method {
        Method::Known(scheme, hash) => format!("{scheme:?} {hash:?} ({key})"),
        Method::Unknown(name) => format!("{name} ({key})"),
    }
}
