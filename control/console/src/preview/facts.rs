//! What a preview is made from: the picture's doors, and what the estate's people have written down in peace.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use clearance::{DoorFacts, RestrictionFacts};
use evidence::{Door, Picture};
use order::Stance;
use vocabulary::{Class, DoorId, InsurerId, Scope, Seconds, ServiceId, Timestamp};

/// What is known now. Doors the picture has never heard of are missing here and shown as such.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// Every door that was heard of.
    pub doors: &'a BTreeMap<DoorId, Arc<Door>>,
    /// Doors whose ledger has been silent for too long, with the time since.
    pub silent: BTreeMap<DoorId, Timestamp>,
    /// Doors whose ledger is in doubt (gap, fork, damage): what is shown of them is the last that was certain.
    pub doubtful: BTreeSet<DoorId>,
    /// Which legal clocks a cut can start, as the publication room lists them.
    pub clocks: &'a [ClockRule],
    /// Doors the responders' own way in leads through, as written down in peace; `None` where nobody wrote it down.
    pub way_in: Option<&'a BTreeSet<DoorId>>,
}

impl<'a> Facts<'a> {
    /// What a picture knows at an instant; a ledger not heard for longer than `limit` counts as silent.
    #[must_use]
    pub fn of(
        picture: &'a Picture,
        clocks: &'a [ClockRule],
        way_in: Option<&'a BTreeSet<DoorId>>,
        now: Timestamp,
        limit: Seconds,
    ) -> Self {
        let doors = picture.doors();
        let silent = doors
            .keys()
            .filter_map(|id| Some((id.clone(), picture.unreached(id, now, limit)?)))
            .collect();
        let doubtful = doors
            .keys()
            .filter(|id| picture.doubts(id).next().is_some())
            .cloned()
            .collect();
        Self {
            doors,
            silent,
            doubtful,
            clocks,
            way_in,
        }
    }

    /// One door.
    #[must_use]
    pub fn door(&self, id: &DoorId) -> Option<&Door> {
        self.doors.get(id).map(|door| &**door)
    }

    /// What an opening would meet at a door, in the words of the room that judges openings.
    #[must_use]
    pub fn for_opening(&self, id: &DoorId) -> Option<DoorFacts> {
        let door = self.door(id)?;
        Some(DoorFacts {
            door: id.clone(),
            place: door.place.clone(),
            epoch: door.epoch,
            active: door
                .restrictions
                .iter()
                .map(|(id, restriction)| RestrictionFacts {
                    id: *id,
                    class: restriction.class,
                    since: restriction.since,
                    signal: restriction.signal.clone(),
                })
                .collect(),
        })
    }
}

/// A cut somebody thinks about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asked {
    /// Which doors.
    pub scope: Scope,
    /// What they shall do.
    pub stance: Stance,
    /// Who may lift it later.
    pub class: Class,
    /// How long sessions may finish.
    pub drain: Option<Seconds>,
}

/// A legal clock that an outage can start, as plain data with its source elsewhere. The room that publishes keeps the
/// list; here it is only matched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClockRule {
    /// Its name in the list of obligations.
    pub id: String,
    /// What it is, in German.
    pub de: String,
    /// What it is, in English.
    pub en: String,
    /// Which services it is about; absent means any.
    pub services: Option<BTreeSet<ServiceId>>,
    /// Which insurers it binds; absent means any.
    pub insurers: Option<BTreeSet<InsurerId>>,
    /// Whether planned work is exempt.
    pub maintenance_exempt: bool,
    /// How long an outage must last before the clock starts; zero means at once.
    pub after: Seconds,
    /// How long there is from then; absent means without delay.
    pub deadline: Option<Seconds>,
    /// Whether somebody has checked it against the law as it stands.
    pub verified: bool,
}
