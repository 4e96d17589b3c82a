//! Why an order has no effect, in words for the person who signed it.

use alloc::collections::BTreeSet;
use core::fmt;
use vocabulary::{DetectorId, EnvelopeError, EstateId, InsurerId, PersonId, Timestamp};

use crate::{
    body::BadBody,
    charter::{Threshold, Version},
};

/// What a signature was needed for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Part {
    /// Roots of the charter.
    Root,
    /// Commanders.
    Commander,
    /// Examiners.
    Examiner,
    /// Persons of an insurer, towards its own threshold.
    Insurer(InsurerId),
    /// An insurer's yes.
    Consent(InsurerId),
    /// An insurer's no.
    Refuse(InsurerId),
    /// The deputy an insurer named for recovery.
    Deputy(InsurerId),
    /// A commander, an examiner or the insurer whose environment it is.
    CommanderExaminerOrInsurer,
    /// An examiner or the insurer whose environment it is.
    ExaminerOrInsurer,
}

/// Signatures that are missing, counted in persons.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Missing {
    /// What for.
    pub part: Part,
    /// What is needed.
    pub need: Threshold,
    /// Persons who signed and may.
    pub have: u32,
    /// Of them outside the provider.
    pub outside: u32,
    /// Keys under the statement that belong to nobody with this right.
    pub foreign_keys: usize,
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl Missing {
    /// Counts persons against a threshold.
    ///
    /// # Errors
    /// What is missing.
    pub fn unless_met(
        part: Part,
        need: Threshold,
        persons: &BTreeSet<PersonId>,
        outside: impl Fn(&PersonId) -> bool,
        foreign_keys: usize,
    ) -> Result<(), Self> {
        let have = count(persons.len());
        let outside = count(persons.iter().filter(|person| outside(person)).count());
        if have >= need.persons && outside >= need.outside {
            return Ok(());
        }
        Err(Self {
            part,
            need,
            have,
            outside,
            foreign_keys,
        })
    }

    /// One person is needed and there is none.
    #[must_use]
    pub const fn one(part: Part, foreign_keys: usize) -> Self {
        Self {
            part,
            need: Threshold {
                persons: 1,
                outside: 0,
            },
            have: 0,
            outside: 0,
            foreign_keys,
        }
    }
}

impl Part {
    fn de(&self, f: &mut fmt::Formatter<'_>, one: bool) -> fmt::Result {
        let noun = if one { "Unterschrift" } else { "Unterschriften" };
        match self {
            Self::Root => write!(f, "Wurzel-{noun}"),
            Self::Commander => write!(f, "Einsatzleitungs-{noun}"),
            Self::Examiner => write!(f, "Forensik-{noun}"),
            Self::Insurer(insurer) => write!(f, "{noun} der Kasse {insurer}"),
            Self::Consent(insurer) => write!(f, "Zustimmung der Kasse {insurer}"),
            Self::Refuse(insurer) => write!(f, "Ablehnungs-{noun} der Kasse {insurer}"),
            Self::Deputy(insurer) => write!(f, "{noun} der Vertretung, die Kasse {insurer} benannt hat"),
            Self::CommanderExaminerOrInsurer => {
                write!(f, "{noun} von Einsatzleitung, Forensik oder der Kasse selbst")
            }
            Self::ExaminerOrInsurer => write!(f, "{noun} von Forensik oder der Kasse selbst"),
        }
    }

    fn en(&self, f: &mut fmt::Formatter<'_>, one: bool) -> fmt::Result {
        let noun = if one { "signature" } else { "signatures" };
        match self {
            Self::Root => write!(f, "root {noun}"),
            Self::Commander => write!(f, "commander {noun}"),
            Self::Examiner => write!(f, "examiner {noun}"),
            Self::Insurer(insurer) => write!(f, "{noun} of insurer {insurer}"),
            Self::Consent(insurer) => write!(f, "consent of insurer {insurer}"),
            Self::Refuse(insurer) => write!(f, "refusal {noun} of insurer {insurer}"),
            Self::Deputy(insurer) => write!(f, "{noun} of the deputy named by insurer {insurer}"),
            Self::CommanderExaminerOrInsurer => {
                write!(f, "{noun} of a commander, an examiner or the insurer itself")
            }
            Self::ExaminerOrInsurer => write!(f, "{noun} of an examiner or the insurer itself"),
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = self.need.persons.saturating_sub(self.have);
        let outside_short = self.need.outside.saturating_sub(self.outside);
        let one = self.need.persons == 1;
        if short > 0 {
            write!(f, "Es fehlt: {short} von {} ", self.need.persons)?;
            self.part.de(f, one)?;
            if outside_short > 0 {
                write!(
                    f,
                    ", davon mindestens {outside_short} von außerhalb des Betreibers"
                )?;
            }
        } else {
            write!(f, "Es fehlt: {outside_short} ")?;
            self.part.de(f, outside_short == 1)?;
            write!(f, " von außerhalb des Betreibers ({} liegen vor)", self.have)?;
        }
        if self.foreign_keys > 0 {
            write!(
                f,
                "; {} Schlüssel gehören niemandem mit diesem Recht",
                self.foreign_keys
            )?;
        }
        f.write_str(". / ")?;
        if short > 0 {
            write!(f, "Missing: {short} of {} ", self.need.persons)?;
            self.part.en(f, one)?;
            if outside_short > 0 {
                write!(f, ", at least {outside_short} of them from outside the provider")?;
            }
        } else {
            write!(f, "Missing: {outside_short} ")?;
            self.part.en(f, outside_short == 1)?;
            write!(f, " from outside the provider ({} present)", self.have)?;
        }
        if self.foreign_keys > 0 {
            write!(f, "; {} keys belong to nobody with this right", self.foreign_keys)?;
        }
        f.write_str(".")
    }
}

impl core::error::Error for Missing {}

/// Why an order or a charter has no effect.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Too large to be looked at.
    #[error("Die Erklärung überschreitet eine Grenze ({0}). / The statement exceeds a limit ({0}).")]
    Limits(#[from] EnvelopeError),
    /// Unreadable or contradictory.
    #[error(transparent)]
    Body(BadBody),
    /// Meant for another estate.
    #[error(
        "Die Erklärung gilt für „{found}“, dies ist „{expected}“. / The statement is for \"{found}\", this is \"{expected}\"."
    )]
    OtherEstate {
        /// Ours.
        expected: EstateId,
        /// The statement's.
        found: EstateId,
    },
    /// Too few persons.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// Over, by witnessed time.
    #[error(
        "Die Erklärung ist seit {at} abgelaufen (bezeugte Zeit {now}). / The statement expired at {at} (witnessed time {now})."
    )]
    Expired {
        /// When it expired.
        at: Timestamp,
        /// Witnessed time.
        now: Timestamp,
    },
    /// Raises a class where a restriction was expected, or the other way round.
    #[error(
        "Die Erklärung ist ein anderer Befehl als der verlangte. / The statement is another order than the one asked for."
    )]
    OtherAct,
    /// A second use of an order that is used once.
    #[error("Dieser Befehl gilt nur einmal. / This order is used once only.")]
    UsedOnce,
    /// The use covers more than the standing order allows.
    #[error(
        "Der Geltungsbereich überschreitet den des Dauerbefehls. / The scope exceeds that of the standing order."
    )]
    BeyondScope,
    /// The use names another detector than the standing order.
    #[error(
        "Der Melder „{0}“ darf diesen Dauerbefehl nicht auslösen. / Detector \"{0}\" may not use this standing order."
    )]
    OtherDetector(DetectorId),
    /// The use names another order.
    #[error("Die Auslösung nennt einen anderen Dauerbefehl. / The use names another standing order.")]
    OtherOrder,
    /// Too many uses in the window.
    #[error(
        "Der Dauerbefehl wurde in {window_secs} s schon {uses}-mal benutzt; mehr erlaubt er nicht. / The standing order was used {uses} times within {window_secs} s; it allows no more."
    )]
    RateExceeded {
        /// Uses in the window.
        uses: u32,
        /// Length of the window.
        window_secs: u64,
    },
    /// Not the charter pinned at installation.
    #[error(
        "Das ist nicht die Urkunde, die bei der Einrichtung festgelegt wurde. / This is not the charter pinned at installation."
    )]
    NotPinned,
    /// An older charter, or one that skips a version.
    #[error(
        "Urkunde {found} folgt nicht auf die geltende Urkunde {current}. / Charter {found} does not follow charter {current}, which is in force."
    )]
    OlderCharter {
        /// In force.
        current: Version,
        /// Offered.
        found: Version,
    },
    /// The right version, on another history.
    #[error(
        "Die Urkunde nennt eine andere Vorgängerin als die geltende. / The charter names another predecessor than the one in force."
    )]
    OtherPredecessor,
    /// The change was written for a section that is no longer in force.
    #[error(
        "Die Änderung für Kasse {0} ersetzt einen Abschnitt, der nicht (mehr) gilt. / The change for insurer {0} replaces a section that is not in force (any more)."
    )]
    StaleSection(InsurerId),
    /// No such insurer.
    #[error("Die Urkunde kennt keine Kasse „{0}“. / The charter knows no insurer \"{0}\".")]
    UnknownInsurer(InsurerId),
    /// Nothing in force yet.
    #[error("Es gilt noch keine Urkunde. / No charter is in force yet.")]
    NoCharter,
}
