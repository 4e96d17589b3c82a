//! Hosts and the calendar.

use std::collections::{BTreeMap, BTreeSet};

use vocabulary::{HostId, InsurerId, ServiceId, SiteId};

use super::{CALENDAR_MAX, Catalogue, HOSTS_MAX, INSURERS_MAX, SERVICES_MAX, Seen, resolve, resolve_site};
use crate::{
    model::{CalendarEntry, CivilDate, Host, Site},
    reading::{Reader, Section, Spotted},
};

fn insurer(
    section: &Section<'_, '_>,
    key: &str,
    reference: Spotted<InsurerId>,
    insurers: &BTreeSet<InsurerId>,
) -> Option<InsurerId> {
    let all = insurers.iter().map(ToString::to_string);
    resolve(
        section,
        key,
        reference,
        |id| insurers.contains(id),
        all,
        ("eine Kasse", "insurer"),
    )
}

fn service(
    section: &Section<'_, '_>,
    key: &str,
    reference: Spotted<ServiceId>,
    catalogue: &Catalogue,
) -> Option<ServiceId> {
    let all = catalogue.services.keys().map(ToString::to_string);
    let known = |id: &ServiceId| catalogue.services.contains_key(id);
    resolve(section, key, reference, known, all, ("einen Dienst", "service"))
}

pub(super) fn read_hosts(
    reader: &Reader<'_>,
    root: &Section<'_, '_>,
    sites: &BTreeMap<SiteId, Site>,
    catalogue: &Catalogue,
    insurers: &BTreeSet<InsurerId>,
) -> BTreeMap<HostId, Host> {
    let mut hosts = BTreeMap::new();
    let mut seen = Seen::new();
    for section in root.sections("host", HOSTS_MAX) {
        let id = section.needed("id", section.name::<HostId>("id"));
        let site = section
            .needed("site", section.name::<SiteId>("site"))
            .and_then(|site| resolve_site(&section, site, sites));
        let whose = section
            .name("insurer")
            .and_then(|name| insurer(&section, "insurer", name, insurers));
        let runs = section
            .name("service")
            .and_then(|name| service(&section, "service", name, catalogue));
        if let Some(id) = id.filter(|id| seen.is_new(reader, &section, "id", id))
            && let Some(site) = site
        {
            hosts.insert(
                id.value.clone(),
                Host {
                    id: id.value,
                    site,
                    insurer: whose,
                    service: runs,
                },
            );
        }
        section.finish();
    }
    hosts
}

pub(super) fn read_calendar(
    root: &Section<'_, '_>,
    catalogue: &Catalogue,
    insurers: &BTreeSet<InsurerId>,
) -> Vec<CalendarEntry> {
    let mut calendar = Vec::new();
    for section in root.sections("calendar", CALENDAR_MAX) {
        let on = section.needed("on", section.date("on"));
        let what = section.needed("what", section.text("what"));
        let services: BTreeSet<ServiceId> = section
            .names("services", SERVICES_MAX)
            .into_iter()
            .flat_map(|list| list.value)
            .filter_map(|name| service(&section, "services", name, catalogue))
            .collect();
        let whose: BTreeSet<InsurerId> = section
            .names("insurers", INSURERS_MAX)
            .into_iter()
            .flat_map(|list| list.value)
            .filter_map(|name| insurer(&section, "insurers", name, insurers))
            .collect();
        if let (Some(on), Some(what)) = (on, what) {
            let (year, month, day) = on.value;
            calendar.push(CalendarEntry {
                on: CivilDate { year, month, day },
                what: what.value,
                services,
                insurers: whose,
            });
        }
        section.finish();
    }
    calendar.sort_by(|a, b| (a.on, &a.what).cmp(&(b.on, &b.what)));
    calendar
}
