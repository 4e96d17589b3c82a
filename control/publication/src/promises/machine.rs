//! Reads the files for machines and for the telephone back: JSON, Atom, plain text.

use std::collections::BTreeSet;

use serde::Deserialize;
use vocabulary::{CellId, InsurerId};

use super::{
    File,
    scan::{self, Document, Syntax},
};
use crate::{
    sheet::{Change, FactSheet, Stage, Update},
    site, when,
    words::{Lang, State},
};

/// What of the summary says something; what stands beside it is looked through word by word.
#[derive(Deserialize)]
struct Summary {
    components: Vec<Component>,
    incidents: Vec<Incident>,
    status: Overall,
}

#[derive(Deserialize)]
struct Component {
    id: String,
    status: String,
    group: bool,
    bulkhead_state: Option<String>,
    updated_at: Option<String>,
}

#[derive(Deserialize)]
struct Incident {
    status: String,
    name: String,
}

#[derive(Deserialize)]
struct Overall {
    indicator: String,
}

/// The mapping to Statuspage, written a second time on purpose.
const fn statuspage(state: Option<State>) -> &'static str {
    match state {
        Some(State::Normal) => "operational",
        Some(State::Restricted | State::Emergency) => "degraded_performance",
        Some(State::Held) => "partial_outage",
        Some(State::OffDecided | State::OffFault) => "major_outage",
        None => "-",
    }
}

impl File<'_> {
    pub(super) fn summary(&mut self, text: &str) {
        let summary: Summary = match serde_json::from_str(text) {
            Ok(summary) => summary,
            Err(why) => return self.unreadable(&why.to_string()),
        };
        if let Ok(value) = serde_json::from_str(text) {
            self.json_words(&value);
        }
        let mut said = BTreeSet::new();
        for component in &summary.components {
            if component.group {
                let worst = component
                    .id
                    .parse::<InsurerId>()
                    .ok()
                    .and_then(|id| self.sheet.worst().get(&id).copied());
                self.same(&component.id, &component.status, statuspage(worst));
                continue;
            }
            let cell = component.id.parse::<CellId>().ok();
            let fact = cell.as_ref().and_then(|cell| self.sheet.cells.get(cell));
            self.same(
                &component.id,
                &component.status,
                statuspage(fact.map(|fact| fact.state)),
            );
            let says = component.bulkhead_state.as_deref().unwrap_or_default();
            self.same(&component.id, says, fact.map_or("-", |fact| fact.state.slug()));
            let since = fact.map(|fact| fact.since.to_string()).unwrap_or_default();
            self.same(
                &component.id,
                component.updated_at.as_deref().unwrap_or_default(),
                &since,
            );
            said.extend(cell);
        }
        self.all_said(self.sheet.cells.keys(), &said);
        self.overall(&summary);
    }

    fn overall(&mut self, summary: &Summary) {
        let incident = self.sheet.incident.as_ref();
        let stage = incident.map(|incident| match incident.stage {
            Stage::Investigating => "investigating",
            Stage::Identified => "identified",
            Stage::Monitoring => "monitoring",
            Stage::Resolved => "resolved",
        });
        let told = summary.incidents.first();
        self.same(
            "incident",
            told.map_or("-", |incident| &incident.status),
            stage.unwrap_or("-"),
        );
        let title = incident.map_or("-", |incident| incident.title.de.as_str());
        self.same("incident", told.map_or("-", |incident| &incident.name), title);
        let all = self.sheet.cells.len();
        let stopped = self
            .sheet
            .cells
            .values()
            .filter(|fact| matches!(fact.state, State::Held | State::OffDecided | State::OffFault))
            .count();
        let works = self.sheet.cells.values().all(|fact| fact.state == State::Normal);
        let indicator = match (works, stopped) {
            (true, _) => "none",
            (false, 0) => "minor",
            (false, stopped) if stopped.saturating_mul(4) < all => "major",
            (false, _) => "critical",
        };
        self.same("indicator", &summary.status.indicator, indicator);
    }

    fn json_words(&mut self, value: &serde_json::Value) {
        match value {
            serde_json::Value::String(text) => self.words_in(text),
            serde_json::Value::Number(number) => self.words_in(&number.to_string()),
            serde_json::Value::Array(values) => values.iter().for_each(|value| self.json_words(value)),
            serde_json::Value::Object(map) => {
                for (key, value) in map {
                    self.words_in(key);
                    self.json_words(value);
                }
            }
            serde_json::Value::Null | serde_json::Value::Bool(_) => {}
        }
    }

    pub(super) fn facts(&mut self, text: &str) {
        match serde_json::from_str::<FactSheet>(text) {
            Ok(told) if told == *self.sheet => {}
            Ok(_) => self.same("fact sheet", "another sheet", "this sheet"),
            Err(why) => self.unreadable(&why.to_string()),
        }
    }

    pub(super) fn phone(&mut self, text: &str, lang: Lang) {
        self.words_in(text);
        let mut said = BTreeSet::new();
        let mut insurer: Option<&str> = None;
        for line in text.lines() {
            if let Some(name) = line.strip_prefix("== ").and_then(|line| line.strip_suffix(" ==")) {
                insurer = Some(name);
            }
            let Some(line) = line.strip_prefix("- ") else {
                continue;
            };
            let Some((spoken, mark)) = line.strip_suffix(']').and_then(|line| line.rsplit_once(" [")) else {
                self.same("line", line, "[cell = state]");
                continue;
            };
            let Some((name, state)) = mark.split_once(" = ") else {
                self.same("line", mark, "cell = state");
                continue;
            };
            let Ok(cell) = name.parse::<CellId>() else {
                self.same(name, "a cell", "no such cell");
                continue;
            };
            let truth = self.sheet.cells.get(&cell).map(|fact| fact.state);
            self.same(name, state, truth.map_or("-", State::slug));
            let expected = self.spoken(&cell, lang);
            self.same(name, spoken, &expected);
            self.same(
                name,
                insurer.unwrap_or_default(),
                self.sheet.insurer_name(&cell.insurer),
            );
            said.insert(cell);
        }
        let last = text.lines().rfind(|line| !line.is_empty()).unwrap_or_default();
        self.same("all other cells", last, site::others_words(said.len()).text(lang));
        let sheet = self.sheet;
        let spoken_of = sheet.cells.iter().filter(|(_, fact)| fact.state != State::Normal);
        self.all_said(spoken_of.map(|(cell, _)| cell), &said);
        self.same(
            "cells that are not normal",
            &said.len().to_string(),
            &abnormal(sheet).to_string(),
        );
    }

    /// What is to be said of a cell at the telephone.
    fn spoken(&self, cell: &CellId, lang: Lang) -> String {
        let Some(fact) = self.sheet.cells.get(cell) else {
            return String::new();
        };
        let mut spoken = format!(
            "{}: {}.",
            self.sheet.service_name(&cell.service, lang),
            fact.state.name().text(lang)
        );
        if let Some(at) = fact.next_update {
            spoken = format!(
                "{spoken} {}: {}.",
                site::NEXT_WORDS.text(lang),
                when::long(at, lang)
            );
            if at <= self.sheet.as_of {
                spoken = format!("{spoken} {}", site::OVERDUE_WORDS.text(lang));
            }
        }
        spoken
    }

    pub(super) fn feed(&mut self, text: &str, lang: Lang) {
        let document = match scan::read(text, Syntax::Xml) {
            Ok(document) => document,
            Err(why) => return self.unreadable(&why),
        };
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
        let entries: Vec<usize> = (0..document.elements.len())
            .filter(|index| {
                document
                    .elements
                    .get(*index)
                    .is_some_and(|element| element.name == "entry")
            })
            .collect();
        let sheet = self.sheet;
        let expected = sheet.updates.len().min(100);
        self.same(
            "number of entries",
            &entries.len().to_string(),
            &expected.to_string(),
        );
        for (entry, update) in entries.into_iter().zip(sheet.updates.iter().rev()) {
            self.entry(&document, entry, update, lang);
        }
    }

    fn entry(&mut self, document: &Document, entry: usize, update: &Update, lang: Lang) {
        let parts = || {
            document
                .elements
                .iter()
                .filter(|element| element.parent == Some(entry))
        };
        let text = |name: &str| {
            parts()
                .find(|part| part.name == name)
                .map_or("", |part| part.text.as_str())
        };
        let terms = |scheme: &str| -> BTreeSet<String> {
            let of = parts().filter(|part| part.get("scheme") == Some(scheme));
            of.filter_map(|part| part.get("term"))
                .map(str::to_owned)
                .collect()
        };
        self.same("entry", text("updated"), &update.at.to_string());
        let join = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(" ");
        match &update.change {
            Change::State { state, cells } => {
                self.same("entry", &join(&terms("state")), state.slug());
                let cells: BTreeSet<String> = cells.iter().map(ToString::to_string).collect();
                self.same("entry", &join(&terms("cell")), &join(&cells));
                self.same("entry", text("content"), state.meaning().text(lang));
                let told: Vec<&str> = State::ALL
                    .into_iter()
                    .map(|state| state.name().text(lang))
                    .filter(|name| text("title").contains(name))
                    .collect();
                self.same("entry", &told.join(" "), state.name().text(lang));
            }
            Change::Claim { id } => {
                self.same("entry", &join(&terms("claim")), id.as_str());
                let claim = self.sheet.claims.iter().find(|claim| claim.id == *id);
                let said = claim.map_or("-", |claim| claim.text(lang).as_str());
                if !text("title").ends_with(said) {
                    self.same("entry", text("title"), said);
                }
            }
            Change::Incident { .. } => self.same("entry", &join(&terms("state")), ""),
        }
    }
}

fn abnormal(sheet: &FactSheet) -> usize {
    sheet
        .cells
        .values()
        .filter(|fact| fact.state != State::Normal)
        .count()
}
