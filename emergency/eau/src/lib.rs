//! Reads the electronic sick note (eAU), checks it by the rules of the field, and remembers what was seen.

mod base;
mod check;
mod codes;
mod digit;
mod doubt;
mod finding;
mod logic;
mod primitive;
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
pub use table::Fault;
pub use version::Version;
pub use xml::{ATTRIBUTES_MAX, BYTES_MAX, DEPTH_MAX, ELEMENTS_MAX, NotXml, VALUE_BYTES_MAX};

/// Findings of one document at most: the first ones say enough.
pub const FINDINGS_MAX: usize = walk::FINDINGS_MAX;
