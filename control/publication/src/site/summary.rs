//! The Statuspage-shaped summary, so that existing monitors read us, and the sheet itself for everybody else.

use serde::Serialize;
use vocabulary::{CellId, InsurerId, Timestamp};

use super::Page;
use crate::{
    sheet::{Change, FactSheet, Stage},
    words::{Lang, State},
};

#[derive(Serialize)]
struct Summary {
    page: About,
    components: Vec<Component>,
    incidents: Vec<Incident>,
    scheduled_maintenances: [(); 0],
    status: Overall,
}

#[derive(Serialize)]
struct About {
    id: String,
    name: String,
    url: String,
    time_zone: &'static str,
    updated_at: String,
}

#[derive(Serialize)]
struct Component {
    id: String,
    name: String,
    status: &'static str,
    /// Our own six states, which Statuspage's four cannot tell apart. Absent for groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    bulkhead_state: Option<&'static str>,
    created_at: Option<String>,
    updated_at: Option<String>,
    position: usize,
    description: Option<String>,
    showcase: bool,
    group_id: Option<String>,
    page_id: String,
    group: bool,
    only_show_if_degraded: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    components: Vec<String>,
}

#[derive(Serialize)]
struct Incident {
    id: String,
    name: String,
    status: &'static str,
    impact: &'static str,
    started_at: String,
    created_at: String,
    updated_at: String,
    monitoring_at: Option<String>,
    resolved_at: Option<String>,
    shortlink: String,
    page_id: String,
    incident_updates: Vec<Step>,
}

#[derive(Serialize)]
struct Step {
    id: String,
    incident_id: String,
    status: &'static str,
    body: String,
    created_at: String,
    updated_at: String,
    display_at: String,
}

#[derive(Serialize)]
struct Overall {
    indicator: &'static str,
    description: &'static str,
}

/// A state in Statuspage's words. "Accepted, waiting" is a partial outage: people can hand in, nothing is processed.
#[must_use]
pub(crate) const fn status(state: State) -> &'static str {
    match state {
        State::Normal => "operational",
        State::Restricted | State::Emergency => "degraded_performance",
        State::Held => "partial_outage",
        State::OffDecided | State::OffFault => "major_outage",
    }
}

/// How bad it is altogether: critical when at least a quarter of all cells neither works nor runs in emergency
/// operation, major when any does, minor when something is restricted.
#[must_use]
pub(crate) fn indicator(sheet: &FactSheet) -> &'static str {
    let worst = sheet
        .cells
        .values()
        .map(|fact| fact.state)
        .max()
        .unwrap_or(State::Normal);
    let stopped = sheet
        .cells
        .values()
        .filter(|fact| fact.state >= State::Held)
        .count();
    match worst {
        State::Normal => "none",
        State::Restricted | State::Emergency => "minor",
        State::Held | State::OffDecided | State::OffFault => {
            if stopped.saturating_mul(4) >= sheet.cells.len() {
                "critical"
            } else {
                "major"
            }
        }
    }
}

pub(super) fn summary(sheet: &FactSheet) -> Vec<u8> {
    let base = sheet.address.as_ref().map_or("", |address| address.as_str());
    let indicator = indicator(sheet);
    let summary = Summary {
        page: About {
            id: sheet.estate.to_string(),
            name: sheet.name.to_string(),
            url: base.to_owned(),
            time_zone: "Europe/Berlin",
            updated_at: sheet.as_of.to_string(),
        },
        components: components(sheet),
        incidents: sheet
            .incident
            .iter()
            .map(|_| incident(sheet, base, indicator))
            .collect(),
        scheduled_maintenances: [],
        status: Overall {
            indicator,
            description: match indicator {
                "none" => "All Systems Operational",
                "minor" => "Minor Service Outage",
                "major" => "Partial System Outage",
                _ => "Major System Outage",
            },
        },
    };
    json(&summary)
}

fn components(sheet: &FactSheet) -> Vec<Component> {
    let mut components = Vec::with_capacity(sheet.cells.len().saturating_add(sheet.insurers.len()));
    for (insurer, worst) in sheet.worst() {
        let cells: Vec<&CellId> = sheet
            .cells
            .keys()
            .filter(|cell| cell.insurer == *insurer)
            .collect();
        components.push(group(sheet, insurer, worst, &cells, components.len()));
        for cell in cells {
            let Some(fact) = sheet.cells.get(cell) else {
                continue;
            };
            components.push(Component {
                id: cell.to_string(),
                name: sheet.service_name(&cell.service, Lang::De).to_owned(),
                status: status(fact.state),
                bulkhead_state: Some(fact.state.slug()),
                created_at: None,
                updated_at: Some(fact.since.to_string()),
                position: components.len(),
                description: Some(fact.state.name().text(Lang::De).to_owned()),
                showcase: false,
                group_id: Some(insurer.to_string()),
                page_id: sheet.estate.to_string(),
                group: false,
                only_show_if_degraded: false,
                components: Vec::new(),
            });
        }
    }
    components
}

fn group(
    sheet: &FactSheet,
    insurer: &InsurerId,
    worst: State,
    cells: &[&CellId],
    position: usize,
) -> Component {
    Component {
        id: insurer.to_string(),
        name: sheet.insurer_name(insurer).to_owned(),
        status: status(worst),
        bulkhead_state: None,
        created_at: None,
        updated_at: None,
        position,
        description: None,
        showcase: false,
        group_id: None,
        page_id: sheet.estate.to_string(),
        group: true,
        only_show_if_degraded: false,
        components: cells.iter().map(ToString::to_string).collect(),
    }
}

const fn stage_slug(stage: Stage) -> &'static str {
    match stage {
        Stage::Investigating => "investigating",
        Stage::Identified => "identified",
        Stage::Monitoring => "monitoring",
        Stage::Resolved => "resolved",
    }
}

fn incident(sheet: &FactSheet, base: &str, indicator: &'static str) -> Incident {
    let id = format!("{}-incident", sheet.estate);
    let facts = sheet.incident.as_ref();
    let began = facts.map_or(Timestamp(0), |incident| incident.began).to_string();
    let since = facts.map_or(Timestamp(0), |incident| incident.since).to_string();
    let stage = facts.map_or(Stage::Investigating, |incident| incident.stage);
    let steps = sheet
        .updates
        .iter()
        .rev()
        .filter_map(|update| match &update.change {
            Change::Incident { stage } => Some(Step {
                id: format!("{id}-{}", update.at.0),
                incident_id: id.clone(),
                status: stage_slug(*stage),
                body: super::page::stage(*stage).text(Lang::De).to_owned(),
                created_at: update.at.to_string(),
                updated_at: update.at.to_string(),
                display_at: update.at.to_string(),
            }),
            Change::State { .. } | Change::Claim { .. } => None,
        });
    Incident {
        name: facts
            .map(|incident| incident.title.de.to_string())
            .unwrap_or_default(),
        status: stage_slug(stage),
        impact: indicator,
        started_at: began.clone(),
        created_at: began,
        updated_at: since.clone(),
        monitoring_at: (stage == Stage::Monitoring).then(|| since.clone()),
        resolved_at: (stage == Stage::Resolved).then_some(since),
        shortlink: format!("{base}{}", Page::Start(Lang::De).path()),
        page_id: sheet.estate.to_string(),
        incident_updates: steps.collect(),
        id,
    }
}

/// The sheet itself: everything in it is public.
pub(super) fn facts(sheet: &FactSheet) -> Vec<u8> {
    json(sheet)
}

fn json(value: &impl Serialize) -> Vec<u8> {
    // Our own types have text keys only, so this cannot fail; were it to, an empty file is caught by PUBLIC-1.
    serde_json::to_vec(value).unwrap_or_default()
}
