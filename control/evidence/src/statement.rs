//! Signed statements as the room shows them: what the fold of the authority log made of each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use clearance::{Clearance, Consent, Delegation, Refusal, StandingConsent, Withdrawal};
use order::{Closing, Opening, StandingOrder};
use serde::{Deserialize, Serialize};
use vocabulary::{Digest, DoorId, Envelope, PersonId, StatementId, Timestamp};

use crate::source::SourceId;

/// What became of a statement.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It counts.
    Admitted,
    /// It is in the log and changes nothing, with what is missing, in German and English.
    Refused(String),
}

/// One signed statement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statement {
    /// Its place in the authority log; none while it is known only from a door it was handed to.
    pub index: Option<u64>,
    /// When it was recorded, for people.
    pub at: Timestamp,
    /// The exact bytes and every signature known.
    pub envelope: Arc<Envelope>,
    /// What became of it.
    pub outcome: Outcome,
    /// Persons of the charter who signed it, as the charter stood then.
    pub signers: BTreeSet<PersonId>,
    /// Doors' ledgers to which it was handed straight, without the log.
    pub handed_to: BTreeSet<SourceId>,
}

/// Who took a statement back, and when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TakenBack {
    /// The withdrawal.
    pub statement: StatementId,
    /// When it was recorded.
    pub at: Timestamp,
    /// Who signed it.
    pub by: BTreeSet<PersonId>,
}

/// An admitted statement of one kind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signed<T> {
    /// Its place in the authority log; none while it is known only from a door it was handed to.
    pub index: Option<u64>,
    /// When it was recorded, for people.
    pub at: Timestamp,
    /// Who signed it.
    pub signers: BTreeSet<PersonId>,
    /// What it says.
    pub body: Arc<T>,
    /// Withdrawals that name it. (That what it relies on fell is for [`Statements::fallen`].)
    pub taken_back: Vec<TakenBack>,
}

/// What became of an opening, door by door.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Carried {
    /// Doors whose ledgers say that it was carried out.
    pub applied: BTreeSet<DoorId>,
    /// Doors that refused it, with what was missing when they were asked last, and how often they were asked.
    pub refused: BTreeMap<DoorId, (String, u64)>,
}

/// Statements of one kind, by name.
pub type Shelf<T> = BTreeMap<StatementId, Signed<T>>;

/// Every statement, and the admitted ones by kind.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Statements {
    /// All of them, refused ones included.
    pub all: BTreeMap<StatementId, Statement>,
    /// Orders towards more shut, raisings included.
    pub closings: Shelf<Closing>,
    /// Orders towards more open.
    pub openings: Shelf<Opening>,
    /// Orders given in peace.
    pub standing_orders: Shelf<StandingOrder>,
    /// Examiners' statements.
    pub clearances: Shelf<Clearance>,
    /// Insurers' yes to one opening.
    pub consents: Shelf<Consent>,
    /// Insurers' yes in peace.
    pub standing_consents: Shelf<StandingConsent>,
    /// Insurers' no.
    pub refusals: Shelf<Refusal>,
    /// Examiners from outside.
    pub delegations: Shelf<Delegation>,
    /// What was taken back.
    pub withdrawals: Shelf<Withdrawal>,
}

impl Statements {
    /// Whether a clearance no longer counts because it, its evidence or anything it relies on was taken back.
    #[must_use]
    pub fn fallen(&self, clearance: StatementId) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![clearance];
        while let Some(id) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            let Some(signed) = self.clearances.get(&id) else {
                continue;
            };
            if !signed.taken_back.is_empty() {
                return true;
            }
            open.extend(signed.body.relies_on.iter().copied());
        }
        false
    }

    /// Every clearance that would fall with one, through all that rely on it, itself included.
    #[must_use]
    pub fn closure(&self, clearance: StatementId) -> BTreeSet<StatementId> {
        self.closure_of(BTreeSet::from([clearance]))
    }

    /// Every clearance that would fall with a piece of evidence.
    #[must_use]
    pub fn closure_of_evidence(&self, evidence: Digest) -> BTreeSet<StatementId> {
        let stand = self.clearances.iter().filter(|(_, signed)| {
            signed.body.evidence_root == evidence || signed.body.examined.contains(&evidence)
        });
        self.closure_of(stand.map(|(id, _)| *id).collect())
    }

    fn closure_of(&self, mut fallen: BTreeSet<StatementId>) -> BTreeSet<StatementId> {
        loop {
            let further: BTreeSet<StatementId> = self
                .clearances
                .iter()
                .filter(|(id, signed)| !fallen.contains(id) && !signed.body.relies_on.is_disjoint(&fallen))
                .map(|(id, _)| *id)
                .collect();
            if further.is_empty() {
                return fallen;
            }
            fallen.extend(further);
        }
    }
}
