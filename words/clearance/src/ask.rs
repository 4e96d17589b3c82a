//! Asking whether a statement would be admitted, without admitting it: for drafts that still gather signatures.

use order::{Act, Authenticated, CharterSection, Closing, Opening, SectionChange, StandingOrder, UseNumber};
use vocabulary::{Envelope, PayloadType, Timestamp};

use crate::{
    authority::Authority,
    body::{Clearance, Consent, StandingConsent, Withdrawal},
    refused::Refused,
};

impl Authority {
    /// What a statement still lacks to be admitted now, by the very checks [`admit`](Self::admit) makes; nothing changes.
    /// `now` is the clock of whoever asks, which is no witnessed time: the log asks everything again.
    ///
    /// # Errors
    /// [`Refused`] as [`admit`](Self::admit) would say it.
    pub fn lacks(&self, envelope: &Envelope, now: Option<Timestamp>) -> Result<(), Refused> {
        match envelope.payload_type {
            PayloadType::Charter => match self.charter() {
                None => order::Charter::first(envelope, &self.estate, &self.pinned).map(drop)?,
                Some(current) => current.succeed(envelope).map(drop)?,
            },
            PayloadType::CharterSection => self.section_lacks(envelope)?,
            PayloadType::Closing => {
                let signed = Authenticated::<Closing>::verify(envelope)?;
                let charter = self.in_force()?;
                match &signed.body().act {
                    Act::Tighten { .. } => {
                        order::tighten(&signed, charter, UseNumber::FIRST, now).map(drop)?
                    }
                    Act::Raise { .. } => order::raise(&signed, charter).map(drop)?,
                }
            }
            PayloadType::StandingOrder => {
                self.by_commander(&self.read::<StandingOrder>(envelope, |body| &body.estate)?)?;
            }
            PayloadType::Opening => {
                self.by_commander(&self.read::<Opening>(envelope, |body| &body.estate)?)?
            }
            PayloadType::Clearance => {
                let signed = self.read::<Clearance>(envelope, |body| &body.estate)?;
                self.examiners_met(&signed, now)?;
            }
            PayloadType::Withdrawal => {
                let signed = self.read::<Withdrawal>(envelope, |body| &body.estate)?;
                self.may_withdraw(&signed, now)?;
            }
            PayloadType::Consent => {
                let signed = self.read::<Consent>(envelope, |body| &body.estate)?;
                self.by_insurer(&signed, &signed.body().insurer)?;
            }
            PayloadType::StandingConsent => {
                let signed = self.read::<StandingConsent>(envelope, |body| &body.estate)?;
                self.by_insurer(&signed, &signed.body().insurer)?;
            }
            PayloadType::Refusal => self.check_refusal(envelope).map(drop)?,
            PayloadType::Delegation => self.check_delegation(envelope).map(drop)?,
            PayloadType::Freshness | PayloadType::AnswerRelease => return Err(Refused::OtherKind),
        }
        Ok(())
    }

    fn section_lacks(&self, envelope: &Envelope) -> Result<(), Refused> {
        let signed = Authenticated::<CharterSection>::verify(envelope)?;
        let charter = self.in_force()?;
        match signed.body().change {
            SectionChange::ByInsurer => charter.clone().change_section(&signed)?,
            SectionChange::Recovery => charter.check_recovery(&signed).map(drop)?,
        }
        Ok(())
    }
}
