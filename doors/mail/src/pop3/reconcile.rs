//! Tells the spool which of its items a consumer has fetched and deleted, for the reconciliation certificate. What
//! cannot be told counts as not fetched, or not deleted: a certificate never says more than happened.

use std::sync::Arc;

use spool::ItemId;
use vocabulary::CellId;

use super::{session::Talk, transaction::Mailroom};
use crate::{
    book::Noted,
    event::Event,
    trace::{Finder, Trace},
};

/// Steps that wait for the spool at once; bounds what a QUIT after very many deletions puts into its queue.
const STEPS_MAX: usize = 256;

/// At least one deletion could not be noted; which, has been told.
pub(super) struct NotNoted;

impl Talk<'_> {
    /// The item a retrieved message is, if our forwarder handed it over and the spool still has it.
    pub(super) async fn item_in(&self, room: &Mailroom, finder: &Finder) -> Option<ItemId> {
        let item = match finder.found(&self.fetch.salt) {
            Trace::Absent => return None,
            Trace::Forged => {
                self.ignored(room.cell());
                return None;
            }
            Trace::Ours(item) => item,
        };
        let spool = Arc::clone(&self.fetch.spool);
        match tokio::task::spawn_blocking(move || spool.state_of(item)).await {
            Ok(Ok(_)) => Some(item),
            Ok(Err(error)) => {
                // Told; it counts as not fetched.
                let _ = self.not_noted(room.cell(), item, &error);
                None
            }
            Err(gone) => {
                self.trouble(format!("{item} cannot be looked up: {gone}"));
                None
            }
        }
    }

    /// The last byte is sent. May be dropped: the spool has been asked by then, and finishes.
    pub(super) async fn note_fetched(&self, room: &Mailroom, item: ItemId) {
        match self.fetch.spool.note_fetched(item, (self.fetch.clock)()).await {
            Ok(()) => self.fetch.events.tell(Event::Fetched { item }),
            Err(error) => {
                // Told; it counts as not fetched until it is deleted.
                let _ = self.not_noted(room.cell(), item, &error);
            }
        }
    }

    /// The store has confirmed these deletions. Who deletes has fetched, so both are said: a note of the retrieval
    /// that failed earlier is made up for.
    pub(super) async fn note_deleted(&self, cell: &CellId, deleted: &[Noted]) -> Result<(), NotNoted> {
        let items = self.fetch.book.items(deleted);
        let (spool, at) = (&self.fetch.spool, (self.fetch.clock)());
        let mut outcome = Ok(());
        for some in items.chunks(STEPS_MAX) {
            let asked = some
                .iter()
                .map(|item| {
                    (
                        *item,
                        spool.note_fetched(*item, at),
                        spool.note_deleted(*item, at),
                    )
                })
                .collect::<Vec<_>>();
            for (item, fetched, deleted) in asked {
                let (fetched, deleted) = (fetched.await, deleted.await);
                match fetched.and(deleted) {
                    Ok(()) => self.fetch.events.tell(Event::Deleted { item }),
                    Err(error) => outcome = outcome.and(self.not_noted(cell.clone(), item, &error)),
                }
            }
        }
        outcome
    }

    /// An item that is not here, or no more, is nobody's failure.
    fn not_noted(&self, cell: CellId, item: ItemId, error: &spool::Error) -> Result<(), NotNoted> {
        if matches!(error, spool::Error::NoSuchItem { .. }) {
            self.ignored(cell);
            return Ok(());
        }
        self.trouble(format!("{item} was fetched, but that cannot be noted: {error}"));
        Err(NotNoted)
    }

    fn ignored(&self, cell: CellId) {
        self.fetch.events.tell(Event::TraceIgnored { cell });
    }

    fn trouble(&self, what: String) {
        self.fetch.events.tell(Event::Trouble {
            part: "fetch".to_owned(),
            what,
        });
    }
}
