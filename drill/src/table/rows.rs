//! The rows.

use vocabulary::Millis;

use super::{Cell, Decided, Row, Words, reported};
use crate::{
    facts::Facts,
    outside::Count,
    run::{Played, PlayedStep},
    side::Outcome,
};

/// Both counted columns by one function.
struct Columns<'p> {
    without: &'p Played,
    with: Option<&'p Played>,
}

impl Columns<'_> {
    fn row(
        &self,
        id: &'static str,
        (de, en): (&str, &str),
        decided: Decided,
        reported: Cell,
        cell: impl Fn(&Played) -> Cell,
    ) -> Row {
        Row {
            id,
            label: Words::new(de, en),
            decided,
            reported,
            without: cell(self.without),
            with: self.with.map_or(Cell::NotBuilt, cell),
        }
    }

    fn counted(
        &self,
        id: &'static str,
        label: (&str, &str),
        reported: Cell,
        number: impl Fn(&Count) -> u64,
    ) -> Row {
        self.row(id, label, Decided::Counted, reported, |played| {
            Cell::Number(number(&played.count))
        })
    }

    fn assumed(
        &self,
        id: &'static str,
        label: (&str, &str),
        reported: Cell,
        actions: &'static [&'static str],
    ) -> Row {
        self.row(id, label, Decided::AssumedInScript, reported, |played| {
            hours_of(played, actions)
        })
    }

    fn not_built(id: &'static str, (de, en): (&str, &str), reported: Cell) -> Row {
        Row {
            id,
            label: Words::new(de, en),
            decided: Decided::Counted,
            reported,
            without: Cell::Nothing,
            with: Cell::NotBuilt,
        }
    }
}

pub(super) fn all(facts: &Facts, without: &Played, with: Option<&Played>) -> Vec<Row> {
    let columns = Columns { without, with };
    let mut rows = letters(&columns, facts);
    rows.extend(orders(&columns, facts));
    rows.extend([
        columns.row(
            "screen",
            ("Lage am Bildschirm nach", "picture on the screen after"),
            Decided::Counted,
            Cell::NotPublished,
            |played| told(played.told.screen),
        ),
        columns.row(
            "senders-told",
            ("Absender unterrichtet (Seite) nach", "senders told (site) after"),
            Decided::Counted,
            reported::senders_told(facts),
            |played| told(played.told.page),
        ),
        Columns::not_built(
            "payments",
            ("Leistungen nicht gezahlt", "Benefits not paid"),
            reported::payments_out(facts),
        ),
        Columns::not_built(
            "records",
            ("Patientenakten gestört", "Patient records disturbed"),
            reported::records_disturbed(facts),
        ),
    ]);
    rows
}

fn letters(columns: &Columns<'_>, facts: &Facts) -> Vec<Row> {
    use Cell::NotPublished;
    let mut rows = vec![
        columns.counted(
            "offered",
            ("Krankmeldungen abgesendet", "Sick notes sent"),
            NotPublished,
            |c| c.offered,
        ),
        columns.counted(
            "rejected",
            ("als fehlerhaft abgewiesen", "rejected as faulty"),
            reported::rejected(facts),
            |c| c.rejected,
        ),
        columns.row(
            "hours-rejected",
            ("Stunden mit Abweisungen", "hours with rejections"),
            Decided::Counted,
            reported::hours_rejected(facts),
            |played| {
                let span = played
                    .rejected_between
                    .map_or(0.0, |(first, last)| last.0 - first.0);
                Cell::Measure(vec![format!("{span:.1} h")])
            },
        ),
        columns.counted(
            "held",
            ("gehalten, solange Türen zu", "held while doors were closed"),
            reported::held(facts),
            |c| c.held,
        ),
        columns.counted(
            "handed-over",
            ("der Kasse übergeben", "handed over to the insurer"),
            NotPublished,
            |c| c.handed_over,
        ),
        columns.row(
            "not-arrived",
            ("am Ende noch unterwegs", "still under way at the end"),
            Decided::Counted,
            NotPublished,
            |played| Cell::Number(still_under_way(played)),
        ),
        columns.counted("in-doubt", ("im Zweifel", "in doubt"), NotPublished, |c| {
            c.in_doubt
        }),
    ];
    rows.extend(faults(columns, facts));
    rows
}

/// What must be zero.
fn faults(columns: &Columns<'_>, facts: &Facts) -> Vec<Row> {
    use Cell::NotPublished;
    vec![
        columns.row(
            "lost",
            ("verloren", "lost"),
            Decided::Counted,
            reported::lost(facts),
            |played| Cell::Number(played.lost()),
        ),
        columns.counted(
            "duplicates",
            ("doppelt angekommen", "arrived twice"),
            NotPublished,
            |c| c.duplicates,
        ),
        columns.counted(
            "order",
            ("in falscher Reihenfolge", "out of order"),
            NotPublished,
            |c| c.order_violations,
        ),
        columns.counted(
            "notices",
            (
                "Zustellnachricht fehlt oder doppelt",
                "delivery notice missing or doubled",
            ),
            NotPublished,
            |c| c.notices_missing.saturating_add(c.notices_too_many),
        ),
    ]
}

fn orders(columns: &Columns<'_>, facts: &Facts) -> Vec<Row> {
    vec![
        columns.row(
            "applied",
            ("Anordnung bis letzte Tür zu", "order to last door applied"),
            Decided::Counted,
            reported::order_to_applied(facts),
            |played| span_of_cut(played, |applied, _| applied),
        ),
        columns.row(
            "proven",
            ("Anordnung bis letzte Tür geprüft", "order to last door proven"),
            Decided::Counted,
            Cell::NotPublished,
            |played| span_of_cut(played, |_, proven| proven),
        ),
        columns.row(
            "back",
            ("Dienste zurück, in dieser Folge", "services back, in this order"),
            Decided::AssumedInScript,
            reported::services_back(facts),
            services_back,
        ),
        columns.assumed(
            "provisional",
            ("Vorläufiger Betrieb", "provisional operation"),
            reported::provisional(facts),
            &["provisional"],
        ),
        columns.assumed(
            "re-shut",
            ("Geplante erneute Abschaltung", "planned re-shutdown"),
            reported::re_shutdown(facts),
            &["re-shut"],
        ),
        columns.assumed(
            "clear",
            ("Volle Freigabe", "full clearance"),
            Cell::NotPublished,
            &["clear"],
        ),
    ]
}

fn still_under_way(played: &Played) -> u64 {
    let count = &played.count;
    count
        .waiting
        .saturating_add(count.not_accepted)
        .saturating_add(count.lost.saturating_sub(played.lost()))
}

fn span_of_cut(played: &Played, grade: impl Fn(Option<Millis>, Option<Millis>) -> Option<Millis>) -> Cell {
    match played
        .steps
        .iter()
        .find(|step| step.action == "cut")
        .map(|step| &step.outcome)
    {
        Some(Outcome::Done { applied, proven }) => grade(*applied, *proven)
            .map_or(Cell::NotBuilt, |Millis(ms)| {
                Cell::Measure(vec![format!("{ms} ms")])
            }),
        Some(Outcome::Refused { de, en }) => Cell::Words(Words::new(de, en)),
        Some(Outcome::NotBuilt) | None => Cell::Nothing,
    }
}

/// From the order until it was told.
fn told(span: Option<Millis>) -> Cell {
    span.map_or(Cell::Nothing, |Millis(ms)| {
        Cell::Measure(vec![format!("{ms} ms")])
    })
}

fn services_back(played: &Played) -> Cell {
    if played.back.is_empty() {
        return Cell::Nothing;
    }
    let line = |back: &crate::run::Back| {
        let hours = if back.first == back.last {
            format!("{} h", back.first.0)
        } else {
            format!("{}–{} h", back.first.0, back.last.0)
        };
        format!("{} {hours} ({}/{})", back.service, back.cells, back.cells_all)
    };
    Cell::Measure(
        played
            .back
            .iter()
            .map(line)
            .chain(["übrige: nicht gebaut / others: not built".to_owned()])
            .collect(),
    )
}

fn hours_of(played: &Played, actions: &[&str]) -> Cell {
    let steps: Vec<&PlayedStep> = played
        .steps
        .iter()
        .filter(|step| actions.contains(&step.action))
        .collect();
    if steps.is_empty() || steps.iter().all(|step| step.outcome == Outcome::NotBuilt) {
        return Cell::Nothing;
    }
    let line = |step: &&PlayedStep| match &step.outcome {
        Outcome::Done { .. } if step.insurers == 1 => format!("{} h (1 Kasse / fund)", step.at.0),
        Outcome::Done { .. } => format!("{} h ({} Kassen / funds)", step.at.0, step.insurers),
        Outcome::Refused { .. } => format!("{} h: abgelehnt / refused", step.at.0),
        Outcome::NotBuilt => format!("{} h: nicht gebaut / not built", step.at.0),
    };
    Cell::Measure(steps.iter().map(line).collect())
}
