//! What was decided and by whose authority: charters, orders, and the proof that persons of the charter signed them.
//!
//! # Specification
//!
//! - Bytes become a proof only by verification. [`Tightening`], [`Raising`] and [`Authenticated`] have private fields
//!   and no other constructor; they are never deserialized and never cloned.
//! - A signature under a statement is an SSHSIG in namespace `bulkhead` over the DSSE encoding of a statement. Keys are `ssh-ed25519`,
//!   `ecdsa-sha2-nistp256` and `sk-ssh-ed25519@openssh.com`; a hardware key counts only if it was touched.
//! - Which keys signed is a fact about the bytes. Which *persons* signed is asked of the charter in force, at the
//!   moment of use. Thresholds count persons, never keys.
//! - Towards more shut one commander is enough, and checking it needs no network, no witness and no clock.
//! - Everything is bounded: bytes, signatures, persons, list lengths, text.
//!
//! This room knows no clock, disk, socket or randomness, and it cannot sign.
#![no_std]
extern crate alloc;

mod answer;
mod body;
mod charter;
mod closing;
mod key;
pub mod login;
mod opening;
mod proof;
mod refused;
pub mod sentence;
mod sshsig;
mod standing;
mod text;
mod tightening;

pub use answer::{Answer, AnswerCode, AnswerRelease, BadAnswerCode, ReleasedMail, Releases};
pub use body::{BadBody, Body};
pub use charter::{
    AgeRecipient, BadName, Charter, CharterDraft, CharterSection, KEYS_PER_PERSON_MAX, Person, Recovery,
    Section, SectionChange, SectionDraft, Threshold, Thresholds, Version, Witness,
};
pub use closing::{Act, Closing, Stance, Uses};
pub use key::{BadKey, KeyId, PublicKey};
pub use opening::{Becomes, DoorOpening, Opening};
pub use proof::{EarlierUses, raise, tighten, use_standing};
pub use refused::{Missing, Part, Refused};
pub use sentence::{Counts, Lang, Sentence};
pub use sshsig::{Authenticated, BadSignature, LOGIN_NAMESPACE, verify, verify_in};
pub use standing::{Rate, StandingOrder, StandingUse};
pub use text::{BadText, Text};
pub use tightening::{Holdable, Raising, Tightening, UseNumber, restriction_of, rules_of};
