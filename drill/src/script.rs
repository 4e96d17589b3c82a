//! Scripts: what happens when, read strictly, with every mistake named.
//!
//! A script is a TOML file. Each step is either *reported* (`fact`: service and event of the facts file, at the same
//! hour) or *assumed* (`assumed = true` with `because`); there is no third kind. What is assumed never counts in a
//! verdict.

use serde::Serialize;
use vocabulary::{Class, Millis, Scope};

use crate::{
    chance::Seed,
    facts::{Facts, StoryHours},
};

mod parse;
mod schedule;

pub use schedule::{Planned, PracticeNumber};

/// The script of April 2023, as carried in the project.
pub const APRIL_2023: &str = include_str!("../scripts/april-2023.toml");

/// What a step does.
#[derive(Clone, PartialEq, Debug)]
pub enum Action {
    /// Practices begin to send.
    OpenTraffic,
    /// Practices stop sending.
    CloseTraffic,
    /// The insurers' consumers lose their keys.
    KeysGone,
    /// The keys are back.
    KeysBack,
    /// The regular KIM server stops answering.
    ServerOff,
    /// The regular KIM server answers again.
    ServerOn,
    /// An order towards more shut.
    Cut {
        /// What is cut.
        scope: Scope,
        /// Its class.
        class: Class,
    },
    /// An order by name: the services in scope take nothing in either, and say so for now.
    Shut {
        /// What is shut; it names its services.
        scope: Scope,
        /// Its class.
        class: Class,
    },
    /// Limited clearance and provisional operation, its planned end announced.
    Provisional {
        /// What runs provisionally.
        scope: Scope,
        /// For how long at most.
        hours: StoryHours,
    },
    /// The planned re-shutdown after provisional operation.
    ReShut {
        /// What is shut again.
        scope: Scope,
    },
    /// Examiners give the environments in scope full clearance.
    Clear {
        /// Whose environments.
        scope: Scope,
    },
    /// An order towards more open, on a clearance given before.
    Open {
        /// What is opened.
        scope: Scope,
    },
    /// Somebody asks for the reconciliation certificate.
    Certificate,
}

impl Action {
    /// What the step is about, where it has a scope.
    #[must_use]
    pub const fn scope(&self) -> Option<&Scope> {
        match self {
            Self::Cut { scope, .. }
            | Self::Shut { scope, .. }
            | Self::Provisional { scope, .. }
            | Self::ReShut { scope }
            | Self::Clear { scope }
            | Self::Open { scope } => Some(scope),
            Self::OpenTraffic
            | Self::CloseTraffic
            | Self::KeysGone
            | Self::KeysBack
            | Self::ServerOff
            | Self::ServerOn
            | Self::Certificate => None,
        }
    }

    /// The word in the script.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::OpenTraffic => "open-traffic",
            Self::CloseTraffic => "close-traffic",
            Self::KeysGone => "keys-gone",
            Self::KeysBack => "keys-back",
            Self::ServerOff => "server-off",
            Self::ServerOn => "server-on",
            Self::Cut { .. } => "cut",
            Self::Shut { .. } => "shut",
            Self::Provisional { .. } => "provisional",
            Self::ReShut { .. } => "re-shut",
            Self::Clear { .. } => "clear",
            Self::Open { .. } => "open",
            Self::Certificate => "certificate",
        }
    }
}

/// Why a step is in the script.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ground {
    /// Reported: `service/event` in the facts file.
    Fact(String),
    /// Decided by people, assumed here; the reason.
    Assumed(String),
}

/// One step.
#[derive(Clone, PartialEq, Debug)]
pub struct Step {
    /// When in the story.
    pub at: StoryHours,
    /// What.
    pub action: Action,
    /// Why.
    pub ground: Ground,
}

/// How much is sent, and how often senders and receivers look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Traffic {
    /// Number of practices.
    pub practices: u32,
    /// Number of letters altogether.
    pub letters: u32,
    /// Size of a letter's content before sealing, in bytes.
    pub body_bytes: u32,
    /// How often a consumer looks into its mailbox.
    pub poll: Millis,
    /// How long a practice's server waits before it tries again.
    pub retry: Millis,
    /// Longest wait at the end for everything to arrive.
    pub settle: Millis,
}

/// Hours of the story against milliseconds of the exercise: straight lines between points.
#[derive(Clone, PartialEq, Debug)]
pub struct Pace(Vec<(StoryHours, Millis)>);

impl Pace {
    /// When an hour of the story comes in the exercise. Before the first and after the last point: that point.
    #[must_use]
    pub fn drill(&self, at: StoryHours) -> Millis {
        let points = self.0.iter().map(|(hours, ms)| (hours.0, as_float(ms.0)));
        Millis(whole(between(points, at.0)))
    }

    /// Which hour of the story it is at an instant of the exercise.
    #[must_use]
    pub fn story(&self, at: Millis) -> StoryHours {
        let points = self.0.iter().map(|(hours, ms)| (as_float(ms.0), hours.0));
        StoryHours(between(points, as_float(at.0)))
    }

    /// The last instant.
    #[must_use]
    pub fn end(&self) -> Millis {
        self.0.last().map_or(Millis(0), |(_, ms)| *ms)
    }
}

fn between(points: impl Iterator<Item = (f64, f64)>, x: f64) -> f64 {
    let mut last: Option<(f64, f64)> = None;
    for (x1, y1) in points {
        match last {
            None if x <= x1 => return y1,
            Some((x0, y0)) if x <= x1 => return y0 + (y1 - y0) * (x - x0) / (x1 - x0),
            None | Some(_) => last = Some((x1, y1)),
        }
    }
    last.map_or(0.0, |(_, y)| y)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds of an exercise are far below 2^52"
)]
pub(crate) const fn as_float(number: u64) -> f64 {
    number as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped before"
)]
pub(crate) fn whole(number: f64) -> u64 {
    number.round().clamp(0.0, 9.0e15) as u64
}

/// A whole script, valid by construction.
#[derive(Clone, PartialEq, Debug)]
pub struct Script {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) zero: jiff::Timestamp,
    pub(crate) offset: jiff::tz::Offset,
    pub(crate) seed: Seed,
    pub(crate) traffic: Traffic,
    pub(crate) pace: Pace,
    pub(crate) steps: Vec<Step>,
}

impl Script {
    /// Reads a script against an estate (whose insurers, sites and services it may name) and the facts it may cite.
    ///
    /// # Errors
    /// Every mistake with file, line, column, value and what to do.
    pub fn read(
        text: &str,
        file: &str,
        estate: &estate::Estate,
        facts: &Facts,
    ) -> Result<Self, estate::Mistakes> {
        parse::read(text, file, estate, facts)
    }

    /// Its name in commands.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its name for people.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where its chance comes from.
    #[must_use]
    pub const fn seed(&self) -> Seed {
        self.seed
    }

    /// How much is sent.
    #[must_use]
    pub const fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// How fast the story goes.
    #[must_use]
    pub const fn pace(&self) -> &Pace {
        &self.pace
    }

    /// The steps, by hour.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The `Date` header (RFC 5322 section 3.3) of something sent at an instant of the exercise.
    #[must_use]
    pub fn date_header(&self, at: Millis) -> String {
        let zoned = self.civil(at);
        jiff::fmt::rfc2822::to_string(&zoned).unwrap_or_else(|_| "Mon, 24 Apr 2023 22:00:00 +0200".to_owned())
    }

    pub(crate) fn civil(&self, at: Millis) -> jiff::Zoned {
        let seconds = self.pace.story(at).0 * 3600.0;
        let span = jiff::SignedDuration::from_secs_f64(seconds);
        let when = self.zero.checked_add(span).unwrap_or(self.zero);
        when.to_zoned(jiff::tz::TimeZone::fixed(self.offset))
    }

    /// Everything that will be sent, by time: the same for the same seed and estate.
    #[must_use]
    pub fn schedule(&self, estate: &estate::Estate) -> Vec<Planned> {
        schedule::plan(self, estate)
    }
}
