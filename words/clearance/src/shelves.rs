//! Looking up what the log holds, without judging it.

use order::Opening;
use vocabulary::StatementId;

use crate::{authority::Authority, body::Consent};

impl Authority {
    /// An opening the log holds. That it is here says nothing about whether it opens anything.
    #[must_use]
    pub fn opening(&self, id: StatementId) -> Option<&Opening> {
        self.openings.get(&id).map(order::Authenticated::body)
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
