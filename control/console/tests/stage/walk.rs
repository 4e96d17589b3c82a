//! Every way in, with names filled in.

use console::{
    Method, Seat,
    route::{Row, TABLE},
};

use super::Planted;

/// Fills the names of a pattern.
pub fn fill(pattern: &str, insurer: &str, planted: Planted, session: &str) -> String {
    pattern
        .replace("{insurer}", insurer)
        .replace("{service}", "kim")
        .replace("{incident}", "v-zwetschge")
        .replace("{entity}", insurer)
        .replace("{duty}", "gdpr-33-c")
        .replace("{statement}", &planted.draft.to_string())
        .replace("{session}", session)
}

/// Every row with its page path and its API path, where it has them.
pub fn ways() -> impl Iterator<Item = (&'static Row, &'static str)> {
    TABLE
        .iter()
        .flat_map(|row| [(row, row.page), (row, row.api)])
        .filter(|(_, path)| !path.is_empty())
}

/// Who sits where, on this stage.
pub const PEOPLE: [(&str, Seat); 8] = [
    ("root-1", Seat::Root),
    ("commander-1", Seat::Commander),
    ("examiner-2", Seat::Examiner),
    ("lead-1", Seat::RestorationLead),
    ("kasse-001-ja", Seat::InsurerConsent),
    ("kasse-001-nein", Seat::InsurerRefuse),
    ("kasse-001-vertretung", Seat::InsurerDeputy),
    ("delegate-1", Seat::Delegate),
];

pub fn is_post(row: &Row) -> bool {
    row.method == Method::Post
}
