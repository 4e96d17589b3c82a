//! What happens during a call-out, as it is written into the journal: no address, no code, no free words.

use core::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use vocabulary::{Digest, IncidentId, PersonId, Seconds, Timestamp};

use super::gsm;
use crate::contacts::{ContactBook, Duty, Kind};

/// Names one alarm.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AlarmId(pub IncidentId);

impl fmt::Display for AlarmId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether it is an exercise. Said in the first word of every message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Earnest {
    /// It is real.
    Alarm,
    /// It is an exercise.
    Exercise,
}

/// What people are called for. A finite list, so that no message can carry anything about a patient.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// Doors are being closed.
    CutOrdered,
    /// Something looks like an attack.
    AttackSuspected,
    /// The insurer must say yes or no.
    ConsentNeeded,
    /// Examiners are needed.
    ExaminersNeeded,
    /// Doors are about to be opened.
    ReopeningPlanned,
    /// Nothing is wrong; contacts are tested.
    ContactTest,
}

/// Whoever calls, as it stands in a message: at most [`Sender::SEPTETS_MAX`] septets of the GSM alphabet.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sender(String);

/// A text that cannot name a sender.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "Der Absender braucht 1 bis {max} Zeichen des SMS-Alphabets. / The sender needs 1 to {max} characters of the SMS alphabet.",
    max = Sender::SEPTETS_MAX
)]
pub struct BadSender;

impl Sender {
    /// Leaves room for everything else in one short message.
    pub const SEPTETS_MAX: usize = 30;

    /// The closest name that fits.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let short = gsm::name(name, Self::SEPTETS_MAX);
        Self(if short.is_empty() {
            String::from("Bulkhead")
        } else {
            short
        })
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Sender {
    type Error = BadSender;
    fn try_from(text: String) -> Result<Self, BadSender> {
        let fits = !text.trim().is_empty()
            && !text.chars().any(char::is_control)
            && gsm::septets(&text).is_some_and(|septets| septets <= Self::SEPTETS_MAX);
        if fits { Ok(Self(text)) } else { Err(BadSender) }
    }
}

impl From<Sender> for String {
    fn from(sender: Sender) -> Self {
        sender.0
    }
}

/// How long somebody is waited for before the deputy is called: 1 to 60 minutes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Patience(u8);

/// Minutes outside 1 to 60.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "Auf eine Antwort wird 1 bis 60 Minuten gewartet, nicht {0}. / An answer is waited for 1 to 60 minutes, not {0}."
)]
pub struct BadPatience(u8);

impl Patience {
    /// Time to wake up, read, and type six digits.
    pub const USUAL: Self = Self(10);

    /// As a span.
    #[must_use]
    pub const fn seconds(self) -> Seconds {
        Seconds(self.0 as u64 * 60)
    }
}

impl TryFrom<u8> for Patience {
    type Error = BadPatience;
    fn try_from(minutes: u8) -> Result<Self, BadPatience> {
        if (1..=60).contains(&minutes) {
            Ok(Self(minutes))
        } else {
            Err(BadPatience(minutes))
        }
    }
}

impl From<Patience> for u8 {
    fn from(patience: Patience) -> Self {
        patience.0
    }
}

/// One alarm.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Alarm {
    /// Its name.
    pub id: AlarmId,
    /// Real or exercise.
    pub earnest: Earnest,
    /// What for.
    pub what: What,
    /// Who calls.
    pub sender: Sender,
    /// How long anybody is waited for.
    pub patience: Patience,
}

/// A way of a person without its address: its place in the book's order of reach, and its kind.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WayRef {
    /// Its place, from 0.
    pub at: u8,
    /// How a message travels.
    pub kind: Kind,
}

/// A person, and the ways by which machines can call, the two independent ones first.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reach {
    /// Who.
    pub person: PersonId,
    /// How.
    pub ways: Vec<WayRef>,
}

/// One place to be filled: a person and those who stand in, in this order. Never empty.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seat(pub Vec<Reach>);

/// Makes the seats of everybody who has one of these duties.
#[must_use]
pub fn seats<'a>(book: &ContactBook, duties: impl IntoIterator<Item = &'a Duty>) -> Vec<Seat> {
    let mut persons: Vec<&PersonId> = duties
        .into_iter()
        .flat_map(|duty| {
            book.contacts()
                .filter(move |contact| contact.duties.contains(duty))
        })
        .map(|contact| &contact.id)
        .collect();
    persons.sort();
    persons.dedup();
    persons
        .into_iter()
        .filter_map(|id| book.contact(id))
        .map(|contact| {
            let chain = core::iter::once(&contact.id).chain(&contact.deputies);
            Seat(chain.filter_map(|id| reach(book, id)).collect())
        })
        .collect()
}

fn reach(book: &ContactBook, id: &PersonId) -> Option<Reach> {
    let contact = book.contact(id)?;
    let first = contact.first_two();
    let rest = (0..contact.ways.len()).filter(|at| !first.contains(at));
    let ways = first.iter().copied().chain(rest).filter_map(|at| {
        let kind = contact.ways.get(at)?.kind();
        let at = u8::try_from(at).ok()?;
        (kind != Kind::Paper).then_some(WayRef { at, kind })
    });
    Some(Reach {
        person: id.clone(),
        ways: ways.collect(),
    })
}

/// Names one message: alarm, person, way. The same at every try, so that a gateway and we recognise a repeat.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MessageId {
    /// Which alarm.
    pub alarm: AlarmId,
    /// To whom.
    pub person: PersonId,
    /// The way's place in the book.
    pub way: u8,
}

impl MessageId {
    /// Forty hexadecimal digits that name it to a gateway, which may have its own rules for names.
    #[must_use]
    pub fn for_gateway(&self) -> String {
        Digest::of(self.to_string().as_bytes())
            .to_string()
            .chars()
            .take(40)
            .collect()
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.alarm, self.person, self.way)
    }
}

impl FromStr for MessageId {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const RULE: &str = "a message is named alarm/person/way";
        let mut parts = text.split('/');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(alarm), Some(person), Some(way), None) => Ok(Self {
                alarm: AlarmId(alarm.parse().map_err(|_| RULE)?),
                person: person.parse().map_err(|_| RULE)?,
                way: way.parse().map_err(|_| RULE)?,
            }),
            (..) => Err(RULE),
        }
    }
}

impl Serialize for MessageId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MessageId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// Why a message did not go out. A finite list: foreign words do not enter the journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The gateway or mail server does not answer, or asks to come back later.
    Unreached,
    /// It refused our key or password.
    NotAdmitted,
    /// It refused this message.
    Refused,
    /// It answered something we cannot read.
    Garbled,
    /// It said later that the message was not delivered.
    NotDelivered,
    /// The book in use has no such way.
    NoAddress,
}

impl Cause {
    /// Whether the same way is worth another try.
    #[must_use]
    pub const fn may_pass(self) -> bool {
        match self {
            Self::Unreached | Self::Garbled | Self::NotDelivered => true,
            Self::NotAdmitted | Self::Refused | Self::NoAddress => false,
        }
    }
}

/// What a person answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Said {
    /// Coming.
    Coming,
    /// Cannot come: the deputy is called at once.
    Cannot,
}

/// How the answer came in.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Heard {
    /// By short message with the right code.
    Sms,
    /// On the answer page with the right code.
    Page,
    /// Entered by a person who spoke with them.
    Spoken {
        /// Who entered it.
        by: PersonId,
    },
}

/// One thing that happens in a call-out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Event {
    /// Somebody raised the alarm.
    Raised {
        /// The alarm.
        alarm: Alarm,
        /// Who is to be reached.
        seats: Vec<Seat>,
        /// The book the seats were made from.
        book: Digest,
    },
    /// A gateway or mail server took a message.
    Accepted {
        /// Which.
        message: MessageId,
        /// Its own name for it, if it gave one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<Reference>,
    },
    /// A message did not go out, or did not arrive.
    Failed {
        /// Which.
        message: MessageId,
        /// Why.
        cause: Cause,
    },
    /// The network says it is on the person's device.
    Delivered {
        /// Which.
        message: MessageId,
    },
    /// A person answered.
    Answered {
        /// Who.
        person: PersonId,
        /// What.
        said: Said,
        /// How we heard it.
        heard: Heard,
    },
    /// An answer came with a code that is nobody's.
    WrongCode,
    /// Time passed.
    Ticked,
    /// The alarm is over.
    Ended {
        /// Who said so.
        by: PersonId,
    },
}

/// A gateway's own name for a message: 1 to 64 letters, digits, `-`, `_`, `.`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reference(String);

impl Reference {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Reference {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let fits = (1..=64).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        if fits {
            Ok(Self(text))
        } else {
            Err("a reference is 1 to 64 letters, digits, '-', '_' or '.'")
        }
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> Self {
        reference.0
    }
}

/// An event with its time, as the journal keeps it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// When, by the room's clock.
    pub at: Timestamp,
    /// What.
    pub event: Event,
}
