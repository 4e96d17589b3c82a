//! The control room is lost: what doors and witnesses still have is put together again.
//!
//! Every doors' ledger holds the authority log's exact entries, and in `door.fresh` the checkpoints that were shown to it.
//! Together with the checkpoints witnesses bring they say which history is the one that was witnessed. What nobody has is
//! named, never guessed. The room's own words (incidents, promises, proofs) lie in the journal only; they come back from a
//! copy of it or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use clearance::{Authority, authority_origin};
use door::entry::Body;
use ledger::Ledger;
use order::Charter;
use record::{
    Checkpoint, Cosigned, Draft, Entry, EntryRef, Frontier, Head, Note, WitnessSet, entry::genesis,
};
use vocabulary::{Digest, EstateId, Timestamp, WitnessId};

use crate::error::Error;
use crate::fold::leaf_of;
use crate::journal::{Feed, Ingested, Journal};
use crate::source::{SourceId, SourceKind};

/// One log as somebody brought it, from its first entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Brought {
    /// Whose.
    pub feed: Feed,
    /// Its entries' exact bytes.
    pub entries: Vec<Vec<u8>>,
    /// The head its owner names.
    pub claimed: Option<Head>,
}

/// A checkpoint that the charter's quorum co-signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seen {
    /// How many entries.
    pub size: u64,
    /// The root over them.
    pub root: Digest,
    /// Median of the witnesses' times.
    pub at: Timestamp,
    /// Who signed.
    pub witnesses: BTreeSet<WitnessId>,
    /// The note itself.
    pub note: Note,
}

/// What does not fit together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Contradiction {
    /// Somebody was shown another authority log.
    OtherHistory {
        /// Who has it.
        sources: BTreeSet<SourceId>,
        /// The first entry that differs from the recovered one.
        from: u64,
        /// How many entries it has.
        len: u64,
        /// The largest co-signed checkpoint it agrees with: if there is one beyond the difference, the witnesses saw two
        /// histories.
        cosigned: Option<u64>,
    },
    /// The witnesses saw entries that nobody brought: they are lost, perhaps a withdrawal among them.
    Missing {
        /// Entries recovered.
        have: u64,
        /// Entries the witnesses saw.
        seen: u64,
    },
    /// A checkpoint by the quorum that no history agrees with.
    OtherRoot {
        /// Its size.
        size: u64,
        /// When it was co-signed.
        at: Timestamp,
    },
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherHistory {
                sources, from, len, ..
            } => {
                let names: Vec<String> = sources.iter().map(ToString::to_string).collect();
                let names = names.join(", ");
                write!(
                    f,
                    "Ein anderes Weisungsprotokoll ({len} Einträge, verschieden ab {from}) liegt bei: {names}. / \
                     Another authority log ({len} entries, different from {from} on) lies at: {names}."
                )
            }
            Self::Missing { have, seen } => write!(
                f,
                "Die Zeugen sahen {seen} Einträge, gebracht wurden {have}: was fehlt, kann eine Rücknahme sein. Keine Tür öffnen, bis alle Türspeicher gefragt sind. / \
                 The witnesses saw {seen} entries, {have} were brought: what is missing may be a withdrawal. Open no door before every store was asked."
            ),
            Self::OtherRoot { size, at } => write!(
                f,
                "Zu dem bezeugten Stand über {size} Einträge ({at}) passt nichts, was gebracht wurde. / \
                 Nothing that was brought fits the co-signed checkpoint over {size} entries ({at})."
            ),
        }
    }
}

/// The authority log as it could be recovered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recovery {
    /// The exact entries.
    pub entries: Vec<Vec<u8>>,
    /// Where they end.
    pub head: Head,
    /// The largest co-signed checkpoint they agree with.
    pub cosigned: Option<Seen>,
    /// How many entries lie beyond it: they were in a door's replica, but no quorum is known to have seen them.
    pub unwitnessed: u64,
    /// Who had how many of them.
    pub had: BTreeMap<SourceId, u64>,
    /// What does not fit together. A person looks at each before the room goes on.
    pub contradictions: Vec<Contradiction>,
}

/// One history of the authority log, and who has it.
struct History {
    entries: Vec<Vec<u8>>,
    leaves: Vec<Digest>,
    had: BTreeMap<SourceId, u64>,
    /// Root at every size.
    roots: Vec<Digest>,
    /// Every charter that was ever in force.
    charters: Vec<Charter>,
    /// The largest checkpoint it agrees with.
    seen: Option<Seen>,
}

/// Recovers the authority log: the longest history that the witnesses' largest checkpoint agrees with.
///
/// `first_charter` is the digest of the estate's first charter, from the paper the doors were enrolled with. `notes` are
/// checkpoints that witnesses bring; those the doors kept are used as well.
///
/// # Errors
/// [`Error::Name`].
pub fn recover_authority(
    estate: &EstateId,
    first_charter: Digest,
    brought: &[Brought],
    notes: &[Note],
) -> Result<Recovery, Error> {
    let origin = authority_origin(estate)?;
    let mut notes: Vec<Note> = notes.to_vec();
    let mut histories: Vec<History> = Vec::new();
    for one in brought {
        let (replica, kept) = replica_of(one, genesis(&origin));
        notes.extend(kept);
        add(&mut histories, &one.feed.source, replica);
    }
    for history in &mut histories {
        history.replay(estate, first_charter)?;
    }
    // The same checkpoint may come from many; each is verified once per set of witnesses.
    let notes: BTreeMap<String, Note> = notes.into_iter().map(|note| (note.to_string(), note)).collect();
    let sets = witness_sets(&histories);
    let mut seen: Vec<Seen> = Vec::new();
    for note in notes.values() {
        let verified = sets
            .iter()
            .find_map(|set| Cosigned::verify(note, &origin, set).ok());
        seen.extend(verified.map(|cosigned| Seen {
            size: cosigned.size(),
            root: cosigned.root(),
            at: cosigned.time().instant(),
            witnesses: cosigned.witnesses().keys().cloned().collect(),
            note: note.clone(),
        }));
    }
    seen.sort_by_key(|one| (one.size, one.at));
    for history in &mut histories {
        history.seen = seen
            .iter()
            .rev()
            .find(|one| history.root_at(one.size) == Some(one.root))
            .cloned();
    }
    histories.sort_by_key(|history| {
        (
            history.seen.as_ref().map_or(0, |seen| seen.size),
            history.entries.len(),
        )
    });
    let best = histories.pop().unwrap_or_else(History::empty);
    Ok(best.into_recovery(genesis(&origin), &histories, &seen))
}

/// The authority log as one source has it, up to the first entry that does not continue it; and the checkpoints it kept.
fn replica_of(one: &Brought, genesis: Digest) -> (Vec<Vec<u8>>, Vec<Note>) {
    let mut reading = Reading {
        replica: Vec::new(),
        tip: genesis,
        sure: true,
        notes: Vec::new(),
    };
    for (place, bytes) in one.entries.iter().enumerate() {
        // The log around it says whether this entry is what was written: the next one names it, or the head does.
        let next = one.entries.get(place.saturating_add(1));
        let named = match (next, one.claimed) {
            (Some(next), _) => EntryRef::decode(next).map(|entry| entry.previous).ok(),
            (None, Some(head)) => Some(head.chain),
            (None, None) => Some(leaf_of(bytes)),
        };
        let sure = named == Some(leaf_of(bytes));
        if !reading.entry(one.feed.kind, bytes, sure) {
            break;
        }
    }
    if !reading.sure {
        // Nobody names the last entry: it may have been changed.
        reading.replica.pop();
    }
    (reading.replica, reading.notes)
}

/// A replica while it is read.
struct Reading {
    replica: Vec<Vec<u8>>,
    tip: Digest,
    /// Whether the last entry is named by what came after it.
    sure: bool,
    notes: Vec<Note>,
}

impl Reading {
    /// Takes one entry of a source; `false` when the replica does not go on.
    fn entry(&mut self, kind: SourceKind, bytes: &[u8], sure: bool) -> bool {
        match kind {
            SourceKind::Authority => self.take(bytes, sure),
            SourceKind::Spool | SourceKind::Prober | SourceKind::Room => true,
            SourceKind::Doors => {
                let body = EntryRef::decode(bytes)
                    .ok()
                    .and_then(|entry| Body::read(entry.kind, entry.body).ok());
                match body {
                    Some(Body::Authority(bytes)) => self.take(&bytes, sure),
                    Some(Body::Fresh(fresh)) => {
                        self.notes.extend(fresh.note.parse::<Note>());
                        true
                    }
                    Some(
                        Body::Enrolled(_)
                        | Body::Started(_)
                        | Body::Tightened(_)
                        | Body::Raised(_)
                        | Body::Opened(_)
                        | Body::Withdrawn(_)
                        | Body::GrantsEnded(_)
                        | Body::Statement(_)
                        | Body::Refused(_),
                    )
                    | None => true,
                }
            }
        }
    }

    fn take(&mut self, bytes: &[u8], sure: bool) -> bool {
        let next = EntryRef::decode(bytes)
            .is_ok_and(|entry| entry.index == self.replica.len() as u64 && entry.previous == self.tip);
        if next {
            self.tip = leaf_of(bytes);
            self.replica.push(bytes.to_vec());
            self.sure = sure;
        }
        next
    }
}

/// Adds a replica to the history it continues or begins; a new one where it differs from all.
fn add(histories: &mut Vec<History>, source: &SourceId, replica: Vec<Vec<u8>>) {
    if replica.is_empty() {
        return;
    }
    let leaves: Vec<Digest> = replica.iter().map(|bytes| leaf_of(bytes)).collect();
    let len = leaves.len() as u64;
    for history in histories.iter_mut() {
        // Entries are chained: equal at the last common number means equal everywhere before.
        let common = leaves.len().min(history.leaves.len()).saturating_sub(1);
        if leaves.get(common) == history.leaves.get(common) {
            history.had.insert(source.clone(), len);
            if leaves.len() > history.leaves.len() {
                history.entries = replica;
                history.leaves = leaves;
            }
            return;
        }
    }
    histories.push(History {
        entries: replica,
        leaves,
        had: BTreeMap::from([(source.clone(), len)]),
        roots: Vec::new(),
        charters: Vec::new(),
        seen: None,
    });
}

fn witness_sets(histories: &[History]) -> Vec<WitnessSet> {
    let mut sets: Vec<WitnessSet> = Vec::new();
    // Newest first: most checkpoints are recent.
    for charter in histories.iter().flat_map(|history| history.charters.iter().rev()) {
        if !sets.contains(charter.witnesses()) {
            sets.push(charter.witnesses().clone());
        }
    }
    sets
}

impl History {
    fn empty() -> Self {
        Self {
            entries: Vec::new(),
            leaves: Vec::new(),
            had: BTreeMap::new(),
            roots: vec![Frontier::new().root()],
            charters: Vec::new(),
            seen: None,
        }
    }

    /// Follows it as a door does, to know its charters, and its root at every size.
    fn replay(&mut self, estate: &EstateId, first_charter: Digest) -> Result<(), Error> {
        let mut authority = Authority::install(estate.clone(), first_charter)?;
        let mut frontier = Frontier::new();
        self.roots.push(frontier.root());
        for (bytes, leaf) in self.entries.iter().zip(&self.leaves) {
            frontier.append(*leaf);
            self.roots.push(frontier.root());
            let _refused_statements_change_nothing = authority.follow(bytes, None);
            if let Some(charter) = authority.charter()
                && self.charters.last() != Some(charter)
            {
                self.charters.push(charter.clone());
            }
        }
        Ok(())
    }

    fn root_at(&self, size: u64) -> Option<Digest> {
        self.roots.get(usize::try_from(size).ok()?).copied()
    }

    fn into_recovery(self, genesis: Digest, others: &[Self], seen: &[Seen]) -> Recovery {
        let len = self.entries.len() as u64;
        let mut contradictions: Vec<Contradiction> = others
            .iter()
            .map(|other| {
                let differ = self.leaves.iter().zip(&other.leaves).position(|(a, b)| a != b);
                Contradiction::OtherHistory {
                    sources: other.had.keys().cloned().collect(),
                    from: differ.unwrap_or_default() as u64,
                    len: other.entries.len() as u64,
                    cosigned: other.seen.as_ref().map(|seen| seen.size),
                }
            })
            .collect();
        if let Some(largest) = seen.iter().map(|one| one.size).max().filter(|size| *size > len) {
            contradictions.push(Contradiction::Missing {
                have: len,
                seen: largest,
            });
        }
        for one in seen {
            let fits = |history: &Self| history.root_at(one.size) == Some(one.root);
            if one.size <= len && !fits(&self) && !others.iter().any(fits) {
                contradictions.push(Contradiction::OtherRoot {
                    size: one.size,
                    at: one.at,
                });
            }
        }
        let cosigned_size = self.seen.as_ref().map_or(0, |seen| seen.size);
        Recovery {
            head: Head {
                len,
                chain: self.leaves.last().copied().unwrap_or(genesis),
                root: self.root_at(len).unwrap_or_else(|| Frontier::new().root()),
            },
            entries: self.entries,
            unwitnessed: len.saturating_sub(cosigned_size),
            cosigned: self.seen,
            had: self.had,
            contradictions,
        }
    }
}

impl Recovery {
    /// Makes the authority log's ledger anew, with exactly the recovered entries, and keeps the co-signed checkpoint in
    /// it: from then on it can be opened neither shorter nor other.
    ///
    /// # Errors
    /// [`Error::Ledger`] where a ledger lies already; [`Error::NotRecreated`] when it does not come out the same.
    pub fn recreate(&self, dir: &Path, estate: &EstateId) -> Result<Ledger, Error> {
        let mut ledger = Ledger::create(dir, &authority_origin(estate)?)?;
        for bytes in &self.entries {
            let Entry { kind, at, body, .. } = Entry::decode(bytes).map_err(|_| Error::NotRecreated)?;
            let draft = [Draft { kind, at, body }];
            match ledger.stage(&draft) {
                // One sync carries only so much.
                Err(ledger::Error::CommitTooLarge { .. }) => {
                    ledger.sync()?;
                    ledger.stage(&draft)?;
                }
                staged => {
                    staged?;
                }
            }
        }
        ledger.sync()?;
        if ledger.head() != self.head {
            return Err(Error::NotRecreated);
        }
        if let Some(seen) = &self.cosigned {
            ledger.keep_cosigned(&seen.note)?;
        }
        Ok(ledger)
    }

    /// The checkpoint that proves the recovered log, for those who hold one of their own.
    #[must_use]
    pub fn checkpoint(&self, estate: &EstateId) -> Option<Checkpoint> {
        let origin = authority_origin(estate).ok()?;
        Some(Checkpoint::new(origin, self.head.len, self.head.root))
    }
}

/// A control room that began anew.
pub struct Rebuilt {
    /// The new journal, with everything that was brought.
    pub journal: Journal,
    /// The authority log, and what contradicts it. A person reads this before the room goes on.
    pub recovery: Recovery,
    /// What came of each log, the authority log's first.
    pub ingested: Vec<(SourceId, Ingested)>,
}

/// A control room begins anew: an empty journal takes the recovered authority log first, then everything that was brought.
///
/// # Errors
/// As [`recover_authority`] and [`Journal::ingest`]; [`Error::Ledger`] where a journal lies already.
pub fn rebuild(
    dir: &Path,
    estate: &EstateId,
    first_charter: Digest,
    brought: &[Brought],
    notes: &[Note],
    now: Timestamp,
) -> Result<Rebuilt, Error> {
    let recovery = recover_authority(estate, first_charter, brought, notes)?;
    let mut journal = Journal::create(dir, estate, Some(first_charter), now)?;
    let own = Feed {
        source: SourceId(authority_origin(estate)?),
        kind: SourceKind::Authority,
    };
    let mut done = Vec::new();
    let taken = journal.ingest(&own, 0, &recovery.entries, Some(recovery.head), now)?;
    done.push((own.source.clone(), taken));
    for one in brought {
        let taken = journal.ingest(&one.feed, 0, &one.entries, one.claimed, now)?;
        done.push((one.feed.source.clone(), taken));
    }
    Ok(Rebuilt {
        journal,
        recovery,
        ingested: done,
    })
}
