//! What a cell itself needs: clearance, consent, slot, a door that answers. When it has all of them, in which hours it
//! may start; otherwise what is missing.

use estate::Estate;
use vocabulary::{CellId, EnvironmentId, ServiceId, Timestamp};

use super::{Under, environment, opens};
use crate::{
    missing::Missing,
    situation::{
        Against, Booking, ClearanceFacts, ConsentFacts, ConsentTo, EnvironmentFacts, Grade, InsurerFacts,
        Reach, Situation, Stage, Standing, Window,
    },
};

/// When a cell may start, as far as it depends on the cell alone.
#[derive(Clone, Debug)]
pub(crate) struct Leave {
    ways: Vec<Way>,
    /// Slots still to come; `None` where nobody books.
    windows: Option<Vec<Window>>,
}

/// One clearance together with one consent.
#[derive(Clone, Debug)]
struct Way {
    under: Under,
    from: Timestamp,
    /// Opens nothing from this instant on.
    to: Timestamp,
    hours: Option<(u8, u8)>,
}

impl Leave {
    /// What a start at this instant would stand on.
    pub(crate) fn at(&self, at: Timestamp) -> Option<&Under> {
        self.way(at).map(|way| &way.under)
    }

    fn way(&self, at: Timestamp) -> Option<&Way> {
        let in_slot = self
            .windows
            .as_ref()
            .is_none_or(|windows| windows.iter().any(|window| window.contains(at)));
        if !in_slot {
            return None;
        }
        self.ways
            .iter()
            .find(|way| way.from <= at && at < way.to && in_hours(way.hours, at))
    }

    /// The last instant up to which what allows a start at `at` stands.
    pub(crate) fn ends(&self, at: Timestamp) -> Timestamp {
        let way = self.way(at).map_or(at, |way| way.to);
        let slot = self.slot(at).map_or(way, |window| window.to);
        way.min(slot)
    }

    /// The slot an instant lies in.
    pub(crate) fn slot(&self, at: Timestamp) -> Option<Window> {
        self.windows
            .iter()
            .flatten()
            .copied()
            .find(|window| window.contains(at))
    }
}

/// Whether an instant lies in the named hours, UTC.
pub(crate) fn in_hours(hours: Option<(u8, u8)>, at: Timestamp) -> bool {
    let Some((from, to)) = hours else {
        return true;
    };
    let hour = at.0.rem_euclid(86_400) / 3_600;
    let (from, to) = (i64::from(from), i64::from(to));
    if from <= to {
        from <= hour && hour < to
    } else {
        hour >= from || hour < to
    }
}

/// Whether a full clearance of an environment stands at an instant, and the environment is where it opens something.
pub(crate) fn cleared(situation: &Situation, environment: &EnvironmentId, at: Timestamp) -> bool {
    situation.environments.get(environment).is_some_and(|facts| {
        opens(&facts.state, true)
            && facts.clearances.iter().any(|clearance| {
                clearance.grade == Grade::Full
                    && clearance.standing == Standing::Stands
                    && at < clearance.expires
            })
    })
}

/// What a cell may do by itself, or everything that is missing for it.
pub(crate) fn own(situation: &Situation, cell: &CellId) -> Result<Leave, Vec<Missing>> {
    let mut missing = Vec::new();
    let facts = situation.cell(cell);
    let nothing = InsurerFacts::default();
    let insurer = situation.insurers.get(&cell.insurer).unwrap_or(&nothing);
    let home = environment(&cell.insurer);
    let clearances = clearances(situation, &home, cell, &mut missing);
    let consents: Vec<&ConsentFacts> = insurer
        .consents
        .iter()
        .filter(|consent| consent.services.contains(&cell.service) && situation.now < consent.expires)
        .collect();
    let ways = ways(situation.now, &clearances, &consents);
    if consents.is_empty() {
        missing.push(Missing::Consent {
            insurer: cell.insurer.clone(),
        });
    } else if ways.is_empty() && !clearances.is_empty() {
        missing.push(Missing::OtherConsent {
            insurer: cell.insurer.clone(),
        });
    }
    for refusal in &insurer.refusals {
        if against(&refusal.against, &cell.service) {
            missing.push(Missing::Refused {
                insurer: cell.insurer.clone(),
                reason: refusal.reason.trim_end_matches('.').to_owned(),
            });
        }
    }
    let windows = windows(situation, insurer);
    if windows.as_ref().is_some_and(Vec::is_empty) {
        missing.push(Missing::Slot {
            insurer: cell.insurer.clone(),
        });
    }
    if let Reach::Unreached { since } = facts.door {
        missing.push(Missing::Door { since });
    }
    if let Stage::Failed { reason } = &facts.stage {
        missing.push(Missing::Failed {
            reason: reason.trim_end_matches('.').to_owned(),
        });
    }
    if missing.is_empty() {
        Ok(Leave { ways, windows })
    } else {
        Err(missing)
    }
}

/// Everything that keeps a cell from starting at this very instant, dependencies included. Nothing means it may.
pub(crate) fn missing_now(
    estate: &Estate,
    situation: &Situation,
    cell: &CellId,
    below: &super::Below,
) -> Result<Under, Vec<Missing>> {
    let mut missing = Vec::new();
    for root in &below.roots {
        if !situation.is_up(root) {
            missing.push(Missing::Root { root: root.clone() });
        }
    }
    for service in &below.services {
        let needed = CellId {
            insurer: cell.insurer.clone(),
            service: service.clone(),
        };
        if estate.impact(&needed).is_some() && situation.cell(&needed).stage != Stage::Accepted {
            missing.push(Missing::Service {
                service: service.clone(),
            });
        }
    }
    match own(situation, cell) {
        Err(more) => missing.extend(more),
        Ok(leave) => match leave.at(situation.now) {
            Some(under) if missing.is_empty() => return Ok(under.clone()),
            Some(_) => {}
            None => missing.push(Missing::NotNow {
                insurer: cell.insurer.clone(),
            }),
        },
    }
    Err(missing)
}

/// What an opening of a cell would stand on once its insurer has consented: a full clearance before a limited one.
pub(crate) fn ground(situation: &Situation, cell: &CellId) -> Option<Under> {
    let home = environment(&cell.insurer);
    let mut unsaid = Vec::new();
    let standing = clearances(situation, &home, cell, &mut unsaid);
    let full = standing.iter().find(|one| one.grade == Grade::Full);
    let best = full.or_else(|| standing.first())?;
    Some(match &best.grade {
        Grade::Full => Under::Full { clearance: best.id },
        Grade::Limited { until, .. } => Under::Limited {
            clearance: best.id,
            until: *until,
        },
    })
}

fn against(against: &Against, service: &ServiceId) -> bool {
    match against {
        Against::Everything => true,
        Against::Services(services) => services.contains(service),
    }
}

/// Slots that are still to come.
fn windows(situation: &Situation, insurer: &InsurerFacts) -> Option<Vec<Window>> {
    match situation.slots.booking {
        Booking::Free => None,
        Booking::Required => Some(
            insurer
                .booked
                .iter()
                .filter(|window| situation.now < window.to && window.from < window.to)
                .copied()
                .collect(),
        ),
    }
}

/// Clearances that stand and cover the cell; if there is none, why.
fn clearances<'a>(
    situation: &'a Situation,
    home: &EnvironmentId,
    cell: &CellId,
    missing: &mut Vec<Missing>,
) -> Vec<&'a ClearanceFacts> {
    let Some(facts) = situation.environments.get(home) else {
        missing.push(none_signed(situation, home, None));
        return Vec::new();
    };
    let standing: Vec<&ClearanceFacts> = facts
        .clearances
        .iter()
        .filter(|clearance| clearance.standing == Standing::Stands && situation.now < ends(clearance))
        .collect();
    if standing.is_empty() {
        missing.push(why_none(situation, home, facts));
        return Vec::new();
    }
    let covering: Vec<&ClearanceFacts> = standing
        .into_iter()
        .filter(|clearance| match &clearance.grade {
            Grade::Full => true,
            Grade::Limited { cells, .. } => cells.contains(cell),
        })
        .collect();
    if covering.is_empty() {
        missing.push(Missing::NotCovered {
            environment: home.clone(),
        });
        return Vec::new();
    }
    let opening: Vec<&ClearanceFacts> = covering
        .into_iter()
        .filter(|clearance| opens(&facts.state, clearance.grade == Grade::Full))
        .collect();
    if opening.is_empty() {
        missing.push(Missing::Environment {
            environment: home.clone(),
            state: Some(facts.state.clone()),
        });
    }
    opening
}

fn ends(clearance: &ClearanceFacts) -> Timestamp {
    match &clearance.grade {
        Grade::Full => clearance.expires,
        Grade::Limited { until, .. } => clearance.expires.min(*until),
    }
}

fn none_signed(situation: &Situation, home: &EnvironmentId, facts: Option<&EnvironmentFacts>) -> Missing {
    Missing::Clearance {
        environment: home.clone(),
        signed: facts.map(|facts| facts.signed).unwrap_or_default(),
        threshold: situation.examiners.threshold,
    }
}

/// Says what became of the last clearance, unless examiners are at work on the next.
fn why_none(situation: &Situation, home: &EnvironmentId, facts: &EnvironmentFacts) -> Missing {
    let last = facts.clearances.iter().max_by_key(|clearance| ends(clearance));
    match last {
        Some(last) if facts.signed.0 == 0 => match last.standing {
            Standing::Withdrawn => Missing::ClearanceWithdrawn {
                environment: home.clone(),
            },
            Standing::Stands => Missing::ClearanceOver {
                environment: home.clone(),
                at: ends(last),
            },
        },
        Some(_) | None => none_signed(situation, home, Some(facts)),
    }
}

/// Every clearance with every consent that goes with it; full ones first, then those that last longest.
fn ways(now: Timestamp, clearances: &[&ClearanceFacts], consents: &[&ConsentFacts]) -> Vec<Way> {
    let mut ways = Vec::new();
    for clearance in clearances {
        for consent in consents {
            let to = ends(clearance).min(consent.expires);
            let (under, from) = match (&clearance.grade, consent.to) {
                (Grade::Full, ConsentTo::Reopening) => (
                    Under::Full {
                        clearance: clearance.id,
                    },
                    now,
                ),
                (Grade::Limited { until, .. }, ConsentTo::Limited { most }) => (
                    Under::Limited {
                        clearance: clearance.id,
                        until: *until,
                    },
                    // Starting earlier would make the provisional operation longer than the insurer agreed to.
                    Timestamp(until.0.saturating_sub_unsigned(most.0)).max(now),
                ),
                (Grade::Full, ConsentTo::Limited { .. }) | (Grade::Limited { .. }, ConsentTo::Reopening) => {
                    continue;
                }
            };
            if from < to {
                let hours = consent.hours;
                ways.push(Way {
                    under,
                    from,
                    to,
                    hours,
                });
            }
        }
    }
    ways.sort_by(|a, b| kind(&a.under).cmp(&kind(&b.under)).then(b.to.cmp(&a.to)));
    ways
}

const fn kind(under: &Under) -> u8 {
    match under {
        Under::Full { .. } => 0,
        Under::Limited { .. } => 1,
    }
}
