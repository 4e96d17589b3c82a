//! From text to [`Estate`]: every section in turn, then what connects them.

use std::collections::{BTreeMap, BTreeSet};

use vocabulary::{Digest, EstateId, Holdable, ServiceId, SiteId, service};

use crate::{
    graph::{self, Needs, Node},
    identifier::Telematik,
    mistake::{Mistakes, Trouble},
    model::{Estate, Hours, Livelihood, Origin, Root, Service, Site},
    reading::{Reader, Section, Spot, Spotted},
};

mod insurer;
mod responders;
mod rest;

/// Longest estate file, in bytes: far above 2,000 insurers with hosts, far below what hurts.
pub const TEXT_LEN_MAX: usize = 4 * 1024 * 1024;

pub(crate) const SITES_MAX: usize = 64;
pub(crate) const ROOTS_MAX: usize = 256;
pub(crate) const SERVICES_MAX: usize = 64;
pub(crate) const INSURERS_MAX: usize = 2_000;
pub(crate) const HOSTS_MAX: usize = 20_000;
pub(crate) const CALENDAR_MAX: usize = 2_000;
pub(crate) const MAILBOXES_MAX: usize = 64;
pub(crate) const NEEDS_MAX: usize = 64;
const HOURS_MAX: u64 = 8_760;

/// Services whose intake cannot wait (DESIGN section 7): a stored session is worthless, and at the counter somebody
/// stands now.
const NEVER_HOLDABLE: [&str; 2] = [service::EPA, service::LOOKUP];

/// Reads an estate file. `file` is how mistakes name it.
///
/// # Errors
/// [`Mistakes`]: every mistake in the file, each with line, column, value and what to do.
pub fn check(text: &str, file: &str) -> Result<Estate, Mistakes> {
    let reader = Reader::new(text, file);
    if text.len() > TEXT_LEN_MAX {
        let (de, en) = (
            format!("Die Datei ist länger als {TEXT_LEN_MAX} Byte. Aufteilen oder kürzen."),
            format!("The file is longer than {TEXT_LEN_MAX} bytes. Split or shorten it."),
        );
        reader.note(Spot::from(0..0), "estate", Trouble::Rule { de, en });
    }
    let estate = if reader.is_clean() { read(&reader) } else { None };
    reader.finish()?;
    // A clean reading without a value cannot be: every `None` on the way notes a mistake.
    estate.ok_or_else(|| impossible(file))
}

fn impossible(file: &str) -> Mistakes {
    Mistakes::from_one(crate::mistake::Mistake {
        file: file.to_owned(),
        line: 1,
        column: 1,
        at: "estate".to_owned(),
        value: String::new(),
        trouble: Trouble::Rule {
            de: "Nicht lesbar, Grund nicht erkannt. Bitte als Fehler von Bulkhead melden.".to_owned(),
            en: "Not readable, reason not recognised. Please report this as a defect of Bulkhead.".to_owned(),
        },
    })
}

/// The catalogue and what all services have unless an insurer says otherwise.
pub(crate) struct Catalogue {
    pub(crate) services: BTreeMap<ServiceId, Service>,
    pub(crate) defaults: BTreeMap<ServiceId, insurer::Default>,
}

fn read(reader: &Reader<'_>) -> Option<Estate> {
    let document = reader.document();
    let root = reader.root(&document);
    let head = read_head(&root);
    let telematik = head.as_ref().map_or(Telematik::Test, |head| head.telematik);
    let origin = head.as_ref().map_or(Origin::Real, |head| head.origin);

    let sites = read_sites(reader, &root);
    let (mut roots, root_needs) = read_roots(reader, &root, &sites);
    let (catalogue, service_needs) = read_services(reader, &root, &roots);
    let mut catalogue = catalogue;
    let ordered = read_order(
        reader,
        &mut roots,
        &mut catalogue,
        &[root_needs, service_needs].concat(),
    );
    let insurer::All {
        declared,
        insurers,
        owners,
    } = insurer::read_all(reader, &root, &sites, &catalogue, telematik, origin);
    let hosts = rest::read_hosts(reader, &root, &sites, &catalogue, &declared);
    let calendar = rest::read_calendar(&root, &catalogue, &declared);
    let responders = responders::read_responders(reader, &root, &insurers, &declared);
    root.finish();

    let head = head?;
    Some(Estate {
        id: head.id,
        name: head.name,
        origin,
        telematik,
        digest: Digest::of(reader.text().as_bytes()),
        sites,
        roots,
        services: catalogue.services,
        insurers,
        hosts,
        calendar,
        responders,
        ordered,
        owners,
    })
}

struct Head {
    id: EstateId,
    name: String,
    origin: Origin,
    telematik: Telematik,
}

fn read_head(root: &Section<'_, '_>) -> Option<Head> {
    let Some(section) = root.section("estate") else {
        root.needed::<()>("estate", None);
        return None;
    };
    let id = section.needed("id", section.name("id"));
    let name = section.needed("name", section.text("name"));
    let words = [("test", Telematik::Test), ("production", Telematik::Production)];
    let telematik = section.needed("telematik", section.word("telematik", &words));
    let synthetic = section.flag("synthetic");
    if let (Some(synthetic), Some(telematik)) = (&synthetic, &telematik)
        && synthetic.value
        && telematik.value == Telematik::Production
    {
        let trouble = Trouble::Rule {
            de: "Erfundene Kassen gehören nicht in die Produktion. telematik = \"test\" setzen.".to_owned(),
            en: "Invented insurers do not belong into production. Set telematik = \"test\".".to_owned(),
        };
        section.note(telematik.spot, "telematik", trouble);
    }
    section.finish();
    let origin = if synthetic.is_some_and(|flag| flag.value) {
        Origin::Synthetic
    } else {
        Origin::Real
    };
    Some(Head {
        id: id?.value,
        name: name?.value,
        origin,
        telematik: telematik?.value,
    })
}

/// Ids already seen in one list, and where.
pub(crate) struct Seen<T>(BTreeMap<T, Spot>);

impl<T: Ord + Clone> Seen<T> {
    pub(crate) const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// All values seen.
    pub(crate) fn into_values(self) -> BTreeSet<T> {
        self.0.into_keys().collect()
    }

    /// Whether the value is new; otherwise notes a mistake.
    pub(crate) fn is_new(
        &mut self,
        reader: &Reader<'_>,
        section: &Section<'_, '_>,
        key: &str,
        value: &Spotted<T>,
    ) -> bool {
        if let Some(first) = self.0.get(&value.value) {
            section.note(
                value.spot,
                key,
                Trouble::Duplicate {
                    first_line: reader.line(*first),
                },
            );
            return false;
        }
        self.0.insert(value.value.clone(), value.spot);
        true
    }
}

/// Notes a reference that leads nowhere; returns what does lead somewhere.
pub(crate) fn resolve<T: Ord + Clone + core::fmt::Display>(
    section: &Section<'_, '_>,
    key: &str,
    reference: Spotted<T>,
    known: impl Fn(&T) -> bool,
    all: impl Iterator<Item = String>,
    kind: (&'static str, &'static str),
) -> Option<T> {
    if known(&reference.value) {
        return Some(reference.value);
    }
    let mut names: Vec<String> = all.take(13).collect();
    if names.len() > 12 {
        names.truncate(12);
        names.push("…".to_owned());
    }
    let known = if names.is_empty() {
        "–".to_owned()
    } else {
        names.join(", ")
    };
    section.note(reference.spot, key, Trouble::Dangling { kind, known });
    None
}

pub(crate) fn resolve_site(
    section: &Section<'_, '_>,
    reference: Spotted<SiteId>,
    sites: &BTreeMap<SiteId, Site>,
) -> Option<SiteId> {
    let all = sites.keys().map(ToString::to_string);
    resolve(
        section,
        "site",
        reference,
        |id| sites.contains_key(id),
        all,
        ("einen Standort", "site"),
    )
}

fn read_sites(reader: &Reader<'_>, root: &Section<'_, '_>) -> BTreeMap<SiteId, Site> {
    let mut sites = BTreeMap::new();
    let mut seen = Seen::new();
    for section in root.sections("site", SITES_MAX) {
        let id = section.needed("id", section.name::<SiteId>("id"));
        let name = section.needed("name", section.text("name"));
        if let Some(id) = id.filter(|id| seen.is_new(reader, &section, "id", id)) {
            // A site without a name is a mistake already noted; references to it are none.
            let name = name.map(|name| name.value).unwrap_or_default();
            sites.insert(id.value.clone(), Site { id: id.value, name });
        }
        section.finish();
    }
    if sites.is_empty() {
        root.needed::<()>("site", None);
    }
    sites
}

/// The references of one node, to be resolved when all nodes are known.
type Wanted = (Node, Spotted<Vec<Spotted<String>>>, String);

fn wanted(section: &Section<'_, '_>, node: &Node) -> Option<Wanted> {
    Some((
        node.clone(),
        section.texts("needs", NEEDS_MAX)?,
        section.at("needs"),
    ))
}

fn read_roots(
    reader: &Reader<'_>,
    root: &Section<'_, '_>,
    sites: &BTreeMap<SiteId, Site>,
) -> (BTreeMap<Node, Root>, Vec<Wanted>) {
    let mut roots = BTreeMap::new();
    let mut needs = Vec::new();
    let mut seen = Seen::new();
    for section in root.sections("root", ROOTS_MAX) {
        // Roots follow the same rule for names as services, because they share one space of names.
        let id = section.needed("id", section.name::<ServiceId>("id"));
        let name = section.needed("name", section.text("name"));
        let site = section
            .name("site")
            .and_then(|site| resolve_site(&section, site, sites));
        if let Some(id) = id.filter(|id| seen.is_new(reader, &section, "id", id)) {
            let node = Node::new(id.value.as_str());
            needs.extend(wanted(&section, &node));
            let name = name.map(|name| name.value).unwrap_or_default();
            let root = Root {
                id: node.clone(),
                name,
                site,
                // Known when all nodes are.
                needs: BTreeSet::new(),
            };
            roots.insert(node, root);
        } else {
            let _asked = section.texts("needs", NEEDS_MAX);
        }
        section.finish();
    }
    (roots, needs)
}

fn read_services(
    reader: &Reader<'_>,
    root: &Section<'_, '_>,
    roots: &BTreeMap<Node, Root>,
) -> (Catalogue, Vec<Wanted>) {
    let mut catalogue = Catalogue {
        services: BTreeMap::new(),
        defaults: BTreeMap::new(),
    };
    let mut needs = Vec::new();
    let mut seen = Seen::new();
    for section in root.sections("service", SERVICES_MAX) {
        let id = section.needed("id", section.name::<ServiceId>("id"));
        let name = section.needed("name", section.text("name"));
        let holdable = section.needed("holdable", section.flag("holdable"));
        let default = read_default(&section);
        if let (Some(id), Some(holdable)) = (&id, &holdable) {
            check_holdable(&section, id, holdable);
        }
        match id.filter(|id| seen.is_new(reader, &section, "id", id)) {
            Some(id) => {
                let node = Node::new(id.value.as_str());
                needs.extend(wanted(&section, &node));
                if roots.contains_key(&node) {
                    let trouble = Trouble::Rule {
                        de: "So heißt schon eine Wurzel. Eines von beiden umbenennen.".to_owned(),
                        en: "A root has this name already. Rename one of them.".to_owned(),
                    };
                    section.note(id.spot, "id", trouble);
                }
                let holdable = if holdable.is_some_and(|flag| flag.value) {
                    Holdable::Yes
                } else {
                    Holdable::No
                };
                let name = name.map(|name| name.value).unwrap_or_default();
                let service = Service {
                    id: id.value.clone(),
                    name,
                    holdable,
                    needs: BTreeSet::new(),
                };
                catalogue.defaults.insert(id.value.clone(), default);
                catalogue.services.insert(id.value, service);
            }
            None => {
                let _asked = section.texts("needs", NEEDS_MAX);
            }
        }
        section.finish();
    }
    if catalogue.services.is_empty() {
        root.needed::<()>("service", None);
    }
    (catalogue, needs)
}

fn check_holdable(section: &Section<'_, '_>, id: &Spotted<ServiceId>, holdable: &Spotted<bool>) {
    if holdable.value && NEVER_HOLDABLE.contains(&id.value.as_str()) {
        let trouble = Trouble::Rule {
            de: "Dieser Dienst kann nicht warten: Gespeichertes nützt niemandem. holdable = false setzen."
                .to_owned(),
            en: "This service cannot wait: what is stored helps nobody. Set holdable = false.".to_owned(),
        };
        section.note(holdable.spot, "holdable", trouble);
    }
}

fn read_default(section: &Section<'_, '_>) -> insurer::Default {
    let mtd = section.needed("mtd-hours", section.number("mtd-hours", 1..=HOURS_MAX));
    let rto = section.needed("rto-hours", section.number("rto-hours", 1..=HOURS_MAX));
    check_rto(section, mtd.as_ref(), rto.as_ref(), rto.as_ref());
    let percent = section.needed("affected-percent", section.number("affected-percent", 0..=100));
    let livelihood = section.needed("livelihood", section.flag("livelihood"));
    insurer::Default {
        mtd: Hours(mtd.map_or(1, |hours| hours.value)),
        rto: Hours(rto.map_or(1, |hours| hours.value)),
        affected_percent: percent.map_or(0, |percent| percent.value),
        livelihood: livelihood_of(livelihood.is_some_and(|flag| flag.value)),
    }
}

pub(crate) const fn livelihood_of(flag: bool) -> Livelihood {
    if flag { Livelihood::Yes } else { Livelihood::No }
}

/// Recovery time must fit into the tolerable downtime, with the backlog still to be worked off.
pub(crate) fn check_rto(
    section: &Section<'_, '_>,
    mtd: Option<&Spotted<u64>>,
    rto: Option<&Spotted<u64>>,
    blamed: Option<&Spotted<u64>>,
) {
    if let (Some(mtd), Some(rto), Some(blamed)) = (mtd, rto, blamed)
        && rto.value > mtd.value
    {
        let trouble = Trouble::Rule {
            de: format!(
                "Wiederanlauf ({} h) dauert länger als tragbar ({} h). rto-hours senken oder mtd-hours prüfen.",
                rto.value, mtd.value
            ),
            en: format!(
                "Recovery ({} h) takes longer than tolerable ({} h). Lower rto-hours or check mtd-hours.",
                rto.value, mtd.value
            ),
        };
        section.note(blamed.spot, "rto-hours", trouble);
    }
}

fn read_order(
    reader: &Reader<'_>,
    roots: &mut BTreeMap<Node, Root>,
    catalogue: &mut Catalogue,
    wanted: &[Wanted],
) -> Vec<Node> {
    let mut needs: Needs = roots.keys().map(|node| (node.clone(), BTreeSet::new())).collect();
    needs.extend(
        catalogue
            .services
            .keys()
            .map(|id| (Node::new(id.as_str()), BTreeSet::new())),
    );
    let nodes: BTreeSet<Node> = needs.keys().cloned().collect();
    for (node, references, at) in wanted {
        for reference in &references.value {
            let target = Node::new(&reference.value);
            if !nodes.contains(&target) {
                let known = nodes.iter().map(Node::as_str).collect::<Vec<_>>().join(", ");
                let kind = ("eine Wurzel oder einen Dienst", "root or service");
                reader.note(reference.spot, at.clone(), Trouble::Dangling { kind, known });
            } else if let Some(below) = needs.get_mut(node) {
                below.insert(target);
            }
        }
    }
    for (node, root) in roots.iter_mut() {
        root.needs = needs.get(node).cloned().unwrap_or_default();
    }
    for (id, service) in &mut catalogue.services {
        service.needs = needs.get(&Node::new(id.as_str())).cloned().unwrap_or_default();
    }
    match graph::order(&needs) {
        Ok(ordered) => ordered,
        Err(circles) => {
            for circle in circles {
                let blamed = wanted.iter().find(|(node, ..)| circle.first() == Some(node));
                let (spot, at) = blamed.map_or((Spot::from(0..0), "needs".to_owned()), |(_, list, at)| {
                    (list.spot, at.clone())
                });
                let path = circle.iter().map(ToString::to_string).collect();
                reader.note(spot, at, Trouble::Cycle(path));
            }
            Vec::new()
        }
    }
}
