//! Reads the electronic sick note (eAU), checks it by the rules of the field, and remembers what was seen.
//!
//! The room is pure: no clock, no disk, no socket, no randomness; every input is foreign and may be hostile.
//!
//! # What it does
//! - [`Validator::check`] reads the FHIR XML of a note, a cancellation (Storno) or a fund's error message and judges it by the
//!   rules in force on the day of the mail (`Date` header). Every [`Finding`] names rule, place, expectation and what was
//!   there. Check digits, ICD codes and odd dates are [`Severity::Report`]: noted, never a ground to refuse.
//! - [`Register`] knows repeats, misused identifiers, and cancellations that find or await their note.
//! - [`paper`] takes what comes on paper meanwhile; [`employer`] answers employers.
//! - [`sample`] makes synthetic notes from a seed, valid ones and ones that break each rule by name.
//!
//! # How
//! XML is read as a stream into a flat tree, without DTD or entities, within fixed bounds ([`BYTES_MAX`], [`DEPTH_MAX`],
//! [`ELEMENTS_MAX`], [`VALUE_BYTES_MAX`]). The profiles lie in `data/` as tables of facts: one line per element, with
//! cardinality, type, fixed value, slice, length, code list, reference and the names of invariants. The invariants are small
//! rules in Rust under the names the profiles give them.
//!
//! # Sources
//! Profiles KBV eAU 1.1.1 and 1.2.1 and FOR 1.1.0 and 1.2.1 (constraint dumps); Technische Anlage eAU 1.26 of 18.12.2025,
//! in force 27.01.2026 (whether a newer one exists is not known: ?); FHIR R4. The KBV base profiles 1.7.0 and the German base
//! profiles were not at hand as text: what notes inherit from them (identifier systems, name and address parts) is taken from
//! published samples and older versions (?). Version 1.2.0 is judged like 1.2.1 without the length of the BSNR, which is the
//! one difference seen (?). Of 1.0.2 only error messages are judged.
//!
//! # What it must not know
//! Mail, keys, clocks, files, and anything of the other rooms.

mod base;
mod check;
mod codes;
mod digit;
mod doubt;
pub mod employer;
mod finding;
mod logic;
pub mod paper;
mod primitive;
mod register;
mod rules;
pub mod sample;
mod table;
mod version;
mod view;
mod walk;
mod xml;

pub use check::{Checked, Facts, Fingerprint, Kind, Unreadable, Validator, Verdict};
pub use digit::{institution_fits, insured_id_fits, physician_fits};
pub use finding::{Finding, Found, Severity};
pub use register::{Answer, Identifier, OlderMail, PaperSeen, Register, Repeat, Seen};
pub use table::Fault;
pub use version::Version;
pub use xml::{ATTRIBUTES_MAX, BYTES_MAX, DEPTH_MAX, ELEMENTS_MAX, NotXml, VALUE_BYTES_MAX};

/// Findings of one document at most: the first ones say enough.
pub const FINDINGS_MAX: usize = walk::FINDINGS_MAX;
