//! Every kind of draft: what may be drafted, what it says, who fills it, and what is refused.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod desk;

use std::collections::BTreeSet;

use clearance::{Against, Withdraws};
use console::draft::{
    Agree, Clear, Decline, Delegate, Desk, Draft, RaiseClass, Refused, Reopen, State, TakeBack, about,
    sentence,
};
use desk::{
    HOUR, T0, clear_of, cut_of, door_id,
    kinds::{DAY, delegate, every_kind, kasse, limited, night, pledge, reopen, standing_order},
    restriction, services, text,
};
use order::{Becomes, Lang, Uses};
use vocabulary::{Class, Digest, InsurerId, Scope, Seconds, StatementId};

#[test]
fn every_kind_is_drafted_signed_by_its_persons_and_taken_by_the_log() {
    let (mut world, cleared, opened) = night();
    for (make, words, signers) in every_kind(cleared, opened) {
        let mut draft = world
            .at(T0, |desk| make(desk))
            .unwrap_or_else(|bad| panic!("{words}: {bad}"));
        let said = sentence(draft.envelope(), Lang::De, &world.estate).unwrap();
        assert!(said.contains(words), "{words} is not in {said}");
        let english = sentence(draft.envelope(), Lang::En, &world.estate).unwrap();
        assert!(!english.is_empty() && english != said);
        let need = u32::try_from(signers.len()).unwrap();
        assert_eq!(draft.state(), &State::Waiting { have: 0, need }, "{words}");
        assert!(
            world.authority.lacks(draft.envelope(), None).is_err(),
            "nobody signed {words}"
        );
        for (at, key) in signers.iter().enumerate() {
            let id = key.parse().unwrap();
            assert!(
                world.at(T0, |desk| draft.waits_for(&id, &desk.ground)),
                "{words} waits for {key}"
            );
            draft = world
                .sign(&draft, key, T0)
                .unwrap_or_else(|bad| panic!("{words}, {key}: {bad}"));
            assert!(
                !world.at(T0, |desk| draft.waits_for(&id, &desk.ground)),
                "{key} has signed {words}"
            );
            let have = u32::try_from(at + 1).unwrap();
            if have < need {
                assert_eq!(draft.state(), &State::Waiting { have, need }, "{words}");
            }
        }
        assert_eq!(
            draft.state(),
            &State::Complete {
                statement: draft.id()
            },
            "{words}"
        );
        world
            .authority
            .admit(draft.envelope(), None)
            .unwrap_or_else(|bad| panic!("{words}: {bad}"));
    }
}

type Bad = (
    &'static str,
    fn(&Desk<'_>) -> Result<Draft, Refused>,
    &'static str,
);

const BAD: &[Bad] = &[
    (
        "scope without a door",
        |desk| desk.cut(cut_of(services(&["payments"]), Class::Containment)),
        "trifft in dieser Landschaft keine Tür",
    ),
    (
        "pre-signed until yesterday",
        |desk| {
            let mut cut = cut_of(Scope::everything(), Class::Containment);
            cut.uses = Uses::Many { until: T0 };
            desk.cut(cut)
        },
        "nicht in der Zukunft",
    ),
    (
        "drain without an end",
        |desk| {
            let mut cut = cut_of(Scope::everything(), Class::Containment);
            cut.drain = Some(Seconds(HOUR + 1));
            desk.cut(cut)
        },
        "höchstens 3600 s",
    ),
    (
        "raised to maintenance",
        |desk| {
            desk.raise(RaiseClass {
                scope: Scope::everything(),
                to: Class::Maintenance,
                only: None,
                reason: text("x"),
            })
        },
        "kann nichts angehoben werden",
    ),
    (
        "opening of an open door",
        |desk| desk.reopen(reopen(&["kasse-002/kim"], Becomes::Open, &[])),
        "nichts aufzuheben",
    ),
    (
        "opening of no door",
        |desk| desk.reopen(reopen(&[], Becomes::Open, &[])),
        "keine Tür genannt",
    ),
    (
        "opening of an unknown door",
        |desk| desk.reopen(reopen(&["kasse-009/kim"], Becomes::Open, &[])),
        "kennt kasse-009/kim nicht",
    ),
    (
        "opening on a clearance nobody gave",
        |desk| {
            desk.reopen(reopen(
                &["kasse-001/kim"],
                Becomes::Open,
                &[StatementId(Digest::of(b"none"))],
            ))
        },
        "Die Freigabe",
    ),
    (
        "limited until yesterday",
        |desk| desk.reopen(reopen(&["kasse-001/kim"], Becomes::Limited { until: T0 }, &[])),
        "nicht in der Zukunft",
    ),
    (
        "opening for a month",
        |desk| {
            desk.reopen(Reopen {
                lasts: Seconds(30 * 24 * HOUR),
                ..reopen(&["kasse-001/kim"], Becomes::Open, &[])
            })
        },
        "Eine Öffnung gilt",
    ),
    (
        "lifting what is not there",
        |desk| {
            desk.reopen(Reopen {
                lifts: [(door_id("kasse-001/kim"), [restriction("other")].into())].into(),
                ..reopen(&["kasse-001/kim"], Becomes::Open, &[])
            })
        },
        "ist eine genannte Sperre nicht aktiv",
    ),
    (
        "limited clearance of a foreign cell",
        |desk| {
            desk.clear(Clear {
                grade: limited(),
                ..clear_of("kasse-002", &[])
            })
        },
        "kennt kasse-001/kim nicht",
    ),
    (
        "nothing was examined",
        |desk| {
            desk.clear(Clear {
                examined: BTreeSet::new(),
                ..clear_of("kasse-001", &[])
            })
        },
        "nennt, was untersucht wurde",
    ),
    (
        "clearance that relies on nothing known",
        |desk| desk.clear(clear_of("kasse-001", &[StatementId(Digest::of(b"none"))])),
        "steht nicht im Weisungsprotokoll",
    ),
    (
        "withdrawal of nothing",
        |desk| {
            desk.take_back(TakeBack {
                withdraws: Withdraws::Consent(StatementId(Digest::of(b"none"))),
                reason: text("x"),
            })
        },
        "Die Zustimmung",
    ),
    (
        "consent to nothing",
        |desk| {
            desk.agree(Agree {
                insurer: kasse(1),
                opening: StatementId(Digest::of(b"none")),
                rewrapped: Vec::new(),
                lasts: DAY,
            })
        },
        "Die Öffnung",
    ),
    (
        "refusal of an insurer without a section",
        |desk| {
            desk.decline(Decline {
                insurer: kasse(9),
                against: Against::Everything,
                reason: text("x"),
            })
        },
        "keine Kasse „kasse-009“",
    ),
    (
        "pledge for an unknown service",
        |desk| desk.pledge(pledge(&["payments"])),
        "kennt payments nicht",
    ),
    (
        "pledge for nothing",
        |desk| desk.pledge(pledge(&[])),
        "nennt Dienste",
    ),
    (
        "standing order for maintenance",
        |desk| desk.on_call(standing_order(Class::Maintenance)),
        "nie maintenance",
    ),
    (
        "delegation without an environment",
        |desk| {
            desk.delegate(Delegate {
                environments: BTreeSet::new(),
                ..delegate()
            })
        },
        "nennt Umgebungen",
    ),
];

#[test]
fn what_no_door_could_read_or_nobody_could_mean_is_not_drafted() {
    let (world, ..) = night();
    for (name, make, words) in BAD {
        let refused = world.at(T0, make).expect_err(name).to_string();
        assert!(refused.contains(words), "{name}: {refused}");
        assert!(refused.contains(" / "), "{name} has no English: {refused}");
    }
    assert!(console::draft::text(" Verdacht ").is_ok());
    for bad in ["", "  ", "a\u{202e}b", &"x".repeat(501)] {
        assert!(matches!(console::draft::text(bad), Err(Refused::Text { .. })));
    }
    // A consent never brings keys of doors the opening does not name.
    let (world, _, opening) = night();
    let foreign = clearance::RewrappedKey {
        door: door_id("kasse-001/eau"),
        segment: Digest::of(b"segment"),
        wrapped: "x".to_owned(),
    };
    let asked = Agree {
        insurer: kasse(1),
        opening,
        rewrapped: vec![foreign],
        lasts: DAY,
    };
    assert!(matches!(
        world.at(T0, |desk| desk.agree(asked)),
        Err(Refused::Unknown(_))
    ));
}

#[test]
fn a_draft_is_about_the_insurers_it_names() {
    let (world, cleared, opened) = night();
    for (make, words, _) in every_kind(cleared, opened) {
        let draft = world.at(T0, |desk| make(desk)).unwrap();
        let found = about(draft.envelope(), &world.estate).unwrap();
        let expected: BTreeSet<InsurerId> = match words {
            _ if words.starts_with("SCHLIESSEN") || words == "DAUERBEFEHL" => {
                [kasse(1), kasse(2), kasse(3)].into()
            }
            "nicht gefährdet, weil „nie verbunden“" | "Signal signal-1 ist erklärt" => {
                [kasse(2)].into()
            }
            "ZURÜCKZIEHEN" => [].into(),
            _ => [kasse(1)].into(),
        };
        assert_eq!(found, expected, "{words}");
    }
}
