//! The fund's error answer (`eAU;Fehler-Kasse`): proposed, prepared, written; it leaves by a signed release (TA KP5-05, KP5-06).
//!
//! ```text
//! Proposed ──prepare──▶ Ready ──mail──▶ Answer: bytes to sign and encrypt ──▶ an `answer-release` names their digest
//!     └── 313, 314: NeverReleased. The mail is held; there is no way from here to a Ready.
//! ```
//!
//! Nothing here lets anything out: the door at the way out does, for the mail a person named or for a kind of answer a
//! signed policy names (`order::AnswerRelease`), and its codes cannot be 313 and 314 either.
//!
//! The DSN of the receiving server is the only receipt a practice ever gets, so an answer here is always an error, and
//! answering late hits practices weeks later: [`triage`] shows what a release would do before anybody releases.

mod code;
mod mail;
mod outcome;
mod proposal;
mod triage;

pub use code::{After, Code, NeverReleased, Releasable, Subject};
pub use mail::{Answer, Envelope, NotWritten, Says};
pub use outcome::{BundleId, DocumentId, FhirVersion, Reference, reference, version_for};
pub use proposal::{Directory, Listed, Proposed, Ready, Suspicion};
pub use triage::{AGES, Row, Triage, triage};

pub(crate) use mail::{Letter, write};
pub(crate) use outcome::{Outcome, outcome};

#[cfg(test)]
mod tests;
