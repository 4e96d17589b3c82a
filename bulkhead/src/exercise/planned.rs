//! PLAN-1 at the end of a drill: every start its people ordered, held against roots, clearance and consent as the journal had
//! them when the doors opened.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use ::drill::side::{Kept, Promise};
use estate::Estate;
use evidence::{Content, Fold, Journal, JournalEntry, Picture};
use order::{Becomes, Opening};
use record::{EntryRef, Head};
use restoration::{plan::Under, promises::plan_1_started};
use vocabulary::{CellId, DoorId, EnvironmentId, InsurerId, StatementId, Timestamp};

use super::side::{Bulkhead, promise};
use crate::{
    clock,
    control::others::{Peace, situation},
};

/// Kind of the entries in which doors say that they opened.
const OPENED_KIND: &str = "door.opened";

/// What was counted again.
#[derive(Default)]
struct Counted {
    openings: BTreeSet<StatementId>,
    cells: u64,
    roots: usize,
}

/// Reads a copy of the journal, folds it entry by entry, and looks at every start at the moment it happened.
pub(super) fn plan_1(side: &Bulkhead) -> Promise {
    let copy = side.system.path("journal-at-the-end");
    let charter = side.cast.charter.id().0;
    let opened = copy_folder(&side.system.path("control/journal"), &copy)
        .map_err(|error| error.to_string())
        .and_then(|()| {
            Journal::open(&copy, side.estate.id(), Some(charter), clock::now())
                .map_err(|error| error.to_string())
        });
    let counted = opened.and_then(|(journal, _)| count(&side.estate, &journal));
    match counted {
        Err(why) => promise("PLAN-1", Kept::Broken, why),
        Ok(Counted { cells: 0, .. }) => {
            promise("PLAN-1", Kept::NotCovered, "nothing was opened under a clearance")
        }
        Ok(Counted {
            openings,
            cells,
            roots,
        }) => promise(
            "PLAN-1",
            Kept::Held,
            format!(
                "{cells} starts by {} openings: {roots} roots were up, what each cell needs ran already or came with it, clearance \
                 and consent stood, as the journal had it at that moment",
                openings.len()
            ),
        ),
    }
}

fn count(estate: &Estate, journal: &Journal) -> Result<Counted, String> {
    let nothing = Head {
        len: 0,
        ..journal.head()
    };
    let mut fold = Fold::empty(estate.id().clone(), nothing);
    let mut counted = Counted {
        roots: estate.roots().count(),
        ..Counted::default()
    };
    let mut applied: BTreeMap<StatementId, BTreeSet<DoorId>> = BTreeMap::new();
    for entry in journal.read(0).map_err(|error| error.to_string())? {
        let entry = entry.map_err(|error| error.to_string())?;
        let read = JournalEntry::read(&entry);
        let opens = match &read.content {
            Content::From { bytes, .. } => EntryRef::decode(bytes).is_ok_and(|told| told.kind == OPENED_KIND),
            Content::Begun(_)
            | Content::Added(_)
            | Content::Troubled(_)
            | Content::Heard(_)
            | Content::Branched(_)
            | Content::SnapshotTaken(_)
            | Content::Room(_)
            | Content::Unknown => false,
        };
        fold.apply(&read);
        if !opens {
            continue;
        }
        fold.finish(Head {
            len: entry.index + 1,
            ..journal.head()
        });
        look(estate, fold.picture(), entry.at, &mut applied, &mut counted)?;
    }
    Ok(counted)
}

/// Judges what this entry started.
fn look(
    estate: &Estate,
    picture: &Picture,
    at: Timestamp,
    applied: &mut BTreeMap<StatementId, BTreeSet<DoorId>>,
    counted: &mut Counted,
) -> Result<(), String> {
    for (id, signed) in &picture.statements().openings {
        let Some(carried) = picture.carried(*id) else {
            continue;
        };
        let known = applied.entry(*id).or_default();
        if known.len() == carried.applied.len() {
            continue;
        }
        let new: BTreeSet<&DoorId> = carried.applied.difference(known).collect();
        let insurers: BTreeSet<&InsurerId> = new.iter().map(|door| &door.cell().insurer).collect();
        let facts = situation(estate, picture, &Peace::default(), at);
        for insurer in insurers {
            let Some(under) = under(picture, &signed.body, insurer) else {
                continue;
            };
            let cells = new.iter().map(|door| door.cell());
            let cells: BTreeSet<CellId> = cells.filter(|cell| cell.insurer == *insurer).cloned().collect();
            plan_1_started(estate, &facts, &cells, &under).map_err(|broken| broken.to_string())?;
            counted.openings.insert(*id);
            counted.cells += cells.len() as u64;
        }
        known.clone_from(&carried.applied);
    }
    Ok(())
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
