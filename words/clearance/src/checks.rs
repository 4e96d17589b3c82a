//! What the payload types alone do not rule out.

use alloc::{collections::BTreeSet, format};
use order::{BadBody, Body};
use vocabulary::{Flow, PayloadType, Seconds, Timestamp};

use crate::body::{Basis, CheckResult};
use crate::body::{Clearance, Consent, Delegation, Grade, Refusal, StandingConsent, StandingFor, Withdrawal};

/// Longest provisional operation: hours, not weeks.
pub(crate) const LIMITED_SECS_MAX: u64 = 7 * 24 * 3600;
/// Longest life of a clearance that may still open something.
const CLEARANCE_SECS_MAX: u64 = 90 * 24 * 3600;
/// Longest delegation: days.
const DELEGATION_SECS_MAX: u64 = 14 * 24 * 3600;
/// Longest life of a fresh consent.
const CONSENT_SECS_MAX: u64 = 7 * 24 * 3600;
/// Longest life of a standing consent: it is renewed every two years at the latest.
const STANDING_SECS_MAX: u64 = 2 * 366 * 24 * 3600;

fn lives(what: (&str, &str), issued: Timestamp, expires: Timestamp, max: u64) -> Result<(), BadBody> {
    if expires <= issued || expires.since(issued) > Seconds(max) {
        return Err(BadBody::contradiction(
            format!(
                "{} gilt von {issued} bis {expires}; erlaubt sind höchstens {max} s.",
                what.0
            ),
            format!(
                "{} lasts from {issued} to {expires}; at most {max} s are allowed.",
                what.1
            ),
        ));
    }
    Ok(())
}

fn at_most(what: (&str, &str), count: usize, max: usize) -> Result<(), BadBody> {
    if count > max {
        return Err(BadBody::contradiction(
            format!("Zu viele {}: {count}, erlaubt sind {max}.", what.0),
            format!("Too many {}: {count}; {max} are allowed.", what.1),
        ));
    }
    Ok(())
}

impl Body for Clearance {
    const KIND: PayloadType = PayloadType::Clearance;
    const BYTES_MAX: usize = 2 * 1024 * 1024;

    fn check(&self) -> Result<(), BadBody> {
        lives(
            ("Die Freigabe", "The clearance"),
            self.issued,
            self.expires,
            CLEARANCE_SECS_MAX,
        )?;
        at_most(("Prüfgegenstände", "examined items"), self.examined.len(), 8192)?;
        at_most(
            ("Zeilen der Prüfliste", "checklist lines"),
            self.checklist.len(),
            512,
        )?;
        at_most(("Grundlagen", "clearances relied on"), self.relies_on.len(), 64)?;
        match (&self.grade, &self.basis) {
            (Grade::Limited { .. }, Basis::NotEndangered { .. } | Basis::SignalExplained { .. }) => {
                Err(BadBody::contradiction(
                    "Eine begrenzte Freigabe beruht auf einer Untersuchung.",
                    "A limited clearance rests on an examination.",
                ))
            }
            (
                Grade::Limited {
                    cells,
                    peers,
                    directions,
                    until,
                },
                Basis::Examined,
            ) => {
                at_most(("Zellen", "cells"), cells.len(), 4096)?;
                at_most(
                    ("Gegenstellen", "peers"),
                    peers.as_ref().map_or(0, BTreeSet::len),
                    4096,
                )?;
                lives(
                    ("Der Teilbetrieb", "Provisional operation"),
                    self.issued,
                    *until,
                    LIMITED_SECS_MAX,
                )?;
                if cells.is_empty() || directions.is_empty() || directions.contains(&Flow::Sessions) {
                    return Err(BadBody::contradiction(
                        "Eine begrenzte Freigabe nennt Zellen und Richtungen (intake, forward, fetch, send).",
                        "A limited clearance names cells and directions (intake, forward, fetch, send).",
                    ));
                }
                self.was_examined()
            }
            (Grade::Full, Basis::Examined) => {
                let open_finding = self
                    .checklist
                    .iter()
                    .any(|line| line.result == CheckResult::Accepted);
                if open_finding {
                    return Err(BadBody::contradiction(
                        "Eine volle Freigabe lässt keinen hingenommenen Befund zu.",
                        "A full clearance leaves no accepted finding.",
                    ));
                }
                self.was_examined()
            }
            (Grade::Full, Basis::NotEndangered { .. } | Basis::SignalExplained { .. }) => Ok(()),
        }
    }
}

impl Clearance {
    fn was_examined(&self) -> Result<(), BadBody> {
        if self.examined.is_empty() || self.checklist.is_empty() {
            return Err(BadBody::contradiction(
                "Eine Untersuchung nennt, was untersucht wurde, und eine Prüfliste mit Ergebnissen.",
                "An examination names what was examined and a checklist with results.",
            ));
        }
        Ok(())
    }
}

impl Body for Withdrawal {
    const KIND: PayloadType = PayloadType::Withdrawal;
    const BYTES_MAX: usize = 16 * 1024;

    fn check(&self) -> Result<(), BadBody> {
        Ok(())
    }
}

impl Body for Consent {
    const KIND: PayloadType = PayloadType::Consent;
    const BYTES_MAX: usize = 2 * 1024 * 1024;

    fn check(&self) -> Result<(), BadBody> {
        lives(
            ("Die Zustimmung", "The consent"),
            self.issued,
            self.expires,
            CONSENT_SECS_MAX,
        )?;
        at_most(("Schlüssel", "keys"), self.rewrapped.len(), 4096)
    }
}

impl Body for Refusal {
    const KIND: PayloadType = PayloadType::Refusal;
    const BYTES_MAX: usize = 16 * 1024;

    fn check(&self) -> Result<(), BadBody> {
        Ok(())
    }
}

impl Body for StandingConsent {
    const KIND: PayloadType = PayloadType::StandingConsent;
    const BYTES_MAX: usize = 64 * 1024;

    fn check(&self) -> Result<(), BadBody> {
        lives(
            ("Die Dauerzustimmung", "The standing consent"),
            self.issued,
            self.expires,
            STANDING_SECS_MAX,
        )?;
        at_most(("Dienste", "services"), self.services.len(), 64)?;
        let hours_fit = self
            .hours
            .is_none_or(|(from, to)| from < 24 && to <= 24 && from != to);
        let span_fits = match self.to {
            StandingFor::Limited { hours_max } => {
                hours_max > 0 && u64::from(hours_max) * 3600 <= LIMITED_SECS_MAX
            }
            StandingFor::Reopening | StandingFor::Emergency { .. } => true,
        };
        if self.services.is_empty() || !hours_fit || !span_fits {
            return Err(BadBody::contradiction(
                "Eine Dauerzustimmung nennt Dienste, Stunden von 0 bis 24 und höchstens 168 h Teilbetrieb.",
                "A standing consent names services, hours from 0 to 24 and at most 168 h of provisional operation.",
            ));
        }
        Ok(())
    }
}

impl Body for Delegation {
    const KIND: PayloadType = PayloadType::Delegation;
    const BYTES_MAX: usize = 64 * 1024;

    fn check(&self) -> Result<(), BadBody> {
        lives(
            ("Die Beauftragung", "The delegation"),
            self.issued,
            self.expires,
            DELEGATION_SECS_MAX,
        )?;
        at_most(("Umgebungen", "environments"), self.environments.len(), 512)?;
        at_most(
            ("Schlüssel", "keys"),
            self.person.keys.len(),
            order::KEYS_PER_PERSON_MAX,
        )?;
        if self.environments.is_empty() || self.person.keys.is_empty() || !self.person.roles.is_empty() {
            return Err(BadBody::contradiction(
                "Eine Beauftragung nennt Umgebungen und Schlüssel; die Rolle ist immer Forensik und wird nicht genannt.",
                "A delegation names environments and keys; the role is always examiner and is not named.",
            ));
        }
        Ok(())
    }
}
