//! Where everything stands: the value the console, the plan and the adapters read.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use clearance::Authority;
use order::{Charter, Text};
use record::Head;
use serde::{Deserialize, Serialize};
use vocabulary::{
    CellId, Digest, DoorId, EnvironmentId, EstateId, IncidentId, InsurerId, PersonId, Scope, Seconds,
    ServiceId, SignalId, StatementId, Timestamp,
};

use crate::door_view::{Door, Level};
use crate::room::{
    Backlog, CalloutEvent, ClaimMade, DraftDropped, DraftProposed, NoticePublished, ObligationSent, PlanSlot,
    PromiseMade, SignalSeen, TestAccepted, TestRefused,
};
use crate::source::{Source, SourceId, Trouble};
use crate::statement::{Carried, Statements};

/// Most entries kept of each list that only grows; older ones are in the journal.
pub const LIST_MAX: usize = 10_000;

/// A room entry as the picture keeps it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Written<T> {
    /// Number of the journal entry.
    pub entry: u64,
    /// When, for people.
    pub at: Timestamp,
    /// What.
    pub body: T,
}

/// What we believe is going wrong.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Incident {
    /// What is believed.
    pub title: Text,
    /// Where.
    pub scope: Scope,
    /// What it rests on.
    pub signals: BTreeSet<SignalId>,
    /// When it was opened, and by whom.
    pub opened: (Timestamp, Option<PersonId>),
    /// What became known, oldest first.
    pub updates: Vec<(Timestamp, Option<PersonId>, Text)>,
    /// When it ended, by whom, and why; absent while it goes on.
    pub closed: Option<(Timestamp, Option<PersonId>, Text)>,
}

/// Where an environment stands in the restoration's state machine.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Environment {
    /// As the restoration room names it.
    pub state: String,
    /// Since when.
    pub since: Timestamp,
}

/// How a returned cell's test by its insurer came out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Test {
    /// Yes.
    Accepted(Written<TestAccepted>),
    /// No.
    Refused(Written<TestRefused>),
}

/// A door said no to an opening.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Refused {
    /// Which door.
    pub door: DoorId,
    /// To which opening.
    pub opening: StatementId,
    /// What was missing, in German and English.
    pub missing: String,
    /// When, by the door's clock.
    pub at: Timestamp,
    /// How often so far.
    pub times: u64,
}

/// What people and machines of the room said, as far as it is kept at hand.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct People {
    /// Incidents by name.
    pub incidents: BTreeMap<IncidentId, Incident>,
    /// Signals, oldest first.
    pub signals: VecDeque<Written<SignalSeen>>,
    /// How each insurer ranks its services, newest word.
    pub ranks: BTreeMap<InsurerId, Written<Vec<ServiceId>>>,
    /// The slot booked for each cell, newest word.
    pub slots: BTreeMap<CellId, Written<PlanSlot>>,
    /// How each cell's test came out, newest word.
    pub tests: BTreeMap<CellId, Test>,
    /// Promises, oldest first.
    pub promises: VecDeque<Written<PromiseMade>>,
    /// Claims by name, each with its history, oldest first.
    pub claims: BTreeMap<String, Vec<Written<ClaimMade>>>,
    /// Steps of calling people out, oldest first.
    pub callouts: VecDeque<Written<CalloutEvent>>,
    /// Texts that went out, oldest first.
    pub notices: VecDeque<Written<NoticePublished>>,
    /// Duties done, oldest first.
    pub obligations: VecDeque<Written<ObligationSent>>,
    /// Sessions by digest, with person and end. Ended ones are dropped as others begin.
    pub sessions: BTreeMap<Digest, (Option<PersonId>, Timestamp)>,
    /// Drafts by the statement they will be, newest version. One that entered the authority log is dropped.
    pub drafts: BTreeMap<StatementId, Written<DraftProposed>>,
    /// Drafts somebody dropped, by the statement they would have been. Kept so that they stay dropped.
    #[serde(default)]
    pub dropped: BTreeMap<StatementId, Written<DraftDropped>>,
    /// How far doors are trusted in peace, where somebody said so.
    pub levels: BTreeMap<DoorId, Level>,
}

/// Where the root of all authority comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pin {
    /// The room was installed with the digest of the first charter.
    Installed(Digest),
    /// It was not, and took the first charter that came. Whoever installs should compare it with the paper.
    FirstSeen(Digest),
    /// No charter is known.
    Missing,
}

/// Where everything stands, as the fold of the journal up to [`head`](Self::head). Cheap to clone: parts are shared
/// until they change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Picture {
    pub(crate) estate: EstateId,
    pub(crate) head: Head,
    pub(crate) at: Timestamp,
    pub(crate) pin: Pin,
    pub(crate) charter: Option<Arc<Charter>>,
    pub(crate) authority: Option<Arc<Authority>>,
    pub(crate) authority_len: u64,
    pub(crate) sources: Arc<BTreeMap<SourceId, Source>>,
    pub(crate) statements: Arc<Statements>,
    pub(crate) carried: Arc<BTreeMap<StatementId, Carried>>,
    pub(crate) doors: Arc<BTreeMap<DoorId, Arc<Door>>>,
    pub(crate) refusals: Arc<VecDeque<Refused>>,
    pub(crate) backlog: Arc<BTreeMap<CellId, Written<Backlog>>>,
    pub(crate) environments: Arc<BTreeMap<EnvironmentId, Environment>>,
    pub(crate) people: Arc<People>,
    pub(crate) unread: u64,
}

impl Picture {
    /// An estate of which nothing is known.
    #[must_use]
    pub fn empty(estate: EstateId, head: Head) -> Self {
        Self {
            estate,
            head,
            at: Timestamp(0),
            pin: Pin::Missing,
            charter: None,
            authority: None,
            authority_len: 0,
            sources: Arc::default(),
            statements: Arc::default(),
            carried: Arc::default(),
            doors: Arc::default(),
            refusals: Arc::default(),
            backlog: Arc::default(),
            environments: Arc::default(),
            people: Arc::default(),
            unread: 0,
        }
    }

    /// Which estate.
    #[must_use]
    pub const fn estate(&self) -> &EstateId {
        &self.estate
    }

    /// The journal up to which this is the fold.
    #[must_use]
    pub const fn head(&self) -> Head {
        self.head
    }

    /// Time of the newest journal entry, for people.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// Where the root of all authority comes from.
    #[must_use]
    pub const fn pin(&self) -> Pin {
        self.pin
    }

    /// The charter in force: persons, roles, thresholds, witnesses.
    #[must_use]
    pub fn charter(&self) -> Option<&Arc<Charter>> {
        self.charter.as_ref()
    }

    /// The authority log as it stands, folded: what to ask ahead of a draft. None while no charter is known. It proves
    /// nothing to a door.
    #[must_use]
    pub fn authority(&self) -> Option<&Authority> {
        self.authority.as_deref()
    }

    /// Entries of the authority log known here.
    #[must_use]
    pub const fn authority_len(&self) -> u64 {
        self.authority_len
    }

    /// Every log the journal reads.
    #[must_use]
    pub fn sources(&self) -> &BTreeMap<SourceId, Source> {
        &self.sources
    }

    /// Every signed statement, and the admitted ones by kind.
    #[must_use]
    pub fn statements(&self) -> &Statements {
        &self.statements
    }

    /// What became of an opening at its doors.
    #[must_use]
    pub fn carried(&self, opening: StatementId) -> Option<&Carried> {
        self.carried.get(&opening)
    }

    /// Every door, by name.
    #[must_use]
    pub fn doors(&self) -> &BTreeMap<DoorId, Arc<Door>> {
        &self.doors
    }

    /// One door.
    #[must_use]
    pub fn door(&self, id: &DoorId) -> Option<&Door> {
        self.doors.get(id).map(|door| &**door)
    }

    /// Since when a door's ledger has not been heard, if that is longer than a limit.
    #[must_use]
    pub fn unreached(&self, id: &DoorId, now: Timestamp, limit: Seconds) -> Option<Timestamp> {
        self.sources.get(&self.door(id)?.source)?.silent(now, limit)
    }

    /// What is wrong now with the ledger that tells about a door. While there is anything, what the picture shows of
    /// the door is the last that was certain.
    pub fn doubts(&self, id: &DoorId) -> impl Iterator<Item = &Trouble> {
        self.door(id)
            .and_then(|door| self.sources.get(&door.source))
            .into_iter()
            .flat_map(|source| source.open_troubles().map(|noted| &noted.trouble))
    }

    /// Sources not heard for longer than a limit, each with the time since.
    pub fn silent(&self, now: Timestamp, limit: Seconds) -> impl Iterator<Item = (&SourceId, Timestamp)> {
        self.sources
            .iter()
            .filter_map(move |(id, source)| Some((id, source.silent(now, limit)?)))
    }

    /// What doors said no to, oldest first.
    #[must_use]
    pub fn refusals(&self) -> &VecDeque<Refused> {
        &self.refusals
    }

    /// What lies in the spools, by cell, with the time it was counted.
    #[must_use]
    pub fn backlog(&self) -> &BTreeMap<CellId, Written<Backlog>> {
        &self.backlog
    }

    /// Environments in the restoration's state machine.
    #[must_use]
    pub fn environments(&self) -> &BTreeMap<EnvironmentId, Environment> {
        &self.environments
    }

    /// What people and machines of the room said.
    #[must_use]
    pub fn people(&self) -> &People {
        &self.people
    }

    /// Journal entries of kinds this version does not know. They are kept and mean nothing here.
    #[must_use]
    pub const fn unread(&self) -> u64 {
        self.unread
    }
}
