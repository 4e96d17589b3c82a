//! What enough witnesses saw: the only checkpoint a door believes, and the only clock it believes.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;
use serde::{Deserialize, Serialize};
use vocabulary::{Digest, Timestamp, WitnessId};

use crate::checkpoint::{BadCheckpoint, Checkpoint, Origin, cosigned_at};
use crate::note::{KeyKind, Note, VerifierKey};

/// Most witnesses one set may name: bounds the work of verifying one note.
pub const WITNESSES_MAX: usize = 200;

/// The witnesses somebody trusts, and how many of them are needed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct WitnessSet {
    quorum: usize,
    witnesses: BTreeMap<WitnessId, VerifierKey>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    quorum: usize,
    witnesses: BTreeMap<WitnessId, VerifierKey>,
}

/// Why a set of witnesses cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadWitnessSet {
    /// Nobody would have to sign, or more than there are.
    #[error("a quorum of {quorum} cannot be asked of {witnesses} witnesses")]
    Quorum {
        /// What was asked.
        quorum: usize,
        /// How many there are.
        witnesses: usize,
    },
    /// Too many to check.
    #[error("{0} witnesses are named; at most {WITNESSES_MAX} are supported")]
    TooMany(usize),
    /// Two names, one key: one party would count twice.
    #[error("witnesses \"{0}\" and \"{1}\" have the same key, so they are one witness")]
    SameKey(WitnessId, WitnessId),
    /// A key that cannot cosign.
    #[error("the key of witness \"{0}\" is a {kind} key; a witness cosigns with a key of type 0x04", kind = .1.word())]
    Kind(WitnessId, KeyKind),
}

impl WitnessSet {
    /// A set of witnesses of whom `quorum` must have signed.
    ///
    /// # Errors
    /// [`BadWitnessSet`] when the set could never be met, or one party would count twice.
    pub fn new(witnesses: BTreeMap<WitnessId, VerifierKey>, quorum: usize) -> Result<Self, BadWitnessSet> {
        if quorum == 0 || quorum > witnesses.len() {
            return Err(BadWitnessSet::Quorum {
                quorum,
                witnesses: witnesses.len(),
            });
        }
        if witnesses.len() > WITNESSES_MAX {
            return Err(BadWitnessSet::TooMany(witnesses.len()));
        }
        let mut seen: BTreeMap<[u8; 32], &WitnessId> = BTreeMap::new();
        for (id, key) in &witnesses {
            if key.kind() != KeyKind::Witness {
                return Err(BadWitnessSet::Kind(id.clone(), key.kind()));
            }
            // The name is not part of what is signed, so a second name for a key would make two votes of one.
            if let Some(other) = seen.insert(*key.public(), id) {
                return Err(BadWitnessSet::SameKey(other.clone(), id.clone()));
            }
        }
        Ok(Self { quorum, witnesses })
    }

    /// How many must have signed.
    #[must_use]
    pub const fn quorum(&self) -> usize {
        self.quorum
    }

    /// The witnesses and their keys.
    #[must_use]
    pub const fn witnesses(&self) -> &BTreeMap<WitnessId, VerifierKey> {
        &self.witnesses
    }
}

impl TryFrom<Written> for WitnessSet {
    type Error = BadWitnessSet;
    fn try_from(written: Written) -> Result<Self, BadWitnessSet> {
        Self::new(written.witnesses, written.quorum)
    }
}

impl From<WitnessSet> for Written {
    fn from(set: WitnessSet) -> Self {
        Self {
            quorum: set.quorum,
            witnesses: set.witnesses,
        }
    }
}

/// A time that came from outside the estate: the median of cosignature times. Made only by verifying cosignatures.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct WitnessedTime(Timestamp);

impl WitnessedTime {
    /// The instant.
    #[must_use]
    pub const fn instant(self) -> Timestamp {
        self.0
    }
}

impl fmt::Display for WitnessedTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Proof that at least a quorum of witnesses saw this head of this log. Bytes become one only by
/// [`Cosigned::verify`].
#[derive(PartialEq, Eq, Debug)]
pub struct Cosigned {
    checkpoint: Checkpoint,
    signed: BTreeMap<WitnessId, Timestamp>,
    time: WitnessedTime,
}

/// Why a note does not prove that a quorum saw it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NotCosigned {
    /// The text is no checkpoint.
    Checkpoint(BadCheckpoint),
    /// It is about another log.
    OtherLog {
        /// The log asked about.
        expected: String,
        /// The log in the note.
        found: String,
    },
    /// A line says it is by a known witness and is not.
    FalseSignature(WitnessId),
    /// One witness has two lines; which time would be its own?
    Repeated(WitnessId),
    /// Fewer distinct witnesses than needed.
    TooFew {
        /// Who signed.
        signed: BTreeSet<WitnessId>,
        /// How many are needed.
        quorum: usize,
        /// Who could still sign.
        missing: BTreeSet<WitnessId>,
    },
}

fn list(ids: &BTreeSet<WitnessId>, none: &str) -> String {
    if ids.is_empty() {
        return none.to_string();
    }
    let names: Vec<&str> = ids.iter().map(WitnessId::as_str).collect();
    names.join(", ")
}

impl fmt::Display for NotCosigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checkpoint(_) => f.write_str(
                "Der vorgelegte Text ist kein Protokollstand. / The text shown is not a log checkpoint.",
            ),
            Self::OtherLog { expected, found } => write!(
                f,
                "Der Protokollstand gehört zu „{found}“, gebraucht wird „{expected}“. / \
                 The checkpoint is about \"{found}\"; \"{expected}\" is needed."
            ),
            Self::FalseSignature(id) => write!(
                f,
                "Die Unterschrift, die von Zeuge „{id}“ sein soll, ist falsch. / \
                 The signature said to be by witness \"{id}\" is false."
            ),
            Self::Repeated(id) => write!(
                f,
                "Zeuge „{id}“ steht zweimal unter dem Protokollstand. / \
                 Witness \"{id}\" appears twice under the checkpoint."
            ),
            Self::TooFew {
                signed,
                quorum,
                missing,
            } => write!(
                f,
                "{} von {quorum} nötigen Zeugen haben unterschrieben ({}); es fehlen noch {} von: {}. / \
                 {} of {quorum} needed witnesses have signed ({}); still missing {} of: {}.",
                signed.len(),
                list(signed, "keiner"),
                quorum.saturating_sub(signed.len()),
                list(missing, "–"),
                signed.len(),
                list(signed, "none"),
                quorum.saturating_sub(signed.len()),
                list(missing, "–"),
            ),
        }
    }
}

impl core::error::Error for NotCosigned {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Checkpoint(bad) => Some(bad),
            Self::OtherLog { .. } | Self::FalseSignature(_) | Self::Repeated(_) | Self::TooFew { .. } => None,
        }
    }
}

impl Cosigned {
    /// Verifies a note against the witnesses one trusts. The log's own signature does not count and is not needed.
    ///
    /// Lines by unknown keys are ignored, however many. A false line by a known witness, or two by the same one, refuse
    /// the whole note.
    ///
    /// # Errors
    /// [`NotCosigned`] says what is missing or false.
    pub fn verify(note: &Note, origin: &Origin, trusted: &WitnessSet) -> Result<Self, NotCosigned> {
        let checkpoint = Checkpoint::parse(note.text()).map_err(NotCosigned::Checkpoint)?;
        if checkpoint.origin != *origin {
            let (expected, found) = (origin.to_string(), checkpoint.origin.to_string());
            return Err(NotCosigned::OtherLog { expected, found });
        }
        let mut signed: BTreeMap<WitnessId, Timestamp> = BTreeMap::new();
        for line in note.signatures() {
            let Some((id, key)) = trusted.witnesses.iter().find(|(_, key)| key.is_named_by(line)) else {
                continue;
            };
            let time =
                cosigned_at(key, note.text(), line).ok_or_else(|| NotCosigned::FalseSignature(id.clone()))?;
            if signed.insert(id.clone(), time).is_some() {
                return Err(NotCosigned::Repeated(id.clone()));
            }
        }
        let mut times: Vec<Timestamp> = signed.values().copied().collect();
        times.sort_unstable();
        match times.get(times.len() / 2) {
            Some(median) if signed.len() >= trusted.quorum => Ok(Self {
                checkpoint,
                time: WitnessedTime(*median),
                signed,
            }),
            Some(_) | None => {
                let missing = trusted
                    .witnesses
                    .keys()
                    .filter(|id| !signed.contains_key(*id))
                    .cloned()
                    .collect();
                Err(NotCosigned::TooFew {
                    signed: signed.into_keys().collect(),
                    quorum: trusted.quorum,
                    missing,
                })
            }
        }
    }

    /// What they saw.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Which log.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.checkpoint.origin
    }

    /// How many entries it had.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.checkpoint.size
    }

    /// The root over them.
    #[must_use]
    pub const fn root(&self) -> Digest {
        self.checkpoint.root
    }

    /// The median of the times at which they signed. With an even number it is the later of the middle two, because
    /// rights end with time: an earlier clock would keep what has expired alive.
    #[must_use]
    pub const fn time(&self) -> WitnessedTime {
        self.time
    }

    /// Who signed, and when.
    #[must_use]
    pub const fn witnesses(&self) -> &BTreeMap<WitnessId, Timestamp> {
        &self.signed
    }
}
