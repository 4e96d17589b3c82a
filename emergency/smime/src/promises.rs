//! The named promises of this room, as functions: used by tests, by the drill, and where answers are prepared.

use crate::{Content, Decryption, Ground, Outcome};

/// What broke a promise.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Broken {
    /// An error answer without a ground in the mail.
    #[error("SMIME-1: an error answer was prepared though nothing is wrong with the mail that we could know")]
    Ungrounded,
    /// Other bytes than those that were signed.
    #[error("SMIME-2: what came out is not byte for byte what went in")]
    Changed,
}

/// The grounds a mail itself gives for an error answer. Our own trouble (a missing or locked key, an unknown recipient
/// format) and our own doubt (status unknown, algorithm not checkable) give none.
#[must_use]
pub fn grounds(outcome: &Outcome) -> Vec<Ground> {
    let mut grounds = match outcome {
        Outcome::Opened(opened) => opened
            .findings
            .iter()
            .map(crate::Finding::ground)
            .filter(|ground| !matches!(ground, Ground::Undecided | Ground::Outside))
            .collect(),
        Outcome::Plain(_) | Outcome::Unreadable(_) => vec![Ground::Encryption],
        Outcome::Hold(_) => Vec::new(),
    };
    grounds.sort_unstable();
    grounds.dedup();
    grounds
}

/// SMIME-1: no trouble and no doubt of ours ever becomes an error answer. What cannot be decrypted for our own reasons is
/// held (in April 2023 such mails were answered "key not available" by machines).
///
/// # Errors
/// If an answer was prepared without a ground.
pub fn answers_are_grounded(outcome: &Outcome, answer_prepared: bool) -> Result<(), Broken> {
    let held = matches!(
        outcome.decryption(),
        Some(Decryption::KeyMissing | Decryption::Unreachable)
    );
    if answer_prepared && (held || grounds(outcome).is_empty()) {
        return Err(Broken::Ungrounded);
    }
    Ok(())
}

/// SMIME-2: the inner mail comes out byte for byte as it was signed.
///
/// # Errors
/// If other bytes, or none, came out.
pub fn inner_is_unchanged(inner: &[u8], outcome: &Outcome) -> Result<(), Broken> {
    let Outcome::Opened(opened) = outcome else {
        return Err(Broken::Changed);
    };
    match &opened.content {
        Content::Mail(bytes) if bytes == inner => Ok(()),
        Content::Mail(_) | Content::Other(_) => Err(Broken::Changed),
    }
}
