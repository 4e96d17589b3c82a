//! What other rooms make of the picture: the plan of the return, the readiness board, the clocks of legal duties.
//!
//! Made off the threads that answer, when the picture has changed and at most twice a second; whoever answers takes the
//! newest that is there. Adapters only move facts: what nobody measured or wrote down stays "not known".

mod board;
pub mod cuts;
pub mod drive;
mod duties;
mod life;
pub mod peace;
mod situation;

use std::{collections::BTreeSet, path::Path, sync::Arc, time::Duration};

use console::Others;
use estate::Estate;
use evidence::{Content, JournalEntry, Picture, RoomEntry};
use publication::obligations::Clock;
use readiness::board::Board;
use restoration::{Plan, run::Effect};
use tokio::{sync::watch, time::timeout};
use vocabulary::{DoorId, Timestamp};

use self::duties::Entries;
pub use self::{
    board::{board, facts},
    duties::{Duties, knowledge},
    life::Moment,
    peace::Peace,
    situation::{situation, situation_at},
};
use super::journal::Journaling;
use crate::{
    clock,
    report::{Code, Trouble},
};

/// Least time between two makings.
const REST: Duration = Duration::from_millis(500);
/// Clocks run and facts grow old with no news: then it is made again.
const AGAIN: Duration = Duration::from_secs(30);
/// Journal entries looked through at once while the journal is held.
const LOOK_MAX: usize = 4_096;

/// What other rooms know, as it stood at one moment.
pub struct Known {
    plan: Plan,
    steps: Vec<Effect>,
    board: Board,
    clocks: Vec<Clock>,
    base: Arc<Base>,
}

/// What does not change while the process runs.
pub(super) struct Base {
    estate: Arc<Estate>,
    peace: Peace,
    way_in: Option<BTreeSet<DoorId>>,
    duties: Duties,
}

impl Base {
    /// Reads what was found out in peace.
    ///
    /// # Errors
    /// [`Trouble`] with the file and the place in it.
    pub(super) fn open(estate: Arc<Estate>, file: Option<&Path>) -> Result<Self, Trouble> {
        let peace = match file {
            Some(file) => Peace::read(file, &estate)?,
            None => Peace::default(),
        };
        let duties = Duties::built_in(&estate).map_err(|error| {
            Trouble::because(
                Code::Config,
                "Die Tabelle der Meldepflichten ist nicht lesbar. / The table of duties cannot be read.",
                error,
            )
        })?;
        Ok(Self {
            way_in: peace.way_in(),
            estate,
            peace,
            duties,
        })
    }

    fn make(
        self: &Arc<Self>,
        picture: &Picture,
        entries: &Entries,
        drive: &mut drive::Drive,
        now: Timestamp,
    ) -> Known {
        let (estate, peace) = (&self.estate, &self.peace);
        let facts = situation(estate, picture, peace, now);
        let plan = Plan::make(estate, &facts);
        Known {
            steps: drive.step(estate, &plan, facts),
            plan,
            board: board(estate, picture, peace, now),
            clocks: self.duties.clocks(estate, picture, peace, entries, now),
            base: self.clone(),
        }
    }
}

impl Known {
    /// As the console takes it.
    pub(super) fn others(&self) -> Others<'_> {
        Others {
            plan: Some(&self.plan),
            steps: &self.steps,
            board: Some(&self.board),
            clocks: &self.clocks,
            clock_rules: self.base.duties.rules(),
            way_in: self.base.way_in.as_ref(),
            law: Some(self.base.duties.law()),
            ..Others::default()
        }
    }
}

/// Makes it again whenever the picture changed. Ends with the process; nothing is kept in it that is not in a log.
pub(super) async fn keep(
    base: Arc<Base>,
    journal: Arc<Journaling>,
    shown: watch::Sender<Option<Arc<Known>>>,
) {
    let mut picture = journal.watch();
    let (mut entries, mut driven) = (Looked::default(), drive::Drive::default());
    loop {
        let now_shown = picture.borrow_and_update().clone();
        let (base, journal) = (base.clone(), journal.clone());
        let making = tokio::task::spawn_blocking(move || {
            entries.look(&journal, &now_shown);
            let known = base.make(&now_shown, &entries.found, &mut driven, clock::now());
            let proposed = drive::entries(&base.estate, &now_shown, &known.steps, clock::now());
            if !proposed.is_empty()
                && let Err(error) = journal.append(proposed)
            {
                // The next look proposes it again.
                tracing::error!(%error, "what the return proposes could not be written");
            }
            (known, entries, driven)
        });
        match making.await {
            Ok((known, looked, drove)) => {
                (entries, driven) = (looked, drove);
                shown.send_replace(Some(Arc::new(known)));
            }
            Err(error) => {
                // Better nothing than something old that looks new.
                tracing::error!(%error, "plan, board and clocks cannot be made");
                shown.send_replace(None);
                (entries, driven) = (Looked::default(), drive::Drive::default());
            }
        }
        tokio::time::sleep(REST).await;
        if let Ok(Err(_journal_gone)) = timeout(AGAIN, picture.changed()).await {
            return;
        }
    }
}

/// Where incidents were opened in the journal, and how far it was looked through.
#[derive(Default)]
struct Looked {
    found: Entries,
    next: u64,
}

impl Looked {
    /// Looks on, as far as an incident of the picture is not found yet.
    fn look(&mut self, journal: &Journaling, picture: &Picture) {
        let wanted = &picture.people().incidents;
        while self.next < picture.head().len && wanted.keys().any(|id| !self.found.contains_key(id)) {
            let Ok(entries) = journal.lock().read(self.next) else {
                return;
            };
            let before = self.next;
            for entry in entries.take(LOOK_MAX).filter_map(Result::ok) {
                self.next = entry.index + 1;
                if let Content::Room(RoomEntry::IncidentOpened(opened)) = JournalEntry::read(&entry).content {
                    self.found.entry(opened.incident).or_insert(entry.index);
                }
            }
            if self.next == before {
                return;
            }
        }
    }
}
