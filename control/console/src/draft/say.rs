//! What a draft says, from its exact bytes, with counts from the estate.

use std::collections::BTreeSet;

use clearance::{Clearance, Consent, Delegation, Grade, Refusal, StandingConsent, Withdrawal};
use estate::Estate;
use order::{
    AnswerRelease, Body, CharterDraft, CharterSection, Closing, Counts, Lang, Opening, StandingOrder,
};
use vocabulary::{CellId, Envelope, EnvironmentId, InsurerId, PayloadType, Scope, Selector, Timestamp};

use super::refused::Refused;

/// The statement as one sentence, with what it covers in numbers.
///
/// # Errors
/// [`Refused::Body`] when no door would read it: then nobody should sign it.
pub fn sentence(envelope: &Envelope, lang: Lang, estate: &Estate) -> Result<String, Refused> {
    let counts = census(envelope, estate)?;
    Ok(clearance::sentence::of(envelope, lang, &counts)?)
}

/// How much a statement covers; nothing is said where it is about persons or papers.
///
/// # Errors
/// [`Refused::Body`] as [`sentence`].
pub fn census(envelope: &Envelope, estate: &Estate) -> Result<Counts, Refused> {
    Ok(scope(envelope)?.map_or_else(Counts::default, |scope| {
        let counts = estate.counts(&scope);
        Counts {
            cells: Some(counts.cells),
            insurers: Some(counts.insurers),
            persons: Some(counts.persons.0),
        }
    }))
}

/// The insurers a statement is about. An insurer's own person sees it only if this is that insurer and nobody else; none
/// means that it is about the provider's own affairs.
///
/// # Errors
/// [`Refused::Body`] as [`sentence`].
pub fn about(envelope: &Envelope, estate: &Estate) -> Result<BTreeSet<InsurerId>, Refused> {
    let by_environment = |names: &BTreeSet<EnvironmentId>| {
        let own = |name: &EnvironmentId| InsurerId::new(name.as_str()).ok();
        let known = names.iter().filter_map(own);
        known.filter(|id| estate.insurer(id).is_some()).collect()
    };
    Ok(match envelope.payload_type {
        PayloadType::Clearance => by_environment(&BTreeSet::from([Clearance::read(envelope)?.environment])),
        PayloadType::Delegation => by_environment(&Delegation::read(envelope)?.environments),
        PayloadType::CharterSection => BTreeSet::from([CharterSection::read(envelope)?.section.insurer]),
        PayloadType::Consent => BTreeSet::from([Consent::read(envelope)?.insurer]),
        PayloadType::Refusal => BTreeSet::from([Refusal::read(envelope)?.insurer]),
        PayloadType::StandingConsent => BTreeSet::from([StandingConsent::read(envelope)?.insurer]),
        PayloadType::Opening => Opening::read(envelope)?
            .doors
            .iter()
            .map(|entry| entry.door.cell().insurer.clone())
            .collect(),
        PayloadType::AnswerRelease => BTreeSet::from([AnswerRelease::read(envelope)?.insurer]),
        PayloadType::Closing | PayloadType::StandingOrder => {
            let scope = scope(envelope)?.unwrap_or_default();
            estate
                .doors()
                .filter(|(_, place, _)| scope.covers(place))
                .map(|(_, place, _)| place.insurer)
                .collect()
        }
        PayloadType::Charter | PayloadType::Withdrawal | PayloadType::Freshness => BTreeSet::new(),
    })
}

fn scope(envelope: &Envelope) -> Result<Option<Scope>, Refused> {
    Ok(match envelope.payload_type {
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
        PayloadType::Charter
        | PayloadType::CharterSection
        | PayloadType::Withdrawal
        | PayloadType::Delegation
        | PayloadType::Freshness
        | PayloadType::AnswerRelease => None,
    })
}

fn cells<'a>(cells: impl Iterator<Item = &'a CellId>) -> Scope {
    let one = |cell: &CellId| Scope::cell(cell.insurer.clone(), cell.service.clone()).0;
    Scope(cells.flat_map(one).collect())
}

fn cleared(body: &Clearance) -> Option<Scope> {
    match &body.grade {
        Grade::Limited { cells: named, .. } => Some(cells(named.iter())),
        Grade::Full => InsurerId::new(body.environment.as_str()).ok().map(Scope::insurer),
    }
}

/// Whether the bytes are a statement every door reads, written as every companion writes it, and when it ends by itself.
pub(super) fn check(envelope: &Envelope) -> Result<Option<Timestamp>, Refused> {
    fn exact<T: Body>(envelope: &Envelope) -> Result<T, Refused> {
        let body = T::read(envelope)?;
        if body.draft()?.payload == envelope.payload {
            return Ok(body);
        }
        Err(Refused::Body(order::BadBody::contradiction(
            "Die Bytes sind anders geschrieben als ihr Inhalt; niemand könnte sie unterschreiben.",
            "The bytes are written differently from what they say; nobody could sign them.",
        )))
    }
    Ok(match envelope.payload_type {
        PayloadType::Charter => exact::<CharterDraft>(envelope).map(|_| None)?,
        PayloadType::CharterSection => exact::<CharterSection>(envelope).map(|_| None)?,
        PayloadType::Closing => exact::<Closing>(envelope).map(|_| None)?,
        PayloadType::StandingOrder => Some(exact::<StandingOrder>(envelope)?.expires),
        PayloadType::Opening => Some(exact::<Opening>(envelope)?.expires),
        PayloadType::Clearance => Some(exact::<Clearance>(envelope)?.expires),
        PayloadType::Withdrawal => exact::<Withdrawal>(envelope).map(|_| None)?,
        PayloadType::Consent => Some(exact::<Consent>(envelope)?.expires),
        PayloadType::Refusal => exact::<Refusal>(envelope).map(|_| None)?,
        PayloadType::StandingConsent => Some(exact::<StandingConsent>(envelope)?.expires),
        PayloadType::Delegation => Some(exact::<Delegation>(envelope)?.expires),
        PayloadType::Freshness | PayloadType::AnswerRelease => return Err(Refused::OtherKind),
    })
}
