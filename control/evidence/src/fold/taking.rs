//! Statements come in, from the authority log or from a door they were handed to, and take their places by kind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use clearance::{Against, Clearance, Consent, Delegation, Refusal, StandingConsent, Withdrawal, Withdraws};
use order::{Authenticated, Body, Charter, Closing, KeyId, Opening, StandingOrder};
use vocabulary::{Digest, Envelope, InsurerId, PayloadType, PersonId, Role, StatementId, Timestamp};

use crate::source::SourceId;
use crate::statement::{Outcome, Shelf, Signed, Statement, Statements, TakenBack};

/// Whose keys are whose, by the charter in force and the delegations admitted.
#[derive(Default)]
pub(super) struct Who {
    persons: BTreeMap<KeyId, PersonId>,
    insurers: BTreeMap<PersonId, InsurerId>,
    examiners: BTreeSet<PersonId>,
    delegated: BTreeMap<KeyId, PersonId>,
}

impl Who {
    /// Follows a charter that changed.
    pub(super) fn follow(&mut self, charter: &Charter) {
        self.persons.clear();
        self.insurers.clear();
        for person in charter.persons().values() {
            for key in &person.keys {
                self.persons.insert(key.id(), person.id.clone());
            }
        }
        for (insurer, section) in charter.sections() {
            for person in &section.draft().persons {
                for key in &person.keys {
                    self.persons.insert(key.id(), person.id.clone());
                }
                self.insurers.insert(person.id.clone(), insurer.clone());
            }
        }
        self.examiners = charter.holders(Role::Examiner).cloned().collect();
    }

    fn delegate(&mut self, delegation: &Delegation) {
        for key in &delegation.person.keys {
            self.delegated.insert(key.id(), delegation.person.id.clone());
        }
        self.examiners.insert(delegation.person.id.clone());
    }

    fn owners(&self, keys: &BTreeSet<KeyId>) -> BTreeSet<PersonId> {
        keys.iter()
            .filter_map(|key| self.persons.get(key).or_else(|| self.delegated.get(key)))
            .cloned()
            .collect()
    }

    /// For whom a withdrawal by these persons counts: everywhere, or for their own insurers only.
    fn reach(&self, persons: &BTreeSet<PersonId>) -> Reach {
        if persons.iter().any(|person| self.examiners.contains(person)) {
            return Reach::Everywhere;
        }
        Reach::Insurers(
            persons
                .iter()
                .filter_map(|person| self.insurers.get(person))
                .cloned()
                .collect(),
        )
    }
}

enum Reach {
    Everywhere,
    Insurers(BTreeSet<InsurerId>),
}

/// A withdrawal that may still meet what it takes back.
struct Taking {
    named: Withdraws,
    reach: Reach,
    back: TakenBack,
}

/// Statements of the picture, and what is needed to take in the next.
#[derive(Default)]
pub(super) struct Shelves {
    pub(super) who: Who,
    takings: Vec<Taking>,
    /// Statements known only from doors they were handed to, with their keys: whose these are is asked of the charter
    /// in force.
    by_hand: BTreeMap<StatementId, BTreeSet<KeyId>>,
}

/// A statement as it came.
pub(super) struct Came<'a> {
    pub(super) envelope: &'a Envelope,
    pub(super) at: Timestamp,
    pub(super) outcome: Outcome,
    /// Its place in the authority log.
    pub(super) index: u64,
}

impl Shelves {
    /// Takes a statement from the authority log.
    pub(super) fn logged(&mut self, to: &mut Statements, came: Came<'_>) {
        let id = came.envelope.id();
        let (keys, shelved) = self.read(came.envelope);
        let known = to.all.get(&id);
        let earlier = known.filter(|known| known.index.is_some());
        let handed_to = known.map(|known| known.handed_to.clone()).unwrap_or_default();
        // A copy with more signatures can be admitted later; what was admitted stays admitted.
        let stands = earlier.is_some_and(|known| known.outcome == Outcome::Admitted);
        let outcome = if stands { Outcome::Admitted } else { came.outcome };
        let (index, at) = match earlier {
            Some(earlier) if stands || outcome != Outcome::Admitted => (earlier.index, earlier.at),
            Some(_) | None => (Some(came.index), came.at),
        };
        let envelope = merged(known.map(|known| &*known.envelope), came.envelope);
        let mut signers = self.who.owners(&keys);
        signers.extend(earlier.map(|known| known.signers.clone()).unwrap_or_default());
        self.by_hand.remove(&id);
        let statement = Statement {
            index,
            at,
            envelope: Arc::new(envelope),
            outcome,
            signers,
            handed_to,
        };
        match statement.outcome {
            Outcome::Admitted => self.shelve(to, id, &statement, shelved),
            Outcome::Refused(_) => unshelve(to, id),
        }
        to.all.insert(id, statement);
    }

    /// Takes a statement that a door admitted without the log.
    pub(super) fn handed(
        &mut self,
        to: &mut Statements,
        envelope: &Envelope,
        door: &SourceId,
        at: Timestamp,
    ) {
        let id = envelope.id();
        if let Some(known) = to.all.get_mut(&id) {
            known.handed_to.insert(door.clone());
            if known.index.is_none() {
                known.at = known.at.min(at);
                if let Some(known_keys) = self.by_hand.get_mut(&id) {
                    known_keys.extend(keys_of(envelope));
                }
                let all = merged(Some(&known.envelope), envelope);
                known.envelope = Arc::new(all);
                let (signers, at) = (self.hand_signers(id), known.at);
                known.signers.clone_from(&signers);
                resign(to, id, &signers, at);
            }
            return;
        }
        let (keys, shelved) = self.read(envelope);
        self.by_hand.insert(id, keys.clone());
        let statement = Statement {
            index: None,
            at,
            envelope: Arc::new(envelope.clone()),
            outcome: Outcome::Admitted,
            signers: self.who.owners(&keys),
            handed_to: BTreeSet::from([door.clone()]),
        };
        self.shelve(to, id, &statement, shelved);
        to.all.insert(id, statement);
    }

    fn hand_signers(&self, id: StatementId) -> BTreeSet<PersonId> {
        self.by_hand
            .get(&id)
            .map(|keys| self.who.owners(keys))
            .unwrap_or_default()
    }

    /// The charter changed: who signed what was only handed to doors is asked again.
    pub(super) fn ask_again(&mut self, to: &mut Statements) {
        for id in self.by_hand.keys().copied().collect::<Vec<_>>() {
            let signers = self.hand_signers(id);
            if let Some(statement) = to.all.get_mut(&id) {
                statement.signers.clone_from(&signers);
                let at = statement.at;
                resign(to, id, &signers, at);
            }
        }
    }

    /// Reads and verifies: the keys that truly signed, and the body.
    fn read(&self, envelope: &Envelope) -> (BTreeSet<KeyId>, Option<Shelved>) {
        fn typed<T: Body + Clone>(
            envelope: &Envelope,
            make: impl Fn(Arc<T>) -> Shelved,
        ) -> (BTreeSet<KeyId>, Option<Shelved>) {
            match Authenticated::<T>::verify(envelope) {
                Ok(signed) => (signed.keys().clone(), Some(make(Arc::new(signed.body().clone())))),
                Err(_) => (BTreeSet::new(), None),
            }
        }
        match envelope.payload_type {
            PayloadType::Closing => typed(envelope, Shelved::Closing),
            PayloadType::Opening => typed(envelope, Shelved::Opening),
            PayloadType::StandingOrder => typed(envelope, Shelved::StandingOrder),
            PayloadType::Clearance => typed(envelope, Shelved::Clearance),
            PayloadType::Consent => typed(envelope, Shelved::Consent),
            PayloadType::StandingConsent => typed(envelope, Shelved::StandingConsent),
            PayloadType::Refusal => typed(envelope, Shelved::Refusal),
            PayloadType::Delegation => typed(envelope, Shelved::Delegation),
            PayloadType::Withdrawal => typed(envelope, Shelved::Withdrawal),
            PayloadType::Charter
            | PayloadType::CharterSection
            | PayloadType::Freshness
            | PayloadType::AnswerRelease => (keys_of(envelope), None),
        }
    }

    fn shelve(&mut self, to: &mut Statements, id: StatementId, statement: &Statement, what: Option<Shelved>) {
        match what {
            None => {}
            Some(Shelved::Closing(body)) => put(&mut to.closings, id, statement, body),
            Some(Shelved::Opening(body)) => put(&mut to.openings, id, statement, body),
            Some(Shelved::StandingOrder(body)) => put(&mut to.standing_orders, id, statement, body),
            Some(Shelved::Clearance(body)) => put(&mut to.clearances, id, statement, body),
            Some(Shelved::Consent(body)) => put(&mut to.consents, id, statement, body),
            Some(Shelved::StandingConsent(body)) => put(&mut to.standing_consents, id, statement, body),
            Some(Shelved::Refusal(body)) => put(&mut to.refusals, id, statement, body),
            Some(Shelved::Delegation(body)) => {
                self.who.delegate(&body);
                put(&mut to.delegations, id, statement, body);
            }
            Some(Shelved::Withdrawal(body)) => {
                self.takings.push(Taking {
                    named: body.withdraws,
                    reach: self.who.reach(&statement.signers),
                    back: TakenBack {
                        statement: id,
                        at: statement.at,
                        by: statement.signers.clone(),
                    },
                });
                put(&mut to.withdrawals, id, statement, body);
            }
        }
        self.take_back(to, id);
    }

    /// Lets withdrawals meet what they name, whichever came first.
    fn take_back(&self, to: &mut Statements, new: StatementId) {
        for taking in &self.takings {
            let touches_new = taking.back.statement == new || taking.named.names(new);
            match taking.named {
                Withdraws::Evidence(digest) => taking.evidence(&mut to.clearances, digest),
                Withdraws::Clearance(id) if touches_new => taking.clearance(&mut to.clearances, id),
                Withdraws::Consent(id) if touches_new => {
                    taking.mark(&mut to.consents, id);
                    taking.mark(&mut to.standing_consents, id);
                }
                Withdraws::Refusal(id) if touches_new => taking.mark(&mut to.refusals, id),
                Withdraws::Delegation(id) if touches_new => taking.mark(&mut to.delegations, id),
                Withdraws::StandingOrder(id) if touches_new => taking.mark(&mut to.standing_orders, id),
                Withdraws::Clearance(_)
                | Withdraws::Consent(_)
                | Withdraws::Refusal(_)
                | Withdraws::Delegation(_)
                | Withdraws::StandingOrder(_) => {}
            }
        }
    }
}

trait Names {
    fn names(&self, id: StatementId) -> bool;
}

impl Names for Withdraws {
    fn names(&self, id: StatementId) -> bool {
        match self {
            Self::Clearance(other)
            | Self::Delegation(other)
            | Self::Consent(other)
            | Self::Refusal(other)
            | Self::StandingOrder(other) => *other == id,
            Self::Evidence(_) => false,
        }
    }
}

impl Taking {
    fn counts_for(&self, clearance: &Clearance) -> bool {
        match &self.reach {
            Reach::Everywhere => true,
            Reach::Insurers(insurers) => insurers
                .iter()
                .any(|insurer| insurer.as_str() == clearance.environment.as_str()),
        }
    }

    fn clearance(&self, shelf: &mut Shelf<Clearance>, id: StatementId) {
        if shelf.get(&id).is_some_and(|signed| self.counts_for(&signed.body)) {
            self.mark(shelf, id);
        }
    }

    fn evidence(&self, shelf: &mut Shelf<Clearance>, digest: Digest) {
        for signed in shelf.values_mut() {
            if signed.body.evidence().any(|one| *one == digest) && self.counts_for(&signed.body) {
                self.add(signed);
            }
        }
    }

    fn mark<T>(&self, shelf: &mut Shelf<T>, id: StatementId) {
        if let Some(signed) = shelf.get_mut(&id) {
            self.add(signed);
        }
    }

    fn add<T>(&self, signed: &mut Signed<T>) {
        match signed
            .taken_back
            .binary_search_by_key(&self.back.statement, |back| back.statement)
        {
            Ok(place) => {
                if let Some(known) = signed.taken_back.get_mut(place) {
                    *known = self.back.clone();
                }
            }
            Err(place) => signed.taken_back.insert(place, self.back.clone()),
        }
    }
}

/// A body for its shelf.
enum Shelved {
    Closing(Arc<Closing>),
    Opening(Arc<Opening>),
    StandingOrder(Arc<StandingOrder>),
    Clearance(Arc<Clearance>),
    Consent(Arc<Consent>),
    StandingConsent(Arc<StandingConsent>),
    Refusal(Arc<Refusal>),
    Delegation(Arc<Delegation>),
    Withdrawal(Arc<Withdrawal>),
}

fn put<T>(shelf: &mut Shelf<T>, id: StatementId, statement: &Statement, body: Arc<T>) {
    let taken_back = shelf.remove(&id).map(|known| known.taken_back);
    shelf.insert(
        id,
        Signed {
            index: statement.index,
            at: statement.at,
            signers: statement.signers.clone(),
            body,
            taken_back: taken_back.unwrap_or_default(),
        },
    );
}

/// Every kind's shelf, for what concerns all of them.
macro_rules! every_shelf {
    ($to:ident, $shelf:ident => $do:expr) => {{
        {
            let $shelf = &mut $to.closings;
            $do
        }
        {
            let $shelf = &mut $to.openings;
            $do
        }
        {
            let $shelf = &mut $to.standing_orders;
            $do
        }
        {
            let $shelf = &mut $to.clearances;
            $do
        }
        {
            let $shelf = &mut $to.consents;
            $do
        }
        {
            let $shelf = &mut $to.standing_consents;
            $do
        }
        {
            let $shelf = &mut $to.refusals;
            $do
        }
        {
            let $shelf = &mut $to.delegations;
            $do
        }
        {
            let $shelf = &mut $to.withdrawals;
            $do
        }
    }};
}

/// The log refused what a door had admitted by hand: the log counts.
fn unshelve(to: &mut Statements, id: StatementId) {
    every_shelf!(to, shelf => {
        shelf.remove(&id);
    });
}

fn resign(to: &mut Statements, id: StatementId, signers: &BTreeSet<PersonId>, at: Timestamp) {
    every_shelf!(to, shelf => {
        if let Some(signed) = shelf.get_mut(&id) {
            signed.signers.clone_from(signers);
            signed.at = at;
        }
    });
}

/// Both copies' signatures under one statement.
fn merged(known: Option<&Envelope>, other: &Envelope) -> Envelope {
    let Some(known) = known else {
        return other.clone();
    };
    let mut all = known.clone();
    for signature in &other.signatures {
        if !all.signatures.contains(signature) && all.signatures.len() < SIGNATURES_MAX {
            all.signatures.push(signature.clone());
        }
    }
    all
}

/// Most signatures kept under one statement over all its copies.
const SIGNATURES_MAX: usize = 256;

/// Keys that truly signed a statement of any kind.
fn keys_of(envelope: &Envelope) -> BTreeSet<KeyId> {
    let bytes = envelope.signed_bytes();
    envelope
        .signatures
        .iter()
        .filter_map(|signature| order::verify(signature, &bytes).ok())
        .collect()
}

/// Whether a refusal stands against a statement: for those who read shelves.
#[must_use]
pub fn refuses(refusal: &Refusal, statement: StatementId) -> bool {
    match refusal.against {
        Against::Statement(id) => id == statement,
        Against::Everything => true,
    }
}
