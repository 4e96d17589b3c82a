//! From text to [`Script`].

use estate::{
    Estate, Mistakes, Trouble,
    reading::{Reader, Section, Spotted},
};
use std::collections::BTreeSet;
use vocabulary::{Class, InsurerId, Millis, Scope, Selector, ServiceId, SiteId};

use super::{Action, Ground, Pace, Script, Step, StoryHours, Traffic};
use crate::{chance::Seed, facts::Facts};

const STEPS_MAX: usize = 1_000;
const PACE_MAX: usize = 100;
const NAMES_MAX: usize = 2_000;
/// A year in each direction: no story is longer.
const HOURS: core::ops::RangeInclusive<f64> = -8_760.0..=8_760.0;
/// Two hours: an exercise somebody watches.
const DRILL_MS_MAX: u64 = 7_200_000;

pub(super) fn read(text: &str, file: &str, estate: &Estate, facts: &Facts) -> Result<Script, Mistakes> {
    let reader = Reader::new(text, file);
    let document = reader.document();
    let root = reader.root(&document);
    let head = read_head(&root);
    let traffic = read_traffic(&root);
    let pace = read_pace(&root);
    let steps = read_steps(&root, estate, facts);
    if steps.is_empty() {
        root.needed::<()>("step", None);
    }
    check_outside(&root, &pace, &steps);
    root.finish();
    reader.finish()?;
    match (head, traffic) {
        (Some(head), Some(traffic)) => Ok(Script {
            id: head.id,
            name: head.name,
            zero: head.zero,
            offset: head.offset,
            seed: head.seed,
            traffic,
            pace: Pace(pace),
            steps: steps.into_iter().map(|step| step.value).collect(),
        }),
        // Every `None` has noted a mistake, so `finish` has returned; said once more rather than assumed.
        (None, _) | (_, None) => Err(unreadable(file)),
    }
}

fn unreadable(file: &str) -> Mistakes {
    Mistakes::from_one(estate::Mistake {
        file: file.to_owned(),
        line: 1,
        column: 1,
        at: "script".to_owned(),
        value: String::new(),
        trouble: Trouble::Missing,
    })
}

struct Head {
    id: String,
    name: String,
    zero: jiff::Timestamp,
    offset: jiff::tz::Offset,
    seed: Seed,
}

fn rule(de: impl Into<String>, en: impl Into<String>) -> Trouble {
    Trouble::Rule {
        de: de.into(),
        en: en.into(),
    }
}

fn read_head(root: &Section<'_, '_>) -> Option<Head> {
    let section = root
        .needed(
            "script",
            root.section("script").map(|s| Spotted {
                spot: s.spot(),
                value: s,
            }),
        )?
        .value;
    // Names of scripts follow the rule for all names; the type does not matter here.
    let id = section.needed("id", section.name::<ServiceId>("id"));
    let name = section.needed("name", section.text("name"));
    let zero = section.needed("zero", section.text("zero")).and_then(|text| {
        let read = read_instant(&text.value);
        if read.is_none() {
            let trouble = rule(
                "Kein Zeitpunkt mit Zeitversatz. Schreiben wie 2023-04-24T22:00:00+02:00.",
                "Not an instant with offset. Write it like 2023-04-24T22:00:00+02:00.",
            );
            section.note(text.spot, "zero", trouble);
        }
        read
    });
    let seed = section.needed("seed", section.number("seed", 0..=u64::MAX));
    section.finish();
    let (zero, offset) = zero?;
    Some(Head {
        id: id?.value.to_string(),
        name: name?.value,
        zero,
        offset,
        seed: Seed(seed?.value),
    })
}

fn read_instant(text: &str) -> Option<(jiff::Timestamp, jiff::tz::Offset)> {
    let pieces = jiff::fmt::temporal::Pieces::parse(text).ok()?;
    Some((text.parse().ok()?, pieces.to_numeric_offset()?))
}

fn read_traffic(root: &Section<'_, '_>) -> Option<Traffic> {
    let section = root
        .needed(
            "traffic",
            root.section("traffic").map(|s| Spotted {
                spot: s.spot(),
                value: s,
            }),
        )?
        .value;
    let number = |key: &'static str, low: u64, high: u64| {
        let found = section.needed(key, section.number(key, low..=high))?;
        u32::try_from(found.value).ok()
    };
    let practices = number("practices", 1, 10_000);
    let letters = number("letters", 1, 1_000_000);
    let body_bytes = number("body-bytes", 64, 1_000_000);
    let poll = number("poll-ms", 10, 60_000);
    let retry = number("retry-ms", 10, 60_000);
    let settle = number("settle-ms", 100, 600_000);
    section.finish();
    Some(Traffic {
        practices: practices?,
        letters: letters?,
        body_bytes: body_bytes?,
        poll: Millis(poll?.into()),
        retry: Millis(retry?.into()),
        settle: Millis(settle?.into()),
    })
}

fn read_pace(root: &Section<'_, '_>) -> Vec<(StoryHours, Millis)> {
    let mut points: Vec<(StoryHours, Millis)> = Vec::new();
    for section in root.sections("pace", PACE_MAX) {
        let hours = section.needed("at-hours", section.decimal("at-hours", HOURS));
        let ms = section.needed("drill-ms", section.number("drill-ms", 0..=DRILL_MS_MAX));
        if let (Some(hours), Some(ms)) = (hours, ms) {
            let later = points
                .last()
                .is_none_or(|(h, m)| hours.value > h.0 && ms.value > m.0);
            if later {
                points.push((StoryHours(hours.value), Millis(ms.value)));
            } else {
                let trouble = rule(
                    "Das Tempo muss in beiden Zahlen wachsen. Punkte ordnen.",
                    "The pace must grow in both numbers. Put the points in order.",
                );
                section.note(hours.spot, "at-hours", trouble);
            }
        }
        section.finish();
    }
    if points.len() < 2 {
        let trouble = rule(
            "Mindestens zwei [[pace]]-Punkte angeben.",
            "Give at least two [[pace]] points.",
        );
        root.note(root.spot(), "pace", trouble);
    }
    points
}

fn read_steps(root: &Section<'_, '_>, estate: &Estate, facts: &Facts) -> Vec<Spotted<Step>> {
    let mut steps: Vec<Spotted<Step>> = Vec::new();
    for section in root.sections("step", STEPS_MAX) {
        let at = section.needed("at-hours", section.decimal("at-hours", HOURS));
        let action = read_action(&section, estate);
        let ground = read_ground(&section, at.as_ref(), facts);
        if let (Some(at), Some(action), Some(ground)) = (at, action, ground) {
            if steps.last().is_some_and(|last| at.value < last.value.at.0) {
                let trouble = rule(
                    "Schritte stehen nach Stunden geordnet. Diesen weiter vorn einfügen.",
                    "Steps stand by hour. Move this one further up.",
                );
                section.note(at.spot, "at-hours", trouble);
            }
            steps.push(Spotted {
                value: Step {
                    at: StoryHours(at.value),
                    action,
                    ground,
                },
                spot: at.spot,
            });
        }
        section.finish();
    }
    steps
}

/// A step outside the pace would happen at its first or last instant without anybody having said so.
fn check_outside(root: &Section<'_, '_>, pace: &[(StoryHours, Millis)], steps: &[Spotted<Step>]) {
    let (Some((first, _)), Some((last, _))) = (pace.first(), pace.last()) else {
        return;
    };
    for step in steps {
        if step.value.at < *first || step.value.at > *last {
            let trouble = rule(
                format!(
                    "Der Schritt liegt außerhalb des Tempos ({} bis {} h). [[pace]] erweitern.",
                    first.0, last.0
                ),
                format!(
                    "The step lies outside the pace ({} to {} h). Extend [[pace]].",
                    first.0, last.0
                ),
            );
            root.note(step.spot, "step.at-hours", trouble);
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    OpenTraffic,
    CloseTraffic,
    KeysGone,
    KeysBack,
    ServerOff,
    ServerOn,
    Cut,
    Shut,
    Provisional,
    ReShut,
    Clear,
    Open,
    Certificate,
}

const WORDS: [(&str, Word); 13] = [
    ("open-traffic", Word::OpenTraffic),
    ("close-traffic", Word::CloseTraffic),
    ("keys-gone", Word::KeysGone),
    ("keys-back", Word::KeysBack),
    ("server-off", Word::ServerOff),
    ("server-on", Word::ServerOn),
    ("cut", Word::Cut),
    ("shut", Word::Shut),
    ("provisional", Word::Provisional),
    ("re-shut", Word::ReShut),
    ("clear", Word::Clear),
    ("open", Word::Open),
    ("certificate", Word::Certificate),
];

const CLASSES: [(&str, Class); 3] = [
    ("maintenance", Class::Maintenance),
    ("precautionary", Class::Precautionary),
    ("containment", Class::Containment),
];

fn read_action(section: &Section<'_, '_>, estate: &Estate) -> Option<Action> {
    let word = section.needed("action", section.word("action", &WORDS))?.value;
    let scope = |section| read_scope(section, estate);
    Some(match word {
        Word::OpenTraffic => Action::OpenTraffic,
        Word::CloseTraffic => Action::CloseTraffic,
        Word::KeysGone => Action::KeysGone,
        Word::KeysBack => Action::KeysBack,
        Word::ServerOff => Action::ServerOff,
        Word::ServerOn => Action::ServerOn,
        Word::Certificate => Action::Certificate,
        Word::Cut => {
            let class = section.needed("class", section.word("class", &CLASSES));
            Action::Cut {
                scope: scope(section)?,
                class: class?.value,
            }
        }
        Word::Shut => {
            let class = section.needed("class", section.word("class", &CLASSES));
            Action::Shut {
                scope: scope(section)?,
                class: class?.value,
            }
        }
        Word::Provisional => {
            let hours = section.needed("hours", section.decimal("hours", 0.1..=240.0));
            Action::Provisional {
                scope: scope(section)?,
                hours: StoryHours(hours?.value),
            }
        }
        Word::ReShut => Action::ReShut {
            scope: scope(section)?,
        },
        Word::Clear => Action::Clear {
            scope: scope(section)?,
        },
        Word::Open => Action::Open {
            scope: scope(section)?,
        },
    })
}

fn read_scope(step: &Section<'_, '_>, estate: &Estate) -> Option<Scope> {
    let section = step
        .needed(
            "scope",
            step.section("scope").map(|s| Spotted {
                spot: s.spot(),
                value: s,
            }),
        )?
        .value;
    let all = section.flag("all");
    let sites = read_names::<SiteId>(&section, "sites", |id| estate.sites().any(|site| site.id == *id));
    let insurers = read_names::<InsurerId>(&section, "insurers", |id| estate.insurer(id).is_some());
    let services = read_names::<ServiceId>(&section, "services", |id| estate.service(id).is_some());
    let named = sites.is_some() || insurers.is_some() || services.is_some();
    let everything = all.is_some_and(|flag| flag.value);
    let spot = section.spot();
    if everything == named {
        let trouble = rule(
            "Entweder all = true oder sites, insurers, services angeben.",
            "Give either all = true or sites, insurers, services.",
        );
        section.note(spot, "all", trouble);
    }
    section.finish();
    Some(Scope(vec![Selector {
        sites,
        insurers,
        services,
    }]))
}

fn read_names<T>(
    section: &Section<'_, '_>,
    key: &'static str,
    known: impl Fn(&T) -> bool,
) -> Option<BTreeSet<T>>
where
    T: core::str::FromStr<Err = vocabulary::BadId> + Ord,
{
    let names = section.names::<T>(key, NAMES_MAX)?;
    let mut set = BTreeSet::new();
    for name in names.value {
        if !known(&name.value) {
            let kind = ("einen Eintrag der Landschaft", "entry of the estate");
            section.note(
                name.spot,
                key,
                Trouble::Dangling {
                    kind,
                    known: format!("estate.toml: {key}"),
                },
            );
        }
        set.insert(name.value);
    }
    Some(set)
}

fn read_ground(section: &Section<'_, '_>, at: Option<&Spotted<f64>>, facts: &Facts) -> Option<Ground> {
    let assumed = section.flag("assumed");
    let because = section.text("because");
    let fact = section.text("fact");
    match (assumed.is_some_and(|flag| flag.value), because, fact) {
        (true, Some(because), None) => Some(Ground::Assumed(because.value)),
        (false, None, Some(fact)) => {
            let known = facts.events.iter().any(|event| {
                let same_hour = at.is_some_and(|at| (at.value - event.at.0).abs() < 0.05);
                same_hour && is_named(event, &fact.value)
            });
            if !known {
                let trouble = rule(
                    "Zu dieser Stunde ist das nicht berichtet. Stunde und Dienst/Ereignis aus den Tatsachen nehmen, oder assumed = true mit because.",
                    "This is not reported for this hour. Take hour and service/event from the facts, or assumed = true with because.",
                );
                section.note(fact.spot, "fact", trouble);
            }
            Some(Ground::Fact(fact.value))
        }
        (true | false, _, _) => {
            let trouble = rule(
                "Jeder Schritt ist berichtet (fact) oder angenommen (assumed = true mit because), nicht beides.",
                "Every step is reported (fact) or assumed (assumed = true with because), not both.",
            );
            section.note(section.spot(), "assumed", trouble);
            None
        }
    }
}

fn is_named(event: &crate::facts::Event, name: &str) -> bool {
    let Some((service, kind)) = name.split_once('/') else {
        return false;
    };
    event.service == service && event.kind.word() == kind
}
