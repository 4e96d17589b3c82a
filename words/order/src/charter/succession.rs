//! How one charter follows another, and how a section changes.

use alloc::collections::BTreeSet;
use vocabulary::{Digest, Envelope, EstateId, InsurerId, Role};

use super::{
    checked::Charter,
    draft::{CharterDraft, CharterSection, SectionChange, SectionDraft, Threshold, Version},
    section::Section,
};
use crate::{
    body::BadBody,
    refused::{Missing, Part, Refused},
    sshsig::Authenticated,
};

/// A recovery that roots and deputy signed; it waits before it counts.
#[derive(PartialEq, Eq, Debug)]
pub struct Recovery {
    section: Section,
}

impl Recovery {
    /// The section that will be in force.
    #[must_use]
    pub const fn section(&self) -> &Section {
        &self.section
    }
}

impl Charter {
    /// The first charter: exactly the one pinned at installation, and signed by its own roots, so that it is known
    /// that they can sign.
    ///
    /// # Errors
    /// [`Refused::NotPinned`] and whatever is wrong with it.
    pub fn first(envelope: &Envelope, estate: &EstateId, pinned: &Digest) -> Result<Self, Refused> {
        if envelope.id().0 != *pinned {
            return Err(Refused::NotPinned);
        }
        let signed = Authenticated::<CharterDraft>::verify(envelope)?;
        same_estate(estate, &signed.body().estate)?;
        if signed.body().version != Version::FIRST {
            return Err(Refused::NotPinned);
        }
        let charter = Self::check(signed.id(), signed.body().clone())?;
        charter.signed_by_roots(&signed)?;
        Ok(charter)
    }

    /// The charter that follows this one, signed by the roots of this one. Every section is the one in force now
    /// unless that insurer's own threshold signed too; only a section for a new insurer comes from the roots alone.
    ///
    /// # Errors
    /// [`Refused`] says who must still sign, or what it does not follow.
    pub fn succeed(&self, envelope: &Envelope) -> Result<Self, Refused> {
        let signed = Authenticated::<CharterDraft>::verify(envelope)?;
        let next = signed.body();
        same_estate(self.estate(), &next.estate)?;
        if next.version != self.version().next() {
            return Err(Refused::OlderCharter {
                current: self.version(),
                found: next.version,
            });
        }
        if next.previous != Some(self.statement().0) {
            return Err(Refused::OtherPredecessor);
        }
        if next.provider != *self.provider() {
            return Err(Refused::Body(BadBody::contradiction(
                "Der Betreiber kann nicht wechseln: wer außen steht, hinge an einem Namen.",
                "The provider cannot change: who is outside would depend on a name.",
            )));
        }
        self.signed_by_roots(&signed)?;
        let charter = Self::check(signed.id(), next.clone())?;
        for (insurer, section) in self.sections() {
            if charter.section(insurer) != Some(section) {
                by_insurer(insurer, section, &signed)?;
            }
        }
        Ok(charter)
    }

    /// Replaces a section by its insurer's own threshold.
    ///
    /// # Errors
    /// [`Refused`] says who must still sign, or that the change is stale.
    pub fn change_section(&mut self, signed: &Authenticated<CharterSection>) -> Result<(), Refused> {
        let current = self.replaced(signed)?;
        if signed.body().change != SectionChange::ByInsurer {
            return Err(Refused::OtherAct);
        }
        by_insurer(&signed.body().section.insurer, current, signed)?;
        self.with_section(signed.body().section.clone())?;
        Ok(())
    }

    /// Checks a recovery: roots and the deputy the section itself named. It does not count yet.
    ///
    /// # Errors
    /// [`Refused`] says who must still sign, or that the change is stale.
    pub fn check_recovery(&self, signed: &Authenticated<CharterSection>) -> Result<Recovery, Refused> {
        let current = self.replaced(signed)?;
        if signed.body().change != SectionChange::Recovery {
            return Err(Refused::OtherAct);
        }
        self.signed_by_roots(signed)?;
        if !current.deputy_signed(signed.keys()) {
            let insurer = signed.body().section.insurer.clone();
            return Err(Missing::one(Part::Deputy(insurer), 0).into());
        }
        let section = self.fits(signed.body().section.clone())?;
        Ok(Recovery { section })
    }

    /// Puts a recovery in force. The caller has waited and nobody objected.
    ///
    /// # Errors
    /// [`Refused::StaleSection`] when the section was changed meanwhile, or it no longer fits in.
    pub fn recover(&mut self, section: SectionDraft, replaces: &Digest) -> Result<(), Refused> {
        let stale = || Refused::StaleSection(section.insurer.clone());
        let current = self.section(&section.insurer).ok_or_else(stale)?;
        if current.digest() != *replaces {
            return Err(stale());
        }
        self.with_section(section)?;
        Ok(())
    }

    fn replaced(&self, signed: &Authenticated<CharterSection>) -> Result<&Section, Refused> {
        let body = signed.body();
        same_estate(self.estate(), &body.estate)?;
        let insurer = &body.section.insurer;
        let current = self
            .section(insurer)
            .ok_or_else(|| Refused::UnknownInsurer(insurer.clone()))?;
        if body.charter != self.statement().0 || body.replaces != current.digest() {
            return Err(Refused::StaleSection(insurer.clone()));
        }
        Ok(current)
    }

    fn signed_by_roots<T>(&self, signed: &Authenticated<T>) -> Result<(), Refused> {
        self.met(Role::Root, Part::Root, self.thresholds().roots, signed)?;
        Ok(())
    }

    /// Counts the persons with a central role under a statement.
    ///
    /// # Errors
    /// [`Missing`] says how many are missing.
    pub fn met<T>(
        &self,
        role: Role,
        part: Part,
        need: Threshold,
        signed: &Authenticated<T>,
    ) -> Result<BTreeSet<vocabulary::PersonId>, Missing> {
        let persons = self.signers(role, signed.keys());
        let foreign = signed.keys().len().saturating_sub(persons.len());
        Missing::unless_met(part, need, &persons, |id| self.is_outside(id), foreign)?;
        Ok(persons)
    }
}

fn by_insurer<T>(insurer: &InsurerId, current: &Section, signed: &Authenticated<T>) -> Result<(), Refused> {
    let need = Threshold {
        persons: current.draft().threshold,
        outside: 0,
    };
    let persons = current.voting(signed.keys());
    Missing::unless_met(Part::Insurer(insurer.clone()), need, &persons, |_| true, 0)?;
    Ok(())
}

/// Refuses what was written for somebody else.
pub(crate) fn same_estate(expected: &EstateId, found: &EstateId) -> Result<(), Refused> {
    if expected == found {
        Ok(())
    } else {
        Err(Refused::OtherEstate {
            expected: expected.clone(),
            found: found.clone(),
        })
    }
}
