//! How address lines are put together from their parts (FOR profiles of patient and organisation).

use super::Rule;
use crate::{
    logic::{NO, Truth, YES, and, implies},
    version::Version,
    view::View,
    xml::NONE,
};

const HOUSE_NUMBER: &str = "http://hl7.org/fhir/StructureDefinition/iso21090-ADXP-houseNumber";
const STREET: &str = "http://hl7.org/fhir/StructureDefinition/iso21090-ADXP-streetName";
const ADDITION: &str = "http://hl7.org/fhir/StructureDefinition/iso21090-ADXP-additionalLocator";
const POST_BOX: &str = "http://hl7.org/fhir/StructureDefinition/iso21090-ADXP-postBox";
/// Written instead of a house number that does not exist.
const NO_NUMBER: &str = "N/A";

/// One address line and its parts.
struct Line<'d> {
    exists: bool,
    text: Option<&'d str>,
    house_number: Option<Option<&'d str>>,
    street: Option<Option<&'d str>>,
    addition: Option<Option<&'d str>>,
    post_box: Option<Option<&'d str>>,
}

/// The first and second line of all addresses of a resource.
fn lines<'d>(view: &View<'d, '_>, at: u32) -> (Line<'d>, Line<'d>) {
    let mut places = Vec::new();
    view.collect(at, &["address", "line"], &mut |line| places.push(line));
    let line = |place: usize| {
        let at = places.get(place).copied().unwrap_or(NONE);
        let part = |url| {
            view.extended(at, url)
                .then(|| view.extension_value(at, url, "valueString"))
        };
        Line {
            exists: at != NONE,
            text: view.document.value(at),
            house_number: part(HOUSE_NUMBER),
            street: part(STREET),
            addition: part(ADDITION),
            post_box: part(POST_BOX),
        }
    };
    (line(0), line(1))
}

fn same(text: Option<&str>, part: Option<Option<&str>>) -> Truth {
    Some(text? == part??)
}

/// The line is the street, spaces, the house number. Before 1.2 exactly one space.
fn composed(view: &View<'_, '_>, line: &Line<'_>) -> Truth {
    let text = line.text?;
    let (street, number) = (line.street??, line.house_number??);
    let between = text
        .strip_prefix(street)
        .and_then(|rest| rest.strip_suffix(number));
    Some(match view.version {
        Version::V1_0_2 | Version::V1_1_0 => between == Some(" "),
        Version::V1_2_0 | Version::V1_2_1 => {
            between.is_some_and(|gap| !gap.is_empty() && gap.bytes().all(|b| b == b' '))
        }
    })
}

fn organization_1(view: &View<'_, '_>, at: u32) -> Truth {
    let (first, _) = lines(view, at);
    let numbered = match view.version {
        Version::V1_0_2 | Version::V1_1_0 => first.house_number.is_some(),
        Version::V1_2_0 | Version::V1_2_1 => {
            first.house_number.is_some_and(|number| number != Some(NO_NUMBER))
        }
    };
    implies(Some(numbered && first.street.is_some()), composed(view, &first))
}

fn organization_2(view: &View<'_, '_>, at: u32) -> Truth {
    let (_, second) = lines(view, at);
    implies(
        Some(second.addition.is_some()),
        same(second.text, second.addition),
    )
}

fn organization_3(view: &View<'_, '_>, at: u32) -> Truth {
    let (first, _) = lines(view, at);
    Some(match view.version {
        Version::V1_0_2 | Version::V1_1_0 => first.street.is_none() || first.house_number.is_some(),
        Version::V1_2_0 | Version::V1_2_1 => first.street.is_some() && first.house_number.is_some(),
    })
}

fn organization_4(view: &View<'_, '_>, at: u32) -> Truth {
    let (first, _) = lines(view, at);
    Some(first.house_number.is_none() || first.street.is_some())
}

fn organization_5(view: &View<'_, '_>, at: u32) -> Truth {
    Some(lines(view, at).0.addition.is_none())
}

fn second_is_addition(view: &View<'_, '_>, at: u32) -> Truth {
    let (_, second) = lines(view, at);
    Some(
        !second.exists
            || (second.house_number.is_none() && second.street.is_none() && second.addition.is_some()),
    )
}

fn organization_7(view: &View<'_, '_>, at: u32) -> Truth {
    let (first, second) = lines(view, at);
    let whole = first.house_number.is_some() && first.street.is_some() && first.addition.is_none();
    Some(!second.exists || whole)
}

fn organization_8(view: &View<'_, '_>, at: u32) -> Truth {
    let (first, _) = lines(view, at);
    let unnumbered = match first.house_number {
        None => Some(false),
        Some(number) => number.map(|number| number == NO_NUMBER),
    };
    let asked = and(&[unnumbered, Some(first.street.is_some())]);
    implies(asked, same(first.text, first.street))
}

fn patient_1(view: &View<'_, '_>, at: u32) -> Truth {
    let (first, _) = lines(view, at);
    implies(
        Some(first.house_number.is_some() && first.street.is_some()),
        composed(view, &first),
    )
}

fn patient_2(view: &View<'_, '_>, at: u32) -> Truth {
    let (first, _) = lines(view, at);
    implies(
        Some(first.house_number.is_some() && first.street.is_none()),
        same(first.text, first.house_number),
    )
}

fn patient_3(view: &View<'_, '_>, at: u32) -> Truth {
    let (first, _) = lines(view, at);
    implies(
        Some(first.house_number.is_none() && first.street.is_some()),
        same(first.text, first.street),
    )
}

fn patient_4(view: &View<'_, '_>, at: u32) -> Truth {
    let (first, second) = lines(view, at);
    let written = |line: &Line<'_>| implies(Some(line.addition.is_some()), same(line.text, line.addition));
    if written(&first) == NO || written(&second) == NO {
        return NO;
    }
    if written(&first) == YES {
        written(&second)
    } else {
        None
    }
}

fn patient_5(view: &View<'_, '_>, at: u32) -> Truth {
    let (first, _) = lines(view, at);
    implies(Some(first.post_box.is_some()), same(first.text, first.post_box))
}

fn patient_6(view: &View<'_, '_>, at: u32) -> Truth {
    let (first, _) = lines(view, at);
    Some(!(first.house_number.is_some() || first.street.is_some()) || first.addition.is_none())
}

fn patient_8(view: &View<'_, '_>, at: u32) -> Truth {
    let (first, second) = lines(view, at);
    let whole = (first.house_number.is_some() || first.street.is_some()) && first.addition.is_none();
    Some(!second.exists || whole)
}

pub(super) const RULES: &[Rule] = &[
    Rule {
        names: &["-for-adresszeilenAufbauOrganizationRessource-1"],
        holds: organization_1,
        german: "erste Adresszeile = Straße, Leerzeichen, Hausnummer",
        english: "first address line = street, space, house number",
    },
    Rule {
        names: &["-for-adresszeilenAufbauOrganizationRessource-2"],
        holds: organization_2,
        german: "zweite Adresszeile = der Adresszusatz",
        english: "second address line = the additional locator",
    },
    Rule {
        names: &["-for-adresszeilenAufbauOrganizationRessource-3"],
        holds: organization_3,
        german: "erste Adresszeile mit Straße und mit Hausnummer (oder N/A)",
        english: "first address line with a street and a house number (or N/A)",
    },
    Rule {
        names: &["-for-adresszeilenAufbauOrganizationRessource-4"],
        holds: organization_4,
        german: "Hausnummer nur zusammen mit einer Straße",
        english: "a house number only together with a street",
    },
    Rule {
        names: &["-for-adresszeilenAufbauOrganizationRessource-5"],
        holds: organization_5,
        german: "kein Adresszusatz in der ersten Adresszeile",
        english: "no additional locator in the first address line",
    },
    Rule {
        names: &[
            "-for-adresszeilenAufbauOrganizationRessource-6",
            "-for-adresszeilenAufbauPatientRessource-7",
        ],
        holds: second_is_addition,
        german: "zweite Adresszeile nur als Adresszusatz, ohne Straße und Hausnummer",
        english: "a second address line only as additional locator, without street and house number",
    },
    Rule {
        names: &["-for-adresszeilenAufbauOrganizationRessource-7"],
        holds: organization_7,
        german: "vor einer zweiten Adresszeile steht eine mit Straße und Hausnummer, ohne Adresszusatz",
        english: "a second address line follows one with street and house number, without additional locator",
    },
    Rule {
        names: &["-for-adresszeilenAufbauOrganizationRessource-8"],
        holds: organization_8,
        german: "ohne Hausnummer (N/A) ist die erste Adresszeile genau die Straße",
        english: "without a house number (N/A) the first address line is exactly the street",
    },
    Rule {
        names: &["-for-adresszeilenAufbauPatientRessource-1"],
        holds: patient_1,
        german: "erste Adresszeile = Straße, Leerzeichen, Hausnummer",
        english: "first address line = street, space, house number",
    },
    Rule {
        names: &["-for-adresszeilenAufbauPatientRessource-2"],
        holds: patient_2,
        german: "ohne Straße ist die erste Adresszeile genau die Hausnummer",
        english: "without a street the first address line is exactly the house number",
    },
    Rule {
        names: &["-for-adresszeilenAufbauPatientRessource-3"],
        holds: patient_3,
        german: "ohne Hausnummer ist die erste Adresszeile genau die Straße",
        english: "without a house number the first address line is exactly the street",
    },
    Rule {
        names: &["-for-adresszeilenAufbauPatientRessource-4"],
        holds: patient_4,
        german: "eine Adresszeile mit Adresszusatz ist genau dieser Zusatz",
        english: "an address line with an additional locator is exactly that locator",
    },
    Rule {
        names: &["-for-adresszeilenAufbauPatientRessource-5"],
        holds: patient_5,
        german: "eine Adresszeile mit Postfach ist genau dieses Postfach",
        english: "an address line with a post box is exactly that post box",
    },
    Rule {
        names: &["-for-adresszeilenAufbauPatientRessource-6"],
        holds: patient_6,
        german: "erste Adresszeile mit Straße oder Hausnummer ohne Adresszusatz",
        english: "a first address line with street or house number has no additional locator",
    },
    Rule {
        names: &["-for-adresszeilenAufbauPatientRessource-8"],
        holds: patient_8,
        german: "vor einer zweiten Adresszeile steht eine mit Straße oder Hausnummer, ohne Adresszusatz",
        english: "a second address line follows one with street or house number, without additional locator",
    },
];
