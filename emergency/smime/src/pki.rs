//! A certificate hierarchy for drills and tests: made while it runs, worth nothing outside, never written into the
//! project. Keys are RSA with 2,048 bits, as in KIM's RSA generation.

use aws_lc_rs::{
    encoding::AsDer as _,
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CustomExtension, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyUsagePurpose, PublicKeyData, RevokedCertParams,
    SerialNumber,
};
use time::OffsetDateTime;
use vocabulary::Timestamp;
use zeroize::Zeroizing;

use crate::{Certificate, CertificateId, FileKey, KeyUnreadable, ber, der};

/// Why a drill's certificate could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The library that writes certificates refused.
    #[error("Zertifikat nicht erzeugt / certificate not made")]
    Certificate(#[from] rcgen::Error),
    /// No key could be made.
    #[error("Schlüssel nicht erzeugt / key not made")]
    Key,
    /// A time that cannot be written.
    #[error("Zeit außerhalb des Kalenders / time outside the calendar")]
    Time,
    /// What was made cannot be read back.
    #[error("Erzeugtes nicht lesbar / what was made cannot be read")]
    Readable(#[from] ber::Fault),
}

/// A certificate authority of a drill.
pub struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, RsaKey>,
}

/// What a certificate is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// Like C.HCI.OSIG: signs for an organisation (nonRepudiation).
    Sign,
    /// Like C.HCI.ENC: mails are encrypted to it (keyEncipherment, dataEncipherment).
    Receive,
    /// Answers OCSP requests for its issuer.
    AnswerForRevocation,
}

/// What a certificate shall say.
#[derive(Clone, Debug)]
pub struct Order {
    /// Common name. Not a person's.
    pub name: String,
    /// Serial number, unique under its authority.
    pub serial: u64,
    /// First and last second.
    pub validity: (Timestamp, Timestamp),
    /// Profession OID and Telematik-ID of an admission (1.3.36.8.3.3), if it has one.
    pub admission: Option<(Vec<u64>, String)>,
}

/// A certificate and its private key.
pub struct Issued {
    /// The certificate.
    pub certificate: Certificate,
    /// The private key (PKCS#8, DER).
    pub pkcs8: Zeroizing<Vec<u8>>,
}

impl Issued {
    /// Both as a key that opens and signs.
    ///
    /// # Errors
    /// If they do not fit.
    pub fn key(&self) -> Result<FileKey, KeyUnreadable> {
        FileKey::new(&self.pkcs8, self.certificate.clone())
    }
}

impl Authority {
    /// A self-signed authority.
    ///
    /// # Errors
    /// [`Error`].
    pub fn root(order: &Order) -> Result<Self, Error> {
        let key = RsaKey::generate()?;
        let params = authority(order)?;
        let certificate = Certificate::from_der(params.self_signed(&key)?.der())?;
        Ok(Self {
            certificate,
            issuer: Issuer::new(params, key),
        })
    }

    /// An authority below this one.
    ///
    /// # Errors
    /// [`Error`].
    pub fn authority(&self, order: &Order) -> Result<Self, Error> {
        let key = RsaKey::generate()?;
        let params = authority(order)?;
        let certificate = Certificate::from_der(params.signed_by(&key, &self.issuer)?.der())?;
        Ok(Self {
            certificate,
            issuer: Issuer::new(params, key),
        })
    }

    /// A certificate for somebody, with a fresh key.
    ///
    /// # Errors
    /// [`Error`].
    pub fn issue(&self, order: &Order, purpose: Purpose) -> Result<Issued, Error> {
        let key = RsaKey::generate()?;
        let mut params = plain(order)?;
        params.use_authority_key_identifier_extension = true;
        match purpose {
            Purpose::Sign => params.key_usages.push(KeyUsagePurpose::ContentCommitment),
            Purpose::Receive => params.key_usages.extend([
                KeyUsagePurpose::KeyEncipherment,
                KeyUsagePurpose::DataEncipherment,
            ]),
            Purpose::AnswerForRevocation => {
                params.key_usages.push(KeyUsagePurpose::DigitalSignature);
                params
                    .extended_key_usages
                    .push(ExtendedKeyUsagePurpose::OcspSigning);
            }
        }
        if let Some((profession, telematik_id)) = &order.admission {
            params.custom_extensions.push(admission(profession, telematik_id));
        }
        let certificate = Certificate::from_der(params.signed_by(&key, &self.issuer)?.der())?;
        Ok(Issued {
            certificate,
            pkcs8: key.pkcs8()?,
        })
    }

    /// A revocation list (DER): what is revoked since when.
    ///
    /// # Errors
    /// [`Error`].
    pub fn list(
        &self,
        revoked: &[(&CertificateId, Timestamp)],
        issued: Timestamp,
        next: Timestamp,
    ) -> Result<Vec<u8>, Error> {
        let revoked_certs = revoked
            .iter()
            .map(|(id, since)| {
                Ok(RevokedCertParams {
                    serial_number: SerialNumber::from_slice(id.serial()),
                    revocation_time: moment(*since)?,
                    reason_code: None,
                    invalidity_date: None,
                })
            })
            .collect::<Result<Vec<_>, Error>>()?;
        let params = CertificateRevocationListParams {
            this_update: moment(issued)?,
            next_update: moment(next)?,
            crl_number: SerialNumber::from(issued.0.unsigned_abs()),
            issuing_distribution_point: None,
            revoked_certs,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(params.signed_by(&self.issuer)?.der().to_vec())
    }

    /// Its certificate.
    #[must_use]
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Authority").field(&self.certificate).finish()
    }
}

impl std::fmt::Debug for Issued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Issued").field(&self.certificate).finish()
    }
}

fn plain(order: &Order) -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.serial_number = Some(SerialNumber::from(order.serial));
    params.not_before = moment(order.validity.0)?;
    params.not_after = moment(order.validity.1)?;
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CountryName, "DE");
    params
        .distinguished_name
        .push(DnType::OrganizationName, "Bulkhead DRILL-ONLY NOT-VALID");
    params
        .distinguished_name
        .push(DnType::CommonName, order.name.as_str());
    Ok(params)
}

fn authority(order: &Order) -> Result<CertificateParams, Error> {
    let mut params = plain(order)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// Admission (1.3.36.8.3.3) with one profession, as institutions' certificates carry it.
fn admission(profession: &[u64], telematik_id: &str) -> CustomExtension {
    let item = der::element(ber::UTF8_STRING, &["Uebung".as_bytes()]);
    let profession_oid = der::oid(&arcs(profession));
    let number = der::element(ber::PRINTABLE_STRING, &[telematik_id.as_bytes()]);
    let info = der::sequence(&[
        &der::sequence(&[&item]),
        &der::sequence(&[&profession_oid]),
        &number,
    ]);
    let admissions = der::sequence(&[&der::sequence(&[&info])]);
    let content = der::sequence(&[&der::sequence(&[&admissions])]);
    CustomExtension::from_oid_content(&[1, 3, 36, 8, 3, 3], content)
}

/// The content octets of an object identifier.
fn arcs(arcs: &[u64]) -> Vec<u8> {
    let mut out = Vec::new();
    let (first, rest) = arcs.split_at(arcs.len().min(2));
    let head = match first {
        [a, b] => a.saturating_mul(40).saturating_add(*b),
        _ => 0,
    };
    for arc in std::iter::once(&head).chain(rest) {
        let mut groups = vec![u8::try_from(arc & 0x7f).unwrap_or(0)];
        let mut left = arc >> 7;
        while left > 0 {
            groups.push(0x80 | u8::try_from(left & 0x7f).unwrap_or(0));
            left >>= 7;
        }
        out.extend(groups.iter().rev());
    }
    out
}

fn moment(at: Timestamp) -> Result<OffsetDateTime, Error> {
    OffsetDateTime::from_unix_timestamp(at.0).map_err(|_| Error::Time)
}

/// An RSA key that signs certificates.
struct RsaKey {
    pair: KeyPair,
    public: Vec<u8>,
}

impl RsaKey {
    /// A fresh key. The library draws it from the operating system; it takes no other source.
    fn generate() -> Result<Self, Error> {
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| Error::Key)?;
        let public = pair.public_key().as_ref().to_vec();
        Ok(Self { pair, public })
    }

    fn pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        let der = self.pair.as_der().map_err(|_| Error::Key)?;
        Ok(Zeroizing::new(der.as_ref().to_vec()))
    }
}

impl PublicKeyData for RsaKey {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_RSA_SHA256
    }
}

impl rcgen::SigningKey for RsaKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| rcgen::Error::RemoteKeyError)?;
        Ok(signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oid;

    #[test]
    fn object_identifiers_are_written_as_they_are_read() {
        assert_eq!(arcs(&[1, 2, 276, 0, 76, 4, 173]), oid::RECIPIENT_EMAILS);
        assert_eq!(arcs(&[2, 16, 840, 1, 101, 3, 4, 2, 1]), oid::SHA256);
    }
}
