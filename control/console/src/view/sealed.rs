//! What a consent's companion needs: the opening it agrees to, and the wrapped keys of what lies behind the doors it opens.
//! All of it is foreign to the companion, which checks it; none of it can be opened here.

use std::collections::BTreeSet;

use clearance::Consent;
use order::{Body as _, Opening};
use vocabulary::{DoorId, PayloadType, StatementId};

use super::{
    draft::{Bytes, load, with_ground},
    shape::views,
};
use crate::{
    Asked,
    draft::{Draft, Ground},
};

views! {
    /// What one consent needs.
    ConsentKeys {
        /// The opening it agrees to, as it stands in the log; null for a draft that is no consent, and where the opening names
        /// insurers the viewer does not see.
        opening: Option<Bytes>,
        /// What is sealed behind the insurer's doors that the opening names, by door process.
        sealed: Vec<SealedKeys>,
        /// Doors of these whose process has not told its keys.
        untold: Vec<String>,
    }
    /// What one door process holds sealed.
    SealedKeys {
        /// Whom the keys are to be wrapped to again (age1…). Compare it with the door before you believe it.
        recipient: String,
        /// The keys.
        keys: Vec<SealedKey>,
    }
    /// A segment's key, wrapped to the insurer.
    SealedKey {
        /// The door.
        door: String,
        /// The segment.
        segment: String,
        /// The age file, base64.
        wrapped: String,
    }
}

/// Whether the log has this insurer's consent to the same opening already: a companion hands in the consent with its keys as
/// a statement of its own, and nobody is asked for the one without.
pub(crate) fn is_given(draft: &Draft, ground: &Ground<'_>) -> bool {
    draft.kind() == PayloadType::Consent
        && Consent::read(draft.envelope()).is_ok_and(|body| {
            let mut given = ground.authority.consents_to(body.opening);
            given.any(|other| other.insurer == body.insurer)
        })
}

/// The keys a consent needs; nothing for a draft that the viewer does not see.
pub(crate) fn keys(asked: &Asked<'_>) -> Option<ConsentKeys> {
    let id = StatementId(asked.names.statement?);
    let draft = with_ground(asked, |ground, _| load(asked, id, ground))?;
    let nothing = ConsentKeys {
        opening: None,
        sealed: Vec::new(),
        untold: Vec::new(),
    };
    if draft.kind() != PayloadType::Consent {
        return Some(nothing);
    }
    let room = asked.ctx.room;
    let agreed = Consent::read(draft.envelope()).ok()?;
    let Some(opening) = room.picture.statements().all.get(&agreed.opening) else {
        return Some(nothing);
    };
    // Whoever sees the consent sees only its own insurer's doors here, whatever else the opening names.
    let Ok(body) = Opening::read(&opening.envelope) else {
        return Some(nothing);
    };
    let seen = |door: &DoorId| asked.sight.covers(&door.cell().insurer);
    let all_seen = body.doors.iter().all(|entry| seen(&entry.door));
    let doors: BTreeSet<DoorId> = body
        .doors
        .into_iter()
        .map(|entry| entry.door)
        .filter(|door| door.cell().insurer == agreed.insurer)
        .collect();
    let told: BTreeSet<&DoorId> = room
        .others
        .sealed
        .iter()
        .flat_map(|one| one.doors.keys())
        .collect();
    let of_process = |process: &crate::SealedBehind| SealedKeys {
        recipient: process.recipient.to_string(),
        keys: doors
            .iter()
            .filter_map(|door| process.doors.get(door))
            .flatten()
            .map(|key| SealedKey {
                door: key.door.to_string(),
                segment: key.segment.to_string(),
                wrapped: key.wrapped.clone(),
            })
            .collect(),
    };
    let sealed = room.others.sealed.iter().map(|process| of_process(process));
    Some(ConsentKeys {
        opening: all_seen.then(|| Bytes((*opening.envelope).clone())),
        sealed: sealed.filter(|process| !process.keys.is_empty()).collect(),
        untold: doors
            .iter()
            .filter(|door| !told.contains(door))
            .map(ToString::to_string)
            .collect(),
    })
}
