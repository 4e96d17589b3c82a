//! PLAN-1 over random estates and situations, and proof that it sees what it should.

use proptest::prelude::*;
use restoration::{
    Plan, Situation,
    environment::State,
    plan::{Starts, Under},
    promises::{plan_1, plan_1_now},
    run::{Progress, decide},
    situation::{Against, ConsentTo, RefusalFacts, RootState, Standing},
};

use crate::{
    random,
    world::{Chance, all_signed, big, environment, limit, root, small},
};

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_plan_keeps_plan_1(seed: u64) {
        let mut chance = Chance(seed);
        let estate = random::estate(&mut chance);
        let situation = random::situation(&estate, &mut chance);
        let plan = Plan::make(&estate, &situation);
        prop_assert_eq!(plan_1(&estate, &situation, &plan), Ok(()));
        prop_assert_eq!(Plan::make(&estate, &situation).id(), plan.id(), "the same input gives the same plan");
        prop_assert_eq!(Plan::read(&plan.to_json().unwrap()).unwrap(), plan);
        let kept = serde_json::to_string(&situation).unwrap();
        prop_assert_eq!(serde_json::from_str::<Situation>(&kept).unwrap(), situation);
    }

    /// The facts change behind the plan's back; what the run offers is right for the facts, not for the plan.
    #[test]
    fn every_run_keeps_plan_1(seed: u64) {
        let mut chance = Chance(seed);
        let estate = random::estate(&mut chance);
        let before = random::situation(&estate, &mut chance);
        let plan = Plan::make(&estate, &before);
        let mut progress = Progress::begin(&plan);
        for facts in [before, random::situation(&estate, &mut chance), random::situation(&estate, &mut chance)] {
            let decision = decide(&estate, &plan, progress.clone(), &facts);
            prop_assert_eq!(plan_1_now(&estate, &facts, &decision.effects), Ok(()));
            let again = decide(&estate, &plan, decision.progress.clone(), &facts);
            prop_assert_eq!(&again.effects, &decision.effects, "a step repeated is the same step");
            prop_assert_eq!(&again.progress, &decision.progress);
            progress = decision.progress;
        }
    }
}

/// How many of many random situations plan something: a promise over empty plans would say nothing.
#[test]
fn random_situations_are_not_empty() {
    let (mut planned, mut waiting, mut limited, mut later) = (0, 0, 0, 0);
    for seed in 0..500 {
        let mut chance = Chance(seed);
        let estate = random::estate(&mut chance);
        let plan = Plan::make(&estate, &random::situation(&estate, &mut chance));
        planned += plan.steps().count();
        waiting += plan.waiting().len();
        limited += plan
            .steps()
            .filter(|(_, step)| matches!(step.under, Under::Limited { .. }))
            .count();
        later += plan.steps().filter(|(wave, _)| wave.number.0 > 3).count();
    }
    assert!(
        planned > 1_000 && waiting > 1_000 && limited > 50 && later > 200,
        "{planned} planned, {waiting} waiting, {limited} limited, {later} late"
    );
}

type Break = (&'static str, fn(&mut Situation));

/// Each takes one thing away that the plan stands on.
const BREAKS: [Break; 12] = [
    ("a root the plan finds up goes down", |s| {
        s.roots.get_mut(&root("dns")).unwrap().state = RootState::Failed {
            reason: "x".to_owned(),
        };
        for facts in s.roots.values_mut() {
            facts.environment = environment("unknown");
        }
    }),
    ("a root needs more", |s| {
        s.roots.get_mut(&root("dns")).unwrap().needs.insert(root("new"));
    }),
    ("the roots' environment is contained", |s| {
        s.environments.get_mut(&environment("provider")).unwrap().state = State::Contained;
    }),
    ("the roots' clearance is withdrawn", |s| {
        s.environments
            .get_mut(&environment("provider"))
            .unwrap()
            .clearances[0]
            .standing = Standing::Withdrawn;
    }),
    ("an environment is contained", |s| {
        s.environments.get_mut(&environment("a")).unwrap().state = State::Contained;
    }),
    ("a clearance is withdrawn", |s| {
        s.environments.get_mut(&environment("a")).unwrap().clearances[0].standing = Standing::Withdrawn;
    }),
    ("a clearance expires before the start", |s| {
        s.environments.get_mut(&environment("a")).unwrap().clearances[0].expires = s.now;
    }),
    ("a clearance has gone", |s| {
        s.environments
            .get_mut(&environment("a"))
            .unwrap()
            .clearances
            .clear();
    }),
    ("an insurer said nothing", |s| {
        s.insurers.remove(&"a".parse().unwrap());
    }),
    ("an insurer refused", |s| {
        s.insurers
            .get_mut(&"a".parse().unwrap())
            .unwrap()
            .refusals
            .push(RefusalFacts {
                against: Against::Everything,
                reason: "x".to_owned(),
            });
    }),
    ("a consent is for another grade", |s| {
        s.insurers.get_mut(&"a".parse().unwrap()).unwrap().consents[0].to = ConsentTo::Limited {
            most: vocabulary::Seconds(u64::MAX),
        };
    }),
    ("a consent has other hours", |s| {
        // Everything here starts within a day; an empty range of hours allows none of it.
        s.insurers.get_mut(&"a".parse().unwrap()).unwrap().consents[0].hours = Some((3, 3));
    }),
];

#[test]
fn a_plan_that_stands_on_something_that_is_not_there_is_caught() {
    let estate = small();
    let mut situation = all_signed(&estate);
    let plan = Plan::make(&estate, &situation);
    plan_1(&estate, &situation, &plan).unwrap();
    assert_eq!(plan.steps().count(), 12);
    for (name, break_it) in BREAKS {
        let mut broken = situation.clone();
        break_it(&mut broken);
        let caught = plan_1(&estate, &broken, &plan);
        assert!(caught.is_err(), "{name}: not seen");
        let honest = Plan::make(&estate, &broken);
        assert_eq!(
            plan_1(&estate, &broken, &honest),
            Ok(()),
            "{name}: a new plan keeps it"
        );
        assert!(
            honest.waiting().len() > plan.waiting().len(),
            "{name}: something waits now"
        );
    }
    limit(&mut situation, "a", &["a/payments"], crate::world::hours(20));
    let plan = Plan::make(&estate, &situation);
    plan_1(&estate, &situation, &plan).unwrap();
    let mut longer = situation.clone();
    limit(&mut longer, "a", &["a/payments"], crate::world::hours(30));
    assert!(
        plan_1(&estate, &longer, &plan).is_err(),
        "another re-shutdown time"
    );
    limit(&mut longer, "a", &["a/statistics"], crate::world::hours(20));
    assert!(plan_1(&estate, &longer, &plan).is_err(), "another cell");
}

/// Plans made by hand, as a broken planner would make them.
#[test]
fn a_planner_that_breaks_the_order_is_caught() {
    let estate = small();
    let situation = all_signed(&estate);
    let plan = Plan::make(&estate, &situation);
    let json: serde_json::Value = serde_json::from_str(&plan.to_json().unwrap()).unwrap();
    let forge = |change: &dyn Fn(&mut Vec<serde_json::Value>)| {
        let mut contents = json["plan"].clone();
        change(contents["waves"].as_array_mut().unwrap());
        for (at, wave) in contents["waves"].as_array_mut().unwrap().iter_mut().enumerate() {
            wave["number"] = serde_json::json!(at + 1);
        }
        let forged = serde_json::json!({ "id": json["id"], "plan": contents }).to_string();
        // Read under the id it would have: the reader names it.
        match Plan::read(&forged) {
            Ok(same) => same,
            Err(restoration::plan::Unreadable::Changed { found, .. }) => {
                let forged = serde_json::json!({ "id": found, "plan": contents }).to_string();
                Plan::read(&forged).unwrap()
            }
            Err(other) => panic!("{other}"),
        }
    };
    assert_eq!(plan_1(&estate, &situation, &forge(&|_| {})), Ok(()));
    let backwards = forge(&|waves| waves.reverse());
    assert!(
        plan_1(&estate, &situation, &backwards).is_err(),
        "cells before roots"
    );
    let no_roots = forge(&|waves| {
        waves.remove(0);
    });
    assert!(plan_1(&estate, &situation, &no_roots).is_err(), "a root left out");
    let lost = forge(&|waves| {
        waves.pop();
    });
    assert!(plan_1(&estate, &situation, &lost).is_err(), "cells in no place");
    let twice = forge(&|waves| {
        let last = waves.last().unwrap().clone();
        waves.push(last);
    });
    assert!(
        plan_1(&estate, &situation, &twice).is_err(),
        "cells in two places"
    );
    let together = forge(&|waves| {
        let mut all = Vec::new();
        while waves.len() > 2 {
            let mut wave = waves.pop().unwrap();
            all.append(wave["starts"]["cells"].as_array_mut().unwrap());
        }
        let mut one = json["plan"]["waves"][2].clone();
        one["starts"]["cells"] = serde_json::Value::Array(all);
        waves.push(one);
    });
    assert!(
        plan_1(&estate, &situation, &together).is_err(),
        "eau together with kim"
    );
}

#[test]
fn the_sample_of_eighty_keeps_plan_1() {
    let estate = big();
    let situation = all_signed(&estate);
    let plan = Plan::make(&estate, &situation);
    plan_1(&estate, &situation, &plan).unwrap();
    assert_eq!(plan.steps().count(), 640);
    let first = plan.waves().first().unwrap();
    assert!(matches!(&first.starts, Starts::Roots(roots) if roots.contains(&root("network"))));
}
