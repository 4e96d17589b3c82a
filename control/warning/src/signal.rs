//! Something that looked wrong.

use core::fmt;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

use vocabulary::{
    BadId, CellId, DetectorId, Digest, HostId, InsurerId, ServiceId, SignalId, SiteId, Timestamp,
};

use crate::text::Sentence;

/// How bad.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Nothing to do with security by itself.
    Info,
    /// Worth counting.
    Low,
    /// Worth looking at together with others.
    Medium,
    /// Somebody must look now.
    High,
    /// No other explanation is left.
    Critical,
}

impl Severity {
    /// One step worse.
    #[must_use]
    pub const fn raised(self) -> Self {
        match self {
            Self::Info => Self::Low,
            Self::Low => Self::Medium,
            Self::Medium => Self::High,
            Self::High | Self::Critical => Self::Critical,
        }
    }

    /// One step better.
    #[must_use]
    pub const fn lowered(self) -> Self {
        match self {
            Self::Info | Self::Low => Self::Info,
            Self::Medium => Self::Low,
            Self::High => Self::Medium,
            Self::Critical => Self::High,
        }
    }

    /// German and English.
    #[must_use]
    pub const fn in_words(self) -> (&'static str, &'static str) {
        match self {
            Self::Info => ("Hinweis", "information"),
            Self::Low => ("gering", "low"),
            Self::Medium => ("mittel", "medium"),
            Self::High => ("hoch", "high"),
            Self::Critical => ("kritisch", "critical"),
        }
    }
}

/// Which kind of detector saw it, as standing orders name them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// [`Measure::EauRate`](crate::Measure::EauRate).
    EauRate,
    /// [`Measure::ErrorShare`](crate::Measure::ErrorShare).
    ErrorShare,
    /// [`Measure::KeyErrorShare`](crate::Measure::KeyErrorShare).
    KeyErrors,
    /// [`Measure::PaymentVolume`](crate::Measure::PaymentVolume).
    PaymentVolume,
    /// A canary was touched.
    Canary,
    /// A source fell silent.
    Silence,
    /// An alert of a Suricata.
    Suricata,
    /// An alert of a Wazuh.
    Wazuh,
    /// Something passes a door that is closed for it: the prober got through.
    Drift,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::EauRate,
        Self::ErrorShare,
        Self::KeyErrors,
        Self::PaymentVolume,
        Self::Canary,
        Self::Silence,
        Self::Suricata,
        Self::Wazuh,
        Self::Drift,
    ];

    /// Whether it is a measure of business, which small insurers show late.
    #[must_use]
    pub const fn is_business(self) -> bool {
        match self {
            Self::EauRate | Self::ErrorShare | Self::KeyErrors | Self::PaymentVolume => true,
            Self::Canary | Self::Silence | Self::Suricata | Self::Wazuh | Self::Drift => false,
        }
    }

    /// The name standing orders use.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::EauRate => "eau-rate",
            Self::ErrorShare => "error-share",
            Self::KeyErrors => "key-errors",
            Self::PaymentVolume => "payment-volume",
            Self::Canary => "canary",
            Self::Silence => "silence",
            Self::Suricata => "suricata",
            Self::Wazuh => "wazuh",
            Self::Drift => "drift",
        }
    }

    /// The kind an order names; nothing for kinds this room does not have.
    #[must_use]
    pub fn named(detector: &DetectorId) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.slug() == detector.as_str())
    }

    /// The name as an order carries it.
    ///
    /// # Errors
    /// Never for a kind of this room; a test holds all slugs against the rule for names.
    pub fn detector(self) -> Result<DetectorId, BadId> {
        DetectorId::new(self.slug())
    }
}

/// What is "the same" when it is seen at several insurers: a rule's number, or a measure and its side.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Indicator(String);

impl Indicator {
    pub(crate) fn new(kind: Kind, detail: &str) -> Self {
        Self(format!("{}:{}", kind.slug(), crate::text::clean(detail, 80)))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Indicator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What nobody has a reason to touch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Canary {
    /// Mail arrived at, or was fetched from, a mailbox nobody uses.
    Mailbox,
    /// A file nobody needs was read.
    File,
    /// A record of a person who does not exist was opened.
    Record,
    /// An account nobody has was used to log in.
    Account,
}

impl Canary {
    /// German and English.
    #[must_use]
    pub const fn in_words(self) -> (&'static str, &'static str) {
        match self {
            Self::Mailbox => ("Köder-Postfach", "canary mailbox"),
            Self::File => ("Köder-Datei", "canary file"),
            Self::Record => ("Köder-Datensatz", "canary record"),
            Self::Account => ("Köder-Konto", "canary account"),
        }
    }

    /// A used account is somebody inside who logs in; the others may be a careless search.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::Mailbox | Self::File | Self::Record => Severity::High,
            Self::Account => Severity::Critical,
        }
    }
}

/// A part of the estate that a signal points at.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Touched {
    /// One service of one insurer.
    Cell(CellId),
    /// All of one insurer.
    Environment(InsurerId),
    /// One service of every insurer of a site: a machine they share.
    Service {
        /// The data centre.
        site: SiteId,
        /// The service.
        service: ServiceId,
    },
    /// All of a site: a machine that is nobody's alone.
    Site(SiteId),
}

impl Touched {
    /// Whose it is, if one insurer's.
    #[must_use]
    pub const fn insurer(&self) -> Option<&InsurerId> {
        match self {
            Self::Cell(cell) => Some(&cell.insurer),
            Self::Environment(insurer) => Some(insurer),
            Self::Service { .. } | Self::Site(_) => None,
        }
    }
}

impl fmt::Display for Touched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cell(cell) => write!(f, "{cell}"),
            Self::Environment(insurer) => write!(f, "{insurer}/*"),
            Self::Service { site, service } => write!(f, "*/{service}@{site}"),
            Self::Site(site) => write!(f, "*@{site}"),
        }
    }
}

/// Something that looked wrong, with where it points and what it was read from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Signal {
    /// Its name: derived from what it says, so that a replay gives the same.
    pub id: SignalId,
    /// Which kind of detector saw it.
    pub kind: Kind,
    /// What is the same elsewhere.
    pub indicator: Indicator,
    /// How bad, by itself.
    pub severity: Severity,
    /// Since when it looked wrong.
    pub since: Timestamp,
    /// When it was seen here.
    pub seen: Timestamp,
    /// Where it points.
    pub touched: BTreeSet<Touched>,
    /// Machines of the estate it names.
    pub hosts: BTreeSet<HostId>,
    /// Names and addresses it gave that the estate does not know. They widen no scope.
    pub unmatched: BTreeSet<String>,
    /// MITRE ATT&CK techniques it gave.
    pub techniques: BTreeSet<String>,
    /// Digests of the raw lines or readings it was read from; the lines themselves stay where they were.
    pub evidence: BTreeSet<Digest>,
    /// What it says.
    pub sentence: Sentence,
}

/// The name of a signal: from kind, indicator, place and time.
pub(crate) fn name_signal(
    indicator: &Indicator,
    touched: &BTreeSet<Touched>,
    since: Timestamp,
    extra: &str,
) -> Result<SignalId, BadId> {
    let places: Vec<String> = touched.iter().map(ToString::to_string).collect();
    let text = format!("{indicator}\n{}\n{}\n{extra}", places.join(" "), since.0);
    SignalId::new(&short("s", text.as_bytes()))
}

/// A letter and sixteen hexadecimal digits.
pub(crate) fn short(letter: &str, bytes: &[u8]) -> String {
    let digest = Digest::of(bytes).to_string();
    format!("{letter}-{}", digest.get(..16).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_a_name_orders_can_use() {
        for kind in Kind::ALL {
            assert_eq!(Kind::named(&kind.detector().unwrap()), Some(kind));
        }
        assert_eq!(Kind::named(&"error-rate".parse().unwrap()), None);
    }
}
