//! The life of an environment: every pair of state and event, and random walks.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use restoration::{
    environment::{Checklist, Criterion, Event, Grounds, Outcome, Remains, State, Temporary, Why, next},
    situation::Items,
};
use vocabulary::{PersonId, Timestamp};

fn ada() -> PersonId {
    "ada".parse().unwrap()
}

fn complete() -> Checklist {
    let met = Outcome::Met { by: ada() };
    Checklist(Criterion::ALL.into_iter().map(|one| (one, met.clone())).collect())
}

fn nothing_left() -> Remains {
    Remains {
        backlog: Items(0),
        temporary: BTreeSet::new(),
        checklist: complete(),
    }
}

fn states() -> Vec<State> {
    vec![
        State::Trusted,
        State::Suspect,
        State::Contained,
        State::UnderExamination,
        State::Provisional { until: Timestamp(9) },
        State::Cleared,
        State::Restoring,
        State::Verifying,
        State::Accepted {
            by: ada(),
            at: Timestamp(5),
        },
        State::Normal,
    ]
}

fn events() -> Vec<Event> {
    vec![
        Event::Suspected,
        Event::Explained,
        Event::CautionLifted,
        Event::Contained,
        Event::ExaminationBegun,
        Event::ClearedInPart { until: Timestamp(9) },
        Event::Cleared {
            grounds: Grounds::Examined,
        },
        Event::Cleared {
            grounds: Grounds::NotEndangered,
        },
        Event::ClearanceWithdrawn,
        Event::ClearanceExpired,
        Event::PlannedReshut,
        Event::RestoringBegun,
        Event::Restored,
        Event::TestAccepted {
            by: ada(),
            at: Timestamp(5),
        },
        Event::TestRefused,
        Event::EndDeclared(nothing_left()),
    ]
}

/// The whole function as a table: rows are states, columns events, in the order above. `.` is a refusal.
const TABLE: [&str; 10] = [
    // Sus Exp Lif Con Exa Par Clr Not Wit Xpd Res Beg Don Acc Ref End
    "s t . c . . . . . . . . . . . .", // trusted
    "s t s c . . . t . . . . . . . .", // suspect
    "c l s c u p . l c c c . . . . .", // contained
    "u l . c u p l l u u u . . . . .", // under examination
    ". l . c . p . l c c c p p p p .", // provisional
    ". l . c u . l l c c . r . . . .", // cleared
    ". r . c . . r r c r . r v . r .", // restoring
    ". v . c . . v v c v . r v a r .", // verifying
    ". a . c . . a a c a . r a a r n", // accepted
    "s n . c . . . . c n . . n n . n", // normal
];

fn letter(state: &State) -> char {
    match state {
        State::Trusted => 't',
        State::Suspect => 's',
        State::Contained => 'c',
        State::UnderExamination => 'u',
        State::Provisional { .. } => 'p',
        State::Cleared => 'l',
        State::Restoring => 'r',
        State::Verifying => 'v',
        State::Accepted { .. } => 'a',
        State::Normal => 'n',
    }
}

#[test]
fn every_pair_is_as_the_table_says() {
    for (state, row) in states().into_iter().zip(TABLE) {
        let found: Vec<String> = events()
            .iter()
            .map(|event| match next(state.clone(), event) {
                Ok(state) => letter(&state).to_string(),
                Err(refused) => {
                    assert_eq!(refused.state, state, "a refusal changes nothing");
                    let words = refused.words();
                    assert!(refused.to_string().contains(&words.en) && !words.de.is_empty());
                    ".".to_owned()
                }
            })
            .collect();
        assert_eq!(found.join(" "), row, "from {}", state.slug());
    }
}

#[test]
fn re_shutdown_is_a_normal_step_from_everywhere() {
    for state in states() {
        assert_eq!(next(state, &Event::Contained), Ok(State::Contained));
    }
}

#[test]
fn normal_needs_everything_and_says_what_is_missing() {
    let accepted = || State::Accepted {
        by: ada(),
        at: Timestamp(5),
    };
    assert_eq!(
        next(accepted(), &Event::EndDeclared(nothing_left())),
        Ok(State::Normal)
    );
    let mut open = nothing_left();
    open.backlog = Items(3);
    let mut temporary = nothing_left();
    temporary.temporary.insert(Temporary("Notpostfach".to_owned()));
    let mut unchecked = nothing_left();
    unchecked.checklist.0.remove(&Criterion::EntryClosed);
    for (remains, said) in [
        (open, "3 offen"),
        (temporary, "Notpostfach"),
        (unchecked, "DER.2.3.A5"),
    ] {
        let refused = next(accepted(), &Event::EndDeclared(remains)).unwrap_err();
        assert!(matches!(refused.why, Why::NotTheEnd(_)));
        assert!(refused.words().de.contains(said), "{refused}");
    }
    let empty = Remains {
        backlog: Items(1),
        temporary: BTreeSet::from([Temporary("x".to_owned())]),
        checklist: Checklist(BTreeMap::new()),
    };
    let Why::NotTheEnd(open) = next(accepted(), &Event::EndDeclared(empty)).unwrap_err().why else {
        panic!("not refused for what remains");
    };
    assert_eq!(open.len(), 7, "all of it is named at once");
}

#[test]
fn every_state_names_its_standards() {
    for state in states() {
        let standards = state.standards();
        assert!(standards.der.iter().all(|id| id.starts_with("DER.2.3.A")) && !standards.der.is_empty());
        assert!(standards.csf.iter().all(|id| id.contains('.')) && !standards.csf.is_empty());
        let text = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<State>(&text).unwrap(), state);
        assert!(text.contains(state.slug()), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// However it is moved: after a cut nothing is restored without examiners, and nothing is normal without an
    /// accepted test since the cut.
    #[test]
    fn no_walk_leads_around_the_examiners(steps in prop::collection::vec(0_usize..16, 0..200)) {
        let events = events();
        let (mut state, mut cleared, mut tested) = (State::Trusted, true, true);
        for step in steps {
            let event = &events[step];
            if let Ok(moved) = next(state.clone(), event) {
                cleared |= matches!(event, Event::Cleared { .. } | Event::Explained | Event::CautionLifted);
                tested |= matches!(event, Event::TestAccepted { .. });
                if moved == State::Contained {
                    (cleared, tested) = (false, false);
                }
                let on_the_way = matches!(
                    moved,
                    State::Cleared | State::Restoring | State::Verifying | State::Accepted { .. } | State::Normal
                );
                prop_assert!(cleared || !on_the_way, "{:?} led to {}", event, moved.slug());
                prop_assert!(tested || moved != State::Normal);
                state = moved;
            }
        }
    }
}
