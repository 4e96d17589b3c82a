//! Which standing order may be used for an incident.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]
mod common;

use common::{NIGHT, Room, cells, roll};
use proptest::prelude::*;
use std::{collections::BTreeSet, num::NonZeroU32};
use vocabulary::{CellId, Class, Digest, Scope, Seconds, StatementId, Timestamp};
use warning::{
    Canary, Event, Incident, Kind, Touched, promises,
    standing::{Proposal, Stance, StandingFacts, Why, propose},
};

fn incident(touched: &[&str]) -> Incident {
    let mut room = Room::quiet();
    let touched = touched
        .iter()
        .map(|text| match text.split_once('/') {
            Some(_) => Touched::Cell(text.parse().unwrap()),
            None if text.starts_with("kasse") => Touched::Environment(text.parse().unwrap()),
            None => Touched::Site(text.parse().unwrap()),
        })
        .collect();
    room.event(
        Event::CanaryTouched {
            canary: Canary::File,
            name: "a".into(),
            touched,
            at: NIGHT,
            evidence: Digest::of(b"a"),
        },
        NIGHT,
    );
    room.incidents()[0].clone()
}

fn order(name: &str, scope: serde_json::Value, kinds: &[Kind]) -> StandingFacts {
    StandingFacts {
        id: StatementId(Digest::of(name.as_bytes())),
        scope: serde_json::from_value(scope).unwrap(),
        stance: Stance::Held,
        class: Class::Precautionary,
        uses_max: NonZeroU32::new(2).unwrap(),
        window: Seconds(3600),
        detectors: kinds.iter().map(|kind| kind.detector().unwrap()).collect(),
        expires: Timestamp(NIGHT.0 + 1000),
        used: vec![],
    }
}

fn proposals(incident: &Incident, orders: &[StandingFacts], now: Timestamp) -> Vec<Proposal> {
    let none = BTreeSet::new();
    let proposals = propose(incident, orders, &roll(), &none, now);
    promises::warn_1(&proposals, incident, orders, &roll(), &none, now).unwrap();
    proposals
}

fn asked(proposals: &[Proposal]) -> (BTreeSet<CellId>, Vec<Why>) {
    let [Proposal::AskPeople { cells, why }] = proposals else {
        panic!("{proposals:?}")
    };
    for why in why {
        assert_eq!(why.to_string().matches(" / ").count(), 1, "{why}");
    }
    (cells.clone(), why.clone())
}

#[test]
fn inside_scope_kind_rate_and_time_it_is_used() {
    let everything = order("o", serde_json::json!([{}]), &[Kind::Canary]);
    let incident = incident(&["kasse-001/eau", "kasse-001/kim"]);
    let used = proposals(&incident, std::slice::from_ref(&everything), NIGHT);
    let [Proposal::Use(used)] = used.as_slice() else {
        panic!("{used:?}")
    };
    assert_eq!(used.cells, cells(&["kasse-001/eau", "kasse-001/kim"]));
    assert_eq!((used.order, used.kind), (everything.id, Kind::Canary));
}

#[test]
fn what_lies_outside_is_left_to_people() {
    let essen = order(
        "o",
        serde_json::json!([{"sites": ["essen"], "services": ["eau", "kim"]}]),
        &[Kind::Canary],
    );
    // kasse-003 stands in Munich.
    let incident = incident(&["kasse-001/eau", "kasse-003/eau", "kasse-001/payments"]);
    let both = proposals(&incident, std::slice::from_ref(&essen), NIGHT);
    let [Proposal::Use(used), Proposal::AskPeople { cells: left, why }] = both.as_slice() else {
        panic!("{both:?}")
    };
    assert_eq!(used.cells, cells(&["kasse-001/eau"]));
    assert_eq!(*left, cells(&["kasse-003/eau", "kasse-001/payments"]));
    assert_eq!(*why, [Why::Outside(essen.id)]);
}

#[test]
fn people_are_asked_with_the_reason() {
    let all = || serde_json::json!([{}]);
    let incident = incident(&["kasse-001/eau"]);
    let eau = cells(&["kasse-001/eau"]);
    assert_eq!(
        asked(&proposals(&incident, &[], NIGHT)),
        (eau.clone(), vec![Why::NoOrder])
    );

    let other = order("o", all(), &[Kind::ErrorShare]);
    assert_eq!(
        asked(&proposals(&incident, std::slice::from_ref(&other), NIGHT)).1,
        [Why::OtherDetector(other.id)]
    );

    let mut over = order("o", all(), &[Kind::Canary]);
    assert_eq!(
        asked(&proposals(
            &incident,
            std::slice::from_ref(&over),
            Timestamp(NIGHT.0 + 1001)
        ))
        .1,
        [Why::Expired(over.id, over.expires)]
    );
    assert!(matches!(
        proposals(&incident, std::slice::from_ref(&over), over.expires).as_slice(),
        [Proposal::Use(_)]
    ));

    over.used = vec![Timestamp(NIGHT.0 - 3599), Timestamp(NIGHT.0 - 10)];
    let why = asked(&proposals(&incident, std::slice::from_ref(&over), NIGHT)).1;
    assert_eq!(
        why,
        [Why::RateUsedUp {
            order: over.id,
            free: Timestamp(NIGHT.0 + 1)
        }]
    );
    assert!(matches!(
        proposals(&incident, std::slice::from_ref(&over), Timestamp(NIGHT.0 + 1)).as_slice(),
        [Proposal::Use(_)]
    ));
    over.used = vec![Timestamp(NIGHT.0 + 500); 2];
    assert!(
        matches!(
            asked(&proposals(&incident, std::slice::from_ref(&over), NIGHT))
                .1
                .as_slice(),
            [Why::RateUsedUp { .. }]
        ),
        "a clock set back opens no rate"
    );
}

#[test]
fn people_are_asked_where_no_order_reaches() {
    let incident = incident(&["kasse-001/eau"]);
    let all = || serde_json::json!([{}]);
    let elsewhere = order(
        "o",
        serde_json::json!([{"insurers": ["kasse-002"]}]),
        &[Kind::Canary],
    );
    assert_eq!(
        asked(&proposals(&incident, std::slice::from_ref(&elsewhere), NIGHT)).1,
        [Why::Outside(elsewhere.id)]
    );

    let nothing_known = self::incident(&[]);
    let order = order("o", all(), &[Kind::Canary]);
    assert_eq!(
        asked(&proposals(&nothing_known, &[order], NIGHT)),
        (BTreeSet::new(), vec![Why::NothingKnown])
    );
}

#[test]
fn a_mild_incident_uses_nothing() {
    let mut room = Room::quiet();
    let source = warning::SourceName::new("s");
    let touched = BTreeSet::from([Touched::Environment("kasse-001".parse().unwrap())]);
    room.event(
        Event::Expect {
            source,
            within: Seconds(1),
            touched,
        },
        NIGHT,
    );
    room.event(Event::Tick, Timestamp(NIGHT.0 + 10));
    let order = order("o", serde_json::json!([{}]), &[Kind::Silence]);
    let why = asked(&proposals(room.incidents()[0], &[order], NIGHT)).1;
    assert_eq!(why, [Why::TooMild(warning::Severity::Medium)]);
}

#[test]
fn mild_orders_come_first_and_restricted_cells_cost_no_use() {
    let mut hard = order("hard", serde_json::json!([{}]), &[Kind::Canary]);
    (hard.class, hard.stance) = (Class::Containment, Stance::Shut);
    let mild = order(
        "mild",
        serde_json::json!([{"services": ["eau"]}]),
        &[Kind::Canary],
    );
    let incident = incident(&["kasse-001/eau", "kasse-001/payments"]);
    let orders = [hard, mild];
    let both = proposals(&incident, &orders, NIGHT);
    let [Proposal::Use(first), Proposal::Use(second)] = both.as_slice() else {
        panic!("{both:?}")
    };
    assert_eq!(
        (first.order, &first.cells),
        (orders[1].id, &cells(&["kasse-001/eau"]))
    );
    assert_eq!(
        (second.order, &second.cells),
        (orders[0].id, &cells(&["kasse-001/payments"]))
    );
    let restricted = cells(&["kasse-001/eau", "kasse-001/payments"]);
    assert!(propose(&incident, &orders, &roll(), &restricted, NIGHT).is_empty());
}

fn any_scope() -> impl Strategy<Value = Scope> {
    let subset = |names: &'static [&'static str]| {
        proptest::option::of(proptest::sample::subsequence(names, 0..=names.len()))
    };
    let selector = (
        subset(&["essen", "munich"]),
        subset(&["kasse-001", "kasse-002", "kasse-003", "kasse-006"]),
        subset(&["eau", "kim", "payments"]),
    );
    proptest::collection::vec(selector, 0..4).prop_map(|selectors| {
        let selectors: Vec<_> = selectors
            .into_iter()
            .map(|(sites, insurers, services)| {
                let mut selector = serde_json::Map::new();
                for (key, names) in [("sites", sites), ("insurers", insurers), ("services", services)] {
                    if let Some(names) = names {
                        selector.insert(key.into(), names.into());
                    }
                }
                selector
            })
            .collect();
        serde_json::from_value(serde_json::to_value(selectors).unwrap()).unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_the_orders_a_use_lies_inside_one(
        scopes in proptest::collection::vec((any_scope(), any::<bool>(), 0_i64..8000, 0_usize..4), 0..4),
        touched in proptest::sample::subsequence(&["kasse-001", "kasse-002/eau", "kasse-003", "kasse-006/payments", "munich"][..], 0..5),
        restricted in proptest::sample::subsequence(&["kasse-001/eau", "kasse-003/kim", "kasse-002/eau"][..], 0..3),
        now in 0_i64..2000,
    ) {
        let incident = incident(&touched);
        let orders: Vec<StandingFacts> = scopes
            .into_iter()
            .enumerate()
            .map(|(n, (scope, names_it, ago, uses))| {
                let kinds = if names_it { vec![Kind::Canary, Kind::Wazuh] } else { vec![Kind::ErrorShare] };
                let mut order = order(&n.to_string(), serde_json::json!([]), &kinds);
                order.scope = scope;
                order.used = vec![Timestamp(NIGHT.0 - ago); uses];
                order
            })
            .collect();
        let (restricted, now) = (cells(&restricted), Timestamp(NIGHT.0 + now));
        let proposals = propose(&incident, &orders, &roll(), &restricted, now);
        promises::warn_1(&proposals, &incident, &orders, &roll(), &restricted, now).unwrap();
    }
}
