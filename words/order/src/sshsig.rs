//! One SSH signature over one statement (OpenSSH `PROTOCOL.sshsig`; hardware keys: `PROTOCOL.u2f`).

use alloc::{collections::BTreeSet, format, string::String, vec::Vec};
use ssh_key::{Algorithm, SshSig};
use vocabulary::{Envelope, Signature, StatementId};

use crate::{
    body::{BadBody, Body},
    key::{BadKey, KeyId, PublicKey},
    refused::Refused,
};

/// Longest armoured signature: the largest accepted kind needs well under 1 KiB.
const ARMOUR_BYTES_MAX: usize = 4096;
/// Most keys remembered under one statement over all its copies: copies with foreign signatures cost bounded memory.
const KEYS_MAX: usize = 1024;
/// `PROTOCOL.u2f`: after the raw signature come one byte of flags and a four-byte counter.
const SK_TRAILER_BYTES: usize = 5;
/// `PROTOCOL.u2f`: the flag that says somebody touched the key.
const SK_USER_PRESENT: u8 = 0x01;

/// Why a signature counts for nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSignature {
    /// Not an SSH signature.
    #[error("keine lesbare SSH-Unterschrift ({0}) / no readable SSH signature ({0})")]
    Unreadable(String),
    /// Made for another purpose.
    #[error(
        "unterschrieben im Namensraum „{found}“ statt „{expected}“ / signed in namespace \"{found}\" instead of \"{expected}\""
    )]
    Namespace {
        /// The purpose it was made for.
        found: String,
        /// The purpose it is needed for.
        expected: &'static str,
    },
    /// A key that is not accepted.
    #[error(transparent)]
    Key(#[from] BadKey),
    /// Says another algorithm than its key has, or carries what we do not know.
    #[error("Unterschrift und Schlüssel passen nicht zusammen / signature and key do not fit together")]
    Form,
    /// The hardware key was not touched.
    #[error("der Hardware-Schlüssel wurde nicht berührt / the hardware key was not touched")]
    NotTouched,
    /// Not over these bytes, or not by this key.
    #[error("die Unterschrift ist falsch / the signature is false")]
    False,
}

/// The namespace in which people sign a challenge to log in. A signature made there is no statement, and a statement is
/// no log-in.
pub const LOGIN_NAMESPACE: &str = "bulkhead-login";

/// Verifies one signature under a statement and names the key that made it. Whose key that is, is another question.
///
/// # Errors
/// [`BadSignature`] says why it counts for nothing.
pub fn verify(signature: &Signature, signed_bytes: &[u8]) -> Result<KeyId, BadSignature> {
    verify_in(Signature::NAMESPACE, signature, signed_bytes)
}

/// Verifies one signature over exact bytes, made in one namespace only ([`LOGIN_NAMESPACE`] for log-ins), and names the
/// key that made it.
///
/// # Errors
/// [`BadSignature`] says why it counts for nothing.
pub fn verify_in(
    namespace: &'static str,
    signature: &Signature,
    signed_bytes: &[u8],
) -> Result<KeyId, BadSignature> {
    if signature.0.len() > ARMOUR_BYTES_MAX {
        return Err(BadSignature::Unreadable(format!(
            "{} Bytes/bytes",
            signature.0.len()
        )));
    }
    let sig = SshSig::from_pem(signature.0.as_bytes())
        .map_err(|error| BadSignature::Unreadable(format!("{error}")))?;
    if sig.namespace() != namespace {
        let found = sig
            .namespace()
            .chars()
            .filter(|c| !c.is_control())
            .take(40)
            .collect();
        return Err(BadSignature::Namespace {
            found,
            expected: namespace,
        });
    }
    let key = PublicKey::accept(sig.public_key().clone())?;
    if sig.algorithm() != key.data().algorithm() || !sig.reserved().is_empty() {
        return Err(BadSignature::Form);
    }
    if sig.algorithm() == Algorithm::SkEd25519 {
        touched(sig.signature_bytes())?;
    }
    ssh_key::PublicKey::from(key.data().clone())
        .verify(namespace, signed_bytes, &sig)
        .map_err(|_| BadSignature::False)?;
    Ok(key.id())
}

/// `ssh-key` checks that the flags were signed, not what they say.
fn touched(bytes: &[u8]) -> Result<(), BadSignature> {
    let flags = bytes
        .len()
        .checked_sub(SK_TRAILER_BYTES)
        .and_then(|at| bytes.get(at))
        .ok_or(BadSignature::Form)?;
    if flags & SK_USER_PRESENT == 0 {
        return Err(BadSignature::NotTouched);
    }
    Ok(())
}

/// A statement with the keys that truly signed its exact bytes. Made by verification only. A fact about bytes: it
/// stays true whatever the charter says later, so it is asked of the charter in force each time it is used.
#[derive(PartialEq, Eq, Debug)]
pub struct Authenticated<T> {
    id: StatementId,
    body: T,
    keys: BTreeSet<KeyId>,
    ignored: Vec<BadSignature>,
}

impl<T: Body> Authenticated<T> {
    /// Reads the payload and verifies every signature. Signatures that are no good are set aside, not fatal: whoever
    /// relays a closing must not be able to stop it by adding rubbish.
    ///
    /// # Errors
    /// [`Refused::Limits`] and [`Refused::Body`].
    pub fn verify(envelope: &Envelope) -> Result<Self, Refused> {
        envelope.check_limits()?;
        let body = T::read(envelope)?;
        let signed = envelope.signed_bytes();
        let mut keys = BTreeSet::new();
        let mut ignored = Vec::new();
        for signature in &envelope.signatures {
            match verify(signature, &signed) {
                Ok(key) => {
                    keys.insert(key);
                }
                Err(why) => ignored.push(why),
            }
        }
        Ok(Self {
            id: envelope.id(),
            body,
            keys,
            ignored,
        })
    }
}

impl<T> Authenticated<T> {
    /// The statement's name.
    #[must_use]
    pub const fn id(&self) -> StatementId {
        self.id
    }

    /// What it says.
    #[must_use]
    pub const fn body(&self) -> &T {
        &self.body
    }

    /// The keys that signed it.
    #[must_use]
    pub const fn keys(&self) -> &BTreeSet<KeyId> {
        &self.keys
    }

    /// Signatures that count for nothing, and why.
    #[must_use]
    pub fn ignored(&self) -> &[BadSignature] {
        &self.ignored
    }

    /// Takes over the signatures of another copy of the same statement; says whether any was new.
    pub fn merge(&mut self, other: Self) -> bool {
        if other.id != self.id {
            return false;
        }
        let before = self.keys.len();
        let room = KEYS_MAX.saturating_sub(before);
        let new = other.keys.into_iter().filter(|key| !self.keys.contains(key));
        let new: Vec<KeyId> = new.take(room).collect();
        self.keys.extend(new);
        self.keys.len() > before
    }
}

impl From<BadBody> for Refused {
    fn from(bad: BadBody) -> Self {
        Self::Body(bad)
    }
}
