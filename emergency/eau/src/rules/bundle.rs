//! Rules across the resources of one bundle: who must say what, depending on payor, author and kind of note.

mod table;

pub(super) use table::RULES;

use super::{
    Rule,
    resource::{ALL_PAYORS, qualified},
};
use crate::{
    logic::{One, Truth, YES, and, implies, or},
    view::{View, url},
    xml::NONE,
};

/// Payors of the statutory kind.
const STATUTORY: &[&str] = &["GKV", "BG", "SKT", "UK"];

fn exists(at: u32) -> Truth {
    Some(at != NONE)
}

fn test_number(view: &View<'_, '_>, _: u32) -> Truth {
    let asked = and(&[
        exists(view.composition),
        exists(view.coverage),
        view.payor.is_one_of(STATUTORY),
    ]);
    let systems = view.values(view.composition, &["author", "identifier", "system"]);
    implies(asked, Some(systems.contains(&url::TEST_NUMBER)))
}

fn postal_code(view: &View<'_, '_>, _: u32) -> Truth {
    let country = One::of(view.values(view.patient, &["address", "country"]).into_iter());
    let there = view.has(view.patient, &["address", "country"]);
    let asked = and(&[Some(there), country.is("D"), view.payor.is_one_of(ALL_PAYORS)]);
    implies(asked, Some(view.has(view.patient, &["address", "postalCode"])))
}

fn legal_basis(view: &View<'_, '_>, _: u32) -> Truth {
    let asked = and(&[
        exists(view.composition),
        exists(view.coverage),
        view.payor.is_one_of(ALL_PAYORS),
    ]);
    implies(asked, Some(view.extended(view.composition, url::LEGAL_BASIS)))
}

fn steps_differ(view: &View<'_, '_>, _: u32) -> Truth {
    let codes: Vec<&str> = view
        .of_kind("ServiceRequest")
        .flat_map(|at| view.values(at, &["code", "coding", "code"]))
        .collect();
    Some(codes.iter().enumerate().all(|(place, code)| {
        !codes
            .iter()
            .skip(place.saturating_add(1))
            .any(|other| other == code)
    }))
}

fn composition_version(view: &View<'_, '_>, _: u32) -> Truth {
    // One name, two bundles: a note's composition and a cancellation's.
    let bundle = view.values(crate::xml::ROOT, &["meta", "profile"]);
    let storno = bundle
        .iter()
        .any(|profile| profile.contains("KBV_PR_EAU_Storno_Bundle"));
    let wanted = if storno {
        "KBV_PR_EAU_Storno_Composition"
    } else {
        "KBV_PR_EAU_Composition"
    };
    let claimed = One::of(view.values(view.composition, &["meta", "profile"]).into_iter());
    let fits = claimed.is(&view.version.profile(wanted));
    if storno {
        fits
    } else {
        implies(exists(view.composition), fits)
    }
}

fn asv_group(view: &View<'_, '_>, person: u32) -> bool {
    view.values(person, &["qualification", "code", "coding", "system"])
        .contains(&url::ASV_GROUP)
}

/// An ASV group with its number.
fn asv_group_number(view: &View<'_, '_>, person: u32) -> bool {
    let mut found = false;
    view.collect(person, &["qualification", "code", "coding"], &mut |coding| {
        let system = view.document.value(view.document.first(coding, "system"));
        found |= system == Some(url::ASV_GROUP) && view.has(coding, &["code"]);
    });
    found
}

fn authors_number(view: &View<'_, '_>, _: u32) -> Truth {
    let asked = and(&[
        exists(view.practitioner),
        exists(view.coverage),
        view.payor.is_one_of(ALL_PAYORS),
        Some(qualified(view, view.author, &["00", "01", "04"])),
    ]);
    let asked = if older_and_unresolved(view, view.author) {
        Some(false)
    } else {
        asked
    };
    implies(
        asked,
        Some(view.has(view.author, &["identifier"]) || asv_group_number(view, view.author)),
    )
}

/// Before 1.2 a reference of another form than `Practitioner/id` is not followed, and asks for nothing.
fn older_and_unresolved(view: &View<'_, '_>, person: u32) -> bool {
    use crate::version::Version;
    person == NONE && matches!(view.version, Version::V1_0_2 | Version::V1_1_0)
}

fn attested(view: &View<'_, '_>) -> bool {
    view.has(view.composition, &["attester", "party", "reference"])
}

fn attester_only_for_trainees(view: &View<'_, '_>, _: u32) -> Truth {
    implies(
        Some(attested(view)),
        Some(qualified(view, view.author, &["03", "04"])),
    )
}

fn attester_is_physician(view: &View<'_, '_>, _: u32) -> Truth {
    let codes = super::resource::qualifications(view, view.attester);
    let barred = |code: &Option<&str>| matches!(code, None | Some("02" | "03"));
    implies(Some(attested(view)), Some(!codes.iter().any(barred)))
}

fn attesters_number(view: &View<'_, '_>, _: u32) -> Truth {
    let asked = and(&[
        exists(view.practitioner),
        exists(view.coverage),
        view.payor.is_one_of(STATUTORY),
        Some(attested(view)),
        Some(qualified(view, view.attester, &["00", "01", "04"])),
    ]);
    let asked = if older_and_unresolved(view, view.attester) {
        Some(false)
    } else {
        asked
    };
    implies(
        asked,
        Some(view.has(view.attester, &["identifier"]) || asv_group_number(view, view.attester)),
    )
}

/// `all` over the legal basis: a basis without a code counts as another one.
fn asv_basis(view: &View<'_, '_>) -> Truth {
    Some(
        view.extensions(view.composition, url::LEGAL_BASIS)
            .all(|extension| {
                let code = One::of(view.values(extension, &["valueCoding", "code"]).into_iter());
                code.is_one_of(&["01", "11"]) == YES
            }),
    )
}

fn asv_group_allowed(view: &View<'_, '_>, person: u32) -> Truth {
    let asked = Some(asv_group(view, person) && view.extended(view.composition, url::LEGAL_BASIS));
    let right = and(&[
        asv_basis(view),
        Some(qualified(view, person, &["00", "04"])),
        Some(!view.has(person, &["identifier"])),
    ]);
    implies(asked, right)
}

fn authors_asv_group(view: &View<'_, '_>, _: u32) -> Truth {
    asv_group_allowed(view, view.author)
}

fn attesters_asv_group(view: &View<'_, '_>, _: u32) -> Truth {
    if view.has(view.composition, &["attester"]) {
        asv_group_allowed(view, view.attester)
    } else {
        YES
    }
}

fn written_by<'d>(view: &View<'d, '_>) -> One<'d> {
    One::of(
        view.values(view.composition, &["author", "reference"])
            .into_iter(),
    )
}

fn asserted_by_author(view: &View<'_, '_>, _: u32) -> Truth {
    let author = written_by(view);
    let asserted: Vec<Truth> = view
        .of_kind("Condition")
        .map(|at| One::of(view.values(at, &["asserter", "reference"]).into_iter()).equals(author))
        .filter(Option::is_some)
        .collect();
    Some(!asserted.contains(&Some(false)))
}

fn organization_number(view: &View<'_, '_>, _: u32) -> Truth {
    let asked = and(&[
        exists(view.organization),
        exists(view.coverage),
        view.payor.is_one_of(ALL_PAYORS),
        Some(view.has(view.composition, &["author", "reference"])),
        Some(qualified(view, view.author, &["00", "01", "03", "04"])),
    ]);
    let asked = if older_and_unresolved(view, view.author) {
        Some(false)
    } else {
        asked
    };
    implies(asked, Some(view.has(view.organization, &["identifier"])))
}

/// The kind of note is one of these.
fn kind_is(view: &View<'_, '_>, codes: &[&str]) -> Truth {
    let mut found = Vec::new();
    view.collect(view.composition, &["type", "coding"], &mut |coding| {
        if view.document.value(view.document.first(coding, "system")) == Some(url::AU_TYPE) {
            found.extend(view.values(coding, &["code"]));
        }
    });
    One::of(found.into_iter()).is_one_of(codes)
}

fn since_in_first_note(view: &View<'_, '_>, _: u32) -> Truth {
    implies(
        kind_is(view, &["ERST", "ERST_END"]),
        Some(view.has(view.incapacity, &["onsetPeriod", "start"])),
    )
}

fn no_since_in_later_note(view: &View<'_, '_>, _: u32) -> Truth {
    implies(
        kind_is(view, &["FOLGE", "FOLGE_END"]),
        Some(!view.has(view.incapacity, &["onsetPeriod", "start"])),
    )
}

fn asked_for_id(view: &View<'_, '_>, payor: &str) -> Truth {
    and(&[
        exists(view.coverage),
        view.payor.is(payor),
        Some(view.has(view.patient, &["identifier"])),
    ])
}

/// The patient's identifier is of this kind: exactly one code, or before 1.2 always so.
fn insured_id(view: &View<'_, '_>, payor: &str, older_kind: &str) -> Truth {
    let codes = view.values(view.patient, &["identifier", "type", "coding", "code"]);
    let right = if older(view) {
        One::of(codes.into_iter()).is(older_kind)
    } else {
        Some(codes.contains(&"KVZ10"))
    };
    implies(asked_for_id(view, payor), right)
}

fn insurance_number(view: &View<'_, '_>, _: u32) -> Truth {
    let codes = view.values(view.patient, &["identifier", "type", "coding", "code"]);
    let new = Some(!older(view) && codes.contains(&"KVZ10"));
    implies(
        asked_for_id(view, "SKT"),
        or(&[One::of(codes.into_iter()).is("kvk"), new]),
    )
}

fn only_private(view: &View<'_, '_>, there: bool) -> Truth {
    implies(Some(there), view.payor.is("PKV"))
}

fn any_step(view: &View<'_, '_>, url: &'static str) -> bool {
    view.of_kind("ServiceRequest").any(|at| view.extended(at, url))
}

fn only_private_steps(view: &View<'_, '_>, _: u32) -> Truth {
    let inpatient = |at| {
        One::of(view.values(at, &["code", "coding", "code"]).into_iter()).is("stationaere_heilbehandlung")
            == YES
    };
    only_private(view, view.of_kind("ServiceRequest").any(inpatient))
}

fn born_before(view: &View<'_, '_>, _: u32) -> Truth {
    let birth = view.document.first(view.patient, "birthDate");
    let issue = view.document.first(view.composition, "date");
    // A birth date that is said to be unknown has no value to compare.
    let (Some(birth), Some(issue)) = (view.document.value(birth), view.document.value(issue)) else {
        return YES;
    };
    let common = birth.len().min(issue.len());
    let (start, end) = (birth.get(..common), issue.get(..common));
    // Compared as far as both are known; equal so far is decided only for year, month and whole days.
    let earlier = match start.cmp(&end) {
        std::cmp::Ordering::Less => YES,
        std::cmp::Ordering::Greater => Some(false),
        std::cmp::Ordering::Equal if birth.len() == issue.len() => YES,
        std::cmp::Ordering::Equal => None,
    };
    or(&[
        Some(Some(birth) == issue.get(..4)),
        Some(Some(birth) == issue.get(..7)),
        earlier,
    ])
}

fn has_section(view: &View<'_, '_>, code: &str) -> bool {
    view.values(view.composition, &["section", "code", "coding", "code"])
        .contains(&code)
}

fn asv_team(view: &View<'_, '_>, _: u32) -> Truth {
    let asked = and(&[
        Some(view.extended(view.composition, url::LEGAL_BASIS)),
        asv_basis(view),
    ]);
    implies(asked, Some(has_section(view, "FOR_PractitionerRole")))
}

fn no_asv_team(view: &View<'_, '_>, _: u32) -> Truth {
    let right = and(&[
        Some(view.extended(view.composition, url::LEGAL_BASIS)),
        asv_basis(view),
    ]);
    implies(Some(has_section(view, "FOR_PractitionerRole")), right)
}

fn patients_address(view: &View<'_, '_>, _: u32) -> Truth {
    implies(exists(view.patient), Some(view.has(view.patient, &["address"])))
}

fn role_of_author(view: &View<'_, '_>, _: u32) -> Truth {
    let mut roles = view.values(view.role, &["practitioner", "reference"]);
    roles.dedup();
    let asked = Some(view.composition != NONE && view.role != NONE);
    implies(asked, One::of(roles.into_iter()).equals(written_by(view)))
}

fn trainee_without_number_has_attester(view: &View<'_, '_>, _: u32) -> Truth {
    let asked = Some(qualified(view, view.author, &["03"]) && !view.has(view.author, &["identifier"]));
    implies(asked, Some(view.has(view.composition, &["attester", "party"])))
}

fn older(view: &View<'_, '_>) -> bool {
    use crate::version::Version;
    matches!(view.version, Version::V1_0_2 | Version::V1_1_0)
}
