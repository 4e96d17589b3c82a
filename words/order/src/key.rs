//! Public keys people already have, in OpenSSH's own notation.

use alloc::{format, string::String};
use core::fmt;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use ssh_key::{EcdsaCurve, public::KeyData};
use vocabulary::Digest;

/// Longest accepted public key line in bytes.
const LINE_BYTES_MAX: usize = 1024;

/// Why a line is no public key of a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// Not OpenSSH's notation, or too long.
    #[error("Das ist kein öffentlicher SSH-Schlüssel ({0}). / This is no SSH public key ({0}).")]
    Unreadable(String),
    /// A kind of key that is not accepted.
    #[error(
        "Schlüssel der Art {0} werden nicht angenommen; möglich sind ssh-ed25519, ecdsa-sha2-nistp256 und sk-ssh-ed25519@openssh.com. / Keys of kind {0} are not accepted; use ssh-ed25519, ecdsa-sha2-nistp256 or sk-ssh-ed25519@openssh.com."
    )]
    Kind(String),
    /// A point for which anybody can make signatures.
    #[error(
        "Der Schlüssel ist schwach: Unterschriften wären fälschbar. / The key is weak: its signatures could be forged."
    )]
    Weak,
}

/// Names a public key: SHA-256 of its SSH wire form (what OpenSSH prints as fingerprint).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct KeyId(pub(crate) Digest);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A public key of a person, of a kind we verify.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    data: KeyData,
    id: KeyId,
}

impl PublicKey {
    /// Reads one line of an OpenSSH public key file; the comment is dropped.
    ///
    /// # Errors
    /// [`BadKey`] when it is unreadable, of another kind, or weak.
    pub fn from_openssh(line: &str) -> Result<Self, BadKey> {
        if line.len() > LINE_BYTES_MAX {
            return Err(BadKey::Unreadable(format!("{} Bytes/bytes", line.len())));
        }
        let key = ssh_key::PublicKey::from_openssh(line.trim())
            .map_err(|error| BadKey::Unreadable(format!("{error}")))?;
        Self::accept(key.key_data().clone())
    }

    /// Accepts a key that came inside a signature.
    pub(crate) fn accept(data: KeyData) -> Result<Self, BadKey> {
        let kind_fits = if let Some(key) = data.ed25519() {
            strong(&key.0)?
        } else if let Some(key) = data.sk_ed25519() {
            strong(&key.public_key().0)?
        } else {
            data.ecdsa()
                .is_some_and(|key| key.curve() == EcdsaCurve::NistP256)
        };
        if !kind_fits {
            return Err(BadKey::Kind(format!("{}", data.algorithm())));
        }
        let wire = ssh_key::PublicKey::from(data.clone())
            .to_bytes()
            .map_err(|error| BadKey::Unreadable(format!("{error}")))?;
        Ok(Self {
            data,
            id: KeyId(Digest::of(&wire)),
        })
    }

    /// The key's name.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// The key as OpenSSH's own type, for signing tools.
    #[must_use]
    pub const fn data(&self) -> &KeyData {
        &self.data
    }

    /// One line in OpenSSH's notation, without comment.
    #[must_use]
    pub fn to_openssh(&self) -> String {
        // Encoding a key that was decoded before cannot fail; an empty line would be refused by every reader.
        ssh_key::PublicKey::from(self.data.clone())
            .to_openssh()
            .unwrap_or_default()
    }
}

/// Refuses points of small order, for which a signature fits many messages.
fn strong(bytes: &[u8; 32]) -> Result<bool, BadKey> {
    let point = ed25519_dalek::VerifyingKey::from_bytes(bytes)
        .map_err(|error| BadKey::Unreadable(format!("{error}")))?;
    if point.is_weak() {
        Err(BadKey::Weak)
    } else {
        Ok(true)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key:{}", self.id.0.short())
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_openssh())
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let line = String::deserialize(deserializer)?;
        Self::from_openssh(&line).map_err(D::Error::custom)
    }
}
