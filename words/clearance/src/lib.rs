//! Who may reopen what, and on which evidence: clearances, consents, and the fold of the authority log that every
//! door replays for itself.
//!
//! # Specification
//!
//! - Opening needs proof: a [`Permit`] exists only as the answer of the fold to one door at one epoch under one
//!   [`FreshView`]. None of the proof types can be copied, stored or read back from bytes.
//! - Lifting containment takes three parts by different persons: a clearance by the charter's threshold of examiners
//!   (at least one outside the provider), a commander, and the insurer. There is no override.
//! - What is expired is decided by witnessed time, never by a local clock; what is withdrawn is decided by the whole
//!   log, which the fresh view proves to be whole.
//!
//! - The class that counts at a door is the highest of anything active there, raisings included. A precautionary
//!   restriction counts as such only while it is provably inside the charter's window; a start in the future of
//!   witnessed time proves nothing.
//! - Everything is asked again when a permit is asked for: signers by the charter in force, expiry, withdrawals through
//!   everything a clearance relies on, refusals. Admission is only a first look.
//! - **Withdrawal**: one examiner, or one person of the insurer for its own environment. It counts even if it arrives
//!   before what it withdraws. Taking back a refusal is the only withdrawal towards more open and takes the insurer's
//!   own threshold.
//! - **Delegation**: a commander and an examiner of the charter who is outside the provider, two persons; or the roots.
//!   Fewer would let two insiders invent the outsider they need. A delegate examines the named environments until the
//!   delegation ends (14 days at most), counts as outside, and cannot delegate.
//! - **Recovery** of an insurer's section waits from the first log entry of kind [`WITNESSED_KIND`] that covers it to the
//!   first whose time is late enough; a refusal by the insurer in between ends it. Only the log decides, so all
//!   replicas agree, and one that is shown less than the witnesses saw never gets there.
//! - **Spans** are bounded from the moment of writing (limited operation 7 days, clearance 90, opening 7, fresh consent
//!   7, delegation 14, standing consent 2 years); what is dated more than an hour into the future counts for nothing.
//! - **Emergency** stands on the insurer's consent as well as on the clearance: either taken back ends the grant.
//! - **Answers** leave an emergency environment by a release of a consent person of the insurer, for one mail or by a
//!   policy ([`Authority::answer_right`]). Releases go with the answers, past the log; a refusal in the log ends one.
//! - **The log** ([`authority_origin`]) has entries of kind [`STATEMENT_KIND`] (an envelope as JSON), [`NONCE_KIND`] and
//!   [`WITNESSED_KIND`]; others are followed and mean nothing. A statement that is refused stays in the log and changes
//!   nothing.
//!
//! - **Asking ahead**: [`Authority::lacks`] says what a statement still lacks, [`Authority::forecast`] everything that a
//!   door would still miss for an opening. Both answer by the same checks and neither admits, permits or proves anything:
//!   the forecast is empty exactly where a permit under a fresh view of the same log and instant would be given.
//!
//! What a limited permit lifts is suspended, not gone: when it ends, the door is Held again.
//!
//! This room knows no clock, disk, socket or randomness; it knows neither the planner nor the console.
#![no_std]
extern crate alloc;

mod admit;
mod admitted;
mod answers;
mod ask;
mod authority;
mod body;
mod checks;
mod decide;
mod permit;
pub mod promises;
mod refused;
pub mod sentence;
mod shelves;
mod stand;
mod view;

pub use admitted::{Admitted, Withdrawn};
pub use answers::{AnswerRight, Leaving};
pub use authority::{Authority, Followed, authority_origin};
pub use body::{
    Against, BadPeer, Basis, CheckResult, ChecklistItem, Clearance, Consent, Delegation, Grade, Peer,
    Refusal, RewrappedKey, StandingConsent, StandingFor, Withdrawal, Withdraws,
};
pub use decide::Forecast;
pub use permit::{After, DoorFacts, LimitedRules, Permit, RestrictionFacts, StandsOn};
pub use refused::{ClearanceFault, MissingParts, NotFresh, Refused};
pub use view::{FreshView, NONCE_KIND, Nonce, NonceEntry, STATEMENT_KIND, WITNESSED_KIND, WitnessedTime};
