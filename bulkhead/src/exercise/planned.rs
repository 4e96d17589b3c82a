//! PLAN-1 at the end of a drill: what its people opened, held against clearance and consent as the journal has them.

use std::path::Path;

use ::drill::side::{Kept, Promise};
use evidence::{Journal, Picture, Signed};
use order::{Becomes, Opening};
use restoration::{
    Situation,
    plan::Under,
    promises::{Broken, plan_1_now},
    run::Effect,
    situation::{Count, Grade, RootState, Stage},
};
use vocabulary::{CellId, EnvironmentId, InsurerId, StatementId};

use super::side::{Bulkhead, promise};
use crate::{
    clock,
    control::others::{Moment, Peace, situation_at},
};

/// What was counted again.
#[derive(Default)]
struct Counted {
    openings: u64,
    cells: u64,
}

/// Reads a copy of the journal and counts every opening again. The half that can be told here is clearance and consent;
/// whether roots and the services below were up first nobody measures in a drill, so the promise is never called held.
pub(super) fn plan_1(side: &Bulkhead) -> Promise {
    let copy = side.system.path("journal-at-the-end");
    let charter = side.cast.charter.id().0;
    let picture = copy_folder(&side.system.path("control/journal"), &copy)
        .map_err(|error| error.to_string())
        .and_then(|()| {
            Journal::open(&copy, side.estate.id(), Some(charter), clock::now())
                .map_err(|error| error.to_string())
        })
        .map(|(journal, _)| journal.picture().clone());
    let picture = match picture {
        Ok(picture) => picture,
        Err(error) => {
            let why = format!("the journal could not be read back: {error}");
            return promise("PLAN-1", Kept::NotCovered, why);
        }
    };
    match count(side, &picture) {
        Err(broken) => promise("PLAN-1", Kept::Broken, broken.to_string()),
        Ok(Counted { openings: 0, .. }) => {
            promise("PLAN-1", Kept::NotCovered, "nothing was opened under a clearance")
        }
        Ok(Counted { openings, cells }) => promise(
            "PLAN-1",
            Kept::NotCovered,
            format!(
                "half of it: {openings} openings of {cells} cells had clearance and consent when they were made, counted again \
                 from the journal; not covered is the order of roots and services, which nothing in this drill measures"
            ),
        ),
    }
}

fn count(side: &Bulkhead, picture: &Picture) -> Result<Counted, Broken> {
    let mut counted = Counted::default();
    for (id, signed) in &picture.statements().openings {
        let moment = complete(picture, *id, signed);
        let Some(carried) = picture.carried(*id) else {
            continue;
        };
        let applied = |insurer: &InsurerId| {
            let doors = carried.applied.iter().map(|door| door.cell());
            doors.filter(|cell| cell.insurer == *insurer).cloned().collect()
        };
        let insurers: std::collections::BTreeSet<InsurerId> = carried
            .applied
            .iter()
            .map(|door| door.cell().insurer.clone())
            .collect();
        for insurer in insurers {
            let Some(under) = under(picture, &signed.body, &insurer) else {
                continue;
            };
            let cells: std::collections::BTreeSet<CellId> = applied(&insurer);
            let mut judged = situation_at(&side.estate, picture, &Peace::default(), moment);
            lend(&mut judged, side, &under);
            counted.openings += 1;
            counted.cells += cells.len() as u64;
            let effect = Effect::ProposeOpening {
                wave: Count(1),
                insurer,
                cells,
                under,
            };
            plan_1_now(&side.estate, &judged, &[effect])?;
        }
    }
    Ok(counted)
}

/// When the last statement the opening needed was in the authority log: doors were asked after that.
fn complete(picture: &Picture, id: StatementId, signed: &Signed<Opening>) -> Moment {
    let consents = picture.statements().consents.values();
    let consents = consents.filter(|consent| consent.body.opening == id);
    let first = Moment {
        now: signed.at,
        upto: signed.index,
    };
    consents.fold(first, |moment, consent| Moment {
        now: moment.now.max(consent.at),
        upto: moment.upto.max(consent.index),
    })
}

/// On which clearance of the insurer's environment it stands. Without one it lifted a cut made out of caution, or was an
/// emergency grant: neither is a start by the plan.
fn under(picture: &Picture, opening: &Opening, insurer: &InsurerId) -> Option<Under> {
    let home = EnvironmentId::from(insurer.clone());
    let clearance = *opening.clearances.iter().find(|id| {
        let known = picture.statements().clearances.get(id);
        known.is_some_and(|known| known.body.environment == home)
    })?;
    match opening.becomes {
        Becomes::Open => Some(Under::Full { clearance }),
        Becomes::Limited { until } => Some(Under::Limited { clearance, until }),
        Becomes::Emergency { .. } => None,
    }
}

/// Lends what a drill does not measure: roots and services below are taken as up. And an opening may end before its
/// limited clearance does.
fn lend(judged: &mut Situation, side: &Bulkhead, under: &Under) {
    for root in judged.roots.values_mut() {
        root.state = RootState::Up;
    }
    for (door, ..) in side.estate.doors() {
        let cell = judged.cells.entry(door.cell().clone()).or_default();
        cell.stage = Stage::Accepted;
    }
    let Under::Limited { clearance, until } = under else {
        return;
    };
    let clearances = judged
        .environments
        .values_mut()
        .flat_map(|home| &mut home.clearances);
    for known in clearances.filter(|known| known.id == *clearance) {
        if let Grade::Limited { until: granted, .. } = &mut known.grade
            && *until <= *granted
        {
            *granted = *until;
        }
    }
}

/// Copies a folder of plain files. The process that writes there goes on; a torn last entry is cut by whoever opens it.
fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    crate::files::make_private_folder(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
