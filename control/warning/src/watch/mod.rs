//! The whole room as one function: what happened goes in, what it means comes out.

mod event;
mod incidents;
mod say;

use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use estate::CivilDate;
use vocabulary::{
    BadId, CellId, Digest, Epoch, IncidentId, InsurerId, Seconds, ServiceId, SignalId, Timestamp,
};

use crate::{
    baseline::{Baseline, Sight},
    import::Finding,
    incident::{Incident, IncidentState},
    local::local,
    roll::Roll,
    sensor::{Lesson, Measure, Minute, SLOT_MINUTES, Seen, Series, Turn, Window},
    signal::{Canary, Indicator, Kind, Severity, Signal, Touched, name_signal},
    text::{Sentence, clean},
};

pub use event::{Effect, Event, Refusal, SourceName};

/// Sources that may be expected.
const SOURCES_MAX: usize = 4096;
/// Indicators below the threshold that are remembered, to see them at a second insurer.
const SEEN_MAX: usize = 4096;
/// For how long such an indicator is remembered.
const SEEN_SECS: u64 = 7200;
/// From here on a finding is a signal.
const FINDING_MIN: Severity = Severity::High;
/// From here on a finding is remembered; at a second insurer it is one step worse.
const FINDING_SEEN_MIN: Severity = Severity::Medium;

#[derive(Clone, PartialEq, Eq, Debug)]
struct Source {
    within: Seconds,
    touched: BTreeSet<Touched>,
    heard: Timestamp,
    /// The silence that was told already.
    told: bool,
}

/// What was learned of one measure of one insurer, to be kept over a restart.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Learned {
    /// Whose.
    pub insurer: InsurerId,
    /// Of what.
    pub measure: Measure,
    /// The history.
    pub baseline: Baseline,
}

/// How far one measure of one insurer has come, to be kept over a restart together with how far its source was read.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Whose.
    pub insurer: InsurerId,
    /// Of what.
    pub measure: Measure,
    /// The window that runs.
    pub window: Window,
    /// The signal a raised alarm gave.
    pub raised: Option<SignalId>,
}

/// The room's state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Watch {
    roll: Arc<Roll>,
    holidays: BTreeSet<CivilDate>,
    series: BTreeMap<(InsurerId, Measure), Series>,
    /// Which signal a raised measure gave.
    raised: BTreeMap<(InsurerId, Measure), SignalId>,
    sources: BTreeMap<SourceName, Source>,
    /// Doors that something passes although they are closed for it, with the signal each gave.
    drifts: BTreeMap<CellId, SignalId>,
    /// Findings below the threshold: where each indicator was seen last.
    seen: BTreeMap<Indicator, BTreeMap<InsurerId, Timestamp>>,
    incidents: BTreeMap<IncidentId, Incident>,
}

impl Watch {
    /// About one estate. Holidays are compared with Sundays and not learned.
    #[must_use]
    pub const fn new(roll: Arc<Roll>, holidays: BTreeSet<CivilDate>) -> Self {
        Self {
            roll,
            holidays,
            series: BTreeMap::new(),
            raised: BTreeMap::new(),
            sources: BTreeMap::new(),
            drifts: BTreeMap::new(),
            seen: BTreeMap::new(),
            incidents: BTreeMap::new(),
        }
    }

    /// With what was learned before a restart. What is about no cell of the estate is left out.
    #[must_use]
    pub fn remember(mut self, learned: impl IntoIterator<Item = Learned>) -> Self {
        for Learned {
            insurer,
            measure,
            baseline,
        } in learned
        {
            if cell_of(&insurer, measure).is_ok_and(|cell| self.roll.has_cell(&cell)) {
                self.series
                    .insert((insurer, measure), Series::new(measure, baseline));
            }
        }
        self
    }

    /// With the windows that ran before a restart. Begin with [`remember`](Self::remember); what is about no cell of the estate
    /// is left out.
    #[must_use]
    pub fn go_on(mut self, progress: impl IntoIterator<Item = Progress>) -> Self {
        for Progress {
            insurer,
            measure,
            window,
            raised,
        } in progress
        {
            if !cell_of(&insurer, measure).is_ok_and(|cell| self.roll.has_cell(&cell)) {
                continue;
            }
            let key = (insurer, measure);
            let series = self
                .series
                .remove(&key)
                .unwrap_or_else(|| Series::new(measure, Baseline::new()));
            self.series.insert(key.clone(), series.going_on(window));
            if let Some(signal) = raised {
                self.raised.insert(key, signal);
            }
        }
        self
    }

    /// Doors that something passes although they are closed for it.
    pub fn drifting(&self) -> impl Iterator<Item = &CellId> {
        self.drifts.keys()
    }

    /// With the incidents that were told before a restart.
    #[must_use]
    pub fn resume(mut self, incidents: impl IntoIterator<Item = Incident>) -> Self {
        for incident in incidents {
            // A way that was not closed before the restart was told already.
            let drifts = incident
                .signals()
                .values()
                .filter(|sighting| sighting.signal.kind == Kind::Drift && sighting.settled.is_none());
            for sighting in drifts {
                for touched in &sighting.signal.touched {
                    if let Touched::Cell(cell) = touched {
                        self.drifts.insert(cell.clone(), sighting.signal.id.clone());
                    }
                }
            }
            self.incidents.insert(incident.id().clone(), incident);
        }
        self
    }

    /// What was learned, to be kept.
    pub fn learned(&self) -> impl Iterator<Item = Learned> {
        self.series.iter().map(|((insurer, measure), series)| Learned {
            insurer: insurer.clone(),
            measure: *measure,
            baseline: series.baseline().clone(),
        })
    }

    /// How far each measure has come, to be kept.
    pub fn progress(&self) -> impl Iterator<Item = Progress> {
        self.series.iter().filter_map(|(key, series)| {
            Some(Progress {
                insurer: key.0.clone(),
                measure: key.1,
                window: series.window()?,
                raised: self.raised.get(key).cloned(),
            })
        })
    }

    /// Incidents that are open, or closed within the last day.
    pub fn incidents(&self) -> impl Iterator<Item = &Incident> {
        self.incidents.values()
    }

    /// One of them.
    #[must_use]
    pub fn incident(&self, id: &IncidentId) -> Option<&Incident> {
        self.incidents.get(id)
    }

    /// What a count could show at an instant, so that nobody takes silence for health. Shares are not asked: they
    /// depend on how many mails come.
    #[must_use]
    pub fn sight(&self, insurer: &InsurerId, measure: Measure, at: Timestamp) -> Sight {
        let hour = local(at).hour;
        self.series.get(&(insurer.clone(), measure)).map_or_else(
            || Baseline::new().sight(hour, SLOT_MINUTES),
            |series| series.baseline().sight(hour, SLOT_MINUTES),
        )
    }

    fn minute(
        &mut self,
        insurer: InsurerId,
        measure: Measure,
        minute: Minute,
        now: Timestamp,
    ) -> Vec<Effect> {
        let cell = match cell_of(&insurer, measure) {
            Ok(cell) if self.roll.has_cell(&cell) => cell,
            Ok(cell) => return refuse(Refusal::UnknownCell(cell)),
            Err(bad) => return refuse(bad.into()),
        };
        if minute.at.since(now).0 > 60 {
            return refuse(Refusal::FutureMinute {
                insurer,
                at: minute.at,
            });
        }
        if matches!(minute.seen, Seen::Share { .. }) != measure.is_share() {
            return refuse(Refusal::OtherMeasure { measure });
        }
        let touched = BTreeSet::from([Touched::Cell(cell.clone())]);
        let lesson = self.lesson(&cell);
        let key = (insurer, measure);
        let series = self
            .series
            .entry(key.clone())
            .or_insert_with(|| Series::new(measure, Baseline::new()));
        if series
            .last()
            .is_some_and(|last| minute.at.0.div_euclid(60) <= last.0.div_euclid(60))
        {
            return refuse(Refusal::OldMinute {
                insurer: key.0,
                at: minute.at,
            });
        }
        match series.take(minute, lesson, &self.holidays) {
            None => Vec::new(),
            Some(Turn::Settled) => {
                let Some(signal) = self.raised.remove(&key) else {
                    return Vec::new();
                };
                for incident in self.incidents.values_mut() {
                    incident.settle(&signal, now);
                }
                vec![Effect::Settled { signal }]
            }
            Some(Turn::Raised(raised)) => match say::measure(&key.0, measure, &raised, touched, now) {
                Ok(signal) => {
                    self.raised.insert(key, signal.id.clone());
                    self.see(signal, now)
                }
                Err(bad) => refuse(bad.into()),
            },
        }
    }

    /// What happens under an incident is not usual.
    fn lesson(&self, cell: &CellId) -> Lesson {
        let covered = self
            .incidents
            .values()
            .any(|incident| incident.state() == IncidentState::Open && incident.covers(cell, &self.roll));
        if covered { Lesson::Skip } else { Lesson::Learn }
    }

    fn finding(&mut self, finding: Finding, now: Timestamp) -> Vec<Effect> {
        let severity = self.in_company(&finding, now);
        if severity < FINDING_MIN {
            return Vec::new();
        }
        match say::finding(finding, severity, now) {
            Ok(signal) => self.see(signal, now),
            Err(bad) => refuse(bad.into()),
        }
    }

    /// The severity of a finding, one step worse where the same was seen at another insurer lately.
    fn in_company(&mut self, finding: &Finding, now: Timestamp) -> Severity {
        if finding.severity < FINDING_SEEN_MIN {
            return finding.severity;
        }
        let insurers = self.insurers(&finding.touched);
        if !self.seen.contains_key(&finding.indicator) && self.seen.len() >= SEEN_MAX {
            // The one not seen for longest makes room.
            let oldest = self.seen.iter().min_by_key(|(_, at)| at.values().max().copied());
            if let Some(indicator) = oldest.map(|(indicator, _)| indicator.clone()) {
                self.seen.remove(&indicator);
            }
        }
        let places = self.seen.entry(finding.indicator.clone()).or_default();
        places.retain(|_, at| now.since(*at).0 <= SEEN_SECS);
        places.extend(insurers.into_iter().map(|insurer| (insurer, now)));
        if places.len() > 1 {
            finding.severity.raised()
        } else {
            finding.severity
        }
    }

    fn canary(
        &mut self,
        canary: Canary,
        name: &str,
        touched: BTreeSet<Touched>,
        at: Timestamp,
        evidence: Digest,
        now: Timestamp,
    ) -> Vec<Effect> {
        match say::canary(canary, name, touched, at.min(now), evidence, now) {
            Ok(signal) => self.see(signal, now),
            Err(bad) => refuse(bad.into()),
        }
    }

    fn drift(
        &mut self,
        cell: CellId,
        epoch: Epoch,
        what: &[String],
        at: Timestamp,
        now: Timestamp,
    ) -> Vec<Effect> {
        if !self.roll.has_cell(&cell) {
            return refuse(Refusal::UnknownCell(cell));
        }
        if self.drifts.contains_key(&cell) {
            return Vec::new();
        }
        match say::drift(&cell, epoch, what, at.min(now), now) {
            Ok(signal) => {
                self.drifts.insert(cell, signal.id.clone());
                self.see(signal, now)
            }
            Err(bad) => refuse(bad.into()),
        }
    }

    fn drift_over(&mut self, cell: &CellId, now: Timestamp) -> Vec<Effect> {
        let Some(signal) = self.drifts.remove(cell) else {
            return Vec::new();
        };
        for incident in self.incidents.values_mut() {
            incident.settle(&signal, now);
        }
        vec![Effect::Settled { signal }]
    }

    fn expect(
        &mut self,
        source: SourceName,
        within: Seconds,
        touched: BTreeSet<Touched>,
        now: Timestamp,
    ) -> Vec<Effect> {
        if !self.sources.contains_key(&source) && self.sources.len() >= SOURCES_MAX {
            return refuse(Refusal::TooManySources(source));
        }
        let heard = self.sources.get(&source).map_or(now, |known| known.heard);
        self.sources.insert(
            source,
            Source {
                within,
                touched,
                heard,
                told: false,
            },
        );
        Vec::new()
    }

    fn heard(&mut self, source: SourceName, now: Timestamp) -> Vec<Effect> {
        let Some(known) = self.sources.get_mut(&source) else {
            return refuse(Refusal::UnknownSource(source));
        };
        known.heard = known.heard.max(now);
        known.told = false;
        Vec::new()
    }

    fn tick(&mut self, now: Timestamp) -> Vec<Effect> {
        self.forget_old(now);
        let mut silent = Vec::new();
        for (name, source) in &mut self.sources {
            let silence = now.since(source.heard);
            if !source.told && silence > source.within {
                source.told = true;
                silent.push(say::silence(name, source.heard, &source.touched, now));
            }
        }
        silent
            .into_iter()
            .flat_map(|signal| match signal {
                Ok(signal) => self.see(signal, now),
                Err(bad) => refuse(bad.into()),
            })
            .collect()
    }

    /// The insurers whose cells something touches.
    fn insurers(&self, touched: &BTreeSet<Touched>) -> BTreeSet<InsurerId> {
        touched
            .iter()
            .flat_map(|touched| self.roll.cells(touched))
            .map(|(cell, _)| cell.insurer.clone())
            .collect()
    }
}

fn cell_of(insurer: &InsurerId, measure: Measure) -> Result<CellId, BadId> {
    Ok(CellId {
        insurer: insurer.clone(),
        service: ServiceId::new(measure.service())?,
    })
}

fn refuse(refusal: Refusal) -> Vec<Effect> {
    vec![Effect::Refused(refusal)]
}

/// What an event means. Total: every state and event has an answer, and the same give the same.
#[must_use]
pub fn decide(mut state: Watch, event: Event, now: Timestamp) -> (Watch, Vec<Effect>) {
    let effects = match event {
        Event::Minute {
            insurer,
            measure,
            minute,
        } => state.minute(insurer, measure, minute, now),
        Event::Finding(finding) => state.finding(*finding, now),
        Event::CanaryTouched {
            canary,
            name,
            touched,
            at,
            evidence,
        } => state.canary(canary, &name, touched, at, evidence, now),
        Event::Drift {
            cell,
            epoch,
            what,
            at,
        } => state.drift(cell, epoch, &what, at, now),
        Event::DriftOver { cell } => state.drift_over(&cell, now),
        Event::Expect {
            source,
            within,
            touched,
        } => state.expect(source, within, touched, now),
        Event::Heard { source } => state.heard(source, now),
        Event::Explained {
            signal,
            by,
            meaning,
            because,
        } => state.explained(&signal, by, meaning, &because, now),
        Event::Tick => state.tick(now),
    };
    (state, effects)
}
