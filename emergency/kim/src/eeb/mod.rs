//! The substitute certificate (eEB): a practice asks while the patient stands at the counter (EEB; facts of 2026).
//!
//! An answer is worth something for seconds. It is given at once, from a sealed copy of the master data with its date in
//! plain sight, or refused at once with the nearest true code; it is never spooled for days.
//!
//! - [`Request::read`]: the XML inside an already verified `.p7s`.
//! - [`Roster`]: the sealed copy, as a documented CSV; anything that implements [`Lookup`] will do.
//! - [`decide`]: certify or refuse. One total function.
//! - [`prepare`]: the document and the mail. A certificate has to be signed first ([`Unsigned`]).
//!
//! *Unverified*: the profile of the certificate as of V1.1 (ours follows the published sample without health card), the
//! display text of 113, what 140 and 141 mean (they are never used here), the period a certificate names (ours: the service
//! day), and generation 2.0, whose requests are answered with 130. 313 is never sent: see [`crate::promises::mail_1`].

mod answer;
mod certificate;
mod code;
mod decide;
mod kvnr;
mod request;
mod roster;

pub use answer::{Asker, Prepared, Unsigned, prepare};
pub use certificate::Seed;
pub use code::Refusal;
pub use decide::{Asked, Decision, Rules, decide};
pub use kvnr::{BadKvnr, Kvnr};
pub use request::{BadRequest, Consent, Generation, Patient, Person, Request, RequestId};
pub use roster::{BadRoster, COLUMNS, Fund, Lookup, Member, Roster, YesNo};

#[cfg(test)]
mod tests;
