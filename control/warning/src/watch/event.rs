//! What happens, what it means, and why it may mean nothing.

use core::fmt;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

use vocabulary::{
    BadId, CellId, Digest, Epoch, IncidentId, InsurerId, PersonId, Seconds, SignalId, Timestamp,
};

use super::SOURCES_MAX;
use crate::{
    import::Finding,
    incident::Meaning,
    sensor::{Measure, Minute},
    signal::{Canary, Signal, Touched},
    text::clean,
};

/// The name of a source of lines or readings, as the operator configured it; bounded and fit to be read.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SourceName(String);

impl SourceName {
    /// Takes a name; what is not fit to be read is left out.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(clean(name, 64))
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A complete minute of a business measure.
    Minute {
        /// Whose.
        insurer: InsurerId,
        /// What was measured.
        measure: Measure,
        /// What was counted.
        minute: Minute,
    },
    /// An imported alert.
    Finding(Box<Finding>),
    /// Somebody touched what nobody has a reason to touch. One touch is a signal.
    CanaryTouched {
        /// Which sort.
        canary: Canary,
        /// Its name in the operator's list.
        name: String,
        /// Where it stands.
        touched: BTreeSet<Touched>,
        /// When it was touched, by the clock of whoever saw it.
        at: Timestamp,
        /// Digest of what tells of it.
        evidence: Digest,
    },
    /// The prober got through a door that is closed for what it tried. Told as long as it holds; one signal comes of it.
    Drift {
        /// Where.
        cell: CellId,
        /// The door's count of its changes when it was tried.
        epoch: Epoch,
        /// What got through, in the prober's words.
        what: Vec<String>,
        /// When it was tried.
        at: Timestamp,
    },
    /// The prober does not get through any more, or the door was opened. Says nothing about the cause.
    DriftOver {
        /// Where.
        cell: CellId,
    },
    /// From now on this source must be heard within a span.
    Expect {
        /// Which source.
        source: SourceName,
        /// Within which span.
        within: Seconds,
        /// What it watches.
        touched: BTreeSet<Touched>,
    },
    /// A source was heard: a line, a reading or a sign of life.
    Heard {
        /// Which source.
        source: SourceName,
    },
    /// A person explained a signal.
    Explained {
        /// Which signal.
        signal: SignalId,
        /// Who.
        by: PersonId,
        /// What it was.
        meaning: Meaning,
        /// Why.
        because: String,
    },
    /// Time went by. Wanted about once a minute.
    Tick,
}

/// What it means. The order is the order of cause. An incident is named; [`Watch::incident`](super::Watch::incident)
/// shows it as it is now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Something new looked wrong.
    Signal(Box<Signal>),
    /// The same was seen again; told at the 1st, 2nd, 4th, 8th … time.
    Again {
        /// Inside which incident.
        incident: IncidentId,
        /// Which signal.
        signal: SignalId,
        /// How often by now.
        again: u64,
    },
    /// A business measure is usual again, or a way through a closed door is closed. The incident stays as it is.
    Settled {
        /// Which signal.
        signal: SignalId,
    },
    /// A new incident.
    Opened(IncidentId),
    /// An incident grew or shrank.
    Updated(IncidentId),
    /// Two incidents turned out to be one.
    Joined {
        /// The younger, which ends here.
        from: IncidentId,
        /// The older, which has everything now.
        into: IncidentId,
    },
    /// Every signal is explained.
    Closed(IncidentId),
    /// The event changed nothing, and why.
    Refused(Refusal),
}

/// Why an event changed nothing. Displays German first.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// No such cell.
    #[error("Die Landschaft kennt die Zelle {0} nicht. / The estate does not know the cell {0}.")]
    UnknownCell(CellId),
    /// The measure's service is no name.
    #[error("{0}")]
    Name(#[from] BadId),
    /// The minute was taken before, or lies before one that was.
    #[error(
        "Die Minute {at} von {insurer} liegt nicht nach der letzten. / The minute {at} of {insurer} does not follow the last one."
    )]
    OldMinute {
        /// Whose.
        insurer: InsurerId,
        /// Which.
        at: Timestamp,
    },
    /// The minute has not happened yet.
    #[error(
        "Die Minute {at} von {insurer} liegt in der Zukunft. Uhr der Quelle prüfen. / The minute {at} of {insurer} lies in the future. Check the source's clock."
    )]
    FutureMinute {
        /// Whose.
        insurer: InsurerId,
        /// Which.
        at: Timestamp,
    },
    /// A count where a share is watched, or the other way round.
    #[error(
        "{} wird anders gezählt. Einstellung der Quelle prüfen. / {} is counted differently. Check the source's setting.", measure.kind().slug(), measure.kind().slug()
    )]
    OtherMeasure {
        /// What is watched.
        measure: Measure,
    },
    /// No such source.
    #[error("Die Quelle {0} wird nicht erwartet. / The source {0} is not expected.")]
    UnknownSource(SourceName),
    /// Too many sources.
    #[error(
        "Mehr als {SOURCES_MAX} Quellen; {0} wird nicht überwacht. / More than {SOURCES_MAX} sources; {0} is not watched."
    )]
    TooManySources(SourceName),
    /// No such signal.
    #[error("Das Signal {0} gehört zu keinem Vorfall. / The signal {0} belongs to no incident.")]
    UnknownSignal(SignalId),
    /// An explanation without words.
    #[error("Die Erklärung ist leer. Begründung angeben. / The explanation is empty. Say why.")]
    NoReason,
    /// Too many open incidents: the signal was told, but belongs to none.
    #[error(
        "Zu viele offene Vorfälle; Signal {0} ist keinem zugeordnet. Offene Signale erklären. / Too many open incidents; signal {0} belongs to none. Explain open signals."
    )]
    TooManyIncidents(SignalId),
}
