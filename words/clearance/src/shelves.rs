//! Looking up what the log holds, without judging it.

use order::{AgeRecipient, Opening, StandingOrder};
use vocabulary::{DoorId, InsurerId, StatementId};

use crate::{
    authority::Authority,
    body::{Clearance, Consent, Delegation, RewrappedKey},
};

impl Authority {
    /// An opening the log holds. That it is here says nothing about whether it opens anything.
    #[must_use]
    pub fn opening(&self, id: StatementId) -> Option<&Opening> {
        self.openings.get(&id).map(order::Authenticated::body)
    }

    /// A clearance the log holds, standing or not.
    #[must_use]
    pub fn clearance(&self, id: StatementId) -> Option<&Clearance> {
        self.clearances.get(&id).map(order::Authenticated::body)
    }

    /// Whose consent this is, fresh or standing.
    #[must_use]
    pub fn consent_of(&self, id: StatementId) -> Option<&InsurerId> {
        let fresh = self.consents.get(&id).map(|signed| &signed.body().insurer);
        let standing = || {
            self.standing_consents
                .get(&id)
                .map(|signed| &signed.body().insurer)
        };
        fresh.or_else(standing)
    }

    /// Whose refusal this is.
    #[must_use]
    pub fn refused_by(&self, id: StatementId) -> Option<&InsurerId> {
        self.refusals.get(&id).map(|signed| &signed.body().insurer)
    }

    /// A delegation the log holds, standing or not.
    #[must_use]
    pub fn delegation(&self, id: StatementId) -> Option<&Delegation> {
        self.delegations.get(&id).map(order::Authenticated::body)
    }

    /// A standing order the log holds, withdrawn or not.
    #[must_use]
    pub fn standing_order(&self, id: StatementId) -> Option<&StandingOrder> {
        self.standing_orders.get(&id).map(order::Authenticated::body)
    }

    /// The keys to what one door holds, wrapped to an emergency environment's identity by consents that name it and were
    /// not taken back. Keys open nothing by themselves: whether the environment may read is asked of the door.
    pub fn keys_for<'a>(
        &'a self,
        door: &'a DoorId,
        identity: &'a AgeRecipient,
    ) -> impl Iterator<Item = &'a RewrappedKey> {
        let insurer = &door.cell().insurer;
        let stands = move |id: StatementId, consent: &Consent| {
            consent.insurer == *insurer
                && consent.identity.as_ref() == Some(identity)
                && !self.is_consent_withdrawn(id, insurer)
        };
        self.consents
            .iter()
            .filter(move |(id, signed)| stands(**id, signed.body()))
            .flat_map(|(_, signed)| signed.body().rewrapped.iter())
            .filter(move |key| key.door == *door)
    }

    /// The consents to an opening that the log holds, withdrawn ones included: what they bring is the keys, which the
    /// insurer gave away when it signed.
    pub fn consents_to(&self, opening: StatementId) -> impl Iterator<Item = &Consent> {
        self.consents
            .values()
            .map(order::Authenticated::body)
            .filter(move |consent| consent.opening == opening)
    }
}
