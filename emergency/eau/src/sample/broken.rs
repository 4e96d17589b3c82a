//! Documents that break one invariant by name, and as nearly as the rules allow nothing else.

use jiff::civil::Date;

use super::{
    Author, Payor, Sample, Stage, Step, Wanted, note_tree,
    resource::{asv_group, due_to, identified, institution, physician},
    sample, storno_tree,
    tree::{Tree, ext, val},
};

/// A document that breaks a rule.
#[derive(Clone, Debug)]
pub struct Broken {
    /// The rule it was made to break.
    pub rule: &'static str,
    /// Rules that cannot hold either when this one is broken.
    pub also: &'static [&'static str],
    /// The document.
    pub sample: Sample,
}

/// What to break: the rule, what else breaks with it, the note to begin with, and the change.
struct Case {
    rule: &'static str,
    also: &'static [&'static str],
    wanted: fn(&mut Wanted),
    change: fn(&mut Tree) -> Option<()>,
}

/// Every invariant of version 1.2.1 that can be broken here; some have several ways.
#[must_use]
pub fn broken_rules() -> Vec<&'static str> {
    let mut rules: Vec<_> = cases().map(|case| case.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}

/// Documents that break this rule, one for each way known. Empty for a rule not known.
#[must_use]
pub fn broken(rule: &str, seed: u64, issued: Date) -> Vec<Broken> {
    cases()
        .filter(|case| case.rule == rule)
        .filter_map(|case| {
            let mut wanted = Wanted::plain(issued);
            (case.wanted)(&mut wanted);
            let mut tree = note_tree(seed, &wanted);
            (case.change)(&mut tree)?;
            Some(Broken {
                rule: case.rule,
                also: case.also,
                sample: sample(&tree),
            })
        })
        .chain(storno_case(rule, seed, issued))
        .collect()
}

fn storno_case(rule: &str, seed: u64, issued: Date) -> Option<Broken> {
    if rule != "-eau-versionComposition" {
        return None;
    }
    let mut tree = storno_tree(seed, "urn:uuid:5a0f3f0e-0000-5000-8000-000000000000", issued);
    two_profiles(&mut tree)?;
    Some(Broken {
        rule: "-eau-versionComposition",
        also: &[],
        sample: sample(&tree),
    })
}

fn cases() -> impl Iterator<Item = &'static Case> {
    [ACROSS, PRIVATE, WITHIN, ORGANIZATION, PATIENT, PERSON]
        .into_iter()
        .flatten()
}

/// The resource of a kind; conditions by the end of their profile's name.
fn resource<'t>(tree: &'t mut Tree, kind: &str, profile_name: &str) -> Option<&'t mut Tree> {
    tree.named("entry")
        .filter_map(|entry| entry.down("resource")?.kids.first_mut())
        .find_map(|resource| {
            let claimed = resource
                .down("meta/profile")
                .and_then(|at| at.value.clone())
                .unwrap_or_default();
            (resource.name == kind && claimed.contains(profile_name)).then_some(resource)
        })
}

fn at<'t>(tree: &'t mut Tree, kind: &str, path: &str) -> Option<&'t mut Tree> {
    resource(tree, kind, "")?.down(path)
}

fn set(tree: &mut Tree, kind: &str, path: &str, value: &str) -> Option<()> {
    at(tree, kind, path)?.value = Some(value.to_owned());
    Some(())
}

fn drop(tree: &mut Tree, kind: &str, path: &str, name: &str) -> Option<()> {
    at(tree, kind, path)?.without(name);
    Some(())
}

/// The practitioner who is not the author.
fn other_person(tree: &mut Tree) -> Option<&mut Tree> {
    tree.named("entry")
        .filter_map(|entry| entry.down("resource")?.kids.first_mut())
        .filter(|resource| resource.name == "Practitioner")
        .nth(1)
}

fn other_reference(tree: &mut Tree) -> Option<String> {
    at(tree, "Composition", "attester/party/reference")?.value.clone()
}

fn incapacity(tree: &mut Tree) -> Option<&mut Tree> {
    resource(tree, "Condition", "Condition_AU")
}

fn day_in(at: Option<&mut Tree>, value: &str) -> Option<()> {
    at?.value = Some(value.to_owned());
    Some(())
}

fn kbv_extension(name: &str, value: Tree) -> Tree {
    ext(&format!("https://fhir.kbv.de/StructureDefinition/{name}"), value)
}

fn extend(of: Option<&mut Tree>, extension: Tree) -> Option<()> {
    of?.put(extension, 2);
    Some(())
}

fn two_profiles(tree: &mut Tree) -> Option<()> {
    at(tree, "Composition", "meta")?
        .kids
        .push(val("profile", "https://example.org/StructureDefinition/other"));
    Some(())
}

fn basis(tree: &mut Tree, code: &str) -> Option<()> {
    set(tree, "Composition", "extension/valueCoding/code", code)
}

fn trainee(wanted: &mut Wanted) {
    wanted.author = Author::Trainee;
}

fn plain(_: &mut Wanted) {}

fn private(wanted: &mut Wanted) {
    wanted.payor = Payor::Pkv;
}

fn team(wanted: &mut Wanted) {
    wanted.team = true;
}

macro_rules! case {
    ($rule:literal, $wanted:expr, $change:expr) => {
        Case {
            rule: $rule,
            also: &[],
            wanted: $wanted,
            change: $change,
        }
    };
    ($rule:literal, $also:expr, $wanted:expr, $change:expr) => {
        Case {
            rule: $rule,
            also: &$also,
            wanted: $wanted,
            change: $change,
        }
    };
}

const ACROSS: &[Case] = &[
    case!("-eau-angabePruefnummerPflicht", plain, |tree| {
        let composition = resource(tree, "Composition", "")?;
        composition
            .kids
            .retain(|kid| kid.name != "author" || kid.kids.iter().any(|kid| kid.name == "reference"));
        Some(())
    }),
    case!("-eau-angabePatientPLZPflicht", plain, |tree| drop(
        tree,
        "Patient",
        "address",
        "postalCode"
    )),
    case!("-eau-angabeRechtsgrundlagePflicht", plain, |tree| drop(
        tree,
        "Composition",
        "",
        "extension"
    )),
    case!(
        "-eau-uniqueServiceRequest",
        |wanted| wanted.steps = vec![Step::Rehabilitation, Step::AccidentPhysician],
        |tree| {
            let steps = tree
                .named("entry")
                .filter_map(|entry| entry.down("resource/ServiceRequest/code/coding/code"));
            steps.for_each(|code| code.value = Some("reha".into()));
            Some(())
        }
    ),
    case!("-eau-versionComposition", plain, two_profiles),
    case!(
        "-eau-angabeIdentifikatorAusstellendePersonPflicht",
        plain,
        |tree| drop(tree, "Practitioner", "", "identifier")
    ),
    case!("-eau-angabeVerantwortlichePersonVerbot-1", trainee, |tree| set(
        tree,
        "Practitioner",
        "qualification/code/coding/code",
        "00"
    )),
    case!(
        "-eau-angabeVerantwortlichePersonVerbot-2",
        trainee,
        |tree| day_in(other_person(tree)?.down("qualification/code/coding/code"), "03")
    ),
    case!(
        "-eau-angabeIdentifikatorVerantwortlichePersonPflicht",
        trainee,
        |tree| {
            other_person(tree)?.without("identifier");
            Some(())
        }
    ),
    case!(
        "-eau-angabeFachgruppennummerAsvAusstellendePersonVerbot",
        team,
        |tree| {
            resource(tree, "Practitioner", "")?
                .kids
                .push(asv_group("555555472"));
            Some(())
        }
    ),
    case!(
        "-eau-angabeFachgruppennummerAsvVerantwortlichePersonVerbot",
        trainee,
        |tree| {
            other_person(tree)?.kids.push(asv_group("555555472"));
            Some(())
        }
    ),
    case!("-eau-referenzAufAusstellendePerson-1", trainee, |tree| {
        let other = other_reference(tree)?;
        day_in(incapacity(tree)?.down("asserter/reference"), &other)
    }),
    case!("-eau-angabeIdentifikatorEinrichtungPflicht", plain, |tree| drop(
        tree,
        "Organization",
        "",
        "identifier"
    )),
    case!("-eau-angabeAUseitErstbescheinigung", plain, |tree| {
        incapacity(tree)?.down("onsetPeriod")?.without("start");
        Some(())
    }),
    case!(
        "-eau-angabeAUseitFolgebescheinigung",
        |wanted| wanted.stage = Stage::Later,
        |tree| {
            let period = incapacity(tree)?.down("onsetPeriod")?;
            let end = period.down("end")?.value.clone()?;
            period.kids.insert(0, val("start", end));
            Some(())
        }
    ),
    case!("-eau-angabeVersichertenIDbeiGKV", plain, |tree| set_card(tree)),
    case!("-eau-angabeVersichertenIDbeiPKV", private, |tree| set_card(tree)),
    case!(
        "-eau-angabeVersichertennummerBeiSKT",
        |wanted| wanted.payor = Payor::Skt,
        |tree| {
            let kind = at(tree, "Patient", "identifier/type")?;
            let coding = kind.down("coding")?.clone();
            kind.kids.push(coding);
            Some(())
        }
    ),
    case!("-eau-geburtsdatumPatient", plain, |tree| set(
        tree,
        "Patient",
        "birthDate",
        "2050-01-01"
    )),
    case!("-eau-angabeAsvTeamnummerPflicht", plain, |tree| basis(tree, "01")),
    case!("-eau-angabeAsvTeamnummerVerbot", team, |tree| basis(tree, "00")),
    case!("-eau-angabePatientenAdressePflicht", plain, |tree| drop(
        tree, "Patient", "", "address"
    )),
    case!(
        "-eau-referenzAufAusstellendePerson-2",
        |wanted| {
            wanted.author = Author::Trainee;
            wanted.team = true;
        },
        |tree| {
            let other = other_reference(tree)?;
            set(tree, "PractitionerRole", "practitioner/reference", &other)
        }
    ),
    case!("-eau-angabeVerantwortlichePersonPflicht", trainee, |tree| {
        drop(tree, "Practitioner", "", "identifier")?;
        drop(tree, "Composition", "", "attester")?;
        let last = tree
            .kids
            .iter_mut()
            .rposition(|entry| entry.down("resource/Practitioner").is_some())?;
        tree.kids.remove(last);
        Some(())
    }),
];

/// The patient shows a card number instead of an insured id.
fn set_card(tree: &mut Tree) -> Option<()> {
    let system = "https://fhir.kbv.de/CodeSystem/KBV_CS_Base_identifier_type";
    *at(tree, "Patient", "identifier")? = identified(
        system,
        "kvk",
        "http://fhir.de/sid/gkv/kvk-versichertennummer",
        "7003141",
    );
    Some(())
}

fn with_step(wanted: &mut Wanted, payor: Payor, step: Step) {
    wanted.payor = payor;
    wanted.steps = vec![step];
}

fn dated(tree: &mut Tree, name: &str, value: &str) -> Option<()> {
    let extension = kbv_extension(&format!("KBV_EX_EAU_{name}"), val("valueDateTime", value));
    extend(resource(tree, "ServiceRequest", ""), extension)
}

/// Changes the date of a step's extension.
fn redated(tree: &mut Tree, name: &str, value: &str) -> Option<()> {
    let step = resource(tree, "ServiceRequest", "")?;
    let extension = step
        .named("extension")
        .find(|kid| kid.url.as_deref().is_some_and(|url| url.ends_with(name)))?;
    day_in(extension.down("valueDateTime"), value)
}

const PRIVATE: &[Case] = &[
    case!("-eau-angabeTeilweiseArbeitsfaehigPKV", plain, |tree| {
        extend(
            incapacity(tree),
            kbv_extension(
                "KBV_EX_EAU_partially_employable",
                val("valueDateTime", "2026-09-01"),
            ),
        )
    }),
    case!("-eau-angabeBerufsunfaehigPKV", plain, |tree| {
        extend(
            incapacity(tree),
            kbv_extension("KBV_EX_EAU_unemployability", val("valueBoolean", "true")),
        )
    }),
    case!(
        "-eau-angabeAufnahmedatumNurPKV",
        |wanted| with_step(wanted, Payor::Gkv, Step::Rehabilitation),
        |tree| dated(tree, "admission_date", "2026-09-01")
    ),
    case!(
        "-eau-angabeEntlassdatumNurPKV",
        |wanted| with_step(wanted, Payor::Gkv, Step::Rehabilitation),
        |tree| dated(tree, "discharge_date", "2026-09-01")
    ),
    case!(
        "-eau-angabeStationaereHeilbehandlungPKV",
        |wanted| with_step(wanted, Payor::Gkv, Step::Inpatient),
        |_| Some(())
    ),
    case!(
        "-eau-angabeWiedereingliederungabPKV",
        |wanted| with_step(wanted, Payor::Gkv, Step::Reintegration),
        |tree| dated(tree, "reintegration_date", "2026-09-01")
    ),
    case!("-eau-begrenzungDateteilweise-arbeitsfaehig-ab", private, |tree| {
        extend(
            incapacity(tree),
            kbv_extension("KBV_EX_EAU_partially_employable", val("valueDateTime", "2026-09")),
        )
    }),
    case!(
        "-eau-begrenzungDateWiedereingliederung-ab",
        |wanted| with_step(wanted, Payor::Pkv, Step::Reintegration),
        |tree| redated(tree, "reintegration_date", "2026-09")
    ),
    case!(
        "-eau-begrenzungDateEntlassungsdatum",
        |wanted| with_step(wanted, Payor::Pkv, Step::Inpatient),
        |tree| redated(tree, "discharge_date", "2026-09")
    ),
    case!(
        "-eau-begrenzungDateAufnahmedatum",
        |wanted| with_step(wanted, Payor::Pkv, Step::Inpatient),
        |tree| redated(tree, "admission_date", "2026")
    ),
    case!(
        "-eau-EntlassungdatumNurRehaHeilbehandlung",
        |wanted| with_step(wanted, Payor::Pkv, Step::AccidentPhysician),
        |tree| dated(tree, "discharge_date", "2026-09-01")
    ),
    case!(
        "-eau-AufnahmedatumNurRehaHeilbehandlung",
        |wanted| with_step(wanted, Payor::Pkv, Step::AccidentPhysician),
        |tree| dated(tree, "admission_date", "2026-09-01")
    ),
    case!(
        "-eau-WiedereingliederungAbNurWiedereingliederung",
        |wanted| with_step(wanted, Payor::Pkv, Step::AccidentPhysician),
        |tree| dated(tree, "reintegration_date", "2026-09-01")
    ),
    case!(
        "-eau-keinTextBeiAnderen",
        |wanted| with_step(wanted, Payor::Gkv, Step::Rehabilitation),
        |tree| {
            at(tree, "ServiceRequest", "code")?
                .kids
                .push(val("text", "Beratung"));
            Some(())
        }
    ),
];

fn without_mark(tree: &mut Tree, name: &str) -> Option<()> {
    let coverage = resource(tree, "Coverage", "")?;
    coverage
        .kids
        .retain(|kid| kid.url.as_deref().is_none_or(|url| !url.ends_with(name)));
    Some(())
}

const WITHIN: &[Case] = &[
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

const ORGANIZATION: &[Case] = &[
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

const PATIENT: &[Case] = &[
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

const PERSON: &[Case] = &[
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
