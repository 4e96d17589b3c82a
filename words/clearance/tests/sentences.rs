//! What a signer reads: one sentence in two languages for every kind of statement, from the exact bytes.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

mod common;

use std::collections::BTreeSet;

use clearance::{
    Against, Authority, Basis, Delegation, Grade, Refusal, StandingConsent, StandingFor, Withdrawal,
    Withdraws, sentence,
};
use common::{
    FIRST, HOUR, T0, charter_draft, closing, consent, estate, full_clearance, insurer, opening, person,
    section, signed, text,
};
use order::{
    Act, Becomes, Body, CharterSection, Closing, Counts, Holdable, Lang, Rate, SectionChange, Stance,
    StandingOrder, Uses,
};
use vocabulary::{Class, Digest, Envelope, FlowRules, Place, RestrictionId, Scope, Seconds, StatementId};

fn every_kind() -> Vec<(Envelope, &'static str, &'static str)> {
    let id = StatementId(Digest::of(b"x"));
    let restriction = RestrictionId(Digest::of(b"r"));
    let issued = T0;
    let expires = T0.plus(Seconds(HOUR));
    let reason = text("darum");
    let raise = Act::Raise {
        to: Class::Containment,
        only: Some(BTreeSet::from([restriction])),
    };
    let limited = Grade::Limited {
        cells: BTreeSet::from([common::cell("kasse-001/kim")]),
        peers: Some(BTreeSet::from([String::from("mail.praxis.example")
            .try_into()
            .unwrap()])),
        directions: BTreeSet::from([vocabulary::Flow::Fetch]),
        until: expires,
    };
    let emergency = Becomes::Emergency {
        environment: "notbetrieb-kim".parse().unwrap(),
        identity: "age1notbetrieb".parse().unwrap(),
        until: expires,
    };
    let mut grant = opening(&[], &[], emergency);
    grant.doors[0].lifts.clear();
    vec![
        (
            charter_draft().draft().unwrap(),
            "12 Personen",
            "3 (2 of them outside)",
        ),
        (
            CharterSection {
                estate: estate(),
                charter: FIRST.id().0,
                replaces: section("kasse-001").digest(),
                section: section("kasse-001"),
                change: SectionChange::Recovery,
                reason: reason.clone(),
                issued,
            }
            .draft()
            .unwrap(),
            "WIEDERHERSTELLUNG",
            "RECOVERY",
        ),
        (
            closing(Class::Precautionary).draft().unwrap(),
            "ALLES",
            "EVERYTHING",
        ),
        (
            Closing {
                act: raise,
                ..closing(Class::Containment)
            }
            .draft()
            .unwrap(),
            "1 Sperren",
            "RAISE",
        ),
        (
            Closing {
                uses: Uses::Many { until: expires },
                ..closing(Class::Containment)
            }
            .draft()
            .unwrap(),
            "beliebig oft",
            "any number of times",
        ),
        (
            StandingOrder {
                estate: estate(),
                scope_max: Scope::insurer(insurer("kasse-001")),
                stance: Stance::Held,
                class: Class::Containment,
                drain: Some(Seconds(90)),
                detectors: BTreeSet::from(["koeder".parse().unwrap()]),
                rate: Rate {
                    uses: 3.try_into().unwrap(),
                    window: Seconds(HOUR),
                },
                expires,
                reason: reason.clone(),
                issued,
            }
            .draft()
            .unwrap(),
            "höchstens 3-mal in 1 h",
            "at most 3 times in 1 h",
        ),
        (
            opening(&[restriction], &[id], Becomes::Open).draft().unwrap(),
            "kasse-001/kim (Stand 7)",
            "(epoch 7)",
        ),
        (
            opening(&[restriction], &[id], Becomes::Limited { until: expires })
                .draft()
                .unwrap(),
            "TEILBETRIEB bis 2023-04-24T21:00:00Z",
            "PROVISIONAL",
        ),
        (grant.draft().unwrap(), "age1notbetrieb", "stay held"),
        (
            full_clearance("kasse-001").draft().unwrap(),
            "1 von 1 Prüfpunkten",
            "FULL CLEARANCE",
        ),
        (
            clearance::Clearance {
                grade: limited,
                ..full_clearance("kasse-001")
            }
            .draft()
            .unwrap(),
            "nur mail.praxis.example",
            "directions fetch",
        ),
        (
            clearance::Clearance {
                basis: Basis::NotEndangered {
                    because: text("nie verbunden"),
                },
                ..full_clearance("kasse-001")
            }
            .draft()
            .unwrap(),
            "weil „nie verbunden“",
            "not endangered",
        ),
        (
            Withdrawal {
                estate: estate(),
                withdraws: Withdraws::Clearance(id),
                reason: reason.clone(),
                issued,
            }
            .draft()
            .unwrap(),
            "geht auf Gehalten",
            "goes to Held",
        ),
        (
            consent(id).draft().unwrap(),
            "ZUSTIMMUNG der Kasse kasse-001",
            "CONSENT",
        ),
        (
            Refusal {
                estate: estate(),
                insurer: insurer("kasse-001"),
                against: Against::Everything,
                reason: reason.clone(),
                issued,
            }
            .draft()
            .unwrap(),
            "jeder Öffnung",
            "every opening",
        ),
        (
            StandingConsent {
                estate: estate(),
                insurer: insurer("kasse-001"),
                services: BTreeSet::from(["kim".parse().unwrap()]),
                to: StandingFor::Limited { hours_max: 12 },
                hours: Some((6, 20)),
                issued,
                expires,
            }
            .draft()
            .unwrap(),
            "höchstens 12 h",
            "from 6:00 to 20:00 UTC",
        ),
        (
            Delegation {
                estate: estate(),
                person: person("gast", "ir-firma", &[]),
                environments: BTreeSet::from(["kasse-001".parse().unwrap()]),
                reason,
                issued,
                expires,
            }
            .draft()
            .unwrap(),
            "gast (ir-firma",
            "outside examiner",
        ),
    ]
}

#[test]
fn every_statement_is_one_sentence_in_two_languages() {
    let counts = Counts {
        cells: Some(320),
        insurers: Some(80),
        persons: Some(25_000_000),
    };
    for (envelope, de, en) in every_kind() {
        let german = sentence::of(&envelope, Lang::De, &counts).unwrap();
        let english = sentence::of(&envelope, Lang::En, &counts).unwrap();
        assert!(german.contains(de), "{german}");
        assert!(english.contains(en), "{english}");
        for words in [&german, &english] {
            assert!(
                words.contains("muster") && words.ends_with('.') && !words.contains('\n'),
                "{words}"
            );
        }
    }
}

#[test]
fn counts_are_said_as_far_as_they_are_known() {
    let envelope = closing(Class::Containment).draft().unwrap();
    let say = |counts: &Counts, lang| sentence::of(&envelope, lang, counts).unwrap();
    let all = Counts {
        cells: Some(320),
        insurers: Some(80),
        persons: Some(25_000_000),
    };
    assert!(say(&all, Lang::De).contains("(320 Zellen, 80 Kassen, 25.000.000 Versicherte)"));
    assert!(say(&all, Lang::En).contains("(320 cells, 80 insurers, 25,000,000 insured persons)"));
    assert!(!say(&Counts::default(), Lang::De).contains("Kassen"));
}

#[test]
fn what_no_door_could_read_is_not_shown_for_signing() {
    let mut envelope = closing(Class::Containment).draft().unwrap();
    envelope.payload.pop();
    assert!(sentence::of(&envelope, Lang::De, &Counts::default()).is_err());
    let mut bad = charter_draft();
    bad.thresholds.roots.persons = 1;
    assert!(sentence::of(&bad.draft().unwrap(), Lang::De, &Counts::default()).is_err());
}

#[test]
fn held_where_it_can_be_held_and_shut_only_by_name() {
    let place = |insurer: &str, service: &str| Place {
        site: "essen".parse().unwrap(),
        insurer: insurer.parse().unwrap(),
        service: service.parse().unwrap(),
    };
    let mut authority = Authority::install(estate(), FIRST.id().0).unwrap();
    authority.admit(&FIRST, None).unwrap();
    let by_name = Scope::cell(insurer("kasse-001"), "kim".parse().unwrap());
    let rows = [
        (
            Stance::Contain,
            Scope::everything(),
            FlowRules::HELD,
            FlowRules::SHUT,
        ),
        (
            Stance::Held,
            Scope::everything(),
            FlowRules::HELD,
            FlowRules::SHUT,
        ),
        (
            Stance::Shut,
            Scope::everything(),
            FlowRules::HELD,
            FlowRules::SHUT,
        ),
        (Stance::Contain, by_name.clone(), FlowRules::HELD, FlowRules::SHUT),
        (Stance::Shut, by_name.clone(), FlowRules::SHUT, FlowRules::SHUT),
    ];
    for (stance, scope, holdable, not_holdable) in rows {
        let act = Act::Tighten {
            stance,
            class: Class::Containment,
            drain: None,
        };
        let order = signed(
            &Closing {
                act,
                scope: scope.clone(),
                ..closing(Class::Containment)
            },
            &["leitung-1"],
        );
        let Ok(clearance::Admitted::Tighten(tightening)) = authority.admit(&order, None) else {
            panic!("{stance:?}")
        };
        let here = place("kasse-001", "kim");
        assert_eq!(
            tightening.rules_at(&here, Holdable::Yes),
            holdable,
            "{stance:?} {scope:?}"
        );
        assert_eq!(
            tightening.rules_at(&here, Holdable::No),
            not_holdable,
            "{stance:?} {scope:?}"
        );
        let elsewhere = tightening.rules_at(&place("kasse-002", "epa"), Holdable::Yes);
        assert_eq!(elsewhere == FlowRules::OPEN, scope == by_name);
    }
}
