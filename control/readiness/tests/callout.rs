//! Call-out: two ways, answers, deputies, and nobody forgotten.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{
    T0, book,
    room::{Room, alarm, key, message, person, sends, why_nothing},
};
use order::Lang;
use readiness::{
    callout::{
        AGAIN_SECS, Alarm, Cause, CodeKey, Counts, DOUBT_SECS_MAX, Dispatch, Earnest, Effect, Entry, Event,
        Filling, Heard, Message, Remark, SEPTETS_MAX, Said, Sender, State, TRIES_MAX, WRONG_CODES_MAX, What,
        Whose, codes, decide, dispatch, read_answer, replay, resume, septets, sms, whose,
    },
    contacts::Kind,
};

#[test]
fn an_alarm_goes_out_on_two_independent_ways() {
    let (room, effects) = Room::raise(&["commander", "examiner"]);
    assert_eq!(
        sends(&effects),
        [
            "anna Sms",
            "anna Mail",
            "bert Sms",
            "bert Voice",
            "clara Mail",
            "clara Sms"
        ]
    );
    let wake = Effect::WakeAt(T0.plus(DOUBT_SECS_MAX));
    assert_eq!(effects.last(), Some(&wake));
    let book = book();
    let out: Vec<Dispatch> = effects
        .iter()
        .filter_map(|one| dispatch(&room.state, &book, &key(), one))
        .collect();
    assert_eq!(out.len(), 6);
    assert_eq!(out[0].way.to_string(), "sms:+491711111111");
    let code = codes(&key(), room.state.calling().unwrap())[&person("anna")];
    let Message::Sms(text) = &out[0].message else {
        panic!("{:?}", out[0])
    };
    assert_eq!(
        *text,
        format!(
            "ÜBUNG Rechenzentrum Essen: Verdacht auf Angriff. Bitte in den Krisenraum. Antwort: {code} JA oder {code} NEIN"
        )
    );
    assert!(out.iter().any(|one| matches!(&one.message, Message::Mail(letter) if letter.body.contains("EXERCISE") && letter.subject.starts_with("ÜBUNG"))));
    assert!(out.iter().any(
        |one| matches!(&one.message, Message::Voice(text) if text.matches("Ihr Code ist").count() == 2)
    ));
}

#[test]
fn an_answer_fills_the_seat_and_stops_the_messages() {
    let (mut room, _) = Room::raise(&["commander"]);
    let effects = room.answer("anna", Said::Coming);
    assert!(sends(&effects).is_empty());
    assert_eq!(
        *room.filling(0),
        Filling::Filled {
            by: person("anna"),
            at: T0
        }
    );
    let effects = room.later(3600);
    assert!(
        sends(&effects).iter().all(|one| !one.starts_with("anna")),
        "{effects:?}"
    );
    assert!(
        room.state
            .calling()
            .unwrap()
            .unanswered()
            .iter()
            .all(|one| one.person.as_str() == "bert")
    );
}

#[test]
fn silence_calls_the_deputies_one_after_another_and_then_lists_the_seat() {
    let (mut room, _) = Room::raise(&["insurer:kasse-001"]);
    for way in [0, 1] {
        room.say(Event::Accepted {
            message: message("k1-ja", way),
            reference: None,
        });
    }
    assert!(sends(&room.later(599)).is_empty());
    let effects = room.later(1);
    assert!(effects.contains(&Effect::Escalated {
        from: person("k1-ja"),
        to: person("k1-ja2")
    }));
    assert_eq!(sends(&effects), ["k1-ja2 Voice"]);
    let effects = room.later(600);
    // The second deputy has no way a machine could use: people are asked at once.
    assert!(
        effects.contains(&Effect::CallByHand {
            person: person("k1-nein")
        }),
        "{effects:?}"
    );
    assert_eq!(
        room.counts(),
        Counts {
            waiting: 1,
            ..Counts::default()
        }
    );
    let effects = room.later(600);
    assert!(
        effects.contains(&Effect::NotReached {
            person: person("k1-ja")
        }),
        "{effects:?}"
    );
    assert_eq!(
        room.counts(),
        Counts {
            not_reached: 1,
            ..Counts::default()
        }
    );
    let text = room.state.calling().unwrap().in_words(Lang::De);
    for line in [
        "0 besetzt, 0 warten, 1 nicht erreicht.",
        "Ohne Antwort:",
        "k1-ja seit 24.04.2023 20:00 UTC: SMS angenommen, Mail angenommen",
        "kein Weg für Maschinen",
    ] {
        assert!(text.contains(line), "{line:?} in\n{text}");
    }
    // A late answer still counts.
    room.answer("k1-nein", Said::Coming);
    assert_eq!(
        room.counts(),
        Counts {
            filled: 1,
            ..Counts::default()
        }
    );
}

#[test]
fn who_cannot_come_is_replaced_at_once_even_after_saying_yes() {
    let (mut room, _) = Room::raise(&["insurer:kasse-001"]);
    room.answer("k1-ja", Said::Coming);
    assert_eq!(room.counts().filled, 1);
    let effects = room.answer("k1-ja", Said::Cannot);
    assert!(
        effects.contains(&Effect::Escalated {
            from: person("k1-ja"),
            to: person("k1-ja2")
        }),
        "{effects:?}"
    );
    assert_eq!(sends(&effects), ["k1-ja2 Voice"]);
    let effects = room.say(Event::Answered {
        person: person("k1-ja2"),
        said: Said::Coming,
        heard: Heard::Spoken { by: person("anna") },
    });
    assert!(sends(&effects).is_empty());
    assert_eq!(
        *room.filling(0),
        Filling::Filled {
            by: person("k1-ja2"),
            at: T0
        }
    );
}

#[test]
fn a_dead_gateway_is_tried_a_bounded_number_of_times_and_then_the_next_way() {
    let (mut room, mut effects) = Room::raise(&["commander"]);
    let mut tried = BTreeMap::new();
    for _ in 0..20 {
        while let Some(effect) = effects.pop() {
            let Effect::Send { id, way } = effect else {
                continue;
            };
            *tried
                .entry(format!("{} {:?}", id.person, way.kind))
                .or_insert(0_u8) += 1;
            effects.extend(room.say(match way.kind {
                Kind::Mail => Event::Accepted {
                    message: id,
                    reference: None,
                },
                Kind::Sms | Kind::Voice | Kind::Paper => Event::Failed {
                    message: id,
                    cause: Cause::Unreached,
                },
            }));
        }
        effects = room.later(AGAIN_SECS.0);
    }
    assert_eq!(tried["anna Sms"], TRIES_MAX);
    assert_eq!(
        tried["anna Voice"], TRIES_MAX,
        "the next way was opened when one was given up"
    );
    assert_eq!(tried["anna Mail"], 1);
}

#[test]
fn a_refusal_that_cannot_pass_opens_the_next_way_at_once() {
    let (mut room, _) = Room::raise(&["commander"]);
    let effects = room.say(Event::Failed {
        message: message("anna", 0),
        cause: Cause::NotAdmitted,
    });
    assert_eq!(sends(&effects), ["anna Voice"]);
    let effects = room.say(Event::Failed {
        message: message("anna", 1),
        cause: Cause::Refused,
    });
    assert!(sends(&effects).is_empty());
    let effects = room.say(Event::Failed {
        message: message("anna", 2),
        cause: Cause::NoAddress,
    });
    assert!(
        effects.contains(&Effect::CallByHand {
            person: person("anna")
        }),
        "{effects:?}"
    );
    let effects = room.later(60);
    assert!(
        !effects.contains(&Effect::CallByHand {
            person: person("anna")
        }),
        "asked once"
    );
}

#[test]
fn delivered_stays_delivered_and_strange_events_change_nothing() {
    let (mut room, _) = Room::raise(&["commander"]);
    room.say(Event::Delivered {
        message: message("anna", 0),
    });
    let before = room.state.clone();
    for (event, remark) in [
        (
            Event::Failed {
                message: message("anna", 0),
                cause: Cause::Refused,
            },
            None,
        ),
        (
            Event::Accepted {
                message: message("anna", 9),
                reference: None,
            },
            Some(Remark::NoSuchMessage),
        ),
        (
            Event::Accepted {
                message: message("fremd", 0),
                reference: None,
            },
            Some(Remark::NoSuchMessage),
        ),
        (
            Event::Answered {
                person: person("fremd"),
                said: Said::Coming,
                heard: Heard::Sms,
            },
            Some(Remark::NoSuchPerson),
        ),
        (
            Event::Raised {
                alarm: alarm(What::ContactTest),
                seats: Vec::new(),
                book: book().digest(),
            },
            Some(Remark::AlreadyRaised),
        ),
    ] {
        let effects = room.say(event);
        assert_eq!(room.state, before);
        assert_eq!(effects.iter().find_map(why_nothing), remark);
    }
    room.say(Event::Ended { by: person("anna") });
    assert_eq!(room.later(9999), [Effect::Remark(Remark::Over)]);
    let (_, effects) = decide(State::Quiet, &Event::Ticked, T0);
    assert_eq!(effects, [Effect::Remark(Remark::NoAlarm)]);
    let nobody = Event::Raised {
        alarm: alarm(What::ContactTest),
        seats: Vec::new(),
        book: book().digest(),
    };
    assert_eq!(
        decide(State::Quiet, &nobody, T0),
        (State::Quiet, vec![Effect::Remark(Remark::NoSeats)])
    );
}

#[test]
fn after_a_crash_only_what_was_in_doubt_is_sent_again_under_its_old_name() {
    let (mut room, first) = Room::raise(&["commander"]);
    room.say(Event::Accepted {
        message: message("anna", 0),
        reference: Some("77".to_owned().try_into().unwrap()),
    });
    room.answer("bert", Said::Coming);
    let state = replay(&room.journal);
    assert_eq!(state, room.state);
    assert_eq!(sends(&resume(&state)), ["anna Mail"]);
    let again: Vec<Effect> = resume(&state);
    assert!(first.contains(&again[0]), "the same effect, so the same name");
    let found = state
        .calling()
        .unwrap()
        .by_reference(&"77".to_owned().try_into().unwrap());
    assert_eq!(
        found.map(|(who, way)| (who.as_str(), way.kind)),
        Some(("anna", Kind::Sms))
    );
}

#[test]
fn the_journal_holds_no_address_no_code_and_reads_back() {
    let (mut room, _) = Room::raise(&["commander", "examiner", "insurer:kasse-001"]);
    room.say(Event::WrongCode);
    room.answer("anna", Said::Cannot);
    let text = serde_json::to_string(&room.journal).unwrap();
    for secret in [
        "171",
        "notfall.example",
        "forensik.example",
        "Beispielweg",
        "Größer",
    ] {
        assert!(!text.contains(secret), "{secret} is in the journal");
    }
    for code in codes(&key(), room.state.calling().unwrap()).values() {
        assert!(!text.contains(&code.to_string()));
    }
    assert_eq!(serde_json::from_str::<Vec<Entry>>(&text).unwrap(), room.journal);
    assert!(serde_json::from_str::<Event>(r#"{"accepted":{"message":"a/b/0","note":"x"}}"#).is_err());
    assert!(serde_json::from_str::<Event>(r#"{"accepted":{"message":"a/b"}}"#).is_err());
}

#[test]
fn codes_are_everybodys_own_and_guessing_is_locked() {
    let (mut room, _) = Room::raise(&["commander", "examiner", "insurer:kasse-001", "insurer:kasse-002"]);
    let calling = room.state.calling().unwrap();
    let all = codes(&key(), calling);
    assert_eq!(all.len(), 7);
    assert_eq!(all.values().collect::<BTreeSet<_>>().len(), 7);
    assert_eq!(all, codes(&key(), calling), "the same after a restart");
    assert_ne!(all, codes(&CodeKey::new([8; 32]), calling));
    let typed = read_answer(&format!("Ja, {} komme", all[&person("clara")])).unwrap();
    assert_eq!(typed.said, Said::Coming);
    assert_eq!(whose(&key(), calling, typed.code), Whose::Person(person("clara")));
    let wrong = (0..)
        .map(|n| format!("{n:06}"))
        .find(|n| !all.values().any(|code| code.to_string() == *n))
        .unwrap();
    assert_eq!(
        whose(&key(), calling, read_answer(&wrong).unwrap().code),
        Whose::Nobody
    );
    for _ in 0..WRONG_CODES_MAX {
        room.say(Event::WrongCode);
    }
    assert_eq!(
        whose(&key(), room.state.calling().unwrap(), typed.code),
        Whose::Locked
    );
}

#[test]
fn answers_are_read_as_people_type_them() {
    for (text, expected) in [
        ("123456", Some(("123456", Said::Coming))),
        ("123456 JA", Some(("123456", Said::Coming))),
        ("ja!123456", Some(("123456", Said::Coming))),
        ("Nein 012345", Some(("012345", Said::Cannot))),
        ("012345 no sorry", Some(("012345", Said::Cannot))),
        ("kann nicht: 000001", Some(("000001", Said::Cannot))),
        ("12345", None),
        ("1234567", None),
        ("123456 654321", None),
        ("", None),
        ("ja", None),
    ] {
        let typed = read_answer(text).map(|typed| (typed.code.to_string(), typed.said));
        assert_eq!(
            typed,
            expected.map(|(code, said)| (code.to_owned(), said)),
            "{text:?}"
        );
    }
}

#[test]
fn every_short_message_there_can_be_fits_into_one() {
    let long = Sender::of("Österreichisch-Ungarische Rechenzentrale {Süd} und Nord");
    assert_eq!(septets(long.as_str()), Some(Sender::SEPTETS_MAX));
    let (room, _) = Room::raise(&["commander"]);
    let code = *codes(&key(), room.state.calling().unwrap())
        .values()
        .next()
        .unwrap();
    for what in [
        What::CutOrdered,
        What::AttackSuspected,
        What::ConsentNeeded,
        What::ExaminersNeeded,
        What::ReopeningPlanned,
        What::ContactTest,
    ] {
        for earnest in [Earnest::Alarm, Earnest::Exercise] {
            let alarm = Alarm {
                earnest,
                sender: long.clone(),
                ..alarm(what)
            };
            let text = sms(&alarm, code);
            let length = septets(&text).unwrap_or_else(|| panic!("{text} leaves the alphabet"));
            assert!(length <= SEPTETS_MAX, "{length}: {text}");
            assert!(text.starts_with(earnest.in_words(Lang::De)) && text.contains(&code.to_string()));
        }
    }
    assert!(Sender::try_from("x".repeat(31)).is_err() && Sender::try_from("→".to_owned()).is_err());
}
