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
//! This room knows no clock, disk, socket or randomness; it knows neither the planner nor the console.
#![no_std]
extern crate alloc;

mod admit;
mod admitted;
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
pub use authority::{Authority, Followed, authority_origin};
pub use body::{
    Against, BadPeer, Basis, CheckResult, ChecklistItem, Clearance, Consent, Delegation, Grade, Peer,
    Refusal, RewrappedKey, StandingConsent, StandingFor, Withdrawal, Withdraws,
};
pub use permit::{After, DoorFacts, LimitedRules, Permit, RestrictionFacts, StandsOn};
pub use refused::{ClearanceFault, MissingParts, NotFresh, Refused};
pub use view::{FreshView, NONCE_KIND, Nonce, NonceEntry, STATEMENT_KIND, WITNESSED_KIND, WitnessedTime};
