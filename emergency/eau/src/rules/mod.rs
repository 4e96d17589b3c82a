//! The invariants of the profiles, each under its own name.
//!
//! A rule is a fact of the profile said in Rust; its two sentences are ours. The tests compare every rule with the profile's
//! own expression over generated documents.

mod address;
mod bundle;
mod resource;

use crate::{
    logic::{Truth, YES},
    view::View,
};

/// One invariant.
#[derive(Debug)]
pub(crate) struct Rule {
    /// Names in the profiles: the newest first.
    names: &'static [&'static str],
    holds: fn(&View<'_, '_>, u32) -> Truth,
    /// What is expected, in German.
    pub(crate) german: &'static str,
    /// What is expected, in English.
    pub(crate) english: &'static str,
}

/// A rule under the name one version gives it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named {
    pub(crate) name: &'static str,
    pub(crate) rule: &'static Rule,
}

impl Rule {
    /// Whether the rule holds at an element. Like the reference validator, nothing counts as broken.
    pub(crate) fn holds(&self, view: &View<'_, '_>, at: u32) -> bool {
        (self.holds)(view, at) == YES
    }
}

/// The rule of this name.
pub(crate) fn named(name: &str) -> Option<Named> {
    [bundle::RULES, resource::RULES, address::RULES]
        .into_iter()
        .flatten()
        .find_map(|rule| {
            let name = rule.names.iter().find(|own| **own == name)?;
            Some(Named { name, rule })
        })
}

/// Every rule, under every name.
#[cfg(test)]
pub(crate) fn all() -> Vec<&'static str> {
    [bundle::RULES, resource::RULES, address::RULES]
        .into_iter()
        .flatten()
        .flat_map(|rule| rule.names.iter().copied())
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_two_rules_of_one_name() {
        let mut names = super::all();
        names.sort_unstable();
        let before = names.len();
        names.dedup();
        assert_eq!(before, names.len());
    }
}
