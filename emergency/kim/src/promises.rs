//! The named promise of this room, as a function: called where an answer is written, by tests, by the drill.

use crate::xml::Element;

/// What broke MAIL-1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A document about to leave says that our key was missing.
    #[error(
        "MAIL-1: eine Antwort mit Code {0} würde der Praxis unseren fehlenden Schlüssel anlasten. / MAIL-1: an answer with code {0} would blame the practice for our missing key."
    )]
    KeyMissing(u16),
    /// A document about to leave cannot be read back, or carries no code.
    #[error(
        "MAIL-1: eine Antwort, die niemand lesen kann, verlässt das Haus nicht. / MAIL-1: an answer nobody can read does not leave."
    )]
    Unreadable,
}

/// Codes that speak about our own key (eAU: both; eEB: the first).
const KEY_MISSING: [u16; 2] = [313, 314];

/// MAIL-1: no error mail is ever caused by a position or a missing key. Reads the document back from its bytes, as the
/// practice will.
///
/// # Errors
/// [`Broken`] with what was said.
pub fn mail_1(document: &[u8]) -> Result<(), Broken> {
    let root = Element::read(document).map_err(|_| Broken::Unreadable)?;
    let code = root.value_at(&["issue", "details", "coding", "code"]);
    let code: u16 = code
        .and_then(|code| code.parse().ok())
        .ok_or(Broken::Unreadable)?;
    if KEY_MISSING.contains(&code) {
        Err(Broken::KeyMissing(code))
    } else {
        Ok(())
    }
}
