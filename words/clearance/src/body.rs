//! Payloads about reopening, as they are written and signed.

use alloc::{collections::BTreeSet, string::String, vec::Vec};
use core::fmt;
use order::{AgeRecipient, Person, Text};
use serde::{Deserialize, Serialize};
use vocabulary::{
    CellId, Digest, DoorId, EnvironmentId, EstateId, Flow, InsurerId, ServiceId, SignalId, StatementId,
    Timestamp,
};

/// The other side of a flow, as doors authenticate it: a host name, address or certificate name. 1 to 253 printable
/// ASCII characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Peer(String);

/// A text that names no peer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a peer is named by 1 to 253 printable ASCII characters")]
pub struct BadPeer;

impl TryFrom<String> for Peer {
    type Error = BadPeer;
    fn try_from(text: String) -> Result<Self, BadPeer> {
        let fits = (1..=253).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if fits { Ok(Self(text)) } else { Err(BadPeer) }
    }
}

impl From<Peer> for String {
    fn from(peer: Peer) -> Self {
        peer.0
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How far a clearance reaches.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Grade {
    /// Provisional operation: named cells, peers and directions, extra logging, hours not weeks. Never normal
    /// operation.
    Limited {
        /// These cells only.
        cells: BTreeSet<CellId>,
        /// These peers only; absent means any peer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        peers: Option<BTreeSet<Peer>>,
        /// These directions only.
        directions: BTreeSet<Flow>,
        /// The planned re-shutdown: doors fall back to Held.
        until: Timestamp,
    },
    /// The whole environment.
    Full,
}

/// Why the examiners say so.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Basis {
    /// It was examined.
    Examined,
    /// It was never touched: the short path.
    NotEndangered {
        /// Why not.
        because: Text,
    },
    /// One signal turned out to be harmless; lifts only what was ordered for that signal.
    SignalExplained {
        /// The signal.
        signal: SignalId,
    },
}

/// How one line of the checklist came out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckResult {
    /// As it should be.
    Passed,
    /// Does not apply here; the note says why.
    NotApplicable,
    /// Not as it should be, accepted for a limited clearance only; the note says why.
    Accepted,
}

/// One line of the checklist.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChecklistItem {
    /// What was checked.
    pub item: Text,
    /// How it came out.
    pub result: CheckResult,
    /// What to know about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Text>,
}

/// Payload of a `clearance` statement, by the charter's threshold of examiners.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Clearance {
    /// The estate.
    pub estate: EstateId,
    /// The environment it speaks about.
    pub environment: EnvironmentId,
    /// How far it reaches.
    pub grade: Grade,
    /// Why.
    pub basis: Basis,
    /// Digests of what was examined.
    #[serde(default)]
    pub examined: BTreeSet<Digest>,
    /// Root of the evidence it stands on.
    pub evidence_root: Digest,
    /// What was checked, and how it came out.
    #[serde(default)]
    pub checklist: Vec<ChecklistItem>,
    /// Clearances of other environments it relies on: withdrawn or expired, they take this one with them.
    #[serde(default)]
    pub relies_on: BTreeSet<StatementId>,
    /// When it was written.
    pub issued: Timestamp,
    /// Opens nothing after this instant.
    pub expires: Timestamp,
}

/// What a withdrawal takes back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Withdraws {
    /// A clearance: one examiner, or the insurer whose environment it is.
    Clearance(StatementId),
    /// Evidence: every clearance that stands on it. One examiner, or an insurer for its own environment.
    Evidence(Digest),
    /// A delegation: one commander, examiner or root.
    Delegation(StatementId),
    /// A fresh or standing consent: one person of that insurer.
    Consent(StatementId),
    /// An insurer's refusal. The only one towards more open: it takes the insurer's own threshold.
    Refusal(StatementId),
    /// A standing order: the charter's number of commanders who lift a precautionary restriction.
    StandingOrder(StatementId),
}

/// Payload of a `withdrawal` statement.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Withdrawal {
    /// The estate.
    pub estate: EstateId,
    /// What is taken back.
    pub withdraws: Withdraws,
    /// Why.
    pub reason: Text,
    /// When it was written.
    pub issued: Timestamp,
}

/// A segment's data key, wrapped again to the door or emergency process the consent names.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RewrappedKey {
    /// The door whose spool it opens.
    pub door: DoorId,
    /// The segment, as the spool names it.
    pub segment: Digest,
    /// The wrapped key, as age file (base64).
    pub wrapped: String,
}

/// Payload of a `consent` statement: one of the insurer's consent persons says yes to one opening.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Consent {
    /// The estate.
    pub estate: EstateId,
    /// Whose yes.
    pub insurer: InsurerId,
    /// The opening statement it agrees to.
    pub opening: StatementId,
    /// The decryption identity, where the opening is an emergency grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<AgeRecipient>,
    /// Keys to what is held, for the door or process the opening names.
    #[serde(default)]
    pub rewrapped: Vec<RewrappedKey>,
    /// When it was written.
    pub issued: Timestamp,
    /// Good for nothing after this instant.
    pub expires: Timestamp,
}

/// What an insurer says no to.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Against {
    /// One statement: an opening, or a pending recovery of its section.
    Statement(StatementId),
    /// Every opening of its doors.
    Everything,
}

/// Payload of a `refusal` statement: one of the insurer's persons says no.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Refusal {
    /// The estate.
    pub estate: EstateId,
    /// Whose no.
    pub insurer: InsurerId,
    /// To what.
    pub against: Against,
    /// Why.
    pub reason: Text,
    /// When it was written.
    pub issued: Timestamp,
}

/// What a standing consent agrees to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum StandingFor {
    /// Normal operation under a full clearance.
    Reopening,
    /// Provisional operation under a limited clearance, at most so long.
    Limited {
        /// Longest provisional operation.
        hours_max: u32,
    },
    /// Emergency operation with one decryption identity.
    Emergency {
        /// The emergency environment.
        environment: EnvironmentId,
        /// The identity.
        identity: AgeRecipient,
    },
}

/// Payload of a `standing-consent` statement: an insurer's yes, given in peace.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StandingConsent {
    /// The estate.
    pub estate: EstateId,
    /// Whose yes.
    pub insurer: InsurerId,
    /// For which services.
    pub services: BTreeSet<ServiceId>,
    /// To what.
    pub to: StandingFor,
    /// At which hours, UTC, from the first up to but not including the second; absent means always. Over midnight
    /// when the first is later than the second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<(u8, u8)>,
    /// When it was written.
    pub issued: Timestamp,
    /// Good for nothing after this instant.
    pub expires: Timestamp,
}

/// Payload of a `delegation` statement: an examiner from outside joins, for named environments, for days.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Delegation {
    /// The estate.
    pub estate: EstateId,
    /// The examiner; not of the provider, and nobody the charter already names.
    pub person: Person,
    /// The environments this person may examine.
    pub environments: BTreeSet<EnvironmentId>,
    /// Why.
    pub reason: Text,
    /// When it was written.
    pub issued: Timestamp,
    /// Signatures count for nothing after this instant.
    pub expires: Timestamp,
}
