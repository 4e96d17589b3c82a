//! The fold: charters follow each other, sections belong to their insurers, views are whole or no views.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

mod common;

use std::collections::BTreeSet;

use clearance::{
    Admitted, Against, Authority, Followed, Nonce, NotFresh, Refusal, Refused, Withdrawal, Withdraws,
};
use common::{
    FIRST, ROOTS, T0, World, after, charter_draft, closing, consent, door_facts, estate, first_restriction,
    full_clearance, insurer, opening, person, refused, section, signed, text,
};
use order::{Becomes, CharterDraft, CharterSection, SectionChange, SectionDraft, Version};
use vocabulary::{Class, Digest, Envelope};

fn second_charter() -> CharterDraft {
    CharterDraft {
        version: Version(2),
        previous: Some(FIRST.id().0),
        issued: after(1),
        ..charter_draft()
    }
}

#[test]
fn only_the_pinned_charter_begins() {
    let mut other = charter_draft();
    other.issued = after(1);
    let mut world = World::installed(FIRST.id().0);
    assert!(refused(&mut world, &signed(&other, &ROOTS)).contains("festgelegt"));
    assert!(
        refused(&mut world, &signed(&closing(Class::Containment), &["leitung-1"])).contains("keine Urkunde")
    );
    let unsigned = Envelope {
        signatures: vec![],
        ..FIRST.clone()
    };
    assert!(refused(&mut world, &unsigned).contains("3 von 3 Wurzel-Unterschriften"));
    world.must(&FIRST);
}

#[test]
fn a_charter_follows_its_roots_and_never_goes_back() {
    let mut world = World::new();
    let second = second_charter();
    for (roots, missing) in [
        (vec!["wurzel-1", "wurzel-4"], "1 von 3"),
        (
            vec!["wurzel-1", "wurzel-2", "wurzel-3"],
            "2 Wurzel-Unterschriften von außerhalb",
        ),
        (
            vec!["wurzel-1", "wurzel-2", "wurzel-4"],
            "1 Wurzel-Unterschrift von außerhalb",
        ),
        (vec!["leitung-1", "leitung-2", "forensik-aussen-1"], "3 von 3"),
    ] {
        let words = refused(&mut world, &signed(&second, &roots));
        assert!(words.contains(missing), "{roots:?}: {words}");
    }
    let skipped = CharterDraft {
        version: Version(3),
        ..second.clone()
    };
    assert!(refused(&mut world, &signed(&skipped, &ROOTS)).contains("folgt nicht"));
    let elsewhere = CharterDraft {
        previous: Some(Digest::of(b"another")),
        ..second.clone()
    };
    assert!(refused(&mut world, &signed(&elsewhere, &ROOTS)).contains("Vorgängerin"));
    let bought = CharterDraft {
        provider: "pruefer-ag".parse().unwrap(),
        ..second.clone()
    };
    assert!(matches!(
        world.append(&signed(&bought, &ROOTS)),
        Followed::Refused(_)
    ));

    world.must(&signed(&second, &ROOTS));
    assert!(
        matches!(world.append(&FIRST), Followed::Admitted(Admitted::Repeat)),
        "yesterday's charter changes nothing"
    );
    let rival = CharterDraft {
        issued: after(2),
        ..second
    };
    assert!(
        refused(&mut world, &signed(&rival, &ROOTS)).contains("folgt nicht"),
        "an older version is refused"
    );
    assert_eq!(world.authority.charter().unwrap().version(), Version(2));
}

#[test]
fn roots_cannot_touch_an_insurers_section() {
    let mut changed = section("kasse-001");
    changed.persons[0].keys = vec![common::public("wurzel-schattenschluessel")];
    let mut replaced = second_charter();
    replaced.sections[0] = changed;
    let mut removed = second_charter();
    removed.sections.remove(0);
    let mut world = World::new();
    for draft in [&replaced, &removed] {
        let words = refused(&mut world, &signed(draft, &ROOTS));
        assert!(
            words.contains("2 von 2 Unterschriften der Kasse kasse-001"),
            "{words}"
        );
        let one = [
            &ROOTS[..],
            &["kasse-001-ja", "kasse-001-ja+2", "kasse-001-vertretung"],
        ]
        .concat();
        assert!(refused(&mut world, &signed(draft, &one)).contains("1 von 2"));
    }
    let with_insurer = [&ROOTS[..], &["kasse-001-ja", "kasse-001-nein"]].concat();
    world.must(&signed(&replaced, &with_insurer));
}

fn change(change: SectionChange, section: SectionDraft) -> CharterSection {
    CharterSection {
        estate: estate(),
        charter: FIRST.id().0,
        replaces: common::section("kasse-001").digest(),
        section,
        change,
        reason: text("neue Personen"),
        issued: T0,
    }
}

fn new_section() -> SectionDraft {
    let mut new = section("kasse-001");
    new.persons[0] = person("kasse-001-neu", "kasse-001", &[]);
    new.consent = BTreeSet::from(["kasse-001-neu".parse().unwrap()]);
    new
}

#[test]
fn an_insurer_changes_its_own_section() {
    let mut world = World::new();
    let by_insurer = change(SectionChange::ByInsurer, new_section());
    assert!(refused(&mut world, &signed(&by_insurer, &ROOTS)).contains("2 von 2 Unterschriften der Kasse"));
    assert!(
        refused(
            &mut world,
            &signed(&by_insurer, &["kasse-002-ja", "kasse-002-nein"])
        )
        .contains("2 von 2")
    );
    let clash = {
        let mut section = new_section();
        section.persons[0].keys = vec![common::public("kasse-002-ja")];
        change(SectionChange::ByInsurer, section)
    };
    assert!(refused(&mut world, &signed(&clash, &["kasse-001-ja", "kasse-001-nein"])).contains("zweimal"));
    world.must(&signed(&by_insurer, &["kasse-001-ja", "kasse-001-nein"]));
    let again = CharterSection {
        issued: after(1),
        ..by_insurer
    };
    assert!(
        refused(&mut world, &signed(&again, &["kasse-001-ja-2", "kasse-001-nein"]))
            .contains("nicht (mehr) gilt")
    );
}

fn consents(world: &World, key: &str) -> bool {
    let keys = BTreeSet::from([common::public(key).id()]);
    let charter = world.authority.charter().unwrap();
    !charter
        .section(&insurer("kasse-001"))
        .unwrap()
        .consenting(&keys)
        .is_empty()
}

#[test]
fn recovery_needs_roots_deputy_and_a_day_in_which_nobody_objects() {
    let recovery = change(SectionChange::Recovery, new_section());
    let with_deputy = [&ROOTS[..], &["kasse-001-vertretung"]].concat();
    let mut world = World::new();
    assert!(refused(&mut world, &signed(&recovery, &ROOTS)).contains("Vertretung"));
    assert!(refused(&mut world, &signed(&recovery, &["kasse-001-vertretung"])).contains("Wurzel"));
    world.must(&signed(&recovery, &with_deputy));
    world.fresh(after(1)).unwrap();
    world.fresh(after(99)).unwrap();
    assert!(
        !consents(&world, "kasse-001-neu"),
        "the log does not say that it was witnessed"
    );
    world.witness(after(1));
    world.witness(after(24));
    assert!(
        !consents(&world, "kasse-001-neu"),
        "23 hours after it was witnessed"
    );
    world.witness(after(25));
    assert!(consents(&world, "kasse-001-neu") && !consents(&world, "kasse-001-ja"));

    let mut objected = World::new();
    let id = objected.must(&signed(&recovery, &with_deputy));
    objected.witness(after(1));
    let no = Refusal {
        estate: estate(),
        insurer: insurer("kasse-001"),
        against: Against::Statement(id),
        reason: text("wir sind noch da"),
        issued: T0,
    };
    objected.must(&signed(&no, &["kasse-001-nein"]));
    objected.witness(after(30));
    assert!(!consents(&objected, "kasse-001-neu") && consents(&objected, "kasse-001-ja"));
}

#[test]
fn witnesses_of_another_log_let_no_recovery_ripen() {
    let recovery = change(SectionChange::Recovery, new_section());
    let with_deputy = [&ROOTS[..], &["kasse-001-vertretung"]].concat();
    let mut world = World::new();
    world.must(&signed(&recovery, &with_deputy));
    world.witness(after(1));
    // The witnesses see an objection that the control room keeps from this replica.
    let mut shown = World::new();
    shown.must(&signed(&closing(Class::Maintenance), &["leitung-1"]));
    let note = shown
        .note(&["zeuge-1", "zeuge-2"], after(30))
        .to_string()
        .into_bytes();
    let entry = world.record(clearance::WITNESSED_KIND, note);
    assert!(matches!(
        world.authority.follow(&entry, None).unwrap(),
        Followed::Refused(_)
    ));
    assert!(!consents(&world, "kasse-001-neu"));
    let alone = world.note(&["zeuge-1"], after(30)).to_string().into_bytes();
    let entry = world.record(clearance::WITNESSED_KIND, alone);
    assert!(matches!(
        world.authority.follow(&entry, None).unwrap(),
        Followed::Refused(_)
    ));
    assert!(!consents(&world, "kasse-001-neu"), "one witness is no quorum");
}

#[test]
fn a_hidden_withdrawal_is_no_fresh_view() {
    let examiners = ["forensik-1", "forensik-aussen-1"];
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
    // The witnesses see a log with the withdrawal; the control room shows the door one without it.
    let away = Withdrawal {
        estate: estate(),
        withdraws: Withdraws::Clearance(cleared),
        reason: text("Fund"),
        issued: T0,
    };
    let body = serde_json::to_vec(&signed(&away, &["forensik-2"])).unwrap();
    let hidden = world.record(clearance::STATEMENT_KIND, body);
    let nonce = Nonce::from_random([9; 32]);
    let asked = serde_json::to_vec(&clearance::NonceEntry { nonce }).unwrap();
    let asked = world.record(clearance::NONCE_KIND, asked);
    assert!(
        matches!(world.authority.follow(&asked, None), Err(Refused::Gap { .. })),
        "an entry cannot be left out"
    );
    let note = world.note(&["zeuge-1", "zeuge-2"], after(2));
    assert!(matches!(
        world.authority.fresh(&note, nonce),
        Err(NotFresh::OtherLog { .. })
    ));
    // With the whole log the view is fresh, the old one is outgrown, and the clearance is gone.
    world.authority.follow(&hidden, None).unwrap();
    world.authority.follow(&asked, None).unwrap();
    let whole = world.authority.fresh(&note, nonce).unwrap();
    assert!(matches!(
        world.authority.permit(order.id(), &door, &view),
        Err(Refused::View(NotFresh::Outgrown { .. }))
    ));
    assert!(
        world
            .authority
            .permit(order.id(), &door, &whole)
            .unwrap_err()
            .to_string()
            .contains("zurückgezogen")
    );
}

#[test]
fn yesterdays_view_and_too_few_witnesses_are_not_fresh() {
    let mut world = World::new();
    let old = world.ask();
    let yesterday = world.note(&["zeuge-1", "zeuge-2"], after(1));
    world.authority.fresh(&yesterday, old).unwrap();
    let unheard = Nonce::from_random([7; 32]);
    assert!(matches!(
        world.authority.fresh(&yesterday, unheard),
        Err(NotFresh::NoNonce)
    ));
    for witnesses in [vec!["zeuge-1"], vec!["zeuge-1", "fremder-zeuge"]] {
        let note = world.note(&witnesses, after(1));
        assert!(
            matches!(world.authority.fresh(&note, old), Err(NotFresh::NotCosigned(_))),
            "{witnesses:?}"
        );
    }
    assert!(matches!(
        Authority::install(estate(), FIRST.id().0)
            .unwrap()
            .fresh(&yesterday, old),
        Err(NotFresh::NoCharter)
    ));
}

#[test]
fn a_changed_or_reordered_entry_is_a_gap() {
    let mut world = World::new();
    world.must(&signed(&closing(Class::Containment), &["leitung-1"]));
    world.must(&signed(
        &full_clearance("kasse-001"),
        &["forensik-1", "forensik-aussen-1"],
    ));
    let mut replica = Authority::install(estate(), FIRST.id().0).unwrap();
    assert!(matches!(
        replica.follow(&world.entries[1], None),
        Err(Refused::Gap { .. })
    ));
    for entry in &world.entries {
        replica.follow(entry, None).unwrap();
    }
    assert_eq!(replica, world.authority, "a replay is the same state");
    assert!(matches!(
        replica.follow(&world.entries[2], None),
        Err(Refused::Gap { .. })
    ));
    assert!(matches!(replica.follow(b"rubbish", None), Err(Refused::Entry(_))));
}
