//! What the verifier says.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use crate::checkpoint::Origin;
use crate::entry::Head;

/// Most findings that are listed; more are counted.
pub const FINDINGS_MAX: usize = 100;

/// Something that is not as it was recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Finding {
    /// Bytes that are no entry stand where this entry should.
    Unreadable {
        /// The entry.
        index: u64,
    },
    /// This entry is not the one that was recorded; when the two differ, one or more of `from..=to`.
    Changed {
        /// First entry meant.
        from: u64,
        /// Last entry meant.
        to: u64,
    },
    /// Entries `from..to` are missing.
    Removed {
        /// First missing entry.
        from: u64,
        /// First entry after them that is there.
        to: u64,
    },
    /// An entry stands in the wrong place.
    Reordered {
        /// The entry.
        index: u64,
        /// The entry it stands behind.
        after: u64,
    },
    /// An entry stands there a second time.
    Repeated {
        /// The entry.
        index: u64,
    },
    /// Chain and numbers fit, but these are not the entries the checkpoint was signed for: one or more of `from..to`.
    Rewritten {
        /// Size of the last checkpoint that agrees.
        from: u64,
        /// Size of the checkpoint that does not.
        to: u64,
    },
    /// Two signed checkpoints of one size have different roots.
    Forked {
        /// The size.
        size: u64,
        /// One text.
        one: String,
        /// The other text.
        other: String,
    },
    /// The log is shorter than a checkpoint says.
    Truncated {
        /// How many entries there are.
        len: u64,
        /// How many there were.
        size: u64,
    },
    /// A checkpoint that nobody trusted has signed.
    Untrusted {
        /// Which of the notes given, from zero.
        note: usize,
        /// Why.
        why: String,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { index } => write!(
                f,
                "Eintrag {index} ist nicht lesbar. / Entry {index} cannot be read."
            ),
            Self::Changed { from, to } if from == to => {
                write!(f, "Eintrag {from} wurde verändert. / Entry {from} was changed.")
            }
            Self::Changed { from, to } => write!(
                f,
                "Von den Einträgen {from} bis {to} wurde mindestens einer verändert. / \
                 At least one of entries {from} to {to} was changed."
            ),
            Self::Removed { from, to } => {
                let last = to.saturating_sub(1);
                write!(
                    f,
                    "Einträge {from} bis {last} fehlen. / Entries {from} to {last} are missing."
                )
            }
            Self::Reordered { index, after } => write!(
                f,
                "Eintrag {index} steht hinter Eintrag {after}. / Entry {index} stands behind entry {after}."
            ),
            Self::Repeated { index } => {
                write!(
                    f,
                    "Eintrag {index} steht mehrfach da. / Entry {index} stands there more than once."
                )
            }
            Self::Rewritten { from, to } => write!(
                f,
                "Die Einträge {from} bis {last} sind nicht die, für die Stand {to} unterschrieben wurde. / \
                 Entries {from} to {last} are not those checkpoint {to} was signed for.",
                last = to.saturating_sub(1)
            ),
            Self::Forked { size, .. } => write!(
                f,
                "Für {size} Einträge gibt es zwei verschiedene unterschriebene Stände. / \
                 There are two different signed checkpoints for {size} entries."
            ),
            Self::Truncated { len, size } => write!(
                f,
                "Es sind {len} Einträge da, ein Stand nennt {size}: ab Eintrag {len} fehlt alles. / \
                 There are {len} entries, a checkpoint says {size}: everything from entry {len} is missing."
            ),
            Self::Untrusted { note, why } => write!(
                f,
                "Stand Nr. {note} ist von niemandem unterschrieben, dem vertraut wird ({why}). / \
                 Checkpoint no. {note} is signed by nobody trusted ({why})."
            ),
        }
    }
}

/// Whose word a checkpoint is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Word {
    /// The log's own.
    Log,
    /// A quorum of witnesses.
    Witnesses,
}

/// What the verifier found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// Which log.
    pub origin: Origin,
    /// How many entries were read.
    pub entries: u64,
    /// Where the log stands, when numbers and chain are whole.
    pub head: Option<Head>,
    /// Sizes of the checkpoints that agree, and whose word they are.
    pub agreed: Vec<(u64, Word)>,
    /// What is wrong, at most [`FINDINGS_MAX`].
    pub findings: Vec<Finding>,
    /// How many more findings there were.
    pub unlisted: u64,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    /// The largest size that somebody vouches for; later entries could still be rewritten unseen.
    #[must_use]
    pub fn vouched(&self, word: Word) -> Option<u64> {
        self.agreed
            .iter()
            .filter(|(_, by)| *by >= word)
            .map(|(size, _)| *size)
            .max()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (de, en) = if self.is_sound() {
            ("unversehrt", "sound")
        } else {
            ("NICHT unversehrt", "NOT sound")
        };
        writeln!(
            f,
            "Protokoll „{o}“, {n} Einträge: {de}. / Log \"{o}\", {n} entries: {en}.",
            o = self.origin,
            n = self.entries
        )?;
        for finding in &self.findings {
            writeln!(f, "  - {finding}")?;
        }
        if self.unlisted > 0 {
            writeln!(f, "  - und {0} weitere. / and {0} more.", self.unlisted)?;
        }
        let said = |size: Option<u64>| size.map_or_else(|| "–".to_string(), |size| size.to_string());
        writeln!(
            f,
            "Bezeugt bis {w}, vom Protokoll selbst unterschrieben bis {l}. / \
             Witnessed up to {w}, signed by the log itself up to {l}.",
            w = said(self.vouched(Word::Witnesses)),
            l = said(self.vouched(Word::Log)),
        )?;
        if self.vouched(Word::Witnesses).is_none() {
            writeln!(
                f,
                "Ohne Stand von Zeugen fällt nicht auf, wenn der Besitzer alles neu geschrieben hat. / \
                 Without a witnessed checkpoint it would not show if its owner had rewritten everything."
            )?;
        }
        Ok(())
    }
}
