//! Logging in at a control room: read the challenge, see whose it is, sign it for that console or not at all.

use order::{
    Lang,
    login::{Challenge, ConsoleOrigin},
};
use vocabulary::Signature;

use crate::{Refused, Signer};

/// A log-in a person is about to sign: a challenge that names the very console the person went to. Only this is signed,
/// and only as a log-in.
#[derive(Debug)]
pub struct LogIn(Challenge);

impl LogIn {
    /// Reads a challenge. `console` is where the person went, from their own hand or configuration, never from the
    /// challenge itself.
    ///
    /// # Errors
    /// [`Refused::Challenge`] when it is anything but a challenge (a statement, say), [`Refused::OtherConsole`] when it
    /// was written for another console: somebody may be passing it on.
    pub fn read(text: &str, console: &ConsoleOrigin) -> Result<Self, Refused> {
        let challenge = Challenge::read(text)?;
        if challenge.origin != *console {
            return Err(Refused::OtherConsole {
                expected: console.clone(),
                found: challenge.origin,
            });
        }
        Ok(Self(challenge))
    }

    /// What is signed.
    #[must_use]
    pub const fn challenge(&self) -> &Challenge {
        &self.0
    }

    /// What it means.
    #[must_use]
    pub fn sentence(&self, lang: Lang) -> String {
        let (origin, estate, issued) = (&self.0.origin, &self.0.estate, self.0.issued);
        lang.of(
            format!("ANMELDUNG am Leitstand {origin} von {estate}, Aufforderung von {issued}. Das ist keine Erklärung: es öffnet und schließt nichts."),
            format!("LOG-IN at control room {origin} of {estate}, challenge of {issued}. This is no statement: it opens and closes nothing."),
        )
    }

    /// Signs it, once.
    ///
    /// # Errors
    /// [`Refused`] when the signer could not.
    pub fn sign(self, signer: &Signer) -> Result<Signature, Refused> {
        signer.sign_login(&self.0)
    }
}
