//! Driving the return: the restoration room decides what to do next, on a timer and at every piece of news, and what it
//! says becomes drafts for people to sign, words about incidents, and the list of next steps. Nothing in here opens or shuts
//! a door: a draft is bytes without a signature.
//!
//! The same facts give the same draft, byte for byte: the moment it is dated to is that of the newest fact it rests on. So a
//! draft that somebody dropped stays dropped, and a control room that begins anew proposes nothing twice.

use std::collections::{BTreeMap, BTreeSet};

use clearance::Authority;
use console::SILENCE_LIMIT;
use estate::Estate;
use evidence::{
    Door, Picture, RoomEntry,
    room::{DraftProposed, IncidentUpdated},
};
use order::{Act, Authenticated, Becomes, Body, Closing, DoorOpening, Opening, Part, Stance, Text, Uses};
use restoration::{
    Plan, Situation,
    environment::State,
    plan::Under,
    run::{ClosingBecause, Effect, Progress, decide},
    situation::{RootId, RootState},
};
use vocabulary::{CellId, Class, DoorId, Envelope, Scope, Seconds, Selector, StatementId, Timestamp};

use super::situation::door_facts;

/// A root that nobody cut off is taken as fallen only when it was not measured for so long: a prober that begins anew, or a
/// door that changes, is no reason to shut anything.
const STEADY: Seconds = Seconds(60);
/// How long a proposed opening can be used.
const GOOD_FOR: Seconds = Seconds(3 * 86_400);
/// A draft is dated to its facts, but never further back than this.
const DATED_BACK_MAX: Seconds = Seconds(86_400);
/// Most entries one look adds; the next look goes on.
const ENTRIES_MAX: usize = 256;

/// The run of the return, kept between looks. Lost with the process, and made anew from the journal.
#[derive(Default)]
pub struct Drive {
    adopted: Option<(Plan, Progress)>,
    /// Since when roots that were up are not measured any more.
    down: BTreeMap<RootId, Timestamp>,
    up: BTreeSet<RootId>,
}

impl Drive {
    /// What to do next. `fresh` is the plan as it would be made now; it is adopted when the one that is followed no longer
    /// says what to do.
    pub fn step(&mut self, estate: &Estate, fresh: &Plan, mut facts: Situation) -> Vec<Effect> {
        self.steady(&mut facts);
        let (plan, progress) = self
            .adopted
            .take()
            .unwrap_or_else(|| (fresh.clone(), Progress::begin(fresh)));
        let decision = decide(estate, &plan, progress, &facts);
        let is_over = decision
            .effects
            .iter()
            .any(|effect| matches!(effect, Effect::Replan { .. }));
        self.adopted = Some(if is_over {
            (fresh.clone(), decision.progress.carried_over(fresh))
        } else {
            (plan, decision.progress)
        });
        decision.effects
    }

    /// Takes a root that was up a moment ago as up, unless people cut its environment off.
    fn steady(&mut self, facts: &mut Situation) {
        let Situation {
            now,
            roots,
            environments,
            ..
        } = facts;
        for (id, root) in roots.iter_mut() {
            let cut = environments
                .get(&root.environment)
                .is_some_and(|home| matches!(home.state, State::Contained | State::UnderExamination));
            match root.state {
                RootState::Up => {
                    self.up.insert(id.clone());
                    self.down.remove(id);
                }
                RootState::Down if self.up.contains(id) && !cut => {
                    let since = *self.down.entry(id.clone()).or_insert(*now);
                    if now.since(since) < STEADY {
                        root.state = RootState::Up;
                    } else {
                        self.up.remove(id);
                    }
                }
                RootState::Down | RootState::Failed { .. } => {
                    self.up.remove(id);
                }
            }
        }
    }
}

/// What the journal has to say because of these effects and does not say yet.
#[must_use]
pub fn entries(estate: &Estate, picture: &Picture, effects: &[Effect], now: Timestamp) -> Vec<RoomEntry> {
    let Some(authority) = picture.authority() else {
        return Vec::new();
    };
    if effects.is_empty() {
        return Vec::new();
    }
    let drafts = || {
        picture
            .people()
            .drafts
            .values()
            .map(|written| &written.body.draft)
    };
    let desk = Desk {
        estate,
        picture,
        authority,
        now,
        openings: drafts().filter_map(|draft| Opening::read(draft).ok()).collect(),
        closings: drafts().filter_map(|draft| Closing::read(draft).ok()).collect(),
    };
    let mut entries = Vec::new();
    for effect in effects {
        match effect {
            Effect::ProposeOpening { cells, under, .. } | Effect::AskConsent { cells, under, .. } => {
                entries.extend(desk.opening(cells, under).and_then(|body| desk.propose(&body)));
            }
            Effect::ProposeClosing { cells, because } => {
                entries.extend(desk.closing(cells, because).and_then(|body| desk.propose(&body)));
                desk.note(cells, effect, &mut entries);
            }
            Effect::AnnounceReshut { cells, .. } => desk.note(cells, effect, &mut entries),
            // Shown as next steps; there is nothing to sign and nothing to remember.
            Effect::StartRoot { .. }
            | Effect::AskUserTest { .. }
            | Effect::SwitchBack { .. }
            | Effect::AskEnd { .. }
            | Effect::Replan { .. } => {}
        }
    }
    entries.truncate(ENTRIES_MAX);
    entries
}

struct Desk<'a> {
    estate: &'a Estate,
    picture: &'a Picture,
    authority: &'a Authority,
    now: Timestamp,
    /// What lies on desks to be signed.
    openings: Vec<Opening>,
    closings: Vec<Closing>,
}

impl Desk<'_> {
    /// An opening of those of the cells whose doors could carry it out as they stand, and for which nobody has proposed or
    /// ordered one yet.
    fn opening(&self, cells: &BTreeSet<CellId>, under: &Under) -> Option<Opening> {
        let (clearance, becomes) = match under {
            Under::Full { clearance } => (*clearance, Becomes::Open),
            Under::Limited { clearance, until } => (*clearance, Becomes::Limited { until: *until }),
        };
        let known = self.picture.statements().clearances.get(&clearance)?;
        let doors: Vec<(&DoorId, &Door)> = self
            .doors_of(cells)
            .filter(|(id, door)| self.can_be_named(id, door) && !self.is_proposed(id, door, &becomes))
            .collect();
        let newest = doors.iter().map(|(_, door)| door.since).max()?.max(known.at);
        let issued = self.dated(newest);
        let short = clearance.0.short();
        let mut body = Opening {
            estate: self.estate.id().clone(),
            doors: doors
                .iter()
                .map(|(id, door)| DoorOpening {
                    door: (*id).clone(),
                    epoch: door.epoch,
                    lifts: door.restrictions.keys().copied().collect(),
                })
                .collect(),
            becomes,
            clearances: BTreeSet::from([clearance]),
            reason: text(&format!(
                "Wiederanlauf nach Freigabe {short} (vom Leitstand vorgeschlagen) / return after clearance {short} (proposed by the control room)"
            ))?,
            issued,
            expires: issued.plus(GOOD_FOR),
        };
        // What would be refused for another reason than that it is not signed yet is not proposed.
        let envelope = body.draft().ok()?;
        let asked = Authenticated::<Opening>::verify(&envelope).ok()?;
        body.doors
            .retain(|entry| self.lacks_only_people(&asked, &entry.door));
        (!body.doors.is_empty()).then_some(body)
    }

    fn doors_of<'a>(&'a self, cells: &'a BTreeSet<CellId>) -> impl Iterator<Item = (&'a DoorId, &'a Door)> {
        let doors = self.picture.doors().iter();
        doors
            .filter(|(id, _)| cells.contains(id.cell()))
            .map(|(id, door)| (id, &**door))
    }

    /// Whether what is known of a door will still be so when people have signed.
    fn can_be_named(&self, id: &DoorId, door: &Door) -> bool {
        !door.restrictions.is_empty()
            && door.fresh
            && door.ordered.is_empty()
            && self.picture.doubts(id).next().is_none()
            && self.picture.unreached(id, self.now, SILENCE_LIMIT).is_none()
    }

    /// Whether an opening of this door as it stands lies on a desk or in the log already.
    fn is_proposed(&self, id: &DoorId, door: &Door, becomes: &Becomes) -> bool {
        let same = |body: &Opening| {
            let fits = body.at(id).is_some_and(|named| named.epoch == door.epoch);
            fits && body.becomes == *becomes && body.expires > self.now
        };
        let logged = self.picture.statements().openings.values();
        let mut all = logged.map(|signed| &*signed.body).chain(&self.openings);
        all.any(same)
    }

    fn lacks_only_people(&self, asked: &Authenticated<Opening>, door: &DoorId) -> bool {
        let Some(facts) = door_facts(self.picture, door) else {
            return false;
        };
        let forecast = self.authority.forecast(asked, &facts, self.now);
        forecast.missing.iter().all(is_for_people)
    }

    /// A closing of cells that must not go on. Environments that were cut off again are shut by whoever cut them: that is
    /// shown, and not drafted a second time.
    fn closing(&self, cells: &BTreeSet<CellId>, because: &ClosingBecause) -> Option<Closing> {
        let (at, class) = match because {
            ClosingBecause::Contained { .. } => return None,
            ClosingBecause::LimitOver { at } => (*at, Class::Containment),
            ClosingBecause::Withdrawn { clearance } => (self.withdrawn(*clearance)?, Class::Containment),
            ClosingBecause::Asked { .. }
            | ClosingBecause::Failed { .. }
            | ClosingBecause::RootFell { .. } => (self.newest_change(cells), Class::Precautionary),
        };
        let scope = scope(cells);
        if self.is_shutting(&scope) {
            return None;
        }
        let words = because.words();
        Some(Closing {
            estate: self.estate.id().clone(),
            scope,
            act: Act::Tighten {
                stance: Stance::Contain,
                class,
                drain: None,
            },
            uses: Uses::Once,
            signal: None,
            reason: text(&format!(
                "Wiederabschaltung vom Leitstand vorgeschlagen: {} / re-shutdown proposed by the control room: {}",
                words.de, words.en
            ))?,
            issued: self.dated(at),
        })
    }

    fn withdrawn(&self, clearance: StatementId) -> Option<Timestamp> {
        let known = self.picture.statements().clearances.get(&clearance)?;
        let taken = known.taken_back.iter().map(|taken| taken.at).min();
        Some(taken.unwrap_or(known.at))
    }

    fn newest_change(&self, cells: &BTreeSet<CellId>) -> Timestamp {
        let changed = self.doors_of(cells).map(|(_, door)| door.since).max();
        changed.unwrap_or(self.now)
    }

    /// Whether a closing of just this lies on a desk already.
    fn is_shutting(&self, scope: &Scope) -> bool {
        let mut drafted = self.closings.iter();
        drafted.any(|body| body.scope == *scope && matches!(body.act, Act::Tighten { .. }))
    }

    /// The moment of a fact, and not too long ago: then the beginning of the day, so that a new one comes once a day.
    fn dated(&self, newest: Timestamp) -> Timestamp {
        let newest = newest.min(self.now);
        if self.now.since(newest) < DATED_BACK_MAX {
            newest
        } else {
            Timestamp(self.now.0 - self.now.0.rem_euclid(86_400)).max(newest)
        }
    }

    /// The draft for people to sign, unless it was proposed, dropped or signed before.
    fn propose<T: Body>(&self, body: &T) -> Option<RoomEntry> {
        let draft: Envelope = body.draft().ok()?;
        let (people, id) = (self.picture.people(), draft.id());
        let known = people.drafts.contains_key(&id)
            || people.dropped.contains_key(&id)
            || self.picture.statements().all.contains_key(&id);
        (!known).then(|| DraftProposed { by: None, draft }.into())
    }

    /// One word about each incident that goes on and reaches these cells, once.
    fn note(&self, cells: &BTreeSet<CellId>, effect: &Effect, entries: &mut Vec<RoomEntry>) {
        let count = cells.len();
        let short = format!(
            "Wiederanlauf: ein Schritt für {count} Zellen, siehe Plan. / Return: a step for {count} cells, see the plan."
        );
        let said = text(&effect.to_string()).or_else(|| text(&short));
        let Some(text) = said else {
            return;
        };
        for (id, incident) in &self.picture.people().incidents {
            let reaches = self
                .doors_of(cells)
                .any(|(_, door)| incident.scope.covers(&door.place));
            let said = incident.updates.iter().any(|(_, _, said)| *said == text);
            if incident.closed.is_none() && reaches && !said {
                let note = IncidentUpdated {
                    by: None,
                    incident: id.clone(),
                    text: text.clone(),
                    scope: None,
                    signals: BTreeSet::new(),
                };
                entries.push(note.into());
            }
        }
    }
}

/// Whether a lack is one that signatures under the draft and the insurer's yes will fill.
fn is_for_people(lack: &clearance::Refused) -> bool {
    use clearance::Refused;
    let parts = if let Refused::Missing(missing) | Refused::Order(order::Refused::Missing(missing)) = lack {
        std::slice::from_ref(missing)
    } else if let Refused::Several(parts) = lack {
        parts.parts()
    } else {
        return false;
    };
    parts
        .iter()
        .all(|missing| matches!(missing.part, Part::Commander | Part::Consent(_)))
}

/// Exactly these cells.
fn scope(cells: &BTreeSet<CellId>) -> Scope {
    let mut services: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for cell in cells {
        services
            .entry(cell.insurer.clone())
            .or_default()
            .insert(cell.service.clone());
    }
    let selectors = services.into_iter().map(|(insurer, services)| Selector {
        sites: None,
        insurers: Some(BTreeSet::from([insurer])),
        services: Some(services),
    });
    Scope(selectors.collect())
}

fn text(words: &str) -> Option<Text> {
    Text::new(words).ok()
}
