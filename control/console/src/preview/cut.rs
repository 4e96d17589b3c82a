//! A cut before it is signed: who loses what until when, and what it will not reach.

use std::collections::{BTreeMap, BTreeSet};

use estate::{Estate, Hours, Livelihood, Persons};
use evidence::{Door, Level};
use order::rules_of;
use vocabulary::{
    CellId, Class, DoorId, Flow, FlowRules, Holdable, InsurerId, Position, Seconds, ServiceId, Timestamp,
};

use super::{
    dates::{self, DateHit},
    facts::{Asked, ClockRule, Facts},
    persons_behind,
};

/// What a door does now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Now {
    /// As its ledger says.
    Heard(Position),
    /// As its ledger said last; it has been silent, or its history is in doubt.
    Last(Position),
    /// Nobody has ever heard of it.
    Unknown,
}

/// One cell of the cut.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CellCut {
    /// Its door.
    pub door: DoorId,
    /// What it does now.
    pub now: Now,
    /// What it will do, once drains are over: Held where intake can wait, Shut where it cannot or is ordered by name.
    pub then: Position,
    /// Whether anything changes for the world outside: a door that is as tight already gets one more restriction.
    pub changes: bool,
    /// People an outage of this cell hits.
    pub persons: Persons,
    /// How long it may be down.
    pub mtd: Hours,
    /// Whether people live on it.
    pub livelihood: Livelihood,
}

/// What one service's people lose.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Loss {
    /// Which service.
    pub service: ServiceId,
    /// Its name for people.
    pub name: String,
    /// Cells that will be Held: what comes in is kept and worked off later.
    pub held: u64,
    /// Cells that will be Shut: what comes in is turned away.
    pub shut: u64,
    /// People hit, each counted once within this service.
    pub persons: Persons,
    /// Whether anybody lives on it.
    pub livelihood: Livelihood,
    /// The shortest maximum tolerable downtime among the cells.
    pub mtd: Hours,
    /// When that is over, counted from now.
    pub tolerable_until: Timestamp,
}

/// A door the order will not reach in seconds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unreached {
    /// Which.
    pub door: DoorId,
    /// When its ledger was heard last; `None` if never.
    pub since: Option<Timestamp>,
    /// Whether what is known of it is in doubt.
    pub doubtful: bool,
}

/// A door that will not act as ordered because it is not armed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unarmed {
    /// Which.
    pub door: DoorId,
    /// How far it is trusted: at `observe` it will not act.
    pub level: Level,
}

/// What becomes of sessions that are finishing already.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DrainEffect {
    /// Doors where sessions are finishing now, with the end they were given.
    pub running: BTreeMap<DoorId, Timestamp>,
    /// How many of them end at once, because this cut gives no time.
    pub ended_at_once: u64,
    /// Until when sessions may finish under this cut; `None`: they are cut at once.
    pub until: Option<Timestamp>,
}

/// Permissions that end with the cut.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Grants {
    /// Doors whose provisional operation stops.
    pub limited: BTreeSet<DoorId>,
    /// Doors whose emergency operation stops, because they will be Shut by name.
    pub emergency: BTreeSet<DoorId>,
}

/// Whether responders still get in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WayIn {
    /// None of the doors their way leads through is cut.
    Free,
    /// These doors of their way would be closed.
    LockedOut(BTreeSet<DoorId>),
    /// Nobody has written down which way they take.
    NotKnown,
}

/// Responders who would be cut off, as the estate declares them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct CutOff {
    /// Who.
    pub name: String,
    /// Where they come in.
    pub address: String,
    /// Whom to ask before.
    pub ask: String,
    /// The doors in their way that would be closed for them.
    pub doors: BTreeSet<DoorId>,
}

/// A legal clock that would start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClockStart {
    /// The rule.
    pub rule: ClockRule,
    /// When it starts, if nothing is reopened before.
    pub starts: Timestamp,
    /// When it is over; `None`: without delay.
    pub due: Option<Timestamp>,
    /// Cells it is about.
    pub cells: u64,
}

/// Everything to know before the signature.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CutPreview {
    /// What was asked.
    pub asked: Asked,
    /// For when.
    pub at: Timestamp,
    /// Every cell, by insurer and service.
    pub cells: Vec<CellCut>,
    /// Insurers with at least one of them.
    pub insurers: BTreeSet<InsurerId>,
    /// People behind all of them, each counted once.
    pub persons: Persons,
    /// People behind those at which something changes, each counted once.
    pub newly: Persons,
    /// Cells at which nothing changes for the world outside: they are as tight already.
    pub already: u64,
    /// What people lose at the cells that change, per service: livelihood first, then the shortest time.
    pub losses: Vec<Loss>,
    /// Dates that would be hit.
    pub dates: Vec<DateHit>,
    /// Doors the order will not reach in seconds.
    pub unreached: Vec<Unreached>,
    /// Doors that will not act.
    pub unarmed: Vec<Unarmed>,
    /// Legal clocks that would start.
    pub clocks: Vec<ClockStart>,
    /// Whether responders still get in.
    pub way_in: WayIn,
    /// Responders who would not, by name.
    pub cut_off: Vec<CutOff>,
    /// Sessions that are finishing.
    pub drains: DrainEffect,
    /// Permissions that stop.
    pub grants: Grants,
    /// Whether it covers every door of the estate, and so announces itself to everybody.
    pub whole_estate: bool,
}

impl CutPreview {
    /// How many cells are Held and Shut afterwards.
    #[must_use]
    pub fn held_and_shut(&self) -> (u64, u64) {
        let shut = self
            .cells
            .iter()
            .filter(|cell| cell.then == Position::Shut)
            .count();
        let held = self.cells.len().saturating_sub(shut);
        (count(held), count(shut))
    }
}

pub(super) fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Looks ahead at a cut.
#[must_use]
pub fn cut(estate: &Estate, facts: &Facts<'_>, asked: &Asked, now: Timestamp) -> CutPreview {
    let mut preview = CutPreview {
        asked: asked.clone(),
        at: now,
        cells: Vec::new(),
        insurers: BTreeSet::new(),
        persons: Persons(0),
        newly: Persons(0),
        already: 0,
        losses: Vec::new(),
        dates: Vec::new(),
        unreached: Vec::new(),
        unarmed: Vec::new(),
        clocks: Vec::new(),
        way_in: WayIn::NotKnown,
        cut_off: Vec::new(),
        drains: DrainEffect {
            until: asked.drain.filter(|span| span.0 > 0).map(|span| now.plus(span)),
            ..DrainEffect::default()
        },
        grants: Grants::default(),
        whole_estate: true,
    };
    for (id, place, holdable) in estate.doors() {
        if !asked.scope.covers(&place) {
            preview.whole_estate = false;
            continue;
        }
        let Some(impact) = estate.impact(id.cell()) else {
            continue;
        };
        let known = facts.door(&id);
        let added = rules_of(asked.stance, &asked.scope, &place, as_ordered(holdable));
        let before = known.map_or(FlowRules::OPEN, |door| door.rules);
        let after = before.join(added);
        preview.insurers.insert(place.insurer.clone());
        if let Some(door) = known {
            preview.note(&id, door, asked, added, now);
        }
        preview.cells.push(CellCut {
            now: position_now(facts, &id, known, now),
            then: after.position(),
            changes: known.is_none() || after != before,
            persons: impact.persons,
            mtd: impact.mtd,
            livelihood: impact.livelihood,
            door: id,
        });
    }
    preview.whole_estate &= !preview.cells.is_empty();
    preview.persons = persons_behind(estate, preview.cells.iter().map(|cell| cell.door.cell()));
    let changing = || preview.cells.iter().filter(|cell| cell.changes);
    preview.newly = persons_behind(estate, changing().map(|cell| cell.door.cell()));
    preview.already = count(preview.cells.len().saturating_sub(changing().count()));
    preview.losses = losses(estate, changing(), now);
    preview.unreached = unreached(facts, &preview.cells);
    let pairs: Vec<(&CellId, Hours)> = preview
        .cells
        .iter()
        .map(|cell| (cell.door.cell(), cell.mtd))
        .collect();
    preview.dates = dates::hit(estate, &pairs, now);
    preview.clocks = clocks(facts, &preview.cells, asked.class, now);
    preview.cut_off = cut_off(estate, &preview.cells);
    preview.way_in = way_in(estate, facts, &preview);
    preview
}

impl CutPreview {
    /// What the cut does at a door besides closing it.
    fn note(&mut self, id: &DoorId, door: &Door, asked: &Asked, added: FlowRules, now: Timestamp) {
        let acts = match door.level {
            Level::Observe => false,
            Level::HoldReady => !asks_more(asked, added),
            Level::Enforcing => true,
        };
        if !acts {
            let level = door.level;
            self.unarmed.push(Unarmed {
                door: id.clone(),
                level,
            });
        }
        if let Some(ends) = door.draining.values().filter(|until| **until > now).max() {
            self.drains.running.insert(id.clone(), *ends);
            let at_once = self.drains.until.is_none();
            self.drains.ended_at_once = self.drains.ended_at_once.saturating_add(u64::from(at_once));
        }
        if door
            .grants
            .limited
            .as_ref()
            .is_some_and(|grant| grant.until > now)
        {
            self.grants.limited.insert(id.clone());
        }
        // Emergency stands on top of Held; only a Shut by name stops it.
        let shut = added == FlowRules::SHUT;
        if shut
            && door
                .grants
                .emergency
                .as_ref()
                .is_some_and(|grant| grant.until > now)
        {
            self.grants.emergency.insert(id.clone());
        }
    }
}

/// Whether more is asked of a door than holding, which is all that a door at level `hold-ready` was exercised for.
fn asks_more(asked: &Asked, added: FlowRules) -> bool {
    asked.stance == order::Stance::Shut && added == FlowRules::SHUT
}

const fn as_ordered(holdable: Holdable) -> order::Holdable {
    match holdable {
        Holdable::Yes => order::Holdable::Yes,
        Holdable::No => order::Holdable::No,
    }
}

fn position_now(facts: &Facts<'_>, id: &DoorId, door: Option<&Door>, now: Timestamp) -> Now {
    match door.map(|door| door.position_at(now)) {
        None => Now::Unknown,
        Some(position) if facts.silent.contains_key(id) || facts.doubtful.contains(id) => Now::Last(position),
        Some(position) => Now::Heard(position),
    }
}

fn losses<'a>(estate: &Estate, cells: impl Iterator<Item = &'a CellCut>, now: Timestamp) -> Vec<Loss> {
    let mut losses: BTreeMap<&ServiceId, Loss> = BTreeMap::new();
    for cell in cells {
        let service = &cell.door.cell().service;
        let name = || {
            estate
                .service(service)
                .map_or_else(String::new, |known| known.name.clone())
        };
        let loss = losses.entry(service).or_insert_with(|| Loss {
            service: service.clone(),
            name: name(),
            held: 0,
            shut: 0,
            persons: Persons(0),
            livelihood: Livelihood::No,
            mtd: cell.mtd,
            tolerable_until: now,
        });
        match cell.then {
            Position::Shut | Position::Islanded => loss.shut = loss.shut.saturating_add(1),
            Position::Open | Position::Draining | Position::Held => loss.held = loss.held.saturating_add(1),
        }
        // One cell per insurer and service: nobody is counted twice here.
        loss.persons = Persons(loss.persons.0.saturating_add(cell.persons.0));
        loss.mtd = loss.mtd.min(cell.mtd);
        if cell.livelihood == Livelihood::Yes {
            loss.livelihood = Livelihood::Yes;
        }
    }
    let mut sorted: Vec<Loss> = losses
        .into_values()
        .map(|loss| Loss {
            tolerable_until: now.plus(Seconds(loss.mtd.0.saturating_mul(3600))),
            ..loss
        })
        .collect();
    sorted.sort_by_key(|loss| (loss.livelihood == Livelihood::No, loss.mtd, loss.service.clone()));
    sorted
}

fn unreached(facts: &Facts<'_>, cells: &[CellCut]) -> Vec<Unreached> {
    cells
        .iter()
        .map(|cell| &cell.door)
        .filter_map(|id| {
            let never = facts.door(id).is_none();
            let (since, doubtful) = (facts.silent.get(id).copied(), facts.doubtful.contains(id));
            (never || since.is_some() || doubtful).then(|| Unreached {
                door: id.clone(),
                since,
                doubtful,
            })
        })
        .collect()
}

fn clocks(facts: &Facts<'_>, cells: &[CellCut], class: Class, now: Timestamp) -> Vec<ClockStart> {
    facts
        .clocks
        .iter()
        .filter(|rule| !(rule.maintenance_exempt && class == Class::Maintenance))
        .filter_map(|rule| {
            let about = cells.iter().filter(|cell| cell.changes).filter(|cell| {
                let cell = cell.door.cell();
                rule.services
                    .as_ref()
                    .is_none_or(|set| set.contains(&cell.service))
                    && rule
                        .insurers
                        .as_ref()
                        .is_none_or(|set| set.contains(&cell.insurer))
            });
            let cells = count(about.count());
            let starts = now.plus(rule.after);
            (cells > 0).then(|| ClockStart {
                rule: rule.clone(),
                starts,
                due: rule.deadline.map(|span| starts.plus(span)),
                cells,
            })
        })
        .collect()
}

/// Declared responders whose way leads through a door that stops the flow they come by.
fn cut_off(estate: &Estate, cells: &[CellCut]) -> Vec<CutOff> {
    let stops = |cell: &CellCut, flow: Flow| match (cell.then, flow) {
        // What is held is taken in, and nothing else moves.
        (Position::Held, Flow::Intake) | (Position::Open | Position::Draining, _) => false,
        (Position::Held, Flow::Forward | Flow::Fetch | Flow::Send | Flow::Sessions)
        | (Position::Shut | Position::Islanded, _) => true,
    };
    let ways = estate.responders().filter_map(|way| {
        let closed = cells
            .iter()
            .filter(|cell| way.through.contains(&cell.door) && stops(cell, way.flow));
        let doors: BTreeSet<DoorId> = closed.map(|cell| cell.door.clone()).collect();
        (!doors.is_empty()).then(|| CutOff {
            name: way.name.clone(),
            address: way.address.clone(),
            ask: way.ask.clone(),
            doors,
        })
    });
    ways.collect()
}

/// Known from the estate, from what was written down in peace, or from neither.
fn way_in(estate: &Estate, facts: &Facts<'_>, preview: &CutPreview) -> WayIn {
    if facts.way_in.is_none() && estate.responders().len() == 0 {
        return WayIn::NotKnown;
    }
    let written = facts.way_in.into_iter().flatten();
    let cut = |door: &&DoorId| preview.cells.iter().any(|cell| cell.door == **door);
    let declared = preview.cut_off.iter().flat_map(|one| &one.doors);
    let closed: BTreeSet<DoorId> = written.filter(cut).chain(declared).cloned().collect();
    if closed.is_empty() {
        WayIn::Free
    } else {
        WayIn::LockedOut(closed)
    }
}
