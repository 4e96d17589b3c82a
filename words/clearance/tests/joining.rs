//! Who joins for a while, and what falls when something is taken back.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

mod common;

use std::collections::BTreeSet;

use clearance::{Admitted, Clearance, Delegation, Followed, Refused, Withdrawal, Withdraws};
use common::{
    PROVIDER, ROOTS, T0, World, after, closing, consent, door_facts, estate, first_restriction,
    full_clearance, opening, person, refused, signed, text,
};
use order::Becomes;
use vocabulary::{Class, Digest, StatementId};

fn delegation(entity: &str, id: &str) -> Delegation {
    Delegation {
        estate: estate(),
        person: person(id, entity, &[]),
        environments: BTreeSet::from(["kasse-001".parse().unwrap()]),
        reason: text("Verstärkung"),
        issued: T0,
        expires: after(72),
    }
}

/// A contained door, with a clearance by these keys; asks for a permit at that hour.
fn reopen(
    world: &mut World,
    clearance: &Clearance,
    by: &[&str],
    hour: u64,
) -> Result<clearance::Permit, Refused> {
    let cut = world.must(&signed(&closing(Class::Containment), &["leitung-1"]));
    let cleared = signed(clearance, by);
    world.append(&cleared);
    let mut order = opening(&[first_restriction(cut)], &[cleared.id()], Becomes::Open);
    order.expires = after(160);
    let order = signed(&order, &["leitung-2"]);
    world.must(&order);
    let mut yes = consent(order.id());
    yes.expires = after(150);
    world.must(&signed(&yes, &["kasse-001-ja"]));
    let view = world.fresh(after(hour)).unwrap();
    world.authority.permit(
        order.id(),
        &door_facts(first_restriction(cut), Class::Containment),
        &view,
    )
}

#[test]
fn a_delegate_counts_as_outside_for_days_and_named_environments() {
    let by = ["forensik-1", "gast"];
    let joined = || {
        let mut world = World::new();
        let id = world.must(&signed(
            &delegation("ir-firma", "gast"),
            &["leitung-1", "forensik-aussen-1"],
        ));
        (world, id)
    };
    let long = Clearance {
        expires: after(100),
        ..full_clearance("kasse-001")
    };
    reopen(&mut joined().0, &long, &by, 1).unwrap();
    assert!(reopen(&mut World::new(), &long, &by, 1).is_err(), "not delegated");
    assert!(
        reopen(&mut joined().0, &long, &by, 73).is_err(),
        "the delegation is over"
    );
    let (mut world, id) = joined();
    let away = Withdrawal {
        estate: estate(),
        withdraws: Withdraws::Delegation(id),
        reason: text("Auftrag beendet"),
        issued: T0,
    };
    world.must(&signed(&away, &["leitung-2"]));
    assert!(
        reopen(&mut world, &long, &by, 1).is_err(),
        "the delegation is withdrawn"
    );
    let mut elsewhere = World::new();
    let mut narrow = delegation("ir-firma", "gast");
    narrow.environments = BTreeSet::from(["kasse-002".parse().unwrap()]);
    elsewhere.must(&signed(&narrow, &["leitung-1", "forensik-aussen-1"]));
    assert!(
        reopen(&mut elsewhere, &long, &by, 1).is_err(),
        "delegated for another environment"
    );
}

#[test]
fn insiders_cannot_invent_an_outsider() {
    let mut world = World::new();
    let guest = delegation("ir-firma", "gast");
    assert!(refused(&mut world, &signed(&guest, &["leitung-1", "forensik-1"])).contains("von außerhalb"));
    assert!(refused(&mut world, &signed(&guest, &["leitung-1"])).contains("Forensik"));
    assert!(refused(&mut world, &signed(&guest, &["alleskoenner"])).contains("zwei Teile"));
    let insider = delegation(PROVIDER, "gast");
    assert!(
        refused(&mut world, &signed(&insider, &["leitung-1", "forensik-aussen-1"])).contains("beauftragt")
    );
    let mut disguised = delegation("ir-firma", "gast");
    disguised.person.keys = vec![common::public("forensik-1")];
    assert!(
        refused(
            &mut world,
            &signed(&disguised, &["leitung-1", "forensik-aussen-1"])
        )
        .contains("beauftragt")
    );
    world.must(&signed(&guest, &ROOTS));
    let mut twin = delegation("ir-firma", "gast-2");
    twin.person.keys = vec![common::public("gast")];
    assert!(
        refused(&mut world, &signed(&twin, &ROOTS)).contains("beauftragt"),
        "one key, two guests"
    );
}

#[test]
fn a_withdrawal_takes_with_it_what_relies_on_it() {
    let mut world = World::new();
    let examiners = ["forensik-1", "forensik-aussen-1"];
    let base = world.must(&signed(&full_clearance("rechenzentrum"), &examiners));
    let middle = Clearance {
        relies_on: BTreeSet::from([base]),
        ..full_clearance("plattform")
    };
    let middle = world.must(&signed(&middle, &examiners));
    let top = Clearance {
        relies_on: BTreeSet::from([middle]),
        ..full_clearance("kasse-001")
    };
    let permit = reopen(&mut world, &top, &examiners, 1).unwrap();
    assert_eq!(permit.stands_on().clearances.len(), 3);

    let preview = world.authority.closure(Withdraws::Clearance(base));
    assert_eq!(
        preview.clearances,
        permit.stands_on().clearances,
        "the preview shows the whole closure beforehand"
    );
    let away = Withdrawal {
        estate: estate(),
        withdraws: Withdraws::Clearance(base),
        reason: text("Implantat"),
        issued: T0,
    };
    let Followed::Admitted(Admitted::Withdraw(withdrawn)) = world.append(&signed(&away, &["forensik-2"]))
    else {
        panic!("one examiner is enough");
    };
    assert!(withdrawn.topples(permit.stands_on()));
    assert!(refused(&mut world, &signed(&away, &["leitung-1"])).contains("Forensik oder der Kasse"));

    let mut early = World::new();
    early.must(&signed(&away, &["forensik-2"]));
    early.must(&signed(&full_clearance("rechenzentrum"), &examiners));
    early.must(&signed(
        &Clearance {
            relies_on: BTreeSet::from([base]),
            ..full_clearance("plattform")
        },
        &examiners,
    ));
    let words = reopen(&mut early, &top, &examiners, 1).unwrap_err().to_string();
    assert!(
        words.contains("zurückgezogen"),
        "withdrawn before it arrived: {words}"
    );
}

#[test]
fn an_expired_or_unknown_base_carries_nothing() {
    let examiners = ["forensik-1", "forensik-aussen-1"];
    let mut world = World::new();
    let short = Clearance {
        expires: after(2),
        ..full_clearance("rechenzentrum")
    };
    let base = world.must(&signed(&short, &examiners));
    let top = Clearance {
        relies_on: BTreeSet::from([base]),
        ..full_clearance("kasse-001")
    };
    assert!(
        reopen(&mut world, &top, &examiners, 3)
            .unwrap_err()
            .to_string()
            .contains("abgelaufen")
    );
    let top = Clearance {
        relies_on: BTreeSet::from([StatementId(Digest::of(b"?"))]),
        ..full_clearance("kasse-001")
    };
    assert!(
        reopen(&mut World::new(), &top, &examiners, 1)
            .unwrap_err()
            .to_string()
            .contains("nicht bekannt")
    );
}

fn second_charter(change: impl Fn(&mut order::CharterDraft)) -> vocabulary::Envelope {
    let mut draft = common::charter_draft();
    draft.version = order::Version(2);
    draft.previous = Some(common::FIRST.id().0);
    change(&mut draft);
    signed(&draft, &ROOTS)
}

#[test]
fn one_key_is_never_two_persons_even_if_the_charter_names_a_delegate() {
    let mut world = World::new();
    world.must(&signed(
        &delegation("ir-firma", "gast"),
        &["leitung-1", "forensik-aussen-1"],
    ));
    let employed = second_charter(|draft| {
        let mut hired = person("forensik-3", PROVIDER, &[vocabulary::Role::Examiner]);
        hired.keys = vec![common::public("gast")];
        draft.persons.push(hired);
    });
    world.must(&employed);
    assert!(reopen(&mut world, &full_clearance("kasse-001"), &["gast"], 1).is_err());
}

#[test]
fn whoever_has_left_the_charter_counts_no_more() {
    let examiners = ["forensik-1", "forensik-aussen-1"];
    for leaver in ["forensik-aussen-1", "leitung-2"] {
        let mut world = World::new();
        let cut = world.must(&signed(&closing(Class::Containment), &["leitung-1"]));
        let cleared = world.must(&signed(&full_clearance("kasse-001"), &examiners));
        let order = signed(
            &opening(&[first_restriction(cut)], &[cleared], Becomes::Open),
            &["leitung-2"],
        );
        world.must(&order);
        world.must(&signed(&consent(order.id()), &["kasse-001-ja"]));
        let door = door_facts(first_restriction(cut), Class::Containment);
        let view = world.fresh(after(1)).unwrap();
        world.authority.permit(order.id(), &door, &view).unwrap();
        world.must(&second_charter(|draft| {
            draft.persons.retain(|person| person.id.as_str() != leaver)
        }));
        let view = world.fresh(after(2)).unwrap();
        assert!(
            world.authority.permit(order.id(), &door, &view).is_err(),
            "{leaver} has left"
        );
    }
}
