//! What may leave an emergency environment, and that the environment stands on the insurer's consent.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

mod common;

use std::{collections::BTreeSet, num::NonZeroU32};

use clearance::{Admitted, Against, Followed, Leaving, Refusal, Refused, Withdrawal, Withdraws};
use common::*;
use order::{Answer, AnswerCode, AnswerRelease, Becomes, ReleasedMail, Releases};
use vocabulary::{Digest, Envelope, Seconds, StatementId, Timestamp};

fn error(code: u16) -> Answer {
    Answer::Error(AnswerCode::try_from(code).unwrap())
}

fn release(releases: Releases) -> AnswerRelease {
    AnswerRelease {
        estate: estate(),
        insurer: insurer("kasse-001"),
        environment: "notbetrieb-kim".parse().unwrap(),
        releases,
        reason: text("geprüft"),
        issued: T0,
        expires: T0.plus(Seconds(2 * HOUR)),
    }
}

fn one_mail() -> Releases {
    Releases::Mails(vec![ReleasedMail {
        cell: cell("kasse-001/kim"),
        mail: Digest::of(b"answer"),
        answer: error(105),
    }])
}

fn policy() -> Releases {
    Releases::Policy {
        cells: BTreeSet::from([cell("kasse-001/kim")]),
        answers: BTreeSet::from([error(105), Answer::Certificate]),
        per_day_max: NonZeroU32::new(7).unwrap(),
    }
}

fn leaving() -> Leaving {
    Leaving {
        environment: "notbetrieb-kim".parse().unwrap(),
        cell: cell("kasse-001/kim"),
        mail: Digest::of(b"answer"),
        answer: error(105),
    }
}

fn ask(world: &World, release: &Envelope, leaving: Leaving, now: Timestamp) -> Result<Option<u32>, Refused> {
    let right = world.authority.answer_right(release, leaving.clone(), now)?;
    assert_eq!((right.statement(), right.leaving()), (release.id(), &leaving));
    Ok(right.per_day_max().map(NonZeroU32::get))
}

#[test]
fn one_person_of_the_insurer_lets_exactly_this_leave() {
    let world = World::new();
    let now = T0.plus(Seconds(HOUR));
    let of_mail = signed(&release(one_mail()), &["kasse-001-ja"]);
    let of_kind = signed(&release(policy()), &["kasse-001-ja-2"]);
    assert_eq!(ask(&world, &of_mail, leaving(), now).unwrap(), None);
    assert_eq!(ask(&world, &of_kind, leaving(), now).unwrap(), Some(7));
    let other = Leaving {
        mail: Digest::of(b"another"),
        ..leaving()
    };
    assert!(ask(&world, &of_mail, other.clone(), now).is_err());
    assert_eq!(
        ask(&world, &of_kind, other, now).unwrap(),
        Some(7),
        "a policy is about a kind"
    );
    for wrong in [
        Leaving {
            environment: "notbetrieb-epa".parse().unwrap(),
            ..leaving()
        },
        Leaving {
            cell: cell("kasse-001/eau"),
            ..leaving()
        },
        Leaving {
            answer: error(106),
            ..leaving()
        },
    ] {
        for release in [&of_mail, &of_kind] {
            let refused = ask(&world, release, wrong.clone(), now).unwrap_err();
            assert!(matches!(refused, Refused::NotReleased { .. }), "{refused}");
        }
    }
    for by in [
        "kasse-001-nein",
        "kasse-002-ja",
        "leitung-1",
        "forensik-1",
        "wurzel-1",
    ] {
        let wrong = signed(&release(one_mail()), &[by]);
        assert!(
            ask(&world, &wrong, leaving(), now).is_err(),
            "{by} says nothing here"
        );
    }
    let mut changed = of_mail.clone();
    let at = changed
        .payload
        .windows(3)
        .position(|bytes| bytes == b"105")
        .unwrap();
    changed.payload[at + 2] = b'6';
    assert!(ask(&world, &changed, leaving(), now).is_err());
}

#[test]
fn a_release_ends_by_time_and_by_a_no_and_lies_in_no_log() {
    let mut world = World::new();
    let now = T0.plus(Seconds(HOUR));
    let of_kind = signed(&release(policy()), &["kasse-001-ja"]);
    for (at, fits) in [
        (T0.plus(Seconds(2 * HOUR)), true),
        (T0.plus(Seconds(2 * HOUR + 1)), false),
        (Timestamp(T0.0 - 2 * 3600), false),
    ] {
        assert_eq!(ask(&world, &of_kind, leaving(), at).is_ok(), fits, "{at}");
    }
    assert!(matches!(
        world.append(&of_kind),
        Followed::Refused(Refused::OtherKind)
    ));
    let no = signed(
        &Refusal {
            estate: estate(),
            insurer: insurer("kasse-001"),
            against: Against::Statement(of_kind.id()),
            reason: text("zu viele"),
            issued: T0,
        },
        &["kasse-001-nein"],
    );
    world.must(&no);
    let refused = ask(&world, &of_kind, leaving(), now).unwrap_err();
    assert!(matches!(refused, Refused::InsurerRefused { .. }), "{refused}");
    let another = signed(&release(one_mail()), &["kasse-001-ja"]);
    assert!(ask(&world, &another, leaving(), now).is_ok());
}

#[test]
fn an_emergency_grant_stands_on_the_consent_and_an_opening_does_not() {
    let mut emergency = plan::Plan::new();
    emergency.clearance = full_clearance("notbetrieb-kim");
    emergency.opening.doors[0].lifts.clear();
    emergency.opening.becomes = Becomes::Emergency {
        environment: "notbetrieb-kim".parse().unwrap(),
        identity: "age1notbetrieb".parse().unwrap(),
        until: T0.plus(Seconds(12 * HOUR)),
    };
    if let Some(consent) = &mut emergency.consent {
        consent.identity = Some("age1notbetrieb".parse().unwrap());
    }
    let emergency = emergency.run().unwrap();
    assert_eq!(
        emergency.stands_on().consents,
        BTreeSet::from([emergency.consent().unwrap()])
    );
    let open = plan::Plan::new().run().unwrap();
    assert!(open.consent().is_some() && open.stands_on().consents.is_empty());
}

#[test]
fn only_the_insurer_that_gave_a_consent_takes_it_back() {
    let mut world = World::new();
    let given = signed(
        &consent(StatementId(Digest::of(b"an opening"))),
        &["kasse-001-ja"],
    );
    world.must(&given);
    let mut back = |by: &str| {
        let withdrawal = Withdrawal {
            estate: estate(),
            withdraws: Withdraws::Consent(given.id()),
            reason: text("zurückgenommen"),
            issued: T0,
        };
        let followed = world.append(&signed(&withdrawal, &[by]));
        let Followed::Admitted(Admitted::Withdraw(withdrawn)) = followed else {
            panic!("{followed:?}");
        };
        withdrawn.closure().consents.clone()
    };
    assert!(
        back("kasse-002-ja").is_empty(),
        "another insurer's word falls nothing here"
    );
    assert_eq!(back("kasse-001-nein"), BTreeSet::from([given.id()]));
}
