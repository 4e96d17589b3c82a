//! Rules within one resource: dates, lengths, payors, persons.

use super::Rule;
use crate::{
    logic::{One, Truth, and, implies},
    primitive::digits,
    view::{View, url},
};

/// Payors of the statutory kind, and private insurance.
pub(super) const ALL_PAYORS: &[&str] = &["GKV", "BG", "SKT", "UK", "PKV"];

fn one<'d>(view: &View<'d, '_>, at: u32, path: &[&str]) -> One<'d> {
    One::of(view.values(at, path).into_iter())
}

/// A date to the day: ten characters.
fn ten(value: Option<&str>) -> Truth {
    value.map(|value| value.chars().count() == 10)
}

fn value_matches(view: &View<'_, '_>, at: u32, fits: fn(&str) -> bool) -> Truth {
    view.document.value(at).map(fits)
}

fn day_of_composition(view: &View<'_, '_>, at: u32) -> Truth {
    ten(view.document.value(view.document.first(at, "date")))
}

fn day_of_end(view: &View<'_, '_>, at: u32) -> Truth {
    ten(view.document.value(view.document.first(at, "end")))
}

fn day_asserted(view: &View<'_, '_>, at: u32) -> Truth {
    ten(view.extension_value(at, url::ASSERTED, "valueDateTime"))
}

fn day_in_onset(view: &View<'_, '_>, at: u32, name: &str) -> Truth {
    let place = view.document.down(at, &["onsetPeriod", name]);
    let there = view.has(at, &["onsetPeriod", name]);
    implies(Some(there), ten(view.document.value(place)))
}

fn day_of_extension(view: &View<'_, '_>, at: u32, url: &'static str) -> Truth {
    implies(
        Some(view.extended(at, url)),
        ten(view.extension_value(at, url, "valueDateTime")),
    )
}

fn causes_differ(view: &View<'_, '_>, at: u32) -> Truth {
    let causes: Vec<_> = view
        .extensions(at, url::DUE_TO)
        .map(|cause| {
            let below = |name| view.values(cause, &["valueCodeableConcept", "coding", name]);
            (below("system"), below("code"))
        })
        .collect();
    Some(causes.iter().enumerate().all(|(place, cause)| {
        !causes
            .iter()
            .skip(place.saturating_add(1))
            .any(|other| other == cause)
    }))
}

fn step_is(view: &View<'_, '_>, at: u32, codes: &[&str]) -> Truth {
    one(view, at, &["code", "coding", "code"]).is_one_of(codes)
}

fn step_for(view: &View<'_, '_>, at: u32, url: &'static str, codes: &[&str]) -> Truth {
    implies(Some(view.extended(at, url)), step_is(view, at, codes))
}

fn no_text_beside_known_steps(view: &View<'_, '_>, at: u32) -> Truth {
    let known = one(view, at, &["coding", "code"]).is_one_of(&[
        "d_arzt",
        "reha",
        "wiedereingliederung",
        "stationaere_heilbehandlung",
    ]);
    implies(known, Some(!view.has(at, &["text"])))
}

fn coverage_with(view: &View<'_, '_>, at: u32, there: bool) -> Truth {
    implies(
        one(view, at, &["type", "coding", "code"]).is_one_of(ALL_PAYORS),
        Some(there),
    )
}

fn coverage_extended(view: &View<'_, '_>, at: u32, url: &'static str) -> Truth {
    coverage_with(view, at, view.extended(at, url))
}

fn no_second_payor(view: &View<'_, '_>, at: u32) -> Truth {
    let payor = one(view, at, &["type", "coding", "code"]).is_one_of(&["GKV", "SKT", "SEL", "PKV"]);
    let mut second = false;
    view.collect(at, &["payor", "identifier"], &mut |id| {
        second |= view.extended(id, url::ALTERNATIVE_IK)
    });
    implies(payor, Some(!second))
}

/// Codes of the qualifications that say what kind of person somebody is.
pub(super) fn qualifications<'d>(view: &View<'d, '_>, person: u32) -> Vec<Option<&'d str>> {
    let mut found = Vec::new();
    view.collect(person, &["qualification", "code", "coding"], &mut |coding| {
        if view.document.value(view.document.first(coding, "system")) == Some(url::QUALIFICATION) {
            found.push(view.document.value(view.document.first(coding, "code")));
        }
    });
    found
}

/// `all(code = a or code = b …)`; a missing code is none of them.
pub(super) fn qualified(view: &View<'_, '_>, person: u32, codes: &[&str]) -> bool {
    qualifications(view, person)
        .iter()
        .all(|own| own.is_some_and(|own| codes.contains(&own)))
}

/// Identifiers whose type has exactly this code.
fn identifiers(view: &View<'_, '_>, at: u32, code: &str) -> usize {
    let mut count = 0_usize;
    view.collect(at, &["identifier"], &mut |id| {
        if one(view, id, &["type", "coding", "code"]).is(code) == Some(true) {
            count = count.saturating_add(1);
        }
    });
    count
}

fn number_for(view: &View<'_, '_>, at: u32, kinds: &[&str], number: &str) -> Truth {
    let asked = and(&[
        Some(qualified(view, at, kinds)),
        Some(view.has(at, &["identifier"])),
    ]);
    implies(asked, Some(identifiers(view, at, number) > 0))
}

fn midwife_without_number(view: &View<'_, '_>, at: u32) -> Truth {
    implies(
        Some(qualified(view, at, &["02"])),
        Some(!view.has(at, &["identifier"])),
    )
}

fn one_of(view: &View<'_, '_>, at: u32, codes: &[&str]) -> Truth {
    let count: usize = codes.iter().map(|code| identifiers(view, at, code)).sum();
    implies(Some(view.has(at, &["identifier"])), Some(count == 1))
}

fn nine_digits(value: &str) -> bool {
    value.len() == 9 && digits(value)
}

fn nine_characters(value: &str) -> bool {
    value.chars().count() == 9
}

/// Nine digits in a row somewhere: the profile's expression has no anchors.
fn nine_digits_somewhere(value: &str) -> bool {
    value
        .as_bytes()
        .windows(9)
        .any(|window| window.iter().all(u8::is_ascii_digit))
}

fn insured_id(value: &str) -> bool {
    value.len() == 10
        && value.starts_with(|c: char| c.is_ascii_uppercase())
        && value.get(1..).is_some_and(digits)
}

fn country(value: &str) -> bool {
    (1..=3).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_uppercase())
}

macro_rules! rule {
    ($names:expr, $german:literal, $english:literal, $holds:expr) => {
        Rule {
            names: &$names,
            holds: $holds,
            german: $german,
            english: $english,
        }
    };
}

pub(super) const RULES: &[Rule] = &[
    rule!(
        ["-eau-begrenzungDate", "begrenzungDate"],
        "Ausstellungsdatum auf den Tag (JJJJ-MM-TT)",
        "date of issue to the day (YYYY-MM-DD)",
        day_of_composition
    ),
    rule!(
        ["-for-begrenzungDate"],
        "Ende des Versicherungsschutzes auf den Tag (JJJJ-MM-TT)",
        "end of cover to the day (YYYY-MM-DD)",
        day_of_end
    ),
    rule!(
        ["-eau-begrenzungDateFestgestelltAm"],
        "„festgestellt am“ auf den Tag (JJJJ-MM-TT)",
        "date of assessment to the day (YYYY-MM-DD)",
        day_asserted
    ),
    rule!(
        ["-eau-begrenzungDateStart"],
        "„arbeitsunfähig seit“ auf den Tag (JJJJ-MM-TT)",
        "first day of incapacity to the day (YYYY-MM-DD)",
        |view, at| day_in_onset(view, at, "start")
    ),
    rule!(
        ["-eau-begrenzungDateEnd"],
        "„voraussichtlich bis“ auf den Tag (JJJJ-MM-TT)",
        "expected last day to the day (YYYY-MM-DD)",
        |view, at| day_in_onset(view, at, "end")
    ),
    rule!(
        ["-eau-begrenzungDateteilweise-arbeitsfaehig-ab"],
        "„teilweise arbeitsfähig ab“ auf den Tag (JJJJ-MM-TT)",
        "partly fit from, to the day (YYYY-MM-DD)",
        |view, at| day_of_extension(view, at, url::PARTIALLY)
    ),
    rule!(
        ["-eau-anzahlUrsache"],
        "jede Ursache nur einmal",
        "each cause only once",
        causes_differ
    ),
    rule!(
        ["-eau-begrenzungDateWiedereingliederung-ab"],
        "„Wiedereingliederung ab“ auf den Tag (JJJJ-MM-TT)",
        "reintegration from, to the day (YYYY-MM-DD)",
        |view, at| day_of_extension(view, at, url::REINTEGRATION)
    ),
    rule!(
        ["-eau-begrenzungDateEntlassungsdatum"],
        "Entlassungsdatum auf den Tag (JJJJ-MM-TT)",
        "date of discharge to the day (YYYY-MM-DD)",
        |view, at| day_of_extension(view, at, url::DISCHARGE)
    ),
    rule!(
        ["-eau-begrenzungDateAufnahmedatum"],
        "Aufnahmedatum auf den Tag (JJJJ-MM-TT)",
        "date of admission to the day (YYYY-MM-DD)",
        |view, at| day_of_extension(view, at, url::ADMISSION)
    ),
    rule!(
        ["-eau-EntlassungdatumNurRehaHeilbehandlung"],
        "Entlassungsdatum nur bei Reha oder stationärer Heilbehandlung",
        "a date of discharge only for rehabilitation or inpatient treatment",
        |view, at| step_for(view, at, url::DISCHARGE, &["reha", "stationaere_heilbehandlung"])
    ),
    rule!(
        ["-eau-AufnahmedatumNurRehaHeilbehandlung"],
        "Aufnahmedatum nur bei Reha oder stationärer Heilbehandlung",
        "a date of admission only for rehabilitation or inpatient treatment",
        |view, at| step_for(view, at, url::ADMISSION, &["reha", "stationaere_heilbehandlung"])
    ),
    rule!(
        ["-eau-WiedereingliederungAbNurWiedereingliederung"],
        "„Wiedereingliederung ab“ nur bei Wiedereingliederung",
        "reintegration from, only for reintegration",
        |view, at| step_for(view, at, url::REINTEGRATION, &["wiedereingliederung"])
    ),
    rule!(
        ["-eau-keinTextBeiAnderen"],
        "Freitext nur bei sonstigen Maßnahmen",
        "free text only for other measures",
        no_text_beside_known_steps
    ),
    rule!(
        [
            "-for-angabeIKzustaendigeKrankenkasseEGKPflicht",
            "-for-angabeIKzustaendigeKrankenkasseEGK"
        ],
        "IK der Krankenkasse bei GKV, BG, SKT, UK, PKV",
        "the fund's institution number for GKV, BG, SKT, UK, PKV",
        |view, at| coverage_with(view, at, view.has(at, &["payor", "identifier"]))
    ),
    rule!(
        ["-for-angabeVersichertenartPflicht", "-for-angabeVersichertenart"],
        "Versichertenart bei GKV, BG, SKT, UK, PKV",
        "kind of insured person for GKV, BG, SKT, UK, PKV",
        |view, at| coverage_extended(view, at, gkv::INSURED)
    ),
    rule!(
        [
            "-for-angabeBesonderePersonengruppePflicht",
            "-for-angabeBesonderePersonengruppe"
        ],
        "besondere Personengruppe bei GKV, BG, SKT, UK, PKV",
        "special group of persons for GKV, BG, SKT, UK, PKV",
        |view, at| coverage_extended(view, at, gkv::GROUP)
    ),
    rule!(
        ["-for-angabeIKKostentraegerVerbot"],
        "kein zweites Kostenträger-IK bei GKV, SKT, SEL, PKV",
        "no second payor number for GKV, SKT, SEL, PKV",
        no_second_payor
    ),
    rule!(
        ["-for-angabeDMPPflicht", "-for-angabeDMP"],
        "DMP-Kennzeichen bei GKV, BG, SKT, UK, PKV",
        "disease management mark for GKV, BG, SKT, UK, PKV",
        |view, at| coverage_extended(view, at, gkv::DMP)
    ),
    rule!(
        ["-for-anzahlIdentifikatorOrganizationRessource"],
        "genau eines von BSNR, IK, KZV-Abrechnungsnummer, Standortnummer",
        "exactly one of BSNR, IK, KZV number, site number",
        |view, at| one_of(view, at, &["BSNR", "XX", "KZVA", "KSN"])
    ),
    rule!(
        ["-for-angabeArztnummerPflicht", "-for-angabeArztnummer"],
        "bei Ärzten ist der Identifikator eine Arztnummer (LANR)",
        "a physician's identifier is a physician number (LANR)",
        |view, at| number_for(view, at, &["00", "03", "04"], "LANR")
    ),
    rule!(
        ["-for-angabeZahnarztnummerPflicht", "-for-angabeZahnarztnummer"],
        "bei Zahnärzten ist der Identifikator eine Zahnarztnummer",
        "a dentist's identifier is a dentist number",
        |view, at| number_for(view, at, &["01"], "ZANR")
    ),
    rule!(
        ["-for-angabeIdentifikatorAusstellende-VerantwortlichePersonVerbot"],
        "kein Identifikator bei Hebammen",
        "no identifier for midwives",
        midwife_without_number
    ),
    rule!(
        ["-for-anzahlIdentifikatorAusstellende-VerantwortlichePerson"],
        "genau eine Arzt- oder Zahnarztnummer",
        "exactly one physician or dentist number",
        |view, at| one_of(view, at, &["LANR", "ZANR"])
    ),
    rule!(
        ["-for-laengeIK"],
        "IK: neun Ziffern",
        "institution number: nine digits",
        |view, at| value_matches(view, at, if older(view) { nine_characters } else { nine_digits })
    ),
    rule!(
        ["-for-LaengeIK"],
        "IK: neun Zeichen",
        "institution number: nine characters",
        |view, at| value_matches(view, at, nine_characters)
    ),
    rule!(
        ["-for-laengeBSNR"],
        "Betriebsstättennummer: neun Ziffern",
        "place of practice number: nine digits",
        |view, at| value_matches(view, at, nine_digits)
    ),
    rule!(
        ["-for-laengeKZVA", "-for-LaengeKZVA"],
        "KZV-Abrechnungsnummer: neun Ziffern",
        "KZV number: nine digits",
        |view, at| value_matches(view, at, nine_digits)
    ),
    rule!(
        ["-for-laengeStandortnummer"],
        "Standortnummer: neun Ziffern",
        "site number: nine digits",
        |view, at| value_matches(view, at, nine_digits)
    ),
    rule!(
        ["-for-laengeLANR", "-for-LaengeLANR"],
        "Arztnummer: neun Ziffern",
        "physician number: nine digits",
        |view, at| value_matches(view, at, nine_digits)
    ),
    rule!(
        ["-for-laengeZANR", "-for-LaengeZANR"],
        "Zahnarztnummer: neun Ziffern",
        "dentist number: nine digits",
        |view, at| value_matches(view, at, nine_digits)
    ),
    rule!(
        ["-for-laengeASVnummer"],
        "ASV-Teamnummer: neun Ziffern",
        "ASV team number: nine digits",
        |view, at| value_matches(view, at, nine_digits_somewhere)
    ),
    rule!(
        [
            "-for-laengeVersichertenId",
            "-for-LaengeVersichertenIdGKV",
            "-for-LaengeVersichertenIdPKV"
        ],
        "Versicherten-ID: ein Großbuchstabe und neun Ziffern",
        "insured id: a capital letter and nine digits",
        |view, at| value_matches(view, at, insured_id)
    ),
    rule!(
        ["-for-laengeWohnsitzlaendercode"],
        "Länderkennzeichen: ein bis drei Großbuchstaben",
        "country code: one to three capital letters",
        |view, at| value_matches(view, at, country)
    ),
];

fn older(view: &View<'_, '_>) -> bool {
    use crate::version::Version;
    matches!(view.version, Version::V1_0_2 | Version::V1_1_0)
}

mod gkv {
    pub(super) const INSURED: &str = "http://fhir.de/StructureDefinition/gkv/versichertenart";
    pub(super) const GROUP: &str = "http://fhir.de/StructureDefinition/gkv/besondere-personengruppe";
    pub(super) const DMP: &str = "http://fhir.de/StructureDefinition/gkv/dmp-kennzeichen";
}
