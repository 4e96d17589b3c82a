//! Signed notes and verifier keys (C2SP `signed-note` v1.0.0): the text form in which checkpoints travel.
//!
//! Two key kinds are known: a log's own key (Ed25519, type 0x01) and a witness's cosigning key (timestamped Ed25519,
//! type 0x04, C2SP `tlog-cosignature`). Both are keys of servers; no person's key is ever used here.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use core::{fmt, str::FromStr};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest as _, Sha256};

/// Longest note that is looked at, in bytes: an estate's 100 witnesses with room to spare.
pub const NOTE_BYTES_MAX: usize = 64 * 1024;
/// Most signature lines that are looked at; the specification asks for at least 16.
pub const SIGNATURES_MAX: usize = 256;
const NAME_BYTES_MAX: usize = 255;

/// The name of a log or witness key: not empty, no spaces, no plus sign, at most 255 bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

/// A key name that breaks the rule.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "key name {0:?} is not usable: 1 to {NAME_BYTES_MAX} bytes without spaces, control characters and '+'"
)]
pub struct BadName(pub String);

impl KeyName {
    /// Reads a name.
    ///
    /// # Errors
    /// [`BadName`] when it breaks the rule of `signed-note`.
    pub fn new(text: &str) -> Result<Self, BadName> {
        let fits = !text.is_empty()
            && text.len() <= NAME_BYTES_MAX
            && !text
                .chars()
                .any(|c| c.is_whitespace() || c.is_control() || c == '+');
        if fits {
            Ok(Self(text.to_string()))
        } else {
            Err(BadName(text.chars().take(64).collect()))
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key:{}", self.0)
    }
}

/// The first four bytes of the hash that tells keys of one name apart. A hint, never a proof.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct KeyId(pub [u8; 4]);

/// What a key signs, and so the form of its signature.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum KeyKind {
    /// A log's own signature over the note text (0x01).
    Log,
    /// A witness's timestamped cosignature over a checkpoint (0x04).
    Witness,
}

impl KeyKind {
    const fn byte(self) -> u8 {
        match self {
            Self::Log => 0x01,
            Self::Witness => 0x04,
        }
    }

    /// The kind in words, for messages.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Witness => "witness",
        }
    }
}

/// The public half of a log's or witness's key, written `name+id+key` (the "vkey" of `signed-note`).
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: KeyName,
    id: KeyId,
    kind: KeyKind,
    key: VerifyingKey,
}

/// Why a text is no verifier key.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadKey {
    /// Not `name+id+key`.
    #[error("a verifier key is written name+8 hexadecimal digits+base64; got {0:?}")]
    Form(String),
    /// The name breaks its rule.
    #[error(transparent)]
    Name(#[from] BadName),
    /// The id is not the one that name and key give.
    #[error("the id in verifier key {0:?} does not belong to its name and key: copied wrongly?")]
    Id(String),
    /// A kind of key nobody here can check.
    #[error("verifier key {name:?} is of type 0x{kind:02x}; known are 0x01 (log) and 0x04 (witness)")]
    Kind {
        /// The name in the key.
        name: String,
        /// The type byte.
        kind: u8,
    },
    /// Not a point of the curve, or one under which anybody can sign.
    #[error("verifier key {0:?} is not a usable Ed25519 public key")]
    Weak(String),
}

impl VerifierKey {
    /// Takes a public key. Keys under which anybody could sign (small order) are refused.
    ///
    /// # Errors
    /// [`BadKey::Weak`].
    pub fn new(name: KeyName, kind: KeyKind, public: &[u8; 32]) -> Result<Self, BadKey> {
        let weak = || BadKey::Weak(name.to_string());
        let key = VerifyingKey::from_bytes(public).map_err(|_| weak())?;
        if key.is_weak() {
            return Err(weak());
        }
        let id = key_id(&name, kind, public);
        Ok(Self { name, id, kind, key })
    }

    /// The key's name.
    #[must_use]
    pub const fn name(&self) -> &KeyName {
        &self.name
    }

    /// The key's id.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// What the key signs.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The 32 bytes of the public key.
    #[must_use]
    pub fn public(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// Whether a signature line claims to be by this key.
    #[must_use]
    pub fn is_named_by(&self, line: &SignatureLine) -> bool {
        line.name == self.name && line.id == self.id
    }

    pub(crate) fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        <[u8; 64]>::try_from(signature).is_ok_and(|bytes| {
            self.key
                .verify_strict(message, &Signature::from_bytes(&bytes))
                .is_ok()
        })
    }
}

fn key_id(name: &KeyName, kind: KeyKind, public: &[u8; 32]) -> KeyId {
    let mut hasher = Sha256::new();
    hasher.update(name.0.as_bytes());
    hasher.update([b'\n', kind.byte()]);
    hasher.update(public);
    let hash: [u8; 32] = hasher.finalize().into();
    let [a, b, c, d, ..] = hash;
    KeyId([a, b, c, d])
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = Vec::with_capacity(33);
        key.push(self.kind.byte());
        key.extend_from_slice(self.key.as_bytes());
        write!(
            f,
            "{}+{}+{}",
            self.name,
            hex::encode(self.id.0),
            STANDARD.encode(key)
        )
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for VerifierKey {
    type Err = BadKey;
    fn from_str(text: &str) -> Result<Self, BadKey> {
        let form = || BadKey::Form(text.chars().take(200).collect());
        let (name, rest) = text.split_once('+').ok_or_else(form)?;
        let (id, key) = rest.split_once('+').ok_or_else(form)?;
        let name = KeyName::new(name)?;
        let mut id_bytes = [0; 4];
        hex::decode_to_slice(id, &mut id_bytes).map_err(|_| form())?;
        let key = STANDARD.decode(key).map_err(|_| form())?;
        let (kind, public) = key.split_first().ok_or_else(form)?;
        let kind = match *kind {
            0x01 => KeyKind::Log,
            0x04 => KeyKind::Witness,
            kind => {
                return Err(BadKey::Kind {
                    name: name.to_string(),
                    kind,
                });
            }
        };
        let public = <&[u8; 32]>::try_from(public).map_err(|_| form())?;
        let read = Self::new(name, kind, public)?;
        if read.id.0 == id_bytes {
            Ok(read)
        } else {
            Err(BadKey::Id(text.to_string()))
        }
    }
}

impl Serialize for VerifierKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for VerifierKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

/// The private half of a server's key. Overwritten in memory when dropped; never printed.
pub(crate) struct ServerKey {
    secret: SigningKey,
    public: VerifierKey,
}

impl ServerKey {
    pub(crate) fn new(name: KeyName, kind: KeyKind, seed: &[u8; 32]) -> Result<Self, BadKey> {
        let secret = SigningKey::from_bytes(seed);
        let public = VerifierKey::new(name, kind, secret.verifying_key().as_bytes())?;
        Ok(Self { secret, public })
    }

    pub(crate) const fn public(&self) -> &VerifierKey {
        &self.public
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.secret.sign(message).to_bytes()
    }

    pub(crate) fn line(&self, signature: Vec<u8>) -> SignatureLine {
        SignatureLine {
            name: self.public.name.clone(),
            id: self.public.id,
            signature,
        }
    }
}

/// One signature under a note; unverified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignatureLine {
    /// Who is said to have signed.
    pub name: KeyName,
    /// Which key of that name.
    pub id: KeyId,
    /// What follows the id, in the form of the key's kind.
    pub signature: Vec<u8>,
}

impl fmt::Display for SignatureLine {
    /// The line without its newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.id.0.to_vec();
        bytes.extend_from_slice(&self.signature);
        write!(f, "— {} {}", self.name, STANDARD.encode(bytes))
    }
}

impl FromStr for SignatureLine {
    type Err = BadNote;
    fn from_str(line: &str) -> Result<Self, BadNote> {
        let bad = || BadNote::Line(line.chars().take(120).collect());
        let (name, signature) = line
            .strip_prefix("— ")
            .and_then(|rest| rest.split_once(' '))
            .ok_or_else(bad)?;
        let name = KeyName::new(name).map_err(|_| bad())?;
        let bytes = STANDARD.decode(signature).map_err(|_| bad())?;
        let (id, signature) = bytes.split_first_chunk::<4>().ok_or_else(bad)?;
        if signature.is_empty() {
            return Err(bad());
        }
        Ok(Self {
            name,
            id: KeyId(*id),
            signature: signature.to_vec(),
        })
    }
}

/// A text with signatures under it; unverified, as it came in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    text: String,
    signatures: Vec<SignatureLine>,
}

/// Why bytes are no note.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadNote {
    /// Too long to be looked at.
    #[error("the note has {bytes} bytes; at most {NOTE_BYTES_MAX} are read")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// More signature lines than any estate needs.
    #[error("the note has more than {SIGNATURES_MAX} signatures")]
    TooManySignatures,
    /// Not UTF-8, or with control characters.
    #[error("a note is UTF-8 text without control characters other than newline")]
    NotText,
    /// No blank line between text and signatures, or no newline at the end.
    #[error("a note is a text, an empty line and signature lines, each ending in a newline")]
    Form,
    /// A signature line that cannot be read.
    #[error("signature line {0:?} cannot be read")]
    Line(String),
}

impl Note {
    /// A text with signatures under it.
    ///
    /// # Errors
    /// [`BadNote`] when the text does not end in a newline or has control characters.
    pub fn new(text: String, signatures: Vec<SignatureLine>) -> Result<Self, BadNote> {
        if text.chars().any(|c| c < ' ' && c != '\n') {
            return Err(BadNote::NotText);
        }
        if !text.ends_with('\n') || signatures.is_empty() {
            return Err(BadNote::Form);
        }
        if signatures.len() > SIGNATURES_MAX {
            return Err(BadNote::TooManySignatures);
        }
        Ok(Self { text, signatures })
    }

    /// Reads a note.
    ///
    /// # Errors
    /// [`BadNote`] names the first thing that does not fit.
    pub fn parse(bytes: &[u8]) -> Result<Self, BadNote> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(BadNote::TooLong { bytes: bytes.len() });
        }
        let note = core::str::from_utf8(bytes).map_err(|_| BadNote::NotText)?;
        if note.chars().any(|c| c < ' ' && c != '\n') {
            return Err(BadNote::NotText);
        }
        let note = note.strip_suffix('\n').ok_or(BadNote::Form)?;
        let (text, signatures) = note.rsplit_once("\n\n").ok_or(BadNote::Form)?;
        if signatures.split('\n').count() > SIGNATURES_MAX {
            return Err(BadNote::TooManySignatures);
        }
        let signatures = signatures
            .split('\n')
            .map(str::parse)
            .collect::<Result<Vec<_>, _>>()?;
        Self::new(format!("{text}\n"), signatures)
    }

    /// The text that is signed, with its final newline.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines, in their order.
    #[must_use]
    pub fn signatures(&self) -> &[SignatureLine] {
        &self.signatures
    }

    /// Adds a line, in place of an earlier one by the same key, so that asking a witness again leaves one signature.
    ///
    /// # Errors
    /// [`BadNote::TooManySignatures`].
    pub fn add(&mut self, line: SignatureLine) -> Result<(), BadNote> {
        self.signatures
            .retain(|old| old.name != line.name || old.id != line.id);
        if self.signatures.len() >= SIGNATURES_MAX {
            return Err(BadNote::TooManySignatures);
        }
        self.signatures.push(line);
        Ok(())
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for line in &self.signatures {
            writeln!(f, "{line}")?;
        }
        Ok(())
    }
}

impl FromStr for Note {
    type Err = BadNote;
    fn from_str(text: &str) -> Result<Self, BadNote> {
        Self::parse(text.as_bytes())
    }
}

impl Serialize for Note {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Note {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}
