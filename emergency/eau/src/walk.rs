//! Walks a document along the rows of its profile and notes what does not fit.

mod select;

use jiff::civil::Date;

use crate::{
    codes::Codes,
    finding::{Finding, Found, Severity},
    table::{Group, Kind, Row, Table},
    view::View,
    xml::{NONE, Space},
};

/// Findings of one document at most: the first ones say enough.
pub(crate) const FINDINGS_MAX: usize = 200;

/// What a rule expects, in German and English.
type Words = (String, String);

pub(crate) struct Walk<'w, 'd, 'a> {
    pub(crate) view: &'w View<'d, 'a>,
    pub(crate) table: &'w Table,
    pub(crate) codes: &'w Codes,
    pub(crate) on: Option<Date>,
    pub(crate) findings: Vec<Finding>,
    /// How often groups and slices of the open elements occurred.
    pub(crate) counters: Vec<u32>,
}

impl Walk<'_, '_, '_> {
    /// Checks an element and everything below it against a row.
    pub(crate) fn element(&mut self, at: u32, row: &Row) {
        if self.findings.len() >= FINDINGS_MAX {
            return;
        }
        let element = self.view.document.at(at);
        let opaque = row.kind == Kind::Opaque;
        if element.space != Space::Fhir && !(opaque && element.space == Space::Xhtml) {
            let words = (
                "Namensraum http://hl7.org/fhir".into(),
                "namespace http://hl7.org/fhir".into(),
            );
            self.note(at, format!("{}#namespace", row.id), words, "");
        }
        if opaque {
            return;
        }
        if element.text {
            self.note(
                at,
                format!("{}#text", row.id),
                ("kein eigener Text".into(), "no text of its own".into()),
                "",
            );
        }
        let url_allowed = &*row.name == "extension";
        let misplaced = element.foreign_attribute || (element.url.is_some() && !url_allowed);
        match row.kind {
            Kind::Primitive(primitive) => {
                if misplaced {
                    self.attribute(at, row);
                }
                self.value(at, row, primitive);
                self.below(at, row);
            }
            Kind::Complex(fallback) => {
                if element.id && row.banned.iter().any(|banned| &**banned == "id") {
                    self.stranger(at, row, "id");
                }
                if misplaced || element.value.is_some() {
                    self.attribute(at, row);
                }
                let shape = if row.kids.is_empty() {
                    fallback.and_then(|at| self.table.row(at))
                } else {
                    None
                };
                self.below(at, shape.unwrap_or(row));
                if element.first == NONE {
                    let words = (
                        "ein Wert oder Unterelemente".into(),
                        "a value or child elements".into(),
                    );
                    self.note(at, "ele-1".into(), words, "");
                }
            }
            Kind::Resource => self.resource(at, row),
            Kind::Opaque => {}
        }
        if let Some(list) = &row.codes
            && !matches!(row.kind, Kind::Primitive(_))
        {
            self.coded(at, row, list);
        }
        if !row.refers.is_empty() {
            self.reference(at, row);
        }
        self.rules(at, row);
    }

    fn rules(&mut self, at: u32, row: &Row) {
        for named in &row.rules {
            if self.view.version == crate::version::Version::V1_2_0 && named.name == "-for-laengeBSNR" {
                continue; // version 1.2.0 does not ask for nine digits here
            }
            if !named.rule.holds(self.view, at) {
                let words = (named.rule.german.to_owned(), named.rule.english.to_owned());
                let found = self.view.document.value(at).unwrap_or_default().to_owned();
                self.note(at, named.name.to_owned(), words, &found);
            }
        }
    }

    fn resource(&mut self, at: u32, row: &Row) {
        let document = self.view.document;
        let mut kids = document.kids(at);
        let (inside, more) = (kids.next(), kids.next());
        let profile = row
            .profile
            .as_deref()
            .and_then(|name| self.table.profile(name))
            .and_then(|at| self.table.row(at));
        match (inside, more, profile) {
            (Some(inside), None, Some(profile)) => {
                if document.at(inside).name == &*profile.name {
                    self.element(inside, profile);
                } else {
                    let words = (
                        format!("eine Ressource {}", profile.name),
                        format!("a resource {}", profile.name),
                    );
                    let found = document.at(inside).name.to_owned();
                    self.note(inside, format!("{}#type", row.id), words, &found);
                }
            }
            _ => {
                let words = ("genau eine Ressource".into(), "exactly one resource".into());
                self.note(at, format!("{}#min", row.id), words, "");
            }
        }
    }

    fn attribute(&mut self, at: u32, row: &Row) {
        let words = (
            "nur Attribute, die FHIR hier kennt".into(),
            "only attributes FHIR knows here".into(),
        );
        self.note(at, format!("{}#attribute", row.id), words, "");
    }

    fn value(&mut self, at: u32, row: &Row, primitive: crate::primitive::Primitive) {
        let document = self.view.document;
        let Some(value) = document.value(at) else {
            // A value may be missing only where an extension says why.
            if document.first(at, "extension") == NONE {
                let words = (
                    "ein Wert oder eine Erweiterung".into(),
                    "a value or an extension".into(),
                );
                self.note(at, "ele-1".into(), words, "");
            }
            return;
        };
        if !primitive.fits(value) {
            let (german, english) = primitive.words();
            self.note(
                at,
                format!("{}#type", row.id),
                (german.into(), english.into()),
                value,
            );
            return;
        }
        if let Some(fix) = &row.fix
            && **fix != *value
        {
            self.note(
                at,
                format!("{}#fixed", row.id),
                (format!("genau „{fix}“"), format!("exactly “{fix}”")),
                value,
            );
        }
        if let Some(max) = row.length_max
            && value.chars().count() > max
        {
            let words = (
                format!("höchstens {max} Zeichen"),
                format!("{max} characters at most"),
            );
            let found = format!("{} Zeichen / characters", value.chars().count());
            self.note(at, format!("{}#maxLength", row.id), words, &found);
        }
        if let Some(list) = &row.codes
            && !self.codes.holds(list, None, value, self.on)
        {
            self.unlisted(at, row, list, value);
        }
    }

    fn unlisted(&mut self, at: u32, row: &Row, list: &str, found: &str) {
        let codes = self.codes.words(list);
        let words = (
            format!("ein Kode aus {list}: {codes}"),
            format!("a code of {list}: {codes}"),
        );
        self.note(at, format!("{}#binding", row.id), words, found);
    }

    fn coded(&mut self, at: u32, row: &Row, list: &str) {
        let document = self.view.document;
        let holds = |coding: u32| {
            let code = document.value(document.first(coding, "code"));
            let system = document.value(document.first(coding, "system"));
            code.is_some_and(|code| {
                self.codes
                    .holds(list, Some(system.unwrap_or_default()), code, self.on)
            })
        };
        let concept = document.first(at, "coding") != NONE;
        let fits = if concept {
            document.named(at, "coding").any(holds)
        } else {
            holds(at)
        };
        // A missing code or coding is a finding of its own.
        let code = if concept {
            document.down(at, &["coding", "code"])
        } else {
            document.first(at, "code")
        };
        if !fits && code != NONE {
            let found = document.value(code).unwrap_or_default().to_owned();
            self.unlisted(at, row, list, &found);
        }
    }

    fn reference(&mut self, at: u32, row: &Row) {
        let document = self.view.document;
        let Some(reference) = document.value(document.first(at, "reference")) else {
            return;
        };
        let targets = || {
            row.refers
                .iter()
                .map(|name| &**name)
                .collect::<Vec<_>>()
                .join(", ")
        };
        let Some(entry) = self.view.resolve(reference) else {
            // Only the composition's own references must be found in the bundle; the others are noted.
            let severity = if row.id.starts_with("Composition") {
                Severity::Error
            } else {
                Severity::Report
            };
            let words = (
                format!("ein Eintrag dieses Bundles ({})", targets()),
                format!("an entry of this bundle ({})", targets()),
            );
            let reference = reference.to_owned();
            self.weigh(at, format!("{}#reference", row.id), words, &reference, severity);
            return;
        };
        let unclaimed = document.down(entry.resource, &["meta", "profile"]) == NONE;
        let of_kind = |name: &str| {
            let target = self.table.profile(name).and_then(|at| self.table.row(at));
            target.is_none_or(|target| entry.kind == &*target.name)
        };
        // Without any claim the missing profile is a finding of its own.
        if !row
            .refers
            .iter()
            .any(|name| of_kind(name) && (unclaimed || self.claimed(entry.resource, name)))
        {
            let kind = entry.kind.to_owned();
            self.note(at, format!("{}#reference", row.id), (targets(), targets()), &kind);
        }
    }

    /// Children: known, in order, as often as allowed.
    fn below(&mut self, at: u32, row: &Row) {
        let document = self.view.document;
        let counters = self.counters.len();
        self.counters.resize(counters.saturating_add(row.counters), 0);
        let mut place = 0_usize;
        for kid in document.kids(at) {
            let name = document.at(kid).name;
            let later = row.kids.iter().skip(place).position(|group| &*group.name == name);
            let found = match later {
                Some(steps) => {
                    place = place.saturating_add(steps);
                    Some(place)
                }
                None => {
                    let earlier = row.kids.iter().position(|group| &*group.name == name);
                    if earlier.is_some() {
                        let words = (
                            "in der Reihenfolge von FHIR".into(),
                            "in the order of FHIR".into(),
                        );
                        self.note(kid, format!("{}.{name}#order", row.id), words, "");
                    }
                    earlier
                }
            };
            match found.and_then(|place| row.kids.get(place)) {
                Some(group) => {
                    let slice = group.slices.iter().position(|(when, _)| self.selects(kid, when));
                    self.count(counters, group, slice);
                    self.child(kid, row, group, slice);
                }
                None => self.stranger(kid, row, name),
            }
        }
        for group in &row.kids {
            let own = counters.saturating_add(group.counter);
            self.often(at, group.row, own);
            for (slice, (_, row)) in group.slices.iter().enumerate() {
                self.often(at, *row, own.saturating_add(slice).saturating_add(1));
            }
        }
        self.counters.truncate(counters);
    }

    /// Counts an element for its group, and for its slice.
    fn count(&mut self, counters: usize, group: &Group, slice: Option<usize>) {
        let own = counters.saturating_add(group.counter);
        for place in [
            Some(own),
            slice.map(|slice| own.saturating_add(slice).saturating_add(1)),
        ]
        .into_iter()
        .flatten()
        {
            if let Some(count) = self.counters.get_mut(place) {
                *count = count.saturating_add(1);
            }
        }
    }

    fn child(&mut self, at: u32, parent: &Row, group: &Group, slice: Option<usize>) {
        match slice.and_then(|slice| group.slices.get(slice)) {
            Some((_, row)) => {
                if let Some(row) = self.table.row(*row)
                    && row.max != 0
                {
                    self.element(at, row);
                }
            }
            None if group.closed => {
                let names: Vec<&str> = group
                    .slices
                    .iter()
                    .filter_map(|(_, row)| self.table.row(*row))
                    .filter(|row| row.max != 0)
                    .filter_map(|row| row.id.rsplit(':').next())
                    .collect();
                let names = names.join(", ");
                let words = (format!("eines von: {names}"), format!("one of: {names}"));
                let found = self.sign_of(at);
                self.note(at, format!("{}.{}#slicing", parent.id, group.name), words, &found);
            }
            None => {
                if let Some(row) = self.table.row(group.row) {
                    self.element(at, row);
                }
            }
        }
    }

    /// What an element of a closed group shows of itself.
    fn sign_of(&self, at: u32) -> String {
        let element = self.view.document.at(at);
        let inside = self
            .view
            .document
            .kids(self.view.document.first(at, "resource"))
            .next();
        let name = inside.map(|inside| self.view.document.at(inside).name);
        element
            .url
            .as_deref()
            .or(element.value.as_deref())
            .or(name)
            .unwrap_or_default()
            .to_owned()
    }

    fn stranger(&mut self, at: u32, parent: &Row, name: &str) {
        let known = parent.banned.iter().any(|banned| {
            **banned == *name
                || banned
                    .strip_suffix("[x]")
                    .is_some_and(|stem| name.starts_with(stem))
        });
        if name == "extension" || name == "modifierExtension" {
            let words = (
                "keine Erweiterung an dieser Stelle".into(),
                "no extension in this place".into(),
            );
            let found = self.sign_of(at);
            self.note(at, format!("{}.{name}#max", parent.id), words, &found);
        } else if known {
            let words = ("hier nicht erlaubt".into(), "not allowed here".into());
            self.note(at, format!("{}.{name}#max", parent.id), words, name);
        } else {
            let words = (
                "ein Element, das FHIR hier kennt".into(),
                "an element FHIR knows here".into(),
            );
            self.note(at, format!("{}.{name}#unknown", parent.id), words, name);
        }
    }

    fn often(&mut self, parent: u32, row: usize, counter: usize) {
        let count = self.counters.get(counter).copied().unwrap_or_default();
        let Some(row) = self.table.row(row) else { return };
        if count < row.min {
            let words = (format!("mindestens {}", row.min), format!("at least {}", row.min));
            self.note(parent, format!("{}#min", row.id), words, &count.to_string());
            if let Some(finding) = self.findings.last_mut() {
                finding.path = format!("{}.{}", finding.path, row.name); // where it is missing
            }
        }
        if count > row.max {
            let words = (format!("höchstens {}", row.max), format!("at most {}", row.max));
            self.note(parent, format!("{}#max", row.id), words, &count.to_string());
        }
    }

    pub(crate) fn note(&mut self, at: u32, rule: String, words: Words, found: &str) {
        self.weigh(at, rule, words, found, Severity::Error);
    }

    pub(crate) fn weigh(&mut self, at: u32, rule: String, words: Words, found: &str, severity: Severity) {
        if self.findings.len() < FINDINGS_MAX {
            let (expected, expected_english) = words;
            let path = self.view.document.path(at);
            self.findings.push(Finding {
                rule,
                path,
                severity,
                expected,
                expected_english,
                found: Found::new(found),
            });
        }
    }
}
