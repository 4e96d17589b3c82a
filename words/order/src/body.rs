//! Payloads as JSON: bounded before they are parsed, checked after.

use alloc::{string::String, vec::Vec};
use serde::{Serialize, de::DeserializeOwned};
use vocabulary::{Envelope, PayloadType};

/// Why a payload is not the statement it claims to be.
#[derive(Debug, thiserror::Error)]
pub enum BadBody {
    /// The envelope carries another kind of statement.
    #[error("Erwartet wurde die Art „{expected}“, die Erklärung ist von der Art „{found}“. / Expected a statement of kind \"{expected}\", this one is of kind \"{found}\".", expected = expected.word(), found = found.word())]
    OtherKind {
        /// What the caller asked for.
        expected: PayloadType,
        /// What the envelope says.
        found: PayloadType,
    },
    /// Larger than this kind of statement can sensibly be.
    #[error(
        "Die Erklärung hat {bytes} Bytes, erlaubt sind {max}. / The statement has {bytes} bytes; {max} are allowed."
    )]
    TooLong {
        /// Length of the payload.
        bytes: usize,
        /// Limit for this kind.
        max: usize,
    },
    /// Not the JSON this version understands.
    #[error("Der Inhalt ist nicht lesbar ({0}). / The payload cannot be read ({0}).")]
    Json(#[from] serde_json::Error),
    /// Readable, but contradicts itself or a limit.
    #[error("{de} / {en}")]
    Contradiction {
        /// What is wrong, in German.
        de: String,
        /// What is wrong, in English.
        en: String,
    },
}

impl BadBody {
    /// A contradiction, in both languages.
    #[must_use]
    pub fn contradiction(de: impl Into<String>, en: impl Into<String>) -> Self {
        Self::Contradiction {
            de: de.into(),
            en: en.into(),
        }
    }
}

/// A payload body: what people decide, before anyone signed it.
pub trait Body: Serialize + DeserializeOwned {
    /// The kind of statement it is the payload of.
    const KIND: PayloadType;
    /// Longest accepted payload in bytes.
    const BYTES_MAX: usize;

    /// Checks everything that the types alone do not.
    ///
    /// # Errors
    /// [`BadBody::Contradiction`] with the first thing that is wrong.
    fn check(&self) -> Result<(), BadBody>;

    /// Reads and checks the payload of an envelope. Says nothing about signatures.
    ///
    /// # Errors
    /// [`BadBody`] when the kind differs, a limit is exceeded, or the content is unreadable or contradictory.
    fn read(envelope: &Envelope) -> Result<Self, BadBody> {
        if envelope.payload_type != Self::KIND {
            return Err(BadBody::OtherKind {
                expected: Self::KIND,
                found: envelope.payload_type,
            });
        }
        let bytes = envelope.payload.len();
        if bytes > Self::BYTES_MAX {
            return Err(BadBody::TooLong {
                bytes,
                max: Self::BYTES_MAX,
            });
        }
        let body: Self = serde_json::from_slice(&envelope.payload)?;
        body.check()?;
        Ok(body)
    }

    /// The draft to be signed: this body's bytes with no signature yet.
    ///
    /// # Errors
    /// As [`read`](Self::read), so that nobody is asked to sign what every door would refuse.
    fn draft(&self) -> Result<Envelope, BadBody> {
        self.check()?;
        let envelope = Envelope {
            payload_type: Self::KIND,
            payload: serde_json::to_vec(self)?,
            signatures: Vec::new(),
        };
        Self::read(&envelope)?;
        Ok(envelope)
    }
}

/// Refuses lists that nobody could read before signing.
pub(crate) fn at_most(what_de: &str, what_en: &str, count: usize, max: usize) -> Result<(), BadBody> {
    if count > max {
        return Err(BadBody::contradiction(
            alloc::format!("Zu viele {what_de}: {count}, erlaubt sind {max}."),
            alloc::format!("Too many {what_en}: {count}; {max} are allowed."),
        ));
    }
    Ok(())
}

/// Bounds a scope: selectors and names in each.
pub(crate) fn bounded_scope(scope: &vocabulary::Scope) -> Result<(), BadBody> {
    at_most("Auswahlen", "selectors", scope.0.len(), 256)?;
    if scope.0.is_empty() {
        return Err(BadBody::contradiction(
            "Der Geltungsbereich ist leer.",
            "The scope covers nothing.",
        ));
    }
    for part in &scope.0 {
        let names = part.sites.as_ref().map_or(0, |set| set.len())
            + part.insurers.as_ref().map_or(0, |set| set.len())
            + part.services.as_ref().map_or(0, |set| set.len());
        at_most("Namen im Geltungsbereich", "names in the scope", names, 1024)?;
    }
    Ok(())
}
