//! Bounds of a charter, and the checks of its payloads on their own.

use alloc::format;
use vocabulary::PayloadType;

use super::draft::{CharterDraft, CharterSection, Person, SectionDraft};
use crate::body::{BadBody, Body, at_most};

/// Most keys of one person.
pub const KEYS_PER_PERSON_MAX: usize = 8;
/// Most persons in the charter itself.
const PERSONS_MAX: usize = 512;
/// Most insurers' sections.
const SECTIONS_MAX: usize = 512;
/// Most persons in one section.
const SECTION_PERSONS_MAX: usize = 64;
/// Most witnesses.
const WITNESSES_MAX: usize = 64;
/// Most release recipients of one insurer.
const RELEASE_MAX: usize = 16;

impl Body for CharterDraft {
    const KIND: PayloadType = PayloadType::Charter;
    const BYTES_MAX: usize = 4 * 1024 * 1024;

    fn check(&self) -> Result<(), BadBody> {
        at_most("Personen", "persons", self.persons.len(), PERSONS_MAX)?;
        at_most("Kassen", "sections", self.sections.len(), SECTIONS_MAX)?;
        at_most("Zeugen", "witnesses", self.witnesses.len(), WITNESSES_MAX)?;
        self.persons.iter().try_for_each(bounded_person)?;
        self.sections.iter().try_for_each(bounded_section)
    }
}

impl Body for CharterSection {
    const KIND: PayloadType = PayloadType::CharterSection;
    const BYTES_MAX: usize = 256 * 1024;

    fn check(&self) -> Result<(), BadBody> {
        bounded_section(&self.section)
    }
}

fn bounded_section(section: &SectionDraft) -> Result<(), BadBody> {
    at_most("Personen", "persons", section.persons.len(), SECTION_PERSONS_MAX)?;
    at_most("Empfänger", "recipients", section.release.len(), RELEASE_MAX)?;
    section.persons.iter().try_for_each(bounded_person)
}

fn bounded_person(person: &Person) -> Result<(), BadBody> {
    if person.keys.is_empty() {
        return Err(BadBody::contradiction(
            format!("{} hat keinen Schlüssel.", person.id),
            format!("{} has no key.", person.id),
        ));
    }
    at_most(
        "Schlüssel einer Person",
        "keys of one person",
        person.keys.len(),
        KEYS_PER_PERSON_MAX,
    )
}
