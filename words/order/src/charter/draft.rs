//! The charter as it is written and signed, before it is checked.

use alloc::{collections::BTreeSet, string::String, vec::Vec};
use core::fmt;
use serde::{Deserialize, Serialize};
use vocabulary::{Digest, EstateId, InsurerId, LegalEntityId, PersonId, Role, Seconds, Timestamp, WitnessId};

use crate::{key::PublicKey, text::Text};

/// The count of charters of an estate, from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(pub u64);

impl Version {
    /// The first charter's version.
    pub const FIRST: Self = Self(1);

    /// The version after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A person of the charter.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Person {
    /// The name thresholds count.
    pub id: PersonId,
    /// Who employs this person; decides who is outside the provider.
    pub entity: LegalEntityId,
    /// Public keys; several keys are still one person.
    pub keys: Vec<PublicKey>,
    /// What this person may do. Insurers' persons have their roles from their section's lists.
    #[serde(default)]
    pub roles: BTreeSet<Role>,
}

/// So many persons, of whom so many outside the provider's legal entity.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Threshold {
    /// Persons needed.
    pub persons: u32,
    /// Of them outside the provider.
    pub outside: u32,
}

/// How many persons each decision needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Thresholds {
    /// To change the charter; at least 3 of whom 2 outside.
    pub roots: Threshold,
    /// To state a clearance; at least 1 outside.
    pub examiners: Threshold,
    /// Commanders who together lift a precautionary restriction inside its window; at least 2.
    pub precautionary_commanders: u32,
}

/// An age recipient, as text (`age1…`). Compared byte for byte; the spool parses it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AgeRecipient(String);

/// A text that is no recipient.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is no {kind}")]
pub struct BadName {
    kind: &'static str,
    text: String,
}

macro_rules! checked_text {
    ($name:ident, $kind:literal, $fits:expr) => {
        impl TryFrom<String> for $name {
            type Error = BadName;
            fn try_from(text: String) -> Result<Self, BadName> {
                let fits: fn(&str) -> bool = $fits;
                if fits(&text) {
                    Ok(Self(text))
                } else {
                    let text = text.chars().filter(|c| !c.is_control()).take(80).collect();
                    Err(BadName { kind: $kind, text })
                }
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl core::str::FromStr for $name {
            type Err = BadName;
            fn from_str(text: &str) -> Result<Self, BadName> {
                Self::try_from(String::from(text))
            }
        }

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

checked_text!(AgeRecipient, "age recipient (age1…)", |text| {
    // Post-quantum recipients of age are about 2,000 characters long.
    text.len() <= 4096
        && text.starts_with("age1")
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
});

/// An outsider who co-signs checkpoints.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Witness {
    /// Its name.
    pub id: WitnessId,
    /// Who runs it; never the provider.
    pub entity: LegalEntityId,
    /// Its cosigning key.
    pub key: record::VerifierKey,
}

/// What one insurer decides about itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SectionDraft {
    /// Whose section.
    pub insurer: InsurerId,
    /// Everybody it names, with keys. They belong to the section: the provider's roots cannot change their keys.
    pub persons: Vec<Person>,
    /// Who of them may say yes; each alone.
    pub consent: BTreeSet<PersonId>,
    /// Who of them may say no; each alone.
    pub refuse: BTreeSet<PersonId>,
    /// How many of its persons (consent or refuse) change this section.
    pub threshold: u32,
    /// Who of its persons helps to recover the section when its own signers are gone. Counts for nothing else.
    pub deputy: PersonId,
    /// To whom held work is sealed: the active identity.
    pub release: Vec<AgeRecipient>,
    /// To whom it is also sealed: the identity whose parts lie outside the estate.
    pub recovery: AgeRecipient,
}

/// Payload of a `charter` statement.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CharterDraft {
    /// The estate.
    pub estate: EstateId,
    /// Counts charters from 1.
    pub version: Version,
    /// Digest of the statement of the charter before; none in the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Digest>,
    /// The provider's legal entity; everyone else is outside.
    pub provider: LegalEntityId,
    /// Roots, commanders, examiners, restoration leads.
    pub persons: Vec<Person>,
    /// How many each decision needs.
    pub thresholds: Thresholds,
    /// How long a precautionary restriction may be lifted by commanders alone, in seconds.
    #[serde(default = "precautionary_window_default")]
    pub precautionary_window: Seconds,
    /// How long a recovery of a section waits after it was witnessed, in seconds.
    #[serde(default = "recovery_delay_default")]
    pub recovery_delay: Seconds,
    /// Who co-signs.
    pub witnesses: Vec<Witness>,
    /// How many of them make a view fresh.
    pub witness_quorum: u32,
    /// Each insurer's own section.
    pub sections: Vec<SectionDraft>,
    /// When it was written.
    pub issued: Timestamp,
}

const fn precautionary_window_default() -> Seconds {
    Seconds(4 * 3600)
}

const fn recovery_delay_default() -> Seconds {
    Seconds(24 * 3600)
}

/// Why a section may change.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SectionChange {
    /// The insurer's own threshold signed.
    ByInsurer,
    /// Its signers are gone: roots and the deputy signed, and it waits.
    Recovery,
}

/// Payload of a `charter-section` statement: replaces one insurer's section.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CharterSection {
    /// The estate.
    pub estate: EstateId,
    /// The charter's statement it was written for.
    pub charter: Digest,
    /// Digest of the section it replaces, so that yesterday's change
    /// cannot be brought back.
    pub replaces: Digest,
    /// The new section, whole.
    pub section: SectionDraft,
    /// Why it may change.
    pub change: SectionChange,
    /// Why, in words.
    pub reason: Text,
    /// When it was written.
    pub issued: Timestamp,
}
