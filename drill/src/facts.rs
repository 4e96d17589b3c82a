//! What was reported about April 2023: read from our own data files, each fact with source, precision and confidence.

use serde::Serialize;

/// The events, as carried in the project.
pub const EVENTS_CSV: &str = include_str!("../data/april-2023.csv");

/// The figures an exercise is compared with.
pub const BASELINE_CSV: &str = include_str!("../data/april-2023-baseline.csv");

/// Hours since 2023-04-24T22:00+02:00, when rejections began; negative before.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug, Serialize)]
#[serde(transparent)]
pub struct StoryHours(pub f64);

/// Why a data file cannot be read. The files are ours, so this is a defect of the project.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not the CSV we wrote.
    #[error("Tatsachendatei nicht lesbar, bitte melden. / Fact file not readable, please report.")]
    Csv(#[from] csv::Error),
    /// A cell outside its vocabulary.
    #[error(
        "Tatsachendatei Zeile {line}: {column} = \"{value}\" ist unbekannt. / Fact file line {line}: {column} = \"{value}\" is unknown."
    )]
    Value {
        /// Line, from 1.
        line: u64,
        /// Column.
        column: &'static str,
        /// What stands there.
        value: String,
    },
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant,)* }
        impl $name {
            fn read(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }

            /// The word in the data file.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

words! {
    /// What happened.
    Kind {
        /// Somebody got in.
        Compromise = "compromise",
        /// Somebody noticed.
        Detect = "detect",
        /// Something was cut off.
        Contain = "contain",
        /// More was cut off.
        ContainEscalate = "contain_escalate",
        /// Cut off again after it had returned.
        ReContain = "re_contain",
        /// Works worse.
        Degrade = "degrade",
        /// Does not work.
        Fail = "fail",
        /// Senders get rejections from here.
        RejectBegin = "reject_begin",
        /// Senders get no more rejections.
        RejectEnd = "reject_end",
        /// Emergency operation begins.
        EmergencyOn = "emergency_on",
        /// Works in part.
        RestorePartial = "restore_partial",
        /// Works.
        Restore = "restore",
        /// A state somebody observed.
        Measure = "measure",
        /// Somebody was told.
        Notify = "notify",
        /// Everybody was told.
        Publish = "publish",
        /// Somebody was told what to do.
        Instruct = "instruct",
        /// A public statement.
        Claim = "claim",
        /// A public statement taken back.
        ClaimCorrected = "claim_corrected",
        /// A statement about the future.
        Promise = "promise",
        /// Somebody complained.
        Complaint = "complaint",
        /// A legal date.
        Deadline = "deadline",
        /// The end was declared.
        Close = "close",
    }
}

words! {
    /// How exact a time is.
    Precision {
        /// To the minute.
        Minute = "minute",
        /// To the hour.
        Hour = "hour",
        /// Before noon.
        Morning = "morning",
        /// After noon.
        Afternoon = "afternoon",
        /// After work.
        Evening = "evening",
        /// By night.
        Night = "night",
        /// The day; the hour is a placement for replay.
        Day = "day",
        /// The week; the day is a placement for replay.
        Week = "week",
        /// About; a placement for replay.
        Approx = "approx",
    }
}

words! {
    /// How far a row can be believed.
    Confidence {
        /// Reported by the source.
        Reported = "reported",
        /// A legal date, not a report.
        Statutory = "statutory",
        /// Reported without exact place or time.
        Approx = "approx",
        /// Only one source says so.
        SingleSource = "single_source",
        /// Sources disagree.
        Contradicted = "contradicted",
        /// Announced; fulfilment not verified.
        Promised = "promised",
    }
}

words! {
    /// State afterwards.
    State {
        /// Works.
        Up = "up",
        /// Works in part.
        Degraded = "degraded",
        /// Runs on a temporary way.
        Emergency = "emergency",
        /// Answers "faulty".
        Rejecting = "rejecting",
        /// Does not work.
        Down = "down",
        /// Cut off.
        Contained = "contained",
        /// In foreign hands.
        Compromised = "compromised",
    }
}

/// One reported event.
#[derive(Clone, Debug, Serialize)]
pub struct Event {
    /// When, as ISO 8601 with offset; see [`precision`](Self::precision).
    pub time: String,
    /// The same in hours since rejections began.
    pub at: StoryHours,
    /// Who acted.
    pub actor: String,
    /// Which service.
    pub service: String,
    /// Whom it concerned.
    pub scope: String,
    /// What happened.
    pub kind: Kind,
    /// The state afterwards, where the event changed it.
    pub state_after: Option<State>,
    /// How exact the time is.
    pub precision: Precision,
    /// How far to believe it.
    pub confidence: Confidence,
    /// Where it was published. Never empty.
    pub sources: Vec<String>,
    /// In our own words.
    pub detail: String,
}

/// One figure to compare with.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// What is measured.
    pub metric: String,
    /// Which service.
    pub service: String,
    /// Whom it concerned.
    pub scope: String,
    /// The value as published: may carry `~`, `>=` or a range.
    pub value: String,
    /// Its unit.
    pub unit: String,
    /// How far to believe it, in words.
    pub confidence: String,
    /// Where it was published or what it was derived from. Never empty.
    pub source: String,
}

/// Everything reported.
#[derive(Clone, Debug, Serialize)]
pub struct Facts {
    /// By time.
    pub events: Vec<Event>,
    /// Figures.
    pub figures: Vec<Figure>,
}

impl Facts {
    /// The facts carried in the project.
    ///
    /// # Errors
    /// [`Error`] when a file of ours is damaged.
    pub fn april_2023() -> Result<Self, Error> {
        Ok(Self {
            events: read_events(EVENTS_CSV)?,
            figures: read_figures(BASELINE_CSV)?,
        })
    }

    /// The first event of a kind at a service.
    #[must_use]
    pub fn first(&self, service: &str, kind: Kind) -> Option<&Event> {
        self.events
            .iter()
            .find(|event| event.service == service && event.kind == kind)
    }

    /// A figure by metric.
    #[must_use]
    pub fn figure(&self, metric: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.metric == metric)
    }
}

struct Cells<'r> {
    record: &'r csv::StringRecord,
    header: &'r csv::StringRecord,
}

impl Cells<'_> {
    fn line(&self) -> u64 {
        self.record.position().map_or(0, csv::Position::line)
    }

    fn get(&self, column: &'static str) -> &str {
        let at = self.header.iter().position(|name| name == column);
        at.and_then(|at| self.record.get(at)).unwrap_or("").trim()
    }

    fn bad(&self, column: &'static str) -> Error {
        Error::Value {
            line: self.line(),
            column,
            value: self.get(column).to_owned(),
        }
    }

    fn needed(&self, column: &'static str) -> Result<String, Error> {
        let text = self.get(column);
        if text.is_empty() {
            Err(self.bad(column))
        } else {
            Ok(text.to_owned())
        }
    }

    fn word<T>(&self, column: &'static str, read: impl Fn(&str) -> Option<T>) -> Result<T, Error> {
        read(self.get(column)).ok_or_else(|| self.bad(column))
    }
}

fn read_rows<T>(csv: &str, read: impl Fn(&Cells<'_>) -> Result<T, Error>) -> Result<Vec<T>, Error> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let header = reader.headers()?.clone();
    reader
        .records()
        .map(|record| {
            read(&Cells {
                record: &record?,
                header: &header,
            })
        })
        .collect()
}

/// Reads events in the format of `data/april-2023.csv`.
///
/// # Errors
/// [`Error`] with line and column.
pub fn read_events(csv: &str) -> Result<Vec<Event>, Error> {
    read_rows(csv, |cells| {
        let state = cells.get("state_after");
        Ok(Event {
            time: cells.needed("time")?,
            at: StoryHours(cells.word("rel_hours_t0", |word| word.parse().ok())?),
            actor: cells.needed("actor")?,
            service: cells.needed("service")?,
            scope: cells.needed("scope")?,
            kind: cells.word("event", Kind::read)?,
            state_after: if state.is_empty() {
                None
            } else {
                Some(cells.word("state_after", State::read)?)
            },
            precision: cells.word("precision", Precision::read)?,
            confidence: cells.word("confidence", Confidence::read)?,
            sources: cells.needed("source")?.split(" | ").map(str::to_owned).collect(),
            detail: cells.needed("detail")?,
        })
    })
}

fn read_figures(csv: &str) -> Result<Vec<Figure>, Error> {
    read_rows(csv, |cells| {
        Ok(Figure {
            metric: cells.needed("metric")?,
            service: cells.needed("service")?,
            scope: cells.needed("scope")?,
            value: cells.needed("value")?,
            unit: cells.needed("unit")?,
            confidence: cells.needed("confidence")?,
            source: cells.needed("source")?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fact_has_source_precision_and_confidence() {
        let facts = Facts::april_2023().unwrap();
        assert_eq!((facts.events.len(), facts.figures.len()), (55, 15));
        for event in &facts.events {
            assert!(event.sources.iter().all(|source| source.len() > 5), "{event:?}");
            assert!(event.detail.len() > 20, "{event:?}");
            let placed: jiff::Timestamp = event.time.parse().unwrap();
            let zero: jiff::Timestamp = "2023-04-24T22:00:00+02:00".parse().unwrap();
            let hours = placed.duration_since(zero).as_secs_f64() / 3600.0;
            assert!(
                (hours - event.at.0).abs() < 0.06,
                "{} is {hours} hours from zero, not {}",
                event.time,
                event.at.0
            );
        }
        assert!(facts.events.is_sorted_by_key(|event| event.at.0));
    }

    #[test]
    fn what_sources_disagree_about_stays_marked() {
        let facts = Facts::april_2023().unwrap();
        let marked: Vec<(&str, f64)> = facts
            .events
            .iter()
            .filter(|event| event.confidence == Confidence::Contradicted)
            .map(|event| (event.service.as_str(), event.at.0))
            .collect();
        assert_eq!(marked, [("epa.access", 62.0), ("eau.intake", 74.0)]);
        assert_eq!(
            facts.first("soc", Kind::Detect).unwrap().confidence,
            Confidence::SingleSource
        );
        assert!(
            facts
                .events
                .iter()
                .filter(|e| e.kind == Kind::Deadline)
                .all(|e| e.confidence == Confidence::Statutory)
        );
    }

    #[test]
    fn the_window_of_rejections_is_54_hours() {
        let facts = Facts::april_2023().unwrap();
        let begin = facts.first("eau.intake", Kind::RejectBegin).unwrap().at.0;
        let end = facts.first("eau.intake", Kind::RejectEnd).unwrap().at.0;
        assert_eq!((begin, end), (0.0, 54.0));
        assert_eq!(facts.figure("rejected_window").unwrap().value, "54");
    }

    #[test]
    fn a_row_without_source_or_with_an_unknown_word_is_refused() {
        let good = "time,rel_hours_t0,actor,service,scope,event,state_after,precision,confidence,source,detail\n\
                    2023-04-24T22:00:00+02:00,0.0,p,s,a,fail,down,hour,reported,https://example.org,text\n";
        assert_eq!(read_events(good).unwrap().len(), 1);
        for (from, to, column) in [
            ("https://example.org", "", "source"),
            (",hour,", ",soonish,", "precision"),
            (",reported,", ",,", "confidence"),
            (",fail,", ",boom,", "event"),
        ] {
            let error = read_events(&good.replace(from, to)).unwrap_err();
            assert!(
                matches!(error, Error::Value { line: 2, column: c, .. } if c == column),
                "{error}"
            );
        }
    }
}
