//! Certificates: what this room needs to know of one. The path to an anchor is judged in `trust`.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use vocabulary::Timestamp;

use crate::{
    ber::{self, Element, Fault, Reader},
    der, oid,
};

/// Largest certificate that is looked at, in bytes. Real ones have one to three thousand.
const CERTIFICATE_BYTES_MAX: usize = 64 * 1024;
/// Most certificates that are taken from one PEM file.
const PEM_CERTIFICATES_MAX: usize = 1_000;

/// Issuer and serial number: how KIM names recipients and signers (RFC 5652, IssuerAndSerialNumber).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CertificateId {
    /// The issuer's name as it stands in the certificate (DER).
    issuer: Vec<u8>,
    /// The number without leading zeros.
    serial: Vec<u8>,
}

impl CertificateId {
    /// Reads `SEQUENCE { issuer Name, serialNumber INTEGER }`.
    pub(crate) fn read(element: &Element<'_>) -> Result<Self, Fault> {
        let mut reader = element.reader();
        let issuer = reader.expect(ber::SEQUENCE, "issuer")?;
        let serial = reader.expect(ber::INTEGER, "serialNumber")?;
        reader.end("IssuerAndSerialNumber")?;
        if issuer.whole.len() > CERTIFICATE_BYTES_MAX || serial.content.len() > 64 {
            return Err(Fault::TooLarge("IssuerAndSerialNumber"));
        }
        Ok(Self::new(issuer.whole, serial.content))
    }

    fn new(issuer: &[u8], serial: &[u8]) -> Self {
        let zeros = serial.iter().take_while(|octet| **octet == 0).count();
        Self {
            issuer: issuer.to_vec(),
            serial: serial.get(zeros..).unwrap_or_default().to_vec(),
        }
    }

    /// As `SEQUENCE { issuer Name, serialNumber INTEGER }` in DER.
    pub(crate) fn write(&self) -> Vec<u8> {
        der::sequence(&[&self.issuer, &self.write_serial()])
    }

    /// The issuer's name (DER).
    pub(crate) fn issuer(&self) -> &[u8] {
        &self.issuer
    }

    /// The serial number as INTEGER in DER.
    pub(crate) fn write_serial(&self) -> Vec<u8> {
        let zero: &[u8] = if self.serial.first().is_none_or(|octet| *octet >= 0x80) {
            &[0] // or it would be negative, or empty
        } else {
            &[]
        };
        der::element(ber::INTEGER, &[zero, &self.serial])
    }

    /// Whether this is its serial number, as the content of an INTEGER.
    pub(crate) fn is_numbered(&self, serial: &[u8]) -> bool {
        let zeros = serial.iter().take_while(|octet| **octet == 0).count();
        serial.get(zeros..).unwrap_or_default() == self.serial
    }

    /// The number without leading zeros.
    pub(crate) fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// The serial number in hexadecimal, as certificate tools show it.
    #[must_use]
    pub fn serial_hex(&self) -> String {
        use fmt::Write as _;
        self.serial.iter().fold(String::new(), |mut text, octet| {
            let _ = write!(text, "{octet:02x}");
            text
        })
    }
}

impl fmt::Debug for CertificateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificateId({self})")
    }
}

impl fmt::Display for CertificateId {
    /// `name of the issuing CA / serial number`. No person is named by it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let common_name = last_attribute(&self.issuer).unwrap_or_else(|| "?".into());
        write!(f, "{common_name} / {}", self.serial_hex())
    }
}

/// The value of a name's last attribute, by custom the common name.
fn last_attribute(name: &[u8]) -> Option<String> {
    let mut sets = Reader::new(name).next().ok()??.reader();
    let mut value = None;
    while let Ok(Some(set)) = sets.next() {
        let mut pair = set.reader().next().ok()??.reader();
        pair.next().ok()??;
        value = Some(String::from_utf8_lossy(pair.next().ok()??.content).into_owned());
    }
    value
}

/// A certificate (X.509), read but not yet trusted.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    id: CertificateId,
    /// SubjectPublicKeyInfo, whole.
    key: Vec<u8>,
    not_before: Timestamp,
    not_after: Timestamp,
    /// KeyUsage: the first octet of the bits; none if the extension is missing.
    usage: Option<u8>,
    extended_usage: Vec<Vec<u8>>,
    professions: Vec<String>,
}

impl Certificate {
    /// Reads one certificate in DER.
    ///
    /// # Errors
    /// What is not the certificate it should be.
    pub fn from_der(bytes: &[u8]) -> Result<Self, Fault> {
        if bytes.len() > CERTIFICATE_BYTES_MAX {
            return Err(Fault::TooLarge("Certificate"));
        }
        let mut outer = ber::single(bytes, ber::SEQUENCE, "Certificate")?.reader();
        let mut body = outer.expect(ber::SEQUENCE, "TBSCertificate")?.reader();
        body.optional(ber::context(0))?;
        let serial = body.expect(ber::INTEGER, "serialNumber")?;
        body.expect(ber::SEQUENCE, "signature")?;
        let issuer = body.expect(ber::SEQUENCE, "issuer")?;
        let mut validity = body.expect(ber::SEQUENCE, "validity")?.reader();
        let not_before = time(&validity.any("notBefore")?)?;
        let not_after = time(&validity.any("notAfter")?)?;
        body.expect(ber::SEQUENCE, "subject")?;
        let key = body.expect(ber::SEQUENCE, "subjectPublicKeyInfo")?;
        body.optional(ber::context_primitive(1))?;
        body.optional(ber::context_primitive(2))?;
        let mut certificate = Self {
            der: bytes.to_vec(),
            id: CertificateId::new(issuer.whole, serial.content),
            key: key.whole.to_vec(),
            not_before,
            not_after,
            usage: None,
            extended_usage: Vec::new(),
            professions: Vec::new(),
        };
        if let Some(wrapper) = body.optional(ber::context(3))? {
            certificate.extensions(&ber::single(wrapper.content, ber::SEQUENCE, "extensions")?)?;
        }
        Ok(certificate)
    }

    fn extensions(&mut self, list: &Element<'_>) -> Result<(), Fault> {
        let mut list = list.reader();
        while let Some(extension) = list.next()? {
            let mut fields = extension.reader();
            let id = fields.expect(ber::OID, "extnID")?.content;
            fields.optional(0x01)?; // critical: judged where the path is built
            let value = fields.expect(ber::OCTET_STRING, "extnValue")?.content;
            if id == oid::KEY_USAGE {
                let bits = ber::single(value, ber::BIT_STRING, "KeyUsage")?;
                self.usage = Some(bits.content.get(1).copied().unwrap_or(0));
            } else if id == oid::EXTENDED_KEY_USAGE {
                let mut purposes = ber::single(value, ber::SEQUENCE, "ExtKeyUsage")?.reader();
                while let Some(purpose) = purposes.next()? {
                    self.extended_usage.push(purpose.content.to_vec());
                }
            } else if id == oid::ADMISSION {
                self.professions = professions(value);
            }
        }
        Ok(())
    }

    /// Reads the certificates of a file: PEM, or a single one in DER.
    ///
    /// # Errors
    /// What is not a certificate, or that there is none.
    pub fn from_file(bytes: &[u8]) -> Result<Vec<Self>, Fault> {
        let blocks = pem(bytes, "CERTIFICATE", PEM_CERTIFICATES_MAX)?;
        if blocks.is_empty() {
            return Ok(vec![Self::from_der(bytes)?]);
        }
        blocks.iter().map(|block| Self::from_der(block)).collect()
    }

    /// Its bytes (DER).
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Issuer and serial number.
    #[must_use]
    pub const fn id(&self) -> &CertificateId {
        &self.id
    }

    /// SubjectPublicKeyInfo (DER).
    pub(crate) fn key(&self) -> &[u8] {
        &self.key
    }

    /// The contents of AlgorithmIdentifier and of subjectPublicKey.
    pub(crate) fn key_parts(&self) -> Result<(&[u8], &[u8]), Fault> {
        let mut reader = ber::single(&self.key, ber::SEQUENCE, "subjectPublicKeyInfo")?.reader();
        let algorithm = reader.expect(ber::SEQUENCE, "algorithm")?.content;
        let bits = reader.expect(ber::BIT_STRING, "subjectPublicKey")?.content;
        match bits.split_first() {
            Some((0, key)) => Ok((algorithm, key)),
            Some(_) | None => Err(Fault::Expected("subjectPublicKey")),
        }
    }

    /// Whether its key is an RSA key.
    #[must_use]
    pub fn is_rsa(&self) -> bool {
        self.key_parts().is_ok_and(|(algorithm, _)| {
            Reader::new(algorithm)
                .expect(ber::OID, "algorithm")
                .is_ok_and(|id| id.content == oid::RSA)
        })
    }

    /// The modulus of its RSA key, without leading zeros: what a token finds the private half by. None for other keys.
    #[must_use]
    pub fn rsa_modulus(&self) -> Option<Vec<u8>> {
        if !self.is_rsa() {
            return None;
        }
        let (_, key) = self.key_parts().ok()?;
        let mut key = ber::single(key, ber::SEQUENCE, "RSAPublicKey").ok()?.reader();
        let modulus = key.expect(ber::INTEGER, "modulus").ok()?.content;
        Some(modulus.iter().copied().skip_while(|octet| *octet == 0).collect())
    }

    /// First and last second it is valid.
    #[must_use]
    pub const fn validity(&self) -> (Timestamp, Timestamp) {
        (self.not_before, self.not_after)
    }

    /// Whether it may sign: digitalSignature or nonRepudiation (KIM's C.HCI.OSIG carries the latter), or no KeyUsage.
    #[must_use]
    pub const fn may_sign(&self) -> bool {
        matches!(self.usage, None | Some(0x40..=0xff))
    }

    /// Whether a key may be sent to it: keyEncipherment, or no KeyUsage.
    #[must_use]
    pub const fn may_receive(&self) -> bool {
        match self.usage {
            None => true,
            Some(bits) => bits & 0x20 != 0,
        }
    }

    pub(crate) fn may_answer_for_revocation(&self) -> bool {
        self.extended_usage
            .iter()
            .any(|purpose| purpose == oid::OCSP_SIGNING)
    }

    /// The professions it admits to (OIDs of gematik's list, such as `1.2.276.0.76.4.50` for a practice).
    #[must_use]
    pub fn professions(&self) -> &[String] {
        &self.professions
    }
}

impl fmt::Debug for Certificate {
    /// Issuer and number only: subjects can name persons.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Certificate").field(&self.id).finish()
    }
}

/// The profession OIDs of an admission: OIDs inside the sequences below `professionInfos`. What cannot be read is left out.
fn professions(value: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Vec<(Reader<'_>, usize)> = vec![(Reader::new(value), 0)];
    let mut steps = 0;
    while let Some((reader, depth)) = open.last_mut() {
        let depth = *depth;
        steps += 1;
        match reader.next() {
            Ok(Some(element)) if element.tag == ber::OID && depth >= 6 && found.len() < 16 => {
                found.push(oid::text(element.content));
            }
            Ok(Some(element)) if element.tag == ber::SEQUENCE && depth < 8 && steps < 1_000 => {
                open.push((element.reader(), depth + 1));
            }
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => {
                open.pop();
            }
        }
    }
    found
}

/// UTCTime or GeneralizedTime in UTC, to the second.
pub(crate) fn time(element: &Element<'_>) -> Result<Timestamp, Fault> {
    const WHAT: Fault = Fault::Expected("Zeit / time");
    let text = element.content.strip_suffix(b"Z").ok_or(WHAT)?;
    let number = |text: &[u8]| {
        text.iter().try_fold(0_i64, |value, digit| {
            digit
                .is_ascii_digit()
                .then(|| value * 10 + i64::from(digit - b'0'))
                .ok_or(WHAT)
        })
    };
    let year_digits = match element.tag {
        ber::UTC_TIME => 2,
        ber::GENERALIZED_TIME => 4,
        _ => return Err(WHAT),
    };
    let (year, rest) = text.split_at_checked(year_digits).ok_or(WHAT)?;
    if rest.len() != 10 {
        return Err(WHAT);
    }
    let mut year = number(year)?;
    if year_digits == 2 {
        year += if year < 50 { 2000 } else { 1900 };
    }
    let mut fields = rest.chunks_exact(2).map(number);
    let mut field = |least: i64, most: i64| {
        let value = fields.next().ok_or(WHAT)??;
        (least..=most).contains(&value).then_some(value).ok_or(WHAT)
    };
    let (month, day) = (field(1, 12)?, field(1, 31)?);
    let (hour, minute, second) = (field(0, 23)?, field(0, 59)?, field(0, 60)?);
    // Days since 1970-01-01 by eras of 400 years, years beginning in March.
    let shifted = if month > 2 { year } else { year - 1 };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    Ok(Timestamp(((days * 24 + hour) * 60 + minute) * 60 + second))
}

/// The bytes inside `-----BEGIN label-----` blocks.
pub(crate) fn pem(bytes: &[u8], label: &str, most: usize) -> Result<Vec<Vec<u8>>, Fault> {
    const WHAT: Fault = Fault::Expected("PEM");
    let (begin, end) = (
        format!("-----BEGIN {label}-----"),
        format!("-----END {label}-----"),
    );
    let Ok(mut text) = std::str::from_utf8(bytes) else {
        return Ok(Vec::new());
    };
    let mut blocks = Vec::new();
    while let Some((_, rest)) = text.split_once(&begin) {
        let (inside, rest) = rest.split_once(&end).ok_or(WHAT)?;
        let letters: String = inside
            .chars()
            .filter(|letter| !letter.is_ascii_whitespace())
            .collect();
        blocks.push(STANDARD.decode(letters).map_err(|_| WHAT)?);
        if blocks.len() > most {
            return Err(Fault::TooLarge("PEM"));
        }
        text = rest;
    }
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(tag: u8, text: &[u8]) -> Result<Timestamp, Fault> {
        let mut bytes = Vec::new();
        der::write(&mut bytes, tag, text);
        time(&Reader::new(&bytes).next().unwrap().unwrap())
    }

    #[test]
    fn times_are_what_the_calendar_says() {
        assert_eq!(at(ber::UTC_TIME, b"700101000000Z"), Ok(Timestamp(0)));
        let leap = at(ber::GENERALIZED_TIME, b"20240229235959Z").unwrap();
        assert_eq!(leap.to_string(), "2024-02-29T23:59:59Z");
        assert_eq!(
            at(ber::UTC_TIME, b"491231235959Z").unwrap().to_string(),
            "2049-12-31T23:59:59Z"
        );
        assert_eq!(
            at(ber::UTC_TIME, b"500101000000Z").unwrap().to_string(),
            "1950-01-01T00:00:00Z"
        );
        for wrong in [
            &b"20241301000000Z"[..],
            b"2024010100000Z",
            b"20240101000000",
            b"2024 101000000Z",
        ] {
            assert!(at(ber::GENERALIZED_TIME, wrong).is_err());
        }
    }

    #[test]
    fn serial_numbers_are_compared_as_numbers() {
        let issuer = der::sequence(&[]);
        for serial in [&[0, 0xff, 1][..], &[0x7f], &[0]] {
            let written = der::sequence(&[&issuer, &der::element(ber::INTEGER, &[serial])]);
            let element = Reader::new(&written).next().unwrap().unwrap();
            let id = CertificateId::read(&element).unwrap();
            assert_eq!(id.write(), written);
        }
    }
}
