//! One thing that is lacking: what, why, what to do next, and who does it.

use core::fmt;

use order::Lang;
use vocabulary::{InsurerId, PersonId, ServiceId, SiteId, Timestamp};

use super::facts::Level;
use crate::words::{Days, Words, date};

/// What can be lacking.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Item {
    /// A key of a person who may say yes or no for the insurer, or who acts for the provider.
    Key(PersonId),
    /// Enough persons who may say yes, with keys in use.
    Consenters,
    /// Enough persons who may say no, with keys in use.
    Refusers,
    /// Enough commanders with keys in use.
    Commanders,
    /// Enough examiners with keys in use.
    Examiners,
    /// The insurer's decision in peace about a service.
    StandingConsent(ServiceId),
    /// The emergency KIM key.
    EmergencyKey,
    /// The sealed copy an emergency run of a service needs.
    SealedCopy(ServiceId),
    /// How far the door is adopted.
    DoorLevel,
    /// The proof that the closed door lets nothing through.
    DoorProof,
    /// The responders' way into a site whose doors are closed.
    WayIn(SiteId),
    /// Contacts that answered a test.
    Contacts,
    /// The notice by § 80 SGB X.
    ProcessingNotice,
    /// The attestation by § 393 SGB V.
    CloudAttestation,
    /// A test segment released with the active key.
    Release,
    /// A test segment released with the recovery key.
    Recovery,
    /// A drill with the insurer's people.
    Drill,
    /// A pre-signed closing tried at a door.
    Presigned,
}

/// Why it is lacking.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Why {
    /// It does not exist or never happened.
    Missing,
    /// Nobody has measured or entered it.
    NotKnown,
    /// It happened too long ago.
    TooOld {
        /// How long ago.
        age: Days,
        /// How long ago it may be.
        limit: Days,
    },
    /// It ended.
    Expired {
        /// When.
        at: Timestamp,
    },
    /// It claims to have happened in the future: somebody's clock is wrong.
    Ahead {
        /// The instant claimed.
        at: Timestamp,
    },
    /// There are not enough.
    TooFew {
        /// How many there are.
        have: usize,
        /// How many are needed.
        need: usize,
    },
    /// The door does less than every order asks.
    Below(Level),
}

/// Who does what is next.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Doer {
    /// This person.
    Person(PersonId),
    /// The insurer's crisis team.
    Insurer(InsurerId),
    /// The provider's operations.
    Provider,
}

/// One lack. Its sentence says what is wrong, what to do next and who does it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Lack {
    item: Item,
    why: Why,
    doer: Doer,
}

impl Lack {
    pub(super) const fn new(item: Item, why: Why, doer: Doer) -> Self {
        Self { item, why, doer }
    }

    /// What is lacking.
    #[must_use]
    pub const fn item(&self) -> &Item {
        &self.item
    }

    /// Why it is lacking.
    #[must_use]
    pub const fn why(&self) -> Why {
        self.why
    }

    /// Who does what is next.
    #[must_use]
    pub const fn doer(&self) -> &Doer {
        &self.doer
    }

    /// What is lacking and why, without the next step.
    #[must_use]
    pub fn finding(&self) -> Words {
        let (item, why) = (self.item.in_words(), self.why.in_words());
        Words::new(
            format!("{}: {}.", item.de, why.de),
            format!("{}: {}.", item.en, why.en),
        )
    }

    /// What to do next.
    #[must_use]
    pub fn next(&self) -> Words {
        self.item.next(self.why)
    }

    /// The whole sentence in one language.
    #[must_use]
    pub fn sentence(&self, lang: Lang) -> String {
        let (finding, next, doer) = (self.finding(), self.next(), self.doer.in_words());
        format!(
            "{} {} {}: {}.",
            finding.in_lang(lang),
            next.in_lang(lang),
            lang.of("Zuständig", "By"),
            doer.in_lang(lang)
        )
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} / {}", self.sentence(Lang::De), self.sentence(Lang::En))
    }
}

impl Doer {
    /// Its name.
    #[must_use]
    pub fn in_words(&self) -> Words {
        match self {
            Self::Person(person) => Words::new(person.as_str(), person.as_str()),
            Self::Insurer(insurer) => Words::new(
                format!("Krisenstab der Kasse {insurer}"),
                format!("crisis team of insurer {insurer}"),
            ),
            Self::Provider => Words::new("Betrieb des Dienstleisters", "the provider's operations"),
        }
    }
}

impl Why {
    /// Why, as the second half of a finding.
    #[must_use]
    pub fn in_words(self) -> Words {
        match self {
            Self::Missing => Words::new("fehlt", "missing"),
            Self::NotKnown => Words::new("nicht bekannt", "not known"),
            Self::TooOld { age, limit } => Words::new(
                format!("zuletzt vor {} Tagen, Grenze {}", age.0, limit.0),
                format!("last {} ago, limit {}", age.in_words(Lang::En), limit.0),
            ),
            Self::Expired { at } => Words::new(
                format!("abgelaufen am {}", date(at, Lang::De)),
                format!("expired on {}", date(at, Lang::En)),
            ),
            Self::Ahead { at } => Words::new(
                format!("angeblich am {}, also in der Zukunft", date(at, Lang::De)),
                format!("said to be of {}, which is in the future", date(at, Lang::En)),
            ),
            Self::TooFew { have, need } => Words::new(
                format!("{have}, gebraucht werden {need}"),
                format!("{have}, {need} are needed"),
            ),
            Self::Below(level) => level.in_words(),
        }
    }
}

impl Level {
    /// The level, as people name it.
    #[must_use]
    pub fn in_words(self) -> Words {
        match self {
            Self::NotKnown => Words::new("nicht bekannt", "not known"),
            Self::Observe => Words::new("beobachtet nur", "observes only"),
            Self::HoldReady => Words::new(
                "haltebereit, setzt noch nicht alles durch",
                "ready to hold, does not enforce everything yet",
            ),
            Self::Enforcing => Words::new("setzt durch", "enforces"),
        }
    }
}
