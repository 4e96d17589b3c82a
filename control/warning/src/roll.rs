//! Who is who in the estate, as far as warning asks: which cells there are, which host or address belongs to whom.

use core::{fmt, net::IpAddr, str::FromStr};
use std::collections::{BTreeMap, BTreeSet};

use estate::Estate;
use vocabulary::{CellId, HostId, InsurerId, Scope, Selector, ServiceId, SiteId};

use crate::signal::Touched;

/// Most address ranges a roll looks through for every alert.
const PREFIXES_MAX: usize = 4096;

/// Whose an address is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Behind {
    /// One machine.
    Host(HostId),
    /// A network of one insurer.
    Insurer(InsurerId),
    /// A network of a whole data centre.
    Site(SiteId),
}

/// A range of addresses, as in `10.20.0.0/16`. An address alone is a range of one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Prefix {
    address: IpAddr,
    bits: u8,
}

/// A text that is no range of addresses.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "\"{0}\" ist kein Adressbereich. Form: 10.20.0.0/16 oder 2001:db8::/32. / \"{0}\" is no range of addresses. Form: 10.20.0.0/16 or 2001:db8::/32."
)]
pub struct BadPrefix(String);

impl FromStr for Prefix {
    type Err = BadPrefix;
    fn from_str(text: &str) -> Result<Self, BadPrefix> {
        let bad = || BadPrefix(crate::text::clean(text, 64));
        let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        let address: IpAddr = address.parse().map_err(|_| bad())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), |bits| bits.parse().map_err(|_| bad()))?;
        if bits > most {
            return Err(bad());
        }
        Ok(Self { address, bits })
    }
}

impl Prefix {
    fn covers(self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(mine), IpAddr::V4(other)) => {
                let differ = mine.to_bits() ^ other.to_bits();
                differ.leading_zeros() >= u32::from(self.bits)
            }
            (IpAddr::V6(mine), IpAddr::V6(other)) => {
                let differ = mine.to_bits() ^ other.to_bits();
                differ.leading_zeros() >= u32::from(self.bits)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct HostPlace {
    site: SiteId,
    insurer: Option<InsurerId>,
    service: Option<ServiceId>,
}

/// The estate as warning sees it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Roll {
    cells: BTreeMap<CellId, SiteId>,
    sites: BTreeMap<InsurerId, SiteId>,
    hosts: BTreeMap<HostId, HostPlace>,
    /// Longest prefix first.
    addresses: Vec<(Prefix, Behind)>,
}

impl Roll {
    /// From an estate, and the operator's list of addresses (an estate's file names hosts, not addresses). Entries about
    /// hosts, insurers or sites that the estate does not know, and entries beyond a bound of 4096, are given back: an
    /// operator must see what is not watched.
    #[must_use]
    pub fn of(estate: &Estate, addresses: Vec<(Prefix, Behind)>) -> (Self, Vec<(Prefix, Behind)>) {
        let mut roll = Self {
            cells: estate
                .doors()
                .map(|(door, place, _)| (door.cell().clone(), place.site))
                .collect(),
            sites: estate
                .insurers()
                .map(|insurer| (insurer.id.clone(), insurer.site.clone()))
                .collect(),
            hosts: estate
                .hosts()
                .map(|host| {
                    let place = HostPlace {
                        site: host.site.clone(),
                        insurer: host.insurer.clone(),
                        service: host.service.clone(),
                    };
                    (host.id.clone(), place)
                })
                .collect(),
            addresses: Vec::new(),
        };
        let known_sites: BTreeSet<SiteId> = estate.sites().map(|site| site.id.clone()).collect();
        let (mut known, mut unknown): (Vec<_>, Vec<_>) =
            addresses.into_iter().partition(|(_, behind)| match behind {
                Behind::Host(host) => roll.hosts.contains_key(host),
                Behind::Insurer(insurer) => roll.sites.contains_key(insurer),
                Behind::Site(site) => known_sites.contains(site),
            });
        known.sort_by(|(a, _), (b, _)| b.bits.cmp(&a.bits).then(a.cmp(b)));
        unknown.extend(known.split_off(known.len().min(PREFIXES_MAX)));
        roll.addresses = known;
        (roll, unknown)
    }

    /// Whether there is such a cell.
    #[must_use]
    pub fn has_cell(&self, cell: &CellId) -> bool {
        self.cells.contains_key(cell)
    }

    /// Whether there is such an insurer.
    #[must_use]
    pub fn has_insurer(&self, insurer: &InsurerId) -> bool {
        self.sites.contains_key(insurer)
    }

    /// A host by the name an agent gives itself: its id, or its id before the first dot; case does not matter.
    pub(crate) fn host_named(&self, name: &str) -> Option<(HostId, Touched)> {
        let lower = name.to_ascii_lowercase();
        let short = lower.split('.').next().unwrap_or_default();
        [lower.as_str(), short].into_iter().find_map(|name| {
            let id = HostId::new(name).ok()?;
            let touched = self.touched_by(&id)?;
            Some((id, touched))
        })
    }

    /// What stands behind an address: the most precise entry counts.
    pub(crate) fn behind(&self, address: IpAddr) -> Option<(Option<HostId>, Touched)> {
        let (_, behind) = self.addresses.iter().find(|(prefix, _)| prefix.covers(address))?;
        Some(match behind {
            Behind::Host(host) => (Some(host.clone()), self.touched_by(host)?),
            Behind::Insurer(insurer) => (None, Touched::Environment(insurer.clone())),
            Behind::Site(site) => (None, Touched::Site(site.clone())),
        })
    }

    fn touched_by(&self, host: &HostId) -> Option<Touched> {
        let HostPlace {
            site,
            insurer,
            service,
        } = self.hosts.get(host)?;
        Some(match (insurer, service) {
            (Some(insurer), Some(service)) => {
                let cell = CellId {
                    insurer: insurer.clone(),
                    service: service.clone(),
                };
                if self.cells.contains_key(&cell) {
                    Touched::Cell(cell)
                } else {
                    Touched::Environment(insurer.clone())
                }
            }
            (Some(insurer), None) => Touched::Environment(insurer.clone()),
            (None, Some(service)) => Touched::Service {
                site: site.clone(),
                service: service.clone(),
            },
            (None, None) => Touched::Site(site.clone()),
        })
    }

    /// The cells something touches, with their sites.
    pub(crate) fn cells<'a>(
        &'a self,
        touched: &'a Touched,
    ) -> impl Iterator<Item = (&'a CellId, &'a SiteId)> {
        self.cells.iter().filter(move |(cell, site)| match touched {
            Touched::Cell(one) => *cell == one,
            Touched::Environment(insurer) => cell.insurer == *insurer,
            Touched::Site(at) => *site == at,
            Touched::Service { site: at, service } => *site == at && cell.service == *service,
        })
    }

    /// Whether something touches a cell.
    pub(crate) fn touches(&self, touched: &Touched, cell: &CellId) -> bool {
        match touched {
            Touched::Cell(one) => one == cell,
            Touched::Environment(insurer) => *insurer == cell.insurer,
            Touched::Site(site) => self.cells.get(cell) == Some(site),
            Touched::Service { site, service } => {
                *service == cell.service && self.cells.get(cell) == Some(site)
            }
        }
    }

    /// Whether something touches any of these insurers.
    pub(crate) fn touches_any(&self, touched: &Touched, insurers: &BTreeSet<InsurerId>) -> bool {
        match touched {
            Touched::Cell(CellId { insurer, .. }) | Touched::Environment(insurer) => {
                insurers.contains(insurer)
            }
            Touched::Site(site) | Touched::Service { site, .. } => insurers
                .iter()
                .any(|insurer| self.sites.get(insurer) == Some(site)),
        }
    }

    /// All cells, with their sites.
    pub(crate) fn all_cells(&self) -> impl Iterator<Item = (&CellId, &SiteId)> {
        self.cells.iter()
    }

    /// Exactly these cells as a scope: insurers of one site with the same services share a selector. Every part is
    /// named (site, insurers, services), so nothing beyond these cells is covered and "by name" is true for each.
    #[must_use]
    pub fn scope_of(&self, cells: &BTreeSet<CellId>) -> Scope {
        let mut per_insurer: BTreeMap<(&SiteId, &InsurerId), BTreeSet<ServiceId>> = BTreeMap::new();
        for cell in cells {
            if let Some(site) = self.cells.get(cell) {
                per_insurer
                    .entry((site, &cell.insurer))
                    .or_default()
                    .insert(cell.service.clone());
            }
        }
        let mut grouped: BTreeMap<(&SiteId, BTreeSet<ServiceId>), BTreeSet<InsurerId>> = BTreeMap::new();
        for ((site, insurer), services) in per_insurer {
            grouped
                .entry((site, services))
                .or_default()
                .insert(insurer.clone());
        }
        Scope(
            grouped
                .into_iter()
                .map(|((site, services), insurers)| Selector {
                    sites: Some(BTreeSet::from([site.clone()])),
                    insurers: Some(insurers),
                    services: Some(services),
                })
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_read_and_cover() {
        let covers =
            |prefix: &str, address: &str| prefix.parse::<Prefix>().unwrap().covers(address.parse().unwrap());
        assert!(covers("10.20.0.0/16", "10.20.255.1") && !covers("10.20.0.0/16", "10.21.0.1"));
        assert!(covers("0.0.0.0/0", "1.2.3.4") && !covers("0.0.0.0/0", "::1"));
        assert!(covers("10.0.0.1", "10.0.0.1") && !covers("10.0.0.1", "10.0.0.2"));
        assert!(covers("10.0.0.1", "::ffff:10.0.0.1"), "IPv4 written as IPv6");
        assert!(covers("2001:db8::/32", "2001:db8:1::2") && covers("::/0", "2001:db8::1"));
        for bad in [
            "",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/-1",
            "10.0.0/8",
            "host",
            "10.0.0.0/",
        ] {
            assert!(bad.parse::<Prefix>().is_err(), "{bad}");
        }
    }
}
