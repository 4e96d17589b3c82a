//! Where a signal goes: repeated, joined to an incident, or the first of a new one.

use vocabulary::{IncidentId, InsurerId, PersonId, SignalId, Timestamp};

use super::{Effect, Refusal, SEEN_SECS, Watch, refuse};
use crate::{
    incident::{BECAUSE_CHARS, Explanation, Incident, IncidentState, Meaning, Sighting},
    sensor::Measure,
    signal::{Signal, Touched},
    text::clean,
};

/// Open incidents at most: nobody leads more.
const OPEN_MAX: usize = 128;
/// Closed incidents are remembered for so long, so that an explained alert that goes on stays explained.
const CLOSED_SECS: u64 = 86_400;

impl Watch {
    pub(super) fn see(&mut self, signal: Signal, now: Timestamp) -> Vec<Effect> {
        if let Some(again) = self.repeat(&signal) {
            return again;
        }
        let insurers = self.insurers(&signal.touched);
        let mut belonging: Vec<IncidentId> = self
            .incidents
            .values()
            .filter(|incident| incident.belongs(&signal, &insurers, &self.roll))
            .map(|incident| incident.id().clone())
            .collect();
        // The oldest takes the others in.
        belonging.sort_by_key(|id| {
            self.incidents
                .get(id)
                .map(|incident| (incident.opened(), id.clone()))
        });
        let mut effects = vec![Effect::Signal(Box::new(signal.clone()))];
        let mut belonging = belonging.into_iter();
        match belonging.next() {
            None => effects.extend(self.open(signal, now)),
            Some(into) => {
                for from in belonging {
                    effects.extend(self.join(from, &into));
                }
                if let Some(incident) = self.incidents.get_mut(&into) {
                    incident.add(signal, now);
                    effects.push(Effect::Updated(into));
                }
            }
        }
        effects
    }

    fn repeat(&mut self, signal: &Signal) -> Option<Vec<Effect>> {
        let (incident, known) = self
            .incidents
            .values_mut()
            .find_map(|incident| incident.repeated_by(signal).map(|known| (incident, known)))?;
        let again = incident.again(&known, signal.clone());
        let incident = incident.id().clone();
        Some(if again.is_power_of_two() {
            vec![Effect::Again {
                incident,
                signal: known,
                again,
            }]
        } else {
            Vec::new()
        })
    }

    fn open(&mut self, signal: Signal, now: Timestamp) -> Vec<Effect> {
        let open = self
            .incidents
            .values()
            .filter(|incident| incident.state() == IncidentState::Open)
            .count();
        if open >= OPEN_MAX {
            return refuse(Refusal::TooManyIncidents(signal.id));
        }
        match Incident::open(signal, now) {
            Ok(incident) => {
                let told = Effect::Opened(incident.id().clone());
                self.incidents.insert(incident.id().clone(), incident);
                vec![told]
            }
            Err(bad) => refuse(bad.into()),
        }
    }

    fn join(&mut self, from: IncidentId, into: &IncidentId) -> Option<Effect> {
        let younger = self.incidents.remove(&from)?;
        self.incidents.get_mut(into)?.join(younger);
        Some(Effect::Joined {
            from,
            into: into.clone(),
        })
    }

    pub(super) fn explained(
        &mut self,
        signal: &SignalId,
        by: PersonId,
        meaning: Meaning,
        because: &str,
        now: Timestamp,
    ) -> Vec<Effect> {
        let because = clean(because, BECAUSE_CHARS);
        if because.trim().is_empty() {
            return refuse(Refusal::NoReason);
        }
        let Some(incident) = self
            .incidents
            .values_mut()
            .find(|incident| incident.signals().contains_key(signal))
        else {
            return refuse(Refusal::UnknownSignal(signal.clone()));
        };
        if !incident.explain(
            signal,
            Explanation {
                by,
                meaning,
                because,
                at: now,
            },
        ) {
            // Said before.
            return Vec::new();
        }
        let told = match incident.state() {
            IncidentState::Open => Effect::Updated(incident.id().clone()),
            IncidentState::Closed(_) => Effect::Closed(incident.id().clone()),
        };
        if meaning == Meaning::NewNormal {
            self.learn_anew(signal);
        }
        vec![told]
    }

    /// Business has changed for good where a signal points; what was usual is forgotten. Says nothing to findings.
    fn learn_anew(&mut self, signal: &SignalId) {
        let sighting = self
            .incidents
            .values()
            .find_map(|incident| incident.signals().get(signal));
        let Some(Sighting { signal: known, .. }) = sighting else {
            return;
        };
        let measures = Measure::ALL
            .into_iter()
            .filter(|measure| measure.kind() == known.kind);
        let insurers: Vec<&InsurerId> = known.touched.iter().filter_map(Touched::insurer).collect();
        for key in
            measures.flat_map(|measure| insurers.iter().map(move |insurer| ((*insurer).clone(), measure)))
        {
            if let Some(series) = self.series.get_mut(&key) {
                series.forget();
            }
            self.raised.remove(&key);
        }
    }

    pub(super) fn forget_old(&mut self, now: Timestamp) {
        self.incidents.retain(|_, incident| match incident.state() {
            IncidentState::Open => true,
            IncidentState::Closed(at) => now.since(at).0 <= CLOSED_SECS,
        });
        self.seen
            .retain(|_, places| places.values().any(|at| now.since(*at).0 <= SEEN_SECS));
    }
}
