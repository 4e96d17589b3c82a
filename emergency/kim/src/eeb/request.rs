//! A request: `EEBAnfrageBundle`, as the seven real samples have it (names of ehex and of gematik).

use core::fmt;
use jiff::civil::Date;

use crate::xml::{BadXml, Element};

/// A request, read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// Its `Bundle.identifier`.
    pub id: RequestId,
    /// Which family of names it uses.
    pub generation: Generation,
    /// The day the treatment is for.
    pub service_day: Date,
    /// Whether the patient agreed.
    pub consent: Consent,
    /// Who it is about.
    pub patient: Patient,
    /// The profession of who asks, as an OID, for the certificate's header.
    pub profession: Option<Box<str>>,
}

/// `Bundle.identifier` of a request: a UUID without `urn:uuid:`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RequestId(Box<str>);

/// Which family of names a request uses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Generation {
    /// `fhir.ehex.de`, 1.0.0.
    Ehex,
    /// `gematik.de/fhir/eeb`.
    Gematik,
    /// The same with `versionEEB` 2 or later: another coverage profile, which is not built here.
    Later,
}

/// Whether the patient agreed that the insurer answers the practice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Consent {
    /// Yes.
    Given,
    /// No, or not said.
    Missing,
}

/// Who a request is about. `Debug` shows the kind only.
#[derive(Clone, PartialEq, Eq)]
pub enum Patient {
    /// By number, as written.
    Known(Box<str>),
    /// By name.
    Unknown(Person),
}

/// A person by name. `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// Family name.
    pub family: Box<str>,
    /// Given name.
    pub given: Box<str>,
    /// Birth date.
    pub born: Date,
    /// Postal code.
    pub postal_code: Box<str>,
}

/// Why a request cannot be read: answered with 101.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    /// Not a document.
    #[error(transparent)]
    Xml(#[from] BadXml),
    /// Something it must say is missing or malformed.
    #[error("In der Anfrage fehlt oder ist fehlerhaft: {0}. / The request lacks or garbles: {0}.")]
    Lacks(&'static str),
}

impl Request {
    /// Reads the content of a verified `.p7s`.
    ///
    /// # Errors
    /// [`BadRequest`].
    pub fn read(bytes: &[u8]) -> Result<Self, BadRequest> {
        let bundle = Element::read(bytes)?;
        let profile = bundle.value_at(&["meta", "profile"]).unwrap_or_default();
        let profile = profile.split('|').next().unwrap_or_default();
        if &*bundle.name != "Bundle" || profile.rsplit('/').next() != Some("EEBAnfrageBundle") {
            return Err(BadRequest::Lacks("EEBAnfrageBundle"));
        }
        let id = bundle.value_at(&["identifier", "value"]).and_then(RequestId::new);
        let header = resource(&bundle, "MessageHeader").ok_or(BadRequest::Lacks("MessageHeader"))?;
        let patient = resource(&bundle, "Patient").ok_or(BadRequest::Lacks("Patient"))?;
        let said = |word: &str, value: &str| {
            header
                .extension(word)
                .and_then(|extension| extension.value_at(&[value]))
        };
        let version = said("versionEEB", "valueCode").unwrap_or("1");
        let generation = match (
            profile.starts_with("https://fhir.ehex.de/"),
            version.split('.').next(),
        ) {
            (true, _) => Generation::Ehex,
            (false, Some("1")) => Generation::Gematik,
            (false, _) => Generation::Later,
        };
        let service_day = said("Leistungsdatum", "valueDate").and_then(|day| day.parse().ok());
        let consent = if said("Einverstaendnis", "valueBoolean") == Some("true") {
            Consent::Given
        } else {
            Consent::Missing
        };
        Ok(Self {
            id: id.ok_or(BadRequest::Lacks("Bundle.identifier"))?,
            generation,
            service_day: service_day.ok_or(BadRequest::Lacks("Leistungsdatum"))?,
            consent,
            patient: Patient::read(patient)?,
            profession: header
                .value_at(&["eventCoding", "code"])
                .filter(|code| is_oid(code))
                .map(Into::into),
        })
    }
}

fn resource<'a>(bundle: &'a Element, name: &str) -> Option<&'a Element> {
    bundle
        .all("entry")
        .find_map(|entry| entry.at(&["resource", name]))
}

fn is_oid(text: &str) -> bool {
    text.len() <= 64 && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

impl Patient {
    fn read(patient: &Element) -> Result<Self, BadRequest> {
        let is_number = |identifier: &&Element| {
            identifier
                .value_at(&["system"])
                .is_some_and(|system| system.ends_with("/gkv/kvid-10"))
        };
        if let Some(number) = patient
            .all("identifier")
            .find(is_number)
            .and_then(|it| it.value_at(&["value"]))
        {
            return Ok(Self::Known(number.trim().into()));
        }
        let text = |path: &[&str]| {
            patient
                .value_at(path)
                .map(str::trim)
                .filter(|text| !text.is_empty())
        };
        Ok(Self::Unknown(Person {
            family: text(&["name", "family"])
                .ok_or(BadRequest::Lacks("Patient.name.family"))?
                .into(),
            given: text(&["name", "given"])
                .ok_or(BadRequest::Lacks("Patient.name.given"))?
                .into(),
            born: text(&["birthDate"])
                .and_then(|day| day.parse().ok())
                .ok_or(BadRequest::Lacks("Patient.birthDate"))?,
            postal_code: text(&["address", "postalCode"])
                .ok_or(BadRequest::Lacks("Patient.address.postalCode"))?
                .into(),
        }))
    }
}

impl RequestId {
    /// Reads a UUID, with or without `urn:uuid:`.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.strip_prefix("urn:uuid:").unwrap_or(text);
        let fits = text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        fits.then(|| Self(text.to_ascii_lowercase().into()))
    }

    /// The UUID.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Patient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Known(_) => "known patient",
            Self::Unknown(_) => "unknown patient",
        })
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("person")
    }
}
