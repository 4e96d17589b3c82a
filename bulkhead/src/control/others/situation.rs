//! From picture, estate and what was found out in peace to the facts a plan is made from.

use std::collections::{BTreeMap, BTreeSet};

use console::SILENCE_LIMIT;
use estate::{Estate, Node};
use evidence::{Door, Picture, Signed, Test};
use order::{Becomes, Opening};
use restoration::{
    Situation,
    environment::State,
    situation::{
        Against, Assumptions, Backlog, Booking, CellFacts, ClearanceFacts, ConsentFacts, ConsentTo, Count,
        Emergency, EnvironmentFacts, Examiners, Grade, InsurerFacts, Items, Reach, RefusalFacts, RootFacts,
        RootId, RootState, Slots, Span, Stage, Standing, Window,
    },
};
use vocabulary::{CellId, DoorId, EnvironmentId, InsurerId, Place, Seconds, ServiceId, Timestamp};

use super::{
    life::{self, Moment, is_open},
    peace::Peace,
};

/// Everything a plan is made from. What nobody reported is left out, and counts as closed.
#[must_use]
pub fn situation(estate: &Estate, picture: &Picture, peace: &Peace, now: Timestamp) -> Situation {
    situation_at(estate, picture, peace, Moment { now, upto: None })
}

/// As [`situation`], at a moment that is over.
#[must_use]
pub fn situation_at(estate: &Estate, picture: &Picture, peace: &Peace, moment: Moment) -> Situation {
    let now = moment.now;
    let mut places: BTreeMap<&InsurerId, Vec<Place>> = BTreeMap::new();
    for insurer in estate.insurers() {
        let of = |service: &ServiceId| Place {
            site: insurer.site.clone(),
            insurer: insurer.id.clone(),
            service: service.clone(),
        };
        places.insert(&insurer.id, insurer.services.keys().map(of).collect());
    }
    let mut environments: BTreeMap<EnvironmentId, EnvironmentFacts> = BTreeMap::new();
    for (insurer, places) in &places {
        let id = EnvironmentId::from((*insurer).clone());
        let state = life::state(picture, insurer, places, moment);
        let facts = environment(picture, &id, state, moment);
        environments.insert(id, facts);
    }
    let roots = roots(estate, picture, peace);
    for id in roots.values().map(|root| &root.environment) {
        if let Some(state) = life::without_doors(picture, id, moment)
            && !environments.contains_key(id)
        {
            environments.insert(id.clone(), environment(picture, id, state, moment));
        }
    }
    let roots = with_states(estate, picture, &environments, roots);
    let insurers = estate.insurers();
    let insurers = insurers.map(|insurer| (insurer.id.clone(), said(picture, &insurer.id, moment)));
    let cells = estate.doors().filter_map(|(id, _, _)| {
        let home = environments.get(&EnvironmentId::from(id.cell().insurer.clone()))?;
        Some((id.cell().clone(), cell(picture, &id, &home.state, now)?))
    });
    let cells = cells.collect();
    Situation {
        now,
        roots,
        insurers: insurers.collect(),
        cells,
        environments,
        slots: Slots {
            per_hour: Count(peace.r#return.cells_per_hour),
            booking: match peace.r#return.slots_required {
                true => Booking::Required,
                false => Booking::Free,
            },
        },
        examiners: Examiners {
            threshold: Count(
                picture
                    .charter()
                    .map_or(1, |charter| charter.thresholds().examiners.persons),
            ),
            at_once: Count(peace.r#return.examinations_at_once),
            each: Span::hours(
                peace.r#return.examination_hours.0,
                peace.r#return.examination_hours.1,
            ),
        },
        assumptions: Assumptions::default(),
    }
}

fn environment(picture: &Picture, id: &EnvironmentId, state: State, moment: Moment) -> EnvironmentFacts {
    let clearances = picture.statements().clearances.iter();
    let clearances = clearances
        .filter(|(_, signed)| signed.body.environment == *id && moment.has(signed.index, signed.at))
        .map(|(statement, signed)| ClearanceFacts {
            id: *statement,
            grade: match &signed.body.grade {
                clearance::Grade::Full => Grade::Full,
                clearance::Grade::Limited { cells, until, .. } => Grade::Limited {
                    cells: cells.clone(),
                    until: *until,
                },
            },
            expires: signed.body.expires,
            standing: match life::fell(picture, *statement, moment) {
                Some(_) => Standing::Withdrawn,
                None => Standing::Stands,
            },
        });
    EnvironmentFacts {
        state,
        clearances: clearances.collect(),
        // Signatures on drafts are checked where drafts are shown; a plan counts complete statements only.
        signed: Count(0),
    }
}

/// The roots by name, none of them up.
fn roots(estate: &Estate, picture: &Picture, peace: &Peace) -> BTreeMap<RootId, RootFacts> {
    let provider = picture
        .charter()
        .and_then(|charter| EnvironmentId::new(charter.provider().as_str()).ok());
    estate
        .roots()
        .filter_map(|root| {
            let told = peace.root.get(root.id.as_str()).cloned();
            let facts = RootFacts {
                state: RootState::Down,
                // Without a charter nobody is known to whom it could belong; then it is not listed at all.
                environment: told.or_else(|| provider.clone())?,
                needs: root.needs.iter().map(RootId::from).collect(),
            };
            Some((RootId::from(&root.id), facts))
        })
        .collect()
}

/// A root is up where people moved its environment back to work, or where the prober got through an open door to a
/// service that stands on it. Nothing else says so.
fn with_states(
    estate: &Estate,
    picture: &Picture,
    environments: &BTreeMap<EnvironmentId, EnvironmentFacts>,
    mut roots: BTreeMap<RootId, RootFacts>,
) -> BTreeMap<RootId, RootFacts> {
    let works = picture
        .doors()
        .iter()
        .filter(|(_, door)| is_open(door) && door.proof().is_some_and(|proof| proof.failures.is_empty()));
    let services: BTreeSet<&ServiceId> = works.map(|(id, _)| &id.cell().service).collect();
    let mut measured = BTreeSet::new();
    for service in services {
        below(estate, &roots, service, &mut measured);
    }
    for (id, root) in &mut roots {
        let moved = environments
            .get(&root.environment)
            .is_some_and(|home| match home.state {
                State::Verifying | State::Accepted { .. } | State::Normal => true,
                State::Trusted
                | State::Suspect
                | State::Contained
                | State::UnderExamination
                | State::Provisional { .. }
                | State::Cleared
                | State::Restoring => false,
            });
        if moved || measured.contains(id) {
            root.state = RootState::Up;
        }
    }
    roots
}

/// Every root below a service.
fn below(
    estate: &Estate,
    roots: &BTreeMap<RootId, RootFacts>,
    service: &ServiceId,
    found: &mut BTreeSet<RootId>,
) {
    let mut open: Vec<String> = vec![service.to_string()];
    let mut seen = BTreeSet::new();
    while let Some(name) = open.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        let root = RootId(name.clone());
        if let Some(facts) = roots.get(&root) {
            open.extend(facts.needs.iter().map(ToString::to_string));
            found.insert(root);
        } else if let Some(service) = name.parse().ok().and_then(|id| estate.service(&id)) {
            open.extend(service.needs.iter().map(Node::to_string));
        }
    }
}

/// What one insurer said and did not take back.
fn said(picture: &Picture, insurer: &InsurerId, moment: Moment) -> InsurerFacts {
    let people = picture.people();
    let slots = people.slots.iter().filter(|(cell, _)| cell.insurer == *insurer);
    InsurerFacts {
        consents: consents(picture, insurer, moment),
        refusals: refusals(picture, insurer, moment),
        ranking: people
            .ranks
            .get(insurer)
            .map(|rank| rank.body.clone())
            .unwrap_or_default(),
        booked: slots
            .map(|(_, slot)| Window {
                from: slot.body.from,
                to: slot.body.to,
            })
            .collect(),
    }
}

/// Whether a statement was made by an instant and not taken back by then.
fn stands<T>(picture: &Picture, signed: &Signed<T>, moment: Moment) -> bool {
    let taken = signed
        .taken_back
        .iter()
        .any(|taken| moment.has_taken(picture, taken));
    moment.has(signed.index, signed.at) && !taken
}

fn consents(picture: &Picture, insurer: &InsurerId, moment: Moment) -> Vec<ConsentFacts> {
    let statements = picture.statements();
    let standing = statements.standing_consents.values();
    let standing = standing
        .filter(|signed| signed.body.insurer == *insurer && stands(picture, signed, moment))
        .filter_map(|signed| {
            let to = match &signed.body.to {
                clearance::StandingFor::Reopening => ConsentTo::Reopening,
                clearance::StandingFor::Limited { hours_max } => ConsentTo::Limited {
                    most: Seconds(u64::from(*hours_max) * 3_600),
                },
                // Emergency operation is no return.
                clearance::StandingFor::Emergency { .. } => return None,
            };
            Some(ConsentFacts {
                services: signed.body.services.clone(),
                to,
                hours: signed.body.hours,
                expires: signed.body.expires,
            })
        });
    let fresh = statements.consents.values();
    let fresh = fresh
        .filter(|signed| signed.body.insurer == *insurer && stands(picture, signed, moment))
        .filter_map(|signed| {
            let opening = &statements.openings.get(&signed.body.opening)?.body;
            let to = match &opening.becomes {
                Becomes::Open => ConsentTo::Reopening,
                Becomes::Limited { until } => ConsentTo::Limited {
                    most: until.since(opening.issued),
                },
                Becomes::Emergency { .. } => return None,
            };
            Some(ConsentFacts {
                services: services(opening, insurer),
                to,
                hours: None,
                expires: signed.body.expires.min(opening.expires),
            })
        });
    standing.chain(fresh).collect()
}

fn refusals(picture: &Picture, insurer: &InsurerId, moment: Moment) -> Vec<RefusalFacts> {
    let statements = picture.statements();
    let refusals = statements.refusals.values();
    refusals
        .filter(|signed| signed.body.insurer == *insurer && stands(picture, signed, moment))
        .filter_map(|signed| {
            let against = match signed.body.against {
                clearance::Against::Everything => Against::Everything,
                // A no to one opening, for as long as that could be used; a recovery of a section is no opening.
                clearance::Against::Statement(id) => {
                    let opening = &statements.openings.get(&id)?.body;
                    if opening.expires <= moment.now {
                        return None;
                    }
                    Against::Services(services(opening, insurer))
                }
            };
            Some(RefusalFacts {
                against,
                reason: signed.body.reason.as_str().to_owned(),
            })
        })
        .collect()
}

fn services(opening: &Opening, insurer: &InsurerId) -> BTreeSet<ServiceId> {
    let cells = opening.doors.iter().map(|entry| entry.door.cell());
    cells
        .filter(|cell| cell.insurer == *insurer)
        .map(|cell| cell.service.clone())
        .collect()
}

/// What is reported of a door, for asking what it would answer.
pub(super) fn door_facts(picture: &Picture, id: &DoorId) -> Option<clearance::DoorFacts> {
    let door = picture.door(id)?;
    let active = door.restrictions.iter();
    Some(clearance::DoorFacts {
        door: id.clone(),
        place: door.place.clone(),
        epoch: door.epoch,
        active: active
            .map(|(id, restriction)| clearance::RestrictionFacts {
                id: *id,
                class: restriction.class,
                since: restriction.since,
                signal: restriction.signal.clone(),
            })
            .collect(),
    })
}

fn cell(picture: &Picture, id: &DoorId, home: &State, now: Timestamp) -> Option<CellFacts> {
    let door = picture.door(id)?;
    let reach = match picture.unreached(id, now, SILENCE_LIMIT) {
        Some(since) => Reach::Unreached { since: Some(since) },
        None => Reach::Reached {
            position: door.position_at(now),
        },
    };
    let stage = stage(picture, id.cell(), door, home);
    let down_since = match stage {
        Stage::Stopped | Stage::Failed { .. } => {
            let restrictions = door.restrictions.values();
            restrictions.map(|restriction| restriction.since).min()
        }
        Stage::Started | Stage::Accepted => None,
    };
    Some(CellFacts {
        stage,
        door: reach,
        down_since,
        backlog: backlog(picture, id.cell(), now),
        emergency: match door.grants.emergency {
            Some(_) => Emergency::Running,
            None => Emergency::None,
        },
    })
}

/// How far a cell has come. One that was never cut runs as it always did; one that came back waits for its insurer.
fn stage(picture: &Picture, cell: &CellId, door: &Door, home: &State) -> Stage {
    let tested = picture.people().tests.get(cell);
    let runs = is_open(door) || door.grants.limited.is_some();
    match tested {
        Some(Test::Refused(test)) if test.at >= door.since => Stage::Failed {
            reason: test.body.why.as_str().to_owned(),
        },
        _ if !runs => Stage::Stopped,
        Some(Test::Accepted(test)) if test.at >= door.since => Stage::Accepted,
        Some(Test::Accepted(_) | Test::Refused(_)) | None => match home {
            State::Trusted | State::Suspect | State::Normal if door.stands_on.clearances.is_empty() => {
                Stage::Accepted
            }
            State::Accepted { .. } | State::Normal => Stage::Accepted,
            State::Trusted
            | State::Suspect
            | State::Contained
            | State::UnderExamination
            | State::Provisional { .. }
            | State::Cleared
            | State::Restoring
            | State::Verifying => Stage::Started,
        },
    }
}

/// What waits, and how fast it grew so far. How fast it is handed over nobody has measured.
fn backlog(picture: &Picture, cell: &CellId, now: Timestamp) -> Backlog {
    let Some(counted) = picture.backlog().get(cell).map(|written| written.body) else {
        return Backlog::default();
    };
    let items = counted.held + counted.in_doubt + counted.parked;
    let hours = counted
        .oldest
        .map_or(0, |oldest| now.since(oldest).0.div_ceil(3_600));
    Backlog {
        items: Items(items),
        inflow: Items(items.checked_div(hours).unwrap_or(0)),
        measured: None,
    }
}
