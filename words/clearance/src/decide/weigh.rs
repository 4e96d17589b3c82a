//! Weighing the clearances an opening names: which one carries it, and everything that is wrong with the others.

use alloc::{vec, vec::Vec};
use order::Becomes;
use vocabulary::{Class, EnvironmentId, SignalId, StatementId, Timestamp};

use super::agree::Case;
use crate::{
    authority::Authority,
    body::{Basis, Clearance, Grade},
    permit::{After, LimitedRules, RestrictionFacts, StandsOn},
    refused::ClearanceFault,
    stand::Examiners,
};

/// A clearance that carries what is asked.
pub(super) struct Carried {
    pub(super) examiners: Examiners,
    pub(super) stands_on: StandsOn,
    pub(super) becomes: After,
}

impl Authority {
    /// The first clearance named by the opening that carries what it asks; otherwise what is wrong with the one that
    /// came closest.
    pub(super) fn carried(
        &self,
        case: &Case<'_>,
        environment: &EnvironmentId,
    ) -> Result<Carried, ClearanceFault> {
        self.weigh_all(case, environment).map_err(|faults| {
            let closest = faults.last().and_then(|of_one| of_one.first());
            closest.cloned().unwrap_or(ClearanceFault::NoneNamed)
        })
    }

    /// The first clearance that carries what is asked; otherwise everything that is wrong with each one the opening names
    /// for this environment. Never nothing.
    pub(super) fn weigh_all(
        &self,
        case: &Case<'_>,
        environment: &EnvironmentId,
    ) -> Result<Carried, Vec<Vec<ClearanceFault>>> {
        let (mut faults, mut elsewhere) = (Vec::new(), None);
        for id in &case.signed.body().clearances {
            let speaks_here = self.clearances.get(id).map(|known| &known.body().environment);
            match speaks_here {
                None => faults.push(vec![ClearanceFault::Unknown(*id)]),
                // An opening of many doors names clearances of many environments: only those for this one matter.
                Some(other) if other != environment => {
                    elsewhere.get_or_insert_with(|| ClearanceFault::OtherEnvironment {
                        id: *id,
                        found: other.clone(),
                    });
                }
                Some(_) => match self.weigh(case, *id) {
                    Ok(carried) => return Ok(carried),
                    Err(of_one) => faults.push(of_one),
                },
            }
        }
        if faults.is_empty() {
            faults.push(vec![elsewhere.unwrap_or(ClearanceFault::NoneNamed)]);
        }
        Err(faults)
    }

    /// Everything that is wrong with one clearance for this case, in the order it is looked at.
    fn weigh(&self, case: &Case<'_>, id: StatementId) -> Result<Carried, Vec<ClearanceFault>> {
        let (stands_on, mut faults) = self.faults_of(id, case.now);
        let Some(signed) = self.clearances.get(&id) else {
            return Err(faults);
        };
        faults.extend(self.is_younger(case, id, signed.body()).err());
        let becomes = self
            .reaches(case, id, signed.body())
            .map_err(|fault| faults.push(fault));
        // Too few of them is among the faults already.
        let examiners = self.examiners_met(signed, Some(case.now));
        match (becomes, examiners) {
            (Ok(becomes), Ok(examiners)) if faults.is_empty() => Ok(Carried {
                examiners,
                stands_on,
                becomes,
            }),
            (Ok(_) | Err(()), Ok(_) | Err(_)) => Err(faults),
        }
    }

    /// What a door becomes by this clearance, if its grade reaches as far as is asked.
    fn reaches(
        &self,
        case: &Case<'_>,
        id: StatementId,
        clearance: &Clearance,
    ) -> Result<After, ClearanceFault> {
        Ok(match (&case.signed.body().becomes, &clearance.grade) {
            (Becomes::Open, Grade::Full) => {
                self.explains(case, id, clearance)?;
                After::Open
            }
            (
                Becomes::Emergency {
                    environment,
                    identity,
                    until,
                },
                Grade::Full,
            ) => {
                if let Basis::SignalExplained { signal } = &clearance.basis {
                    return Err(explains_too_little(id, signal, case.door.active.first()));
                }
                within(id, *until, clearance.expires, case.now)?;
                After::Emergency {
                    environment: environment.clone(),
                    identity: identity.clone(),
                    until: *until,
                }
            }
            (Becomes::Open | Becomes::Emergency { .. }, Grade::Limited { .. }) => {
                return Err(ClearanceFault::OnlyLimited(id));
            }
            (Becomes::Limited { .. }, Grade::Full) => return Err(ClearanceFault::NotLimited(id)),
            (
                Becomes::Limited { until },
                Grade::Limited {
                    cells,
                    peers,
                    directions,
                    until: ends,
                },
            ) => {
                let cell = case.door.door.cell();
                if !cells.contains(cell) {
                    return Err(ClearanceFault::OtherCell {
                        id,
                        cell: cell.clone(),
                    });
                }
                within(id, *until, (*ends).min(clearance.expires), case.now)?;
                let rules = LimitedRules {
                    peers: peers.clone(),
                    flows: directions.clone(),
                };
                After::Limited { until: *until, rules }
            }
        })
    }

    /// Nobody has examined what happened after the examination: a clearance says nothing about a restriction that began
    /// later, however long it is good for. An emergency environment is another one than the one that is held.
    fn is_younger(
        &self,
        case: &Case<'_>,
        id: StatementId,
        clearance: &Clearance,
    ) -> Result<(), ClearanceFault> {
        let lifts_all = match &case.signed.body().becomes {
            Becomes::Open => false,
            Becomes::Limited { .. } => true,
            Becomes::Emergency { .. } => return Ok(()),
        };
        let meant = case.door.active.iter().filter(|fact| {
            (lifts_all || case.lifts.contains(&fact.id))
                && self.class_now(&case.door.place, fact) > Class::Maintenance
        });
        for fact in meant {
            let began = self.began(fact, case.now);
            if clearance.issued < began {
                let (restriction, issued) = (fact.id, clearance.issued);
                return Err(ClearanceFault::Older {
                    id,
                    issued,
                    restriction,
                    began,
                });
            }
        }
        Ok(())
    }

    /// When a restriction began: not before the door says, nor before its order was written, as far as that is not in the
    /// future of witnessed time.
    fn began(&self, fact: &RestrictionFacts, now: Timestamp) -> Timestamp {
        let ordered = self
            .restrictions
            .get(&fact.id)
            .and_then(|id| self.closings.get(id))
            .map_or(fact.since, |closing| closing.body().issued.min(now));
        fact.since.max(ordered)
    }

    /// "Signal explained" lifts only what was ordered for that signal, by the door's record and by the log's.
    fn explains(
        &self,
        case: &Case<'_>,
        id: StatementId,
        clearance: &Clearance,
    ) -> Result<(), ClearanceFault> {
        let Basis::SignalExplained { signal } = &clearance.basis else {
            return Ok(());
        };
        let unexplained = case
            .door
            .active
            .iter()
            .filter(|fact| case.lifts.contains(&fact.id))
            .find(|fact| {
                let known = self
                    .restrictions
                    .get(&fact.id)
                    .and_then(|id| self.closings.get(id));
                fact.signal.as_ref() != Some(signal)
                    || known.is_some_and(|closing| closing.body().signal.as_ref() != Some(signal))
            });
        match unexplained {
            Some(fact) => Err(explains_too_little(id, signal, Some(fact))),
            None => Ok(()),
        }
    }
}

/// A grant ends in the future, and not after the clearance that carries it.
fn within(id: StatementId, asked: Timestamp, ends: Timestamp, now: Timestamp) -> Result<(), ClearanceFault> {
    if asked > ends || asked < now {
        return Err(ClearanceFault::Shorter { id, ends, asked });
    }
    Ok(())
}

fn explains_too_little(
    id: StatementId,
    signal: &SignalId,
    fact: Option<&RestrictionFacts>,
) -> ClearanceFault {
    match fact {
        Some(fact) => ClearanceFault::OtherSignal {
            id,
            signal: signal.clone(),
            restriction: fact.id,
        },
        None => ClearanceFault::OnlyLimited(id),
    }
}
