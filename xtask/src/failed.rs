//! What went wrong, for the person at the terminal.

use std::fmt;

/// A step that failed: what was tried, what came of it, and who must act. One sentence each.
#[derive(Debug, PartialEq, Eq)]
pub struct Failed(String);

impl Failed {
    /// Says what was tried and what came of it.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }

    /// Says what was tried, with the cause after it.
    pub fn because(tried: &str, cause: &dyn fmt::Display) -> Self {
        Self(format!("{tried}: {cause}"))
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failed {}
