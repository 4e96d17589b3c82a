//! Who comes first: livelihood, tolerable downtime, people, dates, the insurer's own word.

use restoration::{
    Lang, Plan,
    plan::{Mtd, Place},
    render,
    situation::Count,
};

use crate::world::{big, cell, hours, insurer, roots_up, service, small};

fn order(plan: &Plan) -> Vec<String> {
    plan.steps().map(|(_, step)| step.cell.to_string()).collect()
}

#[test]
fn livelihood_first_then_mtd_then_people_and_what_they_need_before_them() {
    let estate = small();
    let mut situation = roots_up(&estate);
    situation.slots.per_hour = Count(1);
    let plan = Plan::make(&estate, &situation);
    let found = order(&plan);
    // eau has 14 hours left, payments 38; kim starts for the sake of eau, although nobody lives on it.
    assert_eq!(found[..3], ["a/kim", "a/eau", "b/kim"], "{found:?}");
    let (_, kim) = plan.steps().next().unwrap();
    assert_eq!(kim.rank.sake_of, Some(service("eau")));
    assert!(kim.rank.words().en.contains("because \"eau\" needs it"));
    let place = |name: &str| found.iter().position(|one| one == name).unwrap();
    assert!(
        place("c/eau") < place("a/payments"),
        "14 h left come before 38 h: {found:?}"
    );
    assert!(
        place("a/payments") < place("b/payments"),
        "more people first: {found:?}"
    );
    assert!(
        found[9..].iter().all(|name| name.ends_with("/statistics")),
        "statistics never before payments: {found:?}"
    );
    assert!(place("b/statistics") < place("c/statistics"), "{found:?}");
}

#[test]
fn payments_stand_before_statistics_for_all_eighty() {
    let estate = big();
    let mut situation = roots_up(&estate);
    situation.slots.per_hour = Count(20);
    let plan = Plan::make(&estate, &situation);
    let places = plan.places();
    assert_eq!(places.len(), 640);
    let waves = |name: &str| -> Vec<u32> {
        let of = places.iter().filter(|(cell, _)| cell.service == service(name));
        of.map(|(cell, place)| match place {
            Place::Wave(wave, _) => wave.number.0,
            Place::Up(_) | Place::Waits(_) => panic!("{cell} has no wave"),
        })
        .collect()
    };
    let last = |name: &str| waves(name).into_iter().max().unwrap();
    let first = |name: &str| waves(name).into_iter().min().unwrap();
    for lived_on in ["eau", "payments", "lookup"] {
        assert!(last(lived_on) <= first("statistics"), "{lived_on}");
    }
    // An insurer that puts its statistics first gets them first of what nobody lives on, and no earlier.
    let ranking = ["statistics", "epa"].map(service).to_vec();
    for said in situation.insurers.values_mut() {
        said.ranking = ranking.clone();
    }
    let plan = Plan::make(&estate, &situation);
    let order = order(&plan);
    let place = |name: &str| order.iter().position(|one| one == name).unwrap();
    assert!(place("kasse-001/payments") < place("kasse-001/statistics"));
    assert!(place("kasse-001/statistics") < place("kasse-001/epa"));
}

#[test]
fn a_date_of_the_calendar_lifts_within_the_same_number_of_people() {
    let estate = small();
    let mut situation = roots_up(&estate);
    situation.slots.per_hour = Count(1);
    let before = order(&Plan::make(&estate, &situation));
    let place = |order: &[String], name: &str| order.iter().position(|one| one == name).unwrap();
    let plan = Plan::make(&estate, &situation);
    let (_, step) = plan
        .steps()
        .find(|(_, step)| step.cell == cell("c/statistics"))
        .unwrap();
    let due = step.rank.due.clone().unwrap();
    assert_eq!((due.days, due.what.as_str()), (Count(1), "Beiträge fällig"));
    assert!(place(&before, "b/statistics") < place(&before, "c/statistics"));
    // A day later the date is over and nothing is said about it.
    situation.now = hours(48);
    let later = Plan::make(&estate, &situation);
    assert!(later.steps().all(|(_, step)| step.rank.due.is_none()));
}

#[test]
fn an_insurer_orders_its_own_cells_and_nobody_elses() {
    let estate = small();
    let mut situation = roots_up(&estate);
    situation.slots.per_hour = Count(1);
    let before = order(&Plan::make(&estate, &situation));
    let ranking = ["statistics", "payments", "eau", "kim"].map(service).to_vec();
    situation.insurers.get_mut(&insurer("a")).unwrap().ranking = ranking;
    let after = order(&Plan::make(&estate, &situation));
    let own = |order: &[String], of: &str| -> Vec<String> {
        order
            .iter()
            .filter(|name| name.starts_with(of))
            .cloned()
            .collect()
    };
    assert_eq!(
        own(&after, "a/"),
        ["a/payments", "a/kim", "a/eau", "a/statistics"],
        "payments before eau; a statistic never before either"
    );
    for other in ["b/", "c/"] {
        assert_eq!(own(&before, other), own(&after, other));
    }
}

#[test]
fn a_plan_says_when_it_cannot_keep_the_tolerable_downtime() {
    let estate = small();
    let mut situation = roots_up(&estate);
    let plan = Plan::make(&estate, &situation);
    let risk = |plan: &Plan, name: &str| match plan.place(&cell(name)).unwrap() {
        Place::Wave(_, step) => step.mtd(plan.made()),
        other @ (Place::Up(_) | Place::Waits(_)) => panic!("{other:?}"),
    };
    // eau has 14 hours left; it starts after kim's test, which takes one to eight hours
    assert_eq!(risk(&plan, "a/eau"), Mtd::Kept);
    situation.cells.get_mut(&cell("a/eau")).unwrap().down_since = Some(hours(-20));
    let plan = Plan::make(&estate, &situation);
    assert_eq!(risk(&plan, "a/eau"), Mtd::AtRisk);
    assert!(render(&plan, &estate, Lang::De).contains("im ungünstigsten Fall überschritten"));
    situation.cells.get_mut(&cell("a/eau")).unwrap().down_since = Some(hours(-40));
    assert_eq!(risk(&Plan::make(&estate, &situation), "a/eau"), Mtd::Exceeded);
}
