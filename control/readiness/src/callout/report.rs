//! Who has not answered, and how everything stands.

use core::fmt::Write as _;

use order::Lang;
use vocabulary::{PersonId, Timestamp};

use super::{
    event::{Cause, Said, WayRef},
    state::{Called, Calling, Filling, Sent},
};
use crate::words::minute;

/// Somebody who was called and has not answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unanswered<'a> {
    /// Who.
    pub person: &'a PersonId,
    /// Called since when.
    pub since: Timestamp,
    /// What was sent and where each message stands.
    pub messages: Vec<(WayRef, &'a Sent)>,
}

/// Counts of a call-out. Every seat is in exactly one of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Somebody comes.
    pub filled: usize,
    /// Still waiting.
    pub waiting: usize,
    /// Nobody of the chain was reached.
    pub not_reached: usize,
}

impl Calling {
    /// Everybody called who has not answered, by id.
    #[must_use]
    pub fn unanswered(&self) -> Vec<Unanswered<'_>> {
        self.called
            .iter()
            .filter(|(_, called)| called.answer.is_none())
            .map(|(person, called)| Unanswered {
                person,
                since: called.since,
                messages: called.messages.iter().map(|(way, sent)| (*way, sent)).collect(),
            })
            .collect()
    }

    /// How many seats are filled, waiting, not reached.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for (_, filling) in &self.seats {
            let count = match filling {
                Filling::Filled { .. } => &mut counts.filled,
                Filling::Waiting { .. } => &mut counts.waiting,
                Filling::NotReached { .. } => &mut counts.not_reached,
            };
            *count = count.saturating_add(1);
        }
        counts
    }

    /// The whole call-out as text: counts first, then everybody who has not answered, then who has.
    #[must_use]
    pub fn in_words(&self, lang: Lang) -> String {
        let counts = self.counts();
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _infallible = writeln!(
            text,
            "{} {} · {} · {}",
            self.alarm.earnest.in_words(lang),
            self.alarm.id,
            self.alarm.what.in_words().in_lang(lang),
            minute(self.raised, lang)
        );
        let _infallible = match lang {
            Lang::De => writeln!(
                text,
                "{} besetzt, {} warten, {} nicht erreicht.",
                counts.filled, counts.waiting, counts.not_reached
            ),
            Lang::En => writeln!(
                text,
                "{} filled, {} waiting, {} not reached.",
                counts.filled, counts.waiting, counts.not_reached
            ),
        };
        let heading = lang.of("Ohne Antwort:", "No answer:");
        for (at, one) in self.unanswered().iter().enumerate() {
            if at == 0 {
                let _infallible = writeln!(text, "{heading}");
            }
            let _infallible = writeln!(
                text,
                "  {} {} {}: {}",
                one.person,
                lang.of("seit", "since"),
                minute(one.since, lang),
                messages(one, lang)
            );
        }
        for (person, called) in &self.called {
            write_answer(&mut text, person, called, lang);
        }
        text
    }
}

fn messages(one: &Unanswered<'_>, lang: Lang) -> String {
    if one.messages.is_empty() {
        return lang
            .of(
                "kein Weg für Maschinen, bitte selbst anrufen",
                "no way for machines, please call",
            )
            .to_owned();
    }
    let parts: Vec<String> = one
        .messages
        .iter()
        .map(|(way, sent)| format!("{} {}", way.kind.in_words(lang), sent.in_words(lang)))
        .collect();
    parts.join(", ")
}

fn write_answer(text: &mut String, person: &PersonId, called: &Called, lang: Lang) {
    let Some(answer) = &called.answer else {
        return;
    };
    let said = match (answer.said, lang) {
        (Said::Coming, Lang::De) => "kommt",
        (Said::Coming, Lang::En) => "is coming",
        (Said::Cannot, Lang::De) => "kann nicht",
        (Said::Cannot, Lang::En) => "cannot come",
    };
    let _infallible = writeln!(text, "  {person} {said} ({})", minute(answer.at, lang));
}

impl Sent {
    /// Where a message stands, in one or two words.
    #[must_use]
    pub fn in_words(&self, lang: Lang) -> String {
        match self {
            Self::InDoubt { .. } => lang.of("unterwegs", "on its way").to_owned(),
            Self::Accepted { .. } => lang.of("angenommen", "accepted").to_owned(),
            Self::Delivered { .. } => lang.of("zugestellt", "delivered").to_owned(),
            Self::Failed { cause, .. } => {
                format!(
                    "{} ({})",
                    lang.of("wird wiederholt", "is tried again"),
                    cause.in_words(lang)
                )
            }
            Self::GivenUp { cause, .. } => {
                format!("{} ({})", lang.of("gescheitert", "failed"), cause.in_words(lang))
            }
        }
    }
}

impl Cause {
    /// Why, in a few words.
    #[must_use]
    pub const fn in_words(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Self::Unreached, Lang::De) => "Versanddienst antwortet nicht",
            (Self::Unreached, Lang::En) => "gateway does not answer",
            (Self::NotAdmitted, Lang::De) => "Versanddienst weist unseren Schlüssel ab",
            (Self::NotAdmitted, Lang::En) => "gateway refuses our key",
            (Self::Refused, Lang::De) => "Versanddienst weist die Nachricht ab",
            (Self::Refused, Lang::En) => "gateway refuses the message",
            (Self::Garbled, Lang::De) => "Antwort des Versanddienstes unlesbar",
            (Self::Garbled, Lang::En) => "gateway's answer is unreadable",
            (Self::NotDelivered, Lang::De) => "nicht zugestellt",
            (Self::NotDelivered, Lang::En) => "not delivered",
            (Self::NoAddress, Lang::De) => "Weg steht nicht mehr im Kontaktbuch",
            (Self::NoAddress, Lang::En) => "way is no longer in the contact book",
        }
    }
}
