//! The words of the table of duties: who, what is known, how long.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest span accepted, per unit: a slip of the finger must not move a duty out of sight.
const SPAN_MAX: u16 = 400;

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word in the table.
            #[must_use]
            pub const fn slug(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|known| known.slug() == text).ok_or_else(|| format!("unknown word \"{text}\""))
            }
        }
    )*};
}

words! {
    /// What a legal person is, as far as duties differ. One may be several.
    PersonKind {
        /// Runs the systems.
        Provider = "provider",
        /// Statutory health insurer.
        StatutoryInsurer = "statutory-insurer",
        /// Private insurer.
        PrivateInsurer = "private-insurer",
        /// Operates a critical installation.
        CriticalOperator = "critical-operator",
        /// Makes a product with digital elements.
        Maker = "maker",
        /// Doctor's practice.
        Practice = "practice",
    }

    /// What somebody came to know.
    Trigger {
        /// A significant security incident or disturbance of a service.
        SignificantIncident = "significant-incident",
        /// Personal data were lost, disclosed, changed or unavailable.
        PersonalDataBreach = "personal-data-breach",
        /// The breach is a high risk for people.
        HighRiskToPersons = "high-risk-to-persons",
        /// An authority asked.
        AuthorityRequest = "authority-request",
        /// An authority ordered it, or recipients are threatened.
        ThreatToRecipients = "threat-to-recipients",
        /// A new processor or place is about to be used.
        NewProcessor = "new-processor",
        /// Cloud services are about to be used for social data.
        CloudLocation = "cloud-location",
        /// A private insurer knows of an incident.
        IctIncidentKnown = "ict-incident-known",
        /// A private insurer classified it as major.
        IctIncidentClassified = "ict-incident-classified",
        /// Sick notes cannot be transmitted.
        TransmissionDisturbed = "transmission-disturbed",
        /// A crime is suspected.
        SuspectedCrime = "suspected-crime",
        /// A weakness of our product is being exploited.
        ProductVulnerability = "product-vulnerability",
        /// A severe incident in our product.
        ProductIncident = "product-incident",
        /// The weakness of our product is mended.
        ProductFixed = "product-fixed",
    }
}

/// How long.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Period {
    /// Hours by the second.
    Hours(u16),
    /// To the end of the n-th day after.
    Days(u16),
    /// To the end of the day with the same number n months later.
    Months(u8),
    /// Without culpable delay.
    WithoutDelay,
    /// As the authority says.
    AsSet,
    /// Before it happens.
    Before,
    /// A duty or a right without an end.
    NoDeadline,
    /// Defines when another duty begins; starts no clock.
    Rule,
    /// Holds always; starts no clock.
    Permanent,
    /// Returns with the calendar; starts no clock here.
    Calendar,
}

impl FromStr for Period {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let number = |from: &str, to: &str| text.strip_prefix(from).and_then(|rest| rest.strip_suffix(to));
        let small = |digits: &str| digits.parse::<u16>().ok().filter(|n| (1..=SPAN_MAX).contains(n));
        let bad = || format!("unknown period \"{text}\"");
        if let Some(digits) = number("PT", "H") {
            return small(digits).map(Self::Hours).ok_or_else(bad);
        }
        if let Some(digits) = number("P", "D") {
            return small(digits).map(Self::Days).ok_or_else(bad);
        }
        if let Some(digits) = number("P", "M") {
            return small(digits)
                .and_then(|n| u8::try_from(n).ok())
                .map(Self::Months)
                .ok_or_else(bad);
        }
        Ok(match text {
            "without-delay" => Self::WithoutDelay,
            "as-set" => Self::AsSet,
            "before" => Self::Before,
            "no-deadline" => Self::NoDeadline,
            "rule" => Self::Rule,
            "permanent" => Self::Permanent,
            "calendar" => Self::Calendar,
            _ => return Err(bad()),
        })
    }
}
