//! Folding a whole journal, with as many hands as there are: one thread reads, some hash and parse, and the caller's
//! folds. Pieces go round in turn, so that the fold sees every entry in the journal's order whoever made it ready.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use ledger::Entries;

use crate::entry::JournalEntry;
use crate::error::Error;
use crate::fold::{Fold, Ready};

/// Entries handed from thread to thread at once, unless they are so long that fewer are too much already.
const PIECE_ENTRIES: usize = 256;
const PIECE_BYTES: usize = 1024 * 1024;
/// Pieces under way between two threads: bounds memory.
const PIECES_UNDER_WAY: usize = 4;
/// More hands than this only wait for the one that folds.
const HANDS_MAX: usize = 4;

/// Entries as they were read; the last may be what reading ended with.
type Raw = Vec<Result<record::Entry, ledger::Error>>;
/// Entries with what could be found out about each by itself.
type Prepared = Vec<Result<(JournalEntry<'static>, Option<Ready>), ledger::Error>>;

/// Folds all these entries, in their order.
///
/// # Errors
/// [`Error::Ledger`] with the first entry that could not be read; what stands before it was folded.
pub(super) fn replay(entries: Entries, fold: &mut Fold) -> Result<(), Error> {
    let hands = thread::available_parallelism().map_or(1, |count| count.get().min(HANDS_MAX));
    thread::scope(|scope| {
        let mut to_hands = Vec::with_capacity(hands);
        let mut from_hands = Vec::with_capacity(hands);
        for _ in 0..hands {
            let (raw_sender, raw) = sync_channel(PIECES_UNDER_WAY);
            let (prepared, prepared_receiver) = sync_channel(PIECES_UNDER_WAY);
            scope.spawn(move || prepare(&raw, &prepared));
            to_hands.push(raw_sender);
            from_hands.push(prepared_receiver);
        }
        scope.spawn(move || deal(entries, &to_hands));
        for hand in from_hands.iter().cycle() {
            // In its turn each hand has a piece, or there are no more.
            let Ok(piece) = hand.recv() else { break };
            for read in piece {
                let (entry, ready) = read?;
                fold.apply_owned(entry, ready);
            }
        }
        Ok(())
    })
}

/// Reads, and deals pieces out in turn. Ends early when nobody takes them any more.
fn deal(mut entries: Entries, hands: &[SyncSender<Raw>]) {
    for hand in hands.iter().cycle() {
        let mut piece = Vec::with_capacity(PIECE_ENTRIES);
        let mut bytes = 0_usize;
        while piece.len() < PIECE_ENTRIES && bytes < PIECE_BYTES {
            let Some(entry) = entries.next() else { break };
            bytes = bytes.saturating_add(entry.as_ref().map_or(0, |entry| entry.body.len()));
            piece.push(entry);
        }
        if piece.is_empty() || hand.send(piece).is_err() {
            return;
        }
    }
}

fn prepare(raw: &Receiver<Raw>, prepared: &SyncSender<Prepared>) {
    for piece in raw {
        let ready = piece.into_iter().map(|read| {
            read.map(|entry| {
                let entry = JournalEntry::take(entry);
                let ready = Ready::of(&entry.content);
                (entry, ready)
            })
        });
        if prepared.send(ready.collect()).is_err() {
            return;
        }
    }
}
