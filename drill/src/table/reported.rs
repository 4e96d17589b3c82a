//! The first column: only what the facts file says, with its hours.

use super::{Cell, Words};
use crate::facts::{Confidence, Event, Facts, Kind};

fn hours(event: &Event) -> String {
    let about = match event.confidence {
        Confidence::Approx | Confidence::Promised | Confidence::SingleSource => "≈ ",
        Confidence::Reported | Confidence::Statutory | Confidence::Contradicted => "",
    };
    format!("{about}{} h", event.at.0)
}

/// The first event of a kind at a service that hit more than the provider's own house, as hours.
fn at(facts: &Facts, service: &str, kind: Kind) -> Option<String> {
    facts.first(service, kind).map(hours)
}

fn figure(facts: &Facts, metric: &str) -> Cell {
    facts.figure(metric).map_or(Cell::NotPublished, |figure| {
        Cell::Measure(vec![format!("{} {}", figure.value, figure.unit)])
    })
}

pub(super) fn hours_rejected(facts: &Facts) -> Cell {
    figure(facts, "rejected_window")
}

pub(super) fn senders_told(facts: &Facts) -> Cell {
    figure(facts, "time_to_notify_senders")
}

/// How many were rejected was not published; that nearly all were is.
pub(super) fn rejected(facts: &Facts) -> Cell {
    match facts.first("eau.intake", Kind::RejectBegin) {
        Some(_) => Cell::Words(Words::new(
            "fast alle, Zahl nicht veröffentlicht",
            "nearly all, number not published",
        )),
        None => Cell::NotPublished,
    }
}

pub(super) fn held(facts: &Facts) -> Cell {
    match facts.first("eau.intake", Kind::RejectBegin) {
        Some(_) => Cell::Words(Words::new("keine", "none")),
        None => Cell::NotPublished,
    }
}

/// Sources disagree: the fund's spokesman against the doctors' association.
pub(super) fn lost(facts: &Facts) -> Cell {
    let disputed = facts
        .events
        .iter()
        .any(|event| event.service == "eau.intake" && event.confidence == Confidence::Contradicted);
    if disputed {
        Cell::Words(Words::new("Quellen widersprechen sich", "sources disagree"))
    } else {
        Cell::NotPublished
    }
}

/// The cut came in waves: from the first measure to the last cluster.
pub(super) fn order_to_applied(facts: &Facts) -> Cell {
    let begin = facts
        .events
        .iter()
        .find(|event| event.kind == Kind::Contain && event.service == "all");
    let end = facts.first("dc.cluster", Kind::ContainEscalate);
    match (begin, end) {
        (Some(begin), Some(end)) => {
            let span = end.at.0 - begin.at.0;
            Cell::Words(Words::new(
                &format!("in Wellen, ≈ {span} h"),
                &format!("in waves, ≈ {span} h"),
            ))
        }
        (Some(_), None) | (None, _) => Cell::NotPublished,
    }
}

pub(super) fn services_back(facts: &Facts) -> Cell {
    let steps = [
        ("eau", at(facts, "eau.intake", Kind::RejectEnd), ""),
        (
            "exchange",
            at(facts, "data.exchange", Kind::RestorePartial),
            " (teils / part)",
        ),
        ("kim", at(facts, "kim", Kind::Restore), ""),
        (
            "payments",
            at(facts, "payments.benefits", Kind::EmergencyOn),
            " (1 Kasse)",
        ),
        ("contact", at(facts, "mail.internet", Kind::Restore), " (1 Kasse)"),
        ("fast alles / most", at(facts, "all", Kind::Restore), ""),
    ];
    let lines = steps
        .into_iter()
        .filter_map(|(name, hours, whom)| Some(format!("{name} {}{whom}", hours?)));
    Cell::Measure(lines.collect())
}

pub(super) fn provisional(facts: &Facts) -> Cell {
    at(facts, "payments.benefits", Kind::EmergencyOn).map_or(Cell::NotPublished, |hours| {
        Cell::Words(Words::new(
            &format!("Notlösung einer Kasse ab {hours}"),
            &format!("one fund's emergency way from {hours}"),
        ))
    })
}

pub(super) fn re_shutdown(facts: &Facts) -> Cell {
    at(facts, "all", Kind::ReContain).map_or(Cell::NotPublished, |hours| {
        Cell::Words(Words::new(
            &format!("einzelne Dienste, {hours}, Zeiten nicht veröffentlicht"),
            &format!("single services, {hours}, times not published"),
        ))
    })
}

pub(super) fn payments_out(facts: &Facts) -> Cell {
    let lines: Vec<String> = facts
        .figures
        .iter()
        .filter(|figure| figure.metric == "benefit_payment_outage")
        .map(|figure| format!("{} {} ({})", figure.value, figure.unit, figure.scope))
        .collect();
    if lines.is_empty() {
        Cell::NotPublished
    } else {
        Cell::Measure(lines)
    }
}

pub(super) fn records_disturbed(facts: &Facts) -> Cell {
    facts
        .figure("epa_still_disturbed")
        .map_or(Cell::NotPublished, |figure| {
            Cell::Words(Words::new(
                &format!(
                    "{} von {} Mitte Mai",
                    figure.value,
                    figure.scope.replace(" accounts", "")
                ),
                &format!(
                    "{} of {} in mid-May",
                    figure.value,
                    figure.scope.replace(" accounts", "")
                ),
            ))
        })
}
