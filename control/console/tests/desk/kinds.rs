//! One input for every kind of draft.

use std::collections::{BTreeMap, BTreeSet};

use clearance::{Against, Basis, Grade, StandingFor, Withdraws};
use console::draft::{
    Agree, Clear, Decline, Delegate, Desk, Draft, OnCall, Pledge, RaiseClass, Refused, Reopen, TakeBack,
};
use order::{Becomes, Rate, Stance};
use vocabulary::{Class, Flow, InsurerId, Scope, Seconds, StatementId};

use super::{HOUR, T0, World, after, clear_of, cut_of, door_id, hold, person, restriction, services, text};

pub const DAY: Seconds = Seconds(24 * HOUR);

pub fn reopen(doors: &[&str], becomes: Becomes, clearances: &[StatementId]) -> Reopen {
    Reopen {
        doors: doors.iter().map(|name| door_id(name)).collect(),
        becomes,
        clearances: clearances.iter().copied().collect(),
        lifts: BTreeMap::new(),
        reason: text("Wiederanlauf"),
        lasts: Seconds(HOUR),
    }
}

pub fn kasse(number: u32) -> InsurerId {
    format!("kasse-{number:03}").parse().unwrap()
}

pub fn standing_order(class: Class) -> OnCall {
    OnCall {
        scope_max: services(&["kim"]),
        stance: Stance::Contain,
        class,
        drain: None,
        detectors: BTreeSet::from(["canary".parse().unwrap()]),
        rate: Rate {
            uses: 2.try_into().unwrap(),
            window: DAY,
        },
        reason: text("nachts"),
        lasts: Seconds(90 * 24 * HOUR),
    }
}

pub fn pledge(services: &[&str]) -> Pledge {
    Pledge {
        insurer: kasse(1),
        services: services.iter().map(|name| name.parse().unwrap()).collect(),
        to: StandingFor::Reopening,
        hours: Some((6, 20)),
        lasts: Seconds(90 * 24 * HOUR),
    }
}

pub fn delegate() -> Delegate {
    Delegate {
        person: person("helferin", "forensik-zwei", &[]),
        environments: BTreeSet::from(["kasse-001".parse().unwrap()]),
        reason: text("Verstärkung"),
        lasts: Seconds(7 * 24 * HOUR),
    }
}

/// A door held by containment, a clearance for it, and an opening of it in the log.
pub fn night() -> (World, StatementId, StatementId) {
    let mut world = World::new();
    world.change("kasse-001/kim", |door| {
        hold(door, restriction("one"), Class::Containment)
    });
    let cleared = world
        .at(T0, |desk| desk.clear(clear_of("kasse-001", &[])))
        .unwrap();
    let cleared = world.admit(&cleared, &["forensik-1", "forensik-aussen"], T0);
    let opened = world
        .at(T0, |desk| {
            desk.reopen(reopen(&["kasse-001/kim"], Becomes::Open, &[cleared]))
        })
        .unwrap();
    let opened = world.admit(&opened, &["leitung-1"], T0);
    (world, cleared, opened)
}

pub type Make = Box<dyn Fn(&Desk<'_>) -> Result<Draft, Refused>>;

/// Every kind of draft, its words, and persons who fill it, the last of whom completes it.
pub fn every_kind(
    cleared: StatementId,
    opened: StatementId,
) -> Vec<(Make, &'static str, &'static [&'static str])> {
    vec![
        (
            Box::new(|desk| desk.cut(cut_of(Scope::everything(), Class::Precautionary))),
            "SCHLIESSEN in muster: ALLES (die ganze Landschaft) (12 Zellen, 3 Kassen, 600 Versicherte)",
            &["leitung-2"],
        ),
        (
            Box::new(|desk| {
                desk.raise(RaiseClass {
                    scope: Scope::insurer(kasse(1)),
                    to: Class::Containment,
                    only: None,
                    reason: text("Befund"),
                })
            }),
            "ANHEBEN",
            &["kasse-001-nein"],
        ),
        (
            Box::new(|desk| desk.reopen(reopen(&["kasse-001/kim"], Becomes::Open, &[]))),
            "ÖFFNEN: 1 Sperren werden aufgehoben, Regelbetrieb, in muster an 1 Türen (1 Zellen, 1 Kassen, 20 Versicherte): kasse-001/kim (Stand 7)",
            &["leitung-1"],
        ),
        (
            Box::new(|desk| {
                desk.reopen(reopen(
                    &["kasse-001/kim"],
                    Becomes::Limited { until: after(10) },
                    &[],
                ))
            }),
            "TEILBETRIEB",
            &["leitung-1"],
        ),
        (
            Box::new(|desk| {
                desk.reopen(reopen(
                    &["kasse-001/kim"],
                    Becomes::Emergency {
                        environment: "notbetrieb".parse().unwrap(),
                        identity: "age1not".parse().unwrap(),
                        until: after(10),
                    },
                    &[],
                ))
            }),
            "NOTBETRIEB",
            &["leitung-1"],
        ),
        (
            Box::new(|desk| desk.clear(clear_of("kasse-001", &[]))),
            "VOLLE FREIGABE",
            &["forensik-1", "forensik-aussen"],
        ),
        (
            Box::new(|desk| {
                desk.clear(Clear {
                    grade: limited(),
                    ..clear_of("kasse-001", &[])
                })
            }),
            "BEGRENZTE FREIGABE",
            &["forensik-aussen", "forensik-2"],
        ),
        (
            Box::new(|desk| {
                desk.clear(Clear {
                    basis: Basis::NotEndangered {
                        because: text("nie verbunden"),
                    },
                    ..clear_of("kasse-002", &[])
                })
            }),
            "nicht gefährdet, weil „nie verbunden“",
            &["forensik-1", "forensik-aussen"],
        ),
        (
            Box::new(|desk| {
                desk.clear(Clear {
                    basis: Basis::SignalExplained {
                        signal: "signal-1".parse().unwrap(),
                    },
                    ..clear_of("kasse-002", &[])
                })
            }),
            "Signal signal-1 ist erklärt",
            &["forensik-1", "forensik-aussen"],
        ),
        (
            Box::new(move |desk| {
                desk.take_back(TakeBack {
                    withdraws: Withdraws::Clearance(cleared),
                    reason: text("neuer Befund"),
                })
            }),
            "ZURÜCKZIEHEN",
            &["kasse-001-ja"],
        ),
        (
            Box::new(move |desk| {
                desk.agree(Agree {
                    insurer: kasse(1),
                    opening: opened,
                    rewrapped: Vec::new(),
                    lasts: DAY,
                })
            }),
            "ZUSTIMMUNG der Kasse kasse-001",
            &["kasse-001-ja-2"],
        ),
        (
            Box::new(|desk| {
                desk.decline(Decline {
                    insurer: kasse(1),
                    against: Against::Everything,
                    reason: text("noch nicht"),
                })
            }),
            "ABLEHNUNG der Kasse kasse-001",
            &["kasse-001-nein"],
        ),
        (
            Box::new(|desk| desk.pledge(pledge(&["kim"]))),
            "DAUERZUSTIMMUNG",
            &["kasse-001-ja"],
        ),
        (
            Box::new(|desk| desk.on_call(standing_order(Class::Containment))),
            "DAUERBEFEHL",
            &["leitung-1"],
        ),
        (
            Box::new(|desk| desk.delegate(delegate())),
            "BEAUFTRAGUNG",
            &["leitung-1", "forensik-aussen"],
        ),
    ]
}

pub fn limited() -> Grade {
    Grade::Limited {
        cells: BTreeSet::from(["kasse-001/kim".parse().unwrap()]),
        peers: None,
        directions: BTreeSet::from([Flow::Fetch]),
        until: after(12),
    }
}
