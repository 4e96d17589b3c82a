//! What a witness does: the rules of C2SP `tlog-witness`, `add-checkpoint`, as a pure function.
//!
//! ```text
//! decide(state, logs, ask, now) -> Step      the shell writes the step's state durably,
//! step.cosign(state, key)       -> line      and only then gets the signature
//! ```
//!
//! A witness keeps, for each log, the last head it signed. It signs a new one only when the log itself signed it and a
//! proof shows that the kept head begins it. It never goes back, in size or in time. When a log asks for two heads that
//! contradict each other, both notes are handed out as evidence.
//!
//! The shell decides one ask at a time per state: comparing and keeping are one step.

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use core::{fmt, str::FromStr};
use serde::{Deserialize, Serialize};
use vocabulary::{Digest, Timestamp};

use crate::checkpoint::{
    BadCheckpoint, Checkpoint, NotSigned, Origin, SignedCheckpoint, WitnessKey, decimal, digest_line,
};
use crate::note::{BadNote, Note, SignatureLine, VerifierKey};
use crate::tree::{ConsistencyProof, PROOF_HASHES_MAX, empty_root};

/// The logs a witness watches, and the keys it trusts to speak for each.
pub type Logs = BTreeMap<Origin, Vec<VerifierKey>>;

/// The last head of one log that this witness signed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// How many entries.
    pub size: u64,
    /// Root over them.
    pub root: Digest,
    /// When it was signed.
    pub at: Timestamp,
    /// The log's own signed checkpoint, kept as evidence.
    pub note: Note,
}

/// Everything a witness must remember.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct State(BTreeMap<Origin, Seen>);

impl State {
    /// The last head of a log that was signed.
    #[must_use]
    pub fn seen(&self, origin: &Origin) -> Option<&Seen> {
        self.0.get(origin)
    }

    /// Takes over a decided step. The shell then writes the state, durably, before it calls [`Step::cosign`].
    pub fn keep(&mut self, step: &Step) {
        self.0.insert(step.origin.clone(), step.seen.clone());
    }
}

/// A request for a cosignature: the body of `add-checkpoint`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AddCheckpoint {
    /// The size the asker believes the witness signed last.
    pub old: u64,
    /// That the old head begins the new one.
    pub proof: ConsistencyProof,
    /// The new head, signed by its log.
    pub note: Note,
}

/// Why bytes are no such request.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadRequest {
    /// The lines before the checkpoint do not fit.
    #[error(
        "a request is \"old SIZE\", at most {PROOF_HASHES_MAX} hashes in base64, an empty line and a checkpoint"
    )]
    Form,
    /// The checkpoint is no note.
    #[error(transparent)]
    Note(#[from] BadNote),
}

impl AddCheckpoint {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// [`BadRequest`].
    pub fn parse(body: &[u8]) -> Result<Self, BadRequest> {
        let text = core::str::from_utf8(body).map_err(|_| BadRequest::Form)?;
        let (head, note) = text.split_once("\n\n").ok_or(BadRequest::Form)?;
        let mut lines = head.split('\n');
        let old = lines
            .next()
            .and_then(|line| decimal(line.strip_prefix("old ")?))
            .ok_or(BadRequest::Form)?;
        let mut proof = Vec::new();
        for line in lines {
            if proof.len() == PROOF_HASHES_MAX {
                return Err(BadRequest::Form);
            }
            proof.push(digest_line(line).ok_or(BadRequest::Form)?);
        }
        Ok(Self {
            old,
            proof: ConsistencyProof(proof),
            note: Note::parse(note.as_bytes())?,
        })
    }
}

impl FromStr for AddCheckpoint {
    type Err = BadRequest;
    fn from_str(text: &str) -> Result<Self, BadRequest> {
        Self::parse(text.as_bytes())
    }
}

impl fmt::Display for AddCheckpoint {
    /// The body of a request.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        for hash in &self.proof.0 {
            writeln!(f, "{}", STANDARD.encode(hash.as_bytes()))?;
        }
        write!(f, "\n{}", self.note)
    }
}

/// Two notes that their log should never both have signed, or a step it could not prove. Whoever holds them can show
/// them to anybody.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// What the witness signed before.
    pub held: Note,
    /// What it was asked to sign.
    pub offered: Note,
}

/// Why a witness does not sign.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refused {
    /// The text is no checkpoint.
    Checkpoint(BadCheckpoint),
    /// This witness does not watch that log.
    UnknownLog(Origin),
    /// Not signed by the log.
    NotSigned(NotSigned),
    /// The old size is larger than the new one.
    OldLarger {
        /// Old size.
        old: u64,
        /// New size.
        size: u64,
    },
    /// The asker does not know what was signed last, or asks to go back.
    Stale {
        /// The size that was signed last; ask again with a proof from there.
        size: u64,
    },
    /// The log signed two different heads of the same size.
    Forked {
        /// The size.
        size: u64,
        /// Both notes.
        evidence: alloc::boxed::Box<Evidence>,
    },
    /// The proof does not show that the kept head begins the offered one.
    Unproven {
        /// Size that was signed before; zero when none was.
        old: u64,
        /// Offered size.
        size: u64,
        /// Both notes; none when nothing was signed before.
        evidence: Option<alloc::boxed::Box<Evidence>>,
    },
    /// This witness's own clock shows an earlier time than its last signature.
    ClockBehind {
        /// What was signed last.
        last: Timestamp,
        /// What the clock shows.
        now: Timestamp,
    },
}

impl Refused {
    /// The HTTP status that `tlog-witness` gives this refusal.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Checkpoint(_) | Self::OldLarger { .. } => 400,
            Self::UnknownLog(_) => 404,
            Self::NotSigned(_) => 403,
            Self::Stale { .. } | Self::Forked { .. } => 409,
            Self::Unproven { .. } => 422,
            Self::ClockBehind { .. } => 503,
        }
    }

    /// What the log should not have signed, if that is why.
    #[must_use]
    pub fn evidence(&self) -> Option<&Evidence> {
        match self {
            Self::Forked { evidence, .. } => Some(evidence),
            Self::Unproven { evidence, .. } => evidence.as_deref(),
            Self::Checkpoint(_)
            | Self::UnknownLog(_)
            | Self::NotSigned(_)
            | Self::OldLarger { .. }
            | Self::Stale { .. }
            | Self::ClockBehind { .. } => None,
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (german, english): (String, String) = match self {
            Self::Checkpoint(_) => (
                "Der Text ist kein Protokollstand".into(),
                "The text is not a log checkpoint".into(),
            ),
            Self::UnknownLog(origin) => (
                format!("Das Protokoll „{origin}“ wird hier nicht bezeugt"),
                format!("Log \"{origin}\" is not witnessed here"),
            ),
            Self::NotSigned(_) => (
                "Der Protokollstand trägt keine gültige Unterschrift seines Protokolls".into(),
                "The checkpoint bears no valid signature of its log".into(),
            ),
            Self::OldLarger { old, size } => (
                format!("Der alte Stand ({old}) ist größer als der neue ({size})"),
                format!("The old size ({old}) is larger than the new one ({size})"),
            ),
            Self::Stale { size } => (
                format!("Zuletzt bezeugt wurde Stand {size}; es fehlt der Beweis von dort aus"),
                format!("Size {size} was witnessed last; a proof from there is missing"),
            ),
            Self::Forked { size, .. } => (
                format!(
                    "Das Protokoll hat zwei verschiedene Stände mit je {size} Einträgen unterschrieben; beide sind gesichert"
                ),
                format!("The log signed two different heads of {size} entries; both are kept as evidence"),
            ),
            Self::Unproven { old, size, .. } => (
                format!("Es ist nicht bewiesen, dass Stand {size} den bezeugten Stand {old} fortsetzt"),
                format!("It is not proven that size {size} continues the witnessed size {old}"),
            ),
            Self::ClockBehind { last, now } => (
                format!(
                    "Die Uhr des Zeugen zeigt {now}, zuletzt unterschrieben wurde um {last}: Uhr stellen"
                ),
                format!("The witness's clock shows {now}, its last signature {last}: set the clock"),
            ),
        };
        write!(f, "{german}. / {english}.")
    }
}

impl core::error::Error for Refused {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Checkpoint(bad) => Some(bad),
            Self::NotSigned(why) => Some(why),
            Self::UnknownLog(_)
            | Self::OldLarger { .. }
            | Self::Stale { .. }
            | Self::Forked { .. }
            | Self::Unproven { .. }
            | Self::ClockBehind { .. } => None,
        }
    }
}

/// A head that may be signed as soon as it is kept. Made only by [`decide`].
#[derive(PartialEq, Eq, Debug)]
pub struct Step {
    origin: Origin,
    seen: Seen,
}

impl Step {
    /// Which log.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What is to be kept.
    #[must_use]
    pub const fn seen(&self) -> &Seen {
        &self.seen
    }

    /// Signs, if the state given is the one in which this step is kept: the shell passes what it has written.
    /// `None` otherwise.
    #[must_use]
    pub fn cosign(self, kept: &State, key: &WitnessKey) -> Option<SignatureLine> {
        (kept.seen(&self.origin) == Some(&self.seen)).then(|| key.cosign(self.seen.note.text(), self.seen.at))
    }
}

/// Decides whether a head may be signed.
///
/// # Errors
/// [`Refused`] says why not, and keeps the evidence when the log is to blame.
pub fn decide(state: &State, logs: &Logs, ask: &AddCheckpoint, now: Timestamp) -> Result<Step, Refused> {
    let claimed = Checkpoint::parse(ask.note.text()).map_err(Refused::Checkpoint)?;
    let origin = claimed.origin;
    let keys = logs
        .get(&origin)
        .ok_or_else(|| Refused::UnknownLog(origin.clone()))?;
    let signed = SignedCheckpoint::verify(&ask.note, &origin, keys).map_err(Refused::NotSigned)?;
    let (size, root) = (signed.checkpoint().size, signed.checkpoint().root);
    if ask.old > size {
        return Err(Refused::OldLarger { old: ask.old, size });
    }
    let seen = state.seen(&origin);
    let evidence = || {
        seen.map(|seen| {
            alloc::boxed::Box::new(Evidence {
                held: seen.note.clone(),
                offered: ask.note.clone(),
            })
        })
    };
    let (old, old_root) = seen.map_or_else(|| (0, empty_root()), |seen| (seen.size, seen.root));
    // Two heads of one size are a fork whatever size the asker says it knows.
    if old == size && old_root != root {
        return Err(evidence().map_or(
            Refused::Unproven {
                old,
                size,
                evidence: None,
            },
            |evidence| Refused::Forked { size, evidence },
        ));
    }
    if ask.old != old {
        return Err(Refused::Stale { size: old });
    }
    if ask.proof.verify(old, &old_root, size, &root).is_err() {
        return Err(Refused::Unproven {
            old,
            size,
            evidence: evidence(),
        });
    }
    if let Some(last) = seen.map(|seen| seen.at).filter(|last| now < *last) {
        return Err(Refused::ClockBehind { last, now });
    }
    Ok(Step {
        origin,
        seen: Seen {
            size,
            root,
            at: now,
            note: ask.note.clone(),
        },
    })
}
