//! A signed statement as it travels: exact payload bytes, their type, and SSH signatures over both.
//!
//! The shape follows DSSE (Dead Simple Signing Envelope, protocol v1.0.2): what is signed is the pre-authentication
//! encoding of type and payload, so a signature can never be moved to another kind of statement. Each signature is an
//! SSHSIG (OpenSSH `PROTOCOL.sshsig`) in namespace [`NAMESPACE`](Signature::NAMESPACE), because people use the keys
//! they already have.

use alloc::{format, string::String, vec::Vec};
use core::fmt;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::digest::{Digest, StatementId};

/// What kind of statement a payload is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum PayloadType {
    /// Persons, keys and thresholds.
    Charter,
    /// A change to one insurer's section of the charter.
    CharterSection,
    /// An order towards more shut, or one raising a class.
    Closing,
    /// An order pre-signed in peace.
    StandingOrder,
    /// An order towards more open.
    Opening,
    /// Examiners' statement about an environment.
    Clearance,
    /// Withdrawal of a clearance or of evidence.
    Withdrawal,
    /// An insurer's yes.
    Consent,
    /// An insurer's no.
    Refusal,
    /// An insurer's yes given in peace.
    StandingConsent,
    /// A scoped, short right for an outside examiner.
    Delegation,
    /// A statement that lets a door restart without losing its view.
    Freshness,
    /// Answers that may leave an emergency environment.
    AnswerRelease,
}

impl PayloadType {
    const ALL: [(Self, &'static str); 13] = [
        (Self::Charter, "charter"),
        (Self::CharterSection, "charter-section"),
        (Self::Closing, "closing"),
        (Self::StandingOrder, "standing-order"),
        (Self::Opening, "opening"),
        (Self::Clearance, "clearance"),
        (Self::Withdrawal, "withdrawal"),
        (Self::Consent, "consent"),
        (Self::Refusal, "refusal"),
        (Self::StandingConsent, "standing-consent"),
        (Self::Delegation, "delegation"),
        (Self::Freshness, "freshness"),
        (Self::AnswerRelease, "answer-release"),
    ];

    const PREFIX: &'static str = "application/vnd.bulkhead.";
    const SUFFIX: &'static str = "+json;v=1";

    /// The short word, as in `closing`.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(kind, _)| *kind == self)
            .map_or("", |(_, word)| word)
    }

    fn read(text: &str) -> Option<Self> {
        let word = text.strip_prefix(Self::PREFIX)?.strip_suffix(Self::SUFFIX)?;
        Self::ALL
            .iter()
            .find(|(_, known)| *known == word)
            .map(|(kind, _)| *kind)
    }
}

impl fmt::Display for PayloadType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", Self::PREFIX, self.word(), Self::SUFFIX)
    }
}

impl Serialize for PayloadType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PayloadType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::read(&text).ok_or_else(|| D::Error::custom(format!("unknown payload type \"{text}\"")))
    }
}

/// One SSH signature, as the PEM-armoured text that `ssh-keygen -Y sign` writes. Not yet verified.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Signature(pub String);

impl Signature {
    /// The SSHSIG namespace every statement is signed in.
    pub const NAMESPACE: &'static str = "bulkhead";
}

/// A statement with its signatures; unverified, as it came in. Rooms that act take proofs, not envelopes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Envelope {
    /// What kind of statement the payload is.
    pub payload_type: PayloadType,
    /// The exact bytes that were signed (base64 on the wire).
    #[serde(with = "base64_bytes")]
    pub payload: Vec<u8>,
    /// Signatures, in the order they were added.
    pub signatures: Vec<Signature>,
}

/// Longest accepted envelope on the wire, in bytes. A consent that carries re-wrapped keys is the largest statement.
const WIRE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// More signatures than any threshold can need; bounds verification work.
const SIGNATURES_MAX: usize = 64;

/// Why bytes are no envelope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Too long to be looked at.
    #[error("the statement has {bytes} bytes; at most {WIRE_BYTES_MAX} are accepted")]
    TooLong {
        /// Length that came in.
        bytes: usize,
    },
    /// More signatures than any threshold can need.
    #[error("the statement has {count} signatures; at most {SIGNATURES_MAX} are accepted")]
    TooManySignatures {
        /// How many came in.
        count: usize,
    },
}

impl Envelope {
    /// Longest accepted envelope on the wire, in bytes.
    pub const WIRE_BYTES_MAX: usize = WIRE_BYTES_MAX;

    /// The name of the statement: digest of exactly what is signed.
    #[must_use]
    pub fn id(&self) -> StatementId {
        StatementId(Digest::of(&self.signed_bytes()))
    }

    /// Exactly the bytes that every signature covers.
    #[must_use]
    pub fn signed_bytes(&self) -> Vec<u8> {
        pre_authentication_encoding(self.payload_type, &self.payload)
    }

    /// Checks the limits that bound the work of verifying.
    ///
    /// # Errors
    /// [`EnvelopeError`] with the limit that was exceeded.
    pub fn check_limits(&self) -> Result<(), EnvelopeError> {
        if self.payload.len() > WIRE_BYTES_MAX {
            return Err(EnvelopeError::TooLong {
                bytes: self.payload.len(),
            });
        }
        if self.signatures.len() > SIGNATURES_MAX {
            return Err(EnvelopeError::TooManySignatures {
                count: self.signatures.len(),
            });
        }
        Ok(())
    }
}

/// DSSE v1.0.2 PAE: `DSSEv1 SP len(type) SP type SP len(payload) SP payload`.
#[must_use]
pub fn pre_authentication_encoding(payload_type: PayloadType, payload: &[u8]) -> Vec<u8> {
    let kind = format!("{payload_type}");
    let mut bytes = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

mod base64_bytes {
    use alloc::{string::String, vec::Vec};
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD
            .decode(text)
            .map_err(|error| D::Error::custom(format_args!("payload is not base64: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_dsse() {
        let bytes = pre_authentication_encoding(PayloadType::Closing, b"{}");
        assert_eq!(bytes, b"DSSEv1 41 application/vnd.bulkhead.closing+json;v=1 2 {}");
    }

    #[test]
    fn every_type_reads_back() {
        for (kind, _) in PayloadType::ALL {
            assert_eq!(PayloadType::read(&format!("{kind}")), Some(kind));
        }
    }
}
