//! A statement that came over a wire instead of in a file: read, show, ask, sign. Nothing of what the wire said about it
//! is believed; the sentence is made here, from the exact bytes.

use order::{KeyId, Lang};
use std::collections::BTreeSet;
use vocabulary::{Envelope, PayloadType, Signature, StatementId};

use crate::{Census, Refused, Signer, statement};

/// A statement that was checked and put into one sentence.
#[derive(Debug)]
pub struct Sheet {
    envelope: Envelope,
    sentence: String,
    word: &'static str,
}

/// A statement a person read and said yes to. Only this is signed.
#[derive(Debug)]
pub struct ConfirmedSheet(Envelope);

impl Sheet {
    /// Reads a statement's exact bytes and says them.
    ///
    /// # Errors
    /// [`Refused`] as [`show`](crate::show): what cannot be shown whole is not signed.
    pub fn read(envelope: Envelope, lang: Lang, census: Option<&dyn Census>) -> Result<Self, Refused> {
        envelope.check_limits()?;
        statement::check(&envelope)?;
        let counts = statement::counts(&envelope, census)?;
        let sentence = clearance::sentence::of(&envelope, lang, &counts)?;
        let (de, en) = statement::word(envelope.payload_type);
        Ok(Self {
            sentence,
            word: lang.of(de, en),
            envelope,
        })
    }

    /// The sentence, with counts.
    #[must_use]
    pub fn sentence(&self) -> &str {
        &self.sentence
    }

    /// What is done by it, in one word: named again in the question, so that nobody confirms an opening while thinking
    /// of a cut.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        self.word
    }

    /// The name of the statement.
    #[must_use]
    pub fn id(&self) -> StatementId {
        self.envelope.id()
    }

    /// What kind of statement it is.
    #[must_use]
    pub const fn kind(&self) -> PayloadType {
        self.envelope.payload_type
    }

    /// The keys that have signed it, as far as their signatures count.
    #[must_use]
    pub fn keys(&self) -> BTreeSet<KeyId> {
        let message = self.envelope.signed_bytes();
        let key = |signature| order::verify(signature, &message).ok();
        self.envelope.signatures.iter().filter_map(key).collect()
    }

    /// Takes the person's answer: `j`, `ja`, `y` or `yes`, in either language; anything else is a no.
    ///
    /// # Errors
    /// [`Refused::NotConfirmed`].
    pub fn confirm(self, answer: &str) -> Result<ConfirmedSheet, Refused> {
        match answer.trim().to_lowercase().as_str() {
            "j" | "ja" | "y" | "yes" => Ok(ConfirmedSheet(self.envelope)),
            _ => Err(Refused::NotConfirmed { word: "j" }),
        }
    }
}

impl ConfirmedSheet {
    /// Signs exactly the bytes that were shown.
    ///
    /// # Errors
    /// [`Refused`] when the key has signed already or the signer could not.
    pub fn sign(self, signer: &Signer) -> Result<Signature, Refused> {
        let key = signer.public_key().id();
        let message = self.0.signed_bytes();
        if self
            .0
            .signatures
            .iter()
            .any(|known| order::verify(known, &message) == Ok(key))
        {
            return Err(Refused::SignedAlready(key));
        }
        signer.sign(&self.0)
    }
}
