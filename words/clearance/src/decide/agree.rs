//! The insurer's part: which yes fits an opening at one door, now.

use alloc::{collections::BTreeSet, vec::Vec};
use order::{AgeRecipient, Authenticated, Becomes, Opening};
use vocabulary::{PersonId, RestrictionId, StatementId, Timestamp};

use crate::{
    authority::Authority,
    body::{StandingConsent, StandingFor},
    permit::DoorFacts,
    refused::Refused,
    stand::not_yet,
};

/// One question: this opening, this door, this instant.
pub(super) struct Case<'a> {
    pub(super) opening: StatementId,
    pub(super) signed: &'a Authenticated<Opening>,
    pub(super) door: &'a DoorFacts,
    pub(super) lifts: &'a BTreeSet<RestrictionId>,
    pub(super) now: Timestamp,
}

/// A consent that fits, with the persons who gave it.
pub(super) struct Agreed {
    pub(super) statement: StatementId,
    pub(super) persons: BTreeSet<PersonId>,
}

impl Authority {
    /// Every consent that fits, fresh ones first. An error only when one would fit and is over.
    pub(super) fn agreed(&self, case: &Case<'_>) -> Result<Vec<Agreed>, Refused> {
        let insurer = &case.door.place.insurer;
        let Some(section) = self.in_force()?.section(insurer) else {
            return Ok(Vec::new());
        };
        let identity = case.identity();
        let fresh = self.consents.iter().filter_map(|(id, signed)| {
            let body = signed.body();
            let fits = body.insurer == *insurer
                && !not_yet(body.issued, case.now)
                && body.opening == case.opening
                && (identity.is_none() || body.identity.as_ref() == identity);
            fits.then(|| (*id, section.consenting(signed.keys()), body.expires))
        });
        let standing = self.standing_consents.iter().filter_map(|(id, signed)| {
            let body = signed.body();
            let fits = body.insurer == *insurer && !not_yet(body.issued, case.now) && case.covered_by(body);
            fits.then(|| (*id, section.consenting(signed.keys()), body.expires))
        });
        let mut over = None;
        let mut agreed = Vec::new();
        for (statement, persons, expires) in fresh.chain(standing) {
            if self.is_consent_withdrawn(statement, insurer) || persons.is_empty() {
                continue;
            }
            if case.now > expires {
                over = Some(Refused::Expired {
                    what: ("Die Zustimmung der Kasse", "The insurer's consent"),
                    at: expires,
                    now: case.now,
                });
                continue;
            }
            agreed.push(Agreed { statement, persons });
        }
        match over {
            Some(over) if agreed.is_empty() => Err(over),
            Some(_) | None => Ok(agreed),
        }
    }
}

impl Case<'_> {
    fn identity(&self) -> Option<&AgeRecipient> {
        match &self.signed.body().becomes {
            Becomes::Emergency { identity, .. } => Some(identity),
            Becomes::Open | Becomes::Limited { .. } => None,
        }
    }

    /// Whether a yes given in peace means this: service, hour, and the same kind of operation.
    fn covered_by(&self, standing: &StandingConsent) -> bool {
        if !standing.services.contains(&self.door.place.service) {
            return false;
        }
        let hour = self.now.0.rem_euclid(86_400) / 3600;
        let in_hours = standing.hours.is_none_or(|(from, to)| {
            let (from, to) = (i64::from(from), i64::from(to));
            if from <= to {
                (from..to).contains(&hour)
            } else {
                hour >= from || hour < to
            }
        });
        let same_kind = match (&standing.to, &self.signed.body().becomes) {
            (StandingFor::Reopening, Becomes::Open) => true,
            (StandingFor::Limited { hours_max }, Becomes::Limited { until }) => {
                until.since(self.now).0 <= u64::from(*hours_max) * 3600
            }
            (
                StandingFor::Emergency {
                    environment: agreed,
                    identity: named,
                },
                Becomes::Emergency {
                    environment,
                    identity,
                    until,
                },
            ) => agreed == environment && named == identity && *until <= standing.expires,
            (StandingFor::Reopening, Becomes::Limited { .. } | Becomes::Emergency { .. })
            | (StandingFor::Limited { .. }, Becomes::Open | Becomes::Emergency { .. })
            | (StandingFor::Emergency { .. }, Becomes::Open | Becomes::Limited { .. }) => false,
        };
        in_hours && same_kind
    }
}
