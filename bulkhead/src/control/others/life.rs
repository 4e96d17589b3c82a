//! Where each insurer's environment stands: what people wrote down, and what logs and doors say since.
//!
//! Where nobody moved it by hand it follows from orders, clearances and doors alone, so that there is a plan as soon as
//! there is a cut. Who gives a full clearance on an examination says with it that there was one.

use std::collections::BTreeSet;

use clearance::{Basis, Grade};
use evidence::{Cause, Door, Picture, TakenBack, Test};
use order::Act;
use restoration::environment::{Event, Grounds, State, next};
use vocabulary::{Class, EnvironmentId, InsurerId, Place, Position, StatementId, Timestamp};

/// An event, and its rank among those of the same second: what closes comes before what opens.
struct Happened {
    at: Timestamp,
    rank: u8,
    event: Event,
}

/// The moment something is judged at. Seconds do not order what happened within one; where that matters, the place in the
/// authority log does, and what doors show now is left out.
#[derive(Clone, Copy)]
pub struct Moment {
    /// When.
    pub now: Timestamp,
    /// Up to this entry of the authority log, itself included; absent: all of it.
    pub upto: Option<u64>,
}

impl Moment {
    /// Whether a statement was there.
    pub(super) fn has(self, index: Option<u64>, at: Timestamp) -> bool {
        at <= self.now
            && self
                .upto
                .is_none_or(|upto| index.is_none_or(|index| index <= upto))
    }

    /// Whether a withdrawal was there.
    pub(super) fn has_taken(self, picture: &Picture, taken: &TakenBack) -> bool {
        let withdrawal = picture.statements().withdrawals.get(&taken.statement);
        self.has(withdrawal.and_then(|signed| signed.index), taken.at)
    }
}

/// Folds everything known about an insurer's environment.
pub(super) fn state(picture: &Picture, insurer: &InsurerId, places: &[Place], moment: Moment) -> State {
    let environment = EnvironmentId::from(insurer.clone());
    let mut happened = Vec::new();
    suspicions(picture, places, &mut happened);
    cuts(picture, insurer, places, moment, &mut happened);
    lifted(picture, insurer, moment, &mut happened);
    examiners(picture, &environment, moment, &mut happened);
    if moment.upto.is_none() {
        returns(picture, insurer, places.len(), &mut happened);
    }
    fold(picture, &environment, happened, moment.now)
}

/// The state of an environment with no doors of its own, such as the one the roots stand in: what people wrote down and
/// what examiners said. Nothing else is known about it.
pub(super) fn without_doors(picture: &Picture, environment: &EnvironmentId, moment: Moment) -> Option<State> {
    let mut happened = Vec::new();
    examiners(picture, environment, moment, &mut happened);
    let moved = picture.environments().get(environment);
    if moved.is_none() && happened.is_empty() {
        return None;
    }
    if moved.is_none() {
        // Examiners speak about what is contained; that nobody wrote it down does not make it trusted.
        happened.push(Happened {
            at: Timestamp(i64::MIN),
            rank: 0,
            event: Event::Contained,
        });
    }
    Some(fold(picture, environment, happened, moment.now))
}

fn fold(
    picture: &Picture,
    environment: &EnvironmentId,
    mut happened: Vec<Happened>,
    now: Timestamp,
) -> State {
    let moved = picture.environments().get(environment).and_then(|moved| {
        Some((
            moved.since,
            named(picture, environment, &moved.state, moved.since)?,
        ))
    });
    let (since, mut state) = moved.map_or((None, State::Trusted), |(since, state)| (Some(since), state));
    happened.retain(|one| one.at <= now && since.is_none_or(|since| one.at > since));
    happened.sort_by_key(|one| (one.at, one.rank));
    for one in happened {
        // What is no step from here changes nothing.
        state = match next(state, &one.event) {
            Ok(moved) => moved,
            Err(refused) => refused.state,
        };
    }
    state
}

/// A state by its name in the journal. What the name leaves out is looked up; if it is nowhere, the state below it holds.
fn named(picture: &Picture, environment: &EnvironmentId, name: &str, since: Timestamp) -> Option<State> {
    Some(match name {
        "trusted" => State::Trusted,
        "suspect" => State::Suspect,
        "contained" => State::Contained,
        "under-examination" => State::UnderExamination,
        "provisional" => {
            let ends = picture.statements().clearances.values().filter_map(|signed| {
                let until = until(&signed.body.grade)?;
                (signed.body.environment == *environment && signed.at <= since).then_some(until)
            });
            ends.max()
                .map_or(State::Contained, |until| State::Provisional { until })
        }
        "cleared" => State::Cleared,
        "restoring" => State::Restoring,
        "verifying" => State::Verifying,
        "accepted" => {
            let tests = picture.people().tests.iter();
            let by = tests
                .filter(|(cell, _)| cell.insurer.as_str() == environment.as_str())
                .find_map(|(_, test)| match test {
                    Test::Accepted(written) => written.body.by.clone(),
                    Test::Refused(_) => None,
                });
            by.map_or(State::Verifying, |by| State::Accepted { by, at: since })
        }
        "normal" => State::Normal,
        _ => return None,
    })
}

const fn until(grade: &Grade) -> Option<Timestamp> {
    match grade {
        Grade::Limited { until, .. } => Some(*until),
        Grade::Full => None,
    }
}

fn suspicions(picture: &Picture, places: &[Place], happened: &mut Vec<Happened>) {
    let here = |scope: &vocabulary::Scope| places.iter().any(|place| scope.covers(place));
    for signal in picture
        .people()
        .signals
        .iter()
        .filter(|seen| here(&seen.body.scope))
    {
        happened.push(Happened {
            at: signal.at,
            rank: 0,
            event: Event::Suspected,
        });
    }
}

/// Orders that closed a door of this insurer, and restrictions no order explains.
fn cuts(
    picture: &Picture,
    insurer: &InsurerId,
    places: &[Place],
    moment: Moment,
    happened: &mut Vec<Happened>,
) {
    let mut contained = |at| {
        happened.push(Happened {
            at,
            rank: 1,
            event: Event::Contained,
        });
    };
    for signed in picture.statements().closings.values() {
        let here = places.iter().any(|place| signed.body.scope.covers(place));
        let class = match &signed.body.act {
            Act::Tighten { class, .. } => *class,
            Act::Raise { to, .. } => *to,
        };
        if here && class != Class::Maintenance && moment.has(signed.index, signed.at) {
            contained(signed.at);
        }
    }
    for (_, door) in doors(picture, insurer).filter(|_| moment.upto.is_none()) {
        for restriction in door.restrictions.values() {
            let told = match restriction.cause {
                Cause::Order(id) => picture.statements().closings.contains_key(&id),
                Cause::Withdrawal(_) | Cause::Enrolment | Cause::RolledBack | Cause::BrokenPromise => false,
            };
            if !told && restriction.class != Class::Maintenance {
                contained(restriction.since);
            }
        }
    }
}

/// Openings that doors carried out: whoever cleared something for them cleared what was closed, also where the order
/// that closed it is gone from the doors. Without a clearance two commanders lifted a cut made out of caution.
fn lifted(picture: &Picture, insurer: &InsurerId, moment: Moment, happened: &mut Vec<Happened>) {
    let statements = picture.statements();
    for (id, signed) in &statements.openings {
        let here = signed.body.doors.iter().any(|entry| {
            entry.door.cell().insurer == *insurer
                && !entry.lifts.is_empty()
                && picture
                    .carried(*id)
                    .is_some_and(|carried| carried.applied.contains(&entry.door))
        });
        if !here || !moment.has(signed.index, signed.at) {
            continue;
        }
        let clearances = signed.body.clearances.iter();
        let cleared = clearances
            .filter_map(|id| statements.clearances.get(id))
            .filter(|clearance| clearance.body.environment.as_str() == insurer.as_str())
            .map(|clearance| clearance.at)
            .min();
        happened.push(Happened {
            at: cleared.unwrap_or(signed.at),
            rank: 0,
            event: Event::Contained,
        });
        if signed.body.clearances.is_empty() {
            happened.push(Happened {
                at: signed.at,
                rank: 4,
                event: Event::CautionLifted,
            });
        }
    }
}

/// What examiners said about an environment, and when it ended.
fn examiners(picture: &Picture, environment: &EnvironmentId, moment: Moment, happened: &mut Vec<Happened>) {
    let statements = picture.statements();
    for (id, signed) in &statements.clearances {
        let body = &signed.body;
        if body.environment != *environment || !moment.has(signed.index, signed.at) {
            continue;
        }
        let mut push = |at, rank, event| happened.push(Happened { at, rank, event });
        match (&body.grade, &body.basis) {
            (Grade::Limited { until, .. }, _) => {
                push(signed.at, 4, Event::ClearedInPart { until: *until });
                if !another_stands(picture, *id, environment, moment, *until) {
                    push(*until, 1, Event::PlannedReshut);
                }
            }
            (Grade::Full, Basis::Examined) => {
                push(signed.at, 3, Event::ExaminationBegun);
                push(
                    signed.at,
                    4,
                    Event::Cleared {
                        grounds: Grounds::Examined,
                    },
                );
            }
            (Grade::Full, Basis::NotEndangered { .. }) => push(
                signed.at,
                4,
                Event::Cleared {
                    grounds: Grounds::NotEndangered,
                },
            ),
            (Grade::Full, Basis::SignalExplained { signal }) => {
                // It explains one signal; what stands for another reason is not lifted by it.
                let insurer = environment.as_str();
                let others = picture.doors().iter().any(|(door, known)| {
                    door.cell().insurer.as_str() == insurer
                        && known
                            .restrictions
                            .values()
                            .any(|one| one.signal.as_ref() != Some(signal))
                });
                if !others {
                    push(signed.at, 4, Event::Explained);
                }
            }
        }
        let ends = [
            (Some(body.expires), 1, Event::ClearanceExpired),
            (fell(picture, *id, moment), 5, Event::ClearanceWithdrawn),
        ];
        for (at, rank, event) in ends {
            if let Some(at) = at.filter(|at| !another_stands(picture, *id, environment, moment, *at)) {
                push(at, rank, event);
            }
        }
    }
}

/// Whether another clearance of the same environment stands at an instant: then the end of one is not the end.
fn another_stands(
    picture: &Picture,
    clearance: StatementId,
    environment: &EnvironmentId,
    moment: Moment,
    at: Timestamp,
) -> bool {
    let clearances = picture.statements().clearances.iter();
    let others =
        clearances.filter(|(id, signed)| **id != clearance && signed.body.environment == *environment);
    others.into_iter().any(|(id, signed)| {
        let ends =
            until(&signed.body.grade).map_or(signed.body.expires, |until| until.min(signed.body.expires));
        signed.at <= at && at < ends && fell(picture, *id, moment).is_none_or(|fell| at < fell)
    })
}

/// When a clearance or what it relies on was taken back first.
pub(super) fn fell(picture: &Picture, clearance: StatementId, moment: Moment) -> Option<Timestamp> {
    let clearances = &picture.statements().clearances;
    let (mut seen, mut open, mut first) = (BTreeSet::new(), vec![clearance], None::<Timestamp>);
    while let Some(id) = open.pop() {
        let Some(signed) = clearances.get(&id).filter(|_| seen.insert(id)) else {
            continue;
        };
        for taken in signed
            .taken_back
            .iter()
            .filter(|taken| moment.has_taken(picture, taken))
        {
            first = Some(first.map_or(taken.at, |at| at.min(taken.at)));
        }
        open.extend(signed.body.relies_on.iter().copied());
    }
    first
}

/// Doors that opened on a clearance, and tests of what runs behind them.
fn returns(picture: &Picture, insurer: &InsurerId, all: usize, happened: &mut Vec<Happened>) {
    let opened: Vec<Timestamp> = doors(picture, insurer)
        .filter(|(_, door)| is_open(door) && !door.stands_on.clearances.is_empty())
        .map(|(_, door)| door.since)
        .collect();
    let mut push = |at, rank, event| happened.push(Happened { at, rank, event });
    if let Some(first) = opened.iter().min() {
        push(*first, 6, Event::RestoringBegun);
    }
    let open = doors(picture, insurer).filter(|(_, door)| is_open(door)).count();
    if let Some(last) = opened.iter().max().filter(|_| open == all) {
        push(*last, 7, Event::Restored);
    }
    let tests = picture.people().tests.iter();
    let tests: Vec<&Test> = tests
        .filter(|(cell, _)| cell.insurer == *insurer)
        .map(|(_, test)| test)
        .collect();
    let mut accepted = 0_usize;
    let mut last = None;
    for test in tests {
        match test {
            Test::Refused(written) => push(written.at, 8, Event::TestRefused),
            Test::Accepted(written) => {
                accepted += 1;
                let by = written.body.by.clone().map(|by| (written.at, by));
                last = last.max(by);
            }
        }
    }
    if let Some((at, by)) = last.filter(|_| accepted == all) {
        push(at, 9, Event::TestAccepted { by, at });
    }
}

pub(super) fn is_open(door: &Door) -> bool {
    door.position == Position::Open && door.restrictions.is_empty()
}

fn doors<'a>(
    picture: &'a Picture,
    insurer: &'a InsurerId,
) -> impl Iterator<Item = (&'a vocabulary::DoorId, &'a std::sync::Arc<Door>)> {
    picture
        .doors()
        .iter()
        .filter(move |(id, _)| id.cell().insurer == *insurer)
}
