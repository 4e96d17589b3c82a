//! One insurer's section in force: whose it is to say yes, to say no, to change it.

use alloc::{collections::BTreeSet, format};
use vocabulary::{Digest, LegalEntityId, PersonId};

use super::{checked::wrong, draft::SectionDraft};
use crate::{body::BadBody, key::KeyId};

/// One insurer's section in force.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Section {
    pub(super) draft: SectionDraft,
}

impl Section {
    /// Checks a section on its own and against the provider.
    pub(crate) fn check(draft: SectionDraft, provider: &LegalEntityId) -> Result<Self, BadBody> {
        let insurer = &draft.insurer;
        let known: BTreeSet<&PersonId> = draft.persons.iter().map(|person| &person.id).collect();
        let named = draft.consent.iter().chain(&draft.refuse).chain([&draft.deputy]);
        for person in named {
            if !known.contains(person) {
                return Err(wrong(
                    format!("Kasse {insurer}: {person} ist genannt, aber ohne Schlüssel."),
                    format!("Insurer {insurer}: {person} is named but has no keys."),
                ));
            }
        }
        for person in &draft.persons {
            if person.entity == *provider || !person.roles.is_empty() {
                return Err(wrong(
                    format!(
                        "Kasse {insurer}: {} gehört zum Betreiber oder trägt eine zentrale Rolle.",
                        person.id
                    ),
                    format!(
                        "Insurer {insurer}: {} belongs to the provider or has a central role.",
                        person.id
                    ),
                ));
            }
        }
        if draft.consent.contains(&draft.deputy) || draft.refuse.contains(&draft.deputy) {
            return Err(wrong(
                format!("Kasse {insurer}: die Vertretung darf nicht zugleich zustimmen oder ablehnen."),
                format!("Insurer {insurer}: the deputy must not also consent or refuse."),
            ));
        }
        let voters = draft.consent.union(&draft.refuse).count();
        if draft.consent.is_empty() || draft.refuse.is_empty() {
            return Err(wrong(
                format!("Kasse {insurer}: es fehlt jemand, der zustimmen und jemand, der ablehnen darf."),
                format!(
                    "Insurer {insurer}: somebody who may consent and somebody who may refuse is missing."
                ),
            ));
        }
        if draft.threshold == 0 || usize::try_from(draft.threshold).map_or(true, |need| need > voters) {
            return Err(wrong(
                format!(
                    "Kasse {insurer}: {} von {voters} Personen sind nicht erreichbar.",
                    draft.threshold
                ),
                format!(
                    "Insurer {insurer}: {} of {voters} persons cannot be reached.",
                    draft.threshold
                ),
            ));
        }
        let release: BTreeSet<_> = draft.release.iter().collect();
        if draft.release.is_empty()
            || release.len() < draft.release.len()
            || release.contains(&draft.recovery)
        {
            return Err(wrong(
                format!("Kasse {insurer}: Empfänger der Freigabe fehlen oder sind doppelt genannt."),
                format!("Insurer {insurer}: release recipients are missing or named twice."),
            ));
        }
        Ok(Self { draft })
    }

    /// What was signed.
    #[must_use]
    pub const fn draft(&self) -> &SectionDraft {
        &self.draft
    }

    /// Names exactly this section, so that a change says what it replaces.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.draft.digest()
    }

    /// Which of the section's persons own any of these keys.
    pub fn owners<'a>(&'a self, keys: &'a BTreeSet<KeyId>) -> impl Iterator<Item = &'a PersonId> {
        self.draft
            .persons
            .iter()
            .filter(|person| person.keys.iter().any(|key| keys.contains(&key.id())))
            .map(|person| &person.id)
    }

    /// Who of the signers may say yes.
    #[must_use]
    pub fn consenting(&self, keys: &BTreeSet<KeyId>) -> BTreeSet<PersonId> {
        self.owners(keys)
            .filter(|id| self.draft.consent.contains(*id))
            .cloned()
            .collect()
    }

    /// Who of the signers may say no.
    #[must_use]
    pub fn refusing(&self, keys: &BTreeSet<KeyId>) -> BTreeSet<PersonId> {
        self.owners(keys)
            .filter(|id| self.draft.refuse.contains(*id))
            .cloned()
            .collect()
    }

    /// Who of the signers counts towards the section's own threshold.
    #[must_use]
    pub fn voting(&self, keys: &BTreeSet<KeyId>) -> BTreeSet<PersonId> {
        self.owners(keys)
            .filter(|id| **id != self.draft.deputy && self.may_vote(id))
            .cloned()
            .collect()
    }

    /// Whether the deputy signed.
    #[must_use]
    pub fn deputy_signed(&self, keys: &BTreeSet<KeyId>) -> bool {
        self.owners(keys).any(|id| *id == self.draft.deputy)
    }

    fn may_vote(&self, id: &PersonId) -> bool {
        self.draft.consent.contains(id) || self.draft.refuse.contains(id)
    }
}

impl SectionDraft {
    /// Names exactly this section.
    #[must_use]
    pub fn digest(&self) -> Digest {
        // A section that was parsed can be written; an empty text would match no section.
        Digest::of(&serde_json::to_vec(self).unwrap_or_default())
    }
}
