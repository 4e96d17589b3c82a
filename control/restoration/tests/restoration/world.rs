//! Estates and situations for the tests.

use std::collections::{BTreeMap, BTreeSet};

use estate::{Estate, Ik, Seed, check, sample};
use restoration::{
    Situation,
    environment::State,
    situation::{
        Assumptions, Backlog, Booking, CellFacts, ClearanceFacts, ConsentFacts, ConsentTo, Count, Emergency,
        EnvironmentFacts, Examiners, Grade, InsurerFacts, Reach, RootFacts, RootId, RootState, Slots, Span,
        Stage, Standing,
    },
};
use vocabulary::{
    CellId, Digest, EnvironmentId, InsurerId, Position, Seconds, ServiceId, StatementId, Timestamp,
};

/// Thursday 2023-04-27, 04:00 UTC.
pub(crate) const NOW: Timestamp = Timestamp(1_682_568_000);
pub(crate) const HOUR: i64 = 3_600;

pub(crate) fn hours(number: i64) -> Timestamp {
    Timestamp(NOW.0 + number * HOUR)
}

pub(crate) fn cell(text: &str) -> CellId {
    text.parse().unwrap()
}

pub(crate) fn insurer(text: &str) -> InsurerId {
    text.parse().unwrap()
}

pub(crate) fn service(text: &str) -> ServiceId {
    text.parse().unwrap()
}

pub(crate) fn environment(text: &str) -> EnvironmentId {
    text.parse().unwrap()
}

pub(crate) fn root(text: &str) -> RootId {
    RootId(text.to_owned())
}

pub(crate) fn statement(text: &str) -> StatementId {
    StatementId(Digest::of(text.as_bytes()))
}

/// The sample of 80 insurers and eight services.
pub(crate) fn big() -> Estate {
    check(&sample(Seed(1)), "sample.toml").unwrap()
}

/// Three insurers, two roots, four services: `eau` needs `kim`, `kim` needs `mail`, `mail` needs `dns`; `payments` and
/// `statistics` need `dns`.
pub(crate) fn small() -> Estate {
    let mut text = String::from(
        r#"
[estate]
id = "small"
name = "Klein"
telematik = "test"
synthetic = true
[[site]]
id = "essen"
name = "Essen"
[[root]]
id = "dns"
name = "Namen"
[[root]]
id = "mail"
name = "Post"
needs = ["dns"]
[[calendar]]
on = 2023-04-28
what = "Beiträge fällig"
services = ["statistics"]
insurers = ["c"]
"#,
    );
    for (id, mtd, live, needs) in [
        ("kim", 72, false, "mail"),
        ("eau", 24, true, "kim"),
        ("payments", 48, true, "dns"),
        ("statistics", 336, false, "dns"),
    ] {
        text.push_str(&format!(
            "[[service]]\nid = \"{id}\"\nname = \"{id}\"\nholdable = true\nmtd-hours = {mtd}\nrto-hours = 4\n\
             affected-percent = 10\nlivelihood = {live}\nneeds = [\"{needs}\"]\n"
        ));
    }
    for (number, (id, insured)) in [("a", 1_000_000), ("b", 50_000), ("c", 20_000)]
        .into_iter()
        .enumerate()
    {
        let ik = ik(number as u64);
        text.push_str(&format!(
            "[[insurer]]\nid = \"{id}\"\nname = \"{id}\"\nik = \"{ik}\"\ninsured = {insured}\nsite = \"essen\"\n\
             mailboxes = [\"eau@{id}.kim.telematik-test\"]\n"
        ));
    }
    check(&text, "small.toml").unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// An institution number of the range for tests, with its check digit.
pub(crate) fn ik(number: u64) -> Ik {
    (0..10)
        .find_map(|digit| format!("99{number:06}{digit}").parse().ok())
        .unwrap()
}

fn root_needs(name: &str) -> BTreeSet<RootId> {
    let needs: &[&str] = match name {
        "dns" => &["network"],
        "identity" => &["dns"],
        "keys" => &["identity"],
        "mail" => &["dns", "keys"],
        _ => &[],
    };
    needs.iter().map(|name| root(name)).collect()
}

pub(crate) fn full(id: &str) -> ClearanceFacts {
    ClearanceFacts {
        id: statement(id),
        grade: Grade::Full,
        expires: hours(24 * 30),
        standing: Standing::Stands,
    }
}

pub(crate) fn cleared(id: &str) -> EnvironmentFacts {
    EnvironmentFacts {
        state: State::Cleared,
        clearances: vec![full(id)],
        signed: Count(0),
    }
}

/// Everything is down and everything needed has been signed.
pub(crate) fn all_signed(estate: &Estate) -> Situation {
    let provider = environment("provider");
    let mut environments = BTreeMap::from([(provider.clone(), cleared("provider"))]);
    let mut insurers = BTreeMap::new();
    let mut cells = BTreeMap::new();
    for insurer in estate.insurers() {
        environments.insert(
            EnvironmentId::from(insurer.id.clone()),
            cleared(insurer.id.as_str()),
        );
        let consent = ConsentFacts {
            services: insurer.services.keys().cloned().collect(),
            to: ConsentTo::Reopening,
            hours: None,
            expires: hours(24 * 30),
        };
        let said = InsurerFacts {
            consents: vec![consent],
            ..InsurerFacts::default()
        };
        insurers.insert(insurer.id.clone(), said);
        for service in insurer.services.keys() {
            let cell = CellId {
                insurer: insurer.id.clone(),
                service: service.clone(),
            };
            cells.insert(cell, stopped());
        }
    }
    let ids: BTreeSet<RootId> = estate.roots().map(|root| RootId::from(&root.id)).collect();
    let facts = |id: &RootId| RootFacts {
        state: RootState::Down,
        environment: provider.clone(),
        needs: root_needs(&id.0).intersection(&ids).cloned().collect(),
    };
    Situation {
        now: NOW,
        roots: ids.iter().map(|id| (id.clone(), facts(id))).collect(),
        environments,
        insurers,
        cells,
        slots: Slots {
            per_hour: Count(4),
            booking: Booking::Free,
        },
        examiners: Examiners {
            threshold: Count(2),
            at_once: Count(2),
            each: Span::hours(4, 12),
        },
        assumptions: Assumptions::default(),
    }
}

pub(crate) fn stopped() -> CellFacts {
    CellFacts {
        stage: Stage::Stopped,
        door: Reach::Reached {
            position: Position::Held,
        },
        down_since: Some(hours(-10)),
        backlog: Backlog::default(),
        emergency: Emergency::None,
    }
}

/// The same with all roots up.
pub(crate) fn roots_up(estate: &Estate) -> Situation {
    let mut situation = all_signed(estate);
    for facts in situation.roots.values_mut() {
        facts.state = RootState::Up;
    }
    situation
}

/// Sets one insurer's environment to provisional operation of these cells until then, with consent to it.
pub(crate) fn limit(situation: &mut Situation, name: &str, cells: &[&str], until: Timestamp) {
    let home = situation.environments.get_mut(&environment(name)).unwrap();
    home.state = State::Provisional { until };
    home.clearances = vec![ClearanceFacts {
        id: statement("limited"),
        grade: Grade::Limited {
            cells: cells.iter().map(|text| cell(text)).collect(),
            until,
        },
        expires: until,
        standing: Standing::Stands,
    }];
    for consent in &mut situation.insurers.get_mut(&insurer(name)).unwrap().consents {
        consent.to = ConsentTo::Limited {
            most: Seconds(72 * 3_600),
        };
    }
}

/// SplitMix64: a random world from one seed.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    pub(crate) fn one_in(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let at = usize::try_from(self.below(from.len() as u64)).unwrap();
        &from[at]
    }
}
