//! The fold on disk: a cache that is believed only if the journal itself names it.
//!
//! The file is `"BHSNAP1\n" | number of the journal entry that names it (8) | payload`; the payload is the length of a JSON
//! text (8), the text, and the authority log's exact entries, each with its length (4). The journal's entry
//! `snapshot.taken` holds the payload's digest and the head it is the fold of. So whoever changes the file without
//! rewriting the journal is noticed, and whoever rewrites the journal is noticed by its witnesses.
//!
//! The fold of the authority log is not in the file: it is made of proofs, and bytes become a proof only by verifying
//! again. Its entries are, and are followed again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use door::{Doors, Enrolment, Freshness, Grants, StandsOn, State};
use ledger::Ledger;
use record::Head;
use serde::{Deserialize, Serialize};
use vocabulary::{
    CellId, Digest, DoorId, Envelope, EnvironmentId, Epoch, EstateId, RestrictionId, StatementId, Timestamp,
};

use crate::door_view::Proof;
use crate::entry::{Content, JournalEntry, SnapshotTaken};
use crate::error::Error;
use crate::fold::Fold;
use crate::fold::lane::{Lane, RaiseAsked, Store};
use crate::journal::snapshot_path;
use crate::picture::{Environment, People, Pin, Refused, Written};
use crate::room::Backlog;
use crate::source::{Source, SourceId};
use crate::statement::Carried;

const MAGIC: &[u8; 8] = b"BHSNAP1\n";
/// Moves with every change to what the fold makes of an entry: an older snapshot is then no longer its fold.
const FOLD_VERSION: u32 = 2;

/// Whether a snapshot helped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SnapshotUse {
    /// There is none.
    None,
    /// It is of this journal's first entries.
    Used {
        /// How many.
        len: u64,
    },
    /// There is one that is not believed; everything was folded from the journal.
    Refused(NotBelieved),
}

/// Why a snapshot is not believed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotBelieved {
    /// It cannot be read.
    #[error("nicht lesbar / cannot be read")]
    Unreadable,
    /// The journal does not name it, or names another content.
    #[error("das Journal kennt es nicht so / the journal does not know it like this")]
    NotNamed,
    /// It is the fold of another journal than this one's beginning.
    #[error("es gehört nicht zu diesem Journal / it is not of this journal")]
    OtherJournal,
    /// Made by a version whose fold differs.
    #[error("von einer anderen Programmversion / by another version of the program")]
    OtherVersion,
    /// Its parts do not fit together.
    #[error("in sich widersprüchlich / contradicts itself")]
    Inconsistent,
}

impl fmt::Display for SnapshotUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str(
                "Kein Zwischenstand; alles neu gerechnet. / No snapshot; everything was folded anew.",
            ),
            Self::Used { len } => write!(
                f,
                "Zwischenstand über {len} Einträge geladen. / Snapshot over {len} entries loaded."
            ),
            Self::Refused(why) => write!(
                f,
                "Zwischenstand verworfen ({}); alles aus dem Journal neu gerechnet. / Snapshot refused ({}); everything was folded anew from the journal.",
                vocabulary::german(why),
                vocabulary::english(why)
            ),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Frozen {
    version: u32,
    program: String,
    pin: Pin,
    at: Timestamp,
    unread: u64,
    lanes: Vec<FrozenLane>,
    handed: Vec<Handed>,
    carried: BTreeMap<StatementId, Carried>,
    refusals: VecDeque<Refused>,
    backlog: BTreeMap<CellId, Written<Backlog>>,
    environments: BTreeMap<EnvironmentId, Environment>,
    people: People,
    measured: BTreeMap<DoorId, Proof>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Handed {
    pub(crate) envelope: Envelope,
    pub(crate) at: Timestamp,
    pub(crate) to: BTreeSet<SourceId>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FrozenLane {
    id: SourceId,
    source: Source,
    active: bool,
    marks: Vec<(u64, u64)>,
    replica_len: u64,
    stuck: bool,
    store: Option<FrozenStore>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FrozenStore {
    enrolment: Enrolment,
    fresh: Freshness,
    states: Vec<FrozenState>,
    reasons: BTreeMap<RestrictionId, (String, Timestamp)>,
    since: Vec<Timestamp>,
    drains: Vec<BTreeMap<RestrictionId, Timestamp>>,
    seen: BTreeSet<RestrictionId>,
    raises: Vec<RaiseAsked>,
    enrolled: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FrozenState {
    epoch: Epoch,
    active: BTreeMap<RestrictionId, door::Restriction>,
    grants: Grants,
    stands_on: StandsOn,
}

impl FrozenState {
    fn of(state: &State) -> Self {
        Self {
            epoch: state.epoch(),
            active: state.active().cloned().unwrap_or_default(),
            grants: state.grants().clone(),
            stands_on: state.stands_on().clone(),
        }
    }

    fn thaw(self) -> State {
        let Self {
            epoch,
            active,
            grants,
            stands_on,
        } = self;
        if active.is_empty() {
            State::Open(door::Opened { epoch, stands_on })
        } else {
            State::Restricted(door::Restricted {
                epoch,
                active,
                grants,
                stands_on,
            })
        }
    }
}

impl FrozenLane {
    fn of(lane: &Lane) -> Self {
        let store = lane.store.as_ref().map(|store| FrozenStore {
            enrolment: store.doors.enrolment().clone(),
            fresh: store.fresh,
            states: store
                .doors
                .all()
                .iter()
                .map(|door| FrozenState::of(&door.state))
                .collect(),
            reasons: store.reasons.clone(),
            since: store.since.clone(),
            drains: store.drains.clone(),
            seen: store.seen.clone(),
            raises: store.raises.clone(),
            enrolled: store.enrolled,
        });
        Self {
            id: lane.id.clone(),
            source: lane.source.clone(),
            active: lane.active,
            marks: lane.marks.clone(),
            replica_len: lane.replica_len,
            stuck: lane.stuck,
            store,
        }
    }

    fn thaw(self) -> Option<Lane> {
        let store = match self.store {
            None => None,
            Some(store) => Some(store.thaw()?),
        };
        Some(Lane {
            id: self.id,
            source: self.source,
            active: self.active,
            marks: self.marks,
            store,
            replica_len: self.replica_len,
            stuck: self.stuck,
            live: None,
        })
    }
}

impl FrozenStore {
    fn thaw(self) -> Option<Store> {
        let count = self.enrolment.doors().len();
        let states = self.states.into_iter().map(FrozenState::thaw).collect();
        let doors = Doors::resumed(self.enrolment, states)?;
        (self.since.len() == count && self.drains.len() == count).then_some(Store {
            doors,
            fresh: self.fresh,
            reasons: self.reasons,
            since: self.since,
            drains: self.drains,
            seen: self.seen,
            unseen: BTreeMap::new(),
            raises: self.raises,
            enrolled: self.enrolled,
        })
    }
}

/// The payload, and the journal entry that names it.
pub(crate) fn freeze(fold: &Fold, of: Head) -> Result<(Vec<u8>, SnapshotTaken), Error> {
    let picture = fold.picture();
    let frozen = Frozen {
        version: FOLD_VERSION,
        program: env!("CARGO_PKG_VERSION").into(),
        pin: picture.pin,
        at: picture.at,
        unread: picture.unread,
        lanes: fold.lanes.iter().map(FrozenLane::of).collect(),
        handed: handed(fold),
        carried: (*picture.carried).clone(),
        refusals: (*picture.refusals).clone(),
        backlog: (*picture.backlog).clone(),
        environments: (*picture.environments).clone(),
        people: (*picture.people).clone(),
        measured: fold.measured.clone(),
    };
    let json = serde_json::to_vec(&frozen).map_err(|source| crate::room::BadRoomEntry::Json {
        kind: "snapshot".into(),
        source,
    })?;
    let mut payload = (json.len() as u64).to_be_bytes().to_vec();
    payload.extend_from_slice(&json);
    for entry in fold.authority_entries() {
        payload.extend_from_slice(&u32::try_from(entry.len()).unwrap_or(u32::MAX).to_be_bytes());
        payload.extend_from_slice(entry);
    }
    let digest = Digest::of(&payload);
    Ok((payload, SnapshotTaken { of, digest }))
}

fn handed(fold: &Fold) -> Vec<Handed> {
    let all = fold.picture().statements.all.values();
    all.filter(|statement| !statement.handed_to.is_empty())
        .map(|statement| Handed {
            envelope: (*statement.envelope).clone(),
            at: statement.at,
            to: statement.handed_to.clone(),
        })
        .collect()
}

/// The file for a payload that a journal entry names.
pub(crate) fn framed(entry: u64, payload: &[u8]) -> Vec<u8> {
    let mut file = Vec::with_capacity(MAGIC.len() + 8 + payload.len());
    file.extend_from_slice(MAGIC);
    file.extend_from_slice(&entry.to_be_bytes());
    file.extend_from_slice(payload);
    file
}

/// A fold, and the number of journal entries it is the fold of.
pub(crate) type Loaded = (Box<Fold>, u64);

/// Loads the snapshot beside a journal, if it is to be believed.
pub(crate) fn load(ledger: &mut Ledger, estate: &EstateId) -> Result<(SnapshotUse, Option<Loaded>), Error> {
    let file = match crate::disk::read(&snapshot_path(ledger.dir())) {
        Ok(Some(file)) => file,
        Ok(None) => return Ok((SnapshotUse::None, None)),
        Err(_) => return Ok((SnapshotUse::Refused(NotBelieved::Unreadable), None)),
    };
    match believe(ledger, estate, &file)? {
        Ok((fold, len)) => Ok((SnapshotUse::Used { len }, Some((fold, len)))),
        Err(why) => Ok((SnapshotUse::Refused(why), None)),
    }
}

fn believe(
    ledger: &mut Ledger,
    estate: &EstateId,
    file: &[u8],
) -> Result<Result<Loaded, NotBelieved>, Error> {
    let split = file
        .strip_prefix(MAGIC)
        .and_then(|rest| rest.split_first_chunk::<8>());
    let Some((entry, payload)) = split else {
        return Ok(Err(NotBelieved::Unreadable));
    };
    let entry = u64::from_be_bytes(*entry);
    if entry >= ledger.len() {
        return Ok(Err(NotBelieved::NotNamed));
    }
    let named = ledger.entry(entry)?;
    let Content::SnapshotTaken(taken) = JournalEntry::read(&named).content else {
        return Ok(Err(NotBelieved::NotNamed));
    };
    if taken.digest != Digest::of(payload) {
        return Ok(Err(NotBelieved::NotNamed));
    }
    if taken.of.len > entry || ledger.root_at(taken.of.len)? != taken.of.root {
        return Ok(Err(NotBelieved::OtherJournal));
    }
    Ok(thaw(payload, estate, taken.of).map(|fold| (Box::new(fold), taken.of.len)))
}

fn thaw(payload: &[u8], estate: &EstateId, of: Head) -> Result<Fold, NotBelieved> {
    let unreadable = NotBelieved::Unreadable;
    let (len, rest) = payload.split_first_chunk::<8>().ok_or(unreadable)?;
    let len = usize::try_from(u64::from_be_bytes(*len)).map_err(|_| unreadable)?;
    let (json, mut rest) = rest.split_at_checked(len).ok_or(unreadable)?;
    // The version first: another version's other fields are not our concern.
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    let versioned: Versioned = serde_json::from_slice(json).map_err(|_| unreadable)?;
    if versioned.version != FOLD_VERSION {
        return Err(NotBelieved::OtherVersion);
    }
    let frozen: Frozen = serde_json::from_slice(json).map_err(|_| unreadable)?;
    let mut fold = Fold::empty(estate.clone(), of);
    fold.pin(frozen.pin);
    while let Some((len, after)) = rest.split_first_chunk::<4>() {
        let (entry, after) = after
            .split_at_checked(u32::from_be_bytes(*len) as usize)
            .ok_or(unreadable)?;
        fold.follow_again(entry).ok_or(NotBelieved::Inconsistent)?;
        rest = after;
    }
    let lanes: Option<Vec<Lane>> = frozen.lanes.into_iter().map(FrozenLane::thaw).collect();
    fold.resume(lanes.ok_or(NotBelieved::Inconsistent)?, &frozen.handed);
    fold.measured = frozen.measured;
    let picture = &mut fold.picture;
    picture.at = frozen.at;
    picture.unread = frozen.unread;
    picture.carried = Arc::new(frozen.carried);
    picture.refusals = Arc::new(frozen.refusals);
    picture.backlog = Arc::new(frozen.backlog);
    picture.environments = Arc::new(frozen.environments);
    picture.people = Arc::new(frozen.people);
    Ok(fold)
}
