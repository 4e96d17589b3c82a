//! What we believe is going wrong: signals that belong together, and the part of the estate they point at.
//!
//! - **Belongs together:** the same indicator as an open incident, however late; or the same insurer within
//!   [`CORRELATION_SECS`]. A signal that belongs to two incidents joins them.
//! - **Grows** with each signal. The scope is the union of what its unexplained signals point at.
//! - **Shrinks** when a person explains a signal. A symptom that goes away is noted and shrinks nothing: an attacker
//!   who is quiet is still there.
//! - **Closes** when its last signal is explained.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

use vocabulary::{
    BadId, CellId, Digest, IncidentId, InsurerId, PersonId, Scope, ServiceId, SignalId, SiteId, Timestamp,
};

use crate::{
    roll::Roll,
    signal::{Indicator, Kind, Severity, Signal, Touched, short},
    text::{Sentence, listed},
};

/// Signals of one insurer within this span belong together.
pub const CORRELATION_SECS: u64 = 7200;
/// At so many insurers of one site the same indicator speaks for a shared cause.
pub const SHARED_CAUSE_INSURERS: usize = 3;
/// Signals an incident keeps; of further ones it keeps where they point and their number.
const SIGNALS_MAX: usize = 512;
/// Digests, hosts and unknown names kept per signal; further sightings are counted.
const KEPT_MAX: usize = 32;
/// Characters kept of an explanation.
pub(crate) const BECAUSE_CHARS: usize = 500;

/// What a person says a signal was.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Meaning {
    /// Nothing was wrong.
    FalseAlarm,
    /// Our own planned work.
    PlannedWork,
    /// Business has changed for good: the baseline of the measure is forgotten and learned anew.
    NewNormal,
}

/// A signal explained by a person.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Explanation {
    /// Who says so.
    pub by: PersonId,
    /// What it was.
    pub meaning: Meaning,
    /// Why.
    pub because: String,
    /// When.
    pub at: Timestamp,
}

/// A signal inside an incident.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sighting {
    /// The signal.
    pub signal: Signal,
    /// How often the same was seen again.
    pub again: u64,
    /// When a business measure was usual again. Says nothing about the cause.
    pub settled: Option<Timestamp>,
    /// Who explained it.
    pub explained: Option<Explanation>,
}

/// Whether anybody still has to look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IncidentState {
    /// At least one signal is unexplained.
    Open,
    /// Every signal is explained.
    Closed(Timestamp),
}

/// What we believe is going wrong.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Incident {
    id: IncidentId,
    opened: Timestamp,
    latest: Timestamp,
    signals: BTreeMap<SignalId, Sighting>,
    /// Signals beyond the bound, and where they point. Nobody can explain these one by one, so they keep it open.
    more: u64,
    more_touched: BTreeSet<Touched>,
    state: IncidentState,
}

impl Incident {
    pub(crate) fn open(signal: Signal, now: Timestamp) -> Result<Self, BadId> {
        Ok(Self {
            id: IncidentId::new(&short("i", signal.id.as_str().as_bytes()))?,
            opened: now,
            latest: now,
            signals: BTreeMap::from([(signal.id.clone(), Sighting::of(signal))]),
            more: 0,
            more_touched: BTreeSet::new(),
            state: IncidentState::Open,
        })
    }

    /// Its name: derived from its first signal's.
    #[must_use]
    pub const fn id(&self) -> &IncidentId {
        &self.id
    }

    /// When it was opened.
    #[must_use]
    pub const fn opened(&self) -> Timestamp {
        self.opened
    }

    /// When it last grew.
    #[must_use]
    pub const fn latest(&self) -> Timestamp {
        self.latest
    }

    /// Whether anybody still has to look.
    #[must_use]
    pub const fn state(&self) -> IncidentState {
        self.state
    }

    /// Its signals, explained or not.
    #[must_use]
    pub const fn signals(&self) -> &BTreeMap<SignalId, Sighting> {
        &self.signals
    }

    /// Signals beyond the bound, which are counted and not kept.
    #[must_use]
    pub const fn more(&self) -> u64 {
        self.more
    }

    /// Signals nobody explained.
    pub fn unexplained(&self) -> impl Iterator<Item = &Signal> {
        self.signals
            .values()
            .filter(|sighting| sighting.explained.is_none())
            .map(|sighting| &sighting.signal)
    }

    /// How bad: the worst unexplained signal, one step worse where one indicator was seen at several insurers.
    #[must_use]
    pub fn severity(&self) -> Severity {
        let worst = self
            .unexplained()
            .map(|signal| signal.severity)
            .max()
            .unwrap_or(Severity::Info);
        if self.spread().values().any(|insurers| insurers.len() > 1) {
            worst.raised()
        } else {
            worst
        }
    }

    /// At which insurers each unexplained indicator was seen.
    #[must_use]
    pub fn spread(&self) -> BTreeMap<Indicator, BTreeSet<InsurerId>> {
        let mut spread: BTreeMap<Indicator, BTreeSet<InsurerId>> = BTreeMap::new();
        for signal in self.unexplained() {
            let insurers = signal.touched.iter().filter_map(Touched::insurer).cloned();
            spread
                .entry(signal.indicator.clone())
                .or_default()
                .extend(insurers);
        }
        spread
    }

    /// Where its unexplained signals point.
    #[must_use]
    pub fn touched(&self) -> BTreeSet<Touched> {
        self.pointing().cloned().collect()
    }

    /// Whether a cell is among them.
    pub(crate) fn covers(&self, cell: &CellId, roll: &Roll) -> bool {
        self.pointing().any(|touched| roll.touches(touched, cell))
    }

    fn pointing(&self) -> impl Iterator<Item = &Touched> {
        let kept = self.unexplained().flat_map(|signal| &signal.touched);
        kept.chain(&self.more_touched)
    }

    /// The cells they point at.
    #[must_use]
    pub fn cells(&self, roll: &Roll) -> BTreeSet<CellId> {
        let mut cells = BTreeSet::new();
        for touched in &self.touched() {
            cells.extend(roll.cells(touched).map(|(cell, _)| cell.clone()));
        }
        cells
    }

    /// The scope it proposes: exactly [`cells`](Self::cells). Empty when nothing it names is known to the estate.
    #[must_use]
    pub fn scope(&self, roll: &Roll) -> Scope {
        roll.scope_of(&self.cells(roll))
    }

    /// Cells that show nothing yet, but share service and site with at least [`SHARED_CAUSE_INSURERS`] insurers that show
    /// the same indicator of a business measure: the cause may be shared, and at night a small insurer has too little
    /// business to show anything. For people to look at and decide; no standing order is proposed for them.
    #[must_use]
    pub fn suspects(&self, roll: &Roll) -> BTreeSet<CellId> {
        let mut showing: BTreeMap<(&Indicator, &SiteId, &ServiceId), BTreeSet<&InsurerId>> = BTreeMap::new();
        for signal in self.unexplained().filter(|signal| signal.kind.is_business()) {
            for (cell, site) in signal.touched.iter().flat_map(|touched| roll.cells(touched)) {
                showing
                    .entry((&signal.indicator, site, &cell.service))
                    .or_default()
                    .insert(&cell.insurer);
            }
        }
        let mut suspects = BTreeSet::new();
        for ((_, site, service), insurers) in showing {
            if insurers.len() >= SHARED_CAUSE_INSURERS {
                let all = Touched::Service {
                    site: site.clone(),
                    service: service.clone(),
                };
                suspects.extend(roll.cells(&all).map(|(cell, _)| cell.clone()));
            }
        }
        suspects.difference(&self.cells(roll)).cloned().collect()
    }

    /// Names and addresses the estate does not know.
    #[must_use]
    pub fn unmatched(&self) -> BTreeSet<&str> {
        self.unexplained()
            .flat_map(|signal| &signal.unmatched)
            .map(String::as_str)
            .collect()
    }

    /// Digests of what its unexplained signals were read from.
    #[must_use]
    pub fn evidence(&self) -> BTreeSet<Digest> {
        self.unexplained()
            .flat_map(|signal| &signal.evidence)
            .copied()
            .collect()
    }

    /// What it is, in one sentence.
    #[must_use]
    pub fn sentence(&self, roll: &Roll) -> Sentence {
        let cells = self.cells(roll);
        let insurers: BTreeSet<&InsurerId> = cells.iter().map(|cell| &cell.insurer).collect();
        let signals = u64::try_from(self.unexplained().count())
            .unwrap_or(u64::MAX)
            .saturating_add(self.more);
        let kinds: BTreeSet<&str> = self.unexplained().map(|signal| signal.kind.slug()).collect();
        let kinds: Vec<&str> = kinds.into_iter().collect();
        let (de, en) = self.severity().in_words();
        let names = |more| listed(insurers.iter().map(|insurer| insurer.as_str()), 5, more);
        let unmatched = self.unmatched().len();
        let suspects = self.suspects(roll).len();
        if let IncidentState::Closed(at) = self.state {
            return Sentence::new(
                format!("Vorfall {}: alle Signale erklärt, geschlossen {at}.", self.id),
                format!("Incident {}: every signal explained, closed {at}.", self.id),
            );
        }
        Sentence::new(
            format!(
                "Vorfall {}, Schwere {de}, seit {}: {signals} Signale ({}), {} Kassen ({}), {} Zellen vorgeschlagen, {suspects} stille Zellen mit wohl gleicher Ursache, {unmatched} unbekannte Namen.",
                self.id,
                self.opened,
                kinds.join(", "),
                insurers.len(),
                names("und weitere"),
                cells.len(),
            ),
            format!(
                "Incident {}, severity {en}, since {}: {signals} signals ({}), {} insurers ({}), {} cells proposed, {suspects} quiet cells that may share the cause, {unmatched} unknown names.",
                self.id,
                self.opened,
                kinds.join(", "),
                insurers.len(),
                names("and further"),
                cells.len(),
            ),
        )
    }

    /// Whether a signal belongs here.
    pub(crate) fn belongs(&self, signal: &Signal, insurers: &BTreeSet<InsurerId>, roll: &Roll) -> bool {
        if self.state != IncidentState::Open {
            return false;
        }
        if self.unexplained().any(|mine| mine.indicator == signal.indicator) {
            return true;
        }
        let near = signal.seen.since(self.latest).0 <= CORRELATION_SECS;
        near && self.pointing().any(|touched| roll.touches_any(touched, insurers))
    }

    /// The known signal that a new one only repeats: same indicator, nowhere new, and not worse. Business measures, silence
    /// and drift tell changes only, so theirs never repeat. What an engine goes on saying after it was explained stays
    /// explained, except the worst; a canary is news again.
    pub(crate) fn repeated_by(&self, signal: &Signal) -> Option<SignalId> {
        // The very same, delivered again: a name is derived from what a signal says.
        if self.signals.contains_key(&signal.id) {
            return Some(signal.id.clone());
        }
        let goes_on = match signal.kind {
            Kind::EauRate
            | Kind::ErrorShare
            | Kind::KeyErrors
            | Kind::PaymentVolume
            | Kind::Silence
            | Kind::Drift => return None,
            Kind::Canary => false,
            Kind::Suricata | Kind::Wazuh => signal.severity < Severity::Critical,
        };
        self.signals
            .values()
            .find(|sighting| {
                let known = &sighting.signal;
                known.indicator == signal.indicator
                    && signal.touched.is_subset(&known.touched)
                    && signal.severity <= known.severity
                    && (sighting.explained.is_none() || goes_on)
            })
            .map(|sighting| sighting.signal.id.clone())
    }

    /// Counts a repetition and keeps what is new of it, within bounds; gives the new count.
    pub(crate) fn again(&mut self, known: &SignalId, signal: Signal) -> u64 {
        let Some(sighting) = self.signals.get_mut(known) else {
            return 0;
        };
        sighting.again = sighting.again.saturating_add(1);
        let known = &mut sighting.signal;
        merge(&mut known.evidence, signal.evidence);
        merge(&mut known.unmatched, signal.unmatched);
        merge(&mut known.hosts, signal.hosts);
        sighting.again
    }

    pub(crate) fn add(&mut self, signal: Signal, now: Timestamp) {
        self.latest = self.latest.max(now);
        self.keep(Sighting::of(signal));
    }

    fn keep(&mut self, sighting: Sighting) {
        if self.signals.len() < SIGNALS_MAX {
            self.signals.entry(sighting.signal.id.clone()).or_insert(sighting);
        } else if sighting.explained.is_none() {
            self.more = self.more.saturating_add(1);
            self.more_touched.extend(sighting.signal.touched);
        }
    }

    /// Takes over everything of a younger incident.
    pub(crate) fn join(&mut self, other: Self) {
        self.opened = self.opened.min(other.opened);
        self.latest = self.latest.max(other.latest);
        self.more = self.more.saturating_add(other.more);
        self.more_touched.extend(other.more_touched);
        for sighting in other.signals.into_values() {
            self.keep(sighting);
        }
    }

    pub(crate) fn settle(&mut self, signal: &SignalId, now: Timestamp) {
        if let Some(sighting) = self.signals.get_mut(signal) {
            sighting.settled = Some(now);
        }
    }

    /// Explains one signal; whether that was news. The first explanation stays.
    pub(crate) fn explain(&mut self, signal: &SignalId, explanation: Explanation) -> bool {
        let now = explanation.at;
        let Some(sighting) = self.signals.get_mut(signal) else {
            return false;
        };
        if sighting.explained.is_some() {
            return false;
        }
        sighting.explained = Some(explanation);
        if self.more == 0 && self.unexplained().next().is_none() {
            self.state = IncidentState::Closed(now);
        }
        true
    }
}

/// Takes over what is new while there is room.
fn merge<T: Ord>(kept: &mut BTreeSet<T>, more: BTreeSet<T>) {
    for one in more {
        if kept.len() >= KEPT_MAX {
            return;
        }
        kept.insert(one);
    }
}

impl Sighting {
    const fn of(signal: Signal) -> Self {
        Self {
            signal,
            again: 0,
            settled: None,
            explained: None,
        }
    }
}
