//! Reads HTML pages back and compares every statement with the sheet.

use std::collections::BTreeSet;

use vocabulary::{CellId, InsurerId, ServiceId};

use super::{
    File,
    scan::{self, Document, Element, Syntax},
};
use crate::{
    ask::Fate,
    sheet::{CellFact, Change, Claim, FactSheet, Standing},
    site::{self, Page},
    when,
    words::{self, Audience, Lang, ServiceKind, State},
};

/// Attributes whose element tells a state.
const TELLS: [&str; 8] = [
    "data-state",
    "data-worst",
    "data-update-state",
    "data-plain",
    "data-advice",
    "data-meaning",
    "data-legend",
    "data-fate",
];

impl File<'_> {
    pub(super) fn start(&mut self, text: &str, lang: Lang) {
        let Some(document) = self.document(text) else {
            return;
        };
        self.statements(&document, lang);
        let mut told: BTreeSet<(ServiceId, State)> = BTreeSet::new();
        let mut insurers: BTreeSet<InsurerId> = BTreeSet::new();
        for element in &document.elements {
            if let (Some(service), Some(state)) = (element.get("data-service"), element.get("data-count")) {
                let state = State::from_slug(state);
                told.extend(service.parse().ok().zip(state));
            }
            insurers.extend(element.get("data-insurer").and_then(|id| id.parse().ok()));
        }
        let services: BTreeSet<&ServiceId> = self.sheet.cells.keys().map(|cell| &cell.service).collect();
        for service in services {
            for state in State::ALL {
                if !told.contains(&(service.clone(), state)) {
                    self.missing(&format!("{service} {state}"));
                }
            }
        }
        for insurer in self.sheet.insurers.keys().filter(|id| !insurers.contains(*id)) {
            self.missing(insurer.as_str());
        }
    }

    pub(super) fn html(&mut self, page: &Page, text: &str, lang: Lang) {
        let Some(document) = self.document(text) else {
            return;
        };
        let said = self.statements(&document, lang);
        let sheet = self.sheet;
        match page {
            Page::Insurer(_, id) => {
                let theirs = |cell: &&CellId| cell.insurer == *id;
                self.all_said(sheet.cells.keys().filter(theirs), &said);
                self.all_late(&document, &theirs);
            }
            Page::Audience(_, audience) => {
                let theirs = |cell: &&CellId| {
                    words::what_to_do(*audience, ServiceKind::of(&cell.service), State::Normal).is_some()
                };
                self.all_said(sheet.cells.keys().filter(theirs), &said);
                self.all_late(&document, &theirs);
            }
            Page::Claims(_) => {
                let shown: BTreeSet<&str> = document
                    .elements
                    .iter()
                    .filter_map(|element| element.get("data-text"))
                    .collect();
                for claim in sheet
                    .claims
                    .iter()
                    .filter(|claim| !shown.contains(claim.id.as_str()))
                {
                    self.missing(claim.id.as_str());
                }
            }
            Page::Log(_) => {
                let shown = document
                    .elements
                    .iter()
                    .filter(|element| element.get("data-update").is_some())
                    .count();
                self.same(
                    "number of updates",
                    &shown.to_string(),
                    &sheet.updates.len().to_string(),
                );
            }
            Page::Start(_)
            | Page::Plain
            | Page::Accessibility(_)
            | Page::Ask(_)
            | Page::NotFound
            | Page::Feed(_)
            | Page::Phone(_)
            | Page::Summary
            | Page::Facts
            | Page::Style => {}
        }
    }

    /// Every overdue update must be called so.
    fn all_late(&mut self, document: &Document, theirs: &dyn Fn(&&CellId) -> bool) {
        let told = document
            .elements
            .iter()
            .filter(|element| element.get("data-overdue").is_some());
        let told: BTreeSet<CellId> = told
            .filter_map(|element| element.get("data-cell")?.parse().ok())
            .collect();
        let sheet = self.sheet;
        let late = sheet
            .cells
            .iter()
            .filter(|(_, fact)| fact.next_update.is_some_and(|at| at <= sheet.as_of));
        self.all_said(late.map(|(cell, _)| cell).filter(theirs), &told);
    }

    fn document(&mut self, text: &str) -> Option<Document> {
        match scan::read(text, Syntax::Html) {
            Ok(document) => {
                for text in &document.texts {
                    self.words_in(&text.text);
                }
                for value in document
                    .elements
                    .iter()
                    .flat_map(|element| element.attributes.values())
                {
                    self.words_in(value);
                }
                Some(document)
            }
            Err(why) => {
                self.unreadable(&why);
                None
            }
        }
    }

    /// Compares every statement and gives back the cells whose state was told.
    fn statements(&mut self, document: &Document, lang: Lang) -> BTreeSet<CellId> {
        let mut told = BTreeSet::new();
        for element in &document.elements {
            if let Some(cell) = element.get("data-cell") {
                self.cell(element, cell, lang, &mut told);
            }
            if element.get("data-service").is_some() {
                self.service(element, lang);
            }
            if let (Some(insurer), Some(state)) = (element.get("data-insurer"), element.get("data-worst")) {
                let worst = insurer
                    .parse::<InsurerId>()
                    .ok()
                    .and_then(|id| self.sheet.worst().get(&id).copied());
                self.same(insurer, state, worst.map_or("-", State::slug));
                self.shown_state(insurer, element, worst, lang);
            }
            match element.get("data-journal") {
                Some("len") => self.same("journal", &element.text, &self.sheet.journal.len.to_string()),
                Some(_) => self.same("journal", &element.text, &self.sheet.journal.root.to_string()),
                None => {}
            }
            if let Some(id) = element.get("data-claim").or_else(|| element.get("data-text")) {
                self.claim(element, id, lang);
            }
            if let Some(state) = element.get("data-legend") {
                let meaning = State::from_slug(state).map_or("-", |state| state.meaning().text(lang));
                self.same("legend", &element.text, meaning);
            }
            if let Some(fate) = element.get("data-fate") {
                let name = Fate::ALL.into_iter().find(|known| known.slug() == fate);
                self.same(
                    "answer",
                    &element.text,
                    name.map_or("-", |fate| fate.name().text(lang)),
                );
            }
            if let Some(state) = element.get("data-update-state") {
                self.update(document, element, state, lang);
            }
        }
        self.update_cells(document);
        self.stray(document, lang);
        told
    }

    fn cell(&mut self, element: &Element, cell: &str, lang: Lang, told: &mut BTreeSet<CellId>) {
        let fact = cell
            .parse::<CellId>()
            .ok()
            .and_then(|id| self.sheet.cells.get_key_value(&id));
        let Some((id, fact)) = fact else {
            return self.same(cell, "a cell", "no such cell");
        };
        if let Some(state) = element.get("data-state") {
            self.same(cell, state, fact.state.slug());
            if let Some(audience) = element.get("data-say") {
                let advice = Audience::from_slug(audience).and_then(|audience| {
                    words::what_to_do(audience, ServiceKind::of(&id.service), fact.state)
                });
                self.same(
                    cell,
                    &element.text,
                    advice.map_or("-", |advice| advice.text(lang)),
                );
            } else {
                self.shown_state(cell, element, Some(fact.state), lang);
                told.insert(id.clone());
            }
        }
        if let Some(field) = element.get("data-field") {
            self.time(element, cell, field, fact, lang);
        }
        if let Some(state) = element.get("data-meaning") {
            self.same(cell, state, fact.state.slug());
            self.same(cell, &element.text, fact.state.meaning().text(lang));
        }
        if element.get("data-overdue").is_some() {
            let late = fact.next_update.is_some_and(|at| at <= self.sheet.as_of);
            let words = if late { site::OVERDUE_WORDS.text(lang) } else { "-" };
            self.same(cell, &element.text, words);
        }
        if element.get("data-reason").is_some() {
            let reason = fact
                .reason_class
                .map_or("-", |class| words::reason(class).text(lang));
            self.same(cell, &element.text, reason);
        }
    }

    fn time(&mut self, element: &Element, cell: &str, field: &str, fact: &CellFact, lang: Lang) {
        let at = match field {
            "since" => Some(fact.since),
            "next" => fact.next_update,
            "proof" => fact.last_proof.map(|proof| proof.at),
            _ => None,
        };
        let about = format!("{cell} {field}");
        let machine = at.map(|at| at.to_string()).unwrap_or_default();
        self.same(&about, element.get("datetime").unwrap_or_default(), &machine);
        self.same(
            &about,
            &element.text,
            &at.map(|at| when::long(at, lang)).unwrap_or_default(),
        );
    }

    /// The word and the sign a reader sees, not only the attribute a machine sees.
    fn shown_state(&mut self, about: &str, element: &Element, state: Option<State>, lang: Lang) {
        let expected = state.map(|state| format!("{} {}", state.symbol(), state.name().text(lang)));
        self.same(about, &element.text, &expected.unwrap_or_default());
        if element.name == "span" {
            let class = state.map(|state| format!("state {}", state.slug()));
            self.same(
                about,
                element.get("class").unwrap_or_default(),
                &class.unwrap_or_default(),
            );
        }
    }

    fn service(&mut self, element: &Element, lang: Lang) {
        let name = element.get("data-service").unwrap_or_default();
        let Ok(service) = name.parse::<ServiceId>() else {
            return self.same(name, "a service", "no such service");
        };
        let state_of = |attribute: &str| element.get(attribute).and_then(State::from_slug);
        let count = |file: &Self, state: State| {
            let cells = file
                .sheet
                .cells
                .iter()
                .filter(|(cell, _)| cell.service == service);
            cells.filter(|(_, fact)| fact.state == state).count().to_string()
        };
        if let Some(state) = state_of("data-count") {
            let expected = count(self, state);
            self.same(name, &element.text, &expected);
        }
        if let Some(state) = state_of("data-plain") {
            let expected = count(self, state);
            self.same(name, element.get("data-count-of").unwrap_or_default(), &expected);
            let shown = element
                .text
                .strip_prefix("Bei ")
                .and_then(|rest| rest.split(' ').next());
            self.same(name, shown.unwrap_or_default(), &expected);
        }
        if let Some(state) = state_of("data-advice") {
            let advice = element
                .get("data-say")
                .and_then(Audience::from_slug)
                .and_then(|audience| words::what_to_do(audience, ServiceKind::of(&service), state));
            self.same(
                name,
                &element.text,
                advice.map_or("-", |advice| advice.text(lang)),
            );
        }
    }

    fn claim(&mut self, element: &Element, id: &str, lang: Lang) {
        let sheet = self.sheet;
        let claim: Option<&Claim> = sheet.claims.iter().find(|claim| claim.id.as_str() == id);
        let Some(claim) = claim else {
            return self.same(id, "a claim", "no such claim");
        };
        let standing = match sheet.standing(claim) {
            Standing::Current => "current",
            Standing::Overdue => "overdue",
            Standing::Corrected(_) => "corrected",
        };
        if let Some(says) = element.get("data-standing") {
            self.same(id, says, standing);
        }
        if element.get("data-text").is_some() {
            self.same(id, &element.text, claim.text(lang).as_str());
        }
    }

    fn update(&mut self, document: &Document, element: &Element, state: &str, lang: Lang) {
        let index = document
            .around(element.parent)
            .find_map(|element| element.get("data-update"));
        let index = index.and_then(|index| index.parse::<usize>().ok());
        let sheet = self.sheet;
        let change = index
            .and_then(|index| sheet.updates.get(index))
            .map(|update| &update.change);
        match change {
            Some(Change::State { state: truth, .. }) => {
                self.same("update", state, truth.slug());
                self.shown_state("update", element, Some(*truth), lang);
            }
            Some(Change::Claim { .. } | Change::Incident { .. }) | None => {
                self.same("update", state, "no change of state");
            }
        }
    }

    /// Which cells each update names.
    fn update_cells(&mut self, document: &Document) {
        if !document
            .elements
            .iter()
            .any(|element| element.get("data-update").is_some())
        {
            return;
        }
        let sheet = self.sheet;
        let mut shown: BTreeSet<(usize, &str)> = BTreeSet::new();
        for element in &document.elements {
            let index = document
                .around(element.parent)
                .find_map(|element| element.get("data-update"));
            let index = index.and_then(|index| index.parse::<usize>().ok());
            shown.extend(index.zip(element.get("data-update-cell")));
        }
        let names: Vec<String> = sheet
            .updates
            .iter()
            .enumerate()
            .flat_map(|(index, update)| match &update.change {
                Change::State { cells, .. } => cells.iter().map(|cell| format!("{index} {cell}")).collect(),
                Change::Claim { .. } | Change::Incident { .. } => Vec::new(),
            })
            .collect();
        let shown: Vec<String> = shown
            .into_iter()
            .map(|(index, cell)| format!("{index} {cell}"))
            .collect();
        let (names, shown): (BTreeSet<_>, BTreeSet<_>) =
            (names.into_iter().collect(), shown.into_iter().collect());
        for about in names.symmetric_difference(&shown) {
            self.missing(&format!("update {about}"));
        }
    }

    /// A state's word may stand only where it can be checked: in a statement, in the explanation of the words, or in a
    /// text of the sheet itself.
    fn stray(&mut self, document: &Document, lang: Lang) {
        let own = own_texts(self.sheet, lang);
        for text in &document.texts {
            let trimmed = text.text.trim();
            let phrase = State::ALL.into_iter().find(|state| {
                Lang::ALL
                    .into_iter()
                    .any(|lang| text.text.contains(state.name().text(lang)))
            });
            let Some(state) = phrase.filter(|_| !own.contains(trimmed)) else {
                continue;
            };
            let told = document.around(text.within).any(|element| {
                TELLS.iter().any(|name| element.get(name).is_some())
                    // The legend: the word beside its own sign.
                    || (element.get("class") == Some(&format!("state {}", state.slug()))
                        && element.text == format!("{} {}", state.symbol(), state.name().text(lang)))
            });
            if !told {
                self.breaches.push(super::Breach::StrayState {
                    path: self.path.to_owned(),
                    text: trimmed.chars().take(200).collect(),
                });
            }
        }
    }
}

/// Texts people wrote for this sheet. They may use any word.
fn own_texts(sheet: &FactSheet, lang: Lang) -> BTreeSet<&str> {
    let claims = sheet.claims.iter().map(|claim| claim.text(lang).as_str());
    let names = sheet.insurers.values().map(|name| name.as_str());
    let incident = sheet.incident.iter().flat_map(|incident| match lang {
        Lang::De => [incident.title.de.as_str(), incident.summary.de.as_str()],
        Lang::En => [incident.title.en.as_str(), incident.summary.en.as_str()],
    });
    claims
        .chain(names)
        .chain(incident)
        .chain([sheet.name.as_str()])
        .collect()
}
