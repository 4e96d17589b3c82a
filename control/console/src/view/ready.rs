//! The readiness board, as far as the viewer sees: per insurer, those that are not armed first.

use std::collections::BTreeMap;

use readiness::board::{Arming, Lack, Row};
use vocabulary::{CellId, InsurerId};

use super::shape::{At, Both, views};
use crate::Asked;

views! {
    /// What is armed in peace, and what is not and why.
    ReadinessView {
        /// The instant it was judged at; null while nobody has judged.
        at: Option<At>,
        /// What the provider lacks; empty for those who see only their own.
        provider: Vec<LackView>,
        /// Insurers, those with most cells not armed first.
        insurers: Vec<ReadyInsurer>,
        /// Cells.
        cells: u64,
        /// Cells that are armed.
        armed: u64,
    }
    /// One insurer of the board.
    ReadyInsurer {
        /// Which.
        insurer: String,
        /// Its name for people.
        name: String,
        /// Its cells.
        cells: Vec<ReadyCell>,
        /// How many of them are armed.
        armed: u64,
        /// What is lacking, each once.
        lacks: Vec<LackOf>,
        /// What will be lacking soon if nobody acts.
        soon: Vec<LackOf>,
    }
    /// One cell of the board.
    ReadyCell {
        /// Its service.
        service: String,
        /// Whether nothing is lacking.
        armed: bool,
    }
    /// Something that is lacking, and where.
    LackOf {
        /// What is lacking.
        lack: LackView,
        /// Services that lack it; empty where all of the insurer's do.
        services: Vec<String>,
    }
    /// Something that is lacking.
    LackView {
        /// What.
        finding: Both,
        /// What to do next.
        next: Both,
        /// Who.
        doer: Both,
    }
}

fn ready(words: readiness::words::Words) -> Both {
    Both {
        de: words.de,
        en: words.en,
    }
}

fn lack_view(lack: &Lack) -> LackView {
    LackView {
        finding: ready(lack.finding()),
        next: ready(lack.next()),
        doer: ready(lack.doer().in_words()),
    }
}

/// The same lack of several services is one line: a key that nobody exercised concerns them all.
fn once(rows: &[(&CellId, &Row)], of: impl Fn(&Row) -> &[Lack]) -> Vec<LackOf> {
    let mut where_lacking: BTreeMap<&Lack, Vec<String>> = BTreeMap::new();
    for (cell, row) in rows {
        for lack in of(row) {
            where_lacking
                .entry(lack)
                .or_default()
                .push(cell.service.to_string());
        }
    }
    let mut lacks: Vec<LackOf> = where_lacking
        .into_iter()
        .map(|(lack, services)| LackOf {
            lack: lack_view(lack),
            services: if services.len() == rows.len() {
                Vec::new()
            } else {
                services
            },
        })
        .collect();
    // What concerns all services comes first.
    lacks.sort_by_key(|lack| !lack.services.is_empty());
    lacks
}

/// The readiness board.
pub(crate) fn readiness(asked: &Asked<'_>) -> ReadinessView {
    let Some(board) = asked.ctx.room.others.board else {
        return ReadinessView {
            at: None,
            provider: Vec::new(),
            insurers: Vec::new(),
            cells: 0,
            armed: 0,
        };
    };
    let mut by_insurer: BTreeMap<&InsurerId, Vec<(&CellId, &Row)>> = BTreeMap::new();
    for (cell, row) in board.rows() {
        if asked.sight.covers(&cell.insurer) {
            by_insurer.entry(&cell.insurer).or_default().push((cell, row));
        }
    }
    let mut insurers: Vec<ReadyInsurer> = by_insurer
        .into_iter()
        .map(|(insurer, rows)| one(asked, insurer, &rows))
        .collect();
    let open = |insurer: &ReadyInsurer| count(insurer.cells.len()).saturating_sub(insurer.armed);
    insurers.sort_by_key(|insurer| core::cmp::Reverse(open(insurer)));
    ReadinessView {
        at: Some(At(board.at())),
        provider: board
            .provider()
            .iter()
            .filter(|_| asked.sight.is_everything())
            .map(lack_view)
            .collect(),
        cells: insurers.iter().map(|insurer| count(insurer.cells.len())).sum(),
        armed: insurers.iter().map(|insurer| insurer.armed).sum(),
        insurers,
    }
}

fn one(asked: &Asked<'_>, insurer: &InsurerId, rows: &[(&CellId, &Row)]) -> ReadyInsurer {
    let cells: Vec<ReadyCell> = rows
        .iter()
        .map(|(cell, row)| ReadyCell {
            service: cell.service.to_string(),
            armed: matches!(row.arming, Arming::Armed),
        })
        .collect();
    let known = asked.ctx.room.estate.insurer(insurer);
    ReadyInsurer {
        insurer: insurer.to_string(),
        name: known.map_or_else(|| insurer.to_string(), |known| known.name.clone()),
        armed: count(cells.iter().filter(|cell| cell.armed).count()),
        lacks: once(rows, |row| row.arming.lacks()),
        soon: once(rows, |row| &row.soon),
        cells,
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
