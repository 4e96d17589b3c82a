//! One statement comes in: who signed it, and what it changes.

use alloc::collections::BTreeSet;
use order::{
    Act, Authenticated, Body, CharterSection, Closing, Missing, Opening, Part, SectionChange, StandingOrder,
    Threshold, UseNumber, restriction_of,
};
use record::WitnessedTime;
use vocabulary::{Envelope, EstateId, InsurerId, PayloadType, Role, StatementId, Timestamp};

use crate::{
    admitted::{Admitted, Withdrawn},
    authority::{Authority, By, Shelf, Waiting},
    body::{Clearance, Consent, Delegation, Refusal, StandingConsent, Withdrawal, Withdraws},
    refused::Refused,
};

const ONE: Threshold = Threshold {
    persons: 1,
    outside: 0,
};

impl Authority {
    /// Takes a statement in by hand, before or besides the log: an order from a USB stick, or what the log will bring
    /// anyway. Idempotent; restrictions and withdrawals may come in any order. `when` is a witnessed time, if one is
    /// known; it decides expiry.
    ///
    /// # Errors
    /// [`Refused`] says what is missing; nothing changed.
    pub fn admit(&mut self, envelope: &Envelope, when: Option<WitnessedTime>) -> Result<Admitted, Refused> {
        self.take_in(envelope, when, None)
    }

    /// As [`admit`](Self::admit), with the statement's place in the log.
    pub(crate) fn take_in(
        &mut self,
        envelope: &Envelope,
        when: Option<WitnessedTime>,
        index: Option<u64>,
    ) -> Result<Admitted, Refused> {
        let now = when.map(WitnessedTime::instant);
        if self.folded.contains(&envelope.id()) {
            return Ok(Admitted::Repeat);
        }
        match envelope.payload_type {
            PayloadType::Charter => self.admit_charter(envelope),
            PayloadType::CharterSection => self.admit_section(envelope, index),
            PayloadType::Closing => self.admit_closing(envelope, now),
            PayloadType::StandingOrder => self.admit_standing_order(envelope),
            PayloadType::Opening => self.admit_opening(envelope),
            PayloadType::Clearance => self.admit_clearance(envelope, now),
            PayloadType::Withdrawal => self.admit_withdrawal(envelope, now),
            PayloadType::Consent => self.admit_consent(envelope),
            PayloadType::Refusal => self.admit_refusal(envelope),
            PayloadType::StandingConsent => self.admit_standing_consent(envelope),
            PayloadType::Delegation => self.admit_delegation(envelope),
            // A release of answers goes with the answers, past the log: there may be thousands, and only doors need them.
            PayloadType::Freshness | PayloadType::AnswerRelease => Err(Refused::OtherKind),
        }
    }

    fn admit_charter(&mut self, envelope: &Envelope) -> Result<Admitted, Refused> {
        let next = match &self.charter {
            None => order::Charter::first(envelope, &self.estate, &self.pinned)?,
            Some(current) => current.succeed(envelope)?,
        };
        self.folded.insert(envelope.id());
        Ok(Admitted::Charter(self.charter.insert(next).version()))
    }

    fn admit_section(&mut self, envelope: &Envelope, index: Option<u64>) -> Result<Admitted, Refused> {
        let signed = Authenticated::<CharterSection>::verify(envelope)?;
        let insurer = signed.body().section.insurer.clone();
        let waits = self.waiting.get(&insurer).map(|waiting| waiting.statement);
        if waits == Some(signed.id()) {
            if let (Some(index), Some(waiting)) = (index, self.waiting.get_mut(&insurer)) {
                waiting.index.get_or_insert(index);
            }
            return Ok(Admitted::Repeat);
        }
        let charter = self.charter.as_mut().ok_or(order::Refused::NoCharter)?;
        match signed.body().change {
            SectionChange::ByInsurer => {
                charter.change_section(&signed)?;
                self.folded.insert(signed.id());
            }
            SectionChange::Recovery => {
                let recovery = charter.check_recovery(&signed)?;
                let objected = waits.is_some_and(|id| {
                    self.refusal_of(&insurer, &|_| false, &|against| against == id)
                        .is_some()
                });
                if waits.is_some() && !objected {
                    return Err(Refused::RecoveryWaits(insurer));
                }
                let waiting = Waiting {
                    statement: signed.id(),
                    replaces: signed.body().replaces,
                    recovery,
                    index,
                    witnessed: None,
                };
                self.waiting.insert(insurer.clone(), waiting);
            }
        }
        Ok(Admitted::Section(insurer))
    }

    fn admit_closing(&mut self, envelope: &Envelope, now: Option<Timestamp>) -> Result<Admitted, Refused> {
        let signed = Authenticated::<Closing>::verify(envelope)?;
        let charter = self.charter.as_ref().ok_or(order::Refused::NoCharter)?;
        if matches!(signed.body().act, Act::Raise { .. }) {
            let raising = order::raise(&signed, charter)?;
            let again = order::raise(&signed, charter)?;
            self.folded.insert(signed.id());
            self.raisings.insert(signed.id(), again);
            return Ok(Admitted::Raise(raising));
        }
        let tightening = order::tighten(&signed, charter, UseNumber::FIRST, now)?;
        self.restrictions
            .insert(restriction_of(signed.id(), UseNumber::FIRST), signed.id());
        Ok(if shelve(&mut self.closings, signed) {
            Admitted::Tighten(tightening)
        } else {
            Admitted::Repeat
        })
    }

    fn admit_standing_order(&mut self, envelope: &Envelope) -> Result<Admitted, Refused> {
        let signed = self.read::<StandingOrder>(envelope, |body| &body.estate)?;
        self.by_commander(&signed)?;
        Ok(new_or_repeat(
            &mut self.standing_orders,
            signed,
            Admitted::StandingOrder,
        ))
    }

    fn admit_opening(&mut self, envelope: &Envelope) -> Result<Admitted, Refused> {
        let signed = self.read::<Opening>(envelope, |body| &body.estate)?;
        self.by_commander(&signed)?;
        Ok(new_or_repeat(&mut self.openings, signed, Admitted::Opening))
    }

    fn admit_clearance(&mut self, envelope: &Envelope, now: Option<Timestamp>) -> Result<Admitted, Refused> {
        let signed = self.read::<Clearance>(envelope, |body| &body.estate)?;
        self.examiners_met(&signed, now)?;
        Ok(new_or_repeat(&mut self.clearances, signed, Admitted::Clearance))
    }

    fn admit_consent(&mut self, envelope: &Envelope) -> Result<Admitted, Refused> {
        let signed = self.read::<Consent>(envelope, |body| &body.estate)?;
        self.by_insurer(&signed, &signed.body().insurer)?;
        Ok(new_or_repeat(&mut self.consents, signed, Admitted::Consent))
    }

    fn admit_standing_consent(&mut self, envelope: &Envelope) -> Result<Admitted, Refused> {
        let signed = self.read::<StandingConsent>(envelope, |body| &body.estate)?;
        self.by_insurer(&signed, &signed.body().insurer)?;
        Ok(new_or_repeat(
            &mut self.standing_consents,
            signed,
            Admitted::StandingConsent,
        ))
    }

    fn admit_refusal(&mut self, envelope: &Envelope) -> Result<Admitted, Refused> {
        let signed = self.check_refusal(envelope)?;
        Ok(new_or_repeat(&mut self.refusals, signed, Admitted::Refusal))
    }

    pub(crate) fn check_refusal(&self, envelope: &Envelope) -> Result<Authenticated<Refusal>, Refused> {
        let signed = self.read::<Refusal>(envelope, |body| &body.estate)?;
        let insurer = &signed.body().insurer;
        let section = self
            .in_force()?
            .section(insurer)
            .ok_or_else(|| order::Refused::UnknownInsurer(insurer.clone()))?;
        if section.refusing(signed.keys()).is_empty() {
            return Err(Missing::one(Part::Refuse(insurer.clone()), signed.keys().len()).into());
        }
        Ok(signed)
    }

    fn admit_delegation(&mut self, envelope: &Envelope) -> Result<Admitted, Refused> {
        let signed = self.check_delegation(envelope)?;
        Ok(new_or_repeat(&mut self.delegations, signed, Admitted::Delegation))
    }

    /// An outside examiner joins by a commander and an examiner of the charter who is outside the provider, or by the
    /// roots. Anything less would let two insiders invent the outsider their own clearance needs.
    pub(crate) fn check_delegation(&self, envelope: &Envelope) -> Result<Authenticated<Delegation>, Refused> {
        let signed = self.read::<Delegation>(envelope, |body| &body.estate)?;
        self.delegation_signed(&signed)?;
        let charter = self.in_force()?;
        let person = &signed.body().person;
        let keys: BTreeSet<_> = person.keys.iter().map(order::PublicKey::id).collect();
        let another = self
            .delegations
            .values()
            .map(|known| &known.body().person)
            .any(|known| {
                let shares_key = known.keys.iter().any(|key| keys.contains(&key.id()));
                (shares_key && known.id != person.id)
                    || (known.id == person.id && known.entity != person.entity)
            });
        let named = charter.knows(&person.id, &person.keys, None);
        if person.entity == *charter.provider() || named || another || keys.len() < person.keys.len() {
            return Err(Refused::Delegate(person.id.clone()));
        }
        Ok(signed)
    }

    fn admit_withdrawal(&mut self, envelope: &Envelope, now: Option<Timestamp>) -> Result<Admitted, Refused> {
        let signed = self.read::<Withdrawal>(envelope, |body| &body.estate)?;
        let withdraws = signed.body().withdraws;
        let by = self.may_withdraw(&signed, now)?;
        let known = self.withdrawn.entry(withdraws).or_default();
        // A copy with a further signature may count in more places than the first one did.
        if self.withdrawals.contains(&signed.id()) && by.is_subset(known) {
            return Ok(Admitted::Repeat);
        }
        known.extend(by);
        self.withdrawals.insert(signed.id());
        Ok(Admitted::Withdraw(Withdrawn {
            statement: signed.id(),
            withdraws,
            closure: self.fallen(withdraws),
        }))
    }

    pub(crate) fn may_withdraw(
        &self,
        signed: &Authenticated<Withdrawal>,
        now: Option<Timestamp>,
    ) -> Result<BTreeSet<By>, Refused> {
        let charter = self.in_force()?;
        let foreign = signed.keys().len();
        let insurers = |enough: &dyn Fn(&order::Section) -> bool| -> BTreeSet<By> {
            let sections = charter.sections().iter().filter(|(_, section)| enough(section));
            sections
                .map(|(insurer, _)| By::Insurer(insurer.clone()))
                .collect()
        };
        let any_person = |section: &order::Section| !section.voting(signed.keys()).is_empty();
        match signed.body().withdraws {
            Withdraws::Clearance(_) | Withdraws::Evidence(_) => {
                let mut by = insurers(&any_person);
                if !self.examiners(signed.keys(), None, now).is_empty() {
                    by.insert(By::Central);
                }
                some_or(by, Part::ExaminerOrInsurer, foreign)
            }
            Withdraws::Consent(id) => some_or(insurers(&any_person), self.consent_part(id), foreign),
            Withdraws::Refusal(id) => {
                let enough = |section: &order::Section| {
                    usize::try_from(section.draft().threshold)
                        .is_ok_and(|need| section.voting(signed.keys()).len() >= need)
                };
                let Some(refusal) = self.refusals.get(&id) else {
                    return some_or(insurers(&enough), Part::ExaminerOrInsurer, foreign);
                };
                let insurer = &refusal.body().insurer;
                let voting = charter
                    .section(insurer)
                    .map(|section| section.voting(signed.keys()));
                let need = charter
                    .section(insurer)
                    .map_or(1, |section| section.draft().threshold);
                let need = Threshold {
                    persons: need,
                    outside: 0,
                };
                let part = Part::Insurer(insurer.clone());
                Missing::unless_met(part, need, &voting.unwrap_or_default(), |_| true, 0)?;
                Ok(BTreeSet::from([By::Insurer(insurer.clone())]))
            }
            Withdraws::Delegation(_) => {
                let roles = [Role::Commander, Role::Examiner, Role::Root];
                let signed_by = |role: &Role| !charter.signers(*role, signed.keys()).is_empty();
                let by = roles.iter().any(signed_by).then_some(By::Central);
                some_or(
                    by.into_iter().collect(),
                    Part::CommanderExaminerOrInsurer,
                    foreign,
                )
            }
            Withdraws::StandingOrder(_) => {
                let persons = charter.thresholds().precautionary_commanders;
                charter.met(
                    Role::Commander,
                    Part::Commander,
                    Threshold { persons, outside: 0 },
                    signed,
                )?;
                Ok(BTreeSet::from([By::Central]))
            }
        }
    }

    fn consent_part(&self, id: StatementId) -> Part {
        let fresh = self.consents.get(&id).map(|consent| &consent.body().insurer);
        let standing = self
            .standing_consents
            .get(&id)
            .map(|consent| &consent.body().insurer);
        fresh
            .or(standing)
            .cloned()
            .map_or(Part::ExaminerOrInsurer, Part::Consent)
    }

    /// Reads, verifies and checks that it is meant for this estate and that a charter is in force.
    pub(crate) fn read<T: Body>(
        &self,
        envelope: &Envelope,
        estate: impl Fn(&T) -> &EstateId,
    ) -> Result<Authenticated<T>, Refused> {
        self.in_force()?;
        let signed = Authenticated::<T>::verify(envelope)?;
        let found = estate(signed.body());
        if *found == self.estate {
            Ok(signed)
        } else {
            Err(Refused::OtherEstate {
                expected: self.estate.clone(),
                found: found.clone(),
            })
        }
    }

    pub(crate) fn by_commander<T>(&self, signed: &Authenticated<T>) -> Result<(), Refused> {
        self.in_force()?
            .met(Role::Commander, Part::Commander, ONE, signed)?;
        Ok(())
    }

    pub(crate) fn by_insurer<T>(
        &self,
        signed: &Authenticated<T>,
        insurer: &InsurerId,
    ) -> Result<(), Refused> {
        let section = self
            .in_force()?
            .section(insurer)
            .ok_or_else(|| order::Refused::UnknownInsurer(insurer.clone()))?;
        if section.consenting(signed.keys()).is_empty() {
            return Err(Missing::one(Part::Consent(insurer.clone()), signed.keys().len()).into());
        }
        Ok(())
    }

    pub(crate) fn in_force(&self) -> Result<&order::Charter, Refused> {
        Ok(self.charter.as_ref().ok_or(order::Refused::NoCharter)?)
    }
}

fn some_or(by: BTreeSet<By>, part: Part, foreign: usize) -> Result<BTreeSet<By>, Refused> {
    if by.is_empty() {
        Err(Missing::one(part, foreign).into())
    } else {
        Ok(by)
    }
}

/// Puts a statement on its shelf, or adds its signatures to those known; says whether anything was new.
fn shelve<T>(shelf: &mut Shelf<T>, signed: Authenticated<T>) -> bool {
    use alloc::collections::btree_map::Entry;
    match shelf.entry(signed.id()) {
        Entry::Occupied(mut known) => {
            known.get_mut().merge(signed);
            false
        }
        Entry::Vacant(place) => {
            place.insert(signed);
            true
        }
    }
}

fn new_or_repeat<T>(
    shelf: &mut Shelf<T>,
    signed: Authenticated<T>,
    new: fn(StatementId) -> Admitted,
) -> Admitted {
    let id = signed.id();
    if shelve(shelf, signed) {
        new(id)
    } else {
        Admitted::Repeat
    }
}
