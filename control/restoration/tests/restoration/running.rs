//! Runs: step by step against a world that signs, fails, forgets and is cut again.

use std::collections::BTreeSet;

use restoration::{
    Plan, Situation,
    environment::State,
    run::{Because, ClosingBecause, Command, Effect, Progress, decide},
    situation::{Count, Emergency, Grade, Reach, RootState, Stage, Standing},
};
use vocabulary::{CellId, Position, Role};

use crate::{
    acting::{World, closings, consents_asked, fell_back, openings},
    world::{all_signed, big, cell, environment, hours, insurer, limit, root, roots_up, small},
};

#[test]
fn a_plan_runs_from_nothing_to_everything_accepted() {
    let estate = big();
    let mut world = World::new(&estate, all_signed(&estate));
    world.facts.slots.per_hour = Count(40);
    let plan = Plan::make(&estate, &world.facts);
    let end = world.run(&plan, Progress::begin(&plan), 200);
    assert_eq!(
        (world.accepted(), world.started.len()),
        (640, 640),
        "every cell once"
    );
    assert!(end.effects.is_empty() && end.waits.is_empty());
    // Never more new offers than the slots allow.
    for (_, at) in &world.started {
        let same = world.started.iter().filter(|(_, other)| other == at).count();
        assert!(same <= 40, "{same} at {at}");
    }
    for (mail, needs) in [("eau", "kim")] {
        for insurer in estate.insurers() {
            let at = |service: &str| {
                let cell: CellId = format!("{}/{service}", insurer.id).parse().unwrap();
                world.started.iter().find(|(other, _)| *other == cell).unwrap().1
            };
            assert!(at(needs) < at(mail), "{}", insurer.id);
        }
    }
}

#[test]
fn an_opening_is_only_a_draft_for_named_roles() {
    let estate = small();
    let facts = roots_up(&estate);
    let plan = Plan::make(&estate, &facts);
    let decision = decide(&estate, &plan, Progress::begin(&plan), &facts);
    for effect in &decision.effects {
        if let Effect::ProposeOpening { .. } = effect {
            assert_eq!(effect.signers(), [Role::Commander, Role::InsurerConsent]);
            assert!(
                effect.to_string().contains("zur Unterschrift vorlegen"),
                "{effect}"
            );
        }
    }
    assert_eq!(openings(&decision.effects).len(), 4, "as many as the slots allow");
}

#[test]
fn a_cell_that_fails_backs_off_its_dependents_wait_and_the_others_go_on() {
    let estate = small();
    for failing in ["a/kim", "b/eau", "c/statistics", "a/payments"] {
        let mut world = World::new(&estate, roots_up(&estate));
        world.bad.insert(cell(failing));
        let plan = Plan::make(&estate, &world.facts);
        let end = world.run(&plan, Progress::begin(&plan), 50);
        let lost = if failing.ends_with("/kim") { 2 } else { 1 };
        assert_eq!(world.accepted(), 12 - lost, "{failing}");
        assert_eq!(
            end.progress.set_aside().get(&cell(failing)).map(String::as_str),
            Some("Datenbank")
        );
        let door = world.facts.cell(&cell(failing)).door;
        assert_eq!(
            door,
            Reach::Reached {
                position: Position::Held
            },
            "{failing} was shut again"
        );
        assert_eq!(end.waits.len(), lost - 1, "{:?}", end.waits);
    }
}

#[test]
fn one_or_all_can_be_shut_again_at_any_point() {
    let estate = small();
    for after in 0..12 {
        for all in [true, false] {
            let mut world = World::new(&estate, all_signed(&estate));
            let plan = Plan::make(&estate, &world.facts);
            let mut progress = Progress::begin(&plan);
            for _ in 0..after {
                let decision = world.decide(&plan, progress);
                world.carry_out(&decision.effects);
                progress = decision.progress;
                world.hour();
            }
            let running: BTreeSet<CellId> = world
                .facts
                .cells
                .iter()
                .filter(|(_, facts)| matches!(facts.stage, Stage::Started | Stage::Accepted))
                .map(|(cell, _)| cell.clone())
                .collect();
            let reason = "neuer Befund".to_owned();
            let (command, wanted) = if all {
                (Command::ReshutAll { reason }, running.clone())
            } else {
                let one: BTreeSet<CellId> = running.iter().take(1).cloned().collect();
                let cells = one.clone();
                (Command::Reshut { cells, reason }, one)
            };
            let told = progress.told(&plan, &command);
            assert_eq!(
                told.clone().told(&plan, &command),
                told,
                "saying it twice changes nothing"
            );
            let decision = world.decide(&plan, told);
            let shut: BTreeSet<CellId> = closings(&decision.effects)
                .into_iter()
                .flat_map(|(cells, _)| cells)
                .collect();
            assert_eq!(shut, wanted, "after {after} steps");
            if all {
                assert!(openings(&decision.effects).is_empty(), "nothing opens any more");
            }
            assert_eq!(fell_back(&decision.effects), all || !wanted.is_empty());
            // Lost effect: it comes again. Carried out: it stops, and nothing starts again by itself.
            let again = world.decide(&plan, decision.progress.clone());
            assert_eq!(again.effects, decision.effects);
            world.carry_out(&decision.effects);
            world.hour();
            let end = world.run(&plan, decision.progress, 30);
            assert!(closings(&end.effects).is_empty());
            for cell in &wanted {
                assert_eq!(world.facts.cell(cell).stage, Stage::Stopped, "{cell} stays shut");
            }
        }
    }
}

#[test]
fn a_withdrawn_clearance_moves_cells_back_and_later_waves_wait() {
    let estate = small();
    let mut world = World::new(&estate, roots_up(&estate));
    world.facts.slots.per_hour = Count(1);
    let plan = Plan::make(&estate, &world.facts);
    let mut progress = Progress::begin(&plan);
    for _ in 0..2 {
        let decision = world.decide(&plan, progress);
        world.carry_out(&decision.effects);
        progress = decision.progress;
        world.hour();
    }
    assert_eq!(world.started[0].0, cell("a/kim"));
    let home = world.facts.environments.get_mut(&environment("a")).unwrap();
    home.clearances[0].standing = Standing::Withdrawn;
    let decision = world.decide(&plan, progress);
    let shut = closings(&decision.effects);
    assert!(
        matches!(&shut[..], [(cells, ClosingBecause::Withdrawn { .. })] if cells.contains(&cell("a/kim")))
    );
    // The doors close by themselves.
    let cells: BTreeSet<CellId> = shut.into_iter().flat_map(|(cells, _)| cells).collect();
    world.shut(&cells);
    world.hour();
    let decision = world.decide(&plan, decision.progress);
    assert!(decision.progress.fallen().contains(&cell("a/kim")));
    assert!(fell_back(&decision.effects));
    assert!(
        openings(&decision.effects).is_empty(),
        "later waves wait: {:?}",
        decision.effects
    );
    // A new plan goes on without it.
    let plan = Plan::make(&estate, &world.facts);
    world.run(&plan, Progress::begin(&plan), 50);
    assert_eq!(world.accepted(), 8, "b and c come back, a waits");
}

#[test]
fn a_new_cut_shuts_what_runs_and_stops_what_follows() {
    let estate = small();
    let mut world = World::new(&estate, roots_up(&estate));
    let plan = Plan::make(&estate, &world.facts);
    world.run(&plan, Progress::begin(&plan), 50);
    assert_eq!(world.accepted(), 12);
    world.facts.environments.get_mut(&environment("b")).unwrap().state = State::Contained;
    let plan = Plan::make(&estate, &world.facts);
    let decision = world.decide(&plan, Progress::begin(&plan));
    let [(cells, ClosingBecause::Contained { .. })] = &closings(&decision.effects)[..] else {
        panic!("{:?}", decision.effects);
    };
    assert_eq!(cells.len(), 4);
}

#[test]
fn provisional_operation_is_announced_ended_and_carried_on_by_a_full_clearance() {
    let estate = small();
    let mut world = World::new(&estate, roots_up(&estate));
    limit(&mut world.facts, "a", &["a/payments"], hours(12));
    let plan = Plan::make(&estate, &world.facts);
    let decision = world.run(&plan, Progress::begin(&plan), 8);
    assert_eq!(world.facts.cell(&cell("a/payments")).stage, Stage::Accepted);
    world.facts.now = hours(9);
    let near = world.decide(&plan, decision.progress);
    assert!(
        near.effects
            .iter()
            .any(|effect| matches!(effect, Effect::AnnounceReshut { at, .. } if *at == hours(12)))
    );
    assert!(closings(&near.effects).is_empty(), "not before its time");
    world.facts.now = hours(12);
    let over = world.decide(&plan, near.progress.clone());
    assert!(matches!(
        &closings(&over.effects)[..],
        [(_, ClosingBecause::LimitOver { .. })]
    ));
    let home = world.facts.environments.get_mut(&environment("a")).unwrap();
    home.state = State::Cleared;
    home.clearances.push(crate::world::full("later"));
    let carried = world.decide(&plan, near.progress);
    assert!(closings(&carried.effects).is_empty(), "{:?}", carried.effects);
}

#[test]
fn emergency_operation_is_switched_back_before_the_opening_is_offered() {
    let estate = small();
    let mut facts = roots_up(&estate);
    facts.cells.get_mut(&cell("a/payments")).unwrap().emergency = Emergency::Running;
    let mut world = World::new(&estate, facts);
    world.facts.slots.per_hour = Count(20);
    let plan = Plan::make(&estate, &world.facts);
    let first = world.decide(&plan, Progress::begin(&plan));
    assert!(!openings(&first.effects).contains(&cell("a/payments")));
    assert!(
        first
            .effects
            .iter()
            .any(|effect| matches!(effect, Effect::SwitchBack { .. }))
    );
    world.carry_out(&first.effects);
    let second = world.decide(&plan, first.progress);
    assert!(openings(&second.effects).contains(&cell("a/payments")));
}

#[test]
fn an_insurer_that_does_not_sign_holds_up_nobody_else() {
    let estate = small();
    let mut world = World::new(&estate, roots_up(&estate));
    world.facts.slots.per_hour = Count(1);
    let plan = Plan::make(&estate, &world.facts);
    let first = world.decide(&plan, Progress::begin(&plan));
    assert_eq!(openings(&first.effects), BTreeSet::from([cell("a/kim")]));
    // Nobody signs. In the same hour nothing else is offered; in the next hour the next one is, and the first stays.
    let same = world.decide(&plan, first.progress.clone());
    assert_eq!(openings(&same.effects).len(), 1);
    world.hour();
    let next = world.decide(&plan, same.progress);
    assert_eq!(
        openings(&next.effects),
        BTreeSet::from([cell("a/kim"), cell("b/kim")])
    );
}

#[test]
fn what_waits_is_asked_for_or_planned_anew() {
    let estate = small();
    let mut facts = roots_up(&estate);
    let consents = std::mem::take(&mut facts.insurers.get_mut(&insurer("c")).unwrap().consents);
    let plan = Plan::make(&estate, &facts);
    let decision = decide(&estate, &plan, Progress::begin(&plan), &facts);
    // eau also waits for kim, so consent is not all it lacks
    let all = ["c/kim", "c/payments", "c/statistics"];
    let asked = consents_asked(&decision.effects);
    assert_eq!(asked, all.into_iter().map(cell).collect());
    facts.insurers.get_mut(&insurer("c")).unwrap().consents = consents;
    let decision = decide(&estate, &plan, Progress::begin(&plan), &facts);
    assert!(decision.effects.iter().any(|effect| matches!(
        effect,
        Effect::Replan { because: Because::MayStart { cells } } if cells.len() == 3
    )));
}

#[test]
fn the_runner_has_no_choice_of_ground_or_plan() {
    let estate = small();
    let mut facts = roots_up(&estate);
    let plan = Plan::make(&estate, &facts);
    let other = crate::world::full("another");
    facts.environments.get_mut(&environment("a")).unwrap().clearances = vec![other];
    let decision = decide(&estate, &plan, Progress::begin(&plan), &facts);
    assert!(
        openings(&decision.effects)
            .iter()
            .all(|cell| cell.insurer != insurer("a"))
    );
    assert!(decision.effects.iter().any(|effect| matches!(
        effect,
        Effect::Replan {
            because: Because::OtherGround { .. }
        }
    )));
    let newer = Plan::make(&estate, &facts);
    assert_ne!(newer.id(), plan.id());
    let decision = decide(&estate, &newer, Progress::begin(&plan), &facts);
    assert_eq!(
        decision.effects,
        [Effect::Replan {
            because: Because::OtherPlan
        }]
    );
    assert!(matches!(
        facts.environments[&environment("a")].clearances[0].grade,
        Grade::Full
    ));
    assert!(facts.is_up(&root("dns")));
}

#[test]
fn the_end_is_asked_for_when_everything_is_accepted_and_worked_off() {
    let estate = small();
    let mut facts = roots_up(&estate);
    let by = "ada".parse().unwrap();
    for cell in facts.cells.values_mut() {
        cell.stage = Stage::Accepted;
    }
    facts.environments.get_mut(&environment("a")).unwrap().state = State::Accepted { by, at: hours(-1) };
    let plan = Plan::make(&estate, &facts);
    let asked = |facts: &Situation| {
        let decision = decide(&estate, &plan, Progress::begin(&plan), facts);
        decision.effects.contains(&Effect::AskEnd {
            insurer: insurer("a"),
        })
    };
    assert!(asked(&facts));
    facts.cells.get_mut(&cell("a/kim")).unwrap().backlog.items = restoration::situation::Items(1);
    assert!(!asked(&facts), "the backlog counts");
}

#[test]
fn a_root_that_falls_stops_new_starts_and_asks_for_a_new_plan() {
    let estate = small();
    let mut facts = roots_up(&estate);
    let plan = Plan::make(&estate, &facts);
    facts.roots.get_mut(&root("dns")).unwrap().state = RootState::Down;
    let decision = decide(&estate, &plan, Progress::begin(&plan), &facts);
    assert!(openings(&decision.effects).is_empty());
    assert_eq!(decision.waits.len(), 12, "everything stands on dns");
    assert!(decision.effects.iter().any(|effect| matches!(
        effect,
        Effect::Replan { because: Because::RootsFell { roots } } if roots.contains(&root("dns"))
    )));
}

#[test]
fn what_comes_back_on_a_root_that_falls_is_to_be_shut_again() {
    let estate = small();
    let mut world = World::new(&estate, roots_up(&estate));
    let plan = Plan::make(&estate, &world.facts);
    let decision = world.decide(&plan, Progress::begin(&plan));
    world.carry_out(&decision.effects);
    let started: BTreeSet<CellId> = world.started.iter().map(|(cell, _)| cell.clone()).collect();
    assert!(!started.is_empty());
    world.facts.roots.get_mut(&root("dns")).unwrap().state = RootState::Down;
    let decision = world.decide(&plan, decision.progress);
    let [(cells, ClosingBecause::RootFell { root: fallen })] = &closings(&decision.effects)[..] else {
        panic!("{:?}", decision.effects);
    };
    assert_eq!((cells, fallen), (&started, &root("dns")));
    assert!(openings(&decision.effects).is_empty());
    // Said again as long as it is so, and not once it is up again.
    let again = world.decide(&plan, decision.progress.clone());
    assert_eq!(closings(&again.effects), closings(&decision.effects));
    world.facts.roots.get_mut(&root("dns")).unwrap().state = RootState::Up;
    assert!(closings(&world.decide(&plan, decision.progress).effects).is_empty());
}

#[test]
fn what_was_accepted_is_shut_with_its_root_only_if_that_was_cut_off_again() {
    let estate = small();
    let mut world = World::new(&estate, roots_up(&estate));
    let plan = Plan::make(&estate, &world.facts);
    world.run(&plan, Progress::begin(&plan), 50);
    assert_eq!(world.accepted(), 12);
    let plan = Plan::make(&estate, &world.facts);
    let fallen = world.facts.roots.get_mut(&root("mail")).unwrap();
    fallen.state = RootState::Down;
    let home = fallen.environment.clone();
    let decision = world.decide(&plan, Progress::begin(&plan));
    assert!(
        closings(&decision.effects).is_empty(),
        "measured in normal operation"
    );
    world.facts.environments.get_mut(&home).unwrap().state = State::Contained;
    let decision = world.decide(&plan, Progress::begin(&plan));
    let [(cells, ClosingBecause::RootFell { .. })] = &closings(&decision.effects)[..] else {
        panic!("{:?}", decision.effects);
    };
    let wanted: BTreeSet<CellId> = ["a", "b", "c"]
        .iter()
        .flat_map(|insurer| [cell(&format!("{insurer}/kim")), cell(&format!("{insurer}/eau"))])
        .collect();
    assert_eq!(*cells, wanted, "what stands on it, and nothing else");
}

#[test]
fn another_plan_is_begun_with_what_was_offered_lately() {
    let estate = small();
    let facts = roots_up(&estate);
    let plan = Plan::make(&estate, &facts);
    let first = decide(&estate, &plan, Progress::begin(&plan), &facts);
    let mut later = facts.clone();
    later.now = hours(0).plus(vocabulary::Seconds(60));
    let next = Plan::make(&estate, &later);
    let over = decide(&estate, &next, first.progress.carried_over(&next), &later);
    assert_eq!(
        openings(&over.effects),
        openings(&first.effects),
        "the same cells stay offered, and no more than the slots allow"
    );
}

#[test]
fn a_failed_cell_whose_door_stands_open_is_shut_even_if_the_plan_left_it_waiting() {
    let estate = small();
    let mut facts = roots_up(&estate);
    let one = facts.cells.get_mut(&cell("a/kim")).unwrap();
    one.stage = Stage::Failed {
        reason: "Datenbank".to_owned(),
    };
    one.door = Reach::Reached {
        position: Position::Open,
    };
    let plan = Plan::make(&estate, &facts);
    let decision = decide(&estate, &plan, Progress::begin(&plan), &facts);
    assert!(matches!(
        &closings(&decision.effects)[..],
        [(cells, ClosingBecause::Failed { .. })] if cells.contains(&cell("a/kim"))
    ));
    let reason = "alles zu".to_owned();
    let told = Progress::begin(&plan).told(&plan, &Command::ReshutAll { reason });
    let decision = decide(&estate, &plan, told, &facts);
    assert_eq!(closings(&decision.effects).len(), 1);
    assert!(openings(&decision.effects).is_empty());
}
