//! Who sends what to whom when: drawn from the seed.

use estate::Estate;
use jiff::civil::Weekday;
use serde::Serialize;
use vocabulary::{InsurerId, Millis};

use super::{Action, Script};
use crate::chance::Chance;

/// A practice, counted from 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(transparent)]
pub struct PracticeNumber(pub u32);

/// One letter to be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Planned {
    /// When it is handed to the practice's server.
    pub at: Millis,
    /// By whom.
    pub practice: PracticeNumber,
    /// To whom.
    pub insurer: InsurerId,
}

/// Width of the slices time is drawn from.
const SLICE_MS: u64 = 100;

pub(super) fn plan(script: &Script, estate: &Estate) -> Vec<Planned> {
    let mut chance = Chance::new(script.seed, 1);
    let slices = slices(script);
    let insurers = insurers(estate);
    let mut planned: Vec<Planned> = (0..script.traffic.letters)
        .filter_map(|_| {
            let start = draw(&slices, &mut chance)?;
            let insurer = draw(&insurers, &mut chance)?.clone();
            let at = Millis(start.saturating_add(chance.below(SLICE_MS)));
            let practices = u64::from(script.traffic.practices);
            let practice = PracticeNumber(u32::try_from(chance.below(practices)).unwrap_or(0));
            Some(Planned {
                at,
                practice,
                insurer,
            })
        })
        .collect();
    planned.sort_by_key(|letter| letter.at);
    planned
}

/// Values with running sums of their weights.
struct Weighted<T>(Vec<(u64, T)>);

fn draw<'w, T>(weighted: &'w Weighted<T>, chance: &mut Chance) -> Option<&'w T> {
    let (total, _) = weighted.0.last()?;
    let number = chance.below(*total);
    let at = weighted.0.partition_point(|(sum, _)| *sum <= number);
    weighted.0.get(at).map(|(_, value)| value)
}

fn weigh<T>(values: impl Iterator<Item = (u64, T)>) -> Weighted<T> {
    let mut sum = 0_u64;
    Weighted(
        values
            .filter(|(weight, _)| *weight > 0)
            .map(|(weight, value)| {
                sum = sum.saturating_add(weight);
                (sum, value)
            })
            .collect(),
    )
}

/// Slices between the opening and the closing of traffic, heavier while practices are open.
fn slices(script: &Script) -> Weighted<u64> {
    let when = |wanted: &Action| {
        script
            .steps
            .iter()
            .find(|step| step.action == *wanted)
            .map(|step| script.pace.drill(step.at).0)
    };
    let begin = when(&Action::OpenTraffic).unwrap_or(u64::MAX);
    let end = when(&Action::CloseTraffic).unwrap_or_else(|| script.pace.end().0);
    let step = usize::try_from(SLICE_MS).unwrap_or(1);
    weigh(
        (begin..end)
            .step_by(step)
            .map(|start| (open(script, Millis(start)), start)),
    )
}

/// Practices send on working days; the figures of the statutory funds show little else.
fn open(script: &Script, at: Millis) -> u64 {
    let civil = script.civil(at);
    let working_day = !matches!(civil.weekday(), Weekday::Saturday | Weekday::Sunday);
    if working_day && (7..19).contains(&civil.hour()) {
        20
    } else {
        1
    }
}

/// Insurers that can be written to, by insured persons.
fn insurers(estate: &Estate) -> Weighted<InsurerId> {
    weigh(
        estate
            .insurers()
            .filter(|insurer| !insurer.mailboxes.is_empty())
            .map(|insurer| (insurer.insured.0, insurer.id.clone())),
    )
}
