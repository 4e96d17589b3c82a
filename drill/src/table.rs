//! Three columns side by side, and nothing in them that was not reported, counted or marked as assumed.
//!
//! *2023 as reported* comes from the facts file; *the same traffic without doors* and *with Bulkhead* are counted here.
//! Rows that people decide are marked as assumed in the script and left out of the verdict. What this exercise does not
//! cover prints "not built".

use serde::Serialize;

use crate::{facts::Facts, outside::Count, run::Played, script::Script, verdict::Verdict};

mod layout;
mod reported;
mod rows;

/// One text in both languages.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Words {
    /// German.
    pub de: String,
    /// English.
    pub en: String,
}

impl Words {
    pub(crate) fn new(de: &str, en: &str) -> Self {
        Self {
            de: de.to_owned(),
            en: en.to_owned(),
        }
    }
}

/// One field of the table.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cell {
    /// A number that was counted.
    Number(u64),
    /// A measure that reads the same in both languages, as in `54 h`; one line each.
    Measure(Vec<String>),
    /// Words.
    Words(Words),
    /// Nobody published it.
    NotPublished,
    /// This exercise does not cover it.
    NotBuilt,
    /// There is nothing to say here.
    Nothing,
}

/// Where a row's values come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decided {
    /// Counted in the exercise.
    Counted,
    /// Decided by people, assumed in the script; not part of the verdict.
    AssumedInScript,
}

/// One row.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Row {
    /// For scripts that read the JSON.
    pub id: &'static str,
    /// For people.
    pub label: Words,
    /// Where its values come from.
    pub decided: Decided,
    /// 2023 as reported.
    pub reported: Cell,
    /// The same traffic without doors.
    pub without: Cell,
    /// With Bulkhead.
    pub with: Cell,
}

/// The whole table with its verdict. Displays aligned for a terminal of 120 columns; serialises for scripts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Table {
    /// Name of the script.
    pub script: String,
    /// Seed of the exercise.
    pub seed: crate::chance::Seed,
    /// The rows.
    pub rows: Vec<Row>,
    /// Everything counted without doors.
    pub counts_without: Count,
    /// Everything counted with Bulkhead.
    pub counts_with: Option<Count>,
    /// The promises.
    pub verdict: Verdict,
}

impl Table {
    /// Puts the columns together. Without a third column its cells read "not built".
    #[must_use]
    pub fn of(script: &Script, facts: &Facts, without: &Played, with: Option<&Played>) -> Self {
        Self {
            script: script.name().to_owned(),
            seed: script.seed(),
            rows: rows::all(facts, without, with),
            counts_without: without.count,
            counts_with: with.map(|played| played.count),
            verdict: Verdict::of(with),
        }
    }
}
