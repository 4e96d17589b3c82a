//! The fold of the authority log: what is in force, for one replica.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
};
use order::{
    Authenticated, Charter, Closing, EarlierUses, Opening, Raising, Recovery, StandingOrder, StandingUse,
    Tightening, UseNumber,
};
use record::{Chain, Cosigned, EntryRef, Note, Origin, WitnessedTime, tree::leaf_hash};
use vocabulary::{Digest, Envelope, EstateId, InsurerId, RestrictionId, StatementId, Timestamp};

use crate::{
    admitted::Admitted,
    body::{Clearance, Consent, Delegation, Refusal, StandingConsent, Withdraws},
    refused::{NotFresh, Refused},
    view::{FreshView, NONCE_KIND, Nonce, NonceEntry, STATEMENT_KIND, WITNESSED_KIND},
};

/// How many nonces are remembered: a view is asked for right after its nonce was appended.
const NONCES_KEPT: usize = 65_536;
/// How many past roots are remembered: a witnessed entry follows soon after what it witnesses.
const ROOTS_KEPT: usize = 65_536;

/// The name of an estate's authority log.
///
/// # Errors
/// None in practice: an estate's name always fits into a log's name.
pub fn authority_origin(estate: &EstateId) -> Result<Origin, record::note::BadName> {
    Origin::new(&format!("bulkhead/{estate}/authority"))
}

/// Statements of one kind, by name.
pub(crate) type Shelf<T> = BTreeMap<StatementId, Authenticated<T>>;

/// For whom a withdrawal counts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum By {
    /// Everywhere.
    Central,
    /// For what is this insurer's own.
    Insurer(InsurerId),
}

/// A recovery that waits.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Waiting {
    pub(crate) statement: StatementId,
    pub(crate) replaces: Digest,
    pub(crate) recovery: Recovery,
    /// Its place in the log; none while it came only by hand.
    pub(crate) index: Option<u64>,
    /// When the log first says that it was witnessed.
    pub(crate) witnessed: Option<Timestamp>,
}

/// What following one log entry did. A statement that is refused stays in the log and changes nothing.
#[derive(Debug)]
pub enum Followed {
    /// A statement was admitted.
    Admitted(Admitted),
    /// A statement was refused.
    Refused(Refused),
    /// Somebody asked for a fresh view.
    Nonce(Nonce),
    /// The log records what witnesses had seen of it, and when.
    Witnessed(WitnessedTime),
    /// An entry of a kind that means nothing here.
    Other,
}

/// What is in force: the fold every door replays for itself. Every method is total; nothing here waits, stores or sends.
#[derive(PartialEq, Eq, Debug)]
pub struct Authority {
    pub(crate) estate: EstateId,
    pub(crate) pinned: Digest,
    origin: Origin,
    chain: Chain,
    nonces: BTreeMap<u64, Nonce>,
    roots: BTreeMap<u64, Digest>,
    pub(crate) charter: Option<Charter>,
    pub(crate) waiting: BTreeMap<InsurerId, Waiting>,
    /// Charters, sections and raisings already folded in.
    pub(crate) folded: BTreeSet<StatementId>,
    pub(crate) withdrawals: BTreeSet<StatementId>,
    pub(crate) closings: Shelf<Closing>,
    pub(crate) restrictions: BTreeMap<RestrictionId, StatementId>,
    pub(crate) raisings: BTreeMap<StatementId, Raising>,
    pub(crate) standing_orders: Shelf<StandingOrder>,
    pub(crate) openings: Shelf<Opening>,
    pub(crate) clearances: Shelf<Clearance>,
    pub(crate) consents: Shelf<Consent>,
    pub(crate) standing_consents: Shelf<StandingConsent>,
    pub(crate) refusals: Shelf<Refusal>,
    pub(crate) delegations: Shelf<Delegation>,
    pub(crate) withdrawn: BTreeMap<Withdraws, BTreeSet<By>>,
}

impl Authority {
    /// An empty replica, as installed: the estate, and the digest of the first charter's statement.
    ///
    /// # Errors
    /// As [`authority_origin`].
    pub fn install(estate: EstateId, first_charter: Digest) -> Result<Self, record::note::BadName> {
        let origin = authority_origin(&estate)?;
        Ok(Self {
            estate,
            pinned: first_charter,
            chain: Chain::new(&origin),
            origin,
            nonces: BTreeMap::new(),
            roots: BTreeMap::new(),
            charter: None,
            waiting: BTreeMap::new(),
            folded: BTreeSet::new(),
            withdrawals: BTreeSet::new(),
            closings: Shelf::new(),
            restrictions: BTreeMap::new(),
            raisings: BTreeMap::new(),
            standing_orders: Shelf::new(),
            openings: Shelf::new(),
            clearances: Shelf::new(),
            consents: Shelf::new(),
            standing_consents: Shelf::new(),
            refusals: Shelf::new(),
            delegations: Shelf::new(),
            withdrawn: BTreeMap::new(),
        })
    }

    /// The log this replica follows.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Where this replica stands in the log.
    #[must_use]
    pub fn head(&self) -> record::Head {
        self.chain.head()
    }

    /// The charter in force.
    #[must_use]
    pub const fn charter(&self) -> Option<&Charter> {
        self.charter.as_ref()
    }

    /// Follows the log by one encoded entry ([`record::Entry`]). `when` is a witnessed time at which the entry was
    /// known to be in the log, if there is one.
    ///
    /// # Errors
    /// [`Refused::Gap`] or [`Refused::Entry`] when it is not the next entry of this log; nothing changed. A statement
    /// inside the entry that is refused is no error: it is part of the log, and answered with [`Followed::Refused`].
    pub fn follow(&mut self, entry: &[u8], when: Option<WitnessedTime>) -> Result<Followed, Refused> {
        let read = EntryRef::decode(entry).map_err(|bad| Refused::Entry(format!("{bad}")))?;
        let gap = |why| Refused::Gap {
            expected: self.chain.len(),
            index: read.index,
            why,
        };
        if read.index != self.chain.len() {
            return Err(gap("Nummer/number"));
        }
        if read.previous != self.chain.tip() {
            return Err(gap("Kette/chain"));
        }
        self.chain.follow(leaf_hash(entry), |_, _| {});
        let head = self.chain.head();
        self.roots.insert(head.len, head.root);
        while self.roots.len() > ROOTS_KEPT {
            self.roots.pop_first();
        }
        let done = match read.kind {
            STATEMENT_KIND => serde_json::from_slice::<Envelope>(read.body)
                .map_err(|bad| Refused::Entry(format!("{bad}")))
                .and_then(|envelope| self.take_in(&envelope, when, Some(read.index)))
                .map(Followed::Admitted),
            NONCE_KIND => serde_json::from_slice::<NonceEntry>(read.body)
                .map_err(|bad| Refused::Entry(format!("{bad}")))
                .map(|entry| {
                    self.remember(read.index, entry.nonce);
                    Followed::Nonce(entry.nonce)
                }),
            WITNESSED_KIND => self.witnessed(read.body).map(Followed::Witnessed),
            _ => Ok(Followed::Other),
        };
        Ok(done.unwrap_or_else(Followed::Refused))
    }

    /// The log itself says what witnesses had seen of it. Only this starts and ends the wait of a recovery, so every
    /// replica of one log agrees, and a replica that is shown less than the witnesses saw never gets there.
    fn witnessed(&mut self, note: &[u8]) -> Result<WitnessedTime, Refused> {
        let note = Note::parse(note).map_err(|bad| Refused::Entry(format!("{bad}")))?;
        let witnesses = self.in_force()?.witnesses();
        let cosigned = Cosigned::verify(&note, &self.origin, witnesses).map_err(NotFresh::NotCosigned)?;
        if self.roots.get(&cosigned.size()) != Some(&cosigned.root()) {
            let (seen, held) = (cosigned.size(), self.chain.len());
            return Err(NotFresh::OtherLog { seen, held }.into());
        }
        let time = cosigned.time();
        for waiting in self.waiting.values_mut() {
            if waiting.index.is_some_and(|index| index < cosigned.size()) {
                waiting.witnessed.get_or_insert(time.instant());
            }
        }
        self.ripen(time.instant());
        Ok(time)
    }

    fn remember(&mut self, index: u64, nonce: Nonce) {
        self.nonces.insert(index, nonce);
        while self.nonces.len() > NONCES_KEPT {
            self.nonces.pop_first();
        }
    }

    /// Proves that this replica is the whole log as the charter's quorum of witnesses saw it after `nonce` was drawn.
    /// The caller drew `nonce` itself, for this question only.
    ///
    /// # Errors
    /// [`NotFresh`] says what is missing.
    pub fn fresh(&self, note: &Note, nonce: Nonce) -> Result<FreshView, NotFresh> {
        let charter = self.charter.as_ref().ok_or(NotFresh::NoCharter)?;
        let cosigned =
            Cosigned::verify(note, &self.origin, charter.witnesses()).map_err(NotFresh::NotCosigned)?;
        let head = self.chain.head();
        if cosigned.size() != head.len || cosigned.root() != head.root {
            return Err(NotFresh::OtherLog {
                seen: cosigned.size(),
                held: head.len,
            });
        }
        if !self.nonces.values().any(|known| *known == nonce) {
            return Err(NotFresh::NoNonce);
        }
        Ok(FreshView {
            nonce,
            size: head.len,
            root: head.root,
            time: cosigned.time(),
        })
    }

    /// Whether a view is of exactly what this replica holds now.
    pub(crate) fn is_whole(&self, view: &FreshView) -> Result<(), NotFresh> {
        let head = self.chain.head();
        if view.size == head.len && view.root == head.root {
            Ok(())
        } else {
            Err(NotFresh::Outgrown {
                then: view.size,
                now: head.len,
            })
        }
    }

    /// Puts recoveries in force whose wait is over and to which the insurer did not say no.
    fn ripen(&mut self, now: Timestamp) {
        let Some(charter) = self.charter.as_ref() else {
            return;
        };
        let delay = charter.recovery_delay();
        let due: BTreeSet<InsurerId> = self
            .waiting
            .iter()
            .filter(|(_, waiting)| waiting.witnessed.is_some_and(|since| now >= since.plus(delay)))
            .map(|(insurer, _)| insurer.clone())
            .collect();
        for insurer in due {
            let objected = self
                .refusal_of(&insurer, &|_| false, &|id| self.is_waiting(&insurer, id))
                .is_some();
            let Some(waiting) = self.waiting.remove(&insurer) else {
                continue;
            };
            if let (false, Some(charter)) = (objected, self.charter.as_mut()) {
                // A section that changed meanwhile wins over a recovery written for the old one.
                let _changed_meanwhile =
                    charter.recover(waiting.recovery.section().draft().clone(), &waiting.replaces);
            }
        }
    }

    fn is_waiting(&self, insurer: &InsurerId, id: StatementId) -> bool {
        self.waiting
            .get(insurer)
            .is_some_and(|waiting| waiting.statement == id)
    }

    /// The proof behind a closing that was admitted before, for a door that could not apply it then, or for a further
    /// use of an order that was pre-signed for many.
    ///
    /// # Errors
    /// [`Refused`] as at first admission, or when it is not known.
    pub fn tightening(
        &self,
        statement: StatementId,
        number: UseNumber,
        witnessed: Option<WitnessedTime>,
    ) -> Result<Tightening, Refused> {
        let charter = self.charter.as_ref().ok_or(order::Refused::NoCharter)?;
        let closing = self.closings.get(&statement).ok_or(order::Refused::OtherOrder)?;
        Ok(order::tighten(
            closing,
            charter,
            number,
            witnessed.map(WitnessedTime::instant),
        )?)
    }

    /// One use of a standing order by a detector. `earlier` and `now` are the record and clock of the door that counts.
    ///
    /// # Errors
    /// [`Refused`] says what the order does not allow.
    pub fn use_standing(
        &self,
        asked: &StandingUse,
        earlier: &EarlierUses,
        now: Timestamp,
        witnessed: Option<WitnessedTime>,
    ) -> Result<Tightening, Refused> {
        let charter = self.charter.as_ref().ok_or(order::Refused::NoCharter)?;
        let standing = self
            .standing_orders
            .get(&asked.order)
            .ok_or(order::Refused::OtherOrder)?;
        if self
            .withdrawn
            .contains_key(&Withdraws::StandingOrder(asked.order))
        {
            return Err(Refused::StandingOrderWithdrawn(asked.order));
        }
        let witnessed = witnessed.map(WitnessedTime::instant);
        Ok(order::use_standing(
            standing, charter, asked, earlier, now, witnessed,
        )?)
    }
}
