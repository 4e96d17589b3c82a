//! Whom we trust: anchors, helpers on the path, and what is known about revocation. All of it is an input.
//!
//! Paths are built by rustls-webpki at the time the signature says it was made. Checked besides: that the anchor itself
//! was valid then, and that the signing time does not lie after the receipt.

use std::time::Duration;

use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use vocabulary::{Seconds, Timestamp};
use webpki::{
    BorrowedCertRevocationList, CertRevocationList, EndEntityCert, Error as PathError, ExpirationPolicy,
    KeyUsage, RevocationCheckDepth, RevocationOptionsBuilder, UnknownStatusPolicy,
};

use crate::{
    Certificate, Doubt, Finding, PathFault,
    algorithm::FOR_CERTIFICATES,
    ber::{self, Fault},
    certificate::{pem, time},
    ocsp::{self, Answer, Status},
};

/// How far a sender's clock may run ahead of ours.
const CLOCK_SKEW: Seconds = Seconds(5 * 60);
/// id-kp-emailProtection: what a certificate must allow if it limits its purposes at all.
const EMAIL_PROTECTION: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 4];

/// Certificates, lists and answers a signature is judged by.
#[derive(Debug, Default)]
pub struct TrustStore {
    anchors: Vec<Certificate>,
    anchors_for_paths: Vec<TrustAnchor<'static>>,
    helpers: Vec<Certificate>,
    helpers_for_paths: Vec<CertificateDer<'static>>,
    /// Newest first.
    lists: Vec<List>,
    answers: Vec<Answer>,
}

#[derive(Debug)]
struct List {
    issued: Timestamp,
    list: CertRevocationList<'static>,
}

/// Why something cannot be put into the store.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unusable {
    /// Its bytes cannot be read.
    #[error(transparent)]
    Bytes(#[from] Fault),
    /// The library that builds paths does not take it.
    #[error("nicht verwendbar: {0} / cannot be used: {0}")]
    Path(String),
}

/// The answer of one source about one certificate.
enum Word {
    Good,
    Revoked(Timestamp),
    Silent(Doubt),
}

impl TrustStore {
    /// Adds a certificate that is trusted by itself.
    ///
    /// # Errors
    /// If it cannot be an anchor.
    pub fn trust(&mut self, certificate: Certificate) -> Result<(), Unusable> {
        let der = CertificateDer::from(certificate.der());
        let anchor = webpki::anchor_from_trusted_cert(&der)
            .map_err(|cause| Unusable::Path(cause.to_string()))?
            .to_owned();
        self.anchors_for_paths.push(anchor);
        self.anchors.push(certificate);
        Ok(())
    }

    /// Adds a certificate that may stand between an anchor and a signer. It is not trusted by itself.
    pub fn help(&mut self, certificate: Certificate) {
        self.helpers_for_paths
            .push(CertificateDer::from(certificate.der()).into_owned());
        self.helpers.push(certificate);
    }

    /// Adds a revocation list (DER or PEM). Its signature is checked when it is used.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn add_list(&mut self, bytes: &[u8]) -> Result<(), Unusable> {
        let blocks = pem(bytes, "X509 CRL", 1)?;
        let der = blocks.first().map_or(bytes, Vec::as_slice);
        let mut outer = ber::single(der, ber::SEQUENCE, "CertificateList")?.reader();
        let mut body = outer.expect(ber::SEQUENCE, "TBSCertList")?.reader();
        body.optional(ber::INTEGER)?;
        body.expect(ber::SEQUENCE, "signature")?;
        body.expect(ber::SEQUENCE, "issuer")?;
        let issued = time(&body.any("thisUpdate")?)?;
        let list = BorrowedCertRevocationList::from_der(der)
            .and_then(|list| list.to_owned())
            .map_err(|cause| Unusable::Path(cause.to_string()))?;
        let at = self.lists.partition_point(|other| other.issued > issued);
        self.lists.insert(
            at,
            List {
                issued,
                list: list.into(),
            },
        );
        Ok(())
    }

    /// Adds an OCSP response (DER). Its signature is checked when it is used.
    ///
    /// # Errors
    /// If it cannot be read or answers nothing.
    pub fn add_answer(&mut self, bytes: &[u8]) -> Result<(), Unusable> {
        self.answers.push(Answer::read(bytes)?);
        Ok(())
    }

    /// How many anchors there are. Without one, nothing is trusted.
    #[must_use]
    pub const fn anchors(&self) -> usize {
        self.anchors.len()
    }

    /// Judges a signer's certificate: path and validity when it signed, revocation until we received it.
    pub(crate) fn judge(
        &self,
        certificate: &Certificate,
        signed: Timestamp,
        received: Timestamp,
        embedded: &[Vec<u8>],
    ) -> Vec<Finding> {
        if signed > received.plus(CLOCK_SKEW) {
            return vec![Finding::Path(PathFault::Future(signed))];
        }
        let der = CertificateDer::from(certificate.der());
        let end = match EndEntityCert::try_from(&der) {
            Ok(end) => end,
            Err(cause) => return vec![Finding::Path(PathFault::Other(cause.to_string()))],
        };
        let issuer = match self.path(&end, certificate, signed) {
            Ok(issuer) => issuer,
            Err(finding) => return vec![finding],
        };
        if self.issuer_revoked(&end, signed) {
            return vec![Finding::Path(PathFault::IssuerRevoked)];
        }
        self.status(&end, certificate, issuer.as_ref(), signed, received, embedded)
            .into_iter()
            .collect()
    }

    /// The issuer's certificate at the end of a good path.
    fn path(
        &self,
        end: &EndEntityCert<'_>,
        certificate: &Certificate,
        signed: Timestamp,
    ) -> Result<Option<Certificate>, Finding> {
        let path = end
            .verify_for_usage(
                FOR_CERTIFICATES,
                &self.anchors_for_paths,
                &self.helpers_for_paths,
                unix(signed),
                KeyUsage::required_if_present(EMAIL_PROTECTION),
                None,
                None,
            )
            .map_err(|cause| named(&cause, certificate, signed))?;
        let anchor = path.anchor();
        let valid = self
            .anchors
            .iter()
            .zip(&self.anchors_for_paths)
            .filter(|(_, known)| {
                known.subject == anchor.subject
                    && known.subject_public_key_info == anchor.subject_public_key_info
            })
            .find(|(certificate, _)| {
                let (first, last) = certificate.validity();
                (first..=last).contains(&signed)
            });
        let Some((anchor, _)) = valid else {
            return Err(Finding::Path(PathFault::Issuer(signed)));
        };
        let issuer = match path.intermediate_certificates().next() {
            Some(between) => self.helpers.iter().find(|helper| helper.der() == &*between.der()),
            None => Some(anchor),
        };
        Ok(issuer.cloned())
    }

    /// Whether a list we have revokes a certificate authority on the path. Without a list about it, it is not revoked.
    fn issuer_revoked(&self, end: &EndEntityCert<'_>, signed: Timestamp) -> bool {
        matches!(
            self.with_lists(
                end,
                signed,
                RevocationCheckDepth::Chain,
                UnknownStatusPolicy::Allow
            ),
            Some(Err(PathError::CertRevoked))
        ) && !matches!(
            self.with_lists(
                end,
                signed,
                RevocationCheckDepth::EndEntity,
                UnknownStatusPolicy::Allow
            ),
            Some(Err(PathError::CertRevoked))
        )
    }

    fn with_lists(
        &self,
        end: &EndEntityCert<'_>,
        signed: Timestamp,
        depth: RevocationCheckDepth,
        unknown: UnknownStatusPolicy,
    ) -> Option<Result<(), PathError>> {
        let lists: Vec<&CertRevocationList<'_>> = self.lists.iter().map(|list| &list.list).collect();
        let options = RevocationOptionsBuilder::new(&lists)
            .ok()?
            .with_depth(depth)
            .with_status_policy(unknown)
            .with_expiration_policy(ExpirationPolicy::Enforce)
            .build();
        let verified = end.verify_for_usage(
            FOR_CERTIFICATES,
            &self.anchors_for_paths,
            &self.helpers_for_paths,
            unix(signed),
            KeyUsage::required_if_present(EMAIL_PROTECTION),
            Some(options),
            None,
        );
        Some(verified.map(|_| ()))
    }

    /// What lists and answers say about the signer's own certificate. Any word of revocation counts; one good word is
    /// needed to know the status.
    fn status(
        &self,
        end: &EndEntityCert<'_>,
        certificate: &Certificate,
        issuer: Option<&Certificate>,
        signed: Timestamp,
        received: Timestamp,
        embedded: &[Vec<u8>],
    ) -> Option<Finding> {
        let mut words = vec![self.list_word(end, certificate, signed)];
        if let Some(issuer) = issuer {
            let brought: Vec<Answer> = embedded
                .iter()
                .filter_map(|bytes| Answer::read(bytes).ok())
                .collect();
            for answer in self.answers.iter().chain(&brought) {
                match answer.about(certificate, issuer, &self.anchors, signed) {
                    None => {}
                    Some(Ok(Status::Good)) => words.push(Word::Good),
                    Some(Ok(Status::Revoked(since))) => words.push(Word::Revoked(since)),
                    Some(Ok(Status::Unknown)) => words.push(Word::Silent(Doubt::NothingKnown)),
                    Some(Err(ocsp::Unfit::Outdated)) => words.push(Word::Silent(Doubt::Outdated)),
                    Some(Err(ocsp::Unfit::Unsigned)) => {
                        words.push(Word::Silent(Doubt::Uncheckable("OCSP".into())));
                    }
                }
            }
        }
        weigh(words, signed, received)
    }

    fn list_word(&self, end: &EndEntityCert<'_>, certificate: &Certificate, signed: Timestamp) -> Word {
        match self.with_lists(
            end,
            signed,
            RevocationCheckDepth::EndEntity,
            UnknownStatusPolicy::Deny,
        ) {
            None | Some(Err(PathError::UnknownRevocationStatus)) => Word::Silent(Doubt::NothingKnown),
            Some(Ok(())) => Word::Good,
            Some(Err(PathError::CertRevoked)) => Word::Revoked(self.revoked_since(certificate)),
            Some(Err(PathError::CrlExpired { .. })) => Word::Silent(Doubt::Outdated),
            Some(Err(cause)) => Word::Silent(Doubt::Uncheckable(cause.to_string())),
        }
    }

    /// The earliest time a list names for this certificate; the beginning of time if the entry cannot be read.
    fn revoked_since(&self, certificate: &Certificate) -> Timestamp {
        let Ok(issuer) = ber::single(certificate.id().issuer(), ber::SEQUENCE, "issuer") else {
            return Timestamp(i64::MIN);
        };
        let plain = certificate.id().serial(); // lists keep the zero that stands before a high bit
        let padded = [&[0], plain].concat();
        self.lists
            .iter()
            .filter(|list| list.list.issuer() == issuer.content)
            .flat_map(|list| [list.list.find_serial(plain), list.list.find_serial(&padded)])
            .filter_map(|entry| entry.ok().flatten())
            .map(|entry| {
                let earliest = entry
                    .invalidity_date
                    .map_or(entry.revocation_date, |date| date.min(entry.revocation_date));
                Timestamp(i64::try_from(earliest.as_secs()).unwrap_or(i64::MAX))
            })
            .min()
            .unwrap_or(Timestamp(i64::MIN))
    }
}

fn weigh(words: Vec<Word>, signed: Timestamp, received: Timestamp) -> Option<Finding> {
    let mut good = false;
    let mut doubt = Doubt::NothingKnown;
    let mut revoked: Option<Timestamp> = None;
    for word in words {
        match word {
            Word::Good => good = true,
            Word::Revoked(since) => revoked = Some(revoked.map_or(since, |other| other.min(since))),
            Word::Silent(Doubt::NothingKnown) => {}
            Word::Silent(other) => doubt = other,
        }
    }
    match revoked {
        Some(since) if since <= signed => Some(Finding::Path(PathFault::Revoked(since))),
        Some(since) if since <= received => Some(Finding::StatusUnknown(Doubt::RevokedMeanwhile(since))),
        Some(_) => None, // we had the mail before the certificate was revoked
        None if good => None,
        None => Some(Finding::StatusUnknown(doubt)),
    }
}

/// webpki's reason in our words.
fn named(cause: &PathError, certificate: &Certificate, signed: Timestamp) -> Finding {
    let (first, last) = certificate.validity();
    if !(first..=last).contains(&signed) {
        return Finding::Path(PathFault::Validity(signed));
    }
    if matches!(
        cause,
        PathError::CertExpired { .. } | PathError::CertNotValidYet { .. }
    ) {
        return Finding::Path(PathFault::Issuer(signed));
    }
    if matches!(cause, PathError::UnknownIssuer) {
        return Finding::Path(PathFault::Unknown);
    }
    if matches!(
        cause,
        PathError::UnsupportedSignatureAlgorithmContext(_)
            | PathError::UnsupportedSignatureAlgorithmForPublicKeyContext(_)
    ) {
        return Finding::NotCheckable(cause.to_string());
    }
    if matches!(cause, PathError::RequiredEkuNotFoundContext(_)) {
        return Finding::Path(PathFault::Usage);
    }
    Finding::Path(PathFault::Other(cause.to_string()))
}

pub(crate) fn unix(at: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(at.0).unwrap_or(0)))
}
