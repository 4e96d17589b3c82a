//! Foreign bytes in, signals and incidents out; proposes, never acts.
//!
//! # Specification
//!
//! What sees attacks already stands in a data centre; its findings are imported ([`Importer`]: Suricata EVE, Wazuh).
//! What those engines cannot see is watched here: the flow of business ([`Measure`]: eAU per minute, share of error
//! mails, missing keys, payments), canaries, and sources that fall silent.
//!
//! - **One function.** [`decide`]`(state, event, now) -> (state, effects)`. It is total: every event is answered, in
//!   the worst case with [`Effect::Refused`]. No clock, disk, socket or randomness; the same events give the same
//!   signals, with the same names.
//! - **A baseline knows what it does not know.** Per insurer × measure × hour of the week: median and MAD over at most
//!   [`WEEKS_MAX`](baseline::WEEKS_MAX) weeks. With fewer than [`WEEKS_MIN`](baseline::WEEKS_MIN) it says "not enough
//!   history" and raises nothing. Where an hour is so thin that even silence proves nothing, it says that too
//!   ([`baseline::Sight`]). Hours under an incident, holidays and hours with missing minutes are not learned.
//! - **One outlier is no signal.** A signal needs [`sensor::ENTER_SLOTS`] windows in a row.
//! - **Foreign bytes are bounded and never believed.** Lines, depth, texts, hosts and windows have limits; a bad line
//!   is counted and answered with a sentence; nothing panics. Text that people will read loses control characters.
//! - **Signals become incidents** by correlation ([`Incident`]). An incident grows by signals, shrinks and closes only
//!   by a person who explains them: that a symptom went away is no proof. It proposes a [`Scope`](vocabulary::Scope);
//!   hosts nobody knows are shown as such and widen nothing.
//! - **Standing orders** ([`standing::propose`]): inside the order's scope, kinds, rate and time the answer is
//!   [`Proposal::Use`](standing::Proposal::Use), otherwise [`Proposal::AskPeople`](standing::Proposal::AskPeople) with
//!   the reason. Using it is somebody else's act; the doors verify it all again.
//!
//! This room reaches neither `sign` nor a door, so a detector that is deceived or stolen can propose and nothing else.

pub mod baseline;
mod import;
mod incident;
mod line;
mod local;
pub mod promises;
mod roll;
pub mod sensor;
mod signal;
pub mod standing;
mod text;
mod watch;

pub use import::{
    BadLine, Clock, DEPTH_MAX, Engine, Finding, Imported, Importer, LINE_BYTES_MAX, REPEATS_SECS, Tally,
};
pub use incident::{
    CORRELATION_SECS, Explanation, Incident, IncidentState, Meaning, SHARED_CAUSE_INSURERS, Sighting,
};
pub use line::{Line, LineReader};
pub use local::{HourOfWeek, Local, local};
pub use roll::{BadPrefix, Behind, Prefix, Roll};
pub use sensor::{ErrorKind, Measure, error_kind};
pub use signal::{Canary, Indicator, Kind, Severity, Signal, Touched};
pub use text::Sentence;
pub use watch::{Effect, Event, Learned, Progress, Refusal, SourceName, Watch, decide};
