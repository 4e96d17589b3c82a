//! Which doors an order speaks about.

use alloc::{collections::BTreeSet, vec::Vec};
use serde::{Deserialize, Serialize};

use crate::id::{InsurerId, ServiceId, SiteId};

/// Where a door stands, as far as scopes can ask. Enrolled with the door, so that a door needs nobody's help to know
/// whether an order means it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The data centre.
    pub site: SiteId,
    /// Whose cell.
    pub insurer: InsurerId,
    /// Which business process.
    pub service: ServiceId,
}

/// One conjunction: every set that is given must contain the door's value. A set that is absent means "any".
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selector {
    /// Data centres, or any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sites: Option<BTreeSet<SiteId>>,
    /// Insurers, or any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub insurers: Option<BTreeSet<InsurerId>>,
    /// Services, or any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services: Option<BTreeSet<ServiceId>>,
}

impl Selector {
    /// Whether a door at this place is meant.
    #[must_use]
    pub fn covers(&self, place: &Place) -> bool {
        self.sites.as_ref().is_none_or(|set| set.contains(&place.site))
            && self
                .insurers
                .as_ref()
                .is_none_or(|set| set.contains(&place.insurer))
            && self
                .services
                .as_ref()
                .is_none_or(|set| set.contains(&place.service))
    }

    /// Whether every door this selector covers is also covered by `other`, read from the sets alone.
    #[must_use]
    pub fn within(&self, other: &Self) -> bool {
        fn part<T: Ord>(mine: Option<&BTreeSet<T>>, theirs: Option<&BTreeSet<T>>) -> bool {
            match (mine, theirs) {
                (_, None) => true,
                (None, Some(_)) => false,
                (Some(mine), Some(theirs)) => mine.is_subset(theirs),
            }
        }
        part(self.sites.as_ref(), other.sites.as_ref())
            && part(self.insurers.as_ref(), other.insurers.as_ref())
            && part(self.services.as_ref(), other.services.as_ref())
    }
}

/// A union of selectors. An empty scope covers nothing; [`Scope::everything`] covers the estate.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scope(pub Vec<Selector>);

impl Scope {
    /// The whole estate.
    #[must_use]
    pub fn everything() -> Self {
        Self(alloc::vec![Selector::default()])
    }

    /// One cell.
    #[must_use]
    pub fn cell(insurer: InsurerId, service: ServiceId) -> Self {
        Self(alloc::vec![Selector {
            sites: None,
            insurers: Some(BTreeSet::from([insurer])),
            services: Some(BTreeSet::from([service])),
        }])
    }

    /// Every service of one insurer.
    #[must_use]
    pub fn insurer(insurer: InsurerId) -> Self {
        Self(alloc::vec![Selector {
            insurers: Some(BTreeSet::from([insurer])),
            ..Selector::default()
        }])
    }

    /// Whether a door at this place is meant.
    #[must_use]
    pub fn covers(&self, place: &Place) -> bool {
        self.0.iter().any(|selector| selector.covers(place))
    }

    /// Whether this scope lies inside another: each selector inside some selector of the other. Sound but not
    /// complete (a union may cover what no single selector does), and so errs towards "no".
    #[must_use]
    pub fn within(&self, other: &Self) -> bool {
        self.0
            .iter()
            .all(|mine| other.0.iter().any(|theirs| mine.within(theirs)))
    }

    /// Whether a place is covered by a selector that names its service, which is what "ordered by name" means.
    #[must_use]
    pub fn names_service_of(&self, place: &Place) -> bool {
        self.0
            .iter()
            .any(|selector| selector.services.is_some() && selector.covers(place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(site: &str, insurer: &str, service: &str) -> Place {
        Place {
            site: site.parse().unwrap(),
            insurer: insurer.parse().unwrap(),
            service: service.parse().unwrap(),
        }
    }

    #[test]
    fn an_absent_set_means_any_and_an_empty_set_means_none() {
        let any = Selector::default();
        let none = Selector {
            sites: Some(BTreeSet::new()),
            ..Selector::default()
        };
        let here = place("essen", "kasse-001", "kim");
        assert!(any.covers(&here) && !none.covers(&here));
        assert!(none.within(&any) && !any.within(&none));
    }

    #[test]
    fn by_name_needs_the_service_to_be_named() {
        let here = place("essen", "kasse-001", "kim");
        assert!(!Scope::everything().names_service_of(&here));
        assert!(Scope::cell(here.insurer.clone(), here.service.clone()).names_service_of(&here));
    }
}
