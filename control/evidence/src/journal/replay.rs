//! Folding a whole journal, with as many hands as there are: one thread reads, some hash and parse, and the caller's
//! folds. Pieces go round in turn, so that the fold sees every entry in the journal's order whoever made it ready.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use ledger::{Entries, Piece};

use crate::entry::JournalEntry;
use crate::error::Error;
use crate::fold::{Fold, Prepared};

/// Entries handed from thread to thread at once, unless they are so long that fewer are too much already.
const PIECE_ENTRIES: usize = 256;
const PIECE_BYTES: usize = 512 * 1024;
/// Pieces under way between two threads: bounds memory.
const PIECES_UNDER_WAY: usize = 4;
/// More hands than this only wait for the one that folds.
const HANDS_MAX: usize = 4;

/// Entries as they were read, and what reading ended with.
type Read = (Piece, Result<(), ledger::Error>);
/// The same, with what could be found out about each entry by itself.
type Ready = (Read, Vec<Prepared>);

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
            let (read_sender, read) = sync_channel(PIECES_UNDER_WAY);
            let (ready, ready_receiver) = sync_channel(PIECES_UNDER_WAY);
            scope.spawn(move || prepare(&read, &ready));
            to_hands.push(read_sender);
            from_hands.push(ready_receiver);
        }
        scope.spawn(move || deal(entries, &to_hands));
        for hand in from_hands.iter().cycle() {
            // In its turn each hand has a piece, or there are no more.
            let Ok(((piece, ended), prepared)) = hand.recv() else {
                break;
            };
            for (entry, prepared) in piece.entries().zip(prepared) {
                fold.apply_prepared(entry, prepared);
            }
            ended?;
        }
        Ok(())
    })
}

/// Reads, and deals pieces out in turn. Ends early when nobody takes them any more.
fn deal(mut entries: Entries, hands: &[SyncSender<Read>]) {
    for hand in hands.iter().cycle() {
        let Some(read) = entries.piece(PIECE_ENTRIES, PIECE_BYTES) else {
            return;
        };
        if hand.send(read).is_err() {
            return;
        }
    }
}

fn prepare(read: &Receiver<Read>, ready: &SyncSender<Ready>) {
    for (piece, ended) in read {
        let prepared = piece
            .entries()
            .map(|entry| Prepared::of(JournalEntry::read_ref(&entry).content))
            .collect();
        if ready.send(((piece, ended), prepared)).is_err() {
            return;
        }
    }
}
