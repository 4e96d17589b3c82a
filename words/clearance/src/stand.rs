//! What still stands: delegations, clearances and what they rely on, consents, refusals.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use order::{Authenticated, KeyId, Missing, Part, Threshold};
use vocabulary::{Digest, EnvironmentId, InsurerId, PersonId, Role, Seconds, StatementId, Timestamp};

use crate::{
    authority::{Authority, By},
    body::{Against, Clearance, Delegation, Grade, Withdraws},
    permit::StandsOn,
    refused::{ClearanceFault, Refused},
};

/// How far a signer's clock may run ahead of witnessed time.
const AHEAD: Seconds = Seconds(3600);

/// Whether a statement was written in the future of witnessed time. Spans are bounded from the moment of writing, so a
/// date in the future would make them as long as one likes.
pub(crate) fn not_yet(issued: Timestamp, now: Timestamp) -> bool {
    issued > now.plus(AHEAD)
}

/// Whether an examiner is outside the provider.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stands {
    Inside,
    Outside,
}

/// Examiners by name: one entry per person, however many keys.
pub(crate) type Examiners = BTreeMap<PersonId, Stands>;

impl Clearance {
    /// Every digest it stands on.
    pub fn evidence(&self) -> impl Iterator<Item = &Digest> {
        self.examined.iter().chain([&self.evidence_root])
    }
}

impl Authority {
    /// Who of the owners of these keys may examine an environment (any, if none is named) at an instant (any, if time
    /// is not known).
    pub(crate) fn examiners(
        &self,
        keys: &BTreeSet<KeyId>,
        environment: Option<&EnvironmentId>,
        now: Option<Timestamp>,
    ) -> Examiners {
        let Some(charter) = &self.charter else {
            return Examiners::new();
        };
        let central = charter.signers(Role::Examiner, keys).into_iter().map(|id| {
            let stands = if charter.is_outside(&id) {
                Stands::Outside
            } else {
                Stands::Inside
            };
            (id, stands)
        });
        let mut found: Examiners = central.collect();
        for (id, delegation) in &self.delegations {
            let body = delegation.body();
            let signed = body.person.keys.iter().any(|key| keys.contains(&key.id()));
            let reaches = environment.is_none_or(|name| body.environments.contains(name));
            let lasts = now.is_none_or(|now| now <= body.expires && !not_yet(body.issued, now));
            if signed && reaches && lasts && self.delegation_stands(*id, delegation) {
                found.insert(body.person.id.clone(), Stands::Outside);
            }
        }
        found
    }

    /// Who may examine which environments by a delegation that stands at an instant. For screens and log-ins; what a
    /// delegate's signature counts for is asked again at every clearance.
    pub fn delegates(&self, now: Timestamp) -> impl Iterator<Item = &Delegation> {
        let lasts = move |body: &Delegation| now <= body.expires && !not_yet(body.issued, now);
        self.delegations
            .iter()
            .filter(move |(id, signed)| lasts(signed.body()) && self.delegation_stands(**id, signed))
            .map(|(_, signed)| signed.body())
    }

    fn delegation_stands(&self, id: StatementId, delegation: &Authenticated<Delegation>) -> bool {
        let person = &delegation.body().person;
        !self.withdrawn.contains_key(&Withdraws::Delegation(id))
            && self.delegation_signed(delegation).is_ok()
            // Somebody the charter names meanwhile is who the charter says, not a second person.
            && self.charter.as_ref().is_some_and(|charter| !charter.knows(&person.id, &person.keys, None))
    }

    /// A commander and an outside examiner of the charter, two persons; or the roots.
    pub(crate) fn delegation_signed(&self, signed: &Authenticated<Delegation>) -> Result<(), Refused> {
        let charter = self.in_force()?;
        if charter
            .met(Role::Root, Part::Root, charter.thresholds().roots, signed)
            .is_ok()
        {
            return Ok(());
        }
        let one = |outside| Threshold { persons: 1, outside };
        let commanders = charter.met(Role::Commander, Part::Commander, one(0), signed)?;
        let examiners = charter.met(Role::Examiner, Part::Examiner, one(1), signed)?;
        let outside = examiners.iter().filter(|id| charter.is_outside(id));
        let apart = outside
            .flat_map(|examiner| commanders.iter().map(move |commander| (examiner, commander)))
            .any(|(examiner, commander)| examiner != commander);
        match (apart, commanders.first()) {
            (true, _) => Ok(()),
            (false, Some(both)) => Err(Refused::SamePerson(both.clone())),
            (false, None) => Err(Missing::one(Part::Commander, 0).into()),
        }
    }

    /// Counts the examiners under a clearance.
    pub(crate) fn examiners_met(
        &self,
        signed: &Authenticated<Clearance>,
        now: Option<Timestamp>,
    ) -> Result<Examiners, Missing> {
        let Some(charter) = &self.charter else {
            return Err(Missing::one(Part::Examiner, 0));
        };
        let found = self.examiners(signed.keys(), Some(&signed.body().environment), now);
        let persons: BTreeSet<PersonId> = found.keys().cloned().collect();
        let foreign = signed.keys().len().saturating_sub(persons.len());
        let outside = |id: &PersonId| found.get(id) == Some(&Stands::Outside);
        Missing::unless_met(
            Part::Examiner,
            charter.thresholds().examiners,
            &persons,
            outside,
            foreign,
        )?;
        Ok(found)
    }

    /// Whether a clearance was taken back, itself or its evidence, by somebody for whom it counts.
    pub(crate) fn is_withdrawn(&self, id: StatementId, clearance: &Clearance) -> bool {
        let counts = |by: &By| match by {
            By::Central => true,
            By::Insurer(insurer) => EnvironmentId::from(insurer.clone()) == clearance.environment,
        };
        let named = |what: Withdraws| self.withdrawn.get(&what).is_some_and(|by| by.iter().any(counts));
        named(Withdraws::Clearance(id))
            || clearance
                .evidence()
                .any(|digest| named(Withdraws::Evidence(*digest)))
    }

    /// Whether a consent was taken back by its own insurer.
    pub(crate) fn is_consent_withdrawn(&self, id: StatementId, insurer: &InsurerId) -> bool {
        self.withdrawn
            .get(&Withdraws::Consent(id))
            .is_some_and(|by| by.contains(&By::Insurer(insurer.clone())))
    }

    /// What a clearance stands on, with everything it relies on, and all that is wrong with any of it: not known, taken
    /// back, over, or signed by fewer examiners than still may. Nothing is wrong with one that stands.
    pub(crate) fn faults_of(&self, id: StatementId, now: Timestamp) -> (StandsOn, Vec<ClearanceFault>) {
        let (mut stands_on, mut faults) = (StandsOn::default(), Vec::new());
        let mut to_check = alloc::vec![id];
        while let Some(next) = to_check.pop() {
            if !stands_on.clearances.insert(next) {
                continue;
            }
            let Some(signed) = self.clearances.get(&next) else {
                faults.push(ClearanceFault::Unknown(next));
                continue;
            };
            let body = signed.body();
            if self.is_withdrawn(next, body) {
                faults.push(ClearanceFault::Withdrawn(next));
            }
            let at = match body.grade {
                Grade::Limited { until, .. } => body.expires.min(until),
                Grade::Full => body.expires,
            };
            if not_yet(body.issued, now) {
                let (id, issued) = (next, body.issued);
                faults.push(ClearanceFault::NotYet { id, issued, now });
            }
            if now > at {
                faults.push(ClearanceFault::Expired { id: next, at, now });
            }
            if let Err(missing) = self.examiners_met(signed, Some(now)) {
                faults.push(missing.into());
            }
            stands_on.evidence.extend(body.evidence().copied());
            to_check.extend(body.relies_on.iter().copied());
        }
        (stands_on, faults)
    }

    /// A refusal by an insurer that still stands: against everything where `everything` says it matters, or against a
    /// statement for which `against` says so.
    pub(crate) fn refusal_of(
        &self,
        insurer: &InsurerId,
        everything: &dyn Fn(StatementId) -> bool,
        against: &dyn Fn(StatementId) -> bool,
    ) -> Option<StatementId> {
        let lifted = |id: StatementId| {
            self.withdrawn
                .get(&Withdraws::Refusal(id))
                .is_some_and(|by| by.contains(&By::Insurer(insurer.clone())))
        };
        self.refusals
            .iter()
            .filter(|(id, refusal)| refusal.body().insurer == *insurer && !lifted(**id))
            .find(|(id, refusal)| match refusal.body().against {
                Against::Everything => everything(**id),
                Against::Statement(statement) => against(statement),
            })
            .map(|(id, _)| *id)
    }

    /// Preview of a withdrawal by examiners: everything that would fall with it. Shown before anybody signs.
    #[must_use]
    pub fn closure(&self, withdraws: Withdraws) -> StandsOn {
        let seed = |id: StatementId, signed: &Authenticated<Clearance>| match withdraws {
            Withdraws::Clearance(named) => named == id,
            Withdraws::Evidence(digest) => signed.body().evidence().any(|known| *known == digest),
            Withdraws::Delegation(named) => self.signed_by_delegate(named, signed),
            Withdraws::Consent(_) | Withdraws::Refusal(_) | Withdraws::StandingOrder(_) => false,
        };
        let mut closure = self.with_reliant(&seed);
        match withdraws {
            Withdraws::Clearance(id) => {
                closure.clearances.insert(id);
            }
            Withdraws::Evidence(digest) => {
                closure.evidence.insert(digest);
            }
            Withdraws::Consent(id) => {
                closure.consents.insert(id);
            }
            Withdraws::Delegation(_) | Withdraws::Refusal(_) | Withdraws::StandingOrder(_) => {}
        }
        closure
    }

    /// What has fallen by a withdrawal that was admitted, by whoever signed it.
    pub(crate) fn fallen(&self, withdraws: Withdraws) -> StandsOn {
        let everywhere = self
            .withdrawn
            .get(&withdraws)
            .is_some_and(|by| by.contains(&By::Central));
        if everywhere {
            return self.closure(withdraws);
        }
        if let Withdraws::Consent(id) = withdraws {
            // Only the insurer that gave a consent takes it back.
            let by_its_own = self
                .consent_of(id)
                .is_some_and(|insurer| self.is_consent_withdrawn(id, insurer));
            return if by_its_own {
                self.closure(withdraws)
            } else {
                StandsOn::default()
            };
        }
        let named = self.closure(withdraws);
        let seed = |id: StatementId, signed: &Authenticated<Clearance>| {
            named.clearances.contains(&id) && self.is_withdrawn(id, signed.body())
        };
        self.with_reliant(&seed)
    }

    fn signed_by_delegate(&self, delegation: StatementId, signed: &Authenticated<Clearance>) -> bool {
        self.delegations.get(&delegation).is_some_and(|known| {
            known
                .body()
                .person
                .keys
                .iter()
                .any(|key| signed.keys().contains(&key.id()))
        })
    }

    /// Clearances that a seed names, and all that rely on them.
    fn with_reliant(&self, seed: &dyn Fn(StatementId, &Authenticated<Clearance>) -> bool) -> StandsOn {
        let mut fallen: BTreeSet<StatementId> = self
            .clearances
            .iter()
            .filter(|(id, signed)| seed(**id, signed))
            .map(|(id, _)| *id)
            .collect();
        loop {
            let before = fallen.len();
            for (id, signed) in &self.clearances {
                if !signed.body().relies_on.is_disjoint(&fallen) {
                    fallen.insert(*id);
                }
            }
            if fallen.len() == before {
                return StandsOn {
                    clearances: fallen,
                    ..StandsOn::default()
                };
            }
        }
    }
}
