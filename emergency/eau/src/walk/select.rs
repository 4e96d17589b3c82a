//! Which slice of its group an element belongs to.

use super::Walk;
use crate::{table::When, view::url, xml::NONE};

impl Walk<'_, '_, '_> {
    pub(super) fn selects(&self, at: u32, when: &When) -> bool {
        let document = self.view.document;
        match when {
            When::This(value) => document.value(at) == Some(value),
            When::Url(url) => document.at(at).url.as_deref() == Some(url),
            When::Below(path, value) => {
                let mut found = false;
                self.down(at, path, &mut |at| found |= document.value(at) == Some(value));
                found
            }
            When::Coding(path, system, code) => {
                let mut found = false;
                self.down(at, path, &mut |at| {
                    found |= document.value(document.first(at, "system")) == Some(system)
                        && document.value(document.first(at, "code")) == Some(code);
                });
                found
            }
            When::Resource(kind, profile) => self.claims(at, kind, profile),
        }
    }

    /// The resource inside is of this kind. Conditions are told apart by the profile they claim, in whatever version.
    fn claims(&self, at: u32, kind: &str, profile: &str) -> bool {
        let document = self.view.document;
        let inside = document
            .kids(document.first(at, "resource"))
            .next()
            .unwrap_or(NONE);
        document.at(inside).name == kind && (kind != "Condition" || self.claimed(inside, profile))
    }

    /// A resource claims a profile of this name.
    pub(super) fn claimed(&self, resource: u32, name: &str) -> bool {
        let document = self.view.document;
        let meta = document.first(resource, "meta");
        document.named(meta, "profile").any(|at| {
            let own = document
                .value(at)
                .and_then(|claim| claim.strip_prefix(url::PROFILE)?.strip_prefix(name));
            own.is_some_and(|rest| rest.is_empty() || rest.starts_with('|'))
        })
    }

    fn down(&self, of: u32, path: &[Box<str>], take: &mut dyn FnMut(u32)) {
        let Some((name, rest)) = path.split_first() else {
            take(of);
            return;
        };
        for kid in self.view.document.kids(of) {
            if self.view.document.at(kid).name == &**name {
                self.down(kid, rest, take);
            }
        }
    }
}
