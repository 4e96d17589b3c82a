//! The certificate: `EEBBescheinigungBundle` after the published sample for a person without health card
//! (`EEBCoverageNoEgk`). *Unverified* against the profile of V1.1; see the room's specification.

use jiff::civil::Date;
use vocabulary::{Hasher, Timestamp};

use super::{Fund, Member, RequestId, roster::YesNo};
use crate::{reply::DocumentId, xml::Element};

/// Randomness of one answer, from which its ids are made.
#[derive(Clone, PartialEq, Eq)]
pub struct Seed(pub [u8; 32]);

impl Seed {
    /// The id of this purpose.
    #[must_use]
    pub fn id(&self, purpose: &str) -> DocumentId {
        let mut hasher = Hasher::new();
        hasher.update(&self.0);
        hasher.update(purpose.as_bytes());
        let digest = hasher.finish();
        let mut random = [0; 16];
        random
            .iter_mut()
            .zip(digest.as_bytes())
            .for_each(|(to, from)| *to = *from);
        DocumentId::from_random(random)
    }
}

impl core::fmt::Debug for Seed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("seed")
    }
}

/// What a certificate says.
pub(super) struct Words<'a> {
    pub(super) id: &'a DocumentId,
    pub(super) seed: &'a Seed,
    pub(super) at: Timestamp,
    pub(super) request: &'a RequestId,
    pub(super) profession: Option<&'a str>,
    pub(super) endpoint: &'a str,
    pub(super) fund: &'a Fund,
    pub(super) member: &'a Member,
    pub(super) day: Date,
}

const EEB: &str = "https://gematik.de/fhir/eeb/StructureDefinition";
const IKNR: &str = "http://fhir.de/sid/arge-ik/iknr";
/// Profession of whoever asks when the request names none: a physician's practice.
const PRACTICE: &str = "1.2.276.0.76.4.50";

/// Writes the document.
pub(super) fn document(words: &Words<'_>) -> Vec<u8> {
    let (header, patient, coverage) = (
        words.seed.id("header"),
        words.seed.id("patient"),
        words.seed.id("coverage"),
    );
    let identifier = vec![
        leaf("system", "urn:ietf:rfc:3986"),
        leaf("value", &format!("urn:uuid:{}", words.id.as_str())),
    ];
    let bundle = vec![
        leaf("id", words.seed.id("bundle").as_str()),
        profile("EEBBescheinigungBundle"),
        node("identifier", identifier),
        leaf("type", "message"),
        leaf("timestamp", &words.at.to_string()),
        entry("MessageHeader", &header, message_header(words, &header)),
        entry("Patient", &patient, person(words, &patient)),
        entry("Coverage", &coverage, insured(words, &coverage, &patient)),
    ];
    node("Bundle", bundle).document()
}

fn leaf(name: &str, value: &str) -> Element {
    Element::leaf(name, value)
}

fn node(name: &str, children: Vec<Element>) -> Element {
    Element::node(name, children)
}

fn meta(profile: &str) -> Element {
    node("meta", vec![leaf("profile", profile)])
}

fn profile(name: &str) -> Element {
    meta(&format!("{EEB}/{name}"))
}

fn entry(kind: &str, id: &DocumentId, resource: Vec<Element>) -> Element {
    let url = format!("https://gematik.de/fhir/{kind}/{}", id.as_str());
    node(
        "entry",
        vec![
            leaf("fullUrl", &url),
            node("resource", vec![node(kind, resource)]),
        ],
    )
}

fn coding(name: &str, system: &str, code: &str) -> Element {
    node(name, vec![leaf("system", system), leaf("code", code)])
}

fn message_header(words: &Words<'_>, id: &DocumentId) -> Vec<Element> {
    let oids = "https://gematik.de/fhir/directory/CodeSystem/OrganizationProfessionOID";
    vec![
        leaf("id", id.as_str()),
        profile("EEBBescheinigungHeader"),
        coding("eventCoding", oids, words.profession.unwrap_or(PRACTICE)),
        node("source", vec![leaf("endpoint", words.endpoint)]),
        node(
            "response",
            vec![leaf("identifier", words.request.as_str()), leaf("code", "ok")],
        ),
    ]
}

fn person(words: &Words<'_>, id: &DocumentId) -> Vec<Element> {
    let member = words.member;
    let mut family = leaf("family", &member.person.family);
    let own = "http://hl7.org/fhir/StructureDefinition/humanname-own-name";
    family.children.push(Element::extended(
        own,
        vec![leaf("valueString", &member.person.family)],
    ));
    let mut address = vec![leaf("type", "both")];
    let street = format!("{} {}", member.street, member.house_number);
    if !member.street.is_empty() {
        let mut line = leaf("line", street.trim());
        for (part, text) in [
            ("houseNumber", &member.house_number),
            ("streetName", &member.street),
        ] {
            let url = format!("http://hl7.org/fhir/StructureDefinition/iso21090-ADXP-{part}");
            if !text.is_empty() {
                line.children
                    .push(Element::extended(&url, vec![leaf("valueString", text)]));
            }
        }
        address.push(line);
    }
    for (name, text) in [
        ("city", &member.city),
        ("postalCode", &member.person.postal_code),
        ("country", &member.country),
    ] {
        if !text.is_empty() {
            address.push(leaf(name, text));
        }
    }
    let number = vec![
        node(
            "type",
            vec![coding(
                "coding",
                "http://fhir.de/CodeSystem/identifier-type-de-basis",
                "GKV",
            )],
        ),
        leaf("system", "http://fhir.de/sid/gkv/kvid-10"),
        leaf("value", member.kvnr.as_str()),
    ];
    vec![
        leaf("id", id.as_str()),
        meta("https://fhir.kbv.de/StructureDefinition/KBV_PR_FOR_Patient|1.1.0"),
        node("identifier", number),
        node(
            "name",
            vec![
                leaf("use", "official"),
                family,
                leaf("given", &member.person.given),
            ],
        ),
        leaf("birthDate", &member.person.born.to_string()),
        node("address", address),
    ]
}

fn insured(words: &Words<'_>, id: &DocumentId, patient: &DocumentId) -> Vec<Element> {
    let (member, day) = (words.member, words.day.to_string());
    let mut coverage = vec![leaf("id", id.as_str()), profile("EEBCoverageNoEgk")];
    coverage.extend(extensions(member));
    let payor = vec![
        Element::extended(
            "http://fhir.de/StructureDefinition/AbrechnendeIK",
            vec![node(
                "valueIdentifier",
                vec![leaf("system", IKNR), leaf("value", &member.billing_ik)],
            )],
        ),
        node(
            "identifier",
            vec![leaf("system", IKNR), leaf("value", &words.fund.ik)],
        ),
        leaf("display", &words.fund.name),
    ];
    coverage.extend([
        leaf("status", "active"),
        node(
            "type",
            vec![coding(
                "coding",
                "http://fhir.de/CodeSystem/versicherungsart-de-basis",
                "GKV",
            )],
        ),
        node(
            "beneficiary",
            vec![leaf("reference", &format!("Patient/{}", patient.as_str()))],
        ),
        node("period", vec![leaf("start", &day), leaf("end", &day)]),
        node("payor", payor),
    ]);
    coverage
}

fn extensions(member: &Member) -> Vec<Element> {
    let kbv = "https://fhir.kbv.de/CodeSystem";
    let gkv = |word: &str, children: Vec<Element>| {
        Element::extended(
            &format!("http://fhir.de/StructureDefinition/gkv/{word}"),
            children,
        )
    };
    let coded = |word: &str, system: &str, code: &str| {
        gkv(
            word,
            vec![coding("valueCoding", &format!("{kbv}/{system}"), code)],
        )
    };
    let said = |slice: &str, yes: bool| Element::extended(slice, vec![leaf("valueBoolean", bool_word(yes))]);
    let mut rests = Vec::new();
    if let Some(from) = member.rests_from {
        rests.push(Element::extended(
            "art",
            vec![node("valueCoding", vec![leaf("code", "1")])],
        ));
        let period = node("valuePeriod", vec![leaf("start", &from.to_string())]);
        rests.push(Element::extended("dauer", vec![period]));
    }
    let mut exempt = vec![said("status", member.exempt_until.is_some())];
    if let Some(until) = member.exempt_until {
        exempt.push(Element::extended(
            "gueltigBis",
            vec![leaf("valueDate", &until.to_string())],
        ));
    }
    let reimbursed = vec![
        said("aerztlicheVersorgung", member.reimbursed_physician == YesNo::Yes),
        said(
            "zahnaerztlicheVersorgung",
            member.reimbursed_dentist == YesNo::Yes,
        ),
    ];
    let mut all = vec![
        coded(
            "versichertenart",
            "KBV_CS_SFHIR_KBV_VERSICHERTENSTATUS",
            &member.status,
        ),
        gkv("kostenerstattung", reimbursed),
        coded("wop", "KBV_CS_SFHIR_ITA_WOP", &member.region),
        coded(
            "besondere-personengruppe",
            "KBV_CS_SFHIR_KBV_PERSONENGRUPPE",
            &member.group,
        ),
        coded("dmp-kennzeichen", "KBV_CS_SFHIR_KBV_DMP", &member.programme),
    ];
    if !rests.is_empty() {
        all.push(gkv("ruhender-leistungsanspruch", rests));
    }
    all.push(gkv("zuzahlungsstatus", exempt));
    all
}

const fn bool_word(yes: bool) -> &'static str {
    if yes { "true" } else { "false" }
}
