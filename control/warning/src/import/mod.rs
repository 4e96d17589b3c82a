//! Findings of engines that stand in the data centre already, out of the lines they write.
//!
//! One [`Importer`] per source. It takes lines (see [`LineReader`](crate::LineReader)) and answers each with a
//! [`Finding`], or why there is none. Limits: [`LINE_BYTES_MAX`], [`DEPTH_MAX`], texts and lists as named below. A line
//! is never kept; a finding carries its digest.

mod bad;
mod repeats;
mod suricata;
mod time;
mod wazuh;

use core::net::IpAddr;
use std::{collections::BTreeSet, sync::Arc};

use vocabulary::{Digest, HostId, Seconds, Timestamp};

use crate::{
    line::Line,
    roll::Roll,
    signal::{Indicator, Kind, Severity, Touched},
    text::clean,
};
pub use bad::{BadLine, Tally};
use repeats::Repeats;

/// Longest line that is read. An EVE alert with packet and payload in base64 has tens of KiB.
pub const LINE_BYTES_MAX: usize = 256 * 1024;
/// Deepest nesting of objects and arrays that is read. EVE and Wazuh stay below ten.
pub const DEPTH_MAX: usize = 32;
/// For how long the same line again is a repeat.
pub const REPEATS_SECS: u64 = 600;

/// Characters kept of a rule's text.
const TITLE_CHARS: usize = 160;
/// Names and addresses kept of one alert.
const NAMES_MAX: usize = 16;
/// Techniques kept of one alert.
const TECHNIQUES_MAX: usize = 16;
/// A sensor's clock may run so far ahead of ours.
const AHEAD_SECS_MAX: u64 = 300;
/// Older than this is said to be late: a queue ran full, or a clock is wrong.
const LATE_SECS: u64 = 3600;

/// Whose lines these are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Engine {
    /// Suricata's `eve.json`.
    Suricata,
    /// Wazuh's `alerts.json`.
    Wazuh,
}

impl Engine {
    /// The kind of its signals.
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self {
            Self::Suricata => Kind::Suricata,
            Self::Wazuh => Kind::Wazuh,
        }
    }
}

/// How far a finding's own time can be believed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Clock {
    /// Plausible.
    Plausible,
    /// Without an offset; read as UTC.
    NoOffset,
    /// Too far in our future; the time of arrival is used instead.
    Ahead(Seconds),
    /// Long before it arrived.
    Late(Seconds),
    /// It gave none; the time of arrival is used.
    Missing,
}

/// One alert of an engine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// Who says so.
    pub engine: Engine,
    /// When it happened, as far as can be believed.
    pub at: Timestamp,
    /// How far it can be believed.
    pub clock: Clock,
    /// How bad, mapped as each engine's reader documents.
    pub severity: Severity,
    /// The rule's number: what is the same at several insurers.
    pub indicator: Indicator,
    /// The rule's text, made fit to be read.
    pub title: String,
    /// MITRE ATT&CK techniques.
    pub techniques: BTreeSet<String>,
    /// Where it points.
    pub touched: BTreeSet<Touched>,
    /// Machines of the estate it names.
    pub hosts: BTreeSet<HostId>,
    /// Names and addresses the estate does not know.
    pub unmatched: BTreeSet<String>,
    /// Digest of the raw line.
    pub evidence: Digest,
}

/// The answer to one line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Imported {
    /// An alert.
    Finding(Box<Finding>),
    /// Valid, but no alert.
    Ignored,
    /// The same line as one of the last minutes.
    Repeat,
    /// Not what the engine writes.
    Bad(BadLine),
}

/// Reads one source.
#[derive(Clone, Debug)]
pub struct Importer {
    engine: Engine,
    roll: Arc<Roll>,
    repeats: Repeats,
    tally: Tally,
}

impl Importer {
    /// For one engine's lines, about one estate.
    #[must_use]
    pub fn new(engine: Engine, roll: Arc<Roll>) -> Self {
        Self {
            engine,
            roll,
            repeats: Repeats::default(),
            tally: Tally::default(),
        }
    }

    /// What came of all lines so far.
    #[must_use]
    pub const fn tally(&self) -> Tally {
        self.tally
    }

    /// Takes one line that arrived at an instant of our own clock.
    pub fn line(&mut self, line: Line<'_>, arrived: Timestamp) -> Imported {
        let imported = match line {
            Line::TooLong { bytes } => Imported::Bad(BadLine::TooLong { bytes }),
            // A last line without an end may be whole; if it is not, it is truncated JSON.
            Line::Whole(bytes) | Line::Unfinished(bytes) => {
                self.read(bytes, arrived).unwrap_or_else(Imported::Bad)
            }
        };
        self.tally.count(&imported);
        imported
    }

    fn read(&mut self, bytes: &[u8], arrived: Timestamp) -> Result<Imported, BadLine> {
        if bytes.len() > LINE_BYTES_MAX {
            let bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            return Err(BadLine::TooLong { bytes });
        }
        let text = core::str::from_utf8(bytes).map_err(|error| BadLine::NotUtf8 {
            at: error.valid_up_to(),
        })?;
        // Some writers begin a file with a byte order mark.
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        if !shallow(text.as_bytes()) {
            return Err(BadLine::TooDeep);
        }
        let alert = match self.engine {
            Engine::Suricata => suricata::read(text)?,
            Engine::Wazuh => wazuh::read(text)?,
        };
        let Some(alert) = alert else {
            return Ok(Imported::Ignored);
        };
        let evidence = Digest::of(bytes);
        if self.repeats.seen(evidence, arrived) {
            return Ok(Imported::Repeat);
        }
        Ok(Imported::Finding(Box::new(self.find(alert, evidence, arrived))))
    }

    fn find(&self, alert: Alert, evidence: Digest, arrived: Timestamp) -> Finding {
        let (at, clock) = believe(alert.at, arrived);
        let mut finding = Finding {
            engine: self.engine,
            at,
            clock,
            severity: alert.severity,
            indicator: Indicator::new(self.engine.kind(), &alert.rule),
            title: clean(&alert.title, TITLE_CHARS),
            techniques: alert
                .techniques
                .into_iter()
                .take(TECHNIQUES_MAX)
                .map(|text| clean(&text, 32))
                .collect(),
            touched: BTreeSet::new(),
            hosts: BTreeSet::new(),
            unmatched: BTreeSet::new(),
            evidence,
        };
        for named in alert.named.into_iter().take(NAMES_MAX) {
            let (name, found) = match named {
                Named::Host { name, address } => {
                    // An agent's name is its enrolment; its address may be shared behind a gateway.
                    let by_name = self
                        .roll
                        .host_named(&name)
                        .map(|(host, touched)| (Some(host), touched));
                    let found = by_name.or_else(|| address.and_then(|address| self.roll.behind(address)));
                    (name, found)
                }
                Named::Address(address) => (address.to_canonical().to_string(), self.roll.behind(address)),
                Named::Text(text) => (text, None),
            };
            match found {
                Some((host, touched)) => {
                    finding.hosts.extend(host);
                    finding.touched.insert(touched);
                }
                None => {
                    finding.unmatched.insert(clean(&name, 64));
                }
            }
        }
        finding
    }
}

/// What an engine's line says, before anybody asks the estate.
struct Alert {
    at: Option<time::Stated>,
    severity: Severity,
    rule: String,
    title: String,
    techniques: Vec<String>,
    named: Vec<Named>,
}

/// A machine as a line names it.
enum Named {
    Host {
        name: String,
        address: Option<IpAddr>,
    },
    Address(IpAddr),
    /// Something that should have been an address.
    Text(String),
}

impl Named {
    fn address(text: String) -> Self {
        text.parse().map_or(Self::Text(text), Self::Address)
    }
}

/// A sensor's clock is a foreign one: what lies in our future cannot have happened, and what is late says so.
fn believe(stated: Option<time::Stated>, arrived: Timestamp) -> (Timestamp, Clock) {
    let Some(time::Stated { at, offset }) = stated else {
        return (arrived, Clock::Missing);
    };
    let ahead = at.since(arrived);
    let late = arrived.since(at);
    if ahead.0 > AHEAD_SECS_MAX {
        (arrived, Clock::Ahead(ahead))
    } else if late.0 > LATE_SECS {
        (at, Clock::Late(late))
    } else {
        match offset {
            time::Offset::Given => (at, Clock::Plausible),
            time::Offset::Missing => (at, Clock::NoOffset),
        }
    }
}

/// Whether no object or array nests deeper than [`DEPTH_MAX`]. The parser passes over fields nobody asked for without
/// counting, so the bound is kept here, in one pass that knows strings.
fn shallow(text: &[u8]) -> bool {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for byte in text {
        if quoted {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => quoted = true,
            b'{' | b'[' => {
                depth = depth.saturating_add(1);
                if depth > DEPTH_MAX {
                    return false;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_counted_outside_strings_only() {
        let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(shallow(deep(DEPTH_MAX).as_bytes()) && !shallow(deep(DEPTH_MAX + 1).as_bytes()));
        assert!(shallow(
            format!("[\"{}\\\"{}\"]", "[".repeat(99), "{".repeat(99)).as_bytes()
        ));
        assert!(shallow("[],".repeat(99).as_bytes()));
    }

    #[test]
    fn foreign_clocks_are_believed_within_bounds() {
        let stated = |at| {
            Some(time::Stated {
                at: Timestamp(at),
                offset: time::Offset::Given,
            })
        };
        let now = Timestamp(1_000_000);
        assert_eq!(
            believe(stated(1_000_299), now),
            (Timestamp(1_000_299), Clock::Plausible)
        );
        assert_eq!(believe(stated(1_000_301), now), (now, Clock::Ahead(Seconds(301))));
        assert_eq!(
            believe(stated(900_000), now),
            (Timestamp(900_000), Clock::Late(Seconds(100_000)))
        );
        assert_eq!(believe(None, now), (now, Clock::Missing));
    }
}
