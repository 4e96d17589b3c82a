//! What is wrong, where, what the rule expects, and what was there.

use serde::Serialize;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The document does not follow the profiles: an answer 101 or 102.
    Error,
    /// Noted for people; never a ground to refuse (check digits, ICD, follow-up before first, plausibility).
    Report,
}

/// What was found instead. The text may be a person's; it is never printed by `Debug`, so that no log can hold it.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Found(String);

impl Found {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        let mut text: String = text.into();
        if text.chars().count() > 120 {
            text = text.chars().take(119).chain(['…']).collect();
        }
        Self(text)
    }

    /// The text, for the screen of somebody who may see the note.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Found({} characters)", self.0.chars().count())
    }
}

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Name of the rule: an invariant's key in the profile, or the element's id in its profile and `#` what is asked of it,
    /// as in `Composition.title#fixed`.
    pub rule: String,
    /// Where: names down the document, counted from zero where there are several.
    pub path: String,
    /// Its weight.
    pub severity: Severity,
    /// What the rule expects, in German.
    pub expected: String,
    /// What the rule expects, in English.
    pub expected_english: String,
    /// What is there.
    pub found: Found,
}

impl std::fmt::Display for Finding {
    /// Without what was found: fit for logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}: {}: {} / {}",
            self.path, self.rule, self.expected, self.expected_english
        )
    }
}
