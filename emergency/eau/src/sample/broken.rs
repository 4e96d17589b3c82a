//! Documents that break one invariant by name, and as nearly as the rules allow nothing else.

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

mod within;

use jiff::civil::Date;

use super::{
    Author, Payor, Sample, Stage, Step, Wanted, note_tree,
    resource::{asv_group, identified},
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
    [
        ACROSS,
        PRIVATE,
        within::WITHIN,
        within::ORGANIZATION,
        within::PATIENT,
        within::PERSON,
    ]
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
