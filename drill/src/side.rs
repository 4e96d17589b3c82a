//! What stands between the outside and the insurers' systems: nothing, or the system. The exercise knows only this.

use core::future::Future;

use serde::Serialize;
use vocabulary::{Millis, Place};

use crate::{outside::Way, script::Action};

/// How the outside reaches a side.
#[derive(Clone, Debug)]
pub struct Ways {
    /// Where practices hand letters in (SMTP, server to server).
    pub intake: Way,
    /// Where consumers fetch (POP3; user is the mailbox, password [`MAILBOX_PASSWORD`](crate::outside::MAILBOX_PASSWORD)).
    pub fetch: Way,
    /// Where consumers submit (SMTP with AUTH PLAIN, same user and password).
    pub submission: Way,
}

/// How a step ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Done. Spans count from the order; a grade nobody measured is `None`.
    Done {
        /// Until the last door said *applied*.
        applied: Option<Millis>,
        /// Until the prober found the last door *proven*.
        proven: Option<Millis>,
    },
    /// The side refuses, and says why.
    Refused {
        /// German.
        de: String,
        /// English.
        en: String,
    },
    /// Nobody there who could obey: there are no doors, or this is not built yet.
    NotBuilt,
}

/// A side's own reconciliation certificate, all cells together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Certificate {
    /// Items senders offered.
    pub offered: u64,
    /// Items taken with responsibility.
    pub accepted: u64,
    /// Items refused with a reason.
    pub refused: u64,
    /// Items lying in the spool.
    pub held: u64,
    /// Items handed over without a certain answer.
    pub in_doubt: u64,
    /// Items the regular system took.
    pub handed_over: u64,
    /// Items a person must look at.
    pub parked: u64,
}

impl Certificate {
    /// SPOOL-2: offered = accepted + refused; accepted = held + in doubt + handed over + parked.
    #[must_use]
    pub fn balances(&self) -> bool {
        let placed = [self.in_doubt, self.handed_over, self.parked]
            .iter()
            .fold(self.held, |a, b| a.saturating_add(*b));
        self.offered == self.accepted.saturating_add(self.refused) && self.accepted == placed
    }
}

/// Whether a promise of DESIGN section 10 held.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kept {
    /// It held.
    Held,
    /// It was broken.
    Broken,
    /// Nothing in this exercise could tell.
    NotCovered,
}

/// A promise and what speaks for or against it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Promise {
    /// Its id, as in `SPOOL-2`.
    pub id: String,
    /// The finding.
    pub kept: Kept,
    /// What was measured, in one line.
    pub evidence: String,
}

/// How the first order towards more shut was told, counted from the order. What nobody measured is `None`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Told {
    /// Until the operators' screen showed every door of it closed and proven.
    pub screen: Option<Millis>,
    /// Until the public page said so.
    pub page: Option<Millis>,
}

/// What is put in between. The runner calls its functions one at a time, in the order of the script.
pub trait Side: Send {
    /// How the outside reaches it. Asked once, before anything is sent.
    fn ways(&self) -> Ways;

    /// Whether something stands at this place that could obey. A cell without it is never counted as back.
    fn guards(&self, place: &Place) -> bool;

    /// Carries a step out: `cut`, `provisional`, `re-shut`, `clear` or `open`. Returns when it is applied (and proven,
    /// if the side can prove).
    fn act(&mut self, action: &Action) -> impl Future<Output = Outcome> + Send;

    /// Its certificate now, if it has one.
    fn certificate(&mut self) -> impl Future<Output = Option<Certificate>> + Send;

    /// How the first order was told. A side with nothing to tell it has nothing to say.
    fn told(&self) -> Told {
        Told::default()
    }

    /// What its own rooms say of their promises at the end.
    fn promises(&mut self) -> impl Future<Output = Vec<Promise>> + Send;
}
