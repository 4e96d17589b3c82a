//! What a door process answers on its control listener: JSON for scripts, and the same as text for people.

use std::{collections::BTreeSet, fmt};

use record::Head;
use serde::{Deserialize, Serialize};
use vocabulary::{
    Class, Digest, DoorId, Epoch, FlowRules, Position, RestrictionId, Seconds, StatementId, Timestamp,
};

/// Where the doors of one process stand.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StatusReply {
    /// The store's name.
    pub store: Digest,
    /// Whether every door has proof that it knows every order there is.
    pub fresh: bool,
    /// Witnessed time, as carried on by the process; none before the first fresh view.
    pub witnessed: Option<Timestamp>,
    /// Entries of the authority log it has replayed.
    pub authority_size: u64,
    /// Entries of its own ledger.
    pub ledger_len: u64,
    /// Chain of its own ledger, for neighbours to remember.
    pub ledger_chain: Digest,
    /// Root of its own ledger.
    pub ledger_root: Digest,
    /// Whether the ledger still writes.
    pub recording: bool,
    /// The doors, by name.
    pub doors: Vec<DoorLine>,
    /// What the process noticed since it began: rolled-back store, broken promise, failed ledger.
    pub signals: Vec<String>,
}

/// One door.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DoorLine {
    /// Its name.
    pub door: DoorId,
    /// Count of its state changes.
    pub epoch: Epoch,
    /// What it does.
    pub position: Position,
    /// Heaviest class of what closes it.
    pub class: Option<Class>,
    /// Since when, for people.
    pub since: Timestamp,
    /// The restrictions that are active.
    pub restrictions: Vec<RestrictionId>,
    /// When provisional or emergency operation ends.
    pub until: Option<Timestamp>,
    /// What is granted until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted: Option<Granted>,
}

/// What is granted at a door on top of what closes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Granted {
    /// Limited operation: this, and nothing else, passes.
    Limited {
        /// What happens to each flow.
        rules: FlowRules,
        /// For whom, by the name the fronts know them under; absent: for anyone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        peers: Option<BTreeSet<String>>,
    },
    /// An emergency environment reads what is stored. For everybody else the door is as closed as without.
    Emergency,
}

impl fmt::Display for StatusReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for door in &self.doors {
            let class = door
                .class
                .map_or_else(|| "–".to_owned(), |class| class.to_string());
            write!(
                f,
                "{:<28} {:<9} {:>4}  {:<14} seit/since {}",
                door.door.to_string(),
                door.position,
                door.epoch,
                class,
                door.since
            )?;
            if let Some(until) = door.until {
                write!(f, "  bis/until {until}")?;
            }
            writeln!(f)?;
        }
        let fresh = if self.fresh {
            "Sicht frisch / view fresh"
        } else {
            "Sicht nicht frisch: alle Türen zu / view not fresh: all doors contained"
        };
        writeln!(
            f,
            "{fresh}; Befehlsprotokoll/authority log {}, Protokoll/ledger {}",
            self.authority_size, self.ledger_len
        )?;
        if !self.recording {
            writeln!(
                f,
                "Das Protokoll schreibt nicht; nichts öffnet. / The ledger does not write; nothing opens."
            )?;
        }
        for signal in &self.signals {
            writeln!(f, "Signal: {signal}")?;
        }
        Ok(())
    }
}

/// What an order did, door by door.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// Doors at which it is recorded and in force.
    pub applied: Vec<AppliedLine>,
    /// Doors that stay as they are, with what is missing.
    pub refused: Vec<RefusedLine>,
    /// Milliseconds from the arrival of the order to the end of the sync.
    pub millis: u64,
    /// The order was known already: it was carried out then, and does nothing now.
    #[serde(default)]
    pub repeat: bool,
}

/// One door that changed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AppliedLine {
    /// The door.
    pub door: DoorId,
    /// Its epoch now.
    pub epoch: Epoch,
    /// Its position now.
    pub position: Position,
}

/// One door that did not.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RefusedLine {
    /// The door.
    pub door: DoorId,
    /// German first, English second.
    pub missing: String,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.applied {
            writeln!(
                f,
                "{:<28} {:<9} Stand/epoch {}",
                line.door.to_string(),
                line.position,
                line.epoch
            )?;
        }
        for line in &self.refused {
            writeln!(
                f,
                "{:<28} abgelehnt/refused: {}",
                line.door.to_string(),
                line.missing
            )?;
        }
        if self.repeat {
            writeln!(
                f,
                "Dieser Befehl war schon bekannt und wirkt nicht noch einmal; wer erneut schließen will, zeichnet neu. / \
                 This order was known already and does nothing again; to close again, sign a new one."
            )?;
        }
        writeln!(
            f,
            "{} ausgeführt / applied, {} abgelehnt / refused, {} ms",
            self.applied.len(),
            self.refused.len(),
            self.millis
        )
    }
}

/// Part of the doors' own ledger, for the journal: what it says can be checked against its chain by whoever reads it.
#[derive(Debug, Serialize, Deserialize)]
pub struct LedgerPiece {
    /// The store.
    pub store: Digest,
    /// Number of the first entry in `entries`.
    pub from: u64,
    /// Canonically encoded entries, hexadecimal.
    pub entries: Vec<String>,
    /// Where the ledger stood when this was read.
    pub head: Head,
}

/// Asks a door to try an opening that stands in the authority log.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TryOpening {
    /// The opening statement.
    pub opening: StatementId,
    /// How long the door may wait for its view to become fresh.
    pub wait: Seconds,
}

/// What applying restrictions anew came to.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reapplied {
    /// Sessions that were ended.
    pub sessions: usize,
}
