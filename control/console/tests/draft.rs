//! Drafts on their way: persons counted, every state with every event, doors that moved on.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod desk;

use console::draft::{Draft, Event, Refused, State, next, sentence, stale};
use desk::{
    T0, World, after, clear_of, cut_of, hold,
    kinds::{delegate, night, reopen},
    restriction, signature, signature_in,
};
use order::{Becomes, Lang};
use serde_json::json;
use vocabulary::{Class, Digest, Scope, StatementId};

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
