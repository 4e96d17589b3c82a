//! Making drafts from what a form says: every reference is looked up, every statement is one that every door could read.

use std::collections::{BTreeMap, BTreeSet};

use clearance::{Clearance, Consent, Delegation, Grade, Refusal, StandingConsent, Withdrawal, Withdraws};
use evidence::Statements;
use order::{Act, AgeRecipient, Becomes, Body, Closing, DoorOpening, Opening, StandingOrder, Uses};
use vocabulary::{DoorId, EnvironmentId, PersonId, RestrictionId, Scope, Seconds, StatementId, Timestamp};

use super::{
    asked::{Agree, Clear, Cut, Decline, Delegate, OnCall, Pledge, RaiseClass, Reopen, TakeBack},
    refused::Refused,
    state::{Draft, Ground},
};

/// Where drafts are made: one person's desk, at one moment.
#[derive(Clone, Debug)]
pub struct Desk<'a> {
    /// What drafts are judged by.
    pub ground: Ground<'a>,
    /// Who drafts.
    pub by: PersonId,
}

/// The result of drafting.
type Made = Result<Draft, Refused>;

impl Desk<'_> {
    /// Drafts a closing.
    ///
    /// # Errors
    /// [`Refused`], here and below: a sentence that names what is wrong with the input.
    pub fn cut(&self, asked: Cut) -> Made {
        self.covers(&asked.scope)?;
        if let Uses::Many { until } = asked.uses {
            self.ahead(until)?;
        }
        self.fix(&Closing {
            estate: self.ground.estate.id().clone(),
            scope: asked.scope,
            act: Act::Tighten {
                stance: asked.stance,
                class: asked.class,
                drain: asked.drain,
            },
            uses: asked.uses,
            signal: asked.signal,
            reason: asked.reason,
            issued: self.ground.now,
        })
    }

    /// Drafts a raising.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn raise(&self, asked: RaiseClass) -> Made {
        self.covers(&asked.scope)?;
        self.fix(&Closing {
            estate: self.ground.estate.id().clone(),
            scope: asked.scope,
            act: Act::Raise {
                to: asked.to,
                only: asked.only,
            },
            uses: Uses::Once,
            signal: None,
            reason: asked.reason,
            issued: self.ground.now,
        })
    }

    /// Drafts an opening for the doors exactly as they stand.
    ///
    /// # Errors
    /// [`Refused`], also when a door's epoch is not known or there is nothing to lift.
    pub fn reopen(&self, asked: Reopen) -> Made {
        for id in &asked.clearances {
            self.clearance(*id)?;
        }
        match &asked.becomes {
            Becomes::Open => {}
            Becomes::Limited { until } | Becomes::Emergency { until, .. } => self.ahead(*until)?,
        }
        let emergency = matches!(asked.becomes, Becomes::Emergency { .. });
        let doors: Result<Vec<DoorOpening>, Refused> = asked
            .doors
            .iter()
            .map(|door| self.at(door, asked.lifts.get(door), emergency))
            .collect();
        self.fix(&Opening {
            estate: self.ground.estate.id().clone(),
            doors: doors?,
            becomes: asked.becomes,
            clearances: asked.clearances,
            reason: asked.reason,
            issued: self.ground.now,
            expires: self.until(asked.lasts),
        })
    }

    /// The same opening for the doors as they are now: those that have nothing to lift any more are left out.
    ///
    /// # Errors
    /// [`Refused`], also when no door is left.
    pub fn redraft(&self, old: &Draft) -> Made {
        let body = Opening::read(old.envelope())?;
        let emergency = matches!(body.becomes, Becomes::Emergency { .. });
        let mut doors = BTreeSet::new();
        for entry in &body.doors {
            match self.at(&entry.door, None, emergency) {
                Ok(opening) => doors.insert(opening.door),
                Err(Refused::NothingToLift(_)) => false,
                Err(other) => return Err(other),
            };
        }
        if doors.is_empty()
            && let Some(first) = body.doors.first()
        {
            return Err(Refused::NothingToLift(first.door.clone()));
        }
        self.reopen(Reopen {
            doors,
            becomes: body.becomes,
            clearances: body.clearances,
            lifts: BTreeMap::new(),
            reason: body.reason,
            lasts: body.expires.since(body.issued),
        })
    }

    /// Drafts a clearance.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn clear(&self, asked: Clear) -> Made {
        for id in &asked.relies_on {
            self.clearance(*id)?;
        }
        if let Grade::Limited { cells, until, .. } = &asked.grade {
            self.ahead(*until)?;
            for cell in cells {
                let own = EnvironmentId::from(cell.insurer.clone()) == asked.environment;
                if !own || self.ground.estate.impact(cell).is_none() {
                    return Err(Refused::Unknown(cell.to_string()));
                }
            }
        }
        self.fix(&Clearance {
            estate: self.ground.estate.id().clone(),
            environment: asked.environment,
            grade: asked.grade,
            basis: asked.basis,
            examined: asked.examined,
            evidence_root: asked.evidence_root,
            checklist: asked.checklist,
            relies_on: asked.relies_on,
            issued: self.ground.now,
            expires: self.until(asked.lasts),
        })
    }

    /// Drafts a withdrawal.
    ///
    /// # Errors
    /// [`Refused`], also when the log does not hold what is to be taken back. (Evidence may be withdrawn before anything
    /// stands on it.)
    pub fn take_back(&self, asked: TakeBack) -> Made {
        let authority = self.ground.authority;
        let (known, what, id) = match asked.withdraws {
            Withdraws::Evidence(digest) => (true, ("", ""), StatementId(digest)),
            Withdraws::Clearance(id) => (
                authority.clearance(id).is_some(),
                ("Die Freigabe", "Clearance"),
                id,
            ),
            Withdraws::Delegation(id) => (
                authority.delegation(id).is_some(),
                ("Die Beauftragung", "Delegation"),
                id,
            ),
            Withdraws::Consent(id) => (
                authority.consent_of(id).is_some(),
                ("Die Zustimmung", "Consent"),
                id,
            ),
            Withdraws::Refusal(id) => (
                authority.refused_by(id).is_some(),
                ("Die Ablehnung", "Refusal"),
                id,
            ),
            Withdraws::StandingOrder(id) => (
                authority.standing_order(id).is_some(),
                ("Der Dauerbefehl", "Standing order"),
                id,
            ),
        };
        if !known {
            return Err(Refused::NotInLog { what, id });
        }
        self.fix(&Withdrawal {
            estate: self.ground.estate.id().clone(),
            withdraws: asked.withdraws,
            reason: asked.reason,
            issued: self.ground.now,
        })
    }

    /// Drafts an insurer's consent to an opening in the log. Where the opening is an emergency grant, the decryption
    /// identity is the one the opening names: the insurer agrees to that one or to nothing.
    ///
    /// # Errors
    /// [`Refused`], also when the opening names no door of this insurer, or keys of other doors came along.
    pub fn agree(&self, asked: Agree) -> Made {
        let (what, id) = (("Die Öffnung", "Opening"), asked.opening);
        let opening = self
            .ground
            .authority
            .opening(id)
            .ok_or(Refused::NotInLog { what, id })?;
        let own: BTreeSet<&DoorId> = opening
            .doors
            .iter()
            .map(|entry| &entry.door)
            .filter(|door| door.cell().insurer == asked.insurer)
            .collect();
        if own.is_empty() {
            return Err(Refused::Unknown(asked.insurer.to_string()));
        }
        if let Some(foreign) = asked.rewrapped.iter().find(|key| !own.contains(&key.door)) {
            return Err(Refused::Unknown(foreign.door.to_string()));
        }
        let identity: Option<AgeRecipient> = match &opening.becomes {
            Becomes::Emergency { identity, .. } => Some(identity.clone()),
            Becomes::Open | Becomes::Limited { .. } => None,
        };
        self.fix(&Consent {
            estate: self.ground.estate.id().clone(),
            insurer: asked.insurer,
            opening: asked.opening,
            identity,
            rewrapped: asked.rewrapped,
            issued: self.ground.now,
            expires: self.until(asked.lasts),
        })
    }

    /// Drafts an insurer's refusal.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn decline(&self, asked: Decline) -> Made {
        self.fix(&Refusal {
            estate: self.ground.estate.id().clone(),
            insurer: asked.insurer,
            against: asked.against,
            reason: asked.reason,
            issued: self.ground.now,
        })
    }

    /// Drafts an insurer's standing consent.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn pledge(&self, asked: Pledge) -> Made {
        for service in &asked.services {
            if self.ground.estate.service(service).is_none() {
                return Err(Refused::Unknown(service.to_string()));
            }
        }
        self.fix(&StandingConsent {
            estate: self.ground.estate.id().clone(),
            insurer: asked.insurer,
            services: asked.services,
            to: asked.to,
            hours: asked.hours,
            issued: self.ground.now,
            expires: self.until(asked.lasts),
        })
    }

    /// Drafts a standing order.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn on_call(&self, asked: OnCall) -> Made {
        self.covers(&asked.scope_max)?;
        self.fix(&StandingOrder {
            estate: self.ground.estate.id().clone(),
            scope_max: asked.scope_max,
            stance: asked.stance,
            class: asked.class,
            drain: asked.drain,
            detectors: asked.detectors,
            rate: asked.rate,
            expires: self.until(asked.lasts),
            reason: asked.reason,
            issued: self.ground.now,
        })
    }

    /// Drafts a delegation.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn delegate(&self, asked: Delegate) -> Made {
        self.fix(&Delegation {
            estate: self.ground.estate.id().clone(),
            person: asked.person,
            environments: asked.environments,
            reason: asked.reason,
            issued: self.ground.now,
            expires: self.until(asked.lasts),
        })
    }

    /// Clearances in the log that can carry such an opening at some of these doors and have not fallen: what a form
    /// proposes. Whether they carry it is asked door by door.
    #[must_use]
    pub fn fitting(
        &self,
        statements: &Statements,
        doors: &BTreeSet<DoorId>,
        becomes: &Becomes,
    ) -> BTreeSet<StatementId> {
        let now = self.ground.now;
        let environments: BTreeSet<EnvironmentId> = match becomes {
            Becomes::Emergency { environment, .. } => BTreeSet::from([environment.clone()]),
            Becomes::Open | Becomes::Limited { .. } => {
                let insurers = doors.iter().map(|door| door.cell().insurer.clone());
                insurers.map(EnvironmentId::from).collect()
            }
        };
        statements
            .clearances
            .iter()
            .filter(|(id, signed)| {
                let body = &signed.body;
                let grade_fits = match (&body.grade, becomes) {
                    (Grade::Full, Becomes::Open | Becomes::Emergency { .. }) => true,
                    (Grade::Limited { cells, until, .. }, Becomes::Limited { until: asked }) => {
                        asked <= until && doors.iter().any(|door| cells.contains(door.cell()))
                    }
                    (Grade::Full, Becomes::Limited { .. })
                    | (Grade::Limited { .. }, Becomes::Open | Becomes::Emergency { .. }) => false,
                };
                environments.contains(&body.environment)
                    && grade_fits
                    && body.expires > now
                    && !statements.fallen(**id)
            })
            .map(|(id, _)| *id)
            .collect()
    }

    fn at(
        &self,
        door: &DoorId,
        only: Option<&BTreeSet<RestrictionId>>,
        emergency: bool,
    ) -> Result<DoorOpening, Refused> {
        if self.ground.estate.place(door).is_none() {
            return Err(Refused::Unknown(door.to_string()));
        }
        let known = self.ground.facts.and_then(|facts| facts.door(door));
        let known = known.ok_or_else(|| Refused::NotHeard(door.clone()))?;
        let active: BTreeSet<RestrictionId> = known.restrictions.keys().copied().collect();
        if active.is_empty() {
            return Err(Refused::NothingToLift(door.clone()));
        }
        let lifts = match (emergency, only) {
            (true, _) => BTreeSet::new(),
            (false, None) => active,
            (false, Some(only)) if only.is_empty() => return Err(Refused::NothingToLift(door.clone())),
            (false, Some(only)) if only.is_subset(&active) => only.clone(),
            (false, Some(_)) => return Err(Refused::NotActive(door.clone())),
        };
        Ok(DoorOpening {
            door: door.clone(),
            epoch: known.epoch,
            lifts,
        })
    }

    fn covers(&self, scope: &Scope) -> Result<(), Refused> {
        if self.ground.estate.counts(scope).cells == 0 {
            return Err(Refused::NoDoor);
        }
        Ok(())
    }

    fn clearance(&self, id: StatementId) -> Result<(), Refused> {
        let what = ("Die Freigabe", "Clearance");
        let known = self.ground.authority.clearance(id);
        known.map(|_| ()).ok_or(Refused::NotInLog { what, id })
    }

    fn ahead(&self, at: Timestamp) -> Result<(), Refused> {
        if at > self.ground.now {
            Ok(())
        } else {
            Err(Refused::NotAhead(at))
        }
    }

    fn until(&self, lasts: Seconds) -> Timestamp {
        self.ground.now.plus(lasts)
    }

    fn fix<T: Body>(&self, body: &T) -> Made {
        Draft::proposed(
            &body.draft()?,
            Some(self.by.clone()),
            self.ground.now,
            &self.ground,
        )
    }
}
