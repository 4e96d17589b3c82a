//! What no single field of a fact sheet can guarantee.

use std::collections::{BTreeMap, BTreeSet};

use vocabulary::{CellId, Class, InsurerId, ServiceId, Timestamp};

use super::{Change, Claim, ClaimId, FactSheet, Stage, Update};
use crate::{
    text::BadText,
    words::{ServiceKind, State},
};

/// Bounds of a sheet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Insurers.
    pub insurers_max: usize,
    /// Cells.
    pub cells_max: usize,
    /// Claims, corrected ones included: they all stay visible.
    pub claims_max: usize,
    /// Updates shown; older ones are in the journal.
    pub updates_max: usize,
    /// Cells named in all updates together: the log page lists each.
    pub update_cells_max: usize,
}

/// The bounds in force: the largest provider has 80 insurers and 8 services today; a page stays readable and the
/// whole site below a few megabytes.
pub const LIMITS: Limits = Limits {
    insurers_max: 500,
    cells_max: 8_000,
    claims_max: 500,
    updates_max: 500,
    update_cells_max: 10_000,
};

/// 2000-01-01 and 2200-01-01: an instant outside is a mistake in units.
const YEARS: (Timestamp, Timestamp) = (Timestamp(946_684_800), Timestamp(7_258_118_400));

/// Why nothing is published from a sheet.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadSheet {
    /// The name of the estate may not be published.
    #[error(
        "Name des Betreibers: {} / Name of the estate: {}",
        vocabulary::german(why),
        vocabulary::english(why)
    )]
    EstateName {
        /// Why.
        why: BadText,
    },
    /// The name of an insurer may not be published.
    #[error(
        "Name der Kasse {insurer}: {} / Name of the insurer {insurer}: {}",
        vocabulary::german(why),
        vocabulary::english(why)
    )]
    InsurerName {
        /// Whose.
        insurer: InsurerId,
        /// Why.
        why: BadText,
    },
    /// The name of a service may not be published.
    #[error(
        "Name des Dienstes {service}: {} / Name of the service {service}: {}",
        vocabulary::german(why),
        vocabulary::english(why)
    )]
    ServiceName {
        /// Of which service.
        service: ServiceId,
        /// Why.
        why: BadText,
    },
    /// More than the page bears.
    #[error(
        "Zu viele Einträge: {what} {count}, höchstens {max}. / Too many entries: {what} {count}, at most {max}."
    )]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        count: usize,
        /// The limit.
        max: usize,
    },
    /// An instant that cannot be meant.
    #[error(
        "Die Zeitangabe {at} bei {place} liegt nicht zwischen 2000 und 2200 oder nach dem Stand der Fakten. / The time {at} at {place} is not between 2000 and 2200 or lies after the facts."
    )]
    Time {
        /// Where.
        place: String,
        /// The instant.
        at: Timestamp,
    },
    /// Two insurers would look the same.
    #[error(
        "Zwei Kassen heißen öffentlich gleich: {first} und {second}. / Two insurers have the same public name: {first} and {second}."
    )]
    SameName {
        /// One.
        first: InsurerId,
        /// The other.
        second: InsurerId,
    },
    /// A cell whose insurer or service has no public name.
    #[error(
        "Zu {cell} fehlt ein öffentlicher Name von Kasse oder Dienst. / {cell} lacks a public name of its insurer or service."
    )]
    Nameless {
        /// Which.
        cell: CellId,
    },
    /// "Held" where nothing can wait.
    #[error(
        "{cell} kann nicht „angenommen, wartet“ sein: dort wartet jemand auf die Antwort. / {cell} cannot be \"accepted, waiting\": somebody waits for the answer."
    )]
    CannotWait {
        /// Which.
        cell: CellId,
    },
    /// Not normal, and no time at which we speak again.
    #[error(
        "{cell} ist nicht in Betrieb, es fehlt die Zeit der nächsten Meldung. / {cell} does not operate normally and the time of the next update is missing."
    )]
    Silent {
        /// Which.
        cell: CellId,
    },
    /// The log of updates and the cell disagree.
    #[error(
        "Das Protokoll widerspricht dem Stand von {cell}. / The log of updates contradicts the state of {cell}."
    )]
    Contradiction {
        /// Which.
        cell: CellId,
    },
    /// The all-clear while something is not clear.
    #[error(
        "Entwarnung ist nicht möglich: {cell} ist nicht in Betrieb. / No all-clear: {cell} does not operate normally."
    )]
    NotClear {
        /// Which.
        cell: CellId,
    },
    /// A claim's name is used twice, or it corrects what is missing, later, or corrected already.
    #[error(
        "Aussage {claim}: der Name ist doppelt, oder sie berichtigt eine Aussage, die fehlt, jünger ist oder schon berichtigt wurde. / Claim {claim}: its name is used twice, or it corrects a claim that is missing, later, or corrected already."
    )]
    Correction {
        /// Which.
        claim: ClaimId,
    },
    /// The log is out of order, or speaks of a cell or claim that is not there.
    #[error(
        "Das Protokoll ist nicht zeitlich geordnet oder nennt Unbekanntes (Eintrag {index}). / The log of updates is out of order or names something unknown (entry {index})."
    )]
    Log {
        /// Which entry.
        index: usize,
    },
    /// An address that is not a web address.
    #[error(
        "Die Adresse der Seite muss mit https:// beginnen, mit / enden und nur a-z, 0-9, '-', '.', '/' enthalten. / The site's address must begin with https://, end with / and contain only a-z, 0-9, '-', '.', '/'."
    )]
    Address,
}

impl FactSheet {
    /// Reads what no single field can guarantee.
    ///
    /// # Errors
    /// The first [`BadSheet`] found.
    pub fn check(&self) -> Result<(), BadSheet> {
        self.bounds()?;
        self.names()?;
        self.times()?;
        self.cells()?;
        self.claims_and_corrections()?;
        self.log()
    }

    fn bounds(&self) -> Result<(), BadSheet> {
        for (what, count, max) in [
            ("insurers", self.insurers.len(), LIMITS.insurers_max),
            ("cells", self.cells.len(), LIMITS.cells_max),
            ("services", self.services.len(), LIMITS.insurers_max),
            ("claims", self.claims.len(), LIMITS.claims_max),
            ("updates", self.updates.len(), LIMITS.updates_max),
            (
                "update cells",
                self.updates.iter().map(Update::cells).sum(),
                LIMITS.update_cells_max,
            ),
        ] {
            if count > max {
                return Err(BadSheet::TooMany { what, count, max });
            }
        }
        Ok(())
    }

    fn names(&self) -> Result<(), BadSheet> {
        let mut seen: BTreeMap<&str, &InsurerId> = BTreeMap::new();
        for (id, name) in &self.insurers {
            if let Some(first) = seen.insert(name.as_str(), id) {
                return Err(BadSheet::SameName {
                    first: first.clone(),
                    second: id.clone(),
                });
            }
        }
        let Some(address) = &self.address else {
            return Ok(());
        };
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.' | b'/');
        let rest = address
            .as_str()
            .strip_prefix("https://")
            .filter(|rest| rest.ends_with('/') && rest.len() > 1);
        if rest.is_some_and(|rest| rest.bytes().all(plain) && !rest.contains("..")) {
            Ok(())
        } else {
            Err(BadSheet::Address)
        }
    }

    fn times(&self) -> Result<(), BadSheet> {
        let within = |at: Timestamp| at >= YEARS.0 && at <= YEARS.1;
        let past = |at: Timestamp| within(at) && at <= self.as_of;
        let fail = |place: String, at: Timestamp| Err(BadSheet::Time { place, at });
        if !within(self.as_of) {
            return fail("as_of".to_owned(), self.as_of);
        }
        for (cell, fact) in &self.cells {
            if !past(fact.since) {
                return fail(cell.to_string(), fact.since);
            }
            if let Some(at) = fact.next_update.filter(|at| !within(*at)) {
                return fail(cell.to_string(), at);
            }
            if let Some(proof) = fact.last_proof.filter(|proof| !past(proof.at)) {
                return fail(cell.to_string(), proof.at);
            }
        }
        if let Some(incident) = &self.incident {
            for at in [incident.began, incident.since] {
                if !past(at) {
                    return fail("incident".to_owned(), at);
                }
            }
        }
        for claim in &self.claims {
            if !past(claim.said_at) || !within(claim.review_by) || claim.review_by < claim.said_at {
                return fail(claim.id.to_string(), claim.review_by);
            }
        }
        Ok(())
    }

    fn cells(&self) -> Result<(), BadSheet> {
        for (cell, fact) in &self.cells {
            let kind = ServiceKind::of(&cell.service);
            let named = kind.name().is_some() || self.services.contains_key(&cell.service);
            if !named || !self.insurers.contains_key(&cell.insurer) {
                return Err(BadSheet::Nameless { cell: cell.clone() });
            }
            if fact.state == State::Held && !kind.can_wait() {
                return Err(BadSheet::CannotWait { cell: cell.clone() });
            }
            if fact.state != State::Normal && fact.next_update.is_none() {
                return Err(BadSheet::Silent { cell: cell.clone() });
            }
            let resolved = self
                .incident
                .as_ref()
                .is_some_and(|incident| incident.stage == Stage::Resolved);
            // Planned work is no part of an incident and does not hold back its all-clear.
            let clear = fact.state == State::Normal || fact.reason_class == Some(Class::Maintenance);
            if resolved && !clear {
                return Err(BadSheet::NotClear { cell: cell.clone() });
            }
        }
        Ok(())
    }

    fn claims_and_corrections(&self) -> Result<(), BadSheet> {
        let mut said: BTreeMap<&ClaimId, &Claim> = BTreeMap::new();
        let mut corrected: BTreeSet<&ClaimId> = BTreeSet::new();
        for claim in &self.claims {
            // Only what was said before can be corrected, and once: so there are chains, never circles or forks.
            let fits = claim.corrects.as_ref().is_none_or(|old| {
                said.get(old).is_some_and(|old| old.said_at <= claim.said_at) && corrected.insert(old)
            });
            if !fits || said.insert(&claim.id, claim).is_some() {
                return Err(BadSheet::Correction {
                    claim: claim.id.clone(),
                });
            }
        }
        Ok(())
    }

    fn log(&self) -> Result<(), BadSheet> {
        let known: BTreeSet<&ClaimId> = self.claims.iter().map(|claim| &claim.id).collect();
        let mut newest: BTreeMap<&CellId, (State, Timestamp)> = BTreeMap::new();
        let mut last = YEARS.0;
        for (index, update) in self.updates.iter().enumerate() {
            let known = match &update.change {
                Change::State { cells, .. } => cells.iter().all(|cell| self.cells.contains_key(cell)),
                Change::Claim { id } => known.contains(id),
                Change::Incident { .. } => true,
            };
            if !known || update.at < last || update.at > self.as_of {
                return Err(BadSheet::Log { index });
            }
            last = update.at;
            if let Change::State { state, cells } = &update.change {
                newest.extend(cells.iter().map(|cell| (cell, (*state, update.at))));
            }
        }
        let disagrees = |(cell, told): &(&CellId, (State, Timestamp))| {
            self.cells
                .get(*cell)
                .is_none_or(|fact| (fact.state, fact.since) != *told)
        };
        match newest.into_iter().find(disagrees) {
            Some((cell, _)) => Err(BadSheet::Contradiction { cell: cell.clone() }),
            None => Ok(()),
        }
    }
}
