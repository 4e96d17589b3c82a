//! What FHIR itself asks of a document, beyond the profiles.

use jiff::civil::Date;

use crate::{
    primitive::date,
    walk::Walk,
    xml::{NONE, ROOT},
};

impl Walk<'_, '_, '_> {
    /// Rules of the base specification over the whole bundle.
    pub(crate) fn base(&mut self) {
        self.first_is_composition();
        self.addresses();
        self.identifiers();
        self.period();
    }

    /// bdl-11: a document begins with its composition.
    fn first_is_composition(&mut self) {
        let first = self.view.entries.first().copied();
        if let Some(first) = first
            && first.kind != "Composition"
        {
            let words = (
                "Composition als erster Eintrag".into(),
                "the composition as first entry".into(),
            );
            self.note(first.at, "bdl-11".into(), words, first.kind);
        }
    }

    /// bdl-7 and bdl-8: every entry under an address of its own, without a version.
    fn addresses(&mut self) {
        let entries = self.view.entries.clone();
        for (place, entry) in entries.iter().enumerate() {
            let Some(address) = entry.full_url else { continue };
            if address.contains("/_history/") {
                let words = ("fullUrl ohne Version".into(), "a fullUrl without version".into());
                self.note(entry.at, "bdl-8".into(), words, address);
            }
            if entries
                .iter()
                .take(place)
                .any(|other| other.full_url == Some(address))
            {
                let words = ("jede fullUrl nur einmal".into(), "each fullUrl only once".into());
                self.note(entry.at, "bdl-7".into(), words, address);
            }
        }
    }

    /// An identifier of the system `urn:ietf:rfc:3986` is a URI.
    fn identifiers(&mut self) {
        let document = self.view.document;
        let mut places = Vec::new();
        self.view
            .collect(ROOT, &["identifier"], &mut |at| places.push(at));
        for list in self.view.of_kind("List") {
            self.view
                .collect(list, &["entry", "item", "identifier"], &mut |at| places.push(at));
        }
        for at in places {
            let system = document.value(document.first(at, "system"));
            let value_at = document.first(at, "value");
            let Some(value) = document.value(value_at) else {
                continue;
            };
            if system == Some("urn:ietf:rfc:3986") && !is_uri(value) {
                let words = (
                    "eine vollständige URI (urn:uuid:…)".into(),
                    "an absolute URI (urn:uuid:…)".into(),
                );
                self.note(value_at, "rfc3986".into(), words, value);
            }
        }
    }

    /// per-1: a period does not end before it begins.
    fn period(&mut self) {
        let document = self.view.document;
        let onset = document.first(self.view.incapacity, "onsetPeriod");
        let day = |name| document.value(document.first(onset, name)).and_then(date);
        if onset != NONE
            && let (Some(start), Some(end)) = (day("start"), day("end"))
            && start > end
        {
            let words = (
                "Ende nicht vor dem Beginn".into(),
                "an end not before the start".into(),
            );
            self.note(onset, "per-1".into(), words, &format!("{start} – {end}"));
        }
    }
}

/// A scheme, a colon, and something after it without spaces.
fn is_uri(value: &str) -> bool {
    let Some((scheme, rest)) = value.split_once(':') else {
        return false;
    };
    let named = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    let uuid = rest.strip_prefix("uuid:").filter(|_| scheme == "urn");
    named && !rest.is_empty() && !value.contains(char::is_whitespace) && uuid.is_none_or(is_uuid)
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// The day a text begins with, for a comparison by people's calendars.
pub(crate) fn day(value: Option<&str>) -> Option<Date> {
    value.and_then(|value| date(value.get(..10).unwrap_or(value)))
}
