//! The pure core: restrictions join, openings lift only what they name, and the promises hold over any history.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests stop at the first surprise"
)]

use std::collections::{BTreeMap, BTreeSet};

use door::promises::{Step, door_1, door_2};
use door::{
    Becomes, Event, Freshness, Grants, Limited, Opening, Origin, Peers, Refused, Restricted, Restriction,
    StandsOn, State, contained, flow_rules, next,
};
use proptest::prelude::*;
use vocabulary::{
    Class, Digest, DoorId, Epoch, Flow, FlowRules, Holdable, IntakeRule, Position, RestrictionId,
    SessionRule, StatementId, Timestamp, TransitRule,
};

fn id(n: u8) -> RestrictionId {
    RestrictionId(Digest::of(&[n]))
}

fn statement(n: u8) -> StatementId {
    StatementId(Digest::of(&[n, 1]))
}

fn restriction(rules: FlowRules, class: Class) -> Restriction {
    Restriction {
        rules,
        class,
        origin: Origin::Enrolment,
        signal: None,
        since: None,
    }
}

fn open_state() -> State {
    State::Open(door::Opened {
        epoch: Epoch(7),
        stands_on: StandsOn::default(),
    })
}

fn any_rules() -> impl Strategy<Value = FlowRules> {
    let intake = prop_oneof![
        Just(IntakeRule::Pass),
        Just(IntakeRule::Store),
        Just(IntakeRule::Refuse)
    ];
    let transit = || prop_oneof![Just(TransitRule::Pass), Just(TransitRule::Stop)];
    let sessions = prop_oneof![
        Just(SessionRule::Run),
        Just(SessionRule::FinishIntake),
        Just(SessionRule::Cut)
    ];
    let mixed = (intake, transit(), transit(), transit(), sessions).prop_map(
        |(intake, forward, fetch, send, sessions)| FlowRules {
            intake,
            forward,
            fetch,
            send,
            sessions,
        },
    );
    prop_oneof![Just(FlowRules::HELD), Just(FlowRules::SHUT), mixed]
}

fn any_class() -> impl Strategy<Value = Class> {
    prop_oneof![
        Just(Class::Maintenance),
        Just(Class::Precautionary),
        Just(Class::Containment)
    ]
}

prop_compose! {
    fn any_restriction()(rules in any_rules(), class in any_class()) -> Restriction {
        restriction(rules, class)
    }
}

fn any_stands_on() -> impl Strategy<Value = StandsOn> {
    prop::collection::btree_set(0_u8..4, 0..3).prop_map(|set| StandsOn {
        clearances: set.into_iter().map(statement).collect(),
        evidence: BTreeSet::new(),
        consents: BTreeSet::new(),
    })
}

fn any_opening() -> impl Strategy<Value = Opening> {
    let becomes = prop_oneof![
        2 => Just(Becomes::Lifted),
        1 => prop::collection::btree_set(prop_oneof![Just(Flow::Forward), Just(Flow::Fetch)], 1..3).prop_map(
            |directions| Becomes::Limited(Limited {
                over: BTreeSet::new(),
                directions,
                peers: Peers::Any,
                until: Timestamp(100),
            })
        ),
    ];
    (
        0_u64..14,
        prop::collection::btree_set(0_u8..6, 0..4),
        any_stands_on(),
        becomes,
    )
        .prop_map(|(epoch, lifts, stands_on, becomes)| Opening {
            statement: statement(9),
            epoch: Epoch(epoch),
            lifts: lifts.into_iter().map(id).collect(),
            stands_on,
            becomes,
        })
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        1 => Just(Event::Started),
        4 => (0_u8..6, any_restriction()).prop_map(|(n, restriction)| Event::Tightened { id: id(n), restriction }),
        1 => (prop::collection::btree_set(0_u8..6, 0..4), any_class())
            .prop_map(|(ids, class)| Event::Raised { ids: ids.into_iter().map(id).collect(), class }),
        6 => any_opening().prop_map(Event::Opening),
        1 => (any_stands_on(), 10_u8..14).prop_map(|(named, n)| Event::Withdrawn {
            named,
            id: id(n),
            restriction: restriction(FlowRules::HELD, Class::Containment),
        }),
        1 => (0_i64..200).prop_map(|at| Event::GrantsEnded { at: Timestamp(at) }),
    ]
}

fn fold(state: State, events: &[Event]) -> State {
    events
        .iter()
        .fold(state, |state, event| next(state.clone(), event).unwrap_or(state))
}

fn rules_of(state: &State) -> FlowRules {
    flow_rules(state, Holdable::Yes, Freshness::Fresh, &BTreeSet::new())
}

proptest! {
    #[test]
    fn tightenings_commute_and_repeat_without_effect(
        restrictions in prop::collection::btree_map(0_u8..6, any_restriction(), 1..6),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let events: Vec<Event> = restrictions
            .into_iter()
            .map(|(n, restriction)| Event::Tightened { id: id(n), restriction })
            .collect();
        let straight = fold(open_state(), &events);
        // Any order, with any repetitions, as long as each comes at least once.
        let mut shuffled: Vec<Event> = order.iter().map(|at| at.get(&events).clone()).collect();
        shuffled.extend(events.iter().rev().cloned());
        let other = fold(open_state(), &shuffled);
        prop_assert_eq!(&straight, &other);
        prop_assert_eq!(straight.epoch(), Epoch(7 + events.len() as u64));
    }

    #[test]
    fn the_position_is_the_join(restrictions in prop::collection::btree_map(0_u8..6, any_restriction(), 1..6)) {
        let state = State::Restricted(Restricted {
            epoch: Epoch(1),
            active: restrictions.iter().map(|(n, one)| (id(*n), one.clone())).collect::<BTreeMap<_, _>>(),
            grants: Grants::NONE,
            stands_on: StandsOn::default(),
        });
        let joined = rules_of(&state);
        for one in restrictions.values() {
            prop_assert!(joined.at_least_as_tight_as(one.rules));
        }
        // No tighter than they are together: each flow's rule is some restriction's.
        prop_assert!(restrictions.values().any(|one| one.rules.intake == joined.intake));
        prop_assert!(restrictions.values().any(|one| one.rules.fetch == joined.fetch));
        prop_assert!(restrictions.values().any(|one| one.rules.sessions == joined.sessions));
        let backwards = restrictions.values().rev().fold(FlowRules::OPEN, |all, one| one.rules.join(all));
        prop_assert_eq!(joined, backwards);
        for holdable in [Holdable::Yes, Holdable::No] {
            let stale = flow_rules(&state, holdable, Freshness::Stale, &BTreeSet::new());
            prop_assert!(stale.at_least_as_tight_as(contained(holdable)));
            prop_assert!(stale.at_least_as_tight_as(joined));
        }
    }

    #[test]
    fn an_opening_lifts_what_it_names_and_nothing_else(
        restrictions in prop::collection::btree_map(0_u8..6, any_restriction(), 1..6),
        lifts in prop::collection::btree_set(0_u8..6, 0..4),
        off_by in prop_oneof![3 => Just(0_u64), 1 => 1_u64..5],
    ) {
        let active: BTreeMap<RestrictionId, Restriction> =
            restrictions.iter().map(|(n, one)| (id(*n), one.clone())).collect();
        let before = State::Restricted(Restricted {
            epoch: Epoch(5),
            active: active.clone(),
            grants: Grants::NONE,
            stands_on: StandsOn::default(),
        });
        let named: BTreeSet<RestrictionId> = lifts.iter().map(|n| id(*n)).collect();
        let opening = Opening {
            statement: statement(0),
            epoch: Epoch(5 + off_by),
            lifts: named.clone(),
            stands_on: StandsOn::default(),
            becomes: Becomes::Lifted,
        };
        match next(before, &Event::Opening(opening)) {
            Ok(after) => {
                prop_assert_eq!(off_by, 0);
                let left: BTreeMap<_, _> =
                    active.into_iter().filter(|(id, _)| !named.contains(id)).collect();
                prop_assert_eq!(after.active().cloned().unwrap_or_default(), left);
                prop_assert_eq!(after.epoch(), Epoch(6));
            }
            Err(Refused::OtherEpoch { .. }) => prop_assert_ne!(off_by, 0),
            Err(Refused::NamesNothing) => prop_assert!(named.is_empty()),
            Err(Refused::UnknownRestriction(unknown)) => prop_assert!(!active.contains_key(&unknown)),
            Err(Refused::NotRestricted) => prop_assert!(false, "the door was restricted"),
        }
    }

    #[test]
    fn promises_hold_over_any_history(events in prop::collection::vec(any_event(), 1..40)) {
        let door: DoorId = "kasse-001/kim".parse().unwrap();
        let mut state = open_state();
        let mut withdrawn = StandsOn::default();
        for event in &events {
            // What the permit guarantees: containment gives way to valid clearances only.
            if let Event::Opening(opening) = event
                && (opening.stands_on.clearances.is_empty() || opening.stands_on.meets(&withdrawn))
            {
                continue;
            }
            if let Event::Withdrawn { named, .. } = event {
                withdrawn = withdrawn.and(named);
            }
            let Ok(after) = next(state.clone(), event) else { continue };
            let step = Step { door: &door, before: &state, event, after: &after, withdrawn: &withdrawn };
            prop_assert_eq!(door_1(&step), Ok(()));
            prop_assert_eq!(door_2(&step), Ok(()));
            match event {
                Event::Started => {}
                Event::Opening(_) => prop_assert!(next(after.clone(), event).is_err(), "an opening counts once"),
                Event::Tightened { .. } | Event::Raised { .. } | Event::Withdrawn { .. }
                | Event::GrantsEnded { .. } => prop_assert_eq!(&next(after.clone(), event).unwrap(), &after),
            }
            state = after;
        }
    }
}

#[test]
fn refusal_beats_store_and_store_beats_pass() {
    let mut state = open_state();
    assert_eq!(rules_of(&state).position(), Position::Open);
    for (n, rules, position) in [
        (0, FlowRules::HELD, Position::Held),
        (1, FlowRules::SHUT, Position::Shut),
        (2, FlowRules::HELD, Position::Shut),
    ] {
        let event = Event::Tightened {
            id: id(n),
            restriction: restriction(rules, Class::Maintenance),
        };
        state = next(state, &event).unwrap();
        assert_eq!(rules_of(&state).position(), position);
    }
}

#[test]
fn a_limited_grant_loosens_only_its_flows_and_only_over_what_it_knew() {
    let held = restriction(FlowRules::HELD, Class::Containment);
    let mut state = next(
        open_state(),
        &Event::Tightened {
            id: id(0),
            restriction: held.clone(),
        },
    )
    .unwrap();
    let opening = Opening {
        statement: statement(0),
        epoch: state.epoch(),
        lifts: BTreeSet::from([id(0)]),
        stands_on: StandsOn {
            clearances: BTreeSet::from([statement(1)]),
            evidence: BTreeSet::new(),
            consents: BTreeSet::new(),
        },
        becomes: Becomes::Limited(Limited {
            // A grant that claims to reach further than the opening names does not.
            over: BTreeSet::from([id(0), id(1)]),
            directions: BTreeSet::from([Flow::Fetch]),
            peers: Peers::Any,
            until: Timestamp(100),
        }),
    };
    state = next(state, &Event::Opening(opening)).unwrap();
    let rules = rules_of(&state);
    assert_eq!(
        (rules.fetch, rules.forward),
        (TransitRule::Pass, TransitRule::Stop)
    );
    assert_eq!(
        rules.position(),
        Position::Held,
        "limited operation is never called open"
    );

    let tightened = next(
        state.clone(),
        &Event::Tightened {
            id: id(1),
            restriction: held,
        },
    )
    .unwrap();
    assert_eq!(
        rules_of(&tightened),
        FlowRules::HELD,
        "a new restriction is not covered by an old grant"
    );

    let ended = next(state.clone(), &Event::GrantsEnded { at: Timestamp(100) }).unwrap();
    assert_eq!(rules_of(&ended), FlowRules::HELD);
    assert_eq!(ended.epoch(), state.epoch().next());

    let withdrawn = Event::Withdrawn {
        named: StandsOn {
            clearances: BTreeSet::from([statement(1)]),
            evidence: BTreeSet::new(),
            consents: BTreeSet::new(),
        },
        id: id(2),
        restriction: restriction(FlowRules::HELD, Class::Containment),
    };
    let fallen = next(state, &withdrawn).unwrap();
    assert_eq!(
        (rules_of(&fallen), fallen.grants()),
        (FlowRules::HELD, &Grants::NONE)
    );
}
