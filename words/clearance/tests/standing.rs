//! Orders signed in peace: inside their scope and rate, and from a drawer when everything is off.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

mod common;

use std::collections::BTreeSet;

use clearance::{Admitted, Withdrawal, Withdraws};
use common::{HOUR, T0, World, after, closing, estate, insurer, refused, signed, text};
use order::{EarlierUses, Rate, StandingOrder, StandingUse, UseNumber, Uses};
use vocabulary::{Class, Scope, Seconds};

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
