//! The guided list: nothing out of order, nothing lost by a crash or a repeat.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

mod common;

use common::{T0, estate};
use order::{Lang, Text};
use proptest::prelude::*;
use readiness::onboarding::{BadFile, Done, Onboarding, Part, Refused, Standing, Step, Task, Word};

fn begun() -> Onboarding {
    Onboarding::begin(&estate(), &"kasse-001".parse().unwrap(), T0).unwrap()
}

fn persons() -> Word {
    Word::Persons(["ja", "nein"].map(|name| name.parse().unwrap()).into())
}

fn done(task: &Task, evidence: &str) -> Word {
    let done = Done {
        at: T0,
        by: "anna".parse().unwrap(),
        evidence: Text::new(evidence).unwrap(),
    };
    Word::Done {
        task: task.clone(),
        done,
    }
}

/// Does whatever is next until nothing is; gives back the tasks in the order done.
fn work_off(mut list: Onboarding) -> (Onboarding, Vec<Task>) {
    let mut order = Vec::new();
    while let Some(task) = list.what_next().first().cloned() {
        list = list.next(&done(&task, "journal 17")).unwrap();
        order.push(task);
        assert!(order.len() < 500, "the list never ends");
    }
    (list, order)
}

#[test]
fn the_list_can_be_worked_off_whole_in_the_order_it_proposes() {
    let (list, order) = work_off(begun().next(&persons()).unwrap());
    assert!(list.is_complete(), "{}", list.in_words(Lang::De));
    // 8 for the insurer, 2 for each of 2 persons, 4 for each of 8 services, 2 mailboxes.
    assert_eq!(order.len(), 8 + 4 + 32 + 2);
    assert!(list.in_words(Lang::De).contains("46 von 46"));
    assert!(!list.in_words(Lang::En).contains("[ ]"));
}

#[test]
fn without_persons_it_is_never_complete() {
    let (list, _) = work_off(begun());
    assert!(!list.is_complete());
    assert!(list.in_words(Lang::De).contains("keine Personen genannt"));
    assert!(list.tasks().iter().any(|(task, standing)| task.step == Step::FirstDrill && matches!(standing, Standing::Blocked(_))));
}

#[test]
fn a_blocked_step_names_what_is_missing_and_changes_nothing() {
    let list = begun().next(&persons()).unwrap();
    let task = Task {
        step: Step::DoorEnforces,
        part: Part::Service("eau".parse().unwrap()),
    };
    let refused = list.next(&done(&task, "x")).unwrap_err();
    let Refused::Blocked(missing) = &refused else {
        panic!("{refused}")
    };
    let names: Vec<String> = missing.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["door-holds/eau", "segment-released"]);
    assert_eq!(
        refused.to_string(),
        "Vorher nötig: door-holds/eau, segment-released. / Needed before: door-holds/eau, segment-released."
    );
    let epa = Task {
        step: Step::DoorObserves,
        part: Part::Service("epa".parse().unwrap()),
    };
    assert!(
        list.next(&done(&epa, "x")).is_ok(),
        "record access has no mailbox to wait for"
    );
    let eau = Task {
        step: Step::DoorObserves,
        part: Part::Service("eau".parse().unwrap()),
    };
    assert!(matches!(list.next(&done(&eau, "x")), Err(Refused::Blocked(_))));
}

#[test]
fn only_this_insurers_tasks_are_on_the_list() {
    let list = begun().next(&persons()).unwrap();
    for part in [
        Part::Whole,
        Part::Service("eau".parse().unwrap()),
        Part::Person("fremd".parse().unwrap()),
    ] {
        let task = Task {
            step: Step::KeyEnrolled,
            part,
        };
        assert!(
            matches!(list.next(&done(&task, "x")), Err(Refused::NoTask(_))),
            "{task}"
        );
    }
    assert!(matches!(
        Onboarding::begin(&estate(), &"kasse-999".parse().unwrap(), T0),
        Err(Refused::NoInsurer(_))
    ));
}

#[test]
fn repeating_replaces_the_evidence_and_a_new_person_opens_its_own_tasks_only() {
    let (list, _) = work_off(begun().next(&persons()).unwrap());
    let task = Task {
        step: Step::Papers,
        part: Part::Whole,
    };
    let again = list.next(&done(&task, "Aktenzeichen 2")).unwrap();
    assert!(again.is_complete());
    assert_eq!(
        again.next(&done(&task, "Aktenzeichen 2")).unwrap(),
        again,
        "saying it again changes nothing"
    );
    let three = Word::Persons(["ja", "nein", "neu"].map(|name| name.parse().unwrap()).into());
    let more = again.next(&three).unwrap();
    let open: Vec<String> = more
        .tasks()
        .iter()
        .filter(|(_, standing)| !matches!(standing, Standing::Done(_)))
        .map(|(task, _)| task.to_string())
        .collect();
    assert_eq!(open, ["key-enrolled/neu", "key-exercised/neu"]);
    let lost = more
        .next(&Word::Again(Task {
            step: Step::KeyExercised,
            part: Part::Person("ja".parse().unwrap()),
        }))
        .unwrap();
    assert!(
        lost.what_next()
            .iter()
            .any(|task| task.to_string() == "key-exercised/ja")
    );
}

#[test]
fn the_file_is_versioned_and_strict() {
    let list = begun();
    let text = list.to_json();
    assert_eq!(Onboarding::from_json(&text).unwrap(), list);
    assert!(matches!(
        Onboarding::from_json(&text.replace("\"version\": 1", "\"version\": 2")),
        Err(BadFile::Version(2))
    ));
    assert!(matches!(
        Onboarding::from_json(&text.replace("\"begun\"", "\"extra\": 1, \"begun\"")),
        Err(BadFile::Json(_))
    ));
    assert!(
        matches!(
            Onboarding::from_json(&text[..text.len() / 2]),
            Err(BadFile::Json(_))
        ),
        "a torn file is refused"
    );
    assert!(matches!(
        Onboarding::from_json(&" ".repeat(2 << 20)),
        Err(BadFile::TooLong(_))
    ));
}

#[test]
fn the_test_text_says_that_it_is_no_statement() {
    let text = begun().test_text(&"ja".parse().unwrap(), T0);
    assert!(
        text.contains("keine Erklärung")
            && text.contains("kasse-001")
            && text.contains("2023-04-24T20:00:00Z")
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Any words in any order, with the process dying and reading its file back after every one.
    #[test]
    fn any_words_and_crashes_keep_the_order(choices in proptest::collection::vec((0_u8..10, 0_usize..60), 1..80)) {
        let mut list = begun();
        for (kind, at) in choices {
            let tasks: Vec<Task> = list.tasks().into_iter().map(|(task, _)| task).collect();
            let task = &tasks[at % tasks.len()];
            let word = match kind {
                0 => persons(),
                1 => Word::Again(task.clone()),
                _ => done(task, "beleg"),
            };
            let taken = list.next(&word);
            if matches!(word, Word::Done { .. }) {
                let tasks = list.tasks();
                let (_, standing) = tasks.iter().find(|(one, _)| one == task).unwrap();
                match standing {
                    Standing::Next => prop_assert!(taken.is_ok(), "{} was next", task),
                    Standing::Blocked(_) => prop_assert!(taken.is_err(), "{} was blocked", task),
                    Standing::Done(_) => {}
                }
            }
            if let Ok(next) = taken {
                prop_assert_eq!(&next.next(&word).unwrap(), &next, "repeating is safe");
                list = Onboarding::from_json(&next.to_json()).unwrap();
                prop_assert_eq!(&list, &next);
            }
            for lang in [Lang::De, Lang::En] {
                prop_assert!(list.in_words(lang).lines().count() > 20);
            }
        }
        let (list, _) = work_off(list.next(&persons()).unwrap());
        prop_assert!(list.is_complete(), "every list can be brought to its end");
    }
}
