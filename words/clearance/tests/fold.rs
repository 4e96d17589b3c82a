//! The fold: charters follow each other, sections belong to their insurers, views are whole or no views.

mod common;

use std::collections::BTreeSet;

use clearance::{
    Admitted, Against, Authority, Clearance, Delegation, Followed, Nonce, NotFresh, Refusal, Refused,
    Withdrawal, Withdraws,
};
use common::{
    FIRST, HOUR, PROVIDER, ROOTS, T0, World, charter_draft, closing, consent, door_facts, estate,
    first_restriction, full_clearance, insurer, opening, person, section, signed, text,
};
use order::{
    Becomes, CharterDraft, CharterSection, EarlierUses, Rate, SectionChange, SectionDraft, StandingOrder,
    StandingUse, UseNumber, Uses, Version,
};
use vocabulary::{Class, Digest, Envelope, Scope, Seconds, StatementId, Timestamp};

fn after(hours: u64) -> Timestamp {
    T0.plus(Seconds(hours * HOUR))
}

fn refused(world: &mut World, envelope: &Envelope) -> String {
    match world.append(envelope) {
        Followed::Refused(refused) => refused.to_string(),
        other => panic!("not refused: {other:?}"),
    }
}

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
    order.expires = after(1000);
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

fn standing_order() -> StandingOrder {
    StandingOrder {
        estate: estate(),
        scope_max: Scope::insurer(insurer("kasse-001")),
        stance: order::Stance::Contain,
        class: Class::Precautionary,
        drain: None,
        detectors: BTreeSet::from(["koeder".parse().unwrap()]),
        rate: Rate {
            uses: 2.try_into().unwrap(),
            window: Seconds(HOUR),
        },
        expires: after(24),
        reason: text("Köderdatei berührt"),
        issued: T0,
    }
}

#[test]
fn a_standing_order_closes_inside_its_scope_and_rate() {
    let mut world = World::new();
    let order = world.must(&signed(&standing_order(), &["leitung-1"]));
    assert!(
        refused(
            &mut world,
            &signed(
                &StandingOrder {
                    issued: after(1),
                    ..standing_order()
                },
                &["forensik-1"]
            )
        )
        .contains("Einsatzleitung")
    );
    let ask = |number| StandingUse {
        order,
        number: UseNumber(number),
        scope: Scope::cell(insurer("kasse-001"), "kim".parse().unwrap()),
        detector: "koeder".parse().unwrap(),
        signal: "signal-9".parse().unwrap(),
        at: T0,
    };
    let used: EarlierUses = [(UseNumber(1), T0), (UseNumber(2), after(0))].into();
    let authority = &world.authority;
    let first = authority
        .use_standing(&ask(1), &EarlierUses::new(), T0, None)
        .unwrap();
    let second = authority
        .use_standing(&ask(2), &EarlierUses::new(), T0, None)
        .unwrap();
    assert_ne!(
        first.restriction(),
        second.restriction(),
        "each use is a restriction of its own"
    );
    assert_eq!(
        authority
            .use_standing(&ask(2), &used, T0, None)
            .unwrap()
            .restriction(),
        second.restriction()
    );
    assert!(
        authority
            .use_standing(&ask(3), &used, T0.plus(Seconds(10)), None)
            .unwrap_err()
            .to_string()
            .contains("2-mal")
    );
    authority.use_standing(&ask(3), &used, after(2), None).unwrap();
    let wide = StandingUse {
        scope: Scope::everything(),
        ..ask(1)
    };
    assert!(
        authority
            .use_standing(&wide, &EarlierUses::new(), T0, None)
            .is_err()
    );
    let other = StandingUse {
        detector: "geruecht".parse().unwrap(),
        ..ask(1)
    };
    assert!(
        authority
            .use_standing(&other, &EarlierUses::new(), T0, None)
            .is_err()
    );
    let time = world.fresh(after(25)).unwrap().time();
    assert!(
        world
            .authority
            .use_standing(&ask(1), &EarlierUses::new(), T0, Some(time))
            .is_err(),
        "expired"
    );
    let away = Withdrawal {
        estate: estate(),
        withdraws: Withdraws::StandingOrder(order),
        reason: text("Fehlalarme"),
        issued: T0,
    };
    assert!(refused(&mut world, &signed(&away, &["leitung-1"])).contains("1 von 2"));
    world.must(&signed(&away, &["leitung-1", "leitung-2"]));
    assert!(
        world
            .authority
            .use_standing(&ask(1), &EarlierUses::new(), T0, None)
            .is_err(),
        "withdrawn"
    );
}

#[test]
fn an_emergency_order_from_a_drawer_needs_nothing_but_the_charter() {
    let paper = order::Closing {
        uses: Uses::Many { until: after(100) },
        signal: None,
        ..closing(Class::Containment)
    };
    let envelope = signed(&paper, &["leitung-1"]);
    let mut world = World::new();
    let Admitted::Tighten(first) = world.authority.admit(&envelope, None).unwrap() else {
        panic!("not a restriction")
    };
    assert!(matches!(
        world.authority.admit(&envelope, None),
        Ok(Admitted::Repeat)
    ));
    let again = world
        .authority
        .tightening(envelope.id(), UseNumber(2), None)
        .unwrap();
    assert_ne!(first.restriction(), again.restriction());
    let time = world.fresh(after(101)).unwrap().time();
    assert!(
        world
            .authority
            .tightening(envelope.id(), UseNumber(3), Some(time))
            .is_err(),
        "expired by witnessed time"
    );
    let once = signed(&closing(Class::Containment), &["leitung-1"]);
    world.must(&once);
    assert!(
        world.authority.tightening(once.id(), UseNumber(2), None).is_err(),
        "an ordinary order is used once"
    );
    world
        .authority
        .tightening(once.id(), UseNumber::FIRST, None)
        .unwrap();
}
