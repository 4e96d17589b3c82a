//! The fold of the journal: entry by entry in, picture out. Pure: no clock, no disk.

mod authority;
mod doors;
pub(crate) mod lane;
mod people;
mod resume;
mod taking;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use clearance::{Admitted, Authority, Followed, STATEMENT_KIND};
use door::entry::Body;
use record::{EntryRef, Head};
use vocabulary::{Digest, DoorId, Envelope, EstateId, StatementId, Timestamp};

use crate::door_view::Proof;
use crate::entry::{Added, Begun, Branched, Content, Heard, JournalEntry, from_header};
use crate::picture::Picture;
use crate::source::{Source, SourceId, SourceKind, Trouble};
use crate::statement::Outcome;
use authority::{AuthorityLog, Shown};
use lane::{Lane, MARK_EVERY, RaiseAsked, Toppled};
use taking::{Came, Shelves};

pub(crate) use authority::leaf_of;
pub use taking::refuses;

/// A statement's scope and name, for closings that doors may not have seen.
type Orders = BTreeMap<vocabulary::RestrictionId, (StatementId, vocabulary::Scope)>;

/// The fold and everything it needs to take the next entry.
pub struct Fold {
    pub(crate) picture: Picture,
    pub(crate) lanes: Vec<Lane>,
    log: AuthorityLog,
    shelves: Shelves,
    toppled: Vec<Toppled>,
    orders: Orders,
    raises: Vec<RaiseAsked>,
    pub(crate) measured: BTreeMap<DoorId, Proof>,
    /// Doors something changed about, by lane and place, and by name.
    dirty: BTreeSet<(usize, usize)>,
    touched: BTreeSet<DoorId>,
    /// Lanes whose public row changed.
    changed: BTreeSet<usize>,
    /// Which lanes tell about each door.
    tellers: BTreeMap<DoorId, BTreeSet<usize>>,
}

/// What can be read of a journal entry without knowing any other: many can be made ready side by side.
pub(crate) enum Prepared {
    /// An entry of a source.
    From(Ready),
    /// Everything else, whole.
    Said(Content<'static>),
}

/// What can be read of a source's entry by itself.
pub(crate) struct Ready {
    leaf: Digest,
    /// If it reads as an entry of a doors' ledger other than a replica's, which is compared byte by byte.
    body: Option<Body>,
}

impl Prepared {
    /// Hashes and parses.
    pub(crate) fn of(content: Content<'_>) -> Self {
        match content {
            Content::From { bytes, .. } => Self::From(Ready {
                leaf: leaf_of(&bytes),
                body: EntryRef::decode(&bytes)
                    .ok()
                    .filter(|entry| entry.kind.starts_with("door."))
                    .and_then(|entry| Body::read(entry.kind, entry.body).ok()),
            }),
            Content::Begun(body) => Self::Said(Content::Begun(body)),
            Content::Added(body) => Self::Said(Content::Added(body)),
            Content::Troubled(body) => Self::Said(Content::Troubled(body)),
            Content::Heard(body) => Self::Said(Content::Heard(body)),
            Content::Branched(body) => Self::Said(Content::Branched(body)),
            Content::SnapshotTaken(body) => Self::Said(Content::SnapshotTaken(body)),
            Content::Room(body) => Self::Said(Content::Room(body)),
            Content::Unknown => Self::Said(Content::Unknown),
        }
    }
}

impl Fold {
    /// The fold of an empty journal.
    #[must_use]
    pub fn empty(estate: EstateId, head: Head) -> Self {
        Self {
            log: AuthorityLog::new(estate.clone(), None),
            picture: Picture::empty(estate, head),
            lanes: Vec::new(),
            shelves: Shelves::default(),
            toppled: Vec::new(),
            orders: Orders::new(),
            raises: Vec::new(),
            measured: BTreeMap::new(),
            dirty: BTreeSet::new(),
            touched: BTreeSet::new(),
            changed: BTreeSet::new(),
            tellers: BTreeMap::new(),
        }
    }

    /// The picture as of the last [`finish`](Self::finish).
    #[must_use]
    pub const fn picture(&self) -> &Picture {
        &self.picture
    }

    /// The authority log as it stands, folded. None while no charter is known.
    #[must_use]
    pub fn authority(&self) -> Option<&Authority> {
        self.log.peek()
    }

    /// The exact entries of the authority log, as far as anybody showed them.
    #[must_use]
    pub fn authority_entries(&self) -> &[Arc<[u8]>] {
        self.log.raw()
    }

    /// Takes entries, in order, and brings the picture up to date.
    pub fn take<'a>(&mut self, entries: impl IntoIterator<Item = JournalEntry<'a>>, head: Head) {
        for entry in entries {
            self.apply(&entry);
        }
        self.finish(head);
    }

    /// Takes one entry. The picture shows it after [`finish`](Self::finish).
    pub fn apply(&mut self, entry: &JournalEntry<'_>) {
        self.picture.at = self.picture.at.max(entry.at);
        if let Content::From { number, bytes } = &entry.content {
            let ready = Ready {
                leaf: leaf_of(bytes),
                body: None,
            };
            self.from((entry.index, entry.at), *number, bytes, ready);
        } else if let Content::Room(said) = &entry.content {
            self.room(entry.index, entry.at, said.clone());
        } else {
            self.said(entry.index, entry.at, &entry.content);
        }
    }

    /// Takes one entry as [`apply`](Self::apply) does, of which somebody else has done the reading.
    pub(crate) fn apply_prepared(&mut self, entry: EntryRef<'_>, prepared: Prepared) {
        self.picture.at = self.picture.at.max(entry.at);
        match prepared {
            Prepared::From(ready) => {
                if let Some((number, bytes)) = from_header(entry.body) {
                    self.from((entry.index, entry.at), number, bytes, ready);
                }
            }
            Prepared::Said(Content::Room(said)) => self.room(entry.index, entry.at, said),
            Prepared::Said(content) => self.said(entry.index, entry.at, &content),
        }
    }

    /// What neither a source nor the room said.
    fn said(&mut self, index: u64, at: Timestamp, content: &Content<'_>) {
        match content {
            Content::Begun(begun) => self.begun(begun),
            Content::Added(added) => self.added(added, at, 0),
            Content::Troubled(troubled) => self.with_lane(troubled.number, |lane| {
                lane.trouble(troubled.trouble.clone(), index, at);
                lane.source.heard = lane.source.heard.max(at);
            }),
            Content::Heard(heard) => self.heard_again(heard, index, at),
            Content::Branched(branched) => self.branched(branched, at),
            Content::SnapshotTaken(_) | Content::From { .. } | Content::Room(_) => {}
            Content::Unknown => self.picture.unread = self.picture.unread.saturating_add(1),
        }
    }

    fn begun(&mut self, begun: &Begun) {
        if self.log.len() == 0 {
            self.log = AuthorityLog::new(begun.estate.clone(), begun.first_charter);
            self.picture.pin = self.log.pin;
        }
    }

    fn added(&mut self, added: &Added, at: Timestamp, branch: u32) {
        if added.number as usize != self.lanes.len() {
            self.picture.unread = self.picture.unread.saturating_add(1);
            return;
        }
        let source = Source {
            kind: added.kind,
            branch,
            len: 0,
            chain: record::entry::genesis(&added.source.0),
            claimed: 0,
            heard: at,
            troubles: Vec::new(),
        };
        self.changed.insert(self.lanes.len());
        self.lanes.push(Lane::new(added.source.clone(), source));
    }

    fn branched(&mut self, branched: &Branched, at: Timestamp) {
        let Some(old) = self.lanes.get_mut(branched.number as usize) else {
            return;
        };
        old.active = false;
        let added = Added {
            source: old.id.clone(),
            kind: old.source.kind,
            number: branched.becomes,
        };
        let branch = old.source.branch.saturating_add(1);
        if let Some(store) = old.store.take() {
            for door in store.doors.all() {
                if let Some(tellers) = self.tellers.get_mut(&*door.id) {
                    tellers.remove(&(branched.number as usize));
                }
                self.touched.insert((*door.id).clone());
            }
        }
        self.added(&added, at, branch);
    }

    fn with_lane(&mut self, number: u32, what: impl FnOnce(&mut Lane)) {
        if let Some(lane) = self.lanes.get_mut(number as usize) {
            what(lane);
            self.changed.insert(number as usize);
        }
    }

    fn heard_again(&mut self, heard: &Heard, index: u64, at: Timestamp) {
        let claimed = heard.claimed.map_or(0, |head| head.len);
        self.with_lane(heard.number, |lane| {
            lane.source.heard = lane.source.heard.max(at);
            lane.source.claimed = claimed;
            lane.long_again(claimed, index);
        });
    }

    /// Notes that a source was heard, without the journal saying so: for a picture that is shown now. The journal says
    /// it again at intervals.
    pub(crate) fn heard_live(&mut self, number: u32, at: Timestamp, claimed: u64) {
        self.with_lane(number, |lane| lane.live = Some((at, claimed)));
    }

    fn from(&mut self, (journal, at): (u64, Timestamp), number: u32, bytes: &[u8], ready: Ready) {
        let place = number as usize;
        let Some(lane) = self.lanes.get_mut(place) else {
            self.picture.unread = self.picture.unread.saturating_add(1);
            return;
        };
        self.changed.insert(place);
        let leaf = ready.leaf;
        let fits = EntryRef::decode(bytes)
            .ok()
            .filter(|entry| entry.index == lane.source.len && entry.previous == lane.source.chain);
        let Some(entry) = fits else {
            // Ingestion never records this; a journal that says it was written by something else.
            let index = lane.source.len;
            lane.trouble(
                Trouble::Damaged {
                    index,
                    bytes: Digest::of(bytes),
                },
                journal,
                at,
            );
            return;
        };
        if entry.index % MARK_EVERY == 0 {
            lane.marks.push((entry.index, journal));
        }
        lane.source.len = entry.index.saturating_add(1);
        lane.source.chain = leaf;
        lane.source.heard = lane.source.heard.max(at);
        if !lane.source.troubles.is_empty() {
            lane.mended_up_to(lane.source.len, journal);
        }
        if !lane.active || lane.stuck {
            return;
        }
        match lane.source.kind {
            SourceKind::Authority => self.authority_entry(place, journal, at, bytes, leaf),
            SourceKind::Doors => self.doors_entry(place, (journal, at), &entry, ready.body),
            SourceKind::Spool | SourceKind::Prober | SourceKind::Room => {}
        }
    }

    /// An entry of the authority log, from its own ledger or from a replica.
    fn authority_entry(&mut self, lane: usize, journal: u64, at: Timestamp, bytes: &[u8], leaf: Digest) {
        match self.log.show(bytes, leaf) {
            Shown::Known => {}
            Shown::New => {
                self.tell();
            }
            Shown::Other { known } => {
                let index = EntryRef::decode(bytes).map_or(0, |entry| entry.index);
                if let Some(lane) = self.lanes.get_mut(lane) {
                    let got = leaf;
                    lane.trouble(Trouble::OtherAuthority { index, known, got }, journal, at);
                }
            }
            Shown::Misplaced => self.unread(
                lane,
                journal,
                at,
                "Der Eintrag setzt das Weisungsprotokoll nicht fort. / The entry does not continue the authority log.",
            ),
        }
    }

    /// Follows everything new in the authority log.
    fn tell(&mut self) {
        // The fold is shared with the picture until that is brought up to date again.
        self.picture.authority = None;
        while let Some((bytes, followed)) = self.log.tell() {
            self.followed(&bytes, followed);
        }
        self.picture.pin = self.log.pin;
    }

    fn unread(&mut self, lane: usize, journal: u64, at: Timestamp, why: &str) {
        if let Some(lane) = self.lanes.get_mut(lane) {
            let index = lane.source.len.saturating_sub(1);
            lane.stuck = true;
            lane.trouble(
                Trouble::Unread {
                    index,
                    why: why.to_owned(),
                },
                journal,
                at,
            );
        }
    }

    /// What following an entry of the authority log did.
    fn followed(&mut self, bytes: &[u8], followed: Followed) {
        let Ok(entry) = EntryRef::decode(bytes) else {
            return;
        };
        let (admitted, outcome) = match followed {
            Followed::Admitted(admitted) => (Some(admitted), Outcome::Admitted),
            Followed::Refused(refused) => (None, Outcome::Refused(refused.to_string())),
            Followed::Witnessed(_) => {
                self.charter_may_have_changed();
                return;
            }
            Followed::Nonce(_) | Followed::Other => return,
        };
        if entry.kind != STATEMENT_KIND {
            return;
        }
        let Ok(envelope) = serde_json::from_slice::<Envelope>(entry.body) else {
            self.picture.unread = self.picture.unread.saturating_add(1);
            return;
        };
        if matches!(admitted, Some(Admitted::Charter(_) | Admitted::Section(_))) {
            self.charter_may_have_changed();
        }
        let came = Came {
            envelope: &envelope,
            at: entry.at,
            outcome,
            index: entry.index,
        };
        let statements = Arc::make_mut(&mut self.picture.statements);
        self.shelves.logged(statements, came);
        let id = envelope.id();
        if self.picture.people.drafts.contains_key(&id) {
            Arc::make_mut(&mut self.picture.people).drafts.remove(&id);
        }
        if let Some(admitted) = admitted {
            self.ordered(entry.index, &admitted);
        }
    }

    fn charter_may_have_changed(&mut self) {
        let Some(charter) = self.log.peek().and_then(Authority::charter) else {
            return;
        };
        if self.picture.charter.as_deref() == Some(charter) {
            return;
        }
        self.shelves.who.follow(charter);
        self.picture.charter = Some(Arc::new(charter.clone()));
        self.shelves
            .ask_again(Arc::make_mut(&mut self.picture.statements));
    }

    /// Whether a draft of this name has already become a statement of the authority log.
    fn is_decided(&self, id: StatementId) -> bool {
        self.picture
            .statements
            .all
            .get(&id)
            .is_some_and(|known| known.index.is_some() && known.outcome == Outcome::Admitted)
    }

    /// Brings the picture up to date with everything taken.
    pub fn finish(&mut self, head: Head) {
        self.picture.head = head;
        self.picture.authority_len = self.log.len();
        self.picture.authority = self.log.current();
        self.finish_doors();
        if !self.changed.is_empty() {
            let sources = Arc::make_mut(&mut self.picture.sources);
            for place in std::mem::take(&mut self.changed) {
                if let Some(lane) = self.lanes.get(place).filter(|lane| lane.active) {
                    sources.insert(lane.id.clone(), lane.shown());
                }
            }
        }
    }

    /// The lane that takes a source's entries.
    pub(crate) fn lane_of(&self, source: &SourceId) -> Option<(u32, &Lane)> {
        self.lanes
            .iter()
            .enumerate()
            .rev()
            .find(|(_, lane)| lane.active && lane.id == *source)
            .and_then(|(place, lane)| Some((u32::try_from(place).ok()?, lane)))
    }
}
