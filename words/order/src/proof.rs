//! From a signed statement to the proof that somebody who may has signed it.

use alloc::collections::{BTreeMap, BTreeSet};
use vocabulary::{InsurerId, PersonId, Role, Scope, Timestamp};

use crate::{
    charter::{Charter, Threshold, same_estate},
    closing::{Act, Closing, Uses},
    refused::{Missing, Part, Refused},
    sshsig::Authenticated,
    standing::{StandingOrder, StandingUse},
    tightening::{Raising, Tightening, UseNumber},
};

const ONE: Threshold = Threshold {
    persons: 1,
    outside: 0,
};

/// When a pre-signed order was used before, by the clock of the door that counts.
pub type EarlierUses = BTreeMap<UseNumber, Timestamp>;

fn not_after(until: Timestamp, witnessed: Option<Timestamp>) -> Result<(), Refused> {
    match witnessed {
        Some(now) if now > until => Err(Refused::Expired { at: until, now }),
        Some(_) | None => Ok(()),
    }
}

fn commanders<T>(charter: &Charter, signed: &Authenticated<T>) -> Result<BTreeSet<PersonId>, Refused> {
    Ok(charter.met(Role::Commander, Part::Commander, ONE, signed)?)
}

/// A restriction by one commander. `number` is [`UseNumber::FIRST`] unless the order was pre-signed for many uses.
/// `witnessed` is witnessed time, if any is known: without it a pre-signed order counts as not yet expired, for closing
/// must not depend on a network or a clock.
///
/// # Errors
/// [`Refused`] when no commander signed, or witnessed time says it is over.
pub fn tighten(
    signed: &Authenticated<Closing>,
    charter: &Charter,
    number: UseNumber,
    witnessed: Option<Timestamp>,
) -> Result<Tightening, Refused> {
    let body = signed.body();
    same_estate(charter.estate(), &body.estate)?;
    let Act::Tighten { stance, class, drain } = body.act else {
        return Err(Refused::OtherAct);
    };
    match body.uses {
        Uses::Once if number != UseNumber::FIRST => return Err(Refused::UsedOnce),
        Uses::Once => {}
        Uses::Many { until } => not_after(until, witnessed)?,
    }
    Ok(Tightening {
        statement: signed.id(),
        number,
        scope: body.scope.clone(),
        stance,
        class,
        drain,
        signal: body.signal.clone(),
        reason: body.reason.clone(),
        issued: body.issued,
        signers: commanders(charter, signed)?,
    })
}

/// A raising by one commander, one examiner, or the insurer if the scope is its own doors only.
///
/// # Errors
/// [`Refused`] when nobody of them signed.
pub fn raise(signed: &Authenticated<Closing>, charter: &Charter) -> Result<Raising, Refused> {
    let body = signed.body();
    same_estate(charter.estate(), &body.estate)?;
    let Act::Raise { to, only } = &body.act else {
        return Err(Refused::OtherAct);
    };
    let mut signers = charter.signers(Role::Commander, signed.keys());
    signers.extend(charter.signers(Role::Examiner, signed.keys()));
    if let Some(section) = insurer_of(&body.scope).and_then(|insurer| charter.section(insurer)) {
        signers.extend(section.voting(signed.keys()));
    }
    if signers.is_empty() {
        return Err(Missing::one(Part::CommanderExaminerOrInsurer, signed.keys().len()).into());
    }
    Ok(Raising {
        statement: signed.id(),
        scope: body.scope.clone(),
        to: *to,
        only: only.clone(),
        reason: body.reason.clone(),
        issued: body.issued,
        signers,
    })
}

/// The insurer whose doors alone a scope covers.
fn insurer_of(scope: &Scope) -> Option<&InsurerId> {
    let mut found = None;
    for part in &scope.0 {
        let insurers = part.insurers.as_ref()?;
        for insurer in insurers {
            if found.is_some_and(|other| other != insurer) {
                return None;
            }
            found = Some(insurer);
        }
    }
    found
}

/// One use of a standing order by a detector: inside its maximum scope, by a kind it names, not more often than it
/// allows. The same number again is the same restriction and counts once. `now` is the clock of the door that counts
/// uses; `witnessed` as in [`tighten`].
///
/// # Errors
/// [`Refused`] says what the order does not allow.
pub fn use_standing(
    signed: &Authenticated<StandingOrder>,
    charter: &Charter,
    asked: &StandingUse,
    earlier: &EarlierUses,
    now: Timestamp,
    witnessed: Option<Timestamp>,
) -> Result<Tightening, Refused> {
    let body = signed.body();
    same_estate(charter.estate(), &body.estate)?;
    if asked.order != signed.id() {
        return Err(Refused::OtherOrder);
    }
    not_after(body.expires, witnessed)?;
    crate::body::bounded_scope(&asked.scope)?;
    if !asked.scope.within(&body.scope_max) {
        return Err(Refused::BeyondScope);
    }
    if !body.detectors.contains(&asked.detector) {
        return Err(Refused::OtherDetector(asked.detector.clone()));
    }
    // A use that lies in the clock's future counts as recent: a clock set back must not open the rate.
    let recent = earlier
        .iter()
        .filter(|(number, at)| **number != asked.number && now.since(**at) < body.rate.window)
        .count();
    if !earlier.contains_key(&asked.number)
        && u32::try_from(recent).unwrap_or(u32::MAX) >= body.rate.uses.get()
    {
        return Err(Refused::RateExceeded {
            uses: body.rate.uses.get(),
            window_secs: body.rate.window.0,
        });
    }
    Ok(Tightening {
        statement: signed.id(),
        number: asked.number,
        scope: asked.scope.clone(),
        stance: body.stance,
        class: body.class,
        drain: body.drain,
        signal: Some(asked.signal.clone()),
        reason: body.reason.clone(),
        issued: asked.at,
        signers: commanders(charter, signed)?,
    })
}
