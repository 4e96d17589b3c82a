//! Clocks: from what somebody knew to when something is due.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use vocabulary::{IncidentId, LegalEntityId, Seconds, ServiceId, Timestamp};

use super::{
    law::{Law, Obligation, ObligationId, Start},
    words::{Period, PersonKind, Trigger},
};
use crate::{
    text::{Both, Sentence},
    when,
};

/// Where in the journal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Entry(pub u64);

/// A legal person knows something. The clock starts here.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Knowledge {
    /// In which incident.
    pub incident: IncidentId,
    /// Who knows.
    pub legal_person: LegalEntityId,
    /// What it is.
    pub kinds: BTreeSet<PersonKind>,
    /// What it knows.
    pub trigger: Trigger,
    /// Since when.
    pub known_at: Timestamp,
    /// The journal entry that says so.
    pub entry: Entry,
    /// Which services are concerned; empty: not known which.
    #[serde(default)]
    pub services: BTreeSet<ServiceId>,
    /// The time an authority set, for [`Trigger::AuthorityRequest`].
    #[serde(default)]
    pub set: Option<Timestamp>,
}

/// A person has sent what a duty asks for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sent {
    /// In which incident.
    pub incident: IncidentId,
    /// Whose duty.
    pub legal_person: LegalEntityId,
    /// Which duty.
    pub obligation: ObligationId,
    /// When.
    pub at: Timestamp,
    /// The request it answers, where an authority asked: the entry that clock started with.
    #[serde(default)]
    pub request: Option<Entry>,
    /// Why late, if late.
    #[serde(default)]
    pub late_because: Option<Sentence>,
}

/// Late without a reason.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "Die Meldung {obligation} ist verspätet. Geben Sie den Grund der Verspätung an. / Notice {obligation} is late. Give the reason for the delay."
)]
pub struct ReasonMissing {
    /// Which duty.
    pub obligation: ObligationId,
}

/// When something is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Due {
    /// At this instant at the latest.
    At(Timestamp),
    /// Without culpable delay: every hour needs a reason.
    WithoutDelay,
    /// The authority sets the time; it has not been entered.
    AsSet,
    /// Before the thing is done.
    Before,
    /// No end.
    NoDeadline,
}

/// How a clock stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Runs.
    Running {
        /// For so long.
        left: Seconds,
    },
    /// Not sent in time.
    Overdue {
        /// For so long.
        by: Seconds,
    },
    /// Open; whether it is late is a person's judgement.
    Open {
        /// For so long.
        since: Seconds,
    },
    /// Sent in time, or where no time can be missed.
    Sent {
        /// When.
        at: Timestamp,
    },
    /// Sent late.
    SentLate {
        /// When.
        at: Timestamp,
        /// By how much.
        by: Seconds,
        /// Why; `None` is a gap somebody has to fill.
        because: Option<Sentence>,
    },
}

/// One duty of one legal person in one incident.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Clock {
    /// Which duty.
    pub obligation: ObligationId,
    /// In which incident.
    pub incident: IncidentId,
    /// Whose.
    pub legal_person: LegalEntityId,
    /// When the clock started: at knowledge.
    pub starts: Timestamp,
    /// The journal entry it started with; `None` when it started by sending another notice.
    pub entry: Option<Entry>,
    /// Set where each request of an authority is a matter of its own.
    pub request: Option<Entry>,
    /// For which services; empty: not known which.
    pub services: BTreeSet<ServiceId>,
    /// When it is due.
    pub due: Due,
    /// How it stands.
    pub standing: Standing,
    /// What about this duty was not read in the original.
    pub unverified: Option<Both<String>>,
    /// Duties that begin when this one is sent.
    pub follow_up: Vec<ObligationId>,
}

impl Clock {
    /// Whether its time has passed unsent.
    #[must_use]
    pub const fn overdue(&self) -> bool {
        matches!(self.standing, Standing::Overdue { .. })
    }

    /// Notes that a person has sent it.
    ///
    /// # Errors
    /// [`ReasonMissing`] when it is late and nobody says why.
    pub fn sent(&self, at: Timestamp, late_because: Option<Sentence>) -> Result<Sent, ReasonMissing> {
        let late = matches!(self.due, Due::At(due) if at > due);
        if late && late_because.is_none() {
            return Err(ReasonMissing {
                obligation: self.obligation.clone(),
            });
        }
        Ok(Sent {
            incident: self.incident.clone(),
            legal_person: self.legal_person.clone(),
            obligation: self.obligation.clone(),
            at,
            request: self.request,
            late_because: late_because.filter(|_| late),
        })
    }
}

/// What makes clocks the same: the second thing known about the same matter does not start a second clock. Each request
/// of an authority is a matter of its own.
type Key = (IncidentId, LegalEntityId, ObligationId, Option<Entry>);

/// Every clock that has started by `now`, the most urgent first.
#[must_use]
pub fn clocks(knowledge: &[Knowledge], sent: &[Sent], law: &Law, now: Timestamp) -> Vec<Clock> {
    let mut clocks: BTreeMap<Key, Clock> = BTreeMap::new();
    for known in knowledge.iter().filter(|known| known.known_at <= now) {
        for obligation in law.obligations().filter(|obligation| falls_on(obligation, known)) {
            let Some(services) = obligation.regime.among(&known.services) else {
                continue;
            };
            let clock = start(law, obligation, known, services);
            let key = (
                clock.incident.clone(),
                clock.legal_person.clone(),
                clock.obligation.clone(),
                clock.request,
            );
            clocks
                .entry(key)
                .and_modify(|earlier| merge(earlier, &clock))
                .or_insert(clock);
        }
    }
    let mut clocks: Vec<Clock> = clocks.into_values().collect();
    follow(&mut clocks, sent, law, now);
    for clock in &mut clocks {
        clock.standing = standing(clock, sent, now);
    }
    clocks.sort_by_key(|clock| {
        (
            urgency(clock),
            clock.starts,
            clock.obligation.clone(),
            clock.legal_person.clone(),
        )
    });
    clocks
}

fn falls_on(obligation: &Obligation, known: &Knowledge) -> bool {
    !obligation.who.is_disjoint(&known.kinds) && obligation.starts.contains(&Start::Known(known.trigger))
}

fn start(law: &Law, obligation: &Obligation, known: &Knowledge, services: BTreeSet<ServiceId>) -> Clock {
    Clock {
        obligation: obligation.id.clone(),
        incident: known.incident.clone(),
        legal_person: known.legal_person.clone(),
        starts: known.known_at,
        entry: Some(known.entry),
        request: (obligation.period == Period::AsSet).then_some(known.entry),
        services,
        due: due(obligation.period, known.known_at, known.set),
        standing: Standing::Open { since: Seconds(0) },
        unverified: unverified(law, obligation),
        follow_up: law.following(&obligation.id),
    }
}

/// What was not read about this duty, and about the rule that divides the services between two regimes.
fn unverified(law: &Law, obligation: &Obligation) -> Option<Both<String>> {
    let divided = !matches!(obligation.regime, super::Regime::All);
    let rule = law
        .obligations()
        .filter(|rule| divided && rule.id.as_str() == "TI-EXCL")
        .find_map(|rule| {
            let why = rule.unverified.as_ref()?;
            Some(Both {
                de: format!("{}: {}", rule.id, why.de),
                en: format!("{}: {}", rule.id, why.en),
            })
        });
    let own = obligation.unverified.clone();
    match (own, rule) {
        (Some(own), Some(rule)) => Some(Both {
            de: format!("{}; {}", own.de, rule.de),
            en: format!("{}; {}", own.en, rule.en),
        }),
        (own, rule) => own.or(rule),
    }
}

/// Knowledge counts from its first moment; what is learned later widens it.
fn merge(earlier: &mut Clock, other: &Clock) {
    // "Not known which services" stays so: it is the wider statement.
    if earlier.services.is_empty() || other.services.is_empty() {
        earlier.services.clear();
    } else {
        earlier.services.extend(other.services.iter().cloned());
    }
    if (other.starts, other.entry) < (earlier.starts, earlier.entry) {
        earlier.starts = other.starts;
        earlier.entry = other.entry;
        earlier.due = other.due;
    }
}

/// Duties that begin when another notice was sent, and so on to the end of the chain.
fn follow(clocks: &mut Vec<Clock>, sent: &[Sent], law: &Law, now: Timestamp) {
    let mut index = 0;
    // Each step adds duties that were not there, of which the law has finitely many.
    while let Some(clock) = clocks.get(index).cloned() {
        index = index.saturating_add(1);
        let Some(notice) = first_sent(&clock, sent, now) else {
            continue;
        };
        for id in &clock.follow_up {
            let same = |other: &Clock| {
                (&other.obligation, &other.incident, &other.legal_person)
                    == (id, &clock.incident, &clock.legal_person)
            };
            let Some(obligation) = law.get(id).filter(|_| !clocks.iter().any(same)) else {
                continue;
            };
            clocks.push(Clock {
                obligation: id.clone(),
                starts: notice.at,
                entry: None,
                request: None,
                due: due(obligation.period, notice.at, None),
                unverified: unverified(law, obligation),
                follow_up: law.following(id),
                ..clock.clone()
            });
        }
    }
}

fn first_sent<'a>(clock: &Clock, sent: &'a [Sent], now: Timestamp) -> Option<&'a Sent> {
    sent.iter()
        .filter(|notice| notice.at <= now && notice.at >= clock.starts)
        .filter(|notice| notice.obligation == clock.obligation && notice.request == clock.request)
        .filter(|notice| notice.incident == clock.incident && notice.legal_person == clock.legal_person)
        .min_by_key(|notice| notice.at)
}

fn due(period: Period, starts: Timestamp, set: Option<Timestamp>) -> Due {
    match period {
        Period::Hours(hours) => Due::At(starts.plus(Seconds(u64::from(hours).saturating_mul(3_600)))),
        Period::Days(days) => Due::At(when::after_days(starts, days)),
        Period::Months(months) => Due::At(when::after_months(starts, months)),
        Period::WithoutDelay => Due::WithoutDelay,
        Period::AsSet => set.map_or(Due::AsSet, Due::At),
        Period::Before => Due::Before,
        // The last three start no clock; were one started, it has no end to miss.
        Period::NoDeadline | Period::Rule | Period::Permanent | Period::Calendar => Due::NoDeadline,
    }
}

fn standing(clock: &Clock, sent: &[Sent], now: Timestamp) -> Standing {
    match (first_sent(clock, sent, now), clock.due) {
        (Some(notice), Due::At(due)) if notice.at > due => Standing::SentLate {
            at: notice.at,
            by: notice.at.since(due),
            because: notice.late_because.clone(),
        },
        (Some(notice), Due::At(_) | Due::WithoutDelay | Due::AsSet | Due::Before | Due::NoDeadline) => {
            Standing::Sent { at: notice.at }
        }
        (None, Due::At(due)) if now > due => Standing::Overdue { by: now.since(due) },
        (None, Due::At(due)) => Standing::Running { left: due.since(now) },
        (None, Due::WithoutDelay | Due::AsSet | Due::Before | Due::NoDeadline) => Standing::Open {
            since: now.since(clock.starts),
        },
    }
}

/// Overdue first, then what must be done at once, then by the time that is left, then what is done.
fn urgency(clock: &Clock) -> (u8, u64) {
    match (&clock.standing, clock.due) {
        (Standing::Overdue { by }, _) => (0, u64::MAX.saturating_sub(by.0)),
        (Standing::Open { since }, Due::WithoutDelay | Due::Before | Due::AsSet | Due::At(_)) => {
            (1, u64::MAX.saturating_sub(since.0))
        }
        (Standing::Running { left }, _) => (2, left.0),
        (Standing::Open { .. }, Due::NoDeadline) => (3, 0),
        (Standing::SentLate { because: None, .. }, _) => (0, 0),
        (Standing::SentLate { because: Some(_), .. } | Standing::Sent { .. }, _) => (4, 0),
    }
}
