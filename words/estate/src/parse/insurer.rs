//! Insurers, their mailboxes and services.

use std::collections::{BTreeMap, BTreeSet};

use vocabulary::{InsurerId, ServiceId, SiteId, service};

use super::{
    Catalogue, HOURS_MAX, INSURERS_MAX, MAILBOXES_MAX, SERVICES_MAX, Seen, check_rto, livelihood_of, resolve,
    resolve_site,
};
use crate::{
    identifier::{Ik, Mailbox, Telematik},
    mistake::Trouble,
    model::{Hours, Impact, Insurer, Livelihood, Origin, Persons, Site},
    reading::{Reader, Section, Spotted},
};

/// More insured persons than one insurer can have: more than anybody lives in the country.
const INSURED_MAX: u64 = 100_000_000;

/// How the institution number of an invented insurer begins: a classification no real institution is given here, so
/// that a sample can never be taken for somebody.
const SYNTHETIC_IK_START: &str = "99";

/// Impact of a service unless an insurer says otherwise.
#[derive(Clone, Copy)]
pub(crate) struct Default {
    pub(crate) mtd: Hours,
    pub(crate) rto: Hours,
    pub(crate) affected_percent: u64,
    pub(crate) livelihood: Livelihood,
}

/// What all insurers are checked against.
struct Surroundings<'a, 't> {
    reader: &'a Reader<'t>,
    sites: &'a BTreeMap<SiteId, Site>,
    catalogue: &'a Catalogue,
    telematik: Telematik,
    origin: Origin,
}

#[derive(Default)]
struct Taken {
    ids: Option<Seen<InsurerId>>,
    iks: Option<Seen<Ik>>,
    mailboxes: Option<Seen<Mailbox>>,
}

/// What the list of insurers holds. `declared` has those too that were left out for a mistake already noted, so that a
/// reference to them is not a second mistake.
pub(super) struct All {
    pub(super) declared: BTreeSet<InsurerId>,
    pub(super) insurers: BTreeMap<InsurerId, Insurer>,
    pub(super) owners: BTreeMap<Mailbox, InsurerId>,
}

pub(super) fn read_all(
    reader: &Reader<'_>,
    root: &Section<'_, '_>,
    sites: &BTreeMap<SiteId, Site>,
    catalogue: &Catalogue,
    telematik: Telematik,
    origin: Origin,
) -> All {
    let around = Surroundings {
        reader,
        sites,
        catalogue,
        telematik,
        origin,
    };
    let mut taken = Taken::default();
    let mut insurers = BTreeMap::new();
    let mut owners = BTreeMap::new();
    for section in root.sections("insurer", INSURERS_MAX) {
        if let Some(insurer) = read_one(&around, &section, &mut taken) {
            owners.extend(
                insurer
                    .mailboxes
                    .iter()
                    .map(|mailbox| (mailbox.clone(), insurer.id.clone())),
            );
            insurers.insert(insurer.id.clone(), insurer);
        }
        section.finish();
    }
    if insurers.is_empty() && taken.ids.is_none() {
        root.needed::<()>("insurer", None);
    }
    let declared = taken.ids.map(Seen::into_values).unwrap_or_default();
    All {
        declared,
        insurers,
        owners,
    }
}

fn read_one(around: &Surroundings<'_, '_>, section: &Section<'_, '_>, taken: &mut Taken) -> Option<Insurer> {
    let id = section
        .needed("id", section.name::<InsurerId>("id"))
        .filter(|id| {
            let seen = taken.ids.get_or_insert_with(Seen::new);
            seen.is_new(around.reader, section, "id", id)
        });
    let name = section.needed("name", section.text("name"));
    let ik = section
        .needed("ik", section.text("ik"))
        .and_then(|text| read_ik(around, section, &text, taken));
    let insured = section.needed("insured", section.number("insured", 1..=INSURED_MAX));
    let site = section
        .needed("site", section.name::<SiteId>("site"))
        .and_then(|site| resolve_site(section, site, around.sites));
    let mailboxes = read_mailboxes(around, section, taken);
    let persons = Persons(insured.as_ref().map_or(INSURED_MAX, |insured| insured.value));
    let services = read_services(around, section, persons, mailboxes.is_empty());
    Some(Insurer {
        id: id?.value,
        name: name?.value,
        ik: ik?,
        insured: Persons(insured?.value),
        site: site?,
        mailboxes,
        services,
    })
}

fn read_ik(
    around: &Surroundings<'_, '_>,
    section: &Section<'_, '_>,
    text: &Spotted<String>,
    taken: &mut Taken,
) -> Option<Ik> {
    let ik = match text.value.parse::<Ik>() {
        Ok(value) => Spotted {
            value,
            spot: text.spot,
        },
        Err(bad) => {
            section.note(text.spot, "ik", Trouble::BadIk(bad));
            return None;
        }
    };
    let invented = ik.value.as_str().starts_with(SYNTHETIC_IK_START);
    match around.origin {
        Origin::Synthetic if !invented => {
            let trouble = Trouble::Rule {
                de: "Eine erfundene Kasse braucht eine IK, die mit 99 beginnt. IK ändern oder synthetic = false setzen.".to_owned(),
                en: "An invented insurer needs an IK that begins with 99. Change the IK or set synthetic = false.".to_owned(),
            };
            section.note(text.spot, "ik", trouble);
        }
        Origin::Real if invented => {
            let trouble = Trouble::Rule {
                de: "IK aus dem Bereich 99 gibt es nur in erfundenen Landschaften. Echte IK eintragen oder estate.synthetic = true setzen.".to_owned(),
                en: "An IK of the range 99 exists in invented estates only. Enter the real IK or set estate.synthetic = true.".to_owned(),
            };
            section.note(text.spot, "ik", trouble);
        }
        Origin::Synthetic | Origin::Real => {}
    }
    let seen = taken.iks.get_or_insert_with(Seen::new);
    seen.is_new(around.reader, section, "ik", &ik).then_some(ik.value)
}

fn read_mailboxes(
    around: &Surroundings<'_, '_>,
    section: &Section<'_, '_>,
    taken: &mut Taken,
) -> BTreeSet<Mailbox> {
    let Some(texts) = section.texts("mailboxes", MAILBOXES_MAX) else {
        return BTreeSet::new();
    };
    let mut mailboxes = BTreeSet::new();
    for text in texts.value {
        match Mailbox::new(&text.value, around.telematik) {
            Ok(value) => {
                let mailbox = Spotted {
                    value,
                    spot: text.spot,
                };
                let seen = taken.mailboxes.get_or_insert_with(Seen::new);
                if seen.is_new(around.reader, section, "mailboxes", &mailbox) {
                    mailboxes.insert(mailbox.value);
                }
            }
            Err(bad) => section.note(text.spot, "mailboxes", Trouble::BadMailbox(bad)),
        }
    }
    mailboxes
}

fn resolve_service(
    section: &Section<'_, '_>,
    key: &str,
    reference: Spotted<ServiceId>,
    catalogue: &Catalogue,
) -> Option<ServiceId> {
    let all = catalogue.services.keys().map(ToString::to_string);
    let known = |id: &ServiceId| catalogue.services.contains_key(id);
    resolve(section, key, reference, known, all, ("einen Dienst", "service"))
}

fn read_services(
    around: &Surroundings<'_, '_>,
    section: &Section<'_, '_>,
    insured: Persons,
    no_mailbox: bool,
) -> BTreeMap<ServiceId, Impact> {
    let catalogue = around.catalogue;
    let listed = section.names::<ServiceId>("services", SERVICES_MAX);
    let at = listed.as_ref().map(|list| list.spot);
    let ids: BTreeSet<ServiceId> = match listed {
        Some(list) => {
            let mut seen = Seen::new();
            let mut ids = BTreeSet::new();
            for name in list.value {
                if seen.is_new(around.reader, section, "services", &name) {
                    ids.extend(resolve_service(section, "services", name, catalogue));
                }
            }
            ids
        }
        None => catalogue.services.keys().cloned().collect(),
    };
    let by_mail = |id: &ServiceId| id.as_str() == service::KIM || id.as_str() == service::EAU;
    if no_mailbox && ids.iter().any(by_mail) {
        let trouble = Trouble::Rule {
            de: "kim und eau brauchen ein Postfach. mailboxes ergänzen oder services ohne kim und eau angeben.".to_owned(),
            en: "kim and eau need a mailbox. Add mailboxes, or list services without kim and eau.".to_owned(),
        };
        section.note(at.unwrap_or_else(|| section.spot()), "mailboxes", trouble);
    }
    let mut services = BTreeMap::new();
    for id in ids {
        if let Some(default) = catalogue.defaults.get(&id) {
            services.insert(id, by_default(default, insured));
        }
    }
    read_overrides(section, catalogue, insured, &mut services);
    services
}

fn by_default(default: &Default, insured: Persons) -> Impact {
    // Insured persons are bounded far below where this could overflow.
    let persons = Persons(insured.0.saturating_mul(default.affected_percent) / 100);
    Impact {
        mtd: default.mtd,
        rto: default.rto,
        persons,
        livelihood: default.livelihood,
    }
}

fn read_overrides(
    section: &Section<'_, '_>,
    catalogue: &Catalogue,
    insured: Persons,
    services: &mut BTreeMap<ServiceId, Impact>,
) {
    for (name, own) in section.named_sections("impact") {
        let impact = match name.value.parse::<ServiceId>() {
            Ok(value) => {
                let reference = Spotted {
                    value,
                    spot: name.spot,
                };
                match resolve_service(section, "impact", reference, catalogue) {
                    Some(id) => services.get_mut(&id).or_else(|| {
                        let trouble = Trouble::Rule {
                            de: "Die Kasse hat diesen Dienst nicht. In services aufnehmen oder hier entfernen.".to_owned(),
                            en: "The insurer does not have this service. Add it to services or remove it here.".to_owned(),
                        };
                        section.note(name.spot, "impact", trouble);
                        None
                    }),
                    None => None,
                }
            }
            Err(bad) => {
                section.note(name.spot, "impact", Trouble::BadName(bad));
                None
            }
        };
        let mut unused = Impact {
            mtd: Hours(HOURS_MAX),
            rto: Hours(1),
            persons: Persons(0),
            livelihood: Livelihood::No,
        };
        read_override(&own, insured, impact.unwrap_or(&mut unused));
        own.finish();
    }
}

fn read_override(own: &Section<'_, '_>, insured: Persons, impact: &mut Impact) {
    let mtd = own.number("mtd-hours", 1..=HOURS_MAX);
    let rto = own.number("rto-hours", 1..=HOURS_MAX);
    let persons = own.number("persons", 0..=insured.0);
    let livelihood = own.flag("livelihood");
    let blamed = rto.clone().or_else(|| mtd.clone());
    if let Some(mtd) = mtd {
        impact.mtd = Hours(mtd.value);
    }
    if let Some(rto) = rto {
        impact.rto = Hours(rto.value);
    }
    if let Some(persons) = persons {
        impact.persons = Persons(persons.value);
    }
    if let Some(livelihood) = livelihood {
        impact.livelihood = livelihood_of(livelihood.value);
    }
    if let Some(blamed) = blamed {
        let spotted = |hours: Hours| Spotted {
            value: hours.0,
            spot: blamed.spot,
        };
        check_rto(
            own,
            Some(&spotted(impact.mtd)),
            Some(&spotted(impact.rto)),
            Some(&blamed),
        );
    }
}
