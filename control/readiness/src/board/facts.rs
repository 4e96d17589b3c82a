//! What is known about readiness, as plain data that whoever wires this room fills in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use vocabulary::{CellId, InsurerId, PersonId, SiteId, Timestamp};

/// One thing that must have happened. What was never measured is not known, and counts as a lack.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Fact {
    /// It happened, last at this instant.
    Known {
        /// When it happened last.
        at: Timestamp,
    },
    /// It is known not to exist, or never to have happened.
    Missing,
    /// Nobody has said anything about it.
    #[default]
    NotKnown,
}

/// How far a door is adopted (DESIGN section 11).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Nobody has said.
    #[default]
    NotKnown,
    /// Mirrors or logs; cannot break anything, and closes nothing.
    Observe,
    /// Can hold intake when ordered.
    HoldReady,
    /// Every order takes effect.
    Enforcing,
}

/// What an insurer decided in peace about emergency steps and reopenings of one service.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum StandingConsent {
    /// Signed, and good until this instant.
    Until {
        /// When it ends.
        at: Timestamp,
    },
    /// The insurer wants to be asked each time. A decision, not a lack.
    AskEachTime,
    /// It was asked and has not decided.
    Missing,
    /// Nobody has said.
    #[default]
    NotKnown,
}

/// A paper the law asks for before the emergency environment may run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Paper {
    /// Filed or attested, last reviewed at this instant.
    Filed {
        /// When it was filed or last reviewed.
        at: Timestamp,
    },
    /// The insurer's lawyers say that it is not needed here.
    NotNeeded,
    /// Not filed.
    Missing,
    /// Nobody has said.
    #[default]
    NotKnown,
}

/// About one service of one insurer.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CellFacts {
    /// What the insurer decided in peace.
    pub standing_consent: StandingConsent,
    /// The emergency KIM key opened a test message. Asked of `kim` and `eau` only.
    pub emergency_key_tested: Fact,
    /// The newest sealed copy of what an emergency run needs. Asked of `payments`, `statistics` and `lookup` only.
    pub sealed_copy: Fact,
    /// How far the door is adopted.
    pub level: Level,
    /// The prober last failed to get through the closed door.
    pub proven: Fact,
}

/// About one insurer.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct InsurerFacts {
    /// Who may say yes, and when the person's key was used last. `Missing`: named, but no key enrolled.
    pub consent_keys: BTreeMap<PersonId, Fact>,
    /// Who may say no, in the same way.
    pub refusal_keys: BTreeMap<PersonId, Fact>,
    /// Everybody in the contact book answered a test call-out.
    pub contacts_tested: Fact,
    /// Notice of the emergency environment to the supervisory authority (§ 80 SGB X).
    pub processing_notice: Paper,
    /// Attestation of the cloud the emergency environment runs in (§ 393 SGB V, C5 type 2).
    pub cloud_attestation: Paper,
    /// The release recipient opened a test segment.
    pub release_exercised: Fact,
    /// The recovery recipient was put together from its parts and opened a test segment.
    pub recovery_exercised: Fact,
    /// The last drill with this insurer's people.
    pub last_drill: Fact,
}

/// About one data centre.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SiteFacts {
    /// The responders' way in worked with the site's doors closed.
    pub way_in_tested: Fact,
}

/// About the provider.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ProviderFacts {
    /// Who may close, and when the person's key was used last.
    pub commander_keys: BTreeMap<PersonId, Fact>,
    /// Who may clear, and when the person's key was used last.
    pub examiner_keys: BTreeMap<PersonId, Fact>,
    /// A pre-signed closing was handed to a door from paper or USB, everything else off.
    pub presigned_exercised: Fact,
    /// The provider's own people answered a test call-out.
    pub contacts_tested: Fact,
}

/// Everything the board is made from. What is absent is not known.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Facts {
    /// By cell.
    pub cells: BTreeMap<CellId, CellFacts>,
    /// By insurer.
    pub insurers: BTreeMap<InsurerId, InsurerFacts>,
    /// By data centre.
    pub sites: BTreeMap<SiteId, SiteFacts>,
    /// The provider's own.
    pub provider: ProviderFacts,
}
