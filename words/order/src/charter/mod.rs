//! Who is who: persons, keys, thresholds, witnesses, and each insurer's own section.

mod checked;
mod draft;
mod limits;
mod section;
mod succession;

pub use checked::Charter;
pub use draft::{
    AgeRecipient, BadName, CharterDraft, CharterSection, Person, SectionChange, SectionDraft, Threshold,
    Thresholds, Version, Witness,
};
pub use limits::KEYS_PER_PERSON_MAX;
pub use section::Section;
pub use succession::Recovery;
pub(crate) use succession::same_estate;
