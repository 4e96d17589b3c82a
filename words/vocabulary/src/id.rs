//! Names of things. Each is its own type, so that an insurer can never be passed where a service is meant.

use alloc::string::{String, ToString};
use core::{fmt, str::FromStr};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::Digest;

/// Longest accepted name. Names appear in file names, log lines and e-mail headers.
const LEN_MAX: usize = 64;

/// A name that does not follow the rule for names: 1 to 64 of `a-z 0-9 - _ .`, first a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{kind} \"{value}\" is not a valid name: use 1 to {LEN_MAX} of a-z, 0-9, '-', '_', '.', beginning with a letter or digit"
)]
pub struct BadId {
    /// What was being named, in words (`insurer`, `service` …).
    pub kind: &'static str,
    /// The text that was given.
    pub value: String,
}

fn is_name(text: &str) -> bool {
    let first_fits = text
        .bytes()
        .next()
        .is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    first_fits
        && text.len() <= LEN_MAX
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.'))
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident, $kind:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Reads a name.
            ///
            /// # Errors
            /// [`BadId`] when the text breaks the rule for names.
            pub fn new(text: &str) -> Result<Self, BadId> {
                if is_name(text) {
                    Ok(Self(text.to_string()))
                } else {
                    Err(BadId { kind: $kind, value: text.chars().take(LEN_MAX + 1).collect() })
                }
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                Self::new(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($kind, ":{}"), self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::new(&text).map_err(serde::de::Error::custom)
            }
        }
    )*};
}

names! {
    /// Everything one provider operates under one charter.
    EstateId, "estate";
    /// A data centre.
    SiteId, "site";
    /// A statutory health insurer (Krankenkasse).
    InsurerId, "insurer";
    /// A business process of the catalogue; the known ones are in [`service`].
    ServiceId, "service";
    /// The unit that is suspected, examined and cleared: one insurer's part of the estate, the provider's own
    /// systems, or an emergency system.
    EnvironmentId, "environment";
    /// A machine.
    HostId, "host";
    /// A natural person in the charter. Thresholds count these, never keys.
    PersonId, "person";
    /// A legal entity that employs persons of the charter.
    LegalEntityId, "legal entity";
    /// An outsider who co-signs checkpoints.
    WitnessId, "witness";
    /// What we believe is going wrong.
    IncidentId, "incident";
    /// Something that looked wrong, named by the detector or person who saw it.
    SignalId, "signal";
    /// A kind of detector, as standing orders name them.
    DetectorId, "detector";
}

impl From<InsurerId> for EnvironmentId {
    fn from(insurer: InsurerId) -> Self {
        // Every insurer's part of the estate is an environment of the same name.
        Self(insurer.0)
    }
}

/// The services Bulkhead knows by name (DESIGN section 7).
pub mod service {
    /// KIM mail in general.
    pub const KIM: &str = "kim";
    /// Sick notes (elektronische Arbeitsunfähigkeitsbescheinigung) by KIM mail.
    pub const EAU: &str = "eau";
    /// Ordinary mail of the insurer.
    pub const CONTACT: &str = "contact";
    /// Access to the electronic patient record.
    pub const EPA: &str = "epa";
    /// Sick pay, care allowance, providers.
    pub const PAYMENTS: &str = "payments";
    /// Monthly statistics (KM1).
    pub const STATISTICS: &str = "statistics";
    /// Central data exchange and employers' retrieval.
    pub const EXCHANGE: &str = "exchange";
    /// Look-ups somebody waits for at a counter.
    pub const LOOKUP: &str = "lookup";
}

/// One service of one insurer: what status, orders and plans are about. Written `insurer/service`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellId {
    /// Whose cell it is.
    pub insurer: InsurerId,
    /// Which business process.
    pub service: ServiceId,
}

impl fmt::Display for CellId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.insurer, self.service)
    }
}

impl fmt::Debug for CellId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cell:{self}")
    }
}

impl FromStr for CellId {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        let (insurer, service) = text.split_once('/').ok_or_else(|| BadId {
            kind: "cell (insurer/service)",
            value: text.into(),
        })?;
        Ok(Self {
            insurer: InsurerId::new(insurer)?,
            service: ServiceId::new(service)?,
        })
    }
}

impl Serialize for CellId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CellId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The enforcement point of a cell. A cell has exactly one door name; the same name enrolled twice is a signal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DoorId(CellId);

impl DoorId {
    /// The door of a cell.
    #[must_use]
    pub const fn of(cell: CellId) -> Self {
        Self(cell)
    }

    /// The cell this door guards.
    #[must_use]
    pub const fn cell(&self) -> &CellId {
        &self.0
    }
}

impl fmt::Display for DoorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for DoorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "door:{}", self.0)
    }
}

impl FromStr for DoorId {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        text.parse().map(Self)
    }
}

/// Names one restriction for good: derived from the statement that ordered it and, for a pre-signed order, the count
/// of its use. The same order delivered twice is the same restriction; a pre-signed order used twice makes two.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RestrictionId(pub Digest);

impl fmt::Display for RestrictionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for RestrictionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "restriction:{}", self.0.short())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_one_rule() {
        for good in ["a", "kasse-001", "9lives", "bkk.nord_west"] {
            assert_eq!(InsurerId::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "-x", "Kasse", "a b", "ä", "a/b", "../x", &"x".repeat(65)] {
            assert!(InsurerId::new(bad).is_err(), "{bad:?} must be refused");
        }
    }

    #[test]
    fn a_cell_reads_back_what_it_writes() {
        let cell: CellId = "kasse-001/kim".parse().unwrap();
        assert_eq!(cell.to_string().parse::<CellId>().unwrap(), cell);
        assert!("kasse-001".parse::<CellId>().is_err());
        assert!("a/b/c".parse::<CellId>().is_err());
    }
}
