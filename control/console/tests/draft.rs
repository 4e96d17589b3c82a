//! Drafts: what may be drafted, who must sign, and every state with every event.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod desk;

use std::collections::{BTreeMap, BTreeSet};

use clearance::{Against, Basis, Grade, StandingFor, Withdraws};
use console::draft::{
    Agree, Clear, Decline, Delegate, Desk, Draft, Event, OnCall, Pledge, RaiseClass, Refused, Reopen, State,
    TakeBack, about, next, sentence, stale,
};
use desk::{
    HOUR, T0, World, after, clear_of, cut_of, door_id, hold, person, restriction, services, signature,
    signature_in, text,
};
use order::{Becomes, Lang, Rate, Stance, Uses};
use serde_json::json;
use vocabulary::{Class, Digest, Flow, InsurerId, Scope, Seconds, StatementId};

const DAY: Seconds = Seconds(24 * HOUR);

fn reopen(doors: &[&str], becomes: Becomes, clearances: &[StatementId]) -> Reopen {
    Reopen {
        doors: doors.iter().map(|name| door_id(name)).collect(),
        becomes,
        clearances: clearances.iter().copied().collect(),
        lifts: BTreeMap::new(),
        reason: text("Wiederanlauf"),
        lasts: Seconds(HOUR),
    }
}

fn kasse(number: u32) -> InsurerId {
    format!("kasse-{number:03}").parse().unwrap()
}

fn standing_order(class: Class) -> OnCall {
    OnCall {
        scope_max: services(&["kim"]),
        stance: Stance::Contain,
        class,
        drain: None,
        detectors: BTreeSet::from(["canary".parse().unwrap()]),
        rate: Rate {
            uses: 2.try_into().unwrap(),
            window: DAY,
        },
        reason: text("nachts"),
        lasts: Seconds(90 * 24 * HOUR),
    }
}

fn pledge(services: &[&str]) -> Pledge {
    Pledge {
        insurer: kasse(1),
        services: services.iter().map(|name| name.parse().unwrap()).collect(),
        to: StandingFor::Reopening,
        hours: Some((6, 20)),
        lasts: Seconds(90 * 24 * HOUR),
    }
}

fn delegate() -> Delegate {
    Delegate {
        person: person("helferin", "forensik-zwei", &[]),
        environments: BTreeSet::from(["kasse-001".parse().unwrap()]),
        reason: text("Verstärkung"),
        lasts: Seconds(7 * 24 * HOUR),
    }
}

/// A door held by containment, a clearance for it, and an opening of it in the log.
fn night() -> (World, StatementId, StatementId) {
    let mut world = World::new();
    world.change("kasse-001/kim", |door| {
        hold(door, restriction("one"), Class::Containment)
    });
    let cleared = world
        .at(T0, |desk| desk.clear(clear_of("kasse-001", &[])))
        .unwrap();
    let cleared = world.admit(&cleared, &["forensik-1", "forensik-aussen"], T0);
    let opened = world
        .at(T0, |desk| {
            desk.reopen(reopen(&["kasse-001/kim"], Becomes::Open, &[cleared]))
        })
        .unwrap();
    let opened = world.admit(&opened, &["leitung-1"], T0);
    (world, cleared, opened)
}

type Make = Box<dyn Fn(&Desk<'_>) -> Result<Draft, Refused>>;

/// Every kind of draft, its words, and persons who fill it, the last of whom completes it.
fn every_kind(
    cleared: StatementId,
    opened: StatementId,
) -> Vec<(Make, &'static str, &'static [&'static str])> {
    vec![
        (
            Box::new(|desk| desk.cut(cut_of(Scope::everything(), Class::Precautionary))),
            "SCHLIESSEN in muster: ALLES (die ganze Landschaft) (12 Zellen, 3 Kassen, 600 Versicherte)",
            &["leitung-2"],
        ),
        (
            Box::new(|desk| {
                desk.raise(RaiseClass {
                    scope: Scope::insurer(kasse(1)),
                    to: Class::Containment,
                    only: None,
                    reason: text("Befund"),
                })
            }),
            "ANHEBEN",
            &["kasse-001-nein"],
        ),
        (
            Box::new(|desk| desk.reopen(reopen(&["kasse-001/kim"], Becomes::Open, &[]))),
            "ÖFFNEN: 1 Sperren werden aufgehoben, Regelbetrieb, in muster an 1 Türen (1 Zellen, 1 Kassen, 20 Versicherte): kasse-001/kim (Stand 7)",
            &["leitung-1"],
        ),
        (
            Box::new(|desk| {
                desk.reopen(reopen(
                    &["kasse-001/kim"],
                    Becomes::Limited { until: after(10) },
                    &[],
                ))
            }),
            "TEILBETRIEB",
            &["leitung-1"],
        ),
        (
            Box::new(|desk| {
                desk.reopen(reopen(
                    &["kasse-001/kim"],
                    Becomes::Emergency {
                        environment: "notbetrieb".parse().unwrap(),
                        identity: "age1not".parse().unwrap(),
                        until: after(10),
                    },
                    &[],
                ))
            }),
            "NOTBETRIEB",
            &["leitung-1"],
        ),
        (
            Box::new(|desk| desk.clear(clear_of("kasse-001", &[]))),
            "VOLLE FREIGABE",
            &["forensik-1", "forensik-aussen"],
        ),
        (
            Box::new(|desk| {
                desk.clear(Clear {
                    grade: limited(),
                    ..clear_of("kasse-001", &[])
                })
            }),
            "BEGRENZTE FREIGABE",
            &["forensik-aussen", "forensik-2"],
        ),
        (
            Box::new(|desk| {
                desk.clear(Clear {
                    basis: Basis::NotEndangered {
                        because: text("nie verbunden"),
                    },
                    ..clear_of("kasse-002", &[])
                })
            }),
            "nicht gefährdet, weil „nie verbunden“",
            &["forensik-1", "forensik-aussen"],
        ),
        (
            Box::new(|desk| {
                desk.clear(Clear {
                    basis: Basis::SignalExplained {
                        signal: "signal-1".parse().unwrap(),
                    },
                    ..clear_of("kasse-002", &[])
                })
            }),
            "Signal signal-1 ist erklärt",
            &["forensik-1", "forensik-aussen"],
        ),
        (
            Box::new(move |desk| {
                desk.take_back(TakeBack {
                    withdraws: Withdraws::Clearance(cleared),
                    reason: text("neuer Befund"),
                })
            }),
            "ZURÜCKZIEHEN",
            &["kasse-001-ja"],
        ),
        (
            Box::new(move |desk| {
                desk.agree(Agree {
                    insurer: kasse(1),
                    opening: opened,
                    rewrapped: Vec::new(),
                    lasts: DAY,
                })
            }),
            "ZUSTIMMUNG der Kasse kasse-001",
            &["kasse-001-ja-2"],
        ),
        (
            Box::new(|desk| {
                desk.decline(Decline {
                    insurer: kasse(1),
                    against: Against::Everything,
                    reason: text("noch nicht"),
                })
            }),
            "ABLEHNUNG der Kasse kasse-001",
            &["kasse-001-nein"],
        ),
        (
            Box::new(|desk| desk.pledge(pledge(&["kim"]))),
            "DAUERZUSTIMMUNG",
            &["kasse-001-ja"],
        ),
        (
            Box::new(|desk| desk.on_call(standing_order(Class::Containment))),
            "DAUERBEFEHL",
            &["leitung-1"],
        ),
        (
            Box::new(|desk| desk.delegate(delegate())),
            "BEAUFTRAGUNG",
            &["leitung-1", "forensik-aussen"],
        ),
    ]
}

fn limited() -> Grade {
    Grade::Limited {
        cells: BTreeSet::from(["kasse-001/kim".parse().unwrap()]),
        peers: None,
        directions: BTreeSet::from([Flow::Fetch]),
        until: after(12),
    }
}

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
        let refused = world.at(T0, |desk| make(desk)).expect_err(name).to_string();
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
fn persons_count_and_every_useless_signature_is_refused_in_words() {
    let (world, ..) = night();
    let draft = world
        .at(T0, |desk| desk.clear(clear_of("kasse-001", &[])))
        .unwrap();
    let refused = |draft: &Draft, made| {
        let event = Event::Signed(made);
        world
            .at(T0, |desk| next(draft.clone(), event, &desk.ground))
            .unwrap_err()
    };
    assert!(matches!(
        refused(&draft, signature("fremder", draft.envelope())),
        Refused::Stranger
    ));
    let said = refused(&draft, signature("leitung-1", draft.envelope()));
    assert!(
        said.to_string()
            .contains("leitung-1 darf diesen Entwurf nicht unterschreiben"),
        "{said}"
    );
    let other = world
        .at(T0, |desk| desk.clear(clear_of("kasse-002", &[])))
        .unwrap();
    let said = refused(&draft, signature("forensik-1", other.envelope()));
    assert!(said.to_string().contains("die Unterschrift ist falsch"), "{said}");

    let one = world.sign(&draft, "forensik-1", T0).unwrap();
    assert_eq!(one.state(), &State::Waiting { have: 1, need: 2 });
    for again in ["forensik-1", "forensik-1+2"] {
        let said = refused(&one, signature(again, one.envelope()));
        assert!(
            said.to_string().contains("forensik-1 hat schon unterschrieben"),
            "{said}"
        );
    }
    // Two examiners of the provider: enough persons, nobody from outside.
    let insiders = world.sign(&one, "forensik-2", T0).unwrap();
    let progress = world.at(T0, |desk| insiders.progress(&desk.ground)).unwrap();
    assert_eq!(insiders.state(), &State::Waiting { have: 2, need: 2 });
    assert!(progress.missing.unwrap().contains("von außerhalb des Betreibers"));
    let complete = world.sign(&insiders, "forensik-aussen", T0).unwrap();
    assert_eq!(
        complete.state(),
        &State::Complete {
            statement: draft.id()
        }
    );
    assert!(matches!(
        refused(&complete, signature("forensik-aussen", draft.envelope())),
        Refused::Complete
    ));
}

#[test]
fn a_log_in_is_no_statement() {
    let (world, ..) = night();
    let draft = world
        .at(T0, |desk| {
            desk.cut(cut_of(Scope::everything(), Class::Containment))
        })
        .unwrap();
    let login = signature_in(
        order::LOGIN_NAMESPACE,
        "leitung-1",
        &draft.envelope().signed_bytes(),
    );
    let said = world
        .at(T0, |desk| next(draft.clone(), Event::Signed(login), &desk.ground))
        .unwrap_err()
        .to_string();
    assert!(
        said.contains("im Namensraum „bulkhead-login“ statt „bulkhead“"),
        "{said}"
    );
}

#[test]
fn what_is_stored_is_read_back_and_rubbish_signatures_are_left_out() {
    let (world, ..) = night();
    let draft = world
        .at(T0, |desk| desk.clear(clear_of("kasse-001", &[])))
        .unwrap();
    let one = world.sign(&draft, "forensik-1", T0).unwrap();
    let read = |envelope: &vocabulary::Envelope| {
        world.at(after(1), |desk| {
            Draft::proposed(envelope, one.made_by().cloned(), T0, &desk.ground)
        })
    };
    assert_eq!(read(one.envelope()).unwrap(), one);
    let mut dirty = one.envelope().clone();
    dirty.signatures.push(vocabulary::Signature("rubbish".to_owned()));
    assert_eq!(read(&dirty).unwrap(), one);
    // Other bytes with the same meaning would be refused by every companion.
    let mut spaced = draft.envelope().clone();
    spaced.payload.push(b' ');
    assert!(matches!(read(&spaced), Err(Refused::Body(_))));
}

#[test]
fn every_state_meets_every_event() {
    let (world, ..) = night();
    let waiting = world
        .at(T0, |desk| {
            desk.cut(cut_of(Scope::everything(), Class::Containment))
        })
        .unwrap();
    let id = waiting.id();
    let made = || Event::Signed(signature("leitung-1", waiting.envelope()));
    let dropped = || Event::Dropped("leitung-2".parse().unwrap());
    let go = |draft: &Draft, event, now| world.at(now, |desk| next(draft.clone(), event, &desk.ground));
    let complete = go(&waiting, made(), T0).unwrap();
    let published = go(&complete, Event::Published(id), after(1)).unwrap();
    let withdrawn = go(&waiting, dropped(), after(1)).unwrap();
    let expired = go(&waiting, Event::Looked, after(25)).unwrap();
    assert_eq!(published.state(), &State::Published { at: after(1) });
    assert_eq!(expired.state(), &State::Expired { at: after(24) });
    let name = |result: Result<Draft, Refused>| match result {
        Ok(draft) => match draft.state() {
            State::Waiting { .. } => "waiting",
            State::Complete { .. } => "complete",
            State::Published { .. } => "published",
            State::Withdrawn { .. } => "withdrawn",
            State::Expired { .. } => "expired",
        },
        Err(_) => "refused",
    };
    for (draft, looked, signed, taken, thrown) in [
        (&waiting, "waiting", "complete", "published", "withdrawn"),
        (&complete, "complete", "refused", "published", "withdrawn"),
        (&published, "published", "refused", "published", "refused"),
        (&withdrawn, "withdrawn", "refused", "published", "withdrawn"),
        (&expired, "expired", "refused", "published", "refused"),
    ] {
        let now = after(2);
        assert_eq!(
            name(go(draft, Event::Looked, now)),
            looked,
            "{:?} looked at",
            draft.state()
        );
        assert_eq!(name(go(draft, made(), now)), signed, "{:?} signed", draft.state());
        assert_eq!(
            name(go(draft, Event::Published(id), now)),
            taken,
            "{:?} published",
            draft.state()
        );
        assert_eq!(
            name(go(draft, dropped(), now)),
            thrown,
            "{:?} dropped",
            draft.state()
        );
        let other = StatementId(Digest::of(b"other"));
        assert_eq!(name(go(draft, Event::Published(other), now)), "refused");
    }
    // The clock decides before the signature does; what stands in the log stands there for good.
    assert!(matches!(
        go(&waiting, made(), after(25)),
        Err(Refused::Expired(_))
    ));
    assert_eq!(name(go(&complete, Event::Looked, after(25))), "expired");
    assert_eq!(
        go(&published, Event::Published(id), after(30)).unwrap(),
        published
    );
}

#[test]
fn a_draft_does_not_outlive_what_it_says() {
    let (world, ..) = night();
    let opening = world
        .at(T0, |desk| {
            desk.reopen(reopen(&["kasse-001/kim"], Becomes::Open, &[]))
        })
        .unwrap();
    assert_eq!((opening.expires(), opening.made_at()), (after(1), T0));
    let cut = world
        .at(T0, |desk| {
            desk.cut(cut_of(Scope::everything(), Class::Containment))
        })
        .unwrap();
    assert_eq!(cut.expires(), after(24));
}

#[test]
fn caution_takes_two_commanders_inside_its_window() {
    let mut world = World::new();
    world.change("kasse-001/kim", |door| {
        hold(door, restriction("one"), Class::Precautionary)
    });
    let draft = world
        .at(after(1), |desk| {
            desk.reopen(reopen(&["kasse-001/kim"], Becomes::Open, &[]))
        })
        .unwrap();
    assert_eq!(draft.state(), &State::Waiting { have: 0, need: 2 });
    let one = world.sign(&draft, "leitung-1", after(1)).unwrap();
    assert_eq!(one.state(), &State::Waiting { have: 1, need: 2 });
    let missing = world
        .at(after(1), |desk| one.progress(&desk.ground))
        .unwrap()
        .missing
        .unwrap();
    assert!(
        missing.contains("1 von 2 Einsatzleitungs-Unterschriften"),
        "{missing}"
    );
    let two = world.sign(&one, "leitung-2", after(1)).unwrap();
    assert_eq!(
        two.state(),
        &State::Complete {
            statement: draft.id()
        }
    );
}

#[test]
fn an_opening_for_yesterdays_doors_is_drafted_again() {
    let mut world = World::new();
    for name in ["kasse-001/kim", "kasse-002/kim", "kasse-003/kim"] {
        world.change(name, |door| hold(door, restriction(name), Class::Containment));
    }
    let all = ["kasse-001/kim", "kasse-002/kim", "kasse-003/kim"];
    let draft = world
        .at(T0, |desk| desk.reopen(reopen(&all, Becomes::Open, &[])))
        .unwrap();
    let moved = |world: &World| world.at(T0, |desk| stale(&draft, desk.ground.facts.unwrap()));
    assert_eq!(moved(&world), []);
    for name in ["kasse-001/kim", "kasse-002/kim"] {
        world.change(name, |door| {
            hold(door, restriction(name), Class::Containment);
            door["epoch"] = json!(8);
        });
    }
    let names: Vec<String> = moved(&world)
        .into_iter()
        .map(|one| format!("{} {}→{}", one.door, one.drafted, one.now))
        .collect();
    assert_eq!(names, ["kasse-001/kim 7→8", "kasse-002/kim 7→8"]);
    // One door still fits: it may be signed.
    assert!(world.sign(&draft, "leitung-1", T0).is_ok());
    // The third opened meanwhile: nothing is left that this opening could open.
    world.change("kasse-003/kim", |door| door["epoch"] = json!(9));
    let said = world.sign(&draft, "leitung-1", T0).unwrap_err();
    assert!(matches!(said, Refused::AllStale { doors: 3 }), "{said}");
    let again = world.at(after(1), |desk| desk.redraft(&draft)).unwrap();
    let sentence = sentence(again.envelope(), Lang::De, &world.estate).unwrap();
    assert!(
        sentence.contains("an 2 Türen") && sentence.contains("kasse-002/kim (Stand 8)"),
        "{sentence}"
    );
    assert!(world.sign(&again, "leitung-1", after(1)).is_ok());
}

#[test]
fn roots_can_delegate_where_commander_and_examiner_are_missing() {
    let (world, ..) = night();
    let draft = world.at(T0, |desk| desk.delegate(delegate())).unwrap();
    let mut by_roots = draft.clone();
    for root in ["wurzel-1", "wurzel-2", "wurzel-3"] {
        by_roots = world.sign(&by_roots, root, T0).unwrap();
    }
    assert_eq!(
        by_roots.state(),
        &State::Complete {
            statement: draft.id()
        }
    );
    // Two insiders cannot invent the outsider they need.
    let one = world.sign(&draft, "leitung-1", T0).unwrap();
    let made = signature("forensik-1", draft.envelope());
    let said = world
        .at(T0, |desk| next(one, Event::Signed(made), &desk.ground))
        .unwrap_err();
    assert!(matches!(said, Refused::NotYours(_)), "{said}");
}

#[test]
fn a_delegate_signs_for_the_named_environment_only() {
    let (mut world, ..) = night();
    let joining = world.at(T0, |desk| desk.delegate(delegate())).unwrap();
    world.admit(&joining, &["leitung-1", "forensik-aussen"], T0);
    let here = world
        .at(T0, |desk| desk.clear(clear_of("kasse-001", &[])))
        .unwrap();
    let one = world.sign(&here, "forensik-1", T0).unwrap();
    let both = world.sign(&one, "helferin", T0).unwrap();
    assert_eq!(both.state(), &State::Complete { statement: here.id() });
    let there = world
        .at(T0, |desk| desk.clear(clear_of("kasse-002", &[])))
        .unwrap();
    assert!(matches!(
        world.sign(&there, "helferin", T0),
        Err(Refused::NotYours(_))
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
