//! Why a statement is not admitted, or a door stays as it is: what is missing, for the person who has to bring it.

use alloc::{boxed::Box, string::String};
use order::{BadBody, Missing};
use record::NotCosigned;
use vocabulary::{
    CellId, Class, DoorId, EnvironmentId, Epoch, EstateId, InsurerId, PersonId, RestrictionId, SignalId,
    StatementId, Timestamp,
};

/// Why a statement is not admitted, or no permit is given.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Refused by the rules of orders and charters.
    #[error(transparent)]
    Order(#[from] order::Refused),
    /// Too few persons.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// Several things are missing at once.
    #[error("{0}")]
    Several(#[from] MissingParts),
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
    /// This kind of statement means nothing here.
    #[error(
        "Diese Art von Erklärung gehört nicht in das Weisungsprotokoll. / This kind of statement does not belong into the authority log."
    )]
    OtherKind,
    /// The log entry does not follow the ones before it.
    #[error(
        "Eintrag {index} folgt nicht auf die {expected} bekannten Einträge ({why}). / Entry {index} does not follow the {expected} entries known ({why})."
    )]
    Gap {
        /// Entries known.
        expected: u64,
        /// The entry's number.
        index: u64,
        /// What does not fit.
        why: &'static str,
    },
    /// The entry is no entry.
    #[error("Der Protokolleintrag ist nicht lesbar ({0}). / The log entry cannot be read ({0}).")]
    Entry(String),
    /// Over.
    #[error("{what_de} ist seit {at} abgelaufen (bezeugte Zeit {now}). / {what_en} expired at {at} (witnessed time {now}).", what_de = .what.0, what_en = .what.1)]
    Expired {
        /// What is over, in German and English.
        what: (&'static str, &'static str),
        /// Since when.
        at: Timestamp,
        /// Witnessed time.
        now: Timestamp,
    },
    /// Written in the future: its span would begin whenever its writer liked.
    #[error("{what_de} ist erst für {issued} ausgestellt (bezeugte Zeit {now}). / {what_en} is issued for {issued} only (witnessed time {now}).", what_de = .what.0, what_en = .what.1)]
    NotYet {
        /// What is too early, in German and English.
        what: (&'static str, &'static str),
        /// From when.
        issued: Timestamp,
        /// Witnessed time.
        now: Timestamp,
    },
    /// A delegation names somebody who cannot join.
    #[error(
        "{0} kann nicht als Forensik von außen beauftragt werden: gehört zum Betreiber oder ist schon benannt. / {0} cannot join as outside examiner: belongs to the provider or is already named."
    )]
    Delegate(PersonId),
    /// A recovery already waits.
    #[error("Für Kasse {0} wartet schon eine Wiederherstellung. / A recovery already waits for insurer {0}.")]
    RecoveryWaits(InsurerId),
    /// A standing order that was taken back.
    #[error("Der Dauerbefehl {0} ist zurückgezogen. / Standing order {0} is withdrawn.")]
    StandingOrderWithdrawn(StatementId),
    /// The door's place is not its name.
    #[error(
        "Die Tür {0} steht an einem Ort, der nicht zu ihrem Namen passt. / Door {0} stands at a place that does not fit its name."
    )]
    OtherPlace(DoorId),
    /// The view is not fresh.
    #[error("Kein frischer Blick auf das Weisungsprotokoll: {0}")]
    View(#[from] NotFresh),
    /// The statement is not in the log as far as this replica knows it.
    #[error("Die Öffnung {0} ist hier nicht bekannt. / Opening {0} is not known here.")]
    UnknownOpening(StatementId),
    /// The opening does not name the door.
    #[error("Die Öffnung nennt die Tür {0} nicht. / The opening does not name door {0}.")]
    OtherDoor(DoorId),
    /// The door changed since the opening was written.
    #[error(
        "Die Öffnung gilt für Stand {ordered} der Tür, sie ist bei {actual}: die Lage hat sich geändert, bitte neu entscheiden. / The opening was made for epoch {ordered}, the door is at {actual}: the situation changed, decide again."
    )]
    OtherEpoch {
        /// In the opening.
        ordered: Epoch,
        /// At the door.
        actual: Epoch,
    },
    /// Names a restriction that is not active.
    #[error("Die Sperre {0} ist an dieser Tür nicht aktiv. / Restriction {0} is not active at this door.")]
    NotActive(RestrictionId),
    /// An emergency grant stands on a restriction.
    #[error(
        "Notbetrieb setzt eine gehaltene Tür voraus; diese hat keine Sperre. / Emergency stands on a held door; this one has no restriction."
    )]
    NotHeld,
    /// An insurer's own part cannot be the emergency environment.
    #[error(
        "{0} ist die Umgebung einer Kasse, keine Notumgebung. / {0} is an insurer's environment, not an emergency environment."
    )]
    NotAnEmergencyEnvironment(EnvironmentId),
    /// One person fills two parts.
    #[error(
        "{0} kann nicht zwei Teile ausfüllen: Einsatzleitung, Forensik und Kasse müssen verschiedene Personen sein. / {0} cannot fill two parts: commander, examiners and insurer must be different persons."
    )]
    SamePerson(PersonId),
    /// The insurer said no.
    #[error(
        "Kasse {insurer} hat abgelehnt (Erklärung {refusal}). / Insurer {insurer} has refused (statement {refusal})."
    )]
    InsurerRefused {
        /// Who.
        insurer: InsurerId,
        /// By which statement.
        refusal: StatementId,
    },
    /// A release of answers does not cover this mail.
    #[error(
        "Die Freigabe {release} gibt diese Antwort nicht frei ({}). / Release {release} does not release this answer ({}).",
        .why.0, .why.1
    )]
    NotReleased {
        /// The release.
        release: StatementId,
        /// What does not fit, in German and English.
        why: (&'static str, &'static str),
    },
    /// No clearance helps.
    #[error(
        "Es fehlt eine gültige Freigabe für {environment} ({class}): {} / A valid clearance for {environment} is missing ({class}): {}",
        vocabulary::german(.why),
        vocabulary::english(.why)
    )]
    NoClearance {
        /// For which environment.
        environment: EnvironmentId,
        /// The class that asks for it.
        class: Class,
        /// Why those that were named do not help.
        why: Box<ClearanceFault>,
    },
}

/// Why one clearance does not help.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ClearanceFault {
    /// The opening names none for this environment.
    #[error("die Öffnung nennt keine. / the opening names none.")]
    NoneNamed,
    /// Not in the log.
    #[error("{0} ist nicht bekannt. / {0} is not known.")]
    Unknown(StatementId),
    /// Too few examiners, counted now.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// Over.
    #[error(
        "{id} ist seit {at} abgelaufen (bezeugte Zeit {now}). / {id} expired at {at} (witnessed time {now})."
    )]
    Expired {
        /// Which.
        id: StatementId,
        /// When.
        at: Timestamp,
        /// Witnessed time.
        now: Timestamp,
    },
    /// Written in the future.
    #[error(
        "{id} ist erst für {issued} ausgestellt (bezeugte Zeit {now}). / {id} is issued for {issued} only (witnessed time {now})."
    )]
    NotYet {
        /// Which.
        id: StatementId,
        /// From when.
        issued: Timestamp,
        /// Witnessed time.
        now: Timestamp,
    },
    /// Written before the restriction it should lift.
    #[error(
        "{id} ist von {issued}, die Sperre {restriction} von {began}: was danach geschah, hat niemand untersucht. / {id} is of {issued}, restriction {restriction} of {began}: nobody examined what happened after it."
    )]
    Older {
        /// Which.
        id: StatementId,
        /// From when it is.
        issued: Timestamp,
        /// The restriction that began later.
        restriction: RestrictionId,
        /// When it began.
        began: Timestamp,
    },
    /// Taken back, itself or its evidence.
    #[error("{0} ist zurückgezogen. / {0} is withdrawn.")]
    Withdrawn(StatementId),
    /// Speaks about another environment.
    #[error("{id} gilt für {found}. / {id} is for {found}.")]
    OtherEnvironment {
        /// Which.
        id: StatementId,
        /// Its environment.
        found: EnvironmentId,
    },
    /// Limited, and more was asked.
    #[error(
        "{0} ist begrenzt und trägt keinen Regelbetrieb. / {0} is limited and never permits normal operation."
    )]
    OnlyLimited(StatementId),
    /// Full, and provisional operation was asked.
    #[error("{0} nennt keine Grenzen für Teilbetrieb. / {0} names no limits for provisional operation.")]
    NotLimited(StatementId),
    /// Limited to other cells.
    #[error("{id} nennt die Zelle {cell} nicht. / {id} does not name cell {cell}.")]
    OtherCell {
        /// Which.
        id: StatementId,
        /// The door's cell.
        cell: CellId,
    },
    /// Shorter than asked.
    #[error("{id} endet {ends}, verlangt ist bis {asked}. / {id} ends {ends}; asked for is until {asked}.")]
    Shorter {
        /// Which.
        id: StatementId,
        /// Its end.
        ends: Timestamp,
        /// The opening's end.
        asked: Timestamp,
    },
    /// Explains another signal.
    #[error(
        "{id} erklärt nur das Signal „{signal}“; die Sperre {restriction} wurde nicht dafür angeordnet. / {id} explains signal \"{signal}\" only; restriction {restriction} was not ordered for it."
    )]
    OtherSignal {
        /// Which.
        id: StatementId,
        /// The explained signal.
        signal: SignalId,
        /// The restriction that answers something else.
        restriction: RestrictionId,
    },
}

/// Everything that is missing for one door, so that nobody has to ask four times.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MissingParts(pub(crate) alloc::vec::Vec<Missing>);

impl MissingParts {
    /// Each thing that is missing.
    #[must_use]
    pub fn parts(&self) -> &[Missing] {
        &self.0
    }
}

impl core::fmt::Display for MissingParts {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let texts: alloc::vec::Vec<String> = self.0.iter().map(|part| alloc::format!("{part}")).collect();
        let halves = || texts.iter().filter_map(|text| text.split_once(" / "));
        for (n, (de, _)) in halves().enumerate() {
            write!(f, "{}{de}", if n == 0 { "" } else { " " })?;
        }
        for (n, (_, en)) in halves().enumerate() {
            write!(f, "{}{en}", if n == 0 { " / " } else { " " })?;
        }
        Ok(())
    }
}

impl core::error::Error for MissingParts {}

/// Why a view is not fresh.
#[derive(Debug, thiserror::Error)]
pub enum NotFresh {
    /// Not enough witnesses, or not a checkpoint of this log.
    #[error("{0}")]
    NotCosigned(NotCosigned),
    /// The witnesses saw another log than this replica holds.
    #[error(
        "Die Zeugen sahen {seen} Einträge, hier sind {held}, oder ihr Inhalt weicht ab: es fehlt etwas. / The witnesses saw {seen} entries, {held} are here, or their content differs: something is missing."
    )]
    OtherLog {
        /// Size the witnesses signed.
        seen: u64,
        /// Size here.
        held: u64,
    },
    /// The door's nonce is not in it, so it may be from yesterday.
    #[error(
        "Die eigene Zufallszahl steht nicht im Protokoll: der Stand kann von gestern sein. / Our own nonce is not in the log: the view may be yesterday's."
    )]
    NoNonce,
    /// The log grew after the view was taken.
    #[error(
        "Das Protokoll ist seit diesem Blick gewachsen ({then} → {now} Einträge). / The log has grown since this view ({then} → {now} entries)."
    )]
    Outgrown {
        /// Entries then.
        then: u64,
        /// Entries now.
        now: u64,
    },
    /// No charter, no witnesses.
    #[error("Es gilt noch keine Urkunde. / No charter is in force yet.")]
    NoCharter,
}

impl From<BadBody> for Refused {
    fn from(bad: BadBody) -> Self {
        Self::Order(order::Refused::Body(bad))
    }
}
