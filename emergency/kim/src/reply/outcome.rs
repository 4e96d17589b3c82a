//! The `OperationOutcome` of an answer (profile `KBV_PR_EAU_health_insurance_Practitioner`; TA KP5-05).

use core::fmt;

use super::Releasable;
use crate::{
    header::{MessageId, Service, ServiceMark, Version},
    xml::Element,
};

/// A lower-case UUID as text, drawn by whoever sends.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DocumentId(Box<str>);

/// `Bundle.identifier` of an eAU: `urn:uuid:` and a UUID. `Debug` shows nothing of it: it names one person's sick note.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BundleId(Box<str>);

/// Which mail an answer is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reference {
    /// The document inside.
    Bundle(BundleId),
    /// The outer `Message-ID`.
    Mail(MessageId),
}

/// Which generation of the profile an answer is written in: that of the payload.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FhirVersion {
    /// 1.0.2, sent until the end of 2023.
    V1_0_2,
    /// 1.1.0, sent until 31 March 2026.
    V1_1_0,
    /// 1.2: 1.2.0 and 1.2.1 share profile name and mark.
    V1_2,
}

impl FhirVersion {
    const fn suffix(self) -> &'static str {
        match self {
            Self::V1_0_2 => "1.0.2",
            Self::V1_1_0 => "1.1.0",
            Self::V1_2 => "1.2",
        }
    }

    /// The service mark of the answer.
    #[must_use]
    pub fn mark(self) -> ServiceMark {
        ServiceMark::new(match self {
            Self::V1_0_2 => "eAU;Fehler-Kasse;V1.0",
            Self::V1_1_0 => "eAU;Fehler-Kasse;V1.1",
            Self::V1_2 => "eAU;Fehler-Kasse;V1.2",
        })
    }

    /// The code system's name changed after 1.0.2 (samples of that time).
    const fn system(self) -> &'static str {
        match self {
            Self::V1_0_2 => "https://fhir.kbv.de/CodeSystem/KBV_CS_EAU_AU_Error_Kasse",
            Self::V1_1_0 | Self::V1_2 => "https://fhir.kbv.de/CodeSystem/KBV_CS_SFHIR_EAU_AU_ERROR_KASSE",
        }
    }
}

/// The version to answer in: the payload's; else the one the mark implies; else the current one (TA KP5-05).
#[must_use]
pub fn version_for(payload: Option<FhirVersion>, mark: &ServiceMark) -> FhirVersion {
    let implied = match mark.service() {
        Service::EauDelivery(version) | Service::EauCancellation(version) => match version {
            Some(Version { major: 1, minor: 0 }) => Some(FhirVersion::V1_0_2),
            Some(Version { major: 1, minor: 1 }) => Some(FhirVersion::V1_1_0),
            Some(_) | None => None,
        },
        Service::EauError(_)
        | Service::EebRequest(_)
        | Service::EebCertificate(_)
        | Service::EebError(_)
        | Service::Letter
        | Service::Other => None,
    };
    payload.or(implied).unwrap_or(FhirVersion::V1_2)
}

/// What an answer names: the bundle if it is known and the code allows it, else the mail.
#[must_use]
pub fn reference(code: Releasable, bundle: Option<&BundleId>, mail: &MessageId) -> Reference {
    match bundle {
        Some(bundle) if !code.names_the_mail() => Reference::Bundle(bundle.clone()),
        Some(_) | None => Reference::Mail(mail.clone()),
    }
}

/// The words in which two error profiles differ that are otherwise the same shape.
pub(crate) struct Outcome<'a> {
    pub(crate) id: &'a DocumentId,
    pub(crate) profile: &'a str,
    pub(crate) extension: &'a str,
    pub(crate) mail_system: &'a str,
    pub(crate) code_system: &'a str,
    pub(crate) code: u16,
    pub(crate) display: &'a str,
}

/// The `OperationOutcome` of an eAU answer.
pub(super) fn eau(id: &DocumentId, version: FhirVersion, code: Releasable, about: &Reference) -> Element {
    let profile = format!(
        "https://fhir.kbv.de/StructureDefinition/KBV_PR_EAU_health_insurance_Practitioner|{}",
        version.suffix()
    );
    outcome(
        &Outcome {
            id,
            profile: &profile,
            extension: "https://fhir.kbv.de/StructureDefinition/KBV_EX_EAU_health_insurance_Practitioner_Identifier",
            mail_system: "https://fhir.kbv.de/NamingSystem/KBV_NS_EAU_Message_ID_KIM",
            code_system: version.system(),
            code: code.number(),
            display: code.display(),
        },
        about,
    )
}

/// Exactly one issue, fatal, `processing`, one coding, one extension that names what it is about.
pub(crate) fn outcome(words: &Outcome<'_>, about: &Reference) -> Element {
    let (slice, system, value) = match about {
        Reference::Bundle(bundle) => ("Bundle-Identifier", "urn:ietf:rfc:3986", bundle.as_str()),
        Reference::Mail(mail) => ("Message-ID", words.mail_system, mail.as_str()),
    };
    let identifier = Element::node(
        "valueIdentifier",
        vec![Element::leaf("system", system), Element::leaf("value", value)],
    );
    let coding = Element::node(
        "coding",
        vec![
            Element::leaf("system", words.code_system),
            Element::leaf("code", &words.code.to_string()),
            Element::leaf("display", words.display),
        ],
    );
    let issue = vec![
        Element::extended(words.extension, vec![Element::extended(slice, vec![identifier])]),
        Element::leaf("severity", "fatal"),
        Element::leaf("code", "processing"),
        Element::node("details", vec![coding]),
    ];
    Element::node(
        "OperationOutcome",
        vec![
            Element::leaf("id", words.id.as_str()),
            Element::node("meta", vec![Element::leaf("profile", words.profile)]),
            Element::node("issue", issue),
        ],
    )
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups
            .iter()
            .all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

impl DocumentId {
    /// Writes 16 random bytes as a UUID of version 4 (RFC 9562 section 5.4).
    #[must_use]
    pub fn from_random(random: [u8; 16]) -> Self {
        let mut value = u128::from_be_bytes(random);
        value &= !(0xf << 76);
        value |= 0x4 << 76;
        value &= !(0x3 << 62);
        value |= 0x2 << 62;
        let hex = format!("{value:032x}");
        let group = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
        let text = [
            group(0, 8),
            group(8, 12),
            group(12, 16),
            group(16, 20),
            group(20, 32),
        ]
        .join("-");
        Self(text.into())
    }

    /// The UUID.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl BundleId {
    /// Reads `urn:uuid:…`.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        text.strip_prefix("urn:uuid:").filter(|uuid| is_uuid(uuid))?;
        Some(Self(text.into()))
    }

    /// The identifier.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for BundleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bundle")
    }
}
