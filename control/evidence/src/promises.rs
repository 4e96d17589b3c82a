//! Named promises of this room (DESIGN section 10), as functions for tests, drill and production.

use std::collections::BTreeMap;
use std::fmt;

use crate::door_view::Grade;
use crate::entry::{Content, JournalEntry};
use crate::error::Error;
use crate::fold::leaf_of;
use crate::journal::Journal;
use crate::picture::Picture;
use crate::source::SourceId;

/// What did not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Broken {
    /// Which promise.
    pub promise: &'static str,
    /// What was seen.
    pub seen: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { promise, seen } = self;
        write!(
            f,
            "Zusage {promise} gilt nicht: {seen}. / Promise {promise} does not hold: {seen}."
        )
    }
}

impl std::error::Error for Broken {}

/// LOG-1 for the journal: of every source it holds the entries from the first on, each once, chained without a gap, and as
/// many as the picture says.
///
/// # Errors
/// [`Broken`]; the outer error when the journal cannot be read.
pub fn log_1(journal: &Journal) -> Result<Result<(), Broken>, Error> {
    let mut lanes: Vec<(SourceId, u64, vocabulary::Digest)> = Vec::new();
    let broken = |seen: String| {
        Ok(Err(Broken {
            promise: "LOG-1",
            seen,
        }))
    };
    for entry in journal.read(0)? {
        let entry = entry?;
        match JournalEntry::read(&entry).content {
            Content::Added(added) => {
                let genesis = record::entry::genesis(&added.source.0);
                lanes.push((added.source, 0, genesis));
            }
            Content::Branched(branched) => {
                let Some((source, ..)) = lanes.get(branched.number as usize).cloned() else {
                    return broken(format!("entry {} branches nothing", entry.index));
                };
                let genesis = record::entry::genesis(&source.0);
                lanes.push((source, 0, genesis));
            }
            Content::From { number, bytes } => {
                let Some((source, len, chain)) = lanes.get_mut(number as usize) else {
                    return broken(format!("entry {} is of no source", entry.index));
                };
                let fits = record::EntryRef::decode(&bytes)
                    .is_ok_and(|inner| inner.index == *len && inner.previous == *chain);
                if !fits {
                    return broken(format!("entry {} does not continue {source}", entry.index));
                }
                *len += 1;
                *chain = leaf_of(&bytes);
            }
            Content::Begun(_)
            | Content::Troubled(_)
            | Content::Heard(_)
            | Content::SnapshotTaken(_)
            | Content::Room(_)
            | Content::Unknown => {}
        }
    }
    // Of one source's branches the last counts.
    let known: BTreeMap<SourceId, u64> = lanes.into_iter().map(|(id, len, _)| (id, len)).collect();
    let shown: BTreeMap<SourceId, u64> = journal
        .picture()
        .sources()
        .iter()
        .map(|(id, source)| (id.clone(), source.len))
        .collect();
    if known == shown {
        Ok(Ok(()))
    } else {
        broken(format!("the journal holds {known:?}, the picture says {shown:?}"))
    }
}

/// DOOR-4 as the room shows it: nothing is called proven that was not measured without failure at exactly this epoch and
/// position, and nothing while an order has not reached the door.
///
/// # Errors
/// [`Broken`] names the door.
pub fn door_4_shown(picture: &Picture) -> Result<(), Broken> {
    for (id, door) in picture.doors() {
        if door.grade() != Grade::Proven {
            continue;
        }
        let measured = door.measured.as_ref().is_some_and(|proof| {
            proof.epoch == door.epoch && proof.position == door.position && proof.failures.is_empty()
        });
        if !measured || !door.ordered.is_empty() {
            return Err(Broken {
                promise: "DOOR-4",
                seen: format!("{id} is called proven"),
            });
        }
    }
    Ok(())
}
