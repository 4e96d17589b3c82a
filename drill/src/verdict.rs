//! Which promises held: what the outside's own book says, joined with what the side's rooms say of themselves.

use serde::Serialize;

use crate::{
    run::Played,
    side::{Kept, Outcome, Promise},
};

/// Every promise of the design (section 10), in its order.
pub const PROMISES: [&str; 13] = [
    "DOOR-1", "DOOR-2", "DOOR-3", "DOOR-4", "SPOOL-1", "SPOOL-2", "SPOOL-3", "MAIL-1", "LOG-1", "ORDER-1",
    "PAY-1", "PUBLIC-1", "PLAN-1",
];

/// What it comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finding {
    /// Every promise covered was held and the script was played to its end.
    Kept,
    /// A promise was broken.
    Broken,
    /// A step was refused, or not everything came to rest.
    Unfinished,
    /// There was nothing to judge.
    NothingCovered,
}

/// The verdict on the third column.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Verdict {
    /// One line per promise of the design.
    pub promises: Vec<Promise>,
    /// What kept the exercise from being whole.
    pub unfinished: Vec<String>,
}

impl Verdict {
    /// Judges a column; without one, nothing is covered.
    #[must_use]
    pub fn of(with: Option<&Played>) -> Self {
        let found: Vec<Promise> = with
            .map(|played| {
                counted(played)
                    .into_iter()
                    .chain(played.promises.iter().cloned())
                    .collect()
            })
            .unwrap_or_default();
        let mut promises: Vec<Promise> = PROMISES.iter().map(|id| join(id, &found)).collect();
        // A promise the design does not know is shown rather than dropped.
        let others = found
            .into_iter()
            .filter(|promise| !PROMISES.contains(&promise.id.as_str()));
        promises.extend(others);
        Self {
            promises,
            unfinished: with.map(unfinished).unwrap_or_default(),
        }
    }

    /// What it comes to.
    #[must_use]
    pub fn finding(&self) -> Finding {
        let any = |kept: Kept| self.promises.iter().any(|promise| promise.kept == kept);
        if any(Kept::Broken) {
            Finding::Broken
        } else if !self.unfinished.is_empty() {
            Finding::Unfinished
        } else if any(Kept::Held) {
            Finding::Kept
        } else {
            Finding::NothingCovered
        }
    }

    /// Exit status for the command: 0 kept, 1 broken, 2 unfinished or nothing covered.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match self.finding() {
            Finding::Kept => 0,
            Finding::Broken => 1,
            Finding::Unfinished | Finding::NothingCovered => 2,
        }
    }
}

/// All findings about one promise as one: broken beats held beats not covered.
fn join(id: &str, found: &[Promise]) -> Promise {
    let mine: Vec<&Promise> = found.iter().filter(|promise| promise.id == id).collect();
    let has = |kept: Kept| mine.iter().any(|promise| promise.kept == kept);
    let kept = if has(Kept::Broken) {
        Kept::Broken
    } else if has(Kept::Held) {
        Kept::Held
    } else {
        Kept::NotCovered
    };
    let evidence: Vec<&str> = mine
        .iter()
        .filter(|p| p.kept == kept)
        .map(|p| p.evidence.as_str())
        .collect();
    Promise {
        id: id.to_owned(),
        kept,
        evidence: evidence.join("; "),
    }
}

fn promise(id: &str, holds: bool, evidence: String) -> Promise {
    Promise {
        id: id.to_owned(),
        kept: if holds { Kept::Held } else { Kept::Broken },
        evidence,
    }
}

/// What the outside's own book can tell.
fn counted(played: &Played) -> Vec<Promise> {
    let count = &played.count;
    let lost = played.lost();
    let mut found = vec![
        promise(
            "SPOOL-1",
            lost == 0,
            format!("{} accepted, {lost} lost", count.accepted),
        ),
        promise(
            "SPOOL-3",
            count.order_violations == 0 && count.duplicates == 0,
            format!(
                "{} out of order, {} twice in a mailbox, {} repeats recognised by item id",
                count.order_violations, count.duplicates, count.repeats_dropped
            ),
        ),
        promise(
            "MAIL-1",
            played.rejected_behind_doors == 0,
            format!(
                "{} error mails or failure notices while a door was not open",
                played.rejected_behind_doors
            ),
        ),
    ];
    if let Some((_, last)) = played.certificates.last() {
        let bad = played
            .certificates
            .iter()
            .filter(|(_, certificate)| !certificate.balances())
            .count();
        // The side must know of every letter a sender was told is accepted; it may know of more, taken in doubt.
        let knows_all = last.accepted >= count.accepted;
        let evidence = format!(
            "{} certificates, {bad} do not balance; senders count {} accepted, the side {}",
            played.certificates.len(),
            count.accepted,
            last.accepted
        );
        found.push(promise("SPOOL-2", bad == 0 && knows_all, evidence));
    }
    found
}

fn unfinished(played: &Played) -> Vec<String> {
    let mut open: Vec<String> = played
        .steps
        .iter()
        .filter_map(|step| match &step.outcome {
            Outcome::Refused { de, en } => Some(format!("{} h {}: {de} / {en}", step.at.0, step.action)),
            Outcome::Done { .. } | Outcome::NotBuilt => None,
        })
        .collect();
    if !played.settled {
        open.push(
            "am Ende noch Krankmeldungen oder Zustellnachrichten unterwegs / sick notes or delivery notices still under \
             way at the end"
                .to_owned(),
        );
    }
    open
}
