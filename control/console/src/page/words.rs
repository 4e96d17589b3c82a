//! States in words and shapes. No state is told by colour alone: each has a word, a shape and then a colour.

use evidence::{Grade, Level};
use vocabulary::{Class, Position};

use crate::lang::Words;

/// A state as it is shown: a style, a shape that reads without colour, and the word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sign {
    /// Name in the API, in filters and in the style sheet.
    pub(crate) slug: &'static str,
    /// The shape; hidden from screen readers, which read the word.
    pub(crate) shape: &'static str,
    /// The word, in German and English.
    pub(crate) words: Words,
}

const fn sign(slug: &'static str, shape: &'static str, words: Words) -> Sign {
    Sign { slug, shape, words }
}

/// How a position is shown.
pub(crate) const fn position(position: Position) -> Sign {
    match position {
        Position::Open => sign("open", "○", ("Offen", "Open")),
        Position::Draining => sign("draining", "◔", ("Läuft aus", "Draining")),
        Position::Held => sign("held", "◧", ("Gehalten", "Held")),
        Position::Shut => sign("shut", "■", ("Zu", "Shut")),
        Position::Islanded => sign("islanded", "◆", ("Insel", "Islanded")),
    }
}

/// How a door nobody has heard of is shown.
pub(crate) const UNKNOWN: Sign = sign("unknown", "?", ("Unbekannt", "Unknown"));

/// A grade's name in the API.
pub(crate) const fn grade(grade: Grade) -> &'static str {
    match grade {
        Grade::Ordered => "ordered",
        Grade::Applied => "applied",
        Grade::Proven => "proven",
        Grade::Failed => "failed",
    }
}

/// How a level is named.
pub(crate) const fn level(level: Level) -> (&'static str, Words) {
    match level {
        Level::Observe => ("observe", ("beobachtet", "observe")),
        Level::HoldReady => ("hold-ready", ("haltebereit", "hold-ready")),
        Level::Enforcing => ("enforcing", ("durchsetzend", "enforcing")),
    }
}

/// How a class is named, and who may lift it.
pub(crate) const fn class(class: Class) -> (&'static str, Words, Words) {
    match class {
        Class::Maintenance => (
            "maintenance",
            ("Wartung", "maintenance"),
            ("eine Einsatzleitung hebt auf", "one commander lifts it"),
        ),
        Class::Precautionary => (
            "precautionary",
            ("Vorsicht", "precautionary"),
            (
                "in der Frist heben zwei Einsatzleitungen auf, danach wie Eindämmung",
                "two commanders lift it inside the window, afterwards as containment",
            ),
        ),
        Class::Containment => (
            "containment",
            ("Eindämmung", "containment"),
            (
                "nur Freigabe, Einsatzleitung und Kasse gemeinsam heben auf",
                "only clearance, commander and insurer together lift it",
            ),
        ),
    }
}

/// How a position is shown, by its name in the API.
pub(crate) fn of_slug(slug: &str) -> Sign {
    [
        Position::Open,
        Position::Draining,
        Position::Held,
        Position::Shut,
        Position::Islanded,
    ]
    .into_iter()
    .map(position)
    .find(|sign| sign.slug == slug)
    .unwrap_or(UNKNOWN)
}

/// A grade's word with its shape, by its name in the API.
pub(crate) fn grade_of_slug(slug: &str) -> Words {
    match slug {
        "ordered" => ("… befohlen", "… ordered"),
        "applied" => ("✓ in Kraft", "✓ applied"),
        "proven" => ("✓✓ bewiesen", "✓✓ proven"),
        "failed" => ("✗ DURCHLÄSSIG", "✗ NOT TIGHT"),
        _ => ("unbekannt", "unknown"),
    }
}

/// A grade's word at a position: what is measured to be wrong with an open door is not that it leaks.
pub(crate) fn grade_at(position: &str, grade: &str) -> Words {
    if position == "open" && grade == "failed" {
        ("✗ GEHT NICHT", "✗ NOT WORKING")
    } else {
        grade_of_slug(grade)
    }
}

/// A level's word, by its name in the API.
pub(crate) fn level_of_slug(slug: &str) -> Words {
    [Level::Observe, Level::HoldReady, Level::Enforcing]
        .into_iter()
        .map(level)
        .find(|(known, _)| *known == slug)
        .map_or(("unbekannt", "unknown"), |(_, words)| words)
}

/// A class's word and who may lift it, by its name in the API.
pub(crate) fn class_of_slug(slug: &str) -> (Words, Words) {
    [Class::Maintenance, Class::Precautionary, Class::Containment]
        .into_iter()
        .map(class)
        .find(|(known, _, _)| *known == slug)
        .map_or((("unbekannt", "unknown"), ("", "")), |(_, words, lifts)| {
            (words, lifts)
        })
}

/// What happens to a flow, by its name in the API.
pub(crate) fn flow_of_slug(slug: &str) -> Words {
    match slug {
        "pass" => ("geht durch", "passes"),
        "store" => ("wird gespeichert und bestätigt", "is stored and acknowledged"),
        "refuse" => ("wird vorläufig abgewiesen", "is refused for now"),
        "stop" => ("steht", "stopped"),
        "run" => ("laufen", "run"),
        "finish-intake" => (
            "Eingang darf enden, sonst getrennt",
            "intake may finish, all else cut",
        ),
        "cut" => ("getrennt", "cut"),
        _ => ("unbekannt", "unknown"),
    }
}

/// Where a restriction came from, by its name in the API.
pub(crate) fn cause_of_slug(slug: &str) -> Words {
    match slug {
        "order" => ("Anordnung", "order"),
        "withdrawal" => ("Rücknahme", "withdrawal"),
        "enrolment" => ("neue Tür", "new door"),
        "rolled-back" => ("zurückgespielter Speicher", "store put back from an old copy"),
        "broken-promise" => ("Zusage verletzt", "promise broken"),
        _ => ("unbekannt", "unknown"),
    }
}
