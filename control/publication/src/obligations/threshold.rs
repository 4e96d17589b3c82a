//! When a disturbance is significant in the sense of Implementing Regulation (EU) 2024/2690, Articles 7, 8 and 10, as
//! read on a private site. Planned maintenance is exempt (recital 33); a cut in an emergency is not, so an order to
//! close can itself start a clock.

use vocabulary::Seconds;

use super::law::ObligationId;

/// What kind of provider.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Provider {
    /// Managed service or managed security service (Article 10).
    ManagedService,
    /// Data centre service (Article 8).
    DataCentre,
    /// Cloud computing service (Article 7).
    Cloud,
}

/// Whether an act of malice is suspected to have compromised integrity, confidentiality or authenticity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Harm {
    /// Nothing points to it.
    None,
    /// It is suspected.
    SuspectedMalice,
}

/// Whether the outage was planned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Work {
    /// Scheduled maintenance.
    Planned,
    /// Anything else, our own emergency cut included.
    Unplanned,
}

/// What is or would be disturbed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outage {
    /// Completely unavailable for so long; zero: not completely.
    pub complete: Seconds,
    /// Limited for so long; zero: not limited.
    pub limited: Seconds,
    /// Users in the Union that are affected.
    pub users_affected: u64,
    /// All users in the Union.
    pub users_all: u64,
    /// Malice.
    pub harm: Harm,
    /// Planned or not.
    pub work: Work,
}

/// The rule that makes a disturbance significant, if one does.
#[must_use]
pub fn significant(provider: Provider, outage: &Outage) -> Option<ObligationId> {
    let rule = match provider {
        Provider::ManagedService => "NIS2-TRG-MSP",
        Provider::DataCentre => "NIS2-TRG-DC",
        Provider::Cloud => "NIS2-TRG-CLOUD",
    };
    let half_an_hour = Seconds(30 * 60);
    let hour = Seconds(60 * 60);
    // More than 5 % or more than a million, whichever is smaller.
    let many = outage.users_affected > 1_000_000
        || u128::from(outage.users_affected) * 20 > u128::from(outage.users_all);
    let unavailable = match provider {
        Provider::ManagedService | Provider::Cloud => {
            outage.complete > half_an_hour || (outage.limited > hour && many)
        }
        Provider::DataCentre => outage.complete > Seconds(0) || outage.limited > hour,
    };
    let unplanned = outage.work == Work::Unplanned && unavailable;
    if unplanned || outage.harm == Harm::SuspectedMalice {
        rule.parse().ok()
    } else {
        None
    }
}
