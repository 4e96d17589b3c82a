//! The estate as a value: valid by construction, made only by [`check`](crate::check).

use core::fmt;
use std::collections::{BTreeMap, BTreeSet};

use vocabulary::{
    CellId, Digest, DoorId, EstateId, Flow, Holdable, HostId, InsurerId, Place, Scope, ServiceId, SiteId,
};

use crate::{
    graph::Node,
    identifier::{Ik, Mailbox, Telematik},
};

/// A number of people.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Persons(pub u64);

/// A span in whole hours.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Hours(pub u64);

/// Whether people live on a service.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Livelihood {
    /// Somebody's rent or medicine waits for it.
    Yes,
    /// Nobody's livelihood waits for it.
    No,
}

/// Whether an estate describes real insurers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Origin {
    /// Invented insurers, numbers from the range 99.
    Synthetic,
    /// Real ones.
    Real,
}

/// A data centre.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Site {
    /// Its name in orders.
    pub id: SiteId,
    /// Its name for people.
    pub name: String,
}

/// Something services stand on: identity, name service, mail relay, keys.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Root {
    /// Its name in dependencies.
    pub id: Node,
    /// Its name for people.
    pub name: String,
    /// Where it runs, if in one place only.
    pub site: Option<SiteId>,
    /// The roots it needs directly.
    pub needs: BTreeSet<Node>,
}

/// A business process of the catalogue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Service {
    /// Its name in orders.
    pub id: ServiceId,
    /// Its name for people.
    pub name: String,
    /// Whether intake can wait.
    pub holdable: Holdable,
    /// What it needs directly.
    pub needs: BTreeSet<Node>,
}

/// What an outage of one cell means (business impact analysis; BSI 200-4, NIST SP 800-34).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Impact {
    /// Maximum tolerable downtime.
    pub mtd: Hours,
    /// Recovery time objective; at most [`mtd`](Self::mtd).
    pub rto: Hours,
    /// People an outage hits; at most the insured persons.
    pub persons: Persons,
    /// Whether they live on it.
    pub livelihood: Livelihood,
}

/// A statutory health insurer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Insurer {
    /// Its name in orders.
    pub id: InsurerId,
    /// Its name for people.
    pub name: String,
    /// Its institution number.
    pub ik: Ik,
    /// Insured persons.
    pub insured: Persons,
    /// The data centre that serves it.
    pub site: SiteId,
    /// Its KIM addresses.
    pub mailboxes: BTreeSet<Mailbox>,
    /// Its services and what an outage of each means.
    pub services: BTreeMap<ServiceId, Impact>,
}

/// A machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Host {
    /// Its name.
    pub id: HostId,
    /// Where it stands.
    pub site: SiteId,
    /// Whose it is, if one insurer's.
    pub insurer: Option<InsurerId>,
    /// What it runs, if one service.
    pub service: Option<ServiceId>,
}

/// A civil date (proleptic Gregorian).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CivilDate {
    /// Year.
    pub year: u16,
    /// Month, 1 to 12.
    pub month: u8,
    /// Day of the month, from 1.
    pub day: u8,
}

impl fmt::Display for CivilDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// A date on which an outage costs more than on others: contribution day, month end, statistics.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CalendarEntry {
    /// The day.
    pub on: CivilDate,
    /// What is due.
    pub what: String,
    /// For which services; empty means all.
    pub services: BTreeSet<ServiceId>,
    /// For which insurers; empty means all.
    pub insurers: BTreeSet<InsurerId>,
}

/// A way by which responders come in from outside: forensics, the crisis team, the authorities' people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Responders {
    /// Who they are, for people.
    pub name: String,
    /// Where they come in: host name or IP address with port.
    pub address: String,
    /// Which flow of the doors below carries them.
    pub flow: Flow,
    /// The doors their way leads through; none: no door of this estate stands in it.
    pub through: BTreeSet<DoorId>,
    /// Whom to ask before it is cut.
    pub ask: String,
}

/// How much of an estate a scope covers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Counts {
    /// Cells, and so doors.
    pub cells: u64,
    /// Insurers with at least one of these cells.
    pub insurers: u64,
    /// People an outage of all these cells hits, each counted once: per insurer the largest figure of its covered cells.
    pub persons: Persons,
}

/// Everything one provider operates. See the crate for what always holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Estate {
    pub(crate) id: EstateId,
    pub(crate) name: String,
    pub(crate) origin: Origin,
    pub(crate) telematik: Telematik,
    pub(crate) digest: Digest,
    pub(crate) sites: BTreeMap<SiteId, Site>,
    pub(crate) roots: BTreeMap<Node, Root>,
    pub(crate) services: BTreeMap<ServiceId, Service>,
    pub(crate) insurers: BTreeMap<InsurerId, Insurer>,
    pub(crate) hosts: BTreeMap<HostId, Host>,
    pub(crate) calendar: Vec<CalendarEntry>,
    pub(crate) responders: Vec<Responders>,
    pub(crate) ordered: Vec<Node>,
    pub(crate) owners: BTreeMap<Mailbox, InsurerId>,
}

impl Estate {
    /// Its name in charters and logs.
    #[must_use]
    pub const fn id(&self) -> &EstateId {
        &self.id
    }

    /// Its name for people.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it describes real insurers.
    #[must_use]
    pub const fn origin(&self) -> Origin {
        self.origin
    }

    /// Which world its addresses belong to.
    #[must_use]
    pub const fn telematik(&self) -> Telematik {
        self.telematik
    }

    /// The digest of the exact text it was read from.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The data centres, by id.
    pub fn sites(&self) -> impl ExactSizeIterator<Item = &Site> {
        self.sites.values()
    }

    /// The roots, by id.
    pub fn roots(&self) -> impl ExactSizeIterator<Item = &Root> {
        self.roots.values()
    }

    /// The catalogue of services, by id.
    pub fn services(&self) -> impl ExactSizeIterator<Item = &Service> {
        self.services.values()
    }

    /// One service of the catalogue.
    #[must_use]
    pub fn service(&self, id: &ServiceId) -> Option<&Service> {
        self.services.get(id)
    }

    /// The insurers, by id.
    pub fn insurers(&self) -> impl ExactSizeIterator<Item = &Insurer> {
        self.insurers.values()
    }

    /// One insurer.
    #[must_use]
    pub fn insurer(&self, id: &InsurerId) -> Option<&Insurer> {
        self.insurers.get(id)
    }

    /// The machines, by id.
    pub fn hosts(&self) -> impl ExactSizeIterator<Item = &Host> {
        self.hosts.values()
    }

    /// Dates on which an outage costs more, by day.
    pub fn calendar(&self) -> impl ExactSizeIterator<Item = &CalendarEntry> {
        self.calendar.iter()
    }

    /// Ways by which responders come in, by name. None means that nobody declared any, not that there are none.
    pub fn responders(&self) -> impl ExactSizeIterator<Item = &Responders> {
        self.responders.iter()
    }

    /// Roots and services so that each comes after all it needs.
    #[must_use]
    pub fn in_dependency_order(&self) -> &[Node] {
        &self.ordered
    }

    /// Every door: one per cell, with its place and whether it can hold.
    pub fn doors(&self) -> impl Iterator<Item = (DoorId, Place, Holdable)> {
        self.insurers.values().flat_map(move |insurer| {
            insurer.services.keys().filter_map(move |service| {
                let holdable = self.services.get(service)?.holdable;
                Some((
                    DoorId::of(cell(insurer, service)),
                    place(insurer, service),
                    holdable,
                ))
            })
        })
    }

    /// Where one door stands.
    #[must_use]
    pub fn place(&self, door: &DoorId) -> Option<Place> {
        let insurer = self.insurers.get(&door.cell().insurer)?;
        let (service, _) = insurer.services.get_key_value(&door.cell().service)?;
        Some(place(insurer, service))
    }

    /// Whether intake of one cell can wait.
    #[must_use]
    pub fn holdable(&self, cell: &CellId) -> Option<Holdable> {
        self.impact(cell)?;
        Some(self.services.get(&cell.service)?.holdable)
    }

    /// What an outage of one cell means.
    #[must_use]
    pub fn impact(&self, cell: &CellId) -> Option<&Impact> {
        self.insurers.get(&cell.insurer)?.services.get(&cell.service)
    }

    /// How many people an outage of one cell hits.
    #[must_use]
    pub fn persons(&self, cell: &CellId) -> Option<Persons> {
        self.impact(cell).map(|impact| impact.persons)
    }

    /// Whose mailbox this is.
    #[must_use]
    pub fn owner(&self, mailbox: &Mailbox) -> Option<&InsurerId> {
        self.owners.get(mailbox)
    }

    /// Cells, insurers and people in a scope.
    #[must_use]
    pub fn counts(&self, scope: &Scope) -> Counts {
        let mut counts = Counts::default();
        for insurer in self.insurers.values() {
            let mut cells = 0_u64;
            let mut persons = 0;
            for (service, impact) in &insurer.services {
                if scope.covers(&place(insurer, service)) {
                    cells = cells.saturating_add(1);
                    persons = impact.persons.0.max(persons);
                }
            }
            counts.cells = counts.cells.saturating_add(cells);
            counts.insurers = counts.insurers.saturating_add(u64::from(cells > 0));
            counts.persons = Persons(counts.persons.0.saturating_add(persons));
        }
        counts
    }

    /// Insured persons of all insurers.
    #[must_use]
    pub fn insured(&self) -> Persons {
        Persons(
            self.insurers
                .values()
                .fold(0, |sum, insurer| sum.saturating_add(insurer.insured.0)),
        )
    }
}

fn cell(insurer: &Insurer, service: &ServiceId) -> CellId {
    CellId {
        insurer: insurer.id.clone(),
        service: service.clone(),
    }
}

fn place(insurer: &Insurer, service: &ServiceId) -> Place {
    Place {
        site: insurer.site.clone(),
        insurer: insurer.id.clone(),
        service: service.clone(),
    }
}
