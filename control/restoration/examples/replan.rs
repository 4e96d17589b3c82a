//! Benchmark: a new plan for 4,000 cells. Run in release; prints one JSON line per case.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a benchmark stops at the first surprise"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    io::Write as _,
    time::Instant,
};

use estate::{Estate, Ik, check};
use restoration::{
    Lang, Plan, Situation,
    environment::State,
    promises::plan_1,
    render,
    run::{Progress, decide},
    situation::{
        Assumptions, Backlog, Booking, CellFacts, ClearanceFacts, ConsentFacts, ConsentTo, Count, Emergency,
        EnvironmentFacts, Examiners, Grade, InsurerFacts, Items, Reach, RootFacts, RootId, RootState, Slots,
        Span, Stage, Standing, Window,
    },
};
use vocabulary::{CellId, Digest, EnvironmentId, Position, StatementId, Timestamp};

const INSURERS: u64 = 400;
const SERVICES: u64 = 10;
const NOW: Timestamp = Timestamp(1_682_568_000);
const RUNS: usize = 5;

fn main() {
    let estate = estate();
    for (name, cleared_share, booking, per_hour) in [
        ("all signed, 100 per hour", 1, Booking::Free, 100),
        ("half signed, booked slots, 20 per hour", 2, Booking::Required, 20),
        ("nothing signed", u64::MAX, Booking::Free, 100),
    ] {
        let situation = situation(&estate, cleared_share, booking, per_hour);
        let (plan, made) = best(|| Plan::make(&estate, &situation));
        let (_, checked) = best(|| plan_1(&estate, &situation, &plan).unwrap());
        let (text, rendered) = best(|| render(&plan, &estate, Lang::De));
        let (_, decided) = best(|| decide(&estate, &plan, Progress::begin(&plan), &situation));
        let line = format!(
            "{{\"case\":\"{name}\",\"cells\":{},\"planned\":{},\"waves\":{},\"waiting\":{},\"planMs\":{made:.1},\
             \"plan1Ms\":{checked:.1},\"textMs\":{rendered:.1},\"textBytes\":{},\"decideMs\":{decided:.1}}}\n",
            estate.doors().count(),
            plan.steps().count(),
            plan.waves().len(),
            plan.waiting().len(),
            text.len(),
        );
        std::io::stdout().write_all(line.as_bytes()).unwrap();
    }
}

/// The best of some runs, in milliseconds.
fn best<T>(run: impl Fn() -> T) -> (T, f64) {
    let mut least = f64::MAX;
    let mut last = None;
    for _ in 0..RUNS {
        let begun = Instant::now();
        last = Some(run());
        least = least.min(begun.elapsed().as_secs_f64() * 1_000.0);
    }
    (last.unwrap(), least)
}

fn estate() -> Estate {
    let mut text = String::from(
        "[estate]\nid = \"big\"\nname = \"Groß\"\ntelematik = \"test\"\nsynthetic = true\n[[site]]\nid = \"x\"\nname = \"X\"\n",
    );
    for (id, needs) in [
        ("network", ""),
        ("dns", "\"network\""),
        ("identity", "\"dns\""),
        ("keys", "\"identity\""),
    ] {
        let _infallible = write!(
            text,
            "[[root]]\nid = \"{id}\"\nname = \"{id}\"\nneeds = [{needs}]\n"
        );
    }
    for at in 0..SERVICES {
        let needs = match at {
            0 | 1 => "\"keys\"".to_owned(),
            _ => format!("\"s{}\"", at / 2),
        };
        let _infallible = write!(
            text,
            "[[service]]\nid = \"s{at}\"\nname = \"S\"\nholdable = true\nmtd-hours = {}\nrto-hours = 4\n\
             affected-percent = {}\nlivelihood = {}\nneeds = [{needs}]\n",
            8 + at * 24,
            1 + at,
            at % 3 == 0
        );
    }
    for at in 0..INSURERS {
        let ik: Ik = (0..10)
            .find_map(|digit| format!("99{at:06}{digit}").parse().ok())
            .unwrap();
        let insured = 20_000 + (at * 7_919) % 1_000_000;
        let _infallible = write!(
            text,
            "[[insurer]]\nid = \"k{at}\"\nname = \"K\"\nik = \"{ik}\"\ninsured = {insured}\nsite = \"x\"\n"
        );
    }
    for day in 1..30 {
        let _infallible = write!(text, "[[calendar]]\non = 2023-05-{day:02}\nwhat = \"fällig\"\n");
    }
    check(&text, "big.toml").unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn situation(estate: &Estate, cleared_share: u64, booking: Booking, per_hour: u32) -> Situation {
    let later = Timestamp(NOW.0 + 30 * 86_400);
    let provider: EnvironmentId = "provider".parse().unwrap();
    let full = |name: &str| EnvironmentFacts {
        state: State::Cleared,
        clearances: vec![ClearanceFacts {
            id: StatementId(Digest::of(name.as_bytes())),
            grade: Grade::Full,
            expires: later,
            standing: Standing::Stands,
        }],
        signed: Count(0),
    };
    let mut environments = BTreeMap::from([(provider.clone(), full("provider"))]);
    let (mut insurers, mut cells) = (BTreeMap::new(), BTreeMap::new());
    for (at, insurer) in (1_u64..).zip(estate.insurers()) {
        if at % cleared_share == 0 {
            environments.insert(insurer.id.clone().into(), full(insurer.id.as_str()));
            let from = Timestamp(NOW.0 + i64::try_from(at % 200).unwrap() * 3_600);
            let said = InsurerFacts {
                consents: vec![ConsentFacts {
                    services: insurer.services.keys().cloned().collect(),
                    to: ConsentTo::Reopening,
                    hours: None,
                    expires: later,
                }],
                refusals: Vec::new(),
                ranking: insurer.services.keys().rev().cloned().collect(),
                booked: vec![Window {
                    from,
                    to: Timestamp(from.0 + 86_400),
                }],
            };
            insurers.insert(insurer.id.clone(), said);
        }
        for service in insurer.services.keys() {
            let cell = CellId {
                insurer: insurer.id.clone(),
                service: service.clone(),
            };
            cells.insert(cell, cell_facts(at));
        }
    }
    let mut below: BTreeSet<RootId> = BTreeSet::new();
    let mut roots = BTreeMap::new();
    for node in estate.in_dependency_order() {
        if estate.roots().any(|root| root.id == *node) {
            let facts = RootFacts {
                state: RootState::Down,
                environment: provider.clone(),
                needs: below.clone(),
            };
            roots.insert(RootId::from(node), facts);
            below = BTreeSet::from([RootId::from(node)]);
        }
    }
    Situation {
        now: NOW,
        roots,
        environments,
        insurers,
        cells,
        slots: Slots {
            per_hour: Count(per_hour),
            booking,
        },
        examiners: Examiners {
            threshold: Count(2),
            at_once: Count(4),
            each: Span::hours(4, 24),
        },
        assumptions: Assumptions::default(),
    }
}

fn cell_facts(at: u64) -> CellFacts {
    CellFacts {
        stage: Stage::Stopped,
        door: Reach::Reached {
            position: Position::Held,
        },
        down_since: Some(Timestamp(NOW.0 - 40_000)),
        backlog: Backlog {
            items: Items(at * 100),
            inflow: Items(10),
            measured: Some((Items(500), Items(900))),
        },
        emergency: Emergency::None,
    }
}
