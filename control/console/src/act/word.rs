//! An insurer's own word: drafts of consents, refusals and standing consents, for its own people to sign.

use clearance::{Against, Consent, Refusal, StandingConsent, StandingFor};
use evidence::room::DraftProposed;
use order::Body;
use vocabulary::{Envelope, PersonId, Seconds, ServiceId, StatementId};

use super::{Made, NotMade, field, insurer, names, text};
use crate::answer::{Asked, NothingHere};

/// Longest life of a fresh consent drafted here; the doors accept a week.
const CONSENT_DAYS_MAX: u64 = 7;
/// Longest life of a standing consent drafted here, in days; the doors accept two years.
const STANDING_DAYS_MAX: u64 = 730;

fn statement(asked: &Asked<'_>) -> Result<StatementId, NotMade> {
    let wrong = || field("Öffnung", "opening");
    let digest = asked.form.field("opening").ok_or_else(wrong)?;
    let id = StatementId(digest.trim().parse().map_err(|_| wrong())?);
    let insurer = insurer(asked)?;
    let opening = asked
        .ctx
        .room
        .picture
        .statements()
        .openings
        .get(&id)
        .ok_or_else(wrong)?;
    let own = opening
        .body
        .doors
        .iter()
        .any(|entry| entry.door.cell().insurer == *insurer);
    if own { Ok(id) } else { Err(wrong()) }
}

fn days(asked: &Asked<'_>, most: u64) -> Seconds {
    let wanted = asked
        .form
        .field("days")
        .and_then(|text| text.trim().parse::<u64>().ok());
    Seconds(wanted.unwrap_or(most).clamp(1, most).saturating_mul(86_400))
}

fn draft_of<T: Body>(body: &T, by: PersonId) -> Result<Made, NotMade> {
    let draft: Envelope = body.draft()?;
    Ok(Made {
        see: format!("/entwurf/{}", draft.id()),
        entry: DraftProposed { by: Some(by), draft }.into(),
    })
}

pub(super) fn consent(asked: &Asked<'_>, by: PersonId) -> Result<Made, NotMade> {
    let now = asked.request.now;
    let opening = statement(asked)?;
    let known = asked.ctx.room.picture.statements().openings.get(&opening);
    let identity = known.and_then(|known| match &known.body.becomes {
        order::Becomes::Emergency { identity, .. } => Some(identity.clone()),
        order::Becomes::Open | order::Becomes::Limited { .. } => None,
    });
    let body = Consent {
        estate: asked.ctx.room.estate.id().clone(),
        insurer: insurer(asked)?.clone(),
        opening,
        identity,
        // Keys are re-wrapped where the insurer's own identity is: on its own machine, before it signs.
        rewrapped: Vec::new(),
        issued: now,
        expires: now.plus(days(asked, CONSENT_DAYS_MAX)),
    };
    draft_of(&body, by)
}

pub(super) fn refusal(asked: &Asked<'_>, by: PersonId) -> Result<Made, NotMade> {
    let against = match asked.form.field("opening") {
        Some("everything") | None => Against::Everything,
        Some(_) => Against::Statement(statement(asked)?),
    };
    let body = Refusal {
        estate: asked.ctx.room.estate.id().clone(),
        insurer: insurer(asked)?.clone(),
        against,
        reason: text(asked, "why", "Begründung", "reason")?,
        issued: asked.request.now,
    };
    draft_of(&body, by)
}

pub(super) fn standing(asked: &Asked<'_>, by: PersonId) -> Result<Made, NotMade> {
    let insurer = insurer(asked)?.clone();
    let known = asked.ctx.room.estate.insurer(&insurer).ok_or(NothingHere)?;
    let services: Vec<ServiceId> = names(asked, "services", || field("Dienste", "services"))?;
    if services.is_empty()
        || !services
            .iter()
            .all(|service| known.services.contains_key(service))
    {
        return Err(field("Dienste", "services"));
    }
    let wrong_to = || field("Wozu", "to what");
    let to = match asked.form.field("to") {
        Some("reopening") => StandingFor::Reopening,
        Some("limited") => StandingFor::Limited {
            hours_max: asked
                .form
                .field("hours")
                .and_then(|text| text.trim().parse().ok())
                .ok_or_else(|| field("Stunden", "hours"))?,
        },
        Some("emergency") => StandingFor::Emergency {
            environment: asked
                .form
                .field("environment")
                .and_then(|text| text.trim().parse().ok())
                .ok_or_else(|| field("Notumgebung", "emergency environment"))?,
            identity: asked
                .form
                .field("identity")
                .and_then(|text| text.trim().parse().ok())
                .ok_or_else(|| field("Schlüssel (age1…)", "identity (age1…)"))?,
        },
        Some(_) | None => return Err(wrong_to()),
    };
    let now = asked.request.now;
    let body = StandingConsent {
        estate: asked.ctx.room.estate.id().clone(),
        insurer,
        services: services.into_iter().collect(),
        to,
        hours: None,
        issued: now,
        expires: now.plus(days(asked, STANDING_DAYS_MAX)),
    };
    draft_of(&body, by)
}
