//! Checkpoints (C2SP `tlog-checkpoint` v1.0.0), signed by their log and cosigned by witnesses
//! (C2SP `tlog-cosignature`, Ed25519 `cosignature/v1`).

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use core::{fmt, str::FromStr};
use serde::{Deserialize, Serialize};
use vocabulary::{Digest, Timestamp};

use crate::note::{BadKey, BadName, BadNote, KeyKind, KeyName, Note, ServerKey, SignatureLine, VerifierKey};

/// The name of a log, first line of its checkpoints. Follows the rule for key names, because a log signs as itself.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origin(KeyName);

impl Origin {
    /// Reads a log's name, for example `bulkhead.example/essen/doors`.
    ///
    /// # Errors
    /// [`BadName`] when it breaks the rule for key names.
    pub fn new(text: &str) -> Result<Self, BadName> {
        KeyName::new(text).map(Self)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The same name, as the name of the log's key.
    #[must_use]
    pub const fn key_name(&self) -> &KeyName {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Origin {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        Self::new(text)
    }
}

impl TryFrom<String> for Origin {
    type Error = BadName;
    fn try_from(text: String) -> Result<Self, BadName> {
        Self::new(&text)
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.to_string()
    }
}

/// What a log says about itself at one size. A claim until it is verified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// Which log.
    pub origin: Origin,
    /// How many entries.
    pub size: u64,
    /// Root of the tree over them.
    pub root: Digest,
    /// Further lines, kept as they came. Nothing here gives them a meaning.
    pub extensions: Vec<String>,
}

/// Why a note's text is no checkpoint.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadCheckpoint {
    /// Fewer than three lines, or an empty one.
    #[error("a checkpoint has an origin, a size and a root hash, one line each, and no empty line")]
    Form,
    /// The origin is not a usable name.
    #[error("the checkpoint's origin is not usable")]
    Origin(#[source] BadName),
    /// The size is not a plain decimal.
    #[error("checkpoint size {0:?} is not a decimal number without leading zeroes")]
    Size(String),
    /// The root is not 32 bytes of base64.
    #[error("checkpoint root {0:?} is not the base64 of 32 bytes")]
    Root(String),
    /// The note itself cannot be read.
    #[error("the checkpoint is not a signed note")]
    Note(#[from] BadNote),
}

/// Reads a decimal without sign and leading zeroes.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let plain = text == "0" || !text.starts_with('0');
    (plain && !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

/// Reads 32 bytes of base64.
pub(crate) fn digest_line(text: &str) -> Option<Digest> {
    let bytes: [u8; 32] = STANDARD.decode(text).ok()?.try_into().ok()?;
    Some(Digest::from_bytes(bytes))
}

impl Checkpoint {
    /// A checkpoint without further lines.
    #[must_use]
    pub const fn new(origin: Origin, size: u64, root: Digest) -> Self {
        Self {
            origin,
            size,
            root,
            extensions: Vec::new(),
        }
    }

    /// Reads the text of a note.
    ///
    /// # Errors
    /// [`BadCheckpoint`] names the line that does not fit.
    pub fn parse(text: &str) -> Result<Self, BadCheckpoint> {
        let mut lines = text.strip_suffix('\n').ok_or(BadCheckpoint::Form)?.split('\n');
        let mut next = || {
            lines
                .next()
                .filter(|line| !line.is_empty())
                .ok_or(BadCheckpoint::Form)
        };
        let origin = Origin::new(next()?).map_err(BadCheckpoint::Origin)?;
        let size = next()?;
        let size = decimal(size).ok_or_else(|| BadCheckpoint::Size(size.chars().take(40).collect()))?;
        let root = next()?;
        let root = digest_line(root).ok_or_else(|| BadCheckpoint::Root(root.chars().take(80).collect()))?;
        let extensions: Vec<String> = lines.map(ToString::to_string).collect();
        if extensions.iter().any(String::is_empty) {
            return Err(BadCheckpoint::Form);
        }
        Ok(Self {
            origin,
            size,
            root,
            extensions,
        })
    }

    /// The text that is signed.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!(
            "{}\n{}\n{}\n",
            self.origin,
            self.size,
            STANDARD.encode(self.root.as_bytes())
        );
        for line in &self.extensions {
            text.push_str(line);
            text.push('\n');
        }
        text
    }
}

/// The key with which a log signs its own checkpoints.
pub struct LogKey(ServerKey);

impl LogKey {
    /// Makes the key from its 32 secret bytes, which the caller keeps in a file of strict permissions.
    ///
    /// # Errors
    /// [`BadKey`] when the bytes give no usable key.
    pub fn from_seed(origin: &Origin, seed: &[u8; 32]) -> Result<Self, BadKey> {
        ServerKey::new(origin.key_name().clone(), KeyKind::Log, seed).map(Self)
    }

    /// The public half.
    #[must_use]
    pub const fn verifier(&self) -> &VerifierKey {
        self.0.public()
    }

    /// Signs a checkpoint. The log must never sign two that contradict each other; only its owner can see to that.
    ///
    /// # Errors
    /// [`BadNote`] when an extension line holds what a note may not.
    pub fn sign(&self, checkpoint: &Checkpoint) -> Result<Note, BadNote> {
        let text = checkpoint.text();
        let signature = self.0.sign(text.as_bytes()).to_vec();
        Note::new(text, [self.0.line(signature)].into())
    }
}

impl fmt::Debug for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogKey({})", self.verifier())
    }
}

/// The key with which a witness cosigns.
pub struct WitnessKey(ServerKey);

impl WitnessKey {
    /// Makes the key from its 32 secret bytes.
    ///
    /// # Errors
    /// [`BadKey`] when the bytes give no usable key.
    pub fn from_seed(name: KeyName, seed: &[u8; 32]) -> Result<Self, BadKey> {
        ServerKey::new(name, KeyKind::Witness, seed).map(Self)
    }

    /// The public half.
    #[must_use]
    pub const fn verifier(&self) -> &VerifierKey {
        self.0.public()
    }

    /// Cosigns the text of a checkpoint: "at this time, this was the largest consistent head I had seen". The one who
    /// calls this vouches for that; [`crate::witness`] decides when it is true.
    #[must_use]
    pub fn cosign(&self, checkpoint_text: &str, now: Timestamp) -> SignatureLine {
        // Before 1970 there were no witnesses; the format cannot say otherwise.
        let seconds = u64::try_from(now.0).unwrap_or(0);
        let mut signature = seconds.to_be_bytes().to_vec();
        signature.extend_from_slice(&self.0.sign(&cosigned_message(checkpoint_text, seconds)));
        self.0.line(signature)
    }
}

impl fmt::Debug for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WitnessKey({})", self.verifier())
    }
}

fn cosigned_message(checkpoint_text: &str, seconds: u64) -> Vec<u8> {
    format!("cosignature/v1\ntime {seconds}\n{checkpoint_text}").into_bytes()
}

/// The time in a cosignature, if the key really made it over this text.
pub(crate) fn cosigned_at(key: &VerifierKey, text: &str, line: &SignatureLine) -> Option<Timestamp> {
    let (seconds, signature) = line.signature.split_first_chunk::<8>()?;
    let seconds = u64::from_be_bytes(*seconds);
    let time = Timestamp(i64::try_from(seconds).ok()?);
    key.signed(&cosigned_message(text, seconds), signature)
        .then_some(time)
}

/// A checkpoint that its own log signed. Says who is talking, not that it is true: a log can lie about itself, which
/// is why [`crate::Cosigned`] exists. Made only by [`SignedCheckpoint::verify`].
#[derive(PartialEq, Eq, Debug)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
}

/// Why a note is not taken as a log's checkpoint.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotSigned {
    /// The text is no checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] BadCheckpoint),
    /// It speaks about another log.
    #[error("the checkpoint is about \"{found}\", not about \"{expected}\"")]
    OtherLog {
        /// The log asked about.
        expected: String,
        /// The log in the note.
        found: String,
    },
    /// No line by a trusted key of the log.
    #[error("no signature by a trusted key of log \"{origin}\"")]
    Unsigned {
        /// The log.
        origin: String,
    },
    /// A line says it is by a trusted key and is not.
    #[error("the signature that claims to be by log \"{origin}\" is false")]
    FalseSignature {
        /// The log.
        origin: String,
    },
}

impl SignedCheckpoint {
    /// Verifies the log's own signature. Lines by unknown keys are ignored; a false one by a known key is fatal.
    ///
    /// # Errors
    /// [`NotSigned`] says what is missing or false.
    pub fn verify(note: &Note, origin: &Origin, trusted: &[VerifierKey]) -> Result<Self, NotSigned> {
        let checkpoint = Checkpoint::parse(note.text())?;
        if checkpoint.origin != *origin {
            let (expected, found) = (origin.to_string(), checkpoint.origin.to_string());
            return Err(NotSigned::OtherLog { expected, found });
        }
        let mut signed = false;
        for line in note.signatures() {
            let known = trusted
                .iter()
                .find(|key| key.kind() == KeyKind::Log && key.is_named_by(line));
            let Some(key) = known else { continue };
            if !key.signed(note.text().as_bytes(), &line.signature) {
                return Err(NotSigned::FalseSignature {
                    origin: origin.to_string(),
                });
            }
            signed = true;
        }
        if !signed {
            return Err(NotSigned::Unsigned {
                origin: origin.to_string(),
            });
        }
        Ok(Self {
            checkpoint,
            note: note.clone(),
        })
    }

    /// What the log says.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The note as it came, as evidence.
    #[must_use]
    pub const fn note(&self) -> &Note {
        &self.note
    }
}
