//! One statement of any kind, read from exact bytes. What has no entry here is not signed.

use clearance::{Clearance, Consent, Delegation, Grade, Refusal, StandingConsent, Withdrawal};
use order::{AnswerRelease, Body, CharterDraft, CharterSection, Closing, Counts, Opening, StandingOrder};
use std::collections::BTreeSet;
use vocabulary::{CellId, Envelope, InsurerId, PayloadType, Scope, Selector};

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
        PayloadType::AnswerRelease => exact::<AnswerRelease>(envelope),
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
        PayloadType::AnswerRelease => of::<AnswerRelease>(body),
        PayloadType::Freshness => Err(Refused::Unreadable(kind)),
    }
}

/// Who and what a scope means in one estate: asked for the counts in a sentence. Signing works without.
pub trait Census {
    /// What the scope covers.
    fn count(&self, scope: &Scope) -> Counts;
}

/// The counts of what a statement is about; none without a census, and none where it is about persons or papers.
pub(crate) fn counts(envelope: &Envelope, census: Option<&dyn Census>) -> Result<Counts, Refused> {
    let Some(census) = census else {
        return Ok(Counts::default());
    };
    let scope = match envelope.payload_type {
        PayloadType::Closing => Some(Closing::read(envelope)?.scope),
        PayloadType::StandingOrder => Some(StandingOrder::read(envelope)?.scope_max),
        PayloadType::Opening => {
            let doors = Opening::read(envelope)?.doors;
            Some(cells(doors.iter().map(|entry| entry.door.cell())))
        }
        PayloadType::Clearance => cleared(&Clearance::read(envelope)?),
        PayloadType::StandingConsent => {
            let body = StandingConsent::read(envelope)?;
            Some(Scope(vec![Selector {
                sites: None,
                insurers: Some(BTreeSet::from([body.insurer])),
                services: Some(body.services),
            }]))
        }
        PayloadType::Consent => Some(Scope::insurer(Consent::read(envelope)?.insurer)),
        PayloadType::Refusal => Some(Scope::insurer(Refusal::read(envelope)?.insurer)),
        PayloadType::AnswerRelease => Some(Scope::insurer(AnswerRelease::read(envelope)?.insurer)),
        PayloadType::Charter
        | PayloadType::CharterSection
        | PayloadType::Withdrawal
        | PayloadType::Delegation
        | PayloadType::Freshness => None,
    };
    Ok(scope.map_or_else(Counts::default, |scope| census.count(&scope)))
}

fn cells<'a>(cells: impl Iterator<Item = &'a CellId>) -> Scope {
    let one = |cell: &CellId| Selector {
        sites: None,
        insurers: Some(BTreeSet::from([cell.insurer.clone()])),
        services: Some(BTreeSet::from([cell.service.clone()])),
    };
    Scope(cells.map(one).collect())
}

/// What a clearance is about: its cells, or all of the insurer whose environment it names. The provider's own
/// environments have no insurer, and an estate counts nothing for them.
fn cleared(body: &Clearance) -> Option<Scope> {
    match &body.grade {
        Grade::Limited { cells: named, .. } => Some(cells(named.iter())),
        Grade::Full => InsurerId::new(body.environment.as_str()).ok().map(Scope::insurer),
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
        PayloadType::AnswerRelease => ("antworten", "answer"),
        PayloadType::Freshness => ("bestaetigen", "confirm"),
    }
}
