//! Who a store is: enrolled once, compared at every start.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use vocabulary::Holdable;
use vocabulary::{Digest, DoorId, EstateId, Hasher, Place, RestrictionId};

/// Most doors one process hosts. An estate of 80 insurers with all services has about 1,000; 4,000 are measured.
pub const DOORS_MAX: usize = 16_384;

/// Names one store for good. Drawn at random by whoever enrols it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StoreId(pub Digest);

/// One door of a store.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DoorPlace {
    /// Its name.
    pub door: DoorId,
    /// Where it stands: what scopes can ask.
    pub place: Place,
    /// Whether its service can be held.
    pub holdable: Holdable,
}

/// What makes a store this store: written as its first entry, and kept outside the store by whoever starts it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Enrolment {
    store: StoreId,
    estate: EstateId,
    charter: Digest,
    doors: Vec<DoorPlace>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    store: StoreId,
    estate: EstateId,
    charter: Digest,
    doors: Vec<DoorPlace>,
}

/// Why an enrolment contradicts itself.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadEnrolment {
    /// Nothing to guard, or more than one process is built for.
    #[error(
        "Ein Türspeicher führt 1 bis {DOORS_MAX} Türen, genannt sind {0}. / A door store has 1 to {DOORS_MAX} doors, {0} are named."
    )]
    Count(usize),
    /// One name for two doors.
    #[error("Die Tür {0} ist zweimal genannt. / Door {0} is named twice.")]
    Twice(DoorId),
    /// The place names another insurer or service than the door's own name does.
    #[error(
        "Der Ort der Tür {0} nennt eine andere Kasse oder einen anderen Dienst als ihr Name. / The place of door {0} names another insurer or service than its name."
    )]
    OtherPlace(DoorId),
}

impl Enrolment {
    /// Names a store.
    ///
    /// `charter` is the digest of the estate's first charter statement: the root of everything the doors will ever
    /// believe.
    ///
    /// # Errors
    /// [`BadEnrolment`] when the doors contradict themselves.
    pub fn new(
        store: StoreId,
        estate: EstateId,
        charter: Digest,
        mut doors: Vec<DoorPlace>,
    ) -> Result<Self, BadEnrolment> {
        if doors.is_empty() || doors.len() > DOORS_MAX {
            return Err(BadEnrolment::Count(doors.len()));
        }
        doors.sort_by(|a, b| a.door.cmp(&b.door));
        let mut seen = BTreeSet::new();
        for entry in &doors {
            if !seen.insert(&entry.door) {
                return Err(BadEnrolment::Twice(entry.door.clone()));
            }
            let cell = entry.door.cell();
            if cell.insurer != entry.place.insurer || cell.service != entry.place.service {
                return Err(BadEnrolment::OtherPlace(entry.door.clone()));
            }
        }
        Ok(Self {
            store,
            estate,
            charter,
            doors,
        })
    }

    /// The store's name.
    #[must_use]
    pub const fn store(&self) -> StoreId {
        self.store
    }

    /// The estate it belongs to.
    #[must_use]
    pub const fn estate(&self) -> &EstateId {
        &self.estate
    }

    /// Digest of the estate's first charter statement.
    #[must_use]
    pub const fn charter(&self) -> Digest {
        self.charter
    }

    /// Its doors, sorted by name.
    #[must_use]
    pub fn doors(&self) -> &[DoorPlace] {
        &self.doors
    }

    /// The restriction every door of this store begins with: nobody has stated yet that what lies behind is clean.
    #[must_use]
    pub fn first_restriction(&self) -> RestrictionId {
        named(b"enrolment", &[self.store.0])
    }
}

/// A restriction that no order made, named by what did.
pub(crate) fn named(what: &[u8], parts: &[Digest]) -> RestrictionId {
    let mut hasher = Hasher::new();
    hasher.update(b"bulkhead door restriction v1\0");
    hasher.update(what);
    for part in parts {
        hasher.update(part.as_bytes());
    }
    RestrictionId(hasher.finish())
}

impl TryFrom<Written> for Enrolment {
    type Error = BadEnrolment;
    fn try_from(written: Written) -> Result<Self, BadEnrolment> {
        Self::new(written.store, written.estate, written.charter, written.doors)
    }
}

impl From<Enrolment> for Written {
    fn from(enrolment: Enrolment) -> Self {
        Self {
            store: enrolment.store,
            estate: enrolment.estate,
            charter: enrolment.charter,
            doors: enrolment.doors,
        }
    }
}
