//! The bundle's rules under their names, with what they expect in words.

use super::{
    Rule, any_step, asserted_by_author, asv_team, attester_is_physician, attester_only_for_trainees,
    attesters_asv_group, attesters_number, authors_asv_group, authors_number, born_before,
    composition_version, insurance_number, insured_id, legal_basis, no_asv_team, no_since_in_later_note,
    only_private, only_private_steps, organization_number, patients_address, postal_code, role_of_author,
    since_in_first_note, steps_differ, test_number, trainee_without_number_has_attester,
};
use crate::view::url;

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

pub(in crate::rules) const RULES: &[Rule] = &[
    rule!(
        ["-eau-angabePruefnummerPflicht", "-eau-angabePruefnummer"],
        "Prüfnummer bei GKV, BG, SKT, UK",
        "a software test number for GKV, BG, SKT, UK",
        test_number
    ),
    rule!(
        ["-eau-angabePatientPLZPflicht", "-eau-angabePatientPLZ"],
        "Postleitzahl bei Wohnsitz in Deutschland (GKV, BG, SKT, UK, PKV)",
        "a postal code for residents of Germany (GKV, BG, SKT, UK, PKV)",
        postal_code
    ),
    rule!(
        ["-eau-angabeRechtsgrundlagePflicht", "-eau-angabeRechtsgrundlage"],
        "Rechtsgrundlage bei GKV, BG, SKT, UK, PKV",
        "a legal basis for GKV, BG, SKT, UK, PKV",
        legal_basis
    ),
    rule!(
        ["-eau-uniqueServiceRequest"],
        "jede Maßnahme nur einmal",
        "each further step only once",
        steps_differ
    ),
    rule!(
        ["-eau-versionComposition"],
        "Composition in der Version des Bundles",
        "a composition of the bundle's version",
        composition_version
    ),
    rule!(
        [
            "-eau-angabeIdentifikatorAusstellendePersonPflicht",
            "-eau-angabeIdentifikatorAusstellendePerson"
        ],
        "Identifikator oder ASV-Fachgruppennummer der ausstellenden Person",
        "identifier or ASV group number of the issuing person",
        authors_number
    ),
    rule!(
        ["-eau-angabeVerantwortlichePersonVerbot-1"],
        "verantwortliche Person nur neben Ärzten in Weiterbildung oder Vertretern",
        "a responsible person only beside trainees or substitutes",
        attester_only_for_trainees
    ),
    rule!(
        ["-eau-angabeVerantwortlichePersonVerbot-2"],
        "verantwortliche Person ist weder Hebamme noch Arzt in Weiterbildung",
        "the responsible person is neither midwife nor trainee",
        attester_is_physician
    ),
    rule!(
        [
            "-eau-angabeIdentifikatorVerantwortlichePersonPflicht",
            "-eau-angabeIdentifikatorVerantwortlichePerson"
        ],
        "Identifikator oder ASV-Fachgruppennummer der verantwortlichen Person",
        "identifier or ASV group number of the responsible person",
        attesters_number
    ),
    rule!(
        ["-eau-angabeFachgruppennummerAsvAusstellendePersonVerbot"],
        "ASV-Fachgruppennummer der ausstellenden Person nur bei Rechtsgrundlage 01 oder 11, für Ärzte ohne Identifikator",
        "ASV group number of the issuing person only on legal basis 01 or 11, for physicians without identifier",
        authors_asv_group
    ),
    rule!(
        ["-eau-angabeFachgruppennummerAsvVerantwortlichePersonVerbot"],
        "ASV-Fachgruppennummer der verantwortlichen Person nur bei Rechtsgrundlage 01 oder 11, für Ärzte ohne Identifikator",
        "ASV group number of the responsible person only on legal basis 01 or 11, for physicians without identifier",
        attesters_asv_group
    ),
    rule!(
        [
            "-eau-referenzAufAusstellendePerson-1",
            "-eau-referenzAufAusstellendePerson"
        ],
        "jede Condition verweist auf die ausstellende Person",
        "each condition refers to the issuing person",
        asserted_by_author
    ),
    rule!(
        [
            "-eau-angabeIdentifikatorEinrichtungPflicht",
            "-eau-angabeIdentifikatorEinrichtung"
        ],
        "Identifikator der Einrichtung bei Ärzten und Zahnärzten",
        "identifier of the organisation for physicians and dentists",
        organization_number
    ),
    rule!(
        ["-eau-angabeAUseitErstbescheinigung"],
        "„arbeitsunfähig seit“ in einer Erstbescheinigung",
        "a first day of incapacity in a first note",
        since_in_first_note
    ),
    rule!(
        ["-eau-angabeAUseitFolgebescheinigung"],
        "kein „arbeitsunfähig seit“ in einer Folgebescheinigung",
        "no first day of incapacity in a follow-up note",
        no_since_in_later_note
    ),
    rule!(
        ["-eau-angabeVersichertenIDbeiGKV"],
        "Versicherten-ID bei GKV",
        "insured id for GKV",
        |view, _| insured_id(view, "GKV", "GKV")
    ),
    rule!(
        ["-eau-angabeVersichertenIDbeiPKV"],
        "Versicherten-ID bei PKV",
        "insured id for PKV",
        |view, _| insured_id(view, "PKV", "PKV")
    ),
    rule!(
        [
            "-eau-angabeVersichertennummerBeiSKT",
            "-eau-angabeVersichertennummerBeiKVK"
        ],
        "Versichertennummer oder Versicherten-ID bei SKT",
        "insurance number or insured id for SKT",
        insurance_number
    ),
    rule!(
        ["-eau-angabeTeilweiseArbeitsfaehigPKV"],
        "„teilweise arbeitsfähig ab“ nur bei PKV",
        "partly fit from, only for PKV",
        |view, _| only_private(view, view.extended(view.incapacity, url::PARTIALLY))
    ),
    rule!(
        ["-eau-angabeBerufsunfaehigPKV"],
        "Berufsunfähigkeit nur bei PKV",
        "unfitness for the occupation only for PKV",
        |view, _| only_private(view, view.extended(view.incapacity, url::UNEMPLOYABILITY))
    ),
    rule!(
        ["-eau-angabeAufnahmedatumNurPKV"],
        "Aufnahmedatum nur bei PKV",
        "a date of admission only for PKV",
        |view, _| only_private(view, any_step(view, url::ADMISSION))
    ),
    rule!(
        ["-eau-angabeEntlassdatumNurPKV"],
        "Entlassungsdatum nur bei PKV",
        "a date of discharge only for PKV",
        |view, _| only_private(view, any_step(view, url::DISCHARGE))
    ),
    rule!(
        ["-eau-angabeStationaereHeilbehandlungPKV"],
        "stationäre Heilbehandlung nur bei PKV",
        "inpatient treatment only for PKV",
        only_private_steps
    ),
    rule!(
        ["-eau-angabeWiedereingliederungabPKV"],
        "„Wiedereingliederung ab“ nur bei PKV",
        "reintegration from, only for PKV",
        |view, _| only_private(view, any_step(view, url::REINTEGRATION))
    ),
    rule!(
        ["-eau-geburtsdatumPatient"],
        "Geburtsdatum nicht nach dem Ausstellungsdatum",
        "a birth date not after the date of issue",
        born_before
    ),
    rule!(
        ["-eau-angabeAsvTeamnummerPflicht"],
        "ASV-Teamnummer bei Rechtsgrundlage 01 oder 11",
        "an ASV team number on legal basis 01 or 11",
        asv_team
    ),
    rule!(
        ["-eau-angabeAsvTeamnummerVerbot"],
        "ASV-Teamnummer nur bei Rechtsgrundlage 01 oder 11",
        "an ASV team number only on legal basis 01 or 11",
        no_asv_team
    ),
    rule!(
        ["-eau-angabePatientenAdressePflicht"],
        "Adresse des Patienten",
        "the patient's address",
        patients_address
    ),
    rule!(
        ["-eau-referenzAufAusstellendePerson-2"],
        "die ASV-Ausübung verweist auf die ausstellende Person",
        "the ASV role refers to the issuing person",
        role_of_author
    ),
    rule!(
        ["-eau-angabeVerantwortlichePersonPflicht"],
        "verantwortliche Person, wenn ein Arzt in Weiterbildung keinen Identifikator hat",
        "a responsible person when a trainee has no identifier",
        trainee_without_number_has_attester
    ),
];
