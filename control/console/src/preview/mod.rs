//! What would happen, before anybody signs: a cut, a withdrawal, an opening.
//!
//! A preview is data with counts, and the same as sentences in German and English. It proves nothing and permits
//! nothing: it is made from what the journal has heard and from a clock nobody witnessed. What a door really does, the
//! door decides when the signed statement reaches it, and each preview says so.
//!
//! Persons are counted as [`estate::Counts`] counts them: per insurer the largest figure of the covered cells, then the
//! sum over insurers, so that nobody is counted twice for two services. Figures per service stand for themselves and
//! must not be added up.

mod cut;
mod dates;
mod facts;
mod opening;
mod say;
mod withdrawal;

pub use cut::{
    CellCut, ClockStart, CutOff, CutPreview, DrainEffect, Grants, Loss, Now, Unarmed, Unreached, WayIn, cut,
};
pub use dates::{DateHit, Within};
pub use facts::{Asked, ClockRule, Facts};
pub use opening::{Answer, DoorAnswer, Lack, LackKind, OpeningPreview, opening};
pub use say::{Line, Weight};
pub use withdrawal::{Because, DoorFall, Toppled, WithdrawalPreview, withdrawal};

use std::collections::BTreeMap;

use estate::{Estate, Persons};
use vocabulary::{CellId, InsurerId};

/// People behind cells, each counted once: per insurer the largest figure.
pub(crate) fn persons_behind<'a>(estate: &Estate, cells: impl Iterator<Item = &'a CellId>) -> Persons {
    let mut largest: BTreeMap<&InsurerId, u64> = BTreeMap::new();
    for cell in cells {
        let persons = estate.persons(cell).map_or(0, |persons| persons.0);
        let known = largest.entry(&cell.insurer).or_default();
        *known = persons.max(*known);
    }
    Persons(
        largest
            .values()
            .fold(0, |sum, persons| sum.saturating_add(*persons)),
    )
}
