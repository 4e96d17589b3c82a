//! Who comes first, and why. The order is published with the plan, so that it can be defended.

use core::cmp::Reverse;
use std::collections::BTreeMap;

use estate::{CalendarEntry, CivilDate, Estate, Livelihood, Persons};
use serde::{Deserialize, Serialize};
use vocabulary::{CellId, InsurerId, ServiceId};

use crate::{
    situation::{Count, InsurerFacts, Situation},
    words::{Lang, Words, grouped, says},
};

/// How many days ahead a date of the calendar makes a cell more urgent: a week, because the longest preparation of a
/// due date (contribution statements) is shorter.
const CALENDAR_DAYS: i64 = 7;

/// A number of people, as plans carry it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct People(pub u64);

impl From<Persons> for People {
    fn from(persons: Persons) -> Self {
        Self(persons.0)
    }
}

/// What is left of the maximum tolerable downtime, in whole hours; negative when it is over.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MtdLeft(pub i64);

/// Whether people live on it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Urgency {
    /// They do: these cells come first.
    Livelihood,
    /// They do not.
    Other,
}

/// A date of the calendar that comes near.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Due {
    /// In how many days.
    pub days: Count,
    /// What is due.
    pub what: String,
}

/// Why a cell has its place.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rank {
    /// Whether people live on it.
    pub urgency: Urgency,
    /// What is left of the maximum tolerable downtime.
    pub mtd_left: MtdLeft,
    /// How many people go without it.
    pub people: People,
    /// The next date that needs it, if near.
    pub due: Option<Due>,
    /// Its place in its insurer's own ranking, from 1.
    pub own_place: Option<Count>,
    /// The more urgent service of the same insurer that needs it, and lends it its place.
    pub sake_of: Option<ServiceId>,
}

impl Rank {
    /// In both languages.
    #[must_use]
    pub fn words(&self) -> Words {
        let all = |lang: Lang| {
            let mut parts = Vec::new();
            if self.urgency == Urgency::Livelihood {
                parts.push(lang.of("Lebensunterhalt".to_owned(), "livelihood".to_owned()));
            }
            let left = self.mtd_left.0;
            parts.push(if left < 0 {
                let over = left.unsigned_abs();
                lang.of(
                    format!("tragbare Ausfallzeit seit {over} h überschritten"),
                    format!("tolerable downtime exceeded by {over} h"),
                )
            } else {
                lang.of(
                    format!("noch {left} h tragbar"),
                    format!("{left} h of tolerable downtime left"),
                )
            });
            let people = grouped(self.people.0, lang);
            parts.push(lang.of(format!("{people} Betroffene"), format!("{people} people")));
            if let Some(due) = &self.due {
                let (days, what) = (due.days.0, &due.what);
                parts.push(lang.of(
                    format!("in {days} T fällig: {what}"),
                    format!("due in {days} d: {what}"),
                ));
            }
            if let Some(Count(place)) = self.own_place {
                parts.push(lang.of(
                    format!("Rang {place} der Kasse"),
                    format!("insurer's rank {place}"),
                ));
            }
            if let Some(service) = &self.sake_of {
                parts.push(lang.of(
                    format!("weil „{service}“ es braucht"),
                    format!("because \"{service}\" needs it"),
                ));
            }
            parts.join(", ")
        };
        let (de, en) = (all(Lang::De), all(Lang::En));
        says!("{de}", "{en}")
    }
}

/// The order among cells: smaller comes first. Bands, not exact figures, so that a minute of downtime does not outweigh
/// a million people; the exact number of people decides last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Key {
    urgency: Urgency,
    mtd: u8,
    people: Reverse<u8>,
    due: u8,
    exact: Reverse<People>,
}

/// A cell with its rank and its place in the order.
pub(crate) struct Ranked {
    pub(crate) cell: CellId,
    pub(crate) rank: Rank,
    pub(crate) key: Key,
}

/// Ranks cells of an estate. The result is in the order of the given cells.
pub(crate) fn rank(
    estate: &Estate,
    situation: &Situation,
    cells: &[CellId],
    below: &BTreeMap<ServiceId, super::Below>,
) -> Vec<Ranked> {
    let today = situation.now.0.div_euclid(86_400);
    let near: Vec<(i64, &CalendarEntry)> = estate
        .calendar()
        .map(|entry| (days(entry.on).saturating_sub(today), entry))
        .filter(|(days, _)| (0..=CALENDAR_DAYS).contains(days))
        .collect();
    let mut ranked: Vec<Ranked> = cells
        .iter()
        .map(|cell| alone(estate, situation, cell, &near))
        .collect();
    let mut insurers: BTreeMap<InsurerId, Vec<usize>> = BTreeMap::new();
    for (at, one) in ranked.iter().enumerate() {
        insurers.entry(one.cell.insurer.clone()).or_default().push(at);
    }
    for (insurer, own) in &insurers {
        if let Some(facts) = situation.insurers.get(insurer) {
            use_own_ranking(&mut ranked, own, facts);
        }
        lend_to_needed(&mut ranked, own, below);
    }
    ranked
}

fn alone(estate: &Estate, situation: &Situation, cell: &CellId, near: &[(i64, &CalendarEntry)]) -> Ranked {
    let impact = estate.impact(cell);
    let urgency = match impact.map(|impact| impact.livelihood) {
        Some(Livelihood::Yes) => Urgency::Livelihood,
        Some(Livelihood::No) | None => Urgency::Other,
    };
    let down = situation
        .cells
        .get(cell)
        .and_then(|facts| facts.down_since)
        .map_or(0, |since| situation.now.since(since).0);
    let tolerable = impact.map_or(0, |impact| impact.mtd.0.saturating_mul(3_600));
    let left = i64::try_from(i128::from(tolerable) - i128::from(down)).unwrap_or(i64::MAX);
    let mtd_left = MtdLeft(left.div_euclid(3_600));
    let people = impact
        .map(|impact| People::from(impact.persons))
        .unwrap_or_default();
    let due = near
        .iter()
        .filter(|(_, entry)| {
            (entry.services.is_empty() || entry.services.contains(&cell.service))
                && (entry.insurers.is_empty() || entry.insurers.contains(&cell.insurer))
        })
        .min_by_key(|(days, _)| *days)
        .map(|(days, entry)| Due {
            days: Count(u32::try_from(*days).unwrap_or_default()),
            what: entry.what.clone(),
        });
    let own_place = situation
        .insurers
        .get(&cell.insurer)
        .and_then(|facts| facts.ranking.iter().position(|service| *service == cell.service))
        .and_then(|at| u32::try_from(at.saturating_add(1)).ok())
        .map(Count);
    let key = Key {
        urgency,
        mtd: mtd_band(mtd_left),
        people: Reverse(people_band(people)),
        due: due.as_ref().map_or(u8::MAX, |due| due_band(due.days)),
        exact: Reverse(people),
    };
    Ranked {
        cell: cell.clone(),
        rank: Rank {
            urgency,
            mtd_left,
            people,
            due,
            own_place,
            sake_of: None,
        },
        key,
    }
}

const fn mtd_band(left: MtdLeft) -> u8 {
    match left.0 {
        i64::MIN..0 => 0,
        0..4 => 1,
        4..12 => 2,
        12..24 => 3,
        24..72 => 4,
        72..168 => 5,
        168.. => 6,
    }
}

/// A band per factor of about three.
const fn people_band(people: People) -> u8 {
    match people.0 {
        0..300 => 0,
        300..1_000 => 1,
        1_000..3_000 => 2,
        3_000..10_000 => 3,
        10_000..30_000 => 4,
        30_000..100_000 => 5,
        100_000..300_000 => 6,
        300_000.. => 7,
    }
}

const fn due_band(days: Count) -> u8 {
    match days.0 {
        0..=1 => 0,
        2..=3 => 1,
        4.. => 2,
    }
}

/// An insurer decides how its cells use the places it has, within each urgency: its choice takes nothing from others,
/// and never puts a statistic before somebody's rent.
fn use_own_ranking(ranked: &mut [Ranked], own: &[usize], facts: &InsurerFacts) {
    if facts.ranking.is_empty() {
        return;
    }
    for urgency in [Urgency::Livelihood, Urgency::Other] {
        let mut cells: Vec<(Option<Count>, Key, usize)> = own
            .iter()
            .filter_map(|at| ranked.get(*at).map(|one| (one.rank.own_place, one.key, *at)))
            .filter(|(_, key, _)| key.urgency == urgency)
            .collect();
        let mut places: Vec<Key> = cells.iter().map(|(_, key, _)| *key).collect();
        places.sort_unstable();
        // Unranked cells keep their order behind the ranked ones.
        cells.sort_by_key(|(place, key, at)| (place.unwrap_or(Count(u32::MAX)), *key, *at));
        for ((_, _, at), key) in cells.into_iter().zip(places) {
            if let Some(one) = ranked.get_mut(at) {
                one.key = key;
            }
        }
    }
}

/// What an urgent cell needs is as urgent as the cell.
fn lend_to_needed(ranked: &mut [Ranked], own: &[usize], below: &BTreeMap<ServiceId, super::Below>) {
    let lenders: Vec<(Key, ServiceId)> = own
        .iter()
        .filter_map(|at| ranked.get(*at).map(|one| (one.key, one.cell.service.clone())))
        .collect();
    for (key, service) in lenders {
        let Some(needs) = below.get(&service) else {
            continue;
        };
        for at in own {
            let Some(one) = ranked.get_mut(*at) else {
                continue;
            };
            if needs.services.contains(&one.cell.service) && key < one.key {
                one.key = key;
                one.rank.sake_of = Some(service.clone());
            }
        }
    }
}

/// Days since 1970-01-01 of a proleptic Gregorian date, by eras of 400 years.
pub(crate) fn days(date: CivilDate) -> i64 {
    let (month, day) = (i64::from(date.month), i64::from(date.day));
    let year = i64::from(date.year) - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use vocabulary::Timestamp;

    #[test]
    fn dates_and_instants_agree() {
        for (year, month, day) in [
            (1970, 1, 1),
            (2000, 2, 29),
            (2023, 4, 26),
            (2024, 12, 31),
            (1999, 3, 1),
        ] {
            let date = CivilDate { year, month, day };
            let begins = Timestamp(days(date) * 86_400);
            assert_eq!(begins.to_string(), format!("{date}T00:00:00Z"));
        }
    }

    #[test]
    fn bands_decide_before_exact_numbers() {
        let key = |mtd, people, exact| Key {
            urgency: Urgency::Livelihood,
            mtd,
            people: Reverse(people),
            due: u8::MAX,
            exact: Reverse(People(exact)),
        };
        assert!(
            key(0, 1, 400) < key(1, 7, 900_000),
            "overdue comes before many people"
        );
        assert!(key(1, 7, 900_000) < key(1, 6, 200_000), "many come before few");
        assert!(
            key(1, 6, 250_000) < key(1, 6, 200_000),
            "exact numbers decide last"
        );
    }
}
