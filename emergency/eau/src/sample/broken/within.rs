//! Breaks within one resource.

use super::{Case, Tree, at, day_in, drop, ext, incapacity, kbv_extension, plain, resource, set, team, val};
use crate::sample::{
    Author, Payor,
    resource::{due_to, identified, institution, physician},
};

fn without_mark(tree: &mut Tree, name: &str) -> Option<()> {
    let coverage = resource(tree, "Coverage", "")?;
    coverage
        .kids
        .retain(|kid| kid.url.as_deref().is_none_or(|url| !url.ends_with(name)));
    Some(())
}

pub(super) const WITHIN: &[Case] = &[
    case!("-eau-begrenzungDate", plain, |tree| set(
        tree,
        "Composition",
        "date",
        "2026-10"
    )),
    case!("-for-begrenzungDate", plain, |tree| set(
        tree,
        "Coverage",
        "period/end",
        "2028-01"
    )),
    case!("-eau-begrenzungDateFestgestelltAm", plain, |tree| day_in(
        incapacity(tree)?.down("extension/valueDateTime"),
        "2026-10"
    )),
    case!("-eau-begrenzungDateStart", plain, |tree| day_in(
        incapacity(tree)?.down("onsetPeriod/start"),
        "2026"
    )),
    case!("-eau-begrenzungDateEnd", plain, |tree| day_in(
        incapacity(tree)?.down("onsetPeriod/end"),
        "2027-01"
    )),
    case!("-eau-anzahlUrsache", plain, |tree| {
        let condition = incapacity(tree)?;
        condition
            .kids
            .retain(|kid| kid.url.as_deref().is_none_or(|url| !url.ends_with("dueTo")));
        condition.put(due_to("2"), 2);
        condition.put(due_to("2"), 2);
        Some(())
    }),
    case!("-for-angabeIKzustaendigeKrankenkasseEGKPflicht", plain, |tree| {
        drop(tree, "Coverage", "payor", "identifier")
    }),
    case!("-for-angabeVersichertenartPflicht", plain, |tree| without_mark(
        tree,
        "versichertenart"
    )),
    case!("-for-angabeBesonderePersonengruppePflicht", plain, |tree| {
        without_mark(tree, "besondere-personengruppe")
    }),
    case!("-for-angabeDMPPflicht", plain, |tree| without_mark(
        tree,
        "dmp-kennzeichen"
    )),
    case!("-for-angabeIKKostentraegerVerbot", plain, |tree| {
        let other = kbv_extension(
            "KBV_EX_FOR_Alternative_IK",
            institution("valueIdentifier", "121192346"),
        );
        at(tree, "Coverage", "payor/identifier")?.kids.insert(0, other);
        Some(())
    }),
    case!("-for-laengeIK", plain, |tree| set(
        tree,
        "Coverage",
        "payor/identifier/value",
        "10421205"
    )),
    case!("-for-laengeIK", |wanted| wanted.payor = Payor::Bg, |tree| set(
        tree,
        "Coverage",
        "payor/identifier/extension/valueIdentifier/value",
        "10421205X"
    )),
    case!("-for-laengeIK", plain, |tree| {
        let system = "http://terminology.hl7.org/CodeSystem/v2-0203";
        *at(tree, "Organization", "identifier")? =
            identified(system, "XX", "http://fhir.de/sid/arge-ik/iknr", "031 34567");
        Some(())
    }),
    case!("-for-laengeASVnummer", team, |tree| set(
        tree,
        "PractitionerRole",
        "organization/identifier/value",
        "34567890"
    )),
];

fn part(name: &str, value: &str) -> Tree {
    ext(
        &format!("http://hl7.org/fhir/StructureDefinition/iso21090-ADXP-{name}"),
        val("valueString", value),
    )
}

/// Writes the address lines of a resource anew: text, then parts.
fn lines(tree: &mut Tree, kind: &str, lines: &[(&str, &[(&str, &str)])]) -> Option<()> {
    let address = at(tree, kind, "address")?;
    address.without("line");
    for (place, (text, parts)) in lines.iter().enumerate() {
        let mut line = val("line", *text);
        line.kids = parts.iter().map(|(name, value)| part(name, value)).collect();
        address.kids.insert(place.saturating_add(1), line);
    }
    Some(())
}

const NUMBER: (&str, &str) = ("houseNumber", "5");
const STREET: (&str, &str) = ("streetName", "Probeweg");
const BACK: (&str, &str) = ("additionalLocator", "Hinterhaus");

pub(super) const ORGANIZATION: &[Case] = &[
    case!("-for-adresszeilenAufbauOrganizationRessource-1", plain, |tree| {
        lines(tree, "Organization", &[("Probeweg5", &[NUMBER, STREET])])
    }),
    case!("-for-adresszeilenAufbauOrganizationRessource-2", plain, |tree| {
        lines(
            tree,
            "Organization",
            &[("Probeweg 5", &[NUMBER, STREET]), ("Hof", &[BACK])],
        )
    }),
    case!("-for-adresszeilenAufbauOrganizationRessource-3", plain, |tree| {
        lines(tree, "Organization", &[("Probeweg", &[STREET])])
    }),
    case!(
        "-for-adresszeilenAufbauOrganizationRessource-4",
        ["-for-adresszeilenAufbauOrganizationRessource-3"],
        plain,
        |tree| lines(tree, "Organization", &[("5", &[NUMBER])])
    ),
    case!("-for-adresszeilenAufbauOrganizationRessource-5", plain, |tree| {
        lines(tree, "Organization", &[("Probeweg 5", &[NUMBER, STREET, BACK])])
    }),
    case!("-for-adresszeilenAufbauOrganizationRessource-6", plain, |tree| {
        lines(
            tree,
            "Organization",
            &[("Probeweg 5", &[NUMBER, STREET]), ("Hinterhaus", &[STREET, BACK])],
        )
    }),
    case!(
        "-for-adresszeilenAufbauOrganizationRessource-7",
        ["-for-adresszeilenAufbauOrganizationRessource-5"],
        plain,
        |tree| lines(
            tree,
            "Organization",
            &[("Probeweg 5", &[NUMBER, STREET, BACK]), ("Hinterhaus", &[BACK])]
        )
    ),
    case!("-for-adresszeilenAufbauOrganizationRessource-8", plain, |tree| {
        lines(
            tree,
            "Organization",
            &[("Probeweg 5", &[("houseNumber", "N/A"), STREET])],
        )
    }),
    case!("-for-anzahlIdentifikatorOrganizationRessource", plain, |tree| {
        let second = site_number("123456789");
        extend_identifiers(resource(tree, "Organization", "")?, second)
    }),
    case!("-for-laengeBSNR", plain, |tree| set(
        tree,
        "Organization",
        "identifier/value",
        "0312 4567"
    )),
    case!(
        "-for-laengeKZVA",
        |wanted| wanted.author = Author::Dentist,
        |tree| set(tree, "Organization", "identifier/value", "0312 4567")
    ),
    case!("-for-laengeStandortnummer", plain, |tree| {
        *at(tree, "Organization", "identifier")? = site_number("12345678");
        Some(())
    }),
];

fn site_number(number: &str) -> Tree {
    identified(
        "https://fhir.kbv.de/CodeSystem/KBV_CS_Base_identifier_type",
        "KSN",
        "http://fhir.de/sid/dkgev/standortnummer",
        number,
    )
}

fn extend_identifiers(resource: &mut Tree, identifier: Tree) -> Option<()> {
    resource.put(identifier, 2);
    Some(())
}

pub(super) const PATIENT: &[Case] = &[
    case!("-for-adresszeilenAufbauPatientRessource-1", plain, |tree| lines(
        tree,
        "Patient",
        &[("Probeweg5", &[NUMBER, STREET])]
    )),
    case!("-for-adresszeilenAufbauPatientRessource-2", plain, |tree| lines(
        tree,
        "Patient",
        &[("Nr. 5", &[NUMBER])]
    )),
    case!("-for-adresszeilenAufbauPatientRessource-3", plain, |tree| lines(
        tree,
        "Patient",
        &[("Probeweg 5", &[STREET])]
    )),
    case!("-for-adresszeilenAufbauPatientRessource-4", plain, |tree| lines(
        tree,
        "Patient",
        &[("Probeweg 5", &[NUMBER, STREET]), ("Hof", &[BACK])]
    )),
    case!(
        "-for-adresszeilenAufbauPatientRessource-5",
        |wanted| wanted.post_box = true,
        |tree| set(tree, "Patient", "address/line", "Postfach")
    ),
    case!("-for-adresszeilenAufbauPatientRessource-6", plain, |tree| lines(
        tree,
        "Patient",
        &[(
            "Probeweg 5",
            &[NUMBER, STREET, ("additionalLocator", "Probeweg 5")]
        )]
    )),
    case!("-for-adresszeilenAufbauPatientRessource-7", plain, |tree| lines(
        tree,
        "Patient",
        &[("Probeweg 5", &[NUMBER, STREET]), ("Hinterhaus", &[STREET, BACK])]
    )),
    case!("-for-adresszeilenAufbauPatientRessource-8", plain, |tree| lines(
        tree,
        "Patient",
        &[("Hinterhaus", &[BACK]), ("Hinterhaus", &[BACK])]
    )),
    case!("-for-laengeVersichertenId", plain, |tree| set(
        tree,
        "Patient",
        "identifier/value",
        "123456789"
    )),
    case!("-for-laengeWohnsitzlaendercode", plain, |tree| set(
        tree,
        "Patient",
        "address/country",
        "d"
    )),
    case!(
        "-for-laengeWohnsitzlaendercode",
        |wanted| wanted.post_box = true,
        |tree| set(tree, "Patient", "address/country", "DEUT")
    ),
];

fn dentist_number(number: &str) -> Tree {
    identified(
        "http://fhir.de/CodeSystem/identifier-type-de-basis",
        "ZANR",
        "http://fhir.de/sid/kzbv/zahnarztnummer",
        number,
    )
}

pub(super) const PERSON: &[Case] = &[
    case!("-for-angabeArztnummerPflicht", plain, |tree| {
        *at(tree, "Practitioner", "identifier")? = dentist_number("838382202");
        Some(())
    }),
    case!(
        "-for-angabeZahnarztnummerPflicht",
        |wanted| wanted.author = Author::Dentist,
        |tree| {
            *at(tree, "Practitioner", "identifier")? = physician("838382202");
            Some(())
        }
    ),
    case!(
        "-for-angabeIdentifikatorAusstellende-VerantwortlichePersonVerbot",
        |wanted| wanted.author = Author::Midwife,
        |tree| { extend_identifiers(resource(tree, "Practitioner", "")?, physician("838382202")) }
    ),
    case!(
        "-for-anzahlIdentifikatorAusstellende-VerantwortlichePerson",
        plain,
        |tree| { extend_identifiers(resource(tree, "Practitioner", "")?, dentist_number("838382202")) }
    ),
    case!("-for-laengeLANR", plain, |tree| set(
        tree,
        "Practitioner",
        "identifier/value",
        "83838220"
    )),
    case!(
        "-for-laengeZANR",
        |wanted| wanted.author = Author::Dentist,
        |tree| set(tree, "Practitioner", "identifier/value", "83838220A")
    ),
];
