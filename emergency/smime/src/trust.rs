//! Whom we trust: anchors, helpers on the path, and what is known about revocation. All of it is an input.
//!
//! Paths are built by rustls-webpki at the time the signature says it was made. Checked besides: that the anchor itself
//! was valid then, and that the signing time does not lie after the receipt.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

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
/// Most certificates whose path is remembered; then all are forgotten.
const KNOWN_MAX: usize = 10_000;
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
    /// What was found out about certificates, by their SHA-256: signatures on a path do not change with time.
    known: Mutex<HashMap<[u8; 32], Known>>,
}

/// What holds for a certificate at any time inside its path's validity.
#[derive(Clone, Debug)]
struct Known {
    /// When every certificate of the path is valid.
    valid: (Timestamp, Timestamp),
    issuer: Certificate,
    issuer_revoked: bool,
    lists: Listed,
}

/// What the lists say about a certificate.
#[derive(Clone, Debug)]
enum Listed {
    NoList,
    Revoked(Timestamp),
    /// Not on a list that holds until then.
    Absent(Timestamp),
    Uncheckable(String),
}

#[derive(Debug)]
struct List {
    issued: Timestamp,
    holds_until: Timestamp,
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
        self.forget();
        Ok(())
    }

    /// Adds a certificate that may stand between an anchor and a signer. It is not trusted by itself.
    pub fn help(&mut self, certificate: Certificate) {
        self.helpers_for_paths
            .push(CertificateDer::from(certificate.der()).into_owned());
        self.helpers.push(certificate);
        self.forget();
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
        let holds_until = time(&body.any("nextUpdate")?)?;
        let list = BorrowedCertRevocationList::from_der(der)
            .and_then(|list| list.to_owned())
            .map_err(|cause| Unusable::Path(cause.to_string()))?;
        let at = self.lists.partition_point(|other| other.issued > issued);
        let list = List {
            issued,
            holds_until,
            list: list.into(),
        };
        self.lists.insert(at, list);
        self.forget();
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
        let known = match self.known(certificate, signed) {
            Ok(known) => known,
            Err(finding) => return vec![finding],
        };
        if known.issuer_revoked {
            return vec![Finding::Path(PathFault::IssuerRevoked)];
        }
        let mut words = vec![match known.lists {
            Listed::NoList => Word::Silent(Doubt::NothingKnown),
            Listed::Revoked(since) => Word::Revoked(since),
            Listed::Absent(until) if until < signed => Word::Silent(Doubt::Outdated),
            Listed::Absent(_) => Word::Good,
            Listed::Uncheckable(why) => Word::Silent(Doubt::Uncheckable(why)),
        }];
        let brought: Vec<Answer> = embedded
            .iter()
            .filter_map(|bytes| Answer::read(bytes).ok())
            .collect();
        for answer in self.answers.iter().chain(&brought) {
            words.extend(self.answered(answer, certificate, &known.issuer, signed));
        }
        weigh(words, signed, received).into_iter().collect()
    }

    /// What an OCSP answer says; none if it does not speak about the certificate.
    fn answered(
        &self,
        answer: &Answer,
        certificate: &Certificate,
        issuer: &Certificate,
        signed: Timestamp,
    ) -> Option<Word> {
        Some(match answer.about(certificate, issuer, &self.anchors, signed)? {
            Ok(Status::Good) => Word::Good,
            Ok(Status::Revoked(since)) => Word::Revoked(since),
            Ok(Status::Unknown) => Word::Silent(Doubt::NothingKnown),
            Err(ocsp::Unfit::Outdated) => Word::Silent(Doubt::Outdated),
            Err(ocsp::Unfit::Unsigned) => Word::Silent(Doubt::Uncheckable("OCSP".into())),
        })
    }

    fn forget(&mut self) {
        self.known
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// What is remembered about a certificate, or is found out now.
    fn known(&self, certificate: &Certificate, signed: Timestamp) -> Result<Known, Finding> {
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, certificate.der());
        let name: Option<[u8; 32]> = hash.as_ref().try_into().ok();
        let remembered = name.and_then(|name| {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.get(&name).cloned()
        });
        if let Some(known) = remembered
            && (known.valid.0..=known.valid.1).contains(&signed)
        {
            return Ok(known);
        }
        let der = CertificateDer::from(certificate.der());
        let end = EndEntityCert::try_from(&der)
            .map_err(|cause| Finding::Path(PathFault::Other(cause.to_string())))?;
        let found = self.find_out(&end, certificate, signed)?;
        if let Some(name) = name {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= KNOWN_MAX {
                known.clear();
            }
            known.insert(name, found.clone());
        }
        Ok(found)
    }

    /// Builds the path at the time of signing, and asks every list.
    fn find_out(
        &self,
        end: &EndEntityCert<'_>,
        certificate: &Certificate,
        signed: Timestamp,
    ) -> Result<Known, Finding> {
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
        let anchor = self
            .anchors
            .iter()
            .zip(&self.anchors_for_paths)
            .filter(|(_, known)| {
                known.subject == anchor.subject
                    && known.subject_public_key_info == anchor.subject_public_key_info
            })
            .map(|(certificate, _)| certificate)
            .find(|certificate| {
                let (first, last) = certificate.validity();
                (first..=last).contains(&signed)
            })
            .ok_or(Finding::Path(PathFault::Issuer(signed)))?;
        let between: Vec<&Certificate> = path
            .intermediate_certificates()
            .filter_map(|step| self.helpers.iter().find(|helper| helper.der() == &*step.der()))
            .collect();
        let (mut first, mut last) = certificate.validity();
        for step in between.iter().copied().chain([anchor]) {
            let (from, to) = step.validity();
            (first, last) = (first.max(from), last.min(to));
        }
        let lists = self.listed(end, certificate, signed);
        let all: Vec<&CertRevocationList<'_>> = self.lists.iter().map(|list| &list.list).collect();
        let chain = self.ask(
            end,
            &all,
            signed,
            RevocationCheckDepth::Chain,
            UnknownStatusPolicy::Allow,
        );
        Ok(Known {
            valid: (first, last),
            issuer: between.first().copied().unwrap_or(anchor).clone(),
            issuer_revoked: matches!(chain, Some(Err(PathError::CertRevoked)))
                && !matches!(lists, Listed::Revoked(_)),
            lists,
        })
    }

    /// Asks each list of the certificate's issuer. Any word of revocation counts, even of an outdated list.
    fn listed(&self, end: &EndEntityCert<'_>, certificate: &Certificate, signed: Timestamp) -> Listed {
        let mut found = Listed::NoList;
        let Ok(issuer) = ber::single(certificate.id().issuer(), ber::SEQUENCE, "issuer") else {
            return found;
        };
        for list in self
            .lists
            .iter()
            .filter(|list| list.list.issuer() == issuer.content)
        {
            let depth = RevocationCheckDepth::EndEntity;
            let word = self.ask(end, &[&list.list], signed, depth, UnknownStatusPolicy::Deny);
            found = match (word, found) {
                (Some(Err(PathError::CertRevoked)), Listed::Revoked(other)) => {
                    Listed::Revoked(other.min(revoked_since(&list.list, certificate)))
                }
                (Some(Err(PathError::CertRevoked)), _) => {
                    Listed::Revoked(revoked_since(&list.list, certificate))
                }
                (Some(Ok(())), Listed::NoList | Listed::Uncheckable(_)) => Listed::Absent(list.holds_until),
                (Some(Ok(())), Listed::Absent(until)) => Listed::Absent(until.max(list.holds_until)),
                (Some(Err(PathError::UnknownRevocationStatus)) | None, found) => found,
                (Some(Err(cause)), Listed::NoList) => Listed::Uncheckable(cause.to_string()),
                (_, found) => found,
            };
        }
        found
    }

    /// webpki's word about a path and these lists, whatever their age; none without lists.
    fn ask(
        &self,
        end: &EndEntityCert<'_>,
        lists: &[&CertRevocationList<'_>],
        signed: Timestamp,
        depth: RevocationCheckDepth,
        unknown: UnknownStatusPolicy,
    ) -> Option<Result<(), PathError>> {
        let options = RevocationOptionsBuilder::new(lists)
            .ok()?
            .with_depth(depth)
            .with_status_policy(unknown)
            .with_expiration_policy(ExpirationPolicy::Ignore)
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
}

/// The earliest time a list names for this certificate; the beginning of time if the entry cannot be read.
fn revoked_since(list: &CertRevocationList<'_>, certificate: &Certificate) -> Timestamp {
    let plain = certificate.id().serial(); // lists keep the zero that stands before a high bit
    let padded = [&[0], plain].concat();
    [list.find_serial(plain), list.find_serial(&padded)]
        .into_iter()
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
