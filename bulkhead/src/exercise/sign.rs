//! The companions of the drill's people: what `bulkhead sign` does on each person's own machine, here in the drill's own
//! process, which serves nobody. Why the drill may: `docs/decisions/0007-the-drill-plays-people.md`.

use std::path::Path;

use ::sign::{Identity, Lang, LogIn, Refused, Signer};
use clearance::RewrappedKey;
use order::{AgeRecipient, login::ConsoleOrigin};
use vocabulary::{Signature, StatementId, Timestamp};

/// An insurer's release key, opened by its own people.
pub struct Companion(Identity);

impl Companion {
    /// Opens a release key file.
    ///
    /// # Errors
    /// [`Refused`] when it is missing or open to others.
    pub fn open(path: &Path) -> Result<Self, Refused> {
        Identity::open(path).map(Self)
    }

    /// Wraps keys again, to the door that is to read.
    ///
    /// # Errors
    /// [`Refused`] with the segment that does not open.
    pub fn rewrap(&self, wrapped: &[RewrappedKey], to: &AgeRecipient) -> Result<Vec<RewrappedKey>, Refused> {
        self.0.rewrap(wrapped, to)
    }
}

/// Makes a release key file.
///
/// # Errors
/// [`Refused`] when it cannot be written.
pub fn release_key(path: &Path, now: Timestamp) -> Result<AgeRecipient, Refused> {
    ::sign::keygen(path, now)
}

/// What a person does with a statement: reads it as a sentence, types its word, signs with a key file.
///
/// # Errors
/// [`Refused`] when it is not the statement expected, or cannot be signed.
pub fn read_and_sign(paper: &Path, expected: StatementId, key: &Path) -> Result<(), Refused> {
    let shown = ::sign::show(paper, Lang::De, None, Some(expected))?;
    let word = shown.word();
    let confirmed = shown.confirm(word)?;
    ::sign::sign(confirmed, &Signer::from_file(key, &mut |_| None)?)?;
    Ok(())
}

/// Answers a console's challenge to log in, as the person's companion does.
///
/// # Errors
/// [`Refused`] when it is no challenge of this console, or cannot be signed.
pub fn answer_challenge(text: &str, console: &ConsoleOrigin, key: &Path) -> Result<Signature, Refused> {
    LogIn::read(text, console)?.sign(&Signer::from_file(key, &mut |_| None)?)
}
