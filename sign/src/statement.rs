//! One statement of any kind, read from exact bytes. What has no entry here is not signed.

use clearance::{Clearance, Consent, Delegation, Refusal, StandingConsent, Withdrawal};
use order::{Body, CharterDraft, CharterSection, Closing, Opening, StandingOrder};
use vocabulary::{Envelope, PayloadType};

use crate::Refused;

/// Reads the payload as the kind its envelope names, and refuses bytes that hold more than their content: what is
/// parsed and written again must be the same bytes, or the sentence would not show everything that is signed.
pub(crate) fn check(envelope: &Envelope) -> Result<(), Refused> {
    match envelope.payload_type {
        PayloadType::Charter => exact::<CharterDraft>(envelope),
        PayloadType::CharterSection => exact::<CharterSection>(envelope),
        PayloadType::Closing => exact::<Closing>(envelope),
        PayloadType::StandingOrder => exact::<StandingOrder>(envelope),
        PayloadType::Opening => exact::<Opening>(envelope),
        PayloadType::Clearance => exact::<Clearance>(envelope),
        PayloadType::Withdrawal => exact::<Withdrawal>(envelope),
        PayloadType::Consent => exact::<Consent>(envelope),
        PayloadType::Refusal => exact::<Refusal>(envelope),
        PayloadType::StandingConsent => exact::<StandingConsent>(envelope),
        PayloadType::Delegation => exact::<Delegation>(envelope),
        PayloadType::Freshness => Err(Refused::Unreadable(envelope.payload_type)),
    }
}

fn exact<T: Body>(envelope: &Envelope) -> Result<(), Refused> {
    let again = T::read(envelope)?.draft()?;
    if again.payload == envelope.payload {
        Ok(())
    } else {
        Err(Refused::OtherBytes)
    }
}

/// Makes the exact bytes of a body a person wrote.
pub(crate) fn fix(kind: PayloadType, body: serde_json::Value) -> Result<Envelope, Refused> {
    fn of<T: Body>(body: serde_json::Value) -> Result<Envelope, Refused> {
        let body: T = serde_json::from_value(body).map_err(order::BadBody::from)?;
        Ok(body.draft()?)
    }
    match kind {
        PayloadType::Charter => of::<CharterDraft>(body),
        PayloadType::CharterSection => of::<CharterSection>(body),
        PayloadType::Closing => of::<Closing>(body),
        PayloadType::StandingOrder => of::<StandingOrder>(body),
        PayloadType::Opening => of::<Opening>(body),
        PayloadType::Clearance => of::<Clearance>(body),
        PayloadType::Withdrawal => of::<Withdrawal>(body),
        PayloadType::Consent => of::<Consent>(body),
        PayloadType::Refusal => of::<Refusal>(body),
        PayloadType::StandingConsent => of::<StandingConsent>(body),
        PayloadType::Delegation => of::<Delegation>(body),
        PayloadType::Freshness => Err(Refused::Unreadable(kind)),
    }
}

/// The word a person types to confirm: one per kind, so that nobody confirms an opening while thinking of a cut.
pub(crate) const fn word(kind: PayloadType) -> (&'static str, &'static str) {
    match kind {
        PayloadType::Charter | PayloadType::CharterSection => ("satzung", "charter"),
        PayloadType::Closing => ("schliessen", "close"),
        PayloadType::StandingOrder => ("dauerbefehl", "standing order"),
        PayloadType::Opening => ("oeffnen", "open"),
        PayloadType::Clearance => ("freigeben", "clear"),
        PayloadType::Withdrawal => ("widerrufen", "withdraw"),
        PayloadType::Consent => ("zustimmen", "consent"),
        PayloadType::Refusal => ("ablehnen", "refuse"),
        PayloadType::StandingConsent => ("dauerzustimmung", "standing consent"),
        PayloadType::Delegation => ("beauftragen", "delegate"),
        PayloadType::Freshness => ("bestaetigen", "confirm"),
    }
}
