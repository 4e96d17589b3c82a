//! What a statement says, in one plain sentence with counts.

use vocabulary::{Envelope, Scope};

use crate::{Lang, Refused};

/// Who and what a scope means in one estate: asked for the counts in a sentence. Signing works without.
pub trait Census {
    /// What the scope covers.
    fn count(&self, scope: &Scope) -> Counts;
}

/// How much a scope covers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Doors.
    pub doors: u64,
    /// Insurers.
    pub insurers: u64,
    /// Insured persons.
    pub persons: u64,
}

pub(crate) fn of(envelope: &Envelope, lang: Lang, census: Option<&dyn Census>) -> Result<String, Refused> {
    let _ = (lang, census);
    Err(Refused::Unreadable(envelope.payload_type))
}
