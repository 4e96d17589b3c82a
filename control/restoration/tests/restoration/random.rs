//! Random estates, and random situations in them.

use std::collections::{BTreeMap, BTreeSet};

use estate::{Estate, check};
use restoration::{
    Situation,
    environment::State,
    situation::{
        Against, Assumptions, Backlog, Booking, CellFacts, ClearanceFacts, ConsentFacts, ConsentTo, Count,
        Emergency, EnvironmentFacts, Examiners, Grade, InsurerFacts, Items, Reach, RefusalFacts, RootFacts,
        RootId, RootState, Slots, Span, Stage, Standing, Window,
    },
};
use vocabulary::{CellId, EnvironmentId, Position, Seconds, Timestamp};

use crate::world::{Chance, NOW, environment, hours, ik, statement};

/// Up to five roots, eight services in any acyclic shape, seven insurers with any part of the catalogue.
pub(crate) fn estate(chance: &mut Chance) -> Estate {
    let mut text = String::from(
        "[estate]\nid = \"random\"\nname = \"Zufall\"\ntelematik = \"test\"\nsynthetic = true\n\
         [[site]]\nid = \"x\"\nname = \"X\"\n",
    );
    let mut names: Vec<String> = Vec::new();
    let roots = 1 + chance.below(5);
    for at in 0..roots {
        let needs = some(chance, &names, 3);
        text.push_str(&format!(
            "[[root]]\nid = \"r{at}\"\nname = \"R\"\nneeds = [{needs}]\n"
        ));
        names.push(format!("r{at}"));
    }
    let services = 1 + chance.below(8);
    for at in 0..services {
        let needs = some(chance, &names, 3);
        let (mtd, share, live) = (4 + chance.below(300), chance.below(100), chance.one_in(2));
        text.push_str(&format!(
            "[[service]]\nid = \"s{at}\"\nname = \"S\"\nholdable = true\nmtd-hours = {mtd}\nrto-hours = 4\n\
             affected-percent = {share}\nlivelihood = {live}\nneeds = [{needs}]\n"
        ));
        names.push(format!("s{at}"));
    }
    for at in 0..1 + chance.below(7) {
        let ik = ik(at);
        let mut own: Vec<String> = (0..services)
            .filter(|_| !chance.one_in(4))
            .map(|service| format!("\"s{service}\""))
            .collect();
        if own.is_empty() {
            own.push("\"s0\"".to_owned());
        }
        let insured = 1_000 + chance.below(3_000_000);
        text.push_str(&format!(
            "[[insurer]]\nid = \"k{at}\"\nname = \"K\"\nik = \"{ik}\"\ninsured = {insured}\nsite = \"x\"\nservices = [{}]\n",
            own.join(", ")
        ));
    }
    for _ in 0..chance.below(3) {
        let day = 24 + chance.below(7);
        text.push_str(&format!("[[calendar]]\non = 2023-04-{day}\nwhat = \"fällig\"\n"));
    }
    check(&text, "random.toml").unwrap_or_else(|mistakes| panic!("{mistakes}\n{text}"))
}

fn some(chance: &mut Chance, from: &[String], most: u64) -> String {
    let mut picked = BTreeSet::new();
    if !from.is_empty() {
        for _ in 0..chance.below(most + 1) {
            picked.insert(format!("\"{}\"", chance.pick(from)));
        }
    }
    picked.into_iter().collect::<Vec<_>>().join(", ")
}

/// A situation in which about half of everything is in order; `kind` from 0 makes it better or worse.
pub(crate) fn situation(estate: &Estate, chance: &mut Chance) -> Situation {
    let trouble = 2 + chance.below(20);
    let homes = [environment("provider"), environment("provider-2")];
    let mut environments: BTreeMap<EnvironmentId, EnvironmentFacts> = BTreeMap::new();
    for home in &homes {
        let facts = home_facts(chance, trouble * 2, &[]);
        environments.insert(home.clone(), facts);
    }
    let mut roots = BTreeMap::new();
    let mut earlier: Vec<RootId> = Vec::new();
    for root in estate.roots() {
        let id = RootId::from(&root.id);
        let needs = earlier.iter().filter(|_| chance.one_in(3)).cloned().collect();
        let state = match chance.below(trouble * 2) {
            0 => RootState::Failed {
                reason: "Platte".to_owned(),
            },
            n if n % 2 == 0 => RootState::Up,
            _ => RootState::Down,
        };
        let environment = chance.pick(&homes).clone();
        if !chance.one_in(trouble * 4) {
            roots.insert(
                id.clone(),
                RootFacts {
                    state,
                    environment,
                    needs,
                },
            );
        }
        earlier.push(id);
    }
    let mut insurers = BTreeMap::new();
    let mut cells = BTreeMap::new();
    for insurer in estate.insurers() {
        let own: Vec<CellId> = insurer
            .services
            .keys()
            .map(|service| CellId {
                insurer: insurer.id.clone(),
                service: service.clone(),
            })
            .collect();
        if !chance.one_in(trouble * 2) {
            environments.insert(
                EnvironmentId::from(insurer.id.clone()),
                home_facts(chance, trouble, &own),
            );
        }
        insurers.insert(insurer.id.clone(), said(chance, trouble, &own));
        for cell in own {
            if !chance.one_in(trouble * 4) {
                cells.insert(cell, cell_facts(chance, trouble));
            }
        }
    }
    Situation {
        now: Timestamp(NOW.0 + i64::try_from(chance.below(86_400)).unwrap()),
        roots,
        environments,
        insurers,
        cells,
        slots: Slots {
            per_hour: Count(u32::try_from(chance.below(6)).unwrap()),
            booking: if chance.one_in(3) {
                Booking::Required
            } else {
                Booking::Free
            },
        },
        examiners: Examiners {
            threshold: Count(2),
            at_once: Count(u32::try_from(chance.below(3)).unwrap()),
            each: Span::hours(4, 12),
        },
        assumptions: Assumptions {
            user_test: Span::between(Seconds(chance.below(20_000)), Seconds(chance.below(90_000))),
            root: Span::between(Seconds(chance.below(20_000)), Seconds(chance.below(90_000))),
            ..Assumptions::default()
        },
    }
}

fn soon(chance: &mut Chance) -> Timestamp {
    hours(i64::try_from(chance.below(200)).unwrap() - 10)
}

fn home_facts(chance: &mut Chance, trouble: u64, own: &[CellId]) -> EnvironmentFacts {
    let until = soon(chance);
    let bad = [
        State::Trusted,
        State::Suspect,
        State::Contained,
        State::UnderExamination,
        State::Provisional { until },
    ];
    let good = [State::Cleared, State::Restoring, State::Verifying, State::Normal];
    let state = if chance.one_in(trouble) {
        chance.pick(&bad).clone()
    } else {
        chance.pick(&good).clone()
    };
    let mut clearances = Vec::new();
    for number in 0..=chance.below(3) {
        if chance.one_in(trouble) {
            continue;
        }
        let grade = if own.is_empty() || !chance.one_in(3) {
            Grade::Full
        } else {
            Grade::Limited {
                cells: own.iter().filter(|_| !chance.one_in(3)).cloned().collect(),
                until: soon(chance),
            }
        };
        clearances.push(ClearanceFacts {
            id: statement(&format!("{number}/{}", chance.next())),
            grade,
            expires: soon(chance),
            standing: if chance.one_in(trouble) {
                Standing::Withdrawn
            } else {
                Standing::Stands
            },
        });
    }
    EnvironmentFacts {
        state,
        clearances,
        signed: Count(u32::try_from(chance.below(2)).unwrap()),
    }
}

fn said(chance: &mut Chance, trouble: u64, own: &[CellId]) -> InsurerFacts {
    let mut said = InsurerFacts::default();
    for _ in 0..=chance.below(3) {
        if chance.one_in(trouble) {
            continue;
        }
        let to = if chance.one_in(3) {
            ConsentTo::Limited {
                most: Seconds(chance.below(400_000)),
            }
        } else {
            ConsentTo::Reopening
        };
        let hour = |chance: &mut Chance| u8::try_from(chance.below(25)).unwrap();
        let hours = chance.one_in(4).then(|| (hour(chance), hour(chance)));
        said.consents.push(ConsentFacts {
            services: own
                .iter()
                .filter(|_| !chance.one_in(trouble))
                .map(|cell| cell.service.clone())
                .collect(),
            to,
            hours,
            expires: soon(chance),
        });
    }
    if chance.one_in(trouble) {
        let one = BTreeSet::from([chance.pick(own).service.clone()]);
        said.refusals.push(RefusalFacts {
            against: if chance.one_in(2) {
                Against::Everything
            } else {
                Against::Services(one)
            },
            reason: "noch nicht geprüft".to_owned(),
        });
    }
    said.ranking = own
        .iter()
        .filter(|_| chance.one_in(2))
        .map(|cell| cell.service.clone())
        .collect();
    for _ in 0..chance.below(3) {
        let from = soon(chance);
        said.booked.push(Window {
            from,
            to: Timestamp(from.0 + i64::try_from(chance.below(100_000)).unwrap()),
        });
    }
    said
}

fn cell_facts(chance: &mut Chance, trouble: u64) -> CellFacts {
    CellFacts {
        stage: match chance.below(trouble * 2) {
            0 => Stage::Failed {
                reason: "Datenbank startet nicht".to_owned(),
            },
            1 => Stage::Started,
            2 => Stage::Accepted,
            _ => Stage::Stopped,
        },
        door: if chance.one_in(trouble * 2) {
            Reach::Unreached { since: Some(NOW) }
        } else {
            Reach::Reached {
                position: Position::Held,
            }
        },
        down_since: (!chance.one_in(4)).then(|| hours(-i64::try_from(chance.below(100)).unwrap())),
        backlog: Backlog {
            items: Items(chance.below(10_000)),
            inflow: Items(chance.below(50)),
            measured: chance
                .one_in(2)
                .then(|| (Items(chance.below(100)), Items(chance.below(1_000)))),
        },
        emergency: if chance.one_in(trouble) {
            Emergency::Running
        } else {
            Emergency::None
        },
    }
}
