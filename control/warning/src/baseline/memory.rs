//! How a baseline is written down: only hours that are known, checked against every bound when it is read back.

use serde::{Deserialize, Serialize};

use super::{Baseline, Hour, WEEKS_MAX};
use crate::local::HourOfWeek;

/// What is written now.
const VERSION: u32 = 1;

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Memory {
    version: u32,
    hours: Vec<Known>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    hour: HourOfWeek,
    weeks: Vec<Hour>,
}

/// Why a written baseline is not taken. The operator may delete it: the baseline is then learned anew.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadMemory {
    /// Written by another version.
    #[error("the baseline has version {found}, this program reads version {VERSION}")]
    Version {
        /// What stood there.
        found: u32,
    },
    /// More weeks than are ever kept.
    #[error("the baseline has {found} weeks for {hour}; at most {WEEKS_MAX} are kept")]
    TooManyWeeks {
        /// For which hour.
        hour: HourOfWeek,
        /// How many.
        found: usize,
    },
    /// Weeks that are not in order.
    #[error("the baseline's weeks for {hour} are not in the order of their days")]
    OutOfOrder {
        /// For which hour.
        hour: HourOfWeek,
    },
    /// An hour of the week that comes twice.
    #[error("the baseline has {hour} twice")]
    Twice {
        /// Which hour.
        hour: HourOfWeek,
    },
}

impl From<Baseline> for Memory {
    fn from(baseline: Baseline) -> Self {
        let hours = baseline
            .hours
            .into_iter()
            .zip(0_u8..)
            .filter(|(weeks, _)| !weeks.is_empty())
            .filter_map(|(weeks, hour)| {
                Some(Known {
                    hour: hour.try_into().ok()?,
                    weeks,
                })
            })
            .collect();
        Self {
            version: VERSION,
            hours,
        }
    }
}

impl TryFrom<Memory> for Baseline {
    type Error = BadMemory;
    fn try_from(memory: Memory) -> Result<Self, BadMemory> {
        if memory.version != VERSION {
            return Err(BadMemory::Version {
                found: memory.version,
            });
        }
        let mut baseline = Self::new();
        for Known { hour, weeks } in memory.hours {
            if weeks.len() > WEEKS_MAX {
                return Err(BadMemory::TooManyWeeks {
                    hour,
                    found: weeks.len(),
                });
            }
            if !weeks.iter().zip(weeks.iter().skip(1)).all(|(a, b)| a.day < b.day) {
                return Err(BadMemory::OutOfOrder { hour });
            }
            if baseline.weeks(hour) > 0 {
                return Err(BadMemory::Twice { hour });
            }
            if let Some(slot) = baseline.hours.get_mut(hour.index()) {
                *slot = weeks;
            }
        }
        Ok(baseline)
    }
}
