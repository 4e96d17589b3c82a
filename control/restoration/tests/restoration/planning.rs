//! Plans: order, reasons, forecasts, and how they read.

use std::collections::BTreeSet;

use restoration::{
    Lang, Missing, Plan,
    environment::State,
    plan::{CatchUp, Condition, Place, Starts, Unreadable, UpStage},
    render,
    situation::{
        Against, Backlog, Booking, Count, Emergency, Items, Reach, RefusalFacts, RootState, Stage, Standing,
        Window,
    },
};
use vocabulary::{Seconds, Timestamp};

use crate::world::{
    NOW, all_signed, big, cell, environment, hours, insurer, limit, root, roots_up, service, small,
};

fn missing(plan: &Plan, name: &str) -> Vec<Missing> {
    match plan.place(&cell(name)).unwrap() {
        Place::Waits(waits) => waits.missing.clone(),
        other @ (Place::Up(_) | Place::Wave(..)) => panic!("{name} does not wait: {other:?}"),
    }
}

#[test]
fn roots_come_first_in_the_order_they_need_each_other() {
    let estate = big();
    let plan = Plan::make(&estate, &all_signed(&estate));
    let roots: Vec<String> = plan
        .waves()
        .iter()
        .map_while(|wave| match &wave.starts {
            Starts::Roots(roots) => {
                let names: Vec<String> = roots.iter().map(ToString::to_string).collect();
                Some(names.join(" "))
            }
            Starts::Cells(_) => None,
        })
        .collect();
    assert_eq!(roots, ["network", "dns", "identity", "keys", "mail"]);
    // Nothing waits for roots it does not stand on: lookup needs three, payments four, an hour each at least.
    let (first, lookup) = plan.steps().next().unwrap();
    assert_eq!((first.number, lookup.start.earliest), (Count(6), hours(3)));
    assert_eq!(lookup.cell.service, service("lookup"));
    let (_, step) = plan
        .steps()
        .find(|(_, step)| step.cell.service == service("payments"))
        .unwrap();
    assert!(step.start.earliest >= hours(4));
    assert!(
        step.start.latest >= hours(24),
        "four roots at six hours each in the worst case"
    );
    assert!(
        step.start
            .conditions
            .iter()
            .any(|one| matches!(one, Condition::RootsUp { roots } if roots.len() == 4))
    );
}

/// On 30 April 2023 monthly statistics were announced before payments. People live on payments.
#[test]
fn everything_missing_is_named_at_once_in_both_languages() {
    let estate = small();
    let mut situation = roots_up(&estate);
    situation.slots.booking = Booking::Required;
    let home = situation.environments.get_mut(&environment("a")).unwrap();
    home.state = State::UnderExamination;
    home.clearances.clear();
    home.signed = Count(1);
    let said = situation.insurers.get_mut(&insurer("a")).unwrap();
    said.consents.clear();
    said.refusals.push(RefusalFacts {
        against: Against::Services(BTreeSet::from([service("eau")])),
        reason: "eigene Prüfung läuft".to_owned(),
    });
    situation.cells.get_mut(&cell("a/eau")).unwrap().door = Reach::Unreached {
        since: Some(hours(-2)),
    };
    situation.roots.get_mut(&root("mail")).unwrap().state = RootState::Failed {
        reason: "Platte".to_owned(),
    };
    let plan = Plan::make(&estate, &situation);
    let waits = match plan.place(&cell("a/eau")).unwrap() {
        Place::Waits(waits) => waits.to_string(),
        other @ (Place::Up(_) | Place::Wave(..)) => panic!("{other:?}"),
    };
    for words in [
        "Grundlage „mail“ läuft nicht.",
        "Freigabe für „a“ fehlt (1 von 2 Unterschriften der Forensik).",
        "Zustimmung von „a“ fehlt.",
        "Abgelehnt von „a“, weil: eigene Prüfung läuft.",
        "„a“ hat keinen Termin gebucht.",
        "Dienst „kim“, den sie braucht, ist nicht abgenommen.",
        "Tür seit 2023-04-27 02:00 UTC nicht erreichbar.",
        "Root \"mail\" is not up.",
        "Clearance for \"a\" is missing (1 of 2 examiners signed).",
        "Consent of \"a\" is missing.",
        "Refused by \"a\" because: eigene Prüfung läuft.",
        "\"a\" has not booked a slot.",
        "Service \"kim\", which it needs, is not accepted.",
        "Door unreached since 2023-04-27 02:00 UTC.",
    ] {
        assert!(waits.contains(words), "{words} missing in {waits}");
    }
    assert!(matches!(
        missing(&plan, "b/eau")[..],
        [
            Missing::Root { .. },
            Missing::Service { .. },
            Missing::Slot { .. }
        ]
    ));
    assert!(matches!(
        plan.waiting_roots()[&root("mail")].missing[..],
        [Missing::RootFailed { .. }]
    ));
}

#[test]
fn each_way_a_clearance_or_consent_can_fail_has_its_own_reason() {
    let estate = small();
    let good = roots_up(&estate);
    let home = |change: &dyn Fn(&mut restoration::situation::EnvironmentFacts)| {
        let mut situation = good.clone();
        change(situation.environments.get_mut(&environment("a")).unwrap());
        missing(&Plan::make(&estate, &situation), "a/payments")
    };
    let withdrawn = home(&|home| home.clearances[0].standing = Standing::Withdrawn);
    assert!(matches!(withdrawn[..], [Missing::ClearanceWithdrawn { .. }]));
    let over = home(&|home| home.clearances[0].expires = hours(-1));
    assert!(matches!(over[..], [Missing::ClearanceOver { at, .. }] if at == hours(-1)));
    let contained = home(&|home| home.state = State::Contained);
    assert!(
        matches!(contained[..], [Missing::Environment { .. }]),
        "a re-shut beats an old clearance"
    );
    let unknown = home(&|home| home.clearances.clear());
    assert!(matches!(unknown[..], [Missing::Clearance { .. }]));
    let mut limited = good.clone();
    limit(&mut limited, "a", &["a/payments"], hours(20));
    let plan = Plan::make(&estate, &limited);
    assert!(matches!(
        missing(&plan, "a/statistics")[..],
        [Missing::NotCovered { .. }]
    ));
    limited.insurers.get_mut(&insurer("a")).unwrap().consents[0].to =
        restoration::situation::ConsentTo::Reopening;
    assert!(matches!(
        missing(&Plan::make(&estate, &limited), "a/payments")[..],
        [Missing::OtherConsent { .. }]
    ));
    let mut nobody = good.clone();
    nobody.environments.remove(&environment("a"));
    nobody.insurers.remove(&insurer("a"));
    nobody.cells.remove(&cell("a/payments"));
    assert_eq!(
        missing(&Plan::make(&estate, &nobody), "a/payments").len(),
        3,
        "what is not known counts as closed: clearance, consent, door"
    );
}

#[test]
fn limited_operation_carries_its_planned_re_shutdown() {
    let estate = small();
    let mut situation = roots_up(&estate);
    limit(&mut situation, "a", &["a/payments"], hours(20));
    let plan = Plan::make(&estate, &situation);
    let [reshut] = plan.reshuts() else {
        panic!("{:?}", plan.reshuts());
    };
    assert_eq!((reshut.at, reshut.cells.len()), (hours(20), 1));
    for lang in [Lang::De, Lang::En] {
        let text = render(&plan, &estate, lang);
        assert!(
            text.matches("2023-04-28 00:00 UTC").count() >= 2,
            "announced at the step and in its list: {text}"
        );
    }
    // What runs already keeps its announced time in every later plan.
    situation.cells.get_mut(&cell("a/payments")).unwrap().stage = Stage::Accepted;
    assert_eq!(
        Plan::make(&estate, &situation).reshuts(),
        std::slice::from_ref(reshut)
    );
    // Too late to start: it waits instead.
    limit(&mut situation, "b", &["b/payments"], hours(1));
    situation.roots.get_mut(&root("dns")).unwrap().state = RootState::Down;
    let plan = Plan::make(&estate, &situation);
    assert!(matches!(missing(&plan, "b/payments")[..], [Missing::Hour { .. }]));
}

#[test]
fn starts_lie_in_booked_slots_consented_hours_and_capacity() {
    let estate = small();
    let mut situation = roots_up(&estate);
    situation.slots.booking = Booking::Required;
    situation.slots.per_hour = Count(2);
    for (name, from) in [("a", 5), ("b", 5), ("c", 1)] {
        let said = situation.insurers.get_mut(&insurer(name)).unwrap();
        said.booked = vec![Window {
            from: hours(from),
            to: hours(from + 4),
        }];
        said.consents[0].hours = Some((4, 12));
    }
    let plan = Plan::make(&estate, &situation);
    for (wave, step) in plan.steps() {
        let from = if step.cell.insurer == insurer("c") { 1 } else { 5 };
        let at = step.start.earliest;
        assert!(
            hours(from) <= at && at < hours(from + 4) && step.start.latest < hours(from + 4),
            "{step:?}"
        );
        // 04:00 is now, so 12:00 is in eight hours
        assert!(at < hours(8), "the consent names hours: {step:?}");
        let Starts::Cells(steps) = &wave.starts else {
            panic!("no cells");
        };
        assert!(steps.len() <= 2);
    }
    // a and b share three hours with two starts each; six of their eight cells fit.
    let full = plan
        .waiting()
        .iter()
        .filter(|(_, waits)| matches!(waits.missing[..], [Missing::Hour { .. }]))
        .count();
    assert_eq!((plan.steps().count(), full), (10, 2));
}

#[test]
fn a_started_service_counts_only_when_it_is_accepted() {
    let estate = small();
    let mut situation = roots_up(&estate);
    situation.cells.get_mut(&cell("a/kim")).unwrap().stage = Stage::Started;
    let plan = Plan::make(&estate, &situation);
    assert_eq!(plan.up()[&cell("a/kim")].stage, UpStage::Started);
    let Some(Place::Wave(_, eau)) = plan.place(&cell("a/eau")) else {
        panic!("eau is planned after kim's test");
    };
    assert!(eau.start.earliest >= hours(1));
    assert!(
        eau.start
            .conditions
            .iter()
            .any(|one| matches!(one, Condition::Accepted { .. }))
    );
    situation.cells.get_mut(&cell("a/kim")).unwrap().stage = Stage::Failed {
        reason: "Test abgelehnt".to_owned(),
    };
    let plan = Plan::make(&estate, &situation);
    assert!(matches!(missing(&plan, "a/eau")[..], [Missing::Service { .. }]));
    assert!(matches!(missing(&plan, "a/kim")[..], [Missing::Failed { .. }]));
}

#[test]
fn backlog_counts_until_it_is_empty_and_nothing_is_said_without_a_measurement() {
    let backlog = |items, inflow, measured: Option<(u64, u64)>| Backlog {
        items: Items(items),
        inflow: Items(inflow),
        measured: measured.map(|(a, b)| (Items(a), Items(b))),
    };
    let cases = [
        (backlog(0, 0, None), 0, CatchUp::Empty),
        (
            backlog(100, 0, None),
            0,
            CatchUp::Unmeasured { items: Items(100) },
        ),
        (
            backlog(100, 10, Some((20, 110))),
            0,
            CatchUp::Between {
                least: Seconds(3_600),
                most: Some(Seconds(36_000)),
            },
        ),
        (
            backlog(0, 10, Some((110, 20))),
            36_000,
            CatchUp::Between {
                least: Seconds(3_600),
                most: Some(Seconds(36_000)),
            },
        ),
        (
            backlog(100, 10, Some((10, 110))),
            0,
            CatchUp::Between {
                least: Seconds(3_600),
                most: None,
            },
        ),
        (
            backlog(100, 10, Some((0, 10))),
            0,
            CatchUp::Never { items: Items(100) },
        ),
    ];
    for (backlog, until_start, expected) in cases {
        assert_eq!(
            CatchUp::of(&backlog, Seconds(until_start)),
            expected,
            "{backlog:?}"
        );
    }
    assert!(matches!(
        CatchUp::of(
            &backlog(u64::MAX, u64::MAX - 1, Some((u64::MAX, u64::MAX))),
            Seconds(u64::MAX)
        ),
        CatchUp::Never { .. } | CatchUp::Between { .. } | CatchUp::Unmeasured { .. } | CatchUp::Empty
    ));
}

#[test]
fn examiners_begin_where_most_people_wait() {
    let estate = small();
    let mut situation = all_signed(&estate);
    for name in ["a", "b", "c", "provider"] {
        let home = situation.environments.get_mut(&environment(name)).unwrap();
        home.clearances.clear();
        home.state = State::Contained;
    }
    let plan = Plan::make(&estate, &situation);
    let queue: Vec<(&str, u64)> = plan
        .queue()
        .iter()
        .map(|one| (one.environment.as_str(), one.unblocks.0))
        .collect();
    // The provider's own environment holds up everybody: the roots stand in it.
    assert_eq!(
        queue,
        [("provider", 107_000), ("a", 100_000), ("b", 5_000), ("c", 2_000)]
    );
    let done: Vec<(Timestamp, Timestamp)> = plan
        .queue()
        .iter()
        .map(|one| (one.done.earliest, one.done.latest))
        .collect();
    assert_eq!(done[1], (hours(4), hours(12)), "two at once");
    assert_eq!(done[2], (hours(8), hours(24)));
    assert!(plan.steps().next().is_none());
}

#[test]
fn switching_back_from_emergency_is_planned_with_its_outage() {
    let estate = small();
    let mut situation = roots_up(&estate);
    situation.cells.get_mut(&cell("a/payments")).unwrap().emergency = Emergency::Running;
    let plan = Plan::make(&estate, &situation);
    let Some(Place::Wave(_, step)) = plan.place(&cell("a/payments")) else {
        panic!("planned");
    };
    assert_eq!(step.switch_back, Some(situation.assumptions.switch_back));
    assert!(render(&plan, &estate, Lang::De).contains("Ausfall bis zu 1 Stunde ankündigen"));
}

#[test]
fn a_changed_plan_is_no_plan() {
    let estate = small();
    let plan = Plan::make(&estate, &roots_up(&estate));
    let text = plan.to_json().unwrap();
    assert_eq!(Plan::read(&text).unwrap(), plan);
    let changed = text.replacen("\"perHour\":4", "\"perHour\":5", 1);
    assert_ne!(changed, text);
    assert!(matches!(Plan::read(&changed), Err(Unreadable::Changed { .. })));
    assert!(matches!(Plan::read("{}"), Err(Unreadable::Form(_))));
}

#[test]
fn the_text_names_every_cell_once_and_every_reason() {
    let estate = small();
    let mut situation = all_signed(&estate);
    situation
        .insurers
        .get_mut(&insurer("b"))
        .unwrap()
        .consents
        .clear();
    situation.cells.get_mut(&cell("c/statistics")).unwrap().stage = Stage::Accepted;
    let plan = Plan::make(&estate, &situation);
    for (lang, heading, reason) in [
        (Lang::De, "## Es wartet", "Zustimmung von „b“ fehlt."),
        (Lang::En, "## Waiting", "Consent of \"b\" is missing."),
    ] {
        let text = render(&plan, &estate, lang);
        for (door, ..) in estate.doors() {
            let named = text
                .lines()
                .filter(|line| line.starts_with(&format!("- {door}:")))
                .count();
            assert_eq!(named, 1, "{door} in {text}");
        }
        assert!(text.contains(heading) && text.contains(reason), "{text}");
        assert!(!text.contains("{}"), "{text}");
    }
    let text = render(&plan, &estate, Lang::De);
    assert!(text.starts_with("# Wiederanlaufplan "), "{text}");
    assert_eq!(plan.made(), NOW);
}
