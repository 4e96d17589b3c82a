//! Who is who: persons, keys, thresholds, witnesses, and each insurer's own section.

mod draft;
mod limits;

pub use draft::{
    AgeRecipient, CharterDraft, CharterSection, Person, SectionChange, SectionDraft, Threshold, Thresholds,
    VerifierKey, Version, Witness,
};
pub use limits::KEYS_PER_PERSON_MAX;
