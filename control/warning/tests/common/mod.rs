//! What the tests of this room share: an invented estate, orders as facts, and invented business.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

pub(crate) mod business;

use std::{collections::BTreeSet, sync::Arc};

use estate::{Estate, Seed};
use vocabulary::{CellId, InsurerId, Timestamp};
use warning::{Behind, Effect, Event, Incident, Prefix, Roll, Signal, Watch, decide};

/// Monday 2023-04-24, 22:00 in Germany.
pub(crate) const NIGHT: Timestamp = Timestamp(1_682_366_400);

const HOSTS: &str = r#"
[[host]]
id = "mail-001"
site = "essen"
insurer = "kasse-001"
service = "eau"

[[host]]
id = "db-002"
site = "essen"
insurer = "kasse-002"

[[host]]
id = "proxy-essen"
site = "essen"

[[host]]
id = "pay-munich"
site = "munich"
service = "payments"
"#;

/// The sample estate with four invented hosts.
pub(crate) fn estate() -> Estate {
    let text = format!("{}{HOSTS}", estate::sample(Seed(1)));
    estate::check(&text, "sample.toml").unwrap()
}

/// The estate as the room sees it, with invented addresses.
pub(crate) fn roll() -> Arc<Roll> {
    let addresses = [
        ("10.1.0.0/16", Behind::Insurer(insurer("kasse-001"))),
        ("10.1.7.7", Behind::Host("mail-001".parse().unwrap())),
        ("10.2.0.0/16", Behind::Insurer(insurer("kasse-002"))),
        ("10.3.0.0/16", Behind::Insurer(insurer("kasse-003"))),
        ("10.99.0.0/16", Behind::Site("munich".parse().unwrap())),
        ("2001:db8:1::/48", Behind::Insurer(insurer("kasse-001"))),
    ];
    let addresses = addresses
        .into_iter()
        .map(|(prefix, behind)| (prefix.parse::<Prefix>().unwrap(), behind));
    let (roll, unknown) = Roll::of(&estate(), addresses.collect());
    assert!(unknown.is_empty());
    Arc::new(roll)
}

pub(crate) fn insurer(name: &str) -> InsurerId {
    name.parse().unwrap()
}

pub(crate) fn cells(names: &[&str]) -> BTreeSet<CellId> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

/// The room, driven event by event.
pub(crate) struct Room {
    pub(crate) watch: Option<Watch>,
    pub(crate) effects: Vec<(Timestamp, Effect)>,
}

impl Room {
    pub(crate) fn new(watch: Watch) -> Self {
        Self {
            watch: Some(watch),
            effects: Vec::new(),
        }
    }

    pub(crate) fn quiet() -> Self {
        Self::new(Watch::new(roll(), BTreeSet::new()))
    }

    /// Gives an event, keeps and returns what it meant.
    pub(crate) fn event(&mut self, event: Event, now: Timestamp) -> Vec<Effect> {
        let (watch, effects) = decide(self.watch.take().unwrap(), event, now);
        self.watch = Some(watch);
        self.effects
            .extend(effects.iter().map(|effect| (now, effect.clone())));
        effects
    }

    pub(crate) fn watch(&self) -> &Watch {
        self.watch.as_ref().unwrap()
    }

    pub(crate) fn incidents(&self) -> Vec<&Incident> {
        self.watch().incidents().collect()
    }

    pub(crate) fn signals(&self) -> Vec<(Timestamp, &Signal)> {
        self.effects
            .iter()
            .filter_map(|(at, effect)| {
                let Effect::Signal(signal) = effect else {
                    return None;
                };
                Some((*at, signal.as_ref()))
            })
            .collect()
    }
}
