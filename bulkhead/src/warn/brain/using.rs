//! Standing orders: what the warning room proposes is asked of the doors that guard the scope, and nothing else is. Each
//! use is on disk before it is asked, so that it is the same use when it is asked again.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU32,
};

use order::{StandingUse, UseNumber};
use vocabulary::{CellId, IncidentId, Position as DoorPosition, Seconds, StatementId, Timestamp};
use warning::{
    IncidentState,
    promises::warn_1,
    standing::{Proposal, Stance, StandingFacts, Use, Why, propose},
};

use super::{Answer, Brain, Input};
use crate::warn::{
    houses::{self, Facts, House},
    keep::{Pending, USES_MAX},
    say,
    wire::Order,
};

/// A use that not every door process answered within this time is given up: people have long decided.
const GIVE_UP: Seconds = Seconds(3_600);

/// What is under way.
#[derive(Default)]
pub(super) struct Using {
    /// Incidents facts were asked for; one that grew meanwhile is asked for again.
    asking: BTreeMap<IncidentId, bool>,
    /// Uses that are being asked.
    sending: BTreeSet<(StatementId, UseNumber)>,
    /// What people were told last, by incident.
    told: BTreeMap<IncidentId, String>,
}

impl Brain {
    /// Asks everybody what must be known before an order may be used for an incident.
    pub(super) fn ask_for_facts(&mut self, incident: IncidentId) {
        if let Some(again) = self.using.asking.get_mut(&incident) {
            *again = true;
            return;
        }
        self.using.asking.insert(incident.clone(), false);
        let (houses, control) = (self.around.houses.clone(), self.around.control.clone());
        let (last_known, inputs) = (self.kept.orders.clone(), self.around.inputs.clone());
        tokio::spawn(async move {
            let facts = Box::new(houses::gather(&houses, &control, last_known).await);
            // Nobody hears it when the process ends; the incident is asked about again when it grows.
            drop(inputs.send(Input::Facts { incident, facts }).await);
        });
    }

    pub(super) fn facts(&mut self, id: &IncidentId, facts: &Facts, now: Timestamp) {
        if self.using.asking.remove(id) == Some(true) {
            self.ask_for_facts(id.clone());
            return;
        }
        let roll = self.around.roll.clone();
        let Some(incident) = self.watch().and_then(|watch| watch.incident(id)) else {
            return;
        };
        if incident.state() != IncidentState::Open {
            return;
        }
        let orders: Vec<StandingFacts> = facts
            .orders
            .iter()
            .map(|order| self.standing_facts(order, facts))
            .collect();
        let restricted = restricted(facts);
        let proposals = propose(incident, &orders, &roll, &restricted, now);
        if let Err(broken) = warn_1(&proposals, incident, &orders, &roll, &restricted, now) {
            // The doors would refuse it as well; people hear of it here.
            tracing::error!(%broken, "a proposal is not used");
            let note = say::note(
                id,
                "Ein Vorschlag war in sich falsch und wird nicht benutzt. Menschen müssen entscheiden.",
                "A proposal was wrong in itself and is not used. People must decide.",
            );
            note.into_iter().for_each(|note| self.say(note));
            return;
        }
        for proposal in proposals {
            match proposal {
                Proposal::Use(used) => self.begin_use(id, &used, facts, now),
                Proposal::AskPeople { cells, why } => self.ask_people(id, &cells, &why),
            }
        }
        self.try_uses(now);
    }

    /// A use under way counts as a use: the doors may have carried it out already.
    fn standing_facts(&self, order: &Order, facts: &Facts) -> StandingFacts {
        let mut used = facts.uses.get(&order.id).cloned().unwrap_or_default();
        for pending in self.pending(order.id) {
            used.entry(pending.asked.number).or_insert(pending.asked.at);
        }
        StandingFacts {
            id: order.id,
            scope: order.body.scope_max.clone(),
            stance: match order.body.stance {
                order::Stance::Held => Stance::Held,
                order::Stance::Contain => Stance::Contain,
                order::Stance::Shut => Stance::Shut,
            },
            class: order.body.class,
            uses_max: NonZeroU32::from(order.body.rate.uses),
            window: order.body.rate.window,
            detectors: order.body.detectors.clone(),
            expires: order.body.expires,
            used: used.into_values().collect(),
        }
    }

    fn pending(&self, order: StatementId) -> impl Iterator<Item = &Pending> {
        self.kept.uses.iter().filter(move |one| one.asked.order == order)
    }

    fn begin_use(&mut self, incident: &IncidentId, used: &Use, facts: &Facts, now: Timestamp) {
        let Ok(detector) = used.kind.detector() else {
            return;
        };
        let known = facts.uses.get(&used.order).and_then(|uses| uses.last_key_value());
        let known = known.map_or(0, |(number, _)| number.0);
        let under_way = self.pending(used.order).map(|one| one.asked.number.0).max();
        let number = UseNumber(known.max(under_way.unwrap_or(0)).saturating_add(1));
        let left = guarding(&used.cells, facts);
        let id = used.order.0.short();
        if left.is_empty() || self.kept.uses.len() >= USES_MAX {
            let note = say::note(
                incident,
                &format!("Dauerbefehl {id} passt, aber kein Türprozess bewacht diese Zellen."),
                &format!("Standing order {id} fits, but no door process guards these cells."),
            );
            note.into_iter().for_each(|note| self.say(note));
            return;
        }
        self.kept.uses.push(Pending {
            incident: incident.clone(),
            asked: StandingUse {
                order: used.order,
                number,
                scope: used.scope.clone(),
                detector,
                signal: used.signal.clone(),
                at: now,
            },
            left,
        });
        self.is_dirty = true;
    }

    /// Nobody signed in advance for these cells: a commander must decide, and hears why.
    fn ask_people(&mut self, incident: &IncidentId, cells: &BTreeSet<CellId>, why: &[Why]) {
        let (mut de, mut en) = (Vec::new(), Vec::new());
        for reason in why.iter().take(4) {
            let text = reason.to_string();
            let (german, english) = text.split_once(" / ").unwrap_or((&text, &text));
            de.push(german.to_owned());
            en.push(english.to_owned());
        }
        let count = cells.len();
        let de = format!("{count} Zellen: Menschen müssen entscheiden. {}", de.join(" "));
        let en = format!("{count} cells: people must decide. {}", en.join(" "));
        if self.using.told.insert(incident.clone(), de.clone()).as_ref() != Some(&de) {
            say::note(incident, &de, &en)
                .into_iter()
                .for_each(|note| self.say(note));
        }
    }

    /// Asks the doors about every use they have not answered.
    pub(super) fn try_uses(&mut self, now: Timestamp) {
        let is_open = |incident: &IncidentId| {
            let known = self.watch.as_ref().and_then(|watch| watch.incident(incident));
            known.is_some_and(|known| known.state() == IncidentState::Open)
        };
        let (going_on, over): (Vec<_>, Vec<_>) = std::mem::take(&mut self.kept.uses)
            .into_iter()
            .partition(|one| is_open(&one.incident) && now.since(one.asked.at) <= GIVE_UP);
        self.kept.uses = going_on;
        for one in over {
            self.is_dirty = true;
            let names: Vec<&str> = one.left.iter().map(String::as_str).collect();
            let (number, names) = (one.asked.number.0, names.join(", "));
            let id = one.asked.order.0.short();
            let note = say::note(
                &one.incident,
                &format!("Dauerbefehl {id}, Nutzung {number}: aufgegeben, keine Antwort von {names}."),
                &format!("Standing order {id}, use {number}: given up, no answer from {names}."),
            );
            note.into_iter().for_each(|note| self.say(note));
        }
        // On disk before it is asked: asked again after a crash it is the same use. A disk that refuses stops no closing.
        self.keep();
        for one in &self.kept.uses {
            let key = (one.asked.order, one.asked.number);
            if !self.using.sending.insert(key) {
                continue;
            }
            let houses: Vec<House> = self
                .around
                .houses
                .iter()
                .filter(|house| one.left.contains(&house.name))
                .cloned()
                .collect();
            let (asked, inputs) = (one.asked.clone(), self.around.inputs.clone());
            tokio::spawn(async move {
                let (order, number) = (asked.order, asked.number);
                let answers = houses::use_order(houses, asked).await;
                // Nobody hears it when the process ends; then it is asked again.
                let used = Input::Used {
                    order,
                    number,
                    answers,
                };
                drop(inputs.send(used).await);
            });
        }
    }

    pub(super) fn used(&mut self, order: StatementId, number: UseNumber, answers: Vec<(String, Answer)>) {
        self.using.sending.remove(&(order, number));
        let place = self
            .kept
            .uses
            .iter()
            .position(|one| (one.asked.order, one.asked.number) == (order, number));
        let Some(place) = place else { return };
        let mut notes = Vec::new();
        if let Some(one) = self.kept.uses.get_mut(place) {
            for (house, answer) in answers {
                if one.left.remove(&house) {
                    notes.extend(in_words(one, &house, &answer));
                }
            }
            if one.left.is_empty() {
                self.kept.uses.remove(place);
            }
        }
        self.is_dirty = true;
        for note in notes {
            self.say(note);
        }
    }
}

fn in_words(one: &Pending, house: &str, answer: &Answer) -> Option<crate::warn::wire::Saying> {
    let (id, number) = (one.asked.order.0.short(), one.asked.number.0);
    let detector = &one.asked.detector;
    match answer {
        Answer::Done(outcome) => {
            let count = outcome.applied.len();
            say::note(
                &one.incident,
                &format!(
                    "Dauerbefehl {id}, Nutzung {number} durch „{detector}“: {house} hat {count} Türen geschlossen."
                ),
                &format!(
                    "Standing order {id}, use {number} by \"{detector}\": {house} has closed {count} doors."
                ),
            )
        }
        Answer::Refused(sentence) => {
            let (de, en) = sentence.split_once(" / ").unwrap_or((sentence, sentence));
            say::note(
                &one.incident,
                &format!("Dauerbefehl {id}, Nutzung {number}: von {house} abgelehnt. {de}"),
                &format!("Standing order {id}, use {number}: refused by {house}. {en}"),
            )
        }
    }
}

/// Cells whose every known door stands closed already: no use is spent on them.
fn restricted(facts: &Facts) -> BTreeSet<CellId> {
    facts
        .guarded
        .values()
        .flatten()
        .filter(|(_, position)| **position != DoorPosition::Open)
        .map(|(cell, _)| cell.clone())
        .collect()
}

/// The door processes to ask: those that guard any of the cells, and those of which we do not know now.
fn guarding(cells: &BTreeSet<CellId>, facts: &Facts) -> BTreeSet<String> {
    let known = facts
        .guarded
        .iter()
        .filter(|(_, guarded)| guarded.keys().any(|cell| cells.contains(cell)))
        .map(|(house, _)| house.clone());
    known.chain(facts.silent.iter().cloned()).collect()
}
